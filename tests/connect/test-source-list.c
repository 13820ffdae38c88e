/* SPDX-License-Identifier: Apache-2.0 */
/* JSONL lists, what lists have in common (photos, addresses), and telling one kind of source from another. */
#include "connect-support.h"

#include <glib/gstdio.h>
#include <string.h>

static void expect(const char *name, const char *list, const char *expected) {
    g_autofree char *out = read_list(name, list, -1, NULL);
    g_assert_cmpstr(out, ==, expected);
}

static void test_jsonl(void) {
    expect("l.jsonl",
           "{\"id\":\"a\",\"image\":\"a.jpg\",\"price\":12.5,\"tags\":[\"x\",\"y\"],\"title\":\"T\",\"n\":null}\n\n"
           "{\"images\":[\"b.jpg\",\"c.jpg\"],\"id\":7}\n",
           "1 a [a.jpg] price=12.5 tags=[\"x\", \"y\"] title=T n=null\n3 7 [b.jpg c.jpg]\n");
    expect("l.jsonl", "{\"id\":\"a\",\"image\":\"a.jpg|b.jpg\"}", "1 a [a.jpg b.jpg]\n");
    expect("l.jsonl", "{\"id\":1,\"image\":\"a.jpg\"}\r{\"id\":2,\"image\":\"b.jpg\"}\r", "1 1 [a.jpg]\n2 2 [b.jpg]\n");
}

static void test_bad_jsonl(void) {
    expect(
        "l.jsonl",
        "{\"id\":\"a\"}\n{\"image\":\"a.jpg\"}\n{\"id\":\"b\",\"image\":\"b.jpg\"\n[1]\n{\"id\":{},\"image\":\"x\"}\n"
        "{\"id\":\"c\",\"image\":5}\n{\"id\":\"d\",\"image\":[\"d.jpg\",4]}\n{\"id\":\"\xff\"}\n"
        "{\"id\":\"e\",\"image\":\"e.jpg\"}\n",
        "! 1 l.jsonl:1: the row has no image\n! 2 l.jsonl:2: the row has no id\n"
        "! 3 l.jsonl:3: row: line 1, column 25: not JSON: '}' expected near end of file\n"
        "! 4 l.jsonl:4: not a JSON object; each line is one product: {\"id\": ...}\n"
        "! 5 l.jsonl:5: the id is neither text nor a whole number\n"
        "! 6 l.jsonl:6: the image is neither text nor an array\n"
        "! 7 l.jsonl:7: image 2 is not text\n7 d [d.jpg]\n"
        "! 8 l.jsonl:8: column 8: not UTF-8; it reads as cp1252: 'ÿ', 'id'; if that looks right, name that "
        "encoding, else its own (gbk, cp1251, ...) or save it as UTF-8 {encoding=cp1252}\n"
        "9 e [e.jpg]\n");
    expect("l.json", "[{\"id\":\"a\"}]\n",
           "FAILED l.json: a JSON array; JSONL has one object a line (jq -c '.[]' turns "
           "the one into the other)\n");
    g_autoptr(GString) deep = g_string_new("{\"id\":\"a\",\"image\":\"a.jpg\",\"x\":");
    for (int i = 0; i < 100000; i++) {
        g_string_append_c(deep, '[');
    }
    g_string_append(deep, "\n{\"id\":\"b\",\"image\":\"b.jpg\"}\n");
    g_autofree char *out = read_list("l.jsonl", deep->str, -1, NULL);
    g_assert_cmpstr(out, ==, "! 1 l.jsonl:1: row: nested deeper than 64 (limit json-depth)\n2 b [b.jpg]\n");
}

static void test_jsonl_limits(void) {
    NtLimits limits = nt_limits_default();
    limits.list_columns = 2;
    limits.list_field = 5;
    limits.list_line = 60;
    const NtSourceOptions options = {.limits = &limits};
    g_autofree char *out = read_list(
        "l.jsonl",
        "{\"id\":\"a\",\"image\":\"a.jpg\",\"x\":1,\"y\":2}\n{\"id\":\"b\",\"image\":\"a.jpg\",\"x\":1,\"y\":2,\"z\":3}"
        "\n"
        "{\"id\":\"c\",\"image\":\"a.jpg\",\"x\":\"12345\"}\n{\"id\":\"d\",\"image\":\"a.jpg\",\"x\":\"123456\"}\n"
        "{\"id\":\"e\",\"image\":\"a.jpg\",\"x\":\"12345678901234567890123456789012345\"}\n",
        -1, &options);
    g_assert_cmpstr(out, ==,
                    "1 a [a.jpg] x=1 y=2\n! 2 l.jsonl:2: more than 2 members (limit list-columns)\n"
                    "3 c [a.jpg] x=12345\n! 4 l.jsonl:4: x is longer than 5 bytes (limit list-field)\n"
                    "! 5 l.jsonl:5: longer than 60 bytes (limit list-line)\n");
}

