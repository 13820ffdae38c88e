/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ModelProto to graph. What can be refused without knowing shapes is refused here: damage, limits, other domains,
 * control flow, external data, names that nothing makes or that two things make, cycles. Field numbers are those of
 * onnx.proto; unknown fields are skipped, as protobuf wants it.
 */
#include "nn/onnx-internal.h"
#include "nn/op-internal.h"

#include <string.h>

typedef struct Reader {
    NtGraph *graph;
    const NtLimits *limits;
    const NtNetworkFiles *files; /* NULL: the network is a file alone */
    GHashTable *initialised;     /* values that an initialiser names */
    GArray *declared;            /* of NtOnnxInput: the graph's inputs */
    bool seen_graph;
} Reader;

/* A node's input or output name as a value, -1 for "". */
static bool read_edge(const Reader *reader, const NtWireField *field, GArray *edges, GError **error) {
    g_autofree char *name = nt_onnx_text(field, reader->graph->name, error);
    if (name == NULL) {
        return false;
    }
    if (edges->len == NT_ONNX_MAX_LIST) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: a node has more than %d inputs or outputs", reader->graph->name,
                       NT_ONNX_MAX_LIST);
    }
    int value = *name == '\0' ? -1 : nt_graph_named(reader->graph, name);
    g_array_append_val(edges, value);
    return true;
}

/* Names, type, domain and edges first: messages about attributes want them. */
static bool read_node_head(const Reader *reader, NtNode *node, NtWire wire, char **out_domain, GError **error) {
    g_autoptr(GArray) inputs = g_array_new(FALSE, FALSE, sizeof(int));
    g_autoptr(GArray) outputs = g_array_new(FALSE, FALSE, sizeof(int));
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        g_autofree char *text = NULL;
        bool ok = true;
        switch (field.number) {
        case 1: ok = read_edge(reader, &field, inputs, error); break;
        case 2: ok = read_edge(reader, &field, outputs, error); break;
        case 3:
        case 4:
            if ((ok = nt_onnx_take_text(reader->graph, &field, &text, error)) && *text != '\0') {
                char **to = field.number == 3 ? &node->name : &node->type;
                g_free(*to);
                *to = nt_text_printable(text, 120);
            }
            break;
        case 7: ok = nt_onnx_take_text(reader->graph, &field, out_domain, error); break;
        default: break;
        }
        if (!ok) {
            return false;
        }
    }
    nt_node_set_inputs(node, (const int *)(void *)inputs->data, inputs->len);
    nt_node_set_outputs(node, (const int *)(void *)outputs->data, outputs->len);
    return !wire.damaged || nt_onnx_damaged(reader->graph, "a node", error);
}

static bool read_node(const Reader *reader, NtWire wire, GError **error) {
    NtGraph *graph = reader->graph;
    if (graph->nodes->len >= reader->limits->onnx_nodes) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: more than %" G_GUINT64_FORMAT " nodes (limit onnx-nodes)",
                       graph->name, reader->limits->onnx_nodes);
    }
    g_autofree char *place = g_strdup_printf("#%u", graph->nodes->len);
    g_autofree char *domain = g_strdup("");
    NtNode *node = nt_graph_append(graph, place, "");
    if (!read_node_head(reader, node, wire, &domain, error)) {
        return false;
    }
    if (*domain != '\0' && strcmp(domain, "ai.onnx") != 0) {
        g_autofree char *shown = nt_text_printable(domain, 60);
        return nt_node_fail(graph, node, NITERU_ERROR_UNSUPPORTED, error,
                            "operators of the domain '%s' are not supported", shown);
    }
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number == 5 && !nt_onnx_attribute(graph, node, nt_wire_inside(&field), error)) {
            return false;
        }
    }
    return true;
}

static bool read_initialiser(const Reader *reader, NtWire wire, GError **error) {
    NtOnnxTensor tensor = {0};
    if (!nt_onnx_tensor(wire, reader->graph->name, reader->files, &tensor, error)) {
        return false;
    }
    int value = nt_graph_named(reader->graph, tensor.name);
    g_free(tensor.name);
    if (!g_hash_table_add(reader->initialised, GINT_TO_POINTER(value + 1))) {
        nt_tensor_unref(tensor.tensor);
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: two initialisers are named '%s'", reader->graph->name,
                       nt_graph_value(reader->graph, value)->name);
    }
    nt_graph_value(reader->graph, value)->constant = tensor.tensor;
    return true;
}

/* TensorShapeProto.Dimension: dim_value (1) or a name (2), which leaves it open. */
static int64_t read_dim(NtWire wire) {
    int64_t dim = -1;
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number == 1 && field.type == NT_WIRE_VARINT) {
            dim = (int64_t)field.value;
        }
    }
    return wire.damaged || dim <= 0 ? -1 : dim;
}

