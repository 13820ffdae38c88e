/* SPDX-License-Identifier: Apache-2.0 */
/* Products on their way in and out of the table: runs of sources, put, prune, remove. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LONGEST_ID = 1024 /* bytes */ };

/* ---- runs ------------------------------------------------------------------------------------------------------- */

bool nt_catalogue_start_run(NtCatalogue *catalogue, const char *kind, const char *location, NtRun *out_run,
                            GError **error) {
    NtRun run = {0};
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_run(catalogue, error,
                    "INSERT INTO source(kind, location, run, complete) VALUES(?1, ?2, 1, 0)"
                    " ON CONFLICT(kind, location) DO UPDATE SET run = run + 1, complete = 0",
                    "tt", kind, location) ||
        !nt_sql_int(catalogue, 0, &run.source, error, "SELECT source FROM source WHERE kind = ?1 AND location = ?2",
                    "tt", kind, location) ||
        !nt_sql_int(catalogue, 0, &run.run, error, "SELECT run FROM source WHERE source = ?1", "i", run.source)) {
        return false;
    }
    *out_run = run;
    return true;
}

/* The products that only earlier runs of source ?1 (before ?2) brought, and no other source. */
#define LET_GO "(SELECT product FROM brought GROUP BY product HAVING count(*) = sum(source = ?1 AND run <> ?2))"

bool nt_catalogue_end_run(NtCatalogue *catalogue, const NtRun *run, bool prune, uint64_t *out_removed, GError **error) {
    if (!nt_may_write(catalogue, error)) {
        return false;
    }
    uint64_t removed = 0;
    if (prune) {
        if (!nt_sql_run(catalogue, error, "DELETE FROM photo WHERE product IN " LET_GO, "ii", run->source, run->run) ||
            !nt_sql_run(catalogue, error, "DELETE FROM product WHERE product IN " LET_GO, "ii", run->source,
                        run->run)) {
            return false;
        }
        removed = (uint64_t)sqlite3_changes64(catalogue->db);
        if (!nt_sql_run(catalogue, error, "DELETE FROM brought WHERE source = ?1 AND run <> ?2", "ii", run->source,
                        run->run)) {
            return false;
        }
    }
    if (!nt_sql_run(catalogue, error, "UPDATE source SET complete = 1 WHERE source = ?1", "i", run->source)) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = removed;
    }
    return true;
}

bool nt_catalogue_missed_below(NtCatalogue *catalogue, const NtRun *run, const char *folder, bool *out_missed,
                               GError **error) {
    int64_t missed = 0;
    if (!nt_sql_int(catalogue, 0, &missed, error,
                    "SELECT EXISTS(SELECT 1 FROM brought b JOIN product p USING(product) WHERE b.source = ?1 AND"
                    " b.run <> ?2 AND (substr(p.id, 1, length(?3)) = ?3 OR p.id || '/' = ?3))",
                    "iit", run->source, run->run, folder)) {
        return false;
    }
    *out_missed = missed != 0;
    return true;
}

bool nt_catalogue_each_source(NtCatalogue *catalogue, bool (*each)(const NtSourceRow *source, void *data), void *data,
                              GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, catalogue, error,
                       "SELECT s.source, kind, location, complete, count(b.product) FROM source s"
                       " LEFT JOIN brought b USING(source) GROUP BY s.source ORDER BY s.source",
                       "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtSourceRow row = {.source = nt_column_int(&query, 0),
                           .kind = nt_column_text(&query, 1),
                           .location = nt_column_text(&query, 2),
                           .complete = nt_column_int(&query, 3) != 0,
                           .products = (uint64_t)nt_column_int(&query, 4)};
        if (!each(&row, data)) {
            break;
        }
    }
    return step >= 0;
}

/* ---- putting a product ------------------------------------------------------------------------------------------ */

static bool check_id(const char *id, GError **error) {
    size_t size = strlen(id);
    g_autofree char *safe = nt_text_printable(id, 80);
    if (size == 0 || size > LONGEST_ID) {
        return nt_fail(error, NITERU_ERROR_INVALID, "the id '%s' has %zu bytes; 1 to %d are allowed", safe, size,
                       LONGEST_ID);
    }
    bool plain = g_utf8_validate(id, -1, NULL);
    for (const char *p = id; plain && *p != '\0'; p = g_utf8_next_char(p)) {
        plain = !g_unichar_iscntrl(g_utf8_get_char(p)); /* C1 too */
    }
    return plain || nt_fail(error, NITERU_ERROR_INVALID, "the id '%s' holds control characters or is not UTF-8", safe);
}

