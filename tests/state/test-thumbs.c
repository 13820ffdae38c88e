/* SPDX-License-Identifier: Apache-2.0 */
/* Photos given back, as they are and small, and what is kept of the small ones. */
#include "../support/shop.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* A product with two photos. */
static void open_pictures(Shop *shop) {
    g_autoptr(GError) error = NULL;
    shop_open(shop);
    draw_picture(shop, "photos/dress/a.png", 1);
    draw_picture(shop, "photos/dress/b.png", 2);
    const NiteruIndexOptions folders = {.size = sizeof folders, .product_from_folder = true};
    index_shop(shop, "photos", &folders, &error);
    g_assert_no_error(error);
}

static GBytes *thumb(const Shop *shop, unsigned position, unsigned side, GError **error) {
    return niteru_photo_thumbnail(shop->catalogue, "dress", position, side, 0, NULL, error);
}

/* Checks that it is a JPEG without metadata, and tells its longer side. */
static unsigned long_side(GBytes *picture) {
    g_autoptr(GError) error = NULL;
    NtImageHeader header;
    g_assert_nonnull(picture);
    g_assert_true(
        nt_image_scan(g_bytes_get_data(picture, NULL), g_bytes_get_size(picture), "thumb", NULL, &header, &error));
    g_assert_cmpint(header.format, ==, NT_IMAGE_JPEG);
    g_assert_cmpuint(header.orientation, ==, 1);
    g_assert_cmpuint(header.metadata, ==, 0);
    return MAX(header.width, header.height);
}

/* Files in thumbs/, and their bytes. */
static unsigned kept(const Shop *shop, uint64_t *out_bytes) {
    g_autofree char *path = below(shop, "shop.niteru/thumbs");
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    unsigned count = 0;
    *out_bytes = 0;
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL; count++) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        GStatBuf st;
        g_assert_cmpint(g_lstat(file, &st), ==, 0);
        *out_bytes += (uint64_t)st.st_size;
    }
    return count;
}

