/* SPDX-License-Identifier: Apache-2.0 */
/* Weights must be numbers. Not-a-number is refused anywhere; infinity where a layer multiplies with it (as the bound of
 * a Clip or in an attention mask it has its meaning). */
#include "nn/network-internal.h"

#include <math.h>
#include <string.h>

/* Blocks are looked at whole, without a branch per number, which runs as fast as memory. */
enum { BLOCK = 4096 };

static bool is_plain(const float *values, size_t count) {
    uint32_t worst = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits &= 0x7f800000u;
        worst = bits > worst ? bits : worst;
    }
    return worst < 0x7f800000u;
}

/* The first element that is not finite, or, with `infinite`, not a number; -1 when there is none. */
static int64_t find_odd(const NtTensor *tensor, bool infinite) {
    int64_t count = nt_shape_count(&tensor->shape);
    for (int64_t at = 0; at < count; at += BLOCK) {
        int64_t here = MIN(BLOCK, count - at);
        for (int64_t i = at; !is_plain(tensor->f32 + at, (size_t)here) && i < at + here; i++) {
            if (isnan(tensor->f32[i]) || (!infinite && isinf(tensor->f32[i]))) {
                return i;
            }
        }
    }
    return -1;
}

bool nt_check_weights(const NtGraph *graph, GError **error) {
    static const char *const layers[] = {
        "Conv", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization", "LayerNormalization", "PRelu", NULL};
    g_autofree bool *seen = g_new0(bool, graph->values->len);
    for (unsigned n = 0; n < graph->nodes->len; n++) {
        const NtNode *node = nt_graph_node(graph, n);
        bool layer = g_strv_contains(layers, node->type);
        for (unsigned i = 0; i < node->input_count; i++) {
            int value = node->inputs[i];
            const NtTensor *tensor = nt_graph_constant(graph, value);
            if (tensor == NULL || tensor->type != NT_F32 || (seen[value] && !layer)) {
                continue;
            }
            seen[value] = true;
            int64_t odd = find_odd(tensor, !layer);
            if (odd >= 0) {
                return nt_node_fail(graph, node, NITERU_ERROR_CORRUPT, error,
                                    "element %" G_GINT64_FORMAT " of its weights '%s' is %s; the file is damaged, or "
                                    "the training that made it failed",
                                    odd, nt_graph_value(graph, value)->name,
                                    isnan(tensor->f32[odd]) ? "not a number" : "infinite");
            }
        }
    }
    return true;
}
