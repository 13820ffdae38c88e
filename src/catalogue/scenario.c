/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios, each change a version: what was shown when can be told, and taken back. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { SCENARIOS_LAYOUT = 9 };

static bool check_name(const char *name, GError **error) {
    size_t size = strlen(name);
    bool ok = size > 0 && size <= NT_SCENARIO_NAME_BYTES && g_utf8_validate(name, -1, NULL);
    for (const char *p = name; ok && *p != '\0'; p = g_utf8_next_char(p)) {
        ok = !g_unichar_iscntrl(g_utf8_get_char(p));
    }
    return ok ||
           nt_fail(error, NITERU_ERROR_INVALID,
                   "a scenario's name has 1 to %d bytes of UTF-8 and no control characters", NT_SCENARIO_NAME_BYTES);
}

bool nt_catalogue_scenario_version(NtCatalogue *catalogue, const char *name, int64_t *out, GError **error) {
    *out = 0;
    return catalogue->version < SCENARIOS_LAYOUT || /* of an earlier one, that is open for reading */
           nt_sql_int(&catalogue->sql, 0, out, error,
                      "SELECT iif(settings IS NULL, 0, version) FROM scenario WHERE name = ?1"
                      " ORDER BY version DESC LIMIT 1",
                      "t", name);
}

/* Those that were removed keep their versions for as long as there is room: the one that was removed first goes. */
static bool make_room(NtCatalogue *catalogue, const char *name, GError **error) {
    int64_t names = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &names, error, "SELECT count(DISTINCT name) FROM scenario WHERE name <> ?1",
                    "t", name)) {
        return false;
    }
    if (names < NT_MOST_SCENARIOS) {
        return true;
    }
    return nt_sql_run(&catalogue->sql, error,
                      "DELETE FROM scenario WHERE name = (SELECT name FROM scenario s WHERE settings IS NULL"
                      " AND name <> ?1 AND version = (SELECT max(version) FROM scenario o WHERE o.name = s.name)"
                      " ORDER BY time, name LIMIT 1)",
                      "t", name) &&
           (sqlite3_changes64(catalogue->sql.db) > 0 ||
            nt_fail(error, NITERU_ERROR_LIMIT, "there are %d scenarios, which is the most", NT_MOST_SCENARIOS));
}

static bool check_place(NtCatalogue *catalogue, const char *name, int64_t now, int64_t expected, const char *settings,
                        GError **error) {
    if (expected >= 0 && expected != now) {
        return nt_fail(error, NITERU_ERROR_CONDITION,
                       now == 0 ? "there is no scenario '%s'"
                                : "scenario '%s' is of another version now: read it, and change that one",
                       name);
    }
    if (now == 0 && settings == NULL) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no scenario '%s'", name);
    }
    return make_room(catalogue, name, error);
}

bool nt_catalogue_put_scenario(NtCatalogue *catalogue, const char *name, int64_t expected, const char *settings,
                               int64_t *out_version, GError **error) {
    int64_t now, last = 0;
    if (!nt_may_write(catalogue, error) || !check_name(name, error) ||
        !nt_catalogue_scenario_version(catalogue, name, &now, error) ||
        !check_place(catalogue, name, now, expected, settings, error) ||
        !nt_sql_int(&catalogue->sql, 0, &last, error, "SELECT max(version) FROM scenario WHERE name = ?1", "t", name)) {
        return false;
    }
    *out_version = last + 1;
    return nt_sql_run(&catalogue->sql, error,
                      "INSERT INTO scenario(name, version, time, settings) VALUES(?1, ?2, ?3, ?4)", "tiit", name,
                      last + 1, g_get_real_time() / G_USEC_PER_SEC, settings) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM scenario WHERE name = ?1 AND version <= ?2", "ti", name,
                      last + 1 - NT_MOST_SCENARIO_VERSIONS);
}

bool nt_catalogue_each_scenario(NtCatalogue *catalogue, const char *name,
                                bool (*each)(const NtScenarioRow *row, void *data), void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (catalogue->version < SCENARIOS_LAYOUT) {
        return true;
    }
    bool ok = name != NULL
                  ? nt_query_open(&query, &catalogue->sql, error,
                                  "SELECT name, version, time, settings FROM scenario WHERE name = ?1"
                                  " ORDER BY version DESC",
                                  "t", name)
                  : nt_query_open(&query, &catalogue->sql, error,
                                  "SELECT name, version, time, settings FROM scenario s WHERE settings IS NOT NULL"
                                  " AND version = (SELECT max(version) FROM scenario o WHERE o.name = s.name)"
                                  " ORDER BY name",
                                  "");
    int step = ok ? 1 : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        const NtScenarioRow row = {.name = nt_column_text(&query, 0),
                                   .version = nt_column_int(&query, 1),
                                   .time = nt_column_int(&query, 2),
                                   .settings = nt_column_text(&query, 3)};
        if (!each(&row, data)) {
            return true;
        }
    }
    return step == 0;
}
