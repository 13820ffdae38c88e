/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: who changed what, a JSON object a line in audit.jsonl of the catalogue's folder. It is only appended
 * to; when it has MOST_BYTES it becomes audit.1.jsonl, in whose place it is, and another begins. Several processes
 * write it: each line is written in one call under a lock on the file, after a look whether the file is still the one
 * of that name. A line is with the kernel before the answer goes out, so it survives the death of the process; it is
 * not synced, so a power cut may take the last ones.
 *
 * A reader goes on behind the place that it was told: the inode of a file and an offset in it, both of which a change
 * of its name leaves as they are.
 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_BYTES = 16 << 20,
    MOST_LINE = 256 << 10,
    MOST_VALUE = 4096,
    USUAL_ENTRIES = 100,
    MOST_ENTRIES = 1000,
    MOST_READ = 64 << 20
};

#define NEWEST "audit.jsonl"
#define OLDER "audit.1.jsonl"

/* ---- writing ---- */

static bool is_there(int fd, const char *path, struct stat *out) {
    struct stat there;
    return fstat(fd, out) == 0 && stat(path, &there) == 0 && out->st_dev == there.st_dev && out->st_ino == there.st_ino;
}

/* The file, locked, with room in it; -1 with an error. */
static int open_newest(const char *folder, const char *path, GError **error) {
    while (true) {
        struct stat st;
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0 || (flock(fd, LOCK_EX) != 0 && errno == EINTR)) {
            if (fd < 0) {
                nt_fail_errno(error, errno, "%s: cannot be written", path);
                return -1;
            }
            close(fd);
            continue;
        }
        if (is_there(fd, path, &st)) {
            if (st.st_size < MOST_BYTES) {
                return fd;
            }
            g_autofree char *older = g_build_filename(folder, OLDER, NULL);
            if (rename(path, older) != 0) {
                nt_fail_errno(error, errno, "%s: cannot be put aside", path);
                close(fd);
                return -1;
            }
        }
        close(fd);
    }
}

bool nt_audit_append(const char *folder, const NtJson *entry, GError **error) {
    g_autofree char *path = g_build_filename(folder, NEWEST, NULL), *text = nt_json_print(entry, false);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    size_t size = strlen(line);
    if (size > MOST_LINE) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: an entry of %zu bytes", path, size);
    }
    int fd = open_newest(folder, path, error);
    if (fd < 0) {
        return false;
    }
    ssize_t put;
    while ((put = write(fd, line, size)) < 0 && errno == EINTR) {
    }
    int saved = put < 0 ? errno : ENOSPC; /* a short write: the rest did not fit */
    if (put > 0 && put < (ssize_t)size && write(fd, "\n", 1) < 0) {
        saved = ENOSPC; /* what is there of it spoils the next line too */
    }
    close(fd);
    return put == (ssize_t)size || nt_fail_errno(error, saved, "%s: cannot be written", path);
}

char *nt_audit_time(int64_t microseconds) {
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(microseconds / G_USEC_PER_SEC);
    g_autofree char *seconds = time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : g_strdup("");
    return g_strdup_printf("%s.%03dZ", seconds, (int)(microseconds % G_USEC_PER_SEC / 1000));
}

NtJson *nt_audit_entry(const char *operation) {
    g_autofree char *time = nt_audit_time(g_get_real_time());
    NtJson *entry = nt_json_set(nt_json_object(), "time", nt_json_string(time));
    return nt_json_set(entry, "operation", nt_json_string(operation));
}

/* An entry of this process's user; `state` may be NULL. */
static NtJson *command_entry(const char *operation, const char *name, const char *value, const char *state) {
    NtJson *entry = nt_audit_entry(operation);
    NtJson *who = nt_json_set(nt_json_object(), "by", nt_json_string("command"));
    nt_json_set(entry, "who", nt_json_set(who, "user", nt_json_integer((int64_t)getuid())));
    if (name != NULL) {
        g_autofree char *safe = nt_text_printable(value != NULL ? value : "", MOST_VALUE);
        nt_json_set(entry, name, nt_json_string(safe));
    }
    return state != NULL ? nt_json_set(entry, "state", nt_json_string(state)) : entry;
}

void nt_audit_command(const char *folder, const char *operation, const char *name, const char *value) {
    g_autoptr(NtJson) entry = command_entry(operation, name, value, NULL);
    nt_audit_append(folder, entry, NULL); /* what was done is done, also where that cannot be written down */
}

bool niteru_audit_note(NiteruCatalogue *catalogue, const char *operation, const char *name, const char *value,
                       bool done, GError **error) {
    g_autoptr(NtJson) entry = command_entry(operation, name, value, done ? "done" : "failed");
    return nt_audit_append(catalogue->folder, entry, error);
}

/* ---- reading ---- */

typedef struct Reading {
    const char *since;      /* as times are written; NULL: all */
    const char *product;    /* NULL: all */
    uint64_t inode, offset; /* behind which to begin; inode 0: at the beginning */
    size_t limit;
    NtJson *entries;
    unsigned damaged;
    char *next; /* NULL: all was read */
} Reading;

