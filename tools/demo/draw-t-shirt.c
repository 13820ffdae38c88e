/* SPDX-License-Identifier: Apache-2.0 */
/* T-shirts, laid flat. Traits: 0 neck, 1 sleeves, 2 width, 3 length, 4 pocket, 5 contrast trim, 6 folds. */
#include <math.h>

#include "design.h"

enum { CREW, V_NECK, HENLEY, POLO, NECKS };

static unsigned neck_of(const Design *design) { return pick(design, 0, NECKS); }
static bool long_sleeved(const Design *design) { return design->trait[1] > 0.72; }

static const char *noun(const Design *design) {
    static const char *const names[2][NECKS] = {
        {"crew-neck T-shirt", "V-neck T-shirt", "henley T-shirt", "polo shirt"},
        {"long-sleeved T-shirt", "long-sleeved V-neck T-shirt", "long-sleeved henley", "long-sleeved polo shirt"}};
    return names[long_sleeved(design)][neck_of(design)];
}

static void sleeves(Canvas *canvas, const Product *product, double wide) {
    const Design *design = product->design;
    bool raglan = design->trait[5] > 0.7 && design->pattern == PLAIN;
    for (int side = -1; side <= 1; side += 2) {
        cairo_save(canvas->cr);
        cairo_scale(canvas->cr, side, 1);
        Material material = product->fabric;
        if (raglan) {
            material = plain(product->partner);
        }
        double w = wide;
        if (long_sleeved(design)) {
            material.angle += 0.1;
            path_closed(canvas->cr, POINTS({w - 10, 180, true}, {w + 62, 245}, {w + 105, 500}, {w + 130, 835, true},
                                           {w + 50, 850, true}, {w + 22, 560}, {w - 28, 400, true}));
            part_begin(canvas, &material, cloth);
            fold(canvas, 12, 0.32, POINTS({w + 10, 430}, {w + 50, 520}, {w + 60, 640}));
            fold(canvas, 10, 0.25, POINTS({w + 95, 520}, {w + 62, 590}, {w + 50, 650}));
            cairo_move_to(canvas->cr, w + 40, 826);
            cairo_line_to(canvas->cr, w + 140, 808);
        } else {
            double drop = measure(design, 1, -25, 45);
            material.angle += 0.5;
            path_closed(canvas->cr, POINTS({w - 12, 178, true}, {w + 50, 222}, {w + 150, 400 + drop, true},
                                           {w + 52, 452 + drop, true}, {w - 28, 395, true}));
            part_begin(canvas, &material, cloth);
            fold(canvas, 12, 0.3, POINTS({w - 8, 385}, {w + 40, 350}, {w + 70, 300}));
            cairo_move_to(canvas->cr, w + 40, 440 + drop);
            cairo_line_to(canvas->cr, w + 145, 384 + drop);
        }
        seam(canvas, material.base, 3, true);
        part_end(canvas);
        cairo_restore(canvas->cr);
    }
}

/* The ring of a collar below y: between two half ellipses, or two Vs. */
static void collar(Canvas *canvas, const Product *product, double neck, double depth, bool pointed) {
    cairo_t *cr = canvas->cr;
    Material rib = plain(product->design->trait[5] > 0.55 ? product->partner : rgb_dark(product->colour, 0.07));
    const double band = 24;
    if (pointed) {
        path_mirrored(cr, POINTS({0, 150 + depth - band * 1.5, true}, {neck * 0.6, 150 + depth * 0.4 - band},
                                 {neck - band, 142, true}, {neck + 3, 152, true}, {neck * 0.62, 150 + depth * 0.42},
                                 {0, 150 + depth, true}));
    } else {
        cairo_save(cr);
        cairo_translate(cr, 0, 150);
        cairo_scale(cr, 1, depth / neck);
        cairo_arc(cr, 0, 0, neck + 3, 0, M_PI);
        cairo_restore(cr);
        cairo_save(cr);
        cairo_translate(cr, 0, 144);
        cairo_scale(cr, 1, (depth - band) / (neck - band));
        cairo_arc_negative(cr, 0, 0, neck - band, M_PI, 0);
        cairo_restore(cr);
        cairo_close_path(cr);
    }
    cast(canvas, 5, 8, 0.3);
    part(canvas, &rib, thin);
}

static void placket(Canvas *canvas, const Product *product, double top, double height) {
    cairo_t *cr = canvas->cr;
    Material cloth_strip = plain(product->design->trait[5] > 0.75 ? product->partner : product->colour);
    path_round_box(cr, -20, top, 40, height, 4);
    cast(canvas, 2, 6, 0.25);
    part(canvas, &cloth_strip, thin);
    Material button = plain(rgb_luma(product->colour) > 0.75 ? rgb_dark(product->colour, 0.25) : white);
    for (int i = 0; i < 3; i++) {
        path_ellipse(cr, 0, top + height * (0.28 + 0.28 * i), 7, 7);
        part(canvas, &button, (Relief){4, 0.5, 0.3});
    }
}

