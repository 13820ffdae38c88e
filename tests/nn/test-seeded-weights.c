/* SPDX-License-Identifier: Apache-2.0 */
/* The same numbers as Python's: checksums and values printed by tools/references (see tests/nn/golden/README.md). */
#include "seeded-weights.h"

#include "base/base.h"

static const char *const networks[] = {
    "efficientnet_b0",    "efficientnet_b0-dynamo",
    "inception_v3",       "inception_v3_transform",
    "keras-resnet50",     "mobilenet_v2",
    "resnet50",           "resnet50-dynamo",
    "resnet50-batchnorm", "vgg16",
};

static void test_uniform(void) {
    float values[4], later[2];
    nt_seeded_uniform("niteru", 0, 4, values);
    nt_seeded_uniform("niteru", 2, 2, later);
    g_assert_cmpmem(later, sizeof later, values + 2, sizeof later);
    const float python[4] = {0x1.1623a00000000p-3F, -0x1.d56e980000000p-2F, 0x1.1ccc700000000p-2F,
                             -0x1.10ae1c0000000p-1F};
    g_assert_cmpmem(values, sizeof values, python, sizeof python);
}

static void test_picture(void) {
    g_autofree float *picture = g_new(float, 3 * 20 * 30);
    nt_seeded_picture(7, 3, 20, 30, picture);
    const float python[4] = {-0x1.b2c1da0000000p-1F, -0x1.c516040000000p+0F, -0x1.3e61900000000p-1F,
                             -0x1.51646a0000000p-1F};
    for (int i = 0; i < 4; i++) {
        g_assert_cmpfloat_with_epsilon(picture[i * 599], python[i], 1e-5F);
    }
}

/* The whole file, byte for byte: its SHA-256 is the one Python wrote down. */
static void test_bytes(gconstpointer data) {
    const char *name = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *skeleton = g_strconcat(g_getenv("NITERU_GOLDEN"), "/", name, ".onnx", NULL);
    g_autofree char *notes = g_strconcat(g_getenv("NITERU_GOLDEN"), "/", name, ".json", NULL);
    g_autoptr(GBytes) text = nt_file_read(notes, 4096, &error);
    g_assert_no_error(error);
    g_autoptr(NtJson) json = nt_json_parse(g_bytes_get_data(text, NULL), g_bytes_get_size(text), notes, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) bytes = nt_seeded_onnx(skeleton, &error);
    g_assert_no_error(error);
    uint8_t hash[32];
    nt_sha256(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), hash);
    g_autofree char *hex = nt_hex(hash, sizeof hash);
    g_assert_cmpstr(hex, ==, nt_json_text(nt_json_get(json, "sha256"), NULL));
}

static void test_broken(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(g_getenv("NITERU_GOLDEN"), "resnet50.json", NULL);
    g_assert_null(nt_seeded_onnx(path, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/seeded/uniform", test_uniform);
    g_test_add_func("/nn/seeded/picture", test_picture);
    for (size_t i = 0; i < G_N_ELEMENTS(networks); i++) {
        g_autofree char *path = g_strconcat("/nn/seeded/bytes/", networks[i], NULL);
        g_test_add_data_func(path, networks[i], test_bytes);
    }
    g_test_add_func("/nn/seeded/broken", test_broken);
    return g_test_run();
}
