/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos and contents. A photo row keeps the stamp its file had when it was read, so that the next run can tell without
 * opening the file whether to read it again; and while a changed file waits to be read, the row keeps pointing at what
 * it showed before, so that the product stays in the answers.
 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* ---- stamps ----------------------------------------------------------------------------------------------------- */

static bool stamp_of(const struct stat *st, const char *name, NtStamp *out, GError **error) {
    if (!S_ISREG(st->st_mode)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: not a regular file", name);
    }
    *out = (NtStamp){.size = st->st_size,
                     .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
                     .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
                     .inode = (int64_t)st->st_ino};
    return true;
}

bool nt_stamp_read(const char *path, NtStamp *out, GError **error) {
    struct stat st;
    return stat(path, &st) == 0 ? stamp_of(&st, path, out, error) : nt_fail_errno(error, errno, "%s", path);
}

bool nt_stamp_read_fd(int fd, const char *name, NtStamp *out, GError **error) {
    struct stat st;
    return fstat(fd, &st) == 0 ? stamp_of(&st, name, out, error) : nt_fail_errno(error, errno, "%s", name);
}

static bool is_known(const NtStamp *stamp) {
    return stamp->size != 0 || stamp->mtime_ns != 0 || stamp->ctime_ns != 0 || stamp->inode != 0;
}

static bool same_stamp(const NtStamp *a, const NtStamp *b) {
    return is_known(a) && a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->inode == b->inode;
}

/* ---- putting a product's photos --------------------------------------------------------------------------------- */

/* A photo row as it stands. */
typedef struct OldPhoto {
    int64_t photo, content;
    NtStamp stamp;
    int64_t failure_code, asked, own_network;
    char *location, *failure, *etag, *modified;
} OldPhoto;

static void clear_old(void *at) {
    OldPhoto *old = at;
    g_free(old->location);
    g_free(old->failure);
    g_free(old->etag);
    g_free(old->modified);
}

static GArray *read_old(NtCatalogue *catalogue, int64_t product, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT photo, content, size, mtime_ns, ctime_ns, inode, failure_code, location, failure,"
                       " asked, own_network, etag, modified FROM photo WHERE product = ?1 ORDER BY position",
                       "i", product)) {
        return NULL;
    }
    g_autoptr(GArray) photos = g_array_new(false, false, sizeof(OldPhoto));
    g_array_set_clear_func(photos, clear_old);
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        OldPhoto old = {.photo = nt_column_int(&query, 0),
                        .content = nt_column_int(&query, 1),
                        .stamp = {nt_column_int(&query, 2), nt_column_int(&query, 3), nt_column_int(&query, 4),
                                  nt_column_int(&query, 5)},
                        .failure_code = nt_column_int(&query, 6),
                        .location = g_strdup(nt_column_text(&query, 7)),
                        .failure = g_strdup(nt_column_text(&query, 8)),
                        .asked = nt_column_int(&query, 9),
                        .own_network = nt_column_int(&query, 10),
                        .etag = g_strdup(nt_column_text(&query, 11)),
                        .modified = g_strdup(nt_column_text(&query, 12))};
        g_array_append_val(photos, old);
    }
    return step == 0 ? g_steal_pointer(&photos) : NULL;
}

/* What is known of a photo whose row is `old` (NULL: it had none). */
static NtPhotoState state_of(int64_t photo, const OldPhoto *old, const NtPhotoPut *put) {
    NtPhotoState state = {.photo = photo, .shown = old != NULL ? old->content : 0};
    if (old != NULL && same_stamp(&old->stamp, &put->stamp)) {
        state.failed = old->failure != NULL;
        state.content = state.failed ? 0 : old->content;
    }
    return state;
}

static bool same_locations(const GArray *old, const NtProductPut *put) {
    bool same = old->len == put->photo_count;
    for (guint i = 0; same && i < old->len; i++) {
        same = g_str_equal(g_array_index(old, OldPhoto, i).location, put->photos[i].location);
    }
    return same;
}

/* The old row from which the new photo at `position` inherits: the one with its location, else one in its place that
 * came with an imported vector and has no file. */
static const OldPhoto *ancestor(const GArray *old, const NtProductPut *put, size_t position) {
    for (guint i = 0; i < old->len; i++) {
        const OldPhoto *candidate = &g_array_index(old, OldPhoto, i);
        if (g_str_equal(candidate->location, put->photos[position].location)) {
            return candidate;
        }
    }
    const OldPhoto *there = position < old->len ? &g_array_index(old, OldPhoto, position) : NULL;
    return there != NULL && there->location[0] == '\0' ? there : NULL;
}

