/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by jobs.c, which keeps jobs, and job-run.c, which runs one. */
#ifndef NT_SERVICE_JOBS_INTERNAL_H
#define NT_SERVICE_JOBS_INTERNAL_H

#include <stdio.h>

#include "service/jobs.h"

typedef enum JobState { JOB_WAITING, JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_STATES } JobState;
extern const char *const job_states[JOB_STATES]; /* "waiting", ... */

typedef struct Job {
    gint refs;
    char id[24];
    char *folder;
    NtJson *settings;
    JobState state;
    gint64 created, started, finished; /* Unix seconds; 0: not yet */
    bool has_list;
    bool removed;
    uint64_t uploaded;        /* bytes */
    unsigned uploads;         /* numbers the files of those under way */
    GHashTable *photos;       /* name -> hexadecimal hash */
    NiteruIndexReport report; /* of the run, or so far */
    NiteruProgress progress;  /* while it runs */
    char *message;            /* why it failed; NULL: it did not */
    int error;                /* and its code (NiteruError) */
    GCancellable *cancel;
} Job;

struct ApiJobs {
    NiteruCatalogue *catalogue;
    char *folder;
    GThread *thread;
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
Job *job_load(const ApiJobs *jobs, const char *id); /* NULL: there is none */
/* Removes a folder with what is in it. */
void job_folder_remove(const char *folder);
/* Writes down the job's state. Under the lock. */
bool job_save(const Job *job, GError **error);
/* ---- job-run.c ---- */

/* Runs it, without the lock. False: it failed, with an error. (job-run.c) */
bool job_run(ApiJobs *jobs, Job *job, GError **error);
/* The same for a source on this machine, that the command line asked for. (job-local.c) */
bool job_run_local(ApiJobs *jobs, Job *job, FILE *results, GError **error);

#endif
