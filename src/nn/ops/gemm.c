/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemm: alpha A' B' + beta C, and MatMul with numpy's rules. With constant weights both are oneDNN's inner product,
 * (rows, K) x weights (N, K) + bias (N), whose weights are packed; other products run as batched matrix products.
 */
#include "nn/plan-internal.h"

#include <string.h>

static bool infer_gemm(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *a = nt_shapes_in(shapes, node, 0), *b = nt_shapes_in(shapes, node, 1);
    if (a->rank != 2 || b->rank != 2) {
        return nt_op_corrupt(shapes, node, error, "its inputs have %u and %u dims instead of 2", a->rank, b->rank);
    }
    bool ta = nt_node_int(node, "transA", 0) != 0, tb = nt_node_int(node, "transB", 0) != 0;
    NtShape out = {.rank = 2, .dims = {a->dims[ta ? 1 : 0], b->dims[tb ? 0 : 1]}}, sum;
    const NtShape *c = nt_shapes_in(shapes, node, 2);
    if (a->dims[ta ? 0 : 1] != b->dims[tb ? 1 : 0] || !nt_shape_broadcast(&out, c, &sum) ||
        !nt_shape_equal(&out, &sum)) {
        g_autofree char *x = nt_shape_text(a), *y = nt_shape_text(b);
        return nt_op_corrupt(shapes, node, error, "the matrices %s and %s do not fit each other or the summand", x, y);
    }
    for (unsigned i = 0; i < node->input_count; i++) {
        if (nt_shapes_type(shapes, node, i) != NT_F32) {
            return nt_op_refuse(shapes, node, error, "integers are not supported");
        }
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, &out, error);
}

static bool infer_matmul(NtShapes *shapes, const NtNode *node, GError **error) {
    NtShape a = *nt_shapes_in(shapes, node, 0), b = *nt_shapes_in(shapes, node, 1), out;
    if (nt_shapes_type(shapes, node, 0) != NT_F32 || nt_shapes_type(shapes, node, 1) != NT_F32) {
        return nt_op_refuse(shapes, node, error, "integers are not supported");
    }
    if (a.rank < 2 || b.rank < 2) {
        return nt_op_refuse(shapes, node, error, "vectors as operands are not supported");
    }
    int64_t m = a.dims[a.rank - 2], n = b.dims[b.rank - 1], k = a.dims[a.rank - 1], k2 = b.dims[b.rank - 2];
    NtShape a_batch = a, b_batch = b;
    a_batch.rank -= 2;
    b_batch.rank -= 2;
    if (k != k2 || !nt_shape_broadcast(&a_batch, &b_batch, &out)) {
        g_autofree char *x = nt_shape_text(&a), *y = nt_shape_text(&b);
        return nt_op_corrupt(shapes, node, error, "the matrices %s and %s do not fit", x, y);
    }
    out.dims[out.rank++] = m;
    out.dims[out.rank++] = n;
    return nt_shapes_out(shapes, node, 0, NT_F32, &out, error);
}

/* Batch offset of product number i for an operand that may repeat. */
static int64_t batch_offset(const NtShape *operand, const NtShape *out, int64_t i) {
    int64_t offset = 0, stride = 1;
    for (unsigned d = 2; d < out->rank; d++) {
        int64_t at = i % out->dims[out->rank - 1 - d];
        i /= out->dims[out->rank - 1 - d];
        if (d < operand->rank) {
            int64_t dim = operand->dims[operand->rank - 1 - d];
            offset += (dim == 1 ? 0 : at) * stride;
            stride *= dim;
        }
    }
    return offset;
}

