/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file that sees oneDNN, versions 2.6 to 3.x.
 *
 * 2.x describes memory by a struct and makes primitives in two steps (operation descriptor, then primitive descriptor);
 * 3.x has opaque memory descriptors and one step. The two sets of thin functions at the top (desc_*, make_*) are the
 * whole difference. Scratchpads are the caller's in both, so that primitives hold no memory that threads would share.
 */
#include "nn/onednn-internal.h"

#include <dlfcn.h>
#include <string.h>

#include <oneapi/dnnl/dnnl.h>

struct NtLayout {
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_t desc;
#else
    dnnl_memory_desc_t storage;
    const dnnl_memory_desc_t *desc;
#endif
};

struct NtPrimitive {
    dnnl_primitive_t primitive;
    dnnl_primitive_desc_t desc;
    size_t scratch;
    char *code;
};

struct NtCall {
    dnnl_primitive_t primitive; /* borrowed */
    dnnl_stream_t stream;
    dnnl_exec_arg_t *arguments;
    unsigned count;
};

static const char *status_text(dnnl_status_t status) {
    switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "not implemented";
    default: return "failed";
    }
}

static bool fail(GError **error, dnnl_status_t status, const char *what) {
    return nt_fail(error, status == dnnl_out_of_memory ? NITERU_ERROR_NO_MEMORY : NITERU_ERROR_UNSUPPORTED,
                   "oneDNN %s: %s: %s", nt_onednn_version(), what, status_text(status));
}

/* One CPU engine for the process; it has no state of its own and lives until the end. */
static dnnl_engine_t engine(void) {
    static dnnl_engine_t only;
    static gsize once;
    if (g_once_init_enter(&once)) {
        dnnl_engine_create(&only, dnnl_cpu, 0);
        g_once_init_leave(&once, 1);
    }
    return only;
}

const char *nt_onednn_version(void) {
    static char text[32];
    static gsize once;
    if (g_once_init_enter(&once)) {
        const dnnl_version_t *version = dnnl_version();
        g_snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
        g_once_init_leave(&once, 1);
    }
    return text;
}

/* ---- memory descriptors ---- */

#if DNNL_VERSION_MAJOR >= 3

typedef const_dnnl_memory_desc_t Desc;

static void layout_clear(void *data) {
    NtLayout *layout = data;
    if (layout->desc != NULL) {
        dnnl_memory_desc_destroy(layout->desc);
    }
}
static dnnl_status_t desc_strided(NtLayout *l, int rank, const dnnl_dim_t *dims, const dnnl_dim_t *strides) {
    return dnnl_memory_desc_create_with_strides(&l->desc, rank, dims, dnnl_f32, strides);
}
static dnnl_status_t desc_any(NtLayout *l, int rank, const dnnl_dim_t *dims) {
    return dnnl_memory_desc_create_with_tag(&l->desc, rank, dims, dnnl_f32, dnnl_format_tag_any);
}
static dnnl_status_t desc_permute(NtLayout *l, Desc from, const int *perm) {
    return dnnl_memory_desc_permute_axes(&l->desc, from, perm);
}
static dnnl_status_t desc_reshape(NtLayout *l, Desc from, int rank, const dnnl_dim_t *dims) {
    return dnnl_memory_desc_reshape(&l->desc, from, rank, dims);
}
static dnnl_status_t desc_part(NtLayout *l, Desc from, const dnnl_dim_t *dims, const dnnl_dim_t *offset) {
    return dnnl_memory_desc_create_submemory(&l->desc, from, dims, offset);
}
static dnnl_status_t desc_copy(NtLayout *l, Desc from) { return dnnl_memory_desc_clone(&l->desc, from); }
static int desc_dims(Desc desc, dnnl_dims_t out) {
    int rank = 0;
    dnnl_dims_t *dims = NULL;
    dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &rank);
    dnnl_memory_desc_query(desc, dnnl_query_dims, &dims);
    memcpy(out, *dims, (size_t)rank * sizeof **dims);
    return rank;
}

#else

typedef const dnnl_memory_desc_t *Desc;

