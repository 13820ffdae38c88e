/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What loading a network costs, and what of it the two checks are: the digest that says it is the network the vectors
 * were made with, and the comparison of fused steps with plain arithmetic. usage: load [NETWORK.onnx...]
 *
 * Without networks named: those of tests/nn/golden, whose weights are made here. Medians of ROUNDS. Prints CSV:
 * figure,value,unit.
 */
#include "nn/nn.h"
#include "tests/nn/seeded-weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

enum { ROUNDS = 9 };

static double now_ms(void) { return (double)g_get_monotonic_time() * 1e-3; }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values) {
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

static bool measure(const char *path, const char *name, GError **error) {
    double whole[ROUNDS], digest[ROUNDS], check[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, NULL, error);
        if (files == NULL) {
            return false;
        }
        uint8_t bytes[NT_DIGEST_BYTES];
        double before = now_ms();
        nt_network_files_digest(files, bytes);
        digest[i] = now_ms() - before;
        g_autoptr(NtNetwork) network = nt_network_load_files(files, name, NULL, error);
        if (network == NULL) {
            return false;
        }
        whole[i] = now_ms() - start;
        check[i] = nt_network_info(network)->check_seconds * 1e3;
    }
    double all = median(whole), added = median(digest) + median(check);
    printf("%s whole,%.1f,ms\n%s digest,%.2f,ms\n%s chains,%.2f,ms\n%s checks share,%.3f,ratio\n", name, all, name,
           median(digest), name, median(check), name, added / (all - added));
    return true;
}

/* A network whose weights are seeded is written whole first. */
static bool measure_file(const char *path, GError **error) {
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(GBytes) bytes = nt_seeded_onnx(path, error);
    g_autofree char *folder = bytes != NULL ? g_dir_make_tmp("niteru-load-XXXXXX", error) : NULL;
    if (folder == NULL) {
        return false;
    }
    g_autofree char *whole = g_build_filename(folder, name, NULL);
    bool done = nt_file_write(whole, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), error) &&
                measure(whole, name, error);
    g_remove(whole);
    g_rmdir(folder);
    return done;
}

int main(int argc, char **argv) {
    static const char *const golden[] = {"resnet50", "efficientnet_b0", "mobilenet_v2", "inception_v3", "vgg16"};
    int status = 0;
    for (int i = 0; i < (argc > 1 ? argc - 1 : (int)G_N_ELEMENTS(golden)); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path =
            argc > 1 ? g_strdup(argv[i + 1]) : g_strdup_printf("tests/nn/golden/%s.onnx", golden[i]);
        if (!measure_file(path, &error)) {
            fprintf(stderr, "load: %s\n", error->message);
            status = 1;
        }
    }
    return status;
}
