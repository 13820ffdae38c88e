/* SPDX-License-Identifier: Apache-2.0 */
/* The table of models. */
#include "catalogue/catalogue-internal.h"

#include <string.h>

enum { LONGEST_NAME = 64 /* bytes, as in cards */ };

#define MODEL_COLUMNS "model, name, hash, dimension, dtype, metric, generation, rows, card, is_default"
#define SELECT_MODELS(catalogue, rest)                                                                                 \
    (nt_has_changes(catalogue)  ? "SELECT " MODEL_COLUMNS ", digest, mixed, dead FROM model " rest                     \
     : nt_has_makers(catalogue) ? "SELECT " MODEL_COLUMNS ", digest, mixed, 0 FROM model " rest                        \
                                : "SELECT " MODEL_COLUMNS ", NULL, 0, 0 FROM model " rest)

void nt_model_row_clear(NtModelRow *row) {
    g_free(row->name);
    g_free(row->dtype);
    g_free(row->metric);
    g_free(row->card);
    *row = (NtModelRow){0};
}

static NtModelRow read_row(const NtQuery *query) {
    NtModelRow row = {.model = nt_column_int(query, 0),
                      .name = g_strdup(nt_column_text(query, 1)),
                      .dimension = (uint32_t)nt_column_int(query, 3),
                      .dtype = g_strdup(nt_column_text(query, 4)),
                      .metric = g_strdup(nt_column_text(query, 5)),
                      .generation = (uint32_t)nt_column_int(query, 6),
                      .rows = (uint64_t)nt_column_int(query, 7),
                      .card = g_strdup(nt_column_text(query, 8)),
                      .is_default = nt_column_int(query, 9) != 0,
                      .mixed = nt_column_int(query, 11) != 0,
                      .dead = (uint64_t)nt_column_int(query, 12)};
    const void *hash = sqlite3_column_blob(query->stmt, 2);
    if (hash != NULL && sqlite3_column_bytes(query->stmt, 2) == 32) {
        memcpy(row.hash, hash, 32);
    }
    const void *digest = sqlite3_column_blob(query->stmt, 10);
    row.has_digest = digest != NULL && sqlite3_column_bytes(query->stmt, 10) == sizeof row.digest;
    if (row.has_digest) {
        memcpy(row.digest, digest, sizeof row.digest);
    }
    return row;
}

/* A name becomes a folder and part of a file's name, so it is kept plain. */
static bool check_name(const char *name, GError **error) {
    size_t size = strlen(name);
    bool plain = size > 0 && size <= LONGEST_NAME && name[0] != '.';
    for (const char *p = name; plain && *p != '\0'; p++) {
        plain = g_ascii_isalnum(*p) || strchr("-_.", *p) != NULL;
    }
    g_autofree char *safe = nt_text_printable(name, 60);
    return plain || nt_fail(error, NITERU_ERROR_INVALID,
                            "'%s' cannot name a model: letters, digits, '-', '_' and '.' are allowed, %d at most, not "
                            "beginning with '.'",
                            safe, LONGEST_NAME);
}

static bool check_row(NtCatalogue *catalogue, const NtModelRow *row, GError **error) {
    static const char *const dtypes[] = {"f2", "f4", NULL}, *const metrics[] = {"cosine", "euclidean", "inner", NULL};
    int64_t taken = 0;
    if (!check_name(row->name, error) ||
        !nt_sql_int(&catalogue->sql, 0, &taken, error, "SELECT 1 FROM model WHERE name = ?1 COLLATE NOCASE", "t",
                    row->name)) {
        return false;
    }
    if (taken != 0) {
        return nt_fail(error, NITERU_ERROR_INVALID, "there is a model '%s' already", row->name);
    }
    if (!g_strv_contains(dtypes, row->dtype != NULL ? row->dtype : "")) {
        return nt_fail(error, NITERU_ERROR_INVALID, "model '%s': the dtype is f2 or f4, not '%s'", row->name,
                       row->dtype != NULL ? row->dtype : "");
    }
    if (!g_strv_contains(metrics, row->metric != NULL ? row->metric : "")) {
        return nt_fail(error, NITERU_ERROR_INVALID, "model '%s': the metric is cosine, euclidean or inner, not '%s'",
                       row->name, row->metric != NULL ? row->metric : "");
    }
    return row->dimension > 0 || nt_fail(error, NITERU_ERROR_INVALID, "model '%s': dimension 0", row->name);
}

