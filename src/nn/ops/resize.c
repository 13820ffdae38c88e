/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize: nearest, linear and cubic, one axis after the other, which is the same as all at once. By scales or sizes
 * that are known before anything runs: exporters use it for tables of positions, which are constants. Not done:
 * antialiasing, tf_crop_and_resize, keeping the aspect ratio, the older Upsample and opset 10.
 */
#include "nn/op-internal.h"
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

enum { TAPS = 4 };

/* How an axis is resized. */
typedef struct Axis {
    int64_t in, out;
    double scale;
} Axis;

/* The cells of the input that a cell of the output is made of, and their weights; those beyond `count` are not used. */
typedef struct Taps {
    int64_t cells[TAPS];
    double weights[TAPS];
    unsigned count;
} Taps;

/* ---- shapes ---- */

static bool one_of(const char *text, const char *const *choices) {
    while (*choices != NULL && strcmp(text, *choices) != 0) {
        choices++;
    }
    return *choices != NULL;
}

static bool check_attributes(const NtShapes *shapes, const NtNode *node, GError **error) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const places[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                         "asymmetric", "half_pixel_symmetric", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    const struct {
        const char *name, *usual;
        const char *const *choices;
    } texts[] = {{"mode", "nearest", modes},
                 {"coordinate_transformation_mode", "half_pixel", places},
                 {"nearest_mode", "round_prefer_floor", roundings},
                 {"keep_aspect_ratio_policy", "stretch", (const char *const[]){"stretch", NULL}}};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        const char *given = nt_node_string(node, texts[i].name, texts[i].usual);
        if (!one_of(given, texts[i].choices)) {
            return nt_op_refuse(shapes, node, error, "%s = '%s' is not supported", texts[i].name, given);
        }
    }
    if (nt_node_int(node, "antialias", 0) != 0) {
        return nt_op_refuse(shapes, node, error, "antialias is not supported");
    }
    return true;
}

/* The axes that scales and sizes are of, in their order; all where none are named. */
static bool read_axes(const NtShapes *shapes, const NtNode *node, unsigned rank, unsigned *out, size_t *out_count,
                      GError **error) {
    const NtAttribute *axes = nt_node_attribute(node, "axes");
    *out_count = axes != NULL ? axes->count : rank;
    if (*out_count > rank) {
        return nt_op_corrupt(shapes, node, error, "%zu axes of %u", *out_count, rank);
    }
    for (size_t i = 0; i < *out_count; i++) {
        out[i] = (unsigned)i;
        if (axes != NULL && !nt_op_axis(shapes, node, axes->ints[i], rank, &out[i], error)) {
            return false;
        }
    }
    return true;
}

static bool set_axis(const NtShapes *shapes, const NtNode *node, const NtTensor *given, size_t i, Axis *axis,
                     GError **error) {
    /* The product is a float, as ONNX Runtime has it: 3 times 5/3 is 5. */
    double out = given->type == NT_F32 ? floor((double)((float)axis->in * given->f32[i])) : (double)given->i64[i];
    if (!(out >= 1 && out <= NT_MAX_ELEMENTS) || axis->in < 1) {
        return nt_op_corrupt(shapes, node, error, "an axis of %" G_GINT64_FORMAT " would have %g cells", axis->in, out);
    }
    axis->out = (int64_t)out;
    axis->scale = given->type == NT_F32 ? (double)given->f32[i] : out / (double)axis->in;
    return true;
}

