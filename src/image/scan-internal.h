/* SPDX-License-Identifier: Apache-2.0 */
/* What the header scans of the formats share: bounded reading, and how they report. Inside image only. */
#ifndef NT_IMAGE_SCAN_INTERNAL_H
#define NT_IMAGE_SCAN_INTERNAL_H

#include <string.h>

#include "image/image.h"

/* Stretches of the file that no decoder of pixels needs (texts, XMP, previews, vendor data). They are left out when the
 * photo is handed to the helper, so that what hides in them reaches no library, and do not count as metadata.
 * In ascending order, not touching. When the table is full, further stretches stay in and count. */
enum { NT_MAX_CUTS = 64, NT_MAX_TAIL = 16 };
typedef struct NtCuts {
    unsigned count;
    struct {
        size_t at, size;
    } cut[NT_MAX_CUTS];
    /* What makes a file whose end is missing whole for its decoder: four bytes written over those at `patch_at` (0:
     * none), and a tail. */
    size_t patch_at;
    uint8_t patch[4], tail[NT_MAX_TAIL];
    unsigned tail_size;
} NtCuts;

/* A scan in progress. Each format's scan fills `out` as it goes and calls the checks below as soon as it knows a
 * number, so that a liar is refused before the rest is read. */
typedef struct NtScan {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    const NtLimits *limits;
    NtImageHeader *out;
    NtCuts *cuts;
    GError **error;
} NtScan;

/* nt_image_scan, which also says what to leave out. */
bool nt_scan_with_cuts(const void *bytes, size_t size, const char *name, const NtLimits *limits, NtImageHeader *out,
                       NtCuts *out_cuts, GError **error);

static inline uint16_t nt_be16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint16_t nt_le16(const uint8_t *at) { return (uint16_t)(at[1] << 8 | at[0]); }
static inline uint32_t nt_le24(const uint8_t *at) { return (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0]; }
static inline uint32_t nt_be32(const uint8_t *at) { return (uint32_t)nt_be16(at) << 16 | nt_be16(at + 2); }
static inline uint32_t nt_le32(const uint8_t *at) { return (uint32_t)nt_le16(at + 2) << 16 | nt_le16(at); }
static inline uint64_t nt_be64(const uint8_t *at) { return (uint64_t)nt_be32(at) << 32 | nt_be32(at + 4); }
static inline uint64_t nt_le64(const uint8_t *at) { return (uint64_t)nt_le32(at + 4) << 32 | nt_le32(at); }
static inline void nt_put_be32(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* 50000000 as "50,000,000" in `out`, which is returned. */
const char *nt_scan_grouped(uint64_t number, char out[32]);

/* Notes the picture's own size; refuses zero sides and what is over photo-side or photo-pixels. */
bool nt_scan_set_size(NtScan *scan, uint64_t width, uint64_t height);
/* Checks the box of a frame that is not the picture's own (GIF, WebP animation, AVIF item) in the same way. */
bool nt_scan_check_frame(NtScan *scan, uint64_t width, uint64_t height);
/* Adds bytes of metadata; refuses what is over photo-metadata. */
bool nt_scan_add_metadata(NtScan *scan, uint64_t bytes);
/* Leaves out `size` bytes from `at`; when it can not, they count as metadata. */
bool nt_scan_drop(NtScan *scan, size_t at, size_t size);
/* Refuses a photo of which `needed` bytes were promised and fewer came; `needed` 0: unknown how many. */
bool nt_scan_cut_off(NtScan *scan, uint64_t needed);
/* Takes a photo whose file ends early, all of it from `at` on being useless, and whose decoder wants `tail` to be
 * content; refuses it like the above when the limit photo-rows wants it whole. */
bool nt_scan_cut_short(NtScan *scan, uint64_t needed, size_t at, const void *tail, unsigned tail_size);
/* Refuses a photo that breaks its format: "NAME: a damaged JPEG: WHAT". */
bool nt_scan_damaged(NtScan *scan, const char *what);
/* Refuses a sound photo of a kind that is not read: "NAME: a TIFF that cannot be read: WHAT". */
bool nt_scan_unsupported(NtScan *scan, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The orientation that EXIF data (a small TIFF file, "Exif\0\0" before it or not) asks for: 1 to 8; 1 for any doubt. */
uint8_t nt_exif_orientation(const uint8_t *tiff, size_t size);

bool nt_scan_jpeg(NtScan *scan);
bool nt_scan_png(NtScan *scan);
bool nt_scan_webp(NtScan *scan);
bool nt_scan_gif(NtScan *scan);
bool nt_scan_tiff(NtScan *scan);
bool nt_scan_bmp(NtScan *scan);
bool nt_scan_heif(NtScan *scan); /* AVIF and HEIC: ISO base media files */

#endif
