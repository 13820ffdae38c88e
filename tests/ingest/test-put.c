/* SPDX-License-Identifier: Apache-2.0 */
/* One product at a time: put, changed, found by the next search; whatever is wrong with it costs only itself. */
#include "../support/shop.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

enum { MANY = 500, RUN_PHOTOS = 60 };

typedef struct Told {
    unsigned photos, values;
    char *last;
} Told;

static void take_failure(const NiteruFailure *failure, void *data) {
    Told *told = data;
    told->photos += !failure->value_only;
    told->values += failure->value_only;
    g_free(told->last);
    told->last = g_strdup(failure->message);
}

/* Puts a product with one photo of bytes (kind >= 0), or none. */
static bool put(Shop *shop, const char *id, const char *metadata, int kind, bool patch, NiteruPutReport *report,
                Told *told, GError **error) {
    g_autoptr(GBytes) bytes = kind >= 0 ? draw_bytes(shop, (unsigned)kind) : NULL;
    gsize size = 0;
    const void *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;
    const NiteruPhoto photo = {.size = sizeof photo, .bytes = data, .length = size};
    const NiteruPhoto *const photos[] = {&photo, NULL};
    const NiteruProduct product = {
        .size = sizeof product, .id = id, .metadata = metadata, .photos = kind >= 0 ? photos : NULL};
    const NiteruPutOptions options = {
        .size = sizeof options, .failure = told != NULL ? take_failure : NULL, .data = told};
    *report = (NiteruPutReport){.size = sizeof *report};
    return (patch ? niteru_patch : niteru_put)(shop->catalogue, &product, &options, NULL, report, error);
}

static char *alike(const Shop *shop, const char *id, const char *where, size_t k) {
    GError *error = NULL;
    const NiteruSearchOptions options = {.size = sizeof options, .k = k, .where = where};
    char *text = ids_of(niteru_similar(shop->catalogue, id, &options, NULL, &error), error);
    g_clear_error(&error);
    return text;
}

#define EXPECT(text, expected)                                                                                         \
    do {                                                                                                               \
        g_autofree char *found = (text);                                                                               \
        g_assert_cmpstr(found, ==, expected);                                                                          \
    } while (0)

static void expect_sound(const Shop *shop) {
    g_autoptr(GError) error = NULL;
    g_autofree char *check = NULL;
    g_assert_true(niteru_check(shop->catalogue, 0, NULL, &check, &error));
    if (strstr(check, "\"sound\": true") == NULL) {
        g_test_message("%s", check);
        g_test_fail();
    }
}

static void test_life(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    NiteruPutReport report;
    Told told = {0};
    shop_open(&shop);
    g_assert_true(put(&shop, "a", "{\"price\": 5, \"title\": \"A\"}", 1, false, &report, &told, &error));
    g_assert_true(report.added && report.photos == 1 && report.embedded == 1 && report.failed == 0);
    g_assert_true(put(&shop, "b", "{\"price\": 9}", 1, false, &report, &told, &error)); /* the same photo */
    g_assert_true(report.added && report.embedded == 0);
    g_assert_true(put(&shop, "c", NULL, 2, false, &report, &told, &error));
    EXPECT(alike(&shop, "a", NULL, 2), "b c");
    EXPECT(alike(&shop, "c", "price < 8", 5), "a");
    /* Changed in part: what is not given stays, null takes a field away. */
    g_assert_true(put(&shop, "a", "{\"price\": 20, \"colour\": \"red\"}", -1, true, &report, &told, &error));
    g_assert_false(report.added);
    EXPECT(alike(&shop, "c", "price < 8", 5), "");
    EXPECT(alike(&shop, "c", "price = 20 and colour = 'red' and title = 'A'", 5), "a");
    g_assert_true(put(&shop, "a", "{\"colour\": null}", -1, true, &report, &told, &error));
    EXPECT(alike(&shop, "c", "colour is missing and price = 20", 5), "a");
    /* Put again: it is what is given, and nothing else. */
    g_assert_true(put(&shop, "a", "{\"title\": \"new\"}", 2, false, &report, &told, &error));
    EXPECT(alike(&shop, "c", "title = 'new' and price is missing", 5), "a");
    EXPECT(alike(&shop, "c", NULL, 1), "a");
    EXPECT(alike(&shop, "b", NULL, 5), "a c");
    g_assert_cmpuint(told.photos + told.values, ==, 0);
    /* Without photos it is there, and joins the answers when one comes. */
    g_assert_true(put(&shop, "a", "{\"title\": \"bare\"}", -1, false, &report, &told, &error));
    EXPECT(alike(&shop, "c", NULL, 5), "b");
    g_autofree char *json = niteru_product_json(shop.catalogue, "a", &error);
    g_assert_nonnull(strstr(json, "bare"));
    g_assert_true(put(&shop, "a", NULL, 1, true, &report, &told, &error));
    EXPECT(alike(&shop, "b", "title = 'bare'", 5), "a");
    expect_sound(&shop);
    shop_again(&shop);
    EXPECT(alike(&shop, "b", NULL, 5), "a c");
    g_free(told.last);
    shop_drop(&shop);
}

