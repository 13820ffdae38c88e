/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"

#include <math.h>
#include <string.h>

static const char *const metric_names[] = {
    [NT_METRIC_COSINE] = "cosine", [NT_METRIC_EUCLIDEAN] = "euclidean", [NT_METRIC_INNER] = "inner"};

const char *nt_metric_name(NtMetric metric) { return metric_names[metric]; }

bool nt_metric_parse(const char *text, NtMetric *out) {
    for (unsigned i = 0; i < G_N_ELEMENTS(metric_names); i++) {
        if (strcmp(text, metric_names[i]) == 0) {
            *out = (NtMetric)i;
            return true;
        }
    }
    return false;
}

const char *nt_dtype_name(NtDtype dtype) { return dtype == NT_DTYPE_F16 ? "f2" : "f4"; }

bool nt_dtype_parse(const char *text, NtDtype *out) {
    static const char *const names[] = {"f2", "f16", "float16", "f4", "f32", "float32"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i < 3 ? NT_DTYPE_F16 : NT_DTYPE_F32;
            return true;
        }
    }
    return false;
}

double nt_metric_value(NtMetric metric, const float *a, const float *b, size_t dim) {
    const NtKernels *kernels = nt_kernels();
    if (metric == NT_METRIC_EUCLIDEAN) {
        return sqrt(kernels->squared_double[NT_DTYPE_F32](a, b, dim));
    }
    double dot = kernels->dot_double[NT_DTYPE_F32](a, b, dim);
    if (metric == NT_METRIC_INNER) {
        return dot;
    }
    double lengths =
        sqrt(kernels->norm_double[NT_DTYPE_F32](a, dim)) * sqrt(kernels->norm_double[NT_DTYPE_F32](b, dim));
    return lengths > 0 ? CLAMP(dot / lengths, -1.0, 1.0) : NAN;
}