static bool is_wanted(const Reading *reading, const NtJson *entry) {
    const NtJson *products = nt_json_get(entry, "products");
    if (reading->since != NULL && strcmp(nt_json_text(nt_json_get(entry, "time"), ""), reading->since) < 0) {
        return false;
    }
    bool found = reading->product == NULL;
    for (size_t i = 0; !found && i < nt_json_count(products); i++) {
        found = strcmp(nt_json_text(nt_json_at(products, i), ""), reading->product) == 0;
    }
    return found;
}

/* Lines from an offset on; what has no end yet is being written. False: there are enough. */
static bool read_lines(Reading *reading, uint64_t inode, const char *text, size_t size, size_t at) {
    for (const char *end; at < size && (end = memchr(text + at, '\n', size - at)) != NULL;) {
        if (nt_json_count(reading->entries) >= reading->limit) {
            reading->next = g_strdup_printf("%" G_GUINT64_FORMAT ".%zu", inode, at);
            return false;
        }
        size_t length = (size_t)(end - text) - at;
        g_autoptr(NtJson) entry = nt_json_parse(text + at, length, "", NULL, NULL);
        if (entry != NULL && nt_json_type(entry) == NT_JSON_OBJECT) {
            if (is_wanted(reading, entry)) {
                nt_json_append(reading->entries, nt_json_ref(entry));
            }
        } else if (length > 0) {
            reading->damaged++;
        }
        at += length + 1;
    }
    return true;
}

/* Whether to go on with the next file. */
static bool read_file(Reading *reading, int fd, const struct stat *st, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read_fd(fd, NEWEST, MOST_READ, error);
    if (bytes == NULL) {
        return false;
    }
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    size_t at = reading->inode == (uint64_t)st->st_ino ? (size_t)MIN(reading->offset, size) : 0;
    return read_lines(reading, (uint64_t)st->st_ino, text, size, at);
}

static int open_one(const char *folder, const char *name, struct stat *out, GError **error) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, out) == 0) {
        return fd;
    }
    if (errno != ENOENT) {
        nt_fail_errno(error, errno, "%s", path);
    }
    return -1;
}

/* The older file first, unless the place to begin at is in the newer one. */
static bool read_all(Reading *reading, const char *folder, GError **error) {
    struct stat newest, older;
    g_autoptr(GError) fault = NULL;
    int second = open_one(folder, NEWEST, &newest, &fault);
    int first = fault == NULL ? open_one(folder, OLDER, &older, &fault) : -1;
    bool past = second >= 0 && reading->inode == (uint64_t)newest.st_ino;
    bool same = first >= 0 && second >= 0 && older.st_ino == newest.st_ino; /* it was put aside in between */
    bool more = fault == NULL;
    if (more && first >= 0 && !past && !same) {
        more = read_file(reading, first, &older, &fault);
    }
    if (more && second >= 0) {
        read_file(reading, second, &newest, &fault);
    }
    if (first >= 0) {
        close(first);
    }
    if (second >= 0) {
        close(second);
    }
    if (fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    return true;
}

static bool read_place(const char *after, Reading *out, GError **error) {
    char rest;
    if (after == NULL ||
        sscanf(after, "%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT "%c", &out->inode, &out->offset, &rest) == 2) {
        return true;
    }
    nt_fail(error, NITERU_ERROR_INVALID, "after: must be what an answer before had as next");
    return nt_fact(error, "parameter", "after");
}

/* "2026-11-27" or a moment of RFC 3339, as the entries have it; new. */
static char *read_moment(const char *since, GError **error) {
    g_autofree char *whole = strlen(since) == 10 ? g_strconcat(since, "T00:00:00Z", NULL) : g_strdup(since);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(whole, utc);
    if (time != NULL) {
        return nt_audit_time(g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time));
    }
    nt_fail(error, NITERU_ERROR_INVALID, "since: '%s' is no moment such as 2026-11-27 or 2026-11-27T09:30:00Z", since);
    nt_fact(error, "parameter", "since");
    return NULL;
}

char *niteru_audit_json(NiteruCatalogue *catalogue, const NiteruAuditOptions *given, GError **error) {
    NiteruAuditOptions options;
    if (!NT_OPTIONS_READ(NiteruAuditOptions, &options, given, error)) {
        return NULL;
    }
    g_autofree char *since = options.since != NULL ? read_moment(options.since, error) : NULL;
    Reading reading = {.since = since, .product = options.product};
    if ((options.since != NULL && since == NULL) || !read_place(options.after, &reading, error)) {
        return NULL;
    }
    reading.limit = options.limit == 0 ? USUAL_ENTRIES : MIN(options.limit, MOST_ENTRIES);
    reading.entries = nt_json_array();
    g_autoptr(NtJson) out = nt_json_set(nt_json_object(), "entries", reading.entries);
    if (!read_all(&reading, catalogue->folder, error)) {
        return NULL;
    }
    nt_json_set(out, "damaged", nt_json_integer(reading.damaged));
    if (reading.next != NULL) {
        nt_json_set(out, "next", nt_json_string(reading.next));
        g_free(reading.next);
    }
    return nt_json_print(out, false);
}
