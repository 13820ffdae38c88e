/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MaxPool, AveragePool and their global forms: (N, C, D..) -> (N, C, D'..).
 *
 * An average divides by the cells that lie inside the input, or with count_include_pad inside the declared padding;
 * cells that only ceil_mode adds never count. oneDNN has no such third kind of cell, so that one combination runs in C.
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

static bool is_global(const NtNode *node) { return g_str_has_prefix(node->type, "Global"); }
static bool is_max(const NtNode *node) { return g_str_has_suffix(node->type, "MaxPool"); }

/* The window of a node; a global pool's is the whole input. */
static bool window_of(const NtShapes *shapes, const NtNode *node, const NtShape *in, NtWindow *w, GError **error) {
    return nt_op_window(shapes, node, in, is_global(node) ? in->dims + 2 : NULL, w, error);
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    if (!is_global(node) && nt_node_attribute(node, "kernel_shape") == NULL) {
        return nt_op_corrupt(shapes, node, error, "attribute 'kernel_shape' is missing");
    }
    NtWindow w;
    if (!window_of(shapes, node, in, &w, error)) {
        return false;
    }
    if (node->output_count > 1 && node->outputs[1] >= 0) {
        return nt_op_refuse(shapes, node, error, "its second output (indices) is not supported");
    }
    if (nt_node_int(node, "storage_order", 0) != 0) {
        return nt_op_refuse(shapes, node, error, "storage_order = 1 is not supported");
    }
    NtShape out = *in;
    for (unsigned i = 0; i < w.dims; i++) {
        out.dims[2 + i] = w.out[i];
        if (w.pad_begin[i] > (w.kernel[i] - 1) * w.dilation[i] ||
            w.pad_declared[i] > (w.kernel[i] - 1) * w.dilation[i]) {
            return nt_op_refuse(shapes, node, error, "padding as wide as the window is not supported");
        }
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, &out, error);
}

/* One output cell of one channel. */
static float pool_cell(const NtNode *node, const NtWindow *w, const NtShape *in, const float *src, const int64_t *at) {
    bool max = is_max(node), padded = nt_node_int(node, "count_include_pad", 0) != 0;
    int64_t cells = 1, counted = 0, strides[NT_MAX_RANK];
    nt_shape_strides(in, strides);
    for (unsigned i = 0; i < w->dims; i++) {
        cells *= w->kernel[i];
    }
    double sum = 0;
    float best = -INFINITY;
    for (int64_t cell = 0; cell < cells; cell++) {
        int64_t rest = cell, offset = 0;
        bool inside = true, in_padding = true;
        for (unsigned i = w->dims; i-- > 0; rest /= w->kernel[i]) {
            int64_t x = at[i] * w->stride[i] - w->pad_begin[i] + rest % w->kernel[i] * w->dilation[i];
            inside &= x >= 0 && x < in->dims[2 + i];
            in_padding &= x < in->dims[2 + i] + w->pad_declared[i];
            offset += x * strides[2 + i];
        }
        counted += inside || (padded && in_padding);
        if (inside) {
            sum += (double)src[offset];
            best = fmaxf(best, src[offset]);
        }
    }
    return max ? best : (float)(sum / (double)counted);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    NtWindow w;
    if (!window_of(NULL, node, &in->shape, &w, error)) {
        return false;
    }
    int64_t planes = nt_shape_span(&in->shape, 0, 2);
    int64_t in_plane = nt_shape_span(&in->shape, 2, in->shape.rank),
            out_plane = nt_shape_span(&out->shape, 2, out->shape.rank);
    for (int64_t plane = 0; plane < planes; plane++) {
        for (int64_t cell = 0; cell < out_plane; cell++) {
            int64_t at[NT_MAX_RANK], rest = cell;
            for (unsigned i = w.dims; i-- > 0; rest /= w.out[i]) {
                at[i] = rest % w.out[i];
            }
            out->f32[plane * out_plane + cell] = pool_cell(node, &w, &in->shape, in->f32 + plane * in_plane, at);
        }
    }
    return true;
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    NtWindow w;
    if (!window_of(build->shapes, node, nt_build_shape(build, node->inputs[0]), &w, error)) {
        return false;
    }
    bool padded = nt_node_int(node, "count_include_pad", 0) != 0;
    for (unsigned i = 0; padded && i < w.dims; i++) {
        if (w.pad_end[i] != w.pad_declared[i]) {
            return nt_build_compute(build, node, error);
        }
    }
    unsigned slot;
    if (!nt_build_slot(build, node->inputs[0], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) src = nt_layout_ref(nt_slot_layout(build, slot));
    g_autoptr(NtLayout) any = nt_layout_any(nt_build_shape(build, node->outputs[0]));
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_POOL,
                            .src = src,
                            .dst = any,
                            .pool = is_max(node) ? NT_POOL_MAX
                                    : padded     ? NT_POOL_AVERAGE_PADDED
                                                 : NT_POOL_AVERAGE,
                            .kernel = w.kernel,
                            .stride = w.stride,
                            .dilation = w.dilation,
                            .pad_begin = w.pad_begin,
                            .pad_end = w.pad_end};
    g_autoptr(NtPrimitive) pool = nt_primitive_new(&spec, NULL);
    if (pool == NULL) {
        return nt_build_compute(build, node, error);
    }
    g_autoptr(NtLayout) dst = nt_primitive_layout(pool, NT_ROLE_DST);
    NtStepArgument arguments[] = {{NT_ROLE_SRC, slot}, {NT_ROLE_DST, nt_build_output(build, node->outputs[0], dst)}};
    return nt_build_primitive(build, node, g_steal_pointer(&pool), arguments, 2);
}

static const NtAttributeRule max_rules[] = {
    {"auto_pad", NT_ATTRIBUTE_STRING},    {"ceil_mode", NT_ATTRIBUTE_INT, 10},
    {"dilations", NT_ATTRIBUTE_INTS, 10}, {"kernel_shape", NT_ATTRIBUTE_INTS},
    {"pads", NT_ATTRIBUTE_INTS},          {"storage_order", NT_ATTRIBUTE_INT, 8},
    {"strides", NT_ATTRIBUTE_INTS},       {NULL}};
static const NtAttributeRule average_rules[] = {{"auto_pad", NT_ATTRIBUTE_STRING},
                                                {"ceil_mode", NT_ATTRIBUTE_INT, 10},
                                                {"count_include_pad", NT_ATTRIBUTE_INT, 7},
                                                {"dilations", NT_ATTRIBUTE_INTS, 19},
                                                {"kernel_shape", NT_ATTRIBUTE_INTS},
                                                {"pads", NT_ATTRIBUTE_INTS},
                                                {"strides", NT_ATTRIBUTE_INTS},
                                                {NULL}};

#define POOL(symbol, name, outputs, rules)                                                                             \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = 1,                                                                                   \
                         .min_inputs = 1,                                                                              \
                         .max_inputs = 1,                                                                              \
                         .max_outputs = outputs,                                                                       \
                         .attributes = rules,                                                                          \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan}
POOL(nt_op_max_pool, "MaxPool", 2, max_rules);
POOL(nt_op_average_pool, "AveragePool", 1, average_rules);
POOL(nt_op_global_max_pool, "GlobalMaxPool", 1, NULL);
POOL(nt_op_global_average_pool, "GlobalAveragePool", 1, NULL);
