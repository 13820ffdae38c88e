/* SPDX-License-Identifier: Apache-2.0 */
/* Lamps, lit. Traits: 0 model, 1 shade, 2 width, 3 base, 4 metal, 5 height, 6 trim, 7 side. */
#include <math.h>

#include "design.h"

enum { TABLE, FLOOR, TRIPOD, PENDANT, DESK, DOME, MODELS };
enum { DRUM, EMPIRE, CONE, BELL, SHADES };

static const char *noun(const Design *design) {
    static const char *const names[MODELS] = {"table lamp",   "floor lamp", "tripod lamp",
                                              "pendant lamp", "desk lamp",  "mushroom lamp"};
    return names[pick(design, 0, MODELS)];
}

static Rgb metal_of(const Design *design) {
    return design->trait[4] < 0.4 ? gold : design->trait[4] < 0.7 ? gunmetal : steel;
}

/* Light that comes through: strongest where the bulb is. */
static void glow(Canvas *canvas, double y, double reach, double strength) {
    cairo_pattern_t *light = cairo_pattern_create_radial(0, y, 0, 0, y, reach);
    cairo_pattern_add_color_stop_rgba(light, 0, 1, 0.9, 0.66, strength);
    cairo_pattern_add_color_stop_rgba(light, 0.5, 1, 0.84, 0.55, strength * 0.45);
    cairo_pattern_add_color_stop_rgba(light, 1, 1, 0.8, 0.5, 0);
    cairo_save(canvas->cr);
    cairo_set_operator(canvas->cr, CAIRO_OPERATOR_SCREEN);
    cairo_set_source(canvas->cr, light);
    cairo_paint(canvas->cr);
    cairo_restore(canvas->cr);
    cairo_pattern_destroy(light);
}

/* A cloth shade between two y, `half` wide below; sees its open rim from a little above or below. */
static void lampshade(Canvas *canvas, const Product *product, double top, double bottom, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    static const double ratios[SHADES] = {0.94, 0.66, 0.36, 0.5};
    unsigned shape = pick(design, 1, SHADES);
    double upper = half * ratios[shape], ry = upper * 0.13, low = half * 0.13;
    Material inside = plain(rgb_light(rgb_mix(product->colour, (Rgb){1, 0.9, 0.7}, 0.6), 0.3));
    path_ellipse(cr, 0, top, upper, ry);
    part(canvas, &inside, (Relief){10, 0.4, 0.2});
    Material material = product->fabric;
    material.sag = low;
    material.span = half + 30;
    material.split_y = (top + bottom) / 2;
    double middle = shape == BELL ? (upper + half) * 0.42 : (upper + half) / 2;
    path_mirrored(cr,
                  POINTS({0, top + ry}, {upper * 0.7, top + ry * 0.7}, {upper, top, true}, {middle, (top + bottom) / 2},
                         {half, bottom, true}, {half * 0.7, bottom + low * 0.7}, {0, bottom + low}));
    part_begin(canvas, &material, (Relief){16, 0.3, 0.15});
    cylinder(canvas, -half, half, 0.5);
    glow(canvas, (top + bottom * 1.4) / 2.4, half * 1.25, 0.32);
    if (design->trait[6] > 0.5) { /* a trim along both edges */
        cairo_set_line_width(cr, 18);
        use_rgb(cr, design->trait[6] > 0.75 ? metal_of(design) : product->partner);
        path_open(cr, POINTS({-half, bottom}, {-half * 0.7, bottom + low * 0.7}, {0, bottom + low},
                             {half * 0.7, bottom + low * 0.7}, {half, bottom}));
        cairo_stroke(cr);
        path_open(cr, POINTS({-upper, top}, {-upper * 0.7, top + ry * 0.7}, {0, top + ry},
                             {upper * 0.7, top + ry * 0.7}, {upper, top}));
        cairo_stroke(cr);
    }
    part_end(canvas);
}

static void foot(Canvas *canvas, Rgb tone, double y, double rx) {
    Material material = plain(tone);
    path_ellipse(canvas->cr, 0, y + 14, rx, rx * 0.2);
    part(canvas, &material, (Relief){10, 0.6, 0.2});
    path_ellipse(canvas->cr, 0, y, rx, rx * 0.2);
    part(canvas, &material, (Relief){16, 0.3, 0.45});
}

static void rod(Canvas *canvas, Rgb tone, double top, double bottom, double width) {
    cairo_rectangle(canvas->cr, -width / 2, top, width, bottom - top);
    metal(canvas, tone, -width / 2, 0, width / 2, 0);
}

