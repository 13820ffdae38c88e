/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running plans. A runner owns one block of activations and, for each plan it has used, the oneDNN memory objects and
 * views that point into it. The block serves all its plans, one at a time.
 *
 * Photos go through one at a time, unless the file fixes a batch: what one photo leaves behind each layer stays in the
 * cache, and what eight leave does not (measured on MobileNetV2: 3.1 ms a photo alone, 4.2 in a batch of 8; ResNet-50:
 * 35 and 38). It also makes the result of a photo independent of its neighbours, to the bit. Only a network whose fully
 * connected layers outweigh all else (VGG-16) would gain from several at once.
 */
#include "nn/network-internal.h"

#include <math.h>
#include <string.h>

/* A step of `compute` with its views filled in. */
typedef struct Computed {
    NtView *in, *out;
} Computed;

/* A plan bound to a block. */
typedef struct Bound {
    const NtPlan *plan;
    uint8_t *block;
    void *own_block; /* when the plan needs more than the runner's */
    NtCall **calls;  /* per step, NULL for compute steps */
    Computed *computed;
} Bound;

struct NtRunner {
    NtNetwork *network;
    unsigned batch, threads;
    size_t bytes;
    void *block;
    GPtrArray *bound;
    int64_t deadline; /* 0: none */
};

static void bound_free(void *data) {
    Bound *bound = data;
    for (unsigned i = 0; i < bound->plan->steps->len; i++) {
        nt_call_free(bound->calls[i]);
        g_free(bound->computed[i].in);
        g_free(bound->computed[i].out);
    }
    g_free(bound->calls);
    g_free(bound->computed);
    nt_free(bound->own_block);
    g_free(bound);
}

static void *slot_data(const Bound *bound, unsigned index) {
    const NtSlot *slot = &g_array_index(bound->plan->slots, NtSlot, index);
    if (slot->buffer < 0) {
        return (void *)slot->constant;
    }
    return bound->block + g_array_index(bound->plan->buffers, NtBuffer, slot->buffer).offset;
}

static NtCall *bind_primitive(const Bound *bound, const NtStep *step, GError **error) {
    g_autofree NtCallArgument *arguments = g_new0(NtCallArgument, step->argument_count);
    for (unsigned i = 0; i < step->argument_count; i++) {
        unsigned slot = step->arguments[i].slot;
        arguments[i] = (NtCallArgument){.role = step->arguments[i].role,
                                        .layout = g_array_index(bound->plan->slots, NtSlot, slot).layout,
                                        .data = slot_data(bound, slot)};
    }
    return nt_call_new(step->primitive, arguments, step->argument_count, error);
}

/* A value as compute sees it: what is known, or where the slot lies. */
static NtView view_of(const Bound *bound, int value, unsigned slot) {
    if (value < 0) {
        return (NtView){0};
    }
    const NtShapes *shapes = bound->plan->shapes;
    NtView view = {.type = shapes->types[value], .shape = shapes->shapes[value]};
    if (slot != NT_NO_SLOT) {
        view.data = slot_data(bound, slot);
    } else if (shapes->known[value] != NULL) {
        view.data = shapes->known[value]->data;
    }
    return view;
}

static Computed bind_compute(const Bound *bound, const NtStep *step) {
    const NtNode *node = step->node;
    Computed computed = {.in = g_new0(NtView, node->input_count + 1), .out = g_new0(NtView, node->output_count + 1)};
    for (unsigned i = 0; i < node->input_count; i++) {
        computed.in[i] = view_of(bound, node->inputs[i], step->arguments[i].slot);
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        computed.out[i] = view_of(bound, node->outputs[i], step->arguments[node->input_count + i].slot);
    }
    return computed;
}

static bool bind_steps(Bound *bound, GError **error) {
    for (unsigned i = 0; i < bound->plan->steps->len; i++) {
        const NtStep *step = &g_array_index(bound->plan->steps, NtStep, i);
        if (step->primitive == NULL) {
            bound->computed[i] = bind_compute(bound, step);
        } else if ((bound->calls[i] = bind_primitive(bound, step, error)) == NULL) {
            return false;
        }
    }
    return true;
}

