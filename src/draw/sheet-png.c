/* SPDX-License-Identifier: Apache-2.0 */
/* The sheet as a picture: cairo for the surface, pango for text, so that every script finds a font. */
#include "draw/draw-internal.h"

#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

/* Measures in pixels. */
enum {
    MARGIN = 40,
    HEADER = 76,
    FRAME = 180, /* a photo's square */
    GAP = 20,
    QUERY_GAP = 36, /* between the query and its results */
    TEXT = 76,      /* four lines under a photo */
    ROW_GAP = 24,
    MAX_SIDE = 32767, /* cairo's */
};

typedef struct Colour {
    double red, green, blue;
} Colour;

static const Colour ground = {0.980, 0.980, 0.980}, surface = {1, 1, 1}, line = {0.894, 0.894, 0.906},
                    accent = {0.059, 0.463, 0.431};

/* How a text looks. */
typedef struct Style {
    const char *font;
    Colour colour;
    int lines; /* the most it takes; the rest becomes an ellipsis */
    bool centred;
} Style;

#define INK                                                                                                            \
    { 0.094, 0.094, 0.106 }
#define QUIET                                                                                                          \
    { 0.443, 0.443, 0.478 }
static const Style heading = {"Sans Bold 16", INK, 1, false}, subheading = {"Sans 10", QUIET, 1, false},
                   score_style = {"Sans Bold 10", INK, 1, false}, word_style = {"Sans 9", QUIET, 1, false},
                   title_style = {"Sans 9", INK, 2, false}, caption_style = {"Sans 8", QUIET, 1, false},
                   empty_style = {"Sans 9", QUIET, 1, true};

static void set_colour(cairo_t *cr, Colour colour) { cairo_set_source_rgb(cr, colour.red, colour.green, colour.blue); }

/* What a text took up, in pixels. */
typedef struct Extent {
    int width, height;
} Extent;

/* A text whose top left corner is (x, y), in lines of `width`. */
static Extent draw_text(cairo_t *cr, double x, double y, double width, const Style *style, const char *text) {
    PangoLayout *layout = pango_cairo_create_layout(cr);
    PangoFontDescription *description = pango_font_description_from_string(style->font);
    pango_layout_set_font_description(layout, description);
    pango_layout_set_text(layout, text, -1);
    pango_layout_set_single_paragraph_mode(layout, TRUE);
    pango_layout_set_width(layout, (int)(width * PANGO_SCALE));
    pango_layout_set_height(layout, -style->lines);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
    pango_layout_set_alignment(layout, style->centred ? PANGO_ALIGN_CENTER : PANGO_ALIGN_LEFT);
    set_colour(cr, style->colour);
    cairo_move_to(cr, x, y);
    pango_cairo_show_layout(cr, layout);
    Extent used;
    pango_layout_get_pixel_size(layout, &used.width, &used.height);
    pango_font_description_free(description);
    g_object_unref(layout);
    return used;
}

static void round_rectangle(cairo_t *cr, double x, double y, double side, double radius) {
    cairo_new_sub_path(cr);
    cairo_arc(cr, x + side - radius, y + radius, radius, -G_PI / 2, 0);
    cairo_arc(cr, x + side - radius, y + side - radius, radius, 0, G_PI / 2);
    cairo_arc(cr, x + radius, y + side - radius, radius, G_PI / 2, G_PI);
    cairo_arc(cr, x + radius, y + radius, radius, G_PI, 3 * G_PI / 2);
    cairo_close_path(cr);
}

/* RGB bytes as cairo's native-endian 32-bit pixels. */
static cairo_surface_t *surface_of(const NtPixels *pixels) {
    cairo_surface_t *out = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)pixels->width, (int)pixels->height);
    if (cairo_surface_status(out) != CAIRO_STATUS_SUCCESS) {
        return out;
    }
    uint8_t *data = cairo_image_surface_get_data(out);
    int stride = cairo_image_surface_get_stride(out);
    for (uint32_t y = 0; y < pixels->height; y++) {
        const uint8_t *from = pixels->rgb + y * pixels->stride;
        for (uint32_t x = 0; x < pixels->width; x++) {
            uint32_t value = (uint32_t)from[3 * x] << 16 | (uint32_t)from[3 * x + 1] << 8 | from[3 * x + 2];
            memcpy(data + (size_t)y * (size_t)stride + 4 * (size_t)x, &value, 4);
        }
    }
    cairo_surface_mark_dirty(out);
    return out;
}

