/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The photos of the catalogue into the vectors of a further model, while another is served. It goes through the
 * contents that have no vector yet, and again from the first until none is left: products that come meanwhile have
 * their photos embedded by the model that is served. What is listed is read without a turn to write; what is gathered
 * is committed after half a second and then every five: a commit works for some milliseconds, which a search beside it
 * may have to wait for, so a few more seconds that a kill costs are the better price. A stop costs nothing.
 */
#include "ingest/ingest-internal.h"

#include <string.h>

enum {
    AT_ONCE = 128, /* photos under way, where no number is named */
    COMMIT_ROWS = 1024,
    COMMIT_MICROSECONDS = G_TIME_SPAN_SECOND / 2, /* the first, then twice as long each time, */
    COMMIT_MOST_MICROSECONDS = 5 * G_TIME_SPAN_SECOND,
    POLL_MICROSECONDS = G_TIME_SPAN_SECOND / 50,
    PROGRESS_MICROSECONDS = G_TIME_SPAN_SECOND / 4,
    KEEP_MILLISECONDS = 2000,
};

typedef struct Reembed {
    Ingest ingest;
    NtPipeline *pipeline; /* of its own, where it is to be patient; else NULL */
    const NtReembedOptions *options;
    NtReembedReport *report;
    GHashTable *failed;      /* contents that could not be embedded in this run */
    int64_t after;           /* contents up to this one were listed */
    bool listed;             /* this time through, all were */
    uint64_t found;          /* in it */
    uint64_t sent;           /* photos, in all */
    uint64_t total;          /* photos at the start */
    int64_t shown, patience; /* until a commit is due, microseconds */
    GError *fault;           /* of listing */
} Reembed;

static size_t on_the_way(Reembed *run) {
    Ingest *ingest = &run->ingest;
    return nt_embed_queue_pending(ingest->queue) + g_queue_get_length(&ingest->jobs) + ingest_web_pending(ingest);
}

/* How many more photos may be sent now. */
static unsigned room(Reembed *run) {
    size_t most = run->options->at_once > 0 ? run->options->at_once : AT_ONCE, busy = on_the_way(run);
    double seconds = (double)(g_get_monotonic_time() - run->ingest.started) / G_TIME_SPAN_SECOND;
    double allowed = run->options->rate > 0 ? run->options->rate * seconds + 1 - (double)run->sent : (double)most;
    return busy < most && allowed >= 1 ? (unsigned)MIN((double)(most - busy), allowed) : 0;
}

/* ---- listing ---- */

static bool send_missing(const NtMissing *missing, void *data) {
    Reembed *run = data;
    Ingest *ingest = &run->ingest;
    run->after = missing->content;
    if (g_hash_table_contains(run->failed, &missing->content) ||
        g_hash_table_contains(ingest->fresh, &missing->content)) {
        return true;
    }
    bool web = nt_is_web_address(missing->location);
    g_autofree char *path = web ? g_strdup(missing->location) : nt_location_path(ingest->catalogue, missing->location);
    PhotoJob *job = photo_job_new(ingest->catalogue, missing->photo, path, missing->product, NULL);
    job->model = ingest->model->model;
    job->shown = missing->content;
    job->served = missing->served;
    job->embed = true; /* it is known to be missing; a look would hold what searches need, in a thread that may wait */
    job->web = web;
    run->found++;
    run->sent++;
    if (*missing->location == '\0') {
        nt_fail(&job->base.fault, NITERU_ERROR_NOT_FOUND,
                "product '%s': its vector was imported, and there is no photo to embed", missing->product);
        g_queue_push_tail(&ingest->gathered, job);
        return true;
    }
    if (!web) {
        g_queue_push_tail(&ingest->jobs, job);
        return true;
    }
    return ingest_web_fetch(ingest, job, &run->fault);
}

/* Sends some more; notices when all were sent. */
static bool list_some(Reembed *run, unsigned count, GError **error) {
    g_auto(NtReader) reader = {0};
    int64_t before = run->after;
    if (!nt_reader_open_any(&reader, run->ingest.catalogue, error) ||
        !nt_catalogue_each_missing(reader.db, run->ingest.model->model, run->after, count, send_missing, run, error)) {
        return false;
    }
    if (run->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&run->fault));
        return false;
    }
    run->listed = run->after == before;
    return true;
}

