/* SPDX-License-Identifier: Apache-2.0 */
#include "simulate/simulate.h"

#include <math.h>

double nt_sim_rand_index(const int *left, const int *right, size_t count) {
    g_assert(count <= NT_SIM_SHOWN);
    double both = 0, in_left = 0, in_right = 0, pairs = (double)count * ((double)count - 1) / 2;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            bool l = left[i] == left[j], r = right[i] == right[j];
            both += l && r;
            in_left += l;
            in_right += r;
        }
    }
    double most = (in_left + in_right) / 2, chance = pairs > 0 ? in_left * in_right / pairs : 0;
    return most - chance > 1e-9 ? (both - chance) / (most - chance) : 1;
}

/* The index of an answer; false: too few of its products tell. */
static bool judge(const NtSimVisitor *visitor, const uint32_t *values, const int *served, size_t count, double *out) {
    int there[NT_SIM_SHOWN], hidden[NT_SIM_SHOWN];
    size_t telling = 0;
    for (size_t i = 0; i < count; i++) {
        int taste = nt_sim_taste_of(visitor, values[i]);
        if (served[i] >= 0 && taste >= 0) {
            there[telling] = served[i];
            hidden[telling++] = taste;
        }
    }
    *out = nt_sim_rand_index(there, hidden, telling);
    return telling >= 2;
}

void nt_sim_tally_add(NtSimTally *tally, const NtSimVisitor *visitor, const uint32_t *values, const int *served,
                      const unsigned *acts, size_t count) {
    g_assert(count <= NT_SIM_SHOWN);
    unsigned covered = 0;
    double index;
    for (size_t i = 0; i < count; i++) {
        int taste = nt_sim_taste_of(visitor, values[i]);
        covered |= taste >= 0 ? 1U << taste : 0;
        tally->liked += taste >= 0;
        tally->looks += (acts[i] & NT_SIM_LOOK) != 0;
        tally->clicks += (acts[i] & NT_SIM_CLICK) != 0;
        tally->clicks_liked += (acts[i] & NT_SIM_CLICK) != 0 && taste >= 0;
        tally->favourites += (acts[i] & NT_SIM_FAVOURITE) != 0;
        tally->carts += (acts[i] & NT_SIM_CART) != 0;
        tally->purchases += (acts[i] & NT_SIM_PURCHASE) != 0;
    }
    tally->answers++;
    tally->shown += count;
    tally->tastes += visitor->count;
    tally->covered += (unsigned)__builtin_popcount(covered);
    if (served != NULL && judge(visitor, values, served, count, &index)) {
        tally->judged++;
        tally->index += index;
    }
}

void nt_sim_tally_join(NtSimTally *tally, const NtSimTally *more) {
    tally->answers += more->answers;
    tally->shown += more->shown;
    tally->liked += more->liked;
    tally->looks += more->looks;
    tally->clicks += more->clicks;
    tally->clicks_liked += more->clicks_liked;
    tally->favourites += more->favourites;
    tally->carts += more->carts;
    tally->purchases += more->purchases;
    tally->covered += more->covered;
    tally->tastes += more->tastes;
    tally->judged += more->judged;
    tally->index += more->index;
}
