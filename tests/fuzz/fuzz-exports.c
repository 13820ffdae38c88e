/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the readers of shops' exports: XML feeds (entities, nesting, encodings, tags without an end), tables with
 * known columns, rows that belong together or say so, HTML in cells. The first byte chooses the format ('g' a Merchant
 * feed, 's' Shopify, 'w' WooCommerce, else told from the file), the export follows on the next line. What must hold:
 * every step that fails says why; a product has an id and photos as connect.h promises; no text is longer than what is
 * kept of one; the end is the end; and reading an export twice gives the same.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "connect/connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_product(const NtListing *listing) {
    size_t bytes = strlen(listing->id);
    g_assert_true(bytes >= 1 && bytes <= 1024 && g_utf8_validate(listing->id, -1, NULL));
    g_assert_true(listing->photo_count <= 1000 && listing->line >= 1);
    for (size_t i = 0; i < listing->photo_count; i++) {
        g_assert_true(g_path_is_absolute(listing->photos[i]) || strstr(listing->photos[i], "://") != NULL);
    }
    for (size_t i = 0; i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        g_assert_true(value->field != NULL && value->field[0] != '\0' && g_utf8_validate(value->field, -1, NULL));
        g_assert_true((value->text == NULL) == (value->json != NULL));
        g_assert_true(value->text == NULL ||
                      (g_utf8_validate(value->text, -1, NULL) && strlen(value->text) <= 5000 + 8));
    }
}

/* Reads the whole export; a sum over what came out. */
static uint64_t read_export(const char *path, const NtSourceOptions *options) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSource) source = nt_source_open(path, options, &error);
    g_assert_true((source == NULL) == (error != NULL));
    uint64_t sum = 0;
    NtSourceStep step = source != NULL ? NT_SOURCE_PRODUCT : NT_SOURCE_END;
    while (step == NT_SOURCE_PRODUCT || step == NT_SOURCE_FAULT) {
        NtListing listing;
        g_autoptr(GError) fault = NULL;
        step = nt_source_next(source, &listing, &fault);
        g_assert_true((fault != NULL) == (step == NT_SOURCE_FAULT || step == NT_SOURCE_FAILED));
        g_assert_true(fault == NULL || g_utf8_validate(fault->message, -1, NULL));
        if (step == NT_SOURCE_PRODUCT) {
            check_product(&listing);
            sum = sum * 31 + g_str_hash(listing.id) + listing.photo_count + listing.value_count;
        }
        sum = sum * 31 + (uint64_t)step;
    }
    if (step == NT_SOURCE_END && source != NULL) {
        NtListing listing;
        g_assert_true(nt_source_next(source, &listing, NULL) == NT_SOURCE_END);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz-exports", MFD_CLOEXEC);
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (size < 2) {
        return 0;
    }
    g_assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, data + 2, size - 2, 0) == (ssize_t)(size - 2));
    NtLimits limits = nt_limits_default();
    limits.list_line = 4096;
    limits.list_field = 1024;
    limits.list_columns = 40;
    NtSourceOptions options = {.format = data[0] == 'g'   ? "google-merchant"
                                         : data[0] == 's' ? "shopify"
                                         : data[0] == 'w' ? "woocommerce"
                                                          : NULL,
                               .limits = &limits};
    g_assert_cmpuint(read_export(path, &options), ==, read_export(path, &options));
    return 0;
}
