/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights of the resamplers, each as its program computes them. With s = in / out and c the centre of an output pixel
 * in input coordinates:
 *
 *   Pillow, torch     a filter of radius r * max(s, 1) around c = (i + 1/2) s, normalised: shrinking averages
 *   torch-plain       2 or 4 neighbours of (i + 1/2) s - 1/2, edges repeated; bicubic with a = -3/4
 *   TensorFlow        the same neighbours in 32-bit floats; bicubic with a = -1/2 from a table of 1,024 steps, and
 *                     neighbours outside the picture dropped instead of repeated
 *
 * The cubic is Keys' (1981), "Cubic convolution interpolation for digital image processing". Where a program works in
 * doubles (Pillow) so do we, in its order of operations: this file is compiled without contraction to FMA.
 */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "image/resample.h"

enum { FIXED_BITS = 22 }; /* Pillow's PRECISION_BITS for 8-bit pictures: 32 - 8 - 2 */

static double triangle(double x) {
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double cubic(double x, double a) {
    x = fabs(x);
    if (x < 1.0) {
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    }
    return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

static double filter(NtResampler resampler, double x) {
    return resampler == NT_RESAMPLE_BILINEAR ? triangle(x) : cubic(x, -0.5);
}

/* The weights of one output pixel while they are made. */
typedef struct Taps {
    uint32_t start, size;
    double *weights; /* room for all */
} Taps;

/* The centre of an output pixel as torch reckons it for float tensors: in 32 bits, whose rounding shows at large
 * coordinates. */
static float torch_place(const NtAxisKey *key, uint32_t i) {
    return ((float)key->in / (float)key->out) * ((float)i + 0.5F);
}

/* Pillow's precompute_coeffs; torch's antialias differs from it by no more than rounding. */
static void area_taps(const NtAxisKey *key, uint32_t i, Taps *taps) {
    double scale = (double)key->in / key->out, widening = MAX(scale, 1.0);
    double support = (key->resampler == NT_RESAMPLE_BILINEAR ? 1.0 : 2.0) * widening;
    double centre = key->flavour == NT_FLAVOUR_TORCH ? torch_place(key, i) : ((double)i + 0.5) * scale,
           inverse = 1.0 / widening, sum = 0.0;
    double low = centre - support + 0.5, high = centre + support + 0.5;
    taps->start = low < 0 ? 0 : (uint32_t)low;
    taps->size = (high > key->in ? key->in : (uint32_t)high) - taps->start;
    for (uint32_t k = 0; k < taps->size; k++) {
        taps->weights[k] = filter(key->resampler, ((double)k + taps->start - centre + 0.5) * inverse);
        sum += taps->weights[k];
    }
    for (uint32_t k = 0; k < taps->size && sum != 0.0; k++) {
        taps->weights[k] /= sum;
    }
}

/* Adds a neighbour at a place that may lie outside; the nearest edge pixel stands for it. */
static void add_clamped(const NtAxisKey *key, Taps *taps, double place, double weight) {
    double clamped = CLAMP(place, 0.0, (double)key->in - 1);
    if (taps->size == 0) {
        taps->start = (uint32_t)clamped;
    }
    uint32_t k = (uint32_t)clamped - taps->start;
    for (; taps->size <= k; taps->size++) {
        taps->weights[taps->size] = 0.0;
    }
    taps->weights[k] += weight;
}

static void torch_plain_taps(const NtAxisKey *key, uint32_t i, Taps *taps) {
    double place = torch_place(key, i) - 0.5F;
    taps->size = 0;
    if (key->resampler == NT_RESAMPLE_BILINEAR) {
        place = MAX(place, 0.0);
        double below = floor(place);
        add_clamped(key, taps, below, 1.0 - (place - below));
        add_clamped(key, taps, below + 1, place - below);
        return;
    }
    double below = floor(place);
    for (int k = -1; k <= 2; k++) {
        add_clamped(key, taps, below + k, cubic(place - (below + k), -0.75));
    }
}

static void tensorflow_taps(const NtAxisKey *key, uint32_t i, Taps *taps) {
    enum { TABLE = 1024 };
    float scale = (float)key->in / (float)key->out;
    float place = ((float)i + 0.5f) * scale - 0.5f, below = floorf(place), rest = place - below;
    taps->size = 0;
    if (key->resampler == NT_RESAMPLE_BILINEAR) {
        add_clamped(key, taps, below, 1.0 - rest);
        add_clamped(key, taps, ceilf(place), rest);
        return;
    }
    double step = (double)lrintf(rest * TABLE) / TABLE, sum = 0.0;
    for (int k = -1; k <= 2; k++) {
        double at = below + k;
        if (at >= 0 && at < key->in) {
            double weight = cubic(step - k, -0.5);
            add_clamped(key, taps, at, weight);
            sum += weight;
        }
    }
    for (uint32_t k = 0; k < taps->size && sum != 0.0; k++) {
        taps->weights[k] /= sum;
    }
}

/* Pillow's nearest adds up the step in a double from the left edge, so the sum's rounding is part of the answer. */
static void fill_nearest(NtAxis *axis) {
    const NtAxisKey *key = &axis->key;
    double step = (double)key->in / key->out, sum = step * 0.5;
    float scale = (float)key->in / (float)key->out;
    for (uint32_t i = 0; i < key->first + key->count; i++, sum += step) {
        if (i < key->first) {
            continue;
        }
        double at = nt_axis_is_fixed(axis)                  ? sum
                    : key->flavour == NT_FLAVOUR_TENSORFLOW ? floorf(((float)i + 0.5f) * scale)
                                                            : floorf((float)i * scale);
        axis->start[i - key->first] = (uint32_t)MIN(at, (double)key->in - 1);
        axis->size[i - key->first] = 1;
    }
}

static void one_pixel(const NtAxisKey *key, uint32_t i, Taps *taps) {
    switch (key->flavour) {
    case NT_FLAVOUR_TORCH_PLAIN: torch_plain_taps(key, i, taps); break;
    case NT_FLAVOUR_TENSORFLOW: tensorflow_taps(key, i, taps); break;
    default: area_taps(key, i, taps);
    }
}

/* For each group of four weights: the low 15 bits as 0 1 0 1 0 1 0 1 2 3 2 3 2 3 2 3, then the rest alike. */
static void store_split(NtAxis *axis, uint32_t i, uint32_t k, int32_t fixed) {
    int16_t *group = axis->split + ((size_t)i * axis->taps + k) / NT_TAP_GROUP * NT_SPLIT_GROUP;
    for (int copy = 0; copy < 4; copy++) {
        size_t at = k % 4 / 2 * 8 + k % 2 + (size_t)copy * 2;
        group[at] = (int16_t)(fixed & 0x7fff);
        group[NT_SPLIT_GROUP / 2 + at] = (int16_t)(fixed >> 15);
    }
}

static void store(NtAxis *axis, uint32_t i, const Taps *taps) {
    axis->start[i] = taps->start;
    axis->size[i] = taps->size;
    for (uint32_t k = 0; k < taps->size; k++) {
        double weight = taps->weights[k];
        if (!nt_axis_is_fixed(axis)) {
            axis->weights[(size_t)i * axis->taps + k] = (float)weight;
            continue;
        }
        int32_t fixed = (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << FIXED_BITS));
        axis->fixed[(size_t)i * axis->taps + k] = fixed;
        store_split(axis, i, k, fixed);
    }
}

/* The most weights one output pixel can have: whole numbers in a stretch of 2 r max(s, 1), whose length may come out
 * a little short of a whole number. */
static uint64_t most_taps(const NtAxisKey *key) {
    if (key->resampler == NT_RESAMPLE_NEAREST) {
        return 1;
    }
    double radius = key->resampler == NT_RESAMPLE_BILINEAR ? 1.0 : 2.0;
    bool area = key->flavour != NT_FLAVOUR_TORCH_PLAIN && key->flavour != NT_FLAVOUR_TENSORFLOW;
    double widening = area ? MAX((double)key->in / key->out, 1.0) : 1.0;
    return (uint64_t)floor(2 * radius * widening + 1e-4) + 1;
}

NtAxis *nt_axis_new(const NtAxisKey *key, GError **error) {
    g_autoptr(NtAxis) axis = g_new0(NtAxis, 1);
    uint64_t most = most_taps(key);
    axis->key = *key;
    axis->identity = key->in == key->out;
    axis->taps = (uint32_t)((most + NT_TAP_GROUP - 1) / NT_TAP_GROUP * NT_TAP_GROUP);
    axis->start = nt_alloc(key->count, 2 * sizeof(uint32_t), "resampling places", error);
    if (axis->start == NULL) {
        return NULL;
    }
    axis->size = axis->start + key->count;
    if (nt_axis_is_nearest(axis)) {
        fill_nearest(axis);
        return g_steal_pointer(&axis);
    }
    size_t weights;
    if (!nt_mul(key->count, axis->taps, &weights)) {
        nt_fail(error, NITERU_ERROR_NO_MEMORY, "resampling weights do not fit into memory");
        return NULL;
    }
    nt_autofree double *made = nt_alloc(axis->taps, sizeof(double), "resampling weights", error);
    /* One block: 16 bytes of split (which wants its alignment, so it is first) and 4 of fixed, or 4 of float. */
    size_t each = nt_axis_is_fixed(axis) ? 20 : 4;
    void *block = made == NULL ? NULL : nt_alloc0(weights, each, "resampling weights", error);
    if (block == NULL) {
        return NULL;
    }
    if (nt_axis_is_fixed(axis)) {
        axis->split = block;
        axis->fixed = (int32_t *)(axis->split + weights / NT_TAP_GROUP * NT_SPLIT_GROUP);
    } else {
        axis->weights = block;
    }
    for (uint32_t i = 0; i < key->count; i++) {
        Taps taps = {.weights = made};
        one_pixel(key, key->first + i, &taps);
        store(axis, i, &taps);
    }
    return g_steal_pointer(&axis);
}

void nt_axis_free(NtAxis *axis) {
    if (axis != NULL) {
        nt_free(axis->start);
        nt_free(axis->split);
        nt_free(axis->weights);
        g_free(axis);
    }
}
