/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a photo costs before the network sees it: scan, decode through the helper, resize and normalise, each beside
 * what it stands on: the same JPEG decoded by libjpeg-turbo in this process, into memory that is already there.
 * usage: decode PHOTO.jpg...     Prints CSV: name,value,unit.
 */
#include <stdio.h> /* jpeglib.h needs FILE */

#include <jpeglib.h>

#include "base/base.h"
#include "image/image.h"

typedef struct Times {
    double scan, decode, plain, resize; /* seconds in all */
    unsigned photos;
} Times;

static double now(void) { return (double)g_get_monotonic_time() * 1e-6; }

/* The least a JPEG can cost. A fault ends the program: these photos have just been decoded well. */
static void decode_plainly(const uint8_t *bytes, size_t size, uint8_t *out) {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    codec.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&codec);
    jpeg_mem_src(&codec, bytes, (unsigned long)size);
    jpeg_read_header(&codec, TRUE);
    codec.out_color_space = JCS_RGB;
    jpeg_start_decompress(&codec);
    while (codec.output_scanline < codec.output_height) {
        JSAMPROW row = out + (size_t)codec.output_scanline * codec.output_width * 3;
        jpeg_read_scanlines(&codec, &row, 1);
    }
    jpeg_finish_decompress(&codec);
    jpeg_destroy_decompress(&codec);
}

static bool measure(NtDecoder *decoder, NtPreprocessor *preprocessor, const char *path, float *input, Times *times) {
    static uint8_t *plain;
    static size_t plain_size;
    GError *error = NULL;
    g_autoptr(GBytes) file = nt_file_read(path, 20 << 20, &error);
    gsize size = 0;
    const void *bytes = file != NULL ? g_bytes_get_data(file, &size) : NULL;
    NtImageHeader header;
    NtPixels pixels = {0};
    double start = now();
    bool ok = bytes != NULL && nt_image_scan(bytes, size, path, NULL, &header, &error);
    double scanned = now();
    ok = ok && nt_decoder_decode(decoder, bytes, size, path, NULL, &pixels, NULL, &error);
    double decoded = now();
    ok = ok && nt_preprocess(preprocessor, &pixels, input, &error);
    double resized = now();
    if (!ok) {
        fprintf(stderr, "%s\n", error->message);
        g_error_free(error);
        return false;
    }
    size_t needed = (size_t)pixels.width * pixels.height * 3;
    if (needed > plain_size) {
        g_free(plain);
        plain = g_malloc0(needed);
        plain_size = needed;
    }
    double before = now();
    if (header.format == NT_IMAGE_JPEG) {
        decode_plainly(bytes, size, plain);
    }
    times->plain += now() - before;
    times->scan += scanned - start;
    times->decode += decoded - scanned;
    times->resize += resized - decoded;
    times->photos++;
    return true;
}

int main(int argc, char **argv) {
    NtPreprocess rules = {
        .resampler = NT_RESAMPLE_BILINEAR, .width = 224, .height = 224, .scale = 1 / 127.5F, .mean = {1, 1, 1}};
    GError *error = NULL;
    g_autoptr(NtDecoder) decoder = nt_decoder_new(NULL, &error);
    g_autoptr(NtPreprocessor) preprocessor = nt_preprocessor_new(&rules, &error);
    if (argc < 2 || decoder == NULL || preprocessor == NULL) {
        fprintf(stderr, "%s\n", error != NULL ? error->message : "usage: decode PHOTO.jpg...");
        return 1;
    }
    float *input = g_new(float, 3 * 224 * 224);
    Times times = {0};
    measure(decoder, preprocessor, argv[1], input, &times); /* starts the helper */
    times = (Times){0};
    for (int i = 1; i < argc; i++) {
        measure(decoder, preprocessor, argv[i], input, &times);
    }
    g_free(input);
    double each = times.photos > 0 ? 1e3 / times.photos : 0;
    printf("scan,%.4f,ms per photo\ndecode_in_helper,%.4f,ms per photo\n", times.scan * each, times.decode * each);
    printf("libjpeg_turbo_alone,%.4f,ms per photo\nresize_and_normalise,%.4f,ms per photo\n", times.plain * each,
           times.resize * each);
    printf("helper_over_libjpeg_turbo,%.3f,times\n", times.decode / times.plain);
    return 0;
}
