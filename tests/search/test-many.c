/* SPDX-License-Identifier: Apache-2.0 */
/* Searches answered together are answered as each would be alone: random mixes against single calls, in peace and
 * beside a writer. */
#include "../support/shop.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { DIM = 8, ROWS = 90, PRODUCTS = 50, MOST = 24, MIXES = 150, BUSY_MIXES = 60 };

static float number(GRand *random) { return (float)g_rand_double(random) - 0.5F; }

/* ---- a shop ---- */

static void id_of(unsigned i, char out[16]) { snprintf(out, 16, "p%02u", i); }

static void set_price(NiteruCatalogue *catalogue, unsigned product, int price) {
    g_autoptr(GError) error = NULL;
    char id[16], metadata[64];
    id_of(product, id);
    snprintf(metadata, sizeof metadata, "{\"price\": %d, \"group\": \"g%d\"}", price, price % 20);
    const NiteruProduct change = {.size = sizeof change, .id = id, .metadata = metadata};
    bool done = niteru_patch(catalogue, &change, NULL, NULL, NULL, &error);
    g_assert_true(done || g_error_matches(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)); /* it may be removed */
}

/* Two models, products with several photos and with equal ones, prices. */
static void open_random(Shop *shop, GRand *random) {
    static char ids[ROWS][16];
    const char *names[ROWS];
    float rows[ROWS * DIM];
    shop_open(shop);
    for (unsigned i = 0; i < ROWS; i++) {
        id_of(i % PRODUCTS, ids[i]);
        names[i] = ids[i];
        for (size_t d = 0; d < DIM; d++) {
            rows[i * DIM + d] = i % 7 == 6 ? rows[(i - 1) * DIM + d] : number(random);
        }
    }
    import_vectors(shop, "toy", names, rows, ROWS, DIM);
    import_vectors(shop, "other", names, rows, ROWS / 2, DIM);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        set_price(shop->catalogue, i, (int)i);
    }
    const NiteruProduct bare = {.size = sizeof bare, .id = "bare"};
    g_assert_true(niteru_put(shop->catalogue, &bare, NULL, NULL, NULL, NULL));
}

/* ---- a random query ---- */

typedef struct Asked {
    NtSearchQuery query;
    NiteruSearchOptions options;
    float vector[DIM + 1];
    char id[16], excluded[16];
    const char *exclude[2];
} Asked;

static void make_query(Asked *asked, GRand *random, GCancellable *cancelled) {
    static const char *const wheres[] = {NULL,         NULL,           NULL,      "price < 20",
                                         "price < 20", "price > 1000", "price >", "prise = 1"};
    static const char *const models[] = {NULL, NULL, "toy", "toy", "toy", "other", "toi"};
    static const size_t ks[] = {0, 1, 3, 10, 60, 2000};
    static const double thresholds[] = {0, 0, 0, 30, 99.9, 101};
    *asked = (Asked){0};
    asked->options =
        (NiteruSearchOptions){.size = sizeof asked->options,
                              .k = ks[g_rand_int_range(random, 0, G_N_ELEMENTS(ks))],
                              .model = models[g_rand_int_range(random, 0, G_N_ELEMENTS(models))],
                              .where = wheres[g_rand_int_range(random, 0, G_N_ELEMENTS(wheres))],
                              .threshold = thresholds[g_rand_int_range(random, 0, G_N_ELEMENTS(thresholds))],
                              .metadata = g_rand_boolean(random),
                              .timeout_ms = g_rand_boolean(random) ? 100000 : 0,
                              .partial = g_rand_boolean(random)};
    if (g_rand_boolean(random)) {
        id_of((unsigned)g_rand_int_range(random, 0, PRODUCTS), asked->excluded);
        asked->exclude[0] = asked->excluded;
        asked->options.exclude = asked->exclude;
    }
    int kind = g_rand_int_range(random, 0, 20);
    asked->query.dimension = DIM;
    asked->query.cancellable = kind == 0 ? cancelled : NULL;
    asked->query.options = kind == 1 ? NULL : &asked->options;
    if (kind < 10) {
        id_of((unsigned)g_rand_int_range(random, 0, PRODUCTS), asked->id);
        g_strlcpy(asked->id, kind == 2 ? "nobody" : kind == 3 ? "bare" : asked->id, sizeof asked->id);
        asked->query.product = asked->id;
        return;
    }
    for (size_t d = 0; kind != 10 && d < DIM; d++) {
        asked->vector[d] = number(random);
    }
    asked->vector[0] = kind == 11 ? NAN : asked->vector[0];
    asked->query.dimension += kind == 12;
    asked->query.vector = kind == 13 ? NULL : asked->vector;
}

/* An answer or an error as text. */
static char *text_of(const NiteruResults *results, const GError *error) {
    g_assert_true((results == NULL) == (error != NULL));
    if (results == NULL) {
        const char *remedy = niteru_error_fact(error, "remedy");
        return g_strdup_printf("! %d %s %s", error->code, error->message, remedy != NULL ? remedy : "");
    }
    return niteru_results_json(results);
}

