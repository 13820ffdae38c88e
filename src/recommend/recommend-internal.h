/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the room only: what is kept for a catalogue, a visitor, and an answer on its way. */
#ifndef NT_RECOMMEND_INTERNAL_H
#define NT_RECOMMEND_INTERNAL_H

#include "recommend/recommend.h"
#include "recommend/scenario.h"

/* ---- what is kept (recommender.c) ---- */

typedef struct NtPopular {
    int64_t product; /* of the store's names */
    double weight;
} NtPopular;

struct NtRecommender {
    NiteruCatalogue *catalogue;
    NtTasteOptions options;
    GMutex lock; /* all below */
    NtEvents *events;
    /* The space that tastes are found in, of a model when it had so many rows. */
    NtTasteSpace space;
    int64_t space_model;
    uint32_t space_generation;
    uint64_t space_rows;
    GHashTable *beside;      /* what goes with products; see beside.c */
    GHashTable *young, *old; /* what is nearest to rows; see neighbours.c */
    int64_t kept_model;      /* of these */
    uint32_t kept_generation;
    GHashTable *scenarios; /* NtScenario by name, as they were read last; see scenarios.c */
    GArray *popular;       /* NtPopular, the most wanted first */
    int64_t popular_until; /* monotonic */
    GHashTable *kept;      /* tastes of visitors who were here lately, by their names; see tastes.c */
    GQueue order;          /* of them, the one that was used last comes first */
    GMutex unseen_lock;    /* the two below; see coverage.c */
    GArray *unseen[NT_UNSEENS];
    bool unseen_known;
    int64_t unseen_until; /* monotonic */
};

/* With `lock` held: the space for a snapshot, derived where it is not there; borrowed while the lock is held. */
bool nt_recommender_space(NtRecommender *recommender, const NtSnapshot *snapshot, const NtWait *wait,
                          const NtTasteSpace **out, GError **error);
/* The most wanted products of the last four weeks, at most 1,000, as of a minute ago at most: a reference. */
GArray *nt_recommender_popular(NtRecommender *recommender, GError **error);
/* The product of today that a product of the store's names is; 0: it is not there any more. */
bool nt_recommender_product(NtEvents *events, NtCatalogue *db, int64_t number, int64_t *out, GError **error);

/* ---- what goes with a product (beside.c) ---- */

typedef struct NtBeside {
    uint32_t product, row;
    float strength; /* 0 .. 1 */
} NtBeside;
/* What goes with a product of the store's names, the strongest first, as of ten minutes ago at most: a reference. */
GArray *nt_recommender_beside(NtRecommender *recommender, const NtSnapshot *snapshot, int64_t number, NtPairKind kind,
                              GError **error);
void nt_besides_free(void *besides);
void nt_neighbours_unref(void *kept);

/* ---- a visitor (visitor.c) ---- */

/* A product that a visitor had to do with. */
typedef struct NtTouched {
    uint32_t product;
    uint32_t row;   /* of its first photo; UINT32_MAX: it has no vector */
    int64_t number; /* of the store's names; 0: no event names it */
    double weight;  /* of all that was done, each the less the longer ago; below 0: it was turned away */
    int64_t newest; /* milliseconds since 1970 */
    unsigned kinds; /* a bit for each NtEventKind */
} NtTouched;

typedef struct NtVisitor {
    GArray *touched; /* NtTouched, the newest first */
    uint64_t state;  /* of what was done: equal as long as that is */
} NtVisitor;
/* What a visitor (NULL: nobody) did in the last 90 days, with products that are still there; `given` (NtEvent; NULL:
 * none) is counted in as if it were stored, but for its being no part of the state. */
bool nt_visitor_read(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor, const GArray *given,
                     int64_t now, NtVisitor *out, GError **error);
void nt_visitor_clear(NtVisitor *visitor);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtVisitor, nt_visitor_clear)

/* The row of a product's first vector; UINT32_MAX: it has none. */
uint32_t nt_snapshot_row(const NtSnapshot *snapshot, uint32_t product);

/* ---- tastes (tastes.c) ---- */

/* The tastes of a visitor, the most important first: new, of NtTaste. Those of one who did nothing since are not found
 * anew. `visitor` NULL: nothing that is kept is looked at, nor is anything kept. */
GArray *nt_tastes_find(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor,
                       const NtVisitor *done, const NtWait *wait, GError **error);
/* The numbers of the products that make up the taste of a medoid: new, of uint32_t; empty where there is none such. */
GArray *nt_tastes_members(NtRecommender *recommender, const NtSnapshot *snapshot, const NtVisitor *done,
                          uint32_t medoid, const NtWait *wait, GError **error);
