/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters against the plain algorithm, which takes the cheapest pair of all every time and computes each cost anew
 * from the points; medoids against all sums. */
#include <math.h>
#include <string.h>

#include "recommend/recommend.h"

enum { MOST = 48 };

typedef struct Case {
    float rows[MOST * 8];
    float weights[MOST];
    NtPoints points;
} Case;

static Case random_case(GRand *rand, size_t count, size_t dim, bool weights) {
    Case made = {.points = {.count = count, .dim = dim}};
    for (size_t i = 0; i < count * dim; i++) {
        made.rows[i] = (float)g_rand_double_range(rand, -1, 1);
    }
    for (size_t i = 0; i < count; i++) {
        made.weights[i] = weights ? (float)g_rand_double_range(rand, 0.1, 8) : 1;
    }
    return made;
}

/* Where a case lies now. */
static const NtPoints *points_of(Case *made, bool weights) {
    made->points.rows = made->rows;
    made->points.weights = weights ? made->weights : NULL;
    return &made->points;
}

static double weight_of(const NtPoints *points, size_t i) { return points->weights ? (double)points->weights[i] : 1; }

static double squared(const NtPoints *points, size_t i, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < points->dim; k++) {
        double difference = (double)points->rows[i * points->dim + k] - (double)points->rows[j * points->dim + k];
        sum += difference * difference;
    }
    return sum;
}

/* The cost by its definition. For Ward's, |cA - cB|^2 by sums over pairs: the mean between the two less half of the
 * mean within each. */
static double cost_of(const NtPoints *points, NtLinkage linkage, const uint16_t *clusters, uint16_t a, uint16_t b) {
    double between = 0, within_a = 0, within_b = 0, weight_a = 0, weight_b = 0;
    for (size_t i = 0; i < points->count; i++) {
        weight_a += clusters[i] == a ? weight_of(points, i) : 0;
        weight_b += clusters[i] == b ? weight_of(points, i) : 0;
        for (size_t j = 0; j < points->count; j++) {
            double term = weight_of(points, i) * weight_of(points, j) * squared(points, i, j);
            between += clusters[i] == a && clusters[j] == b ? term : 0;
            within_a += clusters[i] == a && clusters[j] == a ? term : 0;
            within_b += clusters[i] == b && clusters[j] == b ? term : 0;
        }
    }
    double mean = between / (weight_a * weight_b);
    if (linkage == NT_LINKAGE_AVERAGE) {
        return mean;
    }
    mean -= within_a / (2 * weight_a * weight_a) + within_b / (2 * weight_b * weight_b);
    return 2 * weight_a * weight_b / (weight_a + weight_b) * mean;
}

static void join(uint16_t *clusters, size_t count, uint16_t a, uint16_t b) {
    for (size_t i = 0; i < count; i++) {
        clusters[i] = clusters[i] == b ? a : clusters[i];
    }
}

/* Numbers from 0 in the order of first points; returns how many. */
static size_t number(uint16_t *clusters, size_t count) {
    uint16_t numbers[MOST * 2], next = 0;
    memset(numbers, 0xff, sizeof numbers);
    for (size_t i = 0; i < count; i++) {
        if (numbers[clusters[i]] == UINT16_MAX) {
            numbers[clusters[i]] = next++;
        }
        clusters[i] = numbers[clusters[i]];
    }
    return next;
}

static bool has(const uint16_t *clusters, size_t count, uint16_t which) {
    return which < count && clusters[which] == which; /* a cluster has the number of its first point */
}

