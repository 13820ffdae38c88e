/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do what a loop must not wait for, with a queue that has an end. */
#include "service/service-internal.h"

typedef struct Job {
    void (*run)(void *data);
    void *data;
} Job;

struct ApiWorkers {
    GPtrArray *threads;
    unsigned most;
    GMutex lock; /* the three below */
    GCond changed;
    GQueue queue; /* Job */
    bool stop;
};

static Job *next(ApiWorkers *workers) {
    g_mutex_lock(&workers->lock);
    while (workers->queue.length == 0 && !workers->stop) {
        g_cond_wait(&workers->changed, &workers->lock);
    }
    Job *job = g_queue_pop_head(&workers->queue);
    g_mutex_unlock(&workers->lock);
    return job;
}

static void *work(void *data) {
    for (Job *job; (job = next(data)) != NULL; g_free(job)) {
        job->run(job->data);
    }
    return NULL;
}

ApiWorkers *api_workers_new(const char *name, unsigned threads, unsigned queue) {
    ApiWorkers *workers = g_new0(ApiWorkers, 1);
    workers->most = queue;
    g_mutex_init(&workers->lock);
    g_cond_init(&workers->changed);
    g_queue_init(&workers->queue);
    workers->threads = g_ptr_array_new();
    for (unsigned i = 0; i < threads; i++) {
        GThread *thread = nt_thread_new(name, work, workers);
        if (thread != NULL) {
            g_ptr_array_add(workers->threads, thread);
        }
    }
    return workers;
}

bool api_workers_push(ApiWorkers *workers, void (*run)(void *data), void *data) {
    g_mutex_lock(&workers->lock);
    bool fits = workers->queue.length < workers->most && !workers->stop && workers->threads->len > 0;
    if (fits) {
        Job *job = g_new(Job, 1);
        *job = (Job){run, data};
        g_queue_push_tail(&workers->queue, job);
        g_cond_signal(&workers->changed);
    }
    g_mutex_unlock(&workers->lock);
    return fits;
}

unsigned api_workers_waiting(ApiWorkers *workers) {
    g_mutex_lock(&workers->lock);
    unsigned waiting = workers->queue.length;
    g_mutex_unlock(&workers->lock);
    return waiting;
}

void api_workers_free(ApiWorkers *workers) {
    if (workers == NULL) {
        return;
    }
    g_mutex_lock(&workers->lock);
    workers->stop = true;
    g_cond_broadcast(&workers->changed);
    g_mutex_unlock(&workers->lock);
    for (guint i = 0; i < workers->threads->len; i++) {
        g_thread_join(workers->threads->pdata[i]);
    }
    g_ptr_array_unref(workers->threads);
    g_mutex_clear(&workers->lock);
    g_cond_clear(&workers->changed);
    g_free(workers);
}
