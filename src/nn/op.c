/* SPDX-License-Identifier: Apache-2.0 */
/* What all operators share: checking a node against its row, reading axes and windows, wording refusals. */
#include "nn/op-internal.h"

#include <stdarg.h>
#include <string.h>

static const char *attribute_type_name(NtAttributeType type) {
    switch (type) {
    case NT_ATTRIBUTE_FLOAT: return "a float";
    case NT_ATTRIBUTE_INT: return "an int";
    case NT_ATTRIBUTE_STRING: return "a string";
    case NT_ATTRIBUTE_TENSOR: return "a tensor";
    case NT_ATTRIBUTE_FLOATS: return "floats";
    case NT_ATTRIBUTE_INTS: return "ints";
    case NT_ATTRIBUTE_STRINGS: return "strings";
    }
    return "something else";
}

/* The rule for an attribute in this opset (0: in any). */
static const NtAttributeRule *find_rule(const NtOp *op, const char *name, int64_t opset) {
    for (const NtAttributeRule *rule = op->attributes; rule != NULL && rule->name != NULL; rule++) {
        bool fits = opset == 0 || (opset >= rule->since && (rule->until == 0 || opset <= rule->until));
        if (fits && strcmp(rule->name, name) == 0) {
            return rule;
        }
    }
    return NULL;
}

static bool check_attributes(const NtGraph *graph, const NtNode *node, GError **error) {
    for (unsigned i = 0; i < node->attributes->len; i++) {
        const NtAttribute *attribute = g_ptr_array_index(node->attributes, i);
        g_autofree char *shown = nt_text_printable(attribute->name, 60);
        const NtAttributeRule *rule = find_rule(node->op, attribute->name, node->made ? 0 : graph->opset);
        if (rule == NULL) {
            return nt_node_fail(graph, node, NITERU_ERROR_UNSUPPORTED, error, "attribute '%s' is not supported", shown);
        }
        if (rule->type != attribute->type) {
            return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error, "attribute '%s' must be %s", shown,
                                attribute_type_name(rule->type));
        }
        for (unsigned j = 0; j < i; j++) {
            const NtAttribute *other = g_ptr_array_index(node->attributes, j);
            if (strcmp(other->name, attribute->name) == 0) {
                return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error, "attribute '%s' is there twice", shown);
            }
        }
    }
    return true;
}

bool nt_op_check(const NtGraph *graph, const NtNode *node, GError **error) {
    const NtOp *op = node->op;
    if (op == NULL) {
        return nt_node_fail(graph, node, NITERU_ERROR_UNSUPPORTED, error, "this operator is not supported");
    }
    if (!node->made && (graph->opset < op->since || (op->until > 0 && graph->opset > op->until))) {
        return nt_node_fail(graph, node, NITERU_ERROR_UNSUPPORTED, error,
                            "this operator is not supported in this opset (from %d on it is)", op->since);
    }
    if (node->input_count < op->min_inputs || node->input_count > op->max_inputs || node->output_count < 1 ||
        node->output_count > op->max_outputs) {
        return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error, "%u inputs and %u outputs do not fit",
                            node->input_count, node->output_count);
    }
    for (unsigned i = 0; i < op->min_inputs; i++) {
        if (node->inputs[i] < 0) {
            return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error, "input %u is left out", i);
        }
    }
    return check_attributes(graph, node, error);
}

bool nt_node_has_input(const NtNode *node, unsigned i) { return i < node->input_count && node->inputs[i] >= 0; }

const NtShape *nt_shapes_in(const NtShapes *shapes, const NtNode *node, unsigned i) {
    static const NtShape none;
    return nt_node_has_input(node, i) ? &shapes->shapes[node->inputs[i]] : &none;
}

const NtTensor *nt_shapes_known(const NtShapes *shapes, const NtNode *node, unsigned i) {
    return nt_node_has_input(node, i) ? shapes->known[node->inputs[i]] : NULL;
}

NtElement nt_shapes_type(const NtShapes *shapes, const NtNode *node, unsigned i) {
    return nt_node_has_input(node, i) ? shapes->types[node->inputs[i]] : NT_F32;
}

