/* SPDX-License-Identifier: Apache-2.0 */
/* Outlines: smooth curves through a few points, so that a product is a short table of places its edge goes through. */
#ifndef DEMO_PATH_H
#define DEMO_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include <cairo.h>

typedef struct Point {
    double x, y;
    bool corner; /* the edge turns sharply here */
} Point;

#define POINTS(...) ((const Point[]){__VA_ARGS__}), sizeof((const Point[]){__VA_ARGS__}) / sizeof(Point)

/* A closed Catmull-Rom curve through the points; a corner has no tangent of its own. At least 2, at most 64 points. */
void path_closed(cairo_t *cr, const Point *points, size_t count);
/* The same, open. */
void path_open(cairo_t *cr, const Point *points, size_t count);
/* The right half from top to bottom, and its mirror image at x = 0, as one closed curve; at most 32 points. */
void path_mirrored(cairo_t *cr, const Point *points, size_t count);

void path_round_box(cairo_t *cr, double x, double y, double width, double height, double radius);
void path_ellipse(cairo_t *cr, double x, double y, double rx, double ry);
/* A capsule of `width` from a to b. */
void path_bar(cairo_t *cr, double ax, double ay, double bx, double by, double width);
/* A leg: `top` wide at a, `bottom` wide at b. */
void path_leg(cairo_t *cr, double ax, double ay, double bx, double by, double top, double bottom);

#endif