static bool compute_matmul(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtShape *a = &in[0].shape, *b = &in[1].shape, *o = &out->shape;
    int64_t m = o->dims[o->rank - 2], n = o->dims[o->rank - 1], k = a->dims[a->rank - 1];
    int64_t products = nt_shape_span(o, 0, o->rank - 2);
    nt_autofree double *sums = nt_alloc((size_t)MAX(n, 1), sizeof *sums, "a row of a product", error);
    if (sums == NULL) {
        return false;
    }
    for (int64_t p = 0; p < products; p++) {
        const float *x = in[0].f32 + batch_offset(a, o, p) * m * k, *y = in[1].f32 + batch_offset(b, o, p) * k * n;
        for (int64_t i = 0; i < m; i++) { /* a row of results at a time, so that both matrices are read in order */
            memset(sums, 0, (size_t)n * sizeof *sums);
            for (int64_t j = 0; j < k; j++) {
                double factor = (double)x[i * k + j];
                for (int64_t c = 0; c < n; c++) {
                    sums[c] += factor * (double)y[j * n + c];
                }
            }
            for (int64_t c = 0; c < n; c++) {
                out->f32[(p * m + i) * n + c] = (float)sums[c];
            }
        }
    }
    return true;
}

static float gemm_summand(const NtView *c, const NtShape *out, int64_t row, int64_t column) {
    const NtShape *shape = &c->shape;
    int64_t columns = shape->rank > 0 ? shape->dims[shape->rank - 1] : 1, rows = shape->rank > 1 ? shape->dims[0] : 1;
    return c->f32[(rows == 1 ? 0 : row) * columns + (columns == 1 ? 0 : column)];
}

static bool compute_gemm(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    bool ta = nt_node_int(node, "transA", 0) != 0, tb = nt_node_int(node, "transB", 0) != 0;
    float alpha = nt_node_float(node, "alpha", 1), beta = nt_node_float(node, "beta", 1);
    int64_t m = out->shape.dims[0], n = out->shape.dims[1], k = in[0].shape.dims[ta ? 0 : 1];
    for (int64_t row = 0; row < m; row++) {
        for (int64_t column = 0; column < n; column++) {
            double sum = 0;
            for (int64_t j = 0; j < k; j++) {
                sum += (double)in[0].f32[ta ? j * m + row : row * k + j] *
                       (double)in[1].f32[tb ? column * k + j : j * n + column];
            }
            float c = nt_node_has_input(node, 2) ? beta * gemm_summand(&in[2], &out->shape, row, column) : 0;
            out->f32[row * n + column] = alpha * (float)sum + c;
        }
    }
    return true;
}

/* What an inner product needs to know. */
typedef struct Inner {
    NtTensor *weights;
    NtLayout *from; /* the weights' content seen as (N, K) */
    int bias;       /* value, -1: none */
    int64_t rows, k, n;
} Inner;

static NtPrimitive *make_inner(const Inner *inner, const NtLayout *weights, const NtFusion *fusion, GError **error) {
    NtShape src_shape = {.rank = 2, .dims = {inner->rows, inner->k}};
    NtShape dst_shape = {.rank = 2, .dims = {inner->rows, inner->n}}, bias_shape = {.rank = 1, .dims = {inner->n}};
    g_autoptr(NtLayout) src = nt_layout_plain(&src_shape);
    g_autoptr(NtLayout) dst = nt_layout_plain(&dst_shape);
    g_autoptr(NtLayout) bias = inner->bias >= 0 ? nt_layout_plain(&bias_shape) : NULL;
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_INNER_PRODUCT,
                            .src = src,
                            .weights = weights,
                            .bias = bias,
                            .dst = dst,
                            .post_ops = fusion->post_ops,
                            .post_op_count = fusion->count};
    return nt_primitive_new(&spec, error);
}

static NtPrimitive *choose_inner(const NtBuild *build, const Inner *inner, const NtFusion *fusion, GError **error) {
    NtShape shape = {.rank = 2, .dims = {inner->n, inner->k}};
    g_autoptr(NtLayout) any = nt_layout_any(&shape);
    const NtLayout *offer = nt_pool_offer(build->pool, inner->weights, inner->from);
    NtPrimitive *same = offer != NULL ? make_inner(inner, offer, fusion, NULL) : NULL;
    if (same != NULL && !nt_primitive_is_slow(same)) {
        return same;
    }
    nt_primitive_free(same);
    return make_inner(inner, any, fusion, error);
}

