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
    g_assert_cmpstr(nt_score_word(89.96), ==, "nearly the same"); /* shown as 90.0 */
    g_assert_cmpstr(nt_score_word(50), ==, "alike");
    g_assert_cmpstr(nt_score_word(25), ==, "loosely alike");
    g_assert_cmpstr(nt_score_word(24.96), ==, "loosely alike"); /* shown as 25.0 */
    g_assert_cmpstr(nt_score_word(24.94), ==, "not alike");
    g_assert_cmpstr(nt_score_word(4.3), ==, "not alike");
    g_assert_cmpstr(nt_score_word(0), ==, "not alike");
    g_assert_true(nt_score_alike(25) && !nt_score_alike(4.3));
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
        {"{\"name\": 3}", "name"},
        {"{\"name\": \"a\", \"name\": \"b\"}", "name"},
        {"{\"name\": \"a\", \"card\": \"1\"}", "card"},
        {"{\"name\": \"a\", \"kind\": \"transformer\"}", "kind"},
        {"{\"name\": \"a\", \"description\": []}", "description"},
        {"{\"name\": \"a\", \"licence\": true}", "licence"},
        {"{\"name\": \"a\", \"source\": 1}", "source"},
        {"{\"name\": \"a\", \"dimension\": -1}", "dimension"},
        {"{\"name\": \"a\", \"dimension\": 65537}", "dimension"},
        {"{\"name\": \"a\", \"dimension\": \"many\"}", "dimension"},
        {"{\"name\": \"a\", \"input\": {\"height\": 2.5}}", "input.height"},
        {"{\"name\": \"a\", \"input\": {\"shorter_side\": -1}}", "input.shorter_side"},
        {"{\"name\": \"a\", \"input\": {\"resampler\": \"lanczos\"}}", "bicubic"},
        {"{\"name\": \"a\", \"input\": {\"flavour\": \"opencv\"}}", "tensorflow"},
        {"{\"name\": \"a\", \"input\": {\"channels\": \"grey\"}}", "input.channels"},
        {"{\"name\": \"a\", \"input\": {\"scale\": \"half\"}}", "input.scale"},
        {"{\"name\": \"a\", \"input\": {\"scale\": 1e39}}", "input.scale"},
        {"{\"name\": \"a\", \"input\": {\"mean\": [1, 2, 1e39]}}", "input.mean"},
        {"{\"name\": \"a\", \"input\": {\"deviation\": 1}}", "input.deviation"},
        {"{\"name\": \"a\", \"input\": {\"deviation\": [1, 1, 1, 1]}}", "input.deviation"},
        {"{\"name\": \"a\", \"input\": {\"pad\": [0, 0, 256]}}", "input.pad"},
        {"{\"name\": \"a\", \"input\": {\"pad\": \"white\"}}", "input.pad"},
        {"{\"name\": \"a\", \"input\": {\"shrink_on_load\": 1}}", "input.shrink_on_load"},
        {"{\"name\": \"a\", \"scores\": \"steep\"}", "scores"},
        {"{\"name\": \"a\", \"scores\": [[0, 50], [1, 20]]}", "scores"},
        {"{\"name\": \"a\", \"scores\": [[0, 0], [1, 101]]}", "scores"},
        {"{\"name\": \"a\", \"scores\": [[0,0],[1,1],[2,2],[3,3],[4,4],[5,5],[6,6],[7,7],[8,8]]}", "scores"},
        {"{\"name\": \"a\", \"scores_rows\": -1}", "scores_rows"},
        {"{\"name\": \"a\"", "x.card.json"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(NtCard) card = nt_card_parse(bad[i].text, strlen(bad[i].text), "x.card.json", &error);
        g_assert_null(card);
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, bad[i].says));
    }
}

