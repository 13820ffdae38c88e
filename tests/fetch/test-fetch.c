/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching from a server on this machine that answers as hosts do: well, late, too little, too much, elsewhere. */
#include <gio/gio.h>
#include <string.h>

#include "fetch/fetch.h"

typedef struct Host {
    GSocketService *service;
    guint16 port;
    gint asked, at_once, most_at_once; /* atomic; the last under `lock` */
    GMutex lock;
    GHashTable *times; /* path -> how often it was asked for */
    GMainLoop *loop;
    GThread *thread;
} Host;

static unsigned count_of(Host *host, const char *path) {
    g_mutex_lock(&host->lock);
    unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(host->times, path)) + 1;
    g_hash_table_insert(host->times, g_strdup(path), GUINT_TO_POINTER(count));
    g_mutex_unlock(&host->lock);
    return count;
}

/* The answer to one request, new. */
static char *answer_to(Host *host, const char *path, const char *head) {
    unsigned times = count_of(host, path);
    if (g_str_has_prefix(path, "/good")) {
        g_usleep(5000);
        return g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"1\"\r\nLast-Modified: Fri, 27 Nov 2026 "
                        "10:00:00 GMT\r\n\r\n"
                        "good");
    }
    if (g_str_equal(path, "/known")) {
        return g_strdup(strstr(head, "If-None-Match: \"1\"") != NULL
                            ? "HTTP/1.1 304 Not Modified\r\n\r\n"
                            : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: \"1\"\r\n\r\nnew");
    }
    if (g_str_equal(path, "/busy")) {
        return g_strdup(times < 3 ? "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow");
    }
    if (g_str_equal(path, "/limited")) {
        return g_strdup(times < 2 ? "HTTP/1.1 429 Slowly\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnow");
    }
    if (g_str_equal(path, "/short")) {
        return g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nshort");
    }
    if (g_str_equal(path, "/short-once")) {
        return g_strdup(times < 2 ? "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nshort"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
    }
    if (g_str_equal(path, "/large")) {
        return g_strdup("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nlarge");
    }
    if (g_str_equal(path, "/endless")) {
        g_autofree char *filler = g_strnfill(1 << 20, 'x');
        return g_strconcat("HTTP/1.1 200 OK\r\n\r\n", filler, filler, NULL);
    }
    if (g_str_equal(path, "/there")) {
        return g_strdup("HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\n\r\n");
    }
    if (g_str_equal(path, "/round")) {
        return g_strdup("HTTP/1.1 301 Moved\r\nLocation: /round\r\nContent-Length: 0\r\n\r\n");
    }
    if (g_str_equal(path, "/file")) {
        return g_strdup("HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
    }
    if (g_str_equal(path, "/nonsense")) {
        return g_strdup("\x01\x02\x03 no HTTP at all\r\n\r\n");
    }
    return g_strdup("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
}

static gboolean serve(GThreadedSocketService *service, GSocketConnection *connection, GObject *source, Host *host) {
    GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(connection));
    g_autoptr(GString) head = g_string_new(NULL);
    char bytes[1024];
    gssize got;
    while (strstr(head->str, "\r\n\r\n") == NULL &&
           (got = g_input_stream_read(in, bytes, sizeof bytes, NULL, NULL)) > 0) {
        g_string_append_len(head, bytes, got);
    }
    if (head->len > 0) {
        g_atomic_int_inc(&host->asked);
        int now = g_atomic_int_add(&host->at_once, 1) + 1;
        g_mutex_lock(&host->lock);
        host->most_at_once = MAX(host->most_at_once, now);
        g_mutex_unlock(&host->lock);
        g_auto(GStrv) words = g_strsplit(head->str, " ", 3);
        g_autofree char *answer = answer_to(host, g_strv_length(words) > 1 ? words[1] : "", head->str);
        g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), answer, strlen(answer), NULL,
                                  NULL, NULL);
        g_atomic_int_add(&host->at_once, -1);
    }
    g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
    return TRUE;
}

static void *loop(void *data) {
    g_main_loop_run(data);
    return NULL;
}

static GSList *hosts; /* never freed: threads that answer may be at it for a while after a test */

