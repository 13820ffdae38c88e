/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What opening a catalogue costs. usage: open [PRODUCTS]
 *
 * Opens catalogues of 1,000 and of PRODUCTS (100,000) products and finds one product by its id, as often as it takes,
 * in turns with plain SQLite opening a table of 1,000 rows and finding one of them. Also the private memory that this
 * takes, of the process that has the large one open; and how long the first search takes to build what searches share,
 * and its memory. Prints CSV: name,value,unit.
 */
#include "state/state.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 1000, TURNS = 7, TIMES = 50, DIM = 16 };

static void die(const GError *error) {
    fprintf(stderr, "open: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

/* Products with a photo and a vector each. */
static void fill(const char *folder, int count) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruCatalogue) shop = niteru_open(folder, NULL, &error);
    NtCard card = {.name = (char *)"m", .dimension = DIM, .dtype = NT_DTYPE_F16, .metric = NT_METRIC_COSINE};
    card.scores = nt_scores_default(card.metric);
    if (shop == NULL || !nt_model_add_vectors_only(shop, &card, NULL, &error)) {
        die(error);
    }
    NtCatalogue *catalogue = shop->db;
    g_autoptr(NtModel) model = nt_model_find(shop, "m", &error);
    g_autofree int64_t *contents = g_new(int64_t, count);
    g_autofree float *vectors = g_new(float, (size_t)count *DIM);
    NtRun run;
    if (model == NULL || !nt_turn_begin(shop, NULL, &error) ||
        !nt_catalogue_start_run(catalogue, "csv", "/list.csv", &run, &error)) {
        die(error);
    }
    for (int i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("product-%07d", i);
        NtPhotoPut photo = {.location = "/photos/photo.jpg"};
        NtPhotoState state;
        NtProductPut put = {.id = id, .line = (uint64_t)i + 2, .photos = &photo, .photo_count = 1};
        NtContent content = {.bytes = 1000};
        memcpy(content.hash, &i, sizeof i);
        if (!nt_catalogue_put_product(catalogue, &run, &put, &state, NULL, &error) ||
            !nt_catalogue_add_content(catalogue, &content, &contents[i], &error) ||
            !nt_catalogue_set_photo_content(catalogue, state.photo, contents[i], NULL, &error)) {
            die(error);
        }
        for (int d = 0; d < DIM; d++) {
            vectors[i * DIM + d] = (float)((i * 31 + d * 17) % 101) - 50;
        }
    }
    if (!nt_vectors_append(model->vectors, 0, vectors, (size_t)count, NULL, NULL, &error) ||
        !nt_vectors_sync(model->vectors, &error) ||
        !nt_catalogue_add_vectors(catalogue, model->model, 0, contents, (size_t)count, NT_MAKER_UNKNOWN, &error) ||
        !nt_put_digests(catalogue, model, 0, (uint64_t)count, &error) || !nt_turn_commit(shop, &error)) {
        die(error);
    }
}

/* What the first search of a catalogue does before it searches, in milliseconds, the best of some turns. */
static double first_search(const char *folder, double *out_memory, double (*memory)(void)) {
    double best = 1e18;
    for (int turn = 0; turn < TURNS; turn++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NiteruCatalogue) shop = niteru_open(folder, NULL, &error);
        g_auto(NtSnapshot) snapshot = {0};
        double before = memory();
        int64_t start = g_get_monotonic_time();
        if (shop == NULL || !nt_snapshot_open(&snapshot, shop, "m", &error)) {
            die(error);
        }
        best = MIN(best, (double)(g_get_monotonic_time() - start) / 1000);
        *out_memory = turn == 0 ? memory() - before : *out_memory;
        nt_snapshot_clear(&snapshot);
    }
    return best;
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
    double shared_memory = 0, first = first_search(many, &shared_memory, private_memory);
    printf("first_search_%d,%.1f,ms to build what searches share\nshared_memory,%.1f,MB\n", large, first,
           shared_memory);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
