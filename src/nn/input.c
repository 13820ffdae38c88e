/* SPDX-License-Identifier: Apache-2.0 */
/* The network's input: one photo tensor, (N, C, H, W) or (N, H, W, C) with 3 channels or 1. */
#include "nn/network-internal.h"

#include <string.h>

#define MAX_SIDE 8192

static bool is_channels(int64_t dim) { return dim == 3 || dim == 1; }

static bool settle_side(const NtGraph *graph, const char *what, int64_t declared, unsigned wanted, unsigned *out,
                        GError **error) {
    const char *input = nt_graph_value(graph, graph->input)->name;
    if (declared > 0 && wanted > 0 && declared != wanted) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: input '%s' has a %s of %" G_GINT64_FORMAT " pixels; it cannot be %u", graph->name, input,
                       what, declared, wanted);
    }
    if (declared <= 0 && wanted == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: input '%s' leaves its %s open; say which it shall be",
                       graph->name, input, what);
    }
    int64_t side = declared > 0 ? declared : wanted;
    if (side > MAX_SIDE) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: a %s of %" G_GINT64_FORMAT " pixels is over %d", graph->name,
                       what, side, MAX_SIDE);
    }
    *out = (unsigned)side;
    return true;
}

bool nt_input_alone(const NtGraph *graph, GError **error) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        for (unsigned i = 0; i < node->input_count; i++) {
            const NtValue *value = node->inputs[i] < 0 ? NULL : nt_graph_value(graph, node->inputs[i]);
            if (value != NULL && value->producer < 0 && value->constant == NULL && node->inputs[i] != graph->input) {
                return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                               "%s: the embedding needs the inputs '%s' and '%s'; a network here takes one photo",
                               graph->name, nt_graph_value(graph, graph->input)->name, value->name);
            }
        }
    }
    return true;
}

/* uint8 is held as float32, which is the same as long as nothing calculates with it before it is cast. */
bool nt_input_bytes(const NtGraph *graph, GError **error) {
    static const char *const moving[] = {"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", NULL};
    g_autofree bool *bytes = g_new0(bool, graph->values->len);
    bytes[graph->input] = graph->byte_input;
    for (unsigned n = 0; graph->byte_input && n < graph->nodes->len; n++) { /* sorted: makers come before readers */
        const NtNode *node = nt_graph_node(graph, n);
        bool reads = false;
        for (unsigned i = 0; i < node->input_count; i++) {
            reads |= node->inputs[i] >= 0 && bytes[node->inputs[i]];
        }
        int64_t to = strcmp(node->type, "Cast") == 0 ? nt_node_int(node, "to", 0) : 0;
        if (!reads || to == 1 || to == 10 || to == 11) {
            continue;
        }
        if (!g_strv_contains(moving, node->type)) {
            return nt_node_fail(graph, node, NITERU_ERROR_UNSUPPORTED, error,
                                "it calculates with the uint8 input '%s'; only a Cast to float32 may",
                                nt_graph_value(graph, graph->input)->name);
        }
        bytes[node->outputs[0]] = true;
    }
    return !bytes[graph->output] || nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                                            "%s: what it gives for the uint8 input '%s' is never cast to float32",
                                            graph->name, nt_graph_value(graph, graph->input)->name);
}

/* The channels of an input that leaves even those open, as exports of transformers do: what the first convolution that
 * reads the photo, or the photo shifted and scaled, has weights for. -1: not told. */
static int64_t told_channels(const NtGraph *graph) {
    static const char *const same[] = {"Identity", "Cast", "Sub", "Add", "Mul", "Div", "Clip", NULL};
    g_autofree bool *photo = g_new0(bool, graph->values->len);
    photo[graph->input] = true;
    for (unsigned n = 0; n < graph->nodes->len; n++) { /* sorted: makers come before readers */
        const NtNode *node = nt_graph_node(graph, n);
        if (node->input_count == 0 || node->inputs[0] < 0 || !photo[node->inputs[0]] || node->output_count == 0) {
            continue;
        }
        const NtTensor *weights = node->input_count > 1 ? nt_graph_constant(graph, node->inputs[1]) : NULL;
        if (strcmp(node->type, "Conv") == 0 && weights != NULL && weights->shape.rank == 4 &&
            nt_node_int(node, "group", 1) == 1) {
            return weights->shape.dims[1];
        }
        if (node->outputs[0] >= 0) {
            photo[node->outputs[0]] = g_strv_contains(same, node->type);
        }
    }
    return -1;
}

bool nt_input_settle(const NtGraph *graph, unsigned height, unsigned width, NtInput *out, GError **error) {
    NtShape shape = graph->input_shape;
    const NtShape *declared = &shape;
    const char *name = nt_graph_value(graph, graph->input)->name;
    if (shape.rank == 4 && shape.dims[1] < 0 && !is_channels(shape.dims[3])) {
        shape.dims[1] = told_channels(graph);
    }
    *out = (NtInput){.shape = shape};
    bool first = declared->rank == 4 && is_channels(declared->dims[1]);
    bool last = declared->rank == 4 && is_channels(declared->dims[3]) && !(first && declared->dims[1] == 3);
    if (!first && !last) {
        g_autofree char *text = nt_shape_text(&graph->input_shape);
        return nt_fail(
            error, NITERU_ERROR_UNSUPPORTED,
            "%s: input '%s' of shape %s (-1: open) is no photo of 3 channels or 1, (N, C, H, W) or (N, H, W, C)",
            graph->name, name, text);
    }
    out->channels_last = last;
    unsigned y = last ? 1 : 2;
    out->channels = (unsigned)declared->dims[last ? 3 : 1];
    if (!settle_side(graph, "height", declared->dims[y], height, &out->height, error) ||
        !settle_side(graph, "width", declared->dims[y + 1], width, &out->width, error)) {
        return false;
    }
    out->shape.dims[y] = out->height;
    out->shape.dims[y + 1] = out->width;
    out->shape.dims[0] = MAX(declared->dims[0], 0);
    if (out->shape.dims[0] > 4096) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: input '%s' fixes a batch of %" G_GINT64_FORMAT ", over 4,096",
                       graph->name, name, out->shape.dims[0]);
    }
    return true;
}