static void layout_clear(void *data) { (void)data; }
static dnnl_status_t desc_strided(NtLayout *l, int rank, const dnnl_dim_t *dims, const dnnl_dim_t *strides) {
    return dnnl_memory_desc_init_by_strides(&l->storage, rank, dims, dnnl_f32, strides);
}
static dnnl_status_t desc_any(NtLayout *l, int rank, const dnnl_dim_t *dims) {
    return dnnl_memory_desc_init_by_tag(&l->storage, rank, dims, dnnl_f32, dnnl_format_tag_any);
}
static dnnl_status_t desc_permute(NtLayout *l, Desc from, const int *perm) {
    return dnnl_memory_desc_permute_axes(&l->storage, from, perm);
}
static dnnl_status_t desc_reshape(NtLayout *l, Desc from, int rank, const dnnl_dim_t *dims) {
    return dnnl_memory_desc_reshape(&l->storage, from, rank, dims);
}
static dnnl_status_t desc_part(NtLayout *l, Desc from, const dnnl_dim_t *dims, const dnnl_dim_t *offset) {
    return dnnl_memory_desc_init_submemory(&l->storage, from, dims, offset);
}
static dnnl_status_t desc_copy(NtLayout *l, Desc from) {
    l->storage = *from;
    return dnnl_success;
}
static int desc_dims(Desc desc, dnnl_dims_t out) {
    memcpy(out, desc->dims, (size_t)desc->ndims * sizeof desc->dims[0]);
    return desc->ndims;
}

#endif

static NtLayout *layout_new(void) {
    NtLayout *layout = g_atomic_rc_box_new0(NtLayout);
#if DNNL_VERSION_MAJOR < 3
    layout->desc = &layout->storage;
#endif
    return layout;
}

/* The finished layout, or NULL when oneDNN refused it. */
static NtLayout *layout_done(NtLayout *layout, dnnl_status_t status) {
    if (status != dnnl_success) {
#if DNNL_VERSION_MAJOR >= 3
        layout->desc = NULL;
#endif
        nt_layout_unref(layout);
        return NULL;
    }
    return layout;
}

/* oneDNN has no tensors of rank 0: a scalar is a tensor of one element. */
static int fill_dims(const NtShape *shape, dnnl_dim_t *dims) {
    dims[0] = 1;
    for (unsigned i = 0; i < shape->rank; i++) {
        dims[i] = shape->dims[i];
    }
    return (int)MAX(shape->rank, 1);
}

NtLayout *nt_layout_strided(const NtShape *shape, const int64_t *strides) {
    dnnl_dims_t dims, steps = {1};
    int rank = fill_dims(shape, dims);
    for (unsigned i = 0; i < shape->rank; i++) {
        steps[i] = strides[i];
    }
    NtLayout *layout = layout_new();
    layout = layout_done(layout, desc_strided(layout, rank, dims, steps));
    g_assert(layout != NULL); /* ranks up to 8 and checked dims always have a strided layout */
    return layout;
}

NtLayout *nt_layout_plain(const NtShape *shape) {
    int64_t strides[NT_MAX_RANK];
    nt_shape_strides(shape, strides);
    return nt_layout_strided(shape, strides);
}

NtLayout *nt_layout_any(const NtShape *shape) {
    dnnl_dims_t dims;
    int rank = fill_dims(shape, dims);
    NtLayout *layout = layout_new();
    layout = layout_done(layout, desc_any(layout, rank, dims));
    g_assert(layout != NULL);
    return layout;
}

NtLayout *nt_layout_permute(const NtLayout *from, const unsigned *perm) {
    dnnl_dims_t dims;
    int rank = desc_dims(from->desc, dims), back[DNNL_MAX_NDIMS] = {0};
    for (int i = 0; i < rank; i++) {
        back[perm[i]] = i; /* oneDNN says where axis perm[i] goes */
    }
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_permute(layout, from->desc, back));
}

NtLayout *nt_layout_reshape(const NtLayout *from, const NtShape *shape) {
    dnnl_dims_t dims;
    int rank = fill_dims(shape, dims);
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_reshape(layout, from->desc, rank, dims));
}

NtLayout *nt_layout_part(const NtLayout *from, const NtShape *shape, const int64_t *offset) {
    dnnl_dims_t dims, start = {0};
    fill_dims(shape, dims);
    for (unsigned i = 0; i < shape->rank; i++) {
        start[i] = offset[i];
    }
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_part(layout, from->desc, dims, start));
}

NtLayout *nt_layout_ref(const NtLayout *layout) { return g_atomic_rc_box_acquire((void *)layout); }

void nt_layout_unref(NtLayout *layout) {
    if (layout != NULL) {
        g_atomic_rc_box_release_full(layout, layout_clear);
    }
}

bool nt_layout_equal(const NtLayout *a, const NtLayout *b) { return dnnl_memory_desc_equal(a->desc, b->desc) != 0; }

size_t nt_layout_bytes(const NtLayout *layout) { return dnnl_memory_desc_get_size(layout->desc); }

