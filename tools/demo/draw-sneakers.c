/* SPDX-License-Identifier: Apache-2.0 */
/* Sneakers from the side, toe to the left. Traits: 0 upper, 1 sole, 2 side mark, 3 panels, 4 toe, 5 sole colour, 6
 * laces. */
#include "design.h"

enum { LOW, HIGH, SLIP_ON, RUNNER, UPPERS };
enum { THIN, CUP, WEDGE, CHUNKY, SOLES };

static const char *noun(const Design *design) {
    static const char *const names[UPPERS] = {"low-top sneakers", "high-top sneakers", "slip-on sneakers",
                                              "running shoes"};
    return names[pick(design, 0, UPPERS)];
}

static unsigned sole_of(const Design *design) {
    unsigned upper = pick(design, 0, UPPERS);
    unsigned sole = upper == RUNNER               ? WEDGE + (design->trait[1] > 0.5)
                    : pick(design, 1, 3) == WEDGE ? CHUNKY
                                                  : pick(design, 1, 3);
    return upper == SLIP_ON ? THIN : sole;
}

static void outsole(Canvas *canvas, const Product *product, unsigned shape) {
    cairo_t *cr = canvas->cr;
    Rgb tone = product->design->trait[5] < 0.6   ? rubber
               : product->design->trait[5] < 0.8 ? product->partner
                                                 : wood_light;
    if (rgb_luma(tone) < 0.35) {
        tone = white;
    }
    Material material = plain(tone);
    switch (shape) {
    case THIN:
        path_closed(cr, POINTS({-520, 690}, {-300, 716}, {0, 716}, {300, 706}, {505, 690, true}, {514, 730},
                               {500, 778, true}, {0, 780}, {-460, 780}, {-532, 742}));
        break;
    case CUP:
        path_closed(cr, POINTS({-526, 668}, {-300, 706}, {0, 700}, {300, 684}, {510, 664, true}, {522, 720},
                               {500, 786, true}, {0, 788}, {-440, 788}, {-540, 730}));
        break;
    case WEDGE:
        path_closed(cr, POINTS({-546, 650}, {-430, 700}, {-200, 704}, {60, 672}, {320, 640}, {516, 608, true},
                               {560, 660}, {556, 740}, {510, 784}, {200, 780}, {-300, 790}, {-470, 768}, {-566, 690}));
        break;
    default:
        path_closed(cr, POINTS({-540, 634}, {-400, 676}, {-150, 668}, {120, 646}, {350, 640}, {520, 612, true},
                               {552, 650}, {548, 720}, {540, 780}, {480, 800}, {320, 800}, {180, 780}, {20, 798},
                               {-420, 800}, {-540, 750}, {-566, 690}));
    }
    part_begin(canvas, &material, (Relief){26, 0.5, 0.4});
    Rgb line = product->design->trait[2] > 0.5 ? product->colour : rgb_dark(tone, 0.3);
    use_rgba(cr, line, 0.85);
    cairo_set_line_width(cr, shape == THIN ? 8 : 10);
    if (shape == WEDGE || shape == CHUNKY) {
        path_open(cr, POINTS({-560, 706}, {-250, 742}, {60, 716}, {330, 690}, {560, 664}));
    } else {
        path_open(cr, POINTS({-560, 738}, {-250, 752}, {200, 752}, {560, 744}));
    }
    cairo_stroke(cr);
    /* The tread that meets the ground. */
    cairo_rectangle(cr, -600, shape == THIN ? 766 : 770, 1200, 40);
    use_rgba(cr, rgb_mix(tone, wood_dark, 0.55), 0.9);
    cairo_fill(cr);
    part_end(canvas);
}

static void upper_path(cairo_t *cr, unsigned kind) {
    if (kind == HIGH) {
        path_closed(cr, POINTS({-512, 735, true}, {-522, 640}, {-448, 562}, {-300, 522}, {-140, 462}, {-10, 330},
                               {70, 190, true}, {190, 186}, {320, 196}, {448, 176, true}, {486, 260}, {478, 420},
                               {498, 600}, {506, 735, true}));
    } else if (kind == SLIP_ON) {
        path_closed(cr, POINTS({-512, 735, true}, {-520, 646}, {-444, 574}, {-300, 536}, {-120, 478}, {20, 404, true},
                               {150, 440}, {300, 448}, {478, 372, true}, {506, 450}, {496, 580}, {506, 735, true}));
    } else if (kind == RUNNER) {
        path_closed(cr, POINTS({-536, 730, true}, {-540, 640}, {-446, 560}, {-280, 514}, {-110, 440}, {70, 318, true},
                               {190, 372}, {320, 398}, {494, 286, true}, {530, 372}, {504, 520}, {530, 730, true}));
    } else {
        path_closed(cr, POINTS({-512, 735, true}, {-522, 642}, {-448, 564}, {-290, 522}, {-110, 452}, {80, 338, true},
                               {190, 380}, {320, 400}, {476, 334, true}, {508, 420}, {494, 570}, {506, 735, true}));
    }
}

