/* SPDX-License-Identifier: Apache-2.0 */
/* The product that the reader of an export puts together, row by row, until it is whole. */
#include "connect/export-internal.h"

#include <string.h>

typedef struct Photo {
    char *name;
    int position;
} Photo;

typedef struct Field {
    char *name;
    bool list;
    GPtrArray *texts; /* char *; of a text: none or one */
} Field;

/* Fields that the formats give themselves, and what the program knows of every product. */
static const char *const own[] = {"id",         "image",         "images",  "title",  "description", "category",
                                  "categories", "brand",         "price",   "stock",  "currency",    "available",
                                  "group",      "url",           "created", "public", "sku",         "skus",
                                  "tags",       "regular_price", "gtin",    "mpn",    "condition"};

static void clear_photo(void *at) { g_free(((Photo *)at)->name); }

static void free_field(void *at) {
    Field *field = at;
    g_free(field->name);
    g_ptr_array_unref(field->texts);
    g_free(field);
}

bool nt_export_open(NtExport *export, const NtSource *source, const NtSourceOptions *options, GError **error) {
    export->photos = g_array_new(false, false, sizeof(Photo));
    g_array_set_clear_func(export->photos, clear_photo);
    export->fields = g_ptr_array_new_with_free_func(free_field);
    export->lists = g_ptr_array_new_with_free_func((GDestroyNotify)nt_json_free);
    export->option_names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!nt_list_map_open(&export->map, source, options, error)) {
        return false;
    }
    for (guint i = 0; i < export->map.entries->len; i++) {
        const char *field = g_array_index(export->map.entries, NtMapEntry, i).field;
        if (g_str_equal(field, "id") || g_str_equal(field, "image") || g_str_equal(field, "images")) {
            nt_fail(error, NITERU_ERROR_INVALID,
                    "the format %s says itself where '%s' stands; map other fields, or read the list as csv",
                    source->kind->name, field);
            return nt_fact(error, "option", "map");
        }
    }
    return true;
}

void nt_export_clear(NtExport *export) {
    nt_list_map_clear(&export->map);
    g_clear_pointer(&export->id, g_free);
    g_clear_pointer(&export->photos, g_array_unref);
    g_clear_pointer(&export->fields, g_ptr_array_unref);
    g_clear_pointer(&export->lists, g_ptr_array_unref);
    g_clear_pointer(&export->option_names, g_hash_table_unref);
}

void nt_export_begin(NtExport *export, const char *id, uint64_t line) {
    g_free(export->id);
    export->id = g_strstrip(g_strdup(id));
    export->line = line;
    export->open = true;
    g_array_set_size(export->photos, 0);
    g_ptr_array_set_size(export->fields, 0);
}

static Field *find_field(NtExport *export, const char *name, bool list) {
    for (guint i = 0; i < export->fields->len; i++) {
        Field *field = g_ptr_array_index(export->fields, i);
        if (g_str_equal(field->name, name)) {
            return field;
        }
    }
    Field *field = g_new0(Field, 1);
    field->name = g_strdup(name);
    field->list = list;
    field->texts = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(export->fields, field);
    return field;
}

void nt_export_set(NtExport *export, const char *name, const char *text) {
    Field *field = find_field(export, name, false);
    g_ptr_array_set_size(field->texts, 0);
    g_ptr_array_add(field->texts, nt_plain_text(text != NULL ? text : "", NT_EXPORT_TEXT));
}

void nt_export_set_bool(NtExport *export, const char *field, bool value) {
    nt_export_set(export, field, value ? "true" : "false");
}

void nt_export_add(NtExport *export, const char *name, const char *text) {
    Field *field = find_field(export, name, true);
    g_autofree char *plain = nt_plain_text(text, NT_EXPORT_TEXT);
    bool known = plain[0] == '\0' || field->texts->len >= NT_EXPORT_LIST;
    for (guint i = 0; i < field->texts->len && !known; i++) {
        known = g_str_equal(g_ptr_array_index(field->texts, i), plain);
    }
    if (!known) {
        g_ptr_array_add(field->texts, g_steal_pointer(&plain));
    }
}

void nt_export_add_parts(NtExport *export, const char *field, const char *text) {
    g_auto(GStrv) parts = nt_export_parts(text);
    find_field(export, field, true); /* also where there is none: a list that is empty now */
    for (size_t i = 0; parts[i] != NULL; i++) {
        nt_export_add(export, field, parts[i]);
    }
}

void nt_export_set_price(NtExport *export, const NtOffers *offers) {
    nt_export_set(export, "price", offers->price);
    nt_export_set(export, "regular_price", NULL);
    const char *first = offers->before != NULL ? strpbrk(offers->before, "0123456789") : NULL;
    if (first != NULL) { /* the number alone: its currency is that of the price */
        const char *end = first + strlen(first);
        while (!g_ascii_isdigit(end[-1])) {
            end--;
        }
        g_autofree char *number = g_strndup(first, (gsize)(end - first));
        nt_export_set(export, "regular_price", number);
    }
}

void nt_export_set_stock(NtExport *export, const NtOffers *offers) {
    g_autofree char *stock = offers->stocked ? g_strdup_printf("%" G_GUINT64_FORMAT, offers->stock) : NULL;
    nt_export_set(export, "stock", stock);
}

void nt_export_set_available(NtExport *export, const NtOffers *offers) {
    nt_export_set(export, "available", !offers->asked ? NULL : offers->available ? "true" : "false");
}

