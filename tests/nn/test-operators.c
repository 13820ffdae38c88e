/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each operator, and each thing that exporters write in several, against ONNX Runtime: tests/nn/operators holds small
 * graphs with the expected result inside (made by make.py there). Every one runs as written, optimised, and (without
 * Conv) by the operators' plain C alone, three photos at once. No row of the table of operators is without a case, and
 * doc/nn.md lists the rows as they are.
 */
#include "nn/nn.h"
#include "nn/onnx-internal.h"
#include "nn/op-internal.h"
#include "seeded-weights.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PHOTOS 3

static NtTensor *expected_of(GBytes *bytes, const char *name) {
    g_autoptr(GError) error = NULL;
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    NtLimits limits = nt_limits_default();
    g_autoptr(NtGraph) graph = nt_onnx_read(data, size, name, &limits, &error);
    g_assert_no_error(error);
    return nt_tensor_ref(nt_graph_constant(graph, nt_graph_named(graph, "expected")));
}

static void compare(const char *name, const float *got, const NtTensor *expected) {
    float largest = 1e-6F;
    int64_t count = nt_shape_count(&expected->shape);
    for (int64_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(expected->f32[i]));
    }
    for (int64_t i = 0; i < count; i++) {
        if (!(fabsf(got[i] - expected->f32[i]) <= 2e-5F * largest)) {
            g_error("%s: element %d is %g instead of %g", name, (int)i, (double)got[i], (double)expected->f32[i]);
        }
    }
}

static void run(GBytes *bytes, const char *name, bool unoptimised, const NtTensor *expected) {
    g_autoptr(GError) error = NULL;
    NtNetworkOptions options = {.unoptimised = unoptimised};
    g_autoptr(NtNetwork) network = nt_network_load_bytes(bytes, name, &options, &error);
    g_assert_no_error(error);
    const NtNetworkInfo *info = nt_network_info(network);
    g_assert_cmpint(expected->shape.dims[0], ==, PHOTOS);
    g_assert_cmpint(expected->shape.dims[1], ==, (int64_t)info->dimension);
    size_t pixels = (size_t)info->channels * info->height * info->width;
    g_autofree float *input = g_new(float, PHOTOS *pixels);
    g_autofree float *out = g_new(float, PHOTOS * info->dimension);
    nt_seeded_uniform("image", 0, PHOTOS * pixels, input);
    g_autoptr(NtRunner) runner = nt_runner_new(network, PHOTOS, 1, &error);
    g_assert_no_error(error);
    bool finite[PHOTOS] = {false};
    g_assert_true(nt_runner_run(runner, input, PHOTOS, out, finite, &error));
    g_assert_no_error(error);
    g_assert_true(finite[0] && finite[1] && finite[2]);
    compare(name, out, expected);
}

/* (N, C, H, W) floats as the graph's input of `shape`, which may be (N, H, W, C). */
static NtTensor *input_tensor(const NtShape *shape) {
    NtTensor *tensor = nt_tensor_new(NT_F32, shape, NULL);
    int64_t count = nt_shape_count(shape);
    g_autofree float *photos = g_new(float, (size_t)count);
    nt_seeded_uniform("image", 0, (size_t)count, photos);
    bool last = shape->dims[1] != 3 && shape->dims[1] != 1;
    int64_t channels = last ? shape->dims[3] : 1, plane = count / PHOTOS / channels;
    for (int64_t i = 0; i < count; i++) {
        int64_t photo = i / (channels * plane), at = i / channels % plane, channel = i % channels;
        tensor->f32[i] = photos[(photo * channels + channel) * plane + at];
    }
    return tensor;
}

/* One node by its `compute`, results into `values`. */
static void compute_node(const NtShapes *shapes, const NtNode *node, NtTensor **values) {
    g_autoptr(GError) error = NULL;
    g_autofree NtView *in = g_new0(NtView, node->input_count + 1);
    g_autofree NtView *out = g_new0(NtView, node->output_count + 1);
    for (unsigned i = 0; i < node->input_count; i++) {
        const NtTensor *from = node->inputs[i] >= 0 ? values[node->inputs[i]] : NULL;
        in[i] = from != NULL ? (NtView){from->type, from->shape, {from->data}} : (NtView){0};
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        int v = node->outputs[i];
        if (v >= 0) {
            values[v] = nt_tensor_new(shapes->types[v], &shapes->shapes[v], NULL);
            out[i] = (NtView){values[v]->type, values[v]->shape, {values[v]->data}};
        }
    }
    g_assert_true(node->op->compute(node, in, out, &error));
}

