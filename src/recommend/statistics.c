/* SPDX-License-Identifier: Apache-2.0 */
/* Intervals of what was counted. */
#include "recommend/recommend.h"

#include <math.h>

#define Z95 1.959964

void nt_wilson(uint64_t hits, uint64_t count, double *out_low, double *out_high) {
    double n = (double)count, p = (double)hits / n, square = Z95 * Z95 / n;
    double middle = p + square / 2, spread = Z95 * sqrt((p * (1 - p) + square / 4) / n);
    *out_low = MAX(0, (middle - spread) / (1 + square));
    *out_high = MIN(1, (middle + spread) / (1 + square));
}

/* Byar's approximation: a cube of a normal one. */
static double byar(double count, double z) {
    double root = 1 - 1 / (9 * count) + z / (3 * sqrt(count));
    return count * root * root * root;
}

void nt_poisson(uint64_t count, double *out_low, double *out_high) {
    *out_low = count > 0 ? MAX(0, byar((double)count, -Z95)) : 0;
    *out_high = byar((double)count + 1, Z95);
}

bool nt_rate_ratio(uint64_t count, uint64_t of, uint64_t other_count, uint64_t other_of, double *out_ratio,
                   double *out_low, double *out_high) {
    if (count == 0 || other_count == 0 || of == 0 || other_of == 0) {
        return false;
    }
    double spread = Z95 * sqrt(1 / (double)count + 1 / (double)other_count);
    *out_ratio = (double)count / (double)of / ((double)other_count / (double)other_of);
    *out_low = *out_ratio * exp(-spread);
    *out_high = *out_ratio * exp(spread);
    return true;
}
