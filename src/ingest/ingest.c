/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru_index: a source's products into the catalogue, their photos into vectors.
 *
 * The caller's thread offers photos to the pipeline and gathers what comes back. Every half second or so, or when the
 * pipeline runs short of photos, it takes the turn to write: it lists some products, applies what it gathered, appends
 * and syncs the vectors, and commits; so that answers come while the rest is still on the way, others who write wait
 * for one such turn at most, a crash costs at most the last half second, and memory does not depend on the size of the
 * source.
 *
 * Going on after a stop needs no log: a photo that was dealt with has its file's stamp in the database, and one that
 * was not is listed again.
 */
#include "ingest/ingest-internal.h"

#include <string.h>

enum {
    COMMIT_ROWS = 256,                            /* vectors in one transaction */
    COMMIT_MICROSECONDS = G_TIME_SPAN_SECOND / 2, /* and how long they wait for it */
    LIST_MICROSECONDS = G_TIME_SPAN_SECOND / 10,  /* the longest listing within one */
    LIST_JOBS = 128,                              /* photos on their way, above which there is no need to list */
    PRUNE_AT_ONCE = 1024,                         /* products removed in one */
    KEEP_MILLISECONDS = 2000,                     /* at most, for the last transaction of a run that is stopped */
    PROGRESS_MICROSECONDS = G_TIME_SPAN_SECOND / 4,
    NAMES_TOLD = 5, /* photos whose end is missing */
};

/* ---- telling ---- */

void ingest_tell_failure(Ingest *ingest, const NiteruFailure *failure) {
    ingest->report.failed++;
    if (ingest->first_failure == NULL) {
        ingest->first_failure = failure->error != NULL
                                    ? g_error_copy(failure->error)
                                    : g_error_new_literal(NITERU_ERROR, (gint)failure->code, failure->message);
    }
    failures_keep(ingest->untold, failure);
}

void ingest_tell_failures(Ingest *ingest) {
    failures_tell(ingest->untold, ingest->options->failure, ingest->options->data);
}

static void tell_progress(Ingest *ingest, bool last) {
    int64_t now = g_get_monotonic_time();
    if (ingest->options->progress == NULL || (!last && now - ingest->shown < PROGRESS_MICROSECONDS)) {
        return;
    }
    double span = (double)(now - ingest->shown) / G_TIME_SPAN_SECOND;
    if (ingest->shown > 0 && span > 0) {
        double rate = (double)(ingest->report.embedded - ingest->shown_embedded) / span;
        ingest->rate = ingest->rate > 0 ? 0.8 * ingest->rate + 0.2 * rate : rate;
    }
    ingest->shown = now;
    ingest->shown_embedded = ingest->report.embedded;
    int total = g_atomic_int_get(&ingest->total);
    NiteruProgress progress = {.done = ingest->report.embedded + ingest->report.reused + ingest->report.failed +
                                       nt_source_skipped(ingest->source),
                               .total = (uint64_t)MAX(total, 0),
                               .embedded = ingest->report.embedded,
                               .failed = ingest->report.failed,
                               .seconds = (double)(now - ingest->started) / G_TIME_SPAN_SECOND,
                               .rate = ingest->rate,
                               .remaining = -1};
    if (progress.total > progress.done && ingest->rate > 0) {
        progress.remaining = (double)(progress.total - progress.done) / ingest->rate;
    }
    ingest->options->progress(&progress, ingest->options->data);
}

/* ---- what comes back ---- */

/* Moves queued jobs into the pipeline while it has room. */
void ingest_offer_jobs(Ingest *ingest) {
    PhotoJob *job;
    while ((job = g_queue_peek_head(&ingest->jobs)) != NULL && nt_embed_queue_offer(ingest->queue, &job->base)) {
        g_queue_pop_head(&ingest->jobs);
    }
}

/* A host that is away for a while takes nothing from a product. */
static bool keeps_showing(const PhotoJob *job, const GError *fault) {
    return job->web && job->shown != 0 && fault->code == NITERU_ERROR_IO;
}

/* What to say of a photo that could not be used: a list's line comes first, and where its photos are looked for is told
 * once. */
