/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators. To add one: write ops/<name>.c with an NtOp, and add its row to ops/table.c.
 *
 *   attributes  names and types, checked before anything else; whether a value is done is checked in `infer`
 *   infer       shapes and element types of the outputs from those of the inputs
 *   compute     the operator in plain C on row-major tensors: folds constants, and runs it where there is no `plan`
 *   plan        steps on oneDNN, in the layouts that it likes; NULL: run `compute`
 *
 * An operator with neither compute nor plan cannot exist. Shape arithmetic (int64) is only ever folded.
 */
#ifndef NT_NN_OP_INTERNAL_H
#define NT_NN_OP_INTERNAL_H

#include "nn/graph-internal.h"

typedef struct NtShapes NtShapes;
typedef struct NtBuild NtBuild;

/* A tensor as compute sees it: row-major, not owned. */
typedef struct NtView {
    NtElement type;
    NtShape shape;
    union {
        void *data;
        float *f32;
        int64_t *i64;
    };
} NtView;

/* One attribute an operator knows: name, type, and the opsets that have it (0: no bound). */
typedef struct NtAttributeRule {
    const char *name;
    NtAttributeType type;
    int since, until;
} NtAttributeRule;

struct NtOp {
    const char *type; /* as ONNX spells it */
    int since, until; /* opsets whose meaning of it is done; until 0: every later one */
    unsigned min_inputs, max_inputs, max_outputs;
    const NtAttributeRule *attributes; /* ends with a NULL name; NULL: none */
    bool (*infer)(NtShapes *shapes, const NtNode *node, GError **error);
    /* `in` has input_count views, data NULL where an optional input is left out; `out` is allocated. Errors are only
     * for values (an index out of range). */
    bool (*compute)(const NtNode *node, const NtView *in, const NtView *out, GError **error);
    bool (*plan)(NtBuild *build, const NtNode *node, GError **error);
    bool fuses; /* its plan carries out post-ops; its first input is what the post-ops' operands are as large as */
    bool batch_shape; /* the output's value follows from the input's shape alone (Shape, Size) */
};

/* The row for an operator; NULL when there is none. */
const NtOp *nt_op_find(const char *type);
/* Row i of the table, for who wants them all; NULL after the last. */
const NtOp *nt_op_at(unsigned i);

/* Checks a node against its row: opset, number of inputs and outputs, attribute names and types. Errors: UNSUPPORTED,
 * CORRUPT. */
bool nt_op_check(const NtGraph *graph, const NtNode *node, GError **error);

/*
 * Shapes of every value at one batch size, with the values that are known before running (constants and all that
 * follows from them and from shapes).
 */
struct NtShapes {
    const NtGraph *graph;
    int64_t batch;
    NtShape *shapes;  /* per value */
    NtElement *types; /* per value */
    NtTensor **known; /* per value; owned reference or NULL */
    unsigned count;   /* values covered */
    int64_t elements; /* that may still be computed */
    int64_t work;     /* multiplications spent on it */
};

/* Infers every node of a sorted graph for an input of this shape (all dims given). Errors: UNSUPPORTED, CORRUPT, LIMIT,
 * NO_MEMORY, all naming the node. */
NtShapes *nt_shapes_infer(const NtGraph *graph, const NtShape *input, GError **error);
void nt_shapes_free(NtShapes *shapes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtShapes, nt_shapes_free)

/* The shape of input i (rank 0 when it is left out), and its known value (NULL: not known, or left out). */
const NtShape *nt_shapes_in(const NtShapes *shapes, const NtNode *node, unsigned i);
const NtTensor *nt_shapes_known(const NtShapes *shapes, const NtNode *node, unsigned i);
NtElement nt_shapes_type(const NtShapes *shapes, const NtNode *node, unsigned i);
bool nt_node_has_input(const NtNode *node, unsigned i);

/* Sets output i; checks the shape. */
bool nt_shapes_out(NtShapes *shapes, const NtNode *node, unsigned i, NtElement type, const NtShape *shape,
                   GError **error);

/* The int64 values of input i, or of the attribute of the same meaning in older opsets; *out is borrowed. `name` NULL:
 * no such attribute. *out NULL when neither is given. Errors: UNSUPPORTED when the input is only known while running.
 */
bool nt_shapes_ints(const NtShapes *shapes, const NtNode *node, unsigned i, const char *name, const int64_t **out,
                    size_t *out_count, GError **error);

/* An axis of `rank` dims, counted from the end when negative; false with an error when out of range. */
bool nt_op_axis(const NtShapes *shapes, const NtNode *node, int64_t axis, unsigned rank, unsigned *out, GError **error);
/* The error for an attribute value that is not done; returns false. */
bool nt_op_refuse(const NtShapes *shapes, const NtNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* The error for inputs that contradict each other; returns false. */
bool nt_op_corrupt(const NtShapes *shapes, const NtNode *node, GError **error, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* The numpy broadcast of two shapes; false when they do not fit. */
bool nt_shape_broadcast(const NtShape *a, const NtShape *b, NtShape *out);

/* Sliding windows (Conv, pools) resolved to numbers; spatial dims are 2 .. rank - 1. */
typedef struct NtWindow {
    unsigned dims; /* spatial */
    int64_t kernel[NT_MAX_RANK], stride[NT_MAX_RANK], dilation[NT_MAX_RANK];
    int64_t pad_begin[NT_MAX_RANK], pad_end[NT_MAX_RANK]; /* zeros or ignored cells before and after, as used */
    int64_t pad_declared[NT_MAX_RANK];                    /* pad_end without what ceil_mode adds */
    int64_t out[NT_MAX_RANK];
} NtWindow;

/* Reads kernel_shape (or `kernel` when given), strides, dilations, pads, auto_pad, ceil_mode of a node for an input of
 * this shape. */
bool nt_op_window(const NtShapes *shapes, const NtNode *node, const NtShape *in, const int64_t *kernel, NtWindow *out,
                  GError **error);

/* The elementwise functions that make up a node of one varying input (data is input *out_input) and constant
 * parameters, in order; returns how many (at most 2), 0 when it is none. `shapes` NULL: only the graph's constants
 * count as known. */
unsigned nt_op_eltwise(const NtGraph *graph, const NtShapes *shapes, const NtNode *node, unsigned *out_input,
                       NtPostOp out[2]);
/* Plans a node that nt_op_eltwise knows: in place where nobody else reads its input. False without an error: it is not
 * one of these. */
bool nt_op_plan_eltwise(NtBuild *build, const NtNode *node, bool *out_done, GError **error);
/* Applies it to one number; the reference for every way it is run. */
float nt_eltwise_apply(NtEltwise alg, float x, float alpha, float beta);

#endif
