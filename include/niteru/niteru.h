/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru (似てる, "looks alike"): from a shop's product photos to similar products.
 *
 * A catalogue is a folder on disk. It holds products (an id, metadata, one or more photos), and for each model one
 * vector per photo. The short story:
 *
 *     NiteruCatalogue *shop = niteru_open("./shop.niteru", NULL, &error);
 *     niteru_index(shop, "photos/", NULL, NULL, &error);
 *     NiteruResults *alike = niteru_similar(shop, "dress-01.jpg", NULL, NULL, &error);
 *     for (size_t i = 0; i < niteru_results_count(alike); i++)
 *         puts(niteru_results_get(alike, i)->product);
 *
 * Conventions. A function that can fail returns false or NULL and sets a GError of the domain NITERU_ERROR (error.h);
 * its outputs are then untouched. Options are structs in which all zeros but `size` means the defaults; a NULL pointer
 * to one means the same. `size` is sizeof the struct, in options and in reports that are filled in: so a program goes
 * on to work with a library whose structs have grown. Write
 *
 *     NiteruSearchOptions options = {.size = sizeof options, .k = 10, .where = "price < 50"};
 *
 * Text is UTF-8. Functions named `..._json` return new text, to be freed with g_free. What a function
 * is given stays the caller's, and what a callback is given lives for the time of the callback.
 *
 * Long calls take a GCancellable (NULL is fine) and end soon after it is cancelled (CANCELLED); `timeout_ms` is after
 * how many milliseconds they give up (TIMEOUT), 0: never. What was acknowledged until then stays.
 *
 * Errors that every call on a catalogue can have, and that are not repeated below: IO, NO_MEMORY, CORRUPT (the
 * catalogue is damaged; the message says what to do). Where `model` names a model that is not there: NOT_FOUND, listing
 * those that are. Where `where` is not a condition: INVALID with the column, or NOT_FOUND for a field that is not
 * there. A struct without a size, or with settings that this version does not know: INVALID.
 *
 * Threads. A NiteruCatalogue may be used by several threads at once: searches run side by side, each on the state of
 * the catalogue when it began, and writing (niteru_index, niteru_put, niteru_remove, niteru_import, niteru_model_...)
 * takes turns, one transaction at a time: a removal waits for a commit of an indexing run, not for the run. Callbacks
 * are called from the thread that made the call; one of a writing call may search but not write (INVALID). Results do
 * not change once they are made, so that several threads may read them. A sheet is used by one thread at a time.
 * Several processes may write and read a catalogue at once, and take turns in the same way.
 */
#ifndef NITERU_H
#define NITERU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gio/gio.h>

#include "niteru/error.h"

G_BEGIN_DECLS

/* The library's version, "0.1.0". */
const char *niteru_version(void);

/* ---- a catalogue ------------------------------------------------------------------------------------------------ */

typedef struct NiteruCatalogue NiteruCatalogue;

typedef struct NiteruOptions {
    size_t size;        /* sizeof(NiteruOptions) */
    bool read_only;     /* never write, never wait for a writer; the folder must exist */
    bool must_exist;    /* do not create the folder when it is not there */
    bool discard_empty; /* when niteru_open makes the catalogue and nothing is put into it, niteru_close removes it */
    unsigned threads;   /* worker threads, at most 1,024; 0: one per core of this process */
    const char *const *limits; /* NULL-terminated "name=value" settings, as listed by niteru_info_json */
} NiteruOptions;

/* Opens the catalogue in `folder`, creating it when needed; the cost does not depend on its size. NULL: the folder
 * named by $NITERU_CATALOGUE, else ./shop.niteru. Errors: BUSY (another process makes a catalogue here),
 * NOT_FOUND (read_only or must_exist), CORRUPT (not a catalogue, or damaged), UNSUPPORTED (made by a newer niteru),
 * INVALID (a limit, the number of threads, a folder of other things), NO_SPACE. */
NiteruCatalogue *niteru_open(const char *folder, const NiteruOptions *options, GError **error);

/* Closes it; NULL is fine. Calls under way in other threads are told to stop, and end with CANCELLED where they are not
 * done before; it waits for them. None may begin from then on. */
void niteru_close(NiteruCatalogue *catalogue);

/* The folder it is in; borrowed. */
const char *niteru_folder(const NiteruCatalogue *catalogue);

/* ---- products in ------------------------------------------------------------------------------------------------ */

/* How far a long call has come; the struct lives for the time of the callback. */
typedef struct NiteruProgress {
    uint64_t done;     /* photos dealt with: embedded, unchanged or failed */
    uint64_t total;    /* photos to deal with as far as known; 0: not known yet */
    uint64_t embedded; /* photos that went through the network */
    uint64_t failed;   /* photos and rows that could not be used */
    double seconds;    /* since the start */
    double rate;       /* photos embedded per second over the last seconds */
    double remaining;  /* seconds left by that rate; negative: not known */
} NiteruProgress;

/* One photo or row that could not be used. */
typedef struct NiteruFailure {
    const char *place;   /* the list with its line ("list.csv:17"), or the photo's path */
    const char *product; /* NULL where no product is known */
    const char *photo;   /* NULL where no photo is known */
    const char *message; /* a sentence */
    NiteruError code;
    bool value_only;     /* one metadata value was left out; the product came nevertheless */
    const GError *error; /* the same as a whole, with what it knows (niteru_error_fact); NULL: there is none */
} NiteruFailure;

