/* SPDX-License-Identifier: Apache-2.0 */
/* Looking products up: by id, as JSON, page by page, and counted. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LISTED_AT_ONCE = 256 };

bool nt_catalogue_find_product(NtCatalogue *catalogue, const char *id, int64_t *out_product, GError **error) {
    int64_t product = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &product, error, "SELECT product FROM product WHERE id = ?1", "t", id)) {
        return false;
    }
    if (product == 0) {
        g_autofree char *safe = nt_text_printable(id, 80);
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no product '%s'", safe);
    }
    *out_product = product;
    return true;
}

char *nt_catalogue_product_id(NtCatalogue *catalogue, int64_t product, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT id FROM product WHERE product = ?1", "i", product)) {
        return NULL;
    }
    int step = nt_query_step(&query, error);
    if (step == 0) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "product number %" G_GINT64_FORMAT " is gone", product);
    }
    return step == 1 ? g_strdup(nt_column_text(&query, 0)) : NULL;
}

static NtJson *read_metadata(NtCatalogue *catalogue, int64_t product, GError **error) {
    const GArray *present = nt_fields(catalogue, error);
    if (present == NULL) {
        return NULL;
    }
    g_autoptr(GArray) fields = g_array_ref((GArray *)present);
    g_autoptr(GString) sql = g_string_new("SELECT 1");
    for (guint i = 0; i < fields->len; i++) {
        g_string_append_printf(sql, ",m_%" G_GINT64_FORMAT, g_array_index(fields, StoredField, i).field);
    }
    g_string_append(sql, " FROM product WHERE product=?1");
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql->str, "i", product) || nt_query_step(&query, error) < 0) {
        return NULL;
    }
    return nt_fields_json(fields, query.stmt, 1);
}

/* 0: none. */
static bool read_version(NtCatalogue *catalogue, int64_t product, int64_t *out_version, GError **error) {
    *out_version = 0;
    return !nt_has_versions(catalogue) || nt_sql_int(&catalogue->sql, 0, out_version, error,
                                                     "SELECT version FROM product WHERE product = ?1", "i", product);
}

static NtJson *read_photos(NtCatalogue *catalogue, int64_t product, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(
            &query, &catalogue->sql, error,
            "SELECT location, failure, format, width, height, bytes FROM photo LEFT JOIN content USING(content)"
            " WHERE product = ?1 ORDER BY position",
            "i", product)) {
        return NULL;
    }
    static const char *const names[] = {"width", "height", "bytes"};
    g_autoptr(NtJson) photos = nt_json_array();
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const char *location = nt_column_text(&query, 0);
        g_autofree char *kept =
            g_str_has_prefix(location, "photos/") ? nt_catalogue_path(catalogue, NULL, location) : NULL;
        NtJson *photo = nt_json_set(nt_json_object(), "photo", nt_json_string(kept != NULL ? kept : location));
        nt_json_append(photos, photo);
        if (nt_column_text(&query, 1) != NULL) {
            nt_json_set(photo, "error", nt_json_string(nt_column_text(&query, 1)));
        }
        if (nt_column_text(&query, 2) != NULL) {
            nt_json_set(photo, "format", nt_json_string(nt_column_text(&query, 2)));
        }
        for (int i = 0; i < 3; i++) {
            if (sqlite3_column_type(query.stmt, 3 + i) == SQLITE_INTEGER) {
                nt_json_set(photo, names[i], nt_json_integer(nt_column_int(&query, 3 + i)));
            }
        }
    }
    return step == 0 ? g_steal_pointer(&photos) : NULL;
}

NtJson *nt_catalogue_product_json(NtCatalogue *catalogue, int64_t product, GError **error) {
    g_autofree char *id = nt_catalogue_product_id(catalogue, product, error);
    g_autoptr(NtJson) metadata = id != NULL ? read_metadata(catalogue, product, error) : NULL;
    g_autoptr(NtJson) photos = metadata != NULL ? read_photos(catalogue, product, error) : NULL;
    int64_t version = 0;
    if (photos == NULL || !read_version(catalogue, product, &version, error)) {
        return NULL;
    }
    NtJson *out = nt_json_set(nt_json_object(), "product", nt_json_string(id));
    if (version != 0) {
        nt_json_set(out, "version", nt_json_integer(version));
    }
    nt_json_set(out, "metadata", g_steal_pointer(&metadata));
    return nt_json_set(out, "photos", g_steal_pointer(&photos));
}

bool nt_catalogue_list(NtCatalogue *catalogue, const NtWhere *where, NtFlag flag, const char *after, uint64_t limit,
                       bool (*each)(int64_t product, const char *id, void *data), void *data, GError **error) {
    g_autofree char *sql =
        g_strdup_printf("SELECT p.product, p.id FROM product p WHERE p.id > ?1%s%s ORDER BY p.id LIMIT ?2",
                        nt_where_sql(where), nt_flag_clause(flag));
    g_auto(NtQuery) query = {0};
    int64_t most = limit == 0 || limit > INT64_MAX ? -1 : (int64_t)limit;
    /* No id is empty, so "" stands before the first. */
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "ti", after != NULL ? after : "", most)) {
        return false;
    }
    nt_where_bind(where, query.stmt);
    int step;
    while ((step = nt_query_step(&query, error)) == 1 &&
           each(nt_column_int(&query, 0), nt_column_text(&query, 1), data)) {
    }
    return step >= 0;
}

