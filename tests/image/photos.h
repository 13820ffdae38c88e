/* SPDX-License-Identifier: Apache-2.0 */
/* Photos for the tests, encoded by libvips' savers in the test's own process. */
#ifndef NT_TEST_PHOTOS_H
#define NT_TEST_PHOTOS_H

#include <stdbool.h>

#include <vips/vips.h>

#include "image/image.h"

/* A picture of smooth colours with four different corners: red, green, blue, grey; (height, width, 3) 8-bit sRGB. */
VipsImage *make_corners(int width, int height);

/* The colour that a corner of it has; corners in reading order. */
extern const uint8_t corner_colours[4][3];

/* `image` as ".jpg[Q=90]", ".png", ".tif[compression=lzw]", ...; takes it. Skips nothing: NULL when this libvips has
 * no such saver. */
GBytes *encode(VipsImage *image, const char *suffix);

#endif
