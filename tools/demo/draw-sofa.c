/* SPDX-License-Identifier: Apache-2.0 */
/* Sofas from the front. Traits: 0 model, 1 seats, 2 arms, 3 legs, 4 pillows, 5 height of the back, 6 width of the arms.
 */
#include <math.h>

#include "design.h"

enum { CUSHIONED, BENCH, TUFTED, CURVED, CHAISE, MODELS };
enum { WOODEN, METAL, BLOCK, LEGS };

static unsigned seats_of(const Design *design) { return 2 + pick(design, 1, 2); }

static const char *noun(const Design *design) {
    static const char *const names[MODELS][2] = {{"two-seat sofa", "three-seat sofa"},
                                                 {"loveseat", "bench sofa"},
                                                 {"button-back loveseat", "chesterfield sofa"},
                                                 {"curved loveseat", "curved sofa"},
                                                 {"compact chaise sofa", "chaise sofa"}};
    return names[pick(design, 0, MODELS)][seats_of(design) - 2];
}

typedef struct Frame {
    double half, arm;       /* half width in all; width of an arm */
    double top, seat, base; /* y: of the back, of the seat's front edge, of the frame's lower edge */
} Frame;

static void legs(Canvas *canvas, const Design *design, const Frame *f) {
    static const double places[] = {-0.9, 0.9, -0.76, 0.76};
    for (int i = 3; i >= 0; i--) {
        bool back = i >= 2;
        double x = places[i] * f->half, foot = back ? 812 : 846, splay = places[i] > 0 ? 22 : -22;
        Rgb wood = design->trait[3] < 0.2 ? wood_light : wood_dark;
        Material material = plain(back ? rgb_dark(wood, 0.45) : wood);
        switch (pick(design, 3, LEGS)) {
        case WOODEN:
            path_leg(canvas->cr, x, f->base - 8, x + splay, foot, 34, 18);
            part(canvas, &material, (Relief){10, 0.5, 0.4});
            break;
        case METAL:
            path_leg(canvas->cr, x, f->base - 8, x, foot, 15, 13);
            metal(canvas, back ? rgb_dark(gunmetal, 0.3) : gunmetal, x - 8, 0, x + 8, 0);
            break;
        default:
            path_round_box(canvas->cr, x - 28, f->base - 8, 56, foot - 22 - f->base, 4);
            part(canvas, &material, (Relief){10, 0.5, 0.3});
        }
    }
}

/* A stuffed box: rounder than a box, with a piped edge and a dent where people sit. */
static void cushion(Canvas *canvas, const Material *fabric, double x, double y, double width, double height) {
    cairo_t *cr = canvas->cr;
    double r = x + width, b = y + height, mx = x + width / 2, my = y + height / 2;
    path_closed(cr, POINTS({x + 16, y + 8}, {mx, y - 8}, {r - 16, y + 8}, {r - 1, my}, {r - 10, b - 5}, {mx, b + 4},
                           {x + 10, b - 5}, {x + 1, my}));
    cast(canvas, 7, 14, 0.35);
    part_begin(canvas, fabric, padded);
    fold(canvas, 12, 0.2,
         POINTS({x + width * 0.18, y + 20}, {x + width * 0.28, y + height * 0.3},
                {x + width * 0.36, y + height * 0.36}));
    fold(canvas, 12, 0.18,
         POINTS({r - width * 0.15, y + 22}, {r - width * 0.25, y + height * 0.35},
                {r - width * 0.34, y + height * 0.4}));
    part_end(canvas);
}

static void back(Canvas *canvas, const Product *product, const Frame *f, unsigned model) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    double inner = f->half - f->arm * 0.5;
    if (model == CURVED) {
        path_mirrored(cr, POINTS({0, f->top - 26}, {inner * 0.6, f->top - 12}, {inner * 0.94, f->top + 70},
                                 {f->half - 8, f->seat}, {f->half - 20, f->base, true}, {0, f->base, true}));
    } else {
        path_round_box(cr, -inner, f->top, 2 * inner, f->base - f->top, 36);
    }
    part_begin(canvas, &product->fabric, padded);
    if (model == CURVED) { /* channels */
        for (int i = -4; i <= 4; i++) {
            double x = i * inner / 4.6;
            fold(canvas, 11, 0.5, POINTS({x * 0.96, f->top - 30}, {x, (f->top + f->seat) / 2}, {x * 1.02, f->seat}));
        }
    }
    part_end(canvas);
    if (model == TUFTED) {
        double step = 2 * inner / (seats_of(design) * 3);
        for (int row = 0; row < 2; row++) {
            double y = f->top + 62 + 76 * row;
            for (double x = -inner + step * (row ? 1.0 : 0.5); x < inner - 10; x += step) {
                fold(canvas, 7, 0.4, POINTS({x, y}, {x + step * 0.25, y + 38}, {x + step / 2, y + 76}));
                fold(canvas, 7, 0.4, POINTS({x, y}, {x - step * 0.25, y + 38}, {x - step / 2, y + 76}));
                Material button = plain(rgb_dark(product->colour, 0.12));
                path_ellipse(cr, x, y, 9, 9);
                part(canvas, &button, (Relief){6, 0.6, 0.5});
            }
        }
    }
}

