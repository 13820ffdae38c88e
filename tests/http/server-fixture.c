/* SPDX-License-Identifier: Apache-2.0 */
#include "server-fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static NtHttpRequest *next_slow(Fixture *fixture) {
    g_mutex_lock(&fixture->lock);
    while (fixture->slow.length == 0 && !fixture->stop) {
        g_cond_wait(&fixture->changed, &fixture->lock);
    }
    NtHttpRequest *request = g_queue_pop_head(&fixture->slow);
    g_mutex_unlock(&fixture->lock);
    return request;
}

/* A thread that answers what it is given after a while, or when nobody wants it any more. */
static void *answer_later(void *data) {
    Fixture *fixture = data;
    for (NtHttpRequest *request; (request = next_slow(fixture)) != NULL;) {
        GCancellable *cancellable = nt_http_cancellable(request);
        for (int i = 0; i < 50 && !g_cancellable_is_cancelled(cancellable); i++) {
            g_usleep(2000);
        }
        g_atomic_int_add(&fixture->gone, g_cancellable_is_cancelled(cancellable));
        nt_http_answer(request, 200, "text/plain", g_bytes_new_static("late", 4));
    }
    return NULL;
}

void on_head(NtHttpRequest *request, void *data) {
    const char *path = nt_http_path(request);
    if (strcmp(path, "/echo") == 0) {
        nt_http_accept_body(request, 1000, -1, 0);
    } else if (strcmp(path, "/forbidden") == 0) {
        nt_http_answer_problem(request, 403, "forbidden", NULL, "no");
    }
}

void on_serve(NtHttpRequest *request, void *data) {
    Fixture *fixture = data;
    const char *path = nt_http_path(request);
    g_atomic_int_inc(&fixture->served);
    if (strcmp(path, "/park") == 0) {
        fixture->parked = request;
    } else if (strcmp(path, "/slow") == 0) {
        g_mutex_lock(&fixture->lock);
        g_queue_push_tail(&fixture->slow, request);
        g_cond_signal(&fixture->changed);
        g_mutex_unlock(&fixture->lock);
    } else if (strcmp(path, "/block") == 0) { /* as no handler should, until nobody wants it any more */
        GCancellable *cancellable = nt_http_cancellable(request);
        for (int i = 0; i < 5000 && !g_cancellable_is_cancelled(cancellable); i++) {
            g_usleep(2000);
        }
        g_atomic_int_add(&fixture->gone, g_cancellable_is_cancelled(cancellable));
        nt_http_answer(request, 200, "text/plain", NULL);
    } else if (strcmp(path, "/tagged") == 0) {
        nt_http_add_header(request, "ETag", "\"abc\"");
        nt_http_answer(request, 200, "text/plain", g_bytes_new_take(g_strnfill(2000, 'x'), 2000));
    } else if (strcmp(path, "/match") == 0) {
        const char *match = nt_http_header(request, "if-match");
        nt_http_answer(request, 200, "text/plain", g_bytes_new(match, strlen(match)));
    } else if (strcmp(path, "/medium") == 0) {
        nt_http_answer(request, 200, "application/octet-stream", g_bytes_new_take(g_strnfill(6 << 20, 'x'), 6 << 20));
    } else if (strcmp(path, "/large") == 0) {
        char *large = g_strnfill(8 << 20, 'x');
        nt_http_answer(request, 200, "application/octet-stream", g_bytes_new_take(large, 8 << 20));
    } else {
        nt_http_add_header(request, "X-Split", "a\r\nInjected: b");
        nt_http_answer(request, 200, "text/plain", nt_http_body_bytes(request));
    }
}

void on_turn(unsigned loop, void *data) {
    Fixture *fixture = data;
    if (fixture->parked != NULL) {
        nt_http_answer(g_steal_pointer(&fixture->parked), 200, "text/plain", g_bytes_new_static("parked", 6));
    }
}

void on_done(const NtHttpRequest *request, void *data) { g_atomic_int_inc(&((Fixture *)data)->done); }

void set_up(Fixture *fixture, const void *data) {
    NtHttpOptions options = {.threads = 1,
                             .client_connections = 8,
                             .head_ms = 300,
                             .body_ms = 300,
                             .idle_ms = 600,
                             .requests = 5,
                             .body_memory = 4096};
    if (data != NULL) {
        options = *(const NtHttpOptions *)data;
    }
    NtHttpHandler handler = {on_head, on_serve, on_turn, on_done, fixture};
    g_autoptr(GError) error = NULL;
    fixture->thread = g_thread_new("slow", answer_later, fixture);
    fixture->server = nt_http_server_new(&options, &handler, &error);
    g_assert_no_error(error);
    g_assert_true(nt_http_listen(fixture->server, "127.0.0.1:0", &fixture->port, &error));
    g_assert_true(nt_http_server_start(fixture->server, &error));
}

void tear_down(Fixture *fixture, const void *data) {
    nt_http_server_stop(fixture->server, G_USEC_PER_SEC);
    g_mutex_lock(&fixture->lock);
    fixture->stop = true;
    g_cond_signal(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
    g_thread_join(fixture->thread);
    nt_http_server_free(fixture->server);
}

/* ---- a client ---- */

int dial(const Fixture *fixture) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture->port)};
    struct timeval patience = {5, 0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

void say(int fd, const char *text) {
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* All that comes until the server closes, or until `marks` occurrences of `mark`. New. */
char *hear(int fd, const char *mark, unsigned marks) {
    GString *heard = g_string_new(NULL);
    char bytes[4096];
    while (true) {
        unsigned seen = 0;
        for (const char *at = heard->str; mark != NULL && (at = strstr(at, mark)) != NULL; at += strlen(mark)) {
            seen++;
        }
        ssize_t got = mark != NULL && seen >= marks ? 0 : recv(fd, bytes, sizeof bytes, 0);
        g_assert_true(got >= 0 || errno == ECONNRESET); /* not: it was silent for five seconds */
        if (got <= 0) {
            return g_string_free(heard, FALSE);
        }
        g_string_append_len(heard, bytes, got);
    }
}

/* Says something on a connection of its own and returns all that is answered until the end. */
char *ask(const Fixture *fixture, const char *text) {
    int fd = dial(fixture);
    say(fd, text);
    char *heard = hear(fd, NULL, 0);
    close(fd);
    return heard;
}

unsigned count(const char *text, const char *part) {
    unsigned seen = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        seen++;
    }
    return seen;
}
