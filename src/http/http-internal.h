/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of http share. */
#ifndef NT_HTTP_INTERNAL_H
#define NT_HTTP_INTERNAL_H

#include <sys/socket.h>

#include "http/http.h"

/* ---- the head of a request (head.c): pure functions on bytes ---- */

typedef struct NtHttpField {
    char *name; /* small letters */
    char *value;
} NtHttpField;

typedef struct NtHttpHead {
    char *text; /* the bytes, with NULs put behind each piece; what follows points into it */
    const char *method, *path, *query;
    GArray *fields; /* NtHttpField */
    bool old;       /* HTTP/1.0 */
    bool keep_alive;
    bool chunked;
    bool expects; /* 100-continue */
    uint64_t length;
} NtHttpHead;

/* Why something is refused. All static. */
typedef struct NtHttpFault {
    unsigned status;
    const char *code, *detail;
} NtHttpFault;

typedef enum NtHttpParse { NT_HTTP_MORE, NT_HTTP_DONE, NT_HTTP_BAD } NtHttpParse;

typedef struct NtHttpHeadLimits {
    size_t line, bytes;
    unsigned fields;
} NtHttpHeadLimits;

/* Looks for a whole head at the beginning of `bytes`. *scanned (0 at first) is how far an earlier call on a shorter
 * prefix has looked. DONE: *out is filled (nt_http_head_clear frees it) and *out_used of the bytes are it. */
NtHttpParse nt_http_head_parse(const char *bytes, size_t size, const NtHttpHeadLimits *limits, size_t *scanned,
                               NtHttpHead *out, size_t *out_used, NtHttpFault *fault);
void nt_http_head_clear(NtHttpHead *head);
const char *nt_http_head_field(const NtHttpHead *head, const char *name); /* the first; NULL: none */
void nt_http_head_set(NtHttpHead *head, const char *name, char *value);   /* of the first; borrowed */

/* ---- chunked bodies (chunked.c) ---- */

typedef struct NtHttpChunked {
    uint8_t state;
    uint8_t digits;    /* of the size that is being read */
    uint32_t overhead; /* bytes of extensions and trailers so far */
    uint64_t left;     /* of the chunk */
} NtHttpChunked;

/* Goes on from where it was: finds the next run of data, *out_data (of *out_size bytes, within `bytes`, 0: none).
 * *out_used of the bytes were taken, the run included. DONE: the body has ended. */
NtHttpParse nt_http_chunked_next(NtHttpChunked *chunked, const char *bytes, size_t size, const char **out_data,
                                 size_t *out_size, size_t *out_used);

/* ---- compression (gzip.c) ---- */

/* Whether an answer of this type and size should be compressed for a client with this Accept-Encoding (or NULL). */
bool nt_http_should_gzip(const char *accept, const char *type, size_t size);
/* The entity tag of the compressed body whose own one is `tag`; new. */
char *nt_http_tag_gzip(const char *tag);
/* A list of tags with those of compressed bodies as those of the bodies themselves; new. */
char *nt_http_tags_identity(const char *tags);

/* ---- clients (client.c) ---- */

/* Networks whose word on the client's address is believed. */
typedef struct NtHttpProxies {
    GPtrArray *masks; /* GInetAddressMask */
} NtHttpProxies;
bool nt_http_proxies_parse(const char *const *networks, NtHttpProxies *out, GError **error);
bool nt_http_proxies_trust(const NtHttpProxies *proxies, GInetAddress *address);
/* Who the client is: the last address of `forwarded` (X-Forwarded-For, or NULL) that is no trusted proxy, when the
 * peer is one. New text. */
char *nt_http_proxies_client(const NtHttpProxies *proxies, GInetAddress *peer, const char *forwarded);

/* What stands for an address where clients are counted: *out_size bytes within it, see nt_http_network. */
const guint8 *nt_http_client_bytes(GInetAddress *address, size_t *out_size);
/* The network of 64 bits that an address, as text, is in; new, NULL: it is no IPv6 address. */
char *nt_http_client_network(const char *address);

/* ---- TLS (tls.c) ---- */

