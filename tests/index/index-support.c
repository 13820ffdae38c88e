/* SPDX-License-Identifier: Apache-2.0 */
#include "index-support.h"

#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

char *make_path(const char *name) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-index-XXXXXX", &error);
    assert_fine(error);
    return g_build_filename(folder, name, NULL);
}

void drop_path(char *path) {
    g_autofree char *folder = g_path_get_dirname(path);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(folder), ==, 0); /* nothing else is left there */
    g_free(path);
}

void assert_fine(GError *error) { g_assert_no_error(error); }

void assert_failed(GError **error, NiteruError code, const char *text) {
    g_assert_error(*error, NITERU_ERROR, (int)code);
    if (strstr((*error)->message, text) == NULL) {
        g_error("\"%s\" does not say \"%s\"", (*error)->message, text);
    }
    g_clear_error(error);
}

GByteArray *read_bytes(const char *path) {
    g_autoptr(GError) error = NULL;
    char *data;
    gsize size;
    g_file_get_contents(path, &data, &size, &error);
    assert_fine(error);
    return g_byte_array_new_take((guint8 *)data, size);
}

/* Not g_file_set_contents: its fsync makes a test of a thousand files slow. */
void write_bytes(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(data, 1, size, file), ==, size);
    g_assert_cmpint(fclose(file), ==, 0);
}

GRand *make_rand(void) {
    guint32 seed = (guint32)g_test_rand_int();
    g_test_message("seed %u", seed);
    return g_rand_new_with_seed(seed);
}

float normal(GRand *rand) {
    /* Four uniform numbers, of variance 1/12 each. */
    double sum = -2;
    for (int i = 0; i < 4; i++) {
        sum += g_rand_double(rand);
    }
    return (float)(sum * 1.7320508);
}
