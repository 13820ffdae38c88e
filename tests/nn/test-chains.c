/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fused chains. tests/nn/chains/graphs.bin.gz holds 2,000 random graphs of layers and what may be fused behind them,
 * with ONNX Runtime's results (made by make.py there, which gives the format). Each runs optimised; a chain that is
 * computed with wrong numbers would be seen here on whatever code this CPU and this oneDNN give.
 */
#include "nn/network-internal.h"
#include "nn/onnx-internal.h"
#include "onnx-writer.h"
#include "seeded-weights.h"

#include <math.h>
#include <string.h>

#include <gio/gio.h>

#define PHOTOS 2

/* ---- random graphs ---- */

static GBytes *unpack(const char *path) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_autoptr(GFileInputStream) packed = g_file_read(file, NULL, &error);
    g_assert_no_error(error);
    g_autoptr(GZlibDecompressor) gzip = g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP);
    g_autoptr(GInputStream) plain = g_converter_input_stream_new(G_INPUT_STREAM(packed), G_CONVERTER(gzip));
    g_autoptr(GOutputStream) all = g_memory_output_stream_new_resizable();
    g_output_stream_splice(all, plain, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
    g_assert_no_error(error);
    return g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(all));
}

static uint32_t take(const uint8_t **at) {
    uint32_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return GUINT32_FROM_LE(value);
}

static float take_float(const uint8_t **at) {
    uint32_t bits = take(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float *embed(NtNetwork *network) {
    g_autoptr(GError) error = NULL;
    const NtNetworkInfo *info = nt_network_info(network);
    size_t pixels = (size_t)info->channels * info->height * info->width;
    g_autofree float *input = g_new(float, PHOTOS *pixels);
    nt_seeded_uniform("image", 0, PHOTOS * pixels, input);
    g_autofree float *out = g_new(float, PHOTOS * info->dimension);
    g_autoptr(NtRunner) runner = nt_runner_new(network, PHOTOS, 1, &error);
    g_assert_no_error(error);
    g_assert_true(nt_runner_run(runner, input, PHOTOS, out, NULL, &error));
    g_assert_no_error(error);
    return g_steal_pointer(&out);
}

/* Checks one record; returns whether it was right, and says what was not. */
static bool is_right(const uint8_t **at, unsigned number, unsigned *refused) {
    g_autoptr(GError) error = NULL;
    uint32_t size = take(at);
    g_autoptr(GBytes) skeleton = g_bytes_new_static(*at, size);
    *at += size;
    g_autofree char *name = g_strdup_printf("graph %u", number);
    g_autoptr(GBytes) bytes = nt_seeded_onnx_bytes(skeleton, name, &error);
    g_assert_no_error(error);
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, name, NULL, &error);
    g_assert_no_error(error);
    *refused += *nt_network_info(network)->unfused != '\0';
    g_autofree float *out = embed(network);
    bool right = true;
    uint32_t count = take(at);
    float largest = take_float(at);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t element = take(at);
        float expected = take_float(at);
        if (right && !(fabsf(out[element] - expected) <= 5e-5F * largest)) {
            g_test_message("%s: element %u is %g instead of %g", name, element, (double)out[element], (double)expected);
            right = false;
        }
    }
    return right;
}

static void test_graphs(void) {
    g_autoptr(GBytes) all = unpack(g_getenv("NITERU_CHAINS"));
    gsize size;
    const uint8_t *data = g_bytes_get_data(all, &size), *at = data;
    unsigned count = 0, wrong = 0, refused = 0;
    for (; at < data + size; count++) {
        wrong += !is_right(&at, count, &refused);
    }
    g_test_message("%u graphs, %u wrong, %u with chains run unfused", count, wrong, refused);
    g_assert_cmpuint(count, >=, 2000);
    g_assert_cmpuint(wrong, ==, 0);
}

/* ---- the check itself ---- */

/* A convolution with steps behind it, planned for one photo. */
typedef struct Planned {
    NtGraph *graph;
    NtPool *pool;
    NtPlan *plan;
} Planned;

static void planned_clear(Planned *planned) {
    nt_plan_free(planned->plan);
    nt_pool_free(planned->pool);
    nt_graph_free(planned->graph);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Planned, planned_clear)

