/* SPDX-License-Identifier: Apache-2.0 */
/* Watches, laid out. Traits: 0 case, 1 strap, 2 dial, 3 hours, 4 bezel, 5 metal, 6 subdials, 7 size. */
#include <math.h>

#include "design.h"

enum { ROUND, SQUARE, CUSHION, TANK, CASES };
enum { LEATHER, LINKS, WOVEN, RUBBER, STRAPS };

static unsigned case_of(const Design *design) {
    static const unsigned cases[] = {ROUND, ROUND, SQUARE, ROUND, CUSHION, TANK};
    return cases[pick(design, 0, 6)];
}

/* A pattern needs cloth to be woven into. */
static unsigned strap_of(const Design *design) {
    return design->pattern == PLAIN || design->pattern == TWO_TONE ? pick(design, 1, STRAPS) : WOVEN;
}

static bool has_subdials(const Design *design) { return design->trait[6] > 0.65 && case_of(design) != TANK; }

static const char *noun(const Design *design) {
    if (has_subdials(design)) {
        return "chronograph";
    }
    static const char *const names[CASES] = {"watch", "square watch", "cushion watch", "dress watch"};
    return design->trait[4] > 0.66 && case_of(design) == ROUND ? "diver's watch" : names[case_of(design)];
}

static Rgb metal_of(const Design *design) {
    return design->trait[5] < 0.5 ? steel : design->trait[5] < 0.8 ? gold : gunmetal;
}

static void case_path(cairo_t *cr, unsigned shape, double r) {
    switch (shape) {
    case ROUND: path_ellipse(cr, 0, 500, r, r); break;
    case SQUARE: path_round_box(cr, -r * 0.9, 500 - r * 0.9, r * 1.8, r * 1.8, r * 0.3); break;
    case CUSHION:
        path_closed(cr, POINTS({-r * 0.8, 500 - r * 0.82}, {0, 500 - r}, {r * 0.8, 500 - r * 0.82}, {r * 0.98, 500},
                               {r * 0.8, 500 + r * 0.82}, {0, 500 + r}, {-r * 0.8, 500 + r * 0.82}, {-r * 0.98, 500}));
        break;
    default: path_round_box(cr, -r * 0.74, 500 - r * 1.06, r * 1.48, r * 2.12, r * 0.12);
    }
}

/* One half of the strap, drawn upwards from the case; the other is its mirror image. */
static void half_strap(Canvas *canvas, const Product *product, double wide, bool lower) {
    cairo_t *cr = canvas->cr;
    unsigned kind = strap_of(product->design);
    double narrow = wide * 0.8, end = lower ? 26 : 70;
    Material material = product->fabric;
    material.split_y = lower ? 500 : 250;
    if (material.pattern == STRIPES) {
        material.angle = M_PI / 2;
        material.repeat = wide * 0.66;
    }
    if (kind == LINKS) {
        Rgb tone = metal_of(product->design);
        for (double y = 372; y > end + 10; y -= 31) {
            double half = narrow + (wide - narrow) * (y - end) / (372 - end);
            const double edges[] = {-half, -half * 0.42, half * 0.42, half};
            for (int i = 0; i < 3; i++) {
                path_round_box(cr, edges[i] + 1, y - 29, edges[i + 1] - edges[i] - 2, 28, 6);
                metal(canvas, i == 1 ? rgb_light(tone, 0.25) : tone, edges[i], y - 40, edges[i + 1], y);
            }
        }
        return;
    }
    path_mirrored(cr, POINTS({0, end, true}, {narrow * 0.6, end + (lower ? 6 : 0)},
                             {narrow, end + (lower ? 46 : 8), !lower}, {wide, 380, true}, {0, 380, true}));
    part_begin(canvas, &material, kind == RUBBER ? solid : (Relief){22, 0.5, 0.3});
    if (kind == LEATHER) {
        path_open(cr, POINTS({-narrow + 13, end + 30}, {-wide + 14, 380}));
        seam(canvas, material.base, 4, true);
        path_open(cr, POINTS({narrow - 13, end + 30}, {wide - 14, 380}));
        seam(canvas, material.base, 4, true);
    } else if (kind == RUBBER) {
        for (double y = 120; y < 380; y += 44) {
            fold(canvas, 6, 0.5, POINTS({-wide * 0.6, y}, {0, y - 6}, {wide * 0.6, y}));
        }
    }
    gleam(canvas, 36, 0.22, POINTS({-narrow * 0.3, 300}, {-narrow * 0.3, 200}, {-narrow * 0.25, 110}));
    for (int i = 0; lower && i < 5; i++) {
        path_ellipse(cr, 0, 92 + 34.0 * i, 6, 8);
        use_rgb(cr, rgb_dark(material.base, 0.7));
        cairo_fill(cr);
    }
    part_end(canvas);
    if (!lower) { /* the buckle */
        Rgb tone = metal_of(product->design);
        path_round_box(cr, -narrow - 14, 38, 2 * narrow + 28, 66, 16);
        cairo_set_line_width(cr, 15);
        use_rgb(cr, rgb_dark(tone, 0.3));
        cairo_stroke_preserve(cr);
        cairo_set_line_width(cr, 9);
        use_rgb(cr, rgb_light(tone, 0.2));
        cairo_stroke(cr);
        strap(canvas, tone, 10, POINTS({0, 110}, {0, 70}, {0, 40}));
    }
}

