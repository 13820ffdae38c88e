/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels for AVX-512 (F, BW, DQ, VL): 16 numbers at a time, tails by mask. */
#include "kernels/kernels-internal.h"

#include <immintrin.h>

/* Bytes ahead of the number being read: a page, where hardware prefetchers stop. Measured on Zen 5, 100,000 x 1,280
 * float16: 34 GB/s without, 37.5 GB/s with. */
enum { AHEAD = 4096 };

/* Asks for the next `lines` cache lines, when they are still in the block: scattered rows are not to pay for others. */
NT_INLINE void fetch_ahead(const void *at, size_t lines, const void *end) {
    const char *ahead = (const char *)at + AHEAD;
    if (ahead < (const char *)end) {
        for (size_t line = 0; line < lines; line++) {
            _mm_prefetch(ahead + 64 * line, _MM_HINT_T0);
        }
    }
}

/* Numbers i .. i + 15 of a row. */
NT_INLINE __m512 load(const void *row, size_t i, NtDtype dtype) {
    return dtype == NT_DTYPE_F16 ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)((const uint16_t *)row + i)))
                                 : _mm512_loadu_ps((const float *)row + i);
}

/* Those of them that `mask` has, zeros elsewhere; nothing else is read. */
NT_INLINE __m512 load_some(const void *row, size_t i, __mmask16 mask, NtDtype dtype) {
    return dtype == NT_DTYPE_F16 ? _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)row + i))
                                 : _mm512_maskz_loadu_ps(mask, (const float *)row + i);
}

NT_INLINE __mmask16 tail_mask(size_t count) { return (__mmask16)((1U << count) - 1); }

NT_INLINE __m512 add_term(__m512 sum, __m512 q, __m512 r, bool squared) {
    __m512 difference = _mm512_sub_ps(q, r);
    return squared ? _mm512_fmadd_ps(difference, difference, sum) : _mm512_fmadd_ps(q, r, sum);
}

