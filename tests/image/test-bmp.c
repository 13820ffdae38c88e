/* SPDX-License-Identifier: Apache-2.0 */
/* BMP of every kind there is, made here byte by byte: what is shown, what is refused, and that nothing is read outside.
 */
#include <string.h>

#include "base/base.h"
#include "bytes.h"
#include "image/image.h"

static NtDecoder *decoder;

static bool decode(const GByteArray *file, NtPixels *out, GError **error) {
    return nt_decoder_decode(decoder, file->data, file->len, "photo", NULL, out, NULL, error);
}

/* The picture of all tests: 5 x 3, so that rows need padding, of four colours (index 0 to 3). */
enum { WIDTH = 5, HEIGHT = 3 };
static const uint8_t indices[HEIGHT][WIDTH] = {{0, 1, 2, 3, 0}, {1, 1, 3, 2, 2}, {3, 0, 0, 1, 2}};
static const uint8_t colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};

static void check_picture(const GByteArray *file, const char *what) {
    NtPixels pixels = {0};
    GError *error = NULL;
    decode(file, &pixels, &error);
    if (error != NULL) {
        g_error("%s: %s", what, error->message);
    }
    g_assert_cmpuint(pixels.width, ==, WIDTH);
    g_assert_cmpuint(pixels.height, ==, HEIGHT);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            const uint8_t *got = pixels.rgb + (size_t)y * pixels.stride + 3 * (size_t)x, *want = colours[indices[y][x]];
            if (memcmp(got, want, 3) != 0) {
                g_error("%s: (%d, %d) is %d %d %d, not %d %d %d", what, x, y, got[0], got[1], got[2], want[0], want[1],
                        want[2]);
            }
        }
    }
}

typedef struct Kind {
    const char *what;
    uint32_t header; /* bytes: 12, 16, 40, 52, 56, 64, 108, 124 */
    uint16_t bits;
    uint32_t compression;
    bool top_down;
    uint32_t masks[4];
} Kind;

static void put_header(GByteArray *file, const Kind *kind, int32_t width, int32_t height) {
    g_autoptr(GByteArray) header = g_byte_array_new();
    put_le32(header, kind->header);
    if (kind->header == 12) {
        put_le16(header, (uint16_t)width);
        put_le16(header, (uint16_t)height);
    } else {
        put_le32(header, (uint32_t)width);
        put_le32(header, (uint32_t)(kind->top_down ? -height : height));
    }
    put_le16(header, 1);
    put_le16(header, kind->bits);
    if (kind->header >= 40) {
        put_le32(header, kind->compression);
        for (int i = 0; i < 5; i++) {
            put_le32(header, i == 3 && kind->bits <= 8 ? MIN(4, 1U << kind->bits) : 0);
        }
    }
    for (int i = 0; kind->header != 64 && kind->header > 12 && i < 4 &&
                    header->len < MAX(kind->header, 52 + 4 * (kind->compression == 6));
         i++) {
        if (kind->compression == 3 || kind->compression == 6 || header->len < kind->header) {
            put_le32(header, kind->masks[i]);
        } else {
            break;
        }
    }
    while (header->len < kind->header) {
        g_byte_array_append(header, (const guint8 *)"", 1);
    }
    put_bytes(file, header->data, header->len);
}

static uint32_t masked(uint8_t value, uint32_t mask) {
    return mask == 0 ? 0 : (uint32_t)((uint64_t)value * (mask >> __builtin_ctz(mask)) / 255) << __builtin_ctz(mask);
}

