/* SPDX-License-Identifier: Apache-2.0 */
/* What those who run the service ask: whether it lives, whether it can answer, its limits, its models. */
#include "service/service-internal.h"

#include <string.h>

#include "search/search.h"

/* How many products find themselves, how long that may take, and how long it holds. */
enum { READY_SAMPLE = 16, READY_MS = 5000, READY_SECONDS = 5 };

void api_run_healthz(ApiCall *call) {
    api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ok")));
}

/* Has a sample of products find themselves, unless that was done a moment ago. False: the call is answered. */
static bool test_search(ApiCall *call) {
    NtService *service = call->service;
    NtWait wait = nt_wait_for(READY_MS, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *missed = NULL;
    unsigned tested;
    int64_t now = g_get_monotonic_time();
    if (now < __atomic_load_n(&service->ready_until, __ATOMIC_RELAXED)) {
        return true;
    }
    /* Without a model yet there is nothing to find, and nothing is wrong. */
    if (!nt_self_test(service->catalogue, NULL, READY_SAMPLE, &wait, &tested, &missed, &error) &&
        !g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        api_fail(call, g_steal_pointer(&error));
        return false;
    }
    if (missed != NULL) {
        api_log(service, "error", missed);
        api_problem(call, 503, "search-broken", NULL, "a product does not find itself; the log names it");
        return false;
    }
    __atomic_store_n(&service->ready_until, now + READY_SECONDS * (int64_t)G_USEC_PER_SEC, __ATOMIC_RELAXED);
    return true;
}

void api_run_readyz(ApiCall *call) {
    if (g_atomic_int_get(&call->service->stopping)) {
        api_problem(call, 503, "stopping", NULL, "the service is being stopped");
    } else if (test_search(call)) {
        api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ready")));
    }
}

void api_run_models(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = niteru_models_json(call->service->catalogue, api_timeout(call), NULL, &error);
    if (text == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    static const char *const facts[] = {"name",    "dimension", "dtype", "metric",
                                        "vectors", "default",   "width", "height"};
    g_autoptr(NtJson) all = nt_json_parse(text, strlen(text), "models", NULL, NULL);
    NtJson *models = nt_json_array();
    for (size_t i = 0; i < nt_json_count(all); i++) {
        NtJson *model = nt_json_object();
        for (size_t f = 0; f < G_N_ELEMENTS(facts); f++) {
            NtJson *fact = nt_json_get(nt_json_at(all, i), facts[f]);
            if (fact != NULL) {
                nt_json_set(model, facts[f], nt_json_ref(fact));
            }
        }
        nt_json_append(models, model);
    }
    api_answer(call, 200, nt_json_set(nt_json_object(), "models", models));
}

void api_run_limits(ApiCall *call) {
    const NtServiceConfig *config = call->service->config;
    const struct {
        const char *name;
        uint64_t value;
    } limits[] = {
        {"json_bytes", config->json_bytes},
        {"photo_bytes", config->photo_bytes},
        {"list_bytes", config->list_bytes},
        {"import_bytes", config->import_bytes},
        {"connections_per_address", config->client_connections},
        {"requests_per_second_publishable", config->publishable_rate},
        {"requests_per_second_secret", config->secret_rate},
        {"head_seconds", config->head_seconds},
        {"body_seconds", config->body_seconds},
        {"idle_seconds", config->idle_seconds},
        {"timeout_ms", config->timeout_ms},
        {"queue", config->queue},
        {"comparisons_publishable", API_MOST_COMPARISONS},
    };
    NtJson *out = nt_json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        nt_json_set(out, limits[i].name, nt_json_integer((int64_t)limits[i].value));
    }
    api_answer(call, 200, out);
}
