/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions: what they match over six products, missing values, and every way of getting one wrong. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
} Shop;

static void set_up(Shop *shop, const void *data) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    NtRun run = start_run(shop->catalogue, "csv", "/list.csv");
    static const struct {
        const char *id;
        const char *metadata[9];
    } products[] = {
        {"a",
         {"category=Dress", "brand=A", "price=12.5", "stock=3", "sale=true", "created=2026-01-01",
          "tags=[\"red\",\"silk\"]", "Image Alt=x", NULL}},
        {"b",
         {"category=Dress", "brand=B", "price=50", "stock=0", "sale=false", "created=2026-01-02T09:00:00Z",
          "tags=[\"Blue\"]", "Image Alt=Tシャツ", NULL}},
        {"c",
         {"category=Shoe", "price=80", "stock=12", "sale=true", "created=2026-02-01", "tags=[]", "Image Alt=CAFÉ",
          NULL}},
        {"d", {"category=Shoe", "brand=O'Neil", "stock=7", "Image Alt=50%", NULL}},
        {"e", {"brand=C", "price=5", NULL}},
        {"f", {"category=Say \"hi\"", NULL}},
    };
    g_autoptr(GError) error = NULL;
    nt_catalogue_begin(shop->catalogue, &error);
    for (size_t i = 0; i < G_N_ELEMENTS(products); i++) {
        g_autofree char *path = g_strdup_printf("/p/%s.jpg", products[i].id);
        put_product(shop->catalogue, &run, products[i].id, products[i].metadata, path, 1);
    }
    nt_catalogue_commit(shop->catalogue, &error);
    g_assert_no_error(error);
}

