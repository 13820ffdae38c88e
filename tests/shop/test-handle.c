/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handle over a long life: closed while calls run, thousands of calls of all kinds, a version that somebody holds
 * while the catalogue moves on, compactions without end (NITERU_COMPACTIONS, 40). Descriptors, threads, memory and the
 * log are where they were.
 */
#include "../support/shop.h"

#include <glib/gstdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 8, PRODUCTS = 40, CALLS = 10000, WARM = 500, COMMITS = 1000 };

static unsigned entries(const char *folder) {
    unsigned count = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    while (dir != NULL && g_dir_read_name(dir) != NULL) {
        count++;
    }
    return count;
}

static unsigned descriptors(void) { return entries("/proc/self/fd"); }
static unsigned threads(void) { return entries("/proc/self/task"); }

/* Private memory of this process, in kB. */
static double memory(void) {
    g_autofree char *text = NULL;
    double kilobytes = 0;
    if (g_file_get_contents("/proc/self/smaps_rollup", &text, NULL, NULL)) {
        for (const char *at = text; (at = strstr(at, "Private_Dirty")) != NULL; at++) {
            kilobytes += g_ascii_strtod(strchr(at, ':') + 1, NULL);
        }
    }
    return kilobytes;
}

static void import_toys(Shop *shop, unsigned count, unsigned seed) {
    g_autofree float *rows = g_new(float, count *DIM);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (unsigned i = 0; i < count; i++) {
        g_ptr_array_add(ids, g_strdup_printf("p%u", i));
        for (unsigned d = 0; d < DIM; d++) {
            rows[i * DIM + d] = (float)g_rand_double(random) - 0.5F;
        }
    }
    import_vectors(shop, "toy", (const char *const *)ids->pdata, rows, count, DIM);
}

/* ---- closing ---- */

typedef struct Caller {
    Shop *shop;
    atomic_uint inside;
} Caller;

static bool linger(const char *id, const char *json, void *data) {
    Caller *caller = data;
    atomic_fetch_add(&caller->inside, 1);
    g_usleep(1000);
    return true;
}