static bool plan_inner(NtBuild *build, const NtNode *node, const Inner *inner, GError **error) {
    g_auto(NtFusion) fusion;
    nt_fusion_make(build, node, NT_PRIMITIVE_INNER_PRODUCT, 2, &fusion);
    g_autoptr(NtPrimitive) product = choose_inner(build, inner, &fusion, error);
    if (product == NULL) {
        return false;
    }
    NtShape src_shape = {.rank = 2, .dims = {inner->rows, inner->k}},
            dst_shape = {.rank = 2, .dims = {inner->rows, inner->n}};
    g_autoptr(NtLayout) src = nt_layout_plain(&src_shape);
    g_autoptr(NtLayout) dst = nt_layout_plain(&dst_shape);
    g_autoptr(NtLayout) result = nt_layout_plain(nt_build_shape(build, node->outputs[0]));
    g_autoptr(NtLayout) packed = nt_primitive_layout(product, NT_ROLE_WEIGHTS);
    NtStepArgument arguments[4 + NT_MAX_POST_OPS] = {
        {.role = NT_ROLE_SRC}, {.role = NT_ROLE_WEIGHTS}, {.role = NT_ROLE_DST}};
    unsigned count = 3;
    if (!nt_build_plain(build, node->inputs[0], &arguments[0].slot, error) ||
        !nt_build_weights(build, inner->weights, inner->from, packed, &arguments[1].slot, error) ||
        !nt_fusion_arguments(build, node, &fusion, arguments, &count, error)) {
        return false;
    }
    arguments[0].slot = nt_build_alias(build, arguments[0].slot, src);
    if (inner->bias >= 0) {
        NtShape bias_shape = {.rank = 1, .dims = {inner->n}};
        g_autoptr(NtLayout) bias = nt_layout_plain(&bias_shape);
        arguments[count].role = NT_ROLE_BIAS;
        if (!nt_build_plain(build, inner->bias, &arguments[count].slot, error)) {
            return false;
        }
        arguments[count].slot = nt_build_alias(build, arguments[count].slot, bias);
        count++;
    }
    if (!nt_fusion_output(build, node, &fusion, result, &arguments[2].slot, error)) {
        return false;
    }
    arguments[2].slot = nt_build_alias(build, arguments[2].slot, dst);
    build->plan->multiply_adds += (uint64_t)(inner->rows * inner->n * inner->k);
    return nt_build_primitive(build, node, g_steal_pointer(&product), arguments, count) &&
           (!fusion.apart || nt_fusion_after(build, node, error));
}

/* The constant (K, N) or, transposed, (N, K), seen as (N, K). */
static NtLayout *seen_as_rows(const NtTensor *weights, bool transposed) {
    g_autoptr(NtLayout) plain = nt_layout_plain(&weights->shape);
    static const unsigned swap[] = {1, 0};
    return transposed ? g_steal_pointer(&plain) : nt_layout_permute(plain, swap);
}

static bool plan_gemm(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *out = nt_build_shape(build, node->outputs[0]);
    bool tb = nt_node_int(node, "transB", 0) != 0, has_c = nt_node_has_input(node, 2);
    NtTensor *weights = build->shapes->known[node->inputs[1]];
    bool bias_fits = !has_c || (build->shapes->known[node->inputs[2]] != NULL &&
                                nt_shape_count(nt_build_shape(build, node->inputs[2])) == out->dims[1] &&
                                (nt_build_shape(build, node->inputs[2])->rank == 1 || out->dims[1] > 1));
    const NtShape *c = has_c ? nt_build_shape(build, node->inputs[2]) : NULL;
    bias_fits = bias_fits && (c == NULL || (c->rank >= 1 && c->dims[c->rank - 1] == out->dims[1]));
    if (weights == NULL || !bias_fits || nt_node_int(node, "transA", 0) != 0 || nt_node_float(node, "alpha", 1) != 1 ||
        (has_c && nt_node_float(node, "beta", 1) != 1)) {
        return nt_build_compute(build, node, error);
    }
    g_autoptr(NtLayout) from = seen_as_rows(weights, tb);
    Inner inner = {.weights = weights,
                   .from = from,
                   .bias = has_c ? node->inputs[2] : -1,
                   .rows = out->dims[0],
                   .k = weights->shape.dims[tb ? 1 : 0],
                   .n = out->dims[1]};
    return plan_inner(build, node, &inner, error);
}