static void tear_down(Shop *shop, const void *data) {
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

static const struct {
    const char *condition, *expected;
} matches[] = {
    {"price < 50", "a e"},
    {"price <= 50", "a b e"},
    {"price > 50", "c"},
    {"price>=50", "b c"},
    {"price = 12.5", "a"},
    {"price == 50.0", "b"},
    {"price != 50", "a c e"},
    {"price <> '50'", "a c e"},
    {"price = '$12.50'", "a"},
    {"price < 1e2 and price > +1", "a b c e"},
    {"price > -5", "a b c e"},
    {"stock in (0, 7, 99)", "b d"},
    {"stock not in (0, 7)", "a c"},
    {"category = 'Dress'", "a b"},
    {"category = \"Dress\"", "a b"},
    {"Category = 'Dress'", "a b"},
    {"category = 'dress'", ""},
    {"category > 'Dress'", "c d f"},
    {"brand = 'O''Neil'", "d"},
    {"category = \"Say \"\"hi\"\"\"", "f"},
    {"category = 'Say \"hi\"'", "f"},
    {"price < 50 and category = 'Dress' and not brand in ('B')", "a"},
    {"category = 'Dress' or category = 'Shoe' and price > 60", "a b c"},
    {"(category = 'Dress' or category = 'Shoe') and price > 60", "c"},
    {"PRICE < 50 AND NOT (category = 'Dress')", ""},
    {"sale", "a c"},
    {"not sale", "b"},
    {"sale = true", "a c"},
    {"sale = false", "b"},
    {"sale != TRUE", "b"},
    {"sale = 1", "a c"},
    /* missing values: three-valued */
    {"brand = 'A'", "a"},
    {"brand != 'A'", "b d e"},
    {"not brand = 'A'", "b d e"},
    {"not not brand = 'A'", "a"},
    {"brand in ('A')", "a"},
    {"brand not in ('A')", "b d e"},
    {"not brand in ('A')", "b d e"},
    {"brand = 'A' or price = 80", "a c"},
    {"not (brand = 'A' and price = 80)", "a b d e"}, /* unknown and false: false */
    {"not (brand = 'A' or price = 80)", "b e"},
    {"brand is missing", "c f"},
    {"brand is present", "a b d e"},
    {"has brand", "a b d e"},
    {"not has brand", "c f"},
    {"brand is missing or brand = 'A'", "a c f"},
    {"tags is missing", "d e f"},
    /* dates */
    {"created = '2026-01-02'", "b"},
    {"created > '2026-01-01'", "b c"},
    {"created <= '2026-01-02'", "a b"},
    {"created < '2026-01-02T10:00:00Z'", "a b"},
    {"created = '2026-01-02T18:00+09:00'", "b"},
    {"created in ('2026-01-01', '2026-02-01')", "a c"},
    /* lists */
    {"tags = 'red'", "a"},
    {"tags != 'red'", "b c"},
    {"not tags = 'red'", "b c"},
    {"tags in ('silk', 'Blue')", "a b"},
    {"tags not in ('silk', 'Blue')", "c"},
    {"tags ~ 'BL'", "b"},
    /* contains */
    {"category ~ 'HOE'", "c d"},
    {"not category ~ 'dress'", "c d f"},
    {"`Image Alt` ~ 'ｔシャツ'", "b"},
    {"`image alt` ~ 'café'", "c"},
    {"`Image Alt` ~ '%'", "d"},
    {"category ~ ''", "a b c d f"},
    /* the id */
    {"id = 'a'", "a"},
    {"id in ('a', 'f', 'z')", "a f"},
    {"id > 'd'", "e f"},
    {"has id", "a b c d e f"},
    {" \n price\t<50 ", "a e"},
};

static void test_matches(Shop *shop, const void *data) {
    for (size_t i = 0; i < G_N_ELEMENTS(matches); i++) {
        g_test_message("%s", matches[i].condition);
        g_autofree char *out = matching(shop->catalogue, matches[i].condition);
        g_assert_cmpstr(out, ==, matches[i].expected);
    }
}

#define FIELDS "The fields are: id, category, brand, price, stock, sale, created, tags, Image Alt"

static const struct {
    const char *condition, *message;
} faults[] = {
    {"", "condition, column 1: expected the name of a field, but the condition ends"},
    {"price", "condition, column 1: price is a number, so a comparison must follow it (or: has price)"},
    {"price <",
     "condition, column 8: expected a value (a number, true, false, or text in quotes), but the condition ends"},
    {"price < fifty",
     "condition, column 9: expected a value (a number, true, false, or text in quotes), found 'fifty'"},
    {"price < 5 5", "condition, column 11: expected 'and', 'or' or the end, found '5'"},
    {"price < 50 and", "condition, column 15: expected the name of a field, but the condition ends"},
    {"(price < 50", "condition, column 12: expected ')', but the condition ends"},
    {"price < 50)", "condition, column 11: expected 'and', 'or' or the end, found ')'"},
    {"price in 5", "condition, column 10: expected '(', found '5'"},
    {"price in ()", "condition, column 11: expected a value (a number, true, false, or text in quotes), found ')'"},
    {"price in (1 2)", "condition, column 13: expected ',' or ')', found '2'"},
    {"price in (1,)", "condition, column 13: expected a value (a number, true, false, or text in quotes), found ')'"},
    {"price not 5", "condition, column 11: expected 'in', found '5'"},
    {"price is null", "condition, column 10: expected 'missing' or 'present', found 'null'"},
    {"has", "condition, column 4: expected the name of a field, but the condition ends"},
    {"and = 1", "condition, column 1: expected the name of a field, found 'and'"},
    {"category = 'x", "condition, column 12: a quote is opened here and not closed"},
    {"`x = 1", "condition, column 1: a quote is opened here and not closed"},
    {"category = Dress",
     "condition, column 12: expected a value (a number, true, false, or text in quotes), found 'Dress'"},
    {"price < 5; drop table product", "condition, column 10: this character has no meaning here"},
    {"price < 0x10", "condition, column 9: not a number"},
    {"price < 1e999", "condition, column 9: not a number"},
    {"created > 2026-01-01", "condition, column 11: a number runs into other text; texts and dates stand in quotes"},
    {"ünï = 1", "condition, column 1: there is no field 'ünï'. " FIELDS},
    {"pirce < 5", "condition, column 1: there is no field 'pirce'; did you mean 'price'? " FIELDS},
    {"sale and brnd = 'A'", "condition, column 10: there is no field 'brnd'; did you mean 'brand'? " FIELDS},
    {"price = 'cheap'", "condition, column 9: price is a number, which 'cheap' does not fit"},
    {"price = true", "condition, column 9: price is a number, which 'true' does not fit"},
    {"stock ~ 'x'", "condition, column 9: stock is an integer, which 'x' does not fit: '~' looks into texts and lists"},
    {"category = 5", "condition, column 12: category is a text, which '5' does not fit: texts stand in quotes"},
    {"sale = 'yes'", "condition, column 8: sale is a bool, which 'yes' does not fit: write true or false"},
    {"sale > false", "condition, column 8: sale is a bool, which 'false' does not fit: it has no order, only = and !="},
    {"tags < 'x'", "condition, column 8: tags is a list, which 'x' does not fit: it has no order, only = and !="},
    {"created = 'soon'", "condition, column 11: created is a date, which 'soon' does not fit: write 'YYYY-MM-DD'"},
    {"stock in (1, 'x')", "condition, column 14: stock is an integer, which 'x' does not fit"},
    {"\xff", "condition, byte 1: not UTF-8"},
};

static void test_faults(Shop *shop, const void *data) {
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *shown = g_strescape(faults[i].condition, NULL);
        g_test_message("%s", shown);
        g_autofree char *out = matching(shop->catalogue, faults[i].condition);
        g_assert_cmpstr(out, ==, faults[i].message);
    }
}

