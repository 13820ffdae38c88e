/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   offer ──► jobs ──► readers ────────► inputs ──► runners ──► done ──► take
 *             bounded  read, decode in    bounded    network     of each
 *             by queue a helper, make                            queue
 *                      ready
 *
 * There are as many readers as runners, one of each per core: a reader mostly waits for its decode helper, which is a
 * process of its own, so together they keep every core busy whichever of decoding and network takes longer. A reader
 * begins a bulk job only while there is room for its input, and so is always there for a single photo soon. A static
 * split (half the cores decode, half run the network) was rejected: the ratio of the two differs by a factor of ten
 * between networks. Batches were, too: a runner puts one photo at a time through the network, which is fastest.
 *
 * One lock guards the queues; it is held for pointer work only.
 */
#include "embed/pipeline-internal.h"

#include <sched.h>
#include <string.h>

enum { JOBS_WAITING = 256 /* of one queue */ };

/* ---- jobs and queues ---- */

void nt_embed_job_free(NtEmbedJob *job) {
    if (job != NULL) {
        g_clear_error(&job->fault);
        g_free(job->vector);
        g_clear_pointer(&job->picture, g_bytes_unref);
        job->free(job);
    }
}

static void queue_unref(NtEmbedQueue *queue) {
    if (g_atomic_int_dec_and_test(&queue->refs)) {
        g_queue_clear_full(&queue->done, (GDestroyNotify)nt_embed_job_free);
        g_cond_clear(&queue->changed);
        nt_card_free(queue->card);
        g_clear_pointer(&queue->network, nt_network_unref);
        g_free(queue);
    }
}

void pipeline_task_free(void *data) {
    Task *task = data;
    nt_embed_job_free(task->job);
    g_clear_pointer(&task->queue, queue_unref);
    nt_free(task->pixels);
    g_free(task);
}

NtEmbedQueue *nt_embed_queue_new(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, bool bulk) {
    NtEmbedQueue *queue = g_new0(NtEmbedQueue, 1);
    queue->refs = 1;
    queue->pipeline = pipeline;
    queue->card = card != NULL ? nt_card_copy(card) : NULL;
    queue->network = network != NULL ? nt_network_ref(network) : NULL;
    queue->kind = bulk ? BULK : SINGLE;
    g_cond_init(&queue->changed);
    return queue;
}

void nt_embed_queue_free(NtEmbedQueue *queue) {
    if (queue != NULL) {
        NtPipeline *pipeline = queue->pipeline;
        GQueue dropped = G_QUEUE_INIT;
        g_mutex_lock(&pipeline->lock);
        queue->abandoned = true;
        for (GList *at = pipeline->jobs[queue->kind].head, *next; at != NULL; at = next) {
            next = at->next;
            if (((Task *)at->data)->queue == queue) {
                g_queue_unlink(&pipeline->jobs[queue->kind], at);
                g_queue_push_tail_link(&dropped, at);
            }
        }
        g_mutex_unlock(&pipeline->lock);
        g_queue_clear_full(&dropped, pipeline_task_free);
        queue_unref(queue);
    }
}

void pipeline_no_thread(Task *task) {
    nt_fail(&task->job->fault, NITERU_ERROR_FAILED, "no thread can be started for decoding and embedding");
    task->job->ends_run = true;
}

/* Under the lock. */
static void finish(NtPipeline *pipeline, Task *task) {
    NtEmbedQueue *queue = task->queue;
    if (!queue->abandoned) {
        g_queue_push_tail(&queue->done, g_steal_pointer(&task->job));
        g_cond_signal(&queue->changed);
    }
    if (task->pixels != NULL) { /* the next photo's, most likely of the same size */
        Task *buffer = g_new(Task, 1);
        *buffer = (Task){.pixels = g_steal_pointer(&task->pixels), .floats = task->floats};
        g_queue_push_head(&pipeline->buffers, buffer);
    }
    pipeline_task_free(task);
}

void pipeline_finish(NtPipeline *pipeline, Task *task) {
    g_mutex_lock(&pipeline->lock);
    finish(pipeline, task);
    g_mutex_unlock(&pipeline->lock);
}

