/* SPDX-License-Identifier: Apache-2.0 */
/* Models of a catalogue: opening them for use, adding them, and the one that ships with niteru. */
#include "recommend/recommend.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHIPPED "niteru-base"

enum { CARD_BYTES = 65536, SCORE_PAIRS = 200000 };

/* ---- opening ---- */

void nt_model_free(NtModel *model) {
    if (model != NULL) {
        g_clear_pointer(&model->embedder, nt_embedder_free);
        g_clear_pointer(&model->network, nt_network_unref);
        nt_vectors_close(model->vectors);
        nt_card_free(model->card);
        g_mutex_clear(&model->embedding);
        g_mutex_clear(&model->loading);
        g_free(model->name);
        g_free(model);
    }
}

/* Says how to get lost vectors back. */
static void add_way_out(const NtModel *model, GError **error) {
    bool lost = error != NULL && (g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) ||
                                  g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_CORRUPT));
    if (lost) {
        g_autofree char *message = g_steal_pointer(&(*error)->message);
        (*error)->message = g_strdup_printf(
            "%s; the vectors of the model %s are lost, and %s makes them again", message, model->name,
            model->card != NULL && model->card->preprocess.width > 0 ? "indexing its sources again (niteru index)"
                                                                     : "importing them again (niteru import)");
    }
}

static NtModel *open_row(NiteruCatalogue *catalogue, const NtModelRow *row, GError **error) {
    NtVectorsSpec spec;
    if (!nt_generation_spec(row, &spec, error)) {
        return NULL;
    }
    g_autofree char *path = nt_generation_path(catalogue->db, row->name, row->generation);
    NtModel *model = g_new0(NtModel, 1);
    g_mutex_init(&model->embedding);
    g_mutex_init(&model->loading);
    model->model = row->model;
    model->name = g_strdup(row->name);
    model->generation = row->generation;
    model->card = nt_card_parse(row->card != NULL ? row->card : "{}", row->card != NULL ? strlen(row->card) : 2,
                                row->name, error);
    if (model->card != NULL) {
        model->vectors = nt_vectors_open(path, !nt_catalogue_read_only(catalogue->db), &spec, error);
    }
    if (model->vectors == NULL && model->card != NULL) {
        add_way_out(model, error);
    }
    if (model->vectors == NULL) {
        nt_model_free(model);
        return NULL;
    }
    return model;
}

NtModel *nt_model_open(NiteruCatalogue *catalogue, NtCatalogue *db, const char *name, uint64_t *out_rows,
                       GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, name, &row, error)) {
        return NULL;
    }
    g_mutex_lock(&catalogue->lock);
    NtModel *model = NULL;
    for (guint i = 0; model == NULL && i < catalogue->models->len; i++) {
        NtModel *open = g_ptr_array_index(catalogue->models, i);
        model = open->model == row.model && open->generation == row.generation ? open : NULL;
    }
    if (model == NULL && (model = open_row(catalogue, &row, error)) != NULL) {
        g_ptr_array_add(catalogue->models, model);
    }
    g_mutex_unlock(&catalogue->lock);
    if (model != NULL && out_rows != NULL) {
        *out_rows = row.rows;
    }
    return model;
}

bool nt_model_view(NtModel *model, uint64_t rows, NtRows *out, GError **error) {
    if (!nt_vectors_view(model->vectors, rows, out, error)) {
        add_way_out(model, error);
        return false;
    }
    return true;
}

NtNetwork *nt_model_network(NiteruCatalogue *catalogue, NtModel *model, GError **error) {
    if (model->card->preprocess.width == 0) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "model %s holds imported vectors and no network: it cannot embed photos; name another with --model "
                "(" SHIPPED " is always there), or search by a product's id",
                model->name);
        return NULL;
    }
    g_mutex_lock(&model->loading);
    if (model->network == NULL) {
        g_autofree char *file = g_build_filename(model->name, "model.onnx", NULL);
        g_autofree char *path = nt_catalogue_path(catalogue->db, "models", file);
        NtNetworkOptions options = {.output = model->card->output,
                                    .width = model->card->preprocess.width,
                                    .height = model->card->preprocess.height,
                                    .limits = &catalogue->limits};
        g_autoptr(NtNetwork) network = nt_network_load(path, &options, error);
        if (network != NULL && nt_card_fits(model->card, nt_network_info(network), path, error)) {
            model->network = g_steal_pointer(&network);
        }
    }
    NtNetwork *network = model->network;
    g_mutex_unlock(&model->loading);
    return network;
}

