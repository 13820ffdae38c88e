/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One primitive of a plan on random numbers, against plain arithmetic at a few places of its result. Channels get
 * different magnitudes, so that bounds and activations are met from both sides; how far float32 may be off is carried
 * along with each number. Memory behind the operands is watched.
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 48, GUARD = 4096 /* bytes behind every operand that must stay as they are */ };
static const uint8_t GUARD_BYTE = 0xa5;

/* An argument in the primitive's layout, and row-major as the reference reads it. */
typedef struct Operand {
    int role;
    const NtLayout *layout; /* borrowed */
    NtShape shape;
    float *plain;  /* NULL: scratch */
    uint8_t *data; /* GUARD bytes more than the layout has */
} Operand;

typedef struct Trial {
    const NtPrimitiveSpec *spec;
    Operand operands[5 + NT_MAX_POST_OPS];
    unsigned count;
    uint8_t *arena; /* what is left of it; one for all trials, whose pages are then there already */
    uint32_t random;
} Trial;

/* The next block of the arena, which candidate_of has made large enough. */
static void *take(Trial *trial, size_t bytes) {
    void *block = trial->arena;
    trial->arena += (bytes + 63) / 64 * 64;
    return block;
}

/* Number i of a sequence, in [-1, 1): a mixing of its bits (after C. Wellons' "lowbias32"), which compilers vectorise.
 */
static float random_at(uint32_t seed, uint32_t i) {
    uint32_t x = i * 0x9e3779b9u + seed;
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = (x ^ (x >> 15)) * 0x846ca68bu;
    return (float)(int32_t)(x ^ (x >> 16)) * 0x1p-31f;
}

static const Operand *operand_of(const Trial *trial, int role) {
    for (unsigned i = 0; i < trial->count; i++) {
        if (trial->operands[i].role == role) {
            return &trial->operands[i];
        }
    }
    return NULL;
}

/* Products stay near one, times a magnitude of their own per row of weights; a divisor stays away from zero. */
static void fill(const Trial *trial, const Operand *operand, uint32_t seed) {
    static const float magnitudes[] = {1, 8, 0.125F, 64};
    const NtShape *shape = &operand->shape;
    bool weights = operand->role == NT_ROLE_WEIGHTS, matmul = trial->spec->kind == NT_PRIMITIVE_MATMUL;
    int64_t count = nt_shape_count(shape), last = MAX(shape->dims[shape->rank - 1], 1);
    int64_t inner = MAX(matmul ? shape->dims[shape->rank - 2] : count / MAX(shape->dims[0], 1), 1);
    bool binary = trial->spec->kind == NT_PRIMITIVE_BINARY && operand->role == NT_ROLE_SRC;
    /* Elements of one magnitude in a row: a row of weights, one column of them, one number, or all there are. */
    int64_t run = weights ? (matmul ? 1 : inner) : binary ? 1 : MAX(count, 1);
    bool varied = weights || binary;
    float away = operand->role == NT_ROLE_SRC1 ? 0.5F : 0, scale = weights ? 2 / sqrtf((float)inner) : 1;
    for (int64_t at = 0, row = 0; at < count; at += run, row = weights && matmul && row + 1 == last ? 0 : row + 1) {
        float magnitude = scale * (varied ? magnitudes[row & 3] : 1);
        for (int64_t i = at; i < MIN(at + run, count); i++) {
            float x = random_at(seed, (uint32_t)i) * magnitude;
            operand->plain[i] = x < 0 ? x - away : x + away;
        }
    }
}

static bool add_operand(Trial *trial, const NtPlan *plan, const NtStepArgument *argument, GError **error) {
    Operand *operand = &trial->operands[trial->count++];
    *operand = (Operand){.role = argument->role, .layout = g_array_index(plan->slots, NtSlot, argument->slot).layout};
    nt_layout_shape(operand->layout, &operand->shape);
    size_t bytes = nt_layout_bytes(operand->layout);
    operand->data = take(trial, bytes + GUARD);
    if (bytes != (size_t)nt_shape_count(&operand->shape) * sizeof(float)) {
        memset(operand->data, 0, bytes); /* the padding of blocked layouts takes part in the arithmetic */
    }
    memset(operand->data + bytes, GUARD_BYTE, GUARD);
    if (operand->role == NT_ROLE_SCRATCH) {
        return true;
    }
    g_autoptr(NtLayout) plain = nt_layout_plain(&operand->shape);
    operand->plain = take(trial, nt_layout_bytes(plain));
    fill(trial, operand, trial->random += 12345);
    return nt_reorder(plain, operand->plain, operand->layout, operand->data, error);
}

