/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is sold. A kind (dress, sofa, ...) has designs; a design is a handful of traits in [0, 1) that its kind reads as
 * parts and proportions, a pattern, and a few colours it comes in. A product is one design in one colour.
 */
#ifndef DEMO_DESIGN_H
#define DEMO_DESIGN_H

#include "canvas.h"

enum { TRAITS = 8, VARIANTS = 4 };

typedef struct Kind Kind;

typedef struct Design {
    const Kind *kind;
    unsigned number; /* from 1 within its kind */
    Pattern pattern;
    uint64_t seed;
    double trait[TRAITS];
    unsigned style;            /* of the pattern */
    double drift[3];           /* -1 .. 1, how this maker's dyes differ from the swatch, per channel */
    unsigned variants;         /* colours it comes in */
    unsigned colour[VARIANTS]; /* their indices in swatches */
} Design;

/* One product, ready to be drawn. */
typedef struct Product {
    const Design *design;
    const Swatch *swatch;
    Material fabric; /* the design's pattern in this colour */
    Rgb colour;      /* its ground */
    Rgb partner;     /* for trims */
} Product;

struct Kind {
    const char *name;     /* in ids and file names: "t-shirt" */
    const char *category; /* "T-shirt" */
    int width, height;    /* of its photos, pixels */
    double floor;         /* units; 0: it lies or hangs */
    double turn;          /* radians by which photos differ at most */
    double cheap, dear;   /* prices in dollars */
    const char *materials[4];
    Pattern patterns[8]; /* drawn from in turn, so that a repeated one is frequent; the rest is PLAIN */
    double repeat;       /* usual size of a pattern, units */
    const char *(*noun)(const Design *design); /* "crew-neck T-shirt" */
    void (*draw)(Canvas *canvas, const Product *product);
};

enum { KINDS = 10 };
extern const Kind dress_kind, t_shirt_kind, sneakers_kind, bag_kind, sofa_kind, chair_kind, lamp_kind, mug_kind,
    phone_case_kind, watch_kind;
extern const Kind *const kinds[KINDS];

/* Which of `count` choices trait i means, and the same as a measure. */
static inline unsigned pick(const Design *design, unsigned i, unsigned count) {
    return (unsigned)(design->trait[i] * count);
}
static inline double measure(const Design *design, unsigned i, double low, double high) {
    return low + (high - low) * design->trait[i];
}

/* Design `number` (from 1) of a kind; depends on nothing but these. */
Design design_make(const Kind *kind, unsigned number, uint64_t seed);
Product product_make(const Design *design, unsigned variant);

/* Texts of a product's row; new, free them. */
char *product_id(const Product *product);
char *product_title(const Product *product);
const char *product_brand(const Product *product);
double product_price(const Product *product); /* dollars */

/* Draws the product's photo. */
Canvas *product_photo(const Product *product);

#endif