bool nt_layout_is_plain(const NtLayout *layout) {
    dnnl_dims_t dims;
    NtShape shape = {.rank = (unsigned)desc_dims(layout->desc, dims)};
    for (unsigned i = 0; i < shape.rank; i++) {
        shape.dims[i] = dims[i];
    }
    g_autoptr(NtLayout) plain = nt_layout_plain(&shape);
    return nt_layout_equal(layout, plain);
}

/* ---- primitives ---- */

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

static void append_post(dnnl_post_ops_t ops, const NtPrimitivePost *post) {
    float alpha = post->alpha, beta = post->beta;
    dnnl_alg_kind_t alg;
    switch (post->kind) {
    case NT_FUSE_ELTWISE: alg = eltwise_alg(post->eltwise, &alpha, &beta);
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
    case NT_FUSE_BINARY: dnnl_post_ops_append_binary(ops, binary_alg(post->binary), post->operand->desc); break;
    }
}

static dnnl_primitive_attr_t attributes(const NtPrimitiveSpec *spec) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    dnnl_post_ops_create(&ops);
    for (unsigned i = 0; i < spec->post_count; i++) {
        append_post(ops, &spec->posts[i]);
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
    int spatial = spec->stride == NULL ? 0 : desc_dims(spec->src->desc, dims) - 2;
    for (int i = 0; i < spatial; i++) {
        window.kernel[i] = spec->kernel != NULL ? spec->kernel[i] : 0;
        window.stride[i] = spec->stride[i];
        window.dilation[i] = spec->dilation[i] - 1;
        window.begin[i] = spec->pad_begin[i];
        window.end[i] = spec->pad_end[i];
    }
    return window;
}

static Desc desc_or_null(const NtLayout *layout) { return layout != NULL ? layout->desc : NULL; }

#if DNNL_VERSION_MAJOR >= 3

static dnnl_status_t make_concat(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    g_autofree Desc *sources = g_new(Desc, s->many_count);
    for (unsigned i = 0; i < s->many_count; i++) {
        sources[i] = s->many[i]->desc;
    }
    return dnnl_concat_primitive_desc_create(out, engine(), desc_or_null(s->dst), (int)s->many_count, (int)s->axis,
                                             sources, attr);
}

static dnnl_status_t make(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    const dnnl_prop_kind_t inference = dnnl_forward_inference;
    Window w = window_of(s);
    float alpha = s->alpha, beta = s->beta;
    dnnl_alg_kind_t alg;
    Desc src = desc_or_null(s->src), dst = desc_or_null(s->dst);
    Desc weights = desc_or_null(s->weights), bias = desc_or_null(s->bias);
    switch (s->kind) {
    case NT_PRIMITIVE_CONVOLUTION:
        alg = s->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
        return dnnl_convolution_forward_primitive_desc_create(out, engine(), inference, alg, src, weights, bias, dst,
                                                              w.stride, w.dilation, w.begin, w.end, attr);
    case NT_PRIMITIVE_INNER_PRODUCT:
        return dnnl_inner_product_forward_primitive_desc_create(out, engine(), inference, src, weights, bias, dst,
                                                                attr);
    case NT_PRIMITIVE_MATMUL: return dnnl_matmul_primitive_desc_create(out, engine(), src, weights, bias, dst, attr);
    case NT_PRIMITIVE_POOL:
        return dnnl_pooling_forward_primitive_desc_create(out, engine(), inference, pool_alg(s->pool), src, dst,
                                                          w.stride, w.kernel, w.dilation, w.begin, w.end, attr);
    case NT_PRIMITIVE_ELTWISE:
        alg = eltwise_alg(s->eltwise, &alpha, &beta);
        return dnnl_eltwise_forward_primitive_desc_create(out, engine(), inference, alg, src, dst, alpha, beta, attr);
    case NT_PRIMITIVE_BINARY:
        return dnnl_binary_primitive_desc_create(out, engine(), binary_alg(s->binary), src, s->src1->desc, dst, attr);
    case NT_PRIMITIVE_CONCAT: return make_concat(out, s, attr);
    case NT_PRIMITIVE_REORDER: return dnnl_reorder_primitive_desc_create(out, src, engine(), dst, engine(), attr);
    case NT_PRIMITIVE_SOFTMAX:
        alg = s->logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
        return dnnl_softmax_forward_primitive_desc_create(out, engine(), inference, alg, src, dst, (int)s->axis, attr);
    case NT_PRIMITIVE_LRN:
        return dnnl_lrn_forward_primitive_desc_create(out, engine(), inference, dnnl_lrn_across_channels, src, dst,
                                                      s->size, alpha, beta, s->bias_k, attr);
    }
    return dnnl_unimplemented;
}

