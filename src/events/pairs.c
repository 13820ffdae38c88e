/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes with what: products that the same visitors had to do with at about the same time. Read when it is asked
 * for, from the last visitors of a product, so that a million pairs need not be counted with every event, one visitor
 * counts once, and whoever is erased is gone from here too. How often a product is wanted at all is divided by (the
 * cosine of item-based collaborative filtering; Sarwar and others, WWW 2001, section 3.1), so that what everybody looks
 * at does not go with everything; few visitors are believed less than many.
 */
#include "events/events-internal.h"

#include <math.h>

enum { MOST_VISITORS = 200, MOST_BESIDE = 50, LEAST_VISITORS = 2, WEEKS = 8 };
#define BELIEVED 8.0 /* visitors, at which a pair is worth half of what many would make it */

/* Kinds of events that pair, and how long before and after. */
static const struct {
    int64_t first, last, within;
} rules[NT_PAIR_KINDS] = {{NT_EVENT_VIEW, NT_EVENT_PURCHASE, 3600000}, {NT_EVENT_CART, NT_EVENT_PURCHASE, 86400000}};

typedef struct Pairing {
    int64_t product;
    NtPairKind kind;
    GHashTable *visitors; /* those who were counted */
    GHashTable *beside;   /* product -> how many had to do with it too */
} Pairing;

static bool add_visitor(Pairing *pairing, NtSql *sql, int64_t visitor, int64_t time, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!g_hash_table_add(pairing->visitors, g_memdup2(&visitor, sizeof visitor))) {
        return true;
    }
    int64_t within = rules[pairing->kind].within;
    int step = nt_query_open(&query, sql, error,
                             "SELECT DISTINCT product FROM event WHERE kind <> 0 AND visitor = ?1"
                             " AND time BETWEEN ?2 AND ?3 AND kind BETWEEN ?4 AND ?5 AND product <> ?6 LIMIT ?7",
                             "iiiiiii", visitor, time - within, time + within, rules[pairing->kind].first,
                             rules[pairing->kind].last, pairing->product, (int64_t)MOST_BESIDE)
                   ? 1
                   : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        int64_t product = nt_column_int(&query, 0);
        unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(pairing->beside, &product));
        g_hash_table_insert(pairing->beside, g_memdup2(&product, sizeof product), GUINT_TO_POINTER(count + 1));
    }
    return step == 0;
}

/* The last visitors of a week. */
static bool add_week(Pairing *pairing, NtSql *sql, GError **error) {
    for (int64_t kind = rules[pairing->kind].first; kind <= rules[pairing->kind].last; kind++) {
        g_auto(NtQuery) query = {0};
        int step = nt_query_open(&query, sql, error,
                                 "SELECT visitor, time FROM event WHERE kind <> 0 AND product = ?1 AND kind = ?2"
                                 " ORDER BY time DESC LIMIT ?3",
                                 "iii", pairing->product, kind, (int64_t)MOST_VISITORS)
                       ? 1
                       : -1;
        while (step > 0 && g_hash_table_size(pairing->visitors) < MOST_VISITORS &&
               (step = nt_query_step(&query, error)) == 1) {
            if (!add_visitor(pairing, sql, nt_column_int(&query, 0), nt_column_int(&query, 1), error)) {
                return false;
            }
        }
        if (step < 0) {
            return false;
        }
    }
    return true;
}

/* How often a product is wanted, of the kinds that pair. */
static bool count_wanted(const Pairing *pairing, const GPtrArray *weeks, int64_t product, double *out, GError **error) {
    *out = 0;
    for (guint i = 0; i < weeks->len; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        int64_t count = 0;
        g_mutex_lock(&db->read_lock);
        bool ok = nt_sql_int(&db->read, 0, &count, error,
                             "SELECT sum(count) FROM product_count WHERE product = ?1 AND kind BETWEEN ?2 AND ?3",
                             "iii", product, rules[pairing->kind].first, rules[pairing->kind].last);
        g_mutex_unlock(&db->read_lock);
        if (!ok) {
            return false;
        }
        *out += (double)count;
    }
    return true;
}

static gint most_visitors_first(gconstpointer a, gconstpointer b) {
    const NtPair *one = a, *other = b;
    return one->visitors != other->visitors ? (one->visitors > other->visitors ? -1 : 1)
                                            : (one->product > other->product) - (one->product < other->product);
}

static gint strongest_first(gconstpointer a, gconstpointer b) {
    const NtPair *one = a, *other = b;
    return one->strength != other->strength ? (one->strength > other->strength ? -1 : 1) : most_visitors_first(a, b);
}

static bool rank(const Pairing *pairing, const GPtrArray *weeks, GArray *out, GError **error) {
    GHashTableIter iter;
    void *product, *count;
    g_hash_table_iter_init(&iter, pairing->beside);
    while (g_hash_table_iter_next(&iter, &product, &count)) {
        NtPair pair = {.product = *(int64_t *)product, .visitors = GPOINTER_TO_UINT(count)};
        if (pair.visitors >= LEAST_VISITORS) {
            g_array_append_val(out, pair);
        }
    }
    g_array_sort(out, most_visitors_first);
    g_array_set_size(out, MIN(out->len, NT_MOST_PAIRS));
    for (guint i = 0; i < out->len; i++) {
        NtPair *pair = &g_array_index(out, NtPair, i);
        double wanted, visitors = pair->visitors;
        if (!count_wanted(pairing, weeks, pair->product, &wanted, error)) {
            return false;
        }
        pair->strength = (float)(visitors / sqrt(MAX(wanted, visitors)));
    }
    float most = 0;
    for (guint i = 0; i < out->len; i++) {
        most = MAX(most, g_array_index(out, NtPair, i).strength);
    }
    for (guint i = 0; i < out->len; i++) {
        NtPair *pair = &g_array_index(out, NtPair, i);
        pair->strength *= (float)(pair->visitors / (pair->visitors + BELIEVED)) / most;
    }
    g_array_sort(out, strongest_first);
    return true;
}

GArray *nt_events_pairs(NtEvents *events, int64_t product, NtPairKind kind, int64_t now, GError **error) {
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(NtPair));
    g_autoptr(GHashTable) visitors = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GHashTable) beside = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    g_autoptr(GPtrArray) weeks = NULL;
    Pairing pairing = {product, kind, visitors, beside};
    if (!nt_events_weeks(events, now - WEEKS * (int64_t)NT_WEEK_MS, &weeks, error)) {
        return NULL;
    }
    for (guint i = 0; i < weeks->len && g_hash_table_size(visitors) < MOST_VISITORS; i++) {
        NtEventsDb *db = ((NtWeek *)weeks->pdata[i])->db;
        g_mutex_lock(&db->read_lock);
        bool ok = add_week(&pairing, &db->read, error);
        g_mutex_unlock(&db->read_lock);
        if (!ok) {
            return NULL;
        }
    }
    return rank(&pairing, weeks, out, error) ? g_steal_pointer(&out) : NULL;
}
