/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* An extended error: names and values in turns. */
typedef struct NiteruErrorPrivate {
    GPtrArray *facts; /* NULL: none */
} NiteruErrorPrivate;

static void niteru_error_private_init(NiteruErrorPrivate *private) { private->facts = NULL; }

static void *copy_text(const void *text, void *data) { return g_strdup(text); }

static void niteru_error_private_copy(const NiteruErrorPrivate *from, NiteruErrorPrivate *to) {
    to->facts = from->facts != NULL ? g_ptr_array_copy(from->facts, copy_text, NULL) : NULL;
}

static void niteru_error_private_clear(NiteruErrorPrivate *private) {
    g_clear_pointer(&private->facts, g_ptr_array_unref);
}

G_DEFINE_EXTENDED_ERROR(NiteruError, niteru_error)

const char *niteru_error_fact(const GError *error, const char *name) {
    const GPtrArray *facts =
        error != NULL && error->domain == NITERU_ERROR ? niteru_error_get_private(error)->facts : NULL;
    for (guint i = 0; facts != NULL && i + 1 < facts->len; i += 2) {
        if (strcmp(facts->pdata[i], name) == 0) {
            return facts->pdata[i + 1];
        }
    }
    return NULL;
}

bool nt_fact(GError **error, const char *name, const char *value) {
    if (error != NULL && *error != NULL && (*error)->domain == NITERU_ERROR && value != NULL) {
        NiteruErrorPrivate *private = niteru_error_get_private(*error);
        if (private->facts == NULL) {
            private->facts = g_ptr_array_new_with_free_func(g_free);
        }
        g_ptr_array_add(private->facts, g_strdup(name));
        g_ptr_array_add(private->facts, g_strdup(value));
    }
    return false;
}

bool nt_fail(GError **error, NiteruError code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (error != NULL) {
        g_return_val_if_fail(*error == NULL, false);
        *error = g_error_new_valist(NITERU_ERROR, (gint)code, format, args);
    }
    va_end(args);
    return false;
}

NiteruError nt_error_code_from_errno(int errnum) {
    switch (errnum) {
    case ENOENT:
    case ENOTDIR: return NITERU_ERROR_NOT_FOUND;
    case ENOSPC:
    case EFBIG: /* a file-size limit is a small disk */
    case EDQUOT: return NITERU_ERROR_NO_SPACE;
    case ENOMEM: return NITERU_ERROR_NO_MEMORY;
    default: return NITERU_ERROR_IO;
    }
}

bool nt_fail_errno(GError **error, int errnum, const char *format, ...) {
    if (error == NULL) {
        return false;
    }
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return nt_fail(error, nt_error_code_from_errno(errnum), "%s: %s", text, g_strerror(errnum));
}
