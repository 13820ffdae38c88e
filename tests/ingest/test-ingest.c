/* SPDX-License-Identifier: Apache-2.0 */
/* niteru_index with real photos, the real decoder and the model that ships. */
#include "../support/shop.h"

#include "base/base.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void draw_pictures(const Shop *shop, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%02u.png", i);
        draw_picture(shop, name, i);
    }
}

static char *similar(Shop *shop, const char *id, size_t k) {
    g_autoptr(GError) error = NULL;
    NiteruResults *results = niteru_similar(
        shop->catalogue, id, &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = k}, NULL, &error);
    return ids_of(results, error);
}

static void expect_counts(const Shop *shop, uint64_t products, uint64_t added, uint64_t embedded, uint64_t reused,
                          uint64_t failed) {
    g_assert_cmpuint(shop->report.products, ==, products);
    g_assert_cmpuint(shop->report.added, ==, added);
    g_assert_cmpuint(shop->report.embedded, ==, embedded);
    g_assert_cmpuint(shop->report.reused, ==, reused);
    g_assert_cmpuint(shop->report.failed, ==, failed);
    g_assert_cmpuint(shop->failures->len, ==, failed);
}

/* A second run embeds what changed, and nothing else. */
static void test_again(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 6);
    draw_picture(&shop, "photos/twin.png", 2); /* the same bytes as p02.png */
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    expect_counts(&shop, 7, 7, 6, 1, 0);
    g_assert_cmpuint(shop.report.photos, ==, 7);
    g_autofree char *first = similar(&shop, "p02.png", 1);
    g_assert_cmpstr(first, ==, "twin.png");

    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    expect_counts(&shop, 7, 0, 0, 7, 0);
    g_assert_true(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .rehash = true}, &error));
    expect_counts(&shop, 7, 0, 0, 7, 0);

    draw_picture(&shop, "photos/twin.png", 31);
    draw_picture(&shop, "photos/new.png", 4); /* known content under a new name */
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    expect_counts(&shop, 8, 1, 1, 7, 0);
    g_autofree char *now = similar(&shop, "p04.png", 1);
    g_assert_cmpstr(now, ==, "new.png");
    shop_drop(&shop);
}

/* Photos that cannot be used cost themselves only, are told each time, and are taken as soon as they can be. */
static void test_failures(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 2);
    g_free(write_text(&shop, "photos/bad.png", "\x89PNG\r\n\x1a\nthis is not the rest of a PNG"));
    g_free(write_text(&shop, "photos/note.jpg", "hello"));
    g_free(write_text(&shop, "list.csv",
                      "id,image\n"
                      "good,photos/p00.png\n"
                      "bad,photos/bad.png\n"
                      "text,photos/note.jpg\n"
                      "gone,photos/gone.png\n"
                      "good,photos/p01.png\n"
                      ",photos/p01.png\n"));
    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    expect_counts(&shop, 4, 4, 1, 0, 5);
    g_assert_true(has_failure(&shop, "|bad|", "bad.png"));
    g_assert_true(has_failure(&shop, "|text|", "note.jpg"));
    g_assert_true(has_failure(&shop, "|gone|", "No such file"));
    g_assert_true(has_failure(&shop, "list.csv:6", "line 2"));
    g_assert_true(has_failure(&shop, "list.csv:7", "id"));
    g_autofree char *none = similar(&shop, "bad", 3);
    g_assert_nonnull(strstr(none, "no vector"));
    g_autofree char *shown = niteru_product_json(shop.catalogue, "gone", &error);
    g_assert_nonnull(strstr(shown, "\"error\""));

    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    expect_counts(&shop, 4, 0, 0, 1, 5);
    draw_picture(&shop, "photos/bad.png", 7);
    draw_picture(&shop, "photos/gone.png", 8);
    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    expect_counts(&shop, 4, 0, 2, 1, 3);
    g_autofree char *found = similar(&shop, "bad", 3);
    g_assert_null(strstr(found, "!"));

    /* A good photo that goes bad leaves the answers, and comes back without being embedded again. */
    g_autofree char *good = below(&shop, "photos/p00.png"), *aside = below(&shop, "aside.png");
    g_assert_cmpint(g_rename(good, aside), ==, 0);
    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    g_autofree char *without = similar(&shop, "good", 3);
    g_assert_nonnull(strstr(without, "no vector"));
    g_assert_cmpint(g_rename(aside, good), ==, 0);
    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    g_assert_cmpuint(shop.report.embedded, ==, 0);
    g_autofree char *with = similar(&shop, "good", 3);
    g_assert_null(strstr(with, "!"));
    shop_drop(&shop);
}

