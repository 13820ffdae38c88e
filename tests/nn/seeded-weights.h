/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks whose weights are not kept but made again. tests/nn/golden holds true exports of known architectures as
 * skeletons: a tensor left out has its dimensions, doc_string "seed:NAME", and one scale per output channel (or one) in
 * float_data. tools/references/seeded.py and skeleton.py are the other half.
 */
#ifndef TESTS_NN_SEEDED_WEIGHTS_H
#define TESTS_NN_SEEDED_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* Values first .. first + count - 1 of a name, in [-1, 1). */
void nt_seeded_uniform(const char *name, size_t first, size_t count, float *out);

/* The full ONNX bytes of a skeleton file; NULL with an error when it is not one. */
GBytes *nt_seeded_onnx(const char *skeleton_path, GError **error);
/* The same from a skeleton's bytes; `name` is for messages. */
GBytes *nt_seeded_onnx_bytes(GBytes *bytes, const char *name, GError **error);

/* A smooth picture, (channels, height, width), about -2 .. 2; equal to Python's within a few float32 roundings. */
void nt_seeded_picture(unsigned seed, unsigned channels, unsigned height, unsigned width, float *out);

#endif
