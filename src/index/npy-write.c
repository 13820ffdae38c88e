/* SPDX-License-Identifier: Apache-2.0 */
/* Writing .npy, version 1, row by row; the header has room for any shape and is written last. */
#include "base/base.h"
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEADER = 128, BUFFER_ROWS_BYTES = 1 << 20 };

struct NtNpyWriter {
    int fd;
    char *path, *temporary;
    NtDtype dtype;
    size_t dim;
    uint64_t rows;
    GByteArray *buffer; /* encoded rows not written yet */
    uint64_t offset;    /* where the buffer goes */
    bool finished;
};

NtNpyWriter *nt_npy_create(const char *path, NtDtype dtype, size_t dim, GError **error) {
    if (dim == 0 || dim > NT_DIMENSION_MAX) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: rows of %zu numbers; 1 to %d can be written", path, dim,
                NT_DIMENSION_MAX);
        return NULL;
    }
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        nt_fail_errno(error, errno, "%s: cannot be written", path);
        return NULL;
    }
    NtNpyWriter *writer = g_new0(NtNpyWriter, 1);
    *writer = (NtNpyWriter){.fd = fd,
                            .path = g_strdup(path),
                            .temporary = g_steal_pointer(&temporary),
                            .dtype = dtype,
                            .dim = dim,
                            .buffer = g_byte_array_new(),
                            .offset = HEADER};
    return writer;
}

static bool flush(NtNpyWriter *writer, GError **error) {
    if (!nt_write_all(writer->fd, writer->path, writer->buffer->data, writer->buffer->len, writer->offset, error)) {
        return false;
    }
    writer->offset += writer->buffer->len;
    g_byte_array_set_size(writer->buffer, 0);
    return true;
}

/* NumPy's files are little-endian here whatever the machine is. */
static void append_little_endian(GByteArray *buffer, const void *numbers, size_t count, size_t size) {
    guint at = buffer->len;
    g_byte_array_append(buffer, numbers, (guint)(count * size));
#if G_BYTE_ORDER == G_BIG_ENDIAN
    for (size_t i = 0; i < count; i++) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            guint8 *number = buffer->data + at + i * size, kept = number[a];
            number[a] = number[b];
            number[b] = kept;
        }
    }
#endif
    (void)at;
}

bool nt_npy_write(NtNpyWriter *writer, const float *rows, size_t count, GError **error) {
    g_autofree uint16_t *half = g_new(uint16_t, writer->dim);
    for (size_t r = 0; r < count; r++) {
        const float *row = rows + r * writer->dim;
        if (writer->dtype == NT_DTYPE_F32) {
            append_little_endian(writer->buffer, row, writer->dim, 4);
        } else {
            for (size_t i = 0; i < writer->dim; i++) {
                if (isfinite(row[i]) && fabsf(row[i]) >= 65520.0F) {
                    return nt_fail(error, NITERU_ERROR_INVALID,
                                   "%s: row %" G_GUINT64_FORMAT ", number %zu is too large for float16", writer->path,
                                   writer->rows, i);
                }
            }
            nt_kernels()->to_f16(row, writer->dim, half);
            append_little_endian(writer->buffer, half, writer->dim, 2);
        }
        writer->rows++;
        if (writer->buffer->len >= BUFFER_ROWS_BYTES && !flush(writer, error)) {
            return false;
        }
    }
    return true;
}

bool nt_npy_finish(NtNpyWriter *writer, GError **error) {
    char header[HEADER + 1];
    g_autofree char *text =
        g_strdup_printf("{'descr': '%s', 'fortran_order': False, 'shape': (%" G_GUINT64_FORMAT ", %zu), }",
                        writer->dtype == NT_DTYPE_F16 ? "<f2" : "<f4", writer->rows, writer->dim);
    memset(header, ' ', HEADER);
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(HEADER - 10);
    header[9] = 0;
    memcpy(header + 10, text, strlen(text));
    header[HEADER - 1] = '\n';
    if (!flush(writer, error) || !nt_write_all(writer->fd, writer->path, header, HEADER, 0, error)) {
        return false;
    }
    if (fsync(writer->fd) != 0) {
        return nt_fail_errno(error, errno, "%s: cannot be synced", writer->path);
    }
    if (rename(writer->temporary, writer->path) != 0) {
        return nt_fail_errno(error, errno, "%s: cannot be put in place", writer->path);
    }
    writer->finished = true;
    return nt_sync_folder_of(writer->path, error);
}

void nt_npy_writer_free(NtNpyWriter *writer) {
    if (writer != NULL) {
        close(writer->fd);
        if (!writer->finished) {
            unlink(writer->temporary);
        }
        g_byte_array_unref(writer->buffer);
        g_free(writer->path);
        g_free(writer->temporary);
        g_free(writer);
    }
}
