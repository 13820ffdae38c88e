/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline from photos to vectors: many users at once, single photos before bulk work, users that give up. */
#include "../support/shop.h"

#include <stdatomic.h>
#include <string.h>

enum { PHOTOS = 24, SEARCHERS = 8, TIMES = 6 };

/* A network, and photos of it with the vectors they have when nothing else is going on. */
typedef struct Bench {
    Shop shop;
    NtLimits limits;
    NtCard *card;
    NtNetwork *network;
    NtPipeline *pipeline;
    GBytes *photos[PHOTOS];
    float *vectors[PHOTOS];
} Bench;

static bool same(const Bench *bench, const float *vector, unsigned photo) {
    for (unsigned i = 0; i < bench->card->dimension; i++) {
        if (ABS(vector[i] - bench->vectors[photo][i]) > 1e-4F * (1 + ABS(vector[i]))) {
            return false; /* a team of threads sums in another order */
        }
    }
    return true;
}

static void bench_open(Bench *bench, unsigned threads) {
    g_autoptr(GError) error = NULL;
    shop_open(&bench->shop);
    bench->limits = nt_limits_default();
    const char *folder = g_getenv("NITERU_MODELS");
    bench->card = nt_shipped_card(folder, &error);
    g_autofree char *path = g_build_filename(folder, "niteru-base.onnx", NULL);
    bench->network = nt_network_load(path, NULL, &error);
    g_assert_no_error(error);
    bench->pipeline = nt_pipeline_new(&bench->limits, threads);
    for (unsigned i = 0; i < PHOTOS; i++) {
        g_autofree char *name = g_strdup_printf("p%02u.png", i), *photo = below(&bench->shop, name);
        draw_picture(&bench->shop, name, i);
        bench->photos[i] = nt_photo_read(photo, &bench->limits, &error);
        g_assert_no_error(error);
        bench->vectors[i] = g_new(float, bench->card->dimension);
        nt_pipeline_embed(bench->pipeline, bench->card, bench->network, bench->photos[i], name, NULL, bench->vectors[i],
                          &error);
        g_assert_no_error(error);
    }
    g_assert_false(same(bench, bench->vectors[0], 1));
}

static void bench_drop(Bench *bench) {
    nt_pipeline_free(bench->pipeline);
    for (unsigned i = 0; i < PHOTOS; i++) {
        g_bytes_unref(bench->photos[i]);
        g_free(bench->vectors[i]);
    }
    nt_network_unref(bench->network);
    nt_card_free(bench->card);
    shop_drop(&bench->shop);
}

/* A job of bulk work. */
typedef struct Bulk {
    NtEmbedJob job;
    GBytes *bytes; /* NULL: it cannot be read */
    unsigned photo;
    bool known; /* there is nothing to embed */
} Bulk;

static bool read_bulk(NtEmbedJob *job, GBytes **out_bytes, GError **error) {
    Bulk *bulk = (Bulk *)job;
    if (bulk->bytes == NULL) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "not there");
    }
    *out_bytes = bulk->known ? NULL : g_bytes_ref(bulk->bytes);
    return true;
}

static void free_bulk(NtEmbedJob *job) { g_free(job); }

static void offer(const Bench *bench, NtEmbedQueue *queue, unsigned photo, bool known) {
    Bulk *bulk = g_new(Bulk, 1);
    *bulk = (Bulk){.job = {.name = "bulk", .read = read_bulk, .free = free_bulk}, .photo = photo, .known = known};
    bulk->bytes = photo < PHOTOS ? bench->photos[photo] : NULL;
    g_assert_true(nt_embed_queue_offer(queue, &bulk->job));
}

static void *search(void *data) {
    const Bench *bench = data;
    g_autofree float *vector = g_new(float, bench->card->dimension);
    for (unsigned i = 0; i < TIMES; i++) {
        g_autoptr(GError) error = NULL;
        unsigned photo = (unsigned)g_random_int_range(0, PHOTOS);
        nt_pipeline_embed(bench->pipeline, bench->card, bench->network, bench->photos[photo], "photo", NULL, vector,
                          &error);
        g_assert_no_error(error);
        g_assert_true(same(bench, vector, photo));
    }
    return NULL;
}

