/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in gzip (RFC 1952), for clients that take it. */
#include "http/http-internal.h"

#include <string.h>
#include <zlib.h>

/* Below LEAST_BYTES, a packet's worth, nothing is won. Level 4 takes half the time of the default and gives all but a
 * few per cent of its gain on JSON. */
enum { LEAST_BYTES = 1400, LEVEL = 4 };

/* What a compressed body's entity tag has before its last quote: its bytes are others (RFC 9110, 8.8.3). */
#define TAG_SUFFIX "-gzip"

char *nt_http_tag_gzip(const char *tag) {
    size_t size = strlen(tag);
    return size > 0 && tag[size - 1] == '"' ? g_strdup_printf("%.*s" TAG_SUFFIX "\"", (int)(size - 1), tag)
                                            : g_strdup(tag);
}

char *nt_http_tags_identity(const char *tags) {
    g_auto(GStrv) parts = g_strsplit(tags, TAG_SUFFIX "\"", -1);
    return g_strjoinv("\"", parts);
}

/* Whether an item of Accept-Encoding has "q=0", in any of its spellings. */
static bool is_refused(const char *parameters) {
    const char *q = strstr(parameters, "q=");
    return q != NULL && g_ascii_strtod(q + 2, NULL) <= 0;
}

bool nt_http_should_gzip(const char *accept, const char *type, size_t size) {
    if (accept == NULL || type == NULL || size < LEAST_BYTES ||
        (!g_str_has_prefix(type, "text/") && strstr(type, "json") == NULL && strstr(type, "javascript") == NULL &&
         strstr(type, "svg") == NULL)) {
        return false;
    }
    g_auto(GStrv) items = g_strsplit(accept, ",", -1);
    for (size_t i = 0; items[i] != NULL; i++) {
        char *item = g_strstrip(items[i]);
        size_t name = strcspn(item, "; \t");
        if (name == 4 && g_ascii_strncasecmp(item, "gzip", name) == 0) {
            return !is_refused(item + name);
        }
    }
    return false;
}

GBytes *nt_http_gzip(GBytes *bytes) {
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    z_stream stream = {0};
    if (size > UINT32_MAX / 2 || deflateInit2(&stream, LEVEL, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    g_autofree Bytef *out = g_try_malloc(size);
    stream.next_in = (Bytef *)data; /* not written to */
    stream.avail_in = (uInt)size;
    stream.next_out = out;
    stream.avail_out = out != NULL ? (uInt)size : 0;
    int rc = out != NULL ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    size_t length = stream.total_out;
    deflateEnd(&stream);
    return rc == Z_STREAM_END ? g_bytes_new_take(g_steal_pointer(&out), length) : NULL;
}
