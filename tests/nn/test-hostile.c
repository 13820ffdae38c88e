/* SPDX-License-Identifier: Apache-2.0 */
/* Files made to do harm: cut off and bent real graphs, nesting, long chains and lists, sizes that overflow, paths out
 * of the file. Each gets an answer soon, in little memory. */
#include "nn/nn.h"
#include "onnx-writer.h"
#include "refuse.h"

#include <stdio.h>
#include <string.h>

static OnnxWriter *start(const char *dims) {
    OnnxWriter *writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", dims, 1);
    onnx_writer_output(writer, "embedding");
    return writer;
}

/* Loads or says why not; one that loads also runs. */
static void attempt(const void *data, size_t size) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = g_bytes_new_static(data, size);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "bent.onnx", NULL, &error);
    g_assert_true((network == NULL) == (error != NULL));
    g_assert_true(error == NULL || strstr(error->message, "bent.onnx") != NULL);
    const NtNetworkInfo *info = network != NULL ? nt_network_info(network) : NULL;
    if (info != NULL && info->multiply_adds < 1 << 24 && info->height * info->width < 1 << 14) {
        g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, NULL);
        g_autofree float *input = g_new0(float, (size_t)info->channels * info->height * info->width);
        g_autofree float *out = g_new(float, info->dimension);
        g_assert_true(runner == NULL || nt_runner_run(runner, input, 1, out, NULL, NULL));
    }
}

/* Real graphs, cut off everywhere, and with single bits turned over. */
static void test_real_graphs(void) {
    static const char *const names[] = {"attention", "batchnorm-conv", "expand-token", "tail-depthwise-gate", "split"};
    for (size_t n = 0; n < G_N_ELEMENTS(names); n++) {
        g_autofree char *path = g_strdup_printf("%s/%s.onnx", g_getenv("NITERU_OPERATORS"), names[n]);
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = nt_file_read(path, 1 << 20, &error);
        g_assert_no_error(error);
        gsize size;
        const uint8_t *data = g_bytes_get_data(bytes, &size);
        for (size_t at = 0; at < size; at += 1 + size / 500) {
            attempt(data, at);
            g_autofree uint8_t *bent = g_memdup2(data, size);
            bent[at] ^= (uint8_t)(1u << at % 8);
            attempt(bent, size);
        }
    }
}

/* A message within a message, `depth` times; new bytes. */
static GBytes *nested(unsigned number, unsigned depth) {
    GBytes *inner = g_bytes_new_static("", 0);
    for (unsigned i = 0; i < depth; i++) {
        GBytes *outer = onnx_field(number, g_bytes_get_data(inner, NULL), g_bytes_get_size(inner));
        g_bytes_unref(inner);
        inner = outer;
    }
    return inner;
}

static GBytes *joined(GBytes *a, GBytes *b) {
    GByteArray *both = g_byte_array_new();
    g_byte_array_append(both, g_bytes_get_data(a, NULL), (guint)g_bytes_get_size(a));
    g_byte_array_append(both, g_bytes_get_data(b, NULL), (guint)g_bytes_get_size(b));
    g_bytes_unref(a);
    g_bytes_unref(b);
    return g_byte_array_free_to_bytes(both);
}

/* A node "Relu" whose one attribute, "a", has `content`, which is freed. */
static void put_attribute(OnnxWriter *writer, GBytes *content) {
    g_autoptr(GBytes) attribute = joined(onnx_field(1, "a", 1), content);
    GBytes *node = joined(onnx_field(1, "image", 5), onnx_field(2, "embedding", 9));
    node = joined(node, onnx_field(4, "Relu", 4));
    node = joined(node, onnx_field(5, g_bytes_get_data(attribute, NULL), g_bytes_get_size(attribute)));
    onnx_writer_field(writer, 1, node);
    g_bytes_unref(node);
}

static void test_nesting(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start("N 3 8 8");
    put_attribute(writer, nested(6, 2000)); /* a graph within a node within a graph within a node ... */
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "Relu|control flow");
    writer = start("N 3 8 8");
    onnx_writer_node(writer, "Flatten", "image", "embedding", "");
    g_autoptr(GBytes) unknown = nested(99, 2000);
    onnx_writer_field(writer, 99, unknown); /* nobody looks inside what nobody knows */
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "deep.onnx", NULL, &error);
    g_assert_nonnull(network);
}

