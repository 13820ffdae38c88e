/* SPDX-License-Identifier: Apache-2.0 */
/* A job, and its folder. */
#include "service/jobs-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

const char *const job_states[JOB_STATES] = {"waiting", "queued", "running", "done", "failed"};

void job_unref(void *data) {
    Job *job = data;
    if (g_atomic_int_dec_and_test(&job->refs)) {
        g_free(job->folder);
        nt_json_free(job->settings);
        g_hash_table_unref(job->photos);
        g_free(job->message);
        g_object_unref(job->cancel);
        g_free(job);
    }
}

Job *job_new(const ApiJobs *jobs, const char *id) {
    Job *job = g_new0(Job, 1);
    job->refs = 1;
    g_strlcpy(job->id, id, sizeof job->id);
    job->folder = g_build_filename(jobs->folder, id, NULL);
    job->photos = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    job->progress.remaining = -1;
    job->cancel = g_cancellable_new();
    return job;
}

char *job_file(const Job *job, const char *name) { return g_build_filename(job->folder, name, NULL); }

/* ---- on disk ---- */

static NtJson *counts_json(const NiteruIndexReport *report) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "products", nt_json_integer((int64_t)report->products));
    nt_json_set(out, "added", nt_json_integer((int64_t)report->added));
    nt_json_set(out, "removed", nt_json_integer((int64_t)report->removed));
    nt_json_set(out, "photos", nt_json_integer((int64_t)report->photos));
    nt_json_set(out, "embedded", nt_json_integer((int64_t)report->embedded));
    nt_json_set(out, "failed", nt_json_integer((int64_t)report->failed));
    nt_json_set(out, "reused", nt_json_integer((int64_t)report->reused));
    nt_json_set(out, "identical", nt_json_integer((int64_t)report->identical));
    nt_json_set(out, "cut_short", nt_json_integer((int64_t)report->cut_short));
    nt_json_set(out, "not_photos", nt_json_integer((int64_t)report->others));
    nt_json_set(out, "hidden", nt_json_integer((int64_t)report->hidden));
    nt_json_set(out, "seconds", nt_json_real(report->seconds));
    nt_json_set(out, "embed_seconds", nt_json_real(report->embed_seconds));
    return nt_json_set(out, "values_left_out", nt_json_integer((int64_t)report->values));
}

static void read_counts(const NtJson *from, NiteruIndexReport *out) {
    out->products = (uint64_t)nt_json_int(nt_json_get(from, "products"), 0);
    out->added = (uint64_t)nt_json_int(nt_json_get(from, "added"), 0);
    out->removed = (uint64_t)nt_json_int(nt_json_get(from, "removed"), 0);
    out->photos = (uint64_t)nt_json_int(nt_json_get(from, "photos"), 0);
    out->embedded = (uint64_t)nt_json_int(nt_json_get(from, "embedded"), 0);
    out->failed = (uint64_t)nt_json_int(nt_json_get(from, "failed"), 0);
    out->values = (uint64_t)nt_json_int(nt_json_get(from, "values_left_out"), 0);
}

NtJson *job_json(const Job *job) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "job", nt_json_string(job->id));
    nt_json_set(out, "state", nt_json_string(job_states[job->state]));
    nt_json_set(out, "settings", nt_json_ref(job->settings));
    const struct {
        const char *name;
        gint64 time;
    } times[] = {{"created", job->created}, {"started", job->started}, {"finished", job->finished}};
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++) {
        g_autoptr(GDateTime) time = times[i].time > 0 ? g_date_time_new_from_unix_utc(times[i].time) : NULL;
        g_autofree char *text = time != NULL ? g_date_time_format_iso8601(time) : NULL;
        if (text != NULL) {
            nt_json_set(out, times[i].name, nt_json_string(text));
        }
    }
    nt_json_set(out, "list", nt_json_bool(job->has_list));
    nt_json_set(out, "uploaded_photos", nt_json_integer(g_hash_table_size(job->photos)));
    nt_json_set(out, "uploaded_bytes", nt_json_integer((int64_t)job->uploaded));
    nt_json_set(out, "counts", counts_json(&job->report));
    if (job->message != NULL) {
        nt_json_set(out, "message", nt_json_string(job->message));
        nt_json_set(out, "error", nt_json_integer(job->error));
    }
    return out;
}

bool job_save(const Job *job, GError **error) {
    g_autoptr(NtJson) json = job_json(job);
    g_autofree char *text = nt_json_print(json, true), *path = job_file(job, "job.json");
    return nt_file_write(path, text, strlen(text), error);
}

static gint64 read_time(const NtJson *json, const char *name) {
    const char *text = nt_json_text(nt_json_get(json, name), NULL);
    g_autoptr(GDateTime) time = text != NULL ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    return time != NULL ? g_date_time_to_unix(time) : 0;
}

/* The names of photos that were uploaded; a last line that was cut by a crash is no line. */
static void read_photos(Job *job) {
    g_autofree char *path = job_file(job, "photos.jsonl"), *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_autoptr(NtJson) line = nt_json_parse(lines[i], strlen(lines[i]), "photos.jsonl", NULL, NULL);
        const char *name = nt_json_text(nt_json_get(line, "name"), NULL);
        const char *hash = nt_json_text(nt_json_get(line, "hash"), NULL);
        if (name != NULL && hash != NULL) {
            g_hash_table_insert(job->photos, g_strdup(name), g_strdup(hash));
        }
    }
}

Job *job_load(const ApiJobs *jobs, const char *id) {
    g_autofree char *path = g_build_filename(jobs->folder, id, "job.json", NULL), *text = NULL;
    gsize size;
    g_autoptr(NtJson) json = strlen(id) < sizeof(((Job *)NULL)->id) && g_file_get_contents(path, &text, &size, NULL)
                                 ? nt_json_parse(text, size, path, NULL, NULL)
                                 : NULL;
    if (json == NULL) {
        return NULL;
    }
    Job *job = job_new(jobs, id);
    const char *state = nt_json_text(nt_json_get(json, "state"), "");
    for (int i = 0; i < JOB_STATES; i++) {
        job->state = strcmp(job_states[i], state) == 0 ? (JobState)i : job->state;
    }
    job->state = job->state == JOB_RUNNING ? JOB_QUEUED : job->state;
    NtJson *settings = nt_json_get(json, "settings");
    job->settings = settings != NULL ? nt_json_ref(settings) : nt_json_object();
    job->created = read_time(json, "created");
    job->started = read_time(json, "started");
    job->finished = read_time(json, "finished");
    job->has_list = nt_json_truth(nt_json_get(json, "list"), false);
    job->message = g_strdup(nt_json_text(nt_json_get(json, "message"), NULL));
    job->uploaded = (uint64_t)nt_json_int(nt_json_get(json, "uploaded_bytes"), 0);
    read_counts(nt_json_get(json, "counts"), &job->report);
    read_photos(job);
    return job;
}

/* Removes a folder with what is in it, two levels deep. */
void job_folder_remove(const char *folder) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_unlink(path) != 0 && errno == EISDIR) {
            job_folder_remove(path);
        }
    }
    g_rmdir(folder);
}
