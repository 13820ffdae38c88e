/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect: where products come from. A source gives products one at a time, in a fixed order, with the places of
 * their photos; it reads no photo. Kinds so far: a folder of photos, a CSV list, a JSONL list, exports of shops, all on
 * this machine; each is a row in one table of functions (source.c). doc/lists.md says what lists may look like,
 * doc/exports.md what becomes of exports.
 *
 *     g_autoptr(NtSource) source = nt_source_open("list.csv", NULL, &error);
 *     NtListing listing;
 *     for (;;) {
 *         g_autoptr(GError) fault = NULL;
 *         switch (nt_source_next(source, &listing, &fault)) {
 *         case NT_SOURCE_PRODUCT: ... break;
 *         case NT_SOURCE_FAULT: report(nt_source_fault(source), fault); break;   (one row or file; the rest goes on)
 *         case NT_SOURCE_END: return true;
 *         case NT_SOURCE_FAILED: return false;                                  (the source as a whole)
 *         }
 *     }
 *
 * Memory is bounded by one row, or by the names in one folder and its parents. Not thread-safe: one thread at a time.
 */
#ifndef NT_CONNECT_H
#define NT_CONNECT_H

#include "base/base.h"

typedef struct NtSource NtSource;

enum { NT_LOOK_BYTES = 512 /* of a file, to tell what it is */ };

typedef struct NtSourceOptions {
    /* "folder", "csv", "jsonl", "shopify", "woocommerce", "google-merchant"; NULL: told from the place and its first
     * bytes */
    const char *format;
    const char *encoding;     /* of a list: "utf-8", "cp932", "latin1", "utf-16", ...; NULL: UTF-8 */
    const char *const *map;   /* NULL-terminated "field=Column Name": the column gives that field; NULL: none */
    const char *photos;       /* of a list: the folder that relative paths begin in; NULL: the list's own */
    const char *separator;    /* of a list: what parts several photos in a cell; NULL: "|" */
    bool product_from_folder; /* folder: each sub-folder that holds photos is one product with all of them */
    /* Whether a file that is not named as photos are is one, by its first bytes (NT_LOOK_BYTES, or the whole file when
     * that is shorter). *out_what: static text, what else it seems to be, or NULL. NULL: told by the names alone. */
    bool (*look)(const uint8_t *head, size_t size, const char **out_what);
    /* Of a list that came from elsewhere with photos of its own: the absolute path, new, that a photo's name means, or
     * NULL with an error. Nothing else on this machine is looked at, and rows may have no photo. NULL: names are paths
     * on this machine. */
    char *(*find_photo)(const char *name, void *data, GError **error);
    void *find_data;
    const NtLimits *limits; /* copied; NULL: the defaults (list_line, list_field, list_columns, json_...) */
} NtSourceOptions;

/* One metadata value of a row, as it stands there: typing it is the catalogue's work. */
typedef struct NtListingValue {
    const char *field;  /* name of the column, or what the map made of it */
    const char *text;   /* a cell, or a JSON string; "" and NULL: no value */
    const NtJson *json; /* any other JSON value (number, bool, array, object, null); then text is NULL */
} NtListingValue;

/* One product; everything in it is borrowed until the next call on the source. */
typedef struct NtListing {
    const char *id;            /* UTF-8, 1..1,024 bytes, no control characters; not checked for doubles */
    const char *const *photos; /* absolute paths and web addresses, photo_count (1..1,000; 0.. with find_photo, and
                                  of exports) of them; whether they exist is not checked */
    size_t photo_count;
    const NtListingValue *values; /* in the order of the columns */
    size_t value_count;
    uint64_t line;     /* on which the row begins, from 1; 0 for a folder */
    const char *place; /* for messages: "list.csv:17", or the path of the photo or folder */
} NtListing;

/* What one refused row, photo or folder entry was; borrowed until the next call on the source. */
typedef struct NtSourceFault {
    const char *place;   /* "list.csv:17", or a path fit for printing */
    const char *product; /* id; NULL where none is known */
    const char *photo;   /* NULL where it is not one photo's fault */
    uint64_t line;       /* 0 for a folder */
} NtSourceFault;

