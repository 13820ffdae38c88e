/* SPDX-License-Identifier: Apache-2.0 */
/* Runs over sources, and products on their way into the table. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LONGEST_ID = 1024 /* bytes */ };

/* ---- runs ------------------------------------------------------------------------------------------------------- */

bool nt_catalogue_start_run(NtCatalogue *catalogue, const char *kind, const char *location, NtRun *out_run,
                            GError **error) {
    NtRun run = {0};
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO source(kind, location, run, complete) VALUES(?1, ?2, 1, 0)"
                    " ON CONFLICT(kind, location) DO UPDATE SET run = run + 1, complete = 0",
                    "tt", kind, location) ||
        !nt_sql_int(&catalogue->sql, 0, &run.source, error,
                    "SELECT source FROM source WHERE kind = ?1 AND location = ?2", "tt", kind, location) ||
        !nt_sql_int(&catalogue->sql, 0, &run.run, error, "SELECT run FROM source WHERE source = ?1", "i", run.source)) {
        return false;
    }
    *out_run = run;
    return true;
}

bool nt_catalogue_end_run(NtCatalogue *catalogue, const NtRun *run, bool prune, uint64_t *out_removed, GError **error) {
    uint64_t removed = 0;
    if (!nt_may_write(catalogue, error) ||
        (prune && !nt_catalogue_prune_some(catalogue, run, UINT64_MAX, &removed, error)) ||
        !nt_sql_run(&catalogue->sql, error, "UPDATE source SET complete = 1 WHERE source = ?1", "i", run->source)) {
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
    if (!nt_sql_int(&catalogue->sql, 0, &missed, error,
                    "SELECT EXISTS(SELECT 1 FROM product_source l JOIN product p USING(product) WHERE l.source = ?1 AND"
                    " l.run < ?2 AND (substr(p.id, 1, length(?3)) = ?3 OR p.id || '/' = ?3))",
                    "iit", run->source, run->run, folder)) {
        return false;
    }
    *out_missed = missed != 0;
    return true;
}

bool nt_catalogue_each_source(NtCatalogue *catalogue, bool (*each)(const NtSourceRow *source, void *data), void *data,
                              GError **error) {
    g_autofree char *sql = g_strdup_printf("SELECT s.source, kind, location, complete, count(l.product) FROM source s"
                                           " LEFT JOIN %s l USING(source) GROUP BY s.source ORDER BY s.source",
                                           nt_product_source(catalogue));
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
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

bool nt_product_check_id(const char *id, GError **error) {
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

/* Refuses an id that this run of this source listed already: both lines are named. */
static bool check_not_listed(NtCatalogue *catalogue, const NtRun *run, int64_t product, const NtProductPut *put,
                             GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT run, line FROM product_source WHERE product = ?1 AND source = ?2", "ii", product,
                       run->source)) {
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

/* Writes the values where one differs from what is stored: the usual second run changes nothing. */
static bool put_values(NtCatalogue *catalogue, int64_t product, const NtProductPut *put, GError **error) {
    if (put->value_count == 0) {
        return true;
    }
    g_autoptr(GString) columns = g_string_new(NULL), parameters = g_string_new(NULL);
    for (size_t i = 0; i < put->value_count; i++) {
        g_string_append_printf(columns, "%sm_%" G_GINT64_FORMAT, i > 0 ? "," : "", put->values[i].field);
        g_string_append_printf(parameters, "%s?%zu", i > 0 ? "," : "", i + 2);
    }
    g_autofree char *sql = g_strdup_printf("UPDATE product SET (%s)=(%s) WHERE product=?1 AND (%s) IS NOT (%s)",
                                           columns->str, parameters->str, columns->str, parameters->str);
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "i", product)) {
        return false;
    }
    for (size_t i = 0; i < put->value_count; i++) {
        nt_value_bind(query.stmt, (int)i + 2, &put->values[i]);
    }
    if (nt_query_step(&query, error) < 0) {
        return false;
    }
    if (sqlite3_changes(catalogue->sql.db) == 0) {
        return true;
    }
    nt_change_note(catalogue, product);
    return nt_words_note(catalogue, product, error);
}

/* A new product's row, under a number that is free, else the next. One that was removed goes on from that version. */
static bool insert(NtCatalogue *catalogue, const char *id, int64_t version, int64_t *out_product, GError **error) {
    int64_t free_number = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &free_number, error, "SELECT min(product) FROM free_product", "") ||
        (free_number != 0 &&
         !nt_sql_run(&catalogue->sql, error, "DELETE FROM free_product WHERE product = ?1", "i", free_number)) ||
        !nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO product(product, id, version) VALUES(nullif(?1, 0), ?2, nullif(?3, 0))", "iti",
                    free_number, id, version)) {
        return false;
    }
    *out_product = sqlite3_last_insert_rowid(catalogue->sql.db);
    if (version != 0 && !nt_tombstone_take(catalogue, id, error)) {
        return false;
    }
    nt_change_note(catalogue, *out_product);
    return nt_words_note(catalogue, *out_product, error);
}

