/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format of torch.save before version 1.6 (torch/serialization.py, _legacy_save): five pickles, one behind the
 * other, then raw bytes. All numbers little end first.
 *
 *     magic number | version 1001 | of the machine | the state dict | keys of storages | for each key, in that order:
 *                                                                                        int64 elements, the elements
 *
 * A tensor of the state dict names its storage, where in it it begins, its shape and strides. What the storages hold is
 * known only at the end, so records of tensors are resolved after the storages.
 */
#include "zoo/zoo-internal.h"

#include <string.h>

/* Pickled by protocol 2: the magic number 0x1950a86a20f9469cfc6c and 1001. */
static const uint8_t beginning[] = {0x80, 2,    0x8a, 10,  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a,
                                    0xa8, 0x50, 0x19, '.', 0x80, 2,    'M',  0xe9, 0x03, '.'};

enum { FLOAT_BYTES = 4, LONG_BYTES = 8, SHOWN = 100 };

typedef struct Storage {
    char *key;
    const uint8_t *data;
    uint64_t count; /* elements */
    bool seen;      /* its bytes were found */
    bool floats;    /* else int64 */
} Storage;

struct NtTorchFile {
    GBytes *bytes;
    GArray *tensors; /* NtTorchTensor */
};

typedef struct Reading {
    const uint8_t *data;
    size_t size, at;
    const char *name;
    NtPickle dict, keys;
    GHashTable *storages; /* key: Storage, owned */
    GHashTable *names;    /* of tensors, borrowed */
    NtTorchFile *file;
    GError **error;
} Reading;

static void storage_free(void *data) {
    Storage *storage = data;
    g_free(storage->key);
    g_free(storage);
}

static void tensor_clear(void *data) { g_free(((NtTorchTensor *)data)->name); }

static bool broken(Reading *r, const char *what) {
    return nt_fail(r->error, NITERU_ERROR_CORRUPT, "%s: damaged weights: %s", r->name, what);
}

static char *text_of(const NtPickleValue *value) { return g_strndup(value->text, value->size); }

/* The storage that an id means, ('storage', class, key, place, elements, None); each key has one meaning. NULL is an
 * error. */
static Storage *storage_of(Reading *r, const NtPickleValue *id) {
    const NtPickleValue *part[6];
    for (uint32_t i = 0; id->kind == NT_PICKLE_STORAGE && id->size == 6 && i < 6; i++) {
        part[i] = nt_pickle_member(&r->dict, id, i);
    }
    if (id->kind != NT_PICKLE_STORAGE || id->size != 6 || part[0]->kind != NT_PICKLE_TEXT ||
        part[1]->kind != NT_PICKLE_GLOBAL || part[1]->number < NT_PICKLE_FLOAT || part[2]->kind != NT_PICKLE_TEXT ||
        part[4]->kind != NT_PICKLE_INT || part[4]->number < 0 || part[5]->kind != NT_PICKLE_NONE) {
        broken(r, "a tensor without a storage");
        return NULL;
    }
    g_autofree char *key = text_of(part[2]);
    bool floats = part[1]->number == NT_PICKLE_FLOAT;
    Storage *storage = g_hash_table_lookup(r->storages, key);
    if (storage == NULL) {
        storage = g_new0(Storage, 1);
        *storage = (Storage){.key = g_steal_pointer(&key), .count = (uint64_t)part[4]->number, .floats = floats};
        g_hash_table_insert(r->storages, storage->key, storage);
    } else if (storage->floats != floats || storage->count != (uint64_t)part[4]->number) {
        broken(r, "a storage of two sizes");
        return NULL;
    }
    return storage;
}

/* Fills in shape, strides and count, and gives how many numbers the tensor reaches over, from its first one. A
 * tensor turned on its side (as TensorFlow's weights come) has strides in another order; one that shows the same number
 * twice is longer than what it reaches over, and is refused by the caller. */
static bool read_shape(Reading *r, const NtPickleValue *sizes, const NtPickleValue *strides, NtTorchTensor *out,
                       uint64_t *reach) {
    if (sizes->kind != NT_PICKLE_TUPLE || strides->kind != NT_PICKLE_TUPLE || sizes->size != strides->size ||
        sizes->size > NT_TORCH_DIMS) {
        return broken(r, "a tensor without a shape");
    }
    out->rank = sizes->size;
    out->count = *reach = 1;
    for (uint32_t i = 0; i < sizes->size; i++) {
        const NtPickleValue *size = nt_pickle_member(&r->dict, sizes, i);
        const NtPickleValue *stride = nt_pickle_member(&r->dict, strides, i);
        if (size->kind != NT_PICKLE_INT || size->number <= 0 || stride->kind != NT_PICKLE_INT || stride->number < 0) {
            return broken(r, "a tensor with an odd shape");
        }
        out->dims[i] = (uint64_t)size->number;
        out->strides[i] = (uint64_t)stride->number;
        uint64_t along;
        if (__builtin_mul_overflow(out->count, out->dims[i], &out->count) ||
            __builtin_mul_overflow(out->dims[i] - 1, out->strides[i], &along) ||
            __builtin_add_overflow(*reach, along, reach)) {
            return broken(r, "a tensor larger than any file");
        }
    }
    return true;
}

