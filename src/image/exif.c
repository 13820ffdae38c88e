/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thing wanted from EXIF (CIPA DC-008): tag 0x0112, orientation, in the first directory of the little TIFF
 * file that EXIF is. No pointer but the first is followed, so loops and offsets past the end lead nowhere; anything
 * odd is orientation 1.
 */
#include "image/scan-internal.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4 };

uint8_t nt_exif_orientation(const uint8_t *tiff, size_t size) {
    /* WebP and PNG files of some programs repeat JPEG's prefix. */
    if (size >= 6 && memcmp(tiff, "Exif\0\0", 6) == 0) {
        tiff += 6;
        size -= 6;
    }
    if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0)) {
        return 1;
    }
    bool little = tiff[0] == 'I';
    size_t at = little ? nt_le32(tiff + 4) : nt_be32(tiff + 4);
    if (at > size || size - at < 2) {
        return 1;
    }
    size_t count = little ? nt_le16(tiff + at) : nt_be16(tiff + at);
    count = MIN(count, (size - at - 2) / 12);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *entry = tiff + at + 2 + 12 * i;
        uint16_t tag = little ? nt_le16(entry) : nt_be16(entry);
        uint16_t type = little ? nt_le16(entry + 2) : nt_be16(entry + 2);
        if (tag == TAG_ORIENTATION && (type == TYPE_SHORT || type == TYPE_LONG)) {
            uint32_t value = type == TYPE_SHORT ? (little ? nt_le16(entry + 8) : nt_be16(entry + 8))
                                                : (little ? nt_le32(entry + 8) : nt_be32(entry + 8));
            return value >= 1 && value <= 8 ? (uint8_t)value : 1;
        }
    }
    return 1;
}
