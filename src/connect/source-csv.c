/* SPDX-License-Identifier: Apache-2.0 */
/* CSV lists: the header names the columns, each further record is a product. */
#include "connect/source-internal.h"

#include <string.h>

typedef enum Role { ROLE_NONE, ROLE_ID, ROLE_IMAGE, ROLE_VALUE } Role;

typedef struct Column {
    Role role;
    char *name;  /* as the header has it */
    char *field; /* of a value */
} Column;

typedef struct CsvList {
    NtCsv *csv;
    NtListMap map;
    GArray *columns; /* Column */
} CsvList;

static void clear_column(void *at) {
    Column *column = at;
    g_free(column->name);
    g_free(column->field);
}

/* "id, Title, Image Src", for messages. */
static char *listed_columns(const NtCsv *csv) {
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < nt_csv_count(csv) && i < 30; i++) {
        g_autofree char *safe = nt_text_printable(nt_csv_cell(csv, i), 40);
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", g_strstrip(safe));
    }
    return g_string_free(out, FALSE);
}

static bool take_column(NtSource *source, CsvList *list, size_t i, GHashTable *seen, GError **error) {
    g_autofree char *name = g_strstrip(g_strdup(nt_csv_cell(list->csv, i)));
    const char *field = nt_list_field(&list->map, name);
    Column column = {.role = ROLE_NONE, .name = g_strdup(name)};
    if (field != NULL) {
        column.role = g_str_equal(field, "id")                                      ? ROLE_ID
                      : g_str_equal(field, "image") || g_str_equal(field, "images") ? ROLE_IMAGE
                                                                                    : ROLE_VALUE;
        column.field = g_strdup(field);
    }
    g_array_append_val(list->columns, column);
    if (field == NULL || column.role == ROLE_IMAGE) {
        return true; /* several columns may hold photos */
    }
    gpointer before = NULL;
    g_autofree char *key = g_ascii_strdown(field, -1);
    if (g_hash_table_lookup_extended(seen, key, NULL, &before)) {
        g_autofree char *safe = nt_text_printable(field, 60);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s:%" G_GUINT64_FORMAT ": columns %u and %zu are both '%s'; rename one, or use --map",
                       source->given, nt_csv_line(list->csv), GPOINTER_TO_UINT(before), i + 1, safe);
    }
    g_hash_table_insert(seen, g_steal_pointer(&key), GUINT_TO_POINTER(i + 1));
    return true;
}

static bool has_role(const CsvList *list, Role role) {
    for (guint i = 0; i < list->columns->len; i++) {
        if (g_array_index(list->columns, Column, i).role == role) {
            return true;
        }
    }
    return false;
}

/* Every column that --map names must be there. */
static bool check_map(const NtSource *source, const CsvList *list, GError **error) {
    for (guint i = 0; i < list->map.entries->len; i++) {
        const NtMapEntry *entry = &g_array_index(list->map.entries, NtMapEntry, i);
        bool found = false;
        for (size_t c = 0; c < nt_csv_count(list->csv) && !found; c++) {
            g_autofree char *name = g_strstrip(g_strdup(nt_csv_cell(list->csv, c)));
            found = g_str_equal(name, entry->column);
        }
        if (!found) {
            g_autofree char *listed = listed_columns(list->csv);
            return nt_fail(error, NITERU_ERROR_INVALID, "%s: --map %s=%s: there is no such column; the columns are: %s",
                           source->given, entry->field, entry->column, listed);
        }
    }
    return true;
}

