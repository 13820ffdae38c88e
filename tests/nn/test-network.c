/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as a whole: what is taken as the embedding, what the passes leave, the memory plan, batches and threads. */
#include "nn/network-internal.h"
#include "onnx-writer.h"
#include "seeded-weights.h"

#include <math.h>
#include <string.h>

static NtNetwork *load(OnnxWriter *writer, const NtNetworkOptions *options) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    NtNetwork *network = nt_network_load_bytes(bytes, "test.onnx", options, &error);
    g_assert_no_error(error);
    return network;
}

static OnnxWriter *start(const char *dims) {
    OnnxWriter *writer = onnx_writer_new(14);
    onnx_writer_input(writer, "image", dims, 1);
    return writer;
}

/* image -> conv -> relu -> pool -> flatten -> gemm -> softmax "probability" */
static OnnxWriter *classifier(const char *dims) {
    OnnxWriter *writer = start(dims);
    onnx_writer_weights(writer, "w", "20 3 3 3");
    onnx_writer_weights(writer, "fc", "7 20");
    onnx_writer_weights(writer, "fcb", "7");
    onnx_writer_node(writer, "Conv", "image w", "conv", "pads=[1,1,1,1]");
    onnx_writer_node(writer, "Relu", "conv", "relu", "");
    onnx_writer_node(writer, "GlobalAveragePool", "relu", "pool", "");
    onnx_writer_node(writer, "Flatten", "pool", "flat", "");
    onnx_writer_node(writer, "Gemm", "flat fc fcb", "logits", "transB=1");
    onnx_writer_node(writer, "Softmax", "logits", "probability", "");
    return writer;
}

static void embed(NtNetwork *network, unsigned threads, unsigned n, float *out) {
    g_autoptr(GError) error = NULL;
    const NtNetworkInfo *info = nt_network_info(network);
    size_t count = (size_t)n * info->channels * info->height * info->width;
    g_autofree float *input = g_new(float, count);
    nt_seeded_uniform("photos", 0, count, input);
    g_autoptr(NtRunner) runner = nt_runner_new(network, n, threads, &error);
    g_assert_no_error(error);
    g_assert_true(nt_runner_run(runner, input, n, out, NULL, &error));
}

static void check_truncated(OnnxWriter *writer, const char *option, const char *output, const char *truncated,
                            size_t dimension) {
    NtNetworkOptions options = {.output = option};
    g_autoptr(NtNetwork) network = load(writer, &options);
    const NtNetworkInfo *info = nt_network_info(network);
    g_assert_cmpstr(info->output, ==, output);
    g_assert_cmpstr(info->truncated, ==, truncated);
    g_assert_cmpuint(info->dimension, ==, dimension);
}

static void test_truncated(void) {
    OnnxWriter *writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    check_truncated(writer, NULL, "flat", "Gemm of logits", 20);
    writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    check_truncated(writer, "logits", "logits", NULL, 7);
    writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    check_truncated(writer, "relu", "relu", NULL, 20); /* a map is averaged */
    writer = classifier("N 3 8 8");
    onnx_writer_node(writer, "Identity", "logits", "embedding", "");
    onnx_writer_output(writer, "probability");
    onnx_writer_output(writer, "embedding");
    check_truncated(writer, NULL, "embedding", NULL, 7);
    writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "relu");
    check_truncated(writer, NULL, "relu", NULL, 20); /* no fully connected layer leads to the output */
}

/* A 1x1 convolution with a bias behind the pooling is a classifier; without one, or in front of it, it is not. */
static void test_truncated_convolution(void) {
    for (int bias = 0; bias < 2; bias++) {
        OnnxWriter *writer = start("N 3 8 8");
        onnx_writer_weights(writer, "w", "20 3 1 1");
        onnx_writer_weights(writer, "v", "7 20 1 1");
        onnx_writer_weights(writer, "u", "7");
        onnx_writer_node(writer, "Conv", "image w", "a", "");
        onnx_writer_node(writer, "GlobalAveragePool", "a", "b", "");
        onnx_writer_node(writer, "Conv", bias ? "b v u" : "b v", "c", "");
        onnx_writer_node(writer, "Flatten", "c", "d", "");
        onnx_writer_output(writer, "d");
        check_truncated(writer, NULL, bias ? "b" : "d", bias ? "Conv of c" : NULL, bias ? 20 : 7);
    }
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_weights(writer, "w", "20 3 1 1");
    onnx_writer_node(writer, "Conv", "image w", "a", "");
    onnx_writer_node(writer, "GlobalAveragePool", "a", "b", "");
    onnx_writer_node(writer, "Flatten", "b", "d", "");
    onnx_writer_output(writer, "d");
    check_truncated(writer, NULL, "d", NULL, 20);
}

