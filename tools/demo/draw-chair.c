/* SPDX-License-Identifier: Apache-2.0 */
/* Chairs from the front. Traits: 0 model, 1 back, 2 width, 3 wood, 4 painted, 5 slats, 6 legs, 7 height. */
#include <math.h>

#include "design.h"

enum { DINING, SPINDLE, SHELL, ARMCHAIR, OFFICE, MODELS };

static const char *noun(const Design *design) {
    static const char *const names[MODELS] = {"dining chair", "spindle-back chair", "shell chair", "armchair",
                                              "office chair"};
    return names[pick(design, 0, MODELS)];
}

/* Wood, or paint in the chair's own colour where the seat is not upholstered. */
static Rgb frame_of(const Product *product) {
    const Design *design = product->design;
    if (pick(design, 0, MODELS) == SPINDLE) {
        return product->colour;
    }
    return design->trait[3] < 0.45 ? wood_light : design->trait[3] < 0.8 ? wood_dark : gunmetal;
}

static void leg(Canvas *canvas, Rgb tone, double ax, double ay, double bx, double by, double top, double foot) {
    Material material = plain(tone);
    path_leg(canvas->cr, ax, ay, bx, by, top, foot);
    part(canvas, &material, (Relief){9, 0.5, 0.4});
}

static void four_legs(Canvas *canvas, Rgb tone, double half, double seat, double splay, double width) {
    Rgb behind = rgb_dark(tone, 0.35);
    for (int side = -1; side <= 1; side += 2) {
        leg(canvas, behind, side * (half - 34), seat, side * (half - 34 + splay * 0.5), 862, width * 0.85, width * 0.6);
    }
    leg(canvas, behind, -half + 30, seat + 190, half - 30, seat + 190, 13, 13);
    for (int side = -1; side <= 1; side += 2) {
        leg(canvas, tone, side * (half - 8), seat, side * (half - 8 + splay), 915, width, width * 0.65);
    }
}

/* A seat seen from a little above: a trapezoid with a front edge. */
static void seat(Canvas *canvas, const Material *material, double half, double y, double deep, double thick) {
    cairo_t *cr = canvas->cr;
    Material front = *material;
    front.base = rgb_dark(front.base, 0.18);
    path_closed(cr,
                POINTS({-half, y + deep - 8}, {0, y + deep}, {half, y + deep - 8}, {half - 4, y + deep + thick, true},
                       {0, y + deep + thick + 8}, {-half + 4, y + deep + thick, true}));
    part(canvas, &front, (Relief){12, 0.45, 0.2});
    path_closed(cr, POINTS({-half + 36, y}, {0, y - 6}, {half - 36, y}, {half - 14, y + deep * 0.4},
                           {half + 2, y + deep - 6}, {0, y + deep + 10}, {-half - 2, y + deep - 6},
                           {-half + 14, y + deep * 0.4}));
    part_begin(canvas, material, (Relief){30, 0.4, 0.35});
    gleam(canvas, 46, 0.16, POINTS({-half * 0.4, y + deep * 0.5}, {0, y + deep * 0.6}, {half * 0.3, y + deep * 0.5}));
    part_end(canvas);
}

static void dining(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Rgb wood = frame_of(product);
    Material timber = plain(wood);
    double top = measure(design, 7, 95, 190), width = measure(design, 6, 26, 38);
    four_legs(canvas, wood, half, 590, 16, width);
    for (int side = -1; side <= 1; side += 2) {
        leg(canvas, wood, side * (half - 22), 560, side * (half - 8), top, 30, 24);
    }
    unsigned back = pick(design, 1, 4);
    if (back == 0) { /* upholstered */
        path_round_box(cr, -half + 10, top + 6, 2 * half - 20, 300, 34);
        cast(canvas, 6, 12, 0.3);
        part(canvas, &product->fabric, padded);
    } else if (back == 1) { /* a ladder */
        for (int i = 0; i < 3; i++) {
            double y = top + 20 + 105 * i;
            path_mirrored(cr, POINTS({0, y - 12}, {half - 14, y + 4, true}, {half - 16, y + 56, true}, {0, y + 46}));
            part(canvas, i == 0 && design->trait[4] > 0.5 ? &product->fabric : &timber, (Relief){12, 0.45, 0.35});
        }
    } else { /* upright slats, or one broad splat, below a rail */
        int count = back == 2 ? 4 + (int)pick(design, 5, 2) : 1;
        for (int i = 0; i < count; i++) {
            double x = count == 1 ? 0 : (i - (count - 1) / 2.0) * (2 * half - 70) / count;
            leg(canvas, rgb_dark(wood, 0.1), x, top + 40, x * 0.92, 560, count == 1 ? 120 : 22, count == 1 ? 84 : 20);
        }
        path_mirrored(cr, POINTS({0, top - 26}, {half + 6, top - 6, true}, {half, top + 62, true}, {0, top + 50}));
        cast(canvas, 4, 8, 0.3);
        part(canvas, design->trait[4] > 0.5 ? &product->fabric : &timber, (Relief){14, 0.45, 0.35});
    }
    seat(canvas, &product->fabric, half + 8, 530, 76, 34);
}

