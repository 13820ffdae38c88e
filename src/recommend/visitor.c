/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a visitor did, as products with weights. Each action weighs by its kind and the less the longer ago it was,
 * exp(-age / 100 days), as PinnerSage has it (Pal and others, KDD 2020, section 4.3). What was turned away weighs
 * against; what was bought is a strong sign of taste.
 */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

enum { MOST_ACTIONS = 500, WINDOW_DAYS = 90 };
#define DECAY_PER_DAY 0.01
/* So much weighs one product at most, in purchases of today: whoever looks at one thing for ever has other tastes too.
 */
#define MOST_WEIGHT 16.0

/* Of impression, view, click, favourite, cart, purchase, dismiss. */
static const double weights[NT_EVENT_KINDS] = {0, 1, 2, 5, 6, 8, -8};

void nt_visitor_clear(NtVisitor *visitor) { g_clear_pointer(&visitor->touched, g_array_unref); }

uint32_t nt_snapshot_row(const NtSnapshot *snapshot, uint32_t product) {
    uint32_t link, row = nt_labels_first(&snapshot->version->products, product, &link);
    return row != 0 ? row - 1 : UINT32_MAX;
}

/* `muted`: the visitor deleted the taste, so this is no sign of it; that it was seen, bought or turned away stays. */
static void add_action(NtTouched *touched, const NtAction *action, bool muted, int64_t now) {
    double days = MAX(0, (double)(now - action->time) / 86400000);
    touched->weight += muted && weights[action->kind] > 0 ? 0 : weights[action->kind] * exp(-DECAY_PER_DAY * days);
    touched->weight = MIN(touched->weight, MOST_WEIGHT);
    touched->newest = MAX(touched->newest, action->time);
    touched->kinds |= 1U << action->kind;
}

bool nt_visitor_read(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor, int64_t now,
                     NtVisitor *out, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    g_autoptr(GArray) actions =
        events != NULL ? nt_events_history(events, visitor, now - WINDOW_DAYS * (int64_t)86400000, MOST_ACTIONS, error)
                       : NULL;
    g_autoptr(GHashTable) muted = actions != NULL ? nt_events_muted(events, visitor, error) : NULL;
    if (muted == NULL) {
        return false;
    }
    g_autoptr(GHashTable) places = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    out->touched = g_array_new(FALSE, TRUE, sizeof(NtTouched));
    out->state = nt_xxh3(actions->data, actions->len * sizeof(NtAction), g_hash_table_size(muted));
    for (guint i = 0; i < actions->len; i++) {
        const NtAction *action = &g_array_index(actions, NtAction, i);
        void *place;
        if (!g_hash_table_lookup_extended(places, &action->product, NULL, &place)) {
            int64_t product;
            if (!nt_recommender_product(events, snapshot, action->product, &product, error)) {
                return false;
            }
            NtTouched touched = {.product = (uint32_t)product,
                                 .row = nt_snapshot_row(snapshot, (uint32_t)product),
                                 .number = action->product};
            place = GUINT_TO_POINTER(product != 0 ? out->touched->len + 1 : 0);
            if (product != 0) {
                g_array_append_val(out->touched, touched);
            }
            g_hash_table_insert(places, g_memdup2(&action->product, sizeof action->product), place);
        }
        if (place != NULL) {
            const int64_t *until = g_hash_table_lookup(muted, &action->product);
            NtTouched *touched = &g_array_index(out->touched, NtTouched, GPOINTER_TO_UINT(place) - 1);
            add_action(touched, action, until != NULL && action->time <= *until, now);
        }
    }
    return true;
}
