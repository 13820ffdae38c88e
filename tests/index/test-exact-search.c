/* SPDX-License-Identifier: Apache-2.0 */
/* Exact search against scoring every row in double and sorting: the same rows with the same bits, on data made to be
 * awkward. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index-support.h"

/* What rows are made of. */
typedef enum Kind {
    SMOOTH,     /* about normal */
    TIES,       /* copies of few rows */
    INTEGERS,   /* small ones: equal values by chance, exact in float32 */
    NEAR,       /* all in about one direction: lengths that are not quite 1 would change the order */
    CANCELLING, /* large numbers that cancel: float32 scores are mostly rounding error; NaN here and there */
    WILD,       /* NaN, infinity, zeros, huge and subnormal numbers here and there */
    KINDS,
} Kind;

/* Rows in memory with what they hold in float32, and queries. */
typedef struct Data {
    NtRows rows;
    uint8_t *bytes;
    float *numbers; /* (count, dim) */
    NtQueries queries;
    float *query_numbers;
} Data;

static float number_of(GRand *rand, Kind kind, bool half) {
    if (kind == INTEGERS) {
        return (float)g_rand_int_range(rand, -2, 3);
    }
    if (kind == WILD && g_rand_int_range(rand, 0, 40) == 0) {
        const float odd[] = {NAN, INFINITY, -INFINITY, half ? 65504 : 3e38F, half ? -65504 : -3e38F, 6e-8F, 1e-42F, 0};
        return odd[g_rand_int_range(rand, 0, G_N_ELEMENTS(odd))];
    }
    return normal(rand);
}

static void fill_row(GRand *rand, Kind kind, const Data *data, size_t r, float *row) {
    size_t dim = data->rows.dim;
    bool half = data->rows.dtype == NT_DTYPE_F16;
    if (kind == TIES && r >= 5) {
        memcpy(row, data->numbers + (size_t)g_rand_int_range(rand, 0, 5) * dim, dim * sizeof(float));
        return;
    }
    /* Whole rows of zeros, of tiny and of large numbers, now and then. */
    float size = kind != WILD ? 1 : (const float[]){1, 1, 0, 1e-6F, half ? 100 : 1e18F}[g_rand_int_range(rand, 0, 5)];
    for (size_t i = 0; i < dim; i++) {
        row[i] = size * number_of(rand, kind == WILD && g_rand_boolean(rand) ? SMOOTH : kind, half);
    }
    for (size_t i = 0; kind == NEAR && i < dim; i++) {
        row[i] = (i % 3 ? 1 : 0.7F) + row[i] * 1e-4F;
    }
    /* By sevens: three rows of large numbers, one of NaN, three of small ones. */
    for (size_t i = 1; kind == CANCELLING && i < dim; i += 2) {
        row[i - 1] = r % 7 == 3 ? NAN : row[i - 1] * (r % 7 < 3 ? 1000 : 1);
        row[i] = -row[i - 1] + row[i] * 1e-4F;
    }
}

static Data make_data(GRand *rand, Kind kind, NtDtype dtype, size_t dim, size_t count, size_t queries) {
    const NtKernels *plain = nt_kernels_named("c");
    size_t size = nt_dtype_size(dtype), stride = (dim + (size_t)g_rand_int_range(rand, 0, 3)) * size;
    Data data = {.rows = {.count = count, .dim = dim, .stride = stride, .dtype = dtype},
                 .bytes = g_malloc0(count * stride + 1),
                 .numbers = g_new(float, count *dim + 1),
                 .query_numbers = g_new(float, queries *dim + 1)};
    for (size_t r = 0; r < count; r++) {
        float *row = data.numbers + r * dim;
        fill_row(rand, kind, &data, r, row);
        if (dtype == NT_DTYPE_F16) {
            plain->to_f16(row, dim, (uint16_t *)(data.bytes + r * stride));
            plain->to_f32((uint16_t *)(data.bytes + r * stride), dim, row);
        } else {
            memcpy(data.bytes + r * stride, row, dim * size);
        }
    }
    for (size_t i = 0; i < queries * dim; i++) {
        data.query_numbers[i] = kind == INTEGERS ? (float)g_rand_int_range(rand, 1, 4) : normal(rand);
        if (kind == CANCELLING && i % dim % 2 == 1) {
            data.query_numbers[i] = data.query_numbers[i - 1];
        } else if (kind == NEAR) {
            data.query_numbers[i] = (i % dim % 3 ? 1 : 0.7F) + data.query_numbers[i] * 1e-4F;
        }
    }
    data.rows.data = data.bytes;
    data.queries = (NtQueries){.data = data.query_numbers, .count = queries, .dim = dim};
    return data;
}

static void drop_data(Data *data) {
    g_free(data->bytes);
    g_free(data->numbers);
    g_free(data->query_numbers);
}

