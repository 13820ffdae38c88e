/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the folder. In this order: look before anything is written (is there a catalogue, or something
 * else?), make the database if there is none, check its first bytes, connect, check its version. What is made or
 * brought up to date is so under the writers' lock, which is let go at once; a writer takes it again for each
 * transaction. Nothing here reads more than the small tables, so the cost is the same for ten products and ten million.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FIELDS = 1990 /* SQLite has 2,000 columns, of which some are ours */ };
enum { OPENING_PATIENCE = 10 * G_TIME_SPAN_SECOND /* for other writers, when something is to be made */ };

bool nt_is_in_place(const NtCatalogue *catalogue) {
    g_autofree char *identity = nt_database_identity(catalogue->sql.path);
    return g_strcmp0(identity, catalogue->identity) == 0;
}

static const char *const subfolders[] = {"models", "vectors", "photos", "index", "thumbs", "events", NULL};

char *nt_catalogue_path(const NtCatalogue *catalogue, const char *subfolder, const char *name) {
    if (subfolder == NULL) {
        return g_build_filename(catalogue->folder, name, NULL);
    }
    return g_build_filename(catalogue->folder, subfolder, name, NULL);
}

void nt_catalogue_set_wait(NtCatalogue *catalogue, const NtWait *wait) { nt_sql_set_wait(&catalogue->sql, wait); }

uint64_t nt_catalogue_pages_read(const NtCatalogue *catalogue) {
    int now = 0, peak = 0;
    sqlite3_db_status(catalogue->sql.db, SQLITE_DBSTATUS_CACHE_MISS, &now, &peak, 0);
    return (uint64_t)now;
}

bool nt_catalogue_pages_checked(const NtCatalogue *catalogue) { return catalogue->checked; }
const char *nt_catalogue_folder(const NtCatalogue *catalogue) { return catalogue->folder; }
bool nt_catalogue_read_only(const NtCatalogue *catalogue) { return catalogue->read_only; }
bool nt_catalogue_was_unclean(const NtCatalogue *catalogue) { return catalogue->unclean; }

static bool is_ours(const char *name) {
    static const char *const files[] = {NT_LOCK_FILE,       NT_TURNSTILE_FILE,          NT_COMMITS_FILE,
                                        "catalogue.db.new", "catalogue.db.new-journal", NULL};
    return g_strv_contains(subfolders, name) || g_strv_contains(files, name);
}

/* A folder may become a catalogue when it is empty, or holds what a creation that was cut short left there. Vectors
 * without their database are not overwritten: the database can be restored. */
static bool may_become_catalogue(const NtCatalogue *catalogue, GError **error) {
    GDir *dir = g_dir_open(catalogue->folder, 0, NULL);
    const char *name = NULL;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL && is_ours(name)) {
    }
    g_autofree char *foreign = g_strdup(name);
    g_clear_pointer(&dir, g_dir_close);
    if (foreign != NULL) {
        g_autofree char *safe = nt_text_printable(foreign, 80);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: not a catalogue, and it holds other things (%s); name a new or an empty folder",
                       catalogue->folder, safe);
    }
    g_autofree char *vectors = nt_catalogue_path(catalogue, "vectors", NULL);
    dir = g_dir_open(vectors, 0, NULL);
    bool bare = dir == NULL || g_dir_read_name(dir) == NULL;
    g_clear_pointer(&dir, g_dir_close);
    return bare ||
           nt_fail(error, NITERU_ERROR_CORRUPT,
                   "%s: there are vectors but no catalogue.db; restore it, or move the folder away", catalogue->folder);
}

bool nt_catalogue_make_folder(NtCatalogue *catalogue, const char *subfolder, GError **error) {
    g_autofree char *path = nt_catalogue_path(catalogue, subfolder, NULL);
    return nt_folder_make(path, error);
}

/* A new database in a new or empty folder, unless another process is quicker. */
static bool create(NtCatalogue *catalogue, GError **error) {
    if (!nt_folder_make(catalogue->folder, error) || !may_become_catalogue(catalogue, error) ||
        !nt_lock_take_briefly(catalogue, OPENING_PATIENCE, error)) {
        return false;
    }
    bool ok = true;
    if (!g_file_test(catalogue->sql.path, G_FILE_TEST_EXISTS)) {
        g_autofree char *record = nt_catalogue_path(catalogue, NULL, NT_COMMITS_FILE);
        g_unlink(record); /* of a database that is gone */
        ok = catalogue->made = nt_schema_create(catalogue->sql.path, error);
    }
    nt_lock_release(catalogue, ok && !catalogue->unfinished);
    return ok;
}

