/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http: an HTTP/1.1 server (RFC 9110, 9112) over TCP, TLS and UNIX sockets. It knows nothing of products: a handler
 * is told of each request and answers it, at once or later and from any thread.
 *
 *   server = nt_http_server_new(&options, &handler, &error);
 *   nt_http_listen(server, "127.0.0.1:8080", &error);
 *   nt_http_server_start(server, &error);
 *   ...                            - handler->serve(request): nt_http_answer(request, 200, "text/plain", body)
 *   nt_http_server_stop(server, 10 * G_TIME_SPAN_SECOND);
 *
 * Loops. A few threads, one per core, each wait for their connections with epoll. What is ready is read and parsed,
 * then the handler's `turn` is called: so requests that wait may be answered together. A loop never blocks on a
 * client; what may take long is for the handler to do elsewhere.
 *
 * Framing is strict, so that no proxy in front reads another request than we do: a bare CR or LF, a folded header,
 * blanks before a colon, two lengths, a length beside Transfer-Encoding, another coding than chunked are refused with
 * 400 or 501, and the connection is closed.
 *
 * Deadlines are the server's own and count from fixed moments, so that sending a byte now and then wins nothing: for
 * the head as a whole, for the body as a whole and by its rate, for the client's reading, and for idleness.
 *
 * Refusals of the server itself are problem documents (problem.c) like everybody's.
 */
#ifndef NT_HTTP_H
#define NT_HTTP_H

#include <gio/gio.h>

#include "base/base.h"

typedef struct NtHttpServer NtHttpServer;
typedef struct NtHttpRequest NtHttpRequest;

/* ---- the server (server.c) ---- */

typedef struct NtHttpOptions {
    unsigned threads;            /* loops; 0: one per core */
    size_t line_bytes;           /* of a request line; 0: 8 KiB */
    size_t head_bytes;           /* of request line and headers; 0: 16 KiB */
    unsigned headers;            /* lines of them; 0: 100 */
    unsigned requests;           /* on one connection; 0: 1,000 */
    unsigned connections;        /* in all; 0: as many as descriptors allow, at most 20,000 */
    unsigned client_connections; /* from one address, trusted proxies and UNIX sockets apart; 0: 64 */
    uint64_t body_memory;        /* bytes of all bodies that are held in memory; 0: 256 MiB */
    uint64_t answer_memory;      /* likewise of answers, beyond which those over 64 KiB become 429; 0: 256 MiB */
    unsigned head_ms;            /* from a connection's start, or a request's first byte, to the head's end; 0: 10 s */
    unsigned body_ms;            /* for a body as a whole; 0: 30 s */
    unsigned idle_ms;            /* between requests; 0: 60 s */
    unsigned least_rate;         /* bytes a second that a body, and the reader of an answer, must manage; 0: 1,000 */
    unsigned answer_ms;          /* for the reading of an answer as a whole: so long, 0: 30 s, ... */
    unsigned answer_rate;        /* ... and a second for each so many bytes of it; 0: 50,000 */
    const char *const *proxies;  /* NULL-terminated "10.0.0.0/8", whose X-Forwarded-For is believed; NULL: none */
    const char *certificate, *key; /* PEM files for TLS; NULL: plain */
} NtHttpOptions;

typedef struct NtHttpHandler {
    /* After the head and before the body, on a loop. May call nt_http_accept_body; without that a request with a body
     * is refused. May answer, and the body is then not read. NULL: no bodies. */
    void (*head)(NtHttpRequest *request, void *data);
    /* The request is there as a whole; on a loop. To be answered once, now or later. */
    void (*serve)(NtHttpRequest *request, void *data);
    /* All that was ready was served; on loop number `loop`. NULL: nothing to do. */
    void (*turn)(unsigned loop, void *data);
    /* An answer has gone out, or could not; on a loop. Also for what the server refused itself. NULL: not wanted. */
    void (*done)(const NtHttpRequest *request, void *data);
    void *data;
} NtHttpHandler;

/* Errors: INVALID (a proxy that is no network), those of reading the certificate. Options and handler are copied. */
NtHttpServer *nt_http_server_new(const NtHttpOptions *options, const NtHttpHandler *handler, GError **error);

/* Adds an address to listen on: "127.0.0.1:8080", "[::1]:8080", "unix:/path"; port 0 takes a free one. A UNIX socket
 * is its owner's alone, one that nobody listens on any more is replaced. *out_port may be NULL. Errors: INVALID,
 * BUSY (taken), IO. */
bool nt_http_listen(NtHttpServer *server, const char *address, uint16_t *out_port, GError **error);

/* Adds a UNIX socket for programs of the user who runs the server, and of root: what comes by it is local
 * (nt_http_is_local). One at most. Errors: as above. */
bool nt_http_listen_local(NtHttpServer *server, const char *path, GError **error);

bool nt_http_server_start(NtHttpServer *server, GError **error);
/* Reads certificate and key again; connections that are there keep theirs. */
bool nt_http_server_reload(NtHttpServer *server, GError **error);
/* Accepts nothing new, lets what was begun come to its end, for `patience` microseconds at most, then closes all.
 * Returns whether all came to their end. */
bool nt_http_server_stop(NtHttpServer *server, int64_t patience);
void nt_http_server_free(NtHttpServer *server); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtHttpServer, nt_http_server_free)

typedef struct NtHttpCounts {
    uint64_t accepted, refused; /* connections; refused: over a limit */
    uint64_t open;              /* connections now */
    uint64_t faults;            /* requests refused by the server itself */
    uint64_t timeouts;          /* connections closed because of a deadline */
    uint64_t body_bytes;        /* held in memory now */
    uint64_t answer_bytes;      /* likewise, of answers that are not read yet */
} NtHttpCounts;
void nt_http_server_counts(NtHttpServer *server, NtHttpCounts *out);

