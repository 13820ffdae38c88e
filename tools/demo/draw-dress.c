/* SPDX-License-Identifier: Apache-2.0 */
/* Dresses, as if worn by nobody. Traits: 0 neck, 1 sleeves, 2 silhouette, 3 length, 4 belt, 5 waist, 6 hem, 7 buttons.
 */
#include <math.h>

#include "design.h"

enum { ROUND, V_NECK, SQUARE, STRAPS, NECKS };
enum { BARE, CAP, SHORT, LONG, SLEEVES };
enum { SHEATH, A_LINE, FLARED, SHIFT, SHAPES };

typedef struct Cut {
    unsigned neck, sleeve, shape;
    double waist, hem, half; /* units: half width at the waist, y of the hem, half width there */
} Cut;

static Cut cut_of(const Design *design) {
    Cut cut = {.neck = pick(design, 0, NECKS), .sleeve = pick(design, 1, SLEEVES), .shape = pick(design, 2, SHAPES)};
    static const double halves[SHAPES] = {132, 215, 285, 168};
    static const double lengths[] = {690, 815, 930};
    if (cut.neck == STRAPS) {
        cut.sleeve = BARE;
    }
    cut.hem = lengths[pick(design, 3, 3)] + measure(design, 6, -20, 20);
    cut.half = halves[cut.shape] * (1 + (cut.hem - 800) / 1200);
    cut.waist = cut.shape == SHIFT ? 128 : measure(design, 5, 88, 102);
    return cut;
}

static const char *noun(const Design *design) {
    static const char *const names[SHAPES][3] = {{"mini sheath dress", "pencil dress", "column dress"},
                                                 {"A-line mini dress", "A-line dress", "maxi dress"},
                                                 {"skater dress", "fit-and-flare dress", "ball gown"},
                                                 {"mini shift dress", "shift dress", "long shift dress"}};
    return names[pick(design, 2, SHAPES)][pick(design, 3, 3)];
}

static void sleeves(Canvas *canvas, const Product *product, const Cut *cut) {
    for (int side = -1; cut->sleeve != BARE && side <= 1; side += 2) {
        cairo_save(canvas->cr);
        cairo_scale(canvas->cr, side, 1);
        Material material = product->fabric;
        material.angle += cut->sleeve == LONG ? 0.12 : 0.5;
        if (cut->sleeve == CAP) { /* puffed */
            path_closed(canvas->cr, POINTS({118, 122, true}, {178, 118}, {216, 178}, {205, 250}, {150, 268, true},
                                           {122, 240, true}));
        } else if (cut->sleeve == SHORT) {
            path_closed(canvas->cr,
                        POINTS({122, 124, true}, {170, 150}, {226, 300, true}, {160, 335, true}, {122, 255, true}));
        } else {
            path_closed(canvas->cr, POINTS({122, 124, true}, {172, 165}, {204, 340}, {236, 560}, {222, 600, true},
                                           {178, 604, true}, {166, 560}, {158, 380}, {122, 255, true}));
        }
        part_begin(canvas, &material, (Relief){38, 0.45, 0.22});
        if (cut->sleeve == CAP) {
            for (int i = 0; i < 4; i++) {
                fold(canvas, 8, 0.3, POINTS({135 + 14.0 * i, 128}, {150 + 15.0 * i, 170}, {148 + 14.0 * i, 262}));
            }
        } else if (cut->sleeve == LONG) {
            fold(canvas, 9, 0.3, POINTS({160, 300}, {188, 400}, {200, 590}));
            fold(canvas, 8, 0.25, POINTS({200, 420}, {178, 470}, {182, 590}));
        } else {
            fold(canvas, 9, 0.3, POINTS({140, 240}, {170, 230}, {190, 250}));
        }
        part_end(canvas);
        cairo_restore(canvas->cr);
    }
}

static void straps(Canvas *canvas, const Product *product) {
    Material strap = plain(rgb_dark(product->colour, 0.08));
    for (int side = -1; side <= 1; side += 2) {
        path_bar(canvas->cr, side * 84.0, 205, side * 66.0, 92, 12);
        part(canvas, &strap, (Relief){5, 0.4, 0.3});
    }
}

/* The skirt from the waist down: its folds fan out, its hem waves where there is cloth to spare. */
static void skirt(Canvas *canvas, const Product *product, const Cut *cut, double from) {
    cairo_t *cr = canvas->cr;
    double wave = cut->shape == FLARED ? 11 : cut->shape == A_LINE ? 6 : 0, half = cut->half, hem = cut->hem;
    double hip = cut->shape == FLARED ? cut->waist + (half - cut->waist) * 0.5
                                      : fmax(136, cut->waist + (half - cut->waist) * 0.4);
    double hip_y = from + (cut->shape == FLARED ? (hem - from) * 0.36 : 130);
    path_mirrored(cr, POINTS({0, from - 4, true}, {cut->waist, from, true}, {hip, hip_y}, {half, hem, true},
                             {half * 0.8, hem + 10 + wave}, {half * 0.6, hem + 14 - wave},
                             {half * 0.4, hem + 18 + wave}, {half * 0.2, hem + 18 - wave}, {0, hem + 20 + wave}));
    cast(canvas, 3, 10, 0.2);
    part_begin(canvas, &product->fabric, (Relief){50, 0.45, 0.2});
    Random random = {product->design->seed ^ 9};
    int folds = cut->shape == FLARED ? 9 : cut->shape == A_LINE ? 6 : 3;
    for (int i = 0; i < folds; i++) {
        double at = (i + 0.5) / folds * 2 - 1 + random_between(&random, -0.06, 0.06);
        double top = from + (cut->shape == FLARED ? 10 : random_between(&random, 60, 160));
        double strength = cut->shape == FLARED ? 0.42 : 0.26;
        fold(canvas, cut->shape == FLARED ? 15 : 18, strength,
             POINTS({at * cut->waist * 0.85, top}, {at * (cut->waist + half) * 0.46, (top + hem) / 2},
                    {at * half * 0.96, hem + 16}));
    }
    if (product->design->trait[6] > 0.7 && cut->shape != SHEATH) { /* a tier */
        double y = from + (hem - from) * 0.66, x = half * 0.95;
        fold(canvas, 9, 0.5, POINTS({-x, y - 4}, {0, y + 10}, {x, y - 4}));
    }
    path_open(cr, POINTS({-half, hem - 18}, {0, hem + 2}, {half, hem - 18}));
    seam(canvas, product->colour, 2.4, true);
    part_end(canvas);
}