/* Every field, each away from its default, comes back as it was; the text is the same the second time. */
static void test_card_fields(void) {
    static const char full[] =
        "{\"card\": 1, \"name\": \"full-1.0_x\", \"kind\": \"cnn\", \"description\": \"a \\\"test\\\"\","
        "\"licence\": \"Apache-2.0\", \"source\": \"here\", \"output\": \"t\", \"truncated\": \"fc\", "
        "\"truncated_classes\": 7, \"input\": {\"width\": 200,"
        "\"height\": 100, \"rule\": \"pad\", \"resampler\": \"bicubic\", \"flavour\": \"torch\", \"channels\": \"bgr\","
        "\"scale\": 0.5, \"mean\": [1, 2.5, 0.485], \"deviation\": [3, 4, 0.229], \"pad\": [7, 8, 255],"
        "\"shrink_on_load\": true}, \"dimension\": 640, \"dtype\": \"f4\", \"metric\": \"euclidean\","
        "\"scores\": [[1.5, 0], [0.5, 60], [0, 100]], \"scores_rows\": 1234}";
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCard) card = nt_card_parse(full, strlen(full), "full", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(card->name, ==, "full-1.0_x");
    g_assert_cmpstr(card->description, ==, "a \"test\"");
    g_assert_cmpstr(card->licence, ==, "Apache-2.0");
    g_assert_cmpstr(card->source, ==, "here");
    g_assert_cmpstr(card->output, ==, "t");
    g_assert_cmpstr(card->truncated, ==, "fc");
    g_assert_cmpuint(card->truncated_classes, ==, 7);
    const NtPreprocess expected = {.rule = NT_RESIZE_PAD,
                                   .resampler = NT_RESAMPLE_BICUBIC,
                                   .flavour = NT_FLAVOUR_TORCH,
                                   .width = 200,
                                   .height = 100,
                                   .bgr = true,
                                   .scale = 0.5F,
                                   .mean = {1, 2.5F, 0.485F},
                                   .std = {3, 4, 0.229F},
                                   .pad = {7, 8, 255}};
    g_assert_cmpuint(card->preprocess.width, ==, expected.width);
    g_assert_cmpuint(card->preprocess.height, ==, expected.height);
    g_assert_cmpint(card->preprocess.rule, ==, expected.rule);
    g_assert_cmpint(card->preprocess.resampler, ==, expected.resampler);
    g_assert_cmpint(card->preprocess.flavour, ==, expected.flavour);
    g_assert_true(card->preprocess.bgr);
    g_assert_cmpfloat(card->preprocess.scale, ==, expected.scale);
    g_assert_cmpmem(card->preprocess.mean, sizeof expected.mean, expected.mean, sizeof expected.mean);
    g_assert_cmpmem(card->preprocess.std, sizeof expected.std, expected.std, sizeof expected.std);
    g_assert_cmpmem(card->preprocess.pad, 3, expected.pad, 3);
    g_assert_true(card->shrink_on_load);
    g_assert_cmpuint(card->dimension, ==, 640);
    g_assert_cmpint(card->dtype, ==, NT_DTYPE_F32);
    g_assert_cmpint(card->metric, ==, NT_METRIC_EUCLIDEAN);
    g_assert_cmpuint(card->scores.count, ==, 3);
    g_assert_cmpfloat_with_epsilon(nt_scores_of(&card->scores, 0.25), 80, 1e-9);
    g_assert_cmpuint(card->scores_rows, ==, 1234);

    g_autoptr(NtCard) copy = nt_card_copy(card);
    g_autoptr(NtJson) json = nt_card_json(copy);
    g_autofree char *text = nt_json_print(json, true);
    g_autoptr(NtCard) again = nt_card_parse(text, strlen(text), "again", &error);
    g_assert_no_error(error);
    g_autoptr(NtJson) json_again = nt_card_json(again);
    g_autofree char *text_again = nt_json_print(json_again, true);
    g_assert_cmpstr(text_again, ==, text);
}

