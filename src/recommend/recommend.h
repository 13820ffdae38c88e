/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recommend: what visitors like, from what they did.
 *
 * Tastes (ward.c). What a visitor looked at falls into groups of products that are alike, as PinnerSage has it (Pal and
 * others, KDD 2020): hierarchical clustering, cut where groups stop being alike, so that there is any number of them;
 * each is represented by its medoid, which is a product. Where the cut is depends on the network only, and is derived
 * from a sample of the catalogue: NtTasteSpace. doc/tastes.md has the rule and what it was measured to give.
 *
 *   once per version of a model   sample of the catalogue ─► nt_taste_space_init ─► mean, cut
 *   per visitor                   vectors ─► nt_taste_space_place ─► nt_cluster (average, cut) ─► nt_medoid of each
 */
#ifndef NT_RECOMMEND_H
#define NT_RECOMMEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "events/events.h"
#include "search/search.h"
#include "state/state.h"

enum {
    NT_CLUSTER_POINTS = 500,    /* of one visitor */
    NT_CLUSTER_DIMENSION = 4096 /* numbers of a vector */
};

/* Points to be clustered, borrowed. */
typedef struct NtPoints {
    const float *rows;    /* (count, dim), one row after the other; of any length, finite */
    const float *weights; /* (count), above 0 and finite; NULL: 1 each. A point of weight 2 counts as two of weight 1 */
    size_t count;         /* 0 .. NT_CLUSTER_POINTS */
    size_t dim;           /* 1 .. NT_CLUSTER_DIMENSION */
} NtPoints;

/* What it costs to make two clusters one. Both are squared Euclidean distances for single points of weight 1. */
typedef enum NtLinkage {
    /* The weighted mean of the squared distances between members of the one and of the other (UPGMA; Sokal and Michener
     * 1958). Does not grow with the clusters: what tastes are cut by. */
    NT_LINKAGE_AVERAGE,
    /* Twice the growth of the weighted sum of squared distances to the centroid (Ward 1963), which is what PinnerSage
     * takes: 2 wA wB / (wA + wB) |cA - cB|^2. Grows with the clusters, so that one cut cuts a visitor's many products
     * of one kind in pieces, or joins few of different kinds. */
    NT_LINKAGE_WARD,
} NtLinkage;

/* Clusters `points`: the two clusters that cost least are made one, again and again, as long as that costs at most
 * `cut` (a squared distance, 0 and more, infinity included: one cluster; not NaN). A larger cut never gives more
 * clusters. Of equal costs the order of the points decides; the result is the same on every processor, and without
 * equal costs in every order of the points. out_clusters (count): the cluster of each point, numbered from 0 in the
 * order of their first points; *out_count: how many there are. Untouched on failure. Lance and Williams (1967) for the
 * distances of merged clusters; nearest-neighbour chain (Muellner 2011, section 3.2) for O(count^2) time beside the
 * distances; memory of 8 count^2 bytes, 2 MB at most. Errors: INVALID (a number that is not finite, a weight that is
 * not above 0, no dimension), LIMIT, NO_MEMORY, and those of nt_wait_check. Safe from any thread. 500 points of 1,280
 * numbers take 30 ms. */
bool nt_cluster(const NtPoints *points, NtLinkage linkage, double cut, const NtWait *wait, uint16_t *out_clusters,
                size_t *out_count, GError **error);

/* The medoid of cluster `which`: the member whose weighted sum of squared distances to the others is least; of several
 * that are equally near (to 1e-12) the first. `clusters` (count) is as nt_cluster gives it and has a member of `which`;
 * the points are ones that it took. O(count x dim). Safe from any thread. */
size_t nt_medoid(const NtPoints *points, const uint16_t *clusters, uint16_t which);

enum { NT_TASTE_SAMPLE = 512 }; /* products that a space is derived from */

/* What tastes are found in: vectors without what all products of the catalogue have in common, and the distance below
 * which products are rather alike than not. One per version of a model. */
typedef struct NtTasteSpace {
    float *mean;   /* (dim), owned */
    size_t dim;    /* 1 .. NT_CLUSTER_DIMENSION */
    bool unit;     /* placed vectors are of length 1: the metric is cosine or inner product */
    double median; /* squared distance of two products of the catalogue */
    double cut;    /* for nt_cluster with NT_LINKAGE_AVERAGE; 0 < cut <= median, or 0 when all products are equal */
    bool derived;  /* false: the sample was too small or shows no groups, and the cut is 0.8 of the median */
} NtTasteSpace;

