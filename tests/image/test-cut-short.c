/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos whose end is missing, as every browser shows them: taken with a note when nearly all of their rows are there,
 * refused otherwise and where photos are wanted whole.
 */
#include <string.h>

#include "base/base.h"
#include "bytes.h"
#include "photos.h"

enum { WIDTH = 400, HEIGHT = 300 };

static NtDecoder *decoder, *strict;

/* Noise over a slope, so that every row takes its share of the file. */
static VipsImage *make_noise(void) {
    uint32_t state = 1;
    uint8_t *rgb = g_malloc(WIDTH * HEIGHT * 3);
    for (int i = 0; i < WIDTH * HEIGHT * 3; i++) {
        state = state * 1664525 + 1013904223;
        rgb[i] = (uint8_t)(i / (WIDTH * 3) / 2 + (int)(state >> 26));
    }
    VipsImage *image = vips_image_new_from_memory_copy(rgb, WIDTH * HEIGHT * 3, WIDTH, HEIGHT, 3, VIPS_FORMAT_UCHAR);
    g_free(rgb);
    image->Type = VIPS_INTERPRETATION_sRGB;
    return image;
}

static bool decode(NtDecoder *with, const uint8_t *data, size_t size, NtPixels *out, NtImageHeader *header,
                   GError **error) {
    return nt_decoder_decode(with, data, size, "photo", NULL, out, header, error);
}

typedef struct Format {
    const char *suffix;
    bool shown; /* most of it can be shown when its end is missing; otherwise only an end behind all pixels may miss */
} Format;

static const Format formats[] = {
    {".jpg[Q=90]", true},       {".jpg[Q=90,interlace]", true}, {".png", true},  {".gif", true},
    {".png[interlace]", false}, {".webp[Q=90]", false},         {".tif", false}, {".avif", false},
    {".heic", false},
};

/* At every cut: a picture of which at least 95 % are there, the upper rows equal to the whole one's, with a note; or an
 * error. The less is left, the less is there. */
static void test_format(gconstpointer data) {
    const Format *format = data;
    g_autoptr(GBytes) file = encode(make_noise(), format->suffix);
    if (file == NULL) {
        g_test_skip("this libvips has no encoder for it");
        return;
    }
    gsize size;
    const uint8_t *bytes = g_bytes_get_data(file, &size);
    NtPixels pixels = {0};
    NtImageHeader header;
    GError *error = NULL;
    decode(decoder, bytes, size, &pixels, &header, &error);
    g_assert_no_error(error);
    g_assert_true(!header.cut_off && header.percent == 100 && nt_image_note(&header, "photo") == NULL);
    g_autofree uint8_t *whole = g_memdup2(pixels.rgb, WIDTH * HEIGHT * 3);
    uint32_t before = 100;
    for (unsigned tenth = 0; tenth < 300; tenth += tenth < 20 ? 1 : 20) {
        gsize left = tenth == 0 ? size - 2 : size - size * tenth / 1000;
        g_assert_false(decode(strict, bytes, left, &pixels, &header, NULL));
        if (!decode(decoder, bytes, left, &pixels, &header, &error)) {
            g_assert_nonnull(error);
            g_clear_error(&error);
            g_assert_true(tenth > 0 || !format->shown);
            continue;
        }
        g_assert_true(header.cut_off && header.percent >= 95 && header.percent <= before);
        /* What follows the pixels (EXIF in a WebP) may be missing from any format that says where they end. */
        bool progressive = strstr(format->suffix, "jpg") != NULL && strstr(format->suffix, "interlace") != NULL;
        g_assert_true(header.percent == 100 || (format->shown && (progressive || tenth <= 60)));
        before = header.percent;
        size_t rows = header.percent == 100                         ? HEIGHT
                      : strstr(format->suffix, "interlace") != NULL ? 0
                                                                    : HEIGHT * 9 / 10;
        size_t same = (size_t)WIDTH * 3 * rows;
        g_assert_cmpmem(pixels.rgb, same, whole, same);
        g_autofree char *note = nt_image_note(&header, "photo");
        g_assert_true(g_str_has_prefix(note, "photo: a ") && strstr(note, " cut short, and taken: ") != NULL);
        g_test_message("%s without %u/1000: %u %%", format->suffix, tenth, header.percent);
    }
    g_assert_cmpuint(before, <=, format->shown ? 99 : 100);
}

/* What is missing is only an end: all rows are there. */
static void test_ends(void) {
    static const struct {
        const char *suffix;
        gsize missing;
    } cases[] = {{".jpg", 1}, {".jpg", 2}, {".jpg[interlace]", 2}, {".png", 1}, {".png", 12}, {".png[interlace]", 12},
                 {".gif", 1}, {".gif", 2}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) file = encode(make_corners(90, 60), cases[i].suffix);
        gsize size;
        const uint8_t *bytes = g_bytes_get_data(file, &size);
        NtPixels pixels = {0};
        NtImageHeader header;
        GError *error = NULL;
        decode(decoder, bytes, size - cases[i].missing, &pixels, &header, &error);
        if (error != NULL) {
            g_error("%s: %s", cases[i].suffix, error->message);
        }
        g_assert_true(header.cut_off && header.percent == 100);
        g_assert_cmpint(pixels.rgb[30], ==, pixels.rgb[0]);
        g_assert_cmpint(ABS(pixels.rgb[pixels.stride * 59 + 89 * 3 + 1] - 120), <, 8);
    }
}

/* A BMP's rows can be counted from its header. The first ones in the file are the lowest. */
static void test_bmp(void) {
    for (unsigned missing = 0; missing <= 10; missing++) {
        g_autoptr(GByteArray) file = g_byte_array_new();
        PUT(file, "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x04\0\0\0\x64\0\0\0\1\0\x18\0");
        while (file->len < 54) {
            put_bytes(file, "", 1);
        }
        for (unsigned i = 0; i < 12 * (100 - missing); i++) {
            put_bytes(file, &(uint8_t){(uint8_t)(i / 12)}, 1);
        }
        NtPixels pixels = {0};
        NtImageHeader header;
        bool ok = decode(decoder, file->data, file->len, &pixels, &header, NULL);
        g_assert_true(ok == (missing <= 5));
        if (ok) {
            g_assert_cmpuint(header.percent, ==, 100 - missing);
            g_assert_cmpuint(pixels.rgb[0], ==, 99 - missing);
            g_assert_cmpuint(pixels.rgb[pixels.stride * 99], ==, 0);
        }
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    if (VIPS_INIT(argv[0]) != 0) {
        return 1;
    }
    GError *error = NULL;
    NtLimits limits = nt_limits_default();
    decoder = nt_decoder_new(&limits, &error);
    g_assert_no_error(error);
    limits.photo_rows = 100;
    strict = nt_decoder_new(&limits, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *path = g_strconcat("/cut-short/", formats[i].suffix + 1, NULL);
        g_test_add_data_func(path, &formats[i], test_format);
    }
    g_test_add_func("/cut-short/ends", test_ends);
    g_test_add_func("/cut-short/bmp", test_bmp);
    int status = g_test_run();
    g_assert_cmpuint(nt_decoder_stats(decoder).deaths, ==, 0);
    nt_decoder_free(decoder);
    nt_decoder_free(strict);
    return status;
}
