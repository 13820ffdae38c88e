/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate: visitors who do not exist, so that what is recommended to them can be judged: what they like is known.
 *
 *   products, a value of each ─► NtSimAssortment
 *                                     │
 *   seed, number of the visitor ─► NtSimVisitor: 1 to 6 values that they like, drawn uniformly
 *                                     │
 *   products of an answer ─► nt_sim_react: which they look at, click, buy ─► NtSimTally: how good the answer was
 *
 * No clock, no files, no network: the same seed and the same answers give the same visitors, who do the same. What one
 * visitor does draws on numbers of their own, so it does not depend on how many others there are. Nothing here is
 * shared between threads by itself; different visitors may be used by different threads, an assortment that is closed
 * by any.
 */
#ifndef NT_SIMULATE_H
#define NT_SIMULATE_H

#include "base/base.h"

enum {
    NT_SIM_TASTES = 6,         /* that a visitor has at most */
    NT_SIM_LEAST = 3,          /* products that a value needs to be a taste */
    NT_SIM_PRODUCTS = 2000000, /* of an assortment at most */
    NT_SIM_SHOWN = 1000,       /* products of an answer at most */
    NT_SIM_ID_BYTES = 1024,    /* of a product's id */
    NT_SIM_VALUE_BYTES = 4096, /* of a value */
};
#define NT_SIM_NONE UINT32_MAX

/* ---- numbers drawn by chance (random.c) ---- */

/* splitmix64 (Steele, Lea and Flood, OOPSLA 2014). */
typedef struct NtSimRandom {
    uint64_t state;
} NtSimRandom;
/* Another row of numbers for each stream of a seed. */
NtSimRandom nt_sim_random(uint64_t seed, uint64_t stream);
double nt_sim_unit(NtSimRandom *random);                   /* uniform in [0, 1) */
uint32_t nt_sim_below(NtSimRandom *random, uint32_t most); /* uniform in 0 .. most - 1; most >= 1 */
bool nt_sim_chance(NtSimRandom *random, double chance);    /* draws one number, also where the chance is 0 or 1 */

/* ---- what is sold (assortment.c) ---- */

/* Products by number, in the order in which they were added, and the value of each: of a category, say. Holds the ids,
 * and each value once. */
typedef struct NtSimAssortment NtSimAssortment;
NtSimAssortment *nt_sim_assortment_new(void);
void nt_sim_assortment_free(NtSimAssortment *assortment); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtSimAssortment, nt_sim_assortment_free)

/* Adds a product; `value` NULL: it has none. Errors: LIMIT (NT_SIM_PRODUCTS, NT_SIM_ID_BYTES, NT_SIM_VALUE_BYTES),
 * INVALID (the id is there already). */
bool nt_sim_assortment_add(NtSimAssortment *assortment, const char *id, const char *value, GError **error);

/* To be called when all are added, and once. Values of fewer than NT_SIM_LEAST products are none from then on; the
 * others are numbered from 0 in the order of their first products. Error: NOT_FOUND, there is no such value. */
bool nt_sim_assortment_close(NtSimAssortment *assortment, GError **error);

uint32_t nt_sim_products(const NtSimAssortment *assortment);
uint32_t nt_sim_values(const NtSimAssortment *assortment); /* that can be tastes */
const char *nt_sim_id(const NtSimAssortment *assortment, uint32_t product);
const char *nt_sim_value_text(const NtSimAssortment *assortment, uint32_t value);
/* A product's number by its id, and its value; NT_SIM_NONE: there is none. */
uint32_t nt_sim_find(const NtSimAssortment *assortment, const char *id);
uint32_t nt_sim_value(const NtSimAssortment *assortment, uint32_t product);
/* One of the products of a value, each as likely as the others. */
uint32_t nt_sim_draw(const NtSimAssortment *assortment, uint32_t value, NtSimRandom *random);

/* ---- visitors (visitor.c) ---- */