typedef struct NiteruIndexOptions {
    size_t size;              /* sizeof(NiteruIndexOptions) */
    const char *model;        /* NULL: the catalogue's default model */
    const char *format;       /* "folder", "csv", "jsonl", "shopify", "woocommerce", "google-merchant"; NULL: told */
    const char *encoding;     /* of a list; NULL: UTF-8, or UTF-16 with a byte order mark */
    const char *const *map;   /* NULL-terminated "field=Column Name" */
    const char *const *types; /* NULL-terminated "field=type", type one of bool integer number date text list */
    const char *photos;       /* of a list: the folder that relative paths of photos begin in; NULL: the list's own */
    const char *image_separator; /* of a list: what parts several photos in a cell; NULL: "|" */
    bool product_from_folder;    /* each sub-folder is one product with all its photos */
    bool prune;  /* remove products that this source brought before and no longer has; nothing is removed,
                    and the call fails (IO) after taking the rest, when a row, name, file or folder of the
                    source could not be read */
    bool rehash; /* read every photo again, even those whose size and times did not change */
    unsigned timeout_ms;
    void (*progress)(const NiteruProgress *progress, void *data); /* about four times a second, from one thread */
    void (*failure)(const NiteruFailure *failure, void *data);    /* for each */
    void (*note)(const char *text, void *data);                   /* a sentence worth telling that is no failure */
    void *data;                                                   /* given to all */
    bool allow_private; /* photos at web addresses may lie in private networks, on this machine and at any port */
    unsigned host_connections; /* to one host at once, 1 to 64, for such photos; 0: 8 */
    const char *version;       /* of all rows, as in NiteruProduct; NULL: none */
    const char *version_from;  /* the field of a list that has each row's own version; NULL: none */
    const char *only;          /* as in NiteruPutOptions */
} NiteruIndexOptions;

typedef struct NiteruIndexReport {
    size_t size;        /* sizeof(NiteruIndexReport) */
    uint64_t products;  /* in the source */
    uint64_t added;     /* new products */
    uint64_t removed;   /* by prune */
    uint64_t photos;    /* in the source */
    uint64_t embedded;  /* photos that went through the network */
    uint64_t reused;    /* photos whose content had a vector already: unchanged, moved, or the same picture */
    uint64_t identical; /* among these, those whose content another photo brought in this same run */
    uint64_t cut_short; /* photos whose end is missing, taken nevertheless */
    uint64_t failed;    /* photos and rows that could not be used; the rest went on */
    uint64_t others;    /* files of a folder that are no photos niteru reads; hidden ones among them */
    uint64_t hidden;    /* among these, those whose names begin with a dot */
    uint64_t values;    /* metadata values that did not fit their field's type and were left out */
    double seconds;
    double embed_seconds; /* of it, reading and embedding photos */
    uint64_t fetched;     /* photos that were fetched from web addresses */
    uint64_t unchanged;   /* photos at web addresses that are as they were, as their hosts say */
    uint64_t stale;       /* products whose rows came late: what is there, or was removed, is of a later version */
    uint64_t passed_over; /* products that are not as `only` asked */
} NiteruIndexReport;

/* Takes products from a folder of photos or from a list (CSV, JSONL), and embeds the photos whose content has no
 * vector yet. Running it again goes on where it stopped; what an earlier run acknowledged stays. A photo or row that
 * cannot be used is reported and costs only itself; it is tried again by the next run. When the file of the model's
 * vectors is lost, that is reported and the photos are embedded again. `cancellable` (NULL is fine) stops it between
 * photos. Errors (of the run as a whole): NOT_FOUND (the source; the decode helper), INVALID (options, a list without
 * an id column, a source that gives no product at all, a model that has no network), UNSUPPORTED (a source of another
 * kind), NO_SPACE, CANCELLED; *out_report (NULL is fine) is filled then too. */
bool niteru_index(NiteruCatalogue *catalogue, const char *source, const NiteruIndexOptions *options,
                  GCancellable *cancellable, NiteruIndexReport *out_report, GError **error);

/* A photo of a product that is put: a file, or the encoded bytes of one. */
typedef struct NiteruPhoto {
    size_t size;       /* sizeof(NiteruPhoto) */
    const char *path;  /* of the file; with bytes NULL, or any name for them */
    const void *bytes; /* the catalogue keeps a copy; NULL: the file is read, now and whenever it is needed again */
    size_t length;     /* of them */
} NiteruPhoto;

typedef struct NiteruProduct {
    size_t size;                      /* sizeof(NiteruProduct) */
    const char *id;                   /* 1 .. 1,024 bytes without control characters */
    const char *metadata;             /* a JSON object; a field that is new takes its type from its value; NULL: none */
    const NiteruPhoto *const *photos; /* NULL-terminated, at most 1,000; NULL: none */
    const char *version; /* of this write: a whole number from 1, or a time (2026-01-31T08:30:00.250Z); writes of a
                            product whose versions are earlier come late and are refused (STALE). NULL: none */
} NiteruProduct;

typedef struct NiteruPutOptions {
    size_t size;       /* sizeof(NiteruPutOptions) */
    const char *model; /* whose vectors are made; NULL: the default model */
    unsigned timeout_ms;
    void (*failure)(const NiteruFailure *failure, void *data); /* for each photo and value that could not be used */
    void *data;
    const char *only; /* "absent": products that are not there yet; "present": that are; NULL: either */
} NiteruPutOptions;

typedef struct NiteruPutReport {
    size_t size; /* sizeof(NiteruPutReport) */
    bool added;  /* the product is new */
    uint64_t photos, embedded, failed;
    uint64_t values; /* metadata values that did not fit their field's type and were left out */
} NiteruPutReport;

