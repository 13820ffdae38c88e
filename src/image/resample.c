/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two passes as one sweep: input rows are resampled across as they are first needed and wait in a ring of as many
 * rows as the tallest output pixel takes, so the working set stays in the cache whatever the photo's height.
 *
 *   input row -- across --> ring (taps rows) -- down --> output row -- each()
 *
 * Float rows are (count, 4): red, green, blue, idle, so that one pixel is one vector of GCC's.
 */
#include <string.h>

#include "base/base.h"
#include "image/resample.h"

typedef float Pixel __attribute__((vector_size(16), aligned(16)));

typedef struct Sweep {
    const NtPixels *in;
    const NtAxis *across, *down;
    const NtResampleKernels *kernels;
    NtScratch *scratch;
    size_t row_bytes; /* of a row in the ring */
} Sweep;

void nt_scratch_clear(NtScratch *scratch) {
    nt_free(scratch->ring);
    nt_free(scratch->rows);
    nt_free(scratch->line);
    *scratch = (NtScratch){.ring = NULL};
}

static bool grow(void *block, size_t *size, size_t count, size_t each, GError **error) {
    void **at = block;
    size_t wanted;
    if (!nt_mul(count, each, &wanted)) {
        return nt_fail(error, NITERU_ERROR_NO_MEMORY, "resampling rows do not fit into memory");
    }
    if (wanted > *size) {
        nt_free(*at);
        *size = 0;
        *at = nt_alloc(wanted, 1, "resampling rows", error);
        *size = *at != NULL ? wanted : 0;
    }
    return *at != NULL;
}

static const uint8_t *input_row(const Sweep *sweep, uint32_t y) {
    return sweep->in->rgb + (size_t)y * sweep->in->stride;
}

static void *ring_row(const Sweep *sweep, uint32_t y) {
    return (uint8_t *)sweep->scratch->ring + (size_t)(y % sweep->down->taps) * sweep->row_bytes;
}

/* The row, or a padded copy where reading on behind it would leave the picture. */
static const uint8_t *readable_row(const Sweep *sweep, uint32_t y) {
    const NtPixels *in = sweep->in;
    size_t size = (size_t)in->width * 3;
    const uint8_t *row = input_row(sweep, y), *end = input_row(sweep, in->height - 1) + size;
    if ((size_t)(end - row) >= size + nt_row_slack(sweep->across)) {
        return row;
    }
    memcpy(sweep->scratch->line, row, size);
    memset((uint8_t *)sweep->scratch->line + size, 0, nt_row_slack(sweep->across));
    return sweep->scratch->line;
}

static void bytes_across(const Sweep *sweep, uint32_t y) {
    const NtAxis *axis = sweep->across;
    if (axis->identity) {
        memcpy(ring_row(sweep, y), input_row(sweep, y) + (size_t)axis->key.first * 3, (size_t)axis->key.count * 3);
    } else {
        sweep->kernels->across(axis, readable_row(sweep, y), ring_row(sweep, y));
    }
}

static void floats_across(const Sweep *sweep, uint32_t y) {
    const NtAxis *axis = sweep->across;
    const uint8_t *row = input_row(sweep, y);
    Pixel *line = sweep->scratch->line, *out = ring_row(sweep, y);
    for (uint32_t x = 0; x < sweep->in->width; x++) {
        line[x] = (Pixel){row[3 * x], row[3 * x + 1], row[3 * x + 2], 0};
    }
    for (uint32_t i = 0; i < axis->key.count; i++) {
        const float *weights = axis->weights + (size_t)i * axis->taps;
        const Pixel *from = line + axis->start[i];
        Pixel sum = from[0] * weights[0];
        for (uint32_t k = 1; k < axis->size[i]; k++) {
            sum += from[k] * weights[k];
        }
        out[i] = sum;
    }
}

static void floats_down(const Sweep *sweep, uint32_t i, float *out) {
    const NtAxis *axis = sweep->down;
    const float *const *rows = (const float *const *)sweep->scratch->rows;
    const float *weights = axis->weights + (size_t)i * axis->taps;
    size_t n = (size_t)sweep->across->key.count * 4;
    for (size_t x = 0; x < n; x++) {
        out[x] = rows[0][x] * weights[0];
    }
    for (uint32_t k = 1; k < axis->size[i]; k++) {
        const float *row = rows[k];
        float weight = weights[k];
        for (size_t x = 0; x < n; x++) {
            out[x] += row[x] * weight;
        }
    }
}

