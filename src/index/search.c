/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact search; search.h has the contract. How a float32 score decides whether a row is scored again in double:
 *
 * Let g = nt_sum_error(dim), the bound on the relative error of a float32 sum against the sum of its terms' sizes.
 *   inner      |dot32 - dot| <= g |q| |r|, by Cauchy and Schwarz; |r| from the kernels' float32 norms, enlarged by g
 *   euclidean  the terms are squares, so |squared32 - squared| <= g squared32 / (1 - g)
 *   cosine     dot32 / |q| lies within g |r| + | |r| - 1 | of the cosine when |r| is close to 1, as in a vectors file,
 *              where rounding to float16 moved a unit row's length by at most 2^-11 + 2^-24 sqrt(dim); for rows that
 *              come from elsewhere the norm is computed and divided by
 * A row whose score, made better by its bound, does not reach the k-th best double score cannot be among the k.
 *
 * Work is split by rows when queries are few (every thread has a heap for each query; merged at the end) and by groups
 * of queries when they are many (each group reads all rows once).
 */
#include "index/search.h"

#include "base/base.h"
#include "index/top-k.h"

#include <math.h>
#include <string.h>

enum {
    GROUP = 64,              /* queries that share one pass over the rows */
    BLOCK_BYTES = 256 << 10, /* rows scored at once: they stay in the second-level cache for all queries of a group */
    BLOCK_ROWS = 1024,
    SPLIT_ROWS = 8192, /* rows a thread takes at a time */
};

typedef struct Plan {
    const NtRows *rows;
    const NtQueries *queries;
    const NtSearchOptions *options;
    const NtKernels *kernels;
    size_t k;        /* at most the number of rows */
    double *lengths; /* of each query */
    bool unit;       /* cosine rows are of unit length but for rounding */
    double error, underflow, length_slack;
    size_t block;   /* rows in a block */
    GMutex lock;    /* around tie */
    NtHit *heaps;   /* (workers, queries, k) when split by rows */
    size_t *counts; /* (workers, queries) likewise */
    NtHit *out_hits;
    size_t *out_counts;
    atomic_bool stopped;
} Plan;

static const float *query_at(const Plan *plan, size_t q) { return plan->queries->data + q * plan->queries->dim; }
static const uint8_t *row_at(const Plan *plan, uint64_t row) { return plan->rows->data + row * plan->rows->stride; }

/* ---- scores ---- */

/* The metric's own value, in double. */
static double exact(const Plan *plan, size_t q, uint64_t row) {
    const NtRows *rows = plan->rows;
    const float *query = query_at(plan, q);
    if (rows->metric == NT_METRIC_EUCLIDEAN) {
        return sqrt(plan->kernels->squared_double[rows->dtype](query, row_at(plan, row), rows->dim));
    }
    double dot = plan->kernels->dot_double[rows->dtype](query, row_at(plan, row), rows->dim);
    if (rows->metric == NT_METRIC_INNER) {
        return dot;
    }
    double lengths = plan->lengths[q] * sqrt(plan->kernels->norm_double[rows->dtype](row_at(plan, row), rows->dim));
    return lengths > 0 ? CLAMP(dot / lengths, -1.0, 1.0) : NAN;
}

/* The best raw value that a row with this float32 score can have. `norm`: sum of r^2 in float32, where computed. */
static double best_possible(const Plan *plan, size_t q, float score, float norm) {
    double g = plan->error;
    switch (plan->rows->metric) {
    case NT_METRIC_EUCLIDEAN: return sqrt(fmax(0, score * (1 - 2 * g) - plan->underflow));
    case NT_METRIC_INNER: {
        double length = sqrt(norm * (1 + 2 * g) + plan->underflow);
        return score + g * plan->lengths[q] * length + plan->underflow;
    }
    default: {
        double dot = score / plan->lengths[q], under = plan->underflow / plan->lengths[q];
        if (plan->unit) {
            double slack = plan->length_slack;
            return dot + g * (1 + slack) + fabs(dot) * slack * (1 + slack) + under;
        }
        double length = sqrt(norm * (1 - 2 * g));
        return length > 0 ? dot / length + 4 * g + under / length : INFINITY;
    }
    }
}

/* One (query, row) pair: in, when it is among the k. */
static void consider(Plan *plan, TopK *top, size_t q, uint64_t row, float score, float norm, uint64_t *rescored) {
    double bound = best_possible(plan, q, score, norm);
    if (top->count == top->k && isfinite(score) && nt_metric_nearer(top->metric, top->hits[0].raw, bound)) {
        return;
    }
    const NtSearchOptions *options = plan->options;
    if (options->excluded != NULL && options->excluded(q, (uint32_t)row, options->data)) {
        return;
    }
    (*rescored)++;
    NtHit hit = {.row = (uint32_t)row, .raw = exact(plan, q, row)};
    if (isfinite(hit.raw) && top_k_wants(top, &hit)) {
        top_k_put(top, hit);
    }
}