/* conv -> relu -> pool -> flatten -> a last layer -> what is given: node types, each reading the one before. */
static OnnxWriter *ending(const char *layer, bool bias, const char *const *after) {
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_weights(writer, "w", "20 3 3 3");
    onnx_writer_weights(writer, "conv7", "7 20 1 1");
    onnx_writer_weights(writer, "gemm7", "20 7");
    onnx_writer_weights(writer, "bias7", "7");
    onnx_writer_node(writer, "Conv", "image w", "c", "pads=[1,1,1,1]");
    onnx_writer_node(writer, "Relu", "c", "r", "");
    onnx_writer_node(writer, "GlobalAveragePool", "r", "pool", "");
    bool conv = strcmp(layer, "Conv") == 0;
    onnx_writer_node(writer, conv ? "HardSwish" : "Flatten", "pool", "flat", "");
    g_autofree char *inputs =
        g_strdup_printf("flat %s%s", conv ? "conv7" : "gemm7", bias && strcmp(layer, "MatMul") != 0 ? " bias7" : "");
    onnx_writer_node(writer, layer, inputs, "o0", "");
    unsigned at = 0;
    if (bias && strcmp(layer, "MatMul") == 0) {
        onnx_writer_node(writer, "Add", "o0 bias7", "o1", "");
        at = 1;
    }
    for (; *after != NULL; after++, at++) {
        g_autofree char *from = g_strdup_printf("o%u", at), *to = g_strdup_printf("o%u", at + 1);
        onnx_writer_node(writer, *after, from, to, "");
    }
    g_autofree char *last = g_strdup_printf("o%u", at);
    onnx_writer_node(writer, "Flatten", last, "end", "");
    return writer;
}

/* Only what is a classifier is truncated, whatever its layer; how features end is left alone. */
static void test_truncated_rule(void) {
    static const struct {
        bool bias;
        const char *after[4];
        bool truncated;
    } cases[] = {
        {true, {NULL}, true},
        {true, {"Identity", NULL}, true},
        {false, {NULL}, false},
        {true, {"Softmax", NULL}, true},
        {false, {"Softmax", NULL}, true},
        {false, {"Sigmoid", NULL}, true},
        {true, {"Relu", "LogSoftmax", NULL}, true},
        {true, {"Relu", NULL}, false},
        {true, {"Tanh", NULL}, false},
        {true, {"HardSwish", "Identity", NULL}, false},
    };
    static const char *const layers[] = {"Gemm", "MatMul", "Conv"};
    for (size_t layer = 0; layer < G_N_ELEMENTS(layers); layer++) {
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
            OnnxWriter *writer = ending(layers[layer], cases[i].bias, cases[i].after);
            onnx_writer_output(writer, "end");
            g_test_message("%s, bias %d, then %s", layers[layer], cases[i].bias,
                           cases[i].after[0] != NULL ? cases[i].after[0] : "nothing");
            g_autoptr(NtNetwork) network = load(writer, NULL);
            const NtNetworkInfo *info = nt_network_info(network);
            g_assert_cmpstr(info->output, ==, cases[i].truncated ? "flat" : "end");
            g_assert_cmpuint(info->dimension, ==, cases[i].truncated ? 20 : 7);
            g_assert_cmpuint(info->truncated_classes, ==, cases[i].truncated ? 7 : 0);
        }
    }
}

