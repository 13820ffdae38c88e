/* SPDX-License-Identifier: Apache-2.0 */
/* What niteru_index makes of a source that cannot be read in full: no product goes by it, everything is counted. */
#include "../support/shop.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static const NiteruIndexOptions prune = {.size = sizeof(NiteruIndexOptions), .prune = true};

static void draw_pictures(const Shop *shop, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%02u.png", i);
        draw_picture(shop, name, i);
    }
}

static char *products(Shop *shop) {
    g_autofree char *info = niteru_info_json(shop->catalogue, 0, NULL, NULL);
    const char *at = strstr(info, "\"products\": ");
    return at != NULL ? g_strdup_printf("%d", (int)g_ascii_strtoll(at + 12, NULL, 10)) : g_strdup("none");
}

static void expect_products(Shop *shop, const char *expected) {
    g_autofree char *count = products(shop);
    g_assert_cmpstr(count, ==, expected);
}

/* Prunes a source that has a part that cannot be read: what it does have is taken, nothing goes, the part is named. */
static void expect_kept(Shop *shop, const char *source, const char *named, const char *count) {
    g_autoptr(GError) error = NULL;
    g_assert_false(index_shop(shop, source, &prune, &error));
    g_assert_nonnull(strstr(error->message, "nothing was pruned"));
    expect_error(&error, NITERU_ERROR_IO, named);
    g_assert_cmpuint(shop->report.removed, ==, 0);
    expect_products(shop, count);
}

static void test_prune_lists(void) {
    static const struct {
        const char *list, *named, *count;
    } cases[] = {
        /* a row in another encoding, without an image, with an open quote, with an id twice, at a place that is not
           read */
        {"id,image,t\na,photos/p00.png,x\nb,photos/p01.png,\x8e\x97\n", "list.csv:3", "2"},
        {"id,image,t\na,photos/p00.png,x\nb,,\n", "list.csv:3", "2"},
        {"id,image,t\na,photos/p00.png,x\nb,photos/p01.png,\"y\n", "list.csv:3", "2"},
        {"id,image,t\na,photos/p00.png,x\na,photos/p01.png,\n", "list.csv:3", "2"},
        {"id,image,t\na,photos/p00.png,x\nb,s3://shop/b.jpg,\n", "list.csv:3", "2"},
        {"id,image,t\n,photos/p01.png,\nc,photos/p00.png,x\n", "list.csv:2", "3"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Shop shop;
        g_autoptr(GError) error = NULL;
        shop_open(&shop);
        draw_pictures(&shop, 2);
        g_free(write_text(&shop, "list.csv", "id,image,t\na,photos/p00.png,x\nb,photos/p01.png,y\n"));
        g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
        g_free(write_text(&shop, "list.csv", cases[i].list));
        expect_kept(&shop, "list.csv", cases[i].named, cases[i].count);
        shop_drop(&shop);
    }
}

/* A photo that is refused, or is not there, does not make its row unread. */
static void test_prune_goes_on(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 2);
    g_free(write_text(&shop, "list.csv", "id,image\na,photos/p00.png\nb,photos/p01.png\nc,photos/p00.png\n"));
    g_assert_true(index_shop(&shop, "list.csv", NULL, &error));
    g_free(write_text(&shop, "list.csv", "id,image\na,photos/p00.png|https://shop.example/a.jpg\nb,photos/gone.png\n"));
    g_assert_true(index_shop(&shop, "list.csv", &prune, &error));
    g_assert_cmpuint(shop.report.removed, ==, 1);
    expect_products(&shop, "2");
    g_assert_true(has_failure(&shop, "list.csv:3|b|", "gone.png"));
    g_assert_true(has_failure(&shop, "list.csv:3: ", "|photos="));
    shop_drop(&shop);
}

static void test_prune_folders(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 2);
    draw_picture(&shop, "photos/disk/d.png", 5);
    draw_picture(&shop, "other/e.png", 6);
    g_autofree char *link = below(&shop, "photos/linked"), *other = below(&shop, "other"),
                    *aside = below(&shop, "aside"), *disk = below(&shop, "photos/disk");
    g_assert_cmpint(symlink(other, link), ==, 0);
    g_assert_true(index_shop(&shop, "photos", NULL, &error));
    expect_products(&shop, "4");
    /* the disk that a link leads to is gone */
    g_assert_cmpint(g_rename(other, aside), ==, 0);
    expect_kept(&shop, "photos", "photos/linked", "4");
    g_assert_cmpint(g_rename(aside, other), ==, 0);
    /* the disk under a folder is gone: the folder is there, and empty */
    drop_file(&shop, "photos/disk/d.png");
    expect_kept(&shop, "photos", "disk/ (empty now", "4");
    g_assert_cmpint(g_rmdir(disk), ==, 0);
    g_assert_true(index_shop(&shop, "photos", &prune, &error));
    expect_products(&shop, "3");
    /* an empty folder that never brought a product says nothing */
    g_assert_cmpint(g_mkdir(disk, 0777), ==, 0);
    drop_file(&shop, "photos/p01.png");
    g_assert_true(index_shop(&shop, "photos", &prune, &error));
    expect_products(&shop, "2");
    shop_drop(&shop);
}

