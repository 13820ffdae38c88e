/* SPDX-License-Identifier: Apache-2.0 */
/* A database of the store: opened, made where it is not there, and its transactions. */
#include "events/events-internal.h"

#include <fcntl.h>
#include <unistd.h>

enum { LAYOUT = 1 };
#define REMEDY "restore a backup, or move the file away: the events in it are lost then"

/* The first bytes, before SQLite touches anything. */
static bool look(const char *path, GError **error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    uint8_t head[100] = {0};
    ssize_t got = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
    if (fd >= 0) {
        close(fd);
    }
    uint32_t identity = (uint32_t)head[68] << 24 | (uint32_t)head[69] << 16 | (uint32_t)head[70] << 8 | head[71];
    return got == 0 || (got == sizeof head && identity == NT_IDENTITY_EVENTS) ||
           nt_fail(error, NITERU_ERROR_CORRUPT, "%s: not a database of events, or damaged; it was left as it is: %s",
                   path, REMEDY);
}

bool nt_events_db_enter(const char *path, bool *out_first, char **out_identity, GError **error) {
    return nt_database_enter(path, look, out_first, out_identity, error);
}

bool nt_events_db_connect(NtSql *sql, bool read_only, GError **error) {
    int flags = read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    sql->remedy = REMEDY;
    sql->statements = nt_statements_new();
    int rc = sqlite3_open_v2(sql->path, &sql->db, flags | SQLITE_OPEN_NOMUTEX, nt_pages_layer());
    return (rc == SQLITE_OK || nt_sql_fail_rc(sql, rc, error)) && nt_sql_configure(sql, read_only, error);
}

/* A file that is empty, being new or left so by a stop, becomes one of today. */
static bool make(NtSql *sql, const char *script, GError **error) {
    int reserved = NT_PAGE_CHECKSUM_BYTES;
    int64_t version = 0;
    if (!nt_sql_int(sql, 0, &version, error, "PRAGMA user_version", "")) {
        return false;
    }
    if (version > LAYOUT) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: made by a newer niteru; update niteru", sql->path);
    }
    if (version == LAYOUT) {
        return true;
    }
    sqlite3_file_control(sql->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    g_autofree char *names =
        g_strdup_printf("PRAGMA application_id=%d; PRAGMA user_version=%d", NT_IDENTITY_EVENTS, LAYOUT);
    bool ok =
        nt_sql_run(sql, error, "BEGIN IMMEDIATE", "") && nt_sql_int(sql, 0, &version, error, "PRAGMA user_version", "");
    if (ok && version == 0) { /* nobody was quicker */
        ok = (sqlite3_exec(sql->db, script, NULL, NULL, NULL) == SQLITE_OK &&
              sqlite3_exec(sql->db, names, NULL, NULL, NULL) == SQLITE_OK) ||
             nt_sql_fail(sql, error);
    }
    return nt_sql_run(sql, ok ? error : NULL, ok ? "COMMIT" : "ROLLBACK", "") && ok;
}

static void disconnect(NtSql *sql) {
    nt_statements_free(sql->statements);
    sqlite3_close(sql->db);
    g_free(sql->path);
}

void nt_events_db_free(NtEventsDb *db) {
    if (db == NULL) {
        return;
    }
    disconnect(&db->read);
    disconnect(&db->write);
    if (db->identity != NULL) {
        nt_database_leave(db->identity);
        g_free(db->identity);
    }
    g_mutex_clear(&db->write_lock);
    g_mutex_clear(&db->read_lock);
    g_free(db);
}

NtEventsDb *nt_events_db_open(char *path, const char *script, GError **error) {
    NtEventsDb *db = g_new0(NtEventsDb, 1);
    bool first;
    g_mutex_init(&db->write_lock);
    g_mutex_init(&db->read_lock);
    db->write.path = path;
    db->read.path = g_strdup(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666); /* so that it can be counted in */
    if (fd >= 0) {
        close(fd);
    }
    if (nt_events_db_enter(path, &first, &db->identity, error) && nt_events_db_connect(&db->write, false, error) &&
        make(&db->write, script, error) && nt_sql_run(&db->write, error, "PRAGMA journal_mode=WAL", "") &&
        nt_events_db_connect(&db->read, true, error) && (fd < 0 || nt_sync_folder_of(path, error))) {
        return db;
    }
    nt_events_db_free(db);
    return NULL;
}

bool nt_events_db_begin(NtEventsDb *db, GError **error) {
    g_mutex_lock(&db->write_lock);
    if (nt_sql_run(&db->write, error, "BEGIN IMMEDIATE", "")) {
        db->write.writing = true;
        return true;
    }
    g_mutex_unlock(&db->write_lock);
    return false;
}

bool nt_events_db_end(NtEventsDb *db, bool ok, GError **error) {
    ok = ok && nt_sql_run(&db->write, error, "COMMIT", "");
    if (!ok && !sqlite3_get_autocommit(db->write.db)) {
        nt_sql_run(&db->write, NULL, "ROLLBACK", "");
    }
    db->write.writing = false;
    g_mutex_unlock(&db->write_lock);
    return ok;
}
