/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

GBytes *nt_file_read_fd(int fd, const char *name, size_t limit, GError **error) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        nt_fail_errno(error, errno, "%s", name);
        return NULL;
    }
    if (!S_ISREG(st.st_mode)) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: not a regular file", name);
        return NULL;
    }
    if ((uint64_t)st.st_size > limit) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%s: %" G_GINT64_FORMAT " bytes, over the limit of %zu", name,
                (gint64)st.st_size, limit);
        return NULL;
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = nt_alloc(size, 1, name, error);
    if (data == NULL) {
        return NULL;
    }
    size_t at = 0;
    while (at < size) {
        ssize_t got = pread(fd, data + at, size - at, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            nt_fail_errno(error, errno, "%s", name);
            nt_free(data);
            return NULL;
        }
        if (got == 0) {
            break; /* the file became shorter while being read; the reader of its format says what is missing */
        }
        at += (size_t)got;
    }
    return g_bytes_new_with_free_func(data, at, nt_free, data);
}

GBytes *nt_file_read(const char *path, size_t limit, GError **error) {
    int fd = nt_file_open(path, path, error);
    if (fd < 0) {
        return NULL;
    }
    GBytes *bytes = nt_file_read_fd(fd, path, limit, error);
    close(fd);
    return bytes;
}

bool nt_mapping_open(int fd, const char *name, size_t size, NtMapping *out, GError **error) {
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        return nt_fail_errno(error, errno, "%s: cannot be mapped", name);
    }
    *out = (NtMapping){.data = data, .size = size};
    return true;
}

void nt_mapping_clear(NtMapping *mapping) {
    if (mapping->data != NULL) {
        munmap((void *)mapping->data, mapping->size);
    }
    *mapping = (NtMapping){0};
}

bool nt_write_all(int fd, const char *name, const void *data, size_t size, uint64_t offset, GError **error) {
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t put = pwrite(fd, at, size, (off_t)offset);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return nt_fail_errno(error, put == 0 ? EIO : errno, "%s: cannot be written", name);
        }
        at += put;
        size -= (size_t)put;
        offset += (uint64_t)put;
    }
    return true;
}

bool nt_sync_folder_of(const char *path, GError **error) {
    g_autofree char *folder = g_path_get_dirname(path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s", folder);
    }
    int rc = fsync(fd);
    int saved = errno;
    close(fd);
    return rc == 0 || saved == EINVAL || nt_fail_errno(error, saved, "%s: cannot be synced", folder);
}

bool nt_folder_make(const char *path, GError **error) {
    if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
        return true;
    }
    g_autofree char *parent = g_path_get_dirname(path);
    if (g_strcmp0(parent, path) != 0 && !nt_folder_make(parent, error)) {
        return false;
    }
    if (mkdir(path, 0777) != 0) {
        int saved = errno;
        return (saved == EEXIST && g_file_test(path, G_FILE_TEST_IS_DIR)) ||
               nt_fail_errno(error, saved, "%s: cannot be made", path);
    }
    return nt_sync_folder_of(path, error);
}

bool nt_file_write(const char *path, const void *data, size_t size, GError **error) {
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX", path);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0644);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s: cannot be written", path);
    }
    bool ok = nt_write_all(fd, path, data, size, 0, error);
    if (ok && fsync(fd) != 0) {
        ok = nt_fail_errno(error, errno, "%s: cannot be synced", path);
    }
    if (close(fd) != 0 && ok) {
        ok = nt_fail_errno(error, errno, "%s: cannot be closed", path);
    }
    if (ok && rename(temporary, path) != 0) {
        ok = nt_fail_errno(error, errno, "%s: cannot be put in place", path);
    }
    if (!ok) {
        unlink(temporary);
        return false;
    }
    return nt_sync_folder_of(path, error);
}
