/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks from TensorFlow keep channels last and wrap convolutions in Transposes. Each Transpose moves down past
 * operators that do not care about the order of axes, until it meets another one and the two cancel or merge:
 *
 *     x ─ Transpose(0,3,1,2) ─ Relu ─ Transpose(0,2,3,1) ─ y     becomes     x ─ Relu ─ y
 *
 * One sweep in the order of execution is enough: a node is visited after whatever was moved in front of it. A Transpose
 * read by several nodes stays for the others; it costs nothing to run (ops/transpose.c).
 */
#include "nn/pass-internal.h"

#include <string.h>

typedef struct Permutation {
    unsigned rank;
    int64_t axes[NT_MAX_RANK];
} Permutation;

/* The Transpose that makes this value, as its input and permutation; -1 when there is none. */
static int transposed_from(const NtGraph *graph, int value, Permutation *out) {
    const NtNode *node = nt_graph_producer(graph, nt_graph_resolve(graph, value));
    const NtAttribute *perm = node != NULL ? nt_node_attribute(node, "perm") : NULL;
    if (node == NULL || node->dead || strcmp(node->type, "Transpose") != 0 || perm == NULL ||
        perm->count > NT_MAX_RANK) {
        return -1;
    }
    out->rank = (unsigned)perm->count;
    memcpy(out->axes, perm->ints, perm->count * sizeof *perm->ints);
    return nt_graph_resolve(graph, node->inputs[0]);
}

/* Two in a row become one, or none. */
static void merge(NtGraph *graph, NtNode *node) {
    Permutation first, second;
    const NtAttribute *perm = nt_node_attribute(node, "perm");
    int from = transposed_from(graph, node->inputs[0], &first);
    if (from < 0 || perm == NULL || perm->count != first.rank) {
        return;
    }
    bool identity = true;
    second.rank = first.rank;
    for (unsigned i = 0; i < first.rank; i++) {
        second.axes[i] = first.axes[perm->ints[i]];
        identity &= second.axes[i] == (int64_t)i;
    }
    if (identity) {
        node->dead = true;
        nt_graph_replace(graph, node->outputs[0], from);
        return;
    }
    node->inputs[0] = from;
    nt_graph_value(graph, from)->uses++;
    nt_node_set_ints(node, "perm", second.axes, second.rank);
}

/* An operand that broadcasts, seen before the Transpose: the constant with its axes put back. */
static int operand_before(NtGraph *graph, int value, const Permutation *perm, GError **error) {
    NtTensor *constant = nt_graph_constant(graph, value);
    if (nt_shape_count(&constant->shape) == 1 && constant->shape.rank == 0) {
        return value;
    }
    NtShape shape = {.rank = perm->rank};
    int64_t strides[NT_MAX_RANK], own[NT_MAX_RANK], moved[NT_MAX_RANK];
    nt_shape_strides(&constant->shape, own);
    for (unsigned i = 0; i < perm->rank; i++) {
        bool there = i + constant->shape.rank >= perm->rank;
        unsigned from = i + constant->shape.rank - perm->rank;
        shape.dims[perm->axes[i]] = there ? constant->shape.dims[from] : 1;
        moved[perm->axes[i]] = there ? own[from] : 0;
    }
    g_autoptr(NtTensor) before = nt_tensor_new(NT_F32, &shape, error);
    if (before == NULL) {
        return -1;
    }
    nt_shape_strides(&shape, strides);
    for (int64_t i = 0, count = nt_shape_count(&shape); i < count; i++) {
        int64_t from = 0;
        for (unsigned d = 0; d < shape.rank; d++) {
            from += i / strides[d] % shape.dims[d] * moved[d];
        }
        before->f32[i] = constant->f32[from];
    }
    return nt_graph_derive(graph, value, g_steal_pointer(&before));
}

/* Whether a node computes each element from those at the same place. */
static bool is_elementwise(const NtGraph *graph, const NtNode *node) {
    static const char *const types[] = {"Add", "Sub", "Mul", "Div",   "Pow",  "Min",
                                        "Max", "Sum", "Erf", "Floor", "Ceil", NULL};
    NtPostOp post_ops[2];
    unsigned input;
    return g_strv_contains(types, node->type) || nt_op_eltwise(graph, NULL, node, &input, post_ops) > 0;
}

/* Every input is transposed alike, or a float constant that can be put back; at least one is transposed. */
static bool all_alike(const NtGraph *graph, const NtNode *node, Permutation *out) {
    bool found = false;
    for (unsigned i = 0; i < node->input_count; i++) {
        Permutation perm;
        if (node->inputs[i] < 0 || nt_graph_constant(graph, node->inputs[i]) != NULL) {
            continue;
        }
        if (transposed_from(graph, node->inputs[i], &perm) < 0 ||
            (found && (perm.rank != out->rank || memcmp(perm.axes, out->axes, perm.rank * sizeof perm.axes[0]) != 0))) {
            return false;
        }
        *out = perm;
        found = true;
    }
    for (unsigned i = 0; found && i < node->input_count; i++) {
        const NtTensor *constant = nt_graph_constant(graph, node->inputs[i]);
        found = constant == NULL || (constant->type == NT_F32 && constant->shape.rank <= out->rank);
    }
    return found;
}

