/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of the k nearest labels against sorting everything, and what holds within it. */
#include "index/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "index-support.h"

/* No child comes after its parent; every candidate can be found by the table, and the table holds nothing else. */
static void check_heap(const Nearest *nearest) {
    g_assert_cmpuint(nearest->count, <=, nearest->room);
    g_assert_cmpuint(nearest->room, <=, nearest->k);
    for (size_t i = 1; i < nearest->count; i++) {
        g_assert_false(nearest_before(nearest, &nearest->heap[(i - 1) / 2], &nearest->heap[i]));
    }
    size_t used = 0, slots = nearest->slots != NULL ? (size_t)1 << nearest->slot_bits : 0;
    for (size_t s = 0; s < slots; s++) {
        if (nearest->slots[s] != 0) {
            used++;
            g_assert_cmpuint(nearest->slots[s], <=, nearest->count);
            g_assert_cmpuint(nearest->heap[nearest->slots[s] - 1].slot, ==, s);
        }
    }
    g_assert_cmpuint(used, ==, slots > 0 ? nearest->count : 0);
    g_assert_true(slots == 0 || slots >= 2 * nearest->room);
}

static const Nearest *order;

static int before_first(const void *left, const void *right) {
    const Candidate *a = left, *b = right;
    return nearest_before(order, a, b) ? -1 : nearest_before(order, b, a);
}

/* The k best of distinct labels or groups among all; returns how many. */
static size_t sort_all(const Nearest *nearest, Candidate *all, size_t count, size_t k) {
    order = nearest;
    qsort(all, count, sizeof *all, before_first);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < k; i++) {
        bool there = false;
        for (size_t j = 0; nearest->distinct && j < kept && !there; j++) {
            there = all[i].group != 0 ? all[j].group == all[i].group
                                      : all[j].group == 0 && all[j].hit.label == all[i].hit.label;
        }
        if (!there) {
            all[kept++] = all[i];
        }
    }
    return kept;
}

static Candidate random_candidate(GRand *rand, uint32_t row, bool distinct, bool groups) {
    /* Few values, so that ties decide; some labels in groups, whose numbers are those of labels too. */
    Candidate candidate = {.hit = {.row = row, .raw = g_rand_int_range(rand, -30, 30)}};
    if (distinct) {
        candidate.hit.label = (uint32_t)g_rand_int_range(rand, 1, 700);
        candidate.rank = candidate.hit.label * 7919 % 5;
        candidate.group = groups && candidate.hit.label % 3 ? candidate.hit.label / 4 : 0;
    }
    return candidate;
}

/* Candidates offered to one heap, or to several that are then offered to one: the same. */
static void test_against_sorting(void) {
    enum { COUNT = 1500, HEAPS = 3 };
    GRand *rand = make_rand();
    g_autofree Candidate *all = g_new(Candidate, COUNT);
    for (size_t round = 0; round < 120; round++) {
        size_t k = round < 60 ? round : (size_t)g_rand_int_range(rand, 60, 2 * COUNT);
        bool distinct = round % 3 != 0, groups = round % 3 == 2;
        Nearest proto = {.k = k, .metric = (NtMetric)(round / 3 % 3), .distinct = distinct};
        Nearest whole = proto, parts[HEAPS] = {proto, proto, proto};
        size_t count = (size_t)g_rand_int_range(rand, 0, COUNT + 1);
        for (size_t i = 0; i < count; i++) {
            all[i] = random_candidate(rand, (uint32_t)(i * 7919 % COUNT), distinct, groups);
            nearest_offer(&whole, all[i]);
            nearest_offer(&parts[i % HEAPS], all[i]);
            if (i % 50 == 0) {
                check_heap(&whole);
            }
        }
        for (size_t h = 1; h < HEAPS; h++) {
            for (size_t i = 0; i < parts[h].count; i++) {
                nearest_offer(&parts[0], parts[h].heap[i]);
            }
        }
        check_heap(&parts[0]);
        size_t kept = sort_all(&proto, all, count, k);
        nearest_sort(&whole);
        nearest_sort(&parts[0]);
        g_assert_false(whole.failed || parts[0].failed);
        g_assert_cmpuint(whole.count, ==, kept);
        g_assert_cmpuint(parts[0].count, ==, kept);
        for (size_t i = 0; i < kept; i++) {
            g_assert_cmpmem(&whole.heap[i].hit, sizeof(NtIndexHit), &all[i].hit, sizeof(NtIndexHit));
            g_assert_cmpmem(&parts[0].heap[i].hit, sizeof(NtIndexHit), &all[i].hit, sizeof(NtIndexHit));
        }
        nearest_clear(&whole);
        for (size_t h = 0; h < HEAPS; h++) {
            nearest_clear(&parts[h]);
        }
    }
    g_rand_free(rand);
}

/* A k that nobody has memory for takes memory for what is put in. */
static void test_huge_k(void) {
    Nearest nearest = {.k = SIZE_MAX, .metric = NT_METRIC_INNER, .distinct = true};
    for (uint32_t label = 1; label <= 1000; label++) {
        g_assert_true(nearest_offer(&nearest, (Candidate){.hit = {.label = label, .raw = label % 10}}));
        g_assert_false(nearest_offer(&nearest, (Candidate){.hit = {.label = label, .raw = -1}}));
    }
    g_assert_cmpuint(nearest.count, ==, 1000);
    g_assert_cmpuint(nearest.room, <=, 2048);
    check_heap(&nearest);
    nearest_clear(&nearest);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nearest/against-sorting", test_against_sorting);
    g_test_add_func("/nearest/huge-k", test_huge_k);
    return g_test_run();
}
