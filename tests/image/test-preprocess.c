/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resizing and preprocessing against Pillow, torchvision and TensorFlow (golden/, made by
 * tools/make-resize-references.py), the SIMD code against the plain one, and what must hold for any size.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "image/image.h"
#include "image/resample.h"

/* The twin of `picture` in tools/make-resize-references.py. Free with g_free. */
static uint8_t *make_picture(uint32_t width, uint32_t height) {
    size_t row = (size_t)width * 3;
    uint8_t *rgb = g_malloc(row * height);
    for (size_t i = 0; i < row * height; i++) {
        uint8_t value = (uint8_t)((uint32_t)(i * 2654435761U) >> 13);
        rgb[i] = i / row % 2 == 1 ? (value > 127 ? 255 : 0) : value;
    }
    return rgb;
}

static float *run(const NtPreprocess *rules, const NtPixels *pixels) {
    GError *error = NULL;
    g_autoptr(NtPreprocessor) preprocessor = nt_preprocessor_new(rules, &error);
    g_assert_no_error(error);
    float *out = g_new(float, (size_t)3 * rules->width * rules->height);
    bool ok = nt_preprocess(preprocessor, pixels, out, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return out;
}

typedef struct Golden {
    const char *file;
    NtFlavour flavour;
    bool bytes;
    float tolerance; /* of values from 0 to 255 */
} Golden;

/* One case of a golden file from `at`; returns where the next begins. */
static const char *check_case(const Golden *golden, const char *at, const char *end) {
    char rule[16], resampler[16];
    unsigned width, height, resize, pad;
    NtPreprocess rules = {.flavour = golden->flavour};
    g_assert_cmpint(sscanf(at, "%15s %15s %u %u %u %u %u %u", rule, resampler, &width, &height, &rules.width,
                           &rules.height, &resize, &pad),
                    ==, 8);
    g_assert_true(nt_resize_rule_parse(rule, "rule", &rules.rule, NULL));
    g_assert_true(nt_resampler_parse(resampler, "resampler", &rules.resampler, NULL));
    rules.resize = resize;
    memset(rules.pad, (int)pad, 3);
    at = strchr(at, '\n') + 1;
    g_autofree uint8_t *rgb = make_picture(width, height);
    NtPixels pixels = {rgb, width, height, (size_t)width * 3};
    g_autofree float *out = run(&rules, &pixels);
    size_t plane = (size_t)rules.width * rules.height;
    g_assert_cmpint(end - at, >=, (gssize)(plane * 3 * (golden->bytes ? 1 : 4)));
    for (size_t i = 0; i < plane * 3; i++) {
        float expected;
        if (golden->bytes) {
            expected = (uint8_t)at[i];
        } else {
            memcpy(&expected, at + 4 * i, 4);
        }
        float got = out[i % 3 * plane + i / 3];
        if (fabsf(got - expected) > golden->tolerance) {
            g_error("%s: %s %s %ux%u -> %ux%u: value %zu is %g, not %g", golden->file, rule, resampler, width, height,
                    rules.width, rules.height, i, (double)got, (double)expected);
        }
    }
    return at + plane * 3 * (golden->bytes ? 1 : 4);
}

static void test_golden(gconstpointer data) {
    const Golden *golden = data;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "golden", golden->file, NULL);
    g_autofree char *text = NULL;
    gsize size;
    GError *error = NULL;
    g_file_get_contents(path, &text, &size, &error);
    g_assert_no_error(error);
    const char *at = text, *end = text + size;
    unsigned cases = 0;
    while (at < end) {
        at = check_case(golden, at, end);
        cases++;
    }
    g_assert_cmpuint(cases, >=, 30);
}

