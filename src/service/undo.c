/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking back a write of one product. What the product was like is taken down in the transaction that changes it, and
 * kept for a while, in bounded memory, as long as the service runs; the answer to the write names it. It is taken back
 * only as long as the product is as that write left it: what somebody else has done since is not overwritten.
 */
#include "service/service-internal.h"

#include <string.h>
#include <sys/random.h>

#include "ingest/ingest.h"

/* Originals that no photo shows any more are kept for an hour (state/originals.c). */
enum { MOST_CHANGES = 1000, MOST_BYTES = 32 * 1024 * 1024, SECONDS = 50 * 60, UNDO_MS = 60000 };

typedef struct Change {
    char id[33];
    char *product;
    char *before, *after; /* JSON of nt_catalogue_product_json; NULL: it was not there */
    size_t bytes;
    int64_t until; /* monotonic */
} Change;

struct ApiUndo {
    GMutex lock;
    GHashTable *by_id; /* id -> Change */
    GQueue queue;      /* Change, the oldest first */
    size_t bytes;
};

static void free_change(void *data) {
    Change *change = data;
    g_free(change->product);
    g_free(change->before);
    g_free(change->after);
    g_free(change);
}

ApiUndo *api_undo_new(void) {
    ApiUndo *undo = g_new0(ApiUndo, 1);
    g_mutex_init(&undo->lock);
    undo->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_change);
    g_queue_init(&undo->queue);
    return undo;
}

void api_undo_free(ApiUndo *undo) {
    if (undo != NULL) {
        g_queue_clear(&undo->queue);
        g_hash_table_unref(undo->by_id);
        g_mutex_clear(&undo->lock);
        g_free(undo);
    }
}

static void forget_old(ApiUndo *undo, int64_t now) {
    const Change *oldest;
    while ((oldest = g_queue_peek_head(&undo->queue)) != NULL &&
           (oldest->until <= now || undo->queue.length > MOST_CHANGES || undo->bytes > MOST_BYTES)) {
        g_queue_pop_head(&undo->queue);
        undo->bytes -= oldest->bytes;
        g_hash_table_remove(undo->by_id, oldest->id);
    }
}

char *api_undo_look(NtService *service, NtCatalogue *db, int64_t product, GError **error) {
    g_autoptr(NtJson) json = nt_catalogue_product_json(db, product, error);
    const NtJson *photos = nt_json_get(json, "photos");
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        nt_original_touch(service->catalogue, nt_json_text(nt_json_get(nt_json_at(photos, i), "photo"), ""));
    }
    return json != NULL ? nt_json_print(json, false) : NULL;
}

void api_undo_keep(ApiCall *call, const char *product, const char *before, const char *after) {
    ApiUndo *undo = call->service->undo;
    uint8_t random[16];
    if (g_strcmp0(before, after) == 0 || getrandom(random, sizeof random, 0) != sizeof random) {
        return;
    }
    g_autofree char *id = nt_hex(random, sizeof random);
    Change *change = g_new0(Change, 1);
    g_strlcpy(change->id, id, sizeof change->id);
    change->product = g_strdup(product);
    change->before = g_strdup(before);
    change->after = g_strdup(after);
    change->bytes =
        sizeof *change + strlen(product) + (before != NULL ? strlen(before) : 0) + (after != NULL ? strlen(after) : 0);
    change->until = g_get_monotonic_time() + SECONDS * (int64_t)G_USEC_PER_SEC;
    g_mutex_lock(&undo->lock);
    g_queue_push_tail(&undo->queue, change);
    g_hash_table_insert(undo->by_id, change->id, change);
    undo->bytes += change->bytes;
    forget_old(undo, g_get_monotonic_time());
    g_mutex_unlock(&undo->lock);
    nt_http_add_header(call->request, "X-Undo", id);
}

/* A copy of a change; NULL: it is not there. */
static Change *find(ApiUndo *undo, const char *id) {
    g_mutex_lock(&undo->lock);
    forget_old(undo, g_get_monotonic_time());
    const Change *change = g_hash_table_lookup(undo->by_id, id);
    Change *copy = change != NULL ? g_memdup2(change, sizeof *change) : NULL;
    if (copy != NULL) {
        copy->product = g_strdup(change->product);
        copy->before = g_strdup(change->before);
        copy->after = g_strdup(change->after);
    }
    g_mutex_unlock(&undo->lock);
    return copy;
}

static void forget(ApiUndo *undo, const char *id) {
    g_mutex_lock(&undo->lock);
    Change *change = g_hash_table_lookup(undo->by_id, id);
    if (change != NULL) {
        g_queue_remove(&undo->queue, change);
        undo->bytes -= change->bytes;
        g_hash_table_remove(undo->by_id, id);
    }
    g_mutex_unlock(&undo->lock);
}

/* ---- taking back ---- */

#define API_CHANGED (g_quark_from_static_string("niteru-api-changed"))

typedef struct Restoring {
    ApiCall *call;
    const Change *change;
    NtJson *before;   /* NULL: it is to go */
    GArray *photos;   /* NtGivenPhoto */
    GPtrArray *bytes; /* of originals */
    NtJson *warnings;
} Restoring;

