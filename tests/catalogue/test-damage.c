/* SPDX-License-Identifier: Apache-2.0 */
/* What SQLite alone would not see: flipped bits in pages, commits lost with the log; and what a killed writer left. */
#include "catalogue-support.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Bytes {
    char *data;
    gsize size;
} Bytes;

static Bytes read_bytes(const char *folder, const char *name) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    Bytes bytes;
    g_assert_true(g_file_get_contents(path, &bytes.data, &bytes.size, NULL));
    return bytes;
}

static void write_bytes(const char *folder, const char *name, Bytes bytes) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_assert_true(g_file_set_contents(path, bytes.data, (gssize)bytes.size, NULL));
}

static void remove_file(const char *folder, const char *name) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
}

static void add_products(NtCatalogue *catalogue, int first, int count) {
    NtRun run = start_run(catalogue, "csv", "/list.csv");
    nt_catalogue_begin(catalogue, NULL);
    for (int i = first; i < first + count; i++) {
        g_autofree char *id = g_strdup_printf("product-%d", i);
        put_product(catalogue, &run, id, (const char *const[]){"category=Dress", NULL}, "/photo.jpg", 5);
    }
    g_assert_true(nt_catalogue_commit(catalogue, NULL));
}

/* Whether opening, or reading everything, says that something is wrong. */
static bool is_found(const char *folder) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCatalogue) catalogue = nt_catalogue_open(folder, &(NtCatalogueOptions){.read_only = true}, &error);
    if (catalogue == NULL) {
        g_assert_cmpint(error->domain, ==, NITERU_ERROR);
        return true;
    }
    g_autofree char *said = problems(catalogue);
    return *said != '\0' || !nt_catalogue_check_whole(catalogue, NULL);
}

static bool is_zero(const char *page) { return page[0] == 0 && memcmp(page, page + 1, 4095) == 0; }

/* Any bit of any page that is in use. */
static void test_pages(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_assert_true(nt_catalogue_pages_checked(catalogue));
    add_products(catalogue, 0, 200);
    nt_catalogue_close(catalogue);
    g_assert_false(is_found(folder));
    Bytes whole = read_bytes(folder, "catalogue.db");
    g_assert_cmpint(whole.data[20], ==, 8);
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    for (gsize page = 0; page < whole.size / 4096; page++) {
        if (is_zero(whole.data + page * 4096)) {
            continue;
        }
        for (int flip = 0; flip < 8; flip += 2) {
            gsize byte = page * 4096 + (gsize)g_rand_int_range(random, 0, 4096);
            whole.data[byte] ^= (char)(1 << flip);
            write_bytes(folder, "catalogue.db", whole);
            if (!is_found(folder)) {
                g_error("a flip of bit %d of byte %zu was not found", flip, byte);
            }
            whole.data[byte] ^= (char)(1 << flip);
        }
    }
    g_free(whole.data);
    drop_folder(folder);
}

