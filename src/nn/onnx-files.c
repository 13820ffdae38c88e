/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a network. A tensor may say that its content lies in another file (TensorProto.external_data: location,
 * offset, length). Whoever wrote the network chose that name, so it is not to be trusted: it must name a plain file in
 * the network's own folder. Files are read whole, once; what is hashed, checked, used and copied are the same bytes.
 */
#include "nn/onnx-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 20000 /* exporters may write a file per tensor */ };

struct NtNetworkFiles {
    GPtrArray *names, *bytes;
};

/* ---- where a tensor's content is ---- */

void nt_onnx_place_clear(NtOnnxPlace *place) { g_clear_pointer(&place->location, g_free); }

/* StringStringEntryProto { key 1, value 2 }. */
static bool read_entry(NtWire wire, const char *where, char **out_key, char **out_value, GError **error) {
    for (NtWireField field; nt_wire_next(&wire, &field);) {
        char **to = field.number == 1 ? out_key : field.number == 2 ? out_value : NULL;
        if (to != NULL) {
            g_free(*to);
            if ((*to = nt_onnx_text(&field, where, error)) == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool read_number(const char *text, uint64_t *out) {
    return g_ascii_string_to_unsigned(text, 10, 0, INT64_MAX, out, NULL);
}

static bool take_entry(NtOnnxPlace *place, const char *key, char **value, const char *where, const char *name,
                       GError **error) {
    bool ok = true;
    if (strcmp(key, "location") == 0) {
        g_free(place->location);
        place->location = g_steal_pointer(value);
    } else if (strcmp(key, "offset") == 0) {
        ok = read_number(*value, &place->offset);
    } else if (strcmp(key, "length") == 0) {
        ok = place->has_length = read_number(*value, &place->length);
    }
    return ok ||
           nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s': its %s is no number of bytes", where, name, key);
}

/* A name of a file in the same folder, without "./" in front. */
static bool settle_location(NtOnnxPlace *place, const char *where, const char *name, GError **error) {
    char *file = place->location;
    if (g_str_has_prefix(file, "./")) {
        memmove(file, file + 2, strlen(file) - 1);
    }
    if (*file == '\0' || strchr(file, '/') != NULL || strcmp(file, ".") == 0 || strcmp(file, "..") == 0) {
        g_autofree char *shown = nt_text_printable(file, 120);
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                       "%s: tensor '%s' keeps its data in '%s'; only a file beside the network's own may hold it",
                       where, name, shown);
    }
    return true;
}

bool nt_onnx_place(NtWire tensor, const char *where, const char *name, NtOnnxPlace *out, GError **error) {
    bool outside = false;
    g_auto(NtOnnxPlace) place = {0};
    for (NtWireField field; nt_wire_next(&tensor, &field);) {
        if (field.number == 14) {
            outside = field.value != 0;
        } else if (field.number == 13 && field.type == NT_WIRE_BYTES) {
            g_autofree char *key = g_strdup(""), *value = g_strdup("");
            if (!read_entry(nt_wire_inside(&field), where, &key, &value, error) ||
                !take_entry(&place, key, &value, where, name, error)) {
                return false;
            }
        }
    }
    if (!outside) {
        return true; /* what it says of another place does not hold */
    }
    if (place.location == NULL) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: tensor '%s' keeps its data elsewhere and does not say where",
                       where, name);
    }
    if (!settle_location(&place, where, name, error)) {
        return false;
    }
    *out = place;
    place.location = NULL;
    return true;
}

/* ---- reading ---- */

static bool same_state(const struct stat *a, const struct stat *b) {
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static GBytes *read_stable(int fd, const char *path, uint64_t room, GError **error) {
    struct stat before, after;
    if (fstat(fd, &before) != 0) {
        nt_fail_errno(error, errno, "%s", path);
        return NULL;
    }
    if (S_ISREG(before.st_mode) && (uint64_t)before.st_size > room) {
        nt_fail(error, NITERU_ERROR_LIMIT,
                "%s: %" G_GINT64_FORMAT " bytes; the files of one network may have %" G_GUINT64_FORMAT
                " more by the limit onnx-bytes",
                path, (gint64)before.st_size, room);
        return NULL;
    }
    g_autoptr(GBytes) bytes = nt_file_read_fd(fd, path, (size_t)room, error);
    if (bytes == NULL) {
        return NULL;
    }
    if (fstat(fd, &after) != 0 || !same_state(&before, &after) || g_bytes_get_size(bytes) != (gsize)after.st_size) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: it changed while it was read; try again when it is written", path);
        return NULL;
    }
    return g_steal_pointer(&bytes);
}

static bool add_file(NtNetworkFiles *files, int folder, const char *shown_folder, const char *name, uint64_t *room,
                     GError **error) {
    g_autofree char *path = g_build_filename(shown_folder, name, NULL);
    int fd = nt_file_open_at(folder, name, O_NOFOLLOW);
    if (fd < 0 && errno == ELOOP) {
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: a link; the weights must be a file of their own in the network's folder: copy it there",
                       path);
    }
    if (fd < 0 && errno == ENOENT) {
        return nt_fail(error, NITERU_ERROR_NOT_FOUND,
                       "%s: not there; the network keeps weights in it, so it must lie beside the network's file",
                       path);
    }
    if (fd < 0) {
        return nt_fail_errno(error, errno, "%s", path);
    }
    GBytes *bytes = read_stable(fd, path, *room, error);
    close(fd);
    if (bytes == NULL) {
        return false;
    }
    *room -= g_bytes_get_size(bytes);
    g_ptr_array_add(files->names, g_strdup(name));
    g_ptr_array_add(files->bytes, bytes);
    return true;
}

