/* SPDX-License-Identifier: Apache-2.0 */
/* Sources and products. Included by catalogue/catalogue.h. */
#ifndef NT_CATALOGUE_PRODUCT_H
#define NT_CATALOGUE_PRODUCT_H

#include "catalogue/field.h"
#include "catalogue/photo.h"
#include "catalogue/where.h"

/* ---- sources ---------------------------------------------------------------------------------------------------- */

/* One run over one source. Each run has a new number; a product remembers which run of which source listed it last,
 * which is what pruning and the refusal of doubled ids stand on. */
typedef struct NtRun {
    int64_t source;
    int64_t run;
} NtRun;

/* Starts a run over the source `kind` ("folder", "csv", "jsonl", "import") at `location` (its absolute path),
 * remembering the source if it is new. Writes: needs a transaction. */
bool nt_catalogue_start_run(NtCatalogue *catalogue, const char *kind, const char *location, NtRun *out_run,
                            GError **error);

/* Ends a complete run: with `prune`, products that earlier runs of this source listed and this one did not are let
 * go, and removed unless another source lists them too. *out_removed (NULL is fine) counts the removed. */
bool nt_catalogue_end_run(NtCatalogue *catalogue, const NtRun *run, bool prune, uint64_t *out_removed, GError **error);

/* Removes at most `most` of these products, and lets go of those that come before them and that another source lists
 * too; *out_removed (NULL is fine) < `most`: none is left. The cost is that of what goes, so that a long pruning can be
 * done in several transactions. Products that a later run over the same source has listed stay. */
bool nt_catalogue_prune_some(NtCatalogue *catalogue, const NtRun *run, uint64_t most, uint64_t *out_removed,
                             GError **error);

/* Whether earlier runs of this source listed a product, and this one did not, whose id is `folder` ("a/b/") or lies
 * below it. */
bool nt_catalogue_missed_below(NtCatalogue *catalogue, const NtRun *run, const char *folder, bool *out_missed,
                               GError **error);

typedef struct NtSourceRow {
    int64_t source;
    const char *kind;     /* borrowed for the time of the callback */
    const char *location; /* likewise */
    uint64_t products;    /* that it listed and that are still there */
    bool complete;        /* its last run came to its end */
} NtSourceRow;

bool nt_catalogue_each_source(NtCatalogue *catalogue, bool (*each)(const NtSourceRow *source, void *data), void *data,
                              GError **error);

/* ---- products in ------------------------------------------------------------------------------------------------ */

/* What of a product there may be for it to be put. */
typedef enum NtPutIf { NT_PUT_ALWAYS, NT_PUT_IF_ABSENT, NT_PUT_IF_PRESENT } NtPutIf;
/* "absent", "present"; NULL: always. Errors: INVALID. */
bool nt_put_if_read(const char *text, NtPutIf *out_only, GError **error);

#define NT_VERSION_MOST INT64_C(9007199254740991) /* what JSON's readers keep */

/* A version, which orders the writes of a product: a whole number from 1, or a time (as dates are read, with parts of a
 * second; microseconds since 1970). Errors: INVALID. */
bool nt_version_read(const char *text, int64_t *out_version, GError **error);

typedef struct NtProductPut {
    const char *id;        /* UTF-8, 1..1,024 bytes, no control characters */
    uint64_t line;         /* in the list, from 1; 0: the source has no lines */
    const NtValue *values; /* metadata given; others that the product has are kept */
    size_t value_count;
    const NtPhotoPut *photos; /* all its photos in order; replaces those it had */
    size_t photo_count;       /* 0: photos are left as they are, unless no_photos */
    bool no_photos;           /* those it had go */
    int64_t version;          /* 0: none; the product keeps the one it has */
    NtPutIf only;
} NtProductPut;

/* Adds a product or brings it up to date. For each photo, out_photos[i] (photo_count of them) tells what is known of
 * it. A photo keeps its content when location and stamp are what they were; the stamp of a changed one is not stored
 * before nt_catalogue_set_photo_content or _failure. *out_added (NULL is fine): the product is new.
 * Errors: INVALID (an id that this run of this source listed already, naming its line; a bad id), STALE (the product is
 * of a later version, or was removed at this one or a later one), CONDITION (`only`); in the last two cases a product
 * that is there counts as listed by the run and is left as it is. */
