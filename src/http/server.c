/* SPDX-License-Identifier: Apache-2.0 */
/* The server: addresses it listens on, who may connect, start and end. */
#include "http/http-internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, MOST_CONNECTIONS = 20000, OTHER_DESCRIPTORS = 256, ADDRESS_BYTES = 16 };

#define MIB (UINT64_C(1) << 20)

static void set_default(unsigned *option, unsigned value) { *option = *option > 0 ? *option : value; }

/* As many connections as descriptors allow, after asking for all the descriptors that may be had. */
static unsigned most_connections(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return 512;
    }
    struct rlimit more = {MIN(files.rlim_max, MOST_CONNECTIONS + OTHER_DESCRIPTORS), files.rlim_max};
    if (more.rlim_cur > files.rlim_cur && setrlimit(RLIMIT_NOFILE, &more) == 0) {
        files = more;
    }
    return (unsigned)MIN(MAX(files.rlim_cur, 2 * OTHER_DESCRIPTORS) - OTHER_DESCRIPTORS, MOST_CONNECTIONS);
}

NtHttpServer *nt_http_server_new(const NtHttpOptions *options, const NtHttpHandler *handler, GError **error) {
    NtHttpServer *server = g_new0(NtHttpServer, 1);
    NtHttpOptions *own = &server->options;
    *own = *options;
    own->certificate = g_strdup(options->certificate);
    own->key = g_strdup(options->key);
    server->handler = *handler;
    set_default(&own->threads, nt_cores());
    own->line_bytes = own->line_bytes > 0 ? own->line_bytes : 8 * 1024;
    own->head_bytes = own->head_bytes > 0 ? own->head_bytes : 16 * 1024;
    own->body_memory = own->body_memory > 0 ? own->body_memory : 256 * MIB;
    own->answer_memory = own->answer_memory > 0 ? own->answer_memory : 256 * MIB;
    set_default(&own->headers, 100);
    set_default(&own->requests, 1000);
    set_default(&own->client_connections, 64);
    set_default(&own->head_ms, 10000);
    set_default(&own->body_ms, 30000);
    set_default(&own->idle_ms, 60000);
    set_default(&own->least_rate, 1000);
    set_default(&own->answer_ms, 30000);
    set_default(&own->answer_rate, 50000);
    set_default(&own->connections, most_connections());
    g_mutex_init(&server->lock);
    server->clients =
        g_hash_table_new_full((GHashFunc)g_bytes_hash, (GEqualFunc)g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
    server->listening = g_array_new(FALSE, FALSE, sizeof(int));
    server->local = -1;
    server->paths = g_ptr_array_new_with_free_func(g_free);
    server->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool ok = nt_http_proxies_parse(options->proxies, &server->proxies, error);
    own->proxies = NULL; /* the caller's */
    if (ok && own->certificate != NULL) {
        server->tls = nt_http_tls_new(own->certificate, own->key, error);
        ok = server->tls != NULL;
    }
    if (!ok) {
        nt_http_server_free(server);
        return NULL;
    }
    return server;
}

bool nt_http_server_reload(NtHttpServer *server, GError **error) {
    NtHttpTls *fresh = server->options.certificate != NULL
                           ? nt_http_tls_new(server->options.certificate, server->options.key, error)
                           : NULL;
    if (server->options.certificate != NULL && fresh == NULL) {
        return false;
    }
    g_mutex_lock(&server->lock);
    NtHttpTls *old = server->tls;
    server->tls = fresh;
    g_mutex_unlock(&server->lock);
    nt_http_tls_unref(old);
    return true;
}

NtHttpTls *nt_http_server_tls(NtHttpServer *server) {
    g_mutex_lock(&server->lock);
    NtHttpTls *tls = server->tls != NULL ? nt_http_tls_ref(server->tls) : NULL;
    g_mutex_unlock(&server->lock);
    return tls;
}

/* ---- listening ---- */

static bool add_listening(NtHttpServer *server, int fd, const struct sockaddr *address, socklen_t size,
                          const char *name, GError **error) {
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, BACKLOG) != 0) {
        int saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        return saved == EADDRINUSE
                   ? nt_fail(error, NITERU_ERROR_BUSY, "%s is taken: another program listens there", name)
                   : nt_fail_errno(error, saved, "%s: cannot be listened on", name);
    }
    g_array_append_val(server->listening, fd);
    return true;
}

