/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: a network at one batch size and one number of threads, as a list of steps over one block of memory.
 *
 * A buffer is a stretch of the activation block with a life: from the step that writes it first to the last that reads
 * it. A slot is a tensor as one step sees it: a place (a buffer or a constant) and a layout; views (Reshape, Transpose)
 * and results computed in place are slots that share a buffer. A step is a oneDNN primitive, or an operator's
 * `compute`, with its slots.
 *
 * Plans are immutable once made and shared by runners; a runner adds the block.
 */
#ifndef NT_NN_PLAN_INTERNAL_H
#define NT_NN_PLAN_INTERNAL_H

#include "nn/onednn-internal.h"
#include "nn/op-internal.h"

/* Alignment of every buffer in the block, bytes. */
#define NT_BUFFER_ALIGN 64

typedef struct NtBuffer {
    size_t bytes;    /* a multiple of NT_BUFFER_ALIGN */
    int first, last; /* steps */
    size_t offset;   /* in the block */
} NtBuffer;

/* Gives every buffer an offset so that no two that live at the same time overlap; returns the size of the block. */
size_t nt_memory_plan(NtBuffer *buffers, unsigned count);
/* The checker: NULL, or a description of the first fault (overlap, misalignment, outside the block); new text. */
char *nt_memory_plan_check(const NtBuffer *buffers, unsigned count, size_t block);

typedef struct NtSlot {
    int buffer;           /* -1: constant */
    const void *constant; /* when buffer is -1; lives as long as the pool */
    NtLayout *layout;
} NtSlot;

#define NT_NO_SLOT UINT_MAX

typedef struct NtStepArgument {
    int role;
    unsigned slot;
} NtStepArgument;

typedef struct NtStep {
    const NtNode *node;        /* NULL: a reorder between nodes */
    NtPrimitive *primitive;    /* NULL: node->op->compute */
    NtStepArgument *arguments; /* of a primitive; of compute: inputs then outputs, role unused, NT_NO_SLOT where the
                                  known value is read or nothing is there */
    unsigned argument_count;
    int threads; /* the team the primitive was compiled for, 0: the plan's */
} NtStep;

/*
 * Weights in the layouts that primitives want, each once, for all plans of a network. A layout made for one plan is
 * offered to the next (nt_pool_offer), so that batch sizes do not multiply the weights.
 */
typedef struct NtPool NtPool;
NtPool *nt_pool_new(void);
void nt_pool_free(NtPool *pool);
/* The layout in which this constant, seen as `from`, is already kept; NULL when it is not. Borrowed. */
const NtLayout *nt_pool_offer(const NtPool *pool, const NtTensor *tensor, const NtLayout *from);
/* The constant, seen as `from`, in layout `to`; borrowed, lives with the pool. */
const void *nt_pool_get(NtPool *pool, NtTensor *tensor, const NtLayout *from, const NtLayout *to, GError **error);
/* Whether nt_pool_get can have it in layout `to`: not when only a layout is left that nothing leads out of
 * (Winograd's). */
bool nt_pool_can(const NtPool *pool, const NtTensor *tensor, const NtLayout *from, const NtLayout *to);
/* Keeps a constant as it is, alive as long as the pool. */
void nt_pool_keep(NtPool *pool, NtTensor *tensor);
/* Frees a constant's own content when the pool was asked for it exactly `uses` times and has it in other layouts only:
 * called once, after the first plan, with the number of places that read it. */
void nt_pool_release(NtPool *pool, NtTensor *tensor, unsigned uses);
size_t nt_pool_bytes(const NtPool *pool);

/*
 * Which fused chains may be used: a chain is a primitive's kind with the steps fused behind it. All are allowed until
 * nt_chains_check has found one to compute something else than plain arithmetic. Not thread-safe: under the network's
 * lock.
 */
typedef struct NtChains NtChains;
NtChains *nt_chains_new(void);
void nt_chains_free(NtChains *chains);
bool nt_chains_allow(const NtChains *chains, NtPrimitiveKind kind, const NtPrimitivePostOp *post_ops, unsigned count);
/* Texts of the chains that were refused, for people; borrowed. */
const GPtrArray *nt_chains_refused(const NtChains *chains);
/* Spent in nt_chains_check so far. */
double nt_chains_seconds(const NtChains *chains);

typedef struct NtPlan {
    int64_t batch;
    int threads;
    NtShapes *shapes;       /* owned; also holds the known values that compute steps read */
    GArray *slots;          /* of NtSlot */
    GArray *buffers;        /* of NtBuffer */
    GArray *steps;          /* of NtStep */
    unsigned input, output; /* slots, both plain */
    size_t bytes;           /* of the block */
    uint64_t multiply_adds;
} NtPlan;

/* Plans a graph whose input has this shape. `channels_last`: the graph's input is (N, H, W, C) while the slot holds (N,
 * C, H, W). Errors: UNSUPPORTED naming the node, LIMIT, NO_MEMORY. */
typedef struct NtPlanOptions {
    NtShape input;
    bool channels_last;
    int threads;
    uint64_t limit; /* bytes of the block */
    NtChains *chains;
} NtPlanOptions;
NtPlan *nt_plan_new(const NtGraph *graph, NtPool *pool, const NtPlanOptions *options, GError **error);
void nt_plan_free(NtPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPlan, nt_plan_free)