NT_INLINE float fold_sums(const __m512 sums[4]) {
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

/* One row of a block; query NULL: the row with itself. Four sums, so that additions do not wait for each other.
 * `out_norm` (NULL: not wanted) gets the row's sum of r^2, for the same loads. */
NT_INLINE float score(const float *query, const void *row, const NtRowBlock *rows, NtDtype dtype, bool squared,
                      float *out_norm) {
    size_t dim = rows->dim;
    const char *end = (const char *)rows->data + rows->count * rows->stride;
    __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512 norms[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + 64 <= dim; i += 64) {
        fetch_ahead((const char *)row + i * nt_dtype_size(dtype), nt_dtype_size(dtype), end);
#pragma GCC unroll 4
        for (size_t j = 0; j < 4; j++) {
            __m512 r = load(row, i + 16 * j, dtype);
            __m512 q = query == NULL ? r : _mm512_loadu_ps(query + i + 16 * j);
            sums[j] = add_term(sums[j], q, r, squared);
            norms[j] = out_norm == NULL ? norms[j] : add_term(norms[j], r, r, false);
        }
    }
    for (; i + 16 <= dim; i += 16) {
        __m512 r = load(row, i, dtype);
        sums[0] = add_term(sums[0], query == NULL ? r : _mm512_loadu_ps(query + i), r, squared);
        norms[0] = out_norm == NULL ? norms[0] : add_term(norms[0], r, r, false);
    }
    if (i < dim) {
        __mmask16 mask = tail_mask(dim - i);
        __m512 r = load_some(row, i, mask, dtype);
        sums[1] = add_term(sums[1], query == NULL ? r : load_some(query, i, mask, NT_DTYPE_F32), r, squared);
        norms[1] = out_norm == NULL ? norms[1] : add_term(norms[1], r, r, false);
    }
    if (out_norm != NULL) {
        *out_norm = fold_sums(norms);
    }
    return fold_sums(sums);
}

NT_INLINE void score_rows(const float *query, const NtRowBlock *rows, float *out, float *out_norms, NtDtype dtype,
                          bool squared) {
    for (size_t i = 0; i < rows->count; i++) {
        out[i] = score(query, nt_row(rows, i), rows, dtype, squared, out_norms == NULL ? NULL : out_norms + i);
    }
}

enum { TILE = 4 }; /* rows against four queries: 16 sums, 4 rows and a query in 32 registers */

/* `tile` (1 .. TILE) rows from row `first` on against four queries. */
NT_INLINE void score_tile(const float *const queries[4], const NtRowBlock *rows, size_t first, size_t tile,
                          NtDtype dtype, bool squared, float *out) {
    __m512 sums[TILE][4];
    const void *row[TILE];
    for (size_t t = 0; t < tile; t++) {
        row[t] = nt_row(rows, first + t);
        for (size_t q = 0; q < 4; q++) {
            sums[t][q] = _mm512_setzero_ps();
        }
    }
    for (size_t i = 0; i < rows->dim; i += 16) {
        __mmask16 mask = rows->dim - i >= 16 ? 0xffff : tail_mask(rows->dim - i);
        __m512 r[TILE];
        for (size_t t = 0; t < tile; t++) {
            r[t] = load_some(row[t], i, mask, dtype);
        }
        for (size_t q = 0; q < 4; q++) {
            __m512 number = load_some(queries[q], i, mask, NT_DTYPE_F32);
            for (size_t t = 0; t < tile; t++) {
                sums[t][q] = add_term(sums[t][q], number, r[t], squared);
            }
        }
    }
    for (size_t t = 0; t < tile; t++) {
        for (size_t q = 0; q < 4; q++) {
            out[q * rows->count + first + t] = _mm512_reduce_add_ps(sums[t][q]);
        }
    }
}

NT_INLINE void score4_rows(const float *const queries[4], const NtRowBlock *rows, float *out, NtDtype dtype,
                           bool squared) {
    size_t i = 0;
    for (; i + TILE <= rows->count; i += TILE) {
        score_tile(queries, rows, i, TILE, dtype, squared, out);
    }
    for (; i < rows->count; i++) {
        score_tile(queries, rows, i, 1, dtype, squared, out);
    }
}

/* Separate multiply and add: see kernels.h. */
NT_INLINE __m512d add_double(__m512d lanes, __m512d q, __m512d r, bool squared) {
    __m512d difference = _mm512_sub_pd(q, r);
    return _mm512_add_pd(lanes, squared ? _mm512_mul_pd(difference, difference) : _mm512_mul_pd(q, r));
}

NT_INLINE __m512d lower(__m512 v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
NT_INLINE __m512d upper(__m512 v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }

NT_INLINE double sum_double(const float *query, const void *row, size_t dim, NtDtype dtype, bool squared) {
    __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
    for (size_t i = 0; i < dim; i += NT_LANES) {
        __mmask16 mask = dim - i >= NT_LANES ? 0xffff : tail_mask(dim - i);
        __m512 r = load_some(row, i, mask, dtype);
        __m512 q = query == NULL ? r : load_some(query, i, mask, NT_DTYPE_F32);
        low = add_double(low, lower(q), lower(r), squared);
        high = add_double(high, upper(q), upper(r), squared);
    }
    double folded[NT_LANES];
    _mm512_storeu_pd(folded, low);
    _mm512_storeu_pd(folded + 8, high);
    return nt_fold(folded);
}

NT_KERNELS_OF(f16, NT_DTYPE_F16)
NT_KERNELS_OF(f32, NT_DTYPE_F32)

static void to_f16(const float *in, size_t count, uint16_t *out) {
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = count - i >= 16 ? 0xffff : tail_mask(count - i);
        __m512 numbers = _mm512_maskz_loadu_ps(mask, in + i);
        __m256i halves = _mm512_cvtps_ph(numbers, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm256_mask_storeu_epi16(out + i, mask, halves);
    }
}

static void to_f32(const uint16_t *in, size_t count, float *out) {
    for (size_t i = 0; i < count; i += 16) {
        __mmask16 mask = count - i >= 16 ? 0xffff : tail_mask(count - i);
        _mm512_mask_storeu_ps(out + i, mask, load_some(in, i, mask, NT_DTYPE_F16));
    }
}

void nt_kernels_fill_avx512(NtKernels *kernels) { *kernels = (NtKernels)NT_KERNELS_TABLE("avx512"); }
