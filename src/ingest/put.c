/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru_put, niteru_patch: one product with its photos. Photos are read and embedded first, and those that came as
 * bytes are kept; then one transaction has it all, and the next search finds it.
 */
#include "ingest/ingest-internal.h"

#include <string.h>

enum {
    MOST_PHOTOS = 1000,
    SINGLE_PHOTOS = 4, /* as many go before bulk work */
    ATTEMPTS = 3,      /* at photos whose decoder was lost, and at vectors that went meanwhile */
};

typedef struct Put {
    NtCall call;
    NiteruCatalogue *catalogue;
    NiteruProduct product;
    NiteruPutOptions options;
    bool patch;
    NtJson *metadata;   /* NULL: none given */
    GPtrArray *photos;  /* PhotoJob, in order */
    GPtrArray *refused; /* GError *: of values */
    NtModel *model;
    int64_t maker;
    bool again; /* a vector that was there before the turn is gone */
    NiteruPutReport report;
} Put;

static void free_job(void *job) { nt_embed_job_free(job); } /* NULL where it is the pipeline's */

static void put_clear(Put *put) {
    g_clear_pointer(&put->metadata, nt_json_free);
    g_clear_pointer(&put->photos, g_ptr_array_unref);
    g_clear_pointer(&put->refused, g_ptr_array_unref);
    g_clear_pointer(&put->model, nt_model_unref);
    nt_call_clear(&put->call);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Put, put_clear)

/* ---- what was given ---- */

static bool read_metadata(Put *put, GError **error) {
    const char *text = put->product.metadata;
    if (text == NULL) {
        return true;
    }
    put->metadata = nt_json_parse(text, strlen(text), "metadata", &put->catalogue->limits, error);
    return put->metadata != NULL &&
           (nt_json_type(put->metadata) == NT_JSON_OBJECT ||
            nt_fail(error, NITERU_ERROR_INVALID, "the metadata of '%s' is not a JSON object", put->product.id));
}

static bool read_photo(Put *put, const NiteruPhoto *given, GError **error) {
    NiteruPhoto photo;
    if (!NT_OPTIONS_READ(NiteruPhoto, &photo, given, error)) {
        return false;
    }
    if (photo.path == NULL && photo.bytes == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a photo of '%s' has neither a path nor bytes", put->product.id);
    }
    if (photo.length > put->catalogue->limits.photo_bytes) {
        return nt_fail(error, NITERU_ERROR_LIMIT,
                       "a photo of '%s': %zu bytes, over the limit of %" G_GUINT64_FORMAT " (limit photo-bytes)",
                       put->product.id, photo.length, put->catalogue->limits.photo_bytes);
    }
    g_autofree char *absolute = photo.bytes == NULL ? g_canonicalize_filename(photo.path, NULL) : NULL;
    g_autofree char *number = g_strdup_printf("photo %u of %s", put->photos->len + 1, put->product.id);
    const char *name = absolute != NULL ? absolute : photo.path != NULL ? photo.path : number;
    PhotoJob *job = photo_job_new(put->catalogue, 0, name, put->product.id, NULL);
    job->model = put->model->model;
    job->bytes = photo.bytes != NULL ? g_bytes_new(photo.bytes, photo.length) : NULL;
    g_ptr_array_add(put->photos, job);
    return true;
}

static bool read_product(Put *put, GError **error) {
    const NiteruPhoto *const *photos = put->product.photos;
    if (put->product.id == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a product needs an id");
    }
    if (!nt_models_ensure(put->catalogue, put->options.model, &put->call.wait, error) || !read_metadata(put, error)) {
        return false;
    }
    put->model = nt_model_find(put->catalogue, put->options.model, error);
    for (size_t i = 0; put->model != NULL && photos != NULL && photos[i] != NULL; i++) {
        if (i >= MOST_PHOTOS) {
            return nt_fail(error, NITERU_ERROR_LIMIT, "'%s' has more than %d photos", put->product.id, MOST_PHOTOS);
        }
        if (!read_photo(put, photos[i], error)) {
            return false;
        }
    }
    return put->model != NULL;
}

/* ---- before the turn ---- */

/* Sends the photos that were not dealt with yet through the pipeline; all are in `photos` again afterwards, whatever
 * became of them. */
