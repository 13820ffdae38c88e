/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database copied while others write. SQLite's backup reads through a connection that is in a read transaction, and
 * so copies one state, however long it takes; a backup of a connection that is not would begin anew with every commit.
 *
 * The copy is written through the layer of page checksums (page-checksum.c), which learns from a file's first page
 * whether it has any. SQLite may write other pages before that one. A page that it read from the log has at its end the
 * checksum from before the change, and written as it is would be taken for damaged. So the first page is there, and
 * says that checksums are wanted, before copying begins.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { STEP_PAGES = 256 };

static bool open_copy(NtCatalogue *to, bool checked, GError **error) {
    int reserved = NT_PAGE_CHECKSUM_BYTES;
    int rc = sqlite3_open_v2(to->path, &to->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             nt_pages_layer());
    if (rc == SQLITE_OK && checked) {
        rc = sqlite3_file_control(to->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    }
    if (rc != SQLITE_OK) {
        return nt_sql_fail_rc(to, rc, error);
    }
    sqlite3_extended_result_codes(to->db, 1);
    g_autofree char *first = g_strdup_printf("PRAGMA synchronous=OFF; PRAGMA application_id=%d",
                                             checked ? NT_IDENTITY_CHECKED : NT_IDENTITY);
    return sqlite3_exec(to->db, first, NULL, NULL, NULL) == SQLITE_OK || nt_sql_fail(to, error);
}

/* Whose fault it is: a page that does not fit its checksum was read, all else was met in writing. */
static bool fail_copying(NtCatalogue *from, NtCatalogue *to, int rc, GError **error) {
    bool read = (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_IOERR_DATA || (rc & 0xff) == SQLITE_BUSY;
    return nt_sql_fail_rc(read ? from : to, rc, error);
}

static bool copy_pages(NtCatalogue *from, NtCatalogue *to,
                       bool (*tell)(uint64_t done, uint64_t total, void *data, GError **error), void *data,
                       GError **error) {
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
static bool leave_log(NtCatalogue *to, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, to, error, "PRAGMA journal_mode=DELETE", "") || nt_query_step(&query, error) < 0) {
        return false;
    }
    return g_strcmp0(nt_column_text(&query, 0), "delete") == 0 ||
           nt_fail(error, NITERU_ERROR_IO, "%s: cannot be closed as one file", to->path);
}

bool nt_catalogue_copy(NtCatalogue *from, const char *path,
                       bool (*tell)(uint64_t done, uint64_t total, void *data, GError **error), void *data,
                       GError **error) {
    g_assert(!sqlite3_get_autocommit(from->db)); /* a caller that forgot nt_catalogue_begin_reading */
    g_autofree char *folder = g_path_get_dirname(path);
    NtCatalogue to = {.folder = folder, .path = (char *)path, .lock_fd = -1, .record_fd = -1};
    to.statements = nt_statements_new();
    bool ok = open_copy(&to, from->checked, error) && copy_pages(from, &to, tell, data, error) && leave_log(&to, error);
    nt_statements_free(to.statements);
    sqlite3_close(to.db);
    return ok;
}

/* "photos/ab/" and 64 hexadecimal digits that begin with ab, and so no path that leads elsewhere. */
static bool is_original(const char *location) {
    static const char folder[] = "photos/";
    const char *first = location + sizeof folder - 1;
    return g_str_has_prefix(location, folder) && strlen(first) == 3 + 64 && strspn(first, "0123456789abcdef") == 2 &&
           first[2] == '/' && strspn(first + 3, "0123456789abcdef") == 64 && memcmp(first, first + 3, 2) == 0;
}

bool nt_catalogue_each_original(NtCatalogue *catalogue, bool (*each)(const char *location, uint64_t bytes, void *data),
                                void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, catalogue, error,
                       "SELECT f.location, max(coalesce(c.bytes, 0)) FROM photo f LEFT JOIN content c USING(content)"
                       " WHERE f.location >= 'photos/' AND f.location < 'photos0' GROUP BY f.location",
                       "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const char *location = nt_column_text(&query, 0);
        if (location != NULL && is_original(location) &&
            !each(location, (uint64_t)MAX(nt_column_int(&query, 1), 0), data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_count(NtCatalogue *catalogue, uint64_t *out_products, uint64_t *out_photos, GError **error) {
    int64_t products = 0, photos = 0;
    if (!nt_sql_int(catalogue, 0, &products, error, "SELECT count(*) FROM product", "") ||
        !nt_sql_int(catalogue, 0, &photos, error, "SELECT count(*) FROM photo", "")) {
        return false;
    }
    *out_products = (uint64_t)products;
    *out_photos = (uint64_t)photos;
    return true;
}

int nt_catalogue_layout(const NtCatalogue *catalogue) { return catalogue->version; }