/* The node's post-ops are these, whether a pass would have fused them or not. */
static void plan_post_ops(Planned *out, const NtPostOp *post_ops, unsigned count, NtChains *chains) {
    g_autoptr(GError) error = NULL;
    OnnxWriter *writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 6 6", 1);
    onnx_writer_weights(writer, "w", "16 3 3 3");
    onnx_writer_node(writer, "Conv", "image w", "c", "");
    onnx_writer_node(writer, "Flatten", "c", "embedding", "");
    onnx_writer_output(writer, "embedding");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    NtLimits limits = nt_limits_default();
    out->graph = nt_onnx_read(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), "chain", &limits, &error);
    g_assert_no_error(error);
    out->graph->output = out->graph->outputs[0];
    g_assert_true(nt_graph_sweep(out->graph, &error));
    NtNode *conv = nt_graph_producer(out->graph, nt_graph_named(out->graph, "c"));
    memcpy(conv->post_ops, post_ops, count * sizeof *post_ops);
    conv->post_op_count = count;
    NtPlanOptions options = {
        .input = out->graph->input_shape, .threads = 1, .limit = limits.onnx_activations, .chains = chains};
    options.input.dims[0] = 1;
    out->pool = nt_pool_new();
    out->plan = nt_plan_new(out->graph, out->pool, &options, &error);
    g_assert_no_error(error);
}

static NtPostOp step(NtEltwise alg, float alpha, float beta) {
    return (NtPostOp){.kind = NT_POST_OP_ELTWISE, .alg = alg, .alpha = alpha, .beta = beta, .value = -1};
}

/* A primitive that computes something else than it says is found. */
static void test_check(void) {
    const NtPostOp post_ops[] = {step(NT_ELTWISE_RELU, 0, 0), step(NT_ELTWISE_LINEAR, 2, 0.5F)};
    NtChains *chains = nt_chains_new();
    g_auto(Planned) planned = {0};
    plan_post_ops(&planned, post_ops, G_N_ELEMENTS(post_ops), chains);
    g_assert_cmpuint(nt_chains_refused(chains)->len, ==, 0);
    nt_chains_free(chains);
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        g_autoptr(GError) error = NULL;
        NtChains *fresh = nt_chains_new();
        unsigned refused = 9, fused = 0;
        for (unsigned i = 0; i < planned.plan->steps->len; i++) {
            const NtStep *at = &g_array_index(planned.plan->steps, NtStep, i);
            const NtPrimitiveSpec *spec = at->primitive != NULL ? nt_primitive_spec(at->primitive) : NULL;
            if (spec != NULL && spec->post_op_count > 0) {
                ((NtPrimitivePostOp *)spec->post_ops)[1].alpha = wrong ? 1.9F : 2.0F;
                fused++;
            }
        }
        g_assert_cmpuint(fused, ==, 1);
        g_assert_true(nt_chains_check(fresh, planned.plan, &refused, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(refused, ==, wrong);
        g_assert_cmpuint(nt_chains_refused(fresh)->len, ==, wrong);
        nt_chains_free(fresh);
    }
}

/* A chain that some versions of oneDNN get wrong: fused where it is right, else done in steps of their own. */
static void test_refused(void) {
    const NtPostOp post_ops[] = {step(NT_ELTWISE_LINEAR, 2, 0), step(NT_ELTWISE_RELU, 0, 0),
                                 step(NT_ELTWISE_LINEAR, 1, 1)};
    NtChains *chains = nt_chains_new();
    g_auto(Planned) planned = {0};
    plan_post_ops(&planned, post_ops, G_N_ELEMENTS(post_ops), chains);
    unsigned fused = 0, apart = 0;
    for (unsigned i = 0; i < planned.plan->steps->len; i++) {
        const NtStep *at = &g_array_index(planned.plan->steps, NtStep, i);
        fused += at->primitive != NULL && nt_primitive_spec(at->primitive)->post_op_count == 3;
        apart += at->primitive != NULL && nt_primitive_spec(at->primitive)->kind == NT_PRIMITIVE_ELTWISE;
    }
    g_test_message("oneDNN %s: %u refused", nt_onednn_version(), nt_chains_refused(chains)->len);
    g_assert_cmpuint(fused, ==, nt_chains_refused(chains)->len > 0 ? 0 : 1);
    g_assert_cmpuint(apart, ==, nt_chains_refused(chains)->len > 0 ? 3 : 0);
    nt_chains_free(chains);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/chains/check", test_check);
    g_test_add_func("/nn/chains/refused", test_refused);
    g_test_add_func("/nn/chains/random-graphs", test_graphs);
    return g_test_run();
}
