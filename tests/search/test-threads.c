/* SPDX-License-Identifier: Apache-2.0 */
/* The public library from several threads at once: one indexes and removes, two ask. Under the thread sanitizer
 * (-Db_sanitize=thread) this is what finds races. */
#include "../support/shop.h"

#include <stdatomic.h>
#include <string.h>

enum { PICTURES = 12, ROUNDS = 3 };

typedef struct Asking {
    const Shop *shop;
    atomic_bool done;
    atomic_uint answers;
} Asking;

/* What was removed a moment ago is not found, which is an answer too; anything else is a fault. */
static void settle(Asking *asking, GError **error) {
    if (*error != NULL) {
        g_assert_error(*error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
        g_clear_error(error);
    }
    atomic_fetch_add(&asking->answers, 1);
}

static void check_order(const NiteruResults *results) {
    for (size_t i = 1; results != NULL && i < niteru_results_count(results); i++) {
        const NiteruResult *before = niteru_results_get(results, i - 1), *here = niteru_results_get(results, i);
        g_assert_cmpfloat(before->raw, >=, here->raw);
        g_assert_cmpstr(before->product, !=, here->product);
    }
}

static bool take_json(const char *id, const char *json, void *data) {
    g_assert_nonnull(strstr(json, id));
    return true;
}

static void *ask(void *data) {
    Asking *asking = data;
    NiteruCatalogue *catalogue = asking->shop->catalogue;
    g_autofree char *photo = below(asking->shop, "query.png");
    for (unsigned i = 0; !atomic_load(&asking->done); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *id = g_strdup_printf("p%02u.png", i % PICTURES), *where = g_strdup_printf("id != '%s'", id);
        const NiteruSearchOptions options = {
            .size = sizeof(NiteruSearchOptions), .k = 1 + i % 7, .where = i % 3 == 0 ? where : NULL};
        g_autoptr(NiteruResults) alike = niteru_similar(catalogue, id, &options, NULL, &error);
        check_order(alike);
        settle(asking, &error);
        g_autoptr(NiteruResults) seen =
            i % 4 == 0 ? niteru_search_photo(catalogue, photo, &options, NULL, &error) : NULL;
        check_order(seen);
        settle(asking, &error);
        g_autofree char *product = niteru_product_json(catalogue, id, &error);
        g_assert_true((product != NULL) == (error == NULL));
        settle(asking, &error);
        g_assert_true(niteru_list(catalogue, NULL, take_json, NULL, NULL, &error));
        g_autofree char *info = niteru_info_json(catalogue, 0, NULL, &error),
                        *models = niteru_models_json(catalogue, 0, NULL, &error);
        settle(asking, &error);
        g_assert_true(info != NULL && models != NULL && niteru_presets()[0] != NULL);
    }
    return NULL;
}

static void test_threads(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_picture(&shop, "query.png", 3);
    draw_picture(&shop, "photos/p00.png", 0);
    index_shop(&shop, "photos", NULL, &error);
    g_assert_no_error(error);
    Asking asking = {.shop = &shop};
    GThread *threads[] = {g_thread_new("ask", ask, &asking), g_thread_new("ask", ask, &asking)};
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 1; i < PICTURES; i++) {
            g_autofree char *name = g_strdup_printf("photos/p%02u.png", i);
            draw_picture(&shop, name, i + round * PICTURES);
        }
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .prune = true}, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(shop.report.embedded, ==, PICTURES - 1);
        const char *const gone[] = {"p03.png", "p07.png"};
        uint64_t removed = 0;
        g_assert_true(niteru_remove(shop.catalogue, gone, 2, NULL, 0, NULL, &removed, &error));
        g_assert_cmpuint(removed, ==, 2);
    }
    while (atomic_load(&asking.answers) < 100) {
        g_usleep(1000);
    }
    atomic_store(&asking.done, true);
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_thread_join(threads[i]);
    }
    g_autofree char *check = NULL;
    g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    g_assert_nonnull(strstr(check, "\"sound\": true"));
    shop_drop(&shop);
}

/* Two threads that write take turns. */
static void *index_other(void *data) {
    g_autofree char *path = below(data, "other");
    g_autoptr(GError) error = NULL;
    niteru_index(((Shop *)data)->catalogue, path, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    return NULL;
}

static void test_turns(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *here = g_strdup_printf("photos/h%u.png", i), *there = g_strdup_printf("other/o%u.png", i);
        draw_picture(&shop, here, i);
        draw_picture(&shop, there, i + 3);
    }
    GThread *thread = g_thread_new("index", index_other, &shop);
    index_shop(&shop, "photos", NULL, &error);
    g_assert_no_error(error);
    g_thread_join(thread);
    g_autoptr(NiteruResults) all = niteru_similar(
        shop.catalogue, "h0.png", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 100}, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(all), ==, 11);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/threads/search-while-indexing", test_threads);
    g_test_add_func("/search/threads/turns", test_turns);
    return g_test_run();
}
