/* SPDX-License-Identifier: Apache-2.0 */
/* Exact search for rows against scoring every row in double and sorting: the same rows with the same bits, on data made
 * to be awkward. Labels have test-distinct.c. */
#include <math.h>
#include <string.h>

#include "truth.h"

/* Every dimension, and around it everything that can be chosen, at random. */
static void test_every_dimension(gconstpointer argument) {
    static const unsigned threads[] = {1, 2, 7};
    static const size_t ks[] = {1, 3, 10, 1000};
    static const double densities[] = {0, 0.001, 0.02, 0.3, 0.5, 0.97, 1};
    NtMetric metric = (NtMetric)GPOINTER_TO_INT(argument);
    GRand *rand = make_rand();
    for (size_t dim = 1; dim <= 600; dim++) {
        size_t count = (size_t)g_rand_int_range(rand, 0, 90);
        Data data = make_data(rand, (Kind)(dim % KINDS), dim / KINDS % 2 ? NT_DTYPE_F32 : NT_DTYPE_F16, dim, count,
                              (size_t)g_rand_int_range(rand, 0, 7));
        data.rows.metric = metric;
        g_auto(NtCells) allow = make_allow(rand, count, densities[g_rand_int_range(rand, 0, 7)]);
        NtIndexOptions options = {.k = ks[g_rand_int_range(rand, 0, 4)],
                                  .threads = threads[g_rand_int_range(rand, 0, 3)],
                                  .allow = g_rand_boolean(rand) ? &allow : NULL};
        check_truth(&data, NULL, options);
        drop_data(&data);
    }
    g_rand_free(rand);
}

/* Enough rows and queries for several blocks, pieces and threads, and for groups of queries. */
static void test_many(gconstpointer argument) {
    Kind kind = (Kind)GPOINTER_TO_INT(argument);
    GRand *rand = make_rand();
    for (int m = 0; m < 3; m++) {
        Data data = make_data(rand, kind, m == 1 ? NT_DTYPE_F32 : NT_DTYPE_F16, 40, 5000, 16);
        data.rows.metric = (NtMetric)m;
        g_auto(NtCells) few = make_allow(rand, 5000, 0.1), most = make_allow(rand, 5000, 0.9);
        check_truth(&data, NULL, (NtIndexOptions){.k = 20, .threads = 7});
        check_truth(&data, NULL, (NtIndexOptions){.k = 5, .threads = 2, .allow = &few});
        check_truth(&data, NULL, (NtIndexOptions){.k = 5, .threads = 1, .allow = &most});
        drop_data(&data);
        data = make_data(rand, kind, m == 1 ? NT_DTYPE_F16 : NT_DTYPE_F32, 9, 1500, 130);
        data.rows.metric = (NtMetric)m;
        check_truth(&data, NULL, (NtIndexOptions){.k = 7, .threads = 2}); /* two groups and a bit */
        drop_data(&data);
    }
    g_rand_free(rand);
}

/* The rows of a vectors file are of unit length but for rounding, which the search relies on. */
static void test_file(gconstpointer argument) {
    NtDtype dtype = (NtDtype)GPOINTER_TO_INT(argument);
    GRand *rand = make_rand();
    for (size_t round = 0; round < 30; round++) {
        char *path = make_path("rows.vec");
        g_autoptr(GError) error = NULL;
        size_t dim = 1 + (size_t)g_rand_int_range(rand, 0, round < 24 ? 64 : 3000), count = 300;
        NtVectorsSpec spec = {.dtype = dtype, .metric = NT_METRIC_COSINE, .dim = dim};
        /* Uneven sizes within a row make subnormal float16 numbers. */
        Data data = make_data(rand, (const Kind[]){SMOOTH, NEAR, CANCELLING}[round % 3], NT_DTYPE_F32, dim, count, 3);
        NtRowFault faults[300];
        size_t written = 0;
        nt_vectors_create(path, &spec, &error);
        assert_fine(error);
        g_autoptr(NtVectors) vectors = nt_vectors_open(path, true, &spec, &error);
        nt_vectors_append(vectors, 0, data.numbers, count, faults, &written, &error);
        assert_fine(error);
        g_auto(NtRows) view = {0};
        nt_vectors_view(vectors, written, &view, &error);
        assert_fine(error);
        for (uint64_t r = 0; r < written; r++) {
            nt_rows_get(&view, r, data.numbers + r * dim);
        }
        data.rows = view;
        for (int m = 0; m < 3; m++) {
            data.rows.metric = (NtMetric)m;
            check_truth(&data, NULL, (NtIndexOptions){.k = 9, .threads = 2});
        }
        drop_data(&data);
        drop_path(path);
    }
    g_rand_free(rand);
}