float *nt_model_embed_file(NiteruCatalogue *catalogue, NtModel *model, const char *path, GError **error) {
    NtNetwork *network = nt_model_network(catalogue, model, error);
    if (network == NULL) {
        return NULL;
    }
    g_autofree float *vector = g_new(float, model->card->dimension);
    g_mutex_lock(&model->embedding);
    if (model->embedder == NULL) {
        model->embedder = nt_embedder_new(model->card, network, &catalogue->limits, catalogue->threads, error);
    }
    bool ok = model->embedder != NULL && nt_embedder_file(model->embedder, path, vector, error);
    g_mutex_unlock(&model->embedding);
    return ok ? g_steal_pointer(&vector) : NULL;
}

bool nt_model_scores(NtCatalogue *db, const NtModel *model, NtScores *out, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, model->name, &row, error)) {
        return false;
    }
    g_autoptr(NtCard) card = row.card != NULL ? nt_card_parse(row.card, strlen(row.card), model->name, error) : NULL;
    if (card == NULL) {
        return false;
    }
    *out = card->scores;
    return true;
}

/* ---- the model that ships ---- */

char *nt_shipped_models(GError **error) {
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(g_free);
    if (g_getenv("NITERU_MODELS") != NULL) {
        g_ptr_array_add(places, g_strdup(g_getenv("NITERU_MODELS")));
    }
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    if (program != NULL) {
        g_autofree char *folder = g_path_get_dirname(program);
        g_ptr_array_add(places, g_build_filename(folder, "..", "share", "niteru", "models", NULL));
        g_ptr_array_add(places, g_build_filename(folder, "..", "..", "..", "models", NULL)); /* the build tree */
    }
    g_ptr_array_add(places, g_strdup(NT_MODELS));
    g_autoptr(GString) tried = g_string_new(NULL);
    for (guint i = 0; i < places->len; i++) {
        g_autofree char *file = g_build_filename(g_ptr_array_index(places, i), SHIPPED ".onnx", NULL);
        if (access(file, R_OK) == 0) {
            return g_strdup(g_ptr_array_index(places, i));
        }
        g_string_append_printf(tried, "%s%s", i > 0 ? ", " : "", (char *)g_ptr_array_index(places, i));
    }
    nt_fail(error, NITERU_ERROR_NOT_FOUND,
            "niteru's own model is not there (" SHIPPED ".onnx; looked in %s); set "
            "NITERU_MODELS to its folder",
            tried->str);
    return NULL;
}

static NtCard *read_card(const char *path, GError **error) {
    g_autoptr(GBytes) bytes = nt_file_read(path, CARD_BYTES, error);
    if (bytes == NULL) {
        return NULL;
    }
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    return nt_card_parse(text, size, path, error);
}

NtCard *nt_shipped_card(const char *folder, GError **error) {
    g_autofree char *path = g_build_filename(folder, SHIPPED ".card.json", NULL);
    return read_card(path, error);
}

/* ---- adding ---- */

/* Puts network and card into models/<name>/, an empty vectors file into vectors/, and the row into the database: files
 * first, so that a row never names what is not there. What a crash leaves behind is overwritten by the next try. */
static bool store_model(NiteruCatalogue *catalogue, NtCard *card, GBytes *network, bool make_default, GError **error) {
    g_autofree char *folder = nt_catalogue_path(catalogue->db, "models", card->name);
    if (g_mkdir_with_parents(folder, 0755) != 0) {
        return nt_fail_errno(error, errno, "%s", folder);
    }
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, true);
    g_autofree char *card_path = g_build_filename(folder, "card.json", NULL);
    g_autofree char *network_path = g_build_filename(folder, "model.onnx", NULL);
    NtModelRow row = {.name = card->name,
                      .dimension = card->dimension,
                      .dtype = (char *)nt_dtype_name(card->dtype),
                      .metric = (char *)nt_metric_name(card->metric),
                      .generation = 1,
                      .card = text};
    gsize size = 0;
    const void *data = network != NULL ? g_bytes_get_data(network, &size) : NULL;
    if (network != NULL) {
        nt_sha256(data, size, row.hash);
    }
    NtVectorsSpec spec;
    g_autofree char *path = nt_generation_path(catalogue->db, card->name, 1);
    if (!nt_generation_spec(&row, &spec, error) ||
        (network != NULL && !nt_file_write(network_path, data, size, error)) ||
        !nt_file_write(card_path, text, strlen(text), error) || !nt_vectors_create(path, &spec, error) ||
        !nt_catalogue_begin(catalogue->db, error)) {
        return false;
    }
    int64_t added;
    bool ok = nt_catalogue_add_model(catalogue->db, &row, &added, error) &&
              (!make_default || nt_catalogue_set_default_model(catalogue->db, added, error)) &&
              nt_catalogue_commit(catalogue->db, error);
    if (!ok) {
        nt_catalogue_rollback(catalogue->db);
    }
    return ok;
}

