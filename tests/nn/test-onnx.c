/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are wrong: each is refused with an error that names what is wrong, without a crash and without big memory.
 */
#include "nn/nn.h"
#include "onnx-writer.h"
#include "refuse.h"

#include <math.h>
#include <string.h>

static OnnxWriter *start(int64_t opset) {
    OnnxWriter *writer = onnx_writer_new(opset);
    onnx_writer_input(writer, "image", "N 3 8 8", 1);
    onnx_writer_output(writer, "embedding");
    return writer;
}

/* A network that is right: conv, relu, pool, flatten. */
static GBytes *good(void) {
    OnnxWriter *writer = start(13);
    onnx_writer_weights(writer, "w", "4 3 3 3");
    onnx_writer_node(writer, "Conv", "image w", "a", "kernel_shape=[3,3] pads=[1,1,1,1]");
    onnx_writer_node(writer, "Relu", "a", "b", "");
    onnx_writer_node(writer, "GlobalAveragePool", "b", "c", "");
    onnx_writer_node(writer, "Flatten", "c", "embedding", "");
    return onnx_writer_finish(writer);
}

static void test_good(void) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = good();
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "good.onnx", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nt_network_info(network)->dimension, ==, 4);
    g_assert_cmpuint(nt_network_info(network)->nodes_read, ==, 4);
    g_assert_cmpuint(nt_network_info(network)->multiply_adds, ==, 4 * 27 * 64);
    g_assert_cmpstr(nt_network_info(network)->producer, ==, "niteru-tests");
}

static void test_truncated(void) {
    g_autoptr(GBytes) bytes = good();
    for (size_t size = 0; size < g_bytes_get_size(bytes); size++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) part = g_bytes_new_from_bytes(bytes, 0, size);
        g_autoptr(NtNetwork) network = nt_network_load_bytes(part, "cut.onnx", NULL, &error);
        g_assert_null(network);
        g_assert_nonnull(strstr(error->message, "cut.onnx"));
    }
}

/* Every byte flipped in turn: loads, or says why not. */
static void test_flipped(void) {
    g_autoptr(GBytes) bytes = good();
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    for (size_t at = 0; at < size; at++) {
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *copy = g_memdup2(data, size);
        copy[at] ^= (uint8_t)(1u << at % 8);
        g_autoptr(GBytes) changed = g_bytes_new_static(copy, size);
        g_autoptr(NtNetwork) network = nt_network_load_bytes(changed, "flip.onnx", NULL, &error);
        g_assert_true((network == NULL) == (error != NULL));
    }
}

static void test_graph(void) {
    OnnxWriter *writer = start(13);
    onnx_writer_node(writer, "Add", "image b", "a", "");
    onnx_writer_node(writer, "Relu", "a", "b", "");
    onnx_writer_node(writer, "Flatten", "b", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "depends on itself|Relu of b");
    writer = start(13);
    onnx_writer_node(writer, "Add", "image nowhere", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "Add of embedding|nowhere|nothing makes");
    writer = start(13);
    onnx_writer_node(writer, "Relu", "image", "a", "");
    onnx_writer_node(writer, "Abs", "image", "a", "");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "'a'|made twice");
    writer = start(13);
    onnx_writer_weights(writer, "w", "3 1 1");
    onnx_writer_weights(writer, "w", "3 1 1");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "two initialisers|'w'");
    writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 8 8", 1);
    onnx_writer_output(writer, "nothing");
    onnx_writer_node(writer, "Flatten", "image", "x", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "nothing makes the output");
    writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 8 8", 1);
    onnx_writer_node(writer, "Flatten", "image", "x", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "no output");
    static const int opsets[] = {-1, 0, 6, 26, 99};
    for (size_t i = 0; i < G_N_ELEMENTS(opsets); i++) {
        g_autofree char *words = g_strdup_printf("opset %d", opsets[i]);
        writer = start(opsets[i]);
        onnx_writer_node(writer, "Flatten", "image", "embedding", "");
        refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, words);
    }
}

static void test_unordered(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start(13);
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    onnx_writer_node(writer, "Relu", "image", "a", "");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "x", NULL, &error);
    g_assert_nonnull(network); /* nodes in another order than ONNX asks for are put in order */
}

