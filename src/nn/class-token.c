/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The token that stands for the whole photo, where a transformer's tokens are the output.
 *
 *     class token ─► Expand ─┐
 *                             Concat ─► ... layers ... ─► (N, tokens, C) ─► Gather of token 0 ─► (N, C)
 *     patches of the photo ──┘
 *
 * ViT (Dosovitskiy et al., 2021, section 3.1), DeiT, CLIP and DINOv2 put one learnt token before those of the patches;
 * what comes out in its place is the embedding. It is known by that Concat. Tokens without one (Swin, SigLIP) are left
 * alone.
 */
#include "nn/network-internal.h"

#include <string.h>

/* Whether a value is one constant token of `length` numbers, repeated for each photo or not. */
static bool is_learnt_token(const NtGraph *graph, int value, int64_t length) {
    static const char *const repeating[] = {"Expand", "Tile", "Identity", "Cast", "Unsqueeze", "Reshape", NULL};
    const NtNode *node;
    while (nt_graph_constant(graph, value) == NULL && (node = nt_graph_producer(graph, value)) != NULL &&
           node->input_count > 0 && g_strv_contains(repeating, node->type)) {
        value = node->inputs[0];
    }
    const NtTensor *token = nt_graph_constant(graph, value);
    return token != NULL && token->type == NT_F32 && nt_shape_count(&token->shape) == length;
}

/* Whether a node puts a learnt token before the others. */
static bool puts_token_first(const NtGraph *graph, const NtNode *node, const NtShapes *shapes) {
    if (strcmp(node->type, "Concat") != 0 || node->input_count < 2 || node->inputs[0] < 0) {
        return false;
    }
    const NtShape *first = &shapes->shapes[node->inputs[0]], *all = &shapes->shapes[node->outputs[0]];
    int64_t axis = nt_node_int(node, "axis", 0);
    return (axis == 1 || axis == -2) && all->rank == 3 && first->rank == 3 && first->dims[1] == 1 &&
           is_learnt_token(graph, node->inputs[0], all->dims[2]);
}

/* Looks upstream of the output through whatever keeps photos and tokens as they are. */
static bool has_class_token(const NtGraph *graph, const NtShapes *shapes) {
    const NtShape *out = &shapes->shapes[graph->output];
    g_autofree bool *seen = g_new0(bool, graph->values->len);
    g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_append_val(open, graph->output);
    while (open->len > 0) {
        int value = g_array_index(open, int, open->len - 1);
        g_array_set_size(open, open->len - 1);
        const NtShape *shape = &shapes->shapes[value];
        const NtNode *node = nt_graph_producer(graph, value);
        if (seen[value] || node == NULL || shape->rank != 3 || shape->dims[0] != out->dims[0] ||
            shape->dims[1] != out->dims[1]) {
            continue;
        }
        seen[value] = true;
        if (puts_token_first(graph, node, shapes)) {
            return true;
        }
        for (unsigned i = 0; i < node->input_count; i++) {
            if (node->inputs[i] >= 0) {
                g_array_append_val(open, node->inputs[i]);
            }
        }
    }
    return false;
}

bool nt_class_token(NtGraph *graph, const NtShape *input, NtShape *shape, bool *out_taken, GError **error) {
    *out_taken = false;
    if (shape->rank != 3 || shape->dims[1] < 2) {
        return true;
    }
    g_autoptr(NtShapes) shapes = nt_shapes_infer(graph, input, error);
    if (shapes == NULL || !has_class_token(graph, shapes)) {
        return shapes != NULL;
    }
    NtTensor *index = nt_tensor_new(NT_I64, &(NtShape){.rank = 0}, error);
    if (index == NULL) {
        return false;
    }
    index->i64[0] = 0;
    NtNode *node = nt_graph_append(graph, "embedding-class-token", "Gather");
    node->op = nt_op_find("Gather");
    nt_node_set_int(node, "axis", 1);
    nt_node_set_inputs(node, (const int[]){graph->output, nt_graph_derive(graph, graph->output, index)}, 2);
    graph->output = nt_graph_derive(graph, graph->output, NULL);
    nt_node_set_outputs(node, &graph->output, 1);
    *shape = (NtShape){.rank = 2, .dims = {shape->dims[0], shape->dims[2]}};
    *out_taken = true;
    return nt_graph_sort(graph, error);
}
