/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of one number, in one table: what ONNX calls them, which function of oneDNN they are, and how they run when
 * they are none. Arithmetic with a constant scalar counts among them.
 */
#include "nn/plan-internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A constant of one element; false when the input is none. */
static bool scalar(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, unsigned i, float *out) {
    if (!nt_node_has_input(node, i)) {
        return false;
    }
    const NtTensor *known = shapes != NULL ? shapes->known[node->inputs[i]] : nt_graph_constant(graph, node->inputs[i]);
    if (known == NULL || known->type != NT_F32 || known->data == NULL || nt_shape_count(&known->shape) != 1) {
        return false;
    }
    *out = known->f32[0];
    return true;
}

static NtPostOp eltwise(NtEltwise alg, float alpha, float beta) {
    return (NtPostOp){.kind = NT_POST_OP_ELTWISE, .alg = alg, .alpha = alpha, .beta = beta, .value = -1};
}

/* Clip: bounds as attributes before opset 11, as inputs since; each may be left out. */
static unsigned clip(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, NtPostOp *out) {
    float low = nt_node_float(node, "min", -FLT_MAX), high = nt_node_float(node, "max", FLT_MAX);
    for (unsigned i = 1; i <= 2; i++) {
        if (nt_node_has_input(node, i) && !scalar(graph, shapes, node, i, i == 1 ? &low : &high)) {
            return 0;
        }
    }
    *out = low == 0.0f && high >= FLT_MAX ? eltwise(NT_ELTWISE_RELU, 0, 0) : eltwise(NT_ELTWISE_CLIP, low, high);
    return 1;
}

/* x + c, x - c, c - x, x * c, x / c as alpha x + beta; max(x, c) and min(x, c) as clips. */
static unsigned arithmetic(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, unsigned *input,
                           NtPostOp *out) {
    float c;
    bool second = node->input_count == 2 && scalar(graph, shapes, node, 1, &c);
    if (node->input_count != 2 || (!second && !scalar(graph, shapes, node, 0, &c))) {
        return 0;
    }
    *input = second ? 0 : 1;
    if (strcmp(node->type, "Add") == 0) {
        *out = eltwise(NT_ELTWISE_LINEAR, 1, c);
    } else if (strcmp(node->type, "Sub") == 0) {
        *out = second ? eltwise(NT_ELTWISE_LINEAR, 1, -c) : eltwise(NT_ELTWISE_LINEAR, -1, c);
    } else if (strcmp(node->type, "Mul") == 0) {
        *out = eltwise(NT_ELTWISE_LINEAR, c, 0);
    } else if (strcmp(node->type, "Div") == 0 && second) {
        *out = eltwise(NT_ELTWISE_LINEAR, 1.0f / c, 0);
    } else if (strcmp(node->type, "Max") == 0) {
        *out = c == 0 ? eltwise(NT_ELTWISE_RELU, 0, 0) : eltwise(NT_ELTWISE_CLIP, c, FLT_MAX);
    } else if (strcmp(node->type, "Min") == 0) {
        *out = eltwise(NT_ELTWISE_CLIP, -FLT_MAX, c);
    } else {
        return 0;
    }
    return isfinite(out->alpha) && isfinite(out->beta) ? 1 : 0;
}

static unsigned gelu(const NtNode *node, NtPostOp *out) {
    bool tanh_form = strcmp(nt_node_string(node, "approximate", "none"), "tanh") == 0;
    *out = eltwise(tanh_form ? NT_ELTWISE_GELU_TANH : NT_ELTWISE_GELU_ERF, 0, 0);
    return 1;
}

static unsigned hard_sigmoid(const NtNode *node, NtPostOp out[2]) {
    out[0] = eltwise(NT_ELTWISE_LINEAR, nt_node_float(node, "alpha", 0.2f), nt_node_float(node, "beta", 0.5f));
    out[1] = eltwise(NT_ELTWISE_CLIP, 0, 1);
    return 2;
}

/* Operators that are one function of oneDNN, with the attribute that is its alpha. */
static const struct {
    const char *type;
    NtEltwise alg;
    const char *attribute;
    float alpha;
} functions[] = {
    {"Relu", NT_ELTWISE_RELU, NULL, 0},         {"LeakyRelu", NT_ELTWISE_RELU, "alpha", 0.01f},
    {"Sigmoid", NT_ELTWISE_LOGISTIC, NULL, 0},  {"Tanh", NT_ELTWISE_TANH, NULL, 0},
    {"Elu", NT_ELTWISE_ELU, "alpha", 1},        {"Abs", NT_ELTWISE_ABS, NULL, 0},
    {"Sqrt", NT_ELTWISE_SQRT, NULL, 0},         {"Exp", NT_ELTWISE_EXP, NULL, 0},
    {"Log", NT_ELTWISE_LOG, NULL, 0},           {"Neg", NT_ELTWISE_LINEAR, NULL, -1},
    {"Swish", NT_ELTWISE_SWISH, "alpha", 1},    {"HardSwish", NT_ELTWISE_HARDSWISH, NULL, 0},
    {"Softplus", NT_ELTWISE_SOFTPLUS, NULL, 0}, {"Mish", NT_ELTWISE_MISH, NULL, 0},
};

