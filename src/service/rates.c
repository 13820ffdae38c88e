/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets of tokens, one for each who asks. There is a bounded number of them: the one that nobody took from longest
 * goes for a new one. It is full again, or was left by somebody who asks less than all those others. */
#include "service/service-internal.h"

#include <string.h>

enum { MOST_BUCKETS = 65536, BURST_SECONDS = 2 };

typedef struct Bucket {
    char *who;
    double tokens;
    int64_t at; /* monotonic, of the last look */
    GList link; /* in `order` */
} Bucket;

struct ApiRates {
    GMutex lock;
    GHashTable *buckets; /* who -> Bucket */
    GQueue order;        /* Bucket, the one that was looked at last comes last */
};

static void free_bucket(void *data) {
    Bucket *bucket = data;
    g_free(bucket->who);
    g_free(bucket);
}

ApiRates *api_rates_new(void) {
    ApiRates *rates = g_new0(ApiRates, 1);
    g_mutex_init(&rates->lock);
    rates->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_bucket);
    return rates;
}

void api_rates_free(ApiRates *rates) {
    if (rates != NULL) {
        g_hash_table_unref(rates->buckets);
        g_mutex_clear(&rates->lock);
        g_free(rates);
    }
}

/* The bucket of `who`, a full one where there was none; it is now the last in order. */
static Bucket *find(ApiRates *rates, const char *who, double full, int64_t now) {
    Bucket *bucket = g_hash_table_lookup(rates->buckets, who);
    if (bucket != NULL) {
        g_queue_unlink(&rates->order, &bucket->link);
        g_queue_push_tail_link(&rates->order, &bucket->link);
        return bucket;
    }
    if (g_hash_table_size(rates->buckets) >= MOST_BUCKETS) {
        const Bucket *oldest = g_queue_pop_head_link(&rates->order)->data;
        g_hash_table_remove(rates->buckets, oldest->who);
    }
    bucket = g_new(Bucket, 1);
    *bucket = (Bucket){.who = g_strdup(who), .tokens = full, .at = now, .link.data = bucket};
    g_hash_table_insert(rates->buckets, bucket->who, bucket);
    g_queue_push_tail_link(&rates->order, &bucket->link);
    return bucket;
}

bool api_rates_take(ApiRates *rates, const char *who, unsigned rate, unsigned *out_left, unsigned *out_wait) {
    int64_t now = g_get_monotonic_time();
    double most = (double)rate * BURST_SECONDS;
    g_mutex_lock(&rates->lock);
    Bucket *bucket = find(rates, who, most, now);
    bucket->tokens = MIN(most, bucket->tokens + (double)(now - bucket->at) / G_USEC_PER_SEC * rate);
    bucket->at = now;
    bool ok = bucket->tokens >= 1;
    bucket->tokens -= ok;
    *out_left = (unsigned)bucket->tokens;
    *out_wait = ok ? 0 : 1;
    g_mutex_unlock(&rates->lock);
    return ok;
}
