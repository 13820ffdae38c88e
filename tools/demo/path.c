/* SPDX-License-Identifier: Apache-2.0 */
#include "path.h"

#include <assert.h>
#include <math.h>

/* The control point after points[i] (forward = 1) or before it (-1): a sixth of the way between its neighbours. */
static Point control(const Point *points, size_t i, size_t count, double forward, bool closed) {
    const Point *at = &points[i];
    bool end = !closed && (i == 0 || i == count - 1);
    const Point *before = &points[(i + count - 1) % count], *after = &points[(i + 1) % count];
    if (at->corner || end) {
        const Point *to = forward > 0 ? after : before;
        return (Point){at->x + (to->x - at->x) / 3, at->y + (to->y - at->y) / 3, false};
    }
    /* Kept from overshooting where a short edge meets a long one. */
    double reach =
        forward > 0 ? hypot(after->x - at->x, after->y - at->y) : hypot(before->x - at->x, before->y - at->y);
    double dx = after->x - before->x, dy = after->y - before->y, length = hypot(dx, dy);
    double step = length > 0 ? fmin(length / 6, reach * 0.4) / length : 0;
    return (Point){at->x + forward * step * dx, at->y + forward * step * dy, false};
}

static void curve(cairo_t *cr, const Point *points, size_t count, bool closed) {
    cairo_move_to(cr, points[0].x, points[0].y);
    size_t edges = closed ? count : count - 1;
    for (size_t i = 0; i < edges; i++) {
        size_t next = (i + 1) % count;
        Point a = control(points, i, count, 1, closed), b = control(points, next, count, -1, closed);
        if (points[i].corner && points[next].corner) {
            cairo_line_to(cr, points[next].x, points[next].y);
        } else {
            cairo_curve_to(cr, a.x, a.y, b.x, b.y, points[next].x, points[next].y);
        }
    }
    if (closed) {
        cairo_close_path(cr);
    }
}

void path_closed(cairo_t *cr, const Point *points, size_t count) { curve(cr, points, count, true); }
void path_open(cairo_t *cr, const Point *points, size_t count) { curve(cr, points, count, false); }

void path_mirrored(cairo_t *cr, const Point *points, size_t count) {
    Point both[64];
    assert(count <= 32);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        both[n++] = points[i];
    }
    for (size_t i = count; i-- > 0;) {
        if (points[i].x != 0) { /* a point on the axis is its own mirror image */
            both[n++] = (Point){-points[i].x, points[i].y, points[i].corner};
        }
    }
    curve(cr, both, n, true);
}

void path_round_box(cairo_t *cr, double x, double y, double width, double height, double radius) {
    double r = fmin(radius, fmin(width, height) / 2), right = x + width, bottom = y + height;
    cairo_new_sub_path(cr);
    cairo_arc(cr, right - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(cr, right - r, bottom - r, r, 0, M_PI / 2);
    cairo_arc(cr, x + r, bottom - r, r, M_PI / 2, M_PI);
    cairo_arc(cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
}

void path_ellipse(cairo_t *cr, double x, double y, double rx, double ry) {
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_scale(cr, rx, ry);
    cairo_new_sub_path(cr);
    cairo_arc(cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_close_path(cr);
    cairo_restore(cr);
}

void path_bar(cairo_t *cr, double ax, double ay, double bx, double by, double width) {
    double along = atan2(by - ay, bx - ax);
    cairo_new_sub_path(cr);
    cairo_arc(cr, ax, ay, width / 2, along + M_PI / 2, along + 3 * M_PI / 2);
    cairo_arc(cr, bx, by, width / 2, along - M_PI / 2, along + M_PI / 2);
    cairo_close_path(cr);
}

void path_leg(cairo_t *cr, double ax, double ay, double bx, double by, double top, double bottom) {
    double length = hypot(bx - ax, by - ay), nx = -(by - ay) / length / 2, ny = (bx - ax) / length / 2;
    cairo_move_to(cr, ax + nx * top, ay + ny * top);
    cairo_line_to(cr, bx + nx * bottom, by + ny * bottom);
    cairo_line_to(cr, bx - nx * bottom, by - ny * bottom);
    cairo_line_to(cr, ax - nx * top, ay - ny * top);
    cairo_close_path(cr);
}
