/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite stands on POSIX record locks, and these belong to the process: closing any descriptor of a file drops the
 * locks that all its connections hold on it (fcntl(2); sqlite.org, "How To Corrupt An SQLite Database File", 2.2).
 * Another process then takes the database for unused, and removes the log from under us. So the databases that are
 * open here are listed, and whatever opens files it did not make itself asks here first.
 */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Database {
    char *shared; /* the path of its shared-memory file, which is locked too */
    unsigned connections;
} Database;

static GMutex lock;
static GHashTable *databases; /* "device:inode" -> Database */

static void free_database(void *at) {
    Database *database = at;
    g_free(database->shared);
    g_free(database);
}

static char *identity(const struct stat *st) {
    return g_strdup_printf("%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
}

char *nt_database_identity(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 ? identity(&st) : NULL;
}

bool nt_database_enter(const char *path, bool (*look)(const char *path, GError **error), bool *out_first,
                       char **out_identity, GError **error) {
    g_mutex_lock(&lock);
    if (databases == NULL) {
        databases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_database);
    }
    char *key = nt_database_identity(path);
    Database *database = key != NULL ? g_hash_table_lookup(databases, key) : NULL;
    *out_first = database == NULL;
    bool ok = database != NULL || look(path, error);
    if (ok && database == NULL && key != NULL) {
        database = g_new0(Database, 1);
        database->shared = g_strconcat(path, "-shm", NULL);
        g_hash_table_insert(databases, g_strdup(key), database);
    }
    if (ok && database != NULL) {
        database->connections++;
        *out_identity = g_steal_pointer(&key);
    }
    g_mutex_unlock(&lock);
    g_free(key);
    return ok;
}

void nt_database_leave(const char *key) {
    g_mutex_lock(&lock);
    Database *database = g_hash_table_lookup(databases, key);
    if (--database->connections == 0) {
        g_hash_table_remove(databases, key);
    }
    g_mutex_unlock(&lock);
}

static bool is_open_here(const struct stat *st) {
    bool found = false;
    g_mutex_lock(&lock);
    if (databases != NULL && g_hash_table_size(databases) > 0) {
        g_autofree char *key = identity(st);
        GHashTableIter iter;
        void *database;
        found = g_hash_table_contains(databases, key);
        g_hash_table_iter_init(&iter, databases);
        while (!found && g_hash_table_iter_next(&iter, NULL, &database)) {
            struct stat shared;
            found = stat(((Database *)database)->shared, &shared) == 0 && shared.st_dev == st->st_dev &&
                    shared.st_ino == st->st_ino;
        }
    }
    g_mutex_unlock(&lock);
    return found;
}

int nt_file_open_at(int folder, const char *name, int flags) {
    struct stat st;
    if (fstatat(folder, name, &st, (flags & O_NOFOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0) == 0 && is_open_here(&st)) {
        errno = EBUSY;
        return -1;
    }
    /* O_NONBLOCK: opening a pipe must not wait for a writer. */
    return openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags);
}

int nt_file_open(const char *path, const char *shown, GError **error) {
    int fd = nt_file_open_at(AT_FDCWD, path, 0);
    if (fd < 0 && errno == EBUSY) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: a file of a catalogue that is open here", shown);
    } else if (fd < 0) {
        nt_fail_errno(error, errno, "%s", shown);
    }
    return fd;
}