/* Puts one product as it is to be from now on, photos and metadata, in one transaction: the next search finds it. Its
 * photos are read and embedded before the turn to write is taken. A photo that cannot be used is told and costs only
 * itself; a product may have no photo yet. *out_report may be NULL. Errors: INVALID (the id, the version, metadata that
 * is no JSON object, a model without a network, a catalogue open for reading only), STALE (the product is of a later
 * version, or was removed at this one or a later one), CONDITION (`only`), LIMIT, NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_put(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                GCancellable *cancellable, NiteruPutReport *out_report, GError **error);

/* Changes a product that is there: fields that are given (null takes one away), and where photos are given, all its
 * photos. Errors: as niteru_put; NOT_FOUND. */
bool niteru_patch(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                  GCancellable *cancellable, NiteruPutReport *out_report, GError **error);

/* Removes products by id; they are in no answer from then on. *out_removed (NULL is fine) counts those that were
 * there. With `where` (NULL: none) removes what matches it too. All or nothing. Errors: INVALID (a catalogue open for
 * reading only), NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_remove(NiteruCatalogue *catalogue, const char *const *ids, size_t count, const char *where,
                   unsigned timeout_ms, GCancellable *cancellable, uint64_t *out_removed, GError **error);

/* The same by a write of a version, as in NiteruProduct: products of a later version stay (*out_stale counts them; NULL
 * is fine), and for 30 days no put of an earlier version, or of this one, brings back those that go, nor those that
 * were not there. Errors: as niteru_remove; INVALID (the version). */
bool niteru_remove_version(NiteruCatalogue *catalogue, const char *const *ids, size_t count, const char *version,
                           unsigned timeout_ms, GCancellable *cancellable, uint64_t *out_removed, uint64_t *out_stale,
                           GError **error);

/* ---- what is alike ---------------------------------------------------------------------------------------------- */

typedef struct NiteruResult {
    const char *product;  /* id */
    const char *photo;    /* which of its photos matched: path or address; "" for imported vectors without photos */
    double score;         /* 0 .. 100: 100 the identical photo, 0 the median pair of the catalogue */
    double raw;           /* the metric's own value: cosine, inner product, or Euclidean distance */
    const char *word;     /* "nearly the same", "very alike", "alike", "loosely alike", "not alike"; "" of texts */
    const char *metadata; /* a JSON object of its fields, as of the search; NULL: not asked for */
    int position;         /* of the photo among the product's, from 0; negative: there is no photo */
} NiteruResult;

typedef struct NiteruResults NiteruResults;

typedef struct NiteruSearchOptions {
    size_t size;                /* sizeof(NiteruSearchOptions) */
    size_t k;                   /* products wanted; 0: 5 */
    const char *model;          /* NULL: the default model */
    const char *where;          /* a condition on metadata, "price < 50 and category = 'Dress'"; NULL: none */
    double threshold;           /* least score, 0 .. 100 */
    const char *const *exclude; /* NULL-terminated ids that are left out, there or not; NULL: none */
    bool metadata;              /* results carry it */
    unsigned timeout_ms;
    bool partial; /* when the time is up, what was found so far is the answer; niteru_results_partial tells */
    double x, y, width, height; /* of a photo that is searched with, only this part: fractions of it as it is seen, from
                                   its upper left corner; all 0: the whole */
    bool group;    /* products whose field `group` is equal count once, by the best of them, and those without the field
                      for themselves; the group of the product asked for is left out with it */
    bool not_here; /* where even the nearest is farther than nearly every product here is from its nearest other one,
                      the answer is empty: what was asked for is not here (niteru_results_not_here) */
} NiteruSearchOptions;

/* Products that look like product `id`, best first, itself left out; a product counts once, by its best photo, and
 * products that are equally near come in the order of ids. k products, or groups, come back whenever k match. Free the
 * answer with niteru_results_free. Errors: NOT_FOUND (no such product, it has no usable photo, or the model has no
 * vectors), INVALID (threshold), CANCELLED, TIMEOUT. */
NiteruResults *niteru_similar(NiteruCatalogue *catalogue, const char *id, const NiteruSearchOptions *options,
                              GCancellable *cancellable, GError **error);

/* Products that look like a photo that need not be in the catalogue: a file, or `size` encoded bytes, which `name`
 * names in messages. Errors: INVALID (a model of imported vectors; a part that is none), NOT_FOUND (the model has no
 * vectors), CANCELLED, TIMEOUT, and those of reading a photo: NOT_FOUND, UNSUPPORTED (not a photo niteru reads), LIMIT,
 * CORRUPT. */
NiteruResults *niteru_search_photo(NiteruCatalogue *catalogue, const char *path, const NiteruSearchOptions *options,
                                   GCancellable *cancellable, GError **error);
NiteruResults *niteru_search_bytes(NiteruCatalogue *catalogue, const void *bytes, size_t size, const char *name,
                                   const NiteruSearchOptions *options, GCancellable *cancellable, GError **error);

/* Products nearest to a vector of the model's dimension. Errors: INVALID (wrong length, not finite, zero), CANCELLED,
 * TIMEOUT. */
NiteruResults *niteru_search_vector(NiteruCatalogue *catalogue, const float *vector, size_t dimension,
                                    const NiteruSearchOptions *options, GCancellable *cancellable, GError **error);

/* Products nearest to any of several vectors (count, dimension), tastes for instance, each of a weight (NULL: 1 for
 * all): the order is by weight times value, with the Euclidean distance by distance over weight. Errors: as
 * niteru_search_vector; INVALID (a weight that is not above 0). */
NiteruResults *niteru_search_vectors(NiteruCatalogue *catalogue, const float *vectors, const double *weights,
                                     size_t count, size_t dimension, const NiteruSearchOptions *options,
                                     GCancellable *cancellable, GError **error);

