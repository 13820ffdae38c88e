/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vectors file <model>.<generation>.vec: a header page, then rows of float16 or float32, appended and never
 * moved. doc/vectors-file.md has the layout.
 *
 * The file does not know how many of its rows count: the catalogue's database does, and names them in the transaction
 * that follows nt_vectors_sync. What lies beyond is left over from a crash and is overwritten by the next append. The
 * database also keeps one digest for each block of NT_VECTORS_BLOCK rows, so that a flipped bit on disk is found.
 *
 *   nt_vectors_append(v, rows, ...) ; nt_vectors_sync(v) ; nt_vectors_digest(v, last block) ; COMMIT
 *
 * Threads and processes: one writer (the catalogue's lock sees to it), any number of readers, in this process and in
 * others. nt_vectors_view, _get and _digest may be called from any thread, also while another appends, for rows that
 * were named before the call. The file is never made shorter, so a view stays good until it is cleared.
 */
#ifndef NT_INDEX_VECTORS_H
#define NT_INDEX_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "index/metric.h"

enum {
    NT_VECTORS_BLOCK = 256,   /* rows under one digest */
    NT_DIMENSION_MAX = 65536, /* numbers in a row */
    NT_MODEL_HASH_BYTES = 32, /* SHA-256 of the network */
};

/* At most this many rows in a file, so that a row number fits 32 bits. */
#define NT_VECTORS_ROWS_MAX UINT64_C(4294967295)

/* What a vectors file holds; settled when it is made. */
typedef struct NtVectorsSpec {
    NtDtype dtype;
    NtMetric metric;
    size_t dim;
    uint64_t generation;
    uint8_t model_hash[NT_MODEL_HASH_BYTES];
} NtVectorsSpec;

/* Rows to search: (count, dim) numbers, each row `stride` bytes after the one before. Fill it by hand for rows in
 * memory (with `keep` NULL), or take it from a file. */
typedef struct NtRows {
    const uint8_t *data; /* NULL when count is 0 */
    uint64_t count;
    size_t dim;
    size_t stride; /* bytes */
    NtDtype dtype;
    NtMetric metric;
    void *keep; /* the mapping; nt_rows_clear lets go of it */
} NtRows;

typedef struct NtVectors NtVectors;

/* Makes an empty file, durable when it returns, in place of any file of that name: call it only for a generation that
 * the database does not name. Errors: INVALID (dimension 0 or over NT_DIMENSION_MAX), NO_SPACE, IO. */
bool nt_vectors_create(const char *path, const NtVectorsSpec *spec, GError **error);

/* Opens a file; the cost does not depend on its size. `expect` (NULL: anything) is compared with the header, field by
 * field. Errors: NOT_FOUND, CORRUPT (not a vectors file, damaged header, not the one expected), UNSUPPORTED (newer
 * version, other byte order), IO. */
NtVectors *nt_vectors_open(const char *path, bool writable, const NtVectorsSpec *expect, GError **error);

/* Closes it; NULL is fine. Views outlive it. */
void nt_vectors_close(NtVectors *vectors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtVectors, nt_vectors_close)

const NtVectorsSpec *nt_vectors_spec(const NtVectors *vectors); /* borrowed */
const char *nt_vectors_path(const NtVectors *vectors);          /* borrowed */
/* How many whole rows the file has room for at present, named or not. */
bool nt_vectors_capacity(const NtVectors *vectors, uint64_t *out_rows, GError **error);

/* ---- writing ---- */

/* What can be wrong with a vector from outside. */
typedef enum NtRowFault {
    NT_ROW_GOOD,
    NT_ROW_NOT_FINITE, /* holds NaN or infinity */
    NT_ROW_ZERO,       /* has no length, which cosine needs */
    NT_ROW_TOO_LARGE,  /* holds a number beyond float16 */
} NtRowFault;

/* The fault in words that follow "row 7 ": "holds a value that is not finite". Static text. */
const char *nt_row_fault_text(NtRowFault fault);

/* Writes `count` rows (count, dim), float32, from row `at` on: the number of rows the database names. With the cosine
 * metric each is scaled to unit length first; then it is rounded to the file's dtype. A row that cannot be stored is
 * left out, the others close up: out_faults (count; NULL: the first bad row fails the call and nothing is written)
 * tells which, *out_written (NULL: not wanted) how many were written. Nothing is durable before nt_vectors_sync.
 * Errors: NO_SPACE (nothing that was named is touched), INVALID (opened for reading, a bad row, naming it), LIMIT, IO.
 */
bool nt_vectors_append(NtVectors *vectors, uint64_t at, const float *rows, size_t count, NtRowFault *out_faults,
                       size_t *out_written, GError **error);

/* Writes rows[0] .. rows[count - 1] of a view, bit for bit, from row `at` on; durable after nt_vectors_sync. `from`
 * must have the file's dim, dtype and metric, and the rows must be in it. Errors: NO_SPACE, INVALID, LIMIT, IO. */
bool nt_vectors_copy(NtVectors *vectors, uint64_t at, const NtRows *from, const uint64_t *rows, size_t count,
                     GError **error);

/* What nt_vectors_append would say about one row. */
NtRowFault nt_vectors_fault(const NtVectorsSpec *spec, const float *row);

/* Makes all that was appended survive power loss. Errors: NO_SPACE, IO; the rows since the last sync must then not be
 * named. */
bool nt_vectors_sync(NtVectors *vectors, GError **error);

/* ---- reading ---- */

/* The first `count` rows, mapped read-only. The view stays good, at the same address, until nt_rows_clear, whatever is
 * appended and even after nt_vectors_close. Costs a few microseconds; maps anew only when the file has grown. Errors:
 * CORRUPT (the file ends before that row), IO, NO_MEMORY. */
bool nt_vectors_view(NtVectors *vectors, uint64_t count, NtRows *out, GError **error);
void nt_rows_clear(NtRows *rows);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtRows, nt_rows_clear)