/* Whether somebody answers at a UNIX socket; if not, it was left by a program that was killed. */
static bool is_alive(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    close(fd);
    return alive;
}

static bool listen_unix(NtHttpServer *server, const char *path, GError **error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat old;
    if (strlen(path) >= sizeof address.sun_path) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%s: a socket's path has at most %zu bytes", path,
                       sizeof address.sun_path - 1);
    }
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    if (lstat(path, &old) == 0 && S_ISSOCK(old.st_mode) && !is_alive(&address)) {
        unlink(path);
    }
    mode_t mask = umask(0177);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = add_listening(server, fd, (const struct sockaddr *)&address, sizeof address, path, error);
    umask(mask);
    if (ok) {
        g_ptr_array_add(server->paths, g_strdup(path));
    }
    return ok;
}

bool nt_http_listen(NtHttpServer *server, const char *address, uint16_t *out_port, GError **error) {
    if (g_str_has_prefix(address, "unix:")) {
        return listen_unix(server, address + 5, error);
    }
    g_autofree char *uri = g_strdup_printf("http://%s", address);
    g_autoptr(GUri) parts = g_uri_parse(uri, G_URI_FLAGS_NONE, NULL);
    g_autoptr(GInetAddress) host =
        parts != NULL ? g_inet_address_new_from_string(
                            strcmp(g_uri_get_host(parts), "localhost") == 0 ? "127.0.0.1" : g_uri_get_host(parts))
                      : NULL;
    if (host == NULL || g_uri_get_port(parts) < 0 || *g_uri_get_path(parts) != '\0') {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "'%s' is no address to listen on: write 127.0.0.1:8080, [::1]:8080, or 0.0.0.0:8080 for all",
                       address);
    }
    g_autoptr(GSocketAddress) socket_address = g_inet_socket_address_new(host, (guint16)g_uri_get_port(parts));
    struct sockaddr_storage native;
    gssize size = g_socket_address_get_native_size(socket_address);
    g_socket_address_to_native(socket_address, &native, sizeof native, NULL);
    int fd = socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!add_listening(server, fd, (const struct sockaddr *)&native, (socklen_t)size, address, error)) {
        return false;
    }
    socklen_t length = sizeof native;
    if (out_port != NULL && getsockname(fd, (struct sockaddr *)&native, &length) == 0) {
        *out_port = ntohs(native.ss_family == AF_INET ? ((struct sockaddr_in *)&native)->sin_port
                                                      : ((struct sockaddr_in6 *)&native)->sin6_port);
    }
    return true;
}

bool nt_http_listen_local(NtHttpServer *server, const char *path, GError **error) {
    if (!listen_unix(server, path, error)) {
        return false;
    }
    server->local = g_array_index(server->listening, int, server->listening->len - 1);
    return true;
}

/* ---- accepting ---- */

static GBytes *client_key(GInetAddress *address) {
    size_t size;
    const guint8 *bytes = nt_http_client_bytes(address, &size);
    return g_bytes_new(bytes, size);
}

bool nt_http_server_count_client(NtHttpServer *server, GInetAddress *address) {
    GBytes *key = client_key(address);
    g_mutex_lock(&server->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(server->clients, key));
    bool fits = count < server->options.client_connections;
    if (fits) {
        g_hash_table_insert(server->clients, g_bytes_ref(key), GUINT_TO_POINTER(count + 1));
    }
    g_mutex_unlock(&server->lock);
    g_bytes_unref(key);
    return fits;
}

void nt_http_server_forget_client(NtHttpServer *server, GInetAddress *address) {
    GBytes *key = client_key(address);
    g_mutex_lock(&server->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(server->clients, key));
    if (count > 1) {
        g_hash_table_insert(server->clients, g_bytes_ref(key), GUINT_TO_POINTER(count - 1));
    } else {
        g_hash_table_remove(server->clients, key);
    }
    g_mutex_unlock(&server->lock);
    g_bytes_unref(key);
}

