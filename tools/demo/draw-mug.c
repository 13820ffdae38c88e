/* SPDX-License-Identifier: Apache-2.0 */
/* Mugs. Traits: 0 shape, 1 height, 2 handle, 3 inside, 4 rim, 5 what is in it, 6 foot, 7 side of the handle. */
#include <math.h>

#include "design.h"

enum { STRAIGHT, TAPERED, BELLY, TALL, CUP, ENAMEL, SHAPES };

static const char *noun(const Design *design) {
    static const char *const names[SHAPES] = {"mug",       "tapered mug",    "round mug",
                                              "latte mug", "cup and saucer", "camping mug"};
    return names[pick(design, 0, SHAPES)];
}

typedef struct Form {
    double top, bottom, rim, foot, bulge; /* y, y, half widths at rim, foot and between */
} Form;

static Form form_of(const Design *design) {
    static const Form forms[SHAPES] = {{290, 790, 235, 228, 235}, {290, 790, 250, 170, 222}, {340, 790, 205, 150, 266},
                                       {180, 810, 205, 165, 190}, {430, 740, 270, 120, 238}, {320, 780, 250, 240, 246}};
    Form form = forms[pick(design, 0, SHAPES)];
    form.top += measure(design, 1, -35, 35);
    return form;
}

static void handle(Canvas *canvas, const Product *product, const Form *form, Rgb tone) {
    double h = form->bottom - form->top, x = form->bulge - 14, y = form->top + h * 0.2, low = form->top + h * 0.72;
    double reach = fmin(h * 0.36, 165), width = pick(product->design, 0, SHAPES) == ENAMEL ? 30 : 44;
    switch (pick(product->design, 2, 3)) {
    case 0: /* round */
        strap(canvas, tone, width,
              POINTS({x - 10, y}, {x + reach * 0.7, y + 6}, {x + reach, (y + low) / 2}, {x + reach * 0.66, low - 6},
                     {x - 24, low}));
        break;
    case 1: /* an ear: wide above, drawn in below */
        strap(canvas, tone, width,
              POINTS({x - 10, y - 8}, {x + reach * 0.8, y - 6}, {x + reach, y + h * 0.14}, {x + reach * 0.55, low - 40},
                     {x - 30, low + 6}));
        break;
    default: /* square */
        strap(canvas, tone, width,
              POINTS({x - 10, y, true}, {x + reach * 0.9, y, true}, {x + reach * 0.9, low, true}, {x - 24, low, true}));
    }
}

static void body_path(cairo_t *cr, const Form *f, double sag) {
    double h = f->bottom - f->top;
    path_mirrored(cr, POINTS({0, f->top, true}, {f->rim, f->top, true},
                             {f->rim + (f->bulge - f->rim) * 0.7, f->top + h * 0.22}, {f->bulge, f->top + h * 0.5},
                             {f->foot + (f->bulge - f->foot) * 0.68, f->top + h * 0.8}, {f->foot, f->bottom, true},
                             {f->foot * 0.6, f->bottom + sag * 0.8}, {0, f->bottom + sag}));
}

static void saucer(Canvas *canvas, const Product *product, const Form *form) {
    cairo_t *cr = canvas->cr;
    double y = form->bottom + 34;
    Material glaze = plain(product->colour), well = plain(rgb_light(product->colour, 0.12));
    path_ellipse(cr, 0, y, 350, 82);
    part(canvas, &glaze, (Relief){40, 0.5, 0.4});
    path_ellipse(cr, 0, y - 12, 250, 50);
    part(canvas, &well, (Relief){20, 0.45, 0.3});
    floor_shadow(canvas, 8, y - 10, 170, 28, 0.55);
}

