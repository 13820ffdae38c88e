/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements, and SQLite's faults in our words.
 *
 * SQL texts are prepared once per connection and kept in a store. A statement is taken out of the store while it is
 * used and put back when its NtQuery is cleared, so a callback that runs the same SQL simply gets a second copy (which
 * is finalised afterwards) instead of disturbing the first. Conditions make new SQL texts without end, so the store
 * keeps the STATEMENTS_KEPT that were used last.
 */
#include "sql/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/statvfs.h>

enum { STATEMENTS_KEPT = 64, STEPS_UNWATCHED = 20000 /* of SQLite's machine: about a millisecond */ };

struct NtStatements {
    GHashTable *by_text; /* SQL text, the statement's own -> its link in `order` */
    GQueue order;        /* sqlite3_stmt *, the one used last first */
};

/* Whether a failed write or a file that cannot be made is for want of room. SQLite does not always keep the errno. */
static bool is_full(const NtSql *sql, int system) {
    g_autofree char *folder = g_path_get_dirname(sql->path);
    struct statvfs disk;
    return system == ENOSPC || system == EDQUOT || system == EFBIG ||
           (system == 0 && statvfs(folder, &disk) == 0 &&
            (disk.f_bavail == 0 || (disk.f_files > 0 && disk.f_favail == 0)));
}

bool nt_sql_fail_rc(NtSql *sql, int rc, GError **error) {
    const char *text = sqlite3_errstr(rc);
    int system = sql->db != NULL ? sqlite3_system_errno(sql->db) : 0;
    switch (rc & 0xff) {
    case SQLITE_FULL: return nt_fail(error, NITERU_ERROR_NO_SPACE, "%s: the disk is full", sql->path);
    case SQLITE_NOMEM: return nt_fail(error, NITERU_ERROR_NO_MEMORY, "%s: out of memory", sql->path);
    case SQLITE_INTERRUPT:
        if (sql->wait != NULL && !nt_wait_check(sql->wait, error)) {
            return false;
        }
        return nt_fail(error, NITERU_ERROR_CANCELLED, "%s: stopped", sql->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return nt_fail(error, NITERU_ERROR_BUSY, "%s: another program holds the database", sql->path);
    case SQLITE_CORRUPT:
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the database is damaged (%s); it was left as it is: %s", sql->path,
                text, sql->remedy);
        return nt_fact(error, "remedy", "check");
    case SQLITE_NOTADB:
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a database of niteru; it was left as it is", sql->path);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_DATA) {
            return nt_fail(error, NITERU_ERROR_CORRUPT,
                           "%s: the database is damaged (a page does not fit its checksum); it was left as it is: %s",
                           sql->path, sql->remedy);
        }
        /* fall through */
    case SQLITE_CANTOPEN:
        if (is_full(sql, system)) {
            return nt_fail(error, NITERU_ERROR_NO_SPACE, "%s: cannot grow: %s", sql->path,
                           g_strerror(system != 0 ? system : ENOSPC));
        }
        /* fall through */
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return nt_fail(error, NITERU_ERROR_IO, "%s: %s (%d)%s%s", sql->path, text, rc, system != 0 ? ": " : "",
                       system != 0 ? g_strerror(system) : "");
    default:
        return nt_fail(error, NITERU_ERROR_FAILED, "%s: %s (%s)", sql->path, text,
                       sql->db != NULL ? sqlite3_errmsg(sql->db) : "no database");
    }
}

bool nt_sql_configure(NtSql *sql, bool read_only, GError **error) {
    sqlite3 *db = sql->db;
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, NT_SQL_BUSY_MILLISECONDS);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024);
    /* cell_size_check: a damaged page is noticed when it is read. The log is cut back after a big transaction. */
    const char *pragmas = read_only ? "PRAGMA cell_size_check=ON; PRAGMA query_only=ON"
                                    : "PRAGMA cell_size_check=ON; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
                                      "PRAGMA journal_size_limit=16777216";
    return sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK || nt_sql_fail(sql, error);
}

/* Called by SQLite now and then while a statement runs: other than 0 ends it. */
static int is_over(void *data) {
    const NtSql *sql = data;
    return sql->wait != NULL && !nt_wait_check(sql->wait, NULL);
}

void nt_sql_set_wait(NtSql *sql, const NtWait *wait) {
    sql->wait = wait;
    sqlite3_progress_handler(sql->db, wait != NULL ? STEPS_UNWATCHED : 0, is_over, sql);
}

bool nt_sql_fail(NtSql *sql, GError **error) {
    int rc = sqlite3_extended_errcode(sql->db);
    if (sql->writing && sqlite3_get_autocommit(sql->db)) {
        sql->ended_by = rc; /* SQLite has ended the transaction, and whatever comes next fails with that */
    }
    return nt_sql_fail_rc(sql, rc, error);
}

/* ---- statements ------------------------------------------------------------------------------------------------- */

