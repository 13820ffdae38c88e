/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visitors: what they did comes in, what they are recommended goes out.
 *
 * With a key that anybody can read in a page nobody may look into somebody else's tastes, nor spoil them. So it speaks
 * for sessions, whose id only that visitor's browser knows, and for a user whom the shop's own server vouches for: by
 * HMAC-SHA256 of the user's id and a moment, made with a secret key (doc/events.md).
 */
#include "service/service-internal.h"

#include <string.h>

#include "events/events.h"
#include "recommend/recommend.h"

enum { MOST_EVENTS = 1000, SIGNATURE_DIGITS = 64 };

/* ---- who may speak for whom ---- */

/* Whether `signature`, "UNIX-SECONDS.HEX", says that a secret key in use vouches for the user until then. */
static bool is_signed(ApiCall *call, const char *user, const char *signature) {
    char *end = NULL;
    gint64 until = signature != NULL ? g_ascii_strtoll(signature, &end, 10) : 0;
    if (until <= g_get_real_time() / G_USEC_PER_SEC || *end != '.' || strlen(end + 1) != SIGNATURE_DIGITS) {
        return false;
    }
    g_autofree char *message = g_strdup_printf("%s\n%" G_GINT64_FORMAT, user, until);
    return api_keys_signed(call->service->keys, message, end + 1);
}

bool api_may_speak_for(ApiCall *call, const char *visitor) {
    const char *signature = nt_json_text(nt_json_get(call->query, "signature"), NULL);
    if (!api_is_stranger(call) || visitor[0] == 's' || is_signed(call, visitor + 2, signature)) {
        return true;
    }
    api_problem(call, 403, "not-signed", "signature",
                "a publishable key speaks for sessions, or for a user whom a secret key signed: the signature is "
                "missing, wrong or over");
    return false;
}

/* ---- events in ---- */

/* The visitors that a call's events may be of. */
static bool may_bring(const char *visitor, void *data) {
    ApiCall *call = data;
    const char *user = nt_json_text(nt_json_get(call->query, "user"), NULL);
    return !api_is_stranger(call) || visitor[0] == 's' ||
           (user != NULL && strcmp(user, visitor + 2) == 0 &&
            is_signed(call, user, nt_json_text(nt_json_get(call->query, "signature"), NULL)));
}

static NtJson *count_statuses(const NtJson *answers) {
    static const char *const words[] = {"new", "known", "over", "refused"};
    NtJson *out = nt_json_object();
    for (size_t w = 0; w < G_N_ELEMENTS(words); w++) {
        int64_t count = 0;
        for (size_t i = 0; i < nt_json_count(answers); i++) {
            count += strcmp(nt_json_text(nt_json_get(nt_json_at(answers, i), "status"), ""), words[w]) == 0;
        }
        nt_json_set(out, words[w], nt_json_integer(count));
    }
    return out;
}

