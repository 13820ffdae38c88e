/* SPDX-License-Identifier: Apache-2.0 */
#include "simulate/simulate.h"

#include <math.h>
#include <string.h>

int nt_sim_taste_of(const NtSimVisitor *visitor, uint32_t value) {
    for (unsigned t = 0; value != NT_SIM_NONE && t < visitor->count; t++) {
        if (visitor->tastes[t] == value) {
            return (int)t;
        }
    }
    return -1;
}

/* A value that is none of theirs, each as likely as the others; there must be one. */
static uint32_t draw_other(NtSimVisitor *visitor, const NtSimAssortment *assortment) {
    uint32_t value;
    do {
        value = nt_sim_below(&visitor->random, nt_sim_values(assortment));
    } while (nt_sim_taste_of(visitor, value) >= 0);
    return value;
}

NtSimVisitor nt_sim_visitor(const NtSimAssortment *assortment, uint64_t seed, uint64_t number) {
    NtSimVisitor visitor = {.random = nt_sim_random(seed, number)};
    unsigned wanted = 1 + nt_sim_below(&visitor.random, NT_SIM_TASTES);
    wanted = MIN(wanted, nt_sim_values(assortment));
    while (visitor.count < wanted) {
        uint32_t value = draw_other(&visitor, assortment);
        visitor.tastes[visitor.count++] = value;
    }
    return visitor;
}

bool nt_sim_drift(NtSimVisitor *visitor, const NtSimAssortment *assortment, double chance) {
    bool drifts = nt_sim_chance(&visitor->random, chance) && visitor->count < nt_sim_values(assortment);
    if (drifts) {
        uint32_t value = draw_other(visitor, assortment);
        visitor->tastes[nt_sim_below(&visitor->random, visitor->count)] = value;
    }
    return drifts;
}

uint32_t nt_sim_come_upon(NtSimVisitor *visitor, const NtSimAssortment *assortment, double off_taste) {
    if (nt_sim_chance(&visitor->random, off_taste)) {
        return nt_sim_below(&visitor->random, nt_sim_products(assortment));
    }
    uint32_t taste = visitor->tastes[nt_sim_below(&visitor->random, visitor->count)];
    return nt_sim_draw(assortment, taste, &visitor->random);
}

bool nt_sim_preset(const char *name, NtSimManners *out) {
    static const struct {
        const char *name;
        double click;
    } presets[] = {{"quiet", 0.004}, {"usual", 0.03}, {"busy", 0.1}};
    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        if (strcmp(presets[i].name, name) == 0) {
            *out = (NtSimManners){
                .eta = 1, .click = presets[i].click, .off_taste = 0.2, .favourite = 0.05, .cart = 0.1, .purchase = 0.3};
            return true;
        }
    }
    return false;
}

void nt_sim_react(NtSimVisitor *visitor, const NtSimManners *manners, const uint32_t *values, size_t count,
                  unsigned *out_acts) {
    g_assert(count <= NT_SIM_SHOWN && manners->off_taste < 1);
    double off = manners->click * manners->off_taste / (1 - manners->off_taste);
    for (size_t i = 0; i < count; i++) {
        bool likes = nt_sim_taste_of(visitor, values[i]) >= 0;
        bool looks = nt_sim_chance(&visitor->random, pow(1 + (double)i, -manners->eta));
        bool clicks = nt_sim_chance(&visitor->random, likes ? manners->click : off);
        bool favours = nt_sim_chance(&visitor->random, manners->favourite);
        bool carts = nt_sim_chance(&visitor->random, manners->cart);
        bool buys = nt_sim_chance(&visitor->random, manners->purchase);
        out_acts[i] = looks ? NT_SIM_LOOK : 0;
        if (looks && clicks) {
            out_acts[i] |= NT_SIM_CLICK | (favours ? NT_SIM_FAVOURITE : 0) | (carts ? NT_SIM_CART : 0) |
                           (carts && buys ? NT_SIM_PURCHASE : 0);
        }
    }
}
