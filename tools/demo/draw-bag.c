/* SPDX-License-Identifier: Apache-2.0 */
/* Bags, standing. Traits: 0 shape, 1 width, 2 height, 3 leather, 4 clasp, 5 pocket, 6 handle, 7 metal. */
#include <math.h>

#include "design.h"

enum { TOTE, SATCHEL, SADDLE, BUCKET, BACKPACK, CLUTCH, SHAPES };

static const char *noun(const Design *design) {
    static const char *const names[SHAPES] = {"tote bag",   "top-handle bag", "crossbody bag",
                                              "bucket bag", "backpack",       "clutch"};
    return names[pick(design, 0, SHAPES)];
}

typedef struct Look {
    double wide, top, bottom; /* half the width; y */
    Rgb leather, fitting;
    Material body;
} Look;

static Look look_of(const Product *product) {
    const Design *design = product->design;
    Look look = {.wide = measure(design, 1, 230, 285), .bottom = 850, .body = product->fabric};
    look.top = look.bottom - measure(design, 2, 390, 490);
    look.leather = design->trait[3] < 0.35  ? leather_tan
                   : design->trait[3] < 0.6 ? wood_dark
                                            : rgb_dark(product->colour, 0.25);
    look.fitting = design->trait[7] < 0.7 ? gold : steel;
    look.body.split_y = (look.top + look.bottom) / 2;
    return look;
}

static void fitting_disc(Canvas *canvas, Rgb tone, double x, double y, double r) {
    path_ellipse(canvas->cr, x, y, r, r);
    cast(canvas, 3, 5, 0.4);
    metal(canvas, tone, x - r, y - r, x + r, y + r);
    path_ellipse(canvas->cr, x, y, r * 0.55, r * 0.55);
    metal(canvas, rgb_light(tone, 0.15), x + r, y + r, x - r, y - r);
}

static void ring(Canvas *canvas, Rgb tone, double x, double y, double r) {
    path_ellipse(canvas->cr, x, y, r, r);
    use_rgb(canvas->cr, rgb_dark(tone, 0.2));
    cairo_set_line_width(canvas->cr, 7);
    cairo_stroke(canvas->cr);
}

static void tote(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide, t = look->top, b = look->bottom, rise = measure(product->design, 6, 190, 300), x = w * 0.5;
    strap(canvas, rgb_dark(look->leather, 0.3), 24,
          POINTS({-x + 14, t + 12}, {-x + 30, t - rise * 0.72}, {0, t - rise - 14}, {x - 14, t - rise * 0.72},
                 {x + 2, t + 12}));
    Material inside = plain(rgb_dark(product->colour, 0.5));
    path_mirrored(cr, POINTS({0, t - 12}, {w - 12, t - 6, true}, {w - 14, t + 20, true}, {0, t + 30}));
    part(canvas, &inside, flat);
    path_mirrored(cr, POINTS({0, t + 14}, {w - 4, t + 4, true}, {w + 12, (t + b) / 2}, {w - 4, b - 24},
                             {w - 34, b, true}, {0, b + 8}));
    part_begin(canvas, &look->body, cloth);
    fold(canvas, 22, 0.26, POINTS({-w * 0.6, t + 60}, {-w * 0.7, t + 200}, {-w * 0.6, b - 80}));
    fold(canvas, 20, 0.22, POINTS({w * 0.35, t + 120}, {w * 0.5, t + 240}, {w * 0.42, b - 70}));
    path_open(cr, POINTS({-w - 20, t + 34}, {0, t + 44}, {w + 20, t + 34}));
    seam(canvas, product->colour, 3, true);
    if (product->design->trait[5] > 0.45) { /* a leather base */
        Material base = plain(look->leather);
        cairo_rectangle(cr, -400, b - 104, 800, 200);
        part(canvas, &base, (Relief){10, 0.35, 0.3});
    }
    part_end(canvas);
    Material tab = plain(look->leather);
    for (int side = -1; side <= 1; side += 2) {
        path_round_box(cr, side * x - 17, t - 6, 34, 92, 12);
        cast(canvas, 4, 8, 0.35);
        part(canvas, &tab, thin);
        fitting_disc(canvas, look->fitting, side * x, t + 66, 7);
    }
    strap(canvas, look->leather, 26,
          POINTS({-x, t + 20}, {-x + 12, t - rise * 0.66}, {0, t - rise}, {x - 12, t - rise * 0.66}, {x, t + 20}));
}

