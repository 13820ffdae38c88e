/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WebP (RFC 9649): a RIFF file of chunks. A simple file holds one VP8 or VP8L stream; an extended one begins with VP8X,
 * which names the canvas, and may hold ANMF frames, whose boxes must lie inside the canvas.
 */
#include <string.h>

#include "image/scan-internal.h"

#define CHUNK(text) nt_le32((const uint8_t *)(text))

/* The stream's own idea of its size; what a decoder allocates by. */
static bool stream_size(const uint8_t *data, uint32_t length, bool lossless, uint32_t *width, uint32_t *height) {
    if (lossless) {
        if (length < 5 || data[0] != 0x2f) {
            return false;
        }
        uint32_t bits = nt_le32(data + 1);
        *width = (bits & 0x3fff) + 1;
        *height = (bits >> 14 & 0x3fff) + 1;
        return true;
    }
    /* A key frame: three bytes of frame tag, the start code, then 14 bits each with two bits of scale above. */
    if (length < 10 || (data[0] & 1) != 0 || memcmp(data + 3, "\x9d\x01\x2a", 3) != 0) {
        return false;
    }
    *width = nt_le16(data + 6) & 0x3fff;
    *height = nt_le16(data + 8) & 0x3fff;
    return true;
}

/* A VP8 or VP8L chunk: the whole picture, or (inside) the picture of one frame. */
static bool read_stream(NtScan *scan, const uint8_t *data, uint32_t length, bool lossless, bool inside) {
    uint32_t width, height;
    if (!stream_size(data, length, lossless, &width, &height)) {
        return nt_scan_damaged(scan, "its picture stream has no header");
    }
    if (inside || scan->out->width != 0) {
        if (!nt_scan_check_frame(scan, width, height)) {
            return false;
        }
        bool fits = width <= scan->out->width && height <= scan->out->height;
        return fits || nt_scan_damaged(scan, "its picture is larger than its canvas");
    }
    return nt_scan_set_size(scan, width, height);
}

/* ANMF: x/2, y/2, width - 1, height - 1, duration (24 bits each), flags, then the frame's own chunks. */
static bool read_frame(NtScan *scan, const uint8_t *data, uint32_t length) {
    if (length < 16 + 8) {
        return nt_scan_damaged(scan, "a frame that is too short");
    }
    uint64_t x = 2 * (uint64_t)nt_le24(data), y = 2 * (uint64_t)nt_le24(data + 3);
    uint64_t width = (uint64_t)nt_le24(data + 6) + 1, height = (uint64_t)nt_le24(data + 9) + 1;
    if (!nt_scan_check_frame(scan, width, height)) {
        return false;
    }
    if (x + width > scan->out->width || y + height > scan->out->height) {
        return nt_scan_damaged(scan, "a frame lies outside the canvas");
    }
    for (uint32_t at = 16; length - at >= 8;) {
        uint32_t type = nt_le32(data + at), size = nt_le32(data + at + 4);
        if (size > length - at - 8) {
            return nt_scan_damaged(scan, "a chunk reaches out of its frame");
        }
        bool lossless = type == CHUNK("VP8L");
        if ((lossless || type == CHUNK("VP8 ")) && !read_stream(scan, data + at + 8, size, lossless, true)) {
            return false;
        }
        at += MIN(8 + size + (size & 1), length - at);
    }
    return true;
}

static bool read_chunk(NtScan *scan, uint32_t type, size_t at, uint32_t length, bool *picture) {
    const uint8_t *data = scan->bytes + at + 8;
    if (type == CHUNK("VP8X")) {
        return length < 10 ? nt_scan_damaged(scan, "a VP8X chunk that is too short")
                           : nt_scan_set_size(scan, (uint64_t)nt_le24(data + 4) + 1, (uint64_t)nt_le24(data + 7) + 1);
    }
    if (type == CHUNK("VP8 ") || type == CHUNK("VP8L")) {
        *picture = true;
        return read_stream(scan, data, length, type == CHUNK("VP8L"), false);
    }
    if (type == CHUNK("ANMF")) {
        if (scan->out->width == 0) {
            return nt_scan_damaged(scan, "a frame before the canvas");
        }
        scan->out->frames += *picture;
        *picture = true;
        return read_frame(scan, data, length);
    }
    if (type == CHUNK("EXIF")) {
        scan->out->orientation = nt_exif_orientation(data, length);
    }
    if (type == CHUNK("ICCP") || type == CHUNK("EXIF") || type == CHUNK("XMP ")) {
        return nt_scan_add_metadata(scan, length);
    }
    return true;
}

/* The file ends behind its picture, inside or before something else, which begins at `at`. */
static bool end_early(NtScan *scan, size_t at) {
    uint32_t size = GUINT32_TO_LE((uint32_t)MIN(at, scan->size) - 8);
    scan->cuts->patch_at = 4;
    memcpy(scan->cuts->patch, &size, 4);
    return nt_scan_cut_short(scan, (uint64_t)nt_le32(scan->bytes + 4) + 8, at, "", 0);
}

bool nt_scan_webp(NtScan *scan) {
    uint64_t end = (uint64_t)nt_le32(scan->bytes + 4) + 8;
    size_t at = 12;
    bool picture = false, cut = end > scan->size;
    end = MIN(end, scan->size);
    while (at + 8 <= end) {
        uint32_t type = nt_le32(scan->bytes + at), length = nt_le32(scan->bytes + at + 4);
        if (length > end - at - 8) {
            /* Sizes are worth a look even in a torso: "too large" helps more than "cut off". */
            uint32_t width, height;
            bool stream = type == CHUNK("VP8 ") || type == CHUNK("VP8L");
            if (stream && scan->out->width == 0 &&
                stream_size(scan->bytes + at + 8, (uint32_t)(end - at - 8), type == CHUNK("VP8L"), &width, &height) &&
                !nt_scan_set_size(scan, width, height)) {
                return false;
            }
            if (cut && picture && !stream) {
                return end_early(scan, at);
            }
            return cut ? nt_scan_cut_off(scan, (uint64_t)nt_le32(scan->bytes + 4) + 8)
                       : nt_scan_damaged(scan, "a chunk reaches beyond the end");
        }
        if (!read_chunk(scan, type, at, length, &picture)) {
            return false;
        }
        at += (size_t)8 + length;
        at += length & 1 && at < end;
    }
    if (cut && picture) {
        return end_early(scan, at);
    }
    if (cut) {
        return nt_scan_cut_off(scan, (uint64_t)nt_le32(scan->bytes + 4) + 8);
    }
    return picture || nt_scan_damaged(scan, "it holds no picture");
}
