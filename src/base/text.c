/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The line (from 1) in which byte `at` lies. */
static size_t line_of(const char *text, size_t at) {
    size_t line = 1;
    for (size_t i = 0; i < at; i++) {
        line += text[i] == '\n';
    }
    return line;
}

static bool is_utf8_name(const char *encoding) {
    return encoding == NULL || g_ascii_strcasecmp(encoding, "utf-8") == 0 || g_ascii_strcasecmp(encoding, "utf8") == 0;
}

/* Checks UTF-8 without NUL; words what is wrong. */
static bool check_utf8(const char *text, size_t size, const char *name, GError **error) {
    const char *end = NULL;
    if (g_utf8_validate_len(text, size, &end)) {
        return true;
    }
    size_t at = (size_t)(end - text);
    if (*end == '\0') {
        bool utf16 = size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0 || at <= 1);
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: line %zu, byte %zu: a NUL byte%s", name, line_of(text, at), at,
                       utf16 ? "; this looks like UTF-16: save the file as UTF-8" : "; is this a text file?");
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "%s: line %zu, byte %zu: not UTF-8; save the file as UTF-8", name,
                   line_of(text, at), at);
}

char *nt_text_to_utf8(const char *text, size_t size, const char *encoding, const char *name, size_t *out_size,
                      GError **error) {
    g_autofree char *converted = NULL;
    gsize length = size;
    if (!is_utf8_name(encoding)) {
        gsize read = 0;
        g_autoptr(GError) local = NULL;
        converted = g_convert(text, (gssize)size, "UTF-8", encoding, &read, &length, &local);
        if (converted == NULL) {
            bool unknown = g_error_matches(local, G_CONVERT_ERROR, G_CONVERT_ERROR_NO_CONVERSION);
            nt_fail(error, NITERU_ERROR_INVALID, unknown ? "%s: there is no encoding named '%s'" : "%s: not %s: %s",
                    name, encoding, local->message);
            return NULL;
        }
        text = converted;
    }
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (!check_utf8(text, length, name, error)) {
        return NULL;
    }
    if (out_size != NULL) {
        *out_size = length;
    }
    return g_strndup(text, length);
}

char *nt_text_nfc(const char *text) { return g_utf8_normalize(text, -1, G_NORMALIZE_NFC); }

/* What a terminal might obey, or what would turn or hide text after it. The joiners of emoji and of Persian and Indic
 * letters do neither. */
static bool is_unsafe(gunichar c) {
    GUnicodeType type = g_unichar_type(c);
    return type == G_UNICODE_CONTROL || (type == G_UNICODE_FORMAT && c != 0x200c && c != 0x200d) ||
           type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR;
}

char *nt_text_printable(const char *text, size_t limit) {
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    size_t count = 0;
    for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
        if (count++ == limit) {
            g_string_append(out, "…");
            break;
        }
        gunichar c = g_utf8_get_char(p);
        if (is_unsafe(c)) {
            g_string_append_printf(out, c < 256 ? "\\x%02x" : "\\u%04x", c);
        } else {
            g_string_append_unichar(out, c);
        }
    }
    return g_string_free(out, FALSE);
}

char *nt_text_json_safe(char *json) {
    const char *p = json;
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f) { /* mostly it is all ASCII */
        p++;
    }
    GString *out = g_string_new_len(json, p - json);
    for (; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c == '\n' || !is_unsafe(c)) { /* the line ends of an indented document */
            g_string_append_unichar(out, c);
        } else if (c < 0x10000) {
            g_string_append_printf(out, "\\u%04x", c);
        } else {
            g_string_append_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        }
    }
    g_free(json);
    return g_string_free(out, FALSE);
}

char *nt_text_message(const char *text, size_t limit) {
    char *whole = nt_text_printable(text, SIZE_MAX);
    size_t count = (size_t)g_utf8_strlen(whole, -1);
    if (count <= limit) {
        return whole;
    }
    const char *head = g_utf8_offset_to_pointer(whole, (glong)(limit / 2));
    const char *tail = g_utf8_offset_to_pointer(whole, (glong)(count - (limit - limit / 2)));
    char *cut = g_strdup_printf("%.*s…%s", (int)(head - whole), whole, tail);
    g_free(whole);
    return cut;
}

const char *nt_text_real(double value, unsigned decimals, char out[NT_REAL_BYTES]) {
    char format[16];
    g_snprintf(format, sizeof format, "%%.%uf", MIN(decimals, 20u));
    return g_ascii_formatd(out, NT_REAL_BYTES, fabs(value) < 1e30 ? format : "%g", value);
}

double nt_text_shortest(float value) {
    char format[8], text[NT_REAL_BYTES];
    double read = (double)value;
    for (int digits = 6; digits <= 9; digits++) {
        g_snprintf(format, sizeof format, "%%.%dg", digits);
        read = g_ascii_strtod(g_ascii_formatd(text, sizeof text, format, (double)value), NULL);
        if ((float)read == value) {
            break;
        }
    }
    return read;
}

unsigned nt_text_distance(const char *a, const char *b) {
    enum { LONGEST = 63 };
    unsigned row[LONGEST + 1];
    size_t m = (size_t)g_utf8_strlen(a, -1), n = (size_t)g_utf8_strlen(b, -1);
    if (m > LONGEST || n > LONGEST) {
        return UINT_MAX;
    }
    for (size_t j = 0; j <= n; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 1; i <= m; i++, a = g_utf8_next_char(a)) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        const char *at = b;
        for (size_t j = 1; j <= n; j++, at = g_utf8_next_char(at)) {
            unsigned above = row[j], change = diagonal + (g_utf8_get_char(a) != g_utf8_get_char(at));
            row[j] = MIN(change, MIN(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[n];
}

size_t nt_text_columns(const char *text) {
    size_t columns = 0;
    for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        columns += g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
    }
    return columns;
}

bool nt_text_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (!g_ascii_isspace(text[i])) {
            return false;
        }
    }
    return true;
}
