/* SPDX-License-Identifier: Apache-2.0 */
/* What recommending keeps for a catalogue: the events, the space that tastes are found in, what is popular. */
#include "recommend/recommend-internal.h"

#include <math.h>

enum { MOST_POPULAR = 1000, POPULAR_SECONDS = 60, POPULAR_DAYS = 28 };

/* Of impression, view, click, favourite, cart, purchase, dismiss. */
static const double popular_weights[NT_EVENT_KINDS] = {0, 1, 2, 5, 6, 8, -4};

static void unref_scenario(void *data) { nt_scenario_unref(data); }

static NtRecommender *recommender_new(NiteruCatalogue *catalogue) {
    NtRecommender *recommender = g_new0(NtRecommender, 1);
    recommender->catalogue = catalogue;
    recommender->options = nt_taste_defaults();
    g_mutex_init(&recommender->lock);
    g_mutex_init(&recommender->unseen_lock);
    recommender->kept = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, nt_tastes_free_kept);
    recommender->young = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, nt_neighbours_unref);
    recommender->old = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, nt_neighbours_unref);
    recommender->scenarios = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_scenario);
    recommender->beside = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, nt_besides_free);
    return recommender;
}

NtRecommender *nt_recommender_of(NiteruCatalogue *catalogue) {
    g_mutex_lock(&catalogue->lock);
    if (catalogue->recommender == NULL) {
        catalogue->recommender = recommender_new(catalogue);
    }
    NtRecommender *recommender = catalogue->recommender;
    g_mutex_unlock(&catalogue->lock);
    return recommender;
}

void nt_recommender_set_tastes(NtRecommender *recommender, const NtTasteOptions *options) {
    recommender->options = *options;
}

void nt_recommender_free(NtRecommender *recommender) {
    if (recommender != NULL) {
        g_hash_table_unref(recommender->kept);
        g_hash_table_unref(recommender->beside);
        g_hash_table_unref(recommender->scenarios);
        g_hash_table_unref(recommender->young);
        g_hash_table_unref(recommender->old);
        nt_events_close(recommender->events);
        nt_taste_space_clear(&recommender->space);
        g_clear_pointer(&recommender->popular, g_array_unref);
        for (int which = 0; which < NT_UNSEENS; which++) {
            g_clear_pointer(&recommender->unseen[which], g_array_unref);
        }
        g_mutex_clear(&recommender->unseen_lock);
        g_mutex_clear(&recommender->lock);
        g_free(recommender);
    }
}

NtEvents *nt_recommender_events(NtRecommender *recommender, GError **error) {
    g_mutex_lock(&recommender->lock);
    if (recommender->events == NULL) {
        g_autofree char *folder = g_build_filename(recommender->catalogue->folder, "events", NULL);
        recommender->events = nt_events_open(folder, NULL, error);
    }
    NtEvents *events = recommender->events;
    g_mutex_unlock(&recommender->lock);
    return events;
}

bool nt_recommender_product(NtEvents *events, NtCatalogue *db, int64_t number, int64_t *out, GError **error) {
    g_autoptr(GError) gone = NULL;
    g_autofree char *id = nt_events_product_id(events, number, &gone);
    if (id != NULL && nt_catalogue_find_product(db, id, out, &gone)) {
        return true;
    }
    *out = 0;
    return g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) ||
           (g_propagate_error(error, g_steal_pointer(&gone)), false);
}

/* ---- the space ---- */

/* Rows of products, spread by chance over all: the same ones for the same catalogue. */
static size_t sample_rows(const NtVersion *version, float *out) {
    uint64_t state = 0x9e3779b97f4a7c15, rows = version->view.count;
    size_t count = 0;
    g_autoptr(GHashTable) taken = g_hash_table_new(NULL, NULL);
    for (unsigned tries = 0; count < NT_TASTE_SAMPLE && tries < 8 * NT_TASTE_SAMPLE && rows > 0; tries++) {
        state = state * 6364136223846793005 + 1442695040888963407;
        uint64_t row = (state >> 16) % rows;
        uint32_t link;
        if (nt_labels_first(&version->labels, row, &link) != 0 &&
            g_hash_table_add(taken, GSIZE_TO_POINTER((gsize)row + 1))) {
            nt_rows_get(&version->view, row, out + count++ * version->view.dim);
        }
    }
    return count;
}

