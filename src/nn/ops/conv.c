/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conv: src (N, C, D..), weights (O, C / group, K..), bias (O) -> (N, O, D'..), 1 to 3 spatial dims.
 * Weights must be constant; they are packed once in the layout that the kernel asks for.
 */
#include "nn/plan-internal.h"

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *src = nt_shapes_in(shapes, node, 0), *weights = nt_shapes_in(shapes, node, 1);
    int64_t group = nt_node_int(node, "group", 1);
    NtWindow window;
    if (weights->rank != src->rank || !nt_op_window(shapes, node, src, weights->dims + 2, &window, error)) {
        return weights->rank == src->rank ? false
                                          : nt_op_corrupt(shapes, node, error, "an input of %u dims and weights of %u",
                                                          src->rank, weights->rank);
    }
    if (group < 1 || weights->dims[0] % group != 0 || src->dims[1] != weights->dims[1] * group) {
        return nt_op_corrupt(shapes, node, error,
                             "%" G_GINT64_FORMAT " channels do not fit weights for %" G_GINT64_FORMAT
                             " in %" G_GINT64_FORMAT " groups",
                             src->dims[1], weights->dims[1], group);
    }
    if (nt_node_has_input(node, 2)) {
        const NtShape *bias = nt_shapes_in(shapes, node, 2);
        if (bias->rank != 1 || bias->dims[0] != weights->dims[0]) {
            return nt_op_corrupt(shapes, node, error, "the bias does not fit the weights");
        }
    }
    if (nt_shapes_known(shapes, node, 1) == NULL ||
        (nt_node_has_input(node, 2) && nt_shapes_known(shapes, node, 2) == NULL)) {
        return nt_op_refuse(shapes, node, error, "weights that are computed while running are not supported");
    }
    NtShape out = {.rank = src->rank, .dims = {src->dims[0], weights->dims[0]}};
    for (unsigned i = 0; i < window.dims; i++) {
        out.dims[2 + i] = window.out[i];
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, &out, error);
}

/* (O, C, K..) as oneDNN wants it: with groups (G, O / G, C, K..). */
static NtShape grouped(const NtShape *weights, int64_t group) {
    if (group == 1) {
        return *weights;
    }
    NtShape shape = {.rank = weights->rank + 1, .dims = {group, weights->dims[0] / group}};
    for (unsigned i = 1; i < weights->rank; i++) {
        shape.dims[i + 1] = weights->dims[i];
    }
    return shape;
}

/*
 * Winograd's algorithm (A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2016) does a dense 3x3
 * convolution with 2.25 to 4 times fewer multiplications. Measured on AVX-512: 1.2 to 2.7 times faster from 64 channels
 * on both sides, slower below; the results differ from the direct sum by about 1e-6 of the largest number.
 */
static bool suits_winograd(const NtNode *node, const NtShape *weights, const NtWindow *w) {
    for (unsigned i = 0; i < w->dims; i++) {
        if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1) {
            return false;
        }
    }
    return w->dims == 2 && nt_node_int(node, "group", 1) == 1 && MIN(weights->dims[0], weights->dims[1]) >= 64;
}

static NtPrimitive *make(const NtBuild *build, const NtNode *node, const NtLayout *src, const NtLayout *weights,
                         const NtFusion *fusion, GError **error) {
    NtWindow w;
    const NtShape *weights_shape = nt_build_shape(build, node->inputs[1]);
    if (!nt_op_window(build->shapes, node, nt_build_shape(build, node->inputs[0]), weights_shape->dims + 2, &w,
                      error)) {
        return NULL;
    }
    g_autoptr(NtLayout) dst = nt_layout_any(nt_build_shape(build, node->outputs[0]));
    g_autoptr(NtLayout) bias =
        nt_node_has_input(node, 2) ? nt_layout_plain(nt_build_shape(build, node->inputs[2])) : NULL;
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_CONVOLUTION,
                            .src = src,
                            .weights = weights,
                            .bias = bias,
                            .dst = dst,
                            .stride = w.stride,
                            .dilation = w.dilation,
                            .pad_begin = w.pad_begin,
                            .pad_end = w.pad_end,
                            .post_ops = fusion->post_ops,
                            .post_op_count = fusion->count,
                            .winograd = suits_winograd(node, weights_shape, &w)};
    NtPrimitive *fast = spec.winograd ? nt_primitive_new(&spec, NULL) : NULL;
    spec.winograd = false;
    return fast != NULL ? fast : nt_primitive_new(&spec, error);
}

/*
 * A primitive for the weights as they are packed already, if any; else for the layout it likes best. Winograd's layout
 * depends on the team's size and cannot be undone: where a plan for another team cannot use it, the primitive of the
 * first plan's team (one thread) is made again, and *out_threads says so.
 */
