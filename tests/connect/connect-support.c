/* SPDX-License-Identifier: Apache-2.0 */
#include "connect-support.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>

char *make_folder(void) {
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("niteru-connect-XXXXXX", &error);
    g_assert_no_error(error);
    return folder;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return g_remove(path); }

void drop_folder(char *folder) {
    nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    g_free(folder);
}

char *put_file(const char *folder, const char *name, const char *bytes, gssize size) {
    char *path = g_build_filename(folder, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(g_mkdir_with_parents(parent, 0777), ==, 0);
    g_file_set_contents(path, bytes, size, &error);
    g_assert_no_error(error);
    return path;
}

/* Takes "FOLDER/" out of a text, so that what is expected can be written down. */
static char *without_folder(const char *text, const char *folder) {
    g_autofree char *prefix = g_strconcat(folder, "/", NULL);
    g_auto(GStrv) parts = g_strsplit(text, prefix, -1);
    return g_strjoinv("", parts);
}

static void write_product(GString *out, const NtListing *listing) {
    g_string_append_printf(out, "%" G_GUINT64_FORMAT " %s [", listing->line, listing->id);
    for (size_t i = 0; i < listing->photo_count; i++) {
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", listing->photos[i]);
    }
    g_string_append_c(out, ']');
    for (size_t i = 0; i < listing->value_count; i++) {
        const NtListingValue *value = &listing->values[i];
        g_autofree char *json = value->json != NULL ? nt_json_print(value->json, false) : NULL;
        g_string_append_printf(out, " %s=%s", value->field, json != NULL ? json : value->text);
    }
    g_string_append_c(out, '\n');
}

/* " {encoding=cp1252}": the option an error names, and what it may be set to. */
static char *facts_of(const GError *error) {
    const char *option = niteru_error_fact(error, "option"), *value = niteru_error_fact(error, "value");
    return option == NULL ? g_strdup("")
                          : g_strconcat(" {", option, value != NULL ? "=" : "", value != NULL ? value : "", "}", NULL);
}

char *read_all(const char *folder, const char *location, const NtSourceOptions *options) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(NtSource) source = nt_source_open(location, options, &error);
    if (source == NULL) {
        g_assert_nonnull(error);
        g_autofree char *facts = facts_of(error);
        g_string_append_printf(out, "REFUSED %s%s\n", error->message, facts);
        return without_folder(out->str, folder);
    }
    for (;;) {
        NtListing listing = {0};
        g_autoptr(GError) fault = NULL;
        NtSourceStep step = nt_source_next(source, &listing, &fault);
        g_autofree char *facts = facts_of(fault);
        if (step == NT_SOURCE_PRODUCT) {
            g_assert_no_error(fault);
            g_assert_null(nt_source_fault(source));
            write_product(out, &listing);
        } else if (step == NT_SOURCE_FAULT) {
            g_assert_nonnull(fault);
            g_assert_nonnull(nt_source_fault(source));
            g_string_append_printf(out, "! %" G_GUINT64_FORMAT " %s%s\n", nt_source_fault(source)->line, fault->message,
                                   facts);
        } else if (step == NT_SOURCE_FAILED) {
            g_string_append_printf(out, "FAILED %s\n", fault->message);
            break;
        } else {
            g_assert_no_error(fault);
            g_assert_cmpint(nt_source_next(source, &listing, NULL), ==, NT_SOURCE_END);
            break;
        }
    }
    return without_folder(out->str, folder);
}

char *read_list(const char *name, const char *bytes, gssize size, const NtSourceOptions *options) {
    char *folder = make_folder();
    g_autofree char *path = put_file(folder, name, bytes, size);
    char *out = read_all(folder, path, options);
    drop_folder(folder);
    return out;
}
