/* SPDX-License-Identifier: Apache-2.0 */
/* Weights in files beside the network's: read when they are what they are said to be, refused by name when not. */
#include "nn/nn.h"
#include "onnx-writer.h"
#include "refuse.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* A folder with a network whose tensor w (3, 1, 1) lies in another file. */
typedef struct Place {
    char *folder, *model;
} Place;

static void place_start(Place *place) {
    g_autoptr(GError) error = NULL;
    place->folder = g_dir_make_tmp("niteru-test-XXXXXX", &error);
    g_assert_no_error(error);
    place->model = g_build_filename(place->folder, "model.onnx", NULL);
}

static void place_clear(Place *place) {
    g_autoptr(GDir) dir = g_dir_open(place->folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(place->folder, name, NULL);
        g_assert_cmpint(g_remove(path), ==, 0);
    }
    g_assert_cmpint(g_rmdir(place->folder), ==, 0);
    g_free(place->folder);
    g_free(place->model);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static void put_file(const Place *place, const char *name, const void *data, size_t size) {
    g_autofree char *path = g_build_filename(place->folder, name, NULL);
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

/* Writes the network; offset and length NULL: not said. `dims` of the tensor. */
static void put_network(const Place *place, const char *location, const char *offset, const char *length,
                        const char *dims) {
    OnnxWriter *writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 2 2", 1);
    onnx_writer_output(writer, "embedding");
    g_autoptr(GBytes) fields = onnx_external(location, offset, length);
    onnx_writer_raw(writer, "w", dims, 1, NULL, fields);
    onnx_writer_node(writer, "Mul", "image w", "a", "");
    onnx_writer_node(writer, "Flatten", "a", "embedding", "");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    put_file(place, "model.onnx", g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void load(const Place *place, float expected_first) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNetwork) network = nt_network_load(place->model, NULL, &error);
    g_assert_no_error(error);
    const float image[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    float out[12];
    g_autoptr(NtRunner) runner = nt_runner_new(network, 1, 1, &error);
    g_assert_true(nt_runner_run(runner, image, 1, out, NULL, &error));
    g_assert_cmpfloat(out[0], ==, expected_first);
    g_assert_cmpfloat(out[11], ==, expected_first + 2);
}

static void refuse_place(const Place *place, int code, const char *words) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNetwork) network = nt_network_load(place->model, NULL, &error);
    expect_refused(network, error, code, words);
}

static const float weights[6] = {9, 9, 1, 2, 3, 9};

static void test_good(void) {
    g_auto(Place) place = {0};
    place_start(&place);
    put_file(&place, "w.data", weights, sizeof weights);
    put_network(&place, "w.data", "8", "12", "3 1 1");
    load(&place, 1);
    put_network(&place, "./w.data", "8", "12", "3 1 1");
    load(&place, 1);
    put_file(&place, "only", weights + 2, 12);
    put_network(&place, "only", NULL, NULL, "3 1 1");
    load(&place, 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(NtNetworkFiles) files = nt_network_files_read(place.model, NULL, &error);
    g_assert_cmpuint(nt_network_files_count(files), ==, 2);
    g_assert_cmpstr(nt_network_files_name(files, 1), ==, "only");
    uint8_t digest[NT_DIGEST_BYTES], other[NT_DIGEST_BYTES];
    nt_network_files_digest(files, digest);
    put_file(&place, "only", weights + 1, 12);
    g_autoptr(NtNetworkFiles) changed = nt_network_files_read(place.model, NULL, &error);
    nt_network_files_digest(changed, other);
    g_assert_cmpmem(nt_network_files_name(files, 1), 4, nt_network_files_name(changed, 1), 4);
    g_assert_true(memcmp(digest, other, sizeof digest) != 0);
}

/* Offsets and lengths that do not fit the file or the tensor. */
static void test_lengths(void) {
    static const struct {
        const char *offset, *length, *dims, *words;
    } cases[] = {
        {"16", "12", "3 1 1", "'w'|12 bytes from 16|24"},
        {"25", NULL, "3 1 1", "'w'|from 25"},
        {"0", "16", "3 1 1", "'w'|needs 12 bytes but has 16"},
        {NULL, NULL, "3 1 1", "needs 12 bytes but has 24"},
        {"9223372036854775807", "12", "3 1 1", "from 9223372036854775807"},
        {"18446744073709551615", "12", "3 1 1", "offset is no number"},
        {"-4", "12", "3 1 1", "offset is no number"},
        {"0", "1e3", "3 1 1", "length is no number"},
        {"0", "9223372036854775807", "3 1 1", "9223372036854775807 bytes"},
        {"0", "24", "3 1099511627776 1", "'w' declares the shape"},
    };
    g_auto(Place) place = {0};
    place_start(&place);
    put_file(&place, "w.data", weights, sizeof weights);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        put_network(&place, "w.data", cases[i].offset, cases[i].length, cases[i].dims);
        refuse_place(&place, NITERU_ERROR_CORRUPT, cases[i].words);
    }
}

/* Names that lead anywhere but to a plain file beside the network, even when something right is there. */
static void test_places(void) {
    static const char *const out[] = {"../w.data", "/etc/passwd", "a/../../w.data", "",
                                      ".",         "..",          "./../w.data",    "a/b"};
    g_auto(Place) place = {0};
    place_start(&place);
    put_file(&place, "w.data", weights + 2, 12);
    for (size_t i = 0; i < G_N_ELEMENTS(out); i++) {
        put_network(&place, out[i], NULL, NULL, "3 1 1");
        refuse_place(&place, NITERU_ERROR_UNSUPPORTED, "beside the network's own");
    }
    put_network(&place, "nowhere.data", NULL, NULL, "3 1 1");
    refuse_place(&place, NITERU_ERROR_NOT_FOUND, "nowhere.data|not there");
    g_autofree char *link = g_build_filename(place.folder, "link", NULL);
    g_assert_cmpint(symlink("w.data", link), ==, 0);
    put_network(&place, "link", NULL, NULL, "3 1 1");
    refuse_place(&place, NITERU_ERROR_INVALID, "link: a link|copy it there");
    g_autofree char *pipe = g_build_filename(place.folder, "pipe", NULL);
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    put_network(&place, "pipe", NULL, NULL, "3 1 1");
    refuse_place(&place, NITERU_ERROR_INVALID, "pipe: not a regular file");
    NtLimits limits = nt_limits_default();
    limits.onnx_bytes = 1000;
    char large[1000] = {0};
    put_file(&place, "large", large, sizeof large);
    put_network(&place, "large", NULL, NULL, "250 1 1");
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_network_files_read(place.model, &limits, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "onnx-bytes"));
}

