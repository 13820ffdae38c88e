/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: from the head of a request (route, key, rate, size of the body) over its parameters to its place of work.
 * What can be refused is refused before a body is read.
 */
#include "service/service-internal.h"

#include <stdarg.h>
#include <string.h>

static void free_call(void *data) {
    ApiCall *call = data;
    for (size_t i = 0; i < API_MOST_PIECES; i++) {
        g_free(call->pieces[i]);
    }
    api_upload_clear(call);
    g_free(call->key);
    g_free(call->key_prefix);
    g_free(call->rec);
    g_free(call->csrf);
    g_free(call->idempotency);
    nt_json_free(call->query);
    nt_json_free(call->body);
    g_free(call);
}

/* ---- answers ---- */

void api_answer_text(ApiCall *call, unsigned status, char *json) {
    api_audit(call, status, NULL);
    api_idempotency_end(call, status, json);
    nt_http_answer(call->request, status, "application/json", g_bytes_new_take(json, strlen(json)));
}

void api_answer(ApiCall *call, unsigned status, NtJson *json) {
    g_autoptr(NtJson) own = json;
    api_audit(call, status, json);
    api_answer_text(call, status, nt_json_print(own, false));
}

void api_answer_nothing(ApiCall *call) {
    api_audit(call, 204, NULL);
    nt_http_answer(call->request, 204, NULL, NULL);
}

void api_problem(ApiCall *call, unsigned status, const char *code, const char *field, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *detail = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *safe = nt_text_message(detail, 600);
    api_audit(call, status, NULL);
    api_idempotency_end(call, status, NULL);
    if (status == 429 || status == 503) {
        nt_http_add_header(call->request, "Retry-After", "1");
    }
    nt_http_answer_problem(call->request, status, code, field, safe);
}

unsigned api_error_status(const GError *error, const char **out_code, const char **out_field) {
    static const struct {
        NiteruError error;
        unsigned status;
        const char *code;
    } table[] = {
        {NITERU_ERROR_INVALID, 400, "invalid"},
        {NITERU_ERROR_NOT_FOUND, 404, "not-found"},
        {NITERU_ERROR_UNSUPPORTED, 415, "unsupported"},
        {NITERU_ERROR_LIMIT, 422, "over-limit"},
        {NITERU_ERROR_BUSY, 503, "busy"},
        {NITERU_ERROR_TIMEOUT, 503, "timeout"},
        {NITERU_ERROR_CANCELLED, 503, "stopped"},
        {NITERU_ERROR_NO_SPACE, 507, "no-space"},
        {NITERU_ERROR_NO_MEMORY, 503, "no-memory"},
        {NITERU_ERROR_STALE, 409, "stale"},
        {NITERU_ERROR_CONDITION, 412, "precondition-failed"},
    };
    const char *parameter = niteru_error_fact(error, "parameter");
    *out_field = parameter != NULL ? parameter : niteru_error_fact(error, "option");
    if (g_strcmp0(parameter, "where") == 0 && g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        *out_code = "invalid"; /* a field is not there, and not what the path names */
        return 400;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(table) && error->domain == NITERU_ERROR; i++) {
        if (table[i].error == (NiteruError)error->code) {
            *out_code = table[i].code;
            return table[i].status;
        }
    }
    *out_code = "internal";
    return 500;
}

/* What is said of a fault in here. */
static const char *fault_words(unsigned status, const char *code) {
    return status == 507                  ? "there is no room on the disk"
           : strcmp(code, "timeout") == 0 ? "it took longer than it may"
           : strcmp(code, "stopped") == 0 ? "it was stopped"
           : status == 503                ? "the service cannot do that just now"
                                          : "something went wrong here";
}

void api_fail(ApiCall *call, GError *error) {
    const char *code, *field;
    unsigned status = api_error_status(error, &code, &field);
    bool left = g_cancellable_is_cancelled(nt_http_cancellable(call->request)); /* who gave up is no error of ours */
    if (status >= 500 &&
        !(left && error->code == NITERU_ERROR_CANCELLED)) { /* what went wrong in here, with its paths, is for the log,
                                                               and for the command line */
        g_autofree char *line = g_strdup_printf("%s: %s", call->id, error->message);
        api_log(call->service, "error", line);
    }
    if (status >= 500 && call->access != API_LOCAL) {
        api_problem(call, status, code, NULL, "%s; the log tells more under %s", fault_words(status, code), call->id);
    } else {
        api_problem(call, status, code, field, "%s", error->message);
    }
    g_error_free(error);
}

unsigned api_timeout(const ApiCall *call) {
    int64_t wanted = nt_json_int(nt_json_get(call->query, "timeout_ms"), 0);
    if (wanted == 0 && call->body != NULL) {
        wanted = nt_json_int(nt_json_get(call->body, "timeout_ms"), 0);
    }
    unsigned usual = call->service->config->timeout_ms;
    return wanted == 0 ? usual : api_is_stranger(call) ? MIN((unsigned)wanted, usual) : (unsigned)wanted;
}

