/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fused chain proves itself before it is used: a primitive with steps fused behind it is run once, at load, on
 * random numbers, and compared at a few places of its result with plain arithmetic. A chain that disagrees is
 * refused, and the plan is made again with its steps apart.
 *
 * The reason is a fault of oneDNN 2.x: its x86 code keeps one set of constants per elementwise function and primitive,
 * so that of two steps with the same function the second is computed with the first one's numbers (pass-fuse.c avoids
 * these). Libraries change and CPUs choose other code, so what was compiled here is asked, not a list of versions.
 *
 * What is compared is the very primitive of the plan, in its layouts, not a small copy that might be other code. Chains
 * are distinct by primitive kind, the code oneDNN chose, and the list of steps; of those that are alike the cheapest is
 * run. A result is recomputed at a few places, so the check costs about one run of one layer per distinct chain.
 * chain-trial.c has that part.
 */
#include "nn/plan-internal.h"

#include <string.h>

/* A chain whose cheapest primitive is over these is not checked, and so not fused. */
static const uint64_t MOST_MULTIPLY_ADDS = UINT64_C(4) << 30, MOST_BYTES = UINT64_C(512) << 20;

struct NtChains {
    GHashTable *known; /* texts of chains with their code that were compared */
    GPtrArray *refused;
    double seconds;
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

double nt_chains_seconds(const NtChains *chains) { return chains->seconds; }
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
static char *chain_text(NtPrimitiveKind kind, const NtPrimitivePostOp *post_ops, unsigned count) {
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
        const NtPrimitivePostOp *post_op = &post_ops[i];
        if (post_op->kind == NT_FUSE_SUM) {
            g_string_append(text, " + sum");
        } else if (post_op->kind == NT_FUSE_BINARY) {
            g_string_append_printf(text, " + %s[", binaries[post_op->binary]);
            put_repeats(text, post_op->operand);
            g_string_append_c(text, ']');
        } else {
            g_string_append_printf(text, " + %s(%.9g, %.9g)", functions[post_op->eltwise], (double)post_op->alpha,
                                   (double)post_op->beta);
        }
    }
    return g_string_free(text, FALSE);
}

bool nt_chains_allow(const NtChains *chains, NtPrimitiveKind kind, const NtPrimitivePostOp *post_ops, unsigned count) {
    g_autofree char *text = chains->refused->len > 0 ? chain_text(kind, post_ops, count) : NULL;
    return text == NULL || !g_ptr_array_find_with_equal_func(chains->refused, text, g_str_equal, NULL);
}

/* ---- a plan ---- */

typedef struct Candidate {
    const NtStep *step;
    uint64_t multiply_adds, bytes;
} Candidate;

static Candidate candidate_of(const NtPlan *plan, const NtStep *step) {
    Candidate made = {.step = step, .multiply_adds = 1, .bytes = nt_chain_arena(plan, step)};
    for (unsigned i = 0; i < step->argument_count; i++) {
        const NtLayout *layout = g_array_index(plan->slots, NtSlot, step->arguments[i].slot).layout;
        NtShape shape;
        nt_layout_shape(layout, &shape);
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
        if (spec == NULL || spec->post_op_count == 0) {
            continue;
        }
        g_autofree char *chain = chain_text(spec->kind, spec->post_ops, spec->post_op_count);
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

static bool is_small(const Candidate *candidate) {
    return candidate->multiply_adds <= MOST_MULTIPLY_ADDS && candidate->bytes <= MOST_BYTES;
}

/* One block of memory that any of them can be tried in. */
static uint8_t *make_arena(GHashTable *found, GError **error) {
    GHashTableIter iter;
    void *value;
    uint64_t most = 64;
    g_hash_table_iter_init(&iter, found);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        most = MAX(most, is_small(value) ? ((const Candidate *)value)->bytes : 0);
    }
    return nt_alloc((size_t)most, 1, "a network's check", error);
}

bool nt_chains_check(NtChains *chains, const NtPlan *plan, unsigned *out_refused, GError **error) {
    g_autoptr(GHashTable) found = gather(chains, plan);
    nt_autofree uint8_t *arena = make_arena(found, error);
    if (arena == NULL) {
        return false;
    }
    GHashTableIter iter;
    void *key, *value;
    *out_refused = 0;
    int64_t start = g_get_monotonic_time();
    g_hash_table_iter_init(&iter, found);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Candidate *candidate = value;
        const NtPrimitiveSpec *spec = nt_primitive_spec(candidate->step->primitive);
        bool right = false;
        if (is_small(candidate) && !nt_chain_try(plan, candidate->step, arena, &right, error)) {
            return false;
        }
        g_hash_table_add(chains->known, g_strdup(key));
        if (!right && nt_chains_allow(chains, spec->kind, spec->post_ops, spec->post_op_count)) {
            g_ptr_array_add(chains->refused, chain_text(spec->kind, spec->post_ops, spec->post_op_count));
            (*out_refused)++;
        }
    }
    chains->seconds += (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
    return true;
}
