/* SPDX-License-Identifier: Apache-2.0 */
/* Products by value: numbers, values that are too rare, draws, and what is refused. */
#include "simulate/simulate.h"

#include <string.h>

static void add(NtSimAssortment *assortment, const char *id, const char *value) {
    g_autoptr(GError) error = NULL;
    g_assert_true(nt_sim_assortment_add(assortment, id, value, &error));
    g_assert_no_error(error);
}

static void test_values(void) {
    g_autoptr(NtSimAssortment) assortment = nt_sim_assortment_new();
    static const char *const rows[][2] = {{"a", "rare"}, {"b", "lamp"}, {"c", "shoe"}, {"d", NULL},   {"e", "shoe"},
                                          {"f", "lamp"}, {"g", "rare"}, {"h", "shoe"}, {"i", "lamp"}, {"j", "shoe"}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        add(assortment, rows[i][0], rows[i][1]);
    }
    g_assert_true(nt_sim_assortment_close(assortment, NULL));
    g_assert_cmpuint(nt_sim_products(assortment), ==, 10);
    g_assert_cmpuint(nt_sim_values(assortment), ==, 2);
    g_assert_cmpstr(nt_sim_value_text(assortment, 0), ==, "lamp");
    g_assert_cmpstr(nt_sim_value_text(assortment, 1), ==, "shoe");
    for (uint32_t i = 0; i < 10; i++) {
        const char *value = rows[i][1];
        uint32_t wanted = value == NULL || strcmp(value, "rare") == 0 ? NT_SIM_NONE : strcmp(value, "shoe") == 0;
        g_assert_cmpuint(nt_sim_find(assortment, rows[i][0]), ==, i);
        g_assert_cmpstr(nt_sim_id(assortment, i), ==, rows[i][0]);
        g_assert_cmpuint(nt_sim_value(assortment, i), ==, wanted);
    }
    g_assert_cmpuint(nt_sim_find(assortment, "z"), ==, NT_SIM_NONE);
    g_assert_cmpuint(nt_sim_value(assortment, NT_SIM_NONE), ==, NT_SIM_NONE);
}

/* Each product of a value as often as the others: 4,000 draws of four, each within five deviations (27) of 1,000. */
static void test_draws(void) {
    g_autoptr(NtSimAssortment) assortment = nt_sim_assortment_new();
    for (int i = 0; i < 8; i++) {
        char id[] = {(char)('a' + i), '\0'};
        add(assortment, id, i % 2 == 0 ? "even" : "odd");
    }
    g_assert_true(nt_sim_assortment_close(assortment, NULL));
    NtSimRandom random = nt_sim_random(7, 0);
    unsigned counts[8] = {0};
    for (int i = 0; i < 4000; i++) {
        counts[nt_sim_draw(assortment, 1, &random)]++;
    }
    for (int i = 0; i < 8; i++) {
        g_assert_cmpuint(counts[i], >=, i % 2 == 0 ? 0 : 863);
        g_assert_cmpuint(counts[i], <=, i % 2 == 0 ? 0 : 1137);
    }
}

static void test_refused(void) {
    g_autoptr(NtSimAssortment) assortment = nt_sim_assortment_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *longer = g_strnfill(NT_SIM_VALUE_BYTES + 1, 'x');
    add(assortment, "a", "lamp");
    g_assert_false(nt_sim_assortment_add(assortment, "a", "shoe", &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(nt_sim_assortment_add(assortment, "b", longer, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_false(nt_sim_assortment_add(assortment, longer, NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    add(assortment, "b", "lamp");
    g_assert_false(nt_sim_assortment_close(assortment, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

static void test_empty(void) {
    g_autoptr(NtSimAssortment) assortment = nt_sim_assortment_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_sim_assortment_close(assortment, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/simulate/values", test_values);
    g_test_add_func("/simulate/draws", test_draws);
    g_test_add_func("/simulate/refused", test_refused);
    g_test_add_func("/simulate/empty", test_empty);
    return g_test_run();
}