static void drink(Canvas *canvas, const Product *product, const Form *form, double ry) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Rgb glaze = design->trait[3] < 0.6 ? white : design->trait[3] < 0.8 ? product->colour : product->partner;
    Material lip = plain(pick(design, 0, SHAPES) == ENAMEL ? rgb_dark(product->colour, 0.5)
                         : design->trait[4] > 0.6          ? product->partner
                                                           : rgb_light(product->colour, 0.1));
    Material inside = plain(rgb_dark(glaze, 0.08));
    path_ellipse(cr, 0, form->top, form->rim, ry);
    part(canvas, &lip, thin);
    path_ellipse(cr, 0, form->top + 3, form->rim - 15, ry - 9);
    part_begin(canvas, &inside, (Relief){40, 0.75, 0});
    if (design->trait[5] > 0.5) {
        Material fluid = plain(design->trait[5] > 0.85 ? (Rgb){0.72, 0.52, 0.28} : (Rgb){0.2, 0.12, 0.08});
        path_ellipse(cr, 0, form->top + ry * 0.72, form->rim - 24, ry * 0.8);
        part_begin(canvas, &fluid, (Relief){14, 0.3, 0.5});
        gleam(canvas, 10, 0.35,
              POINTS({-90, form->top + ry * 0.6}, {0, form->top + ry * 0.5}, {60, form->top + ry * 0.55}));
        part_end(canvas);
    } else {
        cairo_t *soft = soft_begin(canvas, 26);
        cairo_rectangle(soft, -form->rim * 0.9, form->top - ry, form->rim, 2 * ry);
        cairo_fill(soft);
        soft_end(canvas, shade, 0.45);
    }
    part_end(canvas);
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    Form form = form_of(design);
    unsigned shape = pick(design, 0, SHAPES);
    double ry = form.rim * 0.2, sag = form.foot * 0.17;
    floor_shadow(canvas, 10, form.bottom + (shape == CUP ? 60 : 16), shape == CUP ? 390 : form.foot + 90,
                 shape == CUP ? 66 : 48, 0.75);
    thing_begin(canvas, 0);
    cairo_t *cr = canvas->cr;
    if (design->trait[7] > 0.65) {
        cairo_scale(cr, -1, 1);
    }
    cairo_translate(cr, -50, 0);
    if (shape == CUP) {
        saucer(canvas, product, &form);
    }
    Material glaze = product->fabric;
    glaze.sag = sag;
    glaze.span = form.bulge + 40;
    glaze.split_y = form.top + (form.bottom - form.top) * 0.55;
    Rgb tone = design->pattern == TWO_TONE && design->style & 2 ? product->partner : product->colour;
    handle(canvas, product, &form, tone);
    body_path(cr, &form, sag);
    part_begin(canvas, &glaze, (Relief){26, 0.45, 0.25});
    cylinder(canvas, -form.bulge, form.bulge, 0.75);
    double x = -form.bulge * 0.6, h = form.bottom - form.top;
    gleam(canvas, 26, 0.42,
          POINTS({x, form.top + h * 0.16}, {x - 4, form.top + h * 0.45}, {x + 12, form.top + h * 0.8}));
    gleam(canvas, 12, 0.3,
          POINTS({form.bulge * 0.74, form.top + h * 0.2}, {form.bulge * 0.76, form.top + h * 0.6},
                 {form.bulge * 0.72, form.top + h * 0.8}));
    if (design->trait[6] > 0.6 && shape != ENAMEL) { /* the raw foot below the glaze */
        Material clay = plain(wood_light);
        path_mirrored(cr, POINTS({0, form.bottom - 34 + sag}, {form.foot * 0.6, form.bottom - 34 + sag * 0.8},
                                 {form.bulge + 30, form.bottom - 40, true}, {form.bulge + 30, form.bottom + 60, true},
                                 {0, form.bottom + 60, true}));
        part_begin(canvas, &clay, flat);
        cylinder(canvas, -form.bulge, form.bulge, 0.8);
        part_end(canvas);
    }
    part_end(canvas);
    drink(canvas, product, &form, ry);
    thing_end(canvas, 10, 8, 24, 0.22);
}

const Kind mug_kind = {
    .name = "mug",
    .category = "Mug",
    .width = 500,
    .height = 500,
    .floor = 700,
    .cheap = 8,
    .dear = 38,
    .materials = {"stoneware", "porcelain", "ceramic", "glazed"},
    .patterns = {PLAIN, STRIPES, DOTS, TWO_TONE, FLORAL, CHECKS, PLAIN, TWO_TONE},
    .repeat = 84,
    .noun = noun,
    .draw = draw,
};
