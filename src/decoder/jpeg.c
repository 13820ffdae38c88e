/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG by libjpeg-turbo itself. It is nearly every photo of a shop, and libvips' loader around the same library costs
 * two thirds more time on a photo of 400 x 533 (0.9 ms against 0.53 ms: line cache, locks, objects). It also lets us
 * hear every warning, where libvips passes on the first one alone: see `is_damage`.
 *
 * The inverse DCT and the upsampling are the library's defaults (ISLOW, fancy), as in Pillow, so pixels are equal.
 */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "decoder/decoder-internal.h"

/* libvips 8.16 still defines an old name of its own function as a macro, which is also a member of libjpeg's struct. */
#undef error_exit

typedef struct Reader {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    jmp_buf escape; /* libjpeg's way out of a fatal error */
    const NtHelper *helper;
    NtWireReply *reply;
    uint8_t *pixels; /* (rows, width, channels): one strip, or all of a picture whose colours libvips must turn */
    uint8_t *profile;
    uint32_t wanted; /* percent of the rows; below 100 the owner has put an end behind a file without one */
    bool broke_off;
} Reader;

/* How much of the picture had come out when it broke off. */
static unsigned percent_done(const struct jpeg_decompress_struct *codec) {
    return codec->output_height == 0 ? 0 : (unsigned)((uint64_t)codec->output_scanline * 100 / codec->output_height);
}

static void fail_by_message(Reader *reader, const char *what) {
    char text[JMSG_LENGTH_MAX];
    reader->errors.format_message((j_common_ptr)&reader->codec, text);
    if (nt_says_memory(text)) {
        nt_reply_fail_memory(reader->helper, reader->reply);
    } else {
        nt_reply_fail(reader->reply, NT_WIRE_CORRUPT, "%s after %u %% (%s)", what, percent_done(&reader->codec), text);
    }
    longjmp(reader->escape, 1);
}

static void on_error(j_common_ptr codec) { fail_by_message((Reader *)codec, "a JPEG that cannot be read"); }

/* Warnings after which pixels are missing or wrong. The others (stray bytes before a marker, odd Adobe or JFIF
 * segments, a scan that is listed out of order) come with good photos and pass. */
static bool is_damage(int code) {
    switch (code) {
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_MUST_RESYNC:
    case JWRN_JPEG_EOF:
    case JWRN_BOGUS_PROGRESSION: return true;
    default: return false;
    }
}

/* Whether every coefficient has all its bits but for `missing` low ones, or its scan has begun. */
static bool has_all_scans(const struct jpeg_decompress_struct *codec, int missing) {
    if (codec->coef_bits == NULL) { /* sequential: the components, one by one or together */
        return codec->comps_in_scan == codec->num_components ||
               codec->input_scan_number > codec->num_components - codec->comps_in_scan;
    }
    for (int i = 0; i < codec->num_components * DCTSIZE2; i++) {
        int bits = codec->coef_bits[i / DCTSIZE2][i % DCTSIZE2];
        if (bits < 0 || bits > missing) {
            return false;
        }
    }
    return true;
}

/* How much is there when the data ends early: rows of blocks, the one that broke off counting half; of a JPEG of
 * several scans those of its last one. Where no more than the lowest bit of coefficients is still to come, every row is
 * there. */
static uint32_t percent_there(const struct jpeg_decompress_struct *codec) {
    uint64_t halves = 2 * (uint64_t)codec->input_iMCU_row + 1;
    if (codec->coef_bits != NULL && codec->Ah != 0 && has_all_scans(codec, 1)) {
        return 99;
    }
    return has_all_scans(codec, 0) ? (uint32_t)(halves * 50 / MAX(codec->total_iMCU_rows, 1)) : 0;
}

/* Whether the damage is that the data has come to the end the owner has put there. */
static bool is_end(Reader *reader) {
    if (reader->wanted >= 100 || (!reader->broke_off && reader->codec.unread_marker != JPEG_EOI)) {
        return false;
    }
    if (!reader->broke_off) {
        reader->broke_off = true;
        reader->reply->percent = MIN(percent_there(&reader->codec), 100);
    }
    return true;
}

static void on_message(j_common_ptr codec, int level) {
    Reader *reader = (Reader *)codec;
    if (level >= 0) {
        return; /* a trace */
    }
    reader->reply->warnings++;
    if (is_damage(reader->errors.msg_code) && !is_end(reader)) {
        fail_by_message(reader, "damaged");
    }
}

/* The memory is all there is; wanting more is the end of a photo that was cut off. */
static boolean on_empty(j_decompress_ptr codec) {
    Reader *reader = (Reader *)codec;
    nt_reply_fail(reader->reply, NT_WIRE_CORRUPT, "a JPEG cut off after %u %%", percent_done(codec));
    longjmp(reader->escape, 1);
}

