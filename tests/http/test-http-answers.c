/* SPDX-License-Identifier: Apache-2.0 */
/* Answers as they go out: to slow readers, and with the tags by which they are known. */
#include "server-fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    static const NtHttpOptions slow = {
        .threads = 1, .body_ms = 200, .least_rate = 1, .answer_ms = 300, .answer_rate = 1000000000};
    static const NtHttpOptions narrow = {.threads = 1, .answer_memory = 10 << 20};
    g_test_add("/http/server/reading-time", Fixture, &slow, set_up, test_reading_time, tear_down);
    g_test_add("/http/server/answer-memory", Fixture, &narrow, set_up, test_answer_memory, tear_down);
    g_test_add("/http/server/slow-reader", Fixture, NULL, set_up, test_slow_reader, tear_down);
    g_test_add("/http/server/tags", Fixture, NULL, set_up, test_tags, tear_down);
    return g_test_run();
}
