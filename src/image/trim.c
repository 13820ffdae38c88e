/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A border of one colour around a picture is left out: the canvas that a shop puts its photos on. The four corners must
 * be alike; a row or column belongs to the border as long as nearly all of it has their colour; what would leave less
 * than a fifth of a side is no border but the picture. Costs one look at the border's pixels.
 */
#include "image/image.h"

#include <stdlib.h>

enum {
    TOLERANCE = 12,     /* of 255: what JPEG makes of a plain colour */
    STRAY_SHARE = 100,  /* a row may have a pixel in so many of another colour */
    LEAST_SHARE = 5,    /* of a side that must be left: one part in so many */
    SMALLEST_SIDE = 16, /* pixels */
};

static const uint8_t *pixel_at(const NtPixels *pixels, uint32_t x, uint32_t y) {
    return pixels->rgb + y * pixels->stride + (size_t)3 * x;
}

static bool is_alike(const uint8_t *a, const uint8_t *b) {
    return abs(a[0] - b[0]) <= TOLERANCE && abs(a[1] - b[1]) <= TOLERANCE && abs(a[2] - b[2]) <= TOLERANCE;
}

/* A row (dy 0) or column (dx 0) of `count` pixels from (x, y) on is of the border's colour. */
static bool is_border(const NtPixels *pixels, const uint8_t *colour, uint32_t x, uint32_t y, bool row, uint32_t count) {
    uint32_t strays = 0;
    for (uint32_t i = 0; i < count; i++) {
        strays += !is_alike(pixel_at(pixels, row ? x + i : x, row ? y : y + i), colour);
        if (strays > count / STRAY_SHARE) {
            return false;
        }
    }
    return true;
}

NtPixels nt_pixels_trimmed(const NtPixels *pixels) {
    uint32_t w = pixels->width, h = pixels->height;
    if (w < SMALLEST_SIDE || h < SMALLEST_SIDE) {
        return *pixels;
    }
    const uint8_t *colour = pixel_at(pixels, 0, 0);
    if (!is_alike(colour, pixel_at(pixels, w - 1, 0)) || !is_alike(colour, pixel_at(pixels, 0, h - 1)) ||
        !is_alike(colour, pixel_at(pixels, w - 1, h - 1))) {
        return *pixels;
    }
    uint32_t top = 0, bottom = h, left = 0, right = w;
    while (top < bottom && is_border(pixels, colour, 0, top, true, w)) {
        top++;
    }
    while (bottom > top && is_border(pixels, colour, 0, bottom - 1, true, w)) {
        bottom--;
    }
    while (left < right && is_border(pixels, colour, left, top, false, bottom - top)) {
        left++;
    }
    while (right > left && is_border(pixels, colour, right - 1, top, false, bottom - top)) {
        right--;
    }
    uint32_t width = right - left, height = bottom - top;
    if (width < MAX(w / LEAST_SHARE, SMALLEST_SIDE) || height < MAX(h / LEAST_SHARE, SMALLEST_SIDE)) {
        return *pixels;
    }
    return (NtPixels){.rgb = pixel_at(pixels, left, top), .width = width, .height = height, .stride = pixels->stride};
}