static GError *photo_fault(Ingest *ingest, const PhotoJob *job, const GError *fault) {
    GError *out = g_error_copy(fault);
    const char *way_out = "";
    if (job->place == NULL) {
        return out;
    }
    if (job->web) {
        way_out = keeps_showing(job, fault) ? "; the product goes on with what was there before" : "";
    } else if (fault->code == NITERU_ERROR_NOT_FOUND && strchr(job->path, '\\') != NULL) {
        way_out = " (folders are parted by / here, not by \\)";
    } else if (fault->code == NITERU_ERROR_NOT_FOUND && !ingest->told_photos) {
        way_out = ingest->options->photos != NULL ? "; paths begin in the folder that was named for photos"
                                                  : "; paths begin in the list's folder where no other is named";
        nt_fact(&out, "option", "photos");
        ingest->told_photos = true;
    }
    g_autofree char *bare = out->message;
    out->message = g_strdup_printf("%s: %s%s", job->place, bare, way_out);
    return out;
}

bool ingest_photo_failed(Ingest *ingest, const PhotoJob *job, const GError *fault, GError **error) {
    g_autoptr(GError) gone = NULL;
    if (!ingest->beside && !keeps_showing(job, fault) &&
        !nt_catalogue_set_photo_failure(ingest->db, job->photo, fault, &job->stamp, &gone) &&
        !g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&gone));
        return false;
    }
    if (fault->code == NITERU_ERROR_IO && !job->web) {
        ingest_unread(ingest, job->path);
    }
    g_autoptr(GError) told = photo_fault(ingest, job, fault);
    ingest_tell_failure(ingest, &(NiteruFailure){.place = job->place != NULL ? job->place : job->path,
                                                 .product = job->product,
                                                 .photo = job->path,
                                                 .message = told->message,
                                                 .code = (NiteruError)told->code,
                                                 .error = told});
    return true;
}

bool ingest_find_vector(Ingest *ingest, int64_t content, bool *out_found, bool *out_now, GError **error) {
    int64_t vrow = -1;
    bool fresh = g_hash_table_contains(ingest->fresh, &content);
    bool ok = fresh ||
              (ingest->options->rehash
                   ? nt_catalogue_find_vector_of(ingest->db, ingest->model->model, content, ingest->maker, &vrow, error)
                   : nt_catalogue_find_vector(ingest->db, ingest->model->model, content, &vrow, error));
    if (!ok) {
        return false;
    }
    *out_found = fresh || vrow >= 0;
    if (out_now != NULL) {
        *out_now = fresh || vrow >= (int64_t)ingest->before;
    }
    return true;
}

/* The photo needs its vector after all: what it had went while it was on its way. Takes the job. */
static void embed_again(Ingest *ingest, PhotoJob *job, int64_t shown) {
    job->embed = true;
    job->shown = shown;
    if (job->web) {
        ingest_web_again(ingest, job);
    } else {
        g_queue_push_tail(&ingest->jobs, job);
    }
}

static void note_cut_short(Ingest *ingest, const PhotoJob *job) {
    if (job->base.header.cut_off && ingest->cut_short++ < NAMES_TOLD) {
        g_string_append_printf(ingest->short_names, "%s%s (%u %% of its rows)", ingest->cut_short > 1 ? ", " : "",
                               job->path, job->base.header.percent);
    }
}

/* What the photo shows: *out_content is new or known; 0: the product was given other photos meanwhile. */
static bool set_content(Ingest *ingest, PhotoJob *job, int64_t *out_content, GError **error) {
    g_autoptr(GError) gone = NULL;
    *out_content = job->unchanged ? job->web_content : 0;
    if ((*out_content > 0 || nt_catalogue_add_content(ingest->db, photo_job_content(job), out_content, &gone)) &&
        nt_catalogue_set_photo_content(ingest->db, job->photo, *out_content, &job->stamp, &gone)) {
        return true;
    }
    *out_content = 0;
    if (g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&gone));
    return false;
}

/* Writes one outcome into the transaction; a vector waits for its end. Takes the outcome. */
static bool apply_outcome(Ingest *ingest, PhotoJob *taken, GError **error) {
    g_autoptr(PhotoJob) job = taken;
    if (job->base.fault != NULL && job->base.ends_run) {
        g_propagate_error(error, g_steal_pointer(&job->base.fault));
        return false;
    }
    bool still = false;
    const char *location = job->location != NULL ? job->location : job->path;
    if (!nt_catalogue_photo_is(ingest->db, job->photo, location, job->shown, &still, error)) {
        return false;
    }
    if (!still) { /* the product was given other photos, or removed, while this one was on its way */
        return !job->web || ingest_web_settle(ingest, job, 0, NULL, error);
    }
    if (job->base.fault != NULL) {
        return job->web ? ingest_web_settle(ingest, job, 0, job->base.fault, error)
                        : ingest_photo_failed(ingest, job, job->base.fault, error);
    }
    note_cut_short(ingest, job);
    int64_t content = 0;
    bool known = false, now = false;
    if (job->unchanged && !ingest_find_vector(ingest, job->web_content, &known, NULL, error)) {
        return false;
    }
    if (job->unchanged && !known) {
        ingest_web_again(ingest, g_steal_pointer(&job));
        return true;
    }
    if (!set_content(ingest, job, &content, error) ||
        (content > 0 && !ingest_find_vector(ingest, content, &known, &now, error))) {
        return false;
    }
    if (content > 0 && !known && job->base.vector == NULL) {
        embed_again(ingest, g_steal_pointer(&job), content);
        return true;
    }
    if (job->web && !ingest_web_settle(ingest, job, content, NULL, error)) {
        return false;
    }
    if (content == 0 || known) {
        ingest->report.identical += now;
        ingest->report.reused += known;
        return true;
    }
    Waiting waiting = {content, g_steal_pointer(&job)};
    g_array_append_val(ingest->waiting, waiting);
    g_hash_table_add(ingest->fresh, g_memdup2(&content, sizeof content));
    return true;
}

