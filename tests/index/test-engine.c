/* SPDX-License-Identifier: Apache-2.0 */
/* The face of an index, whatever its engine. */
#include <math.h>

#include "index-support.h"

enum { DIM = 4, ROWS = 100 };

static NtRows make_rows(GRand *rand, float *numbers) {
    for (size_t i = 0; i < (size_t)ROWS * DIM; i++) {
        numbers[i] = normal(rand);
    }
    return (NtRows){.data = (const uint8_t *)numbers,
                    .count = ROWS,
                    .dim = DIM,
                    .stride = DIM * sizeof(float),
                    .dtype = NT_DTYPE_F32,
                    .metric = NT_METRIC_EUCLIDEAN};
}

static const NtVectorsSpec spec = {.dtype = NT_DTYPE_F32, .metric = NT_METRIC_EUCLIDEAN, .dim = DIM};

static void test_statistics(void) {
    GRand *rand = make_rand();
    float numbers[ROWS * DIM];
    NtRows rows = make_rows(rand, numbers);
    NtQueries queries = {numbers, 3, DIM};
    NtIndexHit hits[6];
    size_t counts[3];
    NtIndexStatistics told;
    NtSearchStats stats = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, &error);
    assert_fine(error);
    g_assert_true(nt_index_add(index, &rows, 0, 60, &error));
    g_assert_true(nt_index_add(index, &rows, 60, 40, &error));
    g_assert_true(nt_index_remove(index, 3, &error));
    NtIndexOptions options = {.k = 2, .stats = &stats};
    for (int i = 0; i < 2; i++) {
        g_assert_true(nt_index_search(index, &rows, &queries, &options, hits, counts, &error));
        for (size_t q = 0; q < 3; q++) {
            g_assert_cmpuint(counts[q], ==, 2);
            g_assert_cmpuint(hits[2 * q].row, ==, q);
            g_assert_cmpuint(hits[2 * q].label, ==, 0);
            g_assert_cmpfloat(hits[2 * q].raw, ==, 0);
        }
    }
    nt_index_statistics(index, &told);
    g_assert_cmpstr(told.engine, ==, "exact");
    g_assert_cmpuint(told.rows, ==, 100);
    g_assert_cmpuint(told.removed, ==, 1);
    g_assert_cmpuint(told.searches, ==, 6);
    g_assert_cmpuint(told.scored, ==, 600);
    g_assert_cmpuint(told.scored, ==, atomic_load(&stats.scored));
    g_assert_cmpuint(told.rescored, ==, atomic_load(&stats.rescored));
    g_assert_cmpuint(told.rescored, >=, 12);
    g_rand_free(rand);
}

static void test_refused(void) {
    GRand *rand = make_rand();
    float numbers[ROWS * DIM];
    NtRows rows = make_rows(rand, numbers), other;
    NtQueries queries = {numbers, 1, DIM};
    NtIndexHit hit;
    size_t count;
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_index_new("exactly", &spec, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "no index engine 'exactly'; there are: exact");
    g_autoptr(NtIndex) index = nt_index_new("exact", &spec, &error);
    assert_fine(error);
    for (int kind = 0; kind < 3; kind++) {
        other = rows;
        other.dim -= kind == 0;
        other.dtype = kind == 1 ? NT_DTYPE_F16 : other.dtype;
        other.metric = kind == 2 ? NT_METRIC_COSINE : other.metric;
        g_assert_false(nt_index_search(index, &other, &queries, &(NtIndexOptions){.k = 1}, &hit, &count, &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "for an index of 4 numbers (f4, euclidean)");
        g_assert_false(nt_index_add(index, &other, 0, 1, &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "for an index of");
    }
    static const uint64_t bad[][2] = {{101, 0}, {100, 1}, {0, 101}, {1, UINT64_MAX}, {UINT64_MAX, 1}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(nt_index_add(index, &rows, bad[i][0], bad[i][1], &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "not there");
    }
    queries.count = 2;
    g_assert_false(
        nt_index_search(index, &rows, &queries, &(NtIndexOptions){.k = SIZE_MAX / 16}, &hit, &count, &error));
    assert_failed(&error, NITERU_ERROR_LIMIT, "more than memory can hold");
    g_rand_free(rand);
}

static void test_metric_names(void) {
    NtMetric metric = NT_METRIC_INNER;
    NtDtype dtype = NT_DTYPE_F16;
    g_assert_false(nt_metric_parse("manhattan", &metric));
    g_assert_cmpint(metric, ==, NT_METRIC_INNER);
    for (int m = 0; m < 3; m++) {
        g_assert_true(nt_metric_parse(nt_metric_name((NtMetric)m), &metric));
        g_assert_cmpint(metric, ==, m);
    }
    g_assert_true(nt_dtype_parse("f4", &dtype) && dtype == NT_DTYPE_F32);
    g_assert_true(nt_dtype_parse(nt_dtype_name(NT_DTYPE_F16), &dtype) && dtype == NT_DTYPE_F16);
    g_assert_false(nt_dtype_parse("f8", &dtype));
}

static void test_metric_values(void) {
    const float a[3] = {1, 2, 2}, b[3] = {4, 6, 2}, none[3] = {0};
    g_assert_cmpfloat(nt_metric_value(NT_METRIC_INNER, a, b, 3), ==, 20);
    g_assert_cmpfloat(nt_metric_value(NT_METRIC_EUCLIDEAN, a, b, 3), ==, 5);
    g_assert_cmpfloat_with_epsilon(nt_metric_value(NT_METRIC_COSINE, a, b, 3), 20 / (3 * sqrt(56)), 1e-15);
    g_assert_cmpfloat(nt_metric_value(NT_METRIC_COSINE, a, a, 3), ==, 1);
    g_assert_true(isnan(nt_metric_value(NT_METRIC_COSINE, a, none, 3)));
    for (int m = 0; m < 3; m++) {
        g_assert_false(nt_metric_nearer((NtMetric)m, NAN, 1) || nt_metric_nearer((NtMetric)m, 1, NAN));
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/statistics", test_statistics);
    g_test_add_func("/engine/refused", test_refused);
    g_test_add_func("/metric/names", test_metric_names);
    g_test_add_func("/metric/values", test_metric_values);
    return g_test_run();
}
