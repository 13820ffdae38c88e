/* SPDX-License-Identifier: Apache-2.0 */
/*
 * niteru-demo-catalogue: draws a small shop to try niteru on, without anyone's photos. Writes OUT_DIR/catalog.csv and
 * OUT_DIR/images/<id>.jpg. The same arguments give the same files; a design's pictures do not depend on --count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "design.h"
#include "jpeg.h"

enum { MOST = 100000, QUALITY = 88 };

/* A CSV field (RFC 4180): quoted where it must be. */
static void append_field(GString *csv, const char *text) {
    if (strpbrk(text, ",\"\n\r") == NULL) {
        g_string_append(csv, text);
        return;
    }
    g_string_append_c(csv, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            g_string_append_c(csv, '"');
        }
        g_string_append_c(csv, *c);
    }
    g_string_append_c(csv, '"');
}

static void append_row(GString *csv, const Product *product, const char *id, const char *image) {
    const Design *design = product->design;
    g_autofree char *title = product_title(product);
    double amount = product_price(product);
    g_autofree char *price = g_strdup_printf("$%d.%02d", (int)amount, (int)((amount - (int)amount) * 100 + 0.5));
    g_autofree char *group = g_strdup_printf("%s-%03u", design->kind->name, design->number);
    const char *fields[] = {id,
                            image,
                            title,
                            design->kind->category,
                            product_brand(product),
                            price,
                            product->swatch->name,
                            pattern_names[design->pattern],
                            group};
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        append_field(csv, fields[i]);
        g_string_append_c(csv, i + 1 < G_N_ELEMENTS(fields) ? ',' : '\n');
    }
}

static bool write_product(const char *folder, const Product *product, GString *csv, GError **error) {
    g_autofree char *id = product_id(product);
    g_autofree char *image = g_strdup_printf("images/%s.jpg", id);
    g_autofree char *path = g_build_filename(folder, image, NULL);
    Canvas *canvas = product_photo(product);
    if (canvas == NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "%s: out of memory", path);
        return false;
    }
    bool ok = jpeg_write(canvas->surface, path, QUALITY, error);
    canvas_free(canvas);
    append_row(csv, product, id, image);
    return ok;
}

/* `count` products of a kind: whole designs, the last one cut where the count is reached. */
static bool write_kind(const char *folder, const Kind *kind, int count, uint64_t seed, GString *csv, GError **error) {
    for (unsigned number = 1; count > 0; number++) {
        Design design = design_make(kind, number, seed);
        for (unsigned i = 0; i < design.variants && count > 0; i++, count--) {
            Product product = product_make(&design, i);
            if (!write_product(folder, &product, csv, error)) {
                return false;
            }
        }
    }
    return true;
}

static bool write_shop(const char *folder, int count, uint64_t seed, GError **error) {
    g_autofree char *images = g_build_filename(folder, "images", NULL);
    g_autofree char *list = g_build_filename(folder, "catalog.csv", NULL);
    if (g_mkdir_with_parents(images, 0755) != 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "%s: %s", images, g_strerror(errno));
        return false;
    }
    g_autoptr(GString) csv = g_string_new("id,image,title,category,brand,price,colour,pattern,group\n");
    for (int k = 0; k < KINDS; k++) {
        int share = count / KINDS + (k < count % KINDS);
        if (!write_kind(folder, kinds[k], share, seed, csv, error)) {
            return false;
        }
        if (isatty(STDERR_FILENO)) {
            fprintf(stderr, "\r%d of %d kinds drawn", k + 1, KINDS);
        }
    }
    if (isatty(STDERR_FILENO)) {
        fputs("\r\033[K", stderr);
    }
    return g_file_set_contents(list, csv->str, (gssize)csv->len, error);
}

int main(int argc, char **argv) {
    int count = 600;
    gint64 seed = 1;
    const GOptionEntry options[] = {
        {"count", 'n', 0, G_OPTION_ARG_INT, &count, "products to draw (600)", "N"},
        {"seed", 's', 0, G_OPTION_ARG_INT64, &seed, "another shop for another seed (1)", "N"},
        {NULL}};
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("OUT_DIR - draw a catalogue of product pictures");
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2 || count < 1 || count > MOST) {
        const char *what = error != NULL ? error->message : argc != 2 ? "give one folder" : "--count is 1 to 100000";
        fprintf(stderr, "niteru-demo-catalogue: %s (--help tells more)\n", what);
        return 2;
    }
    if (!write_shop(argv[1], count, (uint64_t)seed, &error)) {
        fprintf(stderr, "niteru-demo-catalogue: %s\n", error->message);
        return 1;
    }
    printf("%s/catalog.csv: %d products\n", argv[1], count);
    return 0;
}
