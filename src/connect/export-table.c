/* SPDX-License-Identifier: Apache-2.0 */
/* Tables whose columns have known names: Shopify's, WooCommerce's, and Merchant feeds in cells. */
#include "connect/export-internal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MOST_NAMED = 30 /* columns named in a message */ };

/* What a header has when it is unmistakably of a kind: each of these, of which '|' parts the spellings. */
static const struct {
    const NtSourceKind *kind;
    const char *what;
    const char *marks[6];
} formats[] = {
    {&nt_source_shopify,
     "Shopify's product export",
     {"handle|url handle", "title",
      "variant price|variant sku|image src|option1 name|option1 value|product image url|published on online store"}},
    {&nt_source_woocommerce,
     "WooCommerce's product export",
     {"type", "sku", "name", "published", "images|regular price"}},
    {&nt_source_merchant, "a Merchant feed", {"id", "title", "image link", "link|price|availability"}},
};

char *nt_table_name(const char *given) {
    g_autofree char *bare = g_strstrip(g_strdup(given)), *lower = g_utf8_strdown(bare, -1);
    g_strdelimit(lower, "_", ' ');
    return g_strdup(g_str_has_prefix(lower, "g:") ? lower + 2 : lower);
}

char *nt_csv_listed(const NtCsv *csv) {
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < nt_csv_count(csv) && i < MOST_NAMED; i++) {
        g_autofree char *safe = nt_text_printable(nt_csv_cell(csv, i), 40);
        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", g_strstrip(safe));
    }
    return g_string_free(out, FALSE);
}

static int find_name(const NtTable *table, const char *name, size_t size) {
    for (guint i = 0; i < table->names->len; i++) {
        const char *there = g_ptr_array_index(table->names, i);
        if (strlen(there) == size && memcmp(there, name, size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Every column that the map names must be there. */
static bool check_map(const NtTable *table, const NtSource *source, const NtSourceOptions *options, GError **error) {
    for (size_t i = 0; options->map != NULL && options->map[i] != NULL; i++) {
        const char *equals = strchr(options->map[i], '=');
        g_autofree char *name = equals != NULL ? nt_table_name(equals + 1) : NULL;
        if (name != NULL && name[0] != '\0' && find_name(table, name, strlen(name)) < 0) {
            g_autofree char *listed = nt_csv_listed(table->csv), *safe = nt_text_printable(equals + 1, 60);
            nt_fail(error, NITERU_ERROR_INVALID, "%s: no column '%s', which the map names; the columns are: %s",
                    source->given, g_strstrip(safe), listed);
            return nt_fact(error, "option", "map");
        }
    }
    return true;
}

static void name_columns(NtTable *table) {
    for (size_t i = 0; i < nt_csv_count(table->csv); i++) {
        g_ptr_array_add(table->names, nt_table_name(nt_csv_cell(table->csv, i)));
    }
}

static bool read_header(NtTable *table, const char *given, GError **error) {
    NtCsvStep step = nt_csv_next(table->csv, 0, error);
    if (step == NT_CSV_END) {
        return nt_fail(error, NITERU_ERROR_INVALID, "%s: empty; an export begins with a line that names its columns",
                       given);
    }
    if (step != NT_CSV_RECORD) {
        if (step == NT_CSV_REFUSED) {
            g_prefix_error(error, "%s:%" G_GUINT64_FORMAT ": ", given, nt_csv_line(table->csv));
        }
        return false;
    }
    nt_csv_name_columns(table->csv);
    name_columns(table);
    return true;
}

bool nt_table_open(NtTable *table, const NtSource *source, const NtSourceOptions *options, GError **error) {
    table->names = g_ptr_array_new_with_free_func(g_free);
    NtLines *lines = nt_lines_open(source->location, source->given, options->encoding, source->limits.list_line, error);
    if (lines == NULL) {
        return false;
    }
    table->csv = nt_csv_new(lines, &source->limits);
    return read_header(table, source->given, error) && check_map(table, source, options, error);
}

void nt_table_clear(NtTable *table) {
    g_clear_pointer(&table->csv, nt_csv_free);
    g_clear_pointer(&table->names, g_ptr_array_unref);
}

int nt_table_find(const NtTable *table, const char *names) {
    int found = -1;
    while (found < 0 && *names != '\0') {
        size_t size = strcspn(names, "|");
        found = find_name(table, names, size);
        names += size + (names[size] == '|');
    }
    return found;
}

const char *nt_table_cell(const NtTable *table, int column) {
    return column >= 0 && (size_t)column < nt_csv_count(table->csv) ? nt_csv_cell(table->csv, (size_t)column) : "";
}

NtCsvStep nt_table_next(NtTable *table, NtSource *source, GError **error) {
    g_autoptr(GError) fault = NULL;
    NtCsvStep step = nt_csv_next(table->csv, table->names->len, &fault);
    if (step == NT_CSV_FAILED) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return step;
    }
    if (step == NT_CSV_END) {
        return step;
    }
    bool cut = step == NT_CSV_RECORD && nt_csv_unended(table->csv) && nt_csv_count(table->csv) < table->names->len;
    if (step == NT_CSV_RECORD && !cut) {
        return step;
    }
    nt_row_begin(source, source->given, nt_csv_line(table->csv));
    if (cut) {
        nt_row_fault(source, NULL, NITERU_ERROR_CORRUPT,
                     "the export ends in the middle of this row (%zu of %u cells, no line end): it is cut off; export "
                     "it again, or end the row with a line end",
                     nt_csv_count(table->csv), table->names->len);
    } else {
        nt_row_fault_error(source, NULL, g_steal_pointer(&fault));
    }
    return NT_CSV_REFUSED;
}

void nt_table_add_mapped(const NtTable *table, NtExport *export) {
    for (guint i = 0; i < export->map.entries->len; i++) {
        const NtMapEntry *entry = &g_array_index(export->map.entries, NtMapEntry, i);
        g_autofree char *name = nt_table_name(entry->column);
        nt_export_set(export, entry->field, nt_table_cell(table, find_name(table, name, strlen(name))));
    }
}

/* ---- which export it is ----------------------------------------------------------------------------------------- */

const NtSourceKind *nt_table_kind(const NtTable *table) {
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        bool all = true;
        for (size_t m = 0; m < G_N_ELEMENTS(formats[i].marks) && formats[i].marks[m] != NULL; m++) {
            all &= nt_table_find(table, formats[i].marks[m]) >= 0;
        }
        if (all) {
            return formats[i].kind;
        }
    }
    return NULL;
}

static const char *kind_words(const NtSourceKind *kind) {
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].kind == kind) {
            return formats[i].what;
        }
    }
    return kind->name;
}

