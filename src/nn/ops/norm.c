/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Normalisations: BatchNormalization (as in inference, where pass-affine.c folds it away; as in training on constants
 * only, which is how exporters write standardised weights), InstanceNormalization, LayerNormalization, LpNormalization,
 * LRN.
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

static bool infer_batch(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    bool training = nt_node_int(node, "training_mode", 0) != 0;
    if (training && nt_shapes_known(shapes, node, 0) == NULL) {
        return nt_op_refuse(
            shapes, node, error,
            "training mode normalises a photo by its neighbours; export the network in evaluation mode");
    }
    if (nt_node_int(node, "spatial", 1) != 1) {
        return nt_op_refuse(shapes, node, error, "spatial = 0 is not supported");
    }
    for (unsigned i = 1; i < node->input_count; i++) {
        const NtTensor *known = nt_shapes_known(shapes, node, i);
        if (known == NULL || known->type != NT_F32 || in->rank < 2 || nt_shape_count(&known->shape) != in->dims[1]) {
            return nt_op_corrupt(shapes, node, error, "its parameters do not fit %" G_GINT64_FORMAT " channels",
                                 in->rank < 2 ? 0 : in->dims[1]);
        }
    }
    /* The moving averages that training mode makes are of no use here: they may be named, not read. */
    for (unsigned i = 1; i < node->output_count; i++) {
        if (node->outputs[i] >= 0 && (!training || nt_graph_value(shapes->graph, node->outputs[i])->uses > 0)) {
            return nt_op_refuse(shapes, node, error, "outputs besides the first are not supported");
        }
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

/* Mean and variance of channel c over all else, as training mode takes them. */
static void channel_statistics(const NtView *in, int64_t c, double *out_mean, double *out_variance) {
    int64_t channels = in->shape.dims[1], plane = nt_shape_span(&in->shape, 2, in->shape.rank);
    double sum = 0, squares = 0, count = (double)(in->shape.dims[0] * plane);
    for (int64_t i = 0; i < in->shape.dims[0] * plane; i++) {
        sum += (double)in->f32[(i / plane * channels + c) * plane + i % plane];
    }
    for (int64_t i = 0; i < in->shape.dims[0] * plane; i++) {
        double away = (double)in->f32[(i / plane * channels + c) * plane + i % plane] - sum / count;
        squares += away * away;
    }
    *out_mean = sum / count;
    *out_variance = squares / count;
}

static bool compute_batch(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t channels = in->shape.dims[1], plane = nt_shape_span(&in->shape, 2, in->shape.rank);
    double epsilon = (double)nt_node_float(node, "epsilon", 1e-5f);
    bool training = nt_node_int(node, "training_mode", 0) != 0;
    for (int64_t row = 0; row < in->shape.dims[0] * channels; row++) {
        int64_t c = row % channels;
        double mean = (double)in[3].f32[c], variance = (double)in[4].f32[c];
        if (training) {
            channel_statistics(in, c, &mean, &variance);
        }
        double scale = (double)in[1].f32[c] / sqrt(variance + epsilon);
        double shift = (double)in[2].f32[c] - mean * scale;
        for (int64_t i = row * plane; i < (row + 1) * plane; i++) {
            out->f32[i] = (float)((double)in->f32[i] * scale + shift);
        }
    }
    return true;
}

static bool infer_instance(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    for (unsigned i = 1; i <= 2; i++) {
        if (in->rank < 3 || nt_shape_count(nt_shapes_in(shapes, node, i)) != in->dims[1]) {
            return nt_op_corrupt(shapes, node, error, "its parameters do not fit the input");
        }
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

/* (x - mean) / sqrt(variance + epsilon) of one row. */
static void normalise(const float *x, float *y, int64_t count, double epsilon) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < count; i++) {
        mean += (double)x[i];
    }
    mean /= (double)count;
    for (int64_t i = 0; i < count; i++) {
        variance += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    double scale = 1 / sqrt(variance / (double)count + epsilon);
    for (int64_t i = 0; i < count; i++) {
        y[i] = (float)(((double)x[i] - mean) * scale);
    }
}

static bool compute_instance(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t channels = in->shape.dims[1], plane = nt_shape_span(&in->shape, 2, in->shape.rank);
    for (int64_t row = 0; row < in->shape.dims[0] * channels; row++) {
        float *y = out->f32 + row * plane;
        normalise(in->f32 + row * plane, y, plane, (double)nt_node_float(node, "epsilon", 1e-5f));
        for (int64_t i = 0; i < plane; i++) {
            y[i] = y[i] * in[1].f32[row % channels] + in[2].f32[row % channels];
        }
    }
    return true;
}

static bool infer_layer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    unsigned axis;
    if (!nt_op_axis(shapes, node, nt_node_int(node, "axis", -1), in->rank, &axis, error)) {
        return false;
    }
    if (nt_node_int(node, "stash_type", 1) != 1) {
        return nt_op_refuse(shapes, node, error, "stash_type other than 1 is not supported");
    }
    int64_t length = nt_shape_span(in, axis, in->rank);
    for (unsigned i = 1; i < node->input_count; i++) {
        if (nt_node_has_input(node, i) && nt_shape_count(nt_shapes_in(shapes, node, i)) != length) {
            return nt_op_refuse(shapes, node, error,
                                "parameters of another shape than the normalised axes are not supported");
        }
    }
    for (unsigned i = 1; i < node->output_count; i++) {
        if (node->outputs[i] >= 0) {
            return nt_op_refuse(shapes, node, error, "its outputs of mean and deviation are not supported");
        }
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

static bool compute_layer(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t axis = nt_node_int(node, "axis", -1);
    unsigned first = (unsigned)(axis < 0 ? axis + (int64_t)in->shape.rank : axis);
    int64_t length = nt_shape_span(&in->shape, first, in->shape.rank), rows = nt_shape_span(&in->shape, 0, first);
    bool has_bias = nt_node_has_input(node, 2);
    for (int64_t row = 0; row < rows; row++) {
        float *y = out->f32 + row * length;
        normalise(in->f32 + row * length, y, length, (double)nt_node_float(node, "epsilon", 1e-5f));
        for (int64_t i = 0; i < length; i++) {
            y[i] = y[i] * in[1].f32[i] + (has_bias ? in[2].f32[i] : 0);
        }
    }
    return true;
}

/* ---- LpNormalization: x / |x|, of order 1 or 2, along one axis; a vector of zeros stays one ---- */

static bool infer_lp(NtShapes *shapes, const NtNode *node, GError **error) {
    unsigned axis;
    int64_t order = nt_node_int(node, "p", 2);
    if (order != 1 && order != 2) {
        return nt_op_refuse(shapes, node, error, "p = %" G_GINT64_FORMAT, order);
    }
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    return nt_op_axis(shapes, node, nt_node_int(node, "axis", -1), in->rank, &axis, error) &&
           nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

static bool compute_lp(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t axis = nt_node_int(node, "axis", -1), order = nt_node_int(node, "p", 2);
    unsigned at = (unsigned)(axis < 0 ? axis + (int64_t)in->shape.rank : axis);
    int64_t length = in->shape.dims[at], inner = nt_shape_span(&in->shape, at + 1, in->shape.rank);
    for (int64_t row = 0, rows = nt_shape_span(&in->shape, 0, at) * inner; row < rows; row++) {
        const float *x = in->f32 + row / inner * length * inner + row % inner;
        float *y = out->f32 + (x - in->f32);
        double sum = 0;
        for (int64_t i = 0; i < length; i++) {
            double value = (double)x[i * inner];
            sum += order == 1 ? fabs(value) : value * value;
        }
        double norm = order == 1 ? sum : sqrt(sum);
        for (int64_t i = 0; i < length; i++) {
            y[i * inner] = norm > 0 ? (float)((double)x[i * inner] / norm) : 0;
        }
    }
    return true;
}

/* ---- LRN: across channels, y = x / (bias + alpha / size * sum of squares of size neighbours)^beta ---- */

static bool infer_lrn(NtShapes *shapes, const NtNode *node, GError **error) {
    int64_t size = nt_node_int(node, "size", 0);
    if (size < 1 || size > 4096 || nt_shapes_in(shapes, node, 0)->rank < 2) {
        return nt_op_corrupt(shapes, node, error, "size = %" G_GINT64_FORMAT " makes no sense", size);
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, nt_shapes_in(shapes, node, 0), error);
}

static bool compute_lrn(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t size = nt_node_int(node, "size", 1), channels = in->shape.dims[1];
    int64_t plane = nt_shape_span(&in->shape, 2, in->shape.rank);
    double alpha = (double)nt_node_float(node, "alpha", 1e-4f), beta = (double)nt_node_float(node, "beta", 0.75f);
    double bias = (double)nt_node_float(node, "bias", 1);
    for (int64_t i = 0, count = nt_shape_count(&in->shape); i < count; i++) {
        int64_t c = i / plane % channels, low = MAX(c - (size - 1) / 2, 0), high = MIN(c + size / 2, channels - 1);
        double sum = 0;
        for (int64_t j = low; j <= high; j++) {
            double x = (double)in->f32[i + (j - c) * plane];
            sum += x * x;
        }
        out->f32[i] = (float)((double)in->f32[i] / pow(bias + alpha / (double)size * sum, beta));
    }
    return true;
}

static const NtAttributeRule batch_rules[] = {{"epsilon", NT_ATTRIBUTE_FLOAT},
                                              {"momentum", NT_ATTRIBUTE_FLOAT},
                                              {"spatial", NT_ATTRIBUTE_INT, 0, 8},
                                              {"training_mode", NT_ATTRIBUTE_INT, 14},
                                              {NULL}};
static const NtAttributeRule epsilon_rules[] = {{"epsilon", NT_ATTRIBUTE_FLOAT}, {NULL}};
static const NtAttributeRule layer_rules[] = {
    {"axis", NT_ATTRIBUTE_INT}, {"epsilon", NT_ATTRIBUTE_FLOAT}, {"stash_type", NT_ATTRIBUTE_INT}, {NULL}};
static const NtAttributeRule lp_rules[] = {{"axis", NT_ATTRIBUTE_INT}, {"p", NT_ATTRIBUTE_INT}, {NULL}};
static const NtAttributeRule lrn_rules[] = {{"alpha", NT_ATTRIBUTE_FLOAT},
                                            {"beta", NT_ATTRIBUTE_FLOAT},
                                            {"bias", NT_ATTRIBUTE_FLOAT},
                                            {"size", NT_ATTRIBUTE_INT},
                                            {NULL}};

const NtOp nt_op_batch_normalization = {.type = "BatchNormalization",
                                        .since = 7,
                                        .min_inputs = 5,
                                        .max_inputs = 5,
                                        .max_outputs = 5,
                                        .attributes = batch_rules,
                                        .infer = infer_batch,
                                        .compute = compute_batch};
const NtOp nt_op_instance_normalization = {.type = "InstanceNormalization",
                                           .since = 6,
                                           .min_inputs = 3,
                                           .max_inputs = 3,
                                           .max_outputs = 1,
                                           .attributes = epsilon_rules,
                                           .infer = infer_instance,
                                           .compute = compute_instance};
const NtOp nt_op_layer_normalization = {.type = "LayerNormalization",
                                        .since = 17,
                                        .min_inputs = 2,
                                        .max_inputs = 3,
                                        .max_outputs = 3,
                                        .attributes = layer_rules,
                                        .infer = infer_layer,
                                        .compute = compute_layer};
const NtOp nt_op_lp_normalization = {.type = "LpNormalization",
                                     .since = 1,
                                     .min_inputs = 1,
                                     .max_inputs = 1,
                                     .max_outputs = 1,
                                     .attributes = lp_rules,
                                     .infer = infer_lp,
                                     .compute = compute_lp};
const NtOp nt_op_lrn = {.type = "LRN",
                        .since = 1,
                        .min_inputs = 1,
                        .max_inputs = 1,
                        .max_outputs = 1,
                        .attributes = lrn_rules,
                        .infer = infer_lrn,
                        .compute = compute_lrn};
