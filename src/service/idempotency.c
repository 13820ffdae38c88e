/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency-Key: a write that is sent again, because its answer was lost, is not done again but answered as the first
 * time. Answers are remembered for a day, and while the service runs; the oldest go where there are too many.
 */
#include "service/service-internal.h"

#include <string.h>

enum { MOST_ENTRIES = 10000, MOST_BYTES = 64 * 1024 * 1024, SECONDS = 24 * 3600, MOST_KEY = 255 };

typedef struct Entry {
    char *name;        /* who, where and which key */
    uint8_t asked[32]; /* digest of the body */
    unsigned status;   /* 0: it is being done */
    char *answer;
    char *location; /* header of the answer; NULL: none */
    size_t bytes;
    int64_t until; /* monotonic */
} Entry;

struct ApiIdempotency {
    GMutex lock;
    GHashTable *entries; /* name -> Entry */
    GQueue queue;        /* Entry that are answered, the oldest first */
    size_t bytes;
};

ApiIdempotency *api_idempotency_new(void) {
    ApiIdempotency *all = g_new0(ApiIdempotency, 1);
    g_mutex_init(&all->lock);
    all->entries = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&all->queue);
    return all;
}

static void free_entry(Entry *entry) {
    g_free(entry->name);
    g_free(entry->answer);
    g_free(entry->location);
    g_free(entry);
}

/* Under the lock. */
static void forget_oldest(ApiIdempotency *all) {
    Entry *entry = g_queue_pop_head(&all->queue);
    g_hash_table_remove(all->entries, entry->name);
    all->bytes -= entry->bytes;
    free_entry(entry);
}

void api_idempotency_free(ApiIdempotency *all) {
    if (all != NULL) {
        while (all->queue.length > 0) {
            forget_oldest(all);
        }
        g_hash_table_unref(all->entries);
        g_mutex_clear(&all->lock);
        g_free(all);
    }
}

static void forget_old(ApiIdempotency *all, int64_t now) {
    const Entry *oldest;
    while ((oldest = g_queue_peek_head(&all->queue)) != NULL &&
           (oldest->until <= now || all->queue.length > MOST_ENTRIES || all->bytes > MOST_BYTES)) {
        forget_oldest(all);
    }
}

/* What the request's key was answered with: taken under the lock, given out without it, as an entry of its own. False:
 * nothing, and it is being done from now on. */
static bool look_up(ApiIdempotency *all, const char *name, const uint8_t asked[32], Entry *out) {
    g_mutex_lock(&all->lock);
    forget_old(all, g_get_monotonic_time());
    Entry *entry = g_hash_table_lookup(all->entries, name);
    bool found = entry != NULL;
    if (found) {
        *out = *entry;
        out->name = NULL;
        out->answer = g_strdup(entry->answer);
        out->location = g_strdup(entry->location);
    } else {
        entry = g_new0(Entry, 1);
        entry->name = g_strdup(name);
        memcpy(entry->asked, asked, 32);
        g_hash_table_insert(all->entries, entry->name, entry);
    }
    g_mutex_unlock(&all->lock);
    return found;
}

bool api_idempotency_begin(ApiCall *call) {
    const char *key = nt_http_header(call->request, "idempotency-key");
    if (key == NULL || strcmp(call->route->method, "POST") != 0 || call->route->access < API_SECRET) {
        return true;
    }
    if (*key == '\0' || strlen(key) > MOST_KEY) {
        api_problem(call, 400, "invalid", "Idempotency-Key", "an Idempotency-Key has from 1 to %d bytes", MOST_KEY);
        return false;
    }
    uint8_t asked[32];
    size_t size;
    const char *body = nt_http_body(call->request, &size);
    Entry found = {0};
    g_autofree char *name =
        g_strdup_printf("%s\n%s\n%s", call->key != NULL ? call->key : "", nt_http_path(call->request), key);
    nt_sha256(body, size, asked);
    if (!look_up(call->service->idempotency, name, asked, &found)) {
        call->idempotency = g_steal_pointer(&name);
        return true;
    }
    g_autofree char *answer = found.answer, *location = found.location;
    if (memcmp(found.asked, asked, sizeof asked) != 0) {
        api_problem(call, 422, "idempotency-key-reused", "Idempotency-Key",
                    "this key came with another body before; each write needs a key of its own");
    } else if (found.status == 0) {
        nt_http_add_header(call->request, "Retry-After", "1");
        api_problem(call, 409, "in-progress", "Idempotency-Key", "the request with this key is being done");
    } else {
        nt_http_add_header(call->request, "Idempotency-Replayed", "true");
        if (location != NULL) {
            nt_http_add_header(call->request, "Location", location);
        }
        api_answer_text(call, found.status, g_steal_pointer(&answer));
    }
    return false;
}

void api_answer_location(ApiCall *call, const char *address) {
    ApiIdempotency *all = call->service->idempotency;
    nt_http_add_header(call->request, "Location", address);
    if (call->idempotency != NULL) {
        g_mutex_lock(&all->lock);
        Entry *entry = g_hash_table_lookup(all->entries, call->idempotency);
        g_free(entry->location);
        entry->location = g_strdup(address);
        g_mutex_unlock(&all->lock);
    }
}

void api_idempotency_end(ApiCall *call, unsigned status, const char *answer) {
    if (call->idempotency == NULL) {
        return;
    }
    ApiIdempotency *all = call->service->idempotency;
    g_mutex_lock(&all->lock);
    Entry *entry = g_hash_table_lookup(all->entries, call->idempotency);
    if (answer == NULL) { /* it failed, and may be tried again */
        g_hash_table_remove(all->entries, call->idempotency);
        free_entry(entry);
    } else {
        entry->status = status;
        entry->answer = g_strdup(answer);
        entry->bytes = strlen(answer) + sizeof *entry;
        entry->until = g_get_monotonic_time() + SECONDS * (int64_t)G_USEC_PER_SEC;
        all->bytes += entry->bytes;
        g_queue_push_tail(&all->queue, entry);
        forget_old(all, g_get_monotonic_time());
    }
    g_mutex_unlock(&all->lock);
    g_clear_pointer(&call->idempotency, g_free);
}
