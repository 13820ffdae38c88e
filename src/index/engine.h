/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index: the nearest labels among rows, by one of several engines. What is asked and what is promised is said here
 * and is the same for all; how it is found is the engine's.
 *
 *   index = nt_index_new(NULL, spec, &error);            - the first engine, "exact"
 *   nt_index_add(index, &rows, first, count, &error);    - for each run of rows appended
 *   nt_index_search(index, &rows, &queries, &(NtIndexOptions){.k = 10, .labels = &labels}, hits, counts, &error);
 *
 * Answers. Each label has at most one hit: its nearest row, of equally near rows the lowest. Hits come nearest first;
 * labels of equal raw value (copies of one photo) come in the order of their ranks, then of their numbers, and the same
 * order decides which of them are among the k. There are exactly min(k, labels that may answer) hits, however many are
 * equal. Rows without labels, and rows of no finite raw value (a damaged file), are never hits. Without `labels` each
 * row stands for itself, and equal ones come in the order of row numbers.
 *
 * The engine "exact" gives the k nearest, the same as comparing every row in double precision. All rows are scored in
 * float32 by the SIMD kernels, block by block over threads; a row whose score, give or take a proven bound on its
 * rounding error, may be among the k best so far is scored again in double, and only that score counts. So the answer
 * depends neither on the CPU, nor on the number of threads, nor on the order of work.
 *
 * Cost of "exact". One query: one pass over the rows that may answer at the speed of memory (100,000 x 1,280 float16
 * are 256 MB), plus one score in double for about k ln(rows / k) candidates, and one for each further row that ties.
 * Where at most half of the rows of a block may answer, the others are not read. Batches: rows are read once for 64
 * queries, and the rate is bounded by arithmetic. Memory: none per row; for each query some 60 bytes for each hit, and
 * as much for each thread where there are fewer than 64 queries for each.
 *
 * Threads: any number of searches, and nt_index_statistics, beside one nt_index_add or nt_index_remove at a time. A
 * search sees exactly the rows of its NtRows and the labels of its NtLabels, whatever is added or removed meanwhile;
 * they must not be changed while it runs.
 */
#ifndef NT_INDEX_ENGINE_H
#define NT_INDEX_ENGINE_H

#include <stdatomic.h>

#include "base/base.h"
#include "index/labels.h"
#include "index/vectors.h"

typedef struct NtIndexHit {
    uint32_t row;
    uint32_t label; /* 0 where there are no labels */
    double raw;     /* the metric's own value, see metric.h; never NaN */
} NtIndexHit;

/* Queries: (count, dim) float32, one after the other. They need not be of unit length. */
typedef struct NtQueries {
    const float *data;
    size_t count;
    size_t dim;
} NtQueries;

/* What a search did, for tests and for the curious. */
typedef struct NtSearchStats {
    atomic_uint_fast64_t scored;   /* (query, row) pairs scored in float32 */
    atomic_uint_fast64_t rescored; /* of them, again in double */
} NtSearchStats;

typedef struct NtIndexOptions {
    size_t k;                   /* labels (rows, without labels) wanted for each query; more than there are gives all */
    const NtLabels *labels;     /* NULL: every row stands for itself */
    const NtCells *allow;       /* bitmap of the labels (rows, without labels) that may answer; NULL: all */
    const NtCells *groups;      /* label -> group, 0: none; only with labels; NULL: none */
    bool by_group;              /* k groups instead: the best of a group's labels answers for it, and a label without a
                                   group for itself; only with groups */
    const uint32_t *skip_label; /* (queries) a label left out of that query's answer, 0: none; only with labels; NULL:
                                   none */
    GHashTable *const *skip_labels; /* (queries) sets of labels, as GUINT_TO_POINTER, left out of that query's answer;
                                       NULL entries: none; only with labels; NULL: none */
    const uint64_t *skip_group;     /* (queries) a group left out, 0: none; NULL: none; only with groups */
    double effort;                  /* 0 .. 1, for engines that trade accuracy for time; "exact" does not */
    NtThreadPool *pool;             /* where helpers come from; NULL: the caller works alone */
    unsigned threads;               /* at most so many, the caller's included; 0: as many as the pool has */
    int64_t deadline;          /* in microseconds of g_get_monotonic_time, looked at every millisecond or so; 0: none */
    GCancellable *cancellable; /* looked at likewise; NULL: none */
    bool partial;              /* when the deadline passes, give what was found so far instead of failing */
    bool *out_partial;         /* set to whether it did; NULL: not wanted */
    const NtKernels *kernels;  /* NULL: nt_kernels() */
    NtSearchStats *stats;      /* added to; NULL: not wanted */
} NtIndexOptions;

typedef struct NtIndex NtIndex;

/* An empty index for rows of this kind. `engine` NULL: the first there is, "exact". Errors: INVALID (no engine of that
 * name; the message names those there are), NO_MEMORY. */
NtIndex *nt_index_new(const char *engine, const NtVectorsSpec *spec, GError **error);
/* No search may be running. NULL is fine. */
void nt_index_free(NtIndex *index);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtIndex, nt_index_free)

/* Tells of rows first .. first + count - 1 of the view: for each row once, in rising order. Errors: INVALID (rows of
 * another kind, or not in the view), NO_MEMORY. */
bool nt_index_add(NtIndex *index, const NtRows *rows, uint64_t first, uint64_t count, GError **error);

/* Tells that a row is dead for good, so that an engine may let go of it. Errors: NO_MEMORY. */
bool nt_index_remove(NtIndex *index, uint64_t row, GError **error);

/* Searches `rows` for every query. Hits of query q are out_hits[q * k] and on, nearest first, out_counts[q] of them.
 * No more than nt_index_most_hits of each are written: for one query room for so many will do.
 *
 * Errors: INVALID (rows of another kind; a query of another dimension, not finite, of no length under cosine; naming
 * the query when there are several), LIMIT (more than 4,294,967,295 rows; hits of several queries that no memory
 * can hold), NO_MEMORY, CANCELLED, TIMEOUT (not when partial answers are wanted). On failure the outputs hold nothing
 * of use. */
bool nt_index_search(NtIndex *index, const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options,
                     NtIndexHit *out_hits, size_t *out_counts, GError **error);

/* At most so many hits has a query: k, or what there is of rows or labels when that is less. Asking for so many, in
 * place of k, gives the same. */
size_t nt_index_most_hits(const NtRows *rows, const NtIndexOptions *options);

typedef struct NtIndexStatistics {
    const char *engine;        /* static text */
    uint64_t rows, removed;    /* told of so far */
    uint64_t bytes;            /* memory the engine takes beyond the rows */
    uint64_t searches;         /* queries answered */
    uint64_t scored, rescored; /* as in NtSearchStats, for all of them */
} NtIndexStatistics;

void nt_index_statistics(NtIndex *index, NtIndexStatistics *out);

#endif
