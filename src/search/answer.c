/* SPDX-License-Identifier: Apache-2.0 */
/* What searches found, as answers: what is said of each product, and of the answer as a whole. Those of several
 * searches of one moment are described by one statement. */
#include "search/search-internal.h"

enum { MOST_TOGETHER = 16384 /* products described at once; one search may have more */ };

/* Says what is to be said of the answer as a whole: why it is empty, or that even its best is not alike. */
static bool add_note(const Search *search, NiteruResults *results, GError **error) {
    const NiteruResult *first = niteru_results_get(results, 0);
    if (first != NULL && nt_score_alike(search->best)) {
        return true;
    }
    char digits[NT_REAL_BYTES];
    nt_text_real(search->best, 1, digits);
    if (search->not_here != NULL) {
        nt_results_note(results,
                        g_strdup_printf("nothing like it is here: the nearest has %s of 100, and nearly every product "
                                        "here has one that is nearer to it than that",
                                        digits),
                        NULL);
    } else if (first != NULL) {
        nt_results_note(results,
                        g_strdup_printf("nothing is really alike: the best has %s of 100, and 90 of 100 random pairs "
                                        "have less than %d",
                                        digits, NT_SCORE_FLOOR),
                        NULL);
    } else if (search->best >= 0) {
        nt_results_note(results,
                        g_strdup_printf("nothing is this alike: the best has %s of 100, under the threshold", digits),
                        NULL);
    } else if (search->filter != NULL && search->filter->count == 0) {
        NtJson *near = NULL;
        g_autofree char *words = NULL;
        if (!nt_explain_where(search->db, search->options.where, &near, &words, error)) {
            return false;
        }
        nt_results_note(results, g_strdup_printf("nothing is this alike: %s", words), near);
    } else {
        nt_results_note(results, g_strdup("nothing is this alike: no other product that may answer has a vector"),
                        NULL);
    }
    return true;
}

/* Whether what was asked for is of another kind than all that is here; what was found is then no answer. What was not
 * looked at to the end says nothing of that. */
static void judge(Search *search) {
    const NtCard *card = search->version->card;
    if (!search->options.not_here || search->not_here != NULL || search->partial || card->floor_rows == 0 ||
        !nt_metric_nearer(card->metric, card->floor, search->nearest)) {
        return;
    }
    search->not_here = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint i = 0; i < search->found->len; i++) {
        double score = nt_scores_of(&card->scores, g_array_index(search->found, Found, i).raw);
        g_array_append_val(search->not_here, score);
    }
    g_array_set_size(search->found, 0);
}

/* The vectors that answered are compared with their checksums; fills in who is to be described. */
static bool check_found(Search *search, NtShown *out_shown, GError **error) {
    NtVersion *version = search->version;
    nt_catalogue_set_wait(search->db, &search->call.wait);
    for (guint i = 0; i < search->found->len; i++) {
        const Found *found = &g_array_index(search->found, Found, i);
        out_shown[i] = (NtShown){found->product, found->row};
        if (!nt_row_check(search->db, version->model, &version->view, found->row, error)) {
            return false;
        }
    }
    return true;
}

/* The answer of products that are described, in the order in which they were found; takes the references. */
static NiteruResults *make_results(const Search *search, const char *query, NtDescribed **described, GError **error) {
    NtVersion *version = search->version;
    g_autoptr(NiteruResults) results = nt_results_new(query, version->model->name, search->found->len);
    for (guint i = 0; i < search->found->len; i++) {
        nt_results_add(results, described[i], search->options.metadata, g_array_index(search->found, Found, i).raw,
                       &version->card->scores);
    }
    nt_results_set_partial(results, search->partial);
    if (search->not_here != NULL) {
        nt_results_set_not_here(results, (const double *)(void *)search->not_here->data, search->not_here->len);
    }
    return add_note(search, results, error) ? g_steal_pointer(&results) : NULL;
}

NiteruResults *search_results(Search *search, const char *query, GError **error) {
    judge(search);
    guint count = search->found->len;
    g_autofree NtShown *shown = g_new(NtShown, count);
    g_autofree NtDescribed **described = g_new(NtDescribed *, count);
    return check_found(search, shown, error) &&
                   nt_snapshot_describe(search->snapshot, shown, count, search->options.metadata, described, error)
               ? make_results(search, query, described, error)
               : NULL;
}

/* Describes the products of all at once; false where each search is to be answered by itself, and find what is wrong.
 */
static bool answer_together(Answer *answers, size_t count, size_t products) {
    const NtSnapshot *snapshot = answers[0].search->snapshot;
    g_autofree NtShown *shown = g_new(NtShown, products);
    g_autofree NtDescribed **described = g_new(NtDescribed *, products);
    bool metadata = false, ok = true;
    for (size_t i = 0, at = 0; ok && i < count; at += answers[i++].search->found->len) {
        ok = check_found(answers[i].search, shown + at, NULL);
        metadata = metadata || answers[i].search->options.metadata;
    }
    nt_catalogue_set_wait(snapshot->reader.db, NULL);
    if (!ok || !nt_snapshot_describe(snapshot, shown, products, metadata, described, NULL)) {
        return false;
    }
    for (size_t i = 0, at = 0; i < count; at += answers[i++].search->found->len) {
        Answer *answer = &answers[i];
        nt_catalogue_set_wait(snapshot->reader.db, &answer->search->call.wait);
        answer->results = make_results(answer->search, answer->query, described + at, &answer->error);
    }
    return true;
}

void search_answer(Answer *answers, size_t count) {
    size_t products = 0;
    for (size_t i = 0; i < count; i++) {
        judge(answers[i].search);
        products += answers[i].search->found->len;
    }
    if (count > 1 && products <= MOST_TOGETHER && answer_together(answers, count, products)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        answers[i].results = search_results(answers[i].search, answers[i].query, &answers[i].error);
    }
}
