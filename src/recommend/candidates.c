/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates. Each source names products; one that several name is worth more than their sum, (sum of the roots)^2, as
 * Pixie has it (Eksombatchai and others, WWW 2018, section 3.1): several reasons agree on it. A further source is a
 * name below, and a function that gathers its candidates, or a row in `fallbacks`.
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
    NEWEST_ROWS = 2000 /* that are looked at for products that came last */
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
    bool ok = add_alike(&gathering, error) && (asking->arm == NT_ARM_CONTROL || add_besides(&gathering, error));
    for (guint i = 0; ok && i < asking->ruling.quotas->len; i++) {
        ok = add_for_quota(&gathering, &g_array_index(asking->ruling.quotas, NtQuota, i), error);
    }
    if (!ok) {
        return NULL;
    }
    weigh(asking, candidates);
    return g_steal_pointer(&candidates);
}

/* ---- what is shown when that is not enough ---- */

typedef struct Filling {
    NtAsking *asking;
    GArray *candidates;
    GHashTable *there; /* product -> its place, from 1 */
    size_t wanted;
    bool shown;  /* what is added is shown, and not only to choose from */
    bool capped; /* and the caps hold */
} Filling;

/* Adds a product; false: there are enough. */
static bool add_more(Filling *filling, uint32_t product, NtSourceKind source) {
    NtAsking *asking = filling->asking;
    bool seen = g_hash_table_contains(asking->seen, GUINT_TO_POINTER(product));
    uint32_t row = product != 0 ? nt_snapshot_row(asking->snapshot, product) : UINT32_MAX;
    NtCandidate more = {.product = product, .row = row, .taste = -1, .sources = 1U << source};
    guint there = GPOINTER_TO_UINT(g_hash_table_lookup(filling->there, GUINT_TO_POINTER(product)));
    if (there != 0) { /* what was chosen already is not there for this */
        g_array_index(filling->candidates, NtCandidate, there - 1).sources |= filling->shown ? 0 : 1U << source;
    } else if (row != UINT32_MAX && seen == (source == NT_SOURCE_SEEN) && nt_asking_allows(asking, product) &&
               !nt_ruling_near_bought(asking, row) && (!filling->capped || nt_ruling_caps(asking, &more))) {
        g_array_append_val(filling->candidates, more);
        g_hash_table_insert(filling->there, GUINT_TO_POINTER(product), GUINT_TO_POINTER(filling->candidates->len));
        if (filling->shown) {
            nt_ruling_take(asking, &more);
        }
    }
    return filling->candidates->len < filling->wanted;
}

static bool fill_popular(Filling *filling, GError **error) {
    NtRecommender *recommender = filling->asking->recommender;
    g_autoptr(GArray) popular = nt_recommender_popular(recommender, error);
    NtEvents *events = popular != NULL ? nt_recommender_events(recommender, error) : NULL;
    bool on = events != NULL;
    for (guint i = 0; on && i < popular->len; i++) {
        int64_t product;
        if (!nt_recommender_product(events, filling->asking->snapshot->reader.db,
                                    g_array_index(popular, NtPopular, i).product, &product, error)) {
            return false;
        }
        on = add_more(filling, (uint32_t)product, NT_SOURCE_POPULAR);
    }
    return events != NULL;
}

/* The products whose vectors came last. */
static bool fill_new(Filling *filling, GError **error) {
    const NtVersion *version = filling->asking->snapshot->version;
    uint64_t first = version->view.count > NEWEST_ROWS ? version->view.count - NEWEST_ROWS : 0;
    (void)error;
    for (uint64_t row = version->view.count; row-- > first;) {
        uint32_t link, product = nt_labels_first(&version->labels, row, &link);
        if (product != 0 && !add_more(filling, product, NT_SOURCE_NEW)) {
            break;
        }
    }
    return true;
}

static bool fill_any(Filling *filling, GError **error) {
    const NtVersion *version = filling->asking->snapshot->version;
    uint64_t length = nt_cells_length(&version->products.rows);
    (void)error;
    for (uint64_t product = 1; product < length; product++) {
        if (!add_more(filling, (uint32_t)product, NT_SOURCE_ANY)) {
            break;
        }
    }
    return true;
}

static bool fill_seen(Filling *filling, GError **error) {
    const GArray *touched = filling->asking->visitor.touched;
    (void)error;
    for (guint i = touched != NULL ? touched->len : 0; i-- > 0;) { /* what was seen longest ago first */
        if (!add_more(filling, g_array_index(touched, NtTouched, i).product, NT_SOURCE_SEEN)) {
            break;
        }
    }
    return true;
}

/* Sources that do not know the visitor, the best first. */
static const struct {
    NtSourceKind kind;
    bool (*fill)(Filling *, GError **);
} fallbacks[] = {{NT_SOURCE_POPULAR, fill_popular},
                 {NT_SOURCE_NEW, fill_new},
                 {NT_SOURCE_ANY, fill_any},
                 {NT_SOURCE_SEEN, fill_seen}};

static GHashTable *places_of(const GArray *candidates) {
    GHashTable *there = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < candidates->len; i++) {
        uint32_t product = g_array_index(candidates, NtCandidate, i).product;
        g_hash_table_insert(there, GUINT_TO_POINTER(product), GUINT_TO_POINTER(i + 1));
    }
    return there;
}

bool nt_candidates_of(NtAsking *asking, NtSourceKind kind, GArray *candidates, size_t wanted, GError **error) {
    g_autoptr(GHashTable) there = places_of(candidates);
    Filling filling = {.asking = asking, .candidates = candidates, .there = there, .wanted = wanted};
    bool ok = true;
    for (size_t f = 0; ok && f < G_N_ELEMENTS(fallbacks) && candidates->len < wanted; f++) {
        ok = fallbacks[f].kind != kind || fallbacks[f].fill(&filling, error);
    }
    return ok;
}

bool nt_candidates_fill(NtAsking *asking, GArray *candidates, size_t wanted, GError **error) {
    g_autoptr(GHashTable) there = places_of(candidates);
    Filling filling = {
        .asking = asking, .candidates = candidates, .there = there, .wanted = wanted, .shown = true, .capped = true};
    for (int pass = 0; pass < 2 && candidates->len < wanted; pass++) {
        guint before = candidates->len;
        filling.capped = pass == 0;
        for (size_t f = 0; f < G_N_ELEMENTS(fallbacks) && candidates->len < wanted; f++) {
            if (asking->scenario->weights[fallbacks[f].kind] > 0 && !fallbacks[f].fill(&filling, error)) {
                return false;
            }
        }
        if (pass == 1 && candidates->len > before) {
            nt_ruling_note(&asking->ruling, -1, "caps gave way: too few other products are there");
        }
    }
    return true;
}