static void bezel(Canvas *canvas, const Product *product, unsigned shape, double r) {
    cairo_t *cr = canvas->cr;
    Rgb tone = metal_of(product->design);
    /* Lugs and crown. */
    for (int x = -1; x <= 1; x += 2) {
        for (int y = -1; y <= 1; y += 2) {
            path_leg(cr, x * r * 0.62, 500 + y * r * 0.6, x * r * 0.5, 500 + y * r * 1.2, 54, 30);
            metal(canvas, tone, x * r * 0.4, 500, x * r * 0.8, 500);
        }
    }
    path_round_box(cr, r * (shape == TANK ? 0.72 : shape == SQUARE ? 0.88 : 0.97), 480, 34, 42, 8);
    metal(canvas, tone, 0, 478, 0, 524);
    case_path(cr, shape, r);
    cast(canvas, 8, 16, 0.45);
    metal(canvas, tone, -r, 500 - r, r, 500 + r);
    if (product->design->trait[4] > 0.66 && shape == ROUND) { /* a diver's ring */
        Material ring = plain(rgb_dark(product->colour, 0.25));
        path_ellipse(cr, 0, 500, r * 0.96, r * 0.96);
        part(canvas, &ring, (Relief){10, 0.4, 0.4});
        for (int i = 0; i < 60; i++) {
            double at = i * M_PI / 30, inner = r * (i % 5 == 0 ? 0.84 : 0.89);
            cairo_move_to(cr, sin(at) * inner, 500 - cos(at) * inner);
            cairo_line_to(cr, sin(at) * r * 0.93, 500 - cos(at) * r * 0.93);
        }
        cairo_set_line_width(cr, 3);
        use_rgb(cr, white);
        cairo_stroke(cr);
    }
}

static void hours(Canvas *canvas, const Design *design, unsigned shape, double r, Rgb ink) {
    cairo_t *cr = canvas->cr;
    unsigned style = pick(design, 3, 4);
    for (int i = 0; i < 12; i++) {
        double at = i * M_PI / 6, dx = sin(at), dy = -cos(at), reach = r;
        if (shape == SQUARE || shape == TANK) { /* onto the edge of a box */
            double half = shape == TANK ? 0.74 : 1, tall = shape == TANK ? 1.12 : 1;
            reach = r * fmin(fabs(dx) > 1e-6 ? half / fabs(dx) : 9, fabs(dy) > 1e-6 ? tall / fabs(dy) : 9);
        }
        bool quarter = i % 3 == 0;
        double outer = reach * 0.9, inner = reach * (quarter ? 0.72 : 0.8);
        if (style == 1 && !quarter) {
            path_ellipse(cr, dx * outer * 0.95, 500 + dy * outer * 0.95, 6, 6);
            use_rgb(cr, ink);
            cairo_fill(cr);
            continue;
        }
        if (style == 3 && !quarter) {
            continue;
        }
        cairo_move_to(cr, dx * inner, 500 + dy * inner);
        cairo_line_to(cr, dx * outer, 500 + dy * outer);
        cairo_set_line_width(cr, style == 2 ? 13 : quarter ? 9 : 6);
        use_rgb(cr, ink);
        cairo_stroke(cr);
    }
}

static void hand(cairo_t *cr, double at, double length, double width, Rgb ink) {
    path_leg(cr, -sin(at) * length * 0.16, 500 + cos(at) * length * 0.16, sin(at) * length, 500 - cos(at) * length,
             width, width * 0.45);
    cairo_save(cr);
    use_rgb(cr, ink);
    cairo_fill(cr);
    cairo_restore(cr);
}

