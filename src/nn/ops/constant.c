/* SPDX-License-Identifier: Apache-2.0 */
/* Where known values come from: Constant, ConstantOfShape, Shape, Size, Range, Cast; and what picks or repeats them:
 * Where, Expand, Tile. */
#include "nn/plan-internal.h"

#include "nn/onnx-internal.h"

#include <math.h>
#include <string.h>

/* ---- Constant ---- */

static const char *const constant_names[] = {"value", "value_float", "value_int", "value_floats", "value_ints"};

static const NtAttribute *constant_value(const NtNode *node) {
    for (unsigned i = 0; i < G_N_ELEMENTS(constant_names); i++) {
        const NtAttribute *attribute = nt_node_attribute(node, constant_names[i]);
        if (attribute != NULL) {
            return attribute;
        }
    }
    return NULL;
}

static bool infer_constant(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtAttribute *value = constant_value(node);
    if (value == NULL || node->attributes->len != 1) {
        return nt_op_corrupt(shapes, node, error, "it must have one value");
    }
    NtShape shape = {.rank = 0};
    NtElement type = value->type == NT_ATTRIBUTE_INT || value->type == NT_ATTRIBUTE_INTS ? NT_I64 : NT_F32;
    if (value->type == NT_ATTRIBUTE_TENSOR) {
        shape = value->tensor->shape;
        type = value->tensor->type;
    } else if (value->type == NT_ATTRIBUTE_FLOATS || value->type == NT_ATTRIBUTE_INTS) {
        shape = (NtShape){.rank = 1, .dims = {(int64_t)value->count}};
    }
    return nt_shapes_out(shapes, node, 0, type, &shape, error);
}

static bool compute_constant(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtAttribute *value = constant_value(node);
    size_t bytes = (size_t)nt_shape_count(&out->shape) * nt_element_size(out->type);
    const void *from = value->type == NT_ATTRIBUTE_TENSOR   ? value->tensor->data
                       : value->type == NT_ATTRIBUTE_FLOATS ? (const void *)value->floats
                       : value->type == NT_ATTRIBUTE_INTS   ? (const void *)value->ints
                       : value->type == NT_ATTRIBUTE_FLOAT  ? (const void *)&value->f
                                                            : (const void *)&value->i;
    if (bytes > 0) {
        memcpy(out->data, from, bytes);
    }
    return true;
}

/* ---- ConstantOfShape, Shape, Size, Range, Cast ---- */

static bool shape_from(const NtShapes *shapes, const NtNode *node, unsigned input, NtShape *out, GError **error) {
    const int64_t *dims;
    size_t count;
    if (!nt_shapes_ints(shapes, node, input, NULL, &dims, &count, error)) {
        return false;
    }
    if (count > NT_MAX_RANK) {
        return nt_op_refuse(shapes, node, error, "%zu dims are not supported", count);
    }
    *out = (NtShape){.rank = (unsigned)count};
    for (size_t i = 0; i < count; i++) {
        out->dims[i] = dims[i];
    }
    return nt_shape_check(out) || nt_op_corrupt(shapes, node, error, "the wanted shape makes no sense");
}

static bool infer_constant_of_shape(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtAttribute *value = nt_node_attribute(node, "value");
    NtShape shape;
    if (value != NULL && nt_shape_count(&value->tensor->shape) != 1) {
        return nt_op_corrupt(shapes, node, error, "attribute 'value' must hold one element");
    }
    return shape_from(shapes, node, 0, &shape, error) &&
           nt_shapes_out(shapes, node, 0, value != NULL ? value->tensor->type : NT_F32, &shape, error);
}

static bool compute_constant_of_shape(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtAttribute *value = nt_node_attribute(node, "value");
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        if (out->type == NT_I64) {
            out->i64[i] = value->tensor->i64[0];
        } else {
            out->f32[i] = value != NULL ? value->tensor->f32[0] : 0;
        }
    }
    return true;
}

/* Shape's start and end (opset 15), counted from the end when negative and clamped. */
static int64_t clamp_end(int64_t at, int64_t rank) { return CLAMP(at < 0 ? at + rank : at, 0, rank); }

static bool infer_shape(NtShapes *shapes, const NtNode *node, GError **error) {
    int64_t rank = nt_shapes_in(shapes, node, 0)->rank;
    int64_t start = clamp_end(nt_node_int(node, "start", 0), rank),
            end = clamp_end(nt_node_int(node, "end", rank), rank);
    NtShape shape = {.rank = 1, .dims = {MAX(end - start, 0)}};
    return nt_shapes_out(shapes, node, 0, NT_I64, &shape, error);
}

static bool compute_shape(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t start = clamp_end(nt_node_int(node, "start", 0), in->shape.rank);
    for (int64_t i = 0; i < out->shape.dims[0]; i++) {
        out->i64[i] = in->shape.dims[start + i];
    }
    return true;
}

