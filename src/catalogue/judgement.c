/* SPDX-License-Identifier: Apache-2.0 */
/* What people found when they compared two models' answers. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { MOST_JUDGEMENTS = 1000000, JUDGEMENTS_LAYOUT = 6 };

bool nt_catalogue_judge(NtCatalogue *catalogue, const char *product, const char *one, const char *other,
                        NtBetter better, GError **error) {
    static const char *const words[] = {"a", "b", "neither"};
    bool swapped = strcmp(one, other) > 0;
    NtBetter kept = swapped && better != NT_BETTER_NEITHER ? NT_BETTER_OTHER - better : better;
    int64_t count = 0;
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_int(&catalogue->sql, 0, &count, error, "SELECT max(judgement) FROM judgement", "")) {
        return false;
    }
    if (strcmp(one, other) == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "two different models are compared");
    }
    if (count >= MOST_JUDGEMENTS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "there are %d judgements, which is the most", MOST_JUDGEMENTS);
    }
    return nt_sql_run(&catalogue->sql, error,
                      "INSERT INTO judgement(time, product, a, b, better) VALUES(?1, ?2, ?3, ?4, ?5)", "itttt",
                      g_get_real_time() / G_USEC_PER_SEC, product, swapped ? other : one, swapped ? one : other,
                      words[kept]);
}

bool nt_catalogue_each_judged(NtCatalogue *catalogue, bool (*each)(const NtJudged *judged, void *data), void *data,
                              GError **error) {
    g_auto(NtQuery) query = {0};
    if (catalogue->version < JUDGEMENTS_LAYOUT) {
        return true; /* of an earlier one, that is open for reading */
    }
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT a, b, count(*) FILTER (WHERE better = 'a'), count(*) FILTER (WHERE better = 'b'),"
                       " count(*) FILTER (WHERE better = 'neither') FROM judgement GROUP BY a, b",
                       "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const NtJudged judged = {.a = nt_column_text(&query, 0),
                                 .b = nt_column_text(&query, 1),
                                 .a_better = (uint64_t)nt_column_int(&query, 2),
                                 .b_better = (uint64_t)nt_column_int(&query, 3),
                                 .neither = (uint64_t)nt_column_int(&query, 4)};
        if (!each(&judged, data)) {
            return true;
        }
    }
    return step == 0;
}