/* ---- what comes back ---- */

static void note_failure(Reembed *run, const PhotoJob *job, const GError *fault) {
    g_hash_table_add(run->failed, g_memdup2(&job->shown, sizeof job->shown));
    g_array_append_val(run->report->contents, job->shown);
    if (!job->served) { /* it is in no answer now either */
        return;
    }
    run->report->failed++;
    if (run->report->first == NULL) {
        run->report->first = g_strdup(fault->message);
    }
    ingest_tell_failure(&run->ingest, &(NiteruFailure){.place = job->path,
                                                       .product = job->product,
                                                       .photo = job->path,
                                                       .message = fault->message,
                                                       .code = (NiteruError)fault->code,
                                                       .error = fault});
}

/* What was read is what the catalogue knows of it; else the vectors of the two models would be of different photos. */
static bool check_content(Reembed *run, PhotoJob *job, GError **out_fault, GError **error) {
    int64_t content = 0;
    if (!nt_catalogue_find_content(run->ingest.db, job->content.hash, &content, error)) {
        return false;
    }
    if (content != job->shown) {
        nt_fail(out_fault, NITERU_ERROR_INVALID, "%s: the photo changed since it was indexed; index its source again",
                job->path);
    }
    return true;
}

/* Takes the job. */
static bool apply(Reembed *run, PhotoJob *taken, GError **error) {
    g_autoptr(PhotoJob) job = taken;
    g_autoptr(GError) fault = g_steal_pointer(&job->base.fault);
    bool known = false, shown = false;
    if (fault != NULL && job->base.ends_run) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    if (!nt_catalogue_is_shown(run->ingest.db, job->shown, &shown, error) ||
        !ingest_find_vector(&run->ingest, job->shown, &known, NULL, error)) {
        return false;
    }
    if (!shown || known) { /* removed, or embedded by others, meanwhile */
        return true;
    }
    if (fault == NULL && !check_content(run, job, &fault, error)) {
        return false;
    }
    if (fault == NULL && job->base.vector == NULL) { /* what it had was taken away: the next time through has it */
        return true;
    }
    if (fault != NULL) {
        note_failure(run, job, fault);
        return true;
    }
    Waiting waiting = {job->shown, g_steal_pointer(&job)};
    g_array_append_val(run->ingest.waiting, waiting);
    g_hash_table_add(run->ingest.fresh, g_memdup2(&waiting.content, sizeof waiting.content));
    return true;
}

static bool apply_gathered(Reembed *run, GError **error) {
    PhotoJob *job;
    while ((job = g_queue_pop_head(&run->ingest.gathered)) != NULL) {
        if (!apply(run, job, error)) {
            return false;
        }
    }
    return true;
}

static bool commit(Reembed *run, GError **error) {
    run->patience = MIN(2 * run->patience, COMMIT_MOST_MICROSECONDS);
    return ingest_begin(&run->ingest, error) && ingest_end(&run->ingest, apply_gathered(run, error), error);
}

/* ---- the loop ---- */

static void tell_progress(Reembed *run, bool last) {
    const Ingest *ingest = &run->ingest;
    const NiteruIndexOptions *to = ingest->options;
    int64_t now = g_get_monotonic_time();
    if (to->progress == NULL || (!last && now - run->shown < PROGRESS_MICROSECONDS)) {
        return;
    }
    double seconds = (double)(now - ingest->started) / G_TIME_SPAN_SECOND;
    uint64_t done = ingest->report.embedded + run->report->failed + g_queue_get_length((GQueue *)&ingest->gathered);
    NiteruProgress progress = {.done = done,
                               .total = MAX(run->total, done),
                               .embedded = done - run->report->failed,
                               .failed = run->report->failed,
                               .seconds = seconds,
                               .rate = seconds > 0 ? (double)(done - run->report->failed) / seconds : 0,
                               .remaining = -1};
    if (progress.rate > 0) {
        progress.remaining = (double)(progress.total - done) / progress.rate;
    }
    run->shown = now;
    to->progress(&progress, to->data);
}

