/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's vectors on a plane: their two principal components (Pearson 1901), found by subspace iteration on a sample
 * (Golub and Van Loan, Matrix Computations, 8.2.4). It is the flat view that keeps the most of the distances there are;
 * what share of the variance that is, is told with it. The same vectors give the same picture.
 */
#include "search/search.h"

#include <math.h>
#include <string.h>

enum { SAMPLE = 4096, ROUNDS = 24, LOOK_AT = 1024 /* rows between two looks at the time */ };

typedef struct Plane {
    size_t dim;
    double *mean, *axes[2]; /* (dim) each */
} Plane;

static void plane_clear(Plane *plane) {
    g_free(plane->mean);
    g_free(plane->axes[0]);
    g_free(plane->axes[1]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plane, plane_clear)

static double dot(const double *a, const double *b, size_t dim) {
    double sum = 0;
    for (size_t d = 0; d < dim; d++) {
        sum += a[d] * b[d];
    }
    return sum;
}

/* Makes the second axis stand upright on the first, and both of length 1; one that has none points along itself. */
static void make_upright(Plane *plane) {
    for (unsigned axis = 0; axis < 2; axis++) {
        double *own = plane->axes[axis];
        double shared = axis == 1 ? dot(own, plane->axes[0], plane->dim) : 0;
        for (size_t d = 0; d < plane->dim; d++) {
            own[d] -= axis == 1 ? shared * plane->axes[0][d] : 0;
        }
        double length = sqrt(dot(own, own, plane->dim));
        for (size_t d = 0; d < plane->dim; d++) {
            own[d] = length > 1e-12 ? own[d] / length : d == axis ? 1 : 0;
        }
    }
}

/* An axis has no direction of its own: its largest part is to be positive. */
static void fix_sign(double *axis, size_t dim) {
    size_t largest = 0;
    for (size_t d = 1; d < dim; d++) {
        largest = fabs(axis[d]) > fabs(axis[largest]) ? d : largest;
    }
    for (size_t d = 0; axis[largest] < 0 && d < dim; d++) {
        axis[d] = d == largest ? axis[d] : -axis[d];
    }
    axis[largest] = fabs(axis[largest]);
}

/* The sample's rows without their mean (count, dim); *variance: of all of them. */
static double *centre(Plane *plane, const NtRows *rows, size_t count, double *out_variance) {
    size_t dim = plane->dim;
    g_autofree float *row = g_new(float, dim);
    double *sample = g_new(double, count *dim);
    for (size_t i = 0; i < count; i++) {
        nt_rows_get(rows, rows->count * i / count, row);
        for (size_t d = 0; d < dim; d++) {
            sample[i * dim + d] = row[d];
            plane->mean[d] += row[d] / (double)count;
        }
    }
    *out_variance = 0;
    for (size_t i = 0; i < count * dim; i++) {
        sample[i] -= plane->mean[i % dim];
        *out_variance += sample[i] * sample[i];
    }
    return sample;
}

/* Finds the axes, and which share of the sample's variance they hold. */
static bool find_axes(Plane *plane, const NtRows *rows, double *out_share, const NtWait *wait, GError **error) {
    size_t dim = plane->dim, count = MIN(rows->count, SAMPLE);
    double variance = 0, kept = 0;
    g_autofree double *sample = centre(plane, rows, count, &variance);
    for (size_t d = 0; d < dim; d++) { /* any start will do that is not upright to the answer, and is always the same */
        plane->axes[0][d] = sin((double)(d + 1));
        plane->axes[1][d] = cos(1.7 * (double)(d + 1));
    }
    make_upright(plane);
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        g_autofree double *next0 = g_new0(double, dim), *next1 = g_new0(double, dim);
        kept = 0;
        for (size_t i = 0; i < count; i++) {
            const double *row = sample + i * dim;
            double x = dot(row, plane->axes[0], dim), y = dot(row, plane->axes[1], dim);
            kept += x * x + y * y;
            for (size_t d = 0; d < dim; d++) {
                next0[d] += x * row[d];
                next1[d] += y * row[d];
            }
        }
        memcpy(plane->axes[0], next0, dim * sizeof *next0);
        memcpy(plane->axes[1], next1, dim * sizeof *next1);
        make_upright(plane);
    }
    fix_sign(plane->axes[0], dim);
    fix_sign(plane->axes[1], dim);
    *out_share = variance > 0 ? kept / variance : 1;
    return true;
}

static NtPoint project(const Plane *plane, const float *row, uint32_t product) {
    double x = 0, y = 0;
    for (size_t d = 0; d < plane->dim; d++) {
        double value = row[d] - plane->mean[d];
        x += value * plane->axes[0][d];
        y += value * plane->axes[1][d];
    }
    return (NtPoint){product, (float)x, (float)y};
}

/* So that the farthest point is at 1 from the middle in x or y. */
static void scale(GArray *points) {
    float most = 0;
    for (guint i = 0; i < points->len; i++) {
        const NtPoint *point = &g_array_index(points, NtPoint, i);
        most = MAX(most, MAX(fabsf(point->x), fabsf(point->y)));
    }
    for (guint i = 0; most > 0 && i < points->len; i++) {
        NtPoint *point = &g_array_index(points, NtPoint, i);
        point->x /= most;
        point->y /= most;
    }
}

GArray *nt_projection(const NtSnapshot *snapshot, size_t most, double *out_share, const NtWait *wait, GError **error) {
    const NtVersion *version = snapshot->version;
    const NtRows *rows = &version->view;
    size_t dim = rows->dim, count = MIN(rows->count, most);
    g_autoptr(GArray) points = g_array_new(FALSE, FALSE, sizeof(NtPoint));
    g_auto(Plane) plane = {.dim = dim};
    g_autofree float *row = g_new(float, dim);
    plane.mean = g_new0(double, dim);
    plane.axes[0] = g_new0(double, dim);
    plane.axes[1] = g_new0(double, dim);
    *out_share = 1;
    if (count > 0 && dim > 1 && !find_axes(&plane, rows, out_share, wait, error)) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t at = rows->count * i / count;
        uint32_t link, product = nt_labels_first(&version->labels, at, &link);
        if (i % LOOK_AT == 0 && !nt_wait_check(wait, error)) {
            return NULL;
        }
        if (product != 0) { /* else no product shows it any more */
            nt_rows_get(rows, at, row);
            NtPoint point = project(&plane, row, product);
            g_array_append_val(points, point);
        }
    }
    scale(points);
    return g_steal_pointer(&points);
}
