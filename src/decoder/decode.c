/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One photo: open it, check its size once more, and bring it strip by strip into the output area. Strips of a libvips
 * image are prepared by this thread through a region instead of vips_image_write_to_memory, which would wake a thread
 * pool and copy the picture once more.
 */
#include <stdarg.h>
#include <string.h>

#include "decoder/decoder-internal.h"

enum {
    STRIP_ROWS = 64,
    FEW_ROWS = 4, /* where the rows that are there are counted */
};

void nt_reply_fail(NtWireReply *reply, NtWireStatus status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reply->status = status;
    g_vsnprintf(reply->message, sizeof reply->message, format, args);
    va_end(args);
    /* One line is enough of what libvips gathers. */
    reply->message[strcspn(reply->message, "\n")] = '\0';
}

bool nt_says_memory(const char *text) {
    static const char *const words[] = {"out of memory",     "nsufficient memory", "emory allocation", "annot allocate",
                                        "nable to allocate", "ailed to allocate",  "alloc failed",     "Out of memory"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(text, words[i]) != NULL) {
            return true;
        }
    }
    return false;
}

void nt_reply_fail_memory(const NtHelper *helper, NtWireReply *reply) {
    nt_reply_fail(reply, NT_WIRE_LIMIT,
                  "decoding needs more memory than the limit of %" G_GUINT64_FORMAT " bytes (limit decoder-memory)",
                  helper->setup.memory);
}

/* The last line of what libvips has gathered; those before it are warnings, more often than not. */
static const char *last_line(char *text) {
    g_strchomp(text);
    const char *line = strrchr(text, '\n');
    return line != NULL ? line + 1 : text;
}

/* libvips' last words, and what they mean where they say little. */
static void fail_by_vips(const NtHelper *helper, NtWireReply *reply, NtWireStatus status, const char *what) {
    static const struct {
        const char *text, *meaning;
    } known[] = {
        {"unable to call", "a library that reads it is missing or does not know this kind"},
        {"nsupported codec", "no codec for it is installed"},
        {"unable to open source", "its directory is damaged"},
        {"read error", "its data is damaged"},
        {"unable to read pixels", "its data is damaged"},
        {"unable to parse image", "its data is damaged"},
        {"bad seek", "it refers to bytes that are not in it"},
        {"", "it refers to bytes that are not in it"}, /* all that libheif says then is a number in brackets */
    };
    g_autofree char *text = g_strdup(vips_error_buffer());
    if (nt_says_memory(text)) {
        nt_reply_fail_memory(helper, reply);
        return;
    }
    if (*text == '\0') {
        nt_reply_fail(reply, status, "%sits data cannot be decoded: it is damaged, or of a kind nobody here reads",
                      what);
        return;
    }
    const char *line = last_line(text);
    bool wordless = line[0] == ' ' && strstr(text, "bad seek") != NULL;
    for (size_t i = wordless ? G_N_ELEMENTS(known) - 1 : 0; i + !wordless < G_N_ELEMENTS(known); i++) {
        if (strstr(line, known[i].text) != NULL) {
            nt_reply_fail(reply, status, "%s%s (%s)", what, known[i].meaning, wordless ? "bad seek" : line);
            return;
        }
    }
    nt_reply_fail(reply, status, "%s%s", what, line);
}

bool nt_helper_check_size(const NtHelper *helper, uint64_t width, uint64_t height, NtWireReply *reply) {
    if (width > helper->setup.side || height > helper->setup.side || width * height > helper->setup.pixels ||
        width * height * 3 > helper->setup.output_size) {
        nt_reply_fail(reply, NT_WIRE_LIMIT,
                      "%" G_GUINT64_FORMAT " x %" G_GUINT64_FORMAT
                      " pixels when decoded, over the limits photo-side or photo-pixels",
                      width, height);
        return false;
    }
    return true;
}

void nt_helper_set_size(const NtPlace *place, NtWireReply *reply) {
    bool turned = place->orientation >= 5;
    reply->width = turned ? place->height : place->width;
    reply->height = turned ? place->width : place->height;
}

/* Rows that came out whole; fewer than the image has when the data broke off. */
static uint32_t pull_rows(VipsImage *image, const NtPlace *place, uint32_t strip_rows) {
    VipsRegion *region = vips_region_new(image);
    size_t row = (size_t)place->width * place->bands;
    g_autofree uint8_t *last = strip_rows == FEW_ROWS ? g_malloc(row) : NULL;
    uint32_t y = 0;
    while (y < place->height) {
        uint32_t rows = MIN(strip_rows, place->height - y);
        VipsRect strip = {0, (int)y, (int)place->width, (int)rows};
        if (vips_region_prepare(region, &strip) != 0) {
            break;
        }
        nt_place_rows(place, VIPS_REGION_ADDR(region, 0, (int)y), (size_t)VIPS_REGION_LSKIP(region), y, rows);
        y += rows;
        if (last != NULL) {
            memcpy(last, VIPS_REGION_ADDR(region, 0, (int)y - 1), row);
        }
    }
    /* Rows that are missing become like the last one that is there. */
    for (uint32_t missing = y; last != NULL && y > 0 && missing < place->height; missing++) {
        nt_place_rows(place, last, 0, missing, 1);
    }
    g_object_unref(region);
    return y;
}

void nt_helper_pull(const NtHelper *helper, VipsImage *image, const NtWireRequest *request, NtWireReply *reply) {
    if (!nt_helper_check_size(helper, (uint64_t)image->Xsize, (uint64_t)image->Ysize, reply)) {
        g_object_unref(image);
        return;
    }
    image = nt_helper_to_srgb(image);
    if (image == NULL) {
        fail_by_vips(helper, reply, NT_WIRE_UNSUPPORTED, "its colours cannot be turned into sRGB: ");
        return;
    }
    NtPlace place = {.output = helper->output,
                     .width = (uint32_t)image->Xsize,
                     .height = (uint32_t)image->Ysize,
                     .bands = (uint32_t)image->Bands,
                     .orientation = request->orientation};
    uint32_t rows = pull_rows(image, &place, request->percent < 100 ? FEW_ROWS : STRIP_ROWS);
    reply->percent = MIN(reply->percent, (uint32_t)((uint64_t)rows * 100 / place.height));
    if (reply->percent < request->percent) {
        g_autofree char *what =
            g_strdup_printf("breaks off after %u %%: ", (unsigned)((uint64_t)rows * 100 / place.height));
        fail_by_vips(helper, reply, NT_WIRE_CORRUPT, what);
    }
    nt_helper_set_size(&place, reply);
    g_object_unref(image);
}

void nt_helper_decode(const NtHelper *helper, const NtWireRequest *request, NtWireReply *reply) {
    vips_error_clear();
    if (request->format == NT_IMAGE_JPEG) {
        nt_helper_decode_jpeg(helper, request, reply);
        return;
    }
    if (request->format == NT_IMAGE_BMP) {
        nt_helper_decode_bmp(helper, request, reply);
        return;
    }
    VipsImage *image = nt_helper_load(helper->input, request);
    if (image == NULL) {
        bool codec = strstr(vips_error_buffer(), "nsupported") != NULL || !*vips_error_buffer();
        fail_by_vips(helper, reply, codec ? NT_WIRE_UNSUPPORTED : NT_WIRE_CORRUPT, "it cannot be read: ");
        return;
    }
    nt_helper_pull(helper, image, request, reply);
}
