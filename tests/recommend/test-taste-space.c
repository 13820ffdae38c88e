/* SPDX-License-Identifier: Apache-2.0 */
/* The cut of made-up catalogues, and tastes that are found again. */
#include <math.h>
#include <string.h>

#include "recommend/recommend.h"

enum { DIM = 64, KINDS = 12, EVENTS = 30 };

/* A number of mean 0 and deviation 1, nearly. */
static double bell(GRand *rand) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += g_rand_double(rand);
    }
    return sum;
}

static void add_bell(GRand *rand, double deviation, float *row) {
    for (size_t k = 0; k < DIM; k++) {
        row[k] += (float)(deviation * bell(rand));
    }
}

typedef struct Catalogue {
    float common[DIM], kinds[KINDS][DIM];
} Catalogue;

/* Kinds of products that have a lot in common, as networks give them. */
static Catalogue make_catalogue(GRand *rand) {
    Catalogue made = {0};
    add_bell(rand, 2, made.common);
    for (size_t c = 0; c < KINDS; c++) {
        add_bell(rand, 1, made.kinds[c]);
    }
    return made;
}

static void make_product(GRand *rand, const Catalogue *from, size_t kind, float *row) {
    for (size_t k = 0; k < DIM; k++) {
        row[k] = from->common[k] + from->kinds[kind][k];
    }
    add_bell(rand, 0.5, row);
}

static NtTasteSpace derive(const float *rows, size_t count, bool unit) {
    g_autoptr(GError) error = NULL;
    NtTasteSpace space = {0};
    bool done = nt_taste_space_init(rows, count, DIM, unit, NULL, &space, &error);
    g_assert_no_error(error);
    g_assert_true(done);
    g_assert_cmpuint(space.dim, ==, DIM);
    g_assert_true(space.cut >= 0 && space.cut <= space.median);
    return space;
}

static double pairs_of(size_t count) { return (double)count * ((double)count - 1) / 2; }

/* The adjusted Rand index of two partitions (Hubert and Arabie 1985) of fewer than 64 clusters each. */
static double adjusted_rand(const uint16_t *one, const uint16_t *other, size_t count) {
    size_t both[64][64] = {0}, ones[64] = {0}, others[64] = {0};
    double same = 0, same_one = 0, same_other = 0;
    for (size_t i = 0; i < count; i++) {
        same += (double)both[one[i]][other[i]]++;
        same_one += (double)ones[one[i]]++;
        same_other += (double)others[other[i]]++;
    }
    double expected = same_one * same_other / pairs_of(count), most = (same_one + same_other) / 2;
    return most == expected ? 1 : (same - expected) / (most - expected);
}

/* Visitors of 1 to 6 tastes, a fifth of whose events is of any kind: their tastes are what is found. */
static void test_tastes(void) {
    GRand *rand = g_rand_new_with_seed(23);
    Catalogue catalogue = make_catalogue(rand);
    g_autofree float *sample = g_new(float, NT_TASTE_SAMPLE *DIM);
    for (size_t i = 0; i < NT_TASTE_SAMPLE; i++) {
        make_product(rand, &catalogue, (size_t)g_rand_int_range(rand, 0, KINDS), sample + i * DIM);
    }
    for (int unit = 0; unit < 2; unit++) {
        NtTasteSpace space = derive(sample, NT_TASTE_SAMPLE, unit);
        g_assert_true(space.derived);
        for (int visitor = 0; visitor < 60; visitor++) {
            float rows[EVENTS * DIM];
            uint16_t hidden[EVENTS], found[EVENTS];
            int tastes = 1 + visitor % 6, first = g_rand_int_range(rand, 0, KINDS);
            for (size_t e = 0; e < EVENTS; e++) {
                bool off = e % 5 == 4;
                int kind = off ? g_rand_int_range(rand, 0, KINDS) : (first + g_rand_int_range(rand, 0, tastes)) % KINDS;
                hidden[e] = (uint16_t)kind;
                make_product(rand, &catalogue, (size_t)kind, rows + e * DIM);
                nt_taste_space_place(&space, rows + e * DIM, rows + e * DIM);
            }
            size_t count;
            NtPoints points = {.rows = rows, .count = EVENTS, .dim = DIM};
            g_assert_true(nt_cluster(&points, NT_LINKAGE_AVERAGE, space.cut, NULL, found, &count, NULL));
            g_assert_cmpfloat(adjusted_rand(hidden, found, EVENTS), ==, 1);
            for (uint16_t c = 0; c < count; c++) {
                g_assert_cmpuint(found[nt_medoid(&points, found, c)], ==, c);
            }
        }
        nt_taste_space_clear(&space);
    }
    g_rand_free(rand);
}

