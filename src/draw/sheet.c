/* SPDX-License-Identifier: Apache-2.0 */
#include "draw/draw-internal.h"

#include <string.h>

/* Foreign text as people should see it: control characters are spaces, marks that turn the direction of what follows
 * are left out, joiners (of emoji, of Persian letters) stay. At most `limit` characters, then an ellipsis. */
static char *clean_text(const char *text, size_t limit) {
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, 8 * limit)); /* 8: no character is longer */
    g_autoptr(GString) out = g_string_new(NULL);
    size_t count = 0;
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        GUnicodeType type = g_unichar_type(c);
        if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
            continue;
        }
        if (count++ == limit) {
            g_string_append(out, "\xe2\x80\xa6");
            break;
        }
        bool space =
            type == G_UNICODE_CONTROL || type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR;
        g_string_append_unichar(out, space ? ' ' : c);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void clear_cell(void *data) {
    SheetCell *cell = data;
    g_clear_pointer(&cell->photo, nt_picture_free);
    g_free(cell->title);
    g_free(cell->caption);
    g_free(cell->word);
}

static void free_row(void *data) {
    SheetRow *row = data;
    clear_cell(&row->query);
    g_clear_pointer(&row->results, g_array_unref);
    g_free(row);
}

NtSheet *nt_sheet_new(const char *title, const char *subtitle) {
    NtSheet *sheet = g_new0(NtSheet, 1);
    sheet->title = clean_text(title, 200);
    sheet->subtitle = subtitle != NULL ? clean_text(subtitle, 400) : NULL;
    sheet->rows = g_ptr_array_new_with_free_func(free_row);
    return sheet;
}

void nt_sheet_free(NtSheet *sheet) {
    if (sheet != NULL) {
        g_free(sheet->title);
        g_free(sheet->subtitle);
        g_ptr_array_unref(sheet->rows);
        g_free(sheet);
    }
}

static bool copy_cell(const NtSheetCell *from, SheetCell *out, GError **error) {
    *out = (SheetCell){.score = from->score};
    if (from->photo != NULL) {
        out->photo = nt_image_thumbnail(from->photo, SHEET_THUMBNAIL, error);
        if (out->photo == NULL) {
            return false;
        }
    }
    out->title = from->title != NULL ? clean_text(from->title, 200) : NULL;
    out->caption = from->caption != NULL ? clean_text(from->caption, 200) : NULL;
    out->word = g_strdup(from->word);
    return true;
}

bool nt_sheet_add(NtSheet *sheet, const NtSheetCell *query, const NtSheetCell *results, size_t count, GError **error) {
    if (sheet->rows->len >= NT_SHEET_ROWS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "a sheet takes at most %d rows", NT_SHEET_ROWS);
    }
    SheetRow *row = g_new0(SheetRow, 1);
    row->results = g_array_new(FALSE, TRUE, sizeof(SheetCell));
    g_array_set_clear_func(row->results, clear_cell);
    bool ok = copy_cell(query, &row->query, error);
    for (size_t i = 0; ok && i < MIN(count, (size_t)NT_SHEET_RESULTS); i++) {
        SheetCell cell;
        ok = copy_cell(&results[i], &cell, error);
        if (ok) {
            g_array_append_val(row->results, cell);
        }
    }
    if (!ok) {
        free_row(row);
        return false;
    }
    g_ptr_array_add(sheet->rows, row);
    return true;
}

bool nt_sheet_write(NtSheet *sheet, NtDecoder *encoder, const char *path, GError **error) {
    if (g_str_has_suffix(path, ".png")) {
        return sheet_write_png(sheet, path, error);
    }
    if (g_str_has_suffix(path, ".html")) {
        return sheet_write_html(sheet, encoder, path, error);
    }
    return nt_fail(error, NITERU_ERROR_INVALID, "%s: a sheet is written as .png or .html", path);
}
