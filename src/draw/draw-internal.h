/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NT_DRAW_INTERNAL_H
#define NT_DRAW_INTERNAL_H

#include "draw/draw.h"

enum { SHEET_THUMBNAIL = 360 }; /* pixels of the longer side: twice the size shown */

typedef struct SheetCell {
    NtPicture *photo; /* NULL: none */
    char *title, *caption, *word;
    double score;
} SheetCell;

typedef struct SheetRow {
    SheetCell query;
    GArray *results; /* SheetCell */
} SheetRow;

struct NtSheet {
    char *title, *subtitle;
    GPtrArray *rows; /* SheetRow */
};

static inline const SheetRow *sheet_row(const NtSheet *sheet, guint i) { return g_ptr_array_index(sheet->rows, i); }
static inline const SheetCell *sheet_result(const SheetRow *row, guint i) {
    return &g_array_index(row->results, SheetCell, i);
}

bool sheet_write_png(const NtSheet *sheet, const char *path, GError **error);
bool sheet_write_html(const NtSheet *sheet, NtDecoder *encoder, const char *path, GError **error);

#endif
