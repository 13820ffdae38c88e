/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph between the ONNX file and the plan: values (tensors by number), nodes, attributes, constants.
 * Built by onnx-read.c, changed by the passes at load, only read after that.
 *
 * A value is produced by at most one node; its constant, when it has one, is what every run sees. Two element types are
 * enough for photo networks: float32 (which takes in float16 and double), and int64 (which takes in int32, bool and the
 * small integers) for shapes, axes and indices, whose values must be known before running.
 */
#ifndef NT_NN_GRAPH_INTERNAL_H
#define NT_NN_GRAPH_INTERNAL_H

#include "base/base.h"

#define NT_MAX_RANK 8
/* Elements of one tensor: what a signed 64-bit byte count holds with room to spare. */
#define NT_MAX_ELEMENTS (INT64_C(1) << 40)

typedef enum NtElement { NT_F32, NT_I64 } NtElement;

static inline size_t nt_element_size(NtElement type) { return type == NT_F32 ? 4 : 8; }

typedef struct NtShape {
    unsigned rank;
    int64_t dims[NT_MAX_RANK];
} NtShape;

/* Elements of a shape whose dims were checked by nt_shape_check. */
int64_t nt_shape_count(const NtShape *shape);
/* The product of dims first .. last - 1. */
int64_t nt_shape_span(const NtShape *shape, unsigned first, unsigned last);
bool nt_shape_equal(const NtShape *a, const NtShape *b);
/* True when every dim is >= 0 and the product is at most NT_MAX_ELEMENTS. */
bool nt_shape_check(const NtShape *shape);
/* "(1, 3, 224, 224)"; new text. */
char *nt_shape_text(const NtShape *shape);
/* Row-major strides in elements. */
void nt_shape_strides(const NtShape *shape, int64_t strides[NT_MAX_RANK]);
/* The shape in `rank` dims, as broadcasting has it: ones added in front, or leading dims dropped. */
NtShape nt_shape_widen(const NtShape *shape, unsigned rank);
/* Strides in elements of a tensor that broadcasts to `rank` dims: 0 along a dim that it repeats over. */
void nt_shape_broadcast_strides(const NtShape *shape, unsigned rank, int64_t strides[NT_MAX_RANK]);

/* A constant, row-major; shared by counted references, not changed once others hold it. */
typedef struct NtTensor {
    NtElement type;
    NtShape shape;
    union {
        void *data; /* 64-byte aligned; NULL once the plan has taken the content over (nt_tensor_release) */
        float *f32;
        int64_t *i64;
    };
} NtTensor;

/* Not cleared. Errors: LIMIT, NO_MEMORY. */
NtTensor *nt_tensor_new(NtElement type, const NtShape *shape, GError **error);
NtTensor *nt_tensor_ref(NtTensor *tensor);
void nt_tensor_unref(NtTensor *tensor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtTensor, nt_tensor_unref)
/* Frees the content and keeps type and shape. */
void nt_tensor_release(NtTensor *tensor);

typedef struct NtValue {
    char *name;         /* fit for messages; the exact name of the file is the key in NtGraph.names */
    NtTensor *constant; /* owned reference; NULL: made by a node or given as input */
    int producer;       /* index of its node, -1: none (input or constant) */
    int user;           /* index of the last node that reads it, -1: none */
    int uses;           /* inputs of live nodes that name it, + 1 for the network's output */
    int replaced;       /* -1, or the value that takes its place at the next sort */
} NtValue;

typedef enum NtAttributeType {
    NT_ATTRIBUTE_FLOAT = 1,
    NT_ATTRIBUTE_INT = 2,
    NT_ATTRIBUTE_STRING = 3,
    NT_ATTRIBUTE_TENSOR = 4,
    NT_ATTRIBUTE_FLOATS = 6,
    NT_ATTRIBUTE_INTS = 7,
    NT_ATTRIBUTE_STRINGS = 8,
} NtAttributeType;

typedef struct NtAttribute {
    char *name;
    NtAttributeType type;
    float f;
    int64_t i;
    char *s;
    NtTensor *tensor;
    float *floats;
    int64_t *ints;
    size_t count; /* of floats or ints */
} NtAttribute;

/* A step fused behind a node: applied to its result in order. */
typedef enum NtPostOpKind {
    NT_POST_OP_ELTWISE, /* y = alg(y; alpha, beta) */
    NT_POST_OP_ADD,     /* y = y + value, same shape or broadcast */
    NT_POST_OP_MUL,
} NtPostOpKind;

/* Elementwise functions, named and parameterised as oneDNN does; see onednn-internal.h. */
typedef enum NtEltwise {
    NT_ELTWISE_RELU,     /* x > 0 ? x : alpha x */
    NT_ELTWISE_CLIP,     /* min(beta, max(alpha, x)) */
    NT_ELTWISE_LOGISTIC, /* 1 / (1 + exp(-x)) */
    NT_ELTWISE_TANH,
    NT_ELTWISE_ELU, /* x > 0 ? x : alpha (exp(x) - 1) */
    NT_ELTWISE_ABS,
    NT_ELTWISE_SQRT,
    NT_ELTWISE_LINEAR, /* alpha x + beta */
    NT_ELTWISE_EXP,
    NT_ELTWISE_LOG,
    NT_ELTWISE_GELU_ERF,
    NT_ELTWISE_GELU_TANH,
    NT_ELTWISE_SWISH,     /* x / (1 + exp(-alpha x)) */
    NT_ELTWISE_HARDSWISH, /* x clip(x / 6 + 1 / 2, 0, 1) */
    NT_ELTWISE_SOFTPLUS,  /* log(1 + exp(x)) */
    NT_ELTWISE_MISH,      /* x tanh(softplus(x)) */
} NtEltwise;

