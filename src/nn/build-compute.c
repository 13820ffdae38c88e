/* SPDX-License-Identifier: Apache-2.0 */
/* A step in plain C, where no primitive does a node. */
#include "nn/plan-internal.h"

bool nt_build_compute(NtBuild *build, const NtNode *node, GError **error) {
    if (node->op->compute == NULL) {
        return nt_node_fail(build->graph, node, NITERU_ERROR_UNSUPPORTED, error, "cannot run on these inputs");
    }
    unsigned count = node->input_count + node->output_count;
    NtStep step = {.node = node, .arguments = g_new0(NtStepArgument, count + 1), .argument_count = count};
    for (unsigned i = 0; i < node->input_count; i++) {
        int value = node->inputs[i];
        step.arguments[i].slot = NT_NO_SLOT;
        if (value >= 0 && build->shapes->known[value] == NULL &&
            !nt_build_plain(build, value, &step.arguments[i].slot, error)) {
            g_free(step.arguments);
            return false;
        }
    }
    for (unsigned i = 0; i < node->output_count; i++) {
        step.arguments[node->input_count + i].slot = NT_NO_SLOT;
        if (node->outputs[i] >= 0) {
            g_autoptr(NtLayout) plain = nt_layout_plain(nt_build_shape(build, node->outputs[i]));
            step.arguments[node->input_count + i].slot = nt_build_output(build, node->outputs[i], plain);
        }
    }
    nt_build_step(build, &step);
    return node->post_op_count == 0 || nt_fusion_after(build, node, error);
}
