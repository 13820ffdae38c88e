/* SPDX-License-Identifier: Apache-2.0 */
/* What turns the chosen tensor into one vector per photo: a map is averaged over its places. */
#include "nn/network-internal.h"

#include <string.h>

/* Whether a map has its channels last: told by the nearest operator upstream that knows. */
static bool is_channels_last(const NtGraph *graph, int value, bool input_channels_last) {
    static const char *const channels_first[] = {"Conv",        "BatchNormalization", "MaxPool",
                                                 "AveragePool", "GlobalAveragePool",  NULL};
    while (value >= 0 && value != graph->input) {
        const NtNode *node = nt_graph_producer(graph, value);
        if (node == NULL || g_strv_contains(channels_first, node->type)) {
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

bool nt_global_pool(NtGraph *graph, const NtShape *shape, bool input_channels_last, bool *out_pooled, GError **error) {
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
