/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a store while it is written to, and whether its databases are sound.
 *
 * A transaction for reading is begun on each database, the weeks first and the names last, before any is copied: so the
 * names of all events are there. What is stored later is in no copy.
 */
#include "events/events-internal.h"

#include <errno.h>
#include <string.h>

/* A database that is looked at only. */
typedef struct Looked {
    NtSql sql;
    char *name, *identity;
} Looked;

static void free_looked(void *data) {
    Looked *looked = data;
    nt_statements_free(looked->sql.statements);
    sqlite3_close(looked->sql.db);
    if (looked->identity != NULL) {
        nt_database_leave(looked->identity);
    }
    g_free(looked->identity);
    g_free(looked->sql.path);
    g_free(looked->name);
    g_free(looked);
}

static Looked *open_looked(const char *folder, const char *name, GError **error) {
    Looked *looked = g_new0(Looked, 1);
    bool first;
    looked->name = g_strdup(name);
    looked->sql.path = g_build_filename(folder, name, NULL);
    if (nt_events_db_enter(looked->sql.path, &first, &looked->identity, error) &&
        nt_events_db_connect(&looked->sql, true, error)) {
        return looked;
    }
    free_looked(looked);
    return NULL;
}

static gint weeks_first(gconstpointer a, gconstpointer b) {
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    return strcmp(one, other); /* digits come before the n of names.db */
}

/* The databases of a folder; NULL with an error. One that goes meanwhile, being too old, is left out. */
static GPtrArray *open_all(const char *folder, GError **error) {
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(free_looked);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    int64_t number;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (strcmp(name, "names.db") == 0 || nt_week_number(name, &number)) {
            g_ptr_array_add(names, g_strdup(name));
        }
    }
    g_ptr_array_sort(names, weeks_first);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        Looked *looked = g_file_test(path, G_FILE_TEST_EXISTS) ? open_looked(folder, names->pdata[i], error) : NULL;
        if (looked != NULL) {
            g_ptr_array_add(out, looked);
        } else if (error != NULL && *error != NULL) {
            return NULL;
        }
    }
    return g_steal_pointer(&out);
}

bool nt_events_copy(const char *from, const char *to, NtSqlTell *tell, void *data, uint64_t *out_bytes,
                    GError **error) {
    g_autoptr(GPtrArray) all = open_all(from, error);
    bool ok = all != NULL && (all->len == 0 || nt_folder_make(to, error));
    int64_t pages = 0, size = 0, ignored;
    for (guint i = 0; ok && i < all->len; i++) { /* reading something begins the transaction */
        Looked *looked = all->pdata[i];
        ok = nt_sql_run(&looked->sql, error, "BEGIN", "") &&
             nt_sql_int(&looked->sql, 0, &ignored, error, "SELECT count(*) FROM sqlite_master", "");
    }
    for (guint i = 0; ok && i < all->len; i++) {
        Looked *looked = all->pdata[i];
        g_autofree char *path = g_build_filename(to, looked->name, NULL);
        ok = nt_sql_int(&looked->sql, 0, &pages, error, "PRAGMA page_count", "") &&
             nt_sql_int(&looked->sql, 0, &size, error, "PRAGMA page_size", "") &&
             nt_sql_copy(&looked->sql, path, NT_IDENTITY_EVENTS, tell, data, error);
        *out_bytes += (uint64_t)(pages * size);
    }
    return ok;
}

bool nt_events_check(const char *folder, void (*problem)(const char *text, void *data), void *data, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(GPtrArray) all = open_all(folder, &fault);
    if (all == NULL) { /* the message names the file */
        problem(fault->message, data);
        return true;
    }
    for (guint i = 0; i < all->len; i++) {
        Looked *looked = all->pdata[i];
        g_autoptr(GError) broken = NULL;
        g_auto(NtQuery) query = {0};
        int step = nt_query_open(&query, &looked->sql, &broken, "PRAGMA integrity_check(10)", "") ? 1 : -1;
        while (step > 0 && (step = nt_query_step(&query, &broken)) == 1) {
            const char *text = nt_column_text(&query, 0);
            if (g_strcmp0(text, "ok") != 0) {
                g_autofree char *words = g_strdup_printf("%s: %s", looked->sql.path, text);
                problem(words, data);
            }
        }
        if (step < 0) {
            problem(broken->message, data);
        }
    }
    (void)error;
    return true;
}
