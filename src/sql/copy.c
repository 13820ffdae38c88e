/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A database copied while others write. SQLite's backup reads through a connection that is in a read transaction, and
 * so copies one state, however long it takes; a backup of a connection that is not would begin anew with every commit.
 *
 * The copy is written through the layer of page checksums (page-checksum.c), which learns from a file's first page
 * whether it has any. SQLite may write other pages before that one. A page that it read from the log has at its end the
 * checksum from before the change, and written as it is would be taken for damaged. So the first page is there, and
 * says that checksums are wanted, before copying begins.
 */
#include "sql/sql.h"

enum { STEP_PAGES = 256 };

static bool open_copy(NtSql *to, int identity, GError **error) {
    int reserved = NT_PAGE_CHECKSUM_BYTES;
    int rc = sqlite3_open_v2(to->path, &to->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    if (rc == SQLITE_OK && identity != NT_IDENTITY) {
        rc = sqlite3_file_control(to->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    }
    if (rc != SQLITE_OK) {
        return nt_sql_fail_rc(to, rc, error);
    }
    sqlite3_extended_result_codes(to->db, 1);
    g_autofree char *first = g_strdup_printf("PRAGMA synchronous=OFF; PRAGMA application_id=%d", identity);
    return sqlite3_exec(to->db, first, NULL, NULL, NULL) == SQLITE_OK || nt_sql_fail(to, error);
}

/* Whose fault it is: a page that does not fit its checksum was read, all else was met in writing. */
static bool fail_copying(NtSql *from, NtSql *to, int rc, GError **error) {
    bool read = (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_IOERR_DATA || (rc & 0xff) == SQLITE_BUSY;
    return nt_sql_fail_rc(read ? from : to, rc, error);
}

static bool copy_pages(NtSql *from, NtSql *to, NtSqlTell *tell, void *data, GError **error) {
    int64_t size = 0;
    if (!nt_sql_int(from, 4096, &size, error, "PRAGMA page_size", "")) {
        return false;
    }
    sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", from->db, "main");
    if (backup == NULL) {
        return nt_sql_fail(to, error);
    }
    int rc;
    bool going = true;
    while (going && (rc = sqlite3_backup_step(backup, STEP_PAGES)) == SQLITE_OK) {
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(backup) * (uint64_t)size;
        going = tell(total - (uint64_t)sqlite3_backup_remaining(backup) * (uint64_t)size, total, data, error);
    }
    sqlite3_backup_finish(backup);
    return going && (rc == SQLITE_DONE || fail_copying(from, to, rc, error));
}

/* Its header was copied too, and says that there is a log. */
static bool leave_log(NtSql *to, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, to, error, "PRAGMA journal_mode=DELETE", "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    return g_strcmp0(nt_column_text(&query, 0), "delete") == 0 ||
           nt_fail(error, NITERU_ERROR_IO, "%s: cannot be closed as one file", to->path);
}

bool nt_sql_copy(NtSql *from, const char *path, int identity, NtSqlTell *tell, void *data, GError **error) {
    g_assert(!sqlite3_get_autocommit(from->db)); /* a caller that forgot to begin a transaction */
    NtSql to = {.path = (char *)path, .remedy = from->remedy, .statements = nt_statements_new()};
    bool ok = open_copy(&to, identity, error) && copy_pages(from, &to, tell, data, error) && leave_log(&to, error);
    nt_statements_free(to.statements);
    sqlite3_close(to.db);
    return ok;
}