static void satchel(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide + 10, t = look->top + 70, b = look->bottom, rise = measure(product->design, 6, 120, 180);
    Material leather = plain(look->leather);
    strap(canvas, look->leather, 30,
          POINTS({-96, t + 10}, {-92, t - rise * 0.7}, {0, t - rise}, {92, t - rise * 0.7}, {96, t + 10}));
    for (int side = -1; side <= 1; side += 2) {
        ring(canvas, look->fitting, side * 97, t - 4, 17);
    }
    path_mirrored(
        cr, POINTS({0, t, true}, {w - 60, t, true}, {w - 22, t + 30}, {w + 16, b - 44}, {w - 16, b, true}, {0, b + 4}));
    part_begin(canvas, &look->body, solid);
    cylinder(canvas, -w - 160, w + 160, 0.35);
    part_end(canvas);
    double drop = t + (b - t) * measure(product->design, 5, 0.42, 0.62);
    path_mirrored(cr, POINTS({0, t - 3, true}, {w - 62, t - 3, true}, {w - 26, t + 30}, {w - 22, drop - 70},
                             {w * 0.55, drop - 8}, {0, drop + 12}));
    cast(canvas, 12, 20, 0.45);
    cairo_path_t *edge = cairo_copy_path(cr);
    part(canvas, product->design->trait[3] > 0.75 ? &leather : &look->body, (Relief){26, 0.4, 0.35});
    cairo_save(cr);
    cairo_translate(cr, 0, t + 90);
    cairo_scale(cr, 0.94, 0.94);
    cairo_translate(cr, 0, -t - 90);
    cairo_append_path(cr, edge);
    seam(canvas, product->colour, 2.6, true);
    cairo_restore(cr);
    cairo_path_destroy(edge);
    if (product->design->trait[4] < 0.5) {
        fitting_disc(canvas, look->fitting, 0, drop - 22, 24);
    } else {
        path_round_box(cr, -34, drop - 40, 68, 42, 9);
        cast(canvas, 4, 6, 0.4);
        metal(canvas, look->fitting, -34, drop - 40, 34, drop);
    }
}

static void saddle(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide - 10, t = 500, b = 850;
    bool chain = product->design->trait[6] > 0.6;
    const Point loop[] = {{-w + 22, t + 40, false}, {-w + 40, 280, false}, {-60, 110, false},
                          {100, 120, false},        {w - 36, 300, false},  {w - 22, t + 40, false}};
    if (chain) {
        double dash[] = {15, 7};
        strap(canvas, rgb_dark(look->fitting, 0.2), 7, loop, 6);
        cairo_save(cr);
        cairo_set_dash(cr, dash, 2, 0);
        path_open(cr, loop, 6);
        cairo_set_line_width(cr, 15);
        use_rgb(cr, look->fitting);
        cairo_stroke(cr);
        cairo_restore(cr);
    } else {
        strap(canvas, look->leather, 22, loop, 6);
    }
    path_mirrored(cr, POINTS({0, t, true}, {w - 40, t, true}, {w, t + 46}, {w, b - 110}, {w - 100, b - 6}, {0, b}));
    part(canvas, &look->body, solid);
    path_mirrored(cr, POINTS({0, t - 4, true}, {w - 36, t - 4, true}, {w + 4, t + 44}, {w - 10, t + 150},
                             {w * 0.6, t + 236}, {0, t + 262}));
    cast(canvas, 12, 22, 0.5);
    part_begin(canvas, &look->body, (Relief){30, 0.4, 0.4});
    path_mirrored(cr, POINTS({0, t + 16, true}, {w - 46, t + 16, true}, {w - 14, t + 50}, {w - 28, t + 144},
                             {w * 0.56, t + 220}, {0, t + 244}));
    seam(canvas, product->colour, 2.6, true);
    part_end(canvas);
    fitting_disc(canvas, look->fitting, 0, t + 226, 22);
    for (int side = -1; side <= 1; side += 2) {
        ring(canvas, look->fitting, side * (w - 22), t + 30, 15);
    }
}

static void bucket(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide - 30, t = 400, b = look->bottom;
    strap(canvas, look->leather, 24,
          POINTS({-w + 30, t + 20}, {-w + 60, 220}, {0, 110}, {w - 60, 220}, {w - 30, t + 20}));
    Material inside = plain(rgb_dark(product->colour, 0.55));
    path_ellipse(cr, 0, t, w - 12, 44);
    part(canvas, &inside, flat);
    look->body.sag = 30;
    look->body.span = w + 40;
    path_mirrored(cr, POINTS({0, t + 44}, {w * 0.7, t + 30}, {w - 10, t - 6, true}, {w + 6, t + 120}, {w + 26, b - 70},
                             {w - 20, b - 8}, {0, b + 18}));
    part_begin(canvas, &look->body, cloth);
    cylinder(canvas, -w - 40, w + 40, 0.6);
    for (int i = -3; i <= 3; i++) {
        double x = i * w / 3.6;
        fold(canvas, 13, 0.42, POINTS({x, t + 20}, {x * 1.06, t + 120}, {x * 1.12, t + 240}));
    }
    Material base = plain(look->leather);
    path_mirrored(cr, POINTS({0, b - 80}, {w + 60, b - 116, true}, {w + 60, b + 60, true}, {0, b + 60, true}));
    part(canvas, &base, (Relief){10, 0.35, 0.3});
    part_end(canvas);
    strap(canvas, look->leather, 13,
          POINTS({-w + 4, t + 68}, {-w * 0.4, t + 104}, {0, t + 112}, {w * 0.4, t + 104}, {w - 4, t + 68}));
    strap(canvas, look->leather, 12, POINTS({-6, t + 112}, {-30, t + 190}, {-42, t + 262}));
    strap(canvas, look->leather, 12, POINTS({6, t + 112}, {34, t + 180}, {40, t + 246}));
    fitting_disc(canvas, look->fitting, 0, t + 118, 15);
}