static bool insert(NtCatalogue *catalogue, int64_t product, size_t position, const char *location, const OldPhoto *old,
                   int64_t *out_photo, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "INSERT INTO photo(product, position, location, content, size, mtime_ns, ctime_ns, inode,"
                       " failure_code, failure, asked, own_network, etag, modified)"
                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, nullif(?11, 0), coalesce(?12, 0), ?13, ?14)",
                       "iit", product, (int64_t)position, location)) {
        return false;
    }
    if (old != NULL) {
        const int64_t kept[] = {old->stamp.size, old->stamp.mtime_ns, old->stamp.ctime_ns, old->stamp.inode};
        if (old->content != 0) {
            sqlite3_bind_int64(query.stmt, 4, old->content);
        }
        for (int i = 0; i < 4; i++) {
            sqlite3_bind_int64(query.stmt, 5 + i, kept[i]);
        }
        if (old->failure != NULL) {
            sqlite3_bind_int64(query.stmt, 9, old->failure_code);
            sqlite3_bind_text(query.stmt, 10, old->failure, -1, SQLITE_STATIC);
        }
        sqlite3_bind_int64(query.stmt, 11, old->asked);
        sqlite3_bind_int64(query.stmt, 12, old->own_network);
        sqlite3_bind_text(query.stmt, 13, old->etag, -1, SQLITE_STATIC);
        sqlite3_bind_text(query.stmt, 14, old->modified, -1, SQLITE_STATIC);
    }
    if ((old != NULL && old->content != 0 && !nt_content_appears(catalogue, old->content, error)) ||
        nt_query_step(&query, error) < 0) {
        return false;
    }
    *out_photo = sqlite3_last_insert_rowid(catalogue->sql.db);
    return true;
}

/* Removes the photos one by one, so that the last that shows a content is known as that. */
static bool remove_old(NtCatalogue *catalogue, const GArray *old, GError **error) {
    for (guint i = 0; i < old->len; i++) {
        const OldPhoto *row = &g_array_index(old, OldPhoto, i);
        if (!nt_sql_run(&catalogue->sql, error, "DELETE FROM photo WHERE photo = ?1", "i", row->photo) ||
            (row->content != 0 && !nt_content_disappears(catalogue, row->content, error))) {
            return false;
        }
    }
    return true;
}

bool nt_photos_put(NtCatalogue *catalogue, int64_t product, const NtProductPut *put, NtPhotoState *out_photos,
                   GError **error) {
    g_autoptr(GArray) old = read_old(catalogue, product, error);
    if (old == NULL) {
        return false;
    }
    /* The usual second run: the same photos, nothing to write. */
    if (same_locations(old, put)) {
        for (guint i = 0; i < old->len; i++) {
            const OldPhoto *row = &g_array_index(old, OldPhoto, i);
            out_photos[i] = state_of(row->photo, row, &put->photos[i]);
        }
        return true;
    }
    nt_change_note(catalogue, product);
    if (!remove_old(catalogue, old, error)) {
        return false;
    }
    for (size_t i = 0; i < put->photo_count; i++) {
        const OldPhoto *from = ancestor(old, put, i);
        int64_t photo = 0;
        if (!insert(catalogue, product, i, put->photos[i].location, from, &photo, error)) {
            return false;
        }
        out_photos[i] = state_of(photo, from, &put->photos[i]);
    }
    return true;
}

bool nt_catalogue_each_photo(NtCatalogue *catalogue, int64_t product, bool (*each)(const char *location, void *data),
                             void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT location FROM photo WHERE product = ?1 ORDER BY position", "i", product)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1 && each(nt_column_text(&query, 0), data)) {
    }
    return step >= 0;
}

/* ---- contents --------------------------------------------------------------------------------------------------- */

bool nt_catalogue_find_content(NtCatalogue *catalogue, const uint8_t hash[32], int64_t *out_content, GError **error) {
    return nt_sql_int(&catalogue->sql, 0, out_content, error, "SELECT content FROM content WHERE hash = ?1", "h", hash);
}

