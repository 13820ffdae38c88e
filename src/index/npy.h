/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NumPy's .npy files, read and written; doc/npy.md says which. Reading is by row, so that a file larger than memory
 * can be taken in. A reader or writer is used by one thread at a time.
 */
#ifndef NT_INDEX_NPY_H
#define NT_INDEX_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "index/metric.h"

typedef struct NtNpyReader NtNpyReader;

/* Opens an .npy file of versions 1 to 3 with one array of '<f4', '<f2', '<f8', '|i1' or '|u1' (or the first three with
 * '>'), in C order, of shape (rows, dim) or (dim,), which is one row. The header (at most 64 KiB) is read by a parser
 * of our own for its three keys; shape x size must be exactly the rest of the file. Nothing is believed before that
 * holds, and no memory is taken by what the header says. Errors, each a sentence that names the file and, where there
 * is one, the line of Python that makes a good file: NOT_FOUND, CORRUPT (not an .npy, lies about its size), UNSUPPORTED
 * (other types, Fortran order, 0 or 3 and more axes), LIMIT (dimension over NT_DIMENSION_MAX, rows over 2^32 - 1), IO.
 */
NtNpyReader *nt_npy_open(const char *path, GError **error);
void nt_npy_close(NtNpyReader *reader); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtNpyReader, nt_npy_close)

uint64_t nt_npy_rows(const NtNpyReader *reader);
size_t nt_npy_dim(const NtNpyReader *reader);
const char *nt_npy_descr(const NtNpyReader *reader); /* as in the file, "<f4"; borrowed */

/* Reads rows first .. first + count - 1 as float32 (count, dim); any order of calls. Numbers of '<f8' are rounded,
 * those beyond float32 become infinity (which nt_vectors_append refuses row by row). Errors: CORRUPT (the file became
 * shorter), INVALID (rows that are not there), IO. */
bool nt_npy_read(NtNpyReader *reader, uint64_t first, size_t count, float *out, GError **error);

typedef struct NtNpyWriter NtNpyWriter;

/* Starts a file of shape (rows, dim) and '<f4' or '<f2', rows being how many are written. It appears under its name
 * only in nt_npy_finish; until then it is a temporary file beside it. Errors: INVALID (dimension), NO_SPACE, IO. */
NtNpyWriter *nt_npy_create(const char *path, NtDtype dtype, size_t dim, GError **error);

/* Appends rows (count, dim). Errors: INVALID (a finite number beyond float16, naming row and column; the rows before it
 * are in the file), NO_SPACE, IO. */
bool nt_npy_write(NtNpyWriter *writer, const float *rows, size_t count, GError **error);

/* Completes the header, syncs, and puts the file in place of any other of its name: after power loss it is whole or
 * not there. The writer is to be freed afterwards, whatever came back. Errors: NO_SPACE, IO. */
bool nt_npy_finish(NtNpyWriter *writer, GError **error);
/* Frees it; without nt_npy_finish before, nothing is left on disk. NULL is fine. */
void nt_npy_writer_free(NtNpyWriter *writer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtNpyWriter, nt_npy_writer_free)

#endif
