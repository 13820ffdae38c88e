/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts: oneDNN's memory descriptors, of 2.x and of 3.x. */
#include "nn/onednn-library-internal.h"

#include <string.h>

#if DNNL_VERSION_MAJOR >= 3

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
static dnnl_status_t desc_permute(NtLayout *l, NtDesc from, const int *perm) {
    return dnnl_memory_desc_permute_axes(&l->desc, from, perm);
}
static dnnl_status_t desc_copy(NtLayout *l, NtDesc from) { return dnnl_memory_desc_clone(&l->desc, from); }
bool nt_layout_is_blocked(const NtLayout *layout) {
    int blocks = 0;
    dnnl_memory_desc_query(layout->desc, dnnl_query_inner_nblks_s32, &blocks);
    return blocks > 0;
}
int nt_desc_dims(NtDesc desc, dnnl_dims_t out) {
    int rank = 0;
    dnnl_dims_t *dims = NULL;
    dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &rank);
    dnnl_memory_desc_query(desc, dnnl_query_dims, &dims);
    memcpy(out, *dims, (size_t)rank * sizeof **dims);
    return rank;
}

#else

static void layout_clear(void *data) { (void)data; }
static dnnl_status_t desc_strided(NtLayout *l, int rank, const dnnl_dim_t *dims, const dnnl_dim_t *strides) {
    return dnnl_memory_desc_init_by_strides(&l->storage, rank, dims, dnnl_f32, strides);
}
static dnnl_status_t desc_any(NtLayout *l, int rank, const dnnl_dim_t *dims) {
    return dnnl_memory_desc_init_by_tag(&l->storage, rank, dims, dnnl_f32, dnnl_format_tag_any);
}
static dnnl_status_t desc_permute(NtLayout *l, NtDesc from, const int *perm) {
    return dnnl_memory_desc_permute_axes(&l->storage, from, perm);
}
static dnnl_status_t desc_copy(NtLayout *l, NtDesc from) {
    l->storage = *from;
    return dnnl_success;
}
bool nt_layout_is_blocked(const NtLayout *layout) {
    return layout->desc->format_kind == dnnl_blocked && layout->desc->format_desc.blocking.inner_nblks > 0;
}
int nt_desc_dims(NtDesc desc, dnnl_dims_t out) {
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
    int rank = nt_desc_dims(from->desc, dims), back[DNNL_MAX_NDIMS] = {0};
    for (int i = 0; i < rank; i++) {
        back[perm[i]] = i; /* oneDNN says where axis perm[i] goes */
    }
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_permute(layout, from->desc, back));
}

NtLayout *nt_layout_ref(const NtLayout *layout) { return g_atomic_rc_box_acquire((void *)layout); }

void nt_layout_unref(NtLayout *layout) {
    if (layout != NULL) {
        g_atomic_rc_box_release_full(layout, layout_clear);
    }
}

bool nt_layout_equal(const NtLayout *a, const NtLayout *b) { return dnnl_memory_desc_equal(a->desc, b->desc) != 0; }

void nt_layout_shape(const NtLayout *layout, NtShape *out) {
    dnnl_dims_t dims;
    out->rank = (unsigned)nt_desc_dims(layout->desc, dims);
    for (unsigned i = 0; i < out->rank && i < NT_MAX_RANK; i++) {
        out->dims[i] = dims[i];
    }
}

size_t nt_layout_bytes(const NtLayout *layout) { return dnnl_memory_desc_get_size(layout->desc); }

NtLayout *nt_layout_copy(NtDesc desc) {
    NtLayout *layout = layout_new();
    return layout_done(layout, desc_copy(layout, desc));
}