static void put_row(GByteArray *file, const Kind *kind, const uint8_t *row) {
    static const uint32_t usual[2][4] = {{0x7c00, 0x3e0, 0x1f, 0}, {0xff0000, 0xff00, 0xff, 0}};
    const uint32_t *masks = kind->compression == 0 ? usual[kind->bits == 32] : kind->masks;
    guint from = file->len;
    unsigned gathered = 0, count = 0;
    for (int x = 0; x < WIDTH; x++) {
        const uint8_t *colour = colours[row[x]];
        if (kind->bits == 24) {
            put_bytes(file, (const uint8_t[]){colour[2], colour[1], colour[0]}, 3);
        } else if (kind->bits > 8) {
            uint32_t pixel = masked(255, masks[3]);
            for (int c = 0; c < 3; c++) {
                pixel |= masked(colour[c], masks[c]);
            }
            put_bytes(file,
                      (const uint8_t[]){(uint8_t)pixel, (uint8_t)(pixel >> 8), (uint8_t)(pixel >> 16),
                                        (uint8_t)(pixel >> 24)},
                      kind->bits / 8);
        } else {
            gathered = gathered << kind->bits | row[x];
            count += kind->bits;
            if (count == 8 || x == WIDTH - 1) {
                uint8_t byte = (uint8_t)(gathered << (8 - count));
                put_bytes(file, &byte, 1);
                gathered = count = 0;
            }
        }
    }
    while ((file->len - from) % 4 != 0) {
        put_bytes(file, "", 1);
    }
}

static void put_palette(GByteArray *file, const Kind *kind) {
    for (int i = 0; kind->bits <= 8 && i < MIN(4, 1 << kind->bits); i++) {
        put_bytes(file, (const uint8_t[]){colours[i][2], colours[i][1], colours[i][0], 0}, kind->header == 12 ? 3 : 4);
    }
}

static void set_start(GByteArray *file) {
    uint32_t start = GUINT32_TO_LE(file->len);
    memcpy(file->data + 10, &start, 4);
}

static GByteArray *begin(const Kind *kind, int32_t width, int32_t height) {
    GByteArray *file = g_byte_array_new();
    PUT(file, "BM............");
    put_header(file, kind, width, height);
    put_palette(file, kind);
    set_start(file);
    return file;
}

static GByteArray *make(const Kind *kind) {
    GByteArray *file = begin(kind, WIDTH, HEIGHT);
    for (int y = 0; y < HEIGHT; y++) {
        put_row(file, kind, indices[kind->top_down ? y : HEIGHT - 1 - y]);
    }
    return file;
}

static const Kind kinds[] = {
    {"OS/2 1, 2 bits", 12, 2, 0, false, {0}},
    {"OS/2 1, 4 bits", 12, 4, 0, false, {0}},
    {"OS/2 1, 8 bits", 12, 8, 0, false, {0}},
    {"OS/2 1, 24 bits", 12, 24, 0, false, {0}},
    {"OS/2 2 cut short, 24 bits", 16, 24, 0, false, {0}},
    {"OS/2 2, 8 bits", 64, 8, 0, false, {0}},
    {"2 bits", 40, 2, 0, false, {0}},
    {"4 bits", 40, 4, 0, false, {0}},
    {"8 bits", 40, 8, 0, false, {0}},
    {"8 bits, top down", 40, 8, 0, true, {0}},
    {"16 bits, 555", 40, 16, 0, false, {0}},
    {"16 bits, 565", 40, 16, 3, false, {0xf800, 0x07e0, 0x1f, 0}},
    {"16 bits, 4444", 56, 16, 3, false, {0xf00, 0xf0, 0xf, 0xf000}},
    {"24 bits", 40, 24, 0, false, {0}},
    {"24 bits, top down", 40, 24, 0, true, {0}},
    {"32 bits", 40, 32, 0, false, {0}},
    {"32 bits, other order", 40, 32, 3, false, {0xff, 0xff00, 0xff0000, 0}},
    {"32 bits, 10 each", 52, 32, 3, false, {0x3ff00000, 0xffc00, 0x3ff, 0}},
    {"32 bits, alpha behind the header", 40, 32, 6, false, {0xff0000, 0xff00, 0xff, 0xff000000}},
    {"32 bits, V4", 108, 32, 3, false, {0xff0000, 0xff00, 0xff, 0xff000000}},
    {"32 bits, V5, top down", 124, 32, 3, true, {0xff0000, 0xff00, 0xff, 0xff000000}},
    {"8 bits, V5", 124, 8, 0, false, {0}},
};

