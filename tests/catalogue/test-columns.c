/* SPDX-License-Identifier: Apache-2.0 */
/* From a list's columns to typed fields: inference, told types, misfits, currencies, late columns, limits. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtColumns *columns;
} Shop;

static void set_up(Shop *shop, const void *types) {
    g_autoptr(GError) error = NULL;
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    nt_catalogue_begin(shop->catalogue, &error);
    shop->columns = nt_columns_new(shop->catalogue, types, &error);
    g_assert_no_error(error);
}

static void tear_down(Shop *shop, const void *data) {
    nt_columns_free(shop->columns);
    nt_catalogue_rollback(shop->catalogue);
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

static const char *type_of(Shop *shop, const char *name) {
    int64_t field = 0;
    NtFieldType type = NT_FIELD_MISSING;
    return nt_catalogue_find_field(shop->catalogue, name, &field, &type, NULL) ? nt_field_type_name(type) : "none";
}

/* The row's value of a field as text: "-" for missing, "" when the row has none. */
static char *value_of(Shop *shop, const char *name) {
    int64_t field = 0;
    size_t count = 0;
    const NtValue *values = nt_columns_values(shop->columns, &count);
    if (!nt_catalogue_find_field(shop->catalogue, name, &field, NULL, NULL)) {
        return g_strdup("none");
    }
    for (size_t i = 0; i < count; i++) {
        if (values[i].field == field) {
            switch (values[i].type) {
            case NT_FIELD_MISSING: return g_strdup("-");
            case NT_FIELD_BOOL:
            case NT_FIELD_INTEGER: return g_strdup_printf("%" G_GINT64_FORMAT, values[i].integer);
            case NT_FIELD_NUMBER:
                return g_ascii_formatd(g_malloc(G_ASCII_DTOSTR_BUF_SIZE), G_ASCII_DTOSTR_BUF_SIZE, "%g",
                                       values[i].number);
            default: return g_strdup(values[i].text);
            }
        }
    }
    return g_strdup("");
}

/* Reads one value as a row of its own and gives it as text, or the error. */
static char *read_one(Shop *shop, const char *name, const char *text) {
    g_autoptr(GError) error = NULL;
    nt_columns_begin_row(shop->columns);
    return nt_columns_read(shop->columns, name, text, NULL, &error) ? value_of(shop, name) : g_strdup(error->message);
}

static void expect_read(Shop *shop, const char *name, const char *text, const char *expected) {
    g_autofree char *out = read_one(shop, name, text);
    g_assert_cmpstr(out, ==, expected);
}

