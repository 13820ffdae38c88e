/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG (ISO/IEC 15948): a walk over the chunks from IHDR to IEND. The checksum of IHDR, PLTE, tRNS and IDAT is
 * verified, because libpng lets a damaged IDAT pass when what it holds still unpacks. Texts and animation frames are
 * left out: a decompression bomb in zTXt or iTXt is never unpacked.
 */
#include <string.h>

#include <zlib.h>

#include "image/scan-internal.h"

#define CHUNK(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static bool is_checked(uint32_t type) {
    return type == CHUNK('I', 'H', 'D', 'R') || type == CHUNK('P', 'L', 'T', 'E') ||
           type == CHUNK('I', 'D', 'A', 'T') || type == CHUNK('t', 'R', 'N', 'S');
}

/* What the decoder needs or what counts as metadata; anything else is left out. */
static bool note_chunk(NtScan *scan, uint32_t type, size_t at, uint32_t length) {
    switch (type) {
    case CHUNK('I', 'H', 'D', 'R'):
    case CHUNK('P', 'L', 'T', 'E'):
    case CHUNK('I', 'D', 'A', 'T'):
    case CHUNK('I', 'E', 'N', 'D'):
    case CHUNK('t', 'R', 'N', 'S'):
    case CHUNK('g', 'A', 'M', 'A'):
    case CHUNK('c', 'H', 'R', 'M'):
    case CHUNK('s', 'R', 'G', 'B'): return true;
    case CHUNK('e', 'X', 'I', 'f'):
        scan->out->orientation = nt_exif_orientation(scan->bytes + at + 8, length);
        return nt_scan_drop(scan, at, (size_t)length + 12);
    case CHUNK('i', 'C', 'C', 'P'): return nt_scan_add_metadata(scan, length);
    case CHUNK('a', 'c', 'T', 'L'):
        if (length >= 4 && nt_be32(scan->bytes + at + 8) > 1) {
            scan->out->frames = 2;
        }
        break;
    default: break;
    }
    return nt_scan_drop(scan, at, (size_t)length + 12);
}

static bool read_header(NtScan *scan, const uint8_t *data, uint32_t length) {
    if (length != 13) {
        return nt_scan_damaged(scan, "its IHDR chunk is not 13 bytes");
    }
    return nt_scan_set_size(scan, nt_be32(data), nt_be32(data + 4));
}

/* The file ends inside the chunk at `at`. Picture data is kept as far as it goes: the chunk gets the length it has and
 * a checksum to match. Anything else is left out. IEND follows. */
static bool end_early(NtScan *scan, size_t at, uint64_t needed, bool data) {
    static const uint8_t end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    size_t left = scan->size - at;
    const uint8_t *chunk = scan->bytes + at;
    if (left <= 8 || nt_be32(chunk + 4) != CHUNK('I', 'D', 'A', 'T') || left > INT32_MAX) {
        return data ? nt_scan_cut_short(scan, needed, at, end, sizeof end) : nt_scan_cut_off(scan, needed);
    }
    uint32_t length = (uint32_t)MIN(left - 8, nt_be32(chunk)); /* less than `left` when the checksum itself is cut */
    uint8_t tail[4 + sizeof end];
    nt_put_be32(tail, (uint32_t)crc32_z(0, chunk + 4, (size_t)length + 4));
    memcpy(tail + 4, end, sizeof end);
    scan->cuts->patch_at = at;
    nt_put_be32(scan->cuts->patch, length);
    return nt_scan_cut_short(scan, needed, at + 8 + length, tail, sizeof tail);
}

bool nt_scan_png(NtScan *scan) {
    size_t at = 8;
    bool data = false;
    for (;;) {
        if (scan->size - at < 12) {
            return end_early(scan, at, 0, data);
        }
        const uint8_t *chunk = scan->bytes + at;
        uint32_t length = nt_be32(chunk), type = nt_be32(chunk + 4);
        if (length > INT32_MAX) {
            return nt_scan_damaged(scan, "a chunk of impossible length");
        }
        /* The size comes first and is checked before a missing rest is complained about. */
        if (at == 8 && type != CHUNK('I', 'H', 'D', 'R')) {
            return nt_scan_damaged(scan, "it does not begin with IHDR");
        }
        if (length > scan->size - at - 12) {
            return end_early(scan, at, (uint64_t)at + length + 12, data);
        }
        if (is_checked(type) && (uint32_t)crc32_z(0, chunk + 4, (size_t)length + 4) != nt_be32(chunk + 8 + length)) {
            return nt_scan_damaged(scan, "the checksum of a chunk is wrong");
        }
        if (at == 8 && !read_header(scan, chunk + 8, length)) {
            return false;
        }
        if (!note_chunk(scan, type, at, length)) {
            return false;
        }
        data |= type == CHUNK('I', 'D', 'A', 'T');
        if (type == CHUNK('I', 'E', 'N', 'D')) {
            return data || nt_scan_damaged(scan, "it holds no picture");
        }
        at += (size_t)length + 12;
    }
}
