/* SPDX-License-Identifier: Apache-2.0 */
/* Parts, soft marks and seams: see canvas.h. */
#include <math.h>

#include "blur.h"
#include "canvas.h"

const Rgb shade = {0.2, 0.17, 0.22}, shine = {1, 0.99, 0.97};

static double pixels_per_unit(cairo_t *cr) {
    double dx = 1, dy = 0;
    cairo_user_to_device_distance(cr, &dx, &dy);
    return hypot(dx, dy);
}

/* The clip's bounds on the picture, in pixels. */
static void clip_box(cairo_t *cr, double *x, double *y, double *width, double *height) {
    double left, top, right, bottom;
    cairo_clip_extents(cr, &left, &top, &right, &bottom);
    double xs[] = {left, right, left, right}, ys[] = {top, top, bottom, bottom};
    double low_x = INFINITY, low_y = INFINITY, high_x = -INFINITY, high_y = -INFINITY;
    for (int i = 0; i < 4; i++) {
        cairo_user_to_device(cr, &xs[i], &ys[i]);
        low_x = fmin(low_x, xs[i]), high_x = fmax(high_x, xs[i]);
        low_y = fmin(low_y, ys[i]), high_y = fmax(high_y, ys[i]);
    }
    *x = floor(low_x), *y = floor(low_y);
    *width = ceil(high_x) - *x, *height = ceil(high_y) - *y;
}

cairo_t *soft_begin(Canvas *canvas, double blur) {
    cairo_t *cr = canvas->cr;
    double x, y, width, height, radius = blur * pixels_per_unit(cr);
    int shrink = canvas->soft.shrink = radius > 12 ? 4 : 2; /* what is very soft needs few pixels */
    double margin = ceil(radius * 1.6) + shrink;
    clip_box(cr, &x, &y, &width, &height);
    int w = (int)ceil((width + 2 * margin) / shrink), h = (int)ceil((height + 2 * margin) / shrink);
    canvas->soft.x = x - margin;
    canvas->soft.y = y - margin;
    canvas->soft.blur = radius;
    canvas->soft.surface = cairo_image_surface_create(CAIRO_FORMAT_A8, w < 1 ? 1 : w, h < 1 ? 1 : h);
    cairo_t *soft = canvas->soft.cr = cairo_create(canvas->soft.surface);
    cairo_scale(soft, 1.0 / shrink, 1.0 / shrink);
    cairo_translate(soft, -canvas->soft.x, -canvas->soft.y);
    cairo_matrix_t units;
    cairo_get_matrix(cr, &units);
    cairo_transform(soft, &units);
    return soft;
}

static void lay(Canvas *canvas, Rgb tone, double alpha, cairo_operator_t operator) {
    cairo_t *cr = canvas->cr;
    int shrink = canvas->soft.shrink;
    cairo_destroy(canvas->soft.cr);
    blur_mask(canvas->soft.surface, canvas->soft.blur / shrink);
    cairo_pattern_t *mask = cairo_pattern_create_for_surface(canvas->soft.surface);
    cairo_matrix_t placed;
    cairo_matrix_init_scale(&placed, 1.0 / shrink, 1.0 / shrink);
    cairo_matrix_translate(&placed, -canvas->soft.x, -canvas->soft.y);
    cairo_pattern_set_matrix(mask, &placed);
    cairo_save(cr);
    cairo_identity_matrix(cr);
    cairo_set_operator(cr, operator);
    use_rgba(cr, tone, alpha);
    cairo_mask(cr, mask);
    cairo_restore(cr);
    cairo_pattern_destroy(mask);
    cairo_surface_destroy(canvas->soft.surface);
}

void soft_end(Canvas *canvas, Rgb tone, double alpha) {
    lay(canvas, tone, alpha, rgb_luma(tone) < 0.5 ? CAIRO_OPERATOR_MULTIPLY : CAIRO_OPERATOR_SCREEN);
}

/* What lies outside the path, moved by (dx, dy), blurred into the clip: a soft edge on one side. */
static void edge(Canvas *canvas, const cairo_path_t *path, double dx, double dy, double blur, Rgb tone, double alpha) {
    cairo_t *soft = soft_begin(canvas, blur);
    cairo_paint(soft);
    cairo_set_operator(soft, CAIRO_OPERATOR_CLEAR);
    cairo_translate(soft, dx, dy);
    cairo_append_path(soft, path);
    cairo_fill(soft);
    soft_end(canvas, tone, alpha);
}

void part_begin(Canvas *canvas, const Material *material, Relief relief) {
    cairo_t *cr = canvas->cr;
    cairo_path_t *path = cairo_copy_path(cr);
    cairo_save(cr);
    cairo_clip(cr);
    material_paint(cr, material);
    if (relief.depth > 0) {
        double d = relief.depth;
        edge(canvas, path, -0.3 * d, -0.35 * d, 1.3 * d, shade, relief.dark);
        edge(canvas, path, 0.25 * d, 0.3 * d, 0.8 * d, shine, relief.light);
        edge(canvas, path, 0, 0, 5, shade, 0.3); /* the rim itself, where the light grazes */
    }
    cairo_path_destroy(path);
}

void part_end(Canvas *canvas) { cairo_restore(canvas->cr); }

void part(Canvas *canvas, const Material *material, Relief relief) {
    part_begin(canvas, material, relief);
    part_end(canvas);
}

