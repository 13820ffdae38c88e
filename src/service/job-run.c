/* SPDX-License-Identifier: Apache-2.0 */
/* Running a job: its list goes through the same indexing as any, and what became of each row is written down. */
#include "service/jobs-internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ingest/ingest.h"
#include "service/service-internal.h"

typedef struct Run {
    ApiJobs *jobs;
    Job *job;
    FILE *results;
    GHashTable *by_basename; /* the last part of a photo's name -> its hash; "" where several have it */
    GHashTable *names;       /* hash -> one of the names that it was uploaded by */
    char *photos;            /* where originals lie: "CATALOGUE/photos/" */
    char *list;              /* path of the list */
} Run;

static const char *basename_of(const char *name) {
    const char *slash = strrchr(name, '/'), *backslash = strrchr(name, '\\');
    const char *last = slash > backslash ? slash : backslash;
    return last != NULL ? last + 1 : name;
}

static GHashTable *index_basenames(const Job *job) {
    GHashTable *out = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer name, photo;
    g_hash_table_iter_init(&iter, job->photos);
    while (g_hash_table_iter_next(&iter, &name, &photo)) {
        char *hash = ((JobPhoto *)photo)->hash;
        const char *last = basename_of(name), *other = g_hash_table_lookup(out, last);
        g_hash_table_insert(out, (char *)last, other == NULL || strcmp(other, hash) == 0 ? hash : (gpointer) "");
    }
    return out;
}

static GHashTable *index_names(const Job *job) {
    GHashTable *out = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    gpointer name, photo;
    g_hash_table_iter_init(&iter, job->photos);
    while (g_hash_table_iter_next(&iter, &name, &photo)) {
        g_hash_table_insert(out, ((JobPhoto *)photo)->hash, name);
    }
    return out;
}

/* The hash of the photo that the list calls `name`: what was uploaded under that name, or under another whose last part
 * is the same and nobody else's. */
static const char *hash_of(const Run *run, const char *name) {
    while (g_str_has_prefix(name, "./")) {
        name += 2;
    }
    const JobPhoto *photo = g_hash_table_lookup(run->job->photos, name);
    const char *hash = photo != NULL ? photo->hash : g_hash_table_lookup(run->by_basename, basename_of(name));
    return hash != NULL && *hash != '\0' ? hash : NULL;
}

static char *find_photo(const char *name, void *data, GError **error) {
    const Run *run = data;
    const char *hash = hash_of(run, name);
    if (hash == NULL) {
        g_autofree char *safe = nt_text_printable(name, 200);
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "photo '%s' was not uploaded to this job", safe);
        return NULL;
    }
    g_autofree char *first = g_strndup(hash, 2);
    char *path = g_build_filename(niteru_folder(run->jobs->catalogue), "photos", first, hash, NULL);
    if (access(path, F_OK) != 0) { /* a sweep took it meanwhile */
        g_autofree char *kept = g_build_filename(run->job->folder, "photos", hash, NULL);
        if (link(kept, path) != 0) {
            nt_fail_errno(error, errno, "photo '%s' is not kept any more: upload it again", name);
            g_clear_pointer(&path, g_free);
        }
    }
    return path;
}

/* ---- results ---- */

/* A message as it is for the one who sent the list: where the list and its photos lie here is nobody's business, so the
 * list is "list", and a photo has the name that it was uploaded by. New. */
