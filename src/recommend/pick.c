/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which candidates are shown, and in which order. Places go to tastes in proportion to the square of their importance,
 * by the divisors of Sainte-Lague (1910): the next place is the taste's with the greatest importance^2 / (2 places +
 * 1). So each taste that matters is in a short answer, the first place is the most important one's, and what was looked
 * at once, which may have been by chance, has a place where nothing was looked at often. Within a taste the next
 * candidate is the one with the greatest (1 - d) worth - d (likeness to what was picked), maximal marginal relevance
 * (Carbonell and Goldstein, SIGIR 1998).
 */
#include "recommend/rules.h"

#include <math.h>
#include <string.h>

enum {
    MOST_COMPARED = 100 /* candidates of a taste, and picked ones: what is further behind will not come up */
};

typedef struct Picking {
    NtAsking *asking;
    GArray *candidates;
    double *likeness; /* (candidates) the greatest to anything that was picked, 0 .. 1 */
    bool *picked;     /* (candidates) */
    float *vectors;   /* two, (dim) each */
} Picking;

static gint worthiest_first(gconstpointer a, gconstpointer b) {
    const NtCandidate *one = a, *other = b;
    return one->worth != other->worth ? (one->worth > other->worth ? -1 : 1)
                                      : (one->product > other->product) - (one->product < other->product);
}

static bool is_choice(const Picking *picking, guint at, int taste, const NtQuota *quota) {
    const NtCandidate *candidate = &g_array_index(picking->candidates, NtCandidate, at);
    return !picking->picked[at] && (taste < 0 || candidate->taste == taste) &&
           (quota == NULL || nt_quota_wants(quota, candidate));
}

/* The candidate of a taste (-1: of any) that is picked next; candidates->len: there is none. */
static guint best_of(const Picking *picking, int taste, const NtQuota *quota) {
    double d = picking->asking->diversity, best = -INFINITY;
    guint found = picking->candidates->len;
    for (guint i = 0, looked = 0; i < picking->candidates->len && looked < MOST_COMPARED; i++) {
        const NtCandidate *candidate = &g_array_index(picking->candidates, NtCandidate, i);
        if (!is_choice(picking, i, taste, quota)) {
            continue;
        }
        double value = (1 - d) * candidate->worth - d * picking->likeness[i];
        if (value > best) {
            best = value;
            found = i;
        }
        looked++;
    }
    return found;
}

/* The others are like what was picked. */
static void compare_with(Picking *picking, guint at) {
    const NtVersion *version = picking->asking->snapshot->version;
    size_t dim = version->view.dim;
    const NtCandidate *picked = &g_array_index(picking->candidates, NtCandidate, at);
    if (picking->asking->diversity <= 0 || picking->asking->arm != NT_ARM_PERSONAL) {
        return;
    }
    nt_rows_get(&version->view, picked->row, picking->vectors);
    for (guint i = 0, looked = 0; i < picking->candidates->len && looked < MOST_COMPARED; i++) {
        const NtCandidate *other = &g_array_index(picking->candidates, NtCandidate, i);
        if (picking->picked[i] || other->taste != picked->taste) {
            continue;
        }
        nt_rows_get(&version->view, other->row, picking->vectors + dim);
        double raw = nt_metric_value(version->view.metric, picking->vectors, picking->vectors + dim, dim);
        picking->likeness[i] = MAX(picking->likeness[i], nt_scores_of(&version->card->scores, raw) / 100);
        looked++;
    }
}

/* The taste whose turn it is, among those that have a candidate left; -1: none. */
static int next_taste(const NtAsking *asking, const unsigned *places, const bool *over) {
    double most = 0;
    int found = -1;
    for (guint t = 0; t < asking->tastes->len; t++) {
        double importance = g_array_index(asking->tastes, NtTaste, t).importance;
        double claim = importance * importance / (2 * places[t] + 1);
        if (!over[t] && claim > most) {
            most = claim;
            found = (int)t;
        }
    }
    return found;
}

/* Draws from the best candidates, each as likely as the others in each place: what is clicked then is told by the
 * product and the place alone. */
