/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel set against plain C, and plain C against the definition, on random sizes, at odd addresses, with odd
 * numbers. Rows end at an unreadable page, so that a read beyond them is found. */
#include "kernels/kernels.h"

#include <float.h>
#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DIM_MAX = 700, ROWS_MAX = 11, SETS = 3 };

static const char *const set_names[SETS] = {"c", "avx2", "avx512"};

/* Memory whose last byte is followed by a page that cannot be read. */
typedef struct Fence {
    uint8_t *start, *end;
    size_t mapped;
} Fence;

static Fence fence_new(size_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t mapped = (size + page - 1) / page * page + page;
    uint8_t *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(start != MAP_FAILED);
    g_assert_cmpint(mprotect(start + mapped - page, page, PROT_NONE), ==, 0);
    return (Fence){start, start + mapped - page, mapped};
}

static void fence_clear(Fence *fence) { munmap(fence->start, fence->mapped); }

static float some_number(GRand *rand, bool odd) {
    if (odd && g_rand_int_range(rand, 0, 4) == 0) {
        static const float numbers[] = {0.0f, -0.0f, 1e-7f, -3e-5f, 6e-8f, 60000.0f, FLT_MIN / 8, -65504.0f};
        return numbers[g_rand_int_range(rand, 0, G_N_ELEMENTS(numbers))];
    }
    return (float)g_rand_double_range(rand, -2, 2);
}

/* One case: queries and rows placed so that each ends at a fence, and what they hold as float32. */
typedef struct Case {
    size_t dim, count;
    NtDtype dtype;
    Fence query_fence[4], row_fence;
    const float *queries[4];
    NtRowBlock rows;
    float *numbers; /* (count, dim), what the rows hold */
} Case;

static void case_fill(Case *c, GRand *rand, const NtKernels *plain, bool odd) {
    size_t size = nt_dtype_size(c->dtype);
    size_t stride = (c->dim + (size_t)g_rand_int_range(rand, 0, 3)) * size;
    size_t bytes = c->count == 0 ? 0 : (c->count - 1) * stride + c->dim * size;
    c->row_fence = fence_new(bytes);
    uint8_t *data = c->row_fence.end - bytes;
    c->rows = (NtRowBlock){.data = data, .stride = stride, .count = c->count, .dim = c->dim};
    c->numbers = g_new0(float, c->count * c->dim + 1);
    for (size_t i = 0; i < c->count * c->dim; i++) {
        float number = some_number(rand, odd);
        void *at = data + i / c->dim * stride + i % c->dim * size;
        if (c->dtype == NT_DTYPE_F16) {
            plain->to_f16(&number, 1, at);
            plain->to_f32(at, 1, &number);
        } else {
            memcpy(at, &number, size);
        }
        c->numbers[i] = number;
    }
    for (size_t q = 0; q < 4; q++) {
        c->query_fence[q] = fence_new(c->dim * sizeof(float));
        float *query = (float *)c->query_fence[q].end - c->dim;
        for (size_t i = 0; i < c->dim; i++) {
            query[i] = some_number(rand, odd);
        }
        c->queries[q] = query;
    }
}

static void case_clear(Case *c) {
    fence_clear(&c->row_fence);
    for (size_t q = 0; q < 4; q++) {
        fence_clear(&c->query_fence[q]);
    }
    g_free(c->numbers);
}

/* The sum in long double, and the sum of magnitudes that bounds its error. */
static long double exact(const float *q, const float *r, size_t dim, bool squared, double *out_size) {
    long double sum = 0, size = 0;
    for (size_t i = 0; i < dim; i++) {
        long double term = squared ? ((long double)q[i] - r[i]) * ((long double)q[i] - r[i]) : (long double)q[i] * r[i];
        sum += term;
        size += fabsl(term);
    }
    *out_size = (double)size;
    return sum;
}

/* The definition of a double sum, written down once more. */
static double defined(const float *q, const float *r, size_t dim, bool squared) {
    double lanes[16] = {0};
    for (size_t i = 0; i < dim; i++) {
        volatile double difference = (double)q[i] - (double)r[i]; /* volatile: no fused multiply-add */
        volatile double term = squared ? difference * difference : (double)q[i] * (double)r[i];
        lanes[i % 16] += term;
    }
    for (size_t h = 8; h > 0; h /= 2) {
        for (size_t j = 0; j < h; j++) {
            lanes[j] += lanes[j + h];
        }
    }
    return lanes[0];
}

static void assert_near(float value, long double truth, double size, size_t dim) {
    g_assert_cmpfloat(fabsl(value - truth), <=, nt_sum_error(dim) * size + nt_sum_underflow(dim));
}