/* ---- the head ---- */

static bool is_name(const char *text) {
    return *text != '\0' &&
           strlen(text) == strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
}

/* The request's id: the one its sender gave it, or a new one; in the answer either way. */
static void name_call(ApiCall *call) {
    const char *given = nt_http_header(call->request, "x-request-id");
    if (given != NULL && strlen(given) < sizeof call->id && is_name(given)) {
        g_strlcpy(call->id, given, sizeof call->id);
    } else {
        g_snprintf(call->id, sizeof call->id, "%08x%08x", g_random_int(), g_random_int());
    }
    nt_http_add_header(call->request, "X-Request-Id", call->id);
}

/* Browsers ask first (CORS preflight). */
static void answer_options(ApiCall *call, const char *allowed) {
    NtHttpRequest *request = call->request;
    const char *origin = nt_http_header(request, "origin");
    nt_http_add_header(request, "Allow", allowed);
    if (origin != NULL) {
        /* Which key will come is not known yet; without one that fits the page, the request itself is refused. */
        if (!api_allow_origin(call, origin) && !call->open) {
            nt_http_add_header(request, "Access-Control-Allow-Origin", origin);
        }
        nt_http_add_header(request, "Access-Control-Allow-Methods", allowed);
        nt_http_add_header(request, "Access-Control-Allow-Headers",
                           "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id");
        nt_http_add_header(request, "Access-Control-Max-Age", "600");
    }
    api_answer_nothing(call);
}

