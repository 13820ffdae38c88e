/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: what a search found, with scores and words. */
#include "search/search.h"

#include <string.h>

struct NiteruResults {
    char *query; /* id or path, NULL for a vector */
    char *model;
    NiteruResult *items; /* (count), with room for `room` */
    NtDescribed **held;  /* likewise: what the items point at */
    size_t count, room;
    bool partial, not_here;
    double *nearest; /* (nearest_count), where it is not here */
    size_t nearest_count;
    char *note;   /* or NULL */
    NtJson *near; /* or NULL */
};

NiteruResults *nt_results_new(const char *query, const char *model, size_t room) {
    NiteruResults *results = g_new0(NiteruResults, 1);
    results->query = g_strdup(query);
    results->model = g_strdup(model);
    results->items = g_new(NiteruResult, room);
    results->held = g_new(NtDescribed *, room);
    results->room = room;
    return results;
}

void nt_results_add_scored(NiteruResults *results, NtDescribed *described, bool metadata, double raw, double score,
                           const char *word) {
    g_assert(results->count < results->room);
    results->items[results->count] = (NiteruResult){.product = described->id,
                                                    .photo = described->location,
                                                    .metadata = metadata ? described->metadata : NULL,
                                                    .position = described->position,
                                                    .score = score,
                                                    .raw = raw,
                                                    .word = word};
    results->held[results->count++] = described;
}

void nt_results_add(NiteruResults *results, NtDescribed *described, bool metadata, double raw, const NtScores *scores) {
    double score = nt_scores_of(scores, raw);
    nt_results_add_scored(results, described, metadata, raw, score, nt_score_word(score));
}

void niteru_results_free(NiteruResults *results) {
    if (results != NULL) {
        for (size_t i = 0; i < results->count; i++) {
            nt_described_unref(results->held[i]);
        }
        g_free(results->query);
        g_free(results->model);
        g_free(results->items);
        g_free(results->held);
        g_free(results->nearest);
        g_free(results->note);
        nt_json_free(results->near);
        g_free(results);
    }
}

void nt_results_note(NiteruResults *results, char *words, NtJson *near) {
    g_free(results->note);
    nt_json_free(results->near);
    results->note = words;
    results->near = near;
}

const char *niteru_results_note(const NiteruResults *results) { return results->note; }

const char *nt_results_model(const NiteruResults *results) { return results->model; }

const NtJson *nt_results_near(const NiteruResults *results) { return results->near; }

void nt_results_set_partial(NiteruResults *results, bool partial) { results->partial = partial; }
bool niteru_results_partial(const NiteruResults *results) { return results->partial; }

void nt_results_set_not_here(NiteruResults *results, const double *nearest, size_t count) {
    results->not_here = true;
    results->nearest = g_memdup2(nearest, count * sizeof *nearest);
    results->nearest_count = count;
}

bool niteru_results_not_here(const NiteruResults *results) { return results->not_here; }

const double *niteru_results_nearest(const NiteruResults *results, size_t *out_count) {
    *out_count = results->nearest_count;
    return results->nearest;
}

size_t niteru_results_count(const NiteruResults *results) { return results->count; }

const NiteruResult *niteru_results_get(const NiteruResults *results, size_t i) {
    return i < results->count ? &results->items[i] : NULL;
}

char *niteru_results_json(const NiteruResults *results) {
    g_autoptr(NtJson) out = nt_json_object();
    nt_json_set(out, "query", nt_json_string(results->query));
    nt_json_set(out, "model", nt_json_string(results->model));
    NtJson *items = nt_json_array();
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        const NiteruResult *result = niteru_results_get(results, i);
        NtJson *item = nt_json_object();
        nt_json_set(item, "product", nt_json_string(result->product));
        nt_json_set(item, "score", nt_json_real(result->score));
        nt_json_set(item, "word", nt_json_string(result->word));
        nt_json_set(item, "photo", nt_json_string(result->photo));
        nt_json_set(item, "detail", nt_json_set(nt_json_object(), "raw", nt_json_real(result->raw)));
        if (result->metadata != NULL) {
            nt_json_set(item, "metadata", nt_json_parse(result->metadata, strlen(result->metadata), "", NULL, NULL));
        }
        nt_json_append(items, item);
    }
    nt_json_set(out, "results", items);
    if (results->note != NULL) {
        nt_json_set(out, "note", nt_json_string(results->note));
    }
    if (results->near != NULL) {
        nt_json_set(out, "near", nt_json_ref(results->near));
    }
    if (results->not_here) {
        NtJson *nearest = nt_json_array();
        for (size_t i = 0; i < results->nearest_count; i++) {
            nt_json_append(nearest, nt_json_real(results->nearest[i]));
        }
        nt_json_set(nt_json_set(out, "not_here", nt_json_bool(true)), "nearest", nearest);
    }
    if (results->partial) {
        nt_json_set(out, "partial", nt_json_bool(true));
    }
    return nt_json_print(out, true);
}
