/* SPDX-License-Identifier: Apache-2.0 */
/* The order of passes. Transposes go first, so that the others see channels where convolutions have them; folding comes
 * again after it, for constants that were transposed with their operands. */
#include "nn/network-internal.h"
#include "nn/pass-internal.h"

typedef bool (*Pass)(NtGraph *graph, const NtShapes *shapes, GError **error);

static const Pass passes[] = {nt_pass_fold,       nt_pass_transpose, nt_pass_fold, nt_pass_pad,
                              nt_pass_activation, nt_pass_affine,    nt_pass_fuse};

NtNode *nt_pass_node(NtGraph *graph, const NtNode *like, const char *type, int input, int output) {
    NtNode *node = nt_graph_append(graph, like->name, type);
    node->op = nt_op_find(type);
    node->made = true;
    node->index = (int)graph->nodes->len - 1;
    nt_node_set_inputs(node, &input, 1);
    nt_node_set_outputs(node, &output, 1);
    nt_graph_value(graph, output)->producer = node->index;
    return node;
}

bool nt_optimise(NtGraph *graph, const NtShape *input, GError **error) {
    for (unsigned i = 0; i < G_N_ELEMENTS(passes); i++) {
        g_autoptr(NtShapes) shapes = nt_shapes_infer(graph, input, error);
        if (shapes == NULL || !passes[i](graph, shapes, error) || !nt_graph_sweep(graph, error)) {
            return false;
        }
    }
    return true;
}
