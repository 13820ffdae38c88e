/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <stdarg.h>

G_DEFINE_QUARK(niteru - error, niteru_error)

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