unsigned nt_op_eltwise(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, unsigned *out_input,
                       NtPostOp out[2]) {
    *out_input = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(functions); i++) {
        if (strcmp(node->type, functions[i].type) == 0) {
            float alpha = functions[i].alpha;
            alpha = functions[i].attribute != NULL ? nt_node_float(node, functions[i].attribute, alpha) : alpha;
            out[0] = eltwise(functions[i].alg, alpha, 0);
            return 1;
        }
    }
    if (strcmp(node->type, "Clip") == 0) {
        return clip(graph, shapes, node, out);
    }
    if (strcmp(node->type, "Gelu") == 0) {
        return gelu(node, out);
    }
    if (strcmp(node->type, "HardSigmoid") == 0) {
        return hard_sigmoid(node, out);
    }
    return arithmetic(graph, shapes, node, out_input, out);
}

bool nt_op_plan_eltwise(NtBuild *build, const NtNode *node, bool *out_done, GError **error) {
    NtPostOp post_ops[2];
    unsigned input, slot, count = nt_op_eltwise(build->graph, build->shapes, node, &input, post_ops);
    *out_done = false;
    if (count == 0 ||
        !nt_shape_equal(nt_build_shape(build, node->inputs[input]), nt_build_shape(build, node->outputs[0]))) {
        return true; /* a scalar that adds dims is left to broadcasting */
    }
    if (!nt_build_slot(build, node->inputs[input], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) layout = nt_layout_ref(nt_slot_layout(build, slot));
    bool in_place = nt_build_may_overwrite(build, slot);
    unsigned to = slot;
    if (in_place) {
        nt_build_view(build, node->outputs[0], slot, layout);
    } else {
        to = nt_build_output(build, node->outputs[0], layout);
    }
    for (unsigned i = 0; i < count; i++) {
        NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_ELTWISE,
                                .src = layout,
                                .dst = layout,
                                .eltwise = post_ops[i].alg,
                                .alpha = post_ops[i].alpha,
                                .beta = post_ops[i].beta};
        NtPrimitive *primitive = nt_primitive_new(&spec, error);
        if (primitive == NULL) {
            return false;
        }
        NtStepArgument arguments[] = {{NT_ROLE_SRC, i == 0 ? slot : to}, {NT_ROLE_DST, to}};
        nt_build_primitive(build, node, primitive, arguments, 2);
    }
    *out_done = true;
    return true;
}

/* Functions that oneDNN has not, and integers. */
static double other(const char *type, double x) {
    static const struct {
        const char *type;
        double (*function)(double);
    } others[] = {{"Erf", erf}, {"Floor", floor}, {"Ceil", ceil}, {"Round", nearbyint}, {"Sin", sin},
                  {"Cos", cos}, {"Neg", NULL},    {"Abs", fabs},  {"Reciprocal", NULL}};
    if (strcmp(type, "IsNaN") == 0) {
        return isnan(x);
    }
    if (strcmp(type, "Neg") == 0) {
        return -x;
    }
    if (strcmp(type, "Reciprocal") == 0) {
        return 1.0 / x;
    }
    if (strcmp(type, "Not") == 0) {
        return x == 0;
    }
    if (strcmp(type, "Sign") == 0) {
        return (x > 0) - (x < 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(others); i++) {
        if (strcmp(type, others[i].type) == 0) {
            return others[i].function(x);
        }
    }
    g_assert_not_reached();
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    int64_t count = nt_shape_count(&out->shape);
    NtPostOp post_ops[2];
    unsigned input, post_op_count = 0;
    if (strcmp(node->type, "Clip") == 0) {
        float low =
            in[0].type == NT_F32 && nt_node_has_input(node, 1) ? in[1].f32[0] : nt_node_float(node, "min", -FLT_MAX);
        float high =
            in[0].type == NT_F32 && nt_node_has_input(node, 2) ? in[2].f32[0] : nt_node_float(node, "max", FLT_MAX);
        post_ops[post_op_count++] = eltwise(NT_ELTWISE_CLIP, low, high);
    } else {
        post_op_count = nt_op_eltwise(NULL, NULL, node, &input, post_ops);
    }
    if (in[0].type == NT_F32 && post_op_count > 0) {
        for (int64_t i = 0; i < count; i++) {
            float x = nt_eltwise_apply(post_ops[0].alg, in[0].f32[i], post_ops[0].alpha, post_ops[0].beta);
            out->f32[i] =
                post_op_count < 2 ? x : nt_eltwise_apply(post_ops[1].alg, x, post_ops[1].alpha, post_ops[1].beta);
        }
        return true;
    }
    for (int64_t i = 0; i < count; i++) {
        if (in[0].type == NT_F32) {
            out->f32[i] = (float)other(node->type, (double)in[0].f32[i]);
        } else if (strcmp(node->type, "Clip") == 0) {
            int64_t low = nt_node_has_input(node, 1) ? in[1].i64[0] : INT64_MIN;
            int64_t high = nt_node_has_input(node, 2) ? in[2].i64[0] : INT64_MAX;
            out->i64[i] = MIN(high, MAX(low, in[0].i64[i]));
        } else {
            out->i64[i] = (int64_t)other(node->type, (double)in[0].i64[i]);
        }
    }
    return true;
}

/* Integers go through double in `other`, which is exact for shapes; larger ones are refused by their range. */
static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    NtElement type = nt_shapes_type(shapes, node, 0);
    for (unsigned i = 1; i < node->input_count; i++) {
        const NtTensor *known = nt_shapes_known(shapes, node, i);
        if (nt_node_has_input(node, i) &&
            (known == NULL || known->type != type || nt_shape_count(&known->shape) != 1)) {
            return nt_op_refuse(shapes, node, error, "bounds that are not constant scalars are not supported");
        }
    }
    static const char *const integers[] = {"Neg", "Abs", "Not", "Sign", "Clip", NULL};
    if (type == NT_I64 && !g_strv_contains(integers, node->type)) {
        return nt_op_refuse(shapes, node, error, "integers are not supported");
    }
    if (type == NT_F32 && strcmp(node->type, "Not") == 0) {
        return nt_op_corrupt(shapes, node, error, "needs truth values");
    }
    const char *form = nt_node_string(node, "approximate", "none");
    if (strcmp(form, "none") != 0 && strcmp(form, "tanh") != 0) {
        return nt_op_refuse(shapes, node, error, "approximate = '%s'", form);
    }
    return nt_shapes_out(shapes, node, 0, type, nt_shapes_in(shapes, node, 0), error);
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    bool done;
    return nt_op_plan_eltwise(build, node, &done, error) && (done || nt_build_compute(build, node, error));
}

