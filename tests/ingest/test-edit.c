/* SPDX-License-Identifier: Apache-2.0 */
/* Several products at a time: each edit for itself, photos by their places, conditions that are looked at in the
 * transaction, and lists that came with photos of their own. */
#include "../support/shop.h"

#include <glib/gstdio.h>
#include <string.h>

static NtJson *json(const char *text) { return nt_json_parse(text, strlen(text), "test", NULL, NULL); }

/* The sizes of a product's photos in their order, "12 34". */
static char *photos_of(const Shop *shop, const char *id) {
    g_autofree char *text = niteru_product_json(shop->catalogue, id, NULL);
    g_autoptr(NtJson) product = json(text);
    const NtJson *photos = nt_json_get(product, "photos");
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        g_string_append_printf(out, "%s%d", i > 0 ? " " : "",
                               (int)nt_json_int(nt_json_get(nt_json_at(photos, i), "bytes"), -1));
    }
    return g_string_free(out, FALSE);
}

static bool edit_photo(const Shop *shop, const char *id, NtPhotoEdit how, size_t position, GBytes *bytes,
                       GError **error) {
    const NtGivenPhoto photo = {"given", bytes};
    NtProductEdit edit = {.id = id,
                          .must_exist = true,
                          .photo_edit = how,
                          .position = position,
                          .photos = &photo,
                          .photo_count = bytes != NULL,
                          .all_photos = true};
    if (!nt_products_edit(shop->catalogue, &edit, 1, NULL, NULL, error)) {
        return false;
    }
    if (edit.error != NULL) {
        g_propagate_error(error, edit.error);
    }
    return edit.error == NULL;
}

