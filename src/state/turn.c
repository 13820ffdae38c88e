/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turn to write: one transaction at a time. Within the process those who wait stand in a queue; the one in front
 * then waits for other processes (catalogue/lock.c). So who commits again and again stands behind whoever came in
 * between, and a wait is as long as the transactions in front of it.
 */
#include "state/state.h"

enum { LOOK_AGAIN = G_TIME_SPAN_SECOND / 50 /* while waiting, at whether the call was stopped */ };

struct NtTurns {
    GMutex lock; /* all below */
    GCond changed;
    GQueue waiting;  /* of those who wait, in order; each an address of its own */
    GThread *holder; /* whose turn it is; NULL: nobody's */
};

NtTurns *nt_turns_new(void) {
    NtTurns *turns = g_new0(NtTurns, 1);
    g_mutex_init(&turns->lock);
    g_cond_init(&turns->changed);
    return turns;
}

void nt_turns_free(NtTurns *turns) {
    if (turns != NULL) {
        g_mutex_clear(&turns->lock);
        g_cond_clear(&turns->changed);
        g_free(turns);
    }
}

/* The turn within this process. */
static bool take(NtTurns *turns, const NtWait *wait, GError **error) {
    char ticket;
    bool ok = nt_wait_check(wait, error);
    g_mutex_lock(&turns->lock);
    if (ok) {
        g_queue_push_tail(&turns->waiting, &ticket);
    }
    while (ok && (turns->holder != NULL || g_queue_peek_head(&turns->waiting) != &ticket)) {
        g_cond_wait_until(&turns->changed, &turns->lock, nt_wait_until(wait, LOOK_AGAIN));
        ok = nt_wait_check(wait, error);
    }
    g_queue_remove(&turns->waiting, &ticket);
    if (ok) {
        turns->holder = g_thread_self();
    }
    g_cond_broadcast(&turns->changed);
    g_mutex_unlock(&turns->lock);
    return ok;
}

static void give(NtTurns *turns) {
    g_mutex_lock(&turns->lock);
    turns->holder = NULL;
    g_cond_broadcast(&turns->changed);
    g_mutex_unlock(&turns->lock);
}

bool nt_turn_begin(NiteruCatalogue *catalogue, const NtWait *wait, GError **error) {
    if (nt_catalogue_read_only(catalogue->db)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: was opened for reading only", catalogue->folder);
    }
    if (!take(catalogue->turns, wait, error)) {
        return false;
    }
    if (!nt_catalogue_begin_wait(catalogue->db, wait, error)) {
        give(catalogue->turns);
        return false;
    }
    return true;
}

bool nt_turn_commit(NiteruCatalogue *catalogue, GError **error) {
    bool ok = nt_catalogue_commit(catalogue->db, error);
    if (!ok) {
        nt_catalogue_rollback(catalogue->db);
    }
    give(catalogue->turns);
    if (ok) {
        nt_shared_refresh(catalogue);
    }
    return ok;
}

void nt_turn_rollback(NiteruCatalogue *catalogue) {
    nt_catalogue_rollback(catalogue->db);
    give(catalogue->turns);
}

bool nt_turn_end(NiteruCatalogue *catalogue, bool ok, GError **error) {
    if (ok) {
        return nt_turn_commit(catalogue, error);
    }
    nt_turn_rollback(catalogue);
    return false;
}

bool nt_turn_accept_loss(NiteruCatalogue *catalogue, const NtWait *wait, char **out_words, GError **error) {
    *out_words = NULL;
    if (!take(catalogue->turns, wait, error)) {
        return false;
    }
    *out_words = nt_catalogue_accept_loss(catalogue->db);
    give(catalogue->turns);
    return true;
}
