/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of photos at web addresses; they stand in the rows of photos (layout 7). */
#include "catalogue/catalogue-internal.h"

enum { WEB_LAYOUT = 7 };

void nt_web_state_clear(NtWebState *state) {
    g_free(state->etag);
    g_free(state->modified);
    *state = (NtWebState){0};
}

bool nt_catalogue_find_web(NtCatalogue *catalogue, const char *address, NtWebState *out, GError **error) {
    g_auto(NtQuery) query = {0};
    *out = (NtWebState){0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT content, etag, modified, asked FROM photo"
                       " WHERE location = ?1 AND asked IS NOT NULL AND content IS NOT NULL ORDER BY asked DESC LIMIT 1",
                       "t", address)) {
        return false;
    }
    int step = nt_query_step(&query, error);
    if (step == 1) {
        *out = (NtWebState){.content = nt_column_int(&query, 0),
                            .etag = g_strdup(nt_column_text(&query, 1)),
                            .modified = g_strdup(nt_column_text(&query, 2)),
                            .asked = nt_column_int(&query, 3)};
    }
    return step >= 0;
}

bool nt_catalogue_set_photo_web(NtCatalogue *catalogue, int64_t photo, const char *etag, const char *modified,
                                int64_t asked, bool own_network, GError **error) {
    return nt_may_write(catalogue, error) &&
           nt_sql_run(&catalogue->sql, error,
                      "UPDATE photo SET etag = ?2, modified = ?3, asked = ?4, own_network = ?5 WHERE photo = ?1",
                      "ittii", photo, etag, modified, asked, (int64_t)own_network);
}

bool nt_catalogue_is_own_network(NtCatalogue *catalogue, const char *address, bool *out, GError **error) {
    int64_t own = 0;
    if (catalogue->version >= WEB_LAYOUT &&
        !nt_sql_int(&catalogue->sql, 0, &own, error,
                    "SELECT EXISTS(SELECT 1 FROM photo WHERE location = ?1 AND asked IS NOT NULL AND own_network = 1)",
                    "t", address)) {
        return false;
    }
    *out = own != 0;
    return true;
}
