/* SPDX-License-Identifier: Apache-2.0 */
/* Looking inside: products, models, counts, limits. */
#include "recommend/recommend.h"
#include "search/search.h"

#include "kernels/kernels.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_PAGE = 256 /* products read at a time */ };

/* ---- products ---- */

char *niteru_product_json(NiteruCatalogue *catalogue, const char *id, GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    int64_t product;
    if (!nt_call_begin(&call, catalogue, 0, NULL, error) || !nt_reader_open(&reader, catalogue, error) ||
        !nt_catalogue_find_product(reader.db, id, &product, error)) {
        return NULL;
    }
    g_autoptr(NtJson) json = nt_catalogue_product_json(reader.db, product, error);
    return json != NULL ? nt_json_print(json, true) : NULL;
}

/* Some products, read in one go; they are told when the connection is not reading any more, so that a listener that
 * takes its time holds up nobody. */
typedef struct Page {
    NtCatalogue *db;
    GPtrArray *ids, *texts; /* char * */
    GError *fault;
} Page;

static bool add_to_page(int64_t product, const char *id, void *data) {
    Page *page = data;
    g_autoptr(NtJson) json = nt_catalogue_product_json(page->db, product, &page->fault);
    if (json == NULL) {
        return false;
    }
    g_ptr_array_add(page->ids, g_strdup(id));
    g_ptr_array_add(page->texts, nt_json_print(json, false));
    return true;
}

/* What is listed: with a flag, or of some products only. */
typedef struct Listed {
    NtFlag flag;
    GArray *of; /* uint32_t; NULL: all */
} Listed;

static bool read_page(const NtCall *call, const char *where, const Listed *listed, const char *after, size_t limit,
                      Page *page, GError **error) {
    g_auto(NtReader) reader = {0};
    g_ptr_array_set_size(page->ids, 0);
    g_ptr_array_set_size(page->texts, 0);
    if (!nt_reader_open_for(&reader, call, error)) {
        return false;
    }
    page->db = reader.db;
    g_autoptr(NtWhere) condition = where != NULL ? nt_where_parse(reader.db, where, error) : NULL;
    if (where != NULL && condition == NULL) {
        return false;
    }
    bool ok = listed->of != NULL
                  ? nt_catalogue_list_of(reader.db, condition, (const uint32_t *)listed->of->data, listed->of->len,
                                         after, limit, add_to_page, page, error)
                  : nt_catalogue_list(reader.db, condition, listed->flag, after, limit, add_to_page, page, error);
    if (page->fault != NULL) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&page->fault));
        return false;
    }
    return ok;
}

static bool find_flag(const NtCall *call, NiteruCatalogue *catalogue, const char *name, Listed *out, GError **error) {
    NtUnseen unseen = nt_unseen_of_name(name);
    if (unseen < NT_UNSEENS) {
        out->of = nt_recommender_unseen(nt_recommender_of(catalogue), unseen, &call->wait, NULL, error);
        return out->of != NULL;
    }
    if (nt_flag_find(name, &out->flag)) {
        return true;
    }
    nt_fail(error, NITERU_ERROR_INVALID,
            "there is no flag '%s'; there are no-photo, unreadable, duplicate, never-shown and never-clicked", name);
    return nt_fact(error, "option", "flag");
}

bool niteru_list(NiteruCatalogue *catalogue, const NiteruListOptions *given,
                 bool (*each)(const char *id, const char *json, void *data), void *data, GCancellable *cancellable,
                 GError **error) {
    NiteruListOptions options;
    Listed listed = {0};
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruListOptions, &options, given, error) ||
        !nt_call_begin(&call, catalogue, options.timeout_ms, cancellable, error)) {
        return false;
    }
    if (options.flag != NULL && !find_flag(&call, catalogue, options.flag, &listed, error)) {
        return false;
    }
    g_autoptr(GArray) of = listed.of;
    (void)of;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free), texts = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *after = g_strdup(options.after);
    Page page = {.ids = ids, .texts = texts};
    for (size_t left = options.limit > 0 ? options.limit : SIZE_MAX; left > 0; left -= ids->len) {
        size_t asked = MIN(left, LIST_PAGE);
        if (!nt_wait_check(&call.wait, error) ||
            !read_page(&call, options.where, &listed, after, asked, &page, error)) {
            return false;
        }
        for (guint i = 0; i < ids->len; i++) {
            if (!each(ids->pdata[i], texts->pdata[i], data)) {
                return true;
            }
        }
        if (ids->len < asked) {
            return true;
        }
        g_free(after);
        after = g_strdup(ids->pdata[ids->len - 1]);
    }
    return true;
}

/* ---- models ---- */

