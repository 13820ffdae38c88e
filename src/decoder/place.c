/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From decoded rows to the output: grey is spread to three channels, transparency laid on white, and each pixel put
 * where the EXIF orientation wants it. With steps of (dx, dy) bytes for one pixel right and one row down, all eight
 * orientations are one loop:
 *
 *   1 as it is       2 mirrored         3 turned by 180       4 upside down
 *   5 transposed     6 turned by 90 cw  7 transposed, 180     8 turned by 90 ccw
 */
#include <string.h>

#include "decoder/decoder-internal.h"

/* One channel over white: c * a + 255 * (1 - a), rounded to nearest; x / 255 without a division. */
static inline uint8_t over_white(unsigned c, unsigned a) {
    unsigned x = c * a + 255 * (255 - a) + 128;
    return (uint8_t)((x + (x >> 8)) >> 8);
}

static inline void put_pixel(uint8_t *to, const uint8_t *from, uint32_t bands) {
    switch (bands) {
    case 1: to[0] = to[1] = to[2] = from[0]; break;
    case 2: to[0] = to[1] = to[2] = over_white(from[0], from[1]); break;
    case 3: memcpy(to, from, 3); break;
    default:
        to[0] = over_white(from[0], from[3]);
        to[1] = over_white(from[1], from[3]);
        to[2] = over_white(from[2], from[3]);
    }
}

/* Where pixel (0, 0) goes, and the steps from there. */
static void geometry(const NtPlace *place, ptrdiff_t *origin, ptrdiff_t *dx, ptrdiff_t *dy) {
    bool turned = place->orientation >= 5;
    ptrdiff_t width = place->width, height = place->height;
    ptrdiff_t stride = 3 * (turned ? height : width);
    bool flip_x =
        place->orientation == 2 || place->orientation == 3 || place->orientation == 7 || place->orientation == 8;
    bool flip_y =
        place->orientation == 3 || place->orientation == 4 || place->orientation == 6 || place->orientation == 7;
    *dx = (turned ? stride : 3) * (flip_x ? -1 : 1);
    *dy = (turned ? 3 : stride) * (flip_y ? -1 : 1);
    *origin = (flip_x ? -*dx * (width - 1) : 0) + (flip_y ? -*dy * (height - 1) : 0);
}

void nt_place_rows(const NtPlace *place, const uint8_t *rows, size_t stride, uint32_t first, uint32_t count) {
    ptrdiff_t origin, dx, dy;
    geometry(place, &origin, &dx, &dy);
    uint8_t *to = place->output + origin + (ptrdiff_t)first * dy;
    if (place->orientation == 1 && place->bands == 3) {
        for (uint32_t y = 0; y < count; y++) {
            memcpy(to + y * dy, rows + y * stride, (size_t)place->width * 3);
        }
        return;
    }
    if (place->orientation >= 5) {
        /* Down first: the strip's few rows end up side by side in one row of the output. */
        for (uint32_t x = 0; x < place->width; x++) {
            for (uint32_t y = 0; y < count; y++) {
                put_pixel(to + x * dx + y * dy, rows + y * stride + (size_t)x * place->bands, place->bands);
            }
        }
        return;
    }
    for (uint32_t y = 0; y < count; y++) {
        for (uint32_t x = 0; x < place->width; x++) {
            put_pixel(to + x * dx + y * dy, rows + y * stride + (size_t)x * place->bands, place->bands);
        }
    }
}
