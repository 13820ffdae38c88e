/* SPDX-License-Identifier: Apache-2.0 */
/* The service as a whole: what it is made of, its start and its end. */
#include "service/service-internal.h"

#include <string.h>

#include "recommend/recommend.h"

/* Whether an address to listen on is this machine's own. */
static bool is_loopback(const char *address) {
    return g_str_has_prefix(address, "127.") || g_str_has_prefix(address, "[::1]") ||
           g_str_has_prefix(address, "localhost:") || g_str_has_prefix(address, "unix:");
}

/* Whether keys can be left out: where nobody but this machine's users can ask. */
static bool check_access(NtService *service, GError **error) {
    const NtServiceConfig *config = service->config;
    const char *wide = NULL;
    bool keys;
    for (size_t i = 0; config->listen[i] != NULL; i++) {
        wide = is_loopback(config->listen[i]) ? wide : config->listen[i];
    }
    if (!api_keys_any(service->keys, &keys, error)) {
        return false;
    }
    service->loopback = wide == NULL;
    if (wide != NULL && !keys && !config->public) {
        return nt_fail(
            error, NITERU_ERROR_INVALID,
            "%s is reached by others, and there is no key: make one with niteru key create, or set public to "
            "let everybody do what a publishable key may",
            wide);
    }
    return true;
}

static bool check_settings(const NtServiceConfig *config, GError **error) {
    if ((config->certificate == NULL) != (config->key == NULL)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "certificate and key go together; only %s is set",
                       config->key == NULL ? "certificate" : "key");
    }
    return config->listen[0] != NULL ||
           nt_fail(error, NITERU_ERROR_INVALID, "listen: no address is named to listen on");
}

static NtHttpServer *new_server(NtService *service, GError **error) {
    const NtServiceConfig *config = service->config;
    const NtHttpOptions options = {.threads = config->loops,
                                   .connections = config->connections,
                                   .client_connections = config->client_connections,
                                   .head_ms = config->head_seconds * 1000,
                                   .body_ms = config->body_seconds * 1000,
                                   .idle_ms = config->idle_seconds * 1000,
                                   .proxies = (const char *const *)config->trusted_proxies,
                                   .certificate = config->certificate,
                                   .key = config->key};
    const NtHttpHandler handler = {api_on_head, api_on_serve, api_search_turn, api_on_done, service};
    return nt_http_server_new(&options, &handler, error);
}

static void set_tastes(NiteruCatalogue *catalogue, const NtServiceConfig *config) {
    const NtTasteOptions options = {.weights = {[NT_EVENT_VIEW] = config->weight_view,
                                                [NT_EVENT_CLICK] = config->weight_click,
                                                [NT_EVENT_FAVOURITE] = config->weight_favourite,
                                                [NT_EVENT_CART] = config->weight_cart,
                                                [NT_EVENT_PURCHASE] = config->weight_purchase,
                                                [NT_EVENT_DISMISS] = -(double)config->weight_dismiss},
                                    .window_days = config->taste_days,
                                    .decay_days = config->taste_decay_days};
    nt_recommender_set_tastes(nt_recommender_of(catalogue), &options);
}

static NtService *make(NiteruCatalogue *catalogue, const NtServiceConfig *config, GError **error) {
    g_autoptr(NtService) service = g_new0(NtService, 1);
    service->catalogue = catalogue;
    service->config = config;
    set_tastes(catalogue, config);
    service->keys = api_keys_new(catalogue);
    service->undo = api_undo_new();
    service->sessions = api_sessions_new();
    service->rates = api_rates_new();
    service->visible = api_visible_new();
    service->uploads = api_uploads_new(config->upload_bytes);
    service->idempotency = api_idempotency_new();
    service->metrics = api_metrics_new();
    service->history = api_history_new();
    service->memory = api_memory_new("/", config->memory_reserve);
    service->log = api_log_new();
    service->ready = api_ready_new();
    service->page = api_page_files();
    api_openapi_make(service);
    service->started = g_get_monotonic_time();
    if (!check_settings(config, error) || !check_access(service, error)) {
        return NULL;
    }
    service->server = new_server(service, error);
    return service->server != NULL ? g_steal_pointer(&service) : NULL;
}