/* `count` times a text, parted by another. */
static char *repeated(const char *text, const char *between, size_t count) {
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(out, "%s%s", i > 0 ? between : "", text);
    }
    return g_string_free(out, FALSE);
}

#define TOO_DEEP "condition: 'and', 'or' and 'not' are nested deeper than 20 in one another"

static void test_bounds(Shop *shop, const void *data) {
    static const struct {
        const char *text, *between;
        size_t count;
        const char *before, *after, *expected;
    } cases[] = {
        {"price<50", " or ", 1000, "", "", "a e"},
        {"sale", " or ", 2000, "", "", "a c"}, /* a chain is no depth */
        {"price<50", " or ", 1001, "", "", "condition, column 12007: more than 1000 values"},
        {"5", ",", 1000, "price in (", ")", "e"},
        {"5", ",", 1001, "price in (", ")", "condition, column 2011: more than 1000 values"},
        {"not", " ", 63, "", " sale", "b"},
        {"not", " ", 64, "", " sale", "condition, column 257: nested deeper than 64"},
        {"(", "", 63, "", "sale", "condition, column 68: expected ')', but the condition ends"},
        {"(", "", 16000, "", "sale", "condition, column 65: nested deeper than 64"},
        {"sale and (price < 50 or (", "", 10, "", "tags != 'red'))))))))))))))))))))", "a c"},
        {"sale and not (tags in ('x') or tags ~ 'y' and ", "", 6, "", "tags != 'red'))))))", "a c"},
        {"sale and (price < 50 or (", "", 11, "", "sale))))))))))))))))))))))", TOO_DEEP},
        {" ", "", 16380, "sale", "", "a c"},
        {" ", "", 16381, "sale", "", "condition: longer than 16384 bytes"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *middle = repeated(cases[i].text, cases[i].between, cases[i].count);
        g_autofree char *condition = g_strconcat(cases[i].before, middle, cases[i].after, NULL);
        g_autofree char *out = matching(shop->catalogue, condition);
        g_assert_cmpstr(out, ==, cases[i].expected);
    }
}

/* A condition made with one connection serves another. */
static void test_shared(Shop *shop, const void *data) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtWhere) where = nt_where_parse(shop->catalogue, "category ~ 'dress' and price < 20", &error);
    g_assert_no_error(error);
    g_autoptr(NtCatalogue) reader = nt_catalogue_open_reader(shop->catalogue, &error);
    g_assert_no_error(error);
    uint64_t removed = 0;
    nt_catalogue_begin(shop->catalogue, &error);
    g_assert_true(nt_catalogue_remove_where(shop->catalogue, where, &removed, &error));
    nt_catalogue_commit(shop->catalogue, &error);
    g_assert_cmpuint(removed, ==, 1);
    g_autofree char *left = matching(reader, "has id");
    g_assert_cmpstr(left, ==, "b c d e f");
}

