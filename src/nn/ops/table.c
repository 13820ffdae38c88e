/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators: one row each. Looked up by a hash built on first use. */
#include "nn/op-internal.h"

#define ROWS(ROW)                                                                                                      \
    ROW(abs)                                                                                                           \
    ROW(add)                                                                                                           \
    ROW(and)                                                                                                           \
    ROW(average_pool)                                                                                                  \
    ROW(batch_normalization)                                                                                           \
    ROW(cast)                                                                                                          \
    ROW(ceil)                                                                                                          \
    ROW(clip)                                                                                                          \
    ROW(concat)                                                                                                        \
    ROW(constant)                                                                                                      \
    ROW(constant_of_shape)                                                                                             \
    ROW(conv)                                                                                                          \
    ROW(cos)                                                                                                           \
    ROW(div)                                                                                                           \
    ROW(dropout)                                                                                                       \
    ROW(elu)                                                                                                           \
    ROW(equal)                                                                                                         \
    ROW(erf)                                                                                                           \
    ROW(exp)                                                                                                           \
    ROW(expand)                                                                                                        \
    ROW(flatten)                                                                                                       \
    ROW(floor)                                                                                                         \
    ROW(gather)                                                                                                        \
    ROW(gelu)                                                                                                          \
    ROW(gemm)                                                                                                          \
    ROW(global_average_pool)                                                                                           \
    ROW(global_max_pool)                                                                                               \
    ROW(greater)                                                                                                       \
    ROW(greater_or_equal)                                                                                              \
    ROW(hard_sigmoid)                                                                                                  \
    ROW(hard_swish)                                                                                                    \
    ROW(identity)                                                                                                      \
    ROW(instance_normalization)                                                                                        \
    ROW(is_nan)                                                                                                        \
    ROW(layer_normalization)                                                                                           \
    ROW(leaky_relu)                                                                                                    \
    ROW(less)                                                                                                          \
    ROW(less_or_equal)                                                                                                 \
    ROW(log)                                                                                                           \
    ROW(log_softmax)                                                                                                   \
    ROW(lp_normalization)                                                                                              \
    ROW(lrn)                                                                                                           \
    ROW(matmul)                                                                                                        \
    ROW(max)                                                                                                           \
    ROW(max_pool)                                                                                                      \
    ROW(min)                                                                                                           \
    ROW(mish)                                                                                                          \
    ROW(mod)                                                                                                           \
    ROW(mul)                                                                                                           \
    ROW(neg)                                                                                                           \
    ROW(not )                                                                                                          \
    ROW(or)                                                                                                            \
    ROW(pad)                                                                                                           \
    ROW(pow)                                                                                                           \
    ROW(prelu)                                                                                                         \
    ROW(range)                                                                                                         \
    ROW(reciprocal)                                                                                                    \
    ROW(reduce_l2)                                                                                                     \
    ROW(reduce_max)                                                                                                    \
    ROW(reduce_mean)                                                                                                   \
    ROW(reduce_min)                                                                                                    \
    ROW(reduce_prod)                                                                                                   \
    ROW(reduce_sum)                                                                                                    \
    ROW(reduce_sum_square)                                                                                             \
    ROW(relu)                                                                                                          \
    ROW(reshape)                                                                                                       \
    ROW(resize)                                                                                                        \
    ROW(round)                                                                                                         \
    ROW(shape)                                                                                                         \
    ROW(sigmoid)                                                                                                       \
    ROW(sign)                                                                                                          \
    ROW(sin)                                                                                                           \
    ROW(size)                                                                                                          \
    ROW(slice)                                                                                                         \
    ROW(softmax)                                                                                                       \
    ROW(softplus)                                                                                                      \
    ROW(split)                                                                                                         \
    ROW(sqrt)                                                                                                          \
    ROW(squeeze)                                                                                                       \
    ROW(sub)                                                                                                           \
    ROW(sum)                                                                                                           \
    ROW(swish)                                                                                                         \
    ROW(tanh)                                                                                                          \
    ROW(tile)                                                                                                          \
    ROW(transpose)                                                                                                     \
    ROW(unsqueeze)                                                                                                     \
    ROW(where)

#define DECLARE(name) extern const NtOp nt_op_##name;
#define ADDRESS(name) &nt_op_##name,

ROWS(DECLARE)

static const NtOp *const table[] = {ROWS(ADDRESS)};

const NtOp *nt_op_at(unsigned i) { return i < G_N_ELEMENTS(table) ? table[i] : NULL; }

const NtOp *nt_op_find(const char *type) {
    static GHashTable *by_type;
    static gsize once;
    if (g_once_init_enter(&once)) {
        by_type = g_hash_table_new(g_str_hash, g_str_equal);
        for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
            g_hash_table_insert(by_type, (void *)table[i]->type, (void *)table[i]);
        }
        g_once_init_leave(&once, 1);
    }
    return g_hash_table_lookup(by_type, type);
}
