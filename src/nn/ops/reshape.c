/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that only change dims: Reshape, Flatten, Squeeze, Unsqueeze, Identity, Dropout (as in inference). The
 * result is a view of the input wherever its layout allows. */
#include "nn/plan-internal.h"

#include <string.h>

static bool reshape(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtShape *out, GError **error) {
    const int64_t *dims;
    size_t count;
    if (!nt_shapes_ints(shapes, node, 1, NULL, &dims, &count, error)) {
        return false;
    }
    if (dims == NULL || count > NT_MAX_RANK) {
        return nt_op_refuse(shapes, node, error, "a shape of %zu dims is not supported", count);
    }
    bool zero_is_zero = nt_node_int(node, "allowzero", 0) != 0;
    int64_t known = 1;
    int open = -1;
    out->rank = (unsigned)count;
    for (unsigned i = 0; i < count; i++) {
        int64_t dim = dims[i] == 0 && !zero_is_zero ? (i < in->rank ? in->dims[i] : -2) : dims[i];
        if (dim < -1 || (dim == -1 && open >= 0) || __builtin_mul_overflow(known, dim == -1 ? 1 : dim, &known)) {
            return nt_op_corrupt(shapes, node, error, "the wanted shape makes no sense");
        }
        open = dim == -1 ? (int)i : open;
        out->dims[i] = dim;
    }
    int64_t total = nt_shape_count(in);
    if (open >= 0) {
        if (known == 0 || total % known != 0) {
            return nt_op_corrupt(shapes, node, error, "%" G_GINT64_FORMAT " elements do not fit the wanted shape",
                                 total);
        }
        out->dims[open] = total / known;
    }
    return true;
}

static bool flatten(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtShape *out, GError **error) {
    int64_t axis = nt_node_int(node, "axis", 1);
    if (axis < -(int64_t)in->rank || axis > (int64_t)in->rank) {
        return nt_op_corrupt(shapes, node, error, "axis %" G_GINT64_FORMAT " is out of range", axis);
    }
    unsigned at = (unsigned)(axis < 0 ? axis + (int64_t)in->rank : axis);
    *out = (NtShape){.rank = 2, .dims = {nt_shape_span(in, 0, at), nt_shape_span(in, at, in->rank)}};
    return true;
}

/* Marks the axes given by input 1 or the attribute, counted in `rank` dims. */
static bool marked_axes(const NtShapes *shapes, const NtNode *node, unsigned rank, bool marks[NT_MAX_RANK],
                        bool *out_given, GError **error) {
    const int64_t *axes;
    size_t count;
    if (!nt_shapes_ints(shapes, node, 1, "axes", &axes, &count, error)) {
        return false;
    }
    *out_given = axes != NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned axis;
        if (!nt_op_axis(shapes, node, axes[i], rank, &axis, error)) {
            return false;
        }
        if (marks[axis]) {
            return nt_op_corrupt(shapes, node, error, "axis %u is there twice", axis);
        }
        marks[axis] = true;
    }
    return true;
}

/* Without axes every dim of 1 goes, but never the photos' axis: a batch of one is still a batch. */
static bool squeeze(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtShape *out, GError **error) {
    bool marks[NT_MAX_RANK] = {false}, given;
    if (!marked_axes(shapes, node, in->rank, marks, &given, error)) {
        return false;
    }
    bool photos = nt_shapes_known(shapes, node, 0) == NULL;
    for (unsigned i = 0; i < in->rank; i++) {
        if (given && marks[i] && in->dims[i] != 1) {
            return nt_op_corrupt(shapes, node, error, "axis %u is not 1 long", i);
        }
        if (given ? !marks[i] : in->dims[i] != 1 || (i == 0 && photos)) {
            out->dims[out->rank++] = in->dims[i];
        }
    }
    return true;
}

