/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos that came as bytes: the catalogue keeps them in photos/, by the hash of their bytes, so that any model can
 * embed them later. Their location in the database is the path below the catalogue's folder, "photos/ab/abcdef...", so
 * that the folder can be moved; all other locations are absolute paths or addresses.
 *
 * An original is written before the transaction that names it, and outlives the product that showed it until a sweep
 * finds that no photo does. A sweep leaves young files alone: their transaction may be on its way.
 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

enum { YOUNG_SECONDS = 3600, HASH_BYTES = 32, HOLD_PAUSE = 20000 /* microseconds */ };

char *nt_original_location(const uint8_t hash[32]) {
    GString *out = g_string_new("photos/");
    g_string_append_printf(out, "%02x/", hash[0]);
    for (unsigned i = 0; i < HASH_BYTES; i++) {
        g_string_append_printf(out, "%02x", hash[i]);
    }
    return g_string_free(out, FALSE);
}

char *nt_location_path(const NiteruCatalogue *catalogue, const char *location) {
    bool kept = g_str_has_prefix(location, "photos/");
    return kept ? g_build_filename(catalogue->folder, location, NULL) : g_strdup(location);
}

const char *nt_path_location(const NiteruCatalogue *catalogue, const char *path) {
    size_t folder = strlen(catalogue->folder);
    return strncmp(path, catalogue->folder, folder) == 0 && g_str_has_prefix(path + folder, "/photos/")
               ? path + folder + 1
               : path;
}

bool nt_original_keep(NiteruCatalogue *catalogue, const uint8_t hash[32], GBytes *bytes, GError **error) {
    g_autofree char *location = nt_original_location(hash), *path = nt_location_path(catalogue, location);
    g_autofree char *folder = g_path_get_dirname(path);
    GStatBuf there;
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    if (g_stat(path, &there) == 0 && (gsize)there.st_size == size && g_utime(path, NULL) == 0) {
        return true; /* kept already; young from now on */
    }
    return nt_folder_make(folder, error) && nt_file_write(path, data, size, error);
}

void nt_original_touch(const NiteruCatalogue *catalogue, const char *path) {
    if (nt_path_location(catalogue, path) != path) {
        g_utime(path, NULL);
    }
}

static bool read_hash(const char *name, uint8_t out[HASH_BYTES]) {
    if (strlen(name) != 2 * HASH_BYTES) {
        return false;
    }
    for (unsigned i = 0; i < HASH_BYTES; i++) {
        int high = g_ascii_xdigit_value(name[2 * i]), low = g_ascii_xdigit_value(name[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Whether a photo shows what the file of that name holds; where that cannot be told, one does. */
static bool is_shown(NtCatalogue *db, const char *name) {
    uint8_t hash[HASH_BYTES];
    int64_t content = 0;
    bool shown = true;
    return !read_hash(name, hash) || !nt_catalogue_find_content(db, hash, &content, NULL) ||
           (content != 0 && (!nt_catalogue_is_shown(db, content, &shown, NULL) || shown));
}

static void sweep_folder(NtCatalogue *db, const char *folder, time_t before) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        GStatBuf file;
        if (g_lstat(path, &file) == 0 && S_ISREG(file.st_mode) && file.st_mtime < before && !is_shown(db, name)) {
            g_unlink(path);
        }
    }
}

/* Of the folder photos/, -1 where there is none: shared by those who read what an older state of the catalogue shows,
 * and held alone by a sweep. */
static int open_folder(const NiteruCatalogue *catalogue) {
    g_autofree char *folder = nt_location_path(catalogue, "photos/");
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool nt_originals_hold(const NiteruCatalogue *catalogue, const NtWait *wait, int *out_fd, GError **error) {
    int fd = open_folder(catalogue);
    while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) { /* a disk without locks: originals live an hour in any case */
            break;
        }
        if (!nt_wait_check(wait, error)) {
            close(fd);
            return false;
        }
        g_usleep(HOLD_PAUSE);
    }
    *out_fd = fd;
    return true;
}

void nt_originals_sweep(NiteruCatalogue *catalogue) {
    time_t before = time(NULL) - YOUNG_SECONDS;
    int held = open_folder(catalogue);
    if (held < 0 || (flock(held, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)) {
        if (held >= 0) { /* a backup is being made: the next sweep finds them */
            close(held);
        }
        return;
    }
    for (unsigned first = 0; first < 256; first++) {
        g_autofree char *name = g_strdup_printf("photos/%02x", first), *folder = nt_location_path(catalogue, name);
        g_auto(NtReader) reader = {0};
        if (g_file_test(folder, G_FILE_TEST_IS_DIR) && nt_reader_open(&reader, catalogue, NULL)) {
            sweep_folder(reader.db, folder, before);
        }
    }
    close(held);
}