typedef enum NtSourceStep {
    NT_SOURCE_PRODUCT, /* *out_listing is filled */
    NT_SOURCE_FAULT,   /* something was refused: *error says what and where, nt_source_fault has the parts; go on */
    NT_SOURCE_END,     /* no more */
    NT_SOURCE_FAILED,  /* the source cannot be read any further: *error */
} NtSourceStep;

/* Opens a source. For a list, reads its header line. Errors: NOT_FOUND, INVALID (a header without id or image,
 * naming the columns there are; not text; a map of a column that is not there; an encoding or format that is not
 * known), UNSUPPORTED (compressed, a spreadsheet, another scheme: the message has the way out), LIMIT, IO. */
NtSource *nt_source_open(const char *location, const NtSourceOptions *options, GError **error);
void nt_source_close(NtSource *source); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtSource, nt_source_close)

/* The next product. After END or FAILED every further call gives the same step (FAILED with the error again). */
NtSourceStep nt_source_next(NtSource *source, NtListing *out_listing, GError **error);

/* About the last FAULT; NULL when the last step was another. */
const NtSourceFault *nt_source_fault(const NtSource *source);

/* The format ("folder", "csv", ...) and the absolute path: together they name the source from run to run. Borrowed. */
const char *nt_source_kind(const NtSource *source);
const char *nt_source_location(const NtSource *source);

/* Files of a folder that are no photos, hidden ones among them; 0 for a list. */
uint64_t nt_source_skipped(const NtSource *source);
uint64_t nt_source_hidden(const NtSource *source);
/* The first few of those not hidden, as "a.tga" or "b.txt (plain text)"; NULL-terminated, borrowed until the next call.
 */
const char *const *nt_source_skipped_names(const NtSource *source);

/* Folders below the source that hold nothing at all, as paths below it (the first 100): a disk that is not mounted
 * looks like one. NULL-terminated, borrowed until the next call. */
const char *const *nt_source_empty_folders(const NtSource *source);

/* What to say of an id that comes again, where the header tells whose list it is or how photos are given: static text.
 */
const char *nt_source_repeat_hint(const NtSource *source);

/* How much of a list was read, 0..1; negative where it is not known (a folder). */
double nt_source_share(const NtSource *source);

/* ---- other lists (records.c) ---- */

/* The rows of a CSV or JSONL file, whatever they are of. */
typedef struct NtRecords NtRecords;
/* Tells the format from the first line; of CSV that is the header. `limits` NULL: the defaults. Errors: those of
 * nt_source_open for lists. */
NtRecords *nt_records_open(const char *path, const char *encoding, const NtLimits *limits, GError **error);
void nt_records_close(NtRecords *records); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtRecords, nt_records_close)
/* The next row, as PRODUCT: *out is new, an object of texts by the names of their columns, empty cells left out; of
 * JSONL what stands there. A FAULT is one row's: go on. */
NtSourceStep nt_records_next(NtRecords *records, NtJson **out, GError **error);
uint64_t nt_records_line(const NtRecords *records); /* of the row, from 1 */
double nt_records_share(const NtRecords *records);  /* read so far, 0 .. 1 */
/* Whether there is such a column; of JSONL it is not known, and so true. */
bool nt_records_has_column(const NtRecords *records, const char *name);

/* ---- lists of ids (ids.c) ---- */

/* A file with one id a line. */
typedef struct NtIds {
    char *text;   /* what the lines point into */
    char **lines; /* (count) */
    size_t count;
} NtIds;

/* Reads it; spaces at the ends of lines go, and so does an empty last line. Errors: those of reading; INVALID (not
 * UTF-8), LIMIT. */
bool nt_ids_read(const char *path, NtIds *out, GError **error);
void nt_ids_clear(NtIds *ids);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtIds, nt_ids_clear)

#endif
