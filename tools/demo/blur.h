/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEMO_BLUR_H
#define DEMO_BLUR_H

#include <cairo.h>

/* Blurs a CAIRO_FORMAT_A8 surface by three box filters each way, close to a Gaussian of sigma = radius / 2 pixels. */
void blur_mask(cairo_surface_t *mask, double radius);

#endif
