/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a user: shown, taken over from a session, forgotten. */
#include "service/service-internal.h"

#include <string.h>

#include "recommend/recommend.h"

enum { EXPORTED = 5000, MOST_OVER = 100 };

static NtRecommender *recommender_of(const ApiCall *call) { return nt_recommender_of(call->service->catalogue); }

static void answer_json(ApiCall *call, NtJson *json, GError *error) {
    if (json != NULL) {
        api_answer(call, 200, json);
    } else {
        api_fail(call, error);
    }
}

void api_run_user_export(ApiCall *call) {
    GError *error = NULL;
    g_autofree char *visitor = g_strconcat("u:", call->pieces[0], NULL);
    if (api_may_speak_for(call, visitor)) {
        NtJson *out =
            nt_recommend_export(recommender_of(call), visitor,
                                (uint64_t)nt_json_int(nt_json_get(call->query, "after"), 0), EXPORTED, &error);
        answer_json(call, out, error);
    }
}

void api_run_visitors_over(ApiCall *call) {
    GError *error = NULL;
    NtEvents *events = nt_recommender_events(recommender_of(call), &error);
    int64_t days = nt_json_int(nt_json_get(call->query, "days"), 28);
    NtJson *list = events != NULL ? nt_events_over_json(events, g_get_real_time() / 1000 - days * (int64_t)86400000,
                                                        MOST_OVER, &error)
                                  : NULL;
    answer_json(call, list != NULL ? nt_json_set(nt_json_object(), "visitors", list) : NULL, error);
}

void api_run_user_delete(ApiCall *call) {
    GError *error = NULL;
    g_autofree char *visitor = g_strconcat("u:", call->pieces[0], NULL);
    NtJson *out = nt_recommend_erase(recommender_of(call), visitor, &error);
    if (out != NULL) {
        nt_json_set(out, "user", nt_json_string(call->pieces[0]));
    }
    answer_json(call, out, error);
}

void api_run_taste_delete(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *visitor = g_strconcat("u:", call->pieces[0], NULL);
    if (!api_may_speak_for(call, visitor)) {
        return;
    }
    if (nt_recommend_forget_taste(recommender_of(call), visitor, call->pieces[1], nt_http_cancellable(call->request),
                                  &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_taste_forget(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *visitor = g_strconcat("s:", nt_json_text(nt_json_get(call->body, "session"), ""), NULL);
    if (nt_recommend_forget_taste(recommender_of(call), visitor, nt_json_text(nt_json_get(call->body, "product"), ""),
                                  nt_http_cancellable(call->request), &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_users_merge(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *session = g_strconcat("s:", nt_json_text(nt_json_get(call->body, "session"), ""), NULL);
    g_autofree char *user = g_strconcat("u:", nt_json_text(nt_json_get(call->body, "user"), ""), NULL);
    if (!api_may_speak_for(call, user)) {
        return;
    }
    if (nt_recommend_merge(recommender_of(call), session, user, &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
