/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos given back: as they are, or small. Small ones are kept in thumbs/ by the hash of what they show and their
 * size, so that products that show one photo share them and nothing is ever out of date. Of what is kept the oldest go
 * when there is too much. It is a cache: nothing is synced, whatever cannot be written is made again, and a file that
 * is not a whole JPEG counts as none.
 */
#include "fetch/fetch.h"
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_BYTES = 256 << 20, /* kept, */
    LEFT_BYTES = 192 << 20, /* and left of them when some go */
    LEAST_BYTES = 4096,     /* that a file takes on disk, however small it is */
    THUMB_BYTES = 16 << 20, /* more is no small picture of ours */
};

static const unsigned sides[] = {64, 128, 256, 384, 512, 768, 1024};

/* A photo of a product, as the catalogue knows it. */
typedef struct Shown {
    char *path;
    uint8_t hash[32];
    bool hashed;
    bool own_network; /* of a web address: it came from the shop's own network */
} Shown;

static void clear_shown(Shown *shown) { g_free(shown->path); }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Shown, clear_shown)

/* Looks it up; the transaction is over before any file is read. */
static bool find_photo(const NtCall *call, const char *product, unsigned position, Shown *out, GError **error) {
    g_auto(NtReader) reader = {0};
    g_autofree char *location = NULL;
    if (!nt_reader_open_for(&reader, call, error) ||
        !nt_catalogue_find_photo(reader.db, product, position, &location, out->hash, &out->hashed, error)) {
        return false;
    }
    if (location[0] == '\0') {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "photo number %u of product '%s' came as a vector alone",
                       position, product);
    }
    if (nt_is_web_address(location) && !nt_catalogue_is_own_network(reader.db, location, &out->own_network, error)) {
        return false;
    }
    out->path = nt_location_path(call->catalogue, location);
    return true;
}

static GBytes *fetch(const NtCall *call, const Shown *shown, GError **error) {
    const NtLimits *limits = &call->catalogue->limits;
    const NtFetchOptions options = {.allow_private = shown->own_network,
                                    .bytes = MIN(limits->fetch_bytes, limits->photo_bytes)};
    return nt_fetch_one(shown->path, &options, &call->wait, error);
}

/* The bytes of a file or web address that is a photo: nothing else that these may name is given to anyone. */
static GBytes *read_photo(const NtCall *call, const Shown *shown, NtImageFormat *out_format, GError **error) {
    const char *path = shown->path;
    g_autoptr(GBytes) bytes =
        nt_is_web_address(path) ? fetch(call, shown, error) : nt_photo_read(path, &call->catalogue->limits, error);
    if (bytes == NULL) {
        return NULL;
    }
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    *out_format = nt_image_sniff(data, size);
    if (*out_format == NT_IMAGE_UNKNOWN) {
        nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: not a photo that niteru reads", path);
        return NULL;
    }
    return g_steal_pointer(&bytes);
}

GBytes *niteru_photo_bytes(NiteruCatalogue *catalogue, const char *product, unsigned position, const char **out_type,
                           unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(Shown) shown = {0};
    NtImageFormat format;
    g_autoptr(GBytes) bytes = nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) &&
                                      find_photo(&call, product, position, &shown, error)
                                  ? read_photo(&call, &shown, &format, error)
                                  : NULL;
    if (bytes != NULL && out_type != NULL) {
        *out_type = nt_image_mime(format);
    }
    return g_steal_pointer(&bytes);
}

/* ---- what is kept ---- */

static char *path_of(const NiteruCatalogue *catalogue, const uint8_t hash[32], unsigned side) {
    GString *name = g_string_new(NULL);
    for (unsigned i = 0; i < 32; i++) {
        g_string_append_printf(name, "%02x", hash[i]);
    }
    g_string_append_printf(name, "-%u.jpg", side);
    char *path = g_build_filename(catalogue->folder, "thumbs", name->str, NULL);
    g_string_free(name, TRUE);
    return path;
}

static GBytes *read_kept(const char *path) {
    g_autoptr(GBytes) bytes = nt_file_read(path, THUMB_BYTES, NULL);
    gsize size = 0;
    const uint8_t *data = bytes != NULL ? g_bytes_get_data(bytes, &size) : NULL;
    bool whole = size > 4 && data[0] == 0xff && data[1] == 0xd8 && data[size - 2] == 0xff && data[size - 1] == 0xd9;
    return whole ? g_steal_pointer(&bytes) : NULL;
}

typedef struct Kept {
    char *path;
    int64_t made; /* seconds */
    uint64_t bytes;
} Kept;

static void clear_kept(void *data) { g_free(((Kept *)data)->path); }

