/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue/catalogue-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum {
    RANDOM_BYTES = 32,
    LONGEST_NAME = 100, /* bytes */
    MOST_IN_USE = 1000,
    MOST_REVOKED = 1000, /* that are remembered */
    MOST_ORIGINS = 100,
    LONGEST_ORIGIN = 300, /* bytes: a host name has 253 */
};

static const struct {
    const char *kind, *head;
} kinds[] = {{"publishable", "nk_pub_"}, {"secret", "nk_sec_"}, {"admin", "nk_adm_"}};

/* ---- making one ------------------------------------------------------------------------------------------------- */

/* Base64 as RFC 4648 has it for URLs, without padding. */
static char *base64url(const uint8_t *bytes, size_t size) {
    char *text = g_base64_encode(bytes, size);
    text[strcspn(text, "=")] = '\0';
    return g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_');
}

/* A new key's text; NULL when the system gives no random numbers. */
static char *make_text(const char *head, GError **error) {
    uint8_t bytes[RANDOM_BYTES];
    ssize_t got;
    do {
        got = getrandom(bytes, sizeof bytes, 0);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof bytes) {
        nt_fail_errno(error, errno, "no random numbers to make a key of");
        return NULL;
    }
    g_autofree char *tail = base64url(bytes, sizeof bytes);
    return g_strconcat(head, tail, NULL);
}

static const char *head_of(const char *kind, GError **error) {
    for (size_t i = 0; kind != NULL && i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0) {
            return kinds[i].head;
        }
    }
    g_autofree char *safe = nt_text_printable(kind != NULL ? kind : "", 60);
    nt_fail(error, NITERU_ERROR_INVALID, "'%s' is no kind of key; the kinds are publishable, secret and admin", safe);
    nt_fact(error, "option", "kind");
    return NULL;
}

static bool check_name(NtCatalogue *catalogue, const char *name, GError **error) {
    size_t size = name != NULL ? strlen(name) : 0;
    bool plain = size > 0 && size <= LONGEST_NAME && g_utf8_validate(name, -1, NULL);
    for (const char *p = name; plain && *p != '\0'; p = g_utf8_next_char(p)) {
        plain = !g_unichar_iscntrl(g_utf8_get_char(p));
    }
    if (!plain || nt_text_blank(name, size)) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "a key needs a name, of 1 to %d bytes of UTF-8 without control characters", LONGEST_NAME);
    }
    if (g_str_has_prefix(name, "nk_")) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a name that begins with nk_ could be taken for a key");
    }
    int64_t taken = 0, in_use = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &taken, error,
                    "SELECT count(*) FROM api_key WHERE revoked IS NULL AND name = ?1", "t", name) ||
        !nt_sql_int(&catalogue->sql, 0, &in_use, error, "SELECT count(*) FROM api_key WHERE revoked IS NULL", "")) {
        return false;
    }
    if (taken > 0) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "a key named '%s' is in use; give another name, or revoke that one first", name);
    }
    return in_use < MOST_IN_USE ||
           nt_fail(error, NITERU_ERROR_LIMIT, "%d keys are in use, which is the most; revoke one first", MOST_IN_USE);
}