/* What is gone from a folder goes with --prune, unless the folder cannot be trusted. */
static void test_prune(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    const NiteruIndexOptions prune = {.size = sizeof(NiteruIndexOptions), .prune = true};
    shop_open(&shop);
    draw_pictures(&shop, 3);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    drop_file(&shop, "photos/p01.png");
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_autofree char *kept = similar(&shop, "p00.png", 9);
    g_assert_nonnull(strstr(kept, "p01.png"));
    g_assert_true(index_shop(&shop, "photos", &prune, &error));
    g_assert_cmpuint(shop.report.removed, ==, 1);
    g_autofree char *pruned = similar(&shop, "p00.png", 9);
    g_assert_cmpstr(pruned, ==, "p02.png");

    drop_file(&shop, "photos/p00.png");
    GString *deep = g_string_new("photos");
    for (int i = 0; i < 101; i++) {
        g_string_append(deep, "/d");
    }
    g_autofree char *folders = below(&shop, deep->str);
    g_assert_cmpint(g_mkdir_with_parents(folders, 0777), ==, 0);
    g_assert_false(index_shop(&shop, "photos", &prune, &error));
    g_assert_cmpuint(shop.report.removed, ==, 0);
    g_assert_nonnull(strstr(error->message, "nothing was pruned"));
    expect_error(&error, NITERU_ERROR_IO, "could not be read: ");
    for (; deep->len > strlen("photos"); g_string_truncate(deep, deep->len - 2)) {
        drop_file(&shop, deep->str);
    }
    g_string_free(deep, TRUE);

    drop_file(&shop, "photos/p02.png");
    g_assert_false(index_shop(&shop, "photos", &prune, &error));
    g_assert_cmpuint(shop.report.removed, ==, 0);
    expect_error(&error, NITERU_ERROR_INVALID, "no photo is in it; nothing was pruned");
    shop_drop(&shop);
}

/* A folder that holds the catalogue itself. */
static void test_catalogue_inside(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 2);
    draw_picture(&shop, "shop.niteru/thumbs/p.png", 5);
    g_assert_true(index_shop(&shop, "", NULL, &error));
    expect_counts(&shop, 2, 2, 2, 0, 0);
    draw_picture(&shop, "photos/blue/a.png", 6);
    draw_picture(&shop, "photos/blue/b.png", 7);
    g_assert_true(index_shop(
        &shop, "", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .product_from_folder = true}, &error));
    expect_counts(&shop, 2, 2, 2, 2, 0);
    g_autofree char *json = niteru_product_json(shop.catalogue, "photos/blue", &error);
    g_assert_nonnull(strstr(json, "b.png"));
    shop_drop(&shop);
}

enum { STOP_PICTURES = 250 /* more than are listed at once */ };

static void cancel(const NiteruFailure *failure, void *data) { g_cancellable_cancel(data); }

/* A stop keeps what was done; the next run goes on there. */
static void test_stop(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) stop = g_cancellable_new();
    shop_open(&shop);
    draw_pictures(&shop, STOP_PICTURES);
    g_free(write_text(&shop, "photos/a.png", "no picture"));
    shop.stop = stop;
    g_assert_false(
        index_shop(&shop, "photos",
                   &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .failure = cancel, .data = stop}, &error));
    shop.stop = NULL;
    expect_error(&error, NITERU_ERROR_CANCELLED, "is kept");
    uint64_t before = shop.report.embedded;
    g_assert_cmpuint(before, <, STOP_PICTURES);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.products, ==, STOP_PICTURES + 1);
    g_assert_cmpuint(shop.report.embedded + before, ==, STOP_PICTURES);
    g_assert_cmpuint(shop.report.reused, ==, before);
    shop_drop(&shop);
}

/* Stopped at whichever moment, what is there is sound, and in the end all of it is there. */
static void test_deadlines(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 60);
    bool done = false;
    unsigned stopped = 0;
    for (unsigned ms = 1; !done; ms += 1 + ms / 3) {
        const NiteruIndexOptions options = {.size = sizeof options, .timeout_ms = ms};
        done = index_shop(&shop, "photos", &options, &error);
        if (!done) {
            expect_error(&error, NITERU_ERROR_TIMEOUT, "");
            stopped++;
        }
        g_autofree char *check = NULL;
        g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
        if (strstr(check, "\"sound\": true") == NULL) {
            g_error("after %u ms: %s", ms, check);
        }
    }
    g_assert_cmpuint(stopped, >, 3);
    g_assert_cmpuint(shop.report.products, ==, 60);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.reused, ==, 60);
    shop_drop(&shop);
}

/* Whether another process finds the file locked by this one. */
static bool is_locked(const Shop *shop, const char *name) {
    g_autofree char *path = below(shop, name);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR | O_CLOEXEC);
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    int status = 1;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return status == 0;
}

static void try_index(Shop *shop, const char *source) {
    g_autoptr(GError) error = NULL;
    index_shop(shop, source, NULL, &error);
    g_assert_true(is_locked(shop, "shop.niteru/catalogue.db"));
    g_assert_true(is_locked(shop, "shop.niteru/catalogue.db-shm"));
}

