/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ONNX: bytes to graph. */
#ifndef NT_NN_ONNX_INTERNAL_H
#define NT_NN_ONNX_INTERNAL_H

#include "nn/graph-internal.h"
#include "nn/nn.h"
#include "nn/wire-internal.h"

/* Reads a ModelProto. Every operator is looked up, every name resolved, nodes sorted; shapes come later. `name` is for
 * messages. Errors: CORRUPT, LIMIT, UNSUPPORTED, NO_MEMORY. */
NtGraph *nt_onnx_read(const uint8_t *data, size_t size, const char *name, const NtLimits *limits, GError **error);

/* A declared input of the graph. */
typedef struct NtOnnxInput {
    int value;
    int64_t element; /* as onnx.proto numbers it */
    NtShape shape;   /* -1: open */
    bool has_shape;
} NtOnnxInput;

/* Finds the photo among the declared inputs: the one that is no initialiser and that a node reads; of several the only
 * one that has the shape of a photo (whether the embedding needs the others is seen after truncation). Sets
 * graph->input, input_shape and byte_input. Errors: UNSUPPORTED. */
bool nt_onnx_choose_input(NtGraph *graph, const NtOnnxInput *inputs, unsigned count, GError **error);

/* The same from files: tensors may keep their content in one beside the network's. */
NtGraph *nt_onnx_read_files(const NtNetworkFiles *files, const char *name, const NtLimits *limits, GError **error);

/* A TensorProto: its name (new text, "" when it has none) and content, copied and converted to float32 or int64.
 * `where` names the file and owner in messages. */
typedef struct NtOnnxTensor {
    char *name;
    NtTensor *tensor;
} NtOnnxTensor;

/* `files`: where content outside the file is, NULL: nowhere. */
bool nt_onnx_tensor(NtWire wire, const char *where, const NtNetworkFiles *files, NtOnnxTensor *out, GError **error);

/* Where a tensor keeps its content (TensorProto.external_data): all empty when the wire's tensor keeps it itself. */
typedef struct NtOnnxPlace {
    char *location; /* name of a file beside the network's, owned; NULL: none */
    uint64_t offset, length;
    bool has_length;
} NtOnnxPlace;
void nt_onnx_place_clear(NtOnnxPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtOnnxPlace, nt_onnx_place_clear)
/* The bytes of the file with this name beside the network's; borrowed, NULL: there is none. */
GBytes *nt_network_files_find(const NtNetworkFiles *files, const char *name);
/* Errors: CORRUPT, UNSUPPORTED (a path that leads out of the folder, another storage). */
bool nt_onnx_place(NtWire tensor, const char *where, const char *name, NtOnnxPlace *out, GError **error);

/* Longest list that an attribute or a node may hold. */
#define NT_ONNX_MAX_LIST 65536

/* An AttributeProto, added to `node`. Control flow, sparse tensors and attributes of functions are refused. */
bool nt_onnx_attribute(const NtGraph *graph, NtNode *node, NtWire wire, GError **error);

/* NULL when the code is not an element type that a network here can hold. */
const char *nt_onnx_element_name(int64_t code);
/* Whether values of this ONNX type are held as float32 or as int64; false when neither. */
bool nt_onnx_element(int64_t code, NtElement *out);

/* Text of a string field, new; NULL with an error when it is not UTF-8 or holds NUL. */
char *nt_onnx_text(const NtWireField *field, const char *where, GError **error);
/* The same into *out, freeing what was there; *out is NULL then when it fails. */
bool nt_onnx_take_text(const NtGraph *graph, const NtWireField *field, char **out, GError **error);

/* Sets CORRUPT, "`what` is damaged or cut short", and returns false. */
bool nt_onnx_damaged(const NtGraph *graph, const char *what, GError **error);

#endif
