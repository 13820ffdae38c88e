/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void test_limits(void) {
    NtLimits limits = nt_limits_default();
    g_assert_cmpuint(limits.photo_pixels, ==, 120000000);
    g_assert_cmpuint(limits.json_values, ==, 100000);
    g_assert_true(nt_limits_set(&limits, "photo-pixels=60M", NULL));
    g_assert_cmpuint(limits.photo_pixels, ==, 60000000);
    g_assert_true(nt_limits_set(&limits, "photo-bytes=4Ki", NULL));
    g_assert_cmpuint(limits.photo_bytes, ==, 4096);
    const char *const bad[] = {"photo-pixels",
                               "photo-pixels=",
                               "photo-pixels=-1",
                               "photo-pixels=0",
                               "photo-pixels=1X",
                               "photo-pixels=99999999999999999999",
                               "photo-pixels=18446744073709551615k",
                               "pixels=1",
                               "photo-pixel=1",
                               "photo-pixelss=1",
                               ""};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(nt_limits_set(&limits, bad[i], &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    }
    g_assert_cmpuint(limits.photo_pixels, ==, 60000000);
}

static void test_memory(void) {
    g_autoptr(GError) error = NULL;
    nt_autofree uint8_t *block = nt_alloc0(100, 3, "a block", &error);
    g_assert_no_error(error);
    g_assert_cmpuint((uintptr_t)block % 64, ==, 0);
    g_assert_cmpuint(block[299], ==, 0);
    g_assert_null(nt_alloc(SIZE_MAX / 2, 3, "pixels", &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NO_MEMORY);
    g_assert_nonnull(strstr(error->message, "pixels"));
}

static void test_files(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-XXXXXX", &error);
    g_autofree char *path = g_build_filename(folder, "a file", NULL);
    g_assert_true(nt_file_write(path, "twelve bytes", 12, &error));
    g_assert_true(nt_file_write(path, "other bytes!", 12, &error));
    g_autoptr(GBytes) bytes = nt_file_read(path, 12, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "other bytes!", 12);
    g_assert_null(nt_file_read(path, 11, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_null(nt_file_read(folder, 100, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_clear_error(&error);
    g_unlink(path);
    g_assert_null(nt_file_read(path, 100, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* no temporary file is left behind */
}

static void test_text(void) {
    g_autoptr(GError) error = NULL;
    size_t size;
    g_autofree char *bom = nt_text_to_utf8("\xef\xbb\xbfid", 5, NULL, "a.csv", &size, &error);
    g_assert_cmpstr(bom, ==, "id");
    g_assert_cmpuint(size, ==, 2);
    g_autofree char *sjis = nt_text_to_utf8("\x8e\x97\x82\xc4\x82\xe9", 6, "cp932", "a.csv", NULL, &error);
    g_assert_cmpstr(sjis, ==, "似てる");
    g_autofree char *utf16 = nt_text_to_utf8("\xff\xfei\0d\0", 6, "utf-16", "a.csv", NULL, &error);
    g_assert_cmpstr(utf16, ==, "id");
    g_assert_null(nt_text_to_utf8("a\nb\n\x8e\x97", 6, NULL, "a.csv", NULL, &error));
    g_assert_cmpstr(error->message, ==, "a.csv: line 3, byte 4: not UTF-8; save the file as UTF-8");
    g_clear_error(&error);
    g_assert_null(nt_text_to_utf8("i\0d\0", 4, NULL, "a.csv", NULL, &error));
    g_assert_nonnull(strstr(error->message, "UTF-16"));
    g_clear_error(&error);
    g_assert_null(nt_text_to_utf8("a", 1, "klingon", "a.csv", NULL, &error));
    g_assert_nonnull(strstr(error->message, "klingon"));
    g_autofree char *nfc = nt_text_nfc("e\xcc\x81");
    g_assert_cmpstr(nfc, ==, "é");
    g_autofree char *safe = nt_text_printable("a\x1b[31m\xff"
                                              "b"
                                              "cdef",
                                              9);
    g_assert_cmpstr(safe, ==,
                    "a\\x1b[31m\xef\xbf\xbd"
                    "bc…");
    g_autofree char *turned = nt_text_printable("a\xc2\x9b\xe2\x80\xae\xe2\x80\x8dz", SIZE_MAX);
    g_assert_cmpstr(turned, ==, "a\\x9b\\u202e\xe2\x80\x8dz"); /* the joiner stays */
    g_assert_cmpuint(nt_text_columns("似てるab"), ==, 8);
    char real[NT_REAL_BYTES];
    g_assert_cmpstr(nt_text_real(99.96, 1, real), ==, "100.0");
    g_assert_cmpstr(nt_text_real(-0.5, 3, real), ==, "-0.500");
    g_assert_cmpstr(nt_text_real(1e300, 3, real), ==, "1e+300");
    g_assert_cmpfloat(nt_text_shortest(0.485F), ==, 0.485);
    g_assert_cmpfloat(nt_text_shortest(1.0F / 3), ==, 0.33333334);
    g_assert_cmpuint(nt_text_distance("kitten", "sitting"), ==, 3);
    g_assert_cmpuint(nt_text_distance("", "Tシャツ"), ==, 4);
    g_assert_cmpuint(nt_text_distance("Tシャツ", "シャツ"), ==, 1);
    /* A message keeps its reason, whatever the length of the path in it. */
    g_autofree char *path = g_strnfill(3000, 'p'), *message = g_strdup_printf("l.csv:3: /似て/%s: Not there", path);
    g_autofree char *cut = nt_text_message(message, 100), *whole = nt_text_message("a\nb", 4 + 2);
    g_assert_true(g_str_has_prefix(cut, "l.csv:3: /似て/pp"));
    g_assert_true(g_str_has_suffix(cut, "pp: Not there"));
    g_assert_cmpint(g_utf8_strlen(cut, -1), ==, 101);
    g_assert_cmpstr(whole, ==, "a\\x0ab");
}

static void test_json(void) {
    g_autoptr(GError) error = NULL;
    const char *text = "{\"b\": [1, 2.5, \"x]\", null, true], \"a\": {}}";
    g_autoptr(NtJson) value = nt_json_parse(text, strlen(text), "x.json", NULL, &error);
    g_assert_no_error(error);
    g_autofree char *printed = nt_json_print(value, false);
    g_assert_cmpstr(printed, ==, text);
    g_assert_cmpfloat(nt_json_number(nt_json_at(nt_json_get(value, "b"), 0), 0), ==, 1.0);
    g_autoptr(NtJson) odd = nt_json_string("é\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81\xe2\x80\x8d");
    g_autofree char *escaped = nt_json_print(odd, false);
    g_assert_cmpstr(escaped, ==, "\"é\\u007f\\u009b\\u202e\\udb40\\udc01\xe2\x80\x8d\"");
    g_autoptr(NtJson) back = nt_json_parse(escaped, strlen(escaped), "x.json", NULL, &error);
    g_assert_cmpstr(nt_json_text(back, ""), ==, nt_json_text(odd, "-"));
    const char *large =
        "{\"a\": [65833810446995750387712, 7, 2.5], \"b\": 9223372036854775807}"; /* a whole number, to 53 bits */
    g_autoptr(NtJson) rounded = nt_json_parse(large, strlen(large), "x.json", NULL, &error);
    g_autofree char *shown = nt_json_print(rounded, false);
    g_assert_cmpstr(shown, ==, "{\"a\": [6.58338104469958e22, 7, 2.5], \"b\": 9.22337203685478e18}");
    NtLimits limits = nt_limits_default();
    limits.json_depth = 2;
    limits.json_values = 7;
    const struct {
        const char *text;
        int code;
    } bad[] = {{"[[[1]]]", NITERU_ERROR_LIMIT},
               {"[1,2,3,4,5,6,7,8]", NITERU_ERROR_LIMIT},
               {"{\"a\":1,\"a\":2}", NITERU_ERROR_INVALID},
               {"[1] 2", NITERU_ERROR_INVALID},
               {"\"\\u0000\"", NITERU_ERROR_INVALID},
               {"", NITERU_ERROR_INVALID},
               {"[1", NITERU_ERROR_INVALID}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_clear_error(&error);
        g_assert_null(nt_json_parse(bad[i].text, strlen(bad[i].text), "x.json", &limits, &error));
        g_assert_error(error, NITERU_ERROR, bad[i].code);
    }
    g_autoptr(NtJson) made =
        nt_json_append(nt_json_append(nt_json_array(), nt_json_real(0.1)), nt_json_real(G_MAXDOUBLE * 2));
    g_autofree char *numbers = nt_json_print(made, false);
    g_assert_cmpstr(numbers, ==, "[0.1, null]");
}

/* Facts stay with an error through copies and prefixes, and other errors have none. */
static void test_facts(void) {
    GError *error = NULL;
    nt_fail(&error, NITERU_ERROR_INVALID, "list.csv: is not UTF-8");
    g_assert_null(niteru_error_fact(error, "option"));
    g_assert_false(nt_fact(&error, "option", "encoding"));
    nt_fact(&error, "value", "cp1252");
    nt_fact(&error, "remedy", NULL);
    g_autoptr(GError) copy = g_error_copy(error), moved = NULL;
    g_propagate_prefixed_error(&moved, error, "here: ");
    g_assert_cmpstr(niteru_error_fact(copy, "option"), ==, "encoding");
    g_assert_cmpstr(niteru_error_fact(moved, "value"), ==, "cp1252");
    g_assert_null(niteru_error_fact(moved, "remedy"));
    g_assert_null(niteru_error_fact(NULL, "option"));
    g_autoptr(GError) other = g_error_new_literal(G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "no");
    GError *given = other;
    nt_fact(&given, "option", "x");
    g_assert_null(niteru_error_fact(other, "option"));
    g_assert_false(nt_fact(NULL, "option", "x"));
}

static void test_json_quote(void) {
    static const char *const texts[] = {"",           "a b",          "\"",        "\\",   "\n\x01\x7f",
                                        "ワンピース", "\xe2\x80\xae", "</script>", "\xff", NULL};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GString) quoted = g_string_new(NULL);
        g_autoptr(NtJson) value = nt_json_string(texts[i]);
        g_autofree char *printed = nt_json_print(value, false);
        nt_json_quote(quoted, texts[i]);
        g_assert_cmpstr(quoted->str, ==, printed);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/error/facts", test_facts);
    g_test_add_func("/base/limits", test_limits);
    g_test_add_func("/base/memory", test_memory);
    g_test_add_func("/base/files", test_files);
    g_test_add_func("/base/text", test_text);
    g_test_add_func("/base/json", test_json);
    g_test_add_func("/json/quote", test_json_quote);
    return g_test_run();
}
