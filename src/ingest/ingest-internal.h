/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside indexing only: one run, and its two halves. ingest-source.c lists products and queues their photos,
 * ingest.c takes vectors back and commits. */
#ifndef NT_INGEST_INTERNAL_H
#define NT_INGEST_INTERNAL_H

#include "connect/connect.h"
#include "fetch/fetch.h"
#include "ingest/ingest.h"

/* A photo of a source; what became of it is in `base`, `stamp` and `content`. */
typedef struct PhotoJob {
    NtEmbedJob base;
    NiteruCatalogue *catalogue;
    GBytes *bytes;          /* the photo itself; NULL: the file at `path` */
    bool dealt_with;        /* by a put: it need not go through the pipeline again */
    bool embed;             /* whatever the catalogue has: what it had is gone again */
    int64_t shown;          /* what the photo showed when it was listed; 0: nothing */
    int64_t model, only_of; /* a vector of this model counts as there when this maker made it; NT_MAKER_UNKNOWN: any */
    int64_t photo;          /* its row */
    char *path;
    char *location; /* in the catalogue; NULL: the path */
    char *product;  /* id, for messages */
    char *place;    /* "list.csv:17", for messages; NULL: of a folder */
    bool served;    /* the default model has a vector of it, so that it would be missed in another */
    NtStamp stamp;  /* zeros: not known, or too fresh to be trusted */
    NtContent content;
    /* Of a photo at a web address. */
    bool web;
    bool unchanged;        /* its host said so: it shows `web_content` */
    int64_t web_content;   /* what it showed when it was last asked for, where the model has a vector for that; 0 */
    char *etag, *modified; /* of that, then of what came */
    GPtrArray *same;       /* PhotoJob: other photos at the same address, which wait for this one; NULL: none */
} PhotoJob;
PhotoJob *photo_job_new(NiteruCatalogue *catalogue, int64_t photo, const char *path, const char *product,
                        const char *place);
/* What its bytes are, once it was read. */
const NtContent *photo_job_content(PhotoJob *job);
static inline void photo_job_free(PhotoJob *job) { nt_embed_job_free((NtEmbedJob *)job); }
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PhotoJob, photo_job_free)

/* failures.c: NiteruFailure, copied, to be told when no turn is held; telling empties the list. */
GPtrArray *failures_new(void);
void failures_keep(GPtrArray *kept, const NiteruFailure *failure);
void failures_tell(GPtrArray *kept, void (*told)(const NiteruFailure *failure, void *data), void *data);

/* A photo whose vector waits for the next commit. */
typedef struct Waiting {
    int64_t content;
    PhotoJob *job;
} Waiting;

/* A product that was listed. */
typedef struct TakenProduct {
    char *id;
    uint64_t line;
    bool added;
} TakenProduct;

typedef struct Ingest {
    NiteruCatalogue *catalogue;
    NtCatalogue *db;
    const NiteruIndexOptions *options;
    const NtListUpload *upload; /* NULL: a source on this machine */
    GArray *taken;              /* TakenProduct, until the turn is over; only for an upload */
    const NtWait *wait;
    NiteruIndexReport report;

    NtSource *source;
    NtColumns *columns;
    NtRun run;
    int64_t version; /* of all rows; 0: none */
    NtPutIf only;
    bool listed;          /* the source has come to its end */
    uint64_t unread;      /* rows, names, folders and files that could not be read: what they hold is not known */
    GPtrArray *unread_at; /* char *: the places of the first of them */
    char *in_doubt;       /* place of a row with refused photos, until it is given after all */
    GError *first_failure;
    bool told_photos;     /* the way out of missing photos was told */
    bool told_repeat;     /* and that of ids that come again */
    GQueue jobs;          /* PhotoJob that the pipeline had no room for yet */
    GPtrArray *untold;    /* failures, until the turn is over */
    GQueue gathered;      /* PhotoJob that came back, for the next turn */
    unsigned cut_short;   /* photos whose end is missing that were taken */
    GString *short_names; /* of the first few of them */

    bool beside; /* vectors are made for a model beside the one that is served: photos stay as they are */
    NtModel *model;
    int64_t maker;   /* what its network is among makers */
    uint64_t rows;   /* of the model that the database names, at the begin of the turn */
    uint64_t before; /* and how many these were at the start */
    NtEmbedQueue *queue;
    GArray *waiting;   /* Waiting */
    GHashTable *fresh; /* contents among them */

    int64_t started, committed, shown, embed_started;
    uint64_t shown_embedded;
    double rate;
    NtFetcher *fetcher;  /* NULL: no photo at a web address came yet */
    GHashTable *fetches; /* address -> PhotoJob that is on its way, and waits for nobody */
    size_t held;         /* bytes of photos that were fetched and are in the pipeline */
    int64_t asked_since; /* microseconds since 1970: what is known from then on is of this run */

    GThread *counter; /* counts the source's photos for the progress line */
    gint total;       /* what it found so far, atomic; negative while it counts */
    gint stop_counting;
} Ingest;

