/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel sets share: the tables they fill, the bits of float16, and the fixed order of double sums. */
#ifndef NT_KERNELS_INTERNAL_H
#define NT_KERNELS_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"

#define NT_INLINE static inline __attribute__((always_inline))

enum { NT_LANES = 16 }; /* partial sums of every double sum, and of the plain C float sums */

/* Each fills the whole table. */
void nt_kernels_fill_c(NtKernels *kernels);
void nt_kernels_fill_avx2(NtKernels *kernels);
void nt_kernels_fill_avx512(NtKernels *kernels);

NT_INLINE float nt_float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

NT_INLINE uint32_t nt_bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* All ones when a < b, for numbers below 2^31: a select that every compiler can vectorise. */
NT_INLINE uint32_t nt_below(uint32_t a, uint32_t b) { return (uint32_t)((int32_t)(a - b) >> 31); }

/* float16 to float32 without a branch. A subnormal m x 2^-24 is made as (1 + m / 1024) x 2^-14 - 2^-14, which is exact
 * and touches no float32 subnormal (slow on some CPUs, flushed by some settings). A signalling NaN becomes quiet, as in
 * hardware. */
NT_INLINE float nt_f16_to_f32(uint16_t half) {
    uint32_t magnitude = half & 0x7fffU, sign = (uint32_t)(half & 0x8000U) << 16;
    uint32_t is_small = nt_below(magnitude, 0x0400U), is_special = nt_below(0x7bffU, magnitude);
    uint32_t is_nan = nt_below(0x7c00U, magnitude);
    /* Infinity and NaN: from exponent 31 of 5 bits to 255 of 8. */
    uint32_t normal = (magnitude << 13) + (112U << 23) + (is_special & (112U << 23));
    uint32_t small =
        nt_bits_of_float(nt_float_of_bits((magnitude << 13) | (113U << 23)) - nt_float_of_bits(113U << 23));
    uint32_t bits = (small & is_small) | (normal & ~is_small) | (is_nan & 0x400000U);
    return nt_float_of_bits(bits | sign);
}

/* float32 to float16, to nearest, ties to even. */
NT_INLINE uint16_t nt_f32_to_f16(float value) {
    uint32_t bits = nt_bits_of_float(value), magnitude = bits & 0x7fffffffU;
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000U);
    if (magnitude > 0x7f800000U) {
        return (uint16_t)(sign | 0x7e00U | (magnitude >> 13 & 0x3ffU));
    }
    if (magnitude >= 0x477ff000U) { /* 65,520 and more */
        return (uint16_t)(sign | 0x7c00U);
    }
    if (magnitude < 0x38800000U) { /* below 2^-14: the addition rounds to a multiple of 2^-24, ties to even */
        float shifted = nt_float_of_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (nt_bits_of_float(shifted) - 0x3f000000U));
    }
    uint32_t rounded = magnitude + 0xfffU + (magnitude >> 13 & 1);
    return (uint16_t)(sign | ((rounded - (112U << 23)) >> 13));
}

/* The last step of every double sum. */
NT_INLINE double nt_fold(double lanes[NT_LANES]) {
    for (size_t half = NT_LANES / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            lanes[j] += lanes[j + half];
        }
    }
    return lanes[0];
}

NT_INLINE const void *nt_row(const NtRowBlock *rows, size_t i) {
    return (const uint8_t *)rows->data + i * rows->stride;
}

/* Every set defines score_rows, score4_rows and sum_double as inline functions of a type and a form that are
 * known when compiling; these make the functions of the table out of them, and fill it. */
#define NT_KERNELS_OF(type, TYPE)                                                                                      \
    static void dot_##type(const float *query, const NtRowBlock *rows, float *out) {                                   \
        score_rows(query, rows, out, NULL, TYPE, false);                                                               \
    }                                                                                                                  \
    static void squared_##type(const float *query, const NtRowBlock *rows, float *out) {                               \
        score_rows(query, rows, out, NULL, TYPE, true);                                                                \
    }                                                                                                                  \
    static void dot4_##type(const float *const queries[4], const NtRowBlock *rows, float *out) {                       \
        score4_rows(queries, rows, out, TYPE, false);                                                                  \
    }                                                                                                                  \
    static void squared4_##type(const float *const queries[4], const NtRowBlock *rows, float *out) {                   \
        score4_rows(queries, rows, out, TYPE, true);                                                                   \
    }                                                                                                                  \
    static void dot_norms_##type(const float *query, const NtRowBlock *rows, float *out, float *out_norms) {           \
        score_rows(query, rows, out, out_norms, TYPE, false);                                                          \
    }                                                                                                                  \
    static void norms_##type(const NtRowBlock *rows, float *out) { score_rows(NULL, rows, out, NULL, TYPE, false); }   \
    static double dot_double_##type(const float *query, const void *row, size_t dim) {                                 \
        return sum_double(query, row, dim, TYPE, false);                                                               \
    }                                                                                                                  \
    static double squared_double_##type(const float *query, const void *row, size_t dim) {                             \
        return sum_double(query, row, dim, TYPE, true);                                                                \
    }                                                                                                                  \
    static double norm_double_##type(const void *row, size_t dim) { return sum_double(NULL, row, dim, TYPE, false); }

#define NT_KERNELS_TABLE(label)                                                                                        \
    {                                                                                                                  \
        .name = label, .dot = {dot_f16, dot_f32}, .squared = {squared_f16, squared_f32}, .dot4 = {dot4_f16, dot4_f32}, \
        .squared4 = {squared4_f16, squared4_f32}, .dot_norms = {dot_norms_f16, dot_norms_f32},                         \
        .norms = {norms_f16, norms_f32}, .dot_double = {dot_double_f16, dot_double_f32},                               \
        .squared_double = {squared_double_f16, squared_double_f32}, .norm_double = {norm_double_f16, norm_double_f32}, \
        .to_f16 = to_f16, .to_f32 = to_f32,                                                                            \
    }

#endif