static void polo_collar(Canvas *canvas, const Product *product, double neck) {
    Material material = plain(product->design->trait[5] > 0.5 ? product->partner : rgb_dark(product->colour, 0.05));
    for (int side = -1; side <= 1; side += 2) {
        cairo_save(canvas->cr);
        cairo_scale(canvas->cr, side, 1);
        path_closed(canvas->cr, POINTS({4, 196, true}, {neck * 0.6, 165}, {neck - 22, 118, true}, {neck + 8, 130, true},
                                       {neck + 6, 200}, {62, 268, true}));
        cast(canvas, 7, 10, 0.35);
        part(canvas, &material, (Relief){14, 0.3, 0.2});
        cairo_restore(canvas->cr);
    }
}

static void folds(Canvas *canvas, const Design *design, double wide, double hem) {
    Random random = {design->seed ^ 6};
    for (int side = -1; side <= 1; side += 2) {
        double s = side, reach = random_between(&random, 70, 120);
        fold(canvas, 16, 0.3, POINTS({s * (wide - 20), 395}, {s * (wide - 60), 430}, {s * (wide - 60 - reach), 520}));
        fold(canvas, 18, 0.24, POINTS({s * (wide - 40), 560}, {s * (wide - 75), 680}, {s * (wide - 62), hem - 40}));
    }
    for (int i = 0; i < 2; i++) {
        double x = random_between(&random, -90, 90), y = random_between(&random, 520, 640);
        fold(canvas, 20, 0.16, POINTS({x, y}, {x + random_between(&random, -30, 30), y + 110}, {x * 0.7, hem - 30}));
    }
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    cairo_t *cr;
    double wide = measure(design, 2, 205, 240), hem = measure(design, 3, 850, 915), neck = 92;
    unsigned kind = neck_of(design);
    double depth = kind == V_NECK ? measure(design, 6, 130, 175) : kind == CREW ? measure(design, 6, 62, 88) : 62;
    thing_begin(canvas, 0.035);
    cr = canvas->cr;
    cairo_translate(cr, 0, 0.5 * (1000 - hem) - 70);

    /* The inside of the back, seen through the neck. */
    Material inside = plain(rgb_dark(product->colour, 0.32));
    path_mirrored(cr, POINTS({0, 156}, {neck * 0.6, 148}, {neck + 4, 130, true}, {neck + 4, 180}, {0, 160 + depth}));
    part(canvas, &inside, (Relief){30, 0.5, 0});
    path_round_box(cr, -17, 162, 34, 22, 2);
    use_rgba(cr, white, 0.85);
    cairo_fill(cr);

    sleeves(canvas, product, wide);
    Point bottom_of_neck = {0, 150 + depth, kind == V_NECK};
    Point side_of_neck = {neck * (kind == V_NECK ? 0.62 : 0.8), 150 + depth * (kind == V_NECK ? 0.42 : 0.66)};
    path_mirrored(cr, POINTS(bottom_of_neck, side_of_neck, {neck, 142, true}, {wide, 186, true}, {wide - 24, 290},
                             {wide - 14, 398, true}, {wide - 22, 640}, {wide - 12, hem, true}, {0, hem + 10}));
    cast(canvas, 4, 14, 0.3);
    part_begin(canvas, &product->fabric, cloth);
    folds(canvas, design, wide, hem);
    for (int side = -1; side <= 1; side += 2) {
        path_open(cr, POINTS({side * (wide - 4.0), 186}, {side * (wide - 28.0), 290}, {side * (wide - 18.0), 398}));
        seam(canvas, product->colour, 3, false);
    }
    path_open(cr, POINTS({-wide, hem - 24}, {0, hem - 14}, {wide, hem - 24}));
    seam(canvas, product->colour, 3, true);
    part_end(canvas);

    if (design->trait[4] > 0.62 && kind != POLO) {
        Material pocket = product->design->trait[5] > 0.7 ? plain(product->partner) : product->fabric;
        path_mirrored(cr, POINTS({0, 330, true}, {48, 330, true}, {48, 415, true}, {0, 440, true}));
        cairo_path_t *path = cairo_copy_path(cr);
        cairo_new_path(cr);
        cairo_save(cr);
        cairo_translate(cr, 92, 0);
        cairo_append_path(cr, path);
        cast(canvas, 3, 6, 0.3);
        part(canvas, &pocket, thin);
        cairo_append_path(cr, path);
        seam(canvas, pocket.base, 2.5, true);
        cairo_restore(cr);
        cairo_path_destroy(path);
    }
    if (kind == POLO || kind == HENLEY) {
        placket(canvas, product, kind == POLO ? 200 : 205, 150);
    }
    if (kind == POLO) {
        polo_collar(canvas, product, neck);
    } else {
        collar(canvas, product, neck, depth, kind == V_NECK);
    }
    thing_end(canvas, 8, 16, 34, 0.36);
}

const Kind t_shirt_kind = {
    .name = "t-shirt",
    .category = "T-shirt",
    .width = 480,
    .height = 560,
    .turn = 0.03,
    .cheap = 12,
    .dear = 65,
    .materials = {"cotton", "organic cotton", "linen-blend", "jersey"},
    .patterns = {PLAIN, STRIPES, PLAIN, DOTS, TWO_TONE, STRIPES, FLORAL, CHECKS},
    .repeat = 62,
    .noun = noun,
    .draw = draw,
};