/* ---- the loop ---- */

static bool apply_gathered(Ingest *ingest, GError **error) {
    PhotoJob *job;
    while ((job = g_queue_pop_head(&ingest->gathered)) != NULL) {
        if (!apply_outcome(ingest, job, error)) {
            return false;
        }
    }
    return true;
}

static bool stopped(const Ingest *ingest) { return !nt_wait_check(ingest->wait, NULL); }

static size_t on_the_way(Ingest *ingest) {
    return nt_embed_queue_pending(ingest->queue) + g_queue_get_length(&ingest->jobs) + ingest_web_pending(ingest);
}

static bool finished(Ingest *ingest) {
    return ingest->listed && on_the_way(ingest) == 0 && g_queue_is_empty(&ingest->gathered);
}

/* Lists until the pipeline has enough to do, for as long as a turn may take. */
static bool list(Ingest *ingest, GError **error) {
    int64_t until = g_get_monotonic_time() + LIST_MICROSECONDS;
    while (!ingest->listed && on_the_way(ingest) < LIST_JOBS && g_get_monotonic_time() < until) {
        if (!ingest_list_some(ingest, error)) {
            return false;
        }
        ingest_offer_jobs(ingest);
    }
    return true;
}

static bool work(Ingest *ingest, GError **error) {
    while (!finished(ingest) && !stopped(ingest)) {
        bool short_of_jobs = !ingest->listed && on_the_way(ingest) < LIST_JOBS;
        int64_t patience = short_of_jobs ? 0 : G_TIME_SPAN_SECOND / 20;
        bool idle = nt_embed_queue_pending(ingest->queue) == 0 && g_queue_is_empty(&ingest->jobs);
        ingest_web_poll(ingest, idle ? patience : 0);
        ingest_offer_jobs(ingest);
        NtEmbedJob *done;
        while (g_queue_get_length(&ingest->gathered) < COMMIT_ROWS &&
               (done = nt_embed_queue_take(ingest->queue, patience)) != NULL) {
            ingest_web_let_go(ingest, (PhotoJob *)done);
            g_queue_push_tail(&ingest->gathered, done);
            patience = 0;
        }
        bool due = g_get_monotonic_time() - ingest->committed > COMMIT_MICROSECONDS || on_the_way(ingest) == 0 ||
                   g_queue_get_length(&ingest->gathered) >= COMMIT_ROWS;
        if (short_of_jobs || (due && !g_queue_is_empty(&ingest->gathered))) {
            if (!ingest_begin(ingest, error) ||
                !ingest_end(ingest, apply_gathered(ingest, error) && list(ingest, error), error)) {
                return false;
            }
        }
        tell_progress(ingest, false);
    }
    return true;
}

/* What was done when a stop came is kept, where there is still a turn to be had at once. */
static bool keep_the_rest(Ingest *ingest, GError **error) {
    g_autoptr(GError) why = NULL;
    if (nt_wait_check(ingest->wait, &why)) {
        return true;
    }
    NtWait brief = nt_wait_for(KEEP_MILLISECONDS, NULL);
    const NtWait *wait = ingest->wait;
    ingest->wait = &brief;
    bool kept = ingest_begin(ingest, NULL) && ingest_end(ingest, apply_gathered(ingest, NULL), NULL);
    ingest->wait = wait;
    tell_progress(ingest, true);
    return nt_fail(error, (NiteruError)why->code, "%s; %s", why->message,
                   kept ? "what was done is kept" : "what was done is kept, but for the last half second");
}