static void compare_kernels(uint32_t in, uint32_t out, NtResampler resampler) {
    NtAxisKey key = {in, out, 0, out, resampler, NT_FLAVOUR_PILLOW};
    g_autoptr(NtAxis) axis = nt_axis_new(&key, NULL);
    /* Exactly the promised slack, so that the sanitizer sees a read too far. */
    g_autofree uint8_t *row = g_malloc((size_t)in * 3 + nt_row_slack(axis));
    for (size_t i = 0; i < (size_t)in * 3 + nt_row_slack(axis); i++) {
        row[i] = (uint8_t)(g_test_rand_int_range(0, 4) == 0 ? 255 : g_test_rand_int_range(0, 256));
    }
    g_autofree uint8_t *plain = g_malloc((size_t)out * 3), *fast = g_malloc((size_t)out * 3);
    const NtResampleKernels *kernels = nt_resample_kernels();
    nt_resample_c.across(axis, row, plain);
    kernels->across(axis, row, fast);
    g_assert_cmpmem(plain, (size_t)out * 3, fast, (size_t)out * 3);

    enum { TAPS = 12 };
    size_t n = (size_t)in;
    const uint8_t *rows[TAPS];
    g_autofree uint8_t *block = g_malloc(n * TAPS);
    int32_t weights[TAPS];
    for (size_t i = 0; i < n * TAPS; i++) {
        block[i] = (uint8_t)g_test_rand_int();
    }
    for (int k = 0; k < TAPS; k++) {
        rows[k] = block + n * (size_t)k;
        weights[k] = g_test_rand_int_range(-(1 << 18), 1 << 19);
    }
    g_autofree uint8_t *plain_down = g_malloc(n), *fast_down = g_malloc(n);
    nt_resample_c.down(rows, weights, TAPS, plain_down, n);
    kernels->down(rows, weights, TAPS, fast_down, n);
    g_assert_cmpmem(plain_down, n, fast_down, n);
}

static void test_kernels(void) {
    g_test_message("kernels: %s", nt_resample_kernels()->name);
    for (int i = 0; i < 400; i++) {
        uint32_t in = (uint32_t)g_test_rand_int_range(1, 200), out = (uint32_t)g_test_rand_int_range(1, 200);
        compare_kernels(in, out, i % 2 == 0 ? NT_RESAMPLE_BILINEAR : NT_RESAMPLE_BICUBIC);
    }
}

/* A crop must be the crop of the whole, and a stride must not matter. */
static void test_crop_is_a_part(void) {
    enum { W = 61, H = 47, R = 40, S = 24 };
    g_autofree uint8_t *rgb = make_picture(W, H);
    g_autofree uint8_t *wide = g_malloc0((W * 3 + 13) * H);
    for (int y = 0; y < H; y++) {
        memcpy(wide + y * (W * 3 + 13), rgb + y * W * 3, W * 3);
    }
    NtPixels pixels = {rgb, W, H, W * 3}, strided = {wide, W, H, W * 3 + 13};
    for (int flavour = NT_FLAVOUR_PILLOW; flavour <= NT_FLAVOUR_PILLOW_13; flavour++) {
        for (int resampler = NT_RESAMPLE_NEAREST; resampler <= NT_RESAMPLE_BICUBIC; resampler++) {
            NtPreprocess crop = {NT_RESIZE_CROP, resampler, flavour, S, S, R};
            NtPreprocess whole = {NT_RESIZE_SQUASH, resampler, flavour, R * W / H, R};
            g_autofree float *part = run(&crop, &strided), *all = run(&whole, &pixels);
            int left = (int)rint((R * W / H - S) / 2.0), top = (R - S) / 2;
            for (int c = 0; c < 3; c++) {
                for (int y = 0; y < S; y++) {
                    const float *from = all + ((size_t)c * R + (size_t)(y + top)) * whole.width + left;
                    g_assert_cmpmem(part + (c * S + y) * S, S * sizeof(float), from, S * sizeof(float));
                }
            }
        }
    }
}

/* One colour stays one colour at any size, by every rule; the border has its own. */
static void test_flat_stays_flat(void) {
    for (int i = 0; i < 300; i++) {
        uint32_t w = (uint32_t)g_test_rand_int_range(1, 90), h = (uint32_t)g_test_rand_int_range(1, 90);
        g_autofree uint8_t *rgb = g_malloc((size_t)w * h * 3);
        memset(rgb, 200, (size_t)w * h * 3);
        NtPixels pixels = {rgb, w, h, (size_t)w * 3};
        NtPreprocess rules = {.rule = i % 3,
                              .resampler = i / 3 % 3,
                              .flavour = i / 9 % 5,
                              .width = (uint32_t)g_test_rand_int_range(1, 70),
                              .height = (uint32_t)g_test_rand_int_range(1, 70),
                              .pad = {10, 10, 10}};
        g_autofree float *out = run(&rules, &pixels);
        for (size_t k = 0; k < (size_t)3 * rules.width * rules.height; k++) {
            bool flat = fabsf(out[k] - 200) < 0.01F, border = rules.rule == NT_RESIZE_PAD && out[k] == 10;
            g_assert_true(flat || border);
        }
    }
}

