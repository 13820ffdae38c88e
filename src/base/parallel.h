/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over threads. */
#ifndef NT_BASE_PARALLEL_H
#define NT_BASE_PARALLEL_H

#include <stddef.h>

/* Cores this process may run on (its CPU set, not the machine's count); at least 1. */
unsigned nt_cores(void);

/* One piece of a loop: items first .. first + count - 1, run by thread `worker` (0 .. threads - 1). */
typedef void (*NtParallelFn)(size_t first, size_t count, unsigned worker, void *data);

/* Runs `fn` over items 0 .. count - 1 in pieces of `grain` items, handed out to `threads` threads (0: one per core)
 * as they become free; the caller's thread is worker 0. Returns when all pieces are done. With one thread, or one
 * piece, nothing is started. `fn` reports failure through `data`. */
void nt_parallel_for(unsigned threads, size_t count, size_t grain, NtParallelFn fn, void *data);

#endif
