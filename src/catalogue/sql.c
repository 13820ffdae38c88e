/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements, transactions, and SQLite's faults in our words.
 *
 * Every SQL text is prepared once per connection and kept in a table. A statement is taken out of the table while it
 * is used and put back when its NtQuery is cleared, so a callback that runs the same SQL simply gets a second copy
 * (which is finalised afterwards) instead of disturbing the first. Conditions make new SQL texts without end, so the
 * table stops growing at STATEMENTS_KEPT.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/statvfs.h>

enum { STATEMENTS_KEPT = 256 };

/* Whether a failed write or a file that cannot be made is for want of room. SQLite does not always keep the errno. */
static bool is_full(const NtCatalogue *catalogue, int system) {
    struct statvfs disk;
    return system == ENOSPC || system == EDQUOT || system == EFBIG ||
           (system == 0 && statvfs(catalogue->folder != NULL ? catalogue->folder : ".", &disk) == 0 &&
            (disk.f_bavail == 0 || (disk.f_files > 0 && disk.f_favail == 0)));
}

bool nt_sql_fail_rc(NtCatalogue *catalogue, int rc, GError **error) {
    const char *text = sqlite3_errstr(rc);
    int system = catalogue->db != NULL ? sqlite3_system_errno(catalogue->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_FULL: return nt_fail(error, NITERU_ERROR_NO_SPACE, "%s: the disk is full", catalogue->path);
    case SQLITE_NOMEM: return nt_fail(error, NITERU_ERROR_NO_MEMORY, "%s: out of memory", catalogue->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return nt_fail(error, NITERU_ERROR_BUSY, "%s: another program holds the database", catalogue->path);
    case SQLITE_CORRUPT:
        return nt_fail(
            error, NITERU_ERROR_CORRUPT,
            "%s: the database is damaged (%s); it was left as it is: run `niteru check` to see how far, then "
            "restore a backup or index into a new catalogue",
            catalogue->path, text);
    case SQLITE_NOTADB:
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a database of niteru; it was left as it is",
                       catalogue->path);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_DATA) {
            return nt_fail(error, NITERU_ERROR_CORRUPT,
                           "%s: the database is damaged (a page does not fit its checksum); it was left as it is: "
                           "restore a backup, or remove the catalogue's folder and index the sources again",
                           catalogue->path);
        }
        /* fall through */
    case SQLITE_CANTOPEN:
        if (is_full(catalogue, system)) {
            return nt_fail(error, NITERU_ERROR_NO_SPACE, "%s: cannot grow: %s", catalogue->path,
                           g_strerror(system != 0 ? system : ENOSPC));
        }
        /* fall through */
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return nt_fail(error, NITERU_ERROR_IO, "%s: %s%s%s", catalogue->path, text, system != 0 ? ": " : "",
                       system != 0 ? g_strerror(system) : "");
    default:
        return nt_fail(error, NITERU_ERROR_FAILED, "%s: %s (%s)", catalogue->path, text,
                       catalogue->db != NULL ? sqlite3_errmsg(catalogue->db) : "no database");
    }
}

bool nt_sql_fail(NtCatalogue *catalogue, GError **error) {
    return nt_sql_fail_rc(catalogue, sqlite3_extended_errcode(catalogue->db), error);
}

static void finalize(void *stmt) { sqlite3_finalize(stmt); }

GHashTable *nt_statements_new(void) { return g_hash_table_new_full(g_str_hash, g_str_equal, NULL, finalize); }

void nt_query_clear(NtQuery *query) {
    if (query->stmt == NULL) {
        return;
    }
    GHashTable *store = query->catalogue->statements;
    const char *sql = sqlite3_sql(query->stmt);
    sqlite3_reset(query->stmt);
    sqlite3_clear_bindings(query->stmt);
    if (g_hash_table_size(store) < STATEMENTS_KEPT && !g_hash_table_contains(store, sql)) {
        g_hash_table_insert(store, (void *)sql, query->stmt); /* the key is the statement's own text */
    } else {
        sqlite3_finalize(query->stmt);
    }
    *query = (NtQuery){0};
}

