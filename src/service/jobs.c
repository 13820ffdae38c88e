/* SPDX-License-Identifier: Apache-2.0 */
#include "service/jobs-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "service/service-internal.h"
#include "state/state.h"

enum { MOST_UNFINISHED = 100, MOST_KEPT = 200, MOST_PHOTO_NAME = 1024 };

static Job *find(ApiJobs *jobs, const char *id, GError **error) {
    for (guint i = 0; i < jobs->jobs->len; i++) {
        Job *job = jobs->jobs->pdata[i];
        if (strcmp(job->id, id) == 0) {
            return job;
        }
    }
    g_autofree char *safe = nt_text_printable(id, 60);
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no job '%s'", safe);
    return NULL;
}

static gint by_age(gconstpointer a, gconstpointer b) {
    const Job *first = *(Job *const *)a, *second = *(Job *const *)b;
    return first->created != second->created ? (first->created < second->created ? -1 : 1)
                                             : strcmp(first->id, second->id);
}

static void load_all(ApiJobs *jobs) {
    g_autoptr(GDir) dir = g_dir_open(jobs->folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        Job *job = job_load(jobs, name);
        if (job != NULL) {
            g_ptr_array_add(jobs->jobs, job);
        }
    }
    g_ptr_array_sort(jobs->jobs, by_age);
}

/* ---- the thread ---- */

/* The next job of a lane to run, with a reference; NULL: stop. */
static Job *next(ApiJobs *jobs, JobLane lane) {
    g_mutex_lock(&jobs->lock);
    while (!jobs->stop) {
        for (guint i = 0; i < jobs->jobs->len; i++) {
            Job *job = jobs->jobs->pdata[i];
            if (job->state == JOB_QUEUED && job_lane(job) == lane) {
                job->state = JOB_RUNNING;
                g_atomic_int_inc(&job->refs);
                g_mutex_unlock(&jobs->lock);
                return job;
            }
        }
        g_cond_wait(&jobs->changed, &jobs->lock);
    }
    g_mutex_unlock(&jobs->lock);
    return NULL;
}

static void run_all(ApiJobs *jobs, JobLane lane) {
    for (Job *job; (job = next(jobs, lane)) != NULL; job_unref(job)) {
        g_autoptr(GError) error = NULL;
        bool ok = job_run(jobs, job, &error);
        api_visible_changed(jobs->service);
        g_mutex_lock(&jobs->lock);
        /* Stopped with the server: it goes on at the next start. */
        bool stopped = jobs->stop && g_error_matches(error, NITERU_ERROR, NITERU_ERROR_CANCELLED);
        job->state = ok ? JOB_DONE : stopped ? JOB_QUEUED : JOB_FAILED;
        job->finished = stopped ? 0 : g_get_real_time() / G_USEC_PER_SEC;
        g_free(job->message);
        job->message = ok || stopped ? NULL : g_strdup(error->message);
        job->error = ok || stopped || error->domain != NITERU_ERROR ? 0 : error->code;
        if (!job->removed) {
            job_save(job, NULL); /* at worst it is run once more */
        }
        g_mutex_unlock(&jobs->lock);
        if (!stopped) {
            api_audit_job(jobs->service, job->id, ok ? "done" : "failed", &job->report);
        }
    }
}

static void *run_lists(void *jobs) {
    run_all(jobs, JOB_LISTS);
    return NULL;
}

static void *run_models(void *jobs) {
    run_all(jobs, JOB_MODELS);
    return NULL;
}

ApiJobs *api_jobs_new(NtService *service, GError **error) {
    ApiJobs *jobs = g_new0(ApiJobs, 1);
    jobs->service = service;
    jobs->catalogue = service->catalogue;
    jobs->folder = g_build_filename(niteru_folder(jobs->catalogue), "jobs", NULL);
    jobs->jobs = g_ptr_array_new_with_free_func(job_unref);
    g_mutex_init(&jobs->lock);
    g_cond_init(&jobs->changed);
    load_all(jobs);
    jobs->threads[JOB_LISTS] = nt_thread_new("jobs", run_lists, jobs);
    jobs->threads[JOB_MODELS] = nt_thread_new("models", run_models, jobs);
    if (jobs->threads[JOB_LISTS] == NULL || jobs->threads[JOB_MODELS] == NULL) {
        nt_fail(error, NITERU_ERROR_FAILED, "no thread can be started for jobs");
        api_jobs_free(jobs);
        return NULL;
    }
    return jobs;
}

