/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors out and in again, and what is refused on the way in. */
#include "shop.h"

#include <math.h>
#include <string.h>

static char *read_text(const char *folder, const char *name) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* What one catalogue exports another one takes, and answers alike. */
static void test_round_trip(void) {
    Shop shop, other;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_picture(&shop, "photos/c.png", 1);
    draw_picture(&shop, "photos/a.png", 2);
    draw_picture(&shop, "photos/b.png", 3);
    draw_picture(&shop, "photos/aa.png", 2); /* one content, two products: two rows */
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_autofree char *out = below(&shop, "out/vectors");
    uint64_t rows = 0;
    g_assert_true(niteru_export(shop.catalogue, out, NULL, NULL, &rows, &error));
    g_assert_cmpuint(rows, ==, 4);
    g_autofree char *ids = read_text(out, "image_ids.txt"), *paths = read_text(out, "image_paths.txt");
    g_assert_cmpstr(ids, ==, "a.png\naa.png\nb.png\nc.png\n");
    g_assert_nonnull(strstr(paths, "/photos/b.png\n"));

    g_autofree char *npy = g_build_filename(out, "image_vectors.npy", NULL);
    g_autofree char *txt = g_build_filename(out, "image_ids.txt", NULL);
    shop_open(&other);
    rows = 0;
    g_assert_true(niteru_import(other.catalogue, npy, txt, &(NiteruImportOptions){.model = "copy"}, &rows, &error));
    g_assert_cmpuint(rows, ==, 4);
    const NiteruSearchOptions ask = {.k = 3};
    g_autoptr(NiteruResults) here = niteru_similar(shop.catalogue, "c.png", &ask, &error);
    g_autoptr(NiteruResults) there = niteru_similar(other.catalogue, "c.png", &ask, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < 3; i++) {
        const NiteruResult *a = niteru_results_get(here, i), *b = niteru_results_get(there, i);
        g_assert_cmpstr(a->product, ==, b->product);
        g_assert_cmpfloat_with_epsilon(a->raw, b->raw, 1e-6);
        g_assert_cmpstr(b->photo, ==, "");
    }
    /* Import again: the same rows, not twice as many. */
    g_assert_true(niteru_import(other.catalogue, npy, txt, &(NiteruImportOptions){.model = "copy"}, &rows, &error));
    g_assert_true(niteru_export(other.catalogue, out, "copy", "f4", &rows, &error));
    g_assert_cmpuint(rows, ==, 4);
    g_assert_false(niteru_export(other.catalogue, out, "copy", "f8", &rows, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "f8");
    g_assert_false(niteru_export(other.catalogue, "/proc/nowhere", "copy", NULL, &rows, &error));
    g_assert_nonnull(error);
    shop_drop(&shop);
    shop_drop(&other);
}

static void count_failure(const NiteruFailure *failure, void *data) {
    g_string_append_printf(data, "%s %s\n", failure->product, failure->message);
}

/* Bad rows are told and left out; the others stay in step with their ids. An id that comes twice is a product with
 * two photos, one that is not there yet becomes a product. */
static void test_bad_rows(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) told = g_string_new(NULL);
    shop_open(&shop);
    const char *const ids[] = {"east", "nan", "north", "zero", "east", "a\tb", "inf", ""};
    const float rows[] = {1, 0, NAN, 1, 0, 1, 0, 0, 1, 1, 1, 2, INFINITY, 0, 1, 3};
    write_vectors(&shop, "v", ids, rows, G_N_ELEMENTS(ids), 2);
    g_autofree char *npy = below(&shop, "v.npy"), *txt = below(&shop, "v.txt");
    const NiteruImportOptions options = {.model = "toy", .failure = count_failure, .data = told};
    uint64_t taken = 0;
    g_assert_true(niteru_import(shop.catalogue, npy, txt, &options, &taken, &error));
    g_assert_cmpuint(taken, ==, 3);
    g_assert_nonnull(strstr(told->str, "nan "));
    g_assert_nonnull(strstr(told->str, "row 1 holds a value that is not finite"));
    g_assert_nonnull(strstr(told->str, "row 3 is zero"));
    g_assert_nonnull(strstr(told->str, "control characters"));
    g_assert_nonnull(strstr(told->str, "inf "));
    NiteruResults *results = niteru_similar(shop.catalogue, "north", NULL, &error);
    g_assert_cmpfloat_with_epsilon(niteru_results_get(results, 0)->raw, sqrt(0.5), 1e-3);
    g_autofree char *found = ids_of(results, error);
    g_assert_cmpstr(found, ==, "east");
    shop_drop(&shop);
}

