/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer over HTTP is made of, each alone, for bench/http-service.py. Prints CSV: name,value.
 *
 *   http-parts library CATALOGUE PRODUCTS [WHERE]
 *       Answers a second of the library, k = 5, by ids product-0000000 and so on: one asker of niteru_similar; and two
 *       that ask 32 at once of nt_search_many.
 *   http-parts embed CATALOGUE PHOTO
 *       Milliseconds of decoding and embedding a photo, the median of 60.
 *   http-parts serve BYTES
 *       The http server with a fixed answer of so many bytes, until it is killed. Prints its port.
 */
#include "http/http.h"
#include "search/search.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { K = 5, TOGETHER = 32, ASKERS = 2, EMBEDDED = 60 };
#define SECONDS 2.0

static void die(const GError *error) {
    fprintf(stderr, "http-parts: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

/* ---- the library ---- */

typedef struct Asking {
    NiteruCatalogue *catalogue;
    unsigned products;
    NiteruSearchOptions options;
    size_t together;
    atomic_bool done;
    atomic_size_t answered;
} Asking;

static void ask(Asking *asking, GRand *random) {
    char ids[TOGETHER][32];
    NtSearchQuery queries[TOGETHER] = {{NULL}};
    for (size_t i = 0; i < asking->together; i++) {
        snprintf(ids[i], sizeof ids[i], "product-%07u",
                 (unsigned)g_rand_int_range(random, 0, (gint32)asking->products));
        queries[i].product = ids[i];
        queries[i].options = &asking->options;
    }
    if (asking->together == 1) {
        queries[0].results = niteru_similar(asking->catalogue, ids[0], &asking->options, NULL, &queries[0].error);
    } else {
        nt_search_many(asking->catalogue, queries, asking->together);
    }
    for (size_t i = 0; i < asking->together; i++) {
        if (queries[i].results == NULL) {
            die(queries[i].error);
        }
        niteru_results_free(queries[i].results);
    }
}

static void *work(void *data) {
    Asking *asking = data;
    GRand *random = g_rand_new();
    while (!atomic_load(&asking->done)) {
        ask(asking, random);
        atomic_fetch_add(&asking->answered, asking->together);
    }
    g_rand_free(random);
    return NULL;
}

static double rate(Asking *asking, size_t together, unsigned askers) {
    GThread *threads[ASKERS];
    asking->together = together;
    atomic_store(&asking->done, false);
    for (unsigned i = 0; i < askers; i++) {
        threads[i] = g_thread_new("ask", work, asking);
    }
    g_usleep(G_USEC_PER_SEC / 4);
    size_t before = atomic_load(&asking->answered);
    int64_t start = g_get_monotonic_time();
    g_usleep((gulong)(SECONDS * G_USEC_PER_SEC));
    double answered = (double)(atomic_load(&asking->answered) - before);
    double seconds = (double)(g_get_monotonic_time() - start) * 1e-6;
    atomic_store(&asking->done, true);
    for (unsigned i = 0; i < askers; i++) {
        g_thread_join(threads[i]);
    }
    return answered / seconds;
}

static void measure_library(NiteruCatalogue *catalogue, unsigned products, const char *where) {
    Asking asking = {.catalogue = catalogue,
                     .products = products,
                     .options = {.size = sizeof(NiteruSearchOptions), .k = K, .where = where, .metadata = true}};
    printf("alone,%.1f\n", rate(&asking, 1, 1));
    printf("together,%.1f\n", rate(&asking, TOGETHER, ASKERS));
}

/* ---- photos ---- */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure_embed(NiteruCatalogue *catalogue, const char *path) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtModel) model = nt_model_find(catalogue, NULL, &error);
    double took[EMBEDDED];
    for (size_t i = 0; i < EMBEDDED; i++) {
        int64_t start = g_get_monotonic_time();
        g_autofree float *vector = model != NULL ? nt_model_embed_file(catalogue, model, path, NULL, &error) : NULL;
        if (vector == NULL) {
            die(error);
        }
        took[i] = (double)(g_get_monotonic_time() - start) / 1000;
    }
    qsort(took, EMBEDDED, sizeof *took, by_value);
    printf("embed,%.3f\n", took[EMBEDDED / 2]);
}

/* ---- the server ---- */

static void answer(NtHttpRequest *request, void *data) {
    nt_http_answer(request, 200, "application/json", g_bytes_ref(data));
}

static void serve(size_t size) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = g_bytes_new_take(g_strnfill(size, 'x'), size);
    const NtHttpOptions options = {.client_connections = 1000};
    const NtHttpHandler handler = {.serve = answer, .data = body};
    g_autoptr(NtHttpServer) server = nt_http_server_new(&options, &handler, &error);
    uint16_t port = 0;
    if (server == NULL || !nt_http_listen(server, "127.0.0.1:0", &port, &error) ||
        !nt_http_server_start(server, &error)) {
        die(error);
    }
    printf("%u\n", port);
    fflush(stdout);
    for (;;) {
        pause();
    }
}

int main(int argc, char **argv) {
    g_autoptr(GError) error = NULL;
    const char *what = argc > 2 ? argv[1] : "";
    if (strcmp(what, "serve") == 0) {
        serve((size_t)g_ascii_strtoull(argv[2], NULL, 10));
    }
    g_autoptr(NiteruCatalogue) catalogue = argc > 3 ? niteru_open(argv[2], NULL, &error) : NULL;
    if (catalogue == NULL) {
        die(error);
    }
    if (strcmp(what, "library") == 0) {
        measure_library(catalogue, (unsigned)g_ascii_strtoull(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL);
    } else {
        measure_embed(catalogue, argv[3]);
    }
    return 0;
}
