/* SPDX-License-Identifier: Apache-2.0 */
/* Concat along one axis; on oneDNN in the layout of the first input. */
#include "nn/plan-internal.h"

#include <string.h>

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape out = *nt_shapes_in(shapes, node, 0);
    unsigned axis;
    if (nt_node_attribute(node, "axis") == NULL) {
        return nt_op_corrupt(shapes, node, error, "attribute 'axis' is missing");
    }
    if (!nt_op_axis(shapes, node, nt_node_int(node, "axis", 0), out.rank, &axis, error)) {
        return false;
    }
    for (unsigned i = 1; i < node->input_count; i++) {
        NtShape other = *nt_shapes_in(shapes, node, i);
        int64_t length = axis < other.rank ? other.dims[axis] : 0;
        if (axis < other.rank) {
            other.dims[axis] = out.dims[axis];
        }
        if (!nt_node_has_input(node, i) || !nt_shape_equal(&other, &out) ||
            nt_shapes_type(shapes, node, i) != nt_shapes_type(shapes, node, 0)) {
            return nt_op_corrupt(shapes, node, error, "input %u does not fit the first", i);
        }
        if (__builtin_add_overflow(out.dims[axis], length, &out.dims[axis])) {
            return nt_op_corrupt(shapes, node, error, "its result is too long");
        }
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static unsigned axis_of(const NtNode *node, unsigned rank) {
    int64_t axis = nt_node_int(node, "axis", 0);
    return (unsigned)(axis < 0 ? axis + (int64_t)rank : axis);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    unsigned axis = axis_of(node, out->shape.rank);
    size_t size = nt_element_size(out->type);
    size_t row = (size_t)nt_shape_span(&out->shape, axis, out->shape.rank) * size, at = 0;
    int64_t rows = nt_shape_span(&out->shape, 0, axis);
    for (unsigned i = 0; i < node->input_count; i++) {
        size_t part = (size_t)nt_shape_span(&in[i].shape, axis, in[i].shape.rank) * size;
        for (int64_t r = 0; part > 0 && r < rows; r++) {
            memcpy((char *)out->data + (size_t)r * row + at, (const char *)in[i].data + (size_t)r * part, part);
        }
        at += part;
    }
    return true;
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    g_autofree const NtLayout **layouts = g_new0(const NtLayout *, node->input_count);
    g_autofree NtStepArgument *arguments = g_new0(NtStepArgument, node->input_count + 1);
    for (unsigned i = 0; i < node->input_count; i++) {
        arguments[i].role = NT_ROLE_MANY + (int)i;
        if (!nt_build_slot(build, node->inputs[i], &arguments[i].slot, error)) {
            return false;
        }
        layouts[i] = nt_slot_layout(build, arguments[i].slot);
    }
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_CONCAT,
                            .many = layouts,
                            .many_count = node->input_count,
                            .axis = axis_of(node, shape->rank)};
    g_autoptr(NtPrimitive) concat = node->input_count <= 64 ? nt_primitive_new(&spec, NULL) : NULL;
    if (concat == NULL) {
        return nt_build_compute(build, node, error);
    }
    g_autoptr(NtLayout) dst = nt_primitive_layout(concat, NT_ROLE_DST);
    arguments[node->input_count] = (NtStepArgument){NT_ROLE_DST, nt_build_output(build, node->outputs[0], dst)};
    return nt_build_primitive(build, node, g_steal_pointer(&concat), arguments, node->input_count + 1);
}

static const NtAttributeRule rules[] = {{"axis", NT_ATTRIBUTE_INT}, {NULL}};

const NtOp nt_op_concat = {.type = "Concat",
                           .since = 4,
                           .min_inputs = 1,
                           .max_inputs = 65536,
                           .max_outputs = 1,
                           .attributes = rules,
                           .infer = infer,
                           .compute = compute,
                           .plan = plan};
