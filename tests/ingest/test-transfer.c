/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors out and in again, and what is refused on the way in. */
#include "../support/shop.h"

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
    g_assert_true(niteru_import(other.catalogue, npy, txt,
                                &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "copy"}, NULL,
                                &rows, &error));
    g_assert_cmpuint(rows, ==, 4);
    const NiteruSearchOptions ask = {.size = sizeof(NiteruSearchOptions), .k = 3};
    g_autoptr(NiteruResults) here = niteru_similar(shop.catalogue, "c.png", &ask, NULL, &error);
    g_autoptr(NiteruResults) there = niteru_similar(other.catalogue, "c.png", &ask, NULL, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < 3; i++) {
        const NiteruResult *a = niteru_results_get(here, i), *b = niteru_results_get(there, i);
        g_assert_cmpstr(a->product, ==, b->product);
        g_assert_cmpfloat_with_epsilon(a->raw, b->raw, 1e-6);
        g_assert_cmpstr(b->photo, ==, "");
    }
    /* Import again: the same rows, not twice as many. */
    g_assert_true(niteru_import(other.catalogue, npy, txt,
                                &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "copy"}, NULL,
                                &rows, &error));
    g_assert_true(
        niteru_export(other.catalogue, out,
                      &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = "copy", .dtype = "f4"}, NULL,
                      &rows, &error));
    g_assert_cmpuint(rows, ==, 4);
    g_assert_false(
        niteru_export(other.catalogue, out,
                      &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = "copy", .dtype = "f8"}, NULL,
                      &rows, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "f8");
    g_assert_false(
        niteru_export(other.catalogue, "/proc/nowhere",
                      &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = "copy", .dtype = NULL}, NULL,
                      &rows, &error));
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
    const NiteruImportOptions options = {
        .size = sizeof(NiteruImportOptions), .model = "toy", .failure = count_failure, .data = told};
    uint64_t taken = 0;
    g_assert_true(niteru_import(shop.catalogue, npy, txt, &options, NULL, &taken, &error));
    g_assert_cmpuint(taken, ==, 3);
    g_assert_nonnull(strstr(told->str, "nan "));
    g_assert_nonnull(strstr(told->str, "row 1 holds a value that is not finite"));
    g_assert_nonnull(strstr(told->str, "row 3 is zero"));
    g_assert_nonnull(strstr(told->str, "control characters"));
    g_assert_nonnull(strstr(told->str, "inf "));
    NiteruResults *results = niteru_similar(shop.catalogue, "north", NULL, NULL, &error);
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
    struct {
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
        refused[i].options.size = sizeof refused[i].options;
        uint64_t taken = 77;
        g_assert_false(
            niteru_import(shop.catalogue, refused[i].npy, refused[i].ids, &refused[i].options, NULL, &taken, &error));
        expect_error(&error, refused[i].code, refused[i].says);
        g_assert_cmpuint(taken, ==, 77);
    }
    /* None of these left a model behind. */
    g_autoptr(GError) error = NULL;
    g_autofree char *models = niteru_models_json(shop.catalogue, 0, NULL, &error);
    g_assert_null(strstr(models, "\"m\""));
    /* A catalogue of imported vectors takes photos with niteru's own model, when asked for by name. */
    draw_picture(&shop, "photos/p.png", 1);
    g_assert_false(index_shop(&shop, "photos", NULL, &error));
    expect_fact(error, "remedy", "embedder");
    expect_error(&error, NITERU_ERROR_INVALID, "no network");
    g_assert_true(index_shop(
        &shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "niteru-base"}, &error));
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
    g_assert_null(niteru_similar(shop.catalogue, "x", NULL, NULL, &error));
    expect_fact(error, "remedy", "import");
    expect_fact(error, "value", "toy");
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "importing them again");
    import_vectors(&shop, "toy", ids, rows, 2, 2);
    g_autofree char *found = ids_of(niteru_similar(shop.catalogue, "x", NULL, NULL, &error), error);
    g_assert_cmpstr(found, ==, "y");
    shop_drop(&shop);
}

