/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that fetches: transfers wait at their hosts, begin as their hosts have room, end, and wait to be taken.
 * libcurl's multi interface does all of them in one thread (names are looked up in threads of libcurl's own).
 */
#include <string.h>

#include "fetch/fetch-internal.h"

enum {
    MOST_CONNECTIONS = 64,
    MOST_HOST_CONNECTIONS = 64,
    MOST_HOSTS = 4096,     /* remembered */
    NO_ROOM_DELAY = 50000, /* microseconds */
    LONGEST_POLL = 1000,   /* milliseconds */
};

/* Bytes in bodies that were not taken, above which no further transfer is begun. */
static const gint64 enough_held = INT64_C(64) << 20;

struct NtFetcher {
    NtFetchOptions options;
    CURLM *multi;
    GThread *thread;
    GMutex lock; /* on all until the line */
    GCond done_came;
    GQueue offered; /* NtFetch */
    GQueue done;    /* NtFetch */
    size_t pending;
    bool stop;
    /* ---- of the thread alone; `held` is atomic ---- */
    gint64 held;
    GHashTable *hosts; /* name -> Host */
    GQueue later;      /* Transfer: to be tried again, or whose host waits */
    GQueue running;    /* Transfer */
    unsigned waiting;  /* transfers at hosts */
};

/* ---- one fetch ---- */

NtFetch *nt_fetch_new(const char *address, const char *etag, const char *modified, void *data, GDestroyNotify destroy) {
    NtFetch *fetch = g_new0(NtFetch, 1);
    fetch->address = g_strdup(address);
    fetch->etag = g_strdup(etag);
    fetch->modified = g_strdup(modified);
    fetch->data = data;
    fetch->destroy = destroy;
    return fetch;
}

void nt_fetch_free(NtFetch *fetch) {
    if (fetch != NULL) {
        if (fetch->destroy != NULL && fetch->data != NULL) {
            fetch->destroy(fetch->data);
        }
        g_free(fetch->address);
        g_free(fetch->etag);
        g_free(fetch->modified);
        g_clear_pointer(&fetch->body, g_bytes_unref);
        g_clear_error(&fetch->fault);
        g_free(fetch);
    }
}

/* ---- in the thread ---- */

static void give_back(NtFetcher *fetcher, Transfer *transfer) {
    g_mutex_lock(&fetcher->lock);
    g_queue_push_tail(&fetcher->done, g_steal_pointer(&transfer->fetch));
    g_cond_broadcast(&fetcher->done_came);
    g_mutex_unlock(&fetcher->lock);
    transfer_free(transfer);
    if (fetcher->options.ready != NULL) {
        fetcher->options.ready(fetcher->options.data);
    }
}

static void give_fault(NtFetcher *fetcher, Transfer *transfer, GError *fault) {
    transfer->fetch->fault = fault;
    give_back(fetcher, transfer);
}

/* Hosts that were good and are idle are forgotten when there are too many. */
static gboolean is_idle(void *name, void *data, void *unused) {
    const Host *host = data;
    return host->running == 0 && g_queue_is_empty((GQueue *)&host->waiting) && !host_is_given_up(host);
}

static Host *find_host(NtFetcher *fetcher, const char *name) {
    Host *host = g_hash_table_lookup(fetcher->hosts, name);
    if (host == NULL) {
        if (g_hash_table_size(fetcher->hosts) >= MOST_HOSTS) {
            g_hash_table_foreach_remove(fetcher->hosts, is_idle, NULL);
        }
        host = host_new(name, fetcher->options.host_connections);
        g_hash_table_insert(fetcher->hosts, host->name, host);
    }
    return host;
}

static GError *given_up(const Transfer *transfer) {
    GError *fault = NULL;
    g_autofree char *safe = nt_text_printable(transfer->fetch->address, 200);
    nt_fail(&fault, NITERU_ERROR_IO, "%s: not asked any more, because its host failed again and again before it", safe);
    return fault;
}

/* Puts a transfer to its host, which another address may have changed. */
static void queue_transfer(NtFetcher *fetcher, Transfer *transfer) {
    g_autofree char *normal = NULL, *name = fetch_host_of(transfer->address, &normal);
    if (name == NULL) {
        GError *fault = NULL;
        nt_fail(&fault, NITERU_ERROR_INVALID, "%s: is no address", transfer->address);
        give_fault(fetcher, transfer, fault);
        return;
    }
    g_free(transfer->address);
    transfer->address = g_steal_pointer(&normal);
    transfer->host = find_host(fetcher, name);
    g_queue_push_tail(&transfer->host->waiting, transfer);
    fetcher->waiting++;
}

static void accept_offered(NtFetcher *fetcher) {
    NtFetch *fetch;
    for (;;) {
        g_mutex_lock(&fetcher->lock);
        fetch = g_queue_pop_head(&fetcher->offered);
        g_mutex_unlock(&fetcher->lock);
        if (fetch == NULL) {
            return;
        }
        Transfer *transfer = transfer_new(fetch, &fetcher->options, &fetcher->held);
        GError *fault = NULL;
        transfer->address = g_strdup(fetch->address);
        if (nt_fetch_check(fetch->address, fetcher->options.allow_private, &fault)) {
            queue_transfer(fetcher, transfer);
        } else {
            give_fault(fetcher, transfer, fault);
        }
    }
}

