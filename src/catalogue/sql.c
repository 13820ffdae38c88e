/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prepared statements, and SQLite's faults in our words.
 *
 * SQL texts are prepared once per connection and kept in a store. A statement is taken out of the store while it is
 * used and put back when its NtQuery is cleared, so a callback that runs the same SQL simply gets a second copy (which
 * is finalised afterwards) instead of disturbing the first. Conditions make new SQL texts without end, so the store
 * keeps the STATEMENTS_KEPT that were used last.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/statvfs.h>

enum { STATEMENTS_KEPT = 64, STEPS_UNWATCHED = 20000 /* of SQLite's machine: about a millisecond */ };

struct NtStatements {
    GHashTable *by_text; /* SQL text, the statement's own -> its link in `order` */
    GQueue order;        /* sqlite3_stmt *, the one used last first */
};

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
    case SQLITE_INTERRUPT:
        if (catalogue->wait != NULL && !nt_wait_check(catalogue->wait, error)) {
            return false;
        }
        return nt_fail(error, NITERU_ERROR_CANCELLED, "%s: stopped", catalogue->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return nt_fail(error, NITERU_ERROR_BUSY, "%s: another program holds the database", catalogue->path);
    case SQLITE_CORRUPT:
        nt_fail(error, NITERU_ERROR_CORRUPT,
                "%s: the database is damaged (%s); it was left as it is: see how far, then restore a backup or index "
                "into a new catalogue",
                catalogue->path, text);
        return nt_fact(error, "remedy", "check");
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
        return nt_fail(error, NITERU_ERROR_IO, "%s: %s (%d)%s%s", catalogue->path, text, rc, system != 0 ? ": " : "",
                       system != 0 ? g_strerror(system) : "");
    default:
        return nt_fail(error, NITERU_ERROR_FAILED, "%s: %s (%s)", catalogue->path, text,
                       catalogue->db != NULL ? sqlite3_errmsg(catalogue->db) : "no database");
    }
}

/* Called by SQLite now and then while a statement runs: other than 0 ends it. */
static int is_over(void *data) {
    const NtCatalogue *catalogue = data;
    return catalogue->wait != NULL && !nt_wait_check(catalogue->wait, NULL);
}

void nt_catalogue_set_wait(NtCatalogue *catalogue, const NtWait *wait) {
    catalogue->wait = wait;
    sqlite3_progress_handler(catalogue->db, wait != NULL ? STEPS_UNWATCHED : 0, is_over, catalogue);
}

bool nt_sql_fail(NtCatalogue *catalogue, GError **error) {
    int rc = sqlite3_extended_errcode(catalogue->db);
    if (catalogue->writing && sqlite3_get_autocommit(catalogue->db)) {
        catalogue->ended_by = rc; /* SQLite has ended the transaction, and whatever comes next fails with that */
    }
    return nt_sql_fail_rc(catalogue, rc, error);
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
    nt_statements_clear(statements);
    g_hash_table_unref(statements->by_text);
    g_free(statements);
}

void nt_query_clear(NtQuery *query) {
    sqlite3_stmt *stmt = query->stmt;
    if (stmt == NULL) {
        return;
    }
    NtStatements *store = query->catalogue->statements;
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

static bool take(NtQuery *query, NtCatalogue *catalogue, const char *sql, GError **error) {
    *query = (NtQuery){.catalogue = catalogue};
    NtStatements *store = catalogue->statements;
    GList *kept = g_hash_table_lookup(store->by_text, sql);
    if (kept != NULL) {
        query->stmt = kept->data;
        g_hash_table_remove(store->by_text, sql);
        g_queue_delete_link(&store->order, kept);
        return true;
    }
    int rc = sqlite3_prepare_v3(catalogue->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt, NULL);
    return rc == SQLITE_OK || nt_sql_fail(catalogue, error);
}

static int bind_one(sqlite3_stmt *stmt, int at, char letter, va_list *args) {
    switch (letter) {
    case 'i': return sqlite3_bind_int64(stmt, at, va_arg(*args, int64_t));
    case 'd': return sqlite3_bind_double(stmt, at, va_arg(*args, double));
    case 't': return sqlite3_bind_text(stmt, at, va_arg(*args, const char *), -1, SQLITE_STATIC);
    case 'h': return sqlite3_bind_blob(stmt, at, va_arg(*args, const uint8_t *), 32, SQLITE_STATIC);
    case 'x': return sqlite3_bind_blob(stmt, at, va_arg(*args, const uint8_t *), 16, SQLITE_STATIC);
    default: g_assert_not_reached();
    }
}

static bool open_query(NtQuery *query, NtCatalogue *catalogue, GError **error, const char *sql, const char *format,
                       va_list *args) {
    bool ok = take(query, catalogue, sql, error);
    for (int at = 1; ok && format[at - 1] != '\0'; at++) {
        ok = bind_one(query->stmt, at, format[at - 1], args) == SQLITE_OK || nt_sql_fail(catalogue, error);
    }
    return ok;
}

/* The caller's `query`, opened with its variable arguments, which stand behind `format`. */
#define OPEN_QUERY(query, ok)                                                                                          \
    do {                                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        (ok) = open_query(query, catalogue, error, sql, format, &args);                                                \
        va_end(args);                                                                                                  \
    } while (0)

bool nt_query_open(NtQuery *query, NtCatalogue *catalogue, GError **error, const char *sql, const char *format, ...) {
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
    nt_sql_fail(query->catalogue, error);
    return -1;
}

bool nt_sql_run(NtCatalogue *catalogue, GError **error, const char *sql, const char *format, ...) {
    g_auto(NtQuery) query = {0};
    bool ok;
    OPEN_QUERY(&query, ok);
    int step = ok ? 1 : -1;
    while (step == 1) {
        step = nt_query_step(&query, error);
    }
    return step == 0;
}

bool nt_sql_int(NtCatalogue *catalogue, int64_t fallback, int64_t *out, GError **error, const char *sql,
                const char *format, ...) {
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

uint64_t nt_catalogue_pages_read(const NtCatalogue *catalogue) {
    int now = 0, peak = 0;
    sqlite3_db_status(catalogue->db, SQLITE_DBSTATUS_CACHE_MISS, &now, &peak, 0);
    return (uint64_t)now;
}