/* Every node in turn by plain C; a graph with an operator that has none is passed over. */
static void run_plainly(GBytes *bytes, const char *name, const NtTensor *expected) {
    g_autoptr(GError) error = NULL;
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    NtLimits limits = nt_limits_default();
    g_autoptr(NtGraph) graph = nt_onnx_read(data, size, name, &limits, &error);
    NtShape input = graph->input_shape;
    input.dims[0] = PHOTOS;
    graph->output = nt_graph_named(graph, "embedding");
    g_assert_true(nt_graph_sweep(graph, &error));
    g_autoptr(NtShapes) shapes = nt_shapes_infer(graph, &input, &error);
    g_assert_no_error(error);
    NtTensor **values = g_new0(NtTensor *, graph->values->len);
    for (unsigned v = 0; v < graph->values->len; v++) {
        values[v] = shapes->known[v] != NULL ? nt_tensor_ref(shapes->known[v]) : NULL;
    }
    values[graph->input] = input_tensor(&input);
    bool whole = true;
    for (unsigned n = 0; whole && n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        whole = node->op->compute != NULL;
        if (whole && values[node->outputs[0]] == NULL) {
            compute_node(shapes, node, values);
        }
    }
    if (whole) {
        compare(name, values[graph->output]->f32, expected);
    }
    for (unsigned v = 0; v < graph->values->len; v++) {
        nt_tensor_unref(values[v]);
    }
    g_free(values);
}

static void test_case(const void *data) {
    const char *path = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = nt_file_read(path, 1 << 20, &error);
    g_assert_no_error(error);
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(NtTensor) expected = expected_of(bytes, name);
    run(bytes, name, true, expected);
    run(bytes, name, false, expected);
    run_plainly(bytes, name, expected);
}

/* Adds the types of the operators in a case. */
static void add_types(GHashTable *types, const char *path) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = nt_file_read(path, 1 << 20, &error);
    g_assert_no_error(error);
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    NtLimits limits = nt_limits_default();
    g_autoptr(NtGraph) graph = nt_onnx_read(data, size, path, &limits, &error);
    g_assert_no_error(error);
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        g_hash_table_add(types, g_strdup(nt_graph_node(graph, n)->type));
    }
}

static void test_table(const void *data) {
    const GPtrArray *paths = data;
    g_autoptr(GHashTable) types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < paths->len; i++) {
        add_types(types, paths->pdata[i]);
    }
    for (unsigned i = 0; nt_op_at(i) != NULL; i++) {
        g_assert_true(nt_op_find(nt_op_at(i)->type) == nt_op_at(i));
        if (!g_hash_table_contains(types, nt_op_at(i)->type)) {
            g_error("%s has no case in tests/nn/operators", nt_op_at(i)->type);
        }
    }
}

/* The table in doc/nn.md: rows "| FIRST OPSET | Name, Name, ... |", of all operators and no others. */
static void test_page(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(g_getenv("NITERU_NN_PAGE"), &text, NULL, &error));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned listed = 0, count = 0;
    while (nt_op_at(count) != NULL) {
        count++;
    }
    for (char **line = lines; *line != NULL; line++) {
        int since, at = 0;
        if (sscanf(*line, "| %d | %n", &since, &at) != 1 || at == 0) {
            continue;
        }
        g_auto(GStrv) types = g_strsplit_set(*line + at, ", |", -1);
        for (char **type = types; *type != NULL; type++) {
            if (**type != '\0') {
                const NtOp *op = nt_op_find(*type);
                g_test_message("%s %d", *type, since);
                g_assert_nonnull(op);
                g_assert_cmpint(op->since, ==, since);
                g_assert_cmpint(op->until, ==, 0);
                listed++;
            }
        }
    }
    g_assert_cmpuint(listed, ==, count);
}

static int by_name(gconstpointer a, gconstpointer b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    const char *folder = g_getenv("NITERU_OPERATORS");
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_assert_nonnull(dir);
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        if (g_str_has_suffix(name, ".onnx")) {
            g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
        }
    }
    g_ptr_array_sort(paths, by_name);
    for (unsigned i = 0; i < paths->len; i++) {
        g_autofree char *name = g_path_get_basename(paths->pdata[i]);
        g_autofree char *test = g_strdup_printf("/nn/operators/%.*s", (int)strlen(name) - 5, name);
        g_test_add_data_func(test, paths->pdata[i], test_case);
    }
    g_test_add_data_func("/nn/table", paths, test_table);
    g_test_add_func("/nn/page", test_page);
    return g_test_run();
}