static void cluster_plainly(const NtPoints *points, NtLinkage linkage, double cut, uint16_t *clusters) {
    for (size_t i = 0; i < points->count; i++) {
        clusters[i] = (uint16_t)i;
    }
    for (;;) {
        double least = INFINITY;
        uint16_t best_a = 0, best_b = 0;
        for (uint16_t a = 0; a < points->count; a++) {
            for (uint16_t b = a + 1; b < points->count && has(clusters, points->count, a); b++) {
                double cost = has(clusters, points->count, b) ? cost_of(points, linkage, clusters, a, b) : INFINITY;
                if (cost < least) {
                    least = cost;
                    best_a = a;
                    best_b = b;
                }
            }
        }
        if (!(least <= cut) || least == INFINITY) {
            return;
        }
        join(clusters, points->count, best_a, best_b);
    }
}

static size_t cluster(const NtPoints *points, NtLinkage linkage, double cut, uint16_t *clusters) {
    g_autoptr(GError) error = NULL;
    size_t count = SIZE_MAX;
    bool done = nt_cluster(points, linkage, cut, NULL, clusters, &count, &error);
    g_assert_no_error(error);
    g_assert_true(done);
    return count;
}

static void check_same(const uint16_t *one, const uint16_t *other, size_t count) {
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpuint(one[i], ==, other[i]);
    }
}

static void test_plain(void) {
    GRand *rand = g_rand_new_with_seed(17);
    for (int round = 0; round < 240; round++) {
        size_t count = (size_t)g_rand_int_range(rand, 0, 22), dim = (size_t)g_rand_int_range(rand, 1, 9);
        bool weights = round & 1;
        NtLinkage linkage = round & 2 ? NT_LINKAGE_WARD : NT_LINKAGE_AVERAGE;
        Case made = random_case(rand, count, dim, weights);
        const NtPoints *points = points_of(&made, weights);
        double cut = g_rand_double_range(rand, 0, (double)dim * (linkage == NT_LINKAGE_WARD ? 3 : 1));
        uint16_t mine[MOST], plain[MOST];
        size_t clusters = cluster(points, linkage, cut, mine);
        cluster_plainly(points, linkage, cut, plain);
        g_assert_cmpuint(number(plain, count), ==, clusters);
        check_same(mine, plain, count);
    }
    g_rand_free(rand);
}

/* Whether some order of taking one of the cheapest pairs gives `wanted`. */
static bool can_give(const NtPoints *points, NtLinkage linkage, double cut, const uint16_t *clusters,
                     const uint16_t *wanted, int depth) {
    double costs[8][8], least = INFINITY;
    size_t count = points->count;
    g_assert_cmpint(depth, <, 8);
    for (uint16_t a = 0; a < count; a++) {
        for (uint16_t b = a + 1; b < count; b++) {
            bool both = has(clusters, count, a) && has(clusters, count, b);
            costs[a][b] = both ? cost_of(points, linkage, clusters, a, b) : INFINITY;
            least = fmin(least, costs[a][b]);
        }
    }
    if (!(least <= cut) || least == INFINITY) {
        uint16_t numbered[8];
        memcpy(numbered, clusters, count * sizeof *numbered);
        number(numbered, count);
        return memcmp(numbered, wanted, count * sizeof *wanted) == 0;
    }
    for (uint16_t a = 0; a < count; a++) {
        for (uint16_t b = a + 1; b < count; b++) {
            uint16_t next[8];
            memcpy(next, clusters, count * sizeof *next);
            join(next, count, a, b);
            if (costs[a][b] <= least + 1e-9 && can_give(points, linkage, cut, next, wanted, depth + 1)) {
                return true;
            }
        }
    }
    return false;
}

static void test_ties(void) {
    GRand *rand = g_rand_new_with_seed(18);
    for (int round = 0; round < 300; round++) {
        size_t count = (size_t)g_rand_int_range(rand, 2, 7);
        Case made = random_case(rand, count, 2, false);
        for (size_t i = 0; i < count * 2; i++) {
            made.rows[i] = (float)g_rand_int_range(rand, 0, 3);
        }
        const NtPoints *points = points_of(&made, false);
        NtLinkage linkage = round & 1 ? NT_LINKAGE_WARD : NT_LINKAGE_AVERAGE;
        double cut = 0.0137 + g_rand_double_range(rand, 0, 8);
        uint16_t mine[8], again[8], apart[8] = {0, 1, 2, 3, 4, 5, 6, 7};
        cluster(points, linkage, cut, mine);
        cluster(points, linkage, cut, again);
        check_same(mine, again, count);
        g_assert_true(can_give(points, linkage, cut, apart, mine, 0));
    }
    g_rand_free(rand);
}

