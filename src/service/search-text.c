/* SPDX-License-Identifier: Apache-2.0 */
/* Searches by words. */
#include "service/service-internal.h"

void api_run_search_text(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    NiteruSearchOptions options;
    g_autofree char *where = NULL;
    g_autofree const char **exclude = NULL;
    g_autoptr(NiteruResults) results =
        api_search_options(call, &options, &where, &exclude, &error)
            ? niteru_search_text(call->service->catalogue, nt_json_text(nt_json_get(call->body, "text"), ""), &options,
                                 nt_http_cancellable(call->request), &error)
            : NULL;
    if (results != NULL) {
        api_answer_results(call, results, NULL);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
