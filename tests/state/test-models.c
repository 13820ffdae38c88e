/* SPDX-License-Identifier: Apache-2.0 */
/* Models and cards of a catalogue, looking inside, contact sheets. */
#include "../support/shop.h"

#include <cairo.h>
#include <string.h>

static NtJson *parse(char *text) {
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(text);
    NtJson *json = nt_json_parse(text, strlen(text), "answer", NULL, &error);
    g_assert_no_error(error);
    g_free(text);
    return json;
}

static const char *text_at(const NtJson *json, const char *key) { return nt_json_text(nt_json_get(json, key), NULL); }

static void test_models(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autofree char *network = g_build_filename(g_getenv("NITERU_MODELS"), "niteru-base.onnx", NULL);
    g_autoptr(NtJson) none = parse(niteru_models_json(shop.catalogue, 0, NULL, &error));
    g_assert_cmpuint(nt_json_count(none), ==, 0);
    g_autoptr(NtJson) shipped = parse(niteru_models_json(NULL, 0, NULL, &error));
    g_assert_cmpstr(text_at(nt_json_at(shipped, 0), "name"), ==, "niteru-base");
    g_autoptr(NtJson) own = parse(niteru_model_json(NULL, NULL, 0, NULL, &error));
    g_assert_cmpstr(text_at(own, "name"), ==, "niteru-base");
    g_assert_null(niteru_model_json(NULL, "other", 0, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "niteru-base");

    for (const char *const *preset = niteru_presets(); *preset != NULL; preset++) {
        g_assert_cmpstr(niteru_preset_summary(*preset), !=, "");
        NiteruModelOptions options = {
            .size = sizeof(NiteruModelOptions), .name = *preset, .preset = *preset, .metric = "inner", .dtype = "f4"};
        niteru_model_add(shop.catalogue, network, &options, NULL, NULL, &error);
        g_assert_no_error(error);
        g_autoptr(NtJson) shown = parse(niteru_model_json(shop.catalogue, *preset, 0, NULL, &error));
        g_assert_cmpstr(text_at(shown, "metric"), ==, "inner");
        g_assert_cmpstr(text_at(nt_json_get(shown, "card"), "dtype"), ==, "f4");
        g_assert_cmpint(nt_json_int(nt_json_get(nt_json_get(shown, "network"), "opset"), 0), >, 0);
    }
    g_assert_cmpstr(niteru_preset_summary("nothing"), ==, "");
    g_autoptr(NtJson) all = parse(niteru_models_json(shop.catalogue, 0, NULL, &error));
    g_assert_cmpuint(nt_json_count(all), ==, g_strv_length((char **)niteru_presets()));
    shop_drop(&shop);
}

static void test_model_refusals(void) {
    Shop shop;
    shop_open(&shop);
    g_autofree char *network = g_build_filename(g_getenv("NITERU_MODELS"), "niteru-base.onnx", NULL);
    g_autofree char *none = below(&shop, "none.onnx"), *text = write_text(&shop, "text.onnx", "not a network");
    g_autofree char *small =
        write_text(&shop, "small.json", "{\"name\": \"x\", \"input\": {\"width\": 8, \"height\": 8}}");
    g_autofree char *odd = write_text(&shop, "odd.json", "{\"name\": \"x\", \"metrik\": \"cosine\"}");
    struct {
        const char *path;
        NiteruModelOptions options;
        NiteruError code;
        const char *says;
    } refused[] = {
        {none, {.preset = "squash"}, NITERU_ERROR_NOT_FOUND, "none.onnx"},
        {text, {.preset = "squash"}, NITERU_ERROR_CORRUPT, "text.onnx"},
        {network, {.preset = "squish"}, NITERU_ERROR_INVALID, "squash-01"},
        {network, {.preset = "squash", .metric = "far"}, NITERU_ERROR_INVALID, "euclidean"},
        {network, {.preset = "squash", .dtype = "i4"}, NITERU_ERROR_INVALID, "f2"},
        {network, {.preset = "squash", .output = "nothing"}, NITERU_ERROR_NOT_FOUND, "nothing"},
        {network, {.preset = "squash", .name = "a/b"}, NITERU_ERROR_INVALID, "a/b"},
        {network, {.card = small}, NITERU_ERROR_INVALID, "cannot be 8"},
        {network, {.card = odd}, NITERU_ERROR_INVALID, "metrik"},
        {network, {.card = none}, NITERU_ERROR_NOT_FOUND, "none.onnx"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        refused[i].options.size = sizeof refused[i].options;
        g_assert_false(niteru_model_add(shop.catalogue, refused[i].path, &refused[i].options, NULL, NULL, &error));
        expect_error(&error, refused[i].code, refused[i].says);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) left = parse(niteru_models_json(shop.catalogue, 0, NULL, &error));
    g_assert_cmpuint(nt_json_count(left), ==, 0);
    shop_drop(&shop);
}

/* ---- looking inside ---- */

typedef struct Seen {
    GString *ids;
    unsigned most;
} Seen;

static bool see(const char *id, const char *json, void *data) {
    Seen *seen = data;
    g_string_append_printf(seen->ids, "%s ", id);
    return --seen->most > 0;
}

static void expect_list(Shop *shop, const char *where, const char *after, size_t limit, unsigned most,
                        const char *wanted) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) ids = g_string_new(NULL);
    g_assert_true(niteru_list(
        shop->catalogue,
        &(NiteruListOptions){.size = sizeof(NiteruListOptions), .where = where, .after = after, .limit = limit}, see,
        &(Seen){ids, most}, NULL, &error));
    g_assert_cmpstr(ids->str, ==, wanted);
}

