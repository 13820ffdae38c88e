/* SPDX-License-Identifier: Apache-2.0 */
/* PRelu: x where x > 0, else slope x. The slope is constant and repeats over x by numpy's rules, one way only. */
#include "nn/plan-internal.h"

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0), *slope = nt_shapes_in(shapes, node, 1);
    NtShape both;
    if (!nt_shape_broadcast(in, slope, &both) || !nt_shape_equal(in, &both)) {
        g_autofree char *a = nt_shape_text(in), *b = nt_shape_text(slope);
        return nt_op_corrupt(shapes, node, error, "a slope of shape %s does not fit %s", b, a);
    }
    if (nt_shapes_type(shapes, node, 0) != NT_F32 || nt_shapes_type(shapes, node, 1) != NT_F32) {
        return nt_op_refuse(shapes, node, error, "integers are not supported");
    }
    return nt_shapes_out(shapes, node, 0, NT_F32, in, error);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    const NtShape *shape = &in->shape;
    int64_t strides[NT_MAX_RANK];
    nt_shape_broadcast_strides(&in[1].shape, shape->rank, strides);
    for (int64_t i = 0, count = nt_shape_count(shape); i < count; i++) {
        int64_t rest = i, at = 0;
        for (unsigned d = shape->rank; d-- > 0;) {
            at += rest % shape->dims[d] * strides[d];
            rest /= shape->dims[d];
        }
        float x = in->f32[i];
        out->f32[i] = x > 0 ? x : in[1].f32[at] * x;
    }
    return true;
}

/* oneDNN's primitive, in x's layout; the slope lies as it likes. */
static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    NtTensor *known = build->shapes->known[node->inputs[1]];
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    unsigned slot, weights;
    if (known == NULL || known->shape.rank > shape->rank || !nt_build_slot(build, node->inputs[0], &slot, error)) {
        return known != NULL && known->shape.rank <= shape->rank ? false : nt_build_compute(build, node, error);
    }
    NtShape wide = nt_shape_widen(&known->shape, shape->rank);
    g_autoptr(NtLayout) layout = nt_layout_ref(nt_slot_layout(build, slot));
    g_autoptr(NtLayout) any = nt_layout_any(&wide);
    g_autoptr(NtLayout) plain = nt_layout_plain(&wide);
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_PRELU, .src = layout, .weights = any, .dst = layout};
    g_autoptr(NtPrimitive) prelu = nt_primitive_new(&spec, NULL);
    if (prelu == NULL) {
        return nt_build_compute(build, node, error);
    }
    g_autoptr(NtLayout) packed = nt_primitive_layout(prelu, NT_ROLE_WEIGHTS);
    if (!nt_build_weights(build, known, plain, packed, &weights, error)) {
        return false;
    }
    unsigned to = slot;
    if (nt_build_may_overwrite(build, slot)) {
        nt_build_view(build, node->outputs[0], slot, layout);
    } else {
        to = nt_build_output(build, node->outputs[0], layout);
    }
    NtStepArgument arguments[] = {{NT_ROLE_SRC, slot}, {NT_ROLE_WEIGHTS, weights}, {NT_ROLE_DST, to}};
    return nt_build_primitive(build, node, g_steal_pointer(&prelu), arguments, 3);
}

const NtOp nt_op_prelu = {.type = "PRelu",
                          .since = 7,
                          .min_inputs = 2,
                          .max_inputs = 2,
                          .max_outputs = 1,
                          .infer = infer,
                          .compute = compute,
                          .plan = plan};
