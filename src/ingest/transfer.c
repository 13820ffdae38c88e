/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors out to .npy with their ids, and in again. */
#include "connect/connect.h"
#include "ingest/ingest-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

enum { ROWS_AT_ONCE = 512, TIDY_MILLISECONDS = 2000 /* at most, to take back what a failed import began */ };

/* ---- out ---- */

typedef struct Export {
    const NtWait *wait;
    NtModel *model;
    uint64_t rows; /* of the model, when the export began */
    NtRows view;
    NtNpyWriter *writer;
    GString *ids, *paths; /* texts to be written; memory in proportion to the rows, as the database's cursor is open */
    float *row;
    uint64_t count;
    GError *fault;
} Export;

static bool export_row(const NtVectorEntry *entry, void *data) {
    Export *export = data;
    if (entry->vrow >= export->rows) {
        return true; /* added after the export began */
    }
    nt_rows_get(&export->view, entry->vrow, export->row);
    g_string_append_printf(export->ids, "%s\n", entry->id);
    g_autofree char *path = g_strdelimit(nt_location_path(export->model->catalogue, entry->location), "\n",
                                         '?'); /* lines and rows must stay in step */
    g_string_append_printf(export->paths, "%s\n", path);
    export->count++;
    return nt_wait_check(export->wait, &export->fault) && nt_npy_write(export->writer, export->row, 1, &export->fault);
}

static bool write_lines(const char *folder, const char *name, const GString *text, GError **error) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return nt_file_write(path, text->str, text->len, error);
}

static bool export_all(Export *export, NtCatalogue *db, const char *folder, GError **error) {
    NtVectorQuery query = {.model = export->model->model};
    if (!nt_catalogue_each_vector(db, &query, export_row, export, error)) {
        return false;
    }
    if (export->fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&export->fault));
        return false;
    }
    return write_lines(folder, "image_ids.txt", export->ids, error) &&
           write_lines(folder, "image_paths.txt", export->paths, error) && nt_npy_finish(export->writer, error);
}

bool niteru_export(NiteruCatalogue *catalogue, const char *folder, const NiteruExportOptions *given,
                   GCancellable *cancellable, uint64_t *out_rows, GError **error) {
    NiteruExportOptions options;
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    if (!NT_OPTIONS_READ(NiteruExportOptions, &options, given, error) ||
        !nt_call_begin(&call, catalogue, options.timeout_ms, cancellable, error) ||
        !nt_reader_open(&reader, catalogue, error)) {
        return false;
    }
    nt_catalogue_set_wait(reader.db, &call.wait);
    Export export = {.wait = &call.wait};
    g_autoptr(NtModel) model = nt_model_open(catalogue, reader.db, options.model, &export.rows, error);
    if (model == NULL) {
        return false;
    }
    export.model = model;
    NtDtype kind = nt_vectors_spec(model->vectors)->dtype;
    if (options.dtype != NULL && !nt_dtype_parse(options.dtype, &kind)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not a dtype: f2 or f4", options.dtype);
    }
    if (g_mkdir_with_parents(folder, 0755) != 0) {
        return nt_fail_errno(error, errno, "%s", folder);
    }
    g_autofree char *path = g_build_filename(folder, "image_vectors.npy", NULL);
    size_t dim = export.model->card->dimension;
    g_autoptr(GString) ids = g_string_new(NULL), paths = g_string_new(NULL);
    g_autofree float *row = g_new(float, dim);
    export.ids = ids;
    export.paths = paths;
    export.row = row;
    bool ok = nt_model_view(export.model, export.rows, &export.view, error);
    export.writer = ok ? nt_npy_create(path, kind, dim, error) : NULL;
    ok = export.writer != NULL && export_all(&export, reader.db, folder, error);
    nt_npy_writer_free(export.writer);
    nt_rows_clear(&export.view);
    if (ok && out_rows != NULL) {
        *out_rows = export.count;
    }
    return ok;
}

/* ---- in ---- */

