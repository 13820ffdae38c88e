/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <pthread.h>
#include <signal.h>

GThread *nt_thread_new(const char *name, GThreadFunc body, void *data) {
    sigset_t all, before;
    sigfillset(&all);
    bool blocked = pthread_sigmask(SIG_SETMASK, &all, &before) == 0; /* a thread begins with the mask of its maker */
    GThread *thread = g_thread_try_new(name, body, data, NULL);
    if (blocked) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    return thread;
}