/* A photo in its square, letterboxed. */
static void draw_photo(cairo_t *cr, double x, double y, const NtPicture *photo, bool chosen) {
    cairo_save(cr);
    round_rectangle(cr, x, y, FRAME, 8);
    set_colour(cr, surface);
    cairo_fill_preserve(cr);
    cairo_clip(cr);
    if (photo != NULL) {
        cairo_surface_t *picture = surface_of(&photo->pixels);
        double scale = FRAME / (double)MAX(photo->pixels.width, photo->pixels.height);
        cairo_translate(cr, x + (FRAME - photo->pixels.width * scale) / 2,
                        y + (FRAME - photo->pixels.height * scale) / 2);
        cairo_scale(cr, scale, scale);
        cairo_set_source_surface(cr, picture, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BEST);
        cairo_paint(cr);
        cairo_surface_destroy(picture);
    }
    cairo_restore(cr);
    round_rectangle(cr, x + 0.5, y + 0.5, FRAME - 1, 8);
    set_colour(cr, chosen ? accent : line);
    cairo_set_line_width(cr, chosen ? 2 : 1);
    cairo_stroke(cr);
    if (photo == NULL) {
        draw_text(cr, x, y + FRAME / 2.0 - 8, FRAME, &empty_style, "no photo");
    }
}

static void draw_cell(cairo_t *cr, double x, double y, const SheetCell *cell, bool chosen) {
    draw_photo(cr, x, y, cell->photo, chosen);
    double at = y + FRAME + 6;
    if (cell->score >= 0) {
        char score[NT_REAL_BYTES];
        int used = draw_text(cr, x, at, 48, &score_style, nt_text_real(cell->score, 1, score)).width;
        draw_text(cr, x + used + 8, at, FRAME - used - 8, &word_style, cell->word != NULL ? cell->word : "");
        at += 19;
    }
    if (cell->title != NULL) {
        at += draw_text(cr, x, at, FRAME, &title_style, cell->title).height + 2;
    }
    if (cell->caption != NULL) {
        draw_text(cr, x, at, FRAME, &caption_style, cell->caption);
    }
}

static unsigned most_results(const NtSheet *sheet) {
    unsigned most = 1;
    for (guint i = 0; i < sheet->rows->len; i++) {
        most = MAX(most, sheet_row(sheet, i)->results->len);
    }
    return most;
}

static void draw_sheet(cairo_t *cr, const NtSheet *sheet, int width) {
    set_colour(cr, ground);
    cairo_paint(cr);
    draw_text(cr, MARGIN, 28, width - 2 * MARGIN, &heading, sheet->title);
    if (sheet->subtitle != NULL) {
        draw_text(cr, MARGIN, 58, width - 2 * MARGIN, &subheading, sheet->subtitle);
    }
    for (guint i = 0; i < sheet->rows->len; i++) {
        const SheetRow *row = sheet_row(sheet, i);
        double y = MARGIN / 2.0 + HEADER + (double)i * (FRAME + TEXT + ROW_GAP);
        draw_cell(cr, MARGIN, y, &row->query, true);
        if (row->results->len == 0) {
            draw_text(cr, MARGIN + FRAME + QUERY_GAP, y + FRAME / 2.0 - 8, FRAME, &empty_style,
                      "nothing is this alike");
        }
        for (guint r = 0; r < row->results->len; r++) {
            draw_cell(cr, MARGIN + FRAME + QUERY_GAP + r * (FRAME + GAP), y, sheet_result(row, r), false);
        }
    }
}

static cairo_status_t append_bytes(void *data, const unsigned char *bytes, unsigned count) {
    g_byte_array_append(data, bytes, count);
    return CAIRO_STATUS_SUCCESS;
}

bool sheet_write_png(const NtSheet *sheet, const char *path, GError **error) {
    unsigned results = most_results(sheet);
    int width = 2 * MARGIN + FRAME + QUERY_GAP + (int)results * (FRAME + GAP) - GAP;
    int height = 2 * MARGIN + HEADER + (int)sheet->rows->len * (FRAME + TEXT + ROW_GAP) - ROW_GAP;
    if (height > MAX_SIDE) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: %u rows are too many for a picture; write .html", path,
                       sheet->rows->len);
    }
    cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo_t *cr = cairo_create(picture);
    draw_sheet(cr, sheet, width);
    g_autoptr(GByteArray) png = g_byte_array_new();
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    status = status == CAIRO_STATUS_SUCCESS ? cairo_surface_write_to_png_stream(picture, append_bytes, png) : status;
    cairo_surface_destroy(picture);
    if (status != CAIRO_STATUS_SUCCESS) {
        return nt_fail(error, NITERU_ERROR_FAILED, "%s: cannot be drawn: %s", path, cairo_status_to_string(status));
    }
    return nt_file_write(path, png->data, png->len, error);
}
