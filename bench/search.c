/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exact search beside the memory it reads. usage: search [--rows N] [--dim D] [--rounds R] [--csv FILE]
 *
 * One query against a vectors file of N x D float16 (100,000 x 1,280), in one thread on one core, for each metric; and
 * beside it the least that reading these bytes can cost: a sum of them with the widest loads this CPU has. All take
 * turns over the same mapping, so that whatever else the machine does falls on all. `_of_sum` is the median over the
 * rounds of the rate of the search divided by the rate of the sum; 0.7 and more is wanted. For information: 16 queries
 * at once, and two threads.
 *
 * Then, among N rows of 512 numbers: the time of a search for distinct labels divided by that of the plain scan, in
 * turns too. One label a row; half, a tenth and so on of the labels allowed; one row shared by N labels, which is the
 * nearest one.
 *
 * Prints CSV: figure,value,unit. FILE gets the same lines at its end.
 */
#include "base/base.h"
#include "index/index.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib/gstdio.h>

enum { K = 10, BATCH = 16, METRICS = 3, LABELS_DIM = 512 };

static double now(void) { return (double)g_get_monotonic_time() * 1e-6; }

static void die(GError *error) {
    fprintf(stderr, "search: %s\n", error->message);
    exit(1);
}

/* ---- the sum ---- */

typedef uint64_t Wide __attribute__((vector_size(64)));
typedef uint64_t (*Sum)(const uint8_t *data, size_t size);

/* The sum of `size` (a multiple of 64) bytes, taken as 64-bit numbers: eight sums, so that none waits for another. */
#define SUM_OF(name, target, fetch)                                                                                    \
    target static uint64_t name(const uint8_t *data, size_t size) {                                                    \
        const Wide *at = (const Wide *)data, *end = at + size / sizeof(Wide);                                          \
        Wide sums[8] = {0};                                                                                            \
        for (; at + 8 <= end; at += 8) {                                                                               \
            _Pragma("GCC unroll 8") for (size_t i = 0; i < 8; i++) {                                                   \
                fetch(at + 64 + i);                                                                                    \
                sums[i] += at[i];                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        for (; at < end; at++) {                                                                                       \
            sums[0] += *at;                                                                                            \
        }                                                                                                              \
        uint64_t all = 0;                                                                                              \
        for (size_t i = 0; i < 64; i++) {                                                                              \
            all += sums[i / 8][i % 8];                                                                                 \
        }                                                                                                              \
        return all;                                                                                                    \
    }

/* Asking for the page ahead helps some memories and hurts others: both are tried, and the faster one counts. */
#define FETCH(at) __builtin_prefetch(at)
#define NOTHING(at) (void)(at)

SUM_OF(sum_c, , NOTHING)
#if defined(__x86_64__)
SUM_OF(sum_avx2, __attribute__((target("avx2"))), NOTHING)
SUM_OF(sum_avx2_ahead, __attribute__((target("avx2"))), FETCH)
SUM_OF(sum_avx512, __attribute__((target("avx512f"))), NOTHING)
SUM_OF(sum_avx512_ahead, __attribute__((target("avx512f"))), FETCH)
#endif

/* The sums this CPU can run; returns how many. */
static size_t find_sums(Sum out[4]) {
    size_t count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        out[count++] = sum_avx512;
        out[count++] = sum_avx512_ahead;
    }
    if (__builtin_cpu_supports("avx2")) {
        out[count++] = sum_avx2;
        out[count++] = sum_avx2_ahead;
    }
#endif
    if (count == 0) {
        out[count++] = sum_c;
    }
    return count;
}

/* Seconds of the fastest of them; all must come to the same. */
static double time_sum(const NtRows *rows) {
    Sum sums[4];
    size_t count = find_sums(sums);
    uint64_t first = 0;
    double best = G_MAXDOUBLE;
    for (size_t i = 0; i < count; i++) {
        double start = now();
        uint64_t sum = sums[i](rows->data, (size_t)rows->count * rows->stride);
        best = MIN(best, now() - start);
        first = i == 0 ? sum : first;
        g_assert(sum == first);
    }
    return best;
}

/* ---- the search ---- */

/* A vectors file of random directions; its view outlives it. */
static NtRows make_rows(size_t count, size_t dim) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-bench-XXXXXX", &error);
    if (folder == NULL) {
        die(error);
    }
    g_autofree char *path = g_build_filename(folder, "rows.vec", NULL);
    NtVectorsSpec spec = {.dtype = NT_DTYPE_F16, .metric = NT_METRIC_COSINE, .dim = dim};
    g_autofree float *row = g_new(float, dim);
    GRand *rand = g_rand_new_with_seed(1);
    g_autoptr(NtVectors) vectors =
        nt_vectors_create(path, &spec, &error) ? nt_vectors_open(path, true, NULL, &error) : NULL;
    bool ok = vectors != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        for (size_t j = 0; j < dim; j++) {
            row[j] = (float)(g_rand_int(rand) % 2001) / 1000 - 1;
        }
        ok = nt_vectors_append(vectors, i, row, 1, NULL, NULL, &error);
    }
    NtRows rows = {0};
    ok = ok && nt_vectors_view(vectors, count, &rows, &error);
    g_rand_free(rand);
    g_unlink(path);
    g_rmdir(folder);
    if (!ok) {
        die(error);
    }
    return rows;
}

