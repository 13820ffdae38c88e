/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/embed.h"

#include <math.h>
#include <string.h>

static void test_scores_default(void) {
    NtScores cosine = nt_scores_default(NT_METRIC_COSINE);
    g_assert_cmpfloat(nt_scores_of(&cosine, 1.0), ==, 100);
    g_assert_cmpfloat(nt_scores_of(&cosine, 1.1), ==, 100);
    g_assert_cmpfloat(nt_scores_of(&cosine, -0.5), ==, 0);
    g_assert_cmpfloat(nt_scores_of(&cosine, NAN), ==, 0);
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&cosine, 0.25), 25, 1e-9);
    NtScores distance = nt_scores_default(NT_METRIC_EUCLIDEAN);
    g_assert_cmpfloat(nt_scores_of(&distance, 0), ==, 100);
    g_assert_cmpfloat(nt_scores_of(&distance, 9), ==, 0);
    g_assert_cmpfloat(nt_scores_of(&distance, 0.5), >, nt_scores_of(&distance, 0.6));
}

/* The anchors are quantiles of the pairs, in the metric's direction; the table is always usable. */
static void test_scores_measure(void) {
    double pairs[1001];
    for (int i = 0; i <= 1000; i++) {
        pairs[(i * 3) % 1001] = i / 2000.0; /* 0 .. 0.5, shuffled */
    }
    NtScores similarity = nt_scores_measure(NT_METRIC_COSINE, pairs, 1001, 1.0);
    g_assert_true(nt_scores_valid(&similarity));
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&similarity, 0.25), 0, 1e-9);
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&similarity, 0.45), 25, 1e-9);
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&similarity, 0.495), 50, 1e-9);
    g_assert_cmpfloat(nt_scores_of(&similarity, 1.0), ==, 100);
    NtScores distance = nt_scores_measure(NT_METRIC_EUCLIDEAN, pairs, 1001, 0.0);
    g_assert_true(nt_scores_valid(&distance));
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&distance, 0.25), 0, 1e-9);
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&distance, 0.05), 25, 1e-9);
    g_assert_cmpfloat(nt_scores_of(&distance, 0.0), ==, 100);

    for (int i = 0; i < 1001; i++) {
        pairs[i] = 1.0; /* every photo the same */
    }
    NtScores same = nt_scores_measure(NT_METRIC_COSINE, pairs, 1001, 1.0);
    g_assert_true(nt_scores_valid(&same));
    NtScores few = nt_scores_measure(NT_METRIC_COSINE, pairs, 3, 1.0);
    g_assert_cmpuint(few.count, ==, 2);
    for (int i = 0; i < 1001; i++) {
        pairs[i] = i < 900 ? 0.1 : 0.9; /* two anchors fall together */
    }
    NtScores steps = nt_scores_measure(NT_METRIC_COSINE, pairs, 1001, 1.0);
    g_assert_true(nt_scores_valid(&steps));
}

static void test_words(void) {
    g_assert_cmpstr(nt_score_word(90), ==, "nearly the same");
    g_assert_cmpstr(nt_score_word(89.9), ==, "very alike");
    g_assert_cmpstr(nt_score_word(50), ==, "alike");
    g_assert_cmpstr(nt_score_word(0), ==, "loosely alike");
}