bool nt_service_check(NiteruCatalogue *catalogue, const NtServiceConfig *config, GError **error) {
    g_autoptr(NtService) service = make(catalogue, config, error);
    return service != NULL;
}

/* The socket in the catalogue's folder, for the command line on this machine; it also sees to it that one service is on
 * a catalogue. A folder whose path is too long for a socket has none. */
static bool listen_locally(NtService *service, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autofree char *address = g_build_filename(niteru_folder(service->catalogue), "serve.sock", NULL);
    if (nt_http_listen_local(service->server, address, &fault)) {
        return true;
    }
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        api_log(service, "warning", fault->message);
        return true;
    }
    return g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_BUSY)
               ? nt_fail(error, NITERU_ERROR_BUSY, "%s: another niteru serves this catalogue already",
                         niteru_folder(service->catalogue))
               : nt_fail(error, (NiteruError)fault->code, "%s", fault->message);
}

NtService *nt_service_new(NiteruCatalogue *catalogue, const NtServiceConfig *config, GError **error) {
    g_autoptr(NtService) service = make(catalogue, config, error);
    if (service == NULL || !listen_locally(service, error)) {
        return NULL;
    }
    for (size_t i = 0; config->listen[i] != NULL; i++) {
        uint16_t port = 0;
        if (!nt_http_listen(service->server, config->listen[i], &port, error)) {
            return NULL;
        }
        if (service->url == NULL && port != 0) {
            const char *colon = strrchr(config->listen[i], ':');
            g_autofree char *host = g_strndup(config->listen[i], (size_t)(colon - config->listen[i]));
            service->url = g_strdup_printf("http%s://%s:%u", config->certificate != NULL ? "s" : "",
                                           strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : host, port);
        }
    }
    return g_steal_pointer(&service);
}

bool nt_service_start(NtService *service, GError **error) {
    const NtServiceConfig *config = service->config;
    unsigned loops = config->loops > 0 ? config->loops : nt_cores();
    service->gathered = g_new0(GPtrArray *, loops + 1);
    for (unsigned i = 0; i < loops; i++) {
        service->gathered[i] = g_ptr_array_new();
    }
    service->readers = api_workers_new("reader", config->readers, config->queue);
    service->embedders = api_workers_new("embedder", config->embedders, config->queue);
    service->writers = api_workers_new("writer", config->writers, config->queue);
    service->tester = api_workers_new("tester", 1, config->queue);
    service->jobs = api_jobs_new(service, error);
    return service->jobs != NULL && nt_http_server_start(service->server, error);
}

const char *nt_service_url(const NtService *service) { return service->url != NULL ? service->url : "unix"; }

bool nt_service_reload(NtService *service, GError **error) { return nt_http_server_reload(service->server, error); }

bool nt_service_stop(NtService *service) {
    g_atomic_int_set(&service->stopping, 1);
    return nt_http_server_stop(service->server, service->config->stop_seconds * G_USEC_PER_SEC);
}

void nt_service_free(NtService *service) {
    if (service == NULL) {
        return;
    }
    if (service->server != NULL) {
        nt_http_server_stop(service->server, 0);
    }
    /* Threads may still answer requests, which the server holds until then. */
    api_workers_free(service->readers);
    api_workers_free(service->embedders);
    api_workers_free(service->writers);
    api_workers_free(service->tester);
    api_jobs_free(service->jobs);
    nt_http_server_free(service->server);
    for (size_t i = 0; service->gathered != NULL && service->gathered[i] != NULL; i++) {
        g_ptr_array_unref(service->gathered[i]);
    }
    g_free(service->gathered);
    api_keys_free(service->keys);
    api_undo_free(service->undo);
    api_sessions_free(service->sessions);
    api_rates_free(service->rates);
    api_visible_free(service->visible);
    api_uploads_free(service->uploads);
    api_idempotency_free(service->idempotency);
    api_metrics_free(service->metrics);
    api_history_free(service->history);
    api_memory_free(service->memory);
    api_ready_free(service->ready);
    g_hash_table_unref(service->page);
    g_clear_pointer(&service->openapi, g_bytes_unref);
    g_clear_pointer(&service->openapi_gzip, g_bytes_unref);
    api_log_free(service->log);
    g_free(service->url);
    g_free(service);
}
