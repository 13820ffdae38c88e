/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request: request line and headers (RFC 9112, 3 to 6). Nothing is mended: what two readers could take
 * for different requests is refused, also where the RFC would allow to read it (a bare LF, a folded line).
 */
#include "http/http-internal.h"

#include <string.h>

static bool is_token(unsigned char c) { return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c)); }

static NtHttpParse bad(NtHttpFault *fault, unsigned status, const char *code, const char *detail) {
    *fault = (NtHttpFault){status, code, detail};
    return NT_HTTP_BAD;
}

static NtHttpParse malformed(NtHttpFault *fault, const char *detail) {
    return bad(fault, 400, "malformed-request", detail);
}

/* ---- the request line ---- */

/* "HTTP/1.1" and its like. */
static NtHttpParse parse_version(const char *text, NtHttpHead *head, NtHttpFault *fault) {
    if (strlen(text) != 8 || strncmp(text, "HTTP/", 5) != 0 || !g_ascii_isdigit(text[5]) || text[6] != '.' ||
        !g_ascii_isdigit(text[7])) {
        return malformed(fault, "the request line does not end with a version such as HTTP/1.1");
    }
    if (text[5] != '1') {
        return bad(fault, 505, "version-not-supported", "only HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    head->old = text[7] == '0';
    head->keep_alive = !head->old;
    return NT_HTTP_DONE;
}

/* "/path?query", "http://host/path?query" or "*". Writes a NUL between path and query. */
static NtHttpParse parse_target(char *target, NtHttpHead *head, NtHttpFault *fault) {
    if (strcmp(target, "*") == 0 && strcmp(head->method, "OPTIONS") == 0) {
        head->path = target;
        return NT_HTTP_DONE;
    }
    if (g_ascii_strncasecmp(target, "http://", 7) == 0 || g_ascii_strncasecmp(target, "https://", 8) == 0) {
        char *authority = strstr(target, "//") + 2;
        target = authority + strcspn(authority, "/?");
        if (target == authority) {
            return malformed(fault, "the request's address names no host");
        }
        if (*target != '/') { /* "http://host" stands for its root */
            *--target = '/';
        }
    }
    if (*target != '/') {
        return malformed(fault, "the request's target does not begin with '/'");
    }
    if (strchr(target, '#') != NULL) {
        return malformed(fault, "the request's target has a '#', which must be written %23");
    }
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    head->path = target;
    head->query = query;
    return NT_HTTP_DONE;
}

static NtHttpParse parse_line(char *line, NtHttpHead *head, NtHttpFault *fault) {
    char *at = line;
    while (is_token((unsigned char)*at)) {
        at++;
    }
    if (at == line || *at != ' ') {
        return malformed(fault, "the request line does not begin with a method and a blank");
    }
    *at++ = '\0';
    head->method = line;
    char *target = at;
    while (*at > ' ' && *at < 0x7f) { /* bytes from 0x80 are negative or beyond */
        at++;
    }
    if (at == target || *at != ' ') {
        return malformed(fault, "the request's target has characters that must be percent-encoded");
    }
    *at++ = '\0';
    NtHttpParse step = parse_version(at, head, fault);
    return step == NT_HTTP_DONE ? parse_target(target, head, fault) : step;
}

/* ---- headers ---- */

static NtHttpParse parse_field(char *line, NtHttpHead *head, NtHttpFault *fault) {
    char *at = line;
    if (*at == ' ' || *at == '\t') {
        return malformed(fault, "a header is folded over several lines");
    }
    for (; is_token((unsigned char)*at); at++) {
        *at = g_ascii_tolower(*at);
    }
    if (at == line || *at != ':') {
        return malformed(fault, "a header has no name, or something between its name and the colon");
    }
    *at++ = '\0';
    at += strspn(at, " \t");
    char *end = at + strlen(at);
    while (end > at && (end[-1] == ' ' || end[-1] == '\t')) {
        *--end = '\0';
    }
    for (const char *c = at; *c != '\0'; c++) {
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f) {
            return malformed(fault, "a header's value has a control character");
        }
    }
    g_array_append_val(head->fields, ((NtHttpField){line, at}));
    return NT_HTTP_DONE;
}

const char *nt_http_head_field(const NtHttpHead *head, const char *name) {
    for (guint i = 0; i < head->fields->len; i++) {
        const NtHttpField *field = &g_array_index(head->fields, NtHttpField, i);
        if (strcmp(field->name, name) == 0) {
            return field->value;
        }
    }
    return NULL;
}

void nt_http_head_set(NtHttpHead *head, const char *name, char *value) {
    for (guint i = 0; i < head->fields->len; i++) {
        NtHttpField *field = &g_array_index(head->fields, NtHttpField, i);
        if (strcmp(field->name, name) == 0) {
            field->value = value;
            return;
        }
    }
}

static unsigned count_fields(const NtHttpHead *head, const char *name) {
    unsigned count = 0;
    for (guint i = 0; i < head->fields->len; i++) {
        count += strcmp(g_array_index(head->fields, NtHttpField, i).name, name) == 0;
    }
    return count;
}

/* Whether a comma-separated list has this item, whatever its case. */
static bool list_has(const char *list, const char *item) {
    g_auto(GStrv) items = g_strsplit(list, ",", -1);
    for (size_t i = 0; items[i] != NULL; i++) {
        if (g_ascii_strcasecmp(g_strstrip(items[i]), item) == 0) {
            return true;
        }
    }
    return false;
}

/* How long the body is (RFC 9112, 6.3). A proxy and we must not differ in this: whatever leaves a doubt is refused. */
static NtHttpParse parse_framing(NtHttpHead *head, NtHttpFault *fault) {
    const char *coding = nt_http_head_field(head, "transfer-encoding");
    const char *length = nt_http_head_field(head, "content-length");
    if (count_fields(head, "content-length") > 1 || count_fields(head, "transfer-encoding") > 1) {
        return malformed(fault, "the length of the body is told more than once");
    }
    if (coding != NULL && (length != NULL || head->old)) {
        return malformed(fault, length != NULL ? "both Content-Length and Transfer-Encoding are given"
                                               : "HTTP/1.0 has no Transfer-Encoding");
    }
    if (coding != NULL && g_ascii_strcasecmp(coding, "chunked") != 0) {
        return bad(fault, 501, "coding-not-supported", "no Transfer-Encoding but chunked is understood here");
    }
    head->chunked = coding != NULL;
    if (length != NULL) {
        size_t digits = strspn(length, "0123456789");
        if (digits == 0 || length[digits] != '\0' || digits > 18) {
            return malformed(fault, "Content-Length is not a number of bytes");
        }
        head->length = g_ascii_strtoull(length, NULL, 10);
    }
    return NT_HTTP_DONE;
}

/* Headers that say how to go on. */
static NtHttpParse parse_meaning(NtHttpHead *head, NtHttpFault *fault) {
    unsigned hosts = count_fields(head, "host");
    if (hosts > 1 || (hosts == 0 && !head->old)) {
        return malformed(fault, hosts > 1 ? "there is more than one Host header" : "there is no Host header");
    }
    const char *host = nt_http_head_field(head, "host");
    if (host != NULL && strpbrk(host, " \t/@,?#\\") != NULL) {
        return malformed(fault, "the Host header is no host");
    }
    for (guint i = 0; i < head->fields->len; i++) {
        const NtHttpField *field = &g_array_index(head->fields, NtHttpField, i);
        if (strcmp(field->name, "connection") == 0) {
            head->keep_alive = list_has(field->value, "close")        ? false
                               : list_has(field->value, "keep-alive") ? true
                                                                      : head->keep_alive;
        }
    }
    if (count_fields(head, "authorization") > 1) {
        return malformed(fault, "there is more than one Authorization header");
    }
    const char *expect = nt_http_head_field(head, "expect");
    if (expect != NULL && !head->old) {
        if (g_ascii_strcasecmp(expect, "100-continue") != 0) {
            return bad(fault, 417, "expectation-failed", "only Expect: 100-continue is understood here");
        }
        head->expects = true;
    }
    return parse_framing(head, fault);
}

/* ---- the head as a whole ---- */

/* The end of the line at `at`, where its CR is; NULL: a CR or LF stands alone, or there is a NUL. */
static char *line_end(char *at, const char *end) {
    size_t length = strcspn(at, "\r\n");
    char *stop = at + length;
    return stop + 1 < end && stop[0] == '\r' && stop[1] == '\n' ? stop : NULL;
}

static NtHttpParse parse_lines(NtHttpHead *head, size_t size, const NtHttpHeadLimits *limits, NtHttpFault *fault) {
    char *at = head->text;
    const char *end = head->text + size;
    for (bool first = true; *at != '\r' || at[1] != '\n'; first = false) {
        char *stop = line_end(at, end);
        if (stop == NULL) {
            return malformed(fault, "a line does not end with CR LF, or has a NUL");
        }
        *stop = '\0';
        if (!first && head->fields->len >= limits->fields) {
            return bad(fault, 431, "headers-too-large", "there are too many headers");
        }
        NtHttpParse step = first ? parse_line(at, head, fault) : parse_field(at, head, fault);
        if (step != NT_HTTP_DONE) {
            return step;
        }
        at = stop + 2;
    }
    return head->method != NULL ? parse_meaning(head, fault) : malformed(fault, "there is no request line");
}

/* Where the empty line that ends the head ends; 0: not there yet. Also ends it at the first bare LF or NUL, so that a
 * head whose lines end wrongly is refused at once and not after its deadline. */
static size_t find_end(const char *bytes, size_t size, size_t *scanned) {
    for (size_t i = *scanned; i < size; i++) {
        if (bytes[i] == '\n') {
            if (i == 0 || bytes[i - 1] != '\r' || (i >= 3 && bytes[i - 2] == '\n' && bytes[i - 3] == '\r')) {
                return i + 1;
            }
        } else if (bytes[i] == '\0') {
            return i + 1;
        }
    }
    *scanned = size;
    return 0;
}

NtHttpParse nt_http_head_parse(const char *bytes, size_t size, const NtHttpHeadLimits *limits, size_t *scanned,
                               NtHttpHead *out, size_t *out_used, NtHttpFault *fault) {
    size_t empty = 0; /* an empty line before the request is passed over (RFC 9112, 2.2), one */
    if (size >= 2 && bytes[0] == '\r' && bytes[1] == '\n') {
        empty = 2;
    }
    *scanned = MAX(*scanned, empty);
    size_t end = find_end(bytes, size, scanned);
    size_t looked = MIN(size - empty, limits->line + 2); /* the line, CR and LF */
    if (looked == limits->line + 2 && memchr(bytes + empty, '\n', looked) == NULL) {
        return bad(fault, 414, "uri-too-long", "the request line is too long");
    }
    if (end > limits->bytes || (end == 0 && size > limits->bytes)) {
        return bad(fault, 431, "headers-too-large", "the headers are too large");
    }
    if (end == 0) {
        return NT_HTTP_MORE;
    }
    *out = (NtHttpHead){.text = g_malloc(end - empty + 1),
                        .fields = g_array_sized_new(FALSE, FALSE, sizeof(NtHttpField), 16)};
    memcpy(out->text, bytes + empty, end - empty);
    out->text[end - empty] = '\0';
    NtHttpParse step = parse_lines(out, end - empty, limits, fault);
    if (step != NT_HTTP_DONE) {
        nt_http_head_clear(out);
        return step;
    }
    *out_used = end;
    return NT_HTTP_DONE;
}

void nt_http_head_clear(NtHttpHead *head) {
    g_clear_pointer(&head->text, g_free);
    g_clear_pointer(&head->fields, g_array_unref);
}
