/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios where they are kept: read for an answer, changed, told, and what is odd about them. */
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum { PUT_MS = 10000 };

/* ---- for an answer ---- */

typedef struct Newest {
    int64_t version;
    char *settings;
} Newest;

static bool take_newest(const NtScenarioRow *row, void *data) {
    Newest *newest = data;
    newest->version = row->settings != NULL ? row->version : 0;
    newest->settings = g_strdup(row->settings);
    return false;
}

static NtScenario *read_scenario(NtCatalogue *db, const char *name, GError **error) {
    Newest newest = {0};
    if (!nt_catalogue_each_scenario(db, name, take_newest, &newest, error)) {
        return NULL;
    }
    g_autofree char *text = newest.settings;
    g_autoptr(NtJson) json = text != NULL ? nt_json_parse(text, strlen(text), name, NULL, error) : NULL;
    NtScenario *scenario = text == NULL || json != NULL ? nt_scenario_parse(json, error) : NULL;
    if (scenario != NULL) {
        scenario->version = newest.version;
    }
    return scenario;
}

NtScenario *nt_scenario_of(NtRecommender *recommender, const NtSnapshot *snapshot, const char *name, GError **error) {
    int64_t version;
    if (!nt_catalogue_scenario_version(snapshot->reader.db, name, &version, error)) {
        return NULL;
    }
    g_mutex_lock(&recommender->lock);
    NtScenario *known = g_hash_table_lookup(recommender->scenarios, name);
    NtScenario *out = known != NULL && known->version == version ? nt_scenario_ref(known) : NULL;
    g_mutex_unlock(&recommender->lock);
    if (out != NULL || (out = version > 0 ? read_scenario(snapshot->reader.db, name, error)
                                          : nt_scenario_parse(NULL, error)) == NULL) {
        return out;
    }
    if (version > 0) { /* names are asked for by anybody; there are so many scenarios and no more */
        g_mutex_lock(&recommender->lock);
        g_hash_table_insert(recommender->scenarios, g_strdup(name), nt_scenario_ref(out));
        g_mutex_unlock(&recommender->lock);
    }
    return out;
}

/* ---- changed, and told ---- */

/* Whether the conditions can be read: a field that is not there, or a value that is none of its, is told when the
 * settings are stored and not when somebody is served. */
static bool check_where(const NtSnapshot *snapshot, const char *where, const char *field, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtFilter) filter = where != NULL ? nt_filter_open(snapshot, where, &fault) : NULL;
    if (where == NULL || filter != NULL) {
        return true;
    }
    if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_INVALID) &&
        !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) &&
        !g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    nt_fail(error, NITERU_ERROR_INVALID, "%s: %s", field, fault->message);
    return nt_fact(error, "parameter", field);
}

static bool check_conditions(const NtSnapshot *snapshot, const NtScenario *scenario, GError **error) {
    bool ok = check_where(snapshot, scenario->where, "where", error);
    for (guint i = 0; ok && i < scenario->rules->len; i++) {
        g_autofree char *field = g_strdup_printf("rules[%u].where", i);
        ok = check_where(snapshot, g_array_index(scenario->rules, NtRule, i).where, field, error);
    }
    return ok;
}

static bool check_settings(NtRecommender *recommender, const NtJson *settings, GError **error) {
    g_autoptr(NtScenario) scenario = nt_scenario_parse(settings, error);
    g_auto(NtSnapshot) snapshot = {0};
    return scenario != NULL && nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error) &&
           check_conditions(&snapshot, scenario, error);
}

bool nt_scenario_put(NtRecommender *recommender, const char *name, int64_t expected, const NtJson *settings,
                     GCancellable *cancellable, int64_t *out_version, GError **error) {
    NiteruCatalogue *catalogue = recommender->catalogue;
    g_autofree char *text = settings != NULL ? nt_json_print(settings, false) : NULL;
    g_auto(NtCall) writing = {0};
    if (text != NULL && strlen(text) > NT_SCENARIO_SETTINGS_BYTES) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "a scenario's settings have at most %d bytes",
                       NT_SCENARIO_SETTINGS_BYTES);
    }
    NtEvents *events = nt_recommender_events(recommender, error);
    if (events == NULL || (settings != NULL && !check_settings(recommender, settings, error)) ||
        !nt_call_begin_writing(&writing, catalogue, PUT_MS, cancellable, error) ||
        !nt_turn_begin(catalogue, &writing.wait, error)) {
        return false;
    }
    bool ok = nt_catalogue_put_scenario(catalogue->db, name, expected, text, out_version, error);
    return nt_turn_end(catalogue, ok, error) && (settings == NULL || nt_events_know_scenario(events, name, error));
}

