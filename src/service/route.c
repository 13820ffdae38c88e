/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the route of a request. Paths are taken apart before they are decoded, so that an id may hold a '/'. */
#include "service/service-internal.h"

#include <string.h>

typedef enum Match { NO_MATCH, MATCH, BROKEN } Match;

/* Whether a path is of a pattern; its pieces in braces into `pieces`. */
static Match match(const char *pattern, const char *path, char *pieces[API_MOST_PIECES]) {
    size_t count = 0;
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return NO_MATCH;
            }
            continue;
        }
        const char *rest = strchr(pattern, '}') + 1; /* "/..." or the end, or ":verb" */
        size_t size = strcspn(path, "/");
        size_t verb = strcspn(rest, "/");
        if (size <= verb || strncmp(path + size - verb, rest, verb) != 0) {
            return NO_MATCH;
        }
        pieces[count] = nt_http_decode(path, size - verb, false);
        if (pieces[count++] == NULL) {
            return BROKEN;
        }
        path += size - verb;
        pattern = rest;
    }
    return *pattern == *path ? MATCH : NO_MATCH;
}

bool api_takes_json(const ApiRoute *route) {
    return route->takes == API_JSON_BODY || route->takes == API_BEACON_BODY || route->takes == API_PHOTO_BODY;
}

static void clear(char *pieces[API_MOST_PIECES]) {
    for (size_t i = 0; i < API_MOST_PIECES; i++) {
        g_clear_pointer(&pieces[i], g_free);
    }
}

const ApiRoute *api_route_find(const char *method, const char *path, char *pieces[API_MOST_PIECES], char **out_allowed,
                               bool *out_broken) {
    g_autoptr(GString) allowed = g_string_new(NULL);
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    *out_broken = false;
    *out_allowed = NULL;
    const char *pattern = NULL; /* the first that matches: what "/v1/jobs/{job}:start" names is no job */
    for (const ApiRoute *route = api_routes; route->method != NULL; route++) {
        if (pattern != NULL && strcmp(route->path, pattern) != 0) {
            continue;
        }
        Match found = match(route->path, path, pieces);
        if (found == MATCH && strcmp(route->method, wanted) == 0) {
            return route;
        }
        pattern = found == MATCH ? route->path : pattern;
        clear(pieces);
        *out_broken = *out_broken || found == BROKEN;
        if (found == MATCH) {
            g_string_append_printf(allowed, "%s%s%s", allowed->len > 0 ? ", " : "", route->method,
                                   strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
        }
    }
    *out_allowed = allowed->len > 0 ? g_string_free(g_steal_pointer(&allowed), FALSE) : NULL;
    return NULL;
}
