/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which commit was the last, kept beside the database. SQLite ends its log at the first frame that does not fit its
 * checksum, because that is what a torn commit looks like; a flipped bit looks the same and takes every commit after
 * it along, without a word. So each commit raises a counter in the database, and the file catalogue.commits holds what
 * it was raised to. A database whose counter is behind the file's has lost commits.
 *
 * The order keeps false alarms out. The record is written after COMMIT returned, and with synchronous=FULL that is
 * after the log was synced: whatever the record says is on disk, however little of the record itself is, so it may be
 * behind the database but never ahead. It is not synced. It is 24 bytes in one sector, written in one call. A reader
 * reads the record first and the database after it, so that a commit between the two cannot look like a loss.
 *
 *     0  8  "NITERUC\0"      8  8  u64, the counter      16  8  XXH3-64 of bytes 0 to 15      (little-endian)
 *
 * Found is what is gone at the end of the log; that a checkpoint was folding in at the very time of a kill is not, when
 * it had come past the page of the counter.
 */
#include "catalogue/catalogue-internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_BYTES = 24 };

static const uint8_t magic[8] = "NITERUC";

static void make_record(uint64_t count, uint8_t out[RECORD_BYTES]) {
    uint64_t little = GUINT64_TO_LE(count);
    memcpy(out, magic, sizeof magic);
    memcpy(out + 8, &little, sizeof little);
    uint64_t digest = GUINT64_TO_LE(nt_xxh3(out, 16, 0));
    memcpy(out + 16, &digest, sizeof digest);
}

static NtRecordState read_record(const NtCatalogue *catalogue, uint64_t *out_count) {
    g_autofree char *path = nt_catalogue_path(catalogue, NULL, NT_COMMITS_FILE);
    uint8_t bytes[RECORD_BYTES + 1], expected[RECORD_BYTES];
    *out_count = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
    ssize_t got = fd >= 0 ? pread(fd, bytes, sizeof bytes, 0) : 0;
    if (fd >= 0) {
        close(fd);
    }
    static const uint8_t zeros[RECORD_BYTES];
    if (got == 0 || (got == RECORD_BYTES && memcmp(bytes, zeros, RECORD_BYTES) == 0)) {
        return NT_RECORD_NONE; /* as a power cut leaves a file that was just made */
    }
    uint64_t little = 0;
    if (got == RECORD_BYTES) {
        memcpy(&little, bytes + 8, sizeof little);
    }
    make_record(GUINT64_FROM_LE(little), expected);
    if (got != RECORD_BYTES || memcmp(bytes, expected, RECORD_BYTES) != 0) {
        return NT_RECORD_DAMAGED;
    }
    *out_count = GUINT64_FROM_LE(little);
    return NT_RECORD_GOOD;
}

void nt_commits_look(NtCatalogue *catalogue) { catalogue->record_state = read_record(catalogue, &catalogue->recorded); }

bool nt_commits_compare(NtCatalogue *catalogue, GError **error) {
    int64_t count = 0;
    catalogue->lost = 0;
    if (!nt_has_makers(catalogue)) {
        return true; /* an old layout counts nothing */
    }
    if (!nt_sql_int(&catalogue->sql, 0, &count, error, "SELECT value FROM meta WHERE key = 'commits'", "")) {
        return false;
    }
    if (catalogue->record_state == NT_RECORD_GOOD && catalogue->recorded > (uint64_t)MAX(count, 0)) {
        catalogue->lost = catalogue->recorded - (uint64_t)MAX(count, 0);
    }
    return true;
}

bool nt_commits_raise(NtCatalogue *catalogue, uint64_t *out_count, GError **error) {
    int64_t count = 0;
    if (!nt_sql_run(&catalogue->sql, error, "UPDATE meta SET value = value + 1 WHERE key = 'commits'", "") ||
        !nt_sql_int(&catalogue->sql, 0, &count, error, "SELECT value FROM meta WHERE key = 'commits'", "")) {
        return false;
    }
    *out_count = (uint64_t)count;
    return true;
}

void nt_commits_record(NtCatalogue *catalogue, uint64_t count) {
    if (catalogue->record_fd < 0) {
        g_autofree char *path = nt_catalogue_path(catalogue, NULL, NT_COMMITS_FILE);
        catalogue->record_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0666);
    }
    uint8_t record[RECORD_BYTES];
    make_record(count, record);
    bool written = catalogue->record_fd >= 0 &&
                   pwrite(catalogue->record_fd, record, sizeof record, 0) == (ssize_t)sizeof record &&
                   (catalogue->record_state == NT_RECORD_GOOD || ftruncate(catalogue->record_fd, RECORD_BYTES) == 0);
    /* Where it cannot be written it stays behind, and that is allowed. */
    catalogue->record_state = written ? NT_RECORD_GOOD : catalogue->record_state;
}

bool nt_catalogue_check_whole(NtCatalogue *catalogue, GError **error) {
    if (catalogue->lost > 0) { /* a writer may have gone on meanwhile */
        nt_commits_look(catalogue);
        if (!nt_commits_compare(catalogue, error)) {
            return false;
        }
    }
    if (catalogue->lost > 0) {
        nt_fail(error, NITERU_ERROR_CORRUPT,
                "%s: the last %" G_GUINT64_FORMAT " commits are lost: its log (catalogue.db-wal) was damaged or "
                "removed, or an older file was put in place; index the sources again, which goes on from what is left",
                catalogue->sql.path, catalogue->lost);
        return nt_fact(error, "remedy", "index");
    }
    return true;
}

char *nt_catalogue_accept_loss(NtCatalogue *catalogue) {
    g_autoptr(GError) fault = NULL;
    if (nt_catalogue_check_whole(catalogue, &fault) || catalogue->lost == 0) {
        return NULL;
    }
    catalogue->lost = 0;
    return g_strdup_printf("%s: the last commits before this run were lost with a damaged or removed log, and are made "
                           "again for what is indexed or imported again",
                           catalogue->sql.path);
}

bool nt_catalogue_record_damaged(NtCatalogue *catalogue) {
    if (catalogue->record_state == NT_RECORD_DAMAGED) { /* as above */
        nt_commits_look(catalogue);
    }
    return catalogue->record_state == NT_RECORD_DAMAGED;
}