static bool take(NtQuery *query, NtCatalogue *catalogue, const char *sql, GError **error) {
    *query = (NtQuery){.catalogue = catalogue};
    if (g_hash_table_steal_extended(catalogue->statements, sql, NULL, (void **)&query->stmt)) {
        return true;
    }
    int rc = sqlite3_prepare_v3(catalogue->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    return rc == SQLITE_OK || nt_sql_fail(catalogue, error);
}

static void bind(sqlite3_stmt *stmt, const char *format, va_list args) {
    for (int at = 1; format[at - 1] != '\0'; at++) {
        switch (format[at - 1]) {
        case 'i': sqlite3_bind_int64(stmt, at, va_arg(args, int64_t)); break;
        case 'd': sqlite3_bind_double(stmt, at, va_arg(args, double)); break;
        case 't': sqlite3_bind_text(stmt, at, va_arg(args, const char *), -1, SQLITE_STATIC); break;
        case 'h': sqlite3_bind_blob(stmt, at, va_arg(args, const uint8_t *), 32, SQLITE_STATIC); break;
        case 'x': sqlite3_bind_blob(stmt, at, va_arg(args, const uint8_t *), 16, SQLITE_STATIC); break;
        default: g_assert_not_reached();
        }
    }
}

bool nt_query_open(NtQuery *query, NtCatalogue *catalogue, GError **error, const char *sql, const char *format, ...) {
    if (!take(query, catalogue, sql, error)) {
        return false;
    }
    va_list args;
    va_start(args, format);
    bind(query->stmt, format, args);
    va_end(args);
    return true;
}

int nt_query_step(NtQuery *query, GError **error) {
    int rc = sqlite3_step(query->stmt);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    if (rc == SQLITE_DONE) {
        return 0;
    }
    nt_sql_fail(query->catalogue, error);
    return -1;
}

bool nt_sql_run(NtCatalogue *catalogue, GError **error, const char *sql, const char *format, ...) {
    g_auto(NtQuery) query = {0};
    if (!take(&query, catalogue, sql, error)) {
        return false;
    }
    va_list args;
    va_start(args, format);
    bind(query.stmt, format, args);
    va_end(args);
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
    }
    return step == 0;
}

bool nt_sql_int(NtCatalogue *catalogue, int64_t fallback, int64_t *out, GError **error, const char *sql,
                const char *format, ...) {
    g_auto(NtQuery) query = {0};
    if (!take(&query, catalogue, sql, error)) {
        return false;
    }
    va_list args;
    va_start(args, format);
    bind(query.stmt, format, args);
    va_end(args);
    int step = nt_query_step(&query, error);
    if (step < 0) {
        return false;
    }
    bool null = step == 0 || sqlite3_column_type(query.stmt, 0) == SQLITE_NULL;
    *out = null ? fallback : nt_column_int(&query, 0);
    return true;
}

bool nt_may_write(NtCatalogue *catalogue, GError **error) {
    if (catalogue->read_only) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_assert(!sqlite3_get_autocommit(catalogue->db)); /* a caller that forgot nt_catalogue_begin */
    return true;
}

bool nt_catalogue_begin(NtCatalogue *catalogue, GError **error) {
    if (catalogue->read_only) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_assert(sqlite3_get_autocommit(catalogue->db));
    if (!nt_catalogue_check_whole(catalogue, error) || !nt_sql_run(catalogue, error, "BEGIN IMMEDIATE", "")) {
        return false;
    }
    nt_change_forget(catalogue);
    catalogue->changes_at_begin = sqlite3_total_changes64(catalogue->db);
    return true;
}

bool nt_catalogue_commit(NtCatalogue *catalogue, GError **error) {
    uint64_t count = 0;
    bool changed = sqlite3_total_changes64(catalogue->db) != catalogue->changes_at_begin;
    if ((changed && (!nt_change_write(catalogue, error) || !nt_commits_raise(catalogue, &count, error))) ||
        !nt_sql_run(catalogue, error, "COMMIT", "")) {
        return false;
    }
    nt_change_forget(catalogue);
    if (changed) {
        nt_commits_record(catalogue, count);
    }
    return true;
}

void nt_catalogue_rollback(NtCatalogue *catalogue) {
    /* Some faults (a full disk) have rolled back already; then there is nothing to do. */
    if (!sqlite3_get_autocommit(catalogue->db)) {
        nt_sql_run(catalogue, NULL, "ROLLBACK", "");
    }
    nt_change_forget(catalogue);
    catalogue->fields_version = -1;
}

bool nt_catalogue_begin_reading(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(catalogue, error, "BEGIN DEFERRED", "");
}

void nt_catalogue_end_reading(NtCatalogue *catalogue) {
    if (!sqlite3_get_autocommit(catalogue->db)) {
        nt_sql_run(catalogue, NULL, "COMMIT", "");
    }
}

uint64_t nt_catalogue_pages_read(const NtCatalogue *catalogue) {
    int now = 0, peak = 0;
    sqlite3_db_status(catalogue->db, SQLITE_DBSTATUS_CACHE_MISS, &now, &peak, 0);
    return (uint64_t)now;
}
