/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From photos to vectors on all cores, for many users at once. Included by embed/embed.h.
 *
 * A pipeline lives long: its threads, decode helpers and network runners are started when first needed and serve
 * whoever comes. Whoever has photos makes a queue for one model, offers jobs and takes them back with their vectors;
 * jobs of a queue come back in any order. Queues of single photos (a visitor waits for it) go before those of bulk
 * work at each stage. All calls may come from any thread; one thread at a time uses a queue.
 */
#ifndef NT_EMBED_PIPELINE_H
#define NT_EMBED_PIPELINE_H

#include "base/base.h"
#include "image/image.h"
#include "nn/nn.h"

typedef struct NtCard NtCard;
typedef struct NtPipeline NtPipeline;
typedef struct NtEmbedQueue NtEmbedQueue;

/* Nothing is started yet; `threads` is at least 1: so many photos are decoded and so many embedded at once. */
NtPipeline *nt_pipeline_new(const NtLimits *limits, unsigned threads);
/* Before its first job: its threads, and their helpers, take what others leave of the processor. They may wait for long
 * then, so what jobs do in them may hold no lock that others need. */
void nt_pipeline_be_patient(NtPipeline *pipeline);
/* Ends its threads as soon as their present photo is done, and frees; all queues must be gone. NULL is fine. */
void nt_pipeline_free(NtPipeline *pipeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPipeline, nt_pipeline_free)

/* The bytes of a photo file, of a path or an open descriptor, whose `name` is for messages. Errors: those of
 * nt_file_read; LIMIT names the limit. */
GBytes *nt_photo_read(const char *path, const NtLimits *limits, GError **error);
GBytes *nt_photo_read_fd(int fd, const char *name, const NtLimits *limits, GError **error);

/* A photo on its way, the first member of whatever the user of a queue wants to know about it. */
typedef struct NtEmbedJob NtEmbedJob;
struct NtEmbedJob {
    /* Filled in by the user. */
    const char *name; /* path or the like, for messages; must live as long as the job */
    /* Reads the encoded photo, in a thread of the pipeline. *out_bytes is new; where it stays NULL there is nothing to
     * embed after all, and the job comes back without a vector. */
    bool (*read)(NtEmbedJob *job, GBytes **out_bytes, GError **error);
    void (*free)(NtEmbedJob *job); /* all but `fault`, `vector` and `picture`, which nt_embed_job_free sees to */
    NtBox box;                     /* the part that is embedded; all zeros: the whole */
    unsigned side;                 /* not 0: no vector is wanted but `picture`, at most so many pixels wide and high */

    /* What became of it. */
    GError *fault;        /* NULL: it went well */
    bool ends_run;        /* the fault is not the photo's (there is no decode helper, say): others would have it too */
    NtImageHeader header; /* of the photo, when it was decoded; width and height upright */
    float *vector;        /* (card->dimension); NULL: failed, or nothing to embed */
    GBytes *picture;      /* a JPEG, upright and in sRGB, on white, without metadata; NULL: failed, or not wanted */
};
void nt_embed_job_free(NtEmbedJob *job); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtEmbedJob, nt_embed_job_free)

/* A queue for the model of this card (copied) and network (a reference is kept); both NULL for jobs that want pictures.
 * `bulk`: others go first. */
NtEmbedQueue *nt_embed_queue_new(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, bool bulk);
/* Drops it with all its jobs, without waiting for those under way. NULL is fine. */
void nt_embed_queue_free(NtEmbedQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtEmbedQueue, nt_embed_queue_free)
/* Takes a job, unless 256 wait already; false then. Errors come with the job. */
bool nt_embed_queue_offer(NtEmbedQueue *queue, NtEmbedJob *job);
/* The next job that is done, waiting up to `microseconds` for one; NULL when there is none by then. */
NtEmbedJob *nt_embed_queue_take(NtEmbedQueue *queue, int64_t microseconds);
/* Jobs offered that were not taken back. */
size_t nt_embed_queue_pending(const NtEmbedQueue *queue);

/* Embeds one encoded photo before all bulk work: out (card->dimension). `wait` (NULL: none) limits it; a photo under
 * way is then given up, not waited for. Errors: CANCELLED, TIMEOUT; those of decoding and running; CORRUPT when the
 * network's answer is not finite. */
bool nt_pipeline_embed(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, GBytes *bytes, const char *name,
                       const NtWait *wait, float *out, GError **error);
/* The same of a part of it, which was checked. */
bool nt_pipeline_embed_part(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, GBytes *bytes,
                            const char *name, const NtBox *box, const NtWait *wait, float *out, GError **error);
/* One encoded photo as a small JPEG of at most side x side pixels (never enlarged), upright and in sRGB, transparency
 * laid on white, without metadata; new. Errors: CANCELLED, TIMEOUT, those of decoding. */
GBytes *nt_pipeline_thumbnail(NtPipeline *pipeline, GBytes *bytes, const char *name, unsigned side, const NtWait *wait,
                              GError **error);

#endif
