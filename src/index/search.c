/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact search; search.h has the contract. How a float32 score decides whether a row is scored again in double:
 *
 * Let g = nt_sum_error(dim), the bound on the error of a float32 sum relative to the sum of its terms' sizes, and u
 * the little that underflow may add.
 *   inner      |dot32 - dot| <= g |q| |r| + u, by Cauchy and Schwarz
 *   euclidean  the terms are squares, so |squared32 - squared| <= g squared + u
 *   cosine     as inner, divided by |q| |r|. In a vectors file | |r| - 1 | <= s, what rounding to float16 can do to a
 *              unit row: at most 2^-11 of itself, and 2^-25 for each number that is subnormal. For rows from elsewhere
 *              the score is divided by their length in float32.
 * Turned round, the k-th best value in double gives a float32 cutoff: a row beyond it cannot be among the k, and the
 * scan is one comparison a row. The bounds leave more room than the rounding of the double scores, and of the cutoff
 * itself, can use up.
 *
 * Work is split by rows when queries are few (every thread has a heap for each query; merged at the end) and by groups
 * of queries when they are many (each group reads all rows once).
 */
#include "index/search.h"

#include "base/base.h"
#include "index/bitmap.h"
#include "index/top-k.h"

#include <math.h>
#include <string.h>

enum {
    GROUP = 64,              /* queries that share one pass over the rows */
    BLOCK_BYTES = 256 << 10, /* rows scored at once: they stay in the second-level cache for all queries of a group */
    BLOCK_ROWS = 1024,
    PIECE_BYTES = 2 << 20, /* the least a thread takes, for one query: 60 us, against 20 us to start a thread */
    SPARSE = 2,            /* at most 1 row in so many allowed: the others are not read */
    PIECES = 8,            /* for each thread, so that one that is held up does not hold up the rest */
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
    size_t block;         /* rows in a block */
    pthread_mutex_t lock; /* around tie */
    NtHit *heaps;         /* (workers, queries, k) when split by rows */
    size_t *counts;       /* (workers, queries) likewise */
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

/* Rows of which the float32 score is of use for cosine without unit length: sum of r^2 far from over- and underflow. */
static const float norm_least = 1e-20F, norm_most = 1e30F;

/* The float32 score below which (euclidean: above which) a row's raw value is surely farther than `worst`. `largest`:
 * the largest float32 sum of r^2 among the rows, for inner. */
static float cutoff(const Plan *plan, size_t q, double worst, float largest) {
    double g = plan->error, u = plan->underflow, s = plan->length_slack, length = plan->lengths[q];
    switch (plan->rows->metric) {
    case NT_METRIC_EUCLIDEAN: return nextafterf((float)((worst * worst * (1 + 0x1p-40) + u) / (1 - 2 * g)), INFINITY);
    case NT_METRIC_INNER:
        return nextafterf((float)(worst - g * length * sqrt(((double)largest + u) / (1 - g)) - u), -INFINITY);
    default:
        if (plan->unit) {
            double dot = worst * length * (worst > 0 ? 1 - s : 1 + s);
            return nextafterf((float)(dot - g * length * (1 + s) - u), -INFINITY);
        }
        return nextafterf((float)(length * (worst - 4 * g) - u / sqrt((double)norm_least)), -INFINITY);
    }
}

/* One row that may be among the k: scored in double, and in when it is. Returns whether the heap changed. */
static bool consider(const Plan *plan, TopK *top, size_t q, uint64_t row, uint64_t *rescored) {
    const NtSearchOptions *options = plan->options;
    if (options->excluded != NULL && options->excluded(q, (uint32_t)row, options->data)) {
        return false;
    }
    (*rescored)++;
    NtHit hit = {.row = (uint32_t)row, .raw = exact(plan, q, row)};
    bool in = isfinite(hit.raw) && top_k_wants(top, &hit);
    if (in) {
        top_k_put(top, hit);
    }
    return in;
}

/* ---- a pass over some rows for some queries ---- */

typedef struct Pass {
    Plan *plan;
    size_t first_query, count;
    TopK *tops;    /* one for each of its queries */
    float *scores; /* (4, block) */
    float *norms;  /* (block) sums of r^2, where the metric needs them */
    uint64_t scored, rescored;
} Pass;

/* Goes through the scores of rows first .. first + count - 1 for query `i` of the pass. A score that is not finite
 * says nothing, and passes both comparisons: its row is scored in double. */
static void take(Pass *pass, size_t i, uint64_t first, size_t count, const float *scores, float largest) {
    const Plan *plan = pass->plan;
    const uint64_t *allow = plan->options->allow;
    TopK *top = &pass->tops[i];
    size_t q = pass->first_query + i;
    bool below = plan->rows->metric == NT_METRIC_EUCLIDEAN;
    float cut = below ? INFINITY : -INFINITY;
    if (top->count == top->k) {
        cut = cutoff(plan, q, top->hits[0].raw, largest);
    }
    for (size_t r = 0; r < count; r++) {
        if ((below ? scores[r] > cut && scores[r] < INFINITY : scores[r] < cut && scores[r] > -INFINITY) ||
            (allow != NULL && !nt_bit(allow, first + r))) {
            continue;
        }
        if (consider(plan, top, q, first + r, &pass->rescored) && top->count == top->k) {
            cut = cutoff(plan, q, top->hits[0].raw, largest);
        }
    }
}

/* The float32 cosines (times |q|) out of dots, where rows are not of unit length; NaN where float32 is not enough. */
static void divide_by_lengths(float *scores, const float *norms, size_t count) {
    for (size_t r = 0; r < count; r++) {
        scores[r] = norms[r] > norm_least && norms[r] < norm_most ? scores[r] / sqrtf(norms[r]) : NAN;
    }
}

/* Scores a block for queries `i` and on of the pass: four, or one where fewer are left; returns how many. With
 * `norms`, which is for one query, the sums of r^2 come with it. */
static size_t score_some(Pass *pass, size_t i, const NtRowBlock *block, bool norms) {
    const Plan *plan = pass->plan;
    const NtKernels *kernels = plan->kernels;
    NtDtype dtype = plan->rows->dtype;
    bool euclidean = plan->rows->metric == NT_METRIC_EUCLIDEAN;
    size_t q = pass->first_query + i;
    if (pass->count - i >= 4) {
        const float *const four[4] = {query_at(plan, q), query_at(plan, q + 1), query_at(plan, q + 2),
                                      query_at(plan, q + 3)};
        (euclidean ? kernels->squared4 : kernels->dot4)[dtype](four, block, pass->scores);
        return 4;
    }
    if (norms) {
        kernels->dot_norms[dtype](query_at(plan, q), block, pass->scores, pass->norms);
    } else {
        (euclidean ? kernels->squared : kernels->dot)[dtype](query_at(plan, q), block, pass->scores);
    }
    return 1;
}

/* The largest of them; rows of NaN are never hits and do not count. */
static float largest_of(const float *norms, size_t count) {
    float largest = 0;
    for (size_t r = 0; r < count; r++) {
        largest = norms[r] > largest ? norms[r] : largest;
    }
    return largest;
}

/* Scores rows first .. first + count - 1 (at most a block), all of them, and takes the allowed ones. */
static void pass_block(Pass *pass, uint64_t first, size_t count) {
    Plan *plan = pass->plan;
    const NtRows *rows = plan->rows;
    NtRowBlock block = {.data = row_at(plan, first), .stride = rows->stride, .count = count, .dim = rows->dim};
    bool divide = rows->metric == NT_METRIC_COSINE && !plan->unit, alone = pass->count == 1;
    bool norms = divide || rows->metric == NT_METRIC_INNER;
    float largest = 0;
    if (norms && !alone) {
        plan->kernels->norms[rows->dtype](&block, pass->norms);
    }
    for (size_t i = 0, together; i < pass->count; i += together) {
        together = score_some(pass, i, &block, norms && alone);
        largest = norms && i == 0 ? largest_of(pass->norms, count) : largest;
        for (size_t t = 0; t < together; t++) {
            float *scores = pass->scores + t * count;
            if (divide) {
                divide_by_lengths(scores, pass->norms, count);
            }
            take(pass, i + t, first, count, scores, largest);
        }
    }
    pass->scored += count * pass->count;
}

/* Rows first .. end - 1: whole blocks where many are allowed, runs of allowed rows where few are. */
static void pass_rows(Pass *pass, uint64_t first, uint64_t end) {
    Plan *plan = pass->plan;
    const uint64_t *allow = plan->options->allow;
    const atomic_bool *cancel = plan->options->cancel;
    for (uint64_t at = first; at < end; at += plan->block) {
        uint64_t last = MIN(at + plan->block, end);
        if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed)) {
            atomic_store(&plan->stopped, true);
            return;
        }
        if (allow == NULL || bits_count(allow, at, last) > (last - at) / SPARSE) {
            pass_block(pass, at, (size_t)(last - at));
            continue;
        }
        for (uint64_t from = bits_next(allow, at, last, 0); from < last;) {
            uint64_t to = bits_next(allow, from, last, UINT64_MAX);
            pass_block(pass, from, (size_t)(to - from));
            from = bits_next(allow, to, last, 0);
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
    size_t least = PIECE_BYTES / plan->rows->stride / plan->queries->count;
    size_t piece = MAX(MAX(least, plan->block), (size_t)(plan->rows->count / threads / PIECES));
    nt_parallel_for(threads, plan->rows->count, piece, search_rows, plan);
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
    pthread_mutex_destroy(&plan->lock);
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
    pthread_mutex_init(&plan.lock, NULL);
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
