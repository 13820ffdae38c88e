/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside connect: the table of kinds, the row being put together, lines of text. */
#ifndef NT_CONNECT_INTERNAL_H
#define NT_CONNECT_INTERNAL_H

#include "connect/connect.h"

enum {
    NT_MOST_PHOTOS = 1000, /* of one product */
    NT_LONGEST_ID = 1024,  /* bytes */
    NT_SKIPPED_NAMES = 5,
    NT_EMPTY_FOLDERS = 100,
};

/* One kind of source. `next` either fills the source's row and returns PRODUCT, or has queued faults only and returns
 * FAULT, or ends. */
typedef struct NtSourceKind {
    const char *name;
    bool (*open)(NtSource *source, const NtSourceOptions *options, GError **error);
    NtSourceStep (*next)(NtSource *source, GError **error);
    double (*share)(const NtSource *source); /* NULL: not known */
    void (*close)(NtSource *source);         /* of a half-opened one too */
} NtSourceKind;

extern const NtSourceKind nt_source_folder, nt_source_csv, nt_source_jsonl;

/* One refused row or photo, waiting to be given out. */
typedef struct NtQueuedFault {
    GError *error;
    char *place, *product, *photo;
    uint64_t line;
    NtSourceFault out;
} NtQueuedFault;

struct NtSource {
    const NtSourceKind *kind;
    char *given;    /* as the caller wrote it; for messages */
    char *location; /* absolute */
    NtLimits limits;
    void *state;                              /* of the kind */
    uint64_t skipped, hidden;                 /* files that are no photos; those of them whose names begin with a dot */
    GPtrArray *skipped_names, *empty_folders; /* char *, ending with NULL */
    /* where it stands */
    GQueue faults; /* NtQueuedFault */
    NtQueuedFault *current;
    bool row_ready;
    bool ended;
    GError *broken;
    /* the row */
    const char *repeat_hint; /* see nt_source_repeat_hint; NULL: the usual one */
    const char *column;      /* the photos' column that is being taken, for messages; borrowed; NULL: none */
    GString *id;
    GPtrArray *photos; /* char *, NULL-terminated when given out */
    GArray *values;    /* NtListingValue */
    GString *place;
    uint64_t line;
};

/* Empties the row and names its place: "list.csv:17" for a line, else a path. */
void nt_row_begin(NtSource *source, const char *path, uint64_t line);
/* Whether a name ends as photos' names do (source-folder.c). */
bool nt_is_photo_name(const char *name);
/* Adds a text (taken) to a list that ends with NULL, unless it holds `most` already. */
void nt_keep_name(GPtrArray *names, char *name, guint most);
/* Queues a fault of the row's place; `photo` may be NULL. Always returns false. */
bool nt_row_fault(NtSource *source, const char *photo, NiteruError code, const char *format, ...) G_GNUC_PRINTF(4, 5);
/* The same of an error (taken), which keeps its facts. */
bool nt_row_fault_error(NtSource *source, const char *photo, GError *error);
/* Sets the id after checking it; queues a fault and returns false when it cannot be one. */
bool nt_row_set_id(NtSource *source, const char *id);

/* ---- lists (source-list.c) -------------------------------------------------------------------------------------- */

typedef struct NtMapEntry {
    char *field, *column;
} NtMapEntry;

/* What the columns of a list become. */
typedef struct NtListMap {
    GArray *entries; /* NtMapEntry */
    char *base;      /* folder against which paths are taken */
    char *separator; /* of photos in a cell; NULL: "|", and others are asked about */
    char *(*find_photo)(const char *name, void *data, GError **error); /* as in NtSourceOptions */
    void *find_data;
} NtListMap;

bool nt_list_map_open(NtListMap *map, const NtSource *source, const NtSourceOptions *options, GError **error);
void nt_list_map_clear(NtListMap *map);
/* The field a column gives: what the map says, else its own name; "id", "image" and "images" whatever their case; NULL:
 * the column is passed over (no name, or its field is mapped from another). Borrowed from the map or `column`. */
const char *nt_list_field(const NtListMap *map, const char *column);
/* Adds the photos a cell or string names: one, several parted by the separator, or a JSON array. Queues faults. */
void nt_list_add_photos(NtSource *source, const NtListMap *map, const char *text);
void nt_list_add_photo(NtSource *source, const NtListMap *map, const char *text);
/* Whether the row is a product: has an id and, where it must, a photo. Queues the fault when not. */
bool nt_list_finish(NtSource *source, const NtListMap *map);

/* ---- lines (line-reader.c) -------------------------------------------------------------------------------------- */