typedef struct NiteruExamples {
    size_t size;                 /* sizeof(NiteruExamples) */
    const char *const *positive; /* NULL-terminated ids of products that are liked, at least one */
    const char *const *negative; /* and of those that are not; NULL: none */
    bool average; /* search by avg(positive) + avg(positive) - avg(negative), which is right for one taste; else by the
                     nearest positive, leaving out what is nearer to a negative */
} NiteruExamples;

/* Products like some and unlike others; none of these is in the answer. Errors: as niteru_similar; INVALID (no positive
 * one). */
NiteruResults *niteru_search_examples(NiteruCatalogue *catalogue, const NiteruExamples *examples,
                                      const NiteruSearchOptions *options, GCancellable *cancellable, GError **error);

/* Products whose title, other texts, lists or id have all the words of `text`, of which the last may be a beginning;
 * where none has all, those that have some, and the note says so. Case, accents and the width of letters make no
 * difference; a word of Chinese, Japanese or Korean is found within others, one of a single character too; nothing in
 * the text has a meaning of its own. Best first: by BM25, a word in the title counting four times, equal ones in the
 * order of ids; k products come back whenever k match. Of a result `photo` is the product's first one ("": none), `raw`
 * BM25, `score` its share (0 .. 100) of what a product that is nothing but these words would have at most: some 75 for
 * a title that has them, 40 for a description, less where some are missing; `word` is "". No model is used. Errors:
 * LIMIT (over 1,024 bytes), INVALID (not UTF-8, threshold), UNSUPPORTED (a catalogue of an earlier version, open for
 * reading only), CANCELLED, TIMEOUT. */
NiteruResults *niteru_search_text(NiteruCatalogue *catalogue, const char *text, const NiteruSearchOptions *options,
                                  GCancellable *cancellable, GError **error);

/* How many there are, and one of them, borrowed until niteru_results_free (NULL beyond the last). */
size_t niteru_results_count(const NiteruResults *results);
const NiteruResult *niteru_results_get(const NiteruResults *results, size_t i);
/* A sentence on the answer as a whole, borrowed: why it is empty (a condition that nothing matches is told with the
 * values that are near), or that even its best is not alike. NULL: there is nothing to say. */
const char *niteru_results_note(const NiteruResults *results);
/* Whether the time was up before all products had been looked at. */
bool niteru_results_partial(const NiteruResults *results);
/* Whether the answer is empty because what was asked for is not here, as far as asked (`not_here`) and known: the
 * catalogue tells by its own products, of which it takes 20. */
bool niteru_results_not_here(const NiteruResults *results);
/* The scores of those that were nearest then, best first, borrowed; NULL and 0 otherwise. */
const double *niteru_results_nearest(const NiteruResults *results, size_t *out_count);
/* {"query", "model" (null where none was used), "results": [{"product", "score", "word", "photo", "detail": {"raw"}}]},
 * where asked for with "metadata"; where there is a note, "note"; "not_here" and "nearest" (scores) where it is; where
 * a condition matched nothing, "near" as niteru_where_json has it; "partial" where it is. */
char *niteru_results_json(const NiteruResults *results);
void niteru_results_free(NiteruResults *results); /* NULL is fine */

typedef struct NiteruCompareOptions {
    size_t size;               /* sizeof(NiteruCompareOptions) */
    const char *model;         /* NULL: the one niteru ships */
    unsigned threads;          /* without a catalogue; 0: one per core */
    const char *const *limits; /* likewise, as in NiteruOptions */
    unsigned timeout_ms;
} NiteruCompareOptions;

/* How alike two photo files are, without a catalogue (`catalogue` may be NULL; given, its models can be named and its
 * calibration is used). Fills product and photo with the second path. Errors: those of niteru_search_photo. */
NiteruResults *niteru_compare(NiteruCatalogue *catalogue, const char *path_a, const char *path_b,
                              const NiteruCompareOptions *options, GCancellable *cancellable, GError **error);

/* ---- looking into it -------------------------------------------------------------------------------------------- */

/* One product: {"product", "metadata", "photos": [...]}. Errors: NOT_FOUND. */
char *niteru_product_json(NiteruCatalogue *catalogue, const char *id, GError **error);

typedef struct NiteruListOptions {
    size_t size;       /* sizeof(NiteruListOptions) */
    const char *where; /* NULL: all */
    const char *after; /* begin behind this id; NULL: with the first */
    size_t limit;      /* at most so many; 0: all */
    unsigned timeout_ms;
    const char *flag; /* only products with which this is the matter: "no-photo", "unreadable" (one of its photos),
                         "duplicate" (another product shows the same photo, byte for byte), "never-shown" (no impression
                         in four weeks) or "never-clicked" (100 and more, and no click); NULL: all */
} NiteruListOptions;

/* Calls `each` with one product's JSON at a time, in the order of ids; stops early, and well, when `each` returns
 * false. What is committed meanwhile may be seen or not. Errors: CANCELLED, TIMEOUT. */
bool niteru_list(NiteruCatalogue *catalogue, const NiteruListOptions *options,
                 bool (*each)(const char *id, const char *json, void *data), void *data, GCancellable *cancellable,
                 GError **error);

/* Whether a condition matches any product, and where it matches none, why: {"matches", "note": in words, "near":
 * [{"condition", "field", "near": [{"value", "products"}] | "least", "most"}]}, an item for each comparison that no
 * product passes by itself: texts that differ in case, blanks or a letter or two only, or the range of numbers and
 * dates.
 */
