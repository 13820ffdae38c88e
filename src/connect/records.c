/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a list that is not one of products: a CSV record, or a line of JSONL, as a JSON object. */
#include "connect/source-internal.h"

#include <string.h>

struct NtRecords {
    char *path;
    NtLimits limits;
    NtLines *lines; /* of JSONL; NULL: it is CSV */
    NtCsv *csv;
    GPtrArray *names; /* char *, of the columns */
};

static bool is_jsonl(const char *path, const char *encoding, const NtLimits *limits, bool *out, GError **error) {
    const char *text;
    size_t size;
    NtLines *lines = nt_lines_open(path, path, encoding, limits->list_line, error);
    NtLineStep step = lines != NULL ? nt_lines_next(lines, &text, &size, error) : NT_LINE_FAILED;
    *out = step == NT_LINE && size > 0 && text[0] == '{';
    nt_lines_close(lines);
    return step != NT_LINE_FAILED;
}

static bool read_header(NtRecords *records, GError **error) {
    switch (nt_csv_next(records->csv, 0, error)) {
    case NT_CSV_RECORD: break;
    case NT_CSV_END: return nt_fail(error, NITERU_ERROR_INVALID, "%s: is empty", records->path);
    default: g_prefix_error(error, "%s:1: ", records->path); return false;
    }
    nt_csv_name_columns(records->csv);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < nt_csv_count(records->csv); i++) {
        char *name = g_strstrip(g_strdup(nt_csv_cell(records->csv, i)));
        g_ptr_array_add(records->names, name);
        if (*name != '\0' && !g_hash_table_add(seen, name)) {
            g_autofree char *safe = nt_text_printable(name, 60);
            return nt_fail(error, NITERU_ERROR_INVALID, "%s:1: two columns are named '%s'", records->path, safe);
        }
    }
    return true;
}

NtRecords *nt_records_open(const char *path, const char *encoding, const NtLimits *limits, GError **error) {
    g_autoptr(NtRecords) records = g_new0(NtRecords, 1);
    bool json;
    records->path = g_strdup(path);
    records->limits = limits != NULL ? *limits : nt_limits_default();
    records->names = g_ptr_array_new_with_free_func(g_free);
    if (!is_jsonl(path, encoding, &records->limits, &json, error)) {
        return NULL;
    }
    NtLines *lines = nt_lines_open(path, path, encoding, records->limits.list_line, error);
    if (lines == NULL) {
        return NULL;
    }
    if (json) {
        records->lines = lines;
        return g_steal_pointer(&records);
    }
    records->csv = nt_csv_new(lines, &records->limits);
    return read_header(records, error) ? g_steal_pointer(&records) : NULL;
}

void nt_records_close(NtRecords *records) {
    if (records != NULL) {
        if (records->csv != NULL) {
            nt_csv_free(records->csv);
        } else if (records->lines != NULL) {
            nt_lines_close(records->lines);
        }
        g_ptr_array_unref(records->names);
        g_free(records->path);
        g_free(records);
    }
}

uint64_t nt_records_line(const NtRecords *records) {
    return records->csv != NULL ? nt_csv_line(records->csv) : nt_lines_number(records->lines);
}

double nt_records_share(const NtRecords *records) {
    return nt_lines_share(records->csv != NULL ? nt_csv_lines(records->csv) : records->lines);
}

bool nt_records_has_column(const NtRecords *records, const char *name) {
    return records->csv == NULL || g_ptr_array_find_with_equal_func(records->names, name, g_str_equal, NULL);
}

static NtSourceStep next_of_csv(NtRecords *records, NtJson **out, GError **error) {
    switch (nt_csv_next(records->csv, records->names->len, error)) {
    case NT_CSV_RECORD: break;
    case NT_CSV_REFUSED: return NT_SOURCE_FAULT;
    case NT_CSV_END: return NT_SOURCE_END;
    case NT_CSV_FAILED: return NT_SOURCE_FAILED;
    }
    *out = nt_json_object();
    for (size_t i = 0; i < MIN(nt_csv_count(records->csv), records->names->len); i++) {
        const char *name = records->names->pdata[i], *cell = nt_csv_cell(records->csv, i);
        if (*name != '\0' && *cell != '\0') {
            nt_json_set(*out, name, nt_json_string(cell));
        }
    }
    return NT_SOURCE_PRODUCT;
}

static NtSourceStep next_of_jsonl(NtRecords *records, NtJson **out, GError **error) {
    const char *text = NULL;
    size_t size = 0;
    NtLineStep step;
    do {
        step = nt_lines_next(records->lines, &text, &size, error);
    } while (step == NT_LINE && nt_text_blank(text, size));
    switch (step) {
    case NT_LINE: break;
    case NT_LINE_END: return NT_SOURCE_END;
    case NT_LINE_FAILED: return NT_SOURCE_FAILED;
    case NT_LINE_TOO_LONG:
        nt_fail(error, NITERU_ERROR_LIMIT, "longer than %" G_GUINT64_FORMAT " bytes (limit list-line)",
                records->limits.list_line);
        return NT_SOURCE_FAULT;
    }
    if (!nt_lines_check(records->lines, text, size, error)) {
        return NT_SOURCE_FAULT;
    }
    *out = nt_json_parse(text, size, "row", &records->limits, error);
    return *out != NULL ? NT_SOURCE_PRODUCT : NT_SOURCE_FAULT;
}

NtSourceStep nt_records_next(NtRecords *records, NtJson **out, GError **error) {
    *out = NULL;
    return records->csv != NULL ? next_of_csv(records, out, error) : next_of_jsonl(records, out, error);
}