static bool tell(const NtScenarioRow *row, void *data) {
    NtJson *out = nt_json_set(nt_json_object(), "scenario", nt_json_string(row->name));
    nt_json_set(out, "version", nt_json_integer(row->version));
    nt_json_set(out, "changed", nt_json_integer(row->time));
    NtJson *settings =
        row->settings != NULL ? nt_json_parse(row->settings, strlen(row->settings), row->name, NULL, NULL) : NULL;
    nt_json_append(data, nt_json_set(out, "settings", settings != NULL ? settings : nt_json_null()));
    return true;
}

NtJson *nt_scenarios_json(NtRecommender *recommender, const char *name, GError **error) {
    g_auto(NtSnapshot) snapshot = {0};
    g_autoptr(NtJson) out = nt_json_array();
    return nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error) &&
                   nt_catalogue_each_scenario(snapshot.reader.db, name, tell, out, error)
               ? g_steal_pointer(&out)
               : NULL;
}

/* ---- what is odd ---- */

typedef struct Warning {
    const NtSnapshot *snapshot;
    const NtScenario *scenario;
    NtJson *out;
} Warning;

static void warn(const Warning *warning, int rule, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void warn(const Warning *warning, int rule, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *whole = rule >= 0 ? g_strdup_printf("rules[%d]: %s", rule, text) : g_strdup(text);
    nt_json_append(warning->out, nt_json_string(whole));
}

static uint64_t count_matches(const Warning *warning, const char *where) {
    g_autoptr(NtFilter) filter = nt_filter_open(warning->snapshot, where, NULL);
    return filter != NULL ? filter->count : 0;
}

static void warn_of_rule(const Warning *warning, guint number) {
    const NtRule *rule = &g_array_index(warning->scenario->rules, NtRule, number);
    int at = (int)number;
    if (rule->until <= g_get_real_time() / 1000 && rule->until != INT64_MIN) {
        warn(warning, at, "its time is over");
    }
    if (rule->where != NULL && count_matches(warning, rule->where) == 0) {
        warn(warning, at, "no product matches");
    }
    for (guint o = 0; o < number; o++) {
        const NtRule *other = &g_array_index(warning->scenario->rules, NtRule, o);
        bool same = g_strcmp0(rule->where, other->where) == 0 && rule->from < other->until && other->from < rule->until;
        bool apart = (rule->kind == NT_RULE_BOOST && other->kind == NT_RULE_BURY) ||
                     (rule->kind == NT_RULE_BURY && other->kind == NT_RULE_BOOST);
        if (same && rule->where != NULL && (apart || other->kind == NT_RULE_HIDE || rule->kind == NT_RULE_HIDE)) {
            warn(warning, at, "contradicts rules[%u]: both are for the same products", o);
        }
        if (same && rule->kind == NT_RULE_PIN && other->kind == NT_RULE_PIN && rule->position == other->position) {
            warn(warning, at, "is for the place of rules[%u]: it gets the next one", o);
        }
    }
}

/* What an answer of somebody who is nobody says: pins that cannot be, conditions that let nothing through. */
static bool warn_of_answer(NtRecommender *recommender, const Warning *warning, NtScenario *scenario,
                           GCancellable *cancellable, GError **error) {
    const NtRecommendQuery query = {.settings = scenario, .diversity = -1};
    g_autoptr(NtRecommendation) answer = nt_recommend(recommender, &query, cancellable, error);
    for (guint i = 0; answer != NULL && i < answer->notes->len; i++) {
        nt_json_append(warning->out, nt_json_string(answer->notes->pdata[i]));
    }
    return answer != NULL;
}

NtJson *nt_scenario_warnings(NtRecommender *recommender, const NtJson *settings, GCancellable *cancellable,
                             GError **error) {
    g_autoptr(NtScenario) scenario = nt_scenario_parse(settings, error);
    g_auto(NtSnapshot) snapshot = {0};
    g_autoptr(NtJson) out = nt_json_array();
    if (scenario == NULL || !nt_snapshot_open(&snapshot, recommender->catalogue, NULL, error) ||
        !check_conditions(&snapshot, scenario, error)) {
        return NULL;
    }
    const Warning warning = {&snapshot, scenario, out};
    double shares = 0;
    unsigned places = 0;
    for (guint i = 0; i < scenario->rules->len; i++) {
        warn_of_rule(&warning, i);
        shares += g_array_index(scenario->rules, NtRule, i).share;
    }
    for (int kind = 0; kind < NT_SOURCE_KINDS; kind++) {
        places += scenario->places[kind];
    }
    if (shares > 1) {
        warn(&warning, -1, "the shares together are more than all places: earlier rules come first");
    }
    if (places > scenario->k) {
        warn(&warning, -1, "`places` keeps more places than the %zu there are", scenario->k);
    }
    g_autoptr(GError) fault = NULL;
    if (snapshot.version->rows > 0 && !warn_of_answer(recommender, &warning, scenario, cancellable, &fault)) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NULL;
    }
    return g_steal_pointer(&out);
}