/* Whether the catalogue has a model of that name already. */
static bool has_model(NiteruCatalogue *catalogue, const char *name) {
    g_auto(NtModelRow) row = {0};
    return nt_catalogue_find_model(catalogue->db, name, &row, NULL);
}

bool nt_models_ensure(NiteruCatalogue *catalogue, const char *name, GError **error) {
    if ((name != NULL && strcmp(name, SHIPPED) != 0) || has_model(catalogue, name)) {
        return true;
    }
    g_autofree char *folder = nt_shipped_models(error);
    g_autoptr(NtCard) card = folder != NULL ? nt_shipped_card(folder, error) : NULL;
    if (card == NULL) {
        return false;
    }
    g_autofree char *path = g_build_filename(folder, SHIPPED ".onnx", NULL);
    g_autoptr(GBytes) network = nt_file_read(path, catalogue->limits.onnx_bytes, error);
    return network != NULL && store_model(catalogue, card, network, name == NULL, error);
}

/* The card for a network that is being added: given in full, or made by a preset. */
static NtCard *card_for(const char *path, const NiteruModelOptions *options, const NtNetworkInfo *info,
                        const char *name, GError **error) {
    g_autoptr(NtCard) card = NULL;
    if (options->card != NULL) {
        card = read_card(options->card, error);
        if (card != NULL) {
            g_free(card->name);
            card->name = g_strdup(name);
        }
    } else {
        const NtPreset *preset = options->preset != NULL ? nt_preset_find(options->preset, error) : NULL;
        if (options->preset == NULL || preset != NULL) {
            card = nt_card_for_network(info, name, preset, error);
        }
    }
    if (card == NULL) {
        return NULL;
    }
    if (options->metric != NULL && !nt_metric_parse(options->metric, &card->metric)) {
        nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not a metric: cosine, euclidean or inner", options->metric);
        return NULL;
    }
    if (options->dtype != NULL && !nt_dtype_parse(options->dtype, &card->dtype)) {
        nt_fail(error, NITERU_ERROR_INVALID, "'%s' is not a dtype: f2 or f4", options->dtype);
        return NULL;
    }
    if (options->card == NULL) {
        card->scores = nt_scores_default(card->metric);
    }
    card->dimension = (uint32_t)info->dimension;
    g_free(card->output);
    card->output = g_strdup(info->output);
    return nt_card_fits(card, info, path, error) ? g_steal_pointer(&card) : NULL;
}

bool niteru_model_add(NiteruCatalogue *catalogue, const char *path, const NiteruModelOptions *options, GError **error) {
    NiteruModelOptions standard = {0};
    options = options != NULL ? options : &standard;
    g_autofree char *base = g_path_get_basename(path);
    g_autofree char *name = options->name != NULL             ? g_strdup(options->name)
                            : g_str_has_suffix(base, ".onnx") ? g_strndup(base, strlen(base) - 5)
                                                              : g_strdup(base);
    if (!nt_card_check_name(name, error)) {
        return false;
    }
    g_autoptr(GBytes) bytes = nt_file_read(path, catalogue->limits.onnx_bytes, error);
    NtNetworkOptions how = {
        .output = options->output, .width = options->width, .height = options->height, .limits = &catalogue->limits};
    g_autoptr(NtNetwork) network = bytes != NULL ? nt_network_load_bytes(bytes, path, &how, error) : NULL;
    if (network == NULL) {
        return false;
    }
    const NtNetworkInfo *info = nt_network_info(network);
    g_autoptr(NtCard) card = card_for(path, options, info, name, error);
    if (card == NULL) {
        return false;
    }
    if (!nt_writer_lock(catalogue, error)) {
        return false;
    }
    bool ok = has_model(catalogue, name)
                  ? nt_fail(error, NITERU_ERROR_INVALID, "there is a model '%s' already; choose another --name", name)
                  : store_model(catalogue, card, bytes, options->make_default, error);
    nt_writer_unlock(catalogue);
    return ok;
}

