/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tensor is the embedding.
 *
 *     ... ─► map ─► pool ─► flatten ─► Gemm ─► Softmax ─► output
 *                              ▲        └── cut off ──┘
 *                              └── the embedding
 *
 * The tensor the caller names; else an output whose name says that it is one (embedding, image_embeds, pooler_output,
 * features, ...); else the only output, less a classifier at its end. From the output one walks back over what only
 * reshapes, to a softmax or sigmoid, and then over what shifts, scales or squashes single numbers too. A fully
 * connected layer met on the way is a classifier when a softmax or sigmoid follows it, or when it has a bias and
 * nothing but reshaping follows: then its result is scores of classes. Anything else means there is none, and the
 * output itself is taken: an activation, a normalisation or a sum of branches behind the last layer is how features
 * end, not classes.
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

static const char *const reshaping[] = {"Identity",  "Dropout", "Flatten",   "Reshape", "Squeeze",
                                        "Unsqueeze", "Cast",    "Transpose", NULL};
static const char *const probabilities[] = {"Softmax", "LogSoftmax", "Sigmoid", "ArgMax", "TopK", NULL};
static const char *const elementwise[] = {"Add",
                                          "Sub",
                                          "Mul",
                                          "Div",
                                          "Relu",
                                          "LeakyRelu",
                                          "Clip",
                                          "Tanh",
                                          "HardSigmoid",
                                          "Elu",
                                          "HardSwish",
                                          "Swish",
                                          "Softplus",
                                          "Gelu",
                                          "Sigmoid",
                                          "Erf",
                                          "BatchNormalization",
                                          NULL};
static const char *const pools[] = {"GlobalAveragePool", "GlobalMaxPool", "ReduceMean",
                                    "ReduceMax",         "AveragePool",   NULL};

static bool is_one_of(const NtNode *node, const char *const *types) { return g_strv_contains(types, node->type); }

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

/* A 1x1 convolution of all channels. */
static bool is_pointwise(const NtGraph *graph, const NtNode *node) {
    const NtTensor *weights = node->input_count > 1 ? nt_graph_constant(graph, node->inputs[1]) : NULL;
    return strcmp(node->type, "Conv") == 0 && weights != NULL && weights->shape.rank >= 2 &&
           nt_shape_span(&weights->shape, 2, weights->shape.rank) == 1 && nt_node_int(node, "group", 1) == 1;
}

/* Whether a value has been pooled over the whole map: every way back to the photo meets a pooling before it meets
 * anything but pointwise layers and functions of single numbers. `left` bounds the nodes looked at. */
static bool is_pooled(const NtGraph *graph, int value, const bool *is_static, unsigned *left) {
    const NtNode *node = nt_graph_producer(graph, value);
    if (node == NULL || *left == 0) {
        return false;
    }
    (*left)--;
    if (is_one_of(node, pools)) {
        return true;
    }
    if (!is_pointwise(graph, node) && !is_one_of(node, reshaping) && !is_one_of(node, elementwise)) {
        return false;
    }
    bool any = false;
    for (unsigned i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && !is_static[node->inputs[i]]) {
            any = true;
            if (!is_pooled(graph, node->inputs[i], is_static, left)) {
                return false;
            }
        }
    }
    return any;
}

/* What was met between the output and a node. */
typedef struct Tail {
    bool probability; /* a softmax or sigmoid */
    bool bias;        /* a constant added to a product */
    bool pooled;      /* a pooling, with a probability behind it */
} Tail;

static bool is_fully_connected(const NtGraph *graph, const NtNode *node, const bool *is_static, const Tail *tail) {
    if (node->input_count < 2 || node->inputs[0] < 0 || node->inputs[1] < 0 || !is_static[node->inputs[1]]) {
        return false;
    }
    unsigned left = 64;
    return strcmp(node->type, "Gemm") == 0 || strcmp(node->type, "MatMul") == 0 ||
           (is_pointwise(graph, node) && (tail->pooled || is_pooled(graph, node->inputs[0], is_static, &left)));
}

/* A constant is added to what a MatMul makes. */
static bool is_bias(const NtGraph *graph, const NtNode *node, int photo) {
    const NtNode *before = photo >= 0 ? nt_graph_producer(graph, photo) : NULL;
    return strcmp(node->type, "Add") == 0 && before != NULL && strcmp(before->type, "MatMul") == 0;
}