bool nt_embed_queue_offer(NtEmbedQueue *queue, NtEmbedJob *job) {
    NtPipeline *pipeline = queue->pipeline;
    g_mutex_lock(&pipeline->lock);
    bool room = queue->waiting < JOBS_WAITING;
    if (room) {
        Task *task = g_new(Task, 1);
        *task = (Task){.queue = queue, .job = job};
        g_atomic_int_inc(&queue->refs);
        g_queue_push_tail(&pipeline->jobs[queue->kind], task);
        queue->pending++;
        queue->waiting++;
        pipeline_need_reader(pipeline);
        g_cond_signal(&pipeline->work);
        if (pipeline->readers == 0) {
            g_queue_remove(&pipeline->jobs[queue->kind], task);
            queue->waiting--;
            pipeline_no_thread(task);
            finish(pipeline, task);
        }
    }
    g_mutex_unlock(&pipeline->lock);
    return room;
}

NtEmbedJob *nt_embed_queue_take(NtEmbedQueue *queue, int64_t microseconds) {
    NtPipeline *pipeline = queue->pipeline;
    int64_t until = g_get_monotonic_time() + microseconds;
    g_mutex_lock(&pipeline->lock);
    while (g_queue_is_empty(&queue->done) && queue->pending > 0 && microseconds > 0 &&
           g_cond_wait_until(&queue->changed, &pipeline->lock, until)) {
    }
    NtEmbedJob *job = g_queue_pop_head(&queue->done);
    queue->pending -= job != NULL;
    g_mutex_unlock(&pipeline->lock);
    return job;
}

size_t nt_embed_queue_pending(const NtEmbedQueue *queue) {
    g_mutex_lock(&queue->pipeline->lock);
    size_t pending = queue->pending;
    g_mutex_unlock(&queue->pipeline->lock);
    return pending;
}

/* ---- one photo ---- */

static GBytes *name_limit(GBytes *bytes, GError *fault, GError **error) {
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%s (limit photo-bytes)", fault->message);
        nt_fact(error, "limit", "photo-bytes");
        g_error_free(fault);
    } else if (fault != NULL) {
        g_propagate_error(error, fault);
    }
    return bytes;
}

GBytes *nt_photo_read(const char *path, const NtLimits *limits, GError **error) {
    GError *fault = NULL;
    GBytes *bytes = nt_file_read(path, limits->photo_bytes, &fault);
    return name_limit(bytes, fault, error);
}

GBytes *nt_photo_read_fd(int fd, const char *name, const NtLimits *limits, GError **error) {
    GError *fault = NULL;
    GBytes *bytes = nt_file_read_fd(fd, name, limits->photo_bytes, &fault);
    return name_limit(bytes, fault, error);
}

typedef struct SinglePhoto {
    NtEmbedJob job;
    GBytes *bytes;
    char *name;
} SinglePhoto;

static bool read_single(NtEmbedJob *job, GBytes **out_bytes, GError **error) {
    *out_bytes = g_bytes_ref(((SinglePhoto *)job)->bytes);
    return true;
}

static void free_single(NtEmbedJob *job) {
    SinglePhoto *single = (SinglePhoto *)job;
    g_bytes_unref(single->bytes);
    g_free(single->name);
    g_free(single);
}

static SinglePhoto *new_single(GBytes *bytes, const char *name) {
    SinglePhoto *single = g_new0(SinglePhoto, 1);
    single->bytes = g_bytes_ref(bytes);
    single->name = g_strdup(name);
    single->job.name = single->name;
    single->job.read = read_single;
    single->job.free = free_single;
    return single;
}

/* Does one job, and takes it; NULL where it failed. */
static NtEmbedJob *do_single(NtEmbedQueue *queue, SinglePhoto *single, const NtWait *wait, GError **error) {
    g_autoptr(NtEmbedJob) job = NULL;
    nt_embed_queue_offer(queue, &single->job);
    while (job == NULL) {
        int64_t patience = nt_wait_until(wait, G_TIME_SPAN_SECOND / 50) - g_get_monotonic_time();
        job = nt_embed_queue_take(queue, MAX(patience, 1));
        if (job == NULL && !nt_wait_check(wait, error)) {
            return NULL;
        }
    }
    if (job->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&job->fault));
        return NULL;
    }
    return g_steal_pointer(&job);
}

