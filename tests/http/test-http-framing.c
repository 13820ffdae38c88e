/* SPDX-License-Identifier: Apache-2.0 */
/* Heads and chunked bodies: what is taken, and that every other shape is refused. */
#include "http/http-internal.h"

#include <string.h>

static const NtHttpHeadLimits limits = {.line = 64, .bytes = 512, .fields = 5};

static NtHttpParse parse(const char *bytes, size_t size, NtHttpHead *head, size_t *used, NtHttpFault *fault) {
    size_t scanned = 0;
    *fault = (NtHttpFault){0};
    return nt_http_head_parse(bytes, size, &limits, &scanned, head, used, fault);
}

static void test_taken(void) {
    static const char text[] = "\r\nPOST /a%2Fb?q=1&r HTTP/1.1\r\nHost:shop.example\r\nX-Two: \t a  b \t\r\n"
                               "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET";
    NtHttpHead head;
    NtHttpFault fault;
    size_t used = 0;
    g_assert_cmpint(parse(text, sizeof text - 1, &head, &used, &fault), ==, NT_HTTP_DONE);
    g_assert_cmpuint(used, ==, sizeof text - 1 - 6);
    g_assert_cmpstr(head.method, ==, "POST");
    g_assert_cmpstr(head.path, ==, "/a%2Fb");
    g_assert_cmpstr(head.query, ==, "q=1&r");
    g_assert_cmpstr(nt_http_head_field(&head, "x-two"), ==, "a  b");
    g_assert_null(nt_http_head_field(&head, "x-three"));
    g_assert_true(head.keep_alive && head.expects && !head.chunked && head.length == 3);
    nt_http_head_clear(&head);
    /* However it is cut, the same comes out. */
    size_t scanned = 0;
    for (size_t size = 0; size < used; size++) {
        g_assert_cmpint(nt_http_head_parse(text, size, &limits, &scanned, &head, &used, &fault), ==, NT_HTTP_MORE);
    }
}

/* A head with these lines behind the first, and what becomes of it: 0: taken, else the status. */
static const struct {
    const char *lines;
    unsigned status;
} shapes[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n", 0},
    {"GET / HTTP/1.0\r\n", 0},
    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n", 0},
    {"GET http://shop.example/a?b HTTP/1.1\r\nHost: x\r\n", 0},
    {"GET http://shop.example HTTP/1.1\r\nHost: x\r\n", 0},
    {"GET /a HTTP/1.1\r\nHost: x\r\nX: \xc3\xa4\r\n", 0},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n", 0},
    {"GET / HTTP/2.0\r\nHost: x\r\n", 505},
    {"GET / HTTP/11\r\nHost: x\r\n", 400},
    {"GET /\r\nHost: x\r\n", 400},
    {"GET  / HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET / HTTP/1.1 \r\nHost: x\r\n", 400},
    {" GET / HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET a HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET /a#b HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET http:///a HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET * HTTP/1.1\r\nHost: x\r\n", 400},
    {"G@T / HTTP/1.1\r\nHost: x\r\n", 400},
    {"GET / HTTP/1.1\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x/y\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\x7f\r\n", 400},
    {"GET / HTTP/1.1\r\nHost: x\rA: b\r\n", 400},
    {"GET / HTTP/1.1\nHost: x\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -3\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551619\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
    {"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n", 400},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n", 501},
    {"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n", 417},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n", 431},
    {"\r\n", 400},
};

static void test_shapes(void) {
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *text = g_strdup_printf("%s\r\n", shapes[i].lines);
        NtHttpHead head;
        NtHttpFault fault;
        size_t used = 0;
        NtHttpParse step = parse(text, strlen(text), &head, &used, &fault);
        g_test_message("%s", shapes[i].lines);
        g_assert_cmpuint(fault.status, ==, shapes[i].status);
        g_assert_cmpint(step, ==, shapes[i].status == 0 ? NT_HTTP_DONE : NT_HTTP_BAD);
        if (step == NT_HTTP_DONE) {
            nt_http_head_clear(&head);
        }
    }
    static const char nul[] = "GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n";
    NtHttpHead head;
    NtHttpFault fault;
    size_t used;
    g_assert_cmpint(parse(nul, sizeof nul - 1, &head, &used, &fault), ==, NT_HTTP_BAD);
    g_assert_cmpuint(fault.status, ==, 400);
}