static void test_nothing(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 8, 20, 2);
    check_truth(&data, NULL, (NtIndexOptions){.k = 0});
    data.rows.count = 0;
    data.rows.data = NULL;
    check_truth(&data, NULL, (NtIndexOptions){.k = 5});
    data.queries.count = 0;
    check_truth(&data, NULL, (NtIndexOptions){.k = 5});
    drop_data(&data);
    g_rand_free(rand);
}

static void test_bad_queries(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F32, 8, 20, 2);
    NtIndexHit hits[10];
    size_t counts[2];
    NtIndexOptions options = {.k = 5};
    g_autoptr(GError) error = NULL;
    g_assert_false(search_once(&data.rows, &(NtQueries){data.query_numbers, 1, 7}, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "7 numbers for vectors of 8");
    data.query_numbers[9] = NAN;
    g_assert_false(search_once(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "query 1 holds a value that is not finite");
    memset(data.query_numbers + 8, 0, 8 * sizeof(float));
    g_assert_false(search_once(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "query 1 is zero");
    data.rows.metric = NT_METRIC_EUCLIDEAN; /* which needs no direction */
    check_truth(&data, NULL, options);
    data.rows.count = NT_VECTORS_ROWS_MAX + 1;
    g_assert_false(search_once(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_LIMIT, "4294967295");
    drop_data(&data);
    g_rand_free(rand);
}

/* Extreme queries: as large and as small as float32 goes. */
static void test_extreme_queries(void) {
    GRand *rand = make_rand();
    static const float sizes[] = {3e38F, 1e30F, 1e-30F, 1e-38F, 1e-44F};
    for (size_t s = 0; s < G_N_ELEMENTS(sizes); s++) {
        for (int i = 0; i < 18; i++) {
            Data data = make_data(rand,
                                  i / 6 == 0   ? SMOOTH
                                  : i / 6 == 1 ? CANCELLING
                                               : WILD,
                                  i % 2 ? NT_DTYPE_F32 : NT_DTYPE_F16, 37, 200, 5);
            data.rows.metric = (NtMetric)(i / 2 % 3);
            for (size_t j = 0; j < 5 * 37; j++) {
                data.query_numbers[j] = sizes[s] * (float)g_rand_double_range(rand, 0.5, 1);
            }
            check_truth(&data, NULL, (NtIndexOptions){.k = 10, .threads = 1});
            drop_data(&data);
        }
    }
    g_rand_free(rand);
}

/* ---- what a search does ---- */

static void test_cost(void) {
    GRand *rand = make_rand();
    enum { COUNT = 20000, K = 10 };
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 64, COUNT, 1);
    g_auto(NtCells) few = make_allow(rand, COUNT - 1, 0.05);
    NtIndexHit hits[K];
    size_t counts[1];
    for (int m = 0; m < 3; m++) {
        NtSearchStats stats = {0};
        g_autoptr(GError) error = NULL;
        NtIndexOptions options = {.k = K, .threads = 1, .stats = &stats};
        data.rows.metric = (NtMetric)m;
        search_once(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_cmpuint(atomic_load(&stats.scored), ==, COUNT);
        g_assert_cmpuint(atomic_load(&stats.rescored), <, 4 * K * log((double)COUNT / K));
        stats = (NtSearchStats){0};
        options.allow = &few;
        search_once(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_cmpuint(atomic_load(&stats.scored), ==, nt_cells_count_bits(&few));
    }
    drop_data(&data);
    g_rand_free(rand);
}

/* ---- how long it may take ---- */

static void test_cancel(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 16, 9000, 1);
    for (unsigned threads = 1; threads <= 7; threads += 3) {
        NtIndexHit hits[3];
        size_t counts[1];
        bool partial = true;
        g_autoptr(GError) error = NULL;
        g_autoptr(GCancellable) cancellable = g_cancellable_new();
        NtIndexOptions options = {.k = 3,
                                  .pool = shared_pool(),
                                  .threads = threads,
                                  .cancellable = cancellable,
                                  .partial = true,
                                  .out_partial = &partial};
        search_once(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_false(partial);
        g_cancellable_cancel(cancellable);
        g_assert_false(search_once(&data.rows, &data.queries, &options, hits, counts, &error));
        assert_failed(&error, NITERU_ERROR_CANCELLED, "stopped");
    }
    drop_data(&data);
    g_rand_free(rand);
}

/* A deadline that has passed; and some that pass meanwhile, or do not: either way the answer is whole, or is said not
 * to be and is right as far as it goes. */
static void test_deadline(void) {
    enum { COUNT = 60000, K = 10, QUERIES = 70 };
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 64, COUNT, QUERIES);
    g_autofree NtIndexHit *hits = g_new(NtIndexHit, QUERIES * K), *whole = g_new(NtIndexHit, QUERIES * K);
    g_autofree size_t *counts = g_new(size_t, QUERIES);
    bool partial = false;
    unsigned late = 0;
    g_autoptr(GError) error = NULL;
    NtIndexOptions options = {.k = K, .pool = shared_pool(), .deadline = 1};
    g_assert_false(search_once(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_TIMEOUT, "longer than allowed");
    options.partial = true;
    options.out_partial = &partial;
    search_once(&data.rows, &data.queries, &options, hits, counts, &error);
    assert_fine(error);
    g_assert_true(partial);
    for (size_t q = 0; q < QUERIES; q++) {
        g_assert_cmpuint(counts[q], ==, 0);
    }
    options.deadline = 0;
    search_once(&data.rows, &data.queries, &options, whole, counts, &error);
    assert_fine(error);
    for (int64_t wait = 1; wait < G_TIME_SPAN_SECOND; wait = wait * 3 / 2 + 1) {
        data.queries.count = wait % 2 ? 1 : QUERIES;
        options.threads = 1 + (unsigned)wait % 7;
        options.deadline = g_get_monotonic_time() + wait;
        search_once(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        late += partial;
        for (size_t q = 0; q < data.queries.count; q++) {
            g_assert_true(partial || counts[q] == K);
            for (size_t i = 0; i < counts[q]; i++) {
                const NtIndexHit *hit = &hits[q * K + i];
                g_assert_true(i == 0 || hit[-1].raw >= hit->raw);
                g_assert_cmpfloat(hit->raw, <=, whole[q * K + i].raw);
                g_assert_true(partial || hit->row == whole[q * K + i].row);
            }
        }
    }
    g_test_message("%u answers in part", late);
    drop_data(&data);
    g_rand_free(rand);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    for (int m = 0; m < 3; m++) {
        g_autofree char *name = g_strdup_printf("/exact-search/every-dimension/%s", nt_metric_name((NtMetric)m));
        g_test_add_data_func(name, GINT_TO_POINTER(m), test_every_dimension);
    }
    static const char *const kinds[KINDS] = {"smooth", "ties", "integers", "near", "cancelling", "wild"};
    for (int kind = 0; kind < KINDS; kind++) {
        g_autofree char *name = g_strdup_printf("/exact-search/many/%s", kinds[kind]);
        g_test_add_data_func(name, GINT_TO_POINTER(kind), test_many);
    }
    g_test_add_data_func("/exact-search/file/f2", GINT_TO_POINTER(NT_DTYPE_F16), test_file);
    g_test_add_data_func("/exact-search/file/f4", GINT_TO_POINTER(NT_DTYPE_F32), test_file);
    g_test_add_func("/exact-search/nothing", test_nothing);
    g_test_add_func("/exact-search/bad-queries", test_bad_queries);
    g_test_add_func("/exact-search/extreme-queries", test_extreme_queries);
    g_test_add_func("/exact-search/cost", test_cost);
    g_test_add_func("/exact-search/cancel", test_cancel);
    g_test_add_func("/exact-search/deadline", test_deadline);
    return g_test_run();
}
