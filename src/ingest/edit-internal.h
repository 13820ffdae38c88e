/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by edit.c, which gets photos ready, and edit-write.c, which writes. */
#ifndef NT_INGEST_EDIT_INTERNAL_H
#define NT_INGEST_EDIT_INTERNAL_H

#include "ingest/ingest-internal.h"

/* One product's edit under way. */
typedef struct Edit {
    NtProductEdit *given;
    guint first, count; /* its photos among all */
    GPtrArray *refused; /* GError *: of values; NULL: none yet */
} Edit;

typedef struct Edits {
    NtCall call;
    NiteruCatalogue *catalogue;
    NiteruPutOptions options;
    Edit *edits;
    size_t count;
    GPtrArray *photos; /* PhotoJob of all, in order; NULL where it is the pipeline's */
    NtModel *model;
    int64_t maker;
    bool again; /* a vector that was there before the turn is gone: those photos are to be embedded after all */
} Edits;

/* Writes all in the turn that is held. An edit's own failure is kept with it. */
bool edits_write(Edits *edits, GError **error);

/* Whether an error is an edit's own, and not that of the whole. */
static inline bool edit_owns(const GError *error) {
    return error->domain != NITERU_ERROR || error->code == NITERU_ERROR_INVALID ||
           error->code == NITERU_ERROR_NOT_FOUND || error->code == NITERU_ERROR_LIMIT ||
           error->code == NITERU_ERROR_UNSUPPORTED || error->code == NITERU_ERROR_FAILED ||
           error->code == NITERU_ERROR_STALE || error->code == NITERU_ERROR_CONDITION;
}

#endif
