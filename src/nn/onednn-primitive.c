/* SPDX-License-Identifier: Apache-2.0 */
/* Primitives: from a specification of ours to code that oneDNN compiled, by the interface of 2.x or of 3.x. */
#include "nn/onednn-library-internal.h"

#include <string.h>

static dnnl_alg_kind_t pool_alg(NtPoolKind kind) {
    static const dnnl_alg_kind_t algs[] = {[NT_POOL_MAX] = dnnl_pooling_max,
                                           [NT_POOL_AVERAGE] = dnnl_pooling_avg_exclude_padding,
                                           [NT_POOL_AVERAGE_PADDED] = dnnl_pooling_avg_include_padding};
    return algs[kind];
}

static dnnl_alg_kind_t binary_alg(NtBinaryKind kind) {
    static const dnnl_alg_kind_t algs[] = {
        [NT_BINARY_ADD] = dnnl_binary_add, [NT_BINARY_SUB] = dnnl_binary_sub, [NT_BINARY_MUL] = dnnl_binary_mul,
        [NT_BINARY_DIV] = dnnl_binary_div, [NT_BINARY_MIN] = dnnl_binary_min, [NT_BINARY_MAX] = dnnl_binary_max};
    return algs[kind];
}

/* The algorithm with its parameters as this version of oneDNN wants them. */
static dnnl_alg_kind_t eltwise_alg(NtEltwise kind, float *alpha, float *beta) {
    switch (kind) {
    case NT_ELTWISE_RELU: return dnnl_eltwise_relu;
    case NT_ELTWISE_CLIP: return dnnl_eltwise_clip;
    case NT_ELTWISE_LOGISTIC: return dnnl_eltwise_logistic;
    case NT_ELTWISE_TANH: return dnnl_eltwise_tanh;
    case NT_ELTWISE_ELU: return dnnl_eltwise_elu;
    case NT_ELTWISE_ABS: return dnnl_eltwise_abs;
    case NT_ELTWISE_SQRT: return dnnl_eltwise_sqrt;
    case NT_ELTWISE_LINEAR: return dnnl_eltwise_linear;
    case NT_ELTWISE_EXP: return dnnl_eltwise_exp;
    case NT_ELTWISE_LOG: return dnnl_eltwise_log;
    case NT_ELTWISE_GELU_ERF: return dnnl_eltwise_gelu_erf;
    case NT_ELTWISE_GELU_TANH: return dnnl_eltwise_gelu_tanh;
    case NT_ELTWISE_SWISH: return dnnl_eltwise_swish;
    case NT_ELTWISE_MISH: return dnnl_eltwise_mish;
    case NT_ELTWISE_SOFTPLUS: *alpha = 1.0f; return dnnl_eltwise_soft_relu;
    case NT_ELTWISE_HARDSWISH: /* 2.x has these two numbers built in */
        *alpha = 1.0f / 6.0f;
        *beta = 0.5f;
        return dnnl_eltwise_hardswish;
    }
    return dnnl_eltwise_relu;
}

static void append_post_op(dnnl_post_ops_t ops, const NtPrimitivePostOp *post_op) {
    float alpha = post_op->alpha, beta = post_op->beta;
    dnnl_alg_kind_t alg;
    switch (post_op->kind) {
    case NT_FUSE_ELTWISE: alg = eltwise_alg(post_op->eltwise, &alpha, &beta);
#if DNNL_VERSION_MAJOR >= 3
        dnnl_post_ops_append_eltwise(ops, alg, alpha, beta);
#else
        dnnl_post_ops_append_eltwise(ops, 1.0f, alg, alpha, beta);
#endif
        break;
    case NT_FUSE_SUM:
#if DNNL_VERSION_MAJOR >= 3
        dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
#else
        dnnl_post_ops_append_sum(ops, 1.0f);
#endif
        break;
    case NT_FUSE_BINARY: dnnl_post_ops_append_binary(ops, binary_alg(post_op->binary), post_op->operand->desc); break;
    }
}

static dnnl_primitive_attr_t attributes(const NtPrimitiveSpec *spec) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    dnnl_post_ops_create(&ops);
    for (unsigned i = 0; i < spec->post_op_count; i++) {
        append_post_op(ops, &spec->post_ops[i]);
    }
    dnnl_primitive_attr_set_post_ops(attr, ops);
    dnnl_post_ops_destroy(ops);
    return attr;
}