static void test_attributes(void) {
    g_autofree uint8_t *ones = g_malloc(70000);
    memset(ones, 1, 70000);
    const struct {
        GBytes *content;
        int code;
        const char *words;
    } cases[] = {
        {onnx_field(8, ones, 70000), NITERU_ERROR_LIMIT, "65536 numbers"},
        {onnx_field(7, ones, 70000 * 4 / 4 - 1), NITERU_ERROR_CORRUPT, "damaged"}, /* no multiple of four */
        {joined(onnx_varint_field(8, 1), onnx_varint_field(20, 2)), NITERU_ERROR_CORRUPT, "damaged"},
        {joined(onnx_varint_field(8, 1), onnx_varint_field(20, 6)), NITERU_ERROR_CORRUPT, "damaged"},
        {onnx_varint_field(20, 4), NITERU_ERROR_CORRUPT, "damaged"}, /* a tensor that is not there */
        {onnx_field(4, "\xff\xfe", 2), NITERU_ERROR_UNSUPPORTED, "'a' is not supported"}, /* any bytes */
        {onnx_field(21, "outer", 5), NITERU_ERROR_UNSUPPORTED, "functions"},
        {onnx_field(22, "", 0), NITERU_ERROR_UNSUPPORTED, "not supported"},
        {onnx_field(9, "text", 4), NITERU_ERROR_UNSUPPORTED, "attribute 'a'"},
        {onnx_varint_field(20, UINT64_MAX), NITERU_ERROR_UNSUPPORTED, "attribute 'a'"},
        {onnx_field(5, "\x08\x02\x10\x01", 4), NITERU_ERROR_CORRUPT, "needs 2 elements but has 0"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OnnxWriter *writer = start("N 3 8 8");
        put_attribute(writer, cases[i].content);
        refuse(onnx_writer_finish(writer), cases[i].code, cases[i].words);
    }
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_node(writer, "Softmax", "image", "embedding", "axis=1 axis=1");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "Softmax|'axis' is there twice");
}

static void test_nodes(void) {
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_node(writer, "Split", "image", "embedding embedding", "axis=1");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "'embedding'|made twice");
    writer = start("N 3 8 8");
    onnx_writer_node(writer, "Relu", "image", "image", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "'image'");
    writer = start("N 3 8 8");
    onnx_writer_node(writer, "Relu", "embedding", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "depends on itself");
    writer = start("N 3 8 8");
    onnx_writer_weights(writer, "embedding", "1 3");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "embedding");
    writer = start("N 3 8 8");
    g_autoptr(GString) many = g_string_new("image");
    for (unsigned i = 0; i < 70000; i++) {
        g_string_append(many, " image");
    }
    onnx_writer_node(writer, "Sum", many->str, "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_LIMIT, "65536 inputs");
    writer = start("N 3 8 8");
    GBytes *node = joined(onnx_field(1, "image", 5), onnx_field(2, "embedding", 9));
    node = joined(node, joined(onnx_field(4, "FusedConv", 9), onnx_field(7, "com.microsoft", 13)));
    onnx_writer_field(writer, 1, node);
    g_bytes_unref(node);
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "FusedConv|domain 'com.microsoft'");
}

/* Results that have no name, and results that are named and never made. */
static void test_outputs(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_node(writer, "Split", "image", " rest", "axis=2");
    onnx_writer_node(writer, "Flatten", "rest", "embedding", "");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "parts.onnx", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nt_network_info(network)->dimension, ==, 96);
    attempt(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    static const char *const second[][3] = {{"Dropout", "image", ""},
                                            {"MaxPool", "image", "kernel_shape=[2,2]"},
                                            {"LayerNormalization", "image w", "axis=3"},
                                            {"BatchNormalization", "image c c c c", ""}};
    for (size_t i = 0; i < G_N_ELEMENTS(second); i++) {
        writer = onnx_writer_new(17);
        onnx_writer_input(writer, "image", "N 3 8 8", 1);
        onnx_writer_output(writer, "embedding");
        onnx_writer_weights(writer, "w", "8");
        onnx_writer_weights(writer, "c", "3");
        onnx_writer_node(writer, second[i][0], second[i][1], "first second", second[i][2]);
        onnx_writer_node(writer, "Flatten", "second", "embedding", "");
        refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, second[i][0]);
    }
}

