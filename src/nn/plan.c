/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a plan: shapes at this batch size, then every node in turn adds its steps, then one memory plan.
 *
 * Layouts flow forward. A convolution asks oneDNN which layout it likes; pooling, sums, concatenations and elementwise
 * steps take what comes; an operator that needs row-major order gets a reorder in front, once per value. So a network
 * of convolutions runs in blocked layouts from its first layer to its last pooling.
 */
#include "nn/plan-internal.h"

#include <string.h>

static void slot_clear(void *data) { nt_layout_unref(((NtSlot *)data)->layout); }

static void step_clear(void *data) {
    NtStep *step = data;
    nt_primitive_free(step->primitive);
    g_free(step->arguments);
}

void nt_plan_free(NtPlan *plan) {
    if (plan == NULL) {
        return;
    }
    g_clear_pointer(&plan->slots, g_array_unref);
    g_clear_pointer(&plan->buffers, g_array_unref);
    g_clear_pointer(&plan->steps, g_array_unref);
    nt_shapes_free(plan->shapes);
    g_free(plan);
}

static NtPlan *plan_new(const NtPlanOptions *options) {
    NtPlan *plan = g_new0(NtPlan, 1);
    plan->batch = options->input.dims[0];
    plan->threads = options->threads;
    plan->slots = g_array_new(FALSE, TRUE, sizeof(NtSlot));
    plan->buffers = g_array_new(FALSE, TRUE, sizeof(NtBuffer));
    plan->steps = g_array_new(FALSE, TRUE, sizeof(NtStep));
    g_array_set_clear_func(plan->slots, slot_clear);
    g_array_set_clear_func(plan->steps, step_clear);
    return plan;
}

/* The input's buffer holds (N, C, H, W) row-major, as callers give it; a graph that wants (N, H, W, C) sees it
 * permuted, which costs nothing here: the first convolution undoes it. */
static void plan_input(NtBuild *build, const NtPlanOptions *options) {
    NtShape held = options->input;
    if (options->channels_last) {
        held.dims[1] = options->input.dims[3];
        held.dims[2] = options->input.dims[1];
        held.dims[3] = options->input.dims[2];
    }
    static const unsigned to_last[] = {0, 2, 3, 1};
    g_autoptr(NtLayout) plain = nt_layout_plain(&held);
    g_autoptr(NtLayout) seen = options->channels_last ? nt_layout_permute(plain, to_last) : nt_layout_ref(plain);
    build->plan->input = nt_build_output(build, build->graph->input, seen);
}

/* Nothing to run: every output is known before. */
static bool is_known(const NtBuild *build, const NtNode *node) {
    for (unsigned i = 0; i < node->output_count; i++) {
        if (node->outputs[i] >= 0 && build->shapes->known[node->outputs[i]] == NULL) {
            return false;
        }
    }
    return true;
}

static bool plan_node(NtBuild *build, const NtNode *node, GError **error) {
    if (!is_known(build, node)) {
        GError *cause = NULL;
        bool done =
            node->op->plan != NULL ? node->op->plan(build, node, &cause) : nt_build_compute(build, node, &cause);
        if (!done) {
            g_autofree char *name = g_strdup_printf("node '%s'", node->name);
            if (strstr(cause->message, name) != NULL) {
                g_propagate_error(error, cause);
                return false;
            }
            nt_node_fail(build->graph, node, (NiteruError)cause->code, error, "%s", cause->message);
            g_error_free(cause);
            return false;
        }
    }
    for (unsigned i = 0; i < node->input_count; i++) {
        nt_build_read_done(build, node->inputs[i]);
    }
    for (unsigned i = 0; i < node->post_op_count; i++) {
        if (node->post_ops[i].kind != NT_POST_OP_ELTWISE) {
            nt_build_read_done(build, node->post_ops[i].value);
        }
    }
    return true;
}

