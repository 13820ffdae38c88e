/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that own their pixels: thumbnails. */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "image/resample.h"

static NtPicture *new_picture(uint32_t width, uint32_t height, GError **error) {
    size_t stride = (size_t)width * 3;
    uint8_t *rgb = nt_alloc(height, stride, "a picture", error);
    if (rgb == NULL) {
        return NULL;
    }
    NtPicture *picture = g_new(NtPicture, 1);
    picture->pixels = (NtPixels){rgb, width, height, stride};
    return picture;
}

void nt_picture_free(NtPicture *picture) {
    if (picture != NULL) {
        nt_free((void *)(uintptr_t)picture->pixels.rgb);
        g_free(picture);
    }
}

static void take_row(uint32_t y, const void *row, void *data) {
    const NtPixels *out = data;
    memcpy((uint8_t *)(uintptr_t)out->rgb + y * out->stride, row, (size_t)out->width * 3);
}

NtPicture *nt_image_thumbnail(const NtPixels *pixels, unsigned max_side, GError **error) {
    double shrink = MIN(1.0, (double)MAX(max_side, 1) / MAX(pixels->width, pixels->height));
    uint32_t width = (uint32_t)MAX(1, rint(pixels->width * shrink));
    uint32_t height = (uint32_t)MAX(1, rint(pixels->height * shrink));
    g_autoptr(NtPicture) picture = new_picture(width, height, error);
    if (picture == NULL) {
        return NULL;
    }
    NtAxisKey across_key = {pixels->width, width, 0, width, NT_RESAMPLE_BICUBIC, NT_FLAVOUR_PILLOW};
    NtAxisKey down_key = {pixels->height, height, 0, height, NT_RESAMPLE_BICUBIC, NT_FLAVOUR_PILLOW};
    g_autoptr(NtAxis) across = nt_axis_new(&across_key, error);
    g_autoptr(NtAxis) down = across != NULL ? nt_axis_new(&down_key, error) : NULL;
    NtScratch scratch = {.ring = NULL};
    bool ok = down != NULL && nt_resample(pixels, across, down, &scratch, take_row, &picture->pixels, error);
    nt_scratch_clear(&scratch);
    return ok ? g_steal_pointer(&picture) : NULL;
}