typedef struct Import {
    NiteruCatalogue *catalogue;
    NtCatalogue *db;
    const NiteruImportOptions *options;
    const NtWait *wait;
    const char *npy, *ids_path;
    NtNpyReader *reader;
    NtIds ids;
    NtRun run;
    NtModel *model;
    bool added;    /* the model was, by this import */
    int64_t maker; /* this file, among those who made vectors */
    uint64_t rows; /* of the model that are named */
    uint64_t taken;
    GHashTable *positions; /* id -> photos of it so far */
    char *first_fault;     /* of a row */
    GPtrArray *untold;     /* failures, until the turn is over */
} Import;

static void tell(Import *import, uint64_t row, const char *what) {
    g_autofree char *place = g_strdup_printf("%s: row %" G_GUINT64_FORMAT, import->npy, row);
    g_autoptr(GError) fault = NULL;
    nt_fail(&fault, NITERU_ERROR_INVALID, "%s %s", place, what);
    if (import->first_fault == NULL) {
        import->first_fault = g_strdup(fault->message);
    }
    if (import->options->failure != NULL) {
        NiteruFailure failure = {.place = place,
                                 .product = import->ids.lines[row],
                                 .message = fault->message,
                                 .code = NITERU_ERROR_INVALID,
                                 .error = fault};
        failures_keep(import->untold, &failure);
    }
}

/* As many ids as the vectors have rows. */
static bool read_ids(Import *import, GError **error) {
    return nt_ids_read(import->ids_path, &import->ids, error) &&
           (import->ids.count == nt_npy_rows(import->reader) ||
            nt_fail(error, NITERU_ERROR_INVALID, "%s: %zu ids, but %s has %" G_GUINT64_FORMAT " rows", import->ids_path,
                    import->ids.count, import->npy, nt_npy_rows(import->reader)));
}

/* Which photo of its product a row stands for: rows of one id are its photos in turn, the bad ones too. */
static unsigned next_position(Import *import, uint64_t row) {
    char *id = import->ids.lines[row];
    unsigned position = GPOINTER_TO_UINT(g_hash_table_lookup(import->positions, id));
    g_hash_table_insert(import->positions, id, GUINT_TO_POINTER(position + 1));
    return position;
}

/* The content a row belongs to: that photo of its product, which is added when it is not there. 0: the id cannot be
 * used, which was told. */
static bool content_of(Import *import, uint64_t row, unsigned position, int64_t *out_content, GError **error) {
    const char *id = import->ids.lines[row];
    g_autoptr(GError) fault = NULL;
    int64_t product = 0;
    *out_content = 0;
    if (!nt_catalogue_find_product(import->db, id, &product, &fault)) {
        if (!g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        g_clear_error(&fault);
        NtProductPut put = {.id = id, .line = row + 1};
        bool ok = nt_catalogue_put_product(import->db, &import->run, &put, NULL, NULL, &fault) &&
                  nt_catalogue_find_product(import->db, id, &product, &fault);
        if (!ok && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_INVALID)) {
            tell(import, row, fault->message);
            return true;
        }
        if (!ok) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
    return nt_catalogue_import_content(import->db, product, position, out_content, error);
}

/* The model as it is in this turn. */
static bool look_again(Import *import, GError **error) {
    NtModel *model = nt_model_open(import->catalogue, import->db, import->options->model, &import->rows, error);
    if (model == NULL || model->model != import->model->model) {
        bool gone = model != NULL;
        nt_model_unref(model);
        return gone &&
               nt_fail(error, NITERU_ERROR_NOT_FOUND, "the model %s was removed meanwhile", import->options->model);
    }
    nt_model_unref(import->model);
    import->model = model;
    return true;
}

/* In a turn: rows first .. first + count - 1 of the .npy. */
static bool import_chunk(Import *import, uint64_t first, size_t count, GError **error) {
    size_t dim = nt_npy_dim(import->reader), kept = 0, written = 0;
    nt_autofree float *rows = nt_alloc(count * dim, sizeof(float), "vectors", error);
    g_autofree int64_t *contents = g_new(int64_t, count);
    if (rows == NULL || !nt_npy_read(import->reader, first, count, rows, error)) {
        return false;
    }
    if (!look_again(import, error)) {
        return false;
    }
    const NtVectorsSpec *spec = nt_vectors_spec(import->model->vectors);
    for (size_t i = 0; i < count; i++) {
        NtRowFault fault = nt_vectors_fault(spec, rows + i * dim);
        unsigned position = next_position(import, first + i);
        int64_t content = 0;
        if (fault != NT_ROW_GOOD) {
            tell(import, first + i, nt_row_fault_text(fault));
        } else if (!content_of(import, first + i, position, &content, error)) {
            return false;
        }
        if (content > 0) {
            memmove(rows + kept * dim, rows + i * dim, dim * sizeof(float));
            contents[kept++] = content;
        }
    }
    if (kept == 0) {
        return true;
    }
    if (import->options->mix && import->model->card->preprocess.width > 0 &&
        !nt_catalogue_set_model_mixed(import->db, import->model->model, true, error)) {
        return false;
    }
    if (!nt_vectors_append(import->model->vectors, import->rows, rows, kept, NULL, &written, error) ||
        !nt_vectors_sync(import->model->vectors, error) ||
        !nt_catalogue_add_vectors(import->db, import->model->model, import->rows, contents, kept, import->maker,
                                  error) ||
        !nt_put_digests(import->db, import->model, import->rows, kept, error)) {
        return false;
    }
    import->taken += kept;
    return true;
}

/* The metric and dtype that were asked for, where they were. */
static bool read_options(const NiteruImportOptions *options, NtMetric *metric, NtDtype *dtype, GError **error) {
    if (options->metric != NULL && !nt_metric_parse(options->metric, metric)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not a metric: cosine, euclidean or inner",
                       options->metric);
    }
    return options->dtype == NULL || nt_dtype_parse(options->dtype, dtype) ||
           nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not a dtype: f2 or f4", options->dtype);
}