/* Nearest: nothing is summed, so no ring. */
static void pick(const Sweep *sweep, NtRowFn each, void *data) {
    const NtAxis *across = sweep->across, *down = sweep->down;
    uint8_t *out = sweep->scratch->line;
    for (uint32_t y = 0; y < down->key.count; y++) {
        const uint8_t *row = input_row(sweep, down->start[y]);
        for (uint32_t x = 0; x < across->key.count; x++) {
            memcpy(out + (size_t)x * 3, row + (size_t)across->start[x] * 3, 3);
        }
        each(y, out, data);
    }
}

static void sweep_rows(const Sweep *sweep, bool fixed, void *out, NtRowFn each, void *data) {
    const NtAxis *down = sweep->down;
    uint32_t next = 0; /* the first input row that was not resampled yet */
    for (uint32_t y = 0; y < down->key.count; y++) {
        uint32_t start = down->start[y], size = down->size[y];
        for (next = MAX(next, start); next < start + size; next++) {
            if (fixed) {
                bytes_across(sweep, next);
            } else {
                floats_across(sweep, next);
            }
        }
        /* Padding taps weigh nothing; any row that is there serves. */
        for (uint32_t k = 0; k < down->taps; k++) {
            sweep->scratch->rows[k] = ring_row(sweep, start + MIN(k, size - 1));
        }
        if (fixed) {
            uint32_t taps = size + size % 2;
            sweep->kernels->down((const uint8_t *const *)sweep->scratch->rows, down->fixed + (size_t)y * down->taps,
                                 taps, out, (size_t)sweep->across->key.count * 3);
        } else {
            floats_down(sweep, y, out);
        }
        each(y, out, data);
    }
}

/* Pillow 13's rule for columns first. */
static bool is_columns_first(const NtAxis *across, const NtAxis *down) {
    int64_t narrower = (int64_t)across->key.in - across->key.out, lower = (int64_t)down->key.in - down->key.out;
    return across->key.flavour == NT_FLAVOUR_PILLOW_13 && lower > 0 && lower > 2 * narrower;
}

/* Columns first: each output row is made of input rows, then resampled across. */
static void sweep_columns(const Sweep *sweep, uint8_t *line, uint8_t *out, NtRowFn each, void *data) {
    const NtAxis *down = sweep->down, *across = sweep->across;
    size_t size = (size_t)sweep->in->width * 3;
    for (uint32_t y = 0; y < down->key.count; y++) {
        uint32_t taps = down->size[y] + down->size[y] % 2;
        for (uint32_t k = 0; k < taps; k++) {
            sweep->scratch->rows[k] = input_row(sweep, down->start[y] + MIN(k, down->size[y] - 1));
        }
        const int32_t *weights = down->fixed + (size_t)y * down->taps;
        sweep->kernels->down((const uint8_t *const *)sweep->scratch->rows, weights, taps, line, size);
        if (across->identity) {
            each(y, line + (size_t)across->key.first * 3, data);
        } else {
            sweep->kernels->across(across, line, out);
            each(y, out, data);
        }
    }
}

bool nt_resample(const NtPixels *in, const NtAxis *across, const NtAxis *down, NtScratch *scratch, NtRowFn each,
                 void *data, GError **error) {
    bool fixed = nt_axis_is_fixed(across), nearest = nt_axis_is_nearest(across);
    size_t pixel = fixed || nearest ? 3 : sizeof(Pixel);
    Sweep sweep = {in, across, down, nt_resample_kernels(), scratch, across->key.count * pixel};
    /* The line holds an input row or, behind it, nothing; the output row comes after. */
    size_t line = (size_t)in->width * pixel + nt_row_slack(across);
    line = (line + 63) / 64 * 64;
    if (!grow(&scratch->line, &scratch->line_size, line + sweep.row_bytes, 1, error)) {
        return false;
    }
    if (nearest) {
        pick(&sweep, each, data);
        return true;
    }
    if (!grow(&scratch->ring, &scratch->ring_size, sweep.row_bytes, down->taps, error) ||
        !grow(&scratch->rows, &scratch->rows_size, down->taps, sizeof(void *), error)) {
        return false;
    }
    uint8_t *out = (uint8_t *)scratch->line + line;
    if (is_columns_first(across, down)) {
        sweep_columns(&sweep, scratch->line, out, each, data);
    } else {
        sweep_rows(&sweep, fixed, out, each, data);
    }
    return true;
}
