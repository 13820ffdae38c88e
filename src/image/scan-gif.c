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

/* An extension: 0x21, a label, sub-blocks. All are left out but graphic control (transparency) of the first
 * frame; what follows that frame is one stretch, whatever the number of frames. */
static size_t read_extension(NtScan *scan, size_t at) {
    size_t end = skip_blocks(scan, at + 2);
    bool wanted = scan->bytes[at + 1] == 0xf9 && scan->out->frames == 0;
    if (end != 0 && !wanted && !nt_scan_drop(scan, at, end - at)) {
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

enum { MOST_CODES = 4096 };

/* LZW, of which the lengths of the strings alone are followed. */
typedef struct Lengths {
    uint16_t of[MOST_CODES];
    unsigned clear, next, width, before; /* before: the length of the last code's string; 0 behind a clear code */
    uint64_t pixels;
} Lengths;

static void clear_codes(Lengths *lengths) {
    lengths->next = lengths->clear + 2;
    lengths->width = (unsigned)__builtin_ctz(lengths->clear) + 1;
    lengths->before = 0;
}

/* False at the end code and at one that cannot be. */
static bool follow_code(Lengths *lengths, unsigned code) {
    if (code == lengths->clear) {
        clear_codes(lengths);
        return true;
    }
    bool fresh = code == lengths->next && lengths->before > 0;
    if (code == lengths->clear + 1 || (code >= lengths->next && !fresh)) {
        return false;
    }
    unsigned length = fresh ? lengths->before + 1 : lengths->of[code];
    if (lengths->before > 0 && lengths->next < MOST_CODES) {
        lengths->of[lengths->next++] = (uint16_t)(lengths->before + 1);
        lengths->width += lengths->next == 1U << lengths->width && lengths->width < 12;
    }
    lengths->before = length;
    lengths->pixels += length;
    return true;
}

/* Pixels that the data of a frame stands for: the code size at `at`, then sub-blocks, as far as the file goes. */
static uint64_t count_pixels(const NtScan *scan, size_t at) {
    Lengths lengths = {.clear = 1U << MIN(scan->bytes[at], 11)};
    unsigned bits = 0, left = 0;
    uint32_t gathered = 0;
    for (unsigned i = 0; i < lengths.clear; i++) {
        lengths.of[i] = 1;
    }
    clear_codes(&lengths);
    for (at++; at < scan->size; at++) {
        if (left == 0) {
            left = scan->bytes[at];
            if (left == 0) {
                break;
            }
            continue;
        }
        left--;
        gathered |= (uint32_t)scan->bytes[at] << bits;
        bits += 8;
        while (bits >= lengths.width) {
            unsigned width = lengths.width;
            if (!follow_code(&lengths, gathered & ((1U << width) - 1))) {
                return lengths.pixels;
            }
            gathered >>= width;
            bits -= width;
        }
    }
    return lengths.pixels;
}

/* The file ends inside the data of its first frame, whose descriptor is at `at`. Where most of it is there, the last
 * sub-block gets the length it has, and the ends that are missing follow. */
static bool end_in_frame(NtScan *scan, size_t at) {
    const uint8_t *bytes = scan->bytes;
    size_t data = scan->size - at < 11 ? scan->size : at + 10 + palette_size(bytes[at + 9]);
    if (data >= scan->size) {
        return nt_scan_cut_off(scan, 0);
    }
    uint64_t area = (uint64_t)nt_le16(bytes + at + 5) * nt_le16(bytes + at + 7);
    uint64_t percent = MIN(count_pixels(scan, data) * 100 / MAX(area, 1), 100);
    if (percent < scan->limits->photo_rows) {
        return nt_scan_cut_off(scan, 0);
    }
    size_t block = data + 1;
    while (block < scan->size && scan->size - block > bytes[block]) {
        block += (size_t)bytes[block] + 1;
    }
    size_t left = block < scan->size ? scan->size - block - 1 : 0;
    if (left >= 3) {
        memcpy(scan->cuts->patch,
               (const uint8_t[]){(uint8_t)left, bytes[block + 1], bytes[block + 2], bytes[block + 3]}, 4);
        scan->cuts->patch_at = block;
        block = scan->size;
    }
    scan->out->frames = 1;
    scan->out->percent = (uint32_t)percent;
    return nt_scan_cut_short(scan, 0, block, "\0\x3b", 2);
}

bool nt_scan_gif(NtScan *scan) {
    if (scan->size < 13) {
        return nt_scan_cut_off(scan, 0);
    }
    if (!nt_scan_set_size(scan, nt_le16(scan->bytes + 6), nt_le16(scan->bytes + 8))) {
        return false;
    }
    scan->out->frames = 0;
    size_t at = 13 + palette_size(scan->bytes[10]), begun = scan->size;
    while (at < scan->size) {
        begun = at;
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
    if (scan->out->frames > 0) { /* the first frame is there; what else was to come is not wanted */
        return nt_scan_cut_short(scan, 0, at == 0 ? begun : at, "\x3b", 1);
    }
    return begun < scan->size && scan->bytes[begun] == 0x2c ? end_in_frame(scan, begun) : nt_scan_cut_off(scan, 0);
}
