/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What raw values mean for a model, measured on its own vectors: the scale of its scores, on random pairs; and the
 * floor, on some products that each ask for their nearest other one, as a photo of something that is sold here would.
 * Below what nearly all of these reach, a photo is of something else: doc/not-here.md has how well
 * that tells.
 */
#include "state/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCORE_PAIRS = 200000,
    FLOOR_QUERIES = 512,
    LEAST_QUERIES = 20, /* fewer say nothing */
};
static const double below = 0.05; /* of the products may be under the floor */

/* The rows that a photo shows; memory in proportion to them. */
static uint32_t *alive_rows(const NtVersion *version, uint64_t *out_count, GError **error) {
    uint32_t *rows = nt_alloc(version->labels.alive, sizeof *rows, "a list of vectors", error);
    uint64_t count = 0;
    for (uint64_t row = 0; rows != NULL && row < version->rows; row++) {
        uint32_t link;
        if (nt_labels_first(&version->labels, row, &link) != 0) {
            rows[count++] = (uint32_t)row;
        }
    }
    *out_count = count;
    return rows;
}

/* All pairs where these are few: the table then does not depend on the order in which photos came. */
static NtScores measure(const NtRows *view, const uint32_t *rows, uint64_t count) {
    uint64_t possible = count <= UINT32_MAX ? count * (count - 1) / 2 : UINT64_MAX;
    bool all = possible <= SCORE_PAIRS;
    size_t dim = view->dim, wanted = (size_t)MIN((uint64_t)SCORE_PAIRS, possible);
    g_autofree float *a = g_new(float, dim), *b = g_new(float, dim);
    g_autofree double *pairs = g_new(double, wanted);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    double identical = 0;
    uint64_t first = 0, second = 0;
    for (size_t i = 0; i < wanted; i++) {
        if (!all) {
            first = (uint64_t)(g_rand_double(random) * (double)count);
            second = (first + 1 + (uint64_t)(g_rand_double(random) * (double)(count - 1))) % count;
        } else if (++second == count) {
            second = ++first + 1;
        }
        nt_rows_get(view, rows[first], a);
        nt_rows_get(view, rows[second], b);
        pairs[i] = nt_metric_value(view->metric, a, b, dim);
        identical += nt_metric_value(view->metric, a, a, dim) / (double)wanted;
    }
    return nt_scores_measure(view->metric, pairs, wanted,
                             view->metric == NT_METRIC_INNER    ? identical
                             : view->metric == NT_METRIC_COSINE ? 1.0
                                                                : 0.0);
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value that at most so few of all products are under, told by a sample of them with 95 % confidence: the count of
 * those in the sample that are under the true quantile is binomial, here as a normal variable. */
static double floor_of(NtMetric metric, double *values, size_t count) {
    double n = (double)count, under = n * below - 1.645 * sqrt(n * below * (1 - below));
    size_t at = under > 0 ? (size_t)under : 0;
    if (count < LEAST_QUERIES) {
        return NAN;
    }
    qsort(values, count, sizeof *values, rising);
    return values[metric == NT_METRIC_EUCLIDEAN ? count - 1 - at : at];
}

/* Brings `wanted` of the rows to the front, drawn at random. */
static void draw(uint32_t *rows, uint64_t count, size_t wanted) {
    g_autoptr(GRand) random = g_rand_new_with_seed(2);
    for (size_t i = 0; i < wanted; i++) {
        uint64_t other = i + (uint64_t)(g_rand_double(random) * (double)(count - i));
        uint32_t row = rows[i];
        rows[i] = rows[other];
        rows[other] = row;
    }
}

/* Asks for the nearest other product of some; *out is NaN when there are too few. Changes the order of `rows`. */
static bool measure_floor(const NtVersion *version, uint32_t *rows, uint64_t count, const NtWait *wait, double *out,
                          GError **error) {
    size_t dim = version->view.dim, wanted = (size_t)MIN(count, (uint64_t)FLOOR_QUERIES), found = 0;
    uint32_t own[FLOOR_QUERIES], link;
    NtIndexHit hits[FLOOR_QUERIES];
    size_t counts[FLOOR_QUERIES];
    double values[FLOOR_QUERIES];
    nt_autofree float *queries = nt_alloc(wanted, dim * sizeof *queries, "queries", error);
    if (queries == NULL) {
        return false;
    }
    draw(rows, count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        own[i] = nt_labels_first(&version->labels, rows[i], &link);
        nt_rows_get(&version->view, rows[i], queries + i * dim);
    }
    const NtQueries asked = {.data = queries, .count = wanted, .dim = dim};
    const NtIndexOptions options = {.k = 1,
                                    .labels = &version->labels,
                                    .skip_label = own,
                                    .pool = version->model->catalogue->pool,
                                    .deadline = wait != NULL ? wait->deadline : 0,
                                    .cancellable = wait != NULL ? wait->cancellable : NULL};
    if (!nt_index_search(version->model->index, &version->view, &asked, &options, hits, counts, error)) {
        return false;
    }
    for (size_t i = 0; i < wanted; i++) {
        values[found] = hits[i].raw;
        found += counts[i] > 0;
    }
    *out = floor_of(version->view.metric, values, found);
    return true;
}

typedef struct Measured {
    NtScores scores;
    double floor;
    uint64_t rows; /* on so many */
} Measured;

/* In a turn: puts what was measured into the card as it is now. */
static bool store(NtCatalogue *db, int64_t model, const char *name, const Measured *measured, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, name, &row, error)) {
        return false;
    }
    g_autoptr(NtCard) card = row.card != NULL ? nt_card_parse(row.card, strlen(row.card), name, error) : NULL;
    if (card == NULL || row.model != model) {
        return card != NULL; /* another model of that name has come */
    }
    card->scores = measured->scores;
    card->floor = measured->floor;
    card->scores_rows = card->floor_rows = measured->rows;
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, true);
    return nt_catalogue_set_model_card(db, model, text, error);
}

/* Whether there are enough more than at the last time. */
static bool is_due(NiteruCatalogue *catalogue, const char *name, GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(NtModelRow) row = {0};
    if (!nt_reader_open(&reader, catalogue, error) || !nt_catalogue_find_model(reader.db, name, &row, error)) {
        return false;
    }
    g_autoptr(NtCard) card = row.card != NULL ? nt_card_parse(row.card, strlen(row.card), name, NULL) : NULL;
    uint64_t shown = row.rows - MIN(row.dead, row.rows);
    return card != NULL && shown >= 2 && shown >= 2 * MIN(card->scores_rows, card->floor_rows);
}

bool nt_model_calibrate(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error) {
    GError *fault = NULL;
    if (!is_due(catalogue, name, &fault)) {
        if (fault != NULL) {
            g_propagate_error(error, fault);
        }
        return fault == NULL;
    }
    g_auto(NtSnapshot) snapshot = {0};
    uint64_t count = 0;
    if (!nt_snapshot_open(&snapshot, catalogue, name, error)) {
        return false;
    }
    nt_reader_clear(&snapshot.reader); /* what was mapped stays */
    NtVersion *version = snapshot.version;
    nt_autofree uint32_t *rows = alive_rows(version, &count, error);
    if (rows == NULL || count < 2) {
        return rows != NULL;
    }
    Measured measured = {.scores = measure(&version->view, rows, count), .rows = count};
    return measure_floor(version, rows, count, wait, &measured.floor, error) && nt_turn_begin(catalogue, wait, error) &&
           nt_turn_end(catalogue, store(catalogue->db, version->model->model, version->model->name, &measured, error),
                       error);
}
