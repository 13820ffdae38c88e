/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of product ids: beside imported vectors, and for what to evaluate. */
#include "connect/connect.h"

#include <string.h>

enum { LARGEST_LIST = 1 << 30 /* bytes */, MOST_HEADER = 65536 };

/* ---- an array of NumPy's ---- */

/* Fixed-width texts, padded with zeros: 'U', units of 4 bytes, or 'S', bytes of UTF-8. */
typedef struct TextArray {
    const uint8_t *data;
    size_t count, width; /* width: units of a text */
    bool wide, swapped;
} TextArray;

/* The number that follows `key` in a header; false when there is none. */
static bool number_after(const char *header, const char *key, const char *skip, size_t *out) {
    const char *at = strstr(header, key);
    if (at == NULL) {
        return false;
    }
    at += strlen(key);
    at += strspn(at, skip);
    char *end = NULL;
    *out = g_ascii_isdigit(*at) ? (size_t)g_ascii_strtoull(at, &end, 10) : 0;
    return end != NULL;
}

/* Takes type and shape from the text of a header; false when it is not an array of texts with one axis. */
static bool read_header(const char *header, TextArray *out) {
    const char *descr = strstr(header, "'descr':"), *shape = strstr(header, "'shape':");
    if (descr == NULL || shape == NULL) {
        return false;
    }
    size_t comma = strcspn(shape, ",");
    const char *type = descr + strcspn(descr, "<>|=US");
    bool ordered = *type == '<' || *type == '>';
    out->swapped = ordered && (*type == '>') != (G_BYTE_ORDER == G_BIG_ENDIAN);
    type += strspn(type, "<>|=");
    out->wide = *type == 'U';
    return (*type == 'U' || *type == 'S') && comma + 1 == strcspn(shape, ")") && /* "(6,)" */
           number_after(type, out->wide ? "U" : "S", "", &out->width) &&
           number_after(shape, "'shape':", " (", &out->count);
}

/* Reads the header of an .npy of versions 1 to 3; what it says must fit the size of the file exactly. */
static bool open_array(const uint8_t *data, size_t size, const char *path, TextArray *out, GError **error) {
    size_t start = size >= 12 && data[6] > 1 ? 12 : 10, length = 0;
    for (size_t i = start; size >= start && i-- > 8;) {
        length = length << 8 | data[i];
    }
    if (size < start || length > size - start || length > MOST_HEADER) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: an .npy file that ends in its header", path);
    }
    g_autofree char *header = g_strndup((const char *)data + start, length);
    if (!read_header(header, out)) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: an array, but not one of texts, (n,), of which each is an id; in Python, "
                       "numpy.savetxt('ids.txt', ids, fmt='%%s') makes a file that can be read",
                       path);
    }
    size_t rest = size - start - length, unit = out->wide ? 4 : 1;
    if (out->width == 0 || out->count > rest / out->width || out->count * out->width * unit != rest) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the file is not as long as its header says", path);
    }
    out->data = data + start + length;
    return true;
}

/* One text as UTF-8, new; NULL when it is none. */
static char *text_of(const TextArray *array, size_t i) {
    if (!array->wide) {
        char *text = g_strndup((const char *)array->data + i * array->width, array->width);
        return g_utf8_validate(text, -1, NULL) ? text : (g_free(text), NULL);
    }
    g_autofree gunichar *units = g_new0(gunichar, array->width + 1);
    for (size_t u = 0; u < array->width; u++) {
        uint32_t unit;
        memcpy(&unit, array->data + (i * array->width + u) * 4, 4);
        units[u] = array->swapped ? GUINT32_SWAP_LE_BE(unit) : unit;
    }
    return g_ucs4_to_utf8(units, -1, NULL, NULL, NULL);
}

static bool read_array(const uint8_t *data, size_t size, const char *path, NtIds *out, GError **error) {
    TextArray array = {0};
    if (!open_array(data, size, path, &array, error)) {
        return false;
    }
    g_auto(NtIds) ids = {.lines = nt_alloc(array.count, sizeof *ids.lines, "a list of ids", error)};
    if (ids.lines == NULL) {
        return false;
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < array.count; i++) {
        g_autofree char *id = text_of(&array, i);
        if (id == NULL) {
            return nt_fail(error, NITERU_ERROR_INVALID, "%s: text %zu is not Unicode", path, i);
        }
        g_string_append_len(text, g_strstrip(id), (gssize)strlen(id) + 1);
    }
    ids.text = g_string_free(g_steal_pointer(&text), FALSE);
    for (char *at = ids.text; ids.count < array.count; at += strlen(at) + 1) {
        ids.lines[ids.count++] = at;
    }
    *out = ids;
    ids = (NtIds){0};
    return true;
}

/* ---- a file of lines ---- */

bool nt_ids_read(const char *path, NtIds *out, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read(path, LARGEST_LIST, error);
    if (bytes == NULL) {
        return false;
    }
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    if (size >= 8 && memcmp(data, "\x93NUMPY", 6) == 0) {
        return read_array((const uint8_t *)data, size, path, out, error);
    }
    g_auto(NtIds) ids = {0};
    ids.text = nt_text_to_utf8(data, size, NULL, path, &size, error);
    if (ids.text == NULL) {
        return false;
    }
    for (char *cr = ids.text; (cr = strchr(cr, '\r')) != NULL; cr++) { /* a CR alone ends a line too */
        *cr = cr[1] == '\n' ? '\r' : '\n';
    }
    if (size > 0 && ids.text[size - 1] == '\n') {
        ids.text[--size] = '\0';
    }
    size_t count = size > 0;
    for (const char *at = ids.text; (at = strchr(at, '\n')) != NULL; at++) {
        count++;
    }
    ids.lines = nt_alloc(count, sizeof *ids.lines, "a list of ids", error);
    if (ids.lines == NULL) {
        return false;
    }
    char *at = ids.text;
    for (; ids.count < count; ids.count++) {
        char *end = at + strcspn(at, "\n"), *next = end + (*end != '\0');
        *end = '\0';
        ids.lines[ids.count] = g_strchomp(at);
        at = next;
    }
    *out = ids;
    ids = (NtIds){0};
    return true;
}

void nt_ids_clear(NtIds *ids) {
    g_free(ids->text);
    nt_free(ids->lines);
    *ids = (NtIds){0};
}
