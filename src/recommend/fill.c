/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown where nothing is known of a visitor, or not enough: what is popular, what is new, and any product.
 * Places go to these sources by turns (Sainte-Lague, as in pick.c), because one alone shows too little of the shop:
 * what came last is often of one kind, and what is never shown never becomes popular. Within a source its order counts
 * against likeness to what is shown already, as within a taste. What `any` offers is spread over the whole catalogue
 * and begins elsewhere for each visitor (each day, where it is not told who it is), so that each product is shown to
 * somebody.
 */
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum {
    LEAST_OFFERED = 40,  /* products that a source offers to choose from */
    MOST_COMPARED = 100, /* of them by likeness */
    NEWEST_ROWS = 2000,  /* that are looked at for products that came last */
    DAY_MS = 86400000
};

/* Products on their way into a list. */
typedef struct Filling {
    NtAsking *asking;
    GArray *into;       /* NtCandidate */
    GHashTable *places; /* product -> its place there, from 1 */
    GHashTable *passed; /* products that are not wanted now; NULL: none */
    size_t wanted;
} Filling;

/* Adds a product; false: there are enough. */
static bool add_more(Filling *filling, uint32_t product, NtSourceKind source) {
    NtAsking *asking = filling->asking;
    const gpointer key = GUINT_TO_POINTER(product);
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(filling->places, key));
    if (place != 0) {
        g_array_index(filling->into, NtCandidate, place - 1).sources |= 1U << source;
        return true;
    }
    bool seen = g_hash_table_contains(asking->seen, key);
    uint32_t row = product != 0 ? nt_snapshot_row(asking->snapshot, product) : UINT32_MAX;
    if (row != UINT32_MAX && seen == (source == NT_SOURCE_SEEN) && nt_asking_allows(asking, product) &&
        (filling->passed == NULL || !g_hash_table_contains(filling->passed, key)) &&
        !nt_ruling_near_bought(asking, row)) {
        NtCandidate more = {.product = product, .row = row, .taste = -1, .sources = 1U << source};
        g_array_append_val(filling->into, more);
        g_hash_table_insert(filling->places, key, GUINT_TO_POINTER(filling->into->len));
    }
    return filling->into->len < filling->wanted;
}

/* ---- the sources ---- */

