/* SPDX-License-Identifier: Apache-2.0 */
#include "blur.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One box filter of 2 * reach + 1 along a row; the ends repeat. */
static void box_row(uint8_t *row, int count, int reach, uint8_t *copy) {
    memcpy(copy, row, (size_t)count);
    int sum = 0;
    uint32_t inverse = 65536u / (uint32_t)(2 * reach + 1);
    for (int i = -reach; i <= reach; i++) {
        sum += copy[i < 0 ? 0 : i >= count ? count - 1 : i];
    }
    for (int i = 0; i < count; i++) {
        row[i] = (uint8_t)((uint32_t)sum * inverse >> 16);
        int out = i - reach, in = i + reach + 1;
        sum += copy[in >= count ? count - 1 : in] - copy[out < 0 ? 0 : out];
    }
}

/* The same down all columns at once, a row of sums at a time, which the compiler turns into vector code. */
static void box_columns(uint8_t *data, ptrdiff_t stride, int height, int reach, uint8_t *copy, uint32_t *sums) {
    memcpy(copy, data, (size_t)stride * (size_t)height);
    memset(sums, 0, (size_t)stride * sizeof *sums);
    uint32_t inverse = 65536u / (uint32_t)(2 * reach + 1);
    for (int i = -reach; i <= reach; i++) {
        const uint8_t *row = copy + stride * (i < 0 ? 0 : i >= height ? height - 1 : i);
        for (ptrdiff_t x = 0; x < stride; x++) {
            sums[x] += row[x];
        }
    }
    for (int y = 0; y < height; y++) {
        const uint8_t *out = copy + stride * (y < reach ? 0 : y - reach);
        const uint8_t *in = copy + stride * (y + reach + 1 >= height ? height - 1 : y + reach + 1);
        uint8_t *row = data + stride * y;
        for (ptrdiff_t x = 0; x < stride; x++) {
            row[x] = (uint8_t)(sums[x] * inverse >> 16);
            sums[x] += (uint32_t)in[x] - out[x];
        }
    }
}

void blur_mask(cairo_surface_t *mask, double radius) {
    int reach = (int)lround(radius / 2);
    if (reach < 1) {
        return;
    }
    cairo_surface_flush(mask);
    int width = cairo_image_surface_get_width(mask), height = cairo_image_surface_get_height(mask);
    ptrdiff_t stride = cairo_image_surface_get_stride(mask);
    uint8_t *data = cairo_image_surface_get_data(mask);
    uint8_t *copy = malloc((size_t)stride * (size_t)height);
    uint32_t *sums = malloc((size_t)stride * sizeof *sums);
    for (int pass = 0; copy != NULL && sums != NULL && pass < 3; pass++) {
        for (int y = 0; y < height; y++) {
            box_row(data + stride * y, width, reach, copy);
        }
        box_columns(data, stride, height, reach, copy, sums);
    }
    free(copy);
    free(sums);
    cairo_surface_mark_dirty(mask);
}