/* The node to truncate before, or NULL. */
static const NtNode *find_classifier(const NtGraph *graph, int output) {
    g_autofree bool *is_static = find_static(graph);
    Tail tail = {false};
    for (int value = output; value >= 0;) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL) {
            return NULL;
        }
        if (is_fully_connected(graph, node, is_static, &tail)) {
            bool bias = tail.bias || (strcmp(node->type, "MatMul") != 0 && nt_node_has_input(node, 2));
            return tail.probability || bias ? node : NULL;
        }
        int photo = photo_input(node, is_static);
        bool bias = is_bias(graph, node, photo), pool = is_one_of(node, pools);
        if (!is_one_of(node, probabilities) && !is_one_of(node, reshaping) && !bias &&
            !(tail.probability && (pool || is_one_of(node, elementwise)))) {
            return NULL;
        }
        tail.probability |= is_one_of(node, probabilities);
        tail.bias |= bias;
        tail.pooled |= pool;
        value = photo;
    }
    return NULL;
}

/* ---- names ---- */

/* Parts of names that say "this is the embedding", the surest first. */
static const char *const telling[] = {"embed",  "descriptor", "representation",    "feature_vector", "pooler",
                                      "pooled", "feat",       "last_hidden_state", "hidden_state"};

/* Place of the surest part in an output's name; G_N_ELEMENTS(telling) when there is none. A text tower's is none. */
static unsigned telling_place(const char *name) {
    g_autofree char *lower = g_ascii_strdown(name, -1);
    unsigned place = 0;
    while (place < G_N_ELEMENTS(telling) && strstr(lower, telling[place]) == NULL) {
        place++;
    }
    return strstr(lower, "text") != NULL ? G_N_ELEMENTS(telling) : place;
}

/* The output whose name tells surest; -1 when none does, or two do as well. */
static int find_telling(const NtGraph *graph) {
    unsigned best = G_N_ELEMENTS(telling);
    int found = -1;
    for (unsigned i = 0; i < graph->output_count; i++) {
        const char *name = nt_graph_value(graph, graph->outputs[i])->name;
        if (strcmp(name, "embedding") == 0) {
            return graph->outputs[i];
        }
        unsigned place = telling_place(name);
        if (place < best) {
            best = place;
            found = graph->outputs[i];
        } else if (place == best && best < G_N_ELEMENTS(telling)) {
            found = -1;
        }
    }
    return found;
}

char *nt_graph_output_names(const NtGraph *graph) {
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
        g_autofree char *names = nt_graph_output_names(graph), *shown = nt_text_printable(output, 120);
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: no tensor '%s'; the outputs are: %s", graph->name, shown,
                       names);
    }
    graph->output = value;
    return true;
}

/* Probabilities of classes, whatever they are named. */
static bool is_softmax(const NtGraph *graph, int value) {
    static const char *const softmax[] = {"Softmax", "LogSoftmax", NULL};
    const NtNode *node = nt_graph_producer(graph, value);
    while (node != NULL && is_one_of(node, reshaping) && node->input_count > 0) {
        node = nt_graph_producer(graph, node->inputs[0]);
    }
    return node != NULL && is_one_of(node, softmax);
}

/* How many classes a fully connected layer tells apart; 0 when its weights are not there yet. */
static size_t classes_of(const NtGraph *graph, const NtNode *node) {
    const NtTensor *weights = nt_graph_constant(graph, node->inputs[1]);
    if (weights == NULL || weights->shape.rank < 2) {
        return 0;
    }
    bool first = strcmp(node->type, "Conv") == 0 || nt_node_int(node, "transB", 0) != 0;
    return (size_t)weights->shape.dims[first ? 0 : weights->shape.rank - 1];
}

bool nt_truncate(NtGraph *graph, const char *output, NtTruncation *out, GError **error) {
    *out = (NtTruncation){.choice = "named by the caller"};
    if (output != NULL) {
        return choose_named(graph, output, error);
    }
    int found = find_telling(graph);
    if (found >= 0 && !is_softmax(graph, found)) {
        graph->output = found;
        out->choice = "the output of that name";
        return true;
    }
    if (found < 0 && graph->output_count > 1) {
        g_autofree char *names = nt_graph_output_names(graph);
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: several outputs, and no name says which is the embedding; choose one: %s", graph->name, names);
        return nt_fact(error, "option", "output");
    }
    graph->output = found >= 0 ? found : graph->outputs[0];
    out->choice = "the only output";
    const NtNode *classifier = find_classifier(graph, graph->output);
    if (classifier != NULL) {
        graph->output = classifier->inputs[0];
        out->node = g_strdup(classifier->name);
        out->length = classes_of(graph, classifier);
        out->choice = "what feeds the classifier";
    }
    if (nt_graph_producer(graph, graph->output) == NULL) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: before its classifier '%s' there is no network",
                       graph->name, out->node != NULL ? out->node : "");
    }
    return true;
}
