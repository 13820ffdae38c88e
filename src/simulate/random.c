/* SPDX-License-Identifier: Apache-2.0 */
#include "simulate/simulate.h"

static uint64_t next_bits(NtSimRandom *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

NtSimRandom nt_sim_random(uint64_t seed, uint64_t stream) {
    NtSimRandom random = {seed};
    random.state = next_bits(&random) ^ stream;
    random.state = next_bits(&random);
    return random;
}

double nt_sim_unit(NtSimRandom *random) { return (double)(next_bits(random) >> 11) * 0x1p-53; }

uint32_t nt_sim_below(NtSimRandom *random, uint32_t most) {
    g_assert(most > 0);
    /* The upper half of a product of 32 bits: one draw, and a bias under 2^-32 x most. */
    return (uint32_t)((next_bits(random) >> 32) * most >> 32);
}

bool nt_sim_chance(NtSimRandom *random, double chance) { return nt_sim_unit(random) < chance; }
