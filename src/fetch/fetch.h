/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: photos at http and https addresses. Whoever wants some makes a fetcher, offers addresses and takes bodies
 * back, in any order; one thread of its own does the waiting.
 *
 * Addresses come from strangers, so nothing is asked of a private network: what is checked is the address that a
 * connection is about to go to, after names were looked up and whatever redirects said (address.c). No proxy, cookie,
 * password or authentication is ever used, and ports are 80 and 443. A host is treated politely: few connections at
 * once, fewer when it says that it is too much (429, 503), tried again after a random delay that doubles (M. Brooker,
 * "Exponential backoff and jitter", 2015), and given up when it fails again and again.
 */
#ifndef NT_FETCH_H
#define NT_FETCH_H

#include <sys/socket.h>

#include "base/base.h"

typedef struct NtFetcher NtFetcher;

enum {
    NT_FETCH_HOST_CONNECTIONS = 8, /* where none are named */
    NT_FETCH_REDIRECTS = 3,
    NT_FETCH_TRIES = 4,
};

typedef struct NtFetchOptions {
    bool allow_private;        /* also private networks, this machine and other ports: the shop's own */
    unsigned host_connections; /* at once to one host, 1..64; 0: the usual number */
    uint64_t bytes;            /* the most of one body; 0: the default of the limit fetch_bytes */
    void (*ready)(void *data); /* called in the fetcher's thread whenever there is something to take; NULL: none */
    void *data;
} NtFetchOptions;

typedef enum NtFetchOutcome {
    NT_FETCH_FAILED,    /* `fault` */
    NT_FETCH_BODY,      /* `body`, and what tells whether it changed, where the host says that */
    NT_FETCH_UNCHANGED, /* it is still what `etag` or `modified` were of */
} NtFetchOutcome;

/* One address on its way. Texts are owned; `etag` and `modified` (as in Last-Modified) go in as what is known of an
 * earlier body, NULL where nothing is, and come out as those of the body. */
typedef struct NtFetch {
    char *address, *etag, *modified;
    void *data;             /* the asker's */
    GDestroyNotify destroy; /* of what is in `data` when this is freed; NULL: none */
    NtFetchOutcome outcome;
    GBytes *body;
    GError
        *fault; /* NOT_FOUND (404, 410), INVALID (may not be fetched), LIMIT, IO; its message begins with the address */
} NtFetch;

NtFetch *nt_fetch_new(const char *address, const char *etag, const char *modified, void *data, GDestroyNotify destroy);
void nt_fetch_free(NtFetch *fetch); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtFetch, nt_fetch_free)

/* Starts a thread. Errors: NO_MEMORY. */
NtFetcher *nt_fetcher_new(const NtFetchOptions *options, GError **error);
/* Ends it, whatever is on its way. NULL is fine. */
void nt_fetcher_free(NtFetcher *fetcher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtFetcher, nt_fetcher_free)

/* Takes an address to be fetched. Thread-safe, as the next two. */
void nt_fetcher_offer(NtFetcher *fetcher, NtFetch *fetch);
/* The next that is done, waiting up to `microseconds` for one; NULL when there is none by then. */
NtFetch *nt_fetcher_take(NtFetcher *fetcher, int64_t microseconds);
/* Those offered that were not taken. */
size_t nt_fetcher_pending(NtFetcher *fetcher);

/* One body, waited for. Errors: those of NtFetch; CANCELLED, TIMEOUT. */
GBytes *nt_fetch_one(const char *address, const NtFetchOptions *options, const NtWait *wait, GError **error);

/* Whether a text is an address that this room is for: begins with http:// or https:// in any case. */
bool nt_is_web_address(const char *text);
/* Whether an address may be asked for as far as its words tell: its scheme, port, length, and no password in it.
 * Errors: INVALID; a fact `option` where an option would allow it. */
bool nt_fetch_check(const char *address, bool allow_private, GError **error);
/* Whether a socket address is global unicast: in no block of the special-purpose registries (RFC 6890 and IANA's lists
 * after it), nor one that carries such a block's address inside (mapped, NAT64, 6to4, Teredo). */
bool nt_address_is_public(const struct sockaddr *address);

#endif
