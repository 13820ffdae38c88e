/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading, and plans shared by runners.
 *
 * Locking: one mutex guards `plans`, `chains` and `pool`, which change only while a plan is being made. A finished plan
 * is read without a lock: it is immutable, and neither plans nor packed weights ever move or go away before the network
 * does.
 */
#include "nn/network-internal.h"
#include "nn/onnx-internal.h"

struct NtNetwork {
    gatomicrefcount references;
    NtGraph *graph;
    NtInput input;
    NtNetworkInfo info;
    NtTruncation truncation;
    char *input_name, *output_name, *outputs, *unfused;
    uint64_t activation_limit;
    GMutex lock;
    NtPool *pool;
    NtChains *chains;
    GPtrArray *plans; /* of NtPlan */
};

static void network_free(NtNetwork *network) {
    g_clear_pointer(&network->plans, g_ptr_array_unref); /* plans point into the graph and the pool */
    nt_pool_free(network->pool);
    nt_chains_free(network->chains);
    nt_graph_free(network->graph);
    g_free(network->truncation.node);
    g_free(network->outputs);
    g_free(network->input_name);
    g_free(network->output_name);
    g_free(network->unfused);
    g_mutex_clear(&network->lock);
    g_free(network);
}

NtNetwork *nt_network_ref(NtNetwork *network) {
    g_atomic_ref_count_inc(&network->references);
    return network;
}

void nt_network_unref(NtNetwork *network) {
    if (network != NULL && g_atomic_ref_count_dec(&network->references)) {
        network_free(network);
    }
}

const NtNetworkInfo *nt_network_info(const NtNetwork *network) { return &network->info; }
const NtGraph *nt_network_graph(const NtNetwork *network) { return network->graph; }
unsigned nt_network_batch(const NtNetwork *network) { return (unsigned)network->input.shape.dims[0]; }

/* The shape of the embedding tensor for a batch; error when inference fails or the batch is not its first dim. */
static bool output_shape(const NtNetwork *network, int64_t batch, NtShape *out, GError **error) {
    NtShape input = network->input.shape;
    input.dims[0] = batch;
    g_autoptr(NtShapes) shapes = nt_shapes_infer(network->graph, &input, error);
    if (shapes == NULL) {
        return false;
    }
    const NtGraph *graph = network->graph;
    *out = shapes->shapes[graph->output];
    if (shapes->types[graph->output] != NT_F32 || out->rank < 1 || out->dims[0] != batch ||
        shapes->known[graph->output] != NULL) {
        g_autofree char *text = nt_shape_text(out);
        return nt_fail(
            error, NITERU_ERROR_UNSUPPORTED,
            "%s: tensor '%s' of shape %s does not hold one row of numbers per photo of a batch of %" G_GINT64_FORMAT,
            graph->name, nt_graph_value(graph, graph->output)->name, text, batch);
    }
    return true;
}

/* A photo alone must give the same tensor as among others: some operators mean another thing at a batch of one. */
static bool check_alone(const NtNetwork *network, const NtShape *pair, GError **error) {
    NtShape alone, expected = *pair;
    expected.dims[0] = 1;
    if (!output_shape(network, 1, &alone, error)) {
        return false;
    }
    if (!nt_shape_equal(&alone, &expected)) {
        g_autofree char *one = nt_shape_text(&alone), *two = nt_shape_text(pair);
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: tensor '%s' has the shape %s for one photo and %s for two",
                       network->graph->name, nt_graph_value(network->graph, network->graph->output)->name, one, two);
    }
    return true;
}

/* Settles the batch: what the file fixes, else open if any batch works, else 1. */
static bool settle_batch(NtNetwork *network, NtShape *out, GError **error) {
    int64_t *batch = &network->input.shape.dims[0];
    if (*batch > 0) {
        return output_shape(network, *batch, out, error);
    }
    if (output_shape(network, 2, out, NULL)) {
        return check_alone(network, out, error);
    }
    if (!output_shape(network, 1, out, error)) {
        return false;
    }
    *batch = 1; /* the input is open, but something inside is not */
    return true;
}

/* What contradicts itself is refused wherever it stands, though only what leads to the embedding will run. What is only
 * unknown here may stand in the part that is cut off. */
static bool check_whole(const NtNetwork *network, GError **error) {
    NtShape input = network->input.shape;
    input.dims[0] = MAX(input.dims[0], 1);
    g_autoptr(GError) cause = NULL;
    g_autoptr(NtShapes) shapes =
        nt_input_alone(network->graph, NULL) ? nt_shapes_infer(network->graph, &input, &cause) : NULL;
    if (shapes == NULL && g_error_matches(cause, NITERU_ERROR, NITERU_ERROR_CORRUPT)) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    return true;
}

static bool settle_graph(NtNetwork *network, const NtNetworkOptions *options, GError **error) {
    NtGraph *graph = network->graph;
    NtShape shape;
    network->outputs = nt_graph_output_names(graph);
    if (!nt_input_settle(graph, options->height, options->width, &network->input, error) ||
        !check_whole(network, error) || !nt_truncate(graph, options->output, &network->truncation, error) ||
        !nt_graph_sweep(graph, error) || !nt_input_alone(graph, error) || !nt_input_bytes(graph, error) ||
        !nt_check_weights(graph, error) || !settle_batch(network, &shape, error)) {
        return false;
    }
    network->input_name = g_strdup(nt_graph_value(graph, graph->input)->name);
    network->output_name = g_strdup(nt_graph_value(graph, graph->output)->name);
    NtShape probe = network->input.shape;
    probe.dims[0] = probe.dims[0] > 0 ? probe.dims[0] : 2;
    return nt_class_token(graph, &probe, &shape, &network->info.class_token, error) &&
           nt_global_pool(graph, &shape, network->input.channels_last, &network->info.pooled, error) &&
           (options->unoptimised || nt_optimise(graph, &probe, error));
}

