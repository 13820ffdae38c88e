/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What searches share is brought forward by what changed: after thousands of changes it gives the answers of one built
 * from nothing, through the handle that writes and through another that reads; and it lets go of files.
 */
#include "../support/shop.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { DIM = 4, PICTURES = 10, PRODUCTS = 40, COMPACTIONS = 12 };

/* ---- the same answers ---- */

/* All that an answer says of every product, in a text. */
static char *answers_of(NiteruCatalogue *catalogue, const char *model, const char *where) {
    GString *out = g_string_new(NULL);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *id = g_strdup_printf("p%u", i);
        const NiteruSearchOptions options = {
            .size = sizeof options, .k = 1000, .model = model, .where = where, .metadata = true};
        g_autoptr(NiteruResults) results = niteru_similar(catalogue, id, &options, NULL, &error);
        g_autofree char *json = results != NULL ? niteru_results_json(results) : g_strdup(error->message);
        g_string_append_printf(out, "%s\n", json);
    }
    return g_string_free(out, FALSE);
}

/* The long-lived handles say what one that was just opened says. */
static void compare(const Shop *shop, NiteruCatalogue *reader, const char *model) {
    static const char *const wheres[] = {NULL, "price < 5", "colour = 'red' or price is missing"};
    g_autoptr(GError) error = NULL;
    NiteruOptions reading = {.size = sizeof reading, .read_only = true};
    g_autofree char *folder = below(shop, "shop.niteru");
    g_autoptr(NiteruCatalogue) fresh = niteru_open(folder, &reading, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(wheres); i++) {
        g_autofree char *expected = answers_of(fresh, model, wheres[i]);
        g_autofree char *here = answers_of(shop->catalogue, model, wheres[i]);
        g_autofree char *there = answers_of(reader, model, wheres[i]);
        g_assert_cmpstr(here, ==, expected);
        g_assert_cmpstr(there, ==, expected);
    }
}

static void list_products(Shop *shop, unsigned round) {
    static const char *const colours[] = {"red", "blue", ""};
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) list = g_string_new("id,image,price,colour\n");
    for (unsigned i = 0; i < PRODUCTS; i++) {
        if (g_random_int_range(0, 4) > 0) {
            g_string_append_printf(list, "p%u,photos/%d.png|photos/%d.png,%d,%s\n", i,
                                   g_random_int_range(0, PICTURES / 2), g_random_int_range(0, PICTURES),
                                   g_random_int_range(0, 10), colours[g_random_int_range(0, 3)]);
        }
    }
    g_free(write_text(shop, "list.csv", list->str));
    const NiteruIndexOptions options = {.size = sizeof options, .prune = round % 3 == 2};
    index_shop(shop, "list.csv", &options, &error);
    g_assert_no_error(error);
}

static void test_lists(void) {
    Shop shop;
    shop_open(&shop);
    for (unsigned i = 0; i < PICTURES; i++) {
        g_autofree char *name = g_strdup_printf("photos/%u.png", i);
        draw_picture(&shop, name, i);
    }
    list_products(&shop, 0);
    g_autoptr(GError) error = NULL;
    NiteruOptions reading = {.size = sizeof reading, .read_only = true};
    g_autofree char *folder = below(&shop, "shop.niteru");
    g_autoptr(NiteruCatalogue) reader = niteru_open(folder, &reading, &error);
    g_assert_no_error(error);
    for (unsigned round = 1; round < 6; round++) {
        compare(&shop, reader, NULL);
        if (round % 2 == 0) {
            const char *const gone[] = {"p1", "p7", "p12"};
            g_assert_true(niteru_remove(shop.catalogue, gone, 3, "price = 3", 0, NULL, NULL, &error));
            compare(&shop, reader, NULL);
        }
        list_products(&shop, round);
    }
    compare(&shop, reader, NULL);
    g_clear_pointer(&reader, niteru_close);
    shop_drop(&shop);
}

/* ---- imported vectors, and compaction ---- */

/* Imports vectors of our own for some products. */
static void import_some(Shop *shop, unsigned count) {
    g_autofree float *rows = g_new(float, count *DIM);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < count; i++) {
        g_ptr_array_add(ids, g_strdup_printf("p%d", g_random_int_range(0, 2 * PRODUCTS)));
        for (unsigned d = 0; d < DIM; d++) {
            rows[i * DIM + d] = (float)g_random_int_range(-3, 4) + (d == 0 ? 0.5F : 0); /* many are equal */
        }
    }
    import_vectors(shop, "toy", (const char *const *)ids->pdata, rows, count, DIM);
}

/* Open descriptors, and maps, of vectors files that were removed. */
static unsigned removed_files(void) {
    unsigned count = 0;
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    for (const char *name; dir != NULL && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *link = g_build_filename("/proc/self/fd", name, NULL);
        g_autofree char *path = g_file_read_link(link, NULL);
        count += path != NULL && strstr(path, ".vec (deleted)") != NULL;
    }
    g_autofree char *maps = NULL;
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    for (const char *at = maps; (at = strstr(at, ".vec (deleted)")) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_compaction(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    import_some(&shop, 1500);
    NiteruOptions reading = {.size = sizeof reading, .read_only = true};
    g_autofree char *folder = below(&shop, "shop.niteru"), *vectors = g_build_filename(folder, "vectors", NULL);
    g_autoptr(NiteruCatalogue) reader = niteru_open(folder, &reading, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < COMPACTIONS; i++) {
        g_autofree char *before = answers_of(shop.catalogue, "toy", NULL);
        import_some(&shop, 1500);                 /* most of what was there is dead then, and goes */
        g_assert_cmpuint(removed_files(), <=, 2); /* what the reader had, until it looks again */
        g_autofree char *after = answers_of(reader, "toy", NULL);
        g_assert_cmpstr(before, !=, after);
        g_assert_cmpuint(removed_files(), ==, 0);
    }
    GStatBuf file;
    g_autofree char *one = g_build_filename(vectors, "toy.1.vec", NULL);
    g_assert_cmpint(g_stat(one, &file), !=, 0); /* there were compactions */
    g_clear_pointer(&reader, niteru_close);
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/shared/lists", test_lists);
    g_test_add_func("/state/shared/compaction", test_compaction);
    return g_test_run();
}
