/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of an indexing run: each begins where others left off, and makes durable what was gathered. */
#include "ingest/ingest-internal.h"

#include <string.h>

/* Appends the waiting vectors to the file; *out_contents are those whose rows were good, in order. */
static bool append_waiting(Ingest *ingest, int64_t *out_contents, size_t *out_count, GError **error) {
    size_t count = ingest->waiting->len, dimension = ingest->model->card->dimension;
    nt_autofree float *rows = nt_alloc(count * dimension, sizeof(float), "vectors", error);
    g_autofree NtRowFault *faults = g_new0(NtRowFault, count);
    if (rows == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const Waiting *waiting = &g_array_index(ingest->waiting, Waiting, i);
        memcpy(rows + i * dimension, waiting->job->base.vector, dimension * sizeof(float));
    }
    size_t written = 0;
    if (!nt_vectors_append(ingest->model->vectors, ingest->rows, rows, count, faults, &written, error) ||
        !nt_vectors_sync(ingest->model->vectors, error)) {
        return false;
    }
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        const Waiting *waiting = &g_array_index(ingest->waiting, Waiting, i);
        if (faults[i] == NT_ROW_GOOD) {
            out_contents[(*out_count)++] = waiting->content;
            continue;
        }
        g_autoptr(GError) fault = NULL;
        nt_fail(&fault, NITERU_ERROR_CORRUPT, "%s: the network's answer %s", waiting->job->path,
                nt_row_fault_text(faults[i]));
        if (!ingest_photo_failed(ingest, waiting->job, fault, error)) {
            return false;
        }
    }
    g_assert(*out_count == written);
    return true;
}

void ingest_clear_waiting(Ingest *ingest) {
    for (guint i = 0; i < ingest->waiting->len; i++) {
        photo_job_free(g_array_index(ingest->waiting, Waiting, i).job);
    }
    g_array_set_size(ingest->waiting, 0);
    g_hash_table_remove_all(ingest->fresh);
}

/* ---- turns ---- */

/* Begins a transaction, and looks at the model again: others may have written in between. */
bool ingest_begin(Ingest *ingest, GError **error) {
    NiteruCatalogue *catalogue = ingest->catalogue;
    g_auto(NtModelRow) row = {0};
    if (!nt_turn_begin(catalogue, ingest->wait, error)) {
        return false;
    }
    NtModel *model = nt_catalogue_find_model(ingest->db, ingest->model->name, &row, error)
                         ? nt_model_open_row(catalogue, &row, error)
                         : NULL;
    if (model == NULL || model->model != ingest->model->model) {
        if (model != NULL) {
            nt_fail(error, NITERU_ERROR_NOT_FOUND, "the model %s was removed meanwhile", row.name);
        }
        nt_model_unref(model);
        nt_turn_rollback(catalogue);
        return false;
    }
    nt_model_unref(ingest->model); /* a compaction leaves another generation */
    ingest->model = model;
    ingest->rows = row.rows;
    return true;
}

/* Appends and names what waits, and ends the turn: all so far is durable then. */
static bool commit(Ingest *ingest, GError **error) {
    size_t count = 0;
    g_autofree int64_t *contents = g_new(int64_t, ingest->waiting->len + 1);
    bool ok = ingest->waiting->len == 0 || append_waiting(ingest, contents, &count, error);
    ok = ok && (count == 0 || (nt_catalogue_add_vectors(ingest->db, ingest->model->model, ingest->rows, contents, count,
                                                        ingest->maker, error) &&
                               nt_put_digests(ingest->db, ingest->model, ingest->rows, count, error)));
    if (!nt_turn_end(ingest->catalogue, ok, error)) {
        return false;
    }
    ingest->report.embedded += count;
    ingest_clear_waiting(ingest);
    ingest->committed = g_get_monotonic_time();
    return true;
}

/* Tells of the products that the turn committed, or forgets them. */
static void tell_taken(Ingest *ingest, bool committed) {
    for (guint i = 0; committed && i < ingest->taken->len; i++) {
        const TakenProduct *taken = &g_array_index(ingest->taken, TakenProduct, i);
        ingest->upload->product(taken->id, taken->line, taken->added, ingest->upload->data);
    }
    g_array_set_size(ingest->taken, 0);
}

bool ingest_end(Ingest *ingest, bool ok, GError **error) {
    if (ok) {
        ok = commit(ingest, error);
    } else {
        nt_turn_rollback(ingest->catalogue);
    }
    tell_taken(ingest, ok);
    ingest_tell_failures(ingest);
    return ok;
}