static void check_case(const Case *c, const NtKernels *k, const NtKernels *plain) {
    float out[ROWS_MAX + 1], out4[4 * ROWS_MAX + 1];
    double size;
    for (int squared = 0; squared < 2; squared++) {
        out[c->count] = out4[4 * c->count] = 12345;
        (squared ? k->squared : k->dot)[c->dtype](c->queries[0], &c->rows, out);
        (squared ? k->squared4 : k->dot4)[c->dtype](c->queries, &c->rows, out4);
        NtSum in_double = (squared ? k->squared_double : k->dot_double)[c->dtype];
        for (size_t i = 0; i < c->count; i++) {
            const float *row = c->numbers + i * c->dim;
            const void *stored = (const uint8_t *)c->rows.data + i * c->rows.stride;
            long double truth = exact(c->queries[0], row, c->dim, squared, &size);
            assert_near(out[i], truth, size, c->dim);
            for (size_t q = 0; q < 4; q++) {
                truth = exact(c->queries[q], row, c->dim, squared, &size);
                assert_near(out4[q * c->count + i], truth, size, c->dim);
                double sum = in_double(c->queries[q], stored, c->dim);
                g_assert_cmpfloat(sum, ==, defined(c->queries[q], row, c->dim, squared));
                g_assert_cmpfloat(fabsl(sum - truth), <=, 1e-13 * size);
            }
        }
        g_assert_cmpfloat(out[c->count], ==, 12345);
        g_assert_cmpfloat(out4[4 * c->count], ==, 12345);
    }
    float together[2][ROWS_MAX + 1];
    together[0][c->count] = together[1][c->count] = 12345;
    k->norms[c->dtype](&c->rows, out);
    k->dot_norms[c->dtype](c->queries[0], &c->rows, together[0], together[1]);
    g_assert_cmpfloat(together[0][c->count], ==, 12345);
    g_assert_cmpfloat(together[1][c->count], ==, 12345);
    for (size_t i = 0; i < c->count; i++) {
        const float *row = c->numbers + i * c->dim;
        long double truth = exact(row, row, c->dim, false, &size);
        assert_near(out[i], truth, size, c->dim);
        assert_near(together[1][i], truth, size, c->dim);
        truth = exact(c->queries[0], row, c->dim, false, &size);
        assert_near(together[0][i], truth, size, c->dim);
        const void *stored = (const uint8_t *)c->rows.data + i * c->rows.stride;
        g_assert_cmpfloat(k->norm_double[c->dtype](stored, c->dim), ==, defined(row, row, c->dim, false));
    }
}

static void test_sums(gconstpointer data) {
    const NtKernels *k = nt_kernels_named(data), *plain = nt_kernels_named("c");
    if (k == NULL) {
        g_test_skip("this CPU has no such instructions");
        return;
    }
    guint32 seed = g_test_rand_int_range(0, G_MAXINT32);
    g_test_message("seed %u", seed);
    GRand *rand = g_rand_new_with_seed(seed);
    for (unsigned i = 0; i < 700; i++) {
        /* Every dimension to 150, then random ones; 0 rows and 0 dimensions too. */
        Case c = {.dim = i < 300 ? i / 2 : (size_t)g_rand_int_range(rand, 0, DIM_MAX + 1),
                  .count = (size_t)g_rand_int_range(rand, 0, ROWS_MAX + 1),
                  .dtype = i % 2 ? NT_DTYPE_F32 : NT_DTYPE_F16};
        case_fill(&c, rand, plain, i % 3 == 0);
        check_case(&c, k, plain);
        case_clear(&c);
    }
    g_rand_free(rand);
}

/* NaN and infinity in a row or in the query, at every place, come through. */
static void test_not_finite(gconstpointer data) {
    const NtKernels *k = nt_kernels_named(data);
    if (k == NULL) {
        g_test_skip("this CPU has no such instructions");
        return;
    }
    enum { DIM = 83 };
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < G_N_ELEMENTS(bad); b++) {
        for (size_t at = 0; at < 2 * DIM; at++) {
            float numbers[2][DIM], out[4];
            uint16_t halves[DIM];
            for (size_t i = 0; i < 2 * DIM; i++) {
                numbers[i / DIM][i % DIM] = i == at ? bad[b] : 0.5f;
            }
            k->to_f16(numbers[1], DIM, halves);
            const float *const queries[4] = {numbers[0], numbers[0], numbers[0], numbers[0]};
            for (size_t dtype = 0; dtype < NT_DTYPES; dtype++) {
                NtRowBlock row = {.data = dtype == NT_DTYPE_F16 ? (void *)halves : (void *)numbers[1],
                                  .stride = 4 * DIM,
                                  .count = 1,
                                  .dim = DIM};
                k->dot[dtype](numbers[0], &row, out);
                g_assert_true(isnan(bad[b]) ? isnan(out[0]) : out[0] == bad[b]);
                float norm;
                k->dot_norms[dtype](numbers[0], &row, out, &norm);
                g_assert_true(isnan(bad[b]) ? isnan(out[0]) : out[0] == bad[b]);
                g_assert_true(at < DIM ? norm == DIM * 0.25f : !isfinite(norm));
                k->squared[dtype](numbers[0], &row, out);
                g_assert_true(isnan(bad[b]) ? isnan(out[0]) : out[0] == INFINITY);
                k->dot4[dtype](queries, &row, out);
                g_assert_true(isnan(bad[b]) ? isnan(out[3]) : out[3] == bad[b]);
                double sum = k->dot_double[dtype](numbers[0], row.data, DIM);
                g_assert_true(isnan(bad[b]) ? isnan(sum) : sum == (double)bad[b]);
            }
        }
    }
}

