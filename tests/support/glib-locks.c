/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GLib's locks in terms of POSIX ones, for builds with the thread sanitizer only. GLib locks by futex inside a library
 * that is not instrumented, so the sanitizer would see no lock at all and call every guarded access a race. A program
 * that links this file uses these functions in GLib's place. Reference
 * counts and initialisations likewise.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include <glib.h>

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* A GMutex or GCond holds one pointer, NULL at first. */
static void *made(void **place, void *(*make)(void)) {
    void *there = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (there == NULL) {
        pthread_mutex_lock(&making);
        there = *place;
        if (there == NULL) {
            there = make();
            __atomic_store_n(place, there, __ATOMIC_RELEASE);
        }
        pthread_mutex_unlock(&making);
    }
    return there;
}

static void *make_mutex(void) {
    pthread_mutex_t *mutex = malloc(sizeof *mutex);
    pthread_mutex_init(mutex, NULL);
    return mutex;
}

static void *make_condition(void) {
    pthread_cond_t *condition = malloc(sizeof *condition);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    return condition;
}

static pthread_mutex_t *mutex_of(GMutex *mutex) { return made((void **)&mutex->p, make_mutex); }
static pthread_cond_t *condition_of(GCond *condition) { return made((void **)&condition->p, make_condition); }

void g_mutex_init(GMutex *mutex) { mutex->p = NULL; }
void g_mutex_lock(GMutex *mutex) { pthread_mutex_lock(mutex_of(mutex)); }
void g_mutex_unlock(GMutex *mutex) { pthread_mutex_unlock(mutex_of(mutex)); }
gboolean g_mutex_trylock(GMutex *mutex) { return pthread_mutex_trylock(mutex_of(mutex)) == 0; }

void g_mutex_clear(GMutex *mutex) {
    if (mutex->p != NULL) {
        pthread_mutex_destroy(mutex->p);
        free(mutex->p);
        mutex->p = NULL;
    }
}

void g_cond_init(GCond *condition) { condition->p = NULL; }
void g_cond_signal(GCond *condition) { pthread_cond_signal(condition_of(condition)); }
void g_cond_broadcast(GCond *condition) { pthread_cond_broadcast(condition_of(condition)); }
void g_cond_wait(GCond *condition, GMutex *mutex) { pthread_cond_wait(condition_of(condition), mutex_of(mutex)); }

gboolean g_cond_wait_until(GCond *condition, GMutex *mutex, gint64 until) {
    struct timespec when = {.tv_sec = until / G_USEC_PER_SEC, .tv_nsec = (until % G_USEC_PER_SEC) * 1000};
    return pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), &when) != ETIMEDOUT;
}

void g_cond_clear(GCond *condition) {
    if (condition->p != NULL) {
        pthread_cond_destroy(condition->p);
        free(condition->p);
        condition->p = NULL;
    }
}

/* One initialisation at a time, of whatever. */
static pthread_mutex_t once_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t once_changed = PTHREAD_COND_INITIALIZER;
static volatile void *once_under_way[64];

static volatile void **find_once(volatile void *location) {
    size_t i = 0;
    while (once_under_way[i] != location) {
        i++;
        g_assert(i < G_N_ELEMENTS(once_under_way));
    }
    return &once_under_way[i];
}

static bool is_under_way(volatile void *location) {
    size_t i = 0;
    while (i < G_N_ELEMENTS(once_under_way) && once_under_way[i] != location) {
        i++;
    }
    return i < G_N_ELEMENTS(once_under_way);
}

gboolean(g_once_init_enter)(volatile void *location) {
    pthread_mutex_lock(&once_lock);
    while (is_under_way(location)) {
        pthread_cond_wait(&once_changed, &once_lock);
    }
    bool first = __atomic_load_n((volatile gsize *)location, __ATOMIC_ACQUIRE) == 0;
    if (first) {
        *find_once(NULL) = location;
    }
    pthread_mutex_unlock(&once_lock);
    return first;
}

void(g_once_init_leave)(volatile void *location, gsize result) {
    pthread_mutex_lock(&once_lock);
    __atomic_store_n((volatile gsize *)location, result, __ATOMIC_RELEASE);
    *find_once(location) = NULL;
    pthread_cond_broadcast(&once_changed);
    pthread_mutex_unlock(&once_lock);
}

void(g_atomic_ref_count_inc)(gatomicrefcount *count) { __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST); }
gboolean(g_atomic_ref_count_dec)(gatomicrefcount *count) { return __atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST) == 0; }
