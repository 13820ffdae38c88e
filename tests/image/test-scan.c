/* SPDX-License-Identifier: Apache-2.0 */
/* What is found out about a photo, and refused, before anything decodes it. All files are made here. */
#include <string.h>

#include "base/base.h"
#include "bytes.h"
#include "image/image.h"

/* Scans exactly these bytes in a block of their own, so that the sanitizer sees a read too far. */
static bool scan(const void *bytes, size_t size, const NtLimits *limits, NtImageHeader *out, GError **error) {
    g_autofree void *block = g_memdup2(bytes, size);
    return nt_image_scan(block, size, "photo", limits, out, error);
}

static void expect_ok(const GByteArray *file, NtImageFormat format, uint32_t width, uint32_t height) {
    NtImageHeader header;
    GError *error = NULL;
    bool ok = scan(file->data, file->len, NULL, &header, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpint(header.format, ==, format);
    g_assert_cmpuint(header.width, ==, width);
    g_assert_cmpuint(header.height, ==, height);
}

static void expect_refused_by(const void *bytes, size_t size, const NtLimits *limits, NiteruError code,
                              const char *words) {
    NtImageHeader header;
    GError *error = NULL;
    g_assert_false(scan(bytes, size, limits, &header, &error));
    g_assert_error(error, NITERU_ERROR, (int)code);
    if (strstr(error->message, words) == NULL || !g_str_has_prefix(error->message, "photo: ")) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_error_free(error);
}

static void expect_refused(GByteArray *file, NiteruError code, const char *words) {
    expect_refused_by(file->data, file->len, NULL, code, words);
    g_byte_array_unref(file);
}

static void test_sizes(void) {
    g_autoptr(GByteArray) jpeg = make_jpeg(640, 480), png = make_png(640, 480, 8, 2),
                          gif = make_gif(640, 480, 640, 480);
    g_autoptr(GByteArray) webp = make_webp(640, 480), tiff = make_tiff(640, 480);
    g_autoptr(GByteArray) avif = make_heif("avif", 640, 480), heic = make_heif("heic", 640, 480);
    expect_ok(jpeg, NT_IMAGE_JPEG, 640, 480);
    expect_ok(png, NT_IMAGE_PNG, 640, 480);
    expect_ok(gif, NT_IMAGE_GIF, 640, 480);
    expect_ok(webp, NT_IMAGE_WEBP, 640, 480);
    expect_ok(tiff, NT_IMAGE_TIFF, 640, 480);
    expect_ok(avif, NT_IMAGE_AVIF, 640, 480);
    expect_ok(heic, NT_IMAGE_HEIC, 640, 480);
}

/* hardening.md B5, 2-4: refused from the header. */
static void test_absurd_sizes(void) {
    expect_refused(make_gif(1, 1, 60000, 60000), NITERU_ERROR_LIMIT, "a frame of 60000 x 60000");
    expect_refused(make_gif(1, 1, 16000, 16000), NITERU_ERROR_LIMIT, "limit photo-pixels");
    expect_refused(make_png(65500, 65500, 8, 2), NITERU_ERROR_LIMIT, "65500 x 65500 pixels");
    expect_refused(make_png(30000, 30000, 1, 0), NITERU_ERROR_LIMIT, "limit photo-side");
    expect_refused(make_jpeg(35584, 18696), NITERU_ERROR_LIMIT, "limit photo-side");
    expect_refused(make_webp(16383, 16383), NITERU_ERROR_LIMIT, "over the limit of 120,000,000 (limit photo-pixels)");
    expect_refused(make_tiff(UINT32_MAX, UINT32_MAX), NITERU_ERROR_LIMIT, "4294967295 x 4294967295");
    expect_refused(make_heif("avif", UINT32_MAX, 2), NITERU_ERROR_LIMIT, "limit photo-side");
    expect_refused(make_jpeg(0, 5), NITERU_ERROR_CORRUPT, "0 x 5");
    expect_refused(make_png(5, 0, 8, 2), NITERU_ERROR_CORRUPT, "5 x 0");
}

static void test_limits(void) {
    NtLimits limits = nt_limits_default();
    NtImageHeader header;
    limits.photo_side = 100;
    limits.photo_pixels = 5000;
    limits.photo_bytes = 80;
    for (uint32_t width = 99; width <= 101; width++) {
        g_autoptr(GByteArray) png = make_png(width, 50, 8, 2);
        g_assert_cmpint(scan(png->data, png->len, &limits, &header, NULL), ==, width <= 100);
    }
    for (uint32_t height = 49; height <= 51; height++) {
        g_autoptr(GByteArray) png = make_png(100, height, 8, 2);
        g_assert_cmpint(scan(png->data, png->len, &limits, &header, NULL), ==, height <= 50);
    }
    g_autoptr(GByteArray) png = make_png(5, 5, 8, 2);
    for (limits.photo_bytes = png->len - 1; limits.photo_bytes <= png->len + 1; limits.photo_bytes++) {
        g_assert_cmpint(scan(png->data, png->len, &limits, &header, NULL), ==, limits.photo_bytes >= png->len);
    }
    limits.photo_bytes = 10;
    expect_refused_by(png->data, png->len, &limits, NITERU_ERROR_LIMIT, "limit photo-bytes");
}

static void test_metadata(void) {
    NtLimits limits = nt_limits_default();
    g_autoptr(GByteArray) jpeg = make_jpeg(8, 8), exif = make_exif(6), prefixed = g_byte_array_new();
    PUT(prefixed, "Exif\0\0");
    put_bytes(prefixed, exif->data, exif->len);
    g_autoptr(GByteArray) turned = with_segment(jpeg, 0xe1, prefixed->data, prefixed->len);
    NtImageHeader header;
    g_assert_true(scan(turned->data, turned->len, NULL, &header, NULL));
    g_assert_cmpuint(header.orientation, ==, 6);
    g_assert_cmpuint(header.metadata, ==, prefixed->len + 4);
    for (limits.photo_metadata = prefixed->len + 3; limits.photo_metadata <= prefixed->len + 5;
         limits.photo_metadata++) {
        g_assert_cmpint(scan(turned->data, turned->len, &limits, &header, NULL), ==,
                        limits.photo_metadata >= prefixed->len + 4);
    }
    limits.photo_metadata = 5;
    expect_refused_by(turned->data, turned->len, &limits, NITERU_ERROR_LIMIT, "limit photo-metadata");
    /* What no decoder of pixels needs does not count: two megabytes of XMP, as some phones write them. */
    g_autofree uint8_t *xmp = g_malloc0(65000);
    memcpy(xmp, "http://ns.adobe.com/xap/1.0/", 28);
    g_autoptr(GByteArray) phone = g_byte_array_ref(turned);
    for (int i = 0; i < 32; i++) {
        GByteArray *longer = with_segment(phone, 0xe1, xmp, 65000);
        g_byte_array_unref(phone);
        phone = longer;
    }
    g_assert_true(scan(phone->data, phone->len, NULL, &header, NULL));
    g_assert_cmpuint(header.metadata, ==, prefixed->len + 4);
    /* A profile that claims 64 MiB: a chunk can not be larger than the file, and is counted as stored. */
    g_autofree uint8_t *bomb = g_malloc0(2 << 20);
    g_autoptr(GByteArray) png = make_png(8, 8, 8, 2);
    g_byte_array_set_size(png, png->len - 12); /* off with IEND */
    put_chunk(png, "zTXt", bomb, 2 << 20);
    g_autoptr(GByteArray) icc = g_byte_array_new();
    put_bytes(icc, png->data, png->len);
    put_chunk(png, "IEND", "", 0);
    expect_ok(png, NT_IMAGE_PNG, 8, 8);
    put_chunk(icc, "iCCP", bomb, 2 << 20);
    put_chunk(icc, "IEND", "", 0);
    expect_refused_by(icc->data, icc->len, NULL, NITERU_ERROR_LIMIT, "limit photo-metadata");
}

/* A BigTIFF of 8 x 8 whose fields `tags` (undefined bytes) claim `counts` bytes. */
static GByteArray *make_big_tiff(const uint16_t *tags, const uint64_t *counts, size_t extra) {
    static const uint16_t known[] = {256, 257, 273, 279};
    GByteArray *tiff = g_byte_array_new();
    PUT(tiff, "II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0");
    put_le32(tiff, (uint32_t)(G_N_ELEMENTS(known) + extra));
    put_le32(tiff, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(known) + extra; i++) {
        bool is_known = i < G_N_ELEMENTS(known);
        uint64_t count = is_known ? 1 : counts[i - G_N_ELEMENTS(known)];
        put_le16(tiff, is_known ? known[i] : tags[i - G_N_ELEMENTS(known)]);
        put_le16(tiff, is_known ? 4 : 7);
        put_le32(tiff, (uint32_t)count);
        put_le32(tiff, (uint32_t)(count >> 32));
        put_le32(tiff, 8);
        put_le32(tiff, 0);
    }
    put_le32(tiff, 0);
    put_le32(tiff, 0);
    return tiff;
}

/* Amounts that wrap to little when they are added up are over the limit like any other. */
static void test_metadata_sums(void) {
    static const struct {
        uint16_t tags[3];
        uint64_t counts[3];
    } cases[] = {
        {{700, 34675, 0}, {1, UINT64_MAX, 0}},
        {{34675, 700, 0}, {UINT64_MAX, 1, 0}},
        {{700, 33723, 34377}, {UINT64_MAX / 2 + 1, UINT64_MAX / 2 + 1, 0}},
        {{700, 33723, 34675}, {UINT64_C(600000), UINT64_C(500000), UINT64_MAX - 1099999}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        expect_refused(make_big_tiff(cases[i].tags, cases[i].counts, 3), NITERU_ERROR_LIMIT, "limit photo-metadata");
    }
    /* With no limit to speak of the sum stays at the end of its range. */
    NtLimits limits = nt_limits_default();
    limits.photo_metadata = UINT64_MAX;
    g_autoptr(GByteArray) tiff = make_big_tiff(cases[0].tags, cases[0].counts, 2);
    NtImageHeader header;
    g_assert_true(scan(tiff->data, tiff->len, &limits, &header, NULL));
    g_assert_cmpuint(header.metadata, ==, UINT64_MAX);
}

/* B5, 9 and 10: EXIF that is odd, loops, or points nowhere is orientation 1. */
static void test_exif(void) {
    static const struct {
        uint16_t value;
        uint32_t orientation;
    } cases[] = {{0, 1}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}, {7, 7}, {8, 8}, {9, 1}, {255, 1}};
    g_autoptr(GByteArray) jpeg = make_jpeg(8, 8);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) exif = make_exif(cases[i].value), data = g_byte_array_new();
        PUT(data, "Exif\0\0");
        put_bytes(data, exif->data, exif->len);
        g_autoptr(GByteArray) turned = with_segment(jpeg, 0xe1, data->data, data->len);
        NtImageHeader header;
        g_assert_true(scan(turned->data, turned->len, NULL, &header, NULL));
        g_assert_cmpuint(header.orientation, ==, cases[i].orientation);
    }
    static const struct {
        const char *data;
        size_t size;
    } odd[] = {
#define ODD(literal) {literal, sizeof(literal) - 1}
        ODD("Exif\0\0"),
        ODD("Exif\0\0II*\0"),
        ODD("Exif\0\0II*\0\xff\xff\xff\xff"),                       /* a directory past the end */
        ODD("Exif\0\0II*\0\x08\0\0\0\xff\xff"),                     /* 65,535 entries, none there */
        ODD("Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0"),               /* a directory that is its own next */
        ODD("Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\2\0\0\0\1\0\6"),   /* the tag, as text */
        ODD("Exif\0\0XX*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0"), /* no byte order */
#undef ODD
    };
    for (size_t i = 0; i < G_N_ELEMENTS(odd); i++) {
        g_autoptr(GByteArray) file = with_segment(jpeg, 0xe1, odd[i].data, odd[i].size);
        NtImageHeader header;
        g_assert_true(scan(file->data, file->len, NULL, &header, NULL));
        g_assert_cmpuint(header.orientation, ==, 1);
    }
}