static bool embed(Put *put, GError **error) {
    guint count = put->photos->len, sent = 0, done = 0, wanted = 0;
    NtNetwork *network = count > 0 ? nt_model_network(put->catalogue, put->model, error) : NULL;
    if (network == NULL) {
        return count == 0;
    }
    g_autoptr(NtEmbedQueue) queue =
        nt_embed_queue_new(put->catalogue->pipeline, put->model->card, network, count > SINGLE_PHOTOS);
    for (guint i = 0; i < count; i++) {
        PhotoJob *job = put->photos->pdata[i];
        job->photo = i; /* its place, until it has a row */
        wanted += !job->dealt_with;
    }
    bool ok = true;
    while (ok && done < wanted) {
        PhotoJob *next;
        while (sent < count && ((next = put->photos->pdata[sent]) == NULL || next->dealt_with ||
                                nt_embed_queue_offer(queue, &next->base))) {
            put->photos->pdata[sent] = next != NULL && next->dealt_with ? next : NULL; /* the pipeline's now */
            sent++;
        }
        int64_t patience = nt_wait_until(&put->call.wait, G_TIME_SPAN_SECOND / 50) - g_get_monotonic_time();
        PhotoJob *job = (PhotoJob *)nt_embed_queue_take(queue, MAX(patience, 1));
        if (job != NULL) {
            job->dealt_with = true;
            put->photos->pdata[job->photo] = job;
            done++;
        }
        ok = nt_wait_check(&put->call.wait, error);
    }
    return ok;
}

/* Has photos whose decoder was lost, which is not their fault, tried again. Fails where that does not help. */
static bool embed_patiently(Put *put, GError **error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        const GError *lost = NULL;
        if (!embed(put, error)) {
            return false;
        }
        for (guint i = 0; i < put->photos->len; i++) {
            PhotoJob *job = put->photos->pdata[i];
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
        for (guint i = 0; i < put->photos->len; i++) {
            PhotoJob *job = put->photos->pdata[i];
            if (g_error_matches(job->base.fault, NITERU_ERROR, NITERU_ERROR_IO)) {
                g_clear_error(&job->base.fault);
                job->base.ends_run = job->dealt_with = false;
            }
        }
    }
    return true;
}

/* Fails where it is not the photos that are at fault, and keeps those that came as bytes. */
static bool keep(Put *put, GError **error) {
    for (guint i = 0; i < put->photos->len; i++) {
        PhotoJob *job = put->photos->pdata[i];
        if (job->base.fault != NULL && job->base.ends_run) {
            g_propagate_error(error, g_error_copy(job->base.fault));
            return false;
        }
        if (job->base.fault == NULL && job->bytes != NULL &&
            !nt_original_keep(put->catalogue, job->content.hash, job->bytes, error)) {
            return false;
        }
    }
    return true;
}

/* ---- in the turn ---- */

typedef struct Columns {
    Put *put;
    NtColumns *columns;
    GArray *values; /* NtValue */
    GError *fault;
} Columns;

static const char *text_of(const NtJson *value) { return nt_json_text(value, NULL); }
static const NtJson *other_than_text(const NtJson *value) { return text_of(value) != NULL ? NULL : value; }

static bool learn(const char *key, NtJson *value, void *data) {
    nt_columns_learn(((Columns *)data)->columns, key, text_of(value), other_than_text(value));
    return true;
}

static bool read_value(const char *key, NtJson *value, void *data) {
    Columns *all = data;
    g_autoptr(GError) fault = NULL;
    if (nt_columns_read(all->columns, key, text_of(value), other_than_text(value), &fault)) {
        return true;
    }
    if (fault->code != NITERU_ERROR_INVALID && fault->code != NITERU_ERROR_LIMIT) {
        all->fault = g_steal_pointer(&fault);
        return false;
    }
    g_ptr_array_add(all->put->refused, g_steal_pointer(&fault));
    return true;
}

/* A field that was not given is missing from now on. */
static bool add_missing(const NtField *field, void *data) {
    GArray *values = ((Columns *)data)->values;
    for (guint i = 0; i < values->len; i++) {
        if (g_array_index(values, NtValue, i).field == field->field) {
            return true;
        }
    }
    NtValue missing = {.field = field->field, .type = NT_FIELD_MISSING};
    g_array_append_val(values, missing);
    return true;
}