/* ---- the reference ---- */

/* A sum in double in the order that kernels.h tells. */
static double sum(const float *a, const float *b, size_t dim, bool squared) {
    double lanes[16] = {0};
    for (size_t i = 0; i < dim; i++) {
        volatile double difference = (double)a[i] - (double)b[i]; /* volatile: no fused multiply-add */
        volatile double term = squared ? difference * difference : (double)a[i] * (double)b[i];
        lanes[i % 16] += term;
    }
    for (size_t h = 8; h > 0; h /= 2) {
        for (size_t j = 0; j < h; j++) {
            lanes[j] += lanes[j + h];
        }
    }
    return lanes[0];
}

static double raw_value(NtMetric metric, const float *q, const float *r, size_t dim) {
    if (metric == NT_METRIC_EUCLIDEAN) {
        return sqrt(sum(q, r, dim, true));
    }
    double dot = sum(q, r, dim, false);
    if (metric == NT_METRIC_INNER) {
        return dot;
    }
    double lengths = sqrt(sum(q, q, dim, false)) * sqrt(sum(r, r, dim, false));
    return lengths > 0 ? CLAMP(dot / lengths, -1.0, 1.0) : NAN;
}

/* Odd rows after even ones; a total order that is not that of the numbers. */
static int odd_last(uint32_t a, uint32_t b, void *data) {
    return a % 2 != b % 2 ? (int)(a % 2) - (int)(b % 2) : a > b ? -1 : a < b;
}

static bool same_third(size_t query, uint32_t row, void *data) { return row % 3 == query % 3; }

static const NtSearchOptions *order_options;
static NtMetric order_metric;

static int nearer_first(const void *left, const void *right) {
    const NtHit *a = left, *b = right;
    if (a->raw != b->raw) {
        return nt_metric_nearer(order_metric, a->raw, b->raw) ? -1 : 1;
    }
    return order_options->tie != NULL ? order_options->tie(a->row, b->row, NULL) : a->row < b->row ? -1 : 1;
}

static size_t reference(const Data *data, const NtSearchOptions *options, size_t q, NtHit *out) {
    size_t dim = data->rows.dim, count = 0;
    const float *query = data->query_numbers + q * dim;
    for (uint64_t r = 0; r < data->rows.count; r++) {
        double raw = raw_value(data->rows.metric, query, data->numbers + r * dim, dim);
        bool in = (options->allow == NULL || nt_bit(options->allow, r)) &&
                  (options->excluded == NULL || !options->excluded(q, (uint32_t)r, NULL));
        if (in && isfinite(raw)) {
            out[count++] = (NtHit){.row = (uint32_t)r, .raw = raw};
        }
    }
    order_options = options;
    order_metric = data->rows.metric;
    qsort(out, count, sizeof *out, nearer_first);
    return MIN(count, options->k);
}

/* Every query, every kernel set there is. */
static void check(const Data *data, NtSearchOptions options) {
    static const char *const sets[] = {"c", "avx2", "avx512"};
    size_t queries = data->queries.count, k = options.k, rows = data->rows.count;
    g_autofree NtHit *hits = g_new(NtHit, queries * k + 1), *truth = g_new(NtHit, queries * rows + 1);
    g_autofree size_t *counts = g_new(size_t, queries + 1), *true_counts = g_new(size_t, queries + 1);
    for (size_t q = 0; q < queries; q++) {
        true_counts[q] = reference(data, &options, q, truth + q * rows);
    }
    for (size_t set = 0; set < G_N_ELEMENTS(sets); set++) {
        g_autoptr(GError) error = NULL;
        options.kernels = nt_kernels_named(sets[set]);
        if (options.kernels == NULL) {
            continue;
        }
        hits[queries * k].row = 12345;
        nt_exact_search(&data->rows, &data->queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_cmpuint(hits[queries * k].row, ==, 12345);
        for (size_t q = 0; q < queries; q++) {
            g_assert_cmpuint(counts[q], ==, true_counts[q]);
            for (size_t i = 0; i < counts[q]; i++) {
                g_assert_cmpuint(hits[q * k + i].row, ==, truth[q * rows + i].row);
                g_assert_cmpfloat(hits[q * k + i].raw, ==, truth[q * rows + i].raw);
            }
        }
    }
}

/* Each bit set with probability `density`; bits beyond the rows too. */
static uint64_t *make_bitmap(GRand *rand, size_t count, double density) {
    uint64_t *bits = g_new0(uint64_t, count / 64 + 1);
    for (size_t i = 0; i < (count / 64 + 1) * 64; i++) {
        bits[i / 64] |= (uint64_t)(g_rand_double(rand) < density) << (i % 64);
    }
    return bits;
}

/* ---- tests ---- */

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
        g_autofree uint64_t *allow = make_bitmap(rand, count, densities[g_rand_int_range(rand, 0, 7)]);
        NtSearchOptions options = {.k = ks[g_rand_int_range(rand, 0, 4)],
                                   .threads = threads[g_rand_int_range(rand, 0, 3)],
                                   .allow = g_rand_boolean(rand) ? allow : NULL,
                                   .excluded = g_rand_boolean(rand) ? same_third : NULL,
                                   .tie = g_rand_boolean(rand) ? odd_last : NULL};
        check(&data, options);
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
        g_autofree uint64_t *few = make_bitmap(rand, 5000, 0.1), *most = make_bitmap(rand, 5000, 0.9);
        check(&data, (NtSearchOptions){.k = 20, .threads = 7});
        check(&data, (NtSearchOptions){.k = 5, .threads = 2, .allow = few, .tie = odd_last});
        check(&data, (NtSearchOptions){.k = 5, .threads = 1, .allow = most, .excluded = same_third});
        drop_data(&data);
        data = make_data(rand, kind, m == 1 ? NT_DTYPE_F16 : NT_DTYPE_F32, 9, 1500, 130);
        data.rows.metric = (NtMetric)m;
        check(&data, (NtSearchOptions){.k = 7, .threads = 2, .tie = odd_last}); /* two groups and a bit */
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
            check(&data, (NtSearchOptions){.k = 9, .threads = 2});
        }
        drop_data(&data);
        drop_path(path);
    }
    g_rand_free(rand);
}

