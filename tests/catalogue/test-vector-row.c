/* SPDX-License-Identifier: Apache-2.0 */
/* Models and which vector row is whose: adding, owners, dead rows and their return, digests, imports, conditions. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
    int64_t model;
} Shop;

static void set_up(Shop *shop, const void *data) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    shop->run = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    shop->model = add_model(shop->catalogue, "m");
}

static void tear_down(Shop *shop, const void *data) {
    nt_catalogue_rollback(shop->catalogue);
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

/* A product with one photo that shows content number `number`. */
static int64_t add_product(Shop *shop, const char *id, uint32_t number, const char *const *metadata) {
    g_autoptr(GError) error = NULL;
    NtPhotoState state = put_product(shop->catalogue, &shop->run, id, metadata, "/p.jpg", 1);
    int64_t content = add_content(shop->catalogue, number);
    g_assert_true(
        nt_catalogue_set_photo_content(shop->catalogue, state.photo, content, &(NtStamp){1, 1, 1, 1}, &error));
    return content;
}

static void add_vectors(Shop *shop, uint64_t first, const int64_t *contents, size_t count) {
    g_autoptr(GError) error = NULL;
    g_assert_true(
        nt_catalogue_add_vectors(shop->catalogue, shop->model, first, contents, count, NT_MAKER_UNKNOWN, &error));
    g_assert_no_error(error);
}

/* "id id" of the owners of a row. */
static char *owners_of(Shop *shop, uint64_t vrow) {
    g_autoptr(GArray) owners = g_array_new(false, false, sizeof(NtOwner));
    g_assert_true(nt_catalogue_owners(shop->catalogue, shop->model, vrow, owners, NULL));
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < owners->len; i++) {
        g_autofree char *id = nt_catalogue_product_id(shop->catalogue, g_array_index(owners, NtOwner, i).product, NULL);
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", id);
    }
    return g_string_free(out, FALSE);
}

static void expect_owners(Shop *shop, uint64_t vrow, const char *expected) {
    g_autofree char *owners = owners_of(shop, vrow);
    g_assert_cmpstr(owners, ==, expected);
}

static uint64_t dead_rows(Shop *shop) {
    uint64_t dead = 0;
    g_assert_true(nt_catalogue_dead_rows(shop->catalogue, shop->model, &dead, NULL));
    return dead;
}

static bool append_row(uint64_t vrow, void *data) {
    g_array_append_val((GArray *)data, vrow);
    return true;
}

static int compare_rows(const void *a, const void *b) {
    return *(const uint64_t *)a < *(const uint64_t *)b ? -1 : *(const uint64_t *)a > *(const uint64_t *)b;
}

static void expect_rows(Shop *shop, const char *condition, const char *expected) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtWhere) where = condition != NULL ? nt_where_parse(shop->catalogue, condition, &error) : NULL;
    g_assert_no_error(error);
    g_autoptr(GArray) rows = g_array_new(false, false, sizeof(uint64_t));
    g_assert_true(nt_catalogue_each_row(shop->catalogue, shop->model, where, append_row, rows, NULL));
    g_array_sort(rows, compare_rows);
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < rows->len; i++) {
        g_string_append_printf(out, "%u ", (unsigned)g_array_index(rows, uint64_t, i));
    }
    g_assert_cmpstr(out->str, ==, expected);
}

/* One picture at two sellers is one row with two owners; the row dies with the last and comes back with the picture. */
static void test_owners(Shop *shop, const void *data) {
    int64_t contents[] = {add_product(shop, "a", 1, NULL), add_product(shop, "b", 2, NULL)};
    g_assert_cmpint(add_product(shop, "c", 1, NULL), ==, contents[0]);
    add_vectors(shop, 0, contents, 2);
    expect_owners(shop, 0, "a c");
    expect_owners(shop, 1, "b");
    expect_owners(shop, 2, "");
    expect_rows(shop, "id = 'c'", "0 ");
    g_assert_cmpuint(dead_rows(shop), ==, 0);

    g_assert_true(nt_catalogue_remove_product(shop->catalogue, "a", NULL, NULL));
    expect_owners(shop, 0, "c");
    g_assert_true(nt_catalogue_remove_product(shop->catalogue, "c", NULL, NULL));
    expect_owners(shop, 0, "");
    g_assert_cmpuint(dead_rows(shop), ==, 1);
    expect_rows(shop, NULL, "1 ");

    g_assert_cmpint(add_product(shop, "d", 1, NULL), ==, contents[0]);
    expect_owners(shop, 0, "d");
    int64_t vrow = -1;
    g_assert_true(nt_catalogue_find_vector(shop->catalogue, shop->model, contents[0], &vrow, NULL));
    g_assert_cmpint(vrow, ==, 0);
}

