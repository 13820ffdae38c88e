/* SPDX-License-Identifier: Apache-2.0 */
/* How alike two photos are. */
#include "search/search.h"

#include <string.h>

/* Embeds both by niteru's own model, without a catalogue. */
static bool embed_pair(const char *const paths[2], const char *model, const NiteruOptions *given, NtCard **out_card,
                       float *vectors[2], GError **error) {
    NtLimits limits = nt_limits_default();
    unsigned threads = given != NULL && given->threads > 0 ? given->threads : nt_cores();
    for (size_t i = 0; given != NULL && given->limits != NULL && given->limits[i] != NULL; i++) {
        if (!nt_limits_set(&limits, given->limits[i], error)) {
            return false;
        }
    }
    g_autofree char *folder = nt_shipped_models(error);
    g_autoptr(NtCard) card = folder != NULL ? nt_shipped_card(folder, error) : NULL;
    if (card == NULL) {
        return false;
    }
    if (model != NULL && strcmp(model, card->name) != 0) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND,
                       "there is no catalogue with a model '%s'; without one, %s compares (-C names a catalogue)",
                       model, card->name);
    }
    g_autofree char *file = g_strdup_printf("%s.onnx", card->name);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    NtNetworkOptions options = {.output = card->output, .limits = &limits};
    g_autoptr(NtNetwork) network = nt_network_load(path, &options, error);
    if (network == NULL || !nt_card_fits(card, nt_network_info(network), path, error)) {
        return false;
    }
    g_autoptr(NtPipeline) pipeline = nt_pipeline_new(&limits, threads);
    for (size_t i = 0; i < 2; i++) {
        vectors[i] = g_new(float, card->dimension);
        g_autoptr(GBytes) bytes = nt_photo_read(paths[i], &limits, error);
        if (bytes == NULL || !nt_pipeline_embed(pipeline, card, network, bytes, paths[i], NULL, vectors[i], error)) {
            return false;
        }
    }
    *out_card = g_steal_pointer(&card);
    return true;
}

NiteruResults *niteru_compare(NiteruCatalogue *catalogue, const char *path_a, const char *path_b,
                              const char *model_name, const NiteruOptions *options, GError **error) {
    const char *const paths[2] = {path_a, path_b};
    float *vectors[2] = {NULL, NULL};
    g_autoptr(NtCard) card = NULL;
    NtScores scores;
    bool ok;
    if (catalogue == NULL) {
        ok = embed_pair(paths, model_name, options, &card, vectors, error);
        scores = ok ? card->scores : (NtScores){0};
    } else {
        g_auto(NtReader) reader = {0};
        NtModel *model = nt_reader_open(&reader, catalogue, error)
                             ? nt_model_open(catalogue, reader.db, model_name, NULL, error)
                             : NULL;
        ok = model != NULL && nt_model_scores(reader.db, model, &scores, error);
        for (size_t i = 0; ok && i < 2; i++) {
            vectors[i] = nt_model_embed_file(catalogue, model, paths[i], NULL, error);
            ok = vectors[i] != NULL;
        }
        card = ok ? nt_card_copy(model->card) : NULL;
    }
    NiteruResults *results = NULL;
    if (ok) {
        results = nt_results_new(path_a, card->name);
        nt_results_add(results, path_b, path_b, nt_metric_value(card->metric, vectors[0], vectors[1], card->dimension),
                       &scores);
    }
    g_free(vectors[0]);
    g_free(vectors[1]);
    return results;
}
