/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions. One that writes holds the writers' lock from its beginning to its end, and finds at its beginning
 * whatever other writers did since the last: another layout, another database in this one's place, a writer that was
 * killed in its turn. Its commit is done when SQLite has synced the log and the record beside the database names it.
 *
 * The log. SQLite begins it anew only at a moment when nobody reads from it, and where readers come and go without a
 * pause there is none. So a writer that finds it large after its commit copies all of it into the database: readers
 * that begin then read the database alone, those from before end soon, and the log is cut.
 */
#include "catalogue/catalogue-internal.h"

#include <glib/gstdio.h>

enum {
    LARGE_LOG = 16 * 1024 * 1024,
    LOG_STEP = 8 * 1024 * 1024, /* by so much it grows before cutting it is tried again */
    CUT_PATIENCE = 200,         /* milliseconds to wait for readers from before */
};

bool nt_may_write(NtCatalogue *catalogue, GError **error) {
    if (catalogue->read_only) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_assert(catalogue->sql.writing); /* a caller that forgot nt_catalogue_begin */
    return !sqlite3_get_autocommit(catalogue->sql.db) ||
           nt_sql_fail_rc(&catalogue->sql, catalogue->sql.ended_by, error);
}

bool nt_catalogue_check_in_place(const NtCatalogue *catalogue, GError **error) {
    return nt_is_in_place(catalogue) ||
           nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: was removed or replaced since it was opened; open it anew",
                   catalogue->sql.path);
}

/* Under the lock: what SQLite sees, before anything is written. */
static bool start(NtCatalogue *catalogue, GError **error) {
    return nt_catalogue_check_in_place(catalogue, error) && nt_sql_run(&catalogue->sql, error, "BEGIN IMMEDIATE", "") &&
           nt_schema_refresh(catalogue, error) && nt_catalogue_check_whole(catalogue, error) &&
           (!catalogue->unfinished || nt_schema_quick_check(catalogue, error));
}

bool nt_catalogue_begin_wait(NtCatalogue *catalogue, const NtWait *wait, GError **error) {
    if (catalogue->read_only) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_assert(sqlite3_get_autocommit(catalogue->sql.db));
    if (catalogue->sql.writing) {
        nt_catalogue_rollback(catalogue); /* SQLite has ended the last one by itself */
    }
    if (!nt_lock_take(catalogue, wait, error)) {
        return false;
    }
    int64_t patience = (nt_wait_until(wait, NT_SQL_BUSY_MILLISECONDS * 1000) - g_get_monotonic_time()) / 1000;
    sqlite3_busy_timeout(catalogue->sql.db, (int)CLAMP(patience, 1, NT_SQL_BUSY_MILLISECONDS));
    bool started = start(catalogue, error);
    sqlite3_busy_timeout(catalogue->sql.db, NT_SQL_BUSY_MILLISECONDS);
    if (!started) {
        if (!sqlite3_get_autocommit(catalogue->sql.db)) {
            nt_sql_run(&catalogue->sql, NULL, "ROLLBACK", "");
        }
        nt_lock_release(catalogue, !catalogue->unfinished);
        return false;
    }
    catalogue->sql.writing = true;
    catalogue->sql.ended_by = SQLITE_ABORT_ROLLBACK;
    catalogue->changes_at_begin = sqlite3_total_changes64(catalogue->sql.db);
    return true;
}

bool nt_catalogue_begin(NtCatalogue *catalogue, GError **error) {
    return nt_catalogue_begin_wait(catalogue, NULL, error);
}

static int64_t log_size(const NtCatalogue *catalogue) {
    g_autofree char *path = g_strconcat(catalogue->sql.path, "-wal", NULL);
    GStatBuf st;
    return g_stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

/* What it cannot do now the next commit does; the transaction is safe either way. */
static void bound_log(NtCatalogue *catalogue) {
    int64_t size = log_size(catalogue);
    if (size < LARGE_LOG) {
        catalogue->log_tried = 0;
    } else if (size >= catalogue->log_tried + LOG_STEP) {
        sqlite3_busy_timeout(catalogue->sql.db, CUT_PATIENCE);
        int rc = sqlite3_wal_checkpoint_v2(catalogue->sql.db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sqlite3_busy_timeout(catalogue->sql.db, NT_SQL_BUSY_MILLISECONDS);
        catalogue->log_tried = rc == SQLITE_OK ? 0 : size;
    }
}

static void end(NtCatalogue *catalogue) {
    nt_change_forget(catalogue);
    nt_words_forget(catalogue);
    if (catalogue->sql.writing) {
        nt_lock_release(catalogue, true);
    }
    catalogue->sql.writing = false;
}

bool nt_catalogue_commit(NtCatalogue *catalogue, GError **error) {
    uint64_t count = 0;
    if (!nt_may_write(catalogue, error)) {
        return false;
    }
    bool changed = sqlite3_total_changes64(catalogue->sql.db) != catalogue->changes_at_begin;
    if ((changed && (!nt_words_write(catalogue, error) || !nt_change_write(catalogue, error) ||
                     !nt_commits_raise(catalogue, &count, error))) ||
        !nt_sql_run(&catalogue->sql, error, "COMMIT", "")) {
        return false;
    }
    if (changed) {
        nt_commits_record(catalogue, count);
        bound_log(catalogue);
    }
    end(catalogue);
    return true;
}

void nt_catalogue_rollback(NtCatalogue *catalogue) {
    /* Some faults (a full disk) have rolled back already; then there is nothing to do. */
    if (!sqlite3_get_autocommit(catalogue->sql.db)) {
        nt_sql_run(&catalogue->sql, NULL, "ROLLBACK", "");
    }
    catalogue->fields_version = -1;
    end(catalogue);
}

bool nt_catalogue_begin_reading(NtCatalogue *catalogue, GError **error) {
    if (!nt_sql_run(&catalogue->sql, error, "BEGIN DEFERRED", "")) {
        return false;
    }
    if (!nt_schema_refresh(catalogue, error)) {
        nt_catalogue_end_reading(catalogue);
        return false;
    }
    return true;
}

void nt_catalogue_end_reading(NtCatalogue *catalogue) {
    if (!sqlite3_get_autocommit(catalogue->sql.db)) {
        nt_sql_run(&catalogue->sql, NULL, "COMMIT", "");
    }
}