typedef struct NtHttpTls NtHttpTls;
typedef struct NtHttpTlsSession NtHttpTlsSession;
NtHttpTls *nt_http_tls_new(const char *certificate, const char *key, GError **error);
NtHttpTls *nt_http_tls_ref(NtHttpTls *tls);
void nt_http_tls_unref(NtHttpTls *tls);                            /* NULL is fine */
NtHttpTlsSession *nt_http_tls_session_new(NtHttpTls *tls, int fd); /* NULL: no memory */
void nt_http_tls_session_free(NtHttpTlsSession *session);          /* NULL is fine */
/* 1 done, 0 goes on when the socket is ready, -1 failed. */
int nt_http_tls_handshake(NtHttpTlsSession *session);
/* As recv and send on a socket that does not block: -1 with errno EAGAIN where they would, 0 at the end. */
ssize_t nt_http_tls_receive(NtHttpTlsSession *session, void *to, size_t size);
ssize_t nt_http_tls_send(NtHttpTlsSession *session, const void *from, size_t size);
void nt_http_tls_bye(NtHttpTlsSession *session);

/* ---- connections (connection.c), each of one loop ---- */

typedef struct NtHttpLoop NtHttpLoop;
typedef struct NtHttpConnection NtHttpConnection;

/* What a connection waits for; each has a list of its own in the loop, in the order of deadlines. */
typedef enum NtHttpState {
    NT_HTTP_HANDSHAKE,
    NT_HTTP_HEAD,    /* the rest of a head */
    NT_HTTP_IDLE,    /* the first byte of one */
    NT_HTTP_BODY,    /* deadlines are renewed while its rate is kept */
    NT_HTTP_SERVING, /* the handler; without a deadline */
    NT_HTTP_WRITING, /* the client's reading */
    NT_HTTP_LINGER,  /* answered and half closed: so that what the client still sends does not wipe the answer out */
    NT_HTTP_STATES
} NtHttpState;

struct NtHttpRequest {
    NtHttpConnection *connection; /* NULL: it is gone, nobody wants the answer */
    NtHttpLoop *loop;
    NtHttpHead head;
    char *client;
    char *network; /* of an IPv6 address; NULL: the client itself */
    bool local, secure;
    GCancellable *cancellable; /* NULL: nobody asked for one; this and the next under the loop's lock */
    bool cancelled;
    GList link;          /* in the loop's list, while there is a cancellable */
    int64_t began;       /* monotonic */
    uint64_t body_limit; /* 0: none is accepted */
    int body_fd;
    unsigned body_ms;
    uint64_t body_size;
    char *body;           /* from malloc, with a NUL behind it */
    size_t body_capacity; /* counted against body_memory */
    GBytes *whole;        /* the body as counted bytes, which owns it then */
    GString *headers;
    GPtrArray *lists; /* values of headers that were sent in several lines or are read otherwise; NULL: none */
    char *tag;        /* entity tag of the answer; NULL: none */
    GBytes *gzip;     /* the answer compressed already; NULL: it is not */
    unsigned status;
    const char *type; /* interned */
    GBytes *answer;
    size_t answer_size; /* counted against answer_memory */
    bool asks_gzip;     /* If-None-Match names the tag of a compressed body */
    bool encoded;       /* the answer is compressed */
    bool answered, close;
    uint64_t sent;
    void *data;
    GDestroyNotify free_data;
};

struct NtHttpConnection {
    NtHttpLoop *loop;
    int fd;
    NtHttpState state;
    GList link;       /* in the list of the state */
    int64_t deadline; /* monotonic; 0: none */
    NtHttpTlsSession *tls;
    GInetAddress *peer; /* NULL: a UNIX socket */
    char *address;      /* of it, as text */
    bool counted;       /* by its address */
    bool local;         /* by the socket of nt_http_listen_local */
    bool watched;       /* epoll knows it */
    bool reading;       /* epoll tells when there is something to read */
    bool writing;       /* and when there is room */
    bool ready;         /* in the loop's list of those to go on with */
    bool accepting;     /* the handler is being asked about the head */
    unsigned requests;
    GByteArray *in; /* what was read and not yet understood; NULL: nothing */
    size_t scanned;
    NtHttpChunked chunked;
    int64_t body_end;   /* deadline of the body as a whole */
    int64_t answer_end; /* likewise of the answer */
    uint64_t moved;     /* bytes of body or answer since the deadline was set */
    NtHttpRequest *request;
    GString *out; /* head of the answer */
    size_t out_at;
    size_t body_at;
};

