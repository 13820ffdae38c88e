/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside fetch: hosts, and one transfer on its way. */
#ifndef NT_FETCH_INTERNAL_H
#define NT_FETCH_INTERNAL_H

#include <curl/curl.h>

#include "fetch/fetch.h"

/* "https://host:443", new, and the address as it is asked for; NULL: it cannot be read. */
char *fetch_host_of(const char *address, char **out_normal);

/* ---- hosts (hosts.c) --------------------------------------------------------------------------------------------- */

/* What is known of a host, by scheme, name and port. */
typedef struct Host {
    char *name;
    GQueue waiting;   /* Transfer */
    unsigned running; /* transfers */
    unsigned most;    /* of them at once; halved when it is too much for the host, one more for every 20 good answers */
    unsigned good;    /* answers since it was last changed */
    unsigned failed;  /* transfers in a row that failed for good for a reason of the host's */
    uint64_t answers, retries; /* those retried may be a fifth of the answers, and ten */
    int64_t paused;            /* until then nothing is begun, monotonic */
} Host;

Host *host_new(const char *name, unsigned most);
void host_free(void *host);
/* Whether one more transfer may be begun. */
bool host_has_room(const Host *host, int64_t now);
void host_went_well(Host *host, unsigned most);
/* The host said that it is too much: nothing for `delay` microseconds, and fewer at once. */
void host_slow_down(Host *host, int64_t now, int64_t delay);
/* Whether a transfer may be tried again. */
bool host_may_retry(Host *host);
/* A transfer failed for good, for a reason of the host's. */
void host_failed(Host *host);
bool host_is_given_up(const Host *host);
/* How long to wait before try number `tries` (from 1), in microseconds: random, up to a bound that doubles. */
int64_t host_delay(unsigned tries);

/* ---- one transfer (transfer.c) ----------------------------------------------------------------------------------- */

typedef struct Transfer {
    NtFetch *fetch; /* of who asked; NULL once it was given back */
    const NtFetchOptions *options;
    gint64 *held; /* bytes in all bodies of the fetcher that were not taken; of its thread, and atomic */
    Host *host;
    char *address; /* where it is now: redirects lead on */
    unsigned redirects, tries;
    int64_t not_before;
    CURL *easy; /* NULL: not under way */
    struct curl_slist *headers;
    GByteArray *body;
    char *etag, *modified; /* of the answer */
    bool refused;          /* a connection would have gone to a private address; who asks is not told to which */
    bool too_much;         /* the body is over the limit */
    bool no_room;          /* bodies that wait hold as much as they may */
} Transfer;

typedef enum TransferEnd {
    TRANSFER_DONE,     /* the fetch has its outcome */
    TRANSFER_REDIRECT, /* `address` is another */
    TRANSFER_AGAIN,    /* the host or the way to it was at fault: *out_fault, and *out_delay where the host named one */
    TRANSFER_TOO_MUCH, /* the same, and the host said that it is asked too much */
    TRANSFER_LATER,    /* there is no room for the body just now */
} TransferEnd;

Transfer *transfer_new(NtFetch *fetch, const NtFetchOptions *options, gint64 *held);
void transfer_free(void *transfer);
/* Makes the handle for the next try. */
CURL *transfer_begin(Transfer *transfer);
/* What its end means; the handle is gone then. */
TransferEnd transfer_end(Transfer *transfer, CURLcode code, GError **out_fault, int64_t *out_delay);

#endif
