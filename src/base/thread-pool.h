/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops over the threads of a standing pool. Any number of callers share one: each runs its own loop and is helped by
 * the threads that are free, so that no call starts a thread and all calls together keep no more threads busy than the
 * callers and the pool have, and no helper works where callers keep as many threads busy as the pool has.
 *
 *   NtThreadPool *pool = nt_thread_pool_new(nt_cores());
 *   nt_thread_pool_for(pool, 4, count, 64, work, &data);
 *
 * A caller never waits for a helper that has not begun: when its own share is done it takes its loop back out of the
 * queue, and waits only for pieces that are being worked on. So a caller cannot starve, and a loop may be run from
 * within another. Everything but nt_thread_pool_free is safe from any thread.
 */
#ifndef NT_BASE_THREAD_POOL_H
#define NT_BASE_THREAD_POOL_H

#include <stddef.h>

#include <glib.h>

/* Cores this process may run on (its CPU set, not the machine's count); at least 1. */
unsigned nt_cores(void);

/* One piece of a loop: items first .. first + count - 1, run by thread `worker`; no two threads of a loop have the same
 * number. */
typedef void (*NtParallelFn)(size_t first, size_t count, unsigned worker, void *data);

typedef struct NtThreadPool NtThreadPool;

/* A pool for loops of up to `threads` threads (0: one per core): the caller and threads - 1 helpers, which start when
 * a loop first wants them and cost no time while idle. Never NULL. */
NtThreadPool *nt_thread_pool_new(unsigned threads);

/* Ends its threads; no loop may be running. NULL is fine. */
void nt_thread_pool_free(NtThreadPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtThreadPool, nt_thread_pool_free)

/* What nt_thread_pool_new was told; 1 for NULL. */
unsigned nt_thread_pool_threads(const NtThreadPool *pool);

/* Runs `fn` over items 0 .. count - 1 in pieces of `grain` items (0 is taken as 1), handed out as threads become free
 * to the caller, who is worker 0 and always works itself, and to at most budget - 1 helpers with the numbers 1 ..
 * budget - 1 (budget 0, or more than the pool has: as many as it has). Loops get helpers in the order in which they
 * came. Returns when all pieces are done; `fn` reports failure through `data`. Without a pool, with a budget of 1 or
 * with one piece the caller works alone. A thread that cannot be started is no error: there is less help. */
void nt_thread_pool_for(NtThreadPool *pool, unsigned budget, size_t count, size_t grain, NtParallelFn fn, void *data);

#endif
