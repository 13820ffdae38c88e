/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql: SQLite for the rooms that keep facts in it: prepared statements, its faults in our words (sql.c), and a checksum
 * in each page (page-checksum.c). A connection belongs to one thread at a time.
 */
#ifndef NT_SQL_H
#define NT_SQL_H

#include <sqlite3.h>

#include "base/base.h"

typedef struct NtStatements NtStatements;

/* A connection, embedded in what its owner knows of the database. */
typedef struct NtSql {
    sqlite3 *db;
    char *path;               /* of the file; owned by the owner, as all of it */
    const char *remedy;       /* what to do when the file is damaged, behind "it was left as it is: "; static */
    const NtWait *wait;       /* how long statements may take; NULL: as long as they do */
    bool writing;             /* in a transaction of its owner's */
    int ended_by;             /* the fault by which SQLite ended that, when it did */
    NtStatements *statements; /* prepared, not in use */
} NtSql;

enum { NT_SQL_BUSY_MILLISECONDS = 10000 /* how long SQLite tries what another connection is in the way of */ };

/* How connections are opened and treated: rights, faults, what SQLite's own programs may not do here. */
bool nt_sql_configure(NtSql *sql, bool read_only, GError **error);
/* From here on statements end when the wait does; NULL: they do not. */
void nt_sql_set_wait(NtSql *sql, const NtWait *wait);

/* ---- statements ---- */

/* A prepared statement taken out of the store for the time of one use, so that a callback may run the same SQL. */
typedef struct NtQuery {
    NtSql *sql;
    sqlite3_stmt *stmt;
} NtQuery;

NtStatements *nt_statements_new(void);
void nt_statements_clear(NtStatements *statements); /* before the connection is closed */
void nt_statements_free(NtStatements *statements);  /* NULL is fine */
void nt_query_clear(NtQuery *query);                /* gives it back */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtQuery, nt_query_clear)

/* Takes or prepares a statement and binds its parameters ?1, ?2, ... by `format`, one letter each: i int64_t, d double,
 * t const char * (NULL: SQL NULL), h 32 bytes, x 16 bytes (NULL: SQL NULL), b GBytes * (NULL: SQL NULL). Texts and
 * bytes must live until the query is cleared. */
bool nt_query_open(NtQuery *query, NtSql *sql, GError **error, const char *text, const char *format, ...);
/* One step: 1 a row, 0 the end, -1 *error is set. */
int nt_query_step(NtQuery *query, GError **error);
/* Opens, runs to the end and clears. */
bool nt_sql_run(NtSql *sql, GError **error, const char *text, const char *format, ...);
/* The first column of the first row, or `fallback` when there is no row (or it is NULL). */
bool nt_sql_int(NtSql *sql, int64_t fallback, int64_t *out, GError **error, const char *text, const char *format, ...);

static inline int64_t nt_column_int(const NtQuery *query, int column) {
    return sqlite3_column_int64(query->stmt, column);
}
/* Borrowed until the next step; NULL for SQL NULL. */
static inline const char *nt_column_text(const NtQuery *query, int column) {
    return (const char *)sqlite3_column_text(query->stmt, column);
}

/* Words the connection's last fault, picking the code a caller would branch on. Always returns false. */
bool nt_sql_fail(NtSql *sql, GError **error);
bool nt_sql_fail_rc(NtSql *sql, int rc, GError **error);

/* ---- copies (copy.c) ---- */

/* Told of the bytes that are done, and of how many there are; false ends the copying, with its error. */
typedef bool NtSqlTell(uint64_t done, uint64_t total, void *data, GError **error);
/* Copies the database, as the transaction that is open on it sees it, into a new file of this application id (with
 * checksums but for NT_IDENTITY), not synced. Errors: those of reading and writing. */
bool nt_sql_copy(NtSql *from, const char *path, int identity, NtSqlTell *tell, void *data, GError **error);

/* ---- checksums of pages ---- */

/* Application ids of databases: "nite" and, where its pages have checksums, "nitC" of a catalogue; "NevC" of events,
 * whose pages always have. */
enum {
    NT_IDENTITY = 0x6e697465,
    NT_IDENTITY_CHECKED = 0x6e697443,
    NT_IDENTITY_EVENTS = 0x4e657643,
    NT_PAGE_CHECKSUM_BYTES = 8
};
typedef enum NtPageState { NT_PAGES_PLAIN, NT_PAGES_CHECKED, NT_PAGES_CONTRADICT } NtPageState;
/* What the 100 bytes at the start of the file say. */
NtPageState nt_page_state(const uint8_t *header);
/* The name of the layer to open databases through; NULL: SQLite cannot start. */
const char *nt_pages_layer(void);

#endif
