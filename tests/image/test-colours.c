/* SPDX-License-Identifier: Apache-2.0 */
/* Colours and depths that common savers do not write: CMYK JPEG of every kind, TIFF of every number format. */
#include <stdio.h> /* jpeglib.h needs FILE */
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/base.h"
#include "bytes.h"
#include "photos.h"

#undef error_exit

static NtDecoder *decoder;

static bool decode(const void *data, size_t size, NtPixels *out, GError **error) {
    return nt_decoder_decode(decoder, data, size, "photo", NULL, out, NULL, error);
}

/* ---- CMYK ---- */

enum { SIDE = 32 };

/* A JPEG of one ink, stored upside down as everybody does: as CMYK or YCCK, with Adobe's marker or without. */
static GByteArray *make_cmyk(const uint8_t ink[4], bool ycck, bool adobe) {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    uint8_t row[SIDE * 4];
    for (int i = 0; i < SIDE * 4; i++) {
        row[i] = (uint8_t)~ink[i % 4];
    }
    codec.err = jpeg_std_error(&errors);
    jpeg_create_compress(&codec);
    jpeg_mem_dest(&codec, &bytes, &size);
    codec.image_width = codec.image_height = SIDE;
    codec.input_components = 4;
    codec.in_color_space = JCS_CMYK;
    jpeg_set_defaults(&codec);
    jpeg_set_colorspace(&codec, ycck ? JCS_YCCK : JCS_CMYK);
    jpeg_set_quality(&codec, 100, TRUE);
    codec.write_Adobe_marker = adobe;
    jpeg_start_compress(&codec, TRUE);
    for (int y = 0; y < SIDE; y++) {
        JSAMPROW rows[] = {row};
        jpeg_write_scanlines(&codec, rows, 1);
    }
    jpeg_finish_compress(&codec);
    jpeg_destroy_compress(&codec);
    GByteArray *jpeg = g_byte_array_new();
    put_bytes(jpeg, bytes, size);
    free(bytes);
    return jpeg;
}

/* A known ink has a known look: no ink is white, full black is dark, yellow and red (magenta and yellow) are what
 * their names say. `low` and `high` bound each of red, green, blue. */