char *niteru_where_json(NiteruCatalogue *catalogue, const char *where, unsigned timeout_ms, GCancellable *cancellable,
                        GError **error);

/* Which values fields have among the products that match `where` (NULL: all), for a shop's page to offer: {"products",
 * "fields": {"category": {"type", "values": [{"value", "products"}], "others", "missing"}}}. `fields` are
 * NULL-terminated names, at most 50. Of each come the `limit` (0: 20; at most 1,000) values that most products have,
 * equal ones in their own order; `others` is how many more there are, `missing` how many products have none. A list
 * counts for each of its items. Integers, numbers and dates have "least" and "most", and "values" and "others" only
 * where all can be listed. Errors: NOT_FOUND (a field), INVALID (none is named), LIMIT (also: over 100,000 different
 * values, or 64 MiB of them), CANCELLED, TIMEOUT. */
char *niteru_facets_json(NiteruCatalogue *catalogue, const char *const *fields, const char *where, size_t limit,
                         unsigned timeout_ms, GCancellable *cancellable, GError **error);

/* Counts, fields, models, sizes, limits, the machine's kernels. `catalogue` may be NULL: only the program's. */
char *niteru_info_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error);

/* Reads every vector, network and page of the database and checks them against their checksums; the database's own
 * consistency; whether commits were lost, and whether each model's vectors are its network's. *out_json is new text,
 * {"problems": [text, ...], "sound", "remedies": [code, ...], "notes": [text, ...]}; false only when the check itself
 * could not run. Remedies, in the order in which they are best done:
 *   "database"      restore a backup, or remove the folder and index the sources again: photos are not kept in it
 *   "lost-commits"  index the sources again, and import again what was imported: what was lost is made again
 *   "record"        index any source again: catalogue.commits is written anew
 *   "events"        restore a backup, or move the named file of events away: what is in it is lost then
 *   "network"       put a damaged network's file back; or remove the model, add it again and index the sources again
 *   "vectors"       remove a damaged vectors file (in vectors/), and index or import the same sources again
 *   "makers"        index the sources that a problem names with `rehash` */
bool niteru_check(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, char **out_json,
                  GError **error);

/* ---- backups ---------------------------------------------------------------------------------------------------- */

typedef struct NiteruBackupOptions {
    size_t size;  /* sizeof(NiteruBackupOptions) */
    bool replace; /* niteru_restore: where a catalogue is, move it aside once the other is whole */
    unsigned timeout_ms;
    void (*progress)(const NiteruProgress *progress, void *data); /* `done` and `total` are bytes; as of indexing */
    void *data;
} NiteruBackupOptions;

/* Copies the catalogue as it is at one moment to `folder`, which must not be there or be empty; searches and writes of
 * this and other processes go on meanwhile. In it are products, vectors, networks with their cards, keys, judgements,
 * the photos that are kept in the catalogue, niteru.conf and the audit log; not in it are locks, sockets, lists of
 * uploaded products under way, and what is made anew. It is compared with its checksums and synced before it gets its
 * name; on failure nothing is left of it. Its folder is closed to other users (mode 0700).
 * *out_json (NULL is fine), new: {"format", "niteru", "time", "layout", "products", "photos", "vectors", "models",
 * "originals", "originals_missing", "bytes", "notes": [text, ...]}. Errors: INVALID (the folder holds something, or is
 * in the catalogue's), BUSY (another backup to the same folder is being made), NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_backup(NiteruCatalogue *catalogue, const char *folder, const NiteruBackupOptions *options,
                   GCancellable *cancellable, char **out_json, GError **error);

/* Makes the catalogue `folder` from a backup, which is only read; one of an older layout is brought to today's. Nothing
 * may have the catalogue open. *out_json as above, with "replaced": where the catalogue before was moved to, or null.
 * Errors: INVALID (a catalogue is there and `replace` is not set, or other things are), BUSY (a server runs on it),
 * NOT_FOUND (no backup), UNSUPPORTED (made by a newer niteru), CORRUPT, NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_restore(const char *backup, const char *folder, const NiteruBackupOptions *options,
                    GCancellable *cancellable, char **out_json, GError **error);

/* ---- who changed what ------------------------------------------------------------------------------------------- */

typedef struct NiteruAuditOptions {
    size_t size;         /* sizeof(NiteruAuditOptions) */
    const char *since;   /* "2026-11-27" or a moment of RFC 3339; NULL: from the beginning */
    const char *product; /* only entries that name this product; NULL: all */
    const char *after;   /* "next" of an answer before; NULL: from the beginning */
    size_t limit;        /* of entries, at most 1,000; 0: 100 */
} NiteruAuditOptions;

/* Entries of the audit log, the oldest first: {"entries": [{"time", "operation", "who", ...}], "damaged": how many
 * lines could not be read, "next": where the next ones begin, when there are more}. doc/operation.md tells what an
 * entry has. Errors: INVALID (since, after). */
char *niteru_audit_json(NiteruCatalogue *catalogue, const NiteruAuditOptions *options, GError **error);

/* Appends an entry of this process's user: the operation, one fact by a name of letters (NULL: none), and "done" or
 * "failed". For programs that write without a server; keys that are made and restores have theirs already. The
 * catalogue may be open for reading only. Errors: NO_SPACE, IO. */
bool niteru_audit_note(NiteruCatalogue *catalogue, const char *operation, const char *name, const char *value,
                       bool done, GError **error);

/* ---- how good it is --------------------------------------------------------------------------------------------- */