/* What is seen of the inside, behind the collar, and the tongue. */
static void inside(Canvas *canvas, const Product *product, unsigned kind) {
    cairo_t *cr = canvas->cr;
    Material lining = plain(rgb_dark(rgb_mix(product->colour, wood_light, 0.3), 0.35));
    Material tongue = plain(rgb_dark(product->colour, 0.06));
    if (kind == HIGH) {
        path_closed(cr, POINTS({60, 230, true}, {160, 150}, {330, 150}, {452, 182, true}, {300, 260}));
        part(canvas, &lining, solid);
        path_closed(cr, POINTS({-40, 330, true}, {20, 120}, {110, 106}, {130, 240, true}, {60, 340, true}));
    } else {
        double top = kind == SLIP_ON ? 400 : kind == RUNNER ? 310 : 340;
        path_closed(
            cr, POINTS({20, top + 60, true}, {150, top - 6}, {330, top - 8}, {484, top - 20, true}, {320, top + 130}));
        part(canvas, &lining, solid);
        path_closed(cr, POINTS({-70, top + 110, true}, {36, top - 56}, {112, top - 66}, {138, top + 20, true},
                               {40, top + 110, true}));
    }
    if (kind != SLIP_ON) {
        part(canvas, &tongue, (Relief){24, 0.4, 0.3});
    }
}

static void side_mark(Canvas *canvas, const Product *product, unsigned mark) {
    cairo_t *cr = canvas->cr;
    Material print = plain(product->partner);
    switch (mark) {
    case 0: /* a wave */
        path_closed(cr, POINTS({-130, 640, true}, {40, 652}, {190, 560}, {400, 500, true}, {230, 610}, {60, 700}));
        break;
    case 1: /* two slanted bars */
        path_leg(cr, 10, 500, -50, 690, 40, 48);
        path_leg(cr, 100, 480, 50, 690, 40, 48);
        break;
    case 2: /* a chevron */
        path_closed(cr, POINTS({-20, 690, true}, {110, 510, true}, {170, 510, true}, {80, 640, true}, {250, 640, true},
                               {250, 690, true}));
        break;
    case 3: /* a disc */ path_ellipse(cr, 120, 600, 62, 62); break;
    default: return;
    }
    part(canvas, &print, (Relief){9, 0.3, 0.2});
}

static void panels(Canvas *canvas, const Product *product, unsigned kind) {
    const Design *design = product->design;
    cairo_t *cr = canvas->cr;
    Material second = plain(design->trait[3] > 0.5 ? product->partner : rgb_dark(product->colour, 0.2));
    if (design->trait[3] > 0.25) { /* heel */
        double top = kind == HIGH ? 390 : 470;
        path_closed(cr, POINTS({540, top - 60, true}, {400, top}, {330, 640}, {300, 760, true}, {560, 760, true}));
        part_begin(canvas, &second, (Relief){14, 0.3, 0.2});
        part_end(canvas);
        path_open(cr, POINTS({470, top - 30}, {408, top + 10}, {342, 640}, {312, 760}));
        seam(canvas, second.base, 3, true);
    }
    Material toe = plain(design->trait[4] < 0.4 ? rubber : second.base);
    if (design->trait[4] < 0.4 && kind != RUNNER) { /* a rubber cap */
        path_closed(cr, POINTS({-560, 760, true}, {-560, 540, true}, {-425, 556}, {-370, 640}, {-372, 760, true}));
        part(canvas, &toe, (Relief){30, 0.5, 0.4});
    } else if (design->trait[4] < 0.75) { /* an overlay that runs along the sole */
        path_closed(
            cr, POINTS({-560, 760, true}, {-560, 620, true}, {-440, 630}, {-300, 690}, {-120, 706}, {-60, 760, true}));
        part(canvas, &toe, (Relief){12, 0.3, 0.2});
    }
    if (kind == SLIP_ON) { /* elastic */
        Material elastic = plain(rgb_dark(product->colour, 0.45));
        path_closed(cr, POINTS({-30, 420, true}, {30, 400, true}, {120, 436, true}, {60, 560, true}, {0, 540, true}));
        part(canvas, &elastic, (Relief){10, 0.4, 0.2});
    }
}

