/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well a catalogue tells photos of what it does not have.
 * usage: not-here MODEL.onnx PRESET SHOP FOREIGN   (each a folder of photos, or a list)
 *
 * Embeds the photos of both. Of the shop's products every fifth is held out: its photos stand for those that visitors
 * take of what is sold there. A catalogue of the rest is asked, with `not_here`, for each of them (true) and for each
 * photo of FOREIGN. Told are the share of true ones that are answered, and of foreign ones that are, though they should
 * not be, at the catalogue's own floor; then the curve, for floors that keep other shares of the true ones.
 *
 * Prints CSV: name,value,unit.
 */
#include "search/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { HELD_OUT = 5 };

static void die(const GError *error) {
    fprintf(stderr, "not-here: %s\n", error != NULL ? error->message : "failed");
    exit(1);
}

/* ---- vectors ---- */

typedef struct Vectors {
    float *data; /* (count, dim) */
    char **ids;  /* (count) of their products; equal ones stand side by side */
    size_t count, dim;
} Vectors;

/* Embeds the photos of a folder or list, in the order of the products' ids. */
static Vectors embed(const char *folder, const char *model, const char *preset, const char *source) {
    g_autoptr(GError) error = NULL;
    const NiteruModelOptions with = {.size = sizeof with, .name = "m", .preset = preset, .dtype = "f4"};
    const NiteruIndexOptions by = {.size = sizeof by, .model = "m"};
    const NiteruExportOptions as = {.size = sizeof as, .model = "m", .dtype = "f4"};
    g_autofree char *shop = g_build_filename(folder, "photos", NULL), *out = g_build_filename(folder, "out", NULL);
    g_autofree char *npy = g_build_filename(out, "image_vectors.npy", NULL);
    g_autofree char *names = g_build_filename(out, "image_ids.txt", NULL), *text = NULL;
    g_autoptr(NiteruCatalogue) catalogue = niteru_open(shop, NULL, &error);
    if (catalogue == NULL || !niteru_model_add(catalogue, model, &with, NULL, NULL, &error) ||
        !niteru_index(catalogue, source, &by, NULL, NULL, &error) ||
        !niteru_export(catalogue, out, &as, NULL, NULL, &error) || !g_file_get_contents(names, &text, NULL, &error)) {
        die(error);
    }
    g_autoptr(NtNpyReader) reader = nt_npy_open(npy, &error);
    if (reader == NULL) {
        die(error);
    }
    Vectors vectors = {.count = (size_t)nt_npy_rows(reader), .dim = nt_npy_dim(reader)};
    vectors.data = g_new(float, vectors.count *vectors.dim);
    vectors.ids = g_strsplit(text, "\n", -1);
    if (!nt_npy_read(reader, 0, vectors.count, vectors.data, &error)) {
        die(error);
    }
    g_autofree char *command = g_strdup_printf("rm -rf '%s' '%s'", shop, out);
    return system(command) == 0 ? vectors : (Vectors){0};
}

static void clear(Vectors *vectors) {
    g_strfreev(vectors->ids);
    g_free(vectors->data);
}

/* Takes the vectors of products that are not held out into a catalogue of their own; marks the others in `held`. */
static NiteruCatalogue *open_shop(const char *folder, const Vectors *shop, bool *held) {
    g_autoptr(GError) error = NULL;
    const NiteruImportOptions options = {.size = sizeof options, .model = "m"};
    g_autofree char *npy = g_build_filename(folder, "shop.npy", NULL), *ids = g_build_filename(folder, "ids", NULL);
    g_autofree char *path = g_build_filename(folder, "shop", NULL);
    g_autoptr(NtNpyWriter) writer = nt_npy_create(npy, NT_DTYPE_F32, shop->dim, &error);
    g_autoptr(GString) names = g_string_new(NULL);
    if (writer == NULL) {
        die(error);
    }
    for (size_t i = 0, product = 0; i < shop->count; i++) {
        product += i > 0 && !g_str_equal(shop->ids[i], shop->ids[i - 1]);
        held[i] = product % HELD_OUT == 0;
        if (!held[i]) {
            g_string_append_printf(names, "%s\n", shop->ids[i]);
            if (!nt_npy_write(writer, shop->data + i * shop->dim, 1, &error)) {
                die(error);
            }
        }
    }
    NiteruCatalogue *catalogue = niteru_open(path, NULL, &error);
    if (catalogue == NULL || !nt_npy_finish(writer, &error) || !g_file_set_contents(ids, names->str, -1, &error) ||
        !niteru_import(catalogue, npy, ids, &options, NULL, NULL, &error)) {
        die(error);
    }
    return catalogue;
}

