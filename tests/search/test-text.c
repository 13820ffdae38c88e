/* SPDX-License-Identifier: Apache-2.0 */
/* Searching by text as a program does: options, notes, and what one process puts while another searches. */
#include "../support/shop.h"

#include <string.h>

static char *search(Shop *shop, const char *text, const NiteruSearchOptions *options) {
    g_autoptr(GError) error = NULL;
    NiteruResults *results = niteru_search_text(shop->catalogue, text, options, NULL, &error);
    return ids_of(results, error);
}

static void expect(Shop *shop, const char *text, const NiteruSearchOptions *options, const char *ids) {
    g_autofree char *got = search(shop, text, options);
    g_assert_cmpstr(got, ==, ids);
}

static void expect_note(Shop *shop, const char *text, const NiteruSearchOptions *options, const char *note) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) results = niteru_search_text(shop->catalogue, text, options, NULL, &error);
    g_assert_no_error(error);
    const char *said = niteru_results_note(results);
    g_test_message("%s", said != NULL ? said : "-");
    g_assert_true(note == NULL ? said == NULL : said != NULL && strstr(said, note) != NULL);
}

static void put(Shop *shop, const char *id, const char *metadata) {
    g_autoptr(GError) error = NULL;
    NiteruProduct product = {.size = sizeof product, .id = id, .metadata = metadata};
    niteru_put(shop->catalogue, &product, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static void open_shop(Shop *shop) {
    shop_open(shop);
    draw_picture(shop, "a.png", 1);
    g_free(write_text(shop, "list.csv",
                      "id,image,title,price,brand\n"
                      "a,a.png,Red dress,10,A\nb,a.png,Red dress long,20,B\nc,a.png,Blue dress,30,A\n"
                      "d,a.png,花柄ワンピース,40,B\n"));
    g_autoptr(GError) error = NULL;
    index_shop(shop, "list.csv", NULL, &error);
    g_assert_no_error(error);
}

static void test_options(void) {
    Shop shop;
    open_shop(&shop);
    NiteruSearchOptions options = {.size = sizeof options};
    expect(&shop, "dress", NULL, "a c b");
    expect(&shop, "ﾜﾝﾋﾟ", NULL, "d");
    options.k = 2;
    expect(&shop, "dress", &options, "a c");
    options.where = "brand = 'B'";
    expect(&shop, "dress", &options, "b"); /* k come back whenever k match */
    options = (NiteruSearchOptions){.size = sizeof options, .exclude = (const char *const[]){"a", "zzz", NULL}};
    expect(&shop, "red dress", &options, "b");
    options.exclude = (const char *const[]){"a", "b", NULL};
    expect(&shop, "red dress", &options, "c"); /* none that may answer has both */
    expect_note(&shop, "red dress", &options, "no product has all");
    options = (NiteruSearchOptions){.size = sizeof options, .threshold = 99};
    expect(&shop, "dress", &options, "");
    expect_note(&shop, "dress", &options, "under the threshold");
    options = (NiteruSearchOptions){.size = sizeof options, .where = "brand = 'b'"};
    expect_note(&shop, "dress", &options, "brand");
    expect_note(&shop, "dress", NULL, NULL);
    expect_note(&shop, "zebra", NULL, "any of these words");
    expect_note(&shop, "?!", NULL, "no word");
    options = (NiteruSearchOptions){.size = sizeof options, .threshold = 101};
    g_autofree char *threshold = search(&shop, "dress", &options);
    options = (NiteruSearchOptions){.size = sizeof options, .where = "colour = 'red'"};
    g_autofree char *field = search(&shop, "dress", &options);
    g_assert_true(g_str_has_prefix(threshold, "! a threshold") && strstr(field, "colour") != NULL);
    shop_drop(&shop);
}

/* Products of one group count once, however many it has. */
static void test_groups(void) {
    Shop shop;
    shop_open(&shop);
    for (int i = 0; i < 40; i++) {
        g_autofree char *id = g_strdup_printf("v%02d", i),
                        *metadata = g_strdup_printf("{\"title\": \"dress%s\", \"group\": \"%s\"}",
                                                    i == 7 ? "" : " long", i < 36 ? "many" : "few");
        put(&shop, id, metadata);
    }
    put(&shop, "x", "{\"title\": \"dress very long\"}");
    put(&shop, "y", "{\"title\": \"dress very long\"}");
    NiteruSearchOptions options = {.size = sizeof options, .k = 3, .group = true};
    expect(&shop, "dress", &options, "v07 v36 x"); /* the best of a group */
    options.k = 100;
    expect(&shop, "dress", &options, "v07 v36 x y");
    options.k = 1;
    options.where = "group = 'few'";
    expect(&shop, "dress", &options, "v36");
    shop_drop(&shop);
}

static void test_answer(void) {
    Shop shop;
    open_shop(&shop);
    put(&shop, "e", "{\"title\": \"green dress\"}"); /* without a photo */
    NiteruSearchOptions options = {.size = sizeof options, .metadata = true};
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) results = niteru_search_text(shop.catalogue, "red DRESS", &options, NULL, &error);
    g_assert_no_error(error);
    const NiteruResult *first = niteru_results_get(results, 0);
    g_autofree char *photo = below(&shop, "a.png"), *json = niteru_results_json(results);
    g_assert_cmpstr(first->product, ==, "a");
    g_assert_cmpstr(first->photo, ==, photo);
    g_assert_cmpstr(first->word, ==, "");
    g_assert_nonnull(strstr(first->metadata, "\"price\":"));
    g_assert_true(first->score > 50 && first->score < 100 && first->raw > 0);
    g_assert_nonnull(strstr(json, "\"query\": \"red DRESS\""));
    g_assert_nonnull(strstr(json, "\"model\": null"));
    g_autoptr(NiteruResults) green = niteru_search_text(shop.catalogue, "green", NULL, NULL, &error);
    g_assert_cmpstr(niteru_results_get(green, 0)->photo, ==, "");
    g_assert_null(niteru_results_get(green, 0)->metadata);
    shop_drop(&shop);
}

/* Put, patched and removed by one handle, found by another, of this process or not; also one that only reads. */
static void test_changes(void) {
    Shop shop;
    open_shop(&shop);
    g_autoptr(GError) error = NULL;
    NiteruOptions reading = {.size = sizeof reading, .read_only = true};
    g_autoptr(NiteruCatalogue) reader = niteru_open(niteru_folder(shop.catalogue), &reading, &error);
    g_assert_no_error(error);
    Shop other = {.catalogue = reader};
    put(&shop, "e", "{\"title\": \"green lamp\", \"tags\": [\"wood\", \"oak\"]}");
    expect(&other, "lamp", NULL, "e");
    expect(&other, "oak", NULL, "e");
    NiteruProduct patch = {.size = sizeof patch, .id = "e", .metadata = "{\"title\": \"green sofa\", \"tags\": null}"};
    niteru_patch(shop.catalogue, &patch, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    expect(&other, "lamp", NULL, "");
    expect(&other, "oak", NULL, "");
    expect(&other, "sofa", NULL, "e");
    niteru_remove(shop.catalogue, (const char *const[]){"e"}, 1, NULL, 0, NULL, NULL, &error);
    g_assert_no_error(error);
    expect(&other, "sofa", NULL, "");
    expect(&other, "red", NULL, "a b");
    shop_drop(&shop);
}

static void *search_on(void *data) {
    Shop *shop = data;
    for (int i = 0; i < 300; i++) {
        g_autofree char *got = search(shop, "chair", NULL);
        g_assert_true(g_str_has_prefix(got, "p")); /* always some of them, never an error */
    }
    return NULL;
}

static void test_threads(void) {
    Shop shop;
    shop_open(&shop);
    GThread *threads[3];
    put(&shop, "p0", "{\"title\": \"chair\"}");
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        threads[i] = g_thread_new("search", search_on, &shop);
    }
    for (int i = 1; i < 100; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i % 10);
        put(&shop, id, i % 3 == 0 ? "{\"title\": \"chair of oak\"}" : "{\"title\": \"chair\"}");
    }
    for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_thread_join(threads[i]);
    }
    shop_drop(&shop);
}

static void test_stopped(void) {
    Shop shop;
    open_shop(&shop);
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_cancellable_cancel(cancelled);
    g_autoptr(GError) error = NULL;
    g_assert_null(niteru_search_text(shop.catalogue, "dress", NULL, cancelled, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_autofree char *long_text = g_strnfill(1025, 'x');
    g_assert_null(niteru_search_text(shop.catalogue, long_text, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_LIMIT, "1024");
    g_assert_null(niteru_search_text(shop.catalogue, "\xff", NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "UTF-8");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/options", test_options);
    g_test_add_func("/text/groups", test_groups);
    g_test_add_func("/text/answer", test_answer);
    g_test_add_func("/text/changes", test_changes);
    g_test_add_func("/text/threads", test_threads);
    g_test_add_func("/text/stopped", test_stopped);
    return g_test_run();
}