/* An output whose name says that it is the embedding is taken whole; among several the surest. */
static void test_truncated_names(void) {
    static const char *const none[] = {NULL};
    static const char *const names[] = {"embeddings", "image_embeds",   "pooler_output",    "features",
                                        "Embedding",  "feature_vector", "model/embedding:0"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        OnnxWriter *writer = ending("Gemm", true, none);
        onnx_writer_node(writer, "Identity", "end", names[i], "");
        onnx_writer_output(writer, names[i]);
        check_truncated(writer, NULL, names[i], NULL, 7);
    }
    static const char *const softmax[] = {"Softmax", NULL}; /* classes are classes under any name */
    OnnxWriter *classes = ending("Gemm", true, softmax);
    onnx_writer_node(classes, "Identity", "end", "features", "");
    onnx_writer_output(classes, "features");
    check_truncated(classes, NULL, "flat", "Gemm of o0", 20);
    static const char *const beside[][2] = {{"last_hidden_state", "pooler_output"},
                                            {"logits", "image_embeds"},
                                            {"logits", "feat"},
                                            {"text_embeds", "image_embeds"}};
    for (size_t i = 0; i < G_N_ELEMENTS(beside); i++) {
        OnnxWriter *writer = ending("Gemm", true, none);
        onnx_writer_node(writer, "Identity", "end", beside[i][0], "");
        onnx_writer_node(writer, "Identity", "flat", beside[i][1], "");
        onnx_writer_output(writer, beside[i][0]);
        onnx_writer_output(writer, beside[i][1]);
        check_truncated(writer, NULL, beside[i][1], NULL, 20);
    }
}

/* A transformer's tokens "tokens" (N, 5, 6), as exporters write ViT: four patches of a photo of 2 x 2, with the one
 * tensor more that `parts` names before or behind them ("class" is learnt, "mean" is that of the patches). */
static OnnxWriter *tokens(const char *parts, const char *axis) {
    OnnxWriter *writer = start("N 3 2 2");
    onnx_writer_weights(writer, "w", "6 3 1 1");
    onnx_writer_weights(writer, "learnt", "1 1 6");
    onnx_writer_weights(writer, "places", "1 5 6");
    onnx_writer_weights(writer, "mix", "6 6");
    onnx_writer_integers(writer, "to", "0 6 -1");
    onnx_writer_integers(writer, "zero", "0");
    onnx_writer_integers(writer, "rest", "1 6");
    onnx_writer_node(writer, "Conv", "image w", "map", "");
    onnx_writer_node(writer, "Reshape", "map to", "channels", "");
    onnx_writer_node(writer, "Transpose", "channels", "patches", "perm=[0,2,1]");
    onnx_writer_node(writer, "ReduceMean", "patches", "mean", "axes=[1] keepdims=1");
    onnx_writer_node(writer, "Shape", "image", "shape", "");
    onnx_writer_node(writer, "Gather", "shape zero", "batch", "");
    onnx_writer_node(writer, "Concat", "batch rest", "repeat", "axis=0");
    onnx_writer_node(writer, "Expand", "learnt repeat", "class", "");
    onnx_writer_node(writer, "Concat", parts, "joined", axis);
    onnx_writer_node(writer, "Add", "joined places", "placed", "");
    onnx_writer_node(writer, "MatMul", "placed mix", "mixed", "");
    onnx_writer_node(writer, "Add", "mixed placed", "tokens", "");
    return writer;
}

static void check_no_vector(OnnxWriter *writer) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_assert_null(nt_network_load_bytes(bytes, "test.onnx", NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "neither one vector per photo nor a map"));
}

/* Of a transformer's tokens the learnt one that stands first is taken; where there is none, none is. */
static void test_class_token(void) {
    static const char *const axes[] = {"axis=1", "axis=-2"};
    for (size_t i = 0; i < G_N_ELEMENTS(axes); i++) {
        OnnxWriter *writer = tokens("class patches", axes[i]);
        onnx_writer_output(writer, "tokens");
        g_autoptr(NtNetwork) network = load(writer, NULL);
        writer = tokens("class patches", axes[i]);
        onnx_writer_integers(writer, "minus", "-5");
        onnx_writer_node(writer, "Gather", "tokens minus", "one", "axis=1");
        onnx_writer_node(writer, "Flatten", "one", "embedding", "");
        onnx_writer_output(writer, "embedding");
        g_autoptr(NtNetwork) named = load(writer, NULL);
        const NtNetworkInfo *info = nt_network_info(network);
        g_assert_cmpstr(info->output, ==, "tokens");
        g_assert_cmpuint(info->dimension, ==, 6);
        g_assert_true(info->class_token && !info->pooled && !nt_network_info(named)->class_token);
        float taken[3 * 6], expected[3 * 6];
        embed(network, 1, 3, taken);
        embed(named, 1, 3, expected);
        for (size_t k = 0; k < G_N_ELEMENTS(taken); k++) {
            g_assert_cmpfloat_with_epsilon(taken[k], expected[k], 1e-6);
        }
    }
    OnnxWriter *writer = tokens("class patches", "axis=1");
    onnx_writer_integers(writer, "first", "1");
    onnx_writer_integers(writer, "last", "5");
    onnx_writer_node(writer, "Slice", "tokens first last first", "patch_tokens", "");
    onnx_writer_output(writer, "patch_tokens");
    check_no_vector(writer);
    static const char *const without[] = {"mean patches", "patches class"};
    for (size_t i = 0; i < G_N_ELEMENTS(without); i++) {
        writer = tokens(without[i], "axis=1");
        onnx_writer_output(writer, "tokens");
        check_no_vector(writer);
    }
}