/* A card survives being written and read. */
static void test_card_round_trip(void) {
    g_autoptr(GError) error = NULL;
    NtNetworkInfo info = {.height = 224, .width = 224, .output = "feature", .dimension = 2048, .producer = "pytorch"};
    g_autoptr(NtCard) card = nt_card_for_network(&info, "resnet50", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(card->preprocess.resize, ==, 256);
    g_autoptr(NtJson) json = nt_card_json(card);
    g_autofree char *text = nt_json_print(json, true);
    g_autoptr(NtCard) again = nt_card_parse(text, strlen(text), "card", &error);
    g_assert_no_error(error);
    g_assert_cmpmem(&again->preprocess, sizeof again->preprocess, &card->preprocess, sizeof card->preprocess);
    g_assert_cmpstr(again->output, ==, "feature");
    g_assert_cmpuint(again->dimension, ==, 2048);
    g_assert_cmpuint(again->scores.count, ==, 2);
    info.width = info.height = 299;
    g_autoptr(NtCard) inception = nt_card_for_network(&info, "inception", NULL, &error);
    g_assert_cmpuint(inception->preprocess.resize, ==, 342);
}

static void test_card_refusals(void) {
    const struct {
        const char *text, *says;
    } bad[] = {
        {"[]", "object"},
        {"{}", "name"},
        {"{\"name\": \"a/b\"}", "a/b"},
        {"{\"name\": \"..\"}", ".."},
        {"{\"name\": \"a\", \"card\": 2}", "card"},
        {"{\"name\": \"a\", \"inputs\": {}}", "inputs"},
        {"{\"name\": \"a\", \"input\": {\"widht\": 1}}", "widht"},
        {"{\"name\": \"a\", \"input\": {\"width\": 0}}", "input.width"},
        {"{\"name\": \"a\", \"input\": {\"width\": 1e9}}", "input.width"},
        {"{\"name\": \"a\", \"input\": {\"rule\": \"stretch\"}}", "squash"},
        {"{\"name\": \"a\", \"input\": {\"mean\": [1, 2]}}", "input.mean"},
        {"{\"name\": \"a\", \"metric\": \"manhattan\"}", "metric"},
        {"{\"name\": \"a\", \"dtype\": \"i8\"}", "dtype"},
        {"{\"name\": \"a\", \"scores\": [[0, 0], [0, 100]]}", "scores"},
        {"{\"name\": \"a\", \"scores\": [[0, 0]]}", "scores"},
        {"{\"name\": \"a\", \"output\": 3}", "output"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NtCard) card = nt_card_parse(bad[i].text, strlen(bad[i].text), "x.card.json", &error);
        g_assert_null(card);
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, bad[i].says));
    }
}

static void test_presets(void) {
    g_autoptr(GError) error = NULL;
    NtNetworkInfo info = {.height = 224, .width = 224, .output = "x", .dimension = 8, .producer = "tf2onnx"};
    g_autoptr(NtCard) guess = nt_card_for_network(&info, "m", NULL, &error);
    g_assert_null(guess);
    g_assert_nonnull(strstr(error->message, "--preset"));
    for (const NtPreset *preset = nt_presets; preset->name != NULL; preset++) {
        g_autoptr(NtCard) card = nt_card_for_network(&info, "m", nt_preset_find(preset->name, NULL), NULL);
        g_autoptr(GError) fault = NULL;
        g_autoptr(NtPreprocessor) rules = nt_preprocessor_new(&card->preprocess, &fault);
        g_assert_no_error(fault);
        g_assert_nonnull(rules);
    }
    g_clear_error(&error);
    g_assert_null(nt_preset_find("resnet", &error));
    g_assert_nonnull(strstr(error->message, "keras-resnet50"));
}

/* The shipped model's card says what its network is. */
static void test_shipped(void) {
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_build_filename(g_getenv("NITERU_MODELS"), NULL);
    g_autofree char *card_path = g_build_filename(folder, "niteru-base.card.json", NULL);
    g_autoptr(GBytes) bytes = nt_file_read(card_path, 65536, &error);
    g_assert_no_error(error);
    gsize size;
    const char *text = g_bytes_get_data(bytes, &size);
    g_autoptr(NtCard) card = nt_card_parse(text, size, card_path, &error);
    g_assert_no_error(error);
    g_autofree char *path = g_build_filename(folder, "niteru-base.onnx", NULL);
    g_autoptr(NtNetwork) network = nt_network_load(path, NULL, &error);
    g_assert_no_error(error);
    const NtNetworkInfo *info = nt_network_info(network);
    g_assert_cmpuint(info->dimension, ==, card->dimension);
    g_assert_cmpuint(info->width, ==, card->preprocess.width);
    g_assert_cmpstr(info->output, ==, card->output);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/embed/scores/default", test_scores_default);
    g_test_add_func("/embed/scores/measure", test_scores_measure);
    g_test_add_func("/embed/scores/words", test_words);
    g_test_add_func("/embed/card/round-trip", test_card_round_trip);
    g_test_add_func("/embed/card/refusals", test_card_refusals);
    g_test_add_func("/embed/presets", test_presets);
    g_test_add_func("/embed/shipped", test_shipped);
    return g_test_run();
}
