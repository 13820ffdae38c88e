/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the declared inputs is the photo. Older files list initialisers as inputs too, and exporters leave inputs
 * that nothing reads. */
#include "nn/onnx-internal.h"

/* The values that nodes read or that are the graph's outputs: value + 1. */
static GHashTable *find_read(const NtGraph *graph) {
    GHashTable *read = g_hash_table_new(NULL, NULL);
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        for (unsigned i = 0; i < node->input_count; i++) {
            g_hash_table_add(read, GINT_TO_POINTER(node->inputs[i] + 1));
        }
    }
    for (unsigned i = 0; i < graph->output_count; i++) {
        g_hash_table_add(read, GINT_TO_POINTER(graph->outputs[i] + 1));
    }
    return read;
}

static bool is_photo(const NtOnnxInput *input) {
    const int64_t *dims = input->shape.dims;
    return input->has_shape && input->shape.rank == 4 && (dims[1] == 3 || dims[3] == 3 || dims[1] == 1 || dims[3] == 1);
}

/* The only input that passes; NULL when none does or several do. `photos`: only those with a photo's shape count. */
static const NtOnnxInput *only(const NtGraph *graph, const NtOnnxInput *inputs, unsigned count, GHashTable *read,
                               bool photos) {
    const NtOnnxInput *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        bool constant = nt_graph_value(graph, inputs[i].value)->constant != NULL;
        bool passes = read == NULL || g_hash_table_contains(read, GINT_TO_POINTER(inputs[i].value + 1));
        if (constant || !passes || (photos && !is_photo(&inputs[i]))) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = &inputs[i];
    }
    return found;
}

static bool refuse(const NtGraph *graph, const NtOnnxInput *inputs, unsigned count, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    unsigned several = 0;
    for (unsigned i = 0; i < count; i++) {
        if (nt_graph_value(graph, inputs[i].value)->constant == NULL && several++ < 10) {
            g_string_append_printf(names, "%s'%s'", names->len > 0 ? ", " : "",
                                   nt_graph_value(graph, inputs[i].value)->name);
        }
    }
    if (several > 1) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: %u inputs, %s; a network here takes one photo",
                       graph->name, several, names->str);
    }
    return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: no input with a shape is declared", graph->name);
}

bool nt_onnx_choose_input(NtGraph *graph, const NtOnnxInput *inputs, unsigned count, GError **error) {
    g_autoptr(GHashTable) read = find_read(graph);
    const NtOnnxInput *input = only(graph, inputs, count, read, false);
    input = input != NULL ? input : only(graph, inputs, count, read, true);
    input = input != NULL ? input : only(graph, inputs, count, NULL, false);
    if (input == NULL || !input->has_shape) {
        return refuse(graph, inputs, count, error);
    }
    if (input->element != 1 && input->element != 2 && input->element != 10) {
        const char *element = nt_onnx_element_name(input->element);
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: input '%s' is %s; only float32, float16 and uint8 are supported", graph->name,
                       nt_graph_value(graph, input->value)->name, element != NULL ? element : "of no known type");
    }
    graph->input = input->value;
    graph->input_shape = input->shape;
    graph->byte_input = input->element == 2;
    return true;
}
