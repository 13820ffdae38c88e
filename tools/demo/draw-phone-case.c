/* SPDX-License-Identifier: Apache-2.0 */
/* Phone cases from behind. Traits: 0 camera, 1 corners, 2 width, 3 extra, 4 finish, 5 lenses, 6 rim, 7 camera frame. */
#include <math.h>

#include "design.h"

enum { SQUARE, PILL, BAR, DISC, CAMERAS };
enum { NOTHING, GRIP, POCKET, CORD, EXTRAS };

static const char *noun(const Design *design) {
    static const char *const names[EXTRAS] = {"phone case", "phone case with ring", "phone case with card pocket",
                                              "phone case with cord"};
    return names[pick(design, 3, EXTRAS)];
}

static void lens(Canvas *canvas, double x, double y, double r) {
    cairo_t *cr = canvas->cr;
    path_ellipse(cr, x, y, r, r);
    metal(canvas, gunmetal, x - r, y - r, x + r, y + r);
    Material glass = plain((Rgb){0.05, 0.05, 0.07});
    path_ellipse(cr, x, y, r * 0.82, r * 0.82);
    part_begin(canvas, &glass, flat);
    path_ellipse(cr, x + r * 0.15, y + r * 0.2, r * 0.5, r * 0.5);
    cairo_set_source_rgba(cr, 0.2, 0.25, 0.5, 0.55);
    cairo_fill(cr);
    path_ellipse(cr, x, y, r * 0.3, r * 0.3);
    cairo_set_source_rgba(cr, 0.02, 0.02, 0.03, 1);
    cairo_fill(cr);
    path_ellipse(cr, x - r * 0.3, y - r * 0.32, r * 0.16, r * 0.13);
    cairo_set_source_rgba(cr, 1, 1, 1, 0.8);
    cairo_fill(cr);
    part_end(canvas);
}

static void flash(cairo_t *cr, double x, double y) {
    path_ellipse(cr, x, y, 13, 13);
    cairo_set_source_rgb(cr, 0.97, 0.94, 0.82);
    cairo_fill(cr);
}

static void camera(Canvas *canvas, const Product *product, double w, double top) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    Material island = plain(design->trait[7] < 0.4   ? (Rgb){0.13, 0.13, 0.15}
                            : design->trait[7] < 0.7 ? rgb_dark(product->colour, 0.3)
                                                     : (Rgb){0.82, 0.83, 0.85});
    double x = -w + 104, y = top + 104, r = 40;
    unsigned lenses = 2 + pick(design, 5, 2);
    switch (pick(design, 0, CAMERAS)) {
    case SQUARE:
        path_round_box(cr, x - 74, y - 74, 198, 198, 50);
        cast(canvas, 5, 8, 0.4);
        part(canvas, &island, (Relief){9, 0.4, 0.4});
        lens(canvas, x - 20, y - 20, r);
        lens(canvas, x + 70, lenses == 3 ? y + 25 : y + 70, r);
        if (lenses == 3) {
            lens(canvas, x - 20, y + 72, r);
        }
        flash(cr, x + 76, y - 34);
        break;
    case PILL:
        path_round_box(cr, x - 60, y - 60, 120, 120 + 104.0 * (lenses - 1), 60);
        cast(canvas, 5, 8, 0.4);
        part(canvas, &island, (Relief){9, 0.4, 0.4});
        for (unsigned i = 0; i < lenses; i++) {
            lens(canvas, x, y + 104.0 * i, r + 4);
        }
        flash(cr, x + 90, y - 10);
        break;
    case BAR:
        cairo_rectangle(cr, -w, y - 40, 2 * w, 118);
        part(canvas, &island, (Relief){8, 0.4, 0.3});
        for (unsigned i = 0; i < lenses; i++) {
            lens(canvas, x + 10 + 94.0 * i, y + 19, r);
        }
        if (lenses == 2) {
            flash(cr, w - 60, y + 19);
        }
        break;
    default:
        path_ellipse(cr, 0, y + 66, 118, 118);
        cast(canvas, 5, 8, 0.4);
        part(canvas, &island, (Relief){12, 0.4, 0.4});
        for (unsigned i = 0; i < lenses + 1; i++) {
            double at = M_PI / 4 + i * 2 * M_PI / (lenses + 1);
            lens(canvas, cos(at) * 58, y + 66 + sin(at) * 58, 34);
        }
        flash(cr, 0, y + 66);
    }
}