/* A run that has done nothing yet, and its end. */
void ingest_init(Ingest *ingest, NiteruCatalogue *catalogue, const NiteruIndexOptions *options, const NtWait *wait);
void ingest_clear(Ingest *ingest);

/* Moves queued jobs into the pipeline while it has room. */
void ingest_offer_jobs(Ingest *ingest);

/* Tells of what failed, when no turn is held. */
void ingest_tell_failures(Ingest *ingest);

/* ---- ingest-turn.c ---- */

/* Begins a transaction, and looks at the model again: others may have written in between. */
bool ingest_begin(Ingest *ingest, GError **error);
/* Ends it: where it went well, appends and names what waits, so that all so far is durable then. */
bool ingest_end(Ingest *ingest, bool ok, GError **error);
void ingest_clear_waiting(Ingest *ingest);

/* ---- ingest.c ---- */

/* Counts a failure, to be told after the turn. */
void ingest_tell_failure(Ingest *ingest, const NiteruFailure *failure);

/* Whether the model has a vector for a content, committed or waiting; *out_now (NULL is fine): of this very run. */
bool ingest_find_vector(Ingest *ingest, int64_t content, bool *out_found, bool *out_now, GError **error);

/* Notes that a photo could not be used, and tells. */
bool ingest_photo_failed(Ingest *ingest, const PhotoJob *job, const GError *fault, GError **error);

/* ---- web-photos.c ---- */

/* Takes a photo at a web address: it is known from this very run (*out_content is what it shows then, else 0), or it is
 * fetched, or waits for another at the same address. Takes the job. */
bool ingest_web_take(Ingest *ingest, PhotoJob *job, int64_t *out_content, GError **error);
/* Fetches it again, whatever is known. Takes the job. */
void ingest_web_again(Ingest *ingest, PhotoJob *job);
/* Moves what was fetched on: to the pipeline, or to what is gathered; waits up to `patience` microseconds for one. */
void ingest_web_poll(Ingest *ingest, int64_t patience);
/* Photos that are fetched. */
size_t ingest_web_pending(const Ingest *ingest);
/* The job is back from the pipeline: its bytes are not needed any more. */
void ingest_web_let_go(Ingest *ingest, PhotoJob *job);
/* The photo shows `content`, and so do those that waited for it; or none could be had, because of `fault`; or it is no
 * longer wanted (0 and NULL), and the next one is fetched. */
bool ingest_web_settle(Ingest *ingest, PhotoJob *job, int64_t content, const GError *fault, GError **error);

/* Fetches it, whatever is known of its address. Takes the job. */
bool ingest_web_fetch(Ingest *ingest, PhotoJob *job, GError **error);

/* Ends what is on its way. */
void ingest_web_clear(Ingest *ingest);

/* ---- ingest-source.c ---- */

NtSource *ingest_open_source(const Ingest *ingest, const char *location, GError **error);

/* Settles the types of metadata by the first rows, which are then read again. A folder has no metadata. */
bool ingest_learn_columns(Ingest *ingest, const char *location, GError **error);

/* A thread that counts photos in a second reading of the source, beside the work: reading names is far quicker than
 * reading photos, so the progress line soon knows how much there is. `data` is the Ingest. */
void *ingest_count_photos(void *data);

/* Lists some products: puts them into the transaction, and queues those of their photos that are to be read. */
bool ingest_list_some(Ingest *ingest, GError **error);

/* Reads what the options say of versions and of which products are meant. Errors: INVALID. */
bool ingest_read_order(Ingest *ingest, GError **error);

/* Notes a place of the source that could not be read, which forbids pruning. */
void ingest_unread(Ingest *ingest, const char *place);

/* Once all is listed: whether what earlier runs brought may be pruned. Where not all of the source could be read, what
 * is missing from it may be there nevertheless: *out_why then names the places, else it stays NULL. A sub-folder that
 * is empty now, and was not, is more likely a disk that is not there than a shelf that was cleared. */
bool ingest_may_prune(Ingest *ingest, char **out_why, GError **error);

/* Fails with the reason when the source gave no product at all. */
bool ingest_check_found(const Ingest *ingest, GError **error);

/* Tells what a folder holds that is no photo. */
void ingest_tell_skipped(Ingest *ingest);

#endif
