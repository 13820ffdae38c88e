/* SPDX-License-Identifier: Apache-2.0 */
/* multipart/form-data (RFC 7578, RFC 2046 5.1), of a body that is in memory. */
#include "http/http-internal.h"

#include <string.h>

enum { MOST_BOUNDARY = 70, MOST_HEAD = 8 * 1024 };

bool nt_http_type_is(const char *type, const char *essence) {
    size_t length = type != NULL ? strcspn(type, "; \t") : 0;
    return length == strlen(essence) && g_ascii_strncasecmp(type, essence, length) == 0;
}

/* The parameter `name` of a header's value such as `form-data; name="photo"; filename=a.jpg`; new, NULL: not there. */
static char *parameter(const char *value, const char *name) {
    for (const char *at = strchr(value, ';'); at != NULL;) {
        at += 1 + strspn(at + 1, " \t");
        size_t length = strcspn(at, "=; \t");
        bool same = length == strlen(name) && g_ascii_strncasecmp(at, name, length) == 0;
        at += length;
        if (*at != '=') {
            at = strchr(at, ';');
            continue;
        }
        g_autoptr(GString) text = g_string_new(NULL);
        if (*++at == '"') {
            for (at++; *at != '"' && *at != '\0'; at++) {
                at += *at == '\\' && (at[1] == '"' || at[1] == '\\');
                g_string_append_c(text, *at);
            }
            if (*at == '\0') {
                return NULL;
            }
        } else {
            length = strcspn(at, "; \t");
            g_string_append_len(text, at, (gssize)length);
            at += length;
        }
        if (same) {
            return g_string_free(g_steal_pointer(&text), FALSE);
        }
        at = strchr(at, ';');
    }
    return NULL;
}

static void clear_part(void *data) {
    NtHttpPart *part = data;
    g_free(part->name);
    g_free(part->filename);
    g_free(part->type);
}

/* Headers of a part; false: it has no name, or they are broken. */
static bool parse_part_head(const char *head, size_t size, NtHttpPart *part) {
    g_autofree char *text = g_strndup(head, size);
    if (strlen(text) != size || !g_utf8_validate(text, -1, NULL)) {
        return false;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        char *colon = strchr(lines[i], ':');
        if (colon == NULL) {
            if (*lines[i] != '\0') {
                return false;
            }
            continue;
        }
        *colon = '\0';
        const char *value = colon + 1 + strspn(colon + 1, " \t");
        if (g_ascii_strcasecmp(lines[i], "content-disposition") == 0 && part->name == NULL) {
            part->name = nt_http_type_is(value, "form-data") ? parameter(value, "name") : NULL;
            part->filename = parameter(value, "filename");
        } else if (g_ascii_strcasecmp(lines[i], "content-type") == 0 && part->type == NULL) {
            part->type = g_strdup(value);
        }
    }
    return part->name != NULL;
}

static bool broken(GError **error, const char *what) {
    return nt_fail(error, NITERU_ERROR_INVALID, "the multipart body %s", what);
}

/* Reads what lies between two delimiters into a new part. */
static bool add_part(GArray *parts, const char *from, const char *to, GError **error) {
    const char *end = memmem(from, (size_t)(to - from), "\r\n\r\n", 4);
    if (end == NULL || end - from > MOST_HEAD) {
        return broken(error, "has a part whose headers do not end");
    }
    NtHttpPart part = {.data = end + 4, .size = (size_t)(to - end - 4)};
    bool ok = parse_part_head(from, (size_t)(end - from), &part);
    g_array_append_val(parts, part); /* frees what it has, if it is not whole too */
    return ok || broken(error, "has a part without a name: Content-Disposition: form-data; name=\"...\"");
}

static bool parse(GArray *parts, const char *delimiter, const char *body, size_t size, unsigned most, GError **error) {
    const char *end = body + size, *at = body;
    size_t length = strlen(delimiter);
    /* The first delimiter has no line end before it where nothing stands before it. */
    if (size >= length - 2 && memcmp(body, delimiter + 2, length - 2) == 0) {
        at += length - 2;
    } else if ((at = memmem(body, size, delimiter, length)) != NULL) {
        at += length;
    } else {
        return broken(error, "does not have the boundary that its type names");
    }
    while (true) {
        if (end - at >= 2 && memcmp(at, "--", 2) == 0) {
            return true;
        }
        while (at < end && (*at == ' ' || *at == '\t')) {
            at++;
        }
        if (end - at < 2 || memcmp(at, "\r\n", 2) != 0) {
            return broken(error, "goes on behind a boundary");
        }
        if (parts->len >= most) {
            return nt_fail(error, NITERU_ERROR_LIMIT, "the multipart body has more than %u parts", most);
        }
        at += 2; /* before looking on: the line's end is no beginning of the next delimiter */
        const char *next = memmem(at, (size_t)(end - at), delimiter, length);
        if (next == NULL) {
            return broken(error, "breaks off: its last boundary is missing");
        }
        if (!add_part(parts, at, next, error)) {
            return false;
        }
        at = next + length;
    }
}

GArray *nt_http_multipart(const char *type, const char *body, size_t size, unsigned most, GError **error) {
    g_autofree char *boundary = nt_http_type_is(type, "multipart/form-data") ? parameter(type, "boundary") : NULL;
    if (boundary == NULL || *boundary == '\0' || strlen(boundary) > MOST_BOUNDARY) {
        nt_fail(error, NITERU_ERROR_INVALID, "Content-Type is not multipart/form-data with a boundary");
        return NULL;
    }
    g_autofree char *delimiter = g_strdup_printf("\r\n--%s", boundary);
    g_autoptr(GArray) parts = g_array_new(FALSE, TRUE, sizeof(NtHttpPart));
    g_array_set_clear_func(parts, clear_part);
    return parse(parts, delimiter, body != NULL ? body : "", size, most, error) ? g_steal_pointer(&parts) : NULL;
}
