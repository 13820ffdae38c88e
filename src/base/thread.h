/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of the library's own. */
#ifndef NT_BASE_THREAD_H
#define NT_BASE_THREAD_H

#include <glib.h>

/* g_thread_try_new with all signals blocked in the new thread: the host's handlers run on the host's threads. NULL
 * where none can be started. */
GThread *nt_thread_new(const char *name, GThreadFunc body, void *data);

#endif
