/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of labels against plain tables of who has what. */
#include <pthread.h>
#include <string.h>

#include "index-support.h"

enum { ROWS = 60, LABELS = 25 };

typedef struct Plain {
    bool has[ROWS][LABELS + 1];
    uint64_t ranks[LABELS + 1];
} Plain;

static void check(const NtLabels *labels, const Plain *plain) {
    uint64_t alive = 0, pairs = 0;
    g_assert_true(nt_labels_sane(labels));
    for (uint64_t row = 0; row < ROWS; row++) {
        bool has[LABELS + 1] = {false}, any = false;
        for (uint32_t link, label = nt_labels_first(labels, row, &link); label != 0;
             label = nt_labels_next(labels, &link)) {
            g_assert_cmpuint(label, <=, LABELS);
            g_assert_false(has[label]);
            has[label] = any = true;
            pairs++;
        }
        alive += any;
        g_assert_cmpmem(has, sizeof has, plain->has[row], sizeof has);
    }
    for (uint32_t label = 1; label <= LABELS; label++) {
        g_assert_cmpuint(nt_labels_rank(labels, label), ==, plain->ranks[label]);
    }
    g_assert_cmpuint(labels->alive, ==, alive);
    g_assert_cmpuint(labels->pairs, ==, pairs);
}

static void test_versions(void) {
    enum { VERSIONS = 5, STEPS = 30000 };
    GRand *rand = make_rand();
    NtLabels versions[VERSIONS] = {{.alive = 0}};
    g_autofree Plain *plain = g_new0(Plain, VERSIONS);
    for (size_t step = 0; step < STEPS; step++) {
        size_t v = (size_t)g_rand_int_range(rand, 0, VERSIONS), from = (size_t)g_rand_int_range(rand, 0, VERSIONS);
        uint64_t row = (uint64_t)g_rand_int_range(rand, 0, ROWS);
        uint32_t label = (uint32_t)g_rand_int_range(rand, 1, LABELS + 1);
        int what = g_rand_int_range(rand, 0, 1000);
        if (what < 5 && v != from) {
            nt_labels_clear(&versions[v]);
            nt_labels_copy(&versions[v], &versions[from]);
            plain[v] = plain[from];
        } else if (what < 100) {
            g_assert_true(nt_labels_set_rank(&versions[v], label, step, NULL));
            plain[v].ranks[label] = step;
        } else if (what < 500 && !plain[v].has[row][label]) {
            g_assert_true(nt_labels_add(&versions[v], row, label, NULL));
            plain[v].has[row][label] = true;
        } else {
            g_assert_true(nt_labels_remove(&versions[v], row, label, NULL)); /* also what is not there */
            plain[v].has[row][label] = false;
        }
        if (step % 500 == 0) {
            check(&versions[v], &plain[v]);
        }
    }
    for (size_t v = 0; v < VERSIONS; v++) {
        check(&versions[v], &plain[v]);
        for (uint64_t row = 0; row < ROWS; row++) {
            for (uint32_t label = 1; label <= LABELS; label++) {
                g_assert_true(nt_labels_remove(&versions[v], row, label, NULL));
            }
        }
        g_assert_true(nt_labels_sane(&versions[v]));
        g_assert_cmpuint(versions[v].alive + versions[v].pairs, ==, 0);
        nt_labels_clear(&versions[v]);
    }
    g_rand_free(rand);
}

/* One picture of many products; their links are used again. */
static void test_shared_row(void) {
    enum { MANY = 100000 };
    g_auto(NtLabels) labels = {0};
    for (uint32_t label = 1; label <= MANY; label++) {
        g_assert_true(nt_labels_add(&labels, 7, label, NULL));
    }
    g_assert_true(nt_labels_sane(&labels));
    g_assert_cmpuint(labels.pairs, ==, MANY);
    size_t bytes = nt_labels_bytes(&labels);
    for (uint32_t label = MANY; label > 0; label--) { /* each is first in the chain */
        g_assert_true(nt_labels_remove(&labels, 7, label, NULL));
    }
    g_assert_cmpuint(labels.alive, ==, 0);
    for (uint32_t label = 1; label <= MANY; label++) {
        g_assert_true(nt_labels_add(&labels, label % 3, label, NULL));
    }
    g_assert_true(nt_labels_sane(&labels));
    g_assert_cmpuint(nt_labels_bytes(&labels), ==, bytes);
}

