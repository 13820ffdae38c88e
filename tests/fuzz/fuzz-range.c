/* SPDX-License-Identifier: Apache-2.0 */
/* Attacks the reader of Content-Range, by which a host says which part of a file it sends: whatever it says, the part
 * lies in the file. */
#include <string.h>

#include "fetch/fetch-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    g_autofree char *value = g_strndup((const char *)data, size);
    ContentRange range;
    if (fetch_read_range(value, &range)) {
        g_assert_true(range.first <= range.last && range.last < range.whole && range.whole <= INT64_MAX);
    }
    return 0;
}