static void laces(Canvas *canvas, const Product *product, unsigned kind) {
    cairo_t *cr = canvas->cr;
    double bx = kind == HIGH ? 56 : 70, by = kind == HIGH ? 214 : kind == RUNNER ? 334 : 356, ax = -200, ay = 500;
    Material stay = plain(product->design->trait[3] > 0.7 ? product->partner : rgb_dark(product->colour, 0.1));
    if (kind == HIGH) {
        path_closed(cr, POINTS({-250, 524, true}, {-120, 446}, {0, 320}, {70, 186, true}, {132, 190, true}, {70, 340},
                               {-50, 496}, {-200, 590, true}));
    } else {
        path_closed(cr, POINTS({-260, 532, true}, {-110, 452}, {bx + 8, by - 22, true}, {bx + 62, by + 10, true},
                               {-30, 526}, {-200, 596, true}));
    }
    part(canvas, &stay, (Relief){12, 0.35, 0.25});
    Rgb lace = product->design->trait[6] > 0.7   ? product->partner
               : rgb_luma(product->colour) > 0.8 ? product->colour
                                                 : white;
    int count = kind == HIGH ? 8 : 5;
    for (int i = 0; i < count; i++) {
        double t = (i + 0.4) / count, bend = kind == HIGH ? 4 * t * (1 - t) * 34 : 0;
        double x = ax + (bx - ax) * t + bend, y = ay + (by - ay) * t + bend * 0.6;
        path_ellipse(cr, x + 40, y + 36, 9, 9);
        use_rgb(cr, rgb_dark(stay.base, 0.55));
        cairo_fill(cr);
        strap(canvas, lace, 17, POINTS({x + 40, y + 36}, {x + 8, y + 2}, {x - 26, y - 18}));
    }
    strap(canvas, lace, 11, POINTS({bx - 10, by - 14}, {bx - 90, by - 50}, {bx - 120, by + 10}, {bx - 30, by + 6}));
    strap(canvas, lace, 11, POINTS({bx - 10, by - 10}, {bx + 70, by - 40}, {bx + 96, by + 36}, {bx + 10, by + 14}));
    strap(canvas, lace, 10, POINTS({bx - 14, by - 4}, {bx - 50, by + 80}, {bx - 86, by + 128}));
}

static void draw(Canvas *canvas, const Product *product) {
    const Design *design = product->design;
    unsigned kind = pick(design, 0, UPPERS), sole = sole_of(design);
    floor_shadow(canvas, 10, 786, 570, 46, 0.75);
    thing_begin(canvas, 0);
    cairo_t *cr = canvas->cr;
    inside(canvas, product, kind);
    Material fabric = product->fabric;
    fabric.angle = -0.25;
    fabric.split_y = 560;
    upper_path(cr, kind);
    part_begin(canvas, &fabric, (Relief){50, 0.5, 0.3});
    side_mark(canvas, product, design->pattern == PLAIN ? pick(design, 2, 5) : 4);
    panels(canvas, product, kind);
    fold(canvas, 14, 0.3, POINTS({-250, 560}, {-262, 620}, {-300, 670}));
    fold(canvas, 12, 0.22, POINTS({-200, 560}, {-205, 620}, {-220, 660}));
    gleam(canvas, 34, 0.3, POINTS({-470, 630}, {-420, 606}, {-350, 584}));
    gleam(canvas, 30, 0.2, POINTS({330, 460}, {360, 520}, {350, 580}));
    part_end(canvas);
    if (kind != SLIP_ON) {
        laces(canvas, product, kind);
    }
    /* The padded edge of the opening. */
    Rgb rim = rgb_dark(product->colour, 0.15);
    if (kind == HIGH) {
        strap(canvas, rim, 16, POINTS({72, 192}, {190, 188}, {320, 198}, {446, 180}));
    } else if (kind == SLIP_ON) {
        strap(canvas, rim, 16, POINTS({22, 408}, {150, 444}, {300, 450}, {474, 378}));
    } else {
        double top = kind == RUNNER ? 294 : 340;
        strap(canvas, rim, 18, POINTS({92, kind == RUNNER ? 330.0 : 350.0}, {190, 380}, {320, 402}, {482, top}));
    }
    outsole(canvas, product, sole);
    thing_end(canvas, 6, 10, 22, 0.22);
}

const Kind sneakers_kind = {
    .name = "sneakers",
    .category = "Sneakers",
    .width = 600,
    .height = 440,
    .floor = 700,
    .cheap = 39,
    .dear = 180,
    .materials = {"canvas", "suede", "leather", "knit"},
    .patterns = {PLAIN, TWO_TONE, PLAIN, CHECKS, PLAIN, STRIPES, TWO_TONE, DOTS},
    .repeat = 70,
    .noun = noun,
    .draw = draw,
};