/* ---- asking ---- */

/* The nearest product's raw value; adds to *answered where it is an answer. */
static double ask(NiteruCatalogue *catalogue, const float *vector, size_t dim, size_t *answered) {
    g_autoptr(GError) error = NULL;
    const NiteruSearchOptions all = {.size = sizeof all, .k = 1},
                              here = {.size = sizeof here, .k = 1, .not_here = true};
    g_autoptr(NiteruResults) nearest = niteru_search_vector(catalogue, vector, dim, &all, NULL, &error);
    g_autoptr(NiteruResults) results =
        nearest != NULL ? niteru_search_vector(catalogue, vector, dim, &here, NULL, &error) : NULL;
    if (results == NULL || niteru_results_count(nearest) == 0) {
        die(error);
    }
    *answered += niteru_results_not_here(results) ? 0 : 1;
    return niteru_results_get(nearest, 0)->raw;
}

static int rising(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *values_of(GArray *values) {
    double *sorted = (double *)(void *)values->data;
    qsort(sorted, values->len, sizeof *sorted, rising);
    return sorted;
}

/* The share of foreign ones that are answered by floors that keep so much of the true ones. */
static void print_curve(GArray *true_ones, GArray *foreign) {
    static const double shares[] = {0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1};
    const double *kept = values_of(true_ones), *other = values_of(foreign);
    for (size_t i = 0; i < G_N_ELEMENTS(shares); i++) {
        double least = kept[MIN((size_t)lround((1 - shares[i]) * true_ones->len), true_ones->len - 1)];
        size_t answered = 0;
        for (guint f = 0; f < foreign->len; f++) {
            answered += other[f] >= least;
        }
        printf("foreign_answered_at_%g,%.4f,share\n", shares[i], (double)answered / foreign->len);
    }
}

int main(int argc, char **argv) {
    g_autofree char *folder = g_dir_make_tmp("niteru-not-here-XXXXXX", NULL);
    if (argc != 5) {
        fprintf(stderr, "usage: not-here MODEL.onnx PRESET SHOP FOREIGN\n");
        return 2;
    }
    Vectors shop = embed(folder, argv[1], argv[2], argv[3]), other = embed(folder, argv[1], argv[2], argv[4]);
    g_autofree bool *held = g_new(bool, shop.count);
    g_autoptr(GArray) true_ones = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) foreign = g_array_new(FALSE, FALSE, sizeof(double));
    size_t kept = 0, answered = 0;
    NiteruCatalogue *catalogue = open_shop(folder, &shop, held);
    for (size_t i = 0; i < shop.count; i++) {
        if (held[i]) {
            double raw = ask(catalogue, shop.data + i * shop.dim, shop.dim, &kept);
            g_array_append_val(true_ones, raw);
        }
    }
    for (size_t i = 0; i < other.count; i++) {
        double raw = ask(catalogue, other.data + i * other.dim, other.dim, &answered);
        g_array_append_val(foreign, raw);
    }
    printf("true,%u,photos\nforeign,%u,photos\n", true_ones->len, foreign->len);
    printf("true_answered,%.4f,share\n", (double)kept / true_ones->len);
    printf("foreign_answered,%.4f,share\n", (double)answered / foreign->len);
    print_curve(true_ones, foreign);
    niteru_close(catalogue);
    clear(&shop);
    clear(&other);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}
