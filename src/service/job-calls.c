/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked about jobs. */
#include "service/service-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Answers with a job, or with why there is none. */
static void answer_job(ApiCall *call, unsigned status, const char *id) {
    g_autoptr(GError) error = NULL;
    NtJson *job = api_jobs_show(call->service->jobs, id, call->access == API_LOCAL, &error);
    if (job != NULL) {
        api_answer(call, status, job);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

/* An error of a job's state is a conflict, not a wrong request. */
static void fail_job(ApiCall *call, GError *error) {
    if (g_error_matches(error, NITERU_ERROR, NITERU_ERROR_INVALID)) {
        api_problem(call, 409, "job-state", NULL, "%s", error->message);
        g_error_free(error);
    } else {
        api_fail(call, error);
    }
}

void api_run_import(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    int64_t version;
    if (!api_read_version(call, call->body, NULL, &version)) {
        return;
    }
    g_autofree char *id = api_jobs_create(call->service->jobs, call->body, &error);
    if (id != NULL) {
        g_autofree char *address = g_strdup_printf("/v1/jobs/%s", id);
        api_answer_location(call, address);
        answer_job(call, 201, id);
    } else if (g_error_matches(error, NITERU_ERROR, NITERU_ERROR_LIMIT)) {
        api_problem(call, 429, "too-many-jobs", NULL, "%s", error->message);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_index(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    g_autofree char *id = api_jobs_create(call->service->jobs, call->body, &error);
    if (id != NULL && api_jobs_start(call->service->jobs, id, &error)) {
        answer_job(call, 202, id);
    } else { /* the command line may know what lies where */
        const char *code, *field;
        unsigned status = api_error_status(error, &code, &field);
        api_problem(call, status, code, NULL, "%s", error->message);
    }
}

void api_run_job_stop(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (api_jobs_stop(call->service->jobs, call->pieces[0], &error)) {
        answer_job(call, 202, call->pieces[0]);
    } else {
        fail_job(call, g_steal_pointer(&error));
    }
}

void api_run_jobs(ApiCall *call) {
    NtJson *jobs = api_jobs_list(call->service->jobs, call->access == API_LOCAL);
    api_answer(call, 200, nt_json_set(nt_json_object(), "jobs", jobs));
}

void api_run_job(ApiCall *call) { answer_job(call, 200, call->pieces[0]); }

void api_run_job_results(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    const NtJson *query = call->query;
    NtJson *results =
        api_jobs_results(call->service->jobs, call->pieces[0], (uint64_t)nt_json_int(nt_json_get(query, "after"), 0),
                         (unsigned)nt_json_int(nt_json_get(query, "limit"), 100),
                         nt_json_truth(nt_json_get(query, "failed"), false), call->access == API_LOCAL, &error);
    if (results != NULL) {
        api_answer(call, 200, results);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

void api_run_job_start(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (api_jobs_start(call->service->jobs, call->pieces[0], &error)) {
        answer_job(call, 202, call->pieces[0]);
    } else {
        fail_job(call, g_steal_pointer(&error));
    }
}

void api_run_job_delete(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (api_jobs_remove(call->service->jobs, call->pieces[0], &error)) {
        api_answer_nothing(call);
    } else {
        api_fail(call, g_steal_pointer(&error));
    }
}

/* ---- uploads ---- */

void api_accept_upload(ApiCall *call, uint64_t limit) {
    g_autoptr(GError) error = NULL;
    call->upload_fd = api_jobs_open_upload(call->service->jobs, call->pieces[0], &call->upload_path, &error);
    if (call->upload_fd < 0) {
        fail_job(call, g_steal_pointer(&error));
    } else { /* as long as it keeps its rate */
        nt_http_accept_body(call->request, limit, call->upload_fd, 24 * 3600 * 1000);
    }
}

void api_upload_clear(ApiCall *call) {
    if (call->upload_path != NULL) {
        close(call->upload_fd);
        g_unlink(call->upload_path); /* of a file without a name there is nothing to unlink */
        g_clear_pointer(&call->upload_path, g_free);
    }
}

static bool is_written(ApiCall *call) {
    if (lseek(call->upload_fd, 0, SEEK_END) == 0) {
        api_problem(call, 400, "missing-body", NULL, "nothing was sent");
        return false;
    }
    if (fdatasync(call->upload_fd) != 0) {
        api_problem(call, errno == ENOSPC ? 507 : 500, "not-stored", NULL, "the body could not be stored here");
        return false;
    }
    return true;
}

void api_run_job_list(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (!is_written(call)) {
        return;
    }
    if (api_jobs_take_list(call->service->jobs, call->pieces[0], call->upload_path, &error)) {
        answer_job(call, 200, call->pieces[0]);
    } else {
        fail_job(call, g_steal_pointer(&error));
    }
}

void api_run_job_photo(ApiCall *call) {
    g_autoptr(GError) error = NULL;
    if (!is_written(call)) {
        return;
    }
    if (api_jobs_take_photo(call->service->jobs, call->pieces[0], call->upload_path, call->pieces[1],
                            call->service->config->import_bytes, &error)) {
        answer_job(call, 200, call->pieces[0]);
    } else {
        fail_job(call, g_steal_pointer(&error));
    }
}
