/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG (ITU-T T.81, annex B): a walk over the marker segments to the end-of-image marker. Inside the entropy-coded
 * data only 0xFF is looked for, which costs far less than decoding. A JPEG without its end is given one; how many of
 * its rows are there is found by decoding it.
 */
#include <string.h>

#include "image/scan-internal.h"

enum {
    MARKER_TEM = 0x01,
    MARKER_SOF0 = 0xc0,
    MARKER_DHT = 0xc4,
    MARKER_JPG = 0xc8,
    MARKER_DAC = 0xcc,
    MARKER_SOF15 = 0xcf,
    MARKER_RST0 = 0xd0,
    MARKER_RST7 = 0xd7,
    MARKER_SOI = 0xd8,
    MARKER_EOI = 0xd9,
    MARKER_SOS = 0xda,
    MARKER_APP0 = 0xe0,
    MARKER_APP15 = 0xef,
    MARKER_JPEG_LS = 0xf7,
    MARKER_COM = 0xfe,
};

static bool is_frame(uint8_t marker) {
    return marker == MARKER_JPEG_LS || (marker >= MARKER_SOF0 && marker <= MARKER_SOF15 && marker != MARKER_DHT &&
                                        marker != MARKER_JPG && marker != MARKER_DAC);
}

/* Kinds of coding that exist in the standard and in medicine, and that libjpeg-turbo does not read; NULL for others. */
static const char *rare_kind(uint8_t marker) {
    switch (marker) {
    case 0xc3:
    case 0xcb: return "lossless coding";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case 0xcd:
    case 0xce:
    case 0xcf: return "hierarchical coding";
    case MARKER_JPEG_LS: return "JPEG-LS";
    default: return NULL;
    }
}

/* SOFn: length, precision, height, width, components. */
static bool read_frame(NtScan *scan, uint8_t marker, const uint8_t *segment, size_t length) {
    if (scan->out->width != 0) {
        return nt_scan_damaged(scan, "two frame headers");
    }
    if (length < 8 || length < 8u + 3u * segment[7]) {
        return nt_scan_damaged(scan, "a frame header that is too short");
    }
    const char *kind = rare_kind(marker);
    if (kind != NULL) {
        return nt_scan_unsupported(scan, "%s, which browsers do not show either", kind);
    }
    if (segment[2] != 8) {
        return nt_scan_unsupported(scan, "%u bits a channel; 8 can be read", segment[2]);
    }
    if (segment[7] != 1 && segment[7] != 3 && segment[7] != 4) {
        return nt_scan_unsupported(scan, "%u channels; 1, 3 and 4 can be read", segment[7]);
    }
    if (nt_be16(segment + 3) == 0 && nt_be16(segment + 5) != 0) {
        return nt_scan_unsupported(scan, "its height stands behind the picture (a DNL segment)");
    }
    return nt_scan_set_size(scan, nt_be16(segment + 5), nt_be16(segment + 3));
}

/* Application segments: JFIF, Adobe's colour transform, EXIF and ICC are needed, all others are left out. */
static bool note_metadata(NtScan *scan, uint8_t marker, size_t at, size_t size) {
    static const struct {
        uint8_t marker, length;
        const char *name;
    } kept[] = {{MARKER_APP0, 4, "JFIF"},
                {MARKER_APP0 + 1, 6, "Exif\0"},
                {MARKER_APP0 + 2, 11, "ICC_PROFILE"},
                {MARKER_APP0 + 14, 5, "Adobe"}};
    if (marker != MARKER_COM && (marker < MARKER_APP0 || marker > MARKER_APP15)) {
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (marker == kept[i].marker && size >= 4u + kept[i].length &&
            memcmp(scan->bytes + at + 4, kept[i].name, kept[i].length) == 0) {
            if (marker == MARKER_APP0 + 1) {
                scan->out->orientation = nt_exif_orientation(scan->bytes + at + 4, size - 4);
            }
            return nt_scan_add_metadata(scan, size);
        }
    }
    return nt_scan_drop(scan, at, size);
}

/* The next marker that is not stuffing or a restart, searched from `at`; scan->size when there is none. */
static size_t skip_coded_data(const NtScan *scan, size_t at) {
    while (at + 1 < scan->size) {
        const uint8_t *found = memchr(scan->bytes + at, 0xff, scan->size - 1 - at);
        if (found == NULL) {
            return scan->size;
        }
        at = (size_t)(found - scan->bytes);
        uint8_t next = found[1];
        if (next == 0xff) {
            at++;
        } else if (next == 0 || next == MARKER_TEM || (next >= MARKER_RST0 && next <= MARKER_RST7)) {
            at += 2;
        } else {
            return at;
        }
    }
    return scan->size;
}

/* The file ends inside or behind what begins at `at`. Once picture data has come, that may do. */
static bool end_early(NtScan *scan, size_t at, uint64_t needed, bool coded) {
    return coded ? nt_scan_cut_short(scan, needed, at, "\xff\xd9", 2) : nt_scan_cut_off(scan, needed);
}

bool nt_scan_jpeg(NtScan *scan) {
    size_t at = 2;
    bool coded = false; /* a scan has begun */
    for (;;) {
        /* Stray bytes between segments are skipped up to the next marker, as libjpeg does with a warning. */
        at = skip_coded_data(scan, at);
        if (at + 2 > scan->size) {
            return end_early(scan, scan->size, 0, coded);
        }
        uint8_t marker = scan->bytes[at + 1];
        at += 2;
        if (marker == MARKER_EOI) {
            return coded || nt_scan_damaged(scan, "it holds no picture");
        }
        if (marker == MARKER_SOI) {
            return nt_scan_damaged(scan, "a second picture begins inside the first");
        }
        if (at + 2 > scan->size) {
            return end_early(scan, at - 2, 0, coded);
        }
        size_t length = nt_be16(scan->bytes + at);
        if (length < 2) {
            return nt_scan_damaged(scan, "a segment of impossible length");
        }
        if (length > scan->size - at) {
            return end_early(scan, at - 2, (uint64_t)at + length, coded);
        }
        if (is_frame(marker) && !read_frame(scan, marker, scan->bytes + at, length)) {
            return false;
        }
        if (!note_metadata(scan, marker, at - 2, length + 2)) {
            return false;
        }
        if (marker == MARKER_SOS) {
            if (scan->out->width == 0) {
                return nt_scan_damaged(scan, "picture data before the frame header");
            }
            coded = true;
        }
        at += length;
    }
}