bool nt_catalogue_add_content(NtCatalogue *catalogue, const NtContent *content, int64_t *out_content, GError **error) {
    int64_t found = 0;
    if (!nt_may_write(catalogue, error) || !nt_catalogue_find_content(catalogue, content->hash, &found, error)) {
        return false;
    }
    if (found == 0) {
        if (!nt_sql_run(&catalogue->sql, error,
                        "INSERT INTO content(hash, bytes, format, width, height)"
                        " VALUES(?1, ?2, ?3, nullif(?4, 0), nullif(?5, 0))",
                        "hitii", content->hash, (int64_t)content->bytes, content->format, (int64_t)content->width,
                        (int64_t)content->height)) {
            return false;
        }
        found = sqlite3_last_insert_rowid(catalogue->sql.db);
    }
    *out_content = found;
    return true;
}

/* A photo's product and what it shows (0: nothing). Errors: NOT_FOUND. */
static bool read_photo(NtCatalogue *catalogue, int64_t photo, int64_t *out_product, int64_t *out_content,
                       GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT product, content FROM photo WHERE photo = ?1", "i",
                       photo)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        return step < 0 ? false
                        : nt_fail(error, NITERU_ERROR_NOT_FOUND, "photo number %" G_GINT64_FORMAT " is gone", photo);
    }
    *out_product = nt_column_int(&query, 0);
    *out_content = nt_column_int(&query, 1);
    return true;
}

bool nt_catalogue_is_shown(NtCatalogue *catalogue, int64_t content, bool *out, GError **error) {
    int64_t shown = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &shown, error, "SELECT EXISTS(SELECT 1 FROM photo WHERE content = ?1)", "i",
                    content)) {
        return false;
    }
    *out = shown != 0;
    return true;
}

bool nt_catalogue_photo_is(NtCatalogue *catalogue, int64_t photo, const char *location, int64_t content, bool *out,
                           GError **error) {
    int64_t same = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &same, error,
                    "SELECT location = ?2 AND coalesce(content, 0) = ?3 FROM photo WHERE photo = ?1", "iti", photo,
                    location, content)) {
        return false;
    }
    *out = same != 0;
    return true;
}

/* The photo shows nothing any more. */
static bool unset_content(NtCatalogue *catalogue, int64_t photo, int64_t content, GError **error) {
    return content == 0 ||
           (nt_sql_run(&catalogue->sql, error, "UPDATE photo SET content = NULL WHERE photo = ?1", "i", photo) &&
            nt_content_disappears(catalogue, content, error));
}

/* The photo shows `content` instead of `old`. Vectors imported for a photo that had no file belong to the file once it
 * is known. */
static bool change_content(NtCatalogue *catalogue, int64_t photo, int64_t old, int64_t content, GError **error) {
    int64_t imported = 0;
    return unset_content(catalogue, photo, old, error) &&
           nt_sql_int(&catalogue->sql, 0, &imported, error, "SELECT hash IS NULL FROM content WHERE content = ?1", "i",
                      old) &&
           (imported == 0 || nt_vectors_adopt(catalogue, old, content, error)) &&
           nt_content_appears(catalogue, content, error);
}

bool nt_catalogue_set_photo_content(NtCatalogue *catalogue, int64_t photo, int64_t content, const NtStamp *stamp,
                                    GError **error) {
    NtStamp known = stamp != NULL ? *stamp : (NtStamp){0};
    int64_t product = 0, old = 0;
    if (!nt_may_write(catalogue, error) || !read_photo(catalogue, photo, &product, &old, error)) {
        return false;
    }
    if (old != content) {
        nt_change_note(catalogue, product);
    }
    return (old == content || change_content(catalogue, photo, old, content, error)) &&
           nt_sql_run(&catalogue->sql, error,
                      "UPDATE photo SET content = ?2, size = ?3, mtime_ns = ?4, ctime_ns = ?5, inode = ?6,"
                      " failure_code = NULL, failure = NULL WHERE photo = ?1",
                      "iiiiii", photo, content, known.size, known.mtime_ns, known.ctime_ns, known.inode);
}