/* Compares every chain of the plan that is new with plain arithmetic, on random numbers. *out_refused: how many did not
 * agree, and are not allowed from now on: the plan must be made again. Errors: UNSUPPORTED, NO_MEMORY. */
bool nt_chains_check(NtChains *chains, const NtPlan *plan, unsigned *out_refused, GError **error);

/* Runs a step's primitive on random numbers in `arena` (64-byte aligned, of nt_chain_arena bytes); *out_agrees: its
 * result is what plain arithmetic gives and nothing was written outside. Errors: UNSUPPORTED, NO_MEMORY. */
bool nt_chain_try(const NtPlan *plan, const NtStep *step, uint8_t *arena, bool *out_agrees, GError **error);
size_t nt_chain_arena(const NtPlan *plan, const NtStep *step);

/* ---- for operators' `plan` functions ---- */

struct NtBuild {
    const NtGraph *graph;
    NtShapes *shapes;
    NtPlan *plan;
    NtPool *pool;
    const NtChains *chains;
    unsigned *value_slot; /* per value: where it lies, NT_NO_SLOT before */
    GArray *pending;      /* per buffer: reads still to come */
    GHashTable *copies;   /* slot -> GArray of slots with the same content in other layouts */
};

static inline const NtShape *nt_build_shape(const NtBuild *build, int value) { return &build->shapes->shapes[value]; }
/* Where a value lies as it was made, and in which layout; constants are made plain slots. */
bool nt_build_slot(NtBuild *build, int value, unsigned *out, GError **error);
const NtLayout *nt_slot_layout(const NtBuild *build, unsigned slot);
/* The value in this layout: as it is, or by a reorder step (made once per layout). */
bool nt_build_as(NtBuild *build, int value, const NtLayout *layout, unsigned *out, GError **error);
bool nt_build_plain(NtBuild *build, int value, unsigned *out, GError **error);
/* A copy of a slot's content that the node may write into. */
bool nt_build_copy(NtBuild *build, unsigned slot, const NtLayout *layout, unsigned *out, GError **error);
/* One read of a value is over; the planner calls it after each node. */
void nt_build_read_done(NtBuild *build, int value);
/* A known value, seen in `from`, as packed weights in layout `to`. */
bool nt_build_weights(NtBuild *build, NtTensor *tensor, const NtLayout *from, const NtLayout *to, unsigned *out,
                      GError **error);
/* A new buffer for a node's output; the layout is referenced. */
unsigned nt_build_output(NtBuild *build, int value, const NtLayout *layout);
/* The value is a view of what lies in `slot`, which was made from value `of`. */
void nt_build_view(NtBuild *build, int value, unsigned slot, const NtLayout *layout);
/* A buffer that only one step uses. */
unsigned nt_build_temporary(NtBuild *build, const NtLayout *layout);
/* True when nobody reads the buffer of `slot` after the present node. */
bool nt_build_may_overwrite(const NtBuild *build, unsigned slot);
/* Appends a step and lengthens the lives of what it touches; takes its arguments. */
void nt_build_step(NtBuild *build, const NtStep *step);
/* Adds a step; takes the primitive; scratch memory is added. */
bool nt_build_primitive(NtBuild *build, const NtNode *node, NtPrimitive *primitive, const NtStepArgument *arguments,
                        unsigned count);
/* Adds a step that runs node->op->compute on plain tensors, and steps for the node's post-ops. */
bool nt_build_compute(NtBuild *build, const NtNode *node, GError **error);

/* The same memory as another slot, in another layout. */
unsigned nt_build_alias(NtBuild *build, unsigned slot, const NtLayout *layout);

/* What a node's post-ops ask of its primitive. Clear it with nt_fusion_clear. */
typedef struct NtFusion {
    NtPrimitivePostOp post_ops[NT_MAX_POST_OPS];
    NtLayout *operands[NT_MAX_POST_OPS]; /* owned */
    int sum;                             /* value to add by accumulating into it; -1: none */
    unsigned count;
    bool apart; /* this chain is refused: nothing is fused, nt_fusion_after does the post-ops */
} NtFusion;

/* What a primitive of this kind is to do; `rank`: dims of the result as it sees it. */
void nt_fusion_make(const NtBuild *build, const NtNode *node, NtPrimitiveKind kind, unsigned rank, NtFusion *out);
/* Fuses nothing after all. */
void nt_fusion_part(NtFusion *fusion);
void nt_fusion_clear(NtFusion *fusion);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtFusion, nt_fusion_clear)
/* Appends the operands of binary post-ops to `arguments`. */
bool nt_fusion_arguments(NtBuild *build, const NtNode *node, const NtFusion *fusion, NtStepArgument *arguments,
                         unsigned *count, GError **error);
/* The slot that the node's first output goes to, in this layout: a new buffer, or the summand's. */
bool nt_fusion_output(NtBuild *build, const NtNode *node, const NtFusion *fusion, const NtLayout *layout, unsigned *out,
                      GError **error);

/* The post-ops as steps of their own, in place on the node's first output. */
bool nt_fusion_after(NtBuild *build, const NtNode *node, GError **error);

#endif
