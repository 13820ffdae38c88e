/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of the k nearest against sorting everything. */
#include "index/top-k.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index-support.h"

static int by_parity(uint32_t a, uint32_t b, void *data) {
    return a % 2 != b % 2 ? (int)(a % 2) - (int)(b % 2) : a < b ? -1 : a > b;
}

static NtMetric order_metric;
static bool order_parity;

static int nearer_first(const void *left, const void *right) {
    const NtHit *a = left, *b = right;
    if (a->raw != b->raw) {
        return nt_metric_nearer(order_metric, a->raw, b->raw) ? -1 : 1;
    }
    return order_parity ? by_parity(a->row, b->row, NULL) : a->row < b->row ? -1 : 1;
}

/* No child comes after its parent. */
static void check_heap(const TopK *top) {
    for (size_t i = 1; i < top->count; i++) {
        g_assert_cmpint(nearer_first(&top->hits[i], &top->hits[(i - 1) / 2]), <=, 0);
    }
}

static void test_against_sorting(void) {
    enum { COUNT = 300 };
    GRand *rand = make_rand();
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    for (size_t k = 0; k < 80; k++) {
        NtHit all[COUNT], hits[80];
        order_metric = (NtMetric)(k % 3);
        order_parity = k / 3 % 2;
        TopK top = {
            .hits = hits, .k = k, .metric = order_metric, .tie = order_parity ? by_parity : NULL, .lock = &lock};
        size_t count = (size_t)g_rand_int_range(rand, 0, COUNT + 1), put = 0;
        for (size_t i = 0; i < count; i++) {
            /* Few values, so that ties decide; rows in no order. */
            all[i] = (NtHit){.row = (uint32_t)(i * 7919 % COUNT), .raw = g_rand_int_range(rand, -9, 9)};
            if (top_k_wants(&top, &all[i])) {
                top_k_put(&top, all[i]);
                put++;
            }
            check_heap(&top);
        }
        qsort(all, count, sizeof *all, nearer_first);
        top_k_sort(&top);
        g_assert_cmpuint(top.count, ==, MIN(k, count));
        g_assert_cmpuint(put, >=, top.count);
        for (size_t i = 0; i < top.count; i++) {
            g_assert_cmpuint(hits[i].row, ==, all[i].row);
            g_assert_cmpfloat(hits[i].raw, ==, all[i].raw);
        }
    }
    g_rand_free(rand);
}

static void test_metric_names(void) {
    for (int m = 0; m < 3; m++) {
        NtMetric metric;
        g_assert_true(nt_metric_parse(nt_metric_name((NtMetric)m), &metric));
        g_assert_cmpint(metric, ==, m);
    }
    NtMetric metric = NT_METRIC_INNER;
    NtDtype dtype = NT_DTYPE_F16;
    g_assert_false(nt_metric_parse("manhattan", &metric));
    g_assert_cmpint(metric, ==, NT_METRIC_INNER);
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
    g_test_add_func("/top-k/against-sorting", test_against_sorting);
    g_test_add_func("/metric/names", test_metric_names);
    g_test_add_func("/metric/values", test_metric_values);
    return g_test_run();
}