/* At the limit, and one beyond; whether all of it is there or not yet. */
static void test_limits(void) {
    for (int over = 0; over <= 1; over++) {
        size_t path = limits.line - strlen("GET / HTTP/1.1") + (size_t)over;
        g_autofree char *long_path = g_strnfill(path, 'a');
        g_autofree char *text = g_strdup_printf("GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", long_path);
        NtHttpHead head;
        NtHttpFault fault;
        size_t used;
        NtHttpParse step = parse(text, strlen(text), &head, &used, &fault);
        g_assert_cmpint(step, ==, over ? NT_HTTP_BAD : NT_HTTP_DONE);
        g_assert_cmpuint(fault.status, ==, over ? 414 : 0);
        if (!over) {
            nt_http_head_clear(&head);
        }
        size_t value = limits.bytes - strlen("GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n") + (size_t)over;
        g_autofree char *long_value = g_strnfill(value, 'a');
        g_autofree char *large = g_strdup_printf("GET / HTTP/1.1\r\nHost: x\r\nA: %s\r\n\r\n", long_value);
        step = parse(large, strlen(large), &head, &used, &fault);
        g_assert_cmpint(step, ==, over ? NT_HTTP_BAD : NT_HTTP_DONE);
        g_assert_cmpuint(fault.status, ==, over ? 431 : 0);
        if (!over) {
            nt_http_head_clear(&head);
        }
    }
    g_autofree char *endless = g_strnfill(600, 'a');
    NtHttpHead head;
    NtHttpFault fault;
    size_t used;
    g_assert_cmpint(parse(endless, 65, &head, &used, &fault), ==, NT_HTTP_MORE);
    g_assert_cmpint(parse(endless, 66, &head, &used, &fault), ==, NT_HTTP_BAD);
}

/* ---- chunked bodies ---- */

/* The data of a whole chunked text that comes in pieces of `piece` bytes; NULL: refused. *out_used: how much is it. */
static char *unchunk(const char *text, size_t size, size_t piece, size_t *out_used) {
    NtHttpChunked chunked = {0};
    g_autoptr(GString) data = g_string_new(NULL);
    NtHttpParse step = NT_HTTP_MORE;
    size_t at = 0;
    while (at < size && step == NT_HTTP_MORE) {
        const char *run;
        size_t length, used;
        step = nt_http_chunked_next(&chunked, text + at, MIN(piece, size - at), &run, &length, &used);
        g_string_append_len(data, run, (gssize)length);
        at += used;
    }
    *out_used = at;
    return step == NT_HTTP_DONE ? g_string_free(g_steal_pointer(&data), FALSE) : NULL;
}

static void test_chunked(void) {
    static const char text[] = "4\r\nabcd\r\n0a;x=\"y\"\r\n0123456789\r\n1\r\n\n\r\n000\r\nTrailer: x\r\n\r\nGET";
    for (size_t piece = 1; piece < sizeof text; piece++) {
        size_t used;
        g_autofree char *data = unchunk(text, sizeof text - 1, piece, &used);
        g_assert_cmpstr(data, ==, "abcd0123456789\n");
        g_assert_cmpuint(used, ==, sizeof text - 1 - 3);
    }
    static const char *const bad[] = {
        "\r\n",    "g\r\n",        "-2\r\nab\r\n", "+2\r\nab\r\n",     "0x2\r\nab\r\n",        " 2\r\nab\r\n",
        "2\nab",   "2\r\nabc\r\n", "2\r\nab\n",    "2 \r\nab\r\n",     "2;a\nxx\r\nab\r\n",    "2;a\rb\r\nab\r\n",
        "0\r\n\n", "0\r\n x\r\n",  "0\r\nA: b\n",  "0\r\nA: \x01\r\n", "1000000000000000\r\n", "2\r\nab\r\r\n",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        NtHttpChunked chunked = {0};
        NtHttpParse step = NT_HTTP_MORE;
        for (size_t at = 0, used; at < strlen(bad[i]) && step == NT_HTTP_MORE; at += used) {
            const char *run;
            size_t length;
            step = nt_http_chunked_next(&chunked, bad[i] + at, strlen(bad[i]) - at, &run, &length, &used);
        }
        g_test_message("%s", bad[i]);
        g_assert_cmpint(step, ==, NT_HTTP_BAD);
    }
    g_autofree char *extension = g_strnfill(20000, 'a');
    g_autofree char *endless = g_strdup_printf("1;%s", extension);
    size_t used;
    g_assert_null(unchunk(endless, strlen(endless), 20002, &used));
    g_assert_cmpuint(used, <, 17000);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/http/head/taken", test_taken);
    g_test_add_func("/http/head/shapes", test_shapes);
    g_test_add_func("/http/head/limits", test_limits);
    g_test_add_func("/http/chunked", test_chunked);
    return g_test_run();
}