bool nt_http_server_take_memory(NtHttpServer *server, size_t bytes) {
    gsize before = (gsize)g_atomic_pointer_add((gssize *)&server->body_bytes, (gssize)bytes);
    if (before + bytes <= server->options.body_memory) {
        return true;
    }
    nt_http_server_give_memory(server, bytes);
    return false;
}

void nt_http_server_give_memory(NtHttpServer *server, size_t bytes) {
    if (bytes > 0) {
        g_atomic_pointer_add((gssize *)&server->body_bytes, -(gssize)bytes);
    }
}

bool nt_http_server_take_answer(NtHttpServer *server, size_t bytes) {
    gsize before = (gsize)g_atomic_pointer_add((gssize *)&server->answer_bytes, (gssize)bytes);
    if (before + bytes <= server->options.answer_memory || bytes <= NT_HTTP_SMALL_ANSWER) {
        return true;
    }
    nt_http_server_give_answer(server, bytes);
    return false;
}

void nt_http_server_give_answer(NtHttpServer *server, size_t bytes) {
    if (bytes > 0) {
        g_atomic_pointer_add((gssize *)&server->answer_bytes, -(gssize)bytes);
    }
}

/* The address of an accepted socket, an IPv4 address in IPv6's clothes as what it is; NULL: a UNIX socket. */
static GInetAddress *peer_of(const struct sockaddr_storage *from) {
    if (from->ss_family == AF_INET) {
        return g_inet_address_new_from_bytes((const guint8 *)&((const struct sockaddr_in *)from)->sin_addr,
                                             G_SOCKET_FAMILY_IPV4);
    }
    if (from->ss_family == AF_INET6) {
        const struct in6_addr *address = &((const struct sockaddr_in6 *)from)->sin6_addr;
        return IN6_IS_ADDR_V4MAPPED(address)
                   ? g_inet_address_new_from_bytes(address->s6_addr + 12, G_SOCKET_FAMILY_IPV4)
                   : g_inet_address_new_from_bytes(address->s6_addr, G_SOCKET_FAMILY_IPV6);
    }
    return NULL;
}

/* A UNIX socket is for the user who runs the server, and for root. */
static bool is_friend(int fd) {
    struct ucred who;
    socklen_t size = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && (who.uid == geteuid() || who.uid == 0);
}

