/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding (RFC 3986, 2.1), of paths and of queries. */
#include "http/http-internal.h"

#include <string.h>

char *nt_http_decode(const char *text, size_t size, bool plus) {
    g_autofree char *out = g_malloc(size + 1);
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            if (size - i < 3 || !g_ascii_isxdigit(text[i + 1]) || !g_ascii_isxdigit(text[i + 2])) {
                return NULL;
            }
            c = (char)(g_ascii_xdigit_value(text[i + 1]) * 16 + g_ascii_xdigit_value(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[length++] = c;
    }
    out[length] = '\0';
    return g_utf8_validate_len(out, length, NULL) ? g_steal_pointer(&out) : NULL; /* a NUL is no valid character */
}

bool nt_http_query_each(const char *query, bool (*each)(const char *name, const char *value, void *data), void *data,
                        char **out_bad) {
    *out_bad = NULL;
    for (const char *at = query != NULL ? query : ""; *at != '\0';) {
        size_t size = strcspn(at, "&");
        if (size > 0) {
            const char *equals = memchr(at, '=', size);
            size_t name_size = equals != NULL ? (size_t)(equals - at) : size;
            g_autofree char *name = nt_http_decode(at, name_size, true);
            g_autofree char *value =
                equals != NULL ? nt_http_decode(equals + 1, size - name_size - 1, true) : g_strdup("");
            if (name == NULL || value == NULL) {
                *out_bad = g_strndup(at, size);
                return false;
            }
            if (!each(name, value, data)) {
                return false;
            }
        }
        at += size + (at[size] == '&');
    }
    return true;
}

char *nt_http_encode(const char *text) { return g_uri_escape_string(text, NULL, false); }
