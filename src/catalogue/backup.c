/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the catalogue's database, and which files a copy needs. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

bool nt_catalogue_copy(NtCatalogue *from, const char *path,
                       bool (*tell)(uint64_t done, uint64_t total, void *data, GError **error), void *data,
                       GError **error) {
    return nt_sql_copy(&from->sql, path, from->checked ? NT_IDENTITY_CHECKED : NT_IDENTITY, tell, data, error);
}

/* "photos/ab/" and 64 hexadecimal digits that begin with ab, and so no path that leads elsewhere. */
static bool is_original(const char *location) {
    static const char folder[] = "photos/";
    const char *first = location + sizeof folder - 1;
    return g_str_has_prefix(location, folder) && strlen(first) == 3 + 64 && strspn(first, "0123456789abcdef") == 2 &&
           first[2] == '/' && strspn(first + 3, "0123456789abcdef") == 64 && memcmp(first, first + 3, 2) == 0;
}

bool nt_catalogue_each_original(NtCatalogue *catalogue, bool (*each)(const char *location, uint64_t bytes, void *data),
                                void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT f.location, max(coalesce(c.bytes, 0)) FROM photo f LEFT JOIN content c USING(content)"
                       " WHERE f.location >= 'photos/' AND f.location < 'photos0' GROUP BY f.location",
                       "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const char *location = nt_column_text(&query, 0);
        if (location != NULL && is_original(location) &&
            !each(location, (uint64_t)MAX(nt_column_int(&query, 1), 0), data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_count(NtCatalogue *catalogue, uint64_t *out_products, uint64_t *out_photos, GError **error) {
    int64_t products = 0, photos = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &products, error, "SELECT count(*) FROM product", "") ||
        !nt_sql_int(&catalogue->sql, 0, &photos, error, "SELECT count(*) FROM photo", "")) {
        return false;
    }
    *out_products = (uint64_t)products;
    *out_photos = (uint64_t)photos;
    return true;
}

int nt_catalogue_layout(const NtCatalogue *catalogue) { return catalogue->version; }
