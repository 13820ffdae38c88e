/* SPDX-License-Identifier: Apache-2.0 */
/* A running server, talked to by raw sockets: what clients send, and what they never should. */
#include "http/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct Fixture {
    NtHttpServer *server;
    uint16_t port;
    gint served, done, gone;
    NtHttpRequest *parked;
    GThread *thread;
    GMutex lock; /* the three below */
    GCond changed;
    GQueue slow; /* requests that the thread answers later */
    bool stop;
} Fixture;

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

static void on_head(NtHttpRequest *request, void *data) {
    const char *path = nt_http_path(request);
    if (strcmp(path, "/echo") == 0) {
        nt_http_accept_body(request, 1000, -1, 0);
    } else if (strcmp(path, "/forbidden") == 0) {
        nt_http_answer_problem(request, 403, "forbidden", NULL, "no");
    }
}

static void on_serve(NtHttpRequest *request, void *data) {
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

static void on_turn(unsigned loop, void *data) {
    Fixture *fixture = data;
    if (fixture->parked != NULL) {
        nt_http_answer(g_steal_pointer(&fixture->parked), 200, "text/plain", g_bytes_new_static("parked", 6));
    }
}

static void on_done(const NtHttpRequest *request, void *data) { g_atomic_int_inc(&((Fixture *)data)->done); }

static void set_up(Fixture *fixture, const void *data) {
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

static void tear_down(Fixture *fixture, const void *data) {
    nt_http_server_stop(fixture->server, G_USEC_PER_SEC);
    g_mutex_lock(&fixture->lock);
    fixture->stop = true;
    g_cond_signal(&fixture->changed);
    g_mutex_unlock(&fixture->lock);
    g_thread_join(fixture->thread);
    nt_http_server_free(fixture->server);
}

/* ---- a client ---- */

static int dial(const Fixture *fixture) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(fixture->port)};
    struct timeval patience = {5, 0};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void say(int fd, const char *text) {
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (ssize_t)strlen(text));
}

/* All that comes until the server closes, or until `marks` occurrences of `mark`. New. */
static char *hear(int fd, const char *mark, unsigned marks) {
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
static char *ask(const Fixture *fixture, const char *text) {
    int fd = dial(fixture);
    say(fd, text);
    char *heard = hear(fd, NULL, 0);
    close(fd);
    return heard;
}

#define ASSERT_HAS(text, part) g_assert_nonnull(strstr((text), (part)))
#define ASSERT_LACKS(text, part) g_assert_null(strstr((text), (part)))

static unsigned count(const char *text, const char *part) {
    unsigned seen = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        seen++;
    }
    return seen;
}

/* ---- tests ---- */

