/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening a catalogue costs. usage: open [PRODUCTS]
 *
 * Opens catalogues of 1,000 and of PRODUCTS (100,000) products and finds one product by its id, as often as it takes,
 * in turns with plain SQLite opening a table of 1,000 rows and finding one of them. Also the private memory that this
 * takes, of the process that has the large one open. Prints CSV: name,value,unit.
 */
#include "catalogue/catalogue.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 1000, TURNS = 7, TIMES = 50 };

static void die(const GError *error) {
    fprintf(stderr, "open: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

static void fill(const char *folder, int count) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCatalogue) catalogue = nt_catalogue_open(folder, NULL, &error);
    NtRun run;
    if (catalogue == NULL || !nt_catalogue_begin(catalogue, &error) ||
        !nt_catalogue_start_run(catalogue, "csv", "/list.csv", &run, &error)) {
        die(error);
    }
    for (int i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("product-%07d", i);
        NtPhotoPut photo = {.location = "/photos/photo.jpg"};
        NtPhotoState state;
        NtProductPut put = {.id = id, .line = (uint64_t)i + 2, .photos = &photo, .photo_count = 1};
        if (!nt_catalogue_put_product(catalogue, &run, &put, &state, NULL, &error)) {
            die(error);
        }
    }
    if (!nt_catalogue_commit(catalogue, &error)) {
        die(error);
    }
}

static void fill_sqlite(const char *path) {
    sqlite3 *db = NULL;
    g_autofree char *sql = g_strdup_printf("CREATE TABLE p(id TEXT PRIMARY KEY, x); WITH RECURSIVE n(i) AS (SELECT 0 "
                                           "UNION ALL SELECT i+1 FROM n WHERE i < %d) INSERT INTO p SELECT 'product-' "
                                           "|| printf('%%07d', i), i FROM n",
                                           SMALL - 1);
    if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die(NULL);
    }
    sqlite3_close(db);
}

static void open_once(const char *folder) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCatalogue) catalogue = nt_catalogue_open(folder, &(NtCatalogueOptions){.read_only = true}, &error);
    int64_t product;
    if (catalogue == NULL || !nt_catalogue_find_product(catalogue, "product-0000500", &product, &error)) {
        die(error);
    }
}

static void open_sqlite(const char *path) {
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "SELECT x FROM p WHERE id = 'product-0000500'", NULL, NULL, NULL) != SQLITE_OK) {
        die(NULL);
    }
    sqlite3_close(db);
}

/* Microseconds of one opening, the best of some turns. */
static double time_of(void (*open)(const char *), const char *path) {
    double best = 1e18;
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t start = g_get_monotonic_time();
        for (int i = 0; i < TIMES; i++) {
            open(path);
        }
        best = MIN(best, (double)(g_get_monotonic_time() - start) / TIMES);
    }
    return best;
}

/* Private memory of this process, in MB. */
static double private_memory(void) {
    g_autofree char *text = NULL;
    double kilobytes = 0;
    if (g_file_get_contents("/proc/self/smaps_rollup", &text, NULL, NULL)) {
        for (const char *at = text; (at = strstr(at, "Private_")) != NULL; at++) {
            kilobytes += g_ascii_strtod(strchr(at, ':') + 1, NULL);
        }
    }
    return kilobytes / 1024;
}

int main(int argc, char **argv) {
    int large = argc > 1 ? (int)g_ascii_strtoll(argv[1], NULL, 10) : 100000;
    g_autofree char *folder = g_dir_make_tmp("niteru-open-XXXXXX", NULL);
    g_autofree char *few = g_build_filename(folder, "few", NULL), *many = g_build_filename(folder, "many", NULL);
    g_autofree char *plain = g_build_filename(folder, "plain.db", NULL);
    pid_t child = fork(); /* what filling takes is not what opening takes */
    if (child == 0) {
        fill(few, SMALL);
        fill(many, large);
        fill_sqlite(plain);
        exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        die(NULL);
    }
    double sqlite = time_of(open_sqlite, plain), small = time_of(open_once, few), big = time_of(open_once, many);
    g_autoptr(NtCatalogue) open = nt_catalogue_open(many, &(NtCatalogueOptions){.read_only = true}, NULL);
    printf("sqlite_%d_rows,%.0f,us to open and find one\n", SMALL, sqlite);
    printf("catalogue_%d,%.0f,us to open and find one\ncatalogue_%d,%.0f,us to open and find one\n", SMALL, small,
           large, big);
    printf("large_over_sqlite,%.2f,times\nprivate_memory,%.1f,MB\n", big / sqlite, private_memory());
    nt_catalogue_close(g_steal_pointer(&open));
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
