/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of products among those that are equally near: the bytewise order of their ids, as a number for each, so
 * that no id is looked at while a search runs. Versions share what is the same in both.
 */
#ifndef NT_STATE_RANKS_H
#define NT_STATE_RANKS_H

#include "catalogue/catalogue.h"

/* All zeros: of no product. */
typedef struct NtRanks {
    NtCells ranks; /* product -> 1 .. 2^62 - 1, growing with the ids; 0: none */
    NtCells ids;   /* product -> XXH3 of its id, as numbers are given to other products again */
    uint64_t products;
} NtRanks;

void nt_ranks_clear(NtRanks *ranks);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtRanks, nt_ranks_clear)

/* Those of all products there are; takes time in proportion to them. *out must be empty. */
bool nt_ranks_build(NtCatalogue *db, NtRanks *out, GError **error);

/* Brings them up to date by the products that changed (int64_t, each once): those that are gone lose their rank, new
 * ones get one between their neighbours'. Costs O(log n) ranks for each new product, amortised. After an error it is
 * of no more use. */
bool nt_ranks_forward(NtCatalogue *db, NtRanks *ranks, const GArray *changed, GError **error);

#endif
