/* SPDX-License-Identifier: Apache-2.0 */
#include "canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blur.h"

Canvas *canvas_new(int width, int height, uint64_t seed) {
    Canvas *canvas = calloc(1, sizeof *canvas);
    if (canvas == NULL) {
        return NULL;
    }
    *canvas = (Canvas){.width = width, .height = height, .right = 500.0 * width / height, .photo = {seed}};
    canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    canvas->cr = cairo_create(canvas->surface);
    cairo_scale(canvas->cr, height / 1000.0, height / 1000.0);
    cairo_translate(canvas->cr, canvas->right, 0);
    return canvas;
}

void canvas_free(Canvas *canvas) {
    if (canvas != NULL) {
        cairo_destroy(canvas->cr);
        cairo_surface_destroy(canvas->surface);
        free(canvas);
    }
}

static void paint_radial(cairo_t *cr, double x, double y, double radius, Rgb inner, Rgb outer) {
    cairo_pattern_t *light = cairo_pattern_create_radial(x, y, 0, x, y, radius);
    cairo_pattern_add_color_stop_rgb(light, 0, inner.r, inner.g, inner.b);
    cairo_pattern_add_color_stop_rgb(light, 1, outer.r, outer.g, outer.b);
    cairo_set_source(cr, light);
    cairo_paint(cr);
    cairo_pattern_destroy(light);
}

void studio(Canvas *canvas, double floor) {
    static const Rgb papers[] = {
        {0.985, 0.985, 0.985}, {0.955, 0.955, 0.957}, {0.957, 0.947, 0.935}, {0.925, 0.92, 0.913}};
    cairo_t *cr = canvas->cr;
    Rgb paper = papers[random_bits(&canvas->photo) % 4];
    double x = random_between(&canvas->photo, -180, 60), y = random_between(&canvas->photo, 250, 450);
    paint_radial(cr, x, y, 1000, rgb_light(paper, 0.45), rgb_dark(paper, 0.07));
    if (floor > 0) {
        /* A paper roll that bends from wall to ground: the ground catches more light, the bend less. */
        cairo_pattern_t *bend = cairo_pattern_create_linear(0, floor - 170, 0, 1000);
        cairo_pattern_add_color_stop_rgba(bend, 0, 0.35, 0.33, 0.32, 0);
        cairo_pattern_add_color_stop_rgba(bend, 0.45, 0.35, 0.33, 0.32, 0.09);
        cairo_pattern_add_color_stop_rgba(bend, 1, 0.35, 0.33, 0.32, 0.015);
        cairo_set_source(cr, bend);
        cairo_paint(cr);
        cairo_pattern_destroy(bend);
    }
}

void thing_begin(Canvas *canvas, double turn) {
    cairo_t *back = canvas->cr;
    cairo_surface_t *layer = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, canvas->width, canvas->height);
    cairo_t *cr = cairo_create(layer);
    cairo_surface_destroy(layer);
    cairo_matrix_t units;
    cairo_get_matrix(back, &units);
    cairo_destroy(back);
    cairo_set_matrix(cr, &units);
    Random *photo = &canvas->photo;
    double scale = random_between(photo, 0.94, 1.03), angle = turn * random_between(photo, -1, 1);
    double dx = random_between(photo, -16, 16), dy = turn > 0 ? random_between(photo, -12, 12) : 0;
    cairo_translate(cr, dx, 500 + dy);
    cairo_rotate(cr, angle);
    cairo_scale(cr, scale, scale);
    cairo_translate(cr, 0, -500);
    canvas->cr = cr;
}

void thing_end(Canvas *canvas, double dx, double dy, double blur, double alpha) {
    cairo_surface_t *thing = cairo_surface_reference(cairo_get_target(canvas->cr));
    cairo_destroy(canvas->cr);
    cairo_t *cr = canvas->cr = cairo_create(canvas->surface);
    double pixels = canvas->height / 1000.0;
    if (alpha > 0) {
        cairo_surface_t *mask = cairo_image_surface_create(CAIRO_FORMAT_A8, canvas->width / 2, canvas->height / 2);
        cairo_t *small = cairo_create(mask);
        cairo_scale(small, 0.5, 0.5);
        cairo_set_source_surface(small, thing, dx * pixels, dy * pixels);
        cairo_paint(small);
        cairo_destroy(small);
        blur_mask(mask, blur * pixels / 2);
        cairo_save(cr);
        cairo_scale(cr, 2, 2);
        cairo_set_source_rgba(cr, 0.13, 0.11, 0.12, alpha);
        cairo_mask_surface(cr, mask, 0, 0);
        cairo_restore(cr);
        cairo_surface_destroy(mask);
    }
    cairo_set_source_surface(cr, thing, 0, 0);
    cairo_paint(cr);
    cairo_surface_destroy(thing);
    cairo_scale(cr, pixels, pixels);
    cairo_translate(cr, canvas->right, 0);
}

void floor_shadow(Canvas *canvas, double x, double y, double rx, double ry, double alpha) {
    cairo_t *cr = canvas->cr;
    static const struct { double grow, share; } rings[] = {{1.35, 0.45}, {1.0, 0.55}};
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, rx * rings[i].grow, ry * rings[i].grow);
        cairo_pattern_t *spot = cairo_pattern_create_radial(0, 0, 0, 0, 0, 1);
        cairo_pattern_add_color_stop_rgba(spot, 0, 0.1, 0.09, 0.1, alpha * rings[i].share);
        cairo_pattern_add_color_stop_rgba(spot, 0.55, 0.1, 0.09, 0.1, alpha * rings[i].share * 0.7);
        cairo_pattern_add_color_stop_rgba(spot, 1, 0.1, 0.09, 0.1, 0);
        cairo_set_source(cr, spot);
        cairo_rectangle(cr, -1, -1, 2, 2);
        cairo_fill(cr);
        cairo_pattern_destroy(spot);
        cairo_restore(cr);
    }
}

static uint8_t nudge(uint32_t value, int by) {
    int moved = (int)value + by;
    return (uint8_t)(moved < 0 ? 0 : moved > 255 ? 255 : moved);
}

void grain(Canvas *canvas, double amount) {
    cairo_surface_flush(canvas->surface);
    uint8_t *data = cairo_image_surface_get_data(canvas->surface);
    int stride = cairo_image_surface_get_stride(canvas->surface);
    Random random = {random_bits(&canvas->photo)};
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++) {
            uint32_t pixel;
            memcpy(&pixel, data + (ptrdiff_t)y * stride + 4 * x, 4);
            uint64_t bits = random_bits(&random);
            /* The sum of four bytes is close enough to a bell curve; -2 .. 2 times amount. */
            int sum = (int)(bits & 255) + (int)(bits >> 8 & 255) + (int)(bits >> 16 & 255) + (int)(bits >> 24 & 255);
            int by = (int)lround((sum - 510) / 255.0 * amount);
            pixel = 0xff000000u | (uint32_t)nudge(pixel >> 16 & 255, by) << 16 |
                    (uint32_t)nudge(pixel >> 8 & 255, by) << 8 | nudge(pixel & 255, by);
            memcpy(data + (ptrdiff_t)y * stride + 4 * x, &pixel, 4);
        }
    }
    cairo_surface_mark_dirty(canvas->surface);
}
