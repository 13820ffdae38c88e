/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fused chain proves itself before it is used: a primitive with steps fused behind it is run once, at load, on
 * random numbers, and compared at a few places of its result with the plain arithmetic below. A chain that disagrees is
 * refused, and the plan is made again with its steps apart.
 *
 * The reason is a fault of oneDNN 2.x: its x86 code keeps one set of constants per elementwise function and primitive,
 * so that of two steps with the same function the second is computed with the first one's numbers (pass-fuse.c avoids
 * these). Libraries change and CPUs choose other code, so what was compiled here is asked, not a list of versions.
 *
 * What is compared is the very primitive of the plan, in its layouts, not a small copy that might be other code. Chains
 * are distinct by primitive kind, the code oneDNN chose, and the list of steps; of those that are alike the cheapest is
 * run. A result is recomputed at SAMPLES places, so the check costs about one run of one layer per distinct chain.
 * Channels get different magnitudes, so that bounds and activations are met from both sides. Memory behind the operands
 * is watched: another fault of 2.x writes there (ops/binary.c).
 */
#include "nn/plan-internal.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 48, GUARD = 4096 /* bytes behind every operand that must stay as they are */ };
static const uint8_t GUARD_BYTE = 0xa5;
/* A chain whose cheapest primitive is over these is not checked, and so not fused. */
static const uint64_t MOST_MULTIPLY_ADDS = UINT64_C(4) << 30, MOST_BYTES = UINT64_C(512) << 20;

struct NtChains {
    GHashTable *known; /* texts of chains with their code that were compared */
    GPtrArray *refused;
};

NtChains *nt_chains_new(void) {
    NtChains *chains = g_new0(NtChains, 1);
    chains->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    chains->refused = g_ptr_array_new_with_free_func(g_free);
    return chains;
}

void nt_chains_free(NtChains *chains) {
    if (chains != NULL) {
        g_hash_table_unref(chains->known);
        g_ptr_array_unref(chains->refused);
        g_free(chains);
    }
}

const GPtrArray *nt_chains_refused(const NtChains *chains) { return chains->refused; }

/* ---- names ---- */

static void put_repeats(GString *text, const NtLayout *layout) {
    NtShape shape;
    nt_layout_shape(layout, &shape);
    for (unsigned i = 0; i < shape.rank; i++) {
        g_string_append_c(text, shape.dims[i] == 1 ? '1' : 'n');
    }
}

/* "convolution + relu + linear(2, 1) + mul[1n11]" */
static char *chain_text(NtPrimitiveKind kind, const NtPrimitivePost *posts, unsigned count) {
    static const char *const functions[] = {
        [NT_ELTWISE_RELU] = "relu",   [NT_ELTWISE_CLIP] = "clip",        [NT_ELTWISE_LOGISTIC] = "sigmoid",
        [NT_ELTWISE_TANH] = "tanh",   [NT_ELTWISE_ELU] = "elu",          [NT_ELTWISE_ABS] = "abs",
        [NT_ELTWISE_SQRT] = "sqrt",   [NT_ELTWISE_LINEAR] = "linear",    [NT_ELTWISE_EXP] = "exp",
        [NT_ELTWISE_LOG] = "log",     [NT_ELTWISE_GELU_ERF] = "gelu",    [NT_ELTWISE_GELU_TANH] = "gelu-tanh",
        [NT_ELTWISE_SWISH] = "swish", [NT_ELTWISE_HARDSWISH] = "hswish", [NT_ELTWISE_SOFTPLUS] = "softplus",
        [NT_ELTWISE_MISH] = "mish"};
    static const char *const binaries[] = {[NT_BINARY_ADD] = "add", [NT_BINARY_SUB] = "sub", [NT_BINARY_MUL] = "mul",
                                           [NT_BINARY_DIV] = "div", [NT_BINARY_MIN] = "min", [NT_BINARY_MAX] = "max"};
    GString *text = g_string_new(nt_primitive_kind_name(kind));
    for (unsigned i = 0; i < count; i++) {
        const NtPrimitivePost *post = &posts[i];
        if (post->kind == NT_FUSE_SUM) {
            g_string_append(text, " + sum");
        } else if (post->kind == NT_FUSE_BINARY) {
            g_string_append_printf(text, " + %s[", binaries[post->binary]);
            put_repeats(text, post->operand);
            g_string_append_c(text, ']');
        } else {
            g_string_append_printf(text, " + %s(%.9g, %.9g)", functions[post->eltwise], (double)post->alpha,
                                   (double)post->beta);
        }
    }
    return g_string_free(text, FALSE);
}

