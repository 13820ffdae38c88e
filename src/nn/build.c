/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary of operators' `plan` functions: slots, views, copies in other layouts, steps. */
#include "nn/plan-internal.h"

static NtSlot *slot_at(const NtBuild *build, unsigned slot) { return &g_array_index(build->plan->slots, NtSlot, slot); }
static NtBuffer *buffer_at(const NtBuild *build, int buffer) {
    return &g_array_index(build->plan->buffers, NtBuffer, buffer);
}
static int *pending_at(const NtBuild *build, int buffer) { return &g_array_index(build->pending, int, buffer); }

const NtLayout *nt_slot_layout(const NtBuild *build, unsigned slot) { return slot_at(build, slot)->layout; }

static unsigned add_slot(NtBuild *build, int buffer, const void *constant, const NtLayout *layout) {
    NtSlot slot = {.buffer = buffer, .constant = constant, .layout = nt_layout_ref(layout)};
    g_array_append_val(build->plan->slots, slot);
    return build->plan->slots->len - 1;
}

static int add_buffer(NtBuild *build, size_t bytes, int pending) {
    int now = (int)build->plan->steps->len;
    size_t whole = (MAX(bytes, 1) + NT_BUFFER_ALIGN - 1) / NT_BUFFER_ALIGN * NT_BUFFER_ALIGN;
    NtBuffer buffer = {.bytes = whole, .first = now, .last = now};
    g_array_append_val(build->plan->buffers, buffer);
    g_array_append_val(build->pending, pending);
    return (int)build->plan->buffers->len - 1;
}

bool nt_build_slot(NtBuild *build, int value, unsigned *out, GError **error) {
    if (build->value_slot[value] == NT_NO_SLOT) {
        NtTensor *known = build->shapes->known[value];
        if (known == NULL || known->data == NULL || known->type != NT_F32) {
            return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "'%s' cannot be used as numbers while running",
                           nt_graph_value(build->graph, value)->name);
        }
        nt_pool_keep(build->pool, known);
        g_autoptr(NtLayout) plain = nt_layout_plain(&known->shape);
        build->value_slot[value] = add_slot(build, -1, known->data, plain);
    }
    *out = build->value_slot[value];
    return true;
}

/* The slots that hold the same content as `slot` in other layouts. */
static GArray *copies_of(NtBuild *build, unsigned slot) {
    GArray *copies = g_hash_table_lookup(build->copies, GUINT_TO_POINTER(slot));
    if (copies == NULL) {
        copies = g_array_new(FALSE, FALSE, sizeof(unsigned));
        g_hash_table_insert(build->copies, GUINT_TO_POINTER(slot), copies);
    }
    return copies;
}

static bool add_reorder(NtBuild *build, unsigned from, unsigned to, GError **error) {
    NtPrimitiveSpec spec = {
        .kind = NT_PRIMITIVE_REORDER, .src = nt_slot_layout(build, from), .dst = nt_slot_layout(build, to)};
    NtPrimitive *primitive = nt_primitive_new(&spec, error);
    if (primitive == NULL) {
        return false;
    }
    NtStepArgument arguments[] = {{NT_ROLE_SRC, from}, {NT_ROLE_DST, to}};
    return nt_build_primitive(build, NULL, primitive, arguments, 2);
}

bool nt_build_as(NtBuild *build, int value, const NtLayout *layout, unsigned *out, GError **error) {
    unsigned slot;
    if (!nt_build_slot(build, value, &slot, error)) {
        return false;
    }
    *out = slot;
    if (nt_layout_equal(nt_slot_layout(build, slot), layout)) {
        return true;
    }
    if (slot_at(build, slot)->buffer < 0) {
        NtTensor *known = build->shapes->known[value];
        g_autoptr(NtLayout) plain = nt_layout_plain(&known->shape);
        return nt_build_weights(build, known, plain, layout, out, error);
    }
    GArray *copies = copies_of(build, slot);
    for (unsigned i = 0; i < copies->len; i++) {
        *out = g_array_index(copies, unsigned, i);
        if (nt_layout_equal(nt_slot_layout(build, *out), layout)) {
            return true;
        }
    }
    *out = nt_build_temporary(build, layout);
    g_array_append_val(copies, *out);
    if (!nt_build_may_overwrite(build, slot)) {
        /* A later node may want this copy too: views of it must not be computed in place. */
        *pending_at(build, slot_at(build, *out)->buffer) = 2;
    }
    return add_reorder(build, slot, *out, error);
}

