/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k nearest so far, of distinct labels or groups: a binary heap whose root is the worst of them, and beside it,
 * when it is large, a table that finds the place of a label in the heap.
 *
 *   heap   candidates; the worst first          slot of a candidate: its place in the table
 *   slots  open addressing, linear probing      0, or 1 + place of a candidate in the heap
 *
 * Offering candidates in any order, and offering those of several heaps to one of them, gives the same: for each label
 * its best candidate, and of these the k best. For what is put out, or kept out, when k better ones are there cannot
 * come to matter again. Not thread-safe.
 */
#ifndef NT_INDEX_NEAREST_H
#define NT_INDEX_NEAREST_H

#include "index/engine.h"

typedef struct Candidate {
    NtIndexHit hit;
    uint64_t rank;  /* of its label */
    uint64_t group; /* that it answers for; 0: its label */
    uint32_t slot;  /* belongs to the heap it is in */
} Candidate;

typedef struct Nearest {
    size_t k;
    NtMetric metric;
    bool distinct; /* one label may be offered several times */
    bool failed;   /* there was no memory: what it holds is of no use */
    Candidate *heap;
    size_t count, room; /* room grows up to k */
    uint32_t *slots;    /* (1 << slot_bits); NULL while the heap is small, and looked through instead */
    unsigned slot_bits;
} Nearest;

void nearest_clear(Nearest *nearest);

/* Whether `a` comes before `b`: nearer; of equally near ones by rank, label, row. */
bool nearest_before(const Nearest *nearest, const Candidate *a, const Candidate *b);

static inline bool nearest_full(const Nearest *nearest) { return nearest->count == nearest->k; }

/* Puts a candidate in when it is among the k: beside them, in place of a worse one of its label or group, or in place
 * of the worst. Returns whether it did. */
bool nearest_offer(Nearest *nearest, Candidate candidate);

/* Puts the heap's candidates in order, nearest first; nothing can be offered afterwards. */
void nearest_sort(Nearest *nearest);

#endif