static bool derive_space(NtRecommender *recommender, const NtVersion *version, const NtWait *wait, GError **error) {
    size_t dim = version->view.dim;
    nt_autofree float *sample = nt_alloc(NT_TASTE_SAMPLE, dim * sizeof(float), "tastes", error);
    if (sample == NULL) {
        return false;
    }
    NtTasteSpace space = {0};
    size_t count = sample_rows(version, sample);
    if (count < 2) { /* of one product there is nothing to tell apart */
        space = (NtTasteSpace){.mean = g_new0(float, dim), .dim = dim, .unit = false};
    } else if (!nt_taste_space_init(sample, count, dim, version->view.metric != NT_METRIC_EUCLIDEAN, wait, &space,
                                    error)) {
        return false;
    }
    nt_taste_space_clear(&recommender->space);
    recommender->space = space;
    recommender->space_model = version->model->model;
    recommender->space_generation = version->model->generation;
    recommender->space_rows = version->view.count;
    return true;
}

bool nt_recommender_space(NtRecommender *recommender, const NtSnapshot *snapshot, const NtWait *wait,
                          const NtTasteSpace **out, GError **error) {
    const NtVersion *version = snapshot->version;
    bool is = recommender->space.mean != NULL && recommender->space_model == version->model->model &&
              recommender->space_generation == version->model->generation &&
              version->view.count <= 2 * recommender->space_rows;
    *out = &recommender->space;
    return is || derive_space(recommender, version, wait, error);
}

/* ---- what is popular ---- */

static gint most_wanted_first(gconstpointer a, gconstpointer b) {
    const NtPopular *one = a, *other = b;
    return one->weight != other->weight ? (one->weight > other->weight ? -1 : 1)
                                        : (one->product > other->product) - (one->product < other->product);
}

static GArray *rank_popular(NtEvents *events, GError **error) {
    int64_t since = g_get_real_time() / 1000 - POPULAR_DAYS * (int64_t)86400000;
    g_autoptr(GArray) counts = nt_events_product_counts(events, since, error);
    if (counts == NULL) {
        return NULL;
    }
    GArray *out = g_array_new(FALSE, FALSE, sizeof(NtPopular));
    for (guint i = 0; i < counts->len; i++) {
        const NtProductCounts *one = &g_array_index(counts, NtProductCounts, i);
        NtPopular popular = {.product = one->product};
        for (int kind = 0; kind < NT_EVENT_KINDS; kind++) {
            popular.weight += popular_weights[kind] * (double)one->kinds[kind];
        }
        if (popular.weight > 0) {
            g_array_append_val(out, popular);
        }
    }
    g_array_sort(out, most_wanted_first);
    g_array_set_size(out, MIN(out->len, MOST_POPULAR));
    return out;
}

GArray *nt_recommender_popular(NtRecommender *recommender, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    if (events == NULL) {
        return NULL;
    }
    g_mutex_lock(&recommender->lock);
    int64_t now = g_get_monotonic_time();
    if (recommender->popular == NULL || now >= recommender->popular_until) {
        GArray *fresh = rank_popular(events, error);
        if (fresh == NULL) {
            g_mutex_unlock(&recommender->lock);
            return NULL;
        }
        g_clear_pointer(&recommender->popular, g_array_unref);
        recommender->popular = fresh;
        recommender->popular_until = now + POPULAR_SECONDS * G_TIME_SPAN_SECOND;
    }
    GArray *popular = g_array_ref(recommender->popular);
    g_mutex_unlock(&recommender->lock);
    return popular;
}
