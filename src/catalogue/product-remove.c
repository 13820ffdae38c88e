/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products on their way out: by id, by condition, and by a source that no longer lists them. All ways list the products
 * in a table of this connection alone and remove what is listed in a few statements, so that the cost is that of what
 * goes. The numbers of the products become free for new ones; their vectors are dead, unless other products show them.
 */
#include "catalogue/catalogue-internal.h"

static bool open_lists(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(&catalogue->sql, error, "CREATE TEMP TABLE IF NOT EXISTS gone(product INTEGER PRIMARY KEY)",
                      "") &&
           nt_sql_run(&catalogue->sql, error, "CREATE TEMP TABLE IF NOT EXISTS unshown(content INTEGER PRIMARY KEY)",
                      "") &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM temp.gone", "") &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM temp.unshown", "");
}

/* The log of changes and the index of words are told of the products that are gone. */
static bool note_gone(NtCatalogue *catalogue, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT product FROM temp.gone", "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        nt_change_note(catalogue, nt_column_int(&query, 0));
        if (!nt_words_note(catalogue, nt_column_int(&query, 0), error)) {
            return false;
        }
    }
    return step == 0;
}

/* Removes the products in temp.gone. */
static bool remove_listed(NtCatalogue *catalogue, uint64_t *out_removed, GError **error) {
    static const char *const statements[] = {
        "INSERT OR IGNORE INTO temp.unshown SELECT content FROM photo WHERE product IN (SELECT product FROM temp.gone)"
        " AND content IS NOT NULL",
        "DELETE FROM photo WHERE product IN (SELECT product FROM temp.gone)",
        "DELETE FROM temp.unshown WHERE EXISTS (SELECT 1 FROM photo f WHERE f.content = unshown.content)",
        "UPDATE model SET dead = dead + (SELECT count(*) FROM temp.unshown u CROSS JOIN vector v"
        " ON v.content = u.content AND v.model = model.model)",
        "DELETE FROM product_source WHERE product IN (SELECT product FROM temp.gone)",
        "INSERT INTO free_product SELECT product FROM temp.gone",
        "DELETE FROM product WHERE product IN (SELECT product FROM temp.gone)",
    };
    if (!nt_tombstones_of_gone(catalogue, error)) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(statements); i++) {
        if (!nt_sql_run(&catalogue->sql, error, statements[i], "")) {
            return false;
        }
    }
    *out_removed = (uint64_t)sqlite3_changes64(catalogue->sql.db);
    return note_gone(catalogue, error);
}

bool nt_catalogue_remove_product(NtCatalogue *catalogue, const char *id, bool *out_removed, GError **error) {
    int64_t product = 0;
    uint64_t removed = 0;
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_int(&catalogue->sql, 0, &product, error, "SELECT product FROM product WHERE id = ?1", "t", id)) {
        return false;
    }
    if (product != 0 && (!open_lists(catalogue, error) ||
                         !nt_sql_run(&catalogue->sql, error, "INSERT INTO temp.gone VALUES(?1)", "i", product) ||
                         !remove_listed(catalogue, &removed, error))) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = product != 0;
    }
    return true;
}

/* The version of what is there, or at which it was removed; whether it may be removed by the write. */
static bool check_removal(NtCatalogue *catalogue, const char *id, int64_t version, GError **error) {
    int64_t there = 0, removed = 0;
    return nt_product_check_id(id, error) &&
           nt_sql_int(&catalogue->sql, 0, &there, error, "SELECT version FROM product WHERE id = ?1", "t", id) &&
           nt_tombstone_find(catalogue, id, &removed, error) &&
           (version >= MAX(there, removed) ||
            nt_version_stale(id, version, MAX(there, removed), removed > there, error));
}

bool nt_catalogue_remove_version(NtCatalogue *catalogue, const char *id, int64_t version, bool *out_removed,
                                 GError **error) {
    return nt_may_write(catalogue, error) && (version == 0 || check_removal(catalogue, id, version, error)) &&
           nt_catalogue_remove_product(catalogue, id, out_removed, error) &&
           (version == 0 || nt_tombstone_put(catalogue, id, version, error));
}

static bool list_matching(NtCatalogue *catalogue, const NtWhere *where, GError **error) {
    g_autofree char *sql =
        g_strdup_printf("INSERT INTO temp.gone SELECT p.product FROM product p WHERE 1%s", nt_where_sql(where));
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "")) {
        return false;
    }
    nt_where_bind(where, query.stmt);
    return nt_query_step(&query, error) >= 0;
}

bool nt_catalogue_remove_where(NtCatalogue *catalogue, const NtWhere *where, uint64_t *out_removed, GError **error) {
    uint64_t removed = 0;
    if (!nt_may_write(catalogue, error) || !open_lists(catalogue, error) || !list_matching(catalogue, where, error) ||
        !remove_listed(catalogue, &removed, error)) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = removed;
    }
    return true;
}

bool nt_catalogue_prune_some(NtCatalogue *catalogue, const NtRun *run, uint64_t most, uint64_t *out_removed,
                             GError **error) {
    uint64_t removed = 0, some = 0;
    int64_t listed = 1;
    if (!nt_may_write(catalogue, error)) {
        return false;
    }
    /* What another source lists too is let go by this one and stays, so a round may remove fewer than it lists. */
    for (; listed > 0 && removed < most; removed += some, some = 0) {
        int64_t room = most - removed > INT64_MAX ? -1 : (int64_t)(most - removed);
        if (!open_lists(catalogue, error) ||
            !nt_sql_run(&catalogue->sql, error,
                        "INSERT INTO temp.gone SELECT product FROM product_source WHERE source = ?1 AND run < ?2"
                        " LIMIT ?3",
                        "iii", run->source, run->run, room)) {
            return false;
        }
        listed = sqlite3_changes64(catalogue->sql.db);
        if (listed > 0 &&
            (!nt_sql_run(&catalogue->sql, error,
                         "DELETE FROM product_source WHERE source = ?1 AND product IN (SELECT product FROM temp.gone)",
                         "i", run->source) ||
             !nt_sql_run(&catalogue->sql, error,
                         "DELETE FROM temp.gone WHERE EXISTS (SELECT 1 FROM product_source s WHERE s.product ="
                         " gone.product)",
                         "") ||
             !remove_listed(catalogue, &some, error))) {
            return false;
        }
    }
    if (out_removed != NULL) {
        *out_removed = removed;
    }
    return true;
}