/* The runner's binding of the plan for `batch` photos. */
static Bound *bound_for(NtRunner *runner, unsigned batch, GError **error) {
    for (unsigned i = 0; i < runner->bound->len; i++) {
        Bound *bound = g_ptr_array_index(runner->bound, i);
        if (bound->plan->batch == batch) {
            return bound;
        }
    }
    const NtPlan *plan = nt_network_plan(runner->network, batch, runner->threads, error);
    if (plan == NULL) {
        return NULL;
    }
    Bound *bound = g_new0(Bound, 1);
    bound->plan = plan;
    bound->calls = g_new0(NtCall *, plan->steps->len + 1);
    bound->computed = g_new0(Computed, plan->steps->len + 1);
    if (runner->block == NULL) {
        runner->block = nt_alloc0(plan->bytes, 1, "a network's activations", error);
        runner->bytes = plan->bytes;
    } else if (plan->bytes > runner->bytes) {
        bound->own_block = nt_alloc0(plan->bytes, 1, "a network's activations", error);
    }
    bound->block = plan->bytes > runner->bytes ? bound->own_block : runner->block;
    if (bound->block == NULL || !bind_steps(bound, error)) {
        bound_free(bound);
        return NULL;
    }
    g_ptr_array_add(runner->bound, bound);
    return bound;
}

NtRunner *nt_runner_new(NtNetwork *network, unsigned batch, unsigned threads, GError **error) {
    (void)batch;
    g_autoptr(NtRunner) runner = g_new0(NtRunner, 1);
    unsigned fixed = nt_network_batch(network);
    runner->network = nt_network_ref(network);
    runner->batch = fixed > 0 ? fixed : 1;
    runner->threads = threads > 0 ? threads : nt_cores();
    runner->bound = g_ptr_array_new_with_free_func(bound_free);
    return bound_for(runner, runner->batch, error) != NULL ? g_steal_pointer(&runner) : NULL;
}

void nt_runner_free(NtRunner *runner) {
    if (runner == NULL) {
        return;
    }
    g_ptr_array_unref(runner->bound);
    nt_free(runner->block);
    nt_network_unref(runner->network);
    g_free(runner);
}

void nt_runner_set_deadline(NtRunner *runner, int64_t deadline) { runner->deadline = deadline; }
size_t nt_runner_bytes(const NtRunner *runner) { return runner->bytes; }

static bool run_step(const Bound *bound, unsigned i, GError **error) {
    const NtStep *step = &g_array_index(bound->plan->steps, NtStep, i);
    if (step->primitive == NULL) {
        return step->node->op->compute(step->node, bound->computed[i].in, bound->computed[i].out, error);
    }
    int team = step->threads > 0 ? nt_threads_set(step->threads) : 0;
    bool done = nt_call_run(bound->calls[i], error);
    if (team > 0) {
        nt_threads_set(team);
    }
    return done;
}

static bool run_steps(const NtRunner *runner, const Bound *bound, GError **error) {
    for (unsigned i = 0; i < bound->plan->steps->len; i++) {
        if (!run_step(bound, i, error)) {
            return false;
        }
        if (runner->deadline > 0 && g_get_monotonic_time() > runner->deadline) {
            return nt_fail(error, NITERU_ERROR_LIMIT, "%s: out of time after %u of %u steps of one photo",
                           nt_network_graph(runner->network)->name, i + 1, bound->plan->steps->len);
        }
    }
    return true;
}

/* Whole numbers from 0 to 255, as a uint8 tensor would hold them. */
static void round_bytes(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        values[i] = rintf(fminf(fmaxf(values[i], 0), 255));
    }
}

static bool is_finite(const float *row, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(row[i])) {
            return false;
        }
    }
    return true;
}

static bool run_batch(NtRunner *runner, const float *input, unsigned n, float *out, bool *finite, GError **error) {
    Bound *bound = bound_for(runner, runner->batch, error);
    const NtNetworkInfo *info = nt_network_info(runner->network);
    size_t photo = (size_t)info->channels * info->height * info->width;
    if (bound == NULL) {
        return false;
    }
    float *held = slot_data(bound, bound->plan->input);
    memcpy(held, input, n * photo * sizeof *input);
    if (info->bytes) {
        round_bytes(held, n * photo);
    }
    if (!run_steps(runner, bound, error)) {
        return false;
    }
    const float *result = slot_data(bound, bound->plan->output);
    memcpy(out, result, n * info->dimension * sizeof *out);
    for (unsigned i = 0; finite != NULL && i < n; i++) {
        finite[i] = is_finite(out + i * info->dimension, info->dimension);
    }
    return true;
}

bool nt_runner_run(NtRunner *runner, const float *input, unsigned n, float *out, bool *finite, GError **error) {
    const NtNetworkInfo *info = nt_network_info(runner->network);
    size_t photo = (size_t)info->channels * info->height * info->width;
    int before = nt_threads_set((int)runner->threads);
    bool done = true;
    for (unsigned at = 0; done && at < n; at += runner->batch) {
        done = run_batch(runner, input + at * photo, MIN(n - at, runner->batch), out + at * info->dimension,
                         finite != NULL ? finite + at : NULL, error);
    }
    nt_threads_set(before);
    return done;
}