/* Derives a space from a sample of the catalogue: products drawn by chance without repetition, (count, dim) numbers one
 * row after the other; more than NT_TASTE_SAMPLE rows are refused, fewer than 64 give the stated share of the median.
 * `unit`: the model's metric is cosine or inner product.
 *
 * The cut. Most pairs of products are not alike, and their squared distances lie around the median, as often so far
 * below as above it. Pairs that are alike come in excess below. With F(t) the share of pairs nearer than t, and G(t)
 * the share farther than 2 median - t, the cut is where F - G is greatest: the distance up to which there are more
 * pairs than the mirrored upper half explains (an empirical null, as in Efron, "Large-scale simultaneous hypothesis
 * testing", 2004). Of a range of distances where F - G is within 5 % of the greatest it is the middle.
 *
 * Costs count^2 / 2 distances: 45 ms for 512 rows of 1,280 numbers. Errors: INVALID (fewer than 2 rows, a number that
 * is not finite), LIMIT, NO_MEMORY, and those of nt_wait_check; *out is untouched then, else free with
 * nt_taste_space_clear. Safe from any thread. */
bool nt_taste_space_init(const float *rows, size_t count, size_t dim, bool unit, const NtWait *wait, NtTasteSpace *out,
                         GError **error);
void nt_taste_space_clear(NtTasteSpace *space);

/* A stored vector (dim), float32, as a point of the space: less the mean, and of length 1 when the space has that (what
 * is equal to the mean stays zero). `out` may be `row`. Safe from any thread. */
void nt_taste_space_place(const NtTasteSpace *space, const float *row, float *out);

/* ---- what a visitor is recommended (recommender.c, answer.c) ---- */

/* Everything on a catalogue that recommending keeps. One for each handle, made when it is asked for first. Any thread
 * may use it. */
typedef struct NtRecommender NtRecommender;
NtRecommender *nt_recommender_of(NiteruCatalogue *catalogue);
/* What makes up a taste. */
typedef struct NtTasteOptions {
    /* What an action weighs, by its kind: of impression, view, click, favourite, cart, purchase, dismiss 0, 1, 2, 5, 6,
     * 8, -8. Those below 0 speak against a product. */
    double weights[NT_EVENT_KINDS];
    unsigned window_days; /* what is older is no taste: 90 */
    unsigned decay_days;  /* after which an action weighs 1 / e of what it did: 100 */
} NtTasteOptions;
NtTasteOptions nt_taste_defaults(void);
/* Before the first question; else as by default. Not thread-safe. */
void nt_recommender_set_tastes(NtRecommender *recommender, const NtTasteOptions *options);
/* The store of events; NULL with an error. */
NtEvents *nt_recommender_events(NtRecommender *recommender, GError **error);
void nt_recommender_free(NtRecommender *recommender); /* NULL is fine */

/* A taste of a visitor. */
typedef struct NtTaste {
    uint32_t medoid;   /* number of the product that stands for it */
    uint32_t row;      /* of its vector */
    double importance; /* its share of all of them, above 0 */
    unsigned products; /* how many that were looked at make it up */
    int64_t newest;    /* when that was last, milliseconds since 1970 */
} NtTaste;

/* Where candidates come from. A bit each in NtShownProduct. */
typedef enum NtSourceKind {
    NT_SOURCE_TASTE,   /* like the medoid of a taste */
    NT_SOURCE_RECENT,  /* like what was looked at last */
    NT_SOURCE_CLICKED, /* others who looked at the same looked at it */
    NT_SOURCE_BOUGHT,  /* others who bought the same bought it */
    NT_SOURCE_POPULAR, /* wanted by many */
    NT_SOURCE_NEW,     /* came last */
    NT_SOURCE_ANY,     /* is there */
    NT_SOURCE_SEEN,    /* was looked at already, and nothing else is left */
    NT_SOURCE_PINNED,  /* a rule puts it there */
    NT_SOURCE_KINDS
} NtSourceKind;
const char *nt_source_kind_name(NtSourceKind kind);

/* What is recommended in one place of the shop, read (scenario.c, scenarios.c; doc/scenarios.md). Never changed;
 * references are counted. */
typedef struct NtScenario NtScenario;
/* Reads settings; NULL: those of a scenario without any. Errors: INVALID (the fact "parameter" names the member, such
 * as rules[2].where). */
NtScenario *nt_scenario_parse(const NtJson *settings, GError **error);
NtScenario *nt_scenario_ref(NtScenario *scenario);
void nt_scenario_unref(NtScenario *scenario); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtScenario, nt_scenario_unref)

