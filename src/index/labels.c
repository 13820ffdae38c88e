/* SPDX-License-Identifier: Apache-2.0 */
#include "index/labels.h"

void nt_labels_copy(NtLabels *to, const NtLabels *from) {
    *to = *from;
    to->rows = to->links = to->ranks = (NtCells){0};
    nt_cells_copy(&to->rows, &from->rows);
    nt_cells_copy(&to->links, &from->links);
    nt_cells_copy(&to->ranks, &from->ranks);
}

void nt_labels_clear(NtLabels *labels) {
    nt_cells_clear(&labels->rows);
    nt_cells_clear(&labels->links);
    nt_cells_clear(&labels->ranks);
    *labels = (NtLabels){0};
}

static bool check_label(uint32_t label, GError **error) {
    return (label >= 1 && label <= NT_LABEL_MAX) ||
           nt_fail(error, NITERU_ERROR_INVALID, "a label of %u: it must be 1 to %u", label, NT_LABEL_MAX);
}

static uint64_t link_cell(uint32_t label, uint32_t next) { return (uint64_t)label << 32 | next; }

/* Takes a free link, or a new one, for a label in front of `next`; 0 with an error when there is none. */
static uint32_t new_link(NtLabels *labels, uint32_t label, uint32_t next, GError **error) {
    uint64_t link = labels->free_link != 0 ? labels->free_link : MAX(nt_cells_length(&labels->links), 1);
    uint32_t then_free = labels->free_link != 0 ? (uint32_t)nt_cells_get(&labels->links, link) : 0;
    if (link > UINT32_MAX) {
        nt_fail(error, NITERU_ERROR_LIMIT, "more than %u labels of rows that have several", UINT32_MAX);
        return 0;
    }
    if (!nt_cells_set(&labels->links, link, link_cell(label, next), error)) {
        return 0;
    }
    labels->free_link = then_free;
    return (uint32_t)link;
}

/* Gives a link back. Its chunk has been written in this version, so that writing it again cannot fail. */
static void free_link(NtLabels *labels, uint32_t link) {
    nt_cells_set(&labels->links, link, link_cell(0, labels->free_link), NULL);
    labels->free_link = link;
}

bool nt_labels_add(NtLabels *labels, uint64_t row, uint32_t label, GError **error) {
    uint64_t cell = nt_cells_get(&labels->rows, row);
    if (!check_label(label, error)) {
        return false;
    }
    if (cell == 0) {
        if (!nt_cells_set(&labels->rows, row, label, error)) {
            return false;
        }
        labels->alive++;
        labels->pairs++;
        return true;
    }
    uint32_t only = cell & NT_LABELS_LINKED ? 0 : new_link(labels, (uint32_t)cell, 0, error);
    uint32_t behind = cell & NT_LABELS_LINKED ? (uint32_t)cell : only;
    uint32_t link = behind != 0 ? new_link(labels, label, behind, error) : 0;
    if (link == 0 || !nt_cells_set(&labels->rows, row, NT_LABELS_LINKED | link, error)) {
        if (link != 0) {
            free_link(labels, link);
        }
        if (only != 0) {
            free_link(labels, only);
        }
        return false;
    }
    labels->pairs++;
    return true;
}

/* Takes `link` of a row's chain, which stands behind link `before` (0: first), out of it. */
static bool unlink_label(NtLabels *labels, uint64_t row, uint32_t before, uint32_t link, GError **error) {
    uint64_t cell = nt_cells_get(&labels->links, link);
    uint32_t next = (uint32_t)cell;
    /* Written first, so that all that may fail comes before the chain is touched. */
    if (!nt_cells_set(&labels->links, link, link_cell(0, next), error)) {
        return false;
    }
    uint64_t before_cell = nt_cells_get(&labels->links, before);
    bool done = before != 0 ? nt_cells_set(&labels->links, before, (before_cell >> 32 << 32) | next, error)
                            : nt_cells_set(&labels->rows, row, next != 0 ? NT_LABELS_LINKED | next : 0, error);
    if (!done) {
        nt_cells_set(&labels->links, link, cell, NULL);
        return false;
    }
    free_link(labels, link);
    return true;
}

bool nt_labels_remove(NtLabels *labels, uint64_t row, uint32_t label, GError **error) {
    uint64_t cell = nt_cells_get(&labels->rows, row);
    if (!check_label(label, error)) {
        return false;
    }
    if (cell & NT_LABELS_LINKED) {
        uint32_t before = 0, link = (uint32_t)cell;
        while (link != 0 && nt_cells_get(&labels->links, link) >> 32 != label) {
            before = link;
            link = (uint32_t)nt_cells_get(&labels->links, link);
        }
        if (link == 0) {
            return true;
        }
        if (!unlink_label(labels, row, before, link, error)) {
            return false;
        }
    } else if (cell != label) {
        return true;
    } else if (!nt_cells_set(&labels->rows, row, 0, error)) {
        return false;
    }
    labels->pairs--;
    labels->alive -= nt_cells_get(&labels->rows, row) == 0;
    return true;
}

bool nt_labels_set_rank(NtLabels *labels, uint32_t label, uint64_t rank, GError **error) {
    return check_label(label, error) && nt_cells_set(&labels->ranks, label, rank, error);
}

size_t nt_labels_bytes(const NtLabels *labels) {
    return nt_cells_bytes(&labels->rows) + nt_cells_bytes(&labels->links) + nt_cells_bytes(&labels->ranks);
}

/* ---- checking ---- */

/* Marks the links of one chain as seen; each must be new and of a label that the row has once. */
static bool sane_chain(const NtLabels *labels, uint32_t first, NtCells *seen, uint64_t *pairs) {
    g_auto(NtCells) had = {0};
    for (uint32_t link = first; link != 0; link = (uint32_t)nt_cells_get(&labels->links, link)) {
        uint64_t label = nt_cells_get(&labels->links, link) >> 32;
        if (link >= nt_cells_length(&labels->links) || label < 1 || label > NT_LABEL_MAX || nt_cells_bit(seen, link) ||
            nt_cells_bit(&had, label) || !nt_cells_set_bit(seen, link, true, NULL) ||
            !nt_cells_set_bit(&had, label, true, NULL)) {
            return false;
        }
        (*pairs)++;
    }
    return true;
}

bool nt_labels_sane(const NtLabels *labels) {
    g_auto(NtCells) seen = {0};
    uint64_t alive = 0, pairs = 0;
    for (uint64_t row = 0; row < nt_cells_length(&labels->rows); row++) {
        uint64_t cell = nt_cells_get(&labels->rows, row);
        bool linked = cell & NT_LABELS_LINKED;
        alive += cell != 0;
        pairs += cell != 0 && !linked;
        if (linked ? (uint32_t)cell == 0 || !sane_chain(labels, (uint32_t)cell, &seen, &pairs) : cell > NT_LABEL_MAX) {
            return false;
        }
    }
    for (uint32_t link = labels->free_link; link != 0; link = (uint32_t)nt_cells_get(&labels->links, link)) {
        if (link >= nt_cells_length(&labels->links) || nt_cells_get(&labels->links, link) >> 32 != 0 ||
            nt_cells_bit(&seen, link) || !nt_cells_set_bit(&seen, link, true, NULL)) {
            return false;
        }
    }
    uint64_t links = MAX(nt_cells_length(&labels->links), 1) - 1;
    return alive == labels->alive && pairs == labels->pairs && nt_cells_count_bits(&seen) == links;
}
