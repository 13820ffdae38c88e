/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may see: products whose field `public` is not false. A catalogue without that field hides nothing. */
#include "service/service-internal.h"

#include "state/state.h"

static bool look(const NtField *field, void *data) {
    bool *found = data;
    *found = g_ascii_strcasecmp(field->name, "public") == 0 && field->type == NT_FIELD_BOOL;
    return !*found;
}

/* Whether something may be hidden from the one who asks. */
static bool is_restricted(const ApiCall *call, NtCatalogue *db, bool *out, GError **error) {
    *out = false;
    return call->access > API_PUBLISHABLE || nt_catalogue_each_field(db, false, look, out, error);
}

bool api_visible(const ApiCall *call, const char *where, char **out_where, GError **error) {
    g_auto(NtReader) reader = {0};
    bool restricted = false;
    *out_where = NULL;
    if (call->access <= API_PUBLISHABLE && (!nt_reader_open(&reader, call->service->catalogue, error) ||
                                            !is_restricted(call, reader.db, &restricted, error))) {
        return false;
    }
    *out_where = !restricted     ? g_strdup(where)
                 : where != NULL ? g_strdup_printf("(public is missing or public) and (%s)", where)
                                 : g_strdup("public is missing or public");
    return true;
}

bool api_is_hidden(const ApiCall *call, const NtJson *product) {
    return call->access <= API_PUBLISHABLE &&
           !nt_json_truth(nt_json_get(nt_json_get(product, "metadata"), "public"), true);
}

bool api_check_visible(const ApiCall *call, const char *const *ids, GError **error) {
    g_auto(NtReader) reader = {0};
    bool restricted = false;
    if (call->access > API_PUBLISHABLE) {
        return true;
    }
    if (!nt_reader_open(&reader, call->service->catalogue, error) ||
        !is_restricted(call, reader.db, &restricted, error)) {
        return false;
    }
    for (size_t i = 0; restricted && ids != NULL && ids[i] != NULL; i++) {
        int64_t product;
        g_autoptr(NtJson) json = nt_catalogue_find_product(reader.db, ids[i], &product, error)
                                     ? nt_catalogue_product_json(reader.db, product, error)
                                     : NULL;
        if (json == NULL) {
            return false;
        }
        if (api_is_hidden(call, json)) {
            return api_fail_hidden(ids[i], error);
        }
    }
    return true;
}

bool api_fail_hidden(const char *id, GError **error) {
    g_autofree char *safe = nt_text_printable(id, 200);
    return nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no product '%s'", safe);
}