bool nt_op_refuse(const NtShapes *shapes, const NtNode *node, GError **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return nt_node_fail(shapes->graph, node, NITERU_ERROR_UNSUPPORTED, error, "%s", text);
}

bool nt_op_corrupt(const NtShapes *shapes, const NtNode *node, GError **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return nt_node_fail(shapes->graph, node, NITERU_ERROR_CORRUPT, error, "%s", text);
}

bool nt_shapes_out(NtShapes *shapes, const NtNode *node, unsigned i, NtElement type, const NtShape *shape,
                   GError **error) {
    if (i >= node->output_count || node->outputs[i] < 0) {
        return true;
    }
    if (!nt_shape_check(shape)) {
        g_autofree char *text = nt_shape_text(shape);
        return nt_op_corrupt(shapes, node, error, "its result would have the shape %s", text);
    }
    shapes->shapes[node->outputs[i]] = *shape;
    shapes->types[node->outputs[i]] = type;
    return true;
}

bool nt_shapes_ints(const NtShapes *shapes, const NtNode *node, unsigned i, const char *name, const int64_t **out,
                    size_t *out_count, GError **error) {
    *out = NULL;
    *out_count = 0;
    const NtAttribute *attribute = name != NULL ? nt_node_attribute(node, name) : NULL;
    if (attribute != NULL && attribute->type == NT_ATTRIBUTE_INTS) {
        static const int64_t empty[1];
        *out = attribute->count > 0 ? attribute->ints : empty;
        *out_count = attribute->count;
        return true;
    }
    if (!nt_node_has_input(node, i)) {
        return true;
    }
    const NtTensor *known = nt_shapes_known(shapes, node, i);
    if (known == NULL || known->type != NT_I64 || known->shape.rank > 1) {
        return nt_op_refuse(shapes, node, error, "input %u ('%s') must be integers that are known before running", i,
                            nt_graph_value(shapes->graph, node->inputs[i])->name);
    }
    *out = known->i64;
    *out_count = (size_t)nt_shape_count(&known->shape);
    return true;
}

bool nt_op_axis(const NtShapes *shapes, const NtNode *node, int64_t axis, unsigned rank, unsigned *out,
                GError **error) {
    if (axis < -(int64_t)rank || axis >= (int64_t)rank) {
        return nt_op_corrupt(shapes, node, error, "axis %" G_GINT64_FORMAT " is out of range for %u dims", axis, rank);
    }
    *out = (unsigned)(axis < 0 ? axis + (int64_t)rank : axis);
    return true;
}

bool nt_shape_broadcast(const NtShape *a, const NtShape *b, NtShape *out) {
    NtShape shape = {.rank = MAX(a->rank, b->rank)};
    for (unsigned i = 0; i < shape.rank; i++) {
        int64_t x = i + a->rank < shape.rank ? 1 : a->dims[i + a->rank - shape.rank];
        int64_t y = i + b->rank < shape.rank ? 1 : b->dims[i + b->rank - shape.rank];
        if (x != y && x != 1 && y != 1) {
            return false;
        }
        shape.dims[i] = x == 1 ? y : x;
    }
    *out = shape;
    return true;
}

/* One list of a window, `count` numbers within low .. 2^20, or the fallback when the attribute is absent. */
static bool window_list(const NtShapes *shapes, const NtNode *node, const char *name, unsigned count, int64_t low,
                        int64_t *out, GError **error) {
    const NtAttribute *attribute = nt_node_attribute(node, name);
    for (unsigned i = 0; attribute == NULL && i < count; i++) {
        out[i] = low;
    }
    if (attribute == NULL) {
        return true;
    }
    if (attribute->count != count) {
        return nt_op_corrupt(shapes, node, error, "attribute '%s' needs %u numbers and has %zu", name, count,
                             attribute->count);
    }
    for (unsigned i = 0; i < count; i++) {
        out[i] = attribute->ints[i];
        if (out[i] < low || out[i] > 1 << 20) {
            return nt_op_refuse(shapes, node, error, "attribute '%s' holds %" G_GINT64_FORMAT, name, out[i]);
        }
    }
    return true;
}

