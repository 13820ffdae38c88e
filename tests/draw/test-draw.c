/* SPDX-License-Identifier: Apache-2.0 */
/* Contact sheets as pictures and as pages: sizes, foreign texts, what is missing, the same bytes each time. */
#include "draw/draw.h"

#include <cairo.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder;
static NtDecoder *encoder;

static char *below(const char *name) { return g_build_filename(folder, name, NULL); }

/* A plain photo of one colour with a darker frame; (height, width, 3). */
static NtPixels make_photo(uint32_t width, uint32_t height, uint8_t red, uint8_t green, uint8_t blue) {
    uint8_t *rgb = g_malloc((size_t)3 * width * height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            bool frame = x < 4 || y < 4 || x + 4 >= width || y + 4 >= height;
            uint8_t *pixel = rgb + 3 * ((size_t)y * width + x);
            pixel[0] = frame ? red / 2 : red;
            pixel[1] = frame ? green / 2 : green;
            pixel[2] = frame ? blue / 2 : blue;
        }
    }
    return (NtPixels){.rgb = rgb, .width = width, .height = height, .stride = (size_t)3 * width};
}

static void write_sheet(NtSheet *sheet, const char *path) {
    g_autoptr(GError) error = NULL;
    nt_sheet_write(sheet, encoder, path, &error);
    g_assert_no_error(error);
}

static char *page_of(NtSheet *sheet) {
    g_autofree char *path = below("page.html");
    char *text = NULL;
    write_sheet(sheet, path);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_true(g_utf8_validate(text, -1, NULL));
    return text;
}

static cairo_surface_t *picture_of(NtSheet *sheet) {
    g_autofree char *path = below("picture.png");
    write_sheet(sheet, path);
    cairo_surface_t *picture = cairo_image_surface_create_from_png(path);
    g_assert_cmpint(cairo_surface_status(picture), ==, CAIRO_STATUS_SUCCESS);
    return picture;
}

static uint32_t pixel_at(cairo_surface_t *picture, int x, int y) {
    uint32_t pixel;
    memcpy(&pixel, cairo_image_surface_get_data(picture) + y * cairo_image_surface_get_stride(picture) + 4 * x, 4);
    return pixel & 0xffffff;
}

static void add(NtSheet *sheet, const NtSheetCell *query, const NtSheetCell *results, size_t count) {
    g_autoptr(GError) error = NULL;
    nt_sheet_add(sheet, query, results, count, &error);
    g_assert_no_error(error);
}

/* Photos come out where they belong, in their proportions; the picture grows by rows and columns. */
static void test_picture(void) {
    NtPixels wide = make_photo(600, 300, 200, 30, 40), tall = make_photo(100, 200, 20, 180, 60);
    const NtSheetCell query = {.photo = &wide, .title = "Query", .score = -1};
    const NtSheetCell results[] = {{.photo = &tall, .title = "Result", .caption = "id", .score = 80, .word = "alike"},
                                   {.score = 10}};
    g_autoptr(NtSheet) sheet = nt_sheet_new("Title", NULL);
    add(sheet, &query, results, 2);
    cairo_surface_t *one = picture_of(sheet);
    int width = cairo_image_surface_get_width(one), height = cairo_image_surface_get_height(one);
    unsigned red = 0, green = 0;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            red += pixel_at(one, x, y) == 0xc81e28;
            green += pixel_at(one, x, y) == 0x14b43c;
        }
    }
    g_assert_cmpuint(red, >, 180 * 90 * 9 / 10); /* 180 x 90 less its darker frame */
    g_assert_cmpuint(red, <, 180 * 90);
    g_assert_cmpuint(green, >, 90 * 180 * 8 / 10);
    g_assert_cmpuint(green, <, 90 * 180);
    g_assert_cmpuint(pixel_at(one, 0, 0), ==, 0xfafafa);
    for (int i = 0; i < 4; i++) {
        add(sheet, &query, results, 2);
    }
    cairo_surface_t *five = picture_of(sheet);
    g_assert_cmpint(cairo_image_surface_get_width(five), ==, width);
    g_assert_cmpint(cairo_image_surface_get_height(five), >, height + 4 * 200);
    NtSheetCell many[NT_SHEET_RESULTS + 5];
    for (size_t i = 0; i < G_N_ELEMENTS(many); i++) {
        many[i] = results[0];
    }
    add(sheet, &query, many, G_N_ELEMENTS(many));
    cairo_surface_t *broad = picture_of(sheet);
    g_assert_cmpint(cairo_image_surface_get_width(broad), ==, width + (NT_SHEET_RESULTS - 2) * 200);
    cairo_surface_destroy(one);
    cairo_surface_destroy(five);
    cairo_surface_destroy(broad);
    g_free((void *)wide.rgb);
    g_free((void *)tall.rgb);
}

