/* SPDX-License-Identifier: Apache-2.0 */
/* What strangers may see: products whose field `public` is not false. A catalogue without that field hides nothing. */
#include "service/service-internal.h"

#include "state/state.h"

static bool look(const NtField *field, void *data) {
    bool *found = data;
    *found = *found || (g_ascii_strcasecmp(field->name, "public") == 0 && field->type == NT_FIELD_BOOL);
    return !*found;
}

bool api_visible(ApiCall *call, const char *where, char **out_where, GError **error) {
    *out_where = g_strdup(where);
    if (call->access > API_PUBLISHABLE) {
        return true;
    }
    g_auto(NtReader) reader = {0};
    bool restricted = false;
    if (!nt_reader_open(&reader, call->service->catalogue, error) ||
        (!nt_catalogue_each_field(reader.db, false, look, &restricted, error) && !restricted)) {
        return false;
    }
    if (restricted) {
        g_free(*out_where);
        *out_where = where != NULL ? g_strdup_printf("(public is missing or public) and (%s)", where)
                                   : g_strdup("public is missing or public");
    }
    return true;
}
