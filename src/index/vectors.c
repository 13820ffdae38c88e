/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors file: making, opening, appending. Reading is in vectors-read.c. */
#include "index/vectors-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The header page; doc/vectors-file.md. All numbers are in the byte order that `order` shows. */
typedef struct Header {
    char magic[8];
    uint32_t version;
    uint32_t order;
    uint32_t dtype;  /* 0: float16, 1: float32 */
    uint32_t metric; /* 0: cosine, 1: Euclidean, 2: inner product */
    uint64_t dim;
    uint64_t stride; /* bytes from row to row */
    uint64_t generation;
    uint8_t model_hash[NT_MODEL_HASH_BYTES];
    uint64_t digest; /* XXH3-64 of what is before it */
} Header;

G_STATIC_ASSERT(sizeof(Header) == 88 && offsetof(Header, digest) == 80);

static const char magic[8] = "NITERUV";
enum { VERSION = 1, ORDER = 0x01020304 };

size_t vectors_stride(const NtVectorsSpec *spec) {
    size_t bytes = spec->dim * nt_dtype_size(spec->dtype);
    return (bytes + 63) / 64 * 64; /* a row never shares a cache line with another */
}

/* ---- making and opening ---- */

bool nt_vectors_create(const char *path, const NtVectorsSpec *spec, GError **error) {
    if (spec->dim == 0 || spec->dim > NT_DIMENSION_MAX) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: %zu dimensions; 1 to %d can be stored", path, spec->dim,
                       NT_DIMENSION_MAX);
    }
    uint8_t page[VECTORS_PAGE] = {0};
    Header header = {.version = VERSION,
                     .order = ORDER,
                     .dtype = spec->dtype,
                     .metric = spec->metric,
                     .dim = spec->dim,
                     .stride = vectors_stride(spec),
                     .generation = spec->generation};
    memcpy(header.magic, magic, sizeof magic);
    memcpy(header.model_hash, spec->model_hash, sizeof header.model_hash);
    header.digest = nt_xxh3(&header, offsetof(Header, digest), 0);
    memcpy(page, &header, sizeof header);
    return nt_file_write(path, page, sizeof page, error);
}

static bool check_header(const char *path, const Header *header, const NtVectorsSpec *expect, GError **error) {
    if (memcmp(header->magic, magic, sizeof magic) != 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a vectors file", path);
    }
    if (header->order != ORDER) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: written on a machine of the other byte order", path);
    }
    if (header->version != VERSION) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: format %u, this niteru reads %d", path, header->version,
                       VERSION);
    }
    if (header->digest != nt_xxh3(header, offsetof(Header, digest), 0)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the header is damaged", path);
    }
    NtVectorsSpec spec = {.dtype = header->dtype == 0 ? NT_DTYPE_F16 : NT_DTYPE_F32, .dim = (size_t)header->dim};
    if (header->dtype > 1 || header->metric > NT_METRIC_INNER || header->dim == 0 || header->dim > NT_DIMENSION_MAX ||
        header->stride != vectors_stride(&spec)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the header contradicts itself", path);
    }
    const char *differs = NULL;
    if (expect != NULL) {
        differs = expect->dtype != spec.dtype                                                ? "dtype"
                  : (uint32_t)expect->metric != header->metric                               ? "metric"
                  : expect->dim != spec.dim                                                  ? "dimension"
                  : expect->generation != header->generation                                 ? "generation"
                  : memcmp(expect->model_hash, header->model_hash, NT_MODEL_HASH_BYTES) != 0 ? "model"
                                                                                             : NULL;
    }
    return differs == NULL ||
           nt_fail(error, NITERU_ERROR_CORRUPT, "%s: another %s than the catalogue says", path, differs);
}

NtVectors *nt_vectors_open(const char *path, bool writable, const NtVectorsSpec *expect, GError **error) {
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        nt_fail_errno(error, errno, "%s", path);
        return NULL;
    }
    Header header = {0};
    ssize_t got = pread(fd, &header, sizeof header, 0);
    struct stat st;
    bool ok = got == (ssize_t)sizeof header && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= VECTORS_PAGE;
    if (!ok) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a vectors file: too short for a header", path);
    }
    if (!ok || !check_header(path, &header, expect, error)) {
        close(fd);
        return NULL;
    }
    NtVectors *vectors = g_new0(NtVectors, 1);
    vectors->fd = fd;
    vectors->writable = writable;
    vectors->path = g_strdup(path);
    vectors->stride = (size_t)header.stride;
    vectors->spec = (NtVectorsSpec){.dtype = header.dtype == 0 ? NT_DTYPE_F16 : NT_DTYPE_F32,
                                    .metric = (NtMetric)header.metric,
                                    .dim = (size_t)header.dim,
                                    .generation = header.generation};
    memcpy(vectors->spec.model_hash, header.model_hash, sizeof header.model_hash);
    pthread_mutex_init(&vectors->lock, NULL);
    return vectors;
}

void nt_vectors_close(NtVectors *vectors) {
    if (vectors != NULL) {
        vectors_map_unref(vectors->map);
        close(vectors->fd);
        g_free(vectors->path);
        pthread_mutex_destroy(&vectors->lock);
        g_free(vectors);
    }
}

const NtVectorsSpec *nt_vectors_spec(const NtVectors *vectors) { return &vectors->spec; }
const char *nt_vectors_path(const NtVectors *vectors) { return vectors->path; }

bool nt_vectors_capacity(const NtVectors *vectors, uint64_t *out_rows, GError **error) {
    struct stat st;
    if (fstat(vectors->fd, &st) != 0) {
        return nt_fail_errno(error, errno, "%s", vectors->path);
    }
    *out_rows = st.st_size < VECTORS_PAGE ? 0 : ((uint64_t)st.st_size - VECTORS_PAGE) / vectors->stride;
    return true;
}