/* Looked at within the transaction. */
static bool is_unchanged(NtCatalogue *db, int64_t product, void *data, GError **error) {
    const Restoring *restoring = data;
    g_autofree char *now = product != 0 ? api_undo_look(restoring->call->service, db, product, error) : NULL;
    if (product != 0 && now == NULL) {
        return false;
    }
    if (g_strcmp0(now, restoring->change->after) != 0) {
        g_set_error_literal(error, API_CHANGED, 0, "the product was changed since; nothing was taken back");
        return false;
    }
    return true;
}

/* The photos as they were, those that the catalogue keeps by their bytes. One that is gone is told. */
static void gather_photos(Restoring *restoring) {
    NiteruCatalogue *catalogue = restoring->call->service->catalogue;
    const NtJson *photos = nt_json_get(restoring->before, "photos");
    for (size_t i = 0; i < nt_json_count(photos); i++) {
        const char *path = nt_json_text(nt_json_get(nt_json_at(photos, i), "photo"), "");
        g_autoptr(GError) fault = NULL;
        NtGivenPhoto photo = {.name = path};
        if (nt_path_location(catalogue, path) != path) {
            photo.bytes = nt_file_read(path, catalogue->limits.photo_bytes, &fault);
            if (photo.bytes == NULL) {
                g_autofree char *words = g_strdup_printf("photo %zu is not kept any more", i);
                nt_json_append(restoring->warnings, nt_json_string(words));
                continue;
            }
            g_ptr_array_add(restoring->bytes, photo.bytes);
        }
        g_array_append_val(restoring->photos, photo);
    }
}

static bool has_same_photos(const Restoring *restoring) {
    if (restoring->change->after == NULL) {
        return false;
    }
    const char *text = restoring->change->after;
    g_autoptr(NtJson) after = nt_json_parse(text, strlen(text), "product", NULL, NULL);
    g_autofree char *one = nt_json_print(nt_json_get(restoring->before, "photos"), false);
    g_autofree char *other = nt_json_print(nt_json_get(after, "photos"), false);
    return strcmp(one, other) == 0;
}

static void add_warning(const NiteruFailure *failure, void *data) {
    g_autofree char *words = api_photo_words(failure->message);
    nt_json_append(data, nt_json_string(words));
}

static void answer(Restoring *restoring, NtProductEdit *edit) {
    ApiCall *call = restoring->call;
    const Change *change = restoring->change;
    g_autoptr(NtJson) product = edit->product;
    g_autofree char *now = product != NULL ? nt_json_print(product, false) : NULL;
    api_visible_changed(call->service);
    forget(call->service->undo, change->id);
    api_undo_keep(call, change->product, change->after, now);
    NtJson *out = nt_json_set(nt_json_object(), "product", nt_json_string(change->product));
    nt_json_set(out, "there", nt_json_bool(product != NULL));
    if (nt_json_count(restoring->warnings) > 0) {
        nt_json_set(out, "warnings", nt_json_ref(restoring->warnings));
    }
    api_answer(call, 200, out);
}

static void restore(Restoring *restoring) {
    ApiCall *call = restoring->call;
    g_autoptr(GError) error = NULL;
    NtProductEdit edit = {.id = restoring->change->product, .allow = is_unchanged, .data = restoring};
    const NiteruPutOptions options = {
        .size = sizeof options, .timeout_ms = UNDO_MS, .failure = add_warning, .data = restoring->warnings};
    if (restoring->before == NULL) {
        edit.remove = edit.must_exist = true;
    } else {
        edit.metadata = nt_json_get(restoring->before, "metadata");
        edit.whole = edit.shown = true;
        if (!has_same_photos(restoring)) {
            gather_photos(restoring);
            edit.photo_edit = NT_PHOTOS_REPLACE;
            edit.photos = (const NtGivenPhoto *)(void *)restoring->photos->data;
            edit.photo_count = restoring->photos->len;
        }
    }
    if (!nt_products_edit(call->service->catalogue, &edit, 1, &options, nt_http_cancellable(call->request), &error)) {
        api_fail(call, g_steal_pointer(&error));
    } else if (edit.error == NULL) {
        answer(restoring, &edit);
    } else if (edit.error->domain == API_CHANGED || g_error_matches(edit.error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        api_problem(call, 412, "precondition-failed", NULL, "%s",
                    edit.error->domain == API_CHANGED ? edit.error->message : "the product is gone since");
        g_error_free(edit.error);
    } else {
        api_fail_photo(call, edit.error);
    }
}

void api_run_undo(ApiCall *call) {
    Change *change = find(call->service->undo, call->pieces[0]);
    if (change == NULL) {
        api_problem(call, 404, "not-found", NULL, "there is nothing of this name to take back, or not any more");
        return;
    }
    const char *text = change->before;
    g_autoptr(GArray) photos = g_array_new(FALSE, FALSE, sizeof(NtGivenPhoto));
    g_autoptr(GPtrArray) bytes = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(NtJson) warnings = nt_json_array();
    g_autoptr(NtJson) before = text != NULL ? nt_json_parse(text, strlen(text), "product", NULL, NULL) : NULL;
    Restoring restoring = {call, change, before, photos, bytes, warnings};
    restore(&restoring);
    free_change(change);
}
