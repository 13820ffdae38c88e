/* SPDX-License-Identifier: Apache-2.0 */
/* Graph surgery: values by name, order of execution, replacing and sweeping. Linear in nodes and edges each time. */
#include "nn/graph-internal.h"

#include <stdarg.h>
#include <string.h>

static void value_clear(void *data) {
    NtValue *value = data;
    g_free(value->name);
    g_clear_pointer(&value->constant, nt_tensor_unref);
}

static void node_free(void *data) {
    NtNode *node = data;
    g_free(node->name);
    g_free(node->type);
    g_free(node->inputs);
    g_free(node->outputs);
    g_ptr_array_unref(node->attributes);
    g_free(node);
}

NtGraph *nt_graph_new(const char *name) {
    NtGraph *graph = g_new0(NtGraph, 1);
    graph->name = g_strdup(name);
    graph->producer = g_strdup("");
    graph->values = g_array_new(FALSE, TRUE, sizeof(NtValue));
    g_array_set_clear_func(graph->values, value_clear);
    graph->nodes = g_ptr_array_new_with_free_func(node_free);
    graph->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    graph->input = graph->output = -1;
    return graph;
}

void nt_graph_free(NtGraph *graph) {
    if (graph == NULL) {
        return;
    }
    g_free(graph->name);
    g_free(graph->producer);
    g_free(graph->outputs);
    g_array_unref(graph->values);
    g_ptr_array_unref(graph->nodes);
    g_hash_table_unref(graph->names);
    g_free(graph);
}

static int add_value(NtGraph *graph, char *name, NtTensor *constant) {
    NtValue value = {.name = name, .constant = constant, .producer = -1, .user = -1, .replaced = -1};
    g_array_append_val(graph->values, value);
    return (int)graph->values->len - 1;
}

int nt_graph_named(NtGraph *graph, const char *name) {
    int found = GPOINTER_TO_INT(g_hash_table_lookup(graph->names, name));
    if (found > 0) {
        return found - 1;
    }
    int value = add_value(graph, nt_text_printable(name, 120), NULL);
    g_hash_table_insert(graph->names, g_strdup(name), GINT_TO_POINTER(value + 1));
    return value;
}

int nt_graph_derive(NtGraph *graph, int like, NtTensor *constant) {
    return add_value(graph, g_strdup_printf("%s~%u", nt_graph_value(graph, like)->name, graph->values->len), constant);
}

NtNode *nt_graph_append(NtGraph *graph, const char *name, const char *type) {
    NtNode *node = g_new0(NtNode, 1);
    node->name = g_strdup(name);
    node->type = g_strdup(type);
    node->attributes = g_ptr_array_new_with_free_func((GDestroyNotify)nt_attribute_free);
    g_ptr_array_add(graph->nodes, node);
    return node;
}

static void set_list(int **list, unsigned *list_count, const int *values, unsigned count) {
    int *copy = g_memdup2(values, count * sizeof *values);
    g_free(*list);
    *list = copy;
    *list_count = count;
}

void nt_node_set_inputs(NtNode *node, const int *values, unsigned count) {
    set_list(&node->inputs, &node->input_count, values, count);
}

void nt_node_set_outputs(NtNode *node, const int *values, unsigned count) {
    set_list(&node->outputs, &node->output_count, values, count);
}

NtNode *nt_graph_producer(const NtGraph *graph, int value) {
    int node = value < 0 ? -1 : nt_graph_value(graph, value)->producer;
    return node < 0 ? NULL : nt_graph_node(graph, (unsigned)node);
}

/* The values a node reads: its inputs, then those of its fused steps. */
static int *node_read(NtNode *node, unsigned i) {
    if (i < node->input_count) {
        return &node->inputs[i];
    }
    NtPostOp *post_op = &node->post_ops[i - node->input_count];
    return post_op->kind == NT_POST_OP_ELTWISE ? NULL : &post_op->value;
}

static unsigned node_read_count(const NtNode *node) { return node->input_count + node->post_op_count; }

int nt_graph_resolve(const NtGraph *graph, int value) {
    while (value >= 0 && nt_graph_value(graph, value)->replaced >= 0) {
        value = nt_graph_value(graph, value)->replaced;
    }
    return value;
}

/* Resolves every replaced value; those that stand for others read straight through afterwards. */
static void settle_replaced(NtGraph *graph) {
    for (unsigned v = 0; v < graph->values->len; v++) {
        NtValue *value = nt_graph_value(graph, (int)v);
        if (value->replaced >= 0) {
            value->replaced = nt_graph_resolve(graph, value->replaced);
        }
    }
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        for (unsigned i = 0; i < node_read_count(node); i++) {
            int *read = node_read(node, i);
            if (read != NULL) {
                *read = nt_graph_resolve(graph, *read);
            }
        }
    }
    graph->output = nt_graph_resolve(graph, graph->output);
}

static bool link_outputs(NtGraph *graph, NtNode *node, GError **error) {
    for (unsigned i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0) {
            continue;
        }
        NtValue *value = nt_graph_value(graph, node->outputs[i]);
        if (value->producer >= 0 || value->constant != NULL || node->outputs[i] == graph->input) {
            return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' is made twice, the second time by node '%s'",
                           graph->name, value->name, node->name);
        }
        value->producer = node->index;
    }
    return true;
}