static void test_choice_errors(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    onnx_writer_output(writer, "pool");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_assert_null(nt_network_load_bytes(bytes, "two.onnx", NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "probability, pool"));
    g_clear_error(&error);
    NtNetworkOptions options = {.output = "nowhere"};
    g_assert_null(nt_network_load_bytes(bytes, "two.onnx", &options, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_clear_error(&error);
    options = (NtNetworkOptions){.output = "relu", .height = 9};
    g_assert_null(nt_network_load_bytes(bytes, "two.onnx", &options, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
}

static void test_open_size(void) {
    OnnxWriter *writer = classifier("N 3 H W");
    onnx_writer_output(writer, "probability");
    NtNetworkOptions options = {.height = 12, .width = 10};
    g_autoptr(NtNetwork) network = load(writer, &options);
    g_assert_cmpuint(nt_network_info(network)->height, ==, 12);
    g_assert_cmpuint(nt_network_info(network)->width, ==, 10);
    float out[40];
    embed(network, 1, 2, out);
}

/* Channels that are left open are those that the first convolution has weights for. */
static void test_open_channels(void) {
    NtNetworkOptions options = {.height = 12, .width = 10};
    OnnxWriter *writer = classifier("N C H W");
    onnx_writer_output(writer, "probability");
    g_autoptr(NtNetwork) open = load(writer, &options);
    writer = classifier("N 3 H W");
    onnx_writer_output(writer, "probability");
    g_autoptr(NtNetwork) declared = load(writer, &options);
    g_assert_cmpuint(nt_network_info(open)->channels, ==, 3);
    g_assert_false(nt_network_info(open)->channels_last);
    float a[40], b[40];
    embed(open, 1, 2, a);
    embed(declared, 1, 2, b);
    g_assert_cmpmem(a, sizeof a, b, sizeof b);
    static const char *const untold[][2] = {{"20 5 3 3", ""}, {"20 1 3 3", "group=3"}};
    for (size_t i = 0; i < G_N_ELEMENTS(untold); i++) {
        g_autoptr(GError) error = NULL;
        writer = start("N C H W");
        onnx_writer_weights(writer, "w", untold[i][0]);
        onnx_writer_node(writer, "Conv", "image w", "conv", untold[i][1]);
        onnx_writer_output(writer, "conv");
        g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
        g_assert_null(nt_network_load_bytes(bytes, "open.onnx", &options, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
        g_assert_nonnull(strstr(error->message, "is no photo of 3 channels or 1"));
    }
}

/* A tail that is cut off is neither planned nor kept, and may hold what is not supported. */
static void test_dead(void) {
    OnnxWriter *writer = classifier("N 3 8 8");
    onnx_writer_node(writer, "TopK", "probability", "top", "");
    onnx_writer_node(writer, "Identity", "flat", "embedding", "");
    onnx_writer_output(writer, "top");
    onnx_writer_output(writer, "embedding");
    g_autoptr(NtNetwork) network = load(writer, NULL);
    g_assert_cmpuint(nt_network_info(network)->parameters, ==, 20 * 27);
}

static unsigned count_nodes(const NtNetwork *network, const char *type) {
    const NtGraph *graph = nt_network_graph(network);
    unsigned count = 0;
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        count += strcmp(nt_graph_node(graph, n)->type, type) == 0;
    }
    return count;
}

static void load_golden(const char *name, NtNetwork **out) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(g_getenv("NITERU_GOLDEN"), name, NULL);
    g_autoptr(GBytes) bytes = nt_seeded_onnx(path, &error);
    g_assert_no_error(error);
    *out = nt_network_load_bytes(bytes, name, NULL, &error);
    g_assert_no_error(error);
}

static void check_plan(NtNetwork *network, unsigned batch) {
    g_autoptr(GError) error = NULL;
    const NtPlan *plan = nt_network_plan(network, batch, 1, &error);
    g_assert_no_error(error);
    g_autofree char *fault =
        nt_memory_plan_check((const NtBuffer *)(const void *)plan->buffers->data, plan->buffers->len, plan->bytes);
    g_assert_cmpstr(fault, ==, NULL);
}

/* What must be left of a Keras network: no Pad, Relu, Mul or Add, all its 53 convolutions, and of its Transposes the
 * one that turns the input around, which is a view. */
static void test_passes(void) {
    g_autoptr(NtNetwork) network = NULL;
    load_golden("keras-resnet50.onnx", &network);
    static const char *const gone[] = {"Pad", "Relu", "Mul", "Add", "BatchNormalization", "Identity"};
    for (size_t i = 0; i < G_N_ELEMENTS(gone); i++) {
        g_assert_cmpuint(count_nodes(network, gone[i]), ==, 0);
    }
    g_assert_cmpuint(count_nodes(network, "Transpose"), ==, 1);
    g_assert_cmpuint(count_nodes(network, "Conv"), ==, 53);
    check_plan(network, 1);
    /* Weights packed by Winograd's algorithm serve one size of batch: another is planned rightly, or refused. */
    g_autoptr(GError) error = NULL;
    if (nt_network_plan(network, 3, 1, &error) == NULL) {
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
        g_assert_nonnull(strstr(error->message, "batches of another size"));
    }
}

static void test_squeeze_excitation(void) {
    g_autoptr(NtNetwork) network = NULL;
    load_golden("efficientnet_b0.onnx", &network);
    g_assert_cmpuint(count_nodes(network, "Sigmoid"), ==, 0);
    g_assert_cmpuint(count_nodes(network, "Swish"), ==, 0);
    g_assert_cmpuint(count_nodes(network, "Mul"), ==, 16); /* the gates */
    check_plan(network, 1);
}

/* Random lives and sizes: never an overlap, never larger than everything side by side, at least the largest moment. */
static void test_memory_plan(void) {
    for (unsigned round = 0; round < 200; round++) {
        NtBuffer buffers[60];
        unsigned count = (unsigned)g_test_rand_int_range(1, 60);
        size_t sum = 0, moment[70] = {0}, peak = 0;
        for (unsigned i = 0; i < count; i++) {
            int first = g_test_rand_int_range(0, 60), last = first + g_test_rand_int_range(0, 10);
            size_t bytes = NT_BUFFER_ALIGN * (size_t)g_test_rand_int_range(1, 1000);
            buffers[i] = (NtBuffer){.bytes = bytes, .first = first, .last = last};
            sum += bytes;
            for (int t = first; t <= last; t++) {
                moment[t] += bytes;
                peak = MAX(peak, moment[t]);
            }
        }
        size_t block = nt_memory_plan(buffers, count);
        g_autofree char *fault = nt_memory_plan_check(buffers, count, block);
        g_assert_cmpstr(fault, ==, NULL);
        g_assert_cmpuint(block, >=, peak);
        g_assert_cmpuint(block, <=, sum);
    }
}

static void test_checker(void) {
    NtBuffer pair[] = {{.bytes = 128, .first = 0, .last = 2, .offset = 0},
                       {.bytes = 64, .first = 2, .last = 3, .offset = 64}};
    g_autofree char *overlap = nt_memory_plan_check(pair, 2, 1024);
    g_assert_nonnull(strstr(overlap, "overlap"));
    pair[1].first = 3;
    g_assert_null(nt_memory_plan_check(pair, 2, 1024));
    g_autofree char *outside = nt_memory_plan_check(pair, 2, 100);
    g_assert_nonnull(strstr(outside, "leaves the block"));
    pair[1].offset = 65;
    g_autofree char *crooked = nt_memory_plan_check(pair, 2, 1024);
    g_assert_nonnull(strstr(crooked, "aligned"));
}

static void check_close(const float *a, const float *b, size_t count) {
    float largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(b[i]));
    }
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpfloat_with_epsilon(a[i] / largest, b[i] / largest, 2e-6F);
    }
}

/* One photo alone, among others, and with two or four threads: the same. ResNet-50 has Winograd's convolutions, whose
 * packed weights plans for other teams must share. */
static void test_batches_threads(void) {
    g_autoptr(NtNetwork) network = NULL;
    load_golden("resnet50.onnx", &network);
    size_t dimension = nt_network_info(network)->dimension;
    g_autofree float *three = g_new(float, 3 * dimension);
    g_autofree float *other = g_new(float, 3 * dimension);
    embed(network, 1, 3, three);
    embed(network, 1, 1, other);
    g_assert_cmpmem(other, dimension * sizeof *other, three, dimension * sizeof *three);
    embed(network, 2, 1, other);
    check_close(other, three, dimension);
    embed(network, 4, 2, other);
    check_close(other, three, 2 * dimension);
    check_plan(network, 1);
}

/* Batches of 1 to 5, photos in any order, the same runner again and again: a photo's row is the same to the bit. */
static void test_invariance(void) {
    enum { PHOTO = 3 * 8 * 8, MOST = 5, ROW = 20 };
    g_autoptr(GError) error = NULL;
    for (unsigned fixed = 0; fixed <= 2; fixed++) { /* a batch that is open, of 1, of 2 */
        static const char *const dims[] = {"N 3 8 8", "1 3 8 8", "2 3 8 8"};
        OnnxWriter *writer = classifier(dims[fixed]);
        onnx_writer_output(writer, "probability");
        g_autoptr(NtNetwork) network = load(writer, NULL);
        g_autoptr(NtRunner) runner = nt_runner_new(network, 3, 1, &error);
        float input[MOST * PHOTO], shuffled[MOST * PHOTO], first[MOST * ROW], out[MOST * ROW];
        nt_seeded_uniform("photos", 0, MOST * PHOTO, input);
        g_assert_true(nt_runner_run(runner, input, MOST, first, NULL, &error));
        for (unsigned n = 1; n <= MOST; n++) {
            memset(out, 0xff, sizeof out);
            g_assert_true(nt_runner_run(runner, input, n, out, NULL, &error));
            g_assert_cmpmem(out, n * ROW * sizeof *out, first, n * ROW * sizeof *first);
            for (unsigned i = 0; i < n; i++) {
                memcpy(shuffled + i * PHOTO, input + (n - 1 - i) * PHOTO, PHOTO * sizeof *input);
            }
            g_assert_true(nt_runner_run(runner, shuffled, n, out, NULL, &error));
            for (unsigned i = 0; i < n; i++) {
                g_assert_cmpmem(out + i * ROW, ROW * sizeof *out, first + (n - 1 - i) * ROW, ROW * sizeof *first);
            }
        }
        for (unsigned threads = 1; threads <= 3; threads++) {
            g_autoptr(NtRunner) team = nt_runner_new(network, 1, threads, &error);
            g_assert_true(nt_runner_run(team, input, MOST, out, NULL, &error));
            check_close(out, first, MOST * ROW);
        }
    }
}

/* What is another thing for one photo than for several is refused, not guessed. */
static void test_alone(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_node(writer, "Shape", "image", "shape", "");
    onnx_writer_integers(writer, "zero", "0");
    onnx_writer_integers(writer, "two", "2");
    onnx_writer_integers(writer, "all", "-1");
    onnx_writer_integers(writer, "wide", "192");
    onnx_writer_integers(writer, "narrow", "96");
    onnx_writer_integers(writer, "ends", "1");
    onnx_writer_node(writer, "Slice", "shape zero ends", "n", "");
    onnx_writer_node(writer, "Equal", "n two", "pair", "");
    onnx_writer_node(writer, "Where", "pair wide narrow", "columns", "");
    onnx_writer_node(writer, "Concat", "all columns", "wanted", "axis=0");
    onnx_writer_node(writer, "Reshape", "image wanted", "embedding", "");
    onnx_writer_output(writer, "embedding");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    g_assert_null(nt_network_load_bytes(bytes, "odd.onnx", NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
    g_test_message("%s", error->message);
}

/* Squeeze without axes leaves the photos' axis alone. */
static void test_squeeze(void) {
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_node(writer, "GlobalMaxPool", "image", "a", "");
    onnx_writer_node(writer, "Squeeze", "a", "b", "");
    onnx_writer_output(writer, "b");
    g_autoptr(NtNetwork) network = load(writer, NULL);
    g_assert_cmpuint(nt_network_info(network)->dimension, ==, 3);
    float one[3], two[6];
    embed(network, 1, 1, one);
    embed(network, 1, 2, two);
    g_assert_cmpmem(one, sizeof one, two, sizeof one);
}

static void test_fixed_batch(void) {
    OnnxWriter *writer = classifier("2 3 8 8"), *open = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    onnx_writer_output(open, "probability");
    g_autoptr(NtNetwork) fixed = load(writer, NULL);
    g_autoptr(NtNetwork) free_batch = load(open, NULL);
    float a[5 * 20], b[5 * 20];
    embed(fixed, 1, 5, a);
    embed(free_batch, 1, 5, b);
    check_close(a, b, 100);
}

/* A shape inside the network that is written for one photo makes the batch 1, not a wrong result. */
static void test_inner_batch(void) {
    OnnxWriter *writer = start("N 3 8 8");
    onnx_writer_integers(writer, "shape", "1 -1");
    onnx_writer_node(writer, "GlobalMaxPool", "image", "a", "");
    onnx_writer_node(writer, "Reshape", "a shape", "b", "");
    onnx_writer_output(writer, "b");
    g_autoptr(NtNetwork) network = load(writer, NULL);
    g_assert_cmpuint(nt_network_info(network)->dimension, ==, 3);
    float out[12];
    embed(network, 1, 4, out);
    g_autofree float *input = g_new(float, 4 * 192);
    nt_seeded_uniform("photos", 0, 4 * 192, input);
    for (unsigned i = 0; i < 12; i++) {
        float best = -1;
        for (unsigned j = 0; j < 64; j++) {
            best = fmaxf(best, input[i * 64 + j]);
        }
        g_assert_cmpfloat(out[i], ==, best);
    }
}

static void test_finite(void) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = start("N 3 2 2");
    onnx_writer_node(writer, "Flatten", "image", "b", "");
    onnx_writer_output(writer, "b");
    g_autoptr(NtNetwork) network = load(writer, NULL);
    g_autoptr(NtRunner) runner = nt_runner_new(network, 3, 1, &error);
    float input[36] = {0}, out[36];
    bool finite[3] = {false, true, true};
    input[13] = NAN;
    input[30] = INFINITY;
    g_assert_true(nt_runner_run(runner, input, 3, out, finite, &error));
    g_assert_true(finite[0] && !finite[1] && !finite[2]);
}

/* Many threads with a runner each on one network; the sanitizers watch. */
typedef struct Shared {
    NtNetwork *network;
    const float *expected;
} Shared;

static void *worker(void *data) {
    const Shared *shared = data;
    float out[2 * 20];
    for (unsigned i = 0; i < 5; i++) {
        embed(shared->network, 1, 2, out);
        g_assert_cmpmem(out, sizeof out, shared->expected, sizeof out);
    }
    return NULL;
}

static void test_shared(void) {
    OnnxWriter *writer = classifier("N 3 8 8");
    onnx_writer_output(writer, "probability");
    g_autoptr(NtNetwork) network = load(writer, NULL);
    float expected[2 * 20];
    embed(network, 1, 2, expected);
    Shared shared = {network, expected};
    GThread *threads[4];
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = g_thread_new("runner", worker, &shared);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/network/truncated", test_truncated);
    g_test_add_func("/nn/network/truncated-convolution", test_truncated_convolution);
    g_test_add_func("/nn/network/truncated-rule", test_truncated_rule);
    g_test_add_func("/nn/network/truncated-names", test_truncated_names);
    g_test_add_func("/nn/network/class-token", test_class_token);
    g_test_add_func("/nn/network/choice-errors", test_choice_errors);
    g_test_add_func("/nn/network/open-size", test_open_size);
    g_test_add_func("/nn/network/open-channels", test_open_channels);
    g_test_add_func("/nn/network/dead", test_dead);
    g_test_add_func("/nn/network/passes", test_passes);
    g_test_add_func("/nn/network/squeeze-excitation", test_squeeze_excitation);
    g_test_add_func("/nn/network/memory-plan", test_memory_plan);
    g_test_add_func("/nn/network/memory-plan-checker", test_checker);
    g_test_add_func("/nn/network/batches-threads", test_batches_threads);
    g_test_add_func("/nn/network/invariance", test_invariance);
    g_test_add_func("/nn/network/alone", test_alone);
    g_test_add_func("/nn/network/squeeze", test_squeeze);
    g_test_add_func("/nn/network/fixed-batch", test_fixed_batch);
    g_test_add_func("/nn/network/inner-batch", test_inner_batch);
    g_test_add_func("/nn/network/finite", test_finite);
    g_test_add_func("/nn/network/shared", test_shared);
    return g_test_run();
}