static void test_few(void) {
    const float rows[] = {0, 0, 3, 4, 0, 0};
    for (int linkage = 0; linkage < 2; linkage++) {
        NtPoints points = {.rows = rows, .dim = 2};
        uint16_t clusters[3] = {7, 7, 7};
        g_assert_cmpuint(cluster(&points, linkage, 1, clusters), ==, 0);
        g_assert_cmpuint(clusters[0], ==, 7);
        points.count = 1;
        g_assert_cmpuint(cluster(&points, linkage, 0, clusters), ==, 1);
        g_assert_cmpuint(clusters[0], ==, 0);
        points.count = 2; /* 25 apart: a merge may cost what the cut is */
        g_assert_cmpuint(cluster(&points, linkage, 24.999, clusters), ==, 2);
        g_assert_cmpuint(clusters[1], ==, 1);
        g_assert_cmpuint(cluster(&points, linkage, 25, clusters), ==, 1);
        points.count = 3; /* equal ones are one at a cut of 0 */
        g_assert_cmpuint(cluster(&points, linkage, 0, clusters), ==, 2);
        g_assert_true(clusters[0] == 0 && clusters[1] == 1 && clusters[2] == 0);
    }
}

static void test_equal(void) {
    g_autofree float *rows = g_new(float, NT_CLUSTER_POINTS * 3);
    g_autofree float *weights = g_new(float, NT_CLUSTER_POINTS);
    for (size_t i = 0; i < NT_CLUSTER_POINTS; i++) {
        weights[i] = 0.1f + (float)i;
        for (size_t k = 0; k < 3; k++) {
            rows[i * 3 + k] = i % 5 == 4 ? 0.1f : 0.7f;
        }
    }
    NtPoints points = {.rows = rows, .weights = weights, .count = NT_CLUSTER_POINTS, .dim = 3};
    for (int linkage = 0; linkage < 2; linkage++) {
        uint16_t clusters[NT_CLUSTER_POINTS];
        g_assert_cmpuint(cluster(&points, linkage, 0, clusters), ==, 2);
        for (size_t i = 0; i < NT_CLUSTER_POINTS; i++) {
            g_assert_cmpuint(clusters[i], ==, i % 5 == 4);
        }
        g_assert_cmpuint(cluster(&points, linkage, INFINITY, clusters), ==, 1);
    }
}

/* A point of weight 3 is three points. */
static void test_weights(void) {
    GRand *rand = g_rand_new_with_seed(19);
    for (int round = 0; round < 200; round++) {
        size_t count = (size_t)g_rand_int_range(rand, 1, 12), copies = 0, from[MOST];
        Case made = random_case(rand, count, 4, false), many = {.points = {.dim = 4}};
        for (size_t i = 0; i < count; i++) {
            made.weights[i] = (float)g_rand_int_range(rand, 1, 5);
            for (int w = 0; w < (int)made.weights[i]; w++) {
                memcpy(many.rows + copies * 4, made.rows + i * 4, 4 * sizeof(float));
                from[copies++] = i;
            }
        }
        many.points.count = copies;
        NtLinkage linkage = round & 1 ? NT_LINKAGE_WARD : NT_LINKAGE_AVERAGE;
        double cut = g_rand_double_range(rand, 0, 8);
        uint16_t one[MOST], other[MOST];
        size_t clusters = cluster(points_of(&made, true), linkage, cut, one);
        g_assert_cmpuint(cluster(points_of(&many, false), linkage, cut, other), ==, clusters);
        for (size_t i = 0; i < copies; i++) {
            g_assert_cmpuint(other[i], ==, one[from[i]]);
        }
        for (uint16_t c = 0; c < clusters; c++) {
            g_assert_cmpuint(from[nt_medoid(&many.points, other, c)], ==, nt_medoid(&made.points, one, c));
        }
    }
    g_rand_free(rand);
}

