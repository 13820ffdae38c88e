/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products changed one by one, or some together. Their photos are read and embedded first, and those that came as
 * bytes are kept; then one transaction has it all (edit-write.c), and the next search finds it.
 */
#include "ingest/edit-internal.h"

#include <string.h>

enum {
    MOST_PHOTOS = 1000,
    SINGLE_PHOTOS = 4, /* as many go before bulk work */
    ATTEMPTS = 3,      /* at photos whose decoder was lost, and at vectors that went meanwhile */
};

static void free_job(void *job) { nt_embed_job_free(job); } /* NULL where it is the pipeline's */

static void edits_clear(Edits *edits) {
    for (size_t i = 0; edits->edits != NULL && i < edits->count; i++) {
        g_clear_pointer(&edits->edits[i].refused, g_ptr_array_unref);
    }
    g_clear_pointer(&edits->edits, g_free);
    g_clear_pointer(&edits->photos, g_ptr_array_unref);
    g_clear_pointer(&edits->model, nt_model_unref);
    nt_call_clear(&edits->call);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Edits, edits_clear)

/* ---- what was given ---- */

static bool read_photo(Edits *edits, const NtProductEdit *given, size_t i, GError **error) {
    const NtGivenPhoto *photo = &given->photos[i];
    uint64_t most = edits->catalogue->limits.photo_bytes;
    if (photo->bytes == NULL && photo->name == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a photo of '%s' has neither a path nor bytes", given->id);
    }
    if (photo->bytes != NULL && g_bytes_get_size(photo->bytes) > most) {
        nt_fail(error, NITERU_ERROR_LIMIT,
                "a photo of '%s': %zu bytes, over the limit of %" G_GUINT64_FORMAT " (limit photo-bytes)", given->id,
                g_bytes_get_size(photo->bytes), most);
        return nt_fact(error, "limit", "photo-bytes");
    }
    g_autofree char *absolute = photo->bytes == NULL ? g_canonicalize_filename(photo->name, NULL) : NULL;
    g_autofree char *number = g_strdup_printf("photo %zu of %s", i + 1, given->id);
    const char *name = absolute != NULL ? absolute : photo->name != NULL ? photo->name : number;
    PhotoJob *job = photo_job_new(edits->catalogue, 0, name, given->id, NULL);
    job->model = edits->model->model;
    job->bytes = photo->bytes != NULL ? g_bytes_ref(photo->bytes) : NULL;
    g_ptr_array_add(edits->photos, job);
    return true;
}

static bool read_edit(Edits *edits, Edit *edit, GError **error) {
    const NtProductEdit *given = edit->given;
    if (given->id == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a product needs an id");
    }
    if (given->metadata != NULL && nt_json_type(given->metadata) != NT_JSON_OBJECT) {
        return nt_fail(error, NITERU_ERROR_INVALID, "the metadata of '%s' is not a JSON object", given->id);
    }
    if (given->photo_count > MOST_PHOTOS) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "'%s' has more than %d photos", given->id, MOST_PHOTOS);
    }
    for (size_t i = 0; i < given->photo_count; i++) {
        if (!read_photo(edits, given, i, error)) {
            return false;
        }
    }
    return true;
}

static bool read_edits(Edits *edits, GError **error) {
    if (!nt_models_ensure(edits->catalogue, edits->options.model, &edits->call.wait, error)) {
        return false;
    }
    edits->model = nt_model_find(edits->catalogue, edits->options.model, error);
    for (size_t i = 0; edits->model != NULL && i < edits->count; i++) {
        Edit *edit = &edits->edits[i];
        edit->first = edits->photos->len;
        if (!read_edit(edits, edit, &edit->given->error)) {
            g_ptr_array_set_size(edits->photos, (gint)edit->first);
        }
        edit->count = edits->photos->len - edit->first;
    }
    return edits->model != NULL;
}

/* ---- before the turn ---- */

/* Sends the photos that were not dealt with yet through the pipeline; all are in `photos` again afterwards, whatever
 * became of them. */
static bool embed(Edits *edits, GError **error) {
    guint count = edits->photos->len, sent = 0, done = 0, wanted = 0;
    for (guint i = 0; i < count; i++) {
        PhotoJob *job = edits->photos->pdata[i];
        job->photo = i; /* its place, until it has a row */
        wanted += !job->dealt_with;
    }
    NtNetwork *network = wanted > 0 ? nt_model_network(edits->catalogue, edits->model, error) : NULL;
    if (network == NULL) {
        return wanted == 0;
    }
    g_autoptr(NtEmbedQueue) queue =
        nt_embed_queue_new(edits->catalogue->pipeline, edits->model->card, network, count > SINGLE_PHOTOS);
    bool ok = true;
    while (ok && done < wanted) {
        PhotoJob *next;
        while (sent < count && ((next = edits->photos->pdata[sent]) == NULL || next->dealt_with ||
                                nt_embed_queue_offer(queue, &next->base))) {
            edits->photos->pdata[sent] = next != NULL && next->dealt_with ? next : NULL; /* the pipeline's now */
            sent++;
        }
        int64_t patience = nt_wait_until(&edits->call.wait, G_TIME_SPAN_SECOND / 50) - g_get_monotonic_time();
        PhotoJob *job = (PhotoJob *)nt_embed_queue_take(queue, MAX(patience, 1));
        if (job != NULL) {
            job->dealt_with = true;
            edits->photos->pdata[job->photo] = job;
            done++;
        }
        ok = nt_wait_check(&edits->call.wait, error);
    }
    return ok;
}

