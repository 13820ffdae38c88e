/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators of two (Sum, Min, Max: any number of) tensors with numpy's broadcasting. Same shapes and per-channel
 * operands run on oneDNN in the layout of the first; the rest, and integers while folding, run in C.
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

typedef enum Kind {
    ADD,
    SUB,
    MUL,
    DIV,
    POW,
    MIN_OF,
    MAX_OF,
    MOD,
    EQUAL,
    GREATER,
    LESS,
    GREATER_EQUAL,
    LESS_EQUAL,
    AND,
    OR
} Kind;

static const struct {
    const char *type;
    Kind kind;
    int native; /* NtBinaryKind, -1: oneDNN has none */
    bool variadic, truth;
} kinds[] = {
    {"Add", ADD, NT_BINARY_ADD},
    {"Sub", SUB, NT_BINARY_SUB},
    {"Mul", MUL, NT_BINARY_MUL},
    {"Div", DIV, NT_BINARY_DIV},
    {"Pow", POW, -1},
    {"Sum", ADD, NT_BINARY_ADD, true},
    {"Min", MIN_OF, NT_BINARY_MIN, true},
    {"Max", MAX_OF, NT_BINARY_MAX, true},
    {"Mod", MOD, -1},
    {"Equal", EQUAL, -1, false, true},
    {"Greater", GREATER, -1, false, true},
    {"Less", LESS, -1, false, true},
    {"GreaterOrEqual", GREATER_EQUAL, -1, false, true},
    {"LessOrEqual", LESS_EQUAL, -1, false, true},
    {"And", AND, -1, false, true},
    {"Or", OR, -1, false, true},
};

static unsigned row_of(const NtNode *node) {
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].type, node->type) == 0) {
            return i;
        }
    }
    g_assert_not_reached();
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    unsigned row = row_of(node);
    NtElement type = nt_shapes_type(shapes, node, 0);
    NtShape out = *nt_shapes_in(shapes, node, 0);
    for (unsigned i = 1; i < node->input_count; i++) {
        const NtShape *other = nt_shapes_in(shapes, node, i);
        if (!nt_node_has_input(node, i)) {
            return nt_op_corrupt(shapes, node, error, "input %u is left out", i);
        }
        if (!nt_shape_broadcast(&out, other, &out)) {
            g_autofree char *a = nt_shape_text(nt_shapes_in(shapes, node, 0)), *b = nt_shape_text(other);
            return nt_op_corrupt(shapes, node, error, "shapes %s and %s do not fit", a, b);
        }
        if (nt_shapes_type(shapes, node, i) != type && kinds[row].kind != POW) {
            return nt_op_corrupt(shapes, node, error, "its inputs differ in element type");
        }
    }
    if (kinds[row].kind == MOD && (type != NT_I64 || nt_node_int(node, "fmod", 0) != 0)) {
        return nt_op_refuse(shapes, node, error, "only integers without fmod are supported");
    }
    return nt_shapes_out(shapes, node, 0, kinds[row].truth ? NT_I64 : type, &out, error);
}

static float apply_float(Kind kind, float a, float b) {
    switch (kind) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case POW: return powf(a, b);
    case MIN_OF: return a < b || isnan(a) ? a : b;
    case MAX_OF: return a > b || isnan(a) ? a : b;
    default: return 0;
    }
}

static bool apply_truth(Kind kind, double a, double b) {
    switch (kind) {
    case EQUAL: return a == b;
    case GREATER: return a > b;
    case LESS: return a < b;
    case GREATER_EQUAL: return a >= b;
    case LESS_EQUAL: return a <= b;
    case AND: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
    }
}

/* Integers wrap as they do in other runtimes; division rounds towards zero, Mod takes the divisor's sign. */
static bool apply_integer(Kind kind, int64_t a, int64_t b, int64_t *out, GError **error) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    if ((kind == DIV || kind == MOD) && (b == 0 || (b == -1 && a == INT64_MIN))) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "integer division by %" G_GINT64_FORMAT, b);
    }
    switch (kind) {
    case ADD: *out = (int64_t)(x + y); break;
    case SUB: *out = (int64_t)(x - y); break;
    case MUL: *out = (int64_t)(x * y); break;
    case DIV: *out = a / b; break;
    case MOD: *out = a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b; break;
    case MIN_OF: *out = MIN(a, b); break;
    case MAX_OF: *out = MAX(a, b); break;
    case POW: *out = (int64_t)CLAMP(pow((double)a, (double)b), -9e18, 9e18); break;
    default: *out = apply_truth(kind, (double)a, (double)b); break;
    }
    return true;
}

