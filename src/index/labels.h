/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels: whom a row stands for. A label (1 .. NT_LABEL_MAX; the number of a product, say) may have many rows, its
 * photos, and a row may stand for many labels: one picture that 100,000 products show. A row without labels is dead.
 *
 *   nt_labels_copy(&next, &now);               - a version that shares all with the one before
 *   nt_labels_add(&next, row, product, &error);
 *   nt_labels_set_rank(&next, product, order of its id, &error);
 *
 *   row ── rows ──► 0, or its only label, or its first link ── links ──► (label, next link) ──► ...
 *
 * Threads: as for cells. Any number may read one version, one at a time may write it while none reads that version,
 * and versions are independent of each other.
 */
#ifndef NT_INDEX_LABELS_H
#define NT_INDEX_LABELS_H

#include "base/base.h"

#define NT_LABEL_MAX UINT32_C(0x7fffffff)

/* All zeros: empty. Read it by the functions below. */
typedef struct NtLabels {
    NtCells rows;       /* row -> 0 (dead), a label, or NT_LABELS_LINKED | first link */
    NtCells links;      /* link -> label << 32 | next link; 0 ends. Link 0 is none; free ones have label 0 */
    NtCells ranks;      /* label -> rank */
    uint32_t free_link; /* the first of a chain of them; 0: none */
    uint64_t alive;     /* rows with at least one label */
    uint64_t pairs;     /* of a row and a label */
} NtLabels;

#define NT_LABELS_LINKED (UINT64_C(1) << 63)

/* Makes *to, which is empty, a version of its own that shares all with `from`. Costs nothing. */
void nt_labels_copy(NtLabels *to, const NtLabels *from);
void nt_labels_clear(NtLabels *labels);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtLabels, nt_labels_clear)

/* Gives a row one more label, which the caller promises it does not have: looking would make 100,000 labels of one row
 * cost 100,000 x 100,000. Errors: INVALID (a label of 0 or over NT_LABEL_MAX), LIMIT (4,294,967,295 links), NO_MEMORY;
 * nothing is changed then. */
bool nt_labels_add(NtLabels *labels, uint64_t row, uint32_t label, GError **error);

/* Takes a label from a row; nothing happens when it does not have it. Costs as much as the row has labels. Errors:
 * NO_MEMORY (a shared part could not be copied); nothing is changed then. */
bool nt_labels_remove(NtLabels *labels, uint64_t row, uint32_t label, GError **error);

/* The order of a label among those equally near: smaller ranks first, and labels of one rank by number. 0 at first.
 * Errors: as nt_labels_add. */
bool nt_labels_set_rank(NtLabels *labels, uint32_t label, uint64_t rank, GError **error);
static inline uint64_t nt_labels_rank(const NtLabels *labels, uint32_t label) {
    return nt_cells_get(&labels->ranks, label);
}

/* A row's labels, in no order; 0 when there are no more:
 *   for (uint32_t link, label = nt_labels_first(l, row, &link); label != 0; label = nt_labels_next(l, &link)) */
static inline uint32_t nt_labels_next(const NtLabels *labels, uint32_t *link) {
    uint64_t cell = *link != 0 ? nt_cells_get(&labels->links, *link) : 0;
    *link = (uint32_t)cell;
    return (uint32_t)(cell >> 32);
}
static inline uint32_t nt_labels_first(const NtLabels *labels, uint64_t row, uint32_t *out_link) {
    uint64_t cell = nt_cells_get(&labels->rows, row);
    *out_link = cell & NT_LABELS_LINKED ? (uint32_t)cell : 0;
    return cell & NT_LABELS_LINKED ? nt_labels_next(labels, out_link) : (uint32_t)cell;
}

/* Bytes of all its parts, those shared with other versions too. */
size_t nt_labels_bytes(const NtLabels *labels);

/* Whether all of it fits together: no chain in a ring, no label twice in a row, links in one chain each, the counts
 * right. For tests; reads everything. */
bool nt_labels_sane(const NtLabels *labels);

#endif
