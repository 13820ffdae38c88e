/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a convolution or product one number at a time is done while the result is in registers: activations, a
 * residual sum, constants per channel. A node absorbs its only reader, again and again.
 *
 * oneDNN's kernels take a sum only as the first step, so a sum behind an activation stays a node of its own.
 */
#include "nn/pass-internal.h"

#include <string.h>

static bool add_post(NtNode *node, NtPost post) {
    if (node->post_count == NT_MAX_POSTS) {
        return false;
    }
    node->posts[node->post_count++] = post;
    return true;
}

/* An activation, or arithmetic with a scalar. */
static bool absorb_eltwise(NtGraph *graph, const NtShapes *shapes, NtNode *node, NtNode *next) {
    NtPost posts[2];
    unsigned input, count = nt_op_eltwise(graph, NULL, next, &input, posts);
    if (count == 0 || next->inputs[input] != node->outputs[0] || node->post_count + count > NT_MAX_POSTS ||
        !nt_shape_equal(&shapes->shapes[next->outputs[0]], &shapes->shapes[node->outputs[0]])) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        add_post(node, posts[i]);
    }
    nt_graph_absorb(graph, node, next);
    return true;
}

/* A float constant that varies along one axis only: channels for a convolution, the last for a product. */
static bool is_vector_operand(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, int value) {
    const NtTensor *constant = nt_graph_constant(graph, value);
    const NtShape *out = &shapes->shapes[node->outputs[0]];
    bool product = strcmp(node->type, "Gemm") == 0 || strcmp(node->type, "MatMul") == 0;
    if (constant == NULL || constant->type != NT_F32 || out->rank < 2 || constant->shape.rank > out->rank) {
        return false;
    }
    unsigned axis = product ? out->rank - 1 : 1;
    for (unsigned i = 0; i < constant->shape.rank; i++) {
        unsigned at = i + out->rank - constant->shape.rank;
        if (constant->shape.dims[i] != (at == axis ? out->dims[at] : 1)) {
            return false;
        }
    }
    return constant->shape.rank + axis >= out->rank;
}

/* Add or Mul with another tensor. */
static bool absorb_operand(NtGraph *graph, const NtShapes *shapes, NtNode *node, NtNode *next) {
    bool add = strcmp(next->type, "Add") == 0, product = strcmp(next->type, "Mul") == 0;
    if ((!add && !product) || next->post_count > 0 || next->inputs[0] == next->inputs[1]) {
        return false;
    }
    int other = next->inputs[next->inputs[0] == node->outputs[0] ? 1 : 0];
    const NtShape *own = &shapes->shapes[node->outputs[0]];
    bool host = strcmp(node->type, "Conv") == 0 || strcmp(node->type, "Gemm") == 0 || strcmp(node->type, "MatMul") == 0;
    bool sum = add && host && node->post_count == 0 && nt_graph_constant(graph, other) == NULL &&
               shapes->known[other] == NULL && nt_shape_equal(&shapes->shapes[other], own);
    if (!sum && !is_vector_operand(graph, shapes, node, other)) {
        return false;
    }
    if (!nt_shape_equal(&shapes->shapes[next->outputs[0]], own) ||
        !add_post(node, (NtPost){.kind = add ? NT_POST_ADD : NT_POST_MUL, .value = other})) {
        return false;
    }
    nt_graph_value(graph, other)->user = node->index;
    nt_graph_absorb(graph, node, next);
    return true;
}

bool nt_pass_fuse(NtGraph *graph, const NtShapes *shapes, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        NtPost unused[2];
        unsigned input;
        /* What is an elementwise step itself runs in place, or is absorbed by others. */
        if (node->dead || !node->op->fuses || node->outputs[0] < 0 ||
            nt_op_eltwise(graph, NULL, node, &input, unused) > 0) {
            continue;
        }
        for (NtNode *next; (next = nt_graph_only_user(graph, node->outputs[0])) != NULL;) {
            if (next == node || next->output_count != 1 ||
                (!absorb_eltwise(graph, shapes, node, next) && !absorb_operand(graph, shapes, node, next))) {
                break;
            }
        }
    }
    return true;
}
