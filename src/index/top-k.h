/* SPDX-License-Identifier: Apache-2.0 */
/* The k nearest so far: a binary heap whose root is the worst of them. */
#ifndef NT_INDEX_TOP_K_H
#define NT_INDEX_TOP_K_H

#include <pthread.h>

#include "index/index.h"

typedef struct TopK {
    NtHit *hits; /* room for k; belongs to the caller */
    size_t count, k;
    NtMetric metric;
    int (*tie)(uint32_t a, uint32_t b, void *data); /* NULL: by row number */
    void *data;
    pthread_mutex_t *lock; /* held around `tie` */
} TopK;

/* Whether `hit` would be among the k. */
bool top_k_wants(const TopK *top, const NtHit *hit);
/* Puts it in, in place of the worst when there are k already; only what top_k_wants. */
void top_k_put(TopK *top, NtHit hit);
/* Puts the hits in order, nearest first; the heap is then over. */
void top_k_sort(TopK *top);

#endif
