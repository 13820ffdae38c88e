/* SPDX-License-Identifier: Apache-2.0 */
/* Failures that were found in a turn, kept until it is over: whoever is told may take his time, and everybody who
 * writes would wait for him. */
#include "ingest/ingest-internal.h"

static void free_failure(void *data) {
    NiteruFailure *failure = data;
    g_free((char *)failure->place);
    g_free((char *)failure->product);
    g_free((char *)failure->photo);
    g_free((char *)failure->message);
    if (failure->error != NULL) {
        g_error_free((GError *)failure->error);
    }
    g_free(failure);
}

GPtrArray *failures_new(void) { return g_ptr_array_new_with_free_func(free_failure); }

void failures_keep(GPtrArray *kept, const NiteruFailure *failure) {
    NiteruFailure *copy = g_memdup2(failure, sizeof *failure);
    copy->place = g_strdup(failure->place);
    copy->product = g_strdup(failure->product);
    copy->photo = g_strdup(failure->photo);
    copy->message = g_strdup(failure->message);
    copy->error = failure->error != NULL ? g_error_copy(failure->error) : NULL;
    g_ptr_array_add(kept, copy);
}

void failures_tell(GPtrArray *kept, void (*told)(const NiteruFailure *failure, void *data), void *data) {
    for (guint i = 0; told != NULL && i < kept->len; i++) {
        told(kept->pdata[i], data);
    }
    g_ptr_array_set_size(kept, 0);
}