static void test_no_fields(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_autofree char *out = matching(catalogue, "price < 5"), *all = matching(catalogue, "id = 'x'");
    g_assert_cmpstr(out, ==, "condition, column 1: there is no field 'price'. The fields are: id");
    g_assert_cmpstr(all, ==, "");
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* What is near a condition that nothing matches, as JSON. */
static void expect_near(Shop *shop, const char *condition, const char *expected) {
    g_autoptr(GError) error = NULL;
    g_autoptr(NtJson) near = nt_where_near(shop->catalogue, condition, &error);
    g_assert_no_error(error);
    g_autofree char *text = nt_json_print(near, false);
    g_assert_cmpstr(text, ==, expected);
}

static void test_near(Shop *shop, const void *data) {
    expect_near(shop, "category = 'dress'",
                "[{\"condition\": \"category = 'dress'\", \"field\": \"category\", "
                "\"near\": [{\"value\": \"Dress\", \"products\": 2}]}]");
    expect_near(shop, "price < 50 and category in (' SHOES ', 'x')",
                "[{\"condition\": \"category in (' SHOES ', 'x')\", \"field\": \"category\", "
                "\"near\": [{\"value\": \"Shoe\", \"products\": 2}]}]");
    expect_near(shop, "tags = 'blue'",
                "[{\"condition\": \"tags = 'blue'\", \"field\": \"tags\", "
                "\"near\": [{\"value\": \"Blue\", \"products\": 1}]}]");
    expect_near(shop, "stock > 12",
                "[{\"condition\": \"stock > 12\", \"field\": \"stock\", \"least\": 0, \"most\": 12}]");
    expect_near(shop, "created > '2027-01-01' or price = 1",
                "[{\"condition\": \"created > '2027-01-01'\", \"field\": \"created\", \"least\": \"2026-01-01\", "
                "\"most\": \"2026-02-01\"}, {\"condition\": \"price = 1\", \"field\": \"price\", \"least\": 5.0, "
                "\"most\": 80.0}]");
    expect_near(shop, "brand = 'Zebra'", "[{\"condition\": \"brand = 'Zebra'\", \"field\": \"brand\", \"near\": []}]");
    expect_near(shop, "not category = 'dress' and id = 'a'", "[]"); /* it need not hold */
    expect_near(shop, "category = 'Dress' and category = 'Shoe'", "[]");
    g_autoptr(GError) error = NULL;
    g_assert_null(nt_where_near(shop->catalogue, "categry = 'x'", &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

/* Values beyond what is looked at cost nothing but their reading. */
static void test_near_many(Shop *shop, const void *data) {
    g_autoptr(GError) error = NULL;
    NtRun run = start_run(shop->catalogue, "csv", "/many.csv");
    nt_catalogue_begin(shop->catalogue, &error);
    for (unsigned i = 0; i < 6000; i++) {
        g_autofree char *id = g_strdup_printf("p%05u", i), *brand = g_strdup_printf("brand=maker %05u", i);
        put_product(shop->catalogue, &run, id, (const char *const[]){brand, NULL}, "/p/x.jpg", 1);
    }
    nt_catalogue_commit(shop->catalogue, &error);
    g_assert_no_error(error);
    g_autoptr(NtJson) near = nt_where_near(shop->catalogue, "brand = 'Maker 00001'", &error);
    g_assert_no_error(error);
    const NtJson *named = nt_json_get(nt_json_at(near, 0), "near");
    g_assert_cmpuint(nt_json_count(named), ==, 3);
    g_assert_cmpstr(nt_json_text(nt_json_get(nt_json_at(named, 0), "value"), ""), ==, "maker 00001");
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/where/matches", Shop, NULL, set_up, test_matches, tear_down);
    g_test_add("/where/faults", Shop, NULL, set_up, test_faults, tear_down);
    g_test_add("/where/bounds", Shop, NULL, set_up, test_bounds, tear_down);
    g_test_add("/where/near", Shop, NULL, set_up, test_near, tear_down);
    g_test_add("/where/near-many", Shop, NULL, set_up, test_near_many, tear_down);
    g_test_add("/where/shared", Shop, NULL, set_up, test_shared, tear_down);
    g_test_add_func("/where/no-fields", test_no_fields);
    return g_test_run();
}