static bool unsqueeze(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtShape *out, GError **error) {
    const int64_t *axes;
    size_t count;
    bool marks[NT_MAX_RANK] = {false}, given;
    if (!nt_shapes_ints(shapes, node, 1, "axes", &axes, &count, error)) {
        return false;
    }
    if (axes == NULL || in->rank + count > NT_MAX_RANK) {
        return nt_op_refuse(shapes, node, error, "more than %d dims are not supported", NT_MAX_RANK);
    }
    out->rank = in->rank + (unsigned)count;
    if (!marked_axes(shapes, node, out->rank, marks, &given, error)) {
        return false;
    }
    for (unsigned i = 0, from = 0; i < out->rank; i++) {
        out->dims[i] = marks[i] ? 1 : in->dims[from++];
    }
    return true;
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    NtShape out = {0};
    bool ok = true;
    if (strcmp(node->type, "Reshape") == 0) {
        ok = reshape(shapes, node, in, &out, error);
    } else if (strcmp(node->type, "Flatten") == 0) {
        ok = flatten(shapes, node, in, &out, error);
    } else if (strcmp(node->type, "Squeeze") == 0) {
        ok = squeeze(shapes, node, in, &out, error);
    } else if (strcmp(node->type, "Unsqueeze") == 0) {
        ok = unsqueeze(shapes, node, in, &out, error);
    } else {
        out = *in;
    }
    if (!ok) {
        return false;
    }
    if (!nt_shape_check(&out) || nt_shape_count(&out) != nt_shape_count(in)) {
        g_autofree char *from = nt_shape_text(in), *to = nt_shape_text(&out);
        return nt_op_corrupt(shapes, node, error, "the shape %s cannot become %s", from, to);
    }
    if (node->output_count > 1 && node->outputs[1] >= 0) {
        return nt_op_refuse(shapes, node, error, "its second output (mask) is not supported");
    }
    if (nt_shapes_known(shapes, node, 2) != NULL && nt_shapes_type(shapes, node, 2) == NT_I64 &&
        nt_shapes_known(shapes, node, 2)->i64[0] != 0) {
        return nt_op_refuse(shapes, node, error, "training mode is not supported");
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    memcpy(out->data, in->data, (size_t)nt_shape_count(&out->shape) * nt_element_size(out->type));
    return true;
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    unsigned slot;
    if (!nt_build_slot(build, node->inputs[0], &slot, error)) {
        return false;
    }
    /* Same dims: the same thing in any layout. Otherwise elements must be in row-major order. */
    g_autoptr(NtLayout) layout = NULL;
    if (nt_shape_equal(shape, nt_build_shape(build, node->inputs[0]))) {
        layout = nt_layout_ref(nt_slot_layout(build, slot));
    } else {
        if (!nt_build_plain(build, node->inputs[0], &slot, error)) {
            return false;
        }
        layout = nt_layout_plain(shape);
    }
    nt_build_view(build, node->outputs[0], slot, layout);
    return true;
}

static const NtAttributeRule reshape_rules[] = {{"allowzero", NT_ATTRIBUTE_INT, 14}, {NULL}};
static const NtAttributeRule flatten_rules[] = {{"axis", NT_ATTRIBUTE_INT}, {NULL}};
static const NtAttributeRule axes_rules[] = {{"axes", NT_ATTRIBUTE_INTS, 0, 12}, {NULL}};
static const NtAttributeRule dropout_rules[] = {
    {"ratio", NT_ATTRIBUTE_FLOAT, 0, 11}, {"seed", NT_ATTRIBUTE_INT, 12}, {NULL}};

#define VIEW(symbol, name, most, outputs, rules)                                                                       \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = 5,                                                                                   \
                         .min_inputs = 1,                                                                              \
                         .max_inputs = most,                                                                           \
                         .max_outputs = outputs,                                                                       \
                         .attributes = rules,                                                                          \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan}
VIEW(nt_op_reshape, "Reshape", 2, 1, reshape_rules);
VIEW(nt_op_flatten, "Flatten", 1, 1, flatten_rules);
VIEW(nt_op_squeeze, "Squeeze", 2, 1, axes_rules);
VIEW(nt_op_unsqueeze, "Unsqueeze", 2, 1, axes_rules);
VIEW(nt_op_identity, "Identity", 1, 1, NULL);
VIEW(nt_op_dropout, "Dropout", 3, 2, dropout_rules);
