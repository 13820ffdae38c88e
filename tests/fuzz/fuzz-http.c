/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the readers of requests. The first byte chooses: a head, a chunked body, a multipart body (whose boundary is
 * the input's first line), a query. What must hold: a head or body that comes in two pieces reads as it does in one,
 * and what is taken stays within the input.
 */
#include "http/http-internal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_head(const char *bytes, size_t size) {
    static const NtHttpHeadLimits limits = {.line = 200, .bytes = 1000, .fields = 20};
    NtHttpHead whole, later;
    NtHttpFault fault;
    size_t scanned = 0, used = 0, used_later = 0;
    NtHttpParse step = nt_http_head_parse(bytes, size, &limits, &scanned, &whole, &used, &fault);
    if (step != NT_HTTP_DONE) {
        return;
    }
    g_assert_true(used <= size && whole.path[0] != '\0' && whole.length < G_MAXINT64);
    for (size_t cut = used / 2, at = scanned = 0; at < 2; at++, cut = size) {
        step = nt_http_head_parse(bytes, cut, &limits, &scanned, &later, &used_later, &fault);
        g_assert_true(step == (at == 0 ? NT_HTTP_MORE : NT_HTTP_DONE) || used / 2 < 2);
        if (step == NT_HTTP_DONE) {
            g_assert_cmpstr(later.path, ==, whole.path);
            g_assert_cmpuint(used_later, ==, used);
            nt_http_head_clear(&later);
        }
    }
    nt_http_head_clear(&whole);
}

static NtHttpParse read_chunked(const char *bytes, size_t size, size_t piece, GByteArray *out, size_t *out_used) {
    NtHttpChunked chunked = {0};
    NtHttpParse step = NT_HTTP_MORE;
    *out_used = 0;
    while (*out_used < size && step == NT_HTTP_MORE) {
        const char *run;
        size_t length, used;
        step = nt_http_chunked_next(&chunked, bytes + *out_used, MIN(piece, size - *out_used), &run, &length, &used);
        g_byte_array_append(out, (const guint8 *)run, (guint)length);
        *out_used += used;
    }
    return step;
}

static void read_body(const char *bytes, size_t size) {
    g_autoptr(GByteArray) whole = g_byte_array_new(), pieces = g_byte_array_new();
    size_t used, used_later;
    NtHttpParse step = read_chunked(bytes, size, size, whole, &used);
    g_assert_cmpint(read_chunked(bytes, size, 3, pieces, &used_later), ==, step);
    g_assert_cmpuint(used, ==, used_later);
    g_assert_cmpmem(whole->data, whole->len, pieces->data, pieces->len);
}

static void read_multipart(const char *bytes, size_t size) {
    const char *line = memchr(bytes, '\n', size);
    size_t length = line != NULL ? (size_t)(line - bytes) : 0;
    g_autofree char *boundary = g_strndup(bytes, length);
    g_autofree char *type = g_strdup_printf("multipart/form-data; boundary=%s", boundary);
    size_t skip = line != NULL ? length + 1 : 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) parts = nt_http_multipart(type, bytes + skip, size - skip, 8, &error);
    g_assert_true((parts == NULL) == (error != NULL));
    for (guint i = 0; parts != NULL && i < parts->len; i++) {
        const NtHttpPart *part = &g_array_index(parts, NtHttpPart, i);
        g_assert_true(part->data >= bytes + skip && part->data + part->size <= bytes + size);
        g_assert_true(g_utf8_validate(part->name, -1, NULL));
    }
}

static bool look(const char *name, const char *value, void *data) {
    g_assert_true(g_utf8_validate(name, -1, NULL) && g_utf8_validate(value, -1, NULL));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const char *bytes = (const char *)data + 1;
    size--;
    switch (*data) {
    case 'h': read_head(bytes, size); break;
    case 'c': read_body(bytes, size); break;
    case 'm': read_multipart(bytes, size); break;
    default: {
        g_autofree char *query = g_strndup(bytes, size), *bad = NULL;
        nt_http_query_each(query, look, NULL, &bad);
        nt_http_should_gzip(query, "text/html", 10000);
    }
    }
    return 0;
}