static const NtAttributeRule alpha[] = {{"alpha", NT_ATTRIBUTE_FLOAT}, {NULL}};
static const NtAttributeRule alpha_beta[] = {{"alpha", NT_ATTRIBUTE_FLOAT}, {"beta", NT_ATTRIBUTE_FLOAT}, {NULL}};
static const NtAttributeRule clip_rules[] = {
    {"min", NT_ATTRIBUTE_FLOAT, 0, 10}, {"max", NT_ATTRIBUTE_FLOAT, 0, 10}, {NULL}};
static const NtAttributeRule gelu_rules[] = {{"approximate", NT_ATTRIBUTE_STRING}, {NULL}};

#define FUNCTION(symbol, name, first, rules)                                                                           \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = first,                                                                               \
                         .min_inputs = 1,                                                                              \
                         .max_inputs = 1,                                                                              \
                         .max_outputs = 1,                                                                             \
                         .attributes = rules,                                                                          \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan}
FUNCTION(nt_op_relu, "Relu", 6, NULL);
FUNCTION(nt_op_leaky_relu, "LeakyRelu", 6, alpha);
FUNCTION(nt_op_sigmoid, "Sigmoid", 6, NULL);
FUNCTION(nt_op_hard_sigmoid, "HardSigmoid", 6, alpha_beta);
FUNCTION(nt_op_tanh, "Tanh", 6, NULL);
FUNCTION(nt_op_elu, "Elu", 6, alpha);
FUNCTION(nt_op_abs, "Abs", 6, NULL);
FUNCTION(nt_op_sqrt, "Sqrt", 6, NULL);
FUNCTION(nt_op_exp, "Exp", 6, NULL);
FUNCTION(nt_op_log, "Log", 6, NULL);
FUNCTION(nt_op_neg, "Neg", 6, NULL);
FUNCTION(nt_op_swish, "Swish", 1, alpha); /* ONNX has it from opset 24 on; the passes make it in any */
FUNCTION(nt_op_hard_swish, "HardSwish", 14, NULL);
FUNCTION(nt_op_gelu, "Gelu", 20, gelu_rules);
FUNCTION(nt_op_softplus, "Softplus", 1, NULL);
FUNCTION(nt_op_mish, "Mish", 18, NULL);
FUNCTION(nt_op_erf, "Erf", 9, NULL);
FUNCTION(nt_op_floor, "Floor", 6, NULL);
FUNCTION(nt_op_ceil, "Ceil", 6, NULL);
FUNCTION(nt_op_round, "Round", 11, NULL);
FUNCTION(nt_op_sin, "Sin", 7, NULL);
FUNCTION(nt_op_cos, "Cos", 7, NULL);
FUNCTION(nt_op_reciprocal, "Reciprocal", 6, NULL);
FUNCTION(nt_op_is_nan, "IsNaN", 9, NULL); /* 1 or 0 as float32: it is asked of the photo's numbers, for Where */
FUNCTION(nt_op_not, "Not", 1, NULL);
FUNCTION(nt_op_sign, "Sign", 9, NULL);

const NtOp nt_op_clip = {.type = "Clip",
                         .since = 6,
                         .min_inputs = 1,
                         .max_inputs = 3,
                         .max_outputs = 1,
                         .attributes = clip_rules,
                         .infer = infer,
                         .compute = compute,
                         .plan = plan};
