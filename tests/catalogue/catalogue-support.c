/* SPDX-License-Identifier: Apache-2.0 */
#include "catalogue-support.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>

char *make_folder(void) {
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("niteru-catalogue-XXXXXX", &error);
    g_assert_no_error(error);
    return folder;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return g_remove(path); }

void drop_folder(char *folder) {
    nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    g_free(folder);
}

NtCatalogue *open_catalogue(const char *folder, bool read_only) {
    g_autoptr(GError) error = NULL;
    NtCatalogueOptions options = {.read_only = read_only};
    NtCatalogue *catalogue = nt_catalogue_open(folder, &options, &error);
    g_assert_no_error(error);
    return catalogue;
}

NtRun start_run(NtCatalogue *catalogue, const char *kind, const char *location) {
    g_autoptr(GError) error = NULL;
    NtRun run = {0};
    nt_catalogue_begin(catalogue, &error);
    nt_catalogue_start_run(catalogue, kind, location, &run, &error);
    nt_catalogue_commit(catalogue, &error);
    g_assert_no_error(error);
    return run;
}

uint64_t end_run(NtCatalogue *catalogue, const NtRun *run, bool prune) {
    g_autoptr(GError) error = NULL;
    uint64_t removed = 0;
    nt_catalogue_begin(catalogue, &error);
    nt_catalogue_end_run(catalogue, run, prune, &removed, &error);
    nt_catalogue_commit(catalogue, &error);
    g_assert_no_error(error);
    return removed;
}

NtPhotoState put_product(NtCatalogue *catalogue, const NtRun *run, const char *id, const char *const *metadata,
                         const char *location, int64_t size) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtColumns) columns = nt_columns_new(catalogue, NULL, &error);
    g_assert_no_error(error);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; metadata != NULL && metadata[i] != NULL; i++) {
            g_auto(GStrv) pair = g_strsplit(metadata[i], "=", 2);
            if (pass == 0) {
                nt_columns_learn(columns, pair[0], pair[1], NULL);
            } else {
                nt_columns_read(columns, pair[0], pair[1], NULL, &error);
                g_assert_no_error(error);
            }
        }
        if (pass == 0) {
            nt_columns_settle(columns, &error);
            g_assert_no_error(error);
            nt_columns_begin_row(columns);
        }
    }
    NtPhotoPut photo = {.location = location, .stamp = {size, size, size, size}};
    NtProductPut put = {.id = id, .line = 1, .photos = &photo, .photo_count = location != NULL};
    put.values = nt_columns_values(columns, &put.value_count);
    NtPhotoState state = {0};
    nt_catalogue_put_product(catalogue, run, &put, &state, NULL, &error);
    g_assert_no_error(error);
    return state;
}

int64_t add_content(NtCatalogue *catalogue, uint32_t number) {
    g_autoptr(GError) error = NULL;
    NtContent content = {.bytes = number, .format = "jpeg", .width = 10, .height = 20};
    memcpy(content.hash, &number, sizeof number);
    int64_t row = 0;
    nt_catalogue_add_content(catalogue, &content, &row, &error);
    g_assert_no_error(error);
    return row;
}

int64_t add_model(NtCatalogue *catalogue, const char *name) {
    g_autoptr(GError) error = NULL;
    NtModelRow row = {.name = (char *)name, .dimension = 4, .dtype = (char *)"f2", .metric = (char *)"cosine"};
    int64_t model = 0;
    nt_catalogue_add_model(catalogue, &row, &model, &error);
    g_assert_no_error(error);
    return model;
}

static bool append_id(int64_t product, const char *id, void *data) {
    GString *out = data;
    g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", id);
    return true;
}

char *matching(NtCatalogue *catalogue, const char *condition) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtWhere) where = nt_where_parse(catalogue, condition, &error);
    if (where == NULL) {
        g_assert_nonnull(error);
        return g_strdup(error->message);
    }
    GString *out = g_string_new(NULL);
    nt_catalogue_list(catalogue, where, NT_FLAG_NONE, NULL, 0, append_id, out, &error);
    g_assert_no_error(error);
    return g_string_free(out, FALSE);
}

char *product_json(NtCatalogue *catalogue, const char *id) {
    g_autoptr(GError) error = NULL;
    int64_t product = 0;
    if (!nt_catalogue_find_product(catalogue, id, &product, &error)) {
        return g_strdup(error->message);
    }
    g_autoptr(NtJson) json = nt_catalogue_product_json(catalogue, product, &error);
    g_assert_no_error(error);
    return nt_json_print(json, false);
}

static void append_problem(const char *text, void *data) { g_string_append_printf(data, "%s\n", text); }

char *problems(NtCatalogue *catalogue) {
    g_autoptr(GError) error = NULL;
    GString *out = g_string_new(NULL);
    nt_catalogue_check(catalogue, append_problem, out, &error);
    g_assert_no_error(error);
    return g_string_free(out, FALSE);
}

static bool expect_dead_of(const NtModelRow *row, void *data) {
    uint64_t dead = 0;
    CHECK(nt_catalogue_dead_rows(data, row->model, &dead, error));
    g_assert_cmpuint(row->dead, ==, dead);
    return true;
}

void expect_dead(NtCatalogue *catalogue) {
    CHECK(nt_catalogue_each_model(catalogue, expect_dead_of, catalogue, error));
}
