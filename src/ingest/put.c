/* SPDX-License-Identifier: Apache-2.0 */
/* niteru_put, niteru_patch: one product, as the public header has it. */
#include "ingest/ingest-internal.h"

#include <string.h>

/* The photos as they were given, copied where they are bytes. */
static bool read_photos(const NiteruPhoto *const *photos, GArray *out, GError **error) {
    for (size_t i = 0; photos != NULL && photos[i] != NULL; i++) {
        NiteruPhoto photo;
        if (!NT_OPTIONS_READ(NiteruPhoto, &photo, photos[i], error)) {
            return false;
        }
        NtGivenPhoto given = {photo.path, photo.bytes != NULL ? g_bytes_new(photo.bytes, photo.length) : NULL};
        g_array_append_val(out, given);
    }
    return true;
}

static void clear_photo(void *photo) { g_clear_pointer(&((NtGivenPhoto *)photo)->bytes, g_bytes_unref); }

static bool put_product(NiteruCatalogue *catalogue, const NiteruProduct *given, const NiteruPutOptions *options,
                        bool patch, GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    NiteruProduct product;
    NiteruPutOptions put;
    g_autoptr(GArray) photos = g_array_new(FALSE, FALSE, sizeof(NtGivenPhoto));
    g_array_set_clear_func(photos, clear_photo);
    if (!NT_OPTIONS_READ(NiteruProduct, &product, given, error) ||
        !NT_OPTIONS_READ(NiteruPutOptions, &put, options, error) || !read_photos(product.photos, photos, error)) {
        return false;
    }
    g_autoptr(NtJson) metadata = product.metadata != NULL ? nt_json_parse(product.metadata, strlen(product.metadata),
                                                                          "metadata", &catalogue->limits, error)
                                                          : NULL;
    if (product.metadata != NULL && metadata == NULL) {
        return false;
    }
    int64_t version = 0;
    NtPutIf only = NT_PUT_ALWAYS;
    if ((product.version != NULL && !nt_version_read(product.version, &version, error)) ||
        !nt_put_if_read(put.only, &only, error)) {
        return false;
    }
    NtProductEdit edit = {.id = product.id,
                          .metadata = metadata,
                          .whole = !patch,
                          .must_exist = patch,
                          .version = version,
                          .only = only,
                          .photo_edit = !patch || product.photos != NULL ? NT_PHOTOS_REPLACE : NT_PHOTOS_STAY,
                          .photos = (const NtGivenPhoto *)(void *)photos->data,
                          .photo_count = photos->len};
    if (!nt_products_edit(catalogue, &edit, 1, options, cancellable, error)) {
        return false;
    }
    if (edit.error != NULL) {
        g_propagate_error(error, edit.error);
        return false;
    }
    nt_report_write(out_report, &edit.report, sizeof edit.report);
    return true;
}

bool niteru_put(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    return put_product(catalogue, product, options, false, cancellable, out_report, error);
}

bool niteru_patch(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                  GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    return put_product(catalogue, product, options, true, cancellable, out_report, error);
}
