/* SPDX-License-Identifier: Apache-2.0 */
#include "embed/embed.h"

#include <math.h>
#include <string.h>

enum { CARD_FORMAT = 1, MAX_NAME = 64 };

void nt_card_free(NtCard *card) {
    if (card != NULL) {
        g_free(card->name);
        g_free(card->description);
        g_free(card->licence);
        g_free(card->source);
        g_free(card->trained_on);
        g_free(card->output);
        g_free(card->choice);
        g_free(card->truncated);
        g_free(card);
    }
}

NtCard *nt_card_copy(const NtCard *card) {
    NtCard *copy = g_memdup2(card, sizeof *card);
    copy->name = g_strdup(card->name);
    copy->description = g_strdup(card->description);
    copy->licence = g_strdup(card->licence);
    copy->source = g_strdup(card->source);
    copy->trained_on = g_strdup(card->trained_on);
    copy->output = g_strdup(card->output);
    copy->choice = g_strdup(card->choice);
    copy->truncated = g_strdup(card->truncated);
    return copy;
}

/* Names become folder and file names. */
bool nt_card_check_name(const char *name, GError **error) {
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (length == 0 || name[length] != '\0' || length > MAX_NAME || name[0] == '.') {
        g_autofree char *safe = nt_text_printable(name, 80);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "'%s' cannot name a model: letters, digits, '-', '_' and '.', at most %d, not starting with '.'",
                       safe, MAX_NAME);
    }
    return true;
}

bool nt_card_fits(const NtCard *card, const NtNetworkInfo *info, const char *name, GError **error) {
    const NtPreprocess *input = &card->preprocess;
    if (info->channels != 3) {
        return nt_fail(error, NITERU_ERROR_UNSUPPORTED, "%s: takes pictures of %u channel, photos have 3", name,
                       info->channels);
    }
    if (input->width != info->width || input->height != info->height) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: the card of %s says %u x %u pixels, the network takes %u x %u",
                       name, card->name, input->width, input->height, info->width, info->height);
    }
    bool whole = input->scale == 1 && input->std[0] == 1 && input->std[1] == 1 && input->std[2] == 1 &&
                 input->mean[0] == 0 && input->mean[1] == 0 && input->mean[2] == 0;
    if (info->bytes && !whole) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: takes pixels as whole numbers from 0 to 255 (uint8) and scales them itself: name the preset "
                "squash-255, or a card with scale 1, mean 0 and deviation 1",
                name);
        nt_fact(error, "option", "preset");
        return nt_fact(error, "value", "squash-255");
    }
    return card->dimension == info->dimension ||
           nt_fail(error, NITERU_ERROR_INVALID, "%s: the card of %s says %u dimensions, the network gives %zu", name,
                   card->name, card->dimension, info->dimension);
}

/* ---- reading ---- */

typedef struct Reading {
    NtCard *card;
    const char *source; /* for messages */
    GError **error;
} Reading;

static bool bad(Reading *reading, const char *field, const char *wanted) {
    return nt_fail(reading->error, NITERU_ERROR_INVALID, "%s: %s must be %s", reading->source, field, wanted);
}

static bool read_text(Reading *reading, const char *field, NtJson *value, char **out) {
    if (nt_json_type(value) == NT_JSON_NULL) {
        return true;
    }
    const char *text = nt_json_text(value, NULL);
    if (text == NULL) {
        return bad(reading, field, "text");
    }
    g_free(*out);
    *out = g_strdup(text);
    return true;
}

static bool read_size(Reading *reading, const char *field, NtJson *value, uint32_t least, uint32_t *out) {
    int64_t number = nt_json_int(value, -1);
    if (number < least || number > 65536) {
        return bad(reading, field, "a whole number of pixels or dimensions");
    }
    *out = (uint32_t)number;
    return true;
}

static bool read_three(Reading *reading, const char *field, NtJson *value, float out[3]) {
    for (size_t i = 0; i < 3; i++) {
        double number = nt_json_number(nt_json_at(value, i), NAN);
        out[i] = (float)number;
        if (nt_json_count(value) != 3 || !isfinite(out[i])) {
            return bad(reading, field, "three numbers");
        }
    }
    return true;
}

