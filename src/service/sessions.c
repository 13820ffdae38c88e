/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of the page. Who signs in gives a key once and gets a token in a cookie that no script can read; the key
 * itself is kept nowhere in the browser. A session does what its key may, as long as the key is in use: it is looked up
 * with every request. A page of elsewhere could have the browser send the cookie along, so whoever changes anything
 * also sends the session's second secret, which only the page itself can read (CSRF; OWASP, "synchroniser token").
 *
 * They are held in memory: a service that is started anew asks to sign in again.
 */
#include "service/service-internal.h"

#include <string.h>
#include <sys/random.h>

enum { MOST_SESSIONS = 10000, SECRET_BYTES = 32 };
enum { IDLE_SECONDS = 12 * 3600, WHOLE_SECONDS = 7 * 24 * 3600 };

typedef struct Session {
    uint8_t token[32]; /* its digest: what is in memory opens nothing */
    uint8_t key[32];   /* likewise */
    char csrf[2 * SECRET_BYTES + 1];
    int64_t made, used; /* monotonic */
    GList link;         /* in `order` */
} Session;

struct ApiSessions {
    GMutex lock;
    GHashTable *by_token; /* digest -> Session */
    GQueue order;         /* Session, the one that was used last comes last */
};

static guint hash_token(const void *token) {
    guint hash;
    memcpy(&hash, token, sizeof hash);
    return hash;
}

static gboolean equal_tokens(const void *a, const void *b) { return nt_equal_in_constant_time(a, b, 32); }

ApiSessions *api_sessions_new(void) {
    ApiSessions *sessions = g_new0(ApiSessions, 1);
    g_mutex_init(&sessions->lock);
    sessions->by_token = g_hash_table_new_full(hash_token, equal_tokens, NULL, g_free);
    return sessions;
}

void api_sessions_free(ApiSessions *sessions) {
    if (sessions != NULL) {
        g_hash_table_unref(sessions->by_token);
        g_mutex_clear(&sessions->lock);
        g_free(sessions);
    }
}

static void drop(ApiSessions *sessions, Session *session) {
    g_queue_unlink(&sessions->order, &session->link);
    g_hash_table_remove(sessions->by_token, session->token);
}

/* Those whose time is up, and the one that was left longest where there are too many. */
static void make_room(ApiSessions *sessions, int64_t now) {
    Session *oldest;
    while ((oldest = g_queue_peek_head(&sessions->order)) != NULL &&
           (oldest->used + IDLE_SECONDS * G_TIME_SPAN_SECOND < now ||
            g_hash_table_size(sessions->by_token) >= MOST_SESSIONS)) {
        drop(sessions, oldest);
    }
}

static char *make_secret(void) {
    uint8_t bytes[SECRET_BYTES];
    return getrandom(bytes, sizeof bytes, 0) == sizeof bytes ? nt_hex(bytes, sizeof bytes) : NULL;
}

/* Makes one for a key of this digest. False: there is no randomness to be had. */
static bool begin(ApiSessions *sessions, const uint8_t key[32], char **out_token, char **out_csrf) {
    g_autofree char *token = make_secret(), *csrf = make_secret();
    if (token == NULL || csrf == NULL) {
        return false;
    }
    Session *session = g_new0(Session, 1);
    session->made = session->used = g_get_monotonic_time();
    session->link.data = session;
    nt_sha256(token, strlen(token), session->token);
    memcpy(session->key, key, sizeof session->key);
    g_strlcpy(session->csrf, csrf, sizeof session->csrf);
    g_mutex_lock(&sessions->lock);
    make_room(sessions, session->made);
    g_hash_table_insert(sessions->by_token, session->token, session);
    g_queue_push_tail_link(&sessions->order, &session->link);
    g_mutex_unlock(&sessions->lock);
    *out_token = g_steal_pointer(&token);
    *out_csrf = g_steal_pointer(&csrf);
    return true;
}

/* The token of the request's cookie, new; NULL: none. */
static char *token_of(const NtHttpRequest *request) {
    const char *cookies = nt_http_header(request, "cookie");
    g_auto(GStrv) items = g_strsplit(cookies != NULL ? cookies : "", ";", -1);
    for (size_t i = 0; items[i] != NULL; i++) {
        const char *item = g_strstrip(items[i]);
        if (g_str_has_prefix(item, API_SESSION_COOKIE "=")) {
            return g_strdup(item + strlen(API_SESSION_COOKIE "="));
        }
    }
    return NULL;
}

