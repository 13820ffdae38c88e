/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server does all day. usage: live MODELS-FOLDER PHOTO... (200 photos or more)
 *
 * In a catalogue of 100,000 products with vectors of niteru's own model: one product put with a photo (as a file, as
 * bytes), beside decoding and embedding that photo plus one synced transaction of plain SQLite, in turns, medians.
 * Photo searches by 8 threads at once, beside the same photos through the pipeline in bulk: photos a second. How long a
 * removal waits while the photos are indexed. Prints CSV: name,value,unit.
 */
#include "ingest/ingest.h"
#include "search/search.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRODUCTS = 100000, TURNS = 40, SEARCHERS = 8 };

static void die(const GError *error) {
    fprintf(stderr, "live: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

static double now_ms(void) { return (double)g_get_monotonic_time() / 1000; }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

/* ---- a large catalogue ---- */

static void fill(NiteruCatalogue *catalogue) {
    g_autoptr(GError) error = NULL;
    NtCatalogue *db = catalogue->db;
    uint64_t rows = 0;
    NtRun run;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    g_autoptr(NtModel) model = nt_model_find(catalogue, NULL, &error);
    if (model == NULL || !nt_turn_begin(catalogue, NULL, &error) ||
        !nt_catalogue_start_run(db, "csv", "/list.csv", &run, &error)) {
        die(error);
    }
    size_t dim = model->card->dimension;
    g_autofree float *vector = g_new(float, dim);
    g_autofree int64_t *contents = g_new(int64_t, PRODUCTS);
    for (uint64_t i = 0; i < PRODUCTS; i++) {
        g_autofree char *id = g_strdup_printf("product-%07u", (unsigned)i);
        NtPhotoPut photo = {.location = "/photos/a.jpg"};
        NtPhotoState state;
        NtContent content = {.bytes = 1000};
        NtProductPut product = {.id = id, .photos = &photo, .photo_count = 1};
        memcpy(content.hash, &i, sizeof i);
        for (size_t d = 0; d < dim; d++) {
            vector[d] = (float)g_rand_double(random) - 0.5F;
        }
        if (!nt_catalogue_put_product(db, &run, &product, &state, NULL, &error) ||
            !nt_catalogue_add_content(db, &content, &contents[i], &error) ||
            !nt_catalogue_set_photo_content(db, state.photo, contents[i], NULL, &error) ||
            !nt_vectors_append(model->vectors, rows + i, vector, 1, NULL, NULL, &error)) {
            die(error);
        }
    }
    if (!nt_vectors_sync(model->vectors, &error) ||
        !nt_catalogue_add_vectors(db, model->model, 0, contents, PRODUCTS, NT_MAKER_UNKNOWN, &error) ||
        !nt_put_digests(db, model, 0, PRODUCTS, &error) || !nt_turn_commit(catalogue, &error)) {
        die(error);
    }
}

static void search_once(NiteruCatalogue *catalogue, const char *id) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) results = niteru_similar(catalogue, id, NULL, NULL, &error);
    if (results == NULL) {
        die(error);
    }
}

/* ---- one product ---- */

static double put_ms(NiteruCatalogue *catalogue, const char *path, bool as_bytes, unsigned number) {
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL, *id = g_strdup_printf("live-%s-%u", as_bytes ? "bytes" : "file", number);
    gsize size = 0;
    if (as_bytes && !g_file_get_contents(path, &bytes, &size, &error)) {
        die(error);
    }
    const NiteruPhoto photo = {.size = sizeof photo, .path = path, .bytes = bytes, .length = size};
    const NiteruProduct product = {.size = sizeof product,
                                   .id = id,
                                   .metadata = "{\"title\": \"live\", \"price\": 12.5}",
                                   .photos = (const NiteruPhoto *const[]){&photo, NULL}};
    double start = now_ms();
    if (!niteru_put(catalogue, &product, NULL, NULL, NULL, &error)) {
        die(error);
    }
    double took = now_ms() - start;
    search_once(catalogue, id); /* it is there */
    return took;
}

