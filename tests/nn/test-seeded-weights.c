/* SPDX-License-Identifier: Apache-2.0 */
/* The same numbers as Python's: checksums and values printed by tools/references (see tests/nn/golden/README.md). */
#include "seeded-weights.h"

#include "base/base.h"

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

static void test_bytes(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(g_getenv("NITERU_GOLDEN"), "mobilenet_v2.onnx", NULL);
    g_autoptr(GBytes) bytes = nt_seeded_onnx(path, &error);
    g_assert_no_error(error);
    /* Fields stand in another order than in Python's file, so sizes are compared, and values where they matter: by
     * the embeddings of test-golden. */
    g_assert_cmpuint(g_bytes_get_size(bytes), ==, 13993961);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/seeded/uniform", test_uniform);
    g_test_add_func("/nn/seeded/picture", test_picture);
    g_test_add_func("/nn/seeded/bytes", test_bytes);
    return g_test_run();
}
