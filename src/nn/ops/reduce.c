/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReduceMean, ReduceSum, ReduceMax, ReduceMin, ReduceProd, ReduceL2, ReduceSumSquare. Axes are an attribute in older
 * opsets, an input since 13 (ReduceSum) or 18. A mean or maximum over all spatial axes is a pooling in any layout.
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

static bool marks_of(const NtShapes *shapes, const NtNode *node, bool marks[NT_MAX_RANK], GError **error) {
    unsigned rank = nt_shapes_in(shapes, node, 0)->rank;
    const int64_t *axes;
    size_t count;
    if (!nt_shapes_ints(shapes, node, 1, "axes", &axes, &count, error)) {
        return false;
    }
    bool all = count == 0 && nt_node_int(node, "noop_with_empty_axes", 0) == 0;
    for (unsigned i = 0; i < NT_MAX_RANK; i++) {
        marks[i] = all && i < rank;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned axis;
        if (!nt_op_axis(shapes, node, axes[i], rank, &axis, error)) {
            return false;
        }
        marks[axis] = true;
    }
    return true;
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    bool marks[NT_MAX_RANK], keep = nt_node_int(node, "keepdims", 1) != 0;
    if (!marks_of(shapes, node, marks, error)) {
        return false;
    }
    bool exact = strcmp(node->type, "ReduceProd") == 0 || strcmp(node->type, "ReduceSum") == 0 ||
                 strcmp(node->type, "ReduceMax") == 0 || strcmp(node->type, "ReduceMin") == 0;
    if (nt_shapes_type(shapes, node, 0) == NT_I64 && !exact) {
        return nt_op_refuse(shapes, node, error, "integers are not supported");
    }
    NtShape out = {.rank = 0};
    for (unsigned i = 0; i < in->rank; i++) {
        if (!marks[i] || keep) {
            out.dims[out.rank++] = marks[i] ? 1 : in->dims[i];
        }
        if (marks[i] && in->dims[i] == 0) {
            return nt_op_corrupt(shapes, node, error, "axis %u is empty", i);
        }
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static double gather_in(char kind, double sum, double x) {
    switch (kind) {
    case 'x': return x > sum || isnan(x) ? x : sum;
    case 'n': return x < sum || isnan(x) ? x : sum;
    case 'p': return sum * x;
    case 'q': return sum + x * x;
    default: return sum + x;
    }
}

/* m mean, s sum, x max, n min, p product, q squares (L2, SumSquare). */
static char kind_of(const char *type) {
    static const struct {
        const char *type;
        char kind;
    } kinds[] = {{"ReduceMean", 'm'}, {"ReduceSum", 's'}, {"ReduceMax", 'x'},      {"ReduceMin", 'n'},
                 {"ReduceProd", 'p'}, {"ReduceL2", 'q'},  {"ReduceSumSquare", 'q'}};
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return kinds[i].kind;
        }
    }
    g_assert_not_reached();
}

/* The axes again, from the shapes' difference being ambiguous: from attribute or view. */
static void marks_from_views(const NtNode *node, const NtView *in, bool marks[NT_MAX_RANK]) {
    const NtAttribute *attribute = nt_node_attribute(node, "axes");
    const int64_t *axes = attribute != NULL ? attribute->ints : nt_node_has_input(node, 1) ? in[1].i64 : NULL;
    size_t count = attribute != NULL ? attribute->count : axes != NULL ? (size_t)nt_shape_count(&in[1].shape) : 0;
    bool all = count == 0 && nt_node_int(node, "noop_with_empty_axes", 0) == 0;
    for (unsigned i = 0; i < NT_MAX_RANK; i++) {
        marks[i] = all && i < in->shape.rank;
    }
    for (size_t i = 0; i < count; i++) {
        marks[axes[i] < 0 ? axes[i] + (int64_t)in->shape.rank : axes[i]] = true;
    }
}

/* For each output cell: walks the reduced axes. */
static double reduce_cell(const NtView *in, const int64_t *strides, const bool *marks, int64_t base, char kind) {
    int64_t cells = 1;
    for (unsigned d = 0; d < in->shape.rank; d++) {
        cells *= marks[d] ? in->shape.dims[d] : 1;
    }
    double sum = kind == 'x' ? -INFINITY : kind == 'n' ? INFINITY : kind == 'p' ? 1 : 0;
    for (int64_t cell = 0; cell < cells; cell++) {
        int64_t rest = cell, from = base;
        for (unsigned d = in->shape.rank; d-- > 0;) {
            if (marks[d]) {
                from += rest % in->shape.dims[d] * strides[d];
                rest /= in->shape.dims[d];
            }
        }
        sum = gather_in(kind, sum, in->type == NT_F32 ? (double)in->f32[from] : (double)in->i64[from]);
    }
    return kind == 'm' ? sum / (double)cells : sum;
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    bool marks[NT_MAX_RANK];
    int64_t strides[NT_MAX_RANK];
    marks_from_views(node, in, marks);
    nt_shape_strides(&in->shape, strides);
    char kind = kind_of(node->type);
    bool root = strcmp(node->type, "ReduceL2") == 0;
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        int64_t rest = i, base = 0;
        for (unsigned d = in->shape.rank; d-- > 0;) {
            if (!marks[d]) {
                base += rest % in->shape.dims[d] * strides[d];
                rest /= in->shape.dims[d];
            }
        }
        double sum = reduce_cell(in, strides, marks, base, kind);
        if (out->type == NT_F32) {
            out->f32[i] = (float)(root ? sqrt(sum) : sum);
        } else {
            out->i64[i] = (int64_t)CLAMP(sum, -9e18, 9e18);
        }
    }
    return true;
}