/* What is wrong is told; the product is there with what is right. */
static void test_faults(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    NiteruPutReport report;
    Told told = {0};
    shop_open(&shop);
    g_assert_true(put(&shop, "a", "{\"price\": 5}", 1, false, &report, &told, &error));
    g_assert_true(put(&shop, "b", "{\"price\": \"many\", \"title\": \"B\"}", 1, false, &report, &told, &error));
    g_assert_cmpuint(report.values, ==, 1);
    g_assert_cmpuint(told.values, ==, 1);
    EXPECT(alike(&shop, "a", "title = 'B' and price is missing", 5), "b");
    g_autofree char *text = write_text(&shop, "x.jpg", "no photo"), *none = below(&shop, "none.jpg");
    g_autoptr(GBytes) bytes = draw_bytes(&shop, 3);
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    const NiteruPhoto good = {.size = sizeof good, .bytes = data, .length = size};
    const NiteruPhoto bad = {.size = sizeof bad, .path = text}, gone = {.size = sizeof gone, .path = none};
    const NiteruPhoto cut = {.size = sizeof cut, .path = "upload", .bytes = data, .length = 20};
    const NiteruPhoto empty = {.size = sizeof empty};
    const NiteruPutOptions options = {.size = sizeof options, .failure = take_failure, .data = &told};
    NiteruProduct product = {
        .size = sizeof product, .id = "c", .photos = (const NiteruPhoto *const[]){&bad, &good, &gone, &cut, NULL}};
    report = (NiteruPutReport){.size = sizeof report};
    g_assert_true(niteru_put(shop.catalogue, &product, &options, NULL, &report, &error));
    g_assert_true(report.photos == 4 && report.failed == 3 && report.embedded == 1);
    g_assert_cmpuint(told.photos, ==, 3);
    EXPECT(alike(&shop, "c", NULL, 5), "a b");
    g_autofree char *json = niteru_product_json(shop.catalogue, "c", &error);
    g_assert_nonnull(strstr(json, "\"error\""));
    /* Refused as a whole, and nothing of it there. */
    const struct {
        const char *id, *metadata;
        const NiteruPhoto *photo;
        NiteruError code;
        const char *says;
    } refused[] = {
        {NULL, NULL, &good, NITERU_ERROR_INVALID, "id"},
        {"", NULL, &good, NITERU_ERROR_INVALID, "0 bytes"},
        {"d\n", NULL, &good, NITERU_ERROR_INVALID, "control"},
        {"d", "[1]", &good, NITERU_ERROR_INVALID, "object"},
        {"d", "{\"a\": ", &good, NITERU_ERROR_INVALID, "metadata"},
        {"d", NULL, &empty, NITERU_ERROR_INVALID, "neither"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        product = (NiteruProduct){.size = sizeof product, .id = refused[i].id, .metadata = refused[i].metadata};
        const NiteruPhoto *const photos[] = {refused[i].photo, NULL};
        product.photos = photos;
        g_assert_false(niteru_put(shop.catalogue, &product, NULL, NULL, NULL, &error));
        expect_error(&error, refused[i].code, refused[i].says);
    }
    g_assert_false(put(&shop, "nobody", "{}", -1, true, &report, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "nobody");
    g_assert_null(niteru_product_json(shop.catalogue, "d", &error));
    g_clear_error(&error);
    expect_sound(&shop);
    g_free(told.last);
    shop_drop(&shop);
}

/* Many photos, most of them the same. */
static void test_many(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    GBytes *two[2] = {draw_bytes(&shop, 1), draw_bytes(&shop, 2)};
    NiteruPhoto photos[2] = {{.size = sizeof photos[0]}, {.size = sizeof photos[0]}};
    for (unsigned i = 0; i < 2; i++) {
        photos[i].bytes = g_bytes_get_data(two[i], &photos[i].length);
    }
    const NiteruPhoto *all[MANY + 502];
    for (unsigned i = 0; i < MANY; i++) {
        all[i] = &photos[i % 2];
    }
    all[MANY] = NULL;
    NiteruProduct product = {.size = sizeof product, .id = "many", .photos = all};
    NiteruPutReport report = {.size = sizeof report};
    g_assert_true(niteru_put(shop.catalogue, &product, NULL, NULL, &report, &error));
    g_assert_cmpuint(report.photos, ==, MANY);
    g_autofree char *models = niteru_models_json(shop.catalogue, 0, NULL, &error);
    g_assert_nonnull(strstr(models, "\"vectors\": 2"));
    for (unsigned i = 0; i <= 1000; i++) {
        all[i] = &photos[0];
    }
    all[1001] = NULL;
    g_assert_false(niteru_put(shop.catalogue, &product, NULL, NULL, &report, &error));
    expect_error(&error, NITERU_ERROR_LIMIT, "1000");
    expect_sound(&shop);
    g_bytes_unref(two[0]);
    g_bytes_unref(two[1]);
    shop_drop(&shop);
}

/* Originals are there as long as a photo shows them; those just written are left alone. */
static void test_originals(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    NiteruPutReport report;
    shop_open(&shop);
    char *paths[3];
    for (int i = 0; i < 3; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i);
        g_assert_true(put(&shop, id, NULL, i, false, &report, NULL, &error));
        g_autoptr(GBytes) bytes = draw_bytes(&shop, (unsigned)i);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        uint8_t hash[32];
        nt_sha256(data, size, hash);
        g_autofree char *location = nt_original_location(hash);
        paths[i] = nt_location_path(shop.catalogue, location);
        g_autofree char *kept = NULL;
        gsize kept_size = 0;
        g_assert_true(g_file_get_contents(paths[i], &kept, &kept_size, NULL));
        g_assert_cmpmem(kept, kept_size, data, size);
        struct utimbuf old = {.modtime = time(NULL) - 7200};
        g_assert_true(i == 2 || g_utime(paths[i], &old) == 0);
    }
    g_autoptr(NiteruResults) results = niteru_similar(shop.catalogue, "p0", NULL, NULL, &error);
    g_assert_true(g_file_test(niteru_results_get(results, 0)->photo, G_FILE_TEST_IS_REGULAR));
    g_assert_true(niteru_remove(shop.catalogue, (const char *const[]){"p1", "p2"}, 2, NULL, 0, NULL, NULL, &error));
    int held[2];
    for (int i = 0; i < 2; i++) { /* two backups at a time */
        g_assert_true(nt_originals_hold(shop.catalogue, NULL, &held[i], &error));
        g_assert_cmpint(held[i], >=, 0);
    }
    for (int i = 0; i < 2; i++) {
        nt_originals_sweep(shop.catalogue);
        g_assert_true(g_file_test(paths[1], G_FILE_TEST_EXISTS)); /* as long as one is under way */
        close(held[i]);
    }
    nt_originals_sweep(shop.catalogue);
    for (int i = 0; i < 3; i++) {
        g_assert_true(g_file_test(paths[i], G_FILE_TEST_EXISTS) == (i != 1));
        g_free(paths[i]);
    }
    expect_sound(&shop);
    shop_drop(&shop);
}

/* A handle whose catalogue was removed, or replaced, says so. */
static void test_replaced(void) {
    Shop shop;
    GError *error = NULL;
    NiteruPutReport report;
    shop_open(&shop);
    g_assert_true(put(&shop, "a", NULL, 1, false, &report, NULL, &error));
    g_assert_true(put(&shop, "b", NULL, 2, false, &report, NULL, &error));
    EXPECT(alike(&shop, "a", NULL, 5), "b");
    g_autofree char *here = below(&shop, "shop.niteru"), *away = below(&shop, "away.niteru"), *check = NULL;
    g_assert_cmpint(g_rename(here, away), ==, 0);
    g_autoptr(NiteruCatalogue) anew = niteru_open(here, NULL, &error);
    g_assert_no_error(error);
    g_assert_null(niteru_similar(shop.catalogue, "a", NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "replaced");
    g_assert_false(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "replaced");
    g_assert_false(put(&shop, "c", NULL, 3, false, &report, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "replaced");
    g_clear_pointer(&anew, niteru_close);
    shop_drop(&shop);
}

/* ---- beside a run ---- */

typedef struct Run {
    Shop *shop;
    atomic_bool over;
} Run;

static void *index_all(void *data) {
    Run *run = data;
    g_autoptr(GError) error = NULL;
    index_shop(run->shop, "photos", NULL, &error);
    g_assert_no_error(error);
    atomic_store(&run->over, true);
    return NULL;
}

/* A product that is put, and one that is removed, while a run goes on: found, and gone, before it is over. */
static void test_beside_a_run(void) {
    Shop shop;
    GError *error = NULL;
    NiteruPutReport report;
    shop_open(&shop);
    for (unsigned i = 0; i < RUN_PHOTOS; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%02u.png", i);
        draw_picture(&shop, name, i);
    }
    Run run = {.shop = &shop};
    GThread *thread = g_thread_new("index", index_all, &run);
    unsigned put_meanwhile = 0;
    for (unsigned i = 0; !atomic_load(&run.over); i++) {
        g_autofree char *id = g_strdup_printf("live%u", i);
        g_assert_true(put(&shop, id, "{\"live\": true}", 100 + (int)i % 3, false, &report, NULL, &error));
        g_autofree char *text = alike(&shop, id, "live", 1000);
        g_assert_false(g_str_has_prefix(text, "!"));
        uint64_t removed = 0;
        g_assert_true(niteru_remove(shop.catalogue, (const char *const[]){id}, 1, NULL, 0, NULL, &removed, &error));
        g_assert_cmpuint(removed, ==, 1);
        put_meanwhile += !atomic_load(&run.over);
    }
    g_thread_join(thread);
    g_test_message("%u products were put and removed beside the run", put_meanwhile);
    expect_sound(&shop);
    shop_drop(&shop);
}

/* Stopped at any point: an error, and the product is there whole or not at all. */
static void test_stopped(void) {
    Shop shop;
    GError *error = NULL;
    NiteruPutReport report;
    shop_open(&shop);
    g_assert_true(put(&shop, "a", NULL, 1, false, &report, NULL, &error));
    for (unsigned ms = 1; ms < 40; ms += 3) {
        g_autoptr(GBytes) bytes = draw_bytes(&shop, 1000 + ms);
        gsize size;
        const void *data = g_bytes_get_data(bytes, &size);
        const NiteruPhoto photo = {.size = sizeof photo, .bytes = data, .length = size};
        const NiteruProduct product = {
            .size = sizeof product, .id = "late", .photos = (const NiteruPhoto *const[]){&photo, NULL}};
        const NiteruPutOptions options = {.size = sizeof options, .timeout_ms = ms};
        bool ok = niteru_put(shop.catalogue, &product, &options, NULL, NULL, &error);
        g_assert_true(ok == (error == NULL));
        if (!ok) {
            expect_error(&error, NITERU_ERROR_TIMEOUT, "");
        }
        g_autofree char *json = niteru_product_json(shop.catalogue, "late", NULL);
        g_assert_true(ok == (json != NULL));
        g_assert_true(niteru_remove(shop.catalogue, (const char *const[]){"late"}, 1, NULL, 0, NULL, NULL, &error));
    }
    expect_sound(&shop);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ingest/put/life", test_life);
    g_test_add_func("/ingest/put/faults", test_faults);
    g_test_add_func("/ingest/put/many", test_many);
    g_test_add_func("/ingest/put/originals", test_originals);
    g_test_add_func("/ingest/put/replaced", test_replaced);
    g_test_add_func("/ingest/put/beside-a-run", test_beside_a_run);
    g_test_add_func("/ingest/put/stopped", test_stopped);
    return g_test_run();
}