static void backpack(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide - 24, t = 220, b = look->bottom;
    strap(canvas, rgb_dark(product->colour, 0.4), 34,
          POINTS({-w + 40, t + 90}, {-w - 36, t + 260}, {-w - 26, b - 130}, {-w + 30, b - 50}));
    strap(canvas, rgb_dark(product->colour, 0.4), 34,
          POINTS({w - 40, t + 90}, {w + 36, t + 260}, {w + 26, b - 130}, {w - 30, b - 50}));
    strap(canvas, look->leather, 22, POINTS({-52, t + 14}, {-46, t - 64}, {0, t - 84}, {46, t - 64}, {52, t + 14}));
    path_mirrored(cr, POINTS({0, t}, {w * 0.6, t + 12}, {w - 14, t + 120}, {w, t + 300}, {w, b - 70}, {w - 36, b - 4},
                             {0, b + 6}));
    part_begin(canvas, &look->body, (Relief){54, 0.5, 0.35});
    path_open(cr, POINTS({-w + 34, t + 300}, {-w + 44, t + 170}, {-w * 0.58, t + 76}, {0, t + 60}, {w * 0.58, t + 76},
                         {w - 44, t + 170}, {w - 34, t + 300}));
    seam(canvas, product->colour, 6, false);
    part_end(canvas);
    Material pocket = product->design->trait[5] > 0.5 ? plain(look->leather) : look->body;
    double top = b - measure(product->design, 5, 260, 330);
    path_mirrored(
        cr, POINTS({0, top}, {w - 76, top + 4}, {w - 46, top + 40}, {w - 42, b - 74}, {w - 76, b - 34}, {0, b - 28}));
    cast(canvas, 8, 18, 0.4);
    part_begin(canvas, &pocket, (Relief){30, 0.45, 0.35});
    path_open(cr, POINTS({-w + 70, top + 52}, {0, top + 42}, {w - 70, top + 52}));
    seam(canvas, pocket.base, 5, false);
    part_end(canvas);
    strap(canvas, look->fitting, 9, POINTS({w - 96, top + 48}, {w - 92, top + 78}, {w - 94, top + 96}));
    if (product->design->trait[4] > 0.5) { /* a maker's patch */
        Material patch = plain(look->leather);
        path_round_box(cr, -44, t + 130, 88, 58, 8);
        part(canvas, &patch, thin);
    }
}

static void clutch(Canvas *canvas, const Product *product, Look *look) {
    cairo_t *cr = canvas->cr;
    double w = look->wide + 80, t = 480, b = 840;
    if (product->design->trait[6] > 0.5) {
        strap(canvas, look->leather, 18,
              POINTS({w - 20, t + 60}, {w + 24, t - 60}, {w - 60, t - 190}, {w - 140, t - 70}, {w - 60, t + 40}));
    }
    look->body.split_y = (t + b) / 2;
    path_round_box(cr, -w, t, 2 * w, b - t, 30);
    part(canvas, &look->body, solid);
    double drop = measure(product->design, 5, 0.45, 0.7) * (b - t) + t;
    bool pointed = product->design->trait[4] > 0.4;
    path_mirrored(cr, POINTS({0, t - 3, true}, {w - 24, t - 3, true}, {w - 2, t + 22}, {w - 6, t + 60, true},
                             {pointed ? 30 : w * 0.6, pointed ? drop - 12 : drop - 30}, {0, drop}));
    cast(canvas, 10, 20, 0.45);
    part(canvas, &look->body, (Relief){26, 0.45, 0.38});
    fitting_disc(canvas, look->fitting, 0, drop - 28, 17);
}

static void draw(Canvas *canvas, const Product *product) {
    static void (*const shapes[SHAPES])(Canvas *, const Product *, Look *) = {tote,   satchel,  saddle,
                                                                              bucket, backpack, clutch};
    Look look = look_of(product);
    floor_shadow(canvas, 0, look.bottom - 2, look.wide + 60, 44, 0.7);
    thing_begin(canvas, 0);
    cairo_translate(canvas->cr, 0, -10);
    shapes[pick(product->design, 0, SHAPES)](canvas, product, &look);
    thing_end(canvas, 10, 8, 26, 0.26);
}

const Kind bag_kind = {
    .name = "bag",
    .category = "Bag",
    .width = 500,
    .height = 560,
    .floor = 780,
    .cheap = 25,
    .dear = 320,
    .materials = {"leather", "canvas", "suede", "vegan leather"},
    .patterns = {PLAIN, STRIPES, PLAIN, CHECKS, TWO_TONE, PLAIN, DOTS, FLORAL},
    .repeat = 74,
    .noun = noun,
    .draw = draw,
};
