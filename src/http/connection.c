/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection: bytes in, requests to the handler, answers out. All of it happens on the connection's loop.
 *
 *   handshake ─► head ─► body ─► serving ─► writing ─► idle ─► head ...
 *                                                └───► linger ─► closed
 *
 * One request at a time: what a client sends ahead stays where it is until the answer has gone out. A call to the
 * handler may end in the connection's end, so nothing of it is touched afterwards.
 */
#include "http/http-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

static void process(NtHttpConnection *connection);
static void write_more(NtHttpConnection *connection);

void nt_http_connection_begin(NtHttpLoop *loop, int fd, GInetAddress *peer, bool counted, bool local) {
    NtHttpConnection *connection = g_new0(NtHttpConnection, 1);
    NtHttpTls *tls = peer != NULL ? nt_http_server_tls(loop->server) : NULL;
    *connection = (NtHttpConnection){.loop = loop, .fd = fd, .peer = peer, .counted = counted, .local = local};
    connection->link.data = connection;
    connection->address = peer != NULL ? g_inet_address_to_string(peer) : g_strdup("unix");
    connection->out = g_string_sized_new(512);
    connection->state = NT_HTTP_STATES; /* in no list yet */
    nt_http_loop_place(connection, tls != NULL ? NT_HTTP_HANDSHAKE : NT_HTTP_HEAD);
    if (tls != NULL) {
        connection->tls = nt_http_tls_session_new(tls, fd);
        nt_http_tls_unref(tls);
        if (connection->tls == NULL) {
            nt_http_connection_close(connection);
            return;
        }
    }
    nt_http_loop_watch(connection, true, false);
}

/* The request has no connection any more: if the handler has it, it goes when it is answered. */
static void abandon(NtHttpRequest *request) {
    g_mutex_lock(&request->loop->lock);
    request->connection = NULL;
    request->cancelled = true;
    GCancellable *cancellable = request->cancellable != NULL ? g_object_ref(request->cancellable) : NULL;
    g_mutex_unlock(&request->loop->lock);
    if (cancellable != NULL) {
        g_cancellable_cancel(cancellable);
        g_object_unref(cancellable);
    }
}

