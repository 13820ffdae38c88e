/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visitors who become another, and visitors who are forgotten. Both go through all weeks, a transaction each, so what
 * is to be done is written down first (table `pending`) and gone on with after a stop.
 *
 * What is erased is overwritten (SQLite's secure_delete) and the logs of the databases are emptied, so that nothing of
 * it is left in free pages. Counts stay: they name nobody.
 */
#include "events/events-internal.h"

#include <string.h>

enum { MOST_SESSIONS = 10000 /* of one user */ };

/* A statement of each kind of row, run for a visitor in each week. */
static bool move_rows(NtSql *sql, int64_t from, int64_t to, GError **error) {
    static const char *const statements[] = {
        "UPDATE OR IGNORE event SET visitor = ?2 WHERE visitor = ?1", "DELETE FROM event WHERE visitor = ?1",
        "UPDATE OR IGNORE excess SET visitor = ?2 WHERE visitor = ?1", "DELETE FROM excess WHERE visitor = ?1",
        "UPDATE answer SET visitor = ?2 WHERE visitor = ?1"};
    bool ok = true;
    for (size_t i = 0; ok && i < G_N_ELEMENTS(statements); i++) {
        const char *statement = statements[i];
        ok = strstr(statement, "?2") != NULL ? nt_sql_run(sql, error, statement, "ii", from, to)
                                             : nt_sql_run(sql, error, statement, "i", from);
    }
    return ok;
}

static bool remove_rows(NtSql *sql, int64_t visitor, NtErasure *sum, GError **error) {
    static const char given[] =
        "DELETE FROM given WHERE key IN (SELECT key FROM event WHERE visitor = ?1 AND id IS NOT NULL UNION ALL"
        " SELECT key FROM excess WHERE visitor = ?1 AND id IS NOT NULL)";
    static const char *const statements[] = {given, "DELETE FROM event WHERE visitor = ?1",
                                             "DELETE FROM excess WHERE visitor = ?1",
                                             "DELETE FROM answer WHERE visitor = ?1"};
    uint64_t *const counts[] = {NULL, &sum->events, &sum->over, &sum->answers};
    bool ok = nt_sql_run(sql, error, "PRAGMA secure_delete=ON", "");
    for (size_t i = 0; ok && i < G_N_ELEMENTS(statements); i++) {
        ok = nt_sql_run(sql, error, statements[i], "i", visitor);
        if (ok && counts[i] != NULL) {
            *counts[i] += (uint64_t)sqlite3_changes(sql->db);
        }
    }
    return ok;
}

/* What of a visitor is in one week becomes `into`'s, or goes (0). */
static bool treat_week(NtWeek *week, int64_t visitor, int64_t into, NtErasure *sum, GError **error) {
    NtEventsDb *db = week->db;
    if (!nt_events_db_begin(db, error)) {
        return false;
    }
    bool ok = into != 0 ? move_rows(&db->write, visitor, into, error) : remove_rows(&db->write, visitor, sum, error);
    ok = nt_events_db_end(db, ok, error);
    if (ok && into == 0) {
        g_mutex_lock(&db->write_lock);
        sqlite3_wal_checkpoint_v2(db->write.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        g_mutex_unlock(&db->write_lock);
    }
    return ok;
}

static bool treat(NtEvents *events, int64_t visitor, int64_t into, NtErasure *sum, GError **error) {
    g_autoptr(GPtrArray) weeks = NULL;
    bool ok = nt_events_weeks(events, 0, &weeks, error);
    for (guint i = 0; ok && i < weeks->len; i++) {
        ok = treat_week(weeks->pdata[i], visitor, into, sum, error);
    }
    if (!ok || !nt_events_db_begin(events->names, error)) {
        return false;
    }
    NtSql *sql = &events->names->write;
    ok = nt_sql_run(sql, error, "PRAGMA secure_delete=ON", "") &&
         nt_sql_run(sql, error, "DELETE FROM pending WHERE visitor = ?1", "i", visitor);
    if (ok && into == 0) {
        ok = nt_sql_run(sql, error, "DELETE FROM muted WHERE visitor = ?1", "i", visitor) &&
             nt_sql_run(sql, error, "DELETE FROM visitor WHERE visitor = ?1", "i", visitor);
    }
    return nt_events_db_end(events->names, ok, error);
}

/* Goes on with what was begun; under `inserting`. */
static bool finish_pending(NtEvents *events, NtErasure *sum, GError **error) {
    for (;;) {
        g_mutex_lock(&events->names->read_lock);
        g_auto(NtQuery) query = {0};
        int step =
            nt_query_open(&query, &events->names->read, error, "SELECT visitor, into_visitor FROM pending LIMIT 1", "")
                ? nt_query_step(&query, error)
                : -1;
        int64_t visitor = step == 1 ? nt_column_int(&query, 0) : 0, into = step == 1 ? nt_column_int(&query, 1) : 0;
        nt_query_clear(&query);
        g_mutex_unlock(&events->names->read_lock);
        if (step != 1) {
            return step == 0;
        }
        if (!treat(events, visitor, into, sum, error)) {
            return false;
        }
    }
}

bool nt_events_finish(NtEvents *events, GError **error) {
    NtErasure sum = {0};
    g_mutex_lock(&events->inserting);
    bool ok = nt_events_names(events, false, error) == NULL || finish_pending(events, &sum, error);
    g_mutex_unlock(&events->inserting);
    return ok;
}

bool nt_events_merge(NtEvents *events, const char *session, const char *user, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    NtErasure sum = {0};
    int64_t from = 0, to = 0, week = nt_week_of(nt_events_now(events));
    if (names == NULL) {
        return false;
    }
    g_mutex_lock(&events->inserting);
    bool ok = nt_answers_write(events, error) && nt_events_db_begin(names, error);
    if (ok) {
        NtSql *sql = &names->write;
        ok = nt_names_visitor(sql, user, week, &to, error) && nt_names_visitor(sql, session, week, &from, error);
        if (ok && from != to) {
            ok =
                nt_sql_run(sql, error, "UPDATE visitor SET merged = ?2 WHERE name = ?1", "ti", session, to) &&
                nt_sql_run(sql, error, "INSERT OR REPLACE INTO pending SELECT visitor, ?2 FROM visitor WHERE name = ?1",
                           "ti", session, to);
        }
        ok = nt_events_db_end(names, ok, error) && finish_pending(events, &sum, error);
    }
    nt_events_forget_hours(events);
    g_mutex_unlock(&events->inserting);
    return ok;
}

bool nt_events_erase(NtEvents *events, const char *visitor, NtErasure *out, GError **error) {
    NtEventsDb *names = nt_events_names(events, false, error);
    int64_t number = 0;
    *out = (NtErasure){0};
    if (names == NULL) {
        return error == NULL || *error == NULL; /* there are no events */
    }
    g_mutex_lock(&events->inserting);
    bool ok = nt_answers_write(events, error) && nt_events_db_begin(names, error);
    if (ok) {
        NtSql *sql = &names->write;
        ok = nt_names_find_visitor(sql, visitor, &number, error) &&
             nt_sql_int(sql, 0, &out->sessions, error, "SELECT count(*) FROM visitor WHERE merged = ?1", "i", number) &&
             nt_sql_int(sql, 0, &out->muted, error, "SELECT count(*) FROM muted WHERE visitor = ?1", "i", number) &&
             nt_sql_run(
                 sql, error,
                 "INSERT OR REPLACE INTO pending SELECT visitor, 0 FROM visitor WHERE visitor = ?1 OR merged = ?1", "i",
                 number);
        ok = nt_events_db_end(names, ok, error) && finish_pending(events, out, error);
    }
    if (ok) {
        out->known = number != 0;
        g_mutex_lock(&names->write_lock);
        sqlite3_wal_checkpoint_v2(names->write.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        g_mutex_unlock(&names->write_lock);
    }
    nt_events_forget_hours(events);
    g_mutex_unlock(&events->inserting);
    return ok;
}

/* ---- tastes that are deleted ---- */

bool nt_events_mute(NtEvents *events, const char *visitor, const char *const *products, size_t count, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    int64_t number = 0, product = 0, now = nt_events_now(events), week = nt_week_of(now);
    if (names == NULL || !nt_events_db_begin(names, error)) {
        return false;
    }
    NtSql *sql = &names->write;
    bool ok = nt_names_visitor(sql, visitor, week, &number, error);
    for (size_t i = 0; ok && i < count; i++) {
        ok = nt_names_product(sql, products[i], week, &product, error) &&
             nt_sql_run(sql, error, "INSERT OR REPLACE INTO muted VALUES(?1, ?2, ?3)", "iii", number, product, now);
    }
    return nt_events_db_end(names, ok, error);
}

GHashTable *nt_events_muted(NtEvents *events, const char *visitor, GError **error) {
    g_autoptr(GHashTable) out = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    int64_t number;
    if (!nt_events_find(events, visitor, &number, error)) {
        return NULL;
    }
    if (number == 0) {
        return g_steal_pointer(&out);
    }
    g_mutex_lock(&events->names->read_lock);
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, &events->names->read, error, "SELECT product, time FROM muted WHERE visitor = ?1",
                             "i", number)
                   ? 1
                   : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        int64_t product = nt_column_int(&query, 0), time = nt_column_int(&query, 1);
        g_hash_table_insert(out, g_memdup2(&product, sizeof product), g_memdup2(&time, sizeof time));
    }
    nt_query_clear(&query);
    g_mutex_unlock(&events->names->read_lock);
    return step == 0 ? g_steal_pointer(&out) : NULL;
}
