/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the vectors file: views, single rows, digests, the check. */
#include "index/vectors-internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { LEAST_ROOM = 16 << 20 /* bytes of addresses beyond the end of the file */ };

/* ---- views ---- */

void vectors_map_unref(VectorsMap *map) {
    if (map != NULL && atomic_fetch_sub(&map->refs, 1) == 1) {
        nt_mapping_clear(&map->mapping);
        g_free(map);
    }
}

/* Maps all rows there are and room for more, so that the next appends need no new mapping each: pages beyond the end of
 * the file may be mapped, and are there as soon as the file has grown over them. */
static VectorsMap *map_file(NtVectors *vectors, uint64_t capacity, GError **error) {
    size_t size = VECTORS_PAGE + (size_t)capacity * vectors->stride;
    VectorsMap *map = g_new0(VectorsMap, 1);
    atomic_init(&map->refs, 1);
    if (!nt_mapping_open(vectors->fd, vectors->path, size + size / 4 + LEAST_ROOM, &map->mapping, error)) {
        g_free(map);
        return NULL;
    }
    return map;
}

/* Whether the file has as many rows as are named. */
static bool has_rows(NtVectors *vectors, uint64_t count, uint64_t *out_capacity, GError **error) {
    return nt_vectors_capacity(vectors, out_capacity, error) &&
           (*out_capacity >= count ||
            nt_fail(error, NITERU_ERROR_CORRUPT,
                    "%s: %" G_GUINT64_FORMAT " rows, but the catalogue names %" G_GUINT64_FORMAT, vectors->path,
                    *out_capacity, count));
}

bool nt_vectors_view(NtVectors *vectors, uint64_t count, NtRows *out, GError **error) {
    *out = (NtRows){.dim = vectors->spec.dim,
                    .stride = vectors->stride,
                    .dtype = vectors->spec.dtype,
                    .metric = vectors->spec.metric};
    if (count == 0) {
        return true;
    }
    if (count > NT_VECTORS_ROWS_MAX) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: %" G_GUINT64_FORMAT " rows cannot be", vectors->path, count);
    }
    uint64_t capacity;
    if (!has_rows(vectors, count, &capacity, error)) {
        return false;
    }
    pthread_mutex_lock(&vectors->lock);
    size_t needed = VECTORS_PAGE + (size_t)count * vectors->stride;
    if (vectors->map == NULL || vectors->map->mapping.size < needed) {
        VectorsMap *map = map_file(vectors, capacity, error);
        if (map == NULL) {
            pthread_mutex_unlock(&vectors->lock);
            return false;
        }
        vectors_map_unref(vectors->map);
        vectors->map = map;
    }
    atomic_fetch_add(&vectors->map->refs, 1);
    out->keep = vectors->map;
    out->data = vectors->map->mapping.data + VECTORS_PAGE;
    out->count = count;
    pthread_mutex_unlock(&vectors->lock);
    return true;
}

void nt_rows_clear(NtRows *rows) {
    vectors_map_unref(rows->keep);
    *rows = (NtRows){0};
}

static void decode(NtDtype dtype, const void *row, size_t dim, float *out) {
    if (dtype == NT_DTYPE_F16) {
        nt_kernels()->to_f32(row, dim, out);
    } else {
        memcpy(out, row, dim * sizeof(float));
    }
}

void nt_rows_get(const NtRows *rows, uint64_t row, float *out) {
    decode(rows->dtype, rows->data + row * rows->stride, rows->dim, out);
}

/* Reads `count` rows from `first` on into `out` (count x stride bytes). */
static bool read_rows(NtVectors *vectors, uint64_t first, size_t count, uint8_t *out, GError **error) {
    if (first > NT_VECTORS_ROWS_MAX || count > NT_VECTORS_ROWS_MAX - first) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: row %" G_GUINT64_FORMAT " cannot be", vectors->path, first);
    }
    size_t size = count * vectors->stride, at = 0;
    uint64_t offset = VECTORS_PAGE + first * (uint64_t)vectors->stride;
    while (at < size) {
        ssize_t got = pread(vectors->fd, out + at, size - at, (off_t)(offset + at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nt_fail_errno(error, errno, "%s", vectors->path);
        }
        if (got == 0) {
            return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: ends before row %" G_GUINT64_FORMAT, vectors->path,
                           first + count - 1);
        }
        at += (size_t)got;
    }
    return true;
}

bool nt_vectors_get(NtVectors *vectors, uint64_t row, float *out, GError **error) {
    nt_autofree uint8_t *bytes = nt_alloc(1, vectors->stride, "a vector", error);
    if (bytes == NULL || !read_rows(vectors, row, 1, bytes, error)) {
        return false;
    }
    decode(vectors->spec.dtype, bytes, vectors->spec.dim, out);
    return true;
}

/* ---- digests and the check ---- */

bool nt_vectors_digest(NtVectors *vectors, uint64_t block, size_t rows, uint64_t *out, GError **error) {
    nt_autofree uint8_t *bytes = nt_alloc(rows, vectors->stride, "a block of vectors", error);
    if (bytes == NULL || !read_rows(vectors, block * NT_VECTORS_BLOCK, rows, bytes, error)) {
        return false;
    }
    *out = nt_xxh3(bytes, rows * vectors->stride, block);
    return true;
}

/* What is wrong with the numbers of a row, or NULL. Rounding to float16 moves a unit vector's length by at most 2^-11
 * of itself, and by 2^-25 for each number that is subnormal. */
static const char *row_problem(const NtVectors *vectors, const uint8_t *row) {
    const NtVectorsSpec *spec = &vectors->spec;
    double norm = nt_kernels()->norm_double[spec->dtype](row, spec->dim);
    if (!isfinite(norm)) {
        return "holds a value that is not finite";
    }
    double slack = 0x1p-10 + sqrt((double)spec->dim) * 0x1p-24;
    if (spec->metric == NT_METRIC_COSINE && fabs(sqrt(norm) - 1) > slack) {
        return "is not of unit length";
    }
    return NULL;
}

uint64_t nt_vectors_check(NtVectors *vectors, uint64_t rows, const uint64_t *digests,
                          void (*found)(const NtVectorsFinding *finding, void *data), void *data) {
    uint64_t findings = 0;
    g_autoptr(GError) no_memory = NULL;
    nt_autofree uint8_t *bytes = nt_alloc(NT_VECTORS_BLOCK, vectors->stride, "a block of vectors", &no_memory);
    for (uint64_t block = 0; block < nt_vectors_blocks(rows); block++) {
        g_autoptr(GError) fault = NULL;
        size_t count = nt_vectors_rows_in_block(rows, block);
        NtVectorsFinding finding = {.block = block, .first_row = block * NT_VECTORS_BLOCK, .rows = count};
        if (bytes == NULL) {
            finding.message = no_memory->message;
        } else if (!read_rows(vectors, finding.first_row, count, bytes, &fault)) {
            finding.message = fault->message;
        } else if (digests != NULL && nt_xxh3(bytes, count * vectors->stride, block) != digests[block]) {
            finding.message = "the checksum does not fit: the file was damaged after it was written";
        }
        for (size_t i = 0; finding.message == NULL && i < count; i++) {
            finding.message = row_problem(vectors, bytes + i * vectors->stride);
            finding.first_row += finding.message != NULL ? i : 0;
            finding.rows = finding.message != NULL ? 1 : finding.rows;
        }
        if (finding.message != NULL) {
            findings++;
            if (found != NULL) {
                found(&finding, data);
            }
        }
    }
    return findings;
}
