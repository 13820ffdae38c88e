/* SPDX-License-Identifier: Apache-2.0 */
/* CSV lists: the header names the columns, each further record is a product. */
#include "connect/export-internal.h"

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

/* A second column of a name keeps its values under "name_2", so that nothing is lost and nothing chosen. */
static void rename_column(Column *column, GHashTable *seen, size_t i) {
    for (unsigned number = 2;; number++) {
        g_autofree char *name = g_strdup_printf("%s_%u", column->field, number), *key = g_ascii_strdown(name, -1);
        if (!g_hash_table_contains(seen, key)) {
            g_hash_table_insert(seen, g_steal_pointer(&key), GUINT_TO_POINTER(i + 1));
            g_free(column->field);
            column->field = g_steal_pointer(&name);
            return;
        }
    }
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
    if (!g_hash_table_lookup_extended(seen, key, NULL, &before)) {
        g_hash_table_insert(seen, g_steal_pointer(&key), GUINT_TO_POINTER(i + 1));
        return true;
    }
    if (column.role == ROLE_VALUE) {
        rename_column(&g_array_index(list->columns, Column, i), seen, i);
        return true;
    }
    g_autofree char *safe = nt_text_printable(name, 60);
    return nt_fail(error, NITERU_ERROR_INVALID,
                   "%s:%" G_GUINT64_FORMAT
                   ": columns %u and %zu are both '%s', and a product has one id; rename one of "
                   "them in the list",
                   source->given, nt_csv_line(list->csv), GPOINTER_TO_UINT(before), i + 1, safe);
}

static bool has_role(const CsvList *list, Role role) {
    for (guint i = 0; i < list->columns->len; i++) {
        if (g_array_index(list->columns, Column, i).role == role) {
            return true;
        }
    }
    return false;
}

/* Every column that the map names must be there. */
static bool check_map(const NtSource *source, const CsvList *list, GError **error) {
    for (guint i = 0; i < list->map.entries->len; i++) {
        const NtMapEntry *entry = &g_array_index(list->map.entries, NtMapEntry, i);
        bool found = false;
        for (size_t c = 0; c < nt_csv_count(list->csv) && !found; c++) {
            g_autofree char *name = g_strstrip(g_strdup(nt_csv_cell(list->csv, c)));
            found = g_str_equal(name, entry->column);
        }
        if (!found) {
            g_autofree char *listed = nt_csv_listed(list->csv);
            nt_fail(error, NITERU_ERROR_INVALID,
                    "%s: no column '%s', which the map names for '%s'; the columns are: %s", source->given,
                    entry->column, entry->field, listed);
            return nt_fact(error, "option", "map");
        }
    }
    return true;
}

/* Whether a column's name holds a word, in any case. */
static bool names(const Column *column, const char *word) {
    g_autofree char *folded = g_utf8_casefold(column->name, -1);
    return strstr(folded, word) != NULL;
}

/* Columns whose names say photos, not what is said about photos: "image=Front Image,image=Back Image"; NULL: none. */
static char *likely_images(const CsvList *list) {
    static const char *const words[] = {"image", "photo", "picture", "img", "bild", "foto", "画像", "写真"};
    static const char *const about[] = {"alt", "position", "thumbnail", "text", "sort", "title", "variant", "count"};
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0, found = 0; i < list->columns->len && found < 3; i++) {
        const Column *column = &g_array_index(list->columns, Column, i);
        bool likely = false;
        for (size_t w = 0; w < G_N_ELEMENTS(words); w++) {
            likely |= names(column, words[w]);
        }
        for (size_t w = 0; w < G_N_ELEMENTS(about); w++) {
            likely &= !names(column, about[w]);
        }
        if (likely) {
            g_autofree char *safe = nt_text_printable(column->name, 60);
            g_string_append_printf(out, "%simage=%s", found++ > 0 ? "," : "", safe);
        }
    }
    return out->len > 0 ? g_string_free(g_steal_pointer(&out), FALSE) : NULL;
}

/* The column whose name says id, the likeliest word first: "id=SKU"; NULL: none. */
static char *likely_id(const CsvList *list) {
    static const char *const words[] = {"handle",  "product id", "product_id",   "productid",  "item id",
                                        "item_id", "sku",        "product code", "asin",       "artikelnummer",
                                        "article", "商品番号",   "品番",         "商品コード", "code"};
    for (size_t w = 0; w < G_N_ELEMENTS(words); w++) {
        for (guint i = 0; i < list->columns->len; i++) {
            const Column *column = &g_array_index(list->columns, Column, i);
            if (names(column, words[w]) && column->role != ROLE_IMAGE) {
                g_autofree char *safe = nt_text_printable(column->name, 60);
                return g_strdup_printf("id=%s", safe);
            }
        }
    }
    return NULL;
}

static bool fail_missing(const NtSource *source, const CsvList *list, bool id, bool image, GError **error) {
    g_autofree char *listed = nt_csv_listed(list->csv);
    g_autofree char *ids = id ? NULL : likely_id(list), *images = image ? NULL : likely_images(list);
    const char *field = id ? "image" : "id";
    g_autofree char *likely =
        g_strconcat(ids != NULL ? ids : "", ids != NULL && images != NULL ? "," : "", images, NULL);
    bool any = likely[0] != '\0';
    const char *format = NULL, *export = nt_export_of_header(list->csv, &format);
    if (export != NULL) {
        nt_fail(error, NITERU_ERROR_INVALID,
                "%s: no column '%s'; the columns are: %s; it looks like %s, which the format %s reads", source->given,
                field, listed, export, format);
        nt_fact(error, "option", "format");
        return nt_fact(error, "value", format);
    }
    nt_fail(error, NITERU_ERROR_INVALID, "%s: no column '%s'; the columns are: %s; map the one that holds it%s%s",
            source->given, field, listed, any ? ", perhaps: " : "", likely);
    nt_fact(error, "option", "map");
    return nt_fact(error, "value", any ? likely : NULL);
}

/* Shopify writes a row for each variant and each further photo of a product. */
static void note_shopify(NtSource *source, const CsvList *list) {
    bool handle = false, image = false;
    for (guint i = 0; i < list->columns->len; i++) {
        const char *name = g_array_index(list->columns, Column, i).name;
        handle |= g_str_equal(name, "Handle");
        image |= g_str_equal(name, "Image Src");
    }
    if (handle && image) {
        source->repeat_hint = "in Shopify's export the further rows of a Handle are its variants and further photos, "
                              "which the format csv does not read and the format shopify does; or put the photos into "
                              "one cell of 'Image Src', parted by '|'";
    }
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
    note_shopify(source, list);
    return (id && (image || list->map.find_photo != NULL)) || fail_missing(source, list, id, image, error);
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
        nt_row_fault_error(source, NULL, g_steal_pointer(&fault));
        return NT_SOURCE_FAULT;
    }
    if (nt_csv_unended(list->csv) && nt_csv_count(list->csv) < list->columns->len) {
        nt_row_fault(source, NULL, NITERU_ERROR_CORRUPT,
                     "the list ends in the middle of this row (%zu of %u cells, no line end): it is cut off; save it "
                     "again, or end the row with a line end",
                     nt_csv_count(list->csv), list->columns->len);
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
    return nt_list_finish(source, &list->map) ? NT_SOURCE_PRODUCT : NT_SOURCE_FAULT;
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