static bool add_popular(Filling *filling, GError **error) {
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
static bool add_new(Filling *filling, GError **error) {
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

static uint64_t common_divisor(uint64_t a, uint64_t b) { return b == 0 ? a : common_divisor(b, a % b); }

/* Steps of the golden section go through all numbers once, and the first of them are spread evenly (Knuth, volume 3,
 * section 6.4, theorem S). */
static bool add_any(Filling *filling, GError **error) {
    const NtAsking *asking = filling->asking;
    const char *who = asking->query->visitor;
    uint64_t length = nt_cells_length(&asking->snapshot->version->products.rows), count = length > 0 ? length - 1 : 0;
    uint64_t step = (uint64_t)((double)count * 0.6180339887498949) + 1;
    uint64_t first = asking->arm == NT_ARM_RANDOM ? g_random_int()
                     : who != NULL                ? nt_xxh3(who, strlen(who), 0)
                                                  : (uint64_t)(asking->now / DAY_MS) * step;
    (void)error;
    while (count > 0 && common_divisor(step, count) != 1) {
        step++;
    }
    for (uint64_t i = 0, at = count > 0 ? first % count : 0; i < count; i++, at = (at + step) % count) {
        if (!add_more(filling, (uint32_t)(at + 1), NT_SOURCE_ANY)) {
            break;
        }
    }
    return true;
}

static bool add_seen(Filling *filling, GError **error) {
    const GArray *touched = filling->asking->visitor.touched;
    (void)error;
    for (guint i = touched != NULL ? touched->len : 0; i-- > 0;) { /* what was seen longest ago first */
        if (!add_more(filling, g_array_index(touched, NtTouched, i).product, NT_SOURCE_SEEN)) {
            break;
        }
    }
    return true;
}

static const struct {
    NtSourceKind kind;
    bool (*add)(Filling *, GError **);
    double share; /* of the places; 0: those that the others leave */
} sources[] = {{NT_SOURCE_POPULAR, add_popular, 3},
               {NT_SOURCE_NEW, add_new, 1},
               {NT_SOURCE_ANY, add_any, 2},
               {NT_SOURCE_SEEN, add_seen, 0}};
enum { SOURCES = G_N_ELEMENTS(sources) };

static GHashTable *places_of(const GArray *candidates) {
    GHashTable *places = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < candidates->len; i++) {
        uint32_t product = g_array_index(candidates, NtCandidate, i).product;
        g_hash_table_insert(places, GUINT_TO_POINTER(product), GUINT_TO_POINTER(i + 1));
    }
    return places;
}

bool nt_candidates_of(NtAsking *asking, NtSourceKind kind, GArray *candidates, size_t wanted, GError **error) {
    g_autoptr(GHashTable) places = places_of(candidates);
    Filling filling = {.asking = asking, .into = candidates, .places = places, .wanted = wanted};
    bool ok = true;
    for (size_t s = 0; ok && s < SOURCES && candidates->len < wanted; s++) {
        ok = sources[s].kind != kind || sources[s].add(&filling, error);
    }
    return ok;
}

/* ---- turns ---- */

/* What a source offers in this round. */
typedef struct Offer {
    GArray *products; /* NtCandidate, the best first */
    double *likeness; /* of the first MOST_COMPARED, the greatest to anything that is shown, 0 .. 1 */
    bool over;        /* nothing of it is left */
} Offer;

/* What is shown, and what may be. */
typedef struct Turns {
    NtAsking *asking;
    GArray *shown;         /* NtCandidate */
    GHashTable *gone;      /* products that are shown, or that a cap has kept out */
    Offer offers[SOURCES]; /* of each source */
    unsigned taken[SOURCES];
    float *vectors; /* two, (dim) each */
    bool capped;    /* caps hold */
} Turns;

static void clear_offers(Turns *turns) {
    for (size_t s = 0; s < SOURCES; s++) {
        g_clear_pointer(&turns->offers[s].products, g_array_unref);
        g_clear_pointer(&turns->offers[s].likeness, g_free);
    }
}

static bool is_gone(const Turns *turns, const Offer *offer, guint at) {
    return g_hash_table_contains(turns->gone,
                                 GUINT_TO_POINTER(g_array_index(offer->products, NtCandidate, at).product));
}

/* What is offered is like what is shown. */
static void compare_with(Turns *turns, const NtCandidate *shown) {
    const NtVersion *version = turns->asking->snapshot->version;
    size_t dim = version->view.dim;
    float *other = turns->vectors + dim;
    nt_rows_get(&version->view, shown->row, turns->vectors);
    for (size_t s = 0; s < SOURCES; s++) {
        Offer *offer = &turns->offers[s];
        for (guint i = 0; i < MIN(offer->products->len, MOST_COMPARED); i++) {
            if (!is_gone(turns, offer, i)) {
                nt_rows_get(&version->view, g_array_index(offer->products, NtCandidate, i).row, other);
                double raw = nt_metric_value(version->view.metric, turns->vectors, other, dim);
                offer->likeness[i] = MAX(offer->likeness[i], nt_scores_of(&version->card->scores, raw) / 100);
            }
        }
    }
}

static bool make_offers(Turns *turns, size_t most, GError **error) {
    bool ok = true;
    clear_offers(turns);
    for (size_t s = 0; s < SOURCES; s++) {
        Offer *offer = &turns->offers[s];
        g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
        offer->products = g_array_new(FALSE, FALSE, sizeof(NtCandidate));
        offer->likeness = g_new0(double, MOST_COMPARED);
        Filling filling = {turns->asking, offer->products, places, turns->gone, most};
        ok = ok && (turns->asking->scenario->weights[sources[s].kind] <= 0 || sources[s].add(&filling, error));
        offer->over = offer->products->len == 0;
    }
    for (guint i = 0; ok && turns->asking->diversity > 0 && i < MIN(turns->shown->len, MOST_COMPARED); i++) {
        compare_with(turns, &g_array_index(turns->shown, NtCandidate, i));
    }
    return ok;
}

/* The source whose turn it is; SOURCES: none has anything left. */
static size_t next_source(const Turns *turns) {
    double most = -1;
    size_t found = SOURCES;
    for (size_t s = 0; s < SOURCES; s++) {
        double claim = sources[s].share * turns->asking->scenario->weights[sources[s].kind] / (2 * turns->taken[s] + 1);
        if (!turns->offers[s].over && claim > most) {
            most = claim;
            found = s;
        }
    }
    return found;
}

/* The best of what a source offers; products->len: nothing is left. */
static guint best_of(const Turns *turns, const Offer *offer) {
    double d = turns->asking->diversity, best = -INFINITY;
    guint count = offer->products->len, compared = MIN(count, MOST_COMPARED), found = count;
    for (guint i = 0; i < compared; i++) {
        double value = (1 - d) * (1 - (double)i / MOST_COMPARED) - d * offer->likeness[i];
        if (value > best && !is_gone(turns, offer, i)) {
            best = value;
            found = i;
        }
    }
    for (guint i = compared; i < count && found == count; i++) {
        found = is_gone(turns, offer, i) ? count : i;
    }
    return found;
}

static void take(Turns *turns, size_t source, const NtCandidate *candidate) {
    g_hash_table_add(turns->gone, GUINT_TO_POINTER(candidate->product));
    if (turns->capped && !nt_ruling_caps(turns->asking, candidate)) {
        return;
    }
    nt_ruling_take(turns->asking, candidate);
    g_array_append_val(turns->shown, *candidate);
    turns->taken[source]++;
    if (turns->asking->diversity > 0 && turns->shown->len <= MOST_COMPARED) {
        compare_with(turns, candidate);
    }
}

/* Goes on until there are `wanted` or the sources have no more. Where caps keep out much of what is offered, more is
 * offered the next time. */
static bool take_turns(Turns *turns, size_t wanted, GError **error) {
    bool is_more = true;
    for (size_t most = wanted + LEAST_OFFERED; is_more && turns->shown->len < wanted; most *= 2) {
        size_t source;
        if (!make_offers(turns, most, error)) {
            return false;
        }
        is_more = false;
        for (size_t s = 0; s < SOURCES; s++) {
            is_more = is_more || turns->offers[s].products->len >= most;
        }
        while (turns->shown->len < wanted && (source = next_source(turns)) != SOURCES) {
            Offer *offer = &turns->offers[source];
            guint at = best_of(turns, offer);
            if (at == offer->products->len) {
                offer->over = true;
            } else {
                take(turns, source, &g_array_index(offer->products, NtCandidate, at));
            }
        }
    }
    return true;
}

static void set_gone(Turns *turns) {
    g_hash_table_remove_all(turns->gone);
    for (guint i = 0; i < turns->shown->len; i++) {
        g_hash_table_add(turns->gone, GUINT_TO_POINTER(g_array_index(turns->shown, NtCandidate, i).product));
    }
}

bool nt_fill(NtAsking *asking, GArray *shown, size_t wanted, GError **error) {
    g_autoptr(GHashTable) gone = g_hash_table_new(NULL, NULL);
    g_autofree float *vectors = g_new(float, 2 * asking->snapshot->version->view.dim);
    Turns turns = {.asking = asking, .shown = shown, .gone = gone, .vectors = vectors};
    bool ok = true;
    for (int pass = 0; ok && pass < 2 && shown->len < wanted; pass++) {
        guint before = shown->len;
        turns.capped = pass == 0;
        set_gone(&turns);
        ok = take_turns(&turns, wanted, error);
        if (pass == 1 && shown->len > before) {
            nt_ruling_note(&asking->ruling, -1, "caps gave way: too few other products are there");
        }
    }
    clear_offers(&turns);
    return ok;
}
