/* SPDX-License-Identifier: Apache-2.0 */
/* What is of another kind than all that is here has an empty answer, when that is asked for. */
#include "../support/shop.h"

#include <stdio.h>
#include <string.h>

enum { DIM = 8, PRODUCTS = 60 };

/* A direction, and a little of the others. */
static void near(GRand *random, size_t direction, float *out) {
    for (size_t d = 0; d < DIM; d++) {
        out[d] = (d == direction ? 1.0F : 0.0F) + (float)(g_rand_double(random) - 0.5) * 0.4F;
    }
}

/* Products of two kinds, around the directions 0 and 1. */
static void open_kinds(Shop *shop, GRand *random, const char *metric, size_t products) {
    g_autoptr(GError) error = NULL;
    char ids[PRODUCTS][8];
    const char *names[PRODUCTS];
    float rows[PRODUCTS * DIM];
    shop_open(shop);
    for (size_t i = 0; i < products; i++) {
        snprintf(ids[i], sizeof ids[i], "p%02zu", i);
        names[i] = ids[i];
        near(random, i % 2, rows + i * DIM);
    }
    write_vectors(shop, "kinds", names, rows, products, DIM);
    g_autofree char *npy = below(shop, "kinds.npy"), *lines = below(shop, "kinds.txt");
    const NiteruImportOptions options = {.size = sizeof options, .model = "kinds", .metric = metric};
    niteru_import(shop->catalogue, npy, lines, &options, NULL, NULL, &error);
    g_assert_no_error(error);
}

/* Whether a query around a direction is answered. */
static bool answered(const Shop *shop, GRand *random, size_t direction) {
    g_autoptr(GError) error = NULL;
    float query[DIM];
    const NiteruSearchOptions options = {.size = sizeof options, .k = 4, .not_here = true};
    near(random, direction, query);
    g_autoptr(NiteruResults) results = niteru_search_vector(shop->catalogue, query, DIM, &options, NULL, &error);
    g_assert_no_error(error);
    size_t count, nearest;
    const double *scores = niteru_results_nearest(results, &nearest);
    count = niteru_results_count(results);
    g_autofree char *json = niteru_results_json(results);
    if (!niteru_results_not_here(results)) {
        g_assert_cmpuint(count, ==, 4);
        g_assert_cmpuint(nearest, ==, 0);
        g_assert_null(scores);
        g_assert_null(strstr(json, "not_here"));
        return true;
    }
    g_assert_cmpuint(count, ==, 0);
    g_assert_cmpuint(nearest, ==, 4);
    g_assert_cmpfloat(scores[0], >=, scores[3]);
    g_assert_nonnull(strstr(json, "\"not_here\": true"));
    g_assert_nonnull(strstr(niteru_results_note(results), "nothing like it is here"));
    return false;
}

static void test_kinds(gconstpointer metric) {
    Shop shop;
    GRand *random = g_rand_new_with_seed(40);
    open_kinds(&shop, random, metric, PRODUCTS);
    unsigned kept = 0, foreign = 0;
    for (unsigned i = 0; i < 100; i++) {
        kept += answered(&shop, random, i % 2);
        foreign += answered(&shop, random, 2 + i % (DIM - 2));
    }
    g_assert_cmpuint(kept, >=, 90);
    g_assert_cmpuint(foreign, <=, 1);
    /* Nobody who does not ask is told. */
    float query[DIM] = {0};
    query[5] = 1;
    g_autofree char *ids =
        ids_of(niteru_search_vector(shop.catalogue, query, DIM,
                                    &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 2}, NULL, NULL),
               NULL);
    g_assert_cmpuint(strlen(ids), ==, strlen("p00 p01"));
    g_rand_free(random);
    shop_drop(&shop);
}

/* Too few products say nothing of what is sold here. */
static void test_few(void) {
    Shop shop;
    GRand *random = g_rand_new_with_seed(41);
    open_kinds(&shop, random, NULL, 19);
    g_assert_true(answered(&shop, random, 5));
    g_rand_free(random);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/search/not-here/cosine", "cosine", test_kinds);
    g_test_add_data_func("/search/not-here/euclidean", "euclidean", test_kinds);
    g_test_add_func("/search/not-here/few", test_few);
    return g_test_run();
}
