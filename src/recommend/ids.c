/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of product ids: beside imported vectors, and for what to evaluate. */
#include "recommend/recommend.h"

#include <string.h>

enum { LARGEST_LIST = 1 << 30 /* bytes */ };

bool nt_ids_read(const char *path, NtIds *out, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read(path, LARGEST_LIST, error);
    if (bytes == NULL) {
        return false;
    }
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
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
