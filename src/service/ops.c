/* SPDX-License-Identifier: Apache-2.0 */
/* What those who run the service ask: whether it lives, whether it can answer, its limits, its models. */
#include "service/service-internal.h"

#include <string.h>

#include "search/search.h"

/* How many products find themselves, and how long that may take. A result of FRESH_SECONDS is told as it is; an older
 * one too, and search is tested meanwhile; beyond OLD_SECONDS the next is waited for. */
enum { READY_SAMPLE = 16, READY_MS = 5000, FRESH_SECONDS = 5, OLD_SECONDS = 30 };

void api_run_healthz(ApiCall *call) {
    api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ok")));
}

/* ---- whether search works ---- */

typedef struct Result {
    int64_t at; /* monotonic; 0: none yet */
    unsigned status;
    const char *code; /* static; NULL: all is well */
} Result;

struct ApiReady {
    GMutex lock;
    Result last;
    bool testing; /* somebody sees to the next one */
};

ApiReady *api_ready_new(void) {
    ApiReady *ready = g_new0(ApiReady, 1);
    g_mutex_init(&ready->lock);
    return ready;
}

void api_ready_free(ApiReady *ready) {
    if (ready != NULL) {
        g_mutex_clear(&ready->lock);
        g_free(ready);
    }
}

/* Has a sample of products find themselves. */
static Result test_search(NtService *service) {
    NtWait wait = nt_wait_for(READY_MS, NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char *missed = NULL;
    unsigned tested;
    Result result = {.status = 200};
    const char *field;
    /* Without a model yet there is nothing to find, and nothing is wrong. */
    if (!nt_self_test(service->catalogue, NULL, READY_SAMPLE, &wait, &tested, &missed, &error) &&
        !g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        result.status = MAX(api_error_status(error, &result.code, &field), 500);
        api_log(service, "error", error->message);
    } else if (missed != NULL) {
        result = (Result){.status = 503, .code = "search-broken"};
        api_log(service, "error", missed);
    }
    result.at = g_get_monotonic_time();
    return result;
}

static void answer_ready(ApiCall *call, const Result *result) {
    if (result->code == NULL) {
        api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ready")));
    } else {
        api_problem(call, result->status, result->code, NULL, "a test of search failed; the log tells why");
    }
}

/* Whether the last result may be told; else a test is due. */
static bool look(ApiReady *ready, int64_t seconds, Result *out) {
    g_mutex_lock(&ready->lock);
    *out = ready->last;
    g_mutex_unlock(&ready->lock);
    return out->at > 0 && g_get_monotonic_time() - out->at < seconds * (int64_t)G_USEC_PER_SEC;
}

static void test_again(void *data) {
    NtService *service = data;
    Result result = test_search(service);
    g_mutex_lock(&service->ready->lock);
    service->ready->last = result;
    service->ready->testing = false;
    g_mutex_unlock(&service->ready->lock);
}

/* On the tester's thread: those who waited for the same test share its result. */
static void answer_tested(void *data) {
    ApiCall *call = data;
    Result result;
    if (!look(call->service->ready, FRESH_SECONDS, &result)) {
        test_again(call->service);
        look(call->service->ready, FRESH_SECONDS, &result);
    }
    answer_ready(call, &result);
}

void api_run_readyz(ApiCall *call) {
    NtService *service = call->service;
    ApiReady *ready = service->ready;
    Result last;
    if (g_atomic_int_get(&service->stopping)) {
        api_problem(call, 503, "stopping", NULL, "the service is being stopped");
        return;
    }
    if (!look(ready, OLD_SECONDS, &last)) {
        api_call_push(call, service->tester, answer_tested);
        return;
    }
    if (!look(ready, FRESH_SECONDS, &last)) {
        g_mutex_lock(&ready->lock);
        bool due = !ready->testing;
        ready->testing = true;
        g_mutex_unlock(&ready->lock);
        if (due && !api_workers_push(service->tester, NULL, test_again, service)) {
            g_mutex_lock(&ready->lock);
            ready->testing = false;
            g_mutex_unlock(&ready->lock);
        }
    }
    answer_ready(call, &last);
}

/* ---- facts ---- */

void api_run_models(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = niteru_models_json(call->service->catalogue, api_timeout(call), NULL, &error);
    if (text == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    static const char *const facts[] = {"name",    "dimension", "dtype", "metric", "vectors",
                                        "default", "previous",  "width", "height"};
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
