/* SPDX-License-Identifier: Apache-2.0 */
/* Exact search for labels and groups against the truth: shared rows, dead rows, labels of many rows, what is allowed
 * and what is left out, ties, any k. */
#include <math.h>

#include "truth.h"

/* Everything that can be chosen, at random, on small data. */
static void test_random(gconstpointer argument) {
    static const size_t ks[] = {0, 1, 2, 10, 40, 100, 1000};
    static const double densities[] = {0, 0.001, 0.01, 0.1, 0.5, 1};
    NtMetric metric = (NtMetric)GPOINTER_TO_INT(argument);
    GRand *rand = make_rand();
    for (size_t round = 0; round < 300; round++) {
        size_t count = (size_t)g_rand_int_range(rand, 0, 400), queries = (size_t)g_rand_int_range(rand, 0, 7);
        uint32_t label_count = (const uint32_t[]){1, 5, 60, 400, 1500}[g_rand_int_range(rand, 0, 5)];
        Data data = make_data(rand, (Kind)(round % KINDS), round / KINDS % 2 ? NT_DTYPE_F32 : NT_DTYPE_F16,
                              1 + round % 40, count, queries);
        data.rows.metric = metric;
        Marks marks = make_marks(rand, count, label_count, g_rand_boolean(rand));
        g_auto(NtCells) allow = make_allow(rand, label_count, densities[g_rand_int_range(rand, 0, 6)]);
        uint32_t skip_label[7];
        uint64_t skip_group[7];
        for (size_t q = 0; q < 7; q++) {
            skip_label[q] = (uint32_t)g_rand_int_range(rand, 0, (gint32)label_count + 1);
            skip_group[q] = marks.groups[g_rand_int_range(rand, 0, (gint32)label_count + 1)];
        }
        bool groups = g_rand_boolean(rand);
        NtIndexOptions options = {.k = ks[g_rand_int_range(rand, 0, 7)],
                                  .threads = (const unsigned[]){1, 2, 7, 0}[g_rand_int_range(rand, 0, 4)],
                                  .labels = &marks.labels,
                                  .allow = g_rand_boolean(rand) ? &allow : NULL,
                                  .groups = groups ? &marks.group_cells : NULL,
                                  .by_group = groups && g_rand_boolean(rand),
                                  .skip_label = g_rand_boolean(rand) ? skip_label : NULL,
                                  .skip_group = groups && g_rand_boolean(rand) ? skip_group : NULL};
        check_truth(&data, &marks, options);
        drop_marks(&marks);
        drop_data(&data);
    }
    g_rand_free(rand);
}

/* Enough rows and queries for several blocks, pieces and threads, and for groups of queries; what is allowed from half
 * of all down to 1 in 1,000. */
static void test_many(gconstpointer argument) {
    enum { ROWS = 6000, LABELS = 2500 };
    Kind kind = (Kind)GPOINTER_TO_INT(argument);
    static const double densities[] = {0.5, 0.1, 0.01, 0.001};
    GRand *rand = make_rand();
    Marks marks = make_marks(rand, ROWS, LABELS, true);
    for (int m = 0; m < 3; m++) {
        Data data = make_data(rand, kind, m == 1 ? NT_DTYPE_F32 : NT_DTYPE_F16, 24, ROWS, 3);
        data.rows.metric = (NtMetric)m;
        for (size_t d = 0; d < G_N_ELEMENTS(densities); d++) {
            g_auto(NtCells) allow = make_allow(rand, LABELS, densities[d]);
            check_truth(
                &data, &marks,
                (NtIndexOptions){.k = 10, .threads = 1 + (unsigned)d, .labels = &marks.labels, .allow = &allow});
        }
        check_truth(&data, &marks, (NtIndexOptions){.k = 300, .labels = &marks.labels});
        check_truth(&data, &marks,
                    (NtIndexOptions){.k = 50, .labels = &marks.labels, .groups = &marks.group_cells, .by_group = true});
        drop_data(&data);
        data = make_data(rand, kind, m == 1 ? NT_DTYPE_F16 : NT_DTYPE_F32, 9, 700, 130); /* two groups and a bit */
        data.rows.metric = (NtMetric)m;
        check_truth(&data, &marks, (NtIndexOptions){.k = 70, .threads = 2, .labels = &marks.labels});
        drop_data(&data);
    }
    drop_marks(&marks);
    g_rand_free(rand);
}

