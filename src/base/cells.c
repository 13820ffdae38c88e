/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <string.h>

/* A reader of another version reads a chunk before it lets go of it, and a writer writes it in place only after it has
 * seen that nobody else has it: release there, acquire here. Tables likewise. */
static bool alone(const atomic_size_t *references) {
    return atomic_load_explicit(references, memory_order_acquire) == 1;
}

/* Gives up one reference; whether it was the last. */
static bool was_last(atomic_size_t *references) {
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

static void take(atomic_size_t *references) { atomic_fetch_add_explicit(references, 1, memory_order_relaxed); }

static void let_go(NtCellsChunk *chunk) {
    if (chunk != NULL && was_last(&chunk->references)) {
        nt_free(chunk);
    }
}

static void let_go_table(NtCellsTable *table) {
    if (table != NULL && was_last(&table->references)) {
        for (size_t i = 0; i < table->room; i++) {
            let_go(table->chunks[i]);
        }
        nt_free(table);
    }
}

void nt_cells_copy(NtCells *to, const NtCells *from) {
    *to = *from;
    if (to->table != NULL) {
        take(&to->table->references);
    }
}

void nt_cells_clear(NtCells *cells) {
    let_go_table(cells->table);
    *cells = (NtCells){0};
}

/* A table that this version alone has, with room for chunk `index`; a table that grows is doubled at least. */
static bool own_table(NtCells *cells, size_t index, GError **error) {
    NtCellsTable *old = cells->table;
    size_t had = old != NULL ? old->room : 0, room = index < had ? had : MAX(2 * had, index + 1);
    if (old != NULL && room == had && alone(&old->references)) {
        return true;
    }
    NtCellsTable *table = nt_alloc0(1, sizeof *table + room * sizeof table->chunks[0], "an array", error);
    if (table == NULL) {
        return false;
    }
    table->room = room;
    atomic_init(&table->references, 1);
    for (size_t i = 0; i < had; i++) {
        table->chunks[i] = old->chunks[i];
        if (table->chunks[i] != NULL) {
            take(&table->chunks[i]->references);
        }
    }
    let_go_table(old);
    cells->table = table;
    return true;
}

/* A chunk that this version alone has, with what it holds at *place. */
static bool own(NtCellsChunk **place, GError **error) {
    if (*place != NULL && alone(&(*place)->references)) {
        return true;
    }
    NtCellsChunk *chunk = nt_alloc(1, sizeof *chunk, "an array", error);
    if (chunk == NULL) {
        return false;
    }
    if (*place != NULL) {
        memcpy(chunk->cells, (*place)->cells, sizeof chunk->cells);
    } else {
        memset(chunk->cells, 0, sizeof chunk->cells);
    }
    atomic_init(&chunk->references, 1);
    let_go(*place);
    *place = chunk;
    return true;
}

bool nt_cells_set(NtCells *cells, uint64_t at, uint64_t value, GError **error) {
    if (at >= NT_CELLS_MAX) {
        return nt_fail(error, NITERU_ERROR_NO_MEMORY, "no memory for cell %" G_GUINT64_FORMAT " of an array", at);
    }
    if (nt_cells_get(cells, at) != value) {
        size_t index = (size_t)(at / NT_CELLS_CHUNK);
        if (!own_table(cells, index, error) || !own(&cells->table->chunks[index], error)) {
            return false;
        }
        cells->table->chunks[index]->cells[at % NT_CELLS_CHUNK] = value;
    }
    cells->length = MAX(cells->length, at + 1);
    return true;
}

size_t nt_cells_bytes(const NtCells *cells) {
    size_t room = cells->table != NULL ? cells->table->room : 0, chunks = 0;
    for (size_t i = 0; i < room; i++) {
        chunks += cells->table->chunks[i] != NULL;
    }
    return chunks * sizeof(NtCellsChunk) + room * sizeof(NtCellsChunk *);
}

bool nt_cells_set_bit(NtCells *cells, uint64_t bit, bool on, GError **error) {
    uint64_t cell = nt_cells_get(cells, bit / 64), mask = UINT64_C(1) << (bit % 64);
    return nt_cells_set(cells, bit / 64, on ? cell | mask : cell & ~mask, error);
}

uint64_t nt_cells_count_bits(const NtCells *cells) {
    uint64_t count = 0;
    for (uint64_t at = 0; at < cells->length; at += NT_CELLS_CHUNK) {
        const uint64_t *chunk = nt_cells_from(cells, at);
        for (size_t i = 0; chunk != NULL && i < NT_CELLS_CHUNK; i++) {
            count += (uint64_t)__builtin_popcountll(chunk[i]);
        }
    }
    return count;
}
