/* SPDX-License-Identifier: Apache-2.0 */
/* What was answered, how often and how quickly, in Prometheus' text format (version 0.0.4). */
#include "service/service-internal.h"

#include <string.h>

enum { CLASSES = 5 /* 1xx .. 5xx */, BUCKETS = 12 };

/* Upper ends in microseconds; beyond the last: +Inf. */
static const int64_t ends[BUCKETS] = {500,   1000,   2500,   5000,    10000,   25000,
                                      50000, 100000, 250000, 1000000, 5000000, 30000000};

typedef struct Series {
    gint answers[CLASSES];
    gint buckets[BUCKETS + 1]; /* not cumulated */
    gint64 microseconds;
} Series;

struct ApiMetrics {
    size_t routes;
    Series *series; /* for each route, and the last for those without one */
};

static size_t count_routes(void) {
    size_t count = 0;
    while (api_routes[count].method != NULL) {
        count++;
    }
    return count;
}

ApiMetrics *api_metrics_new(void) {
    ApiMetrics *metrics = g_new0(ApiMetrics, 1);
    metrics->routes = count_routes();
    metrics->series = g_new0(Series, metrics->routes + 1);
    return metrics;
}

void api_metrics_free(ApiMetrics *metrics) {
    if (metrics != NULL) {
        g_free(metrics->series);
        g_free(metrics);
    }
}

void api_metrics_count(ApiMetrics *metrics, const ApiRoute *route, unsigned status, int64_t microseconds) {
    Series *series = &metrics->series[route != NULL ? (size_t)(route - api_routes) : metrics->routes];
    size_t bucket = 0;
    while (bucket < BUCKETS && microseconds > ends[bucket]) {
        bucket++;
    }
    g_atomic_int_inc(&series->answers[CLAMP(status / 100, 1, CLASSES) - 1]);
    g_atomic_int_inc(&series->buckets[bucket]);
    __atomic_add_fetch(&series->microseconds, microseconds, __ATOMIC_RELAXED);
}

static void print_series(GString *out, const char *name, const Series *series) {
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    guint total = 0;
    for (size_t i = 0; i <= BUCKETS; i++) {
        total += (guint)g_atomic_int_get(&series->buckets[i]);
        g_string_append_printf(
            out, "niteru_request_seconds_bucket{route=\"%s\",le=\"%s\"} %u\n", name,
            i < BUCKETS ? g_ascii_formatd(digits, sizeof digits, "%.10g", (double)ends[i] / 1e6) : "+Inf", total);
    }
    g_string_append_printf(
        out, "niteru_request_seconds_sum{route=\"%s\"} %s\nniteru_request_seconds_count{route=\"%s\"} %u\n", name,
        g_ascii_formatd(digits, sizeof digits, "%.6f",
                        (double)__atomic_load_n(&series->microseconds, __ATOMIC_RELAXED) / 1e6),
        name, total);
}

static void print_routes(GString *out, const ApiMetrics *metrics) {
    g_string_append(out, "# HELP niteru_requests_total Requests answered, by route and class of status.\n"
                         "# TYPE niteru_requests_total counter\n");
    for (size_t i = 0; i <= metrics->routes; i++) {
        const char *name = i < metrics->routes ? api_routes[i].name : "none";
        for (size_t class = 0; class < CLASSES; class ++) {
            guint count = (guint)g_atomic_int_get(&metrics->series[i].answers[class]);
            if (count > 0) {
                g_string_append_printf(out, "niteru_requests_total{route=\"%s\",status=\"%zuxx\"} %u\n", name,
                                       class + 1, count);
            }
        }
    }
    g_string_append(out, "# HELP niteru_request_seconds From the head of a request to its answer.\n"
                         "# TYPE niteru_request_seconds histogram\n");
    for (size_t i = 0; i <= metrics->routes; i++) {
        if (__atomic_load_n(&metrics->series[i].microseconds, __ATOMIC_RELAXED) > 0) {
            print_series(out, i < metrics->routes ? api_routes[i].name : "none", &metrics->series[i]);
        }
    }
}

static void print_one(GString *out, const char *name, const char *type, const char *help, uint64_t value) {
    g_string_append_printf(out, "# HELP niteru_%s %s\n# TYPE niteru_%s %s\nniteru_%s %" G_GUINT64_FORMAT "\n", name,
                           help, name, type, name, value);
}

static void print_memory(GString *out, ApiMemory *memory) {
    ApiMemoryState state = api_memory_look(memory);
    if (state.total > 0) {
        print_one(out, "memory_available_bytes", "gauge", "Memory that can be taken before the machine swaps.",
                  state.available);
        print_one(out, "memory_reserve_bytes", "gauge", "Memory that is to be left.", state.reserve);
    }
    print_one(out, "memory_refused_total", "counter", "Requests refused because little memory was left.",
              api_memory_refused(memory));
}

void api_run_metrics(ApiCall *call) {
    NtService *service = call->service;
    NtHttpCounts counts;
    nt_http_server_counts(service->server, &counts);
    g_autoptr(GString) out = g_string_new(NULL);
    print_routes(out, service->metrics);
    print_one(out, "connections", "gauge", "Connections that are open.", counts.open);
    print_one(out, "connections_accepted_total", "counter", "Connections accepted.", counts.accepted);
    print_one(out, "connections_refused_total", "counter", "Connections refused: over a limit.", counts.refused);
    print_one(out, "requests_malformed_total", "counter", "Requests refused as malformed, too large or too slow.",
              counts.faults);
    print_one(out, "connections_timed_out_total", "counter", "Connections that met a deadline.", counts.timeouts);
    print_one(out, "body_bytes", "gauge", "Bytes of request bodies in memory.", counts.body_bytes);
    print_one(out, "waiting_reads", "gauge", "Calls that wait to read.", api_workers_waiting(service->readers));
    print_one(out, "waiting_photos", "gauge", "Photos that wait to be embedded.",
              api_workers_waiting(service->embedders));
    print_one(out, "waiting_writes", "gauge", "Calls that wait to write.", api_workers_waiting(service->writers));
    print_memory(out, service->memory);
    print_one(out, "uptime_seconds", "gauge", "Since the start.",
              (uint64_t)(g_get_monotonic_time() - service->started) / G_USEC_PER_SEC);
    gsize size = out->len;
    nt_http_answer(call->request, 200, "text/plain; version=0.0.4; charset=utf-8",
                   g_bytes_new_take(g_string_free(g_steal_pointer(&out), FALSE), size));
}
