/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks: by which key, from which page, how often; what that allows. */
#include "service/service-internal.h"

#include <string.h>

bool api_is_stranger(const ApiCall *call) { return call->access <= API_PUBLISHABLE; }

/* Whether pages of this origin may read answers. */
static bool is_origin_allowed(const ApiCall *call, const char *origin) {
    char **origins = call->service->config->cors_origins;
    return origin != NULL && origins != NULL &&
           (g_strv_contains((const char *const *)origins, origin) ||
            g_strv_contains((const char *const *)origins, "*"));
}

bool api_is_same_origin(const NtHttpRequest *request) {
    const char *host = nt_http_header(request, "host"), *origin = nt_http_header(request, "origin");
    const char *authority = origin != NULL ? strstr(origin, "://") : NULL;
    return origin == NULL || (authority != NULL && host != NULL && g_ascii_strcasecmp(authority + 3, host) == 0);
}

bool api_allow_origin(const ApiCall *call, const char *origin) {
    bool fits = is_origin_allowed(call, origin);
    if (fits) {
        nt_http_add_header(call->request, "Access-Control-Allow-Origin", origin);
        nt_http_add_header(
            call->request, "Access-Control-Expose-Headers",
            "ETag, X-Request-Id, X-Undo, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset");
    }
    return fits;
}

/* The text of the key a request brings: of its Authorization header, or, for a publishable one, of its address. New. */
static char *find_key(const NtHttpRequest *request, bool *out_in_address) {
    const char *authorization = nt_http_header(request, "authorization");
    *out_in_address = false;
    if (authorization != NULL) {
        return g_ascii_strncasecmp(authorization, "Bearer ", 7) == 0 ? g_strdup(authorization + 7) : g_strdup("");
    }
    const char *query = nt_http_query(request);
    const char *at = query == NULL ? NULL : g_str_has_prefix(query, "key=") ? query : strstr(query, "&key=");
    if (at == NULL) {
        return NULL;
    }
    at = strchr(at, '=') + 1;
    *out_in_address = true;
    char *key = nt_http_decode(at, strcspn(at, "&"), true);
    return key != NULL ? key : g_strdup("");
}

/* Publishable keys are for pages of anywhere, which then read the answer, and why there is none. */
static void allow_page(ApiCall *call) {
    const char *origin = nt_http_header(call->request, "origin");
    if (origin != NULL && !is_origin_allowed(call, origin)) {
        nt_http_add_header(call->request, "Access-Control-Allow-Origin", origin);
    }
}

static bool refuse_key(ApiCall *call) {
    allow_page(call);
    nt_http_add_header(call->request, "WWW-Authenticate", "Bearer realm=\"niteru\"");
    api_problem(call, 401, "unauthorized", NULL,
                "a key is needed: Authorization: Bearer nk_...; niteru key create makes one");
    return false;
}

/* What the key of this digest grants, if there is one. False: answered. */
static bool find_digest(ApiCall *call, const uint8_t digest[32], const char *origin, ApiAccess *out_access,
                        bool *out_fits, bool *out_found) {
    g_autoptr(GError) error = NULL;
    *out_found =
        api_keys_find(call->service->keys, digest, origin, out_access, &call->key, &call->key_prefix, out_fits, &error);
    if (error != NULL) {
        api_fail(call, g_steal_pointer(&error));
        return false;
    }
    return true;
}

/* Who signed in on the page. One whose session, or its key, is over is nobody, and may sign in again. False: answered.
 */
static bool identify_session(ApiCall *call) {
    static const char *const safe[] = {"GET", "HEAD", NULL};
    g_autofree char *csrf = NULL;
    const char *sent = nt_http_header(call->request, "x-csrf-token");
    uint8_t digest[32];
    ApiAccess access;
    bool fits, found;
    if (!api_sessions_find(call->service->sessions, call->request, digest, &csrf)) {
        return true;
    }
    if (!find_digest(call, digest, NULL, &access, &fits, &found)) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (call->route->access > API_ANYONE && !g_strv_contains(safe, nt_http_method(call->request)) &&
        (sent == NULL || strlen(sent) != strlen(csrf) || !nt_equal_in_constant_time(sent, csrf, strlen(csrf)))) {
        api_problem(call, 403, "csrf", NULL, "X-CSRF-Token must have what GET /v1/session tells");
        return false;
    }
    call->csrf = g_steal_pointer(&csrf);
    call->access = access;
    return true;
}

