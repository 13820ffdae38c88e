/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and LogSoftmax. From opset 13 on along one axis; before, over all axes from `axis` on. The default of `axis`,
 * which changed too, is filled in by the reader. */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    unsigned axis;
    if (!nt_op_axis(shapes, node, nt_node_int(node, "axis", -1), in->rank, &axis, error)) {
        return false;
    }
    /* The old form is the new one where all axes behind are 1 long or there is none. */
    if (shapes->graph->opset < 13 && nt_shape_span(in, axis + 1, in->rank) != 1) {
        return nt_op_refuse(shapes, node, error, "several axes at once are not supported");
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

static unsigned axis_of(const NtNode *node, unsigned rank) {
    int64_t axis = nt_node_int(node, "axis", -1);
    return (unsigned)(axis < 0 ? axis + (int64_t)rank : axis);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    unsigned axis = axis_of(node, in->shape.rank);
    bool logarithm = strcmp(node->type, "LogSoftmax") == 0;
    int64_t outer = nt_shape_span(&in->shape, 0, axis), length = in->shape.dims[axis];
    int64_t inner = nt_shape_span(&in->shape, axis + 1, in->shape.rank);
    for (int64_t row = 0; row < outer * inner; row++) {
        const float *x = in->f32 + row / inner * length * inner + row % inner;
        float *y = out->f32 + (x - in->f32), top = -INFINITY;
        double sum = 0;
        for (int64_t i = 0; i < length; i++) {
            top = fmaxf(top, x[i * inner]);
        }
        for (int64_t i = 0; i < length; i++) {
            sum += exp((double)(x[i * inner] - top));
        }
        for (int64_t i = 0; i < length; i++) {
            double shifted = (double)(x[i * inner] - top);
            y[i * inner] = (float)(logarithm ? shifted - log(sum) : exp(shifted) / sum);
        }
    }
    return true;
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    unsigned slot;
    if (!nt_build_plain(build, node->inputs[0], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) layout = nt_layout_plain(shape);
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_SOFTMAX,
                            .src = layout,
                            .dst = layout,
                            .axis = axis_of(node, shape->rank),
                            .logarithm = strcmp(node->type, "LogSoftmax") == 0};
    g_autoptr(NtPrimitive) softmax = nt_primitive_new(&spec, NULL);
    if (softmax == NULL) {
        return nt_build_compute(build, node, error);
    }
    NtStepArgument arguments[] = {{NT_ROLE_SRC, slot}, {NT_ROLE_DST, nt_build_output(build, node->outputs[0], layout)}};
    return nt_build_primitive(build, node, g_steal_pointer(&softmax), arguments, 2);
}

static const NtAttributeRule rules[] = {{"axis", NT_ATTRIBUTE_INT}, {NULL}};

#define SOFTMAX(symbol, name)                                                                                          \
    const NtOp symbol = {.type = name,                                                                                 \
                         .since = 1,                                                                                   \
                         .min_inputs = 1,                                                                              \
                         .max_inputs = 1,                                                                              \
                         .max_outputs = 1,                                                                             \
                         .attributes = rules,                                                                          \
                         .infer = infer,                                                                               \
                         .compute = compute,                                                                           \
                         .plan = plan}
SOFTMAX(nt_op_softmax, "Softmax");
SOFTMAX(nt_op_log_softmax, "LogSoftmax");
