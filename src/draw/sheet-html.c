/* SPDX-License-Identifier: Apache-2.0 */
/* The sheet as one page: photos as data addresses, no script, light and dark, from a phone's width up. */
#include "draw/draw-internal.h"

#include <string.h>

static const char style[] =
    ":root{--ground:#fafafa;--surface:#fff;--ink:#18181b;--quiet:#71717a;--line:#e4e4e7;--accent:#0f766e}"
    "@media(prefers-color-scheme:dark){:root{--ground:#101012;--surface:#18181b;--ink:#f4f4f5;--quiet:#a1a1aa;"
    "--line:#2b2b30;--accent:#2dd4bf}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:1400px;padding:24px;background:var(--ground);color:var(--ink);"
    "font:14px/1.5 system-ui,\"Hiragino Sans\",\"Noto Sans JP\",sans-serif}"
    "h1{margin:0;font-size:28px;line-height:1.25}header p{margin:4px 0 0;color:var(--quiet)}"
    "article{display:grid;grid-template-columns:minmax(140px,200px) 1fr;gap:12px 36px;padding:24px 0;"
    "border-bottom:1px solid var(--line)}article:last-child{border:0}"
    "ol{list-style:none;margin:0;padding:0;display:grid;gap:12px;"
    "grid-template-columns:repeat(auto-fill,minmax(min(44vw,150px),1fr))}"
    "figure{margin:0;min-width:0}"
    ".frame{aspect-ratio:1;display:grid;grid-template:minmax(0,1fr)/minmax(0,1fr);place-items:center;"
    "overflow:hidden;background:var(--surface);color:var(--quiet);border:1px solid var(--line);border-radius:8px}"
    ".query .frame{border:2px solid var(--accent)}"
    ".frame img{width:100%;height:100%;object-fit:contain;display:block}"
    "figcaption{padding-top:6px;min-width:0}"
    "figcaption>*{display:block;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}"
    ".score{color:var(--quiet);font-size:12px}.score b{color:var(--ink);font-size:14px;margin-right:6px;"
    "font-variant-numeric:tabular-nums}.caption{color:var(--quiet);font-size:12px}"
    "figcaption .title{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;white-space:normal}"
    ".none{color:var(--quiet);align-self:center}"
    "@media(max-width:600px){body{padding:16px}article{grid-template-columns:1fr;gap:16px}"
    ".query{display:grid;grid-template-columns:132px 1fr;gap:12px;align-items:center}}";

static void append_escaped(GString *page, const char *text) {
    g_autofree char *escaped = g_markup_escape_text(text, -1);
    g_string_append(page, escaped);
}

/* The photo as a data address, or an empty frame. */
static bool append_photo(GString *page, NtDecoder *encoder, const SheetCell *cell, GError **error) {
    if (cell->photo == NULL) {
        g_string_append(page, "<div class=\"frame\">no photo</div>");
        return true;
    }
    g_autoptr(GBytes) jpeg = nt_image_encode(encoder, &cell->photo->pixels, NT_IMAGE_JPEG, 82, error);
    if (jpeg == NULL) {
        return false;
    }
    gsize size;
    const guchar *data = g_bytes_get_data(jpeg, &size);
    g_autofree char *text = g_base64_encode(data, size);
    g_string_append_printf(page, "<div class=\"frame\"><img width=\"%u\" height=\"%u\" loading=\"lazy\" alt=\"",
                           cell->photo->pixels.width, cell->photo->pixels.height);
    append_escaped(page, cell->title != NULL ? cell->title : "");
    g_string_append(page, "\" src=\"data:image/jpeg;base64,");
    g_string_append(page, text);
    g_string_append(page, "\"/></div>");
    return true;
}

static bool append_cell(GString *page, NtDecoder *encoder, const SheetCell *cell, const char *class, GError **error) {
    g_string_append_printf(page, "<figure class=\"%s\">", class);
    if (!append_photo(page, encoder, cell, error)) {
        return false;
    }
    g_string_append(page, "<figcaption>");
    if (cell->score >= 0) {
        char score[NT_REAL_BYTES];
        g_string_append_printf(page, "<span class=\"score\"><b>%s</b>%s</span>", nt_text_real(cell->score, 1, score),
                               cell->word != NULL ? cell->word : "");
    }
    const struct { const char *class, *text; } lines[] = {{"title", cell->title}, {"caption", cell->caption}};
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        if (lines[i].text != NULL) {
            g_string_append_printf(page, "<span class=\"%s\" dir=\"auto\" title=\"", lines[i].class);
            append_escaped(page, lines[i].text);
            g_string_append(page, "\">");
            append_escaped(page, lines[i].text);
            g_string_append(page, "</span>");
        }
    }
    g_string_append(page, "</figcaption></figure>\n");
    return true;
}

static bool append_row(GString *page, NtDecoder *encoder, const SheetRow *row, GError **error) {
    g_string_append(page, "<article>\n");
    if (!append_cell(page, encoder, &row->query, "query", error)) {
        return false;
    }
    g_string_append(page, row->results->len > 0 ? "<ol>\n" : "<p class=\"none\">Nothing is this alike.</p>\n");
    for (guint i = 0; i < row->results->len; i++) {
        g_string_append(page, "<li>");
        if (!append_cell(page, encoder, sheet_result(row, i), "result", error)) {
            return false;
        }
        g_string_append(page, "</li>\n");
    }
    g_string_append(page, row->results->len > 0 ? "</ol>\n</article>\n" : "</article>\n");
    return true;
}

bool sheet_write_html(const NtSheet *sheet, NtDecoder *encoder, const char *path, GError **error) {
    g_autoptr(GString) page = g_string_new("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                                           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
                                           "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                                           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                                           "img-src data:; style-src 'unsafe-inline'\"/>\n<title>");
    append_escaped(page, sheet->title);
    g_string_append_printf(page, "</title>\n<style>%s</style>\n</head>\n<body>\n<header><h1 dir=\"auto\">", style);
    append_escaped(page, sheet->title);
    g_string_append(page, "</h1>");
    if (sheet->subtitle != NULL) {
        g_string_append(page, "<p>");
        append_escaped(page, sheet->subtitle);
        g_string_append(page, "</p>");
    }
    g_string_append(page, "</header>\n<main>\n");
    for (guint i = 0; i < sheet->rows->len; i++) {
        if (!append_row(page, encoder, sheet_row(sheet, i), error)) {
            return false;
        }
    }
    g_string_append(page, "</main>\n</body>\n</html>\n");
    return nt_file_write(path, page->str, page->len, error);
}
