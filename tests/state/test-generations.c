/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors files over time: compaction keeps answers and checksums, a file does not grow for ever, old files go. */
#include "../support/shop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 3000, DIM = 8 };

/* Rows that depend on the round, so that old and new ones are told apart. */
static void fill(float *rows, unsigned round) {
    g_autoptr(GRand) random = g_rand_new_with_seed(round);
    for (size_t i = 0; i < (size_t)COUNT * DIM; i++) {
        rows[i] = (float)g_rand_double_range(random, -1, 1);
    }
}

static char **make_ids(void) {
    char **ids = g_new0(char *, COUNT + 1);
    for (size_t i = 0; i < COUNT; i++) {
        ids[i] = g_strdup_printf("p%05zu", i);
    }
    return ids;
}

static NtModelRow model_row(Shop *shop) {
    NtModelRow row = {0};
    g_assert_true(nt_catalogue_find_model(shop->catalogue->db, "m", &row, NULL));
    return row;
}

static unsigned count_files(const Shop *shop) {
    g_autofree char *folder = below(shop, "shop.niteru/vectors");
    g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
    unsigned count = 0;
    while (g_dir_read_name(files) != NULL) {
        count++;
    }
    return count;
}

static void expect_sound(Shop *shop) {
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;
    g_assert_true(niteru_check(shop->catalogue, 0, NULL, &report, &error));
    if (strstr(report, "\"sound\": true") == NULL) {
        g_error("%s", report);
    }
}

/* The five nearest of one product by brute force over the rows as given. */
static char *nearest(const float *rows, size_t query, char **ids) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree double *scores = g_new(double, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double dot = 0, length = 0;
        for (size_t d = 0; d < DIM; d++) {
            dot += (double)rows[query * DIM + d] * rows[i * DIM + d];
            length += (double)rows[i * DIM + d] * rows[i * DIM + d];
        }
        scores[i] = i == query ? -1e9 : dot / sqrt(length);
    }
    for (int k = 0; k < 5; k++) {
        size_t best = 0;
        for (size_t i = 1; i < COUNT; i++) {
            best = scores[i] > scores[best] ? i : best;
        }
        scores[best] = -1e9;
        g_string_append_printf(out, "%s%s", k > 0 ? " " : "", ids[best]);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void expect_answers(Shop *shop, const float *rows, char **ids) {
    for (size_t query = 0; query < COUNT; query += 301) {
        g_autoptr(GError) error = NULL;
        NiteruResults *results = niteru_similar(
            shop->catalogue, ids[query],
            &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 5, .model = "m"}, NULL, &error);
        g_autofree char *found = ids_of(results, error), *wanted = nearest(rows, query, ids);
        g_assert_cmpstr(found, ==, wanted);
    }
}

/* All vectors are replaced again and again: each round leaves as many dead rows, and the file stays bounded. */
static void test_rounds(void) {
    Shop shop;
    shop_open(&shop);
    g_auto(GStrv) ids = make_ids();
    g_autofree float *rows = g_new(float, COUNT *DIM);
    for (unsigned round = 0; round < 6; round++) {
        fill(rows, round);
        import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
        g_auto(NtModelRow) row = model_row(&shop);
        g_assert_cmpuint(row.rows, ==, COUNT);
        g_assert_cmpuint(row.generation, ==, round + 1);
        g_assert_cmpuint(count_files(&shop), <=, 2); /* the one before may still be read */
        expect_answers(&shop, rows, ids);
        expect_sound(&shop);
    }
    shop_again(&shop);
    expect_answers(&shop, rows, ids);
    shop_drop(&shop);
}

/* Products that are gone take their rows with them, and nothing else. */
static void test_removed(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_auto(GStrv) ids = make_ids();
    g_autofree float *rows = g_new(float, COUNT *DIM);
    fill(rows, 1);
    import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
    g_autofree char *all = below(&shop, "all"), *left = below(&shop, "left");
    const NiteruExportOptions options = {.size = sizeof options, .model = "m", .dtype = "f4"};
    g_assert_true(niteru_export(shop.catalogue, all, &options, NULL, NULL, &error));
    uint64_t removed = 0;
    g_assert_true(niteru_remove(shop.catalogue, NULL, 0, "id >= 'p01500'", 0, NULL, &removed, &error));
    g_assert_cmpuint(removed, ==, 1500);
    g_auto(NtModelRow) row = model_row(&shop);
    g_assert_cmpuint(row.rows, ==, 1500);
    g_assert_cmpuint(row.dead, ==, 0);
    g_assert_true(niteru_export(shop.catalogue, left, &options, NULL, NULL, &error));
    expect_sound(&shop);
    float *vectors[2] = {g_new(float, 1500 * DIM), g_new(float, 1500 * DIM)};
    const char *const folders[2] = {all, left};
    for (int i = 0; i < 2; i++) {
        g_autofree char *path = g_build_filename(folders[i], "image_vectors.npy", NULL);
        g_autoptr(NtNpyReader) reader = nt_npy_open(path, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(nt_npy_rows(reader), ==, i == 0 ? COUNT : 1500);
        g_assert_true(nt_npy_read(reader, 0, 1500, vectors[i], &error));
    }
    g_assert_cmpmem(vectors[0], 1500 * DIM * sizeof(float), vectors[1], 1500 * DIM * sizeof(float)); /* bit for bit */
    g_free(vectors[0]);
    g_free(vectors[1]);
    shop_drop(&shop);
}

/* A reader that looked just before goes on with the rows it saw. */
static void test_reader(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_auto(GStrv) ids = make_ids();
    g_autofree float *rows = g_new(float, COUNT *DIM);
    fill(rows, 1);
    import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
    g_autofree char *folder = below(&shop, "shop.niteru");
    NiteruCatalogue *other =
        niteru_open(folder, &(NiteruOptions){.size = sizeof(NiteruOptions), .read_only = true}, &error);
    g_assert_no_error(error);
    g_auto(NtReader) reader = {0};
    g_assert_true(nt_reader_open(&reader, other, &error));
    g_auto(NtModelRow) seen = {0};
    g_assert_true(nt_catalogue_find_model(reader.db, "m", &seen, &error));
    fill(rows, 2);
    import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
    uint64_t count = 0;
    NtModel *model = nt_model_open(other, reader.db, "m", &count, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(model->generation, ==, 1);
    g_assert_cmpuint(count, ==, COUNT);
    nt_reader_clear(&reader);
    reader = (NtReader){0};
    NiteruResults *results = niteru_similar(
        other, ids[0], &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 5, .model = "m"}, NULL, &error);
    g_autofree char *found = ids_of(results, error), *wanted = nearest(rows, 0, ids);
    g_assert_cmpstr(found, ==, wanted);
    nt_model_unref(model);
    niteru_close(other);
    shop_drop(&shop);
}

/* What one life of a writer does: takes in one set of vectors, then the other, again and again. */
static void write_for_ever(const char *folder, char *const files[2][2]) {
    NiteruCatalogue *catalogue = niteru_open(folder, NULL, NULL);
    g_assert_nonnull(catalogue);
    for (int i = 0;; i++) {
        niteru_import(catalogue, files[i % 2][0], files[i % 2][1],
                      &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "m"}, NULL, NULL, NULL);
    }
}