/* Seconds of one search. */
static double time_options(const NtRows *rows, const float *query, size_t count, const NtIndexOptions *options) {
    static NtIndexHit hits[BATCH * K];
    static size_t counts[BATCH];
    g_autoptr(GError) error = NULL;
    NtQueries queries = {query, count, rows->dim};
    NtVectorsSpec spec = {.dtype = rows->dtype, .metric = rows->metric, .dim = rows->dim};
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, &error);
    double start = now();
    if (index == NULL || !nt_index_search(index, rows, &queries, options, hits, counts, &error)) {
        die(error);
    }
    return now() - start;
}

/* Seconds of one search for `count` queries; without a pool in one thread. */
static double time_search(const NtRows *rows, NtMetric metric, const float *query, size_t count, NtThreadPool *pool) {
    NtRows view = *rows;
    view.metric = metric;
    return time_options(&view, query, count, &(NtIndexOptions){.k = K, .pool = pool});
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Times (or ratios) of one thing, a value for each round; in order after `sort`. */
typedef struct Series {
    double *values;
    size_t count;
} Series;

static void sort(const Series *series) { qsort(series->values, series->count, sizeof(double), by_value); }
static double median(const Series *series) { return series->values[series->count / 2]; }

static void print_figure(FILE *csv, const char *name, const char *what, double value, const char *unit) {
    FILE *files[] = {stdout, csv};
    for (size_t i = 0; i < G_N_ELEMENTS(files) && files[i] != NULL; i++) {
        fprintf(files[i], "%s%s,%.3f,%s\n", name, what, value, unit);
        fflush(files[i]);
    }
}

static void print_rates(FILE *csv, const char *name, const Series *times, const NtRows *rows) {
    double gigabytes = (double)(rows->count * rows->stride) * 1e-9, millions = (double)rows->count * 1e-6;
    sort(times);
    print_figure(csv, name, "", millions / median(times), "million rows per second");
    print_figure(csv, name, "_bytes", gigabytes / median(times), "GB per second");
    print_figure(csv, name, "_bytes_best", gigabytes / times->values[0], "GB per second");
}

/* The last core that this process may use. */
static void pin(cpu_set_t *out_before) {
    cpu_set_t one;
    CPU_ZERO(out_before);
    if (sched_getaffinity(0, sizeof *out_before, out_before) != 0) {
        return;
    }
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET(cpu, out_before)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

/* One query of each metric beside the sum, on one core. */
static void measure_alone(const NtRows *rows, const float *queries, size_t rounds, FILE *csv) {
    Series sum = {g_new(double, rounds), rounds}, times[METRICS], ratios[METRICS];
    for (size_t m = 0; m < METRICS; m++) {
        times[m] = (Series){g_new(double, rounds), rounds};
        ratios[m] = (Series){g_new(double, rounds), rounds};
        time_search(rows, (NtMetric)m, queries, 1, NULL);
    }
    for (size_t round = 0; round < rounds; round++) {
        sum.values[round] = time_sum(rows);
        for (size_t m = 0; m < METRICS; m++) {
            const float *query = queries + round % BATCH * rows->dim;
            times[m].values[round] = time_search(rows, (NtMetric)m, query, 1, NULL);
            ratios[m].values[round] = sum.values[round] / times[m].values[round];
        }
    }
    print_rates(csv, "sum", &sum, rows);
    for (size_t m = 0; m < METRICS; m++) {
        const char *name = nt_metric_name((NtMetric)m);
        print_rates(csv, name, &times[m], rows);
        sort(&ratios[m]);
        print_figure(csv, name, "_of_sum", median(&ratios[m]), "of the sum's rate");
        g_free(times[m].values);
        g_free(ratios[m].values);
    }
    g_free(sum.values);
}

/* Many at once, for information: cosine. */
static void measure_together(const NtRows *rows, const float *queries, size_t count, NtThreadPool *pool, size_t rounds,
                             FILE *csv) {
    Series times = {g_new(double, rounds), rounds};
    for (size_t round = 0; round < rounds; round++) {
        times.values[round] = time_search(rows, NT_METRIC_COSINE, queries, count, pool);
    }
    sort(&times);
    g_autofree char *name = g_strdup_printf("cosine_%zu_queries_%u_threads", count, nt_thread_pool_threads(pool));
    print_figure(csv, name, "", (double)count / median(&times), "queries per second");
    g_free(times.values);
}

/* ---- labels ---- */

enum { CASES = 7 };

static const char *const case_names[CASES] = {"plain",   "labels",   "allow_50",  "allow_10",
                                              "allow_1", "allow_01", "shared_row"};

/* Labels 1 .. rows: row r has label r + 1; with `shared` the row has all of them. Ranks are in no order. */
static void make_labels(uint64_t rows, const uint64_t *shared, NtLabels *out) {
    g_autoptr(GError) error = NULL;
    bool ok = true;
    for (uint64_t r = 0; ok && r < rows; r++) {
        uint32_t label = (uint32_t)r + 1;
        ok = nt_labels_add(out, r, label, &error) &&
             nt_labels_set_rank(out, label, label * UINT64_C(0x9e3779b97f4a7c15), &error) &&
             (shared == NULL || *shared == r || nt_labels_add(out, *shared, label, &error));
    }
    if (!ok) {
        die(error);
    }
}

/* Every label with this probability. */
static void make_allow(uint64_t labels, double density, NtCells *out) {
    GRand *rand = g_rand_new_with_seed(2);
    for (uint64_t label = 1; label <= labels; label++) {
        nt_cells_set_bit(out, label, g_rand_double(rand) < density, NULL);
    }
    g_rand_free(rand);
}

/* What labels cost, in one thread. */
static void measure_labels(const NtRows *rows, size_t rounds, FILE *csv) {
    static const double densities[] = {0.5, 0.1, 0.01, 0.001};
    uint64_t shared = rows->count / 2;
    g_auto(NtLabels) single = {0}, many = {0};
    NtCells allow[4] = {{0}};
    NtIndexOptions options[CASES] = {{.k = K}};
    Series ratios[CASES], plain = {g_new(double, rounds), rounds};
    float query[LABELS_DIM];
    make_labels(rows->count, NULL, &single);
    make_labels(rows->count, &shared, &many);
    for (size_t c = 1; c < CASES; c++) {
        options[c] = (NtIndexOptions){.k = K, .labels = c == CASES - 1 ? &many : &single};
        ratios[c] = (Series){g_new(double, rounds), rounds};
        if (c >= 2 && c < 6) {
            make_allow(rows->count, densities[c - 2], &allow[c - 2]);
            options[c].allow = &allow[c - 2];
        }
    }
    nt_rows_get(rows, shared, query);
    time_options(rows, query, 1, &options[0]);
    for (size_t round = 0; round < rounds; round++) {
        plain.values[round] = time_options(rows, query, 1, &options[0]);
        for (size_t c = 1; c < CASES; c++) {
            ratios[c].values[round] = time_options(rows, query, 1, &options[c]) / plain.values[round];
        }
    }
    print_rates(csv, "plain_512", &plain, rows);
    for (size_t c = 1; c < CASES; c++) {
        sort(&ratios[c]);
        print_figure(csv, case_names[c], "_of_plain", median(&ratios[c]), "of the plain scan's time");
        g_free(ratios[c].values);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(allow); i++) {
        nt_cells_clear(&allow[i]);
    }
    g_free(plain.values);
}

int main(int argc, char **argv) {
    int rows_wanted = 100000, dim = 1280, rounds = 15;
    g_autofree char *csv_path = NULL;
    GOptionEntry entries[] = {
        {"rows", 0, 0, G_OPTION_ARG_INT, &rows_wanted, "rows of the file (100000)", "N"},
        {"dim", 0, 0, G_OPTION_ARG_INT, &dim, "numbers of a row (1280)", "D"},
        {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "turns of each (15)", "R"},
        {"csv", 0, 0, G_OPTION_ARG_FILENAME, &csv_path, "adds the figures to this file", "FILE"},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        die(error);
    }
    FILE *csv = csv_path != NULL ? fopen(csv_path, "a") : NULL;
    if (rows_wanted < 1 || dim < 1 || dim > NT_DIMENSION_MAX || rounds < 1 || (csv_path != NULL && csv == NULL)) {
        fprintf(stderr, "search: 1 row, 1 to %d numbers and 1 round at least, and a file that can be written\n",
                NT_DIMENSION_MAX);
        return 2;
    }
    cpu_set_t before;
    pin(&before);
    g_auto(NtRows) rows = make_rows((size_t)rows_wanted, (size_t)dim);
    g_autofree float *queries = g_new(float, BATCH *rows.dim);
    for (size_t q = 0; q < BATCH; q++) {
        nt_rows_get(&rows, q * 7919 % rows.count, queries + q * rows.dim);
    }
    measure_alone(&rows, queries, (size_t)rounds, csv);
    measure_together(&rows, queries, BATCH, NULL, (size_t)rounds, csv);
    g_auto(NtRows) shorter = make_rows((size_t)rows_wanted, LABELS_DIM);
    measure_labels(&shorter, (size_t)rounds, csv);
    sched_setaffinity(0, sizeof before, &before);
    g_autoptr(NtThreadPool) two = nt_thread_pool_new(2);
    measure_together(&rows, queries, 1, two, (size_t)rounds, csv);
    measure_together(&rows, queries, BATCH, two, (size_t)rounds, csv);
    if (csv != NULL) {
        fclose(csv);
    }
    return 0;
}
