/* SPDX-License-Identifier: Apache-2.0 */
/* Models, and which row of a model's vectors file belongs to which content. Included by catalogue/catalogue.h. */
#ifndef NT_CATALOGUE_MODEL_H
#define NT_CATALOGUE_MODEL_H

#include "catalogue/photo.h"
#include "catalogue/where.h"

/* ---- models ----------------------------------------------------------------------------------------------------- */

typedef struct NtModelRow {
    int64_t model;       /* row number; 0 when adding */
    char *name;          /* unique; letters, digits, "-", "_", "."; at most 64 bytes, not starting with "." */
    uint8_t hash[32];    /* SHA-256 of the network file; zeros: none (imported vectors) */
    uint32_t dimension;  /* components of a vector */
    char *dtype;         /* "f2" or "f4" */
    char *metric;        /* "cosine", "euclidean", "inner" */
    uint32_t generation; /* of the vectors file, from 1 */
    uint64_t rows;       /* rows of the vectors file that the database names; those behind it are not there */
    char *card;          /* JSON text, NULL: none */
    bool is_default;
    uint8_t digest[16]; /* XXH3-128 of the network's content, its weight files too; see has_digest */
    bool has_digest;    /* false: no network, or its digest is not known (an old catalogue) */
    bool mixed;         /* the user wants vectors made elsewhere beside those of the model's network */
    uint64_t dead;      /* of the rows, those that no photo shows; 0 where an old layout is read as it is */
} NtModelRow;

void nt_model_row_clear(NtModelRow *row);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtModelRow, nt_model_row_clear)

/* Adds a model (rows 0; generation 1 when 0 is given); the first one is the default. Errors: INVALID (a name that is
 * taken or not allowed, a dtype or metric there is not). */
bool nt_catalogue_add_model(NtCatalogue *catalogue, const NtModelRow *row, int64_t *out_model, GError **error);

/* The model of a name (NULL: the default one); fills *out, to be cleared. Errors: NOT_FOUND, listing the models. */
bool nt_catalogue_find_model(NtCatalogue *catalogue, const char *name, NtModelRow *out, GError **error);

/* All models, by name. */
bool nt_catalogue_each_model(NtCatalogue *catalogue, bool (*each)(const NtModelRow *row, void *data), void *data,
                             GError **error);

/* The one that was the default before is remembered. */
bool nt_catalogue_set_default_model(NtCatalogue *catalogue, int64_t model, GError **error);
/* That one; 0: there is none, or it is gone. */
bool nt_catalogue_previous_model(NtCatalogue *catalogue, int64_t *out_model, GError **error);
bool nt_catalogue_set_model_card(NtCatalogue *catalogue, int64_t model, const char *card, GError **error);

/* What the model's network is, by content; from now on its vectors are told from those of others. */
bool nt_catalogue_set_model_digest(NtCatalogue *catalogue, int64_t model, const uint8_t digest[16], GError **error);

/* Remembers whether vectors made elsewhere may stand in the model. */
bool nt_catalogue_set_model_mixed(NtCatalogue *catalogue, int64_t model, bool mixed, GError **error);

/* Forgets the vectors of a model but not the model: its rows are 0 again, and its vectors file is now that of
 * `generation`, which must be there and empty. */
bool nt_catalogue_renew_model(NtCatalogue *catalogue, int64_t model, uint32_t generation, GError **error);

/* Forgets a model's dead rows and renumbers those alive, 0, 1, 2, ..., in their old order; its vectors file is from now
 * on that of `generation`, which `each`, called with the old number of each of these in turn, fills; its digests are
 * forgotten. Contents that nothing refers to any more go too. *out_rows: how many live. When `each` returns false
 * nothing is changed, and the call fails with the error that `each` has set by its `data`: roll back. */
bool nt_catalogue_compact_model(NtCatalogue *catalogue, int64_t model, uint32_t generation,
                                bool (*each)(uint64_t vrow, void *data), void *data, uint64_t *out_rows,
                                GError **error);

/* Forgets a model with its vectors and digests; the files are the caller's. */
bool nt_catalogue_remove_model(NtCatalogue *catalogue, int64_t model, GError **error);

/* ---- who made vectors (maker.c) --------------------------------------------------------------------------------- */

enum { NT_MAKER_UNKNOWN = 0 /* made before this was kept, or by a network whose digest is not known */ };

typedef enum NtMakerKind { NT_MADE_UNKNOWN, NT_MADE_BY_NETWORK, NT_MADE_ELSEWHERE } NtMakerKind;

typedef struct NtMaker {
    int64_t maker; /* row number; 0 when looking for it */
    NtMakerKind kind;
    uint8_t digest[16]; /* of the network's content, or of the imported file */
    const char *source; /* path of the imported file; NULL or "": a network */
} NtMaker;

/* The maker of that kind, digest and source, added when it is not there. */
bool nt_catalogue_put_maker(NtCatalogue *catalogue, const NtMaker *maker, int64_t *out_maker, GError **error);

/* The maker that a model's own network is; NT_MAKER_UNKNOWN when it has no digest, or made no vector yet. */
bool nt_catalogue_model_maker(NtCatalogue *catalogue, int64_t model, int64_t *out_maker, GError **error);

/* Calls `each` for everyone who made vectors of the model that a photo shows, with their number; reads all of the
 * model's rows. */
bool nt_catalogue_each_maker(NtCatalogue *catalogue, int64_t model,
                             bool (*each)(const NtMaker *maker, uint64_t vectors, void *data), void *data,
                             GError **error);