static void test_inputs(void) {
    static const struct {
        const char *dims;
        int element, code;
        const char *words;
    } cases[] = {
        {"N 3 H W", 1, NITERU_ERROR_INVALID, "'image'|height|open"},
        {"N 5 8 8", 1, NITERU_ERROR_UNSUPPORTED, "(-1, 5, 8, 8)|no photo"},
        {"N 3 8", 1, NITERU_ERROR_UNSUPPORTED, "no photo"},
        {"N 3 100000 8", 1, NITERU_ERROR_LIMIT, "100000"},
        {"9223372036854775807 3 8 8", 1, NITERU_ERROR_LIMIT, "batch"},
        {"1 1 1 1 1 1 1 1 1", 1, NITERU_ERROR_LIMIT, "more than 8 dims"},
        {"N 3 8 8", 2, NITERU_ERROR_UNSUPPORTED, "uint8"},
        {"N 3 8 8", 77, NITERU_ERROR_UNSUPPORTED, "float32"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OnnxWriter *writer = onnx_writer_new(13);
        onnx_writer_input(writer, "image", cases[i].dims, cases[i].element);
        onnx_writer_output(writer, "embedding");
        onnx_writer_node(writer, "Flatten", "image", "embedding", "");
        refuse(onnx_writer_finish(writer), cases[i].code, cases[i].words);
    }
    OnnxWriter *writer = start(13);
    onnx_writer_input(writer, "mask", "N 3 8 8", 1);
    onnx_writer_node(writer, "Add", "image mask", "a", "");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "2 inputs|'image', 'mask'");
    writer = start(13);
    onnx_writer_input(writer, "tokens", "N 77", 7);
    onnx_writer_node(writer, "Flatten", "image", "a", "");
    onnx_writer_node(writer, "Cast", "tokens", "b", "to=1");
    onnx_writer_node(writer, "Concat", "a b", "embedding", "axis=1");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "'image'|'tokens'|one photo");
    writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 8 8", 2);
    onnx_writer_output(writer, "embedding");
    onnx_writer_weights(writer, "k", "1");
    onnx_writer_node(writer, "Mul", "image k", "a", "");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "Mul of a|uint8 input 'image'|Cast");
}

/* Inputs besides the photo that nothing reads, or that only what is cut off reads, are no hindrance. */
static void test_other_inputs(void) {
    for (int kind = 0; kind < 3; kind++) {
        g_autoptr(GError) error = NULL;
        OnnxWriter *writer = start(13);
        onnx_writer_input(writer, "other", kind == 0 ? "N 3 8 8" : "N 77", kind == 0 ? 1 : 7);
        onnx_writer_node(writer, "Flatten", "image", "embedding", "");
        if (kind == 2) {
            onnx_writer_node(writer, "Cast", "other", "text", "to=1");
            onnx_writer_output(writer, "text");
        }
        g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
        g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "x", NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(nt_network_info(network)->input, ==, "image");
    }
}

/* A photo that the file wants as uint8 is rounded as if it were one. */
static void test_byte_input(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 2 2 3", 2);
    onnx_writer_output(writer, "embedding");
    onnx_writer_node(writer, "Transpose", "image", "t", "perm=[0,3,1,2]");
    onnx_writer_node(writer, "Cast", "t", "a", "to=1");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "x", NULL, &error);
    g_assert_no_error(error);
    g_assert_true(nt_network_info(network)->bytes);
    const float in[12] = {-3, 0.4F, 0.6F, 1, 2.5F, 3.5F, 99.9F, 254.4F, 254.6F, 255, 256, 1e9F};
    const float expected[12] = {0, 0, 1, 1, 2, 4, 100, 254, 255, 255, 255, 255};
    float out[12];
    g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, &error);
    g_assert_true(nt_runner_run(runner, in, 1, out, NULL, &error));
    for (int i = 0; i < 12; i++) {
        g_assert_cmpfloat(out[i], ==, expected[i]);
    }
}

static GBytes *floats(const float *values, size_t count) { return g_bytes_new(values, count * sizeof *values); }