static void test_originals(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_pictures(&shop);
    const char *type = NULL;
    g_autofree char *path = below(&shop, "photos/dress/b.png"), *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    g_autoptr(GBytes) got = niteru_photo_bytes(shop.catalogue, "dress", 1, &type, 0, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(type, ==, "image/png");
    g_assert_cmpmem(g_bytes_get_data(got, NULL), g_bytes_get_size(got), bytes, size);
    g_assert_null(niteru_photo_bytes(shop.catalogue, "dress", 2, NULL, 0, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "photo number 2");
    g_assert_null(niteru_photo_bytes(shop.catalogue, "coat", 0, NULL, 0, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "coat");
    /* What is no photo is given to nobody, whatever path leads there. */
    g_free(write_text(&shop, "photos/dress/b.png", "password: secret"));
    g_assert_null(niteru_photo_bytes(shop.catalogue, "dress", 1, NULL, 0, NULL, &error));
    expect_error(&error, NITERU_ERROR_UNSUPPORTED, "not a photo");
    drop_file(&shop, "photos/dress/b.png");
    g_assert_null(niteru_photo_bytes(shop.catalogue, "dress", 1, NULL, 0, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "b.png");
    shop_drop(&shop);
}

static void test_thumbs(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    uint64_t bytes;
    open_pictures(&shop);
    g_autoptr(GBytes) small = thumb(&shop, 0, 50, &error), other = thumb(&shop, 1, 64, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(long_side(small), ==, 64);
    g_assert_false(g_bytes_equal(small, other));
    g_assert_cmpuint(kept(&shop, &bytes), ==, 2);
    g_autoptr(GBytes) larger = thumb(&shop, 0, 100, &error);
    g_assert_cmpuint(long_side(larger), ==, 72); /* as large as it is, and no larger */
    g_assert_cmpuint(kept(&shop, &bytes), ==, 3);
    g_assert_null(thumb(&shop, 0, 0, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "side");
    g_assert_null(thumb(&shop, 0, 1025, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "side");
    /* What is kept answers when the photo is gone; what is not kept does not. */
    drop_file(&shop, "photos/dress/a.png");
    g_autoptr(GBytes) again = thumb(&shop, 0, 64, &error);
    g_assert_true(g_bytes_equal(small, again));
    g_assert_null(thumb(&shop, 0, 256, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "a.png");
    shop_drop(&shop);
}

/* The file kept for a photo and a side. */
static char *kept_path(const Shop *shop, const char *photo, unsigned side) {
    g_autofree char *path = below(shop, photo), *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    g_autofree char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)bytes, size);
    g_autofree char *name = g_strdup_printf("shop.niteru/thumbs/%s-%u.jpg", hash, side);
    return below(shop, name);
}

/* A file that is cut short is made again, and a photo that was replaced shows what it is now. */
static void test_damage(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_pictures(&shop);
    g_autoptr(GBytes) small = thumb(&shop, 0, 64, &error), other = thumb(&shop, 1, 64, &error);
    g_autofree char *path = kept_path(&shop, "photos/dress/a.png", 64);
    g_assert_cmpint(truncate(path, (off_t)g_bytes_get_size(small) - 1), ==, 0);
    g_autoptr(GBytes) again = thumb(&shop, 0, 64, &error);
    g_assert_true(g_bytes_equal(small, again));
    g_assert_cmpint(g_unlink(path), ==, 0);
    draw_picture(&shop, "photos/dress/a.png", 2);
    g_autoptr(GBytes) now = thumb(&shop, 0, 64, &error);
    g_assert_no_error(error);
    g_assert_true(g_bytes_equal(now, other));
    shop_drop(&shop);
}

/* A folder that is full: the oldest go. */
static void test_bound(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    uint64_t bytes;
    open_pictures(&shop);
    g_autofree char *folder = below(&shop, "shop.niteru/thumbs");
    g_assert_cmpint(g_mkdir(folder, 0777), ==, 0);
    for (unsigned i = 0; i < 30; i++) { /* 10 MiB each, with nothing in them */
        g_autofree char *name = g_strdup_printf("%s/%02u-64.jpg", folder, i);
        int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        const struct timespec made[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(ftruncate(fd, 10 << 20), ==, 0);
        g_assert_cmpint(futimens(fd, made), ==, 0);
        close(fd);
    }
    g_autoptr(GBytes) small = thumb(&shop, 0, 64, &error);
    g_assert_cmpuint(long_side(small), ==, 64);
    unsigned count = kept(&shop, &bytes);
    g_assert_cmpuint(bytes, <=, 192 << 20);
    g_assert_cmpuint(count, ==, 20);
    g_autofree char *oldest = g_strdup_printf("%s/00-64.jpg", folder),
                    *newest = g_strdup_printf("%s/29-64.jpg", folder);
    g_assert_false(g_file_test(oldest, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(newest, G_FILE_TEST_EXISTS));
    shop_drop(&shop);
}

/* A catalogue open for reading keeps nothing. */
static void test_read_only(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    uint64_t bytes;
    open_pictures(&shop);
    g_autofree char *folder = below(&shop, "shop.niteru");
    const NiteruOptions reading = {.size = sizeof reading, .read_only = true};
    g_autoptr(NiteruCatalogue) reader = niteru_open(folder, &reading, &error);
    g_autoptr(GBytes) small = niteru_photo_thumbnail(reader, "dress", 0, 64, 0, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(long_side(small), ==, 64);
    g_assert_cmpuint(kept(&shop, &bytes), ==, 0);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/thumbs/originals", test_originals);
    g_test_add_func("/state/thumbs/small", test_thumbs);
    g_test_add_func("/state/thumbs/damage", test_damage);
    g_test_add_func("/state/thumbs/bound", test_bound);
    g_test_add_func("/state/thumbs/read-only", test_read_only);
    return g_test_run();
}
