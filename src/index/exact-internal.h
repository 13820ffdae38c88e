/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of exact search share: exact.c has the call and divides the work, exact-scan.c goes through rows.
 */
#ifndef NT_INDEX_EXACT_INTERNAL_H
#define NT_INDEX_EXACT_INTERNAL_H

#include "index/engine.h"
#include "index/nearest.h"

enum {
    EXACT_BLOCK_BYTES = 256 << 10, /* rows scored at once: they stay in the second-level cache for all queries */
    EXACT_BLOCK_ROWS = 1024,
};

/* One call. */
typedef struct ExactPlan {
    const NtRows *rows;
    const NtQueries *queries;
    const NtIndexOptions *options;
    const NtKernels *kernels;
    NtWait wait;
    size_t k;        /* at most as many as there are */
    double *lengths; /* of each query */
    bool unit;       /* cosine rows are of unit length but for rounding */
    double error, underflow, length_slack;
    size_t block;      /* rows in a block */
    Nearest *nearests; /* (threads, queries) when split by rows */
    size_t nearest_count;
    NtIndexHit *out_hits;
    size_t *out_counts;
    _Atomic(GError *) stopped; /* why all threads stop; the first reason stays */
} ExactPlan;

static inline const float *exact_query(const ExactPlan *plan, size_t q) {
    return plan->queries->data + q * plan->queries->dim;
}

/* Gives a reason to stop; takes the error. */
void exact_stop(ExactPlan *plan, GError *why);

/* Goes through rows first .. end - 1 for queries first_query .. first_query + count - 1, into a heap for each. */
void exact_scan(ExactPlan *plan, size_t first_query, size_t count, Nearest *nearests, uint64_t first, uint64_t end);

#endif
