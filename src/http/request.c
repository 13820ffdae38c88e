/* SPDX-License-Identifier: Apache-2.0 */
/* A request, as the handler sees it, and the answer it gets. */
#include "http/http-internal.h"

#include <string.h>
#include <sys/socket.h>

/* All lines of a header in one, as if they had been sent so; new, NULL: there is none. */
static char *joined(const NtHttpHead *head, const char *name) {
    g_autoptr(GString) out = NULL;
    for (guint i = 0; i < head->fields->len; i++) {
        const NtHttpField *field = &g_array_index(head->fields, NtHttpField, i);
        if (strcmp(field->name, name) == 0) {
            out = out != NULL ? out : g_string_new(NULL);
            g_string_append_printf(out, "%s%s", out->len > 0 ? ", " : "", field->value);
        }
    }
    return out != NULL ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

/* Without the tags that are weak. New. */
static char *strong_tags(const char *tags) {
    g_auto(GStrv) items = g_strsplit(tags, ",", -1);
    g_autoptr(GString) out = g_string_new(NULL);
    for (size_t i = 0; items[i] != NULL; i++) {
        const char *item = g_strstrip(items[i]);
        if (!g_str_has_prefix(item, "W/")) {
            g_string_append_printf(out, "%s%s", out->len > 0 ? ", " : "", item);
        }
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Headers that are lists, as the handler reads them. */
static void read_lists(NtHttpRequest *request) {
    static const char *const names[] = {"accept-encoding", "if-match", "if-none-match"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *value = joined(&request->head, names[i]);
        if (value == NULL) {
            continue;
        }
        char *read = i == 0 ? g_strdup(value) : nt_http_tags_identity(value);
        if (i == 1) {
            g_autofree char *all = read;
            read = strong_tags(all);
        }
        request->asks_gzip = request->asks_gzip || (i == 2 && strcmp(read, value) != 0);
        request->lists = request->lists != NULL ? request->lists : g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(request->lists, read);
        nt_http_head_set(&request->head, names[i], read);
    }
}

/* Who asks, and by what way: kept in the request, because the connection may go before it. */
static void identify(NtHttpRequest *request, const NtHttpConnection *connection) {
    const NtHttpProxies *proxies = &connection->loop->server->proxies;
    g_autofree char *chain = joined(&request->head, "x-forwarded-for"); /* a proxy may add a line of its own */
    const char *scheme = nt_http_header(request, "x-forwarded-proto");
    request->local = connection->local;
    request->secure = connection->tls != NULL;
    if (connection->peer == NULL || (chain == NULL && scheme == NULL)) {
        request->client = g_strdup(connection->address);
        return;
    }
    request->client = nt_http_proxies_client(proxies, connection->peer, chain);
    request->secure = request->secure || (scheme != NULL && g_ascii_strcasecmp(scheme, "https") == 0 &&
                                          nt_http_proxies_trust(proxies, connection->peer));
}

NtHttpRequest *nt_http_request_new(NtHttpConnection *connection, const NtHttpHead *head) {
    NtHttpRequest *request = g_new0(NtHttpRequest, 1);
    request->link.data = request;
    request->connection = connection;
    request->loop = connection->loop;
    request->head = *head;
    request->began = g_get_monotonic_time();
    request->body_fd = -1;
    request->headers = g_string_sized_new(256);
    identify(request, connection);
    request->network = nt_http_client_network(request->client);
    read_lists(request);
    return request;
}

void nt_http_request_free(NtHttpRequest *request) {
    if (request->free_data != NULL) {
        request->free_data(request->data);
    }
    nt_http_server_give_memory(request->loop->server, request->body_capacity);
    nt_http_server_give_answer(request->loop->server, request->answer_size);
    g_clear_pointer(&request->lists, g_ptr_array_unref);
    g_clear_pointer(&request->gzip, g_bytes_unref);
    g_free(request->tag);
    nt_http_head_clear(&request->head);
    g_free(request->client);
    g_free(request->network);
    if (request->cancellable != NULL) {
        g_mutex_lock(&request->loop->lock);
        g_queue_unlink(&request->loop->cancellable, &request->link);
        g_mutex_unlock(&request->loop->lock);
        g_object_unref(request->cancellable);
    }
    if (request->whole == NULL) {
        free(request->body);
    }
    g_clear_pointer(&request->whole, g_bytes_unref);
    g_clear_pointer(&request->answer, g_bytes_unref);
    g_string_free(request->headers, TRUE);
    g_free(request);
}

/* ---- what was asked ---- */

const char *nt_http_method(const NtHttpRequest *request) { return request->head.method; }
const char *nt_http_path(const NtHttpRequest *request) { return request->head.path; }
const char *nt_http_query(const NtHttpRequest *request) { return request->head.query; }
unsigned nt_http_loop(const NtHttpRequest *request) { return request->loop->number; }
int64_t nt_http_age(const NtHttpRequest *request) { return g_get_monotonic_time() - request->began; }

const char *nt_http_header(const NtHttpRequest *request, const char *name) {
    return nt_http_head_field(&request->head, name);
}

const char *nt_http_client(const NtHttpRequest *request) { return request->client; }
const char *nt_http_network(const NtHttpRequest *request) {
    return request->network != NULL ? request->network : request->client;
}
bool nt_http_is_local(const NtHttpRequest *request) { return request->local; }
int64_t nt_http_local_user(const NtHttpRequest *request) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    const NtHttpConnection *connection = request->connection;
    bool known = connection != NULL && connection->peer == NULL &&
                 getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return known ? (int64_t)peer.uid : -1;
}
bool nt_http_is_secure(const NtHttpRequest *request) { return request->secure; }

const char *nt_http_body(const NtHttpRequest *request, size_t *out_size) {
    *out_size = request->body != NULL ? request->body_size : 0;
    return request->body != NULL ? request->body : "";
}

GBytes *nt_http_body_bytes(const NtHttpRequest *request) {
    NtHttpRequest *own = (NtHttpRequest *)request;
    if (own->whole == NULL) {
        own->whole = own->body != NULL ? g_bytes_new_with_free_func(own->body, own->body_size, free, own->body)
                                       : g_bytes_new(NULL, 0);
    }
    return g_bytes_ref(own->whole);
}

GCancellable *nt_http_cancellable(NtHttpRequest *request) {
    NtHttpLoop *loop = request->loop;
    g_mutex_lock(&loop->lock);
    if (request->cancellable == NULL) {
        request->cancellable = g_cancellable_new();
        g_queue_push_tail_link(&loop->cancellable, &request->link);
        if (request->cancelled || g_atomic_int_get(&loop->server->cancelling)) {
            g_cancellable_cancel(request->cancellable);
        }
    }
    g_mutex_unlock(&loop->lock);
    return request->cancellable;
}

void nt_http_set_data(NtHttpRequest *request, void *data, GDestroyNotify free_data) {
    if (request->free_data != NULL) {
        request->free_data(request->data);
    }
    request->data = data;
    request->free_data = free_data;
}

void *nt_http_data(const NtHttpRequest *request) { return request->data; }

void nt_http_accept_body(NtHttpRequest *request, uint64_t limit, int fd, unsigned total_ms) {
    request->body_limit = limit;
    request->body_fd = fd;
    request->body_ms = total_ms;
}

/* ---- what is answered ---- */

void nt_http_add_header(NtHttpRequest *request, const char *name, const char *value) {
    if (g_ascii_strcasecmp(name, "etag") == 0) {
        g_free(request->tag);
        request->tag = g_strdup(value);
        return;
    }
    g_string_append(request->headers, name);
    g_string_append(request->headers, ": ");
    for (; *value != '\0'; value++) {
        g_string_append_c(request->headers, (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
    }
    g_string_append(request->headers, "\r\n");
}

void nt_http_close_after(NtHttpRequest *request) { request->close = true; }

void nt_http_offer_gzip(NtHttpRequest *request, GBytes *gzip) {
    g_clear_pointer(&request->gzip, g_bytes_unref);
    request->gzip = gzip;
}

/* Whether the client has the answer already. */
static bool is_known(const NtHttpRequest *request) {
    const char *known = nt_http_header(request, "if-none-match"), *method = request->head.method;
    if (known == NULL || request->tag == NULL || request->status != 200 ||
        (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)) {
        return false;
    }
    const char *at = strstr(known, request->tag); /* in quotes, so that it is no part of another */
    return at != NULL || strcmp(known, "*") == 0;
}

static void change_tag(NtHttpRequest *request) {
    if (request->tag != NULL) {
        char *own = nt_http_tag_gzip(request->tag);
        g_free(request->tag);
        request->tag = own;
    }
}

/* The body as it goes out: compressed where that is wanted. */
static void encode(NtHttpRequest *request) {
    const char *accept = nt_http_header(request, "accept-encoding");
    if (request->status == 304 && request->asks_gzip) { /* of what the client has */
        change_tag(request);
    }
    if (request->answer == NULL || !nt_http_should_gzip(accept, request->type, g_bytes_get_size(request->answer))) {
        return;
    }
    GBytes *small = request->gzip != NULL ? g_steal_pointer(&request->gzip) : nt_http_gzip(request->answer);
    if (small != NULL) {
        g_bytes_unref(request->answer);
        request->answer = small;
        request->encoded = true;
        change_tag(request);
    }
}

/* Counts the answer; one for which there is no room becomes a refusal, which is small. */
static void count_answer(NtHttpRequest *request) {
    NtHttpServer *server = request->loop->server;
    size_t size = request->answer != NULL ? g_bytes_get_size(request->answer) : 0;
    if (!nt_http_server_take_answer(server, size)) {
        g_autoptr(NtJson) problem =
            nt_http_problem(429, "overloaded", NULL, "too many answers wait to be read; try again in a moment");
        char *text = nt_json_print(problem, false);
        g_bytes_unref(request->answer);
        g_clear_pointer(&request->tag, g_free);
        request->encoded = false;
        nt_http_add_header(request, "Retry-After", "1");
        nt_http_add_header(request, "Cache-Control", "no-store"); /* whatever was said of the answer */
        request->status = 429;
        request->type = "application/problem+json";
        size = strlen(text);
        request->answer = g_bytes_new_take(text, size);
        nt_http_server_take_answer(server, size);
    }
    request->answer_size = size;
}

void nt_http_answer(NtHttpRequest *request, unsigned status, const char *type, GBytes *body) {
    NtHttpLoop *loop = request->loop;
    request->status = status;
    request->type = type != NULL ? g_intern_string(type) : NULL;
    request->answer = body;
    if (is_known(request)) {
        request->status = 304;
        request->type = NULL;
        g_clear_pointer(&request->answer, g_bytes_unref);
    }
    encode(request);
    count_answer(request);
    if (g_thread_self() == loop->thread) {
        request->answered = true;
        if (request->connection == NULL) {
            nt_http_request_free(request);
        } else {
            nt_http_connection_answered(request->connection);
        }
        return;
    }
    g_mutex_lock(&loop->lock);
    bool first = loop->answered->len == 0;
    g_ptr_array_add(loop->answered, request);
    g_mutex_unlock(&loop->lock);
    if (first) {
        nt_http_loop_wake(loop);
    }
}

void nt_http_request_compose(NtHttpRequest *request, bool keep_alive, GString *out) {
    size_t size = request->answer != NULL ? g_bytes_get_size(request->answer) : 0;
    char number[24];
    g_string_append(out, "HTTP/1.1 ");
    g_snprintf(number, sizeof number, "%u ", request->status);
    g_string_append(out, number);
    g_string_append(out, nt_http_reason(request->status));
    g_string_append(out, "\r\n");
    g_string_append(out, request->loop->date);
    if (request->type != NULL) {
        g_string_append(out, "Content-Type: ");
        g_string_append(out, request->type);
        g_string_append(out, "\r\n");
    }
    if (request->type != NULL || request->status == 304) {
        g_string_append(out, "Vary: Accept-Encoding\r\n");
    }
    if (request->encoded) {
        g_string_append(out, "Content-Encoding: gzip\r\n");
    }
    if (request->tag != NULL) {
        g_string_append(out, "ETag: ");
        g_string_append(out, request->tag);
        g_string_append(out, "\r\n");
    }
    if (request->status >= 200 && request->status != 204 && request->status != 304) {
        g_snprintf(number, sizeof number, "%zu", size);
        g_string_append(out, "Content-Length: ");
        g_string_append(out, number);
        g_string_append(out, "\r\n");
    }
    if (!keep_alive) {
        g_string_append(out, "Connection: close\r\n");
    } else if (request->head.old) {
        g_string_append(out, "Connection: keep-alive\r\n");
    }
    g_string_append_len(out, request->headers->str, (gssize)request->headers->len);
    g_string_append(out, "\r\n");
}

unsigned nt_http_status(const NtHttpRequest *request) { return request->status; }
uint64_t nt_http_sent(const NtHttpRequest *request) { return request->sent; }
