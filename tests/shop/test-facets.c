/* SPDX-License-Identifier: Apache-2.0 */
/* Values of fields with the number of products that have them, against a count over the list of products. */
#include "../support/shop.h"

#include <string.h>

static NtJson *facets(Shop *shop, const char *const *fields, const char *where, size_t limit) {
    g_autoptr(GError) error = NULL;
    g_autofree char *text = niteru_facets_json(shop->catalogue, fields, where, limit, 0, NULL, &error);
    g_assert_no_error(error);
    NtJson *json = nt_json_parse(text, strlen(text), "facets", NULL, &error);
    g_assert_no_error(error);
    return json;
}

/* A facet on one line. */
static void expect(Shop *shop, const char *field, const char *where, size_t limit, const char *expected) {
    g_autoptr(NtJson) all = facets(shop, (const char *const[]){field, NULL}, where, limit);
    g_autofree char *text = nt_json_print(nt_json_get(nt_json_get(all, "fields"), field), false);
    g_assert_cmpstr(text, ==, expected);
}

static void put(Shop *shop, const char *id, const char *metadata) {
    g_autoptr(GError) error = NULL;
    NiteruProduct product = {.size = sizeof product, .id = id, .metadata = metadata};
    niteru_put(shop->catalogue, &product, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static void test_types(void) {
    Shop shop;
    shop_open(&shop);
    put(&shop, "a",
        "{\"category\": \"Dress\", \"price\": 10.5, \"stock\": 3, \"sale\": true, \"tags\": [\"red\", \"silk\"],"
        " \"created\": \"2026-01-05\"}");
    put(&shop, "b",
        "{\"category\": \"Shoe\", \"price\": 20, \"stock\": 3, \"sale\": false, \"tags\": [\"red\", \"red\"],"
        " \"created\": \"2026-01-04\"}");
    put(&shop, "c", "{\"category\": \"Dress\", \"price\": 10.5, \"tags\": [], \"created\": \"2026-01-05\"}");
    put(&shop, "d", "{}");
    expect(&shop, "category", NULL, 0,
           "{\"type\": \"text\", \"values\": [{\"value\": \"Dress\", \"products\": 2}, "
           "{\"value\": \"Shoe\", \"products\": 1}], \"others\": 0, \"missing\": 1}");
    expect(
        &shop, "category", NULL, 1,
        "{\"type\": \"text\", \"values\": [{\"value\": \"Dress\", \"products\": 2}], \"others\": 1, \"missing\": 1}");
    expect(&shop, "tags", NULL, 0,
           "{\"type\": \"list\", \"values\": [{\"value\": \"red\", \"products\": 2}, "
           "{\"value\": \"silk\", \"products\": 1}], \"others\": 0, \"missing\": 2}");
    expect(&shop, "price", NULL, 2,
           "{\"type\": \"number\", \"least\": 10.5, \"most\": 20.0, \"values\": [{\"value\": 10.5, \"products\": 2}, "
           "{\"value\": 20.0, \"products\": 1}], \"others\": 0, \"missing\": 1}");
    expect(&shop, "price", NULL, 1, "{\"type\": \"number\", \"least\": 10.5, \"most\": 20.0, \"missing\": 1}");
    expect(&shop, "sale", NULL, 0,
           "{\"type\": \"bool\", \"values\": [{\"value\": false, \"products\": 1}, "
           "{\"value\": true, \"products\": 1}], \"others\": 0, \"missing\": 2}");
    expect(&shop, "created", "category = 'Dress'", 0,
           "{\"type\": \"date\", \"least\": \"2026-01-05\", \"most\": \"2026-01-05\", \"values\": "
           "[{\"value\": \"2026-01-05\", \"products\": 2}], \"others\": 0, \"missing\": 0}");
    expect(&shop, "created", NULL, 1,
           "{\"type\": \"date\", \"least\": \"2026-01-04\", \"most\": \"2026-01-05\", \"missing\": 1}");
    expect(&shop, "price", "category = 'Hat'", 0,
           "{\"type\": \"number\", \"values\": [], \"others\": 0, \"missing\": 0}");
    shop_drop(&shop);
}

static void test_refusals(void) {
    Shop shop;
    shop_open(&shop);
    put(&shop, "a", "{\"category\": \"Dress\"}");
    const char *many[52] = {NULL};
    for (int i = 0; i < 51; i++) {
        many[i] = "category";
    }
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_cancellable_cancel(cancelled);
    const struct {
        const char *const *fields;
        const char *where;
        size_t limit;
        GCancellable *cancellable;
        NiteruError code;
    } cases[] = {
        {NULL, NULL, 0, NULL, NITERU_ERROR_INVALID},
        {(const char *const[]){NULL}, NULL, 0, NULL, NITERU_ERROR_INVALID},
        {(const char *const[]){"colour", NULL}, NULL, 0, NULL, NITERU_ERROR_NOT_FOUND},
        {(const char *const[]){"category\"; DROP TABLE product", NULL}, NULL, 0, NULL, NITERU_ERROR_NOT_FOUND},
        {(const char *const[]){"category", NULL}, "price <", 0, NULL, NITERU_ERROR_INVALID},
        {(const char *const[]){"category", NULL}, NULL, 1001, NULL, NITERU_ERROR_LIMIT},
        {many, NULL, 0, NULL, NITERU_ERROR_LIMIT},
        {(const char *const[]){"category", NULL}, NULL, 0, cancelled, NITERU_ERROR_CANCELLED},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(niteru_facets_json(shop.catalogue, cases[i].fields, cases[i].where, cases[i].limit, 0,
                                         cases[i].cancellable, &error));
        g_test_message("%s", error->message);
        expect_error(&error, cases[i].code, "");
    }
    shop_drop(&shop);
}

/* ---- many, against a count ---- */

typedef struct Count {
    GHashTable *values; /* text -> count */
    unsigned products, missing;
} Count;

static bool count_product(const char *id, const char *json, void *data) {
    Count *count = data;
    g_autoptr(NtJson) product = nt_json_parse(json, strlen(json), id, NULL, NULL);
    const NtJson *tags = nt_json_get(nt_json_get(product, "metadata"), "tags");
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    count->products++;
    count->missing += nt_json_count(tags) == 0;
    for (size_t i = 0; i < nt_json_count(tags); i++) {
        const char *tag = nt_json_text(nt_json_at(tags, i), "");
        if (g_hash_table_add(seen, (void *)tag)) {
            guint before = GPOINTER_TO_UINT(g_hash_table_lookup(count->values, tag));
            g_hash_table_replace(count->values, g_strdup(tag), GUINT_TO_POINTER(before + 1));
        }
    }
    return true;
}

/* Few products are looked up one by one, many are read in a pass: conditions of both kinds. */
static void compare(Shop *shop, const char *where) {
    g_autoptr(NtJson) all = facets(shop, (const char *const[]){"tags", "price", NULL}, where, 5);
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Count count = {.values = values};
    NiteruListOptions options = {.size = sizeof options, .where = where};
    niteru_list(shop->catalogue, &options, count_product, &count, NULL, &error);
    g_assert_no_error(error);
    NtJson *tags = nt_json_get(nt_json_get(all, "fields"), "tags"), *listed = nt_json_get(tags, "values");
    g_assert_cmpint(nt_json_int(nt_json_get(all, "products"), -1), ==, count.products);
    g_assert_cmpint(nt_json_int(nt_json_get(tags, "missing"), -1), ==, count.missing);
    g_assert_cmpuint(nt_json_count(listed), ==, MIN(g_hash_table_size(values), 5));
    g_assert_cmpint(nt_json_int(nt_json_get(tags, "others"), -1), ==,
                    g_hash_table_size(values) - nt_json_count(listed));
    int64_t before = INT64_MAX;
    for (size_t i = 0; i < nt_json_count(listed); i++) {
        const NtJson *item = nt_json_at(listed, i);
        int64_t products = nt_json_int(nt_json_get(item, "products"), -1);
        const char *value = nt_json_text(nt_json_get(item, "value"), "");
        g_assert_cmpint(products, ==, GPOINTER_TO_UINT(g_hash_table_lookup(values, value)));
        g_assert_cmpint(products, <=, before);
        before = products;
        g_hash_table_remove(values, value);
    }
    GHashTableIter at;
    void *left;
    g_hash_table_iter_init(&at, values);
    while (g_hash_table_iter_next(&at, NULL, &left)) {
        g_assert_cmpint(GPOINTER_TO_UINT(left), <=, before); /* none that is listed has fewer */
    }
}

static void test_counts(void) {
    Shop shop;
    shop_open(&shop);
    g_autoptr(GRand) random = g_rand_new_with_seed(5);
    for (int i = 0; i < 400; i++) {
        g_autofree char *id = g_strdup_printf("p%03d", i);
        g_autoptr(GString) metadata = g_string_new(NULL);
        g_string_append_printf(metadata, "{\"price\": %d, \"tags\": [", i);
        for (int n = g_rand_int_range(random, 0, 5); n > 0; n--) {
            g_string_append_printf(metadata, "\"t%d\"%s", g_rand_int_range(random, 0, 12), n > 1 ? ", " : "");
        }
        g_string_append(metadata, "]}");
        put(&shop, id, metadata->str);
    }
    static const char *const conditions[] = {NULL,        "price < 10",  "price < 390",
                                             "price < 0", "tags = 't3'", "tags = 't3' and price > 380"};
    for (size_t i = 0; i < G_N_ELEMENTS(conditions); i++) {
        compare(&shop, conditions[i]);
    }
    g_autoptr(GError) error = NULL;
    niteru_remove(shop.catalogue, NULL, 0, "price < 200", 0, NULL, NULL, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(conditions); i++) {
        compare(&shop, conditions[i]);
    }
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/facets/types", test_types);
    g_test_add_func("/facets/refusals", test_refusals);
    g_test_add_func("/facets/counts", test_counts);
    return g_test_run();
}