bool nt_catalogue_add_model(NtCatalogue *catalogue, const NtModelRow *row, int64_t *out_model, GError **error) {
    static const uint8_t none[32] = {0};
    int64_t others = 0;
    if (!nt_may_write(catalogue, error) || !check_row(catalogue, row, error) ||
        !nt_sql_int(&catalogue->sql, 0, &others, error, "SELECT count(*) FROM model", "")) {
        return false;
    }
    const uint8_t *hash = memcmp(row->hash, none, 32) != 0 ? row->hash : NULL;
    if (!nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO model(name, hash, dimension, dtype, metric, generation, rows, card, is_default,"
                    " digest, mixed) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10)",
                    "thittitixi", row->name, hash, (int64_t)row->dimension, row->dtype, row->metric,
                    (int64_t)MAX(row->generation, 1), row->card, (int64_t)(others == 0),
                    row->has_digest ? row->digest : NULL, (int64_t)row->mixed)) {
        return false;
    }
    *out_model = sqlite3_last_insert_rowid(catalogue->sql.db);
    return true;
}

static bool collect_name(const NtModelRow *row, void *data) {
    GString *names = data;
    g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", row->name);
    return names->len < 500;
}

static bool no_such_model(NtCatalogue *catalogue, const char *name, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    if (!nt_catalogue_each_model(catalogue, collect_name, names, error)) {
        return false;
    }
    if (names->len == 0) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: the catalogue has no model yet; indexing photos brings one",
                catalogue->folder);
        return nt_fact(error, "remedy", "index");
    }
    g_autofree char *safe = nt_text_printable(name != NULL ? name : "", 60);
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no model '%s' in this catalogue; there are: %s", safe, names->str);
    return nt_fact(error, "parameter", "model");
}

bool nt_catalogue_find_model(NtCatalogue *catalogue, const char *name, NtModelRow *out, GError **error) {
    g_auto(NtQuery) query = {0};
    bool opened =
        name != NULL
            ? nt_query_open(&query, &catalogue->sql, error, SELECT_MODELS(catalogue, "WHERE name = ?1"), "t", name)
            : nt_query_open(&query, &catalogue->sql, error, SELECT_MODELS(catalogue, "WHERE is_default"), "");
    int step = opened ? nt_query_step(&query, error) : -1;
    if (step == 1) {
        *out = read_row(&query);
        return true;
    }
    return step == 0 ? no_such_model(catalogue, name, error) : false;
}

bool nt_catalogue_each_model(NtCatalogue *catalogue, bool (*each)(const NtModelRow *row, void *data), void *data,
                             GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, SELECT_MODELS(catalogue, "ORDER BY name"), "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        g_auto(NtModelRow) row = read_row(&query);
        if (!each(&row, data)) {
            break;
        }
    }
    return step >= 0;
}

static bool model_exists(NtCatalogue *catalogue, int64_t model, GError **error) {
    int64_t found = 0;
    return nt_sql_int(&catalogue->sql, 0, &found, error, "SELECT 1 FROM model WHERE model = ?1", "i", model) &&
           (found != 0 || nt_fail(error, NITERU_ERROR_NOT_FOUND, "model number %" G_GINT64_FORMAT " is gone", model));
}

bool nt_catalogue_set_default_model(NtCatalogue *catalogue, int64_t model, GError **error) {
    int64_t served = 0;
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_int(&catalogue->sql, 0, &served, error, "SELECT is_default FROM model WHERE model = ?1", "i",
                      model) &&
           (served != 0 || nt_change_note_all(catalogue, error)) &&
           nt_sql_run(&catalogue->sql, error,
                      "INSERT OR REPLACE INTO meta SELECT 'previous_model', model FROM model WHERE is_default"
                      " AND model <> ?1",
                      "i", model) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE model SET is_default = (model = ?1)", "i", model);
}

bool nt_catalogue_previous_model(NtCatalogue *catalogue, int64_t *out_model, GError **error) {
    return nt_sql_int(&catalogue->sql, 0, out_model, error,
                      "SELECT model FROM model WHERE NOT is_default AND model ="
                      " (SELECT value FROM meta WHERE key = 'previous_model')",
                      "");
}

bool nt_catalogue_set_model_card(NtCatalogue *catalogue, int64_t model, const char *card, GError **error) {
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE model SET card = ?2 WHERE model = ?1", "it", model, card);
}