static unsigned times(const char *text, const char *what) {
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) {
        count++;
    }
    return count;
}

/* Texts from strangers stay texts, and stay short. */
static void test_hostile(void) {
    g_autofree char *endless = g_strnfill(10240, 'W');
    const char *const titles[] = {"<script>alert(1)</script>",
                                  "\"><img src=x onerror=alert(1)>",
                                  "' onmouseover='alert(1)",
                                  "&amp; &lt; &#0;",
                                  "فستان أحمر طويل",
                                  "\xe2\x80\xae gnihtemos",
                                  "似てる 👗👩‍👩‍👧‍👦 ドレス",
                                  "line\nbreak\ttab\x01\x1b[31m",
                                  "bad \xff\xfe utf-8",
                                  "",
                                  endless};
    NtPixels photo = make_photo(50, 50, 100, 100, 200);
    g_autoptr(NtSheet) sheet = nt_sheet_new("<h1>&\"'", "</p><script>");
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++) {
        const NtSheetCell cell = {.photo = &photo, .title = titles[i], .caption = titles[i], .score = 50, .word = "w"};
        add(sheet, &cell, &cell, 1);
    }
    g_autofree char *page = page_of(sheet);
    g_assert_null(strstr(page, "<script"));
    g_assert_null(strstr(page, "<img src=x"));
    g_assert_null(strstr(page, "alert(1)'"));
    g_assert_nonnull(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    g_assert_nonnull(strstr(page, "&quot;&gt;&lt;img"));
    g_assert_nonnull(strstr(page, "&amp;amp;"));
    g_assert_nonnull(strstr(page, "👩‍👩‍👧‍👦 ドレス"));
    g_assert_nonnull(strstr(page, "line break tab"));
    g_assert_null(strstr(page, "\xe2\x80\xae"));
    g_assert_null(strchr(page, '\x1b'));
    g_autofree char *long_run = g_strnfill(300, 'W');
    g_assert_null(strstr(page, long_run));
    g_assert_cmpuint(times(page, "<article>"), ==, G_N_ELEMENTS(titles));
    g_assert_cmpuint(times(page, "<article>"), ==, times(page, "</article>"));
    g_assert_cmpuint(times(page, "<figure "), ==, times(page, "</figure>"));
    cairo_surface_t *picture = picture_of(sheet);
    cairo_surface_destroy(picture);
    const char *kept = g_getenv("NITERU_KEEP_SHEETS"); /* a folder, to look at what was drawn */
    if (kept != NULL) {
        g_autofree char *png = g_build_filename(kept, "hostile.png", NULL);
        g_autofree char *html = g_build_filename(kept, "hostile.html", NULL);
        write_sheet(sheet, png);
        write_sheet(sheet, html);
    }
    g_free((void *)photo.rgb);
}

