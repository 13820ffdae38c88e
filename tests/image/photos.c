/* SPDX-License-Identifier: Apache-2.0 */
#include "photos.h"

const uint8_t corner_colours[4][3] = {{220, 30, 40}, {30, 200, 50}, {40, 50, 210}, {120, 120, 120}};

VipsImage *make_corners(int width, int height) {
    size_t size = (size_t)width * (size_t)height * 3;
    uint8_t *rgb = g_malloc(size);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const uint8_t *colour = corner_colours[(y >= height / 2) * 2 + (x >= width / 2)];
            for (int c = 0; c < 3; c++) {
                rgb[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] = colour[c];
            }
        }
    }
    VipsImage *image = vips_image_new_from_memory_copy(rgb, size, width, height, 3, VIPS_FORMAT_UCHAR);
    g_free(rgb);
    image->Type = VIPS_INTERPRETATION_sRGB;
    return image;
}

GBytes *encode(VipsImage *image, const char *suffix) {
    void *bytes = NULL;
    size_t size = 0;
    int status = vips_image_write_to_buffer(image, suffix, &bytes, &size, NULL);
    g_object_unref(image);
    if (status != 0) {
        g_test_message("%s: %s", suffix, vips_error_buffer());
        vips_error_clear();
        return NULL;
    }
    return g_bytes_new_take(bytes, size);
}
