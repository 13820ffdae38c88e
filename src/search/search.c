/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From vectors to products: on one snapshot of the catalogue the index finds the nearest products that may answer. A
 * product counts once, by its best photo and its best query, so the best k of each query together hold the best k of
 * all. Searches that differ only in what they look for and in how many they want share a scan: the nearest k are the
 * first k of the nearest more.
 */
#include "search/search-internal.h"

#include <math.h>
#include <string.h>

void search_clear(Search *search) {
    g_clear_pointer(&search->filter, nt_filter_unref);
    g_clear_pointer(&search->left_out, g_hash_table_unref);
    g_clear_pointer(&search->groups_left_out, g_hash_table_unref);
    g_clear_pointer(&search->found, g_array_unref);
    g_clear_pointer(&search->not_here, g_array_unref);
    nt_snapshot_clear(&search->own);
    nt_call_clear(&search->call);
}

static void add_number(GHashTable **set, uint64_t number) {
    if (*set == NULL) {
        *set = g_hash_table_new(NULL, NULL);
    }
    g_hash_table_add(*set, GSIZE_TO_POINTER((gsize)number));
}

static uint64_t group_of(const Search *search, uint64_t product) {
    return search->options.group ? nt_cells_get(&search->snapshot->groups, product) : 0;
}

void search_leave_out(Search *search, int64_t product) { add_number(&search->left_out, (uint64_t)product); }

void search_leave_out_group(Search *search, int64_t product) {
    uint64_t group = group_of(search, (uint64_t)product);
    if (group != 0) {
        add_number(&search->groups_left_out, group);
    }
}

bool search_leaves_out_group(const Search *search, uint32_t product) {
    uint64_t group = search->groups_left_out != NULL ? group_of(search, product) : 0;
    return group != 0 && g_hash_table_contains(search->groups_left_out, GSIZE_TO_POINTER((gsize)group));
}

void *search_key(const Search *search, uint32_t product) {
    uint64_t group = group_of(search, product);
    return GSIZE_TO_POINTER((gsize)(group != 0 ? 2 * group + 1 : 2 * (uint64_t)product));
}

