/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over a pool's threads: every item once, whoever shares the pool. Also run with -Db_sanitize=thread. */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>

enum { ITEMS = 1000, BUDGET = 8 };

/* What a loop does: plain counters, each written by the one thread that got the item. */
typedef struct Count {
    NtThreadPool *pool;
    unsigned items[ITEMS];
    atomic_uint busy[BUDGET]; /* calls a worker number is in */
    unsigned budget;
    unsigned depth;
} Count;

static void count_item(size_t first, size_t count, unsigned worker, void *data) {
    Count *counts = data;
    g_assert_cmpuint(worker, <, counts->budget);
    g_assert_cmpuint(atomic_fetch_add(&counts->busy[worker], 1), ==, 0); /* a number is one thread's at a time */
    for (size_t i = first; i < first + count; i++) {
        counts->items[i]++;
    }
    if (counts->depth > 0 && first % 128 == 0) {
        g_autofree Count *inner = g_new0(Count, 1);
        *inner = (Count){.pool = counts->pool, .budget = BUDGET, .depth = counts->depth - 1};
        nt_thread_pool_for(counts->pool, BUDGET, ITEMS, 16, count_item, inner);
        for (size_t i = 0; i < ITEMS; i++) {
            g_assert_cmpuint(inner->items[i], ==, 1);
        }
    }
    atomic_fetch_sub(&counts->busy[worker], 1);
}

static void check_loop(NtThreadPool *pool, unsigned budget, size_t count, size_t grain, unsigned depth) {
    g_autofree Count *counts = g_new0(Count, 1);
    *counts = (Count){.pool = pool, .budget = budget > 0 ? budget : BUDGET, .depth = depth};
    nt_thread_pool_for(pool, budget, count, grain, count_item, counts);
    for (size_t i = 0; i < ITEMS; i++) {
        g_assert_cmpuint(counts->items[i], ==, i < count);
    }
}

static void test_every_item_once(void) {
    g_assert_cmpuint(nt_cores(), >=, 1);
    g_assert_cmpuint(nt_thread_pool_threads(NULL), ==, 1);
    for (unsigned threads = 1; threads <= BUDGET; threads++) {
        g_autoptr(NtThreadPool) pool = nt_thread_pool_new(threads);
        g_assert_cmpuint(nt_thread_pool_threads(pool), ==, threads);
        for (unsigned budget = 0; budget <= BUDGET; budget++) {
            check_loop(pool, budget, ITEMS, 7, 0);
            check_loop(pool, budget, 3, 1, 0);
            check_loop(pool, budget, ITEMS, 0, 0);
            check_loop(pool, budget, ITEMS, 5000, 0);
            check_loop(NULL, budget, ITEMS, 10, 0);
        }
        nt_thread_pool_for(pool, 0, 0, 0, count_item, NULL);
    }
    g_autoptr(NtThreadPool) cores = nt_thread_pool_new(0);
    g_assert_cmpuint(nt_thread_pool_threads(cores), ==, nt_cores());
}

static void test_nested(void) {
    g_autoptr(NtThreadPool) pool = nt_thread_pool_new(4);
    check_loop(pool, BUDGET, ITEMS, 64, 2);
}

/* Two pieces that wait for each other: only two threads at once come through. */
static void meet(size_t first, size_t count, unsigned worker, void *data) { pthread_barrier_wait(data); }

static void test_helps(void) {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 4);
    g_autoptr(NtThreadPool) pool = nt_thread_pool_new(4);
    for (int i = 0; i < 50; i++) {
        nt_thread_pool_for(pool, 4, 4, 1, meet, &barrier);
    }
    pthread_barrier_destroy(&barrier);
}

/* ---- many callers ---- */

static void *call(void *data) {
    for (unsigned i = 0; i < 20; i++) {
        check_loop(data, i % (BUDGET + 1), ITEMS, 1 + i * 3, i == 10);
    }
    return NULL;
}

static void test_many_callers(void) {
    enum { CALLERS = 64 };
    pthread_t callers[CALLERS];
    g_autoptr(NtThreadPool) pool = nt_thread_pool_new(3);
    for (int i = 0; i < CALLERS; i++) {
        g_assert_cmpint(pthread_create(&callers[i], NULL, call, pool), ==, 0);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i], NULL);
    }
}

/* ---- a pool whose helpers are all held up ---- */

typedef struct Gate {
    pthread_barrier_t inside; /* all threads of the pool are in the loop */
    pthread_mutex_t shut;
} Gate;

static void wait_at_gate(size_t first, size_t count, unsigned worker, void *data) {
    Gate *gate = data;
    pthread_barrier_wait(&gate->inside);
    pthread_mutex_lock(&gate->shut);
    pthread_mutex_unlock(&gate->shut);
}

typedef struct Held {
    NtThreadPool *pool;
    Gate gate;
} Held;

static void *hold_up(void *data) {
    Held *held = data;
    nt_thread_pool_for(held->pool, 3, 3, 1, wait_at_gate, &held->gate);
    return NULL;
}

/* Another caller's loops come to their end all the same: it waits for nobody who has not begun. */
static void test_no_starving(void) {
    Held held = {.pool = nt_thread_pool_new(3), .gate.shut = PTHREAD_MUTEX_INITIALIZER};
    pthread_t holder;
    pthread_barrier_init(&held.gate.inside, NULL, 4);
    pthread_mutex_lock(&held.gate.shut);
    g_assert_cmpint(pthread_create(&holder, NULL, hold_up, &held), ==, 0);
    pthread_barrier_wait(&held.gate.inside);
    for (int i = 0; i < 10; i++) {
        check_loop(held.pool, BUDGET, ITEMS, 10, 1);
    }
    pthread_mutex_unlock(&held.gate.shut);
    pthread_join(holder, NULL);
    pthread_barrier_destroy(&held.gate.inside);
    nt_thread_pool_free(held.pool);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/thread-pool/every-item-once", test_every_item_once);
    g_test_add_func("/thread-pool/nested", test_nested);
    g_test_add_func("/thread-pool/helps", test_helps);
    g_test_add_func("/thread-pool/many-callers", test_many_callers);
    g_test_add_func("/thread-pool/no-starving", test_no_starving);
    return g_test_run();
}
