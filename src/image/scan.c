/* SPDX-License-Identifier: Apache-2.0 */
/* The scan before any decoding: told apart by the first bytes, then read by a file per format. */
#include "image/scan-internal.h"

#include <string.h>

#include "base/base.h"

static bool refuse_kind(const uint8_t *bytes, size_t size, const char *name, GError **error) {
    static const char can_read[] = "JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC can be read";
    const char *other = nt_image_describe_other(bytes, size);
    if (size == 0) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: an empty file", name);
    }
    if (other != NULL) {
        bool picture = strstr(other, "picture") != NULL;
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: %s%s; %s", name, other, picture ? "" : ", not a photo",
                       can_read);
    }
    return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: not a photo that niteru knows; %s", name, can_read);
}

bool nt_scan_with_cuts(const void *data, size_t size, const char *name, const NtLimits *limits, NtImageHeader *out,
                       NtCuts *out_cuts, GError **error) {
    static bool (*const scans[])(NtScan *) = {
        [NT_IMAGE_JPEG] = nt_scan_jpeg, [NT_IMAGE_PNG] = nt_scan_png,   [NT_IMAGE_WEBP] = nt_scan_webp,
        [NT_IMAGE_GIF] = nt_scan_gif,   [NT_IMAGE_TIFF] = nt_scan_tiff, [NT_IMAGE_AVIF] = nt_scan_heif,
        [NT_IMAGE_HEIC] = nt_scan_heif, [NT_IMAGE_BMP] = nt_scan_bmp,
    };
    NtLimits defaults = nt_limits_default();
    limits = limits != NULL ? limits : &defaults;
    if (size > limits->photo_bytes) {
        char limit[32];
        nt_fail(error, NITERU_ERROR_LIMIT, "%s: %zu bytes, over the limit of %s (limit photo-bytes)", name, size,
                nt_scan_grouped(limits->photo_bytes, limit));
        return nt_fact(error, "limit", "photo-bytes");
    }
    NtImageFormat format = nt_image_sniff(data, size);
    if (format == NT_IMAGE_UNKNOWN) {
        return refuse_kind(data, size, name, error);
    }
    NtImageHeader header = {.format = format, .frames = 1, .orientation = 1, .percent = 100};
    out_cuts->count = out_cuts->tail_size = 0;
    out_cuts->patch_at = 0;
    NtScan scan = {data, size, name, limits, &header, out_cuts, error};
    if (!scans[format](&scan)) {
        return false;
    }
    if (header.width == 0) {
        return nt_scan_damaged(&scan, "it names no size");
    }
    *out = header;
    return true;
}

bool nt_image_scan(const void *bytes, size_t size, const char *name, const NtLimits *limits, NtImageHeader *out,
                   GError **error) {
    NtCuts cuts;
    return nt_scan_with_cuts(bytes, size, name, limits, out, &cuts, error);
}

char *nt_image_note(const NtImageHeader *header, const char *name) {
    return !header->cut_off ? NULL
                            : g_strdup_printf("%s: a %s cut short, and taken: %u %% of its rows are there", name,
                                              nt_image_format_name(header->format), header->percent);
}