static void draw(const NtAsking *asking, GArray *candidates) {
    guint best = MIN(candidates->len, (guint)MAX(NT_LEAST_DRAWN, 5 * asking->k));
    for (guint i = 0; i < best; i++) {
        guint other = (guint)g_random_int_range((gint32)i, (gint32)best);
        NtCandidate one = g_array_index(candidates, NtCandidate, i);
        g_array_index(candidates, NtCandidate, i) = g_array_index(candidates, NtCandidate, other);
        g_array_index(candidates, NtCandidate, other) = one;
        g_array_index(candidates, NtCandidate, i).probability = 1 / (float)best;
    }
    g_array_set_size(candidates, best);
}

/* ---- picking one after the other ---- */

/* The quota that has fewer places than it should have by now, of `room`; NULL: none. */
static NtQuota *behind(const NtAsking *asking, size_t picked, size_t room) {
    for (guint i = 0; i < asking->ruling.quotas->len; i++) {
        NtQuota *quota = &g_array_index(asking->ruling.quotas, NtQuota, i);
        if (!quota->over && quota->got < quota->needed * (picked + 1) / room) {
            return quota;
        }
    }
    return NULL;
}

/* The next one in the order that they have; candidates->len: there is none. With rules, how likely it was to be this
 * one is what it was after those before. */
static guint next_of(const Picking *picking, const NtQuota *quota) {
    const NtRuling *ruling = &picking->asking->ruling;
    guint found = picking->candidates->len, choices = 0;
    for (guint i = 0; i < picking->candidates->len; i++) {
        if (is_choice(picking, i, -1, quota)) {
            found = MIN(found, i);
            choices++;
        }
    }
    if (choices > 0 && picking->asking->arm == NT_ARM_RANDOM && ruling->quotas->len + ruling->caps->len > 0) {
        g_array_index(picking->candidates, NtCandidate, found).probability = 1 / (float)choices;
    }
    return found;
}

/* The same, by the tastes' turns. *out_taste: whose turn it was. */
static guint choose(const Picking *picking, const NtQuota *quota, const unsigned *places, bool *over, int *out_taste) {
    const NtAsking *asking = picking->asking;
    guint count = picking->candidates->len, at = count;
    *out_taste = -1;
    if (asking->arm != NT_ARM_PERSONAL) {
        return next_of(picking, quota);
    }
    g_autofree bool *own = g_memdup2(over, asking->tastes->len + 1);
    bool *done = quota != NULL ? own : over; /* what has nothing for a quota may have something else */
    do {
        *out_taste = next_taste(asking, places, done);
        at = best_of(picking, *out_taste, quota);
        if (at == count && *out_taste >= 0) {
            done[*out_taste] = true;
        }
    } while (at == count && *out_taste >= 0);
    return at;
}

static void pick_all(Picking *picking, GArray *shown, unsigned *places, bool *over) {
    NtAsking *asking = picking->asking;
    size_t room = nt_ruling_room(asking);
    while (shown->len < room) {
        NtQuota *quota = behind(asking, shown->len, room);
        int taste;
        guint at = choose(picking, quota, places, over, &taste);
        if (at == picking->candidates->len) {
            if (quota == NULL) {
                break;
            }
            quota->over = true;
            nt_ruling_note(&asking->ruling, quota->rule, "fewer places than wanted: no other product matches");
            continue;
        }
        const NtCandidate *candidate = &g_array_index(picking->candidates, NtCandidate, at);
        picking->picked[at] = true;
        if (!nt_ruling_caps(asking, candidate)) {
            continue; /* for good: caps do not grow */
        }
        nt_ruling_take(asking, candidate);
        g_array_append_val(shown, *candidate);
        compare_with(picking, at);
        if (taste >= 0) {
            places[taste]++;
        }
    }
}

void nt_pick(NtAsking *asking, GArray *candidates) {
    guint count, tastes = asking->tastes->len;
    g_array_sort(candidates, worthiest_first);
    if (asking->arm == NT_ARM_RANDOM) {
        draw(asking, candidates);
    }
    count = candidates->len;
    g_autofree double *likeness = g_new0(double, count + 1);
    g_autofree bool *picked = g_new0(bool, count + 1), *over = g_new0(bool, tastes + 1);
    g_autofree unsigned *places = g_new0(unsigned, tastes + 1);
    g_autofree float *vectors = g_new(float, 2 * asking->snapshot->version->view.dim);
    g_autoptr(GArray) shown = g_array_new(FALSE, FALSE, sizeof(NtCandidate));
    Picking picking = {asking, candidates, likeness, picked, vectors};
    pick_all(&picking, shown, places, over);
    g_array_set_size(candidates, 0);
    g_array_append_vals(candidates, shown->data, shown->len);
}
