/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

enum { NT_LINE = 64 }; /* a cache line, and the widest vector register */

void *nt_alloc(size_t count, size_t size, const char *what, GError **error) {
    size_t bytes, rounded;
    void *block = NULL;
    if (nt_mul(count, size, &bytes) && nt_add(bytes, NT_LINE, &rounded)) {
        block = aligned_alloc(NT_LINE, rounded / NT_LINE * NT_LINE);
    }
    if (block == NULL) {
        nt_fail(error, NITERU_ERROR_NO_MEMORY, "no memory for %s (%zu x %zu bytes)", what, count, size);
    }
    return block;
}

void *nt_alloc0(size_t count, size_t size, const char *what, GError **error) {
    void *block = nt_alloc(count, size, what, error);
    if (block != NULL) {
        memset(block, 0, count * size);
    }
    return block;
}

void nt_free(void *block) { free(block); }

void nt_free_at(void *at) { free(*(void **)at); }
