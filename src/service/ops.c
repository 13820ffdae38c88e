/* SPDX-License-Identifier: Apache-2.0 */
/* What those who run the service ask: whether it lives, whether it can answer, its limits, its models. */
#include "service/service-internal.h"

#include <string.h>

void api_run_healthz(ApiCall *call) {
    api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ok")));
}

void api_run_readyz(ApiCall *call) {
    if (g_atomic_int_get(&call->service->stopping)) {
        api_problem(call, 503, "stopping", NULL, "the service is being stopped");
        return;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *models = niteru_models_json(call->service->catalogue, 2000, NULL, &error);
    if (models == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    api_answer(call, 200, nt_json_set(nt_json_object(), "status", nt_json_string("ready")));
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
    };
    NtJson *out = nt_json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        nt_json_set(out, limits[i].name, nt_json_integer((int64_t)limits[i].value));
    }
    api_answer(call, 200, out);
}