typedef struct NtPostOp {
    NtPostOpKind kind;
    NtEltwise alg;
    float alpha, beta;
    int value; /* ADD, MUL */
} NtPostOp;

#define NT_MAX_POST_OPS 8

typedef struct NtOp NtOp;

typedef struct NtNode {
    char *name; /* the file's, or "#12" by place when it has none */
    char *type; /* operator */
    const NtOp *op;
    int *inputs; /* values, -1 where an optional input is left out */
    unsigned input_count;
    int *outputs; /* values, -1 where not wanted */
    unsigned output_count;
    GPtrArray *attributes; /* of NtAttribute */
    NtPostOp post_ops[NT_MAX_POST_OPS];
    unsigned post_op_count;
    int index; /* its place in NtGraph.nodes */
    bool made; /* by a pass: the file's opset does not bind it */
    bool dead; /* dropped at the next sort */
} NtNode;

typedef struct NtGraph {
    char *name; /* of the file, for messages */
    char *producer;
    int64_t opset;
    GArray *values;      /* of NtValue */
    GPtrArray *nodes;    /* of NtNode, in an order that can be run */
    GHashTable *names;   /* name -> value + 1 */
    int input;           /* value */
    NtShape input_shape; /* as declared; -1 where the file leaves a dim open */
    bool byte_input;     /* declared as uint8: whole numbers from 0 to 255, held as float32 all the same */
    int *outputs;        /* values, in the file's order */
    unsigned output_count;
    int output; /* the value taken as the embedding, once nt_truncate has chosen */
    size_t nodes_read;
} NtGraph;

NtGraph *nt_graph_new(const char *name);
void nt_graph_free(NtGraph *graph);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtGraph, nt_graph_free)

static inline NtValue *nt_graph_value(const NtGraph *graph, int value) {
    return &g_array_index(graph->values, NtValue, value);
}
static inline NtNode *nt_graph_node(const NtGraph *graph, unsigned node) {
    return (NtNode *)g_ptr_array_index(graph->nodes, node);
}
/* The live node that makes a value; NULL for inputs and constants. */
NtNode *nt_graph_producer(const NtGraph *graph, int value);
static inline NtTensor *nt_graph_constant(const NtGraph *graph, int value) {
    return value < 0 ? NULL : nt_graph_value(graph, value)->constant;
}

/* The value of this name, made when it is new. */
int nt_graph_named(NtGraph *graph, const char *name);
/* A new value with a name of its own that starts like that of `like`; takes the constant (may be NULL). */
int nt_graph_derive(NtGraph *graph, int like, NtTensor *constant);
/* Appends a node (the caller sorts afterwards); inputs and outputs are copied. */
NtNode *nt_graph_append(NtGraph *graph, const char *name, const char *type);
void nt_node_set_inputs(NtNode *node, const int *values, unsigned count);
void nt_node_set_outputs(NtNode *node, const int *values, unsigned count);

/* Orders nodes so that each comes after what it reads (stable), drops the dead ones, and sets `producer` and `uses`
 * anew. Errors: CORRUPT naming a node of a cycle or a value made twice. */
bool nt_graph_sort(NtGraph *graph, GError **error);
/* Marks nodes dead that do not lead to the output, frees constants nobody reads, then sorts. */
bool nt_graph_sweep(NtGraph *graph, GError **error);
/* Every reader of `from` reads `to` instead, the network's output too: from the next sort on, and in what
 * nt_graph_resolve returns at once. Constant time, so that a pass over a hostile file stays linear. */
void nt_graph_replace(NtGraph *graph, int from, int to);
int nt_graph_resolve(const NtGraph *graph, int value);
/* The only reader of a value: NULL when it has none, several, or is the output. */
NtNode *nt_graph_only_user(const NtGraph *graph, int value);
/* `node` makes what its only user `next` made, which is dead from now on. */
void nt_graph_absorb(NtGraph *graph, NtNode *node, NtNode *next);

NtAttribute *nt_attribute_new(const char *name, NtAttributeType type);
void nt_attribute_free(NtAttribute *attribute);
/* Attributes by name; the fallback when absent. A different type counts as absent only after op.c has checked types. */
const NtAttribute *nt_node_attribute(const NtNode *node, const char *name);
int64_t nt_node_int(const NtNode *node, const char *name, int64_t fallback);
float nt_node_float(const NtNode *node, const char *name, float fallback);
const char *nt_node_string(const NtNode *node, const char *name, const char *fallback);
void nt_node_set_int(NtNode *node, const char *name, int64_t value);
void nt_node_set_float(NtNode *node, const char *name, float value);
void nt_node_set_string(NtNode *node, const char *name, const char *value);
void nt_node_set_ints(NtNode *node, const char *name, const int64_t *values, size_t count);

/* Sets an error that begins with the file, the node, its operator and the opset; returns false. */
bool nt_node_fail(const NtGraph *graph, const NtNode *node, NiteruError code, GError **error, const char *format, ...)
    G_GNUC_PRINTF(5, 6);

#endif
