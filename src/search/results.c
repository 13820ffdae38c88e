/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: what a search found, with scores and words. */
#include "search/search.h"

#include <string.h>

struct NiteruResults {
    char *query; /* id or path, NULL for a vector */
    char *model;
    GArray *items;         /* NiteruResult */
    GStringChunk *strings; /* what the items point at */
    bool partial;
    char *note;   /* or NULL */
    NtJson *near; /* or NULL */
};

NiteruResults *nt_results_new(const char *query, const char *model) {
    NiteruResults *results = g_new0(NiteruResults, 1);
    results->query = g_strdup(query);
    results->model = g_strdup(model);
    results->items = g_array_new(FALSE, FALSE, sizeof(NiteruResult));
    results->strings = g_string_chunk_new(1024);
    return results;
}

void nt_results_add(NiteruResults *results, const char *product, const char *photo, const char *metadata, double raw,
                    const NtScores *scores) {
    double score = nt_scores_of(scores, raw);
    NiteruResult item = {.product = g_string_chunk_insert(results->strings, product),
                         .photo = g_string_chunk_insert(results->strings, photo),
                         .metadata = metadata != NULL ? g_string_chunk_insert(results->strings, metadata) : NULL,
                         .score = score,
                         .raw = raw,
                         .word = nt_score_word(score)};
    g_array_append_val(results->items, item);
}

void niteru_results_free(NiteruResults *results) {
    if (results != NULL) {
        g_free(results->query);
        g_free(results->model);
        g_array_unref(results->items);
        g_string_chunk_free(results->strings);
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

void nt_results_set_partial(NiteruResults *results, bool partial) { results->partial = partial; }
bool niteru_results_partial(const NiteruResults *results) { return results->partial; }

size_t niteru_results_count(const NiteruResults *results) { return results->items->len; }

const NiteruResult *niteru_results_get(const NiteruResults *results, size_t i) {
    return i < results->items->len ? &g_array_index(results->items, NiteruResult, i) : NULL;
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
    if (results->partial) {
        nt_json_set(out, "partial", nt_json_bool(true));
    }
    return nt_json_print(out, true);
}