/* ---- a request (request.c); what is returned is borrowed until the answer ---- */

const char *nt_http_method(const NtHttpRequest *request);
/* The path as it was sent, percent-encoded, without the query; begins with '/'. */
const char *nt_http_path(const NtHttpRequest *request);
/* What follows '?', as it was sent; NULL: nothing. */
const char *nt_http_query(const NtHttpRequest *request);
/* The value of a header by its name in small letters, the first where there are several; NULL: not there. Several lines
 * of Accept-Encoding, If-Match and If-None-Match are one list. The two last name tags as the handler gave them: what
 * stands for a compressed body is taken off, and If-Match is without weak tags, which never match there. */
const char *nt_http_header(const NtHttpRequest *request, const char *name);
/* The client's address; behind a trusted proxy, the one it tells. "unix" for a UNIX socket. */
const char *nt_http_client(const NtHttpRequest *request);
/* What stands for the client where requests are counted: its IPv4 address, or the network of 64 bits that its IPv6
 * address is in, of which one who has one has all. */
const char *nt_http_network(const NtHttpRequest *request);
/* Came by the socket of nt_http_listen_local. */
bool nt_http_is_local(const NtHttpRequest *request);
/* Who asks by a UNIX socket, by the number that the system has for its users; -1: another way, or not known. Only in
 * the handler of a request's head. */
int64_t nt_http_local_user(const NtHttpRequest *request);
/* Came by TLS, or a trusted proxy says so. */
bool nt_http_is_secure(const NtHttpRequest *request);
/* The body, once the request is served; empty where it went into a file or there is none. Length in *out_size. */
const char *nt_http_body(const NtHttpRequest *request, size_t *out_size);
/* The same as counted bytes, which may outlive the request; a new reference. */
GBytes *nt_http_body_bytes(const NtHttpRequest *request);
/* Cancelled when the client goes away before its answer, or the server's patience at its end is over. */
GCancellable *nt_http_cancellable(NtHttpRequest *request);
/* Since the head was read, in microseconds. */
int64_t nt_http_age(const NtHttpRequest *request);
/* The number of the loop that it came to. */
unsigned nt_http_loop(const NtHttpRequest *request);

/* Something of the handler's own. */
void nt_http_set_data(NtHttpRequest *request, void *data, GDestroyNotify free_data);
void *nt_http_data(const NtHttpRequest *request);

/* In `head`: a body of up to `limit` bytes is wanted, in memory, or written into `fd` (-1: memory), which stays the
 * caller's. `total_ms`: instead of the server's body_ms (0: that). */
void nt_http_accept_body(NtHttpRequest *request, uint64_t limit, int fd, unsigned total_ms);

/* Adds a header to the answer; control characters in `value` become blanks. `ETag` is the tag of the answer as it is
 * given: compressed, it goes out under one of its own; GET and HEAD whose If-None-Match has it are answered with 304
 * instead of 200. Its value is a tag in quotes, of visible characters. */
void nt_http_add_header(NtHttpRequest *request, const char *name, const char *value);
/* The answer's body as gzip, where it is known already; takes it. */
void nt_http_offer_gzip(NtHttpRequest *request, GBytes *gzip);
GBytes *nt_http_gzip(GBytes *bytes); /* new; NULL: it did not get smaller. (gzip.c) */
/* Answers; takes `body` (NULL: none). From any thread, once; the request must not be used afterwards. Text of some size
 * goes out as gzip where the client takes that. */
void nt_http_answer(NtHttpRequest *request, unsigned status, const char *type, GBytes *body);
/* Closes the connection behind the answer. */
void nt_http_close_after(NtHttpRequest *request);

/* In `done`: what the answer was; status 0: none went out. */
unsigned nt_http_status(const NtHttpRequest *request);
uint64_t nt_http_sent(const NtHttpRequest *request);

/* ---- problem documents (problem.c; RFC 9457) ---- */

/* {"type": "about:blank", "title", "status", "code", "field", "detail"}; `field` NULL: none. New. */
NtJson *nt_http_problem(unsigned status, const char *code, const char *field, const char *detail);
void nt_http_answer_problem(NtHttpRequest *request, unsigned status, const char *code, const char *field,
                            const char *detail);
const char *nt_http_reason(unsigned status); /* "Not Found"; static */

/* ---- parts of requests ---- */

/* Decodes percent-encoding; new text. NULL where an escape is broken, or what comes out is not UTF-8 or has a NUL.
 * `plus`: '+' is a blank, as in a query. (url.c) */
char *nt_http_decode(const char *text, size_t size, bool plus);
/* Calls `each` for "name=value" of a query in turn, decoded; stops at the first false and returns it. False too where
 * one cannot be decoded: then *out_bad (new text) is it. */
bool nt_http_query_each(const char *query, bool (*each)(const char *name, const char *value, void *data), void *data,
                        char **out_bad);
/* Encodes all but the unreserved characters; new. */
char *nt_http_encode(const char *text);

/* A part of multipart/form-data (RFC 7578). (multipart.c) */
typedef struct NtHttpPart {
    char *name, *filename, *type; /* filename and type may be NULL */
    const char *data;             /* borrowed from the body */
    size_t size;
} NtHttpPart;
/* The parts of a body of this Content-Type: an array of NtHttpPart. Errors: INVALID, LIMIT (more than `most`). */
GArray *nt_http_multipart(const char *type, const char *body, size_t size, unsigned most, GError **error);
/* Whether a Content-Type is `essence` ("application/json"), whatever its parameters; `type` may be NULL. */
bool nt_http_type_is(const char *type, const char *essence);

#endif
