/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Photos that visitors searched with, so that the next search (another part of it, another condition) need not send
 * them again. In memory only, for 15 minutes at most, and within a bounded number of bytes: the oldest go. Their ids
 * are random, so that nobody can ask with somebody else's photo.
 */
#include "service/service-internal.h"

#include <string.h>
#include <sys/random.h>

typedef struct Upload {
    char id[2 * 16 + 1];
    GBytes *photo;
    int64_t until; /* monotonic */
} Upload;

struct ApiUploads {
    GMutex lock;
    GHashTable *by_id; /* id -> Upload */
    GQueue queue;      /* Upload, the oldest first */
    uint64_t bytes, most;
};

ApiUploads *api_uploads_new(uint64_t most) {
    ApiUploads *uploads = g_new0(ApiUploads, 1);
    g_mutex_init(&uploads->lock);
    uploads->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&uploads->queue);
    uploads->most = most;
    return uploads;
}

/* Under the lock. */
static void forget_oldest(ApiUploads *uploads) {
    Upload *upload = g_queue_pop_head(&uploads->queue);
    g_hash_table_remove(uploads->by_id, upload->id);
    uploads->bytes -= g_bytes_get_size(upload->photo);
    g_bytes_unref(upload->photo);
    g_free(upload);
}

static void forget_old(ApiUploads *uploads, int64_t now) {
    const Upload *oldest;
    while ((oldest = g_queue_peek_head(&uploads->queue)) != NULL &&
           (oldest->until <= now || uploads->bytes > uploads->most)) {
        forget_oldest(uploads);
    }
}

void api_uploads_free(ApiUploads *uploads) {
    if (uploads != NULL) {
        while (uploads->queue.length > 0) {
            forget_oldest(uploads);
        }
        g_hash_table_unref(uploads->by_id);
        g_mutex_clear(&uploads->lock);
        g_free(uploads);
    }
}

void api_uploads_sweep(ApiUploads *uploads) {
    g_mutex_lock(&uploads->lock);
    forget_old(uploads, g_get_monotonic_time());
    g_mutex_unlock(&uploads->lock);
}

uint64_t api_uploads_bytes(ApiUploads *uploads) {
    g_mutex_lock(&uploads->lock);
    uint64_t bytes = uploads->bytes;
    g_mutex_unlock(&uploads->lock);
    return bytes;
}

char *api_uploads_keep(ApiUploads *uploads, GBytes *photo) {
    uint8_t random[16];
    if (g_bytes_get_size(photo) > uploads->most || getrandom(random, sizeof random, 0) != sizeof random) {
        return NULL;
    }
    g_autofree char *id = nt_hex(random, sizeof random);
    Upload *upload = g_new0(Upload, 1);
    g_strlcpy(upload->id, id, sizeof upload->id);
    /* A copy: the photo may be a part of a larger body, all of which it would keep. */
    upload->photo = g_bytes_new(g_bytes_get_data(photo, NULL), g_bytes_get_size(photo));
    upload->until = g_get_monotonic_time() + API_UPLOAD_SECONDS * (int64_t)G_USEC_PER_SEC;
    g_mutex_lock(&uploads->lock);
    g_queue_push_tail(&uploads->queue, upload);
    g_hash_table_insert(uploads->by_id, upload->id, upload);
    uploads->bytes += g_bytes_get_size(photo);
    forget_old(uploads, g_get_monotonic_time());
    g_mutex_unlock(&uploads->lock);
    return g_steal_pointer(&id);
}

GBytes *api_uploads_find(ApiUploads *uploads, const char *id) {
    g_mutex_lock(&uploads->lock);
    forget_old(uploads, g_get_monotonic_time());
    const Upload *upload = g_hash_table_lookup(uploads->by_id, id);
    GBytes *photo = upload != NULL ? g_bytes_ref(upload->photo) : NULL;
    g_mutex_unlock(&uploads->lock);
    return photo;
}
