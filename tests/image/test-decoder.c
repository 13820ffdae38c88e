/* SPDX-License-Identifier: Apache-2.0 */
/* Photos of every kind through the helper: what comes out, what is refused, and that nothing outlives its limits. */
#include <string.h>

#include "base/base.h"
#include "bytes.h"
#include "photos.h"

static NtDecoder *decoder; /* one for all tests here: each must leave it able to go on */

static bool decode(GBytes *bytes, NtPixels *out, NtImageHeader *header, GError **error) {
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    return nt_decoder_decode(decoder, data, size, "photo", NULL, out, header, error);
}

static NtPixels decode_ok(GBytes *bytes) {
    NtPixels pixels = {0};
    GError *error = NULL;
    bool ok = decode(bytes, &pixels, NULL, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return pixels;
}

static void expect_refused(GBytes *bytes, NiteruError code, const char *words) {
    NtPixels pixels;
    GError *error = NULL;
    g_assert_false(decode(bytes, &pixels, NULL, &error));
    g_assert_error(error, NITERU_ERROR, (int)code);
    if (strstr(error->message, words) == NULL || !g_str_has_prefix(error->message, "photo: ")) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_error_free(error);
}

static const uint8_t *pixel_at(const NtPixels *pixels, uint32_t x, uint32_t y) {
    return pixels->rgb + y * pixels->stride + 3 * (size_t)x;
}

/* The middle of each quarter has the colour of its corner, up to `tolerance`; `order` names them in reading order. */
static void check_corners(const NtPixels *pixels, const int order[4], int tolerance) {
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t x = pixels->width * (1 + 2 * (i % 2)) / 4, y = pixels->height * (1 + 2 * (i / 2)) / 4;
        const uint8_t *got = pixel_at(pixels, x, y), *expected = corner_colours[order[i]];
        for (int c = 0; c < 3; c++) {
            if (ABS(got[c] - expected[c]) > tolerance) {
                g_error("corner %u is %d %d %d, not %d %d %d", i, got[0], got[1], got[2], expected[0], expected[1],
                        expected[2]);
            }
        }
    }
}

static const int upright[4] = {0, 1, 2, 3};

typedef struct Format {
    const char *suffix;
    NtImageFormat format;
    int tolerance;
} Format;

