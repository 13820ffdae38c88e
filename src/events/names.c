/* SPDX-License-Identifier: Apache-2.0 */
/* Visitors, products, scenarios and models get numbers, which no other will have: events are small, and nothing that
 * comes later is taken for what went before. */
#include "events/events-internal.h"

enum { MOST_LABELS = 1000, MORE_OF_THE_SHOP = 1000 };

bool nt_names_find_visitor(NtSql *sql, const char *name, int64_t *out, GError **error) {
    return nt_sql_int(sql, 0, out, error, "SELECT coalesce(merged, visitor) FROM visitor WHERE name = ?1", "t", name);
}

bool nt_names_visitor(NtSql *sql, const char *name, int64_t week, int64_t *out, GError **error) {
    if (!nt_names_find_visitor(sql, name, out, error)) {
        return false;
    }
    if (*out == 0) {
        *out = nt_sql_run(sql, error, "INSERT INTO visitor(name, week) VALUES(?1, ?2)", "ti", name, week)
                   ? sqlite3_last_insert_rowid(sql->db)
                   : 0;
        return *out != 0;
    }
    return nt_sql_run(sql, error, "UPDATE visitor SET week = ?2 WHERE (visitor = ?1 OR name = ?3) AND week < ?2", "iit",
                      *out, week, name);
}

bool nt_names_product(NtSql *sql, const char *id, int64_t week, int64_t *out, GError **error) {
    if (!nt_sql_int(sql, 0, out, error, "SELECT product FROM product WHERE id = ?1", "t", id)) {
        return false;
    }
    if (*out == 0) {
        *out = nt_sql_run(sql, error, "INSERT INTO product(id, week) VALUES(?1, ?2)", "ti", id, week)
                   ? sqlite3_last_insert_rowid(sql->db)
                   : 0;
        return *out != 0;
    }
    return nt_sql_run(sql, error, "UPDATE product SET week = ?2 WHERE product = ?1 AND week < ?2", "ii", *out, week);
}

static bool label_within(NtSql *sql, const char *name, int64_t most, int64_t *out, GError **error) {
    int64_t count = 0;
    if (!nt_sql_int(sql, 0, out, error, "SELECT label FROM label WHERE name = ?1", "t", name) ||
        (*out == 0 && !nt_sql_int(sql, 0, &count, error, "SELECT count(*) FROM label", ""))) {
        return false;
    }
    if (*out == 0 && count < most) { /* else: an event is worth more than the name of its place */
        *out = nt_sql_run(sql, error, "INSERT INTO label(name) VALUES(?1)", "t", name)
                   ? sqlite3_last_insert_rowid(sql->db)
                   : 0;
        return *out != 0;
    }
    return true;
}

bool nt_names_label(NtSql *sql, const char *name, int64_t *out, GError **error) {
    return label_within(sql, name, MOST_LABELS, out, error);
}

/* Strangers may name scenarios until there is no room for more; those of the shop have room of their own. */
bool nt_events_know_scenario(NtEvents *events, const char *name, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    int64_t label;
    return names != NULL && nt_events_db_begin(names, error) &&
           nt_events_db_end(names, label_within(&names->write, name, MOST_LABELS + MORE_OF_THE_SHOP, &label, error),
                            error);
}
