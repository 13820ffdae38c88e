/* SPDX-License-Identifier: Apache-2.0 */
/* What a shop offers to choose from: the values of fields among the products that match. */
#include "state/state.h"

enum { LISTED = 20 /* values of a field, when it is not said how many */ };

char *niteru_facets_json(NiteruCatalogue *catalogue, const char *const *fields, const char *where, size_t limit,
                         unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtSnapshot) snapshot = {0};
    uint64_t products = 0;
    if (limit > NT_FACETS_LISTED) {
        nt_fail(error, NITERU_ERROR_LIMIT, "%zu values of a field are asked for; %d can be listed", limit,
                NT_FACETS_LISTED);
        return NULL;
    }
    if (fields == NULL || fields[0] == NULL) {
        nt_fail(error, NITERU_ERROR_INVALID, "name a field, or several, whose values are to be counted");
        return NULL;
    }
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_reader_open_for(&snapshot.reader, &call, error) ||
        !nt_catalogue_commits(snapshot.reader.db, &snapshot.commits, error)) {
        return NULL;
    }
    g_autoptr(NtFilter) filter = where != NULL ? nt_filter_open(&snapshot, where, error) : NULL;
    if (where != NULL && filter == NULL) {
        return NULL;
    }
    NtJson *counts = nt_catalogue_value_counts(snapshot.reader.db, fields, limit > 0 ? limit : LISTED,
                                               filter != NULL ? &filter->bits : NULL,
                                               filter != NULL ? filter->count : 0, &products, error);
    if (counts == NULL) {
        return NULL;
    }
    g_autoptr(NtJson) out = nt_json_set(nt_json_object(), "products", nt_json_integer((int64_t)products));
    nt_json_set(out, "fields", counts);
    return nt_json_print(out, true);
}
