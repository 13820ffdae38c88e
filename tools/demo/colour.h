/* SPDX-License-Identifier: Apache-2.0 */
/* Colours: light values in [0, 1], and the dozen names that products are sold under. */
#ifndef DEMO_COLOUR_H
#define DEMO_COLOUR_H

#include <cairo.h>

typedef struct Rgb {
    double r, g, b; /* sRGB as stored, 0 .. 1 */
} Rgb;

typedef struct Swatch {
    const char *name; /* in titles, ids and the colour column */
    Rgb rgb;
    Rgb partner; /* what a pattern on it is printed in */
} Swatch;

enum { SWATCHES = 12 };
extern const Swatch swatches[SWATCHES];

/* a, moved towards b by t in 0 .. 1. */
Rgb rgb_mix(Rgb a, Rgb b, double t);
static inline Rgb rgb_dark(Rgb a, double t) { return rgb_mix(a, (Rgb){0.05, 0.04, 0.07}, t); }
static inline Rgb rgb_light(Rgb a, double t) { return rgb_mix(a, (Rgb){1, 1, 1}, t); }
static inline void use_rgb(cairo_t *cr, Rgb a) { cairo_set_source_rgb(cr, a.r, a.g, a.b); }
static inline void use_rgba(cairo_t *cr, Rgb a, double alpha) { cairo_set_source_rgba(cr, a.r, a.g, a.b, alpha); }
/* How bright it looks, 0 .. 1. */
static inline double rgb_luma(Rgb a) { return 0.299 * a.r + 0.587 * a.g + 0.114 * a.b; }

/* Materials that do not come in colours. */
extern const Rgb white, wood_light, wood_dark, steel, gold, gunmetal, leather_tan, rubber;

#endif