static Host *host_start(void) {
    Host *host = g_new0(Host, 1);
    hosts = g_slist_prepend(hosts, host);
    g_mutex_init(&host->lock);
    host->times = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    host->service = g_threaded_socket_service_new(40);
    host->port = g_socket_listener_add_any_inet_port(G_SOCKET_LISTENER(host->service), NULL, NULL);
    g_assert_cmpuint(host->port, >, 0);
    g_signal_connect(host->service, "run", G_CALLBACK(serve), host);
    g_socket_service_start(host->service);
    host->loop = g_main_loop_new(NULL, FALSE);
    host->thread = g_thread_new("host", loop, host->loop);
    return host;
}

static void host_stop(Host *host) {
    while (!g_main_loop_is_running(host->loop)) { /* quitting before would be forgotten */
        g_usleep(1000);
    }
    g_main_loop_quit(host->loop);
    g_thread_join(host->thread);
    g_main_loop_unref(host->loop);
    g_socket_service_stop(host->service);
    g_socket_listener_close(G_SOCKET_LISTENER(host->service));
    g_object_unref(host->service);
}

static NtFetcher *fetcher_new(unsigned connections, uint64_t bytes) {
    g_autoptr(GError) error = NULL;
    NtFetcher *fetcher = nt_fetcher_new(
        &(NtFetchOptions){.allow_private = true, .host_connections = connections, .bytes = bytes}, &error);
    g_assert_no_error(error);
    return fetcher;
}

static NtFetch *fetch(NtFetcher *fetcher, const Host *host, const char *path, const char *etag) {
    g_autofree char *address = g_strdup_printf("http://127.0.0.1:%u%s", host->port, path);
    nt_fetcher_offer(fetcher, nt_fetch_new(address, etag, NULL, (void *)path, NULL));
    NtFetch *done = nt_fetcher_take(fetcher, 60 * G_TIME_SPAN_SECOND);
    g_assert_nonnull(done);
    g_assert_true(done->data == path);
    return done;
}

static void assert_body(NtFetcher *fetcher, const Host *host, const char *path, const char *body) {
    g_autoptr(NtFetch) done = fetch(fetcher, host, path, NULL);
    g_assert_no_error(done->fault);
    g_assert_cmpint(done->outcome, ==, NT_FETCH_BODY);
    g_assert_cmpmem(g_bytes_get_data(done->body, NULL), g_bytes_get_size(done->body), body, strlen(body));
}

static void assert_fault(NtFetcher *fetcher, const Host *host, const char *path, NiteruError code, const char *says) {
    g_autoptr(NtFetch) done = fetch(fetcher, host, path, NULL);
    g_assert_error(done->fault, NITERU_ERROR, (gint)code);
    g_test_message("%s", done->fault->message);
    g_assert_nonnull(strstr(done->fault->message, says));
    g_assert_nonnull(strstr(done->fault->message, path));
    g_assert_null(done->body);
    g_assert_cmpint(done->outcome, ==, NT_FETCH_FAILED);
}

static void test_answers(void) {
    Host *host = host_start();
    g_autoptr(NtFetcher) fetcher = fetcher_new(4, 1 << 20);
    assert_body(fetcher, host, "/good", "good");
    assert_body(fetcher, host, "/busy", "now");
    assert_body(fetcher, host, "/limited", "now");
    assert_body(fetcher, host, "/short-once", "whole");
    assert_body(fetcher, host, "/there", "good");
    assert_fault(fetcher, host, "/nothing", NITERU_ERROR_NOT_FOUND, "404");
    assert_fault(fetcher, host, "/short", NITERU_ERROR_IO, "less than it had promised");
    assert_fault(fetcher, host, "/large", NITERU_ERROR_LIMIT, "fetch-bytes");
    assert_fault(fetcher, host, "/endless", NITERU_ERROR_LIMIT, "fetch-bytes");
    assert_fault(fetcher, host, "/round", NITERU_ERROR_INVALID, "again and again");
    assert_fault(fetcher, host, "/file", NITERU_ERROR_INVALID, "elsewhere");
    g_assert_cmpuint(nt_fetcher_pending(fetcher), ==, 0);
    host_stop(host);
}

static void test_unchanged(void) {
    Host *host = host_start();
    g_autoptr(NtFetcher) fetcher = fetcher_new(4, 0);
    g_autoptr(NtFetch) first = fetch(fetcher, host, "/known", NULL);
    g_assert_cmpint(first->outcome, ==, NT_FETCH_BODY);
    g_assert_cmpstr(first->etag, ==, "\"1\"");
    g_autoptr(NtFetch) second = fetch(fetcher, host, "/known", first->etag);
    g_assert_cmpint(second->outcome, ==, NT_FETCH_UNCHANGED);
    g_assert_null(second->body);
    g_assert_cmpstr(second->etag, ==, "\"1\"");
    g_autoptr(NtFetch) third = fetch(fetcher, host, "/known", "\"2\"");
    g_assert_cmpint(third->outcome, ==, NT_FETCH_BODY);
    host_stop(host);
}