/* One entry of the state dict. First all storages are collected (`resolve` false), then tensors are cut from them. */
static bool read_tensor(Reading *r, const NtPicklePut *put, bool resolve) {
    const NtPickleValue *key = nt_pickle_value(&r->dict, put->key), *record = nt_pickle_value(&r->dict, put->value);
    if (key->kind != NT_PICKLE_TEXT || record->kind != NT_PICKLE_TENSOR) {
        return nt_fail(r->error, NITERU_ERROR_UNSUPPORTED, "%s: no state dict: it holds something beside tensors",
                       r->name);
    }
    const Storage *storage = storage_of(r, nt_pickle_member(&r->dict, record, 0));
    if (storage == NULL || !resolve) {
        return storage != NULL;
    }
    if (!storage->floats) {
        return true;
    }
    const NtPickleValue *offset = nt_pickle_member(&r->dict, record, 1);
    g_autofree char *raw = text_of(key);
    NtTorchTensor tensor = {.name = nt_text_printable(raw, SHOWN)};
    uint64_t reach = 0;
    bool ok =
        read_shape(r, nt_pickle_member(&r->dict, record, 2), nt_pickle_member(&r->dict, record, 3), &tensor, &reach);
    if (ok && (offset->kind != NT_PICKLE_INT || offset->number < 0 || (uint64_t)offset->number > storage->count ||
               storage->count - (uint64_t)offset->number < MAX(reach, tensor.count))) {
        ok = nt_fail(r->error, NITERU_ERROR_CORRUPT,
                     "%s: tensor '%s' lies outside of its storage of %" G_GUINT64_FORMAT " numbers", r->name,
                     tensor.name, storage->count);
    }
    if (ok && !g_hash_table_add(r->names, tensor.name)) {
        g_hash_table_remove_all(r->names); /* the name that is there is the one freed below */
        ok = nt_fail(r->error, NITERU_ERROR_CORRUPT, "%s: there are two tensors '%s'", r->name, tensor.name);
    }
    if (!ok) {
        g_free(tensor.name);
        return false;
    }
    tensor.data = storage->data + (uint64_t)offset->number * FLOAT_BYTES;
    g_array_append_val(r->file->tensors, tensor);
    return true;
}

static bool read_tensors(Reading *r, bool resolve) {
    for (guint i = 0; i < r->dict.puts->len; i++) {
        const NtPicklePut *put = &g_array_index(r->dict.puts, NtPicklePut, i);
        if (put->owner == r->dict.root && !read_tensor(r, put, resolve)) {
            return false;
        }
    }
    return true;
}

/* Finds the bytes of one storage, at r->at. */
static bool find_storage(Reading *r, const NtPickleValue *key) {
    g_autofree char *text = key->kind == NT_PICKLE_TEXT ? text_of(key) : NULL;
    Storage *storage = text != NULL ? g_hash_table_lookup(r->storages, text) : NULL;
    if (storage == NULL || storage->seen) {
        return broken(r, "a storage that no tensor names");
    }
    if (r->size - r->at < sizeof(uint64_t)) {
        return broken(r, "it ends before its storages do");
    }
    uint64_t count = nt_le64(r->data + r->at), bytes;
    r->at += sizeof(uint64_t);
    if (count != storage->count) {
        return nt_fail(r->error, NITERU_ERROR_CORRUPT,
                       "%s: damaged weights: a storage of %" G_GUINT64_FORMAT
                       " numbers where its tensors say %" G_GUINT64_FORMAT,
                       r->name, count, storage->count);
    }
    if (__builtin_mul_overflow(count, storage->floats ? FLOAT_BYTES : LONG_BYTES, &bytes) || bytes > r->size - r->at) {
        return broken(r, "it ends before its storages do");
    }
    storage->data = r->data + r->at;
    storage->seen = true;
    r->at += bytes;
    return true;
}