static NtJson *model_summary(const NtModelRow *row, bool with_card) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "name", nt_json_string(row->name));
    nt_json_set(out, "dimension", nt_json_integer(row->dimension));
    nt_json_set(out, "dtype", nt_json_string(row->dtype));
    nt_json_set(out, "metric", nt_json_string(row->metric));
    nt_json_set(out, "vectors", nt_json_integer((int64_t)(row->rows - MIN(row->dead, row->rows))));
    nt_json_set(out, "default", nt_json_bool(row->is_default));
    g_autoptr(NtCard) card = row->card != NULL ? nt_card_parse(row->card, strlen(row->card), row->name, NULL) : NULL;
    if (card != NULL && card->preprocess.width > 0) {
        nt_json_set(out, "width", nt_json_integer(card->preprocess.width));
        nt_json_set(out, "height", nt_json_integer(card->preprocess.height));
    }
    if (card != NULL && with_card) {
        nt_json_set(out, "card", nt_card_json(card));
    }
    return out;
}

static bool add_summary(const NtModelRow *row, void *data) {
    nt_json_append(data, model_summary(row, true));
    return true;
}

/* Models in a few words. */
typedef struct Brief {
    NtCatalogue *db;
    NtJson *models;
    int64_t previous; /* the one that was the default before; 0: none */
    GError *fault;
} Brief;

/* Each with its card. */
static bool add_whole(const NtModelRow *row, void *data) {
    const Brief *all = data;
    NtJson *summary = model_summary(row, true);
    nt_json_append(all->models, nt_json_set(summary, "previous", nt_json_bool(row->model == all->previous)));
    return true;
}

static bool add_brief(const NtModelRow *row, void *data) {
    Brief *brief = data;
    NtJson *summary = model_summary(row, false);
    nt_json_append(brief->models, summary);
    return !row->mixed || nt_makers_show(brief->db, row, summary, &brief->fault);
}

/* The card of the shipped model in the same form, when there is no catalogue. */
static bool add_shipped(NtJson *out, GError **error) {
    g_autofree char *folder = nt_shipped_models(error);
    g_autoptr(NtCard) card = folder != NULL ? nt_shipped_card(folder, error) : NULL;
    if (card == NULL) {
        return false;
    }
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, false);
    NtModelRow row = {.name = card->name,
                      .dimension = card->dimension,
                      .dtype = (char *)nt_dtype_name(card->dtype),
                      .metric = (char *)nt_metric_name(card->metric),
                      .card = text,
                      .is_default = true};
    return add_summary(&row, out);
}

char *niteru_models_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_autoptr(NtJson) out = nt_json_array();
    if (catalogue == NULL) {
        return add_shipped(out, error) ? nt_json_print(out, true) : NULL;
    }
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    Brief summaries = {.models = out};
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_reader_open_for(&reader, &call, error) ||
        !nt_catalogue_previous_model(reader.db, &summaries.previous, error) ||
        !nt_catalogue_each_model(reader.db, add_whole, &summaries, error)) {
        return NULL;
    }
    return nt_json_print(out, true);
}

static NtJson *network_facts(const NtNetworkInfo *info) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "input", nt_json_string(info->input));
    nt_json_set(out, "output", nt_json_string(info->output));
    nt_json_set(out, "pooled", nt_json_bool(info->pooled));
    nt_json_set(out, "class_token", nt_json_bool(info->class_token));
    nt_json_set(out, "outputs", nt_json_string(info->outputs));
    nt_json_set(out, "unfused", nt_json_string(info->unfused));
    nt_json_set(out, "opset", nt_json_integer(info->opset));
    nt_json_set(out, "producer", nt_json_string(info->producer));
    nt_json_set(out, "operators", nt_json_integer((int64_t)info->nodes));
    nt_json_set(out, "parameters", nt_json_integer((int64_t)info->parameters));
    nt_json_set(out, "multiply_adds", nt_json_integer((int64_t)info->multiply_adds));
    return out;
}

char *niteru_model_json(NiteruCatalogue *catalogue, const char *name, unsigned timeout_ms, GCancellable *cancellable,
                        GError **error) {
    if (catalogue == NULL) {
        g_autoptr(NtJson) out = nt_json_array();
        if (!add_shipped(out, error)) {
            return NULL;
        }
        const char *shipped = nt_json_text(nt_json_get(nt_json_at(out, 0), "name"), "");
        if (name != NULL && strcmp(shipped, name) != 0) {
            nt_fail(error, NITERU_ERROR_NOT_FOUND, "there is no catalogue here; niteru itself has the model %s",
                    shipped);
            return NULL;
        }
        return nt_json_print(nt_json_at(out, 0), true);
    }
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    g_auto(NtModelRow) row = {0};
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_reader_open_for(&reader, &call, error) || !nt_catalogue_find_model(reader.db, name, &row, error)) {
        return NULL;
    }
    g_autoptr(NtJson) out = model_summary(&row, true);
    g_autoptr(NtModel) model = nt_model_open_row(catalogue, &row, error);
    nt_json_set(out, "dead_vectors", nt_json_integer((int64_t)row.dead));
    if (model == NULL || !nt_makers_show(reader.db, &row, out, error)) {
        return NULL;
    }
    nt_reader_clear(&reader); /* loading takes its time */
    if (model->card->preprocess.width > 0) {
        NtNetwork *network = nt_model_network(catalogue, model, error);
        if (network == NULL) {
            return NULL;
        }
        nt_json_set(out, "network", network_facts(nt_network_info(network)));
    }
    return nt_json_print(out, true);
}