static void gather(Reembed *run) {
    Ingest *ingest = &run->ingest;
    int64_t patience = POLL_MICROSECONDS;
    bool idle = nt_embed_queue_pending(ingest->queue) == 0 && g_queue_is_empty(&ingest->jobs);
    bool fetching = ingest_web_pending(ingest) > 0;
    if (idle && !fetching && !run->listed) {
        g_usleep(POLL_MICROSECONDS); /* the rate leaves nothing to do just now */
    }
    ingest_web_poll(ingest, idle && fetching ? patience : 0);
    ingest_offer_jobs(ingest);
    NtEmbedJob *done;
    while (g_queue_get_length(&ingest->gathered) < COMMIT_ROWS &&
           (done = nt_embed_queue_take(ingest->queue, patience)) != NULL) {
        ingest_web_let_go(ingest, (PhotoJob *)done);
        g_queue_push_tail(&ingest->gathered, done);
        patience = 0;
    }
}

/* Once through all that is missing. */
static bool pass(Reembed *run, GError **error) {
    Ingest *ingest = &run->ingest;
    run->after = 0;
    run->found = 0;
    run->listed = false;
    while (nt_wait_check(ingest->wait, error)) {
        unsigned count = run->listed ? 0 : room(run);
        if (count > 0 && !list_some(run, count, error)) {
            return false;
        }
        bool waits = !g_queue_is_empty(&ingest->gathered);
        if (run->listed && on_the_way(run) == 0 && !waits) {
            return true;
        }
        gather(run);
        bool due = g_get_monotonic_time() - ingest->committed > run->patience ||
                   (run->listed && on_the_way(run) == 0) || g_queue_get_length(&ingest->gathered) >= COMMIT_ROWS;
        if (due && !g_queue_is_empty(&ingest->gathered) && !commit(run, error)) {
            return false;
        }
        ingest_tell_failures(ingest);
        tell_progress(run, false);
    }
    return false;
}

/* What was done when a stop came is kept, where there is still a turn to be had at once. */
static void keep_the_rest(Reembed *run) {
    const NtWait brief = nt_wait_for(KEEP_MILLISECONDS, NULL);
    run->ingest.wait = &brief;
    commit(run, NULL);
}

static bool start(Reembed *run, const char *name, GError **error) {
    Ingest *ingest = &run->ingest;
    g_auto(NtReader) reader = {0};
    if (!nt_reader_open_any(&reader, ingest->catalogue, error) ||
        (ingest->model = nt_model_open(ingest->catalogue, reader.db, name, &ingest->rows, error)) == NULL ||
        !nt_catalogue_count_missing(reader.db, ingest->model->model, &run->total, error)) {
        return false;
    }
    ingest->before = ingest->rows;
    NtNetwork *network = nt_model_network(ingest->catalogue, ingest->model, error);
    if (network == NULL) {
        return false;
    }
    if (run->options->at_once > 0) {
        run->pipeline = nt_pipeline_new(&ingest->catalogue->limits, run->options->at_once);
        nt_pipeline_be_patient(run->pipeline);
    }
    NtPipeline *pipeline = run->pipeline != NULL ? run->pipeline : ingest->catalogue->pipeline;
    ingest->queue = nt_embed_queue_new(pipeline, ingest->model->card, network, true);
    ingest->committed = ingest->embed_started = g_get_monotonic_time();
    return ingest_begin(ingest, error) &&
           ingest_end(ingest, nt_model_maker(ingest->catalogue, ingest->model->name, &ingest->maker, error), error);
}

bool nt_reembed(NiteruCatalogue *catalogue, const char *model, const NtReembedOptions *options, const NtWait *wait,
                NtReembedReport *out, GError **error) {
    g_autoptr(GHashTable) failed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    Reembed run = {.options = options, .report = out, .failed = failed, .patience = COMMIT_MICROSECONDS};
    *out = (NtReembedReport){.contents = g_array_new(FALSE, FALSE, sizeof(int64_t))};
    ingest_init(&run.ingest, catalogue, options->index, wait);
    run.ingest.beside = true;
    GError *fault = NULL;
    bool ok = start(&run, model, &fault);
    do {
        ok = ok && pass(&run, &fault);
    } while (ok && run.found > 0);
    if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CANCELLED) ||
        g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT)) {
        keep_the_rest(&run);
    }
    tell_progress(&run, true);
    ingest_tell_failures(&run.ingest);
    out->embedded = run.ingest.report.embedded;
    ingest_clear(&run.ingest);
    nt_pipeline_free(run.pipeline);
    if (!ok) {
        g_propagate_error(error, fault);
    }
    return ok;
}
