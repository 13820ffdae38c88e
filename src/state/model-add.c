/* SPDX-License-Identifier: Apache-2.0 */
/* Adding models to a catalogue: networks from files, the one that ships with niteru, and those of imported vectors. */
#include "state/state.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { CARD_BYTES = 65536 };

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
        g_autofree char *file = g_build_filename(g_ptr_array_index(places, i), NT_SHIPPED_MODEL ".onnx", NULL);
        if (access(file, R_OK) == 0) {
            return g_strdup(g_ptr_array_index(places, i));
        }
        g_string_append_printf(tried, "%s%s", i > 0 ? ", " : "", (char *)g_ptr_array_index(places, i));
    }
    nt_fail(error, NITERU_ERROR_NOT_FOUND,
            "niteru's own model is not there (" NT_SHIPPED_MODEL ".onnx; looked in %s); set "
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
    g_autofree char *path = g_build_filename(folder, NT_SHIPPED_MODEL ".card.json", NULL);
    return read_card(path, error);
}

/* ---- adding ---- */

void nt_model_clear_folder(const char *folder) {
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_unlink(path); /* what cannot be removed is left over: nothing names it */
    }
}

bool nt_network_write(const NtNetworkFiles *files, const char *folder, GError **error) {
    for (size_t i = 0; i < nt_network_files_count(files); i++) {
        const char *name = nt_network_files_name(files, i);
        if (strcmp(name, "model.onnx") == 0) {
            return nt_fail(error, NITERU_ERROR_INVALID,
                           "the network keeps weights in a file named model.onnx, which is the network's own name in a "
                           "catalogue; save it with its weights inside, or under another name");
        }
        g_autofree char *path = g_build_filename(folder, *name == '\0' ? "model.onnx" : name, NULL);
        gsize size;
        const void *data = g_bytes_get_data(nt_network_files_bytes(files, i), &size);
        if (!nt_file_write(path, data, size, error)) {
            return false;
        }
    }
    return true;
}

static void fill_hashes(const NtNetworkFiles *files, NtModelRow *row) {
    gsize size;
    const void *data = g_bytes_get_data(nt_network_files_bytes(files, 0), &size);
    nt_sha256(data, size, row->hash);
    nt_network_files_digest(files, row->digest);
    row->has_digest = true;
}

static bool add_row(NiteruCatalogue *catalogue, const NtModelRow *row, bool make_default, GError **error) {
    int64_t added;
    return nt_catalogue_add_model(catalogue->db, row, &added, error) &&
           (!make_default || nt_catalogue_set_default_model(catalogue->db, added, error));
}

/* Puts the network into models/<name>/, an empty vectors file into vectors/, and the row with the card into the
 * database: files first, so that a row never names what is not there. What a crash leaves behind is overwritten by the
 * next try. `files` NULL: a model of imported vectors. In a turn. */
static bool put_model(NiteruCatalogue *catalogue, NtCard *card, const NtNetworkFiles *files, bool make_default,
                      GError **error) {
    g_autofree char *folder = nt_catalogue_path(catalogue->db, "models", card->name);
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, true);
    NtModelRow row = {.name = card->name,
                      .dimension = card->dimension,
                      .dtype = (char *)nt_dtype_name(card->dtype),
                      .metric = (char *)nt_metric_name(card->metric),
                      .generation = 1,
                      .card = text};
    if (files != NULL) {
        if (g_mkdir_with_parents(folder, 0755) != 0) {
            return nt_fail_errno(error, errno, "%s", folder);
        }
        nt_model_clear_folder(folder);
        if (!nt_sync_folder_of(folder, error) || !nt_network_write(files, folder, error)) {
            return false;
        }
        fill_hashes(files, &row);
    }
    NtVectorsSpec spec;
    g_autofree char *path = nt_generation_path(catalogue->db, card->name, 1);
    return nt_generation_spec(&row, &spec, error) && nt_vectors_create(path, &spec, error) &&
           add_row(catalogue, &row, make_default, error);
}

/* Whether the catalogue has a model of that name (NULL: any). */
static bool has_model(NtCatalogue *db, const char *name) {
    g_auto(NtModelRow) row = {0};
    return nt_catalogue_find_model(db, name, &row, NULL);
}

/* In a turn of its own. */
static bool store_model(NiteruCatalogue *catalogue, NtCard *card, const NtNetworkFiles *files, bool make_default,
                        const NtWait *wait, GError **error) {
    if (!nt_turn_begin(catalogue, wait, error)) {
        return false;
    }
    bool taken = has_model(catalogue->db, card->name);
    bool ok = !taken && put_model(catalogue, card, files, make_default, error);
    if (taken) {
        nt_fail(error, NITERU_ERROR_INVALID, "there is a model '%s' already; choose another name", card->name);
        nt_fact(error, "option", "name");
    }
    return nt_turn_end(catalogue, ok, error);
}

