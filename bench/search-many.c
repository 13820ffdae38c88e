/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many queries a second searches answer, one after the other and together. usage: search-many [PRODUCTS ...]
 * (1000 100000)
 *
 * For each number of products a catalogue of that many, with a vector of 512 numbers in float16 each; k = 5. On 1 and
 * on 2 threads that ask all the time: niteru_similar alone, and nt_search_many with 1, 8 and 32 queries at once, each
 * by the id of a product. Beside them the bare scan of all rows, which is what an answer cannot be quicker than.
 *
 * Prints CSV: name,value,unit.
 */
#include "search/search.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 512, K = 5, MOST = 32 };
#define SECONDS 1.5

static void die(const GError *error) {
    fprintf(stderr, "search-many: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

/* Writes vectors and ids and imports them. */
static void fill(const char *folder, const char *shop, unsigned products) {
    g_autoptr(GError) error = NULL;
    g_autofree char *npy = g_build_filename(folder, "vectors.npy", NULL);
    g_autofree char *ids = g_build_filename(folder, "ids.txt", NULL);
    FILE *vectors = fopen(npy, "wb"), *names = fopen(ids, "w");
    if (vectors == NULL || names == NULL) {
        die(NULL);
    }
    char header[119];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%u, %d), }", products, DIM);
    fprintf(vectors, "\x93NUMPY%c%c%c%c%-117s\n", 1, 0, 118, 0, header);
    GRand *random = g_rand_new_with_seed(1);
    for (unsigned i = 0; i < products; i++) {
        float vector[DIM];
        for (size_t d = 0; d < DIM; d++) {
            vector[d] = (float)g_rand_double(random) - 0.5F;
        }
        fwrite(vector, sizeof vector, 1, vectors);
        fprintf(names, "product-%07u\n", i);
    }
    g_rand_free(random);
    const NiteruImportOptions options = {.size = sizeof options, .model = "m", .dtype = "f2"};
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(shop, NULL, &error);
    if (fclose(vectors) != 0 || fclose(names) != 0 || catalogue == NULL ||
        !niteru_import(catalogue, npy, ids, &options, NULL, NULL, &error)) {
        die(error);
    }
}

/* ---- asking ---- */

typedef struct Asking {
    NiteruCatalogue *catalogue;
    unsigned products;
    size_t together; /* queries at once; 0: niteru_similar */
    atomic_bool done;
    atomic_size_t answered;
} Asking;

static void check(const NiteruResults *results, const GError *error) {
    if (results == NULL || niteru_results_count(results) != K) {
        die(error);
    }
}

static void ask(Asking *asking, GRand *random) {
    char ids[MOST][32];
    NtSearchQuery queries[MOST] = {{NULL}};
    for (size_t i = 0; i < MAX(asking->together, 1); i++) {
        snprintf(ids[i], sizeof ids[i], "product-%07u",
                 (unsigned)g_rand_int_range(random, 0, (gint32)asking->products));
        queries[i].product = ids[i];
    }
    if (asking->together == 0) {
        queries[0].results = niteru_similar(asking->catalogue, ids[0], NULL, NULL, &queries[0].error);
    } else {
        nt_search_many(asking->catalogue, queries, asking->together);
    }
    for (size_t i = 0; i < MAX(asking->together, 1); i++) {
        check(queries[i].results, queries[i].error);
        niteru_results_free(queries[i].results);
    }
}

static void *work(void *data) {
    Asking *asking = data;
    GRand *random = g_rand_new_with_seed(7);
    while (!atomic_load(&asking->done)) {
        ask(asking, random);
        atomic_fetch_add(&asking->answered, MAX(asking->together, 1));
    }
    g_rand_free(random);
    return NULL;
}

/* Answers a second. */
static double rate(NiteruCatalogue *catalogue, unsigned products, size_t together, unsigned threads) {
    Asking asking = {.catalogue = catalogue, .products = products, .together = together};
    GThread *askers[2];
    for (unsigned i = 0; i < threads; i++) {
        askers[i] = g_thread_new("ask", work, &asking);
    }
    g_usleep(G_USEC_PER_SEC / 4);
    size_t before = atomic_load(&asking.answered);
    int64_t start = g_get_monotonic_time();
    g_usleep((gulong)(SECONDS * G_USEC_PER_SEC));
    double answered = (double)(atomic_load(&asking.answered) - before);
    double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
    atomic_store(&asking.done, true);
    for (unsigned i = 0; i < threads; i++) {
        g_thread_join(askers[i]);
    }
    return answered / seconds;
}

static double scan_rate(NiteruCatalogue *catalogue) {
    g_autoptr(GError) error = NULL;
    g_auto(NtSnapshot) snapshot = {0};
    if (!nt_snapshot_open(&snapshot, catalogue, NULL, &error)) {
        die(error);
    }
    float vector[DIM];
    NtIndexHit hits[K];
    size_t count, turns = 0;
    NtVersion *version = snapshot.version;
    nt_rows_get(&version->view, 0, vector);
    NtQueries queries = {.data = vector, .count = 1, .dim = DIM};
    const NtIndexOptions options = {.k = K, .labels = &version->labels, .threads = 1};
    int64_t start = g_get_monotonic_time(), end = start + (int64_t)(SECONDS * G_USEC_PER_SEC);
    for (; g_get_monotonic_time() < end; turns++) {
        if (!nt_index_search(version->model->index, &version->view, &queries, &options, hits, &count, &error)) {
            die(error);
        }
    }
    return (double)turns / ((double)(g_get_monotonic_time() - start) * 1e-6);
}

static void measure(const char *folder, unsigned products) {
    static const size_t sizes[] = {1, 8, 32};
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strdup_printf("%u", products), *shop = g_build_filename(folder, name, NULL);
    fill(folder, shop, products);
    for (unsigned threads = 1; threads <= 2; threads++) {
        const NiteruOptions options = {.size = sizeof options, .threads = threads};
        g_autoptr(NiteruCatalogue) catalogue = niteru_open(shop, &options, &error);
        if (catalogue == NULL) {
            die(error);
        }
        if (threads == 1) {
            printf("scan_%u,%.0f,scans a second of one thread\n", products, scan_rate(catalogue));
        }
        printf("alone_%u_threads_%u,%.0f,answers a second\n", products, threads, rate(catalogue, products, 0, threads));
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
            printf("together_%zu_of_%u_threads_%u,%.0f,answers a second\n", sizes[i], products, threads,
                   rate(catalogue, products, sizes[i], threads));
        }
    }
}

int main(int argc, char **argv) {
    g_autofree char *folder = g_dir_make_tmp("niteru-many-XXXXXX", NULL);
    for (int i = 1; i < argc; i++) {
        measure(folder, (unsigned)g_ascii_strtoull(argv[i], NULL, 10));
    }
    if (argc == 1) {
        measure(folder, 1000);
        measure(folder, 100000);
    }
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