static bool read_input(const char *key, NtJson *value, void *data) {
    Reading *reading = data;
    NtPreprocess *out = &reading->card->preprocess;
    const char *text = nt_json_text(value, "");
    g_autofree char *field = g_strdup_printf("input.%s", key);
    g_autofree char *place = g_strdup_printf("%s: %s", reading->source, field);
    if (strcmp(key, "width") == 0) {
        return read_size(reading, field, value, 1, &out->width);
    }
    if (strcmp(key, "height") == 0) {
        return read_size(reading, field, value, 1, &out->height);
    }
    if (strcmp(key, "shorter_side") == 0) {
        return read_size(reading, field, value, 0, &out->resize);
    }
    if (strcmp(key, "rule") == 0) {
        return nt_resize_rule_parse(text, place, &out->rule, reading->error);
    }
    if (strcmp(key, "resampler") == 0) {
        return nt_resampler_parse(text, place, &out->resampler, reading->error);
    }
    if (strcmp(key, "flavour") == 0) {
        return nt_flavour_parse(text, place, &out->flavour, reading->error);
    }
    if (strcmp(key, "channels") == 0) {
        out->bgr = strcmp(text, "bgr") == 0;
        return out->bgr || strcmp(text, "rgb") == 0 || bad(reading, field, "\"rgb\" or \"bgr\"");
    }
    if (strcmp(key, "scale") == 0) {
        out->scale = (float)nt_json_number(value, NAN);
        return isfinite(out->scale) || bad(reading, field, "a number");
    }
    if (strcmp(key, "mean") == 0) {
        return read_three(reading, field, value, out->mean);
    }
    if (strcmp(key, "deviation") == 0) {
        return read_three(reading, field, value, out->std);
    }
    if (strcmp(key, "pad") == 0) {
        float colour[3];
        if (!read_three(reading, field, value, colour)) {
            return false;
        }
        for (size_t i = 0; i < 3; i++) {
            if (!(colour[i] >= 0 && colour[i] <= 255)) {
                return bad(reading, field, "three numbers from 0 to 255");
            }
            out->pad[i] = (uint8_t)colour[i];
        }
        return true;
    }
    if (strcmp(key, "trim") == 0) {
        out->trim = nt_json_truth(value, false);
        return nt_json_type(value) == NT_JSON_BOOL || bad(reading, field, "true or false");
    }
    if (strcmp(key, "shrink_on_load") == 0) {
        reading->card->shrink_on_load = nt_json_truth(value, false);
        return nt_json_type(value) == NT_JSON_BOOL || bad(reading, field, "true or false");
    }
    return nt_fail(reading->error, NITERU_ERROR_INVALID, "%s: there is no field '%s' in a card", reading->source,
                   field);
}

static bool read_scores(Reading *reading, NtJson *value) {
    NtScores scores = {.count = nt_json_count(value)};
    for (size_t i = 0; i < MIN(scores.count, (size_t)NT_SCORE_POINTS); i++) {
        scores.points[i].raw = nt_json_number(nt_json_at(nt_json_at(value, i), 0), NAN);
        scores.points[i].score = nt_json_number(nt_json_at(nt_json_at(value, i), 1), NAN);
    }
    if (!nt_scores_valid(&scores)) {
        return bad(reading, "scores", "2 to 8 pairs [raw, score], both in order");
    }
    reading->card->scores = scores;
    return true;
}

static bool read_field(const char *key, NtJson *value, void *data) {
    Reading *reading = data;
    NtCard *card = reading->card;
    const char *text = nt_json_text(value, "");
    if (strcmp(key, "card") == 0) {
        return nt_json_int(value, 0) == CARD_FORMAT || bad(reading, key, "1, the format this niteru reads");
    }
    const struct {
        const char *key;
        char **text;
    } texts[] = {{"name", &card->name},
                 {"description", &card->description},
                 {"licence", &card->licence},
                 {"source", &card->source},
                 {"trained_on", &card->trained_on},
                 {"output", &card->output},
                 {"choice", &card->choice},
                 {"truncated", &card->truncated},
                 {"cut", &card->truncated}}; /* its key in cards that older catalogues keep, as cut_classes is */
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            return read_text(reading, key, value, texts[i].text);
        }
    }
    if (strcmp(key, "kind") == 0) {
        return strcmp(text, "cnn") == 0 || bad(reading, key, "\"cnn\"");
    }
    if (strcmp(key, "truncated_classes") == 0 || strcmp(key, "cut_classes") == 0) {
        int64_t classes = nt_json_int(value, -1);
        card->truncated_classes = (uint64_t)MAX(classes, 0);
        return classes >= 0 || bad(reading, key, "a whole number");
    }
    if (strcmp(key, "input") == 0) {
        return nt_json_foreach(value, read_input, reading);
    }
    if (strcmp(key, "dimension") == 0) {
        return read_size(reading, key, value, 0, &card->dimension);
    }
    if (strcmp(key, "dtype") == 0) {
        return nt_dtype_parse(text, &card->dtype) || bad(reading, key, "\"f2\" or \"f4\"");
    }
    if (strcmp(key, "metric") == 0) {
        return nt_metric_parse(text, &card->metric) || bad(reading, key, "\"cosine\", \"euclidean\" or \"inner\"");
    }
    if (strcmp(key, "scores") == 0) {
        return read_scores(reading, value);
    }
    if (strcmp(key, "floor") == 0) {
        card->floor = nt_json_number(value, NAN);
        return isfinite(card->floor) || bad(reading, key, "a number");
    }
    if (strcmp(key, "scores_rows") == 0 || strcmp(key, "floor_rows") == 0) {
        int64_t rows = nt_json_int(value, -1);
        *(key[0] == 's' ? &card->scores_rows : &card->floor_rows) = (uint64_t)MAX(rows, 0);
        return rows >= 0 || bad(reading, key, "a whole number");
    }
    return nt_fail(reading->error, NITERU_ERROR_INVALID, "%s: there is no field '%s' in a card", reading->source, key);
}

