/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics, and what their values mean. A raw value is the metric's own:
 *   cosine     <a, b> / (|a| |b|), -1 .. 1           larger is nearer
 *   inner      <a, b>, any number                     larger is nearer
 *   euclidean  |a - b|, 0 and more                    smaller is nearer
 * Direction is asked of nt_metric_nearer, never guessed. All values are computed in double, in the fixed order of
 * kernels.h, so that they are the same on every CPU and for any number of threads.
 */
#ifndef NT_INDEX_METRIC_H
#define NT_INDEX_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/kernels.h"

typedef enum NtMetric {
    NT_METRIC_COSINE,
    NT_METRIC_EUCLIDEAN,
    NT_METRIC_INNER,
} NtMetric;

/* "cosine", "euclidean", "inner"; static text. */
const char *nt_metric_name(NtMetric metric);
/* The metric of such a name; false when there is none. */
bool nt_metric_parse(const char *text, NtMetric *out);

/* "f2" (float16) and "f4" (float32), as in .npy files; "f16", "float16", "f32" and "float32" are understood too. */
const char *nt_dtype_name(NtDtype dtype);
bool nt_dtype_parse(const char *text, NtDtype *out);

/* Whether raw value `a` is nearer than `b`. NaN is nearer than nothing. */
static inline bool nt_metric_nearer(NtMetric metric, double a, double b) {
    return metric == NT_METRIC_EUCLIDEAN ? a < b : a > b;
}

/* The raw value of two float32 vectors (dim). Cosine with a vector of no length is NaN. */
double nt_metric_value(NtMetric metric, const float *a, const float *b, size_t dim);

#endif