bool nt_models_ensure(NiteruCatalogue *catalogue, const char *name, const NtWait *wait, GError **error) {
    if (name != NULL && strcmp(name, NT_SHIPPED_MODEL) != 0) {
        return true;
    }
    g_auto(NtReader) reader = {0};
    if (!nt_reader_open_any(&reader, catalogue, error)) { /* a loss is made good by the run that begins here */
        return false;
    }
    bool there = has_model(reader.db, name);
    nt_reader_clear(&reader);
    g_autofree char *folder = there ? NULL : nt_shipped_models(error);
    g_autoptr(NtCard) card = folder != NULL ? nt_shipped_card(folder, error) : NULL;
    if (there || card == NULL) {
        return there;
    }
    g_autofree char *path = g_build_filename(folder, NT_SHIPPED_MODEL ".onnx", NULL);
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &catalogue->limits, error);
    if (files == NULL || !nt_turn_begin(catalogue, wait, error)) {
        return false;
    }
    bool ok = has_model(catalogue->db, name) || put_model(catalogue, card, files, name == NULL, error);
    return nt_turn_end(catalogue, ok, error);
}

/* "resnet50" of "nets/resnet50.onnx". */
static char *name_of_file(const char *path) {
    g_autofree char *base = g_path_get_basename(path);
    return g_str_has_suffix(base, ".onnx") ? g_strndup(base, strlen(base) - 5) : g_strdup(base);
}

/* The card for a network that is being added: given in full, whose name holds unless another is asked for, or made by a
 * preset. */
static NtCard *card_for(const char *path, const NiteruModelOptions *options, const NtNetworkInfo *info,
                        GError **error) {
    g_autofree char *own = name_of_file(path);
    const char *name = options->name != NULL ? options->name : options->card != NULL ? NULL : own;
    g_autoptr(NtCard) card = NULL;
    if (options->card != NULL) {
        card = read_card(options->card, error);
        if (card != NULL && name != NULL) {
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
    const struct {
        char **to;
        const char *text;
    } frozen[] = {{&card->output, info->output}, {&card->choice, info->choice}, {&card->truncated, info->truncated}};
    for (size_t i = 0; i < G_N_ELEMENTS(frozen); i++) {
        g_free(*frozen[i].to);
        *frozen[i].to = g_strdup(frozen[i].text);
    }
    card->truncated_classes = info->truncated_classes;
    const struct {
        char **to;
        const char *text;
    } told[] = {{&card->description, options->description},
                {&card->licence, options->licence},
                {&card->source, options->source},
                {&card->trained_on, options->trained_on}};
    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        if (*told[i].to == NULL) {
            *told[i].to = g_strdup(told[i].text);
        }
    }
    return nt_card_fits(card, info, path, error) ? g_steal_pointer(&card) : NULL;
}

/* Reads a network and proves that it can embed; everything that can be refused is refused before anything is written.
 */
static NtCard *prepare(NiteruCatalogue *catalogue, const char *path, const NiteruModelOptions *options,
                       const NtNetworkFiles *files, GError **error) {
    /* A card may say which tensor to take, and how large an open input shall be. */
    g_autoptr(NtCard) given = options->card != NULL ? read_card(options->card, error) : NULL;
    if (options->card != NULL && given == NULL) {
        return NULL;
    }
    NtNetworkOptions how = {.output = options->output != NULL ? options->output
                                      : given != NULL         ? given->output
                                                              : NULL,
                            .width = options->width > 0 ? options->width
                                     : given != NULL    ? given->preprocess.width
                                                        : 0,
                            .height = options->height > 0 ? options->height
                                      : given != NULL     ? given->preprocess.height
                                                          : 0,
                            .limits = &catalogue->limits};
    g_autoptr(NtNetwork) network = nt_network_load_files(files, path, &how, error);
    g_autoptr(NtCard) card = network != NULL ? card_for(path, options, nt_network_info(network), error) : NULL;
    return card != NULL && nt_card_check_name(card->name, error) && nt_card_try(card, network, error)
               ? g_steal_pointer(&card)
               : NULL;
}

bool niteru_model_add(NiteruCatalogue *catalogue, const char *path, const NiteruModelOptions *given,
                      GCancellable *cancellable, char **out_name, GError **error) {
    NiteruModelOptions known, *options = &known;
    g_auto(NtCall) call = {0};
    if (!NT_OPTIONS_READ(NiteruModelOptions, options, given, error) ||
        !nt_call_begin_writing(&call, catalogue, options->timeout_ms, cancellable, error)) {
        return false;
    }
    if (options->name != NULL && !nt_card_check_name(options->name, error)) {
        return false;
    }
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &catalogue->limits, error);
    g_autoptr(NtCard) card = files != NULL ? prepare(catalogue, path, options, files, error) : NULL;
    bool ok = card != NULL && store_model(catalogue, card, files, options->make_default, &call.wait, error);
    if (ok && out_name != NULL) {
        *out_name = g_strdup(card->name);
    }
    return ok;
}

bool nt_model_add_vectors_only(NiteruCatalogue *catalogue, NtCard *card, const NtWait *wait, GError **error) {
    return store_model(catalogue, card, NULL, false, wait, error);
}
