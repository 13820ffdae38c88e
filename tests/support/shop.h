/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of state, search, ingest and shop share: a fresh folder with pictures and a catalogue, vectors of our
 * own choosing. */
#ifndef NT_TEST_SHOP_H
#define NT_TEST_SHOP_H

#include "connect/connect.h"
#include "draw/draw.h"
#include "ingest/ingest.h"
#include "search/search.h"

/* One test's folder, with a catalogue "shop.niteru" in it. */
typedef struct Shop {
    char *folder;
    NiteruCatalogue *catalogue;
    GPtrArray *failures; /* texts "place|product|message|option=value" of the last index_shop, import_vectors */
    NiteruIndexReport report;
    GCancellable *stop; /* given to index_shop; NULL: none */
} Shop;

void shop_open(Shop *shop);  /* makes the folder, opens the catalogue */
void shop_again(Shop *shop); /* closes the catalogue and opens it again */
void shop_drop(Shop *shop);  /* closes it and removes the folder */

/* A path below the folder; free it. */
char *below(const Shop *shop, const char *name);

/* Draws picture number `kind` (any; equal numbers give equal files) as a PNG at `name`, making folders on the way. */
void draw_picture(const Shop *shop, const char *name, unsigned kind);
/* The same picture's bytes. New. */
GBytes *draw_bytes(const Shop *shop, unsigned kind);
/* Writes a text file below the folder; returns its path. */
char *write_text(const Shop *shop, const char *name, const char *text);
/* Removes a file below the folder. */
void drop_file(const Shop *shop, const char *name);

/* niteru_index on `source` below the folder, collecting report and failures; `options` may be NULL. */
bool index_shop(Shop *shop, const char *source, const NiteruIndexOptions *options, GError **error);
/* Whether any failure holds both texts. */
bool has_failure(const Shop *shop, const char *text, const char *other);

/* Imports rows (count, dim) for `ids` as the model `name`; asserts that all were taken. */
void import_vectors(Shop *shop, const char *name, const char *const *ids, const float *rows, size_t count, size_t dim);
/* Writes them as name.npy and name.txt below the folder. */
void write_vectors(const Shop *shop, const char *name, const char *const *ids, const float *rows, size_t count,
                   size_t dim);

/* The ids of an answer, best first, as "a b c"; frees the answer. An error gives "! message". */
char *ids_of(NiteruResults *results, GError *error);

/* Asserts that the error is set and has the fact (niteru_error_fact). */
void expect_fact(const GError *error, const char *name, const char *value);

/* Asserts that *error is set, has the code and holds the text, and clears it. */
void expect_error(GError **error, NiteruError code, const char *text);

#endif