static void *list_presets(void *data) {
    static const char *names[32];
    for (size_t i = 0; nt_presets[i].name != NULL && i + 1 < G_N_ELEMENTS(names); i++) {
        names[i] = nt_presets[i].name;
    }
    return (void *)names;
}

const char *const *niteru_presets(void) {
    static GOnce once = G_ONCE_INIT;
    return g_once(&once, list_presets, NULL);
}

const char *niteru_preset_summary(const char *preset) {
    const NtPreset *found = nt_preset_find(preset, NULL);
    return found != NULL ? found->summary : "";
}

/* ---- info ---- */

static void add_limit(const char *name, uint64_t value, void *data) {
    nt_json_set(data, name, nt_json_integer((int64_t)value));
}

static bool add_field(const NtField *field, void *data) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "name", nt_json_string(field->name));
    nt_json_set(out, "type", nt_json_string(nt_field_type_name(field->type)));
    nt_json_set(out, "products", nt_json_integer((int64_t)field->count));
    nt_json_append(data, out);
    return true;
}

static bool add_source(const NtSourceRow *source, void *data) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "kind", nt_json_string(source->kind));
    nt_json_set(out, "location", nt_json_string(source->location));
    nt_json_set(out, "products", nt_json_integer((int64_t)source->products));
    nt_json_set(out, "complete", nt_json_bool(source->complete));
    nt_json_append(data, out);
    return true;
}

static NtJson *program_facts(const NtLimits *limits, unsigned threads) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "version", nt_json_string(niteru_version()));
    nt_json_set(out, "kernels", nt_json_string(nt_kernels()->name));
    nt_json_set(out, "threads", nt_json_integer(threads));
    NtJson *all = nt_json_object();
    nt_limits_foreach(limits, add_limit, all);
    nt_json_set(out, "limits", all);
    return out;
}

/* Bytes of the files below a folder, `depth` levels of folders deep; what vanishes meanwhile counts as nothing. */
static int64_t bytes_below(const char *folder, unsigned depth) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    int64_t bytes = 0;
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        GStatBuf stat;
        if (g_lstat(path, &stat) != 0) {
            continue;
        }
        if (S_ISREG(stat.st_mode)) {
            bytes += stat.st_size;
        } else if (S_ISDIR(stat.st_mode) && depth > 0) {
            bytes += bytes_below(path, depth - 1);
        }
    }
    return bytes;
}

/* What the catalogue takes on disk, in bytes. */
static NtJson *sizes(const NtCatalogue *db) {
    static const char *const folders[] = {"vectors", "models", "photos", "thumbs"};
    NtJson *out = nt_json_object();
    g_autofree char *whole = nt_catalogue_path(db, ".", NULL);
    nt_json_set(out, "database", nt_json_integer(bytes_below(whole, 0)));
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *folder = nt_catalogue_path(db, folders[i], NULL);
        nt_json_set(out, folders[i], nt_json_integer(bytes_below(folder, 2)));
    }
    nt_json_set(out, "all", nt_json_integer(bytes_below(whole, 3)));
    return out;
}

static NtJson *counts(const NtTotals *totals) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "products", nt_json_integer((int64_t)totals->products));
    nt_json_set(out, "photos", nt_json_integer((int64_t)totals->photos));
    nt_json_set(out, "photos_failed", nt_json_integer((int64_t)totals->photos_failed));
    nt_json_set(out, "photos_unread", nt_json_integer((int64_t)totals->photos_unread));
    nt_json_set(out, "distinct_photos", nt_json_integer((int64_t)totals->contents));
    return out;
}

char *niteru_info_json(NiteruCatalogue *catalogue, unsigned timeout_ms, GCancellable *cancellable, GError **error) {
    g_autoptr(NtJson) out = nt_json_object();
    if (catalogue == NULL) {
        NtLimits limits = nt_limits_default();
        nt_json_set(out, "niteru", program_facts(&limits, nt_cores()));
        return nt_json_print(out, true);
    }
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    NtTotals totals;
    if (!nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_reader_open_for(&reader, &call, error) || !nt_catalogue_totals(reader.db, &totals, error)) {
        return NULL;
    }
    NtJson *fields = nt_json_array(), *sources = nt_json_array(), *models = nt_json_array();
    Brief brief = {.db = reader.db, .models = models};
    nt_json_set(out, "catalogue", nt_json_set(counts(&totals), "folder", nt_json_string(catalogue->folder)));
    nt_json_set(out, "bytes", sizes(reader.db));
    nt_json_set(out, "models", models);
    nt_json_set(out, "fields", fields);
    nt_json_set(out, "sources", sources);
    nt_json_set(out, "niteru", program_facts(&catalogue->limits, catalogue->threads));
    if (!nt_catalogue_each_field(reader.db, true, add_field, fields, error) ||
        !nt_catalogue_each_source(reader.db, add_source, sources, error) ||
        !nt_catalogue_each_model(reader.db, add_brief, &brief, error)) {
        return NULL;
    }
    if (brief.fault != NULL) {
        g_propagate_error(error, brief.fault);
        return NULL;
    }
    return nt_json_print(out, true);
}