static void turn_away(NtHttpServer *server, int fd, GInetAddress *peer) {
    static const char body[] = "{\"type\": \"about:blank\", \"title\": \"Too Many Requests\", \"status\": 429, "
                               "\"code\": \"too-many-connections\", \"detail\": \"too many connections are open\"}";
    char answer[512];
    int size = g_snprintf(answer, sizeof answer,
                          "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\n"
                          "Content-Length: %zu\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%s",
                          sizeof body - 1, body);
    g_atomic_int_inc(&server->refused);
    if (peer != NULL && server->options.certificate == NULL) {
        ssize_t sent = send(fd, answer, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    g_clear_object(&peer);
    close(fd);
}

static NtHttpLoop *least_loaded(NtHttpServer *server) {
    NtHttpLoop *best = &server->loops[0];
    for (unsigned i = 1; i < server->loop_count; i++) {
        best = g_atomic_int_get(&server->loops[i].given) < g_atomic_int_get(&best->given) ? &server->loops[i] : best;
    }
    return best;
}

static void welcome(NtHttpServer *server, int fd, const struct sockaddr_storage *from, bool local) {
    GInetAddress *peer = peer_of(from);
    bool counted = peer != NULL && !nt_http_proxies_trust(&server->proxies, peer);
    bool fits = (unsigned)g_atomic_int_get(&server->open) < server->options.connections &&
                (peer != NULL || is_friend(fd)) && (!counted || nt_http_server_count_client(server, peer));
    if (!fits) {
        turn_away(server, fd, peer);
        return;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    g_atomic_int_inc(&server->accepted);
    g_atomic_int_inc(&server->open);
    NtHttpLoop *loop = least_loaded(server);
    g_atomic_int_inc(&loop->given);
    nt_http_loop_hand_over(loop, fd, peer, counted, local);
}

static void *accept_all(void *data) {
    NtHttpServer *server = data;
    guint count = server->listening->len;
    g_autofree struct pollfd *ready = g_new0(struct pollfd, count + 1);
    for (guint i = 0; i < count; i++) {
        ready[i] = (struct pollfd){g_array_index(server->listening, int, i), POLLIN, 0};
    }
    ready[count] = (struct pollfd){server->stop, POLLIN, 0};
    while (!g_atomic_int_get(&server->stopping)) {
        if (poll(ready, count + 1, -1) < 0) {
            continue;
        }
        for (guint i = 0; i < count; i++) {
            struct sockaddr_storage from = {0};
            socklen_t size = sizeof from;
            int fd = ready[i].revents != 0
                         ? accept4(ready[i].fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC)
                         : -1;
            if (fd >= 0) {
                welcome(server, fd, &from, ready[i].fd == server->local);
            } else if (ready[i].revents != 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
                g_usleep(10000); /* until some connection ends */
            }
        }
    }
    return NULL;
}

/* ---- start and end ---- */

bool nt_http_server_start(NtHttpServer *server, GError **error) {
    server->loops = g_new0(NtHttpLoop, server->options.threads);
    for (unsigned i = 0; i < server->options.threads; i++) {
        server->loop_count++;
        if (!nt_http_loop_start(&server->loops[i], server, i, error)) {
            return false;
        }
    }
    server->acceptor = g_thread_try_new("http-accept", accept_all, server, error);
    return server->acceptor != NULL;
}

bool nt_http_server_stop(NtHttpServer *server, int64_t patience) {
    int64_t deadline = g_get_monotonic_time() + patience;
    uint64_t one = 1;
    g_atomic_int_set(&server->stopping, 1);
    ssize_t wrote = write(server->stop, &one, sizeof one);
    (void)wrote;
    if (server->acceptor != NULL) {
        g_thread_join(g_steal_pointer(&server->acceptor));
    }
    /* Paths go while somebody listens there still: later it could be another server that has taken a dead one over. */
    for (guint i = 0; i < server->paths->len; i++) {
        unlink(g_ptr_array_index(server->paths, i));
    }
    g_ptr_array_set_size(server->paths, 0);
    for (guint i = 0; i < server->listening->len; i++) {
        close(g_array_index(server->listening, int, i));
    }
    g_array_set_size(server->listening, 0);
    for (unsigned i = 0; i < server->loop_count; i++) {
        nt_http_loop_wake(&server->loops[i]);
    }
    while (g_atomic_int_get(&server->open) > 0 && g_get_monotonic_time() < deadline) {
        g_usleep(2000);
    }
    bool all = g_atomic_int_get(&server->open) == 0;
    g_atomic_int_set(&server->cancelling, 1);
    for (unsigned i = 0; i < server->loop_count; i++) {
        nt_http_loop_cancel(&server->loops[i]);
    }
    for (unsigned i = 0; i < server->loop_count; i++) {
        nt_http_loop_end(&server->loops[i]);
    }
    return all;
}

void nt_http_server_free(NtHttpServer *server) {
    if (server == NULL) {
        return;
    }
    nt_http_server_stop(server, 0);
    for (unsigned i = 0; i < server->loop_count; i++) {
        nt_http_loop_clear(&server->loops[i]);
    }
    g_free(server->loops);
    g_array_unref(server->listening);
    g_ptr_array_unref(server->paths);
    g_hash_table_unref(server->clients);
    g_clear_pointer(&server->proxies.masks, g_ptr_array_unref);
    nt_http_tls_unref(server->tls);
    close(server->stop);
    g_free((char *)server->options.certificate);
    g_free((char *)server->options.key);
    g_mutex_clear(&server->lock);
    g_free(server);
}

void nt_http_server_counts(NtHttpServer *server, NtHttpCounts *out) {
    *out = (NtHttpCounts){.accepted = (guint)g_atomic_int_get(&server->accepted),
                          .refused = (guint)g_atomic_int_get(&server->refused),
                          .open = (guint)g_atomic_int_get(&server->open),
                          .faults = (guint)g_atomic_int_get(&server->faults),
                          .timeouts = (guint)g_atomic_int_get(&server->timeouts),
                          .body_bytes = (gsize)g_atomic_pointer_get(&server->body_bytes),
                          .answer_bytes = (gsize)g_atomic_pointer_get(&server->answer_bytes)};
}