/* As many at once as were allowed, and no more; each address once. */
static void test_many(void) {
    enum { MANY = 300, AT_ONCE = 6 };
    Host *host = host_start();
    g_autoptr(NtFetcher) fetcher = fetcher_new(AT_ONCE, 0);
    for (unsigned i = 0; i < MANY; i++) {
        g_autofree char *address = g_strdup_printf("http://127.0.0.1:%u/good/%u", host->port, i);
        nt_fetcher_offer(fetcher, nt_fetch_new(address, NULL, NULL, GUINT_TO_POINTER(i), NULL));
    }
    g_autofree bool *seen = g_new0(bool, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        g_autoptr(NtFetch) done = nt_fetcher_take(fetcher, 60 * G_TIME_SPAN_SECOND);
        g_assert_nonnull(done);
        g_assert_no_error(done->fault);
        g_assert_false(seen[GPOINTER_TO_UINT(done->data)]);
        seen[GPOINTER_TO_UINT(done->data)] = true;
    }
    g_assert_cmpint(host->asked, ==, MANY);
    g_assert_cmpint(host->most_at_once, <=, AT_ONCE);
    g_assert_cmpint(host->most_at_once, >, 1);
    host_stop(host);
}

/* A host that is away is given up, and what was to be asked of it ends at once. */
static void test_away(void) {
    enum { MANY = 200 };
    Host *host = host_start();
    guint16 port = host->port;
    host_stop(host);
    g_autoptr(NtFetcher) fetcher = fetcher_new(8, 0);
    for (unsigned i = 0; i < MANY; i++) {
        g_autofree char *address = g_strdup_printf("http://127.0.0.1:%u/%u", port, i);
        nt_fetcher_offer(fetcher, nt_fetch_new(address, NULL, NULL, NULL, NULL));
    }
    unsigned given_up = 0;
    for (unsigned i = 0; i < MANY; i++) {
        g_autoptr(NtFetch) done = nt_fetcher_take(fetcher, 60 * G_TIME_SPAN_SECOND);
        g_assert_nonnull(done);
        g_assert_error(done->fault, NITERU_ERROR, NITERU_ERROR_IO);
        given_up += strstr(done->fault->message, "not asked any more") != NULL;
    }
    g_assert_cmpuint(given_up, >, MANY / 2);
}

/* Freed with all of it under way. */
static void test_left(void) {
    Host *host = host_start();
    for (unsigned i = 0; i < 20; i++) {
        g_autoptr(NtFetcher) fetcher = fetcher_new(8, 0);
        for (unsigned j = 0; j < 30; j++) {
            g_autofree char *address = g_strdup_printf("http://127.0.0.1:%u/good/%u", host->port, j);
            nt_fetcher_offer(fetcher, nt_fetch_new(address, NULL, NULL, NULL, NULL));
        }
        nt_fetch_free(nt_fetcher_take(fetcher, i * 1000));
    }
    host_stop(host);
}

static void test_one(void) {
    Host *host = host_start();
    g_autofree char *address = g_strdup_printf("http://127.0.0.1:%u/good", host->port);
    const NtFetchOptions own = {.allow_private = true};
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) body = nt_fetch_one(address, &own, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_bytes_get_size(body), ==, 4);
    g_assert_null(nt_fetch_one(address, NULL, NULL, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_cmpstr(niteru_error_fact(error, "option"), ==, "allow_private");
    g_clear_error(&error);
    g_autoptr(GCancellable) stopped = g_cancellable_new();
    g_cancellable_cancel(stopped);
    g_assert_null(nt_fetch_one(address, &own, &(NtWait){.cancellable = stopped}, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
    host_stop(host);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fetch/answers", test_answers);
    g_test_add_func("/fetch/unchanged", test_unchanged);
    g_test_add_func("/fetch/many", test_many);
    g_test_add_func("/fetch/away", test_away);
    g_test_add_func("/fetch/left", test_left);
    g_test_add_func("/fetch/one", test_one);
    return g_test_run();
}