/* What the scales (input 2) or the sizes (input 3), of which one is given, make of each axis. */
static bool read_plan(const NtShapes *shapes, const NtNode *node, Axis plan[NT_MAX_RANK], GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    bool by_sizes = nt_node_has_input(node, 3);
    unsigned axes[NT_MAX_RANK];
    size_t count;
    const NtTensor *given = nt_shapes_known(shapes, node, by_sizes ? 3 : 2);
    for (unsigned i = 0; i < in->rank; i++) {
        plan[i] = (Axis){in->dims[i], in->dims[i], 1};
    }
    if (given == NULL) {
        return nt_op_refuse(shapes, node, error, "scales and sizes that are not constants are not supported");
    }
    if (!read_axes(shapes, node, in->rank, axes, &count, error)) {
        return false;
    }
    if (given->type != (by_sizes ? NT_I64 : NT_F32) || nt_shape_count(&given->shape) != (int64_t)count) {
        return nt_op_corrupt(shapes, node, error, "%" G_GINT64_FORMAT " scales or sizes for %zu axes",
                             nt_shape_count(&given->shape), count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!set_axis(shapes, node, given, i, &plan[axes[i]], error)) {
            return false;
        }
    }
    return true;
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape out = *nt_shapes_in(shapes, node, 0);
    Axis plan[NT_MAX_RANK];
    if (nt_shapes_type(shapes, node, 0) != NT_F32) {
        return nt_op_refuse(shapes, node, error, "numbers other than float32 are not supported");
    }
    if (!check_attributes(shapes, node, error) || !read_plan(shapes, node, plan, error)) {
        return false;
    }
    double largest = 1; /* between two axes a tensor may be larger than before and after */
    for (unsigned i = 0; i < out.rank; i++) {
        largest *= (double)MAX(plan[i].in, plan[i].out);
        out.dims[i] = plan[i].out;
    }
    if (largest > NT_MAX_ELEMENTS) {
        return nt_op_refuse(shapes, node, error, "%g numbers are too many", largest);
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, &out, error);
}

/* ---- values ---- */

static double place_of(const char *how, const Axis *axis, int64_t x) {
    double middle = ((double)x + 0.5) / axis->scale - 0.5;
    if (strcmp(how, "asymmetric") == 0) {
        return (double)x / axis->scale;
    }
    if (strcmp(how, "align_corners") == 0) {
        return axis->out == 1 ? 0 : (double)x * (double)(axis->in - 1) / (double)(axis->out - 1);
    }
    if (strcmp(how, "pytorch_half_pixel") == 0 && axis->out == 1) {
        return 0;
    }
    if (strcmp(how, "half_pixel_symmetric") == 0) {
        return (double)axis->in / 2 * (1 - (double)axis->out / (axis->scale * (double)axis->in)) + middle;
    }
    return middle;
}

static double nearest(const char *rounding, double place) {
    return strcmp(rounding, "floor") == 0               ? floor(place)
           : strcmp(rounding, "ceil") == 0              ? ceil(place)
           : strcmp(rounding, "round_prefer_ceil") == 0 ? floor(place + 0.5)
                                                        : ceil(place - 0.5);
}

