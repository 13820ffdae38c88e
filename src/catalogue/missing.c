/* SPDX-License-Identifier: Apache-2.0 */
/* Contents that photos show and a model has no vector of yet. */
#include "catalogue/catalogue-internal.h"

#define IS_MISSING                                                                                                     \
    " EXISTS (SELECT 1 FROM photo f WHERE f.content = c.content)"                                                      \
    " AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.content = c.content AND v.model = ?1)"

bool nt_catalogue_each_missing(NtCatalogue *catalogue, int64_t model, int64_t after, unsigned limit,
                               bool (*each)(const NtMissing *missing, void *data), void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT m.content, f.photo, p.id, f.location, EXISTS (SELECT 1 FROM vector v JOIN model d"
                       " USING(model) WHERE v.content = m.content AND d.is_default)"
                       " FROM (SELECT content FROM content c WHERE content > ?2 AND" IS_MISSING
                       " ORDER BY content LIMIT ?3) m"
                       " CROSS JOIN photo f ON f.photo = (SELECT photo FROM photo g WHERE g.content = m.content"
                       " ORDER BY product, position LIMIT 1)"
                       " CROSS JOIN product p USING(product) ORDER BY m.content",
                       "iii", model, after, (int64_t)limit)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        const NtMissing missing = {.content = nt_column_int(&query, 0),
                                   .photo = nt_column_int(&query, 1),
                                   .product = nt_column_text(&query, 2),
                                   .location = nt_column_text(&query, 3),
                                   .served = nt_column_int(&query, 4) != 0};
        if (!each(&missing, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_count_missing(NtCatalogue *catalogue, int64_t model, uint64_t *out_count, GError **error) {
    int64_t count = 0;
    if (!nt_sql_int(&catalogue->sql, 0, &count, error, "SELECT count(*) FROM content c WHERE" IS_MISSING, "i", model)) {
        return false;
    }
    *out_count = (uint64_t)count;
    return true;
}
