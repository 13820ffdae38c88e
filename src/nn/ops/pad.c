/* SPDX-License-Identifier: Apache-2.0 */
/* Pad: constant, reflect, edge. Amounts are an attribute before opset 11, inputs since; negative ones (cropping) are
 * not done. Zero padding in front of a convolution disappears into it (pass-pad.c). */
#include "nn/pass-internal.h"
#include "nn/plan-internal.h"

#include <string.h>

typedef struct Amounts {
    int64_t begin[NT_MAX_RANK], end[NT_MAX_RANK];
} Amounts;

static bool amounts_of(const NtShapes *shapes, const NtNode *node, Amounts *out, GError **error) {
    unsigned rank = nt_shapes_in(shapes, node, 0)->rank;
    const int64_t *pads, *axes;
    size_t count, axis_count;
    if (!nt_shapes_ints(shapes, node, 1, "pads", &pads, &count, error) ||
        !nt_shapes_ints(shapes, node, 3, NULL, &axes, &axis_count, error)) {
        return false;
    }
    size_t wanted = axes != NULL ? axis_count : rank;
    if (pads == NULL || count != 2 * wanted) {
        return nt_op_corrupt(shapes, node, error, "%zu amounts for %zu axes", count, wanted);
    }
    *out = (Amounts){0};
    for (size_t i = 0; i < wanted; i++) {
        unsigned axis;
        if (!nt_op_axis(shapes, node, axes != NULL ? axes[i] : (int64_t)i, rank, &axis, error)) {
            return false;
        }
        out->begin[axis] = pads[i];
        out->end[axis] = pads[wanted + i];
        if (MIN(pads[i], pads[wanted + i]) < 0 || MAX(pads[i], pads[wanted + i]) > NT_MAX_ELEMENTS) {
            return nt_op_refuse(shapes, node, error,
                                "amounts of %" G_GINT64_FORMAT " and %" G_GINT64_FORMAT " are not supported", pads[i],
                                pads[wanted + i]);
        }
    }
    return true;
}

bool nt_op_pads(const NtShapes *shapes, const NtNode *node, int64_t *begin, int64_t *end, GError **error) {
    Amounts amounts;
    if (!amounts_of(shapes, node, &amounts, error)) {
        return false;
    }
    memcpy(begin, amounts.begin, sizeof amounts.begin);
    memcpy(end, amounts.end, sizeof amounts.end);
    return true;
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const char *mode = nt_node_string(node, "mode", "constant");
    NtShape out = *nt_shapes_in(shapes, node, 0);
    Amounts amounts;
    if (strcmp(mode, "constant") != 0 && strcmp(mode, "reflect") != 0 && strcmp(mode, "edge") != 0) {
        return nt_op_refuse(shapes, node, error, "mode = '%s' is not supported", mode);
    }
    if (!amounts_of(shapes, node, &amounts, error)) {
        return false;
    }
    if (nt_node_has_input(node, 2) &&
        (nt_shapes_known(shapes, node, 2) == NULL || nt_shape_count(nt_shapes_in(shapes, node, 2)) != 1)) {
        return nt_op_refuse(shapes, node, error, "a filling that is not a constant number is not supported");
    }
    for (unsigned i = 0; i < out.rank; i++) {
        bool padded = amounts.begin[i] + amounts.end[i] > 0;
        if (padded && ((strcmp(mode, "reflect") == 0 && MAX(amounts.begin[i], amounts.end[i]) >= out.dims[i]) ||
                       (strcmp(mode, "edge") == 0 && out.dims[i] == 0))) {
            return nt_op_corrupt(shapes, node, error, "axis %u is too short for mode '%s'", i, mode);
        }
        out.dims[i] += amounts.begin[i] + amounts.end[i];
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

/* Where cell `at` of the padded dim comes from; -1: the filling. */
static int64_t source_cell(int64_t at, int64_t begin, int64_t dim, char mode) {
    int64_t x = at - begin;
    if (x >= 0 && x < dim) {
        return x;
    }
    if (mode == 'c') {
        return -1;
    }
    if (mode == 'e') {
        return CLAMP(x, 0, dim - 1);
    }
    return x < 0 ? -x : 2 * (dim - 1) - x;
}

static void pad_all(const NtView *in, const NtView *out, const Amounts *amounts, char mode, float filling) {
    int64_t strides[NT_MAX_RANK];
    nt_shape_strides(&in->shape, strides);
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        int64_t rest = i, from = 0;
        bool fill = false;
        for (unsigned d = out->shape.rank; d-- > 0; rest /= out->shape.dims[d]) {
            int64_t cell = source_cell(rest % out->shape.dims[d], amounts->begin[d], in->shape.dims[d], mode);
            fill |= cell < 0;
            from += cell * strides[d];
        }
        if (out->type == NT_F32) {
            out->f32[i] = fill ? filling : in->f32[from];
        } else {
            out->i64[i] = fill ? (int64_t)filling : in->i64[from];
        }
    }
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtAttribute *pads = nt_node_attribute(node, "pads");
    bool has_axes = node->input_count > 3 && node->inputs[3] >= 0;
    const int64_t *list = pads != NULL ? pads->ints : in[1].i64;
    size_t count = (pads != NULL ? pads->count : (size_t)nt_shape_count(&in[1].shape)) / 2;
    Amounts amounts = {0};
    for (size_t i = 0; i < count; i++) {
        int64_t axis = has_axes ? in[3].i64[i] : (int64_t)i;
        axis = axis < 0 ? axis + (int64_t)in[0].shape.rank : axis;
        amounts.begin[axis] = list[i];
        amounts.end[axis] = list[count + i];
    }
    float filling = nt_node_float(node, "value", 0);
    if (nt_node_has_input(node, 2)) {
        filling = in[2].type == NT_F32 ? in[2].f32[0] : (float)in[2].i64[0];
    }
    pad_all(&in[0], &out[0], &amounts, nt_node_string(node, "mode", "constant")[0], filling);
    return true;
}

static const NtAttributeRule rules[] = {
    {"mode", NT_ATTRIBUTE_STRING}, {"pads", NT_ATTRIBUTE_INTS, 0, 10}, {"value", NT_ATTRIBUTE_FLOAT, 0, 10}, {NULL}};

const NtOp nt_op_pad = {.type = "Pad",
                        .since = 2,
                        .min_inputs = 1,
                        .max_inputs = 4,
                        .max_outputs = 1,
                        .attributes = rules,
                        .infer = infer,
                        .compute = compute};