/* auto_pad SAME_*: as much padding as makes out = ceil(in / stride), the odd one after (UPPER) or before (LOWER). */
static void pad_same(NtWindow *w, unsigned i, int64_t in, bool upper) {
    int64_t out = (in + w->stride[i] - 1) / w->stride[i];
    int64_t total = MAX((out - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 - in, 0);
    w->pad_begin[i] = upper ? total / 2 : total - total / 2;
    w->pad_end[i] = total - w->pad_begin[i];
}

static bool window_pads(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtWindow *w, GError **error) {
    const char *mode = nt_node_string(node, "auto_pad", "NOTSET");
    int64_t pads[2 * NT_MAX_RANK] = {0};
    bool same = strcmp(mode, "SAME_UPPER") == 0 || strcmp(mode, "SAME_LOWER") == 0;
    if (!same && strcmp(mode, "NOTSET") != 0 && strcmp(mode, "VALID") != 0) {
        return nt_op_corrupt(shapes, node, error, "auto_pad is none of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
    }
    if (strcmp(mode, "NOTSET") == 0 && !window_list(shapes, node, "pads", 2 * w->dims, 0, pads, error)) {
        return false;
    }
    for (unsigned i = 0; i < w->dims; i++) {
        w->pad_begin[i] = pads[i];
        w->pad_end[i] = pads[w->dims + i];
        if (same) {
            pad_same(w, i, in->dims[2 + i], strcmp(mode, "SAME_UPPER") == 0);
        }
        w->pad_declared[i] = w->pad_end[i];
    }
    return true;
}

/* Output size of one spatial dim; with ceil_mode the last window may stick out, but must start inside. */
static bool window_size(const NtShapes *shapes, const NtNode *node, NtWindow *w, unsigned i, int64_t in,
                        GError **error) {
    int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t room = in + w->pad_begin[i] + w->pad_end[i] - extent;
    if (room < 0) {
        return nt_op_corrupt(shapes, node, error,
                             "its window of %" G_GINT64_FORMAT " is larger than the padded input of %" G_GINT64_FORMAT,
                             extent, room + extent);
    }
    w->out[i] = room / w->stride[i] + 1;
    if (nt_node_int(node, "ceil_mode", 0) != 0 && room % w->stride[i] != 0 &&
        w->out[i] * w->stride[i] < in + w->pad_begin[i]) {
        w->out[i]++;
        w->pad_end[i] += w->stride[i] - room % w->stride[i];
    }
    return true;
}

bool nt_op_window(const NtShapes *shapes, const NtNode *node, const NtShape *in, const int64_t *kernel, NtWindow *out,
                  GError **error) {
    if (in->rank < 3 || in->rank > 5) {
        return nt_op_refuse(shapes, node, error, "an input of %u dims is not supported (3 to 5 are)", in->rank);
    }
    NtWindow w = {.dims = in->rank - 2};
    int64_t declared[NT_MAX_RANK];
    if (!window_list(shapes, node, "kernel_shape", w.dims, 1, declared, error) ||
        !window_list(shapes, node, "strides", w.dims, 1, w.stride, error) ||
        !window_list(shapes, node, "dilations", w.dims, 1, w.dilation, error)) {
        return false;
    }
    for (unsigned i = 0; i < w.dims; i++) {
        w.kernel[i] = kernel != NULL ? kernel[i] : declared[i];
        if (w.kernel[i] < 1 || (nt_node_attribute(node, "kernel_shape") != NULL && w.kernel[i] != declared[i])) {
            return nt_op_corrupt(shapes, node, error, "kernel_shape and weights contradict each other");
        }
    }
    if (!window_pads(shapes, node, in, &w, error)) {
        return false;
    }
    for (unsigned i = 0; i < w.dims; i++) {
        if (!window_size(shapes, node, &w, i, in->dims[2 + i], error)) {
            return false;
        }
    }
    *out = w;
    return true;
}
