/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One photo: load, check its size once more, turn to sRGB, and pull it strip by strip into the output area. Strips are
 * prepared by this thread through a region instead of vips_image_write_to_memory, which would wake a thread pool and
 * copy the picture once more.
 */
#include <stdarg.h>
#include <string.h>

#include "decoder/decoder-internal.h"

enum { STRIP_ROWS = 16 };

void nt_reply_fail(NtWireReply *reply, NtWireStatus status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reply->status = status;
    g_vsnprintf(reply->message, sizeof reply->message, format, args);
    va_end(args);
    /* One line is enough of what libvips gathers. */
    reply->message[strcspn(reply->message, "\n")] = '\0';
}

/* libvips' last words, in one line. */
static const char *vips_says(void) {
    const char *text = vips_error_buffer();
    return *text != '\0' ? text : "libvips gives no reason";
}

/* JPEG warnings of libjpeg-turbo after which pixels are missing or wrong. (The library reports only the first warning
 * of a photo, so damage that follows a harmless one passes; Pillow accepts all of these.) */
static bool tells_of_damage(const char *warnings) {
    static const char *const signs[] = {"bad Huffman code", "premature end of data", "Corrupt JPEG data: found marker",
                                        "Corrupt JPEG data: bad arithmetic code", "Inconsistent progression"};
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (strstr(warnings, signs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool check_size(const NtHelper *helper, const VipsImage *image, NtWireReply *reply) {
    uint64_t width = (uint64_t)image->Xsize, height = (uint64_t)image->Ysize;
    if (width > helper->setup.side || height > helper->setup.side || width * height > helper->setup.pixels ||
        width * height * 3 > helper->setup.output_size) {
        nt_reply_fail(reply, NT_WIRE_LIMIT, "%d x %d pixels when decoded, over the limits photo-side or photo-pixels",
                      image->Xsize, image->Ysize);
        return false;
    }
    return true;
}

/* Rows that came out whole; fewer than the image has when the data broke off. */
static uint32_t pull_rows(VipsImage *image, const NtPlace *place) {
    VipsRegion *region = vips_region_new(image);
    uint32_t y = 0;
    while (y < place->height) {
        uint32_t rows = MIN(STRIP_ROWS, place->height - y);
        VipsRect strip = {0, (int)y, (int)place->width, (int)rows};
        if (vips_region_prepare(region, &strip) != 0) {
            break;
        }
        nt_place_rows(place, VIPS_REGION_ADDR(region, 0, (int)y), (size_t)VIPS_REGION_LSKIP(region), y, rows);
        y += rows;
    }
    g_object_unref(region);
    return y;
}

static void decode(const NtHelper *helper, VipsImage *image, int orientation, const NtWireRequest *request,
                   NtWireReply *reply) {
    NtPlace place = {.output = helper->output,
                     .width = (uint32_t)image->Xsize,
                     .height = (uint32_t)image->Ysize,
                     .bands = (uint32_t)image->Bands,
                     .orientation = orientation};
    uint32_t rows = pull_rows(image, &place);
    if (rows < place.height) {
        nt_reply_fail(reply, NT_WIRE_CORRUPT, "breaks off after %u %% (%s)",
                      (unsigned)((uint64_t)rows * 100 / place.height), vips_says());
        return;
    }
    if (request->format == NT_IMAGE_JPEG && tells_of_damage(vips_error_buffer())) {
        nt_reply_fail(reply, NT_WIRE_CORRUPT, "damaged in the middle (%s)", vips_says());
        return;
    }
    bool turned = orientation >= 5;
    reply->width = turned ? place.height : place.width;
    reply->height = turned ? place.width : place.height;
}

void nt_helper_decode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    vips_error_clear();
    VipsImage *image = nt_helper_load(helper->input, request);
    if (image == NULL) {
        bool codec = strstr(vips_error_buffer(), "nsupported") != NULL || !*vips_error_buffer();
        nt_reply_fail(reply, codec ? NT_WIRE_UNSUPPORTED : NT_WIRE_CORRUPT, "%s", vips_says());
        return;
    }
    if (check_size(helper, image, reply)) {
        /* 1 to 8; libvips reads anything else as 1. */
        int orientation = vips_image_get_orientation(image);
        image = nt_helper_to_srgb(image);
        if (image == NULL) {
            nt_reply_fail(reply, NT_WIRE_UNSUPPORTED, "its colours cannot be turned into sRGB (%s)", vips_says());
        } else {
            decode(helper, image, CLAMP(orientation, 1, 8), request, reply);
        }
    }
    g_clear_object(&image);
}