static bool read_shape(const Reader *reader, NtWire wire, NtOnnxInput *declared, GError **error) {
    declared->has_shape = true;
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number != 1 || field.type != NT_WIRE_BYTES) {
            continue;
        }
        if (declared->shape.rank == NT_MAX_RANK) {
            return nt_fail(error, NITERU_ERROR_LIMIT, "%s: input '%s' has more than %d dims", reader->graph->name,
                           nt_graph_value(reader->graph, declared->value)->name, NT_MAX_RANK);
        }
        declared->shape.dims[declared->shape.rank++] = read_dim(nt_wire_inside(&field));
    }
    return !wire.damaged || nt_onnx_damaged(reader->graph, "the shape of an input", error);
}

/* ValueInfoProto { name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 } } }: two known levels, no recursion. */
static bool read_value_info(const Reader *reader, NtWire wire, NtOnnxInput *out, GError **error) {
    NtWire type = nt_wire(NULL, 0), tensor = nt_wire(NULL, 0);
    g_autofree char *name = g_strdup("");
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number == 1 && !nt_onnx_take_text(reader->graph, &field, &name, error)) {
            return false;
        }
        type = field.number == 2 && field.type == NT_WIRE_BYTES ? nt_wire_inside(&field) : type;
    }
    *out = (NtOnnxInput){.value = nt_graph_named(reader->graph, name)};
    for (NtWireField field; nt_wire_next(&type, &field);) {
        tensor = field.number == 1 && field.type == NT_WIRE_BYTES ? nt_wire_inside(&field) : tensor;
    }
    for (NtWireField field; nt_wire_next(&tensor, &field);) {
        if (field.number == 1) {
            out->element = (int64_t)field.value;
        } else if (field.number == 2 && field.type == NT_WIRE_BYTES &&
                   !read_shape(reader, nt_wire_inside(&field), out, error)) {
            return false;
        }
    }
    return !(wire.damaged || type.damaged || tensor.damaged) ||
           nt_onnx_damaged(reader->graph, "an input or output", error);
}

static bool read_output(const Reader *reader, NtWire wire, GError **error) {
    NtOnnxInput declared;
    if (!read_value_info(reader, wire, &declared, error)) {
        return false;
    }
    NtGraph *graph = reader->graph;
    if (graph->output_count == 1000) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: more than 1,000 outputs", graph->name);
    }
    graph->outputs = g_renew(int, graph->outputs, graph->output_count + 1);
    graph->outputs[graph->output_count++] = declared.value;
    return true;
}

/* Says where a text stands that is none, which whoever reads texts does not know. */
static void name_place(const Reader *reader, const NtWireField *field, GError **error) {
    if (error == NULL || strstr((*error)->message, "is not UTF-8") == NULL) {
        return;
    }
    g_autofree char *place = field->number == 1 ? g_strdup_printf("node #%u", reader->graph->nodes->len - 1)
                             : field->number == 5
                                 ? g_strdup_printf("initialiser #%u", g_hash_table_size(reader->initialised))
                                 : g_strdup("an input or output");
    g_clear_error(error);
    nt_fail(error, NITERU_ERROR_CORRUPT, "%s: %s has a name that is not UTF-8", reader->graph->name, place);
}

static bool read_graph(Reader *reader, NtWire wire, GError **error) {
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.type != NT_WIRE_BYTES) {
            continue;
        }
        NtWire inside = nt_wire_inside(&field);
        bool ok = true;
        NtOnnxInput declared;
        switch (field.number) {
        case 1: ok = read_node(reader, inside, error); break;
        case 5: ok = read_initialiser(reader, inside, error); break;
        case 11:
            if ((ok = read_value_info(reader, inside, &declared, error))) {
                g_array_append_val(reader->declared, declared);
            }
            break;
        case 12: ok = read_output(reader, inside, error); break;
        case 15:
            ok = nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: sparse initialisers are not supported",
                         reader->graph->name);
            break;
        default: break;
        }
        if (!ok) {
            name_place(reader, &field, error);
            return false;
        }
    }
    return !wire.damaged || nt_onnx_damaged(reader->graph, "the graph", error);
}

/* OperatorSetIdProto { domain 1, version 2 }. */
static bool read_opset(const Reader *reader, NtWire wire, GError **error) {
    g_autofree char *domain = g_strdup("");
    int64_t version = 0;
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        if (field.number == 1 && !nt_onnx_take_text(reader->graph, &field, &domain, error)) {
            return false;
        }
        version = field.number == 2 ? (int64_t)field.value : version;
    }
    if (*domain == '\0' || strcmp(domain, "ai.onnx") == 0) {
        reader->graph->opset = version;
    }
    return !wire.damaged || nt_onnx_damaged(reader->graph, "the opset list", error);
}