void nt_export_add_option(NtExport *export, const char *name, const char *value) {
    g_autofree char *plain = nt_plain_text(name, 60), *field = g_utf8_strdown(plain, -1);
    bool blank = field[0] == '\0' || nt_text_blank(value, strlen(value));
    for (size_t i = 0; i < G_N_ELEMENTS(own) && !blank; i++) {
        if (g_str_equal(own[i], field)) {
            char *apart = g_strconcat(field, "_option", NULL);
            g_free(field);
            field = apart;
            break;
        }
    }
    if (blank) {
        return;
    }
    if (!g_hash_table_contains(export->option_names, field)) {
        if (g_hash_table_size(export->option_names) >= NT_EXPORT_OPTIONS) {
            return;
        }
        g_hash_table_add(export->option_names, g_strdup(field));
    }
    nt_export_add(export, field, value);
}

/* ---- photos ----------------------------------------------------------------------------------------------------- */

static bool has_photo(const NtExport *export, const char *name) {
    for (guint i = 0; i < export->photos->len; i++) {
        if (g_str_equal(g_array_index(export->photos, Photo, i).name, name)) {
            return true;
        }
    }
    return false;
}

size_t nt_export_photo_count(const NtExport *export) { return export->photos->len; }

const char *nt_export_photo_name(const NtExport *export, size_t i) {
    return g_array_index(export->photos, Photo, i).name;
}

void nt_export_add_photo(NtExport *export, const char *name, int position) {
    g_autofree char *bare = g_strstrip(g_strdup(name));
    if (bare[0] == '\0' || export->photos->len > NT_MOST_PHOTOS || has_photo(export, bare)) {
        return;
    }
    guint at = export->photos->len;
    while (at > 0 && g_array_index(export->photos, Photo, at - 1).position > position) {
        at--;
    }
    Photo photo = {.name = g_steal_pointer(&bare), .position = position};
    g_array_insert_val(export->photos, at, photo);
}

static bool begins_address(const char *text) {
    size_t size = 0;
    while (g_ascii_isalnum(text[size]) || (size > 0 && (text[size] == '+' || text[size] == '-' || text[size] == '.'))) {
        size++;
    }
    return size > 0 && strncmp(text + size, "://", 3) == 0;
}

/* Where a comma parts two names. In an address it may stand for itself: there it parts only before a blank, an
 * address, or at the end. */
static const char *find_comma(const char *text) {
    bool address = begins_address(text);
    for (const char *at = text; (at = strchr(at, ',')) != NULL; at++) {
        if (!address || at[1] == '\0' || g_ascii_isspace(at[1]) || begins_address(at + 1)) {
            return at;
        }
    }
    return NULL;
}

void nt_export_add_photos(NtExport *export, const char *names, int position) {
    if (export->map.separator != NULL) {
        g_auto(GStrv) parts = g_strsplit(names, export->map.separator, NT_MOST_PHOTOS + 1);
        for (size_t i = 0; parts[i] != NULL; i++) {
            nt_export_add_photo(export, parts[i], position);
        }
        return;
    }
    while (*names != '\0') {
        while (g_ascii_isspace(*names)) {
            names++;
        }
        const char *comma = find_comma(names);
        g_autofree char *name = comma != NULL ? g_strndup(names, (gsize)(comma - names)) : g_strdup(names);
        nt_export_add_photo(export, name, position);
        names = comma != NULL ? comma + 1 : "";
    }
}

/* ---- giving it out ---------------------------------------------------------------------------------------------- */

static void give_field(NtExport *export, NtSource *source, const Field *field) {
    NtListingValue value = {.field = field->name};
    if (!field->list) {
        value.text = g_ptr_array_index(field->texts, 0);
    } else if (field->texts->len == 0) {
        value.text = "";
    } else {
        NtJson *list = nt_json_array();
        for (guint i = 0; i < field->texts->len; i++) {
            nt_json_append(list, nt_json_string(g_ptr_array_index(field->texts, i)));
        }
        g_ptr_array_add(export->lists, list);
        value.json = list;
    }
    g_array_append_val(source->values, value);
}

NtSourceStep nt_export_give(NtExport *export, NtSource *source) {
    export->open = false;
    g_ptr_array_set_size(export->lists, 0);
    nt_row_begin(source, source->given, export->line);
    if (export->id[0] == '\0') {
        nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the product has no id");
        return NT_SOURCE_FAULT;
    }
    if (!nt_row_set_id(source, export->id)) {
        return NT_SOURCE_FAULT;
    }
    for (guint i = 0; i < export->photos->len; i++) {
        nt_list_add_photo(source, &export->map, g_array_index(export->photos, Photo, i).name);
    }
    for (guint i = 0; i < export->fields->len; i++) {
        give_field(export, source, g_ptr_array_index(export->fields, i));
    }
    bool refused = source->photos->len == 0 && export->photos->len > 0 && export->map.find_photo == NULL;
    if (g_hash_table_size(export->option_names) >= NT_EXPORT_OPTIONS && !export->told_options) {
        export->told_options = true;
        nt_row_fault(source, NULL, NITERU_ERROR_LIMIT,
                     "products have more than %d different options so far; those that follow are left out",
                     NT_EXPORT_OPTIONS);
    }
    return refused ? NT_SOURCE_FAULT : NT_SOURCE_PRODUCT;
}