/* The same whatever the length of all vectors is, and the same for every call. */
static void test_scale(void) {
    GRand *rand = g_rand_new_with_seed(24);
    Catalogue catalogue = make_catalogue(rand);
    g_autofree float *sample = g_new(float, 300 * DIM);
    for (size_t i = 0; i < 300; i++) {
        make_product(rand, &catalogue, (size_t)g_rand_int_range(rand, 0, KINDS), sample + i * DIM);
    }
    NtTasteSpace space = derive(sample, 300, true), again = derive(sample, 300, true);
    g_assert_cmpmem(space.mean, DIM * sizeof(float), again.mean, DIM * sizeof(float));
    g_assert_cmpfloat(space.cut, ==, again.cut);
    for (size_t i = 0; i < 300 * DIM; i++) {
        sample[i] *= 4;
    }
    NtTasteSpace longer = derive(sample, 300, true), plain = derive(sample, 300, false);
    g_assert_cmpfloat_with_epsilon(longer.cut, space.cut, 1e-6);
    g_assert_cmpfloat(plain.cut, >, 4 * longer.cut);
    float placed[DIM];
    nt_taste_space_place(&longer, sample, placed);
    double norm = 0;
    for (size_t k = 0; k < DIM; k++) {
        norm += (double)placed[k] * (double)placed[k];
    }
    g_assert_cmpfloat_with_epsilon(norm, 1, 1e-6);
    nt_taste_space_place(&plain, sample, placed);
    g_assert_cmpfloat(placed[0], ==, sample[0] - plain.mean[0]);
    nt_taste_space_place(&plain, plain.mean, placed);
    nt_taste_space_place(&longer, longer.mean, placed);
    for (size_t k = 0; k < DIM; k++) {
        g_assert_cmpfloat(placed[k], ==, 0);
    }
    nt_taste_space_clear(&space);
    nt_taste_space_clear(&again);
    nt_taste_space_clear(&longer);
    nt_taste_space_clear(&plain);
    nt_taste_space_clear(&plain);
    g_rand_free(rand);
}

/* No kinds at all, too few products, and one product many times. */
static void test_none(void) {
    GRand *rand = g_rand_new_with_seed(25);
    g_autofree float *sample = g_new0(float, NT_TASTE_SAMPLE *DIM);
    NtTasteSpace space = derive(sample, NT_TASTE_SAMPLE, true);
    g_assert_false(space.derived);
    g_assert_cmpfloat(space.cut, ==, 0);
    nt_taste_space_clear(&space);
    for (size_t i = 0; i < NT_TASTE_SAMPLE; i++) {
        add_bell(rand, 1, sample + i * DIM);
    }
    const size_t counts[] = {2, 3, 63, NT_TASTE_SAMPLE};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        space = derive(sample, counts[i], true);
        g_assert_false(space.derived);
        g_assert_cmpfloat(space.cut, ==, 0.8 * space.median);
        nt_taste_space_clear(&space);
    }
    g_rand_free(rand);
}

static void test_refused(void) {
    const struct {
        size_t count, dim;
        float number;
        NiteruError code;
    } cases[] = {
        {0, 2, 1, NITERU_ERROR_INVALID},
        {1, 2, 1, NITERU_ERROR_INVALID},
        {2, 0, 1, NITERU_ERROR_INVALID},
        {NT_TASTE_SAMPLE + 1, 1, 1, NITERU_ERROR_LIMIT},
        {2, NT_CLUSTER_DIMENSION + 1, 1, NITERU_ERROR_LIMIT},
        {2, 2, NAN, NITERU_ERROR_INVALID},
        {2, 2, -INFINITY, NITERU_ERROR_INVALID},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        const float rows[] = {1, 2, 3, cases[i].number};
        NtTasteSpace space = {.cut = 7};
        g_assert_false(nt_taste_space_init(rows, cases[i].count, cases[i].dim, true, NULL, &space, &error));
        g_assert_error(error, NITERU_ERROR, (int)cases[i].code);
        g_assert_true(space.cut == 7 && space.mean == NULL);
    }
    /* Numbers whose differences are no float32 any more. */
    g_autoptr(GError) error = NULL;
    const float rows[] = {3.4e38f, -3.4e38f, 3.4e38f};
    NtTasteSpace space = {.cut = 7};
    g_assert_false(nt_taste_space_init(rows, 3, 1, false, NULL, &space, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_clear_error(&error);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    g_assert_false(
        nt_taste_space_init((const float[]){1, 2}, 2, 1, true, &(NtWait){.cancellable = cancellable}, &space, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recommend/taste-space/tastes", test_tastes);
    g_test_add_func("/recommend/taste-space/scale", test_scale);
    g_test_add_func("/recommend/taste-space/none", test_none);
    g_test_add_func("/recommend/taste-space/refused", test_refused);
    return g_test_run();
}