void nt_http_connection_close(NtHttpConnection *connection) {
    NtHttpServer *server = connection->loop->server;
    NtHttpRequest *request = connection->request;
    if (request != NULL) {
        bool theirs = connection->state == NT_HTTP_SERVING && !request->answered;
        abandon(request);
        if (!theirs) {
            if (request->answered && server->handler.done != NULL) {
                server->handler.done(request, server->handler.data);
            }
            nt_http_request_free(request);
        }
    }
    nt_http_loop_remove(connection);
    nt_http_tls_session_free(connection->tls);
    if (connection->counted) { /* before its client can know, who may connect again at once */
        nt_http_server_forget_client(server, connection->peer);
    }
    g_atomic_int_add(&connection->loop->given, -1);
    g_atomic_int_add(&server->open, -1);
    /* A child that is being started may hold a copy of the socket for a moment, and epoll, which knows sockets and not
     * descriptors, would go on telling of it. */
    epoll_ctl(connection->loop->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    close(connection->fd);
    g_clear_object(&connection->peer);
    g_clear_pointer(&connection->in, g_byte_array_unref);
    g_string_free(connection->out, TRUE);
    g_free(connection->address);
    g_free(connection);
}

/* ---- refusing ---- */

static void refuse(NtHttpConnection *connection, unsigned status, const char *code, const char *detail) {
    NtHttpRequest *request = connection->request;
    g_atomic_int_inc(&connection->loop->server->faults);
    if (request == NULL) { /* there is no head that could be understood */
        NtHttpHead none = {.text = g_strdup(""), .method = "", .path = ""};
        none.fields = g_array_new(FALSE, FALSE, sizeof(NtHttpField));
        request = connection->request = nt_http_request_new(connection, &none);
    }
    nt_http_close_after(request);
    nt_http_loop_place(connection, NT_HTTP_SERVING);
    nt_http_answer_problem(request, status, code, NULL, detail);
}

void nt_http_connection_expire(NtHttpConnection *connection) {
    NtHttpServer *server = connection->loop->server;
    uint64_t least = (uint64_t)server->options.least_rate * MIN(server->options.body_ms, 5000) / 1000;
    bool keeps_up = connection->moved >= least;
    switch (connection->state) {
    case NT_HTTP_BODY:
        if (keeps_up && connection->loop->now < connection->body_end) {
            nt_http_loop_place(connection, NT_HTTP_BODY);
            return;
        }
        g_atomic_int_inc(&server->timeouts);
        refuse(connection, 408, "timeout", "the body did not come in the time it is given");
        return;
    case NT_HTTP_WRITING:
        if (keeps_up && connection->loop->now < connection->answer_end) {
            nt_http_loop_place(connection, NT_HTTP_WRITING);
            return;
        }
        break;
    case NT_HTTP_HEAD:
        if (connection->in != NULL) {
            g_atomic_int_inc(&server->timeouts);
            refuse(connection, 408, "timeout", "the headers did not come in the time they are given");
            return;
        }
        break;
    default: break;
    }
    if (connection->state != NT_HTTP_IDLE && connection->state != NT_HTTP_LINGER) {
        g_atomic_int_inc(&server->timeouts);
    }
    nt_http_connection_close(connection);
}

/* ---- bodies ---- */

/* Room for `more` bytes and a NUL, within the request's limit and what all bodies may take together. */
static bool reserve(NtHttpRequest *request, size_t more) {
    size_t wanted = request->body_size + more + 1;
    if (wanted <= request->body_capacity) {
        return true;
    }
    size_t most = request->head.chunked ? request->body_limit : request->head.length;
    size_t capacity = MAX(wanted, MIN(MAX(request->body_capacity * 2, 4096), most + 1));
    if (!nt_http_server_take_memory(request->loop->server, capacity - request->body_capacity)) {
        return false;
    }
    char *body = realloc(request->body, capacity);
    if (body == NULL) {
        nt_http_server_give_memory(request->loop->server, capacity - request->body_capacity);
        return false;
    }
    request->body = body;
    request->body_capacity = capacity;
    return true;
}

/* Keeps a run of the body. False: refused, and the connection may be gone. */
static bool keep(NtHttpConnection *connection, const char *data, size_t size) {
    NtHttpRequest *request = connection->request;
    if (size > request->body_limit - request->body_size) {
        refuse(connection, 413, "body-too-large", "the body is larger than this address takes");
        return false;
    }
    if (request->body_fd >= 0) {
        for (size_t at = 0; at < size;) {
            ssize_t wrote = write(request->body_fd, data + at, size - at);
            if (wrote < 0 && errno != EINTR) {
                refuse(connection, errno == ENOSPC || errno == EDQUOT ? 507 : 500, "not-stored",
                       "the body could not be stored here");
                return false;
            }
            at += wrote > 0 ? (size_t)wrote : 0;
        }
    } else if (!reserve(request, size)) {
        nt_http_add_header(request, "Retry-After", "1");
        refuse(connection, 429, "overloaded", "too many bodies are being sent; try again in a moment");
        return false;
    } else {
        memcpy(request->body + request->body_size, data, size);
        request->body[request->body_size + size] = '\0';
    }
    request->body_size += size;
    connection->moved += size;
    return true;
}

static void drop_input(NtHttpConnection *connection, size_t used) {
    if (connection->in != NULL && used >= connection->in->len) {
        g_clear_pointer(&connection->in, g_byte_array_unref);
    } else if (used > 0) {
        g_byte_array_remove_range(connection->in, 0, (guint)used);
    }
    connection->scanned = 0;
}

/* Takes what is there of the body. DONE: it is whole; BAD: refused, hands off. */
static NtHttpParse take_body(NtHttpConnection *connection) {
    NtHttpRequest *request = connection->request;
    const char *bytes = connection->in != NULL ? (const char *)connection->in->data : "";
    size_t size = connection->in != NULL ? connection->in->len : 0, used = 0;
    if (!request->head.chunked) {
        used = MIN(size, request->head.length - request->body_size);
        if (used > 0 && !keep(connection, bytes, used)) {
            return NT_HTTP_BAD;
        }
        drop_input(connection, used);
        return request->body_size == request->head.length ? NT_HTTP_DONE : NT_HTTP_MORE;
    }
    NtHttpParse step = NT_HTTP_MORE;
    while (used < size && step == NT_HTTP_MORE) {
        const char *data;
        size_t length, taken;
        step = nt_http_chunked_next(&connection->chunked, bytes + used, size - used, &data, &length, &taken);
        used += taken;
        if (length > 0 && !keep(connection, data, length)) {
            return NT_HTTP_BAD;
        }
    }
    if (step == NT_HTTP_BAD) {
        refuse(connection, 400, "malformed-request", "the chunked body is malformed");
        return step;
    }
    drop_input(connection, used);
    return step;
}

static void serve(NtHttpConnection *connection) {
    const NtHttpHandler *handler = &connection->loop->server->handler;
    nt_http_loop_place(connection, NT_HTTP_SERVING);
    handler->serve(connection->request, handler->data);
}

/* ---- heads ---- */

/* The handler has seen the head: whether the body it tells of is to be read. False: refused or answered. */
static bool accept_body(NtHttpConnection *connection) {
    const NtHttpRequest *request = connection->request;
    const NtHttpHead *head = &request->head;
    if (request->body_limit == 0) {
        refuse(connection, 400, "body-not-expected", "this request takes no body");
        return false;
    }
    if (!head->chunked && head->length > request->body_limit) {
        refuse(connection, 413, "body-too-large", "the body is larger than this address takes");
        return false;
    }
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (head->expects && connection->in == NULL) {
        ssize_t sent = connection->tls != NULL
                           ? nt_http_tls_send(connection->tls, go_on, sizeof go_on - 1)
                           : send(connection->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent != (ssize_t)sizeof go_on - 1) {
            nt_http_connection_close(connection);
            return false;
        }
    }
    unsigned total = request->body_ms > 0 ? request->body_ms : connection->loop->server->options.body_ms;
    connection->body_end = connection->loop->now + total * INT64_C(1000);
    connection->chunked = (NtHttpChunked){0};
    nt_http_loop_place(connection, NT_HTTP_BODY);
    return true;
}

/* A head was read. True: its body comes next. */
static bool begin_request(NtHttpConnection *connection, const NtHttpHead *head) {
    const NtHttpHandler *handler = &connection->loop->server->handler;
    bool has_body = head->chunked || head->length > 0;
    NtHttpRequest *request = connection->request = nt_http_request_new(connection, head);
    connection->requests++;
    if (handler->head != NULL) {
        nt_http_loop_place(connection, NT_HTTP_SERVING);
        connection->accepting = true;
        handler->head(request, handler->data);
        connection->accepting = false;
        if (request->answered) {
            request->close = request->close || has_body;
            nt_http_connection_answered(connection);
            return false;
        }
    }
    if (!has_body) {
        serve(connection);
        return false;
    }
    return accept_body(connection);
}

static bool take_head(NtHttpConnection *connection) {
    const NtHttpOptions *options = &connection->loop->server->options;
    NtHttpHeadLimits limits = {options->line_bytes, options->head_bytes, options->headers};
    NtHttpHead head;
    NtHttpFault fault;
    size_t used = 0;
    if (connection->state == NT_HTTP_IDLE) {
        nt_http_loop_place(connection, NT_HTTP_HEAD);
    }
    switch (nt_http_head_parse((const char *)connection->in->data, connection->in->len, &limits, &connection->scanned,
                               &head, &used, &fault)) {
    case NT_HTTP_DONE: drop_input(connection, used); return begin_request(connection, &head);
    case NT_HTTP_BAD: refuse(connection, fault.status, fault.code, fault.detail); return false;
    default: return false;
    }
}

/* Goes on with the bytes that were read. */
static void process(NtHttpConnection *connection) {
    if ((connection->state == NT_HTTP_HEAD || connection->state == NT_HTTP_IDLE) && connection->in != NULL &&
        !take_head(connection)) {
        return;
    }
    if (connection->state == NT_HTTP_BODY && take_body(connection) == NT_HTTP_DONE) {
        serve(connection);
    }
}

/* ---- answers ---- */

static void finish(NtHttpConnection *connection, bool keep_alive) {
    const NtHttpHandler *handler = &connection->loop->server->handler;
    NtHttpRequest *request = connection->request;
    bool unread = request->close;
    if (handler->done != NULL) {
        handler->done(request, handler->data);
    }
    connection->request = NULL;
    nt_http_request_free(request);
    if (keep_alive) {
        nt_http_loop_place(connection, NT_HTTP_IDLE);
        nt_http_loop_watch(connection, true, false);
        if ((connection->in != NULL || connection->tls != NULL) && !connection->ready) {
            connection->ready = true;
            g_ptr_array_add(connection->loop->ready, connection);
        }
        return;
    }
    if (connection->tls != NULL) {
        nt_http_tls_bye(connection->tls);
    }
    if (!unread || shutdown(connection->fd, SHUT_WR) != 0) {
        nt_http_connection_close(connection);
        return;
    }
    g_clear_pointer(&connection->in, g_byte_array_unref);
    nt_http_loop_place(connection, NT_HTTP_LINGER);
    nt_http_loop_watch(connection, true, false);
}

/* Sends as much as there is room for: the head and then the body. -1 with errno, as send. */
static ssize_t send_some(NtHttpConnection *connection, const char *body, size_t size) {
    size_t head_left = connection->out->len - connection->out_at;
    if (connection->tls != NULL) {
        const char *from = head_left > 0 ? connection->out->str + connection->out_at : body + connection->body_at;
        size_t left = head_left > 0 ? head_left : size - connection->body_at;
        return nt_http_tls_send(connection->tls, from, left);
    }
    struct iovec parts[2] = {{connection->out->str + connection->out_at, head_left},
                             {(char *)body + connection->body_at, size - connection->body_at}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void write_more(NtHttpConnection *connection) {
    NtHttpRequest *request = connection->request;
    gsize size = 0;
    const char *body = "";
    if (request->answer != NULL && strcmp(request->head.method, "HEAD") != 0) {
        body = g_bytes_get_data(request->answer, &size);
    }
    while (connection->out_at < connection->out->len || connection->body_at < size) {
        ssize_t sent = send_some(connection, body, size);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            if (connection->state != NT_HTTP_WRITING) {
                nt_http_loop_place(connection, NT_HTTP_WRITING);
            }
            nt_http_loop_watch(connection, false, true);
            return;
        }
        if (sent < 0) {
            nt_http_connection_close(connection);
            return;
        }
        size_t head = MIN((size_t)sent, connection->out->len - connection->out_at);
        connection->out_at += head;
        connection->body_at += (size_t)sent - head;
        connection->moved += (size_t)sent;
        request->sent += (size_t)sent;
    }
    finish(connection, request->head.keep_alive);
}

void nt_http_connection_answered(NtHttpConnection *connection) {
    NtHttpServer *server = connection->loop->server;
    NtHttpRequest *request = connection->request;
    if (connection->accepting) { /* goes out when the handler has returned */
        return;
    }
    request->head.keep_alive = request->head.keep_alive && !request->close &&
                               connection->requests < server->options.requests && !g_atomic_int_get(&server->stopping);
    g_string_truncate(connection->out, 0);
    connection->out_at = connection->body_at = 0;
    connection->moved = 0;
    connection->answer_end = connection->loop->now + server->options.answer_ms * INT64_C(1000) +
                             (int64_t)(request->answer_size * G_USEC_PER_SEC / server->options.answer_rate);
    nt_http_request_compose(request, request->head.keep_alive, connection->out);
    write_more(connection);
}

/* ---- events ---- */

/* Reads once. False: there is nothing to read now, or the connection is gone. */
static bool read_some(NtHttpConnection *connection) {
    NtHttpLoop *loop = connection->loop;
    ssize_t got = connection->tls != NULL ? nt_http_tls_receive(connection->tls, loop->scratch, NT_HTTP_SCRATCH_BYTES)
                                          : recv(connection->fd, loop->scratch, NT_HTTP_SCRATCH_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got <= 0) { /* whatever was begun will not come to its end */
        nt_http_connection_close(connection);
        return false;
    }
    if (connection->state != NT_HTTP_LINGER) {
        if (connection->in == NULL) {
            connection->in = g_byte_array_sized_new((guint)got);
        }
        g_byte_array_append(connection->in, (const guint8 *)loop->scratch, (guint)got);
        process(connection);
    }
    return got == NT_HTTP_SCRATCH_BYTES;
}

static void shake_hands(NtHttpConnection *connection) {
    int step = nt_http_tls_handshake(connection->tls);
    if (step < 0) {
        nt_http_connection_close(connection);
    } else if (step > 0) {
        nt_http_loop_place(connection, NT_HTTP_HEAD);
        nt_http_connection_continue(connection);
    }
}

void nt_http_connection_continue(NtHttpConnection *connection) {
    if (connection->in != NULL) {
        process(connection);
    } else if (connection->state == NT_HTTP_IDLE || connection->state == NT_HTTP_HEAD) {
        read_some(connection);
    }
}

/* Something comes while the handler works: what is sent ahead is looked at after the answer; an end, also behind that,
 * means that nobody waits for it. */
static void watch_served(NtHttpConnection *connection, uint32_t events) {
    if (events & EPOLLRDHUP) {
        nt_http_connection_close(connection);
    } else {
        nt_http_loop_watch(connection, false, false);
    }
}

void nt_http_connection_event(NtHttpConnection *connection, uint32_t events) {
    if (events & (EPOLLERR | EPOLLHUP)) {
        nt_http_connection_close(connection);
        return;
    }
    switch (connection->state) {
    case NT_HTTP_HANDSHAKE: shake_hands(connection); return;
    case NT_HTTP_WRITING: write_more(connection); return;
    case NT_HTTP_SERVING: watch_served(connection, events); return;
    default: read_some(connection);
    }
}
