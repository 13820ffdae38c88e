/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the .npy reader: the header's dictionary, shape arithmetic, types, byte orders. What must hold: an error
 * exactly when nothing comes back; the rows that are promised can all be read, the first row twice the same; what lies
 * beyond cannot.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base.h"
#include "index/index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUMBERS_MAX = 1 << 18 };

static void read_rows(NtNpyReader *reader) {
    uint64_t rows = nt_npy_rows(reader);
    size_t dim = nt_npy_dim(reader);
    g_assert_true(dim <= NT_DIMENSION_MAX && rows <= NT_VECTORS_ROWS_MAX && (dim > 0 || rows == 0));
    float nothing[1];
    g_assert_false(nt_npy_read(reader, rows, 1, nothing, NULL));
    g_assert_true(nt_npy_read(reader, rows, 0, nothing, NULL));
    if (rows == 0 || rows * dim > NUMBERS_MAX) {
        return;
    }
    g_autofree float *all = g_new(float, rows *dim), *first = g_new(float, dim);
    g_assert_true(nt_npy_read(reader, 0, (size_t)rows, all, NULL));
    g_assert_true(nt_npy_read(reader, 0, 1, first, NULL));
    g_assert_true(memcmp(all, first, dim * sizeof(float)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz.npy", MFD_CLOEXEC);
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    g_assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNpyReader) reader = nt_npy_open(path, &error);
    g_assert_true((reader == NULL) == (error != NULL));
    if (reader != NULL) {
        read_rows(reader);
    }
    return 0;
}