static void test_kinds(void) {
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GByteArray) file = make(&kinds[i]);
        check_picture(file, kinds[i].what);
        /* A profile behind the pixels does not matter, nor does the padding of the last row. */
        PUT(file, "something behind");
        check_picture(file, kinds[i].what);
    }
    /* One bit: white on black. */
    const Kind bit = {"1 bit", 40, 1, 0, false, {0}};
    g_autoptr(GByteArray) file = begin(&bit, WIDTH, 1);
    PUT(file, "\xa8\0\0\0");
    NtPixels pixels = {0};
    GError *error = NULL;
    decode(file, &pixels, &error);
    g_assert_no_error(error);
    g_assert_true(pixels.rgb[0] == 0 && pixels.rgb[1] == 255 && pixels.rgb[3] == 255 && pixels.rgb[4] == 0);
}

/* Alpha is laid on white; one that is 0 everywhere is none. */
static void test_alpha(void) {
    const Kind kind = {"alpha", 108, 32, 3, true, {0xff0000, 0xff00, 0xff, 0xff000000}};
    for (int opaque = 0; opaque < 2; opaque++) {
        g_autoptr(GByteArray) file = begin(&kind, 2, 1);
        PUT(file, "\x10\x20\x30");
        put_bytes(file, opaque ? "\0" : "\x80", 1);
        PUT(file, "\x10\x20\x30\0");
        NtPixels pixels = {0};
        GError *error = NULL;
        decode(file, &pixels, &error);
        g_assert_no_error(error);
        const uint8_t *rgb = pixels.rgb;
        if (opaque) {
            g_assert_true(rgb[0] == 0x30 && rgb[1] == 0x20 && rgb[2] == 0x10 && rgb[3] == 0x30);
        } else {
            g_assert_true(rgb[0] == 151 && rgb[1] == 143 && rgb[3] == 255 && rgb[5] == 255);
        }
    }
}

static void test_run_lengths(void) {
    static const Kind rle8 = {"RLE8", 40, 8, 1, false, {0}}, rle4 = {"RLE4", 40, 4, 2, false, {0}};
    static const struct {
        const Kind *kind;
        const char *data;
        size_t size;
    } cases[] = {
#define RUNS(kind, literal) {kind, literal, sizeof(literal) - 1}
        RUNS(&rle8, "\1\3\2\0\1\1\1\2\0\0\2\1\1\3\2\2\0\0\0\5\0\1\2\3\0\0\0\1"),
        RUNS(&rle8, "\1\3\2\0\1\1\1\2\0\0\2\1\1\3\2\2\0\0\0\5\0\1\2\3\0\0"),       /* ends without saying so */
        RUNS(&rle8, "\1\3\2\0\1\1\1\2\0\0\2\1\1\3\x20\2\0\0\0\5\0\1\2\3\0\0\0\1"), /* a run out of its row */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) file = begin(cases[i].kind, WIDTH, HEIGHT);
        put_bytes(file, cases[i].data, cases[i].size);
        check_picture(file, "RLE8");
    }
    g_autoptr(GByteArray) four = begin(&rle4, WIDTH, HEIGHT);
    PUT(four, "\1\x30\2\x00\2\x12\0\0\2\x11\1\x30\2\x22\0\0\0\5\x01\x23\x00\0\0\1");
    check_picture(four, "RLE4");
    /* A step right and up leaves white behind. */
    g_autoptr(GByteArray) delta = begin(&rle8, WIDTH, HEIGHT);
    PUT(delta, "\1\1\0\2\1\1\1\2\0\1");
    NtPixels pixels = {0};
    GError *error = NULL;
    decode(delta, &pixels, &error);
    g_assert_no_error(error);
    const uint8_t *bottom = pixels.rgb + 2 * pixels.stride, *middle = pixels.rgb + pixels.stride;
    g_assert_true(memcmp(bottom, colours[1], 3) == 0 && memcmp(bottom + 3, "\xff\xff\xff", 3) == 0);
    g_assert_true(memcmp(middle + 6, colours[2], 3) == 0 && memcmp(middle + 3, "\xff\xff\xff", 3) == 0);
}