typedef struct Touching {
    const char *path;
    int stop;
} Touching;

static void *touch(void *data) {
    Touching *touching = data;
    for (unsigned i = 0; !g_atomic_int_get(&touching->stop); i++) {
        const struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = i % 1000000}, {.tv_sec = 1, .tv_nsec = i % 1000000}};
        utimensat(AT_FDCWD, touching->path, times, 0);
    }
    return NULL;
}

/* A file that is written while it is read is not used half old, half new. */
static void test_changing(void) {
    g_auto(Place) place = {0};
    place_start(&place);
    size_t size = (size_t)64 << 20;
    g_autofree char *zeros = g_malloc0(size);
    put_file(&place, "w.data", zeros, size);
    put_network(&place, "w.data", NULL, "12", "3 1 1");
    g_autofree char *path = g_build_filename(place.folder, "w.data", NULL);
    Touching touching = {.path = path};
    GThread *thread = g_thread_new("touch", touch, &touching);
    refuse_place(&place, NITERU_ERROR_INVALID, "w.data|changed while it was read");
    g_atomic_int_set(&touching.stop, 1);
    g_thread_join(thread);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/nn/onnx-files/good", test_good);
    g_test_add_func("/nn/onnx-files/lengths", test_lengths);
    g_test_add_func("/nn/onnx-files/places", test_places);
    g_test_add_func("/nn/onnx-files/changing", test_changing);
    return g_test_run();
}