/* Weights that are no numbers are refused by name; infinity where it means something is not. */
static void test_weights(void) {
    const float bad[2][4] = {{1, 2, NAN, 4}, {1, INFINITY, 3, 4}};
    for (int i = 0; i < 2; i++) {
        OnnxWriter *writer = start(13);
        onnx_writer_raw(writer, "w", "4 1 1 1", 1, floats(bad[i], 4), NULL);
        onnx_writer_weights(writer, "v", "1 3 1 1");
        onnx_writer_node(writer, "Conv", "image v", "a", "");
        onnx_writer_node(writer, "Conv", "a w", "b", "");
        onnx_writer_node(writer, "Relu", "b", "c", "");
        onnx_writer_node(writer, "GlobalMaxPool", "c", "embedding", "");
        refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT,
               i == 0 ? "Conv of b|'w'|element 2|not a number" : "Conv of b|'w'|element 1|infinite");
    }
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start(13);
    onnx_writer_raw(writer, "low", "", 1, floats((float[]){-INFINITY}, 1), NULL);
    onnx_writer_raw(writer, "high", "", 1, floats((float[]){INFINITY}, 1), NULL);
    onnx_writer_node(writer, "Clip", "image low high", "a", "");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "x", NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(network);
}

/* A name that is no text is told with its place; an attribute may hold any bytes. */
static void test_texts(void) {
    OnnxWriter *writer = start(13);
    onnx_writer_node(writer, "Relu", "image", "a", "");
    onnx_writer_node(writer, "Relu", "a", "b\xff", "");
    onnx_writer_node(writer, "Flatten", "b\xff", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "node #1|not UTF-8");
    writer = start(13);
    onnx_writer_node(writer, "Frobnicate", "image", "embedding", "how=\xff\xfe");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "Frobnicate|not supported");
}

/* What contradicts itself is refused even in the part that would be cut off; what is unknown there is not. */
static void test_truncated_part(void) {
    OnnxWriter *writer = start(13);
    onnx_writer_weights(writer, "w", "7 99");
    onnx_writer_node(writer, "Flatten", "image", "embedding", "");
    onnx_writer_node(writer, "Gemm", "embedding w", "scores", "transB=1");
    onnx_writer_output(writer, "scores");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT, "Gemm of scores|do not fit");
}

/* Constants that grow from a small file, in size or in time, are refused or left to run, within seconds. */
static void test_explosion(void) {
    OnnxWriter *writer = start(13);
    onnx_writer_weights(writer, "k0", "1 1024");
    for (int i = 0; i < 24; i++) {
        g_autofree char *in = g_strdup_printf("k%d k%d", i, i), *out = g_strdup_printf("k%d", i + 1);
        onnx_writer_node(writer, "Concat", in, out, "axis=0");
    }
    onnx_writer_node(writer, "ReduceMean", "k24", "mean", "keepdims=0");
    onnx_writer_node(writer, "Flatten", "image", "flat", "");
    onnx_writer_node(writer, "Add", "flat mean", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_LIMIT, "onnx-activations");
    writer = start(13);
    onnx_writer_weights(writer, "k0", "1 1024");
    onnx_writer_weights(writer, "l0", "1 1024");
    for (int i = 0; i < 24; i++) { /* two values that double each other */
        g_autofree char *k = g_strdup_printf("k%d l%d", i, i), *l = g_strdup_printf("l%d k%d", i, i);
        g_autofree char *k_out = g_strdup_printf("k%d", i + 1), *l_out = g_strdup_printf("l%d", i + 1);
        onnx_writer_node(writer, "Concat", k, k_out, "axis=0");
        onnx_writer_node(writer, "Concat", l, l_out, "axis=0");
    }
    onnx_writer_node(writer, "ReduceMean", "k24", "mean", "keepdims=0");
    onnx_writer_node(writer, "Flatten", "image", "flat", "");
    onnx_writer_node(writer, "Add", "flat mean", "embedding", "");
    refuse(onnx_writer_finish(writer), NITERU_ERROR_LIMIT, "Concat|too many times as large");
}