/* Lines of a text file in UTF-8, read in pieces, turned from another encoding on the way. */
typedef struct NtLines NtLines;

typedef enum NtLineStep {
    NT_LINE,          /* a line */
    NT_LINE_TOO_LONG, /* over the limit: passed over */
    NT_LINE_END,
    NT_LINE_FAILED, /* *error */
} NtLineStep;

/* Refuses what is not text, by its first bytes, with the way out. */
NtLines *nt_lines_open(const char *path, const char *name, const char *encoding, size_t limit, GError **error);
void nt_lines_close(NtLines *lines);
/* The next line without its end; borrowed until the next call. Bytes that the encoding does not have are 0xFF in it,
 * which is never UTF-8, so that checking the line finds them. */
NtLineStep nt_lines_next(NtLines *lines, const char **out_text, size_t *out_size, GError **error);
uint64_t nt_lines_number(const NtLines *lines); /* of the line last given, from 1 */
bool nt_lines_unended(const NtLines *lines);    /* the line given last ends with the file, not with a line end */
double nt_lines_share(const NtLines *lines);    /* read so far, 0..1 */
/* Fails (INVALID) where a line or cell of these lines is not UTF-8, or holds a NUL or a control character that a wrong
 * encoding made. The message has the way out, but not the place. */
bool nt_lines_check(const NtLines *lines, const char *text, size_t size, GError **error);

/* ---- encodings (encoding.c, text-scan.c) ------------------------------------------------------------------------ */

/* The name iconv has for what a user calls an encoding ("shift_jis": CP932, which is what shops mean by it). */
const char *nt_encoding_iconv(const char *given);
bool nt_encoding_is_utf8(const char *given); /* NULL too */
bool nt_encoding_is_wide(const char *given); /* UTF-16 of any kind */
/* "utf-16le" or "utf-16be" where the bytes look like text in it; NULL. */
const char *nt_encoding_wide_order(const char *bytes, size_t size);
/* Which encoding lines that are not UTF-8 are in: "cp932", "euc-jp", "cp1252"; NULL: none of these. Static text. */
const char *nt_encoding_guess(const char *bytes, size_t size);
/* Three cells decoded, those first that are not plain ASCII: "'Größe', '19,90 €', 'a.jpg'". `header` is the list's
 * first line, or NULL. Free with g_free. */
char *nt_encoding_cells(const char *header, const char *bytes, size_t size, const char *encoding);

/* What a look through a list showed; lines that are plain ASCII do not count. */
typedef struct NtTextScan {
    size_t utf8, foreign; /* lines that are UTF-8, and that are not */
    size_t bad;           /* lines that are not in the encoding they are read in, as far as that can be told */
    char *header;
    GString *sample; /* some of the bad ones */
} NtTextScan;

/* Fails (INVALID) when the list as a whole is in another encoding than it would be read in, naming that with three
 * cells decoded. `encoding`: as given, or NULL for UTF-8. */
bool nt_text_scan(int fd, const char *name, const char *encoding, NtTextScan *out, GError **error);
void nt_text_scan_clear(NtTextScan *scan);
/* See nt_lines_check. */
bool nt_text_check(const NtTextScan *scan, const char *encoding, const char *text, size_t size, GError **error);

/* ---- CSV records (csv.c) ---------------------------------------------------------------------------------------- */

typedef struct NtCsv NtCsv;

typedef enum NtCsvStep {
    NT_CSV_RECORD,
    NT_CSV_REFUSED, /* *error says why; the next record begins behind it, or on its second line */
    NT_CSV_END,
    NT_CSV_FAILED,
} NtCsvStep;

/* Takes the lines; the delimiter is told from the first one. */
NtCsv *nt_csv_new(NtLines *lines, const NtLimits *limits);
void nt_csv_free(NtCsv *csv);
/* The next record that is not blank; the error of a refused one has no place in it, nt_csv_line tells it.
 * `columns`: how many cells a record may have; 0: any. */
NtCsvStep nt_csv_next(NtCsv *csv, size_t columns, GError **error);
/* The record just read is the header: faults of cells name their columns by it. */
void nt_csv_name_columns(NtCsv *csv);
uint64_t nt_csv_line(const NtCsv *csv);              /* where the record begins */
size_t nt_csv_count(const NtCsv *csv);               /* cells in it */
const char *nt_csv_cell(const NtCsv *csv, size_t i); /* borrowed until the next record */
/* The record is the file's last and no line end follows it: it may be cut off. */
bool nt_csv_unended(const NtCsv *csv);
const NtLines *nt_csv_lines(const NtCsv *csv);

#endif