typedef struct NiteruEvalOptions {
    size_t size;              /* sizeof(NiteruEvalOptions) */
    const char *label;        /* the metadata field that tells what is alike; must be given */
    const char *model;        /* NULL: the default model */
    const char *where;        /* evaluate among these products only */
    const char *exclude_same; /* leave out neighbours that share this field with the query; NULL: none */
    const char *gallery;      /* files with one product id a line: search among these ... */
    const char *query;        /* ... for these; both NULL: leave-one-out over all photos */
    unsigned timeout_ms;
    void (*progress)(const NiteruProgress *progress, void *data);
    void *data;
} NiteruEvalOptions;

typedef struct NiteruEvalReport {
    size_t size;                            /* sizeof(NiteruEvalReport) */
    uint64_t queries;                       /* photos asked for */
    uint64_t labels;                        /* distinct labels among them */
    uint64_t unlabelled;                    /* photos left out because their product has no such field */
    double p1, p5, p10;                     /* share of right answers among the first 1, 5, 10; mean over queries */
    double map10;                           /* mean average precision at 10, divided by min(10, relevant) */
    double recall1, recall5;                /* queries with a right answer among the first 1, 5 */
    double macro_p1, macro_p5, macro_map10; /* the same, mean over labels of the mean within each */
    double seconds;
} NiteruEvalReport;

/* Leave-one-out by photo: the query's own product is left out; a label that is unique counts as a miss. Errors: INVALID
 * (no label given, no product with a vector has it, or none of `gallery` or `query`), NOT_FOUND (a field or file; the
 * model has no vectors), CANCELLED. */
bool niteru_eval(NiteruCatalogue *catalogue, const NiteruEvalOptions *options, GCancellable *cancellable,
                 NiteruEvalReport *out_report, GError **error);

/* ---- vectors in and out ----------------------------------------------------------------------------------------- */

typedef struct NiteruExportOptions {
    size_t size;       /* sizeof(NiteruExportOptions) */
    const char *model; /* NULL: the default model */
    const char *dtype; /* "f4" or "f2"; NULL: as stored */
    unsigned timeout_ms;
} NiteruExportOptions;

/* Writes image_vectors.npy (rows in the order of ids), image_ids.txt (one product id a line) and image_paths.txt
 * into `folder`, making it when needed. *out_rows may be NULL. Errors: INVALID (dtype; a value beyond float16),
 * NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_export(NiteruCatalogue *catalogue, const char *folder, const NiteruExportOptions *options,
                   GCancellable *cancellable, uint64_t *out_rows, GError **error);

typedef struct NiteruImportOptions {
    size_t size;        /* sizeof(NiteruImportOptions) */
    const char *model;  /* name; must be given */
    const char *metric; /* "cosine", "euclidean" or "inner"; NULL: cosine */
    const char *dtype;  /* "f4" or "f2"; NULL: f4, so that nothing is lost */
    bool mix;           /* take them into a model that has a network: its answers then compare vectors that different
                           makers made; remembered, and shown by niteru_info_json and niteru_model_json */
    unsigned timeout_ms;
    void (*failure)(const NiteruFailure *failure, void *data);
    void *data;
} NiteruImportOptions;

/* Takes vectors made elsewhere: an .npy of (n, dimension) and n product ids, in a text file of lines or an .npy of
 * text; the model is created when it is not there, and a product that is not there too. An id that comes several times
 * is a product with as many photos, in that order. Rows that are not finite, or zero with the cosine metric, are
 * reported and left out. *out_rows (NULL is fine) counts those taken. Errors: NOT_FOUND, INVALID (another number of ids
 * than rows, another dimension, metric or dtype than the model has, a model that has a network, not a single row that
 * could be taken), CORRUPT and UNSUPPORTED (the .npy), LIMIT, NO_SPACE. */
bool niteru_import(NiteruCatalogue *catalogue, const char *npy, const char *ids, const NiteruImportOptions *options,
                   GCancellable *cancellable, uint64_t *out_rows, GError **error);

/* ---- models ----------------------------------------------------------------------------------------------------- */

typedef struct NiteruModelOptions {
    size_t size;        /* sizeof(NiteruModelOptions) */
    const char *name;   /* NULL: the file's name without .onnx */
    const char *preset; /* how photos are made ready; see niteru_presets; NULL: told from the network */
    const char *card;   /* a card file (JSON) instead of a preset; its name, output and size hold where none is given */
    const char *output; /* the tensor to take; NULL: by the rule of doc/nn.md, which the card then tells */
    unsigned width, height; /* when the network leaves its input open */
    const char *metric;     /* NULL: cosine */
    const char *dtype;      /* NULL: f16 */
    bool make_default;      /* use it from now on unless told otherwise */
    unsigned timeout_ms;
    const char *description; /* texts of the card where it has none of its own: what the network is, */
    const char *licence;     /* under which licence, */
    const char *source;      /* where it comes from, */
    const char *trained_on;  /* and which photo sets it was trained on; NULL: not said */
} NiteruModelOptions;

/* Adds an ONNX network to the catalogue, which keeps a copy of it and of the files with its weights; a made-up picture
 * is embedded first, as a proof that it can be. *out_name (NULL is fine) is what the model is called, free with g_free.
 * Errors: NOT_FOUND (the file, a tensor), UNSUPPORTED (naming node, operator and opset), CORRUPT, LIMIT (also: over a
 * minute for a picture), INVALID (a name that is taken, a preset or card that does not fit or is needed and not given),
 * NO_SPACE. */
bool niteru_model_add(NiteruCatalogue *catalogue, const char *path, const NiteruModelOptions *options,
                      GCancellable *cancellable, char **out_name, GError **error);

/* Removes a model with its network and vectors; where it was the default, the oldest that is left takes its place.
 * Products and photos stay. Errors: NOT_FOUND. */
