/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: new folders, strangers' folders, damage, other versions, and what opening costs. */
#include "catalogue-support.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *in_folder(const char *folder, const char *name) { return g_build_filename(folder, name, NULL); }

/* Opens, expecting a fault; gives its message with the folder's path cut off. */
static char *fault_of(const char *folder, const NtCatalogueOptions *options, NiteruError code) {
    g_autoptr(GError) error = NULL;
    NtCatalogue *catalogue = nt_catalogue_open(folder, options, &error);
    g_assert_null(catalogue);
    g_assert_error(error, NITERU_ERROR, (int)code);
    g_test_message("%s", error->message);
    return g_strdup(error->message);
}

static void run_sql(const char *folder, const char *sql) {
    g_autofree char *path = in_folder(folder, "catalogue.db");
    sqlite3 *db = NULL;
    /* Through the catalogue's own layer, once it is there: pages have checksums. */
    const char *layer = sqlite3_vfs_find("niteru") != NULL ? "niteru" : NULL;
    g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, layer), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
}

static void test_fresh(void) {
    char *folder = make_folder();
    g_autofree char *deep = g_build_filename(folder, "a", "b.niteru", NULL);
    NtCatalogue *catalogue = open_catalogue(deep, false);
    g_assert_cmpstr(nt_catalogue_folder(catalogue), ==, deep);
    g_assert_false(nt_catalogue_was_unclean(catalogue));
    nt_catalogue_close(catalogue);
    catalogue = open_catalogue(deep, true);
    g_assert_true(nt_catalogue_read_only(catalogue));
    g_autoptr(GError) error = NULL;
    NtRun run;
    g_assert_false(nt_catalogue_begin(catalogue, &error) &&
                   nt_catalogue_start_run(catalogue, "csv", "/x", &run, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

static void test_absent(void) {
    char *folder = make_folder();
    g_autofree char *none = in_folder(folder, "none");
    g_free(fault_of(none, &(NtCatalogueOptions){.read_only = true}, NITERU_ERROR_NOT_FOUND));
    g_free(fault_of(none, &(NtCatalogueOptions){.must_exist = true}, NITERU_ERROR_NOT_FOUND));
    g_assert_false(g_file_test(none, G_FILE_TEST_EXISTS));
    g_autofree char *file = in_folder(folder, "file");
    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_catalogue_open(file, NULL, &error));
    g_assert_nonnull(error);
    drop_folder(folder);
}

/* What is not a catalogue is refused and left as it is. */
static void test_strangers(void) {
    char *folder = make_folder();
    g_autofree char *other = in_folder(folder, "holiday.jpg"), *db = in_folder(folder, "catalogue.db");
    g_assert_true(g_file_set_contents(other, "x", 1, NULL));
    g_free(fault_of(folder, NULL, NITERU_ERROR_INVALID));
    g_unlink(other);

    static const char *const contents[] = {"not a database", "SQLite format 3"};
    for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_assert_true(g_file_set_contents(db, contents[i], -1, NULL));
        g_free(fault_of(folder, NULL, NITERU_ERROR_CORRUPT));
        g_autofree char *left = NULL;
        g_assert_true(g_file_get_contents(db, &left, NULL, NULL));
        g_assert_cmpstr(left, ==, contents[i]);
    }
    g_unlink(db);
    run_sql(folder, "CREATE TABLE notes(text); INSERT INTO notes VALUES('mine')");
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_catalogue_open(folder, NULL, &error));
    g_assert_nonnull(error);
    drop_folder(folder);
}

static void test_newer(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    run_sql(folder, "PRAGMA user_version=999");
    g_autofree char *message = fault_of(folder, NULL, NITERU_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(message, "newer"));
    drop_folder(folder);
}

static bool count_shown(uint64_t vrow, int64_t product, void *data) {
    ++*(unsigned *)data;
    return true;
}

static bool count_source(const NtSourceRow *source, void *data) {
    g_assert_cmpuint(source->products, ==, 1);
    ++*(unsigned *)data;
    return true;
}

static bool count_maker(const NtMaker *maker, uint64_t vectors, void *data) {
    *(uint64_t *)data += maker->maker == NT_MAKER_UNKNOWN ? vectors : 100;
    return true;
}

static bool refuse_key(const NtKeyRow *key, void *data) { g_assert_not_reached(); }

static bool refuse_judged(const NtJudged *judged, void *data) {
    *(bool *)data = true;
    return true;
}

