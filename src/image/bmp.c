/* SPDX-License-Identifier: Apache-2.0 */
#include "image/bmp.h"

#include "image/scan-internal.h"

enum {
    FILE_HEADER = 14,
    CORE_HEADER = 12,
    INFO_HEADER = 40,
    V2_HEADER = 52, /* with masks */
    V3_HEADER = 56, /* with the mask of alpha */
    OS2_HEADER = 64,
    V4_HEADER = 108,
    V5_HEADER = 124,
};

typedef enum Compression {
    BMP_RGB,
    BMP_RLE8,
    BMP_RLE4,
    BMP_BITFIELDS, /* in a header of OS/2: Huffman */
    BMP_JPEG,      /* in a header of OS/2: run lengths of 24 bits */
    BMP_PNG,
    BMP_ALPHA_BITFIELDS,
} Compression;

/* OS/2 2.x allows its header to be cut short anywhere from 16 bytes on; 40 is Windows'. */
static bool is_os2(uint32_t header) { return header >= 16 && header <= OS2_HEADER && header != INFO_HEADER; }
static bool is_windows(uint32_t header) {
    return header == INFO_HEADER || header == V2_HEADER || header == V3_HEADER || header == V4_HEADER ||
           header == V5_HEADER;
}

bool nt_bmp_sniff(const uint8_t *bytes, size_t size) {
    if (size < FILE_HEADER + CORE_HEADER || memcmp(bytes, "BM", 2) != 0) {
        return false;
    }
    uint32_t header = nt_le32(bytes + FILE_HEADER);
    if (header == CORE_HEADER) {
        return nt_le16(bytes + FILE_HEADER + 8) == 1;
    }
    return (is_windows(header) || is_os2(header)) && size >= FILE_HEADER + 16 && nt_le16(bytes + FILE_HEADER + 12) == 1;
}

typedef struct Header {
    const uint8_t *bytes; /* of the second header */
    uint32_t size, compression, colours;
    size_t masks; /* bytes of masks behind the header */
} Header;

static uint32_t field(const Header *header, uint32_t at) {
    return at + 4 <= header->size ? nt_le32(header->bytes + at) : 0;
}

static void read_sizes(Header *header, NtBmp *out) {
    const uint8_t *bytes = header->bytes;
    if (header->size == CORE_HEADER) {
        out->width = nt_le16(bytes + 4);
        out->height = nt_le16(bytes + 6);
        out->bits = nt_le16(bytes + 10);
        out->entry = 3;
        return;
    }
    int64_t width = (int32_t)nt_le32(bytes + 4), height = (int32_t)nt_le32(bytes + 8);
    out->top_down = height < 0;
    out->width = (uint64_t)MAX(width, 0);
    out->height = (uint64_t)ABS(height);
    out->bits = nt_le16(bytes + 14);
    out->entry = 4;
    header->compression = field(header, 16);
    header->colours = field(header, 32);
}

static NtBmpFault check_kind(const Header *header, const NtBmp *out, const char **what) {
    if (is_os2(header->size) && !is_windows(header->size) && header->compression >= BMP_BITFIELDS) {
        *what = "OS/2's Huffman or 24-bit run-length compression";
        return NT_BMP_UNSUPPORTED;
    }
    if (header->compression == BMP_JPEG || header->compression == BMP_PNG) {
        *what = "a JPEG or PNG inside, which is meant for printers";
        return NT_BMP_UNSUPPORTED;
    }
    if (header->compression > BMP_ALPHA_BITFIELDS) {
        *what = "an unknown compression";
        return NT_BMP_UNSUPPORTED;
    }
    bool masked = header->compression == BMP_BITFIELDS || header->compression == BMP_ALPHA_BITFIELDS;
    bool fits = out->bits == 1 || out->bits == 2 || out->bits == 4 || out->bits == 8 || out->bits == 16 ||
                out->bits == 24 || out->bits == 32;
    fits = fits && (header->compression != BMP_RLE8 || out->bits == 8) &&
           (header->compression != BMP_RLE4 || out->bits == 4) && (!masked || out->bits == 16 || out->bits == 32);
    if (!fits || (out->rle && out->top_down)) {
        *what = "its bits a pixel do not go with its compression";
        return NT_BMP_DAMAGED;
    }
    return NT_BMP_SOUND;
}

/* Masks lie inside the larger headers, behind the smaller one. */
static NtBmpFault read_masks(Header *header, size_t room, NtBmp *out, const char **what) {
    static const uint32_t usual[2][4] = {{0x7c00, 0x03e0, 0x001f, 0}, {0xff0000, 0xff00, 0xff, 0}};
    if (header->compression != BMP_BITFIELDS && header->compression != BMP_ALPHA_BITFIELDS) {
        memcpy(out->masks, usual[out->bits == 32], sizeof out->masks);
        return NT_BMP_SOUND;
    }
    unsigned count = header->compression == BMP_ALPHA_BITFIELDS || header->size >= V3_HEADER ? 4 : 3;
    size_t end = INFO_HEADER + 4 * (size_t)count;
    header->masks = end > header->size ? end - header->size : 0;
    if (end > room) {
        return NT_BMP_CUT_OFF;
    }
    uint64_t seen = 0;
    for (unsigned i = 0; i < count; i++) {
        uint32_t mask = nt_le32(header->bytes + INFO_HEADER + 4 * i);
        uint64_t ones = mask == 0 ? 0 : mask >> __builtin_ctz(mask);
        if ((ones & (ones + 1)) != 0 || (seen & mask) != 0 || (out->bits == 16 && mask > 0xffff)) {
            *what = "its colour masks have gaps or overlap";
            return NT_BMP_DAMAGED;
        }
        seen |= mask;
        out->masks[i] = mask;
    }
    return NT_BMP_SOUND;
}

NtBmpFault nt_bmp_read(const uint8_t *bytes, size_t size, NtBmp *out, const char **what) {
    Header header = {.bytes = bytes + FILE_HEADER, .size = nt_le32(bytes + FILE_HEADER)};
    *out = (NtBmp){0};
    if (header.size > size - FILE_HEADER) {
        return NT_BMP_CUT_OFF;
    }
    read_sizes(&header, out);
    out->rle = header.compression == BMP_RLE8 || header.compression == BMP_RLE4;
    NtBmpFault fault = check_kind(&header, out, what);
    if (fault == NT_BMP_SOUND) {
        fault = read_masks(&header, size - FILE_HEADER, out, what);
    }
    if (fault != NT_BMP_SOUND) {
        return fault;
    }
    out->palette = (uint64_t)FILE_HEADER + header.size + header.masks;
    out->data = nt_le32(bytes + 10);
    uint64_t colours = out->bits > 8 ? 0 : header.colours == 0 ? 1U << out->bits : MIN(header.colours, 256);
    if (out->data < out->palette) { /* some writers leave it 0 */
        out->data = out->palette + colours * out->entry;
    }
    /* A palette that runs into the pixels or out of the file ends there. */
    out->colours = (unsigned)MIN(colours, (out->data - out->palette) / out->entry);
    out->row = (out->width * out->bits + 7) / 8;
    out->stride = (out->width * out->bits + 31) / 32 * 4;
    return out->data < size ? NT_BMP_SOUND : NT_BMP_CUT_OFF;
}
