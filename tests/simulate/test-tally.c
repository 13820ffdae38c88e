/* SPDX-License-Identifier: Apache-2.0 */
/* The adjusted Rand index against published and plain cases, and what an answer adds to the sums. */
#include "simulate/simulate.h"

#include <math.h>

static void test_index(void) {
    static const int one[] = {0, 0, 0, 1, 1, 1}, renamed[] = {7, 7, 7, -2, -2, -2}, alone[] = {0, 1, 2, 3, 4, 5};
    static const int other[] = {0, 0, 1, 1, 2, 2}; /* 0.24242: the example of scikit-learn's manual */
    g_assert_cmpfloat(nt_sim_rand_index(one, renamed, 6), ==, 1);
    g_assert_cmpfloat_with_epsilon(nt_sim_rand_index(one, other, 6), 0.242424, 1e-6);
    g_assert_cmpfloat_with_epsilon(nt_sim_rand_index(other, one, 6), 0.242424, 1e-6);
    g_assert_cmpfloat(nt_sim_rand_index(one, alone, 6), ==, 0);
    g_assert_cmpfloat(nt_sim_rand_index(alone, alone, 6), ==, 1);
    g_assert_cmpfloat(nt_sim_rand_index(one, one, 3), ==, 1); /* all in one */
    g_assert_cmpfloat(nt_sim_rand_index(one, one, 0), ==, 1);
}

/* Partings by chance give 0 on average: within 0.01 over 2,000 of 20 things. */
static void test_chance(void) {
    NtSimRandom random = nt_sim_random(3, 0);
    double sum = 0;
    for (int round = 0; round < 2000; round++) {
        int left[20], right[20];
        for (int i = 0; i < 20; i++) {
            left[i] = (int)nt_sim_below(&random, 3);
            right[i] = (int)nt_sim_below(&random, 4);
        }
        sum += nt_sim_rand_index(left, right, 20);
    }
    g_assert_cmpfloat_with_epsilon(sum / 2000, 0, 0.01);
}

static void test_sums(void) {
    const NtSimVisitor visitor = {.tastes = {4, 2, 9}, .count = 3};
    static const uint32_t values[] = {4, 2, 4, 7, NT_SIM_NONE};
    static const int served[] = {0, 1, 0, 1, -1};
    static const unsigned acts[] = {NT_SIM_LOOK | NT_SIM_CLICK | NT_SIM_CART, NT_SIM_LOOK, 0,
                                    NT_SIM_LOOK | NT_SIM_CLICK, 0};
    NtSimTally tally = {0}, sum = {0};
    nt_sim_tally_add(&tally, &visitor, values, served, acts, 5);
    g_assert_cmpuint(tally.answers, ==, 1);
    g_assert_cmpuint(tally.shown, ==, 5);
    g_assert_cmpuint(tally.liked, ==, 3);
    g_assert_cmpuint(tally.looks, ==, 3);
    g_assert_cmpuint(tally.clicks, ==, 2);
    g_assert_cmpuint(tally.clicks_liked, ==, 1);
    g_assert_cmpuint(tally.carts, ==, 1);
    g_assert_cmpuint(tally.covered, ==, 2);
    g_assert_cmpuint(tally.tastes, ==, 3);
    g_assert_cmpuint(tally.judged, ==, 1);
    g_assert_cmpfloat(tally.index, ==, 1);
    nt_sim_tally_add(&tally, &visitor, values, NULL, acts, 5);
    nt_sim_tally_add(&tally, &visitor, values, served, acts, 0);
    g_assert_cmpuint(tally.judged, ==, 1); /* neither tells */
    nt_sim_tally_join(&sum, &tally);
    nt_sim_tally_join(&sum, &tally);
    g_assert_cmpuint(sum.answers, ==, 6);
    g_assert_cmpuint(sum.liked, ==, 12);
    g_assert_cmpuint(sum.covered, ==, 8);
    g_assert_cmpfloat(sum.index, ==, 2);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulate/index", test_index);
    g_test_add_func("/simulate/chance", test_chance);
    g_test_add_func("/simulate/sums", test_sums);
    return g_test_run();
}
