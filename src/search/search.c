/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From vectors to products: on one snapshot of the catalogue the index finds the nearest products that may answer, and
 * one statement fetches what is said of them. A product counts once, by its best photo and its best query, so the best
 * k of each query together hold the best k of all.
 */
#include "search/search-internal.h"

#include <math.h>
#include <string.h>

void search_clear(Search *search) {
    g_clear_pointer(&search->filter, nt_filter_unref);
    g_clear_pointer(&search->left_out, g_hash_table_unref);
    g_clear_pointer(&search->found, g_array_unref);
    nt_snapshot_clear(&search->snapshot);
    nt_call_clear(&search->call);
}

/* The numbers of products that are to be left out; those that are not there are. */
static bool prepare_left_out(Search *search, const char *const *ids, GError **error) {
    search->left_out = g_hash_table_new(NULL, NULL);
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        int64_t product = 0;
        g_autoptr(GError) gone = NULL;
        if (nt_catalogue_find_product(search->snapshot.reader.db, ids[i], &product, &gone)) {
            g_hash_table_add(search->left_out, GSIZE_TO_POINTER((gsize)product));
        } else if (!g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&gone));
            return false;
        }
    }
    return true;
}

bool search_open(Search *search, NiteruCatalogue *catalogue, const NiteruSearchOptions *options,
                 GCancellable *cancellable, GError **error) {
    *search = (Search){0};
    if (!NT_OPTIONS_READ(NiteruSearchOptions, &search->options, options, error)) {
        return false;
    }
    double threshold = search->options.threshold;
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    if (!(threshold >= 0 && threshold <= 100)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a threshold of %s: scores go from 0 to 100",
                       g_ascii_dtostr(digits, sizeof digits, threshold));
    }
    search->best = -1;
    search->k = search->options.k > 0 ? search->options.k : 5;
    search->found = g_array_new(FALSE, FALSE, sizeof(Found));
    return nt_call_begin(&search->call, catalogue, search->options.timeout_ms, cancellable, error);
}

bool search_begin(Search *search, GError **error) {
    const NiteruSearchOptions *options = &search->options;
    if (!nt_wait_check(&search->call.wait, error) ||
        !nt_snapshot_open(&search->snapshot, search->call.catalogue, options->model, error)) {
        return false;
    }
    search->version = search->snapshot.version;
    search->db = search->snapshot.reader.db;
    nt_catalogue_set_wait(search->db, &search->call.wait);
    if (options->where != NULL) {
        search->filter = nt_filter_open(&search->snapshot, options->where, error);
    }
    return (options->where == NULL || search->filter != NULL) && prepare_left_out(search, options->exclude, error) &&
           (search->version->rows > 0 || nt_fail_no_vectors(search->version->model, error));
}

/* ---- the nearest ---- */

/* What orders a hit of a query of this weight: larger is nearer. */
static double value_of(const Search *search, double raw, double weight) {
    return search->version->card->metric == NT_METRIC_EUCLIDEAN ? -raw / weight : raw * weight;
}

