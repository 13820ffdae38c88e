/* SPDX-License-Identifier: Apache-2.0 */
/* Whether products find themselves: the shortest proof that what was put is searched. */
#include "search/search.h"

#include <math.h>

/* Rows that stand for products, spread evenly over the model's: at most `sample`, in `out`. */
static size_t sample_rows(const NtVersion *version, unsigned sample, uint64_t *out) {
    size_t count = 0;
    uint64_t rows = version->view.count;
    for (unsigned i = 0; i < sample && rows > 0; i++) {
        uint64_t first = rows * i / sample, end = MAX(rows * (i + 1) / sample, first + 1);
        uint32_t link;
        for (uint64_t row = first; row < MIN(end, rows); row++) {
            if (nt_labels_first(&version->labels, row, &link) != 0) {
                out[count++] = row;
                break;
            }
        }
    }
    return count;
}

/* Names the product of the first query whose nearest is further away than itself; NULL: all found themselves. */
static bool find_missed(const NtSnapshot *snapshot, const NtQueries *queries, const uint64_t *rows,
                        const NtIndexHit *hits, const size_t *counts, char **out_missed, GError **error) {
    const NtVersion *version = snapshot->version;
    for (size_t q = 0; q < queries->count; q++) {
        const float *vector = queries->data + q * queries->dim;
        double own = nt_metric_value(version->view.metric, vector, vector, queries->dim);
        if (counts[q] > 0 && (hits[q].row == rows[q] || fabs(hits[q].raw - own) <= 1e-6 * MAX(1, fabs(own)))) {
            continue; /* itself, or its copy */
        }
        uint32_t link;
        g_autofree char *id = nt_catalogue_product_id(
            snapshot->reader.db, (int64_t)nt_labels_first(&version->labels, rows[q], &link), error);
        if (id == NULL) {
            return false;
        }
        *out_missed = g_strdup_printf("product '%s' does not find itself by the model %s", id, version->model->name);
        return true;
    }
    return true;
}

bool nt_self_test(NiteruCatalogue *catalogue, const char *model, unsigned sample, const NtWait *wait,
                  unsigned *out_tested, char **out_missed, GError **error) {
    g_auto(NtSnapshot) snapshot = {0};
    *out_tested = 0;
    *out_missed = NULL;
    if (!nt_snapshot_open(&snapshot, catalogue, model, error)) {
        return false;
    }
    const NtVersion *version = snapshot.version;
    g_autofree uint64_t *rows = g_new(uint64_t, sample);
    NtQueries queries = {.dim = version->view.dim, .count = sample_rows(version, sample, rows)};
    /* A longer vector may be nearer by the inner product than one is to itself. */
    if (queries.count == 0 || version->view.metric == NT_METRIC_INNER) {
        return true;
    }
    g_autofree float *vectors = g_new(float, queries.count *queries.dim);
    g_autofree NtIndexHit *hits = g_new(NtIndexHit, queries.count);
    g_autofree size_t *counts = g_new(size_t, queries.count);
    for (size_t q = 0; q < queries.count; q++) {
        nt_rows_get(&version->view, rows[q], vectors + q * queries.dim);
    }
    queries.data = vectors;
    const NtIndexOptions options = {.k = 1,
                                    .labels = &version->labels,
                                    .pool = catalogue->pool,
                                    .deadline = wait->deadline,
                                    .cancellable = wait->cancellable};
    *out_tested = (unsigned)queries.count;
    return nt_index_search(version->model->index, &version->view, &queries, &options, hits, counts, error) &&
           find_missed(&snapshot, &queries, rows, hits, counts, out_missed, error);
}
