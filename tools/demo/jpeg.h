/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEMO_JPEG_H
#define DEMO_JPEG_H

#include <stdbool.h>

#include <cairo.h>
#include <glib.h>

/* Writes an ARGB32 surface without transparency as JPEG. Errors: those of g_file_set_contents; G_FILE_ERROR_FAILED. */
bool jpeg_write(cairo_surface_t *surface, const char *path, int quality, GError **error);

#endif
