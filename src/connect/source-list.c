/* SPDX-License-Identifier: Apache-2.0 */
/* What CSV and JSONL lists share: the map of columns, the names of photos, and when a row is a product. */
#include "connect/source-internal.h"

#include <string.h>
#include <unistd.h>

static void clear_entry(void *at) {
    NtMapEntry *entry = at;
    g_free(entry->field);
    g_free(entry->column);
}

/* What image_separator means: spaces around it do not count, "\n" is a line end; NULL: none was given. */
static char *read_separator(const char *given) {
    if (given == NULL) {
        return NULL;
    }
    g_autofree char *bare = g_strstrip(g_strdup(given));
    return g_strdup(g_str_equal(bare, "\\n") ? "\n" : bare[0] != '\0' ? bare : given);
}

/* The folder paths begin in. */
static char *find_base(const NtSource *source, const NtSourceOptions *options, GError **error) {
    if (options->photos == NULL) {
        return g_path_get_dirname(source->location);
    }
    if (!g_file_test(options->photos, G_FILE_TEST_IS_DIR)) {
        nt_fail(error, NITERU_ERROR_NOT_FOUND, "%s: there is no such folder to find photos in", options->photos);
        nt_fact(error, "option", "photos");
        return NULL;
    }
    return g_canonicalize_filename(options->photos, NULL);
}

bool nt_list_map_open(NtListMap *map, const NtSource *source, const NtSourceOptions *options, GError **error) {
    map->entries = g_array_new(false, false, sizeof(NtMapEntry));
    g_array_set_clear_func(map->entries, clear_entry);
    map->find_photo = options->find_photo;
    map->find_data = options->find_data;
    map->base = find_base(source, options, error);
    if (map->base == NULL) {
        return false;
    }
    map->separator = read_separator(options->separator);
    if (map->separator != NULL && map->separator[0] == '\0') {
        nt_fail(error, NITERU_ERROR_INVALID,
                "the separator of photos is empty: nothing parts nothing; take ',' or ';'");
        return nt_fact(error, "option", "image_separator");
    }
    for (size_t i = 0; options->map != NULL && options->map[i] != NULL; i++) {
        const char *setting = options->map[i], *equals = strchr(setting, '=');
        NtMapEntry entry = {0};
        if (equals != NULL) {
            entry.field = g_strstrip(g_strndup(setting, (gsize)(equals - setting)));
            entry.column = g_strstrip(g_strdup(equals + 1));
        }
        if (equals == NULL || entry.field[0] == '\0' || entry.column[0] == '\0') {
            clear_entry(&entry);
            nt_fail(error, NITERU_ERROR_INVALID, "'%s' maps no column; write field=Column Name", setting);
            return nt_fact(error, "option", "map");
        }
        g_array_append_val(map->entries, entry);
    }
    return true;
}

void nt_list_map_clear(NtListMap *map) {
    g_clear_pointer(&map->entries, g_array_unref);
    g_clear_pointer(&map->base, g_free);
    g_clear_pointer(&map->separator, g_free);
}

/* "id", "image", "images" in any case are themselves. */
static const char *plain_name(const char *name) {
    static const char *const known[] = {"id", "image", "images"};
    for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
        if (g_ascii_strcasecmp(name, known[i]) == 0) {
            return known[i];
        }
    }
    return name;
}

const char *nt_list_field(const NtListMap *map, const char *column) {
    for (guint i = 0; i < map->entries->len; i++) {
        const NtMapEntry *entry = &g_array_index(map->entries, NtMapEntry, i);
        if (g_str_equal(entry->column, column)) {
            return plain_name(entry->field);
        }
    }
    const char *name = plain_name(column);
    for (guint i = 0; i < map->entries->len; i++) {
        const char *field = plain_name(g_array_index(map->entries, NtMapEntry, i).field);
        if (g_str_equal(field, name)) {
            return NULL; /* another column gives this field */
        }
    }
    return name[0] != '\0' ? name : NULL;
}

/* The scheme of an address: "https" of "https://...", "data" of "data:..."; NULL for a path. */
static char *scheme_of(const char *text) {
    size_t size = 0;
    while (g_ascii_isalnum(text[size]) || (size > 0 && strchr("+-.", text[size]) != NULL && text[size] != '\0')) {
        size++;
    }
    bool address = size > 1 && g_ascii_isalpha(text[0]) && strncmp(text + size, "://", 3) == 0;
    bool data = g_ascii_strncasecmp(text, "data:", 5) == 0;
    return address || data ? g_ascii_strdown(text, (gssize)size) : NULL;
}