typedef struct Pair {
    const NtView *a, *b, *out; /* a may be out itself */
    Kind kind;
    bool truth;
} Pair;

static bool apply_at(const Pair *pair, int64_t i, int64_t a, int64_t b, GError **error) {
    if (pair->a->type == NT_I64) {
        int64_t exponent = pair->b->type == NT_F32 ? (int64_t)pair->b->f32[b] : pair->b->i64[b];
        return apply_integer(pair->kind, pair->a->i64[a], exponent, &pair->out->i64[i], error);
    }
    float y = pair->b->type == NT_I64 ? (float)pair->b->i64[b] : pair->b->f32[b];
    if (pair->truth) {
        pair->out->i64[i] = apply_truth(pair->kind, (double)pair->a->f32[a], (double)y);
    } else {
        pair->out->f32[i] = apply_float(pair->kind, pair->a->f32[a], y);
    }
    return true;
}

static bool apply_pair(const Pair *pair, GError **error) {
    const NtShape *shape = &pair->out->shape;
    int64_t a_strides[NT_MAX_RANK], b_strides[NT_MAX_RANK], at[NT_MAX_RANK] = {0}, a = 0, b = 0;
    nt_shape_broadcast_strides(&pair->a->shape, shape->rank, a_strides);
    nt_shape_broadcast_strides(&pair->b->shape, shape->rank, b_strides);
    for (int64_t i = 0, count = nt_shape_count(shape); i < count; i++) {
        if (!apply_at(pair, i, a, b, error)) {
            return false;
        }
        for (unsigned d = shape->rank; d-- > 0;) { /* an odometer over the dims */
            a += a_strides[d];
            b += b_strides[d];
            if (++at[d] < shape->dims[d]) {
                break;
            }
            a -= a_strides[d] * at[d];
            b -= b_strides[d] * at[d];
            at[d] = 0;
        }
    }
    return true;
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    unsigned row = row_of(node);
    Pair pair = {.a = &in[0], .out = out, .kind = kinds[row].kind, .truth = kinds[row].truth};
    if (node->input_count == 1) {
        memcpy(out->data, in[0].data, (size_t)nt_shape_count(&out->shape) * nt_element_size(out->type));
        return true;
    }
    for (unsigned i = 1; i < node->input_count; i++) {
        pair.b = &in[i];
        if (!apply_pair(&pair, error)) {
            return false;
        }
        pair.a = out;
    }
    return true;
}

/*
 * The primitive with the second operand's slot. Of the same shape, it comes in the first's layout. One that repeats (a
 * gate per channel) comes as it lies, which is what the fast kernels for blocked layouts want, or row-major.
 */
static NtPrimitive *choose(NtBuild *build, NtPrimitiveSpec *spec, int value, const NtShape *shape, unsigned *out_slot,
                           GError **error) {
    const NtShape *own = nt_build_shape(build, value);
    if (nt_shape_equal(own, shape)) {
        if (!nt_build_as(build, value, spec->src, out_slot, error)) {
            return NULL;
        }
        spec->src1 = nt_slot_layout(build, *out_slot);
        return nt_primitive_new(spec, error);
    }
    if (!nt_build_slot(build, value, out_slot, error)) {
        return NULL;
    }
    spec->src1 = nt_slot_layout(build, *out_slot);
    NtPrimitive *as_it_lies = own->rank == shape->rank ? nt_primitive_new(spec, NULL) : NULL;
    if (as_it_lies != NULL && !nt_primitive_is_slow(as_it_lies)) {
        return as_it_lies;
    }
    nt_primitive_free(as_it_lies);
    if (!nt_build_plain(build, value, out_slot, error)) {
        return NULL;
    }
    NtShape wide = nt_shape_widen(own, shape->rank);
    g_autoptr(NtLayout) layout = nt_layout_plain(&wide);
    *out_slot = nt_build_alias(build, *out_slot, layout);
    spec->src1 = nt_slot_layout(build, *out_slot);
    return nt_primitive_new(spec, error);
}