/* A connection as it must be, before anything is asked of it. */
static bool configure(NtCatalogue *catalogue, GError **error) {
    return nt_sql_configure(&catalogue->sql, catalogue->read_only, error) && nt_where_register(catalogue, error) &&
           nt_visit_register(catalogue, error);
}

/* Reading a database in WAL mode takes two helper files beside it. Where they cannot be made (a read-only disk) and
 * no log waits to be folded in, the file is read as it is, holding a shared lock that keeps writers out meanwhile. */
static bool connect_unwritable(NtCatalogue *catalogue, GError **error) {
    g_autofree char *log = g_strconcat(catalogue->sql.path, "-wal", NULL);
    GStatBuf st;
    if (g_stat(log, &st) == 0 && st.st_size > 0) {
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: was not closed, and cannot be read without permission to write beside it",
                       catalogue->sql.path);
    }
    if (!nt_lock_share(catalogue, error)) {
        return false;
    }
    g_autofree char *uri = g_filename_to_uri(catalogue->sql.path, NULL, NULL);
    g_autofree char *frozen = g_strconcat(uri, "?immutable=1", NULL);
    nt_statements_clear(catalogue->sql.statements);
    sqlite3_close(catalogue->sql.db);
    catalogue->sql.db = NULL;
    int rc = sqlite3_open_v2(frozen, &catalogue->sql.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    return (rc == SQLITE_OK || nt_sql_fail_rc(&catalogue->sql, rc, error)) && configure(catalogue, error) &&
           nt_schema_check(catalogue, error) && nt_commits_compare(catalogue, error);
}

/* A writer that was killed before the database was in WAL mode (while it was turned to it) left a journal, of which
 * SQLite undoes what was not committed; a connection for reading may not. */
static bool undo_unfinished(NtCatalogue *catalogue, GError **error) {
    g_autofree char *journal = g_strconcat(catalogue->sql.path, "-journal", NULL);
    GStatBuf st;
    if (g_stat(journal, &st) != 0 || st.st_size == 0) {
        return true;
    }
    g_autoptr(GError) busy = NULL;
    if (access(catalogue->folder, W_OK) != 0) {
        return nt_fail(error, NITERU_ERROR_IO,
                       "%s: a writer was killed, and what it left cannot be cleared away without permission to write "
                       "here: open it once as a user who may",
                       catalogue->folder);
    }
    if (!nt_lock_take_briefly(catalogue, 0, &busy)) {
        return g_error_matches(busy, NITERU_ERROR, NITERU_ERROR_BUSY) || /* somebody writes now, and sees to it */
               (g_propagate_error(error, g_steal_pointer(&busy)), false);
    }
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(catalogue->sql.path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nt_pages_layer());
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, NT_SQL_BUSY_MILLISECONDS);
        rc = sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    }
    sqlite3_close(db);
    nt_lock_release(catalogue, false); /* its text stays: the next writer is to check more */
    return rc == SQLITE_OK || nt_sql_fail_rc(&catalogue->sql, rc, error);
}

static bool fail_not_there(const NtCatalogue *catalogue, GError **error) {
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: no catalogue there", catalogue->folder);
    return nt_fact(error, "remedy", "index");
}

static bool connect_reader(NtCatalogue *catalogue, GError **error) {
    if (!g_file_test(catalogue->sql.path, G_FILE_TEST_EXISTS)) {
        return fail_not_there(catalogue, error);
    }
    bool first = false;
    /* Where this process has the file open, whoever opened it first has seen to what a killed writer left. */
    if (!nt_database_enter(catalogue->sql.path, nt_schema_check_file, &first, &catalogue->identity, error) ||
        (first && !undo_unfinished(catalogue, error))) {
        return false;
    }
    nt_commits_look(catalogue);
    int rc = sqlite3_open_v2(catalogue->sql.path, &catalogue->sql.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    if (rc != SQLITE_OK) {
        return nt_sql_fail_rc(&catalogue->sql, rc, error);
    }
    g_autoptr(GError) fault = NULL;
    if (configure(catalogue, &fault) && nt_schema_check(catalogue, &fault) && nt_commits_compare(catalogue, &fault)) {
        return true;
    }
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_IO) && access(catalogue->folder, W_OK) != 0) {
        return connect_unwritable(catalogue, error);
    }
    g_propagate_error(error, g_steal_pointer(&fault));
    return false;
}

/* Whether the database is in WAL mode, which it keeps. */
static bool has_log(NtCatalogue *catalogue, bool *out, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "PRAGMA journal_mode", "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    *out = g_strcmp0(nt_column_text(&query, 0), "wal") == 0;
    return true;
}