/* Cards in catalogues may have older names of keys; they are written with today's. */
static void test_card_old_keys(void) {
    static const char old[] = "{\"card\": 1, \"name\": \"n\", \"dimension\": 4, \"cut\": \"fc\", \"cut_classes\": 7}";
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCard) card = nt_card_parse(old, strlen(old), "old", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(card->truncated, ==, "fc");
    g_assert_cmpuint(card->truncated_classes, ==, 7);
    g_autoptr(NtJson) json = nt_card_json(card);
    g_assert_cmpstr(nt_json_text(nt_json_get(json, "truncated"), NULL), ==, "fc");
    g_assert_cmpint(nt_json_int(nt_json_get(json, "truncated_classes"), 0), ==, 7);
}

/* A card and a network that do not belong together: nothing is sized by the wrong one. */
static void test_card_fits(void) {
    const NtNetworkInfo info = {.channels = 3, .height = 224, .width = 200, .output = "x", .dimension = 8};
    g_autoptr(GError) error = NULL;
    g_autoptr(NtCard) card = nt_card_for_network(&info, "m", nt_preset_find("squash", NULL), &error);
    g_assert_true(nt_card_fits(card, &info, "m.onnx", &error));
    const struct {
        NtNetworkInfo info;
        NiteruError code;
        const char *says;
    } others[] = {
        {{.channels = 1, .height = 224, .width = 200, .dimension = 8}, NITERU_ERROR_UNSUPPORTED, "1 channel"},
        {{.channels = 3, .height = 224, .width = 224, .dimension = 8}, NITERU_ERROR_INVALID, "200 x 224"},
        {{.channels = 3, .height = 200, .width = 200, .dimension = 8}, NITERU_ERROR_INVALID, "200 x 200"},
        {{.channels = 3, .height = 224, .width = 200, .dimension = 9}, NITERU_ERROR_INVALID, "8 dimensions"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_false(nt_card_fits(card, &others[i].info, "m.onnx", &error));
        g_assert_error(error, NITERU_ERROR, (int)others[i].code);
        g_assert_nonnull(strstr(error->message, others[i].says));
        g_assert_nonnull(strstr(error->message, "m.onnx"));
        g_clear_error(&error);
    }
}

/* Whatever the table, a nearer pair never scores less, and scores stay within 0 and 100. */
static void test_scores_order(void) {
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    for (int round = 0; round < 200; round++) {
        NtMetric metric = (NtMetric)(round % 3);
        double pairs[400];
        size_t count = (size_t)g_rand_int_range(random, 0, G_N_ELEMENTS(pairs) + 1);
        double spread = g_rand_double_range(random, 0, 2);
        for (size_t i = 0; i < count; i++) {
            pairs[i] = g_rand_int_range(random, 0, 4) == 0 ? 0.5 : g_rand_double_range(random, 0, 1) * spread;
        }
        double identical = metric == NT_METRIC_EUCLIDEAN ? 0 : g_rand_double_range(random, 0.4, 3);
        NtScores scores = nt_scores_measure(metric, pairs, count, identical);
        g_assert_true(nt_scores_valid(&scores));
        double last = -1;
        for (int step = 0; step <= 100; step++) {
            double raw = metric == NT_METRIC_EUCLIDEAN ? 4 - 0.05 * step : -1 + 0.05 * step;
            double score = nt_scores_of(&scores, raw);
            g_assert_cmpfloat(score, >=, last);
            g_assert_true(score >= 0 && score <= 100);
            last = score;
        }
    }
}

static void test_presets(void) {
    g_autoptr(GError) error = NULL;
    NtNetworkInfo info = {.height = 224, .width = 224, .output = "x", .dimension = 8, .producer = "tf2onnx"};
    g_autoptr(NtCard) guess = nt_card_for_network(&info, "m", NULL, &error);
    g_assert_null(guess);
    g_assert_cmpstr(niteru_error_fact(error, "option"), ==, "preset");
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
    g_test_add_func("/embed/card/fields", test_card_fields);
    g_test_add_func("/embed/card/old-keys", test_card_old_keys);
    g_test_add_func("/embed/card/fits", test_card_fits);
    g_test_add_func("/embed/scores/order", test_scores_order);
    g_test_add_func("/embed/presets", test_presets);
    g_test_add_func("/embed/shipped", test_shipped);
    return g_test_run();
}
