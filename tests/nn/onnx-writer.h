/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes small ONNX files for tests, right or wrong on purpose: nothing is checked. Names are lists separated by
 * blanks; attributes are text, "kernel_shape=[3,3] group=2 alpha=0.5 auto_pad=VALID" (a number with a dot is a float).
 */
#ifndef TESTS_NN_ONNX_WRITER_H
#define TESTS_NN_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct OnnxWriter OnnxWriter;

OnnxWriter *onnx_writer_new(int64_t opset);
/* `dims`: "N 3 8 8"; what is no number is left open. `element`: 1 is float32. */
void onnx_writer_input(OnnxWriter *writer, const char *name, const char *dims, int element);
void onnx_writer_output(OnnxWriter *writer, const char *name);
void onnx_writer_node(OnnxWriter *writer, const char *type, const char *inputs, const char *outputs,
                      const char *attributes);
/* An initialiser of float32 with seeded values. */
void onnx_writer_weights(OnnxWriter *writer, const char *name, const char *dims);
/* One of int64. */
void onnx_writer_integers(OnnxWriter *writer, const char *name, const char *values);
/* One whose parts are given: raw bytes may contradict dims. `more` is put into the TensorProto as it is (NULL:
 * nothing). */
void onnx_writer_raw(OnnxWriter *writer, const char *name, const char *dims, int element, GBytes *raw, GBytes *more);
/* A field put into the GraphProto. */
void onnx_writer_field(OnnxWriter *writer, unsigned number, GBytes *content);
/* The file; the writer is freed. */
GBytes *onnx_writer_finish(OnnxWriter *writer);

/* A length-delimited field, for content by hand; new bytes. */
GBytes *onnx_field(unsigned number, const void *data, size_t size);
GBytes *onnx_varint_field(unsigned number, uint64_t value);
/* The `more` of onnx_writer_raw for content that lies in another file; offset and length NULL: not said. New bytes. */
GBytes *onnx_external(const char *location, const char *offset, const char *length);

#endif
