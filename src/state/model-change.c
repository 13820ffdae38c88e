/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to models that are there: removing one, making one the default. */
#include "state/state.h"

#include <glib/gstdio.h>

/* One change to a named model, in a transaction of its own; *out (to be cleared) is what it was. */
static bool change_model(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, NtModelRow *out,
                         bool (*change)(NtCatalogue *db, int64_t model, GError **error), GError **error) {
    return nt_turn_begin(catalogue, wait, error) &&
           nt_turn_end(catalogue,
                       nt_catalogue_find_model(catalogue->db, name, out, error) &&
                           change(catalogue->db, out->model, error),
                       error);
}

/* What lies beside the database of a model that is gone from it. */
static void remove_files(NiteruCatalogue *catalogue, const NtModelRow *row) {
    g_autofree char *folder = nt_catalogue_path(catalogue->db, "models", row->name);
    nt_model_clear_folder(folder);
    g_rmdir(folder);
    nt_generations_remove(catalogue->db, row->name, 0);
    nt_model_forget(catalogue, row->model);
}

bool nt_model_drop_empty(NiteruCatalogue *catalogue, int64_t model, const char *name, const NtWait *wait,
                         GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_turn_begin(catalogue, wait, error)) {
        return false;
    }
    bool ok = nt_catalogue_find_model(catalogue->db, name, &row, error);
    bool empty = ok && row.model == model && row.rows == 0;
    ok = ok && (!empty || nt_catalogue_remove_model(catalogue->db, model, error));
    if (!nt_turn_end(catalogue, ok, error)) {
        return false;
    }
    if (empty) {
        remove_files(catalogue, &row);
    }
    return true;
}

bool niteru_model_remove(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                         GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtModelRow) row = {0};
    if (!nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) ||
        !change_model(catalogue, name, &call.wait, &row, nt_catalogue_remove_model, error)) {
        return false;
    }
    remove_files(catalogue, &row);
    return true;
}

bool niteru_model_set_default(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms,
                              GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtModelRow) row = {0};
    return nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) &&
           change_model(catalogue, name, &call.wait, &row, nt_catalogue_set_default_model, error);
}