/* What was asked of a model that is there already must be what it is, and one with a network takes vectors of others
 * only on request. */
static bool check_model(const Import *import, const NtModelRow *row, GError **error) {
    NtVectorsSpec spec;
    if (!nt_generation_spec(row, &spec, error)) {
        return false;
    }
    NtMetric metric = spec.metric;
    NtDtype dtype = spec.dtype;
    if (!read_options(import->options, &metric, &dtype, error)) {
        return false;
    }
    if (nt_model_row_has_network(row) && !row->mixed && !import->options->mix) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "the model %s has a network of its own, and vectors made elsewhere are not comparable with those it "
                "makes: name another model, or let them be mixed",
                row->name);
        return nt_fact(error, "option", "mix");
    }
    if (metric == spec.metric && dtype == spec.dtype) {
        return true;
    }
    return nt_fail(error, NITERU_ERROR_INVALID,
                   "the model %s is there already, with the metric %s and dtype %s; import under another name",
                   row->name, row->metric, row->dtype);
}

static void tell_loss(const Import *import, const char *words) {
    if (words != NULL && import->options->failure != NULL) {
        import->options->failure(&(NiteruFailure){.place = import->npy, .message = words, .code = NITERU_ERROR_CORRUPT},
                                 import->options->data);
    }
}

/* Whether the model is there already, and may take these vectors. */
static bool find_model(Import *import, bool *out_found, GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(NtModelRow) row = {0};
    if (!nt_reader_open_any(&reader, import->catalogue, error)) {
        return false;
    }
    *out_found = nt_catalogue_find_model(reader.db, import->options->model, &row, NULL);
    return !*out_found || check_model(import, &row, error);
}

static NtModel *open_model(const Import *import, GError **error) {
    g_auto(NtReader) reader = {0};
    return nt_reader_open_any(&reader, import->catalogue, error)
               ? nt_model_open(import->catalogue, reader.db, import->options->model, NULL, error)
               : NULL;
}

