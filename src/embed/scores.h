/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores: one 0-100 scale for every metric and model. Raw values mean different things from one network to the next
 * (a cosine of 0.6 is close for one and far for another), so each model carries a monotone table from raw value to
 * score, measured on the catalogue itself: the median random pair is 0, a pair closer than 90 % of random pairs 25,
 * closer than 99 % 50, and the identical photo 100; straight lines between.
 */
#ifndef NT_EMBED_SCORES_H
#define NT_EMBED_SCORES_H

#include <stdbool.h>
#include <stddef.h>

#include "index/index.h"

enum { NT_SCORE_POINTS = 8 };

typedef struct NtScores {
    size_t count; /* points in use, 2 .. NT_SCORE_POINTS */
    struct {
        double raw;   /* strictly rising for similarities, strictly falling for distances */
        double score; /* 0 .. 100, rising */
    } points[NT_SCORE_POINTS];
} NtScores;

/* The table a model has before anything was measured: cosine 0 .. 1 is 0 .. 100; Euclidean distances sqrt(2) .. 0 of
 * unit vectors, and inner products 0 .. 1, likewise. */
NtScores nt_scores_default(NtMetric metric);

/* The table from a sample of raw values of random pairs (any order; sorted in place) and the raw value of a photo
 * with itself. Fewer than 50 pairs give the default table. */
NtScores nt_scores_measure(NtMetric metric, double *pairs, size_t count, double identical);

/* The score of a raw value; values beyond the ends of the table give 0 and 100. NaN gives 0. */
double nt_scores_of(const NtScores *scores, double raw);

/* Below this score two photos are called "not alike": 90 of 100 random pairs are. */
enum { NT_SCORE_FLOOR = 25 };
bool nt_score_alike(double score);

/* "nearly the same" (90 and more), "very alike" (75), "alike" (50), "loosely alike" (25), else "not alike"; by the
 * score rounded to tenths, as it is shown. Static text. */
const char *nt_score_word(double score);

/* Whether the table is usable: as its fields say. */
bool nt_scores_valid(const NtScores *scores);

#endif