bool nt_build_plain(NtBuild *build, int value, unsigned *out, GError **error) {
    g_autoptr(NtLayout) plain = nt_layout_plain(nt_build_shape(build, value));
    return nt_build_as(build, value, plain, out, error);
}

bool nt_build_copy(NtBuild *build, unsigned slot, const NtLayout *layout, unsigned *out, GError **error) {
    *out = nt_build_temporary(build, layout);
    return add_reorder(build, slot, *out, error);
}

unsigned nt_build_alias(NtBuild *build, unsigned slot, const NtLayout *layout) {
    const NtSlot of = *slot_at(build, slot);
    return add_slot(build, of.buffer, of.constant, layout);
}

bool nt_build_weights(NtBuild *build, NtTensor *tensor, const NtLayout *from, const NtLayout *to, unsigned *out,
                      GError **error) {
    const void *data = nt_pool_get(build->pool, tensor, from, to, error);
    if (data == NULL) {
        return false;
    }
    *out = add_slot(build, -1, data, to);
    return true;
}

unsigned nt_build_output(NtBuild *build, int value, const NtLayout *layout) {
    int uses = nt_graph_value(build->graph, value)->uses;
    unsigned slot = add_slot(build, add_buffer(build, nt_layout_bytes(layout), uses), NULL, layout);
    build->value_slot[value] = slot;
    return slot;
}

void nt_build_view(NtBuild *build, int value, unsigned slot, const NtLayout *layout) {
    const NtSlot *of = slot_at(build, slot);
    int buffer = of->buffer;
    if (buffer >= 0) {
        *pending_at(build, buffer) += nt_graph_value(build->graph, value)->uses;
    }
    build->value_slot[value] = add_slot(build, buffer, of->constant, layout);
}

unsigned nt_build_temporary(NtBuild *build, const NtLayout *layout) {
    return add_slot(build, add_buffer(build, nt_layout_bytes(layout), 0), NULL, layout);
}

bool nt_build_may_overwrite(const NtBuild *build, unsigned slot) {
    int buffer = slot_at(build, slot)->buffer;
    return buffer >= 0 && *pending_at(build, buffer) <= 1;
}

void nt_build_read_done(NtBuild *build, int value) {
    unsigned slot = value < 0 ? NT_NO_SLOT : build->value_slot[value];
    int buffer = slot == NT_NO_SLOT ? -1 : slot_at(build, slot)->buffer;
    if (buffer >= 0) {
        (*pending_at(build, buffer))--;
    }
}

void nt_build_step(NtBuild *build, const NtStep *step) {
    int now = (int)build->plan->steps->len;
    for (unsigned i = 0; i < step->argument_count; i++) {
        unsigned slot = step->arguments[i].slot;
        int buffer = slot == NT_NO_SLOT ? -1 : slot_at(build, slot)->buffer;
        if (buffer >= 0) {
            NtBuffer *at = buffer_at(build, buffer);
            at->last = MAX(at->last, now);
        }
    }
    g_array_append_vals(build->plan->steps, step, 1);
}

bool nt_build_primitive(NtBuild *build, const NtNode *node, NtPrimitive *primitive, const NtStepArgument *arguments,
                        unsigned count) {
    NtStep step = {.node = node, .primitive = primitive, .argument_count = count};
    step.arguments = g_new(NtStepArgument, count + 1);
    for (unsigned i = 0; i < count; i++) {
        step.arguments[i] = arguments[i];
    }
    g_autoptr(NtLayout) scratch = nt_primitive_layout(primitive, NT_ROLE_SCRATCH);
    if (scratch != NULL && nt_primitive_scratch(primitive) > 0) {
        step.arguments[step.argument_count++] = (NtStepArgument){NT_ROLE_SCRATCH, nt_build_temporary(build, scratch)};
    }
    nt_build_step(build, &step);
    return true;
}
