/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readings a state in memory is built from: each touches indexes only, or the rows asked for, and goes over a whole
 * shop in one statement. Where rows are many the callback runs inside SQLite's own loop, from an aggregate function,
 * which is cheaper than a step of the statement for each.
 */
#include "catalogue/catalogue-internal.h"

/* ---- products --------------------------------------------------------------------------------------------------- */

/* Who is called with the products that a statement finds; handed to nt_visit as a pointer. */
typedef struct Visit {
    bool (*each)(int64_t product, void *data);
    void *data;
    bool stopped;
} Visit;

static const char visit_type[] = "NtVisit";

/* nt_visit(product, visit): an error stops the statement, as the visitor asked. */
static void visit_step(sqlite3_context *context, int argc, sqlite3_value **argv) {
    Visit *visit = sqlite3_value_pointer(argv[1], visit_type);
    if (visit == NULL || visit->stopped) {
        return;
    }
    visit->stopped = !visit->each(sqlite3_value_int64(argv[0]), visit->data);
    if (visit->stopped) {
        sqlite3_result_error_code(context, SQLITE_ABORT);
    }
}

static void visit_final(sqlite3_context *context) { sqlite3_result_null(context); }

bool nt_visit_register(NtCatalogue *catalogue, GError **error) {
    int rc = sqlite3_create_function_v2(catalogue->sql.db, "nt_visit", 2, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, NULL,
                                        visit_step, visit_final, NULL);
    return rc == SQLITE_OK || nt_sql_fail(&catalogue->sql, error);
}

bool nt_catalogue_match(NtCatalogue *catalogue, const NtWhere *where, uint64_t since,
                        bool (*each)(int64_t product, void *data), void *data, GError **error) {
    const char *changed = since > 0 ? " AND p.product IN (SELECT product FROM change WHERE seq > ?2)" : "";
    g_autofree char *sql =
        g_strdup_printf("SELECT nt_visit(p.product, ?1) FROM product p WHERE 1%s%s", changed, nt_where_sql(where));
    Visit visit = {.each = each, .data = data};
    if (since > 0 && (!nt_has_changes(catalogue) || since > INT64_MAX)) {
        return true;
    }
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
        return false;
    }
    sqlite3_bind_pointer(query.stmt, 1, &visit, visit_type, NULL);
    if (since > 0) {
        sqlite3_bind_int64(query.stmt, 2, (int64_t)since);
    }
    nt_where_bind(where, query.stmt);
    g_autoptr(GError) fault = NULL;
    if (nt_query_step(&query, &fault) < 0 && !visit.stopped) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    return true;
}

static bool each_number(NtQuery *query, bool (*each)(int64_t product, void *data), void *data, GError **error) {
    int step;
    while ((step = nt_query_step(query, error)) == 1 && each(nt_column_int(query, 0), data)) {
    }
    return step >= 0;
}

bool nt_catalogue_each_product(NtCatalogue *catalogue, bool (*each)(int64_t product, void *data), void *data,
                               GError **error) {
    g_auto(NtQuery) query = {0};
    return nt_query_open(&query, &catalogue->sql, error, "SELECT product FROM product ORDER BY id", "") &&
           each_number(&query, each, data, error);
}

bool nt_catalogue_walk(NtCatalogue *catalogue, int64_t product, bool forward, bool (*each)(int64_t product, void *data),
                       void *data, GError **error) {
    g_autofree char *id = nt_catalogue_product_id(catalogue, product, error);
    g_auto(NtQuery) query = {0};
    return id != NULL &&
           nt_query_open(&query, &catalogue->sql, error,
                         forward ? "SELECT product FROM product WHERE id > ?1 ORDER BY id"
                                 : "SELECT product FROM product WHERE id < ?1 ORDER BY id DESC",
                         "t", id) &&
           each_number(&query, each, data, error);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

bool nt_catalogue_each_shown(NtCatalogue *catalogue, int64_t model,
                             bool (*each)(uint64_t vrow, int64_t product, void *data), void *data, GError **error) {
    /* The unary plus keeps the planner off the order of rows, which would have to be sorted. Both statements see one
     * state: the second begins while the first holds it. */
    g_auto(NtQuery) vectors = {0}, photos = {0};
    if (!nt_query_open(&vectors, &catalogue->sql, error,
                       "SELECT content, vrow FROM vector INDEXED BY vector_content WHERE +model = ?1 ORDER BY content",
                       "i", model) ||
        !nt_query_open(&photos, &catalogue->sql, error,
                       "SELECT content, product FROM photo INDEXED BY photo_content WHERE content IS NOT NULL"
                       " ORDER BY content",
                       "")) {
        return false;
    }
    int vector = nt_query_step(&vectors, error);
    int photo = vector == 1 ? nt_query_step(&photos, error) : vector;
    while (vector == 1 && photo == 1) {
        int64_t embedded = nt_column_int(&vectors, 0), content = nt_column_int(&photos, 0);
        if (embedded < content) {
            vector = nt_query_step(&vectors, error);
            continue;
        }
        if (embedded == content && !each((uint64_t)nt_column_int(&vectors, 1), nt_column_int(&photos, 1), data)) {
            return true;
        }
        photo = nt_query_step(&photos, error);
    }
    return vector >= 0 && photo >= 0;
}

/* ---- what is shown of found rows -------------------------------------------------------------------------------- */

enum { MOST_SHOWN = 1000000 /* the JSON of more could be longer than a value may be */ };

static const char by_row[] = " FROM json_each(?2) j CROSS JOIN vector v ON v.model = ?1 AND v.vrow = j.value ->> 1"
                             " CROSS JOIN product p ON p.product = j.value ->> 0"
                             " CROSS JOIN photo f ON f.photo = (SELECT photo FROM photo WHERE content = v.content"
                             " AND product = p.product ORDER BY position LIMIT 1)";
static const char by_product[] = " FROM json_each(?2) j CROSS JOIN product p ON p.product = j.value ->> 0"
                                 " LEFT JOIN photo f ON f.photo = (SELECT photo FROM photo WHERE product = p.product"
                                 " ORDER BY position LIMIT 1)";

/* The rows asked for as JSON: [[product, vrow], ...]. */
static char *shown_as_json(const NtShown *shown, size_t count) {
    GString *out = g_string_new("[");
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(out, "%s[%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT "]", i > 0 ? "," : "", shown[i].product,
                               (int64_t)shown[i].vrow);
    }
    g_string_append_c(out, ']');
    return g_string_free(out, FALSE);
}

