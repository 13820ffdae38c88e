/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of a catalogue: weights in further files, cards that name things, damage, what a model says of itself. */
#include "../nn/onnx-writer.h"
#include "../support/shop.h"

#include <string.h>

#include <glib/gstdio.h>

static void put_bytes(const Shop *shop, const char *name, GBytes *bytes) {
    g_autofree char *path = below(shop, name);
    g_assert_true(g_file_set_contents(path, g_bytes_get_data(bytes, NULL), (gssize)g_bytes_get_size(bytes), NULL));
}

/* A classifier of 5 classes behind 4 features, (N, 3, 8, 8); `weights`: the file that holds the convolution's, NULL: it
 * is in the network. */
static char *put_network(const Shop *shop, const char *name, const char *weights) {
    OnnxWriter *writer = onnx_writer_new(13);
    onnx_writer_input(writer, "image", "N 3 8 8", 1);
    onnx_writer_output(writer, "scores");
    if (weights != NULL) {
        g_autoptr(GBytes) fields = onnx_external(weights, NULL, NULL);
        onnx_writer_raw(writer, "w", "4 3 1 1", 1, NULL, fields);
        float values[12];
        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
            values[i] = 0.25F * (float)(i % 5) - 0.5F;
        }
        g_autoptr(GBytes) content = g_bytes_new(values, sizeof values);
        put_bytes(shop, weights, content);
    } else {
        onnx_writer_weights(writer, "w", "4 3 1 1");
    }
    onnx_writer_weights(writer, "fc", "5 4");
    onnx_writer_weights(writer, "fcb", "5");
    onnx_writer_node(writer, "Conv", "image w", "a", "");
    onnx_writer_node(writer, "GlobalAveragePool", "a", "b", "");
    onnx_writer_node(writer, "Flatten", "b", "features4", "");
    onnx_writer_node(writer, "Gemm", "features4 fc fcb", "scores", "transB=1");
    g_autoptr(GBytes) bytes = onnx_writer_finish(writer);
    put_bytes(shop, name, bytes);
    return below(shop, name);
}

static bool add(Shop *shop, const char *path, const NiteruModelOptions *options, char **out_name, GError **error) {
    return niteru_model_add(shop->catalogue, path, options, NULL, out_name, error);
}

/* The copy is whole, works when the original is gone, and goes when the model goes. */
static void test_weight_files(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autofree char *network = put_network(&shop, "net.onnx", "net.onnx.data");
    g_assert_true(add(&shop, network, &(NiteruModelOptions){.size = sizeof(NiteruModelOptions), .preset = "squash"},
                      NULL, &error));
    g_assert_no_error(error);
    drop_file(&shop, "net.onnx");
    drop_file(&shop, "net.onnx.data");
    draw_picture(&shop, "photos/a.png", 1);
    draw_picture(&shop, "photos/b.png", 2);
    shop_again(&shop);
    g_assert_true(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "net"}, &error));
    g_assert_cmpuint(shop.failures->len, ==, 0);
    g_autofree char *copy = below(&shop, "shop.niteru/models/net/net.onnx.data");
    g_assert_true(g_file_test(copy, G_FILE_TEST_EXISTS));
    /* One bit of the weights. */
    g_autofree char *content = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(copy, &content, &size, NULL));
    content[7] ^= 1;
    g_assert_true(g_file_set_contents(copy, content, (gssize)size, NULL));
    shop_again(&shop);
    draw_picture(&shop, "photos/c.png", 3);
    g_assert_false(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "net"}, &error));
    expect_error(&error, NITERU_ERROR_CORRUPT, "not the network that the model net was added with");
    g_assert_true(niteru_model_remove(shop.catalogue, "net", 0, NULL, &error));
    g_assert_false(g_file_test(copy, G_FILE_TEST_EXISTS));
    shop_drop(&shop);
}

/* A damaged network file of one file is refused too, by every way in. */
static void test_damage(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autofree char *network = put_network(&shop, "net.onnx", NULL);
    g_assert_true(add(&shop, network, &(NiteruModelOptions){.size = sizeof(NiteruModelOptions), .preset = "squash"},
                      NULL, &error));
    g_autofree char *copy = below(&shop, "shop.niteru/models/net/model.onnx"), *content = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(copy, &content, &size, NULL));
    draw_picture(&shop, "photos/a.png", 1);
    for (gsize at = 0; at < size; at += 37) {
        content[at] ^= 4;
        g_assert_true(g_file_set_contents(copy, content, (gssize)size, NULL));
        content[at] ^= 4;
        shop_again(&shop);
        g_assert_null(niteru_model_json(shop.catalogue, "net", 0, NULL, &error));
        expect_error(&error, NITERU_ERROR_CORRUPT, "model.onnx");
    }
    g_assert_false(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "net"}, &error));
    expect_error(&error, NITERU_ERROR_CORRUPT, "model.onnx");
    g_assert_true(g_file_set_contents(copy, content, (gssize)size, NULL));
    g_assert_true(
        index_shop(&shop, "photos", &(NiteruIndexOptions){.size = sizeof(NiteruIndexOptions), .model = "net"}, &error));
    shop_drop(&shop);
}

/* What the card says holds where nothing else is said; what was taken and cut is told. */
static void test_card(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    g_autofree char *network = put_network(&shop, "net.onnx", NULL), *called = NULL, *again = NULL;
    g_autofree char *card =
        write_text(&shop, "card.json",
                   "{\"card\": 1, \"name\": \"clothes-5\", \"output\": \"a\", \"trained_on\": \"a shop's own photos\","
                   " \"input\": {\"width\": 8, \"height\": 8, \"scale\": 0.5}}");
    g_assert_true(
        add(&shop, network, &(NiteruModelOptions){.size = sizeof(NiteruModelOptions), .card = card}, &called, &error));
    g_assert_cmpstr(called, ==, "clothes-5");
    g_assert_true(add(&shop, network, &(NiteruModelOptions){.size = sizeof(NiteruModelOptions), .preset = "squash"},
                      &again, &error));
    g_assert_cmpstr(again, ==, "net");
    const struct {
        const char *model, *output, *choice, *truncated;
        int64_t classes;
    } cases[] = {{called, "a", "named by the caller", NULL, 0},
                 {again, "features4", "what feeds the classifier", "Gemm of scores", 5}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = niteru_model_json(shop.catalogue, cases[i].model, 0, NULL, &error);
        g_assert_no_error(error);
        g_autoptr(NtJson) shown = nt_json_parse(text, strlen(text), "answer", NULL, &error);
        const NtJson *told = nt_json_get(shown, "card");
        g_assert_cmpstr(nt_json_text(nt_json_get(told, "output"), NULL), ==, cases[i].output);
        g_assert_cmpstr(nt_json_text(nt_json_get(told, "choice"), NULL), ==, cases[i].choice);
        g_assert_cmpstr(nt_json_text(nt_json_get(told, "truncated"), NULL), ==, cases[i].truncated);
        g_assert_cmpint(nt_json_int(nt_json_get(told, "truncated_classes"), 0), ==, cases[i].classes);
        g_assert_cmpint(nt_json_int(nt_json_get(told, "dimension"), 0), ==, 4);
        g_assert_cmpstr(nt_json_text(nt_json_get(nt_json_get(shown, "network"), "outputs"), NULL), ==, "scores");
    }
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/networks/weight-files", test_weight_files);
    g_test_add_func("/state/networks/damage", test_damage);
    g_test_add_func("/state/networks/card", test_card);
    return g_test_run();
}
