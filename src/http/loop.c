/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop: one thread that waits for its connections. A turn of it handles, in this order, what epoll tells, new
 * sockets, answers of other threads, connections with something left to read, the handler's `turn`, and deadlines.
 *
 * All connections that wait for the same thing have the same patience, so each state's list is in the order of
 * deadlines by itself, and looking for the next one costs nothing.
 */
#include "http/http-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 256, LINGER_MS = 2000, CHECK_MS = 5000, LOOK_OUT_MICROSECONDS = 50 };

typedef struct Arrival {
    int fd;
    GInetAddress *peer;
    bool counted, local;
} Arrival;

static unsigned patience_ms(const NtHttpOptions *options, NtHttpState state) {
    switch (state) {
    case NT_HTTP_HANDSHAKE:
    case NT_HTTP_HEAD: return options->head_ms;
    case NT_HTTP_IDLE: return options->idle_ms;
    case NT_HTTP_BODY:
    case NT_HTTP_WRITING: return MIN(options->body_ms, CHECK_MS);
    case NT_HTTP_LINGER: return LINGER_MS;
    default: return 0;
    }
}

void nt_http_loop_place(NtHttpConnection *connection, NtHttpState state) {
    NtHttpLoop *loop = connection->loop;
    unsigned patience = patience_ms(&loop->server->options, state);
    if (connection->state != NT_HTTP_STATES) {
        g_queue_unlink(&loop->waiting[connection->state], &connection->link);
    }
    connection->state = state;
    connection->moved = 0;
    connection->deadline = patience > 0 ? loop->now + patience * INT64_C(1000) : 0;
    g_queue_push_tail_link(&loop->waiting[state], &connection->link);
}

void nt_http_loop_remove(NtHttpConnection *connection) {
    g_queue_unlink(&connection->loop->waiting[connection->state], &connection->link);
    if (connection->ready) {
        g_ptr_array_remove_fast(connection->loop->ready, connection);
    }
}

void nt_http_loop_watch(NtHttpConnection *connection, bool reading, bool writing) {
    /* Who still writes notices an end by its errors; told of it again and again, it would turn in place. */
    struct epoll_event event = {.events = (reading ? (uint32_t)EPOLLIN : 0) |
                                          (writing ? (uint32_t)EPOLLOUT : (uint32_t)EPOLLRDHUP),
                                .data.ptr = connection};
    bool known = connection->watched;
    if (known && connection->reading == reading && connection->writing == writing) {
        return;
    }
    connection->watched = true;
    connection->reading = reading;
    connection->writing = writing;
    epoll_ctl(connection->loop->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, connection->fd, &event);
}

void nt_http_loop_wake(NtHttpLoop *loop) {
    uint64_t one = 1;
    ssize_t wrote = write(loop->wake, &one, sizeof one); /* it fails only where it is about to wake anyway */
    (void)wrote;
}

void nt_http_loop_hand_over(NtHttpLoop *loop, int fd, GInetAddress *peer, bool counted, bool local) {
    Arrival arrival = {fd, peer, counted, local};
    g_mutex_lock(&loop->lock);
    g_array_append_val(loop->arrived, arrival);
    g_mutex_unlock(&loop->lock);
    nt_http_loop_wake(loop);
}

/* ---- a turn ---- */

static void look_at_clock(NtHttpLoop *loop) {
    loop->now = g_get_monotonic_time();
    if (loop->now / G_USEC_PER_SEC != loop->date_of) {
        loop->date_of = loop->now / G_USEC_PER_SEC;
        time_t now = time(NULL);
        struct tm parts;
        static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        gmtime_r(&now, &parts); /* strftime would speak the locale's language */
        g_snprintf(loop->date, sizeof loop->date, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[parts.tm_wday],
                   parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                   parts.tm_sec);
    }
}

/* Sockets that were handed over and answers that other threads gave. */
static void take_messages(NtHttpLoop *loop) {
    uint64_t count;
    ssize_t got = read(loop->wake, &count, sizeof count);
    (void)got;
    g_mutex_lock(&loop->lock);
    g_autoptr(GArray) arrived = loop->arrived;
    g_autoptr(GPtrArray) answered = loop->answered;
    loop->arrived = g_array_new(FALSE, FALSE, sizeof(Arrival));
    loop->answered = g_ptr_array_new();
    g_mutex_unlock(&loop->lock);
    for (guint i = 0; i < arrived->len; i++) {
        Arrival *arrival = &g_array_index(arrived, Arrival, i);
        nt_http_connection_begin(loop, arrival->fd, arrival->peer, arrival->counted, arrival->local);
    }
    for (guint i = 0; i < answered->len; i++) {
        NtHttpRequest *request = g_ptr_array_index(answered, i);
        request->answered = true;
        if (request->connection != NULL) {
            nt_http_connection_answered(request->connection);
        } else {
            nt_http_request_free(request);
        }
    }
}

static void go_on(NtHttpLoop *loop) {
    guint count = loop->ready->len; /* what comes to it meanwhile has its turn next time */
    for (guint i = 0; i < count && loop->ready->len > 0; i++) {
        NtHttpConnection *connection = g_ptr_array_steal_index(loop->ready, 0);
        connection->ready = false;
        nt_http_connection_continue(connection);
    }
}

static void expire(NtHttpLoop *loop) {
    for (int state = 0; state < NT_HTTP_STATES; state++) {
        for (GList *first; (first = loop->waiting[state].head) != NULL;) {
            NtHttpConnection *connection = first->data;
            if (connection->deadline == 0 || connection->deadline > loop->now) {
                break;
            }
            nt_http_connection_expire(connection);
        }
    }
}

