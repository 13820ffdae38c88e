/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a visitor did, as products with weights. Each action weighs by its kind and the less the longer ago it was,
 * exp(-age / 100 days) where nothing else is set, as PinnerSage has it (Pal and others, KDD 2020, section 4.3). What
 * was turned away weighs against; what was bought is a strong sign of taste.
 */
#include "recommend/recommend-internal.h"

#include <math.h>

enum { MOST_ACTIONS = 500, DAY_MS = 86400000 };
/* So much weighs one product at most, in purchases of today: whoever looks at one thing for ever has other tastes too.
 */
#define MOST_WEIGHT 2.0

NtTasteOptions nt_taste_defaults(void) {
    return (NtTasteOptions){.weights = {0, 1, 2, 5, 6, 8, -8}, .window_days = 90, .decay_days = 100};
}

void nt_visitor_clear(NtVisitor *visitor) { g_clear_pointer(&visitor->touched, g_array_unref); }

uint32_t nt_snapshot_row(const NtSnapshot *snapshot, uint32_t product) {
    uint32_t link, row = nt_labels_first(&snapshot->version->products, product, &link);
    return row != 0 ? row - 1 : UINT32_MAX;
}

/* What a visitor did, on its way to products with weights. */
typedef struct Reading {
    NtRecommender *recommender;
    const NtSnapshot *snapshot;
    int64_t now, since;
    NtVisitor *out;
    GHashTable *places; /* of products among what was touched, from 1 */
} Reading;

/* `muted`: the visitor deleted the taste, so this is no sign of it; that it was seen, bought or turned away stays. */
static void add_action(Reading *reading, uint32_t product, int64_t number, NtEventKind kind, int64_t time, bool muted) {
    guint place = GPOINTER_TO_UINT(g_hash_table_lookup(reading->places, GUINT_TO_POINTER(product)));
    if (place == 0) {
        NtTouched fresh = {.product = product, .row = nt_snapshot_row(reading->snapshot, product), .number = number};
        g_array_append_val(reading->out->touched, fresh);
        place = reading->out->touched->len;
        g_hash_table_insert(reading->places, GUINT_TO_POINTER(product), GUINT_TO_POINTER(place));
    }
    NtTouched *touched = &g_array_index(reading->out->touched, NtTouched, place - 1);
    const NtTasteOptions *options = &reading->recommender->options;
    double days = MAX(0, (double)(reading->now - time) / DAY_MS), weight = options->weights[kind];
    touched->weight += muted && weight > 0 ? 0 : weight * exp(-days / options->decay_days);
    touched->weight = MIN(touched->weight, MOST_WEIGHT * MAX(options->weights[NT_EVENT_PURCHASE], 1));
    touched->newest = MAX(touched->newest, time);
    touched->kinds |= 1U << kind;
}

static bool add_stored(Reading *reading, const char *visitor, GError **error) {
    NtEvents *events = nt_recommender_events(reading->recommender, error);
    g_autoptr(GArray) actions =
        events != NULL ? nt_events_history(events, visitor, reading->since, MOST_ACTIONS, error) : NULL;
    g_autoptr(GHashTable) muted = actions != NULL ? nt_events_muted(events, visitor, error) : NULL;
    if (muted == NULL) {
        return false;
    }
    /* Products of today by the store's numbers; 0: it is gone. */
    g_autoptr(GHashTable) products = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    reading->out->state = nt_xxh3(actions->data, actions->len * sizeof(NtAction), g_hash_table_size(muted));
    for (guint i = 0; i < actions->len; i++) {
        const NtAction *action = &g_array_index(actions, NtAction, i);
        void *known;
        int64_t product;
        if (g_hash_table_lookup_extended(products, &action->product, NULL, &known)) {
            product = GPOINTER_TO_UINT(known);
        } else if (nt_recommender_product(events, reading->snapshot->reader.db, action->product, &product, error)) {
            g_hash_table_insert(products, g_memdup2(&action->product, sizeof action->product),
                                GUINT_TO_POINTER((guint)product));
        } else {
            return false;
        }
        if (product != 0) {
            const int64_t *until = g_hash_table_lookup(muted, &action->product);
            bool is_muted = until != NULL && action->time <= *until;
            add_action(reading, (uint32_t)product, action->product, action->kind, action->time, is_muted);
        }
    }
    return true;
}

static gint newest_event_first(gconstpointer a, gconstpointer b) {
    int64_t one = (*(const NtEvent *const *)a)->time, other = (*(const NtEvent *const *)b)->time;
    return (one < other) - (one > other);
}

static gint newest_product_first(gconstpointer a, gconstpointer b) {
    int64_t one = ((const NtTouched *)a)->newest, other = ((const NtTouched *)b)->newest;
    return (one < other) - (one > other);
}

static bool add_given(Reading *reading, const GArray *given, GError **error) {
    NtEvents *events = nt_recommender_events(reading->recommender, error);
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    if (events == NULL) {
        return false;
    }
    for (guint i = given->len; i > 0; i--) { /* of one moment the last one is the newest */
        const NtEvent *event = &g_array_index(given, NtEvent, i - 1);
        if (event->kind != NT_EVENT_IMPRESSION && event->time >= reading->since) {
            g_ptr_array_add(order, (void *)event);
        }
    }
    g_ptr_array_sort(order, newest_event_first);
    for (guint i = 0; i < order->len; i++) {
        const NtEvent *event = order->pdata[i];
        int64_t product, number;
        g_autoptr(GError) gone = NULL;
        if (nt_catalogue_find_product(reading->snapshot->reader.db, event->product, &product, &gone)) {
            if (!nt_events_product_number(events, event->product, &number, error)) {
                return false;
            }
            add_action(reading, (uint32_t)product, number, event->kind, event->time, false);
        } else if (!g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&gone));
            return false;
        }
    }
    return true;
}

bool nt_visitor_read(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor, const GArray *given,
                     int64_t now, NtVisitor *out, GError **error) {
    g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
    Reading reading = {recommender, snapshot, now, now - recommender->options.window_days * (int64_t)DAY_MS,
                       out,         places};
    out->touched = g_array_new(FALSE, TRUE, sizeof(NtTouched));
    if ((given != NULL && !add_given(&reading, given, error)) ||
        (visitor != NULL && !add_stored(&reading, visitor, error))) {
        return false;
    }
    g_array_sort(out->touched, newest_product_first); /* it keeps the order of those of one moment */
    return true;
}