/* A content that is embedded again has the new row; the old one is dead. */
static void test_again(Shop *shop, const void *data) {
    int64_t content = add_product(shop, "a", 1, NULL);
    add_vectors(shop, 0, &content, 1);
    add_vectors(shop, 1, &content, 1);
    expect_owners(shop, 0, "");
    expect_owners(shop, 1, "a");
    g_assert_cmpuint(dead_rows(shop), ==, 1);
}

/* Rows are named in order, and for contents that are there. */
static void test_refused(Shop *shop, const void *data) {
    int64_t content = add_product(shop, "a", 1, NULL), nothing = 12345;
    g_autoptr(GError) gap = NULL, stranger = NULL, model = NULL;
    g_assert_false(nt_catalogue_add_vectors(shop->catalogue, shop->model, 1, &content, 1, 0, &gap));
    g_assert_error(gap, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_false(nt_catalogue_add_vectors(shop->catalogue, shop->model, 0, &nothing, 1, 0, &stranger));
    g_assert_error(stranger, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_false(nt_catalogue_add_vectors(shop->catalogue, shop->model + 7, 0, &content, 1, 0, &model));
    g_assert_nonnull(model);
    add_vectors(shop, 0, &content, 1);
    expect_rows(shop, NULL, "0 ");
}

static void test_conditions(Shop *shop, const void *data) {
    int64_t contents[30];
    for (uint32_t i = 0; i < 30; i++) {
        g_autofree char *id = g_strdup_printf("p%02u", i), *price = g_strdup_printf("price=%u", i);
        contents[i] = add_product(shop, id, i + 1, (const char *const[]){price, i % 2 == 0 ? "side=even" : NULL, NULL});
    }
    add_vectors(shop, 0, contents, 30);
    expect_rows(shop, "price < 3", "0 1 2 ");
    expect_rows(shop, "price > 25 and has side", "26 28 ");
    expect_rows(shop, "id in ('p07', 'p11', 'nobody')", "7 11 ");
    expect_rows(shop, "price > 100", "");
}

static void test_digests(Shop *shop, const void *data) {
    int64_t contents[600];
    for (uint32_t i = 0; i < 600; i++) {
        contents[i] = add_content(shop->catalogue, i + 1);
    }
    add_vectors(shop, 0, contents, 600);
    uint64_t digests[] = {UINT64_MAX, 2, 3}, digest = 0;
    unsigned rows = 0;
    g_assert_true(nt_catalogue_put_digests(shop->catalogue, shop->model, 0, digests, 3, 88, NULL));
    g_assert_true(nt_catalogue_get_digest(shop->catalogue, shop->model, 0, &digest, &rows, NULL));
    g_assert_true(digest == UINT64_MAX && rows == 256);
    g_assert_true(nt_catalogue_get_digest(shop->catalogue, shop->model, 2, &digest, &rows, NULL));
    g_assert_true(digest == 3 && rows == 88);
    g_autofree char *sound = problems(shop->catalogue);
    g_assert_cmpstr(sound, ==, "");
    digests[0] = 9;
    g_assert_true(nt_catalogue_put_digests(shop->catalogue, shop->model, 2, digests, 1, 200, NULL));
    g_assert_true(nt_catalogue_get_digest(shop->catalogue, shop->model, 2, &digest, &rows, NULL));
    g_assert_true(digest == 9 && rows == 200);
    g_autofree char *fault = problems(shop->catalogue);
    g_assert_nonnull(strstr(fault, "checksums cover 712 of 600 rows"));
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_catalogue_get_digest(shop->catalogue, shop->model, 3, &digest, &rows, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

/* Vectors that came without photos go over to the photo when it is read. */
static void test_import(Shop *shop, const void *data) {
    g_autoptr(GError) error = NULL;
    NtProductPut put = {.id = "a"};
    int64_t product = 0, content = 0, vrow = -1;
    g_assert_true(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, NULL, NULL, &error));
    g_assert_true(nt_catalogue_find_product(shop->catalogue, "a", &product, &error));
    g_assert_true(nt_catalogue_import_content(shop->catalogue, product, 0, &content, &error));
    add_vectors(shop, 0, &content, 1);
    expect_owners(shop, 0, "a");
    nt_catalogue_commit(shop->catalogue, NULL);
    shop->run = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    int64_t real = add_product(shop, "a", 77, NULL);
    g_assert_true(nt_catalogue_find_vector(shop->catalogue, shop->model, real, &vrow, &error));
    g_assert_cmpint(vrow, ==, 0);
    expect_owners(shop, 0, "a");
}

static void test_models(Shop *shop, const void *data) {
    g_autoptr(GError) taken = NULL, path = NULL, dtype = NULL, none = NULL;
    NtModelRow row = {.name = (char *)"m", .dimension = 4, .dtype = (char *)"f2", .metric = (char *)"cosine"};
    int64_t model = 0;
    g_assert_false(nt_catalogue_add_model(shop->catalogue, &row, &model, &taken));
    g_assert_error(taken, NITERU_ERROR, NITERU_ERROR_INVALID);
    row.name = (char *)"../m";
    g_assert_false(nt_catalogue_add_model(shop->catalogue, &row, &model, &path));
    g_assert_error(path, NITERU_ERROR, NITERU_ERROR_INVALID);
    row.name = (char *)"n", row.dtype = (char *)"f8";
    g_assert_false(nt_catalogue_add_model(shop->catalogue, &row, &model, &dtype));
    g_assert_error(dtype, NITERU_ERROR, NITERU_ERROR_INVALID);
    row.dtype = (char *)"f4";
    g_assert_true(nt_catalogue_add_model(shop->catalogue, &row, &model, NULL));

    g_auto(NtModelRow) found = {0};
    g_assert_true(nt_catalogue_find_model(shop->catalogue, NULL, &found, NULL));
    g_assert_cmpstr(found.name, ==, "m"); /* the first is the default */
    g_assert_true(nt_catalogue_set_default_model(shop->catalogue, model, NULL));
    nt_model_row_clear(&found);
    g_assert_true(nt_catalogue_find_model(shop->catalogue, NULL, &found, NULL));
    g_assert_cmpstr(found.name, ==, "n");
    g_auto(NtModelRow) other = {0};
    g_assert_false(nt_catalogue_find_model(shop->catalogue, "x", &other, &none));
    g_assert_error(none, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(none->message, "m, n"));

    int64_t content = add_product(shop, "a", 1, NULL);
    add_vectors(shop, 0, &content, 1);
    g_assert_true(nt_catalogue_renew_model(shop->catalogue, shop->model, 2, NULL));
    expect_rows(shop, NULL, "");
    add_vectors(shop, 0, &content, 1);
    expect_rows(shop, NULL, "0 ");
    g_assert_true(nt_catalogue_remove_model(shop->catalogue, shop->model, NULL));
    g_autofree char *sound = problems(shop->catalogue);
    g_assert_cmpstr(sound, ==, "");
}

/* "kind:count " of those who made a model's living vectors. */
static bool append_maker(const NtMaker *maker, uint64_t vectors, void *data) {
    static const char *const kinds[] = {"unknown", "network", "import"};
    g_string_append_printf(data, "%s:%u ", kinds[maker->kind], (unsigned)vectors);
    return true;
}

static void expect_makers(Shop *shop, const char *expected) {
    g_autoptr(GString) out = g_string_new(NULL);
    g_assert_true(nt_catalogue_each_maker(shop->catalogue, shop->model, append_maker, out, NULL));
    g_assert_cmpstr(out->str, ==, expected);
}

static bool append_content(int64_t content, void *data) {
    g_string_append_printf(data, "%d ", (int)content);
    return true;
}

static bool append_location(const char *location, void *data) {
    g_string_append_printf(data, "%s ", location);
    return true;
}

static bool ignore_row(uint64_t vrow, void *data) { return true; }

/* Each vector keeps who made it, through compaction too; those of others than the model's network are found. */
static void test_makers(Shop *shop, const void *data) {
    g_autoptr(GError) error = NULL;
    int64_t a = add_product(shop, "a", 1, NULL), b = add_product(shop, "b", 2, NULL);
    int64_t c = add_product(shop, "c", 3, NULL), network = 0, again = 0, import = 0, own = -1, vrow = -1;
    NtMaker by_network = {.kind = NT_MADE_BY_NETWORK, .digest = {1, 2, 3}};
    NtMaker by_import = {.kind = NT_MADE_ELSEWHERE, .digest = {1, 2, 3}, .source = "/v.npy"};
    g_assert_true(nt_catalogue_model_maker(shop->catalogue, shop->model, &own, &error));
    g_assert_cmpint(own, ==, NT_MAKER_UNKNOWN);
    g_assert_true(nt_catalogue_put_maker(shop->catalogue, &by_network, &network, &error));
    g_assert_true(nt_catalogue_put_maker(shop->catalogue, &by_import, &import, &error));
    g_assert_true(nt_catalogue_put_maker(shop->catalogue, &by_network, &again, &error));
    g_assert_cmpint(network, ==, again);
    g_assert_cmpint(network, !=, import);
    g_assert_true(nt_catalogue_set_model_digest(shop->catalogue, shop->model, by_network.digest, &error));
    g_assert_true(nt_catalogue_set_model_mixed(shop->catalogue, shop->model, true, &error));
    g_assert_true(nt_catalogue_model_maker(shop->catalogue, shop->model, &own, &error));
    g_assert_cmpint(own, ==, network);

    add_vectors(shop, 0, &a, 1);
    g_assert_true(nt_catalogue_add_vectors(shop->catalogue, shop->model, 1, &b, 1, network, &error));
    g_assert_true(nt_catalogue_add_vectors(shop->catalogue, shop->model, 2, &b, 1, network, &error));
    g_assert_true(nt_catalogue_add_vectors(shop->catalogue, shop->model, 3, &c, 1, import, &error));
    expect_makers(shop, "unknown:1 network:1 import:1 ");
    uint64_t rows = 0;
    g_assert_true(nt_catalogue_compact_model(shop->catalogue, shop->model, 2, ignore_row, NULL, &rows, &error) &&
                  rows == 3);
    expect_makers(shop, "unknown:1 network:1 import:1 ");
    g_autoptr(GString) contents = g_string_new(NULL), locations = g_string_new(NULL);
    g_assert_true(nt_catalogue_each_foreign(shop->catalogue, shop->model, network, append_content, contents, &error));
    g_autofree char *expected = g_strdup_printf("%d ", (int)c);
    g_assert_cmpstr(contents->str, ==, expected);
    g_assert_true(
        nt_catalogue_each_foreign_source(shop->catalogue, shop->model, network, append_location, locations, &error));
    g_assert_cmpstr(locations->str, ==, "/list.csv ");
    g_assert_true(nt_catalogue_find_vector_of(shop->catalogue, shop->model, c, network, &vrow, &error));
    g_assert_cmpint(vrow, ==, -1);
    g_assert_true(nt_catalogue_find_vector_of(shop->catalogue, shop->model, b, network, &vrow, &error));
    g_assert_cmpint(vrow, ==, 1);
    g_auto(NtModelRow) row = {0};
    g_assert_true(nt_catalogue_find_model(shop->catalogue, "m", &row, &error));
    g_assert_true(row.mixed && row.has_digest && memcmp(row.digest, by_network.digest, sizeof row.digest) == 0);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/vector/owners", Shop, NULL, set_up, test_owners, tear_down);
    g_test_add("/vector/again", Shop, NULL, set_up, test_again, tear_down);
    g_test_add("/vector/refused", Shop, NULL, set_up, test_refused, tear_down);
    g_test_add("/vector/conditions", Shop, NULL, set_up, test_conditions, tear_down);
    g_test_add("/vector/digests", Shop, NULL, set_up, test_digests, tear_down);
    g_test_add("/vector/import", Shop, NULL, set_up, test_import, tear_down);
    g_test_add("/vector/makers", Shop, NULL, set_up, test_makers, tear_down);
    g_test_add("/vector/models", Shop, NULL, set_up, test_models, tear_down);
    return g_test_run();
}
