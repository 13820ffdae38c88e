/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: photos at http and https addresses, and single large files (nt_download). Whoever wants photos makes a
 * fetcher, offers addresses and takes bodies back, in any order; one thread of its own does the waiting.
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

/* ---- one large file (download.c) ---- */

/* What is fetched, and what it must be. All zeros but for the first two: whatever is there, of any size. */
typedef struct NtDownload {
    const char *address;
    const char *path;   /* its name once it is whole and verified; until then its bytes lie in the folder path.part */
    const char *sha256; /* 64 hexadecimal digits that it must have; NULL: any */
    uint64_t bytes;     /* its size, where that is published; 0: not known */
    uint64_t most;      /* bytes that are taken at the most; 0: any number */
    bool allow_private; /* as in NtFetchOptions */
    unsigned stall_seconds; /* with hardly a byte, after which a try ends; 0: 30 */
    unsigned delay_ms;      /* the most before the second try, twice as much before each further one; 0: 500 */
    void (*progress)(uint64_t done, uint64_t total, void *data); /* bytes, total 0: not known; called in the calling
                                                                    thread, at most five times a second; NULL: none */
    void *data;
} NtDownload;

/* Fetches a file into its place, and waits for that. The memory taken does not depend on the file's size. What is
 * there of an earlier try, of a killed process too, is gone on from, where the host's ETag proves that it is a part of
 * the same file; else the file begins anew. A try that ends is made again, up to NT_DOWNLOAD_TRIES times in a row
 * without a new MiB, after random delays that double. Where `sha256` is given and `path` has it, nobody is asked. One
 * process at a time fetches to a path, others wait. Redirects are followed NT_DOWNLOAD_REDIRECTS times, not from https
 * to http, each as if it were asked for. *out_sha256 (NULL is fine): the digits that the file has, new text.
 * Errors: INVALID (may not be fetched; the host speaks no HTTP or sends elsewhere again and again), NOT_FOUND (404,
 * 410), LIMIT (over `most`), CORRUPT (another size or SHA-256 than published: both are named, and the bytes are
 * removed), NO_SPACE (told before the bytes are fetched, where the host tells how many there are), IO, CANCELLED,
 * TIMEOUT; those that begin with the address name it. Thread-safe. */
enum { NT_DOWNLOAD_TRIES = 5, NT_DOWNLOAD_REDIRECTS = 5 };
bool nt_download(const NtDownload *download, const NtWait *wait, char **out_sha256, GError **error);

/* Takes the lock of a folder (flock), which closing the descriptor gives back, and a process's end; waits for whoever
 * has it. -1 on failure. Errors: NOT_FOUND, IO, CANCELLED, TIMEOUT. */
int nt_folder_lock(const char *folder, const NtWait *wait, GError **error);

/* The SHA-256 of a file by its path, in hexadecimal digits, read in small pieces. New text; NULL on failure. Errors:
 * NOT_FOUND, INVALID (no regular file), IO, CANCELLED, TIMEOUT. */
char *nt_file_sha256(const char *path, const NtWait *wait, GError **error);

/* Whether a text is an address that this room is for: begins with http:// or https:// in any case. */
bool nt_is_web_address(const char *text);
/* Whether an address may be asked for as far as its words tell: its scheme, port, length, and no password in it.
 * Errors: INVALID; a fact `option` where an option would allow it. */
bool nt_fetch_check(const char *address, bool allow_private, GError **error);
/* Whether a socket address is global unicast: in no block of the special-purpose registries (RFC 6890 and IANA's lists
 * after it), nor one that carries such a block's address inside (mapped, NAT64, 6to4, Teredo). */
bool nt_address_is_public(const struct sockaddr *address);

#endif
