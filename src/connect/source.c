/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds of sources, and what they have in common: telling the kind, the row, the queue of faults. */
#include "connect/export-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const NtSourceKind *const kinds[] = {&nt_source_folder,  &nt_source_csv,         &nt_source_jsonl,
                                            &nt_source_shopify, &nt_source_woocommerce, &nt_source_merchant};

/* ---- which kind ------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *path, const char *const *endings) {
    g_autofree char *lower = g_ascii_strdown(path, -1);
    for (size_t i = 0; endings[i] != NULL; i++) {
        if (g_str_has_suffix(lower, endings[i])) {
            return true;
        }
    }
    return false;
}

/* CSV or JSONL: by the name's ending, else by whether the first line begins as a JSON object does. */
static const NtSourceKind *kind_of_file(const char *path) {
    static const char *const csv[] = {".csv", ".tsv", ".txt", ".xml", NULL}, *const jsonl[] = {".jsonl", ".ndjson",
                                                                                               ".json", NULL};
    if (ends_with(path, csv)) {
        return &nt_source_csv;
    }
    if (ends_with(path, jsonl)) {
        return &nt_source_jsonl;
    }
    char head[64] = "";
    int fd = nt_file_open_at(AT_FDCWD, path, 0);
    ssize_t got = fd >= 0 ? read(fd, head, sizeof head - 1) : 0;
    if (fd >= 0) {
        close(fd);
    }
    const char *at = head + (got >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    while (g_ascii_isspace(*at)) {
        at++;
    }
    return *at == '{' ? &nt_source_jsonl : &nt_source_csv;
}

/* The same, and whose export a CSV list unmistakably is. */
static const NtSourceKind *kind_of_list(const char *path, const NtSourceOptions *options) {
    const NtSourceKind *kind = kind_of_file(path);
    NtLimits limits = options->limits != NULL ? *options->limits : nt_limits_default();
    const NtSourceKind *export = kind == &nt_source_csv ? nt_export_recognise(path, options, &limits) : NULL;
    return export != NULL ? export : kind;
}

/* "folder, csv and jsonl". */
static char *listed_kinds(void) {
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *between = i == 0 ? "" : i + 1 < G_N_ELEMENTS(kinds) ? ", " : " and ";
        g_string_append_printf(out, "%s%s", between, kinds[i]->name);
    }
    return g_string_free(out, FALSE);
}

static const NtSourceKind *kind_of(const char *given, const NtSourceOptions *options, GError **error) {
    const char *format = options->format;
    struct stat st;
    const char *scheme = strstr(given, "://");
    if (scheme != NULL && scheme > given) {
        nt_fail(error, NITERU_ERROR_UNSUPPORTED,
                "%s: web addresses are not fetched; give a folder or a list on this machine", given);
        return NULL;
    }
    if (stat(given, &st) != 0) {
        nt_fail_errno(error, errno, "%s", given);
        return NULL;
    }
    const NtSourceKind *kind = NULL;
    for (size_t i = 0; format != NULL && i < G_N_ELEMENTS(kinds); i++) {
        kind = g_str_equal(kinds[i]->name, format) ? kinds[i] : kind;
    }
    if (format != NULL && kind == NULL) {
        g_autofree char *names = listed_kinds();
        nt_fail(error, NITERU_ERROR_INVALID, "there is no format '%s'; the formats are %s", format, names);
        nt_fact(error, "option", "format");
        return NULL;
    }
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: neither a folder nor a file", given);
        return NULL;
    }
    if (kind != NULL && (kind == &nt_source_folder) != S_ISDIR(st.st_mode)) {
        nt_fail(error, NITERU_ERROR_INVALID, "%s: is %s, not %s", given, S_ISDIR(st.st_mode) ? "a folder" : "a file",
                kind == &nt_source_folder ? "a folder" : "a list");
        return NULL;
    }
    if (kind == NULL) {
        kind = S_ISDIR(st.st_mode) ? &nt_source_folder : kind_of_list(given, options);
    }
    return kind;
}

/* ---- the row and its faults ------------------------------------------------------------------------------------- */

static void free_fault(void *at) {
    NtQueuedFault *fault = at;
    if (fault != NULL) {
        g_clear_error(&fault->error);
        g_free(fault->place);
        g_free(fault->product);
        g_free(fault->photo);
        g_free(fault);
    }
}

void nt_row_begin(NtSource *source, const char *path, uint64_t line) {
    g_string_truncate(source->id, 0);
    g_string_truncate(source->place, 0);
    g_ptr_array_set_size(source->photos, 0);
    g_array_set_size(source->values, 0);
    source->line = line;
    g_autofree char *safe = nt_text_printable(path, 1000);
    g_string_append(source->place, safe);
    if (line > 0) {
        g_string_append_printf(source->place, ":%" G_GUINT64_FORMAT, line);
    }
}

void nt_keep_name(GPtrArray *names, char *name, guint most) {
    if (names->len > most) { /* the NULL counts too */
        g_free(name);
    } else {
        g_ptr_array_insert(names, (gint)names->len - 1, name);
    }
}

bool nt_row_fault(NtSource *source, const char *photo, NiteruError code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    GError *error = NULL;
    nt_fail(&error, code, "%s", text);
    return nt_row_fault_error(source, photo, error);
}

