/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format, as far as ONNX uses it: a cursor over one message, which yields field after field and never
 * reads past its end. Nothing is copied or allocated; nesting is counted by whoever descends.
 * https://protobuf.dev/programming-guides/encoding/
 */
#ifndef NT_NN_WIRE_INTERNAL_H
#define NT_NN_WIRE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Wire types. Groups (3, 4) are not used by ONNX and count as damage. */
typedef enum NtWireType { NT_WIRE_VARINT = 0, NT_WIRE_FIXED64 = 1, NT_WIRE_BYTES = 2, NT_WIRE_FIXED32 = 5 } NtWireType;

typedef struct NtWire {
    const uint8_t *at, *end; /* what is left of this message */
    bool damaged;            /* set once a field could not be read; the cursor is at its end then */
} NtWire;

/* One field: its number, its wire type, and the content in the member that fits the type. */
typedef struct NtWireField {
    uint32_t number;
    NtWireType type;
    uint64_t value;       /* VARINT, FIXED64, FIXED32 (zero-extended bits) */
    const uint8_t *bytes; /* BYTES */
    size_t size;
} NtWireField;

/* `data` may be NULL when `size` is 0. */
static inline NtWire nt_wire(const void *data, size_t size) {
    static const uint8_t nothing[1];
    const uint8_t *start = size > 0 ? (const uint8_t *)data : nothing;
    return (NtWire){.at = start, .end = start + size};
}
/* The message inside a BYTES field. */
static inline NtWire nt_wire_inside(const NtWireField *field) { return nt_wire(field->bytes, field->size); }

/* Reads the next field; false at the end of the message and on damage (see `damaged`). */
bool nt_wire_next(NtWire *wire, NtWireField *field);

/* Reads a bare varint, as packed arrays hold them. */
bool nt_wire_varint(NtWire *wire, uint64_t *out);

/* Reads 4 or 8 little-endian bytes, as packed arrays hold them. */
bool nt_wire_fixed32(NtWire *wire, uint32_t *out);
bool nt_wire_fixed64(NtWire *wire, uint64_t *out);

#endif
