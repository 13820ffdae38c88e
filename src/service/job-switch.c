/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change of the model that is served, as a job. It runs beside the jobs that take lists, so that neither waits for
 * the other, and leaves half of the cores to those who search.
 */
#include "service/jobs-internal.h"

#include <string.h>

#include "service/service-internal.h"

typedef struct Switching {
    ApiJobs *jobs;
    Job *job;
    FILE *results;
} Switching;

static void on_progress(const NiteruProgress *progress, void *data) {
    const Switching *switching = data;
    fflush(switching->results);
    job_progress(switching->jobs, switching->job, progress);
}

/* A photo that could not be embedded; where it lies on this machine is for the command line only. */
static void on_failure(const NiteruFailure *failure, void *data) {
    const Switching *switching = data;
    if (job_is_local(switching->job)) {
        job_local_failure(failure, switching->results);
        return;
    }
    const char *code = "invalid", *field = NULL;
    unsigned status = api_photo_fault(failure->error, &code);
    status = status != 0 ? status : api_error_status(failure->error, &code, &field);
    g_autofree char *words = api_photo_words(failure->message);
    g_autoptr(NtJson) result = nt_json_set(nt_json_object(), "product", nt_json_string(failure->product));
    nt_json_set(result, "status", nt_json_integer(status < 500 ? status : 422));
    nt_json_set(result, "code", nt_json_string(code));
    nt_json_set(result, "detail", nt_json_string(words));
    g_autofree char *text = nt_json_print(result, false);
    fprintf(switching->results, "%s\n", text);
}

bool job_run_switch(ApiJobs *jobs, Job *job, FILE *results, GError **error) {
    const NtJson *settings = job->settings;
    const char *name = nt_json_text(nt_json_get(settings, "switch"), "");
    Switching switching = {jobs, job, results};
    NiteruSwitchReport report = {.size = sizeof report};
    g_autofree char *comparison = NULL;
    g_autoptr(GError) fault = NULL;
    const NiteruSwitchOptions options = {
        .size = sizeof options,
        .prepare = nt_json_truth(nt_json_get(settings, "prepare"), false),
        .leave_out = nt_json_truth(nt_json_get(settings, "leave_out"), false),
        .label = nt_json_text(nt_json_get(settings, "label"), NULL),
        .rate = nt_json_number(nt_json_get(settings, "rate"), 0),
        .at_once = MAX(1, nt_cores() / 2),
        .allow_private = jobs->service->config->allow_private ||
                         (job_is_local(job) && nt_json_truth(nt_json_get(settings, "allow_private"), false)),
        .host_connections = (unsigned)nt_json_int(nt_json_get(settings, "host_connections"), 0),
        .progress = on_progress,
        .failure = on_failure,
        .data = &switching};
    bool ok = niteru_model_switch(jobs->catalogue, *name != '\0' ? name : NULL, &options, job->cancel, &report,
                                  &comparison, &fault);
    g_mutex_lock(&jobs->lock);
    job->report.embedded = report.embedded;
    job->report.failed = report.failed;
    g_clear_pointer(&job->comparison, nt_json_free);
    job->comparison =
        comparison != NULL ? nt_json_parse(comparison, strlen(comparison), "comparison", NULL, NULL) : NULL;
    g_mutex_unlock(&jobs->lock);
    if (!ok && !job_is_local(job)) { /* the first photo's path may be in it */
        char *colon = strstr(fault->message, "; the first: ");
        g_autofree char *words = colon != NULL ? api_photo_words(colon + strlen("; the first: ")) : NULL;
        g_autofree char *before = colon != NULL ? g_strndup(fault->message, (gsize)(colon - fault->message)) : NULL;
        return nt_fail(error, (NiteruError)fault->code, "%s%s%s", before != NULL ? before : fault->message,
                       words != NULL ? "; the first: " : "", words != NULL ? words : "");
    }
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return ok;
}

/* ---- what is asked ---- */

void job_begin(ApiCall *call, NtJson *taken) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) settings = taken;
    if (call->access == API_LOCAL) {
        nt_json_set(settings, "local", nt_json_bool(true));
    }
    g_autofree char *id = api_jobs_create(call->service->jobs, settings, &error);
    if (id != NULL && api_jobs_start(call->service->jobs, id, &error)) {
        NtJson *job = api_jobs_show(call->service->jobs, id, call->access == API_LOCAL, &error);
        g_autofree char *address = g_strdup_printf("/v1/jobs/%s", id);
        if (job != NULL) {
            api_answer_location(call, address);
            api_answer(call, 202, job);
            return;
        }
    }
    if (g_error_matches(error, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        api_problem(call, 429, "too-many-jobs", NULL, "%s", error->message);
    } else if (g_error_matches(error, NITERU_ERROR, NITERU_ERROR_BUSY)) {
        api_problem(call, 409, "job-state", NULL, "%s", error->message);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

static bool copy_member(const char *key, NtJson *value, void *data) {
    nt_json_set(data, key, nt_json_ref(value));
    return true;
}

void api_run_model_switch(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *model =
        niteru_model_json(call->service->catalogue, call->pieces[0], 0, nt_http_cancellable(call->request), &error);
    if (model == NULL) {
        api_fail(call, g_steal_pointer(&error));
        return;
    }
    NtJson *settings = nt_json_object();
    nt_json_foreach(call->body, copy_member, settings);
    job_begin(call, nt_json_set(settings, "switch", nt_json_string(call->pieces[0])));
}

void api_run_model_back(ApiCall *call) {
    NtJson *settings = nt_json_object();
    nt_json_foreach(call->body, copy_member, settings);
    job_begin(call, nt_json_set(settings, "switch", nt_json_string("")));
}