static void dial(Canvas *canvas, const Product *product, unsigned shape, double r) {
    cairo_t *cr = canvas->cr;
    const Design *design = product->design;
    bool coloured = strap_of(design) == LINKS || design->trait[2] > 0.55;
    Rgb face = coloured ? product->colour : design->trait[2] < 0.35 ? white : (Rgb){0.12, 0.12, 0.14};
    Rgb ink = rgb_luma(face) > 0.6 ? (Rgb){0.13, 0.13, 0.16} : rgb_light(metal_of(design), 0.45);
    double side = shape == ROUND && design->trait[4] > 0.66 ? r * 0.78 : r * 0.86;
    Material enamel = plain(face);
    case_path(cr, shape, side);
    part_begin(canvas, &enamel, (Relief){16, 0.55, 0});
    cairo_t *soft = soft_begin(canvas, 30);
    path_ellipse(soft, -r * 0.3, 500 - r * 0.35, r * 0.5, r * 0.4);
    cairo_fill(soft);
    soft_end(canvas, shine, 0.25);
    hours(canvas, design, shape, side, ink);
    if (has_subdials(design)) {
        Material sub = plain(rgb_luma(face) > 0.6 ? rgb_dark(face, 0.12) : rgb_light(face, 0.14));
        const double at[3][2] = {{-0.4, 0}, {0.4, 0}, {0, 0.42}};
        for (int i = 0; i < 3; i++) {
            path_ellipse(cr, at[i][0] * side, 500 + at[i][1] * side, side * 0.23, side * 0.23);
            part(canvas, &sub, thin);
            path_leg(cr, at[i][0] * side, 500 + at[i][1] * side, at[i][0] * side + 16, 500 + at[i][1] * side - 22, 5,
                     2);
            use_rgb(cr, ink);
            cairo_fill(cr);
        }
    } else if (design->trait[6] < 0.3) { /* the date */
        path_round_box(cr, side * 0.42, 484, 36, 32, 3);
        use_rgb(cr, white);
        cairo_fill(cr);
        path_round_box(cr, side * 0.42 + 13, 490, 4, 20, 1);
        path_round_box(cr, side * 0.42 + 21, 490, 4, 20, 1);
        use_rgb(cr, (Rgb){0.1, 0.1, 0.1});
        cairo_fill(cr);
    }
    hand(cr, -0.93, side * 0.52, 17, ink);
    hand(cr, 0.96, side * 0.76, 13, ink);
    hand(cr, 3.5, side * 0.8, 5, rgb_luma(face) > 0.6 || coloured ? (Rgb){0.75, 0.16, 0.14} : product->colour);
    path_ellipse(cr, 0, 500, 10, 10);
    use_rgb(cr, metal_of(design));
    cairo_fill(cr);
    soft = soft_begin(canvas, 8); /* the crystal mirrors a window */
    cairo_move_to(soft, -side * 0.2, 500 - side * 1.1);
    cairo_line_to(soft, side * 0.35, 500 - side * 1.1);
    cairo_line_to(soft, -side * 0.7, 500 + side);
    cairo_line_to(soft, -side * 1.1, 500 + side * 0.9);
    cairo_close_path(soft);
    cairo_fill(soft);
    soft_end(canvas, shine, 0.13);
    part_end(canvas);
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    unsigned shape = case_of(design);
    double r = measure(design, 7, 158, 190), wide = r * (shape == TANK ? 0.58 : 0.55);
    thing_begin(canvas, 0.07);
    for (int lower = 0; lower < 2; lower++) {
        cairo_save(canvas->cr);
        if (lower) {
            cairo_translate(canvas->cr, 0, 1000);
            cairo_scale(canvas->cr, 1, -1);
        }
        half_strap(canvas, product, wide, lower);
        cairo_restore(canvas->cr);
    }
    bezel(canvas, product, shape, r);
    dial(canvas, product, shape, r);
    thing_end(canvas, 10, 16, 26, 0.42);
}

const Kind watch_kind = {
    .name = "watch",
    .category = "Watch",
    .width = 440,
    .height = 600,
    .turn = 0.06,
    .cheap = 35,
    .dear = 450,
    .materials = {"", "", "automatic", "quartz"},
    .patterns = {PLAIN, PLAIN, STRIPES, PLAIN, TWO_TONE, CHECKS, PLAIN, DOTS},
    .repeat = 44,
    .noun = noun,
    .draw = draw,
};
