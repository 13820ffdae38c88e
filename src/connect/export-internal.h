/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers of shops' own exports: plain text, prices, the product being put together, tables with known
 * columns. doc/exports.md says what becomes of what. */
#ifndef NT_CONNECT_EXPORT_H
#define NT_CONNECT_EXPORT_H

#include "connect/source-internal.h"

enum {
    NT_EXPORT_TEXT = 5000,        /* bytes of a text that are kept; what is longer ends there */
    NT_EXPORT_LIST = 100,         /* values of a list */
    NT_EXPORT_OPTIONS = 100,      /* different fields that the options or attributes of products make, in one file */
    NT_EXPORT_KNOWN_IDS = 200000, /* ids that are kept to compare others with */
};

/* The text that a reader of HTML sees, white space folded, ended after about `limit` bytes. `html` is UTF-8. New. */
char *nt_plain_text(const char *html, size_t limit);

/* ---- values (export-values.c) ----------------------------------------------------------------------------------- */

/* Reads a price to compare it: a number with or without a currency; false for words. The mark of decimals is the last
 * point or comma that one or two digits follow. */
bool nt_export_price(const char *text, double *out_price);
/* Whether "FROM/TO" (ISO 8601, either may be missing) holds now; an unreadable one does. */
bool nt_export_now_within(const char *from, const char *to);
/* "yes", "1", "TRUE" and their like; `out_known` (NULL: not wanted): it is neither these nor their opposites. */
bool nt_export_truth(const char *text, bool *out_known);
/* The parts of "a, b", trimmed, NT_EXPORT_LIST at most; "\\," is a comma of a part. */
char **nt_export_parts(const char *text);
/* Of "A > B, C": the one with the most levels, "A > B"; new. */
char *nt_export_deepest(const char *categories);

/* What the variants of a product are sold for, and how many there are. All zeros: nothing is known. */
typedef struct NtOffers {
    char *price, *before; /* of the cheapest: what is asked, and what was asked before a reduction */
    double lowest;
    bool priced;           /* `lowest` is a number */
    bool stocked;          /* one of them is counted */
    uint64_t stock;        /* sum of those that are */
    bool asked, available; /* one says whether it can be bought; one can */
} NtOffers;

void nt_offers_clear(NtOffers *offers);
/* One variant's price; `before` counts where it is higher. A price in words counts where no other has a number. */
void nt_offers_add_price(NtOffers *offers, const char *price, const char *before);
/* How many there are of one variant; whether the text is a count. Less than none is none. */
bool nt_offers_add_stock(NtOffers *offers, const char *count, bool *out_some);
void nt_offers_add_available(NtOffers *offers, bool available);

/* ---- the product being put together (export.c) ------------------------------------------------------------------ */

/* What an export's reader gathers for one product, over several rows. */
typedef struct NtExport {
    NtListMap map;
    bool open;      /* a product is being put together */
    char *id;       /* of it */
    uint64_t line;  /* where it begins */
    GArray *photos; /* names with their positions */
    GPtrArray *fields;
    GPtrArray *lists;         /* NtJson *: of the row given out */
    GHashTable *option_names; /* fields that options made so far */
    bool told_options;
} NtExport;

bool nt_export_open(NtExport *export, const NtSource *source, const NtSourceOptions *options, GError **error);
void nt_export_clear(NtExport *export);

void nt_export_begin(NtExport *export, const char *id, uint64_t line);
/* Sets a field to the plain text of `text`; "" and NULL: no value, which empties what an earlier run stored. */
void nt_export_set(NtExport *export, const char *field, const char *text);
void nt_export_set_bool(NtExport *export, const char *field, bool value);
/* Adds the plain text of `text` to a field that is a list; blank and known ones are passed over. */
void nt_export_add(NtExport *export, const char *field, const char *text);
/* What the offers say, as the fields price, regular_price, stock and available; those asked for. */
void nt_export_set_price(NtExport *export, const NtOffers *offers);
void nt_export_set_stock(NtExport *export, const NtOffers *offers);
void nt_export_set_available(NtExport *export, const NtOffers *offers);
/* Adds each part of "a, b" to a list. */
void nt_export_add_parts(NtExport *export, const char *field, const char *text);
/* The same under the name a shop gave an option or attribute ("Colour"): lower-cased, kept apart from niteru's own. */
void nt_export_add_option(NtExport *export, const char *name, const char *value);
/* Adds the photos that a cell names, parted by commas (or the separator that was told), in the order of `position`. */
void nt_export_add_photos(NtExport *export, const char *names, int position);
void nt_export_add_photo(NtExport *export, const char *name, int position);
/* The names of the photos so far; borrowed. */
size_t nt_export_photo_count(const NtExport *export);
const char *nt_export_photo_name(const NtExport *export, size_t i);
/* Gives the product out as the source's row, and ends it. */
NtSourceStep nt_export_give(NtExport *export, NtSource *source);

/* ---- tables (export-table.c) ------------------------------------------------------------------------------------ */

/* A CSV export: its columns are found by their names. */
typedef struct NtTable {
    NtCsv *csv;
    GPtrArray *names; /* char *: lower-case, without "g:", '_' as a space */
} NtTable;

/* Opens the list and reads its header. */
bool nt_table_open(NtTable *table, const NtSource *source, const NtSourceOptions *options, GError **error);
void nt_table_clear(NtTable *table);
/* How names of columns are compared: lower-case, without "g:", '_' as a space; new. */
char *nt_table_name(const char *given);
/* The first column with one of the names ("handle|url handle"), or -1. */
int nt_table_find(const NtTable *table, const char *names);
/* The cell of the record just read; "" where the column is not there, or the record is short. Borrowed. */
const char *nt_table_cell(const NtTable *table, int column);
/* The next record; REFUSED: faults are queued. */
NtCsvStep nt_table_next(NtTable *table, NtSource *source, GError **error);
/* Takes what the map names beside the format's own columns: "fabric=Fabric (custom)". */
void nt_table_add_mapped(const NtTable *table, NtExport *export);
/* Fails, naming the column that is missing ("Handle or URL handle") and what the file looks like instead. */
bool nt_table_fail(const NtTable *table, const NtSource *source, const char *missing, GError **error);
/* The export that a header is unmistakably of, or NULL. */
const NtSourceKind *nt_table_kind(const NtTable *table);

/* "Shopify's product export", and the format that reads it, where the record just read is unmistakably its header;
 * NULL. Static text. */
const char *nt_export_of_header(NtCsv *csv, const char **out_format);
/* The export that a CSV list is unmistakably of, or NULL; no error: what is wrong with it is found by reading it. */
const NtSourceKind *nt_export_recognise(const char *path, const NtSourceOptions *options, const NtLimits *limits);
/* Whether a file begins as XML does. */
bool nt_export_is_xml(const char *path);
/* "id, Title, Image Src": the columns of the record just read, for messages; new. */
char *nt_csv_listed(const NtCsv *csv);

extern const NtSourceKind nt_source_shopify, nt_source_merchant, nt_source_woocommerce;

#endif