bool nt_pipeline_embed_part(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, GBytes *bytes,
                            const char *name, const NtBox *box, const NtWait *wait, float *out, GError **error) {
    if (!nt_wait_check(wait, error)) {
        return false;
    }
    SinglePhoto *single = new_single(bytes, name);
    single->job.box = *box;
    g_autoptr(NtEmbedQueue) queue = nt_embed_queue_new(pipeline, card, network, false);
    g_autoptr(NtEmbedJob) job = do_single(queue, single, wait, error);
    if (job != NULL) {
        memcpy(out, job->vector, card->dimension * sizeof *out);
    }
    return job != NULL;
}

bool nt_pipeline_embed(NtPipeline *pipeline, const NtCard *card, NtNetwork *network, GBytes *bytes, const char *name,
                       const NtWait *wait, float *out, GError **error) {
    return nt_pipeline_embed_part(pipeline, card, network, bytes, name, &(NtBox){0}, wait, out, error);
}

GBytes *nt_pipeline_thumbnail(NtPipeline *pipeline, GBytes *bytes, const char *name, unsigned side, const NtWait *wait,
                              GError **error) {
    if (!nt_wait_check(wait, error)) {
        return NULL;
    }
    SinglePhoto *single = new_single(bytes, name);
    single->job.side = side;
    g_autoptr(NtEmbedQueue) queue = nt_embed_queue_new(pipeline, NULL, NULL, false);
    g_autoptr(NtEmbedJob) job = do_single(queue, single, wait, error);
    return job != NULL ? g_steal_pointer(&job->picture) : NULL;
}

/* ---- life ---- */

NtPipeline *nt_pipeline_new(const NtLimits *limits, unsigned threads) {
    NtPipeline *pipeline = g_new0(NtPipeline, 1);
    pipeline->limits = *limits;
    pipeline->threads = MAX(threads, 1);
    g_mutex_init(&pipeline->lock);
    g_cond_init(&pipeline->work);
    g_cond_init(&pipeline->ready);
    pipeline->started = g_ptr_array_new();
    return pipeline;
}

void nt_pipeline_be_patient(NtPipeline *pipeline) { pipeline->patient = true; }

void pipeline_settle_thread(const NtPipeline *pipeline) {
    const struct sched_param none = {0};
    /* Of this thread alone, as Linux has it. Others then have the core as soon as they wake, where they would wait for
     * the end of a time slice (3 ms and more) if it were merely nice. Where it is not allowed, work goes on as usual.
     */
    bool settled = !pipeline->patient || sched_setscheduler(0, SCHED_IDLE, &none) == 0;
    (void)settled;
}

/* One thread more. Where none can be started, those that are there do the work. */
static void start(NtPipeline *pipeline, const char *name, GThreadFunc body, unsigned *count) {
    GThread *thread = pipeline->stopping ? NULL : nt_thread_new(name, body, pipeline);
    if (thread != NULL) {
        g_ptr_array_add(pipeline->started, thread);
        ++*count;
    }
}

void pipeline_need_reader(NtPipeline *pipeline) {
    if (pipeline->idle_readers == 0 && pipeline->readers < pipeline->threads) {
        start(pipeline, "nt-read", pipeline_read_photos, &pipeline->readers);
    }
}

void pipeline_need_runner(NtPipeline *pipeline) {
    if (pipeline->idle_runners == 0 && pipeline->runners < pipeline->threads) {
        start(pipeline, "nt-network", pipeline_run_network, &pipeline->runners);
    }
}

void nt_pipeline_free(NtPipeline *pipeline) {
    if (pipeline == NULL) {
        return;
    }
    g_mutex_lock(&pipeline->lock);
    pipeline->stopping = true;
    g_cond_broadcast(&pipeline->work);
    g_cond_broadcast(&pipeline->ready);
    g_mutex_unlock(&pipeline->lock);
    for (guint i = 0; i < pipeline->started->len; i++) {
        g_thread_join(g_ptr_array_index(pipeline->started, i));
    }
    g_ptr_array_unref(pipeline->started);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        g_queue_clear_full(&pipeline->jobs[kind], pipeline_task_free);
        g_queue_clear_full(&pipeline->inputs[kind], pipeline_task_free);
    }
    g_queue_clear_full(&pipeline->buffers, pipeline_task_free);
    g_cond_clear(&pipeline->work);
    g_cond_clear(&pipeline->ready);
    g_mutex_clear(&pipeline->lock);
    g_free(pipeline);
}