/* Until when epoll may wait, in milliseconds. */
static int sleep_ms(const NtHttpLoop *loop) {
    int64_t until = loop->now + G_USEC_PER_SEC;
    for (int state = 0; state < NT_HTTP_STATES; state++) {
        const GList *first = loop->waiting[state].head;
        const NtHttpConnection *connection = first != NULL ? first->data : NULL;
        if (connection != NULL && connection->deadline > 0) {
            until = MIN(until, connection->deadline);
        }
    }
    return loop->ready->len > 0 ? 0 : (int)(MAX(until - loop->now, 0) / 1000) + 1;
}

/* Closes what waits for its client to ask something; `all`: everything. */
static void close_idle(NtHttpLoop *loop, bool all) {
    for (int state = 0; state < NT_HTTP_STATES; state++) {
        GList *next;
        for (GList *at = loop->waiting[state].head; at != NULL; at = next) {
            NtHttpConnection *connection = at->data;
            next = at->next;
            if (all || state == NT_HTTP_IDLE || (state == NT_HTTP_HEAD && connection->in == NULL)) {
                nt_http_connection_close(connection);
            }
        }
    }
}

/* Waits for events. Whoever waits for an answer often asks again at once, and to fall asleep and be woken takes longer
 * than that (in a virtual machine 50 us and more): so the loop looks out for a while before it sleeps. */
static int wait_for_events(NtHttpLoop *loop, struct epoll_event events[EVENTS]) {
    int ms = sleep_ms(loop), count = 0;
    for (int64_t until = loop->handled + LOOK_OUT_MICROSECONDS;
         ms > 0 && count == 0 && g_get_monotonic_time() < until;) {
        count = epoll_wait(loop->epoll, events, EVENTS, 0);
    }
    return count != 0 ? count : epoll_wait(loop->epoll, events, EVENTS, ms);
}

static void turn(NtHttpLoop *loop) {
    struct epoll_event events[EVENTS];
    int count = wait_for_events(loop, events);
    bool messages = false;
    look_at_clock(loop);
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL) {
            messages = true;
        } else {
            nt_http_connection_event(events[i].data.ptr, events[i].events);
        }
    }
    if (messages) {
        take_messages(loop);
    }
    go_on(loop);
    if (loop->server->handler.turn != NULL) {
        loop->server->handler.turn(loop->number, loop->server->handler.data);
    }
    look_at_clock(loop);
    loop->handled = count > 0 ? loop->now : loop->handled;
    expire(loop);
}

static void *run(void *data) {
    NtHttpLoop *loop = data;
    while (true) {
        turn(loop);
        if (g_atomic_int_get(&loop->server->stopping)) {
            g_mutex_lock(&loop->lock);
            bool closing = loop->closing;
            bool arrivals = loop->arrived->len > 0;
            g_mutex_unlock(&loop->lock);
            close_idle(loop, closing);
            if (closing && !arrivals) {
                return NULL;
            }
        }
    }
}

void nt_http_loop_cancel(NtHttpLoop *loop) {
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_object_unref);
    g_mutex_lock(&loop->lock);
    for (const GList *at = loop->cancellable.head; at != NULL; at = at->next) {
        g_ptr_array_add(all, g_object_ref(((NtHttpRequest *)at->data)->cancellable));
    }
    g_mutex_unlock(&loop->lock);
    for (guint i = 0; i < all->len; i++) {
        g_cancellable_cancel(all->pdata[i]);
    }
}

bool nt_http_loop_start(NtHttpLoop *loop, NtHttpServer *server, unsigned number, GError **error) {
    *loop = (NtHttpLoop){.server = server, .number = number, .date_of = -1};
    g_mutex_init(&loop->lock);
    loop->ready = g_ptr_array_new();
    loop->arrived = g_array_new(FALSE, FALSE, sizeof(Arrival));
    loop->answered = g_ptr_array_new();
    loop->scratch = g_malloc(NT_HTTP_SCRATCH_BYTES);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (loop->epoll < 0 || loop->wake < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) != 0) {
        return nt_fail_errno(error, errno, "the server cannot wait for connections");
    }
    look_at_clock(loop);
    g_autofree char *name = g_strdup_printf("http-%u", number);
    loop->thread = g_thread_try_new(name, run, loop, error);
    return loop->thread != NULL;
}

void nt_http_loop_end(NtHttpLoop *loop) {
    if (loop->thread != NULL) {
        g_mutex_lock(&loop->lock);
        loop->closing = true;
        g_mutex_unlock(&loop->lock);
        nt_http_loop_wake(loop);
        g_thread_join(loop->thread); /* which asks until its end whether it is itself */
        loop->thread = NULL;
    }
}

void nt_http_loop_clear(NtHttpLoop *loop) {
    for (guint i = 0; loop->answered != NULL && i < loop->answered->len; i++) {
        nt_http_request_free(g_ptr_array_index(loop->answered, i));
    }
    g_clear_pointer(&loop->answered, g_ptr_array_unref);
    g_clear_pointer(&loop->arrived, g_array_unref);
    g_clear_pointer(&loop->ready, g_ptr_array_unref);
    g_clear_pointer(&loop->scratch, g_free);
    if (loop->epoll > 0) {
        close(loop->epoll);
    }
    if (loop->wake > 0) {
        close(loop->wake);
    }
    g_mutex_clear(&loop->lock);
}