static void table(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    double top = measure(design, 5, 180, 260), bottom = top + half * 1.05, floor = 890;
    Rgb clay = design->trait[3] < 0.3 ? wood_light : design->trait[3] < 0.55 ? white : rgb_dark(product->colour, 0.12);
    Material body = plain(clay);
    rod(canvas, metal_of(design), bottom - 40, floor - 60, 20);
    double neck = bottom + 60;
    switch (pick(design, 3, 4)) {
    case 0: /* turned wood */
        path_mirrored(cr, POINTS({0, neck, true}, {22, neck, true}, {34, neck + 40}, {20, neck + 80},
                                 {52, (neck + floor) / 2}, {30, floor - 80}, {70, floor - 40}, {104, floor, true},
                                 {0, floor + 20}));
        break;
    case 1: /* a bottle */
        path_mirrored(cr, POINTS({0, neck, true}, {26, neck, true}, {32, neck + 60}, {108, neck + 140},
                                 {118, floor - 60}, {86, floor, true}, {0, floor + 14}));
        break;
    case 2: /* a ball */
        path_mirrored(cr,
                      POINTS({0, neck + 10, true}, {26, neck + 12, true}, {100, neck + 60},
                             {146, (neck + floor) / 2 + 20}, {104, floor - 30}, {66, floor, true}, {0, floor + 12}));
        break;
    default: /* a column */
        path_mirrored(cr, POINTS({0, neck, true}, {54, neck, true}, {54, floor - 46, true}, {88, floor - 40, true},
                                 {90, floor, true}, {0, floor + 16}));
    }
    part_begin(canvas, &body, (Relief){26, 0.5, 0.3});
    cylinder(canvas, -130, 130, 0.6);
    gleam(canvas, 18, 0.45, POINTS({-40, neck + 90}, {-62, (neck + floor) / 2}, {-50, floor - 70}));
    part_end(canvas);
    lampshade(canvas, product, top, bottom, half);
}

static void standing(Canvas *canvas, const Product *product, double half) {
    const Design *design = product->design;
    Rgb tone = metal_of(design);
    double top = 70, bottom = top + half * 1.02;
    if (pick(design, 0, MODELS) == TRIPOD) {
        Rgb wood = design->trait[3] < 0.5 ? wood_light : wood_dark;
        Material timber = plain(wood), behind = plain(rgb_dark(wood, 0.35));
        path_leg(canvas->cr, 0, bottom + 50, 26, 900, 22, 17);
        part(canvas, &behind, (Relief){8, 0.5, 0.3});
        for (int side = -1; side <= 1; side += 2) {
            path_leg(canvas->cr, side * 12.0, bottom + 40, side * 176.0, 930, 27, 19);
            part(canvas, &timber, (Relief){9, 0.5, 0.4});
        }
        rod(canvas, tone, bottom - 30, bottom + 74, 40);
    } else {
        rod(canvas, tone, bottom - 30, 915, measure(design, 3, 12, 20));
        foot(canvas, rgb_dark(tone, 0.1), 915, 122);
    }
    lampshade(canvas, product, top, bottom, half);
}

static void pendant(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    double top = measure(design, 5, 380, 470), wide = half * 1.12;
    rod(canvas, (Rgb){0.16, 0.16, 0.17}, -60, top - 40, 8);
    rod(canvas, metal_of(design), top - 66, top + 20, 44);
    if (design->trait[3] < 0.45) {
        lampshade(canvas, product, top, top + wide * 0.95, wide);
        return;
    }
    double bottom = top + wide * (design->trait[3] < 0.75 ? 0.86 : 1.1), ry = wide * 0.17;
    Material material = product->fabric;
    material.sag = ry, material.span = wide + 20, material.split_y = (top + bottom) / 2;
    path_ellipse(cr, 0, bottom, wide, ry); /* the lit inside, seen from below */
    Material inside = plain((Rgb){1, 0.95, 0.82});
    part_begin(canvas, &inside, (Relief){24, 0.3, 0});
    glow(canvas, bottom, wide, 0.9);
    part_end(canvas);
    path_mirrored(cr, POINTS({0, top}, {wide * 0.3, top + 10}, {wide * 0.78, top + (bottom - top) * 0.4},
                             {wide, bottom, true}, {wide * 0.7, bottom - ry * 0.7}, {0, bottom - ry * 0.98}));
    part_begin(canvas, &material, solid);
    cylinder(canvas, -wide, wide, 0.55);
    gleam(canvas, 34, 0.45,
          POINTS({-wide * 0.3, top + 40}, {-wide * 0.56, top + (bottom - top) * 0.5}, {-wide * 0.68, bottom - 60}));
    part_end(canvas);
}

