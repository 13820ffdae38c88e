/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/embed.h"

enum { TRY_SECONDS = 60 };
static const uint64_t MOST_MULTIPLY_ADDS = UINT64_C(2000000000000); /* half a minute of two cores */

struct NtEmbedder {
    NtLimits limits;
    NtDecodeOptions decode;
    NtDecoder *decoder;
    NtPreprocessor *preprocessor;
    NtRunner *runner;
    float *input; /* (1, 3, H, W) */
};

NtEmbedder *nt_embedder_new(const NtCard *card, NtNetwork *network, const NtLimits *limits, unsigned threads,
                            GError **error) {
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(NtEmbedder) embedder = g_new0(NtEmbedder, 1);
    embedder->limits = *limits;
    embedder->decode.shrink_to = card->shrink_on_load ? MAX(info->width, info->height) : 0;
    embedder->decoder = nt_card_fits(card, info, card->name, error) ? nt_decoder_new(limits, error) : NULL;
    embedder->preprocessor = embedder->decoder != NULL ? nt_preprocessor_new(&card->preprocess, error) : NULL;
    embedder->runner = embedder->preprocessor != NULL ? nt_runner_new(network, 1, threads, error) : NULL;
    if (embedder->runner == NULL) {
        return NULL;
    }
    embedder->input = nt_alloc((size_t)3 * info->width * info->height, sizeof(float), "a network's input", error);
    return embedder->input != NULL ? g_steal_pointer(&embedder) : NULL;
}

void nt_embedder_free(NtEmbedder *embedder) {
    if (embedder != NULL) {
        g_clear_pointer(&embedder->decoder, nt_decoder_free);
        g_clear_pointer(&embedder->preprocessor, nt_preprocessor_free);
        g_clear_pointer(&embedder->runner, nt_runner_free);
        nt_free(embedder->input);
        g_free(embedder);
    }
}

/* A picture of noise, (height, width, 3): it has all frequencies, and no photo is as hard on a network's numbers. */
static uint8_t *make_noise(unsigned width, unsigned height, GError **error) {
    uint8_t *rgb = nt_alloc((size_t)width * height, 3, "a test picture", error);
    uint32_t state = 1;
    for (size_t i = 0; rgb != NULL && i < (size_t)3 * width * height; i++) {
        state = state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        rgb[i] = (uint8_t)(state >> 24);
    }
    return rgb;
}

bool nt_embedder_try(const NtCard *card, NtNetwork *network, GError **error) {
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(NtPreprocessor) preprocessor =
        nt_card_fits(card, info, card->name, error) ? nt_preprocessor_new(&card->preprocess, error) : NULL;
    g_autoptr(NtRunner) runner = preprocessor != NULL ? nt_runner_new(network, 1, 0, error) : NULL;
    if (runner == NULL) {
        g_prefix_error(error, "%s: ", card->name);
        return false;
    }
    if (info->multiply_adds > MOST_MULTIPLY_ADDS) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "%s: takes %.3g multiplications a photo, over the %.3g that are of any use here", card->name,
                       (double)info->multiply_adds, (double)MOST_MULTIPLY_ADDS);
    }
    nt_autofree uint8_t *noise = make_noise(info->width, info->height, error);
    NtPixels pixels = {.rgb = noise, .width = info->width, .height = info->height, .stride = (size_t)3 * info->width};
    nt_autofree float *input = nt_alloc((size_t)3 * info->width * info->height, sizeof *input, "a test input", error);
    nt_autofree float *out = nt_alloc(info->dimension, sizeof *out, "a test vector", error);
    bool finite = false,
         ok = noise != NULL && input != NULL && out != NULL && nt_preprocess(preprocessor, &pixels, input, error);
    if (ok) {
        nt_runner_set_deadline(runner, g_get_monotonic_time() + TRY_SECONDS * G_USEC_PER_SEC);
        ok = nt_runner_run(runner, input, 1, out, &finite, error);
    }
    return ok && (finite || nt_fail(error, NITERU_ERROR_CORRUPT,
                                    "%s: its answer to a test picture is not a number: the network is damaged, or "
                                    "photos must be made ready for it in another way (--preset)",
                                    card->name));
}

bool nt_embedder_file(NtEmbedder *embedder, const char *path, float *out, GError **error) {
    GError *fault = NULL;
    g_autoptr(GBytes) bytes = nt_file_read(path, embedder->limits.photo_bytes, &fault);
    if (bytes == NULL) {
        bool large = fault->code == NITERU_ERROR_LIMIT;
        nt_fail(error, (NiteruError)fault->code, "%s%s", fault->message,
                large ? " (limit photo-bytes; --limit photo-bytes=SIZE changes it)" : "");
        g_error_free(fault);
        return false;
    }
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    NtPixels pixels;
    bool finite = false;
    if (!nt_decoder_decode(embedder->decoder, data, size, path, &embedder->decode, &pixels, NULL, error) ||
        !nt_preprocess(embedder->preprocessor, &pixels, embedder->input, error) ||
        !nt_runner_run(embedder->runner, embedder->input, 1, out, &finite, error)) {
        return false;
    }
    return finite || nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the network's answer is not a number", path);
}