/* The first of the products behind an id; *out is `count` where there is none. */
static bool first_behind(NtCatalogue *catalogue, const uint32_t *products, size_t count, const char *after, size_t *out,
                         GError **error) {
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2, there = middle;
        g_autofree char *id = NULL;
        for (; there < high; there++) {
            g_autoptr(GError) fault = NULL;
            id = nt_catalogue_product_id(catalogue, products[there], &fault);
            if (id != NULL) {
                break;
            }
            if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
                g_propagate_error(error, g_steal_pointer(&fault));
                return false;
            }
        }
        if (id != NULL && strcmp(id, after) <= 0) {
            low = there + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return true;
}

bool nt_catalogue_list_of(NtCatalogue *catalogue, const NtWhere *where, const uint32_t *products, size_t count,
                          const char *after, uint64_t limit, bool (*each)(int64_t product, const char *id, void *data),
                          void *data, GError **error) {
    g_autofree char *sql = g_strconcat("SELECT p.product, p.id FROM product p WHERE p.product IN"
                                       " (SELECT value FROM json_each(?1))",
                                       nt_where_sql(where), " ORDER BY p.id LIMIT ?2", NULL);
    size_t at = 0;
    if (after != NULL && !first_behind(catalogue, products, count, after, &at, error)) {
        return false;
    }
    uint64_t left = limit == 0 ? UINT64_MAX : limit;
    for (size_t end; at < count && left > 0; at = end) {
        g_autoptr(GString) numbers = g_string_new("[");
        end = at + MIN(count - at, LISTED_AT_ONCE);
        for (size_t i = at; i < end; i++) {
            g_string_append_printf(numbers, "%s%" G_GUINT32_FORMAT, i > at ? "," : "", products[i]);
        }
        g_auto(NtQuery) query = {0};
        if (!nt_query_open(&query, &catalogue->sql, error, sql, "ti", g_string_append_c(numbers, ']')->str,
                           (int64_t)MIN(left, LISTED_AT_ONCE))) {
            return false;
        }
        nt_where_bind(where, query.stmt);
        int step;
        while ((step = nt_query_step(&query, error)) == 1) {
            if (!each(nt_column_int(&query, 0), nt_column_text(&query, 1), data)) {
                return true;
            }
            left--;
        }
        if (step < 0) {
            return false;
        }
    }
    return true;
}

bool nt_catalogue_each_labelled(NtCatalogue *catalogue, const char *field,
                                bool (*each)(int64_t product, const char *id, const char *value, void *data),
                                void *data, GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    const StoredField *found = fields != NULL && field != NULL ? nt_fields_find(fields, field) : NULL;
    if (fields == NULL) {
        return false;
    }
    if (field != NULL && found == NULL) {
        g_autofree char *safe = nt_text_printable(field, 80);
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no field '%s'", safe);
        return nt_fact(error, "parameter", "field");
    }
    g_autofree char *column = found != NULL ? g_strdup_printf("m_%" G_GINT64_FORMAT, found->field) : g_strdup("NULL");
    g_autofree char *sql = g_strdup_printf("SELECT product, id, %s FROM product", column);
    NtFieldType type = found != NULL ? found->type : NT_FIELD_TEXT; /* the list is gone with the next question */
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        g_autofree char *value = nt_field_text(type, query.stmt, 2);
        if (!each(nt_column_int(&query, 0), nt_column_text(&query, 1), value, data)) {
            return true;
        }
    }
    return step == 0;
}

bool nt_catalogue_totals(NtCatalogue *catalogue, NtTotals *out, GError **error) {
    static const char *const counts[] = {
        "SELECT count(*) FROM product",
        "SELECT count(*) FROM photo",
        "SELECT count(*) FROM photo WHERE failure IS NOT NULL",
        "SELECT count(*) FROM photo WHERE failure IS NULL AND content IS NULL",
        "SELECT count(DISTINCT content) FROM photo WHERE content IS NOT NULL",
        "SELECT count(*) FROM source",
    };
    int64_t found[G_N_ELEMENTS(counts)];
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        if (!nt_sql_int(&catalogue->sql, 0, &found[i], error, counts[i], "")) {
            return false;
        }
    }
    *out = (NtTotals){.products = (uint64_t)found[0],
                      .photos = (uint64_t)found[1],
                      .photos_failed = (uint64_t)found[2],
                      .photos_unread = (uint64_t)found[3],
                      .contents = (uint64_t)found[4],
                      .sources = (uint64_t)found[5]};
    return true;
}