/* The clusters of a larger cut are unions of those of a smaller. */
static void test_monotone(void) {
    GRand *rand = g_rand_new_with_seed(20);
    for (int round = 0; round < 100; round++) {
        bool weights = round & 1;
        Case made = random_case(rand, 40, 3, weights);
        for (size_t i = 0; (round & 4) && i < 40 * 3; i++) {
            made.rows[i] = roundf(2 * made.rows[i]); /* with ties */
        }
        NtLinkage linkage = round & 2 ? NT_LINKAGE_WARD : NT_LINKAGE_AVERAGE;
        uint16_t before[MOST], now[MOST];
        size_t most = cluster(points_of(&made, weights), linkage, 0, before);
        for (double cut = 0.001; cut < 1000; cut *= 1.3) {
            size_t clusters = cluster(&made.points, linkage, cut, now);
            g_assert_cmpuint(clusters, <=, most);
            for (size_t i = 0; i < 40; i++) {
                for (size_t j = 0; j < i; j++) {
                    g_assert_true(before[i] != before[j] || now[i] == now[j]);
                }
            }
            most = clusters;
            memcpy(before, now, sizeof now);
        }
        g_assert_cmpuint(most, ==, 1);
    }
    g_rand_free(rand);
}

static void test_order(void) {
    GRand *rand = g_rand_new_with_seed(21);
    for (int round = 0; round < 200; round++) {
        bool weights = round & 1;
        Case made = random_case(rand, 40, 5, weights), mixed = made;
        size_t place[MOST];
        for (size_t i = 0; i < 40; i++) {
            size_t j = (size_t)g_rand_int_range(rand, 0, (gint32)i + 1);
            place[i] = place[j];
            place[j] = i;
        }
        for (size_t i = 0; i < 40; i++) {
            memcpy(mixed.rows + i * 5, made.rows + place[i] * 5, 5 * sizeof(float));
            mixed.weights[i] = made.weights[place[i]];
        }
        NtLinkage linkage = round & 2 ? NT_LINKAGE_WARD : NT_LINKAGE_AVERAGE;
        double cut = g_rand_double_range(rand, 0, 6);
        uint16_t one[MOST], other[MOST], back[MOST];
        size_t clusters = cluster(points_of(&made, weights), linkage, cut, one);
        g_assert_cmpuint(cluster(points_of(&mixed, weights), linkage, cut, other), ==, clusters);
        for (size_t i = 0; i < 40; i++) {
            back[place[i]] = other[i];
        }
        number(back, 40);
        check_same(one, back, 40);
    }
    g_rand_free(rand);
}

static void test_medoid(void) {
    GRand *rand = g_rand_new_with_seed(22);
    for (int round = 0; round < 300; round++) {
        bool weights = round & 1;
        size_t count = (size_t)g_rand_int_range(rand, 1, 30);
        Case made = random_case(rand, count, 2, weights);
        for (size_t i = 0; (round & 2) && i < count * 2; i++) {
            made.rows[i] = roundf(2 * made.rows[i]);
        }
        const NtPoints *points = points_of(&made, weights);
        uint16_t clusters[MOST];
        for (size_t i = 0; i < count; i++) {
            clusters[i] = (uint16_t)(i % 3);
        }
        for (uint16_t c = 0; c < MIN(count, 3); c++) {
            size_t best = SIZE_MAX;
            double least = INFINITY;
            for (size_t i = c; i < count; i += 3) {
                double sum = 0;
                for (size_t j = c; j < count; j += 3) {
                    sum += weight_of(points, j) * squared(points, i, j);
                }
                if (best == SIZE_MAX || sum < least - 1e-9) {
                    best = i;
                    least = sum;
                }
            }
            g_assert_cmpuint(nt_medoid(points, clusters, c), ==, best);
        }
    }
    g_rand_free(rand);
}

