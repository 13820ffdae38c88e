/* SPDX-License-Identifier: Apache-2.0 */
/* What is the matter with products, as far as the database knows it by itself. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

static const struct {
    const char *name, *clause; /* the latter goes behind "WHERE 1"; p is the product */
} flags[NT_FLAGS] = {
    [NT_FLAG_NONE] = {"", ""},
    [NT_FLAG_NO_PHOTO] = {"no-photo", " AND NOT EXISTS (SELECT 1 FROM photo f WHERE f.product = p.product)"},
    [NT_FLAG_UNREADABLE] = {"unreadable", " AND p.product IN (SELECT product FROM photo WHERE failure IS NOT NULL)"},
    [NT_FLAG_DUPLICATE] = {"duplicate", " AND EXISTS (SELECT 1 FROM photo f JOIN photo g ON g.content = f.content"
                                        " AND g.product <> f.product WHERE f.product = p.product)"},
};

const char *nt_flag_name(NtFlag flag) { return flags[flag].name; }

bool nt_flag_find(const char *name, NtFlag *out) {
    for (NtFlag flag = NT_FLAG_NONE + 1; flag < NT_FLAGS; flag++) {
        if (strcmp(flags[flag].name, name) == 0) {
            *out = flag;
            return true;
        }
    }
    return false;
}

const char *nt_flag_clause(NtFlag flag) { return flags[flag].clause; }

bool nt_catalogue_count_flags(NtCatalogue *catalogue, uint64_t out[NT_FLAGS], GError **error) {
    for (NtFlag flag = NT_FLAG_NONE; flag < NT_FLAGS; flag++) {
        g_autofree char *sql = g_strconcat("SELECT count(*) FROM product p WHERE 1", flags[flag].clause, NULL);
        int64_t count;
        if (!nt_sql_int(&catalogue->sql, 0, &count, error, sql, "")) {
            return false;
        }
        out[flag] = (uint64_t)count;
    }
    return true;
}
