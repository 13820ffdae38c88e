/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference at one concrete batch size, in the graph's order. What is known before running is computed on the
 * way: constants, shapes, and the integer arithmetic on them with which exporters build the arguments of Reshape and
 * Slice. Because the batch is a number here, no symbolic dims are needed; a plan for another batch infers again.
 */
#include "nn/op-internal.h"

#include <string.h>

/* A known value is computed when it is small or not larger than what it is made from: a file cannot ask for much. */
#define SMALL_ELEMENTS (INT64_C(1) << 20)

void nt_shapes_free(NtShapes *shapes) {
    if (shapes == NULL) {
        return;
    }
    for (unsigned v = 0; v < shapes->count; v++) {
        nt_tensor_unref(shapes->known[v]);
    }
    g_free(shapes->known);
    g_free(shapes->shapes);
    g_free(shapes->types);
    g_free(shapes);
}

/* Whether all inputs are known and the results may be computed now. */
static bool can_compute(const NtShapes *shapes, const NtNode *node) {
    if (node->op->compute == NULL || node->post_count > 0) {
        return false;
    }
    int64_t in = 0, out = 0;
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && !node->op->batch_shape) {
            const NtTensor *known = shapes->known[node->inputs[i]];
            if (known == NULL || known->data == NULL) {
                return false;
            }
            in += nt_shape_count(&known->shape);
        }
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        out += node->outputs[i] < 0 ? 0 : nt_shape_count(&shapes->shapes[node->outputs[i]]);
    }
    return out <= MAX(in, SMALL_ELEMENTS);
}

static bool compute_now(NtShapes *shapes, const NtNode *node, GError **error) {
    g_autofree NtView *in = g_new0(NtView, node->input_count + 1);
    g_autofree NtView *out = g_new0(NtView, node->output_count + 1);
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0) {
            NtTensor *known = shapes->known[node->inputs[i]];
            in[i] = (NtView){.type = shapes->types[node->inputs[i]], .shape = shapes->shapes[node->inputs[i]]};
            in[i].data = known != NULL ? known->data : NULL;
        }
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        int v = node->outputs[i];
        if (v < 0) {
            continue;
        }
        NtTensor *tensor = nt_tensor_new(shapes->types[v], &shapes->shapes[v], error);
        if (tensor == NULL) {
            return false;
        }
        nt_tensor_unref(shapes->known[v]);
        shapes->known[v] = tensor;
        out[i] = (NtView){.type = tensor->type, .shape = tensor->shape, .data = tensor->data};
    }
    GError *cause = NULL;
    if (!node->op->compute(node, in, out, &cause)) {
        nt_node_fail(shapes->graph, node, (NiteruError)cause->code, error, "%s", cause->message);
        g_error_free(cause);
        return false;
    }
    return true;
}

/* Integers that depend on the photo cannot be planned for. */
static bool check_integers(const NtShapes *shapes, const NtNode *node, GError **error) {
    for (unsigned i = 0; i < node->output_count; i++) {
        int v = node->outputs[i];
        if (v >= 0 && shapes->types[v] == NT_I64 && shapes->known[v] == NULL) {
            return nt_op_refuse(shapes, node, error,
                                "integers or truth values that depend on the photo are not supported");
        }
    }
    return true;
}

static bool infer_node(NtShapes *shapes, const NtNode *node, GError **error) {
    if (!nt_op_check(shapes->graph, node, error) || !node->op->infer(shapes, node, error)) {
        return false;
    }
    if (can_compute(shapes, node) && !compute_now(shapes, node, error)) {
        return false;
    }
    return check_integers(shapes, node, error);
}

NtShapes *nt_shapes_infer(const NtGraph *graph, const NtShape *input, GError **error) {
    g_autoptr(NtShapes) shapes = g_new0(NtShapes, 1);
    unsigned count = graph->values->len;
    *shapes = (NtShapes){.graph = graph, .batch = input->dims[0], .count = count};
    shapes->shapes = g_new0(NtShape, count);
    shapes->types = g_new0(NtElement, count);
    shapes->known = g_new0(NtTensor *, count);
    for (unsigned v = 0; v < count; v++) {
        NtTensor *constant = nt_graph_constant(graph, (int)v);
        if (constant != NULL) {
            shapes->shapes[v] = constant->shape;
            shapes->types[v] = constant->type;
            shapes->known[v] = nt_tensor_ref(constant);
        }
    }
    shapes->shapes[graph->input] = *input;
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        if (!infer_node(shapes, nt_graph_node(graph, n), error)) {
            return NULL;
        }
    }
    return g_steal_pointer(&shapes);
}