static void bodice(Canvas *canvas, const Product *product, const Cut *cut, double waist_y) {
    cairo_t *cr = canvas->cr;
    double w = cut->waist;
    Point under = {132, 266, true}, bust = {122, 320}, waist = {w, waist_y, true}, foot = {0, waist_y + 6};
    switch (cut->neck) {
    case ROUND:
        path_mirrored(
            cr, POINTS({0, 172}, {48, 152}, {68, 104, true}, {140, 126, true}, {120, 200}, under, bust, waist, foot));
        break;
    case V_NECK:
        path_mirrored(cr, POINTS({0, 262, true}, {44, 180}, {66, 104, true}, {140, 126, true}, {120, 200}, under, bust,
                                 waist, foot));
        break;
    case SQUARE:
        path_mirrored(cr, POINTS({0, 198, true}, {72, 196, true}, {80, 104, true}, {138, 120, true}, {120, 200}, under,
                                 bust, waist, foot));
        break;
    default:
        path_mirrored(cr, POINTS({0, 214, true}, {50, 196}, {92, 192, true}, {112, 222}, under, bust, waist, foot));
    }
    cast(canvas, 3, 10, 0.25);
    part_begin(canvas, &product->fabric, (Relief){42, 0.45, 0.25});
    for (int side = -1; side <= 1; side += 2) {
        double s = side;
        gleam(canvas, 40, 0.16, POINTS({s * 52, 270}, {s * 62, 300}, {s * 56, 320}));
        fold(canvas, 10, 0.26, POINTS({s * 118, 290}, {s * 90, 320}, {s * 70, 322}));
        fold(canvas, 9, 0.22, POINTS({s * 60, 330}, {s * 55, waist_y - 40}, {s * 50, waist_y}));
    }
    part_end(canvas);
}

static void belt(Canvas *canvas, const Product *product, const Cut *cut, double y) {
    cairo_t *cr = canvas->cr;
    Material material = plain(product->design->trait[4] > 0.8 ? leather_tan : rgb_dark(product->colour, 0.3));
    path_mirrored(cr, POINTS({0, y - 9}, {cut->waist + 3, y - 15, true}, {cut->waist + 4, y + 13, true}, {0, y + 20}));
    cast(canvas, 5, 8, 0.35);
    part(canvas, &material, (Relief){9, 0.4, 0.3});
    path_round_box(cr, -19, y - 10, 38, 32, 6);
    cairo_set_line_width(cr, 5);
    use_rgb(cr, gold);
    cairo_stroke(cr);
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    Cut cut = cut_of(design);
    double waist_y = cut.shape == SHIFT ? 420 : measure(design, 5, 405, 430);
    thing_begin(canvas, 0.02);
    cairo_t *cr = canvas->cr;
    cairo_translate(cr, 0, (1000 - cut.hem) / 2 - 45);
    double zoom = cut.hem < 750 ? 1.12 : 1;
    cairo_translate(cr, 0, 500);
    cairo_scale(cr, zoom, zoom);
    cairo_translate(cr, 0, -500);

    if (cut.neck == STRAPS) {
        straps(canvas, product);
    } else {
        Material inside = plain(rgb_dark(product->colour, 0.35));
        path_mirrored(cr, POINTS({0, 122}, {40, 116}, {76, 98, true}, {74, 170}, {0, 270}));
        part(canvas, &inside, (Relief){24, 0.5, 0});
    }
    sleeves(canvas, product, &cut);
    skirt(canvas, product, &cut, waist_y);
    bodice(canvas, product, &cut, waist_y);
    if (cut.shape != SHIFT && design->trait[4] > 0.45) {
        belt(canvas, product, &cut, waist_y);
    }
    if (design->trait[7] > 0.7) {
        Material button = plain(rgb_luma(product->colour) > 0.7 ? wood_dark : white);
        for (double y = 286; y < cut.hem - 20; y += 62) {
            path_ellipse(cr, 0, y, 7, 7);
            part(canvas, &button, (Relief){4, 0.5, 0.3});
        }
    }
    thing_end(canvas, 8, 16, 36, 0.32);
}

const Kind dress_kind = {
    .name = "dress",
    .category = "Dress",
    .width = 480,
    .height = 640,
    .turn = 0.02,
    .cheap = 29,
    .dear = 240,
    .materials = {"cotton", "linen", "viscose", "silk-blend"},
    .patterns = {PLAIN, FLORAL, STRIPES, DOTS, PLAIN, CHECKS, TWO_TONE, FLORAL},
    .repeat = 58,
    .noun = noun,
    .draw = draw,
};
