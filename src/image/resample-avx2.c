/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pillow's 8-bit resampling in AVX2. The multiply of choice, pmaddwd, takes 16-bit factors, while the weights have 23
 * bits and rounding them would lose the equality with Pillow. So each weight is split, w = 2^15 h + l with 0 <= l <
 * 2^15 and h signed, and sum p w = 2^15 sum p h + sum p l. All additions are modulo 2^32 and the whole sum fits, hence
 * the result is exact whatever the parts do.
 */
#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "image/resample.h"

#define AVX2 __attribute__((target("avx2")))

enum { FIXED_BITS = 22, HALF = 1 << (FIXED_BITS - 1), SPLIT_BITS = 15 };

/* Four pixels (12 bytes in each half) to pairs of 16 bits: r0 r1 g0 g1 b0 b1 - - | r2 r3 g2 g3 b2 b3 - -. */
AVX2 static inline __m256i pairs_of_pixels(const uint8_t *from) {
    const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, /* low half */
                                           6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)from)), order);
}

/* One output pixel before rounding: red, green, blue, idle in each half; the halves are still to be added. */
AVX2 static inline __attribute__((always_inline)) __m256i sum_pixel(const uint8_t *from, const int16_t *split,
                                                                    uint32_t taps) {
    __m256i low = _mm256_setzero_si256(), high = low;
    for (uint32_t k = 0; k < taps; k += NT_TAP_GROUP, from += 3 * NT_TAP_GROUP, split += NT_SPLIT_GROUP) {
        __m256i pixels = pairs_of_pixels(from);
        const __m256i *weights = (const __m256i *)split;
        low = _mm256_add_epi32(low, _mm256_madd_epi16(pixels, _mm256_load_si256(weights)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(pixels, _mm256_load_si256(weights + 1)));
    }
    return _mm256_add_epi32(low, _mm256_slli_epi32(high, SPLIT_BITS));
}

/* Two pixels at once through the end: rounding, clipping, storing. Inlined for each usual number of taps. */
AVX2 static inline __attribute__((always_inline)) void across_by(const NtAxis *axis, const uint8_t *row, uint8_t *out,
                                                                 uint32_t taps) {
    const uint32_t count = axis->key.count;
    const size_t step = (size_t)taps / NT_TAP_GROUP * NT_SPLIT_GROUP;
    for (uint32_t i = 0; i < count; i += 2) {
        uint32_t j = i + 1 < count ? i + 1 : i; /* an odd last one is computed twice */
        __m256i one = sum_pixel(row + (size_t)axis->start[i] * 3, axis->split + step * i, taps);
        __m256i two = sum_pixel(row + (size_t)axis->start[j] * 3, axis->split + step * j, taps);
        __m256i sum =
            _mm256_add_epi32(_mm256_permute2x128_si256(one, two, 0x20), _mm256_permute2x128_si256(one, two, 0x31));
        sum = _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(HALF)), FIXED_BITS);
        sum = _mm256_packs_epi32(sum, sum);
        sum = _mm256_packus_epi16(sum, sum);
        uint32_t first = (uint32_t)_mm_cvtsi128_si32(_mm256_castsi256_si128(sum));
        uint32_t second = (uint32_t)_mm_cvtsi128_si32(_mm256_extracti128_si256(sum, 1));
        if (j + 1 < count) { /* their fourth bytes are overwritten by the next pixel */
            memcpy(out + 3 * (size_t)i, &first, 4);
            memcpy(out + 3 * (size_t)j, &second, 4);
        } else {
            memcpy(out + 3 * (size_t)i, &first, 3);
            memcpy(out + 3 * (size_t)j, &second, 3);
        }
    }
}

AVX2 static void across(const NtAxis *axis, const uint8_t *row, uint8_t *out) {
    switch (axis->taps) {
    case 4: across_by(axis, row, out, 4); break;
    case 8: across_by(axis, row, out, 8); break;
    case 12: across_by(axis, row, out, 12); break;
    default: across_by(axis, row, out, axis->taps); break;
    }
}

/* Sums of 16 columns from `at`, of rows taken in pairs. */
AVX2 static inline __m128i sixteen_columns(const uint8_t *const *rows, const int32_t *weights, uint32_t taps,
                                           size_t at) {
    __m256i low_a = _mm256_setzero_si256(), low_b = low_a, high_a = low_a, high_b = low_a;
    for (uint32_t k = 0; k < taps; k += 2) {
        __m128i one = _mm_loadu_si128((const __m128i *)(rows[k] + at));
        __m128i two = _mm_loadu_si128((const __m128i *)(rows[k + 1] + at));
        __m256i a = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(one, two));
        __m256i b = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(one, two));
        uint32_t low = ((uint32_t)weights[k] & 0x7fff) | ((uint32_t)weights[k + 1] & 0x7fff) << 16;
        uint32_t high = ((uint32_t)(weights[k] >> SPLIT_BITS) & 0xffff) | (uint32_t)(weights[k + 1] >> SPLIT_BITS)
                                                                              << 16;
        __m256i low_pair = _mm256_set1_epi32((int)low), high_pair = _mm256_set1_epi32((int)high);
        low_a = _mm256_add_epi32(low_a, _mm256_madd_epi16(a, low_pair));
        low_b = _mm256_add_epi32(low_b, _mm256_madd_epi16(b, low_pair));
        high_a = _mm256_add_epi32(high_a, _mm256_madd_epi16(a, high_pair));
        high_b = _mm256_add_epi32(high_b, _mm256_madd_epi16(b, high_pair));
    }
    const __m256i half = _mm256_set1_epi32(HALF);
    __m256i a = _mm256_add_epi32(_mm256_add_epi32(low_a, half), _mm256_slli_epi32(high_a, SPLIT_BITS));
    __m256i b = _mm256_add_epi32(_mm256_add_epi32(low_b, half), _mm256_slli_epi32(high_b, SPLIT_BITS));
    /* a holds columns 0-3 | 4-7 and b 8-11 | 12-15; packing works within halves: a0 b0 | a1 b1. */
    __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(a, FIXED_BITS), _mm256_srai_epi32(b, FIXED_BITS));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

AVX2 static void down(const uint8_t *const *rows, const int32_t *weights, uint32_t taps, uint8_t *out, size_t n) {
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm_storeu_si128((__m128i *)(out + i), sixteen_columns(rows, weights, taps, i));
    }
    if (i == n) {
        return;
    }
    if (n >= 16) { /* the last sixteen once more, overlapping */
        _mm_storeu_si128((__m128i *)(out + n - 16), sixteen_columns(rows, weights, taps, n - 16));
        return;
    }
    for (; i < n; i++) {
        int32_t sum = HALF;
        for (uint32_t k = 0; k < taps; k++) {
            sum += rows[k][i] * weights[k];
        }
        sum >>= FIXED_BITS;
        out[i] = sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
    }
}

const NtResampleKernels nt_resample_avx2 = {"avx2", across, down};

#endif