static void soft_line(Canvas *canvas, double width, Rgb tone, double alpha, const Point *points, size_t count) {
    cairo_t *soft = soft_begin(canvas, width * 1.1);
    cairo_set_line_width(soft, width);
    cairo_set_line_cap(soft, CAIRO_LINE_CAP_ROUND);
    path_open(soft, points, count);
    cairo_stroke(soft);
    soft_end(canvas, tone, alpha);
}

void fold(Canvas *canvas, double width, double strength, const Point *points, size_t count) {
    cairo_save(canvas->cr);
    cairo_translate(canvas->cr, -width * 0.8, -width * 0.25);
    soft_line(canvas, width * 0.8, shine, strength * 0.5, points, count);
    cairo_restore(canvas->cr);
    soft_line(canvas, width, shade, strength, points, count);
}

void gleam(Canvas *canvas, double width, double strength, const Point *points, size_t count) {
    soft_line(canvas, width, shine, strength, points, count);
}

void cast(Canvas *canvas, double dy, double blur, double alpha) {
    cairo_path_t *path = cairo_copy_path(canvas->cr);
    cairo_new_path(canvas->cr);
    cairo_t *soft = soft_begin(canvas, blur);
    cairo_translate(soft, dy * 0.3, dy);
    cairo_append_path(soft, path);
    cairo_fill(soft);
    /* Only onto what is there already: the backdrop gets its shadow from the whole thing. */
    lay(canvas, rgb_dark(shade, 0.5), alpha, CAIRO_OPERATOR_ATOP);
    cairo_append_path(canvas->cr, path);
    cairo_path_destroy(path);
}

void seam(Canvas *canvas, Rgb base, double width, bool dashed) {
    cairo_t *cr = canvas->cr;
    double dash[] = {width * 3.2, width * 2};
    cairo_save(cr);
    cairo_set_line_width(cr, width);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_BUTT);
    if (dashed) {
        cairo_set_dash(cr, dash, 2, 0);
    }
    if (rgb_luma(base) < 0.25) {
        use_rgba(cr, rgb_light(base, 0.45), 0.6);
    } else {
        use_rgba(cr, rgb_dark(base, 0.6), 0.5);
    }
    cairo_stroke(cr);
    cairo_restore(cr);
}

void cylinder(Canvas *canvas, double left, double right, double strength) {
    cairo_t *cr = canvas->cr;
    const struct {
        double at, dark, light;
    } stops[] = {{0, 0.5, 0},     {0.12, 0.18, 0}, {0.28, 0, 0.3}, {0.42, 0, 0.1},
                 {0.62, 0.12, 0}, {0.9, 0.5, 0},   {1, 0.62, 0}};
    for (int pass = 0; pass < 2; pass++) {
        cairo_pattern_t *bands = cairo_pattern_create_linear(left, 0, right, 0);
        for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
            Rgb tone = pass == 0 ? shade : shine;
            cairo_pattern_add_color_stop_rgba(bands, stops[i].at, tone.r, tone.g, tone.b,
                                              strength * (pass == 0 ? stops[i].dark : stops[i].light));
        }
        cairo_save(cr);
        cairo_set_operator(cr, pass == 0 ? CAIRO_OPERATOR_MULTIPLY : CAIRO_OPERATOR_SCREEN);
        cairo_set_source(cr, bands);
        cairo_paint(cr);
        cairo_restore(cr);
        cairo_pattern_destroy(bands);
    }
}

void strap(Canvas *canvas, Rgb base, double width, const Point *points, size_t count) {
    cairo_t *cr = canvas->cr;
    const struct {
        double width, shift;
        Rgb tone;
        double alpha;
    } coats[] = {
        {1, 0, rgb_dark(base, 0.45), 1},
        {0.84, -0.02, rgb_dark(base, 0.12), 1},
        {0.6, -0.08, base, 1},
        {0.22, -0.18, rgb_light(base, 0.4), 0.55},
    };
    cairo_save(cr);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    for (size_t i = 0; i < sizeof coats / sizeof *coats; i++) {
        double shift = coats[i].shift * width;
        cairo_translate(cr, shift, shift);
        path_open(cr, points, count);
        cairo_translate(cr, -shift, -shift);
        cairo_set_line_width(cr, coats[i].width * width);
        use_rgba(cr, coats[i].tone, coats[i].alpha);
        cairo_stroke(cr);
    }
    cairo_restore(cr);
}

void metal(Canvas *canvas, Rgb tone, double ax, double ay, double bx, double by) {
    const struct {
        double at, to;
    } bands[] = {{0, -0.35}, {0.2, 0.55}, {0.38, 0.05}, {0.6, -0.3}, {0.78, 0.35}, {1, -0.45}};
    cairo_pattern_t *sheen = cairo_pattern_create_linear(ax, ay, bx, by);
    for (size_t i = 0; i < sizeof bands / sizeof *bands; i++) {
        Rgb at = bands[i].to < 0 ? rgb_dark(tone, -bands[i].to) : rgb_light(tone, bands[i].to);
        cairo_pattern_add_color_stop_rgb(sheen, bands[i].at, at.r, at.g, at.b);
    }
    cairo_set_source(canvas->cr, sheen);
    cairo_pattern_destroy(sheen);
    cairo_fill(canvas->cr);
}