const char *nt_export_of_header(NtCsv *csv, const char **out_format) {
    NtTable table = {.csv = csv, .names = g_ptr_array_new_with_free_func(g_free)};
    name_columns(&table);
    const NtSourceKind *kind = nt_table_kind(&table);
    g_ptr_array_unref(table.names);
    *out_format = kind != NULL ? kind->name : NULL;
    return kind != NULL ? kind_words(kind) : NULL;
}

bool nt_table_fail(const NtTable *table, const NtSource *source, const char *missing, GError **error) {
    g_autofree char *listed = nt_csv_listed(table->csv);
    const NtSourceKind *other = nt_export_is_xml(source->location) ? &nt_source_merchant : nt_table_kind(table);
    nt_fail(error, NITERU_ERROR_INVALID, "%s: is not %s: there is no column %s; the columns are: %s%s%s", source->given,
            kind_words(source->kind), missing, listed, other != NULL ? "; it looks like " : "",
            other != NULL ? kind_words(other) : "");
    if (other != NULL) {
        nt_fact(error, "option", "format");
        nt_fact(error, "value", other->name);
    }
    return false;
}

bool nt_export_is_xml(const char *path) {
    char head[128] = "";
    int fd = nt_file_open_at(AT_FDCWD, path, 0);
    ssize_t got = fd >= 0 ? read(fd, head, sizeof head) : 0;
    if (fd >= 0) {
        close(fd);
    }
    /* Marks of byte order, and the zeros of UTF-16, are passed over. */
    for (ssize_t i = 0; i < got; i++) {
        bool passed = strchr("\xef\xbb\xbf\xff\xfe \t\r\n", head[i]) != NULL; /* a zero too */
        if (!passed) {
            return head[i] == '<';
        }
    }
    return false;
}

const NtSourceKind *nt_export_recognise(const char *path, const NtSourceOptions *options, const NtLimits *limits) {
    for (size_t i = 0; options->map != NULL && options->map[i] != NULL; i++) {
        if (g_str_has_prefix(options->map[i], "id=") || g_str_has_prefix(options->map[i], "image")) {
            return NULL; /* its owner knows it as a list */
        }
    }
    if (nt_export_is_xml(path)) {
        return &nt_source_merchant;
    }
    NtLines *lines = nt_lines_open(path, path, options->encoding, limits->list_line, NULL);
    if (lines == NULL) {
        return NULL;
    }
    NtTable table = {.csv = nt_csv_new(lines, limits), .names = g_ptr_array_new_with_free_func(g_free)};
    const NtSourceKind *kind = read_header(&table, path, NULL) ? nt_table_kind(&table) : NULL;
    nt_table_clear(&table);
    return kind;
}
