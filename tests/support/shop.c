/* SPDX-License-Identifier: Apache-2.0 */
#include "shop.h"

#include <cairo.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

char *below(const Shop *shop, const char *name) { return g_build_filename(shop->folder, name, NULL); }

static void open_catalogue(Shop *shop) {
    g_autoptr(GError) error = NULL;
    g_autofree char *path = below(shop, "shop.niteru");
    shop->catalogue = niteru_open(path, &(NiteruOptions){.size = sizeof(NiteruOptions), .threads = 2}, &error);
    g_assert_no_error(error);
}

void shop_open(Shop *shop) {
    g_autoptr(GError) error = NULL;
    *shop = (Shop){.folder = g_dir_make_tmp("niteru-recommend-XXXXXX", &error),
                   .failures = g_ptr_array_new_with_free_func(g_free)};
    g_assert_no_error(error);
    open_catalogue(shop);
}

void shop_again(Shop *shop) {
    g_clear_pointer(&shop->catalogue, niteru_close);
    open_catalogue(shop);
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at) { return g_remove(path); }

void shop_drop(Shop *shop) {
    g_clear_pointer(&shop->catalogue, niteru_close);
    nftw(shop->folder, drop, 16, FTW_DEPTH | FTW_PHYS);
    g_free(shop->folder);
    g_ptr_array_unref(shop->failures);
}

static char *path_for(const Shop *shop, const char *name) {
    char *path = below(shop, name);
    g_autofree char *parent = g_path_get_dirname(path);
    g_assert_cmpint(g_mkdir_with_parents(parent, 0777), ==, 0);
    return path;
}

/* A shape on a ground: the number decides colours, shape and place. */
void draw_picture(const Shop *shop, const char *name, unsigned kind) {
    g_autofree char *path = path_for(shop, name);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 72, 60);
    cairo_t *cr = cairo_create(surface);
    double hue = kind * 0.7;
    cairo_set_source_rgb(cr, 0.5 + 0.4 * cos(hue), 0.5 + 0.4 * cos(hue + 2), 0.5 + 0.4 * cos(hue + 4));
    cairo_paint(cr);
    cairo_set_source_rgb(cr, 0.5 - 0.4 * cos(hue + 1), 0.5 - 0.4 * cos(hue + 3), 0.2);
    if (kind % 3 == 0) {
        cairo_arc(cr, 30 + kind % 7, 30, 12 + kind % 9, 0, 2 * G_PI);
    } else if (kind % 3 == 1) {
        cairo_rectangle(cr, 8 + kind % 11, 10, 30 + kind % 13, 36);
    } else {
        cairo_move_to(cr, 36, 6);
        cairo_line_to(cr, 10, 50 - kind % 8);
        cairo_line_to(cr, 64 - kind % 17, 52);
    }
    cairo_fill(cr);
    g_assert_cmpint(cairo_surface_write_to_png(surface, path), ==, CAIRO_STATUS_SUCCESS);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
}

GBytes *draw_bytes(const Shop *shop, unsigned kind) {
    char *bytes;
    gsize size;
    g_autofree char *path = below(shop, "drawn.png");
    draw_picture(shop, "drawn.png", kind);
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    drop_file(shop, "drawn.png");
    return g_bytes_new_take(bytes, size);
}

char *write_text(const Shop *shop, const char *name, const char *text) {
    g_autoptr(GError) error = NULL;
    char *path = path_for(shop, name);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    return path;
}

void drop_file(const Shop *shop, const char *name) {
    g_autofree char *path = below(shop, name);
    g_assert_cmpint(g_remove(path), ==, 0);
}

/* ---- indexing ---- */

typedef struct Forward {
    Shop *shop;
    const NiteruIndexOptions *options;
} Forward;

