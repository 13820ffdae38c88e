/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metadata fields, and how a list's columns become them. Included by catalogue/catalogue.h.
 *
 * A field has one type for the whole catalogue, settled when it first appears: declared (--type), or inferred from the
 * first NT_COLUMNS_SAMPLE rows of the list that brought it. A value that does not fit is left out (missing), and the
 * call says so, so that it is counted and reported. Names are compared without regard to ASCII case; the reserved
 * names title, category, brand, price, currency, stock, available, group, url and created are ordinary fields whose
 * usual type is preferred. `public` decides who may see a product (nt_field_guards): it is bool, and a value that does
 * not fit counts as false.
 */
#ifndef NT_CATALOGUE_FIELD_H
#define NT_CATALOGUE_FIELD_H

#include "values/values.h"

typedef struct NtCatalogue NtCatalogue;

typedef struct NtField {
    int64_t field;
    const char *name; /* borrowed for the time of the callback */
    NtFieldType type;
    bool declared;  /* by a setting, not inferred */
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

/* Decides the types and makes fields that are new. A declared type that differs from the stored one changes it and
 * turns the stored values. A column too many (list-columns) is no error here: nt_columns_read refuses its values. */
bool nt_columns_settle(NtColumns *columns, GError **error);

void nt_columns_begin_row(NtColumns *columns);

/* Turns one value and adds it to the row; a value that does not fit is added as missing.
 * Errors: INVALID (does not fit; the message names field and value), LIMIT (too many fields, or a name too long):
 * count it and go on. */
bool nt_columns_read(NtColumns *columns, const char *name, const char *text, const NtJson *json, GError **error);

/* The row's values, one per field; borrowed until the next begin_row. */
const NtValue *nt_columns_values(const NtColumns *columns, size_t *out_count);

#endif