bool nt_catalogue_set_photo_failure(NtCatalogue *catalogue, int64_t photo, const GError *reason, const NtStamp *stamp,
                                    GError **error) {
    NtStamp known = stamp != NULL ? *stamp : (NtStamp){0};
    int64_t code = reason->domain == NITERU_ERROR ? reason->code : NITERU_ERROR_FAILED;
    g_autofree char *message = g_utf8_make_valid(reason->message, -1);
    int64_t product = 0, old = 0;
    if (!nt_may_write(catalogue, error) || !read_photo(catalogue, photo, &product, &old, error)) {
        return false;
    }
    nt_change_note(catalogue, product);
    return unset_content(catalogue, photo, old, error) &&
           nt_sql_run(&catalogue->sql, error,
                      "UPDATE photo SET size = ?2, mtime_ns = ?3, ctime_ns = ?4, inode = ?5,"
                      " failure_code = ?6, failure = ?7 WHERE photo = ?1",
                      "iiiiiit", photo, known.size, known.mtime_ns, known.ctime_ns, known.inode, code, message);
}

bool nt_catalogue_import_content(NtCatalogue *catalogue, int64_t product, unsigned position, int64_t *out_content,
                                 GError **error) {
    int64_t photo = 0, content = 0;
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_int(&catalogue->sql, 0, &photo, error, "SELECT photo FROM photo WHERE product = ?1 AND position = ?2",
                    "ii", product, (int64_t)position) ||
        !nt_sql_int(&catalogue->sql, 0, &content, error, "SELECT content FROM photo WHERE photo = ?1", "i", photo)) {
        return false;
    }
    if (photo == 0 || content == 0) {
        nt_change_note(catalogue, product);
    }
    if (photo == 0 && !insert(catalogue, product, position, "", NULL, &photo, error)) {
        return false;
    }
    if (content == 0) {
        if (!nt_sql_run(&catalogue->sql, error, "INSERT INTO content(hash) VALUES(NULL)", "")) {
            return false;
        }
        content = sqlite3_last_insert_rowid(catalogue->sql.db);
        if (!nt_sql_run(&catalogue->sql, error,
                        "UPDATE photo SET content = ?2, failure = NULL, failure_code = NULL WHERE photo = ?1", "ii",
                        photo, content)) {
            return false;
        }
    }
    *out_content = content;
    return true;
}

bool nt_catalogue_photo_names(NtCatalogue *catalogue, int64_t photo, char **out_id, char **out_location,
                              GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT p.id, f.location FROM photo f JOIN product p USING(product) WHERE f.photo = ?1", "i",
                       photo)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        return step < 0 ? false
                        : nt_fail(error, NITERU_ERROR_NOT_FOUND, "photo number %" G_GINT64_FORMAT " is gone", photo);
    }
    if (out_id != NULL) {
        *out_id = g_strdup(nt_column_text(&query, 0));
    }
    if (out_location != NULL) {
        *out_location = g_strdup(nt_column_text(&query, 1));
    }
    return true;
}

bool nt_catalogue_each_failure(NtCatalogue *catalogue, bool (*each)(const NtPhotoFailure *failure, void *data),
                               void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT p.id, f.location, f.failure, f.failure_code FROM photo f JOIN product p USING(product)"
                       " WHERE f.failure IS NOT NULL ORDER BY f.product, f.position",
                       "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtPhotoFailure failure = {.product = nt_column_text(&query, 0),
                                  .location = nt_column_text(&query, 1),
                                  .message = nt_column_text(&query, 2),
                                  .code = (NiteruError)nt_column_int(&query, 3)};
        if (!each(&failure, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_find_photo(NtCatalogue *catalogue, const char *id, unsigned position, char **out_location,
                             uint8_t out_hash[32], bool *out_hashed, GError **error) {
    int64_t product = 0;
    g_auto(NtQuery) query = {0};
    if (!nt_catalogue_find_product(catalogue, id, &product, error) ||
        !nt_query_open(&query, &catalogue->sql, error,
                       "SELECT f.location, c.hash FROM photo f LEFT JOIN content c USING(content)"
                       " WHERE f.product = ?1 AND f.position = ?2",
                       "ii", product, (int64_t)position)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        g_autofree char *safe = nt_text_printable(id, 80);
        return step < 0 ? false
                        : nt_fail(error, NITERU_ERROR_NOT_FOUND, "product '%s' has no photo number %u", safe, position);
    }
    *out_location = g_strdup(nt_column_text(&query, 0));
    *out_hashed = sqlite3_column_bytes(query.stmt, 1) == 32;
    if (*out_hashed) {
        memcpy(out_hash, sqlite3_column_blob(query.stmt, 1), 32);
    }
    return true;
}