/* Rows for several pieces, so that what threads found is put together. */
static void test_threads(void) {
    enum { ROWS = 12000, LABELS = 2500 };
    GRand *rand = make_rand();
    Marks marks = make_marks(rand, ROWS, LABELS, true);
    for (int m = 0; m < 3; m++) {
        Data data = make_data(rand, m == 1 ? TIES : INTEGERS, NT_DTYPE_F16, 64, ROWS, 8);
        data.rows.metric = (NtMetric)m;
        NtIndexOptions options = {.k = 60, .threads = 7, .labels = &marks.labels};
        check_truth(&data, &marks, options);
        options.groups = &marks.group_cells;
        options.by_group = true;
        check_truth(&data, &marks, options);
        drop_data(&data);
    }
    drop_marks(&marks);
    g_rand_free(rand);
}

/* As many as there are, whatever is asked for, in memory for what there is. */
static void test_large_k(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, TIES, NT_DTYPE_F16, 8, 3000, 1);
    Marks marks = make_marks(rand, 3000, 4000, true);
    g_auto(NtCells) allow = make_allow(rand, 4000, 0.5);
    static const size_t ks[] = {1, 999, 1000000000, SIZE_MAX};
    for (size_t i = 0; i < G_N_ELEMENTS(ks); i++) {
        for (unsigned threads = 1; threads <= 7; threads += 3) {
            NtIndexOptions options = {.k = ks[i], .threads = threads};
            check_truth(&data, NULL, options);
            options.labels = &marks.labels;
            check_truth(&data, &marks, options);
            options.allow = &allow;
            check_truth(&data, &marks, options);
            g_assert_cmpuint(nt_index_most_hits(&data.rows, &options), <=, 4001);
            options.groups = &marks.group_cells;
            options.by_group = true;
            check_truth(&data, &marks, options);
        }
    }
    drop_marks(&marks);
    drop_data(&data);
    g_rand_free(rand);
}

/* Labels are versions: a search sees those it was given. */
static void test_versions(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F32, 8, 100, 1);
    g_auto(NtLabels) old = {0}, new = {0};
    NtIndexHit hits[200];
    size_t count;
    for (uint32_t r = 0; r < 100; r++) {
        g_assert_true(nt_labels_add(&old, r, 1 + r / 2, NULL));
    }
    nt_labels_copy(&new, &old);
    for (uint32_t r = 0; r < 90; r++) {
        g_assert_true(nt_labels_remove(&new, r, 1 + r / 2, NULL));
    }
    NtIndexOptions options = {.k = 200, .labels = &old};
    g_assert_true(search_once(&data.rows, &data.queries, &options, hits, &count, NULL));
    g_assert_cmpuint(count, ==, 50);
    options.labels = &new;
    g_assert_true(search_once(&data.rows, &data.queries, &options, hits, &count, NULL));
    g_assert_cmpuint(count, ==, 5);
    g_assert_cmpuint(hits[0].label, >, 45);
    drop_data(&data);
    g_rand_free(rand);
}

/* Rows that may not answer are not read. */
static void test_cost(void) {
    enum { COUNT = 20000, K = 10 };
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 32, COUNT, 1);
    g_auto(NtLabels) labels = {0};
    NtIndexHit hits[K];
    size_t count;
    for (uint32_t r = 0; r < COUNT; r++) {
        g_assert_true(nt_labels_add(&labels, r, 1 + r % 5000, NULL));
    }
    g_auto(NtCells) allow = {0};
    for (uint32_t label = 10; label < 60; label++) {
        g_assert_true(nt_cells_set_bit(&allow, label, true, NULL));
    }
    NtSearchStats stats = {0};
    NtIndexOptions options = {.k = K, .labels = &labels, .allow = &allow, .stats = &stats};
    g_assert_true(search_once(&data.rows, &data.queries, &options, hits, &count, NULL));
    g_assert_cmpuint(count, ==, K);
    g_assert_cmpuint(atomic_load(&stats.scored), ==, 200);
    drop_data(&data);
    g_rand_free(rand);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    static const char *const kinds[KINDS] = {"smooth", "ties", "integers", "near", "cancelling", "wild"};
    for (int m = 0; m < 3; m++) {
        g_autofree char *name = g_strdup_printf("/distinct/random/%s", nt_metric_name((NtMetric)m));
        g_test_add_data_func(name, GINT_TO_POINTER(m), test_random);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        g_autofree char *name = g_strdup_printf("/distinct/many/%s", kinds[kind]);
        g_test_add_data_func(name, GINT_TO_POINTER(kind), test_many);
    }
    g_test_add_func("/distinct/threads", test_threads);
    g_test_add_func("/distinct/large-k", test_large_k);
    g_test_add_func("/distinct/versions", test_versions);
    g_test_add_func("/distinct/cost", test_cost);
    return g_test_run();
}
