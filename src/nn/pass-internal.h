/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes: each makes the graph smaller without changing what it computes. A pass sees a sorted graph with its shapes
 * (at a batch that must not be relied on), may kill nodes, append nodes and change edges, and leaves order, links and
 * shapes to the driver. Values made during a pass have no shape yet: numbers >= shapes->count.
 */
#ifndef NT_NN_PASS_INTERNAL_H
#define NT_NN_PASS_INTERNAL_H

#include "nn/op-internal.h"

bool nt_pass_fold(NtGraph *graph, const NtShapes *shapes, GError **error); /* constants, and what does nothing */
bool nt_pass_transpose(NtGraph *graph, const NtShapes *shapes,
                       GError **error);                                   /* moves Transposes down until they meet */
bool nt_pass_pad(NtGraph *graph, const NtShapes *shapes, GError **error); /* Pad into the window behind it */
bool nt_pass_activation(NtGraph *graph, const NtShapes *shapes,
                        GError **error); /* Swish, HardSwish, Gelu from their parts */
bool nt_pass_affine(NtGraph *graph, const NtShapes *shapes, GError **error); /* scales and shifts into weights */
bool nt_pass_fuse(NtGraph *graph, const NtShapes *shapes, GError **error); /* elementwise steps and sums as post-ops */

/* A new node made by a pass, with its links set: `input` and `output` are values (more inputs: set them by hand). */
NtNode *nt_pass_node(NtGraph *graph, const NtNode *like, const char *type, int input, int output);

/* Pad's amounts per axis, arrays of NT_MAX_RANK. */
bool nt_op_pads(const NtShapes *shapes, const NtNode *node, int64_t *begin, int64_t *end, GError **error);

#endif
