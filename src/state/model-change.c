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

bool nt_model_drop(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!change_model(catalogue, name, wait, &row, nt_catalogue_remove_model, error)) {
        return false;
    }
    g_autofree char *folder = nt_catalogue_path(catalogue->db, "models", row.name);
    nt_model_clear_folder(folder);
    g_rmdir(folder);
    nt_generations_remove(catalogue->db, row.name, 0);
    nt_model_forget(catalogue, row.model);
    return true;
}

bool niteru_model_remove(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                         GError **error) {
    g_auto(NtCall) call = {0};
    return nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) &&
           nt_model_drop(catalogue, name, &call.wait, error);
}

bool niteru_model_set_default(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms,
                              GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtModelRow) row = {0};
    return nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) &&
           change_model(catalogue, name, &call.wait, &row, nt_catalogue_set_default_model, error);
}
