/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks the readers of lists: lines, encodings, CSV, JSONL, columns. The first byte chooses the format ('c' CSV, 'j'
 * JSONL), the second the encoding ('u' UTF-8, 's' CP932, 'l' Latin 1, 'w' UTF-16), the list follows on the next line.
 * What must hold: every step that fails says why; a product has an id and photos as connect.h promises; the end is the
 * end; and reading a list twice gives the same.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "connect/connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_product(const NtListing *listing) {
    size_t bytes = strlen(listing->id);
    g_assert_true(bytes >= 1 && bytes <= 1024 && g_utf8_validate(listing->id, -1, NULL));
    g_assert_true(listing->photo_count >= 1 && listing->photo_count <= 1000 && listing->line >= 1);
    for (size_t i = 0; i < listing->photo_count; i++) {
        g_assert_true(g_path_is_absolute(listing->photos[i]) ||
                      g_ascii_strncasecmp(listing->photos[i], "http", 4) == 0);
    }
    for (size_t i = 0; i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        g_assert_true(value->field != NULL && g_utf8_validate(value->field, -1, NULL));
        g_assert_true(value->text == NULL || g_utf8_validate(value->text, -1, NULL));
    }
}

/* Reads the whole list; a sum over what came out. */
static uint64_t read_list(const char *path, const NtSourceOptions *options) {
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
        g_assert_true((nt_source_fault(source) != NULL) == (step == NT_SOURCE_FAULT));
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
        fd = memfd_create("fuzz-list", MFD_CLOEXEC);
        g_snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (size < 3) {
        return 0;
    }
    g_assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, data + 3, size - 3, 0) == (ssize_t)(size - 3));
    NtLimits limits = nt_limits_default();
    limits.list_line = 4096;
    limits.list_field = 1024;
    limits.list_columns = 20;
    static const char *const map[] = {"id=SKU", "image=Photo", NULL};
    NtSourceOptions options = {.format = data[0] == 'j' ? "jsonl" : "csv",
                               .encoding = data[1] == 's'   ? "cp932"
                                           : data[1] == 'l' ? "latin1"
                                           : data[1] == 'w' ? "utf-16"
                                                            : NULL,
                               .map = data[2] == 'm' ? map : NULL,
                               .limits = &limits};
    g_assert_cmpuint(read_list(path, &options), ==, read_list(path, &options));
    return 0;
}
