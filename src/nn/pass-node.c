/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that passes make. */
#include "nn/pass-internal.h"

NtNode *nt_pass_node(NtGraph *graph, const NtNode *like, const char *type, int input, int output) {
    NtNode *node = nt_graph_append(graph, like->name, type);
    node->op = nt_op_find(type);
    node->made = true;
    node->index = (int)graph->nodes->len - 1;
    nt_node_set_inputs(node, &input, 1);
    nt_node_set_outputs(node, &output, 1);
    nt_graph_value(graph, output)->producer = node->index;
    return node;
}