static void spindle(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    Rgb paint = product->colour;
    double top = measure(product->design, 7, 110, 190);
    four_legs(canvas, paint, half - 18, 590, 46, 30);
    int count = 6 + (int)pick(product->design, 5, 3);
    bool hoop = product->design->trait[1] > 0.5;
    for (int i = 0; i < count; i++) {
        double t = (i + 0.5) / count * 2 - 1, x = t * (half - 12), rise = hoop ? top + 10 + t * t * 150 : top + 20;
        leg(canvas, rgb_dark(paint, 0.06), x * 0.86, 560, x, rise, 15, 11);
    }
    if (hoop) {
        strap(canvas, paint, 27,
              POINTS({-half + 34, 560}, {-half + 2, 330}, {-half * 0.62, top + 34}, {0, top}, {half * 0.62, top + 34},
                     {half - 2, 330}, {half - 34, 560}));
    } else {
        Material rail = plain(paint);
        path_mirrored(cr, POINTS({0, top - 24}, {half + 22, top - 8}, {half + 20, top + 48}, {0, top + 36}));
        cast(canvas, 4, 8, 0.3);
        part(canvas, &rail, (Relief){14, 0.45, 0.4});
    }
    Material saddle = product->fabric;
    seat(canvas, &saddle, half + 14, 530, 74, 28);
}

static void shell(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Rgb wood = frame_of(product);
    double top = measure(design, 7, 190, 270);
    if (design->trait[6] > 0.5) { /* a wire tower */
        for (int side = -1; side <= 1; side += 2) {
            leg(canvas, gunmetal, side * 60, 620, side * 150, 905, 10, 10);
            leg(canvas, gunmetal, side * 120, 620, side * 60, 870, 9, 9);
            leg(canvas, gunmetal, side * 60, 870, -side * 30, 640, 8, 8);
        }
        leg(canvas, wood, -150, 700, -205, 915, 26, 17);
        leg(canvas, wood, 150, 700, 205, 915, 26, 17);
    } else {
        four_legs(canvas, wood, half * 0.72, 640, 62, 30);
    }
    path_mirrored(cr, POINTS({0, top}, {half * 0.7, top + 14}, {half * 0.98, top + 120}, {half * 0.9, top + 270},
                             {half + 30, top + 340}, {half + 26, 600}, {half * 0.7, 672}, {0, 690}));
    part_begin(canvas, &product->fabric, (Relief){56, 0.55, 0.4});
    fold(canvas, 40, 0.35, POINTS({-half * 0.84, 520}, {0, 560}, {half * 0.84, 520}));
    gleam(canvas, 60, 0.25, POINTS({-half * 0.5, top + 80}, {-half * 0.55, top + 160}, {-half * 0.45, top + 230}));
    gleam(canvas, 40, 0.28, POINTS({-half * 0.6, 620}, {0, 640}, {half * 0.5, 624}));
    part_end(canvas);
}

