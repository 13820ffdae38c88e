/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Separable resampling. An axis says which input pixels make up each output pixel and with which weights; one axis
 * works along rows, one down columns; the order matters where Pillow rounds to 8 bits between the two.
 * Inside image only. Nothing here is thread-safe unless it takes only const arguments.
 */
#ifndef NT_IMAGE_RESAMPLE_H
#define NT_IMAGE_RESAMPLE_H

#include "image/image.h"

/* What an axis depends on. */
typedef struct NtAxisKey {
    uint32_t in;           /* pixels of the input */
    uint32_t out;          /* pixels of the whole output */
    uint32_t first, count; /* the stretch of the output that is computed */
    NtResampler resampler;
    NtFlavour flavour;
} NtAxisKey;

enum { NT_SPLIT_GROUP = 32 }; /* numbers in `split` for each group of taps */
enum { NT_TAP_GROUP = 4 };    /* taps are padded with zero weights to a multiple of this, for SIMD */

typedef struct NtAxis {
    NtAxisKey key;
    bool identity;   /* in == out: pixels pass as they are */
    uint32_t taps;   /* weights per output pixel: the largest count, rounded up to whole groups */
    uint32_t *start; /* (count) first input pixel */
    uint32_t *size;  /* (count) weights that may differ from 0; start + size <= in */
    int32_t *fixed;  /* (count, taps) Pillow's, in units of 2^-22 */
    int16_t *split;  /* (count, taps / 4, 32) the same, split and repeated as resample-avx2.c wants it; see there */
    float *weights;  /* (count, taps) of the float flavours */
} NtAxis;

/* Builds an axis; NULL with NO_MEMORY. */
NtAxis *nt_axis_new(const NtAxisKey *key, GError **error);
void nt_axis_free(NtAxis *axis);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtAxis, nt_axis_free)

static inline bool nt_axis_is_fixed(const NtAxis *axis) {
    return axis->key.flavour == NT_FLAVOUR_PILLOW || axis->key.flavour == NT_FLAVOUR_PILLOW_13;
}
static inline bool nt_axis_is_nearest(const NtAxis *axis) { return axis->key.resampler == NT_RESAMPLE_NEAREST; }

/* Leaf code, one set per instruction set; chosen once (resample-kernels.c), maskable by NITERU_KERNELS=c. */
typedef struct NtResampleKernels {
    const char *name;
    /* One row (in, 3) to one row (count, 3). nt_row_slack() bytes beyond the row must be readable. */
    void (*across)(const NtAxis *axis, const uint8_t *row, uint8_t *out);
    /* out[i] = clip((2^21 + sum_k rows[k][i] * weights[k]) >> 22) for i < n; `rows` and `weights` hold `taps`
     * entries, taps even; all rows readable. */
    void (*down)(const uint8_t *const *rows, const int32_t *weights, uint32_t taps, uint8_t *out, size_t n);
} NtResampleKernels;
/* All output pixels take the same number of taps, some of weight 0 and beyond the row: a count that varied from pixel
 * to pixel would be guessed wrongly by the CPU every other time, which costs more than the taps. */
static inline size_t nt_row_slack(const NtAxis *axis) { return (size_t)axis->taps * 3 + 16; }
const NtResampleKernels *nt_resample_kernels(void);
extern const NtResampleKernels nt_resample_c;
extern const NtResampleKernels nt_resample_avx2; /* x86-64 only */

/* Working memory that is kept between photos; all zeros at first. */
typedef struct NtScratch {
    void *ring;        /* rows resampled across, waiting to be used downwards */
    size_t ring_size;  /* bytes */
    const void **rows; /* (taps) pointers into the ring */
    size_t rows_size;  /* bytes */
    void *line;        /* one input row, padded or as floats; one output row */
    size_t line_size;  /* bytes */
} NtScratch;
void nt_scratch_clear(NtScratch *scratch);

/* Gets one output row: (count, 3) bytes for Pillow and for nearest, else (count, 4) floats of which every fourth is
 * idle. `y` counts from 0 in the computed stretch. */
typedef void (*NtRowFn)(uint32_t y, const void *row, void *data);

/* Resamples the stretch that the two axes name, row after row. Errors: NO_MEMORY. */
bool nt_resample(const NtPixels *in, const NtAxis *across, const NtAxis *down, NtScratch *scratch, NtRowFn each,
                 void *data, GError **error);

/* Whether rows come as bytes. */
static inline bool nt_resample_gives_bytes(NtResampler resampler, NtFlavour flavour) {
    return flavour == NT_FLAVOUR_PILLOW || flavour == NT_FLAVOUR_PILLOW_13 || resampler == NT_RESAMPLE_NEAREST;
}

/* Where a rule puts a picture: it is scaled to out_width x out_height, of which the stretch from (x, y) of
 * width x height is kept and lands at (left, top) of the network's input. */
typedef struct NtGeometry {
    uint32_t out_width, out_height, x, y, width, height, left, top;
} NtGeometry;
NtGeometry nt_geometry(const NtPreprocess *rules, uint32_t width, uint32_t height);

#endif