bool nt_catalogue_put_product(NtCatalogue *catalogue, const NtRun *run, const NtProductPut *put,
                              NtPhotoState *out_photos, bool *out_added, GError **error);

/* Removes a product; its vectors become dead. *out_removed (NULL is fine): it was there. */
bool nt_catalogue_remove_product(NtCatalogue *catalogue, const char *id, bool *out_removed, GError **error);
/* The same by a write of a version (0: none), which puts of earlier ones and of the same do not undo for 30 days, also
 * where the product was not there. Errors: STALE (it is of a later version, or was removed at one), INVALID (a bad id).
 */
bool nt_catalogue_remove_version(NtCatalogue *catalogue, const char *id, int64_t version, bool *out_removed,
                                 GError **error);

/* Removes the products that match; `where` must not be NULL. */
bool nt_catalogue_remove_where(NtCatalogue *catalogue, const NtWhere *where, uint64_t *out_removed, GError **error);

/* ---- products out ----------------------------------------------------------------------------------------------- */

/* The row number of the product named `id`. Errors: NOT_FOUND. */
bool nt_catalogue_find_product(NtCatalogue *catalogue, const char *id, int64_t *out_product, GError **error);

/* The id of a product row; new text, NULL with NOT_FOUND. */
char *nt_catalogue_product_id(NtCatalogue *catalogue, int64_t product, GError **error);

/* {"product": id, "version": of the last write that had one, "metadata": {field: value}, "photos": [{"photo": location,
 * "format", "width", "height", "bytes"} or
 * {"photo": location, "error": text} or {"photo": location} (not read yet)]}; missing values are left out.
 * Errors: NOT_FOUND. */
NtJson *nt_catalogue_product_json(NtCatalogue *catalogue, int64_t product, GError **error);

/* What is the matter with a product. (flags.c) */
typedef enum NtFlag {
    NT_FLAG_NONE,       /* "": of all products */
    NT_FLAG_NO_PHOTO,   /* "no-photo" */
    NT_FLAG_UNREADABLE, /* "unreadable": one of its photos could not be used */
    NT_FLAG_DUPLICATE,  /* "duplicate": another product shows the same photo, byte for byte */
    NT_FLAGS
} NtFlag;
const char *nt_flag_name(NtFlag flag); /* static */
bool nt_flag_find(const char *name, NtFlag *out);
/* How many products have each; of NT_FLAG_NONE, how many there are. Goes through the photos' index. */
bool nt_catalogue_count_flags(NtCatalogue *catalogue, uint64_t out[NT_FLAGS], GError **error);

/* Calls `each` for products in the bytewise order of ids, behind the id `after` (NULL: from the first), at most
 * `limit` (0: all), that match `where` (NULL: all) and have the flag; stops when it returns false. `each` may call
 * readers. */
bool nt_catalogue_list(NtCatalogue *catalogue, const NtWhere *where, NtFlag flag, const char *after, uint64_t limit,
                       bool (*each)(int64_t product, const char *id, void *data), void *data, GError **error);

/* The same of some products only, given by their numbers in the bytewise order of their ids; those that are gone
 * meanwhile are passed over. Costs time in proportion to what is looked at. */
bool nt_catalogue_list_of(NtCatalogue *catalogue, const NtWhere *where, const uint32_t *products, size_t count,
                          const char *after, uint64_t limit, bool (*each)(int64_t product, const char *id, void *data),
                          void *data, GError **error);

/* Calls `each` for all products with their ids and, as text, their values of a field: NULL where one is missing, and
 * where no field is asked for (NULL). Errors: NOT_FOUND (the field). */
bool nt_catalogue_each_labelled(NtCatalogue *catalogue, const char *field,
                                bool (*each)(int64_t product, const char *id, const char *value, void *data),
                                void *data, GError **error);

typedef struct NtTotals {
    uint64_t products;
    uint64_t photos;
    uint64_t photos_failed; /* could not be used */
    uint64_t photos_unread; /* not read yet */
    uint64_t contents;      /* distinct photo files that a photo points at */
    uint64_t sources;
} NtTotals;

/* Counts; takes time in proportion to the catalogue. */
bool nt_catalogue_totals(NtCatalogue *catalogue, NtTotals *out, GError **error);

#endif
