/* SPDX-License-Identifier: Apache-2.0 */
/* Searches over vectors of our own choosing, against what a loop over all products gives. */
#include "../support/shop.h"

#include <math.h>
#include <string.h>

typedef struct Row {
    const char *id;
    float x, y;
} Row;

static void import_rows(Shop *shop, const char *model, const Row *rows, size_t count) {
    g_autofree const char **ids = g_new(const char *, count);
    g_autofree float *vectors = g_new(float, 2 * count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = rows[i].id;
        vectors[2 * i] = rows[i].x;
        vectors[2 * i + 1] = rows[i].y;
    }
    import_vectors(shop, model, ids, vectors, count, 2);
}

static char *similar(Shop *shop, const char *id, const NiteruSearchOptions *options) {
    g_autoptr(GError) error = NULL;
    NiteruResults *results = niteru_similar(shop->catalogue, id, options, NULL, &error);
    return ids_of(results, error);
}

/* Products with metadata need photos: four of them, with vectors by angle. */
static void open_dresses(Shop *shop) {
    static const Row rows[] = {{"red", 1, 0}, {"rose", 1, 0.1F}, {"blue", 1, 0.4F}, {"navy", 1, 0.5F}};
    shop_open(shop);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = g_strdup_printf("%s.png", rows[i].id);
        draw_picture(shop, name, i);
    }
    g_free(write_text(shop, "list.csv",
                      "id,image,price,brand\n"
                      "red,red.png,10,A\nrose,rose.png,20,B\nblue,blue.png,30,A\nnavy,navy.png,40,\n"));
    g_autoptr(GError) error = NULL;
    index_shop(shop, "list.csv", NULL, &error);
    g_assert_no_error(error);
    import_rows(shop, "toy", rows, G_N_ELEMENTS(rows));
}

static void expect(Shop *shop, const char *id, const NiteruSearchOptions *options, const char *ids) {
    g_autofree char *got = similar(shop, id, options);
    g_assert_cmpstr(got, ==, ids);
}