static bool plan_batched(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *a = nt_build_shape(build, node->inputs[0]), *b = nt_build_shape(build, node->inputs[1]);
    const NtShape *out = nt_build_shape(build, node->outputs[0]);
    g_auto(NtFusion) fusion;
    nt_fusion_make(build, node, NT_PRIMITIVE_MATMUL, out->rank, &fusion);
    NtShape a_wide = nt_shape_widen(a, out->rank), b_wide = nt_shape_widen(b, out->rank);
    g_autoptr(NtLayout) src = nt_layout_plain(&a_wide);
    g_autoptr(NtLayout) weights = nt_layout_plain(&b_wide);
    g_autoptr(NtLayout) dst = nt_layout_plain(out);
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_MATMUL,
                            .src = src,
                            .weights = weights,
                            .dst = dst,
                            .post_ops = fusion.post_ops,
                            .post_op_count = fusion.count};
    g_autoptr(NtPrimitive) product = nt_primitive_new(&spec, NULL);
    if (product == NULL) {
        return nt_build_compute(build, node, error);
    }
    NtStepArgument arguments[3 + NT_MAX_POST_OPS] = {
        {.role = NT_ROLE_SRC}, {.role = NT_ROLE_WEIGHTS}, {.role = NT_ROLE_DST}};
    unsigned count = 3;
    if (!nt_build_plain(build, node->inputs[0], &arguments[0].slot, error) ||
        !nt_build_plain(build, node->inputs[1], &arguments[1].slot, error) ||
        !nt_fusion_arguments(build, node, &fusion, arguments, &count, error)) {
        return false;
    }
    arguments[0].slot = nt_build_alias(build, arguments[0].slot, src);
    arguments[1].slot = nt_build_alias(build, arguments[1].slot, weights);
    if (!nt_fusion_output(build, node, &fusion, dst, &arguments[2].slot, error)) {
        return false;
    }
    build->plan->multiply_adds += (uint64_t)(nt_shape_count(out) * a->dims[a->rank - 1]);
    return nt_build_primitive(build, node, g_steal_pointer(&product), arguments, count) &&
           (!fusion.apart || nt_fusion_after(build, node, error));
}

static bool plan_matmul(NtBuild *build, const NtNode *node, GError **error) {
    NtTensor *weights = build->shapes->known[node->inputs[1]];
    if (weights == NULL || weights->shape.rank != 2) {
        return plan_batched(build, node, error);
    }
    const NtShape *out = nt_build_shape(build, node->outputs[0]);
    g_autoptr(NtLayout) from = seen_as_rows(weights, false);
    Inner inner = {.weights = weights,
                   .from = from,
                   .bias = -1,
                   .rows = nt_shape_span(out, 0, out->rank - 1),
                   .k = weights->shape.dims[0],
                   .n = weights->shape.dims[1]};
    return plan_inner(build, node, &inner, error);
}

static const NtAttributeRule gemm_rules[] = {{"alpha", NT_ATTRIBUTE_FLOAT},
                                             {"beta", NT_ATTRIBUTE_FLOAT},
                                             {"transA", NT_ATTRIBUTE_INT},
                                             {"transB", NT_ATTRIBUTE_INT},
                                             {NULL}};

const NtOp nt_op_gemm = {.type = "Gemm",
                         .since = 7,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .max_outputs = 1,
                         .attributes = gemm_rules,
                         .infer = infer_gemm,
                         .compute = compute_gemm,
                         .plan = plan_gemm,
                         .fuses = true};

const NtOp nt_op_matmul = {.type = "MatMul",
                           .since = 1,
                           .min_inputs = 2,
                           .max_inputs = 2,
                           .max_outputs = 1,
                           .infer = infer_matmul,
                           .compute = compute_matmul,
                           .plan = plan_matmul,
                           .fuses = true};