static NtModel *open_model(NiteruCatalogue *catalogue, const char *name, uint64_t *out_rows, GError **error) {
    g_auto(NtReader) reader = {0};
    return nt_reader_open_any(&reader, catalogue, error) ? nt_model_open(catalogue, reader.db, name, out_rows, error)
                                                         : NULL;
}

static bool start(Ingest *ingest, const char *location, GError **error) {
    const char *name = ingest->options->model;
    g_autofree char *lost = NULL;
    ingest->source = ingest_open_source(ingest, location, error);
    g_autofree char *commits = NULL;
    if (ingest->source != NULL && ingest->upload != NULL && ingest->upload->kind != NULL) {
        ingest->upload->kind(nt_source_kind(ingest->source), ingest->upload->data);
    }
    if (ingest->source == NULL || !ingest_read_order(ingest, error) ||
        !nt_turn_accept_loss(ingest->catalogue, ingest->wait, &commits, error)) {
        return false;
    }
    if (commits != NULL) {
        ingest_tell_failure(
            ingest,
            &(NiteruFailure){.place = ingest->catalogue->folder, .message = commits, .code = NITERU_ERROR_CORRUPT});
    }
    if (!nt_models_ensure(ingest->catalogue, name, ingest->wait, error) ||
        !nt_model_repair(ingest->catalogue, name, ingest->wait, &lost, error)) {
        return false;
    }
    if (lost != NULL) {
        g_autofree char *message = g_strdup_printf(
            "%s; the photos of this source are embedded again, index the catalogue's other sources again too", lost);
        ingest_tell_failure(
            ingest,
            &(NiteruFailure){.place = ingest->catalogue->folder, .message = message, .code = NITERU_ERROR_CORRUPT});
    }
    ingest->model = open_model(ingest->catalogue, name, &ingest->rows, error);
    ingest->before = ingest->rows;
    NtNetwork *network = ingest->model != NULL ? nt_model_network(ingest->catalogue, ingest->model, error) : NULL;
    if (network == NULL) {
        return false;
    }
    ingest->queue = nt_embed_queue_new(ingest->catalogue->pipeline, ingest->model->card, network, true);
    ingest->embed_started = g_get_monotonic_time();
    ingest->committed = ingest->embed_started;
    if (ingest->options->progress != NULL) {
        g_atomic_int_set(&ingest->total, -1);
        ingest->counter = nt_thread_new("nt-count", ingest_count_photos, ingest); /* without: no total */
    }
    return ingest_begin(ingest, error) &&
           ingest_end(ingest,
                      nt_model_maker(ingest->catalogue, ingest->model->name, &ingest->maker, error) &&
                          nt_catalogue_start_run(
                              ingest->db, ingest->upload != NULL ? "upload" : nt_source_kind(ingest->source),
                              ingest->upload != NULL ? ingest->upload->source : nt_source_location(ingest->source),
                              &ingest->run, error) &&
                          ingest_learn_columns(ingest, location, error),
                      error);
}

/* Removes what earlier runs brought and this one did not, some at a time. */
static bool prune(Ingest *ingest, GError **error) {
    for (uint64_t removed = 1; removed > 0;) {
        removed = 0;
        if (!ingest_begin(ingest, error) ||
            !ingest_end(ingest, nt_catalogue_prune_some(ingest->db, &ingest->run, PRUNE_AT_ONCE, &removed, error),
                        error)) {
            return false;
        }
        ingest->report.removed += removed;
    }
    return true;
}

/* The end of a complete run: prune, the score table, dead rows. A run that may not prune keeps what it took and fails.
 */
static bool finish(Ingest *ingest, GError **error) {
    g_autofree char *why = NULL;
    GError *fault = NULL;
    if (!ingest_begin(ingest, error)) {
        return false;
    }
    bool may_prune = ingest_may_prune(ingest, &why, &fault);
    if (fault != NULL) {
        g_propagate_error(error, fault);
    }
    if (!ingest_end(ingest, fault == NULL, error) || (may_prune && !prune(ingest, error)) ||
        !ingest_begin(ingest, error) ||
        !ingest_end(ingest, nt_catalogue_end_run(ingest->db, &ingest->run, false, NULL, error), error) ||
        !nt_model_calibrate(ingest->catalogue, ingest->model->name, ingest->wait, error) ||
        !nt_models_compact(ingest->catalogue, ingest->wait, error)) {
        return false;
    }
    tell_progress(ingest, true);
    ingest_tell_skipped(ingest);
    return ingest_check_found(ingest, error) && (why == NULL || nt_fail(error, NITERU_ERROR_IO, "%s", why));
}

