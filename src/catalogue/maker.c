/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made vectors: a network, known by the digest of its content, or an import, known by its file. A vector keeps its
 * maker, so that one which is not of its model's network is found. In a catalogue of the first layout, open for
 * reading, nobody knows who made what.
 */
#include "catalogue/catalogue-internal.h"

#include <string.h>

static const char *const kinds[] = {"", "network", "import"};

static NtMaker read_maker(const NtQuery *query) {
    NtMaker maker = {.maker = nt_column_int(query, 0), .source = nt_column_text(query, 3)};
    const char *kind = nt_column_text(query, 1);
    for (size_t i = 1; kind != NULL && i < G_N_ELEMENTS(kinds); i++) {
        maker.kind = strcmp(kind, kinds[i]) == 0 ? (NtMakerKind)i : maker.kind;
    }
    const void *digest = sqlite3_column_blob(query->stmt, 2);
    if (digest != NULL && sqlite3_column_bytes(query->stmt, 2) == sizeof maker.digest) {
        memcpy(maker.digest, digest, sizeof maker.digest);
    }
    return maker;
}

bool nt_catalogue_put_maker(NtCatalogue *catalogue, const NtMaker *maker, int64_t *out_maker, GError **error) {
    const char *kind = kinds[maker->kind], *source = maker->source != NULL ? maker->source : "";
    int64_t found = 0;
    if (!nt_may_write(catalogue, error) ||
        !nt_sql_run(&catalogue->sql, error, "INSERT OR IGNORE INTO maker(kind, digest, source) VALUES(?1, ?2, ?3)",
                    "txt", kind, maker->digest, source) ||
        !nt_sql_int(&catalogue->sql, 0, &found, error,
                    "SELECT maker FROM maker WHERE kind = ?1 AND digest = ?2 AND source = ?3", "txt", kind,
                    maker->digest, source)) {
        return false;
    }
    *out_maker = found;
    return true;
}

bool nt_catalogue_model_maker(NtCatalogue *catalogue, int64_t model, int64_t *out_maker, GError **error) {
    if (!nt_has_makers(catalogue)) {
        *out_maker = NT_MAKER_UNKNOWN;
        return true;
    }
    return nt_sql_int(&catalogue->sql, NT_MAKER_UNKNOWN, out_maker, error,
                      "SELECT k.maker FROM model m JOIN maker k ON k.kind = 'network' AND k.digest = m.digest"
                      " WHERE m.model = ?1",
                      "i", model);
}

/* What of a model is in use, for the statements below. */
#define ALIVE "v.model = ?1 AND EXISTS (SELECT 1 FROM photo f WHERE f.content = v.content)"

bool nt_catalogue_each_maker(NtCatalogue *catalogue, int64_t model,
                             bool (*each)(const NtMaker *maker, uint64_t vectors, void *data), void *data,
                             GError **error) {
    const char *sql = nt_has_makers(catalogue)
                          ? "SELECT w.maker, k.kind, k.digest, k.source, w.count FROM (SELECT v.maker AS maker,"
                            " count(*) AS count FROM vector v WHERE " ALIVE " GROUP BY v.maker) w"
                            " LEFT JOIN maker k ON k.maker = w.maker ORDER BY w.maker"
                          : "SELECT 0, NULL, NULL, NULL, count(*) FROM vector v WHERE " ALIVE;
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "i", model)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        NtMaker maker = read_maker(&query);
        uint64_t count = (uint64_t)nt_column_int(&query, 4);
        if (count > 0 && !each(&maker, count, data)) {
            break;
        }
    }
    return step >= 0;
}

bool nt_catalogue_each_foreign(NtCatalogue *catalogue, int64_t model, int64_t maker,
                               bool (*each)(int64_t content, void *data), void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_has_makers(catalogue)) {
        return true;
    }
    if (!nt_query_open(&query, &catalogue->sql, error,
                       "SELECT v.content FROM vector v WHERE v.maker NOT IN (0, ?2) AND " ALIVE, "ii", model, maker)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1 && each(nt_column_int(&query, 0), data)) {
    }
    return step >= 0;
}

bool nt_catalogue_each_foreign_source(NtCatalogue *catalogue, int64_t model, int64_t maker,
                                      bool (*each)(const char *location, void *data), void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_has_makers(catalogue)) {
        return true;
    }
    g_autofree char *sql =
        g_strdup_printf("SELECT DISTINCT s.location FROM vector v CROSS JOIN photo f ON f.content = v.content"
                        " CROSS JOIN %s l ON l.product = f.product CROSS JOIN source s ON s.source = l.source"
                        " WHERE v.model = ?1 AND v.maker NOT IN (0, ?2) AND s.kind <> 'import' ORDER BY s.location",
                        nt_product_source(catalogue));
    if (!nt_query_open(&query, &catalogue->sql, error, sql, "ii", model, maker)) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1 && each(nt_column_text(&query, 0), data)) {
    }
    return step >= 0;
}

bool nt_catalogue_find_vector_of(NtCatalogue *catalogue, int64_t model, int64_t content, int64_t maker,
                                 int64_t *out_vrow, GError **error) {
    if (!nt_has_makers(catalogue)) {
        *out_vrow = -1;
        return true;
    }
    return nt_sql_int(&catalogue->sql, -1, out_vrow, error,
                      "SELECT vrow FROM vector WHERE content = ?1 AND model = ?2 AND maker = ?3", "iii", content, model,
                      maker);
}
