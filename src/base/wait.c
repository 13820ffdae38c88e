/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

bool nt_wait_check(const NtWait *wait, GError **error) {
    if (wait == NULL) {
        return true;
    }
    if (g_cancellable_is_cancelled(wait->cancellable) || g_cancellable_is_cancelled(wait->closing)) {
        return nt_fail(error, NITERU_ERROR_CANCELLED, "stopped");
    }
    return wait->deadline == 0 || g_get_monotonic_time() < wait->deadline ||
           nt_fail(error, NITERU_ERROR_TIMEOUT, "took longer than allowed");
}

int64_t nt_wait_until(const NtWait *wait, int64_t most) {
    int64_t again = g_get_monotonic_time() + most;
    return wait != NULL && wait->deadline != 0 ? MIN(again, wait->deadline) : again;
}
