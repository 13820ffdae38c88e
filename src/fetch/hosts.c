/* SPDX-License-Identifier: Apache-2.0 */
/* How a host is treated: how much at once, when again, and when no more. */
#include "fetch/fetch-internal.h"

enum {
    GOOD_FOR_ONE_MORE = 20,
    FAILED_FOR_GOOD = 20,
    FREE_RETRIES = 10,
    ANSWERS_PER_RETRY = 5,
    FIRST_DELAY = G_TIME_SPAN_SECOND / 2,
    LONGEST_DELAY = 30 * G_TIME_SPAN_SECOND,
};

Host *host_new(const char *name, unsigned most) {
    Host *host = g_new0(Host, 1);
    host->name = g_strdup(name);
    host->most = most;
    g_queue_init(&host->waiting);
    return host;
}

void host_free(void *data) {
    Host *host = data;
    g_queue_clear_full(&host->waiting, transfer_free);
    g_free(host->name);
    g_free(host);
}

bool host_has_room(const Host *host, int64_t now) { return host->running < host->most && now >= host->paused; }

void host_went_well(Host *host, unsigned most) {
    host->failed = 0;
    host->answers++;
    if (++host->good >= GOOD_FOR_ONE_MORE) {
        host->good = 0;
        host->most = MIN(host->most + 1, most);
    }
}

void host_slow_down(Host *host, int64_t now, int64_t delay) {
    if (now >= host->paused) { /* once for all that were under way */
        host->most = MAX(host->most / 2, 1);
    }
    host->good = 0;
    host->paused = MAX(host->paused, now + delay);
}

bool host_may_retry(Host *host) {
    if (host_is_given_up(host) || host->retries >= FREE_RETRIES + host->answers / ANSWERS_PER_RETRY) {
        return false;
    }
    host->retries++;
    return true;
}

void host_failed(Host *host) { host->failed++; }

bool host_is_given_up(const Host *host) { return host->failed >= FAILED_FOR_GOOD; }

int64_t host_delay(unsigned tries) {
    int64_t most = MIN((int64_t)FIRST_DELAY << MIN(tries - 1, 10), (int64_t)LONGEST_DELAY);
    return (int64_t)(g_random_double() * (double)most);
}