/* Whatever lacks its end is refused, at every length, where photos are wanted whole. */
static void expect_no_prefix(GByteArray *file) {
    NtLimits whole = nt_limits_default();
    whole.photo_rows = 100;
    for (guint size = 0; size < file->len; size++) {
        NtImageHeader header;
        GError *error = NULL;
        g_assert_false(scan(file->data, size, &whole, &header, &error));
        g_assert_nonnull(error);
        g_error_free(error);
    }
    g_byte_array_unref(file);
}

static void test_cut_off(void) {
    NtLimits whole = nt_limits_default();
    whole.photo_rows = 100;
    expect_no_prefix(make_jpeg(8, 8));
    expect_no_prefix(make_png(8, 8, 8, 2));
    expect_no_prefix(make_gif(8, 8, 8, 8));
    expect_no_prefix(make_webp(8, 8));
    expect_no_prefix(make_tiff(8, 8));
    expect_no_prefix(make_heif("avif", 8, 8));
    g_autoptr(GByteArray) webp = make_webp(8, 8);
    expect_refused_by(webp->data, 15, NULL, NITERU_ERROR_CORRUPT, "cut off after 50 % (15 of 30 bytes)");
    g_autoptr(GByteArray) jpeg = make_jpeg(8, 8);
    expect_refused_by(jpeg->data, jpeg->len - 2, &whole, NITERU_ERROR_CORRUPT, "a JPEG cut off: its end is missing");
}

