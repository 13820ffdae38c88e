/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by jobs.c, which keeps jobs, and job-run.c, which runs one. */
#ifndef NT_SERVICE_JOBS_INTERNAL_H
#define NT_SERVICE_JOBS_INTERNAL_H

#include <stdio.h>

#include "service/jobs.h"

/* Jobs of one lane run one after the other, and beside those of the other: lists, and what has to do with models. */
typedef enum JobLane { JOB_LISTS, JOB_MODELS, JOB_LANES } JobLane;

typedef enum JobState { JOB_WAITING, JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_STATES } JobState;
extern const char *const job_states[JOB_STATES]; /* "waiting", ... */

/* A photo that was uploaded. */
typedef struct JobPhoto {
    char hash[65]; /* hexadecimal */
    uint64_t bytes;
} JobPhoto;

typedef struct ApiCall ApiCall;

typedef struct Job {
    gint refs;
    char id[24];
    char *folder;
    NtJson *settings;
    JobState state;
    gint64 created, started, finished; /* Unix seconds; 0: not yet */
    bool has_list;
    bool removed;
    bool damaged;             /* what was written down of it cannot be read */
    uint64_t uploaded;        /* bytes of its photos */
    unsigned uploads;         /* numbers the files of those under way */
    GHashTable *photos;       /* name -> JobPhoto */
    NiteruIndexReport report; /* of the run, or so far */
    NiteruProgress progress;  /* while it runs */
    char *message;            /* why it failed; NULL: it did not */
    int error;                /* and its code (NiteruError) */
    GCancellable *cancel;
    NtJson *comparison; /* of a change of model: what both answered; NULL: it did not come so far */
} Job;

struct ApiJobs {
    NtService *service;
    NiteruCatalogue *catalogue;
    char *folder;
    GThread *threads[JOB_LANES];
    GMutex lock; /* all below, and what is in jobs but their photos while they run */
    GCond changed;
    GPtrArray *jobs; /* Job, the oldest first */
    bool stop;
};

/* ---- job-store.c ---- */

Job *job_new(const ApiJobs *jobs, const char *id);
void job_unref(void *job);
char *job_file(const Job *job, const char *name); /* a path in its folder; new */
NtJson *job_json(const Job *job);
/* Whether the command line asked for it: what it tells has paths of this machine. */
static inline bool job_is_local(const Job *job) {
    return nt_json_get(job->settings, "path") != NULL || nt_json_truth(nt_json_get(job->settings, "local"), false);
}
static inline bool job_is_switch(const Job *job) { return nt_json_get(job->settings, "switch") != NULL; }
static inline JobLane job_lane(const Job *job) {
    return job_is_switch(job) || nt_json_get(job->settings, "pull") != NULL ? JOB_MODELS : JOB_LISTS;
}
/* Of a folder of this name; one whose job.json is damaged has failed. NULL: no job's folder. What was left of a job
 * that was being made, or removed, goes. */
Job *job_load(const ApiJobs *jobs, const char *id);
/* Keeps a photo under a name, instead of what had it before. Under the lock. */
void job_put_photo(Job *job, const char *name, const char *hash, uint64_t bytes);
/* Removes a folder with what is in it. */
void job_folder_remove(const char *folder);
/* Writes down the job's state. Under the lock. */
bool job_save(const Job *job, GError **error);
/* ---- job-run.c ---- */

/* Runs it, without the lock. False: it failed, with an error. (job-run.c) */
bool job_run(ApiJobs *jobs, Job *job, GError **error);
/* How its settings want it done; *out_map and *out_types, new, hold what the options point at. */
NiteruIndexOptions job_options(const Job *job, const char ***out_map, const char ***out_types);
/* Takes down how far it is. */
void job_progress(ApiJobs *jobs, Job *job, const NiteruProgress *progress);
/* The same for a source on this machine, that the command line asked for. (job-local.c) */
bool job_run_local(ApiJobs *jobs, Job *job, FILE *results, GError **error);
/* Writes a failure for the command line. */
void job_local_failure(const NiteruFailure *failure, FILE *results);
/* Makes a job that needs no upload, starts it, and answers with it. Takes the settings. (job-switch.c) */
void job_begin(ApiCall *call, NtJson *settings);
/* A network that is had by name. (job-pull.c) */
bool job_run_pull(ApiJobs *jobs, Job *job, GError **error);
/* A change of model. (job-switch.c) */
bool job_run_switch(ApiJobs *jobs, Job *job, FILE *results, GError **error);

#endif
