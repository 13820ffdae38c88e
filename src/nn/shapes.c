/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shape inference at one concrete batch size, in the graph's order. What is known before running is computed on the
 * way: constants, shapes, and the integer arithmetic on them with which exporters build the arguments of Reshape and
 * Slice. Because the batch is a number here, no symbolic dims are needed; a plan for another batch infers again.
 */
#include "nn/op-internal.h"

#include <string.h>

/* A known value is computed when it is small or not larger than what it is made from: a file cannot ask for much. All
 * together may come to a few times what the file itself holds, and may not take longer than seconds. */
#define SMALL_ELEMENTS (INT64_C(1) << 20)
#define SPARE_ELEMENTS (INT64_C(1) << 26)
#define MOST_WORK (INT64_C(1) << 30) /* multiplications */

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

/* The same value as an earlier input. */
static bool is_repeated(const NtNode *node, unsigned i) {
    for (unsigned j = 0; j < i && j < 64; j++) {
        if (node->inputs[j] == node->inputs[i]) {
            return true;
        }
    }
    return i >= 64;
}

/* Elements of all results. */
static int64_t result_count(const NtShapes *shapes, const NtNode *node) {
    int64_t out = 0;
    for (unsigned i = 0; i < node->output_count; i++) {
        out += node->outputs[i] < 0 ? 0 : nt_shape_count(&shapes->shapes[node->outputs[i]]);
    }
    return out;
}

/* Multiplications that computing a node takes, about; at most NT_MAX_ELEMENTS. */
static int64_t work_of(const NtShapes *shapes, const NtNode *node, int64_t out) {
    const NtShape *first = nt_shapes_in(shapes, node, 0);
    bool product = strcmp(node->type, "MatMul") == 0 || strcmp(node->type, "Gemm") == 0;
    __int128 work = (__int128)out * (product && first->rank > 0 ? first->dims[first->rank - 1] : 1);
    return (int64_t)MIN(work, (__int128)NT_MAX_ELEMENTS);
}

/* Whether all inputs are known and the results may be computed now. */
static bool can_compute(const NtShapes *shapes, const NtNode *node) {
    if (node->op->compute == NULL || node->post_op_count > 0) {
        return false;
    }
    int64_t in = 0;
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && !node->op->batch_shape) {
            const NtTensor *known = shapes->known[node->inputs[i]];
            if (known == NULL || known->data == NULL) {
                return false;
            }
            in += is_repeated(node, i) ? 0 : nt_shape_count(&known->shape);
        }
    }
    int64_t out = result_count(shapes, node);
    return out <= MAX(in, SMALL_ELEMENTS) && work_of(shapes, node, out) <= MOST_WORK - shapes->work;
}

/* Takes what computing a node costs off the budget. */
static bool spend(NtShapes *shapes, const NtNode *node, GError **error) {
    int64_t out = result_count(shapes, node);
    shapes->work += work_of(shapes, node, out);
    shapes->elements -= MIN(out, shapes->elements + 1);
    return shapes->elements >= 0 ||
           nt_node_fail(shapes->graph, node, NITERU_ERROR_LIMIT, error,
                        "what follows from the file's constants is too many times as large as they are");
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
    if (can_compute(shapes, node) && (!spend(shapes, node, error) || !compute_now(shapes, node, error))) {
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
    shapes->elements = SPARE_ELEMENTS;
    for (unsigned v = 0; v < count; v++) {
        NtTensor *constant = nt_graph_constant(graph, (int)v);
        if (constant != NULL) {
            shapes->shapes[v] = constant->shape;
            shapes->types[v] = constant->type;
            shapes->known[v] = nt_tensor_ref(constant);
            shapes->elements += MIN(4 * nt_shape_count(&constant->shape), NT_MAX_ELEMENTS);
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