static void armchair(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Rgb wood = frame_of(product);
    double wide = half + 70, top = measure(design, 7, 190, 260);
    for (int side = -1; side <= 1; side += 2) {
        leg(canvas, wood, side * (wide - 50), 800, side * (wide - 36), 912, 34, 20);
    }
    bool wing = design->trait[1] > 0.5;
    if (wing) {
        path_mirrored(cr, POINTS({0, top - 16}, {half * 0.8, top}, {half + 34, top + 60}, {half + 44, top + 220},
                                 {half + 20, 560}, {half, 760, true}, {0, 760, true}));
    } else {
        path_mirrored(cr, POINTS({0, top}, {half * 0.76, top + 14}, {half - 2, top + 100}, {half, 560},
                                 {half, 760, true}, {0, 760, true}));
    }
    part_begin(canvas, &product->fabric, padded);
    for (int i = 0; design->trait[5] > 0.5 && i < 6; i++) { /* buttons */
        double x = (i % 3 - 1) * half * 0.5, y = top + 90 + 110 * (i / 3);
        fold(canvas, 8, 0.4, POINTS({x - 40, y - 34}, {x, y}, {x + 40, y - 34}));
        path_ellipse(cr, x, y, 9, 9);
        use_rgb(cr, rgb_dark(product->colour, 0.4));
        cairo_fill(cr);
    }
    part_end(canvas);
    path_round_box(cr, -wide + 30, 700, 2 * wide - 60, 120, 16);
    part(canvas, &product->fabric, (Relief){30, 0.5, 0.2});
    path_closed(cr, POINTS({-half + 14, 590}, {0, 572}, {half - 14, 590}, {half + 6, 650}, {half - 8, 718}, {0, 728},
                           {-half + 8, 718}, {-half - 6, 650}));
    cast(canvas, 4, 14, 0.45);
    part(canvas, &product->fabric, padded);
    for (int side = -1; side <= 1; side += 2) {
        cairo_save(cr);
        cairo_scale(cr, side, 1);
        path_closed(cr, POINTS({half - 16, 816, true}, {half - 14, 600}, {half - 4, 520}, {half + 44, 496},
                               {wide + 22, 530}, {wide + 14, 620}, {wide, 816, true}));
        cast(canvas, 4, 16, 0.4);
        part(canvas, &product->fabric, padded);
        cairo_restore(cr);
    }
}

static void office(Canvas *canvas, const Product *product, double half) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    double top = measure(design, 7, 90, 190);
    Rgb tone = design->trait[4] > 0.5 ? steel : gunmetal;
    const double feet[5][2] = {{-190, 868}, {190, 868}, {-110, 838}, {110, 838}, {0, 896}};
    for (int i = 0; i < 5; i++) {
        leg(canvas, rgb_dark(tone, 0.2), 0, 800, feet[i][0], feet[i][1] - 20, 34, 20);
        Material castor = plain((Rgb){0.12, 0.12, 0.13});
        path_ellipse(cr, feet[i][0], feet[i][1], 20, 24);
        part(canvas, &castor, (Relief){9, 0.4, 0.5});
    }
    cairo_rectangle(cr, -17, 640, 34, 172);
    metal(canvas, tone, -17, 0, 17, 0);
    cairo_rectangle(cr, -22, 470, 44, 130);
    metal(canvas, gunmetal, -22, 0, 22, 0);
    path_mirrored(cr, POINTS({0, top}, {half * 0.72, top + 12}, {half * 0.96, top + 120}, {half * 0.8, 430},
                             {half * 0.5, 500}, {0, 512}));
    part_begin(canvas, &product->fabric, padded);
    if (design->trait[5] > 0.5) {
        for (double y = top + 70; y < 480; y += 74) {
            fold(canvas, 9, 0.42, POINTS({-half, y - 6}, {0, y + 6}, {half, y - 6}));
        }
    } else {
        fold(canvas, 20, 0.3, POINTS({-half * 0.8, 380}, {0, 400}, {half * 0.8, 380}));
    }
    part_end(canvas);
    if (design->trait[1] > 0.35) {
        for (int side = -1; side <= 1; side += 2) {
            strap(canvas, gunmetal, 20,
                  POINTS({side * half * 0.8, 628}, {side * (half + 44), 600}, {side * (half + 48), 500}));
            path_round_box(cr, side * (half + 48) - 30, 476, 60, 26, 13);
            metal(canvas, (Rgb){0.16, 0.16, 0.18}, 0, 470, 0, 510);
        }
    }
    seat(canvas, &product->fabric, half + 16, 560, 66, 44);
}

static void draw(Canvas *canvas, const Product *product) {
    static void (*const models[MODELS])(Canvas *, const Product *, double) = {dining, spindle, shell, armchair, office};
    const Design *design = product->design;
    unsigned model = pick(design, 0, MODELS);
    double half = measure(design, 2, 150, 182);
    floor_shadow(canvas, 0, 902, half + 110, 42, 0.6);
    thing_begin(canvas, 0);
    models[model](canvas, product, half);
    thing_end(canvas, 8, 10, 26, 0.2);
}

const Kind chair_kind = {
    .name = "chair",
    .category = "Chair",
    .width = 480,
    .height = 600,
    .floor = 800,
    .cheap = 59,
    .dear = 690,
    .materials = {"", "upholstered", "oak", "bentwood"},
    .patterns = {PLAIN, PLAIN, CHECKS, PLAIN, STRIPES, PLAIN, FLORAL, DOTS},
    .repeat = 58,
    .noun = noun,
    .draw = draw,
};
