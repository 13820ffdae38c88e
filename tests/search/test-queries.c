/* SPDX-License-Identifier: Apache-2.0 */
/* What can be searched by beside a product, what is left out and told, and how a search ends before its time. */
#include "../support/shop.h"

#include <math.h>
#include <string.h>

/* Products on a circle, by their angle in degrees, about; "both" has two photos, "twin" is where "a10" is. */
static void open_circle(Shop *shop) {
    static const struct {
        const char *id;
        double angle;
    } products[] = {{"a0", 0},   {"a10", 10},   {"a20", 19},  {"a40", 40},   {"a80", 81},
                    {"b90", 90}, {"b100", 101}, {"both", 31}, {"both", 170}, {"twin", 10}};
    float rows[2 * G_N_ELEMENTS(products)];
    const char *ids[G_N_ELEMENTS(products)];
    shop_open(shop);
    for (size_t i = 0; i < G_N_ELEMENTS(products); i++) {
        ids[i] = products[i].id;
        rows[2 * i] = (float)cos(products[i].angle * G_PI / 180);
        rows[2 * i + 1] = (float)sin(products[i].angle * G_PI / 180);
    }
    import_vectors(shop, "circle", ids, rows, G_N_ELEMENTS(products), 2);
}

static void at(double angle, float out[2]) {
    out[0] = (float)cos(angle * G_PI / 180);
    out[1] = (float)sin(angle * G_PI / 180);
}

static char *by_vectors(const Shop *shop, size_t count, const double *angles, const double *weights, size_t k) {
    GError *error = NULL;
    float vectors[8];
    for (size_t i = 0; i < count; i++) {
        at(angles[i], vectors + 2 * i);
    }
    const NiteruSearchOptions options = {.size = sizeof options, .k = k, .model = "circle"};
    NiteruResults *results = niteru_search_vectors(shop->catalogue, vectors, weights, count, 2, &options, NULL, &error);
    char *text = ids_of(results, error);
    g_clear_error(&error);
    return text;
}

#define EXPECT(text, expected)                                                                                         \
    do {                                                                                                               \
        g_autofree char *found = (text);                                                                               \
        g_assert_cmpstr(found, ==, expected);                                                                          \
    } while (0)

static void test_vectors(void) {
    Shop shop;
    open_circle(&shop);
    EXPECT(by_vectors(&shop, 1, (double[]){1}, NULL, 3), "a0 a10 twin");
    /* The nearest of two, each product once; equals in the order of ids. */
    EXPECT(by_vectors(&shop, 2, (double[]){11, 96}, NULL, 5), "a10 twin b100 b90 a20");
    /* The second counts for more: cos(10) * 1 is less than cos(16) * 1.05. */
    EXPECT(by_vectors(&shop, 2, (double[]){0, 96}, (double[]){1, 1.05}, 4), "b100 b90 a80 a0");
    EXPECT(by_vectors(&shop, 2, (double[]){0, 96}, (double[]){1, 0}, 4),
           "! the weight of vector 1 is not a positive number");
    /* A threshold is of scores, whatever the weights make of the order. */
    const NiteruSearchOptions strict = {.size = sizeof strict, .k = 2, .model = "circle", .threshold = 99};
    float pair[4];
    at(0, pair);
    at(60, pair + 2);
    EXPECT(ids_of(niteru_search_vectors(shop.catalogue, pair, (double[]){0.1, 10}, 2, 2, &strict, NULL, NULL), NULL),
           "a0");
    EXPECT(by_vectors(&shop, 0, NULL, NULL, 4), "! no vector was given to search for");
    EXPECT(by_vectors(&shop, 1, (double[]){44}, NULL, 1000000000), "a40 both a20 a10 twin a80 a0 b90 b100");
    shop_drop(&shop);
}

