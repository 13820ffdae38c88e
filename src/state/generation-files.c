/* SPDX-License-Identifier: Apache-2.0 */
/* The names and headers of the vectors files of a model, <model>.<generation>.vec. */
#include "state/state.h"

#include <glib/gstdio.h>
#include <string.h>

char *nt_generation_path(const NtCatalogue *db, const char *name, uint32_t generation) {
    g_autofree char *file = g_strdup_printf("%s.%u.vec", name, generation);
    return nt_catalogue_path(db, "vectors", file);
}

bool nt_generation_spec(const NtModelRow *row, NtVectorsSpec *out, GError **error) {
    *out = (NtVectorsSpec){.dim = row->dimension, .generation = row->generation};
    memcpy(out->model_hash, row->hash, sizeof out->model_hash);
    return (nt_dtype_parse(row->dtype, &out->dtype) && nt_metric_parse(row->metric, &out->metric)) ||
           nt_fail(error, NITERU_ERROR_CORRUPT, "model %s: dtype '%s' or metric '%s' is not known", row->name,
                   row->dtype, row->metric);
}

/* Whether what follows the generation in a file's name is that of a vectors file being made ("AbC123" added by
 * nt_file_write), left behind by a kill. No model's file ends so: there is no dot in it. */
static bool is_left_over(const char *end) {
    static const char start[] = ".vec.";
    if (!g_str_has_prefix(end, start) || strlen(end) != sizeof start - 1 + 6) {
        return false;
    }
    return strspn(end + sizeof start - 1, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS) == 6;
}

void nt_generations_remove(const NtCatalogue *db, const char *name, uint32_t kept) {
    g_autofree char *folder = nt_catalogue_path(db, "vectors", NULL);
    g_autofree char *prefix = g_strconcat(name, ".", NULL);
    g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
    const char *file;
    while (files != NULL && (file = g_dir_read_name(files)) != NULL) {
        char *end = NULL;
        if (!g_str_has_prefix(file, prefix)) {
            continue;
        }
        guint64 generation = g_ascii_strtoull(file + strlen(prefix), &end, 10);
        if (is_left_over(end) || (strcmp(end, ".vec") == 0 && generation != kept)) {
            g_autofree char *path = g_build_filename(folder, file, NULL);
            g_unlink(path);
        }
    }
}
