/* SPDX-License-Identifier: Apache-2.0 */
/* The chunked coding (RFC 9112, 7.1), read as it comes: sizes, extensions and trailers are checked and passed over. */
#include "http/http-internal.h"

#include <string.h>

enum { MOST_DIGITS = 15, MOST_OVERHEAD = 16 * 1024 };

enum {
    SIZE,          /* hexadecimal digits */
    EXTENSION,     /* ";name=value" */
    SIZE_LF,       /* after the CR of its line */
    DATA,          /* `left` bytes of it */
    DATA_CR,       /* the line end behind it */
    DATA_LF,       /* */
    TRAILER_BEGIN, /* a line of the trailer, or the empty one that ends all */
    TRAILER,       /* the rest of such a line */
    TRAILER_LF,    /* */
    END_LF         /* after the CR of the empty line */
};

static NtHttpParse read_size(NtHttpChunked *chunked, char c) {
    if (g_ascii_isxdigit(c)) {
        chunked->left = chunked->left * 16 + (uint64_t)g_ascii_xdigit_value(c);
        return ++chunked->digits > MOST_DIGITS ? NT_HTTP_BAD : NT_HTTP_MORE;
    }
    if (chunked->digits == 0 || (c != ';' && c != '\r')) {
        return NT_HTTP_BAD;
    }
    chunked->state = c == ';' ? EXTENSION : SIZE_LF;
    return NT_HTTP_MORE;
}

/* A character of text up to a CR: printable, or a tab. */
static NtHttpParse read_text(NtHttpChunked *chunked, char c, uint8_t then) {
    if (c == '\r') {
        chunked->state = then;
        return NT_HTTP_MORE;
    }
    return (unsigned char)c < ' ' && c != '\t' ? NT_HTTP_BAD : NT_HTTP_MORE;
}

static NtHttpParse expect(NtHttpChunked *chunked, char c, char wanted, uint8_t then) {
    chunked->state = then;
    return c == wanted ? NT_HTTP_MORE : NT_HTTP_BAD;
}

/* One character of what is not data. */
static NtHttpParse read_character(NtHttpChunked *chunked, char c) {
    switch (chunked->state) {
    case SIZE: return read_size(chunked, c);
    case EXTENSION: return read_text(chunked, c, SIZE_LF);
    case SIZE_LF: chunked->digits = 0; return expect(chunked, c, '\n', chunked->left > 0 ? DATA : TRAILER_BEGIN);
    case DATA_CR: return expect(chunked, c, '\r', DATA_LF);
    case DATA_LF: return expect(chunked, c, '\n', SIZE);
    case TRAILER_BEGIN:
        if (c == '\r') {
            chunked->state = END_LF;
            return NT_HTTP_MORE;
        }
        chunked->state = TRAILER;
        return c > ' ' ? NT_HTTP_MORE : NT_HTTP_BAD;
    case TRAILER: return read_text(chunked, c, TRAILER_LF);
    case TRAILER_LF: return expect(chunked, c, '\n', TRAILER_BEGIN);
    default: return c == '\n' ? NT_HTTP_DONE : NT_HTTP_BAD;
    }
}

NtHttpParse nt_http_chunked_next(NtHttpChunked *chunked, const char *bytes, size_t size, const char **out_data,
                                 size_t *out_size, size_t *out_used) {
    size_t at = 0;
    *out_data = NULL;
    *out_size = 0;
    NtHttpParse step = NT_HTTP_MORE;
    while (at < size && step == NT_HTTP_MORE) {
        if (chunked->state == DATA) {
            *out_data = bytes + at;
            *out_size = MIN(size - at, chunked->left);
            chunked->left -= *out_size;
            chunked->state = chunked->left > 0 ? DATA : DATA_CR;
            at += *out_size;
            break;
        }
        bool counted = chunked->state == EXTENSION || chunked->state == TRAILER_BEGIN || chunked->state == TRAILER;
        chunked->overhead += counted;
        step = chunked->overhead > MOST_OVERHEAD ? NT_HTTP_BAD : read_character(chunked, bytes[at++]);
    }
    *out_used = at;
    return step;
}