void nt_tastes_forget(NtRecommender *recommender, const char *visitor);
void nt_tastes_free_kept(void *kept);

/* ---- an answer (answer.c) ---- */

enum { NT_MOST_SEEDS = 8 /* searched by in one scan: each costs a millisecond of 100,000 products */ };

enum { NT_LEAST_DRAWN = 50 /* candidates that an answer by chance is drawn from */ };

/* What a pair of the greatest strength is worth beside the product that is most alike. */
#define NT_BESIDE_SHARE 0.5

/* What is searched by. */
typedef struct NtSeed {
    uint32_t product, row;
    double share; /* how much its hits are worth, 0 .. 1 */
    int taste;
    unsigned sources;
} NtSeed;

typedef struct NtCandidate {
    uint32_t product, row;
    double score;               /* 0 .. 1 */
    double worth;               /* what it is ordered by: more than the score where several sources name it */
    int taste;                  /* that it is most like; -1: none */
    unsigned sources;           /* a bit for each NtSourceKind */
    float probability;          /* with which it was to stand where it does; 0: 1 */
    float parts[NT_MOST_SEEDS]; /* how alike it is to each seed, 0 .. 1; 0: not found by it */
    uint32_t beside;            /* the product that it goes with most; 0: none */
    float strength;             /* of that, 0 .. 1 */
    unsigned rules;             /* of the scenario that moved it, a bit for each */
} NtCandidate;

/* A product at a place. */
typedef struct NtPin {
    unsigned position, order;
    uint32_t product, row;
    int rule;
} NtPin;

/* Places that are for some products at least. */
typedef struct NtQuota {
    int rule;         /* -1: `places` of the scenario */
    NtFilter *filter; /* borrowed; NULL: products of `sources` */
    unsigned sources, needed, got;
    bool over; /* nothing more is there */
} NtQuota;

/* Places that are for some products at most. */
typedef struct NtCap {
    int rule;
    NtFilter *filter;   /* borrowed; NULL: all products */
    const char *field;  /* borrowed; NULL: all that match together */
    unsigned most;      /* of each value */
    GHashTable *counts; /* value -> places that are taken */
} NtCap;

/* The rules of the scenario, as they are for this answer (rules.c). */
typedef struct NtRuling {
    GPtrArray *filters; /* NtFilter of each rule; NULL: it has none, or is not in force */
    GArray *pins;       /* NtPin, the first place first */
    GArray *quotas;     /* NtQuota */
    GArray *caps;       /* NtCap */
    bool narrowed;      /* a condition or rule leaves products out */
    GArray *bought;     /* uint32_t, rows of products that were bought last; empty where they do not matter */
    GPtrArray *notes;   /* char * */
} NtRuling;
void nt_ruling_clear(NtRuling *ruling);

/* What an answer is made of. */
typedef struct NtAsking {
    NtRecommender *recommender;
    NtSnapshot *snapshot;
    const NtRecommendQuery *query;
    NtScenario *scenario;
    size_t k;
    double diversity;
    int64_t now;
    NtArm arm;
    NtWait wait;
    NtVisitor visitor;
    GArray *tastes;     /* NtTaste */
    GArray *seeds;      /* NtSeed, once there are candidates */
    NtFilter *filter;   /* NULL: no condition */
    GHashTable *barred; /* numbers of products that are never shown */
    GHashTable *seen;   /* of those that are shown when nothing else is left */
    NtRuling ruling;
} NtAsking;

/* Whether a product may be shown; those that were seen may. */
bool nt_asking_allows(const NtAsking *asking, uint32_t product);

/* ---- candidates (candidates.c) ---- */

/* Candidates of the sources that know the visitor, and of those that places are kept for, each product once: new, of
 * NtCandidate. */
GArray *nt_candidates_find(NtAsking *asking, GError **error);

/* ---- what does not know the visitor (fill.c) ---- */

/* Adds products of such a source in its own order, until there are `wanted` or no more; those that are there already
 * are marked as of this source too. */
bool nt_candidates_of(NtAsking *asking, NtSourceKind kind, GArray *candidates, size_t wanted, GError **error);
/* Adds to what is shown, of all these sources, until there are `wanted` or no more. */
bool nt_fill(NtAsking *asking, GArray *shown, size_t wanted, GError **error);

/* ---- picking (pick.c) ---- */

/* Leaves of the candidates those that are shown, in their order: as many as pins leave room for at most. */
void nt_pick(NtAsking *asking, GArray *candidates);

/* ---- scenarios (scenarios.c) ---- */

/* The settings of a scenario as of the snapshot: a reference. */
NtScenario *nt_scenario_of(NtRecommender *recommender, const NtSnapshot *snapshot, const char *name, GError **error);

#endif
