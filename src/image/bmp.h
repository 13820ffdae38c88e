/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a BMP, read once for both ends: the scan checks sizes by it, the decode helper finds pixels by it.
 * Windows headers of 40 to 124 bytes and the two of OS/2; no library at hand reads the format.
 */
#ifndef NT_IMAGE_BMP_H
#define NT_IMAGE_BMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct NtBmp {
    uint64_t width, height;
    bool top_down;
    uint16_t bits;        /* a pixel: 1, 2, 4, 8, 16, 24, 32 */
    bool rle;             /* bits 4 or 8: run lengths */
    uint32_t masks[4];    /* bits 16 and 32: red, green, blue, alpha (0: opaque) */
    uint64_t palette;     /* bits up to 8: where it begins, */
    unsigned colours;     /* how many lie inside the file, */
    unsigned entry;       /* and bytes of each: 3 or 4, blue first */
    uint64_t data;        /* where the pixels begin; inside the file */
    uint64_t stride, row; /* not RLE: bytes from row to row, and bytes of a row that matter */
} NtBmp;

/* Whether a BMP begins here: "BM" and a header of a size there is. Two letters alone begin many a text. */
bool nt_bmp_sniff(const uint8_t *bytes, size_t size);

typedef enum NtBmpFault {
    NT_BMP_SOUND,
    NT_BMP_CUT_OFF,     /* the file ends before the pixels begin */
    NT_BMP_DAMAGED,     /* *what says how */
    NT_BMP_UNSUPPORTED, /* *what says why */
} NtBmpFault;

/* Reads the header of what nt_bmp_sniff has found. Sizes are as they claim: not checked. `what` is static text. */
NtBmpFault nt_bmp_read(const uint8_t *bytes, size_t size, NtBmp *out, const char **what);

#endif
