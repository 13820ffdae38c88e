/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room: what is nearest to seeds. */
#ifndef NT_RECOMMEND_NEIGHBOURS_H
#define NT_RECOMMEND_NEIGHBOURS_H

#include "recommend/recommend-internal.h"

/* For each of the seeds what is nearest to it and may be shown, the nearest first: arrays of NtIndexHit, one behind the
 * other in `hits`, counts[s] of seed s. */
typedef struct NtNeighbours {
    GArray *hits;
    size_t counts[NT_MOST_SEEDS];
} NtNeighbours;
void nt_neighbours_clear(NtNeighbours *neighbours);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtNeighbours, nt_neighbours_clear)

/* Of each seed at least `wanted` where there are so many. Those of a product are kept for half a minute while the
 * catalogue changes, and as long as it does not; what was found so is shown only where the product still has the row.
 * Errors: those of a search. */
bool nt_neighbours_find(const NtAsking *asking, const GArray *seeds, size_t wanted, NtNeighbours *out, GError **error);

#endif