static void start(Reader *reader, const NtHelper *helper, const NtWireRequest *request) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    jpeg_create_decompress(codec);
    jpeg_mem_src(codec, helper->input, (unsigned long)request->size);
    codec->src->fill_input_buffer = on_empty;
    jpeg_save_markers(codec, JPEG_APP0 + 2, 0xffff); /* ICC */
    jpeg_read_header(codec, TRUE);
    bool cmyk = codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
    bool grey = codec->jpeg_color_space == JCS_GRAYSCALE;
    codec->out_color_space = cmyk ? JCS_CMYK : grey ? JCS_GRAYSCALE : JCS_RGB;
    codec->scale_num = 1;
    codec->scale_denom = request->shrink;
    jpeg_calc_output_dimensions(codec);
}

static void read_rows(Reader *reader, uint8_t *to, size_t stride, uint32_t count) {
    for (uint32_t y = 0; y < count; y++) {
        JSAMPROW row = to + y * stride;
        jpeg_read_scanlines(&reader->codec, &row, 1);
    }
}

/* The usual photo: RGB or grey, in sRGB. Upright RGB is decoded into its place; anything else by strips. */
static void read_plain(Reader *reader, const NtHelper *helper, uint32_t orientation) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    NtPlace place = {.output = helper->output,
                     .width = codec->output_width,
                     .height = codec->output_height,
                     .bands = (uint32_t)codec->output_components,
                     .orientation = orientation};
    size_t stride = (size_t)place.width * place.bands;
    if (place.bands == 3 && orientation == 1) {
        read_rows(reader, helper->output, stride, place.height);
    } else {
        const uint32_t strip = 16;
        reader->pixels = g_malloc(stride * strip);
        for (uint32_t y = 0; y < place.height; y += strip) {
            uint32_t rows = MIN(strip, place.height - y);
            read_rows(reader, reader->pixels, stride, rows);
            nt_place_rows(&place, reader->pixels, stride, y, rows);
        }
    }
    nt_helper_set_size(&place, reader->reply);
}

/* CMYK, or a profile that is not sRGB: decoded whole, then libvips turns the colours. */
static void read_coloured(Reader *reader, const NtHelper *helper, const NtWireRequest *request, unsigned profile_size) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    int bands = codec->output_components;
    size_t stride = (size_t)codec->output_width * (size_t)bands, size = stride * codec->output_height;
    reader->pixels = g_try_malloc(size);
    if (reader->pixels == NULL) {
        nt_reply_fail_memory(helper, reader->reply);
        return;
    }
    read_rows(reader, reader->pixels, stride, codec->output_height);
    if (bands == 4) { /* ink is stored upside down, with Adobe's marker or without: browsers, Pillow, libvips agree */
        for (size_t i = 0; i < size; i++) {
            reader->pixels[i] = (uint8_t)~reader->pixels[i];
        }
    }
    VipsImage *image = vips_image_new_from_memory(reader->pixels, size, (int)codec->output_width,
                                                  (int)codec->output_height, bands, VIPS_FORMAT_UCHAR);
    if (image == NULL) {
        nt_reply_fail(reader->reply, NT_WIRE_FAILED, "%s", vips_error_buffer());
        return;
    }
    image->Type = bands == 4   ? VIPS_INTERPRETATION_CMYK
                  : bands == 1 ? VIPS_INTERPRETATION_B_W
                               : VIPS_INTERPRETATION_sRGB;
    if (reader->profile != NULL) {
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, reader->profile, profile_size);
    }
    nt_helper_pull(helper, image, request, reader->reply);
}

static void read_picture(Reader *reader, const NtHelper *helper, const NtWireRequest *request) {
    struct jpeg_decompress_struct *codec = &reader->codec;
    start(reader, helper, request);
    if (!nt_helper_check_size(helper, codec->output_width, codec->output_height, reader->reply)) {
        return;
    }
    unsigned profile_size = 0;
    JOCTET *profile = NULL;
    if (jpeg_read_icc_profile(codec, &profile, &profile_size)) {
        reader->profile = profile;
    }
    jpeg_start_decompress(codec); /* reads all of a JPEG of several scans */
    if (reader->wanted < 100 && jpeg_has_multiple_scans(codec) && !has_all_scans(codec, 0)) {
        /* It may end between two of them. */
        reader->reply->percent = MIN(reader->reply->percent, has_all_scans(codec, codec->coef_bits != NULL) ? 99 : 0);
    }
    int bands = codec->output_components;
    bool coloured = bands == 4 || (profile != NULL && !nt_helper_profile_is_plain(profile, profile_size, bands));
    if (coloured) {
        read_coloured(reader, helper, request, profile_size);
    } else {
        read_plain(reader, helper, request->orientation);
    }
    if (reader->reply->status == NT_WIRE_OK) {
        jpeg_finish_decompress(codec); /* reads on to the end-of-image marker */
    }
    if (reader->reply->status == NT_WIRE_OK && reader->reply->percent < reader->wanted) {
        nt_reply_fail(reader->reply, NT_WIRE_CORRUPT, "a JPEG cut off after %u %%", reader->reply->percent);
    }
}

void nt_helper_decode_jpeg(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    Reader reader = {.helper = helper, .reply = reply, .wanted = request->percent};
    reader.codec.err = jpeg_std_error(&reader.errors);
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    if (setjmp(reader.escape) == 0) {
        read_picture(&reader, helper, request);
    }
    jpeg_destroy_decompress(&reader.codec);
    g_free(reader.pixels);
    free(reader.profile);
}