/* The catalogue's own files among what is indexed, by whatever name: to open one would unlock the database. */
static void test_own_files(void) {
    static const char *const names[] = {"photos/hard.jpg", "photos/hard", "photos/shared.jpg", "photos/shared"};
    static const char *const links[] = {"photos/soft.jpg", "photos/soft"};
    Shop shop;
    shop_open(&shop);
    draw_pictures(&shop, 2);
    try_index(&shop, "photos");
    g_autofree char *db = below(&shop, "shop.niteru/catalogue.db");
    g_autofree char *shm = below(&shop, "shop.niteru/catalogue.db-shm");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = below(&shop, names[i]);
        g_assert_cmpint(link(i < 2 ? db : shm, path), ==, 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autofree char *path = below(&shop, links[i]);
        g_assert_cmpint(symlink(i == 0 ? db : shm, path), ==, 0);
    }
    g_free(write_text(&shop, "list.csv", "id,image\na,shop.niteru/catalogue.db\nb,photos/soft\n"));
    try_index(&shop, "photos");
    g_assert_true(has_failure(&shop, "hard.jpg", "open here"));
    try_index(&shop, "shop.niteru");
    try_index(&shop, "list.csv");
    try_index(&shop, "shop.niteru/catalogue.db");
    try_index(&shop, "photos/soft.jpg");
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_file_read(db, 1 << 20, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "open here");
    g_assert_false(niteru_model_add(shop.catalogue, db, NULL, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "open here");
    g_assert_false(niteru_import(shop.catalogue, shm, NULL, NULL, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "");
    g_assert_true(is_locked(&shop, "shop.niteru/catalogue.db"));
    g_assert_true(is_locked(&shop, "shop.niteru/catalogue.db-shm"));
    shop_drop(&shop);
}

/* A vectors file that is gone, cut or overwritten: searches say what to do, and that does it. */
static void test_lost_vectors(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 4);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_autofree char *whole = similar(&shop, "p00.png", 9);
    for (int damage = 0; damage < 3; damage++) {
        g_clear_pointer(&shop.catalogue, niteru_close);
        g_autofree char *name = g_strdup_printf("shop.niteru/vectors/niteru-base.%d.vec", damage + 1);
        g_autofree char *path = below(&shop, name);
        if (damage == 0) {
            drop_file(&shop, name);
        } else if (damage == 1) {
            g_assert_cmpint(truncate(path, 4096 + 100), ==, 0);
        } else {
            g_free(write_text(&shop, name, "not vectors at all"));
        }
        shop_again(&shop);
        g_autofree char *lost = similar(&shop, "p00.png", 9);
        g_assert_nonnull(strstr(lost, "niteru-base"));
        g_assert_nonnull(strstr(lost, "indexing its sources again"));
        g_autofree char *check = NULL;
        g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
        g_assert_nonnull(strstr(check, "\"sound\": false"));
        g_assert_true(index_shop(&shop, "photos", NULL, &error));
        g_assert_cmpuint(shop.report.embedded, ==, 4);
        g_assert_true(has_failure(&shop, "shop.niteru", "embedded again"));
        g_autofree char *again = similar(&shop, "p00.png", 9);
        g_assert_cmpstr(again, ==, whole);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    }
    g_autofree char *check = NULL;
    g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    g_assert_nonnull(strstr(check, "\"sound\": true"));
    shop_drop(&shop);
}

/* Two models in one catalogue do not touch each other. */
static void test_two_models(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 3);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_autofree char *network = g_build_filename(g_getenv("NITERU_MODELS"), "niteru-base.onnx", NULL);
    g_assert_true(niteru_model_add(shop.catalogue, network,
                                   &(NiteruModelOptions){.size = sizeof(NiteruModelOptions),
                                                         .name = "other",
                                                         .preset = "squash-01",
                                                         .metric = "euclidean",
                                                         .dtype = "f4"},
                                   NULL, NULL, &error));
    g_assert_false(
        niteru_model_add(shop.catalogue, network,
                         &(NiteruModelOptions){.size = sizeof(NiteruModelOptions), .name = "other", .preset = "squash"},
                         NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "already");
    NiteruSearchOptions ask = {.size = sizeof(NiteruSearchOptions), .model = "other"};
    g_assert_null(niteru_similar(shop.catalogue, "p00.png", &ask, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "the model other has no vectors yet");
    g_assert_true(index_shop(&shop, "photos",
                             &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "other"}, &error));
    g_assert_cmpuint(shop.report.embedded, ==, 3);
    g_autoptr(NiteruResults) far = niteru_similar(shop.catalogue, "p00.png", &ask, NULL, &error);
    g_autoptr(NiteruResults) near = niteru_similar(shop.catalogue, "p00.png", NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(far), ==, 2);
    g_assert_cmpfloat(niteru_results_get(far, 0)->raw, <=, niteru_results_get(far, 1)->raw);
    g_assert_cmpfloat(niteru_results_get(near, 0)->raw, >=, niteru_results_get(near, 1)->raw);
    g_assert_false(index_shop(&shop, "photos",
                              &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "third"}, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "other");

    /* Another network in the place of the one a model was made with is noticed. */
    g_autoptr(GBytes) bytes = nt_file_read(network, 1 << 30, &error);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *place = below(&shop, "shop.niteru/models/other/model.onnx"), *check = NULL;
    g_autofree char *changed = g_memdup2(data, size);
    changed[size / 2] ^= 1;
    g_assert_true(g_file_set_contents(place, changed, (gssize)size, &error));
    g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    g_assert_nonnull(strstr(check, "not the network"));
    shop_drop(&shop);
}

/* A machine without a decoder fails the run, not the photos. */
static void test_no_decoder(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 3);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    draw_picture(&shop, "photos/p01.png", 20);
    g_autofree char *decoder = g_strdup(g_getenv("NITERU_DECODER"));
    g_setenv("NITERU_DECODER", "/nonexistent/niteru-decoder", TRUE);
    shop_again(&shop); /* decoders live as long as a catalogue is open */
    g_assert_false(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.failed, ==, 0);
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_autofree char *still = similar(&shop, "p01.png", 1);
    g_assert_null(strstr(still, "!"));
    /* One that cannot work: the first photos pay for it, then the run ends. */
    draw_pictures(&shop, 20);
    draw_picture(&shop, "photos/p01.png", 20);
    g_setenv("NITERU_DECODER", "/bin/false", TRUE);
    shop_again(&shop);
    g_assert_false(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.failed, <, 10);
    g_assert_nonnull(error);
    g_clear_error(&error);
    for (unsigned i = 3; i < 20; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%02u.png", i);
        drop_file(&shop, name);
    }
    g_setenv("NITERU_DECODER", decoder, TRUE);
    shop_again(&shop);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.embedded, ==, 1);
    g_assert_cmpuint(shop.report.failed, ==, 0);
    shop_drop(&shop);
}

