/* SPDX-License-Identifier: Apache-2.0 */
/* The scale of a model's scores, measured on pairs of its vectors. */
#include "state/state.h"

#include <string.h>

enum { SCORE_PAIRS = 200000 };

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

/* In a turn: puts the table into the card as it is now. */
static bool store(NtCatalogue *db, int64_t model, const char *name, const NtScores *scores, uint64_t count,
                  GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, name, &row, error)) {
        return false;
    }
    g_autoptr(NtCard) card = row.card != NULL ? nt_card_parse(row.card, strlen(row.card), name, error) : NULL;
    if (card == NULL || row.model != model) {
        return card != NULL; /* another model of that name has come */
    }
    card->scores = *scores;
    card->scores_rows = count;
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
    return card != NULL && shown >= 2 && shown >= 2 * card->scores_rows;
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
    NtScores scores = measure(&version->view, rows, count);
    return nt_turn_begin(catalogue, wait, error) &&
           nt_turn_end(catalogue,
                       store(catalogue->db, version->model->model, version->model->name, &scores, count, error), error);
}