bool api_sessions_find(ApiSessions *sessions, const NtHttpRequest *request, uint8_t out_key[32], char **out_csrf) {
    g_autofree char *token = token_of(request);
    uint8_t digest[32];
    if (token == NULL) {
        return false;
    }
    nt_sha256(token, strlen(token), digest);
    int64_t now = g_get_monotonic_time();
    g_mutex_lock(&sessions->lock);
    Session *session = g_hash_table_lookup(sessions->by_token, digest);
    if (session != NULL && (session->used + IDLE_SECONDS * G_TIME_SPAN_SECOND < now ||
                            session->made + WHOLE_SECONDS * G_TIME_SPAN_SECOND < now)) {
        drop(sessions, session);
        session = NULL;
    }
    if (session != NULL) {
        session->used = now;
        g_queue_unlink(&sessions->order, &session->link);
        g_queue_push_tail_link(&sessions->order, &session->link);
        memcpy(out_key, session->key, sizeof session->key);
        *out_csrf = g_strdup(session->csrf);
    }
    g_mutex_unlock(&sessions->lock);
    return session != NULL;
}

static void end(ApiSessions *sessions, const NtHttpRequest *request) {
    g_autofree char *token = token_of(request);
    uint8_t digest[32];
    if (token != NULL) {
        nt_sha256(token, strlen(token), digest);
        g_mutex_lock(&sessions->lock);
        Session *session = g_hash_table_lookup(sessions->by_token, digest);
        if (session != NULL) {
            drop(sessions, session);
        }
        g_mutex_unlock(&sessions->lock);
    }
}

/* ---- its addresses ---- */

static void set_cookie(ApiCall *call, const char *token, int seconds) {
    g_autofree char *cookie = g_strdup_printf(API_SESSION_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                                              token, seconds, nt_http_is_secure(call->request) ? "; Secure" : "");
    nt_http_add_header(call->request, "Set-Cookie", cookie);
}

static void answer_session(ApiCall *call, ApiAccess access, const char *csrf) {
    static const char *const kinds[] = {"none", "publishable", "secret", "admin", "admin"};
    NtJson *out = nt_json_set(nt_json_object(), "access", nt_json_string(kinds[access]));
    nt_json_set(out, "signed_in", nt_json_bool(csrf != NULL));
    if (csrf != NULL) {
        nt_json_set(out, "csrf", nt_json_string(csrf));
    }
    nt_http_add_header(call->request, "Cache-Control", "no-store");
    api_answer(call, 200, out);
}

void api_run_session(ApiCall *call) { answer_session(call, call->access, call->csrf); }

/* Sessions begin and end from the service's own page, and not from one that has the browser do it. */
static bool check_origin(ApiCall *call) {
    if (!api_is_same_origin(call->request)) {
        api_problem(call, 403, "origin-not-allowed", NULL, "only the service's own page does this");
        return false;
    }
    return true;
}

void api_run_session_begin(ApiCall *call) {
    const char *key = nt_json_text(nt_json_get(call->body, "key"), "");
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL, *prefix = NULL, *token = NULL, *csrf = NULL;
    ApiAccess access;
    bool anywhere;
    uint8_t digest[32];
    if (!check_origin(call)) {
        return;
    }
    nt_sha256(key, strlen(key), digest);
    if (!api_keys_find(call->service->keys, digest, NULL, &access, &name, &prefix, &anywhere, &error)) {
        if (error != NULL) {
            api_fail(call, g_steal_pointer(&error));
        } else {
            api_problem(call, 401, "unauthorized", "key", "there is no such key; niteru key list names those in use");
        }
    } else if (!anywhere) {
        api_problem(call, 403, "origin-not-allowed", "key", "this key is for pages of the origins it was made for");
    } else if (end(call->service->sessions, call->request), /* the one from before */
               !begin(call->service->sessions, digest, &token, &csrf)) {
        api_problem(call, 503, "busy", NULL, "the service cannot do that just now");
    } else {
        set_cookie(call, token, WHOLE_SECONDS);
        answer_session(call, access, csrf);
    }
}

void api_run_session_end(ApiCall *call) {
    if (check_origin(call)) {
        end(call->service->sessions, call->request);
        set_cookie(call, "", 0);
        api_answer_nothing(call);
    }
}
