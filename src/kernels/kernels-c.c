/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels in plain C: the definition that the others are tested against, and what other architectures run. Loops
 * over 16 partial sums, which compilers turn into whatever vectors the baseline has. */
#include "kernels/kernels-internal.h"

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

enum { CHUNK = 256 }; /* numbers of a row turned to float32 at a time: 1 KiB, and a loop that compilers vectorise */

/* Numbers i .. i + count - 1 of a row, in `space` where they are not float32 already. */
NT_INLINE const float *numbers(const void *row, size_t i, size_t count, NtDtype dtype, float space[CHUNK]) {
    if (dtype == NT_DTYPE_F32) {
        return (const float *)row + i;
    }
    to_f32((const uint16_t *)row + i, count, space);
    return space;
}

NT_INLINE void add_terms(float sums[NT_LANES], const float *query, const float *row, size_t count, bool squared) {
    size_t whole = count / NT_LANES * NT_LANES;
    for (size_t i = 0; i < whole; i += NT_LANES) {
        for (size_t j = 0; j < NT_LANES; j++) {
            float q = query[i + j], r = row[i + j];
            sums[j] += squared ? (q - r) * (q - r) : q * r;
        }
    }
    for (size_t i = whole; i < count; i++) {
        float q = query[i], r = row[i];
        sums[i - whole] += squared ? (q - r) * (q - r) : q * r;
    }
}

NT_INLINE float fold(float sums[NT_LANES]) {
    for (size_t half = NT_LANES / 2; half > 0; half /= 2) {
        for (size_t j = 0; j < half; j++) {
            sums[j] += sums[j + half];
        }
    }
    return sums[0];
}

/* `n` queries (1 or 4), or the row with itself (query NULL, n 1), against one row: out[q * step]. */
NT_INLINE void score(const float *const *queries, size_t n, const void *row, size_t dim, NtDtype dtype, bool squared,
                     float *out, size_t step) {
    float sums[4][NT_LANES] = {0}, space[CHUNK];
    for (size_t i = 0; i < dim; i += CHUNK) {
        size_t count = dim - i < CHUNK ? dim - i : CHUNK;
        const float *r = numbers(row, i, count, dtype, space);
        for (size_t q = 0; q < n; q++) {
            add_terms(sums[q], queries == NULL ? r : queries[q] + i, r, count, squared);
        }
    }
    for (size_t q = 0; q < n; q++) {
        out[q * step] = fold(sums[q]);
    }
}

NT_INLINE void score_rows(const float *query, const NtRowBlock *rows, float *out, float *out_norms, NtDtype dtype,
                          bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        score(query == NULL ? NULL : &query, 1, nt_row(rows, i), rows->dim, dtype, squared, out + i, 1);
        if (out_norms != NULL) {
            score(NULL, 1, nt_row(rows, i), rows->dim, dtype, false, out_norms + i, 1);
        }
    }
}

NT_INLINE void score4_rows(const float *const queries[4], const NtRowBlock *rows, float *out, NtDtype dtype,
                           bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        score(queries, 4, nt_row(rows, i), rows->dim, dtype, squared, out + i, rows->count);
    }
}

/* query NULL: the row with itself. */
NT_INLINE double sum_double(const float *query, const void *row, size_t dim, NtDtype dtype, bool squared) {
    double lanes[NT_LANES] = {0};
    float space[CHUNK];
    for (size_t start = 0; start < dim; start += CHUNK) {
        size_t count = dim - start < CHUNK ? dim - start : CHUNK;
        const float *rs = numbers(row, start, count, dtype, space), *qs = query == NULL ? rs : query + start;
        for (size_t i = 0; i < count; i++) {
            double q = (double)qs[i], r = (double)rs[i];
            lanes[i % NT_LANES] += squared ? (q - r) * (q - r) : q * r;
        }
    }
    return nt_fold(lanes);
}

NT_KERNELS_OF(f16, NT_DTYPE_F16)
NT_KERNELS_OF(f32, NT_DTYPE_F32)

void nt_kernels_fill_c(NtKernels *kernels) { *kernels = (NtKernels)NT_KERNELS_TABLE("c"); }
