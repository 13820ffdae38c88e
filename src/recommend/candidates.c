/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates. Each source names products; one that several name is worth more than their sum, (sum of the roots)^2, as
 * Pixie has it (Eksombatchai and others, WWW 2018, section 3.1): several reasons agree on it. A further source is a
 * name below, and a function that gathers its candidates; those that do not know the visitor are in fill.c.
 */
#include "recommend/neighbours.h"
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum {
    MOST_RECENT = 1, /* of them what was looked at last */
    MOST_BESIDE = 8, /* products whose pairs are looked up */
    LEAST_HITS = 50, /* of each */
    MOST_HITS = 1000,
};

/* What is like the product that was looked at last is worth so much of what is like a taste. */
#define RECENT_SHARE 0.25

static const char *const names[NT_SOURCE_KINDS] = {"taste", "recent", "co-clicked", "bought-together", "popular",
                                                   "new",   "any",    "seen",       "pinned"};

const char *nt_source_kind_name(NtSourceKind kind) { return names[kind]; }

/* A product that is one already, as the medoid of a taste, is searched by once. */
static void add_seed(GArray *seeds, const NtSeed *seed) {
    for (guint i = 0; i < seeds->len; i++) {
        if (g_array_index(seeds, NtSeed, i).product == seed->product) {
            g_array_index(seeds, NtSeed, i).sources |= seed->sources;
            return;
        }
    }
    g_array_append_val(seeds, *seed);
}

/* The medoids of tastes, and what was looked at last. */
static GArray *find_seeds(const NtAsking *asking) {
    GArray *seeds = g_array_new(FALSE, FALSE, sizeof(NtSeed));
    const double *weights = asking->scenario->weights;
    bool control = asking->arm == NT_ARM_CONTROL; /* like the one that was looked at last, and no more */
    bool tastes = !control && weights[NT_SOURCE_TASTE] > 0, recent = control || weights[NT_SOURCE_RECENT] > 0;
    for (guint t = 0; tastes && t < asking->tastes->len && seeds->len < NT_MOST_SEEDS - MOST_RECENT; t++) {
        const NtTaste *taste = &g_array_index(asking->tastes, NtTaste, t);
        NtSeed seed = {.product = taste->medoid,
                       .row = taste->row,
                       .share = weights[NT_SOURCE_TASTE],
                       .taste = (int)t,
                       .sources = 1U << NT_SOURCE_TASTE};
        add_seed(seeds, &seed);
    }
    const GArray *touched = asking->visitor.touched;
    for (guint i = 0, found = 0; recent && touched != NULL && i < touched->len && found < MOST_RECENT; i++) {
        const NtTouched *one = &g_array_index(touched, NtTouched, i);
        if (one->weight > 0 && one->row != UINT32_MAX) {
            NtSeed seed = {.product = one->product,
                           .row = one->row,
                           .share = control ? 1 : RECENT_SHARE * weights[NT_SOURCE_RECENT],
                           .taste = -1,
                           .sources = 1U << NT_SOURCE_RECENT};
            add_seed(seeds, &seed);
            found++;
        }
    }
    return seeds;
}

/* A product's place among the candidates, new where it is not there. */
static NtCandidate *candidate_of(GArray *candidates, GHashTable *places, uint32_t product, uint32_t row) {
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(places, GUINT_TO_POINTER(product)));
    if (place == 0) {
        NtCandidate fresh = {.product = product, .row = row, .taste = -1};
        g_array_append_val(candidates, fresh);
        place = candidates->len;
        g_hash_table_insert(places, GUINT_TO_POINTER(product), GUINT_TO_POINTER(place));
    }
    return &g_array_index(candidates, NtCandidate, place - 1);
}

/* ---- what goes with what was looked at, or bought ---- */

/* Candidates on their way. */
typedef struct Gathering {
    NtAsking *asking;
    GArray *candidates;
    GHashTable *places;
} Gathering;

