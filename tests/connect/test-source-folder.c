/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of photos: order, links, what is passed over, products made of sub-folders. */
#include "connect-support.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *folder, const char *name) { g_free(put_file(folder, name, "x", 1)); }

static void expect(char *folder, const NtSourceOptions *options, const char *expected) {
    g_autofree char *out = read_all(folder, folder, options);
    g_assert_cmpstr(out, ==, expected);
}

static void test_order(void) {
    char *folder = make_folder();
    const char *names[] = {"b.jpg", "a/z.png", "a-b.jpg", "a.jpeg", "a/B.WEBP", "ä.heic", "a/sub/x.tif", "Z.gif"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        put(folder, names[i]);
    }
    /* Bytewise by the whole path: "-" and "." come before "/". */
    expect(
        folder, NULL,
        "0 Z.gif [Z.gif]\n0 a-b.jpg [a-b.jpg]\n0 a.jpeg [a.jpeg]\n0 a/B.WEBP [a/B.WEBP]\n0 a/sub/x.tif [a/sub/x.tif]\n"
        "0 a/z.png [a/z.png]\n0 b.jpg [b.jpg]\n0 ä.heic [ä.heic]\n");
    drop_folder(folder);
}

static void test_passed_over(void) {
    char *folder = make_folder();
    const char *names[] = {"a.jpg",
                           ".hidden.jpg",
                           "._a.jpg",
                           ".git/x.jpg",
                           "__MACOSX/a.jpg",
                           "@eaDir/b.jpg",
                           "Thumbs.db",
                           "list.csv",
                           "jpg",
                           "shop.niteru/catalogue.db",
                           "shop.niteru/vectors/x",
                           "shop.niteru/photos/y.jpg",
                           "empty/none.txt"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        put(folder, names[i]);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSource) source = nt_source_open(folder, NULL, &error);
    g_assert_no_error(error);
    NtListing listing;
    g_assert_cmpint(nt_source_next(source, &listing, &error), ==, NT_SOURCE_PRODUCT);
    g_assert_cmpstr(listing.id, ==, "a.jpg");
    g_assert_cmpint(nt_source_next(source, &listing, &error), ==, NT_SOURCE_END);
    g_assert_cmpuint(nt_source_skipped(source), ==, 6); /* Thumbs.db, list.csv, jpg, none.txt and two hidden ones */
    g_assert_cmpuint(nt_source_hidden(source), ==, 2);
    g_assert_cmpuint(g_strv_length((char **)nt_source_skipped_names(source)), ==, 4);
    g_assert_cmpfloat(nt_source_share(source), <, 0);
    g_assert_cmpstr(nt_source_kind(source), ==, "folder");
    drop_folder(folder);
}

static bool looks(const uint8_t *head, size_t size, const char **out_what) {
    *out_what = size == 0 ? "an empty file" : NULL;
    return size >= 5 && memcmp(head, "PHOTO", 5) == 0;
}

/* A file not named as photos are is one when its first bytes say so; every other is counted and the first are named. */
static void test_look(void) {
    char *folder = make_folder();
    const char *photos[] = {"a.jpg_large", "b", "sub/c.php", "d.JPG.tmp"}, *others[] = {"e.txt", "f.tga", "sub/g"};
    for (size_t i = 0; i < G_N_ELEMENTS(photos); i++) {
        g_free(put_file(folder, photos[i], "PHOTO and more", -1));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_free(put_file(folder, others[i], "x", 1));
    }
    g_free(put_file(folder, "empty", "", 0));
    put(folder, "named.jpg"); /* whatever its bytes are: whoever decodes it says what is wrong */
    g_free(put_file(folder, ".DS_Store", "PHOTO", -1));
    const NtSourceOptions options = {.look = looks};
    expect(folder, &options,
           "0 a.jpg_large [a.jpg_large]\n0 b [b]\n0 d.JPG.tmp [d.JPG.tmp]\n0 named.jpg [named.jpg]\n"
           "0 sub/c.php [sub/c.php]\n");
    g_autoptr(NtSource) source = nt_source_open(folder, &options, NULL);
    NtListing listing;
    while (nt_source_next(source, &listing, NULL) != NT_SOURCE_END) {
    }
    g_autofree char *names = g_strjoinv("|", (char **)nt_source_skipped_names(source));
    g_assert_cmpuint(nt_source_skipped(source), ==, 5);
    g_assert_cmpuint(nt_source_hidden(source), ==, 1);
    g_assert_nonnull(strstr(names, "empty (an empty file)"));
    g_assert_nonnull(strstr(names, "e.txt"));
    g_assert_nonnull(strstr(names, "sub/g"));
    drop_folder(folder);
}

static void test_empty_folders(void) {
    char *folder = make_folder();
    g_autofree char *disk = g_build_filename(folder, "a", "disk", NULL);
    g_assert_cmpint(g_mkdir_with_parents(disk, 0777), ==, 0);
    put(folder, "full/.hidden");
    put(folder, "b.jpg");
    g_autoptr(NtSource) source = nt_source_open(folder, NULL, NULL);
    NtListing listing;
    while (nt_source_next(source, &listing, NULL) != NT_SOURCE_END) {
    }
    g_autofree char *names = g_strjoinv("|", (char **)nt_source_empty_folders(source));
    g_assert_cmpstr(names, ==, "a/disk/");
    drop_folder(folder);
}