/* What is there of an id: product 0 is none, and the version then that at which it was removed. 0: no version. */
static bool find_row(NtCatalogue *catalogue, const char *id, int64_t *out_product, int64_t *out_version,
                     GError **error) {
    g_auto(NtQuery) query = {0};
    *out_product = *out_version = 0;
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT product, version FROM product WHERE id = ?1", "t", id)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step == 1) {
        *out_product = nt_column_int(&query, 0);
        *out_version = nt_column_int(&query, 1);
    }
    return step == 1 || (step == 0 && nt_tombstone_find(catalogue, id, out_version, error));
}

/* Whether the write may take effect beside what is there. */
static bool check_turn(const NtProductPut *put, int64_t product, int64_t there, GError **error) {
    g_autofree char *safe = nt_text_printable(put->id, 80);
    if (put->only == NT_PUT_IF_ABSENT && product != 0) {
        return nt_fail(error, NITERU_ERROR_CONDITION, "product '%s' is there already", safe);
    }
    if (put->only == NT_PUT_IF_PRESENT && product == 0) {
        return nt_fail(error, NITERU_ERROR_CONDITION, "there is no product '%s'", safe);
    }
    bool late = put->version != 0 && (product != 0 ? put->version < there : put->version <= there);
    return !late || nt_version_stale(put->id, put->version, there, product == 0, error);
}

/* The product's row, made when it is new. Checks before it writes. */
static bool put_row(NtCatalogue *catalogue, const NtRun *run, const NtProductPut *put, int64_t *out_product,
                    bool *out_added, GError **error) {
    int64_t product = 0, version = 0;
    if (!nt_product_check_id(put->id, error) || !find_row(catalogue, put->id, &product, &version, error) ||
        (product != 0 && !check_not_listed(catalogue, run, product, put, error))) {
        return false;
    }
    bool takes = check_turn(put, product, version, error);
    *out_added = product == 0;
    if (product == 0 && (!takes || !insert(catalogue, put->id, MAX(version, put->version), &product, error))) {
        return false;
    }
    *out_product = product;
    /* A later run over the same source may have listed it meanwhile: it stays that one's. What does not take effect is
     * listed all the same: pruning takes what a source no longer has. */
    return nt_sql_run(&catalogue->sql, takes ? error : NULL,
                      "INSERT INTO product_source(product, source, run, line) VALUES(?1, ?2, ?3, ?4)"
                      " ON CONFLICT(product, source) DO UPDATE SET run = excluded.run, line = excluded.line"
                      " WHERE excluded.run > run",
                      "iiii", product, run->source, run->run, (int64_t)put->line) &&
           takes &&
           (put->version <= version ||
            nt_sql_run(&catalogue->sql, error,
                       "UPDATE product SET version = ?2 WHERE product = ?1 AND version IS NOT"
                       " ?2",
                       "ii", product, put->version));
}

bool nt_catalogue_put_product(NtCatalogue *catalogue, const NtRun *run, const NtProductPut *put,
                              NtPhotoState *out_photos, bool *out_added, GError **error) {
    int64_t product = 0;
    bool added = false;
    if (!nt_may_write(catalogue, error) || !put_row(catalogue, run, put, &product, &added, error) ||
        !put_values(catalogue, product, put, error)) {
        return false;
    }
    if ((put->photo_count > 0 || put->no_photos) && !nt_photos_put(catalogue, product, put, out_photos, error)) {
        return false;
    }
    if (out_added != NULL) {
        *out_added = added;
    }
    return true;
}
