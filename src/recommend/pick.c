/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which candidates are shown, and in which order. Places go to tastes in proportion to the square of their importance,
 * by the divisors of Sainte-Lague (1910): the next place is the taste's with the greatest importance^2 / (2 places +
 * 1). So each taste that matters is in a short answer, the first place is the most important one's, and what was looked
 * at once, which may have been by chance, has a place where nothing was looked at often. Within a taste the next
 * candidate is the one with the greatest (1 - d) worth - d (likeness to what was picked), maximal marginal relevance
 * (Carbonell and Goldstein, SIGIR 1998).
 */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

enum {
    MOST_COMPARED = 100, /* candidates of a taste, and picked ones: what is further behind will not come up */
    LEAST_DRAWN = 50     /* candidates that an answer by chance is drawn from */
};

typedef struct Picking {
    const NtAsking *asking;
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

/* The candidate of a taste (-1: of any) that is picked next; candidates->len: there is none. */
static guint best_of(const Picking *picking, int taste) {
    double d = picking->asking->query->diversity, best = -INFINITY;
    guint found = picking->candidates->len;
    for (guint i = 0, looked = 0; i < picking->candidates->len && looked < MOST_COMPARED; i++) {
        const NtCandidate *candidate = &g_array_index(picking->candidates, NtCandidate, i);
        if (picking->picked[i] || (taste >= 0 && candidate->taste != taste)) {
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
    if (picking->asking->query->diversity <= 0) {
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
    guint best = MIN(candidates->len, (guint)MAX(LEAST_DRAWN, 5 * asking->k)), shown = MIN(best, (guint)asking->k);
    for (guint i = 0; i < shown; i++) {
        guint other = (guint)g_random_int_range((gint32)i, (gint32)best);
        NtCandidate one = g_array_index(candidates, NtCandidate, i);
        g_array_index(candidates, NtCandidate, i) = g_array_index(candidates, NtCandidate, other);
        g_array_index(candidates, NtCandidate, other) = one;
        g_array_index(candidates, NtCandidate, i).probability = 1 / (float)best;
    }
}

void nt_pick(const NtAsking *asking, GArray *candidates) {
    guint count = candidates->len, tastes = asking->tastes->len;
    g_array_sort(candidates, worthiest_first);
    if (asking->arm == NT_ARM_RANDOM) {
        draw(asking, candidates);
    }
    if (asking->arm != NT_ARM_PERSONAL) {
        g_array_set_size(candidates, MIN(candidates->len, (guint)asking->k));
        return;
    }
    g_autofree double *likeness = g_new0(double, count + 1);
    g_autofree bool *picked = g_new0(bool, count + 1), *over = g_new0(bool, tastes + 1);
    g_autofree unsigned *places = g_new0(unsigned, tastes + 1);
    g_autofree float *vectors = g_new(float, 2 * asking->snapshot->version->view.dim);
    g_autoptr(GArray) shown = g_array_new(FALSE, FALSE, sizeof(NtCandidate));
    Picking picking = {asking, candidates, likeness, picked, vectors};
    while (shown->len < asking->k) {
        int taste = next_taste(asking, places, over);
        guint at = best_of(&picking, taste);
        if (at == count && taste < 0) {
            break;
        }
        if (at == count) {
            over[taste] = true;
            continue;
        }
        picked[at] = true;
        g_array_append_val(shown, g_array_index(candidates, NtCandidate, at));
        compare_with(&picking, at);
        if (taste >= 0) {
            places[taste]++;
        }
    }
    g_array_set_size(candidates, 0);
    g_array_append_vals(candidates, shown->data, shown->len);
}