/* float16 by the standard's own words: (-1)^s 2^(e-15) (1 + m / 1024), and so on. */
static double f16_value(uint16_t half) {
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31) {
        return mantissa ? NAN : sign * INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25));
}

static void check_to_f32(const NtKernels *k) {
    g_autofree uint16_t *halves = g_new(uint16_t, 65536 + 1);
    g_autofree float *numbers = g_new(float, 65536);
    for (size_t i = 0; i < 65536; i++) {
        halves[i + 1] = (uint16_t)i;
    }
    k->to_f32(halves + 1, 65536, numbers);
    for (size_t i = 0; i < 65536; i++) {
        double truth = f16_value((uint16_t)i);
        g_assert_true(isnan(truth) ? isnan(numbers[i]) : (double)numbers[i] == truth);
        g_assert_true((signbit(numbers[i]) != 0) == (i >= 32768));
        if (isnan(truth)) {
            guint32 bits;
            memcpy(&bits, &numbers[i], 4);
            g_assert_cmpuint(bits & 0x7fffff, ==, (i & 1023) << 13 | 0x400000);
        }
        uint16_t back;
        k->to_f16(&numbers[i], 1, &back);
        g_assert_cmpuint(back, ==, isnan(truth) ? i | 0x200 : i);
    }
}

/* Rounding, at and beside the middle between any two neighbours. */
static void check_to_f16(const NtKernels *k) {
    for (unsigned i = 0; i < 0x7c00; i++) {
        float low = (float)f16_value((uint16_t)i), high = (float)(i == 0x7bff ? 65536 : f16_value((uint16_t)(i + 1)));
        float middle = (low + high) / 2; /* exact */
        float in[6] = {nextafterf(middle, low), middle, nextafterf(middle, high)};
        uint16_t out[6], even = (uint16_t)(i % 2 ? i + 1 : i);
        for (size_t j = 0; j < 3; j++) {
            in[3 + j] = -in[j];
        }
        k->to_f16(in, 6, out);
        for (unsigned j = 0; j < 2; j++) {
            g_assert_cmpuint(out[3 * j], ==, i | j << 15);
            g_assert_cmpuint(out[3 * j + 1], ==, even | j << 15);
            g_assert_cmpuint(out[3 * j + 2], ==, (i + 1) | j << 15);
        }
    }
}

static void test_half(gconstpointer data) {
    const NtKernels *k = nt_kernels_named(data), *plain = nt_kernels_named("c");
    if (k == NULL) {
        g_test_skip("this CPU has no such instructions");
        return;
    }
    check_to_f32(k);
    check_to_f16(k);
    /* Any bits at all, any count, ending at a fence. */
    GRand *rand = g_rand_new_with_seed(7);
    for (size_t count = 0; count < 200; count++) {
        Fence in = fence_new(count * 4), out = fence_new(count * 2);
        float *numbers = (float *)in.end - count;
        uint16_t *halves = (uint16_t *)out.end - count;
        for (size_t i = 0; i < count; i++) {
            guint32 bits = g_rand_int(rand);
            memcpy(&numbers[i], &bits, 4);
        }
        uint16_t truth[200];
        plain->to_f16(numbers, count, truth);
        k->to_f16(numbers, count, halves);
        g_assert_cmpmem(halves, count * 2, truth, count * 2);
        k->to_f32(halves, count, numbers);
        float back[200];
        plain->to_f32(halves, count, back);
        g_assert_cmpmem(numbers, count * 4, back, count * 4);
        fence_clear(&in);
        fence_clear(&out);
    }
    g_rand_free(rand);
}

static void test_choice(void) {
    const NtKernels *k = nt_kernels();
    g_assert_nonnull(k);
    g_assert_true(k == nt_kernels_named(k->name));
    g_assert_nonnull(nt_kernels_named("c"));
    g_assert_null(nt_kernels_named("abacus"));
    g_assert_null(nt_kernels_named(""));
    const char *ceiling = g_getenv("NITERU_KERNELS");
    if (ceiling != NULL && nt_kernels_named(ceiling) != NULL) {
        g_assert_cmpstr(k->name, ==, ceiling);
    }
    g_test_message("kernels: %s", k->name);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < SETS; i++) {
        g_autofree char *sums = g_strdup_printf("/kernels/sums/%s", set_names[i]);
        g_autofree char *not_finite = g_strdup_printf("/kernels/not-finite/%s", set_names[i]);
        g_autofree char *half = g_strdup_printf("/kernels/float16/%s", set_names[i]);
        g_test_add_data_func(sums, set_names[i], test_sums);
        g_test_add_data_func(not_finite, set_names[i], test_not_finite);
        g_test_add_data_func(half, set_names[i], test_half);
    }
    g_test_add_func("/kernels/choice", test_choice);
    return g_test_run();
}