static bool read_header(NtSource *source, CsvList *list, GError **error) {
    NtCsvStep step = nt_csv_next(list->csv, 0, error);
    if (step == NT_CSV_END) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: empty; a list begins with a line that names its columns",
                       source->given);
    }
    if (step != NT_CSV_RECORD) {
        if (step == NT_CSV_REFUSED) {
            g_prefix_error(error, "%s:%" G_GUINT64_FORMAT ": ", source->given, nt_csv_line(list->csv));
        }
        return false;
    }
    nt_csv_name_columns(list->csv);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (size_t i = 0; i < nt_csv_count(list->csv); i++) {
        if (!take_column(source, list, i, seen, error)) {
            return false;
        }
    }
    if (!check_map(source, list, error)) {
        return false;
    }
    bool id = has_role(list, ROLE_ID), image = has_role(list, ROLE_IMAGE);
    if (!id || !image) {
        g_autofree char *listed = listed_columns(list->csv);
        return nt_fail(error, NITERU_ERROR_INVALID,
                       "%s: no column '%s'; the columns are: %s. Name the one that holds it: --map \"%s=Column Name\"",
                       source->given, id ? "image" : "id", listed, id ? "image" : "id");
    }
    return true;
}

static bool open_csv(NtSource *source, const NtSourceOptions *options, GError **error) {
    CsvList *list = g_new0(CsvList, 1);
    source->state = list;
    list->columns = g_array_new(false, false, sizeof(Column));
    g_array_set_clear_func(list->columns, clear_column);
    NtLines *lines = nt_lines_open(source->location, source->given, options->encoding, source->limits.list_line, error);
    if (lines == NULL) {
        return false;
    }
    list->csv = nt_csv_new(lines, &source->limits);
    return nt_list_map_open(&list->map, source, options, error) && read_header(source, list, error);
}

static void take_cell(NtSource *source, const CsvList *list, const Column *column, const char *cell) {
    if (column->role == ROLE_ID) {
        g_autofree char *id = g_strstrip(g_strdup(cell));
        nt_row_set_id(source, id);
    } else if (column->role == ROLE_IMAGE) {
        source->column = column->name;
        nt_list_add_photos(source, &list->map, cell);
    } else if (column->role == ROLE_VALUE) {
        NtListingValue value = {.field = column->field, .text = cell};
        g_array_append_val(source->values, value);
    }
}

static NtSourceStep next_of_csv(NtSource *source, GError **error) {
    CsvList *list = source->state;
    g_autoptr(GError) fault = NULL;
    NtCsvStep step = nt_csv_next(list->csv, list->columns->len, &fault);
    if (step == NT_CSV_END) {
        return NT_SOURCE_END;
    }
    if (step == NT_CSV_FAILED) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NT_SOURCE_FAILED;
    }
    nt_row_begin(source, source->given, nt_csv_line(list->csv));
    if (step == NT_CSV_REFUSED) {
        nt_row_fault(source, NULL, (NiteruError)fault->code, "%s", fault->message);
        return NT_SOURCE_FAULT;
    }
    /* The id first, so that faults of the photos can name the product. */
    for (Role role = ROLE_ID; role <= ROLE_VALUE; role++) {
        for (guint i = 0; i < list->columns->len && i < nt_csv_count(list->csv); i++) {
            const Column *column = &g_array_index(list->columns, Column, i);
            if (column->role == role) {
                take_cell(source, list, column, nt_csv_cell(list->csv, i));
            }
        }
        if (role == ROLE_ID && !g_queue_is_empty(&source->faults)) {
            return NT_SOURCE_FAULT;
        }
    }
    return nt_list_finish(source) ? NT_SOURCE_PRODUCT : NT_SOURCE_FAULT;
}

static double share_of_csv(const NtSource *source) {
    return nt_lines_share(nt_csv_lines(((const CsvList *)source->state)->csv));
}

static void close_csv(NtSource *source) {
    CsvList *list = source->state;
    if (list != NULL) {
        nt_csv_free(list->csv);
        nt_list_map_clear(&list->map);
        g_array_unref(list->columns);
        g_free(list);
    }
}

const NtSourceKind nt_source_csv = {
    .name = "csv", .open = open_csv, .next = next_of_csv, .share = share_of_csv, .close = close_csv};