static void test_inference(Shop *shop, const void *data) {
    static const struct {
        const char *values[6], *type;
    } cases[] = {
        {{"true", "False", "YES", "no", NULL}, "bool"},
        {{"1", "2", "-3", "", NULL}, "integer"},
        {{"0", "1", "1", NULL}, "integer"},
        {{"1", "2.5", NULL}, "number"},
        {{"1,299", "5", NULL}, "number"},
        {{"$5", "6,50 €", NULL}, "number"},
        {{"1", "N/A", "nan", "2", NULL}, "integer"},
        {{"2026-01-01", "2026/01/02 10:00", NULL}, "date"},
        {{"0123", "4567", NULL}, "text"}, /* a leading zero: a code */
        {{"4901234567894", "4901234567900", NULL}, "integer"},
        {{"12345678901234567890", "1", NULL}, "text"}, /* beyond 64 bits: a code */
        {{"[\"a\"]", "[]", NULL}, "list"},
        {{"1", "x", NULL}, "text"},
        {{"true", "1", NULL}, "text"},
        {{"2026-01-01", "5", NULL}, "text"},
        {{"a|b", "c", NULL}, "text"},
        {{"Shirt, blue", "none", "[1]", NULL}, "text"}, /* one array among texts */
        {{"[1]", "none", NULL}, "text"},                /* "none" is a text where there is a text */
        {{"[S]", "[M]", NULL}, "text"},
        {{"[1]", "", "[2, 3]", NULL}, "list"},
        {{"2026-01-01", "soon", NULL}, "text"},
        {{"yes", "maybe", NULL}, "text"},
        {{"", " ", NULL}, "none"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("f%zu", i);
        for (size_t v = 0; cases[i].values[v] != NULL; v++) {
            nt_columns_learn(shop->columns, name, cases[i].values[v], NULL);
        }
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("f%zu", i);
        g_test_message("%s", cases[i].values[0]);
        g_assert_cmpstr(type_of(shop, name), ==, cases[i].type);
    }
    expect_read(shop, "f8", "0123", "0123");
    expect_read(shop, "f6", "n/a", "-");
}

/* One odd cell among many turns no column, unless it may be an article code; two of twenty may be more than slips. */
static void test_odd_cells(Shop *shop, const void *data) {
    static const struct {
        const char *usual, *odd, *type;
        int count, odds;
    } cases[] = {{"12", "call us", "integer", 30, 1},  {"12", "call us", "text", 15, 1},
                 {"12", "call us", "text", 30, 2},     {"1.5", "12", "number", 30, 1},
                 {"12", "A-17", "text", 30, 1},        {"12", "0012", "text", 30, 1},
                 {"12", "[\"a\"]", "integer", 30, 1},  {"2026-01-01", "soon", "date", 30, 1},
                 {"yes", "perhaps", "bool", 30, 1},    {"red", "12", "text", 30, 1},
                 {"red", "[\"a\"]", "text", 30, 1},    {"red", "yes", "text", 30, 1},
                 {"red", "2026-01-01", "text", 30, 1}, {"[\"a\"]", "red", "text", 30, 1},
                 {"12", "call us", "integer", 500, 5}, {"12", "call us", "text", 500, 6},
                 {"none", "12", "integer", 30, 1}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("f%zu", i);
        for (int v = 0; v < cases[i].count; v++) {
            const char *value = v >= 1 && v <= cases[i].odds ? cases[i].odd : cases[i].usual;
            nt_columns_learn(shop->columns, name, value, NULL);
        }
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("f%zu", i);
        g_test_message("%d of %s, %d of %s", cases[i].count, cases[i].usual, cases[i].odds, cases[i].odd);
        g_assert_cmpstr(type_of(shop, name), ==, cases[i].type);
    }
    expect_read(shop, "f0", "call us", "f0: 'call us' is not an integer; the value was left out");
}

/* A title that is an array in one row, a text in the others: every one stays as it is written. */
static void test_list_among_texts(Shop *shop, const void *data) {
    static const char *const titles[] = {"Shirt, blue, M", "none", "[1]"};
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++) {
        nt_columns_learn(shop->columns, "title", titles[i], NULL);
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(titles); i++) {
        expect_read(shop, "title", titles[i], titles[i]);
    }
    expect_read(shop, "late", "[1]", "[1]");
    expect_read(shop, "late", "a, b", "a, b");
}

static void learn_json(Shop *shop, const char *name, const char *json) {
    g_autoptr(NtJson) value = nt_json_parse(json, strlen(json), "test", NULL, NULL);
    nt_columns_learn(shop->columns, name, NULL, value);
}