/* A mean or maximum over exactly the spatial axes: a pooling with the whole map as window. */
static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *in = nt_build_shape(build, node->inputs[0]);
    bool marks[NT_MAX_RANK];
    char kind = kind_of(node->type);
    if (!marks_of(build->shapes, node, marks, error)) {
        return false;
    }
    bool spatial = in->rank >= 3 && in->rank <= 5 && !marks[0] && !marks[1];
    for (unsigned i = 2; i < in->rank; i++) {
        spatial &= marks[i];
    }
    static const int64_t ones[] = {1, 1, 1}, zeros[] = {0, 0, 0};
    NtShape pooled = {.rank = in->rank, .dims = {in->dims[0], in->dims[1], 1, 1, 1}};
    unsigned slot;
    if (!spatial || (kind != 'm' && kind != 'x')) {
        return nt_build_compute(build, node, error);
    }
    if (!nt_build_slot(build, node->inputs[0], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) src = nt_layout_ref(nt_slot_layout(build, slot));
    g_autoptr(NtLayout) plain = nt_layout_plain(&pooled);
    g_autoptr(NtLayout) any = nt_layout_any(&pooled);
    bool keep = nt_node_int(node, "keepdims", 1) != 0;
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_POOL,
                            .src = src,
                            .dst = any,
                            .pool = kind == 'x' ? NT_POOL_MAX : NT_POOL_AVERAGE,
                            .kernel = in->dims + 2,
                            .stride = ones,
                            .dilation = ones,
                            .pad_begin = zeros,
                            .pad_end = zeros};
    g_autoptr(NtPrimitive) pool = nt_primitive_new(&spec, NULL);
    if (pool == NULL) {
        return nt_build_compute(build, node, error);
    }
    g_autoptr(NtLayout) dst = nt_primitive_layout(pool, NT_ROLE_DST);
    if (keep) {
        NtStepArgument arguments[] = {{NT_ROLE_SRC, slot},
                                      {NT_ROLE_DST, nt_build_output(build, node->outputs[0], dst)}};
        return nt_build_primitive(build, node, g_steal_pointer(&pool), arguments, 2);
    }
    unsigned map = nt_build_temporary(build, dst), flat = map;
    NtStepArgument arguments[] = {{NT_ROLE_SRC, slot}, {NT_ROLE_DST, map}};
    nt_build_primitive(build, node, g_steal_pointer(&pool), arguments, 2);
    if (!nt_layout_equal(dst, plain) && !nt_build_copy(build, map, plain, &flat, error)) {
        return false;
    }
    g_autoptr(NtLayout) result = nt_layout_plain(nt_build_shape(build, node->outputs[0]));
    nt_build_view(build, node->outputs[0], flat, result);
    return true;
}

static const NtAttributeRule sum_rules[] = {{"axes", NT_ATTRIBUTE_INTS, 0, 12},
                                            {"keepdims", NT_ATTRIBUTE_INT},
                                            {"noop_with_empty_axes", NT_ATTRIBUTE_INT, 13},
                                            {NULL}};
static const NtAttributeRule rules[] = {{"axes", NT_ATTRIBUTE_INTS, 0, 17},
                                        {"keepdims", NT_ATTRIBUTE_INT},
                                        {"noop_with_empty_axes", NT_ATTRIBUTE_INT, 18},
                                        {NULL}};

#define REDUCE(symbol, name, its_rules)                                                                                \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = 1,                                                                                   \
                         .min_inputs = 1,                                                                              \
                         .max_inputs = 2,                                                                              \
                         .max_outputs = 1,                                                                             \
                         .attributes = its_rules,                                                                      \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan}
REDUCE(nt_op_reduce_mean, "ReduceMean", rules);
REDUCE(nt_op_reduce_sum, "ReduceSum", sum_rules);
REDUCE(nt_op_reduce_max, "ReduceMax", rules);
REDUCE(nt_op_reduce_min, "ReduceMin", rules);
REDUCE(nt_op_reduce_prod, "ReduceProd", rules);
REDUCE(nt_op_reduce_l2, "ReduceL2", rules);
REDUCE(nt_op_reduce_sum_square, "ReduceSumSquare", rules);
