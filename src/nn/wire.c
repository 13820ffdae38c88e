/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/wire-internal.h"

static bool damage(NtWire *wire) {
    wire->damaged = true;
    wire->at = wire->end;
    return false;
}

bool nt_wire_varint(NtWire *wire, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (wire->at == wire->end) {
            return damage(wire);
        }
        uint8_t byte = *wire->at++;
        if (shift == 63 && byte > 1) {
            return damage(wire); /* more than 64 bits */
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = value;
            return true;
        }
    }
    return damage(wire);
}

static bool fixed(NtWire *wire, unsigned bytes, uint64_t *out) {
    if ((size_t)(wire->end - wire->at) < bytes) {
        return damage(wire);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)wire->at[i] << (8 * i);
    }
    wire->at += bytes;
    *out = value;
    return true;
}

bool nt_wire_fixed32(NtWire *wire, uint32_t *out) {
    uint64_t value;
    if (!fixed(wire, 4, &value)) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool nt_wire_fixed64(NtWire *wire, uint64_t *out) { return fixed(wire, 8, out); }

bool nt_wire_next(NtWire *wire, NtWireField *field) {
    uint64_t key, size;
    if (wire->at == wire->end || !nt_wire_varint(wire, &key)) {
        return false;
    }
    if (key >> 3 == 0 || key >> 3 > 0x1fffffff) {
        return damage(wire);
    }
    *field = (NtWireField){.number = (uint32_t)(key >> 3), .type = (NtWireType)(key & 7)};
    switch (field->type) {
    case NT_WIRE_VARINT: return nt_wire_varint(wire, &field->value);
    case NT_WIRE_FIXED64: return fixed(wire, 8, &field->value);
    case NT_WIRE_FIXED32: return fixed(wire, 4, &field->value);
    case NT_WIRE_BYTES:
        if (!nt_wire_varint(wire, &size)) {
            return false;
        }
        if (size > (size_t)(wire->end - wire->at)) {
            return damage(wire);
        }
        field->bytes = wire->at;
        field->size = (size_t)size;
        wire->at += size;
        return true;
    }
    return damage(wire);
}