/* ---- a pass over some rows for some queries ---- */

typedef struct Pass {
    Plan *plan;
    size_t first_query, count;
    TopK *tops;    /* one for each of its queries */
    float *scores; /* (4, block) */
    float *norms;  /* (block), where the metric needs them */
    uint64_t scored, rescored;
} Pass;

static size_t allowed_in(const uint64_t *allow, uint64_t first, size_t count) {
    size_t allowed = 0;
    for (size_t i = 0; i < count; i++) {
        allowed += nt_bit(allow, first + i);
    }
    return allowed;
}

/* Scores rows first .. first + count - 1, all of them, and takes the allowed ones. */
static void pass_block(Pass *pass, uint64_t first, size_t count) {
    Plan *plan = pass->plan;
    const NtRows *rows = plan->rows;
    const uint64_t *allow = plan->options->allow;
    NtRowBlock block = {.data = row_at(plan, first), .stride = rows->stride, .count = count, .dim = rows->dim};
    bool euclidean = rows->metric == NT_METRIC_EUCLIDEAN;
    bool norms = rows->metric == NT_METRIC_INNER || (rows->metric == NT_METRIC_COSINE && !plan->unit);
    if (norms) {
        plan->kernels->norms[rows->dtype](&block, pass->norms);
    }
    for (size_t i = 0; i < pass->count;) {
        size_t q = pass->first_query + i, together = pass->count - i >= 4 ? 4 : 1;
        if (together == 4) {
            const float *const four[4] = {query_at(plan, q), query_at(plan, q + 1), query_at(plan, q + 2),
                                          query_at(plan, q + 3)};
            (euclidean ? plan->kernels->squared4 : plan->kernels->dot4)[rows->dtype](four, &block, pass->scores);
        } else {
            (euclidean ? plan->kernels->squared : plan->kernels->dot)[rows->dtype](query_at(plan, q), &block,
                                                                                   pass->scores);
        }
        for (size_t t = 0; t < together; t++) {
            for (size_t r = 0; r < count; r++) {
                if (allow == NULL || nt_bit(allow, first + r)) {
                    consider(plan, &pass->tops[i + t], q + t, first + r, pass->scores[t * count + r],
                             norms ? pass->norms[r] : 0, &pass->rescored);
                }
            }
        }
        i += together;
    }
    pass->scored += count * pass->count;
}

/* Rows first .. last - 1: whole blocks where many are allowed, single rows where few are. */
static void pass_rows(Pass *pass, uint64_t first, uint64_t last) {
    Plan *plan = pass->plan;
    const uint64_t *allow = plan->options->allow;
    const atomic_bool *cancel = plan->options->cancel;
    for (uint64_t at = first; at < last; at += plan->block) {
        size_t count = (size_t)MIN((uint64_t)plan->block, last - at);
        if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed)) {
            atomic_store(&plan->stopped, true);
            return;
        }
        size_t allowed = allow != NULL ? allowed_in(allow, at, count) : count;
        if (allowed > count / 4) {
            pass_block(pass, at, count);
            continue;
        }
        for (size_t r = 0; allowed > 0 && r < count; r++) {
            if (nt_bit(allow, at + r)) {
                pass_block(pass, at + r, 1);
                allowed--;
            }
        }
    }
}

static TopK new_top(Plan *plan, NtHit *hits) {
    return (TopK){.hits = hits,
                  .k = plan->k,
                  .metric = plan->rows->metric,
                  .tie = plan->options->tie,
                  .data = plan->options->data,
                  .lock = &plan->lock};
}

/* Runs a pass and adds to the statistics. */
static void run_pass(Pass *pass, uint64_t first, uint64_t last) {
    Plan *plan = pass->plan;
    g_autofree float *scores = g_new(float, 5 * plan->block);
    pass->scores = scores;
    pass->norms = scores + 4 * plan->block;
    pass_rows(pass, first, last);
    if (plan->options->stats != NULL) {
        atomic_fetch_add(&plan->options->stats->scored, pass->scored);
        atomic_fetch_add(&plan->options->stats->rescored, pass->rescored);
    }
}

/* ---- few queries: threads share the rows ---- */

static void search_rows(size_t first, size_t count, unsigned worker, void *data) {
    Plan *plan = data;
    size_t queries = plan->queries->count;
    g_autofree TopK *tops = g_new(TopK, queries);
    size_t *counts = plan->counts + worker * queries;
    for (size_t q = 0; q < queries; q++) {
        tops[q] = new_top(plan, plan->heaps + (worker * queries + q) * plan->k);
        tops[q].count = counts[q]; /* from the rows this worker took before */
    }
    Pass pass = {.plan = plan, .count = queries, .tops = tops};
    run_pass(&pass, first, first + count);
    for (size_t q = 0; q < queries; q++) {
        counts[q] = tops[q].count;
    }
}

