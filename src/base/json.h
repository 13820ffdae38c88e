/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON: a thin face over jansson, which only base/json.c sees. A value is reference-counted; a container owns what is
 * put into it ("takes"). Not thread-safe while being changed; readers may share.
 */
#ifndef NT_BASE_JSON_H
#define NT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "base/limits.h"

typedef struct json_t NtJson;

typedef enum NtJsonType {
    NT_JSON_NULL,
    NT_JSON_BOOL,
    NT_JSON_INTEGER,
    NT_JSON_REAL,
    NT_JSON_STRING,
    NT_JSON_ARRAY,
    NT_JSON_OBJECT,
} NtJsonType;

/* Parses one document of `size` bytes; nesting and the number of values are counted against `limits` (NULL: the
 * defaults) before anything is built. Duplicate keys, NUL in strings and trailing text are refused. `name` names the
 * source in messages. Errors: INVALID with line and column, LIMIT. */
NtJson *nt_json_parse(const char *text, size_t size, const char *name, const NtLimits *limits, GError **error);

NtJson *nt_json_ref(NtJson *value);
void nt_json_free(NtJson *value); /* drops one reference; NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtJson, nt_json_free)

/* New values. Text must be UTF-8; text that is not, and NULL, become JSON null, as does a number that is not finite. */
NtJson *nt_json_object(void);
NtJson *nt_json_array(void);
NtJson *nt_json_string(const char *text);
NtJson *nt_json_integer(int64_t value);
NtJson *nt_json_real(double value);
NtJson *nt_json_bool(bool value);
NtJson *nt_json_null(void);

/* Puts `value` into an object under `key`, or at the end of an array; takes the value. Returns the container. */
NtJson *nt_json_set(NtJson *object, const char *key, NtJson *value);
NtJson *nt_json_append(NtJson *array, NtJson *value);

NtJsonType nt_json_type(const NtJson *value);

/* A member (NULL when absent or not an object), an item (NULL when out of range), and how many there are; borrowed. */
NtJson *nt_json_get(const NtJson *object, const char *key);
NtJson *nt_json_at(const NtJson *array, size_t i);
size_t nt_json_count(const NtJson *container);

/* Calls `each` for every member in the order written; stops at the first false and returns it. */
bool nt_json_foreach(const NtJson *object, bool (*each)(const char *key, NtJson *value, void *data), void *data);

/* The content of a scalar, or the fallback when `value` is NULL or of another type. Text is borrowed. An integer is
 * read as a real too, never the other way. */
const char *nt_json_text(const NtJson *value, const char *fallback);
int64_t nt_json_int(const NtJson *value, int64_t fallback);
double nt_json_number(const NtJson *value, double fallback);
bool nt_json_truth(const NtJson *value, bool fallback);

/* One line, or indented by two spaces; keys in the order set, numbers with up to 15 digits and a point in every locale;
 * characters that a terminal would obey are escaped. New text. */
char *nt_json_print(const NtJson *value, bool indented);

/* Appends a text as JSON, quoted, as nt_json_print would; NULL is null. For documents that are written as text. */
void nt_json_quote(GString *out, const char *text);

#endif
