/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image into the output area: its size is checked once more, then it comes strip by strip. Strips of a libvips image
 * are prepared by this thread through a region instead of vips_image_write_to_memory, which would wake a thread pool
 * and copy the picture once more.
 */
#include <string.h>

#include "decoder/decoder-internal.h"

enum {
    STRIP_ROWS = 64,
    FEW_ROWS = 4, /* where the rows that are there are counted */
};

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
        nt_reply_fail_vips(helper, reply, NT_WIRE_UNSUPPORTED, "its colours cannot be turned into sRGB: ");
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
        nt_reply_fail_vips(helper, reply, NT_WIRE_CORRUPT, what);
    }
    nt_helper_set_size(&place, reply);
    g_object_unref(image);
}