static void test_nothing(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 8, 20, 2);
    check(&data, (NtSearchOptions){.k = 0});
    data.rows.count = 0;
    data.rows.data = NULL;
    check(&data, (NtSearchOptions){.k = 5});
    data.queries.count = 0;
    check(&data, (NtSearchOptions){.k = 5});
    drop_data(&data);
    g_rand_free(rand);
}

static void test_bad_queries(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F32, 8, 20, 2);
    NtHit hits[10];
    size_t counts[2];
    NtSearchOptions options = {.k = 5};
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_exact_search(&data.rows, &(NtQueries){data.query_numbers, 1, 7}, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "7 numbers for vectors of 8");
    data.query_numbers[9] = NAN;
    g_assert_false(nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "query 1 holds a value that is not finite");
    memset(data.query_numbers + 8, 0, 8 * sizeof(float));
    g_assert_false(nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error));
    assert_failed(&error, NITERU_ERROR_INVALID, "query 1 is zero");
    data.rows.metric = NT_METRIC_EUCLIDEAN; /* which needs no direction */
    check(&data, options);
    data.rows.count = NT_VECTORS_ROWS_MAX + 1;
    g_assert_false(nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error));
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
            check(&data, (NtSearchOptions){.k = 10, .threads = 1});
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
    g_autofree uint64_t *few = make_bitmap(rand, COUNT, 0.05);
    NtHit hits[K];
    size_t counts[1], allowed = 0;
    for (int m = 0; m < 3; m++) {
        NtSearchStats stats = {0};
        g_autoptr(GError) error = NULL;
        NtSearchOptions options = {.k = K, .threads = 1, .stats = &stats};
        data.rows.metric = (NtMetric)m;
        nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        g_assert_cmpuint(atomic_load(&stats.scored), ==, COUNT);
        g_assert_cmpuint(atomic_load(&stats.rescored), <, 4 * K * log((double)COUNT / K));
        stats = (NtSearchStats){0};
        options.allow = few;
        nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        allowed = 0;
        for (size_t r = 0; r < COUNT; r++) {
            allowed += nt_bit(few, r);
        }
        g_assert_cmpuint(atomic_load(&stats.scored), ==, allowed);
    }
    drop_data(&data);
    g_rand_free(rand);
}

static bool stop(size_t query, uint32_t row, void *data) {
    atomic_store((atomic_bool *)data, true);
    return false;
}

static void test_cancel(void) {
    GRand *rand = make_rand();
    Data data = make_data(rand, SMOOTH, NT_DTYPE_F16, 16, 9000, 1);
    for (unsigned threads = 1; threads <= 7; threads += 3) {
        NtHit hits[3];
        size_t counts[1];
        atomic_bool cancel = true;
        g_autoptr(GError) error = NULL;
        NtSearchOptions options = {.k = 3, .threads = threads, .cancel = &cancel};
        g_assert_false(nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error));
        assert_failed(&error, NITERU_ERROR_CANCELLED, "stopped");
        cancel = false;
        nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error);
        assert_fine(error);
        options.excluded = stop; /* in the middle, at the first candidate */
        options.data = &cancel;
        g_assert_false(nt_exact_search(&data.rows, &data.queries, &options, hits, counts, &error));
        assert_failed(&error, NITERU_ERROR_CANCELLED, "stopped");
    }
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
    return g_test_run();
}
