/* SPDX-License-Identifier: Apache-2.0 */
/* Pillow's 8-bit resampling in plain C: what every other version must equal, bit for bit. */
#include "image/resample.h"

enum { FIXED_BITS = 22, HALF = 1 << (FIXED_BITS - 1) };

static inline uint8_t clip(int32_t sum) {
    int32_t value = sum >> FIXED_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static void across(const NtAxis *axis, const uint8_t *row, uint8_t *out) {
    for (uint32_t i = 0; i < axis->key.count; i++) {
        const int32_t *weights = axis->fixed + (size_t)i * axis->taps;
        const uint8_t *from = row + (size_t)axis->start[i] * 3;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (uint32_t k = 0; k < axis->size[i]; k++) {
            red += from[3 * k] * weights[k];
            green += from[3 * k + 1] * weights[k];
            blue += from[3 * k + 2] * weights[k];
        }
        out[3 * i] = clip(red);
        out[3 * i + 1] = clip(green);
        out[3 * i + 2] = clip(blue);
    }
}

/* In blocks that fit the registers' cache line, so that the sums never leave the first-level cache. */
static void down(const uint8_t *const *rows, const int32_t *weights, uint32_t taps, uint8_t *out, size_t n) {
    enum { BLOCK = 256 };
    int32_t sums[BLOCK];
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t count = n - first < BLOCK ? n - first : BLOCK;
        for (size_t i = 0; i < count; i++) {
            sums[i] = HALF;
        }
        for (uint32_t k = 0; k < taps; k++) {
            const uint8_t *row = rows[k] + first;
            int32_t weight = weights[k];
            for (size_t i = 0; i < count; i++) {
                sums[i] += row[i] * weight;
            }
        }
        for (size_t i = 0; i < count; i++) {
            out[first + i] = clip(sums[i]);
        }
    }
}

const NtResampleKernels nt_resample_c = {"c", across, down};
