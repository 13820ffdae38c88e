/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder that appears at its place whole or not at all: it is filled beside its place, synced, and renamed. Where the
 * maker is killed the folder stays under the other name, from where the next maker for the same place removes it; a
 * lock on it, which the kernel lets go of with the process, tells whether its maker lives.
 *
 * All is synced at once with syncfs(), which reports faults of writing since Linux 5.8, because an fsync of each of
 * 100,000 small files would take longer than copying them.
 */
#include "shop/backup-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 4 /* folders in a folder: a catalogue has two */, COPY_BYTES = 256 * 1024 };

/* ---- files ---- */

static bool copy_bytes(int from, int to, const char *path, const NtWait *wait, uint64_t *out_bytes, GError **error) {
    g_autofree uint8_t *block = g_malloc(COPY_BYTES);
    uint64_t at = 0;
    while (nt_wait_check(wait, error)) {
        ssize_t got = pread(from, block, COPY_BYTES, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return nt_fail_errno(error, errno, "%s", path);
        }
        if (got == 0) {
            *out_bytes = at;
            return true;
        }
        if (!nt_write_all(to, path, block, (size_t)got, at, error)) {
            return false;
        }
        at += (uint64_t)got;
    }
    return false;
}

bool nt_file_copy(const char *from, const char *to, const NtWait *wait, uint64_t *out_bytes, GError **error) {
    struct stat st;
    uint64_t bytes = 0;
    int source = nt_file_open(from, from, error);
    if (source < 0) {
        return false;
    }
    if (fstat(source, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(source);
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: not a regular file", from);
    }
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, st.st_mode & 0777);
    bool ok = target >= 0 ? copy_bytes(source, target, to, wait, &bytes, error)
                          : nt_fail_errno(error, errno, "%s: cannot be written", to);
    close(source);
    if (target >= 0 && close(target) != 0 && ok) {
        ok = nt_fail_errno(error, errno, "%s: cannot be written", to);
    }
    if (ok && out_bytes != NULL) {
        *out_bytes = bytes;
    }
    return ok;
}

/* ---- the folder ---- */

bool nt_place_is_free(const char *place) {
    GStatBuf st;
    if (g_lstat(place, &st) != 0) {
        return errno == ENOENT;
    }
    g_autoptr(GDir) dir = S_ISDIR(st.st_mode) ? g_dir_open(place, 0, NULL) : NULL;
    return dir != NULL && g_dir_read_name(dir) == NULL;
}

/* Removes what is in a folder; links are removed and never followed. */
static void empty_folder(int fd, unsigned depth) {
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own >= 0 ? fdopendir(own) : NULL;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0 || depth >= DEEPEST) {
            continue;
        }
        int inner = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (inner >= 0) {
            empty_folder(inner, depth + 1);
            close(inner);
            unlinkat(fd, name, AT_REMOVEDIR);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    } else if (own >= 0) {
        close(own);
    }
}

/* Opens and locks the folder at `path`. *out_fd is -1 where it was removed meanwhile. */
static bool hold(const char *path, int *out_fd, GError **error) {
    struct stat held, there;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *out_fd = -1;
    if (fd < 0) {
        return errno == ENOENT || nt_fail_errno(error, errno, "%s: is in the way", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return nt_fail(error, NITERU_ERROR_BUSY, "%s: another process is filling it", path);
    }
    if (fstat(fd, &held) != 0 || lstat(path, &there) != 0 || held.st_ino != there.st_ino) {
        close(fd);
        return nt_fail(error, NITERU_ERROR_BUSY, "%s: another process has just removed it", path);
    }
    *out_fd = fd;
    return true;
}

bool nt_fresh_folder_make(const char *place, FreshFolder *out, GError **error) {
    g_autofree char *absolute = g_canonicalize_filename(place, NULL);
    g_autofree char *path = g_strconcat(absolute, ".niteru-unfinished", NULL), *parent = g_path_get_dirname(absolute);
    int fd = -1;
    if (!nt_folder_make(parent, error)) {
        return false;
    }
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        return nt_fail_errno(error, errno, "%s: cannot be made", path);
    }
    if (!hold(path, &fd, error)) {
        return false;
    }
    if (fd < 0 || fchmod(fd, 0700) != 0) {
        int saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        return nt_fail_errno(error, saved, "%s", path);
    }
    if (!made) {
        empty_folder(fd, 0);
    }
    *out = (FreshFolder){.place = g_steal_pointer(&absolute), .path = g_steal_pointer(&path), .fd = fd};
    return true;
}

