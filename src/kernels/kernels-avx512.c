/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels for AVX-512 (F, BW, DQ, VL): 16 numbers at a time, tails by mask. */
#include "kernels/kernels-internal.h"

#include <immintrin.h>

typedef __m512 Vector;
typedef __m512d Doubles;

enum {
    WIDTH = 16,
    TILE = 4, /* 16 sums, 4 rows and a query in 32 registers */
};

NT_INLINE Vector load(const void *row, size_t i, NtDtype dtype) {
    return dtype == NT_DTYPE_F16 ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)((const uint16_t *)row + i)))
                                 : _mm512_loadu_ps((const float *)row + i);
}

NT_INLINE Vector load_some(const void *row, size_t i, size_t count, NtDtype dtype) {
    __mmask16 mask = (__mmask16)((1U << count) - 1);
    return dtype == NT_DTYPE_F16 ? _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, (const uint16_t *)row + i))
                                 : _mm512_maskz_loadu_ps(mask, (const float *)row + i);
}

NT_INLINE void store(float *out, Vector v) { _mm512_storeu_ps(out, v); }

NT_INLINE void store_f16(uint16_t *out, Vector v) {
    _mm256_storeu_si256((__m256i *)out, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

NT_INLINE Vector zero(void) { return _mm512_setzero_ps(); }
NT_INLINE Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }

NT_INLINE Vector add_term(Vector sum, Vector q, Vector r, bool squared) {
    Vector difference = _mm512_sub_ps(q, r);
    return squared ? _mm512_fmadd_ps(difference, difference, sum) : _mm512_fmadd_ps(q, r, sum);
}

NT_INLINE float fold(Vector v) { return _mm512_reduce_add_ps(v); }

NT_INLINE Doubles zero_double(void) { return _mm512_setzero_pd(); }
NT_INLINE Doubles lower(Vector v) { return _mm512_cvtps_pd(_mm512_castps512_ps256(v)); }
NT_INLINE Doubles upper(Vector v) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)); }
NT_INLINE void store_double(double *out, Doubles d) { _mm512_storeu_pd(out, d); }

NT_INLINE Doubles add_term_double(Doubles sum, Doubles q, Doubles r, bool squared) {
    Doubles difference = _mm512_sub_pd(q, r);
    return _mm512_add_pd(sum, squared ? _mm512_mul_pd(difference, difference) : _mm512_mul_pd(q, r));
}

#include "kernels/kernels-template.h"

void nt_kernels_fill_avx512(NtKernels *kernels) { *kernels = (NtKernels)NT_KERNELS_TABLE("avx512"); }