static void merge(Plan *plan, unsigned workers) {
    size_t queries = plan->queries->count;
    for (size_t q = 0; q < queries; q++) {
        TopK top = new_top(plan, plan->out_hits + q * plan->options->k);
        for (unsigned w = 0; w < workers; w++) {
            const NtHit *hits = plan->heaps + (w * queries + q) * plan->k;
            for (size_t i = 0; i < plan->counts[w * queries + q]; i++) {
                if (top_k_wants(&top, &hits[i])) {
                    top_k_put(&top, hits[i]);
                }
            }
        }
        top_k_sort(&top);
        plan->out_counts[q] = top.count;
    }
}

static bool search_by_rows(Plan *plan, unsigned threads, GError **error) {
    size_t cells = threads * plan->queries->count;
    plan->heaps = nt_alloc(cells, plan->k * sizeof(NtHit), "results", error);
    plan->counts = nt_alloc0(cells, sizeof(size_t), "results", error);
    if (plan->heaps == NULL || plan->counts == NULL) {
        return false;
    }
    nt_parallel_for(threads, plan->rows->count, SPLIT_ROWS, search_rows, plan);
    merge(plan, threads);
    return true;
}

/* ---- many queries: threads share the queries ---- */

static void search_group(size_t first, size_t count, unsigned worker, void *data) {
    Plan *plan = data;
    g_autofree TopK *tops = g_new(TopK, count);
    for (size_t i = 0; i < count; i++) {
        tops[i] = new_top(plan, plan->out_hits + (first + i) * plan->options->k);
    }
    Pass pass = {.plan = plan, .first_query = first, .count = count, .tops = tops};
    run_pass(&pass, 0, plan->rows->count);
    for (size_t i = 0; i < count; i++) {
        top_k_sort(&tops[i]);
        plan->out_counts[first + i] = tops[i].count;
    }
}

/* ---- the call ---- */

static bool check_queries(Plan *plan, GError **error) {
    const NtQueries *queries = plan->queries;
    if (queries->count > 0 && queries->dim != plan->rows->dim) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a query of %zu numbers for vectors of %zu", queries->dim,
                       plan->rows->dim);
    }
    for (size_t q = 0; q < queries->count; q++) {
        double norm = plan->kernels->norm_double[NT_DTYPE_F32](query_at(plan, q), queries->dim);
        plan->lengths[q] = sqrt(norm);
        bool zero = norm == 0 && plan->rows->metric == NT_METRIC_COSINE;
        if (!isfinite(norm) || zero) {
            g_autofree char *which = queries->count > 1 ? g_strdup_printf("query %zu", q) : g_strdup("the query");
            return nt_fail(error, NITERU_ERROR_INVALID, "%s %s", which,
                           zero ? "is zero, which has no direction to compare by cosine"
                                : "holds a value that is not finite");
        }
    }
    return true;
}

static void clear_plan(Plan *plan) {
    nt_free(plan->lengths);
    nt_free(plan->heaps);
    nt_free(plan->counts);
    g_mutex_clear(&plan->lock);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, clear_plan)

bool nt_exact_search(const NtRows *rows, const NtQueries *queries, const NtSearchOptions *options, NtHit *out_hits,
                     size_t *out_counts, GError **error) {
    if (rows->count > NT_VECTORS_ROWS_MAX) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "more than %" G_GUINT64_FORMAT " rows", NT_VECTORS_ROWS_MAX);
    }
    g_auto(Plan) plan = {
        .rows = rows,
        .queries = queries,
        .options = options,
        .kernels = options->kernels != NULL ? options->kernels : nt_kernels(),
        .k = (size_t)MIN((uint64_t)options->k, rows->count),
        .unit = rows->keep != NULL,
        .error = nt_sum_error(rows->dim),
        .underflow = nt_sum_underflow(rows->dim),
        .length_slack = (rows->dtype == NT_DTYPE_F16 ? 0x1.02p-11 : 0x1p-20) + sqrt((double)rows->dim) * 0x1p-24,
        .block = CLAMP(BLOCK_BYTES / MAX(rows->stride, 1), 16, BLOCK_ROWS),
        .out_hits = out_hits,
        .out_counts = out_counts,
    };
    g_mutex_init(&plan.lock);
    plan.lengths = nt_alloc(queries->count, sizeof(double), "queries", error);
    if (plan.lengths == NULL || !check_queries(&plan, error)) {
        return false;
    }
    memset(out_counts, 0, queries->count * sizeof *out_counts);
    if (plan.k == 0 || queries->count == 0) {
        return true;
    }
    unsigned threads = options->threads > 0 ? options->threads : nt_cores();
    if (queries->count >= (size_t)GROUP * threads) {
        nt_parallel_for(threads, queries->count, GROUP, search_group, &plan);
    } else if (!search_by_rows(&plan, threads, error)) {
        return false;
    }
    return !atomic_load(&plan.stopped) || nt_fail(error, NITERU_ERROR_CANCELLED, "the search was stopped");
}