/* A catalogue of an earlier layout is read as it is, and brought up to date by the next writer. */
static void test_older(const void *data) {
    int layout = GPOINTER_TO_INT(data);
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    nt_catalogue_begin(catalogue, NULL);
    int64_t model = add_model(catalogue, "m"), content = add_content(catalogue, 1);
    NtPhotoState state = put_product(catalogue, &run, "a", (const char *const[]){"price=5", NULL}, "/a.jpg", 1);
    int64_t both[] = {content, add_content(catalogue, 2)};
    g_assert_true(nt_catalogue_set_photo_content(catalogue, state.photo, content, &(NtStamp){1, 1, 1, 1}, NULL));
    g_assert_true(nt_catalogue_add_vectors(catalogue, model, 0, both, 2, NT_MAKER_UNKNOWN, NULL));
    g_assert_true(nt_catalogue_put_digests(catalogue, model, 0, &(uint64_t){1}, 1, 2, NULL));
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    nt_catalogue_close(catalogue);
    run_sql(folder, (const char *const[]){NULL, TO_LAYOUT_1, TO_LAYOUT_2, TO_LAYOUT_3, TO_LAYOUT_4, TO_LAYOUT_5,
                                          TO_LAYOUT_6, TO_LAYOUT_7, TO_LAYOUT_8}[layout]);
    for (int pass = 0; pass < 3; pass++) { /* an old one read, turned, read again */
        catalogue = open_catalogue(folder, pass != 1);
        g_auto(NtModelRow) row = {0};
        uint64_t made = 0;
        int64_t vrow = -1;
        g_assert_true(nt_catalogue_find_model(catalogue, NULL, &row, NULL));
        g_assert_cmpstr(row.name, ==, "m");
        g_assert_false(row.has_digest || row.mixed);
        g_assert_true(nt_catalogue_each_maker(catalogue, row.model, count_maker, &made, NULL));
        g_assert_cmpuint(made, ==, 1);
        g_assert_true(nt_catalogue_find_vector(catalogue, row.model, content, &vrow, NULL));
        g_assert_cmpint(vrow, ==, 0);
        g_autofree char *said = problems(catalogue);
        g_assert_cmpstr(said, ==, "");
        g_autofree char *json = product_json(catalogue, "a");
        g_assert_nonnull(strstr(json, "\"price\": 5"));
        unsigned shown = 0, sources = 0;
        g_assert_true(nt_catalogue_each_shown(catalogue, row.model, count_shown, &shown, NULL));
        g_assert_true(nt_catalogue_each_source(catalogue, count_source, &sources, NULL));
        g_assert_true(shown == 1 && sources == 1);
        uint64_t last = 0;
        g_autoptr(GArray) changes = g_array_new(false, false, sizeof(int64_t));
        bool complete = true;
        g_assert_true(nt_catalogue_last_change(catalogue, &last, NULL));
        g_assert_true(nt_catalogue_changes(catalogue, 0, changes, &complete, NULL));
        bool logged = pass > 0 || layout >= 3;
        g_assert_true(logged ? last == 1 && complete && changes->len == 1 : last == UINT64_MAX && !complete);
        g_assert_cmpuint(row.dead, ==, logged ? 1 : 0);
        int64_t keys = 0;
        g_assert_true(nt_catalogue_each_key(catalogue, refuse_key, NULL, NULL));
        g_assert_true(nt_catalogue_keys_version(catalogue, &keys, NULL));
        g_assert_cmpint(keys, ==, 0);
        g_auto(NtTextFound) words = {0};
        g_autoptr(GError) no_words = NULL;
        bool found = nt_catalogue_find_text(catalogue, &(NtTextSearch){.text = "a", .most = 1}, &words, &no_words);
        bool judged = false;
        g_assert_true(nt_catalogue_each_judged(catalogue, refuse_judged, &judged, NULL) && !judged);
        g_assert_true(found == (pass > 0 || layout >= 5) && (!found || words.hits->len == 1));
        g_assert_true(found || g_error_matches(no_words, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED));
        g_autofree char *product = product_json(catalogue, "a");
        g_assert_nonnull(strstr(product, "\"metadata\": {\"price\": 5"));
        g_assert_null(strstr(product, "version"));
        nt_catalogue_close(catalogue);
    }
    drop_folder(folder);
}

/* A reader of an earlier layout goes on when a writer turns it meanwhile. */
static void test_turned(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    run_sql(folder, TO_LAYOUT_2 "INSERT INTO product(id) VALUES('a')");
    NtCatalogue *reader = open_catalogue(folder, true), *writer = NULL;
    uint64_t last = 0;
    unsigned sources = 0;
    CHECK(nt_catalogue_begin_reading(reader, error));
    CHECK(nt_catalogue_last_change(reader, &last, error));
    g_assert_cmpuint(last, ==, UINT64_MAX);
    nt_catalogue_end_reading(reader);
    writer = open_catalogue(folder, false);
    CHECK(nt_catalogue_begin_reading(reader, error));
    CHECK(nt_catalogue_last_change(reader, &last, error));
    CHECK(nt_catalogue_each_source(reader, count_source, &sources, error));
    g_assert_cmpuint(last, ==, 1);
    nt_catalogue_end_reading(reader);
    nt_catalogue_close(writer);
    nt_catalogue_close(reader);
    drop_folder(folder);
}

