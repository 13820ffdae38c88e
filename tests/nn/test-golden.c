/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole architectures against ONNX Runtime: true exports with seeded weights (tests/nn/golden/README.md), the network's
 * embedding by the rule of nn.h, three pictures. The bounds are those niteru promises: max|a - b| / max|b| <= 1e-3 and
 * cosine >= 0.99999.
 */
#include "nn/nn.h"
#include "seeded-weights.h"

#include "base/base.h"

#include <math.h>
#include <string.h>

static char *golden_path(const char *name, const char *ending) {
    g_autofree char *file = g_strconcat(name, ending, NULL);
    return g_build_filename(g_getenv("NITERU_GOLDEN"), file, NULL);
}

/* The numbers of a version 1 .npy file of float32, (rows, columns). */
static GBytes *read_npy(const char *path, size_t numbers) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = nt_file_read(path, 1 << 24, &error);
    g_assert_no_error(error);
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    g_assert_cmpmem(data, 6, "\x93NUMPY", 6);
    size_t start = 10 + data[8] + 256 * (size_t)data[9];
    g_assert_cmpuint(size, ==, start + numbers * sizeof(float));
    return g_bytes_new_from_bytes(bytes, start, numbers * sizeof(float));
}

static void compare(const char *name, const float *got, const float *expected, size_t count) {
    double largest = 0, difference = 0, dot = 0, a = 0, b = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        difference = fmax(difference, fabs((double)got[i] - (double)expected[i]));
        dot += (double)got[i] * (double)expected[i];
        a += (double)got[i] * (double)got[i];
        b += (double)expected[i] * (double)expected[i];
    }
    g_test_message("%s: max|a-b|/max|b| %.2e, 1 - cosine %.2e", name, difference / largest, 1 - dot / sqrt(a * b));
    g_assert_cmpfloat(difference / largest, <=, 1e-3);
    g_assert_cmpfloat(dot / sqrt(a * b), >=, 0.99999);
}

/* The pictures as the card of the reference says: scaled, (n, 3, side, side). */
static float *pictures(const NtJson *facts, unsigned queries, unsigned side) {
    size_t pixels = (size_t)3 * side * side;
    float *input = g_new(float, queries *pixels);
    for (unsigned i = 0; i < queries; i++) {
        nt_seeded_picture(i, 3, side, side, input + i * pixels);
    }
    double scale = nt_json_number(nt_json_get(facts, "scale"), 1);
    for (size_t i = 0; i < queries * pixels; i++) {
        input[i] *= (float)scale;
    }
    return input;
}

static void test_network(const void *data) {
    const char *name = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *onnx_path = golden_path(name, ".onnx"), *npy_path = golden_path(name, ".npy");
    g_autofree char *json_path = golden_path(name, ".json");
    g_autoptr(GBytes) text = nt_file_read(json_path, 1 << 16, &error);
    g_assert_no_error(error);
    g_autoptr(NtJson) facts =
        nt_json_parse(g_bytes_get_data(text, NULL), g_bytes_get_size(text), json_path, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = nt_seeded_onnx(onnx_path, &error);
    g_assert_no_error(error);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, name, NULL, &error);
    g_assert_no_error(error);
    const NtNetworkInfo *info = nt_network_info(network);
    unsigned side = (unsigned)nt_json_int(nt_json_get(facts, "side"), 0);
    unsigned queries = (unsigned)nt_json_int(nt_json_get(facts, "queries"), 0);
    g_assert_cmpuint(info->height, ==, side);
    g_assert_cmpint(info->channels_last, ==, nt_json_truth(nt_json_get(facts, "channels_last"), false));
    g_assert_cmpint((int64_t)info->dimension, ==, nt_json_int(nt_json_get(facts, "dimension"), 0));
    g_autofree float *input = pictures(facts, queries, side);
    g_autofree float *out = g_new(float, queries * info->dimension);
    g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, &error);
    g_assert_no_error(error);
    g_assert_true(nt_runner_run(runner, input, queries, out, NULL, &error));
    g_autoptr(GBytes) expected = read_npy(npy_path, queries * info->dimension);
    for (unsigned i = 0; i < queries; i++) {
        const float *row = (const float *)g_bytes_get_data(expected, NULL) + i * info->dimension;
        compare(name, out + i * info->dimension, row, info->dimension);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(g_getenv("NITERU_GOLDEN"), 0, &error);
    g_assert_no_error(error);
    for (const char *file; (file = g_dir_read_name(dir)) != NULL;) {
        if (g_str_has_suffix(file, ".onnx")) {
            char *name = g_strndup(file, strlen(file) - 5);
            g_autofree char *test = g_strdup_printf("/nn/golden/%s", name);
            g_test_add_data_func_full(test, name, test_network, g_free);
        }
    }
    return g_test_run();
}
