/* SPDX-License-Identifier: Apache-2.0 */
/* How long a call may take: until somebody stops it, or until a moment. */
#ifndef NT_BASE_WAIT_H
#define NT_BASE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include <gio/gio.h>

/* All zeros, and a NULL NtWait: for ever. */
typedef struct NtWait {
    GCancellable *cancellable; /* borrowed; NULL: none */
    GCancellable *closing;     /* a second one, of whatever the call works on; likewise */
    int64_t deadline;          /* in the microseconds of g_get_monotonic_time; 0: none */
} NtWait;

/* Whether to go on. Errors: CANCELLED, TIMEOUT (the deadline is now or has passed). Costs some 50 ns. */
bool nt_wait_check(const NtWait *wait, GError **error);

/* When one who waits for something else has to look again: `most` microseconds from now, or at the deadline when that
 * is sooner; in the microseconds of g_get_monotonic_time. */
int64_t nt_wait_until(const NtWait *wait, int64_t most);

#endif
