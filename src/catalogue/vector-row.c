/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which row of a model's vectors file belongs to which content. Three look-ups carry the searches: from a row to the
 * photos that show it (vector's primary key, then photo_content), from a product to its rows (photo's unique key, then
 * vector_content), and all rows in the order of ids. CROSS JOIN fixes that order of tables: SQLite's planner would
 * otherwise have to guess, because the catalogue keeps no statistics.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { BLOCK_ROWS = 256 };

/* ---- in --------------------------------------------------------------------------------------------------------- */

static bool check_first(NtCatalogue *catalogue, int64_t model, uint64_t first, GError **error) {
    int64_t rows = -1;
    if (!nt_sql_int(&catalogue->sql, -1, &rows, error, "SELECT rows FROM model WHERE model = ?1", "i", model)) {
        return false;
    }
    return (rows >= 0 && (uint64_t)rows == first) ||
           nt_fail(error, NITERU_ERROR_INVALID,
                   "model number %" G_GINT64_FORMAT ": rows were to be added at %" G_GUINT64_FORMAT
                   ", but %" G_GINT64_FORMAT " are named",
                   model, first, rows);
}

static bool check_contents(NtCatalogue *catalogue, const int64_t *contents, size_t count, GError **error) {
    for (size_t i = 0; i < count; i++) {
        int64_t found = 0;
        if (!nt_sql_int(&catalogue->sql, 0, &found, error, "SELECT 1 FROM content WHERE content = ?1", "i",
                        contents[i])) {
            return false;
        }
        if (found == 0) {
            return nt_fail(error, NITERU_ERROR_INVALID, "content number %" G_GINT64_FORMAT " is not there",
                           contents[i]);
        }
    }
    return true;
}

/* The dead rows that naming a new row for a content makes: its former row in the model, else the new one where no photo
 * shows the content. With `note`, notes the products that show it. */
static bool count_dead(NtCatalogue *catalogue, int64_t model, int64_t content, bool note, int64_t *dead,
                       GError **error) {
    int64_t former = -1;
    bool shown = false;
    if (!nt_catalogue_find_vector(catalogue, model, content, &former, error) ||
        !(note ? nt_change_note_owners(catalogue, content, &shown, error)
               : nt_catalogue_is_shown(catalogue, content, &shown, error))) {
        return false;
    }
    *dead += former >= 0 || !shown;
    return true;
}

bool nt_catalogue_add_vectors(NtCatalogue *catalogue, int64_t model, uint64_t first, const int64_t *contents,
                              size_t count, int64_t maker, GError **error) {
    if (!nt_may_write(catalogue, error) || !check_first(catalogue, model, first, error) ||
        !check_contents(catalogue, contents, count, error)) {
        return false;
    }
    int64_t dead = 0, served = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &served, error, "SELECT is_default FROM model WHERE model = ?1", "i", model)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        /* OR REPLACE drops the content's former row, which has no name then and is dead. */
        if (!count_dead(catalogue, model, contents[i], served != 0, &dead, error) ||
            !nt_sql_run(&catalogue->sql, error,
                        "INSERT OR REPLACE INTO vector(model, vrow, content, maker) VALUES(?1, ?2, ?3, ?4)", "iiii",
                        model, (int64_t)(first + i), contents[i], maker)) {
            return false;
        }
    }
    return nt_sql_run(&catalogue->sql, error, "UPDATE model SET rows = rows + ?2, dead = dead + ?3 WHERE model = ?1",
                      "iii", model, (int64_t)count, dead);
}

bool nt_content_appears(NtCatalogue *catalogue, int64_t content, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "UPDATE model SET dead = dead - 1 WHERE model IN (SELECT model FROM vector WHERE content = ?1)"
                      " AND NOT EXISTS (SELECT 1 FROM photo WHERE content = ?1)",
                      "i", content);
}

bool nt_content_disappears(NtCatalogue *catalogue, int64_t content, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "UPDATE model SET dead = dead + 1 WHERE model IN (SELECT model FROM vector WHERE content = ?1)"
                      " AND NOT EXISTS (SELECT 1 FROM photo WHERE content = ?1)",
                      "i", content);
}