static void refuse_address(ApiCall *call, const char *allowed, bool broken) {
    if (broken) {
        api_problem(call, 400, "bad-encoding", NULL, "the path is no percent-encoded UTF-8");
    } else if (strcmp(nt_http_path(call->request), "*") == 0) { /* of OPTIONS only: the server as a whole */
        answer_options(call, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    } else if (allowed == NULL) {
        api_problem(call, 404, "no-such-address", NULL, "there is nothing here; /openapi.json lists what there is");
    } else if (strcmp(nt_http_method(call->request), "OPTIONS") == 0) {
        answer_options(call, allowed);
    } else {
        nt_http_add_header(call->request, "Allow", allowed);
        api_problem(call, 405, "method-not-allowed", NULL, "this address takes: %s", allowed);
    }
}

/* A body with a photo in it, and something around it; base64 takes four bytes for three. */
static uint64_t most_with_photo(const ApiCall *call) {
    const NtServiceConfig *config = call->service->config;
    bool json = nt_http_type_is(nt_http_header(call->request, "content-type"), "application/json");
    return (json ? config->photo_bytes / 3 * 4 + 4 : config->photo_bytes) + config->json_bytes;
}

static void accept_body(ApiCall *call) {
    const NtServiceConfig *config = call->service->config;
    switch (call->route->takes) {
    case API_JSON_BODY:
    case API_BEACON_BODY: nt_http_accept_body(call->request, config->json_bytes, -1, 0); break;
    case API_PHOTO_BODY: nt_http_accept_body(call->request, most_with_photo(call), -1, 0); break;
    case API_LIST_UPLOAD: api_accept_upload(call, config->list_bytes); break;
    case API_NETWORK_UPLOAD: api_accept_network(call); break;
    case API_PHOTO_UPLOAD: api_accept_upload(call, config->photo_bytes); break;
    default: break;
    }
}

/* What takes memory or room must wait where there is little of it; what gives some back, and reading, goes on. */
static bool check_memory(ApiCall *call) {
    static const char *const light[] = {"GET", "DELETE", NULL};
    bool heavy = call->route->place >= API_EMBEDDER && !g_strv_contains(light, call->route->method) &&
                 call->route->run != api_run_job_stop && call->route->run != api_run_products_remove;
    if (!heavy || api_memory_allows(call->service->memory)) {
        return true;
    }
    api_problem(call, 503, "short-of-memory", NULL,
                "little memory is left on this machine: writes and searches by photo wait until there is more");
    return false;
}

void api_on_head(NtHttpRequest *request, void *data) {
    ApiCall *call = g_new0(ApiCall, 1);
    g_autofree char *allowed = NULL;
    bool broken;
    call->service = data;
    call->request = request;
    call->user = nt_http_local_user(request);
    nt_http_set_data(request, call, free_call);
    name_call(call);
    nt_http_add_header(request, "Vary", "Origin"); /* also where none came, or a cache would answer pages with that */
    call->route = api_route_find(nt_http_method(request), nt_http_path(request), call->pieces, &allowed, &broken);
    if (call->route == NULL || (call->route->access == API_LOCAL && !nt_http_is_local(request))) {
        call->route = NULL;
        if (allowed != NULL || !api_answer_page(call)) {
            refuse_address(call, allowed, broken);
        }
    } else if ((call->allowed = api_authorise(call) && check_memory(call))) {
        accept_body(call);
    }
}

/* ---- the request as a whole ---- */

static bool refuse_fault(ApiCall *call, const ApiFault *fault) {
    api_problem(call, 400, fault->code, fault->field, "%s", fault->detail);
    return false;
}

static bool read_query(ApiCall *call) {
    g_auto(ApiFault) fault = {0};
    call->query = api_schema_read_query(call->route->query, nt_http_query(call->request), &fault);
    return call->query != NULL || refuse_fault(call, &fault);
}

static bool is_name_byte(char c) { return g_ascii_isalnum(c) || (c != '\0' && strchr("_-.", c) != NULL) || (c & 0x80); }

/* How many comparisons a condition has: what stands between "and" and "or", outside of quotes. */
static unsigned count_comparisons(const char *where) {
    unsigned count = 1;
    for (const char *at = where; *at != '\0';) {
        size_t size = 0;
        if (strchr("'\"`", *at) != NULL) { /* a doubled quote is the end of one text and the beginning of another */
            const char *end = strchr(at + 1, *at);
            at = end != NULL ? end + 1 : at + strlen(at);
            continue;
        }
        while (is_name_byte(at[size])) {
            size++;
        }
        count += (size == 2 && g_ascii_strncasecmp(at, "or", 2) == 0) ||
                 (size == 3 && g_ascii_strncasecmp(at, "and", 3) == 0);
        at += MAX(size, 1);
    }
    return count;
}

bool api_check_condition(ApiCall *call) {
    const char *where = nt_json_text(nt_json_get(call->body != NULL ? call->body : call->query, "where"), NULL);
    if (where == NULL || !api_is_stranger(call) || count_comparisons(where) <= API_MOST_COMPARISONS) {
        return true;
    }
    api_problem(call, 400, "over-limit", "where", "a condition has at most %d comparisons, where no secret key is used",
                API_MOST_COMPARISONS);
    return false;
}

/* A JSON body, checked against the route's schema. False: answered. */
static bool read_body(ApiCall *call) {
    const char *type = nt_http_header(call->request, "content-type");
    g_autoptr(GError) error = NULL;
    g_auto(ApiFault) fault = {0};
    size_t size;
    const char *text = nt_http_body(call->request, &size);
    if (!api_takes_json(call->route)) {
        return true;
    }
    bool json = nt_http_type_is(type, "application/json") ||
                (call->route->takes == API_BEACON_BODY && nt_http_type_is(type, "text/plain"));
    if (call->route->takes == API_PHOTO_BODY && !json) {
        return true; /* the handler reads it */
    }
    if (size == 0) {
        api_problem(call, 400, "missing-body", NULL, "a JSON body is needed");
        return false;
    }
    if (!json) {
        api_problem(call, 415, "unsupported-media-type", NULL, "the body must be application/json");
        return false;
    }
    NtLimits limits = nt_limits_default();
    call->body = nt_json_parse(text, size, "body", &limits, &error);
    if (call->body == NULL) {
        bool large = g_error_matches(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
        api_problem(call, large ? 413 : 400, large ? "over-limit" : "malformed-json", NULL, "%s", error->message);
        return false;
    }
    return call->route->body == NULL || api_schema_check(call->route->body, call->body, &fault) ||
           refuse_fault(call, &fault);
}

void api_call_push(ApiCall *call, ApiWorkers *workers, void (*run)(void *call)) {
    if (!api_workers_push(workers, api_is_stranger(call) ? nt_http_network(call->request) : NULL, run, call)) {
        call->audited = false; /* nothing was done */
        api_problem(call, 429, "overloaded", NULL, "too many such requests are waiting; try again in a moment");
    }
}

static void run_elsewhere(void *data) {
    ApiCall *call = data;
    call->route->run(call);
}

void api_on_serve(NtHttpRequest *request, void *data) {
    NtService *service = data;
    ApiCall *call = nt_http_data(request);
    g_assert(call->allowed); /* or it was answered */
    if (!read_query(call) || !read_body(call) || !api_check_condition(call) || !api_idempotency_begin(call)) {
        return;
    }
    call->audited = api_is_write(call->route);
    ApiWorkers *workers = call->route->place == API_READER     ? service->readers
                          : call->route->place == API_EMBEDDER ? service->embedders
                          : call->route->place == API_WRITER   ? service->writers
                                                               : NULL;
    if (workers == NULL) {
        call->route->run(call);
    } else {
        api_call_push(call, workers, run_elsewhere);
    }
}

void api_on_done(const NtHttpRequest *request, void *data) {
    const NtService *service = data;
    const ApiCall *call = nt_http_data(request);
    api_metrics_count(service->metrics, call != NULL ? call->route : NULL, nt_http_status(request),
                      nt_http_age(request));
    api_history_count(service->history, call != NULL ? call->route : NULL, nt_http_age(request));
    api_log_request(service, request, call);
}
