/* SPDX-License-Identifier: Apache-2.0 */
/* Models of a catalogue: opening them for use, removing them. */
#include "state/state.h"

#include <glib/gstdio.h>
#include <string.h>

/* ---- opening ---- */

static void network_unref(void *data) {
    NtModelNetwork *network = data;
    if (g_atomic_int_dec_and_test(&network->refs)) {
        g_clear_pointer(&network->network, nt_network_unref);
        g_mutex_clear(&network->loading);
        g_free(network);
    }
}

NtModel *nt_model_ref(NtModel *model) {
    g_atomic_int_inc(&model->refs);
    return model;
}

static void model_free(NtModel *model) {
    nt_index_free(model->index);
    nt_vectors_close(model->vectors);
    nt_card_free(model->card);
    g_clear_pointer(&model->network, network_unref);
    g_array_unref(model->intact);
    g_mutex_clear(&model->checking);
    g_free(model->name);
    g_free(model);
}

void nt_model_unref(NtModel *model) {
    if (model == NULL) {
        return;
    }
    NiteruCatalogue *catalogue = model->catalogue;
    g_mutex_lock(&catalogue->lock);
    bool last = g_atomic_int_dec_and_test(&model->refs);
    if (last) { /* under the lock, so that nobody finds it in the list meanwhile */
        g_ptr_array_remove_fast(catalogue->models, model);
    }
    g_mutex_unlock(&catalogue->lock);
    if (last) {
        model_free(model);
    }
}

/* The network's place, found or made. Under the lock. */
static NtModelNetwork *network_of(NiteruCatalogue *catalogue, int64_t model) {
    NtModelNetwork *network = NULL;
    for (guint i = 0; network == NULL && i < catalogue->networks->len; i++) {
        NtModelNetwork *known = g_ptr_array_index(catalogue->networks, i);
        network = known->model == model ? known : NULL;
    }
    if (network == NULL) {
        network = g_new0(NtModelNetwork, 1);
        network->refs = 1;
        network->model = model;
        g_mutex_init(&network->loading);
        g_ptr_array_add(catalogue->networks, network);
    }
    g_atomic_int_inc(&network->refs);
    return network;
}

void nt_models_free(NiteruCatalogue *catalogue) {
    g_ptr_array_foreach(catalogue->networks, (GFunc)(void (*)(void))network_unref, NULL);
    g_ptr_array_unref(catalogue->networks);
    g_ptr_array_unref(catalogue->models);
}

void nt_model_forget(NiteruCatalogue *catalogue, int64_t model) {
    g_mutex_lock(&catalogue->lock);
    for (guint i = 0; i < catalogue->networks->len; i++) {
        if (((NtModelNetwork *)g_ptr_array_index(catalogue->networks, i))->model == model) {
            network_unref(g_ptr_array_steal_index_fast(catalogue->networks, i));
            break;
        }
    }
    g_mutex_unlock(&catalogue->lock);
}

/* Says how to get lost vectors back. */
static void add_way_out(const NtModel *model, GError **error) {
    bool lost = error != NULL && (g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND) ||
                                  g_error_matches(*error, NITERU_ERROR, NITERU_ERROR_CORRUPT));
    if (lost) {
        bool network = model->card != NULL && model->card->preprocess.width > 0;
        g_autofree char *message = g_steal_pointer(&(*error)->message);
        (*error)->message =
            g_strdup_printf("%s; the vectors of the model %s are lost, and %s makes them again", message, model->name,
                            network ? "indexing its sources again" : "importing them again");
        nt_fact(error, "remedy", network ? "index" : "import");
        nt_fact(error, "option", "model");
        nt_fact(error, "value", model->name);
    }
}

/* Under the lock. */
static NtModel *open_row(NiteruCatalogue *catalogue, const NtModelRow *row, GError **error) {
    NtVectorsSpec spec;
    if (!nt_generation_spec(row, &spec, error)) {
        return NULL;
    }
    g_autofree char *path = nt_generation_path(catalogue->db, row->name, row->generation);
    NtModel *model = g_new0(NtModel, 1);
    model->refs = 1;
    model->catalogue = catalogue;
    g_mutex_init(&model->checking);
    model->intact = g_array_new(FALSE, TRUE, sizeof(guint16));
    model->model = row->model;
    model->name = g_strdup(row->name);
    model->generation = row->generation;
    memcpy(model->hash, row->hash, sizeof model->hash);
    memcpy(model->digest, row->digest, sizeof model->digest);
    model->has_digest = row->has_digest;
    model->network = network_of(catalogue, row->model);
    model->card = nt_card_parse(row->card != NULL ? row->card : "{}", row->card != NULL ? strlen(row->card) : 2,
                                row->name, error);
    if (model->card != NULL) {
        model->vectors = nt_vectors_open(path, !nt_catalogue_read_only(catalogue->db), &spec, error);
    }
    if (model->vectors == NULL && model->card != NULL) {
        add_way_out(model, error);
    }
    model->index = model->vectors != NULL ? nt_index_new(NULL, &spec, error) : NULL;
    if (model->index == NULL) {
        model_free(model);
        return NULL;
    }
    return model;
}

NtModel *nt_model_open_row(NiteruCatalogue *catalogue, const NtModelRow *row, GError **error) {
    g_mutex_lock(&catalogue->lock);
    NtModel *model = NULL;
    for (guint i = 0; model == NULL && i < catalogue->models->len; i++) {
        NtModel *open = g_ptr_array_index(catalogue->models, i);
        model = open->model == row->model && open->generation == row->generation ? nt_model_ref(open) : NULL;
    }
    if (model == NULL && (model = open_row(catalogue, row, error)) != NULL) {
        g_ptr_array_add(catalogue->models, model);
    }
    g_mutex_unlock(&catalogue->lock);
    return model;
}