/* Calls `each` for the contents that a photo shows and whose vector of the model somebody else than `maker` made,
 * NT_MAKER_UNKNOWN apart. */
bool nt_catalogue_each_foreign(NtCatalogue *catalogue, int64_t model, int64_t maker,
                               bool (*each)(int64_t content, void *data), void *data, GError **error);

/* And for the locations of the sources that list products with such photos, by location. */
bool nt_catalogue_each_foreign_source(NtCatalogue *catalogue, int64_t model, int64_t maker,
                                      bool (*each)(const char *location, void *data), void *data, GError **error);

/* ---- vectors in ------------------------------------------------------------------------------------------------- */

/* Names rows first .. first + count - 1 of the model's vectors file, which must be synced already: row first + i
 * belongs to contents[i]. `first` must be the model's `rows`, which grows by `count`. A content that has a vector of
 * this model already gets the new row instead, and the old row is dead. `maker` made them. Errors: INVALID (first, or a
 * content that is not there). */
bool nt_catalogue_add_vectors(NtCatalogue *catalogue, int64_t model, uint64_t first, const int64_t *contents,
                              size_t count, int64_t maker, GError **error);

/* Checksums (XXH3, 64 bits) of blocks of 256 rows: block first_block + i has rows_in_last rows if it is the last of
 * the call and 256 otherwise; replaces what was there for a block that has grown. */
bool nt_catalogue_put_digests(NtCatalogue *catalogue, int64_t model, uint64_t first_block, const uint64_t *digests,
                              size_t count, unsigned rows_in_last, GError **error);

/* The checksum of one block and how many rows it covers. Errors: NOT_FOUND. */
bool nt_catalogue_get_digest(NtCatalogue *catalogue, int64_t model, uint64_t block, uint64_t *out_digest,
                             unsigned *out_rows, GError **error);

/* ---- vectors out ------------------------------------------------------------------------------------------------ */

/* The vector row of a content; *out_vrow = -1 when it has none. */
bool nt_catalogue_find_vector(NtCatalogue *catalogue, int64_t model, int64_t content, int64_t *out_vrow,
                              GError **error);
/* The same of a vector that `maker` made; one that somebody else made is none. */
bool nt_catalogue_find_vector_of(NtCatalogue *catalogue, int64_t model, int64_t content, int64_t maker,
                                 int64_t *out_vrow, GError **error);

/* A photo that shows what a vector row was made of. */
typedef struct NtOwner {
    int64_t product;
    int64_t photo;
    unsigned position; /* of the photo in its product, from 0 */
} NtOwner;

/* Appends the owners of a row to `out` (a GArray of NtOwner), by product and position; none: the row is dead. */
bool nt_catalogue_owners(NtCatalogue *catalogue, int64_t model, uint64_t vrow, GArray *out, GError **error);

typedef struct NtProductVector {
    uint64_t vrow;
    int64_t photo;
    unsigned position;
} NtProductVector;

/* Appends the vectors of a product's photos to `out` (a GArray of NtProductVector), by position. */
bool nt_catalogue_product_vectors(NtCatalogue *catalogue, int64_t model, int64_t product, GArray *out, GError **error);

/* Calls `each` for the vector rows of products that match `where` (NULL: every row alive), in no order; a row that
 * two matching photos share may come twice. */
bool nt_catalogue_each_row(NtCatalogue *catalogue, int64_t model, const NtWhere *where,
                           bool (*each)(uint64_t vrow, void *data), void *data, GError **error);

/* A photo that is shown and has no vector of a model. */
typedef struct NtMissing {
    int64_t content, photo; /* the first photo that shows it */
    const char *product;    /* its id; texts are borrowed for the time of the callback */
    const char *location;   /* "": it was imported without a photo */
    bool served;            /* the default model has a vector for it */
} NtMissing;

/* Calls `each` for the contents that photos show and `model` has no vector of, beyond the content `after`, at most
 * `limit`, ascending; stops when it returns false. What one costs does not depend on the catalogue, passing over those
 * that have one does. */
bool nt_catalogue_each_missing(NtCatalogue *catalogue, int64_t model, int64_t after, unsigned limit,
                               bool (*each)(const NtMissing *missing, void *data), void *data, GError **error);

/* How many there are; reads the index of contents. */
bool nt_catalogue_count_missing(NtCatalogue *catalogue, int64_t model, uint64_t *out_count, GError **error);

typedef struct NtVectorQuery {
    int64_t model;
    const NtWhere *where;  /* NULL: all products */
    const char *fields[2]; /* metadata wanted as text with each row; NULL: none */
} NtVectorQuery;

typedef struct NtVectorEntry {
    uint64_t vrow;
    int64_t product;
    int64_t photo;
    unsigned position;
    const char *id;        /* of the product; texts are borrowed for the time of the callback */
    const char *location;  /* of the photo; "" when it was imported without one */
    const char *values[2]; /* of the fields asked for; NULL: the product has no such value */
} NtVectorEntry;

/* Calls `each` for every photo that has a vector, in the bytewise order of ids, then by position.
 * Errors: NOT_FOUND (a field that is not there). */
bool nt_catalogue_each_vector(NtCatalogue *catalogue, const NtVectorQuery *query,
                              bool (*each)(const NtVectorEntry *entry, void *data), void *data, GError **error);

/* Rows of the vectors file that no photo of a product shows, counted anew: reads all of the model's rows, where
 * NtModelRow.dead is at hand. */
bool nt_catalogue_dead_rows(NtCatalogue *catalogue, int64_t model, uint64_t *out_dead, GError **error);

#endif