static void test_pad_geometry(void) {
    for (int i = 0; i < 2000; i++) {
        uint32_t w = (uint32_t)g_test_rand_int_range(1, 5000), h = (uint32_t)g_test_rand_int_range(1, 5000);
        NtPreprocess rules = {.rule = NT_RESIZE_PAD,
                              .flavour = i % 2 == 0 ? NT_FLAVOUR_PILLOW : NT_FLAVOUR_TENSORFLOW,
                              .width = (uint32_t)g_test_rand_int_range(1, 400),
                              .height = (uint32_t)g_test_rand_int_range(1, 400)};
        NtGeometry g = nt_geometry(&rules, w, h);
        g_assert_cmpuint(g.width, >=, 1);
        g_assert_cmpuint(g.height, >=, 1);
        g_assert_cmpuint(g.left + g.width, <=, rules.width);
        g_assert_cmpuint(g.top + g.height, <=, rules.height);
        /* One side touches both borders (TensorFlow reckons in floats and may miss by one), and what is left is shared
         * evenly. */
        g_assert_true(g.width + 1 >= rules.width || g.height + 1 >= rules.height);
        g_assert_cmpint(abs((int)(rules.width - g.width) - 2 * (int)g.left), <=, i % 2 == 0 ? 1 : 2);
        g_assert_cmpint(abs((int)(rules.height - g.height) - 2 * (int)g.top), <=, i % 2 == 0 ? 1 : 2);
    }
}

static void test_crop_geometry(void) {
    for (int i = 0; i < 2000; i++) {
        uint32_t w = (uint32_t)g_test_rand_int_range(1, 16384), h = (uint32_t)g_test_rand_int_range(1, 16384);
        NtPreprocess rules = {.rule = NT_RESIZE_CROP, .width = 224, .height = 224, .resize = 256};
        NtGeometry g = nt_geometry(&rules, w, h);
        g_assert_cmpuint(MIN(g.out_width, g.out_height), ==, 256);
        g_assert_cmpuint(g.x + 224, <=, g.out_width);
        g_assert_cmpuint(g.y + 224, <=, g.out_height);
        g_assert_cmpint(abs((int)(g.out_width - 224) - 2 * (int)g.x), <=, 1);
    }
}

static void test_channels_and_scale(void) {
    const uint8_t rgb[] = {10, 20, 30};
    NtPixels pixels = {rgb, 1, 1, 3};
    NtPreprocess caffe = {.width = 1, .height = 1, .bgr = true, .mean = {103.939F, 116.779F, 123.68F}};
    g_autofree float *out = run(&caffe, &pixels);
    g_assert_cmpfloat(out[0], ==, 30 - 103.939F);
    g_assert_cmpfloat(out[1], ==, 20 - 116.779F);
    g_assert_cmpfloat(out[2], ==, 10 - 123.68F);
    NtPreprocess torch = {.width = 1,
                          .height = 1,
                          .flavour = NT_FLAVOUR_TORCH,
                          .resampler = NT_RESAMPLE_BILINEAR,
                          .scale = 1 / 255.0F,
                          .mean = {0.485F, 0.456F, 0.406F},
                          .std = {0.229F, 0.224F, 0.225F}};
    g_autofree float *floats = run(&torch, &pixels);
    torch.flavour = NT_FLAVOUR_PILLOW;
    g_autofree float *bytes = run(&torch, &pixels);
    for (int c = 0; c < 3; c++) {
        float expected = (rgb[c] / 255.0F - torch.mean[c]) / torch.std[c];
        g_assert_cmpfloat_with_epsilon(floats[c], expected, 1e-6);
        g_assert_cmpfloat_with_epsilon(bytes[c], expected, 1e-6);
    }
}

