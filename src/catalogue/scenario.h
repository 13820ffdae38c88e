/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: settings of a place of the shop where products are recommended, each change a version. What is in them is
 * the recommender's matter. */
#ifndef NT_CATALOGUE_SCENARIO_H
#define NT_CATALOGUE_SCENARIO_H

enum { NT_MOST_SCENARIOS = 200, NT_MOST_SCENARIO_VERSIONS = 100, NT_SCENARIO_NAME_BYTES = 64 };

/* A version, borrowed. */
typedef struct NtScenarioRow {
    const char *name;
    int64_t version;      /* from 1 */
    int64_t time;         /* when it was made, Unix seconds */
    const char *settings; /* JSON; NULL: it was removed */
} NtScenarioRow;

/* Makes these settings (NULL: that it is removed) the next version, in a transaction. `expected`: of the version that
 * is changed, 0 where there is to be none, -1: whichever it is. Nothing is kept of versions that are older than the
 * last 100, nor, where there are 200 names, of the one that was removed first. Errors: INVALID (the name), CONDITION
 * (another version is there), NOT_FOUND (there is nothing to remove), LIMIT (of names that are in use). */
bool nt_catalogue_put_scenario(NtCatalogue *catalogue, const char *name, int64_t expected, const char *settings,
                               int64_t *out_version, GError **error);
/* The version that counts; 0: there is none, or it was removed. */
bool nt_catalogue_scenario_version(NtCatalogue *catalogue, const char *name, int64_t *out, GError **error);
/* Calls `each` for the newest version of all names (NULL), or all versions of a name, the newest first; stops at the
 * first false. Those that were removed are in the second. */
bool nt_catalogue_each_scenario(NtCatalogue *catalogue, const char *name,
                                bool (*each)(const NtScenarioRow *row, void *data), void *data, GError **error);

#endif