static void arms(Canvas *canvas, const Product *product, const Frame *f, unsigned model) {
    cairo_t *cr = canvas->cr;
    double outer = f->half, inner = outer - f->arm, top = model == TUFTED ? f->top + 16 : f->seat - 150;
    for (int side = -1; side <= 1; side += 2) {
        cairo_save(cr);
        cairo_scale(cr, side, 1);
        switch (model == CURVED ? 4 : model == TUFTED ? 0 : pick(product->design, 2, 4)) {
        case 0: /* rolled */
            path_closed(cr, POINTS({inner, f->base, true}, {inner, top + 80}, {inner - 10, top + 36},
                                   {inner + f->arm * 0.4, top - 10}, {outer + 22, top + 34}, {outer + 8, top + 92},
                                   {outer, f->base, true}));
            cast(canvas, 6, 16, 0.4);
            part_begin(canvas, &product->fabric, padded);
            path_ellipse(cr, inner + f->arm * 0.52, top + 44, f->arm * 0.36, 38);
            seam(canvas, product->colour, 4, false);
            part_end(canvas);
            break;
        case 1: /* a box */
            path_round_box(cr, inner, top, f->arm, f->base - top, 16);
            cast(canvas, 6, 16, 0.4);
            part(canvas, &product->fabric, padded);
            break;
        case 2: /* sloping outwards */
            path_closed(cr, POINTS({inner, f->base, true}, {inner + 4, top + 50}, {inner + 26, top + 8},
                                   {outer + 6, top - 22}, {outer + 30, top + 20}, {outer + 4, f->base, true}));
            cast(canvas, 6, 16, 0.4);
            part(canvas, &product->fabric, padded);
            break;
        case 3: /* low and soft */
            path_round_box(cr, inner - 6, top + 46, f->arm + 12, f->base - top - 46, 48);
            cast(canvas, 6, 16, 0.4);
            part(canvas, &product->fabric, padded);
            break;
        default: break;
        }
        cairo_restore(cr);
    }
}

static void pillows(Canvas *canvas, const Product *product, const Frame *f) {
    const Design *design = product->design;
    unsigned count = pick(design, 4, 4);
    for (unsigned i = 0; i < count && i < 3; i++) {
        bool accent = i != 1;
        Material material = plain(accent ? product->partner : rgb_dark(product->colour, 0.25));
        if (accent && design->pattern == PLAIN && design->style % 3 == 0) {
            material = (Material){
                .base = product->partner, .ink = product->colour, .pattern = STRIPES, .style = 1, .repeat = 34};
        }
        static const double places[] = {-0.62, 0.6, -0.38};
        cairo_save(canvas->cr);
        cairo_translate(canvas->cr, places[i] * (f->half - f->arm), f->seat - 88);
        cairo_rotate(canvas->cr, (i == 1 ? -1 : 1) * (0.18 + 0.1 * i));
        path_closed(canvas->cr, POINTS({-76, -74, true}, {0, -62}, {76, -74, true}, {64, 0}, {76, 74, true}, {0, 64},
                                       {-76, 74, true}, {-64, 0}));
        cast(canvas, 8, 14, 0.45);
        part(canvas, &material, (Relief){40, 0.5, 0.35});
        cairo_restore(canvas->cr);
    }
}

static void seat(Canvas *canvas, const Product *product, const Frame *f, unsigned model) {
    cairo_t *cr = canvas->cr;
    double inner = f->half - (model == CURVED ? 40 : f->arm) + 4;
    path_round_box(cr, -f->half + 8, f->seat + 62, 2 * f->half - 16, f->base - f->seat - 62, 12);
    part(canvas, &product->fabric, (Relief){24, 0.5, 0.2});
    unsigned count = model == BENCH || model == CURVED ? 1 : seats_of(product->design);
    double width = 2 * inner / count;
    for (unsigned i = 0; i < count; i++) {
        cushion(canvas, &product->fabric, -inner + width * i + 1, f->seat - 26, width - 2, 96);
    }
    if (model == CHAISE) { /* it comes towards us, hence lower and larger */
        double left = -f->half + 6, wide = inner * 2 / count + f->arm - 20;
        path_round_box(cr, left, f->seat + 40, wide, 150, 16);
        cast(canvas, 8, 20, 0.45);
        part(canvas, &product->fabric, (Relief){30, 0.5, 0.25});
        cushion(canvas, &product->fabric, left - 4, f->seat - 16, wide + 8, 112);
    }
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    unsigned model = pick(design, 0, MODELS), count = seats_of(design);
    Frame f = {.half = count == 3 ? 600 : 470, .arm = measure(design, 6, 76, 120), .seat = 610, .base = 744};
    f.top = model == TUFTED ? 400 : measure(design, 5, 325, 395);
    if (pick(design, 3, LEGS) == BLOCK) {
        f.base = 770;
    }
    floor_shadow(canvas, 0, 768, f.half + 90, 56, 0.7);
    thing_begin(canvas, 0);
    cairo_translate(canvas->cr, 0, -70);
    legs(canvas, design, &f);
    back(canvas, product, &f, model);
    if (model == CUSHIONED || model == CHAISE) {
        double inner = f.half - f.arm + 2, width = 2 * inner / count;
        for (unsigned i = 0; i < count; i++) {
            cushion(canvas, &product->fabric, -inner + width * i + 2, f.top + 22, width - 4, f.seat - f.top - 36);
        }
    }
    pillows(canvas, product, &f);
    seat(canvas, product, &f, model);
    arms(canvas, product, &f, model);
    thing_end(canvas, 8, 10, 34, 0.22);
}

const Kind sofa_kind = {
    .name = "sofa",
    .category = "Sofa",
    .width = 640,
    .height = 440,
    .floor = 640,
    .cheap = 390,
    .dear = 2400,
    .materials = {"velvet", "linen", "wool-blend", "leather"},
    .patterns = {PLAIN, STRIPES, PLAIN, CHECKS, PLAIN, FLORAL, PLAIN, STRIPES},
    .repeat = 80,
    .noun = noun,
    .draw = draw,
};
