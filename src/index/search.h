/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact search: the k nearest rows, the same as comparing every row in double precision.
 *
 * All rows are scored in float32 by the SIMD kernels, block by block over threads; a row whose score, give or take a
 * proven bound on its rounding error, may be among the k best so far is scored again in double, and only that score
 * counts. So the answer depends neither on the CPU, nor on the number of threads, nor on the order of work.
 *
 * Ties. Rows of equal raw value (copies of one photo) come in the order of `tie`, or of row numbers without one; the
 * same order decides which of them are among the k. So a caller gets "best first, ties by product id" by comparing
 * ids in `tie`, and exactly min(k, rows that may answer) hits, however many are equal.
 *
 * Cost. One query: one pass over the rows at the speed of memory (100,000 x 1,280 float16 are 256 MB), plus one score
 * in double for about k ln(rows / k) candidates, and one for each further row that ties. Batches: rows are read once
 * for 64 queries, and the rate is bounded by arithmetic. Memory: none per row; threads x queries x k hits when there
 * are fewer than 64 queries for each thread, else nothing beyond the output.
 */
#ifndef NT_INDEX_SEARCH_H
#define NT_INDEX_SEARCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "index/engine.h"
#include "index/vectors.h"

typedef struct NtHit {
    uint32_t row;
    double raw; /* the metric's own value, see metric.h; never NaN */
} NtHit;

/* Whether row `allow` bitmap has it; one bit per row, row r is bit r mod 64 of word r / 64. */
static inline bool nt_bit(const uint64_t *bits, uint64_t row) { return (bits[row / 64] >> (row % 64)) & 1; }

typedef struct NtSearchOptions {
    size_t k;              /* hits wanted for each query; 0 gives none, more than there are gives all */
    unsigned threads;      /* 0: one per core */
    const uint64_t *allow; /* bitmap of the rows to search; NULL: all */
    /* Rows to leave out for one query (its own product's, say); asked for candidates only; NULL: none. Called from
     * several threads at once. */
    bool (*excluded)(size_t query, uint32_t row, void *data);
    /* The order of two rows with equal raw values: negative when a comes first. Called from one thread at a time (any);
     * must be a total order; NULL: by row number. */
    int (*tie)(uint32_t a, uint32_t b, void *data);
    void *data;                /* given to both */
    const atomic_bool *cancel; /* looked at every millisecond or so; NULL: never */
    const NtKernels *kernels;  /* NULL: nt_kernels() */
    NtSearchStats *stats;      /* added to; NULL: not wanted */
} NtSearchOptions;

/* Searches `rows` for every query. Hits of query q are out_hits[q * k ...], nearest first, out_counts[q] of them:
 * min(k, rows that are allowed and not excluded). Rows of no finite raw value (a damaged file) are never hits.
 * `excluded` leaves rows out before k are counted.
 *
 * Several photos of one product: ask for more than k rows and keep the best of each product; when fewer than k
 * products come out of a full answer, ask again for twice as many.
 *
 * Errors: INVALID (a query of another dimension, not finite, of no length under cosine; naming the query when there
 * are several), LIMIT (more than 4,294,967,295 rows), NO_MEMORY, CANCELLED. On failure the outputs hold nothing of use.
 */
bool nt_exact_search(const NtRows *rows, const NtQueries *queries, const NtSearchOptions *options, NtHit *out_hits,
                     size_t *out_counts, GError **error);

#endif