static void test_conditions(void) {
    Shop shop;
    open_dresses(&shop);
    expect(&shop, "red", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy"},
           "rose blue navy"); /* itself left out; k > n */
    expect(&shop, "red", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .k = 2},
           "rose blue");
    expect(&shop, "navy", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .k = 1000000000},
           "blue rose red");
    expect(&shop, "red",
           &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .where = "price > 20"},
           "blue navy");
    expect(&shop, "red",
           &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .where = "price > 20", .k = 1},
           "blue");
    expect(&shop, "red",
           &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .where = "brand = 'A'"}, "blue");
    expect(&shop, "red",
           &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .where = "price > 1000"}, "");
    expect(&shop, "red", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .threshold = 100},
           "");

    struct {
        NiteruSearchOptions options;
        const char *id;
        NiteruError code;
        const char *says;
    } refused[] = {
        {{.model = "toy", .where = "price >"}, "red", NITERU_ERROR_INVALID, ""},
        {{.model = "toy", .where = "prise > 1"}, "red", NITERU_ERROR_NOT_FOUND, "price"},
        {{.model = "toy", .threshold = NAN}, "red", NITERU_ERROR_INVALID, "threshold"},
        {{.model = "toy", .threshold = -1}, "red", NITERU_ERROR_INVALID, "threshold"},
        {{.model = "toi"}, "red", NITERU_ERROR_NOT_FOUND, "toy"},
        {{.model = "toy"}, "green", NITERU_ERROR_NOT_FOUND, "green"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        refused[i].options.size = sizeof refused[i].options;
        g_assert_null(niteru_similar(shop.catalogue, refused[i].id, &refused[i].options, NULL, &error));
        expect_error(&error, refused[i].code, refused[i].says);
    }
    g_autoptr(GError) error = NULL;
    const char *const gone[] = {"rose", "nobody"};
    uint64_t removed = 0;
    g_assert_true(niteru_remove(shop.catalogue, gone, 2, "brand is missing", 0, NULL, &removed, &error));
    g_assert_cmpuint(removed, ==, 2);
    expect(&shop, "red", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy"}, "blue");
    shop_drop(&shop);
}

static void test_vector(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_dresses(&shop);
    const NiteruSearchOptions toy = {.size = sizeof(NiteruSearchOptions), .model = "toy", .k = 2};
    const float near_navy[] = {2, 1.2F}, bad[] = {NAN, 0}, zero[] = {0, 0}, three[] = {1, 2, 3};
    NiteruResults *results = niteru_search_vector(shop.catalogue, near_navy, 2, &toy, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat_with_epsilon(niteru_results_get(results, 0)->raw, (2 + 0.6) / sqrt(5.44 * 1.25), 1e-3);
    g_assert_cmpfloat(niteru_results_get(results, 0)->score, >=, niteru_results_get(results, 1)->score);
    g_autofree char *ids = ids_of(results, NULL);
    g_assert_cmpstr(ids, ==, "navy blue");
    const struct {
        const float *vector;
        size_t dimension;
    } refused[] = {{bad, 2}, {zero, 2}, {three, 3}, {near_navy, 0}, {NULL, 2}};
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_assert_null(
            niteru_search_vector(shop.catalogue, refused[i].vector, refused[i].dimension, &toy, NULL, &error));
        expect_error(&error, NITERU_ERROR_INVALID, "");
    }
    /* A model of imported vectors cannot look at photos. */
    g_autofree char *photo = below(&shop, "red.png");
    g_assert_null(niteru_search_photo(shop.catalogue, photo, &toy, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "no network");
    shop_drop(&shop);
}

/* By photo: the file need not be in the catalogue, and one that is finds itself. */
static void test_photo(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_dresses(&shop);
    draw_picture(&shop, "elsewhere/query.png", 2);
    g_autofree char *query = below(&shop, "elsewhere/query.png"), *blue = below(&shop, "blue.png");
    g_autoptr(NiteruResults) results = niteru_search_photo(shop.catalogue, query, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(results), ==, 4);
    const NiteruResult *best = niteru_results_get(results, 0);
    g_assert_cmpstr(best->product, ==, "blue");
    g_assert_cmpstr(best->photo, ==, blue);
    g_assert_cmpfloat(best->score, >, 99);
    g_assert_cmpstr(best->word, ==, "nearly the same");
    g_autofree char *text = niteru_results_json(results);
    g_autoptr(NtJson) json = nt_json_parse(text, strlen(text), "results", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(nt_json_text(nt_json_get(json, "query"), NULL), ==, query);
    g_assert_cmpuint(nt_json_count(nt_json_get(json, "results")), ==, 4);

    g_autoptr(NiteruResults) same = niteru_compare(NULL, query, blue, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(niteru_results_get(same, 0)->score, >, 99);
    g_autofree char *red = below(&shop, "red.png");
    g_autoptr(NiteruResults) other = niteru_compare(shop.catalogue, query, red, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpfloat(niteru_results_get(other, 0)->raw, <, niteru_results_get(same, 0)->raw);
    g_autofree char *list = below(&shop, "list.csv"), *none = below(&shop, "none.png");
    g_assert_null(niteru_search_photo(shop.catalogue, list, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_UNSUPPORTED, "list.csv");
    const NiteruCompareOptions strict = {.size = sizeof strict,
                                         .limits = (const char *const[]){"photo-bytes=10", NULL}};
    g_assert_null(niteru_compare(NULL, query, blue, &strict, NULL, &error));
    expect_fact(error, "limit", "photo-bytes");
    expect_error(&error, NITERU_ERROR_LIMIT, "limit photo-bytes");
    g_assert_null(niteru_compare(NULL, query, none, NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_NOT_FOUND, "none.png");
    shop_drop(&shop);
}

/* A product counts once, by its best photo; the photo that matched is named. */
static void test_several_photos(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    for (unsigned i = 0; i < 5; i++) {
        g_autofree char *name = g_strdup_printf("%u.png", i);
        draw_picture(&shop, name, i);
    }
    g_free(write_text(&shop, "list.jsonl",
                      "{\"id\": \"pair\", \"images\": [\"0.png\", \"1.png\"]}\n"
                      "{\"id\": \"one\", \"images\": [\"2.png\"]}\n"
                      "{\"id\": \"two\", \"images\": [\"3.png\", \"4.png\", \"2.png\"]}\n"));
    index_shop(&shop, "list.jsonl", NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(shop.report.photos, ==, 6);
    g_assert_cmpuint(shop.report.embedded, ==, 5);
    /* pair: east and north; one: west; two: north-east (photo 0), south (photo 1), and the photo of `one`. */
    const Row rows[] = {{"pair", 1, 0}, {"pair", 0, 1}, {"one", -1, 0}, {"two", 1, 0.9F}, {"two", 0, -1}};
    import_rows(&shop, "toy", rows, G_N_ELEMENTS(rows));
    g_autoptr(NiteruResults) results =
        niteru_similar(shop.catalogue, "pair",
                       &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy"}, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(results), ==, 2);
    const NiteruResult *two = niteru_results_get(results, 0), *one = niteru_results_get(results, 1);
    g_assert_cmpstr(two->product, ==, "two");
    g_assert_true(g_str_has_suffix(two->photo, "/3.png"));
    g_assert_cmpfloat_with_epsilon(two->raw, 1 / sqrt(1.81), 1e-3);
    g_assert_cmpstr(one->product, ==, "one");
    g_assert_cmpfloat_with_epsilon(one->raw, 0, 1e-3); /* west is at right angles to north */
    /* One file in two products: both answer with it. */
    expect(&shop, "one", &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy"}, "two pair");
    shop_drop(&shop);
}

/* ---- against a loop ---- */

typedef struct Truth {
    char id[8];
    double distance;
} Truth;

static int nearest_first(const void *a, const void *b) {
    const Truth *x = a, *y = b;
    return x->distance != y->distance ? (x->distance < y->distance ? -1 : 1) : strcmp(x->id, y->id);
}

enum { PRODUCTS = 60, PHOTOS = 30, DIM = 2 };

static void import_euclidean(Shop *shop, const char *const *ids, const float *rows, size_t count) {
    g_autoptr(GError) error = NULL;
    write_vectors(shop, "toy", ids, rows, count, DIM);
    g_autofree char *npy = below(shop, "toy.npy"), *txt = below(shop, "toy.txt");
    niteru_import(shop->catalogue, npy, txt,
                  &(NiteruImportOptions){.size = sizeof(NiteruImportOptions), .model = "toy", .metric = "euclidean"},
                  NULL, NULL, &error);
    g_assert_no_error(error);
}

/* Crowds: products whose many photos lie close together fill the nearest rows of one query photo, while the answer
 * needs rows that are nearest to another. Integers give many exact ties, which go by id. */
static void test_exact(void) {
    Shop shop;
    shop_open(&shop);
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) vectors = g_array_new(FALSE, FALSE, sizeof(float));
    int first[PRODUCTS + 1] = {0};
    for (int p = 0; p < PRODUCTS; p++) {
        int photos = 1 + g_rand_int_range(random, 0, p % 5 == 0 ? PHOTOS : 3);
        float centre[DIM] = {(float)g_rand_int_range(random, -9, 10), (float)g_rand_int_range(random, 1, 10)};
        for (int i = 0; i < photos; i++) {
            float row[DIM] = {centre[0] + (float)g_rand_int_range(random, -1, 2), centre[1]};
            g_array_append_vals(vectors, row, DIM);
            g_ptr_array_add(ids, g_strdup_printf("p%02d", (p * 37) % PRODUCTS));
        }
        first[p + 1] = (int)ids->len;
    }
    const float *rows = (const float *)(void *)vectors->data;
    import_euclidean(&shop, (const char *const *)ids->pdata, rows, ids->len);
    for (int q = 0; q < PRODUCTS; q++) {
        Truth truth[PRODUCTS];
        size_t count = 0;
        for (int p = 0; p < PRODUCTS; p++) {
            Truth *one = &truth[count];
            *one = (Truth){.distance = INFINITY};
            g_strlcpy(one->id, g_ptr_array_index(ids, (guint)first[p]), sizeof one->id);
            for (int i = first[q]; i < first[q + 1]; i++) {
                for (int j = first[p]; j < first[p + 1]; j++) {
                    double dx = rows[i * DIM] - rows[j * DIM], dy = rows[i * DIM + 1] - rows[j * DIM + 1];
                    one->distance = fmin(one->distance, sqrt(dx * dx + dy * dy));
                }
            }
            count += p != q;
        }
        qsort(truth, count, sizeof truth[0], nearest_first);
        for (size_t k = 1; k <= 10; k += 3) {
            g_autoptr(GString) wanted = g_string_new(NULL);
            for (size_t i = 0; i < k; i++) {
                g_string_append_printf(wanted, "%s%s", i > 0 ? " " : "", truth[i].id);
            }
            expect(&shop, g_ptr_array_index(ids, (guint)first[q]),
                   &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .model = "toy", .k = k}, wanted->str);
        }
    }
    shop_drop(&shop);
}

/* Answers that are none are told so. */
static void test_notes(void) {
    static const Row rows[] = {{"a", 1, 0}, {"b", 0.1F, 1}, {"c", 0, 1}};
    Shop shop;
    shop_open(&shop);
    import_rows(&shop, "toy", rows, G_N_ELEMENTS(rows));
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) apart = niteru_similar(shop.catalogue, "a", NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(niteru_results_get(apart, 0)->word, ==, "not alike");
    g_assert_true(g_str_has_prefix(niteru_results_note(apart), "nothing is really alike: the best has 10.0 of 100, "));
    g_autoptr(NiteruResults) close = niteru_similar(shop.catalogue, "b", NULL, NULL, &error);
    g_assert_null(niteru_results_note(close));
    g_autofree char *json = niteru_results_json(close);
    g_assert_null(strstr(json, "note"));
    g_autoptr(NiteruResults) strict =
        niteru_similar(shop.catalogue, "a",
                       &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .threshold = 50}, NULL, &error);
    g_assert_cmpstr(niteru_results_note(strict), ==,
                    "nothing is this alike: the best has 10.0 of 100, under the threshold");
    g_autoptr(NiteruResults) none =
        niteru_similar(shop.catalogue, "a",
                       &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .where = "id = 'A'"}, NULL, &error);
    g_assert_cmpstr(niteru_results_note(none), ==,
                    "nothing is this alike: id = 'A' matches no product; near it: 'a' (1 product)");
    g_autofree char *near = niteru_where_json(shop.catalogue, "id = 'a'", 0, NULL, &error);
    g_assert_cmpstr(near, ==, "{\"matches\": true}");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/search/conditions", test_conditions);
    g_test_add_func("/search/search/vector", test_vector);
    g_test_add_func("/search/search/photo", test_photo);
    g_test_add_func("/search/search/several-photos", test_several_photos);
    g_test_add_func("/search/search/exact", test_exact);
    g_test_add_func("/search/search/notes", test_notes);
    return g_test_run();
}
