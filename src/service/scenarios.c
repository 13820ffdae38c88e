/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: what is recommended in which place of the shop, changed in versions and tried before. */
#include "service/service-internal.h"

#include <string.h>

#include "recommend/recommend.h"

static NtRecommender *recommender_of(const ApiCall *call) { return nt_recommender_of(call->service->catalogue); }

/* Answers {name: list}, or what went wrong. */
static void answer_list(ApiCall *call, const char *name, NtJson *list, GError *error) {
    if (list != NULL) {
        api_answer(call, 200, nt_json_set(nt_json_object(), name, list));
    } else {
        api_fail(call, error);
    }
}

static void no_scenario(ApiCall *call) {
    api_problem(call, 404, "not-found", NULL, "there is no scenario of this name; without one all is as usual");
}

void api_run_scenarios(ApiCall *call) {
    GError *error = NULL;
    NtJson *list = nt_scenarios_json(recommender_of(call), NULL, &error);
    bool wanted = list != NULL && nt_json_truth(nt_json_get(call->query, "reported"), false);
    NtJson *reported = wanted ? nt_scenarios_reported(recommender_of(call), &error) : NULL;
    if (list == NULL || (wanted && reported == NULL)) {
        g_clear_pointer(&list, nt_json_free);
        api_fail(call, error);
        return;
    }
    NtJson *out = nt_json_set(nt_json_object(), "scenarios", list);
    api_answer(call, 200, wanted ? nt_json_set(out, "reported", reported) : out);
}

void api_run_scenario_versions(ApiCall *call) {
    GError *error = NULL;
    g_autoptr(NtJson) list = nt_scenarios_json(recommender_of(call), call->pieces[0], &error);
    if (list != NULL && nt_json_count(list) == 0) {
        no_scenario(call);
    } else {
        answer_list(call, "versions", list != NULL ? nt_json_ref(list) : NULL, error);
    }
}

void api_run_scenario(ApiCall *call) {
    GError *error = NULL;
    g_autoptr(NtJson) list = nt_scenarios_json(recommender_of(call), call->pieces[0], &error);
    NtJson *newest = nt_json_at(list, 0);
    if (list == NULL) {
        api_fail(call, error);
    } else if (newest == NULL || nt_json_type(nt_json_get(newest, "settings")) == NT_JSON_NULL) {
        no_scenario(call);
    } else {
        api_answer(call, 200, nt_json_ref(newest));
    }
}

static bool put(ApiCall *call, const NtJson *settings, int64_t *out_version, GError **error) {
    int64_t expected = nt_json_int(nt_json_get(call->query, "if_version"), -1);
    return nt_scenario_put(recommender_of(call), call->pieces[0], expected, settings,
                           nt_http_cancellable(call->request), out_version, error);
}

void api_run_scenario_put(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    int64_t version;
    if (!put(call, call->body, &version, &error)) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *warnings = nt_scenario_warnings(recommender_of(call), call->body, nt_http_cancellable(call->request), NULL);
    NtJson *out = nt_json_set(nt_json_object(), "scenario", nt_json_string(call->pieces[0]));
    nt_json_set(out, "version", nt_json_integer(version));
    api_answer(call, 200, nt_json_set(out, "warnings", warnings != NULL ? warnings : nt_json_array()));
}

void api_run_scenario_delete(ApiCall *call) {
    GError *error = NULL;
    int64_t version;
    if (put(call, NULL, &version, &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, error);
    }
}

/* ---- trying ---- */

/* Who is recommended to, and what is tried. */
typedef struct Trial {
    ApiCall *call;
    char *visitor;
    GArray *actions;
    int64_t now;
} Trial;

