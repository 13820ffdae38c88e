/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All of oneDNN that niteru uses, in types of our own. Only onednn*.c see the library (onednn-library-internal.h); they
 * hide the differences between its 2.x and 3.x interfaces and its OpenMP runtime. Everything here is float32.
 *
 * Logical dims are always those of ONNX, (N, C, H, W); how they lie in memory is the layout's business. A layout may be
 * "any" in a specification: oneDNN then picks what its kernel likes best, to be asked for with nt_primitive_layout.
 */
#ifndef NT_NN_ONEDNN_INTERNAL_H
#define NT_NN_ONEDNN_INTERNAL_H

#include "nn/graph-internal.h"

/* How a tensor lies in memory. Immutable, counted references, safe to share. */
typedef struct NtLayout NtLayout;

NtLayout *nt_layout_plain(const NtShape *shape); /* row-major, dense */
/* Strides in elements; 0 in a stride repeats. */
NtLayout *nt_layout_strided(const NtShape *shape, const int64_t *strides);
NtLayout *nt_layout_any(const NtShape *shape);
/* The same memory with axes in another order: axis i of the result is axis perm[i] of `layout` (as ONNX Transpose). */
NtLayout *nt_layout_permute(const NtLayout *layout, const unsigned *perm);
NtLayout *nt_layout_ref(const NtLayout *layout);
void nt_layout_unref(NtLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtLayout, nt_layout_unref)
bool nt_layout_equal(const NtLayout *a, const NtLayout *b);
/* Channels lie in blocks: (N, C / 16, H, W, 16) and the like. */
bool nt_layout_is_blocked(const NtLayout *layout);
/* Its logical dims. */
void nt_layout_shape(const NtLayout *layout, NtShape *out);
/* Bytes of memory it spans, padding included. */
size_t nt_layout_bytes(const NtLayout *layout);

/* What a tensor is to a primitive. */
typedef enum NtRole {
    NT_ROLE_SRC,
    NT_ROLE_SRC1, /* second operand of a binary */
    NT_ROLE_WEIGHTS,
    NT_ROLE_BIAS,
    NT_ROLE_DST,
    NT_ROLE_SCRATCH,
    NT_ROLE_MANY = 64,     /* + i: input i of a concat */
    NT_ROLE_POST_OP = 128, /* + i: operand of post-op i */
} NtRole;

typedef enum NtPrimitiveKind {
    NT_PRIMITIVE_CONVOLUTION,
    NT_PRIMITIVE_INNER_PRODUCT, /* src (N, K), weights (O, K), bias (O) */
    NT_PRIMITIVE_MATMUL,        /* src (.., M, K), weights (.., K, N), bias (.., 1, N) */
    NT_PRIMITIVE_POOL,
    NT_PRIMITIVE_ELTWISE,
    NT_PRIMITIVE_BINARY,
    NT_PRIMITIVE_CONCAT,
    NT_PRIMITIVE_REORDER,
    NT_PRIMITIVE_SOFTMAX,
    NT_PRIMITIVE_LRN,
    NT_PRIMITIVE_PRELU, /* weights: the slope, (1, C, 1, 1) and the like */
} NtPrimitiveKind;

/* "convolution", for messages. */
const char *nt_primitive_kind_name(NtPrimitiveKind kind);

typedef enum NtPoolKind { NT_POOL_MAX, NT_POOL_AVERAGE, NT_POOL_AVERAGE_PADDED /* counts the padding */ } NtPoolKind;
typedef enum NtBinaryKind {
    NT_BINARY_ADD,
    NT_BINARY_SUB,
    NT_BINARY_MUL,
    NT_BINARY_DIV,
    NT_BINARY_MIN,
    NT_BINARY_MAX
} NtBinaryKind;

/* A step done on the result while it is in registers. */
typedef struct NtPrimitivePostOp {
    enum { NT_FUSE_ELTWISE, NT_FUSE_SUM /* adds what is in dst */, NT_FUSE_BINARY } kind;
    NtEltwise eltwise;
    float alpha, beta;
    NtBinaryKind binary;
    const NtLayout *operand; /* BINARY; passed as NT_ROLE_POST_OP + its place */
} NtPrimitivePostOp;

/* A primitive to make; all zeros means none. Layouts are borrowed. */
typedef struct NtPrimitiveSpec {
    NtPrimitiveKind kind;
    const NtLayout *src, *src1, *weights, *bias, *dst;
    const NtLayout *const *many; /* CONCAT */
    unsigned many_count;
    unsigned axis;                                                   /* CONCAT, SOFTMAX */
    const int64_t *kernel, *stride, *dilation, *pad_begin, *pad_end; /* windows; dilation 1 is dense */
    NtPoolKind pool;
    NtBinaryKind binary;
    NtEltwise eltwise;
    float alpha, beta, bias_k; /* ELTWISE; LRN: alpha, beta, k */
    int64_t size;              /* LRN */
    bool logarithm;            /* SOFTMAX */
    bool winograd; /* CONVOLUTION: by F(2x2, 3x3) or F(4x4, 3x3), where this oneDNN and CPU have it; else an error */
    const NtPrimitivePostOp *post_ops;
    unsigned post_op_count;
} NtPrimitiveSpec;

/* Compiled code for one specification; immutable, runs on any number of threads at once. */
typedef struct NtPrimitive NtPrimitive;

/* Errors: UNSUPPORTED (oneDNN has no code for it), NO_MEMORY. */
NtPrimitive *nt_primitive_new(const NtPrimitiveSpec *spec, GError **error);
void nt_primitive_free(NtPrimitive *primitive);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPrimitive, nt_primitive_free)
/* The layout that a role has, when "any" has been decided; new reference, NULL when it has no such role. */
NtLayout *nt_primitive_layout(const NtPrimitive *primitive, NtRole role);
size_t nt_primitive_scratch(const NtPrimitive *primitive); /* bytes */
/* What it was made from: kind, windows, post-ops; only the post-ops' operands are there of the layouts. Lives with it.
 */
const NtPrimitiveSpec *nt_primitive_spec(const NtPrimitive *primitive);
/* The code that oneDNN chose, as it names it: "jit:avx512_core". */
const char *nt_primitive_code(const NtPrimitive *primitive);
/* Plain reference code was all that oneDNN had. */
bool nt_primitive_is_slow(const NtPrimitive *primitive);

/* A primitive bound to memory, ready to run again and again. Not thread-safe. */
typedef struct NtCall NtCall;
typedef struct NtCallArgument {
    int role;
    const NtLayout *layout;
    void *data;
} NtCallArgument;

NtCall *nt_call_new(const NtPrimitive *primitive, const NtCallArgument *arguments, unsigned count, GError **error);
void nt_call_free(NtCall *call);
/* Runs it on the calling thread (and its OpenMP team). */
bool nt_call_run(NtCall *call, GError **error);

/* Copies between layouts, once. */
bool nt_reorder(const NtLayout *from, const void *src, const NtLayout *to, void *dst, GError **error);

/* Size of the OpenMP team of the calling thread, for making and running primitives: sets it and returns the old one. */
int nt_threads_set(int threads);

/* "2.6.3", for `niteru info`. */
const char *nt_onednn_version(void);

#endif
