/* SPDX-License-Identifier: Apache-2.0 */
#include "material.h"

#include <math.h>
#include <stdbool.h>

#include "path.h"
#include "random.h"

const char *const pattern_names[PATTERNS] = {"plain", "stripes", "dots", "checks", "floral", "two-tone"};

/* The clip's bounds in user space, which may be turned: x and y to start from, and how many repeats each way. */
typedef struct Area {
    double left, top, right, bottom;
} Area;

static Area clip_area(cairo_t *cr) {
    Area area;
    cairo_clip_extents(cr, &area.left, &area.top, &area.right, &area.bottom);
    return area;
}

/* A band across the area from y, `height` tall, hanging by the material's sag. */
static void band(cairo_t *cr, const Material *m, const Area *area, double y, double height) {
    if (m->sag == 0) {
        cairo_rectangle(cr, area->left, y, area->right - area->left, height);
        return;
    }
    /* A quadratic that hangs by `sag` in the middle, as a cubic. */
    double x = m->span, dip = m->sag * 4 / 3;
    cairo_move_to(cr, -x, y);
    cairo_curve_to(cr, -x / 3, y + dip, x / 3, y + dip, x, y);
    cairo_line_to(cr, x, y + height);
    cairo_curve_to(cr, x / 3, y + height + dip, -x / 3, y + height + dip, -x, y + height);
    cairo_close_path(cr);
}

static void stripes(cairo_t *cr, const Material *m) {
    static const double share[] = {0.5, 0.28, 0.18, 0.62};
    Area area = clip_area(cr);
    double repeat = m->repeat, width = repeat * share[m->style % 4];
    use_rgb(cr, m->ink);
    for (double y = floor((area.top - fabs(m->sag)) / repeat - 1) * repeat; y < area.bottom + fabs(m->sag);
         y += repeat) {
        band(cr, m, &area, y, width);
        if (m->style % 4 == 3) { /* a fine line beside the broad one */
            band(cr, m, &area, y + repeat * 0.76, repeat * 0.08);
        }
    }
    cairo_fill(cr);
}

static void dots(cairo_t *cr, const Material *m) {
    static const double share[] = {0.22, 0.3, 0.14};
    Area area = clip_area(cr);
    double step = m->repeat, radius = step * share[m->style % 3];
    use_rgb(cr, m->ink);
    long row = (long)floor(area.top / step) - 1;
    for (double y = (double)row * step; y < area.bottom + step; y += step, row++) {
        double shift = row & 1 ? step / 2 : 0;
        for (double x = floor(area.left / step - 1) * step + shift; x < area.right + step; x += step) {
            path_ellipse(cr, x, y, radius, radius);
        }
    }
    cairo_fill(cr);
}

/* Gingham: two sets of half-clear bands; style 1 adds the fine lines of a tartan, 2 is a chessboard. */
static void checks(cairo_t *cr, const Material *m) {
    Area area = clip_area(cr);
    double step = m->repeat, x0 = floor(area.left / step - 1) * step, y0 = floor(area.top / step - 1) * step;
    if (m->style % 3 == 2) {
        use_rgb(cr, m->ink);
        for (double y = y0; y < area.bottom; y += step) {
            for (double x = x0; x < area.right; x += step) {
                cairo_rectangle(cr, x, y, step / 2, step / 2);
                cairo_rectangle(cr, x + step / 2, y + step / 2, step / 2, step / 2);
            }
        }
        cairo_fill(cr);
        return;
    }
    for (int pass = 0; pass < 2; pass++) {
        use_rgba(cr, m->ink, 0.5);
        for (double y = y0; pass == 0 && y < area.bottom; y += step) {
            cairo_rectangle(cr, area.left, y, area.right - area.left, step / 2);
        }
        for (double x = x0; pass == 1 && x < area.right; x += step) {
            cairo_rectangle(cr, x, area.top, step / 2, area.bottom - area.top);
        }
        cairo_fill(cr);
    }
    if (m->style % 3 == 1) {
        use_rgba(cr, rgb_mix(rgb_dark(m->base, 0.5), (Rgb){0.9, 0.75, 0.3}, 0.35), 0.75);
        for (double y = y0; y < area.bottom; y += step) {
            cairo_rectangle(cr, area.left, y + step * 0.72, area.right - area.left, step * 0.06);
        }
        for (double x = x0; x < area.right; x += step) {
            cairo_rectangle(cr, x + step * 0.72, area.top, step * 0.06, area.bottom - area.top);
        }
        cairo_fill(cr);
    }
}

