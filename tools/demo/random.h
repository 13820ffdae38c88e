/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that are the same on every run: splitmix64 (Steele, Lea, Flood 2014), seeded, never from a clock. */
#ifndef DEMO_RANDOM_H
#define DEMO_RANDOM_H

#include <stdint.h>

typedef struct Random {
    uint64_t state;
} Random;

static inline uint64_t random_bits(Random *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* In [0, 1). */
static inline double random_unit(Random *random) { return (double)(random_bits(random) >> 11) * 0x1p-53; }

/* In [low, high). */
static inline double random_between(Random *random, double low, double high) {
    return low + (high - low) * random_unit(random);
}

/* A seed made of several numbers, so that a product's picture does not depend on how many came before it. */
static inline uint64_t random_seed(uint64_t a, uint64_t b, uint64_t c) {
    Random random = {a};
    random.state = random_bits(&random) ^ b;
    random.state = random_bits(&random) ^ c;
    return random_bits(&random);
}

#endif