static NtPrimitive *choose(const NtBuild *build, const NtNode *node, const NtLayout *from, const NtFusion *fusion,
                           int *out_threads, GError **error) {
    const NtTensor *weights = build->shapes->known[node->inputs[1]];
    NtShape shape = grouped(&weights->shape, nt_node_int(node, "group", 1));
    g_autoptr(NtLayout) src = nt_layout_any(nt_build_shape(build, node->inputs[0]));
    g_autoptr(NtLayout) any = nt_layout_any(&shape);
    const NtLayout *offer = nt_pool_offer(build->pool, weights, from);
    g_autoptr(NtPrimitive) same = offer != NULL ? make(build, node, src, offer, fusion, NULL) : NULL;
    *out_threads = 0;
    if (same != NULL && !nt_primitive_is_slow(same)) {
        return g_steal_pointer(&same);
    }
    g_autoptr(NtPrimitive) best = make(build, node, src, any, fusion, error);
    g_autoptr(NtLayout) packed = best != NULL ? nt_primitive_layout(best, NT_ROLE_WEIGHTS) : NULL;
    if (best == NULL || nt_pool_can(build->pool, weights, from, packed)) {
        return g_steal_pointer(&best);
    }
    *out_threads = 1;
    int before = nt_threads_set(1);
    g_autoptr(NtPrimitive) first = make(build, node, src, offer, fusion, error);
    nt_threads_set(before);
    if (first != NULL &&
        nt_primitive_is_slow(first)) { /* oneDNN's plain code takes any layout, and misreads this one */
        nt_fail(error, NITERU_ERROR_UNSUPPORTED, "its weights are packed for batches of another size");
        return NULL;
    }
    return g_steal_pointer(&first);
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    g_auto(NtFusion) fusion;
    nt_fusion_make(build, node, NT_PRIMITIVE_CONVOLUTION, nt_build_shape(build, node->outputs[0])->rank, &fusion);
    NtTensor *weights = build->shapes->known[node->inputs[1]];
    NtShape shape = grouped(&weights->shape, nt_node_int(node, "group", 1));
    g_autoptr(NtLayout) from = nt_layout_plain(&shape);
    int threads;
    g_autoptr(NtPrimitive) conv = choose(build, node, from, &fusion, &threads, error);
    if (conv == NULL) {
        return false;
    }
    g_autoptr(NtLayout) src = nt_primitive_layout(conv, NT_ROLE_SRC);
    g_autoptr(NtLayout) packed = nt_primitive_layout(conv, NT_ROLE_WEIGHTS);
    g_autoptr(NtLayout) dst = nt_primitive_layout(conv, NT_ROLE_DST);
    NtStepArgument arguments[4 + NT_MAX_POST_OPS] = {
        {.role = NT_ROLE_SRC}, {.role = NT_ROLE_WEIGHTS}, {.role = NT_ROLE_DST}};
    unsigned count = 3;
    if (!nt_build_as(build, node->inputs[0], src, &arguments[0].slot, error) ||
        !nt_build_weights(build, weights, from, packed, &arguments[1].slot, error) ||
        !nt_fusion_arguments(build, node, &fusion, arguments, &count, error)) {
        return false;
    }
    if (nt_node_has_input(node, 2)) {
        arguments[count].role = NT_ROLE_BIAS;
        if (!nt_build_plain(build, node->inputs[2], &arguments[count++].slot, error)) {
            return false;
        }
    }
    if (!nt_fusion_output(build, node, &fusion, dst, &arguments[2].slot, error)) {
        return false;
    }
    const NtShape *out = nt_build_shape(build, node->outputs[0]);
    build->plan->multiply_adds +=
        (uint64_t)(nt_shape_count(out) * nt_shape_span(&weights->shape, 1, weights->shape.rank));
    nt_build_primitive(build, node, g_steal_pointer(&conv), arguments, count);
    g_array_index(build->plan->steps, NtStep, build->plan->steps->len - 1).threads = threads;
    return !fusion.apart || nt_fusion_after(build, node, error);
}

static const NtAttributeRule attributes[] = {{"auto_pad", NT_ATTRIBUTE_STRING},
                                             {"dilations", NT_ATTRIBUTE_INTS},
                                             {"group", NT_ATTRIBUTE_INT},
                                             {"kernel_shape", NT_ATTRIBUTE_INTS},
                                             {"pads", NT_ATTRIBUTE_INTS},
                                             {"strides", NT_ATTRIBUTE_INTS},
                                             {NULL}};

const NtOp nt_op_conv = {.type = "Conv",
                         .since = 1,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .max_outputs = 1,
                         .attributes = attributes,
                         .infer = infer,
                         .plan = plan,
                         .fuses = true};