bool nt_vectors_adopt(NtCatalogue *catalogue, int64_t from, int64_t to, GError **error) {
    return nt_change_note_owners(catalogue, to, NULL, error) &&
           nt_sql_run(&catalogue->sql, error,
                      "UPDATE model SET dead = dead + EXISTS (SELECT 1 FROM photo WHERE content = ?1)"
                      " - EXISTS (SELECT 1 FROM photo WHERE content = ?2)"
                      " WHERE model IN (SELECT model FROM vector WHERE content = ?1)"
                      " AND model NOT IN (SELECT model FROM vector WHERE content = ?2)",
                      "ii", from, to) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE OR IGNORE vector SET content = ?2 WHERE content = ?1", "ii", from,
                      to);
}

bool nt_catalogue_put_digests(NtCatalogue *catalogue, int64_t model, uint64_t first_block, const uint64_t *digests,
                              size_t count, unsigned rows_in_last, GError **error) {
    if (!nt_may_write(catalogue, error)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t rows = i + 1 < count ? BLOCK_ROWS : (int64_t)rows_in_last;
        int64_t digest;
        memcpy(&digest, &digests[i], sizeof digest); /* the same 64 bits, as SQLite's integers are signed */
        if (!nt_sql_run(&catalogue->sql, error,
                        "INSERT OR REPLACE INTO block(model, block, rows, digest) VALUES(?1,?2,?3,?4)", "iiii", model,
                        (int64_t)(first_block + i), rows, digest)) {
            return false;
        }
    }
    return true;
}

bool nt_catalogue_get_digest(NtCatalogue *catalogue, int64_t model, uint64_t block, uint64_t *out_digest,
                             unsigned *out_rows, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT rows, digest FROM block WHERE model = ?1 AND block = ?2",
                       "ii", model, (int64_t)block)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        return step < 0 ? false
                        : nt_fail(error, NITERU_ERROR_NOT_FOUND, "block %" G_GUINT64_FORMAT " has no checksum", block);
    }
    int64_t digest = nt_column_int(&query, 1);
    memcpy(out_digest, &digest, sizeof digest);
    *out_rows = (unsigned)nt_column_int(&query, 0);
    return true;
}

/* ---- out -------------------------------------------------------------------------------------------------------- */

bool nt_catalogue_find_vector(NtCatalogue *catalogue, int64_t model, int64_t content, int64_t *out_vrow,
                              GError **error) {
    return nt_sql_int(&catalogue->sql, -1, out_vrow, error, "SELECT vrow FROM vector WHERE content = ?1 AND model = ?2",
                      "ii", content, model);
}

bool nt_catalogue_owners(NtCatalogue *catalogue, int64_t model, uint64_t vrow, GArray *out, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT f.product, f.photo, f.position FROM vector v CROSS JOIN photo f ON f.content = v.content"
                       " WHERE v.model = ?1 AND v.vrow = ?2 ORDER BY f.product, f.position",
                       "ii", model, (int64_t)vrow)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtOwner owner = {.product = nt_column_int(&query, 0),
                         .photo = nt_column_int(&query, 1),
                         .position = (unsigned)nt_column_int(&query, 2)};
        g_array_append_val(out, owner);
    }
    return step == 0;
}

bool nt_catalogue_product_vectors(NtCatalogue *catalogue, int64_t model, int64_t product, GArray *out, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT v.vrow, f.photo, f.position FROM photo f CROSS JOIN vector v ON v.content = f.content"
                       " AND v.model = ?1 WHERE f.product = ?2 ORDER BY f.position",
                       "ii", model, product)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtProductVector vector = {.vrow = (uint64_t)nt_column_int(&query, 0),
                                  .photo = nt_column_int(&query, 1),
                                  .position = (unsigned)nt_column_int(&query, 2)};
        g_array_append_val(out, vector);
    }
    return step == 0;
}