static double embed_ms(NiteruCatalogue *catalogue, const char *path) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtModel) model = nt_model_find(catalogue, NULL, &error);
    double start = now_ms();
    g_autofree float *vector = nt_model_embed_file(catalogue, model, path, NULL, &error);
    if (vector == NULL) {
        die(error);
    }
    return now_ms() - start;
}

static double commit_ms(sqlite3 *db) {
    double start = now_ms();
    if (sqlite3_exec(db, "INSERT INTO t(x) VALUES(randomblob(500))", NULL, NULL, NULL) != SQLITE_OK) {
        die(NULL);
    }
    return now_ms() - start;
}

static void measure_put(NiteruCatalogue *catalogue, const char *folder, char **photos) {
    double file[TURNS], bytes[TURNS], embed[TURNS], commit[TURNS];
    g_autofree char *path = g_build_filename(folder, "plain.db", NULL);
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(x)", NULL, NULL, NULL) !=
            SQLITE_OK) {
        die(NULL);
    }
    search_once(catalogue, "product-0000001");
    embed_ms(catalogue, photos[0]);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        embed[turn] = embed_ms(catalogue, photos[2 * turn]);
        commit[turn] = commit_ms(db);
        file[turn] = put_ms(catalogue, photos[2 * turn], false, turn);
        bytes[turn] = put_ms(catalogue, photos[2 * turn + 1], true, turn);
    }
    sqlite3_close(db);
    double least = median(embed, TURNS) + median(commit, TURNS), whole = median(file, TURNS);
    printf("embed,%.2f,ms\ncommit,%.2f,ms\nput_file,%.2f,ms\nput_bytes,%.2f,ms\n", median(embed, TURNS),
           median(commit, TURNS), whole, median(bytes, TURNS));
    printf("put_file_over_embed_and_commit,%.2f,times\nput_bytes_over_embed_and_commit,%.2f,times\n", whole / least,
           median(bytes, TURNS) / least);
}

/* ---- photo searches ---- */

typedef struct Crowd {
    NiteruCatalogue *catalogue;
    char **photos;
    unsigned count;
    atomic_uint next;
} Crowd;

static void *search_photos(void *data) {
    Crowd *crowd = data;
    unsigned i;
    while ((i = atomic_fetch_add(&crowd->next, 1)) < crowd->count) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NiteruResults) results = niteru_search_photo(crowd->catalogue, crowd->photos[i], NULL, NULL, &error);
        if (results == NULL) {
            die(error);
        }
    }
    return NULL;
}

static double searched_a_second(NiteruCatalogue *catalogue, char **photos, unsigned count) {
    Crowd crowd = {.catalogue = catalogue, .photos = photos, .count = count};
    GThread *threads[SEARCHERS];
    double start = now_ms();
    for (unsigned i = 0; i < SEARCHERS; i++) {
        threads[i] = g_thread_new("search", search_photos, &crowd);
    }
    for (unsigned i = 0; i < SEARCHERS; i++) {
        g_thread_join(threads[i]);
    }
    return count / (now_ms() - start) * 1000;
}

typedef struct Bulk {
    NtEmbedJob job;
    const NtLimits *limits;
} Bulk;

static bool read_bulk(NtEmbedJob *job, GBytes **out_bytes, GError **error) {
    *out_bytes = nt_photo_read(job->name, ((Bulk *)job)->limits, error);
    return *out_bytes != NULL;
}

static void free_bulk(NtEmbedJob *job) { g_free(job); }

static double embedded_a_second(NiteruCatalogue *catalogue, char **photos, unsigned count) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtModel) model = nt_model_find(catalogue, NULL, &error);
    g_autoptr(NtEmbedQueue) queue =
        nt_embed_queue_new(catalogue->pipeline, model->card, nt_model_network(catalogue, model, &error), true);
    double start = now_ms();
    for (unsigned offered = 0, done = 0; done < count;) {
        Bulk *bulk = offered < count ? g_new(Bulk, 1) : NULL;
        if (bulk != NULL) {
            *bulk = (Bulk){{.name = photos[offered], .read = read_bulk, .free = free_bulk}, &catalogue->limits};
            bool taken = nt_embed_queue_offer(queue, &bulk->job);
            offered += taken;
            if (!taken) {
                g_free(bulk);
            }
        }
        bool full = nt_embed_queue_pending(queue) >= 200;
        NtEmbedJob *job = nt_embed_queue_take(queue, offered < count && !full ? 0 : G_TIME_SPAN_SECOND);
        done += job != NULL;
        nt_embed_job_free(job);
    }
    return count / (now_ms() - start) * 1000;
}

