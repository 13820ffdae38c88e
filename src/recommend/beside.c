/* SPDX-License-Identifier: Apache-2.0 */
/* What goes with a product, kept for a while: reading it costs as much as a search, and it changes slowly. */
#include "recommend/recommend-internal.h"

enum { MOST_BESIDES = 4096, KEPT_SECONDS = 600 };

typedef struct Besides {
    gint64 until;     /* monotonic */
    GArray *pairs;    /* NtPair */
    uint64_t commits; /* of the catalogue that `found` is of */
    GArray *found;    /* NtBeside: those of `pairs` that are there now */
} Besides;

void nt_besides_free(void *data) {
    Besides *besides = data;
    g_clear_pointer(&besides->pairs, g_array_unref);
    g_clear_pointer(&besides->found, g_array_unref);
    g_free(besides);
}

/* The products of now that pairs are. */
static GArray *find_now(NtEvents *events, const NtSnapshot *snapshot, const GArray *pairs, GError **error) {
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(NtBeside));
    for (guint i = 0; i < pairs->len; i++) {
        const NtPair *pair = &g_array_index(pairs, NtPair, i);
        int64_t product;
        if (!nt_recommender_product(events, snapshot->reader.db, pair->product, &product, error)) {
            return NULL;
        }
        NtBeside beside = {.product = (uint32_t)product,
                           .row = product != 0 ? nt_snapshot_row(snapshot, (uint32_t)product) : UINT32_MAX,
                           .strength = pair->strength};
        if (beside.row != UINT32_MAX) {
            g_array_append_val(out, beside);
        }
    }
    return g_steal_pointer(&out);
}

/* With `lock` held: what is kept; NULL: nothing that is new enough. */
static Besides *look_up(NtRecommender *recommender, int64_t key) {
    Besides *besides = g_hash_table_lookup(recommender->beside, &key);
    return besides != NULL && g_get_monotonic_time() < besides->until ? besides : NULL;
}

static void keep(NtRecommender *recommender, int64_t key, Besides *besides) {
    g_mutex_lock(&recommender->lock);
    if (g_hash_table_size(recommender->beside) >= MOST_BESIDES) {
        g_hash_table_remove_all(recommender->beside);
    }
    g_hash_table_insert(recommender->beside, g_memdup2(&key, sizeof key), besides);
    g_mutex_unlock(&recommender->lock);
}

GArray *nt_recommender_beside(NtRecommender *recommender, const NtSnapshot *snapshot, int64_t number, NtPairKind kind,
                              GError **error) {
    int64_t key = number * NT_PAIR_KINDS + (int64_t)kind;
    NtEvents *events = nt_recommender_events(recommender, error);
    g_autoptr(GArray) pairs = NULL;
    if (events == NULL) {
        return NULL;
    }
    g_mutex_lock(&recommender->lock);
    Besides *besides = look_up(recommender, key);
    GArray *found = besides != NULL && besides->commits == snapshot->commits ? g_array_ref(besides->found) : NULL;
    gint64 until = besides != NULL ? besides->until : g_get_monotonic_time() + KEPT_SECONDS * G_TIME_SPAN_SECOND;
    pairs = besides != NULL ? g_array_ref(besides->pairs) : NULL;
    g_mutex_unlock(&recommender->lock);
    if (found != NULL) {
        return found;
    }
    if (pairs == NULL && (pairs = nt_events_pairs(events, number, kind, g_get_real_time() / 1000, error)) == NULL) {
        return NULL;
    }
    if ((found = find_now(events, snapshot, pairs, error)) != NULL) {
        Besides *fresh = g_new0(Besides, 1);
        *fresh = (Besides){until, g_array_ref(pairs), snapshot->commits, g_array_ref(found)};
        keep(recommender, key, fresh);
    }
    return found;
}
