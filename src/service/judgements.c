/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two models answers better, as people find who do not know which answer is whose. */
#include "service/service-internal.h"

#include <string.h>

#include "recommend/recommend.h"

enum { JUDGE_MS = 10000 };

static bool write_judgement(ApiCall *call, GError **error) {
    static const char *const words[] = {"a", "b", "neither"};
    const char *product = nt_json_text(nt_json_get(call->body, "product"), "");
    const char *a = nt_json_text(nt_json_get(call->body, "a"), ""), *b = nt_json_text(nt_json_get(call->body, "b"), "");
    const char *better = nt_json_text(nt_json_get(call->body, "better"), "");
    NiteruCatalogue *catalogue = call->service->catalogue;
    NtBetter found = NT_BETTER_ONE;
    while (strcmp(words[found], better) != 0) {
        found++;
    }
    g_auto(NtCall) writing = {0};
    if (!nt_call_begin_writing(&writing, catalogue, JUDGE_MS, nt_http_cancellable(call->request), error) ||
        !nt_turn_begin(catalogue, &writing.wait, error)) {
        return false;
    }
    int64_t row;
    g_auto(NtModelRow) one = {0}, other = {0};
    bool ok = nt_catalogue_find_product(catalogue->db, product, &row, error) &&
              nt_catalogue_find_model(catalogue->db, a, &one, error) &&
              nt_catalogue_find_model(catalogue->db, b, &other, error) &&
              nt_catalogue_judge(catalogue->db, product, a, b, found, error);
    return nt_turn_end(catalogue, ok, error);
}

void api_run_judge(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (write_judgement(call, &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

static bool add_judged(const NtJudged *judged, void *data) {
    uint64_t decided = judged->a_better + judged->b_better;
    NtJson *out = nt_json_set(nt_json_object(), "a", nt_json_string(judged->a));
    nt_json_set(out, "b", nt_json_string(judged->b));
    nt_json_set(out, "a_better", nt_json_integer((int64_t)judged->a_better));
    nt_json_set(out, "b_better", nt_json_integer((int64_t)judged->b_better));
    nt_json_set(out, "neither", nt_json_integer((int64_t)judged->neither));
    if (decided > 0) {
        double low, high;
        nt_wilson(judged->a_better, decided, &low, &high);
        nt_json_set(out, "share", nt_json_real((double)judged->a_better / (double)decided));
        nt_json_set(out, "low", nt_json_real(low));
        nt_json_set(out, "high", nt_json_real(high));
    }
    nt_json_append(data, out);
    return true;
}

void api_run_judgements(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_auto(NtReader) reader = {0};
    NtJson *pairs = nt_json_array();
    if (nt_reader_open(&reader, call->service->catalogue, &error) &&
        nt_catalogue_each_judged(reader.db, add_judged, pairs, &error)) {
        api_answer(call, 200, nt_json_set(nt_json_object(), "pairs", pairs));
    } else {
        nt_json_free(pairs);
        api_fail(call, g_steal_pointer(&error));
    }
}