static void test_photos(void) {
    expect("l.csv",
           "id,images\na,a.jpg| b.jpg |a.jpg|\nb,\"[\"\"x.jpg\"\", \"\"y.jpg\"\"]\"\nc,/abs/c.jpg\nd,../d.jpg\n",
           "2 a [a.jpg b.jpg]\n3 b [x.jpg y.jpg]\n4 c [/abs/c.jpg]\n5 d [/tmp/d.jpg]\n");
    expect("l.csv", "id,image\na,file:///x%20y.jpg\nb,FILE://elsewhere/x.jpg\n",
           "2 a [/x y.jpg]\n! 3 l.csv:3: 'FILE://elsewhere/x.jpg' names no file on this machine\n");
}

static void test_addresses(void) {
    expect("l.csv",
           "id,images\na,https://shop.example/a.jpg\nb,b.jpg|http://shop.example/b.jpg\nc,s3://bucket/c.jpg\n"
           "d,\"data:image/png;base64,xx\"\ne,C:/e.jpg\n",
           "2 a [https://shop.example/a.jpg]\n3 b [b.jpg http://shop.example/b.jpg]\n"
           "! 4 l.csv:4: 's3://bucket/c.jpg': photos cannot be read from s3: addresses\n"
           "! 5 l.csv:5: 'data:image/png;base64,xx': photos cannot be read from data: addresses\n"
           "6 e [C:/e.jpg]\n");
}

static void test_many_photos(void) {
    g_autoptr(GString) list = g_string_new("id,images\na,");
    for (int i = 0; i < 1001; i++) {
        g_string_append_printf(list, "%s%d.jpg", i > 0 ? "|" : "", i);
    }
    g_autofree char *out = read_list("l.csv", list->str, -1, NULL);
    g_assert_true(
        g_str_has_prefix(out, "! 2 l.csv:2: a product may have 1000 photos; '1000.jpg' was left out\n2 a [0.jpg "));
}

static void test_kinds(void) {
    char *folder = make_folder();
    static const struct {
        const char *name, *bytes, *kind;
    } cases[] = {{"a.csv", "id,image\n", "csv"},         {"a.TSV", "id\timage\n", "csv"},
                 {"a.jsonl", "{\"id\":1}\n", "jsonl"},   {"a.ndjson", "{}\n", "jsonl"},
                 {"plain", "id,image\n", "csv"},         {"feed", " {\"id\":1}\n", "jsonl"},
                 {"marked", "\xef\xbb\xbf{}\n", "jsonl"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = put_file(folder, cases[i].name, cases[i].bytes, -1);
        g_autoptr(GError) error = NULL;
        g_autoptr(NtSource) source = nt_source_open(path, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(nt_source_kind(source), ==, cases[i].kind);
        g_assert_cmpstr(nt_source_location(source), ==, path);
    }
    const NtSourceOptions jsonl = {.format = "jsonl"}, folders = {.format = "folder"}, wrong = {.format = "xml"};
    g_autofree char *path = g_build_filename(folder, "a.csv", NULL), *missing = g_build_filename(folder, "no", NULL);
    g_autofree char *out = read_all(folder, path, &folders), *unknown = read_all(folder, path, &wrong);
    g_assert_cmpstr(out, ==, "REFUSED a.csv: is a file, not a folder\n");
    g_assert_cmpstr(unknown, ==,
                    "REFUSED there is no format 'xml'; the formats are folder, csv, jsonl, shopify, "
                    "woocommerce and google-merchant {format}\n");
    g_autofree char *as_list = read_all("/", folder, &jsonl), *none = read_all(folder, missing, NULL);
    g_assert_nonnull(strstr(as_list, "is a folder, not a list"));
    g_assert_cmpstr(none, ==, "REFUSED no: No such file or directory\n");
    g_autofree char *web = read_all(folder, "https://shop.example/list.csv", NULL);
    g_assert_nonnull(strstr(web, "are not fetched"));
    drop_folder(folder);
}

/* The clothing set's own list, whole. */
static void test_real_list(void) {
    const char *shared = g_getenv("NITERU_SHARED");
    g_autofree char *path = g_build_filename(shared != NULL ? shared : "../shared", "data/clothing/catalog.csv", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_autofree char *why = g_strdup_printf("%s is not there", path);
        g_test_skip(why);
        return;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSource) source = nt_source_open(path, NULL, &error);
    g_assert_no_error(error);
    NtListing listing;
    size_t products = 0;
    while (nt_source_next(source, &listing, &error) == NT_SOURCE_PRODUCT) {
        g_assert_cmpuint(listing.photo_count, ==, 1);
        g_assert_true(g_file_test(listing.photos[0], G_FILE_TEST_IS_REGULAR));
        products++;
    }
    g_assert_no_error(error);
    g_assert_cmpuint(products, ==, 2522);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_setenv("TMPDIR", "/tmp", TRUE);
    g_test_add_func("/list/jsonl", test_jsonl);
    g_test_add_func("/list/bad-jsonl", test_bad_jsonl);
    g_test_add_func("/list/jsonl-limits", test_jsonl_limits);
    g_test_add_func("/list/photos", test_photos);
    g_test_add_func("/list/addresses", test_addresses);
    g_test_add_func("/list/many-photos", test_many_photos);
    g_test_add_func("/list/kinds", test_kinds);
    g_test_add_func("/list/real", test_real_list);
    return g_test_run();
}