NtModel *nt_model_open(NiteruCatalogue *catalogue, NtCatalogue *db, const char *name, uint64_t *out_rows,
                       GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, name, &row, error)) {
        return NULL;
    }
    NtModel *model = nt_model_open_row(catalogue, &row, error);
    if (model != NULL && out_rows != NULL) {
        *out_rows = row.rows;
    }
    return model;
}

NtModel *nt_model_find(NiteruCatalogue *catalogue, const char *name, GError **error) {
    g_auto(NtReader) reader = {0};
    return nt_reader_open(&reader, catalogue, error) ? nt_model_open(catalogue, reader.db, name, NULL, error) : NULL;
}

NtCard *nt_model_card(NiteruCatalogue *catalogue, const NtModel *model, GError **error) {
    g_auto(NtReader) reader = {0};
    g_auto(NtModelRow) row = {0};
    if (!nt_reader_open(&reader, catalogue, error) || !nt_catalogue_find_model(reader.db, model->name, &row, error)) {
        return NULL;
    }
    return row.card != NULL ? nt_card_parse(row.card, strlen(row.card), model->name, error) : nt_card_copy(model->card);
}

bool nt_model_view(NtModel *model, uint64_t rows, NtRows *out, GError **error) {
    if (!nt_vectors_view(model->vectors, rows, out, error)) {
        add_way_out(model, error);
        return false;
    }
    return true;
}

/* The files must be those that the vectors were made with: a network that is damaged still answers, wrongly. */
typedef struct Identity {
    const NtModel *model;
    const NtNetworkFiles *files;
} Identity;

/* In a thread of its own, beside the loading: NULL when they are not. */
static void *check_identity(void *data) {
    const Identity *identity = data;
    const NtModel *model = identity->model;
    uint8_t digest[NT_DIGEST_BYTES], hash[32];
    bool same;
    if (model->has_digest) {
        nt_network_files_digest(identity->files, digest);
        same = memcmp(digest, model->digest, sizeof digest) == 0;
    } else { /* added by a version that kept only the slow one */
        gsize size;
        const void *bytes = g_bytes_get_data(nt_network_files_bytes(identity->files, 0), &size);
        nt_sha256(bytes, size, hash);
        same = memcmp(hash, model->hash, sizeof hash) == 0;
    }
    return same ? data : NULL;
}

static NtNetwork *load_network(NiteruCatalogue *catalogue, const NtModel *model, GError **error) {
    g_autofree char *file = g_build_filename(model->name, "model.onnx", NULL);
    g_autofree char *path = nt_catalogue_path(catalogue->db, "models", file);
    NtNetworkOptions options = {.output = model->card->output,
                                .width = model->card->preprocess.width,
                                .height = model->card->preprocess.height,
                                .limits = &catalogue->limits};
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &catalogue->limits, error);
    if (files == NULL) {
        return NULL;
    }
    GError *fault = NULL;
    Identity identity = {model, files};
    GThread *thread = nt_thread_new("nt-identity", check_identity, &identity);
    g_autoptr(NtNetwork) network = nt_network_load_files(files, path, &options, &fault);
    if ((thread != NULL ? g_thread_join(thread) : check_identity(&identity)) ==
        NULL) { /* whatever else is wrong with it follows from that */
        g_clear_error(&fault);
        nt_fail(error, NITERU_ERROR_CORRUPT,
                "%s: not the network that the model %s was added with: it is damaged or was replaced; put the file "
                "back, or remove the model and add it again",
                path, model->name);
        nt_fact(error, "remedy", "network");
        return NULL;
    }
    if (fault != NULL) {
        g_propagate_error(error, fault);
        return NULL;
    }
    return nt_card_fits(model->card, nt_network_info(network), path, error) ? g_steal_pointer(&network) : NULL;
}

NtNetwork *nt_model_network(NiteruCatalogue *catalogue, NtModel *model, GError **error) {
    if (model->card->preprocess.width == 0) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "model %s holds imported vectors and no network: it cannot embed photos (" NT_SHIPPED_MODEL
                ", which is always there, can)",
                model->name);
        nt_fact(error, "remedy", "embedder");
        return NULL;
    }
    NtModelNetwork *shared = model->network;
    g_mutex_lock(&shared->loading);
    if (shared->network == NULL) {
        shared->network = load_network(catalogue, model, error);
    }
    NtNetwork *network = shared->network;
    g_mutex_unlock(&shared->loading);
    return network;
}

float *nt_model_embed(NiteruCatalogue *catalogue, NtModel *model, GBytes *bytes, const char *name, const NtBox *box,
                      const NtWait *wait, GError **error) {
    NtNetwork *network = nt_model_network(catalogue, model, error);
    if (network == NULL) {
        return NULL;
    }
    g_autofree float *vector = g_new(float, model->card->dimension);
    return nt_pipeline_embed_part(catalogue->pipeline, model->card, network, bytes, name, box, wait, vector, error)
               ? g_steal_pointer(&vector)
               : NULL;
}

float *nt_model_embed_file(NiteruCatalogue *catalogue, NtModel *model, const char *path, const NtWait *wait,
                           GError **error) {
    g_autoptr(GBytes) bytes = nt_photo_read(path, &catalogue->limits, error);
    return bytes != NULL ? nt_model_embed(catalogue, model, bytes, path, &(NtBox){0}, wait, error) : NULL;
}