static void test_cmyk(void) {
    static const struct {
        uint8_t ink[4], low[3], high[3];
    } cases[] = {
        {{0, 0, 0, 0}, {250, 250, 250}, {255, 255, 255}}, {{0, 0, 0, 255}, {0, 0, 0}, {60, 60, 60}},
        {{0, 0, 255, 0}, {225, 200, 0}, {255, 255, 90}},  {{0, 255, 255, 0}, {190, 0, 0}, {255, 70, 80}},
        {{255, 0, 0, 0}, {0, 120, 190}, {90, 200, 255}},  {{10, 60, 30, 20}, {150, 110, 110}, {235, 195, 200}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (int kind = 0; kind < 3; kind++) { /* CMYK without a marker, with it, YCCK (which needs it) */
            g_autoptr(GByteArray) jpeg = make_cmyk(cases[i].ink, kind == 2, kind > 0);
            NtPixels pixels = {0};
            GError *error = NULL;
            decode(jpeg->data, jpeg->len, &pixels, &error);
            g_assert_no_error(error);
            const uint8_t *got = pixels.rgb + pixels.stride * 9 + 27;
            for (int c = 0; c < 3; c++) {
                if (got[c] < cases[i].low[c] || got[c] > cases[i].high[c]) {
                    g_error("ink %zu, kind %d: %d %d %d", i, kind, got[0], got[1], got[2]);
                }
            }
        }
    }
}

/* ---- TIFF ---- */

typedef struct Numbers {
    uint16_t photometric, bits, samples, format, planes, compression;
    bool tiled, big_endian;
} Numbers;

static void put16(GByteArray *array, bool big_endian, uint16_t value) {
    (big_endian ? put_be16 : put_le16)(array, value);
}
static void put32(GByteArray *array, bool big_endian, uint32_t value) {
    (big_endian ? put_be32 : put_le32)(array, value);
}

/* One number of `bits` bits (8 to 64) that is `part` of white: whole numbers, signed ones, floats. */
static void put_number(GByteArray *array, const Numbers *numbers, double part) {
    uint8_t bytes[8];
    unsigned size = numbers->bits / 8U;
    uint64_t value =
        (uint64_t)(part * (numbers->format == 2 ? 0.5 : 1) * 18446744073709549568.0) >> (64 - numbers->bits);
    float single = (float)part;
    double twice = part;
    if (numbers->format == 3 && numbers->bits == 32) {
        uint32_t word;
        memcpy(&word, &single, sizeof word);
        value = word;
    } else if (numbers->format == 3) {
        memcpy(&value, &twice, sizeof value);
    }
    for (unsigned i = 0; i < size; i++) {
        bytes[numbers->big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
    }
    put_bytes(array, bytes, size);
}

enum { TIFF_SIDE = 16 };

/* An uncompressed TIFF of 16 x 16 in one strip or tile; its channels are `parts` of white. */
static GByteArray *make_numbers(const Numbers *numbers, const double *parts) {
    bool big = numbers->big_endian;
    const uint32_t size = TIFF_SIDE * TIFF_SIDE * numbers->samples * MAX(numbers->bits / 8U, 2);
    const uint32_t values[][2] = {{256, TIFF_SIDE},
                                  {257, TIFF_SIDE},
                                  {258, numbers->bits},
                                  {259, numbers->compression != 0 ? numbers->compression : 1},
                                  {262, numbers->photometric},
                                  {numbers->tiled ? 256 : 273, 8},
                                  {277, numbers->samples},
                                  {numbers->tiled ? 257 : 279, size},
                                  {284, numbers->planes != 0 ? numbers->planes : 1},
                                  {322, TIFF_SIDE},
                                  {323, TIFF_SIDE},
                                  {324, 8},
                                  {325, size},
                                  {338, 2},
                                  {339, numbers->format}};
    GByteArray *tiff = g_byte_array_new();
    put_bytes(tiff, big ? "MM" : "II", 2);
    put16(tiff, big, 42);
    put32(tiff, big, 8 + size);
    while (tiff->len < 8 + size) {
        for (unsigned c = 0; c < numbers->samples; c++) {
            put_number(tiff, numbers, parts[c]);
        }
    }
    g_byte_array_set_size(tiff, 8 + size);
    guint count_at = tiff->len;
    uint16_t count = 0;
    put16(tiff, big, 0);
    bool alpha = numbers->samples == 2 || (numbers->samples == 4 && numbers->photometric == 2);
    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        uint16_t tag = (uint16_t)values[i][0];
        bool of_tiles = tag >= 322 && tag <= 325, doubled = i > 1 && tag <= 257;
        if (doubled || (of_tiles && !numbers->tiled) || (tag == 338 && !alpha)) {
            continue;
        }
        bool wide = tag == 273 || tag == 279 || tag == 324 || tag == 325;
        put16(tiff, big, tag);
        put16(tiff, big, wide ? 4 : 3);
        put32(tiff, big, 1);
        if (wide) {
            put32(tiff, big, values[i][1]);
        } else {
            put16(tiff, big, (uint16_t)values[i][1]);
            put16(tiff, big, 0);
        }
        count++;
    }
    put32(tiff, big, 0);
    tiff->data[count_at + (big ? 1 : 0)] = (uint8_t)count;
    return tiff;
}

/* Grey and RGB of 8, 16 and 32 bits, with alpha and without, in both byte orders: the same picture. */
static void test_whole_numbers(void) {
    static const struct {
        uint16_t photometric, samples;
        double parts[4];
        uint8_t rgb[3];
    } cases[] = {
        {1, 1, {0.4}, {102, 102, 102}},
        {0, 1, {0.4}, {153, 153, 153}},
        {1, 2, {0.4, 0.5}, {178, 178, 178}},
        {2, 3, {0.8, 0.4, 0.2}, {204, 102, 51}},
        {2, 4, {0.8, 0.4, 0.2, 0.5}, {229, 178, 153}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (unsigned kind = 0; kind < 12; kind++) {
            const Numbers numbers = {.photometric = cases[i].photometric,
                                     .samples = cases[i].samples,
                                     .bits = (uint16_t)(8 << kind % 3),
                                     .format = 1,
                                     .big_endian = kind / 3 % 2,
                                     .tiled = kind >= 6};
            g_autoptr(GByteArray) tiff = make_numbers(&numbers, cases[i].parts);
            NtPixels pixels = {0};
            GError *error = NULL;
            decode(tiff->data, tiff->len, &pixels, &error);
            g_assert_no_error(error);
            const uint8_t *got = pixels.rgb + 5 * pixels.stride + 15;
            for (int c = 0; c < 3; c++) {
                if (ABS(got[c] - cases[i].rgb[c]) > 2) {
                    g_error("case %zu, %u bits, big-endian %d: %d %d %d", i, numbers.bits, numbers.big_endian, got[0],
                            got[1], got[2]);
                }
            }
        }
    }
}

/* Numbers without an agreed white, and kinds no decoder reads, are refused by name. */
static void test_other_numbers(void) {
    static const struct {
        Numbers numbers;
        const char *words;
    } cases[] = {
        {{1, 8, 1, 2, 0, 0, false, false}, "signed whole numbers"},
        {{1, 16, 1, 2, 0, 0, false, false}, "signed whole numbers"},
        {{2, 16, 3, 2, 0, 0, false, true}, "signed whole numbers"},
        {{1, 32, 1, 2, 0, 0, false, false}, "signed whole numbers"},
        {{2, 32, 3, 2, 0, 0, true, false}, "signed whole numbers"},
        {{1, 64, 1, 1, 0, 0, false, false}, "64 bits a channel"},
        {{1, 64, 1, 2, 0, 0, false, false}, "signed whole numbers"},
        {{1, 32, 1, 3, 0, 0, false, false}, "floating-point numbers"},
        {{2, 32, 3, 3, 0, 0, false, true}, "floating-point numbers"},
        {{1, 64, 1, 3, 0, 0, false, false}, "floating-point numbers"},
        {{1, 64, 1, 6, 0, 0, false, false}, "complex numbers"},
        {{1, 32, 1, 9, 0, 0, false, false}, "an unknown kind"},
        {{1, 12, 1, 1, 0, 0, false, false}, "12 bits a channel"},
        {{1, 24, 1, 1, 0, 0, false, false}, "24 bits a channel"},
        {{5, 32, 4, 1, 0, 0, false, false}, "32 bits a channel in a colour space"},
        {{2, 8, 3, 1, 2, 0, true, false}, "tiles with a plane for each channel"},
        {{2, 8, 3, 1, 0, 6, false, false}, "the old JPEG compression"},
    };
    static const double parts[4] = {0.5, 0.5, 0.5, 0.5};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) tiff = make_numbers(&cases[i].numbers, parts);
        NtPixels pixels;
        g_autoptr(GError) error = NULL;
        g_assert_false(decode(tiff->data, tiff->len, &pixels, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED);
        if (strstr(error->message, cases[i].words) == NULL ||
            !g_str_has_prefix(error->message, "photo: a TIFF that cannot be read: ")) {
            g_error("'%s' does not say '%s'", error->message, cases[i].words);
        }
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    if (VIPS_INIT(argv[0]) != 0) {
        return 1;
    }
    GError *error = NULL;
    decoder = nt_decoder_new(NULL, &error);
    g_assert_no_error(error);
    g_test_add_func("/colours/cmyk", test_cmyk);
    g_test_add_func("/colours/whole-numbers", test_whole_numbers);
    g_test_add_func("/colours/other-numbers", test_other_numbers);
    int status = g_test_run();
    nt_decoder_free(decoder);
    return status;
}