bool nt_model_add_vectors_only(NiteruCatalogue *catalogue, NtCard *card, GError **error) {
    return store_model(catalogue, card, NULL, false, error);
}

/* One change to a named model, in a transaction of its own; *out (to be cleared) is what it was. */
static bool change_model(NiteruCatalogue *catalogue, const char *name, NtModelRow *out,
                         bool (*change)(NtCatalogue *db, int64_t model, GError **error), GError **error) {
    if (!nt_writer_lock(catalogue, error)) {
        return false;
    }
    bool ok = nt_catalogue_find_model(catalogue->db, name, out, error) && nt_catalogue_begin(catalogue->db, error) &&
              change(catalogue->db, out->model, error) && nt_catalogue_commit(catalogue->db, error);
    if (!ok) {
        nt_catalogue_rollback(catalogue->db);
    }
    nt_writer_unlock(catalogue);
    return ok;
}

bool niteru_model_remove(NiteruCatalogue *catalogue, const char *name, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!change_model(catalogue, name, &row, nt_catalogue_remove_model, error)) {
        return false;
    }
    /* What cannot be removed is left over: nothing names it, and a model of that name overwrites it. */
    g_autofree char *folder = nt_catalogue_path(catalogue->db, "models", row.name);
    g_autofree char *card = g_build_filename(folder, "card.json", NULL);
    g_autofree char *network = g_build_filename(folder, "model.onnx", NULL);
    g_unlink(card);
    g_unlink(network);
    g_rmdir(folder);
    nt_generations_remove(catalogue->db, row.name, 0);
    return true;
}

bool niteru_model_set_default(NiteruCatalogue *catalogue, const char *name, GError **error) {
    g_auto(NtModelRow) row = {0};
    return change_model(catalogue, name, &row, nt_catalogue_set_default_model, error);
}

/* ---- scores ---- */

bool nt_model_calibrate(NiteruCatalogue *catalogue, NtModel *model, uint64_t rows, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(catalogue->db, model->name, &row, error)) {
        return false;
    }
    g_autoptr(NtCard) card = row.card != NULL ? nt_card_parse(row.card, strlen(row.card), model->name, error) : NULL;
    if (card == NULL || rows < 2 || rows < 2 * card->scores_rows) {
        return card != NULL;
    }
    g_auto(NtRows) view = {0};
    if (!nt_model_view(model, rows, &view, error)) {
        return false;
    }
    /* All pairs where these are few: the table then does not depend on the order in which photos came. */
    uint64_t possible = rows <= UINT32_MAX ? rows * (rows - 1) / 2 : UINT64_MAX;
    bool all = possible <= SCORE_PAIRS;
    size_t dim = view.dim, count = (size_t)MIN((uint64_t)SCORE_PAIRS, possible);
    g_autofree float *a = g_new(float, dim), *b = g_new(float, dim);
    g_autofree double *pairs = g_new(double, count);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    double identical = 0;
    uint64_t first = 0, second = 0;
    for (size_t i = 0; i < count; i++) {
        if (!all) {
            first = (uint64_t)(g_rand_double(random) * (double)rows);
            second = (first + 1 + (uint64_t)(g_rand_double(random) * (double)(rows - 1))) % rows;
        } else if (++second == rows) {
            second = ++first + 1;
        }
        nt_rows_get(&view, first, a);
        nt_rows_get(&view, second, b);
        pairs[i] = nt_metric_value(view.metric, a, b, dim);
        identical += nt_metric_value(view.metric, a, a, dim) / (double)count;
    }
    card->scores = nt_scores_measure(view.metric, pairs, count,
                                     view.metric == NT_METRIC_INNER    ? identical
                                     : view.metric == NT_METRIC_COSINE ? 1.0
                                                                       : 0.0);
    card->scores_rows = rows;
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, true);
    bool ok = nt_catalogue_begin(catalogue->db, error) &&
              nt_catalogue_set_model_card(catalogue->db, model->model, text, error) &&
              nt_catalogue_commit(catalogue->db, error);
    if (!ok) {
        nt_catalogue_rollback(catalogue->db);
    }
    return ok;
}
