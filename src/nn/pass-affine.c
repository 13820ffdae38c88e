/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scale and shift per channel behind a convolution or a fully connected layer goes into its weights and bias:
 *
 *     s (W x + b) + t = (s W) x + (s b + t)
 *
 * BatchNormalization is such a step, and so are Mul, Div, Add and Sub with constants, however many follow each other. A
 * BatchNormalization that has no such layer in front becomes Mul and Add. Arithmetic in double, rounded once.
 */
#include "nn/pass-internal.h"

#include <math.h>
#include <string.h>

/* y[c] = scale[c] x[c] + shift[c]. */
typedef struct Affine {
    int64_t channels;
    double *scale, *shift;
} Affine;

static void affine_clear(Affine *affine) {
    g_free(affine->scale);
    g_free(affine->shift);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Affine, affine_clear)

static void affine_init(Affine *affine, int64_t channels) {
    affine->channels = channels;
    affine->scale = g_new(double, channels + 1);
    affine->shift = g_new(double, channels + 1);
    for (int64_t c = 0; c < channels; c++) {
        affine->scale[c] = 1;
        affine->shift[c] = 0;
    }
}

static bool from_batch_normalization(const NtGraph *graph, const NtNode *node, Affine *out) {
    const NtTensor *parts[4];
    for (unsigned i = 0; i < 4; i++) {
        parts[i] = nt_graph_constant(graph, node->inputs[i + 1]);
        if (parts[i] == NULL || parts[i]->data == NULL || nt_shape_count(&parts[i]->shape) != out->channels) {
            return false;
        }
    }
    double epsilon = (double)nt_node_float(node, "epsilon", 1e-5f);
    for (int64_t c = 0; c < out->channels; c++) {
        out->scale[c] = (double)parts[0]->f32[c] / sqrt((double)parts[3]->f32[c] + epsilon);
        out->shift[c] = (double)parts[1]->f32[c] - (double)parts[2]->f32[c] * out->scale[c];
    }
    return true;
}

/* A constant that has one number per channel (`channel_axis` counted from the end, 0 the last), or one for all. */
static const NtTensor *per_channel(const NtGraph *graph, int value, int64_t channels, unsigned from_end) {
    const NtTensor *constant = nt_graph_constant(graph, value);
    if (constant == NULL || constant->type != NT_F32 || constant->data == NULL) {
        return NULL;
    }
    const NtShape *shape = &constant->shape;
    for (unsigned i = 0; i < shape->rank; i++) {
        int64_t wanted = shape->rank - 1 - i == from_end ? channels : 1;
        if (shape->dims[i] != wanted && shape->dims[i] != 1) {
            return NULL;
        }
    }
    return constant;
}

static bool from_arithmetic(const NtGraph *graph, const NtNode *node, int value, unsigned from_end, Affine *out) {
    static const char *const types[] = {"Mul", "Add", "Sub", "Div", NULL};
    if (!g_strv_contains(types, node->type) || node->post_op_count > 0) {
        return false;
    }
    unsigned place = node->inputs[0] == value ? 0 : 1;
    const NtTensor *constant = per_channel(graph, node->inputs[1 - place], out->channels, from_end);
    if (constant == NULL || (strcmp(node->type, "Div") == 0 && place == 1)) {
        return false;
    }
    bool one = nt_shape_count(&constant->shape) == 1;
    for (int64_t c = 0; c < out->channels; c++) {
        double k = (double)constant->f32[one ? 0 : c];
        if (strcmp(node->type, "Mul") == 0) {
            out->scale[c] = k;
        } else if (strcmp(node->type, "Div") == 0) {
            out->scale[c] = 1 / k;
        } else if (strcmp(node->type, "Add") == 0) {
            out->shift[c] = k;
        } else {
            out->shift[c] = place == 0 ? -k : k;
            out->scale[c] = place == 0 ? 1 : -1;
        }
    }
    return true;
}

/* A layer whose weights can take a scale: where its output channels are. */
typedef struct Layer {
    NtTensor *weights, *bias; /* bias NULL: none */
    int64_t channels;
    unsigned from_end;  /* channel axis of the result, from the end */
    bool weights_first; /* channel axis of the weights: the first (else the last) */
} Layer;