/* Each bit of the header, where the layout and the checksums themselves are told. */
static void test_header(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    add_products(catalogue, 0, 5);
    nt_catalogue_close(catalogue);
    Bytes whole = read_bytes(folder, "catalogue.db");
    for (gsize bit = 0; bit < 800; bit++) {
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
        write_bytes(folder, "catalogue.db", whole);
        if (!is_found(folder)) {
            g_error("a flip of bit %zu of the header was not found", bit);
        }
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    g_free(whole.data);
    drop_folder(folder);
}

/* A database without reserved bytes, as the first versions made it: read, brought up to date, and left without. */
static void test_plain(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    add_products(catalogue, 0, 20);
    nt_catalogue_close(catalogue);
    g_autofree char *path = g_build_filename(folder, "catalogue.db", NULL);
    g_autofree char *copy = g_build_filename(folder, "copy", NULL);
    g_autofree char *attach = g_strdup_printf("ATTACH '%s' AS old", path);
    sqlite3 *db = NULL;
    sqlite3_stmt *tables = NULL;
    g_assert_cmpint(sqlite3_open(copy, &db), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, attach, NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_cmpint(
        sqlite3_prepare_v2(db,
                           "SELECT sql, name, type FROM old.sqlite_master WHERE sql IS NOT NULL"
                           " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'product_words%' ORDER BY type DESC",
                           -1, &tables, NULL),
        ==, SQLITE_OK);
    while (sqlite3_step(tables) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(tables, 1);
        bool table = strcmp((const char *)sqlite3_column_text(tables, 2), "table") == 0;
        g_autofree char *fill =
            g_strdup_printf("%s; %s%s%s%s", sqlite3_column_text(tables, 0), table ? "INSERT INTO main." : "",
                            table ? name : "", table ? " SELECT * FROM old." : "", table ? name : "");
        g_assert_cmpint(sqlite3_exec(db, fill, NULL, NULL, NULL), ==, SQLITE_OK);
    }
    sqlite3_finalize(tables);
    g_assert_cmpint(sqlite3_exec(db, TO_LAYOUT_1 "PRAGMA application_id=0x6e697465", NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
    g_assert_cmpint(g_rename(copy, path), ==, 0);
    remove_file(folder, "catalogue.commits");
    for (int pass = 0; pass < 3; pass++) {
        catalogue = open_catalogue(folder, pass != 1);
        g_assert_false(nt_catalogue_pages_checked(catalogue));
        if (pass == 1) {
            add_products(catalogue, 20, 5);
        }
        g_autofree char *said = problems(catalogue);
        g_assert_cmpstr(said, ==, "");
        nt_catalogue_close(catalogue);
    }
    drop_folder(folder);
}

/* ---- lost commits ---- */

/* Two transactions in the log of a writer that is killed. */
static void leave_log(const char *folder) {
    pid_t child = fork();
    if (child == 0) {
        NtCatalogue *catalogue = open_catalogue(folder, false);
        add_products(catalogue, 0, 3);
        add_products(catalogue, 3, 3);
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    g_assert_true(WIFSIGNALED(status));
}

static char *ids_in(const char *folder) {
    g_autoptr(NtCatalogue) catalogue = open_catalogue(folder, true);
    return matching(catalogue, "has id");
}

/* Wherever a bit of the log is flipped: nothing is missing, or that it is missing is told. */
static void test_log(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    leave_log(folder);
    Bytes log = read_bytes(folder, "catalogue.db-wal"), db = read_bytes(folder, "catalogue.db");
    g_autofree char *whole = ids_in(folder);
    g_assert_cmpstr(whole, ==, "product-0 product-1 product-2 product-3 product-4 product-5");
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    unsigned told = 0;
    for (int flip = 0; flip < 60; flip++) {
        gsize byte = (gsize)g_rand_int_range(random, 0, (gint32)log.size);
        log.data[byte] ^= 4;
        write_bytes(folder, "catalogue.db", db);
        write_bytes(folder, "catalogue.db-wal", log);
        log.data[byte] ^= 4;
        if (is_found(folder)) {
            told++;
            continue;
        }
        g_autofree char *left = ids_in(folder);
        g_assert_cmpstr(left, ==, whole);
    }
    g_test_message("%u of 60 flips lost something", told);
    g_assert_cmpuint(told, >, 30);
    g_free(log.data);
    g_free(db.data);
    drop_folder(folder);
}

/* What a loss means for a reader and for a writer, until one has accepted it. */
static void test_lost(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    leave_log(folder);
    remove_file(folder, "catalogue.db-wal");
    remove_file(folder, "catalogue.db-shm");
    g_autoptr(GError) error = NULL, refused = NULL;
    NtCatalogue *reader = open_catalogue(folder, true);
    g_assert_false(nt_catalogue_check_whole(reader, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "commits are lost"));
    NtCatalogue *writer = open_catalogue(folder, false);
    g_assert_false(nt_catalogue_begin(writer, &refused));
    g_assert_error(refused, NITERU_ERROR, NITERU_ERROR_CORRUPT);
    g_autofree char *lost = nt_catalogue_accept_loss(writer), *again = nt_catalogue_accept_loss(writer);
    g_assert_nonnull(lost);
    g_assert_null(again);
    add_products(writer, 0, 1);
    g_assert_true(nt_catalogue_check_whole(reader, NULL)); /* one that was open already, too */
    nt_catalogue_close(reader);
    nt_catalogue_close(writer);
    g_autofree char *ids = ids_in(folder);
    g_assert_cmpstr(ids, ==, "product-0");
    g_assert_false(is_found(folder));
    drop_folder(folder);
}

/* Readers that open while another process commits never see a loss. */
static void test_busy(void) {
    char *folder = make_folder();
    nt_catalogue_close(open_catalogue(folder, false));
    pid_t child = fork();
    if (child == 0) {
        NtCatalogue *catalogue = open_catalogue(folder, false);
        for (int i = 0; i < 150; i++) {
            add_products(catalogue, i, 1);
        }
        nt_catalogue_close(catalogue);
        _exit(0);
    }
    int status = 0;
    unsigned opened = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NtCatalogue) reader = open_catalogue(folder, true);
        nt_catalogue_check_whole(reader, &error);
        g_assert_no_error(error);
        opened++;
    }
    g_test_message("opened %u times", opened);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    drop_folder(folder);
}

/* A record that is damaged, gone, empty, or behind is no loss. */
static void test_record(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    add_products(catalogue, 0, 1);
    Bytes behind = read_bytes(folder, "catalogue.commits");
    add_products(catalogue, 1, 1);
    nt_catalogue_close(catalogue);
    Bytes whole = read_bytes(folder, "catalogue.commits");
    g_assert_cmpmem(behind.data, 8, whole.data, 8);
    g_assert_cmpint(memcmp(behind.data, whole.data, whole.size), !=, 0);
    for (gsize bit = 0; bit < whole.size * 8; bit++) {
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
        write_bytes(folder, "catalogue.commits", whole);
        catalogue = open_catalogue(folder, true);
        g_assert_true(nt_catalogue_record_damaged(catalogue) && nt_catalogue_check_whole(catalogue, NULL));
        nt_catalogue_close(catalogue);
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    char zeros[24] = "";
    const Bytes harmless[] = {behind, {zeros, 0}, {zeros, 24}};
    for (size_t i = 0; i <= G_N_ELEMENTS(harmless); i++) {
        if (i < G_N_ELEMENTS(harmless)) {
            write_bytes(folder, "catalogue.commits", harmless[i]);
        } else {
            remove_file(folder, "catalogue.commits");
        }
        catalogue = open_catalogue(folder, true);
        g_assert_true(!nt_catalogue_record_damaged(catalogue) && nt_catalogue_check_whole(catalogue, NULL));
        nt_catalogue_close(catalogue);
    }
    catalogue = open_catalogue(folder, false);
    add_products(catalogue, 2, 1);
    nt_catalogue_close(catalogue);
    g_free(behind.data);
    behind = read_bytes(folder, "catalogue.commits");
    g_assert_cmpuint(behind.size, ==, whole.size);
    g_free(behind.data);
    g_free(whole.data);
    drop_folder(folder);
}

/* ---- a killed writer's journal ---- */

/* Killed in a transaction before the database was in WAL mode: a reader undoes it. */
static void test_journal(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    add_products(catalogue, 0, 3);
    nt_catalogue_close(catalogue);
    pid_t child = fork();
    if (child == 0) {
        g_autofree char *path = g_build_filename(folder, "catalogue.db", NULL);
        sqlite3 *db = NULL;
        bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "niteru") == SQLITE_OK &&
                  sqlite3_exec(
                      db,
                      "PRAGMA journal_mode=DELETE; PRAGMA cache_size=1; BEGIN; DELETE FROM photo;"
                      "DELETE FROM product_source; DELETE FROM product; INSERT INTO meta VALUES('x', zeroblob(99999))",
                      NULL, NULL, NULL) == SQLITE_OK;
        kill(getpid(), ok ? SIGKILL : SIGTERM);
    }
    int status = 0;
    waitpid(child, &status, 0);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    g_autofree char *journal = g_build_filename(folder, "catalogue.db-journal", NULL);
    g_assert_true(g_file_test(journal, G_FILE_TEST_EXISTS));
    g_autofree char *ids = ids_in(folder);
    g_assert_cmpstr(ids, ==, "product-0 product-1 product-2");
    g_assert_false(is_found(folder));
    catalogue = open_catalogue(folder, false);
    g_assert_true(nt_catalogue_was_unclean(catalogue)); /* turning the database to its log was a turn */
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/damage/pages", test_pages);
    g_test_add_func("/damage/header", test_header);
    g_test_add_func("/damage/plain", test_plain);
    g_test_add_func("/damage/log", test_log);
    g_test_add_func("/damage/lost", test_lost);
    g_test_add_func("/damage/busy", test_busy);
    g_test_add_func("/damage/record", test_record);
    g_test_add_func("/damage/journal", test_journal);
    return g_test_run();
}