/* The product's row with its values and photos. */
static bool put_row(Put *put, NtCatalogue *db, const NtRun *run, NtPhotoState *states, GError **error) {
    g_autoptr(NtColumns) columns = nt_columns_new(db, NULL, error);
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(NtValue));
    Columns all = {.put = put, .columns = columns, .values = values};
    g_autoptr(NtJson) none = nt_json_object();
    const NtJson *metadata = put->metadata != NULL ? put->metadata : none;
    g_ptr_array_set_size(put->refused, 0);
    if (columns == NULL || !nt_json_foreach(metadata, learn, &all) || !nt_columns_settle(columns, error)) {
        return false;
    }
    nt_columns_begin_row(columns);
    if (!nt_json_foreach(metadata, read_value, &all)) {
        g_propagate_error(error, all.fault);
        return false;
    }
    size_t count;
    const NtValue *given = nt_columns_values(columns, &count);
    g_array_append_vals(values, given, (guint)count);
    if (!put->patch && !nt_catalogue_each_field(db, false, add_missing, &all, error)) {
        return false;
    }
    g_autofree NtPhotoPut *photos = g_new0(NtPhotoPut, put->photos->len + 1);
    g_autoptr(GPtrArray) locations = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < put->photos->len; i++) {
        PhotoJob *job = put->photos->pdata[i];
        bool kept = job->bytes != NULL && job->base.fault == NULL;
        g_ptr_array_add(locations, kept ? nt_original_location(job->content.hash) : g_strdup(job->path));
        photos[i].location = locations->pdata[i];
    }
    NtProductPut row = {.id = put->product.id,
                        .values = (const NtValue *)(void *)values->data,
                        .value_count = values->len,
                        .photos = photos,
                        .photo_count = put->photos->len,
                        .no_photos = !put->patch || put->product.photos != NULL};
    return nt_catalogue_put_product(db, run, &row, states, &put->report.added, error);
}

/* What the photos show. *out_vectors: those to be appended, for `contents`. */
static bool put_photos(Put *put, NtCatalogue *db, const NtPhotoState *states, int64_t *contents, float *vectors,
                       size_t *out_count, GError **error) {
    size_t dim = put->model->card->dimension, count = 0;
    for (guint i = 0; i < put->photos->len; i++) {
        PhotoJob *job = put->photos->pdata[i];
        int64_t content = 0, vrow = -1;
        if (job->base.fault != NULL) {
            if (!nt_catalogue_set_photo_failure(db, states[i].photo, job->base.fault, &job->stamp, error)) {
                return false;
            }
            continue;
        }
        if (!nt_catalogue_add_content(db, photo_job_content(job), &content, error) ||
            !nt_catalogue_set_photo_content(db, states[i].photo, content, &job->stamp, error) ||
            !nt_catalogue_find_vector(db, put->model->model, content, &vrow, error)) {
            return false;
        }
        bool twice = false;
        for (size_t c = 0; c < count; c++) {
            twice |= contents[c] == content;
        }
        if (vrow < 0 && !twice && job->base.vector == NULL) {
            job->embed = put->again = true;
            job->dealt_with = false;
        } else if (vrow < 0 && !twice) {
            memcpy(vectors + count * dim, job->base.vector, dim * sizeof(float));
            contents[count++] = content;
        }
    }
    *out_count = count;
    return true;
}

static bool append(Put *put, NtCatalogue *db, uint64_t rows, const int64_t *contents, const float *vectors,
                   size_t count, GError **error) {
    NtVectors *file = put->model->vectors;
    return count == 0 ||
           (nt_vectors_append(file, rows, vectors, count, NULL, NULL, error) && nt_vectors_sync(file, error) &&
            nt_catalogue_add_vectors(db, put->model->model, rows, contents, count, put->maker, error) &&
            nt_put_digests(db, put->model, rows, count, error));
}

