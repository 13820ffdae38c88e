/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where tastes are found: vectors less the catalogue's mean, and the distance at which they are cut.
 *
 * The mean goes because networks give all photos of a shop much in common (the median cosine of two of MobileNetV2's is
 * 0.4): without it the distances that tell products apart are a small part of all distances.
 */
#include <math.h>
#include <stdlib.h>

#include "kernels/kernels.h"
#include "recommend/recommend.h"

static const size_t fewest = 64;          /* rows that a cut is derived from */
static const double least_excess = 0.005; /* of all pairs, that is not chance: three deviations for 512 rows */
static const double plateau = 0.95;       /* of the greatest excess */
static const double stated_share = 0.8;   /* of the median: the middle of what catalogues gave */

static bool set_mean(const float *rows, size_t count, NtTasteSpace *space, GError **error) {
    nt_autofree double *sums = nt_alloc0(space->dim, sizeof *sums, "the mean of the catalogue", error);
    if (sums == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < space->dim; k++) {
            sums[k] += (double)rows[i * space->dim + k];
        }
    }
    for (size_t k = 0; k < space->dim; k++) {
        if (!isfinite(sums[k])) {
            return nt_fail(error, NITERU_ERROR_INVALID, "a vector of the catalogue has a number that is not finite");
        }
        space->mean[k] = (float)(sums[k] / (double)count);
    }
    return true;
}

void nt_taste_space_place(const NtTasteSpace *space, const float *row, float *out) {
    for (size_t k = 0; k < space->dim; k++) {
        out[k] = row[k] - space->mean[k];
    }
    double norm = space->unit ? sqrt(nt_kernels()->norm_double[NT_DTYPE_F32](out, space->dim)) : 0;
    for (size_t k = 0; norm > 0 && k < space->dim; k++) {
        out[k] = (float)((double)out[k] / norm);
    }
}

static int compare_distances(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The squared distances of all pairs of placed rows, sorted. */
static bool fill_distances(const NtTasteSpace *space, const float *rows, size_t count, const NtWait *wait,
                           double *distances, GError **error) {
    nt_autofree float *placed = nt_alloc(count * space->dim, sizeof *placed, "vectors of the catalogue", error);
    if (placed == NULL) {
        return false;
    }
    size_t pairs = 0;
    for (size_t i = 0; i < count; i++) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        float *row = placed + i * space->dim;
        nt_taste_space_place(space, rows + i * space->dim, row);
        for (size_t j = 0; j < i; j++) {
            double squared = nt_kernels()->squared_double[NT_DTYPE_F32](row, placed + j * space->dim, space->dim);
            if (!isfinite(squared)) {
                return nt_fail(error, NITERU_ERROR_INVALID, "the vectors of the catalogue are too long to be compared");
            }
            distances[pairs++] = squared;
        }
    }
    qsort(distances, pairs, sizeof *distances, compare_distances);
    return true;
}

/* The greatest F - G below the median of sorted distances; *from .. *to: where it is `least` or more. */
static double walk_excess(const double *distances, size_t pairs, double median, double least, double *from,
                          double *to) {
    size_t near = 0, far = pairs; /* distances[far ..] are mirrored to the near ones */
    double greatest = 0;
    bool within = false;
    while (distances[near] < median) {
        double at = distances[near++];
        while (far > near && distances[far - 1] > 2 * median - at) {
            far--;
        }
        double excess = ((double)near - (double)(pairs - far)) / (double)pairs;
        greatest = fmax(greatest, excess);
        if (excess >= least) {
            *from = within ? *from : at;
            *to = distances[near];
            within = true;
        }
    }
    return greatest;
}

static void set_cut(NtTasteSpace *space, const double *distances, size_t pairs, bool enough) {
    double median = space->median = distances[pairs / 2], from = 0, to = 0;
    double greatest = walk_excess(distances, pairs, median, INFINITY, &from, &to);
    space->derived = enough && greatest >= least_excess;
    space->cut = stated_share * median;
    if (space->derived) {
        walk_excess(distances, pairs, median, plateau * greatest, &from, &to);
        space->cut = (from + to) / 2;
    }
}

bool nt_taste_space_init(const float *rows, size_t count, size_t dim, bool unit, const NtWait *wait, NtTasteSpace *out,
                         GError **error) {
    if (count < 2 || dim == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "tastes need a catalogue of two vectors or more, not %zu of %zu numbers", count, dim);
    }
    if (count > NT_TASTE_SAMPLE || dim > NT_CLUSTER_DIMENSION) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%zu vectors of %zu numbers are over the limit of %d of %d", count,
                       dim, NT_TASTE_SAMPLE, NT_CLUSTER_DIMENSION);
    }
    size_t pairs = count * (count - 1) / 2;
    nt_autofree double *distances = nt_alloc(pairs, sizeof *distances, "distances", error);
    if (distances == NULL) {
        return false;
    }
    NtTasteSpace space = {
        .mean = nt_alloc(dim, sizeof(float), "the mean of the catalogue", error), .dim = dim, .unit = unit};
    if (space.mean == NULL || !set_mean(rows, count, &space, error) ||
        !fill_distances(&space, rows, count, wait, distances, error)) {
        nt_taste_space_clear(&space);
        return false;
    }
    set_cut(&space, distances, pairs, count >= fewest);
    *out = space;
    return true;
}

void nt_taste_space_clear(NtTasteSpace *space) {
    nt_free(space->mean);
    *space = (NtTasteSpace){0};
}
