/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GIF (89a): the logical screen, then blocks up to the trailer. Every frame's box is checked, because decoders take
 * memory for the largest one before they look at a pixel: a 43-byte file with a screen of 1 x 1 and a frame of
 * 60000 x 60000 ends a process that trusts it. Data blocks are skipped by their length bytes.
 */
#include "image/scan-internal.h"

/* Skips the sub-blocks from `at` to behind their terminator; 0 when the file ends first. (The other readers here also
 * return SIZE_MAX when they have refused the photo.) */
static size_t skip_blocks(const NtScan *scan, size_t at) {
    while (at < scan->size) {
        uint8_t length = scan->bytes[at];
        at += (size_t)length + 1;
        if (length == 0) {
            return at;
        }
    }
    return 0;
}

static size_t palette_size(uint8_t flags) { return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0; }

/* An image descriptor at `at` (its separator): left, top, width, height, flags. */
static bool read_frame(NtScan *scan, size_t at) {
    uint32_t left = nt_le16(scan->bytes + at + 1), top = nt_le16(scan->bytes + at + 3);
    uint32_t width = nt_le16(scan->bytes + at + 5), height = nt_le16(scan->bytes + at + 7);
    if (!nt_scan_check_frame(scan, width, height)) {
        return false;
    }
    /* Frames that stick out of the screen exist in the wild and enlarge it for some decoders: the sum is checked. */
    return nt_scan_check_frame(scan, (uint64_t)left + width, (uint64_t)top + height);
}

/* An extension: 0x21, a label, sub-blocks. All but graphic control (transparency) are left out. */
static size_t read_extension(NtScan *scan, size_t at) {
    size_t end = skip_blocks(scan, at + 2);
    if (end != 0 && scan->bytes[at + 1] != 0xf9 && !nt_scan_drop(scan, at, end - at)) {
        return SIZE_MAX;
    }
    return end;
}

/* A frame; the first one is kept, all others are left out, so that 10,000 frames cost no more than one. */
static size_t read_image(NtScan *scan, size_t at) {
    if (scan->size - at < 11) {
        return 0;
    }
    if (!read_frame(scan, at)) {
        return SIZE_MAX;
    }
    size_t end = skip_blocks(scan, at + 10 + palette_size(scan->bytes[at + 9]) + 1);
    if (end != 0 && scan->out->frames++ > 0 && !nt_scan_drop(scan, at, end - at)) {
        return SIZE_MAX;
    }
    return end;
}

bool nt_scan_gif(NtScan *scan) {
    if (scan->size < 13) {
        return nt_scan_cut_off(scan, 0);
    }
    if (!nt_scan_set_size(scan, nt_le16(scan->bytes + 6), nt_le16(scan->bytes + 8))) {
        return false;
    }
    scan->out->frames = 0;
    size_t at = 13 + palette_size(scan->bytes[10]);
    while (at < scan->size) {
        switch (scan->bytes[at]) {
        case 0x3b: /* the trailer */ return scan->out->frames > 0 || nt_scan_damaged(scan, "it holds no picture");
        case 0x21: at = read_extension(scan, at); break;
        case 0x2c: at = read_image(scan, at); break;
        default: return nt_scan_damaged(scan, "an unknown block");
        }
        if (at == 0) {
            break;
        }
        if (at == SIZE_MAX) {
            return false;
        }
    }
    return nt_scan_cut_off(scan, 0);
}