/* Each page that holds something, overwritten in turn: opening or checking says so. */
static void test_damage(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    nt_catalogue_begin(catalogue, NULL);
    for (int i = 0; i < 300; i++) {
        g_autofree char *id = g_strdup_printf("product-%d", i);
        put_product(catalogue, &run, id, (const char *const[]){"category=Dress", NULL}, "/photo.jpg", 5);
    }
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    nt_catalogue_close(catalogue);
    g_autofree char *db = in_folder(folder, "catalogue.db"), *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(db, &bytes, &size, NULL));
    unsigned found = 0, used = 0;
    for (unsigned page = 0; page < size / 4096; page++) {
        const char *header = bytes + page * 4096 + (page == 0 ? 100 : 0);
        if (header[3] == 0 && header[4] == 0) {
            continue; /* the tree of an empty table: no cells */
        }
        used++;
        g_autofree char *damaged = g_memdup2(bytes, size);
        memset(damaged + page * 4096 + 8, 0xa5, 4096 - 8);
        g_assert_true(g_file_set_contents(db, damaged, (gssize)size, NULL));
        g_autoptr(GError) error = NULL;
        g_autoptr(NtCatalogue) opened = nt_catalogue_open(folder, &(NtCatalogueOptions){.read_only = true}, &error);
        if (opened == NULL) {
            g_assert_true(g_error_matches(error, NITERU_ERROR, NITERU_ERROR_CORRUPT) ||
                          g_error_matches(error, NITERU_ERROR, NITERU_ERROR_INVALID));
            found++;
            continue;
        }
        g_autofree char *said = problems(opened);
        found += *said != '\0';
    }
    g_assert_cmpuint(used, >, 10);
    g_assert_cmpuint(found, ==, used);
    drop_folder(folder);
}

/* A folder where nothing may be written: readable. As root everything may be written, so a child gives root up. */
static void test_read_only_folder(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    g_chmod(folder, 0555);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
            _exit(0);
        }
        if (access(folder, R_OK) != 0) {
            _exit(0); /* the way to it is closed to others, which is not what is tried here */
        }
        GError *error = NULL;
        NtCatalogue *writer = nt_catalogue_open(folder, NULL, &error);
        bool refused = writer == NULL && error != NULL && strstr(error->message, folder) != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    g_assert_cmpint(status, ==, 0);
    g_chmod(folder, 0755);
    drop_folder(folder);
}

/* Pages read to open, and to find one product by its id, in a catalogue of `count` products. */
static uint64_t cost_of(int count) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    nt_catalogue_begin(catalogue, NULL);
    NtPhotoPut photo = {.location = "/photo.jpg"};
    NtPhotoState state;
    for (int i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("product-%07d", i);
        NtProductPut put = {.id = id, .line = (uint64_t)i + 2, .photos = &photo, .photo_count = 1};
        g_assert_true(nt_catalogue_put_product(catalogue, &run, &put, &state, NULL, NULL));
    }
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
    nt_catalogue_close(catalogue);
    catalogue = open_catalogue(folder, true);
    int64_t product = 0;
    g_autofree char *middle = g_strdup_printf("product-%07d", count / 2);
    g_assert_true(nt_catalogue_find_product(catalogue, middle, &product, NULL));
    uint64_t pages = nt_catalogue_pages_read(catalogue);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
    return pages;
}

static void test_cost(void) {
    uint64_t small = cost_of(500), large = cost_of(50000);
    g_test_message("pages read: %u for 500 products, %u for 50,000", (unsigned)small, (unsigned)large);
    g_assert_cmpuint(large, <=, small + 4); /* a tree that is one or two levels deeper */
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/open/fresh", test_fresh);
    g_test_add_func("/open/absent", test_absent);
    g_test_add_func("/open/strangers", test_strangers);
    g_test_add_func("/open/newer", test_newer);
    g_test_add_data_func("/open/older-1", GINT_TO_POINTER(1), test_older);
    g_test_add_data_func("/open/older-2", GINT_TO_POINTER(2), test_older);
    g_test_add_data_func("/open/older-3", GINT_TO_POINTER(3), test_older);
    g_test_add_data_func("/open/older-4", GINT_TO_POINTER(4), test_older);
    g_test_add_data_func("/open/older-5", GINT_TO_POINTER(5), test_older);
    g_test_add_data_func("/open/older-6", GINT_TO_POINTER(6), test_older);
    g_test_add_data_func("/open/older-7", GINT_TO_POINTER(7), test_older);
    g_test_add_data_func("/open/older-8", GINT_TO_POINTER(8), test_older);
    g_test_add_func("/open/turned", test_turned);
    g_test_add_func("/open/damage", test_damage);
    g_test_add_func("/open/read-only-folder", test_read_only_folder);
    g_test_add_func("/open/cost", test_cost);
    return g_test_run();
}
