/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* libjpeg's way to fail is to call this, which must not return. */
typedef struct Trap {
    struct jpeg_error_mgr base;
    jmp_buf back;
} Trap;

static void fail(j_common_ptr jpeg) { longjmp(((Trap *)jpeg->err)->back, 1); }

static void write_rows(struct jpeg_compress_struct *jpeg, cairo_surface_t *surface, JSAMPLE *row) {
    const uint8_t *data = cairo_image_surface_get_data(surface);
    int stride = cairo_image_surface_get_stride(surface);
    while (jpeg->next_scanline < jpeg->image_height) {
        const uint8_t *from = data + (ptrdiff_t)jpeg->next_scanline * stride;
        for (JDIMENSION x = 0; x < jpeg->image_width; x++) {
            uint32_t pixel;
            memcpy(&pixel, from + 4 * (size_t)x, 4);
            row[3 * x] = (JSAMPLE)(pixel >> 16), row[3 * x + 1] = (JSAMPLE)(pixel >> 8),
                    row[3 * x + 2] = (JSAMPLE)pixel;
        }
        jpeg_write_scanlines(jpeg, &row, 1);
    }
}

bool jpeg_write(cairo_surface_t *surface, const char *path, int quality, GError **error) {
    cairo_surface_flush(surface);
    Trap trap;
    struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&trap.base)};
    trap.base.error_exit = fail;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    int width = cairo_image_surface_get_width(surface);
    JSAMPLE *row = g_new(JSAMPLE, 3 * (size_t)width);
    if (setjmp(trap.back) != 0) {
        jpeg_destroy_compress(&jpeg);
        free(bytes);
        g_free(row);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: cannot be encoded", path);
        return false;
    }
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)cairo_image_surface_get_height(surface);
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg.optimize_coding = TRUE;
    jpeg_start_compress(&jpeg, TRUE);
    write_rows(&jpeg, surface, row);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    g_free(row);
    bool ok = g_file_set_contents(path, (const char *)bytes, (gssize)size, error);
    free(bytes);
    return ok;
}
