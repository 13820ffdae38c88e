/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <sched.h>
#include <stdatomic.h>

unsigned nt_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
        return (unsigned)CPU_COUNT(&set);
    }
    return g_get_num_processors();
}

typedef struct Loop {
    size_t count, grain;
    NtParallelFn fn;
    void *data;
    atomic_size_t next; /* first item nobody has taken yet */
} Loop;

typedef struct Worker {
    Loop *loop;
    unsigned number;
} Worker;

static void *work(void *data) {
    Worker *worker = data;
    Loop *loop = worker->loop;
    for (;;) {
        size_t first = atomic_fetch_add(&loop->next, loop->grain);
        if (first >= loop->count) {
            return NULL;
        }
        loop->fn(first, MIN(loop->grain, loop->count - first), worker->number, loop->data);
    }
}

/* Threads are started for each call: about 20 us each, against loops of milliseconds. A standing pool would have to
 * be shared between callers, and a caller that waits inside it for its own pieces can starve. */
void nt_parallel_for(unsigned threads, size_t count, size_t grain, NtParallelFn fn, void *data) {
    if (count == 0) {
        return;
    }
    grain = MAX(grain, 1);
    threads = threads == 0 ? nt_cores() : threads;
    threads = (unsigned)MIN((size_t)threads, (count - 1) / grain + 1);
    Loop loop = {.count = count, .grain = grain, .fn = fn, .data = data};
    g_autofree Worker *workers = g_new(Worker, threads);
    g_autofree GThread **started = g_new0(GThread *, threads);
    for (unsigned i = 0; i < threads; i++) {
        workers[i] = (Worker){.loop = &loop, .number = i};
        if (i > 0) {
            started[i] = g_thread_try_new("nt-parallel", work, &workers[i], NULL);
        }
    }
    work(&workers[0]);
    for (unsigned i = 1; i < threads; i++) {
        if (started[i] != NULL) {
            g_thread_join(started[i]);
        }
    }
}