/* Runs the primitive; `out` takes its result row-major. */
static bool run_trial(const Trial *trial, const NtStep *step, float *out, GError **error) {
    NtCallArgument arguments[G_N_ELEMENTS(trial->operands)];
    for (unsigned i = 0; i < trial->count; i++) {
        const Operand *operand = &trial->operands[i];
        arguments[i] = (NtCallArgument){operand->role, operand->layout, operand->data};
    }
    int team = step->threads > 0 ? nt_threads_set(step->threads) : 0;
    NtCall *call = nt_call_new(step->primitive, arguments, trial->count, error);
    bool done = call != NULL && nt_call_run(call, error);
    nt_call_free(call);
    if (team > 0) {
        nt_threads_set(team);
    }
    const Operand *dst = operand_of(trial, NT_ROLE_DST);
    g_autoptr(NtLayout) plain = nt_layout_plain(&dst->shape);
    return done && nt_reorder(dst->layout, dst->data, plain, out, error);
}

/* ---- the reference ---- */

/* A number and how far float32 arithmetic may be from it. */
typedef struct Estimate {
    double value, error;
} Estimate;

/* The element at these coordinates of the result; where the operand has one, it repeats. */
static double element_at(const Operand *operand, const int64_t *at) {
    int64_t offset = 0;
    for (unsigned i = 0; i < operand->shape.rank; i++) {
        offset = offset * operand->shape.dims[i] + (operand->shape.dims[i] == 1 ? 0 : at[i]);
    }
    return (double)operand->plain[offset];
}

static Estimate sum_up(double sum, double magnitude) { return (Estimate){sum, 2e-5 * magnitude}; }

static Estimate convolution_at(const Trial *trial, const int64_t *at) {
    const NtPrimitiveSpec *spec = trial->spec;
    const Operand *src = operand_of(trial, NT_ROLE_SRC), *weights = operand_of(trial, NT_ROLE_WEIGHTS);
    bool grouped = weights->shape.rank > src->shape.rank;
    const int64_t *w = weights->shape.dims + (grouped ? 2 : 1); /* channels of a group, then the window */
    unsigned spatial = src->shape.rank - 2;
    int64_t cells = nt_shape_span(&weights->shape, grouped ? 3 : 2, weights->shape.rank);
    int64_t group = grouped ? at[1] / weights->shape.dims[1] : 0;
    int64_t plane = nt_shape_span(&src->shape, 2, src->shape.rank);
    double sum = 0, magnitude = 0;
    for (int64_t i = 0; i < w[0] * cells; i++) {
        int64_t channel = i / cells, cell = i % cells, offset = 0, scale = 1;
        bool inside = true;
        for (unsigned d = spatial; d-- > 0;) {
            int64_t k = cell % w[1 + d];
            int64_t x = at[2 + d] * spec->stride[d] - spec->pad_begin[d] + k * spec->dilation[d];
            cell /= w[1 + d];
            inside &= x >= 0 && x < src->shape.dims[2 + d];
            offset += x * scale;
            scale *= src->shape.dims[2 + d];
        }
        if (inside) {
            double product = (double)weights->plain[at[1] * w[0] * cells + i] *
                             (double)src->plain[(at[0] * src->shape.dims[1] + group * w[0] + channel) * plane + offset];
            sum += product;
            magnitude += fabs(product);
        }
    }
    return sum_up(sum, magnitude);
}

/* (.., M, K) by (.., K, N), or by (N, K) when it is an inner product. */
static Estimate product_at(const Trial *trial, const int64_t *at) {
    const Operand *src = operand_of(trial, NT_ROLE_SRC), *weights = operand_of(trial, NT_ROLE_WEIGHTS);
    bool inner = trial->spec->kind == NT_PRIMITIVE_INNER_PRODUCT;
    unsigned rank = src->shape.rank;
    int64_t x[NT_MAX_RANK], y[NT_MAX_RANK];
    memcpy(x, at, rank * sizeof *x);
    memcpy(y, at, rank * sizeof *y);
    double sum = 0, magnitude = 0;
    for (int64_t k = 0, count = src->shape.dims[rank - 1]; k < count; k++) {
        x[rank - 1] = k;
        y[rank - 2] = inner ? at[rank - 1] : k;
        y[rank - 1] = inner ? k : at[rank - 1];
        double product = element_at(src, x) * element_at(weights, y);
        sum += product;
        magnitude += fabs(product);
    }
    return sum_up(sum, magnitude);
}

static Estimate binary_of(NtBinaryKind kind, Estimate a, double b) {
    double x = a.value;
    switch (kind) {
    case NT_BINARY_ADD: return (Estimate){x + b, a.error + 1e-6 * (fabs(x) + fabs(b))};
    case NT_BINARY_SUB: return (Estimate){x - b, a.error + 1e-6 * (fabs(x) + fabs(b))};
    case NT_BINARY_MUL: return (Estimate){x * b, a.error * fabs(b) + 1e-6 * fabs(x * b)};
    case NT_BINARY_DIV: return (Estimate){x / b, a.error / fabs(b) + 1e-5 * fabs(x / b)};
    case NT_BINARY_MIN: return (Estimate){fmin(x, b), a.error};
    case NT_BINARY_MAX: return (Estimate){fmax(x, b), a.error};
    }
    return a;
}