/* Takes a socket that does not block; on its loop. */
void nt_http_connection_begin(NtHttpLoop *loop, int fd, GInetAddress *peer, bool counted, bool local);
/* Something can be read or written, or the client hung up. */
void nt_http_connection_event(NtHttpConnection *connection, uint32_t events);
/* Goes on with what is there already. */
void nt_http_connection_continue(NtHttpConnection *connection);
/* Its deadline has passed. */
void nt_http_connection_expire(NtHttpConnection *connection);
/* The answer of its request is there. */
void nt_http_connection_answered(NtHttpConnection *connection);
void nt_http_connection_close(NtHttpConnection *connection);

NtHttpRequest *nt_http_request_new(NtHttpConnection *connection, const NtHttpHead *head);
void nt_http_request_free(NtHttpRequest *request);
/* The answer's head as it goes over the wire, appended to `out`; compresses the body where that is wanted. */
void nt_http_request_compose(NtHttpRequest *request, bool keep_alive, GString *out);

/* ---- loops (loop.c) and the server they belong to ---- */

struct NtHttpLoop {
    NtHttpServer *server;
    unsigned number;
    GThread *thread;
    int epoll, wake;                /* wake: an eventfd */
    GQueue waiting[NT_HTTP_STATES]; /* connections by deadline, the nearest first */
    GPtrArray *ready;               /* NtHttpConnection to go on with */
    char *scratch;                  /* where reads go first */
    char date[40];                  /* "Date: ...\r\n" of this second */
    int64_t date_of;
    int64_t now;         /* monotonic, of this turn */
    int64_t handled;     /* when the last event was handled */
    gint given;          /* connections that it has or will have; others may look */
    GMutex lock;         /* the four below */
    GArray *arrived;     /* sockets handed over */
    GPtrArray *answered; /* NtHttpRequest answered by other threads */
    GQueue cancellable;  /* NtHttpRequest that have one */
    bool closing;        /* what is left is closed */
};

enum { NT_HTTP_SCRATCH_BYTES = 64 * 1024, NT_HTTP_SMALL_ANSWER = 64 * 1024 };

bool nt_http_loop_start(NtHttpLoop *loop, NtHttpServer *server, unsigned number, GError **error);
void nt_http_loop_wake(NtHttpLoop *loop);
void nt_http_loop_hand_over(NtHttpLoop *loop, int fd, GInetAddress *peer, bool counted, bool local);
/* Cancels whatever is being done for its requests; from any thread. */
void nt_http_loop_cancel(NtHttpLoop *loop);
/* Ends its thread; connections that are left are closed. */
void nt_http_loop_end(NtHttpLoop *loop);
void nt_http_loop_clear(NtHttpLoop *loop);
/* Moves a connection to the list of a state, with its deadline. */
void nt_http_loop_place(NtHttpConnection *connection, NtHttpState state);
void nt_http_loop_remove(NtHttpConnection *connection);
void nt_http_loop_watch(NtHttpConnection *connection, bool reading, bool writing);

struct NtHttpServer {
    NtHttpOptions options;
    NtHttpHandler handler;
    NtHttpProxies proxies;
    NtHttpLoop *loops;
    unsigned loop_count;
    GArray *listening; /* int */
    int local;         /* which of them is of nt_http_listen_local; negative: none */
    GPtrArray *paths;  /* of UNIX sockets */
    GThread *acceptor;
    int stop; /* an eventfd that ends it */
    gint stopping;
    gint cancelling; /* nobody's answer is waited for any more */
    gint open, accepted, refused, faults, timeouts;
    gsize body_bytes, answer_bytes;
    GMutex lock;         /* the two below */
    GHashTable *clients; /* address (16 bytes) -> connections */
    NtHttpTls *tls;
};

/* Takes so many bytes for a body out of what all may have; false: there are not so many left. */
bool nt_http_server_take_memory(NtHttpServer *server, size_t bytes);
void nt_http_server_give_memory(NtHttpServer *server, size_t bytes);
/* The same for an answer. Those of NT_HTTP_SMALL_ANSWER bytes are counted and have room always: who holds large ones
 * must not keep others from theirs. */
bool nt_http_server_take_answer(NtHttpServer *server, size_t bytes);
void nt_http_server_give_answer(NtHttpServer *server, size_t bytes);
NtHttpTls *nt_http_server_tls(NtHttpServer *server); /* a reference, or NULL */
/* Counts a connection of an address; false: it has as many as it may. */
bool nt_http_server_count_client(NtHttpServer *server, GInetAddress *address);
void nt_http_server_forget_client(NtHttpServer *server, GInetAddress *address);

#endif
