/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed weights, shared read-only by all runners. A pool is changed only while a plan is being made, under the lock of
 * its network; what it has handed out never moves.
 */
#include "nn/plan-internal.h"

#include <string.h>

typedef struct Entry {
    NtTensor *tensor; /* owned reference; the content may be released */
    NtLayout *from, *to;
    void *data; /* NULL: the tensor's own content, which is in the wanted layout already */
    size_t bytes;
} Entry;

struct NtPool {
    GArray *entries;
    GHashTable *by_tensor; /* tensor -> index of its first entry + 1 */
    GHashTable *uses;      /* tensor -> how often asked for */
};

static void entry_clear(void *data) {
    Entry *entry = data;
    nt_tensor_unref(entry->tensor);
    nt_layout_unref(entry->from);
    nt_layout_unref(entry->to);
    nt_free(entry->data);
}

NtPool *nt_pool_new(void) {
    NtPool *pool = g_new0(NtPool, 1);
    pool->entries = g_array_new(FALSE, TRUE, sizeof(Entry));
    g_array_set_clear_func(pool->entries, entry_clear);
    pool->by_tensor = g_hash_table_new(NULL, NULL);
    pool->uses = g_hash_table_new(NULL, NULL);
    return pool;
}

void nt_pool_free(NtPool *pool) {
    if (pool == NULL) {
        return;
    }
    g_array_unref(pool->entries);
    g_hash_table_unref(pool->by_tensor);
    g_hash_table_unref(pool->uses);
    g_free(pool);
}

/* The entry for a tensor seen as `from`; `to` NULL: in any layout. */
static const Entry *find(const NtPool *pool, const NtTensor *tensor, const NtLayout *from, const NtLayout *to) {
    unsigned first = GPOINTER_TO_UINT(g_hash_table_lookup(pool->by_tensor, tensor));
    for (unsigned i = first > 0 ? first - 1 : pool->entries->len; i < pool->entries->len; i++) {
        const Entry *entry = &g_array_index(pool->entries, Entry, i);
        if (entry->tensor == tensor && nt_layout_equal(entry->from, from) &&
            (to == NULL || nt_layout_equal(entry->to, to))) {
            return entry;
        }
    }
    return NULL;
}

const NtLayout *nt_pool_offer(const NtPool *pool, const NtTensor *tensor, const NtLayout *from) {
    const Entry *entry = find(pool, tensor, from, NULL);
    return entry != NULL ? entry->to : NULL;
}

static const void *entry_data(const Entry *entry) { return entry->data != NULL ? entry->data : entry->tensor->data; }

static void append(NtPool *pool, NtTensor *tensor, const NtLayout *from, const NtLayout *to, void *data) {
    Entry entry = {.tensor = nt_tensor_ref(tensor),
                   .from = nt_layout_ref(from),
                   .to = nt_layout_ref(to),
                   .data = data,
                   .bytes = nt_layout_bytes(to)};
    g_array_append_val(pool->entries, entry);
    if (!g_hash_table_contains(pool->by_tensor, tensor)) {
        g_hash_table_insert(pool->by_tensor, tensor, GUINT_TO_POINTER(pool->entries->len));
    }
}

bool nt_pool_can(const NtPool *pool, const NtTensor *tensor, const NtLayout *from, const NtLayout *to) {
    if (tensor->data != NULL || find(pool, tensor, from, to) != NULL) {
        return true;
    }
    const Entry *other = find(pool, tensor, from, NULL);
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_REORDER, .src = other != NULL ? other->to : from, .dst = to};
    g_autoptr(NtPrimitive) reorder = other != NULL ? nt_primitive_new(&spec, NULL) : NULL;
    return reorder != NULL;
}

const void *nt_pool_get(NtPool *pool, NtTensor *tensor, const NtLayout *from, const NtLayout *to, GError **error) {
    unsigned uses = GPOINTER_TO_UINT(g_hash_table_lookup(pool->uses, tensor));
    g_hash_table_insert(pool->uses, tensor, GUINT_TO_POINTER(uses + 1));
    const Entry *entry = find(pool, tensor, from, to);
    if (entry != NULL) {
        return entry_data(entry);
    }
    /* The file's own content, or, when that is gone, what was packed for an earlier plan. */
    const Entry *other = tensor->data == NULL ? find(pool, tensor, from, NULL) : NULL;
    const NtLayout *source = other != NULL ? other->to : from;
    const void *content = other != NULL ? entry_data(other) : tensor->data;
    if (content == NULL) {
        nt_fail(error, NITERU_ERROR_FAILED, "weights were released too early");
        return NULL;
    }
    if (other == NULL && nt_layout_equal(from, to)) {
        append(pool, tensor, from, to, NULL);
        return content;
    }
    /* Cleared: the padding of blocked layouts takes part in the arithmetic. */
    void *data = nt_alloc0(nt_layout_bytes(to), 1, "weights", error);
    if (data == NULL || !nt_reorder(source, content, to, data, error)) {
        nt_free(data);
        return NULL;
    }
    append(pool, tensor, from, to, data);
    return data;
}

void nt_pool_keep(NtPool *pool, NtTensor *tensor) {
    g_autoptr(NtLayout) plain = nt_layout_plain(&tensor->shape);
    if (find(pool, tensor, plain, plain) == NULL) {
        append(pool, tensor, plain, plain, NULL);
    }
}

void nt_pool_release(NtPool *pool, NtTensor *tensor, unsigned uses) {
    bool copied = tensor->data != NULL && GPOINTER_TO_UINT(g_hash_table_lookup(pool->uses, tensor)) == uses;
    for (unsigned i = 0; copied && i < pool->entries->len; i++) {
        const Entry *entry = &g_array_index(pool->entries, Entry, i);
        copied = entry->tensor != tensor || entry->data != NULL;
    }
    if (copied && uses > 0) {
        nt_tensor_release(tensor);
    }
}

size_t nt_pool_bytes(const NtPool *pool) {
    size_t bytes = 0;
    for (unsigned i = 0; i < pool->entries->len; i++) {
        bytes += g_array_index(pool->entries, Entry, i).bytes;
    }
    return bytes;
}
