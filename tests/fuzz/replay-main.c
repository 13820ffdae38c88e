/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files instead of under a fuzzer: each argument is a file, or a folder whose files are taken
 * in the order of their names. Every input is handed over in a block of its exact size, so that sanitizers see a read
 * beyond it. With --mutate=N each file is also run N times with a few bytes changed, by a fixed seed: no fuzzer, but
 * something on systems without one.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned mutations;
static unsigned runs;

static void run(const uint8_t *bytes, size_t size) {
    g_autofree uint8_t *block = g_memdup2(bytes, size);
    /* libFuzzer never passes NULL either. */
    LLVMFuzzerTestOneInput(block != NULL ? block : (const uint8_t *)"", size);
    runs++;
}

static void mutate(uint8_t *bytes, size_t size, GRand *random) {
    for (int i = g_rand_int_range(random, 1, 6); i > 0; i--) {
        bytes[g_rand_int_range(random, 0, (gint32)size)] = (uint8_t)g_rand_int(random);
    }
}

static bool replay_file(const char *path) {
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gsize size;
    if (!g_file_get_contents(path, &bytes, &size, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return false;
    }
    run((const uint8_t *)bytes, size);
    GRand *random = g_rand_new_with_seed(1);
    for (unsigned i = 0; i < mutations && size > 0; i++) {
        g_autofree uint8_t *changed = g_memdup2(bytes, size);
        mutate(changed, size, random);
        /* Every fourth one is cut off as well. */
        run(changed, i % 4 == 3 ? (size_t)g_rand_int_range(random, 0, (gint32)size) : size);
    }
    g_rand_free(random);
    return true;
}

static int by_name(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool replay(const char *path) {
    GDir *folder = g_dir_open(path, 0, NULL);
    if (folder == NULL) {
        return replay_file(path);
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name = g_dir_read_name(folder); name != NULL; name = g_dir_read_name(folder)) {
        g_ptr_array_add(names, g_build_filename(path, name, NULL));
    }
    g_dir_close(folder);
    g_ptr_array_sort(names, by_name);
    bool ok = names->len > 0;
    for (guint i = 0; i < names->len; i++) {
        ok = replay_file(names->pdata[i]) && ok;
    }
    return ok;
}

int main(int argc, char **argv) {
    bool ok = argc > 1;
    for (int i = 1; i < argc; i++) {
        if (g_str_has_prefix(argv[i], "--mutate=")) {
            mutations = (unsigned)g_ascii_strtoull(argv[i] + 9, NULL, 10);
        } else {
            ok = replay(argv[i]) && ok;
        }
    }
    printf("%u inputs\n", runs);
    return ok ? 0 : 1;
}
