/* SPDX-License-Identifier: Apache-2.0 */
/* Files: whole reads with a ceiling, read-only mappings, and writes that survive power loss. */
#ifndef NT_BASE_FILE_H
#define NT_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Opens a file that somebody else made, for reading. Returns a descriptor, or -1: errno, with EBUSY for a database that
 * is open in this process, which to close once more would unlock (see database-files.c). `flags` are added to O_RDONLY
 * and its like; `folder` is as for openat(). Thread-safe. */
int nt_file_open_at(int folder, const char *name, int flags);
/* The same with an error that names `shown`: NOT_FOUND, INVALID (such a database), IO. */
int nt_file_open(const char *path, const char *shown, GError **error);

/* Counts a connection to a database that is about to be opened; while none is, `look` looks at the file before. Gives
 * whether it is the first, and what to count it out with, new (NULL where there is no such file). Thread-safe. */
bool nt_database_enter(const char *path, bool (*look)(const char *path, GError **error), bool *out_first,
                       char **out_identity, GError **error);
/* Counts it out, after it was closed. */
void nt_database_leave(const char *identity);
/* Which file a path leads to, new; NULL where it leads to none. */
char *nt_database_identity(const char *path);

/* Reads a regular file of at most `limit` bytes. Returns a new reference, or NULL with an error naming the path:
 * NOT_FOUND, LIMIT (larger than `limit`), INVALID (a folder, a device, a pipe), IO. */
GBytes *nt_file_read(const char *path, size_t limit, GError **error);

/* The same from a descriptor that stays the caller's; `name` is for messages. */
GBytes *nt_file_read_fd(int fd, const char *name, size_t limit, GError **error);

/* A file mapped read-only. Shared by readers; the file must not shrink while mapped (niteru's own files never do). */
typedef struct NtMapping {
    const uint8_t *data;
    size_t size; /* bytes */
} NtMapping;

/* Maps the first `size` bytes of `fd`, at least 1. The file may end before: what lies beyond its end must not be
 * touched until it has grown over it. Errors: IO, NO_MEMORY. */
bool nt_mapping_open(int fd, const char *name, size_t size, NtMapping *out, GError **error);
void nt_mapping_clear(NtMapping *mapping);

/* Writes a file so that after power loss either the old or the new content is there: temporary file in the same
 * folder, fsync, rename, fsync of the folder. Errors: NO_SPACE, IO; the old file is untouched on failure. */
bool nt_file_write(const char *path, const void *data, size_t size, GError **error);

/* pwrite in full, going on after short writes and EINTR. */
bool nt_write_all(int fd, const char *name, const void *data, size_t size, uint64_t offset, GError **error);

/* Makes a folder with its parents, each of which, when it is new, is synced into the one that holds it. One that is
 * there is fine. Errors: IO, NO_SPACE. */
bool nt_folder_make(const char *path, GError **error);

/* fsync of the folder that holds `path`, which makes a rename or a new name durable. */
bool nt_sync_folder_of(const char *path, GError **error);

#endif
