/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop lives on its caller's stack and stands in the pool's queue while it may take more helpers. One lock guards the
 * queue and the counts of helpers; pieces are handed out by an atomic counter in the loop, without it. Nothing is
 * called under the lock but the system.
 *
 *   caller: queue the loop, wake helpers; work; unqueue it; wait until running is 0
 *   helper: wait for the queue's first loop; running + 1; work; unqueue it, as it has no pieces left; running - 1
 *
 * A caller waits for threads that work on its own loop only, and these wait for threads on loops they began within it:
 * waiting makes a tree, never a ring. Letting a waiting caller help other loops was rejected: it would answer late for
 * the sake of others.
 *
 * The lock is POSIX' own, which the thread sanitizer understands.
 */
#include "base/base.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

unsigned nt_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    return g_get_num_processors();
}

/* ---- the queue ---- */

typedef struct Loop Loop;
struct Loop {
    size_t count, grain;
    NtParallelFn fn;
    void *data;
    atomic_size_t next; /* first item nobody has taken yet */

    /* Under the pool's lock. */
    unsigned helpers; /* that have come so far */
    unsigned wanted;  /* that may still come; 0: not in the queue */
    unsigned running; /* that have not left */
    pthread_cond_t left;
    Loop *behind; /* in the queue */
};

struct NtThreadPool {
    unsigned threads;
    GThread **helpers; /* (threads - 1), the first `started` of them */
    pthread_mutex_t lock;
    pthread_cond_t work;
    Loop *first, **last; /* the queue; where the next one is hung */
    unsigned wanted;     /* helpers that the loops in the queue may still take */
    unsigned started, idle;
    unsigned callers; /* with loops under way, each of them a thread that works */
    bool ending;
};

static void work(Loop *loop, unsigned worker) {
    for (;;) {
        size_t first = atomic_fetch_add(&loop->next, loop->grain);
        if (first >= loop->count) {
            return;
        }
        loop->fn(first, MIN(loop->grain, loop->count - first), worker, loop->data);
    }
}

/* Takes the loop out of the queue, when it is there still. */
static void unqueue(NtThreadPool *pool, Loop *loop) {
    if (loop->wanted == 0) {
        return;
    }
    Loop **at = &pool->first;
    while (*at != loop) {
        at = &(*at)->behind;
    }
    *at = loop->behind;
    if (pool->last == &loop->behind) {
        pool->last = at;
    }
    pool->wanted -= loop->wanted;
    loop->wanted = 0;
}

/* Helps the first loop of the queue; takes the lock and gives it back as it was: held. */
static void help_first(NtThreadPool *pool) {
    Loop *loop = pool->first;
    unsigned worker = ++loop->helpers;
    loop->running++;
    if (loop->wanted == 1) {
        unqueue(pool, loop);
    } else {
        loop->wanted--;
        pool->wanted--;
    }
    pool->idle--;
    pthread_mutex_unlock(&pool->lock);
    work(loop, worker);
    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    unqueue(pool, loop);
    if (--loop->running == 0) {
        pthread_cond_signal(&loop->left);
    }
}

/* How many more helpers may work: with as many threads at work as there are cores, one more would only take turns with
 * them. */
static unsigned room(const NtThreadPool *pool) {
    unsigned busy = pool->callers + (pool->started - pool->idle);
    return pool->threads > busy ? pool->threads - busy : 0;
}

static void *help(void *data) {
    NtThreadPool *pool = data;
    pthread_mutex_lock(&pool->lock);
    while (!pool->ending) {
        if (pool->first != NULL && room(pool) > 0) {
            help_first(pool);
        } else {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- the pool ---- */

NtThreadPool *nt_thread_pool_new(unsigned threads) {
    NtThreadPool *pool = g_new0(NtThreadPool, 1);
    pool->threads = threads > 0 ? threads : nt_cores();
    pool->helpers = g_new0(GThread *, pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    return pool;
}

void nt_thread_pool_free(NtThreadPool *pool) {
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++) {
        g_thread_join(pool->helpers[i]);
    }
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool->helpers);
    g_free(pool);
}

unsigned nt_thread_pool_threads(const NtThreadPool *pool) { return pool != NULL ? pool->threads : 1; }

/* Puts the loop at the queue's end and sees to helpers: idle ones are woken, missing ones started. A thread that has
 * been started counts as idle from then on, so that not two are started for one need. */
static void queue(NtThreadPool *pool, Loop *loop, unsigned helpers) {
    pthread_mutex_lock(&pool->lock);
    loop->wanted = helpers;
    pool->wanted += helpers;
    pool->callers++;
    *pool->last = loop;
    pool->last = &loop->behind;
    unsigned welcome = MIN(helpers, room(pool));
    for (unsigned i = 0; i < MIN(welcome, pool->idle); i++) {
        pthread_cond_signal(&pool->work);
    }
    while (pool->idle < pool->wanted && pool->started < pool->threads - 1) {
        GThread *thread = nt_thread_new("nt-pool", help, pool);
        if (thread == NULL) {
            break;
        }
        pool->helpers[pool->started++] = thread;
        pool->idle++;
    }
    pthread_mutex_unlock(&pool->lock);
}

void nt_thread_pool_for(NtThreadPool *pool, unsigned budget, size_t count, size_t grain, NtParallelFn fn, void *data) {
    if (count == 0) {
        return;
    }
    grain = MAX(grain, 1);
    unsigned threads = nt_thread_pool_threads(pool);
    threads = budget > 0 ? MIN(threads, budget) : threads;
    threads = (unsigned)MIN((size_t)threads, (count - 1) / grain + 1);
    Loop loop = {.count = count, .grain = grain, .fn = fn, .data = data};
    if (threads == 1) {
        work(&loop, 0);
        return;
    }
    pthread_cond_init(&loop.left, NULL);
    queue(pool, &loop, threads - 1);
    work(&loop, 0);
    pthread_mutex_lock(&pool->lock);
    unqueue(pool, &loop);
    pool->callers--;
    if (pool->first != NULL) { /* there is room for a helper of another's */
        pthread_cond_signal(&pool->work);
    }
    while (loop.running > 0) {
        pthread_cond_wait(&loop.left, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_destroy(&loop.left);
}
