/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/embed.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_PAIRS = 50 };

static bool is_distance(NtMetric metric) { return metric == NT_METRIC_EUCLIDEAN; }

NtScores nt_scores_default(NtMetric metric) {
    return is_distance(metric) ? (NtScores){.count = 2, .points = {{G_SQRT2, 0}, {0, 100}}}
                               : (NtScores){.count = 2, .points = {{0, 0}, {1, 100}}};
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

NtScores nt_scores_measure(NtMetric metric, double *pairs, size_t count, double identical) {
    if (count < LEAST_PAIRS) {
        return nt_scores_default(metric);
    }
    qsort(pairs, count, sizeof *pairs, by_value);
    static const struct { double quantile, score; } anchors[] = {{0.5, 0}, {0.9, 25}, {0.99, 50}};
    NtScores out = {0};
    double direction = is_distance(metric) ? -1 : 1;
    for (size_t i = 0; i < G_N_ELEMENTS(anchors); i++) {
        double quantile = is_distance(metric) ? 1 - anchors[i].quantile : anchors[i].quantile;
        double raw = pairs[(size_t)lround(quantile * (double)(count - 1))];
        /* A point that does not rise over the last, or reaches the identical pair, would break the order: left out. */
        bool rises = out.count == 0 || (raw - out.points[out.count - 1].raw) * direction > 1e-9;
        if (rises && (identical - raw) * direction > 1e-9) {
            out.points[out.count].raw = raw;
            out.points[out.count++].score = anchors[i].score;
        }
    }
    if (out.count == 0) { /* every pair is identical: there is nothing to measure by */
        return nt_scores_default(metric);
    }
    out.points[out.count].raw = identical;
    out.points[out.count++].score = 100;
    return out;
}

double nt_scores_of(const NtScores *scores, double raw) {
    double direction = scores->points[1].raw > scores->points[0].raw ? 1 : -1;
    double at = raw * direction;
    if (!(at > scores->points[0].raw * direction)) {
        return scores->points[0].score;
    }
    for (size_t i = 1; i < scores->count; i++) {
        double low = scores->points[i - 1].raw * direction, high = scores->points[i].raw * direction;
        if (at < high) {
            double share = (at - low) / (high - low);
            return scores->points[i - 1].score + share * (scores->points[i].score - scores->points[i - 1].score);
        }
    }
    return scores->points[scores->count - 1].score;
}

bool nt_score_alike(double score) { return round(score * 10) / 10 >= NT_SCORE_FLOOR; }

const char *nt_score_word(double score) {
    score = round(score * 10) / 10; /* as it is shown */
    return score >= 90             ? "nearly the same"
           : score >= 75           ? "very alike"
           : score >= 50           ? "alike"
           : nt_score_alike(score) ? "loosely alike"
                                   : "not alike";
}

bool nt_scores_valid(const NtScores *scores) {
    if (scores->count < 2 || scores->count > NT_SCORE_POINTS) {
        return false;
    }
    double direction = scores->points[1].raw > scores->points[0].raw ? 1 : -1;
    for (size_t i = 0; i < scores->count; i++) {
        if (!isfinite(scores->points[i].raw) || !(scores->points[i].score >= 0 && scores->points[i].score <= 100)) {
            return false;
        }
        if (i > 0 && (!((scores->points[i].raw - scores->points[i - 1].raw) * direction > 0) ||
                      scores->points[i].score < scores->points[i - 1].score)) {
            return false;
        }
    }
    return true;
}