static void keep_failure(const NiteruFailure *failure, void *data) {
    Forward *forward = data;
    const char *option = niteru_error_fact(failure->error, "option"),
               *value = niteru_error_fact(failure->error, "value");
    g_assert_true(failure->error == NULL || strcmp(failure->error->message, failure->message) == 0);
    g_ptr_array_add(forward->shop->failures,
                    g_strdup_printf("%s|%s|%s|%s=%s", failure->place, failure->product != NULL ? failure->product : "",
                                    failure->message, option != NULL ? option : "", value != NULL ? value : ""));
    if (forward->options != NULL && forward->options->failure != NULL) {
        forward->options->failure(failure, forward->options->data);
    }
}

bool index_shop(Shop *shop, const char *source, const NiteruIndexOptions *options, GError **error) {
    Forward forward = {shop, options};
    NiteruIndexOptions own = options != NULL ? *options : (NiteruIndexOptions){.size = sizeof(NiteruIndexOptions)};
    own.failure = keep_failure;
    own.data = &forward;
    g_ptr_array_set_size(shop->failures, 0);
    g_autofree char *path = below(shop, source);
    shop->report = (NiteruIndexReport){.size = sizeof(NiteruIndexReport)};
    bool ok = niteru_index(shop->catalogue, path, &own, shop->stop, &shop->report, error);
    /* Every photo of a run that came to its end is in one of the counts. */
    g_assert_true(!ok || shop->report.photos <= shop->report.embedded + shop->report.reused + shop->report.failed);
    return ok;
}

bool has_failure(const Shop *shop, const char *text, const char *other) {
    for (guint i = 0; i < shop->failures->len; i++) {
        const char *failure = g_ptr_array_index(shop->failures, i);
        if (strstr(failure, text) != NULL && strstr(failure, other) != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- vectors ---- */

void write_vectors(const Shop *shop, const char *name, const char *const *ids, const float *rows, size_t count,
                   size_t dim) {
    g_autoptr(GError) error = NULL;
    g_autofree char *npy_name = g_strconcat(name, ".npy", NULL), *txt_name = g_strconcat(name, ".txt", NULL);
    g_autofree char *npy = path_for(shop, npy_name);
    g_autoptr(NtNpyWriter) writer = nt_npy_create(npy, NT_DTYPE_F32, dim, &error);
    g_assert_no_error(error);
    g_assert_true(nt_npy_write(writer, rows, count, &error) && nt_npy_finish(writer, &error));
    g_autoptr(GString) text = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(text, "%s\n", ids[i]);
    }
    g_free(write_text(shop, txt_name, text->str));
}

void import_vectors(Shop *shop, const char *name, const char *const *ids, const float *rows, size_t count, size_t dim) {
    g_autoptr(GError) error = NULL;
    g_autofree char *npy_name = g_strconcat(name, ".npy", NULL), *txt_name = g_strconcat(name, ".txt", NULL);
    write_vectors(shop, name, ids, rows, count, dim);
    g_autofree char *npy = below(shop, npy_name), *txt = below(shop, txt_name);
    uint64_t taken = 0;
    niteru_import(shop->catalogue, npy, txt, &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = name},
                  NULL, &taken, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(taken, ==, count);
}

/* ---- answers ---- */

char *ids_of(NiteruResults *results, GError *error) {
    if (results == NULL) {
        return g_strdup_printf("! %s", error != NULL ? error->message : "no error set");
    }
    g_autoptr(GString) out = g_string_new(NULL);
    for (size_t i = 0; i < niteru_results_count(results); i++) {
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", niteru_results_get(results, i)->product);
    }
    niteru_results_free(results);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

void expect_fact(const GError *error, const char *name, const char *value) {
    g_assert_nonnull(error);
    g_assert_cmpstr(niteru_error_fact(error, name), ==, value);
}

void expect_error(GError **error, NiteruError code, const char *text) {
    g_assert_error(*error, NITERU_ERROR, (int)code);
    if (strstr((*error)->message, text) == NULL) {
        g_test_message("'%s' is not in: %s", text, (*error)->message);
        g_test_fail();
    }
    g_clear_error(error);
}
