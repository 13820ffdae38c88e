/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AVIF and HEIC (ISO/IEC 23008-12 on ISO/IEC 14496-12): boxes of size, type and content. What is needed lies in
 * meta: pitm names the primary item, iprp/ipma lists its properties, and the property ispe in iprp/ipco is its size.
 * Every ispe is checked, the tiles' and thumbnails' too. The levels are fixed, so nothing here recurses.
 */
#include "image/scan-internal.h"

#define TYPE(text) nt_be32((const uint8_t *)(text))

/* The content of a box: bytes at .. end - 1 of the file. */
typedef struct Box {
    size_t at, end;
    uint32_t type;
} Box;

/* Reads the box that begins at *at inside `end` and moves *at behind it. False without an error when there is no room
 * for a header any more; false with *needed set when the box reaches beyond `end`. */
static bool next_box(const NtScan *scan, size_t *at, size_t end, Box *box, uint64_t *needed) {
    if (end - *at < 8) {
        return false;
    }
    const uint8_t *bytes = scan->bytes + *at;
    uint64_t size = nt_be32(bytes), head = 8;
    if (size == 1) {
        if (end - *at < 16) {
            return false;
        }
        size = nt_be64(bytes + 8);
        head = 16;
    } else if (size == 0) { /* to the end of the file */
        size = end - *at;
    }
    if (size < head || size > end - *at) {
        *needed = size < head ? UINT64_MAX : size > UINT64_MAX / 2 ? UINT64_MAX : *at + size;
        return false;
    }
    *box = (Box){*at + (size_t)head, *at + (size_t)size, nt_be32(bytes + 4)};
    *at += (size_t)size;
    return true;
}

/* The first child of `type` inside `parent`, whose content begins `skip` bytes in. */
static bool find_child(const NtScan *scan, const Box *parent, size_t skip, uint32_t type, Box *out) {
    size_t at = parent->at + skip;
    uint64_t needed = 0;
    Box box;
    while (at <= parent->end && next_box(scan, &at, parent->end, &box, &needed)) {
        if (box.type == type) {
            *out = box;
            return true;
        }
    }
    return false;
}

/* pitm: version and flags, then an item number of 16 or 32 bits. 0 when absent. */
static uint32_t primary_item(const NtScan *scan, const Box *meta) {
    Box pitm;
    if (!find_child(scan, meta, 4, TYPE("pitm"), &pitm) || pitm.end - pitm.at < 6) {
        return 0;
    }
    const uint8_t *bytes = scan->bytes + pitm.at;
    if (bytes[0] == 0) {
        return nt_be16(bytes + 4);
    }
    return pitm.end - pitm.at >= 8 ? nt_be32(bytes + 4) : 0;
}

/* Whether property number `index` (from 1) of ipco is an ispe, and its size. */
static bool size_of_property(const NtScan *scan, const Box *ipco, uint32_t index, uint32_t out[2]) {
    size_t at = ipco->at;
    uint64_t needed = 0;
    Box box;
    for (uint32_t i = 1; next_box(scan, &at, ipco->end, &box, &needed); i++) {
        if (i == index) {
            if (box.type != TYPE("ispe") || box.end - box.at < 12) {
                return false;
            }
            out[0] = nt_be32(scan->bytes + box.at + 4);
            out[1] = nt_be32(scan->bytes + box.at + 8);
            return true;
        }
    }
    return false;
}

/* ipma: version, flags, a count, then for each item its number, a count of associations and those, of 7 or 15 bits
 * below an "essential" bit. Finds the size of item `wanted`. */
