/* SPDX-License-Identifier: Apache-2.0 */
/* One text or JSON value: which types it fits, and its form in each. */
#include "values/values-internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static const char *const type_names[] = {"missing", "bool", "integer", "number", "date", "text", "list"};

const char *nt_field_type_name(NtFieldType type) { return type_names[type]; }

NtFieldType nt_field_type_of_name(const char *name) {
    for (size_t i = 1; i < G_N_ELEMENTS(type_names); i++) {
        if (g_str_equal(name, type_names[i])) {
            return (NtFieldType)i;
        }
    }
    return NT_FIELD_MISSING;
}

/* Empty or blank: no value at all. */
static bool is_blank(const char *text) { return text == NULL || nt_text_blank(text, strlen(text)); }

bool nt_value_none(const char *text) {
    static const char *const words[] = {"null", "none", "nan", "n/a", "na", "-", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        if (g_ascii_strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return is_blank(text);
}

bool nt_value_missing(const char *text, const NtJson *json) {
    return json != NULL ? nt_json_type(json) == NT_JSON_NULL : is_blank(text);
}

static bool read_bool(const char *text, bool wide, int64_t *out) {
    /* The wide words are read for a field known to be bool; they are too common elsewhere to tell one. */
    static const char *const words[][2] = {
        {"false", "true"},           {"no", "yes"}, {"0", "1"}, {"n", "y"}, {"off", "on"}, {"out of stock", "in stock"},
        {"out_of_stock", "in_stock"}};
    g_autofree char *word = g_strstrip(g_strndup(text, 16));
    for (size_t i = 0; i < (wide ? G_N_ELEMENTS(words) : 2); i++) {
        for (int truth = 0; truth < 2; truth++) {
            if (g_ascii_strcasecmp(word, words[i][truth]) == 0) {
                *out = truth;
                return true;
            }
        }
    }
    return false;
}

/* Digits with a sign and no leading zero, within 64 bits. */
static bool read_integer(const char *text, int64_t *out) {
    g_autofree char *word = g_strstrip(g_strndup(text, 32));
    const char *digits = word + (*word == '-' || *word == '+');
    if (!g_ascii_isdigit(*digits) || (digits[0] == '0' && digits[1] != '\0')) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    gint64 value = g_ascii_strtoll(word, &end, 10);
    if (*end != '\0' || errno != 0) {
        return false;
    }
    *out = value;
    return true;
}

/* A number too long for 64 bits is a code, not a quantity. */
static bool is_long_code(const char *text) {
    size_t digits = strspn(text, "0123456789");
    return digits > 18 && text[digits] == '\0';
}

static NtJson *read_json_array(const char *text) {
    while (g_ascii_isspace(*text)) {
        text++;
    }
    if (*text != '[') {
        return NULL;
    }
    NtJson *value = nt_json_parse(text, strlen(text), "list", NULL, NULL);
    if (value != NULL && nt_json_type(value) != NT_JSON_ARRAY) {
        g_clear_pointer(&value, nt_json_free);
    }
    return value;
}

unsigned nt_value_fits(const char *text, const char **out_currency) {
    unsigned fits = NT_FITS_TEXT;
    int64_t integer;
    double number;
    const char *currency = NULL;
    g_autofree char *date = NULL;
    fits |= read_bool(text, false, &integer) ? NT_FITS_BOOL : 0;
    fits |= read_integer(text, &integer) ? NT_FITS_INTEGER : 0;
    fits |= !is_long_code(text) && nt_number_read(text, 0, &number, &currency) ? NT_FITS_NUMBER : 0;
    fits |= nt_date_read(text, &date) ? NT_FITS_DATE : 0;
    g_autoptr(NtJson) array = read_json_array(text);
    fits |= array != NULL ? NT_FITS_LIST : 0;
    if (out_currency != NULL) {
        *out_currency = currency;
    }
    return fits;
}

/* An array of texts: items that are numbers become text, null ones are left out. */
static char *list_of_json(const NtJson *array) {
    g_autoptr(NtJson) list = nt_json_array();
    for (size_t i = 0; i < nt_json_count(array); i++) {
        const NtJson *item = nt_json_at(array, i);
        if (nt_json_type(item) == NT_JSON_NULL) {
            continue;
        }
        g_autofree char *printed = nt_json_type(item) == NT_JSON_STRING ? NULL : nt_json_print(item, false);
        nt_json_append(list, nt_json_string(nt_json_text(item, printed)));
    }
    return nt_json_print(list, false);
}

/* "red|blue", or "red, blue" where there is no "|", or one item. */
static char *list_of_text(const char *text) {
    g_autoptr(NtJson) array = read_json_array(text);
    if (array != NULL) {
        return list_of_json(array);
    }
    g_autoptr(NtJson) list = nt_json_array();
    g_auto(GStrv) parts = g_strsplit(text, strchr(text, '|') != NULL ? "|" : ",", -1);
    for (size_t i = 0; parts[i] != NULL; i++) {
        g_strstrip(parts[i]);
        if (parts[i][0] != '\0') {
            nt_json_append(list, nt_json_string(parts[i]));
        }
    }
    return nt_json_print(list, false);
}

static bool read_text(NtFieldType type, NtDecimalMark mark, const char *text, NtValue *value, char **out_text,
                      const char **out_currency) {
    switch (type) {
    case NT_FIELD_BOOL: return read_bool(text, true, &value->integer);
    case NT_FIELD_INTEGER: return read_integer(text, &value->integer);
    case NT_FIELD_NUMBER: return nt_number_read(text, mark, &value->number, out_currency);
    case NT_FIELD_DATE: return nt_date_read(text, out_text);
    case NT_FIELD_LIST: *out_text = list_of_text(text); return true;
    default: *out_text = g_strdup(text); return true;
    }
}

static bool read_json(NtFieldType type, const NtJson *json, NtValue *value, char **out_text) {
    NtJsonType kind = nt_json_type(json);
    double number = nt_json_number(json, 0);
    bool whole = number == floor(number) && fabs(number) < 9007199254740992.0; /* 2^53 */
    switch (type) {
    case NT_FIELD_BOOL:
        value->integer = kind == NT_JSON_BOOL ? nt_json_truth(json, false) : nt_json_int(json, 0);
        return kind == NT_JSON_BOOL || (kind == NT_JSON_INTEGER && (value->integer == 0 || value->integer == 1));
    case NT_FIELD_INTEGER:
        value->integer = kind == NT_JSON_INTEGER || !whole ? nt_json_int(json, 0) : (int64_t)number;
        return kind == NT_JSON_INTEGER || (kind == NT_JSON_REAL && whole);
    case NT_FIELD_NUMBER: value->number = number; return kind == NT_JSON_INTEGER || kind == NT_JSON_REAL;
    case NT_FIELD_DATE: return false;
    case NT_FIELD_LIST:
        if (kind == NT_JSON_ARRAY) {
            *out_text = list_of_json(json);
            return true;
        }
        if (kind == NT_JSON_OBJECT) {
            return false;
        }
        /* fall through */
    default: {
        g_autofree char *printed = nt_json_print(json, false);
        if (type == NT_FIELD_LIST) {
            g_autoptr(NtJson) list = nt_json_append(nt_json_array(), nt_json_string(printed));
            *out_text = nt_json_print(list, false);
        } else {
            *out_text = g_steal_pointer(&printed);
        }
        return *out_text != NULL;
    }
    }
}

bool nt_value_read(NtFieldType type, NtDecimalMark mark, const char *text, const NtJson *json, NtValue *value,
                   char **out_text, const char **out_currency) {
    value->type = NT_FIELD_MISSING;
    value->text = NULL;
    *out_text = NULL;
    *out_currency = NULL;
    bool missing = json != NULL ? nt_json_type(json) == NT_JSON_NULL
                                : is_blank(text) || (type != NT_FIELD_TEXT && nt_value_none(text));
    if (missing) {
        return true;
    }
    bool fits = json != NULL ? read_json(type, json, value, out_text)
                             : read_text(type, mark, text, value, out_text, out_currency);
    if (fits) {
        value->type = type;
        value->text = *out_text;
    }
    return fits;
}
