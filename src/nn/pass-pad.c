/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pad with zeros on spatial axes becomes the padding of the one window behind it: a Conv's always, a MaxPool's when
 * what is padded is never negative (then a zero and a cell that is left out give the same maximum).
 */
#include "nn/pass-internal.h"

#include <string.h>

/* Known to be >= 0: the result of a clip or of functions that end there, through what keeps it so. */
static bool is_never_negative(const NtGraph *graph, int value) {
    static const char *const keep[] = {"MaxPool", "AveragePool", "Identity", "Dropout", NULL};
    static const char *const make[] = {"Relu", "Sigmoid", "Softmax", "Abs", "Exp", "HardSigmoid", NULL};
    for (unsigned steps = 0; steps < 8; steps++) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL) {
            return false;
        }
        NtPostOp post_ops[2];
        unsigned input, count = nt_op_eltwise(graph, NULL, node, &input, post_ops);
        if (g_strv_contains(make, node->type) ||
            (count == 1 && post_ops[0].alg == NT_ELTWISE_CLIP && post_ops[0].alpha >= 0 && post_ops[0].beta >= 0) ||
            (count == 1 && post_ops[0].alg == NT_ELTWISE_RELU && post_ops[0].alpha == 0)) {
            return true;
        }
        if (!g_strv_contains(keep, node->type)) {
            return false;
        }
        value = node->inputs[0];
    }
    return false;
}

static bool is_zero_filling(const NtShapes *shapes, const NtNode *node) {
    const NtTensor *filling = nt_shapes_known(shapes, node, 2);
    return strcmp(nt_node_string(node, "mode", "constant"), "constant") == 0 && nt_node_float(node, "value", 0) == 0 &&
           (filling == NULL || (filling->type == NT_F32 && filling->f32[0] == 0));
}

static bool try_pad(NtGraph *graph, const NtShapes *shapes, NtNode *pad) {
    int64_t begin[NT_MAX_RANK], end[NT_MAX_RANK], pads[2 * NT_MAX_RANK] = {0};
    NtNode *window = nt_graph_only_user(graph, pad->outputs[0]);
    unsigned rank = nt_shapes_in(shapes, pad, 0)->rank;
    if (window == NULL || window->inputs[0] != pad->outputs[0] || rank < 3 || !is_zero_filling(shapes, pad) ||
        !nt_op_pads(shapes, pad, begin, end, NULL) || begin[0] + end[0] + begin[1] + end[1] > 0) {
        return false;
    }
    bool pool = strcmp(window->type, "MaxPool") == 0 && is_never_negative(graph, pad->inputs[0]) &&
                nt_node_int(window, "ceil_mode", 0) == 0;
    const char *mode = nt_node_string(window, "auto_pad", "NOTSET");
    if ((!pool && strcmp(window->type, "Conv") != 0) || (strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0)) {
        return false;
    }
    NtWindow old;
    const NtShape *padded = &shapes->shapes[pad->outputs[0]];
    const int64_t *kernel = pool ? NULL : nt_shapes_in(shapes, window, 1)->dims + 2;
    if (!nt_op_window(shapes, window, padded, kernel, &old, NULL)) {
        return false;
    }
    for (unsigned i = 0; i < old.dims; i++) {
        pads[i] = begin[2 + i] + old.pad_begin[i];
        pads[old.dims + i] = end[2 + i] + old.pad_end[i];
        int64_t reach = (old.kernel[i] - 1) * old.dilation[i];
        if (pool && (pads[i] > reach || pads[old.dims + i] > reach)) {
            return false; /* a window of padding only has no maximum */
        }
    }
    nt_node_set_string(window, "auto_pad", "NOTSET");
    nt_node_set_ints(window, "pads", pads, 2 * old.dims);
    pad->dead = true;
    window->inputs[0] = pad->inputs[0];
    nt_graph_value(graph, pad->inputs[0])->user = window->index;
    return true;
}

bool nt_pass_pad(NtGraph *graph, const NtShapes *shapes, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (strcmp(node->type, "Pad") == 0 && !node->dead) {
            try_pad(graph, shapes, node);
        }
    }
    return true;
}
