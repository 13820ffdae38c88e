/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share: checks against the limits, what is left out of the file, and the wording of refusals. */
#include "image/scan-internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/base.h"

const char *nt_scan_grouped(uint64_t number, char out[32]) {
    char digits[24];
    int count = g_snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            out[at++] = ',';
        }
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

static bool check_box(NtScan *scan, const char *what, uint64_t width, uint64_t height) {
    char limit[32];
    if (width == 0 || height == 0) {
        return nt_fail(scan->error, NITERU_ERROR_CORRUPT, "%s: a damaged %s: %s%" PRIu64 " x %" PRIu64 " pixels",
                       scan->name, nt_image_format_name(scan->out->format), what, width, height);
    }
    if (MAX(width, height) > scan->limits->photo_side) {
        return nt_fail(scan->error, NITERU_ERROR_LIMIT,
                       "%s: %s%" PRIu64 " x %" PRIu64 " pixels, a side over the limit of %s (limit photo-side)",
                       scan->name, what, width, height, nt_scan_grouped(scan->limits->photo_side, limit));
    }
    uint64_t pixels;
    if (__builtin_mul_overflow(width, height, &pixels) || pixels > scan->limits->photo_pixels) {
        return nt_fail(scan->error, NITERU_ERROR_LIMIT,
                       "%s: %s%" PRIu64 " x %" PRIu64 " pixels, over the limit of %s (limit photo-pixels)", scan->name,
                       what, width, height, nt_scan_grouped(scan->limits->photo_pixels, limit));
    }
    return true;
}

bool nt_scan_set_size(NtScan *scan, uint64_t width, uint64_t height) {
    if (!check_box(scan, "", width, height)) {
        return false;
    }
    /* The output area and all strides are reckoned in 32 bits, whatever the limits are raised to. */
    if (width > INT32_MAX || height > INT32_MAX) {
        return nt_scan_damaged(scan, "its size fits no 31 bits");
    }
    scan->out->width = (uint32_t)width;
    scan->out->height = (uint32_t)height;
    return true;
}

bool nt_scan_check_frame(NtScan *scan, uint64_t width, uint64_t height) {
    return check_box(scan, "a frame of ", width, height);
}

bool nt_scan_add_metadata(NtScan *scan, uint64_t bytes) {
    char limit[32];
    if (__builtin_add_overflow(scan->out->metadata, bytes, &scan->out->metadata)) {
        scan->out->metadata = UINT64_MAX; /* a sum that wrapped would pass any limit */
    }
    if (scan->out->metadata > scan->limits->photo_metadata) {
        return nt_fail(scan->error, NITERU_ERROR_LIMIT,
                       "%s: its metadata (EXIF, ICC, XMP, texts) is over the limit of %s bytes (limit photo-metadata)",
                       scan->name, nt_scan_grouped(scan->limits->photo_metadata, limit));
    }
    return true;
}

bool nt_scan_drop(NtScan *scan, size_t at, size_t size) {
    NtCuts *cuts = scan->cuts;
    if (cuts->count > 0 && cuts->cut[cuts->count - 1].at + cuts->cut[cuts->count - 1].size == at) {
        cuts->cut[cuts->count - 1].size += size;
        return true;
    }
    if (cuts->count == NT_MAX_CUTS) {
        return nt_scan_add_metadata(scan, size);
    }
    cuts->cut[cuts->count].at = at;
    cuts->cut[cuts->count++].size = size;
    return true;
}

bool nt_scan_cut_off(NtScan *scan, uint64_t needed) {
    const char *format = nt_image_format_name(scan->out->format);
    if (needed > scan->size) {
        /* Rounded down, so that one missing byte never reads "100 %". */
        return nt_fail(scan->error, NITERU_ERROR_CORRUPT, "%s: a %s cut off after %u %% (%zu of %" PRIu64 " bytes)",
                       scan->name, format, (unsigned)((double)scan->size * 100.0 / (double)needed), scan->size, needed);
    }
    return nt_fail(scan->error, NITERU_ERROR_CORRUPT, "%s: a %s cut off: its end is missing after %zu bytes",
                   scan->name, format, scan->size);
}

bool nt_scan_cut_short(NtScan *scan, uint64_t needed, size_t at, const void *tail, unsigned tail_size) {
    if (scan->limits->photo_rows >= 100) {
        return nt_scan_cut_off(scan, needed);
    }
    scan->out->cut_off = true;
    memcpy(scan->cuts->tail, tail, tail_size);
    scan->cuts->tail_size = tail_size;
    return at >= scan->size || nt_scan_drop(scan, at, scan->size - at);
}

bool nt_scan_damaged(NtScan *scan, const char *what) {
    return nt_fail(scan->error, NITERU_ERROR_CORRUPT, "%s: a damaged %s: %s", scan->name,
                   nt_image_format_name(scan->out->format), what);
}

bool nt_scan_unsupported(NtScan *scan, const char *format, ...) {
    char what[200];
    va_list args;
    va_start(args, format);
    g_vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const char *kind = nt_image_format_name(scan->out->format);
    bool vowel = strchr("AEIOU", kind[0]) != NULL;
    return nt_fail(scan->error, NITERU_ERROR_UNSUPPORTED, "%s: %s %s that cannot be read: %s", scan->name,
                   vowel ? "an" : "a", kind, what);
}
