/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"

#include <jansson.h>
#include <math.h>

/* Counts nesting and values by a scan over the bytes, so that a hostile document is refused before it takes memory
 * or stack. Strings are skipped; whether the text is JSON at all is left to the parser. */
static bool check_size(const char *text, size_t size, const char *name, const NtLimits *limits, GError **error) {
    uint64_t depth = 0, values = 1;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            values++;
            if (++depth > limits->json_depth) {
                return nt_fail(error, NITERU_ERROR_LIMIT,
                               "%s: nested deeper than %" G_GUINT64_FORMAT " (limit json-depth)", name,
                               limits->json_depth);
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else if (c == ',') {
            values++;
        }
    }
    return values <= limits->json_values ||
           nt_fail(error, NITERU_ERROR_LIMIT, "%s: more than %" G_GUINT64_FORMAT " values (limit json-values)", name,
                   limits->json_values);
}

/* Numbers that are whole and fit become integers; takes `value`. Not deeper than check_size allows. */
static json_t *settle_integers(json_t *value) {
    size_t i;
    const char *key;
    json_t *member;
    double number = json_number_value(value);
    if (json_is_real(value) && fabs(number) <= 0x1p53 && number == (double)(json_int_t)number) {
        json_decref(value);
        return json_integer((json_int_t)number);
    }
    json_array_foreach(value, i, member) { json_array_set_new(value, i, settle_integers(json_incref(member))); }
    json_object_foreach(value, key, member) { json_object_set_new(value, key, settle_integers(json_incref(member))); }
    return value;
}

NtJson *nt_json_parse(const char *text, size_t size, const char *name, const NtLimits *limits, GError **error) {
    NtLimits standard = nt_limits_default();
    if (!check_size(text, size, name, limits != NULL ? limits : &standard, error)) {
        return NULL;
    }
    json_error_t fault;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &fault);
    if (value == NULL && json_error_code(&fault) == json_error_numeric_overflow) { /* an integer of 20 digits, say */
        value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &fault);
        value = value != NULL ? settle_integers(value) : NULL;
    }
    if (value == NULL) {
        g_autofree char *safe = nt_text_printable(fault.text, sizeof fault.text); /* it quotes the input */
        nt_fail(error, NITERU_ERROR_INVALID, "%s: line %d, column %d: not JSON: %s", name, fault.line, fault.column,
                safe);
    }
    return value;
}

NtJson *nt_json_ref(NtJson *value) { return json_incref(value); }
void nt_json_free(NtJson *value) { json_decref(value); }

NtJson *nt_json_object(void) { return json_object(); }
NtJson *nt_json_array(void) { return json_array(); }
NtJson *nt_json_integer(int64_t value) { return json_integer(value); }
NtJson *nt_json_bool(bool value) { return json_boolean(value); }
NtJson *nt_json_null(void) { return json_null(); }

NtJson *nt_json_string(const char *text) {
    json_t *value = text != NULL ? json_string(text) : NULL;
    return value != NULL ? value : json_null();
}

NtJson *nt_json_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

NtJson *nt_json_set(NtJson *object, const char *key, NtJson *value) {
    json_object_set_new(object, key, value);
    return object;
}

NtJson *nt_json_append(NtJson *array, NtJson *value) {
    json_array_append_new(array, value);
    return array;
}

NtJsonType nt_json_type(const NtJson *value) {
    switch (json_typeof(value)) {
    case JSON_OBJECT: return NT_JSON_OBJECT;
    case JSON_ARRAY: return NT_JSON_ARRAY;
    case JSON_STRING: return NT_JSON_STRING;
    case JSON_INTEGER: return NT_JSON_INTEGER;
    case JSON_REAL: return NT_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return NT_JSON_BOOL;
    default: return NT_JSON_NULL;
    }
}

NtJson *nt_json_get(const NtJson *object, const char *key) { return json_object_get(object, key); }
NtJson *nt_json_at(const NtJson *array, size_t i) { return json_array_get(array, i); }

size_t nt_json_count(const NtJson *container) {
    return json_is_array(container) ? json_array_size(container) : json_object_size(container);
}

bool nt_json_foreach(const NtJson *object, bool (*each)(const char *key, NtJson *value, void *data), void *data) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) {
        if (!each(key, value, data)) {
            return false;
        }
    }
    return true;
}

const char *nt_json_text(const NtJson *value, const char *fallback) {
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t nt_json_int(const NtJson *value, int64_t fallback) {
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

double nt_json_number(const NtJson *value, double fallback) {
    return json_is_number(value) ? json_number_value(value) : fallback;
}

bool nt_json_truth(const NtJson *value, bool fallback) {
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

char *nt_json_print(const NtJson *value, bool indented) {
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | (indented ? JSON_INDENT(2) : 0);
    char *text = json_dumps(value, flags);
    char *copy = g_strdup(text);
    free(text); /* jansson's allocator; callers use g_free */
    return nt_text_json_safe(copy);
}

void nt_json_quote(GString *out, const char *text) {
    const char *p = text;
    while (p != NULL && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"' && *p != '\\') {
        p++;
    }
    if (p != NULL && *p == '\0') { /* mostly there is nothing to escape */
        g_string_append_c(out, '"');
        g_string_append_len(out, text, p - text);
        g_string_append_c(out, '"');
        return;
    }
    g_autoptr(NtJson) value = nt_json_string(text);
    g_autofree char *printed = nt_json_print(value, false);
    g_string_append(out, printed);
}
