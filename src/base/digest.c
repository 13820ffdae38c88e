/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <xxhash.h>

struct NtDigest {
    XXH3_state_t *state;
};

NtDigest *nt_digest_new(void) {
    NtDigest *digest = g_new0(NtDigest, 1);
    digest->state = XXH3_createState();
    if (digest->state == NULL) {
        g_error("no memory for a digest");
    }
    XXH3_128bits_reset(digest->state);
    return digest;
}

void nt_digest_add(NtDigest *digest, const void *data, size_t size) { XXH3_128bits_update(digest->state, data, size); }

void nt_digest_finish(NtDigest *digest, uint8_t out[NT_DIGEST_BYTES]) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->state));
    for (int i = 0; i < NT_DIGEST_BYTES; i++) {
        out[i] = canonical.digest[i];
    }
    XXH3_freeState(digest->state);
    g_free(digest);
}

uint64_t nt_xxh3(const void *data, size_t size, uint64_t seed) { return XXH3_64bits_withSeed(data, size, seed); }

void nt_sha256(const void *data, size_t size, uint8_t out[32]) {
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, data, (gssize)size);
    gsize length = 32;
    g_checksum_get_digest(sum, out, &length);
    g_checksum_free(sum);
}

bool nt_equal_in_constant_time(const void *a, const void *b, size_t size) {
    const volatile uint8_t *left = a, *right = b; /* volatile: the compiler may not stop at the first difference */
    uint8_t different = 0;
    for (size_t i = 0; i < size; i++) {
        different |= left[i] ^ right[i];
    }
    return different == 0;
}

char *nt_hex(const uint8_t *bytes, size_t count) {
    char *text = g_malloc(2 * count + 1);
    for (size_t i = 0; i < count; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[2 * count] = '\0';
    return text;
}