static void check_refused(const NtPoints *points, NiteruError code) {
    g_autoptr(GError) error = NULL;
    uint16_t clusters[2] = {7, 7};
    size_t count = 7;
    g_assert_false(nt_cluster(points, NT_LINKAGE_WARD, 1, NULL, clusters, &count, &error));
    g_assert_error(error, NITERU_ERROR, (int)code);
    g_assert_true(clusters[0] == 7 && clusters[1] == 7 && count == 7);
}

static void test_refused(void) {
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        const float rows[] = {1, 2, 3, bad[i]}, good[] = {1, 2, 3, 4}, weights[] = {1, bad[i]};
        check_refused(&(NtPoints){.rows = rows, .count = 2, .dim = 2}, NITERU_ERROR_INVALID);
        check_refused(&(NtPoints){.rows = good, .weights = weights, .count = 2, .dim = 2}, NITERU_ERROR_INVALID);
    }
    const float good[] = {1, 2, 3, 4}, zero[] = {1, 0}, negative[] = {-1, 1};
    check_refused(&(NtPoints){.rows = good, .weights = zero, .count = 2, .dim = 2}, NITERU_ERROR_INVALID);
    check_refused(&(NtPoints){.rows = good, .weights = negative, .count = 2, .dim = 2}, NITERU_ERROR_INVALID);
    check_refused(&(NtPoints){.rows = good, .count = 2, .dim = 0}, NITERU_ERROR_INVALID);
    check_refused(&(NtPoints){.rows = good, .count = 1, .dim = NT_CLUSTER_DIMENSION + 1}, NITERU_ERROR_LIMIT);
    check_refused(&(NtPoints){.rows = good, .count = NT_CLUSTER_POINTS + 1, .dim = 2}, NITERU_ERROR_LIMIT);
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    uint16_t clusters[2] = {7, 7};
    size_t count = 7;
    g_assert_false(nt_cluster(&(NtPoints){.rows = good, .count = 2, .dim = 2}, NT_LINKAGE_WARD, 1,
                              &(NtWait){.cancellable = cancellable}, clusters, &count, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    g_assert_true(clusters[0] == 7 && count == 7);
}

/* The largest numbers and weights there are stay numbers. */
static void test_extremes(void) {
    const float rows[] = {3e38f, -3e38f, 3e38f, -3e38f, 1e-45f, 0},
                weights[] = {3e38f, 3e38f, 3e38f, 1e-45f, 1e-45f, 1};
    NtPoints points = {.rows = rows, .weights = weights, .count = 6, .dim = 1};
    for (int linkage = 0; linkage < 2; linkage++) {
        uint16_t clusters[6];
        g_assert_cmpuint(cluster(&points, linkage, 1, clusters), ==, 3);
        g_assert_cmpuint(cluster(&points, linkage, INFINITY, clusters), ==, 1);
        g_assert_cmpuint(nt_medoid(&points, clusters, 0), <, 6);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recommend/ward/plain", test_plain);
    g_test_add_func("/recommend/ward/ties", test_ties);
    g_test_add_func("/recommend/ward/few", test_few);
    g_test_add_func("/recommend/ward/equal", test_equal);
    g_test_add_func("/recommend/ward/weights", test_weights);
    g_test_add_func("/recommend/ward/monotone", test_monotone);
    g_test_add_func("/recommend/ward/order", test_order);
    g_test_add_func("/recommend/ward/medoid", test_medoid);
    g_test_add_func("/recommend/ward/refused", test_refused);
    g_test_add_func("/recommend/ward/extremes", test_extremes);
    return g_test_run();
}
