/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a node's post-ops (graph level) to oneDNN's post-ops (plan level).
 *
 * A residual sum is done by accumulating into the buffer of the other branch, when nobody reads that afterwards and its
 * layout is the one the primitive writes; else the branch is copied once into the output's buffer. Constants and
 * broadcast operands become binary post-ops.
 */
#include "nn/plan-internal.h"

static void fusion_fill(const NtBuild *build, const NtNode *node, unsigned rank, NtFusion *out) {
    const NtShape *shape = nt_build_shape(build, node->outputs[0]);
    *out = (NtFusion){.sum = -1, .count = node->post_op_count};
    for (unsigned i = 0; i < node->post_op_count; i++) {
        const NtPostOp *post_op = &node->post_ops[i];
        NtPrimitivePostOp *to = &out->post_ops[i];
        if (post_op->kind == NT_POST_OP_ELTWISE) {
            *to = (NtPrimitivePostOp){
                .kind = NT_FUSE_ELTWISE, .eltwise = post_op->alg, .alpha = post_op->alpha, .beta = post_op->beta};
            continue;
        }
        const NtShape *other = nt_build_shape(build, post_op->value);
        if (post_op->kind == NT_POST_OP_ADD && out->sum < 0 && nt_shape_equal(shape, other)) {
            out->sum = post_op->value;
            *to = (NtPrimitivePostOp){.kind = NT_FUSE_SUM};
            continue;
        }
        NtShape wide = nt_shape_widen(other, MAX(rank, 1));
        out->operands[i] = nt_layout_plain(&wide);
        *to = (NtPrimitivePostOp){.kind = NT_FUSE_BINARY,
                                  .binary = post_op->kind == NT_POST_OP_ADD ? NT_BINARY_ADD : NT_BINARY_MUL,
                                  .operand = out->operands[i]};
    }
}

void nt_fusion_make(const NtBuild *build, const NtNode *node, NtPrimitiveKind kind, unsigned rank, NtFusion *out) {
    fusion_fill(build, node, rank, out);
    if (!nt_chains_allow(build->chains, kind, out->post_ops, out->count)) {
        nt_fusion_part(out);
    }
}

void nt_fusion_part(NtFusion *fusion) {
    bool apart = fusion->apart || fusion->count > 0;
    nt_fusion_clear(fusion);
    *fusion = (NtFusion){.sum = -1, .apart = apart};
}

void nt_fusion_clear(NtFusion *fusion) {
    for (unsigned i = 0; i < fusion->count; i++) {
        nt_layout_unref(fusion->operands[i]);
    }
}

bool nt_fusion_arguments(NtBuild *build, const NtNode *node, const NtFusion *fusion, NtStepArgument *arguments,
                         unsigned *count, GError **error) {
    for (unsigned i = 0; i < fusion->count; i++) {
        if (fusion->post_ops[i].kind == NT_FUSE_BINARY) {
            /* Only the number of dims differs from the plain layout: the same memory. */
            unsigned slot;
            if (!nt_build_plain(build, node->post_ops[i].value, &slot, error)) {
                return false;
            }
            arguments[*count] =
                (NtStepArgument){NT_ROLE_POST_OP + (int)i, nt_build_alias(build, slot, fusion->operands[i])};
            (*count)++;
        }
    }
    return true;
}

bool nt_fusion_output(NtBuild *build, const NtNode *node, const NtFusion *fusion, const NtLayout *layout, unsigned *out,
                      GError **error) {
    if (fusion->sum < 0) {
        *out = nt_build_output(build, node->outputs[0], layout);
        return true;
    }
    unsigned slot;
    if (!nt_build_slot(build, fusion->sum, &slot, error)) {
        return false;
    }
    if (!nt_build_may_overwrite(build, slot) || !nt_layout_equal(nt_slot_layout(build, slot), layout)) {
        if (!nt_build_copy(build, slot, layout, &slot, error)) {
            return false;
        }
    }
    nt_build_view(build, node->outputs[0], slot, layout);
    *out = build->value_slot[node->outputs[0]];
    return true;
}

/* The other operand of a post-op that runs as a step of its own: a summand in the result's layout, a repeated one
 * plain.
 */
static bool post_op_operand(NtBuild *build, const NtNode *node, const NtFusion *fusion, unsigned i,
                            const NtLayout *layout, unsigned *out, GError **error) {
    if (fusion->post_ops[i].kind == NT_FUSE_SUM) {
        return nt_build_as(build, node->post_ops[i].value, layout, out, error);
    }
    if (!nt_build_plain(build, node->post_ops[i].value, out, error)) {
        return false;
    }
    *out = nt_build_alias(build, *out, fusion->operands[i]);
    return true;
}

/* One post-op as a step of its own: `slot` holds what it works on and takes the result. */
static bool add_post_op_step(NtBuild *build, const NtNode *node, const NtFusion *fusion, unsigned i, unsigned slot,
                             GError **error) {
    const NtPrimitivePostOp *post_op = &fusion->post_ops[i];
    g_autoptr(NtLayout) layout = nt_layout_ref(nt_slot_layout(build, slot));
    NtPrimitiveSpec spec = {.kind = NT_PRIMITIVE_ELTWISE,
                            .src = layout,
                            .dst = layout,
                            .eltwise = post_op->eltwise,
                            .alpha = post_op->alpha,
                            .beta = post_op->beta};
    NtStepArgument arguments[] = {{NT_ROLE_SRC, slot}, {NT_ROLE_DST, slot}, {.role = NT_ROLE_SRC1}};
    if (post_op->kind != NT_FUSE_ELTWISE) {
        if (!post_op_operand(build, node, fusion, i, layout, &arguments[2].slot, error)) {
            return false;
        }
        spec.kind = NT_PRIMITIVE_BINARY;
        spec.binary = post_op->kind == NT_FUSE_BINARY ? post_op->binary : NT_BINARY_ADD;
        spec.src1 = nt_slot_layout(build, arguments[2].slot);
    }
    NtPrimitive *primitive = nt_primitive_new(&spec, error);
    return primitive != NULL &&
           nt_build_primitive(build, node, primitive, arguments, post_op->kind == NT_FUSE_ELTWISE ? 2 : 3);
}

bool nt_fusion_after(NtBuild *build, const NtNode *node, GError **error) {
    g_auto(NtFusion) fusion;
    unsigned slot = build->value_slot[node->outputs[0]];
    fusion_fill(build, node, nt_build_shape(build, node->outputs[0])->rank, &fusion);
    for (unsigned i = 0; i < fusion.count; i++) {
        if (!add_post_op_step(build, node, &fusion, i, slot, error)) {
            return false;
        }
    }
    return true;
}