static char *describe_sql(const char *from, const GArray *fields) {
    g_autoptr(GString) sql = g_string_new("SELECT j.key, p.id, coalesce(f.location, ''), coalesce(f.position, -1)");
    for (guint i = 0; fields != NULL && i < fields->len; i++) {
        g_string_append_printf(sql, ", p.m_%" G_GINT64_FORMAT, g_array_index(fields, StoredField, i).field);
    }
    g_string_append(sql, from);
    return g_string_free(g_steal_pointer(&sql), FALSE);
}

static bool
describe(NtCatalogue *catalogue, const char *from, int64_t model, const NtShown *shown, size_t count, bool metadata,
         bool (*each)(size_t i, const char *id, const char *location, int64_t position, NtJson *metadata, void *data),
         void *data, GError **error) {
    g_autoptr(GArray) fields = NULL;
    if (count > MOST_SHOWN) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%zu rows are to be described; %d at a time are allowed", count,
                       MOST_SHOWN);
    }
    if (metadata) {
        const GArray *present = nt_fields(catalogue, error);
        if (present == NULL) {
            return false;
        }
        fields = g_array_ref((GArray *)present); /* `each` may cause the table to be read anew */
    }
    g_autofree char *sql = describe_sql(from, fields), *asked = shown_as_json(shown, count);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "it", model, asked)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        g_autoptr(NtJson) values = metadata ? nt_fields_json(fields, query.stmt, 4) : NULL;
        if (!each((size_t)nt_column_int(&query, 0), nt_column_text(&query, 1), nt_column_text(&query, 2),
                  nt_column_int(&query, 3), values, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_describe(NtCatalogue *catalogue, int64_t model, const NtShown *shown, size_t count, bool metadata,
                           bool (*each)(size_t i, const char *id, const char *location, int64_t position,
                                        NtJson *metadata, void *data),
                           void *data, GError **error) {
    return describe(catalogue, by_row, model, shown, count, metadata, each, data, error);
}

bool nt_catalogue_describe_products(NtCatalogue *catalogue, const NtShown *shown, size_t count, bool metadata,
                                    bool (*each)(size_t i, const char *id, const char *location, int64_t position,
                                                 NtJson *metadata, void *data),
                                    void *data, GError **error) {
    return describe(catalogue, by_product, 0, shown, count, metadata, each, data, error);
}

/* ---- one field of products -------------------------------------------------------------------------------------- */

bool nt_catalogue_each_value(NtCatalogue *catalogue, const char *field, int64_t product,
                             bool (*each)(int64_t product, const char *text, void *data), void *data, GError **error) {
    const GArray *fields = nt_fields(catalogue, error);
    const StoredField *stored = fields != NULL ? nt_fields_find(fields, field) : NULL;
    if (stored == NULL) {
        return fields != NULL;
    }
    NtFieldType type = stored->type;
    g_autofree char *sql = g_strdup_printf("SELECT product, m_%" G_GINT64_FORMAT
                                           " FROM product WHERE m_%" G_GINT64_FORMAT " IS NOT NULL%s",
                                           stored->field, stored->field, product != 0 ? " AND product = ?1" : "");
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, product != 0 ? "i" : "", product)) {
        return false;
    }
    int step;
    bool more = true;
    while (more && (step = nt_query_step(&query, error)) == 1) {
        g_autofree char *text = nt_field_text(type, query.stmt, 1);
        more = text == NULL || each(nt_column_int(&query, 0), text, data);
    }
    return !more || step >= 0;
}
