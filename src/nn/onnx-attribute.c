/* SPDX-License-Identifier: Apache-2.0 */
/* AttributeProto to attribute. Field numbers are those of onnx.proto; unknown fields are skipped. */
#include "nn/onnx-internal.h"

#include <string.h>

/* One attribute while its fields are read. */
typedef struct Reading {
    const NtGraph *graph;
    const NtNode *node;
    NtAttribute *attribute;
    GArray *floats, *ints; /* of float and int64: fields 7 and 8 */
    uint64_t declared;     /* field 20, the type; 0 in files older than that field */
    uint32_t content;      /* number of the last field that held content */
} Reading;

static bool damaged(const Reading *reading, GError **error) {
    return nt_onnx_damaged(reading->graph, "an attribute", error);
}

static bool unsupported(const Reading *reading, const char *what, GError **error) {
    return nt_node_fail(reading->graph, reading->node, NITERU_ERROR_UNSUPPORTED, error, "%s", what);
}

static bool append_number(const Reading *reading, GArray *list, const void *value, GError **error) {
    if (list->len == NT_ONNX_MAX_LIST) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: an attribute holds more than %d numbers", reading->graph->name,
                       NT_ONNX_MAX_LIST);
    }
    g_array_append_vals(list, value, 1);
    return true;
}

/* Repeated floats (fixed32), packed or single. */
static bool read_floats(const Reading *reading, const NtWireField *field, GError **error) {
    uint32_t bits = (uint32_t)field->value;
    if (field->type != NT_WIRE_BYTES) {
        return append_number(reading, reading->floats, &bits, error);
    }
    NtWire packed = nt_wire_inside(field);
    while (packed.at < packed.end) {
        if (!nt_wire_fixed32(&packed, &bits)) {
            return damaged(reading, error);
        }
        if (!append_number(reading, reading->floats, &bits, error)) {
            return false;
        }
    }
    return true;
}

/* Repeated int64 (varint), packed or single. */
static bool read_ints(const Reading *reading, const NtWireField *field, GError **error) {
    uint64_t bits = field->value;
    if (field->type != NT_WIRE_BYTES) {
        return append_number(reading, reading->ints, &bits, error);
    }
    NtWire packed = nt_wire_inside(field);
    while (packed.at < packed.end) {
        if (!nt_wire_varint(&packed, &bits)) {
            return damaged(reading, error);
        }
        if (!append_number(reading, reading->ints, &bits, error)) {
            return false;
        }
    }
    return true;
}

static bool read_tensor(const Reading *reading, const NtWireField *field, GError **error) {
    NtOnnxTensor tensor = {0};
    if (!nt_onnx_tensor(nt_wire_inside(field), reading->graph->name, NULL, &tensor, error)) {
        return false;
    }
    g_free(tensor.name);
    nt_tensor_unref(reading->attribute->tensor);
    reading->attribute->tensor = tensor.tensor;
    return true;
}

static bool read_field(Reading *reading, const NtWireField *field, GError **error) {
    NtAttribute *attribute = reading->attribute;
    uint32_t bits = (uint32_t)field->value;
    switch (field->number) {
    case 1: return nt_onnx_take_text(reading->graph, field, &attribute->name, error);
    case 2: memcpy(&attribute->f, &bits, sizeof bits); return true;
    case 3: attribute->i = (int64_t)field->value; return true;
    case 4: /* any bytes: only words that operators know are compared with it */
        g_free(attribute->s);
        attribute->s = field->type == NT_WIRE_BYTES ? g_utf8_make_valid((const char *)field->bytes, (gssize)field->size)
                                                    : g_strdup("");
        return true;
    case 5: return read_tensor(reading, field, error);
    case 7: return read_floats(reading, field, error);
    case 8: return read_ints(reading, field, error);
    case 20: reading->declared = field->value; return true;
    case 6: /* graph */
    case 11: /* graphs */ return unsupported(reading, "control flow (a graph inside a node) is not supported", error);
    case 10: /* tensors */
    case 14: /* type */
    case 15: /* types */
    case 22: /* sparse tensor */
    case 23: /* sparse tensors */
        return unsupported(reading, "an attribute holds what is not supported (tensors, types, sparse tensors)", error);
    case 21: /* the name of an attribute of the function that holds the node */
        return unsupported(reading, "attributes of model functions are not supported", error);
    default: return true;
    }
}

/* The type: declared, or told by the content (fields 2 to 5 hold types 1 to 4, fields 7 and 8 types 6 and 7). */
static NtAttributeType type_of(const Reading *reading) {
    static const NtAttributeType types[] = {
        [2] = NT_ATTRIBUTE_FLOAT,  [3] = NT_ATTRIBUTE_INT,  [4] = NT_ATTRIBUTE_STRING, [5] = NT_ATTRIBUTE_TENSOR,
        [7] = NT_ATTRIBUTE_FLOATS, [8] = NT_ATTRIBUTE_INTS, [9] = NT_ATTRIBUTE_STRINGS};
    return reading->declared != 0 ? (NtAttributeType)reading->declared : types[reading->content];
}

/* Whether the content is of the type, so that an operator finds what it asks for. A list may be empty. */
static bool is_sound(const Reading *reading) {
    switch (reading->attribute->type) {
    case NT_ATTRIBUTE_TENSOR: return reading->attribute->tensor != NULL;
    case NT_ATTRIBUTE_FLOATS: return reading->ints->len == 0;
    case NT_ATTRIBUTE_INTS: return reading->floats->len == 0;
    default: return reading->ints->len == 0 && reading->floats->len == 0;
    }
}

static bool settle(Reading *reading, GError **error) {
    NtAttribute *attribute = reading->attribute;
    attribute->type = type_of(reading);
    if (!is_sound(reading)) {
        return damaged(reading, error);
    }
    if (attribute->s == NULL) {
        attribute->s = g_strdup("");
    }
    attribute->count = reading->floats->len + reading->ints->len;
    attribute->floats = g_memdup2(reading->floats->data, reading->floats->len * sizeof(float));
    attribute->ints = g_memdup2(reading->ints->data, reading->ints->len * sizeof(int64_t));
    return true;
}

bool nt_onnx_attribute(const NtGraph *graph, NtNode *node, NtWire wire, GError **error) {
    g_autoptr(GArray) floats = g_array_new(FALSE, FALSE, sizeof(float));
    g_autoptr(GArray) ints = g_array_new(FALSE, FALSE, sizeof(int64_t));
    NtAttribute *attribute = nt_attribute_new("", NT_ATTRIBUTE_INT);
    g_ptr_array_add(node->attributes, attribute);
    Reading reading = {.graph = graph, .node = node, .attribute = attribute, .floats = floats, .ints = ints};
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number >= 2 && field.number <= 9) {
            reading.content = field.number;
        }
        if (!read_field(&reading, &field, error)) {
            return false;
        }
    }
    return wire.damaged ? damaged(&reading, error) : settle(&reading, error);
}