/* Rows of one id are the photos of a product in turn: a bad one keeps its place. */
static void test_bad_row_keeps_its_place(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const char *const ids[] = {"a", "a", "a"};
    const float first[] = {1, 0, 0, 1, 1, 1}, second[] = {1, 0, NAN, 1, -1, -1};
    import_vectors(&shop, "toy", ids, first, 3, 2);
    write_vectors(&shop, "toy", ids, second, 3, 2);
    g_autofree char *npy = below(&shop, "toy.npy"), *txt = below(&shop, "toy.txt"), *out = below(&shop, "out");
    uint64_t taken = 0;
    g_assert_true(niteru_import(shop.catalogue, npy, txt,
                                &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "toy"}, NULL,
                                &taken, &error) &&
                  taken == 2);
    g_assert_true(
        niteru_export(shop.catalogue, out,
                      &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = "toy", .dtype = "f4"}, NULL,
                      &taken, &error) &&
        taken == 3);
    g_autofree char *all = g_build_filename(out, "image_vectors.npy", NULL);
    g_autoptr(NtNpyReader) reader = nt_npy_open(all, &error);
    float rows[6];
    g_assert_true(nt_npy_read(reader, 0, 3, rows, &error));
    g_assert_cmpfloat_with_epsilon(rows[3], 1, 1e-6); /* the second photo's, as it was */
    g_assert_cmpfloat_with_epsilon(rows[4], -sqrt(0.5), 1e-6);
    shop_drop(&shop);
}

/* An import of which no row can be taken is a failure with its reason, and leaves no model behind. */
static void test_none_taken(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const char *const ids[] = {"a", "b"};
    const float rows[] = {0, 0, NAN, 1};
    write_vectors(&shop, "bad", ids, rows, 2, 2);
    g_autofree char *npy = below(&shop, "bad.npy"), *txt = below(&shop, "bad.txt");
    g_assert_false(niteru_import(shop.catalogue, npy, txt,
                                 &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "bad"}, NULL,
                                 NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "none of its 2 rows could be taken; the first: ");
    g_autofree char *models = niteru_models_json(shop.catalogue, 0, NULL, &error);
    g_assert_null(strstr(models, "bad"));
    shop_drop(&shop);
}

/* Every name of a dtype means the same, for a new model and for one that is there. */
static void test_dtypes(void) {
    static const char *const names[2][3] = {{"f2", "f16", "float16"}, {"f4", "f32", "float32"}};
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const char *const ids[] = {"a", "b"};
    const float rows[] = {1, 0, 0, 1};
    write_vectors(&shop, "v", ids, rows, 2, 2);
    g_autofree char *npy = below(&shop, "v.npy"), *txt = below(&shop, "v.txt"), *out = below(&shop, "out");
    for (size_t i = 0; i < 18; i++) { /* each name as the first, then each as the second */
        g_autofree char *model = g_strdup_printf("m%zu", i / 3);
        const char *dtype = i % 3 == 0 ? names[i / 9][i / 3 % 3] : names[i / 9][i % 3];
        niteru_import(shop.catalogue, npy, txt,
                      &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = model, .dtype = dtype}, NULL,
                      NULL, &error);
        g_assert_no_error(error);
        g_assert_true(
            niteru_export(shop.catalogue, out,
                          &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = model, .dtype = dtype},
                          NULL, NULL, &error));
    }
    g_assert_false(
        niteru_import(shop.catalogue, npy, txt,
                      &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "m0", .dtype = "float32"},
                      NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "another name");
    shop_drop(&shop);
}

/* An .npy of one axis, as numpy.save writes it. */
static char *write_array(const Shop *shop, const char *name, const char *header, const void *data, size_t size) {
    char *path = below(shop, name);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint8 start[10] = "\x93NUMPY\x01";
    start[8] = (guint8)strlen(header);
    g_byte_array_append(bytes, start, sizeof start);
    g_byte_array_append(bytes, (const guint8 *)header, (guint)strlen(header));
    g_byte_array_append(bytes, data, (guint)size);
    g_assert_true(g_file_set_contents(path, (const char *)bytes->data, (gssize)bytes->len, NULL));
    return path;
}