static void expect_refused(GByteArray *file, NiteruError code, const char *words) {
    NtPixels pixels;
    g_autoptr(GError) error = NULL;
    g_assert_false(decode(file, &pixels, &error));
    g_assert_error(error, NITERU_ERROR, (int)code);
    if (strstr(error->message, words) == NULL) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_byte_array_unref(file);
}

static void test_refused(void) {
    const Kind rgb = {"", 40, 24, 0, false, {0}}, odd = {"", 40, 23, 0, false, {0}}, rle = {"", 40, 8, 2, false, {0}};
    const Kind jpeg = {"", 40, 24, 4, false, {0}}, huffman = {"", 64, 1, 3, false, {0}};
    const Kind gaps = {"", 108, 32, 3, false, {0xf0f000, 0xf00, 0xff, 0}};
    expect_refused(begin(&rgb, 60000, 10), NITERU_ERROR_LIMIT, "limit photo-side");
    expect_refused(begin(&rgb, 16384, 16384), NITERU_ERROR_LIMIT, "limit photo-pixels");
    expect_refused(begin(&rgb, INT32_MIN, 10), NITERU_ERROR_CORRUPT, "0 x 10");
    expect_refused(begin(&rgb, 10, INT32_MIN), NITERU_ERROR_LIMIT, "10 x 2147483648");
    expect_refused(begin(&rgb, 10, 0), NITERU_ERROR_CORRUPT, "10 x 0");
    expect_refused(begin(&rgb, 10, 10), NITERU_ERROR_CORRUPT, "a BMP cut off");
    expect_refused(begin(&odd, 5, 3), NITERU_ERROR_CORRUPT, "bits a pixel");
    expect_refused(begin(&rle, 5, 3), NITERU_ERROR_CORRUPT, "bits a pixel");
    expect_refused(begin(&jpeg, 5, 3), NITERU_ERROR_UNSUPPORTED, "a BMP that cannot be read: a JPEG or PNG inside");
    expect_refused(begin(&huffman, 5, 3), NITERU_ERROR_UNSUPPORTED, "OS/2's Huffman");
    expect_refused(begin(&gaps, 5, 3), NITERU_ERROR_CORRUPT, "masks have gaps");
}

/* Every prefix, and every byte changed: a picture or an error, nothing read outside (under the sanitizer), no helper
 * lost. */
static void test_mutations(void) {
    static const uint8_t values[] = {0, 1, 3, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(GByteArray) file = make(&kinds[i]);
        NtImageHeader header;
        for (guint size = 0; size < file->len; size++) {
            g_autofree void *block = g_memdup2(file->data, size);
            nt_image_scan(block, size, "photo", NULL, &header, NULL);
        }
        for (guint at = 0; at < MIN(file->len, 80); at++) {
            for (size_t v = 0; v < G_N_ELEMENTS(values); v++) {
                uint8_t kept = file->data[at];
                NtPixels pixels;
                g_autoptr(GError) error = NULL;
                file->data[at] = values[v];
                g_assert_true(decode(file, &pixels, &error) == (error == NULL));
                file->data[at] = kept;
            }
        }
    }
    g_assert_cmpuint(nt_decoder_stats(decoder).deaths, ==, 0);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    GError *error = NULL;
    decoder = nt_decoder_new(NULL, &error);
    g_assert_no_error(error);
    g_test_add_func("/bmp/kinds", test_kinds);
    g_test_add_func("/bmp/alpha", test_alpha);
    g_test_add_func("/bmp/run-lengths", test_run_lengths);
    g_test_add_func("/bmp/refused", test_refused);
    g_test_add_func("/bmp/mutations", test_mutations);
    int status = g_test_run();
    nt_decoder_free(decoder);
    return status;
}
