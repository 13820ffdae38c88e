/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vectors files of a model, <model>.<generation>.vec, of which the database names one: begun anew when it is lost,
 * and written anew without its dead rows, so that a catalogue whose photos keep changing does not grow for ever.
 *
 * The file before stays until the next writer comes: a reader that looked into the database a moment ago still opens
 * it.
 */
#include "state/state.h"

#include <glib/gstdio.h>
#include <string.h>

enum {
    COPY_ROWS = 1024,
    FEWEST_DEAD = 1024, /* below that, compaction is not worth a file */
    DEAD_SHARE = 4,     /* compact when at least 1 row in so many is dead */
};

/* Earlier versions kept a copy of the card beside the network, which nobody read: the one in force is in the database.
 */
static void remove_card(const NtCatalogue *db, const char *name) {
    g_autofree char *file = g_build_filename(name, "card.json", NULL);
    g_autofree char *path = nt_catalogue_path(db, "models", file);
    g_unlink(path);
}

/* Whether the model's file is there with all rows that the database names. */
static bool file_is_whole(const char *path, const NtVectorsSpec *spec, uint64_t rows, GError **error) {
    uint64_t capacity;
    g_autoptr(NtVectors) vectors = nt_vectors_open(path, true, spec, error);
    return vectors != NULL && nt_vectors_capacity(vectors, &capacity, error) &&
           (capacity >= rows ||
            nt_fail(error, NITERU_ERROR_CORRUPT,
                    "%s: only %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " vectors are left", path, capacity, rows));
}

/* In a turn: *out_path is new, for the file to be removed when the turn is over; NULL: it is whole. */
static bool renew_lost(NiteruCatalogue *catalogue, const char *name, char **out_path, char **out_lost, GError **error) {
    g_auto(NtModelRow) row = {0};
    NtVectorsSpec spec;
    if (!nt_catalogue_find_model(catalogue->db, name, &row, error) || !nt_generation_spec(&row, &spec, error)) {
        return false;
    }
    g_autoptr(GError) fault = NULL;
    nt_generations_remove(catalogue->db, row.name, row.generation);
    remove_card(catalogue->db, row.name);
    g_autofree char *old = nt_generation_path(catalogue->db, row.name, row.generation);
    if (file_is_whole(old, &spec, row.rows, &fault)) {
        return true;
    }
    if (fault->code != NITERU_ERROR_NOT_FOUND && fault->code != NITERU_ERROR_CORRUPT) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return false;
    }
    spec.generation = row.generation + 1;
    g_autofree char *path = nt_generation_path(catalogue->db, row.name, row.generation + 1);
    if (!nt_vectors_create(path, &spec, error) ||
        !nt_catalogue_renew_model(catalogue->db, row.model, row.generation + 1, error)) {
        return false;
    }
    *out_path = g_steal_pointer(&old);
    *out_lost = g_strdup(fault->message);
    return true;
}

bool nt_model_repair(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, char **out_lost,
                     GError **error) {
    g_autofree char *old = NULL, *lost = NULL;
    *out_lost = NULL;
    if (!nt_turn_begin(catalogue, wait, error) ||
        !nt_turn_end(catalogue, renew_lost(catalogue, name, &old, &lost, error), error)) {
        return false;
    }
    if (old != NULL) {
        g_unlink(old);
    }
    *out_lost = g_steal_pointer(&lost);
    return true;
}

bool nt_put_digests(NtCatalogue *db, const NtModel *model, uint64_t first, uint64_t count, GError **error) {
    uint64_t from = first / NT_VECTORS_BLOCK, total = first + count, to = nt_vectors_blocks(total);
    g_autofree uint64_t *digests = g_new(uint64_t, to - from);
    for (uint64_t block = from; block < to; block++) {
        size_t rows = nt_vectors_rows_in_block(total, block);
        if (!nt_vectors_digest(model->vectors, block, rows, &digests[block - from], error)) {
            return false;
        }
    }
    return nt_catalogue_put_digests(db, model->model, from, digests, to - from,
                                    (unsigned)nt_vectors_rows_in_block(total, to - 1), error);
}

static bool block_is_intact(NtCatalogue *db, const NtModel *model, const NtRows *view, uint64_t block,
                            unsigned *covered, GError **error) {
    uint64_t expected;
    if (!nt_catalogue_get_digest(db, model->model, block, &expected, covered, error)) {
        return false;
    }
    const uint8_t *data = view->data + block * NT_VECTORS_BLOCK * view->stride;
    if (*covered == nt_vectors_rows_in_block(view->count, block) &&
        nt_xxh3(data, *covered * view->stride, block) == expected) {
        return true;
    }
    nt_fail(error, NITERU_ERROR_CORRUPT,
            "%s: rows %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " are damaged: they do not fit their checksum",
            nt_vectors_path(model->vectors), block * NT_VECTORS_BLOCK, block * NT_VECTORS_BLOCK + MAX(*covered, 1) - 1);
    return nt_fact(error, "remedy", "check");
}

bool nt_row_check(NtCatalogue *db, NtModel *model, const NtRows *view, uint64_t row, GError **error) {
    uint64_t block = row / NT_VECTORS_BLOCK;
    unsigned covered = 0;
    g_mutex_lock(&model->checking);
    bool known = block < model->intact->len && g_array_index(model->intact, guint16, block) > row % NT_VECTORS_BLOCK;
    g_mutex_unlock(&model->checking);
    if (known) {
        return true;
    }
    if (!block_is_intact(db, model, view, block, &covered, error)) {
        return false;
    }
    g_mutex_lock(&model->checking);
    if (block >= model->intact->len) {
        g_array_set_size(model->intact, (guint)block + 1);
    }
    guint16 *rows = &g_array_index(model->intact, guint16, block);
    *rows = MAX(*rows, (guint16)covered);
    g_mutex_unlock(&model->checking);
    return true;
}

/* ---- compaction ---- */

/* Rows on their way from one file to the next. */
typedef struct Copy {
    NtRows from;
    NtVectors *to;
    uint64_t rows[COPY_ROWS];
    size_t count;     /* of `rows` */
    uint64_t written; /* before them */
    GError *fault;
} Copy;

static bool flush_copy(Copy *copy) {
    bool ok = nt_vectors_copy(copy->to, copy->written, &copy->from, copy->rows, copy->count, &copy->fault);
    copy->written += copy->count;
    copy->count = 0;
    return ok;
}

static bool copy_row(uint64_t vrow, void *data) {
    Copy *copy = (Copy *)data;
    copy->rows[copy->count++] = vrow;
    return copy->count < COPY_ROWS || flush_copy(copy);
}

/* In a transaction: fills the new file, and has the database name its rows. */
static bool move_over(NtCatalogue *db, const NtModel *next, Copy *copy, GError **error) {
    uint64_t rows = 0;
    bool ok =
        nt_catalogue_compact_model(db, next->model, next->generation, copy_row, copy, &rows, error) && flush_copy(copy);
    if (copy->fault != NULL) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&copy->fault));
    }
    return ok && nt_vectors_sync(next->vectors, error) && (rows == 0 || nt_put_digests(db, next, 0, rows, error));
}