static char *ask_alone(const Shop *shop, const NtSearchQuery *query) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) results =
        query->product != NULL
            ? niteru_similar(shop->catalogue, query->product, query->options, query->cancellable, &error)
            : niteru_search_vector(shop->catalogue, query->vector, query->dimension, query->options, query->cancellable,
                                   &error);
    return text_of(results, error);
}

static char *take_answer(NtSearchQuery *query) {
    char *text = text_of(query->results, query->error);
    g_clear_pointer(&query->results, niteru_results_free);
    g_clear_error(&query->error);
    return text;
}

/* ---- in peace ---- */

static void test_mixes(void) {
    Shop shop;
    GRand *random = g_rand_new_with_seed(20);
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    size_t answers = 0;
    g_cancellable_cancel(cancelled);
    open_random(&shop, random);
    g_autofree char *folder = below(&shop, "shop.niteru");
    NiteruCatalogue *other = niteru_open(folder, NULL, NULL);
    nt_search_many(shop.catalogue, NULL, 0);
    for (unsigned mix = 0; mix < MIXES; mix++) {
        static Asked asked[MOST];
        NtSearchQuery queries[MOST];
        size_t count = (size_t)g_rand_int_range(random, 1, MOST + 1);
        for (size_t i = 0; i < count; i++) {
            make_query(&asked[i], random, cancelled);
            queries[i] = asked[i].query;
        }
        nt_search_many(shop.catalogue, queries, count);
        for (size_t i = 0; i < count; i++) {
            g_autofree char *alone = ask_alone(&shop, &queries[i]), *together = take_answer(&queries[i]);
            g_assert_cmpstr(together, ==, alone);
            answers += alone[0] != '!';
        }
        if (mix % 4 == 0) { /* in turns by this handle and by another, as another process would */
            set_price(mix % 8 == 0 ? shop.catalogue : other, mix % PRODUCTS, (int)(1000 + mix));
        }
    }
    g_assert_cmpuint(answers, >, MIXES);
    niteru_close(other);
    g_rand_free(random);
    shop_drop(&shop);
}

/* ---- beside a writer ---- */

typedef struct Busy {
    const Shop *shop;
    unsigned seed;
    atomic_bool done;
    atomic_uint compared;
} Busy;

static uint64_t commits_of(const Shop *shop) {
    g_autoptr(GError) error = NULL;
    g_auto(NtReader) reader = {0};
    uint64_t commits = 0;
    g_assert_true(nt_reader_open(&reader, shop->catalogue, &error) &&
                  nt_catalogue_commits(reader.db, &commits, &error));
    return commits;
}

static void *write_on(void *data) {
    Busy *busy = data;
    for (int price = 100; !atomic_load(&busy->done); price++) {
        set_price(busy->shop->catalogue, (unsigned)price % PRODUCTS, price);
        if (price % 10 == 0) {
            g_autoptr(GError) error = NULL;
            const char *gone[] = {"p07"};
            g_assert_true(niteru_remove(busy->shop->catalogue, gone, price == 120, NULL, 0, NULL, NULL, &error));
        }
        g_usleep(2000);
    }
    return NULL;
}

/* Where nothing was committed meanwhile, together and alone are the same. */
static void *ask_on(void *data) {
    Busy *busy = data;
    GRand *random = g_rand_new_with_seed(busy->seed);
    while (atomic_load(&busy->compared) < BUSY_MIXES) {
        Asked asked[MOST];
        NtSearchQuery queries[MOST];
        char *alone[MOST];
        for (size_t i = 0; i < MOST; i++) {
            make_query(&asked[i], random, NULL);
            queries[i] = asked[i].query;
        }
        uint64_t before = commits_of(busy->shop);
        nt_search_many(busy->shop->catalogue, queries, MOST);
        for (size_t i = 0; i < MOST; i++) {
            alone[i] = ask_alone(busy->shop, &queries[i]);
        }
        bool same = commits_of(busy->shop) == before;
        for (size_t i = 0; i < MOST; i++) {
            g_autofree char *together = take_answer(&queries[i]);
            if (same) {
                g_assert_cmpstr(together, ==, alone[i]);
            }
            g_free(alone[i]);
        }
        atomic_fetch_add(&busy->compared, same);
    }
    g_rand_free(random);
    return NULL;
}

static void test_beside_writer(void) {
    Shop shop;
    GRand *random = g_rand_new_with_seed(21);
    open_random(&shop, random);
    Busy busy = {.shop = &shop, .seed = 22};
    GThread *writer = g_thread_new("write", write_on, &busy), *other = g_thread_new("ask", ask_on, &busy);
    ask_on(&busy);
    g_thread_join(other);
    atomic_store(&busy.done, true);
    g_thread_join(writer);
    g_rand_free(random);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/many/mixes", test_mixes);
    g_test_add_func("/search/many/beside-writer", test_beside_writer);
    return g_test_run();
}
