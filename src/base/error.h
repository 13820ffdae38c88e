/* SPDX-License-Identifier: Apache-2.0 */
/* Wording errors: the one who detects a fault words it, the ones who pass it on add at most a prefix. */
#ifndef NT_BASE_ERROR_H
#define NT_BASE_ERROR_H

#include <stdbool.h>

#include "niteru/error.h"

/* Sets *error (when not NULL) and returns false, so that a guard clause is one line:
 *   return nt_fail(error, NITERU_ERROR_LIMIT, "%s: side %u is over the limit", name, side); */
bool nt_fail(GError **error, NiteruError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Adds a fact to the error that was just set (niteru_error_fact has the names; a NULL value adds none), and returns
 * false: nt_fail(error, NITERU_ERROR_INVALID, "%s: is UTF-8, not %s", name, encoding); return nt_fact(error, "option",
 * "encoding"); */
bool nt_fact(GError **error, const char *name, const char *value);

/* The same for a failed system call: appends the text of `errnum` (an errno value) and picks the code from it
 * (ENOENT -> NOT_FOUND, ENOSPC / EDQUOT -> NO_SPACE, ENOMEM -> NO_MEMORY, others -> IO). */
bool nt_fail_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The NiteruError code that fits an errno value. */
NiteruError nt_error_code_from_errno(int errnum);

#endif
