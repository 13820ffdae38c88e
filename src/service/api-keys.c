/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of those who ask. The digests of all keys in use are held in memory, and read again when the catalogue's number
 * of them has changed, so that a key that was revoked, by whichever process, is refused at once.
 */
#include "service/service-internal.h"

#include <string.h>

#include "state/state.h"

enum { ANY_MICROSECONDS = 200000 };

typedef struct Key {
    uint8_t hash[32];
    ApiAccess access;
    char *name, *prefix;
    NtJson *origins; /* NULL: all */
    int64_t until;   /* Unix seconds: its last; 0: it has none */
} Key;

struct ApiKeys {
    NiteruCatalogue *catalogue;
    GMutex lock; /* the three below */
    int64_t version;
    GArray *keys;
    int64_t any_until; /* monotonic: until when it is not looked whether there are any */
};

static void clear_key(void *data) {
    Key *key = data;
    g_free(key->name);
    g_free(key->prefix);
    nt_json_free(key->origins);
}

ApiKeys *api_keys_new(NiteruCatalogue *catalogue) {
    ApiKeys *keys = g_new0(ApiKeys, 1);
    keys->catalogue = catalogue;
    keys->version = -1;
    g_mutex_init(&keys->lock);
    keys->keys = g_array_new(FALSE, FALSE, sizeof(Key));
    g_array_set_clear_func(keys->keys, clear_key);
    return keys;
}

void api_keys_free(ApiKeys *keys) {
    if (keys != NULL) {
        g_array_unref(keys->keys);
        g_mutex_clear(&keys->lock);
        g_free(keys);
    }
}

static bool is_over(int64_t until) { return until != 0 && until <= g_get_real_time() / G_USEC_PER_SEC; }

static bool add_key(const NtKeyRow *row, void *data) {
    if (!is_over(row->revoked)) {
        Key key = {.access = strcmp(row->kind, "admin") == 0    ? API_ADMIN
                             : strcmp(row->kind, "secret") == 0 ? API_SECRET
                                                                : API_PUBLISHABLE,
                   .name = g_strdup(row->name),
                   .prefix = g_strdup(row->prefix),
                   .until = row->revoked};
        memcpy(key.hash, row->hash, sizeof key.hash);
        key.origins = row->origins != NULL ? nt_json_parse(row->origins, strlen(row->origins), "", NULL, NULL) : NULL;
        g_array_append_val(data, key);
    }
    return true;
}

/* Brings what is held up to date; under the lock. */
static bool refresh(ApiKeys *keys, GError **error) {
    g_auto(NtReader) reader = {0};
    int64_t version;
    if (!nt_reader_open(&reader, keys->catalogue, error) || !nt_catalogue_keys_version(reader.db, &version, error)) {
        return false;
    }
    if (version == keys->version) {
        return true;
    }
    g_array_set_size(keys->keys, 0);
    keys->version = -1;
    if (!nt_catalogue_each_key(reader.db, add_key, keys->keys, error)) {
        return false;
    }
    keys->version = version;
    return true;
}

bool api_keys_any(ApiKeys *keys, bool *out, GError **error) {
    int64_t now = g_get_monotonic_time();
    g_mutex_lock(&keys->lock);
    bool ok = now < keys->any_until || refresh(keys, error);
    if (ok && now >= keys->any_until) {
        keys->any_until = now + ANY_MICROSECONDS;
    }
    *out = false;
    for (guint i = 0; ok && i < keys->keys->len && !*out; i++) {
        *out = !is_over(g_array_index(keys->keys, Key, i).until);
    }
    g_mutex_unlock(&keys->lock);
    return ok;
}

bool api_keys_signed(ApiKeys *keys, const char *message, const char *digits) {
    bool found = false;
    g_mutex_lock(&keys->lock);
    bool ok = refresh(keys, NULL);
    for (guint i = 0; ok && i < keys->keys->len; i++) {
        const Key *key = &g_array_index(keys->keys, Key, i);
        if (key->access >= API_SECRET && !is_over(key->until)) {
            g_autofree char *right = g_compute_hmac_for_data(G_CHECKSUM_SHA256, key->hash, sizeof key->hash,
                                                             (const guchar *)message, strlen(message));
            found = found || nt_equal_in_constant_time(right, digits, strlen(right));
        }
    }
    g_mutex_unlock(&keys->lock);
    return found;
}

static bool has_origin(const NtJson *origins, const char *origin) {
    for (size_t i = 0; i < nt_json_count(origins); i++) {
        if (strcmp(nt_json_text(nt_json_at(origins, i), ""), origin) == 0) {
            return true;
        }
    }
    return false;
}

bool api_keys_find(ApiKeys *keys, const uint8_t digest[32], const char *origin, ApiAccess *out_access, char **out_name,
                   char **out_prefix, bool *out_origin_fits, GError **error) {
    const Key *found = NULL;
    g_mutex_lock(&keys->lock);
    bool ok = refresh(keys, error);
    for (guint i = 0; ok && i < keys->keys->len; i++) { /* all of them, found or not */
        const Key *known = &g_array_index(keys->keys, Key, i);
        found = nt_equal_in_constant_time(digest, known->hash, sizeof known->hash) ? known : found;
    }
    found = found != NULL && is_over(found->until) ? NULL : found;
    if (found != NULL) {
        *out_access = found->access;
        *out_name = g_strdup(found->name);
        *out_prefix = g_strdup(found->prefix);
        *out_origin_fits = found->origins == NULL || (origin != NULL && has_origin(found->origins, origin));
    }
    g_mutex_unlock(&keys->lock);
    return found != NULL;
}
