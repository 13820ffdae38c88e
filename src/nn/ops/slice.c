/* SPDX-License-Identifier: Apache-2.0 */
/* Slice (starts, ends, axes, steps as attributes before opset 10, as inputs since) and Split along one axis. */
#include "nn/plan-internal.h"

#include <string.h>

/* Start, step and length per dim. */
typedef struct Range {
    int64_t start[NT_MAX_RANK], step[NT_MAX_RANK];
    NtShape out;
} Range;

/* One axis as ONNX says: bounds count from the end when negative and are clamped to what there is. */
static bool slice_axis(const NtShapes *shapes, const NtNode *node, Range *range, unsigned axis, const int64_t bounds[3],
                       GError **error) {
    int64_t dim = range->out.dims[axis], start = bounds[0], end = bounds[1], step = bounds[2];
    if (step == 0 || step < -NT_MAX_ELEMENTS || step > NT_MAX_ELEMENTS) {
        return nt_op_corrupt(shapes, node, error, "a step of %" G_GINT64_FORMAT, step);
    }
    start = start < 0 ? MAX(start, -dim) + dim : start;
    end = end < 0 ? MAX(end, -dim - 1) + dim : end;
    start = step > 0 ? MIN(start, dim) : MIN(start, dim - 1);
    end = step > 0 ? MIN(end, dim) : MIN(end, dim - 1);
    if (bounds[1] < 0 && step > 0) {
        end = MAX(end, 0);
    }
    int64_t length = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
    range->start[axis] = start;
    range->step[axis] = step;
    range->out.dims[axis] = MAX(length, 0);
    return true;
}

static bool slice_range(const NtShapes *shapes, const NtNode *node, Range *range, GError **error) {
    const int64_t *lists[4];
    size_t counts[4];
    static const char *const names[] = {"starts", "ends", "axes", NULL};
    for (unsigned i = 0; i < 4; i++) {
        if (!nt_shapes_ints(shapes, node, i + 1, names[i], &lists[i], &counts[i], error)) {
            return false;
        }
    }
    *range = (Range){.out = *nt_shapes_in(shapes, node, 0)};
    for (unsigned i = 0; i < NT_MAX_RANK; i++) {
        range->step[i] = 1;
    }
    if (lists[0] == NULL || lists[1] == NULL || counts[0] != counts[1] ||
        (lists[2] != NULL && counts[2] != counts[0]) || (lists[3] != NULL && counts[3] != counts[0])) {
        return nt_op_corrupt(shapes, node, error, "starts, ends, axes and steps differ in length");
    }
    bool seen[NT_MAX_RANK] = {false};
    for (size_t i = 0; i < counts[0]; i++) {
        unsigned axis;
        if (!nt_op_axis(shapes, node, lists[2] != NULL ? lists[2][i] : (int64_t)i, range->out.rank, &axis, error)) {
            return false;
        }
        const int64_t bounds[] = {lists[0][i], lists[1][i], lists[3] != NULL ? lists[3][i] : 1};
        if (seen[axis] || !slice_axis(shapes, node, range, axis, bounds, error)) {
            return seen[axis] ? nt_op_corrupt(shapes, node, error, "axis %u is there twice", axis) : false;
        }
        seen[axis] = true;
    }
    return true;
}

static bool infer_slice(NtShapes *shapes, const NtNode *node, GError **error) {
    Range range;
    return slice_range(shapes, node, &range, error) &&
           nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &range.out, error);
}

/* Copies the elements of a range. */
static void copy_range(const Range *range, const NtView *in, const NtView *out) {
    int64_t strides[NT_MAX_RANK], at[NT_MAX_RANK] = {0}, from = 0;
    nt_shape_strides(&in->shape, strides);
    for (unsigned d = 0; d < in->shape.rank; d++) {
        from += range->start[d] * strides[d];
        strides[d] *= range->step[d];
    }
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        if (out->type == NT_F32) {
            out->f32[i] = in->f32[from];
        } else {
            out->i64[i] = in->i64[from];
        }
        for (unsigned d = out->shape.rank; d-- > 0;) {
            from += strides[d];
            if (++at[d] < out->shape.dims[d]) {
                break;
            }
            from -= strides[d] * at[d];
            at[d] = 0;
        }
    }
}

/* The arguments were checked by infer; here they come as views, from which a small NtShapes is made to read them again.
 */
