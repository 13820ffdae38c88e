/* SPDX-License-Identifier: Apache-2.0 */
/* How alike two photos are. */
#include "search/search.h"

#include <string.h>

/* Embeds both by niteru's own model, without a catalogue. */
static bool embed_pair(const char *const paths[2], const NiteruCompareOptions *given, const NtWait *wait,
                       NtCard **out_card, float *vectors[2], GError **error) {
    NtLimits limits = nt_limits_default();
    const char *model = given->model;
    for (size_t i = 0; given->limits != NULL && given->limits[i] != NULL; i++) {
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
    g_autoptr(NtPipeline) pipeline = nt_pipeline_new(&limits, given->threads > 0 ? given->threads : nt_cores());
    for (size_t i = 0; i < 2; i++) {
        vectors[i] = g_new(float, card->dimension);
        g_autoptr(GBytes) bytes = nt_photo_read(paths[i], &limits, error);
        if (bytes == NULL || !nt_pipeline_embed(pipeline, card, network, bytes, paths[i], wait, vectors[i], error)) {
            return false;
        }
    }
    *out_card = g_steal_pointer(&card);
    return true;
}

/* The same by a model of the catalogue. */
static bool embed_pair_by(NiteruCatalogue *catalogue, const char *const paths[2], const char *name, const NtWait *wait,
                          NtCard **out_card, float *vectors[2], GError **error) {
    g_autoptr(NtModel) model = nt_model_find(catalogue, name, error);
    for (size_t i = 0; i < 2; i++) {
        vectors[i] = model != NULL ? nt_model_embed_file(catalogue, model, paths[i], wait, error) : NULL;
        if (vectors[i] == NULL) {
            return false;
        }
    }
    *out_card = nt_model_card(catalogue, model, error);
    return *out_card != NULL;
}

NiteruResults *niteru_compare(NiteruCatalogue *catalogue, const char *path_a, const char *path_b,
                              const NiteruCompareOptions *options, GCancellable *cancellable, GError **error) {
    const char *const paths[2] = {path_a, path_b};
    float *vectors[2] = {NULL, NULL};
    g_autoptr(NtCard) card = NULL;
    g_auto(NtCall) call = {0};
    NiteruCompareOptions given;
    if (!NT_OPTIONS_READ(NiteruCompareOptions, &given, options, error) ||
        (catalogue != NULL && !nt_call_begin(&call, catalogue, given.timeout_ms, cancellable, error))) {
        return NULL;
    }
    NtWait wait = catalogue != NULL ? call.wait : nt_wait_for(given.timeout_ms, cancellable);
    bool ok = catalogue != NULL ? embed_pair_by(catalogue, paths, given.model, &wait, &card, vectors, error)
                                : embed_pair(paths, &given, &wait, &card, vectors, error);
    NiteruResults *results = NULL;
    if (ok) {
        results = nt_results_new(path_a, card->name, 1);
        nt_results_add(results, nt_described_new(path_b, path_b, -1, NULL), false,
                       nt_metric_value(card->metric, vectors[0], vectors[1], card->dimension), &card->scores);
    }
    g_free(vectors[0]);
    g_free(vectors[1]);
    return results;
}