static void leaf(cairo_t *cr, double size) {
    cairo_move_to(cr, 0, 0);
    cairo_curve_to(cr, size * 0.4, -size * 0.4, size, -size * 0.3, size * 1.3, 0);
    cairo_curve_to(cr, size, size * 0.15, size * 0.4, size * 0.2, 0, 0);
    cairo_fill(cr);
}

static void flower(cairo_t *cr, double size, Rgb petal, Rgb heart, Rgb green, Random *random) {
    double turn = random_between(random, 0, 2 * M_PI);
    cairo_rotate(cr, turn);
    use_rgb(cr, green);
    for (int i = 0; i < 2; i++) {
        cairo_save(cr);
        cairo_rotate(cr, i * 2.3);
        cairo_translate(cr, size * 0.6, 0);
        leaf(cr, size * 0.7);
        cairo_restore(cr);
    }
    use_rgb(cr, petal);
    for (int i = 0; i < 5; i++) {
        double at = i * 2 * M_PI / 5;
        path_ellipse(cr, cos(at) * size * 0.5, sin(at) * size * 0.5, size * 0.38, size * 0.38);
        cairo_fill(cr);
    }
    use_rgb(cr, heart);
    path_ellipse(cr, 0, 0, size * 0.26, size * 0.26);
    cairo_fill(cr);
}

/* Flowers and small sprigs on a jittered grid that is the same wherever the clip lies. */
static void floral(cairo_t *cr, const Material *m) {
    Area area = clip_area(cr);
    double step = m->repeat;
    Rgb green = rgb_mix(m->base, (Rgb){0.33, 0.47, 0.3}, 0.75), heart = {0.93, 0.73, 0.3};
    Rgb second = rgb_mix(m->ink, (Rgb){0.88, 0.45, 0.45}, 0.55);
    for (long row = (long)floor(area.top / step) - 1; (double)row * step < area.bottom + step; row++) {
        for (long column = (long)floor(area.left / step) - 1; (double)column * step < area.right + step; column++) {
            Random random = {random_seed(m->seed, (uint64_t)row, (uint64_t)column)};
            double x = ((double)column + (row & 1 ? 0.5 : 0) + random_between(&random, -0.16, 0.16)) * step;
            double y = ((double)row + random_between(&random, -0.16, 0.16)) * step;
            double size = step * random_between(&random, 0.3, 0.42);
            bool small = random_unit(&random) < 0.3;
            cairo_save(cr);
            cairo_translate(cr, x, y);
            flower(cr, small ? size * 0.55 : size, (row + column) % 3 == 0 ? second : m->ink, heart, green, &random);
            cairo_restore(cr);
        }
    }
}

static void two_tone(cairo_t *cr, const Material *m) {
    double half = fmax(m->split_h, 1) / 2;
    cairo_pattern_t *blend = cairo_pattern_create_linear(0, m->split_y - half, 0, m->split_y + half);
    cairo_pattern_add_color_stop_rgb(blend, 0, m->base.r, m->base.g, m->base.b);
    cairo_pattern_add_color_stop_rgb(blend, 1, m->ink.r, m->ink.g, m->ink.b);
    cairo_set_source(cr, blend);
    cairo_paint(cr);
    cairo_pattern_destroy(blend);
}

void material_paint(cairo_t *cr, const Material *m) {
    static void (*const painters[PATTERNS])(cairo_t *, const Material *) = {
        [STRIPES] = stripes, [DOTS] = dots, [CHECKS] = checks, [FLORAL] = floral, [TWO_TONE] = two_tone};
    use_rgb(cr, m->base);
    cairo_paint(cr);
    if (painters[m->pattern] != NULL) {
        cairo_save(cr);
        cairo_rotate(cr, m->angle);
        painters[m->pattern](cr, m);
        cairo_restore(cr);
    }
}