/* The absolute path a name means, or the web address that it is; NULL with a fault queued. */
static char *path_of(NtSource *source, const NtListMap *map, const char *name) {
    g_autofree char *scheme = scheme_of(name), *safe = nt_text_printable(name, 200);
    bool web = g_strcmp0(scheme, "http") == 0 || g_strcmp0(scheme, "https") == 0;
    if (map->find_photo != NULL) {
        GError *fault = NULL;
        char *path = map->find_photo(name, map->find_data, &fault);
        if (path == NULL && web && g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_error_free(fault);
            return g_strdup(name);
        }
        if (path == NULL) {
            nt_row_fault_error(source, name, fault);
        }
        return path;
    }
    if (web) {
        return g_strdup(name);
    }
    if (scheme == NULL) {
        return g_canonicalize_filename(name, map->base);
    }
    if (g_str_equal(scheme, "file")) {
        g_autofree char *host = NULL, *path = g_filename_from_uri(name, &host, NULL);
        bool local = host == NULL || g_ascii_strcasecmp(host, "localhost") == 0;
        if (path != NULL && local && g_utf8_validate(path, -1, NULL)) {
            return g_steal_pointer(&path);
        }
        nt_row_fault(source, name, NITERU_ERROR_INVALID, "'%s' names no file on this machine", safe);
    } else {
        nt_row_fault(source, name, NITERU_ERROR_UNSUPPORTED, "'%s': photos cannot be read from %s: addresses", safe,
                     scheme);
    }
    return NULL;
}

void nt_list_add_photo(NtSource *source, const NtListMap *map, const char *text) {
    g_autofree char *name = g_strstrip(g_strdup(text));
    if (name[0] == '\0') {
        return;
    }
    if (source->photos->len >= NT_MOST_PHOTOS) {
        nt_row_fault(source, name, NITERU_ERROR_LIMIT, "a product may have %d photos; '%s' was left out",
                     NT_MOST_PHOTOS, name);
        return;
    }
    g_autofree char *path = path_of(source, map, name);
    for (guint i = 0; path != NULL && i < source->photos->len; i++) {
        if (g_str_equal(g_ptr_array_index(source->photos, i), path)) {
            return; /* named twice */
        }
    }
    if (path != NULL) {
        g_ptr_array_add(source->photos, g_steal_pointer(&path));
    }
}

/* Whether a text is several names of photos parted by `mark`. */
static bool is_several(const char *text, const char *mark) {
    g_auto(GStrv) parts = g_strsplit(text, mark, -1);
    size_t named = 0;
    for (size_t i = 0; parts[i] != NULL; i++) {
        const char *part = g_strstrip(parts[i]);
        if (part[0] != '\0' && !nt_is_photo_name(part)) {
            return false;
        }
        named += part[0] != '\0';
    }
    return named >= 2;
}

/* A cell that is no file and reads as several names: the way out is told. Queues the fault. */
static bool asks_for_separator(NtSource *source, const NtListMap *map, const char *text) {
    static const char *const marks[] = {",", ";", "\n", " "}, *const shown[] = {",", ";", "\\n", " "};
    g_autofree char *scheme = scheme_of(text), *path = g_canonicalize_filename(text, map->base);
    for (size_t i = 0; scheme == NULL && i < G_N_ELEMENTS(marks); i++) {
        if (!is_several(text, marks[i])) {
            continue;
        }
        if (access(path, F_OK) == 0) {
            return false;
        }
        g_autofree char *safe = nt_text_printable(text, 120);
        g_autofree char *column = source->column != NULL ? nt_text_printable(source->column, 60) : g_strdup("image");
        GError *fault = NULL;
        nt_fail(&fault, NITERU_ERROR_INVALID,
                "column '%s' seems to hold several photos parted by '%s': '%s' is no file; name that separator", column,
                shown[i], safe);
        nt_fact(&fault, "option", "image_separator");
        nt_fact(&fault, "value", shown[i]);
        nt_row_fault_error(source, text, fault);
        return true;
    }
    return false;
}

void nt_list_add_photos(NtSource *source, const NtListMap *map, const char *text) {
    while (g_ascii_isspace(*text)) {
        text++;
    }
    g_autoptr(NtJson) array = *text == '[' ? nt_json_parse(text, strlen(text), "images", &source->limits, NULL) : NULL;
    if (array != NULL && nt_json_type(array) == NT_JSON_ARRAY) {
        for (size_t i = 0; i < nt_json_count(array) && i <= NT_MOST_PHOTOS; i++) {
            nt_list_add_photo(source, map, nt_json_text(nt_json_at(array, i), ""));
        }
        return;
    }
    if (map->find_photo == NULL && map->separator == NULL && strchr(text, '|') == NULL &&
        asks_for_separator(source, map, text)) {
        return;
    }
    g_auto(GStrv) parts = g_strsplit(text, map->separator != NULL ? map->separator : "|", NT_MOST_PHOTOS + 1);
    for (size_t i = 0; parts[i] != NULL; i++) {
        nt_list_add_photo(source, map, parts[i]);
    }
}

bool nt_list_finish(NtSource *source, const NtListMap *map) {
    if (source->id->len == 0) {
        return nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the row has no id");
    }
    if (source->photos->len > 0 || map->find_photo != NULL) {
        return true;
    }
    /* Where each of its images was refused, that has been said. */
    return g_queue_is_empty(&source->faults) ? nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the row has no image")
                                             : false;
}