/* A window in oneDNN's form: its dilation 0 is dense. */
typedef struct Window {
    dnnl_dims_t kernel, stride, dilation, begin, end;
} Window;

static Window window_of(const NtPrimitiveSpec *spec) {
    Window window = {0};
    dnnl_dims_t dims;
    int spatial = spec->stride == NULL ? 0 : nt_desc_dims(spec->src->desc, dims) - 2;
    for (int i = 0; i < spatial; i++) {
        window.kernel[i] = spec->kernel != NULL ? spec->kernel[i] : 0;
        window.stride[i] = spec->stride[i];
        window.dilation[i] = spec->dilation[i] - 1;
        window.begin[i] = spec->pad_begin[i];
        window.end[i] = spec->pad_end[i];
    }
    return window;
}

static NtDesc desc_or_null(const NtLayout *layout) { return layout != NULL ? layout->desc : NULL; }

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t make_concat(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    g_autofree NtDesc *sources = g_new(NtDesc, s->many_count);
    for (unsigned i = 0; i < s->many_count; i++) {
        sources[i] = s->many[i]->desc;
    }
    return dnnl_concat_primitive_desc_create(out, nt_onednn_engine(), desc_or_null(s->dst), (int)s->many_count,
                                             (int)s->axis, sources, attr);
}

static dnnl_status_t make(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    const dnnl_prop_kind_t inference = dnnl_forward_inference;
    Window w = window_of(s);
    float alpha = s->alpha, beta = s->beta;
    dnnl_alg_kind_t alg;
    NtDesc src = desc_or_null(s->src), dst = desc_or_null(s->dst);
    NtDesc weights = desc_or_null(s->weights), bias = desc_or_null(s->bias);
    switch (s->kind) {
    case NT_PRIMITIVE_CONVOLUTION:
        alg = s->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
        return dnnl_convolution_forward_primitive_desc_create(out, nt_onednn_engine(), inference, alg, src, weights,
                                                              bias, dst, w.stride, w.dilation, w.begin, w.end, attr);
    case NT_PRIMITIVE_INNER_PRODUCT:
        return dnnl_inner_product_forward_primitive_desc_create(out, nt_onednn_engine(), inference, src, weights, bias,
                                                                dst, attr);
    case NT_PRIMITIVE_MATMUL:
        return dnnl_matmul_primitive_desc_create(out, nt_onednn_engine(), src, weights, bias, dst, attr);
    case NT_PRIMITIVE_POOL:
        return dnnl_pooling_forward_primitive_desc_create(out, nt_onednn_engine(), inference, pool_alg(s->pool), src,
                                                          dst, w.stride, w.kernel, w.dilation, w.begin, w.end, attr);
    case NT_PRIMITIVE_ELTWISE:
        alg = eltwise_alg(s->eltwise, &alpha, &beta);
        return dnnl_eltwise_forward_primitive_desc_create(out, nt_onednn_engine(), inference, alg, src, dst, alpha,
                                                          beta, attr);
    case NT_PRIMITIVE_BINARY:
        return dnnl_binary_primitive_desc_create(out, nt_onednn_engine(), binary_alg(s->binary), src, s->src1->desc,
                                                 dst, attr);
    case NT_PRIMITIVE_CONCAT: return make_concat(out, s, attr);
    case NT_PRIMITIVE_REORDER:
        return dnnl_reorder_primitive_desc_create(out, src, nt_onednn_engine(), dst, nt_onednn_engine(), attr);
    case NT_PRIMITIVE_SOFTMAX:
        alg = s->logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
        return dnnl_softmax_forward_primitive_desc_create(out, nt_onednn_engine(), inference, alg, src, dst,
                                                          (int)s->axis, attr);
    case NT_PRIMITIVE_LRN:
        return dnnl_lrn_forward_primitive_desc_create(out, nt_onednn_engine(), inference, dnnl_lrn_across_channels, src,
                                                      dst, s->size, alpha, beta, s->bias_k, attr);
    case NT_PRIMITIVE_PRELU:
        return dnnl_prelu_forward_primitive_desc_create(out, nt_onednn_engine(), inference, src, weights, dst, attr);
    }
    return dnnl_unimplemented;
}

#else