static bool layer_of(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, Layer *out) {
    bool conv = strcmp(node->type, "Conv") == 0, gemm = strcmp(node->type, "Gemm") == 0;
    if ((!conv && !gemm) || node->post_op_count > 0) {
        return false;
    }
    *out = (Layer){.weights = nt_graph_constant(graph, node->inputs[1])};
    if (out->weights == NULL || out->weights->type != NT_F32 || out->weights->data == NULL) {
        return false;
    }
    if (nt_node_has_input(node, 2)) {
        out->bias = nt_graph_constant(graph, node->inputs[2]);
    }
    out->weights_first = conv || nt_node_int(node, "transB", 0) != 0;
    out->channels = out->weights->shape.dims[out->weights_first ? 0 : out->weights->shape.rank - 1];
    out->from_end = conv ? out->weights->shape.rank - 2 : 0;
    bool bias_fits = !nt_node_has_input(node, 2) || (out->bias != NULL && out->bias->data != NULL &&
                                                     nt_shape_count(&out->bias->shape) == out->channels);
    return bias_fits && (conv || (nt_node_float(node, "alpha", 1) == 1 && nt_node_float(node, "beta", 1) == 1));
}

static bool apply(NtGraph *graph, NtNode *node, const Layer *layer, const Affine *affine, GError **error) {
    g_autoptr(NtTensor) weights = nt_tensor_new(NT_F32, &layer->weights->shape, error);
    NtShape bias_shape = {.rank = 1, .dims = {layer->channels}};
    g_autoptr(NtTensor) bias = nt_tensor_new(NT_F32, &bias_shape, error);
    if (weights == NULL || bias == NULL) {
        return false;
    }
    int64_t count = nt_shape_count(&weights->shape), inner = layer->weights_first ? count / layer->channels : 1;
    for (int64_t i = 0; i < count; i++) {
        weights->f32[i] = (float)((double)layer->weights->f32[i] * affine->scale[i / inner % layer->channels]);
    }
    for (int64_t c = 0; c < layer->channels; c++) {
        double old = layer->bias != NULL ? (double)layer->bias->f32[c] : 0;
        bias->f32[c] = (float)(old * affine->scale[c] + affine->shift[c]);
    }
    int weight_value = nt_graph_derive(graph, node->inputs[1], g_steal_pointer(&weights));
    int inputs[] = {node->inputs[0], weight_value, nt_graph_derive(graph, node->inputs[1], g_steal_pointer(&bias))};
    /* A large tensor that nobody else reads goes at once, not at the end of the pass. */
    if (nt_graph_value(graph, node->inputs[1])->uses == 1) {
        g_clear_pointer(&nt_graph_value(graph, node->inputs[1])->constant, nt_tensor_unref);
    }
    nt_graph_value(graph, inputs[1])->uses = nt_graph_value(graph, inputs[2])->uses = 1;
    nt_node_set_inputs(node, inputs, 3);
    return true;
}

/* The scale and shift that the only reader of a layer's result is. */
static bool next_affine(const NtGraph *graph, const NtNode *node, const NtNode *next, const Layer *layer, Affine *out) {
    int value = node->outputs[0];
    if (strcmp(next->type, "BatchNormalization") == 0) {
        return next->inputs[0] == value && next->post_op_count == 0 && from_batch_normalization(graph, next, out);
    }
    return next->input_count == 2 && next->inputs[0] != next->inputs[1] &&
           from_arithmetic(graph, next, value, layer->from_end, out);
}

/* Composes all steps that follow, then applies them once. */
static bool absorb(NtGraph *graph, const NtShapes *shapes, NtNode *node, GError **error) {
    Layer layer;
    if (!layer_of(graph, shapes, node, &layer) || layer.channels == 0) {
        return true;
    }
    g_auto(Affine) whole;
    affine_init(&whole, layer.channels);
    bool any = false;
    for (NtNode *next; (next = nt_graph_only_user(graph, node->outputs[0])) != NULL;) {
        g_auto(Affine) step;
        affine_init(&step, layer.channels);
        if (!next_affine(graph, node, next, &layer, &step) ||
            !nt_shape_equal(&shapes->shapes[next->outputs[0]], &shapes->shapes[node->outputs[0]])) {
            break;
        }
        for (int64_t c = 0; c < layer.channels; c++) {
            whole.scale[c] *= step.scale[c];
            whole.shift[c] = whole.shift[c] * step.scale[c] + step.shift[c];
        }
        nt_graph_absorb(graph, node, next);
        any = true;
    }
    return !any || apply(graph, node, &layer, &whole, error);
}

