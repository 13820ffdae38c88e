/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside fetch: hosts, and one transfer on its way. */
#ifndef NT_FETCH_INTERNAL_H
#define NT_FETCH_INTERNAL_H

#include <curl/curl.h>

#include "fetch/fetch.h"

/* Makes libcurl ready, once. */
void fetch_begin(void);

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

/* ---- one try to download (download-try.c) ------------------------------------------------------------------------ */

/* What there is of a file: the bytes, and of what they are a part. */
typedef struct Part {
    int fd;         /* of the bytes */
    char *content;  /* its path, for messages */
    char *source;   /* path of the file that keeps the next two with the address's digest */
    uint64_t have;  /* bytes */
    uint64_t total; /* of the whole; 0: not known */
    char *etag;     /* a strong one; NULL: there is none, and nothing can be gone on from */
} Part;

/* Throws the bytes away; the next are of what `etag` (NULL: none) and `total` say. Errors: IO, NO_SPACE. */
bool part_begin(Part *part, const char *address, const char *etag, uint64_t total, GError **error);

/* "bytes 100-199/200", as Content-Range has it: first <= last < whole <= INT64_MAX. */
typedef struct ContentRange {
    uint64_t first, last, whole; /* bytes */
} ContentRange;
/* False: it says something else, of a whole of unknown size for one; *out is nothing then. */
bool fetch_read_range(const char *value, ContentRange *out);

typedef enum TryEnd {
    TRY_DONE,   /* the part is the whole, as far as lengths tell */
    TRY_AGAIN,  /* the host or the way to it was at fault: *out_fault, and *out_delay where the host named one */
    TRY_ANEW,   /* the same, and what there is cannot be gone on from */
    TRY_FAILED, /* for good: *out_fault */
} TryEnd;

/* Asks once, following redirects, for what is missing. *out_delay in microseconds. */
TryEnd download_try(const NtDownload *download, Part *part, const NtWait *wait, GError **out_fault, int64_t *out_delay);

#endif