typedef struct NtSimVisitor {
    NtSimRandom random;
    uint32_t tastes[NT_SIM_TASTES]; /* (count) values, all different */
    unsigned count; /* 1 .. NT_SIM_TASTES, each as likely as the others; not more than there are values */
} NtSimVisitor;
/* The visitor of that number; tastes are drawn uniformly among the values. */
NtSimVisitor nt_sim_visitor(const NtSimAssortment *assortment, uint64_t seed, uint64_t number);

/* Which of their tastes a value is; -1: none. */
int nt_sim_taste_of(const NtSimVisitor *visitor, uint32_t value);

/* With that chance one taste, each as likely as the others, gives way to a value that is none of theirs; whether it
 * did. It does not where there are no other values. */
bool nt_sim_drift(NtSimVisitor *visitor, const NtSimAssortment *assortment, double chance);

/* A product that they come upon by themselves: with the chance `off_taste` any product of the assortment, else one of
 * a taste of theirs, each taste as likely as the others. */
uint32_t nt_sim_come_upon(NtSimVisitor *visitor, const NtSimAssortment *assortment, double off_taste);

/* How they act. */
typedef struct NtSimManners {
    double eta;   /* 0 and more. The product at position i, from 0, is looked at with the chance 1 / (1 + i)^eta: the
                     position-based model, as in Joachims, Swaminathan and Schnabel, WSDM 2017, section 5 */
    double click; /* chance that a product of a taste is clicked when it is looked at */
    double off_taste; /* 0 .. 0.9: one that is of no taste is clicked with click x off_taste / (1 - off_taste), so that
                         where as many are looked at of either kind this is the share of clicks off taste */
    double favourite, cart; /* chances of that after a click */
    double purchase;        /* chance of that after it went into the cart */
} NtSimManners;

/* How often they click: "quiet", "usual" and "busy" are 0.4 %, 3 % and 10 %; false: there is no preset of the name. */
bool nt_sim_preset(const char *name, NtSimManners *out);

/* What a visitor does with a product of an answer, a bit each. */
typedef enum NtSimAct {
    NT_SIM_LOOK = 1, /* it was looked at */
    NT_SIM_CLICK = 2,
    NT_SIM_FAVOURITE = 4,
    NT_SIM_CART = 8,
    NT_SIM_PURCHASE = 16,
} NtSimAct;

/* What they do with each of `count` products (at most NT_SIM_SHOWN) of these values, first position first; out_acts
 * (count): NtSimAct or-ed, 0 where it was not looked at. As many numbers are drawn for each position whatever comes of
 * them, so that a change at one position changes nothing at the others. */
void nt_sim_react(NtSimVisitor *visitor, const NtSimManners *manners, const uint32_t *values, size_t count,
                  unsigned *out_acts);

/* ---- how good the answers were (tally.c) ---- */

/* Sums over answers. All zeros: of none yet. */
typedef struct NtSimTally {
    uint64_t answers, shown, liked, looks, clicks, clicks_liked, favourites, carts, purchases;
    uint64_t covered; /* tastes of the visitor of which an answer shows a product, summed over answers */
    uint64_t tastes;  /* tastes of the visitor, summed over answers */
    uint64_t judged;  /* answers that the index is of */
    double index;     /* the adjusted Rand index, summed over these */
} NtSimTally;

/* Takes an answer into account: values (count) and acts of its products as for nt_sim_react, and served (count): the
 * number of the taste for which each was shown, -1: none; NULL: that is not known. The index is over the products that
 * were shown for a taste and are of one; answers with fewer than two of them are not judged. */
void nt_sim_tally_add(NtSimTally *tally, const NtSimVisitor *visitor, const uint32_t *values, const int *served,
                      const unsigned *acts, size_t count);
void nt_sim_tally_join(NtSimTally *tally, const NtSimTally *more);

/* The adjusted Rand index (Hubert and Arabie 1985) of two partitions of the same `count` things (at most NT_SIM_SHOWN),
 * each given by a number for each thing: 1 for the same parting, around 0 for chance; 1 too where both leave no choice
 * (all in one, or all apart). */
double nt_sim_rand_index(const int *left, const int *right, size_t count);

#endif
