/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: from photos to vectors: a source's products into the catalogue (ingest.c, ingest-source.c, photo-job.c),
 * products one by one (edit.c, edit-write.c, put.c), vectors in and out as .npy (transfer.c). The public header has the
 * contracts of everything named niteru_.
 */
#ifndef NT_INGEST_H
#define NT_INGEST_H

#include "state/state.h"

/* ---- products changed one by one (edit.c) ---- */

typedef enum NtPhotoEdit {
    NT_PHOTOS_STAY,
    NT_PHOTOS_REPLACE, /* by those given, which may be none */
    NT_PHOTOS_SET,     /* the one at `position` by the one given; behind the last: it is added */
    NT_PHOTOS_REMOVE,  /* the one at `position` */
} NtPhotoEdit;

/* A photo that is given. */
typedef struct NtGivenPhoto {
    const char *name; /* of the file; with bytes, or NULL: any name for them, for messages */
    GBytes *bytes;    /* the catalogue keeps them; NULL: the file is read, now and whenever it is needed again */
} NtGivenPhoto;

/* What is to become of a product. */
typedef struct NtProductEdit {
    const char *id;
    const NtJson *metadata; /* an object; NULL: fields are left as they are, unless `whole` */
    bool whole;             /* fields that are not given go */
    bool must_exist;        /* else it is added where it is not there */
    bool remove;            /* it goes, as a whole; one that is not there must be asked for by `must_exist` */
    bool shown;             /* `product` is wanted */
    int64_t version;        /* of the write; 0: none. With `remove` the product need not be there then */
    NtPutIf only;
    NtPhotoEdit photo_edit;
    size_t position;
    const NtGivenPhoto *photos;
    size_t photo_count;
    bool all_photos; /* a photo that cannot be used fails the edit; else it costs only itself */
    /* Looked at in the transaction, before anything is written; product 0: there is none. False: the edit fails with
     * its error. NULL: nothing is asked. */
    bool (*allow)(NtCatalogue *db, int64_t product, void *data, GError **error);
    void *data;

    /* What became of it. */
    NiteruPutReport report;
    NtJson *product; /* as nt_catalogue_product_json has it at the end of the edit; the caller's, or NULL */
    GError *error;   /* the caller's; NULL: it is committed */
} NtProductEdit;

/* Changes products, in one transaction, which the next search sees: photos are read and embedded before the turn to
 * write is taken. An edit that fails (INVALID, NOT_FOUND, LIMIT, STALE, CONDITION, and what its photos or `allow` say)
 * costs only itself
 * and has `error` set. `options` NULL: the defaults; its `failure` is told of photos and values that could not be used.
 * False: nothing is committed, no edit has an error or a product, and the errors are those of the whole: IO, NO_SPACE,
 * CANCELLED, TIMEOUT, INVALID (a model without a network, a catalogue open for reading only). */
bool nt_products_edit(NiteruCatalogue *catalogue, NtProductEdit *edits, size_t count, const NiteruPutOptions *options,
                      GCancellable *cancellable, GError **error);

/* ---- lists that came with photos of their own (ingest.c) ---- */

typedef struct NtListUpload {
    const char *source; /* what the list is called from run to run, instead of its path: pruning goes by it */
    /* The path of the original (nt_original_keep) that a photo's name in the list means; new, NULL with an error. */
    char *(*find_photo)(const char *name, void *data, GError **error);
    /* What kind of list it is ("csv", "shopify", ...); NULL: nobody wants to know. */
    void (*kind)(const char *kind, void *data);
    /* A product was taken: it is committed, and so are those of its photos that need no embedding. */
    void (*product)(const char *id, uint64_t line, bool added, void *data);
    void *data;
} NtListUpload;

/* niteru_index for such a list: nothing but it is read on this machine, and products may be without photos. */
bool nt_index_upload(NiteruCatalogue *catalogue, const char *list, const NtListUpload *upload,
                     const NiteruIndexOptions *options, GCancellable *cancellable, NiteruIndexReport *out_report,
                     GError **error);

/* ---- vectors of another model beside those that are served (reembed.c) ---- */

typedef struct NtReembedOptions {
    const NiteruIndexOptions *index; /* allow_private, host_connections, and whom to tell */
    double rate;                     /* photos a second at most; 0: as fast as it goes */
    unsigned at_once;                /* photos under way, by threads of their own that let all others go first; 0: as
                                        many as keep every core busy */
} NtReembedOptions;

typedef struct NtReembedReport {
    uint64_t embedded;
    uint64_t failed;  /* photos that the default model has vectors of, and this one could not be given */
    char *first;      /* what was the matter with the first of them; free it */
    GArray *contents; /* int64_t: those that could not be embedded; unref it */
} NtReembedReport;

/* Embeds the photos that the model has no vector of, from wherever they came, until there is none: also those that come
 * meanwhile. What is committed stays, so the same call goes on after a stop. A photo that cannot be had, or that
 * changed since it was indexed, is told and stays without a vector; nothing else of it changes. Errors: NOT_FOUND (the
 * model), INVALID (it has no network), NO_SPACE, CANCELLED, TIMEOUT; the report is filled then too. */
bool nt_reembed(NiteruCatalogue *catalogue, const char *model, const NtReembedOptions *options, const NtWait *wait,
                NtReembedReport *out, GError **error);

#endif
