/* SPDX-License-Identifier: Apache-2.0 */
#include "index/nearest.h"

enum { FEW = 32 /* looking through so many costs about as much as one look into a table */ };

void nearest_clear(Nearest *nearest) {
    g_free(nearest->heap);
    g_free(nearest->slots);
    *nearest = (Nearest){0};
}

bool nearest_before(const Nearest *nearest, const Candidate *a, const Candidate *b) {
    if (a->hit.raw != b->hit.raw) {
        return nt_metric_nearer(nearest->metric, a->hit.raw, b->hit.raw);
    }
    if (a->rank != b->rank) {
        return a->rank < b->rank;
    }
    return a->hit.label != b->hit.label ? a->hit.label < b->hit.label : a->hit.row < b->hit.row;
}

/* ---- the table ---- */

/* Whether both answer for the same label or group. */
static bool same(const Candidate *a, const Candidate *b) {
    return a->group == b->group && (a->group != 0 || a->hit.label == b->hit.label);
}

/* Where a candidate belongs in the table: numbers side by side are spread by the golden ratio. */
static size_t home(const Nearest *nearest, const Candidate *candidate) {
    uint64_t key = candidate->group != 0 ? candidate->group : candidate->hit.label;
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - nearest->slot_bits));
}

/* The slot of its label or group, or the empty one where it would be put. */
static uint32_t find_slot(const Nearest *nearest, const Candidate *candidate) {
    size_t mask = ((size_t)1 << nearest->slot_bits) - 1, at = home(nearest, candidate);
    while (nearest->slots[at] != 0 && !same(&nearest->heap[nearest->slots[at] - 1], candidate)) {
        at = (at + 1) & mask;
    }
    return (uint32_t)at;
}

/* Empties a slot; what stands behind it moves up when it could not be found otherwise. */
static void empty_slot(Nearest *nearest, size_t hole) {
    size_t mask = ((size_t)1 << nearest->slot_bits) - 1;
    for (size_t at = (hole + 1) & mask; nearest->slots[at] != 0; at = (at + 1) & mask) {
        Candidate *there = &nearest->heap[nearest->slots[at] - 1];
        if (((at - home(nearest, there)) & mask) >= ((at - hole) & mask)) {
            nearest->slots[hole] = nearest->slots[at];
            there->slot = (uint32_t)hole;
            hole = at;
        }
    }
    nearest->slots[hole] = 0;
}

/* ---- the heap ---- */

static void put(Nearest *nearest, size_t at, const Candidate *candidate) {
    nearest->heap[at] = *candidate;
    if (nearest->slots != NULL) {
        nearest->slots[candidate->slot] = (uint32_t)at + 1;
    }
}

/* Puts a candidate at place `at`, which is free, or below it: worse ones of the first `count` move up. */
static void sift_down(Nearest *nearest, size_t at, size_t count, Candidate candidate) {
    for (;;) {
        const Candidate *worst = &candidate;
        for (size_t child = 2 * at + 1; child < 2 * at + 3 && child < count; child++) {
            worst = nearest_before(nearest, worst, &nearest->heap[child]) ? &nearest->heap[child] : worst;
        }
        if (worst == &candidate) {
            put(nearest, at, &candidate);
            return;
        }
        size_t from = (size_t)(worst - nearest->heap);
        put(nearest, at, worst);
        at = from;
    }
}

static void sift_up(Nearest *nearest, size_t at, Candidate candidate) {
    while (at > 0 && nearest_before(nearest, &nearest->heap[(at - 1) / 2], &candidate)) {
        put(nearest, at, &nearest->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(nearest, at, &candidate);
}

/* Room for twice as many, k at most, and a table at most half full. */
static bool grow(Nearest *nearest) {
    size_t room = MIN(nearest->k, MAX(2 * nearest->room, FEW));
    Candidate *heap = g_try_renew(Candidate, nearest->heap, room);
    if (heap == NULL) {
        return false;
    }
    nearest->heap = heap;
    nearest->room = room;
    if (!nearest->distinct || room <= FEW) {
        return true;
    }
    unsigned bits = g_bit_storage(2 * room - 1);
    uint32_t *slots = g_try_new0(uint32_t, (size_t)1 << bits);
    if (slots == NULL) {
        return false;
    }
    g_free(nearest->slots);
    nearest->slots = slots;
    nearest->slot_bits = bits;
    for (size_t i = 0; i < nearest->count; i++) {
        nearest->heap[i].slot = find_slot(nearest, &nearest->heap[i]);
        nearest->slots[nearest->heap[i].slot] = (uint32_t)i + 1;
    }
    return true;
}

/* The place of its label's or group's candidate in the heap, or `count`. */
static size_t find(const Nearest *nearest, const Candidate *candidate) {
    if (!nearest->distinct) {
        return nearest->count;
    }
    if (nearest->slots != NULL) {
        uint32_t slot = nearest->slots[find_slot(nearest, candidate)];
        return slot != 0 ? slot - 1 : nearest->count;
    }
    size_t at = 0;
    while (at < nearest->count && !same(&nearest->heap[at], candidate)) {
        at++;
    }
    return at;
}

bool nearest_offer(Nearest *nearest, Candidate candidate) {
    if (nearest->failed) {
        return false;
    }
    if (nearest_full(nearest) && (nearest->k == 0 || !nearest_before(nearest, &candidate, &nearest->heap[0]))) {
        return false;
    }
    size_t at = find(nearest, &candidate);
    if (at < nearest->count) {
        if (!nearest_before(nearest, &candidate, &nearest->heap[at])) {
            return false;
        }
        candidate.slot = nearest->heap[at].slot;
        sift_down(nearest, at, nearest->count, candidate);
        return true;
    }
    bool full = nearest_full(nearest);
    if (!full && nearest->count == nearest->room && !grow(nearest)) {
        nearest->failed = true;
        return false;
    }
    if (nearest->slots != NULL) {
        if (full) {
            empty_slot(nearest, nearest->heap[0].slot);
        }
        candidate.slot = find_slot(nearest, &candidate);
    }
    if (full) {
        sift_down(nearest, 0, nearest->count, candidate);
    } else {
        sift_up(nearest, nearest->count++, candidate);
    }
    return true;
}

void nearest_sort(Nearest *nearest) {
    g_clear_pointer(&nearest->slots, g_free);
    for (size_t count = nearest->count; count > 1; count--) {
        Candidate last = nearest->heap[count - 1];
        nearest->heap[count - 1] = nearest->heap[0];
        sift_down(nearest, 0, count - 1, last);
    }
}
