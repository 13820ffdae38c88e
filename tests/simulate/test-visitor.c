/* SPDX-License-Identifier: Apache-2.0 */
/* Visitors: the same seed the same ones, and the shares they are drawn by. Each tolerance is five standard deviations
 * of the share at the number of draws, so that it fails for one seed in millions; the seed is fixed. */
#include "simulate/simulate.h"

#include <math.h>
#include <string.h>

enum { VALUES = 12, OF_EACH = 5, DRAWS = 20000 };

static NtSimAssortment *make(unsigned values) {
    NtSimAssortment *assortment = nt_sim_assortment_new();
    for (unsigned i = 0; i < values * OF_EACH; i++) {
        g_autofree char *id = g_strdup_printf("p%u", i), *value = g_strdup_printf("v%u", i % values);
        g_assert_true(nt_sim_assortment_add(assortment, id, value, NULL));
    }
    g_assert_true(nt_sim_assortment_close(assortment, NULL));
    return assortment;
}

static void check_share(unsigned found, unsigned draws, double wanted) {
    double deviation = sqrt(wanted * (1 - wanted) / draws);
    g_assert_cmpfloat_with_epsilon((double)found / draws, wanted, 5 * deviation + 1e-9);
}

static void test_same_seed(void) {
    g_autoptr(NtSimAssortment) assortment = make(VALUES);
    NtSimManners manners;
    uint32_t shown[20];
    unsigned different = 0;
    g_assert_true(nt_sim_preset("busy", &manners));
    for (uint32_t i = 0; i < 20; i++) {
        shown[i] = nt_sim_value(assortment, i);
    }
    for (uint64_t number = 0; number < 100; number++) {
        NtSimVisitor a = nt_sim_visitor(assortment, 5, number), b = nt_sim_visitor(assortment, 5, number);
        NtSimVisitor other = nt_sim_visitor(assortment, 6, number);
        unsigned acts_a[20], acts_b[20];
        nt_sim_react(&a, &manners, shown, 20, acts_a);
        nt_sim_react(&b, &manners, shown, 20, acts_b);
        g_assert_cmpmem(acts_a, sizeof acts_a, acts_b, sizeof acts_b);
        g_assert_cmpuint(nt_sim_come_upon(&a, assortment, 0.2), ==, nt_sim_come_upon(&b, assortment, 0.2));
        g_assert_cmpmem(a.tastes, sizeof a.tastes, b.tastes, sizeof b.tastes);
        different += memcmp(a.tastes, other.tastes, sizeof a.tastes) != 0;
    }
    g_assert_cmpuint(different, >, 90);
}

/* One to six tastes, each number and each value as often as the others, and no value twice. */
static void test_tastes(void) {
    g_autoptr(NtSimAssortment) assortment = make(VALUES);
    unsigned counts[NT_SIM_TASTES + 1] = {0}, first[VALUES] = {0};
    for (uint64_t number = 0; number < DRAWS; number++) {
        NtSimVisitor visitor = nt_sim_visitor(assortment, 1, number);
        g_assert_cmpuint(visitor.count, >=, 1);
        g_assert_cmpuint(visitor.count, <=, NT_SIM_TASTES);
        for (unsigned t = 0; t < visitor.count; t++) {
            g_assert_cmpint(nt_sim_taste_of(&visitor, visitor.tastes[t]), ==, (int)t);
        }
        counts[visitor.count]++;
        first[visitor.tastes[visitor.count - 1]]++;
    }
    for (int t = 1; t <= NT_SIM_TASTES; t++) {
        check_share(counts[t], DRAWS, 1.0 / NT_SIM_TASTES);
    }
    for (int v = 0; v < VALUES; v++) {
        check_share(first[v], DRAWS, 1.0 / VALUES);
    }
}

static void test_few_values(void) {
    g_autoptr(NtSimAssortment) assortment = make(2);
    for (uint64_t number = 0; number < 50; number++) {
        NtSimVisitor visitor = nt_sim_visitor(assortment, 1, number);
        g_assert_cmpuint(visitor.count, <=, 2);
        bool drifts = nt_sim_drift(&visitor, assortment, 1);
        g_assert_true(drifts == (visitor.count == 1)); /* who likes everything cannot like another thing */
    }
}