/* As many nodes in a row as may be, the last first: sorting them must neither recurse nor take quadratic time. */
static void test_long_chain(void) {
    enum { LENGTH = 20000 };
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start("N 3 2 2");
    onnx_writer_node(writer, "Flatten", "t0", "embedding", "");
    for (unsigned i = 0; i < LENGTH; i++) {
        g_autofree char *in = i + 1 < LENGTH ? g_strdup_printf("t%u", i + 1) : g_strdup("image");
        g_autofree char *out = g_strdup_printf("t%u", i);
        onnx_writer_node(writer, i % 2 == 0 ? "Identity" : "Dropout", in, out, "");
    }
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "long.onnx", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nt_network_info(network)->nodes_read, ==, LENGTH + 1);
    g_assert_cmpuint(nt_network_info(network)->nodes, ==, 1);
}

/* Products of dims that leave 64 bits, and results far larger than any memory. */
static void test_sizes(void) {
    static const struct {
        const char *type, *inputs, *attributes;
    } cases[] = {
        {"Pad", "image huge", ""},
        {"Pad", "image large", ""},
        {"Resize", "image - - huge", ""},
        {"Resize", "image - - large", ""},
        {"Resize", "image - - wide", "mode=cubic"},
        {"Expand", "image wide", ""},
        {"Tile", "image wide", ""},
        {"ConstantOfShape", "wide", ""},
        {"Reshape", "image zero", ""},
        {"Unsqueeze", "image far", ""},
        {"Conv", "image w", "pads=[4611686018427387904,0,4611686018427387904,0]"},
        {"Conv", "image w", "pads=[1099511627776,0,0,0]"},
        {"Conv", "image w", "dilations=[9223372036854775807,1]"},
        {"Conv", "image w", "strides=[9223372036854775807,1]"},
        {"MaxPool", "image", "kernel_shape=[9223372036854775807,1] auto_pad=SAME_UPPER"},
        {"AveragePool", "image", "kernel_shape=[3,3] strides=[9223372036854775807,1] ceil_mode=1"},
        {"MatMul", "image tall", ""},
        {"LRN", "image", "size=9223372036854775807"},
        {"Split", "image huge", "axis=-5"},
        {"Flatten", "image", "axis=9223372036854775807"},
        {"Concat", "image image", "axis=-9223372036854775808"},
        {"Slice", "image far far far far", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OnnxWriter *writer = start("N 3 8 8");
        g_autoptr(GError) error = NULL;
        onnx_writer_weights(writer, "w", "4 3 3 3");
        onnx_writer_weights(writer, "tall", "9 1");
        onnx_writer_integers(writer, "huge",
                             "0 0 9223372036854775807 9223372036854775807 0 0 9223372036854775807 9223372036854775807");
        onnx_writer_integers(writer, "large", "0 0 65536 65536 0 0 65536 65536");
        onnx_writer_integers(writer, "wide", "1 1 1048576 1048576");
        onnx_writer_integers(writer, "zero", "0 0 0 -1 4294967296 4294967296");
        onnx_writer_integers(writer, "far", "-9223372036854775808");
        onnx_writer_node(writer, cases[i].type, cases[i].inputs, "t", cases[i].attributes);
        onnx_writer_node(writer, "Flatten", "t", "embedding", "");
        g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
        g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "big.onnx", NULL, &error);
        g_test_message("%s %s: %s", cases[i].type, cases[i].attributes, error != NULL ? error->message : "loads");
        g_assert_null(network);
        g_assert_true(error->code == NITERU_ERROR_CORRUPT || error->code == NITERU_ERROR_UNSUPPORTED ||
                      error->code == NITERU_ERROR_LIMIT);
    }
}

/* Activations over the limit are refused before they are taken. */
static void test_activations(void) {
    OnnxWriter *writer = start("N 3 8192 8192");
    onnx_writer_weights(writer, "w", "64 3 1 1");
    onnx_writer_node(writer, "Conv", "image w", "a", "");
    onnx_writer_node(writer, "GlobalAveragePool", "a", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_LIMIT, "onnx-activations");
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/hostile/real-graphs", test_real_graphs);
    g_test_add_func("/nn/hostile/nesting", test_nesting);
    g_test_add_func("/nn/hostile/attributes", test_attributes);
    g_test_add_func("/nn/hostile/nodes", test_nodes);
    g_test_add_func("/nn/hostile/outputs", test_outputs);
    g_test_add_func("/nn/hostile/long-chain", test_long_chain);
    g_test_add_func("/nn/hostile/sizes", test_sizes);
    g_test_add_func("/nn/hostile/activations", test_activations);
    return g_test_run();
}
