/* SPDX-License-Identifier: Apache-2.0 */
/* The fields there are. The table is small (list-columns bounds it) and read as a whole, again only when its version in
 * `meta` has changed. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LONGEST_NAME = 200 /* bytes */ };

static void clear_stored(void *at) { g_free(((StoredField *)at)->name); }

const GArray *nt_fields(NtCatalogue *catalogue, GError **error) {
    int64_t version = 0;
    if (!nt_catalogue_fields_version(catalogue, &version, error)) {
        return NULL;
    }
    if (catalogue->fields != NULL && version == catalogue->fields_version) {
        return catalogue->fields;
    }
    g_autoptr(GArray) fields = g_array_new(false, false, sizeof(StoredField));
    g_array_set_clear_func(fields, clear_stored);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       nt_has_changes(catalogue) ? "SELECT field, name, type, declared FROM field ORDER BY field"
                                                 : "SELECT field, name, type, told FROM field ORDER BY field",
                       "")) {
        return NULL;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const char *name = nt_column_text(&query, 1), *type = nt_column_text(&query, 2);
        StoredField field = {.field = nt_column_int(&query, 0),
                             .name = g_strdup(name != NULL ? name : ""),
                             .type = nt_field_type_of_name(type != NULL ? type : ""),
                             .declared = nt_column_int(&query, 3) != 0};
        g_array_append_val(fields, field);
    }
    if (step < 0) {
        return NULL;
    }
    g_clear_pointer(&catalogue->fields, g_array_unref);
    catalogue->fields = g_steal_pointer(&fields);
    catalogue->fields_version = version;
    return catalogue->fields;
}

const StoredField *nt_fields_find(const GArray *fields, const char *name) {
    for (guint i = 0; i < fields->len; i++) {
        const StoredField *field = &g_array_index(fields, StoredField, i);
        if (g_ascii_strcasecmp(field->name, name) == 0) {
            return field;
        }
    }
    return NULL;
}

const char *nt_fields_nearest(const GArray *fields, const char *name) {
    const char *nearest = NULL;
    unsigned least = MAX(2u, (unsigned)strlen(name) / 3) + 1;
    g_autofree char *asked = g_ascii_strdown(name, -1);
    for (guint i = 0; i < fields->len; i++) {
        const char *candidate = g_array_index(fields, StoredField, i).name;
        g_autofree char *lower = g_ascii_strdown(candidate, -1);
        unsigned far = nt_text_distance(asked, lower);
        if (far < least && far < strlen(candidate)) {
            least = far;
            nearest = candidate;
        }
    }
    return nearest;
}

char *nt_fields_listed(const GArray *fields) {
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < fields->len && i < 20; i++) {
        g_autofree char *safe = nt_text_printable(g_array_index(fields, StoredField, i).name, 60);
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", safe);
    }
    if (fields->len > 20) {
        g_string_append_printf(out, ", and %u more", fields->len - 20);
    }
    return g_string_free(out, FALSE);
}

bool nt_catalogue_find_field(NtCatalogue *catalogue, const char *name, int64_t *out_field, NtFieldType *out_type,
                             GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    if (fields == NULL) {
        return false;
    }
    const StoredField *field = nt_fields_find(fields, name);
    if (field == NULL) {
        const char *nearest = nt_fields_nearest(fields, name);
        g_autofree char *listed = nt_fields_listed(fields), *safe = nt_text_printable(name, 60);
        g_autofree char *hint =
            nearest != NULL ? g_strdup_printf("; did you mean '%s'?", nearest) : g_strdup(fields->len > 0 ? ";" : "");
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no field '%s'%s %s%s", safe, hint,
                       fields->len > 0 ? "The fields are: " : "(the catalogue has no fields yet)", listed);
    }
    *out_field = field->field;
    if (out_type != NULL) {
        *out_type = field->type;
    }
    return true;
}

