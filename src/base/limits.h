/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named limits on everything that comes from outside. Each is checked before memory is taken for what it bounds,
 * and each can be changed by name: on the command line (--limit photo-pixels=60M) or in code.
 */
#ifndef NT_BASE_LIMITS_H
#define NT_BASE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef struct NtLimits {
    uint64_t photo_bytes;      /* an encoded photo; 256 MiB */
    uint64_t fetch_bytes;      /* a photo at a web address; 64 MiB */
    uint64_t photo_side;       /* pixels of the longer side; 16,384 */
    uint64_t photo_pixels;     /* width x height, from the header; 120,000,000 */
    uint64_t photo_metadata;   /* bytes of EXIF, ICC, XMP together; 1 MiB */
    uint64_t photo_rows;       /* percent of its rows that a photo whose end is missing must have; 100: refuse it; 95 */
    uint64_t decoder_memory;   /* address space of one decode helper; 3 GiB */
    uint64_t decoder_seconds;  /* CPU seconds for a photo of 50 megapixels or less; more for larger ones; 10 */
    uint64_t decoder_photos;   /* photos before a helper is replaced; 1,000 */
    uint64_t onnx_bytes;       /* an ONNX file; 2 GiB */
    uint64_t onnx_nodes;       /* nodes of a graph; 100,000 */
    uint64_t onnx_activations; /* bytes of one network's activation plan; 4 GiB */
    uint64_t list_line;        /* bytes of one CSV record or JSONL line; 1 MiB */
    uint64_t list_field;       /* bytes of one field; 256 KiB */
    uint64_t list_columns;     /* columns of a list, and metadata fields of a catalogue; 500 */
    uint64_t json_depth;       /* nesting; 64 */
    uint64_t json_values;      /* values in one document; 100,000 */
} NtLimits;

/* The defaults above. */
NtLimits nt_limits_default(void);

/* Sets one limit from "name=value"; the name is the field's with dashes, the value a positive whole number with an
 * optional k, M, G (powers of 1,000) or Ki, Mi, Gi (powers of 1,024). Errors: INVALID, naming what was not understood
 * and the names there are. */
bool nt_limits_set(NtLimits *limits, const char *setting, GError **error);

/* Calls `each` for every limit in the order above, with its name and value. */
void nt_limits_foreach(const NtLimits *limits, void (*each)(const char *name, uint64_t value, void *data), void *data);

#endif
