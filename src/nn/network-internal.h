/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of loading, and what runners need of a network. */
#ifndef NT_NN_NETWORK_INTERNAL_H
#define NT_NN_NETWORK_INTERNAL_H

#include "nn/nn.h"
#include "nn/plan-internal.h"

/* ---- input.c ---- */

/* Finds where channels, height and width are in the graph's input, and fills in what the file leaves open. */
typedef struct NtInput {
    NtShape shape; /* as the graph wants it; dims[0] is the batch, 0 when open */
    bool channels_last;
    unsigned channels, height, width;
} NtInput;
bool nt_input_settle(const NtGraph *graph, unsigned height, unsigned width, NtInput *out, GError **error);

/* After truncation: nothing but the photo is needed, and a uint8 photo is cast before anything calculates with it.
 * Errors: UNSUPPORTED. */
bool nt_input_alone(const NtGraph *graph, GError **error);
bool nt_input_bytes(const NtGraph *graph, GError **error);

/* ---- weights.c ---- */

/* Refuses weights that are not finite numbers: activations would hide them (max(NaN, 0) is 0). Errors: CORRUPT, naming
 * the tensor. */
bool nt_check_weights(const NtGraph *graph, GError **error);

/* ---- truncate.c ---- */

/* How the output was chosen. */
typedef struct NtTruncation {
    const char *choice; /* words for people, static */
    char *node;         /* the classifier that was cut off, new text; NULL: none */
    size_t length;      /* its classes, 0: not known */
} NtTruncation;

/* Chooses graph->output by the rule in nn.h. */
bool nt_truncate(NtGraph *graph, const char *output, NtTruncation *out, GError **error);

/* Names of the file's outputs, ", " between; the first 20. New text. */
char *nt_graph_output_names(const NtGraph *graph);

/* ---- class-token.c ---- */

/* Where the chosen output, of this shape for this input, is a transformer's tokens (N, tokens, C) with the class token
 * first, appends what takes that one; graph->output and `shape` are the result. */
bool nt_class_token(NtGraph *graph, const NtShape *input, NtShape *shape, bool *out_taken, GError **error);

/* ---- global-pool.c ---- */

/* Appends what turns the chosen output into (N, dimension), given its shape; graph->output is the result. */
bool nt_global_pool(NtGraph *graph, const NtShape *shape, bool input_channels_last, bool *out_pooled, GError **error);

/* ---- passes.c ---- */

/* Makes the graph smaller and faster without changing what it computes (up to rounding). `input` is a shape to infer
 * with; its batch must not matter. */
bool nt_optimise(NtGraph *graph, const NtShape *input, GError **error);

/* ---- network.c ---- */

/* The plan for this many photos at a time; made on first use, kept for all runners. Takes the network's lock. */
const NtPlan *nt_network_plan(NtNetwork *network, unsigned batch, unsigned threads, GError **error);
/* The batch that the file fixes, 0 when it is open. */
unsigned nt_network_batch(const NtNetwork *network);
/* For tests: the graph after all passes. */
const NtGraph *nt_network_graph(const NtNetwork *network);

#endif
