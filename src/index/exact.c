/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine "exact": every row, every time. It has no state. Work is split by rows when queries are few (every thread
 * has a heap for each query; merged at the end) and by groups of queries when they are many (each group reads all rows
 * once).
 */
#include "index/engine-internal.h"
#include "index/exact-internal.h"

#include <math.h>
#include <string.h>

enum {
    GROUP = 64,            /* queries that share one pass over the rows */
    PIECE_BYTES = 2 << 20, /* the least a thread takes, for one query: 60 us or more */
    PIECES = 8,            /* for each thread, so that one that is held up does not hold up the rest */
};

void exact_stop(ExactPlan *plan, GError *why) {
    GError *none = NULL;
    if (!atomic_compare_exchange_strong(&plan->stopped, &none, why)) {
        g_error_free(why);
    }
}

static Nearest new_nearest(const ExactPlan *plan) {
    return (Nearest){.k = plan->k, .metric = plan->rows->metric, .distinct = plan->options->labels != NULL};
}

/* Writes a query's answer. */
static void give(ExactPlan *plan, size_t q, Nearest *nearest) {
    nearest_sort(nearest);
    for (size_t i = 0; i < nearest->count; i++) {
        plan->out_hits[q * plan->options->k + i] = nearest->heap[i].hit;
    }
    plan->out_counts[q] = nearest->count;
}

/* ---- few queries: threads share the rows ---- */

static void search_rows(size_t first, size_t count, unsigned worker, void *data) {
    ExactPlan *plan = data;
    size_t queries = plan->queries->count;
    exact_scan(plan, 0, queries, plan->nearests + worker * queries, first, first + count);
}

/* Puts what all threads found for each query into the first one's heap, and gives it. */
static void merge(ExactPlan *plan, unsigned threads) {
    size_t queries = plan->queries->count;
    for (size_t q = 0; q < queries; q++) {
        Nearest *all = &plan->nearests[q];
        for (unsigned t = 1; t < threads; t++) {
            Nearest *one = &plan->nearests[t * queries + q];
            for (size_t i = 0; i < one->count; i++) {
                nearest_offer(all, one->heap[i]);
            }
            nearest_clear(one);
        }
        if (all->failed) {
            exact_stop(plan, g_error_new(NITERU_ERROR, NITERU_ERROR_NO_MEMORY, "no memory for results"));
            return;
        }
        give(plan, q, all);
        nearest_clear(all);
    }
}

static bool search_by_rows(ExactPlan *plan, unsigned threads, GError **error) {
    plan->nearest_count = threads * plan->queries->count;
    plan->nearests = nt_alloc(plan->nearest_count, sizeof(Nearest), "results", error);
    if (plan->nearests == NULL) {
        return false;
    }
    for (size_t i = 0; i < plan->nearest_count; i++) {
        plan->nearests[i] = new_nearest(plan);
    }
    size_t least = PIECE_BYTES / plan->rows->stride / plan->queries->count;
    size_t piece = MAX(MAX(least, plan->block), (size_t)(plan->rows->count / threads / PIECES));
    nt_thread_pool_for(plan->options->pool, threads, (size_t)plan->rows->count, piece, search_rows, plan);
    merge(plan, threads);
    return true;
}

/* ---- many queries: threads share the queries ---- */

static void search_group(size_t first, size_t count, unsigned worker, void *data) {
    ExactPlan *plan = data;
    g_autofree Nearest *nearests = g_new(Nearest, count);
    for (size_t i = 0; i < count; i++) {
        nearests[i] = new_nearest(plan);
    }
    exact_scan(plan, first, count, nearests, 0, plan->rows->count);
    for (size_t i = 0; i < count; i++) {
        give(plan, first + i, &nearests[i]);
        nearest_clear(&nearests[i]);
    }
}

/* ---- the call ---- */

static bool check_queries(ExactPlan *plan, GError **error) {
    const NtQueries *queries = plan->queries;
    if (queries->count > 0 && queries->dim != plan->rows->dim) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a query of %zu numbers for vectors of %zu", queries->dim,
                       plan->rows->dim);
    }
    for (size_t q = 0; q < queries->count; q++) {
        double norm = plan->kernels->norm_double[NT_DTYPE_F32](exact_query(plan, q), queries->dim);
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

static void clear_plan(ExactPlan *plan) {
    for (size_t i = 0; plan->nearests != NULL && i < plan->nearest_count; i++) {
        nearest_clear(&plan->nearests[i]);
    }
    nt_free(plan->nearests);
    nt_free(plan->lengths);
    GError *why = atomic_load(&plan->stopped);
    g_clear_error(&why);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExactPlan, clear_plan)

/* What the call says when all threads have come back. */
static bool conclude(ExactPlan *plan, GError **error) {
    const NtIndexOptions *options = plan->options;
    GError *why = atomic_exchange(&plan->stopped, NULL);
    bool late = options->partial && g_error_matches(why, NITERU_ERROR, NITERU_ERROR_TIMEOUT);
    if (why != NULL && !late) {
        g_propagate_error(error, why);
        return false;
    }
    g_clear_error(&why);
    if (options->out_partial != NULL) {
        *options->out_partial = late;
    }
    return true;
}

static bool search(void *state, const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options,
                   NtIndexHit *out_hits, size_t *out_counts, GError **error) {
    g_auto(ExactPlan) plan = {
        .rows = rows,
        .queries = queries,
        .options = options,
        .kernels = options->kernels != NULL ? options->kernels : nt_kernels(),
        .wait = {.cancellable = options->cancellable, .deadline = options->deadline},
        .k = nt_index_most_hits(rows, options),
        .unit = rows->keep != NULL,
        .error = nt_sum_error(rows->dim),
        .underflow = nt_sum_underflow(rows->dim),
        .length_slack = (rows->dtype == NT_DTYPE_F16 ? 0x1.02p-11 : 0x1p-20) + sqrt((double)rows->dim) * 0x1p-24,
        .block = CLAMP(EXACT_BLOCK_BYTES / MAX(rows->stride, 1), 16, EXACT_BLOCK_ROWS),
        .out_hits = out_hits,
        .out_counts = out_counts,
    };
    plan.lengths = nt_alloc(queries->count, sizeof(double), "queries", error);
    if (plan.lengths == NULL || !check_queries(&plan, error)) {
        return false;
    }
    memset(out_counts, 0, queries->count * sizeof *out_counts);
    GError *why = NULL;
    if (!nt_wait_check(&plan.wait, &why)) {
        exact_stop(&plan, why);
        return conclude(&plan, error);
    }
    if (plan.k == 0 || queries->count == 0 || rows->count == 0) {
        return conclude(&plan, error);
    }
    unsigned threads = nt_thread_pool_threads(options->pool);
    threads = options->threads > 0 ? MIN(threads, options->threads) : threads;
    if (queries->count >= (size_t)GROUP * threads) {
        nt_thread_pool_for(options->pool, threads, queries->count, GROUP, search_group, &plan);
    } else if (!search_by_rows(&plan, threads, error)) {
        return false;
    }
    return conclude(&plan, error);
}

const NtEngine nt_exact_engine = {.name = "exact", .search = search};