void api_jobs_free(ApiJobs *jobs) {
    if (jobs == NULL) {
        return;
    }
    g_mutex_lock(&jobs->lock);
    jobs->stop = true;
    for (guint i = 0; i < jobs->jobs->len; i++) {
        g_cancellable_cancel(((Job *)jobs->jobs->pdata[i])->cancel);
    }
    g_cond_broadcast(&jobs->changed);
    g_mutex_unlock(&jobs->lock);
    for (int i = 0; i < JOB_LANES; i++) {
        if (jobs->threads[i] != NULL) {
            g_thread_join(jobs->threads[i]);
        }
    }
    g_ptr_array_unref(jobs->jobs);
    g_free(jobs->folder);
    g_mutex_clear(&jobs->lock);
    g_cond_clear(&jobs->changed);
    g_free(jobs);
}

/* ---- what is asked ---- */

static bool is_finished(const Job *job) { return job->state == JOB_DONE || job->state == JOB_FAILED; }

/* Lets go of the oldest that are finished, so that there is room. Under the lock. */
static void forget_old(ApiJobs *jobs) {
    for (guint i = 0; i < jobs->jobs->len && jobs->jobs->len >= MOST_KEPT;) {
        Job *job = jobs->jobs->pdata[i];
        if (is_finished(job)) {
            job_folder_remove(job->folder);
            g_ptr_array_remove_index(jobs->jobs, i);
        } else {
            i++;
        }
    }
}

char *api_jobs_create(ApiJobs *jobs, const NtJson *settings, GError **error) {
    unsigned unfinished = 0;
    char *id = NULL;
    bool switches = nt_json_get(settings, "switch") != NULL, busy = false;
    g_mutex_lock(&jobs->lock);
    for (guint i = 0; i < jobs->jobs->len; i++) {
        const Job *job = jobs->jobs->pdata[i];
        unfinished += !is_finished(job);
        busy |= switches && !is_finished(job) && job_is_switch(job);
    }
    if (busy) {
        nt_fail(error, NITERU_ERROR_BUSY, "a change of model is under way; stop its job, or wait for it");
    } else if (unfinished >= MOST_UNFINISHED) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%d jobs are not done; remove some, or wait", MOST_UNFINISHED);
    } else {
        g_autofree char *name = g_strdup_printf("%08x%08x", g_random_int(), g_random_int());
        Job *job = job_new(jobs, name);
        g_autofree char *photos = job_file(job, "photos");
        job->settings = nt_json_ref((NtJson *)settings);
        job->created = g_get_real_time() / G_USEC_PER_SEC;
        forget_old(jobs);
        if (nt_folder_make(photos, error) && job_save(job, error)) {
            g_ptr_array_add(jobs->jobs, job);
            id = g_strdup(name);
        } else {
            job_folder_remove(job->folder);
            job_unref(job);
        }
    }
    g_mutex_unlock(&jobs->lock);
    return id;
}

/* What it shows beyond what it keeps. */
static NtJson *show(const Job *job, bool local) {
    NtJson *out = job_json(job);
    if (!local && job_is_local(job)) { /* what lies where on this machine is nobody's business */
        nt_json_set(out, "settings", nt_json_object());
        if (job->message != NULL) {
            nt_json_set(out, "message", nt_json_string("the command line that asked for it was told why"));
        }
    }
    const NiteruProgress *from = &job->progress;
    if (job->state == JOB_RUNNING) {
        NtJson *progress = nt_json_object();
        nt_json_set(progress, "done", nt_json_integer((int64_t)from->done));
        nt_json_set(progress, "total", nt_json_integer((int64_t)from->total));
        nt_json_set(progress, "embedded", nt_json_integer((int64_t)from->embedded));
        nt_json_set(progress, "failed", nt_json_integer((int64_t)from->failed));
        nt_json_set(progress, "rate", nt_json_real(from->rate));
        if (from->remaining >= 0) {
            nt_json_set(progress, "remaining_seconds", nt_json_real(from->remaining));
        }
        nt_json_set(out, "progress", progress);
    }
    return out;
}

NtJson *api_jobs_show(ApiJobs *jobs, const char *id, bool local, GError **error) {
    g_mutex_lock(&jobs->lock);
    const Job *job = find(jobs, id, error);
    NtJson *out = job != NULL ? show(job, local) : NULL;
    g_mutex_unlock(&jobs->lock);
    return out;
}

NtJson *api_jobs_list(ApiJobs *jobs, bool local) {
    NtJson *out = nt_json_array();
    g_mutex_lock(&jobs->lock);
    for (guint i = jobs->jobs->len; i > 0; i--) {
        nt_json_append(out, show(jobs->jobs->pdata[i - 1], local));
    }
    g_mutex_unlock(&jobs->lock);
    return out;
}

