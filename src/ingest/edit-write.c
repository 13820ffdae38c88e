/* SPDX-License-Identifier: Apache-2.0 */
/* What edits of products write, in the turn. */
#include "ingest/edit-internal.h"

#include <string.h>

/* ---- metadata ---- */

typedef struct Columns {
    Edit *edit;
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
    g_ptr_array_add(all->edit->refused, g_steal_pointer(&fault));
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

/* The values to be set, NtValue; texts are borrowed from *out_columns. */
static GArray *read_values(Edit *edit, NtCatalogue *db, NtColumns **out_columns, GError **error) {
    NtColumns *columns = *out_columns = nt_columns_new(db, NULL, error);
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(NtValue));
    g_autoptr(NtJson) none = nt_json_object();
    Columns all = {.edit = edit, .columns = columns, .values = values};
    const NtJson *metadata = edit->given->metadata != NULL ? edit->given->metadata : none;
    g_clear_pointer(&edit->refused, g_ptr_array_unref);
    edit->refused = g_ptr_array_new_with_free_func((GDestroyNotify)g_error_free);
    if (columns == NULL || !nt_json_foreach(metadata, learn, &all) || !nt_columns_settle(columns, error)) {
        return NULL;
    }
    nt_columns_begin_row(columns);
    if (!nt_json_foreach(metadata, read_value, &all)) {
        g_propagate_error(error, all.fault);
        return NULL;
    }
    size_t count;
    const NtValue *given = nt_columns_values(columns, &count);
    g_array_append_vals(values, given, (guint)count);
    return !edit->given->whole || nt_catalogue_each_field(db, false, add_missing, &all, error)
               ? g_steal_pointer(&values)
               : NULL;
}

/* ---- photos ---- */

/* Where a photo that was given lies. New. */
static char *location_of(const PhotoJob *job) {
    bool kept = job->bytes != NULL && job->base.fault == NULL;
    return kept ? nt_original_location(job->content.hash) : g_strdup(job->path);
}

static bool add_location(const char *location, void *data) {
    g_ptr_array_add(data, g_strdup(location));
    return true;
}

/* The locations of all photos that the product is to have; *out_first: where those that were given begin. NULL: it has
 * no photo at the position. */
static GPtrArray *list_photos(const Edits *edits, const Edit *edit, NtCatalogue *db, int64_t product, guint *out_first,
                              GError **error) {
    const NtProductEdit *given = edit->given;
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(g_free);
    *out_first = 0;
    if (given->photo_edit != NT_PHOTOS_REPLACE && product != 0 &&
        !nt_catalogue_each_photo(db, product, add_location, list, error)) {
        return NULL;
    }
    if (given->photo_edit == NT_PHOTOS_REMOVE) {
        if (given->position >= list->len) {
            nt_fail(error, NITERU_ERROR_NOT_FOUND, "'%s' has no photo %zu: it has %u", given->id, given->position,
                    list->len);
            return NULL;
        }
        g_ptr_array_remove_index(list, (guint)given->position);
    } else if (given->photo_edit == NT_PHOTOS_SET && given->position < list->len) {
        g_ptr_array_remove_index(list, (guint)given->position);
        *out_first = (guint)given->position;
    } else {
        *out_first = list->len;
    }
    for (guint i = 0; i < edit->count; i++) {
        g_ptr_array_insert(list, (gint)(*out_first + i), location_of(edits->photos->pdata[edit->first + i]));
    }
    return g_steal_pointer(&list);
}

/* Vectors that the transaction adds. */
typedef struct Fresh {
    int64_t *contents;
    float *vectors; /* (count, dimension) */
    size_t count;
} Fresh;

static bool is_fresh(const Fresh *fresh, int64_t content) {
    for (size_t i = 0; i < fresh->count; i++) {
        if (fresh->contents[i] == content) {
            return true;
        }
    }
    return false;
}

/* What the photos show that were given. */
static bool put_photos(Edits *edits, const Edit *edit, NtCatalogue *db, const NtPhotoState *states, Fresh *fresh,
                       GError **error) {
    size_t dim = edits->model->card->dimension;
    for (guint i = 0; i < edit->count; i++) {
        PhotoJob *job = edits->photos->pdata[edit->first + i];
        int64_t content = 0, vrow = -1;
        if (job->base.fault != NULL) {
            if (!nt_catalogue_set_photo_failure(db, states[i].photo, job->base.fault, &job->stamp, error)) {
                return false;
            }
            continue;
        }
        if (!nt_catalogue_add_content(db, photo_job_content(job), &content, error) ||
            !nt_catalogue_set_photo_content(db, states[i].photo, content, &job->stamp, error) ||
            !nt_catalogue_find_vector(db, edits->model->model, content, &vrow, error)) {
            return false;
        }
        if (vrow >= 0 || is_fresh(fresh, content)) {
            continue;
        }
        if (job->base.vector == NULL) {
            job->embed = edits->again = true;
            job->dealt_with = false;
        } else {
            memcpy(fresh->vectors + fresh->count * dim, job->base.vector, dim * sizeof(float));
            fresh->contents[fresh->count++] = content;
        }
    }
    return true;
}

/* ---- a product ---- */