static void test_bodies(Fixture *fixture, const void *data) {
    g_autofree char *plain =
        ask(fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    ASSERT_HAS(plain, "HTTP/1.1 200 OK\r\n");
    ASSERT_HAS(plain, "\r\n\r\nhello");
    ASSERT_HAS(plain, "X-Split: a  Injected: b\r\n");
    g_autofree char *chunked = ask(fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    ASSERT_HAS(chunked, "\r\n\r\nhello");
    g_autofree char *head = ask(fixture, "HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    g_assert_true(g_str_has_suffix(head, "\r\n\r\n"));
    g_autofree char *filler = g_strnfill(1001, 'x');
    g_autofree char *at_limit = g_strdup_printf(
        "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n%s", filler + 1);
    g_autofree char *fits = ask(fixture, at_limit);
    ASSERT_HAS(fits, "HTTP/1.1 200 OK\r\n");
    /* Over the limit: told before the body is there; in chunks, as soon as it is over. */
    g_autofree char *large = ask(fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n");
    ASSERT_HAS(large, "HTTP/1.1 413 ");
    ASSERT_HAS(large, "\"code\": \"body-too-large\"");
    g_autofree char *pieces =
        g_strdup_printf("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n%s", filler);
    g_autofree char *over = ask(fixture, pieces);
    ASSERT_HAS(over, "HTTP/1.1 413 ");
    g_autofree char *unwanted =
        ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_HAS(unwanted, "\"code\": \"body-not-expected\"");
    g_assert_cmpuint(count(unwanted, "HTTP/1.1 "), ==, 1);
    g_autofree char *early =
        ask(fixture, "POST /forbidden HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n");
    ASSERT_HAS(early, "HTTP/1.1 403 ");
    g_assert_cmpuint(count(early, "HTTP/1.1 "), ==, 1);
}

static void test_continue(Fixture *fixture, const void *data) {
    int fd = dial(fixture);
    say(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n");
    g_autofree char *first = hear(fd, "\r\n\r\n", 1);
    g_assert_cmpstr(first, ==, "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "hi");
    g_autofree char *second = hear(fd, NULL, 0);
    ASSERT_HAS(second, "\r\n\r\nhi");
    close(fd);
    g_autofree char *refused =
        ask(fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n");
    ASSERT_HAS(refused, "HTTP/1.1 413 ");
    ASSERT_LACKS(refused, "100 Continue");
}

static void test_keep_alive(Fixture *fixture, const void *data) {
    int fd = dial(fixture);
    for (int i = 0; i < 4; i++) {
        say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        g_autofree char *heard = hear(fd, "\r\n\r\n", 1);
        ASSERT_LACKS(heard, "Connection: close");
    }
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); /* the last that is allowed on it */
    g_autofree char *last = hear(fd, NULL, 0);
    ASSERT_HAS(last, "Connection: close");
    close(fd);
    g_autofree char *old = ask(fixture, "GET / HTTP/1.0\r\n\r\n");
    ASSERT_HAS(old, "Connection: close");
    fd = dial(fixture);
    say(fd, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    g_autofree char *kept = hear(fd, "\r\n\r\n", 1);
    ASSERT_HAS(kept, "Connection: keep-alive");
    close(fd);
}

/* Requests sent ahead are answered in order, whoever answers them. */
static void test_pipelined(Fixture *fixture, const void *data) {
    g_autofree char *heard =
        ask(fixture, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\nPOST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
                     "twoGET /park HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                     "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *late = strstr(heard, "\r\n\r\nlate"), *two = strstr(heard, "\r\n\r\ntwo");
    const char *parked = strstr(heard, "\r\n\r\nparked");
    g_assert_true(late != NULL && two > late && parked > two);
    g_assert_cmpuint(count(heard, "HTTP/1.1 200"), ==, 4); /* nothing behind the one that closes */
    g_assert_cmpint(g_atomic_int_get(&fixture->done), ==, 4);
}

static void test_deadlines(Fixture *fixture, const void *data) {
    g_autofree char *silent = ask(fixture, "");
    g_assert_cmpstr(silent, ==, "");
    g_autofree char *head = ask(fixture, "GET / HTTP/1.1\r\nHo");
    ASSERT_HAS(head, "HTTP/1.1 408 ");
    g_autofree char *body = ask(fixture, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    ASSERT_HAS(body, "HTTP/1.1 408 ");
    int fd = dial(fixture);
    say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autofree char *idle = hear(fd, NULL, 0); /* closed for idleness */
    g_assert_cmpuint(count(idle, "HTTP/1.1 "), ==, 1);
    close(fd);
    /* A byte now and then wins nothing: the deadline is for the whole head. */
    fd = dial(fixture);
    int sent = 0;
    for (; sent < 100 && send(fd, "G", 1, MSG_NOSIGNAL) == 1; sent++) {
        char byte;
        g_usleep(50000);
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
            break;
        }
    }
    g_assert_cmpint(sent, <, 100);
    close(fd);
    NtHttpCounts counts;
    nt_http_server_counts(fixture->server, &counts);
    g_assert_cmpuint(counts.timeouts, >=, 3);
    g_assert_cmpuint(counts.body_bytes, ==, 0);
}

/* One who does not read costs a connection for a while, and nobody else anything. */
static void test_slow_reader(Fixture *fixture, const void *data) {
    int fd = dial(fixture), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    g_autofree char *other = ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_HAS(other, "200 OK");
    NtHttpCounts counts = {.open = 9};
    for (int i = 0; i < 500 && counts.open > 0; i++) {
        g_usleep(10000);
        nt_http_server_counts(fixture->server, &counts);
    }
    g_assert_cmpuint(counts.open, ==, 0);
    close(fd);
}

/* Nor does one who reads a little now and then, for ever. */
static void test_reading_time(Fixture *fixture, const void *data) {
    int fd = dial(fixture), small = 4096;
    char bytes[4096];
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    say(fd, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    while (recv(fd, bytes, 64, 0) > 0) {
        NtHttpCounts counts;
        nt_http_server_counts(fixture->server, &counts);
        if (counts.timeouts > 0) {
            break;
        }
        g_usleep(1000);
    }
    NtHttpCounts counts;
    nt_http_server_counts(fixture->server, &counts);
    g_assert_cmpuint(counts.timeouts, ==, 1);
    g_assert_cmpuint(counts.answer_bytes, ==, 0);
    close(fd);
}

/* Large answers that nobody reads have a bounded room; small ones go out all the same. */
static void test_answer_memory(Fixture *fixture, const void *data) {
    int fds[3], small = 4096;
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) { /* 6 MiB each, in 10 MiB */
        fds[i] = dial(fixture);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        say(fds[i], "GET /medium HTTP/1.1\r\nHost: x\r\n\r\n");
        g_autofree char *heard = hear(fds[i], "\r\n", 1);
        ASSERT_HAS(heard, i == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 429 ");
        g_assert_true(i == 0 || strstr(heard, "Retry-After: 1") != NULL);
    }
    g_autofree char *other = ask(fixture, "GET /tagged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_HAS(other, "200 OK");
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        close(fds[i]);
    }
    g_autofree char *later = NULL; /* there is room again */
    for (int i = 0; i < 500 && (later == NULL || strstr(later, "200 OK") == NULL); i++) {
        g_usleep(10000);
        g_free(later);
        later = ask(fixture, "HEAD /medium HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    ASSERT_HAS(later, "200 OK");
}

/* What is asked about the tagged answer, with these headers. */
static char *ask_tagged(const Fixture *fixture, const char *method, const char *headers) {
    g_autofree char *text =
        g_strdup_printf("%s /tagged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, headers);
    return ask(fixture, text);
}

static void test_tags(Fixture *fixture, const void *data) {
    static const struct {
        const char *method, *headers, *status, *tag;
    } cases[] = {
        {"GET", "", "200", "ETag: \"abc\""},
        {"GET", "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", "200", "ETag: \"abc-gzip\""},
        {"GET", "If-None-Match: \"x\"\r\nIf-None-Match: \"abc\"\r\n", "304", "ETag: \"abc\""},
        {"GET", "If-None-Match: W/\"abc\"\r\n", "304", "ETag: \"abc\""},
        {"GET", "If-None-Match: \"x\", \"abc-gzip\"\r\nAccept-Encoding: gzip\r\n", "304", "ETag: \"abc-gzip\""},
        {"GET", "If-None-Match: *\r\n", "304", "ETag: \"abc\""},
        {"HEAD", "If-None-Match: \"abc\"\r\n", "304", "ETag: \"abc\""},
        {"POST", "If-None-Match: \"abc\"\r\n", "200", "ETag: \"abc\""},
        {"GET", "If-None-Match: \"abcd\", \"bc\", abc\r\n", "200", "ETag: \"abc\""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *heard = ask_tagged(fixture, cases[i].method, cases[i].headers);
        g_autofree char *status = g_strdup_printf("HTTP/1.1 %s ", cases[i].status);
        g_test_message("%s %s", cases[i].method, cases[i].headers);
        ASSERT_HAS(heard, status);
        ASSERT_HAS(heard, cases[i].tag);
        ASSERT_HAS(heard, "Vary: Accept-Encoding\r\n");
        g_assert_true(*cases[i].status == '2' || g_str_has_suffix(heard, "\r\n\r\n"));
    }
    /* If-Match compares strongly, and the tag of a compressed body means the same state. */
    g_autofree char *match = ask(fixture, "GET /match HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                          "If-Match: \"a\", W/\"b\"\r\nIf-Match: \"c-gzip\"\r\n\r\n");
    g_assert_true(g_str_has_suffix(match, "\r\n\r\n\"a\", \"c\""));
    g_autofree char *weak =
        ask(fixture, "GET /match HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIf-Match: W/\"b\"\r\n\r\n");
    g_assert_true(g_str_has_suffix(weak, "\r\n\r\n"));
    g_autofree char *two =
        ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n");
    ASSERT_HAS(two, "HTTP/1.1 400 ");
}

static void test_too_many(Fixture *fixture, const void *data) {
    int fds[8];
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = dial(fixture);
        say(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        g_autofree char *heard = hear(fds[i], "\r\n\r\n", 1);
        ASSERT_HAS(heard, "200 OK");
    }
    int fd = dial(fixture);
    g_autofree char *heard = hear(fd, NULL, 0);
    ASSERT_HAS(heard, "HTTP/1.1 429 ");
    const char *body = strstr(heard, "\r\n\r\n") + 4;
    g_autofree char *length = g_strdup_printf("Content-Length: %zu\r\n", strlen(body));
    ASSERT_HAS(heard, length);
    close(fd);
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        close(fds[i]);
    }
}

/* Bodies share a bounded memory: five of 1,000 bytes do not fit into 4,096. */
static void test_body_memory(Fixture *fixture, const void *data) {
    int fds[5];
    g_autofree char *half = g_strnfill(999, 'x');
    unsigned refused = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        fds[i] = dial(fixture);
        say(fds[i], "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
        say(fds[i], half);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_autofree char *heard = hear(fds[i], NULL, 0);
        refused += strstr(heard, "HTTP/1.1 429 ") != NULL && strstr(heard, "Retry-After: 1") != NULL;
        close(fds[i]);
    }
    g_assert_cmpuint(refused, >=, 1);
    g_assert_cmpuint(refused, <, 5);
}

static void leave(Fixture *fixture, bool reset_it, const char *ahead) {
    int fd = dial(fixture);
    struct linger reset = {1, 0};
    say(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    say(fd, ahead);
    while (g_atomic_int_get(&fixture->served) == 0) {
        g_usleep(1000);
    }
    if (reset_it) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    close(fd);
    for (int i = 0; i < 500 && g_atomic_int_get(&fixture->gone) == 0; i++) {
        g_usleep(10000);
    }
    g_assert_cmpint(g_atomic_int_get(&fixture->gone), ==, 1); /* whoever works on it knows */
    g_autofree char *other = ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_HAS(other, "200 OK");
}

static void test_gone(Fixture *fixture, const void *data) { leave(fixture, true, ""); }
static void test_closed(Fixture *fixture, const void *data) { leave(fixture, false, ""); }

/* An end is noticed behind what was sent ahead. */
static void test_closed_behind(Fixture *fixture, const void *data) {
    leave(fixture, false, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
}

/* Where patience is over, what a loop itself does is cancelled too. */
static void test_forced(Fixture *fixture, const void *data) {
    int fd = dial(fixture);
    say(fd, "GET /block HTTP/1.1\r\nHost: x\r\n\r\n");
    while (g_atomic_int_get(&fixture->served) == 0) {
        g_usleep(1000);
    }
    nt_http_server_stop(fixture->server, 1000);
    g_assert_cmpint(g_atomic_int_get(&fixture->gone), ==, 1);
    close(fd);
}

/* Stopping finishes what was begun and takes nothing new. */
static void test_stop(Fixture *fixture, const void *data) {
    int fd = dial(fixture), idle = dial(fixture);
    say(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    while (g_atomic_int_get(&fixture->served) == 0) {
        g_usleep(1000);
    }
    g_assert_true(nt_http_server_stop(fixture->server, 5 * G_USEC_PER_SEC));
    g_autofree char *heard = hear(fd, NULL, 0);
    ASSERT_HAS(heard, "\r\n\r\nlate");
    ASSERT_HAS(heard, "Connection: close");
    g_autofree char *nothing = hear(idle, NULL, 0);
    g_assert_cmpstr(nothing, ==, "");
    close(fd);
    close(idle);
}

static void test_unix(void) {
    Fixture fixture = {0};
    NtHttpHandler handler = {on_head, on_serve, on_turn, on_done, &fixture};
    NtHttpOptions options = {.threads = 1};
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("niteru-http-XXXXXX", NULL);
    g_autofree char *address = g_strdup_printf("unix:%s/socket", folder);
    for (int round = 0; round < 2; round++) { /* the second finds what the first left */
        NtHttpServer *server = nt_http_server_new(&options, &handler, &error);
        g_assert_true(nt_http_listen(server, address, NULL, &error));
        g_assert_no_error(error);
        g_assert_true(nt_http_server_start(server, &error));
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        g_strlcpy(name.sun_path, address + 5, sizeof name.sun_path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(connect(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
        say(fd, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        g_autofree char *heard = hear(fd, NULL, 0);
        ASSERT_HAS(heard, "200 OK");
        close(fd);
        NtHttpServer *second = nt_http_server_new(&options, &handler, &error);
        g_assert_false(nt_http_listen(second, address, NULL, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_BUSY);
        g_clear_error(&error);
        nt_http_server_free(second);
        nt_http_server_free(server);
        if (round == 0) { /* as a killed process leaves it */
            fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
            g_assert_cmpint(bind(fd, (struct sockaddr *)&name, sizeof name), ==, 0);
            close(fd);
        }
    }
    g_rmdir(folder);
}

static void test_addresses(void) {
    NtHttpHandler handler = {on_head, on_serve, on_turn, on_done, NULL};
    NtHttpOptions options = {.threads = 1};
    g_autoptr(GError) error = NULL;
    g_autoptr(NtHttpServer) server = nt_http_server_new(&options, &handler, &error);
    static const char *const wrong[] = {"",       "8080",          "shop.example:80", "127.0.0.1", "127.0.0.1:99999",
                                        "::1:80", "127.0.0.1:80/x"};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(nt_http_listen(server, wrong[i], NULL, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_clear_error(&error);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/http/server/bodies", test_bodies);
    ADD("/http/server/continue", test_continue);
    ADD("/http/server/keep-alive", test_keep_alive);
    ADD("/http/server/pipelined", test_pipelined);
    ADD("/http/server/deadlines", test_deadlines);
    ADD("/http/server/slow-reader", test_slow_reader);
    ADD("/http/server/tags", test_tags);
    ADD("/http/server/too-many", test_too_many);
    ADD("/http/server/body-memory", test_body_memory);
    ADD("/http/server/gone", test_gone);
    ADD("/http/server/closed", test_closed);
    ADD("/http/server/closed-behind", test_closed_behind);
    ADD("/http/server/forced", test_forced);
    ADD("/http/server/stop", test_stop);
#undef ADD
    static const NtHttpOptions slow = {
        .threads = 1, .body_ms = 200, .least_rate = 1, .answer_ms = 300, .answer_rate = 1000000000};
    static const NtHttpOptions narrow = {.threads = 1, .answer_memory = 10 << 20};
    g_test_add("/http/server/reading-time", Fixture, &slow, set_up, test_reading_time, tear_down);
    g_test_add("/http/server/answer-memory", Fixture, &narrow, set_up, test_answer_memory, tear_down);
    g_test_add_func("/http/server/unix", test_unix);
    g_test_add_func("/http/server/addresses", test_addresses);
    return g_test_run();
}