static void test_damaged(void) {
    g_autoptr(GByteArray) png = make_png(8, 8, 8, 2);
    png->data[8 + 25 + 8 + 3] ^= 1; /* in IDAT */
    expect_refused_by(png->data, png->len, NULL, NITERU_ERROR_CORRUPT, "checksum");
    g_autoptr(GByteArray) gif = make_gif(8, 8, 8, 8);
    gif->data[gif->len - 1] = 0x55;
    expect_refused_by(gif->data, gif->len, NULL, NITERU_ERROR_CORRUPT, "an unknown block");
    g_autoptr(GByteArray) jpeg = make_jpeg(8, 8);
    jpeg->data[5] = 1;
    expect_refused_by(jpeg->data, jpeg->len, NULL, NITERU_ERROR_CORRUPT, "impossible length");
}

/* Sound photos of kinds that nothing here reads are called by their name. */
static void test_rare_kinds(void) {
    static const struct {
        uint8_t at, value;
        const char *words;
    } cases[] = {{3, 0xc3, "lossless coding"}, {3, 0xc5, "hierarchical coding"},
                 {3, 0xcb, "lossless coding"}, {3, 0xcf, "hierarchical coding"},
                 {3, 0xf7, "JPEG-LS"},         {6, 12, "12 bits a channel; 8 can be read"},
                 {6, 16, "16 bits a channel"}, {8, 0, "its height stands behind the picture"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *jpeg = make_jpeg(8, 8);
        jpeg->data[cases[i].at] = cases[i].value;
        expect_refused(jpeg, NITERU_ERROR_UNSUPPORTED, cases[i].words);
    }
    GByteArray *avif = make_heif("avif", 8, 8);
    memset(avif->data + avif->data[3], 0, 4); /* behind ftyp */
    expect_refused(avif, NITERU_ERROR_UNSUPPORTED, "its meta box has no size");
}

static void test_other_kinds(void) {
    static const struct {
        const char *bytes, *words;
    } kinds[] = {
        {"%PDF-1.7\n", "photo: a PDF, not a photo; JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC can be read"},
        {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "an SVG drawing"},
        {"<?xml version=\"1.0\"?>\n<svg/>", "an SVG drawing"},
        {"\xef\xbb\xbf \n<!DOCTYPE html><p>404", "an HTML page"},
        {"{\"error\": 1}", "a JSON text"},
        {"PK\3\4........", "a ZIP archive"},
        {"8BPS....", "a Photoshop file"},
        {"BM......", "a BMP picture without a header"},
        {"\xff\x0a\x11\x22", "photo: a JPEG XL picture (JPEG XL is not read yet; save it as JPEG, PNG or WebP); JPEG"},
        {"\x1f\x8b\x08", "a gzip file"},
        {"%!PS-Adobe", "a PostScript file"},
        {"push graphic-context\n", "MVG"},
        {"<image><read filename=\"/etc/passwd\"/>", "MSL"},
        {"SIMPLE  =                    T", "a FITS picture"},
        {"MATLAB 5.0 MAT-file", "a MATLAB file"},
        {"....ftypisom....isom", "an MP4 video"},
        {"P6 1 1 255 abc", "a PNM picture"},
        {"version https://git-lfs.github.com/spec/v1", "git lfs pull"},
        {"hello, world", "plain text"},
        {"\x01\x02\x03\x04\x05\x06", "not a photo that niteru knows"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        expect_refused_by(kinds[i].bytes, strlen(kinds[i].bytes), NULL, NITERU_ERROR_UNSUPPORTED, kinds[i].words);
    }
    static const char jxl[] = "\0\0\0\x0cJXL \r\n\x87\n", tga[] = "\0\0\2\0\0\0\0\0\0\0\0\0\2\0\2\0\x18\0......";
    expect_refused_by(jxl, sizeof jxl - 1, NULL, NITERU_ERROR_UNSUPPORTED, "JPEG XL is not read yet");
    expect_refused_by(tga, sizeof tga - 1, NULL, NITERU_ERROR_UNSUPPORTED, "a TGA picture; JPEG");
    uint8_t zeros[600] = {0};
    expect_refused_by(zeros, sizeof zeros, NULL, NITERU_ERROR_UNSUPPORTED, "nothing but zeros");
    expect_refused_by("", 0, NULL, NITERU_ERROR_CORRUPT, "an empty file");
}

/* No input may crash the scan or make it read outside: every single byte of every format, changed. */
static void test_mutations(void) {
    GByteArray *files[] = {make_jpeg(8, 8), make_png(8, 8, 8, 2),    make_gif(8, 8, 8, 8),   make_webp(8, 8),
                           make_tiff(8, 8), make_heif("avif", 8, 8), make_heif("heic", 8, 8)};
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t f = 0; f < G_N_ELEMENTS(files); f++) {
        for (guint i = 0; i < files[f]->len; i++) {
            for (size_t v = 0; v < G_N_ELEMENTS(values); v++) {
                NtImageHeader header;
                uint8_t kept = files[f]->data[i];
                files[f]->data[i] = values[v];
                scan(files[f]->data, files[f]->len, NULL, &header, NULL);
                files[f]->data[i] = kept;
            }
        }
        g_byte_array_unref(files[f]);
    }
}

static void test_animations(void) {
    g_autoptr(GByteArray) gif = make_gif(8, 8, 8, 8);
    g_byte_array_set_size(gif, gif->len - 1);
    static const char frame[] = "\x2c\0\0\0\0\x08\0\x08\0\0\x02\x02\x44\x01\0";
    for (int i = 1; i < 10000; i++) {
        put_bytes(gif, frame, sizeof frame - 1);
    }
    PUT(gif, "\x3b");
    NtImageHeader header;
    g_assert_true(scan(gif->data, gif->len, NULL, &header, NULL));
    g_assert_cmpuint(header.frames, ==, 10000);
    /* Nor do a hundred thousand frames, each with its delay, count as metadata. */
    g_autoptr(GByteArray) many = make_gif(8, 8, 8, 8);
    g_byte_array_set_size(many, many->len - 1);
    static const char delayed[] = "\x21\xf9\4\0\1\0\0\0\x2c\0\0\0\0\x08\0\x08\0\0\x02\x02\x44\x01\0";
    for (int i = 1; i < 100000; i++) {
        put_bytes(many, delayed, sizeof delayed - 1);
    }
    PUT(many, "\x3b");
    NtImageHeader of_many;
    g_assert_true(scan(many->data, many->len, NULL, &of_many, NULL));
    g_assert_cmpuint(of_many.frames, ==, 100000);
    g_assert_cmpuint(of_many.metadata, ==, 0);
    /* The bad frame may be any. */
    gif->data[gif->len - 1 - 15 + 6] = 0xff;
    expect_refused_by(gif->data, gif->len, NULL, NITERU_ERROR_LIMIT, "a frame of 65288 x 8");

    g_autoptr(GByteArray) webp = g_byte_array_new();
    PUT(webp, "RIFF....WEBPVP8X");
    put_le32(webp, 10);
    PUT(webp, "\x02\0\0\0\x07\0\0\x07\0\0ANMF");
    put_le32(webp, 16 + 8 + 6);
    put_le24(webp, 0);
    put_le24(webp, 0);
    put_le24(webp, 16000);
    put_le24(webp, 16000);
    PUT(webp, "\0\0\0\0VP8L\5\0\0\0\x2f\7\0\0\0\0");
    uint32_t size = GUINT32_TO_LE(webp->len - 8);
    memcpy(webp->data + 4, &size, 4);
    expect_refused_by(webp->data, webp->len, NULL, NITERU_ERROR_LIMIT, "a frame of 16001 x 16001");
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/scan/sizes", test_sizes);
    g_test_add_func("/scan/absurd-sizes", test_absurd_sizes);
    g_test_add_func("/scan/limits", test_limits);
    g_test_add_func("/scan/metadata", test_metadata);
    g_test_add_func("/scan/metadata-sums", test_metadata_sums);
    g_test_add_func("/scan/exif", test_exif);
    g_test_add_func("/scan/cut-off", test_cut_off);
    g_test_add_func("/scan/damaged", test_damaged);
    g_test_add_func("/scan/rare-kinds", test_rare_kinds);
    g_test_add_func("/scan/other-kinds", test_other_kinds);
    g_test_add_func("/scan/mutations", test_mutations);
    g_test_add_func("/scan/animations", test_animations);
    return g_test_run();
}