/* MatMul of a matrix with constant weights is a Gemm without a summand, which can take a bias. */
static void matmul_to_gemm(const NtGraph *graph, const NtShapes *shapes, NtNode *node) {
    const NtTensor *weights = nt_graph_constant(graph, node->inputs[1]);
    if (strcmp(node->type, "MatMul") == 0 && weights != NULL && weights->shape.rank == 2 &&
        nt_shapes_in(shapes, node, 0)->rank == 2) {
        g_free(node->type);
        node->type = g_strdup("Gemm");
        node->op = nt_op_find("Gemm");
        node->made = true;
    }
}

/* alpha and beta of a Gemm go into its constants. */
static bool settle_gemm(NtGraph *graph, NtNode *node, GError **error) {
    static const char *const names[] = {NULL, "alpha", "beta"};
    for (unsigned i = 1; i <= 2 && strcmp(node->type, "Gemm") == 0; i++) {
        float factor = nt_node_float(node, names[i], 1);
        const NtTensor *old = nt_node_has_input(node, i) ? nt_graph_constant(graph, node->inputs[i]) : NULL;
        if (factor == 1 || old == NULL || old->data == NULL) {
            continue;
        }
        g_autoptr(NtTensor) scaled = nt_tensor_new(NT_F32, &old->shape, error);
        if (scaled == NULL) {
            return false;
        }
        for (int64_t j = 0, count = nt_shape_count(&old->shape); j < count; j++) {
            scaled->f32[j] = old->f32[j] * factor;
        }
        node->inputs[i] = nt_graph_derive(graph, node->inputs[i], g_steal_pointer(&scaled));
        nt_node_set_float(node, names[i], 1);
    }
    return true;
}

/* A constant (C, 1, 1, ..) with `from_end` ones. */
static int channel_constant(NtGraph *graph, int like, const double *values, int64_t channels, unsigned from_end,
                            GError **error) {
    NtShape shape = {.rank = from_end + 1, .dims = {channels, 1, 1, 1, 1, 1, 1, 1}};
    NtTensor *tensor = nt_tensor_new(NT_F32, &shape, error);
    for (int64_t c = 0; tensor != NULL && c < channels; c++) {
        tensor->f32[c] = (float)values[c];
    }
    return tensor != NULL ? nt_graph_derive(graph, like, tensor) : -1;
}

/* BatchNormalization left over: Mul, then Add. */
static bool split_normalization(NtGraph *graph, const NtShapes *shapes, NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    g_auto(Affine) affine;
    affine_init(&affine, in->dims[1]);
    if (!from_batch_normalization(graph, node, &affine)) {
        return true;
    }
    int input = node->inputs[0], output = node->outputs[0], between = nt_graph_derive(graph, output, NULL);
    int scale = channel_constant(graph, input, affine.scale, affine.channels, in->rank - 2, error);
    int shift = channel_constant(graph, input, affine.shift, affine.channels, in->rank - 2, error);
    if (scale < 0 || shift < 0) {
        return false;
    }
    nt_node_set_inputs(nt_pass_node(graph, node, "Mul", input, between), (int[]){input, scale}, 2);
    nt_node_set_inputs(nt_pass_node(graph, node, "Add", between, output), (int[]){between, shift}, 2);
    node->dead = true;
    return true;
}

bool nt_pass_affine(NtGraph *graph, const NtShapes *shapes, GError **error) {
    unsigned count = graph->nodes->len;
    for (unsigned n = 0; n < count; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (node->dead || node->input_count < 2) {
            continue;
        }
        matmul_to_gemm(graph, shapes, node);
        if (!settle_gemm(graph, node, error) || !absorb(graph, shapes, node, error)) {
            return false;
        }
    }
    for (unsigned n = 0; n < count; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (!node->dead && strcmp(node->type, "BatchNormalization") == 0 &&
            !split_normalization(graph, shapes, node, error)) {
            return false;
        }
    }
    return true;
}
