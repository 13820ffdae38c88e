/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any colour space to 8-bit sRGB. Most photos are that already and pass untouched. An embedded profile is applied
 * unless it is sRGB in all but name; one that is broken or of the wrong kind is ignored, as browsers do.
 */
#include <string.h>

#include "decoder/decoder-internal.h"

/* The profile asked about last and the verdict; shops' photos come in long runs with the same one. */
static struct {
    void *bytes;
    size_t size;
    int bands;
    bool plain;
} last;

/* A test card of 1 or 3 bands: a ramp of 256 greys, or a cube of 9 x 9 x 9 colours. */
enum { CARD_PIXELS = 9 * 9 * 9 };
static uint8_t *make_card(int bands) {
    uint8_t *card = g_malloc((size_t)CARD_PIXELS * 3);
    for (int i = 0; i < CARD_PIXELS; i++) {
        if (bands == 1) {
            card[i] = (uint8_t)(i % 256);
            continue;
        }
        for (int c = 0, rest = i; c < 3; c++, rest /= 9) {
            card[3 * i + c] = (uint8_t)(rest % 9 * 255 / 8);
        }
    }
    return card;
}

/* Whether the profile moves no colour of the card by more than two levels. Such profiles are common (every camera
 * embeds "sRGB IEC61966-2.1"), and skipping the transform is both faster and closer to what other programs show. */
static bool is_plain(const void *profile, size_t size, int bands) {
    g_autofree uint8_t *card = make_card(bands);
    VipsImage *image =
        vips_image_new_from_memory(card, (size_t)CARD_PIXELS * (size_t)bands, CARD_PIXELS, 1, bands, VIPS_FORMAT_UCHAR);
    VipsImage *typed = NULL, *turned = NULL;
    bool plain = false;
    if (image != NULL && vips_copy(image, &typed, "interpretation",
                                   bands == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB, NULL) == 0) {
        vips_image_set_blob_copy(typed, VIPS_META_ICC_NAME, profile, size);
        size_t turned_size = 0;
        if (vips_icc_transform(typed, &turned, "srgb", "embedded", TRUE, NULL) == 0 && turned->Bands == 3) {
            g_autofree uint8_t *result = vips_image_write_to_memory(turned, &turned_size);
            plain = result != NULL;
            for (size_t i = 0; plain && i < turned_size; i++) {
                plain = abs(result[i] - card[bands == 1 ? i / 3 : i]) <= 2;
            }
        }
    }
    g_clear_object(&turned);
    g_clear_object(&typed);
    g_clear_object(&image);
    return plain;
}

bool nt_helper_profile_is_plain(const void *profile, size_t size, int bands) {
    if (last.bytes == NULL || last.size != size || last.bands != bands || memcmp(last.bytes, profile, size) != 0) {
        g_free(last.bytes);
        last.bytes = g_memdup2(profile, size);
        last.size = size;
        last.bands = bands;
        last.plain = is_plain(profile, size, bands);
    }
    return last.plain;
}

/* Whether the image's profile, if it has one, changes its colours. */
static bool needs_profile(VipsImage *image) {
    const void *profile;
    size_t size;
    if (!vips_image_get_typeof(image, VIPS_META_ICC_NAME) ||
        vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &size) != 0) {
        return false;
    }
    int colours = image->Bands - (vips_image_hasalpha(image) ? 1 : 0);
    bool plain = (colours == 1 || colours == 3) && nt_helper_profile_is_plain(profile, size, colours);
    return !plain;
}

/* Replaces *image by the result of an operation. */
static bool step(VipsImage **image, VipsImage *next, int status) {
    if (status == 0) {
        g_object_unref(*image);
        *image = next;
    }
    return status == 0;
}

static bool apply_profile(VipsImage **image) {
    VipsImage *next = NULL;
    bool cmyk = (*image)->Type == VIPS_INTERPRETATION_CMYK;
    /* For CMYK the built-in profile stands in where the embedded one is broken. */
    int status = cmyk ? vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, "input_profile", "cmyk", NULL)
                      : vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, NULL);
    return step(image, next, status);
}

static bool is_plain_rgb_or_grey(const VipsImage *image) {
    return image->Type == VIPS_INTERPRETATION_sRGB || image->Type == VIPS_INTERPRETATION_B_W ||
           image->Type == VIPS_INTERPRETATION_RGB || image->Type == VIPS_INTERPRETATION_MULTIBAND;
}

/* Whole numbers of 32 bits, whose white is 2^32 - 1 (TIFF 6.0), to bytes, before anything takes them for bytes. */
static bool scale_down(VipsImage **image) {
    VipsImage *shifted = NULL, *bytes = NULL;
    if ((*image)->BandFmt != VIPS_FORMAT_UINT) {
        return true;
    }
    int status = vips_rshift_const1(*image, &shifted, 24, NULL);
    if (!step(image, shifted, status)) {
        return false;
    }
    status = vips_cast(*image, &bytes, VIPS_FORMAT_UCHAR, NULL);
    if (!step(image, bytes, status)) {
        return false;
    }
    bytes->Type = bytes->Bands < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    return true;
}

/* To uchar and at most four bands. */
static bool finish(VipsImage **image) {
    VipsImage *next = NULL;
    if ((*image)->BandFmt != VIPS_FORMAT_UCHAR) {
        /* Numbers outside 0-255 are clipped. */
        int status = vips_cast(*image, &next, VIPS_FORMAT_UCHAR, NULL);
        if (!step(image, next, status)) {
            return false;
        }
    }
    if ((*image)->Bands > 4) {
        next = NULL;
        int status = vips_extract_band(*image, &next, 0, "n", 3, NULL);
        return step(image, next, status);
    }
    return true;
}

VipsImage *nt_helper_to_srgb(VipsImage *image) {
    bool ok = scale_down(&image);
    bool profiled = ok && needs_profile(image) && apply_profile(&image);
    bool bytes = image->BandFmt == VIPS_FORMAT_UCHAR;
    if (ok && !profiled && !(bytes && is_plain_rgb_or_grey(image)) && vips_colourspace_issupported(image)) {
        VipsImage *next = NULL;
        int status = vips_colourspace(image, &next, VIPS_INTERPRETATION_sRGB, NULL);
        ok = step(&image, next, status);
    }
    vips_error_clear(); /* what was said about a broken profile is no fault of the pixels */
    if (!ok || !finish(&image)) {
        g_object_unref(image);
        return NULL;
    }
    return image;
}