static void measure_photos(const char *folder, char **photos, unsigned count) {
    enum { ROUNDS = 5 };
    g_autoptr(GError) error = NULL;
    double search[ROUNDS], bulk[ROUNDS];
    g_autofree char *small = g_build_filename(folder, "small", NULL);
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(small, NULL, &error);
    const NiteruPhoto photo = {.size = sizeof photo, .path = photos[0]};
    const NiteruProduct product = {
        .size = sizeof product, .id = "one", .photos = (const NiteruPhoto *const[]){&photo, NULL}};
    if (catalogue == NULL || !niteru_put(catalogue, &product, NULL, NULL, NULL, &error)) {
        die(error);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        bulk[round] = embedded_a_second(catalogue, photos, count);
        search[round] = searched_a_second(catalogue, photos, count);
    }
    double fast = median(bulk, ROUNDS), asked = median(search, ROUNDS);
    printf("bulk,%.1f,photos a second\nphoto_searches,%.1f,photos a second\nphoto_searches_of_bulk,%.3f,times\n", fast,
           asked, asked / fast);
}

/* ---- waiting beside a run ---- */

typedef struct Run {
    NiteruCatalogue *catalogue;
    const char *list;
    atomic_bool over;
} Run;

static void *index_list(void *data) {
    Run *run = data;
    g_autoptr(GError) error = NULL;
    if (!niteru_index(run->catalogue, run->list, NULL, NULL, NULL, &error)) {
        die(error);
    }
    atomic_store(&run->over, true);
    return NULL;
}

static void measure_waiting(const char *folder, char **photos, unsigned count) {
    g_autoptr(GError) error = NULL;
    g_autofree char *shop = g_build_filename(folder, "run", NULL), *list = g_build_filename(folder, "list.csv", NULL);
    g_autoptr(GString) text = g_string_new("id,image\n");
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_canonicalize_filename(photos[i], NULL);
        g_string_append_printf(text, "p%u,%s\n", i, path);
    }
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(shop, NULL, &error);
    if (catalogue == NULL || !g_file_set_contents(list, text->str, -1, &error)) {
        die(error);
    }
    Run run = {.catalogue = catalogue, .list = list};
    GThread *thread = g_thread_new("index", index_list, &run);
    g_autoptr(GArray) waits = g_array_new(FALSE, FALSE, sizeof(double));
    while (!atomic_load(&run.over)) {
        double start = now_ms();
        if (!niteru_remove(catalogue, (const char *const[]){"p3"}, 1, NULL, 0, NULL, NULL, &error)) {
            die(error);
        }
        double took = now_ms() - start;
        g_array_append_val(waits, took);
        g_usleep(20000);
    }
    g_thread_join(thread);
    double *values = (double *)(void *)waits->data, middle = median(values, waits->len);
    printf("removal_beside_a_run_median,%.1f,ms\nremoval_beside_a_run_longest,%.1f,ms\n", middle,
           values[waits->len - 1]);
}

int main(int argc, char **argv) {
    if (argc < 202) {
        fprintf(stderr, "usage: %s MODELS-FOLDER PHOTO... (200 or more)\n", argv[0]);
        return 2;
    }
    g_setenv("NITERU_MODELS", argv[1], TRUE);
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-live-XXXXXX", NULL);
    g_autofree char *large = g_build_filename(folder, "large", NULL);
    NiteruCatalogue *catalogue = niteru_open(large, NULL, &error);
    if (catalogue == NULL || !nt_models_ensure(catalogue, NULL, NULL, &error)) {
        die(error);
    }
    fill(catalogue);
    measure_put(catalogue, folder, argv + 2);
    niteru_close(catalogue);
    measure_photos(folder, argv + 2, (unsigned)argc - 2);
    measure_waiting(folder, argv + 2, (unsigned)argc - 2);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
