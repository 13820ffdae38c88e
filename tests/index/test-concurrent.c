/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers search while a writer appends and deletes. What a reader took is what it gets: every row that was named then,
 * none that was deleted then, and rows of one piece. Under ThreadSanitizer (-Db_sanitize=thread) the same finds what is
 * not ordered; locks here are POSIX' own, which it understands.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "index-support.h"

enum { DIM = 48, ROWS = 20000, READERS = 3, K = 5 };

/* What the writer has named, like a transaction of the catalogue: never changed once it is published. Row r, while it
 * is not deleted, is a photo of product r / 2 + 1. */
typedef struct Named {
    uint64_t rows;
    uint64_t digest; /* of the last whole block */
    NtLabels labels;
} Named;

static void named_copy(Named *to, const Named *from) {
    *to = (Named){.rows = from->rows, .digest = from->digest};
    nt_labels_copy(&to->labels, &from->labels);
}

static void named_clear(Named *named) { nt_labels_clear(&named->labels); }
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Named, named_clear)

static bool alive(const Named *named, uint64_t row) {
    uint32_t link;
    return nt_labels_first(&named->labels, row, &link) != 0;
}

typedef struct Shop {
    char *path;
    NtVectorsSpec spec;
    NtVectors *shared; /* one handle for the writer and some readers */
    NtIndex *index;
    NtThreadPool *pool;
    pthread_mutex_t lock;
    Named named; /* under the lock; readers copy it */
    atomic_bool done;
    atomic_uint searches;
} Shop;

/* Row `r` from nothing but its number; no two alike. */
static void row_of(uint64_t r, float *out) {
    uint64_t state = (r + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < DIM; i++) {
        state ^= state >> 29;
        state *= UINT64_C(0xbf58476d1ce4e5b9);
        out[i] = (float)(state >> 40) * 0x1p-23F - 1;
    }
}

static void *write_rows(void *data) {
    Shop *shop = data;
    GRand *rand = g_rand_new_with_seed(5);
    g_autofree float *rows = g_new(float, 100 * DIM);
    g_auto(Named) next = {0};
    while (next.rows < ROWS) {
        g_autoptr(GError) error = NULL;
        size_t count = (size_t)g_rand_int_range(rand, 1, 100);
        count = MIN(count, (size_t)(ROWS - next.rows));
        for (size_t i = 0; i < count; i++) {
            uint64_t r = next.rows + i;
            row_of(r, rows + i * DIM);
            g_assert_true(nt_labels_add(&next.labels, r, (uint32_t)(r / 2 + 1), &error));
        }
        nt_vectors_append(shop->shared, next.rows, rows, count, NULL, NULL, &error);
        assert_fine(error);
        next.rows += count;
        for (int i = 0; i < 20; i++) { /* deletes, also what was deleted before */
            uint64_t gone = (uint64_t)g_rand_int_range(rand, 0, (gint32)next.rows);
            g_assert_true(nt_labels_remove(&next.labels, gone, (uint32_t)(gone / 2 + 1), &error));
            g_assert_true(nt_index_remove(shop->index, gone, &error));
        }
        g_auto(NtRows) view = {0};
        nt_vectors_view(shop->shared, next.rows, &view, &error);
        assert_fine(error);
        g_assert_true(nt_index_add(shop->index, &view, next.rows - count, count, &error));
        if (next.rows >= NT_VECTORS_BLOCK) {
            nt_vectors_digest(shop->shared, next.rows / NT_VECTORS_BLOCK - 1, NT_VECTORS_BLOCK, &next.digest, &error);
            assert_fine(error);
        }
        Named old, published;
        named_copy(&published, &next);
        pthread_mutex_lock(&shop->lock);
        old = shop->named;
        shop->named = published;
        pthread_mutex_unlock(&shop->lock);
        named_clear(&old);
        g_usleep(500);
    }
    g_rand_free(rand);
    atomic_store(&shop->done, true);
    return NULL;
}

/* One search for the row `wanted` among what is named: found when it is not deleted, and every hit as it was written.
 */
