/* SPDX-License-Identifier: Apache-2.0 */
/* A job, and its folder. */
#include "service/jobs-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

const char *const job_states[JOB_STATES] = {"waiting", "queued", "running", "done", "failed"};

void job_unref(void *data) {
    Job *job = data;
    if (g_atomic_int_dec_and_test(&job->refs)) {
        g_free(job->folder);
        nt_json_free(job->settings);
        g_hash_table_unref(job->photos);
        g_free(job->message);
        g_object_unref(job->cancel);
        nt_json_free(job->comparison);
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

/* ---- what a run did ---- */

static const struct {
    const char *name;
    size_t offset;
} counts[] = {
#define COUNT(name, member)                                                                                            \
    { name, offsetof(NiteruIndexReport, member) }
    COUNT("products", products),       COUNT("added", added),         COUNT("removed", removed),
    COUNT("photos", photos),           COUNT("embedded", embedded),   COUNT("reused", reused),
    COUNT("identical", identical),     COUNT("cut_short", cut_short), COUNT("not_photos", others),
    COUNT("hidden", hidden),           COUNT("failed", failed),       COUNT("values_left_out", values),
    COUNT("fetched", fetched),         COUNT("unchanged", unchanged), COUNT("stale", stale),
    COUNT("passed_over", passed_over),
#undef COUNT
};

NtJson *nt_report_json(const NiteruIndexReport *report) {
    NtJson *out = nt_json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        nt_json_set(out, counts[i].name, nt_json_integer((int64_t)G_STRUCT_MEMBER(uint64_t, report, counts[i].offset)));
    }
    nt_json_set(out, "seconds", nt_json_real(report->seconds));
    return nt_json_set(out, "embed_seconds", nt_json_real(report->embed_seconds));
}

void nt_report_read(const NtJson *json, NiteruIndexReport *out) {
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        G_STRUCT_MEMBER(uint64_t, out, counts[i].offset) = (uint64_t)nt_json_int(nt_json_get(json, counts[i].name), 0);
    }
    out->seconds = nt_json_number(nt_json_get(json, "seconds"), 0);
    out->embed_seconds = nt_json_number(nt_json_get(json, "embed_seconds"), 0);
}

/* ---- on disk ---- */

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
    nt_json_set(out, "counts", nt_report_json(&job->report));
    if (job->comparison != NULL) {
        nt_json_set(out, "comparison", nt_json_ref(job->comparison));
    }
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

/* A photo by this hash has a name no more: the further name of its file goes with the last. */
static void drop_photo(const Job *job, const char *hash) {
    GHashTableIter iter;
    gpointer photo;
    g_hash_table_iter_init(&iter, job->photos);
    while (g_hash_table_iter_next(&iter, NULL, &photo)) {
        if (strcmp(((const JobPhoto *)photo)->hash, hash) == 0) {
            return;
        }
    }
    g_autofree char *path = g_build_filename(job->folder, "photos", hash, NULL);
    g_unlink(path);
}

void job_put_photo(Job *job, const char *name, const char *hash, uint64_t bytes) {
    JobPhoto *photo = g_new0(JobPhoto, 1);
    const JobPhoto *before = g_hash_table_lookup(job->photos, name);
    g_autofree char *old = before != NULL && strcmp(before->hash, hash) != 0 ? g_strdup(before->hash) : NULL;
    g_strlcpy(photo->hash, hash, sizeof photo->hash);
    photo->bytes = bytes;
    job->uploaded += bytes - (before != NULL ? before->bytes : 0);
    g_hash_table_insert(job->photos, g_strdup(name), photo);
    if (old != NULL) {
        drop_photo(job, old);
    }
}

/* Whether a text is so many hexadecimal digits: names of folders and files are made of such. */
static bool is_hex(const char *text, size_t digits) {
    return text != NULL && strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

/* The names of photos that were uploaded. A last line that was cut by a crash is no line, and goes, so that the next
 * one is not a part of it. */
static void read_photos(Job *job) {
    g_autofree char *path = job_file(job, "photos.jsonl"), *text = NULL;
    gsize size;
    if (!g_file_get_contents(path, &text, &size, NULL)) {
        return;
    }
    const char *end = strrchr(text, '\n');
    gsize whole = end != NULL ? (gsize)(end + 1 - text) : 0;
    if (whole < size && truncate(path, (off_t)whole) == 0) {
        text[whole] = '\0';
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (size_t i = 0; lines[i] != NULL; i++) {
        g_autoptr(NtJson) line = nt_json_parse(lines[i], strlen(lines[i]), "photos.jsonl", NULL, NULL);
        const char *name = nt_json_text(nt_json_get(line, "name"), NULL);
        const char *hash = nt_json_text(nt_json_get(line, "hash"), NULL);
        int64_t bytes = nt_json_int(nt_json_get(line, "bytes"), 0);
        if (name != NULL && is_hex(hash, 64) && bytes >= 0) {
            job_put_photo(job, name, hash, (uint64_t)bytes);
        }
    }
}

/* What job.json tells; NULL: it is damaged. */
static NtJson *read_json(const char *path, JobState *out_state) {
    g_autofree char *text = NULL;
    gsize size;
    g_autoptr(NtJson) json =
        g_file_get_contents(path, &text, &size, NULL) ? nt_json_parse(text, size, path, NULL, NULL) : NULL;
    const char *state = nt_json_text(nt_json_get(json, "state"), "");
    for (int i = 0; i < JOB_STATES; i++) {
        if (strcmp(job_states[i], state) == 0) {
            *out_state = (JobState)i;
            return g_steal_pointer(&json);
        }
    }
    return NULL;
}

static Job *load_damaged(Job *job, const char *path) {
    GStatBuf about;
    job->settings = nt_json_object();
    job->state = JOB_FAILED;
    job->damaged = true;
    job->created = job->finished = g_stat(path, &about) == 0 && about.st_mtime > 0 ? about.st_mtime : 1;
    job->error = NITERU_ERROR_CORRUPT;
    job->message = g_strdup("what was written down of this job is damaged: remove it, and make it again");
    return job;
}

Job *job_load(const ApiJobs *jobs, const char *id) {
    if (!is_hex(id, 16)) {
        return NULL;
    }
    Job *job = job_new(jobs, id);
    g_autofree char *path = job_file(job, "job.json");
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        job_folder_remove(job->folder);
        job_unref(job);
        return NULL;
    }
    g_autoptr(NtJson) json = read_json(path, &job->state);
    if (json == NULL) {
        return load_damaged(job, path);
    }
    job->state = job->state == JOB_RUNNING ? JOB_QUEUED : job->state;
    NtJson *settings = nt_json_get(json, "settings");
    job->settings = settings != NULL ? nt_json_ref(settings) : nt_json_object();
    job->created = read_time(json, "created");
    job->started = read_time(json, "started");
    job->finished = read_time(json, "finished");
    job->has_list = nt_json_truth(nt_json_get(json, "list"), false);
    job->message = g_strdup(nt_json_text(nt_json_get(json, "message"), NULL));
    job->error = (int)nt_json_int(nt_json_get(json, "error"), 0);
    nt_report_read(nt_json_get(json, "counts"), &job->report);
    NtJson *comparison = nt_json_get(json, "comparison");
    job->comparison = comparison != NULL ? nt_json_ref(comparison) : NULL;
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