/* The names that the network's initialisers refer to, each once, in order. ModelProto { graph 7 { initializer 5 } }. */
static char *name_of_tensor(NtWire tensor, const char *path) {
    g_autofree char *name = NULL;
    for (NtWireField field; nt_wire_next(&tensor, &field);) {
        if (field.number == 8) {
            g_free(name);
            name = nt_onnx_text(&field, path, NULL);
        }
    }
    return nt_text_printable(name != NULL ? name : "", 120);
}

static bool gather_names(GBytes *network, const char *path, GPtrArray *out, GError **error) {
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    gsize size;
    const uint8_t *data = g_bytes_get_data(network, &size);
    NtWire model = nt_wire(data, size);
    for (NtWireField field; nt_wire_next(&model, &field);) {
        NtWire graph = field.number == 7 && field.type == NT_WIRE_BYTES ? nt_wire_inside(&field) : nt_wire(NULL, 0);
        for (NtWireField part; nt_wire_next(&graph, &part);) {
            g_auto(NtOnnxPlace) place = {0};
            if (part.number != 5 || part.type != NT_WIRE_BYTES) {
                continue;
            }
            g_autofree char *name = name_of_tensor(nt_wire_inside(&part), path);
            if (!nt_onnx_place(nt_wire_inside(&part), path, name, &place, error)) {
                return false;
            }
            if (place.location == NULL || g_hash_table_contains(seen, place.location)) {
                continue;
            }
            if (out->len == MOST_FILES) {
                return nt_fail(error, NITERU_ERROR_LIMIT, "%s: more than %d files of weights", path, MOST_FILES);
            }
            g_hash_table_add(seen, place.location);
            g_ptr_array_add(out, g_steal_pointer(&place.location));
        }
    }
    return true; /* damage is for the reader to tell */
}

NtNetworkFiles *nt_network_files_read(const char *path, const NtLimits *limits, GError **error) {
    NtLimits standard = nt_limits_default();
    uint64_t room = limits != NULL ? limits->onnx_bytes : standard.onnx_bytes;
    g_autoptr(NtNetworkFiles) files = g_new0(NtNetworkFiles, 1);
    files->names = g_ptr_array_new_with_free_func(g_free);
    files->bytes = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    int fd = nt_file_open(path, path, error);
    if (fd < 0) {
        return NULL;
    }
    GBytes *network = read_stable(fd, path, room, error);
    close(fd);
    if (network == NULL) {
        return NULL;
    }
    room -= g_bytes_get_size(network);
    g_ptr_array_add(files->names, g_strdup(""));
    g_ptr_array_add(files->bytes, network);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = g_path_get_dirname(path);
    int folder_fd = gather_names(network, path, names, error) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -2;
    if (folder_fd < 0) {
        if (folder_fd == -1) {
            nt_fail_errno(error, errno, "%s", folder);
        }
        return NULL;
    }
    bool ok = true;
    for (unsigned i = 0; ok && i < names->len; i++) {
        ok = add_file(files, folder_fd, folder, names->pdata[i], &room, error);
    }
    close(folder_fd);
    return ok ? g_steal_pointer(&files) : NULL;
}

void nt_network_files_free(NtNetworkFiles *files) {
    if (files != NULL) {
        g_clear_pointer(&files->names, g_ptr_array_unref);
        g_clear_pointer(&files->bytes, g_ptr_array_unref);
        g_free(files);
    }
}

size_t nt_network_files_count(const NtNetworkFiles *files) { return files->names->len; }
const char *nt_network_files_name(const NtNetworkFiles *files, size_t i) { return files->names->pdata[i]; }
GBytes *nt_network_files_bytes(const NtNetworkFiles *files, size_t i) { return files->bytes->pdata[i]; }

GBytes *nt_network_files_find(const NtNetworkFiles *files, const char *name) {
    for (unsigned i = 1; i < files->names->len; i++) {
        if (strcmp(files->names->pdata[i], name) == 0) {
            return files->bytes->pdata[i];
        }
    }
    return NULL;
}

void nt_network_files_digest(const NtNetworkFiles *files, uint8_t out[NT_DIGEST_BYTES]) {
    NtDigest *digest = nt_digest_new();
    for (unsigned i = 0; i < files->names->len; i++) {
        const char *name = files->names->pdata[i];
        gsize size;
        const void *data = g_bytes_get_data(files->bytes->pdata[i], &size);
        uint64_t head[2] = {GUINT64_TO_LE(strlen(name)), GUINT64_TO_LE((uint64_t)size)};
        nt_digest_add(digest, head, sizeof head);
        nt_digest_add(digest, name, strlen(name));
        nt_digest_add(digest, data, size);
    }
    nt_digest_finish(digest, out);
}