/* Photos whose end was missing were taken: that is no failure, but worth knowing. */
static void tell_cut_short(Ingest *ingest) {
    unsigned count = ingest->cut_short;
    ingest->report.cut_short = count;
    if (count > 0 && ingest->options->note != NULL) {
        g_autofree char *note =
            g_strdup_printf("%u photo%s cut short and taken: %s%s", count, count == 1 ? " was" : "s were",
                            ingest->short_names->str, count > NAMES_TOLD ? " and others" : "");
        ingest->options->note(note, ingest->options->data);
    }
}

static void clear_taken(void *taken) { g_free(((TakenProduct *)taken)->id); }

void ingest_init(Ingest *ingest, NiteruCatalogue *catalogue, const NiteruIndexOptions *options, const NtWait *wait) {
    *ingest = (Ingest){.catalogue = catalogue,
                       .db = catalogue->db,
                       .options = options,
                       .taken = g_array_new(FALSE, FALSE, sizeof(TakenProduct)),
                       .wait = wait,
                       .waiting = g_array_new(FALSE, FALSE, sizeof(Waiting)),
                       .short_names = g_string_new(NULL),
                       .untold = failures_new(),
                       .unread_at = g_ptr_array_new_with_free_func(g_free),
                       .fresh = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                       .started = g_get_monotonic_time(),
                       .asked_since = g_get_real_time()};
    g_array_set_clear_func(ingest->taken, clear_taken);
}

void ingest_clear(Ingest *ingest) {
    g_clear_pointer(&ingest->queue, nt_embed_queue_free);
    ingest_web_clear(ingest);
    if (ingest->counter != NULL) {
        g_atomic_int_set(&ingest->stop_counting, 1);
        g_thread_join(ingest->counter);
    }
    g_queue_clear_full(&ingest->jobs, (GDestroyNotify)nt_embed_job_free);
    g_queue_clear_full(&ingest->gathered, (GDestroyNotify)nt_embed_job_free);
    g_string_free(ingest->short_names, TRUE);
    g_ptr_array_unref(ingest->untold);
    g_ptr_array_unref(ingest->unread_at);
    g_free(ingest->in_doubt);
    g_clear_error(&ingest->first_failure);
    ingest_clear_waiting(ingest);
    nt_model_unref(ingest->model);
    g_array_unref(ingest->waiting);
    g_array_unref(ingest->taken);
    g_hash_table_unref(ingest->fresh);
    g_clear_pointer(&ingest->columns, nt_columns_free);
    g_clear_pointer(&ingest->source, nt_source_close);
}

static bool run(NiteruCatalogue *catalogue, const char *source, const NtListUpload *upload,
                const NiteruIndexOptions *given, GCancellable *cancellable, NiteruIndexReport *out_report,
                GError **error) {
    NiteruIndexOptions options;
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruIndexOptions, &options, given, error) ||
        !nt_call_begin_writing(&call, catalogue, options.timeout_ms, cancellable, error)) {
        return false;
    }
    Ingest ingest;
    ingest_init(&ingest, catalogue, &options, &call.wait);
    ingest.upload = upload;
    bool ok = start(&ingest, source, error) && work(&ingest, error) && keep_the_rest(&ingest, error) &&
              finish(&ingest, error);
    ingest_tell_failures(&ingest);
    tell_cut_short(&ingest);
    int64_t now = g_get_monotonic_time();
    ingest.report.seconds = (double)(now - ingest.started) / G_TIME_SPAN_SECOND;
    if (ingest.embed_started > 0) {
        ingest.report.embed_seconds = (double)(now - ingest.embed_started) / G_TIME_SPAN_SECOND;
    }
    ingest_clear(&ingest);
    nt_report_write(out_report, &ingest.report, sizeof ingest.report);
    return ok;
}

bool niteru_index(NiteruCatalogue *catalogue, const char *source, const NiteruIndexOptions *options,
                  GCancellable *cancellable, NiteruIndexReport *out_report, GError **error) {
    bool ok = run(catalogue, source, NULL, options, cancellable, out_report, error);
    if (!ok && error != NULL &&
        (g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_CANCELLED) ||
         g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_TIMEOUT))) {
        nt_fact(error, "remedy", "again");
    }
    return ok;
}

bool nt_index_upload(NiteruCatalogue *catalogue, const char *list, const NtListUpload *upload,
                     const NiteruIndexOptions *options, GCancellable *cancellable, NiteruIndexReport *out_report,
                     GError **error) {
    return run(catalogue, list, upload, options, cancellable, out_report, error);
}