static void test_tensors(void) {
    static const struct {
        const char *dims;
        int element;
        size_t bytes;
        int code;
        const char *words;
    } cases[] = {
        {"3 1 1", 1, 8, NITERU_ERROR_CORRUPT, "'w'|needs 12 bytes but has 8"},
        {"3 1 1", 1, 16, NITERU_ERROR_CORRUPT, "needs 12 bytes but has 16"},
        {"4294967296 4294967296", 1, 4, NITERU_ERROR_CORRUPT, "declares the shape"},
        {"9223372036854775807 2", 7, 4, NITERU_ERROR_CORRUPT, "declares the shape"},
        {"-1 3", 1, 4, NITERU_ERROR_CORRUPT, "'w'|negative dim"},
        {"1 1 1 1 1 1 1 1 1", 1, 4, NITERU_ERROR_CORRUPT, "'w'|more than 8 dims"},
        {"1000000 1000000", 1, 4, NITERU_ERROR_CORRUPT, "'w'"},
        {"3", 8, 4, NITERU_ERROR_UNSUPPORTED, "element type 8"},
        {"3", 16, 6, NITERU_ERROR_UNSUPPORTED, "element type 16"},
    };
    static const uint8_t zeros[16];
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OnnxWriter *writer = start(13);
        g_autoptr(GBytes) raw = g_bytes_new_static(zeros, cases[i].bytes);
        onnx_writer_raw(writer, "w", cases[i].dims, cases[i].element, raw, NULL);
        onnx_writer_node(writer, "Add", "image w", "embedding", "");
        refuse(onnx_writer_finish(writer), cases[i].code, cases[i].words);
    }
}

static void test_external(void) {
    for (unsigned way = 0; way < 2; way++) {
        OnnxWriter *writer = start(13);
        g_autoptr(GBytes) where =
            way == 0 ? onnx_varint_field(14, 1) : onnx_field(13, "\x0a\x08location\x12\x0b/etc/passwd", 23);
        onnx_writer_raw(writer, "w", "3 1 1", 1, NULL, where);
        onnx_writer_node(writer, "Add", "image w", "embedding", "");
        refuse(onnx_writer_finish(writer), NITERU_ERROR_CORRUPT,
               way == 0 ? "'w'|does not say where" : "'w'|needs 3 elements");
    }
    OnnxWriter *writer = start(13);
    g_autoptr(GBytes) sparse = onnx_varint_field(1, 1);
    onnx_writer_field(writer, 15, sparse);
    refuse(onnx_writer_finish(writer), NITERU_ERROR_UNSUPPORTED, "sparse");
}

