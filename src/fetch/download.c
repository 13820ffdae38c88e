/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One large file, fetched into its place:
 *
 *     lock ──► what is there of it ──► tries (download-try.c) ──► SHA-256 ──► fsync ──► rename
 *              path.part/bytes         bytes are appended         of what is on the disk
 *              path.part/source        of what they are a part: written before the bytes it tells of
 *
 * The lock is on the folder path.part, and a process's end gives it back. Nothing of a part is believed but its ETag,
 * which the host is asked about (RFC 9110, If-Range), and in the end the SHA-256.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/fetch-internal.h"

enum {
    LOOK_AGAIN = 50000, /* microseconds, while waiting for what cannot be waited for otherwise */
    LONGEST_SOURCE = 16 << 10,
    PIECE = 256 << 10,
    SHA256_BYTES = 32,
    FIRST_DELAY = 500,     /* milliseconds */
    LONGEST_DELAY = 30000, /* the same */
};

/* New bytes that make a try count as none: a slow line that breaks again and again is gone on with. */
static const uint64_t gain = 1 << 20;

/* ---- waiting ---- */

static bool pause_for(int64_t microseconds, const NtWait *wait, GError **error) {
    int64_t until = g_get_monotonic_time() + microseconds;
    for (int64_t left; (left = until - g_get_monotonic_time()) > 0;) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        g_usleep((gulong)MIN(left, LOOK_AGAIN));
    }
    return nt_wait_check(wait, error);
}

int nt_folder_lock(const char *folder, const NtWait *wait, GError **error) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        nt_fail_errno(error, errno, "%s", folder);
        return -1;
    }
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int why = errno;
        bool goes_on = why == EWOULDBLOCK || why == EINTR ? pause_for(LOOK_AGAIN, wait, error)
                                                          : nt_fail_errno(error, why, "%s", folder);
        if (!goes_on) {
            close(fd);
            return -1;
        }
    }
    return fd;
}

/* ---- SHA-256 ---- */

static char *sha256_of(int fd, const char *name, const NtWait *wait, GError **error) {
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree uint8_t *piece = g_malloc(PIECE);
    for (off_t at = 0;;) {
        ssize_t got = pread(fd, piece, PIECE, at);
        if (got < 0 && errno != EINTR) {
            nt_fail_errno(error, errno, "%s", name);
            return NULL;
        }
        if (got == 0) {
            return g_strdup(g_checksum_get_string(sum));
        }
        if (!nt_wait_check(wait, error)) {
            return NULL;
        }
        if (got > 0) {
            g_checksum_update(sum, piece, got);
            at += got;
        }
    }
}

char *nt_file_sha256(const char *path, const NtWait *wait, GError **error) {
    int fd = nt_file_open(path, path, error);
    if (fd < 0) {
        return NULL;
    }
    struct stat stat;
    char *digits = NULL;
    if (fstat(fd, &stat) != 0) {
        nt_fail_errno(error, errno, "%s", path);
    } else if (!S_ISREG(stat.st_mode)) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: is no regular file", path);
    } else {
        digits = sha256_of(fd, path, wait, error);
    }
    close(fd);
    return digits;
}

/* ---- what there is ---- */

/* How an address is kept: it may hold a key, as those do that a store of objects signs. */
static char *digest_of(const char *address) { return g_compute_checksum_for_string(G_CHECKSUM_SHA256, address, -1); }

/* Since when the machine runs: bytes that were written before a loss of power may be there as zeros. New text. */
static char *this_boot(void) {
    char *text = NULL;
    return g_file_get_contents("/proc/sys/kernel/random/boot_id", &text, NULL, NULL) ? g_strstrip(text)
                                                                                     : g_strdup("unknown");
}

bool part_begin(Part *part, const char *address, const char *etag, uint64_t total, GError **error) {
    /* The old bytes are gone from the disk before anything there says that they are of something else. */
    if (part->have > 0 && (ftruncate(part->fd, 0) != 0 || fdatasync(part->fd) != 0)) {
        return nt_fail_errno(error, errno, "%s", part->content);
    }
    g_autofree char *kept = g_strdup(etag); /* it may be the part's own */
    part->have = 0;
    part->total = total;
    g_free(part->etag);
    part->etag = g_steal_pointer(&kept);
    g_autofree char *digest = digest_of(address), *boot = this_boot();
    g_autofree char *text = g_strdup_printf("%s\n%s\n%" G_GUINT64_FORMAT "\n%s\n", digest,
                                            part->etag != NULL ? part->etag : "", part->total, boot);
    return nt_file_write(part->source, text, strlen(text), error);
}

/* What the bytes are a part of; a file that says nothing of use leaves it open, and so does one from before the machine
 * was started, where no SHA-256 would show what became of the bytes. */
static void read_source(Part *part, const NtDownload *download) {
    g_autoptr(GBytes) bytes = nt_file_read(part->source, LONGEST_SOURCE, NULL);
    if (bytes == NULL) {
        return;
    }
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    g_autofree char *text = g_strndup(data, size), *digest = digest_of(download->address);
    g_autofree char *boot = this_boot();
    g_auto(GStrv) lines = g_strsplit(text, "\n", 0);
    if (g_strv_length(lines) == 5 && (download->sha256 != NULL || strcmp(lines[3], boot) == 0) &&
        strcmp(lines[0], digest) == 0 && *lines[1] != '\0' &&
        g_ascii_string_to_unsigned(lines[2], 10, 0, INT64_MAX, &part->total, NULL)) {
        part->etag = g_strdup(lines[1]);
    }
}

