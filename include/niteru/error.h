/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of niteru: one GError domain with the few codes a caller would branch on. The message is a whole sentence
 * that names the file, line, product, node or field, and the way out where there is one.
 */
#ifndef NITERU_ERROR_H
#define NITERU_ERROR_H

#include <glib.h>

G_BEGIN_DECLS

#define NITERU_ERROR (niteru_error_quark())
GQuark niteru_error_quark(void);

typedef enum NiteruError {
    NITERU_ERROR_FAILED,      /* anything that fits no other code */
    NITERU_ERROR_INVALID,     /* what the caller gave is wrong: an option, a list, a query, a vector */
    NITERU_ERROR_NOT_FOUND,   /* a file, product, model or field that is not there */
    NITERU_ERROR_UNSUPPORTED, /* understood but not done: a photo format, an ONNX operator */
    NITERU_ERROR_LIMIT,       /* larger than a limit allows; the message names the limit */
    NITERU_ERROR_CORRUPT,     /* bytes that are damaged or lie about themselves */
    NITERU_ERROR_BUSY,        /* another process owns the catalogue */
    NITERU_ERROR_IO,          /* the operating system refused a read or a write */
    NITERU_ERROR_NO_SPACE,    /* the disk is full */
    NITERU_ERROR_NO_MEMORY,   /* a big block could not be had */
    NITERU_ERROR_CANCELLED,   /* stopped by the caller; what was acknowledged stays */
    NITERU_ERROR_TIMEOUT,     /* a deadline passed; what was acknowledged stays */
    NITERU_ERROR_STALE,       /* a write that comes late: what is there, or was removed, is of a later version */
    NITERU_ERROR_CONDITION,   /* a write that was only for what is there, or only for what is not */
} NiteruError;

/* What an error of this domain knows beside its message, for programs that show it in their own words; NULL: nothing of
 * that name. Borrowed, as long as the error lives. Copies of the error have it too. Names:
 *   "option"   the field of the options struct that has to do with it: "encoding", "model", "photos", ...
 *   "parameter"  what a query was given that is wrong: "where", "model"
 *   "value"    what that option might be set to: "cp1252"; of "map" perhaps several settings, parted by commas
 *   "limit"    the limit that was met, as in NiteruOptions.limits: "photo-bytes"
 *   "remedy"   what would help: "index" (index the sources again, or for the first time), "import" (import the
 *              vectors), both with "option" where one is needed; "check" (niteru_check tells more), "show"
 *              (niteru_product_json tells more), "network" (put the network's file back, or remove the model and add
 *              it again), "embedder" (a model with a network is needed: name another), "again" (the same call goes on
 *              from there) */
const char *niteru_error_fact(const GError *error, const char *name);

G_END_DECLS

#endif