/* How many products have each field, in one pass over the products: counts[i] belongs to fields[i]. */
static bool count_values(NtCatalogue *catalogue, const GArray *fields, uint64_t *counts, GError **error) {
    g_autoptr(GString) sql = g_string_new("SELECT ");
    for (guint i = 0; i < fields->len; i++) {
        g_string_append_printf(sql, "%scount(m_%" G_GINT64_FORMAT ")", i > 0 ? ", " : "",
                               g_array_index(fields, StoredField, i).field);
    }
    g_string_append(sql, " FROM product");
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql->str, "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    for (guint i = 0; i < fields->len; i++) {
        counts[i] = (uint64_t)nt_column_int(&query, (int)i);
    }
    return true;
}

bool nt_catalogue_each_field(NtCatalogue *catalogue, bool count, bool (*each)(const NtField *field, void *data),
                             void *data, GError **error) {
    const GArray *present = nt_fields(catalogue, error);
    if (present == NULL) {
        return false;
    }
    g_autoptr(GArray) fields = g_array_ref((GArray *)present); /* `each` may cause the table to be read anew */
    g_autofree uint64_t *counts = g_new0(uint64_t, fields->len + 1);
    if (count && fields->len > 0 && !count_values(catalogue, fields, counts, error)) {
        return false;
    }
    for (guint i = 0; i < fields->len; i++) {
        const StoredField *stored = &g_array_index(fields, StoredField, i);
        NtField field = {.field = stored->field,
                         .name = stored->name,
                         .type = stored->type,
                         .declared = stored->declared,
                         .count = counts[i]};
        if (!each(&field, data)) {
            break;
        }
    }
    return true;
}

static bool check_name(const char *name, GError **error) {
    size_t size = strlen(name);
    bool plain = size > 0 && g_utf8_validate(name, -1, NULL);
    for (const char *p = name; plain && *p != '\0'; p++) {
        plain = (unsigned char)*p >= 0x20 && *p != 0x7f;
    }
    g_autofree char *safe = nt_text_printable(name, 60);
    if (!plain) {
        return nt_fail(error, NITERU_ERROR_INVALID, "'%s' cannot be the name of a field", safe);
    }
    if (g_ascii_strcasecmp(name, "id") == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "'id' is the product's own name, not a field");
    }
    return size <= LONGEST_NAME ||
           nt_fail(error, NITERU_ERROR_LIMIT, "'%s': a field's name may have %d bytes", safe, LONGEST_NAME);
}

bool nt_catalogue_fields_version(NtCatalogue *catalogue, int64_t *out, GError **error) {
    return nt_sql_int(&catalogue->sql, 0, out, error, "SELECT value FROM meta WHERE key = 'fields_version'", "");
}

static bool fields_changed(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(&catalogue->sql, error, "UPDATE meta SET value = value + 1 WHERE key = 'fields_version'", "");
}

bool nt_field_add(NtCatalogue *catalogue, const char *name, NtFieldType type, bool declared, int64_t *out_field,
                  GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    if (fields == NULL || !check_name(name, error)) {
        return false;
    }
    if (fields->len >= catalogue->limits.list_columns) {
        g_autofree char *safe = nt_text_printable(name, 60);
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "field '%s': the catalogue has %u fields already (limit list-columns)", safe, fields->len);
    }
    if (!nt_sql_run(&catalogue->sql, error, "INSERT INTO field(name, type, declared) VALUES(?1, ?2, ?3)", "tti", name,
                    nt_field_type_name(type), (int64_t)declared)) {
        return false;
    }
    int64_t field = sqlite3_last_insert_rowid(catalogue->sql.db);
    g_autofree char *sql = g_strdup_printf("ALTER TABLE product ADD COLUMN m_%" G_GINT64_FORMAT, field);
    if (!nt_sql_run(&catalogue->sql, error, sql, "") || !fields_changed(catalogue, error)) {
        return false;
    }
    *out_field = field;
    return true;
}

NtJson *nt_field_json(NtFieldType type, sqlite3_stmt *stmt, int column) {
    if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
        return NULL;
    }
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    switch (type) {
    case NT_FIELD_BOOL: return nt_json_bool(sqlite3_column_int64(stmt, column) != 0);
    case NT_FIELD_INTEGER: return nt_json_integer(sqlite3_column_int64(stmt, column));
    case NT_FIELD_NUMBER: return nt_json_real(sqlite3_column_double(stmt, column));
    case NT_FIELD_LIST: return text != NULL ? nt_json_parse(text, strlen(text), "list", NULL, NULL) : NULL;
    default: return nt_json_string(text);
    }
}