typedef struct Meddling {
    Shop *shop;
    bool refused;
} Meddling;

static void meddle(const NiteruFailure *failure, void *data) {
    Meddling *meddling = data;
    g_autoptr(GError) error = NULL;
    const char *id = "p00.png";
    g_assert_false(niteru_remove(meddling->shop->catalogue, &id, 1, NULL, 0, NULL, NULL, &error));
    meddling->refused = g_error_matches(error, NITERU_ERROR, NITERU_ERROR_INVALID);
}

/* A callback that writes would wait for itself; it is told so. Reading is fine. */
static void test_callback(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 1);
    g_free(write_text(&shop, "photos/z.png", "no picture"));
    Meddling meddling = {.shop = &shop};
    g_autofree char *path = below(&shop, "photos");
    g_assert_true(
        niteru_index(shop.catalogue, path,
                     &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .failure = meddle, .data = &meddling},
                     NULL, NULL, &error));
    g_assert_true(meddling.refused);
    shop_drop(&shop);
}

static void test_refusals(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_assert_false(index_shop(&shop, "nowhere", NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "nowhere");
    g_assert_null(
        niteru_open(shop.folder, &(NiteruOptions){.size = sizeof(NiteruOptions), .threads = 4000000000U}, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "threads");
    g_clear_pointer(&shop.catalogue, niteru_close);
    g_autofree char *path = below(&shop, "shop.niteru");
    draw_pictures(&shop, 1);
    shop.catalogue = niteru_open(path, &(NiteruOptions){.size = sizeof(NiteruOptions), .read_only = true}, &error);
    g_assert_no_error(error);
    g_assert_false(index_shop(&shop, "photos", NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "reading only");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ingest/ingest/again", test_again);
    g_test_add_func("/ingest/ingest/failures", test_failures);
    g_test_add_func("/ingest/ingest/prune", test_prune);
    g_test_add_func("/ingest/ingest/catalogue-inside", test_catalogue_inside);
    g_test_add_func("/ingest/ingest/stop", test_stop);
    g_test_add_func("/ingest/ingest/deadlines", test_deadlines);
    g_test_add_func("/ingest/ingest/own-files", test_own_files);
    g_test_add_func("/ingest/ingest/lost-vectors", test_lost_vectors);
    g_test_add_func("/ingest/ingest/two-models", test_two_models);
    g_test_add_func("/ingest/ingest/no-decoder", test_no_decoder);
    g_test_add_func("/ingest/ingest/callback", test_callback);
    g_test_add_func("/ingest/ingest/refusals", test_refusals);
    return g_test_run();
}
