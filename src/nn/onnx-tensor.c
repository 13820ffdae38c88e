/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorProto to constant. The declared dims are multiplied with overflow checks and compared with the bytes that are
 * there before anything is allocated, so a small file cannot ask for a big block.
 */
#include "kernels/kernels.h"
#include "nn/onnx-internal.h"

#include <string.h>

/* Element types of onnx.proto (TensorProto.DataType) that are read, and how they are stored. */
static const struct {
    int64_t code;
    const char *name;
    unsigned raw_size; /* bytes in raw_data */
    uint32_t field;    /* the repeated field used when there is no raw_data */
    NtElement element;
} types[] = {
    {1, "float32", 4, 4, NT_F32},  {2, "uint8", 1, 5, NT_I64},     {3, "int8", 1, 5, NT_I64},
    {6, "int32", 4, 5, NT_I64},    {7, "int64", 8, 7, NT_I64},     {9, "bool", 1, 5, NT_I64},
    {10, "float16", 2, 5, NT_F32}, {11, "float64", 8, 10, NT_F32},
};

static int type_row(int64_t code) {
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].code == code) {
            return (int)i;
        }
    }
    return -1;
}

const char *nt_onnx_element_name(int64_t code) {
    int row = type_row(code);
    return row < 0 ? NULL : types[row].name;
}

bool nt_onnx_element(int64_t code, NtElement *out) {
    int row = type_row(code);
    if (row >= 0) {
        *out = types[row].element;
    }
    return row >= 0;
}

/* A TensorProto taken apart; the content stays in the file's bytes. */
typedef struct Proto {
    NtShape shape;
    int64_t type;
    const uint8_t *raw;
    size_t raw_size;
    bool has_raw;
    uint32_t typed;     /* number of the repeated field that holds content, 0: none */
    NtWire whole;       /* to walk the repeated field again */
    size_t typed_count; /* its elements */
} Proto;

/* Calls `take` (NULL: only counts) for every element of a repeated numeric field, packed or not. */
static bool each_element(NtWire wire, uint32_t number, void (*take)(void *to, size_t i, uint64_t bits), void *to,
                         size_t *out_count) {
    size_t count = 0;
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number != number) {
            continue;
        }
        if (field.type != NT_WIRE_BYTES) {
            if (take != NULL) {
                take(to, count, field.value);
            }
            count++;
            continue;
        }
        NtWire packed = nt_wire_inside(&field);
        while (packed.at < packed.end) {
            uint64_t bits = 0;
            uint32_t bits32 = 0;
            bool ok = number == 4    ? nt_wire_fixed32(&packed, &bits32)
                      : number == 10 ? nt_wire_fixed64(&packed, &bits)
                                     : nt_wire_varint(&packed, &bits);
            if (!ok) {
                return false;
            }
            if (take != NULL) {
                take(to, count, number == 4 ? bits32 : bits);
            }
            count++;
        }
    }
    *out_count = count;
    return !wire.damaged;
}

static bool add_dim(Proto *proto, uint64_t value) {
    if (proto->shape.rank == NT_MAX_RANK || value > INT64_MAX) {
        return false;
    }
    proto->shape.dims[proto->shape.rank++] = (int64_t)value;
    return true;
}

static bool parse_dims(Proto *proto, const NtWireField *field) {
    if (field->type == NT_WIRE_VARINT) {
        return add_dim(proto, field->value);
    }
    NtWire packed = nt_wire_inside(field);
    for (uint64_t value; packed.at < packed.end;) {
        if (!nt_wire_varint(&packed, &value) || !add_dim(proto, value)) {
            return false;
        }
    }
    return field->type == NT_WIRE_BYTES;
}

/* The name comes first, wherever it stands: messages want it. */
static bool parse_name(NtWire wire, const char *where, char **out_name, GError **error) {
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number == 8) {
            g_free(*out_name);
            if ((*out_name = nt_onnx_text(&field, where, error)) == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool parse_fields(NtWire wire, const char *where, Proto *proto, const char *name, GError **error) {
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        switch (field.number) {
        case 1:
            if (!parse_dims(proto, &field)) {
                return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' has a negative dim or more than %d dims",
                               where, name, NT_MAX_RANK);
            }
            break;
        case 2: proto->type = (int64_t)field.value; break;
        case 3:
            return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: tensor '%s' in segments is not supported", where,
                           name);
        case 4:
        case 5:
        case 7:
        case 10:
            if (proto->typed != 0 && proto->typed != field.number) {
                return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' holds its content twice", where, name);
            }
            proto->typed = field.number;
            break;
        case 9:
            if (field.type != NT_WIRE_BYTES || proto->has_raw) {
                return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' holds its content twice", where, name);
            }
            proto->has_raw = true;
            proto->raw = field.bytes;
            proto->raw_size = field.size;
            break;
        default: break;
        }
    }
    return !wire.damaged || nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' is damaged", where, name);
}

typedef struct Target {
    NtTensor *tensor;
    int64_t type;
} Target;