static Desc query_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index) {
    return dnnl_primitive_desc_query_md(desc, what, index);
}

#else

static dnnl_status_t make_concat(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    g_autofree dnnl_memory_desc_t *sources = g_new(dnnl_memory_desc_t, s->many_count);
    for (unsigned i = 0; i < s->many_count; i++) {
        sources[i] = *s->many[i]->desc;
    }
    return dnnl_concat_primitive_desc_create(out, desc_or_null(s->dst), (int)s->many_count, (int)s->axis, sources, attr,
                                             engine());
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
} Operation;

static dnnl_status_t describe(Operation *op, const NtPrimitiveSpec *s) {
    const dnnl_prop_kind_t inference = dnnl_forward_inference;
    Window w = window_of(s);
    float alpha = s->alpha, beta = s->beta;
    dnnl_alg_kind_t alg;
    Desc src = desc_or_null(s->src), dst = desc_or_null(s->dst);
    Desc weights = desc_or_null(s->weights), bias = desc_or_null(s->bias);
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
    default: return dnnl_unimplemented;
    }
}

static dnnl_status_t make(dnnl_primitive_desc_t *out, const NtPrimitiveSpec *s, dnnl_primitive_attr_t attr) {
    if (s->kind == NT_PRIMITIVE_CONCAT) {
        return make_concat(out, s, attr);
    }
    if (s->kind == NT_PRIMITIVE_REORDER) {
        return dnnl_reorder_primitive_desc_create(out, s->src->desc, engine(), s->dst->desc, engine(), attr);
    }
    Operation operation;
    dnnl_status_t status = describe(&operation, s);
    return status != dnnl_success ? status : dnnl_primitive_desc_create(out, &operation, attr, engine(), NULL);
}

static Desc query_layout(const_dnnl_primitive_desc_t desc, dnnl_query_t what, int index) {
    return dnnl_primitive_desc_query_md(desc, what, index);
}

#endif

static NtLayout *copy_layout(Desc desc) {
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_copy(layout, desc));
}

NtPrimitive *nt_primitive_new(const NtPrimitiveSpec *spec, GError **error) {
    static const char *const names[] = {
        [NT_PRIMITIVE_CONVOLUTION] = "convolution", [NT_PRIMITIVE_INNER_PRODUCT] = "inner product",
        [NT_PRIMITIVE_MATMUL] = "matrix product",   [NT_PRIMITIVE_POOL] = "pooling",
        [NT_PRIMITIVE_ELTWISE] = "eltwise",         [NT_PRIMITIVE_BINARY] = "binary",
        [NT_PRIMITIVE_CONCAT] = "concat",           [NT_PRIMITIVE_REORDER] = "reorder",
        [NT_PRIMITIVE_SOFTMAX] = "softmax",         [NT_PRIMITIVE_LRN] = "local response normalisation"};
    g_autoptr(NtPrimitive) made = g_new0(NtPrimitive, 1);
    dnnl_primitive_attr_t attr = attributes(spec);
    dnnl_status_t status = make(&made->desc, spec, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status == dnnl_success) {
        status = dnnl_primitive_create(&made->primitive, made->desc);
    }
    if (status != dnnl_success) {
        fail(error, status, names[spec->kind]);
        return NULL;
    }
    Desc scratch = query_layout(made->desc, dnnl_query_scratchpad_md, 0);
    made->scratch = scratch != NULL ? dnnl_memory_desc_get_size(scratch) : 0;
    const char *code = "";
    dnnl_primitive_desc_query(made->desc, dnnl_query_impl_info_str, 0, &code);
    made->code = g_strdup(code);
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
    g_free(primitive->code);
    g_free(primitive);
}

NtLayout *nt_primitive_layout(const NtPrimitive *primitive, NtRole role) {
    Desc desc = NULL;
    switch (role) {
    case NT_ROLE_SRC: desc = query_layout(primitive->desc, dnnl_query_src_md, 0); break;
    case NT_ROLE_SRC1: desc = query_layout(primitive->desc, dnnl_query_src_md, 1); break;
    case NT_ROLE_WEIGHTS: desc = query_layout(primitive->desc, dnnl_query_weights_md, 0); break;
    case NT_ROLE_BIAS: desc = query_layout(primitive->desc, dnnl_query_weights_md, 1); break;
    case NT_ROLE_DST: desc = query_layout(primitive->desc, dnnl_query_dst_md, 0); break;
    case NT_ROLE_SCRATCH: desc = query_layout(primitive->desc, dnnl_query_scratchpad_md, 0); break;
    default: break;
    }
    return desc != NULL ? copy_layout(desc) : NULL;
}