NtStatements *nt_statements_new(void) {
    NtStatements *statements = g_new0(NtStatements, 1);
    statements->by_text = g_hash_table_new(g_str_hash, g_str_equal);
    return statements;
}

void nt_statements_clear(NtStatements *statements) {
    g_hash_table_remove_all(statements->by_text);
    sqlite3_stmt *stmt;
    while ((stmt = g_queue_pop_head(&statements->order)) != NULL) {
        sqlite3_finalize(stmt);
    }
}

void nt_statements_free(NtStatements *statements) {
    if (statements != NULL) {
        nt_statements_clear(statements);
        g_hash_table_unref(statements->by_text);
        g_free(statements);
    }
}

void nt_query_clear(NtQuery *query) {
    sqlite3_stmt *stmt = query->stmt;
    if (stmt == NULL) {
        return;
    }
    NtStatements *store = query->sql->statements;
    *query = (NtQuery){0};
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    if (g_hash_table_contains(store->by_text, sqlite3_sql(stmt))) {
        sqlite3_finalize(stmt);
        return;
    }
    g_queue_push_head(&store->order, stmt);
    g_hash_table_insert(store->by_text, (void *)sqlite3_sql(stmt), store->order.head);
    if (store->order.length > STATEMENTS_KEPT) {
        sqlite3_stmt *oldest = g_queue_pop_tail(&store->order);
        g_hash_table_remove(store->by_text, sqlite3_sql(oldest));
        sqlite3_finalize(oldest);
    }
}

static bool take(NtQuery *query, NtSql *sql, const char *text, GError **error) {
    *query = (NtQuery){.sql = sql};
    NtStatements *store = sql->statements;
    GList *kept = g_hash_table_lookup(store->by_text, text);
    if (kept != NULL) {
        query->stmt = kept->data;
        g_hash_table_remove(store->by_text, text);
        g_queue_delete_link(&store->order, kept);
        return true;
    }
    int rc = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    return rc == SQLITE_OK || nt_sql_fail(sql, error);
}

static int bind_one(sqlite3_stmt *stmt, int at, char letter, va_list *args) {
    switch (letter) {
    case 'i': return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
    case 'd': return sqlite3_bind_double(stmt, at, va_arg(*args, double));
    case 't': return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
    case 'h': return sqlite3_bind_blob(stmt, at, va_arg(*args, const uint8_t *), 32, SQLITE_STATIC);
    case 'b': {
        GBytes *bytes = va_arg(*args, GBytes *);
        size_t size = 0;
        const void *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;
        return bytes == NULL ? sqlite3_bind_null(stmt, at)
                             : sqlite3_bind_blob64(stmt, at, data != NULL ? data : "", size, SQLITE_STATIC);
    }
    case 'x': return sqlite3_bind_blob(stmt, at, va_arg(*args, const uint8_t *), 16, SQLITE_STATIC);
    default: g_assert_not_reached();
    }
}

static bool open_query(NtQuery *query, NtSql *sql, GError **error, const char *text, const char *format,
                       va_list *args) {
    bool ok = take(query, sql, text, error);
    for (int at = 1; ok && format[at - 1] != '\0'; at++) {
        ok = bind_one(query->stmt, at, format[at - 1], args) == SQLITE_OK || nt_sql_fail(sql, error);
    }
    return ok;
}

/* The caller's `query`, opened with its variable arguments, which stand behind `format`. */
#define OPEN_QUERY(query, ok)                                                                                          \
    do {                                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        (ok) = open_query(query, sql, error, text, format, &args);                                                     \
        va_end(args);                                                                                                  \
    } while (0)

bool nt_query_open(NtQuery *query, NtSql *sql, GError **error, const char *text, const char *format, ...) {
    bool ok;
    OPEN_QUERY(query, ok);
    return ok;
}

int nt_query_step(NtQuery *query, GError **error) {
    int rc = sqlite3_step(query->stmt);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    if (rc == SQLITE_DONE) {
        return 0;
    }
    nt_sql_fail(query->sql, error);
    return -1;
}

bool nt_sql_run(NtSql *sql, GError **error, const char *text, const char *format, ...) {
    g_auto(NtQuery) query = {0};
    bool ok;
    OPEN_QUERY(&query, ok);
    int step = ok ? 1 : -1;
    while (step == 1) {
        step = nt_query_step(&query, error);
    }
    return step == 0;
}

bool nt_sql_int(NtSql *sql, int64_t fallback, int64_t *out, GError **error, const char *text, const char *format, ...) {
    g_auto(NtQuery) query = {0};
    bool ok;
    OPEN_QUERY(&query, ok);
    int step = ok ? nt_query_step(&query, error) : -1;
    if (step < 0) {
        return false;
    }
    bool null = step == 0 || sqlite3_column_type(query.stmt, 0) == SQLITE_NULL;
    *out = null ? fallback : nt_column_int(&query, 0);
    return true;
}