bool nt_catalogue_each_row(NtCatalogue *catalogue, int64_t model, const NtWhere *where,
                           bool (*each)(uint64_t vrow, void *data), void *data, GError **error) {
    g_autofree char *sql =
        where == NULL
            ? g_strdup("SELECT v.vrow FROM photo f CROSS JOIN vector v ON v.content = f.content AND v.model = ?1")
            : g_strdup_printf("SELECT v.vrow FROM product p CROSS JOIN photo f ON f.product = p.product"
                              " CROSS JOIN vector v ON v.content = f.content AND v.model = ?1 WHERE 1%s",
                              nt_where_sql(where));
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "i", model)) {
        return false;
    }
    nt_where_bind(where, query.stmt);
    int step;
    while ((step = nt_query_step(&query, error)) == 1 && each((uint64_t)nt_column_int(&query, 0), data)) {
    }
    return step >= 0;
}

/* The statement of nt_catalogue_each_vector; out_types[i] is the type of fields[i]. */
static char *vector_sql(NtCatalogue *catalogue, const NtVectorQuery *query, NtFieldType out_types[2], GError **error) {
    g_autoptr(GString) sql = g_string_new("SELECT v.vrow, p.product, f.photo, f.position, p.id, f.location");
    for (size_t i = 0; i < G_N_ELEMENTS(query->fields); i++) {
        int64_t field = 0;
        if (query->fields[i] == NULL) {
            g_string_append(sql, ", NULL");
        } else if (!nt_catalogue_find_field(catalogue, query->fields[i], &field, &out_types[i], error)) {
            return NULL;
        } else {
            g_string_append_printf(sql, ", p.m_%" G_GINT64_FORMAT, field);
        }
    }
    g_string_append_printf(sql,
                           " FROM product p CROSS JOIN photo f ON f.product = p.product"
                           " CROSS JOIN vector v ON v.content = f.content AND v.model = ?1 WHERE 1%s"
                           " ORDER BY p.id, f.position",
                           nt_where_sql(query->where));
    return g_string_free(g_steal_pointer(&sql), FALSE);
}

bool nt_catalogue_each_vector(NtCatalogue *catalogue, const NtVectorQuery *query,
                              bool (*each)(const NtVectorEntry *entry, void *data), void *data, GError **error) {
    NtFieldType types[2] = {NT_FIELD_MISSING, NT_FIELD_MISSING};
    g_autofree char *sql = vector_sql(catalogue, query, types, error);
    g_auto(NtQuery) rows = {0};
    if (sql == NULL || !nt_query_open(&rows, &catalogue->sql, error, sql, "i", query->model)) {
        return false;
    }
    nt_where_bind(query->where, rows.stmt);
    int step;
    while ((step = nt_query_step(&rows, error)) == 1) {
        g_autofree char *first = types[0] != NT_FIELD_MISSING ? nt_field_text(types[0], rows.stmt, 6) : NULL;
        g_autofree char *second = types[1] != NT_FIELD_MISSING ? nt_field_text(types[1], rows.stmt, 7) : NULL;
        NtVectorEntry entry = {.vrow = (uint64_t)nt_column_int(&rows, 0),
                               .product = nt_column_int(&rows, 1),
                               .photo = nt_column_int(&rows, 2),
                               .position = (unsigned)nt_column_int(&rows, 3),
                               .id = nt_column_text(&rows, 4),
                               .location = nt_column_text(&rows, 5),
                               .values = {first, second}};
        if (!each(&entry, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_dead_rows(NtCatalogue *catalogue, int64_t model, uint64_t *out_dead, GError **error) {
    int64_t dead = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &dead, error,
                    "SELECT rows - (SELECT count(*) FROM vector v WHERE v.model = ?1"
                    " AND EXISTS (SELECT 1 FROM photo f WHERE f.content = v.content)) FROM model WHERE model = ?1",
                    "i", model)) {
        return false;
    }
    *out_dead = (uint64_t)MAX(dead, 0);
    return true;
}