NtCard *nt_card_parse(const char *text, size_t size, const char *name, GError **error) {
    g_autoptr(NtJson) json = nt_json_parse(text, size, name, NULL, error);
    if (json == NULL) {
        return NULL;
    }
    if (nt_json_type(json) != NT_JSON_OBJECT) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: a card is a JSON object", name);
        return NULL;
    }
    g_autoptr(NtCard) card = g_new0(NtCard, 1);
    card->floor = NAN;
    Reading reading = {.card = card, .source = name, .error = error};
    if (!nt_json_foreach(json, read_field, &reading)) {
        return NULL;
    }
    if (card->scores.count == 0) {
        card->scores = nt_scores_default(card->metric);
    }
    if (card->name == NULL) {
        bad(&reading, "name", "there");
        return NULL;
    }
    return nt_card_check_name(card->name, error) ? g_steal_pointer(&card) : NULL;
}

/* ---- writing ---- */

static NtJson *three(const float values[3]) {
    NtJson *out = nt_json_array();
    for (size_t i = 0; i < 3; i++) {
        nt_json_append(out, nt_json_real(nt_text_shortest(values[i])));
    }
    return out;
}

static NtJson *input_json(const NtCard *card) {
    const NtPreprocess *from = &card->preprocess;
    NtJson *out = nt_json_object();
    nt_json_set(out, "width", nt_json_integer(from->width));
    nt_json_set(out, "height", nt_json_integer(from->height));
    nt_json_set(out, "rule", nt_json_string(nt_resize_rule_name(from->rule)));
    if (from->rule == NT_RESIZE_CROP) {
        nt_json_set(out, "shorter_side", nt_json_integer(from->resize));
    }
    nt_json_set(out, "resampler", nt_json_string(nt_resampler_name(from->resampler)));
    nt_json_set(out, "flavour", nt_json_string(nt_flavour_name(from->flavour)));
    nt_json_set(out, "channels", nt_json_string(from->bgr ? "bgr" : "rgb"));
    nt_json_set(out, "scale", nt_json_real((double)from->scale));
    nt_json_set(out, "mean", three(from->mean));
    nt_json_set(out, "deviation", three(from->std));
    if (from->rule == NT_RESIZE_PAD) {
        float colour[3] = {from->pad[0], from->pad[1], from->pad[2]};
        nt_json_set(out, "pad", three(colour));
    }
    if (from->trim) {
        nt_json_set(out, "trim", nt_json_bool(true));
    }
    if (card->shrink_on_load) {
        nt_json_set(out, "shrink_on_load", nt_json_bool(true));
    }
    return out;
}

NtJson *nt_card_json(const NtCard *card) {
    NtJson *out = nt_json_object();
    nt_json_set(out, "card", nt_json_integer(CARD_FORMAT));
    nt_json_set(out, "name", nt_json_string(card->name));
    nt_json_set(out, "kind", nt_json_string("cnn"));
    const struct {
        const char *key, *text;
    } texts[] = {{"description", card->description}, {"licence", card->licence}, {"source", card->source},
                 {"trained_on", card->trained_on},   {"output", card->output},   {"choice", card->choice},
                 {"truncated", card->truncated}};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i].text != NULL) {
            nt_json_set(out, texts[i].key, nt_json_string(texts[i].text));
        }
    }
    if (card->truncated_classes > 0) {
        nt_json_set(out, "truncated_classes", nt_json_integer((int64_t)card->truncated_classes));
    }
    if (card->preprocess.width > 0) {
        nt_json_set(out, "input", input_json(card));
    }
    nt_json_set(out, "dimension", nt_json_integer(card->dimension));
    nt_json_set(out, "dtype", nt_json_string(nt_dtype_name(card->dtype)));
    nt_json_set(out, "metric", nt_json_string(nt_metric_name(card->metric)));
    NtJson *scores = nt_json_array();
    for (size_t i = 0; i < card->scores.count; i++) {
        NtJson *point = nt_json_append(nt_json_array(), nt_json_real(card->scores.points[i].raw));
        nt_json_append(scores, nt_json_append(point, nt_json_real(card->scores.points[i].score)));
    }
    nt_json_set(out, "scores", scores);
    nt_json_set(out, "scores_rows", nt_json_integer((int64_t)card->scores_rows));
    if (card->floor_rows > 0) {
        nt_json_set(out, "floor_rows", nt_json_integer((int64_t)card->floor_rows));
        if (isfinite(card->floor)) {
            nt_json_set(out, "floor", nt_json_real(card->floor));
        }
    }
    return out;
}
