/* SPDX-License-Identifier: Apache-2.0 */
/* JSONL lists: one JSON object a line, its members the columns. */
#include "connect/source-internal.h"

#include <string.h>

typedef struct JsonList {
    NtLines *lines;
    NtListMap map;
    NtJson *row; /* the object of the row given out; its texts are borrowed by it */
} JsonList;

static bool open_jsonl(NtSource *source, const NtSourceOptions *options, GError **error) {
    JsonList *list = g_new0(JsonList, 1);
    source->state = list;
    list->lines = nt_lines_open(source->location, source->given, options->encoding, source->limits.list_line, error);
    return list->lines != NULL && nt_list_map_open(&list->map, source, options, error);
}

static void take_id(NtSource *source, const NtJson *value) {
    if (nt_json_type(value) == NT_JSON_INTEGER) {
        g_autofree char *digits = nt_json_print(value, false);
        nt_row_set_id(source, digits);
    } else if (nt_json_type(value) == NT_JSON_STRING) {
        g_autofree char *id = g_strstrip(g_strdup(nt_json_text(value, "")));
        nt_row_set_id(source, id);
    } else if (nt_json_type(value) != NT_JSON_NULL) {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the id is neither text nor a whole number");
    }
}

static void take_photos(NtSource *source, const NtListMap *map, const NtJson *value) {
    NtJsonType type = nt_json_type(value);
    if (type == NT_JSON_STRING) {
        nt_list_add_photos(source, map, nt_json_text(value, ""));
    } else if (type == NT_JSON_ARRAY) {
        for (size_t i = 0; i < nt_json_count(value) && i <= NT_MOST_PHOTOS; i++) {
            const char *text = nt_json_text(nt_json_at(value, i), NULL);
            if (text == NULL) {
                nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "image %zu is not text", i + 1);
            } else {
                nt_list_add_photo(source, map, text);
            }
        }
    } else if (type != NT_JSON_NULL) {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the image is neither text nor an array");
    }
}

/* What a member is walked for: the id first, so that later faults can name the product. */
typedef struct Visit {
    NtSource *source;
    JsonList *list;
    bool ids;
    size_t values;
} Visit;

static bool take_member(const char *key, NtJson *value, void *data) {
    Visit *visit = data;
    NtSource *source = visit->source;
    const char *field = nt_list_field(&visit->list->map, key);
    bool id = field != NULL && g_str_equal(field, "id");
    if (field == NULL || id != visit->ids) {
        return true;
    }
    if (id) {
        take_id(source, value);
    } else if (g_str_equal(field, "image") || g_str_equal(field, "images")) {
        source->column = key;
        take_photos(source, &visit->list->map, value);
    } else if (++visit->values > source->limits.list_columns) {
        return nt_row_fault(source, NULL, NITERU_ERROR_LIMIT,
                            "more than %" G_GUINT64_FORMAT " members (limit list-columns)",
                            source->limits.list_columns);
    } else {
        bool text = nt_json_type(value) == NT_JSON_STRING;
        NtListingValue listed = {
            .field = field, .text = text ? nt_json_text(value, "") : NULL, .json = text ? NULL : value};
        if (text && strlen(listed.text) > source->limits.list_field) {
            g_autofree char *safe = nt_text_printable(key, 60);
            return nt_row_fault(source, NULL, NITERU_ERROR_LIMIT,
                                "%s is longer than %" G_GUINT64_FORMAT " bytes (limit list-field)", safe,
                                source->limits.list_field);
        }
        g_array_append_val(source->values, listed);
    }
    return true;
}

/* Where a line is not text, or holds a control character; counted in bytes. */
static size_t first_odd_byte(const char *text, size_t size) {
    const char *end = text;
    if (!g_utf8_validate_len(text, size, &end)) {
        return (size_t)(end - text);
    }
    size_t at = 0;
    while (at + 1 < size && !((unsigned char)text[at] == 0xc2 && (unsigned char)text[at + 1] < 0xa0)) {
        at++;
    }
    return at;
}

/* The object of a line; NULL with a fault queued. */
static NtJson *read_object(NtSource *source, JsonList *list, const char *text, size_t size) {
    g_autoptr(GError) fault = NULL;
    if (!nt_lines_check(list->lines, text, size, &fault)) {
        g_prefix_error(&fault, "column %zu: ", first_odd_byte(text, size) + 1);
        nt_row_fault_error(source, NULL, g_steal_pointer(&fault));
        return NULL;
    }
    g_autoptr(NtJson) object = nt_json_parse(text, size, "row", &source->limits, &fault);
    if (object == NULL) {
        nt_row_fault_error(source, NULL, g_steal_pointer(&fault));
        return NULL;
    }
    if (nt_json_type(object) != NT_JSON_OBJECT) {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "not a JSON object; each line is one product: {\"id\": ...}");
        return NULL;
    }
    return g_steal_pointer(&object);
}

static NtSourceStep take_row(NtSource *source, JsonList *list, const char *text, size_t size) {
    g_clear_pointer(&list->row, nt_json_free);
    list->row = read_object(source, list, text, size);
    if (list->row == NULL) {
        return NT_SOURCE_FAULT;
    }
    Visit visit = {.source = source, .list = list, .ids = true};
    nt_json_foreach(list->row, take_member, &visit);
    if (!g_queue_is_empty(&source->faults)) {
        return NT_SOURCE_FAULT;
    }
    visit.ids = false;
    bool whole = nt_json_foreach(list->row, take_member, &visit);
    return whole && nt_list_finish(source, &list->map) ? NT_SOURCE_PRODUCT : NT_SOURCE_FAULT;
}

static NtSourceStep next_of_jsonl(NtSource *source, GError **error) {
    JsonList *list = source->state;
    const char *text = NULL;
    size_t size = 0;
    NtLineStep step;
    do {
        step = nt_lines_next(list->lines, &text, &size, error);
    } while (step == NT_LINE && nt_text_blank(text, size));
    if (step == NT_LINE_END || step == NT_LINE_FAILED) {
        return step == NT_LINE_END ? NT_SOURCE_END : NT_SOURCE_FAILED;
    }
    uint64_t number = nt_lines_number(list->lines);
    nt_row_begin(source, source->given, number);
    if (step == NT_LINE_TOO_LONG) {
        nt_row_fault(source, NULL, NITERU_ERROR_LIMIT, "longer than %" G_GUINT64_FORMAT " bytes (limit list-line)",
                     source->limits.list_line);
        return NT_SOURCE_FAULT;
    }
    if (text[0] == '[' && number == 1) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: a JSON array; JSONL has one object a line (jq -c '.[]' turns the one into the other)",
                source->given);
        return NT_SOURCE_FAILED;
    }
    return take_row(source, list, text, size);
}

static double share_of_jsonl(const NtSource *source) {
    return nt_lines_share(((const JsonList *)source->state)->lines);
}

static void close_jsonl(NtSource *source) {
    JsonList *list = source->state;
    if (list != NULL) {
        nt_lines_close(list->lines);
        nt_list_map_clear(&list->map);
        nt_json_free(list->row);
        g_free(list);
    }
}

const NtSourceKind nt_source_jsonl = {
    .name = "jsonl", .open = open_jsonl, .next = next_of_jsonl, .share = share_of_jsonl, .close = close_jsonl};