enum { NT_SCENARIO_SETTINGS_BYTES = 65536 };
/* Makes settings (NULL: that it is removed) the next version of a scenario; `expected` as
 * nt_catalogue_put_scenario has it. Errors: those of that and of nt_scenario_parse, LIMIT (longer than
 * NT_SCENARIO_SETTINGS_BYTES). */
bool nt_scenario_put(NtRecommender *recommender, const char *name, int64_t expected, const NtJson *settings,
                     GCancellable *cancellable, int64_t *out_version, GError **error);
/* The versions of a scenario, the newest first, or (NULL) the newest of all: [{"scenario", "version", "changed",
 * "settings" (null: it was removed)}], new. */
NtJson *nt_scenarios_json(NtRecommender *recommender, const char *name, GError **error);
/* What settings will hardly be meant to do: an array of sentences, new. */
NtJson *nt_scenario_warnings(NtRecommender *recommender, const NtJson *settings, GCancellable *cancellable,
                             GError **error);

typedef struct NtRecommendQuery {
    const char *visitor;        /* "u:7", "s:x"; NULL: somebody of whom nothing is stored */
    const GArray *actions;      /* NtEvent, what they did beside what is stored; none of it is kept. NULL: nothing */
    size_t k;                   /* products wanted; 0: as the scenario has it */
    const char *where;          /* a condition on metadata; NULL: none */
    const char *const *exclude; /* NULL-terminated ids that are left out; NULL: none */
    /* 0 .. 1: how much less products are worth that are like others in the answer; negative: as the scenario has it. */
    double diversity;
    bool metadata;            /* wanted */
    bool explain;             /* each product is to tell why it is where it is */
    unsigned timeout_ms;      /* 0: none */
    int64_t now;              /* milliseconds since 1970; 0: now */
    const char *scenario;     /* the place of the shop that asks; NULL: "default" */
    NtScenario *settings;     /* instead of those of the scenario; NULL: these */
    bool personal;            /* whoever it is, not the visual order only nor by chance */
    const char *previous;     /* id of the answer that this one goes on from: what was shown there is not; NULL: none */
    bool log;                 /* the answer gets an id and is logged; one that is not is never by chance */
    unsigned control_percent; /* of visitors, always the same ones, get the visual order only; where the scenario */
    unsigned random_percent;  /* does not say: of answers are drawn by chance from the best candidates */
} NtRecommendQuery;

/* A product of an answer. */
typedef struct NtShownProduct {
    NtDescribed *described; /* owned by the answer */
    double score;           /* 0 .. 100, falling but for what diversity moved */
    int taste;              /* place among the answer's tastes; -1: none */
    unsigned sources;
    unsigned rules;    /* of the scenario that moved it, a bit for each by its number */
    NtJson *explained; /* owned: why it is where it is; NULL: not asked for */
} NtShownProduct;

typedef struct NtRecommendation {
    char rec[NT_REC_TEXT]; /* by which events name it; "": it was not logged */
    NtArm arm;
    char *model;
    int64_t version;    /* of the scenario's settings; 0: it has none */
    GPtrArray *notes;   /* char *: where rules could not be as they are; empty as a rule */
    GArray *products;   /* NtShownProduct */
    GArray *tastes;     /* NtTaste, the most important first */
    GPtrArray *medoids; /* NtDescribed of each taste's medoid */
    bool metadata;      /* was asked for */
} NtRecommendation;
void nt_recommendation_free(NtRecommendation *recommendation); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtRecommendation, nt_recommendation_free)

/* Products for a visitor, by what they did in the last 90 days: k of them whenever so many may be shown, never what
 * they bought, turned away or excluded, and what they looked at already only when nothing else is left. Errors: INVALID
 * (the condition, diversity), NOT_FOUND (the model has no vectors), CANCELLED, TIMEOUT, CORRUPT. */
NtRecommendation *nt_recommend(NtRecommender *recommender, const NtRecommendQuery *query, GCancellable *cancellable,
                               GError **error);

/* {"rec_id"?, "arm", "model", "products": [{"product", "photo"?: {"number"}, "metadata"?, "position", "score", "taste",
 * "sources"}], "tastes": [{"product", "photo"?, "metadata"?, "importance", "products", "newest"}]}. New. */
NtJson *nt_recommendation_json(const NtRecommendation *found);

/* The tastes of a visitor alone. */
NtRecommendation *nt_recommend_tastes(NtRecommender *recommender, const char *visitor, GCancellable *cancellable,
                                      GError **error);

/* Stores events out of JSON, an object or an array of them: an answer for each, in their order:
 * {"status": "new" | "known" | "over" | "refused", "field"?, "message"?}. Only events of visitors for whom
 * `may` (NULL: everybody) holds are taken. Errors: those of storing any; then some may be stored. New. */