/* One that still takes uploads. Under the lock. */
static Job *find_open(ApiJobs *jobs, const char *id, GError **error) {
    Job *job = find(jobs, id, error);
    if (job != NULL && job->state != JOB_WAITING) {
        nt_fail(error, NITERU_ERROR_INVALID, "job %s was started already", job->id);
        return NULL;
    }
    return job;
}

int api_jobs_open_upload(ApiJobs *jobs, const char *id, char **out_path, GError **error) {
    int fd = -1;
    g_mutex_lock(&jobs->lock);
    Job *job = find_open(jobs, id, error);
    if (job != NULL) {
        g_autofree char *name = g_strdup_printf("upload-%u", job->uploads++);
        *out_path = job_file(job, name);
        fd = open(*out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0) {
            nt_fail_errno(error, errno, "%s", *out_path);
            g_clear_pointer(out_path, g_free);
        }
    }
    g_mutex_unlock(&jobs->lock);
    return fd;
}

bool api_jobs_take_list(ApiJobs *jobs, const char *id, const char *path, GError **error) {
    g_mutex_lock(&jobs->lock);
    Job *job = find_open(jobs, id, error);
    bool ok = false;
    if (job != NULL) {
        g_autofree char *list = job_file(job, "list");
        ok = (g_rename(path, list) == 0 || nt_fail_errno(error, errno, "%s", list)) && nt_sync_folder_of(list, error);
        job->has_list |= ok;
        ok = ok && job_save(job, error);
    }
    g_mutex_unlock(&jobs->lock);
    return ok;
}

/* Appends to the names of photos, durably and as a whole. */
static bool note_photo(const Job *job, const char *name, const char *hash, uint64_t bytes, GError **error) {
    g_autoptr(NtJson) json = nt_json_set(nt_json_object(), "name", nt_json_string(name));
    nt_json_set(json, "hash", nt_json_string(hash));
    nt_json_set(json, "bytes", nt_json_integer((int64_t)bytes));
    g_autofree char *text = nt_json_print(json, false), *line = g_strconcat(text, "\n", NULL);
    g_autofree char *path = job_file(job, "photos.jsonl");
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    off_t before = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    ssize_t written = before >= 0 ? write(fd, line, strlen(line)) : -1;
    bool ok = written == (ssize_t)strlen(line) && fdatasync(fd) == 0;
    int saved = written >= 0 && written < (ssize_t)strlen(line) ? ENOSPC : errno;
    if (!ok && before >= 0 && ftruncate(fd, before) != 0) { /* else the next name would be a part of this line */
        saved = errno;
    }
    if (fd >= 0) {
        close(fd);
    }
    return ok || nt_fail_errno(error, saved, "%s", path);
}

/* What was uploaded; NULL with an error, NOT_FOUND where the job was removed meanwhile. */
static GBytes *read_upload(ApiJobs *jobs, const char *id, const char *path, GError **error) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(GMappedFile) file = g_mapped_file_new(path, FALSE, &fault);
    if (file != NULL) {
        return g_mapped_file_get_bytes(file);
    }
    g_mutex_lock(&jobs->lock);
    if (find_open(jobs, id, error) != NULL) {
        nt_fail(error, NITERU_ERROR_IO, "%s", fault->message);
    }
    g_mutex_unlock(&jobs->lock);
    return NULL;
}

/* Whether the uploads with this one, instead of what had its name, are within what a job may have. */
static bool check_room(const Job *job, const char *name, uint64_t bytes, uint64_t most, GError **error) {
    const JobPhoto *before = g_hash_table_lookup(job->photos, name);
    return job->uploaded - (before != NULL ? before->bytes : 0) + bytes <= most ||
           nt_fail(error, NITERU_ERROR_LIMIT, "job %s has more bytes of photos than one may have", job->id);
}