bool nt_row_fault_error(NtSource *source, const char *photo, GError *error) {
    NtQueuedFault *fault = g_new0(NtQueuedFault, 1);
    g_propagate_prefixed_error(&fault->error, error, "%s: ", source->place->str);
    fault->place = g_strdup(source->place->str);
    fault->product = source->id->len > 0 ? g_strdup(source->id->str) : NULL;
    fault->photo = photo != NULL ? nt_text_printable(photo, 1000) : NULL;
    fault->line = source->line;
    fault->out =
        (NtSourceFault){.place = fault->place, .product = fault->product, .photo = fault->photo, .line = fault->line};
    g_queue_push_tail(&source->faults, fault);
    return false;
}

bool nt_row_set_id(NtSource *source, const char *id) {
    size_t size = strlen(id);
    if (size > NT_LONGEST_ID) {
        g_autofree char *safe = nt_text_printable(id, 60);
        return nt_row_fault(source, NULL, NITERU_ERROR_LIMIT, "the id '%s' has %zu bytes; %d are allowed", safe, size,
                            NT_LONGEST_ID);
    }
    for (const char *p = id; *p != '\0'; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p))) { /* C1 too: a terminal obeys U+009B */
            g_autofree char *safe = nt_text_printable(id, 60);
            return nt_row_fault(source, NULL, NITERU_ERROR_INVALID, "the id '%s' holds a control character", safe);
        }
    }
    g_string_assign(source->id, id);
    return true;
}

/* ---- the face --------------------------------------------------------------------------------------------------- */

NtSource *nt_source_open(const char *location, const NtSourceOptions *options, GError **error) {
    NtSourceOptions given = options != NULL ? *options : (NtSourceOptions){0};
    const NtSourceKind *kind = kind_of(location, &given, error);
    if (kind == NULL) {
        return NULL;
    }
    g_autoptr(NtSource) source = g_new0(NtSource, 1);
    source->kind = kind;
    source->given = g_strdup(location);
    source->location = g_canonicalize_filename(location, NULL);
    source->limits = given.limits != NULL ? *given.limits : nt_limits_default();
    g_queue_init(&source->faults);
    source->id = g_string_new(NULL);
    source->place = g_string_new(NULL);
    source->photos = g_ptr_array_new_with_free_func(g_free);
    source->values = g_array_new(false, false, sizeof(NtListingValue));
    source->skipped_names = g_ptr_array_new_with_free_func(g_free);
    source->empty_folders = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(source->skipped_names, NULL);
    g_ptr_array_add(source->empty_folders, NULL);
    return kind->open(source, &given, error) ? g_steal_pointer(&source) : NULL;
}

void nt_source_close(NtSource *source) {
    if (source == NULL) {
        return;
    }
    source->kind->close(source);
    g_queue_clear_full(&source->faults, free_fault);
    free_fault(source->current);
    g_clear_error(&source->broken);
    g_string_free(source->id, TRUE);
    g_string_free(source->place, TRUE);
    g_ptr_array_unref(source->photos);
    g_array_unref(source->values);
    g_ptr_array_unref(source->skipped_names);
    g_ptr_array_unref(source->empty_folders);
    g_free(source->given);
    g_free(source->location);
    g_free(source);
}

static void give_row(NtSource *source, NtListing *out) {
    source->row_ready = false;
    *out = (NtListing){.id = source->id->str,
                       .photos = (const char *const *)source->photos->pdata,
                       .photo_count = source->photos->len,
                       .values = (const NtListingValue *)(const void *)source->values->data,
                       .value_count = source->values->len,
                       .line = source->line,
                       .place = source->place->str};
}

NtSourceStep nt_source_next(NtSource *source, NtListing *out_listing, GError **error) {
    g_clear_pointer(&source->current, free_fault);
    for (;;) {
        if ((source->current = g_queue_pop_head(&source->faults)) != NULL) {
            g_propagate_error(error, g_steal_pointer(&source->current->error));
            return NT_SOURCE_FAULT;
        }
        if (source->row_ready) {
            give_row(source, out_listing);
            return NT_SOURCE_PRODUCT;
        }
        if (source->broken != NULL) {
            g_propagate_error(error, g_error_copy(source->broken));
            return NT_SOURCE_FAILED;
        }
        if (source->ended) {
            return NT_SOURCE_END;
        }
        NtSourceStep step = source->kind->next(source, &source->broken);
        source->row_ready = step == NT_SOURCE_PRODUCT;
        source->ended = step == NT_SOURCE_END;
    }
}

const NtSourceFault *nt_source_fault(const NtSource *source) {
    return source->current != NULL ? &source->current->out : NULL;
}

const char *nt_source_kind(const NtSource *source) { return source->kind->name; }
const char *nt_source_location(const NtSource *source) { return source->location; }
uint64_t nt_source_skipped(const NtSource *source) { return source->skipped; }
uint64_t nt_source_hidden(const NtSource *source) { return source->hidden; }

const char *const *nt_source_skipped_names(const NtSource *source) {
    return (const char *const *)source->skipped_names->pdata;
}

const char *const *nt_source_empty_folders(const NtSource *source) {
    return (const char *const *)source->empty_folders->pdata;
}

const char *nt_source_repeat_hint(const NtSource *source) {
    return source->repeat_hint != NULL ? source->repeat_hint
                                       : "several photos of a product stand in one cell, parted by '|'";
}

double nt_source_share(const NtSource *source) {
    return source->kind->share != NULL ? source->kind->share(source) : -1;
}
