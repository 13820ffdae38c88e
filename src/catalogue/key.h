/* SPDX-License-Identifier: Apache-2.0 */
/*
 * API keys: who may ask a server on this catalogue for what. Included by catalogue/catalogue.h.
 *
 * A key is a text, "nk_pub_", "nk_sec_" or "nk_adm_" by its kind and 43 characters of base64url, 256 random bits. It is
 * given out once; kept is its SHA-256, which is enough because nobody can try 2^256 keys. Its first characters are kept
 * too, so that a person recognises it in a list. A key that was revoked stays in the list; the newest 1,000 of these
 * do.
 */
#ifndef NT_CATALOGUE_KEY_H
#define NT_CATALOGUE_KEY_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

enum { NT_KEY_CHARACTERS = 7 + 43, NT_KEY_PREFIX_CHARACTERS = 7 + 6 };
enum { NT_KEY_OVERLAP_MOST = 30 * 24 * 3600 /* seconds */ };

typedef struct NtKeyPut {
    const char *kind;           /* "publishable", "secret" or "admin" */
    const char *name;           /* for people: 1 .. 100 bytes without control characters, of one key in use at a time */
    const char *const *origins; /* of a publishable key: the pages it may be used from, NULL-terminated; NULL: all */
} NtKeyPut;

/* Makes a key; *out_key is its text, new. Writes: needs a transaction. No product changes by it, so the log of changes
 * has no entry. Errors: INVALID (the kind, the name, a name that is taken, an origin), LIMIT (1,000 keys in use, 100
 * origins), IO (no random numbers). */
bool nt_catalogue_create_key(NtCatalogue *catalogue, const NtKeyPut *put, char **out_key, GError **error);

/* Ends the use of the keys in use that have this name or this prefix, or are this: of a name there are several while
 * one that was rotated goes on. Writes: needs a transaction. Errors:
 * NOT_FOUND; the message holds no more of a key than its prefix. */
bool nt_catalogue_revoke_key(NtCatalogue *catalogue, const char *named, GError **error);

/* Makes a key like the one in use that has this name or this prefix, or is this: of its kind, name and origins. The old
 * one goes on for `overlap` seconds, up to NT_KEY_OVERLAP_MOST. *out_key: the text of the new one, new. Writes: needs a
 * transaction. Errors: NOT_FOUND, INVALID (the overlap), IO (no random numbers). */
bool nt_catalogue_rotate_key(NtCatalogue *catalogue, const char *named, int64_t overlap, char **out_key,
                             GError **error);

typedef struct NtKeyRow { /* texts and hash are borrowed for the time of the callback */
    const char *kind;
    const char *name;
    const char *prefix;
    const uint8_t *hash; /* 32 bytes, the SHA-256 of the text: compare with nt_equal_in_constant_time */
    const char *origins; /* a JSON array of "https://shop.example", as browsers write them; NULL: all */
    int64_t created;     /* Unix seconds */
    int64_t revoked;     /* likewise; 0: in use; a moment to come: in use until then */
} NtKeyRow;

/* All keys, the oldest first; stops when `each` returns false. */
bool nt_catalogue_each_key(NtCatalogue *catalogue, bool (*each)(const NtKeyRow *key, void *data), void *data,
                           GError **error);

/* A number that is raised whenever a key is made or revoked, by whichever process: what was read of keys holds while it
 * stays the same. One look-up. */
bool nt_catalogue_keys_version(NtCatalogue *catalogue, int64_t *out, GError **error);

#endif
