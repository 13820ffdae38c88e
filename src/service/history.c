/* SPDX-License-Identifier: Apache-2.0 */
/* How quickly requests were answered, minute by minute, and what went wrong last: for people who look, where /metrics
 * is for programs that gather. */
#include "service/service-internal.h"

#include <math.h>
#include <string.h>

/* Times fall into buckets whose ends are a quarter of an octave apart, from 16 us on: so a percentile is right within
 * 19 %. */
enum { MINUTES = 180, BUCKETS = 84, PER_OCTAVE = 4, SHORTEST = 16 /* us */, MOST_ERRORS = 100 };

typedef enum Kind { SEARCHES, PHOTO_SEARCHES, WRITES, KINDS } Kind;
static const char *const kinds[KINDS] = {"searches", "photo_searches", "writes"};

typedef struct Minute {
    int64_t minute; /* since 1970; 0: none */
    uint32_t counts[KINDS][BUCKETS];
} Minute;

typedef struct Fault {
    int64_t time; /* seconds since 1970 */
    const char *level;
    char *message;
} Fault;

struct ApiHistory {
    GMutex lock;
    Minute minutes[MINUTES]; /* minute m in place m % MINUTES */
    GQueue faults;           /* Fault, the newest first */
};

static void free_fault(void *data) {
    Fault *fault = data;
    g_free(fault->message);
    g_free(fault);
}

ApiHistory *api_history_new(void) {
    ApiHistory *history = g_new0(ApiHistory, 1);
    g_mutex_init(&history->lock);
    g_queue_init(&history->faults);
    return history;
}

void api_history_free(ApiHistory *history) {
    if (history != NULL) {
        g_queue_clear_full(&history->faults, free_fault);
        g_mutex_clear(&history->lock);
        g_free(history);
    }
}

static Kind kind_of(const ApiRoute *route) {
    return route->run == api_run_search_image                                         ? PHOTO_SEARCHES
           : strcmp(route->tag, "search") == 0                                        ? SEARCHES
           : strcmp(route->method, "GET") != 0 && strcmp(route->tag, "products") == 0 ? WRITES
                                                                                      : KINDS;
}

static int64_t minute_now(void) { return g_get_real_time() / (60 * G_TIME_SPAN_SECOND); }

void api_history_count(ApiHistory *history, const ApiRoute *route, int64_t microseconds) {
    Kind kind = route != NULL ? kind_of(route) : KINDS;
    if (kind == KINDS) {
        return;
    }
    double octaves = log2((double)MAX(microseconds, SHORTEST) / SHORTEST);
    size_t bucket = MIN((size_t)(octaves * PER_OCTAVE), BUCKETS - 1);
    int64_t now = minute_now();
    g_mutex_lock(&history->lock);
    Minute *minute = &history->minutes[now % MINUTES];
    if (minute->minute != now) {
        *minute = (Minute){.minute = now};
    }
    minute->counts[kind][bucket]++;
    g_mutex_unlock(&history->lock);
}

void api_history_fault(ApiHistory *history, const char *level, const char *message) {
    Fault *fault = g_new(Fault, 1);
    *fault = (Fault){g_get_real_time() / G_USEC_PER_SEC, level, nt_text_message(message, 1000)};
    g_mutex_lock(&history->lock);
    g_queue_push_head(&history->faults, fault);
    if (history->faults.length > MOST_ERRORS) {
        free_fault(g_queue_pop_tail(&history->faults));
    }
    g_mutex_unlock(&history->lock);
}

/* The upper end, in milliseconds, of the bucket in which this share of the answers is reached. */
static double percentile(const uint32_t counts[BUCKETS], uint64_t total, double share) {
    uint64_t seen = 0, wanted = (uint64_t)ceil(share * (double)total);
    size_t bucket = 0;
    while (bucket + 1 < BUCKETS && (seen += counts[bucket]) < wanted) {
        bucket++;
    }
    return SHORTEST * exp2((double)(bucket + 1) / PER_OCTAVE) / 1000;
}

static NtJson *show_minute(const Minute *minute, Kind kind) {
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        total += minute->counts[kind][i];
    }
    if (total == 0) {
        return NULL;
    }
    NtJson *out = nt_json_set(nt_json_object(), "time", nt_json_integer(minute->minute * 60));
    nt_json_set(out, "count", nt_json_integer((int64_t)total));
    nt_json_set(out, "p50_ms", nt_json_real(percentile(minute->counts[kind], total, 0.5)));
    nt_json_set(out, "p95_ms", nt_json_real(percentile(minute->counts[kind], total, 0.95)));
    return nt_json_set(out, "p99_ms", nt_json_real(percentile(minute->counts[kind], total, 0.99)));
}

NtJson *api_history_latency(ApiHistory *history) {
    NtJson *out = nt_json_object();
    int64_t now = minute_now();
    g_mutex_lock(&history->lock);
    for (Kind kind = 0; kind < KINDS; kind++) {
        NtJson *series = nt_json_array();
        for (int64_t at = now - MINUTES + 1; at <= now; at++) {
            const Minute *minute = &history->minutes[at % MINUTES];
            NtJson *shown = minute->minute == at ? show_minute(minute, kind) : NULL;
            if (shown != NULL) {
                nt_json_append(series, shown);
            }
        }
        nt_json_set(out, kinds[kind], series);
    }
    g_mutex_unlock(&history->lock);
    return out;
}

NtJson *api_history_faults(ApiHistory *history) {
    NtJson *out = nt_json_array();
    g_mutex_lock(&history->lock);
    for (const GList *link = history->faults.head; link != NULL; link = link->next) {
        const Fault *fault = link->data;
        NtJson *item = nt_json_set(nt_json_object(), "time", nt_json_integer(fault->time));
        nt_json_set(item, "level", nt_json_string(fault->level));
        nt_json_append(out, nt_json_set(item, "message", nt_json_string(fault->message)));
    }
    g_mutex_unlock(&history->lock);
    return out;
}
