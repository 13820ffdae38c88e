/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows a convolution or product one number at a time is done while the result is in registers: activations, a
 * residual sum, constants per channel. A node absorbs its only reader, again and again.
 *
 * oneDNN's kernels take a sum only as the first step, so a sum behind an activation stays a node of its own. So does a
 * second step of one function with other numbers: oneDNN 2.x computes it with the first one's (seen with 2.6 on x86:
 * linear, clip and relu behind convolutions, products and binaries). Two linear steps in a row become one.
 */
#include "nn/pass-internal.h"

#include <math.h>
#include <string.h>

static bool add_post_op(NtNode *node, NtPostOp post_op) {
    if (node->post_op_count == NT_MAX_POST_OPS) {
        return false;
    }
    node->post_ops[node->post_op_count++] = post_op;
    return true;
}

/* Whether the node has a step of this function with other numbers. */
static bool has_other(const NtNode *node, const NtPostOp *post_op) {
    for (unsigned i = 0; i < node->post_op_count; i++) {
        const NtPostOp *own = &node->post_ops[i];
        if (own->kind == NT_POST_OP_ELTWISE && own->alg == post_op->alg &&
            (own->alpha != post_op->alpha || own->beta != post_op->beta)) {
            return true;
        }
    }
    return false;
}

/* Makes the node's last step do `post_op` as well, where both are linear. */
static bool compose(NtNode *node, const NtPostOp *post_op) {
    NtPostOp *last = node->post_op_count > 0 ? &node->post_ops[node->post_op_count - 1] : NULL;
    if (last == NULL || last->kind != NT_POST_OP_ELTWISE || last->alg != NT_ELTWISE_LINEAR ||
        post_op->alg != NT_ELTWISE_LINEAR) {
        return false;
    }
    NtPostOp both = *last;
    both.alpha = last->alpha * post_op->alpha;
    both.beta = last->beta * post_op->alpha + post_op->beta;
    node->post_op_count--;
    bool fits = isfinite(both.alpha) && isfinite(both.beta) && !has_other(node, &both);
    node->post_ops[node->post_op_count++] = fits ? both : *last;
    return fits;
}

/* An activation, or arithmetic with a scalar. */
static bool absorb_eltwise(NtGraph *graph, const NtShapes *shapes, NtNode *node, NtNode *next) {
    NtPostOp post_ops[2];
    unsigned input, count = nt_op_eltwise(graph, NULL, next, &input, post_ops);
    if (count == 0 || next->inputs[input] != node->outputs[0] || node->post_op_count + count > NT_MAX_POST_OPS ||
        !nt_shape_equal(&shapes->shapes[next->outputs[0]], &shapes->shapes[node->outputs[0]])) {
        return false;
    }
    if (count == 1 && compose(node, &post_ops[0])) {
        nt_graph_absorb(graph, node, next);
        return true;
    }
    if (has_other(node, &post_ops[0]) || (count == 2 && has_other(node, &post_ops[1]))) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        add_post_op(node, post_ops[i]);
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
    if ((!add && !product) || next->post_op_count > 0 || next->inputs[0] == next->inputs[1]) {
        return false;
    }
    int other = next->inputs[next->inputs[0] == node->outputs[0] ? 1 : 0];
    const NtShape *own = &shapes->shapes[node->outputs[0]];
    bool host = strcmp(node->type, "Conv") == 0 || strcmp(node->type, "Gemm") == 0 || strcmp(node->type, "MatMul") == 0;
    bool sum = add && host && node->post_op_count == 0 && nt_graph_constant(graph, other) == NULL &&
               shapes->known[other] == NULL && nt_shape_equal(&shapes->shapes[other], own);
    if (!sum && !is_vector_operand(graph, shapes, node, other)) {
        return false;
    }
    if (!nt_shape_equal(&shapes->shapes[next->outputs[0]], own) ||
        !add_post_op(node, (NtPostOp){.kind = add ? NT_POST_OP_ADD : NT_POST_OP_MUL, .value = other})) {
        return false;
    }
    nt_graph_value(graph, other)->user = node->index;
    nt_graph_absorb(graph, node, next);
    return true;
}

bool nt_pass_fuse(NtGraph *graph, const NtShapes *shapes, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        NtPostOp unused[2];
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