bool niteru_model_remove(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                         GError **error);

/* Makes a model the one that is used unless told otherwise. Errors: NOT_FOUND. */
bool niteru_model_set_default(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms,
                              GCancellable *cancellable, GError **error);

typedef struct NiteruSwitchOptions {
    size_t size;       /* sizeof(NiteruSwitchOptions) */
    bool prepare;      /* embed and compare only; the model that is served stays so */
    bool leave_out;    /* switch although photos could not be embedded: they are in no answer then */
    const char *label; /* of the comparison: the field that tells what is alike; NULL: `category`, where there is one */
    double rate;       /* photos a second at most; 0: as fast as it goes */
    unsigned at_once;  /* photos under way; 0: as many as keep every core busy */
    bool allow_private; /* as in NiteruIndexOptions, for photos at web addresses; so is the next */
    unsigned host_connections;
    unsigned timeout_ms;
    void (*progress)(const NiteruProgress *progress, void *data); /* about four times a second, from one thread */
    void (*failure)(const NiteruFailure *failure, void *data);    /* for each */
    void *data;
} NiteruSwitchOptions;

typedef struct NiteruSwitchReport {
    size_t size;       /* sizeof(NiteruSwitchReport) */
    uint64_t embedded; /* photos, in this call */
    uint64_t failed;   /* photos that the model that was served has vectors of, and this one could not be given */
    bool switched;     /* the model is the default one now */
} NiteruSwitchReport;

/* Puts a model in the place of the default one, which is served meanwhile: embeds the photos that it has no vector of,
 * from where they came, compares the two, and makes it the default in the moment in which nothing is missing, products
 * that came meanwhile neither. What is done stays, and the same call goes on after a stop. `name` NULL: the model that
 * was the default before, at once; what came since is embedded then. *out_comparison (NULL is fine) is new text, or
 * NULL where there was none: {"label" (or null), "queries", "old" and "new": {"model", with a label "p1", "p5" (the
 * shares of right answers among the first 1 and 5) and "better" (for how many queries it had more of them)}, "same"
 * (the share of the first 5 that both have), "different": [ids], where people judged the two "judged": {"old_better",
 * "new_better", "neither"}}. Errors: NOT_FOUND (the model, the field), INVALID (it has no network, or is the default),
 * CONDITION (photos could not be embedded: nothing is switched, see `leave_out`), NO_SPACE, CANCELLED, TIMEOUT;
 * *out_report (NULL is fine) is filled then too. */
bool niteru_model_switch(NiteruCatalogue *catalogue, const char *name, const NiteruSwitchOptions *options,
                         GCancellable *cancellable, NiteruSwitchReport *out_report, char **out_comparison,
                         GError **error);

/* The models of a catalogue (NULL: those niteru ships) as a JSON array, and one (NULL: the default) with its card and
 * facts. */
char *niteru_models_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error);
char *niteru_model_json(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                        GError **error);

/* The names of the presets, NULL-terminated, and what each does in a line ("" for another name). Static. */
const char *const *niteru_presets(void);
const char *niteru_preset_summary(const char *preset);

/* ---- keys -------------------------------------------------------------------------------------------------------- */

typedef struct NiteruKeyOptions {
    size_t size;                /* sizeof(NiteruKeyOptions) */
    const char *kind;           /* "publishable" (may stand in a page), "secret" or "admin"; must be given */
    const char *name;           /* for people, of one key in use at a time; 1 .. 100 bytes; must be given */
    const char *const *origins; /* of a publishable key: NULL-terminated "https://shop.example", the pages it may be
                                   used from, at most 100; NULL: all */
    unsigned timeout_ms;
} NiteruKeyOptions;

/* Makes a key for a server on this catalogue. *out_key is its text, free with g_free: keep it, for only a digest of it
 * is stored and nobody can show it again. Errors: INVALID (the kind, the name, a name that is in use, an origin; a
 * catalogue open for reading only), LIMIT (1,000 keys are in use), NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_key_create(NiteruCatalogue *catalogue, const NiteruKeyOptions *options, GCancellable *cancellable,
                       char **out_key, GError **error);

/* The keys, the oldest first, as a JSON array of {"name", "kind", "prefix", "origins", "created", "revoked"}: the
 * prefix is how the key's text begins, `origins` is null where all may use it, `revoked` where it is in use, and a
 * moment to come where it was rotated and goes on until then; times are of RFC 3339. */
char *niteru_keys_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error);

/* Makes a key of the kind, name and origins of one in use, which is given by its name, its prefix or its text and goes
 * on for `overlap_seconds` (30 days at most), so that who uses it can change over without a pause. Errors: NOT_FOUND,
 * INVALID (the overlap; a catalogue open for reading only), NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_key_rotate(NiteruCatalogue *catalogue, const char *name, unsigned overlap_seconds, unsigned timeout_ms,
                       GCancellable *cancellable, char **out_key, GError **error);

/* Ends the use of a key, given by its name, its prefix or its text; its name is free then, and one that was rotated
 * and goes on under it ends too. Errors: NOT_FOUND, INVALID
 * (a catalogue open for reading only), NO_SPACE, CANCELLED, TIMEOUT. */
bool niteru_key_revoke(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                       GError **error);

/* ---- visitors --------------------------------------------------------------------------------------------------- */

/* Stores what visitors did: a JSON object, or an array of them, {"id"?, "kind", "product", "user" | "session", "time"?,
 * "rec_id"?, "position"?, "scenario"?, "value"?, "currency"?} as doc/events.md has it. Each is on disk when the answer
 * comes, and stored once however often it is given. The answer is an array with {"status": "new", "known", "over" or
 * "refused", "field"?, "message"?} for each; free it with g_free. Errors: INVALID (no JSON), NO_SPACE, IO, CORRUPT;
 * then some may be stored: give them again. */