/* Refuses an id that this run of this source brought already: both lines are named. */
static bool check_not_brought(NtCatalogue *catalogue, const NtRun *run, int64_t product, const NtProductPut *put,
                              GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, catalogue, error, "SELECT run, line FROM brought WHERE product = ?1 AND source = ?2",
                       "ii", product, run->source)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step < 0) {
        return false;
    }
    if (step == 0 || nt_column_int(&query, 0) != run->run) {
        return true;
    }
    g_autofree char *safe = nt_text_printable(put->id, 80);
    if (put->line == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "product '%s' came already from this source", safe);
    }
    return nt_fail(error, NITERU_ERROR_INVALID,
                   "product '%s' stands on line %" G_GUINT64_FORMAT " and was on line %" G_GINT64_FORMAT
                   " already; an id may stand in a list once",
                   safe, put->line, nt_column_int(&query, 1));
}

static bool put_values(NtCatalogue *catalogue, int64_t product, const NtProductPut *put, GError **error) {
    if (put->value_count == 0) {
        return true;
    }
    g_autoptr(GString) sql = g_string_new("UPDATE product SET ");
    for (size_t i = 0; i < put->value_count; i++) {
        g_string_append_printf(sql, "%sm_%" G_GINT64_FORMAT "=?%zu", i > 0 ? "," : "", put->values[i].field, i + 2);
    }
    g_string_append(sql, " WHERE product=?1");
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, catalogue, error, sql->str, "i", product)) {
        return false;
    }
    for (size_t i = 0; i < put->value_count; i++) {
        nt_value_bind(query.stmt, (int)i + 2, &put->values[i]);
    }
    return nt_query_step(&query, error) >= 0;
}

/* The product's row, made when it is new. Checks before it writes. */
static bool put_row(NtCatalogue *catalogue, const NtRun *run, const NtProductPut *put, int64_t *out_product,
                    bool *out_added, GError **error) {
    int64_t product = 0;
    if (!check_id(put->id, error) ||
        !nt_sql_int(catalogue, 0, &product, error, "SELECT product FROM product WHERE id = ?1", "t", put->id)) {
        return false;
    }
    *out_added = product == 0;
    if (product != 0) {
        if (!check_not_brought(catalogue, run, product, put, error)) {
            return false;
        }
    } else {
        if (!nt_sql_run(catalogue, error, "INSERT INTO product(id) VALUES(?1)", "t", put->id)) {
            return false;
        }
        product = sqlite3_last_insert_rowid(catalogue->db);
    }
    *out_product = product;
    return nt_sql_run(catalogue, error,
                      "INSERT INTO brought(product, source, run, line) VALUES(?1, ?2, ?3, ?4)"
                      " ON CONFLICT(product, source) DO UPDATE SET run = excluded.run, line = excluded.line",
                      "iiii", product, run->source, run->run, (int64_t)put->line);
}

bool nt_catalogue_put_product(NtCatalogue *catalogue, const NtRun *run, const NtProductPut *put,
                              NtPhotoState *out_photos, bool *out_added, GError **error) {
    int64_t product = 0;
    bool added = false;
    if (!nt_may_write(catalogue, error) || !put_row(catalogue, run, put, &product, &added, error) ||
        !put_values(catalogue, product, put, error)) {
        return false;
    }
    if (put->photo_count > 0 && !nt_photos_put(catalogue, product, put, out_photos, error)) {
        return false;
    }
    if (out_added != NULL) {
        *out_added = added;
    }
    return true;
}

/* ---- removing --------------------------------------------------------------------------------------------------- */

bool nt_catalogue_remove_product(NtCatalogue *catalogue, const char *id, bool *out_removed, GError **error) {
    int64_t product = 0;
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_int(catalogue, 0, &product, error, "SELECT product FROM product WHERE id = ?1", "t", id)) {
        return false;
    }
    if (product != 0 && (!nt_sql_run(catalogue, error, "DELETE FROM photo WHERE product = ?1", "i", product) ||
                         !nt_sql_run(catalogue, error, "DELETE FROM brought WHERE product = ?1", "i", product) ||
                         !nt_sql_run(catalogue, error, "DELETE FROM product WHERE product = ?1", "i", product))) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = product != 0;
    }
    return true;
}

static bool remove_matching(NtCatalogue *catalogue, const char *table, const NtWhere *where, GError **error) {
    g_autofree char *sql = g_strdup_printf(
        "DELETE FROM %s WHERE product IN (SELECT p.product FROM product p WHERE 1%s)", table, nt_where_sql(where));
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, catalogue, error, sql, "")) {
        return false;
    }
    nt_where_bind(where, query.stmt);
    return nt_query_step(&query, error) >= 0;
}

bool nt_catalogue_remove_where(NtCatalogue *catalogue, const NtWhere *where, uint64_t *out_removed, GError **error) {
    if (!nt_may_write(catalogue, error) || !remove_matching(catalogue, "photo", where, error) ||
        !remove_matching(catalogue, "brought", where, error) || !remove_matching(catalogue, "product", where, error)) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = (uint64_t)sqlite3_changes64(catalogue->db);
    }
    return true;
}
