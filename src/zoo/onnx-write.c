/* SPDX-License-Identifier: Apache-2.0 */
/* Writes ONNX (onnx.proto3), which is protobuf: fields of a number and a type, of which varints (0) and blocks (2) are
 * all that is needed. The same calls give the same bytes. */
#include "zoo/zoo-internal.h"

#include <string.h>

enum { VARINT = 0, BLOCK = 2, FLOAT_TENSOR = 1, INTS = 7, INT = 2, IR_VERSION = 8, OPSET = 13 };

struct NtOnnxWriter {
    GByteArray *graph;
};

static void put_varint(GByteArray *to, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        g_byte_array_append(to, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void put_int(GByteArray *to, unsigned field, uint64_t value) {
    put_varint(to, field << 3 | VARINT);
    put_varint(to, value);
}

static void put_block(GByteArray *to, unsigned field, const void *data, size_t size) {
    put_varint(to, field << 3 | BLOCK);
    put_varint(to, size);
    g_byte_array_append(to, data, (guint)size);
}

static void put_text(GByteArray *to, unsigned field, const char *text) { put_block(to, field, text, strlen(text)); }

/* Takes the message. */
static void put_message(GByteArray *to, unsigned field, GByteArray *message) {
    put_block(to, field, message->data, message->len);
    g_byte_array_unref(message);
}

/* ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { value 1 | param 2 } } } } }; the
 * first dim is the batch, open. */
static void put_value(GByteArray *graph, unsigned field, const char *name, const unsigned *dims, unsigned count) {
    GByteArray *shape = g_byte_array_new(), *tensor = g_byte_array_new();
    GByteArray *type = g_byte_array_new(), *value = g_byte_array_new();
    for (unsigned i = 0; i <= count; i++) {
        GByteArray *dim = g_byte_array_new();
        if (i == 0) {
            put_text(dim, 2, "N");
        } else {
            put_int(dim, 1, dims[i - 1]);
        }
        put_message(shape, 1, dim);
    }
    put_int(tensor, 1, FLOAT_TENSOR);
    put_message(tensor, 2, shape);
    put_message(type, 1, tensor);
    put_text(value, 1, name);
    put_message(value, 2, type);
    put_message(graph, field, value);
}

NtOnnxWriter *nt_onnx_writer_new(unsigned side) {
    NtOnnxWriter *writer = g_new0(NtOnnxWriter, 1);
    writer->graph = g_byte_array_new();
    put_text(writer->graph, 2, "network");
    put_value(writer->graph, 11, "image", (unsigned[]){3, side, side}, 3);
    return writer;
}

void nt_onnx_writer_free(NtOnnxWriter *writer) {
    if (writer != NULL) {
        g_byte_array_unref(writer->graph);
        g_free(writer);
    }
}

/* TensorProto { dims 1, data_type 2, name 8, raw_data 9 }. */
void nt_onnx_writer_tensor(NtOnnxWriter *writer, const char *name, const uint64_t *dims, unsigned rank,
                           const float *values, size_t count) {
    GByteArray *tensor = g_byte_array_new();
    for (unsigned i = 0; i < rank; i++) {
        put_int(tensor, 1, dims[i]);
    }
    put_int(tensor, 2, FLOAT_TENSOR);
    put_text(tensor, 8, name);
    put_block(tensor, 9, values, count * sizeof *values);
    put_message(writer->graph, 5, tensor);
}

/* AttributeProto { name 1, i 3, ints 8, type 20 }. */
static void put_ints(GByteArray *node, const char *name, const unsigned *values, unsigned count) {
    GByteArray *attribute = g_byte_array_new();
    put_text(attribute, 1, name);
    for (unsigned i = 0; i < count; i++) {
        put_int(attribute, 8, values[i]);
    }
    put_int(attribute, 20, INTS);
    put_message(node, 5, attribute);
}

static void put_number(GByteArray *node, const char *name, unsigned value) {
    GByteArray *attribute = g_byte_array_new();
    put_text(attribute, 1, name);
    put_int(attribute, 3, value);
    put_int(attribute, 20, INT);
    put_message(node, 5, attribute);
}

/* NodeProto { input 1, output 2, name 3, op_type 4, attribute 5 }. */
static GByteArray *begin_node(const char *type, const char *const *inputs, const char *output) {
    GByteArray *node = g_byte_array_new();
    for (size_t i = 0; inputs[i] != NULL; i++) {
        put_text(node, 1, inputs[i]);
    }
    put_text(node, 2, output);
    put_text(node, 3, output);
    put_text(node, 4, type);
    return node;
}

void nt_onnx_writer_conv(NtOnnxWriter *writer, const char *input, const char *weights, const char *bias,
                         const NtOnnxConv *conv, const char *output) {
    GByteArray *node = begin_node("Conv", (const char *const[]){input, weights, bias, NULL}, output);
    put_ints(node, "kernel_shape", (unsigned[]){conv->kernel, conv->kernel}, 2);
    put_ints(node, "strides", (unsigned[]){conv->stride, conv->stride}, 2);
    put_ints(node, "pads", (unsigned[]){conv->before, conv->before, conv->after, conv->after}, 4);
    put_number(node, "group", conv->groups);
    put_message(writer->graph, 1, node);
}

void nt_onnx_writer_node(NtOnnxWriter *writer, const char *type, const char *const *inputs, const char *output) {
    put_message(writer->graph, 1, begin_node(type, inputs, output));
}

/* ModelProto { ir_version 1, producer_name 2, graph 7, opset_import 8 { domain 1, version 2 } }. */
GBytes *nt_onnx_writer_finish(NtOnnxWriter *writer, unsigned dimension) {
    GByteArray *model = g_byte_array_new(), *opset = g_byte_array_new();
    put_value(writer->graph, 12, "embedding", &dimension, 1);
    put_int(model, 1, IR_VERSION);
    put_text(model, 2, "niteru");
    put_text(opset, 1, "");
    put_int(opset, 2, OPSET);
    put_message(model, 8, opset);
    put_message(model, 7, g_steal_pointer(&writer->graph));
    g_free(writer);
    return g_byte_array_free_to_bytes(model);
}
