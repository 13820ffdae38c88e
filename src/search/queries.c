/* SPDX-License-Identifier: Apache-2.0 */
/* What can be searched by: a product, a photo, vectors. */
#include "search/search-internal.h"

#include <math.h>

NiteruResults *niteru_similar(NiteruCatalogue *catalogue, const char *id, const NiteruSearchOptions *options,
                              GCancellable *cancellable, GError **error) {
    g_auto(Search) search = {0};
    g_autoptr(GArray) vectors = g_array_new(FALSE, FALSE, sizeof(float));
    int64_t own = 0;
    if (!search_open(&search, catalogue, options, cancellable, error) || !search_begin(&search, error) ||
        !search_product_vectors(&search, id, &own, vectors, error)) {
        return NULL;
    }
    search_leave_out_group(&search, own);
    size_t dim = search.version->view.dim;
    NtQueries queries = {.data = (const float *)(void *)vectors->data, .count = vectors->len / dim, .dim = dim};
    return search_nearest(&search, &queries, NULL, (uint32_t)own, error) ? search_results(&search, id, error) : NULL;
}

/* Embeds before the search begins: no snapshot is held while a photo is decoded. */
static NiteruResults *search_photo(Search *search, GBytes *bytes, const char *name, GError **error) {
    NiteruCatalogue *catalogue = search->call.catalogue;
    const NiteruSearchOptions *options = &search->options;
    const NtBox box = {options->x, options->y, options->width, options->height};
    if (!nt_box_check(&box, error)) {
        return NULL;
    }
    g_autoptr(NtModel) model = nt_model_find(catalogue, search->options.model, error);
    g_autofree float *vector =
        model != NULL ? nt_model_embed(catalogue, model, bytes, name, &box, &search->call.wait, error) : NULL;
    if (vector == NULL || !search_begin(search, error)) {
        return NULL;
    }
    NtQueries queries = {.data = vector, .count = 1, .dim = model->card->dimension};
    return search_nearest(search, &queries, NULL, 0, error) ? search_results(search, name, error) : NULL;
}

NiteruResults *niteru_search_photo(NiteruCatalogue *catalogue, const char *path, const NiteruSearchOptions *options,
                                   GCancellable *cancellable, GError **error) {
    g_auto(Search) search = {0};
    g_autoptr(GBytes) bytes = search_open(&search, catalogue, options, cancellable, error)
                                  ? nt_photo_read(path, &catalogue->limits, error)
                                  : NULL;
    return bytes != NULL ? search_photo(&search, bytes, path, error) : NULL;
}

NiteruResults *niteru_search_bytes(NiteruCatalogue *catalogue, const void *bytes, size_t size, const char *name,
                                   const NiteruSearchOptions *options, GCancellable *cancellable, GError **error) {
    g_auto(Search) search = {0};
    if (!search_open(&search, catalogue, options, cancellable, error)) {
        return NULL;
    }
    if (bytes == NULL || name == NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "no photo was given to search for, or no name for it");
        return NULL;
    }
    if (size > catalogue->limits.photo_bytes) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%s: %zu bytes, over the limit of %" G_GUINT64_FORMAT " (limit photo-bytes)",
                name, size, catalogue->limits.photo_bytes);
        return NULL;
    }
    g_autoptr(GBytes) copy =
        g_bytes_new(bytes, size); /* a photo that is given up stays with the pipeline for a while */
    return search_photo(&search, copy, name, error);
}

NiteruResults *niteru_search_vectors(NiteruCatalogue *catalogue, const float *vectors, const double *weights,
                                     size_t count, size_t dimension, const NiteruSearchOptions *options,
                                     GCancellable *cancellable, GError **error) {
    g_auto(Search) search = {0};
    if (vectors == NULL || count == 0) {
        nt_fail(error, NITERU_ERROR_INVALID, "no vector was given to search for");
        return NULL;
    }
    for (size_t i = 0; weights != NULL && i < count; i++) {
        if (!(weights[i] > 0 && isfinite(weights[i]))) {
            nt_fail(error, NITERU_ERROR_INVALID, "the weight of vector %zu is not a positive number", i);
            return NULL;
        }
    }
    NtQueries queries = {.data = vectors, .count = count, .dim = dimension};
    return search_open(&search, catalogue, options, cancellable, error) && search_begin(&search, error) &&
                   search_nearest(&search, &queries, weights, 0, error)
               ? search_results(&search, NULL, error)
               : NULL;
}

NiteruResults *niteru_search_vector(NiteruCatalogue *catalogue, const float *vector, size_t dimension,
                                    const NiteruSearchOptions *options, GCancellable *cancellable, GError **error) {
    return niteru_search_vectors(catalogue, vector, NULL, 1, dimension, options, cancellable, error);
}