static void begin(NtFetcher *fetcher, Transfer *transfer) {
    transfer->host->running++;
    g_queue_push_tail(&fetcher->running, transfer);
    curl_multi_add_handle(fetcher->multi, transfer_begin(transfer));
}

/* Begins what may be begun. */
static void begin_some(NtFetcher *fetcher, int64_t now) {
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, fetcher->hosts);
    while (fetcher->waiting > 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
        Host *host = value;
        while (!g_queue_is_empty(&host->waiting) && (host_is_given_up(host) || host_has_room(host, now)) &&
               g_queue_get_length(&fetcher->running) < MOST_CONNECTIONS &&
               __atomic_load_n(&fetcher->held, __ATOMIC_RELAXED) < enough_held) {
            Transfer *transfer = g_queue_pop_head(&host->waiting);
            fetcher->waiting--;
            if (host_is_given_up(host)) {
                give_fault(fetcher, transfer, given_up(transfer));
            } else {
                begin(fetcher, transfer);
            }
        }
    }
}

static void put_off(NtFetcher *fetcher, Transfer *transfer, int64_t until) {
    transfer->not_before = until;
    g_queue_push_tail(&fetcher->later, transfer);
}

/* The host or the way to it was at fault: again after a while, or for good. */
static void try_again(NtFetcher *fetcher, Transfer *transfer, TransferEnd end, GError *fault, int64_t delay) {
    Host *host = transfer->host;
    int64_t now = g_get_monotonic_time();
    delay = MAX(delay, host_delay(transfer->tries));
    if (end == TRANSFER_TOO_MUCH) {
        host_slow_down(host, now, delay);
    }
    if (transfer->tries < NT_FETCH_TRIES && host_may_retry(host)) {
        g_error_free(fault);
        put_off(fetcher, transfer, now + delay);
    } else {
        host_failed(host);
        give_fault(fetcher, transfer, fault);
    }
}

static void settle(NtFetcher *fetcher, Transfer *transfer, CURLcode code) {
    GError *fault = NULL;
    int64_t delay = 0;
    g_queue_remove(&fetcher->running, transfer);
    transfer->host->running--;
    curl_multi_remove_handle(fetcher->multi, transfer->easy);
    TransferEnd end = transfer_end(transfer, code, &fault, &delay);
    switch (end) {
    case TRANSFER_DONE:
        host_went_well(transfer->host, fetcher->options.host_connections);
        give_back(fetcher, transfer);
        break;
    case TRANSFER_REDIRECT: queue_transfer(fetcher, transfer); break;
    case TRANSFER_LATER:
        transfer->tries--;
        put_off(fetcher, transfer, g_get_monotonic_time() + NO_ROOM_DELAY);
        break;
    case TRANSFER_AGAIN:
    case TRANSFER_TOO_MUCH: try_again(fetcher, transfer, end, fault, delay); break;
    }
}

/* Those whose delay is over go to their hosts; how long the next one has, in milliseconds. */
static int look_at_later(NtFetcher *fetcher, int64_t now) {
    int64_t least = now + LONGEST_POLL * INT64_C(1000);
    for (guint left = g_queue_get_length(&fetcher->later); left > 0; left--) {
        Transfer *transfer = g_queue_pop_head(&fetcher->later);
        if (transfer->not_before <= now) {
            queue_transfer(fetcher, transfer);
        } else {
            least = MIN(least, transfer->not_before);
            g_queue_push_tail(&fetcher->later, transfer);
        }
    }
    GHashTableIter iter;
    void *value;
    g_hash_table_iter_init(&iter, fetcher->hosts);
    while (fetcher->waiting > 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
        const Host *host = value;
        if (host->paused > now && !g_queue_is_empty((GQueue *)&host->waiting)) {
            least = MIN(least, host->paused);
        }
    }
    return (int)((least - now) / 1000) + 1;
}

static void *run(void *data) {
    NtFetcher *fetcher = data;
    for (;;) {
        g_mutex_lock(&fetcher->lock);
        bool stop = fetcher->stop;
        g_mutex_unlock(&fetcher->lock);
        if (stop) {
            return NULL;
        }
        int64_t now = g_get_monotonic_time();
        accept_offered(fetcher);
        int patience = look_at_later(fetcher, now);
        begin_some(fetcher, now);
        int running = 0, left = 0;
        curl_multi_perform(fetcher->multi, &running);
        const CURLMsg *message;
        bool ended = false;
        while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
            Transfer *transfer = NULL;
            if (message->msg == CURLMSG_DONE) {
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
                settle(fetcher, transfer, message->data.result);
                ended = true;
            }
        }
        if (!ended) { /* else others may begin at once */
            curl_multi_poll(fetcher->multi, NULL, 0, patience, NULL);
        }
    }
}

/* ---- the face ---- */

