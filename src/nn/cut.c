/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tensor is the embedding.
 *
 *     ... ─► map ─► pool ─► flatten ─► Gemm ─► Softmax ─► output
 *                              ▲        └── cut off ──┘
 *                              └── the embedding
 *
 * From the output one walks back over what only reshapes, shifts, scales or squashes single numbers. A fully connected
 * node met on the way is the classifier; anything else (a sum of two branches, a normalisation) means there is none,
 * and the output itself is taken. A 1x1 convolution counts as fully connected when what it reads was pooled over the
 * map.
 */
#include "nn/network-internal.h"

#include <string.h>

/* Values that do not depend on the photo. */
static bool *find_static(const NtGraph *graph) {
    bool *is_static = g_new0(bool, graph->values->len);
    for (unsigned v = 0; v < graph->values->len; v++) {
        is_static[v] = nt_graph_constant(graph, (int)v) != NULL;
    }
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        bool all = true;
        for (unsigned i = 0; i < node->input_count; i++) {
            all &= node->inputs[i] < 0 || is_static[node->inputs[i]];
        }
        for (unsigned i = 0; all && i < node->output_count; i++) {
            if (node->outputs[i] >= 0) {
                is_static[node->outputs[i]] = true;
            }
        }
    }
    return is_static;
}

static bool is_one_of(const NtNode *node, const char *const *types) { return g_strv_contains(types, node->type); }

/* Elementwise and reshaping operators. */
static const char *const passing[] = {
    "Identity", "Dropout",    "Flatten",   "Reshape",   "Squeeze",  "Unsqueeze", "Cast",    "Add",  "Sub",
    "Mul",      "Div",        "Relu",      "LeakyRelu", "Clip",     "Sigmoid",   "Softmax", "Tanh", "HardSigmoid",
    "Elu",      "LogSoftmax", "HardSwish", "Swish",     "Softplus", "Transpose", NULL};

/* The one input that depends on the photo; -1 when there is none or more than one. */
static int photo_input(const NtNode *node, const bool *is_static) {
    int found = -1;
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && !is_static[node->inputs[i]]) {
            if (found >= 0 && found != node->inputs[i]) {
                return -1;
            }
            found = node->inputs[i];
        }
    }
    return found;
}

/* What comes out of a pooling over the whole map, possibly through elementwise steps. */
static bool is_pooled(const NtGraph *graph, int value, const bool *is_static) {
    static const char *const pools[] = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean",
                                        "ReduceMax",         "AveragePool",   NULL};
    for (unsigned steps = 0; steps < 16; steps++) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL || is_one_of(node, pools)) {
            return node != NULL;
        }
        value = is_one_of(node, passing) ? photo_input(node, is_static) : -1;
        if (value < 0) {
            return false;
        }
    }
    return false;
}

static bool is_fully_connected(const NtGraph *graph, const NtNode *node, const bool *is_static) {
    if (node->input_count < 2 || node->inputs[0] < 0 || node->inputs[1] < 0 || !is_static[node->inputs[1]]) {
        return false;
    }
    if (strcmp(node->type, "Gemm") == 0 || strcmp(node->type, "MatMul") == 0) {
        return true;
    }
    const NtTensor *weights = nt_graph_constant(graph, node->inputs[1]);
    if (strcmp(node->type, "Conv") != 0 || weights == NULL || nt_node_int(node, "group", 1) != 1) {
        return false;
    }
    return nt_shape_span(&weights->shape, MIN(2, weights->shape.rank), weights->shape.rank) == 1 &&
           is_pooled(graph, node->inputs[0], is_static);
}

/* The node to cut before, or NULL. */
static const NtNode *find_classifier(const NtGraph *graph, int output) {
    g_autofree bool *is_static = find_static(graph);
    for (int value = output; value >= 0;) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL || is_fully_connected(graph, node, is_static)) {
            return node;
        }
        value = is_one_of(node, passing) ? photo_input(node, is_static) : -1;
    }
    return NULL;
}

static char *output_names(const NtGraph *graph) {
    GString *names = g_string_new(NULL);
    for (unsigned i = 0; i < graph->output_count && i < 20; i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", nt_graph_value(graph, graph->outputs[i])->name);
    }
    return g_string_free(names, FALSE);
}

