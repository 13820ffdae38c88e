/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of an array against plain copies, one at a time and with many threads (under -Db_sanitize=thread the latter
 * finds what is not ordered). */
#include "base/base.h"

#include <pthread.h>
#include <string.h>

static void set(NtCells *cells, uint64_t at, uint64_t value) {
    g_autoptr(GError) error = NULL;
    g_assert_true(nt_cells_set(cells, at, value, &error));
    g_assert_no_error(error);
}

static void test_edges(void) {
    g_auto(NtCells) cells = {0};
    g_autoptr(GError) error = NULL;
    g_assert_cmpuint(nt_cells_get(&cells, 0), ==, 0);
    g_assert_cmpuint(nt_cells_get(&cells, UINT64_MAX), ==, 0);
    g_assert_cmpuint(nt_cells_bytes(&cells), ==, 0);
    set(&cells, 5000, 0); /* no chunk for a zero, yet the length counts it */
    g_assert_cmpuint(nt_cells_length(&cells), ==, 5001);
    g_assert_cmpuint(nt_cells_bytes(&cells), ==, 0);
    g_assert_null(nt_cells_from(&cells, 0));
    set(&cells, 4096, 7);
    g_assert_cmpuint(nt_cells_length(&cells), ==, 5001);
    g_assert_cmpuint(nt_cells_bytes(&cells), >=, 16384);
    g_assert_cmpuint(nt_cells_bytes(&cells), <, 2 * 16384);
    g_assert_cmpuint(nt_cells_get(&cells, 4096), ==, 7);
    g_assert_cmpuint(nt_cells_get(&cells, 4095) + nt_cells_get(&cells, 4097), ==, 0);
    g_assert_cmpuint(*nt_cells_from(&cells, 4096), ==, 7);
    g_assert_false(nt_cells_set(&cells, NT_CELLS_MAX, 1, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NO_MEMORY);
    g_clear_error(&error);
    g_assert_false(nt_cells_set_bit(&cells, UINT64_MAX, true, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NO_MEMORY);
    nt_cells_clear(&cells);
    nt_cells_clear(&cells);
    g_assert_cmpuint(nt_cells_length(&cells), ==, 0);
    set(&cells, NT_CELLS_MAX - 1, 1);
    g_assert_cmpuint(nt_cells_get(&cells, NT_CELLS_MAX - 1), ==, 1);
}

/* Random writes and copies between eight versions; each is compared with an array of its own. */
static void test_versions(void) {
    enum { VERSIONS = 8, CELLS = 20000, STEPS = 40000 };
    guint32 seed = (guint32)g_test_rand_int();
    g_test_message("seed %u", seed);
    GRand *rand = g_rand_new_with_seed(seed);
    NtCells versions[VERSIONS] = {{0}};
    g_autofree uint64_t *plain = g_new0(uint64_t, VERSIONS * CELLS);
    uint64_t lengths[VERSIONS] = {0};
    for (size_t step = 0; step < STEPS; step++) {
        size_t v = (size_t)g_rand_int_range(rand, 0, VERSIONS), from = (size_t)g_rand_int_range(rand, 0, VERSIONS);
        if (v != from && g_rand_int_range(rand, 0, 100) == 0) {
            nt_cells_clear(&versions[v]);
            nt_cells_copy(&versions[v], &versions[from]);
            memcpy(plain + v * CELLS, plain + from * CELLS, CELLS * sizeof *plain);
            lengths[v] = lengths[from];
            continue;
        }
        uint64_t at = (uint64_t)g_rand_int_range(rand, 0, CELLS), value = (uint64_t)g_rand_int_range(rand, 0, 3);
        set(&versions[v], at, value);
        plain[v * CELLS + at] = value;
        lengths[v] = MAX(lengths[v], at + 1);
    }
    for (size_t v = 0; v < VERSIONS; v++) {
        g_assert_cmpuint(nt_cells_length(&versions[v]), ==, lengths[v]);
        uint64_t bits = 0;
        for (uint64_t i = 0; i < CELLS; i++) {
            g_assert_cmpuint(nt_cells_get(&versions[v], i), ==, plain[v * CELLS + i]);
            bits += plain[v * CELLS + i] % 2 + plain[v * CELLS + i] / 2;
        }
        g_assert_cmpuint(nt_cells_count_bits(&versions[v]), ==, bits);
        nt_cells_clear(&versions[v]);
    }
    g_rand_free(rand);
}

static void test_bits(void) {
    g_auto(NtCells) cells = {0};
    static const uint64_t bits[] = {0, 63, 64, 131071, 131072, 1000000};
    for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
        g_assert_false(nt_cells_bit(&cells, bits[i]));
        g_assert_true(nt_cells_set_bit(&cells, bits[i], true, NULL));
        g_assert_true(nt_cells_bit(&cells, bits[i]));
        g_assert_cmpuint(nt_cells_count_bits(&cells), ==, i + 1);
    }
    g_assert_true(nt_cells_set_bit(&cells, 63, false, NULL));
    g_assert_false(nt_cells_bit(&cells, 63));
    g_assert_true(nt_cells_bit(&cells, 64) && nt_cells_bit(&cells, 0));
    g_assert_cmpuint(nt_cells_count_bits(&cells), ==, G_N_ELEMENTS(bits) - 1);
}

/* A copy shares all; the first write to one chunk costs that chunk and the table. */
static void test_sharing(void) {
    g_auto(NtCells) old = {0}, new = {0};
    for (uint64_t i = 0; i < 10; i++) {
        set(&old, i * NT_CELLS_CHUNK, i + 1);
    }
    nt_cells_copy(&new, &old);
    g_assert_true(nt_cells_from(&new, 0) == nt_cells_from(&old, 0));
    set(&new, 0, 1); /* what it was */
    g_assert_true(nt_cells_from(&new, 0) == nt_cells_from(&old, 0));
    set(&new, 3 * NT_CELLS_CHUNK, 99);
    for (uint64_t i = 0; i < 10; i++) {
        bool shared = nt_cells_from(&new, i * NT_CELLS_CHUNK) == nt_cells_from(&old, i * NT_CELLS_CHUNK);
        g_assert_true(shared == (i != 3));
    }
    const uint64_t *chunk = nt_cells_from(&new, 3 * NT_CELLS_CHUNK);
    set(&new, 3 * NT_CELLS_CHUNK + 1, 5); /* its own by now */
    g_assert_true(nt_cells_from(&new, 3 * NT_CELLS_CHUNK) == chunk);
    g_assert_cmpuint(nt_cells_get(&old, 3 * NT_CELLS_CHUNK), ==, 4);
    g_assert_cmpuint(nt_cells_get(&old, 3 * NT_CELLS_CHUNK + 1), ==, 0);
}

/* ---- a writer and its readers ---- */

enum { READERS = 4, WIDE = 10000, ROUNDS = 300 };

typedef struct Shared {
    pthread_mutex_t lock;
    NtCells now; /* under the lock; in version n every cell that is set holds n or less, and cell 0 holds n */
    bool done;
} Shared;

static void *read_versions(void *data) {
    Shared *shared = data;
    for (bool done = false; !done;) {
        g_auto(NtCells) mine = {0};
        pthread_mutex_lock(&shared->lock);
        nt_cells_copy(&mine, &shared->now);
        done = shared->done;
        pthread_mutex_unlock(&shared->lock);
        uint64_t version = nt_cells_get(&mine, 0), sum = 0, again = 0;
        for (uint64_t i = 0; i < WIDE; i++) {
            g_assert_cmpuint(nt_cells_get(&mine, i), <=, version);
            sum += nt_cells_get(&mine, i);
        }
        g_auto(NtCells) own = {0}; /* readers may write versions of their own */
        nt_cells_copy(&own, &mine);
        set(&own, 1, UINT64_MAX);
        for (uint64_t i = 0; i < WIDE; i++) {
            again += nt_cells_get(&mine, i);
        }
        g_assert_cmpuint(sum, ==, again);
    }
    return NULL;
}

static void test_threads(void) {
    Shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        g_assert_cmpint(pthread_create(&readers[i], NULL, read_versions, &shared), ==, 0);
    }
    GRand *rand = g_rand_new_with_seed(3);
    for (uint64_t version = 1; version <= ROUNDS; version++) {
        NtCells next = {0}, old;
        nt_cells_copy(&next, &shared.now); /* only this thread changes it */
        set(&next, 0, version);
        for (int i = 0; i < 10; i++) {
            set(&next, (uint64_t)g_rand_int_range(rand, 2, WIDE), version);
        }
        pthread_mutex_lock(&shared.lock);
        old = shared.now;
        shared.now = next;
        shared.done = version == ROUNDS;
        pthread_mutex_unlock(&shared.lock);
        nt_cells_clear(&old);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    g_assert_cmpuint(nt_cells_get(&shared.now, 0), ==, ROUNDS);
    nt_cells_clear(&shared.now);
    g_rand_free(rand);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cells/edges", test_edges);
    g_test_add_func("/cells/versions", test_versions);
    g_test_add_func("/cells/bits", test_bits);
    g_test_add_func("/cells/sharing", test_sharing);
    g_test_add_func("/cells/threads", test_threads);
    return g_test_run();
}