/* The numbers of products that are to be left out; those that are not there are. */
static bool prepare_left_out(Search *search, const char *const *ids, GError **error) {
    for (size_t i = 0; ids != NULL && ids[i] != NULL; i++) {
        int64_t product = 0;
        g_autoptr(GError) gone = NULL;
        if (nt_catalogue_find_product(search->db, ids[i], &product, &gone)) {
            search_leave_out(search, product);
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
    search->nearest = NAN;
    search->k = search->options.k > 0 ? search->options.k : 5;
    search->found = g_array_new(FALSE, FALSE, sizeof(Found));
    return nt_call_begin(&search->call, catalogue, search->options.timeout_ms, cancellable, error);
}

bool search_begin_without(Search *search, NtSnapshot *snapshot, GError **error) {
    const NiteruSearchOptions *options = &search->options;
    search->snapshot = snapshot;
    search->version = snapshot->version;
    search->db = snapshot->reader.db;
    nt_catalogue_set_wait(search->db, &search->call.wait);
    if (options->where != NULL) {
        search->filter = nt_filter_open(snapshot, options->where, error);
    }
    return (options->where == NULL || search->filter != NULL) &&
           (!options->group || nt_snapshot_groups(snapshot, error)) &&
           prepare_left_out(search, options->exclude, error);
}

bool search_begin_on(Search *search, NtSnapshot *snapshot, GError **error) {
    return search_begin_without(search, snapshot, error) &&
           (search->version->rows > 0 || nt_fail_no_vectors(search->version->model, error));
}

bool search_begin(Search *search, GError **error) {
    return nt_wait_check(&search->call.wait, error) &&
           nt_snapshot_open(&search->own, search->call.catalogue, search->options.model, error) &&
           search_begin_on(search, &search->own, error);
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

/* Of the hits of all queries together: each product, or group, once, the best k of them. Those of one query are so
 * already. */
static void merge(const Ask *ask) {
    Search *search = ask->search;
    g_autoptr(GHashTable) seen = NULL;
    if (ask->queries.count > 1) {
        g_array_sort_with_data(search->found, nearest_first, search);
        seen = g_hash_table_new(NULL, NULL);
    }
    guint kept = 0;
    for (guint i = 0; i < search->found->len && kept < ask->k; i++) {
        Found found = g_array_index(search->found, Found, i);
        void *key = ask->each ? GUINT_TO_POINTER(found.product) : search_key(search, found.product);
        if (seen == NULL || g_hash_table_add(seen, key)) {
            g_array_index(search->found, Found, kept++) = found;
        }
    }
    g_array_set_size(search->found, kept);
}

size_t search_wanted(const Ask *ask) {
    size_t more = ask->search->groups_left_out != NULL ? g_hash_table_size(ask->search->groups_left_out) : 0;
    return ask->k < SIZE_MAX - more ? ask->k + more : ask->k;
}

/* Takes what the index found for the queries of one search: `most` places for each query, counts[q] of them used. */
static void take_hits(const Ask *ask, const NtIndexHit *hits, const size_t *counts, size_t most) {
    Search *search = ask->search;
    size_t wanted = search_wanted(ask);
    g_array_set_size(search->found, 0);
    for (size_t q = 0; q < ask->queries.count; q++) {
        for (size_t i = 0; i < MIN(counts[q], wanted); i++) {
            const NtIndexHit *hit = &hits[q * most + i];
            if (!ask->each && search_leaves_out_group(search, hit->label)) {
                continue;
            }
            double score = nt_scores_of(&search->version->card->scores, hit->raw);
            search->best = MAX(search->best, score);
            if (!nt_metric_nearer(search->version->view.metric, search->nearest, hit->raw)) {
                search->nearest = hit->raw;
            }
            if (score < search->options.threshold) { /* those behind it too, but of this query only */
                break;
            }
            double value = value_of(search, hit->raw, ask->weights != NULL ? ask->weights[q] : 1);
            Found found = {hit->label, hit->row, hit->raw, value};
            g_array_append_val(search->found, found);
        }
    }
    merge(ask);
}

/* The queries of all, one after the other, and whom each is not to find. */
typedef struct Together {
    NtQueries queries;
    float *copied;            /* what they are, where they had to be put side by side */
    uint32_t *skip;           /* (queries) */
    GHashTable **skip_labels; /* (queries) borrowed; NULL: nobody leaves anyone out */
} Together;

static void clear_together(Together *together) {
    nt_free(together->copied);
    nt_free(together->skip);
    nt_free(together->skip_labels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Together, clear_together)

static bool put_together(const Ask *asks, size_t count, Together *out, GError **error) {
    NtQueries *queries = &out->queries;
    bool copy = count > 1, any = false;
    *queries = (NtQueries){.data = asks[0].queries.data, .dim = asks[0].queries.dim};
    for (size_t i = 0; i < count; i++) {
        queries->count += asks[i].queries.count;
        any = any || asks[i].search->left_out != NULL;
    }
    out->skip = nt_alloc(queries->count, sizeof *out->skip, "queries", error);
    out->skip_labels = any ? nt_alloc(queries->count, sizeof *out->skip_labels, "queries", error) : NULL;
    out->copied = copy ? nt_alloc(queries->count, queries->dim * sizeof(float), "queries", error) : NULL;
    if (out->skip == NULL || (any && out->skip_labels == NULL) || (copy && out->copied == NULL)) {
        return false;
    }
    for (size_t i = 0, at = 0; i < count; at += asks[i++].queries.count) {
        for (size_t q = 0; q < asks[i].queries.count; q++) {
            out->skip[at + q] = asks[i].own;
            if (any) {
                out->skip_labels[at + q] = asks[i].search->left_out;
            }
        }
        if (copy) {
            memcpy(out->copied + at * queries->dim, asks[i].queries.data,
                   asks[i].queries.count * queries->dim * sizeof(float));
        }
    }
    queries->data = copy ? out->copied : queries->data;
    return true;
}

/* Until when the scan may take: as long as any of them. */
static void set_end(const Ask *asks, size_t count, NtIndexOptions *options) {
    options->deadline = asks[0].search->call.wait.deadline;
    options->cancellable = count == 1 ? asks[0].search->call.wait.cancellable : NULL;
    for (size_t i = 0; i < count; i++) {
        int64_t deadline = asks[i].search->call.wait.deadline;
        options->deadline = options->deadline == 0 || deadline == 0 ? 0 : MAX(options->deadline, deadline);
        options->partial = options->partial || asks[i].search->options.partial;
        options->k = MAX(options->k, search_wanted(&asks[i]));
    }
}

bool search_scan(const Ask *asks, size_t count, GError **error) {
    const Search *first = asks[0].search;
    NtVersion *version = first->version;
    g_auto(Together) together = {{0}};
    bool partial = false, by_group = first->options.group && !asks[0].each;
    if (!put_together(asks, count, &together, error)) {
        return false;
    }
    const NtQueries queries = together.queries;
    NtIndexOptions options = {.labels = &version->labels,
                              .allow = first->filter != NULL ? &first->filter->bits : NULL,
                              .groups = by_group ? &first->snapshot->groups : NULL,
                              .by_group = by_group,
                              .skip_label = together.skip,
                              .skip_labels = (GHashTable *const *)together.skip_labels,
                              .pool = version->model->catalogue->pool,
                              .out_partial = &partial};
    set_end(asks, count, &options);
    size_t most = options.k = nt_index_most_hits(&version->view, &options);
    nt_autofree NtIndexHit *hits = nt_alloc(queries.count, MAX(most, 1) * sizeof(NtIndexHit), "results", error);
    nt_autofree size_t *counts = nt_alloc0(queries.count, sizeof *counts, "results", error);
    if (hits == NULL || counts == NULL ||
        !nt_index_search(version->model->index, &version->view, &queries, &options, hits, counts, error)) {
        return false;
    }
    for (size_t i = 0, at = 0; i < count; at += asks[i++].queries.count) {
        Search *search = asks[i].search;
        search->partial = partial;
        if (partial) { /* there is an answer; what is said of it may take its moment */
            search->call.wait.deadline = search->options.partial ? 0 : search->call.wait.deadline;
        }
        take_hits(&asks[i], hits + at * most, counts + at, most);
    }
    return true;
}

bool search_nearest(Search *search, const NtQueries *queries, const double *weights, uint32_t own, GError **error) {
    const Ask ask = {search, *queries, weights, own, search->k, false};
    return search_scan(&ask, 1, error);
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