static void search_once(Shop *shop, NtVectors *vectors, const NtRows *view, const Named *named, uint64_t wanted) {
    g_autoptr(GError) error = NULL;
    float query[DIM], row[DIM], got[DIM];
    NtIndexHit hits[K];
    size_t count = 0;
    row_of(wanted, query);
    NtQueries queries = {query, 1, DIM};
    NtIndexOptions options = {.k = K, .pool = shop->pool, .threads = 2, .labels = &named->labels};
    nt_index_search(shop->index, view, &queries, &options, hits, &count, &error);
    assert_fine(error);
    if (alive(named, wanted)) {
        g_assert_cmpuint(hits[0].row, ==, wanted);
        g_assert_cmpfloat(hits[0].raw, >, 0.999);
    }
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpuint(hits[i].row, <, view->count);
        g_assert_true(alive(named, hits[i].row));
        g_assert_cmpuint(hits[i].label, ==, hits[i].row / 2 + 1);
        row_of(hits[i].row, row);
        g_assert_cmpfloat_with_epsilon(nt_metric_value(NT_METRIC_COSINE, query, row, DIM), hits[i].raw, 1e-3);
        nt_vectors_get(vectors, hits[i].row, got, &error);
        assert_fine(error);
        g_assert_cmpfloat(nt_metric_value(NT_METRIC_COSINE, got, row, DIM), >, 0.999);
    }
}

typedef struct Reader {
    Shop *shop;
    unsigned number;
} Reader;

static void *read_rows(void *data) {
    Reader *reader = data;
    Shop *shop = reader->shop;
    g_autoptr(GError) error = NULL;
    /* The first shares the writer's handle; the others have their own, as another process would. */
    NtVectors *vectors = reader->number == 0 ? shop->shared : nt_vectors_open(shop->path, false, &shop->spec, &error);
    assert_fine(error);
    GRand *rand = g_rand_new_with_seed(reader->number);
    g_auto(NtRows) first = {0}; /* kept from the first search to the last */
    for (bool last = false; !last;) {
        last = atomic_load(&shop->done);
        g_auto(Named) named = {0};
        pthread_mutex_lock(&shop->lock);
        named_copy(&named, &shop->named);
        pthread_mutex_unlock(&shop->lock);
        if (named.rows == 0) {
            continue;
        }
        g_auto(NtRows) view = {0};
        nt_vectors_view(vectors, named.rows, &view, &error);
        assert_fine(error);
        if (first.data == NULL) {
            nt_vectors_view(vectors, named.rows, &first, &error);
            assert_fine(error);
        }
        for (int i = 0; i < 3; i++) {
            search_once(shop, vectors, &view, &named, (uint64_t)g_rand_int_range(rand, 0, (gint32)named.rows));
        }
        search_once(shop, vectors, &first, &named, (uint64_t)g_rand_int_range(rand, 0, (gint32)first.count));
        if (named.rows >= NT_VECTORS_BLOCK) {
            uint64_t digest;
            nt_vectors_digest(vectors, named.rows / NT_VECTORS_BLOCK - 1, NT_VECTORS_BLOCK, &digest, &error);
            assert_fine(error);
            g_assert_cmpuint(digest, ==, named.digest);
        }
        atomic_fetch_add(&shop->searches, 4);
    }
    g_rand_free(rand);
    if (reader->number != 0) {
        nt_vectors_close(vectors);
    }
    return NULL;
}

static void test_readers_and_writer(void) {
    g_autoptr(GError) error = NULL;
    Shop shop = {.path = make_path("m.1.vec"),
                 .spec = {.dtype = NT_DTYPE_F16, .metric = NT_METRIC_COSINE, .dim = DIM},
                 .pool = nt_thread_pool_new(3),
                 .lock = PTHREAD_MUTEX_INITIALIZER};
    nt_vectors_create(shop.path, &shop.spec, &error);
    assert_fine(error);
    shop.shared = nt_vectors_open(shop.path, true, &shop.spec, &error);
    assert_fine(error);
    shop.index = nt_index_new(NULL, &shop.spec, &error);
    assert_fine(error);
    pthread_t writer, readers[READERS];
    Reader seats[READERS];
    for (unsigned i = 0; i < READERS; i++) {
        seats[i] = (Reader){&shop, i};
        g_assert_cmpint(pthread_create(&readers[i], NULL, read_rows, &seats[i]), ==, 0);
    }
    g_assert_cmpint(pthread_create(&writer, NULL, write_rows, &shop), ==, 0);
    pthread_join(writer, NULL);
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    g_test_message("%u searches", atomic_load(&shop.searches));
    g_assert_cmpuint(atomic_load(&shop.searches), >=, 4 * READERS);
    g_assert_cmpuint(nt_vectors_check(shop.shared, ROWS, NULL, NULL, NULL), ==, 0);
    NtIndexStatistics told;
    nt_index_statistics(shop.index, &told);
    g_assert_cmpuint(told.rows, ==, ROWS);
    g_assert_cmpuint(told.searches, ==, atomic_load(&shop.searches));
    nt_index_free(shop.index);
    nt_thread_pool_free(shop.pool);
    nt_vectors_close(shop.shared);
    named_clear(&shop.named);
    drop_path(shop.path);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/concurrent/readers-and-writer", test_readers_and_writer);
    return g_test_run();
}