static void test_photos(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autoptr(GBytes) one = draw_bytes(&shop, 1), two = draw_bytes(&shop, 2), three = draw_bytes(&shop, 3);
    g_autoptr(GBytes) none = g_bytes_new("no photo", 8);
    NtProductEdit fresh = {.id = "p"};
    g_assert_true(nt_products_edit(shop.catalogue, &fresh, 1, NULL, NULL, &error));
    g_assert_true(fresh.report.added && fresh.error == NULL);
    g_assert_true(edit_photo(&shop, "p", NT_PHOTOS_SET, SIZE_MAX, one, &error));
    g_assert_true(edit_photo(&shop, "p", NT_PHOTOS_SET, 7, two, &error)); /* behind the last */
    g_assert_true(edit_photo(&shop, "p", NT_PHOTOS_SET, 0, three, &error));
    g_autofree char *both = photos_of(&shop, "p");
    g_autofree char *wanted = g_strdup_printf("%zu %zu", g_bytes_get_size(three), g_bytes_get_size(two));
    g_assert_cmpstr(both, ==, wanted);
    g_assert_false(edit_photo(&shop, "p", NT_PHOTOS_SET, 0, none, &error)); /* all stays as it was */
    expect_error(&error, NITERU_ERROR_UNSUPPORTED, "");
    g_assert_false(edit_photo(&shop, "p", NT_PHOTOS_REMOVE, 2, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "has no photo 2");
    g_autofree char *still = photos_of(&shop, "p");
    g_assert_cmpstr(still, ==, wanted);
    g_assert_true(edit_photo(&shop, "p", NT_PHOTOS_REMOVE, 0, NULL, &error));
    g_autofree char *last = photos_of(&shop, "p"), *second = g_strdup_printf("%zu", g_bytes_get_size(two));
    g_assert_cmpstr(last, ==, second);
    g_assert_true(edit_photo(&shop, "p", NT_PHOTOS_REPLACE, 0, NULL, &error));
    g_autofree char *empty = photos_of(&shop, "p");
    g_assert_cmpstr(empty, ==, "");
    g_assert_false(edit_photo(&shop, "none", NT_PHOTOS_SET, 0, one, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "no product 'none'");
    shop_drop(&shop);
}

static bool refuse(NtCatalogue *db, int64_t product, void *data, GError **error) {
    *(int64_t *)data = product;
    return nt_fail(error, NITERU_ERROR_INVALID, "not allowed");
}

/* What fails costs only itself, and the rest is one transaction. */
static void test_together(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    int64_t seen = -1;
    shop_open(&shop);
    g_autoptr(NtJson) red = json("{\"colour\": \"red\"}"), blue = json("{\"colour\": \"blue\", \"price\": 1}");
    g_autoptr(NtJson) odd = json("[1]");
    g_autofree char *long_id = g_strnfill(1025, 'x');
    NtProductEdit edits[] = {
        {.id = "a", .metadata = red, .whole = true},
        {.id = "b", .metadata = odd},
        {.id = long_id, .metadata = red},
        {.id = "none", .metadata = red, .must_exist = true},
        {.id = "c", .metadata = red, .allow = refuse, .data = &seen},
        {.id = "a", .metadata = blue}, /* once more: on top of the first */
        {.id = "d\n", .metadata = red},
        {.id = "e"},
    };
    static const NiteruError codes[] = {0,
                                        NITERU_ERROR_INVALID,
                                        NITERU_ERROR_INVALID,
                                        NITERU_ERROR_NOT_FOUND,
                                        NITERU_ERROR_INVALID,
                                        0,
                                        NITERU_ERROR_INVALID,
                                        0};
    g_assert_true(nt_products_edit(shop.catalogue, edits, G_N_ELEMENTS(edits), NULL, NULL, &error));
    for (size_t i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_assert_cmpint(edits[i].error != NULL ? edits[i].error->code : 0, ==, codes[i]);
        g_clear_error(&edits[i].error);
    }
    g_assert_cmpint(seen, ==, 0); /* there was none of that id */
    g_assert_true(edits[0].report.added && !edits[5].report.added && edits[7].report.added);
    g_autofree char *a = niteru_product_json(shop.catalogue, "a", &error);
    g_assert_nonnull(strstr(a, "\"colour\": \"blue\""));
    g_assert_null(niteru_product_json(shop.catalogue, "c", NULL));
    /* Where nothing is written, there is nothing to commit. */
    NtProductEdit only = {.id = "none", .must_exist = true};
    g_assert_true(nt_products_edit(shop.catalogue, &only, 1, NULL, NULL, &error));
    expect_error(&only.error, NITERU_ERROR_NOT_FOUND, "none");
    shop_drop(&shop);
}

static bool hold(NtCatalogue *db, int64_t product, void *data, GError **error) {
    *(NtJson **)data = product != 0 ? nt_catalogue_product_json(db, product, error) : NULL;
    return true;
}

/* Products go by an edit too, and one that stays is shown as the edit left it. */
static void test_shown(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    NtJson *before = NULL;
    shop_open(&shop);
    g_autoptr(NtJson) red = json("{\"colour\": \"red\"}"), blue = json("{\"colour\": \"blue\"}");
    NtProductEdit edits[] = {
        {.id = "a", .metadata = red, .shown = true},
        {.id = "a", .metadata = blue, .shown = true},
        {.id = "a", .must_exist = true, .remove = true, .allow = hold, .data = &before},
        {.id = "a", .must_exist = true, .remove = true},
    };
    g_assert_true(nt_products_edit(shop.catalogue, edits, G_N_ELEMENTS(edits), NULL, NULL, &error));
    g_assert_cmpstr(nt_json_text(nt_json_get(nt_json_get(edits[0].product, "metadata"), "colour"), ""), ==, "red");
    g_assert_cmpstr(nt_json_text(nt_json_get(nt_json_get(edits[1].product, "metadata"), "colour"), ""), ==, "blue");
    g_autofree char *left = nt_json_print(edits[1].product, false), *found = nt_json_print(before, false);
    g_assert_cmpstr(left, ==, found);
    g_assert_true(edits[2].error == NULL && edits[2].product == NULL);
    expect_error(&edits[3].error, NITERU_ERROR_NOT_FOUND, "no product 'a'");
    g_assert_null(niteru_product_json(shop.catalogue, "a", NULL));
    nt_json_free(before);
    nt_json_free(edits[0].product);
    nt_json_free(edits[1].product);
    shop_drop(&shop);
}

static bool break_down(NtCatalogue *db, int64_t product, void *data, GError **error) {
    return nt_fail(error, NITERU_ERROR_IO, "the disk is gone");
}

/* Where the whole fails, no edit has an error of its own. */
static void test_whole(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) none = g_bytes_new("no photo", 8);
    const NtGivenPhoto photo = {"given", none};
    shop_open(&shop);
    NtProductEdit edits[] = {
        {.id = "p", .photo_edit = NT_PHOTOS_SET, .photos = &photo, .photo_count = 1, .all_photos = true},
        {.id = "q", .shown = true},
        {.id = "r", .allow = break_down},
    };
    g_assert_false(nt_products_edit(shop.catalogue, edits, G_N_ELEMENTS(edits), NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_IO, "the disk is gone");
    g_assert_true(edits[0].error == NULL && edits[1].product == NULL);
    shop_drop(&shop);
}

/* ---- uploads ---- */

static bool take_location(const char *location, void *data) {
    *(char **)data = g_strdup(location);
    return false;
}

/* Where the first photo of a product lies, as the database has it. */
static char *first_location(const Shop *shop, const char *id) {
    g_auto(NtReader) reader = {0};
    int64_t product;
    char *location = NULL;
    g_assert_true(nt_reader_open(&reader, shop->catalogue, NULL) &&
                  nt_catalogue_find_product(reader.db, id, &product, NULL) &&
                  nt_catalogue_each_photo(reader.db, product, take_location, &location, NULL));
    return location;
}

typedef struct Uploaded {
    Shop *shop;
    char *path; /* of the only photo there is */
    GString *taken;
} Uploaded;

static char *find_photo(const char *name, void *data, GError **error) {
    if (strcmp(name, "one.png") == 0) {
        return g_strdup(((Uploaded *)data)->path);
    }
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "'%s' was not uploaded", name);
    return NULL;
}

static void on_product(const char *id, uint64_t line, bool added, void *data) {
    Uploaded *uploaded = data;
    g_autofree char *there = niteru_product_json(uploaded->shop->catalogue, id, NULL); /* it is committed */
    g_string_append_printf(uploaded->taken, "%s:%d%s%s ", id, (int)line, added ? "+" : "", there != NULL ? "" : "?");
}

static void test_upload(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autoptr(GBytes) one = draw_bytes(&shop, 1);
    uint8_t hash[32];
    nt_sha256(g_bytes_get_data(one, NULL), g_bytes_get_size(one), hash);
    g_assert_true(nt_original_keep(shop.catalogue, hash, one, &error));
    g_autofree char *location = nt_original_location(hash), *path = nt_location_path(shop.catalogue, location);
    g_autofree char *list = write_text(&shop, "list.csv", "id,image,price\na,one.png,1\nb,/etc/passwd,2\nc,,3\n");
    Uploaded uploaded = {&shop, path, g_string_new(NULL)};
    const NtListUpload upload = {
        .source = "spring", .find_photo = find_photo, .product = on_product, .data = &uploaded};
    NiteruIndexReport report = {.size = sizeof report};
    g_assert_true(nt_index_upload(shop.catalogue, list, &upload, NULL, NULL, &report, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(uploaded.taken->str, ==, "a:2+ b:3+ c:4+ ");
    g_assert_cmpuint(report.embedded, ==, 1);
    g_assert_cmpuint(report.failed, ==, 1);
    g_autofree char *stored =
        first_location(&shop, "a"); /* from the catalogue's folder on, so that this can be moved */
    g_assert_cmpstr(stored, ==, location);
    /* Another list of the same source prunes by it; a row without photos leaves those that there are. */
    g_autofree char *next = write_text(&shop, "next.csv", "id,price\na,5\n");
    const NiteruIndexOptions prune = {.size = sizeof prune, .prune = true};
    g_string_truncate(uploaded.taken, 0);
    g_assert_true(nt_index_upload(shop.catalogue, next, &upload, &prune, NULL, &report, &error));
    g_assert_cmpstr(uploaded.taken->str, ==, "a:2 ");
    g_assert_cmpuint(report.removed, ==, 2);
    g_autofree char *kept = photos_of(&shop, "a"), *size = g_strdup_printf("%zu", g_bytes_get_size(one));
    g_assert_cmpstr(kept, ==, size);
    g_string_free(uploaded.taken, TRUE);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/edit/photos", test_photos);
    g_test_add_func("/edit/together", test_together);
    g_test_add_func("/edit/shown", test_shown);
    g_test_add_func("/edit/whole", test_whole);
    g_test_add_func("/edit/upload", test_upload);
    return g_test_run();
}
