/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes whose inputs are all constants become constants (the values were computed by shape inference already), and
 * nodes that hand their input through are dropped. What follows from the batch size stays: it is computed anew for each
 * plan.
 */
#include "nn/pass-internal.h"

#include <string.h>

static bool all_constant(const NtGraph *graph, const NtNode *node) {
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && nt_graph_constant(graph, node->inputs[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void fold(NtGraph *graph, const NtShapes *shapes, NtNode *node) {
    for (unsigned i = 0; i < node->output_count; i++) {
        if (node->outputs[i] >= 0 && shapes->known[node->outputs[i]] == NULL) {
            return; /* too large to compute ahead */
        }
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        if (node->outputs[i] >= 0) {
            NtValue *value = nt_graph_value(graph, node->outputs[i]);
            value->constant = nt_tensor_ref(shapes->known[node->outputs[i]]);
            value->producer = -1;
        }
    }
    node->dead = true;
}

static bool is_identity_permutation(const NtNode *node) {
    const NtAttribute *perm = nt_node_attribute(node, "perm");
    for (size_t i = 0; perm != NULL && i < perm->count; i++) {
        if (perm->ints[i] != (int64_t)i) {
            return false;
        }
    }
    return perm != NULL;
}

static bool is_neutral_arithmetic(const NtGraph *graph, const NtNode *node, unsigned *input) {
    NtPostOp post_ops[2];
    return nt_op_eltwise(graph, NULL, node, input, post_ops) == 1 && post_ops[0].alg == NT_ELTWISE_LINEAR &&
           post_ops[0].alpha == 1 && post_ops[0].beta == 0;
}

static bool is_empty_pad(const NtShapes *shapes, const NtNode *node) {
    return nt_shape_equal(nt_shapes_in(shapes, node, 0), &shapes->shapes[node->outputs[0]]);
}

/* The input that a node hands through unchanged; -1: it does something. */
static int handed_through(const NtGraph *graph, const NtShapes *shapes, const NtNode *node) {
    static const char *const always[] = {"Identity", "Dropout", NULL};
    static const char *const same_shape[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Cast", NULL};
    static const char *const single[] = {"Concat", "Sum", "Min", "Max", NULL};
    if (node->input_count == 0 || node->inputs[0] < 0 || node->output_count < 1 || node->outputs[0] < 0) {
        return -1;
    }
    unsigned input = 0;
    bool same = nt_shape_equal(nt_shapes_in(shapes, node, 0), &shapes->shapes[node->outputs[0]]);
    bool floats = nt_shapes_type(shapes, node, 0) == NT_F32 && shapes->types[node->outputs[0]] == NT_F32;
    if (!floats) {
        return -1; /* integers are folded, not run */
    }
    if (g_strv_contains(always, node->type) || (same && g_strv_contains(same_shape, node->type)) ||
        (node->input_count == 1 && g_strv_contains(single, node->type)) ||
        (strcmp(node->type, "Transpose") == 0 && is_identity_permutation(node)) ||
        (strcmp(node->type, "Pad") == 0 && is_empty_pad(shapes, node))) {
        return node->inputs[0];
    }
    if (is_neutral_arithmetic(graph, node, &input) &&
        nt_shape_equal(nt_shapes_in(shapes, node, input), &shapes->shapes[node->outputs[0]])) {
        return node->inputs[input];
    }
    return -1;
}

bool nt_pass_fold(NtGraph *graph, const NtShapes *shapes, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (all_constant(graph, node)) {
            fold(graph, shapes, node);
            continue;
        }
        int through = handed_through(graph, shapes, node);
        if (through >= 0) {
            node->dead = true;
            nt_graph_replace(graph, node->outputs[0], through);
        }
    }
    return true;
}