/* Runs on oneDNN when one operand has the result's shape. */
static bool plan_native(NtBuild *build, const NtNode *node, NtBinaryKind kind, bool *out_done, GError **error) {
    g_auto(NtFusion) fusion;
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    nt_fusion_make(build, node, NT_PRIMITIVE_BINARY, shape->rank, &fusion);
    bool commutes = kind != NT_BINARY_SUB && kind != NT_BINARY_DIV;
    unsigned first = nt_shape_equal(nt_build_shape(build, node->inputs[0]), shape) ? 0 : 1;
    *out_done = false;
    if (!nt_shape_equal(nt_build_shape(build, node->inputs[first]), shape) || (first == 1 && !commutes)) {
        return true;
    }
    NtStepArgument arguments[3 + NT_MAX_POST_OPS] = {
        {.role = NT_ROLE_SRC}, {.role = NT_ROLE_SRC1}, {.role = NT_ROLE_DST}};
    unsigned count = 3;
    if (!nt_build_slot(build, node->inputs[first], &arguments[0].slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) layout = nt_layout_ref(nt_slot_layout(build, arguments[0].slot));
    /* oneDNN 2.x computes the last elements of two tensors in a blocked layout wrongly when steps are fused, and writes
     * past their end, unless the channels fill the blocks that its code works in. */
    if (nt_layout_is_blocked(layout)) {
        nt_fusion_part(&fusion);
    }
    if (!nt_fusion_arguments(build, node, &fusion, arguments, &count, error)) {
        return false;
    }
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_BINARY,
                            .binary = kind,
                            .src = layout,
                            .dst = layout,
                            .post_ops = fusion.post_ops,
                            .post_op_count = fusion.count};
    GError *cause = NULL;
    NtPrimitive *primitive = choose(build, &spec, node->inputs[1 - first], shape, &arguments[1].slot, &cause);
    if (primitive == NULL) { /* oneDNN cannot repeat this operand: broadcasting is left to compute */
        bool impossible = g_error_matches(cause, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
        if (impossible) {
            g_error_free(cause);
        } else {
            g_propagate_error(error, cause);
        }
        return impossible;
    }
    if (nt_build_may_overwrite(build, arguments[0].slot) && fusion.sum < 0) {
        nt_build_view(build, node->outputs[0], arguments[0].slot, layout);
        arguments[2].slot = arguments[0].slot;
    } else if (!nt_fusion_output(build, node, &fusion, layout, &arguments[2].slot, error)) {
        nt_primitive_free(primitive);
        return false;
    }
    *out_done = true;
    return nt_build_primitive(build, node, primitive, arguments, count) &&
           (!fusion.apart || nt_fusion_after(build, node, error));
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    bool done = false;
    unsigned row = row_of(node);
    if (node->post_op_count == 0 && (!nt_op_plan_eltwise(build, node, &done, error) || done)) {
        return done;
    }
    if (kinds[row].native >= 0 && node->input_count == 2 &&
        (!plan_native(build, node, (NtBinaryKind)kinds[row].native, &done, error) || done)) {
        return done;
    }
    return nt_build_compute(build, node, error);
}

static const NtAttributeRule mod_rules[] = {{"fmod", NT_ATTRIBUTE_INT}, {NULL}};

#define BINARY(symbol, name, first, least, most, rules, fusing)                                                        \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = first,                                                                               \
                         .min_inputs = least,                                                                          \
                         .max_inputs = most,                                                                           \
                         .max_outputs = 1,                                                                             \
                         .attributes = rules,                                                                          \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan,                                                                                 \
                         .fuses = fusing}
BINARY(nt_op_add, "Add", 7, 2, 2, NULL, true);
BINARY(nt_op_sub, "Sub", 7, 2, 2, NULL, false);
BINARY(nt_op_mul, "Mul", 7, 2, 2, NULL, true);
BINARY(nt_op_div, "Div", 7, 2, 2, NULL, false);
BINARY(nt_op_pow, "Pow", 7, 2, 2, NULL, false);
BINARY(nt_op_sum, "Sum", 8, 1, 1000, NULL, false);
BINARY(nt_op_min, "Min", 8, 1, 1000, NULL, false);
BINARY(nt_op_max, "Max", 8, 1, 1000, NULL, false);
BINARY(nt_op_mod, "Mod", 10, 2, 2, mod_rules, false);
BINARY(nt_op_equal, "Equal", 7, 2, 2, NULL, false);
BINARY(nt_op_greater, "Greater", 7, 2, 2, NULL, false);
BINARY(nt_op_less, "Less", 7, 2, 2, NULL, false);
BINARY(nt_op_greater_or_equal, "GreaterOrEqual", 12, 2, 2, NULL, false);
BINARY(nt_op_less_or_equal, "LessOrEqual", 12, 2, 2, NULL, false);
BINARY(nt_op_and, "And", 7, 2, 2, NULL, false);
BINARY(nt_op_or, "Or", 7, 2, 2, NULL, false);
