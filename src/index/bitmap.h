/* SPDX-License-Identifier: Apache-2.0 */
/* Words of 64 rows: counting and walking the bits that are set, many at a time. Bit r is bit r mod 64 of word r / 64.
 */
#ifndef NT_INDEX_BITMAP_H
#define NT_INDEX_BITMAP_H

#include <stddef.h>
#include <stdint.h>

/* How many of bits first .. end - 1 are set. */
static inline size_t bits_count(const uint64_t *bits, uint64_t first, uint64_t end) {
    size_t count = 0;
    while (first < end) {
        uint64_t start = first % 64, width = end - first < 64 - start ? end - first : 64 - start;
        uint64_t mask = width == 64 ? UINT64_MAX : ((UINT64_C(1) << width) - 1) << start;
        count += (size_t)__builtin_popcountll(bits[first / 64] & mask);
        first += width;
    }
    return count;
}

/* The first bit from `at` on that is set (flip 0) or clear (flip UINT64_MAX), or `end` when there is none before. */
static inline uint64_t bits_next(const uint64_t *bits, uint64_t at, uint64_t end, uint64_t flip) {
    while (at < end) {
        uint64_t word = (bits[at / 64] ^ flip) >> (at % 64);
        if (word != 0) {
            at += (uint64_t)__builtin_ctzll(word);
            return at < end ? at : end;
        }
        at += 64 - at % 64;
    }
    return end;
}

#endif
