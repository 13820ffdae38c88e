/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search by products that are liked and products that are not, in two ways:
 *   best     a product is as near as it is to the nearest liked one, and left out when a disliked one is nearer.
 * Several tastes stay apart. (Qdrant's best_score, which lists those nearer to a disliked one last.) average  one
 * query, avg(liked) + avg(liked) - avg(disliked): cheap, and right for one taste. All photos of an example count.
 */
#include "search/search-internal.h"

/* The vectors of some products, one after the other, and who they are: they are in no answer. */
static bool collect(Search *search, const char *const *ids, GArray *vectors, GError **error) {
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        int64_t product = 0;
        if (!search_product_vectors(search, ids[i], &product, vectors, error)) {
            return false;
        }
        search_leave_out(search, product);
        search_leave_out_group(search, product);
    }
    return true;
}

/* In double, so that the order in which photos come, which is nobody's business, does not show. */
static void add_mean(double *to, const GArray *vectors, size_t dim, double times) {
    size_t count = vectors->len / dim;
    for (size_t i = 0; i < count; i++) {
        const float *vector = &g_array_index(vectors, float, i *dim);
        for (size_t d = 0; d < dim; d++) {
            to[d] += times * (double)vector[d] / (double)count;
        }
    }
}

static bool search_average(Search *search, const GArray *liked, const GArray *disliked, GError **error) {
    size_t dim = search->version->view.dim;
    g_autofree double *sum = g_new0(double, dim);
    g_autofree float *query = g_new(float, dim);
    add_mean(sum, liked, dim, disliked->len > 0 ? 2 : 1);
    add_mean(sum, disliked, dim, -1);
    for (size_t d = 0; d < dim; d++) {
        query[d] = (float)sum[d];
    }
    NtQueries queries = {.data = query, .count = 1, .dim = dim};
    return search_nearest(search, &queries, NULL, 0, error);
}

/* Whether a disliked example is nearer to any photo of a product than `raw`. */
static bool is_disliked(const Search *search, const Found *found, const GArray *disliked, float *scratch) {
    const NtVersion *version = search->version;
    size_t dim = version->view.dim;
    uint32_t link, row = nt_labels_first(&version->products, found->product, &link);
    for (; row != 0; row = nt_labels_next(&version->products, &link)) {
        nt_rows_get(&version->view, row - 1, scratch);
        for (size_t i = 0; i < disliked->len / dim; i++) {
            double raw = nt_metric_value(version->view.metric, &g_array_index(disliked, float, i *dim), scratch, dim);
            if (nt_metric_nearer(version->view.metric, raw, found->raw)) {
                return true;
            }
        }
    }
    return false;
}

/* Those that are left of what was found, each product or group once. */
static void drop_disliked(Search *search, const GArray *disliked) {
    g_autofree float *scratch = g_new(float, search->version->view.dim);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    guint kept = 0;
    for (guint i = 0; i < search->found->len && kept < search->k; i++) {
        Found found = g_array_index(search->found, Found, i);
        void *key = search_key(search, found.product);
        if (!search_leaves_out_group(search, found.product) && !g_hash_table_contains(seen, key) &&
            !is_disliked(search, &found, disliked, scratch)) {
            g_hash_table_add(seen, key);
            g_array_index(search->found, Found, kept++) = found;
        }
    }
    g_array_set_size(search->found, kept);
}

/* Asks for more and more, until k are left or there are no more. Where some are disliked a group is what its best that
 * is not makes it, so products are asked for one by one, and put together afterwards. */
static bool search_best(Search *search, const GArray *liked, const GArray *disliked, GError **error) {
    size_t dim = search->version->view.dim;
    NtQueries queries = {.data = (const float *)(void *)liked->data, .count = liked->len / dim, .dim = dim};
    size_t most = (size_t)search->version->labels.pairs;
    if (disliked->len == 0) {
        return search_nearest(search, &queries, NULL, 0, error);
    }
    for (size_t wanted = MIN(search->k, most) + 32;; wanted *= 4) {
        const Ask ask = {search, queries, NULL, 0, wanted, true};
        if (!search_scan(&ask, 1, error)) {
            return false;
        }
        bool all = search->found->len < wanted;
        drop_disliked(search, disliked);
        if (search->found->len == search->k || all || search->partial) {
            return true;
        }
    }
}

NiteruResults *niteru_search_examples(NiteruCatalogue *catalogue, const NiteruExamples *examples,
                                      const NiteruSearchOptions *options, GCancellable *cancellable, GError **error) {
    NiteruExamples given;
    g_auto(Search) search = {0};
    g_autoptr(GArray) liked = g_array_new(FALSE, FALSE, sizeof(float));
    g_autoptr(GArray) disliked = g_array_new(FALSE, FALSE, sizeof(float));
    if (!NT_OPTIONS_READ(NiteruExamples, &given, examples, error)) {
        return NULL;
    }
    if (given.positive == NULL || given.positive[0] == NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "a search by examples needs at least one that is liked");
        return NULL;
    }
    if (!search_open(&search, catalogue, options, cancellable, error) || !search_begin(&search, error) ||
        !collect(&search, given.positive, liked, error) || !collect(&search, given.negative, disliked, error)) {
        return NULL;
    }
    bool ok =
        given.average ? search_average(&search, liked, disliked, error) : search_best(&search, liked, disliked, error);
    return ok ? search_results(&search, NULL, error) : NULL;
}