static bool find_storages(Reading *r) {
    if (nt_pickle_value(&r->keys, r->keys.root)->kind != NT_PICKLE_LIST) {
        return broken(r, "no list of storages");
    }
    guint found = 0;
    for (guint i = 0; i < r->keys.puts->len; i++) {
        const NtPicklePut *put = &g_array_index(r->keys.puts, NtPicklePut, i);
        if (put->owner == r->keys.root) {
            if (!find_storage(r, nt_pickle_value(&r->keys, put->value))) {
                return false;
            }
            found++;
        }
    }
    if (found != g_hash_table_size(r->storages)) {
        return broken(r, "a storage is missing");
    }
    return r->at == r->size || broken(r, "bytes behind its end");
}

/* The third pickle: whether the machine that wrote it had the little end first, as everything read here has. */
static bool check_machine(Reading *r) {
    g_auto(NtPickle) machine = {0};
    if (!nt_pickle_read(r->data, r->size, &r->at, r->name, &machine, r->error)) {
        return false;
    }
    for (guint i = 0; i < machine.puts->len; i++) {
        const NtPicklePut *put = &g_array_index(machine.puts, NtPicklePut, i);
        const NtPickleValue *key = nt_pickle_value(&machine, put->key), *value = nt_pickle_value(&machine, put->value);
        if (key->kind == NT_PICKLE_TEXT && key->size == strlen("little_endian") &&
            memcmp(key->text, "little_endian", key->size) == 0 && value->kind == NT_PICKLE_BOOL && value->number == 1) {
            return true;
        }
    }
    return nt_fail(r->error, NITERU_ERROR_UNSUPPORTED, "%s: written on a machine with the big end first", r->name);
}

static bool read_all(Reading *r) {
    if (r->size < sizeof beginning || memcmp(r->data, beginning, sizeof beginning) != 0) {
        return nt_fail(r->error, NITERU_ERROR_UNSUPPORTED,
                       "%s: not a file of weights in PyTorch's old format (as torch.save wrote before version 1.6)",
                       r->name);
    }
    r->at = sizeof beginning;
    if (!check_machine(r) || !nt_pickle_read(r->data, r->size, &r->at, r->name, &r->dict, r->error)) {
        return false;
    }
    if (nt_pickle_value(&r->dict, r->dict.root)->kind != NT_PICKLE_DICT) {
        return nt_fail(r->error, NITERU_ERROR_UNSUPPORTED, "%s: no state dict", r->name);
    }
    return read_tensors(r, false) && nt_pickle_read(r->data, r->size, &r->at, r->name, &r->keys, r->error) &&
           find_storages(r) && read_tensors(r, true);
}

NtTorchFile *nt_torch_read(GBytes *bytes, const char *name, GError **error) {
    g_autoptr(NtTorchFile) file = g_new0(NtTorchFile, 1);
    file->bytes = g_bytes_ref(bytes);
    file->tensors = g_array_new(FALSE, FALSE, sizeof(NtTorchTensor));
    g_array_set_clear_func(file->tensors, tensor_clear);
    Reading r = {.name = name, .file = file, .error = error};
    r.data = g_bytes_get_data(bytes, &r.size);
    r.storages = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, storage_free);
    r.names = g_hash_table_new(g_str_hash, g_str_equal);
    bool ok = read_all(&r);
    g_hash_table_destroy(r.names);
    g_hash_table_destroy(r.storages);
    nt_pickle_clear(&r.dict);
    nt_pickle_clear(&r.keys);
    return ok ? g_steal_pointer(&file) : NULL;
}

void nt_torch_free(NtTorchFile *file) {
    if (file != NULL) {
        g_array_unref(file->tensors);
        g_bytes_unref(file->bytes);
        g_free(file);
    }
}

size_t nt_torch_count(const NtTorchFile *file) { return file->tensors->len; }

const NtTorchTensor *nt_torch_at(const NtTorchFile *file, size_t i) {
    return &g_array_index(file->tensors, NtTorchTensor, i);
}

const NtTorchTensor *nt_torch_find(const NtTorchFile *file, const char *name) {
    for (guint i = 0; i < file->tensors->len; i++) {
        const NtTorchTensor *tensor = &g_array_index(file->tensors, NtTorchTensor, i);
        if (strcmp(tensor->name, name) == 0) {
            return tensor;
        }
    }
    return NULL;
}

void nt_torch_copy(const NtTorchTensor *tensor, float *out) {
    uint64_t index[NT_TORCH_DIMS] = {0}, at = 0;
    for (uint64_t i = 0; i < tensor->count; i++) {
        uint32_t bits = nt_le32(tensor->data + 4 * at);
        memcpy(&out[i], &bits, sizeof bits);
        for (unsigned d = tensor->rank; d > 0; d--) { /* like the wheels of a mileage counter */
            at += tensor->strides[d - 1];
            if (++index[d - 1] < tensor->dims[d - 1]) {
                break;
            }
            at -= tensor->strides[d - 1] * tensor->dims[d - 1];
            index[d - 1] = 0;
        }
    }
}