static void desk(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Rgb tone = design->trait[3] > 0.5 ? product->colour : metal_of(design);
    double elbow_y = measure(design, 5, 400, 480);
    foot(canvas, product->colour, 885, 138);
    strap(canvas, tone, 20, POINTS({0, 880}, {-60, 700}, {-128, elbow_y}));
    strap(canvas, tone, 20, POINTS({-128, elbow_y}, {-30, 320}, {76, 236}));
    path_ellipse(cr, -128, elbow_y, 23, 23);
    metal(canvas, metal_of(design), -150, elbow_y - 23, -100, elbow_y + 23);
    cairo_save(cr);
    cairo_translate(cr, 96, 216);
    cairo_rotate(cr, -0.62);
    double wide = half * 0.76, deep = 210;
    Material inside = plain((Rgb){1, 0.94, 0.78});
    path_ellipse(cr, 0, deep, wide, wide * 0.22);
    part_begin(canvas, &inside, (Relief){16, 0.3, 0});
    glow(canvas, deep, wide, 0.8);
    part_end(canvas);
    Material material = product->fabric;
    material.sag = wide * 0.2, material.span = wide + 20, material.split_y = deep * 0.55;
    path_mirrored(cr, POINTS({0, -42}, {42, -36, true}, {50, 20}, {wide * 0.72, deep * 0.42}, {wide, deep, true},
                             {wide * 0.66, deep - wide * 0.15}, {0, deep - wide * 0.2}));
    part_begin(canvas, &material, (Relief){26, 0.5, 0.3});
    cylinder(canvas, -wide, wide, 0.6);
    gleam(canvas, 24, 0.4, POINTS({-wide * 0.2, 20}, {-wide * 0.42, deep * 0.5}, {-wide * 0.54, deep * 0.8}));
    part_end(canvas);
    cairo_restore(cr);
}

static void dome(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    double top = measure(design, 5, 300, 360), bottom = top + half * 0.98, wide = half * 1.08, floor = 880;
    Material stem = plain(design->trait[3] < 0.5 ? rgb_dark(product->colour, 0.08) : white);
    path_mirrored(cr, POINTS({0, bottom - 20, true}, {46, bottom - 20, true}, {50, bottom + 120}, {84, floor - 60},
                             {122, floor, true}, {0, floor + 20}));
    part_begin(canvas, &stem, (Relief){20, 0.5, 0.3});
    cylinder(canvas, -110, 110, 0.6);
    part_end(canvas);
    Material material = product->fabric;
    material.sag = wide * 0.13, material.span = wide + 20, material.split_y = (top + bottom) / 2;
    path_mirrored(cr, POINTS({0, top}, {wide * 0.6, top + 40}, {wide * 0.95, top + half * 0.6}, {wide, bottom, true},
                             {wide * 0.6, bottom + wide * 0.1}, {0, bottom + wide * 0.13}));
    cast(canvas, 14, 24, 0.35);
    part_begin(canvas, &material, solid);
    cylinder(canvas, -wide, wide, 0.4);
    glow(canvas, bottom - 30, half * 1.15, 0.32);
    gleam(canvas, 44, 0.5, POINTS({-wide * 0.3, top + 44}, {-wide * 0.62, top + 110}, {-wide * 0.76, top + 190}));
    part_end(canvas);
}

static void draw(Canvas *canvas, const Product *product) {
    static void (*const models[MODELS])(Canvas *, const Product *, double) = {table,   standing, standing,
                                                                              pendant, desk,     dome};
    const Design *design = product->design;
    unsigned model = pick(design, 0, MODELS);
    double half = measure(design, 2, 170, 215);
    if (model == PENDANT) {
        glow(canvas, 900, 460, 0.35);
    } else {
        floor_shadow(canvas, 0, 908, model == FLOOR || model == TRIPOD ? 190 : 170, 34, 0.6);
    }
    thing_begin(canvas, 0);
    if (design->trait[7] > 0.5) {
        cairo_scale(canvas->cr, -1, 1);
    }
    models[model](canvas, product, half);
    thing_end(canvas, 8, 10, 26, 0.18);
}

const Kind lamp_kind = {
    .name = "lamp",
    .category = "Lamp",
    .width = 420,
    .height = 600,
    .floor = 800,
    .cheap = 29,
    .dear = 340,
    .materials = {"linen", "ceramic", "brass", ""},
    .patterns = {PLAIN, STRIPES, PLAIN, TWO_TONE, FLORAL, PLAIN, DOTS, CHECKS},
    .repeat = 54,
    .noun = noun,
    .draw = draw,
};