static bool infer_size(NtShapes *shapes, const NtNode *node, GError **error) {
    return nt_shapes_out(shapes, node, 0, NT_I64, &(NtShape){.rank = 0}, error);
}

static bool compute_size(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    out->i64[0] = nt_shape_count(&in->shape);
    return true;
}

static bool infer_range(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtTensor *limits[3];
    for (unsigned i = 0; i < 3; i++) {
        limits[i] = nt_shapes_known(shapes, node, i);
        if (limits[i] == NULL || limits[i]->type != NT_I64 || nt_shape_count(&limits[i]->shape) != 1) {
            return nt_op_refuse(shapes, node, error, "bounds other than known integers are not supported");
        }
    }
    __int128 start = limits[0]->i64[0], end = limits[1]->i64[0], step = limits[2]->i64[0];
    if (step == 0) {
        return nt_op_corrupt(shapes, node, error, "a step of 0");
    }
    __int128 count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    NtShape shape = {.rank = 1, .dims = {(int64_t)CLAMP(count, 0, (__int128)NT_MAX_ELEMENTS)}};
    return nt_shapes_out(shapes, node, 0, NT_I64, &shape, error);
}

static bool compute_range(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    for (int64_t i = 0; i < out->shape.dims[0]; i++) {
        out->i64[i] = (int64_t)((uint64_t)in[0].i64[0] + (uint64_t)i * (uint64_t)in[2].i64[0]);
    }
    return true;
}

static bool infer_cast(NtShapes *shapes, const NtNode *node, GError **error) {
    NtElement type;
    if (!nt_onnx_element(nt_node_int(node, "to", 0), &type)) {
        return nt_op_refuse(shapes, node, error, "to = %" G_GINT64_FORMAT " is not supported",
                            nt_node_int(node, "to", 0));
    }
    if (nt_node_int(node, "saturate", 1) != 1) {
        return nt_op_refuse(shapes, node, error, "saturate = 0 is not supported");
    }
    return nt_shapes_out(shapes, node, 0, type, nt_shapes_in(shapes, node, 0), error);
}

/* float -> integer of any width: towards zero, and what does not fit is an error, never a wrong number. */
static bool cast_one(int64_t to, double x, int64_t *out, GError **error) {
    static const struct {
        int64_t code;
        double low, high;
    } ranges[] = {{2, 0, 255}, {3, -128, 127}, {6, -2147483648.0, 2147483647.0}, {7, -9.2e18, 9.2e18}};
    if (to == 9) {
        *out = x != 0;
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if (ranges[i].code == to && x >= ranges[i].low && x <= ranges[i].high) {
            *out = (int64_t)x;
            return true;
        }
    }
    return nt_fail(error, NITERU_ERROR_CORRUPT, "%g does not fit the integer type", x);
}

static bool compute_cast(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t to = nt_node_int(node, "to", 0), count = nt_shape_count(&out->shape);
    for (int64_t i = 0; i < count; i++) {
        if (out->type == NT_F32) {
            out->f32[i] = in->type == NT_F32 ? in->f32[i] : (float)in->i64[i];
        } else if (in->type == NT_I64 && to == 7) {
            out->i64[i] = in->i64[i];
        } else if (!cast_one(to, in->type == NT_F32 ? trunc((double)in->f32[i]) : (double)in->i64[i], &out->i64[i],
                             error)) {
            return false;
        }
    }
    return true;
}

static bool plan_cast(NtBuild *build, const NtNode *node, GError **error) {
    unsigned slot; /* float to float: everything is float32 here */
    if (!nt_build_slot(build, node->inputs[0], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) layout = nt_layout_ref(nt_slot_layout(build, slot));
    nt_build_view(build, node->outputs[0], slot, layout);
    return true;
}

/* ---- Where, Expand, Tile ---- */

static bool infer_where(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape out;
    if (!nt_shape_broadcast(nt_shapes_in(shapes, node, 0), nt_shapes_in(shapes, node, 1), &out) ||
        !nt_shape_broadcast(&out, nt_shapes_in(shapes, node, 2), &out) ||
        nt_shapes_type(shapes, node, 1) != nt_shapes_type(shapes, node, 2)) {
        return nt_op_corrupt(shapes, node, error, "its inputs do not fit");
    }
    /* Truth values of the photo's are refused where they arise, but for those of IsNaN, which are float32. */
    const NtNode *maker = nt_graph_producer(shapes->graph, node->inputs[0]);
    bool asked = maker != NULL && strcmp(maker->type, "IsNaN") == 0;
    if (!asked && nt_shapes_known(shapes, node, 0) == NULL) {
        return nt_op_refuse(shapes, node, error, "a condition that depends on the photo is not supported");
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 1), &out, error);
}

/* Index in a repeated operand of element i of the result. */
static int64_t repeated_index(const NtShape *shape, const NtShape *out, int64_t i) {
    int64_t index = 0, stride = 1;
    for (unsigned d = 0; d < shape->rank; d++) {
        int64_t dim = shape->dims[shape->rank - 1 - d], length = out->dims[out->rank - 1 - d];
        index += i % length % dim * stride;
        stride *= dim;
        i /= length;
    }
    return index;
}