static bool compute_slice(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    NtTensor lists[4] = {0};
    g_autofree NtTensor **known = NULL;
    int largest = 0;
    for (unsigned i = 0; i < node->input_count; i++) {
        largest = MAX(largest, node->inputs[i]);
    }
    known = g_new0(NtTensor *, (size_t)largest + 1);
    for (unsigned i = 1; i < node->input_count && i <= 4; i++) {
        if (node->inputs[i] >= 0) {
            lists[i - 1] = (NtTensor){.type = in[i].type, .shape = in[i].shape, .data = in[i].data};
            known[node->inputs[i]] = &lists[i - 1];
        }
    }
    g_autofree NtShape *all = g_new0(NtShape, (size_t)largest + 1);
    all[node->inputs[0]] = in[0].shape;
    NtShapes shapes = {.shapes = all, .known = known};
    Range range;
    if (!slice_range(&shapes, node, &range, error)) {
        return false;
    }
    copy_range(&range, &in[0], &out[0]);
    return true;
}

/* Lengths of a Split's parts. */
static bool split_lengths(const NtShapes *shapes, const NtNode *node, unsigned *out_axis, int64_t *lengths,
                          GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    const int64_t *given;
    size_t count;
    if (!nt_op_axis(shapes, node, nt_node_int(node, "axis", 0), in->rank, out_axis, error) ||
        !nt_shapes_ints(shapes, node, 1, "split", &given, &count, error)) {
        return false;
    }
    int64_t dim = in->dims[*out_axis], parts = node->output_count, total = 0;
    if (nt_node_int(node, "num_outputs", parts) != parts || (given != NULL && (int64_t)count != parts) ||
        (given == NULL && shapes->graph->opset < 18 && dim % parts != 0)) {
        return nt_op_corrupt(shapes, node, error, "a dim of %" G_GINT64_FORMAT " cannot be split into its outputs",
                             dim);
    }
    int64_t even = (dim + parts - 1) / parts;
    for (int64_t i = 0; i < parts; i++) {
        lengths[i] = given != NULL ? given[i] : MIN(even, MAX(dim - i * even, 0));
        if (lengths[i] < 0 || lengths[i] > dim) {
            return nt_op_corrupt(shapes, node, error, "a part of %" G_GINT64_FORMAT, lengths[i]);
        }
        total += lengths[i];
    }
    return total == dim || nt_op_corrupt(shapes, node, error, "its parts do not add up");
}

static bool infer_split(NtShapes *shapes, const NtNode *node, GError **error) {
    g_autofree int64_t *lengths = g_new0(int64_t, node->output_count);
    unsigned axis;
    if (!split_lengths(shapes, node, &axis, lengths, error)) {
        return false;
    }
    NtShape part = *nt_shapes_in(shapes, node, 0);
    for (unsigned i = 0; i < node->output_count; i++) {
        part.dims[axis] = lengths[i];
        if (!nt_shapes_out(shapes, node, i, nt_shapes_type(shapes, node, 0), &part, error)) {
            return false;
        }
    }
    return true;
}

static bool compute_split(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t axis = nt_node_int(node, "axis", 0), parts = node->output_count;
    unsigned at = (unsigned)(axis < 0 ? axis + (int64_t)in->shape.rank : axis);
    const NtAttribute *split = nt_node_attribute(node, "split");
    const int64_t *given = split != NULL ? split->ints : nt_node_has_input(node, 1) ? in[1].i64 : NULL;
    int64_t even = (in->shape.dims[at] + parts - 1) / parts;
    Range range = {0};
    for (unsigned i = 0; i < NT_MAX_RANK; i++) {
        range.step[i] = 1;
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        if (out[i].data != NULL) { /* a part that nobody reads is left out */
            copy_range(&range, &in[0], &out[i]);
        }
        range.start[at] += given != NULL ? given[i] : even;
    }
    return true;
}

static const NtAttributeRule slice_rules[] = {
    {"starts", NT_ATTRIBUTE_INTS, 0, 9}, {"ends", NT_ATTRIBUTE_INTS, 0, 9}, {"axes", NT_ATTRIBUTE_INTS, 0, 9}, {NULL}};
static const NtAttributeRule split_rules[] = {
    {"axis", NT_ATTRIBUTE_INT}, {"split", NT_ATTRIBUTE_INTS, 0, 12}, {"num_outputs", NT_ATTRIBUTE_INT, 18}, {NULL}};

const NtOp nt_op_slice = {.type = "Slice",
                          .since = 1,
                          .min_inputs = 1,
                          .max_inputs = 5,
                          .max_outputs = 1,
                          .attributes = slice_rules,
                          .infer = infer_slice,
                          .compute = compute_slice};

const NtOp nt_op_split = {.type = "Split",
                          .since = 2,
                          .min_inputs = 1,
                          .max_inputs = 2,
                          .max_outputs = 65536,
                          .attributes = split_rules,
                          .infer = infer_split,
                          .compute = compute_split};
