/* SPDX-License-Identifier: Apache-2.0 */
/* The order of passes. Transposes go first, so that the others see channels where convolutions have them; folding comes
 * again after it, for constants that were transposed with their operands. */
#include "nn/network-internal.h"
#include "nn/pass-internal.h"

typedef bool (*Pass)(NtGraph *graph, const NtShapes *shapes, GError **error);

static const Pass passes[] = {nt_pass_fold,       nt_pass_transpose, nt_pass_fold, nt_pass_pad,
                              nt_pass_activation, nt_pass_affine,    nt_pass_fuse};

bool nt_optimise(NtGraph *graph, const NtShape *input, GError **error) {
    for (unsigned i = 0; i < G_N_ELEMENTS(passes); i++) {
        g_autoptr(NtShapes) shapes = nt_shapes_infer(graph, input, error);
        if (shapes == NULL || !passes[i](graph, shapes, error) || !nt_graph_sweep(graph, error)) {
            return false;
        }
    }
    return true;
}
