/* SPDX-License-Identifier: Apache-2.0 */
#include "index/top-k.h"

/* Whether `a` comes after `b`. */
static bool after(const TopK *top, const NtHit *a, const NtHit *b) {
    if (a->raw != b->raw) {
        return nt_metric_nearer(top->metric, b->raw, a->raw);
    }
    if (top->tie == NULL || a->row == b->row) {
        return a->row > b->row;
    }
    pthread_mutex_lock(top->lock);
    int order = top->tie(a->row, b->row, top->data);
    pthread_mutex_unlock(top->lock);
    return order > 0;
}

static void swap(NtHit *a, NtHit *b) {
    NtHit kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_down(TopK *top, size_t at, size_t count) {
    for (;;) {
        size_t worst = at, left = 2 * at + 1;
        for (size_t child = left; child < left + 2 && child < count; child++) {
            worst = after(top, &top->hits[child], &top->hits[worst]) ? child : worst;
        }
        if (worst == at) {
            return;
        }
        swap(&top->hits[at], &top->hits[worst]);
        at = worst;
    }
}

bool top_k_wants(const TopK *top, const NtHit *hit) {
    return top->count < top->k || (top->k > 0 && after(top, &top->hits[0], hit));
}

void top_k_put(TopK *top, NtHit hit) {
    if (top->count == top->k) {
        top->hits[0] = hit;
        sift_down(top, 0, top->count);
        return;
    }
    size_t at = top->count++;
    top->hits[at] = hit;
    while (at > 0 && after(top, &top->hits[at], &top->hits[(at - 1) / 2])) {
        swap(&top->hits[at], &top->hits[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void top_k_sort(TopK *top) {
    for (size_t count = top->count; count > 1; count--) {
        swap(&top->hits[0], &top->hits[count - 1]);
        sift_down(top, 0, count - 1);
    }
}