/* Finds out what the request may do, in call->access. False: answered. */
static bool identify(ApiCall *call) {
    NtService *service = call->service;
    const char *origin = nt_http_header(call->request, "origin");
    bool in_address, fits, found;
    api_allow_origin(call, origin);
    g_autofree char *key = find_key(call->request, &in_address);
    call->access = nt_http_is_local(call->request) ? API_LOCAL
                   : call->open                    ? API_ADMIN
                   : service->config->public       ? API_PUBLISHABLE
                                                   : API_ANYONE;
    if (call->access == API_LOCAL || (key == NULL && call->open)) {
        return true;
    }
    if (key == NULL) {
        return identify_session(call);
    }
    ApiAccess access;
    uint8_t digest[32];
    nt_sha256(key, strlen(key), digest);
    if (!find_digest(call, digest, origin, &access, &fits, &found)) {
        return false;
    }
    if (!found || (in_address && access != API_PUBLISHABLE)) { /* addresses are kept in logs and histories */
        return refuse_key(call);
    }
    if (!fits) {
        allow_page(call);
        api_problem(call, 403, "origin-not-allowed", NULL, "this key may not be used from here");
        return false;
    }
    if (access == API_PUBLISHABLE) {
        allow_page(call);
    }
    call->access = access;
    return true;
}

/* Keys are not asked for where only this machine reaches the service and there is none. False: answered. */
static bool look_whether_open(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    bool keys = false;
    if (!call->service->loopback || call->service->config->public) {
        return true;
    }
    if (!api_keys_any(call->service->keys, &keys, &error)) {
        api_fail(call, g_steal_pointer(&error));
        return false;
    }
    call->open = !keys;
    return true;
}

/* An open service believes whoever reaches it, so it must not be reached by way of a browser on the same machine: a
 * page of elsewhere would send its own Origin, or its own name as Host (DNS rebinding). */
static bool is_from_here(const ApiCall *call) {
    const char *host = nt_http_header(call->request, "host"), *origin = nt_http_header(call->request, "origin");
    if (!call->open || nt_http_is_local(call->request)) {
        return true;
    }
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    bool known = host == NULL;
    for (size_t i = 0; host != NULL && i < G_N_ELEMENTS(names); i++) {
        size_t size = strlen(names[i]);
        known = known || (g_ascii_strncasecmp(host, names[i], size) == 0 && (host[size] == '\0' || host[size] == ':'));
    }
    return known && (api_is_same_origin(call->request) || is_origin_allowed(call, origin));
}

bool api_authorise(ApiCall *call) {
    static const char *const kinds[] = {"any", "a publishable", "a secret", "an admin", "no"};
    const NtServiceConfig *config = call->service->config;
    if (!look_whether_open(call)) {
        return false;
    }
    if (!is_from_here(call)) {
        api_problem(call, 403, "origin-not-allowed", NULL,
                    "this page may not use the service; the setting cors_origins names those that may");
        return false;
    }
    if (!identify(call)) {
        return false;
    }
    if (call->access < call->route->access) {
        if (call->access == API_ANYONE) {
            return refuse_key(call);
        }
        api_problem(call, 403, "forbidden", NULL, "%s key is needed for this", kinds[call->route->access]);
        return false;
    }
    bool stranger = api_is_stranger(call);
    unsigned rate = stranger ? config->publishable_rate : call->key != NULL ? config->secret_rate : 0;
    if (rate == 0) {
        return true;
    }
    g_autofree char *who =
        g_strdup_printf("%s\n%s", call->key != NULL ? call->key : "", stranger ? nt_http_network(call->request) : "");
    unsigned left, wait;
    bool fits = api_rates_take(call->service->rates, who, rate, &left, &wait);
    char number[16];
    g_snprintf(number, sizeof number, "%u", rate);
    nt_http_add_header(call->request, "RateLimit-Limit", number);
    g_snprintf(number, sizeof number, "%u", left);
    nt_http_add_header(call->request, "RateLimit-Remaining", number);
    g_snprintf(number, sizeof number, "%u", wait);
    nt_http_add_header(call->request, "RateLimit-Reset", number);
    if (!fits) {
        api_problem(call, 429, "too-many-requests", NULL, "more than %u requests a second", rate);
    }
    return fits;
}