static void open_mugs(Shop *shop) {
    g_autoptr(GError) error = NULL;
    shop_open(shop);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *name = g_strdup_printf("%u.png", i);
        draw_picture(shop, name, i);
    }
    g_free(
        write_text(shop, "list.csv",
                   "id,image,title,price\nm2,1.png,\"Mug <b>\",4.5\nm1,0.png,Cup,3\nm3,2.png,,9\nm4,no.png,Lost,1\n"));
    index_shop(shop, "list.csv", NULL, &error);
    g_assert_no_error(error);
}

static void test_inspect(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_mugs(&shop);
    g_autoptr(NtJson) product = parse(niteru_product_json(shop.catalogue, "m2", &error));
    g_assert_cmpstr(text_at(nt_json_get(product, "metadata"), "title"), ==, "Mug <b>");
    g_assert_cmpfloat(nt_json_number(nt_json_get(nt_json_get(product, "metadata"), "price"), 0), ==, 4.5);
    g_assert_cmpstr(text_at(nt_json_at(nt_json_get(product, "photos"), 0), "format"), ==, "png");
    g_assert_null(niteru_product_json(shop.catalogue, "m9", &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "m9");

    expect_list(&shop, NULL, NULL, 0, 100, "m1 m2 m3 m4 ");
    expect_list(&shop, "price < 5", NULL, 0, 100, "m1 m2 m4 ");
    expect_list(&shop, NULL, "m2", 1, 100, "m3 ");
    expect_list(&shop, NULL, NULL, 0, 2, "m1 m2 ");
    g_assert_false(niteru_list(
        shop.catalogue,
        &(NiteruListOptions){.size = sizeof(NiteruListOptions), .where = "price ! 5", .after = NULL, .limit = 0}, see,
        NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "");

    g_autoptr(NtJson) info = parse(niteru_info_json(shop.catalogue, 0, NULL, &error));
    NtJson *counts = nt_json_get(info, "catalogue");
    g_assert_cmpint(nt_json_int(nt_json_get(counts, "products"), 0), ==, 4);
    g_assert_cmpint(nt_json_int(nt_json_get(counts, "photos_failed"), 0), ==, 1);
    g_assert_cmpint(nt_json_int(nt_json_get(counts, "distinct_photos"), 0), ==, 3);
    g_assert_cmpint(nt_json_int(nt_json_get(nt_json_at(nt_json_get(info, "models"), 0), "vectors"), 0), ==, 3);
    g_autoptr(NtJson) bare = parse(niteru_info_json(NULL, 0, NULL, &error));
    g_assert_cmpstr(text_at(nt_json_get(bare, "niteru"), "version"), ==, niteru_version());

    char *check = NULL;
    g_assert_true(niteru_check(shop.catalogue, 0, NULL, &check, &error));
    g_autoptr(NtJson) checked = parse(check);
    g_assert_true(nt_json_truth(nt_json_get(checked, "sound"), false));
    shop_drop(&shop);
}

/* ---- sheets ---- */

static void test_sheet(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_mugs(&shop);
    drop_file(&shop, "2.png"); /* an answer whose photo is not there any more */
    g_autofree char *png = below(&shop, "sheet.png"), *html = below(&shop, "sheet.html"), *odd = below(&shop, "s.pdf");
    g_autofree char *photo = below(&shop, "0.png"), *nowhere = below(&shop, "none/sheet.png");
    g_autoptr(NiteruSheet) sheet = niteru_sheet_new(shop.catalogue, "What looks alike");
    g_autoptr(NiteruResults) by_id = niteru_similar(shop.catalogue, "m1", NULL, NULL, &error);
    g_autoptr(NiteruResults) by_photo = niteru_search_photo(shop.catalogue, photo, NULL, NULL, &error);
    g_autoptr(NiteruResults) nothing = niteru_similar(
        shop.catalogue, "m1", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .where = "price > 100"}, NULL,
        &error);
    g_assert_no_error(error);
    g_assert_true(niteru_sheet_add(sheet, "m1", NULL, by_id, NULL, &error));
    g_assert_true(niteru_sheet_add(sheet, NULL, photo, by_photo, NULL, &error));
    g_assert_true(niteru_sheet_add(sheet, "m1", NULL, nothing, NULL, &error));
    g_assert_true(niteru_sheet_write(sheet, png, &error));
    g_assert_true(niteru_sheet_write(sheet, html, &error));
    cairo_surface_t *picture = cairo_image_surface_create_from_png(png);
    g_assert_cmpint(cairo_surface_status(picture), ==, CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(picture);
    g_autofree char *page = NULL;
    g_assert_true(g_file_get_contents(html, &page, NULL, NULL));
    g_assert_nonnull(strstr(page, "Mug &lt;b&gt;"));
    g_assert_null(strstr(page, "<b>Mug"));
    g_assert_nonnull(strstr(page, "no photo"));
    g_assert_false(niteru_sheet_write(sheet, odd, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "s.pdf");
    g_assert_false(niteru_sheet_write(sheet, nowhere, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "none");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/models/presets", test_models);
    g_test_add_func("/state/models/refusals", test_model_refusals);
    g_test_add_func("/state/inspect", test_inspect);
    g_test_add_func("/state/sheet", test_sheet);
    return g_test_run();
}