static bool size_of_item(const NtScan *scan, const Box *ipma, const Box *ipco, uint32_t wanted, uint32_t out[2]) {
    if (ipma->end - ipma->at < 8) {
        return false;
    }
    const uint8_t *bytes = scan->bytes;
    bool wide_items = bytes[ipma->at] >= 1, wide = bytes[ipma->at + 3] & 1;
    uint32_t items = nt_be32(bytes + ipma->at + 4);
    size_t at = ipma->at + 8;
    for (uint32_t i = 0; i < items && ipma->end - at >= (wide_items ? 5u : 3u); i++) {
        uint32_t item = wide_items ? nt_be32(bytes + at) : nt_be16(bytes + at);
        at += wide_items ? 4 : 2;
        size_t count = bytes[at++], bytes_each = wide ? 2 : 1;
        if (ipma->end - at < count * bytes_each) {
            return false;
        }
        if (item != wanted) {
            at += count * bytes_each;
            continue;
        }
        for (size_t k = 0; k < count; k++) {
            uint32_t index = wide ? nt_be16(bytes + at + 2 * k) & 0x7fff : bytes[at + k] & 0x7f;
            if (size_of_property(scan, ipco, index, out)) {
                return true;
            }
        }
        return false; /* an item is listed once; going on would make the work quadratic */
    }
    return false;
}

static bool read_meta(NtScan *scan, const Box *meta) {
    Box iprp, ipco, ipma;
    if (meta->end - meta->at < 4 || !find_child(scan, meta, 4, TYPE("iprp"), &iprp) ||
        !find_child(scan, &iprp, 0, TYPE("ipco"), &ipco)) {
        return nt_scan_damaged(scan, "it names no picture");
    }
    size_t at = ipco.at;
    uint64_t needed = 0;
    uint32_t largest[2] = {0, 0}, size[2];
    for (Box box; next_box(scan, &at, ipco.end, &box, &needed);) {
        if (box.type == TYPE("colr")) {
            if (!nt_scan_add_metadata(scan, box.end - box.at)) {
                return false;
            }
        }
        if (box.type != TYPE("ispe") || box.end - box.at < 12) {
            continue;
        }
        size[0] = nt_be32(scan->bytes + box.at + 4);
        size[1] = nt_be32(scan->bytes + box.at + 8);
        if (!nt_scan_check_frame(scan, size[0], size[1])) {
            return false;
        }
        if ((uint64_t)size[0] * size[1] > (uint64_t)largest[0] * largest[1]) {
            largest[0] = size[0];
            largest[1] = size[1];
        }
    }
    bool named = find_child(scan, &iprp, 0, TYPE("ipma"), &ipma) &&
                 size_of_item(scan, &ipma, &ipco, primary_item(scan, meta), size);
    const uint32_t *chosen = named ? size : largest;
    if (chosen[0] == 0) {
        return nt_scan_damaged(scan, "it names no size");
    }
    return nt_scan_set_size(scan, chosen[0], chosen[1]);
}

bool nt_scan_heif(NtScan *scan) {
    size_t at = 0;
    uint64_t needed = 0;
    bool data = false;
    Box box;
    while (scan->size - at >= 8) {
        if (nt_be32(scan->bytes + at) == 0 && nt_be32(scan->bytes + at + 4) == TYPE("meta")) {
            return nt_scan_unsupported(scan, "its meta box has no size (0: up to the end of the file), which libheif "
                                             "does not read; save it anew");
        }
        if (!next_box(scan, &at, scan->size, &box, &needed)) {
            break;
        }
        if (box.type == TYPE("meta") && scan->out->width == 0 && !read_meta(scan, &box)) {
            return false;
        }
        /* The pixels are in mdat, or, if they are few, in meta. */
        Box idat;
        data |=
            box.type == TYPE("mdat") || (box.type == TYPE("meta") && find_child(scan, &box, 4, TYPE("idat"), &idat));
        if (box.type == TYPE("moov")) {
            scan->out->frames = 2;
        }
    }
    if (needed == UINT64_MAX) {
        return nt_scan_damaged(scan, "a box of impossible size");
    }
    if (needed > scan->size || at < scan->size || !data) {
        return nt_scan_cut_off(scan, needed);
    }
    return scan->out->width != 0 || nt_scan_damaged(scan, "it holds no still picture");
}