/* A page stands alone: every address in it is data, and it says so to the browser. */
static void test_alone(void) {
    NtPixels photo = make_photo(700, 20, 100, 100, 200);
    const NtSheetCell query = {.photo = &photo, .title = "http://example.com/x.png", .score = -1};
    g_autoptr(NtSheet) sheet = nt_sheet_new("T", "S");
    add(sheet, &query, &query, 1);
    g_autofree char *page = page_of(sheet);
    g_assert_cmpuint(times(page, "src=\""), ==, 2);
    g_assert_cmpuint(times(page, "src=\"data:image/jpeg;base64,"), ==, 2);
    g_assert_cmpuint(times(page, "href"), ==, 0);
    g_assert_cmpuint(times(page, "url("), ==, 0);
    g_assert_cmpuint(times(page, "@import"), ==, 0);
    g_assert_nonnull(strstr(page, "default-src 'none'"));
    /* The photo in it is a JPEG in its proportions. */
    const char *data = strstr(page, "base64,") + strlen("base64,");
    g_autofree char *base64 = g_strndup(data, strcspn(data, "\""));
    gsize size;
    g_autofree guchar *jpeg = g_base64_decode(base64, &size);
    NtPixels pixels;
    g_autoptr(GError) error = NULL;
    nt_decoder_decode(encoder, jpeg, size, "the page's photo", NULL, &pixels, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(pixels.width, ==, 360);
    g_assert_cmpuint(pixels.height, ==, 10);
    g_free((void *)photo.rgb);
}

static void test_missing(void) {
    const NtSheetCell nothing = {.score = -1};
    g_autoptr(NtSheet) sheet = nt_sheet_new("T", NULL);
    g_autofree char *empty = page_of(sheet);
    g_assert_nonnull(strstr(empty, "</html>"));
    cairo_surface_t *picture = picture_of(sheet);
    cairo_surface_destroy(picture);
    add(sheet, &nothing, NULL, 0);
    g_autofree char *page = page_of(sheet);
    g_assert_nonnull(strstr(page, "no photo"));
    g_assert_nonnull(strstr(page, "Nothing is this alike"));
    picture = picture_of(sheet);
    g_assert_cmpint(cairo_image_surface_get_width(picture), >, 400);
    cairo_surface_destroy(picture);
}

static void test_many_rows(void) {
    g_autoptr(GError) error = NULL;
    const NtSheetCell cell = {.title = "A product", .score = -1};
    g_autofree char *png = below("many.png"), *html = below("many.html");
    g_autoptr(NtSheet) sheet = nt_sheet_new("Many", NULL);
    for (int i = 0; i < NT_SHEET_ROWS; i++) {
        add(sheet, &cell, &cell, 1);
    }
    g_assert_false(nt_sheet_add(sheet, &cell, &cell, 1, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_clear_error(&error);
    g_assert_false(nt_sheet_write(sheet, encoder, png, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, ".html"));
    g_assert_false(g_file_test(png, G_FILE_TEST_EXISTS));
    g_clear_error(&error);
    write_sheet(sheet, html);
}

static GBytes *bytes_of(const NtPixels *photo, const char *name) {
    const NtSheetCell cell = {.photo = photo, .title = "T", .caption = "c", .score = 33.3, .word = "alike"};
    g_autoptr(NtSheet) sheet = nt_sheet_new("T", "s");
    g_autofree char *path = below(name);
    g_autoptr(GError) error = NULL;
    add(sheet, &cell, &cell, 1);
    write_sheet(sheet, path);
    GBytes *bytes = nt_file_read(path, 1 << 24, &error);
    g_assert_no_error(error);
    return bytes;
}

static void test_same_bytes(void) {
    NtPixels photo = make_photo(321, 123, 1, 2, 250);
    const char *const names[] = {"same.png", "same.html"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GBytes) first = bytes_of(&photo, names[i]), second = bytes_of(&photo, names[i]);
        g_assert_true(g_bytes_equal(first, second));
    }
    g_free((void *)photo.rgb);
}

static void test_refusals(void) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSheet) sheet = nt_sheet_new("T", NULL);
    const struct {
        const char *name;
        NiteruError code;
    } refused[] = {{"sheet.pdf", NITERU_ERROR_INVALID},
                   {"sheet", NITERU_ERROR_INVALID},
                   {"none/sheet.png", NITERU_ERROR_NOT_FOUND},
                   {"none/sheet.html", NITERU_ERROR_NOT_FOUND}};
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = below(refused[i].name);
        g_assert_false(nt_sheet_write(sheet, encoder, path, &error));
        g_assert_error(error, NITERU_ERROR, (int)refused[i].code);
        g_clear_error(&error);
    }
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return g_remove(path); }

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/draw/picture", test_picture);
    g_test_add_func("/draw/hostile", test_hostile);
    g_test_add_func("/draw/alone", test_alone);
    g_test_add_func("/draw/missing", test_missing);
    g_test_add_func("/draw/many-rows", test_many_rows);
    g_test_add_func("/draw/same-bytes", test_same_bytes);
    g_test_add_func("/draw/refusals", test_refusals);
    folder = g_dir_make_tmp("niteru-draw-XXXXXX", NULL);
    encoder = nt_decoder_new(NULL, NULL);
    g_assert_true(folder != NULL && encoder != NULL);
    int status = g_test_run();
    nt_decoder_free(encoder);
    nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    g_free(folder);
    return status;
}