size_t nt_primitive_scratch(const NtPrimitive *primitive) { return primitive->scratch; }
const char *nt_primitive_code(const NtPrimitive *primitive) { return primitive->code; }
bool nt_primitive_is_slow(const NtPrimitive *primitive) { return strstr(primitive->code, "ref") != NULL; }

/* ---- running ---- */

static int argument_of(int role) {
    if (role >= NT_ROLE_POST) {
        return DNNL_ARG_ATTR_MULTIPLE_POST_OP(role - NT_ROLE_POST) | DNNL_ARG_SRC_1;
    }
    if (role >= NT_ROLE_MANY) {
        return DNNL_ARG_MULTIPLE_SRC + role - NT_ROLE_MANY;
    }
    static const int arguments[] = {
        [NT_ROLE_SRC] = DNNL_ARG_SRC,   [NT_ROLE_SRC1] = DNNL_ARG_SRC_1, [NT_ROLE_WEIGHTS] = DNNL_ARG_WEIGHTS,
        [NT_ROLE_BIAS] = DNNL_ARG_BIAS, [NT_ROLE_DST] = DNNL_ARG_DST,    [NT_ROLE_SCRATCH] = DNNL_ARG_SCRATCHPAD};
    return arguments[role];
}

NtCall *nt_call_new(const NtPrimitive *primitive, const NtCallArgument *arguments, unsigned count, GError **error) {
    NtCall *call = g_new0(NtCall, 1);
    call->primitive = primitive->primitive;
    call->arguments = g_new0(dnnl_exec_arg_t, count);
    dnnl_status_t status = dnnl_stream_create(&call->stream, engine(), dnnl_stream_default_flags);
    for (unsigned i = 0; status == dnnl_success && i < count; i++) {
        call->arguments[i].arg = argument_of(arguments[i].role);
        status = dnnl_memory_create(&call->arguments[i].memory, arguments[i].layout->desc, engine(), arguments[i].data);
        call->count += status == dnnl_success;
    }
    if (status != dnnl_success) {
        fail(error, status, "binding memory");
        nt_call_free(call);
        return NULL;
    }
    return call;
}

void nt_call_free(NtCall *call) {
    if (call == NULL) {
        return;
    }
    for (unsigned i = 0; i < call->count; i++) {
        dnnl_memory_destroy(call->arguments[i].memory);
    }
    if (call->stream != NULL) {
        dnnl_stream_destroy(call->stream);
    }
    g_free(call->arguments);
    g_free(call);
}

bool nt_call_run(NtCall *call, GError **error) {
    dnnl_status_t status = dnnl_primitive_execute(call->primitive, call->stream, (int)call->count, call->arguments);
    if (status == dnnl_success) {
        status = dnnl_stream_wait(call->stream);
    }
    return status == dnnl_success || fail(error, status, "running");
}

bool nt_reorder(const NtLayout *from, const void *src, const NtLayout *to, void *dst, GError **error) {
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_REORDER, .src = from, .dst = to};
    g_autoptr(NtPrimitive) primitive = nt_primitive_new(&spec, error);
    if (primitive == NULL) {
        return false;
    }
    nt_autofree void *scratch = nt_alloc(MAX(primitive->scratch, 1), 1, "a reorder's scratch memory", error);
    g_autoptr(NtLayout) scratch_layout = nt_primitive_layout(primitive, NT_ROLE_SCRATCH);
    if (scratch == NULL) {
        return false;
    }
    NtCallArgument arguments[] = {
        {NT_ROLE_SRC, from, (void *)src}, {NT_ROLE_DST, to, dst}, {NT_ROLE_SCRATCH, scratch_layout, scratch}};
    NtCall *call = nt_call_new(primitive, arguments, scratch_layout != NULL ? 3 : 2, error);
    bool done = call != NULL && nt_call_run(call, error);
    nt_call_free(call);
    return done;
}

/*
 * The team size is a property of the calling thread in OpenMP. It is asked of whichever runtime oneDNN brought along
 * (GNU's on Debian), so that niteru itself needs no OpenMP flags and never links a second runtime.
 */
int nt_threads_set(int threads) {
    static int (*get)(void);
    static void (*set)(int);
    static gsize once;
    if (g_once_init_enter(&once)) {
        *(void **)(&get) = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
        *(void **)(&set) = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
        g_once_init_leave(&once, 1);
    }
    if (get == NULL || set == NULL) {
        return 1; /* a sequential build of oneDNN */
    }
    int before = get();
    if (before != threads) {
        set(threads);
    }
    return before;
}