bool nt_catalogue_set_model_digest(NtCatalogue *catalogue, int64_t model, const uint8_t digest[16], GError **error) {
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE model SET digest = ?2 WHERE model = ?1", "ix", model, digest);
}

bool nt_catalogue_set_model_mixed(NtCatalogue *catalogue, int64_t model, bool mixed, GError **error) {
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE model SET mixed = ?2 WHERE model = ?1", "ii", model,
                      (int64_t)mixed);
}

bool nt_catalogue_renew_model(NtCatalogue *catalogue, int64_t model, uint32_t generation, GError **error) {
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM vector WHERE model = ?1", "i", model) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM block WHERE model = ?1", "i", model) &&
           nt_sql_run(&catalogue->sql, error, "UPDATE model SET rows = 0, dead = 0, generation = ?2 WHERE model = ?1",
                      "ii", model, (int64_t)generation);
}

/* The rows of a model that are alive with their new numbers, in a table of this connection alone. */
static bool list_alive(NtCatalogue *catalogue, int64_t model, GError **error) {
    return nt_sql_run(&catalogue->sql, error,
                      "CREATE TEMP TABLE alive(row INTEGER PRIMARY KEY, vrow INTEGER, content INTEGER, maker INTEGER)",
                      "") &&
           nt_sql_run(&catalogue->sql, error,
                      "INSERT INTO temp.alive SELECT row_number() OVER (ORDER BY vrow) - 1, vrow, content, maker FROM "
                      "vector v"
                      " WHERE v.model = ?1 AND EXISTS (SELECT 1 FROM photo f WHERE f.content = v.content)",
                      "i", model);
}

static bool each_alive(NtCatalogue *catalogue, bool (*each)(uint64_t vrow, void *data), void *data, GError **error) {
    g_auto(NtQuery) query = {0};
    if (!nt_query_open(&query, &catalogue->sql, error, "SELECT vrow FROM temp.alive ORDER BY row", "")) {
        return false;
    }
    int step;
    while ((step = nt_query_step(&query, error)) == 1) {
        if (!each((uint64_t)nt_column_int(&query, 0), data)) {
            return false;
        }
    }
    return step == 0;
}

bool nt_catalogue_compact_model(NtCatalogue *catalogue, int64_t model, uint32_t generation,
                                bool (*each)(uint64_t vrow, void *data), void *data, uint64_t *out_rows,
                                GError **error) {
    int64_t rows = 0;
    if (!nt_may_write(catalogue, error) || !list_alive(catalogue, model, error) ||
        !each_alive(catalogue, each, data, error) || !nt_catalogue_renew_model(catalogue, model, generation, error) ||
        !nt_sql_run(&catalogue->sql, error,
                    "INSERT INTO vector(model, vrow, content, maker) SELECT ?1, row, content, maker FROM temp.alive",
                    "i", model) ||
        !nt_sql_int(&catalogue->sql, 0, &rows, error, "SELECT count(*) FROM temp.alive", "") ||
        !nt_sql_run(&catalogue->sql, error, "UPDATE model SET rows = ?2 WHERE model = ?1", "ii", model, rows) ||
        !nt_sql_run(&catalogue->sql, error,
                    "DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM photo f WHERE f.content = content.content)"
                    " AND NOT EXISTS (SELECT 1 FROM vector v WHERE v.content = content.content)",
                    "") ||
        !nt_sql_run(&catalogue->sql, error, "DROP TABLE temp.alive", "")) {
        return false;
    }
    *out_rows = (uint64_t)rows;
    return true;
}

bool nt_catalogue_remove_model(NtCatalogue *catalogue, int64_t model, GError **error) {
    int64_t served = 0;
    return nt_may_write(catalogue, error) && model_exists(catalogue, model, error) &&
           nt_sql_int(&catalogue->sql, 0, &served, error, "SELECT is_default FROM model WHERE model = ?1", "i",
                      model) &&
           (served == 0 || nt_change_note_all(catalogue, error)) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM vector WHERE model = ?1", "i", model) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM block WHERE model = ?1", "i", model) &&
           nt_sql_run(&catalogue->sql, error, "DELETE FROM model WHERE model = ?1", "i", model) &&
           /* Where the default went, the oldest that is left takes its place. */
           nt_sql_run(&catalogue->sql, error,
                      "UPDATE model SET is_default = 1 WHERE model = (SELECT min(model) FROM model)"
                      " AND NOT EXISTS (SELECT 1 FROM model WHERE is_default)",
                      "");
}