bool nt_chains_allow(const NtChains *chains, NtPrimitiveKind kind, const NtPrimitivePost *posts, unsigned count) {
    g_autofree char *text = chains->refused->len > 0 ? chain_text(kind, posts, count) : NULL;
    return text == NULL || !g_ptr_array_find_with_equal_func(chains->refused, text, g_str_equal, NULL);
}

/* ---- one primitive on random numbers ---- */

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
    Operand operands[5 + NT_MAX_POSTS];
    unsigned count;
    uint64_t random;
} Trial;

static void trial_clear(Trial *trial) {
    for (unsigned i = 0; i < trial->count; i++) {
        nt_free(trial->operands[i].plain);
        nt_free(trial->operands[i].data);
    }
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trial, trial_clear)

/* splitmix64 (S. Vigna), in [-1, 1). */
static float random_next(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (float)(int32_t)(z >> 33) * 0x1p-30f - 1.0f;
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
static void fill(const Trial *trial, const Operand *operand, uint64_t *random) {
    static const float magnitudes[] = {1, 8, 0.125F, 64};
    const NtShape *shape = &operand->shape;
    bool weights = operand->role == NT_ROLE_WEIGHTS, matmul = trial->spec->kind == NT_PRIMITIVE_MATMUL;
    int64_t count = nt_shape_count(shape), last = MAX(shape->dims[shape->rank - 1], 1);
    int64_t inner = MAX(matmul ? shape->dims[shape->rank - 2] : count / MAX(shape->dims[0], 1), 1);
    int64_t run = weights && !matmul ? inner : 1; /* elements of one magnitude in a row */
    bool varied = weights || (trial->spec->kind == NT_PRIMITIVE_BINARY && operand->role == NT_ROLE_SRC);
    float away = operand->role == NT_ROLE_SRC1 ? 0.5F : 0, scale = weights ? 2 / sqrtf((float)inner) : 1;
    for (int64_t at = 0, row = 0; at < count; at += run, row = weights && matmul && row + 1 == last ? 0 : row + 1) {
        float magnitude = scale * (varied ? magnitudes[row & 3] : 1);
        for (int64_t i = at; i < MIN(at + run, count); i++) {
            float x = random_next(random) * magnitude;
            operand->plain[i] = x < 0 ? x - away : x + away;
        }
    }
}

static bool add_operand(Trial *trial, const NtPlan *plan, const NtStepArgument *argument, GError **error) {
    Operand *operand = &trial->operands[trial->count++];
    *operand = (Operand){.role = argument->role, .layout = g_array_index(plan->slots, NtSlot, argument->slot).layout};
    nt_layout_shape(operand->layout, &operand->shape);
    operand->data = nt_alloc0(nt_layout_bytes(operand->layout) + GUARD, 1, "a network's check", error);
    if (operand->data == NULL) {
        return false;
    }
    memset(operand->data + nt_layout_bytes(operand->layout), GUARD_BYTE, GUARD);
    if (operand->role == NT_ROLE_SCRATCH) {
        return true;
    }
    g_autoptr(NtLayout) plain = nt_layout_plain(&operand->shape);
    operand->plain = nt_alloc(MAX(nt_layout_bytes(plain), 1), 1, "a network's check", error);
    if (operand->plain == NULL) {
        return false;
    }
    fill(trial, operand, &trial->random);
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

static Estimate eltwise_of(const NtPrimitivePost *post, Estimate a) {
    if (post->eltwise == NT_ELTWISE_LINEAR) {
        double y = (double)post->alpha * a.value;
        return (Estimate){y + (double)post->beta,
                          fabs((double)post->alpha) * a.error + 1e-6 * (fabs(y) + fabs((double)post->beta))};
    }
    double at[3];
    for (int i = 0; i < 3; i++) {
        float x = (float)(a.value + (i - 1) * a.error);
        at[i] = (double)nt_eltwise_apply(post->eltwise, x, post->alpha, post->beta);
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
    for (unsigned i = 0; i < spec->post_count; i++) {
        const NtPrimitivePost *post = &spec->posts[i];
        if (post->kind == NT_FUSE_ELTWISE) {
            y = eltwise_of(post, y);
        } else {
            bool sum = post->kind == NT_FUSE_SUM;
            const Operand *other = operand_of(trial, sum ? NT_ROLE_DST : NT_ROLE_POST + (int)i);
            y = binary_of(sum ? NT_BINARY_ADD : post->binary, y, element_at(other, at));
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
static bool agrees(Trial *trial, const float *got) {
    const NtShape *shape = &operand_of(trial, NT_ROLE_DST)->shape;
    int64_t count = nt_shape_count(shape);
    for (unsigned s = 0; s < SAMPLES; s++) {
        double place = ((double)random_next(&trial->random) + 1) / 2;
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

static bool try_step(const NtPlan *plan, const NtStep *step, bool *out_agrees, GError **error) {
    g_auto(Trial) trial = {.spec = nt_primitive_spec(step->primitive), .random = 12345};
    for (unsigned i = 0; i < step->argument_count; i++) {
        if (!add_operand(&trial, plan, &step->arguments[i], error)) {
            return false;
        }
    }
    const NtShape *shape = &operand_of(&trial, NT_ROLE_DST)->shape;
    nt_autofree float *got = nt_alloc((size_t)MAX(nt_shape_count(shape), 1), sizeof *got, "a network's check", error);
    if (got == NULL || !run_trial(&trial, step, got, error)) {
        return false;
    }
    *out_agrees = nt_shape_count(shape) == 0 || (stays_inside(&trial) && agrees(&trial, got));
    return true;
}

/* ---- a plan ---- */

typedef struct Candidate {
    const NtStep *step;
    uint64_t multiply_adds, bytes;
} Candidate;

static Candidate candidate_of(const NtPlan *plan, const NtStep *step) {
    Candidate made = {.step = step, .multiply_adds = 1};
    for (unsigned i = 0; i < step->argument_count; i++) {
        const NtLayout *layout = g_array_index(plan->slots, NtSlot, step->arguments[i].slot).layout;
        NtShape shape;
        nt_layout_shape(layout, &shape);
        made.bytes += 2 * (uint64_t)nt_layout_bytes(layout);
        if (step->arguments[i].role == NT_ROLE_DST) {
            made.multiply_adds *= (uint64_t)nt_shape_count(&shape);
        } else if (step->arguments[i].role == NT_ROLE_WEIGHTS) {
            bool matmul = nt_primitive_spec(step->primitive)->kind == NT_PRIMITIVE_MATMUL;
            made.multiply_adds *=
                (uint64_t)(matmul ? shape.dims[shape.rank - 2] : nt_shape_span(&shape, 1, shape.rank));
        }
    }
    return made;
}

/* The cheapest step of each distinct chain that was not compared before. */
static GHashTable *gather(const NtChains *chains, const NtPlan *plan) {
    GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; i < plan->steps->len; i++) {
        const NtStep *step = &g_array_index(plan->steps, NtStep, i);
        const NtPrimitiveSpec *spec = step->primitive != NULL ? nt_primitive_spec(step->primitive) : NULL;
        if (spec == NULL || spec->post_count == 0) {
            continue;
        }
        g_autofree char *chain = chain_text(spec->kind, spec->posts, spec->post_count);
        char *key = g_strdup_printf("%s by %s", chain, nt_primitive_code(step->primitive));
        Candidate made = candidate_of(plan, step);
        const Candidate *other = g_hash_table_lookup(found, key);
        if (g_hash_table_contains(chains->known, key) ||
            (other != NULL && other->bytes + other->multiply_adds / 16 <= made.bytes + made.multiply_adds / 16)) {
            g_free(key);
            continue;
        }
        g_hash_table_replace(found, key, g_memdup2(&made, sizeof made));
    }
    return found;
}

bool nt_chains_check(NtChains *chains, const NtPlan *plan, unsigned *out_refused, GError **error) {
    g_autoptr(GHashTable) found = gather(chains, plan);
    GHashTableIter iter;
    void *key, *value;
    *out_refused = 0;
    g_hash_table_iter_init(&iter, found);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Candidate *candidate = value;
        const NtPrimitiveSpec *spec = nt_primitive_spec(candidate->step->primitive);
        bool right = false, small = candidate->multiply_adds <= MOST_MULTIPLY_ADDS && candidate->bytes <= MOST_BYTES;
        if (small && !try_step(plan, candidate->step, &right, error)) {
            return false;
        }
        g_hash_table_add(chains->known, g_strdup(key));
        if (!right && nt_chains_allow(chains, spec->kind, spec->posts, spec->post_count)) {
            g_ptr_array_add(chains->refused, chain_text(spec->kind, spec->posts, spec->post_count));
            (*out_refused)++;
        }
    }
    return true;
}