/* Killed at random moments, compaction among them, a catalogue is sound, and the next writer goes on. */
static void test_killed(void) {
    Shop shop;
    shop_open(&shop);
    g_auto(GStrv) ids = make_ids();
    g_autofree float *rows = g_new(float, COUNT *DIM);
    char *files[2][2];
    for (unsigned i = 0; i < 2; i++) {
        static const char *const names[2][3] = {{"v0", "v0.npy", "v0.txt"}, {"v1", "v1.npy", "v1.txt"}};
        fill(rows, i);
        write_vectors(&shop, names[i][0], (const char *const *)ids, rows, COUNT, DIM);
        files[i][0] = below(&shop, names[i][1]);
        files[i][1] = below(&shop, names[i][2]);
    }
    g_autofree char *folder = below(&shop, "shop.niteru");
    niteru_close(g_steal_pointer(&shop.catalogue));
    for (int life = 0; life < 12; life++) {
        pid_t child = fork();
        if (child == 0) {
            write_for_ever(folder, files);
        }
        g_usleep((gulong)g_random_int_range(20000, 250000));
        kill(child, SIGKILL);
        g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
        shop.catalogue = niteru_open(folder, NULL, NULL);
        g_assert_nonnull(shop.catalogue);
        expect_sound(&shop);
        niteru_close(g_steal_pointer(&shop.catalogue));
    }
    shop.catalogue = niteru_open(folder, NULL, NULL);
    import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
    expect_answers(&shop, rows, ids);
    g_assert_cmpuint(count_files(&shop), <=, 2);
    for (int i = 0; i < 4; i++) {
        g_free(files[i / 2][i % 2]);
    }
    shop_drop(&shop);
}

/* A search refuses a damaged row that it would show, or ask by; one it has nothing to do with goes on. */
static void test_damaged_row(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_auto(GStrv) ids = make_ids();
    g_autofree float *rows = g_new(float, COUNT *DIM);
    fill(rows, 1);
    import_vectors(&shop, "m", (const char *const *)ids, rows, COUNT, DIM);
    g_clear_pointer(&shop.catalogue, niteru_close);
    g_autofree char *path = below(&shop, "shop.niteru/vectors/m.1.vec");
    FILE *file = fopen(path, "r+b");
    g_assert_true(file != NULL && fseek(file, 4096 + 300 * 64 + 1, SEEK_SET) == 0); /* row 300, in the second block */
    g_assert_true(fputc(1, file) == 1 && fclose(file) == 0);
    shop_again(&shop);
    const NiteruSearchOptions nearest = {.size = sizeof(NiteruSearchOptions), .k = 1, .model = "m"},
                              all = {.size = sizeof all, .k = COUNT, .model = "m"};
    g_assert_null(niteru_similar(shop.catalogue, ids[300], &nearest, NULL, &error));
    expect_error(&error, NITERU_ERROR_CORRUPT, "rows 256 to 511 are damaged");
    g_assert_null(niteru_similar(shop.catalogue, ids[2000], &all, NULL, &error));
    expect_error(&error, NITERU_ERROR_CORRUPT, "rows 256 to 511 are damaged");
    unsigned answered = 0;
    for (size_t i = 1000; i < 1020; i++) {
        NiteruResults *results = niteru_similar(shop.catalogue, ids[i], &nearest, NULL, NULL);
        answered += results != NULL;
        niteru_results_free(results);
    }
    g_assert_cmpuint(answered, >, 10);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generations/rounds", test_rounds);
    g_test_add_func("/generations/removed", test_removed);
    g_test_add_func("/generations/reader", test_reader);
    g_test_add_func("/generations/killed", test_killed);
    g_test_add_func("/state/generations/damaged-row", test_damaged_row);
    return g_test_run();
}