/* In a turn. *out_path: of the new file, to be removed where the turn does not end well. */
static bool compact(NiteruCatalogue *catalogue, const NtModelRow *row, char **out_path, GError **error) {
    NtVectorsSpec spec;
    Copy copy = {.fault = NULL};
    g_autoptr(NtModel) model = nt_model_open_row(catalogue, row, error);
    if (model == NULL || !nt_generation_spec(row, &spec, error) ||
        !nt_model_view(model, row->rows, &copy.from, error)) {
        return false;
    }
    spec.generation = row->generation + 1;
    *out_path = nt_generation_path(catalogue->db, row->name, row->generation + 1);
    NtModel next = {.model = row->model, .generation = row->generation + 1};
    bool ok = nt_vectors_create(*out_path, &spec, error) &&
              (next.vectors = nt_vectors_open(*out_path, true, &spec, error)) != NULL;
    copy.to = next.vectors;
    ok = ok && move_over(catalogue->db, &next, &copy, error);
    nt_vectors_close(copy.to);
    nt_rows_clear(&copy.from);
    return ok;
}

static bool is_due(const NtModelRow *row) { return row->dead >= FEWEST_DEAD && row->dead >= row->rows / DEAD_SHARE; }

static bool find_due(const NtModelRow *row, void *data) {
    char **name = data;
    *name = is_due(row) ? g_strdup(row->name) : NULL;
    return *name == NULL;
}

/* Where it must be given up the new file goes: unless its commit may have come through all the same, in which case the
 * next writer removes the file that is not named. */
static bool compact_model(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error) {
    g_auto(NtModelRow) row = {0};
    g_autofree char *path = NULL;
    if (!nt_turn_begin(catalogue, wait, error)) {
        return false;
    }
    bool ok = nt_catalogue_find_model(catalogue->db, name, &row, error);
    if (ok && !is_due(&row)) { /* another was quicker */
        nt_turn_rollback(catalogue);
        return true;
    }
    ok = ok && compact(catalogue, &row, &path, error);
    if (!ok && path != NULL) {
        g_unlink(path);
    }
    return nt_turn_end(catalogue, ok, error);
}

bool nt_models_compact(NiteruCatalogue *catalogue, const NtWait *wait, GError **error) {
    for (bool compacted = false;; compacted = true) {
        g_autofree char *name = NULL;
        g_auto(NtReader) reader = {0};
        if (!nt_reader_open(&reader, catalogue, error) || !nt_catalogue_each_model(reader.db, find_due, &name, error)) {
            return false;
        }
        nt_reader_clear(&reader);
        if (name == NULL) {
            if (compacted) {
                nt_originals_sweep(catalogue);
            }
            return true;
        }
        g_autoptr(GError) fault = NULL;
        if (!compact_model(catalogue, name, wait, &fault)) {
            if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NO_SPACE)) {
                return true;
            }
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
}