static NtPlan *make_plan(NtNetwork *network, unsigned batch, unsigned threads, GError **error) {
    NtPlanOptions options = {.input = network->input.shape,
                             .channels_last = network->input.channels_last,
                             .threads = (int)threads,
                             .limit = network->activation_limit,
                             .chains = network->chains};
    options.input.dims[0] = batch;
    return nt_plan_new(network->graph, network->pool, &options, error);
}

const NtPlan *nt_network_plan(NtNetwork *network, unsigned batch, unsigned threads, GError **error) {
    const NtPlan *found = NULL;
    g_mutex_lock(&network->lock);
    for (unsigned i = 0; found == NULL && i < network->plans->len; i++) {
        const NtPlan *plan = g_ptr_array_index(network->plans, i);
        found = plan->batch == batch && plan->threads == (int)threads ? plan : NULL;
    }
    if (found == NULL) {
        NtPlan *made = make_plan(network, batch, threads, error);
        if (made != NULL) {
            g_ptr_array_add(network->plans, made);
        }
        found = made;
    }
    g_mutex_unlock(&network->lock);
    return found;
}

/* The first plan proves that the network can run, and packs the weights; what they were packed from goes. */
static bool first_plan(NtNetwork *network, GError **error) {
    unsigned batch = MAX(nt_network_batch(network), 1);
    const NtPlan *plan = nt_network_plan(network, batch, 1, error);
    if (plan == NULL) {
        return false;
    }
    NtNetworkInfo *info = &network->info;
    for (unsigned v = 0; v < network->graph->values->len; v++) {
        const NtValue *value = nt_graph_value(network->graph, (int)v);
        if (value->constant != NULL && value->uses > 0) {
            info->parameters += value->constant->type == NT_F32 ? (uint64_t)nt_shape_count(&value->constant->shape) : 0;
            nt_pool_release(network->pool, value->constant, (unsigned)value->uses);
        }
    }
    info->dimension = (size_t)plan->shapes->shapes[network->graph->output].dims[1];
    info->multiply_adds = plan->multiply_adds / batch;
    info->parameter_bytes = nt_pool_bytes(network->pool);
    return true;
}

static char *refused_chains(const NtNetwork *network) {
    const GPtrArray *refused = nt_chains_refused(network->chains);
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < refused->len; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? "; " : "", (const char *)refused->pdata[i]);
    }
    return g_string_free(text, FALSE);
}

static void fill_info(NtNetwork *network) {
    NtNetworkInfo *info = &network->info;
    info->input = network->input_name;
    info->channels = network->input.channels;
    info->height = network->input.height;
    info->width = network->input.width;
    info->channels_last = network->input.channels_last;
    info->bytes = network->graph->byte_input;
    info->output = network->output_name;
    info->choice = network->truncation.choice;
    info->truncated = network->truncation.node;
    info->truncated_classes = network->truncation.length;
    info->outputs = network->outputs;
    info->unfused = network->unfused;
    info->check_seconds = nt_chains_seconds(network->chains);
    info->producer = network->graph->producer;
    info->opset = network->graph->opset;
    info->nodes_read = network->graph->nodes_read;
    info->nodes = network->graph->nodes->len;
}

/* Takes the graph (NULL: an error is set). */
static NtNetwork *load(NtGraph *graph, const NtLimits *limits, const NtNetworkOptions *options, GError **error) {
    g_autoptr(NtNetwork) network = g_new0(NtNetwork, 1);
    g_atomic_ref_count_init(&network->references);
    g_mutex_init(&network->lock);
    network->activation_limit = limits->onnx_activations;
    network->pool = nt_pool_new();
    network->chains = nt_chains_new();
    network->plans = g_ptr_array_new_with_free_func((GDestroyNotify)nt_plan_free);
    network->graph = graph;
    if (network->graph == NULL || !settle_graph(network, options, error) || !first_plan(network, error)) {
        return NULL;
    }
    network->unfused = refused_chains(network);
    fill_info(network);
    return g_steal_pointer(&network);
}

static NtLimits limits_of(const NtNetworkOptions *options) {
    return options != NULL && options->limits != NULL ? *options->limits : nt_limits_default();
}

static const NtNetworkOptions defaults;

NtNetwork *nt_network_load_bytes(GBytes *bytes, const char *name, const NtNetworkOptions *options, GError **error) {
    NtLimits limits = limits_of(options);
    gsize size;
    const uint8_t *data = g_bytes_get_data(bytes, &size);
    NtGraph *graph = nt_onnx_read(data, size, name, &limits, error);
    return load(graph, &limits, options != NULL ? options : &defaults, error);
}

NtNetwork *nt_network_load_files(const NtNetworkFiles *files, const char *name, const NtNetworkOptions *options,
                                 GError **error) {
    NtLimits limits = limits_of(options);
    NtGraph *graph = nt_onnx_read_files(files, name, &limits, error);
    return load(graph, &limits, options != NULL ? options : &defaults, error);
}

NtNetwork *nt_network_load(const char *path, const NtNetworkOptions *options, GError **error) {
    NtLimits limits = limits_of(options);
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &limits, error);
    return files != NULL ? nt_network_load_files(files, path, options, error) : NULL;
}
