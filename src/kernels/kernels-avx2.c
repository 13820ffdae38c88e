/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels for AVX2 with FMA and F16C: 8 numbers at a time. */
#include "kernels/kernels-internal.h"

#include <immintrin.h>

typedef __m256 Vector;
typedef __m256d Doubles;

enum {
    WIDTH = 8,
    TILE = 2, /* 8 sums, 2 rows and a query in 16 registers */
};

NT_INLINE Vector load(const void *row, size_t i, NtDtype dtype) {
    return dtype == NT_DTYPE_F16 ? _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((const uint16_t *)row + i)))
                                 : _mm256_loadu_ps((const float *)row + i);
}

NT_INLINE Vector load_some(const void *row, size_t i, size_t count, NtDtype dtype) {
    if (dtype == NT_DTYPE_F16) {
        uint16_t some[WIDTH] = {0};
        for (size_t j = 0; j < count; j++) {
            some[j] = ((const uint16_t *)row)[i + j];
        }
        return load(some, 0, dtype);
    }
    __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
    return _mm256_maskload_ps((const float *)row + i, mask);
}

NT_INLINE void store(float *out, Vector v) { _mm256_storeu_ps(out, v); }

NT_INLINE void store_f16(uint16_t *out, Vector v) {
    _mm_storeu_si128((__m128i *)out, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

NT_INLINE Vector zero(void) { return _mm256_setzero_ps(); }
NT_INLINE Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }

NT_INLINE Vector add_term(Vector sum, Vector q, Vector r, bool squared) {
    Vector difference = _mm256_sub_ps(q, r);
    return squared ? _mm256_fmadd_ps(difference, difference, sum) : _mm256_fmadd_ps(q, r, sum);
}

NT_INLINE float fold(Vector v) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

NT_INLINE Doubles zero_double(void) { return _mm256_setzero_pd(); }
NT_INLINE Doubles lower(Vector v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); }
NT_INLINE Doubles upper(Vector v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); }
NT_INLINE void store_double(double *out, Doubles d) { _mm256_storeu_pd(out, d); }

NT_INLINE Doubles add_term_double(Doubles sum, Doubles q, Doubles r, bool squared) {
    Doubles difference = _mm256_sub_pd(q, r);
    return _mm256_add_pd(sum, squared ? _mm256_mul_pd(difference, difference) : _mm256_mul_pd(q, r));
}

#include "kernels/kernels-template.h"

void nt_kernels_fill_avx2(NtKernels *kernels) { *kernels = (NtKernels)NT_KERNELS_TABLE("avx2"); }