static void copy_element(const NtView *out, int64_t i, const NtView *in, int64_t from) {
    if (out->type == NT_F32) {
        out->f32[i] = in->f32[from];
    } else {
        out->i64[i] = in->i64[from];
    }
}

/* The same, quickly where the operand is as large as the result or a single number. */
static int64_t operand_index(const NtView *operand, int64_t operand_count, const NtView *out, int64_t count,
                             int64_t i) {
    return operand_count == count ? i : operand_count == 1 ? 0 : repeated_index(&operand->shape, &out->shape, i);
}

static bool compute_where(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t counts[3], count = nt_shape_count(&out->shape);
    for (unsigned j = 0; j < 3; j++) {
        counts[j] = nt_shape_count(&in[j].shape);
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = operand_index(&in[0], counts[0], out, count, i);
        unsigned from = (in->type == NT_F32 ? in->f32[at] != 0 : in->i64[at] != 0) ? 1 : 2;
        copy_element(out, i, &in[from], operand_index(&in[from], counts[from], out, count, i));
    }
    return true;
}

static bool infer_expand(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape wanted, out;
    if (!shape_from(shapes, node, 1, &wanted, error)) {
        return false;
    }
    if (!nt_shape_broadcast(nt_shapes_in(shapes, node, 0), &wanted, &out)) {
        return nt_op_corrupt(shapes, node, error, "its inputs do not fit");
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static bool infer_tile(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape out = *nt_shapes_in(shapes, node, 0);
    const int64_t *repeats;
    size_t count;
    if (!nt_shapes_ints(shapes, node, 1, NULL, &repeats, &count, error)) {
        return false;
    }
    if (repeats == NULL || count != out.rank) {
        return nt_op_corrupt(shapes, node, error, "its inputs do not fit");
    }
    for (unsigned i = 0; i < out.rank; i++) {
        if (__builtin_mul_overflow(out.dims[i], repeats[i], &out.dims[i])) {
            return nt_op_corrupt(shapes, node, error, "its result is too large");
        }
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static bool compute_repeat(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        copy_element(out, i, &in[0], repeated_index(&in[0].shape, &out->shape, i));
    }
    return true;
}

static const NtAttributeRule constant_rules[] = {
    {"value", NT_ATTRIBUTE_TENSOR},        {"value_float", NT_ATTRIBUTE_FLOAT, 12},
    {"value_int", NT_ATTRIBUTE_INT, 12},   {"value_floats", NT_ATTRIBUTE_FLOATS, 12},
    {"value_ints", NT_ATTRIBUTE_INTS, 12}, {NULL}};
static const NtAttributeRule fill_rules[] = {{"value", NT_ATTRIBUTE_TENSOR}, {NULL}};
static const NtAttributeRule shape_rules[] = {{"start", NT_ATTRIBUTE_INT, 15}, {"end", NT_ATTRIBUTE_INT, 15}, {NULL}};
static const NtAttributeRule cast_rules[] = {
    {"to", NT_ATTRIBUTE_INT, 6}, {"saturate", NT_ATTRIBUTE_INT, 19}, {"round_mode", NT_ATTRIBUTE_STRING, 24}, {NULL}};

#define SOURCE(symbol, name, first, inputs, rules, infer_function, compute_function, from_shape)                       \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = first,                                                                               \
                         .min_inputs = inputs,                                                                         \
                         .max_inputs = inputs,                                                                         \
                         .max_outputs = 1,                                                                             \
                         .attributes = rules,                                                                          \
                         .infer = infer_function,                                                                      \
                         .compute = compute_function,                                                                  \
                         .batch_shape = from_shape}
SOURCE(nt_op_constant, "Constant", 1, 0, constant_rules, infer_constant, compute_constant, false);
SOURCE(nt_op_constant_of_shape, "ConstantOfShape", 9, 1, fill_rules, infer_constant_of_shape, compute_constant_of_shape,
       false);
SOURCE(nt_op_shape, "Shape", 1, 1, shape_rules, infer_shape, compute_shape, true);
SOURCE(nt_op_size, "Size", 1, 1, NULL, infer_size, compute_size, true);
SOURCE(nt_op_range, "Range", 11, 3, NULL, infer_range, compute_range, false);
SOURCE(nt_op_where, "Where", 9, 3, NULL, infer_where, compute_where, false);
SOURCE(nt_op_expand, "Expand", 8, 2, NULL, infer_expand, compute_repeat, false);
SOURCE(nt_op_tile, "Tile", 6, 2, NULL, infer_tile, compute_repeat, false);

const NtOp nt_op_cast = {.type = "Cast",
                         .since = 6,
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .max_outputs = 1,
                         .attributes = cast_rules,
                         .infer = infer_cast,
                         .compute = compute_cast,
                         .plan = plan_cast};
