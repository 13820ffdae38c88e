/* SPDX-License-Identifier: Apache-2.0 */
/* Escapes, queries, multipart bodies, compression, and whose word on a client's address counts. */
#include "http/http-internal.h"

#include <string.h>

static void test_decode(void) {
    static const struct {
        const char *text, *path, *query;
    } cases[] = {
        {"a%2Fb", "a/b", "a/b"},   {"a+b", "a+b", "a b"}, {"%E3%83%AF", "ワ", "ワ"}, {"%", NULL, NULL},
        {"%4", NULL, NULL},        {"%zz", NULL, NULL},   {"a%00b", NULL, NULL},     {"%ff", NULL, NULL},
        {"%C0%AF", NULL, NULL},    {"", "", ""},          {"%25", "%", "%"},         {"%2", NULL, NULL},
        {"%ED%A0%80", NULL, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = nt_http_decode(cases[i].text, strlen(cases[i].text), false);
        g_autofree char *query = nt_http_decode(cases[i].text, strlen(cases[i].text), true);
        g_assert_cmpstr(path, ==, cases[i].path);
        g_assert_cmpstr(query, ==, cases[i].query);
    }
    g_autofree char *escaped = nt_http_encode("a/b ワ~");
    g_assert_cmpstr(escaped, ==, "a%2Fb%20%E3%83%AF~");
}

static bool collect(const char *name, const char *value, void *data) {
    g_string_append_printf(data, "[%s=%s]", name, value);
    return strcmp(name, "stop") != 0;
}

static void test_query(void) {
    static const struct {
        const char *query, *seen, *bad;
        bool all;
    } cases[] = {
        {NULL, "", NULL, true},
        {"a=1&b=&c&&d=x%3Dy", "[a=1][b=][c=][d=x=y]", NULL, true},
        {"a=1&stop=2&b=3", "[a=1][stop=2]", NULL, false},
        {"a=1&b=%zz&c", "[a=1]", "b=%zz", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autofree char *bad = NULL;
        g_assert_cmpint(nt_http_query_each(cases[i].query, collect, seen, &bad), ==, cases[i].all);
        g_assert_cmpstr(seen->str, ==, cases[i].seen);
        g_assert_cmpstr(bad, ==, cases[i].bad);
    }
}

static void test_multipart(void) {
    static const char type[] = "multipart/form-data; charset=utf-8; boundary=\"x y\"";
    static const char body[] = "before\r\n--x y\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\n5\r\n"
                               "--x y \r\ncontent-disposition: form-data; filename=\"a\\\"b.jpg\"; name=photo\r\n"
                               "Content-Type: image/jpeg\r\n\r\n\0--x\r\n--x y--\r\nbehind";
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) parts = nt_http_multipart(type, body, sizeof body - 1, 2, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(parts->len, ==, 2);
    const NtHttpPart *k = &g_array_index(parts, NtHttpPart, 0), *photo = &g_array_index(parts, NtHttpPart, 1);
    g_assert_cmpstr(k->name, ==, "k");
    g_assert_cmpmem(k->data, k->size, "5", 1);
    g_assert_cmpstr(photo->name, ==, "photo");
    g_assert_cmpstr(photo->filename, ==, "a\"b.jpg");
    g_assert_cmpstr(photo->type, ==, "image/jpeg");
    g_assert_cmpmem(photo->data, photo->size, "\0--x", 4);
    g_assert_null(nt_http_multipart(type, body, sizeof body - 1, 1, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    /* Cut anywhere before its last boundary, or of another type, it is none. */
    for (size_t size = 0; size < sizeof body - 1 - strlen("--\r\nbehind"); size++) {
        g_assert_null(nt_http_multipart(type, body, size, 9, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_clear_error(&error);
    }
    static const char *const types[] = {NULL,
                                        "",
                                        "multipart/form-data",
                                        "multipart/form-data; boundary=",
                                        "multipart/form-data; boundary=\"x",
                                        "multipart/mixed; boundary=\"x y\""};
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        g_assert_null(nt_http_multipart(types[i], body, sizeof body - 1, 9, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_clear_error(&error);
    }
    static const char *const wrong[] = {"--x y\r\nContent-Disposition: form-data\r\n\r\n5\r\n--x y--",
                                        "--x y\r\n--x y\r\n--x y--", "--x y\r\n--x y--",
                                        "\r\n--x y\r\n--x y\r\n\r\n--x y--"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *exact =
            g_memdup2(wrong[i], strlen(wrong[i])); /* so that a sanitizer sees what is read behind it */
        g_assert_null(nt_http_multipart(type, exact, strlen(wrong[i]), 9, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_clear_error(&error);
    }
    g_assert_null(nt_http_multipart(type, NULL, 0, 9, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
}

static void test_gzip(void) {
    g_assert_true(nt_http_should_gzip("br, GZip;q=0.5", "application/json", 5000));
    g_assert_false(nt_http_should_gzip("br, gzip;q=0", "application/json", 5000));
    g_assert_false(nt_http_should_gzip("gzip; q=0.000", "application/json", 5000));
    g_assert_false(nt_http_should_gzip(NULL, "application/json", 5000));
    g_assert_false(nt_http_should_gzip("gzip", "application/json", 100));
    g_assert_false(nt_http_should_gzip("gzip", "image/jpeg", 5000));
    g_autofree char *text = g_strnfill(5000, 'a');
    g_autoptr(GBytes) bytes = g_bytes_new(text, 5000), small = nt_http_gzip(bytes);
    g_autoptr(GConverter) reader = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
    g_autofree char *again = g_malloc(6000);
    gsize read = 0, written = 0;
    g_assert_cmpint(g_converter_convert(reader, g_bytes_get_data(small, NULL), g_bytes_get_size(small), again, 6000,
                                        G_CONVERTER_INPUT_AT_END, &read, &written, NULL),
                    ==, G_CONVERTER_FINISHED);
    g_assert_cmpmem(again, written, text, 5000);
    g_autofree guint8 *noise = g_malloc(5000);
    GRand *random = g_rand_new_with_seed(7);
    for (size_t i = 0; i < 5000; i++) {
        noise[i] = (guint8)g_rand_int(random);
    }
    g_rand_free(random);
    g_autoptr(GBytes) dense = g_bytes_new(noise, 5000);
    g_assert_null(nt_http_gzip(dense));
}

static void test_client(void) {
    static const char *const networks[] = {"10.0.0.0/8", "::1", NULL}, *const wrong[] = {"shop.example", NULL};
    static const struct {
        const char *peer, *forwarded, *client;
    } cases[] = {
        {"192.0.2.9", "203.0.113.1", "192.0.2.9"}, /* nobody believes a stranger */
        {"10.1.1.1", NULL, "10.1.1.1"},
        {"10.1.1.1", "203.0.113.1", "203.0.113.1"},
        {"10.1.1.1", "1.2.3.4, 203.0.113.1, 10.2.2.2", "203.0.113.1"},
        {"10.1.1.1", "[2001:db8::1]:443", "2001:db8::1"},
        {"::1", "203.0.113.1:1234", "203.0.113.1"},
        {"10.1.1.1", "rubbish, 10.2.2.2", "10.2.2.2"},
        {"10.1.1.1", "", "10.1.1.1"},
    };
    NtHttpProxies proxies = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(nt_http_proxies_parse(networks, &proxies, &error));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GInetAddress) peer = g_inet_address_new_from_string(cases[i].peer);
        g_autofree char *client = nt_http_proxies_client(&proxies, peer, cases[i].forwarded);
        g_assert_cmpstr(client, ==, cases[i].client);
    }
    g_ptr_array_unref(proxies.masks);
    g_assert_false(nt_http_proxies_parse(wrong, &proxies, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_ptr_array_unref(proxies.masks);
}

static void test_networks(void) {
    static const char *const cases[][2] = {{"192.0.2.1", NULL},
                                           {"unix", NULL},
                                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
                                           {"2001:db8:1:2::", "2001:db8:1:2::"},
                                           {"::ffff:192.0.2.1", "192.0.2.1"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *network = nt_http_client_network(cases[i][0]);
        g_assert_cmpstr(network, ==, cases[i][1]);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/decode", test_decode);
    g_test_add_func("/http/query", test_query);
    g_test_add_func("/http/multipart", test_multipart);
    g_test_add_func("/http/gzip", test_gzip);
    g_test_add_func("/http/client", test_client);
    g_test_add_func("/http/networks", test_networks);
    return g_test_run();
}