static void test_refusals(void) {
    Shop shop;
    shop_open(&shop);
    const char *const ids[] = {"x", "y", "z"};
    const float rows[] = {1, 2, 3, 4, 5, 6};
    import_vectors(&shop, "toy", ids, rows, 3, 2);
    write_vectors(&shop, "wide", ids, rows, 2, 3);
    g_autofree char *npy = below(&shop, "toy.npy"), *txt = below(&shop, "toy.txt"), *wide = below(&shop, "wide.npy");
    g_autofree char *wide_ids = below(&shop, "wide.txt"), *none = below(&shop, "none");
    g_autofree char *two = write_text(&shop, "two.txt", "x\ny\n"), *four = write_text(&shop, "four.txt", "x\ny\nz\n\n");
    g_autofree char *empty = write_text(&shop, "empty.txt", "");
    const struct {
        const char *npy, *ids;
        NiteruImportOptions options;
        NiteruError code;
        const char *says;
    } refused[] = {
        {npy, two, {.model = "m"}, NITERU_ERROR_INVALID, "2 ids"},
        {npy, four, {.model = "m"}, NITERU_ERROR_INVALID, "4 ids"},
        {npy, empty, {.model = "m"}, NITERU_ERROR_INVALID, "0 ids"},
        {npy, none, {.model = "m"}, NITERU_ERROR_NOT_FOUND, "none"},
        {none, txt, {.model = "m"}, NITERU_ERROR_NOT_FOUND, "none"},
        {txt, txt, {.model = "m"}, NITERU_ERROR_CORRUPT, "toy.txt"},
        {wide, wide_ids, {.model = "toy"}, NITERU_ERROR_INVALID, "2 dimensions"},
        {npy, txt, {.model = "toy", .metric = "euclidean"}, NITERU_ERROR_INVALID, "another name"},
        {npy, txt, {.model = "toy", .dtype = "f2"}, NITERU_ERROR_INVALID, "another name"},
        {npy, txt, {.model = "m", .metric = "manhattan"}, NITERU_ERROR_INVALID, "manhattan"},
        {npy, txt, {.model = "m", .dtype = "i8"}, NITERU_ERROR_INVALID, "i8"},
        {npy, txt, {.model = "../m"}, NITERU_ERROR_INVALID, "../m"},
        {npy, txt, {.model = NULL}, NITERU_ERROR_INVALID, "model"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        uint64_t taken = 77;
        g_assert_false(
            niteru_import(shop.catalogue, refused[i].npy, refused[i].ids, &refused[i].options, &taken, &error));
        expect_error(&error, refused[i].code, refused[i].says);
        g_assert_cmpuint(taken, ==, 77);
    }
    /* None of these left a model behind. */
    g_autoptr(GError) error = NULL;
    g_autofree char *models = niteru_models_json(shop.catalogue, &error);
    g_assert_null(strstr(models, "\"m\""));
    /* A catalogue of imported vectors takes photos with niteru's own model, when asked for by name. */
    draw_picture(&shop, "photos/p.png", 1);
    g_assert_false(index_shop(&shop, "photos", NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "--model");
    g_assert_true(index_shop(&shop, "photos", &(NiteruIndexOptions){.model = "niteru-base"}, &error));
    g_assert_cmpuint(shop.report.embedded, ==, 1);
    shop_drop(&shop);
}

/* Lost vectors of an imported model come back by importing again. */
static void test_lost(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const char *const ids[] = {"x", "y"};
    const float rows[] = {1, 0, 0, 1};
    import_vectors(&shop, "toy", ids, rows, 2, 2);
    g_clear_pointer(&shop.catalogue, niteru_close);
    drop_file(&shop, "shop.niteru/vectors/toy.1.vec");
    shop_again(&shop);
    g_assert_null(niteru_similar(shop.catalogue, "x", NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "niteru import");
    import_vectors(&shop, "toy", ids, rows, 2, 2);
    g_autofree char *found = ids_of(niteru_similar(shop.catalogue, "x", NULL, &error), error);
    g_assert_cmpstr(found, ==, "y");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recommend/transfer/round-trip", test_round_trip);
    g_test_add_func("/recommend/transfer/bad-rows", test_bad_rows);
    g_test_add_func("/recommend/transfer/refusals", test_refusals);
    g_test_add_func("/recommend/transfer/lost", test_lost);
    return g_test_run();
}
