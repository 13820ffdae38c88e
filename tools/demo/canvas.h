/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A photo studio on a cairo surface. Space is measured in units: the picture is 1,000 units high, x = 0 is its middle,
 * y runs down. Light comes from above and a little from the left. Three things make flat shapes look photographed:
 *   parts    a shape filled with a material, then darkened along its far edge and lit along its near one
 *   soft     marks (folds, shadows, highlights) drawn on a smaller mask and blurred
 *   studio   a backdrop with a falling light, the shadow that the whole thing throws on it, and grain
 */
#ifndef DEMO_CANVAS_H
#define DEMO_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include <cairo.h>

#include "colour.h"
#include "material.h"
#include "path.h"
#include "random.h"

typedef struct Canvas {
    cairo_t *cr;       /* draws in units */
    int width, height; /* pixels */
    double right;      /* x of the right border, units; the left one is -right */
    Random photo;      /* what differs between two photos of one thing */
    cairo_surface_t *surface;
    struct {
        cairo_t *cr;
        cairo_surface_t *surface;
        double x, y, blur; /* corner on the picture and radius, pixels */
        int shrink;        /* pixels of the picture to one of the mask, each way */
    } soft;
} Canvas;

/* How solid a part looks: `depth` is the width in units of the shaded edge, dark and light its strength in 0 .. 1. */
typedef struct Relief {
    double depth, dark, light;
} Relief;

static const Relief flat = {0, 0, 0}, thin = {7, 0.35, 0.3}, cloth = {46, 0.42, 0.22}, padded = {60, 0.6, 0.34},
                    solid = {34, 0.62, 0.4};

Canvas *canvas_new(int width, int height, uint64_t seed);
void canvas_free(Canvas *canvas);

/* The backdrop; `floor` is where it bends into a ground to stand on, in units, 0: a flat one seen from above. */
void studio(Canvas *canvas, double floor);
/* The thing itself is drawn between these two. It is turned, scaled and moved a little, as photos differ, and throws a
 * blurred shadow on the backdrop: (dx, dy) away, `alpha` dark. */
void thing_begin(Canvas *canvas, double turn);
void thing_end(Canvas *canvas, double dx, double dy, double blur, double alpha);
/* The dark spot below something that stands. */
void floor_shadow(Canvas *canvas, double x, double y, double rx, double ry, double alpha);
/* The noise of a camera's sensor; last. */
void grain(Canvas *canvas, double amount);

/* Fills the current path with a material and shades it; between begin and end, drawing is clipped to it. */
void part_begin(Canvas *canvas, const Material *material, Relief relief);
void part_end(Canvas *canvas);
void part(Canvas *canvas, const Material *material, Relief relief);

/* Returns a context for marks whose alpha counts; soft_end blurs them by `blur` units and lays them on the picture
 * within the current clip, darkening for a `tone` below middle grey, else lightening. Not nested. */
cairo_t *soft_begin(Canvas *canvas, double blur);
void soft_end(Canvas *canvas, Rgb tone, double alpha);

/* Soft strokes through points: a fold of cloth (a dark one with a lit one beside it), or a highlight. */
void fold(Canvas *canvas, double width, double strength, const Point *points, size_t count);
void gleam(Canvas *canvas, double width, double strength, const Point *points, size_t count);
/* Darkens what lies below a part that is about to be drawn: the current path, moved down, blurred. Keeps the path. */
void cast(Canvas *canvas, double dy, double blur, double alpha);
/* A thin line in a darker or lighter tone of `base`; dashed for a seam. Consumes the path. */
void seam(Canvas *canvas, Rgb base, double width, bool dashed);
/* Shades the clip like a cylinder standing between two x: dark sides, a light band left of the middle. */
void cylinder(Canvas *canvas, double left, double right, double strength);

/* A round band through points: a handle, a lace, a cable. */
void strap(Canvas *canvas, Rgb base, double width, const Point *points, size_t count);
/* Fills the current path like polished metal that reflects a room, from a to b. */
void metal(Canvas *canvas, Rgb tone, double ax, double ay, double bx, double by);

extern const Rgb shade, shine;

#endif