/* The taste that a product is most like; -1: there are none. */
static int taste_of(const NtAsking *asking, uint32_t row) {
    const NtVersion *version = asking->snapshot->version;
    size_t dim = version->view.dim;
    g_autofree float *vectors = g_new(float, 2 * dim);
    double best = -INFINITY;
    int found = -1;
    nt_rows_get(&version->view, row, vectors);
    for (guint t = 0; t < asking->tastes->len; t++) {
        nt_rows_get(&version->view, g_array_index(asking->tastes, NtTaste, t).row, vectors + dim);
        double raw = nt_metric_value(version->view.metric, vectors, vectors + dim, dim);
        double score = nt_scores_of(&version->card->scores, raw);
        if (score > best) {
            best = score;
            found = (int)t;
        }
    }
    return found;
}

static bool add_beside(Gathering *gathering, const NtTouched *of, NtPairKind kind, GError **error) {
    static const NtSourceKind sources[NT_PAIR_KINDS] = {NT_SOURCE_CLICKED, NT_SOURCE_BOUGHT};
    NtAsking *asking = gathering->asking;
    if (asking->scenario->weights[sources[kind]] <= 0) {
        return true;
    }
    g_autoptr(GArray) found = nt_recommender_beside(asking->recommender, asking->snapshot, of->number, kind, error);
    int taste = found != NULL && found->len > 0 && of->row != UINT32_MAX ? taste_of(asking, of->row) : -1;
    for (guint i = 0; found != NULL && i < found->len; i++) {
        const NtBeside *beside = &g_array_index(found, NtBeside, i);
        if (!nt_asking_allows(asking, beside->product) ||
            g_hash_table_contains(asking->seen, GUINT_TO_POINTER(beside->product))) {
            continue;
        }
        NtCandidate *candidate = candidate_of(gathering->candidates, gathering->places, beside->product, beside->row);
        double score = NT_BESIDE_SHARE * asking->scenario->weights[sources[kind]] * (double)beside->strength;
        candidate->taste = candidate->taste < 0 ? taste : candidate->taste;
        candidate->score = MAX(candidate->score, MIN(score, 1));
        candidate->worth += sqrt(score); /* squared below */
        candidate->sources |= 1U << sources[kind];
        if (beside->strength > candidate->strength) {
            candidate->strength = beside->strength;
            candidate->beside = of->product;
        }
    }
    return found != NULL;
}

/* What goes with the medoids of tastes and with what was done last; what was bought goes with what others bought. */
static bool add_besides(Gathering *gathering, GError **error) {
    const NtAsking *asking = gathering->asking;
    const GArray *touched = asking->visitor.touched;
    const unsigned bought = 1U << NT_EVENT_CART | 1U << NT_EVENT_PURCHASE;
    g_autoptr(GHashTable) medoids = g_hash_table_new(NULL, NULL);
    for (guint t = 0; t < asking->tastes->len && t < MOST_BESIDE / 2; t++) {
        g_hash_table_add(medoids, GUINT_TO_POINTER(g_array_index(asking->tastes, NtTaste, t).medoid));
    }
    bool ok = true;
    for (guint i = 0, last = 0; ok && touched != NULL && i < touched->len; i++) {
        const NtTouched *one = &g_array_index(touched, NtTouched, i);
        if (one->weight > 0 &&
            (g_hash_table_contains(medoids, GUINT_TO_POINTER(one->product)) || last++ < MOST_BESIDE / 2)) {
            ok = add_beside(gathering, one, NT_PAIR_CLICKED, error) &&
                 ((one->kinds & bought) == 0 || add_beside(gathering, one, NT_PAIR_BOUGHT, error));
        }
    }
    return ok;
}

/* Adds what is like the seeds. */
static bool add_alike(Gathering *gathering, GError **error) {
    NtAsking *asking = gathering->asking;
    const GArray *seeds = asking->seeds;
    g_auto(NtNeighbours) found = {0};
    if (seeds->len > 0 &&
        !nt_neighbours_find(asking, seeds, CLAMP(4 * asking->k, LEAST_HITS, MOST_HITS), &found, error)) {
        return false;
    }
    for (guint s = 0, at = 0; s < seeds->len; s++) {
        const NtSeed *seed = &g_array_index(seeds, NtSeed, s);
        for (size_t i = 0; i < found.counts[s]; i++) {
            const NtIndexHit *hit = &g_array_index(found.hits, NtIndexHit, at++);
            double score = nt_scores_of(&asking->snapshot->version->card->scores, hit->raw) / 100;
            NtCandidate *candidate = candidate_of(gathering->candidates, gathering->places, hit->label, hit->row);
            if (candidate->parts[s] > 0) {
                continue; /* found before */
            }
            if (seed->taste >= 0 && (candidate->taste < 0 || score > candidate->score)) {
                candidate->taste = seed->taste;
                candidate->score = score;
            }
            if (candidate->taste < 0) {
                candidate->score = MAX(candidate->score, MIN(seed->share, 1) * score);
            }
            candidate->parts[s] = (float)score;
            candidate->worth += sqrt(seed->share * score); /* squared below */
            candidate->sources |= seed->sources;
        }
    }
    return true;
}

