/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hierarchical clustering of a visitor's products, and medoids.
 *
 * A chain is followed from a cluster to its nearest, from that to its nearest, and so on; costs fall along it, so that
 * it ends at two that are each other's nearest, which are made one. Both linkages are reducible (a merged cluster is no
 * nearer to a third than the nearer of its parts was), so the rest of the chain stays good, and the merges are those
 * that taking the cheapest pair every time gives, in another order (Muellner 2011, theorem 3). Their costs grow
 * upwards, so a merge is kept when it costs at most the cut, and no sorting is needed.
 *
 * Distances are sums in double of the kernels' fixed order: with float32 ones equal products could be parted by the
 * processor that computes. A cluster lives in the slot of its first point.
 */
#include <math.h>

#include "kernels/kernels.h"
#include "recommend/recommend.h"

static bool check_points(const NtPoints *points, GError **error) {
    if (points->count > NT_CLUSTER_POINTS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%zu points are over the limit of %d for clustering", points->count,
                       NT_CLUSTER_POINTS);
    }
    if (points->dim == 0 || points->dim > NT_CLUSTER_DIMENSION) {
        return nt_fail(error, points->dim == 0 ? NITERU_ERROR_INVALID : NITERU_ERROR_LIMIT,
                       "points of %zu numbers cannot be clustered: 1 to %d can", points->dim, NT_CLUSTER_DIMENSION);
    }
    for (size_t i = 0; i < points->count; i++) {
        /* No sum of 4,096 squares of finite float32 leaves a double. */
        if (!isfinite(nt_kernels()->norm_double[NT_DTYPE_F32](points->rows + i * points->dim, points->dim))) {
            return nt_fail(error, NITERU_ERROR_INVALID, "point %zu has a number that is not finite", i);
        }
        if (points->weights != NULL && !(points->weights[i] > 0 && isfinite(points->weights[i]))) {
            return nt_fail(error, NITERU_ERROR_INVALID, "the weight of point %zu is %g, not a finite number above 0", i,
                           (double)points->weights[i]);
        }
    }
    return true;
}

/* What is known of the clusters while they are merged; `count` slots each. */
typedef struct Merging {
    size_t count;
    NtLinkage linkage;
    double *costs; /* (count, count) of making two one, both ways */
    double weight[NT_CLUSTER_POINTS];
    bool gone[NT_CLUSTER_POINTS]; /* part of another slot */
} Merging;

static double *costs_of(Merging *merging, size_t slot) { return merging->costs + slot * merging->count; }

static bool fill_costs(Merging *merging, const NtPoints *points, const NtWait *wait, GError **error) {
    NtSum squared = nt_kernels()->squared_double[NT_DTYPE_F32];
    for (size_t i = 0; i < points->count; i++) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        merging->weight[i] = points->weights != NULL ? (double)points->weights[i] : 1;
        for (size_t j = 0; j < i; j++) {
            double cost = squared(points->rows + i * points->dim, points->rows + j * points->dim, points->dim);
            if (merging->linkage == NT_LINKAGE_WARD) {
                cost *= 2 * merging->weight[i] * merging->weight[j] / (merging->weight[i] + merging->weight[j]);
            }
            costs_of(merging, i)[j] = costs_of(merging, j)[i] = cost;
        }
    }
    return true;
}

/* The slot that is nearest to `slot`; of equals `before`, where the chain came from, so that costs fall strictly along
 * it and it ends; else the first. */
static size_t find_nearest(Merging *merging, size_t slot, size_t before) {
    const double *costs = costs_of(merging, slot);
    size_t nearest = before;
    for (size_t other = 0; other < merging->count; other++) {
        if (other != slot && !merging->gone[other] && (nearest == SIZE_MAX || costs[other] < costs[nearest])) {
            nearest = other;
        }
    }
    return nearest;
}

