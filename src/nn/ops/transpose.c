/* SPDX-License-Identifier: Apache-2.0 */
/* Transpose: a view in every layout, since only the names of the axes change. What reads it pays, if it must at all. */
#include "nn/plan-internal.h"

static bool permutation(const NtShapes *shapes, const NtNode *node, unsigned rank, unsigned perm[NT_MAX_RANK],
                        GError **error) {
    const NtAttribute *attribute = nt_node_attribute(node, "perm");
    bool seen[NT_MAX_RANK] = {false};
    if (attribute != NULL && attribute->count != rank) {
        return nt_op_corrupt(shapes, node, error, "perm has %zu axes for %u dims", attribute->count, rank);
    }
    for (unsigned i = 0; i < rank; i++) {
        int64_t axis = attribute != NULL ? attribute->ints[i] : (int64_t)(rank - 1 - i);
        if (axis < 0 || axis >= (int64_t)rank || seen[axis]) {
            return nt_op_corrupt(shapes, node, error, "perm is no permutation");
        }
        seen[axis] = true;
        perm[i] = (unsigned)axis;
    }
    return true;
}

static bool infer(NtShapes *shapes, const NtNode *node, GError **error) {
    const NtShape *in = nt_shapes_in(shapes, node, 0);
    unsigned perm[NT_MAX_RANK];
    NtShape out = {.rank = in->rank};
    if (!permutation(shapes, node, in->rank, perm, error)) {
        return false;
    }
    for (unsigned i = 0; i < in->rank; i++) {
        out.dims[i] = in->dims[perm[i]];
    }
    return nt_shapes_out(shapes, node, 0, nt_shapes_type(shapes, node, 0), &out, error);
}

static bool compute(const NtNode *node, const NtView *in, const NtView *out, GError **error) {
    unsigned perm[NT_MAX_RANK];
    int64_t strides[NT_MAX_RANK], at[NT_MAX_RANK] = {0}, from = 0;
    if (!permutation(NULL, node, in->shape.rank, perm, error)) {
        return false;
    }
    nt_shape_strides(&in->shape, strides);
    for (int64_t i = 0, count = nt_shape_count(&out->shape); i < count; i++) {
        if (out->type == NT_F32) {
            out->f32[i] = in->f32[from];
        } else {
            out->i64[i] = in->i64[from];
        }
        for (unsigned d = out->shape.rank; d-- > 0;) {
            from += strides[perm[d]];
            if (++at[d] < out->shape.dims[d]) {
                break;
            }
            from -= strides[perm[d]] * at[d];
            at[d] = 0;
        }
    }
    return true;
}

static bool plan(NtBuild *build, const NtNode *node, GError **error) {
    unsigned perm[NT_MAX_RANK], slot;
    if (!permutation(build->shapes, node, nt_build_shape(build, node->inputs[0])->rank, perm, error) ||
        !nt_build_slot(build, node->inputs[0], &slot, error)) {
        return false;
    }
    g_autoptr(NtLayout) layout = nt_layout_permute(nt_slot_layout(build, slot), perm);
    if (layout == NULL) {
        return nt_build_compute(build, node, error);
    }
    nt_build_view(build, node->outputs[0], slot, layout);
    return true;
}

static const NtAttributeRule rules[] = {{"perm", NT_ATTRIBUTE_INTS}, {NULL}};

const NtOp nt_op_transpose = {.type = "Transpose",
                              .since = 1,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .max_outputs = 1,
                              .attributes = rules,
                              .infer = infer,
                              .compute = compute,
                              .plan = plan};