char *niteru_events_json(NiteruCatalogue *catalogue, const char *events, GCancellable *cancellable, GError **error);

/* How many days events are kept; 0: for ever. Setting fewer removes those that are older. */
bool niteru_events_retention(NiteruCatalogue *catalogue, unsigned *out_days, GError **error);
bool niteru_events_set_retention(NiteruCatalogue *catalogue, unsigned days, GError **error);

/* How the rows of a file become events. */
typedef struct NiteruEventsOptions {
    size_t size;             /* sizeof(NiteruEventsOptions) */
    const char *encoding;    /* NULL: UTF-8 */
    const char *const *map;  /* NULL-terminated "member=Column Name"; other members are the columns of their names */
    const char *const *set;  /* NULL-terminated "member=text": the same for all rows */
    const char *const *also; /* NULL-terminated "kind=Column Name": one more event, of this kind, where the column says
                                1, true or yes */
    bool row_sessions;       /* each row is a session of its own */
    int position_base;       /* what the first position is in the file: 0 or 1 */
} NiteruEventsOptions;

typedef struct NiteruEventsReader {
    /* Up to some 200 events as a JSON array, the line of each (count), and how much of the file was read, 0 .. 1;
     * false ends the reading, without an error. */
    bool (*batch)(const char *events, const uint64_t *lines, size_t count, double share, void *data);
    /* A row that cannot be read. */
    void (*fault)(uint64_t line, const char *message, void *data);
    void *data;
} NiteruEventsReader;

/* Reads events out of a CSV or JSONL file; stores none. Errors: NOT_FOUND, INVALID (the options, the header), LIMIT,
 * IO, CANCELLED. */
bool niteru_events_read(const char *path, const NiteruEventsOptions *options, const NiteruEventsReader *reader,
                        GCancellable *cancellable, GError **error);

typedef struct NiteruRecommendOptions {
    size_t size;                /* sizeof(NiteruRecommendOptions) */
    const char *user, *session; /* to whom, one of them; both NULL: a visitor of whom nothing is known */
    size_t k;                   /* products wanted; 0: as the scenario has it, 10 without one */
    const char *where;          /* a condition on metadata; NULL: none */
    const char *const *exclude; /* NULL-terminated ids that are left out; NULL: none */
    double diversity; /* 0 .. 1: how much less products are worth that are like others in the answer; negative: as
                         the scenario has it, 0.3 without one */
    bool metadata;    /* products carry it */
    unsigned timeout_ms;
    const char *scenario; /* the place of the shop whose settings count (doc/scenarios.md); NULL: "default" */
} NiteruRecommendOptions;

/* Products for a visitor, by what they did in the last 90 days: k of them whenever so many may be shown, never what
 * they bought or turned away, and what they looked at already only when nothing else is left. A JSON object {"model",
 * "products", "tastes"}, doc/tastes.md; free it with g_free. Errors: INVALID, NOT_FOUND (the model has no vectors),
 * CANCELLED, TIMEOUT, CORRUPT. */
char *niteru_recommend_json(NiteruCatalogue *catalogue, const NiteruRecommendOptions *options,
                            GCancellable *cancellable, GError **error);

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* A photo of a product as it was given: `position` counts from 0. *out_type (NULL is fine) is its MIME type, static.
 * Free it with g_bytes_unref. Errors: NOT_FOUND (no such product or photo; its file is gone), UNSUPPORTED (the file is
 * no photo any more), LIMIT, CANCELLED, TIMEOUT. */
GBytes *niteru_photo_bytes(NiteruCatalogue *catalogue, const char *product, unsigned position, const char **out_type,
                           unsigned timeout_ms, GCancellable *cancellable, GError **error);

/* The same as a small JPEG, upright and in sRGB, transparency laid on white, without metadata: at most `side` (1 ..
 * 1,024) pixels wide and high, or the next of 64, 128, 256, 384, 512, 768, 1,024, and never enlarged. It is kept in the
 * catalogue's folder, 256 MiB in all. Errors: also INVALID (side), and those of reading a photo. */
GBytes *niteru_photo_thumbnail(NiteruCatalogue *catalogue, const char *product, unsigned position, unsigned side,
                               unsigned timeout_ms, GCancellable *cancellable, GError **error);

typedef struct NiteruSheet NiteruSheet;

/* A contact sheet: each row a query and what looks like it. Free it before the catalogue is closed. */
NiteruSheet *niteru_sheet_new(NiteruCatalogue *catalogue, const char *title);

/* Adds a row. The query is a product id, or NULL with the path of a photo. Photos that cannot be read are drawn as
 * an empty frame. The results may be freed afterwards. Errors: LIMIT (1,000 rows are there already). */
bool niteru_sheet_add(NiteruSheet *sheet, const char *product, const char *photo, const NiteruResults *results,
                      GCancellable *cancellable, GError **error);

/* Writes it: a picture when `path` ends in .png, a page that needs nothing else when it ends in .html. It can be added
 * to and written again. Errors: INVALID (another ending), LIMIT (more rows than a picture holds), NOT_FOUND (the
 * folder), NO_SPACE. */
bool niteru_sheet_write(NiteruSheet *sheet, const char *path, GError **error);
void niteru_sheet_free(NiteruSheet *sheet);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NiteruCatalogue, niteru_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NiteruResults, niteru_results_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NiteruSheet, niteru_sheet_free)

G_END_DECLS

#endif