static bool sync_all(const FreshFolder *folder, GError **error) {
    return syncfs(folder->fd) == 0 || nt_fail_errno(error, errno, "%s: cannot be synced", folder->path);
}

static void placed(FreshFolder *folder) { g_clear_pointer(&folder->path, g_free); }

bool nt_fresh_folder_place(FreshFolder *folder, GError **error) {
    if (!sync_all(folder, error)) {
        return false;
    }
    if (rename(folder->path, folder->place) != 0) { /* an empty folder gives way, all else does not */
        int saved = errno;
        return saved == ENOTEMPTY || saved == EEXIST || saved == ENOTDIR
                   ? nt_fail(error, NITERU_ERROR_INVALID, "%s: there is something already", folder->place)
                   : nt_fail_errno(error, saved, "%s: cannot be put in place", folder->place);
    }
    placed(folder);
    return nt_sync_folder_of(folder->place, error);
}

/* The two change places in one step where the file system can, so that there is a folder at every moment. By then the
 * new one has the name of what is moved aside: what was there before never has the name of an unfinished folder, which
 * the next maker would remove. */
static bool change_places(const FreshFolder *folder, const char *aside, GError **error) {
    if (rename(folder->path, aside) != 0) {
        return nt_fail_errno(error, errno, "%s: cannot be made", aside);
    }
    if (renameat2(AT_FDCWD, aside, AT_FDCWD, folder->place, RENAME_EXCHANGE) == 0) {
        return true;
    }
    int fault = errno;
    if (rename(aside, folder->path) != 0 || (fault != EINVAL && fault != ENOSYS)) {
        return nt_fail_errno(error, fault, "%s: cannot be put in place", folder->place);
    }
    if (rename(folder->place, aside) != 0) {
        return nt_fail_errno(error, errno, "%s: cannot be moved aside", folder->place);
    }
    if (rename(folder->path, folder->place) != 0) {
        int saved = errno;
        return rename(aside, folder->place) == 0
                   ? nt_fail_errno(error, saved, "%s: cannot be put in place", folder->place)
                   : nt_fail_errno(error, saved, "%s: cannot be put in place, and what was there is %s", folder->place,
                                   aside);
    }
    return true;
}

/* A name beside the place that nothing has; new. */
static char *name_aside(const char *place) {
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y%m%dT%H%M%SZ");
    char *name = g_strdup_printf("%s.replaced-%s", place, time);
    for (unsigned i = 2; g_file_test(name, G_FILE_TEST_EXISTS); i++) {
        g_free(name);
        name = g_strdup_printf("%s.replaced-%s-%u", place, time, i);
    }
    return name;
}

bool nt_fresh_folder_replace(FreshFolder *folder, char **out_aside, GError **error) {
    struct stat st;
    g_autofree char *aside = name_aside(folder->place);
    if (stat(folder->place, &st) == 0 && fchmod(folder->fd, st.st_mode & 07777) != 0) {
        return nt_fail_errno(error, errno, "%s", folder->path);
    }
    if (!sync_all(folder, error) || !change_places(folder, aside, error)) {
        return false;
    }
    placed(folder);
    *out_aside = g_steal_pointer(&aside);
    return nt_sync_folder_of(folder->place, error);
}

void nt_fresh_folder_clear(FreshFolder *folder) {
    if (folder->path != NULL) {
        empty_folder(folder->fd, 0);
        rmdir(folder->path);
    }
    if (folder->place != NULL) {
        close(folder->fd);
    }
    g_clear_pointer(&folder->path, g_free);
    g_clear_pointer(&folder->place, g_free);
}