/* Ids as NumPy keeps them: texts of either kind are read, anything else is told how to be written. */
static void test_id_arrays(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const guint32 little[] = {GUINT32_TO_LE('a'), 0, GUINT32_TO_LE(0x4f3c), GUINT32_TO_LE('b')};
    const guint32 big[] = {GUINT32_TO_BE('a'), 0, GUINT32_TO_BE(0x4f3c), GUINT32_TO_BE('b')};
    const struct {
        const char *header;
        const void *data;
        size_t size;
        const char *fault; /* NULL: read, as "a" and a second one */
    } cases[] = {
        {"{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }\n", little, sizeof little, NULL},
        {"{'descr': '>U2', 'fortran_order': False, 'shape': (2,), }\n", big, sizeof big, NULL},
        {"{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }\n", "a\0\0b c", 6, NULL},
        {"{'descr': '|S3', 'fortran_order': False, 'shape': (3,), }\n", "a\0\0b c", 6, "as long as"},
        {"{'descr': '|S3', 'fortran_order': False, 'shape': (2,), }\n", "a\0\0\xff\xfe\xfd", 6, "not Unicode"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n", "a\0\0b c", 6, "savetxt"},
        {"{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n", little, sizeof little, "savetxt"},
        {"{'descr': '<U2', 'fortran_order': False, 'shape': (1, 2), }\n", little, sizeof little, "savetxt"},
        {"{'descr': '<U2', 'shape'", little, 0, "savetxt"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = write_array(&shop, "ids.npy", cases[i].header, cases[i].data, cases[i].size);
        g_auto(NtIds) ids = {0};
        if (cases[i].fault != NULL) {
            g_assert_false(nt_ids_read(path, &ids, &error));
            g_assert_nonnull(strstr(error->message, cases[i].fault));
            g_clear_error(&error);
            continue;
        }
        g_assert_true(nt_ids_read(path, &ids, &error));
        g_assert_cmpuint(ids.count, ==, 2);
        g_assert_cmpstr(ids.lines[0], ==, "a");
        g_assert_cmpstr(ids.lines[1], ==,
                        i == 2 ? "b c"
                               : "\xe4\xbc\xbc"
                                 "b");
    }
    shop_drop(&shop);
}

static char *first_of(Shop *shop) {
    GError *error = NULL;
    NiteruResults *results = niteru_similar(
        shop->catalogue, "a.png", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .k = 1}, NULL, &error);
    g_assert_no_error(error);
    char *text =
        g_strdup_printf("%s %.3f", niteru_results_get(results, 0)->product, niteru_results_get(results, 0)->raw);
    niteru_results_free(results);
    return text;
}

static void expect_check(Shop *shop, const char *text) {
    g_autoptr(GError) error = NULL;
    g_autofree char *report = NULL;
    g_assert_true(niteru_check(shop->catalogue, 0, NULL, &report, &error));
    if (strstr(report, text) == NULL) {
        g_error("'%s' is not in %s", text, report);
    }
}

/* Vectors made elsewhere go into a model with a network only on request, which is remembered and shown; --rehash makes
 * them anew by the network. */
static void test_mix(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_picture(&shop, "photos/a.png", 1);
    draw_picture(&shop, "photos/b.png", 2);
    draw_picture(&shop, "photos/c.png", 3);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_autofree char *before = first_of(&shop), *out = below(&shop, "out");
    g_assert_true(niteru_export(
        shop.catalogue, out, &(NiteruExportOptions){.size = sizeof(NiteruExportOptions), .model = NULL, .dtype = "f4"},
        NULL, NULL, &error));
    g_autofree char *npy = g_build_filename(out, "image_vectors.npy", NULL);
    g_autofree char *wrong = write_text(&shop, "wrong.txt", "c.png\na.png\nb.png\n");
    NiteruImportOptions options = {.size = sizeof(NiteruImportOptions), .model = "niteru-base"};
    g_assert_false(niteru_import(shop.catalogue, npy, wrong, &options, NULL, NULL, &error));
    expect_fact(error, "option", "mix");
    expect_error(&error, NITERU_ERROR_INVALID, "niteru-base");
    expect_check(&shop, "\"sound\": true");

    NtCatalogue *db = shop.catalogue->db;
    g_auto(NtModelRow) row = {0};
    options.mix = true;
    g_assert_true(niteru_import(shop.catalogue, npy, wrong, &options, NULL, NULL, &error));
    g_autofree char *mixed = first_of(&shop), *info = niteru_info_json(shop.catalogue, 0, NULL, &error);
    g_autofree char *shown = niteru_model_json(shop.catalogue, NULL, 0, NULL, &error);
    g_assert_cmpstr(mixed, !=, before);
    for (int i = 0; i < 2; i++) {
        const char *text = i == 0 ? info : shown;
        g_assert_true(strstr(text, "\"mixed\": true") != NULL && strstr(text, "\"imported\": 3") != NULL &&
                      strstr(text, "image_vectors.npy") != NULL);
    }
    expect_check(&shop, "\"sound\": true");
    options.mix = false; /* remembered */
    g_assert_true(niteru_import(shop.catalogue, npy, wrong, &options, NULL, NULL, &error));
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    g_assert_cmpuint(shop.report.reused, ==, 3);

    /* As an older version left it: others' vectors in the model, and nothing said. */
    g_assert_true(nt_catalogue_find_model(db, NULL, &row, &error) && nt_catalogue_begin(db, &error) &&
                  nt_catalogue_set_model_mixed(db, row.model, false, &error) && nt_catalogue_commit(db, &error));
    expect_check(&shop, "3 vectors were not made by its network");
    expect_check(&shop, "\"makers\"");
    g_assert_true(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .rehash = true}, &error));
    g_assert_cmpuint(shop.report.embedded, ==, 3);
    g_autofree char *after = first_of(&shop);
    g_assert_cmpstr(after, ==, before);
    expect_check(&shop, "\"sound\": true");
    g_assert_true(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .rehash = true}, &error));
    g_assert_cmpuint(shop.report.reused, ==, 3);
    shop_drop(&shop);
}

