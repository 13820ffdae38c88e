/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest: from photos to vectors: a source's products into the catalogue (ingest.c, ingest-source.c), photo files into
 * vectors on all cores (pipeline.c), vectors in and out as .npy (transfer.c). The public header has the contracts of
 * everything named niteru_.
 */
#ifndef NT_INGEST_H
#define NT_INGEST_H

#include "state/state.h"

/* ---- the pipeline from photo files to vectors (pipeline.c) ---- */

typedef struct NtPipeline NtPipeline;

/* A photo to be embedded. */
typedef struct NtJob {
    int64_t photo; /* its row */
    char *path;
    char *product; /* id, for messages */
    char *place;   /* "list.csv:17", for messages; NULL: of a folder */
} NtJob;

/* What became of it. */
typedef struct NtOutcome {
    NtJob job;
    GError *fault; /* set: it could not be used; the rest but `stamp` is empty */
    bool ends_run; /* the fault is not the photo's (there is no decoder, say): every other photo would have it too */
    NtStamp stamp; /* zeros: not known, or too fresh to be trusted */
    NtContent content;
    float *vector; /* (dimension), or NULL: the content has a vector already */
} NtOutcome;
void nt_outcome_free(NtOutcome *outcome);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtOutcome, nt_outcome_free)

/* Starts the threads: readers that decode, workers that run the network. */
NtPipeline *nt_pipeline_new(NiteruCatalogue *catalogue, NtModel *model, GError **error);
/* Takes a job (its texts too) unless the queue is full; false then. */
bool nt_pipeline_offer(NtPipeline *pipeline, NtJob *job);
/* From now on a content counts as known only when `maker` made its vector; before the first job. */
void nt_pipeline_only_of(NtPipeline *pipeline, int64_t maker);
/* The next outcome, waiting up to `microseconds` for one; NULL when there is none by then. */
NtOutcome *nt_pipeline_take(NtPipeline *pipeline, int64_t microseconds);
/* Jobs taken in that no outcome was given out for. */
size_t nt_pipeline_pending(NtPipeline *pipeline);
/* "3 photos were cut short and taken (--strict refuses such): A, B, C", new text, of those so far; NULL: none were.
 * *out_count is how many. */
char *nt_pipeline_note(NtPipeline *pipeline, uint64_t *out_count);
/* Stops the threads as soon as their present photo is done, and frees. */
void nt_pipeline_free(NtPipeline *pipeline);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtPipeline, nt_pipeline_free)

#endif