static bool plan_memory(NtPlan *plan, const NtGraph *graph, uint64_t limit, GError **error) {
    /* The result is read after the last step. */
    const NtSlot *output = &g_array_index(plan->slots, NtSlot, plan->output);
    if (output->buffer >= 0) {
        g_array_index(plan->buffers, NtBuffer, output->buffer).last = (int)plan->steps->len;
    }
    unsigned __int128 total = 0;
    for (unsigned i = 0; i < plan->buffers->len; i++) {
        size_t bytes = g_array_index(plan->buffers, NtBuffer, i).bytes;
        total += bytes;
        if (bytes > limit) {
            return nt_fail(error, NITERU_ERROR_LIMIT,
                           "%s: a tensor of %zu bytes for a batch of %" G_GINT64_FORMAT
                           " is over the limit onnx-activations of %" G_GUINT64_FORMAT,
                           graph->name, bytes, plan->batch, limit);
        }
    }
    if (total > SIZE_MAX / 2) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: the activations do not fit into memory", graph->name);
    }
    plan->bytes = nt_memory_plan((NtBuffer *)(void *)plan->buffers->data, plan->buffers->len);
    if (plan->bytes > limit) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: the activations of a batch of %" G_GINT64_FORMAT
                       " take %zu bytes, over the limit onnx-activations of %" G_GUINT64_FORMAT,
                       graph->name, plan->batch, plan->bytes, limit);
    }
    return true;
}

/* oneDNN's primitives count in int, and end the process where that overflows. */
#define MAX_DIM (INT32_MAX / 2)

/* Before oneDNN sees any shape. */
static bool check_tensors(const NtBuild *build, const NtNode *node, uint64_t limit, GError **error) {
    for (unsigned i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0 || build->shapes->known[node->outputs[i]] != NULL) {
            continue;
        }
        const NtShape *shape = nt_build_shape(build, node->outputs[i]);
        uint64_t bytes = (uint64_t)nt_shape_count(shape) * sizeof(float);
        g_autofree char *text = nt_shape_text(shape);
        for (unsigned d = 0; d < shape->rank; d++) {
            if (shape->dims[d] > MAX_DIM) {
                return nt_node_fail(build->graph, node, NITERU_ERROR_LIMIT, error,
                                    "its result of shape %s has a dim over %d", text, MAX_DIM);
            }
        }
        if (bytes > limit) {
            return nt_node_fail(build->graph, node, NITERU_ERROR_LIMIT, error,
                                "its result of shape %s is over the limit onnx-activations of %" G_GUINT64_FORMAT, text,
                                limit);
        }
    }
    return true;
}

static bool plan_all(NtBuild *build, const NtPlanOptions *options, GError **error) {
    const NtGraph *graph = build->graph;
    build->plan->shapes = build->shapes = nt_shapes_infer(graph, &options->input, error);
    if (build->shapes == NULL) {
        return false;
    }
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        if (!check_tensors(build, nt_graph_node(graph, n), options->limit, error)) {
            return false;
        }
    }
    plan_input(build, options);
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        if (!plan_node(build, nt_graph_node(graph, n), error)) {
            return false;
        }
    }
    return nt_build_plain(build, graph->output, &build->plan->output, error) &&
           plan_memory(build->plan, graph, options->limit, error);
}

static NtPlan *plan_once(const NtGraph *graph, NtPool *pool, const NtPlanOptions *options, GError **error) {
    g_autoptr(NtPlan) plan = plan_new(options);
    g_autoptr(GArray) pending = g_array_new(FALSE, TRUE, sizeof(int));
    g_autoptr(GHashTable) copies = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_array_unref);
    g_autofree unsigned *value_slot = g_new(unsigned, graph->values->len);
    for (unsigned v = 0; v < graph->values->len; v++) {
        value_slot[v] = NT_NO_SLOT;
    }
    NtBuild build = {.graph = graph,
                     .plan = plan,
                     .pool = pool,
                     .chains = options->chains,
                     .value_slot = value_slot,
                     .pending = pending,
                     .copies = copies};
    return plan_all(&build, options, error) ? g_steal_pointer(&plan) : NULL;
}

NtPlan *nt_plan_new(const NtGraph *graph, NtPool *pool, const NtPlanOptions *options, GError **error) {
    int before = nt_threads_set(options->threads); /* oneDNN compiles for the team it sees */
    NtPlan *plan = NULL;
    for (unsigned refused = 1; refused > 0;) { /* each time with fewer chains, so it ends */
        nt_plan_free(plan);
        plan = plan_once(graph, pool, options, error);
        if (plan == NULL || !nt_chains_check(options->chains, plan, &refused, error)) {
            g_clear_pointer(&plan, nt_plan_free);
            break;
        }
    }
    nt_threads_set(before);
    return plan;
}