/* An origin as browsers write it in the header of that name: scheme, host and a port that is not the usual one. */
static char *normal_origin(const char *text) {
    g_autoptr(GUri) uri = strlen(text) <= LONGEST_ORIGIN ? g_uri_parse(text, G_URI_FLAGS_SCHEME_NORMALIZE, NULL) : NULL;
    const char *scheme = uri != NULL ? g_uri_get_scheme(uri) : NULL, *host = uri != NULL ? g_uri_get_host(uri) : NULL;
    bool web = g_strcmp0(scheme, "https") == 0 || g_strcmp0(scheme, "http") == 0;
    if (!web || host == NULL || *host == '\0' || g_uri_get_userinfo(uri) != NULL || g_uri_get_query(uri) != NULL ||
        g_uri_get_fragment(uri) != NULL || (*g_uri_get_path(uri) != '\0' && strcmp(g_uri_get_path(uri), "/") != 0)) {
        return NULL;
    }
    g_autofree char *ascii = g_hostname_to_ascii(host);
    g_autofree char *lower = ascii != NULL ? g_ascii_strdown(ascii, -1) : NULL;
    bool plain = lower != NULL && strspn(lower, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") == strlen(lower);
    if (!plain) {
        return NULL;
    }
    int port = g_uri_get_port(uri), usual = strcmp(scheme, "https") == 0 ? 443 : 80;
    bool numeric = strchr(lower, ':') != NULL; /* an address of IPv6 stands in brackets */
    g_autofree char *shown = port > 0 && port != usual ? g_strdup_printf(":%d", port) : g_strdup("");
    return g_strdup_printf("%s://%s%s%s%s", scheme, numeric ? "[" : "", lower, numeric ? "]" : "", shown);
}

/* *out: the origins as JSON, NULL for none; new. */
static bool read_origins(const NtKeyPut *put, char **out, GError **error) {
    *out = NULL;
    if (put->origins == NULL || put->origins[0] == NULL) {
        return true;
    }
    if (strcmp(put->kind, "publishable") != 0) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "only a publishable key is bound to origins; a %s key has no place in a page", put->kind);
        return nt_fact(error, "option", "origin");
    }
    g_autoptr(NtJson) origins = nt_json_array();
    for (size_t i = 0; put->origins[i] != NULL; i++) {
        g_autofree char *origin = normal_origin(put->origins[i]);
        if (i == MOST_ORIGINS) {
            return nt_fail(error, NITERU_ERROR_LIMIT, "a key may have %d origins", MOST_ORIGINS);
        }
        if (origin == NULL) {
            g_autofree char *safe = nt_text_printable(put->origins[i], 80);
            nt_fail(error, NITERU_ERROR_INVALID,
                    "'%s' is no origin; write one as https://shop.example, with a port if it has one, and no path",
                    safe);
            return nt_fact(error, "option", "origin");
        }
        nt_json_append(origins, nt_json_string(origin));
    }
    *out = nt_json_print(origins, false);
    return true;
}

static bool keys_changed(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(&catalogue->sql, error, "UPDATE meta SET value = value + 1 WHERE key = 'keys_version'", "");
}

static int64_t now(void) { return g_get_real_time() / G_USEC_PER_SEC; }

bool nt_catalogue_create_key(NtCatalogue *catalogue, const NtKeyPut *put, char **out_key, GError **error) {
    g_autofree char *origins = NULL;
    const char *head = nt_may_write(catalogue, error) ? head_of(put->kind, error) : NULL;
    if (head == NULL || !check_name(catalogue, put->name, error) || !read_origins(put, &origins, error)) {
        return false;
    }
    g_autofree char *text = make_text(head, error);
    if (text == NULL) {
        return false;
    }
    uint8_t hash[32];
    nt_sha256(text, strlen(text), hash);
    g_autofree char *prefix = g_strndup(text, NT_KEY_PREFIX_CHARACTERS);
    if (!nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO api_key(kind, name, hash, prefix, origins, created) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                    "tthtti", put->kind, put->name, hash, prefix, origins, now()) ||
        !keys_changed(catalogue, error)) {
        return false;
    }
    *out_key = g_steal_pointer(&text);
    return true;
}

/* ---- and the others --------------------------------------------------------------------------------------------- */

static bool fail_no_key(const char *named, GError **error) {
    bool secret = g_str_has_prefix(named, "nk_");
    g_autofree char *safe = nt_text_printable(named, secret ? NT_KEY_PREFIX_CHARACTERS : 60);
    return nt_fail(error, NITERU_ERROR_NOT_FOUND, "no key in use is named '%s'", safe);
}

static bool forget_oldest(NtCatalogue *catalogue, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "DELETE FROM api_key WHERE key IN (SELECT key FROM api_key WHERE revoked IS NOT NULL"
                      " ORDER BY revoked DESC, key DESC LIMIT -1 OFFSET ?1)",
                      "i", (int64_t)MOST_REVOKED);
}

