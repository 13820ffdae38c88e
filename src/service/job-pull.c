/* SPDX-License-Identifier: Apache-2.0 */
/* A network that is had by name, as a job: fetched, verified, and added to the models. */
#include "service/jobs-internal.h"

#include <string.h>

#include "service/service-internal.h"
#include "zoo/zoo.h"

typedef struct Pulling {
    ApiJobs *jobs;
    Job *job;
} Pulling;

/* Of a network, in bytes. */
static void on_progress(uint64_t done, uint64_t total, void *data) {
    const Pulling *pulling = data;
    job_progress(pulling->jobs, pulling->job, &(NiteruProgress){.done = done, .total = total, .remaining = -1});
}

bool job_run_pull(ApiJobs *jobs, Job *job, GError **error) {
    const char *name = nt_json_text(nt_json_get(job->settings, "pull"), "");
    const NtZooNetwork *network = nt_zoo_find(name, error);
    Pulling pulling = {jobs, job};
    const NtZooPull pull = {.name = name, .progress = on_progress, .data = &pulling};
    const NtWait wait = {.cancellable = job->cancel};
    g_auto(NtZooFiles) files = {0};
    if (network == NULL || !nt_zoo_pull(network, &pull, &wait, &files, error)) {
        return false;
    }
    NiteruModelOptions model = {.size = sizeof model};
    nt_zoo_describe(network, &files, name, &model);
    return niteru_model_add(jobs->catalogue, files.network, &model, job->cancel, NULL, error);
}

/* ---- what is asked ---- */

void api_run_networks(ApiCall *call) {
    g_autofree char *text = nt_zoo_networks_json();
    NtJson *networks = nt_json_parse(text, strlen(text), "networks", NULL, NULL);
    api_answer(call, 200, nt_json_set(nt_json_object(), "networks", networks));
}

void api_run_network_pull(ApiCall *call) {
    const char *name = call->pieces[0];
    const NtZooNetwork *network = nt_zoo_find(name, NULL);
    g_autofree char *there = niteru_model_json(call->service->catalogue, name, 0, NULL, NULL);
    if (network == NULL) {
        api_problem(call, 404, "not-found", "network", "there is no network of this name; GET /v1/networks lists them");
    } else if (there != NULL) {
        api_problem(call, 409, "job-state", "network", "there is a model of this name already");
    } else {
        job_begin(call, nt_json_set(nt_json_object(), "pull", nt_json_string(name)));
    }
}
