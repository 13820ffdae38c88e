/* SPDX-License-Identifier: Apache-2.0 */
/* A running server, talked to by raw sockets: what clients send, and what they never should. */
#include "server-fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A process that was begun meanwhile holds a copy of the socket, for which epoll goes on: nothing comes of it once the
 * connection is closed. */
static void test_inherited(Fixture *fixture, const void *data) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(fixture);
    say(fd, request);
    g_autofree char *first = hear(fd, "\r\n\r\n", 1);
    ASSERT_HAS(first, "HTTP/1.1 200 OK\r\n");
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* or it would wait for ever where the test dies */
        pause();
        _exit(0);
    }
    g_usleep(1200000); /* twice its patience with those that ask nothing */
    say(fd, request);
    shutdown(fd, SHUT_WR);
    g_usleep(50000);
    g_autofree char *others = ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    ASSERT_HAS(others, "HTTP/1.1 200 OK\r\n");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    g_assert_cmpint(g_atomic_int_get(&fixture->served), ==, 2);
    close(fd);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
#define ADD(path, function) g_test_add(path, Fixture, NULL, set_up, function, tear_down)
    ADD("/http/server/bodies", test_bodies);
    ADD("/http/server/continue", test_continue);
    ADD("/http/server/keep-alive", test_keep_alive);
    ADD("/http/server/pipelined", test_pipelined);
    ADD("/http/server/deadlines", test_deadlines);
    ADD("/http/server/too-many", test_too_many);
    ADD("/http/server/body-memory", test_body_memory);
    ADD("/http/server/gone", test_gone);
    ADD("/http/server/closed", test_closed);
    ADD("/http/server/closed-behind", test_closed_behind);
    ADD("/http/server/inherited", test_inherited);
    ADD("/http/server/forced", test_forced);
    ADD("/http/server/stop", test_stop);
#undef ADD
    g_test_add_func("/http/server/unix", test_unix);
    g_test_add_func("/http/server/addresses", test_addresses);
    return g_test_run();
}
