/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block of memory for all activations. Every buffer has a size and a life [first, last] in steps; two buffers may
 * share bytes when their lives do not meet:
 *
 *     offset
 *       ^   +-----------+           +-------+
 *       |   | conv1     |           | conv4 |        a life is a box; boxes never overlap
 *       |   +-----+-----+-----+-----+-------+
 *       |         | conv2     | conv3       |
 *       +---------+-----------+-------------+--> steps
 *
 * Placing them in the smallest block is NP-hard (dynamic storage allocation). Greedy by size is within a few per cent
 * of the lower bound on image networks: take buffers from the largest to the smallest, and put each at the lowest gap
 * that fits among those already placed that live at the same time. Y. Pisarchyk, J. Lee, "Efficient Memory Management
 * for Deep Neural Net Inference", 2020, algorithm 3. O(n^2) in the number of buffers.
 */
#include "nn/plan-internal.h"

static bool lives_meet(const NtBuffer *a, const NtBuffer *b) { return a->first <= b->last && b->first <= a->last; }

static int by_size(const void *a, const void *b, void *data) {
    const NtBuffer *buffers = data;
    const NtBuffer *x = &buffers[*(const unsigned *)a], *y = &buffers[*(const unsigned *)b];
    if (x->bytes != y->bytes) {
        return x->bytes > y->bytes ? -1 : 1;
    }
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

/* The lowest offset where `buffer` fits between the placed ones, which are in order of offset. */
static size_t lowest_gap(const NtBuffer *buffers, const unsigned *placed, unsigned count, const NtBuffer *buffer) {
    size_t offset = 0;
    for (unsigned i = 0; i < count; i++) {
        const NtBuffer *other = &buffers[placed[i]];
        if (!lives_meet(buffer, other)) {
            continue;
        }
        if (other->offset >= offset + buffer->bytes) {
            break;
        }
        offset = MAX(offset, other->offset + other->bytes);
    }
    return offset;
}

size_t nt_memory_plan(NtBuffer *buffers, unsigned count) {
    g_autofree unsigned *order = g_new(unsigned, count + 1);
    g_autofree unsigned *placed = g_new(unsigned, count + 1);
    for (unsigned i = 0; i < count; i++) {
        order[i] = i;
    }
    g_qsort_with_data(order, (gint)count, sizeof *order, by_size, buffers);
    size_t block = 0;
    for (unsigned i = 0; i < count; i++) {
        NtBuffer *buffer = &buffers[order[i]];
        buffer->offset = lowest_gap(buffers, placed, i, buffer);
        block = MAX(block, buffer->offset + buffer->bytes);
        unsigned at = i;
        for (; at > 0 && buffers[placed[at - 1]].offset > buffer->offset; at--) {
            placed[at] = placed[at - 1];
        }
        placed[at] = order[i];
    }
    return block;
}

char *nt_memory_plan_check(const NtBuffer *buffers, unsigned count, size_t block) {
    for (unsigned i = 0; i < count; i++) {
        const NtBuffer *a = &buffers[i];
        if (a->offset % NT_BUFFER_ALIGN != 0 || a->bytes % NT_BUFFER_ALIGN != 0) {
            return g_strdup_printf("buffer %u (%zu bytes at %zu) is not aligned", i, a->bytes, a->offset);
        }
        if (a->offset > block || a->bytes > block - a->offset) {
            return g_strdup_printf("buffer %u (%zu bytes at %zu) leaves the block of %zu", i, a->bytes, a->offset,
                                   block);
        }
        for (unsigned j = 0; j < i; j++) {
            const NtBuffer *b = &buffers[j];
            if (lives_meet(a, b) && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes) {
                return g_strdup_printf("buffers %u and %u overlap in steps %d to %d", j, i, MAX(a->first, b->first),
                                       MIN(a->last, b->last));
            }
        }
    }
    return NULL;
}