/* Fills producer, user and uses from scratch. */
static bool link_values(NtGraph *graph, GError **error) {
    settle_replaced(graph);
    for (unsigned v = 0; v < graph->values->len; v++) {
        NtValue *value = nt_graph_value(graph, (int)v);
        value->producer = value->user = -1;
        value->uses = 0;
    }
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        node->index = (int)n;
        if (!link_outputs(graph, node, error)) {
            return false;
        }
        for (unsigned i = 0; i < node_read_count(node); i++) {
            const int *read = node_read(node, i);
            if (read != NULL && *read >= 0) {
                nt_graph_value(graph, *read)->uses++;
                nt_graph_value(graph, *read)->user = (int)n;
            }
        }
    }
    if (graph->output >= 0) {
        nt_graph_value(graph, graph->output)->uses++;
    }
    return true;
}

static void drop_dead(NtGraph *graph) {
    unsigned kept = 0;
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        if (node->dead) {
            node_free(node);
        } else {
            graph->nodes->pdata[kept++] = node;
        }
    }
    graph->nodes->len = kept;
}

/*
 * Depth-first over what each node reads, from the nodes in their present order, with an explicit stack: files choose
 * the depth. A node met again while still on the stack is on a cycle.
 */
bool nt_graph_sort(NtGraph *graph, GError **error) {
    drop_dead(graph);
    if (!link_values(graph, error)) {
        return false;
    }
    unsigned count = graph->nodes->len;
    enum { NEW, OPEN, DONE };
    g_autofree uint8_t *state = g_malloc0(count + 1);
    g_autofree unsigned *next = g_new0(unsigned, count + 1);
    g_autofree unsigned *stack = g_new(unsigned, count + 1);
    g_autofree void **sorted = g_new(void *, count + 1);
    unsigned done = 0;
    for (unsigned root = 0; root < count; root++) {
        unsigned depth = 0;
        if (state[root] == NEW) {
            stack[depth++] = root;
            state[root] = OPEN;
        }
        while (depth > 0) {
            unsigned at = stack[depth - 1];
            NtNode *node = nt_graph_node(graph, at);
            if (next[at] == node_read_count(node)) {
                state[at] = DONE;
                sorted[done++] = graph->nodes->pdata[at];
                depth--;
                continue;
            }
            const int *read = node_read(node, next[at]++);
            int from = read == NULL || *read < 0 ? -1 : nt_graph_value(graph, *read)->producer;
            if (from >= 0 && state[from] == OPEN) {
                return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: node '%s' (%s) depends on itself through tensor '%s'",
                               graph->name, node->name, node->type, nt_graph_value(graph, *read)->name);
            }
            if (from >= 0 && state[from] == NEW) {
                state[from] = OPEN;
                stack[depth++] = (unsigned)from;
            }
        }
    }
    for (unsigned n = 0; n < count; n++) {
        graph->nodes->pdata[n] = sorted[n];
    }
    return link_values(graph, error);
}

/* Further outputs of a node that nobody reads (masks, indices, statistics) are not wanted. */
static bool drop_outputs(NtGraph *graph) {
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        for (unsigned i = 1; i < node->output_count; i++) {
            if (node->outputs[i] >= 0 && nt_graph_value(graph, node->outputs[i])->uses == 0) {
                node->outputs[i] = -1;
            }
        }
    }
    return true;
}

bool nt_graph_sweep(NtGraph *graph, GError **error) {
    if (!nt_graph_sort(graph, error)) {
        return false;
    }
    g_autofree bool *wanted = g_new0(bool, graph->values->len);
    wanted[graph->output] = true;
    for (unsigned n = graph->nodes->len; n-- > 0;) {
        NtNode *node = nt_graph_node(graph, n);
        bool live = false;
        for (unsigned i = 0; i < node->output_count; i++) {
            live |= node->outputs[i] >= 0 && wanted[node->outputs[i]];
        }
        node->dead = !live;
        for (unsigned i = 0; live && i < node_read_count(node); i++) {
            const int *read = node_read(node, i);
            if (read != NULL && *read >= 0) {
                wanted[*read] = true;
            }
        }
    }
    for (unsigned v = 0; v < graph->values->len; v++) {
        if (!wanted[v]) {
            g_clear_pointer(&nt_graph_value(graph, (int)v)->constant, nt_tensor_unref);
        }
    }
    return nt_graph_sort(graph, error) && drop_outputs(graph);
}

void nt_graph_replace(NtGraph *graph, int from, int to) {
    to = nt_graph_resolve(graph, to);
    g_assert(from != to);
    NtValue *old = nt_graph_value(graph, from), *value = nt_graph_value(graph, to);
    old->replaced = to;
    value->uses += old->uses - 1; /* the node that made `from` reads `to` no more */
    value->user = old->user >= 0 ? old->user : value->user;
}

NtNode *nt_graph_only_user(const NtGraph *graph, int value) {
    const NtValue *at = nt_graph_value(graph, value);
    if (at->uses != 1 || at->user < 0 || value == nt_graph_resolve(graph, graph->output)) {
        return NULL;
    }
    NtNode *node = nt_graph_node(graph, (unsigned)at->user);
    return node->dead ? NULL : node;
}

void nt_graph_absorb(NtGraph *graph, NtNode *node, NtNode *next) {
    g_assert(node->output_count >= 1 && next->output_count >= 1);
    node->outputs[0] = next->outputs[0];
    nt_graph_value(graph, node->outputs[0])->producer = node->index;
    next->dead = true;
}

bool nt_node_fail(const NtGraph *graph, const NtNode *node, NiteruError code, GError **error, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return nt_fail(error, code, "%s: node '%s' (%s, opset %" G_GINT64_FORMAT "): %s", graph->name, node->name,
                   node->type, graph->opset, text);
}