NtJson *nt_recommend_events(NtRecommender *recommender, const NtJson *events,
                            bool (*may)(const char *visitor, void *data), void *data, GCancellable *cancellable,
                            GError **error);

/* Reads what somebody did whom nothing is stored of, an array of {kind, product, time?}, by the rules of events: new,
 * of NtEvent, for NtRecommendQuery. Those without a time are of now, each later than those before it. Errors: INVALID
 * (the fact "parameter" names the member, such as actions[3].time), those of the store. */
GArray *nt_recommend_actions(NtRecommender *recommender, const NtJson *actions, GError **error);

/* ---- what visitors get to see (coverage.c) ---- */

/* Of the catalogue's products, how many were shown and how many clicked, in all scenarios together. */
typedef struct NtCoverage {
    uint64_t products, shown, clicked;
} NtCoverage;
/* Since a moment (milliseconds since 1970), to the week. Costs some 3 us for each product that was in an event. */
bool nt_recommender_coverage(NtRecommender *recommender, int64_t since, NtCoverage *out, GError **error);

typedef enum NtUnseen {
    NT_NEVER_SHOWN,   /* no impression in the last NT_UNSEEN_DAYS days, to the week */
    NT_NEVER_CLICKED, /* NT_UNSEEN_IMPRESSIONS and more, and no click */
    NT_UNSEENS
} NtUnseen;
enum { NT_UNSEEN_DAYS = 28, NT_UNSEEN_IMPRESSIONS = 100 };
/* "never-shown", "never-clicked"; NT_UNSEENS for a name that is none. */
const char *nt_unseen_name(NtUnseen which);
NtUnseen nt_unseen_of_name(const char *name);
/* The numbers of these products (uint32_t) in the bytewise order of their ids, as of a minute ago at most: a reference.
 * *out_known (NULL: not wanted): whether there was any impression at all; without one nothing can be said of them. */
GArray *nt_recommender_unseen(NtRecommender *recommender, NtUnseen which, const NtWait *wait, bool *out_known,
                              GError **error);

/* ---- what came of it (report.c, statistics.c) ---- */

/* The scenarios that answers were given in, or events name, in the last 90 days, those with most of it first, at most
 * 100: [{"scenario", "answers"}], new. Reads the counts of these weeks. */
NtJson *nt_scenarios_reported(NtRecommender *recommender, GError **error);

/* What was counted of a scenario in the last so many days (0: all): {"scenario", "arms": [{"arm", "answers",
 * "impressions", ..., "ctr", "revenue", "per_1000_answers"}], "personal_over_control", "positions", "days",
 * "coverage"}; see doc/events.md. New. */
NtJson *nt_recommend_report(NtRecommender *recommender, const char *scenario, unsigned days, GError **error);

/* The interval in which the share of `hits` of `count` (1 and more) lies with 95 % (Wilson 1927). */
void nt_wilson(uint64_t hits, uint64_t count, double *out_low, double *out_high);
/* The interval in which the mean of a count lies with 95 %, where things happen independently (Byar's approximation of
 * the exact Poisson interval; Breslow and Day 1987, section 2.3). */
void nt_poisson(uint64_t count, double *out_low, double *out_high);
/* One rate over another, with the interval of 95 % (normal on the logarithm). False: one of them is 0 or of nothing. */
bool nt_rate_ratio(uint64_t count, uint64_t of, uint64_t other_count, uint64_t other_of, double *out_ratio,
                   double *out_low, double *out_high);

/* ---- what a visitor may ask (erase.c) ---- */

/* What is kept of a visitor: {"events": [...], "next"?, "answers": [{"rec_id", "time", "scenario", "arm",
 * "products"}]}, of the events those after the first `skip`, `most` at a time ("next": what to skip for more), of the
 * answers the newest. */
NtJson *nt_recommend_export(NtRecommender *recommender, const char *visitor, uint64_t skip, uint64_t most,
                            GError **error);
/* The products of the taste that a product stands for are no sign of taste any more. Errors: NOT_FOUND. */
bool nt_recommend_forget_taste(NtRecommender *recommender, const char *visitor, const char *medoid,
                               GCancellable *cancellable, GError **error);
/* Removes all that is kept of a visitor: {"known", "places": [{"place", "removed", "note"?}]}, new. */
NtJson *nt_recommend_erase(NtRecommender *recommender, const char *visitor, GError **error);
/* All that a session did, and will do, is a user's. */
bool nt_recommend_merge(NtRecommender *recommender, const char *session, const char *user, GError **error);

#endif