/* The model the vectors belong to, made when it is not there. */
static bool find_or_add_model(Import *import, GError **error) {
    g_autofree char *lost = NULL, *commits = NULL;
    size_t dim = nt_npy_dim(import->reader);
    bool found = false;
    if (!nt_turn_accept_loss(import->catalogue, import->wait, &commits, error)) {
        return false;
    }
    tell_loss(import, commits);
    if (!find_model(import, &found, error)) {
        return false;
    }
    if (!found) {
        NtCard card = {.name = (char *)import->options->model, .dimension = (unsigned)dim, .dtype = NT_DTYPE_F32};
        if (!read_options(import->options, &card.metric, &card.dtype, error)) {
            return false;
        }
        card.scores = nt_scores_default(card.metric);
        GError *fault = NULL;
        if (!nt_card_check_name(card.name, error)) {
            return false;
        }
        import->added = nt_model_add_vectors_only(import->catalogue, &card, import->wait, &fault);
        if (!import->added && (!find_model(import, &found, error) || !found)) { /* or another was quicker */
            g_clear_error(error);
            g_propagate_error(error, fault);
            return false;
        }
        g_clear_error(&fault);
    }
    if (!nt_model_repair(import->catalogue, import->options->model, import->wait, &lost, error)) {
        return false;
    }
    tell_loss(import, lost);
    import->model = open_model(import, error);
    return import->model != NULL &&
           (import->model->card->dimension == dim ||
            nt_fail(error, NITERU_ERROR_INVALID, "%s: rows of %zu numbers, but the model %s has %u dimensions",
                    import->npy, dim, import->model->name, import->model->card->dimension));
}

/* Where the vectors come from. */
static bool start_import(Import *import, GError **error) {
    g_autofree char *location = g_canonicalize_filename(import->npy, NULL);
    NtMaker maker = {.kind = NT_MADE_ELSEWHERE, .source = location};
    return nt_file_digest(import->npy, maker.digest, error) && nt_turn_begin(import->catalogue, import->wait, error) &&
           nt_turn_end(import->catalogue,
                       nt_catalogue_put_maker(import->db, &maker, &import->maker, error) &&
                           nt_catalogue_start_run(import->db, "import", location, &import->run, error),
                       error);
}

static bool import_all(Import *import, GError **error) {
    uint64_t total = nt_npy_rows(import->reader);
    bool ok = start_import(import, error);
    for (uint64_t first = 0; ok && first < total; first += ROWS_AT_ONCE) {
        size_t count = (size_t)MIN((uint64_t)ROWS_AT_ONCE, total - first);
        ok = nt_turn_begin(import->catalogue, import->wait, error) &&
             nt_turn_end(import->catalogue, import_chunk(import, first, count, error), error);
        failures_tell(import->untold, import->options->failure, import->options->data);
    }
    ok = ok && nt_turn_begin(import->catalogue, import->wait, error) &&
         nt_turn_end(import->catalogue, nt_catalogue_end_run(import->db, &import->run, false, NULL, error), error);
    if (ok && import->taken == 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: none of its %" G_GUINT64_FORMAT " rows could be taken%s%s",
                       import->npy, total, import->first_fault != NULL ? "; the first: " : "",
                       import->first_fault != NULL ? import->first_fault : "");
    }
    return ok && nt_model_calibrate(import->catalogue, import->options->model, import->wait, error) &&
           nt_models_compact(import->catalogue, import->wait, error);
}

bool niteru_import(NiteruCatalogue *catalogue, const char *npy, const char *ids, const NiteruImportOptions *given,
                   GCancellable *cancellable, uint64_t *out_rows, GError **error) {
    NiteruImportOptions options;
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruImportOptions, &options, given, error)) {
        return false;
    }
    if (options.model == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "an import needs the name of the model that made the vectors");
    }
    if (!nt_call_begin_writing(&call, catalogue, options.timeout_ms, cancellable, error)) {
        return false;
    }
    Import import = {.catalogue = catalogue,
                     .db = catalogue->db,
                     .options = &options,
                     .wait = &call.wait,
                     .npy = npy,
                     .ids_path = ids};
    import.positions = g_hash_table_new(g_str_hash, g_str_equal);
    import.untold = failures_new();
    import.reader = nt_npy_open(npy, error);
    bool ok = import.reader != NULL && read_ids(&import, error) && find_or_add_model(&import, error) &&
              import_all(&import, error);
    if (import.added && import.taken == 0 && import.model != NULL) { /* an empty one, which nobody asked for */
        NtWait brief = nt_wait_for(TIDY_MILLISECONDS, NULL);
        nt_model_drop_empty(catalogue, import.model->model, options.model, &brief, NULL);
    }
    nt_model_unref(import.model);
    g_free(import.first_fault);
    g_ptr_array_unref(import.untold);
    g_hash_table_unref(import.positions);
    nt_ids_clear(&import.ids);
    nt_npy_close(import.reader);
    if (ok && out_rows != NULL) {
        *out_rows = import.taken;
    }
    return ok;
}