/* The tensor that the caller names: any that a node makes. */
static bool choose_named(NtGraph *graph, const char *output, GError **error) {
    int value = GPOINTER_TO_INT(g_hash_table_lookup(graph->names, output)) - 1;
    if (value < 0 || nt_graph_producer(graph, value) == NULL) {
        g_autofree char *names = output_names(graph), *shown = nt_text_printable(output, 120);
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: no tensor '%s'; the outputs are: %s", graph->name, shown,
                       names);
    }
    graph->output = value;
    return true;
}

bool nt_cut(NtGraph *graph, const char *output, char **out_cut, GError **error) {
    *out_cut = NULL;
    if (output != NULL) {
        return choose_named(graph, output, error);
    }
    int embedding = GPOINTER_TO_INT(g_hash_table_lookup(graph->names, "embedding")) - 1;
    for (unsigned i = 0; i < graph->output_count; i++) {
        if (graph->outputs[i] == embedding) {
            graph->output = embedding;
            return true;
        }
    }
    if (graph->output_count > 1) {
        g_autofree char *names = output_names(graph);
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: several outputs and none named 'embedding'; choose one of: %s",
                       graph->name, names);
    }
    graph->output = graph->outputs[0];
    const NtNode *classifier = find_classifier(graph, graph->output);
    if (classifier != NULL) {
        graph->output = classifier->inputs[0];
        *out_cut = g_strdup(classifier->name);
    }
    if (nt_graph_producer(graph, graph->output) == NULL) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: before its classifier '%s' there is no network",
                       graph->name, *out_cut != NULL ? *out_cut : "");
    }
    return true;
}

/* Whether a map has its channels last: told by the nearest operator upstream that knows. */
static bool is_channels_last(const NtGraph *graph, int value, bool input_channels_last) {
    static const char *const channels_first[] = {"Conv",        "BatchNormalization", "MaxPool",
                                                 "AveragePool", "GlobalAveragePool",  NULL};
    while (value >= 0 && value != graph->input) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL || is_one_of(node, channels_first)) {
            return false;
        }
        const NtAttribute *perm = nt_node_attribute(node, "perm");
        if (strcmp(node->type, "Transpose") == 0 && perm != NULL && perm->count == 4) {
            return perm->ints[1] == 2 && perm->ints[2] == 3 && perm->ints[3] == 1;
        }
        value = node->input_count > 0 ? node->inputs[0] : -1;
    }
    return value >= 0 && input_channels_last;
}

/* Appends a node of one input and makes its result the output. */
static NtNode *append(NtGraph *graph, const char *name, const char *type) {
    NtNode *node = nt_graph_append(graph, name, type);
    node->op = nt_op_find(type);
    nt_node_set_inputs(node, &graph->output, 1);
    graph->output = nt_graph_derive(graph, graph->output, NULL);
    nt_node_set_outputs(node, &graph->output, 1);
    return node;
}

bool nt_cut_pool(NtGraph *graph, const NtShape *shape, bool input_channels_last, bool *out_pooled, GError **error) {
    *out_pooled = false;
    int64_t longest = 0, elements = nt_shape_span(shape, MIN(1, shape->rank), shape->rank);
    for (unsigned i = 1; i < shape->rank; i++) {
        longest = MAX(longest, shape->dims[i]);
    }
    if (shape->rank == 2) {
        return true;
    }
    if (shape->rank == 4 && elements != longest) {
        *out_pooled = true;
        if (is_channels_last(graph, graph->output, input_channels_last)) {
            static const int64_t to_first[] = {0, 3, 1, 2};
            nt_node_set_ints(append(graph, "embedding-transpose", "Transpose"), "perm", to_first, 4);
        }
        append(graph, "embedding-pool", "GlobalAveragePool");
    } else if (shape->rank < 2 || elements != longest) {
        g_autofree char *text = nt_shape_text(shape);
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: tensor '%s' of shape %s is neither one vector per photo nor a map; name another output",
                       graph->name, nt_graph_value(graph, graph->output)->name, text);
    }
    append(graph, "embedding-flatten", "Flatten");
    return nt_graph_sort(graph, error);
}