static char *words_of(const Run *run, const char *message) {
    g_autoptr(GString) out = g_string_new(message);
    g_string_replace(out, run->list, "list", 0);
    for (char *at; (at = strstr(out->str, run->photos)) != NULL;) {
        gsize begin = (gsize)(at - out->str), size = strlen(run->photos) + strlen("ab/");
        g_autofree char *hash = out->len - begin >= size + 64 ? g_strndup(at + size, 64) : g_strdup("");
        const char *name = g_hash_table_lookup(run->names, hash);
        g_string_erase(out, (gssize)begin, (gssize)MIN(size + strlen(hash), out->len - begin));
        g_string_insert(out, (gssize)begin, name != NULL && strstr(name, run->photos) == NULL ? name : "a photo");
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

static void write_result(const Run *run, NtJson *result) {
    g_autofree char *text = nt_json_print(result, false);
    fprintf(run->results, "%s\n", text);
    nt_json_free(result);
}

/* What the list was taken for, where it was not said. */
static void on_kind(const char *kind, void *data) {
    const Run *run = data;
    g_mutex_lock(&run->jobs->lock);
    if (nt_json_get(run->job->settings, "format") == NULL) {
        nt_json_set(run->job->settings, "format", nt_json_string(kind));
    }
    g_mutex_unlock(&run->jobs->lock);
}

static void on_product(const char *id, uint64_t line, bool added, void *data) {
    api_visible_changed(((const Run *)data)->jobs->service);
    NtJson *result = nt_json_set(nt_json_object(), "product", nt_json_string(id));
    nt_json_set(result, "line", nt_json_integer((int64_t)line));
    write_result(data, nt_json_set(result, "status", nt_json_integer(added ? 201 : 200)));
}

/* "list:17" as the list's line. */
static int64_t line_of(const char *place) {
    const char *colon = place != NULL ? strrchr(place, ':') : NULL;
    return colon != NULL ? (int64_t)g_ascii_strtoull(colon + 1, NULL, 10) : 0;
}

static void on_failure(const NiteruFailure *failure, void *data) {
    NtJson *result = nt_json_object();
    const char *code = "invalid", *field = NULL;
    unsigned status = failure->photo != NULL ? api_photo_fault(failure->error, &code) : 0;
    status = status != 0 ? status : failure->error != NULL ? api_error_status(failure->error, &code, &field) : 400;
    /* The row stands before the message, and is told as its line. */
    const char *message = failure->message;
    if (failure->place != NULL && g_str_has_prefix(message, failure->place)) {
        message += strlen(failure->place) + (message[strlen(failure->place)] == ':');
        message += *message == ' ';
    }
    if (failure->product != NULL) {
        nt_json_set(result, "product", nt_json_string(failure->product));
    }
    nt_json_set(result, "line", nt_json_integer(line_of(failure->place)));
    nt_json_set(result, "status", nt_json_integer(failure->value_only ? 422 : status < 500 ? status : 422));
    nt_json_set(result, "code", nt_json_string(failure->value_only ? "value-left-out" : code));
    g_autofree char *words = words_of(data, message);
    write_result(data, nt_json_set(result, "detail", nt_json_string(words)));
}

void job_progress(ApiJobs *jobs, Job *job, const NiteruProgress *progress) {
    api_visible_changed(jobs->service); /* something was committed, perhaps */
    g_mutex_lock(&jobs->lock);
    job->progress = *progress;
    g_mutex_unlock(&jobs->lock);
}

static void on_progress(const NiteruProgress *progress, void *data) {
    const Run *run = data;
    fflush(run->results);
    job_progress(run->jobs, run->job, progress);
}

/* ---- the run ---- */

NiteruIndexOptions job_options(const Job *job, const char ***out_map, const char ***out_types) {
    const NtJson *settings = job->settings;
    *out_map = api_texts(nt_json_get(settings, "map"));
    *out_types = api_texts(nt_json_get(settings, "types"));
    return (NiteruIndexOptions){
        .size = sizeof(NiteruIndexOptions),
        .model = nt_json_text(nt_json_get(settings, "model"), NULL),
        .format = nt_json_text(nt_json_get(settings, "format"), NULL),
        .encoding = nt_json_text(nt_json_get(settings, "encoding"), NULL),
        .map = *out_map,
        .types = *out_types,
        .photos = nt_json_text(nt_json_get(settings, "photos"), NULL),
        .image_separator = nt_json_text(nt_json_get(settings, "image_separator"), NULL),
        .product_from_folder = nt_json_truth(nt_json_get(settings, "product_from_folder"), false),
        .prune = nt_json_truth(nt_json_get(settings, "prune"), false),
        .rehash = nt_json_truth(nt_json_get(settings, "rehash"), false),
        .allow_private = nt_json_truth(nt_json_get(settings, "allow_private"), false),
        .host_connections = (unsigned)nt_json_int(nt_json_get(settings, "host_connections"), 0),
        .version = nt_json_text(nt_json_get(settings, "version"), nt_json_text(nt_json_get(settings, "time"), NULL)),
        .version_from = nt_json_text(nt_json_get(settings, "version_from"), NULL),
        .only = nt_json_text(nt_json_get(settings, "if"), NULL),
    };
}

/* Takes the list that was uploaded. */
static bool run_upload(ApiJobs *jobs, Job *job, FILE *results, GError **error) {
    g_autofree char *list = job_file(job, "list");
    g_autofree char *photos = g_build_filename(niteru_folder(jobs->catalogue), "photos", "/", NULL);
    g_autofree const char **map = NULL, **types = NULL;
    g_autoptr(GHashTable) by_basename = index_basenames(job), names = index_names(job);
    g_autoptr(GError) fault = NULL;
    Run run = {jobs, job, results, by_basename, names, photos, list};
    NiteruIndexOptions options = job_options(job, &map, &types);
    options.allow_private = jobs->service->config->allow_private; /* whoever sends a list cannot say so */
    int64_t number = nt_json_int(nt_json_get(job->settings, "version"), 0);
    g_autofree char *version = number != 0 ? g_strdup_printf("%" G_GINT64_FORMAT, number) : NULL;
    options.version = version != NULL ? version : options.version;
    options.progress = on_progress;
    options.failure = on_failure;
    options.data = &run;
    const NtListUpload upload = {.source = nt_json_text(nt_json_get(job->settings, "source"), "upload"),
                                 .kind = on_kind,
                                 .find_photo = find_photo,
                                 .product = on_product,
                                 .data = &run};
    if (nt_index_upload(jobs->catalogue, list, &upload, &options, job->cancel, &job->report, &fault)) {
        return true;
    }
    const char *message = fault->message;
    if (g_str_has_prefix(message, list) && g_str_has_prefix(message + strlen(list), ": ")) {
        message += strlen(list) + strlen(": ");
    }
    g_autofree char *words = words_of(&run, message);
    return nt_fail(error, (NiteruError)fault->code, "%s", words);
}

bool job_run(ApiJobs *jobs, Job *job, GError **error) {
    g_autofree char *path = job_file(job, "results.jsonl");
    FILE *results = fopen(path, "we");
    if (results == NULL) {
        return nt_fail_errno(error, errno, "%s", path);
    }
    job->report = (NiteruIndexReport){.size = sizeof job->report};
    bool ok = job_is_switch(job)            ? job_run_switch(jobs, job, results, error)
              : job_lane(job) == JOB_MODELS ? job_run_pull(jobs, job, error)
              : job_is_local(job)           ? job_run_local(jobs, job, results, error)
                                            : run_upload(jobs, job, results, error);
    fclose(results);
    return ok;
}