static void test_format(gconstpointer data) {
    const Format *format = data;
    g_autoptr(GBytes) bytes = encode(make_corners(90, 60), format->suffix);
    if (bytes == NULL) {
        g_test_skip("this libvips (or its libheif) has no encoder for it");
        return;
    }
    NtPixels pixels = {0};
    NtImageHeader header;
    GError *error = NULL;
    bool ok = decode(bytes, &pixels, &header, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpint(header.format, ==, format->format);
    /* libheif 1.19 stores HEIC in whole blocks of 8 and a crop (clap) to what is shown; the header is as stored. */
    unsigned block = format->format == NT_IMAGE_HEIC ? 8 : 1;
    g_assert_true(header.width >= 90 && header.width < 90 + block);
    g_assert_true(header.height >= 60 && header.height < 60 + block);
    g_assert_cmpuint(pixels.width, ==, 90);
    g_assert_cmpuint(pixels.height, ==, 60);
    check_corners(&pixels, upright, format->tolerance);
    if (format->format == NT_IMAGE_WEBP) {
        return; /* EXIF follows its few pixels, and may be missing */
    }
    /* Cut at 10, 50 and 80 %: always refused, never a picture with a grey end. (test-cut-short.c has the rest.) */
    gsize size;
    const uint8_t *whole = g_bytes_get_data(bytes, &size);
    const gsize cuts[] = {size / 10, size / 2, size * 8 / 10};
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        g_assert_false(nt_decoder_decode(decoder, whole, cuts[i], "photo", NULL, &pixels, NULL, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
}

/* libvips writes no EXIF into PNG; here it goes behind IHDR. */
static GBytes *with_exif_chunk(GBytes *png, uint16_t orientation) {
    gsize size;
    const uint8_t *data = g_bytes_get_data(png, &size);
    g_autoptr(GByteArray) out = g_byte_array_new(), exif = make_exif(orientation);
    put_bytes(out, data, 33);
    put_chunk(out, "eXIf", exif->data, exif->len);
    put_bytes(out, data + 33, size - 33);
    g_bytes_unref(png);
    return g_bytes_new(out->data, out->len);
}

/* Each EXIF orientation, stored so that the upright picture has its corners in order. */
static void test_orientation(gconstpointer data) {
    /* Which stored corner ends up where, for orientations 1 to 8. */
    static const int orders[9][4] = {{0},          {0, 1, 2, 3}, {1, 0, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1},
                                     {0, 2, 1, 3}, {2, 0, 3, 1}, {3, 1, 2, 0}, {1, 3, 0, 2}};
    const char *suffix = data;
    for (int orientation = 1; orientation <= 8; orientation++) {
        VipsImage *image = make_corners(48, 32);
        vips_image_set_int(image, VIPS_META_ORIENTATION, orientation);
        g_autoptr(GBytes) bytes = encode(image, suffix);
        g_assert_nonnull(bytes);
        if (strcmp(suffix, ".png") == 0) {
            bytes = with_exif_chunk(g_steal_pointer(&bytes), (uint16_t)orientation);
        }
        NtImageHeader header;
        NtPixels pixels = {0};
        GError *error = NULL;
        decode(bytes, &pixels, &header, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(header.orientation, ==, (guint)orientation);
        g_assert_cmpuint(pixels.width, ==, orientation >= 5 ? 32 : 48);
        g_assert_cmpuint(pixels.height, ==, orientation >= 5 ? 48 : 32);
        check_corners(&pixels, orders[orientation], 6);
    }
}

/* Turned into another colour space or depth, saved, read back as sRGB. */
static void check_colours(VipsImage *image, const char *suffix, int tolerance) {
    g_autoptr(GBytes) bytes = encode(image, suffix);
    g_assert_nonnull(bytes);
    NtPixels pixels = decode_ok(bytes);
    check_corners(&pixels, upright, tolerance);
}

static VipsImage *in_space(VipsInterpretation space) {
    VipsImage *corners = make_corners(40, 40), *out = NULL;
    g_assert_cmpint(vips_colourspace(corners, &out, space, NULL), ==, 0);
    g_object_unref(corners);
    return out;
}

static void test_colours(void) {
    check_colours(in_space(VIPS_INTERPRETATION_RGB16), ".png", 1);
    check_colours(in_space(VIPS_INTERPRETATION_RGB16), ".tif", 1);
    check_colours(in_space(VIPS_INTERPRETATION_LAB), ".tif", 3);
    check_colours(make_corners(40, 40), ".png[palette]", 12);
    check_colours(make_corners(40, 40), ".tif[compression=deflate,tile]", 0);
    check_colours(make_corners(40, 40), ".png[interlace]", 0);
    check_colours(make_corners(40, 40), ".jpg[Q=95,interlace]", 8);
    /* CMYK loses saturation on the way; red stays the reddest. */
    g_autoptr(GBytes) cmyk = encode(in_space(VIPS_INTERPRETATION_CMYK), ".jpg[Q=95]");
    NtPixels pixels = decode_ok(cmyk);
    check_corners(&pixels, upright, 90);
    g_autoptr(GBytes) cmyk_tiff = encode(in_space(VIPS_INTERPRETATION_CMYK), ".tif");
    pixels = decode_ok(cmyk_tiff);
    check_corners(&pixels, upright, 90);
}

static void test_grey(void) {
    static const char *const suffixes[] = {".jpg[Q=95]", ".png", ".tif", ".webp[lossless]", ".gif"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GBytes) bytes = encode(in_space(VIPS_INTERPRETATION_B_W), suffixes[i]);
        NtPixels pixels = decode_ok(bytes);
        const uint8_t *grey = pixel_at(&pixels, 30, 30);
        g_assert_cmpint(ABS(grey[0] - 120), <=, 3);
        g_assert_true(grey[0] == grey[1] && grey[1] == grey[2]);
    }
    g_autoptr(GBytes) deep = encode(in_space(VIPS_INTERPRETATION_GREY16), ".png");
    NtPixels pixels = decode_ok(deep);
    g_assert_cmpint(ABS(pixel_at(&pixels, 30, 30)[0] - 120), <=, 3);
    g_autoptr(GBytes) bits = encode(in_space(VIPS_INTERPRETATION_B_W), ".tif[bitdepth=1]");
    pixels = decode_ok(bits);
    g_assert_true(pixel_at(&pixels, 30, 30)[0] == 0 || pixel_at(&pixels, 30, 30)[0] == 255);
}

/* Half-transparent red over white; fully transparent is white whatever colour hides below. */
static void test_alpha(void) {
    static const char *const suffixes[] = {".png", ".webp[lossless]", ".tif", ".gif"};
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        uint8_t rgba[32 * 16 * 4];
        for (int k = 0; k < 32 * 16; k++) {
            memcpy(rgba + 4 * k, (const uint8_t[]){200, 0, 0, k % 32 < 16 ? 0 : 255}, 4);
            if (i < 3 && k % 32 >= 24) {
                rgba[4 * k + 3] = 128;
            }
        }
        VipsImage *image = vips_image_new_from_memory_copy(rgba, sizeof rgba, 32, 16, 4, VIPS_FORMAT_UCHAR);
        image->Type = VIPS_INTERPRETATION_sRGB;
        g_autoptr(GBytes) bytes = encode(image, suffixes[i]);
        NtPixels pixels = decode_ok(bytes);
        const uint8_t *clear = pixel_at(&pixels, 4, 8), *solid = pixel_at(&pixels, 18, 8),
                      *half = pixel_at(&pixels, 28, 8);
        g_assert_true(clear[0] == 255 && clear[1] == 255 && clear[2] == 255);
        g_assert_cmpint(ABS(solid[0] - 200), <=, 4);
        g_assert_cmpint(solid[1], <=, 4);
        if (i < 3) {
            g_assert_cmpint(half[0], ==, 227); /* 200 * 128/255 + 255 * 127/255 */
            g_assert_cmpint(half[1], ==, 127);
        }
    }
    /* Grey with alpha. */
    uint8_t ga[16 * 16 * 2];
    for (int k = 0; k < 16 * 16; k++) {
        ga[2 * k] = 100;
        ga[2 * k + 1] = 128;
    }
    VipsImage *image = vips_image_new_from_memory_copy(ga, sizeof ga, 16, 16, 2, VIPS_FORMAT_UCHAR);
    image->Type = VIPS_INTERPRETATION_B_W;
    g_autoptr(GBytes) bytes = encode(image, ".png");
    NtPixels pixels = decode_ok(bytes);
    g_assert_cmpint(pixel_at(&pixels, 8, 8)[2], ==, 177);
}

/* A profile that swaps nothing is skipped, one of another space is applied, a broken one is ignored. */
static void test_profiles(void) {
    VipsImage *corners = make_corners(40, 40), *wide = NULL;
    g_assert_cmpint(vips_icc_transform(corners, &wide, "p3", "input_profile", "srgb", NULL), ==, 0);
    g_object_unref(corners);
    g_autoptr(GBytes) jpeg = encode(wide, ".jpg[Q=97]");
    NtPixels pixels = decode_ok(jpeg);
    check_corners(&pixels, upright, 8);
    VipsImage *broken = make_corners(40, 40);
    vips_image_set_blob_copy(broken, VIPS_META_ICC_NAME, "no profile at all, only text that is long enough", 48);
    check_colours(broken, ".jpg[Q=97]", 8);
    VipsImage *plain = make_corners(40, 40), *tagged = NULL;
    g_assert_cmpint(vips_icc_transform(plain, &tagged, "srgb", "input_profile", "srgb", NULL), ==, 0);
    g_object_unref(plain);
    check_colours(tagged, ".png", 0);
}

static void test_animation(gconstpointer data) {
    /* A strip of three frames, the first one plain red. */
    VipsImage *frames = make_corners(20, 60);
    vips_image_set_int(frames, VIPS_META_PAGE_HEIGHT, 10);
    g_autoptr(GBytes) bytes = encode(frames, data);
    NtPixels pixels = {0};
    NtImageHeader header;
    GError *error = NULL;
    decode(bytes, &pixels, &header, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(header.frames, >=, 2);
    g_assert_cmpuint(pixels.width, ==, 20);
    g_assert_cmpuint(pixels.height, ==, 10);
    g_assert_cmpint(ABS(pixel_at(&pixels, 4, 8)[0] - 220), <=, 6);
    g_assert_cmpint(ABS(pixel_at(&pixels, 15, 8)[1] - 200), <=, 6);
}

/* A JPEG whose data is damaged in the middle is refused; stray bytes before a marker are not. */
static void test_damaged_jpeg(void) {
    g_autoptr(GBytes) good = encode(make_corners(400, 300), ".jpg[Q=90]");
    gsize size;
    const uint8_t *data = g_bytes_get_data(good, &size);
    g_autoptr(GByteArray) bad = g_byte_array_new();
    put_bytes(bad, data, size);
    for (guint i = 0; i < size / 4; i++) {
        bad->data[size / 2 + i] = (uint8_t)((i * 2654435761U >> 13) % 255); /* noise without markers */
    }
    g_autoptr(GBytes) damaged = g_bytes_new(bad->data, bad->len);
    expect_refused(damaged, NITERU_ERROR_CORRUPT, "damaged after ");
    g_autoptr(GByteArray) stray = g_byte_array_new();
    put_bytes(stray, data, size - 2);
    PUT(stray, "\x12\x34\x56\xff\xd9 and a note behind the end");
    g_autoptr(GBytes) fine = g_bytes_new(stray->data, stray->len);
    NtPixels pixels = decode_ok(fine);
    check_corners(&pixels, upright, 6);
}

/* Files that lie about themselves cost one error each, not the helper's memory. */
static void test_hollow_files(void) {
    GByteArray *files[] = {make_png(4000, 4000, 8, 2),   make_webp(5000, 5000), make_gif(1, 1, 5000, 5000),
                           make_tiff(6000, 6000),        make_jpeg(6000, 6000), make_heif("avif", 4000, 4000),
                           make_heif("heic", 4000, 4000)};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(files[i]);
        NtPixels pixels;
        g_autoptr(GError) error = NULL;
        /* A GIF of one code and a JPEG of zeros may be legal pictures; the others can not be. */
        if (!decode(bytes, &pixels, NULL, &error)) {
            g_assert_nonnull(error);
        }
        g_test_message("%s", error != NULL ? error->message : "decoded");
    }
}

static void test_odd_shapes(void) {
    static const int sides[][2] = {{1, 1}, {1, 3000}, {3000, 1}, {2, 2}, {7, 5}, {65, 63}};
    static const char *const suffixes[] = {".jpg", ".png", ".webp", ".gif", ".tif"};
    for (size_t i = 0; i < G_N_ELEMENTS(sides); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(suffixes); k++) {
            g_autoptr(GBytes) bytes = encode(make_corners(sides[i][0], sides[i][1]), suffixes[k]);
            NtPixels pixels = decode_ok(bytes);
            g_assert_cmpuint(pixels.width, ==, (guint)sides[i][0]);
            g_assert_cmpuint(pixels.height, ==, (guint)sides[i][1]);
        }
    }
    g_autoptr(GByteArray) png = make_png(1, 100000, 8, 2);
    g_autoptr(GBytes) bytes = g_bytes_new(png->data, png->len);
    expect_refused(bytes, NITERU_ERROR_LIMIT, "limit photo-side");
}

/* Photos with a few bytes changed: each is a picture or one error, and the next good photo is what it was. */
static void test_mutations(void) {
    static const char *const suffixes[] = {".jpg", ".jpg[interlace]",       ".png",  ".webp", ".webp[lossless]",
                                           ".gif", ".tif[compression=lzw]", ".avif", ".heic"};
    g_autoptr(GBytes) good = encode(make_corners(90, 60), ".png");
    NtDecoder *kept = decoder;
    decoder = nt_decoder_new(NULL, NULL); /* codecs may die of these */
    for (size_t i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autoptr(GBytes) bytes = encode(make_corners(90, 60), suffixes[i]);
        for (int k = 0; bytes != NULL && k < 150; k++) {
            g_autoptr(GByteArray) changed = g_bytes_unref_to_array(g_bytes_ref(bytes));
            for (int n = g_test_rand_int_range(1, 4); n > 0; n--) {
                changed->data[g_test_rand_int_range(0, (int)changed->len)] = (uint8_t)g_test_rand_int();
            }
            NtPixels pixels;
            g_autoptr(GError) error = NULL;
            bool ok = nt_decoder_decode(decoder, changed->data, changed->len, "photo", NULL, &pixels, NULL, &error);
            g_assert_true(ok == (error == NULL));
        }
        NtPixels pixels = decode_ok(good);
        check_corners(&pixels, upright, 0);
    }
    NtDecoderStats stats = nt_decoder_stats(decoder);
    g_test_message("decoded %u, refused %u, helpers lost %u", (unsigned)stats.photos, (unsigned)stats.refused,
                   (unsigned)stats.deaths);
    nt_decoder_free(decoder);
    decoder = kept;
}

/* Past 100 MB of pixels libvips would like to put what it decodes into a file. */
static void test_big(void) {
    g_autoptr(GBytes) bytes = encode(make_corners(6000, 5900), ".webp[lossless,effort=0]");
    NtPixels pixels = decode_ok(bytes);
    check_corners(&pixels, upright, 0);
}

static void test_shrink(void) {
    g_autoptr(GBytes) bytes = encode(make_corners(1600, 1200), ".jpg");
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    static const struct {
        uint32_t shrink_to, width;
    } cases[] = {{0, 1600}, {1200, 1600}, {601, 1600}, {600, 800}, {224, 400}, {150, 200}, {1, 200}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        NtDecodeOptions options = {.shrink_to = cases[i].shrink_to};
        NtPixels pixels = {0};
        GError *error = NULL;
        nt_decoder_decode(decoder, data, size, "photo", &options, &pixels, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(pixels.width, ==, cases[i].width);
        check_corners(&pixels, upright, 6);
    }
}

static void test_encode(void) {
    static const NtImageFormat formats[] = {NT_IMAGE_JPEG, NT_IMAGE_PNG};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GBytes) source = encode(make_corners(90, 60), ".png");
        NtPixels pixels = decode_ok(source);
        GError *error = NULL;
        g_autoptr(GBytes) written = nt_image_encode(decoder, &pixels, formats[i], 95, &error);
        g_assert_no_error(error);
        g_assert_cmpint(nt_image_sniff(g_bytes_get_data(written, NULL), g_bytes_get_size(written)), ==, formats[i]);
        NtPixels again = decode_ok(written);
        check_corners(&again, upright, 6);
    }
    NtPixels huge = {(const uint8_t *)"", 20000, 20000, 60000};
    GError *error = NULL;
    g_assert_null(nt_image_encode(decoder, &huge, NT_IMAGE_PNG, 0, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_null(nt_image_encode(decoder, &huge, NT_IMAGE_GIF, 0, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_error_free(error);
}

int main(int argc, char **argv) {
    static const Format formats[] = {
        {".jpg[Q=95]", NT_IMAGE_JPEG, 6},  {".png", NT_IMAGE_PNG, 0},
        {".webp[Q=95]", NT_IMAGE_WEBP, 8}, {".gif", NT_IMAGE_GIF, 4},
        {".tif", NT_IMAGE_TIFF, 0},        {".avif[Q=90]", NT_IMAGE_AVIF, 8},
        {".heic[Q=90]", NT_IMAGE_HEIC, 8}, {".webp[lossless]", NT_IMAGE_WEBP, 0},
    };
    static const char *const turned[] = {".jpg[Q=95]", ".png", ".webp[Q=95]", ".tif"};
    static const char *const animated[] = {".gif", ".webp[lossless]"};
    g_test_init(&argc, &argv, NULL);
    if (VIPS_INIT(argv[0]) != 0) {
        return 1;
    }
    vips_concurrency_set(1);
    GError *error = NULL;
    decoder = nt_decoder_new(NULL, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autofree char *path = g_strconcat("/decoder/format/", formats[i].suffix + 1, NULL);
        g_test_add_data_func(path, &formats[i], test_format);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(turned); i++) {
        g_autofree char *path = g_strconcat("/decoder/orientation/", turned[i] + 1, NULL);
        g_test_add_data_func(path, turned[i], test_orientation);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(animated); i++) {
        g_autofree char *path = g_strconcat("/decoder/animation/", animated[i] + 1, NULL);
        g_test_add_data_func(path, animated[i], test_animation);
    }
    g_test_add_func("/decoder/colours", test_colours);
    g_test_add_func("/decoder/grey", test_grey);
    g_test_add_func("/decoder/alpha", test_alpha);
    g_test_add_func("/decoder/profiles", test_profiles);
    g_test_add_func("/decoder/damaged-jpeg", test_damaged_jpeg);
    g_test_add_func("/decoder/hollow-files", test_hollow_files);
    g_test_add_func("/decoder/odd-shapes", test_odd_shapes);
    g_test_add_func("/decoder/mutations", test_mutations);
    g_test_add_func("/decoder/big", test_big);
    g_test_add_func("/decoder/shrink", test_shrink);
    g_test_add_func("/decoder/encode", test_encode);
    int status = g_test_run();
    /* Every refusal above was an answer; no file here killed a helper. */
    g_assert_cmpuint(nt_decoder_stats(decoder).deaths, ==, 0);
    nt_decoder_free(decoder);
    return status;
}