/* The node works on what lies before the Transposes, and one Transpose follows it. */
static bool move_down(NtGraph *graph, NtNode *node, const Permutation *perm, GError **error) {
    bool clip = strcmp(node->type, "Clip") == 0;
    for (unsigned i = 0; i < node->input_count; i++) {
        Permutation unused;
        int value = node->inputs[i];
        if (value < 0 || (clip && i > 0)) {
            continue;
        }
        int before = nt_graph_constant(graph, value) != NULL ? operand_before(graph, value, perm, error)
                                                             : transposed_from(graph, value, &unused);
        if (before < 0) {
            return false;
        }
        nt_graph_value(graph, before)->uses++;
        node->inputs[i] = before;
    }
    int output = node->outputs[0], inside = nt_graph_derive(graph, output, NULL);
    node->outputs[0] = inside;
    nt_graph_value(graph, inside)->producer = node->index;
    nt_graph_value(graph, inside)->uses = 1;
    nt_node_set_ints(nt_pass_node(graph, node, "Transpose", inside, output), "perm", perm->axes, perm->rank);
    return true;
}

static void move_axis(NtNode *node, const Permutation *perm) {
    int64_t axis = nt_node_int(node, "axis", 0);
    nt_node_set_int(node, "axis", perm->axes[axis < 0 ? axis + (int64_t)perm->rank : axis]);
}

/* Pad: amounts as they are for the axes before. Written as the attribute of the oldest form. */
static bool move_pads(const NtShapes *shapes, NtNode *node, const Permutation *perm) {
    int64_t begin[NT_MAX_RANK], end[NT_MAX_RANK], pads[2 * NT_MAX_RANK];
    if (!nt_op_pads(shapes, node, begin, end, NULL) || node->input_count > 3) {
        return false;
    }
    const NtTensor *filling = nt_shapes_known(shapes, node, 2);
    if (filling != NULL && filling->type != NT_F32) {
        return false;
    }
    for (unsigned i = 0; i < perm->rank; i++) {
        pads[perm->axes[i]] = begin[i];
        pads[perm->rank + perm->axes[i]] = end[i];
    }
    if (filling != NULL) {
        nt_node_set_float(node, "value", filling->f32[0]);
    }
    nt_node_set_ints(node, "pads", pads, 2 * perm->rank);
    nt_node_set_inputs(node, node->inputs, 1);
    node->made = true;
    return true;
}

/* Reductions end the Transpose when they drop all it moved; the axes are those before it. */
static bool move_reduction(NtGraph *graph, const NtShapes *shapes, NtNode *node, const Permutation *perm) {
    const int64_t *axes;
    size_t count;
    int64_t before[NT_MAX_RANK];
    if (!nt_shapes_ints(shapes, node, 1, "axes", &axes, &count, NULL) || count == 0 || count > NT_MAX_RANK ||
        nt_node_int(node, "keepdims", 1) != 0) {
        return false;
    }
    bool dropped[NT_MAX_RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + (int64_t)perm->rank : axes[i];
        before[i] = perm->axes[axis];
        dropped[axis] = true;
    }
    int64_t last = -1; /* the axes that stay must keep their order */
    for (unsigned i = 0; i < perm->rank; i++) {
        if (!dropped[i] && perm->axes[i] < last) {
            return false;
        }
        last = dropped[i] ? last : perm->axes[i];
    }
    Permutation unused;
    int from = transposed_from(graph, node->inputs[0], &unused);
    nt_graph_value(graph, from)->uses++;
    nt_node_set_inputs(node, &from, 1);
    nt_node_set_ints(node, "axes", before, count);
    node->made = true;
    return true;
}

bool nt_pass_transpose(NtGraph *graph, const NtShapes *shapes, GError **error) {
    unsigned count = graph->nodes->len;
    for (unsigned n = 0; n < count; n++) {
        NtNode *node = nt_graph_node(graph, n);
        Permutation perm;
        if (node->dead || node->output_count != 1 || node->input_count == 0 || node->inputs[0] < 0 ||
            node->outputs[0] < 0) {
            continue;
        }
        for (unsigned i = 0; i < node->input_count; i++) {
            node->inputs[i] = nt_graph_resolve(graph, node->inputs[i]);
        }
        bool transposed =
            nt_graph_constant(graph, node->inputs[0]) == NULL && transposed_from(graph, node->inputs[0], &perm) >= 0;
        if (strcmp(node->type, "Transpose") == 0) {
            merge(graph, node);
        } else if (g_str_has_prefix(node->type, "Reduce") && transposed) {
            move_reduction(graph, shapes, node, &perm);
        } else if (strcmp(node->type, "Pad") == 0 && transposed) {
            if (move_pads(shapes, node, &perm) && !move_down(graph, node, &perm, error)) {
                return false;
            }
        } else if (strcmp(node->type, "Concat") == 0 && all_alike(graph, node, &perm)) {
            if (!move_down(graph, node, &perm, error)) {
                return false;
            }
            move_axis(node, &perm);
        } else if (is_elementwise(graph, node) && all_alike(graph, node, &perm) &&
                   !move_down(graph, node, &perm, error)) {
            return false;
        }
    }
    return true;
}