/* Stores element i, given as the bits of the file: zero-extended raw bytes, or a varint. */
static void store(void *to, size_t i, uint64_t bits) {
    const Target *target = to;
    NtTensor *tensor = target->tensor;
    uint32_t low = (uint32_t)bits;
    uint16_t half = (uint16_t)bits;
    double real;
    switch (target->type) {
    case 1: memcpy(&tensor->f32[i], &low, 4); break;
    case 10: nt_kernels()->to_f32(&half, 1, &tensor->f32[i]); break;
    case 11:
        memcpy(&real, &bits, 8);
        tensor->f32[i] = (float)real;
        break;
    case 2: tensor->i64[i] = (uint8_t)bits; break;
    case 3: tensor->i64[i] = (int8_t)bits; break;
    case 6: tensor->i64[i] = (int32_t)low; break;
    case 9: tensor->i64[i] = bits != 0; break;
    default: tensor->i64[i] = (int64_t)bits; break;
    }
}

static void store_raw(Target *target, const uint8_t *raw, unsigned element, size_t count) {
    if (target->type == 1 && G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        memcpy(target->tensor->f32, raw, count * 4);
        return;
    }
    if (target->type == 10 && G_BYTE_ORDER == G_LITTLE_ENDIAN) {
        uint16_t halves[256]; /* the file's bytes lie at any address */
        for (size_t i = 0; i < count; i += G_N_ELEMENTS(halves)) {
            size_t some = MIN(count - i, G_N_ELEMENTS(halves));
            memcpy(halves, raw + 2 * i, some * sizeof *halves);
            nt_kernels()->to_f32(halves, some, target->tensor->f32 + i);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = 0;
        for (unsigned b = 0; b < element; b++) {
            bits |= (uint64_t)raw[i * element + b] << (8 * b);
        }
        store(target, i, bits);
    }
}

static bool fill(const Proto *proto, unsigned row, const char *where, const char *name, NtTensor **out,
                 GError **error) {
    g_autofree char *shape = nt_shape_text(&proto->shape);
    if (!nt_shape_check(&proto->shape)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' declares the shape %s", where, name, shape);
    }
    size_t count = (size_t)nt_shape_count(&proto->shape), there = proto->typed_count;
    size_t bytes = proto->has_raw ? proto->raw_size : there, wanted = count;
    if (proto->has_raw && !nt_mul(count, types[row].raw_size, &wanted)) {
        wanted = SIZE_MAX;
    }
    if (bytes != wanted) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' of shape %s (%s) needs %zu %s but has %zu", where,
                       name, shape, types[row].name, wanted, proto->has_raw ? "bytes" : "elements", bytes);
    }
    g_autoptr(NtTensor) tensor = nt_tensor_new(types[row].element, &proto->shape, error);
    if (tensor == NULL) {
        return false;
    }
    Target target = {.tensor = tensor, .type = proto->type};
    if (proto->has_raw) {
        store_raw(&target, proto->raw, types[row].raw_size, count);
    } else {
        each_element(proto->whole, proto->typed, store, &target, &there);
    }
    *out = g_steal_pointer(&tensor);
    return true;
}

/* Content in a file beside the network's: exactly as many bytes as the tensor has, within the file. */
static bool take_outside(const NtOnnxPlace *place, const NtNetworkFiles *files, const char *where, const char *name,
                         Proto *proto, GError **error) {
    GBytes *bytes = files != NULL ? nt_network_files_find(files, place->location) : NULL;
    if (bytes == NULL) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: tensor '%s' keeps its data in another file, '%s', which is not at hand here", where, name,
                       place->location);
    }
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    uint64_t length = place->has_length ? place->length : size - MIN(size, place->offset);
    if (place->offset > size || length > size - place->offset) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: tensor '%s' is said to be %" G_GUINT64_FORMAT " bytes from %" G_GUINT64_FORMAT
                       " on of the file '%s', which has %zu: it is cut short, or belongs to another network",
                       where, name, length, place->offset, place->location, size);
    }
    if (proto->has_raw || proto->typed != 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' holds its content twice", where, name);
    }
    proto->has_raw = true;
    proto->raw = data + place->offset;
    proto->raw_size = (size_t)length;
    return true;
}

bool nt_onnx_tensor(NtWire wire, const char *where, const NtNetworkFiles *files, NtOnnxTensor *out, GError **error) {
    Proto proto = {.whole = wire};
    g_auto(NtOnnxPlace) place = {0};
    g_autofree char *name = g_strdup("");
    if (!parse_name(wire, where, &name, error)) {
        return false;
    }
    g_autofree char *shown = nt_text_printable(name, 120);
    if (!parse_fields(wire, where, &proto, shown, error) || !nt_onnx_place(wire, where, shown, &place, error) ||
        (place.location != NULL && !take_outside(&place, files, where, shown, &proto, error))) {
        return false;
    }
    int row = type_row(proto.type);
    if (row < 0) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: tensor '%s' has the element type %" G_GINT64_FORMAT
                       " of onnx.proto, which is not supported",
                       where, shown, proto.type);
    }
    if (proto.typed != 0 && !each_element(wire, proto.typed, NULL, NULL, &proto.typed_count)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' is damaged", where, shown);
    }
    if (proto.typed_count > 0 && (proto.has_raw || proto.typed != types[row].field)) {
        return nt_fail(error, NITERU_ERROR_CORRUPT,
                       "%s: tensor '%s' (%s) holds its content in the wrong field or twice", where, shown,
                       types[row].name);
    }
    if (!fill(&proto, (unsigned)row, where, shown, &out->tensor, error)) {
        return false;
    }
    out->name = g_steal_pointer(&name);
    return true;
}
