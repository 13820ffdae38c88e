/* SPDX-License-Identifier: Apache-2.0 */
/* Gather along one axis, with indices known before running. */
#include "nn/plan-internal.h"

#include <string.h>

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *data = nt_shapes_in(shapes, node, 0), *indices = nt_shapes_in(shapes, node, 1);
    unsigned axis;
    if (!nt_op_axis(shapes, node, nt_node_int(node, "axis", 0), data->rank, &axis, error)) {
        return false;
    }
    const NtTensor *known = nt_shapes_known(shapes, node, 1);
    if (known == NULL || known->type != NT_I64) {
        return nt_op_refuse(shapes, node, error, "indices that are not known before running are not supported");
    }
    if (data->rank + indices->rank - 1 > NT_MAX_RANK) {
        return nt_op_refuse(shapes, node, error, "more than %d dims are not supported", NT_MAX_RANK);
    }
    for (int64_t i = 0, count = nt_shape_count(indices); i < count; i++) {
        if (known->i64[i] < -data->dims[axis] || known->i64[i] >= data->dims[axis]) {
            return nt_op_corrupt(shapes, node, error,
                                 "index %" G_GINT64_FORMAT " is out of range for a dim of %" G_GINT64_FORMAT,
                                 known->i64[i], data->dims[axis]);
        }
    }
    NtShape out = {.rank = 0};
    for (unsigned i = 0; i < axis; i++) {
        out.dims[out.rank++] = data->dims[i];
    }
    for (unsigned i = 0; i < indices->rank; i++) {
        out.dims[out.rank++] = indices->dims[i];
    }
    for (unsigned i = axis + 1; i < data->rank; i++) {
        out.dims[out.rank++] = data->dims[i];
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtShape *data = &in[0].shape;
    int64_t signed_axis = nt_node_int(node, "axis", 0);
    unsigned axis = (unsigned)(signed_axis < 0 ? signed_axis + (int64_t)data->rank : signed_axis);
    size_t part = (size_t)nt_shape_span(data, axis + 1, data->rank) * nt_element_size(out->type);
    int64_t rows = nt_shape_span(data, 0, axis), count = nt_shape_count(&in[1].shape), dim = data->dims[axis];
    char *to = out->data;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < count; i++, to += part) {
            int64_t index = in[1].i64[i] < 0 ? in[1].i64[i] + dim : in[1].i64[i];
            if (part > 0) {
                memcpy(to, (const char *)in[0].data + (size_t)(r * dim + index) * part, part);
            }
        }
    }
    return true;
}

static const NtAttributeRule rules[] = {{"axis", NT_ATTRIBUTE_INT}, {NULL}};

const NtOp nt_op_gather = {.type = "Gather",
                           .since = 1,
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .max_outputs = 1,
                           .attributes = rules,
                           .infer = infer,
                           .compute = compute};