static int nearest_first(const void *a, const void *b, void *data) {
    const Found *x = a, *y = b;
    if (x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    const NtLabels *labels = &((const Search *)data)->version->labels;
    uint64_t first = nt_labels_rank(labels, x->product), second = nt_labels_rank(labels, y->product);
    return first != second ? (first < second ? -1 : 1) : (x->row > y->row) - (x->row < y->row);
}

/* Takes the hits of all queries together: each product once, the best k of them. */
static void merge(Search *search, size_t k) {
    g_array_sort_with_data(search->found, nearest_first, search);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    guint kept = 0;
    for (guint i = 0; i < search->found->len && kept < k; i++) {
        Found found = g_array_index(search->found, Found, i);
        if (!g_hash_table_contains(search->left_out, GUINT_TO_POINTER(found.product)) &&
            g_hash_table_add(seen, GUINT_TO_POINTER(found.product))) {
            g_array_index(search->found, Found, kept++) = found;
        }
    }
    g_array_set_size(search->found, kept);
}

bool search_nearest(Search *search, const NtQueries *queries, const double *weights, uint32_t own, size_t k,
                    GError **error) {
    NtVersion *version = search->version;
    NiteruCatalogue *catalogue = version->model->catalogue;
    g_autofree uint32_t *skip = g_new(uint32_t, queries->count);
    for (size_t q = 0; q < queries->count; q++) {
        skip[q] = own;
    }
    NtIndexOptions options = {.k = k,
                              .labels = &version->labels,
                              .allow = search->filter != NULL ? &search->filter->bits : NULL,
                              .skip_label = skip,
                              .pool = catalogue->pool,
                              .deadline = search->call.wait.deadline,
                              .cancellable = search->call.wait.cancellable,
                              .partial = search->options.partial,
                              .out_partial = &search->partial};
    size_t more = g_hash_table_size(search->left_out);
    options.k = k < SIZE_MAX - more ? k + more : k;
    size_t most = options.k = nt_index_most_hits(&version->view, &options);
    nt_autofree NtIndexHit *hits = nt_alloc(queries->count, MAX(most, 1) * sizeof(NtIndexHit), "results", error);
    g_autofree size_t *counts = g_new0(size_t, queries->count);
    if (hits == NULL ||
        !nt_index_search(version->model->index, &version->view, queries, &options, hits, counts, error)) {
        return false;
    }
    if (search->partial) { /* there is an answer; what is said of it may take its moment */
        search->call.wait.deadline = 0;
    }
    g_array_set_size(search->found, 0);
    for (size_t q = 0; q < queries->count; q++) {
        for (size_t i = 0; i < counts[q]; i++) {
            const NtIndexHit *hit = &hits[q * most + i];
            double score = nt_scores_of(&version->card->scores, hit->raw);
            search->best = MAX(search->best, score);
            if (score < search->options.threshold) { /* those behind it too, but of this query only */
                break;
            }
            double value = value_of(search, hit->raw, weights != NULL ? weights[q] : 1);
            Found found = {hit->label, hit->row, hit->raw, value};
            g_array_append_val(search->found, found);
        }
    }
    merge(search, k);
    return true;
}

bool search_product_vectors(Search *search, const char *id, int64_t *out_product, GArray *vectors, GError **error) {
    NtVersion *version = search->version;
    if (!nt_catalogue_find_product(search->db, id, out_product, error)) {
        return false;
    }
    uint32_t link, row = nt_labels_first(&version->products, (uint64_t)*out_product, &link);
    if (row == 0) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND,
                "product '%s' has no vector of the model %s: its photos were not read yet or could not be", id,
                version->model->name);
        return nt_fact(error, "remedy", "show");
    }
    for (; row != 0; row = nt_labels_next(&version->products, &link)) {
        if (!nt_row_check(search->db, version->model, &version->view, row - 1, error)) {
            return false;
        }
        g_array_set_size(vectors, vectors->len + (guint)version->view.dim);
        float *at = &g_array_index(vectors, float, vectors->len - version->view.dim);
        nt_rows_get(&version->view, row - 1, at);
    }
    return true;
}

/* ---- the answer ---- */

/* Says what is to be said of the answer as a whole: why it is empty, or that even its best is not alike. */
static bool add_note(const Search *search, NiteruResults *results, GError **error) {
    const NiteruResult *first = niteru_results_get(results, 0);
    if (first != NULL && nt_score_alike(search->best)) {
        return true;
    }
    char digits[NT_REAL_BYTES];
    nt_text_real(search->best, 1, digits);
    if (first != NULL) {
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

/* What is said of a product found. */
typedef struct Described {
    char *id, *location, *metadata;
} Described;

static void clear_described(void *data) {
    Described *described = data;
    g_free(described->id);
    g_free(described->location);
    g_free(described->metadata);
}

typedef struct Describing {
    const NiteruCatalogue *catalogue;
    GArray *described; /* Described */
} Describing;

static bool describe(size_t i, const char *id, const char *location, NtJson *metadata, void *data) {
    const Describing *all = data;
    Described *described = &g_array_index(all->described, Described, i);
    described->id = g_strdup(id);
    described->location = nt_location_path(all->catalogue, location);
    described->metadata = metadata != NULL ? nt_json_print(metadata, false) : NULL;
    return true;
}

NiteruResults *search_results(Search *search, const char *query, GError **error) {
    NtVersion *version = search->version;
    guint count = search->found->len;
    g_autofree NtShown *shown = g_new(NtShown, count);
    for (guint i = 0; i < count; i++) {
        const Found *found = &g_array_index(search->found, Found, i);
        shown[i] = (NtShown){found->product, found->row};
        if (!nt_row_check(search->db, version->model, &version->view, found->row, error)) {
            return NULL;
        }
    }
    g_autoptr(GArray) described = g_array_new(FALSE, TRUE, sizeof(Described));
    g_array_set_clear_func(described, clear_described);
    g_array_set_size(described, count);
    Describing all = {version->model->catalogue, described};
    if (!nt_catalogue_describe(search->db, version->model->model, shown, count, search->options.metadata, describe,
                               &all, error)) {
        return NULL;
    }
    g_autoptr(NiteruResults) results = nt_results_new(query, version->model->name);
    for (guint i = 0; i < count; i++) {
        const Described *facts = &g_array_index(described, Described, i);
        if (facts->id == NULL) {
            nt_fail(error, NITERU_ERROR_CORRUPT, "%s: a product that was found is not in the database",
                    version->model->catalogue->folder);
            nt_fact(error, "remedy", "check");
            return NULL;
        }
        nt_results_add(results, facts->id, facts->location, facts->metadata, g_array_index(search->found, Found, i).raw,
                       &version->card->scores);
    }
    nt_results_set_partial(results, search->partial);
    return add_note(search, results, error) ? g_steal_pointer(&results) : NULL;
}
