/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in plain C: the definition that the others are tested against, and what other architectures run. Loops
 * over 16 partial sums, which compilers turn into whatever vectors the baseline has. */
#include "kernels/kernels-internal.h"

NT_INLINE float score(const float *query, const void *row, size_t dim, NtDtype dtype, bool squared) {
    float sums[NT_LANES] = {0};
    size_t whole = dim / NT_LANES * NT_LANES;
    for (size_t i = 0; i < whole; i += NT_LANES) {
        for (size_t j = 0; j < NT_LANES; j++) {
            float r = nt_number(row, i + j, dtype);
            sums[j] += squared ? (query[i + j] - r) * (query[i + j] - r) : query[i + j] * r;
        }
    }
    for (size_t i = whole; i < dim; i++) {
        float r = nt_number(row, i, dtype);
        sums[i - whole] += squared ? (query[i] - r) * (query[i] - r) : query[i] * r;
    }
    for (size_t half = NT_LANES / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            sums[j] += sums[j + half];
        }
    }
    return sums[0];
}

NT_INLINE void score_rows(const float *query, const NtRowBlock *rows, float *out, NtDtype dtype, bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = score(query, nt_row(rows, i), rows->dim, dtype, squared);
    }
}

/* Row by row rather than query by query: the row then comes from memory once. */
NT_INLINE void score4_rows(const float *const queries[4], const NtRowBlock *rows, float *out, NtDtype dtype,
                           bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t q = 0; q < 4; q++) {
            out[q * rows->count + i] = score(queries[q], nt_row(rows, i), rows->dim, dtype, squared);
        }
    }
}

NT_INLINE void norm_rows(const NtRowBlock *rows, float *out, NtDtype dtype) {
    for (size_t i = 0; i < rows->count; i++) {
        const void *row = nt_row(rows, i);
        float sums[NT_LANES] = {0};
        size_t whole = rows->dim / NT_LANES * NT_LANES;
        for (size_t at = 0; at < whole; at += NT_LANES) {
            for (size_t j = 0; j < NT_LANES; j++) {
                float r = nt_number(row, at + j, dtype);
                sums[j] += r * r;
            }
        }
        float sum = 0;
        for (size_t at = whole; at < rows->dim; at++) {
            float r = nt_number(row, at, dtype);
            sums[at - whole] += r * r;
        }
        for (size_t j = 0; j < NT_LANES; j++) {
            sum += sums[j];
        }
        out[i] = sum;
    }
}

/* query NULL: the row with itself. */
NT_INLINE double sum_double(const float *query, const void *row, size_t dim, NtDtype dtype, bool squared) {
    double lanes[NT_LANES] = {0};
    for (size_t i = 0; i < dim; i++) {
        double r = (double)nt_number(row, i, dtype);
        double q = query == NULL ? r : (double)query[i];
        lanes[i % NT_LANES] += squared ? (q - r) * (q - r) : q * r;
    }
    return nt_fold(lanes);
}

NT_KERNELS_OF(f16, NT_DTYPE_F16)
NT_KERNELS_OF(f32, NT_DTYPE_F32)

static void to_f16(const float *in, size_t count, uint16_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = nt_f32_to_f16(in[i]);
    }
}

static void to_f32(const uint16_t *in, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = nt_f16_to_f32(in[i]);
    }
}

void nt_kernels_fill_c(NtKernels *kernels) { *kernels = (NtKernels)NT_KERNELS_TABLE("c"); }
