/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: lists of products that are uploaded with their photos and taken in the background, one after the other. What
 * is known of a job lies in a folder of its own below the catalogue's jobs/, so that it outlives the server:
 *
 *     job.json        settings and state
 *     list            the list, as it was uploaded
 *     photos.jsonl    {"name", "hash", "bytes"} a line, for each photo that was uploaded
 *     photos/HASH     a further name (hard link) of the original, so that no sweep takes it before it is shown
 *     results.jsonl   what became of each product and of what could not be used, a line each
 *
 * A job that runs when the server ends is run again from its beginning by the next: what it did already costs little.
 * What a job of the command line tells has paths of this machine in it, and is for the command line only.
 * Safe from any thread.
 */
#ifndef NT_SERVICE_JOBS_H
#define NT_SERVICE_JOBS_H

#include "service/service.h"

typedef struct ApiJobs ApiJobs;

/* Reads what jobs there are, and starts the thread that runs them. Without a folder there are none. The service must
 * outlive them. */
ApiJobs *api_jobs_new(NtService *service, GError **error);
/* Stops the one that runs, which goes on at the next start. NULL is fine. */
void api_jobs_free(ApiJobs *jobs);

/* Makes one with these settings (an object, as the schema of imports has it); its id, new. Errors: LIMIT (too many that
 * are not done). */
char *api_jobs_create(ApiJobs *jobs, const NtJson *settings, GError **error);
/* One, or all, as the API shows them (`local`: as the command line may see it); new. Errors: NOT_FOUND. */
NtJson *api_jobs_show(ApiJobs *jobs, const char *id, bool local, GError **error);
NtJson *api_jobs_list(ApiJobs *jobs, bool local);

/* A file in the job's folder that an upload is written into; -1 with an error: NOT_FOUND, INVALID (it was started).
 * *out_path, new, is to be given to one of the next two. */
int api_jobs_open_upload(ApiJobs *jobs, const char *id, char **out_path, GError **error);
/* It is the list. */
bool api_jobs_take_list(ApiJobs *jobs, const char *id, const char *path, GError **error);
/* It is the photo that the list calls `name`, instead of one that had this name; `most`: bytes that a job's uploads may
 * have together. Errors: those of opening, LIMIT. */
bool api_jobs_take_photo(ApiJobs *jobs, const char *id, const char *path, const char *name, uint64_t most,
                         GError **error);

/* Errors: NOT_FOUND, INVALID (there is no list; it was started before). */
bool api_jobs_start(ApiJobs *jobs, const char *id, GError **error);
/* Stops it if it runs, or when its turn comes; what was taken stays. Errors: NOT_FOUND, INVALID (it does not run). */
bool api_jobs_stop(ApiJobs *jobs, const char *id, GError **error);
/* Stops it if it runs, and forgets it with all its files. Products that were taken stay. Errors: NOT_FOUND. */
bool api_jobs_remove(ApiJobs *jobs, const char *id, GError **error);
/* Some results from the byte `after` on: {"results": [...], "next", "end"}; new. `failed`: only what could not be used.
 * Errors: NOT_FOUND (also: they are for the command line only). */
NtJson *api_jobs_results(ApiJobs *jobs, const char *id, uint64_t after, unsigned limit, bool failed, bool local,
                         GError **error);

#endif
