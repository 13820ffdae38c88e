/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activations that exporters write out in parts become one operator again:
 *
 *     x * Sigmoid(x)                              Swish       (SiLU)
 *     x * HardSigmoid(x), alpha 1/6, beta 1/2     HardSwish
 *     x * Clip(x + 3, 0, 6) / 6                   HardSwish   (the division on the clip or on the product)
 *     0.5 * x * (1 + Erf(x / sqrt 2))             Gelu        (the factor on x or on the product)
 *
 * The parts that others still read stay for them; the rest is swept as dead.
 */
#include "nn/pass-internal.h"

#include <math.h>
#include <string.h>

static bool near(float a, float b) { return fabsf(a - b) <= 1e-4f * fabsf(b); }

/* The node is one linear step of its varying input: y = scale x + shift. */
static bool linear(const NtGraph *graph, const NtNode *node, float scale, float shift, int *out_input) {
    NtPostOp post_ops[2];
    unsigned input;
    if (node == NULL || nt_op_eltwise(graph, NULL, node, &input, post_ops) != 1 ||
        post_ops[0].alg != NT_ELTWISE_LINEAR || !near(post_ops[0].alpha, scale) ||
        (shift == 0 ? post_ops[0].beta != 0 : !near(post_ops[0].beta, shift))) {
        return false;
    }
    *out_input = node->inputs[input];
    return true;
}

static bool is_clip(const NtGraph *graph, const NtNode *node, float low, float high) {
    NtPostOp post_ops[2];
    unsigned input;
    return node != NULL && nt_op_eltwise(graph, NULL, node, &input, post_ops) == 1 &&
           post_ops[0].alg == NT_ELTWISE_CLIP && post_ops[0].alpha == low && post_ops[0].beta == high;
}

/* value = Clip(x + 3, 0, 6); -1 when it is not. */
static int clip_of_three(const NtGraph *graph, int value) {
    const NtNode *clip = nt_graph_producer(graph, value);
    int x;
    if (!is_clip(graph, clip, 0, 6) || !linear(graph, nt_graph_producer(graph, clip->inputs[0]), 1, 3, &x)) {
        return -1;
    }
    return x;
}

/* The x of which `value` is Clip(x + 3, 0, 6) / 6, or HardSigmoid with these numbers. */
static int hard_gate(const NtGraph *graph, int value) {
    const NtNode *node = nt_graph_producer(graph, value);
    int clipped;
    if (node == NULL) {
        return -1;
    }
    if (strcmp(node->type, "HardSigmoid") == 0 && near(nt_node_float(node, "alpha", 0.2f), 1 / 6.0f) &&
        near(nt_node_float(node, "beta", 0.5f), 0.5f)) {
        return node->inputs[0];
    }
    return linear(graph, node, 1 / 6.0f, 0, &clipped) ? clip_of_three(graph, clipped) : -1;
}

/* The x of which `value` is 1 + Erf(x / sqrt 2). */
static int gelu_gate(const NtGraph *graph, int value) {
    int sum, x;
    if (!linear(graph, nt_graph_producer(graph, value), 1, 1, &sum)) {
        return -1;
    }
    const NtNode *erf_node = nt_graph_producer(graph, sum);
    if (erf_node == NULL || strcmp(erf_node->type, "Erf") != 0 ||
        !linear(graph, nt_graph_producer(graph, erf_node->inputs[0]), 0.70710678f, 0, &x)) {
        return -1;
    }
    return x;
}

static int sigmoid_gate(const NtGraph *graph, int value) {
    const NtNode *node = nt_graph_producer(graph, value);
    return node != NULL && strcmp(node->type, "Sigmoid") == 0 ? node->inputs[0] : -1;
}

static void become(NtNode *node, const char *type, int input, int output) {
    g_free(node->type);
    node->type = g_strdup(type);
    node->op = nt_op_find(type);
    node->made = true;
    g_ptr_array_set_size(node->attributes, 0);
    nt_node_set_inputs(node, &input, 1);
    node->outputs[0] = output;
}

/* The only reader of `value`, when it is a linear step by `scale`. */
static NtNode *scaled_after(const NtGraph *graph, int value, float scale) {
    NtNode *node = nt_graph_only_user(graph, value);
    int input;
    return node != NULL && linear(graph, node, scale, 0, &input) && input == value ? node : NULL;
}

/* Turns `node`, and the scaling `after` it, into one operator on x. */
static void collapse(NtGraph *graph, NtNode *node, NtNode *after, const char *type, int x) {
    become(node, type, x, after != NULL ? after->outputs[0] : node->outputs[0]);
    if (after != NULL) {
        after->dead = true;
    }
    nt_graph_value(graph, node->outputs[0])->producer = node->index;
}

static bool try_product(NtGraph *graph, NtNode *node, int x, int gate) {
    NtNode *after;
    int half;
    if (sigmoid_gate(graph, gate) == x) {
        collapse(graph, node, NULL, "Swish", x);
    } else if (hard_gate(graph, gate) == x) {
        collapse(graph, node, NULL, "HardSwish", x);
    } else if (clip_of_three(graph, gate) == x && (after = scaled_after(graph, node->outputs[0], 1 / 6.0f)) != NULL) {
        collapse(graph, node, after, "HardSwish", x);
    } else if (gelu_gate(graph, gate) == x && (after = scaled_after(graph, node->outputs[0], 0.5f)) != NULL) {
        collapse(graph, node, after, "Gelu", x);
    } else if (linear(graph, nt_graph_producer(graph, x), 0.5f, 0, &half) && gelu_gate(graph, gate) == half) {
        collapse(graph, node, NULL, "Gelu", half);
    } else {
        return false;
    }
    return true;
}

bool nt_pass_activation(NtGraph *graph, const NtShapes *shapes, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (strcmp(node->type, "Mul") == 0 && !node->dead && node->input_count == 2 && node->inputs[0] >= 0 &&
            node->inputs[1] >= 0 && !try_product(graph, node, node->inputs[0], node->inputs[1])) {
            try_product(graph, node, node->inputs[1], node->inputs[0]);
        }
    }
    return true;
}
