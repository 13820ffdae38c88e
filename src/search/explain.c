/* SPDX-License-Identifier: Apache-2.0 */
/* What to say when there is no answer: a condition that nothing matches, a model without vectors. */
#include "search/search.h"

#include <math.h>
#include <string.h>

/* A value of a field as it is read: text in quotes, numbers as they are. */
static char *value_text(const NtJson *value) {
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    switch (nt_json_type(value)) {
    case NT_JSON_STRING: {
        g_autofree char *safe = nt_text_printable(nt_json_text(value, ""), 60);
        return g_strdup_printf("'%s'", safe);
    }
    case NT_JSON_REAL: return g_strdup(g_ascii_formatd(digits, sizeof digits, "%.10g", nt_json_number(value, 0)));
    default: return nt_json_print(value, false);
    }
}

/* "category = 'dress' matches no product; near are 'Dress' (186 products)". */
static void append_words(GString *out, const NtJson *item) {
    g_string_append_printf(out, "%s%s matches no product", out->len > 0 ? ", and " : "",
                           nt_json_text(nt_json_get(item, "condition"), ""));
    const NtJson *near = nt_json_get(item, "near"), *least = nt_json_get(item, "least");
    for (size_t i = 0; near != NULL && i < nt_json_count(near); i++) {
        g_autofree char *value = value_text(nt_json_get(nt_json_at(near, i), "value"));
        int64_t products = nt_json_int(nt_json_get(nt_json_at(near, i), "products"), 0);
        g_string_append_printf(out, "%s%s (%" G_GINT64_FORMAT " product%s)", i > 0 ? ", " : "; near it: ", value,
                               products, products == 1 ? "" : "s");
    }
    if (least != NULL) {
        g_autofree char *from = value_text(least), *to = value_text(nt_json_get(item, "most"));
        g_autofree char *field = nt_text_printable(nt_json_text(nt_json_get(item, "field"), ""), 60);
        g_string_append_printf(out, "; %s goes from %s to %s", field, from, to);
    }
}

bool nt_explain_where(NtCatalogue *db, const char *where, NtJson **out_near, char **out_words, GError **error) {
    g_autoptr(NtJson) near = nt_where_near(db, where, error);
    if (near == NULL) {
        return false;
    }
    g_autoptr(GString) words = g_string_new(NULL);
    for (size_t i = 0; i < nt_json_count(near) && i < 3; i++) {
        append_words(words, nt_json_at(near, i));
    }
    if (words->len == 0) {
        g_string_append(words, "no product matches the condition as a whole");
    }
    *out_words = g_strdup(words->str);
    *out_near = g_steal_pointer(&near);
    return true;
}

static bool note_match(int64_t product, const char *id, void *data) {
    *(bool *)data = true;
    return false;
}

char *niteru_where_json(NiteruCatalogue *catalogue, const char *where, unsigned timeout_ms, GCancellable *cancellable,
                        GError **error) {
    g_auto(NtCall) call = {0};
    g_auto(NtReader) reader = {0};
    g_autoptr(NtWhere) condition =
        nt_call_begin(&call, catalogue, timeout_ms, cancellable, error) && nt_reader_open_for(&reader, &call, error)
            ? nt_where_parse(reader.db, where, error)
            : NULL;
    bool matches = false;
    if (condition == NULL ||
        !nt_catalogue_list(reader.db, condition, NT_FLAG_NONE, NULL, 1, note_match, &matches, error)) {
        return NULL;
    }
    g_autoptr(NtJson) out = nt_json_set(nt_json_object(), "matches", nt_json_bool(matches));
    if (!matches) {
        NtJson *near = NULL;
        g_autofree char *words = NULL;
        if (!nt_explain_where(reader.db, where, &near, &words, error)) {
            return NULL;
        }
        nt_json_set(nt_json_set(out, "note", nt_json_string(words)), "near", near);
    }
    return nt_json_print(out, false);
}

bool nt_fail_no_vectors(const NtModel *model, GError **error) {
    bool network = model->card->preprocess.width > 0;
    nt_fail(error, NITERU_ERROR_NOT_FOUND, "the model %s has no vectors yet, so nothing can be found with it",
            model->name);
    nt_fact(error, "remedy", network ? "index" : "import");
    nt_fact(error, "option", "model");
    return nt_fact(error, "value", model->name);
}
