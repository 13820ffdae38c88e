/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer of the library costs beside the scan it stands on. usage: answers [PRODUCTS] (100,000)
 *
 * A catalogue of PRODUCTS products with a photo each, vectors of 512 numbers in float16, k = 5. Measured in turns, in
 * milliseconds, the median of each: the bare scan of all rows (index alone, all threads); niteru_similar; the same
 * under a condition that selects 50, 10, 1, 0.1 %, asked for before (`seen`) and for the first time (`new`), with
 * SQLite's own count for the condition beside it; a catalogue in which all products show one photo as well. Then: the
 * first search of an opened catalogue, which builds what searches share; and 64 threads that search all the time,
 * without and with a writer that commits 100 times a second: rates and 99th percentiles.
 *
 * Prints CSV: name,value,unit.
 */
#include "ingest/ingest.h"
#include "search/search.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIM = 512, K = 5, TURNS = 15, SEARCHERS = 64, WRITES_A_SECOND = 100, SECONDS = 4 };

static void die(const GError *error) {
    fprintf(stderr, "answers: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

static double now_ms(void) { return (double)g_get_monotonic_time() / 1000; }

/* ---- the catalogue ---- */

typedef struct Filling {
    NtCatalogue *db;
    NtModel *model;
    NtRun run;
    int64_t price;
    GRand *random;
    uint64_t rows;
} Filling;

static int64_t add_content(Filling *fill, uint64_t number, GError **error) {
    NtContent content = {.bytes = 1000, .format = "jpeg", .width = 10, .height = 10};
    int64_t row = 0;
    memcpy(content.hash, &number, sizeof number);
    if (!nt_catalogue_add_content(fill->db, &content, &row, error)) {
        die(*error);
    }
    return row;
}

/* One product with a photo for each content. */
static void put(Filling *fill, const char *id, const int64_t *contents, size_t count, GError **error) {
    NtPhotoPut photos[2] = {{.location = "/photos/a.jpg"}, {.location = "/photos/b.jpg"}};
    NtPhotoState states[2];
    NtValue value = {.field = fill->price, .type = NT_FIELD_NUMBER, .number = g_rand_double(fill->random)};
    NtProductPut product = {.id = id, .values = &value, .value_count = 1, .photos = photos, .photo_count = count};
    bool ok = nt_catalogue_put_product(fill->db, &fill->run, &product, states, NULL, error);
    for (size_t i = 0; ok && i < count; i++) {
        ok = nt_catalogue_set_photo_content(fill->db, states[i].photo, contents[i], NULL, error);
    }
    if (!ok) {
        die(*error);
    }
}

static void append(Filling *fill, const int64_t *contents, size_t count, GError **error) {
    g_autofree float *vectors = g_new(float, count *DIM);
    for (size_t i = 0; i < count * DIM; i++) {
        vectors[i] = (float)g_rand_double(fill->random) - 0.5F;
    }
    if (!nt_vectors_append(fill->model->vectors, fill->rows, vectors, count, NULL, NULL, error) ||
        !nt_vectors_sync(fill->model->vectors, error) ||
        !nt_catalogue_add_vectors(fill->db, fill->model->model, fill->rows, contents, count, NT_MAKER_UNKNOWN, error) ||
        !nt_put_digests(fill->db, fill->model, fill->rows, count, error)) {
        die(*error);
    }
    fill->rows += count;
}

/* A field "price" of numbers from 0 to 1. */
static int64_t make_price(NtCatalogue *db, GError **error) {
    static const char *const types[] = {"price=number", NULL};
    g_autoptr(NtColumns) columns = nt_columns_new(db, types, error);
    int64_t field = 0;
    NtFieldType type;
    nt_columns_learn(columns, "price", "1", NULL);
    if (!nt_columns_settle(columns, error) || !nt_catalogue_find_field(db, "price", &field, &type, error)) {
        die(*error);
    }
    return field;
}

/* `shared`: every product shows one more photo, which is the same for all. */
static void fill(const char *folder, unsigned products, bool shared) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(folder, NULL, &error);
    NtCard card = {.name = (char *)"m", .dimension = DIM, .dtype = NT_DTYPE_F16, .metric = NT_METRIC_COSINE};
    card.scores = nt_scores_default(card.metric);
    if (catalogue == NULL || !nt_model_add_vectors_only(catalogue, &card, NULL, &error)) {
        die(error);
    }
    Filling filling = {.db = catalogue->db, .random = g_rand_new_with_seed(1)};
    filling.model = nt_model_open(catalogue, catalogue->db, "m", NULL, &error);
    g_autofree int64_t *contents = g_new(int64_t, products + 1);
    if (filling.model == NULL || !nt_catalogue_begin(catalogue->db, &error) ||
        !nt_catalogue_start_run(catalogue->db, "csv", "/list.csv", &filling.run, &error)) {
        die(error);
    }
    filling.price = make_price(catalogue->db, &error);
    contents[products] = add_content(&filling, products + 1, &error);
    for (unsigned i = 0; i < products; i++) {
        g_autofree char *id = g_strdup_printf("product-%07u", i);
        contents[i] = add_content(&filling, i + 1, &error);
        put(&filling, id, (int64_t[]){contents[i], contents[products]}, shared ? 2 : 1, &error);
    }
    append(&filling, contents, products + shared, &error);
    if (!nt_catalogue_commit(catalogue->db, &error)) {
        die(error);
    }
    nt_model_unref(filling.model);
    g_rand_free(filling.random);
}

/* ---- one at a time ---- */

static double similar_ms(NiteruCatalogue *catalogue, unsigned product, const char *where) {
    g_autoptr(GError) error = NULL;
    g_autofree char *id = g_strdup_printf("product-%07u", product);
    const NiteruSearchOptions options = {.size = sizeof options, .k = K, .where = where};
    double start = now_ms();
    g_autoptr(NiteruResults) results = niteru_similar(catalogue, id, &options, NULL, &error);
    if (results == NULL || niteru_results_count(results) == 0) {
        die(error);
    }
    return now_ms() - start;
}

static double scan_ms(NiteruCatalogue *catalogue, unsigned product) {
    g_autoptr(GError) error = NULL;
    g_auto(NtSnapshot) snapshot = {0};
    if (!nt_snapshot_open(&snapshot, catalogue, NULL, &error)) {
        die(error);
    }
    float vector[DIM];
    NtIndexHit hits[K];
    size_t count;
    NtVersion *version = snapshot.version;
    nt_rows_get(&version->view, product, vector);
    NtQueries queries = {.data = vector, .count = 1, .dim = DIM};
    const NtIndexOptions options = {.k = K, .pool = catalogue->pool};
    double start = now_ms();
    if (!nt_index_search(version->model->index, &version->view, &queries, &options, hits, &count, &error)) {
        die(error);
    }
    return now_ms() - start;
}

static double count_ms(sqlite3 *db, double price) {
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM product WHERE m_1 < %.9f", price);
    double start = now_ms();
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        die(NULL);
    }
    return now_ms() - start;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double *values, size_t count, double share) {
    qsort(values, count, sizeof *values, by_value);
    return values[MIN((size_t)(share * (double)count), count - 1)];
}