static void *list_slowly(void *data) {
    Caller *caller = data;
    g_autoptr(GError) error = NULL;
    g_assert_false(niteru_list(caller->shop->catalogue, NULL, linger, caller, NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    return NULL;
}

static void note_progress(const NiteruProgress *progress, void *data) {
    atomic_fetch_add(&((Caller *)data)->inside, 1);
}

static void *index_slowly(void *data) {
    Caller *caller = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *photos = below(caller->shop, "photos");
    const NiteruIndexOptions options = {.size = sizeof options, .progress = note_progress, .data = caller};
    NiteruIndexReport report = {.size = sizeof report};
    g_assert_false(niteru_index(caller->shop->catalogue, photos, &options, NULL, &report, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    g_assert_nonnull(strstr(error->message, "is kept"));
    return NULL;
}

static void test_close(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    import_toys(&shop, 3000, 1); /* three seconds of listing */
    for (unsigned i = 0; i < 300; i++) {
        g_autofree char *name = g_strdup_printf("photos/%03u.png", i);
        draw_picture(&shop, name, i);
    }
    g_autofree char *network = g_build_filename(g_getenv("NITERU_MODELS"), "niteru-base.onnx", NULL);
    const NiteruModelOptions model = {.size = sizeof model, .preset = "squash-01", .make_default = true};
    g_assert_true(niteru_model_add(shop.catalogue, network, &model, NULL, NULL, &error));
    Caller listing = {.shop = &shop}, indexing = {.shop = &shop};
    GThread *lister = g_thread_new("list", list_slowly, &listing);
    GThread *indexer = g_thread_new("index", index_slowly, &indexing);
    while (atomic_load(&listing.inside) == 0 || atomic_load(&indexing.inside) == 0) {
        g_usleep(1000);
    }
    g_clear_pointer(&shop.catalogue, niteru_close);
    g_thread_join(lister);
    g_thread_join(indexer);
    g_autofree char *folder = below(&shop, "shop.niteru"), *check = NULL;
    shop.catalogue = niteru_open(folder, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    g_assert_nonnull(strstr(check, "\"sound\": true"));
    shop_drop(&shop);
}

/* ---- many calls ---- */

static bool go_on(const char *id, const char *json, void *data) { return true; }

/* One call of some kind; that it may find nothing is no matter. */
static void call(Shop *shop, unsigned i, const char *photo) {
    NiteruCatalogue *catalogue = shop->catalogue;
    g_autofree char *id = g_strdup_printf("p%u", i % (PRODUCTS + 3)), *where = g_strdup_printf("price < %u", i % 100);
    const float vector[DIM] = {1, 0.5F, (float)(i % 7)};
    NiteruSearchOptions options = {.size = sizeof options, .k = 1 + i % 9, .model = "toy"};
    options.where = i % 3 == 0 ? where : NULL;
    options.metadata = i % 4 == 0;
    const NiteruProduct product = {.size = sizeof product, .id = id, .metadata = "{\"price\": 7}"};
    switch (i % 200 == 0 ? 100 : i % 100 == 1 ? 101 : i % 8) {
    case 0:
    case 1: niteru_results_free(niteru_similar(catalogue, id, &options, NULL, NULL)); break;
    case 2: niteru_results_free(niteru_search_vector(catalogue, vector, DIM, &options, NULL, NULL)); break;
    case 3: g_free(niteru_product_json(catalogue, id, NULL)); break;
    case 4: niteru_list(catalogue, NULL, go_on, NULL, NULL, NULL); break;
    case 5: g_free(niteru_where_json(catalogue, where, 0, NULL, NULL)); break;
    case 6: g_free(niteru_models_json(catalogue, 0, NULL, NULL)); break;
    case 7: g_free(niteru_info_json(catalogue, 0, NULL, NULL)); break;
    case 100: niteru_results_free(niteru_search_photo(catalogue, photo, NULL, NULL, NULL)); break;
    default:
        niteru_put(catalogue, &product, NULL, NULL, NULL, NULL);
        niteru_remove(catalogue, (const char *const[]){id}, i % 2, NULL, 0, NULL, NULL, NULL);
    }
}

static void test_many_calls(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_picture(&shop, "photos/a.png", 1);
    index_shop(&shop, "photos", NULL, &error);
    g_assert_no_error(error);
    import_toys(&shop, PRODUCTS, 1);
    g_autofree char *photo = below(&shop, "photos/a.png");
    unsigned before_files = 0, before_threads = 0;
    for (unsigned i = 0; i < CALLS; i++) {
        call(&shop, i, photo);
        if (i == WARM) {
            before_files = descriptors();
            before_threads = threads();
        }
    }
    g_assert_cmpuint(descriptors(), <=, before_files + 2); /* a connection more was of use, perhaps */
    g_assert_cmpuint(threads(), <=, before_threads);
    shop_drop(&shop);
}

/* Calls that read end when they are told to, in the middle of a statement too. */
static void test_stopped_reading(void) {
    Shop shop;
    GError *error = NULL;
    shop_open(&shop);
    import_toys(&shop, 6000, 1);
    NtWait over = {.deadline = g_get_monotonic_time() - 1};
    g_auto(NtSnapshot) snapshot = {0};
    g_assert_true(nt_snapshot_open(&snapshot, shop.catalogue, "toy", &error));
    nt_catalogue_set_wait(snapshot.reader.db, &over);
    g_assert_null(nt_filter_open(&snapshot, "id ~ 'nothing' or id ~ 'like' or id ~ 'this'", &error));
    expect_error(&error, NITERU_ERROR_TIMEOUT, "");
    nt_catalogue_set_wait(snapshot.reader.db, NULL);
    g_autoptr(NtFilter) filter = nt_filter_open(&snapshot, "id ~ 'p12'", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(filter->count, ==, 111);
    nt_snapshot_clear(&snapshot);
    g_autoptr(GCancellable) stop = g_cancellable_new();
    g_cancellable_cancel(stop);
    g_autofree char *check = NULL, *folder = below(&shop, "out");
    const NiteruEvalOptions eval = {.size = sizeof eval, .label = "kind"};
    NiteruEvalReport report = {.size = sizeof report};
    g_assert_false(niteru_check(shop.catalogue, 0, stop, &check, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_assert_false(niteru_list(shop.catalogue, NULL, go_on, NULL, stop, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_assert_false(niteru_eval(shop.catalogue, &eval, stop, &report, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_assert_false(niteru_export(shop.catalogue, folder, NULL, stop, NULL, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_assert_false(niteru_remove(shop.catalogue, NULL, 0, "id ~ 'p'", 0, stop, NULL, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    shop_drop(&shop);
}

/* ---- a version that is held ---- */

static void test_held(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    import_toys(&shop, 1500, 1);
    g_auto(NtSnapshot) held = {0};
    g_assert_true(nt_snapshot_open(&held, shop.catalogue, "toy", &error));
    nt_reader_clear(&held.reader);
    const NtVersion *version = held.version;
    g_autofree float *first = g_new(float, DIM), *then = g_new(float, DIM);
    nt_rows_get(&version->view, 1499, first);
    for (unsigned i = 0; i < COMMITS; i++) {
        g_autofree char *id = g_strdup_printf("new%u", i);
        const NiteruProduct product = {.size = sizeof product, .id = id, .metadata = "{\"price\": 7}"};
        const NiteruPutOptions options = {.size = sizeof options, .model = "toy"};
        g_assert_true(niteru_put(shop.catalogue, &product, &options, NULL, NULL, &error));
        if (i % 100 == 99) {
            import_toys(&shop, 1500, i); /* replaces all, and is compacted */
        }
    }
    nt_rows_get(&version->view, 1499, then);
    g_assert_cmpmem(first, DIM * sizeof(float), then, DIM * sizeof(float));
    g_assert_cmpuint(version->labels.alive, ==, 1500);
    GStatBuf file;
    g_autofree char *log = below(&shop, "shop.niteru/catalogue.db-wal"),
                    *old = below(&shop, "shop.niteru/vectors/toy.1.vec");
    g_assert_cmpint(g_stat(log, &file), ==, 0);
    g_assert_cmpint(file.st_size, <, 64 << 20);
    g_assert_cmpint(g_stat(old, &file), !=, 0);
    nt_snapshot_clear(&held);
    shop_drop(&shop);
}

static void test_compactions(void) {
    const char *asked = g_getenv("NITERU_COMPACTIONS");
    unsigned rounds = asked != NULL ? (unsigned)atoi(asked) : 40, files = 0;
    double taken = 0;
    Shop shop;
    shop_open(&shop);
    for (unsigned i = 0; i < rounds; i++) {
        g_autoptr(GError) error = NULL;
        import_toys(&shop, 1500, i);
        const NiteruSearchOptions options = {.size = sizeof options, .model = "toy"};
        niteru_results_free(niteru_similar(shop.catalogue, "p3", &options, NULL, &error));
        g_assert_no_error(error);
        if (i == rounds / 4) {
            files = descriptors();
            taken = memory();
        }
    }
    g_test_message("%u compactions: %u descriptors, then %u; %.0f kB, then %.0f", rounds, files, descriptors(), taken,
                   memory());
    g_assert_cmpuint(descriptors(), <=, files);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed for a while */
    g_assert_cmpfloat(memory(), <, taken + 4096);
#endif
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/shop/handle/close", test_close);
    g_test_add_func("/shop/handle/many-calls", test_many_calls);
    g_test_add_func("/shop/handle/stopped-reading", test_stopped_reading);
    g_test_add_func("/shop/handle/held", test_held);
    g_test_add_func("/shop/handle/compactions", test_compactions);
    return g_test_run();
}
