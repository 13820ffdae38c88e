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

static void *digest(void *files) {
    uint8_t bytes[NT_DIGEST_BYTES];
    nt_network_files_digest(files, bytes);
    return NULL;
}

/* Milliseconds of one load, with the digest made beside it or not; *out_check: of the comparison. Negative: it failed.
 */
static double load_once(const char *path, const char *name, bool with_digest, double *out_check, GError **error) {
    double start = now_ms();
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, NULL, error);
    if (files == NULL) {
        return -1;
    }
    GThread *thread = with_digest ? g_thread_new("digest", digest, files) : NULL;
    g_autoptr(NtNetwork) network = nt_network_load_files(files, name, NULL, error);
    if (thread != NULL) {
        g_thread_join(thread);
    }
    *out_check = network != NULL ? nt_network_info(network)->check_seconds * 1e3 : 0;
    return network != NULL ? now_ms() - start : -1;
}

static bool measure(const char *path, const char *name, GError **error) {
    double plain[ROUNDS], whole[ROUNDS], check[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) { /* in turns, so that whatever else the machine does falls on both */
        plain[i] = load_once(path, name, false, &check[i], error);
        whole[i] = plain[i] >= 0 ? load_once(path, name, true, &check[i], error) : -1;
        if (whole[i] < 0) {
            return false;
        }
    }
    double all = median(whole), chains = median(check), bare = median(plain) - chains;
    printf("%s whole,%.1f,ms\n%s chains,%.2f,ms\n%s checks share,%.3f,ratio\n", name, all, name, chains, name,
           (all - bare) / bare);
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
