/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest/originals.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <utime.h>

char *originals_location(const uint8_t hash[32]) {
    GString *out = g_string_new("photos/");
    g_string_append_printf(out, "%02x/", hash[0]);
    for (unsigned i = 0; i < 32; i++) {
        g_string_append_printf(out, "%02x", hash[i]);
    }
    return g_string_free(out, FALSE);
}

bool originals_keep(NiteruCatalogue *catalogue, const uint8_t hash[32], GBytes *bytes, GError **error) {
    g_autofree char *location = originals_location(hash), *path = nt_catalogue_path(catalogue->db, NULL, location);
    g_autofree char *folder = g_path_get_dirname(path), *photos = nt_catalogue_path(catalogue->db, "photos", NULL);
    GStatBuf there;
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    if (g_stat(path, &there) == 0 && (gsize)there.st_size == size && g_utime(path, NULL) == 0) {
        return true; /* kept already; as of now, so that it is not taken for a left-over */
    }
    return nt_folder_make(photos, error) && nt_folder_make(folder, error) && nt_file_write(path, data, size, error);
}
