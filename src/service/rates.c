/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of tokens, one for each who asks; full ones are forgotten, so that their number stays bounded. */
#include "service/service-internal.h"

#include <string.h>

enum { MOST_BUCKETS = 65536, BURST_SECONDS = 2 };

typedef struct Bucket {
    double tokens;
    int64_t at; /* monotonic, of the last look */
} Bucket;

struct ApiRates {
    GMutex lock;
    GHashTable *buckets; /* who -> Bucket */
};

ApiRates *api_rates_new(void) {
    ApiRates *rates = g_new0(ApiRates, 1);
    g_mutex_init(&rates->lock);
    rates->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return rates;
}

void api_rates_free(ApiRates *rates) {
    if (rates != NULL) {
        g_hash_table_unref(rates->buckets);
        g_mutex_clear(&rates->lock);
        g_free(rates);
    }
}

static gboolean is_old(gpointer who, gpointer value, gpointer now) {
    return *(const int64_t *)now - ((const Bucket *)value)->at > BURST_SECONDS * G_USEC_PER_SEC;
}

bool api_rates_take(ApiRates *rates, const char *who, unsigned rate, unsigned *out_left, unsigned *out_wait) {
    int64_t now = g_get_monotonic_time();
    double most = (double)rate * BURST_SECONDS;
    g_mutex_lock(&rates->lock);
    Bucket *bucket = g_hash_table_lookup(rates->buckets, who);
    if (bucket == NULL) {
        if (g_hash_table_size(rates->buckets) >= MOST_BUCKETS) {
            g_hash_table_foreach_remove(rates->buckets, is_old, &now);
        }
        if (g_hash_table_size(rates->buckets) >= MOST_BUCKETS) { /* so many at once: all begin anew */
            g_hash_table_remove_all(rates->buckets);
        }
        bucket = g_new(Bucket, 1);
        *bucket = (Bucket){most, now};
        g_hash_table_insert(rates->buckets, g_strdup(who), bucket);
    }
    bucket->tokens = MIN(most, bucket->tokens + (double)(now - bucket->at) / G_USEC_PER_SEC * rate);
    bucket->at = now;
    bool ok = bucket->tokens >= 1;
    bucket->tokens -= ok;
    *out_left = (unsigned)bucket->tokens;
    *out_wait = ok ? 0 : 1;
    g_mutex_unlock(&rates->lock);
    return ok;
}
