/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is: a name and functions, of which engine.h has the contract. A function that an engine has no use
 * for is NULL. The table of engines is in engine.c. */
#ifndef NT_INDEX_ENGINE_INTERNAL_H
#define NT_INDEX_ENGINE_INTERNAL_H

#include "index/engine.h"

typedef struct NtEngine {
    const char *name;
    bool (*new)(const NtVectorsSpec *spec, void **out_state, GError **error);
    bool (*add)(void *state, const NtRows *rows, uint64_t first, uint64_t count, GError **error);
    bool (*remove)(void *state, uint64_t row, GError **error);
    /* Rows are of the index's kind, `stats` is never NULL. */
    bool (*search)(void *state, const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options,
                   NtIndexHit *out_hits, size_t *out_counts, GError **error);
    void (*statistics)(void *state, NtIndexStatistics *out); /* fills in `bytes` */
    void (*free)(void *state);
} NtEngine;

extern const NtEngine nt_exact_engine;

#endif