/* Operators, attributes and values that are not done: the message names node, operator and opset. */
static void test_operators(void) {
    static const struct {
        int64_t opset;
        const char *type, *inputs, *attributes;
        int code;
        const char *words;
    } cases[] = {
        {13, "Frobnicate", "image", "", NITERU_ERROR_UNSUPPORTED, "this operator is not supported"},
        {13, "If", "image", "", NITERU_ERROR_UNSUPPORTED, "this operator is not supported"},
        {13, "Gelu", "image", "", NITERU_ERROR_UNSUPPORTED, "from 20 on"},
        {13, "Relu", "image", "slope=0.5", NITERU_ERROR_UNSUPPORTED, "attribute 'slope'"},
        {13, "Clip", "image", "min=0.0", NITERU_ERROR_UNSUPPORTED, "attribute 'min'"},
        {13, "Relu", "image image", "", NITERU_ERROR_CORRUPT, "2 inputs"},
        {13, "Relu", "-", "", NITERU_ERROR_CORRUPT, "left out"},
        {13, "Softmax", "image", "axis=4", NITERU_ERROR_CORRUPT, "axis 4"},
        {13, "Softmax", "image", "axis=0.5", NITERU_ERROR_CORRUPT, "'axis' must be an int"},
        {13, "MaxPool", "image", "kernel_shape=[3]", NITERU_ERROR_CORRUPT, "needs 2 numbers"},
        {13, "MaxPool", "image", "kernel_shape=[9,9]", NITERU_ERROR_CORRUPT, "larger than the padded input"},
        {13, "MaxPool", "image", "kernel_shape=[0,3]", NITERU_ERROR_UNSUPPORTED, "kernel_shape"},
        {13, "MaxPool", "image", "kernel_shape=[2,2] strides=[0,1]", NITERU_ERROR_UNSUPPORTED, "strides"},
        {13, "MaxPool", "image", "kernel_shape=[2,2] pads=[-1,0,0,0]", NITERU_ERROR_UNSUPPORTED, "pads"},
        {13, "MaxPool", "image", "kernel_shape=[2,2] pads=[2,2,2,2]", NITERU_ERROR_UNSUPPORTED,
         "as wide as the window"},
        {13, "MaxPool", "image", "kernel_shape=[2,2] auto_pad=SOMETIMES", NITERU_ERROR_CORRUPT, "auto_pad"},
        {13, "MaxPool", "image", "kernel_shape=[2,2] storage_order=1", NITERU_ERROR_UNSUPPORTED, "storage_order"},
        {13, "MaxPool", "image", "", NITERU_ERROR_CORRUPT, "kernel_shape"},
        {13, "AveragePool", "image", "kernel_shape=[2,2] dilations=[2,2]", NITERU_ERROR_UNSUPPORTED, "dilations"},
        {13, "Transpose", "image", "perm=[0,1,1,2]", NITERU_ERROR_CORRUPT, "permutation"},
        {13, "Pad", "image", "", NITERU_ERROR_CORRUPT, "amounts"},
        {13, "Resize", "image - image", "", NITERU_ERROR_UNSUPPORTED, "not constants"},
        {13, "Resize", "image - image", "mode=area", NITERU_ERROR_UNSUPPORTED, "mode = 'area'"},
        {18, "Resize", "image - image", "antialias=1", NITERU_ERROR_UNSUPPORTED, "antialias"},
        {13, "Conv", "image w", "group=2", NITERU_ERROR_CORRUPT, "groups"},
        {13, "Conv", "image w", "group=0", NITERU_ERROR_CORRUPT, "groups"},
        {13, "Conv", "image w", "kernel_shape=[5,5]", NITERU_ERROR_CORRUPT, "contradict"},
        {13, "Conv", "image image", "", NITERU_ERROR_UNSUPPORTED, "computed while running"},
        {13, "Add", "image w", "", NITERU_ERROR_CORRUPT, "(4, 3, 3, 3)|do not fit"},
        {13, "Reshape", "image big", "", NITERU_ERROR_CORRUPT, ""},
        {13, "Expand", "image big", "", NITERU_ERROR_CORRUPT, ""},
        {13, "Tile", "image big", "", NITERU_ERROR_CORRUPT, ""},
        {13, "Gather", "image big", "", NITERU_ERROR_CORRUPT, "out of range"},
        {13, "ConstantOfShape", "big", "", NITERU_ERROR_CORRUPT, ""},
        {13, "Cast", "image", "to=7", NITERU_ERROR_UNSUPPORTED, "depend on the photo"},
        {13, "Cast", "image", "to=8", NITERU_ERROR_UNSUPPORTED, "to = 8"},
        {13, "Equal", "image image", "", NITERU_ERROR_UNSUPPORTED, "depend on the photo"},
        {13, "Slice", "image ones", "", NITERU_ERROR_CORRUPT, "differ in length"},
        {13, "Split", "image ones", "", NITERU_ERROR_CORRUPT, "split"},
        {13, "LayerNormalization", "image w", "", NITERU_ERROR_UNSUPPORTED, "from 17 on"},
        {13, "BatchNormalization", "image w w w w", "", NITERU_ERROR_CORRUPT, "3 channels"},
        {12, "Softmax", "image", "", NITERU_ERROR_UNSUPPORTED, "several axes at once"},
        {12, "LogSoftmax", "image", "axis=2", NITERU_ERROR_UNSUPPORTED, "several axes at once"},
        {12, "Squeeze", "image", "axes=[1]", NITERU_ERROR_CORRUPT, "not 1 long"},
        {13, "Squeeze", "image", "axes=[1]", NITERU_ERROR_UNSUPPORTED, "attribute 'axes'"},
        {13, "Unsqueeze", "image", "axes=[1]", NITERU_ERROR_UNSUPPORTED, "attribute 'axes'"},
        {12, "Unsqueeze", "image", "axes=[1,1]", NITERU_ERROR_CORRUPT, "twice"},
        {13, "ReduceSum", "image", "axes=[1]", NITERU_ERROR_UNSUPPORTED, "attribute 'axes'"},
        {18, "ReduceMean", "image", "axes=[1]", NITERU_ERROR_UNSUPPORTED, "attribute 'axes'"},
        {13, "Mod", "ones ones", "fmod=1", NITERU_ERROR_UNSUPPORTED, "fmod"},
        {13, "Mod", "image image", "", NITERU_ERROR_UNSUPPORTED, "integers"},
        {8, "MaxPool", "image", "kernel_shape=[2,2] ceil_mode=1", NITERU_ERROR_UNSUPPORTED, "attribute 'ceil_mode'"},
        {13, "GreaterOrEqual", "image image", "", NITERU_ERROR_UNSUPPORTED, "depend on the photo"},
        {11, "GreaterOrEqual", "ones ones", "", NITERU_ERROR_UNSUPPORTED, "from 12 on"},
        {13, "HardSwish", "image", "", NITERU_ERROR_UNSUPPORTED, "from 14 on"},
        {13, "Pad", "image crop", "", NITERU_ERROR_UNSUPPORTED, "amounts of -1"},
        {13, "Pad", "image ones", "mode=wrap", NITERU_ERROR_UNSUPPORTED, "mode = 'wrap'"},
        {13, "Gemm", "image image", "", NITERU_ERROR_CORRUPT, "4 and 4 dims instead of 2"},
        {13, "Where", "image image image", "", NITERU_ERROR_UNSUPPORTED, "depends on the photo"},
        {13, "Gather", "image image", "", NITERU_ERROR_UNSUPPORTED, "indices"},
        {13, "Reshape", "image image", "", NITERU_ERROR_UNSUPPORTED, "known before running"},
        {20, "Gelu", "image", "approximate=roughly", NITERU_ERROR_UNSUPPORTED, "approximate = 'roughly'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        OnnxWriter *writer = start(cases[i].opset);
        onnx_writer_weights(writer, "w", "4 3 3 3");
        onnx_writer_integers(writer, "big", "4611686018427387904 4 4611686018427387904 4611686018427387904");
        onnx_writer_integers(writer, "ones", "1 1");
        onnx_writer_integers(writer, "crop", "0 0 -1 0 0 0 0 0");
        onnx_writer_node(writer, cases[i].type, cases[i].inputs, "embedding", cases[i].attributes);
        g_autofree char *node = g_strdup_printf("'%s of embedding' (%s, opset %d)|%s", cases[i].type, cases[i].type,
                                                (int)cases[i].opset, cases[i].words);
        refuse(onnx_writer_finish(writer), cases[i].code, node);
    }
}

static void test_limits(void) {
    NtLimits limits = nt_limits_default();
    NtNetworkOptions options = {.limits = &limits};
    g_autoptr(GBytes) bytes = good();
    const struct {
        const char *setting[3]; /* below, at, above what is needed */
        const char *words;
    } cases[] = {{{"onnx-nodes=3", "onnx-nodes=4", "onnx-nodes=5"}, "onnx-nodes"},
                 {{NULL, NULL, NULL}, "onnx-bytes"},
                 {{"onnx-activations=64", "onnx-activations=1M", NULL}, "onnx-activations"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (int step = 0; step < 3; step++) {
            g_autoptr(GError) error = NULL;
            limits = nt_limits_default();
            if (i == 1) {
                limits.onnx_bytes = g_bytes_get_size(bytes) - 1 + (unsigned)step;
            } else if (cases[i].setting[step] != NULL) {
                g_assert_true(nt_limits_set(&limits, cases[i].setting[step], NULL));
            }
            g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, "x", &options, &error);
            g_assert_true((network != NULL) == (step > 0));
            if (step == 0) {
                g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
                g_assert_nonnull(strstr(error->message, cases[i].words));
            }
        }
    }
}

static void test_files(void) {
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_network_load("/nonexistent/x.onnx", NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_autoptr(GBytes) text = g_bytes_new_static("version https://git-lfs.github.com/spec/v1\n", 43);
    g_assert_null(nt_network_load_bytes(text, "pointer.onnx", NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/onnx/good", test_good);
    g_test_add_func("/nn/onnx/truncated", test_truncated);
    g_test_add_func("/nn/onnx/flipped", test_flipped);
    g_test_add_func("/nn/onnx/graph", test_graph);
    g_test_add_func("/nn/onnx/unordered", test_unordered);
    g_test_add_func("/nn/onnx/inputs", test_inputs);
    g_test_add_func("/nn/onnx/other-inputs", test_other_inputs);
    g_test_add_func("/nn/onnx/byte-input", test_byte_input);
    g_test_add_func("/nn/onnx/weights", test_weights);
    g_test_add_func("/nn/onnx/texts", test_texts);
    g_test_add_func("/nn/onnx/truncated-part", test_truncated_part);
    g_test_add_func("/nn/onnx/explosion", test_explosion);
    g_test_add_func("/nn/onnx/tensors", test_tensors);
    g_test_add_func("/nn/onnx/external", test_external);
    g_test_add_func("/nn/onnx/operators", test_operators);
    g_test_add_func("/nn/onnx/limits", test_limits);
    g_test_add_func("/nn/onnx/files", test_files);
    return g_test_run();
}