bool nt_catalogue_revoke_key(NtCatalogue *catalogue, const char *named, GError **error) {
    uint8_t hash[32];
    nt_sha256(named, strlen(named), hash);
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_run(&catalogue->sql, error,
                    "UPDATE api_key SET revoked = ?3 WHERE (revoked IS NULL OR revoked > ?3)"
                    " AND (name = ?1 OR prefix = ?1 OR hash = ?2)",
                    "thi", named, hash, now())) {
        return false;
    }
    if (sqlite3_changes(catalogue->sql.db) == 0) {
        return fail_no_key(named, error);
    }
    return forget_oldest(catalogue, error) && keys_changed(catalogue, error);
}

/* The key in use of that name, prefix or text; *out_kind is new. */
static bool find_key(NtCatalogue *catalogue, const char *named, int64_t *out_key, char **out_kind, GError **error) {
    g_auto(NtQuery) query = {0};
    uint8_t hash[32];
    nt_sha256(named, strlen(named), hash);
    if (!nt_query_open(
            &query, &catalogue->sql, error,
            "SELECT key, kind FROM api_key WHERE revoked IS NULL AND (name = ?1 OR prefix = ?1 OR hash = ?2)", "th",
            named, hash)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step <= 0) {
        return step == 0 && fail_no_key(named, error);
    }
    *out_key = nt_column_int(&query, 0);
    *out_kind = g_strdup(nt_column_text(&query, 1));
    return true;
}

bool nt_catalogue_rotate_key(NtCatalogue *catalogue, const char *named, int64_t overlap, char **out_key,
                             GError **error) {
    int64_t key = 0, time = now();
    g_autofree char *kind = NULL;
    if (overlap < 0 || overlap > NT_KEY_OVERLAP_MOST) {
        return nt_fail(error, NITERU_ERROR_INVALID, "the old key may go on for %d days at most",
                       NT_KEY_OVERLAP_MOST / (24 * 3600));
    }
    if (!nt_may_write(catalogue, error) || !find_key(catalogue, named, &key, &kind, error)) {
        return false;
    }
    const char *head = head_of(kind, error);
    g_autofree char *text = head != NULL ? make_text(head, error) : NULL;
    if (text == NULL) {
        return false;
    }
    uint8_t hash[32];
    nt_sha256(text, strlen(text), hash);
    g_autofree char *prefix = g_strndup(text, NT_KEY_PREFIX_CHARACTERS);
    if (!nt_sql_run(&catalogue->sql, error, "UPDATE api_key SET revoked = ?2 WHERE key = ?1", "ii", key,
                    time + overlap) ||
        !nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO api_key(kind, name, hash, prefix, origins, created)"
                    " SELECT kind, name, ?2, ?3, origins, ?4 FROM api_key WHERE key = ?1",
                    "ihti", key, hash, prefix, time) ||
        !forget_oldest(catalogue, error) || !keys_changed(catalogue, error)) {
        return false;
    }
    *out_key = g_steal_pointer(&text);
    return true;
}

bool nt_catalogue_each_key(NtCatalogue *catalogue, bool (*each)(const NtKeyRow *key, void *data), void *data,
                           GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_has_keys(catalogue)) {
        return true;
    }
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT kind, name, prefix, hash, origins, created, revoked FROM api_key ORDER BY key", "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtKeyRow key = {.kind = nt_column_text(&query, 0),
                        .name = nt_column_text(&query, 1),
                        .prefix = nt_column_text(&query, 2),
                        .hash = sqlite3_column_blob(query.stmt, 3),
                        .origins = nt_column_text(&query, 4),
                        .created = nt_column_int(&query, 5),
                        .revoked = nt_column_int(&query, 6)};
        if (key.kind == NULL || key.name == NULL || key.prefix == NULL || sqlite3_column_bytes(query.stmt, 3) != 32) {
            return nt_sql_fail_rc(&catalogue->sql, SQLITE_CORRUPT, error);
        }
        if (!each(&key, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_keys_version(NtCatalogue *catalogue, int64_t *out, GError **error) {
    return nt_sql_int(&catalogue->sql, 0, out, error, "SELECT value FROM meta WHERE key = 'keys_version'", "");
}
