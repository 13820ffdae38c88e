/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back a catalogue that was made for nothing: a command that failed should leave no empty folder behind. SQLite
 * removes its log only while the database is in its place, so the connection is closed first; then the lock is taken
 * again, and the catalogue looked at again, for another writer may have been quicker.
 */
#include "catalogue/catalogue-internal.h"

#include <glib/gstdio.h>

static bool is_empty(NtCatalogue *catalogue) {
    int64_t rows = 1;
    return nt_sql_int(&catalogue->sql, 1, &rows, NULL,
                      "SELECT (SELECT count(*) FROM product) + (SELECT count(*) FROM model) + "
                      "(SELECT count(*) FROM source) + (SELECT count(*) FROM api_key)",
                      "") &&
           rows == 0;
}

/* Empty folders only: what holds anything stays, and with it the catalogue. */
static bool remove_subfolders(const NtCatalogue *catalogue) {
    static const char *const names[] = {"thumbs", "index", "photos", "vectors", "models"};
    bool ok = true;
    for (size_t i = 0; ok && i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = nt_catalogue_path(catalogue, names[i], NULL);
        ok = g_rmdir(path) == 0 || !g_file_test(path, G_FILE_TEST_EXISTS);
    }
    return ok;
}

static void remove_file(const char *folder, const char *name) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
}

/* Under the lock: whatever another writer did since is seen. */
static void remove_files(const char *folder) {
    NtCatalogueOptions reading = {.read_only = true};
    NtCatalogue *catalogue = nt_catalogue_open(folder, &reading, NULL);
    bool gone = catalogue != NULL && is_empty(catalogue) && remove_subfolders(catalogue);
    nt_catalogue_close(catalogue);
    static const char *const names[] = {"catalogue.db",  "catalogue.db-wal", "catalogue.db-shm",
                                        NT_COMMITS_FILE, NT_TURNSTILE_FILE,  NT_LOCK_FILE};
    for (size_t i = 0; gone && i < G_N_ELEMENTS(names); i++) {
        remove_file(folder, names[i]);
    }
}

/* Whether no other connection to the database is open, here or elsewhere: only then may it leave WAL mode. */
static bool is_alone(NtCatalogue *catalogue) {
    g_auto(NtQuery) query = {0};
    sqlite3_busy_timeout(catalogue->sql.db, 0);
    return nt_query_open(&query, &catalogue->sql, NULL, "PRAGMA journal_mode=DELETE", "") &&
           nt_query_step(&query, NULL) == 1 && g_strcmp0(nt_column_text(&query, 0), "delete") == 0;
}

void nt_catalogue_discard(NtCatalogue *catalogue) {
    g_autofree char *folder = g_strdup(catalogue->folder);
    NtCatalogue holder = {.folder = folder, .lock_fd = -1};
    bool discard = catalogue->made && is_empty(catalogue) && is_alone(catalogue);
    nt_catalogue_close(catalogue);
    if (discard && nt_lock_take_briefly(&holder, 0, NULL)) {
        remove_files(folder);
        nt_lock_release(&holder, true);
        g_rmdir(folder); /* where nothing else is in it */
    }
}
