/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the four files that see oneDNN share: onednn-library.c (engine, errors), onednn-layout.c (memory descriptors),
 * onednn-primitive.c (compiled code) and onednn.c (running it). Nothing else includes this.
 *
 * Versions 2.6 to 3.x. 2.x describes memory by a struct and makes primitives in two steps (operation descriptor, then
 * primitive descriptor); 3.x has opaque memory descriptors and one step. The difference is NtDesc and NtLayout here,
 * the functions desc_* in onednn-layout.c, and make and append_post_op in onednn-primitive.c.
 */
#ifndef NT_NN_ONEDNN_LIBRARY_INTERNAL_H
#define NT_NN_ONEDNN_LIBRARY_INTERNAL_H

#include "nn/onednn-internal.h"

#include <oneapi/dnnl/dnnl.h>

/* A memory descriptor as the library's functions take it. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t NtDesc;
#else
typedef const dnnl_memory_desc_t *NtDesc;
#endif

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
    NtPrimitiveSpec spec; /* points into what follows */
    int64_t stride[NT_MAX_RANK], dilation[NT_MAX_RANK], pad_begin[NT_MAX_RANK];
    NtPrimitivePostOp post_ops[NT_MAX_POST_OPS];
    char code[64];
};

/* One CPU engine for the process; it has no state of its own and lives until the end. */
dnnl_engine_t nt_onednn_engine(void);

/* Sets NO_MEMORY or UNSUPPORTED, naming the library's version and `what` was tried, and returns false. */
bool nt_onednn_fail(dnnl_status_t status, const char *what, GError **error);

/* A layout of our own from a borrowed descriptor. */
NtLayout *nt_layout_copy(NtDesc desc);

/* The dims of a descriptor; returns their number. */
int nt_desc_dims(NtDesc desc, dnnl_dims_t out);

#endif