/* The longest sides the limits let in, at the ends of what a card may ask. */
static void test_extreme_sizes(void) {
    enum { LONG = 16384 };
    g_autofree uint8_t *rgb = make_picture(LONG, 1);
    NtPixels lying = {rgb, LONG, 1, LONG * 3}, standing = {rgb, 1, LONG, 3};
    for (int flavour = NT_FLAVOUR_PILLOW; flavour <= NT_FLAVOUR_PILLOW_13; flavour++) {
        for (int rule = NT_RESIZE_SQUASH; rule <= NT_RESIZE_PAD; rule++) {
            NtPreprocess rules = {
                .rule = rule, .resampler = NT_RESAMPLE_BICUBIC, .flavour = flavour, .width = 8, .height = 5};
            g_autofree float *a = run(&rules, &lying), *b = run(&rules, &standing);
            for (int i = 0; i < 3 * 8 * 5; i++) {
                g_assert_true(isfinite(a[i]) && isfinite(b[i]));
            }
        }
    }
}

static void expect_refused(NtPreprocess rules, const char *words) {
    GError *error = NULL;
    NtPreprocessor *preprocessor = nt_preprocessor_new(&rules, &error);
    g_assert_null(preprocessor);
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, words));
    g_error_free(error);
}

static void test_bad_rules(void) {
    expect_refused((NtPreprocess){.width = 0, .height = 5}, "input size");
    expect_refused((NtPreprocess){.width = 5, .height = 4097}, "input size");
    expect_refused((NtPreprocess){.rule = NT_RESIZE_CROP, .width = 9, .height = 9, .resize = 8}, "resize 8");
    expect_refused((NtPreprocess){.width = 9, .height = 9, .std = {1, -1, 1}}, "std");
    expect_refused((NtPreprocess){.width = 9, .height = 9, .mean = {NAN, 1, 1}}, "mean");
    expect_refused((NtPreprocess){.width = 9, .height = 9, .scale = INFINITY}, "scale");
    GError *error = NULL;
    NtFlavour flavour;
    g_assert_false(nt_flavour_parse("opencv", "card.json: flavour", &flavour, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_cmpstr(error->message, ==,
                    "card.json: flavour: 'opencv' is none of pillow, torch, torch-plain, tensorflow, pillow-13");
    g_error_free(error);
}

static void test_thumbnail(void) {
    g_autofree uint8_t *rgb = make_picture(90, 61);
    NtPixels pixels = {rgb, 90, 61, 270};
    g_autoptr(NtPicture) small = nt_image_thumbnail(&pixels, 30, NULL), same = nt_image_thumbnail(&pixels, 500, NULL);
    g_assert_cmpuint(small->pixels.width, ==, 30);
    g_assert_cmpuint(small->pixels.height, ==, 20);
    g_assert_cmpmem(same->pixels.rgb, 90 * 61 * 3, rgb, 90 * 61 * 3);
}

int main(int argc, char **argv) {
    static const Golden golden[] = {
        {"pillow.bin", NT_FLAVOUR_PILLOW, true, 0},
        {"pillow-13.bin", NT_FLAVOUR_PILLOW_13, true, 0},
        {"torch.bin", NT_FLAVOUR_TORCH, false, 0.002F},
        {"torch-plain.bin", NT_FLAVOUR_TORCH_PLAIN, false, 0.002F},
        {"tensorflow.bin", NT_FLAVOUR_TENSORFLOW, false, 0.002F},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(golden); i++) {
        g_autofree char *path = g_strconcat("/preprocess/golden/", golden[i].file, NULL);
        g_test_add_data_func(path, &golden[i], test_golden);
    }
    g_test_add_func("/preprocess/kernels", test_kernels);
    g_test_add_func("/preprocess/crop-is-a-part", test_crop_is_a_part);
    g_test_add_func("/preprocess/flat-stays-flat", test_flat_stays_flat);
    g_test_add_func("/preprocess/pad-geometry", test_pad_geometry);
    g_test_add_func("/preprocess/crop-geometry", test_crop_geometry);
    g_test_add_func("/preprocess/channels-and-scale", test_channels_and_scale);
    g_test_add_func("/preprocess/extreme-sizes", test_extreme_sizes);
    g_test_add_func("/preprocess/bad-rules", test_bad_rules);
    g_test_add_func("/preprocess/thumbnail", test_thumbnail);
    return g_test_run();
}
