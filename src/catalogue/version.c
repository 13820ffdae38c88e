/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Versions of writes, which put those in order that come late: numbers or times of the shop's own, that only grow for a
 * product. What is removed leaves its version behind as a tombstone, so that an earlier write does not bring it back.
 *
 * Tombstones stay bounded: with each removal as many old ones go, and some, as it adds, from those that are older than
 * TOMBSTONE_DAYS or come before the newest MOST_TOMBSTONES. Their row numbers grow, so that the oldest stand first.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { TOMBSTONE_DAYS = 30, MOST_TOMBSTONES = 1000000, TRIM_MORE = 16, LONGEST = 80 /* text */ };

/* Digits behind the point of a time of day, as microseconds; 0: there are none. */
static int64_t parts_of_second(const char *text) {
    const char *clock = strchr(text, ':'), *point = clock != NULL ? strchr(clock, '.') : NULL;
    int64_t out = 0;
    for (int64_t unit = 100000; point != NULL && unit > 0 && g_ascii_isdigit(point[1]); unit /= 10, point++) {
        out += unit * (point[1] - '0');
    }
    return out;
}

bool nt_version_read(const char *text, int64_t *out_version, GError **error) {
    g_autofree char *date = NULL, *trimmed = g_strstrip(g_strndup(text, LONGEST));
    char *end;
    int64_t version = 0;
    bool known = g_ascii_isdigit(*trimmed) && (version = g_ascii_strtoll(trimmed, &end, 10), *end == '\0');
    if (!known && nt_date_read(trimmed, &date)) {
        g_autofree char *whole = strchr(date, 'T') != NULL ? g_strdup(date) : g_strconcat(date, "T00:00:00Z", NULL);
        g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(whole, NULL);
        version = time != NULL ? g_date_time_to_unix(time) * G_USEC_PER_SEC + parts_of_second(trimmed) : 0;
        known = true;
    }
    if (known && strlen(text) <= LONGEST && version >= 1 && version <= NT_VERSION_MOST) {
        *out_version = version;
        return true;
    }
    g_autofree char *safe = nt_text_printable(text, 80);
    return nt_fail(error, NITERU_ERROR_INVALID,
                   "'%s' is no version: a whole number from 1 to %" G_GINT64_FORMAT
                   " or a time such as 2026-01-31T08:30:00.250Z is",
                   safe, NT_VERSION_MOST);
}

bool nt_put_if_read(const char *text, NtPutIf *out_only, GError **error) {
    bool absent = g_strcmp0(text, "absent") == 0;
    if (text != NULL && !absent && strcmp(text, "present") != 0) {
        g_autofree char *safe = nt_text_printable(text, 80);
        nt_fail(error, NITERU_ERROR_INVALID, "'%s': only products that are 'absent', or that are 'present'", safe);
        return nt_fact(error, "option", "only");
    }
    *out_only = text == NULL ? NT_PUT_ALWAYS : absent ? NT_PUT_IF_ABSENT : NT_PUT_IF_PRESENT;
    return true;
}

bool nt_version_stale(const char *id, int64_t version, int64_t there, bool deleted, GError **error) {
    g_autofree char *safe = nt_text_printable(id, 80);
    return nt_fail(error, NITERU_ERROR_STALE,
                   "product '%s' %s version %" G_GINT64_FORMAT ", and this write is of version %" G_GINT64_FORMAT, safe,
                   deleted ? "was removed at" : "is of", there, version);
}

bool nt_tombstone_find(NtCatalogue *catalogue, const char *id, int64_t *out_version, GError **error) {
    return nt_sql_int(&catalogue->sql, 0, out_version, error, "SELECT version FROM tombstone WHERE id = ?1", "t", id);
}

bool nt_tombstone_take(NtCatalogue *catalogue, const char *id, GError **error) {
    return nt_sql_run(&catalogue->sql, error, "DELETE FROM tombstone WHERE id = ?1", "t", id);
}

/* Lets old ones go after `added` new ones. */
static bool trim(NtCatalogue *catalogue, int64_t added, GError **error) {
    int64_t before = g_get_real_time() / G_USEC_PER_SEC - TOMBSTONE_DAYS * INT64_C(86400);
    return nt_sql_run(&catalogue->sql, error,
                      "DELETE FROM tombstone WHERE tombstone IN"
                      " (SELECT tombstone FROM tombstone ORDER BY tombstone LIMIT ?1) AND"
                      " (removed < ?2 OR tombstone <= (SELECT max(tombstone) FROM tombstone) - ?3)",
                      "iii", 2 * added + TRIM_MORE, before, (int64_t)MOST_TOMBSTONES);
}

bool nt_tombstone_put(NtCatalogue *catalogue, const char *id, int64_t version, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "INSERT OR REPLACE INTO tombstone(id, version, removed) VALUES(?1, ?2, ?3)", "tii", id, version,
                      g_get_real_time() / G_USEC_PER_SEC) &&
           trim(catalogue, 1, error);
}

bool nt_tombstones_of_gone(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "INSERT OR REPLACE INTO tombstone(id, version, removed) SELECT p.id, p.version, ?1"
                      " FROM temp.gone g CROSS JOIN product p USING(product) WHERE p.version IS NOT NULL",
                      "i", g_get_real_time() / G_USEC_PER_SEC) &&
           trim(catalogue, sqlite3_changes64(catalogue->sql.db), error);
}