static bool find(NtCatalogue *db, const char *id, int64_t *out_product, GError **error) {
    g_autoptr(GError) gone = NULL;
    *out_product = 0;
    if (nt_catalogue_find_product(db, id, out_product, &gone)) {
        return true;
    }
    if (g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&gone));
    return false;
}

/* Whether it may be done: what is there is as it has to be. */
static bool check(const NtProductEdit *given, NtCatalogue *db, int64_t *out_product, GError **error) {
    return find(db, given->id, out_product, error) &&
           (!given->must_exist || (given->remove && given->version != 0) ||
            nt_catalogue_find_product(db, given->id, out_product, error)) &&
           (given->allow == NULL || given->allow(db, *out_product, given->data, error));
}

static bool put_product(Edits *edits, Edit *edit, NtCatalogue *db, int64_t product, Fresh *fresh, GError **error) {
    NtProductEdit *given = edit->given;
    guint first = 0;
    NtRun run;
    g_autoptr(NtColumns) columns = NULL;
    g_autoptr(GArray) values = read_values(edit, db, &columns, error);
    g_autoptr(GPtrArray) locations = values != NULL && given->photo_edit != NT_PHOTOS_STAY
                                         ? list_photos(edits, edit, db, product, &first, error)
                                         : NULL;
    if (values == NULL || (given->photo_edit != NT_PHOTOS_STAY && locations == NULL)) {
        return false;
    }
    guint count = locations != NULL ? locations->len : 0;
    g_autofree NtPhotoPut *photos = g_new0(NtPhotoPut, count + 1);
    g_autofree NtPhotoState *states = g_new0(NtPhotoState, count + 1);
    for (guint i = 0; i < count; i++) {
        photos[i].location = locations->pdata[i];
    }
    NtProductPut row = {.id = given->id,
                        .values = (const NtValue *)(void *)values->data,
                        .value_count = values->len,
                        .photos = photos,
                        .photo_count = count,
                        .no_photos = locations != NULL,
                        .version = given->version,
                        .only = given->only};
    return nt_catalogue_start_run(db, "api", "", &run, error) &&
           nt_catalogue_put_product(db, &run, &row, states, &given->report.added, error) &&
           put_photos(edits, edit, db, states + first, fresh, error) &&
           nt_catalogue_end_run(db, &run, false, NULL, error);
}

/* Takes down how the product is now. */
static bool show(NtProductEdit *given, NtCatalogue *db, GError **error) {
    int64_t product;
    g_clear_pointer(&given->product, nt_json_free);
    return nt_catalogue_find_product(db, given->id, &product, error) &&
           (given->product = nt_catalogue_product_json(db, product, error)) != NULL;
}

static bool write_edit(Edits *edits, Edit *edit, NtCatalogue *db, Fresh *fresh, GError **error) {
    NtProductEdit *given = edit->given;
    int64_t product;
    bool there;
    if (!check(given, db, &product, error)) {
        return false;
    }
    return given->remove
               ? nt_catalogue_remove_version(db, given->id, given->version, &there, error)
               : put_product(edits, edit, db, product, fresh, error) && (!given->shown || show(given, db, error));
}

/* ---- all ---- */

static bool append(const Edits *edits, NtCatalogue *db, uint64_t rows, const Fresh *fresh, GError **error) {
    const NtModel *model = edits->model;
    return fresh->count == 0 ||
           (nt_vectors_append(model->vectors, rows, fresh->vectors, fresh->count, NULL, NULL, error) &&
            nt_vectors_sync(model->vectors, error) &&
            nt_catalogue_add_vectors(db, model->model, rows, fresh->contents, fresh->count, edits->maker, error) &&
            nt_put_digests(db, model, rows, fresh->count, error));
}

/* The model as it is in this transaction. */
static bool renew_model(Edits *edits, NtCatalogue *db, uint64_t *out_rows, GError **error) {
    g_autoptr(NtModel) model = nt_model_open(edits->catalogue, db, edits->model->name, out_rows, error);
    if (model == NULL) {
        return false;
    }
    if (model->model != edits->model->model) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND, "the model %s was removed meanwhile", model->name);
    }
    nt_model_unref(edits->model);
    edits->model = g_steal_pointer(&model);
    return edits->photos->len == 0 || nt_model_maker(edits->catalogue, edits->model->name, &edits->maker, error);
}

bool edits_write(Edits *edits, GError **error) {
    NtCatalogue *db = edits->catalogue->db;
    uint64_t rows = 0;
    size_t most = MAX(edits->photos->len, 1);
    g_autofree int64_t *contents = g_new(int64_t, most);
    nt_autofree float *vectors =
        nt_alloc(most * (size_t)edits->model->card->dimension, sizeof(float), "vectors", error);
    Fresh fresh = {.contents = contents, .vectors = vectors};
    if (vectors == NULL || !renew_model(edits, db, &rows, error)) {
        return false;
    }
    for (size_t i = 0; i < edits->count; i++) {
        Edit *edit = &edits->edits[i];
        g_autoptr(GError) fault = NULL;
        if (edit->given->error != NULL || write_edit(edits, edit, db, &fresh, &fault)) {
            continue;
        }
        if (!edit_owns(fault)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        edit->given->error = g_steal_pointer(&fault);
    }
    return append(edits, db, rows, &fresh, error);
}
