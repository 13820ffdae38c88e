/* SPDX-License-Identifier: Apache-2.0 */
/* API keys, as the public header has them. */
#include "state/state.h"

#include <string.h>

/* A key may be named by the whole of it, of which the audit log gets no more than lists show. */
static void note_key(const NiteruCatalogue *catalogue, const char *operation, const char *named) {
    g_autofree char *shown =
        g_strndup(named, g_str_has_prefix(named, "nk_") ? NT_KEY_PREFIX_CHARACTERS : strlen(named));
    nt_audit_command(catalogue->folder, operation, "key", shown);
}

bool niteru_key_create(NiteruCatalogue *catalogue, const NiteruKeyOptions *given, GCancellable *cancellable,
                       char **out_key, GError **error) {
    NiteruKeyOptions options;
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruKeyOptions, &options, given, error) ||
        !nt_call_begin_writing(&call, catalogue, options.timeout_ms, cancellable, error) ||
        !nt_turn_begin(catalogue, &call.wait, error)) {
        return false;
    }
    NtKeyPut put = {.kind = options.kind, .name = options.name, .origins = options.origins};
    g_autofree char *key = NULL;
    if (!nt_turn_end(catalogue, nt_catalogue_create_key(catalogue->db, &put, &key, error), error)) {
        return false;
    }
    note_key(catalogue, "createKey", options.name);
    *out_key = g_steal_pointer(&key);
    return true;
}

bool niteru_key_revoke(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                       GError **error) {
    g_auto(NtCall) call = {0};
    if (!nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_turn_begin(catalogue, &call.wait, error) ||
        !nt_turn_end(catalogue, nt_catalogue_revoke_key(catalogue->db, name, error), error)) {
        return false;
    }
    note_key(catalogue, "revokeKey", name);
    return true;
}

bool niteru_key_rotate(NiteruCatalogue *catalogue, const char *name, unsigned overlap_seconds, unsigned timeout_ms,
                       GCancellable *cancellable, char **out_key, GError **error) {
    g_auto(NtCall) call = {0};
    g_autofree char *key = NULL;
    if (!nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_turn_begin(catalogue, &call.wait, error) ||
        !nt_turn_end(catalogue, nt_catalogue_rotate_key(catalogue->db, name, overlap_seconds, &key, error), error)) {
        return false;
    }
    note_key(catalogue, "rotateKey", name);
    *out_key = g_steal_pointer(&key);
    return true;
}

/* A moment in Unix seconds as RFC 3339 has it; 0: none. */
static NtJson *moment(int64_t seconds) {
    g_autoptr(GDateTime) time = seconds > 0 ? g_date_time_new_from_unix_utc(seconds) : NULL;
    g_autofree char *text = time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    return nt_json_string(text);
}

static bool add_key(const NtKeyRow *key, void *data) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "name", nt_json_string(key->name));
    nt_json_set(out, "kind", nt_json_string(key->kind));
    nt_json_set(out, "prefix", nt_json_string(key->prefix));
    NtJson *origins =
        key->origins != NULL ? nt_json_parse(key->origins, strlen(key->origins), "origins", NULL, NULL) : NULL;
    nt_json_set(out, "origins", origins != NULL ? origins : nt_json_null());
    nt_json_set(out, "created", moment(key->created));
    nt_json_set(out, "revoked", moment(key->revoked));
    nt_json_append(data, out);
    return true;
}

char *niteru_keys_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    g_autoptr(NtJson) out = nt_json_array();
    return nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) &&
                   nt_reader_open_for(&reader, &call, error) && nt_catalogue_each_key(reader.db, add_key, out, error)
               ? nt_json_print(out, true)
               : NULL;
}
