/* SPDX-License-Identifier: Apache-2.0 */
#include "service/api-schema.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "http/http.h"

static const char *const type_names[] = {
    [API_ANY] = "any value",      [API_TEXT] = "a text",    [API_INTEGER] = "a whole number", [API_NUMBER] = "a number",
    [API_BOOL] = "true or false", [API_ARRAY] = "an array", [API_OBJECT] = "an object",
};

void api_fault_clear(ApiFault *fault) {
    g_clear_pointer(&fault->field, g_free);
    g_clear_pointer(&fault->detail, g_free);
}

/* Sets the fault, unless a nearer one was found already. */
static bool wrong(ApiFault *fault, const char *code, const char *field, char *detail) {
    if (fault->detail == NULL) {
        *fault = (ApiFault){code, g_strdup(field), detail};
    } else {
        g_free(detail);
    }
    return false;
}

const ApiSchema *api_schema_member(const ApiSchema *schema, const char *name) {
    for (const ApiSchema *member = schema->members; member != NULL && member->name != NULL; member++) {
        if (strcmp(member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

/* ---- checking ---- */

static bool check_type(const ApiSchema *schema, const NtJson *value) {
    switch (nt_json_type(value)) {
    case NT_JSON_NULL: return schema->nullable || schema->type == API_ANY;
    case NT_JSON_BOOL: return schema->type == API_BOOL || schema->type == API_ANY;
    case NT_JSON_INTEGER: return schema->type == API_INTEGER || schema->type == API_NUMBER || schema->type == API_ANY;
    case NT_JSON_REAL: return schema->type == API_NUMBER || schema->type == API_ANY;
    case NT_JSON_STRING: return schema->type == API_TEXT || schema->type == API_ANY;
    case NT_JSON_ARRAY: return schema->type == API_ARRAY || schema->type == API_ANY;
    default: return schema->type == API_OBJECT || schema->type == API_ANY;
    }
}

/* Whether an amount (a number, or how much there is of something) is within the range. */
static bool check_range(const ApiSchema *schema, double amount, const char *what, const char *field, ApiFault *fault) {
    char least[G_ASCII_DTOSTR_BUF_SIZE], most[G_ASCII_DTOSTR_BUF_SIZE];
    if ((schema->least == 0 && schema->most == 0) || (amount >= schema->least && amount <= schema->most)) {
        return true;
    }
    return wrong(fault, "out-of-range", field,
                 g_strdup_printf("'%s' must be from %s to %s%s", field,
                                 g_ascii_formatd(least, sizeof least, "%.15g", schema->least),
                                 g_ascii_formatd(most, sizeof most, "%.15g", schema->most), what));
}

static bool check_choice(const ApiSchema *schema, const char *text, const char *field, ApiFault *fault) {
    if (schema->choices == NULL || g_strv_contains(schema->choices, text)) {
        return true;
    }
    g_autofree char *list = g_strjoinv(", ", (char **)schema->choices);
    return wrong(fault, "not-a-choice", field, g_strdup_printf("'%s' must be one of: %s", field, list));
}

static bool check(const ApiSchema *schema, const NtJson *value, const char *field, ApiFault *fault);

typedef struct Checking {
    const ApiSchema *schema;
    const char *field;
    ApiFault *fault;
} Checking;

static bool check_member(const char *key, NtJson *value, void *data) {
    const Checking *all = data;
    g_autofree char *field = *all->field != '\0' ? g_strdup_printf("%s.%s", all->field, key) : g_strdup(key);
    const ApiSchema *member = api_schema_member(all->schema, key);
    if (member != NULL) {
        return check(member, value, field, all->fault);
    }
    g_autoptr(GString) known = g_string_new(NULL);
    for (member = all->schema->members; member->name != NULL; member++) {
        g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", member->name);
    }
    return wrong(all->fault, "unknown-field", field,
                 g_strdup_printf("'%s' is not known here; known are: %s", field, known->str));
}

static bool check_object(const ApiSchema *schema, const NtJson *value, const char *field, ApiFault *fault) {
    Checking all = {schema, field, fault};
    for (const ApiSchema *member = schema->members; member != NULL && member->name != NULL; member++) {
        if (member->required && nt_json_get(value, member->name) == NULL) {
            g_autofree char *name = *field != '\0' ? g_strdup_printf("%s.%s", field, member->name) : NULL;
            const char *whole = name != NULL ? name : member->name;
            return wrong(fault, "missing-field", whole, g_strdup_printf("'%s' must be given", whole));
        }
    }
    return schema->members == NULL || nt_json_foreach(value, check_member, &all);
}

static bool check_array(const ApiSchema *schema, const NtJson *value, const char *field, ApiFault *fault) {
    size_t count = nt_json_count(value);
    if (!check_range(schema, (double)count, " items", field, fault)) {
        return false;
    }
    for (size_t i = 0; schema->items != NULL && i < count; i++) {
        const NtJson *item = nt_json_at(value, i);
        if (check(schema->items, item, field, &(ApiFault){.detail = (char *)""})) { /* without a name for most */
            continue;
        }
        g_autofree char *name = g_strdup_printf("%s[%zu]", field, i);
        return check(schema->items, item, name, fault);
    }
    return true;
}

static bool check(const ApiSchema *schema, const NtJson *value, const char *field, ApiFault *fault) {
    if (!check_type(schema, value)) {
        return wrong(fault, "wrong-type", field, g_strdup_printf("'%s' must be %s", field, type_names[schema->type]));
    }
    const char *text = nt_json_text(value, NULL);
    switch (nt_json_type(value)) {
    case NT_JSON_STRING:
        return check_range(schema, (double)g_utf8_strlen(text, -1), " characters long", field, fault) &&
               check_choice(schema, text, field, fault);
    case NT_JSON_INTEGER:
    case NT_JSON_REAL: return check_range(schema, nt_json_number(value, 0), "", field, fault);
    case NT_JSON_ARRAY: return check_array(schema, value, field, fault);
    case NT_JSON_OBJECT: return check_object(schema, value, field, fault);
    default: return true;
    }
}

/* 5.0 is a whole number too, and some programs write it so: it becomes 5. */
static void settle_integers(const ApiSchema *schema, NtJson *value) {
    for (const ApiSchema *member = schema->members; member != NULL && member->name != NULL; member++) {
        NtJson *given = nt_json_get(value, member->name);
        if (given == NULL) {
            continue;
        }
        double number = nt_json_number(given, 0);
        if (member->type == API_OBJECT && nt_json_type(given) == NT_JSON_OBJECT) {
            settle_integers(member, given);
        } else if (member->type == API_ARRAY && member->items != NULL && member->items->type == API_OBJECT) {
            for (size_t i = 0; i < nt_json_count(given); i++) {
                settle_integers(member->items, nt_json_at(given, i));
            }
        } else if (member->type == API_INTEGER && nt_json_type(given) == NT_JSON_REAL && fabs(number) <= 0x1p53 &&
                   number == floor(number)) {
            nt_json_set(value, member->name, nt_json_integer((int64_t)number));
        }
    }
}

bool api_schema_check(const ApiSchema *schema, NtJson *value, ApiFault *fault) {
    if (nt_json_type(value) != NT_JSON_OBJECT && schema->type == API_OBJECT) {
        return wrong(fault, "wrong-type", NULL, g_strdup("the body must be a JSON object"));
    }
    settle_integers(schema, value);
    return check(schema, value, "", fault);
}

/* ---- queries ---- */

static NtJson *read_integer(const char *text) {
    char *end = NULL;
    errno = 0;
    gint64 number = g_ascii_strtoll(text, &end, 10);
    return *text != '\0' && !g_ascii_isspace(*text) && *text != '+' && *end == '\0' && errno == 0
               ? nt_json_integer(number)
               : NULL;
}

static NtJson *read_number(const char *text) {
    char *end = NULL;
    if (strspn(text, "0123456789+-.eE") != strlen(text) || *text == '\0' || *text == '+') {
        return NULL;
    }
    double number = g_ascii_strtod(text, &end);
    return *end == '\0' && number - number == 0 ? nt_json_real(number) : NULL; /* finite */
}

NtJson *api_schema_read_text(const ApiSchema *schema, const char *text) {
    switch (schema->type) {
    case API_INTEGER: return read_integer(text);
    case API_NUMBER: return read_number(text);
    case API_BOOL:
        return strcmp(text, "true") == 0 ? nt_json_bool(true) : strcmp(text, "false") == 0 ? nt_json_bool(false) : NULL;
    default: return nt_json_string(text);
    }
}

typedef struct Reading {
    const ApiSchema *schema;
    NtJson *out;
    ApiFault *fault;
} Reading;

static bool read_parameter(const char *name, const char *value, void *data) {
    Reading *all = data;
    const ApiSchema *member = all->schema != NULL ? api_schema_member(all->schema, name) : NULL;
    if (member == NULL) {
        return wrong(all->fault, "unknown-parameter", name, g_strdup_printf("there is no parameter '%s' here", name));
    }
    NtJson *list = nt_json_get(all->out, name);
    if (list != NULL && member->type != API_ARRAY) {
        return wrong(all->fault, "repeated-parameter", name, g_strdup_printf("'%s' is given twice", name));
    }
    NtJson *read = api_schema_read_text(member->type == API_ARRAY ? member->items : member, value);
    if (read == NULL) {
        return wrong(all->fault, "wrong-type", name,
                     g_strdup_printf("'%s' must be %s", name, type_names[member->type]));
    }
    if (member->type == API_ARRAY && list == NULL) {
        list = nt_json_array();
        nt_json_set(all->out, name, list);
    }
    if (member->type == API_ARRAY) {
        nt_json_append(list, read);
    } else {
        nt_json_set(all->out, name, read);
    }
    return true;
}

NtJson *api_schema_read_query(const ApiSchema *schema, const char *query, ApiFault *fault) {
    g_autoptr(NtJson) out = nt_json_object();
    Reading all = {schema, out, fault};
    g_autofree char *bad = NULL;
    if (!nt_http_query_each(query, read_parameter, &all, &bad)) {
        if (bad != NULL) {
            g_autofree char *safe = nt_text_printable(bad, 100);
            wrong(fault, "bad-encoding", NULL, g_strdup_printf("'%s' is no percent-encoded UTF-8", safe));
        }
        return NULL;
    }
    return schema == NULL || check(schema, out, "", fault) ? g_steal_pointer(&out) : NULL;
}

/* ---- the document ---- */

static void add_range(NtJson *out, const ApiSchema *schema, const char *least, const char *most) {
    if (schema->least != 0 || schema->most != 0) {
        bool whole = schema->type != API_NUMBER;
        nt_json_set(out, least, whole ? nt_json_integer((int64_t)schema->least) : nt_json_real(schema->least));
        nt_json_set(out, most, whole ? nt_json_integer((int64_t)schema->most) : nt_json_real(schema->most));
    }
}

static void add_members(NtJson *out, const ApiSchema *schema) {
    NtJson *members = nt_json_object(), *required = nt_json_array();
    for (const ApiSchema *member = schema->members; member->name != NULL; member++) {
        nt_json_set(members, member->name, api_schema_document(member));
        if (member->required) {
            nt_json_append(required, nt_json_string(member->name));
        }
    }
    nt_json_set(out, "properties", members);
    if (nt_json_count(required) > 0) {
        nt_json_set(out, "required", required);
    } else {
        nt_json_free(required);
    }
    nt_json_set(out, "additionalProperties", nt_json_bool(false));
}

static void add_type(NtJson *out, const ApiSchema *schema) {
    static const char *const names[] = {[API_TEXT] = "string",  [API_INTEGER] = "integer", [API_NUMBER] = "number",
                                        [API_BOOL] = "boolean", [API_ARRAY] = "array",     [API_OBJECT] = "object"};
    if (schema->type != API_ANY) {
        NtJson *type = nt_json_string(names[schema->type]);
        nt_json_set(out, "type",
                    schema->nullable ? nt_json_append(nt_json_append(nt_json_array(), type), nt_json_string("null"))
                                     : type);
    }
    switch (schema->type) {
    case API_TEXT:
        if (schema->least >= 1) {
            nt_json_set(out, "minLength", nt_json_integer((int64_t)schema->least));
        }
        if (schema->most >= 1) {
            nt_json_set(out, "maxLength", nt_json_integer((int64_t)schema->most));
        }
        break;
    case API_INTEGER:
    case API_NUMBER: add_range(out, schema, "minimum", "maximum"); break;
    case API_ARRAY:
        add_range(out, schema, "minItems", "maxItems");
        nt_json_set(out, "items", schema->items != NULL ? api_schema_document(schema->items) : nt_json_object());
        break;
    case API_OBJECT:
        if (schema->members != NULL) {
            add_members(out, schema);
        }
        break;
    default: break;
    }
}

NtJson *api_schema_document(const ApiSchema *schema) {
    NtJson *out = nt_json_object();
    add_type(out, schema);
    if (schema->choices != NULL) {
        NtJson *choices = nt_json_array();
        for (size_t i = 0; schema->choices[i] != NULL; i++) {
            nt_json_append(choices, nt_json_string(schema->choices[i]));
        }
        nt_json_set(out, "enum", choices);
    }
    if (schema->text != NULL) {
        nt_json_set(out, "description", nt_json_string(schema->text));
    }
    if (schema->example != NULL) {
        nt_json_set(out, "examples",
                    nt_json_append(nt_json_array(),
                                   nt_json_parse(schema->example, strlen(schema->example), "example", NULL, NULL)));
    }
    return out;
}