/* Adds more of what places are kept for, where there are too few. */
static bool add_for_quota(Gathering *gathering, const NtQuota *quota, GError **error) {
    NtAsking *asking = gathering->asking;
    GArray *candidates = gathering->candidates;
    unsigned found = 0;
    for (guint i = 0; i < candidates->len; i++) {
        found += nt_quota_wants(quota, &g_array_index(candidates, NtCandidate, i));
    }
    if (found >= quota->needed) {
        return true;
    }
    if (quota->filter == NULL) {
        NtSourceKind kind = (NtSourceKind)g_bit_nth_lsf(quota->sources, -1);
        return nt_candidates_of(asking, kind, candidates, candidates->len + quota->needed - found, error);
    }
    NtFilter *before = asking->filter;
    if ((asking->filter = nt_ruling_within(asking, quota->filter, error)) == NULL) {
        asking->filter = before;
        return false;
    }
    guint known = candidates->len;
    bool ok = add_alike(gathering, error);
    found += candidates->len - known;
    for (NtSourceKind kind = NT_SOURCE_POPULAR; ok && kind <= NT_SOURCE_ANY && found < quota->needed; kind++) {
        known = candidates->len;
        ok = nt_candidates_of(asking, kind, candidates, known + quota->needed - found, error);
        found += candidates->len - known;
    }
    nt_filter_unref(asking->filter);
    asking->filter = before;
    return ok;
}

/* Of whom little is known, chance draws from what anybody might be shown too. */
static bool add_for_chance(Gathering *gathering, GError **error) {
    NtAsking *asking = gathering->asking;
    guint wanted = (guint)MAX(NT_LEAST_DRAWN, 5 * asking->k);
    bool ok = true;
    for (NtSourceKind kind = NT_SOURCE_POPULAR; ok && kind <= NT_SOURCE_ANY; kind++) {
        guint known = gathering->candidates->len, left = NT_SOURCE_ANY - kind + 1;
        if (known < wanted && asking->scenario->weights[kind] > 0) {
            ok = nt_candidates_of(asking, kind, gathering->candidates, known + (wanted - known + left - 1) / left,
                                  error);
        }
    }
    return ok;
}

/* Leaves out what is like something bought where that is not shown again, and says what the rest is worth. */
static void weigh(const NtAsking *asking, GArray *candidates) {
    guint kept = 0;
    for (guint i = 0; i < candidates->len; i++) {
        NtCandidate candidate = g_array_index(candidates, NtCandidate, i);
        if (!nt_ruling_near_bought(asking, candidate.row)) {
            candidate.worth *= candidate.worth;
            nt_ruling_boost(asking, &candidate);
            g_array_index(candidates, NtCandidate, kept++) = candidate;
        }
    }
    g_array_set_size(candidates, kept);
}

GArray *nt_candidates_find(NtAsking *asking, GError **error) {
    g_autoptr(GArray) candidates = g_array_new(FALSE, TRUE, sizeof(NtCandidate));
    g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
    Gathering gathering = {asking, candidates, places};
    asking->seeds = find_seeds(asking);
    bool ok = add_alike(&gathering, error) && (asking->arm == NT_ARM_CONTROL || add_besides(&gathering, error)) &&
              (asking->arm != NT_ARM_RANDOM || add_for_chance(&gathering, error));
    for (guint i = 0; ok && i < asking->ruling.quotas->len; i++) {
        ok = add_for_quota(&gathering, &g_array_index(asking->ruling.quotas, NtQuota, i), error);
    }
    if (!ok) {
        return NULL;
    }
    weigh(asking, candidates);
    return g_steal_pointer(&candidates);
}