static bool write_all(Put *put, GError **error) {
    NtCatalogue *db = put->catalogue->db;
    guint photos = put->photos->len;
    int64_t product;
    uint64_t rows = 0;
    size_t count = 0;
    NtRun run;
    g_autofree NtPhotoState *states = g_new0(NtPhotoState, photos + 1);
    g_autofree int64_t *contents = g_new(int64_t, photos + 1);
    nt_autofree float *vectors =
        nt_alloc(MAX(photos, 1) * (size_t)put->model->card->dimension, sizeof(float), "vectors", error);
    g_autoptr(NtModel) model =
        vectors != NULL ? nt_model_open(put->catalogue, db, put->model->name, &rows, error) : NULL;
    if (model == NULL || (put->patch && !nt_catalogue_find_product(db, put->product.id, &product, error))) {
        return false;
    }
    if (model->model != put->model->model) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "the model %s was removed meanwhile", model->name);
    }
    nt_model_unref(put->model);
    put->model = g_steal_pointer(&model);
    return (photos == 0 || nt_model_maker(put->catalogue, put->model->name, &put->maker, error)) &&
           nt_catalogue_start_run(db, "api", "", &run, error) && put_row(put, db, &run, states, error) &&
           put_photos(put, db, states, contents, vectors, &count, error) &&
           append(put, db, rows, contents, vectors, count, error) && nt_catalogue_end_run(db, &run, false, NULL, error);
}

/* ---- afterwards ---- */

static void tell(Put *put) {
    for (guint i = 0; i < put->photos->len; i++) {
        const PhotoJob *job = put->photos->pdata[i];
        put->report.photos++;
        put->report.embedded += job->base.vector != NULL;
        if (job->base.fault == NULL) {
            continue;
        }
        put->report.failed++;
        if (put->options.failure != NULL) {
            const NiteruFailure failure = {.place = job->path,
                                           .product = put->product.id,
                                           .photo = job->path,
                                           .message = job->base.fault->message,
                                           .code = (NiteruError)job->base.fault->code,
                                           .error = job->base.fault};
            put->options.failure(&failure, put->options.data);
        }
    }
    put->report.values = put->refused->len;
    for (guint i = 0; i < put->refused->len && put->options.failure != NULL; i++) {
        const GError *fault = put->refused->pdata[i];
        const NiteruFailure failure = {.place = put->product.id,
                                       .product = put->product.id,
                                       .message = fault->message,
                                       .code = (NiteruError)fault->code,
                                       .value_only = true,
                                       .error = fault};
        put->options.failure(&failure, put->options.data);
    }
}

/* Embeds and writes; again where a compaction has taken a vector away that made embedding needless. */
static bool write_patiently(Put *put, GError **error) {
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (!embed_patiently(put, error) || !keep(put, error) ||
            !nt_turn_begin(put->catalogue, &put->call.wait, error)) {
            return false;
        }
        put->again = false;
        bool ok = write_all(put, error);
        if (!ok || !put->again) {
            return nt_turn_end(put->catalogue, ok, error);
        }
        nt_turn_rollback(put->catalogue);
    }
    return nt_fail(error, NITERU_ERROR_FAILED, "'%s': its vectors are taken away again and again", put->product.id);
}

static bool put_product(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                        bool patch, GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    g_auto(Put) put = {.catalogue = catalogue, .patch = patch};
    put.photos = g_ptr_array_new_with_free_func(free_job);
    put.refused = g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free);
    if (!NT_OPTIONS_READ(NiteruProduct, &put.product, product, error) ||
        !NT_OPTIONS_READ(NiteruPutOptions, &put.options, options, error) ||
        !nt_call_begin_writing(&put.call, catalogue, put.options.timeout_ms, cancellable, error) ||
        !read_product(&put, error) || !write_patiently(&put, error)) {
        return false;
    }
    tell(&put);
    nt_report_write(out_report, &put.report, sizeof put.report);
    nt_model_calibrate(catalogue, put.model->name, &put.call.wait, NULL); /* what does not come off now does later */
    nt_models_compact(catalogue, &put.call.wait, NULL);
    return true;
}

bool niteru_put(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    return put_product(catalogue, product, options, false, cancellable, out_report, error);
}

bool niteru_patch(NiteruCatalogue *catalogue, const NiteruProduct *product, const NiteruPutOptions *options,
                  GCancellable *cancellable, NiteruPutReport *out_report, GError **error) {
    return put_product(catalogue, product, options, true, cancellable, out_report, error);
}