bool api_jobs_take_photo(ApiJobs *jobs, const char *id, const char *path, const char *name, uint64_t most,
                         GError **error) {
    g_autoptr(GBytes) bytes = read_upload(jobs, id, path, error);
    if (bytes == NULL) {
        return false;
    }
    if (*name == '\0' || strlen(name) > MOST_PHOTO_NAME) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a photo's name has from 1 to %d bytes", MOST_PHOTO_NAME);
    }
    uint8_t hash[32];
    nt_sha256(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), hash);
    if (!nt_original_keep(jobs->catalogue, hash, bytes, error)) {
        return false;
    }
    g_autofree char *hex = nt_hex(hash, sizeof hash), *location = nt_original_location(hash);
    g_autofree char *original = nt_location_path(jobs->catalogue, location);
    g_mutex_lock(&jobs->lock);
    Job *job = find_open(jobs, id, error);
    bool ok = job != NULL && check_room(job, name, g_bytes_get_size(bytes), most, error);
    if (ok) {
        g_autofree char *further = g_build_filename(job->folder, "photos", hex, NULL);
        bool linked = link(original, further) == 0; /* where there are no links, it is to be shown within the hour */
        (void)linked;
        ok = note_photo(job, name, hex, g_bytes_get_size(bytes), error);
    }
    if (ok) {
        job_put_photo(job, name, hex, g_bytes_get_size(bytes));
    }
    g_mutex_unlock(&jobs->lock);
    g_unlink(path);
    return ok;
}

bool api_jobs_start(ApiJobs *jobs, const char *id, GError **error) {
    g_mutex_lock(&jobs->lock);
    Job *job = find_open(jobs, id, error);
    bool ok = job != NULL && (job->has_list || job_is_local(job) || job_lane(job) == JOB_MODELS ||
                              nt_fail(error, NITERU_ERROR_INVALID, "job %s has no list yet", job->id));
    if (ok) {
        job->state = JOB_QUEUED;
        job->started = g_get_real_time() / G_USEC_PER_SEC;
        ok = job_save(job, error);
        job->state = ok ? JOB_QUEUED : JOB_WAITING;
        g_cond_broadcast(&jobs->changed);
    }
    g_mutex_unlock(&jobs->lock);
    return ok;
}

bool api_jobs_stop(ApiJobs *jobs, const char *id, GError **error) {
    g_mutex_lock(&jobs->lock);
    Job *job = find(jobs, id, error);
    bool ok = job != NULL && (job->state == JOB_RUNNING || job->state == JOB_QUEUED ||
                              nt_fail(error, NITERU_ERROR_INVALID, "job %s is not running", job->id));
    if (ok) {
        g_cancellable_cancel(job->cancel);
    }
    if (ok && job->state == JOB_QUEUED) { /* it never begins, not after a restart either */
        job->state = JOB_FAILED;
        job->message = g_strdup("stopped before it began");
        job->error = NITERU_ERROR_CANCELLED;
        job->finished = g_get_real_time() / G_USEC_PER_SEC;
        ok = job_save(job, error);
    }
    g_mutex_unlock(&jobs->lock);
    return ok;
}

bool api_jobs_remove(ApiJobs *jobs, const char *id, GError **error) {
    g_mutex_lock(&jobs->lock);
    Job *job = find(jobs, id, error);
    bool ok = job != NULL;
    if (ok) {
        job->removed = true;
        g_cancellable_cancel(job->cancel);
        job_folder_remove(job->folder);
        g_ptr_array_remove(jobs->jobs, job);
    }
    g_mutex_unlock(&jobs->lock);
    return ok;
}

NtJson *api_jobs_results(ApiJobs *jobs, const char *id, uint64_t after, unsigned limit, bool failed, bool local,
                         GError **error) {
    g_mutex_lock(&jobs->lock);
    const Job *job = find(jobs, id, error);
    if (job != NULL && !local && (job_is_local(job) || job->damaged)) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "what became of job %s was told to the command line only", job->id);
        job = NULL;
    }
    g_autofree char *path = job != NULL ? job_file(job, "results.jsonl") : NULL;
    g_mutex_unlock(&jobs->lock);
    if (path == NULL) {
        return NULL;
    }
    NtJson *out = nt_json_object(), *results = nt_json_array();
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    if (file != NULL && fseeko(file, (off_t)after, SEEK_SET) == 0) {
        while (nt_json_count(results) < limit && (size = getline(&line, &room, file)) > 0 && line[size - 1] == '\n') {
            NtJson *result = nt_json_parse(line, (size_t)size - 1, "results.jsonl", NULL, NULL);
            if (result == NULL || (failed && nt_json_int(nt_json_get(result, "status"), 0) < 400)) {
                nt_json_free(result);
            } else {
                nt_json_append(results, result);
            }
            after += (uint64_t)size;
        }
    }
    free(line);
    if (file != NULL) {
        fclose(file);
    }
    if (nt_json_count(results) == limit) {
        nt_json_set(out, "next", nt_json_integer((int64_t)after));
    }
    nt_json_set(out, "end", nt_json_integer((int64_t)after));
    return nt_json_set(out, "results", results);
}
