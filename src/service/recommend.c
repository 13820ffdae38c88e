/* SPDX-License-Identifier: Apache-2.0 */
/* Products like some and unlike others. */
#include "service/service-internal.h"

#include <string.h>

void api_run_recommend(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    NiteruSearchOptions options;
    g_autofree char *where = NULL;
    g_autofree const char **exclude = NULL, **positive = api_texts(nt_json_get(call->body, "positive"));
    g_autofree const char **negative = api_texts(nt_json_get(call->body, "negative"));
    const char *strategy = nt_json_text(nt_json_get(call->body, "strategy"), "best");
    NiteruExamples examples = {.size = sizeof examples,
                               .positive = positive,
                               .negative = negative,
                               .average = strcmp(strategy, "average") == 0};
    g_autoptr(NiteruResults) results = api_check_visible(call, positive, &error) &&
                                               api_check_visible(call, negative, &error) &&
                                               api_search_options(call, &options, &where, &exclude, &error)
                                           ? niteru_search_examples(call->service->catalogue, &examples, &options,
                                                                    nt_http_cancellable(call->request), &error)
                                           : NULL;
    if (results != NULL) {
        api_answer_results(call, results, NULL);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}