static void test_json(Shop *shop, const void *data) {
    static const struct {
        const char *values[4], *type;
    } cases[] = {
        {{"true", "false", NULL}, "bool"}, {{"1", "2", NULL}, "integer"},         {{"1", "2.5", NULL}, "number"},
        {{"[\"a\"]", "[]", NULL}, "list"}, {{"{\"a\":1}", NULL}, "text"},         {{"true", "1", NULL}, "text"},
        {{"null", NULL}, "none"},          {{"[1]", "null", "[]", NULL}, "list"}, {{"[1]", "2", NULL}, "text"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("j%zu", i);
        for (size_t v = 0; cases[i].values[v] != NULL; v++) {
            learn_json(shop, name, cases[i].values[v]);
        }
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strdup_printf("j%zu", i);
        g_assert_cmpstr(type_of(shop, name), ==, cases[i].type);
    }
    static const struct {
        const char *name, *json, *value;
    } reads[] = {{"j1", "5.0", "5"},
                 {"j1", "5.5", NULL},
                 {"j1", "true", NULL},
                 {"j2", "7", "7"},
                 {"j3", "[1, \"x\", null]", "[\"1\", \"x\"]"},
                 {"j3", "\"s\"", "[\"s\"]"},
                 {"j4", "{\"b\": 2}", "{\"b\": 2}"},
                 {"j0", "1", "1"},
                 {"j0", "2", NULL},
                 {"j3", "{}", NULL},
                 {"j1", "null", "-"}};
    for (size_t i = 0; i < G_N_ELEMENTS(reads); i++) {
        g_autoptr(NtJson) json = nt_json_parse(reads[i].json, strlen(reads[i].json), "test", NULL, NULL);
        const char *text = nt_json_text(json, NULL);
        g_autoptr(GError) error = NULL;
        nt_columns_begin_row(shop->columns);
        bool ok = nt_columns_read(shop->columns, reads[i].name, text, text == NULL ? json : NULL, &error);
        g_test_message("%s %s", reads[i].name, reads[i].json);
        g_assert_true(ok == (reads[i].value != NULL));
        g_autofree char *value = value_of(shop, reads[i].name);
        g_assert_cmpstr(value, ==, ok ? reads[i].value : "-");
    }
}

static void test_reserved(Shop *shop, const void *data) {
    static const struct {
        const char *name, *values[4], *type;
    } cases[] = {{"Price", {"12", "call us", "$5", NULL}, "number"},
                 {"category", {"12", "13", NULL}, "text"},
                 {"GROUP", {"7", NULL}, "text"},
                 {"available", {"1", "0", "in stock", NULL}, "bool"},
                 {"stock", {"5", "many", NULL}, "integer"},
                 {"created", {"2026-01-01", NULL}, "date"},
                 {"title", {"true", NULL}, "text"},
                 {"brand", {"x", NULL}, "text"}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (size_t v = 0; cases[i].values[v] != NULL; v++) {
            nt_columns_learn(shop->columns, cases[i].name, cases[i].values[v], NULL);
        }
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpstr(type_of(shop, cases[i].name), ==, cases[i].type);
    }
    expect_read(shop, "PRICE", "call us", "price: 'call us' is not a number; the value was left out");
    expect_read(shop, "available", "Out of Stock", "0");
}

/* Without a "usual" type for half of the values, a reserved field is as any other. */
static void test_reserved_otherwise(Shop *shop, const void *data) {
    nt_columns_learn(shop->columns, "price", "cheap", NULL);
    nt_columns_learn(shop->columns, "price", "dear", NULL);
    nt_columns_learn(shop->columns, "price", "5", NULL);
    nt_columns_learn(shop->columns, "available", "12", NULL);
    nt_columns_learn(shop->columns, "available", "7", NULL);
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    g_assert_cmpstr(type_of(shop, "price"), ==, "text");
    g_assert_cmpstr(type_of(shop, "available"), ==, "integer");
}

static void test_money(Shop *shop, const void *data) {
    const char *euro[] = {"1.299 €", "12,50 €", "5 €"};
    for (size_t i = 0; i < G_N_ELEMENTS(euro); i++) {
        nt_columns_learn(shop->columns, "price", euro[i], NULL);
        nt_columns_learn(shop->columns, "old", euro[i], NULL);
        nt_columns_learn(shop->columns, "weight", i == 0 ? "1.299" : "2,5", NULL);
    }
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    g_assert_cmpstr(type_of(shop, "currency"), ==, "text");
    g_assert_cmpstr(type_of(shop, "old_currency"), ==, "text");
    expect_read(shop, "weight", "1.299", "1299"); /* the column's commas are decimal */
    nt_columns_begin_row(shop->columns);
    g_assert_true(nt_columns_read(shop->columns, "price", "1.299 €", NULL, NULL));
    g_assert_true(nt_columns_read(shop->columns, "old", "$3", NULL, NULL));
    g_autofree char *price = value_of(shop, "price"), *currency = value_of(shop, "currency");
    g_autofree char *old = value_of(shop, "old_currency");
    g_assert_cmpstr(price, ==, "1299");
    g_assert_cmpstr(currency, ==, "EUR");
    g_assert_cmpstr(old, ==, "USD");
    /* A price without a currency says nothing about it. */
    nt_columns_begin_row(shop->columns);
    g_assert_true(nt_columns_read(shop->columns, "price", "5", NULL, NULL));
    g_autofree char *none = value_of(shop, "currency");
    g_assert_cmpstr(none, ==, "");
}

/* A column of its own for the currency wins, whichever comes first; where it is empty, the price's is taken. */
static void test_own_currency(Shop *shop, const void *data) {
    nt_columns_learn(shop->columns, "currency", "AUD", NULL);
    nt_columns_learn(shop->columns, "price", "$5", NULL);
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    for (int order = 0; order < 2; order++) {
        for (int empty = 0; empty < 2; empty++) {
            nt_columns_begin_row(shop->columns);
            for (int i = 0; i < 2; i++) {
                bool price = i == order;
                g_assert_true(nt_columns_read(shop->columns, price ? "price" : "currency",
                                              price   ? "$5"
                                              : empty ? ""
                                                      : "AUD",
                                              NULL, NULL));
            }
            g_autofree char *currency = value_of(shop, "currency");
            g_assert_cmpstr(currency, ==, empty ? "USD" : "AUD");
        }
    }
}

static void test_misfits(Shop *shop, const void *data) {
    nt_columns_learn(shop->columns, "n", "5", NULL);
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    expect_read(shop, "n", "5.5", "n: '5.5' is not an integer; the value was left out");
    expect_read(shop, "n", "99999999999999999999",
                "n: '99999999999999999999' is not an integer; the value was left out");
    g_autofree char *left_out = value_of(shop, "n");
    g_assert_cmpstr(left_out, ==, "-"); /* in the row as missing, so that an old value goes */
    expect_read(shop, "n", "", "-");
    expect_read(shop, "n", " 7 ", "7");
}

static void test_late(Shop *shop, const void *data) {
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    expect_read(shop, "late", "", "none");
    expect_read(shop, "late", "5", "5");
    g_assert_cmpstr(type_of(shop, "late"), ==, "number"); /* the next may have decimals */
    expect_read(shop, "late", "5.5", "5.5");
    expect_read(shop, "late", "x", "late: 'x' is not a number; the value was left out");
    expect_read(shop, "word", "x", "x");
    expect_read(shop, "fee", "€ 2,50", "2.5");
    g_assert_cmpstr(type_of(shop, "fee_currency"), ==, "text");
}

static void test_names(Shop *shop, const void *data) {
    g_autofree char *long_name = g_strnfill(201, 'n');
    nt_columns_learn(shop->columns, "ID", "5", NULL);
    nt_columns_learn(shop->columns, "good", "5", NULL);
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    g_assert_cmpstr(type_of(shop, "GOOD"), ==, "integer");
    expect_read(shop, "ID", "5", "'id' is the product's own name, not a field");
    expect_read(shop, "a\nb", "5", "'a\\x0ab' cannot be the name of a field");
    g_autofree char *out = read_one(shop, long_name, "5");
    g_assert_true(g_str_has_suffix(out, "a field's name may have 200 bytes"));
    expect_read(shop, "select \"x\"; --", "text", "text"); /* names are data */
}

static void test_limit(void) {
    char *folder = make_folder();
    NtLimits limits = nt_limits_default();
    limits.list_columns = 3;
    NtCatalogueOptions options = {.limits = &limits};
    g_autoptr(GError) error = NULL;
    NtCatalogue *catalogue = nt_catalogue_open(folder, &options, &error);
    g_assert_no_error(error);
    Shop shop = {.folder = folder, .catalogue = catalogue, .columns = nt_columns_new(catalogue, NULL, NULL)};
    nt_catalogue_begin(catalogue, &error);
    for (int i = 0; i < 4; i++) {
        g_autofree char *name = g_strdup_printf("f%d", i);
        nt_columns_learn(shop.columns, name, "x", NULL);
    }
    g_assert_true(nt_columns_settle(shop.columns, &error));
    expect_read(&shop, "f2", "x", "x");
    expect_read(&shop, "f3", "x", "field 'f3': the catalogue has 3 fields already (limit list-columns)");
    /* Names without end cost no memory without end. */
    for (int i = 0; i < 1000; i++) {
        g_autofree char *name = g_strdup_printf("g%d", i), *out = read_one(&shop, name, "x");
        g_assert_nonnull(strstr(out, "limit list-columns"));
    }
    tear_down(&shop, NULL);
    /* More than SQLite has columns for. */
    limits.list_columns = 1991;
    g_assert_null(nt_catalogue_open("/nowhere", &options, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_cmpstr(error->message, ==, "limit list-columns: 1991 is over 1990, which is the most");
}

static const char *const told[] = {"sku=text", "price = number", "tags=list", NULL};

static void test_told(Shop *shop, const void *data) {
    nt_columns_learn(shop->columns, "SKU", "123", NULL);
    g_assert_true(nt_columns_settle(shop->columns, NULL));
    g_assert_cmpstr(type_of(shop, "sku"), ==, "text");
    g_assert_cmpstr(type_of(shop, "tags"), ==, "list");
    expect_read(shop, "tags", "red| blue |", "[\"red\", \"blue\"]");
    expect_read(shop, "tags", "red, blue", "[\"red\", \"blue\"]");
    expect_read(shop, "tags", "[\"a\"]", "[\"a\"]");
    static const char *const wrong[][2] = {{"price=money", NULL}, {"price", NULL}, {"=text", NULL}};
    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(nt_columns_new(shop->catalogue, wrong[i], &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, "the types are bool, integer, number, date, text, list"));
    }
}

/* A stored type stays, unless it is told otherwise; then the stored values are turned. */
static void test_retype(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    NtRun run = start_run(catalogue, "csv", "/l.csv");
    g_autoptr(GError) error = NULL;
    nt_catalogue_begin(catalogue, &error);
    const char *const a[] = {"size=38", NULL}, *const b[] = {"size=L", NULL};
    put_product(catalogue, &run, "a", a, "/a.jpg", 1);
    const char *text[] = {"size=text", NULL}, *number[] = {"size=number", NULL};
    NtColumns *columns = nt_columns_new(catalogue, NULL, &error);
    nt_columns_learn(columns, "size", "L", NULL);
    g_assert_true(nt_columns_settle(columns, &error));
    nt_columns_begin_row(columns);
    g_assert_false(nt_columns_read(columns, "size", "L", NULL, NULL)); /* it is an integer */
    nt_columns_free(columns);
    columns = nt_columns_new(catalogue, text, &error);
    g_assert_true(nt_columns_settle(columns, &error));
    put_product(catalogue, &run, "b", b, "/b.jpg", 1);
    g_autofree char *both = matching(catalogue, "size in ('38', 'L')");
    g_assert_cmpstr(both, ==, "a b");
    nt_columns_free(columns);
    columns = nt_columns_new(catalogue, number, &error);
    g_assert_true(nt_columns_settle(columns, &error));
    nt_columns_free(columns);
    g_autofree char *left = matching(catalogue, "size = 38"), *lost = matching(catalogue, "size is missing");
    g_assert_cmpstr(left, ==, "a");
    g_assert_cmpstr(lost, ==, "b");
    nt_catalogue_commit(catalogue, &error);
    g_assert_no_error(error);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* What decides who may see a product is false when in doubt, whatever most values look like. */
static void test_guard(Shop *shop, const void *data) {
    static const char *const words[] = {"maybe", "later", "x", "-", "2"};
    g_autoptr(GError) error = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        nt_columns_learn(shop->columns, "Public", words[i], NULL);
    }
    nt_columns_settle(shop->columns, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(type_of(shop, "public"), ==, "bool");
    expect_read(shop, "public", "y", "1");
    expect_read(shop, "public", "", "-");
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *out = read_one(shop, "public", words[i]), *kept = value_of(shop, "public");
        g_assert_nonnull(strstr(out, "counts as false"));
        g_assert_cmpstr(kept, ==, "0");
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/columns/inference", Shop, NULL, set_up, test_inference, tear_down);
    g_test_add("/columns/odd-cells", Shop, NULL, set_up, test_odd_cells, tear_down);
    g_test_add("/columns/list-among-texts", Shop, NULL, set_up, test_list_among_texts, tear_down);
    g_test_add("/columns/json", Shop, NULL, set_up, test_json, tear_down);
    g_test_add("/columns/reserved", Shop, NULL, set_up, test_reserved, tear_down);
    g_test_add("/columns/reserved-otherwise", Shop, NULL, set_up, test_reserved_otherwise, tear_down);
    g_test_add("/columns/money", Shop, NULL, set_up, test_money, tear_down);
    g_test_add("/columns/own-currency", Shop, NULL, set_up, test_own_currency, tear_down);
    g_test_add("/columns/misfits", Shop, NULL, set_up, test_misfits, tear_down);
    g_test_add("/columns/guard", Shop, NULL, set_up, test_guard, tear_down);
    g_test_add("/columns/late", Shop, NULL, set_up, test_late, tear_down);
    g_test_add("/columns/names", Shop, NULL, set_up, test_names, tear_down);
    g_test_add_func("/columns/limit", test_limit);
    g_test_add("/columns/told", Shop, told, set_up, test_told, tear_down);
    g_test_add_func("/columns/retype", test_retype);
    return g_test_run();
}