/* Under the lock: the mode and the layout of today, and what a killed writer left. */
static bool bring_up_to_date(NtCatalogue *catalogue, GError **error) {
    if (!nt_lock_take_briefly(catalogue, OPENING_PATIENCE, error)) {
        return false;
    }
    bool ok = nt_sql_run(&catalogue->sql, error, "PRAGMA journal_mode=WAL", "") &&
              nt_schema_migrate(catalogue, error) &&
              (!catalogue->unfinished || nt_schema_quick_check(catalogue, error));
    nt_lock_release(catalogue, ok || !catalogue->unfinished);
    return ok;
}

static bool connect_writer(NtCatalogue *catalogue, bool must_exist, GError **error) {
    bool exists = g_file_test(catalogue->sql.path, G_FILE_TEST_EXISTS), first = false, log = false;
    if (!exists && must_exist) {
        return fail_not_there(catalogue, error);
    }
    if ((!exists && !create(catalogue, error)) ||
        !nt_database_enter(catalogue->sql.path, nt_schema_check_file, &first, &catalogue->identity, error)) {
        return false;
    }
    nt_commits_look(catalogue);
    int rc = sqlite3_open_v2(catalogue->sql.path, &catalogue->sql.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    if (rc != SQLITE_OK) {
        return nt_sql_fail_rc(&catalogue->sql, rc, error);
    }
    if (sqlite3_db_readonly(catalogue->sql.db, "main") != 0) {
        return nt_fail(error, NITERU_ERROR_IO, "%s: may not be written to", catalogue->sql.path);
    }
    return configure(catalogue, error) && nt_schema_check(catalogue, error) && has_log(catalogue, &log, error) &&
           ((log && nt_schema_is_newest(catalogue)) || bring_up_to_date(catalogue, error)) &&
           nt_commits_compare(catalogue, error) && nt_catalogue_make_folder(catalogue, "models", error) &&
           nt_catalogue_make_folder(catalogue, "vectors", error);
}

NtCatalogue *nt_catalogue_open(const char *folder, const NtCatalogueOptions *options, GError **error) {
    NtCatalogueOptions given = options != NULL ? *options : (NtCatalogueOptions){0};
    if (given.limits != NULL && given.limits->list_columns > MOST_FIELDS) {
        nt_fail(error, NITERU_ERROR_INVALID, "limit list-columns: %" G_GUINT64_FORMAT " is over %d, which is the most",
                given.limits->list_columns, MOST_FIELDS);
        return NULL;
    }
    NtCatalogue *catalogue = g_new0(NtCatalogue, 1);
    catalogue->folder = g_canonicalize_filename(folder, NULL);
    catalogue->sql.path = nt_catalogue_path(catalogue, NULL, "catalogue.db");
    catalogue->sql.remedy = NT_CATALOGUE_REMEDY;
    catalogue->lock_fd = -1;
    catalogue->record_fd = -1;
    catalogue->read_only = given.read_only;
    catalogue->limits = given.limits != NULL ? *given.limits : nt_limits_default();
    catalogue->sql.statements = nt_statements_new();
    catalogue->fields_version = -1;
    catalogue->changed = g_array_new(false, false, sizeof(int64_t));
    catalogue->texts = g_array_new(false, false, sizeof(int64_t));
    if (!(given.read_only ? connect_reader(catalogue, error) : connect_writer(catalogue, given.must_exist, error))) {
        nt_catalogue_close(catalogue);
        return NULL;
    }
    return catalogue;
}

NtCatalogue *nt_catalogue_open_reader(const NtCatalogue *catalogue, GError **error) {
    NtCatalogueOptions options = {.read_only = true, .limits = &catalogue->limits};
    return nt_catalogue_open(catalogue->folder, &options, error);
}

void nt_catalogue_close(NtCatalogue *catalogue) {
    if (catalogue == NULL) {
        return;
    }
    if (catalogue->sql.db != NULL) {
        nt_catalogue_rollback(catalogue);
    }
    nt_statements_free(catalogue->sql.statements);
    sqlite3_close(catalogue->sql.db);
    if (catalogue->identity != NULL) {
        nt_database_leave(catalogue->identity);
        g_free(catalogue->identity);
    }
    nt_lock_release(catalogue, true); /* a reader's, of a catalogue that cannot be written to */
    if (catalogue->record_fd >= 0) {
        close(catalogue->record_fd);
    }
    g_clear_pointer(&catalogue->fields, g_array_unref);
    g_array_unref(catalogue->changed);
    g_array_unref(catalogue->texts);
    g_free(catalogue->sql.path);
    g_free(catalogue->folder);
    g_free(catalogue);
}
