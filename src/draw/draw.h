/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw: pictures of answers, for people who would rather look than read. A contact sheet has a row for each query: its
 * photo on the left, what looks like it on the right, with scores. The only room that knows cairo and pango.
 */
#ifndef NT_DRAW_H
#define NT_DRAW_H

#include "base/base.h"
#include "image/image.h"

typedef struct NtSheet NtSheet;

/* One photo with what is said about it. Texts are copied, photos are reduced to thumbnails. */
typedef struct NtSheetCell {
    const NtPixels *photo; /* NULL: an empty frame */
    const char *title;     /* foreign text, NULL: none */
    const char *caption;   /* a second, quieter line; NULL: none */
    double score;          /* 0 .. 100; negative: none */
    const char *word;      /* "very alike"; NULL: none */
} NtSheetCell;

enum { NT_SHEET_ROWS = 1000, NT_SHEET_RESULTS = 20 }; /* the most a sheet takes */

/* `subtitle` may be NULL. Not thread-safe. */
NtSheet *nt_sheet_new(const char *title, const char *subtitle);
void nt_sheet_free(NtSheet *sheet);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtSheet, nt_sheet_free)

/* Adds a row; results beyond NT_SHEET_RESULTS are left out. Errors: LIMIT (too many rows), NO_MEMORY. */
bool nt_sheet_add(NtSheet *sheet, const NtSheetCell *query, const NtSheetCell *results, size_t count, GError **error);

/* Writes the sheet: a picture when `path` ends in .png, a page that needs nothing else when it ends in .html.
 * `encoder` turns the page's photos into JPEG. Errors: INVALID (another ending), LIMIT (a picture over 32,767 pixels
 * high), NO_SPACE, IO. */
bool nt_sheet_write(NtSheet *sheet, NtDecoder *encoder, const char *path, GError **error);

#endif
