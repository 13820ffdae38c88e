/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose vectors a model holds: those of its own network, or others too. Vectors made elsewhere are nowhere near those
 * of the network that embeds the photos which come after, so a model with a network takes them only when the user says
 * so (`mixed`), and indexing with `rehash` makes anew whatever the present network did not make.
 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 20, NAMED_SOURCES = 5 };

bool nt_model_row_has_network(const NtModelRow *row) {
    static const uint8_t none[sizeof row->hash];
    return row->has_digest || memcmp(row->hash, none, sizeof none) != 0;
}

bool nt_file_digest(const char *path, uint8_t out[NT_DIGEST_BYTES], GError **error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s", path);
    }
    g_autofree uint8_t *buffer = g_malloc(READ_BYTES);
    NtDigest *digest = nt_digest_new();
    ssize_t got;
    while ((got = read(fd, buffer, READ_BYTES)) > 0 || (got < 0 && errno == EINTR)) {
        nt_digest_add(digest, buffer, got > 0 ? (size_t)got : 0);
    }
    int saved = errno;
    close(fd);
    nt_digest_finish(digest, out);
    return got == 0 || nt_fail_errno(error, saved, "%s", path);
}

/* A model that was added before digests were kept has one from now on; its file was compared with its SHA-256 when the
 * network was loaded. */
static bool learn_digest(NiteruCatalogue *catalogue, NtModelRow *row, GError **error) {
    g_autofree char *file = g_build_filename(row->name, "model.onnx", NULL);
    g_autofree char *path = nt_catalogue_path(catalogue->db, "models", file);
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(path, &catalogue->limits, error);
    if (files == NULL) {
        return false;
    }
    nt_network_files_digest(files, row->digest);
    row->has_digest = true;
    return nt_catalogue_set_model_digest(catalogue->db, row->model, row->digest, error);
}

bool nt_model_maker(NiteruCatalogue *catalogue, const char *name, int64_t *out_maker, GError **error) {
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(catalogue->db, name, &row, error) ||
        (!row.has_digest && !learn_digest(catalogue, &row, error))) {
        return false;
    }
    NtMaker maker = {.kind = NT_MADE_BY_NETWORK};
    memcpy(maker.digest, row.digest, sizeof maker.digest);
    return nt_catalogue_put_maker(catalogue->db, &maker, out_maker, error);
}

/* ---- shown ---- */

typedef struct Elsewhere {
    NtJson *from;
    uint64_t vectors;
} Elsewhere;

static bool add_elsewhere(const NtMaker *maker, uint64_t vectors, void *data) {
    Elsewhere *elsewhere = data;
    if (maker->kind == NT_MADE_ELSEWHERE) {
        elsewhere->vectors += vectors;
        nt_json_append(elsewhere->from, nt_json_string(maker->source));
    }
    return true;
}

bool nt_makers_show(NtCatalogue *db, const NtModelRow *row, NtJson *out, GError **error) {
    Elsewhere elsewhere = {.from = nt_json_array()};
    if (!nt_catalogue_each_maker(db, row->model, add_elsewhere, &elsewhere, error)) {
        nt_json_free(elsewhere.from);
        return false;
    }
    nt_json_set(out, "mixed", nt_json_bool(row->mixed));
    nt_json_set(out, "imported", nt_json_integer((int64_t)elsewhere.vectors));
    nt_json_set(out, "imported_from", elsewhere.from);
    return true;
}

/* ---- checked ---- */

static bool count_foreign(int64_t content, void *data) {
    ++*(uint64_t *)data;
    return true;
}

static bool name_source(const char *location, void *data) {
    GPtrArray *names = data;
    g_ptr_array_add(names, g_strdup(location));
    return names->len < NAMED_SOURCES;
}

bool nt_makers_check(NtCatalogue *db, const NtModelRow *row, NtJson *problems, GError **error) {
    int64_t own = NT_MAKER_UNKNOWN;
    uint64_t foreign = 0;
    if (row->mixed || !nt_model_row_has_network(row)) {
        return true;
    }
    if (!nt_catalogue_model_maker(db, row->model, &own, error) ||
        !nt_catalogue_each_foreign(db, row->model, own, count_foreign, &foreign, error)) {
        return false;
    }
    if (foreign == 0) {
        return true;
    }
    g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func(g_free);
    if (!nt_catalogue_each_foreign_source(db, row->model, own, name_source, sources, error)) {
        return false;
    }
    g_ptr_array_add(sources, NULL);
    g_autofree char *named = g_strjoinv(", ", (char **)sources->pdata);
    g_autofree char *text = g_strdup_printf(
        "model %s: %" G_GUINT64_FORMAT " vectors were not made by its network, and do not belong beside those that were"
        "; %s%s",
        row->name, foreign,
        *named != '\0' ? "make them again from " : "embed the photos of these products anew, or remove the products",
        named);
    nt_json_append(problems, nt_json_string(text));
    return true;
}
