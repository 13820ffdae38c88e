/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that do what a loop must not wait for, with a queue that has an end. */
#include "service/service-internal.h"

typedef struct Job {
    void (*run)(void *data);
    void *data;
    char *who; /* NULL: nobody */
} Job;

struct ApiWorkers {
    GPtrArray *threads;
    unsigned most;
    GMutex lock; /* the four below */
    GCond changed;
    GQueue queue;        /* Job */
    GHashTable *waiting; /* who -> how many of the queue; of those who have any */
    bool stop;
};

/* How many of the queue somebody has, after a change; under the lock. */
static guint count(ApiWorkers *workers, const char *who, int change) {
    if (who == NULL) {
        return 0;
    }
    guint now = GPOINTER_TO_UINT(g_hash_table_lookup(workers->waiting, who)) + (guint)change;
    if (now == 0) {
        g_hash_table_remove(workers->waiting, who);
    } else if (change != 0) {
        g_hash_table_insert(workers->waiting, g_strdup(who), GUINT_TO_POINTER(now));
    }
    return now;
}

static Job *next(ApiWorkers *workers) {
    g_mutex_lock(&workers->lock);
    while (workers->queue.length == 0 && !workers->stop) {
        g_cond_wait(&workers->changed, &workers->lock);
    }
    Job *job = g_queue_pop_head(&workers->queue);
    if (job != NULL) {
        count(workers, job->who, -1);
    }
    g_mutex_unlock(&workers->lock);
    return job;
}

static void free_job(Job *job) {
    g_free(job->who);
    g_free(job);
}

static void *work(void *data) {
    for (Job *job; (job = next(data)) != NULL; free_job(job)) {
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
    workers->waiting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    workers->threads = g_ptr_array_new();
    for (unsigned i = 0; i < threads; i++) {
        GThread *thread = nt_thread_new(name, work, workers);
        if (thread != NULL) {
            g_ptr_array_add(workers->threads, thread);
        }
    }
    return workers;
}

bool api_workers_push(ApiWorkers *workers, const char *who, void (*run)(void *data), void *data) {
    g_mutex_lock(&workers->lock);
    bool fits = workers->queue.length < workers->most && !workers->stop && workers->threads->len > 0 &&
                count(workers, who, 0) < MAX(workers->most / 4, 1);
    if (fits) {
        Job *job = g_new(Job, 1);
        *job = (Job){run, data, g_strdup(who)};
        count(workers, who, 1);
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
    g_hash_table_unref(workers->waiting);
    g_mutex_clear(&workers->lock);
    g_cond_clear(&workers->changed);
    g_free(workers);
}