static dnnl_status_t make_concat(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    g_autofree dnnl_memory_desc_t *sources = g_new(dnnl_memory_desc_t, s->many_count);
    for (unsigned i = 0; i < s->many_count; i++) {
        sources[i] = *s->many[i]->desc;
    }
    return dnnl_concat_primitive_desc_create(out, desc_or_null(s->dst), (int)s->many_count, (int)s->axis, sources, attr,
                                             nt_onednn_engine());
}

/* 2.x: each kind of operation descriptor, of which only one is filled. */
typedef union Operation {
    dnnl_convolution_desc_t convolution;
    dnnl_inner_product_desc_t inner;
    dnnl_matmul_desc_t matmul;
    dnnl_pooling_v2_desc_t pool;
    dnnl_eltwise_desc_t eltwise;
    dnnl_binary_desc_t binary;
    dnnl_softmax_v2_desc_t softmax;
    dnnl_lrn_desc_t lrn;
    dnnl_prelu_desc_t prelu;
} Operation;

static dnnl_status_t describe(Operation *op, const NtPrimitiveSpec *s) {
    const dnnl_prop_kind_t inference = dnnl_forward_inference;
    Window w = window_of(s);
    float alpha = s->alpha, beta = s->beta;
    dnnl_alg_kind_t alg;
    NtDesc src = desc_or_null(s->src), dst = desc_or_null(s->dst);
    NtDesc weights = desc_or_null(s->weights), bias = desc_or_null(s->bias);
    switch (s->kind) {
    case NT_PRIMITIVE_CONVOLUTION:
        alg = s->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
        return dnnl_dilated_convolution_forward_desc_init(&op->convolution, inference, alg, src, weights, bias, dst,
                                                          w.stride, w.dilation, w.begin, w.end);
    case NT_PRIMITIVE_INNER_PRODUCT:
        return dnnl_inner_product_forward_desc_init(&op->inner, inference, src, weights, bias, dst);
    case NT_PRIMITIVE_MATMUL: return dnnl_matmul_desc_init(&op->matmul, src, weights, bias, dst);
    case NT_PRIMITIVE_POOL:
        return dnnl_pooling_v2_forward_desc_init(&op->pool, inference, pool_alg(s->pool), src, dst, w.stride, w.kernel,
                                                 w.dilation, w.begin, w.end);
    case NT_PRIMITIVE_ELTWISE:
        alg = eltwise_alg(s->eltwise, &alpha, &beta);
        return dnnl_eltwise_forward_desc_init(&op->eltwise, inference, alg, src, alpha, beta);
    case NT_PRIMITIVE_BINARY: return dnnl_binary_desc_init(&op->binary, binary_alg(s->binary), src, s->src1->desc, dst);
    case NT_PRIMITIVE_SOFTMAX:
        alg = s->logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
        return dnnl_softmax_v2_forward_desc_init(&op->softmax, inference, alg, src, dst, (int)s->axis);
    case NT_PRIMITIVE_LRN:
        return dnnl_lrn_forward_desc_init(&op->lrn, inference, dnnl_lrn_across_channels, src, s->size, alpha, beta,
                                          s->bias_k);
    case NT_PRIMITIVE_PRELU: return dnnl_prelu_forward_desc_init(&op->prelu, inference, src, weights);
    default: return dnnl_unimplemented;
    }
}

static dnnl_status_t make(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    if (s->kind == NT_PRIMITIVE_CONCAT) {
        return make_concat(out, s, attr);
    }
    if (s->kind == NT_PRIMITIVE_REORDER) {
        return dnnl_reorder_primitive_desc_create(out, s->src->desc, nt_onednn_engine(), s->dst->desc,
                                                  nt_onednn_engine(), attr);
    }
    Operation operation;
    dnnl_status_t status = describe(&operation, s);
    return status != dnnl_success ? status
                                  : dnnl_primitive_desc_create(out, &operation, attr, nt_onednn_engine(), NULL);
}

#endif