static void test_drift(void) {
    g_autoptr(NtSimAssortment) assortment = make(VALUES);
    NtSimVisitor visitor = nt_sim_visitor(assortment, 2, 1);
    unsigned drifts = 0;
    for (int i = 0; i < DRAWS; i++) {
        NtSimVisitor before = visitor;
        bool drifted = nt_sim_drift(&visitor, assortment, 0.1);
        unsigned kept = 0;
        for (unsigned t = 0; t < visitor.count; t++) {
            kept += nt_sim_taste_of(&before, visitor.tastes[t]) >= 0;
        }
        g_assert_cmpuint(visitor.count, ==, before.count);
        g_assert_cmpuint(kept, ==, visitor.count - drifted);
        drifts += drifted;
    }
    check_share(drifts, DRAWS, 0.1);
}

static void test_come_upon(void) {
    g_autoptr(NtSimAssortment) assortment = make(VALUES);
    NtSimVisitor visitor = nt_sim_visitor(assortment, 3, 4);
    unsigned liked = 0;
    for (int i = 0; i < DRAWS; i++) {
        liked += nt_sim_taste_of(&visitor, nt_sim_value(assortment, nt_sim_come_upon(&visitor, assortment, 0.2))) >= 0;
    }
    check_share(liked, DRAWS, 0.8 + 0.2 * visitor.count / VALUES); /* any product is of a taste by chance too */
}

/* Looks fall by position, clicks have their rate on taste and off it, and what follows a click has its own. */
static void test_react(void) {
    NtSimManners manners = {.eta = 1, .click = 0.1, .off_taste = 0.2, .favourite = 0.3, .cart = 0.5, .purchase = 0.4};
    NtSimVisitor visitor = {.random = nt_sim_random(9, 9), .tastes = {0}, .count = 1};
    static const uint32_t values[] = {0, 1, 0, NT_SIM_NONE, 0};
    unsigned looks[5] = {0}, clicks[5] = {0}, favourites = 0, carts = 0, purchases = 0, all = 0;
    for (int i = 0; i < 10 * DRAWS; i++) {
        unsigned acts[5];
        nt_sim_react(&visitor, &manners, values, 5, acts);
        for (int p = 0; p < 5; p++) {
            looks[p] += (acts[p] & NT_SIM_LOOK) != 0;
            clicks[p] += (acts[p] & NT_SIM_CLICK) != 0;
            all += (acts[p] & NT_SIM_CLICK) != 0;
            favourites += (acts[p] & NT_SIM_FAVOURITE) != 0;
            carts += (acts[p] & NT_SIM_CART) != 0;
            purchases += (acts[p] & NT_SIM_PURCHASE) != 0;
            g_assert_true(acts[p] == 0 || (acts[p] & NT_SIM_LOOK) != 0);
            g_assert_true((acts[p] & NT_SIM_PURCHASE) == 0 || (acts[p] & NT_SIM_CART) != 0);
        }
    }
    for (int p = 0; p < 5; p++) {
        check_share(looks[p], 10 * DRAWS, 1.0 / (1 + p));
        check_share(clicks[p], looks[p], values[p] == 0 ? 0.1 : 0.1 * 0.2 / 0.8);
    }
    check_share(favourites, all, 0.3);
    check_share(carts, all, 0.5);
    check_share(purchases, carts, 0.4);
}

static void test_presets(void) {
    NtSimManners manners;
    g_assert_true(nt_sim_preset("quiet", &manners));
    g_assert_cmpfloat(manners.click, ==, 0.004);
    g_assert_true(nt_sim_preset("usual", &manners));
    g_assert_cmpfloat(manners.click, ==, 0.03);
    g_assert_false(nt_sim_preset("loud", &manners));
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulate/same-seed", test_same_seed);
    g_test_add_func("/simulate/tastes", test_tastes);
    g_test_add_func("/simulate/few-values", test_few_values);
    g_test_add_func("/simulate/drift", test_drift);
    g_test_add_func("/simulate/come-upon", test_come_upon);
    g_test_add_func("/simulate/react", test_react);
    g_test_add_func("/simulate/presets", test_presets);
    return g_test_run();
}
