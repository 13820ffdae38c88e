/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Indexing for the command line on this machine, which asks by the socket in the catalogue: here the photos of visitors
 * go before the run's, one network is in memory and not two, and searches need not follow another process. What the run
 * tells goes into results.jsonl, from where the command line shows it.
 */
#include "service/jobs-internal.h"

#include <string.h>

#include "service/service-internal.h"

typedef struct Local {
    ApiJobs *jobs;
    Job *job;
    FILE *results;
} Local;

static void write_event(FILE *results, NtJson *event) {
    g_autofree char *text = nt_json_print(event, false);
    fprintf(results, "%s\n", text);
    fflush(results);
    nt_json_free(event);
}

void job_local_failure(const NiteruFailure *failure, FILE *results) {
    static const char *const facts[] = {"option", "value", "limit", "remedy"};
    NtJson *event = nt_json_set(nt_json_object(), "event", nt_json_string("failure"));
    nt_json_set(event, "place", nt_json_string(failure->place));
    nt_json_set(event, "product", nt_json_string(failure->product));
    nt_json_set(event, "photo", nt_json_string(failure->photo));
    nt_json_set(event, "message", nt_json_string(failure->message));
    nt_json_set(event, "error", nt_json_integer(failure->code));
    nt_json_set(event, "value_only", nt_json_bool(failure->value_only));
    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        const char *fact = failure->error != NULL ? niteru_error_fact(failure->error, facts[i]) : NULL;
        if (fact != NULL) {
            nt_json_set(event, facts[i], nt_json_string(fact));
        }
    }
    write_event(results, event);
}

static void on_failure(const NiteruFailure *failure, void *data) {
    job_local_failure(failure, ((const Local *)data)->results);
}

static void on_note(const char *text, void *data) {
    NtJson *event = nt_json_set(nt_json_object(), "event", nt_json_string("note"));
    write_event(((const Local *)data)->results, nt_json_set(event, "text", nt_json_string(text)));
}

static void on_progress(const NiteruProgress *progress, void *data) {
    const Local *local = data;
    job_progress(local->jobs, local->job, progress);
}

bool job_run_local(ApiJobs *jobs, Job *job, FILE *results, GError **error) {
    g_autofree const char **map = NULL, **types = NULL;
    Local local = {jobs, job, results};
    NiteruIndexOptions options = job_options(job, &map, &types);
    options.progress = on_progress;
    options.failure = on_failure;
    options.note = on_note;
    options.data = &local;
    return niteru_index(jobs->catalogue, nt_json_text(nt_json_get(job->settings, "path"), ""), &options, job->cancel,
                        &job->report, error);
}