static bool read_model(Reader *reader, NtWire wire, GError **error) {
    NtWire graph = nt_wire(NULL, 0);
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        g_autofree char *text = NULL;
        if (field.type != NT_WIRE_BYTES) {
            continue;
        }
        if (field.number == 2) {
            if (!nt_onnx_take_text(reader->graph, &field, &text, error)) {
                return false;
            }
            g_free(reader->graph->producer);
            reader->graph->producer = nt_text_printable(text, 60);
        } else if (field.number == 7) {
            graph = nt_wire_inside(&field);
            reader->seen_graph = true;
        } else if (field.number == 8 && !read_opset(reader, nt_wire_inside(&field), error)) {
            return false;
        }
    }
    if (wire.damaged || !reader->seen_graph) {
        return nt_onnx_damaged(reader->graph, "the model", error);
    }
    if (reader->graph->opset < 7 || reader->graph->opset > 25) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: opset %" G_GINT64_FORMAT " is not supported (7 to 25 are)",
                       reader->graph->name, reader->graph->opset);
    }
    return read_graph(reader, graph, error);
}

static bool is_input(const Reader *reader, int value) {
    for (unsigned i = 0; i < reader->declared->len; i++) {
        if (g_array_index(reader->declared, NtOnnxInput, i).value == value) {
            return true;
        }
    }
    return false;
}

/* Every tensor a node reads must come from somewhere. */
static bool check_sources(const Reader *reader, GError **error) {
    const NtGraph *graph = reader->graph;
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        for (unsigned i = 0; i < node->input_count; i++) {
            const NtValue *value = node->inputs[i] < 0 ? NULL : nt_graph_value(graph, node->inputs[i]);
            if (value != NULL && value->producer < 0 && value->constant == NULL && !is_input(reader, node->inputs[i])) {
                return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error,
                                    "it reads tensor '%s', which nothing makes", value->name);
            }
        }
    }
    for (unsigned i = 0; i < graph->output_count; i++) {
        const NtValue *value = nt_graph_value(graph, graph->outputs[i]);
        if (value->producer < 0 && value->constant == NULL && !is_input(reader, graph->outputs[i])) {
            return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: nothing makes the output '%s'", graph->name, value->name);
        }
    }
    return graph->output_count > 0 || nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the graph has no output", graph->name);
}

/* Defaults that changed with the opset are written out, so that operators need not know which they run under. */
static void settle_defaults(const NtGraph *graph, NtNode *node) {
    if (g_str_has_suffix(node->type, "Softmax") && nt_node_attribute(node, "axis") == NULL) {
        nt_node_set_int(node, "axis", graph->opset >= 13 ? -1 : 1);
    }
}

static bool finish(Reader *reader, GError **error) {
    NtGraph *graph = reader->graph;
    const NtOnnxInput *inputs = (const NtOnnxInput *)(void *)reader->declared->data;
    if (!nt_onnx_choose_input(graph, inputs, reader->declared->len, error) || !nt_graph_sort(graph, error) ||
        !check_sources(reader, error)) {
        return false;
    }
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        NtNode *node = nt_graph_node(graph, n);
        node->op = nt_op_find(node->type);
        settle_defaults(graph, node);
    }
    graph->nodes_read = graph->nodes->len;
    return true;
}

static NtGraph *read_all(const uint8_t *data, size_t size, const NtNetworkFiles *files, const char *name,
                         const NtLimits *limits, GError **error) {
    g_autoptr(NtGraph) graph = nt_graph_new(name);
    g_autoptr(GHashTable) initialised = g_hash_table_new(NULL, NULL);
    g_autoptr(GArray) declared = g_array_new(FALSE, FALSE, sizeof(NtOnnxInput));
    Reader reader = {
        .graph = graph, .limits = limits, .files = files, .initialised = initialised, .declared = declared};
    if (size > limits->onnx_bytes) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%s: %zu bytes are over the limit onnx-bytes of %" G_GUINT64_FORMAT, name,
                size, limits->onnx_bytes);
        return NULL;
    }
    if (!read_model(&reader, nt_wire(data, size), error) || !finish(&reader, error)) {
        return NULL;
    }
    return g_steal_pointer(&graph);
}

NtGraph *nt_onnx_read(const uint8_t *data, size_t size, const char *name, const NtLimits *limits, GError **error) {
    return read_all(data, size, NULL, name, limits, error);
}

NtGraph *nt_onnx_read_files(const NtNetworkFiles *files, const char *name, const NtLimits *limits, GError **error) {
    gsize size;
    const uint8_t *data = g_bytes_get_data(nt_network_files_bytes(files, 0), &size);
    return read_all(data, size, files, name, limits, error);
}
