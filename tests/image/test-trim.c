/* SPDX-License-Identifier: Apache-2.0 */
/* Borders of one colour: left out where there are any, and nothing else. */
#include "image/image.h"

#include <string.h>

/* A canvas of one colour with a picture of many colours at (left, top), width x height. */
typedef struct Canvas {
    uint8_t rgb[120 * 100 * 3];
    NtPixels pixels;
} Canvas;

static Canvas *canvas_new(uint8_t colour, uint32_t left, uint32_t top, uint32_t width, uint32_t height) {
    Canvas *canvas = g_new0(Canvas, 1);
    memset(canvas->rgb, colour, sizeof canvas->rgb);
    for (uint32_t y = top; y < top + height; y++) {
        for (uint32_t x = left; x < left + width; x++) {
            uint8_t *at = canvas->rgb + ((size_t)y * 120 + x) * 3;
            at[0] = (uint8_t)(20 + (x * 7 + y * 3) % 100);
            at[1] = (uint8_t)(40 + x % 60);
            at[2] = (uint8_t)(30 + y % 90);
        }
    }
    canvas->pixels = (NtPixels){.rgb = canvas->rgb, .width = 120, .height = 100, .stride = 360};
    return canvas;
}

static void expect(const Canvas *canvas, uint32_t left, uint32_t top, uint32_t width, uint32_t height) {
    NtPixels seen = nt_pixels_trimmed(&canvas->pixels);
    g_assert_cmpuint(seen.width, ==, width);
    g_assert_cmpuint(seen.height, ==, height);
    g_assert_true(seen.rgb == canvas->rgb + ((size_t)top * 120 + left) * 3);
    g_assert_cmpuint(seen.stride, ==, 360);
}

static void test_borders(void) {
    static const struct {
        uint8_t colour;
        uint32_t left, top, width, height;
    } cases[] = {{255, 10, 0, 100, 100}, {255, 0, 20, 120, 60}, {200, 7, 9, 90, 80}, {0, 40, 30, 30, 25}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree Canvas *canvas =
            canvas_new(cases[i].colour, cases[i].left, cases[i].top, cases[i].width, cases[i].height);
        expect(canvas, cases[i].left, cases[i].top, cases[i].width, cases[i].height);
        for (size_t p = 0; p < sizeof canvas->rgb; p += 9) { /* what JPEG leaves of a plain colour */
            canvas->rgb[p] ^= 3;
        }
        expect(canvas, cases[i].left, cases[i].top, cases[i].width, cases[i].height);
    }
}

static void test_none(void) {
    g_autofree Canvas *whole = canvas_new(255, 0, 0, 120, 100); /* no border */
    expect(whole, 0, 0, 120, 100);
    g_autofree Canvas *empty = canvas_new(255, 0, 0, 0, 0); /* nothing but border */
    expect(empty, 0, 0, 120, 100);
    g_autofree Canvas *small = canvas_new(255, 50, 50, 10, 8); /* what is left would be too little */
    expect(small, 0, 0, 120, 100);
    g_autofree Canvas *corner = canvas_new(255, 10, 10, 110, 90); /* the picture reaches a corner */
    expect(corner, 0, 0, 120, 100);
    g_autofree Canvas *tiny = canvas_new(255, 4, 4, 8, 8);
    tiny->pixels.width = tiny->pixels.height = 12;
    expect(tiny, 0, 0, 12, 12);
}

/* The vector of a photo on a canvas is that of the photo. */
static void test_preprocess(void) {
    g_autoptr(GError) error = NULL;
    NtPreprocess rules = {.width = 32, .height = 32, .resampler = NT_RESAMPLE_BILINEAR, .trim = true};
    g_autoptr(NtPreprocessor) preprocessor = nt_preprocessor_new(&rules, &error);
    g_assert_no_error(error);
    g_autofree Canvas *canvas = canvas_new(255, 12, 8, 90, 80);
    NtPixels alone = {.rgb = canvas->rgb + (8 * 120 + 12) * 3, .width = 90, .height = 80, .stride = 360};
    float on_canvas[3 * 32 * 32], by_itself[3 * 32 * 32];
    g_assert_true(nt_preprocess(preprocessor, &canvas->pixels, on_canvas, &error));
    g_assert_true(nt_preprocess(preprocessor, &alone, by_itself, &error));
    g_assert_cmpmem(on_canvas, sizeof on_canvas, by_itself, sizeof by_itself);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trim/borders", test_borders);
    g_test_add_func("/trim/none", test_none);
    g_test_add_func("/trim/preprocess", test_preprocess);
    return g_test_run();
}