static void extra(Canvas *canvas, const Product *product, double w) {
    cairo_t *cr = canvas->cr;
    Material leather = plain(rgb_dark(product->colour, 0.25));
    switch (pick(product->design, 3, EXTRAS)) {
    case GRIP:
        path_ellipse(cr, 0, 610, 62, 62);
        cast(canvas, 7, 10, 0.45);
        metal(canvas, steel, -62, 550, 62, 672);
        path_ellipse(cr, 0, 610, 44, 44);
        use_rgb(cr, rgb_dark(product->colour, 0.15));
        cairo_fill(cr);
        path_ellipse(cr, 0, 610, 52, 52);
        cairo_set_line_width(cr, 13);
        use_rgb(cr, rgb_light(steel, 0.35));
        cairo_stroke(cr);
        break;
    case POCKET:
        path_round_box(cr, -w + 46, 560, 2 * w - 92, 260, 18);
        cast(canvas, 7, 12, 0.4);
        part_begin(canvas, &leather, (Relief){14, 0.35, 0.3});
        path_round_box(cr, -w + 58, 572, 2 * w - 116, 236, 12);
        seam(canvas, leather.base, 3, true);
        path_mirrored(cr, POINTS({0, 560, true}, {60, 560, true}, {0, 604}));
        use_rgb(cr, rgb_dark(leather.base, 0.45));
        cairo_fill(cr);
        part_end(canvas);
        break;
    default: break;
    }
}

static void body(Canvas *canvas, const Product *product, double w, double radius) {
    cairo_t *cr = canvas->cr;
    const double top = 110, height = 790;
    /* Its side, seen a little from the left, with two keys. */
    Material side = plain(rgb_dark(product->colour, 0.35));
    for (int i = 0; i < 2; i++) {
        path_round_box(cr, w + 2, 300 + 130.0 * i, 18, i == 0 ? 100 : 64, 7);
        part(canvas, &side, thin);
    }
    path_round_box(cr, -w + 4, top + 6, 2 * w + 8, height, radius);
    part(canvas, &side, (Relief){12, 0.4, 0.3});
    Material fabric = product->fabric;
    fabric.split_y = 540;
    path_round_box(cr, -w, top, 2 * w, height, radius);
    part_begin(canvas, &fabric, (Relief){22, 0.4, 0.45});
    double finish = product->design->trait[4];
    if (finish > 0.55) { /* gloss: a window across the corner */
        cairo_t *soft = soft_begin(canvas, 14);
        cairo_move_to(soft, w * 0.1, top - 20);
        cairo_line_to(soft, w * 0.75, top - 20);
        cairo_line_to(soft, -w * 0.35, top + height + 20);
        cairo_line_to(soft, -w, top + height + 20);
        cairo_close_path(soft);
        cairo_fill(soft);
        soft_end(canvas, shine, 0.2);
    } else {
        gleam(canvas, 120, 0.14, POINTS({-w * 0.5, top + 300}, {-w * 0.3, top + 500}, {-w * 0.4, top + 700}));
    }
    if (product->design->trait[6] > 0.65) { /* a raised rim in the second colour */
        path_round_box(cr, -w + 9, top + 9, 2 * w - 18, height - 18, radius - 8);
        cairo_set_line_width(cr, 16);
        use_rgb(cr, product->partner);
        cairo_stroke(cr);
    }
    camera(canvas, product, w, top);
    part_end(canvas);
    extra(canvas, product, w);
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    double w = measure(design, 2, 190, 215), radius = measure(design, 1, 44, 86);
    thing_begin(canvas, 0.13);
    cairo_translate(canvas->cr, 0, 500);
    cairo_scale(canvas->cr, 0.95, 0.95);
    cairo_translate(canvas->cr, 0, -505);
    if (pick(design, 3, EXTRAS) == CORD) {
        Rgb cord = rgb_mix(product->colour, product->partner, 0.5);
        strap(canvas, cord, 15,
              POINTS({w - 70, 890}, {w + 20, 935}, {w + 76, 800}, {w + 60, 480}, {w + 78, 180}, {w - 30, 60}, {-60, 70},
                     {-w - 40, 190}, {-w - 56, 520}, {-w - 30, 820}, {-w + 60, 930}, {-w + 76, 892}));
    }
    body(canvas, product, w, radius);
    thing_end(canvas, 14, 20, 34, 0.42);
}

const Kind phone_case_kind = {
    .name = "phone-case",
    .category = "Phone case",
    .width = 400,
    .height = 600,
    .turn = 0.13,
    .cheap = 9,
    .dear = 59,
    .materials = {"silicone", "matt", "leather-look", "recycled"},
    .patterns = {FLORAL, PLAIN, STRIPES, TWO_TONE, DOTS, CHECKS, PLAIN, TWO_TONE},
    .repeat = 96,
    .noun = noun,
    .draw = draw,
};