/* Has photos whose decoder was lost, which is not their fault, tried again. Fails where that does not help. */
static bool embed_patiently(Edits *edits, GError **error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        const GError *lost = NULL;
        if (!embed(edits, error)) {
            return false;
        }
        for (guint i = 0; i < edits->photos->len; i++) {
            PhotoJob *job = edits->photos->pdata[i];
            if (g_error_matches(job->base.fault, NITERU_ERROR, NITERU_ERROR_IO)) {
                lost = job->base.fault;
            }
        }
        if (lost == NULL) {
            return true;
        }
        if (attempt + 1 == ATTEMPTS) {
            g_propagate_error(error, g_error_copy(lost));
            return false;
        }
        for (guint i = 0; i < edits->photos->len; i++) {
            PhotoJob *job = edits->photos->pdata[i];
            if (g_error_matches(job->base.fault, NITERU_ERROR, NITERU_ERROR_IO)) {
                g_clear_error(&job->base.fault);
                job->base.ends_run = job->dealt_with = false;
            }
        }
    }
    return true;
}

/* Fails where it is not the photos that are at fault, and keeps those that came as bytes. */
static bool keep(Edits *edits, Edit *edit, GError **error) {
    for (guint i = edit->first; i < edit->first + edit->count; i++) {
        PhotoJob *job = edits->photos->pdata[i];
        if (job->base.fault != NULL && job->base.ends_run) {
            g_propagate_error(error, g_error_copy(job->base.fault));
            return false;
        }
        if (job->base.fault != NULL && edit->given->all_photos && edit->given->error == NULL) {
            edit->given->error = g_error_copy(job->base.fault);
        }
    }
    for (guint i = edit->first; edit->given->error == NULL && i < edit->first + edit->count; i++) {
        PhotoJob *job = edits->photos->pdata[i];
        if (job->base.fault == NULL && job->bytes != NULL &&
            !nt_original_keep(edits->catalogue, job->content.hash, job->bytes, error)) {
            return false;
        }
    }
    return true;
}

static bool keep_all(Edits *edits, GError **error) {
    for (size_t i = 0; i < edits->count; i++) {
        if (!keep(edits, &edits->edits[i], error)) {
            return false;
        }
    }
    return true;
}

/* ---- afterwards ---- */

static void tell_value(const Edits *edits, const char *product, const GError *fault) {
    const NiteruFailure failure = {.place = product,
                                   .product = product,
                                   .message = fault->message,
                                   .code = (NiteruError)fault->code,
                                   .value_only = true,
                                   .error = fault};
    edits->options.failure(&failure, edits->options.data);
}

static void tell(const Edits *edits, const Edit *edit) {
    NiteruPutReport *report = &edit->given->report;
    for (guint i = edit->first; i < edit->first + edit->count; i++) {
        const PhotoJob *job = edits->photos->pdata[i];
        const GError *fault = job->base.fault;
        report->photos++;
        report->embedded += job->base.vector != NULL;
        report->failed += fault != NULL;
        if (fault != NULL && edits->options.failure != NULL) {
            const NiteruFailure failure = {.place = job->path,
                                           .product = edit->given->id,
                                           .photo = job->path,
                                           .message = fault->message,
                                           .code = (NiteruError)fault->code,
                                           .error = fault};
            edits->options.failure(&failure, edits->options.data);
        }
    }
    report->values = edit->refused != NULL ? edit->refused->len : 0;
    for (guint i = 0; i < report->values && edits->options.failure != NULL; i++) {
        tell_value(edits, edit->given->id, edit->refused->pdata[i]);
    }
}

/* Whether there is anything to commit. */
static bool any_written(const Edits *edits) {
    for (size_t i = 0; i < edits->count; i++) {
        if (edits->edits[i].given->error == NULL) {
            return true;
        }
    }
    return false;
}

/* Embeds and writes; again where a compaction has taken a vector away that made embedding needless. */
static bool write_patiently(Edits *edits, GError **error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!embed_patiently(edits, error) || !keep_all(edits, error) ||
            !nt_turn_begin(edits->catalogue, &edits->call.wait, error)) {
            return false;
        }
        edits->again = false;
        bool ok = edits_write(edits, error);
        if (ok && !any_written(edits)) {
            nt_turn_rollback(edits->catalogue);
            return true;
        }
        if (!ok || !edits->again) {
            return nt_turn_end(edits->catalogue, ok, error);
        }
        nt_turn_rollback(edits->catalogue);
    }
    return nt_fail(error, NITERU_ERROR_FAILED, "'%s': its vectors are taken away again and again",
                   edits->edits[0].given->id);
}

bool nt_products_edit(NiteruCatalogue *catalogue, NtProductEdit *given, size_t count, const NiteruPutOptions *options,
                      GCancellable *cancellable, GError **error) {
    g_auto(Edits) edits = {.catalogue = catalogue, .count = count};
    edits.photos = g_ptr_array_new_with_free_func(free_job);
    edits.edits = g_new0(Edit, count);
    for (size_t i = 0; i < count; i++) {
        edits.edits[i].given = &given[i];
        given[i].report = (NiteruPutReport){.size = sizeof(NiteruPutReport)};
        given[i].product = NULL;
        given[i].error = NULL;
    }
    if (!NT_OPTIONS_READ(NiteruPutOptions, &edits.options, options, error) ||
        !nt_call_begin_writing(&edits.call, catalogue, edits.options.timeout_ms, cancellable, error) ||
        !read_edits(&edits, error) || !write_patiently(&edits, error)) {
        for (size_t i = 0; i < count; i++) {
            g_clear_pointer(&given[i].product, nt_json_free);
            g_clear_error(&given[i].error);
        }
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        tell(&edits, &edits.edits[i]);
    }
    nt_model_calibrate(catalogue, edits.model->name, &edits.call.wait,
                       NULL); /* what does not come off now does later */
    nt_models_compact(catalogue, &edits.call.wait, NULL);
    return true;
}
