/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the pipeline only: pipeline.c has its queues and its life, pipeline-threads.c the work. */
#ifndef NT_EMBED_PIPELINE_INTERNAL_H
#define NT_EMBED_PIPELINE_INTERNAL_H

#include "embed/embed.h"

enum { SINGLE, BULK, KINDS };

/* A job inside the pipeline. */
typedef struct Task {
    NtEmbedQueue *queue; /* a reference */
    NtEmbedJob *job;
    float *pixels; /* (3, H, W), once decoded */
    size_t floats; /* that `pixels` has room for */
} Task;

struct NtEmbedQueue {
    gint refs; /* the user's, and one for each of its tasks */
    NtPipeline *pipeline;
    NtCard *card;
    NtNetwork *network;
    unsigned kind;
    /* Under the pipeline's lock. */
    GCond changed;  /* something is done */
    GQueue done;    /* NtEmbedJob */
    size_t pending; /* offered, and not taken back */
    size_t waiting; /* of them, not begun */
    bool abandoned; /* by its user: what is left of it is dropped */
};

struct NtPipeline {
    NtLimits limits;
    unsigned threads;
    bool patient;

    GMutex lock; /* all below */
    GCond work;  /* a reader may find something to do */
    GCond ready; /* a runner may */
    GQueue jobs[KINDS];
    GQueue inputs[KINDS];
    GQueue buffers;   /* Task without queue and job: pixels to be used again */
    unsigned reading; /* jobs being read and decoded, */
    unsigned reading_bulk;
    unsigned running; /* and inputs being run */
    unsigned idle_readers, idle_runners;
    bool has_first, first_idle; /* the first runner, the one that has all cores when nothing else is going on */
    unsigned readers, runners;
    GPtrArray *started; /* GThread */
    bool stopping;
};

void pipeline_task_free(void *task);
/* Gives a task's job back to its user. Takes the task; the lock must not be held. */
void pipeline_finish(NtPipeline *pipeline, Task *task);
/* Its fault when there is no thread to do it. */
void pipeline_no_thread(Task *task);
/* Starts a reader or a runner where none is idle and not all are there yet. Under the lock. */
void pipeline_need_reader(NtPipeline *pipeline);
void pipeline_need_runner(NtPipeline *pipeline);

/* Makes the calling thread, and what it starts, as patient as its pipeline is. */
void pipeline_settle_thread(const NtPipeline *pipeline);

/* pipeline-threads.c: bodies of threads; `data` is the pipeline. */
void *pipeline_read_photos(void *data);
void *pipeline_run_network(void *data);

#endif
