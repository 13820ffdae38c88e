/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells: an array of 64-bit numbers of which there may be many versions. A version shares with the one it was copied
 * from whatever is the same in both, in chunks of 2,048 cells (16 kB), so that it costs what it changes, and the table
 * of chunks (8 bytes each) with the first change.
 *
 *   nt_cells_copy(&next, &now);
 *   nt_cells_set(&next, row, value, &error);   - readers of `now` see nothing of it
 *
 * Cells never set are 0 and take no memory where a whole chunk is of them. As a bitmap, bit b is bit b mod 64 of cell
 * b / 64.
 *
 * Threads: any number may read (and copy) one version; one at a time may write it, while none reads that same version.
 * Versions that share chunks may be read, written and cleared by different threads at once.
 */
#ifndef NT_BASE_CELLS_H
#define NT_BASE_CELLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

enum { NT_CELLS_CHUNK = 2048 }; /* cells */

/* No cell has this number or a higher one: a row, label or link has 32 bits, and some room. */
#define NT_CELLS_MAX (UINT64_C(1) << 33)

typedef struct NtCellsChunk {
    uint64_t cells[NT_CELLS_CHUNK];
    atomic_size_t references; /* of tables; more than one: nobody writes it */
} NtCellsChunk;

typedef struct NtCellsTable {
    atomic_size_t references; /* of versions; more than one: nobody writes it */
    size_t room;
    NtCellsChunk *chunks[]; /* (room); NULL where a chunk is all zeros */
} NtCellsTable;

/* All zeros: empty. */
typedef struct NtCells {
    NtCellsTable *table; /* NULL: all zeros */
    uint64_t length;     /* one past the highest cell set so far */
} NtCells;

/* Makes *to, which is empty, a version of its own that shares all with `from`; costs nothing before one of them is
 * written. */
void nt_cells_copy(NtCells *to, const NtCells *from);

/* Gives up the version; it is then empty. */
void nt_cells_clear(NtCells *cells);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtCells, nt_cells_clear)

/* The cells from `at` on to the end of its chunk (NT_CELLS_CHUNK - at mod NT_CELLS_CHUNK of them); NULL: all are 0.
 * Borrowed, until the version is written or cleared. */
static inline const uint64_t *nt_cells_from(const NtCells *cells, uint64_t at) {
    const NtCellsTable *table = cells->table;
    const NtCellsChunk *chunk =
        table != NULL && at / NT_CELLS_CHUNK < table->room ? table->chunks[at / NT_CELLS_CHUNK] : NULL;
    return chunk != NULL ? chunk->cells + at % NT_CELLS_CHUNK : NULL;
}

/* A cell; 0 when it was never set. */
static inline uint64_t nt_cells_get(const NtCells *cells, uint64_t at) {
    const uint64_t *cell = nt_cells_from(cells, at);
    return cell != NULL ? *cell : 0;
}

/* Sets a cell; the array grows as needed, in constant time on the average. Errors: NO_MEMORY (a number of NT_CELLS_MAX
 * or more too); nothing is changed then. */
bool nt_cells_set(NtCells *cells, uint64_t at, uint64_t value, GError **error);

/* One past the highest cell set so far, whatever to. */
static inline uint64_t nt_cells_length(const NtCells *cells) { return cells->length; }

/* Bytes of its chunks, those shared with other versions too, and of the table of them. */
size_t nt_cells_bytes(const NtCells *cells);

/* ---- as a bitmap ---- */

static inline bool nt_cells_bit(const NtCells *cells, uint64_t bit) {
    return (nt_cells_get(cells, bit / 64) >> (bit % 64)) & 1;
}
/* As nt_cells_set. */
bool nt_cells_set_bit(NtCells *cells, uint64_t bit, bool on, GError **error);
/* How many bits are set; reads all of them. */
uint64_t nt_cells_count_bits(const NtCells *cells);

#endif