static int oldest_first(const void *a, const void *b) {
    const Kept *x = a, *y = b;
    return (x->made > y->made) - (x->made < y->made);
}

/* Removes the oldest files where there are too many bytes; how many are left. */
static uint64_t put_out_oldest(const char *folder) {
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Kept));
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    uint64_t bytes = 0;
    g_array_set_clear_func(all, clear_kept);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        GStatBuf file;
        if (g_lstat(path, &file) == 0 && S_ISREG(file.st_mode)) {
            Kept kept = {g_steal_pointer(&path), file.st_mtime, MAX((uint64_t)file.st_size, LEAST_BYTES)};
            g_array_append_val(all, kept);
            bytes += kept.bytes;
        }
    }
    g_array_sort(all, oldest_first);
    uint64_t goal = bytes > MOST_BYTES ? LEFT_BYTES : bytes;
    for (guint i = 0; bytes > goal && i < all->len; i++) {
        const Kept *kept = &g_array_index(all, Kept, i);
        g_unlink(kept->path);
        bytes -= kept->bytes;
    }
    return bytes;
}

/* Counts what was written. Whoever finds that it is too much, or not known, sees to it; others go on meanwhile. */
static void count_kept(NiteruCatalogue *catalogue, const char *folder, uint64_t bytes) {
    g_mutex_lock(&catalogue->lock);
    catalogue->thumb_bytes += MAX(bytes, LEAST_BYTES);
    bool look = !catalogue->thumbs_counted || catalogue->thumb_bytes > MOST_BYTES;
    if (look) {
        catalogue->thumbs_counted = true;
        catalogue->thumb_bytes = 0;
    }
    g_mutex_unlock(&catalogue->lock);
    if (look) {
        uint64_t left = put_out_oldest(folder);
        g_mutex_lock(&catalogue->lock);
        catalogue->thumb_bytes += left;
        g_mutex_unlock(&catalogue->lock);
    }
}

/* Keeps a picture, unless it cannot be: under another name first, so that nobody reads half of it. */
static void keep(NiteruCatalogue *catalogue, const char *path, GBytes *picture) {
    g_autofree char *folder = g_path_get_dirname(path), *written = g_strconcat(path, ".XXXXXX", NULL);
    gsize size;
    const void *data = g_bytes_get_data(picture, &size);
    if (nt_catalogue_read_only(catalogue->db) || (g_mkdir(folder, 0777) != 0 && errno != EEXIST)) {
        return;
    }
    int fd = g_mkstemp_full(written, O_WRONLY | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && nt_write_all(fd, written, data, size, 0, NULL);
    ok = fd >= 0 && close(fd) == 0 && ok && g_rename(written, path) == 0;
    if (ok) {
        count_kept(catalogue, folder, size);
    } else if (fd >= 0) {
        g_unlink(written);
    }
}

static GBytes *make(const NtCall *call, const Shown *shown, unsigned side, GError **error) {
    NiteruCatalogue *catalogue = call->catalogue;
    NtImageFormat format;
    g_autoptr(GBytes) photo = read_photo(call, shown, &format, error);
    GBytes *picture =
        photo != NULL ? nt_pipeline_thumbnail(catalogue->pipeline, photo, shown->path, side, &call->wait, error) : NULL;
    if (picture != NULL) {
        uint8_t hash[32]; /* of what the file is now, which may be another photo than was indexed */
        gsize size;
        const void *data = g_bytes_get_data(photo, &size);
        nt_sha256(data, size, hash);
        g_autofree char *path = path_of(catalogue, hash, side);
        keep(catalogue, path, picture);
    }
    return picture;
}

GBytes *niteru_photo_thumbnail(NiteruCatalogue *catalogue, const char *product, unsigned position, unsigned side,
                               unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(Shown) shown = {0};
    unsigned largest = sides[G_N_ELEMENTS(sides) - 1], kept_side = largest;
    if (side == 0 || side > largest) {
        nt_fail(error, NITERU_ERROR_INVALID, "side: a picture of %u pixels: it may have 1 to %u", side, largest);
        nt_fact(error, "field", "side");
        return NULL;
    }
    for (size_t i = G_N_ELEMENTS(sides); i > 0 && sides[i - 1] >= side; i--) {
        kept_side = sides[i - 1];
    }
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) ||
        !find_photo(&call, product, position, &shown, error)) {
        return NULL;
    }
    g_autofree char *path = shown.hashed ? path_of(catalogue, shown.hash, kept_side) : NULL;
    GBytes *kept = path != NULL ? read_kept(path) : NULL;
    return kept != NULL ? kept : make(&call, &shown, kept_side, error);
}
