/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the ONNX reader and everything behind it that a file steers: wire format, graph, shape arithmetic, folding,
 * passes, planning, packing of weights, and one run. Limits are low, so that time goes into finding and not into
 * computing.
 */
#include "nn/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The network at the size the file says; where it says none, at 8 x 8. */
static NtNetwork *load(GBytes *bytes, NtNetworkOptions options) {
    g_autoptr(GError) error = NULL;
    NtNetwork *network = nt_network_load_bytes(bytes, "fuzz.onnx", &options, &error);
    if (network != NULL || !g_error_matches(error, NITERU_ERROR, NITERU_ERROR_INVALID)) {
        return network;
    }
    options.height = options.width = 8;
    return nt_network_load_bytes(bytes, "fuzz.onnx", &options, NULL);
}

static void run_once(NtNetwork *network) {
    const NtNetworkInfo *info = nt_network_info(network);
    size_t pixels = (size_t)info->channels * info->height * info->width;
    if (pixels > 1 << 16 || info->dimension > 1 << 16 || info->multiply_adds > 1 << 24) {
        return;
    }
    g_autofree float *input = g_new0(float, pixels);
    g_autofree float *out = g_new(float, info->dimension + 1);
    g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, NULL);
    if (runner != NULL) {
        nt_runner_run(runner, input, 1, out, NULL, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    NtLimits limits = nt_limits_default();
    limits.onnx_bytes = 1 << 20;
    limits.onnx_nodes = 200;
    limits.onnx_activations = 1 << 22;
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    for (int unoptimised = 0; unoptimised < 2; unoptimised++) {
        g_autoptr(NtNetwork) network =
            load(bytes, (NtNetworkOptions){.limits = &limits, .unoptimised = unoptimised != 0});
        if (network != NULL) {
            run_once(network);
        }
    }
    return 0;
}