void fetch_begin(void) {
    static gsize ready;
    if (g_once_init_enter(&ready)) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        g_once_init_leave(&ready, 1);
    }
}

NtFetcher *nt_fetcher_new(const NtFetchOptions *options, GError **error) {
    fetch_begin();
    NtFetcher *fetcher = g_new0(NtFetcher, 1);
    fetcher->options = options != NULL ? *options : (NtFetchOptions){0};
    fetcher->options.host_connections = fetcher->options.host_connections == 0
                                            ? NT_FETCH_HOST_CONNECTIONS
                                            : MIN(fetcher->options.host_connections, MOST_HOST_CONNECTIONS);
    if (fetcher->options.bytes == 0) {
        fetcher->options.bytes = nt_limits_default().fetch_bytes;
    }
    g_mutex_init(&fetcher->lock);
    g_cond_init(&fetcher->done_came);
    g_queue_init(&fetcher->offered);
    g_queue_init(&fetcher->done);
    g_queue_init(&fetcher->later);
    g_queue_init(&fetcher->running);
    fetcher->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
    fetcher->multi = curl_multi_init();
    if (fetcher->multi != NULL) {
        curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)MOST_CONNECTIONS);
        fetcher->thread = nt_thread_new("nt-fetch", run, fetcher);
    }
    if (fetcher->thread == NULL) {
        nt_fetcher_free(fetcher);
        nt_fail(error, NITERU_ERROR_NO_MEMORY, "photos cannot be fetched: no thread for it could be started");
        return NULL;
    }
    return fetcher;
}

void nt_fetcher_free(NtFetcher *fetcher) {
    if (fetcher == NULL) {
        return;
    }
    if (fetcher->thread != NULL) {
        g_mutex_lock(&fetcher->lock);
        fetcher->stop = true;
        g_mutex_unlock(&fetcher->lock);
        curl_multi_wakeup(fetcher->multi);
        g_thread_join(fetcher->thread);
    }
    Transfer *transfer;
    while ((transfer = g_queue_pop_head(&fetcher->running)) != NULL) {
        curl_multi_remove_handle(fetcher->multi, transfer->easy);
        transfer_free(transfer);
    }
    g_queue_clear_full(&fetcher->later, transfer_free);
    g_hash_table_unref(fetcher->hosts);
    curl_multi_cleanup(fetcher->multi);
    g_queue_clear_full(&fetcher->offered, (GDestroyNotify)nt_fetch_free);
    g_queue_clear_full(&fetcher->done, (GDestroyNotify)nt_fetch_free);
    g_cond_clear(&fetcher->done_came);
    g_mutex_clear(&fetcher->lock);
    g_free(fetcher);
}

void nt_fetcher_offer(NtFetcher *fetcher, NtFetch *fetch) {
    g_mutex_lock(&fetcher->lock);
    g_queue_push_tail(&fetcher->offered, fetch);
    fetcher->pending++;
    g_mutex_unlock(&fetcher->lock);
    curl_multi_wakeup(fetcher->multi);
}

NtFetch *nt_fetcher_take(NtFetcher *fetcher, int64_t microseconds) {
    int64_t until = g_get_monotonic_time() + microseconds;
    NtFetch *fetch;
    g_mutex_lock(&fetcher->lock);
    while ((fetch = g_queue_pop_head(&fetcher->done)) == NULL && microseconds > 0 &&
           g_cond_wait_until(&fetcher->done_came, &fetcher->lock, until)) {
    }
    fetcher->pending -= fetch != NULL;
    g_mutex_unlock(&fetcher->lock);
    if (fetch != NULL && fetch->body != NULL) {
        gint64 size = (gint64)g_bytes_get_size(fetch->body);
        if (__atomic_fetch_sub(&fetcher->held, size, __ATOMIC_RELAXED) >= enough_held) {
            curl_multi_wakeup(fetcher->multi); /* there may be room again */
        }
    }
    return fetch;
}

size_t nt_fetcher_pending(NtFetcher *fetcher) {
    g_mutex_lock(&fetcher->lock);
    size_t pending = fetcher->pending;
    g_mutex_unlock(&fetcher->lock);
    return pending;
}

GBytes *nt_fetch_one(const char *address, const NtFetchOptions *options, const NtWait *wait, GError **error) {
    NtFetchOptions quiet = options != NULL ? *options : (NtFetchOptions){0};
    quiet.ready = NULL;
    g_autoptr(NtFetcher) fetcher = nt_wait_check(wait, error) ? nt_fetcher_new(&quiet, error) : NULL;
    if (fetcher == NULL) {
        return NULL;
    }
    nt_fetcher_offer(fetcher, nt_fetch_new(address, NULL, NULL, NULL, NULL));
    g_autoptr(NtFetch) fetch = NULL;
    while ((fetch = nt_fetcher_take(fetcher, G_TIME_SPAN_SECOND / 20)) == NULL) {
        if (!nt_wait_check(wait, error)) {
            return NULL;
        }
    }
    if (fetch->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&fetch->fault));
    }
    return g_steal_pointer(&fetch->body);
}
