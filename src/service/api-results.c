/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of searches as JSON. Written as text, without values in between: of a small catalogue's answer that would be
 * half of the time. */
#include "service/service-internal.h"

#include <math.h>
#include <string.h>

#include "search/search.h"

/* A share of a hundred with two decimals, as precise as scores are meant. */
static void append_score(GString *out, double score) {
    char text[24];
    long hundredths = lround(CLAMP(score, 0, 100) * 100);
    g_snprintf(text, sizeof text, "%ld.%02ld", hundredths / 100, hundredths % 100);
    g_string_append(out, text);
}

/* A value of the metric. Rows have eleven or 24 bits, so nine decimals of what is small, and else ten digits, tell all
 * there is. Small ones are put together out of whole numbers, which is quicker than printf by far. */
static void append_raw(GString *out, double raw) {
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (!(fabs(raw) < 1000)) {
        g_string_append(out, g_ascii_formatd(text, sizeof text, "%.10g", raw));
        return;
    }
    uint64_t rest = (uint64_t)llround(fabs(raw) * 1e9);
    char *const end = text + sizeof text, *at = end;
    if (raw < 0 && rest > 0) {
        g_string_append_c(out, '-');
    }
    for (int place = 0; place < 9; place++, rest /= 10) {
        if (rest % 10 != 0 || at != end) { /* no zeros at the end */
            *--at = (char)('0' + rest % 10);
        }
    }
    if (at != end) {
        *--at = '.';
    }
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    g_string_append_len(out, at, end - at);
}

static void append_number(GString *out, int number) {
    char text[16];
    g_snprintf(text, sizeof text, "%d", number);
    g_string_append(out, text);
}

static void append_photo(GString *out, const NiteruResult *result) {
    g_string_append(out, ", \"photo\": {\"number\": ");
    append_number(out, result->position);
    g_string_append(out, ", \"url\": \"/v1/products/");
    g_string_append_uri_escaped(out, result->product, NULL, false);
    g_string_append(out, "/photos/");
    append_number(out, result->position);
    g_string_append(out, "\"}");
}

static void append_result(GString *out, const NiteruResult *result) {
    g_string_append(out, "{\"product\": ");
    nt_json_quote(out, result->product);
    g_string_append(out, ", \"score\": ");
    append_score(out, result->score);
    g_string_append(out, ", \"word\": ");
    nt_json_quote(out, result->word);
    if (result->position >= 0) {
        append_photo(out, result);
    }
    g_string_append(out, ", \"detail\": {\"raw\": ");
    append_raw(out, result->raw);
    g_string_append_c(out, '}');
    if (result->metadata != NULL) {
        g_string_append(out, ", \"metadata\": ");
        g_string_append(out, result->metadata);
    }
    g_string_append_c(out, '}');
}

/* That nothing like it is sold, and how near the nearest are. */
static void append_nearest(GString *out, const NiteruResults *results) {
    size_t count;
    const double *nearest = niteru_results_nearest(results, &count);
    g_string_append(out, ", \"not_here\": true, \"nearest\": [");
    for (size_t i = 0; i < count; i++) {
        g_string_append(out, i > 0 ? ", " : "");
        append_score(out, nearest[i]);
    }
    g_string_append_c(out, ']');
}

void api_answer_results(ApiCall *call, const NiteruResults *results, const char *upload) {
    GString *out = g_string_sized_new(256 + 256 * niteru_results_count(results));
    const char *model = nt_results_model(results), *note = niteru_results_note(results);
    const NtJson *near = nt_results_near(results);
    if (near != NULL && call->hides) { /* it tells values of all products */
        near = NULL;
        note = "nothing is this alike: no product matches the condition";
    }
    g_string_append(out, "{\"model\": ");
    nt_json_quote(out, model);
    if (call->rec != NULL) {
        g_string_append(out, ", \"rec_id\": ");
        nt_json_quote(out, call->rec);
    }
    g_string_append(out, ", \"products\": [");
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        g_string_append(out, i > 0 ? ", " : "");
        append_result(out, niteru_results_get(results, i));
    }
    g_string_append(out, niteru_results_partial(results) ? "], \"partial\": true" : "], \"partial\": false");
    if (niteru_results_not_here(results)) {
        append_nearest(out, results);
    }
    if (upload != NULL) {
        g_string_append(out, ", \"upload\": ");
        nt_json_quote(out, upload);
    }
    if (note != NULL) {
        g_string_append(out, ", \"note\": ");
        nt_json_quote(out, note);
    }
    if (near != NULL) {
        g_autofree char *text = nt_json_print(near, false);
        g_string_append(out, ", \"near\": ");
        g_string_append(out, text);
    }
    g_string_append(out, ", \"took_ms\": ");
    append_raw(out, (double)(nt_http_age(call->request) / 10) / 100);
    g_string_append_c(out, '}');
    api_answer_text(call, 200, g_string_free(out, FALSE));
}