static void clear_trial(Trial *trial) {
    g_free(trial->visitor);
    g_clear_pointer(&trial->actions, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trial, clear_trial)

/* False: the call is answered. */
static bool read_trial(ApiCall *call, Trial *trial) {
    GError *error = NULL;
    const char *user = nt_json_text(nt_json_get(call->body, "user"), NULL);
    const char *session = nt_json_text(nt_json_get(call->body, "session"), NULL);
    const NtJson *did = nt_json_get(call->body, "actions"), *at = nt_json_get(call->body, "at");
    trial->call = call;
    if (user != NULL && session != NULL) {
        api_problem(call, 400, "invalid", "session", "a visitor is a user or a session, not both");
        return false;
    }
    if (at != NULL && !nt_event_time(at, &trial->now)) {
        api_problem(call, 400, "invalid", "at", "at: Unix seconds, or a moment such as 2026-12-24T18:00:00+09:00");
        return false;
    }
    if (user != NULL || session != NULL) {
        trial->visitor = g_strconcat(user != NULL ? "u:" : "s:", user != NULL ? user : session, NULL);
    }
    if (did != NULL && (trial->actions = nt_recommend_actions(recommender_of(call), did, &error)) == NULL) {
        api_fail(call, error);
        return false;
    }
    return true;
}

/* An answer to the visitor with these settings (NULL: those in force), as nobody would get it by chance. */
static NtJson *try_settings(const Trial *trial, NtScenario *settings, GError **error) {
    ApiCall *call = trial->call;
    const NtRecommendQuery query = {.visitor = trial->visitor,
                                    .actions = trial->actions,
                                    .k = (size_t)nt_json_int(nt_json_get(call->body, "k"), 0),
                                    .diversity = -1,
                                    .metadata = true,
                                    .explain = true,
                                    .timeout_ms = api_timeout(call),
                                    .now = trial->now,
                                    .scenario = call->pieces[0],
                                    .settings = settings,
                                    .personal = true};
    g_autoptr(NtRecommendation) found =
        nt_recommend(recommender_of(call), &query, nt_http_cancellable(call->request), error);
    NtJson *out = found != NULL ? nt_recommendation_json(found) : NULL;
    if (out != NULL) {
        api_add_addresses(nt_json_get(out, "products"));
        api_add_addresses(nt_json_get(out, "tastes"));
    }
    return out;
}

/* Where a product stands in an answer, or null. */
static NtJson *position_in(const NtJson *products, const char *id) {
    for (size_t i = 0; i < nt_json_count(products); i++) {
        if (strcmp(nt_json_text(nt_json_get(nt_json_at(products, i), "product"), ""), id) == 0) {
            return nt_json_integer((int64_t)i);
        }
    }
    return nt_json_null();
}

static void add_changes(const NtJson *from, const NtJson *before, const NtJson *after, bool all, NtJson *out) {
    for (size_t i = 0; i < nt_json_count(from); i++) {
        const char *id = nt_json_text(nt_json_get(nt_json_at(from, i), "product"), "");
        g_autoptr(NtJson) was = position_in(before, id), is = position_in(after, id);
        bool gone = nt_json_type(is) == NT_JSON_NULL;
        if ((all || gone) && nt_json_int(was, -1) != nt_json_int(is, -1)) {
            NtJson *change = nt_json_set(nt_json_object(), "product", nt_json_string(id));
            nt_json_set(change, "before", nt_json_ref(was));
            nt_json_append(out, nt_json_set(change, "after", nt_json_ref(is)));
        }
    }
}

/* What differs: where products of `after` stood, then what is gone. */
static NtJson *compare(const NtJson *before, const NtJson *after) {
    const NtJson *old = nt_json_get(before, "products"), *new = nt_json_get(after, "products");
    NtJson *out = nt_json_array();
    add_changes(new, old, new, true, out);
    add_changes(old, old, new, false, out);
    return out;
}

void api_run_scenario_preview(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_auto(Trial) trial = {0};
    const NtJson *settings = nt_json_get(call->body, "settings");
    if (!read_trial(call, &trial)) {
        return;
    }
    g_autoptr(NtJson) warnings =
        nt_scenario_warnings(recommender_of(call), settings, nt_http_cancellable(call->request), &error);
    g_autoptr(NtScenario) tried = warnings != NULL ? nt_scenario_parse(settings, &error) : NULL;
    g_autoptr(NtJson) before = tried != NULL ? try_settings(&trial, NULL, &error) : NULL;
    g_autoptr(NtJson) after = before != NULL ? try_settings(&trial, tried, &error) : NULL;
    if (after == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *out = nt_json_set(nt_json_object(), "changes", compare(before, after));
    nt_json_set(out, "before", g_steal_pointer(&before));
    nt_json_set(out, "after", g_steal_pointer(&after));
    api_answer(call, 200, nt_json_set(out, "warnings", g_steal_pointer(&warnings)));
}
