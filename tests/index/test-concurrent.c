/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers search while a writer appends and deletes. What a reader took is what it gets: every row that was named then,
 * none that was deleted then, and rows of one piece. Under ThreadSanitizer (-Db_sanitize=thread) the same finds what is
 * not ordered; locks here are POSIX' own, which it understands.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "index-support.h"

enum { DIM = 48, ROWS = 20000, READERS = 3, K = 5, WORDS = ROWS / 64 + 1 };

/* What the writer has named, like a transaction of the catalogue: never changed once it is published. */
typedef struct Named {
    uint64_t rows;
    uint64_t digest; /* of the last whole block */
    uint64_t allow[WORDS];
} Named;

typedef struct Shop {
    char *path;
    NtVectorsSpec spec;
    NtVectors *shared; /* one handle for the writer and some readers */
    pthread_mutex_t lock;
    Named *named; /* under the lock; readers copy it */
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
    Named next = {0};
    while (next.rows < ROWS) {
        g_autoptr(GError) error = NULL;
        size_t count = (size_t)g_rand_int_range(rand, 1, 100);
        count = MIN(count, (size_t)(ROWS - next.rows));
        for (size_t i = 0; i < count; i++) {
            uint64_t r = next.rows + i;
            row_of(r, rows + i * DIM);
            next.allow[r / 64] |= UINT64_C(1) << (r % 64);
        }
        nt_vectors_append(shop->shared, next.rows, rows, count, NULL, NULL, &error);
        assert_fine(error);
        next.rows += count;
        for (int i = 0; i < 20; i++) { /* deletes, also what was deleted before */
            uint64_t gone = (uint64_t)g_rand_int_range(rand, 0, (gint32)next.rows);
            next.allow[gone / 64] &= ~(UINT64_C(1) << (gone % 64));
        }
        if (next.rows >= NT_VECTORS_BLOCK) {
            nt_vectors_digest(shop->shared, next.rows / NT_VECTORS_BLOCK - 1, NT_VECTORS_BLOCK, &next.digest, &error);
            assert_fine(error);
        }
        pthread_mutex_lock(&shop->lock);
        *shop->named = next;
        pthread_mutex_unlock(&shop->lock);
        g_usleep(500);
    }
    g_rand_free(rand);
    atomic_store(&shop->done, true);
    return NULL;
}

/* One search for the row `wanted` among what is named: found when it is not deleted, and every hit as it was written.
 */
static void search_once(NtVectors *vectors, const NtRows *view, const Named *named, uint64_t wanted) {
    g_autoptr(GError) error = NULL;
    float query[DIM], row[DIM], got[DIM];
    NtHit hits[K];
    size_t count = 0;
    row_of(wanted, query);
    NtQueries queries = {query, 1, DIM};
    NtSearchOptions options = {.k = K, .threads = 2, .allow = named->allow};
    nt_exact_search(view, &queries, &options, hits, &count, &error);
    assert_fine(error);
    if (nt_bit(named->allow, wanted)) {
        g_assert_cmpuint(hits[0].row, ==, wanted);
        g_assert_cmpfloat(hits[0].raw, >, 0.999);
    }
    for (size_t i = 0; i < count; i++) {
        g_assert_cmpuint(hits[i].row, <, named->rows);
        g_assert_true(nt_bit(named->allow, hits[i].row));
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
    Named named;
    for (bool last = false; !last;) {
        last = atomic_load(&shop->done);
        pthread_mutex_lock(&shop->lock);
        named = *shop->named;
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
            search_once(vectors, &view, &named, (uint64_t)g_rand_int_range(rand, 0, (gint32)named.rows));
        }
        search_once(vectors, &first, &named, (uint64_t)g_rand_int_range(rand, 0, (gint32)first.count));
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
    Named *named = g_new0(Named, 1);
    Shop shop = {.path = make_path("m.1.vec"),
                 .spec = {.dtype = NT_DTYPE_F16, .metric = NT_METRIC_COSINE, .dim = DIM},
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .named = named};
    nt_vectors_create(shop.path, &shop.spec, &error);
    assert_fine(error);
    shop.shared = nt_vectors_open(shop.path, true, &shop.spec, &error);
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
    nt_vectors_close(shop.shared);
    g_free(named);
    drop_path(shop.path);
}

/* What a search calls back, from many threads: `tie` from one at a time. */
typedef struct Calls {
    unsigned ties; /* plain: the search itself must keep the calls apart */
    atomic_uint excluded;
} Calls;

static int count_ties(uint32_t a, uint32_t b, void *data) {
    ((Calls *)data)->ties++;
    return a > b ? -1 : a < b;
}

static bool count_excluded(size_t query, uint32_t row, void *data) {
    atomic_fetch_add(&((Calls *)data)->excluded, 1);
    return row % 10 == 0;
}

static void test_callbacks(void) {
    enum { COUNT = 40000 };
    g_autofree float *rows = g_new(float, COUNT *DIM);
    for (size_t r = 0; r < COUNT; r++) {
        row_of(r % 3, rows + r * DIM);
    }
    NtRows view = {(const uint8_t *)rows, COUNT, DIM, DIM * 4, NT_DTYPE_F32, NT_METRIC_EUCLIDEAN, NULL};
    NtQueries queries = {rows, 6, DIM};
    Calls calls = {0};
    NtSearchOptions options = {.k = 20, .threads = 4, .excluded = count_excluded, .tie = count_ties, .data = &calls};
    NtHit hits[6 * 20];
    size_t counts[6];
    g_autoptr(GError) error = NULL;
    nt_exact_search(&view, &queries, &options, hits, counts, &error);
    assert_fine(error);
    for (size_t q = 0; q < 6; q++) {
        g_assert_cmpuint(counts[q], ==, 20);
        uint32_t row = COUNT;
        for (size_t i = 0; i < 20; i++) { /* the last ones there are, downwards */
            do {
                row--;
            } while (row % 3 != q % 3 || row % 10 == 0);
            g_assert_cmpuint(hits[q * 20 + i].row, ==, row);
            g_assert_cmpfloat(hits[q * 20 + i].raw, ==, 0);
        }
    }
    g_assert_cmpuint(calls.ties, >, 0);
    g_assert_cmpuint(atomic_load(&calls.excluded), >, 0);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/concurrent/readers-and-writer", test_readers_and_writer);
    g_test_add_func("/concurrent/callbacks", test_callbacks);
    return g_test_run();
}