static void measure(NiteruCatalogue *catalogue, NiteruCatalogue *shared, const char *database, unsigned products) {
    static const double shares[] = {0.5, 0.1, 0.01, 0.001};
    enum { SHARES = 4 };
    double scan[TURNS], plain[TURNS], one[TURNS], seen[SHARES][TURNS], fresh[SHARES][TURNS], count[SHARES][TURNS];
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(database, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        die(NULL);
    }
    similar_ms(catalogue, 0, NULL);
    similar_ms(shared, 0, NULL);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        unsigned product = turn * 37 % products;
        scan[turn] = scan_ms(catalogue, product);
        plain[turn] = similar_ms(catalogue, product, NULL);
        one[turn] = similar_ms(shared, product, NULL);
        for (size_t i = 0; i < SHARES; i++) {
            double price = shares[i] * (1 + turn * 1e-4); /* another condition in each turn */
            g_autofree char *where = g_strdup_printf("price < %.9f", price);
            count[i][turn] = count_ms(db, price);
            fresh[i][turn] = similar_ms(catalogue, product, where);
            seen[i][turn] = similar_ms(catalogue, product, where);
        }
    }
    sqlite3_close(db);
    double bare = quantile(scan, TURNS, 0.5), whole = quantile(plain, TURNS, 0.5);
    printf("scan,%.3f,ms\nanswer,%.3f,ms\nanswer_over_scan,%.3f,times\n", bare, whole, whole / bare);
    printf("shared_photo_over_answer,%.3f,times\n", quantile(one, TURNS, 0.5) / whole);
    for (size_t i = 0; i < SHARES; i++) {
        double counted = quantile(count[i], TURNS, 0.5);
        printf("where_%g%%_seen_over_answer,%.3f,times\n", 100 * shares[i], quantile(seen[i], TURNS, 0.5) / whole);
        printf("where_%g%%_new_over_count_and_answer,%.3f,times\n", 100 * shares[i],
               quantile(fresh[i], TURNS, 0.5) / (counted + whole));
    }
}

