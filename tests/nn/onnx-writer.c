/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx-writer.h"

#include "seeded-weights.h"

#include <stdbool.h>
#include <string.h>

struct OnnxWriter {
    GByteArray *graph;
    int64_t opset;
};

static void put_varint(GByteArray *to, uint64_t value) {
    do {
        uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        g_byte_array_append(to, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void put_int(GByteArray *to, unsigned number, int64_t value) {
    put_varint(to, number << 3);
    put_varint(to, (uint64_t)value);
}

static void put_bytes(GByteArray *to, unsigned number, const void *data, size_t size) {
    put_varint(to, number << 3 | 2);
    put_varint(to, size);
    g_byte_array_append(to, data, (guint)size);
}

static void put_text(GByteArray *to, unsigned number, const char *text) { put_bytes(to, number, text, strlen(text)); }

static void put_message(GByteArray *to, unsigned number, GByteArray *message) {
    put_bytes(to, number, message->data, message->len);
    g_byte_array_unref(message);
}

GBytes *onnx_field(unsigned number, const void *data, size_t size) {
    GByteArray *to = g_byte_array_new();
    put_bytes(to, number, data, size);
    return g_byte_array_free_to_bytes(to);
}

GBytes *onnx_varint_field(unsigned number, uint64_t value) {
    GByteArray *to = g_byte_array_new();
    put_int(to, number, (int64_t)value);
    return g_byte_array_free_to_bytes(to);
}

OnnxWriter *onnx_writer_new(int64_t opset) {
    OnnxWriter *writer = g_new0(OnnxWriter, 1);
    writer->graph = g_byte_array_new();
    writer->opset = opset;
    return writer;
}

static char **words(const char *text) {
    char **parts = g_strsplit(text, " ", -1);
    return *text == '\0' ? (g_strfreev(parts), g_new0(char *, 1)) : parts;
}

/* ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { value 1 | param 2 } } } } } */
static void put_value(OnnxWriter *writer, unsigned number, const char *name, const char *dims, int element) {
    GByteArray *value = g_byte_array_new(), *type = g_byte_array_new(), *tensor = g_byte_array_new();
    put_text(value, 1, name);
    put_int(tensor, 1, element);
    if (dims != NULL) {
        GByteArray *shape = g_byte_array_new();
        g_auto(GStrv) parts = words(dims);
        for (char **part = parts; *part != NULL; part++) {
            GByteArray *dim = g_byte_array_new();
            if (g_ascii_isdigit(**part) || **part == '-') {
                put_int(dim, 1, g_ascii_strtoll(*part, NULL, 10));
            } else {
                put_text(dim, 2, *part);
            }
            put_message(shape, 1, dim);
        }
        put_message(tensor, 2, shape);
    }
    put_message(type, 1, tensor);
    put_message(value, 2, type);
    put_message(writer->graph, number, value);
}

void onnx_writer_input(OnnxWriter *writer, const char *name, const char *dims, int element) {
    put_value(writer, 11, name, dims, element);
}

void onnx_writer_output(OnnxWriter *writer, const char *name) { put_value(writer, 12, name, NULL, 1); }

static void put_float(GByteArray *to, unsigned number, const char *text) {
    float value = (float)g_ascii_strtod(text, NULL);
    put_varint(to, number << 3 | 5);
    g_byte_array_append(to, (const uint8_t *)&value, 4);
}

/* AttributeProto { name 1, f 2, i 3, s 4, floats 7, ints 8, type 20 } from "name=value". */
static void put_attribute(GByteArray *node, const char *text) {
    GByteArray *attribute = g_byte_array_new();
    g_auto(GStrv) halves = g_strsplit(text, "=", 2);
    const char *value = halves[1];
    put_text(attribute, 1, halves[0]);
    if (*value == '[') {
        g_autofree char *inside = g_strndup(value + 1, strlen(value) - 2);
        g_auto(GStrv) items = g_strsplit(inside, ",", -1);
        for (char **item = items; *item != NULL && **item != '\0'; item++) {
            put_int(attribute, 8, g_ascii_strtoll(*item, NULL, 10));
        }
        put_int(attribute, 20, 7);
    } else if (g_ascii_isdigit(*value) || *value == '-') {
        bool real = strchr(value, '.') != NULL;
        if (real) {
            put_float(attribute, 2, value);
        } else {
            put_int(attribute, 3, g_ascii_strtoll(value, NULL, 10));
        }
        put_int(attribute, 20, real ? 1 : 2);
    } else {
        put_text(attribute, 4, value);
        put_int(attribute, 20, 3);
    }
    put_message(node, 5, attribute);
}

void onnx_writer_node(OnnxWriter *writer, const char *type, const char *inputs, const char *outputs,
                      const char *attributes) {
    GByteArray *node = g_byte_array_new();
    g_auto(GStrv) in = words(inputs), out = words(outputs), all = words(attributes);
    for (char **name = in; *name != NULL; name++) {
        put_text(node, 1, strcmp(*name, "-") == 0 ? "" : *name);
    }
    for (char **name = out; *name != NULL; name++) {
        put_text(node, 2, *name);
    }
    g_autofree char *name = g_strdup_printf("%s of %s", type, out[0] != NULL ? out[0] : "nothing");
    put_text(node, 3, name);
    put_text(node, 4, type);
    for (char **attribute = all; *attribute != NULL; attribute++) {
        put_attribute(node, *attribute);
    }
    put_message(writer->graph, 1, node);
}

/* TensorProto { dims 1, data_type 2, name 8, raw_data 9 }. Returns the elements that the dims ask for. */
static size_t put_tensor_head(GByteArray *tensor, const char *name, const char *dims, int element) {
    size_t count = 1;
    g_auto(GStrv) parts = words(dims);
    for (char **part = parts; *part != NULL; part++) {
        int64_t dim = g_ascii_strtoll(*part, NULL, 10);
        put_int(tensor, 1, dim);
        count *= (size_t)dim;
    }
    put_int(tensor, 2, element);
    put_text(tensor, 8, name);
    return count;
}

void onnx_writer_weights(OnnxWriter *writer, const char *name, const char *dims) {
    GByteArray *tensor = g_byte_array_new();
    size_t count = put_tensor_head(tensor, name, dims, 1);
    g_autofree float *values = g_new(float, count);
    nt_seeded_uniform(name, 0, count, values);
    put_bytes(tensor, 9, values, count * sizeof *values);
    put_message(writer->graph, 5, tensor);
}

void onnx_writer_integers(OnnxWriter *writer, const char *name, const char *values) {
    GByteArray *tensor = g_byte_array_new(), *packed = g_byte_array_new();
    g_auto(GStrv) parts = words(values);
    g_autofree char *count = g_strdup_printf("%u", g_strv_length(parts));
    put_tensor_head(tensor, name, count, 7);
    for (char **part = parts; *part != NULL; part++) {
        put_varint(packed, (uint64_t)g_ascii_strtoll(*part, NULL, 10));
    }
    put_message(tensor, 7, packed); /* packed int64_data */
    put_message(writer->graph, 5, tensor);
}

void onnx_writer_raw(OnnxWriter *writer, const char *name, const char *dims, int element, GBytes *raw, GBytes *more) {
    GByteArray *tensor = g_byte_array_new();
    put_tensor_head(tensor, name, dims, element);
    if (raw != NULL) {
        put_bytes(tensor, 9, g_bytes_get_data(raw, NULL), g_bytes_get_size(raw));
    }
    if (more != NULL) {
        g_byte_array_append(tensor, g_bytes_get_data(more, NULL), (guint)g_bytes_get_size(more));
    }
    put_message(writer->graph, 5, tensor);
}

void onnx_writer_field(OnnxWriter *writer, unsigned number, GBytes *content) {
    put_bytes(writer->graph, number, g_bytes_get_data(content, NULL), g_bytes_get_size(content));
}

GBytes *onnx_writer_finish(OnnxWriter *writer) {
    GByteArray *model = g_byte_array_new(), *opset = g_byte_array_new();
    put_int(model, 1, 8);
    put_text(model, 2, "niteru-tests");
    put_text(opset, 1, "");
    put_int(opset, 2, writer->opset);
    put_message(model, 8, opset);
    put_message(model, 7, writer->graph);
    g_free(writer);
    return g_byte_array_free_to_bytes(model);
}

static void append_bytes(GByteArray *to, GBytes *bytes) {
    g_byte_array_append(to, g_bytes_get_data(bytes, NULL), (guint)g_bytes_get_size(bytes));
    g_bytes_unref(bytes);
}

GBytes *onnx_external(const char *location, const char *offset, const char *length) {
    const struct {
        const char *key, *value;
    } entries[] = {{"location", location}, {"offset", offset}, {"length", length}, {"checksum", "whatever"}};
    GByteArray *fields = g_byte_array_new();
    for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
        if (entries[i].value != NULL) {
            g_autoptr(GByteArray) entry = g_byte_array_new();
            append_bytes(entry, onnx_field(1, entries[i].key, strlen(entries[i].key)));
            append_bytes(entry, onnx_field(2, entries[i].value, strlen(entries[i].value)));
            append_bytes(fields, onnx_field(13, entry->data, entry->len));
        }
    }
    append_bytes(fields, onnx_varint_field(14, 1));
    return g_byte_array_free_to_bytes(fields);
}
