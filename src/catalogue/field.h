/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata fields: their types, how a list's columns get them, and how text becomes a typed value. Included by
 * catalogue/catalogue.h. doc/lists.md has the rules in full, with the ambiguous cases.
 *
 * A field has one type for the whole catalogue, settled when it first appears: told (--type), or inferred from the
 * first NT_COLUMNS_SAMPLE rows of the list that brought it. A value that does not fit is left out (missing), and the
 * call says so, so that it is counted and reported. Names are compared without regard to ASCII case; the reserved
 * names title, category, brand, price, currency, stock, available, group, url and created are ordinary fields whose
 * usual type is preferred.
 */
#ifndef NT_CATALOGUE_FIELD_H
#define NT_CATALOGUE_FIELD_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

typedef enum NtFieldType {
    NT_FIELD_MISSING, /* of a value: none; of a field: unknown */
    NT_FIELD_BOOL,    /* true, false */
    NT_FIELD_INTEGER, /* 64 bits */
    NT_FIELD_NUMBER,  /* double; money is a number, its currency goes to `currency` (or `<field>_currency`) */
    NT_FIELD_DATE,    /* "YYYY-MM-DD" or "YYYY-MM-DDTHH:MM:SSZ" (UTC) */
    NT_FIELD_TEXT,
    NT_FIELD_LIST, /* texts, kept as a JSON array */
} NtFieldType;

/* "bool", "integer", ...; the type of a name, NT_FIELD_MISSING when there is none such. */
const char *nt_field_type_name(NtFieldType type);
NtFieldType nt_field_type_of_name(const char *name);

/* One typed value of a product. Text is borrowed from whoever made the value. */
typedef struct NtValue {
    int64_t field;    /* number of the field, as nt_columns_read and nt_catalogue_find_field give it */
    NtFieldType type; /* NT_FIELD_MISSING: the product has no such value (any more) */
    int64_t integer;  /* BOOL (0, 1), INTEGER */
    double number;    /* NUMBER */
    const char *text; /* DATE, TEXT, LIST (a JSON array of strings) */
} NtValue;

typedef struct NtField {
    int64_t field;
    const char *name; /* borrowed for the time of the callback */
    NtFieldType type;
    bool told;      /* set by an override, not inferred */
    uint64_t count; /* products that have it; only nt_catalogue_each_field counts */
} NtField;

/* The field of a name; NOT_FOUND lists the fields there are and the nearest name. */
bool nt_catalogue_find_field(NtCatalogue *catalogue, const char *name, int64_t *out_field, NtFieldType *out_type,
                             GError **error);

/* All fields in the order they appeared. With `count`, reads all products. Stops when `each` returns false. */
bool nt_catalogue_each_field(NtCatalogue *catalogue, bool count, bool (*each)(const NtField *field, void *data),
                             void *data, GError **error);

/* A number that is raised whenever a field is added, dropped or gets another type, which changes values of products
 * without an entry in the log of changes: what was made of conditions holds while it stays the same. One look-up. */
bool nt_catalogue_fields_version(NtCatalogue *catalogue, int64_t *out, GError **error);

/* ---- from the columns of a list to typed values ----------------------------------------------------------------- */

enum { NT_COLUMNS_SAMPLE = 1000 }; /* rows looked at before types are settled */

/* The columns of one list being read: learn from the first rows, settle, then read each row. Use:
 *     for each of the first rows, for each value: nt_columns_learn
 *     nt_columns_settle (in a transaction: it makes the fields)
 *     for each row, the first ones again: nt_columns_begin_row, nt_columns_read for each value, nt_columns_values
 * A column first seen after settling takes its type from its first value. */
typedef struct NtColumns NtColumns;

/* `types` (NULL: none) are settings "price=number"; the catalogue must outlive the object.
 * Errors: INVALID (a setting that is not understood, naming the types there are). */
NtColumns *nt_columns_new(NtCatalogue *catalogue, const char *const *types, GError **error);
void nt_columns_free(NtColumns *columns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtColumns, nt_columns_free)

/* One value of a sample row: `text` of a cell or a JSON string, else `json` (a number, bool, array, null); both NULL or
 * empty text: no value. */
void nt_columns_learn(NtColumns *columns, const char *name, const char *text, const NtJson *json);

/* Decides the types and makes fields that are new. A told type that differs from the stored one changes it and turns
 * the stored values. A column too many (list-columns) is no error here: nt_columns_read refuses its values. */
bool nt_columns_settle(NtColumns *columns, GError **error);

void nt_columns_begin_row(NtColumns *columns);

/* Turns one value and adds it to the row; a value that does not fit is added as missing.
 * Errors: INVALID (does not fit; the message names field and value), LIMIT (too many fields, or a name too long):
 * count it and go on. */
bool nt_columns_read(NtColumns *columns, const char *name, const char *text, const NtJson *json, GError **error);

/* The row's values, one per field; borrowed until the next begin_row. */
const NtValue *nt_columns_values(const NtColumns *columns, size_t *out_count);

/* ---- single texts ----------------------------------------------------------------------------------------------- */

/* Which mark separates decimals: '.' or ',' by evidence of a column, 0: not known. */
typedef char NtDecimalMark;

/* Reads a number, with or without a currency, in the ways shops write it: "3980", "¥3,980", "1.299,00 €", "$12.50",
 * "12,50 EUR", "US$ 5", "1 299,00", "1e-3". *out_currency (static text, NULL: none) is its ISO 4217 code, or the sign
 * itself where that is ambiguous ("kr"). False when it is not a number. */
bool nt_number_read(const char *text, NtDecimalMark mark, double *out_number, const char **out_currency);

/* What one text says about the decimal mark of its column: '.', ',' or 0 (nothing, or it could be either). */
NtDecimalMark nt_number_mark(const char *text);

/* Whether a text is a date (YYYY-MM-DD or YYYY/MM/DD), alone or with a time of day (no zone: UTC);
 * *out_date is its normal form, free with g_free. */
bool nt_date_read(const char *text, char **out_date);

#endif