static void test_links(void) {
    char *folder = make_folder(), *other = make_folder();
    put(folder, "a/1.jpg");
    put(other, "deep/2.jpg");
    g_autofree char *up = g_build_filename(folder, "a", "up", NULL), *inside = g_build_filename(folder, "b", NULL);
    g_autofree char *outside = g_build_filename(folder, "c", NULL),
                    *back = g_build_filename(other, "deep", "back", NULL);
    g_autofree char *file = g_build_filename(folder, "d.jpg", NULL), *broken = g_build_filename(folder, "e.jpg", NULL);
    g_assert_cmpint(symlink("..", up), ==, 0);        /* a loop */
    g_assert_cmpint(symlink("a", inside), ==, 0);     /* its photos come as a/... */
    g_assert_cmpint(symlink(other, outside), ==, 0);  /* leads out: followed */
    g_assert_cmpint(symlink(folder, back), ==, 0);    /* and back: not */
    g_assert_cmpint(symlink("a/1.jpg", file), ==, 0); /* a file: followed */
    g_autofree char *disk = g_build_filename(folder, "disk", NULL), *self = g_build_filename(folder, "self", NULL);
    g_assert_cmpint(symlink("nowhere", broken), ==, 0);
    g_assert_cmpint(symlink("/mnt/not mounted", disk), ==, 0); /* whatever its name */
    g_assert_cmpint(symlink("self", self), ==, 0);
    g_autofree char *out = read_all(folder, folder, NULL);
    /* Faults come in the folder's own order. */
    g_assert_nonnull(strstr(out, "! 0 e.jpg: No such file or directory\n"));
    g_assert_nonnull(strstr(out, "! 0 disk: No such file or directory\n"));
    g_assert_nonnull(strstr(out, "! 0 self: Too many levels of symbolic links\n"));
    g_assert_true(g_str_has_suffix(out, "\n0 a/1.jpg [a/1.jpg]\n0 c/deep/2.jpg [c/deep/2.jpg]\n0 d.jpg [d.jpg]\n"));
    drop_folder(folder);
    drop_folder(other);
}

static void test_product_from_folder(void) {
    char *folder = make_folder();
    const char *names[] = {"top.jpg", "dress/2.jpg", "dress/1.jpg", "dress/red/3.jpg", "bag/only.png", "none/x.txt"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        put(folder, names[i]);
    }
    const NtSourceOptions options = {.product_from_folder = true};
    expect(folder, &options,
           "0 bag [bag/only.png]\n0 dress [dress/1.jpg dress/2.jpg]\n0 dress/red [dress/red/3.jpg]\n0 top.jpg "
           "[top.jpg]\n");
    drop_folder(folder);
}

static void test_names(void) {
    char *folder = make_folder();
    put(folder, "e\xcc\x81.jpg"); /* decomposed: the id is composed, the path is as on disk */
    put(folder, "\xff.jpg");
    put(folder, "a\nb.jpg");
    put(folder, "c.jpg[unlimited=true].jpg");
    g_autofree char *out = read_all(folder, folder, NULL);
    g_assert_cmpstr(out, ==,
                    "! 0 a\\x0ab.jpg: the id 'a\\x0ab.jpg' holds a control character\n"
                    "0 c.jpg[unlimited=true].jpg [c.jpg[unlimited=true].jpg]\n"
                    "0 \xc3\xa9.jpg [e\xcc\x81.jpg]\n! 0 \xef\xbf\xbd.jpg: the name is not UTF-8; rename it\n");
    drop_folder(folder);
}

static void test_depth(void) {
    char *folder = make_folder();
    g_autoptr(GString) deep = g_string_new(NULL);
    for (int i = 0; i < 110; i++) {
        g_string_append(deep, "d/");
    }
    g_string_append(deep, "x.jpg");
    put(folder, deep->str);
    put(folder, "z.jpg");
    g_autofree char *out = read_all(folder, folder, NULL);
    g_assert_nonnull(strstr(out, "folders are nested deeper than 100\n0 z.jpg [z.jpg]\n"));
    drop_folder(folder);
}

static void test_special(void) {
    char *folder = make_folder();
    g_autofree char *pipe = g_build_filename(folder, "p.jpg", NULL);
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    put(folder, "a.jpg");
    expect(folder, NULL, "! 0 p.jpg: not a regular file\n0 a.jpg [a.jpg]\n");
    g_autofree char *as_list = read_all(folder, pipe, NULL);
    g_assert_cmpstr(as_list, ==, "REFUSED p.jpg: neither a folder nor a file\n");
    const char *map[] = {"id=x", NULL};
    const NtSourceOptions options = {.map = map};
    g_autofree char *mapped = read_all("/", folder, &options);
    g_assert_nonnull(strstr(mapped, "{map}"));
    g_autofree char *elsewhere = read_all("/", folder, &(NtSourceOptions){.photos = "/tmp"});
    g_assert_nonnull(strstr(elsewhere, "{photos}"));
    drop_folder(folder);
}

/* A folder without permission costs itself. As root nothing is forbidden, so the test is skipped. */
static void test_forbidden(void) {
    if (geteuid() == 0) {
        g_test_skip("root may read everything");
        return;
    }
    char *folder = make_folder();
    put(folder, "a/1.jpg");
    put(folder, "b.jpg");
    g_autofree char *closed = g_build_filename(folder, "a", NULL);
    g_chmod(closed, 0);
    expect(folder, NULL, "! 0 a/: Permission denied\n0 b.jpg [b.jpg]\n");
    g_chmod(closed, 0700);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/folder/order", test_order);
    g_test_add_func("/folder/passed-over", test_passed_over);
    g_test_add_func("/folder/look", test_look);
    g_test_add_func("/folder/empty-folders", test_empty_folders);
    g_test_add_func("/folder/links", test_links);
    g_test_add_func("/folder/product-from-folder", test_product_from_folder);
    g_test_add_func("/folder/names", test_names);
    g_test_add_func("/folder/depth", test_depth);
    g_test_add_func("/folder/special", test_special);
    g_test_add_func("/folder/forbidden", test_forbidden);
    return g_test_run();
}