/* An import that fails takes back the model it made only where nobody else has put anything into it. */
static void add_by_another(const NiteruFailure *failure, void *data) {
    Shop *shop = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *npy = below(shop, "good.npy"), *txt = below(shop, "good.txt"),
                    *folder = below(shop, "shop.niteru");
    if (shop->report.products++ == 0) {
        g_autoptr(NiteruCatalogue) other = niteru_open(folder, NULL, &error);
        const NiteruImportOptions options = {.size = sizeof options, .model = "new", .timeout_ms = 5000};
        niteru_import(other, npy, txt, &options, NULL, NULL, &error);
        g_assert_no_error(error);
    }
}

static void test_taken_back(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    const float good[] = {1, 0, 0, 1}, zeros[] = {0, 0, 0, 0};
    const char *const ids[] = {"a", "b"};
    write_vectors(&shop, "good", ids, good, 2, 2);
    write_vectors(&shop, "bad", ids, zeros, 2, 2);
    g_autofree char *npy = below(&shop, "bad.npy"), *txt = below(&shop, "bad.txt");
    NiteruImportOptions options = {.size = sizeof options, .model = "new", .failure = add_by_another, .data = &shop};
    shop.report.products = 0;
    g_assert_false(niteru_import(shop.catalogue, npy, txt, &options, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "none of its 2 rows");
    g_autofree char *found = ids_of(
        niteru_similar(shop.catalogue, "a", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "new"},
                       NULL, &error),
        NULL);
    g_assert_cmpstr(found, ==, "b");
    options.model = "none";
    g_assert_false(niteru_import(shop.catalogue, npy, txt, &options, NULL, NULL, &error));
    g_clear_error(&error);
    g_autofree char *models = niteru_models_json(shop.catalogue, 0, NULL, &error);
    g_assert_null(strstr(models, "none"));
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ingest/transfer/round-trip", test_round_trip);
    g_test_add_func("/ingest/transfer/bad-rows", test_bad_rows);
    g_test_add_func("/ingest/transfer/refusals", test_refusals);
    g_test_add_func("/ingest/transfer/lost", test_lost);
    g_test_add_func("/ingest/transfer/bad-row-keeps-its-place", test_bad_row_keeps_its_place);
    g_test_add_func("/ingest/transfer/none-taken", test_none_taken);
    g_test_add_func("/ingest/transfer/dtypes", test_dtypes);
    g_test_add_func("/ingest/transfer/id-arrays", test_id_arrays);
    g_test_add_func("/ingest/transfer/mix", test_mix);
    g_test_add_func("/ingest/transfer/taken-back", test_taken_back);
    return g_test_run();
}