static void test_refused(void) {
    g_auto(NtLabels) labels = {0};
    g_autoptr(GError) error = NULL;
    static const uint32_t bad[] = {0, NT_LABEL_MAX + 1, UINT32_MAX};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(nt_labels_add(&labels, 1, bad[i], &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "a label of");
        g_assert_false(nt_labels_remove(&labels, 1, bad[i], &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "a label of");
        g_assert_false(nt_labels_set_rank(&labels, bad[i], 1, &error));
        assert_failed(&error, NITERU_ERROR_INVALID, "a label of");
    }
    g_assert_false(nt_labels_add(&labels, UINT64_MAX, 1, &error));
    assert_failed(&error, NITERU_ERROR_NO_MEMORY, "memory");
    g_assert_true(nt_labels_add(&labels, 3, NT_LABEL_MAX, &error));
    g_assert_true(nt_labels_add(&labels, 3, 1, &error));
    g_assert_true(nt_labels_remove(&labels, UINT64_MAX, 1, &error));
    g_assert_true(nt_labels_sane(&labels));
    g_assert_cmpuint(labels.pairs, ==, 2);
}

/* The checker sees what it is for. */
static void test_checker(void) {
    for (int fault = 0; fault < 6; fault++) {
        g_auto(NtLabels) labels = {0};
        for (uint32_t label = 1; label <= 4; label++) {
            g_assert_true(nt_labels_add(&labels, 0, label, NULL));
            g_assert_true(nt_labels_add(&labels, 1, label, NULL));
        }
        g_assert_true(nt_labels_remove(&labels, 1, 4, NULL)); /* a free link */
        g_assert_true(nt_labels_sane(&labels));
        uint32_t first = (uint32_t)nt_cells_get(&labels.rows, 0), free_link = labels.free_link;
        switch (fault) {
        case 0: labels.alive++; break;
        case 1: labels.pairs--; break;
        case 2: nt_cells_set(&labels.links, first, UINT64_C(9) << 32 | first, NULL); break; /* a ring */
        case 3: nt_cells_set(&labels.rows, 1, NT_LABELS_LINKED | first, NULL); break;       /* two rows, one chain */
        case 4: nt_cells_set(&labels.rows, 0, NT_LABELS_LINKED | free_link, NULL); break;   /* a free link */
        default: g_assert_true(nt_labels_add(&labels, 0, 2, NULL)); break;                  /* a second time */
        }
        g_assert_false(nt_labels_sane(&labels));
    }
}

/* ---- a writer and its readers ---- */

enum { READERS = 4, ROUNDS = 200 };

/* In every version, each product p has rows p and p + ROWS, or none of both. */
typedef struct Shared {
    pthread_mutex_t lock;
    NtLabels now; /* under the lock */
    bool done;
} Shared;

static bool has(const NtLabels *labels, uint64_t row, uint32_t wanted) {
    bool found = false;
    for (uint32_t link, label = nt_labels_first(labels, row, &link); label != 0;
         label = nt_labels_next(labels, &link)) {
        found |= label == wanted;
    }
    return found;
}

static void *read_versions(void *data) {
    Shared *shared = data;
    for (bool done = false; !done;) {
        g_auto(NtLabels) mine = {0};
        pthread_mutex_lock(&shared->lock);
        nt_labels_copy(&mine, &shared->now);
        done = shared->done;
        pthread_mutex_unlock(&shared->lock);
        for (uint32_t product = 1; product <= LABELS; product++) {
            bool one = has(&mine, product, product);
            g_assert_true(has(&mine, 0, product) == one && has(&mine, product + ROWS, product) == one);
        }
        g_assert_true(nt_labels_sane(&mine));
    }
    return NULL;
}

static void change(NtLabels *labels, uint64_t row, uint32_t product, bool on) {
    g_autoptr(GError) error = NULL;
    g_assert_true(on ? nt_labels_add(labels, row, product, &error) : nt_labels_remove(labels, row, product, &error));
    assert_fine(error);
}

static void test_threads(void) {
    Shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        g_assert_cmpint(pthread_create(&readers[i], NULL, read_versions, &shared), ==, 0);
    }
    GRand *rand = g_rand_new_with_seed(3);
    for (int round = 1; round <= ROUNDS; round++) {
        NtLabels next = {0}, old;
        nt_labels_copy(&next, &shared.now); /* only this thread changes it */
        for (int i = 0; i < 5; i++) {
            uint32_t product = (uint32_t)g_rand_int_range(rand, 1, LABELS + 1);
            bool on = !has(&next, product, product);
            change(&next, 0, product, on); /* which all products share */
            change(&next, product, product, on);
            change(&next, product + ROWS, product, on);
        }
        pthread_mutex_lock(&shared.lock);
        old = shared.now;
        shared.now = next;
        shared.done = round == ROUNDS;
        pthread_mutex_unlock(&shared.lock);
        nt_labels_clear(&old);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    nt_labels_clear(&shared.now);
    g_rand_free(rand);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/labels/versions", test_versions);
    g_test_add_func("/labels/shared-row", test_shared_row);
    g_test_add_func("/labels/refused", test_refused);
    g_test_add_func("/labels/checker", test_checker);
    g_test_add_func("/labels/threads", test_threads);
    return g_test_run();
}