/* Lance and Williams: the cost of the merged cluster with each other one, from those of its parts. */
static void merge(Merging *merging, size_t a, size_t b) {
    double *costs_a = costs_of(merging, a), *costs_b = costs_of(merging, b), between = costs_a[b];
    double weight_a = merging->weight[a], weight_b = merging->weight[b], weight = weight_a + weight_b;
    merging->gone[b] = true;
    for (size_t c = 0; c < merging->count; c++) {
        if (c == a || merging->gone[c]) {
            continue;
        }
        double cost;
        if (merging->linkage == NT_LINKAGE_WARD) {
            double weight_c = merging->weight[c];
            cost = ((weight_a + weight_c) * costs_a[c] + (weight_b + weight_c) * costs_b[c] - weight_c * between) /
                   (weight + weight_c);
        } else {
            cost = (weight_a * costs_a[c] + weight_b * costs_b[c]) / weight;
        }
        /* Reducible also after rounding: else a chain might come back to itself, or a merge cost less than those in it.
         */
        costs_a[c] = costs_of(merging, c)[a] = fmax(cost, fmin(costs_a[c], costs_b[c]));
    }
    merging->weight[a] = weight;
}

/* Merges all into one; joined[b] = a < b for merges that cost at most `cut`, joined[first point] = itself. */
static bool follow_chains(Merging *merging, double cut, const NtWait *wait, uint16_t *joined, GError **error) {
    uint16_t chain[NT_CLUSTER_POINTS];
    size_t length = 0;
    for (size_t left = merging->count; left > 1;) {
        if (!nt_wait_check(wait, error)) {
            return false;
        }
        if (length == 0) {
            chain[length++] = 0; /* the slot of the first point is never gone */
        }
        size_t end = chain[length - 1], before = length > 1 ? chain[length - 2] : SIZE_MAX;
        size_t nearest = find_nearest(merging, end, before);
        if (nearest != before) {
            chain[length++] = (uint16_t)nearest;
            continue;
        }
        length -= 2;
        left--;
        size_t a = MIN(end, before), b = MAX(end, before);
        if (costs_of(merging, a)[b] <= cut) {
            joined[b] = (uint16_t)a;
        }
        merge(merging, a, b);
    }
    return true;
}

bool nt_cluster(const NtPoints *points, NtLinkage linkage, double cut, const NtWait *wait, uint16_t *out_clusters,
                size_t *out_count, GError **error) {
    g_assert(cut >= 0);
    if (!check_points(points, error)) {
        return false;
    }
    nt_autofree double *costs = nt_alloc(points->count * points->count, sizeof *costs, "distances", error);
    if (costs == NULL) {
        return false;
    }
    Merging merging = {.count = points->count, .linkage = linkage, .costs = costs};
    uint16_t clusters[NT_CLUSTER_POINTS];
    for (size_t i = 0; i < points->count; i++) {
        clusters[i] = (uint16_t)i;
    }
    if (!fill_costs(&merging, points, wait, error) || !follow_chains(&merging, cut, wait, clusters, error)) {
        return false;
    }
    size_t count = 0;
    for (size_t i = 0; i < points->count; i++) {
        /* What a slot was joined to comes before it and has its number. */
        out_clusters[i] = clusters[i] == i ? (uint16_t)count++ : out_clusters[clusters[i]];
    }
    *out_count = count;
    return true;
}

size_t nt_medoid(const NtPoints *points, const uint16_t *clusters, uint16_t which) {
    /* With m the centroid and W the weight of the cluster, sum of w_j |x_i - x_j|^2 = W |x_i - m|^2 + a constant: the
     * medoid is the member nearest to the centroid. */
    size_t dim = points->dim;
    g_autofree double *centroid = g_new0(double, dim);
    double weight = 0;
    for (size_t i = 0; i < points->count; i++) {
        if (clusters[i] == which) {
            double w = points->weights != NULL ? (double)points->weights[i] : 1;
            weight += w;
            for (size_t k = 0; k < dim; k++) {
                centroid[k] += w * (double)points->rows[i * dim + k];
            }
        }
    }
    g_assert(weight > 0);
    size_t medoid = SIZE_MAX;
    double least = 0;
    for (size_t i = 0; i < points->count; i++) {
        if (clusters[i] != which) {
            continue;
        }
        double sum = 0;
        for (size_t k = 0; k < dim; k++) {
            double difference = (double)points->rows[i * dim + k] - centroid[k] / weight;
            sum += difference * difference;
        }
        if (medoid == SIZE_MAX || sum < least * (1 - 1e-12)) {
            medoid = i;
            least = sum;
        }
    }
    return medoid;
}