/* Bulk work and visitors' photos side by side all come to their vectors. */
static void test_together(void) {
    Bench bench;
    bench_open(&bench, 2);
    g_autoptr(NtEmbedQueue) queue = nt_embed_queue_new(bench.pipeline, bench.card, bench.network, true);
    for (unsigned i = 0; i < 4 * PHOTOS; i++) {
        offer(&bench, queue, i % PHOTOS, i % 5 == 4);
    }
    offer(&bench, queue, PHOTOS, false);
    GThread *searchers[SEARCHERS];
    for (unsigned i = 0; i < SEARCHERS; i++) {
        searchers[i] = g_thread_new("search", search, &bench);
    }
    unsigned embedded = 0, known = 0, failed = 0;
    while (nt_embed_queue_pending(queue) > 0) {
        g_autoptr(NtEmbedJob) job = nt_embed_queue_take(queue, G_TIME_SPAN_SECOND);
        if (job != NULL && job->fault != NULL) {
            g_assert_error(job->fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
            g_assert_false(job->ends_run);
            failed++;
        } else if (job != NULL && job->vector == NULL) {
            known += ((Bulk *)job)->known;
        } else if (job != NULL) {
            g_assert_true(same(&bench, job->vector, ((Bulk *)job)->photo));
            g_assert_cmpint(job->header.format, ==, NT_IMAGE_PNG);
            embedded++;
        }
    }
    g_assert_cmpuint(failed, ==, 1);
    g_assert_cmpuint(known, ==, 4 * PHOTOS / 5);
    g_assert_cmpuint(embedded, ==, 4 * PHOTOS - 4 * PHOTOS / 5);
    for (unsigned i = 0; i < SEARCHERS; i++) {
        g_thread_join(searchers[i]);
    }
    g_assert_null(nt_embed_queue_take(queue, 0));
    g_clear_pointer(&queue, nt_embed_queue_free);
    bench_drop(&bench);
}

/* A job that tells how many bulk jobs were begun before it; bulk jobs wait for the gate. */
typedef struct Gated {
    NtEmbedJob job;
    GBytes *bytes;
    GMutex *gate;
    atomic_uint *begun;
    unsigned seen;
} Gated;

static bool read_gated(NtEmbedJob *job, GBytes **out_bytes, GError **error) {
    Gated *gated = (Gated *)job;
    gated->seen = gated->gate != NULL ? atomic_fetch_add(gated->begun, 1) : atomic_load(gated->begun);
    if (gated->gate != NULL) {
        g_mutex_lock(gated->gate);
        g_mutex_unlock(gated->gate);
    }
    *out_bytes = g_bytes_ref(gated->bytes);
    return true;
}

static void offer_gated(const Bench *bench, NtEmbedQueue *queue, GMutex *gate, atomic_uint *begun) {
    Gated *gated = g_new(Gated, 1);
    *gated = (Gated){.job = {.name = "gated", .read = read_gated, .free = free_bulk},
                     .bytes = bench->photos[0],
                     .gate = gate,
                     .begun = begun};
    g_assert_true(nt_embed_queue_offer(queue, &gated->job));
}

/* A photo of a visitor does not wait for the bulk work that came before it. */
static void test_first(void) {
    Bench bench;
    GMutex gate;
    atomic_uint begun = 0;
    g_mutex_init(&gate);
    bench_open(&bench, 1);
    g_autoptr(NtEmbedQueue) bulk = nt_embed_queue_new(bench.pipeline, bench.card, bench.network, true);
    g_autoptr(NtEmbedQueue) single = nt_embed_queue_new(bench.pipeline, bench.card, bench.network, false);
    g_mutex_lock(&gate);
    for (unsigned i = 0; i < 50; i++) {
        offer_gated(&bench, bulk, &gate, &begun);
    }
    while (atomic_load(&begun) == 0) {
        g_usleep(1000);
    }
    offer_gated(&bench, single, NULL, &begun);
    g_mutex_unlock(&gate);
    g_autoptr(NtEmbedJob) job = NULL;
    while (job == NULL) {
        job = nt_embed_queue_take(single, G_TIME_SPAN_SECOND);
    }
    g_assert_no_error(job->fault);
    g_assert_cmpuint(((Gated *)job)->seen, ==, 1);
    while (nt_embed_queue_pending(bulk) > 25) {
        nt_embed_job_free(nt_embed_queue_take(bulk, G_TIME_SPAN_SECOND));
    }
    g_clear_pointer(&bulk, nt_embed_queue_free); /* the rest is given up */
    g_clear_pointer(&single, nt_embed_queue_free);
    bench_drop(&bench);
    g_mutex_clear(&gate);
}

/* Those who stop waiting get their error, whatever the pipeline is at. */
static void test_giving_up(void) {
    Bench bench;
    GError *error = NULL;
    bench_open(&bench, 1);
    g_autofree float *vector = g_new(float, bench.card->dimension);
    NtWait late = {.deadline = g_get_monotonic_time() - 1}, soon = {.deadline = g_get_monotonic_time() + 1};
    NtWait stopped = {.cancellable = g_cancellable_new()};
    g_cancellable_cancel(stopped.cancellable);
    const struct {
        const NtWait *wait;
        NiteruError code;
    } cases[] = {{&late, NITERU_ERROR_TIMEOUT}, {&soon, NITERU_ERROR_TIMEOUT}, {&stopped, NITERU_ERROR_CANCELLED}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_false(nt_pipeline_embed(bench.pipeline, bench.card, bench.network, bench.photos[0], "photo",
                                         cases[i].wait, vector, &error));
        expect_error(&error, cases[i].code, "");
    }
    g_autoptr(GBytes) text = g_bytes_new_static("not a photo", 11);
    g_assert_false(
        nt_pipeline_embed(bench.pipeline, bench.card, bench.network, text, "text.jpg", NULL, vector, &error));
    expect_error(&error, NITERU_ERROR_UNSUPPORTED, "text.jpg");
    g_object_unref(stopped.cancellable);
    bench_drop(&bench);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/embed/pipeline/together", test_together);
    g_test_add_func("/embed/pipeline/single-first", test_first);
    g_test_add_func("/embed/pipeline/giving-up", test_giving_up);
    return g_test_run();
}