/* Row `row` as float32 (dim). From a view, and from the file by a read. Errors: CORRUPT (the file ends before), IO. */
void nt_rows_get(const NtRows *rows, uint64_t row, float *out);
bool nt_vectors_get(NtVectors *vectors, uint64_t row, float *out, GError **error);

/* ---- checking ---- */

/* How many blocks hold `rows` rows, and how many of these rows are in block `block`. */
static inline uint64_t nt_vectors_blocks(uint64_t rows) { return (rows + NT_VECTORS_BLOCK - 1) / NT_VECTORS_BLOCK; }
static inline size_t nt_vectors_rows_in_block(uint64_t rows, uint64_t block) {
    uint64_t first = block * NT_VECTORS_BLOCK;
    return first >= rows ? 0 : (size_t)(rows - first < NT_VECTORS_BLOCK ? rows - first : NT_VECTORS_BLOCK);
}

/* The digest of the first `rows` (0 .. NT_VECTORS_BLOCK) rows of a block: XXH3-64 of their bytes, seeded with the
 * number of the block, so that a block in another's place is found too. Reads at most one block, by read(2), never
 * through a mapping. Errors: CORRUPT (the file ends before), IO. */
bool nt_vectors_digest(NtVectors *vectors, uint64_t block, size_t rows, uint64_t *out, GError **error);

/* One thing found wrong. */
typedef struct NtVectorsFinding {
    uint64_t block;
    uint64_t first_row, rows; /* what it touches */
    const char *message;      /* a sentence */
} NtVectorsFinding;

/* Checks the first `rows` rows: each block against digests[block] (NULL: not compared), every number finite, every row
 * of unit length when the metric is cosine. Calls `found` (NULL: only counts) for each fault and goes on; a block that
 * cannot be read is a finding too. Returns how many there were; 0 is sound. Reads everything once. */
uint64_t nt_vectors_check(NtVectors *vectors, uint64_t rows, const uint64_t *digests,
                          void (*found)(const NtVectorsFinding *finding, void *data), void *data);

#endif
