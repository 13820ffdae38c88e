/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn: ONNX networks as embedders, fp32 on the CPU.
 *
 *     file ── read ──► graph ── truncate, fold, fuse ──► network ── plan per batch size ──► runner ──► vectors
 *             bounded           once at load         shared         made on first use    one per thread
 *
 * A network is loaded once, optimised and shared by all threads. Each thread has a runner: its own block of
 * activations, laid out by one memory plan. Weights are kept once, in the layout that the convolutions want.
 *
 * Which tensor is the embedding: NtNetworkOptions.output, else the output named `embedding`, else what feeds the last
 * fully connected layer (a classifier is cut off with the softmax behind it), else the only output. A tensor that is
 * still a map (N, C, H, W) is averaged over H and W.
 *
 * Files are hostile: sizes, shapes and references are checked before memory is taken, control flow is refused, and so
 * is data outside the network's own folder. An operator, attribute or opset that is not supported is an error that
 * names node, operator and opset.
 */
#ifndef NT_NN_H
#define NT_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/base.h"

/* A loaded network. Immutable for its users and safe to share between threads; counted references. */
typedef struct NtNetwork NtNetwork;

/* All zeros means defaults. */
typedef struct NtNetworkOptions {
    const char *output;     /* tensor to take as the embedding; NULL: by the rule above */
    unsigned height, width; /* pixels, for a file that leaves its input size open; 0: the file must say. A size that
                               contradicts the file is refused */
    const NtLimits *limits; /* NULL: the defaults */
    bool unoptimised;       /* run the graph as written: nothing folded or fused. For tests and for doubt; slow */
} NtNetworkOptions;

/*
 * A network's file, whole in memory, with those beside it that hold weights (torch.onnx.export and onnx.save write
 * large ones apart). Only plain files in the network's own folder are read; a link, a device, a name with a folder in
 * it is refused. Immutable: threads may share it.
 */
typedef struct NtNetworkFiles NtNetworkFiles;

/* Reads them; all together at most limits->onnx_bytes (limits NULL: the defaults). Errors: NOT_FOUND, IO, LIMIT,
 * INVALID (no regular file, or one that changes while it is read), CORRUPT, UNSUPPORTED. */
NtNetworkFiles *nt_network_files_read(const char *path, const NtLimits *limits, GError **error);
void nt_network_files_free(NtNetworkFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtNetworkFiles, nt_network_files_free)
/* How many; 0 is the network, whose name is "", the others have the names by which it refers to them. Borrowed. */
size_t nt_network_files_count(const NtNetworkFiles *files);
const char *nt_network_files_name(const NtNetworkFiles *files, size_t i);
GBytes *nt_network_files_bytes(const NtNetworkFiles *files, size_t i);
/* What tells this network from every other: of all files with their names. */
void nt_network_files_digest(const NtNetworkFiles *files, uint8_t out[NT_DIGEST_BYTES]);

/* Loads from files; `name` is for messages. The files are not needed after the call. */
NtNetwork *nt_network_load_files(const NtNetworkFiles *files, const char *name, const NtNetworkOptions *options,
                                 GError **error);

/* Reads, checks and optimises an ONNX file (seconds for the largest networks). Errors: NOT_FOUND, IO, LIMIT, CORRUPT
 * (bytes that are damaged or contradict themselves), UNSUPPORTED (names node, operator and opset), INVALID (options
 * that do not fit the file), NO_MEMORY. Drop with nt_network_unref. */
NtNetwork *nt_network_load(const char *path, const NtNetworkOptions *options, GError **error);

/* The same from memory; `name` is for messages. The bytes are not needed after the call. */
NtNetwork *nt_network_load_bytes(GBytes *bytes, const char *name, const NtNetworkOptions *options, GError **error);

NtNetwork *nt_network_ref(NtNetwork *network);
void nt_network_unref(NtNetwork *network);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtNetwork, nt_network_unref)

/* What a model card and `niteru model show` want to know. Texts live as long as the network. */
typedef struct NtNetworkInfo {
    const char *input;        /* name of the input tensor */
    unsigned channels;        /* 3 or 1 */
    unsigned height, width;   /* pixels */
    bool bytes;               /* the input is declared as uint8: whole numbers from 0 to 255; others are rounded */
    bool channels_last;       /* the file's input is (N, H, W, C); callers give (N, C, H, W) all the same */
    const char *output;       /* name of the tensor taken as the embedding */
    size_t dimension;         /* floats of one embedding */
    bool pooled;              /* the tensor is a map and is averaged over height and width */
    bool class_token;         /* the tensor is a transformer's tokens, and the class token is taken */
    const char *choice;       /* why this tensor: "the only output", ... */
    const char *truncated;    /* the classifier that was cut off with all behind it; NULL when none was */
    size_t truncated_classes; /* its classes; 0: none truncated, or not known */
    const char *outputs;      /* names of the file's outputs, ", " between */
    const char *unfused;  /* fused steps that this CPU's code gets wrong and that run apart, "; " between; "" none */
    double check_seconds; /* of loading, spent on comparing fused steps with plain arithmetic */
    const char *producer; /* what wrote the file, "" when it does not say */
    int64_t opset;        /* of the default domain */
    size_t nodes_read, nodes; /* in the file, and after the passes */
    uint64_t parameters;      /* floats of the weights in use */
    uint64_t parameter_bytes; /* memory they take */
    uint64_t multiply_adds;   /* of one photo's convolutions and matrix products */
} NtNetworkInfo;

const NtNetworkInfo *nt_network_info(const NtNetwork *network);

/* One thread's executor. Not thread-safe: one thread at a time uses it, any thread may. */
typedef struct NtRunner NtRunner;

/* A runner. `batch` tells how many photos a call will usually bring; how many go through at once is the runner's choice
 * (see runner.c: one, as a rule, which is fastest). `threads`: 1 for a worker of a pool, which is the fast way to embed
 * many photos (a runner per core); more for one photo as soon as possible; 0: one per core. Errors: UNSUPPORTED, LIMIT
 * (the activation plan is over onnx-activations), NO_MEMORY. */
NtRunner *nt_runner_new(NtNetwork *network, unsigned batch, unsigned threads, GError **error);
void nt_runner_free(NtRunner *runner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtRunner, nt_runner_free)

/* A run that is not done at this time (g_get_monotonic_time) fails with LIMIT, between two layers; 0: never. */
void nt_runner_set_deadline(NtRunner *runner, int64_t deadline);

/* Bytes of the runner's activation block. */
size_t nt_runner_bytes(const NtRunner *runner);

/* Embeds `n` photos, any number from 1: `input` is (n, channels, height, width) always in this order, `out` takes
 * (n, dimension), as the network gave them, not normalised. A photo's row does not depend on the others. `finite` (n
 * flags, or NULL) says which rows hold finite numbers only; the other rows must not be used. Errors: as nt_runner_new;
 * out is undefined then. */
bool nt_runner_run(NtRunner *runner, const float *input, unsigned n, float *out, bool *finite, GError **error);

#endif