static Estimate eltwise_of(const NtPrimitivePostOp *post_op, Estimate a) {
    if (post_op->eltwise == NT_ELTWISE_LINEAR) {
        double y = (double)post_op->alpha * a.value;
        return (Estimate){y + (double)post_op->beta,
                          fabs((double)post_op->alpha) * a.error + 1e-6 * (fabs(y) + fabs((double)post_op->beta))};
    }
    double at[3];
    for (int i = 0; i < 3; i++) {
        float x = (float)(a.value + (i - 1) * a.error);
        at[i] = (double)nt_eltwise_apply(post_op->eltwise, x, post_op->alpha, post_op->beta);
    }
    return (Estimate){at[1], fmax(fabs(at[0] - at[1]), fabs(at[2] - at[1])) + 2e-5 * fabs(at[1]) + 1e-5};
}

static Estimate expected_at(const Trial *trial, const int64_t *at) {
    const NtPrimitiveSpec *spec = trial->spec;
    const Operand *bias = operand_of(trial, NT_ROLE_BIAS), *src = operand_of(trial, NT_ROLE_SRC);
    Estimate y;
    switch (spec->kind) {
    case NT_PRIMITIVE_CONVOLUTION: y = convolution_at(trial, at); break;
    case NT_PRIMITIVE_BINARY:
        y = binary_of(spec->binary, (Estimate){element_at(src, at), 0},
                      element_at(operand_of(trial, NT_ROLE_SRC1), at));
        break;
    default: y = product_at(trial, at); break;
    }
    if (bias != NULL) {
        y = binary_of(NT_BINARY_ADD, y, (double)bias->plain[at[1]]);
    }
    for (unsigned i = 0; i < spec->post_op_count; i++) {
        const NtPrimitivePostOp *post_op = &spec->post_ops[i];
        if (post_op->kind == NT_FUSE_ELTWISE) {
            y = eltwise_of(post_op, y);
        } else {
            bool sum = post_op->kind == NT_FUSE_SUM;
            const Operand *other = operand_of(trial, sum ? NT_ROLE_DST : NT_ROLE_POST_OP + (int)i);
            y = binary_of(sum ? NT_BINARY_ADD : post_op->binary, y, element_at(other, at));
        }
    }
    return y;
}

static bool stays_inside(const Trial *trial) {
    for (unsigned i = 0; i < trial->count; i++) {
        const uint8_t *behind = trial->operands[i].data + nt_layout_bytes(trial->operands[i].layout);
        for (unsigned b = 0; b < GUARD; b++) {
            if (behind[b] != GUARD_BYTE) {
                return false;
            }
        }
    }
    return true;
}

/* Compares at places all over the result, the last element among them (a tail of vectors). */
static bool agrees(const Trial *trial, const float *got) {
    const NtShape *shape = &operand_of(trial, NT_ROLE_DST)->shape;
    int64_t count = nt_shape_count(shape);
    for (unsigned s = 0; s < SAMPLES; s++) {
        double place = ((double)random_at(trial->random, s) + 1) / 2;
        int64_t i = s == 0 ? count - 1 : (int64_t)(place * (double)count), rest = i, at[NT_MAX_RANK];
        for (unsigned d = shape->rank; d-- > 0;) {
            at[d] = rest % shape->dims[d];
            rest /= shape->dims[d];
        }
        Estimate expected = expected_at(trial, at);
        if (isfinite(expected.value) && isfinite(expected.error) &&
            !(fabs((double)got[i] - expected.value) <= 2 * expected.error + 1e-6)) {
            return false;
        }
    }
    return true;
}

size_t nt_chain_arena(const NtPlan *plan, const NtStep *step) {
    size_t bytes = 0;
    for (unsigned i = 0; i < step->argument_count; i++) {
        const NtLayout *layout = g_array_index(plan->slots, NtSlot, step->arguments[i].slot).layout;
        NtShape shape;
        nt_layout_shape(layout, &shape);
        size_t plain = (size_t)nt_shape_count(&shape) * sizeof(float);
        bytes += nt_layout_bytes(layout) + GUARD + plain + 128;
        bytes += step->arguments[i].role == NT_ROLE_DST ? plain + 64 : 0;
    }
    return bytes;
}

bool nt_chain_try(const NtPlan *plan, const NtStep *step, uint8_t *arena, bool *out_agrees, GError **error) {
    Trial trial = {.spec = nt_primitive_spec(step->primitive), .arena = arena};
    for (unsigned i = 0; i < step->argument_count; i++) {
        if (!add_operand(&trial, plan, &step->arguments[i], error)) {
            return false;
        }
    }
    const NtShape *shape = &operand_of(&trial, NT_ROLE_DST)->shape;
    float *got = take(&trial, (size_t)nt_shape_count(shape) * sizeof *got);
    if (!run_trial(&trial, step, got, error)) {
        return false;
    }
    *out_agrees = nt_shape_count(shape) == 0 || (stays_inside(&trial) && agrees(&trial, got));
    return true;
}