const char *nt_primitive_kind_name(NtPrimitiveKind kind) {
    static const char *const names[] = {[NT_PRIMITIVE_CONVOLUTION] = "convolution",
                                        [NT_PRIMITIVE_INNER_PRODUCT] = "inner product",
                                        [NT_PRIMITIVE_MATMUL] = "matrix product",
                                        [NT_PRIMITIVE_POOL] = "pooling",
                                        [NT_PRIMITIVE_ELTWISE] = "eltwise",
                                        [NT_PRIMITIVE_BINARY] = "binary",
                                        [NT_PRIMITIVE_CONCAT] = "concat",
                                        [NT_PRIMITIVE_REORDER] = "reorder",
                                        [NT_PRIMITIVE_SOFTMAX] = "softmax",
                                        [NT_PRIMITIVE_LRN] = "local response normalisation",
                                        [NT_PRIMITIVE_PRELU] = "prelu"};
    return names[kind];
}

/* Keeps what the primitive was made from. */
static void keep_spec(NtPrimitive *made, const NtPrimitiveSpec *spec) {
    made->spec = (NtPrimitiveSpec){.kind = spec->kind,
                                   .binary = spec->binary,
                                   .stride = made->stride,
                                   .dilation = made->dilation,
                                   .pad_begin = made->pad_begin,
                                   .post_ops = made->post_ops,
                                   .post_op_count = spec->post_op_count};
    dnnl_dims_t dims;
    int spatial = spec->stride == NULL ? 0 : nt_desc_dims(spec->src->desc, dims) - 2;
    for (int i = 0; i < spatial; i++) {
        made->stride[i] = spec->stride[i];
        made->dilation[i] = spec->dilation[i];
        made->pad_begin[i] = spec->pad_begin[i];
    }
    for (unsigned i = 0; i < spec->post_op_count; i++) {
        made->post_ops[i] = spec->post_ops[i];
        made->post_ops[i].operand = spec->post_ops[i].operand != NULL ? nt_layout_ref(spec->post_ops[i].operand) : NULL;
    }
}

NtPrimitive *nt_primitive_new(const NtPrimitiveSpec *spec, GError **error) {
    g_autoptr(NtPrimitive) made = g_new0(NtPrimitive, 1);
    dnnl_primitive_attr_t attr = attributes(spec);
    dnnl_status_t status = make(&made->desc, spec, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&made->primitive, made->desc);
    }
    if (status != dnnl_success) {
        nt_onednn_fail(status, nt_primitive_kind_name(spec->kind), error);
        return NULL;
    }
    keep_spec(made, spec);
    NtDesc scratch = dnnl_primitive_desc_query_md(made->desc, dnnl_query_scratchpad_md, 0);
    made->scratch = scratch != NULL ? dnnl_memory_desc_get_size(scratch) : 0;
    const char *code = "";
    dnnl_primitive_desc_query(made->desc, dnnl_query_impl_info_str, 0, &code);
    g_strlcpy(made->code, code, sizeof made->code);
    return g_steal_pointer(&made);
}

void nt_primitive_free(NtPrimitive *primitive) {
    if (primitive == NULL) {
        return;
    }
    if (primitive->primitive != NULL) {
        dnnl_primitive_destroy(primitive->primitive);
    }
    if (primitive->desc != NULL) {
        dnnl_primitive_desc_destroy(primitive->desc);
    }
    for (unsigned i = 0; i < primitive->spec.post_op_count; i++) {
        nt_layout_unref((NtLayout *)primitive->post_ops[i].operand);
    }
    g_free(primitive);
}

NtLayout *nt_primitive_layout(const NtPrimitive *primitive, NtRole role) {
    NtDesc desc = NULL;
    switch (role) {
    case NT_ROLE_SRC: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_src_md, 0); break;
    case NT_ROLE_SRC1: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_src_md, 1); break;
    case NT_ROLE_WEIGHTS: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_weights_md, 0); break;
    case NT_ROLE_BIAS: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_weights_md, 1); break;
    case NT_ROLE_DST: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_dst_md, 0); break;
    case NT_ROLE_SCRATCH: desc = dnnl_primitive_desc_query_md(primitive->desc, dnnl_query_scratchpad_md, 0); break;
    default: break;
    }
    return desc != NULL ? nt_layout_copy(desc) : NULL;
}

size_t nt_primitive_scratch(const NtPrimitive *primitive) { return primitive->scratch; }
const NtPrimitiveSpec *nt_primitive_spec(const NtPrimitive *primitive) { return &primitive->spec; }
const char *nt_primitive_code(const NtPrimitive *primitive) { return primitive->code; }
bool nt_primitive_is_slow(const NtPrimitive *primitive) { return strstr(primitive->code, "ref") != NULL; }