/* ---- many at once ---- */

typedef struct Crowd {
    NiteruCatalogue *catalogue;
    unsigned products;
    atomic_bool done;
    GMutex lock;
    GArray *times; /* double, ms */
} Crowd;

static void *search(void *data) {
    Crowd *crowd = data;
    while (!atomic_load(&crowd->done)) {
        double took = similar_ms(crowd->catalogue, (unsigned)g_random_int_range(0, (gint32)crowd->products), NULL);
        g_mutex_lock(&crowd->lock);
        g_array_append_val(crowd->times, took);
        g_mutex_unlock(&crowd->lock);
    }
    return NULL;
}

/* Removes products that are not there and changes others: one commit in each step. */
static void *write_all_the_time(void *data) {
    Crowd *crowd = data;
    g_autoptr(GError) error = NULL;
    for (unsigned i = 0; !atomic_load(&crowd->done); i++) {
        double start = now_ms();
        g_autofree char *id = g_strdup_printf("product-%07u", crowd->products + i % 1000);
        NtRun run;
        NtProductPut product = {.id = id};
        if (!nt_turn_begin(crowd->catalogue, NULL, &error) ||
            !nt_catalogue_start_run(crowd->catalogue->db, "csv", "/more.csv", &run, &error) ||
            !nt_catalogue_put_product(crowd->catalogue->db, &run, &product, NULL, NULL, &error) ||
            !nt_turn_commit(crowd->catalogue, &error)) {
            die(error);
        }
        double rest = 1000.0 / WRITES_A_SECOND - (now_ms() - start);
        g_usleep(rest > 0 ? (gulong)(rest * 1000) : 1);
    }
    return NULL;
}

static double crowd_p99(NiteruCatalogue *catalogue, unsigned products, bool writer) {
    Crowd crowd = {.catalogue = catalogue, .products = products, .times = g_array_new(FALSE, FALSE, sizeof(double))};
    GThread *threads[SEARCHERS + 1] = {NULL};
    g_mutex_init(&crowd.lock);
    for (unsigned i = 0; i < SEARCHERS; i++) {
        threads[i] = g_thread_new("search", search, &crowd);
    }
    threads[SEARCHERS] = writer ? g_thread_new("write", write_all_the_time, &crowd) : NULL;
    g_usleep(SECONDS * G_USEC_PER_SEC);
    atomic_store(&crowd.done, true);
    for (unsigned i = 0; i <= SEARCHERS; i++) {
        if (threads[i] != NULL) {
            g_thread_join(threads[i]);
        }
    }
    double *times = (double *)(void *)crowd.times->data, p99 = quantile(times, crowd.times->len, 0.99);
    printf("%s_writer_rate,%.0f,answers a second\n%s_writer_p99,%.2f,ms\n", writer ? "with" : "without",
           crowd.times->len / (double)SECONDS, writer ? "with" : "without", p99);
    g_array_unref(crowd.times);
    g_mutex_clear(&crowd.lock);
    return p99;
}

int main(int argc, char **argv) {
    unsigned products = argc > 1 ? (unsigned)g_ascii_strtoull(argv[1], NULL, 10) : 100000;
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-answers-XXXXXX", NULL);
    g_autofree char *own = g_build_filename(folder, "own", NULL), *shared = g_build_filename(folder, "shared", NULL);
    g_autofree char *database = g_build_filename(own, "catalogue.db", NULL);
    fill(own, products, false);
    fill(shared, products, true);
    NiteruCatalogue *catalogue = niteru_open(own, NULL, &error), *other = niteru_open(shared, NULL, &error);
    if (catalogue == NULL || other == NULL) {
        die(error);
    }
    double first = similar_ms(catalogue, 1, NULL), second = similar_ms(catalogue, 1, NULL);
    printf("first_answer_over_the_next,%.1f,ms more\n", first - second);
    measure(catalogue, other, database, products);
    double quiet = crowd_p99(catalogue, products, false), busy = crowd_p99(catalogue, products, true);
    printf("p99_with_over_without_writer,%.2f,times\n", busy / quiet);
    niteru_close(catalogue);
    niteru_close(other);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