NtJson *nt_fields_json(const GArray *fields, sqlite3_stmt *stmt, int column) {
    NtJson *metadata = nt_json_object();
    for (guint i = 0; i < fields->len; i++) {
        const StoredField *field = &g_array_index(fields, StoredField, i);
        NtJson *value = nt_field_json(field->type, stmt, column + (int)i);
        if (value != NULL) {
            nt_json_set(metadata, field->name, value);
        }
    }
    return metadata;
}

char *nt_field_text(NtFieldType type, sqlite3_stmt *stmt, int column) {
    g_autoptr(NtJson) json = nt_field_json(type, stmt, column);
    if (json == NULL) {
        return NULL;
    }
    const char *text = nt_json_text(json, NULL);
    return text != NULL ? g_strdup(text) : nt_json_print(json, false);
}

void nt_value_bind(sqlite3_stmt *stmt, int at, const NtValue *value) {
    switch (value->type) {
    case NT_FIELD_MISSING: sqlite3_bind_null(stmt, at); break;
    case NT_FIELD_BOOL:
    case NT_FIELD_INTEGER: sqlite3_bind_int64(stmt, at, value->integer); break;
    case NT_FIELD_NUMBER: sqlite3_bind_double(stmt, at, value->number); break;
    default: sqlite3_bind_text(stmt, at, value->text, -1, SQLITE_STATIC); break;
    }
}

/* Reads each value as text (a list: as JSON) and writes it as the new type. A row is written after it was read, and
 * its place in the order (its number) does not change, so reading and writing may go side by side. `turned` gets the
 * numbers of the products. */
static bool turn_values(NtCatalogue *catalogue, const StoredField *field, NtFieldType type, GArray *turned,
                        GError **error) {
    g_autofree char *read_sql = g_strdup_printf(
        "SELECT product, m_%" G_GINT64_FORMAT " FROM product WHERE m_%" G_GINT64_FORMAT " IS NOT NULL ORDER BY product",
        field->field, field->field);
    g_autofree char *write_sql =
        g_strdup_printf("UPDATE product SET m_%" G_GINT64_FORMAT " = ?2 WHERE product = ?1", field->field);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, read_sql, "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        int64_t product = nt_column_int(&query, 0);
        g_autofree char *text = nt_field_text(field->type, query.stmt, 1), *owned = NULL;
        const char *currency = NULL;
        NtValue value = {0};
        nt_value_read(type, '.', text, NULL, &value, &owned, &currency);
        nt_value_hide(field->name, type, &value);
        g_auto(NtQuery) update = {0};
        if (!nt_query_open(&update, &catalogue->sql, error, write_sql, "i", product)) {
            return false;
        }
        nt_value_bind(update.stmt, 2, &value);
        if (nt_query_step(&update, error) < 0) {
            return false;
        }
        g_array_append_val(turned, product);
    }
    return step == 0;
}

bool nt_field_retype(NtCatalogue *catalogue, int64_t field, NtFieldType type, GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    g_autoptr(GArray) turned = g_array_new(false, false, sizeof(int64_t));
    if (fields == NULL) {
        return false;
    }
    for (guint i = 0; i < fields->len; i++) {
        const StoredField *stored = &g_array_index(fields, StoredField, i);
        if (stored->field == field && stored->type != type && !turn_values(catalogue, stored, type, turned, error)) {
            return false;
        }
    }
    bool ok = nt_sql_run(&catalogue->sql, error, "UPDATE field SET type = ?2, declared = 1 WHERE field = ?1", "it",
                         field, nt_field_type_name(type)) &&
              fields_changed(catalogue, error);
    for (guint i = 0; ok && i < turned->len; i++) { /* a text may have become a number, which is no word */
        ok = nt_words_note(catalogue, g_array_index(turned, int64_t, i), error);
    }
    return ok;
}