/* ---- appending ---- */

const char *nt_row_fault_text(NtRowFault fault) {
    switch (fault) {
    case NT_ROW_NOT_FINITE: return "holds a value that is not finite";
    case NT_ROW_ZERO: return "is zero, which has no direction to compare by cosine";
    case NT_ROW_TOO_LARGE: return "holds a value too large for float16; store the model as f4";
    default: return "is good";
    }
}

/* What a row is multiplied by before rounding. */
static double row_scale(const NtVectorsSpec *spec, const float *row) {
    return spec->metric == NT_METRIC_COSINE ? 1 / sqrt(nt_kernels()->norm_double[NT_DTYPE_F32](row, spec->dim)) : 1;
}

NtRowFault nt_vectors_fault(const NtVectorsSpec *spec, const float *row) {
    float largest = 0;
    for (size_t i = 0; i < spec->dim; i++) {
        if (!isfinite(row[i])) {
            return NT_ROW_NOT_FINITE;
        }
        largest = fmaxf(largest, fabsf(row[i]));
    }
    if (spec->metric == NT_METRIC_COSINE) {
        return largest > 0 ? NT_ROW_GOOD : NT_ROW_ZERO;
    }
    return spec->dtype == NT_DTYPE_F16 && largest >= 65520.0F ? NT_ROW_TOO_LARGE : NT_ROW_GOOD;
}

/* Scales and rounds one good row into `out` (stride bytes); `scratch` (dim). */
static void encode(const NtVectors *vectors, const float *row, float *scratch, uint8_t *out) {
    const NtVectorsSpec *spec = &vectors->spec;
    double scale = row_scale(spec, row);
    for (size_t i = 0; i < spec->dim; i++) {
        scratch[i] = (float)(row[i] * scale);
    }
    if (spec->dtype == NT_DTYPE_F16) {
        nt_kernels()->to_f16(scratch, spec->dim, (uint16_t *)out);
    } else {
        memcpy(out, scratch, spec->dim * sizeof(float));
    }
}

/* Whether `count` rows may be written from row `at` on. */
static bool may_write(const NtVectors *vectors, uint64_t at, size_t count, GError **error) {
    if (!vectors->writable) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: opened for reading", vectors->path);
    }
    return (at <= NT_VECTORS_ROWS_MAX && count <= NT_VECTORS_ROWS_MAX - at) ||
           nt_fail(error, NITERU_ERROR_LIMIT, "%s: more than %" G_GUINT64_FORMAT " rows", vectors->path,
                   NT_VECTORS_ROWS_MAX);
}

static bool write_rows(NtVectors *vectors, uint64_t at, const uint8_t *rows, size_t count, GError **error) {
    uint64_t offset = VECTORS_PAGE + at * (uint64_t)vectors->stride;
    return nt_write_all(vectors->fd, vectors->path, rows, count * vectors->stride, offset, error);
}

bool nt_vectors_copy(NtVectors *vectors, uint64_t at, const NtRows *from, const uint64_t *rows, size_t count,
                     GError **error) {
    const NtVectorsSpec *spec = &vectors->spec;
    if (!may_write(vectors, at, count, error)) {
        return false;
    }
    if (from->dim != spec->dim || from->dtype != spec->dtype || from->metric != spec->metric) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: rows of another kind cannot be copied into it", vectors->path);
    }
    nt_autofree uint8_t *block = nt_alloc0(count, vectors->stride, "vectors to be written", error);
    if (block == NULL) {
        return false;
    }
    size_t bytes = spec->dim * (spec->dtype == NT_DTYPE_F16 ? 2 : 4);
    for (size_t i = 0; i < count; i++) {
        if (rows[i] >= from->count) {
            return nt_fail(error, NITERU_ERROR_INVALID, "%s: row %" G_GUINT64_FORMAT " is not there to be copied",
                           vectors->path, rows[i]);
        }
        memcpy(block + i * vectors->stride, from->data + rows[i] * from->stride, bytes);
    }
    return write_rows(vectors, at, block, count, error);
}

bool nt_vectors_append(NtVectors *vectors, uint64_t at, const float *rows, size_t count, NtRowFault *out_faults,
                       size_t *out_written, GError **error) {
    size_t dim = vectors->spec.dim, kept = 0;
    if (!may_write(vectors, at, count, error)) {
        return false;
    }
    nt_autofree uint8_t *block = nt_alloc0(count, vectors->stride, "vectors to be written", error);
    nt_autofree float *scratch = nt_alloc(dim, sizeof(float), "a vector", error);
    if (block == NULL || scratch == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        NtRowFault fault = nt_vectors_fault(&vectors->spec, rows + i * dim);
        if (fault != NT_ROW_GOOD && out_faults == NULL) {
            return nt_fail(error, NITERU_ERROR_INVALID, "%s: row %zu %s", vectors->path, i, nt_row_fault_text(fault));
        }
        if (fault == NT_ROW_GOOD) {
            encode(vectors, rows + i * dim, scratch, block + kept++ * vectors->stride);
        }
        if (out_faults != NULL) {
            out_faults[i] = fault;
        }
    }
    if (!write_rows(vectors, at, block, kept, error)) {
        return false;
    }
    if (out_written != NULL) {
        *out_written = kept;
    }
    return true;
}

bool nt_vectors_sync(NtVectors *vectors, GError **error) {
    return fdatasync(vectors->fd) == 0 || nt_fail_errno(error, errno, "%s: cannot be synced", vectors->path);
}
