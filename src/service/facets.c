/* SPDX-License-Identifier: Apache-2.0 */
/* Which values there are, and how many products have each. */
#include "service/service-internal.h"

#include <string.h>

/* What is not there is a field, and not what the path names. */
static void fail(ApiCall *call, GError *error) {
    if (g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) && niteru_error_fact(error, "parameter") == NULL) {
        api_problem(call, 400, "invalid", "fields", "%s", error->message);
        g_error_free(error);
    } else {
        api_fail(call, error);
    }
}

void api_run_facets(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *where = NULL;
    g_autofree const char **fields = api_texts(nt_json_get(call->body, "fields"));
    unsigned limit = (unsigned)nt_json_int(nt_json_get(call->body, "limit"), 20);
    char *json = api_visible(call, nt_json_truth(nt_json_get(call->body, "sold_out"), false),
                             nt_json_text(nt_json_get(call->body, "where"), NULL), &where, &error)
                     ? niteru_facets_json(call->service->catalogue, fields, where, limit, api_timeout(call),
                                          nt_http_cancellable(call->request), &error)
                     : NULL;
    if (json != NULL) {
        api_answer_text(call, 200, json);
    } else {
        fail(call, g_steal_pointer(&error));
    }
}