void api_run_events(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    NtJsonType type = nt_json_type(call->body);
    if (type != NT_JSON_ARRAY && type != NT_JSON_OBJECT) {
        api_problem(call, 400, "invalid", NULL, "the body is an event, or an array of events");
        return;
    }
    if (type == NT_JSON_ARRAY && nt_json_count(call->body) > MOST_EVENTS) {
        api_problem(call, 413, "over-limit", NULL, "at most %d events at a time", MOST_EVENTS);
        return;
    }
    NtJson *answers = nt_recommend_events(nt_recommender_of(call->service->catalogue), call->body, may_bring, call,
                                          nt_http_cancellable(call->request), &error);
    if (answers == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *out = count_statuses(answers);
    api_answer(call, 200, nt_json_set(out, "events", answers));
}

/* ---- recommendations out ---- */

/* Photos get the addresses by which this service has them. */
void api_add_addresses(const NtJson *items) {
    for (size_t i = 0; i < nt_json_count(items); i++) {
        const NtJson *item = nt_json_at(items, i);
        NtJson *photo = nt_json_get(item, "photo");
        if (photo != NULL) {
            g_autofree char *id = g_uri_escape_string(nt_json_text(nt_json_get(item, "product"), ""), NULL, false);
            g_autofree char *url = g_strdup_printf("/v1/products/%s/photos/%" G_GINT64_FORMAT, id,
                                                   nt_json_int(nt_json_get(photo, "number"), 0));
            nt_json_set(photo, "url", nt_json_string(url));
        }
    }
}

/* A visitor may have looked at what is not public: that it stands for a taste tells a stranger nothing of it. */
static void hide_medoids(const ApiCall *call, const NtJson *tastes) {
    for (size_t i = 0; i < nt_json_count(tastes); i++) {
        NtJson *taste = nt_json_at(tastes, i);
        if (api_is_hidden(call, taste)) {
            nt_json_set(taste, "metadata", nt_json_object());
        }
    }
}

static void answer(ApiCall *call, NtRecommendation *given, GError *fault) {
    g_autoptr(NtRecommendation) found = given;
    if (found == NULL) {
        api_fail(call, fault);
        return;
    }
    NtJson *out = nt_recommendation_json(found);
    api_add_addresses(nt_json_get(out, "products"));
    api_add_addresses(nt_json_get(out, "tastes"));
    hide_medoids(call, nt_json_get(out, "tastes"));
    api_answer(call, 200, nt_json_set(out, "took_ms", nt_json_real((double)(nt_http_age(call->request) / 10) / 100)));
}

/* Recommends to a visitor, as the query or the body asks; `scenario` and `previous` of an answer that it goes on from.
 */
static void recommend(ApiCall *call, const char *visitor, const char *scenario, const char *previous) {
    GError *error = NULL;
    NtRecommender *recommender = nt_recommender_of(call->service->catalogue);
    NiteruSearchOptions options;
    g_autofree char *where = NULL;
    g_autofree const char **exclude = NULL;
    const NtJson *from = call->body != NULL ? call->body : call->query;
    const NtJson *did = nt_json_get(from, "actions");
    g_autoptr(GArray) actions = NULL;
    NtRecommendation *found = NULL;
    if (api_search_options(call, &options, &where, &exclude, &error) &&
        (did == NULL || (actions = nt_recommend_actions(recommender, did, &error)) != NULL)) {
        NtRecommendQuery query = {.visitor = visitor,
                                  .actions = actions,
                                  .k = (size_t)nt_json_int(nt_json_get(from, "k"), 0),
                                  .where = where,
                                  .exclude = exclude,
                                  .diversity = nt_json_number(nt_json_get(from, "diversity"), -1),
                                  .metadata = options.metadata,
                                  .explain = nt_json_truth(nt_json_get(from, "explain"), false),
                                  .timeout_ms = options.timeout_ms,
                                  .scenario =
                                      scenario != NULL ? scenario : nt_json_text(nt_json_get(from, "scenario"), NULL),
                                  .previous = previous,
                                  .log = nt_json_truth(nt_json_get(from, "log"), true),
                                  .control_percent = call->service->config->control_percent,
                                  .random_percent = call->service->config->random_percent};
        found = nt_recommend(recommender, &query, nt_http_cancellable(call->request), &error);
    }
    answer(call, found, error);
}

void api_run_user_recommend(ApiCall *call) {
    g_autofree char *visitor = g_strconcat("u:", call->pieces[0], NULL);
    if (api_may_speak_for(call, visitor)) {
        recommend(call, visitor, NULL, NULL);
    }
}

void api_run_session_recommend(ApiCall *call) {
    const char *session = nt_json_text(nt_json_get(call->body, "session"), NULL);
    g_autofree char *visitor = session != NULL ? g_strconcat("s:", session, NULL) : NULL;
    recommend(call, visitor, NULL, NULL);
}

/* Whether a stranger may go on with an answer: as that user, or as the session that it was for. */
static bool may_go_on(ApiCall *call, const char *visitor) {
    const char *session = nt_json_text(nt_json_get(call->body, "session"), "");
    if (!api_is_stranger(call) || visitor == NULL || visitor[0] == 'u' || strcmp(session, visitor + 2) == 0) {
        return visitor == NULL || visitor[0] == 's' || api_may_speak_for(call, visitor);
    }
    api_problem(call, 403, "forbidden", "session", "the answer was for another session");
    return false;
}

void api_run_recommend_next(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_auto(NtGivenAnswer) given = {0};
    NtEvents *events = nt_recommender_events(nt_recommender_of(call->service->catalogue), &error);
    if (events == NULL || !nt_events_find_answer(events, call->pieces[0], &given, &error)) {
        api_fail(call, g_steal_pointer(&error));
    } else if (may_go_on(call, given.visitor)) {
        recommend(call, given.visitor, given.scenario, call->pieces[0]);
    }
}

void api_run_user_tastes(ApiCall *call) {
    GError *error = NULL;
    g_autofree char *visitor = g_strconcat("u:", call->pieces[0], NULL);
    if (api_may_speak_for(call, visitor)) {
        NtRecommendation *found = nt_recommend_tastes(nt_recommender_of(call->service->catalogue), visitor,
                                                      nt_http_cancellable(call->request), &error);
        answer(call, found, error);
    }
}

void api_run_report(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    NtJson *out = nt_recommend_report(nt_recommender_of(call->service->catalogue), call->pieces[0],
                                      (unsigned)nt_json_int(nt_json_get(call->query, "days"), 30), &error);
    if (out != NULL) {
        api_answer(call, 200, out);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