static bool open_part(Part *part, const char *folder, const NtDownload *download, GError **error) {
    part->content = g_build_filename(folder, "bytes", NULL);
    part->source = g_build_filename(folder, "source", NULL);
    part->fd = open(part->content, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat stat;
    if (part->fd < 0 || fstat(part->fd, &stat) != 0) {
        return nt_fail_errno(error, errno, "%s", part->content);
    }
    part->have = (uint64_t)stat.st_size;
    read_source(part, download);
    bool too_much = (part->total > 0 && part->have > part->total) ||
                    (download->bytes > 0 && part->have > download->bytes) ||
                    (download->most > 0 && part->have > download->most);
    return part->have == 0 || (part->etag != NULL && !too_much) || part_begin(part, download->address, NULL, 0, error);
}

static void close_part(Part *part) {
    if (part->fd >= 0) {
        close(part->fd);
    }
    g_free(part->content);
    g_free(part->source);
    g_free(part->etag);
}

static void remove_part(const Part *part) {
    g_unlink(part->content);
    g_unlink(part->source);
}

/* ---- the whole ---- */

/* How long to wait before the next try, in microseconds: random, up to a bound that doubles. */
static int64_t delay_after(const NtDownload *download, unsigned tries) {
    int64_t most = (int64_t)(download->delay_ms > 0 ? download->delay_ms : FIRST_DELAY) << (tries - 1);
    return (int64_t)(g_random_double() * (double)MIN(most, LONGEST_DELAY) * G_TIME_SPAN_MILLISECOND);
}

/* Tries until the part is whole. */
static bool fill(const NtDownload *download, Part *part, const NtWait *wait, GError **error) {
    uint64_t furthest = part->have;
    for (unsigned tries = 1;; tries++) {
        g_autoptr(GError) fault = NULL;
        int64_t delay = 0;
        TryEnd end = download_try(download, part, wait, &fault, &delay);
        if (end == TRY_DONE) {
            return true;
        }
        if (part->have >= furthest + gain) {
            furthest = part->have;
            tries = 1;
        }
        if (end == TRY_ANEW && !part_begin(part, download->address, NULL, 0, error)) {
            return false;
        }
        if (end == TRY_FAILED || tries >= NT_DOWNLOAD_TRIES) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        if (!pause_for(MAX(delay, delay_after(download, tries)), wait, error)) {
            return false;
        }
    }
}

/* Whether the whole is what it must be; else its bytes are removed. */
static bool verify(const NtDownload *download, const Part *part, const NtWait *wait, char **out, GError **error) {
    g_autofree char *digits = sha256_of(part->fd, part->content, wait, error);
    if (digits == NULL) {
        return false;
    }
    if (download->sha256 != NULL && g_ascii_strcasecmp(digits, download->sha256) != 0) {
        remove_part(part);
        g_autofree char *safe = nt_text_printable(download->address, 200);
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: its SHA-256 is %s, not %s: another file, or damaged; it was thrown away", safe, digits,
                       download->sha256);
    }
    *out = g_steal_pointer(&digits);
    return true;
}

static bool put_in_place(const NtDownload *download, const Part *part, GError **error) {
    if (fsync(part->fd) != 0) {
        return nt_fail_errno(error, errno, "%s", part->content);
    }
    if (g_rename(part->content, download->path) != 0) {
        return nt_fail_errno(error, errno, "%s", download->path);
    }
    g_unlink(part->source);
    return nt_sync_folder_of(download->path, error);
}

/* Under the lock. */
static bool fetch(const NtDownload *download, const char *folder, const NtWait *wait, char **out, GError **error) {
    g_autofree char *there =
        download->sha256 != NULL ? nt_file_sha256(download->path, wait, NULL) : NULL; /* another one is replaced */
    if (there != NULL && g_ascii_strcasecmp(there, download->sha256) == 0) {
        *out = g_steal_pointer(&there);
        return true;
    }
    Part part = {.fd = -1};
    g_autofree char *digits = NULL;
    bool ok = open_part(&part, folder, download, error) && fill(download, &part, wait, error) &&
              verify(download, &part, wait, &digits, error) && put_in_place(download, &part, error);
    close_part(&part);
    *out = ok ? g_steal_pointer(&digits) : NULL;
    return ok;
}

static bool check_request(const NtDownload *download, GError **error) {
    if (download->sha256 != NULL && (strlen(download->sha256) != (size_t)2 * SHA256_BYTES ||
                                     strspn(download->sha256, "0123456789abcdefABCDEF") != (size_t)2 * SHA256_BYTES)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a SHA-256 has 64 hexadecimal digits");
    }
    return nt_fetch_check(download->address, download->allow_private, error);
}

bool nt_download(const NtDownload *download, const NtWait *wait, char **out_sha256, GError **error) {
    g_autofree char *folder = g_strconcat(download->path, ".part", NULL), *digits = NULL;
    if (!check_request(download, error) || !nt_wait_check(wait, error) || !nt_folder_make(folder, error)) {
        return false;
    }
    fetch_begin();
    int lock = nt_folder_lock(folder, wait, error);
    if (lock < 0) {
        return false;
    }
    bool ok = fetch(download, folder, wait, &digits, error);
    close(lock); /* the folder stays: who waits for its lock holds it open */
    if (ok && out_sha256 != NULL) {
        *out_sha256 = g_steal_pointer(&digits);
    }
    return ok;
}
