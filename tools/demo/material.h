/* SPDX-License-Identifier: Apache-2.0 */
/* What a part is made of: a colour, or a pattern of two. */
#ifndef DEMO_MATERIAL_H
#define DEMO_MATERIAL_H

#include <stdint.h>

#include <cairo.h>

#include "colour.h"

typedef enum Pattern { PLAIN, STRIPES, DOTS, CHECKS, FLORAL, TWO_TONE, PATTERNS } Pattern;

/* "plain", "stripes", ... as the pattern column has it. */
extern const char *const pattern_names[PATTERNS];

typedef struct Material {
    Rgb base, ink; /* ground; what is printed on it, or the lower tone of TWO_TONE */
    Pattern pattern;
    unsigned style;          /* which of the pattern's variants; any number */
    double repeat;           /* size of the pattern, units */
    double angle;            /* radians by which it is turned */
    double sag;              /* units by which stripes hang down in the middle of `span`, as on a round body */
    double span;             /* units either side of x = 0 */
    double split_y, split_h; /* TWO_TONE: where the tones meet, and over how many units */
    uint64_t seed;           /* of what is scattered */
} Material;

static inline Material plain(Rgb rgb) { return (Material){.base = rgb}; }

/* Paints the current clip. */
void material_paint(cairo_t *cr, const Material *material);

#endif
