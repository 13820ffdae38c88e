/* SPDX-License-Identifier: Apache-2.0 */
#include "design.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

const Kind *const kinds[KINDS] = {&dress_kind, &t_shirt_kind, &sneakers_kind, &bag_kind,        &sofa_kind,
                                  &chair_kind, &lamp_kind,    &mug_kind,      &phone_case_kind, &watch_kind};

static uint64_t kind_seed(const Kind *kind, uint64_t seed) {
    uint64_t hash = seed;
    for (const char *c = kind->name; *c != '\0'; c++) {
        hash = random_seed(hash, (uint8_t)*c, 0);
    }
    return hash;
}

/* Points of an additive recurrence (Roberts 2018, the R8 sequence) fill the space of traits evenly, so that sixty
 * products show what a kind can look like; independent draws would clump. */
static void spread_traits(Design *design, uint64_t seed) {
    const double phi8 = 1.0850702454914507; /* the root of x^9 = x + 1 */
    Random start = {seed};
    double step = 1;
    for (unsigned i = 0; i < TRAITS; i++) {
        step /= phi8;
        double at = random_unit(&start) + design->number * step;
        design->trait[i] = at - floor(at);
    }
}

Design design_make(const Kind *kind, unsigned number, uint64_t seed) {
    uint64_t base = kind_seed(kind, seed);
    Design design = {.kind = kind, .number = number, .seed = random_seed(base, number, 1)};
    Random random = {design.seed};
    spread_traits(&design, base);
    design.pattern = kind->patterns[(number + (unsigned)(base % 8)) % 8];
    design.style = (unsigned)(random_bits(&random) % 12);
    for (int i = 0; i < 3; i++) {
        design.drift[i] = random_between(&random, -1, 1);
    }
    design.variants = 2 + (unsigned)(random_bits(&random) % 3);
    /* A step that shares no factor with the number of swatches never names one twice. */
    static const unsigned strides[] = {1, 5, 7, 11};
    unsigned at = (unsigned)((number * 5 + base) % SWATCHES), stride = strides[random_bits(&random) % 4];
    for (unsigned i = 0; i < design.variants; i++) {
        design.colour[i] = (at + i * stride) % SWATCHES;
    }
    return design;
}

/* A grey must stay grey: neutral colours drift less than bright ones. */
static Rgb drifted(Rgb rgb, const double drift[3]) {
    double chroma = fmax(rgb.r, fmax(rgb.g, rgb.b)) - fmin(rgb.r, fmin(rgb.g, rgb.b)), d = 0.008 + 0.05 * chroma;
    return (Rgb){fmin(fmax(rgb.r + d * drift[0], 0), 1), fmin(fmax(rgb.g + d * drift[1], 0), 1),
                 fmin(fmax(rgb.b + d * drift[2], 0), 1)};
}

Product product_make(const Design *design, unsigned variant) {
    const Swatch *swatch = &swatches[design->colour[variant]];
    Product product = {.design = design, .swatch = swatch, .partner = swatch->partner};
    product.colour = drifted(swatch->rgb, design->drift);
    Random random = {design->seed ^ 0x5eed};
    product.fabric = (Material){.base = product.colour,
                                .ink = product.partner,
                                .pattern = design->pattern,
                                .style = design->style,
                                .repeat = design->kind->repeat * random_between(&random, 0.7, 1.4),
                                .split_y = 560,
                                .split_h = design->style & 1 ? 420 : 2,
                                .seed = design->seed};
    return product;
}

char *product_id(const Product *product) {
    return g_strdup_printf("%s-%03u-%s", product->design->kind->name, product->design->number, product->swatch->name);
}

char *product_title(const Product *product) {
    static const char *const adjectives[PATTERNS] = {"", "striped ", "dotted ", "checked ", "floral ", "two-tone "};
    const Design *design = product->design;
    const char *material = design->kind->materials[design->seed >> 20 & 3];
    char *title = g_strdup_printf("%s%s%s%s, %s", adjectives[design->pattern], material, *material != '\0' ? " " : "",
                                  design->kind->noun(design), product->swatch->name);
    title[0] = g_ascii_toupper(title[0]);
    return title;
}

const char *product_brand(const Product *product) {
    static const char *const brands[] = {"Alder & Finch", "Brio Nord", "Casa Lume",  "Dunmore", "Ebb",    "Fjelltop",
                                         "Hanami",        "Kestrel",   "Maison Ode", "Ostra",   "Pellow", "Tidewater"};
    return brands[product->design->seed >> 32 & 7 ? product->design->seed % 12 : 6];
}

double product_price(const Product *product) {
    const Kind *kind = product->design->kind;
    /* Low prices are more frequent; one design costs the same in every colour. */
    double t = (double)(product->design->seed >> 40 & 1023) / 1023;
    double price = kind->cheap * pow(kind->dear / kind->cheap, t * t * 0.4 + t * 0.6);
    return price < 100 ? floor(price) + 0.90 : floor(price / 10) * 10 + 9;
}

Canvas *product_photo(const Product *product) {
    const Design *design = product->design;
    const Kind *kind = design->kind;
    uint64_t colour = (uint64_t)(product->swatch - swatches);
    Canvas *canvas = canvas_new(kind->width, kind->height, random_seed(design->seed, colour, 2));
    if (canvas != NULL) {
        studio(canvas, kind->floor);
        kind->draw(canvas, product);
        grain(canvas, 1.6);
    }
    return canvas;
}
