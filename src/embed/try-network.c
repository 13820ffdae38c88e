/* SPDX-License-Identifier: Apache-2.0 */
/* The proof, before a network is taken, that it can embed. */
#include "embed/embed.h"

enum { TRY_SECONDS = 60 };
static const uint64_t MOST_MULTIPLY_ADDS = UINT64_C(2000000000000); /* half a minute of two cores */

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

bool nt_card_try(const NtCard *card, NtNetwork *network, GError **error) {
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
    if (ok && !finite) {
        nt_fail(error, NITERU_ERROR_CORRUPT,
                "%s: its answer to a test picture is not a number: the network is damaged, or photos must be made "
                "ready for it in another way",
                card->name);
        return nt_fact(error, "option", "preset");
    }
    return ok;
}
