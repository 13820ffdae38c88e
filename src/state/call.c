/* SPDX-License-Identifier: Apache-2.0 */
/* How calls from outside begin and end: structs that may be of another version, time that is limited, a catalogue that
 * may be closed meanwhile. */
#include "state/state.h"

#include <string.h>

bool nt_options_read(void *to, size_t known, const void *from, const char *name, GError **error) {
    memset(to, 0, known);
    if (from == NULL) {
        memcpy(to, &known, sizeof known);
        return true;
    }
    size_t size;
    memcpy(&size, from, sizeof size);
    if (size < sizeof size) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: its size is not set; write {.size = sizeof(%s)}", name, name);
    }
    for (const char *at = (const char *)from + known, *end = (const char *)from + size; at < end; at++) {
        if (*at != 0) {
            return nt_fail(error, NITERU_ERROR_INVALID,
                           "%s: it has settings that this version of the library (" NT_VERSION ") does not know", name);
        }
    }
    memcpy(to, from, MIN(size, known));
    return true;
}

void nt_report_write(void *out, const void *from, size_t known) {
    size_t size;
    if (out == NULL) {
        return;
    }
    memcpy(&size, out, sizeof size);
    if (size > sizeof size) {
        memcpy((char *)out + sizeof size, (const char *)from + sizeof size, MIN(size, known) - sizeof size);
    }
}

NtWait nt_wait_for(unsigned timeout_ms, GCancellable *cancellable) {
    return (NtWait){.cancellable = cancellable,
                    .deadline = timeout_ms > 0 ? g_get_monotonic_time() + timeout_ms * INT64_C(1000) : 0};
}

bool nt_call_begin(NtCall *call, NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable,
                   GError **error) {
    *call = (NtCall){.wait = nt_wait_for(timeout_ms, cancellable)};
    call->wait.closing = catalogue->closing;
    g_mutex_lock(&catalogue->lock);
    bool open = !g_cancellable_is_cancelled(catalogue->closing);
    catalogue->calls += open;
    g_mutex_unlock(&catalogue->lock);
    call->catalogue = open ? catalogue : NULL;
    return (open || nt_fail(error, NITERU_ERROR_CANCELLED, "%s: is being closed", catalogue->folder)) &&
           nt_wait_check(&call->wait, error);
}

bool nt_call_begin_writing(NtCall *call, NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable,
                           GError **error) {
    if (!nt_call_begin(call, catalogue, timeout_ms, cancellable, error)) {
        return false;
    }
    if (nt_catalogue_read_only(catalogue->db)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    g_mutex_lock(&catalogue->lock);
    call->writing = !g_ptr_array_find(catalogue->writers, g_thread_self(), NULL);
    if (call->writing) {
        g_ptr_array_add(catalogue->writers, g_thread_self());
    }
    g_mutex_unlock(&catalogue->lock);
    return call->writing ||
           nt_fail(error, NITERU_ERROR_INVALID,
                   "this thread is writing to %s already: a callback cannot write, do it after the call",
                   catalogue->folder);
}

void nt_call_clear(NtCall *call) {
    NiteruCatalogue *catalogue = call->catalogue;
    if (catalogue != NULL) {
        g_mutex_lock(&catalogue->lock);
        if (call->writing) {
            g_ptr_array_remove_fast(catalogue->writers, g_thread_self());
        }
        if (--catalogue->calls == 0) {
            g_cond_broadcast(&catalogue->idle);
        }
        g_mutex_unlock(&catalogue->lock);
        call->catalogue = NULL;
    }
}

void nt_calls_stop(NiteruCatalogue *catalogue) {
    g_mutex_lock(&catalogue->lock);
    g_cancellable_cancel(catalogue->closing);
    while (catalogue->calls > 0) {
        g_cond_wait(&catalogue->idle, &catalogue->lock);
    }
    g_mutex_unlock(&catalogue->lock);
}
