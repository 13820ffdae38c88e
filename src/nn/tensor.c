/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, constants and attributes. */
#include "nn/graph-internal.h"

#include <string.h>

int64_t nt_shape_span(const NtShape *shape, unsigned first, unsigned last) {
    int64_t count = 1;
    for (unsigned i = first; i < last; i++) {
        count *= shape->dims[i];
    }
    return count;
}

int64_t nt_shape_count(const NtShape *shape) { return nt_shape_span(shape, 0, shape->rank); }

bool nt_shape_equal(const NtShape *a, const NtShape *b) {
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

bool nt_shape_check(const NtShape *shape) {
    int64_t count = 1;
    for (unsigned i = 0; i < shape->rank; i++) {
        /* A zero must not hide an absurd neighbour: each dim is bounded on its own too. */
        if (shape->dims[i] < 0 || shape->dims[i] > NT_MAX_ELEMENTS ||
            __builtin_mul_overflow(count, MAX(shape->dims[i], 1), &count) || count > NT_MAX_ELEMENTS) {
            return false;
        }
    }
    return true;
}

char *nt_shape_text(const NtShape *shape) {
    GString *text = g_string_new("(");
    for (unsigned i = 0; i < shape->rank; i++) {
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i > 0 ? ", " : "", shape->dims[i]);
    }
    return g_string_free(g_string_append_c(text, ')'), FALSE);
}

void nt_shape_strides(const NtShape *shape, int64_t strides[NT_MAX_RANK]) {
    int64_t stride = 1;
    for (unsigned i = shape->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= shape->dims[i];
    }
}

NtShape nt_shape_widen(const NtShape *shape, unsigned rank) {
    NtShape wide = {.rank = rank};
    for (unsigned i = 0; i < rank; i++) {
        bool there = i + shape->rank >= rank;
        wide.dims[i] = there ? shape->dims[i + shape->rank - rank] : 1;
    }
    return wide;
}

void nt_shape_broadcast_strides(const NtShape *shape, unsigned rank, int64_t strides[NT_MAX_RANK]) {
    NtShape wide = nt_shape_widen(shape, rank);
    nt_shape_strides(&wide, strides);
    for (unsigned i = 0; i < rank; i++) {
        strides[i] = wide.dims[i] != 1 ? strides[i] : 0;
    }
}

NtTensor *nt_tensor_new(NtElement type, const NtShape *shape, GError **error) {
    if (!nt_shape_check(shape)) {
        g_autofree char *text = nt_shape_text(shape);
        nt_fail(error, NITERU_ERROR_LIMIT, "a tensor of shape %s is larger than can be held", text);
        return NULL;
    }
    void *data = nt_alloc((size_t)nt_shape_count(shape), nt_element_size(type), "a tensor", error);
    if (data == NULL) {
        return NULL;
    }
    NtTensor *tensor = g_atomic_rc_box_new0(NtTensor);
    *tensor = (NtTensor){.type = type, .shape = *shape, .data = data};
    return tensor;
}

NtTensor *nt_tensor_ref(NtTensor *tensor) { return g_atomic_rc_box_acquire(tensor); }

void nt_tensor_release(NtTensor *tensor) {
    nt_free(tensor->data);
    tensor->data = NULL;
}

static void tensor_clear(void *data) { nt_tensor_release(data); }

void nt_tensor_unref(NtTensor *tensor) {
    if (tensor != NULL) {
        g_atomic_rc_box_release_full(tensor, tensor_clear);
    }
}

NtAttribute *nt_attribute_new(const char *name, NtAttributeType type) {
    NtAttribute *attribute = g_new0(NtAttribute, 1);
    attribute->name = g_strdup(name);
    attribute->type = type;
    return attribute;
}

void nt_attribute_free(NtAttribute *attribute) {
    if (attribute == NULL) {
        return;
    }
    g_free(attribute->name);
    g_free(attribute->s);
    g_free(attribute->floats);
    g_free(attribute->ints);
    nt_tensor_unref(attribute->tensor);
    g_free(attribute);
}

const NtAttribute *nt_node_attribute(const NtNode *node, const char *name) {
    for (unsigned i = 0; i < node->attributes->len; i++) {
        const NtAttribute *attribute = g_ptr_array_index(node->attributes, i);
        if (strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

int64_t nt_node_int(const NtNode *node, const char *name, int64_t fallback) {
    const NtAttribute *attribute = nt_node_attribute(node, name);
    return attribute != NULL && attribute->type == NT_ATTRIBUTE_INT ? attribute->i : fallback;
}

float nt_node_float(const NtNode *node, const char *name, float fallback) {
    const NtAttribute *attribute = nt_node_attribute(node, name);
    return attribute != NULL && attribute->type == NT_ATTRIBUTE_FLOAT ? attribute->f : fallback;
}

const char *nt_node_string(const NtNode *node, const char *name, const char *fallback) {
    const NtAttribute *attribute = nt_node_attribute(node, name);
    return attribute != NULL && attribute->type == NT_ATTRIBUTE_STRING ? attribute->s : fallback;
}

/* The attribute of this name made new, an old one dropped. */
static NtAttribute *fresh(NtNode *node, const char *name, NtAttributeType type) {
    const NtAttribute *old = nt_node_attribute(node, name);
    if (old != NULL) {
        g_ptr_array_remove(node->attributes, (void *)old);
    }
    NtAttribute *attribute = nt_attribute_new(name, type);
    g_ptr_array_add(node->attributes, attribute);
    return attribute;
}

void nt_node_set_int(NtNode *node, const char *name, int64_t value) { fresh(node, name, NT_ATTRIBUTE_INT)->i = value; }

void nt_node_set_float(NtNode *node, const char *name, float value) {
    fresh(node, name, NT_ATTRIBUTE_FLOAT)->f = value;
}

void nt_node_set_string(NtNode *node, const char *name, const char *value) {
    fresh(node, name, NT_ATTRIBUTE_STRING)->s = g_strdup(value);
}

void nt_node_set_ints(NtNode *node, const char *name, const int64_t *values, size_t count) {
    NtAttribute *attribute = fresh(node, name, NT_ATTRIBUTE_INTS);
    attribute->ints = g_memdup2(values, count * sizeof *values);
    attribute->count = count;
}
