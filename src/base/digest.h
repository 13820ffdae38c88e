/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: SHA-256 where somebody might want to deceive, XXH3 (as fast as memory) where only accidents are feared. */
#ifndef NT_BASE_DIGEST_H
#define NT_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* SHA-256 of a block, 32 bytes. */
void nt_sha256(const void *data, size_t size, uint8_t out[32]);

/* XXH3-64 of a block. */
uint64_t nt_xxh3(const void *data, size_t size, uint64_t seed);

/* XXH3-128 of what is added, in order; in canonical (big-endian) form. Not thread-safe. */
typedef struct NtDigest NtDigest;
enum { NT_DIGEST_BYTES = 16 };
NtDigest *nt_digest_new(void);
void nt_digest_add(NtDigest *digest, const void *data, size_t size);
/* Gives the digest and frees. */
void nt_digest_finish(NtDigest *digest, uint8_t out[NT_DIGEST_BYTES]);

/* Whether two blocks are equal, in a time that depends on their size alone: for what an attacker may guess at. */
bool nt_equal_in_constant_time(const void *a, const void *b, size_t size);

/* The hexadecimal form, 2 * count digits; free with g_free. */
char *nt_hex(const uint8_t *bytes, size_t count);

#endif