/* A source that gives nothing is an error, with its reason. */
static void test_nothing(void) {
    static const struct {
        const char *name, *text, *reason;
    } cases[] = {{"a.csv", "id,image\n", "no row below the header"},
                 {"b.jsonl", "\n", "there is no row"},
                 {"c.csv", "id,image\n1,\n", "the row has no image"},
                 {"d/x.txt", "hello", "x.txt (plain text)"}};
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_free(write_text(&shop, cases[i].name, cases[i].text));
        g_assert_false(index_shop(&shop, cases[i].name[0] == 'd' ? "d" : cases[i].name, NULL, &error));
        expect_error(&error, NITERU_ERROR_INVALID, cases[i].reason);
    }
    shop_drop(&shop);
}

static void keep_note(const char *text, void *data) { g_string_append(((GString **)data)[1], text); }

/* Photos by their bytes, whatever their names; every file is in one of the counts; the rest is named. */
static void test_every_file(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    static const char *const photos[] = {"a.png", "b.jpg_large", "c", "d.txt"};
    for (unsigned i = 0; i < G_N_ELEMENTS(photos); i++) {
        g_autofree char *name = g_strconcat("photos/", photos[i], NULL);
        draw_picture(&shop, name, i);
    }
    draw_picture(&shop, "photos/twin.png", 0);
    g_free(write_text(&shop, "photos/note.md", "hello"));
    g_free(write_text(&shop, "photos/e.jxl", "\xff\x0a no picture of ours"));
    g_free(write_text(&shop, "photos/bad.jpg", "hello"));
    g_free(write_text(&shop, "photos/.DS_Store", "x"));
    g_autoptr(GString) notes = g_string_new(NULL);
    g_autofree char *path = below(&shop, "photos");
    void *data[] = {NULL, notes};
    NiteruIndexReport report = {.size = sizeof(NiteruIndexReport)};
    g_assert_true(
        niteru_index(shop.catalogue, path,
                     &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .note = keep_note, .data = data}, NULL,
                     &report, &error));
    g_assert_cmpuint(report.embedded, ==, 4);
    g_assert_cmpuint(report.reused, ==, 1);
    g_assert_cmpuint(report.identical, ==, 1);
    g_assert_cmpuint(report.failed, ==, 1);
    g_assert_cmpuint(report.others, ==, 3);
    g_assert_cmpuint(report.hidden, ==, 1);
    g_assert_nonnull(strstr(notes->str, "note.md (plain text)"));
    g_assert_nonnull(strstr(notes->str, "e.jxl (a JPEG XL"));
    g_assert_true(niteru_index(shop.catalogue, path, NULL, NULL, &report, &error));
    g_assert_cmpuint(report.reused, ==, 5);
    g_assert_cmpuint(report.identical, ==, 0); /* known already */
    shop_drop(&shop);
}

/* Shopify's further rows are told with what they are, once. */
static void test_repeated(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 3);
    g_free(write_text(&shop, "s.csv",
                      "Handle,Title,Image Src\na,A,photos/p00.png\na,,photos/p01.png\na,,photos/p02.png\n"));
    g_free(write_text(&shop, "l.csv", "id,image\na,photos/p00.png\na,photos/p01.png\n"));
    static const char *const map[] = {"id=Handle", "image=Image Src", NULL};
    g_assert_true(
        index_shop(&shop, "s.csv", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .map = map}, &error));
    g_assert_true(has_failure(&shop, "s.csv:3: ", "Shopify"));
    g_assert_true(has_failure(&shop, "s.csv:3: ", "'Image Src', parted by '|'"));
    g_assert_false(has_failure(&shop, "s.csv:4: ", "Shopify"));
    g_assert_true(index_shop(&shop, "l.csv", NULL, &error));
    g_assert_true(has_failure(&shop, "l.csv:3: ", "parted by '|'"));
    shop_drop(&shop);
}

/* Where a list's photos are looked for, and what parts them. */
static void test_photos_of_list(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_pictures(&shop, 3);
    g_free(write_text(&shop, "lists/l.csv", "id,Images\na,\"p00.png, p01.png\"\nb,p02.png\n"));
    g_autofree char *photos = below(&shop, "photos");
    const NiteruIndexOptions here = {.size = sizeof(NiteruIndexOptions), .photos = photos},
                             parted = {.size = sizeof parted, .photos = photos, .image_separator = ","};
    g_assert_true(index_shop(&shop, "lists/l.csv", &here, &error));
    g_assert_true(has_failure(&shop, "column 'Images'", "|image_separator=,"));
    g_assert_true(index_shop(&shop, "lists/l.csv", &parted, &error));
    g_assert_cmpuint(shop.report.photos, ==, 3);
    g_assert_cmpuint(shop.report.failed, ==, 0);
    g_assert_false(index_shop(&shop, "lists/l.csv",
                              &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .photos = "/no such"}, &error));
    expect_fact(error, "option", "photos");
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "/no such");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ingest/sources/prune-lists", test_prune_lists);
    g_test_add_func("/ingest/sources/prune-goes-on", test_prune_goes_on);
    g_test_add_func("/ingest/sources/prune-folders", test_prune_folders);
    g_test_add_func("/ingest/sources/nothing", test_nothing);
    g_test_add_func("/ingest/sources/every-file", test_every_file);
    g_test_add_func("/ingest/sources/repeated", test_repeated);
    g_test_add_func("/ingest/sources/photos-of-list", test_photos_of_list);
    return g_test_run();
}