static char *by_examples(const Shop *shop, const char *const *liked, const char *const *disliked, bool average,
                         size_t k) {
    GError *error = NULL;
    const NiteruSearchOptions options = {.size = sizeof options, .k = k, .model = "circle"};
    const NiteruExamples examples = {
        .size = sizeof examples, .positive = liked, .negative = disliked, .average = average};
    NiteruResults *results = niteru_search_examples(shop->catalogue, &examples, &options, NULL, &error);
    char *text = ids_of(results, error);
    g_clear_error(&error);
    return text;
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_examples(void) {
    Shop shop;
    open_circle(&shop);
    EXPECT(by_examples(&shop, IDS("a0"), NULL, false, 3), "a10 twin a20");
    EXPECT(by_examples(&shop, IDS("a0", "b90"), NULL, false, 4), "a80 a10 twin b100");
    /* What is nearer to a disliked one is left out, whatever there is room for: both at 31 is nearer to 40 than to 0.
     */
    EXPECT(by_examples(&shop, IDS("a0"), IDS("a40"), false, 9), "a10 twin a20");
    EXPECT(by_examples(&shop, IDS("a0"), IDS("b100"), false, 9), "a10 twin a20 both a40");
    /* avg + avg - avg: 2 * (0 degrees) - (81 degrees) points to about -28. */
    EXPECT(by_examples(&shop, IDS("a0"), IDS("a80"), true, 3), "a10 twin a20");
    EXPECT(by_examples(&shop, IDS("a40"), NULL, true, 2), "both a20");
    EXPECT(by_examples(&shop, NULL, NULL, false, 3), "! a search by examples needs at least one that is liked");
    EXPECT(by_examples(&shop, IDS("a0", "nobody"), NULL, false, 3), "! there is no product 'nobody'");
    shop_drop(&shop);
}

static void test_left_out(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_circle(&shop);
    draw_picture(&shop, "a.png", 1);
    draw_picture(&shop, "b.png", 2);
    g_free(write_text(&shop, "list.csv", "id,image,price\na10,a.png,7\na20,b.png,3\n"));
    const NiteruIndexOptions base = {.size = sizeof base, .model = "niteru-base"};
    index_shop(&shop, "list.csv", &base, &error);
    g_assert_no_error(error);
    NiteruSearchOptions options = {
        .size = sizeof options, .model = "circle", .k = 3, .exclude = IDS("twin", "nobody", "a20"), .metadata = true};
    g_autoptr(NiteruResults) results = niteru_similar(shop.catalogue, "a0", &options, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(results), ==, 3);
    g_assert_cmpstr(niteru_results_get(results, 0)->product, ==, "a10");
    g_assert_cmpstr(niteru_results_get(results, 0)->metadata, ==, "{\"price\": 7.0}");
    g_assert_cmpstr(niteru_results_get(results, 1)->product, ==, "both");
    g_assert_cmpstr(niteru_results_get(results, 1)->metadata, ==, "{}");
    g_autofree char *json = niteru_results_json(results);
    g_assert_nonnull(strstr(json, "\"price\": 7"));
    g_assert_null(strstr(json, "partial"));
    options.where = "price < 5";
    options.exclude = IDS("a20");
    g_autoptr(NiteruResults) none = niteru_similar(shop.catalogue, "a0", &options, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(none), ==, 0);
    shop_drop(&shop);
}

/* A photo's bytes find what its file finds; the library keeps nothing of the caller's. */
static void test_bytes(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%u.png", i);
        draw_picture(&shop, name, i);
    }
    index_shop(&shop, "photos", NULL, &error);
    g_assert_no_error(error);
    g_autofree char *path = below(&shop, "photos/p3.png"), *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    char *by_file = ids_of(niteru_search_photo(shop.catalogue, path, NULL, NULL, &error), NULL);
    char *by_bytes = ids_of(niteru_search_bytes(shop.catalogue, bytes, size, "upload", NULL, NULL, &error), NULL);
    g_assert_cmpstr(by_file, ==, by_bytes);
    g_assert_true(g_str_has_prefix(by_file, "p3.png"));
    g_assert_null(niteru_search_bytes(shop.catalogue, "GIF89a", 6, "upload", NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_CORRUPT, "upload");
    g_assert_null(niteru_search_bytes(shop.catalogue, NULL, 0, "upload", NULL, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "no photo");
    g_free(by_file);
    g_free(by_bytes);
    shop_drop(&shop);
}

/* Whatever was asked, a call that is stopped says so. */
static void test_stopped(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    open_circle(&shop);
    g_autoptr(GCancellable) stop = g_cancellable_new();
    g_cancellable_cancel(stop);
    const NiteruSearchOptions options = {.size = sizeof options, .model = "circle"};
    const float vector[2] = {1, 0};
    g_assert_null(niteru_similar(shop.catalogue, "a0", &options, stop, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_assert_null(niteru_search_vector(shop.catalogue, vector, 2, &options, stop, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    g_autofree char *text = write_text(&shop, "x.png", "x");
    g_assert_null(niteru_search_photo(shop.catalogue, text, &options, stop, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    const NiteruSearchOptions older = {
        .size = offsetof(NiteruSearchOptions, threshold), .model = "circle", .threshold = 77};
    g_autoptr(NiteruResults) all = niteru_similar(shop.catalogue, "a0", &older, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(all), ==, 5); /* what lies beyond the size does not count */
    struct {
        NiteruSearchOptions known;
        size_t unknown;
    } newer = {.known = {.size = sizeof newer, .model = "circle"}};
    g_autoptr(NiteruResults) same = niteru_similar(shop.catalogue, "a0", &newer.known, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(same);
    newer.unknown = 1;
    g_assert_null(niteru_similar(shop.catalogue, "a0", &newer.known, NULL, &error));
    expect_error(&error, NITERU_ERROR_INVALID, "does not know");
    shop_drop(&shop);
}

/* A part of a photo finds what a photo of that part finds. */
static void test_box(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *name = g_strdup_printf("photos/p%u.png", i);
        draw_picture(&shop, name, i);
    }
    index_shop(&shop, "photos", NULL, &error);
    g_assert_no_error(error);
    g_autofree char *path = below(&shop, "photos/p3.png"), *bytes = NULL;
    gsize size = 0;
    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    NtPixels pixels;
    g_autoptr(NtDecoder) decoder = nt_decoder_new(NULL, &error);
    g_assert_true(nt_decoder_decode(decoder, bytes, size, "p3", NULL, &pixels, NULL, &error));
    NiteruSearchOptions options = {.size = sizeof options, .k = 6, .x = 0.25, .y = 0.125, .width = 0.5, .height = 0.75};
    NtPixels part = nt_pixels_cut(&pixels, &(NtBox){options.x, options.y, options.width, options.height});
    g_autoptr(GBytes) png = nt_image_encode(decoder, &part, NT_IMAGE_PNG, 0, &error);
    g_assert_no_error(error);
    const NiteruSearchOptions whole = {.size = sizeof whole, .k = 6};
    g_autoptr(NiteruResults) by_box = niteru_search_bytes(shop.catalogue, bytes, size, "p", &options, NULL, &error);
    g_autoptr(NiteruResults) by_part = niteru_search_bytes(shop.catalogue, g_bytes_get_data(png, NULL),
                                                           g_bytes_get_size(png), "p", &whole, NULL, &error);
    g_autoptr(NiteruResults) by_all = niteru_search_bytes(shop.catalogue, bytes, size, "p", &whole, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *box = niteru_results_json(by_box), *cut = niteru_results_json(by_part),
                    *all = niteru_results_json(by_all);
    g_assert_cmpstr(box, ==, cut);
    g_assert_cmpstr(box, !=, all);
    const struct {
        double x, y, width, height;
        const char *field;
    } refused[] = {{-0.1, 0, 1, 1, "x"},      {NAN, 0, 1, 1, "x"},       {0, 1, 1, 1, "y"},
                   {0.5, 0, 0.6, 1, "width"}, {0.5, 0.5, 0, 0, "width"}, {0, 0, 1, NAN, "height"},
                   {0, 0, 1, -1, "height"},   {0, 0, 1, 1.1, "height"}};
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        options.x = refused[i].x;
        options.y = refused[i].y;
        options.width = refused[i].width;
        options.height = refused[i].height;
        g_assert_null(niteru_search_photo(shop.catalogue, path, &options, NULL, &error));
        expect_fact(error, "field", refused[i].field);
        expect_error(&error, NITERU_ERROR_INVALID, refused[i].field);
    }
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/queries/vectors", test_vectors);
    g_test_add_func("/search/queries/examples", test_examples);
    g_test_add_func("/search/queries/left-out", test_left_out);
    g_test_add_func("/search/queries/bytes", test_bytes);
    g_test_add_func("/search/queries/stopped", test_stopped);
    g_test_add_func("/search/queries/box", test_box);
    return g_test_run();
}