/* Keys' kernel ("Cubic convolution interpolation for digital image processing", 1981) at a distance. */
static double cubic(double distance, double a) {
    double d = fabs(distance);
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static void cubic_taps(const NtNode *node, const Axis *axis, double place, Taps *out) {
    double a = (double)nt_node_float(node, "cubic_coeff_a", -0.75F), sum = 0;
    bool exclude = nt_node_int(node, "exclude_outside", 0) != 0;
    int64_t first = (int64_t)floor(place) - 1;
    out->count = TAPS;
    for (unsigned i = 0; i < TAPS; i++) {
        int64_t cell = first + i;
        bool outside = cell < 0 || cell >= axis->in;
        out->cells[i] = CLAMP(cell, 0, axis->in - 1);
        out->weights[i] = outside && exclude ? 0 : cubic(place - (double)cell, a);
        sum += out->weights[i];
    }
    for (unsigned i = 0; exclude && sum != 0 && i < TAPS; i++) {
        out->weights[i] /= sum;
    }
}

static Taps taps_of(const NtNode *node, const Axis *axis, int64_t x) {
    const char *mode = nt_node_string(node, "mode", "nearest");
    double place = place_of(nt_node_string(node, "coordinate_transformation_mode", "half_pixel"), axis, x);
    double last = (double)(axis->in - 1);
    Taps out = {.count = 1, .weights = {1}};
    if (*mode == 'c') {
        cubic_taps(node, axis, CLAMP(place, -TAPS, last + TAPS), &out);
    } else if (*mode == 'n') {
        double cell = nearest(nt_node_string(node, "nearest_mode", "round_prefer_floor"), place);
        out.cells[0] = (int64_t)CLAMP(cell, 0, last);
    } else {
        place = CLAMP(place, 0, last);
        out.cells[0] = (int64_t)floor(place);
        out.cells[1] = MIN(out.cells[0] + 1, axis->in - 1);
        out.weights[1] = place - floor(place);
        out.weights[0] = 1 - out.weights[1];
        out.count = 2;
    }
    return out;
}

/* (outer, axis->in, inner) to (outer, axis->out, inner). */
static void resize_axis(const NtNode *node, const Axis *axis, int64_t outer, int64_t inner, const float *in,
                        float *out) {
    for (int64_t x = 0; x < axis->out; x++) {
        const Taps taps = taps_of(node, axis, x);
        for (int64_t o = 0; o < outer; o++) {
            const float *from = in + o * axis->in * inner;
            float *to = out + (o * axis->out + x) * inner;
            for (int64_t i = 0; i < inner; i++) {
                double sum = 0;
                for (unsigned t = 0; t < taps.count; t++) {
                    sum += taps.weights[t] * (double)from[taps.cells[t] * inner + i];
                }
                to[i] = (float)sum;
            }
        }
    }
}

/* The axes that change, by the shapes and, where they are given, the scales. */
static void plan_again(const NtNode *node, const NtView *in, const NtView *out, Axis plan[NT_MAX_RANK]) {
    const NtAttribute *axes = nt_node_attribute(node, "axes");
    bool by_scales = !nt_node_has_input(node, 3);
    for (unsigned i = 0; i < out->shape.rank; i++) {
        plan[i] =
            (Axis){in[0].shape.dims[i], out->shape.dims[i], (double)out->shape.dims[i] / (double)in[0].shape.dims[i]};
    }
    for (int64_t i = 0, count = by_scales ? nt_shape_count(&in[2].shape) : 0; i < count; i++) {
        int64_t axis = axes != NULL ? axes->ints[i] : i;
        axis = axis < 0 ? axis + (int64_t)out->shape.rank : axis;
        plan[axis].scale = (double)in[2].f32[i];
    }
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    Axis plan[NT_MAX_RANK];
    nt_autofree float *buffer = NULL;
    const float *from = in[0].f32;
    unsigned rank = out->shape.rank;
    int64_t outer = 1, inner = nt_shape_count(&in[0].shape);
    plan_again(node, in, out, plan);
    for (unsigned d = 0; d < rank; d++) {
        inner /= MAX(plan[d].in, 1);
        if (plan[d].in != plan[d].out || plan[d].scale != 1) {
            size_t count = (size_t)(outer * plan[d].out * inner);
            float *next = nt_alloc(MAX(count, 1), sizeof(float), "a resized tensor", error);
            if (next == NULL) {
                return false;
            }
            resize_axis(node, &plan[d], outer, inner, from, next);
            nt_free(buffer);
            from = buffer = next;
        }
        outer *= plan[d].out;
    }
    memcpy(out->f32, from, (size_t)nt_shape_count(&out->shape) * sizeof(float));
    return true;
}

static const NtAttributeRule rules[] = {{"antialias", NT_ATTRIBUTE_INT, 18},
                                        {"axes", NT_ATTRIBUTE_INTS, 18},
                                        {"coordinate_transformation_mode", NT_ATTRIBUTE_STRING},
                                        {"cubic_coeff_a", NT_ATTRIBUTE_FLOAT},
                                        {"exclude_outside", NT_ATTRIBUTE_INT},
                                        {"extrapolation_value", NT_ATTRIBUTE_FLOAT},
                                        {"keep_aspect_ratio_policy", NT_ATTRIBUTE_STRING, 18},
                                        {"mode", NT_ATTRIBUTE_STRING},
                                        {"nearest_mode", NT_ATTRIBUTE_STRING},
                                        {NULL}};

const NtOp nt_op_resize = {.type = "Resize",
                           .since = 11,
                           .min_inputs = 1,
                           .max_inputs = 4,
                           .max_outputs = 1,
                           .attributes = rules,
                           .infer = infer,
                           .compute = compute};
