/* SPDX-License-Identifier: Apache-2.0 */
/* Finding products by words: what matches, in which order, that the index follows whatever changes products, and that
 * nothing a user types is syntax. */
#include "text-support.h"

#include <stdio.h>
#include <string.h>

static void test_matching(void) {
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "a1", "花柄ワンピース", "春のﾜﾝﾋﾟｰｽです", "[\"赤\", \"花\", 38]");
    put_text(&shop, "a2", "Été robe rouge", "A red summer dress", "[\"red\", \"dress\"]");
    put_text(&shop, "a3", "Red dress", "soft cotton", "");
    put_text(&shop, "a4", "Redwood table", "oak", "");
    put_text(&shop, "a5", "黒のワンピース", "https://shop.example/wanpi", "[\"https://cdn.example/x\", \"silk\"]");
    text_shop_turn(&shop);
    static const struct {
        const char *text, *ids;
    } cases[] = {
        {"red", "a3 a4 a2"}, /* the whole word in a title, the beginning of one, the word in other texts */
        {"RED", "a3 a4 a2"},
        {"dress red", "a3 a2"}, /* no beginning of "redwood" beside a dress */
        {"red dress", "a3 a2"},
        {"red dr", "a3 a2"}, /* while it is typed */
        {"dr red dress", "some: a3 a2"},
        {"ete", "a2"},
        {"ÉTÉ", "a2"},
        {"ワンピース", "a5 a1"},
        {"ﾜﾝﾋﾟｰｽ", "a5 a1"},
        {"わんぴ", "a5 a1"},
        {"ピー", "a5 a1"},
        {"花柄", "a1"},
        {"花", "a1"},
        {"柄", "a1"},
        {"ス", "a5 a1"}, /* the last of a run */
        {"黒", "a5"},
        {"黒ワンピース", "a5"}, /* parts of a compound */
        {"ワンピース 花", "a1"},
        {"38", "a1"},
        {"silk", "a5"},
        {"a4", "a4"},
        {"red 黒", "some: a5 a3 a2"},
        {"example", ""}, /* addresses are no texts */
        {"nothing here", ""},
        {"", ""},
        {"!?*", ""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        expect_found(&shop, cases[i].text, cases[i].ids);
    }
    text_shop_drop(&shop);
}

/* Every way of changing products, each seen by the next search. */
static void test_following(void) {
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "a", "green chair", "", "");
    put_text(&shop, "b", "blue chair", "", "");
    put_text(&shop, "c", "white chair", "", "");
    text_shop_turn(&shop);
    expect_found(&shop, "chair", "a b c");
    put_text(&shop, "a", "green table", "", "");
    put_text(&shop, "b", "", "", "");
    text_shop_turn(&shop);
    expect_found(&shop, "chair", "c");
    expect_found(&shop, "table", "a");
    expect_found(&shop, "blue", "");
    expect_found(&shop, "b", "b");

    /* Removed, and the number given to another in the same transaction. */
    CHECK(nt_catalogue_remove_product(shop.catalogue, "a", NULL, error));
    put_text(&shop, "d", "lamp", "", "");
    CHECK(nt_catalogue_remove_product(shop.catalogue, "d", NULL, error));
    put_text(&shop, "e", "sofa", "", "");
    text_shop_turn(&shop);
    expect_found(&shop, "table", "");
    expect_found(&shop, "lamp", "");
    expect_found(&shop, "sofa", "e");

    g_autoptr(NtWhere) where = nt_where_parse(shop.catalogue, "title ~ 'chair'", NULL);
    CHECK(nt_catalogue_remove_where(shop.catalogue, where, NULL, error));
    text_shop_turn(&shop);
    expect_found(&shop, "chair", "");

    CHECK(nt_catalogue_start_run(shop.catalogue, "csv", "/list.csv", &shop.run, error));
    CHECK(nt_catalogue_end_run(shop.catalogue, &shop.run, true, NULL, error)); /* nothing is listed any more */
    text_shop_turn(&shop);
    expect_found(&shop, "sofa", "");
    text_shop_drop(&shop);
}

/* A field that gets another type takes its words along. */
static void test_types(void) {
    static const char *const number[] = {"note=number", NULL}, *const text[] = {"note=text", NULL};
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "a", "x", "42", "");
    put_text(&shop, "b", "y", "words", "");
    text_shop_turn(&shop);
    expect_found(&shop, "42", "a");
    expect_found(&shop, "words", "b");
    for (int turn = 0; turn < 2; turn++) {
        g_autoptr(NtColumns) columns = nt_columns_new(shop.catalogue, turn == 0 ? number : text, NULL);
        CHECK(nt_columns_settle(columns, error));
        nt_columns_free(shop.columns);
        shop.columns = nt_columns_new(shop.catalogue, NULL, NULL);
        CHECK(nt_catalogue_commit(shop.catalogue, error));
        expect_found(&shop, "42", turn == 0 ? "" : "a");
        expect_found(&shop, "words", "");
        CHECK(nt_catalogue_begin(shop.catalogue, error));
    }
    text_shop_drop(&shop);
}

static void test_rollback(void) {
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "a", "green chair", "", "");
    text_shop_turn(&shop);
    put_text(&shop, "a", "lamp", "", "");
    put_text(&shop, "b", "sofa", "", "");
    nt_catalogue_rollback(shop.catalogue);
    CHECK(nt_catalogue_begin(shop.catalogue, error));
    put_text(&shop, "c", "stool", "", "");
    text_shop_turn(&shop);
    expect_found(&shop, "lamp", "");
    expect_found(&shop, "sofa", "");
    expect_found(&shop, "chair", "a");
    expect_found(&shop, "stool", "c");
    text_shop_drop(&shop);
}

static void test_naughty(void) {
    static const char *const texts[] = {
        "\"",
        "'",
        "\"\"",
        "*",
        "-",
        "^red",
        "red*",
        "\"red",
        "red\"",
        "(red",
        "red)",
        "((((",
        "NEAR(red blue)",
        "NEAR/2",
        "title:red",
        "{title body}:red",
        "- title : red",
        "red AND",
        "AND",
        "OR OR OR",
        "NOT red",
        "red NOT dress",
        "red + dress",
        "product_words",
        "'; DROP TABLE product; --",
        "%s%n%d",
        "\\",
        "\x01\x02",
        "\xe2\x80\xaered",
        "red\xcc\x81\xcc\x81\xcc\x81",
        "\xef\xbb\xbfred",
        "\xf0\x9f\x91\x97",
        "ﷺ",
        "İ",
        "ß",
        "1=1",
        "../../etc/passwd",
        "${x}",
        "<script>alert(1)</script>",
        "\t\n\r",
        "🇯🇵",
        "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    };
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "a", "red dress", "AND OR NOT near", "");
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *id = g_strdup_printf("n%u", (unsigned)i);
        put_text(&shop, id, texts[i], texts[i], "");
    }
    text_shop_turn(&shop);
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *words = nt_words(texts[i], 1024), *ids = found(shop.catalogue, texts[i]);
        g_autofree char *id = g_strdup_printf("n%u", (unsigned)i), *spaced = g_strdup_printf(" %s ", ids),
                        *wanted = g_strdup_printf(" %s ", id);
        g_assert_true((*words == '\0') == (*ids == '\0'));
        g_assert_true(*words == '\0' || strstr(spaced, wanted) != NULL); /* a text finds itself */
    }
    expect_found(&shop, "NOT red", "n20 n21 a");
    g_autofree char *long_text = g_strnfill(NT_TEXT_QUERY_BYTES + 1, 'a');
    const struct {
        const char *text;
        NiteruError code;
    } refused[] = {{long_text, NITERU_ERROR_LIMIT}, {"red \xff", NITERU_ERROR_INVALID}};
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) fault = NULL;
        g_auto(NtTextFound) none = {0};
        NtTextSearch search = {.text = refused[i].text, .most = 1};
        g_assert_false(nt_catalogue_find_text(shop.catalogue, &search, &none, &fault));
        g_assert_error(fault, NITERU_ERROR, (int)refused[i].code);
    }
    long_text[NT_TEXT_QUERY_BYTES] = '\0';
    expect_found(&shop, long_text, "");
    g_autoptr(GString) many = g_string_new(NULL);
    for (int i = 0; i < 500; i++) {
        g_string_append(many, "x ");
    }
    g_free(found(shop.catalogue, many->str));
    text_shop_drop(&shop);
}

/* Of a long text the first bytes are found, of a title and of the rest each so many. */
static void test_long(void) {
    TextShop shop;
    text_shop_open(&shop);
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < NT_TEXT_BYTES - 20) {
        g_string_append(text, "filler ");
    }
    g_string_append_printf(text, "%*s", (int)(NT_TEXT_BYTES - 6 - text->len), "");
    g_string_append(text, "within beyond");
    put_text(&shop, "title", text->str, "note", "");
    put_text(&shop, "note", "", text->str, "[\"tag\"]");
    text_shop_turn(&shop);
    expect_found(&shop, "within", "title"); /* the note begins behind the id */
    expect_found(&shop, "beyond", "");
    expect_found(&shop, "note", "note title");
    expect_found(&shop, "tag", ""); /* it stands behind the note */
    text_shop_drop(&shop);
}

static bool is_even(int64_t product, void *data) { return product % 2 == 0; }

/* Many equal hits: the first ones by id, whichever way they are found, among those that may be hits. */
static void test_ties(void) {
    TextShop shop;
    text_shop_open(&shop);
    for (int i = 0; i < 3000; i++) { /* the order of numbers is not that of ids */
        g_autofree char *id = g_strdup_printf("p%04d", i * 7 % 3000);
        put_text(&shop, id, "the chair", "", "");
    }
    put_text(&shop, "z", "chair chair", "", "");
    text_shop_turn(&shop);
    static const size_t most[] = {1, 2, 3, 10, 2000, 3001, 1000000};
    for (size_t m = 0; m < G_N_ELEMENTS(most); m++) {
        g_auto(NtTextFound) all = {0};
        NtTextSearch search = {.text = "chair", .most = most[m]};
        CHECK(nt_catalogue_find_text(shop.catalogue, &search, &all, error));
        g_assert_cmpuint(all.hits->len, ==, MIN(most[m], 3001));
        for (guint i = 0; i < all.hits->len; i++) {
            g_autofree char *id =
                nt_catalogue_product_id(shop.catalogue, g_array_index(all.hits, NtTextHit, i).product, NULL);
            g_autofree char *expected = i == 0 ? g_strdup("z") : g_strdup_printf("p%04u", i - 1);
            g_assert_cmpstr(id, ==, expected);
        }
    }
    g_auto(NtTextFound) even = {0}, high = {0};
    NtTextSearch search = {.text = "chair", .most = 5000, .allow = is_even};
    CHECK(nt_catalogue_find_text(shop.catalogue, &search, &even, error));
    g_assert_cmpuint(even.hits->len, ==, 1500);
    search = (NtTextSearch){.text = "chair", .most = 5, .threshold = g_array_index(even.hits, NtTextHit, 0).score + 1};
    CHECK(nt_catalogue_find_text(shop.catalogue, &search, &high, error));
    g_assert_true(high.hits->len == 1 && high.best >= search.threshold && !high.any);
    text_shop_drop(&shop);
}

/* What a connection's wait does to a search over many. */
static void test_wait(void) {
    TextShop shop;
    text_shop_open(&shop);
    for (int i = 0; i < 20000; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i);
        put_text(&shop, id, "chair", "", "");
    }
    text_shop_turn(&shop);
    NtWait over = {.deadline = 1};
    for (int partial = 0; partial < 2; partial++) {
        g_autoptr(GError) fault = NULL;
        g_auto(NtTextFound) some = {0};
        NtTextSearch search = {.text = "chair", .most = 10, .partial = partial};
        nt_catalogue_set_wait(shop.catalogue, &over);
        bool ok = nt_catalogue_find_text(shop.catalogue, &search, &some, &fault);
        nt_catalogue_set_wait(shop.catalogue, NULL);
        g_assert_true(ok == (partial == 1) && some.partial == ok);
        g_assert_true(ok || g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_TIMEOUT));
    }
    text_shop_drop(&shop);
}

/* Checks through connections that have looked at the index before, which others have changed since. */
static void test_check_again(void) {
    TextShop shop;
    text_shop_open(&shop);
    put_text(&shop, "first", "red dress", NULL, NULL);
    text_shop_turn(&shop);
    CHECK(nt_catalogue_commit(shop.catalogue, error));
    g_autofree char *lock = g_build_filename(shop.folder, "lock", NULL);
    NtCatalogue *reader = open_catalogue(shop.folder, true), *writer = open_catalogue(shop.folder, false);
    for (int i = 0; i < 40; i++) {
        g_autofree char *id = g_strdup_printf("product-%d", i), *title = g_strdup_printf("blue coat %d", i);
        g_autofree char *read = problems(reader), *written = problems(writer);
        g_assert_cmpstr(read, ==, "");
        g_assert_cmpstr(written, ==, "");
        FILE *holder = fopen(lock, "we"); /* of a writer that was killed in its turn: the next one looks */
        g_assert_nonnull(holder);
        g_assert_cmpint(fputs("process 1 (killed)", holder), >=, 0);
        g_assert_cmpint(fclose(holder), ==, 0);
        CHECK(nt_catalogue_begin(writer, error));
        CHECK(nt_catalogue_commit(writer, error));
        CHECK(nt_catalogue_begin(shop.catalogue, error));
        put_text(&shop, id, title, NULL, NULL);
        CHECK(nt_catalogue_commit(shop.catalogue, error));
    }
    nt_catalogue_close(reader);
    nt_catalogue_close(writer);
    CHECK(nt_catalogue_begin(shop.catalogue, error));
    text_shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text-match/matching", test_matching);
    g_test_add_func("/text-match/following", test_following);
    g_test_add_func("/text-match/types", test_types);
    g_test_add_func("/text-match/rollback", test_rollback);
    g_test_add_func("/text-match/naughty", test_naughty);
    g_test_add_func("/text-match/long", test_long);
    g_test_add_func("/text-match/ties", test_ties);
    g_test_add_func("/text-match/wait", test_wait);
    g_test_add_func("/text-match/check-again", test_check_again);
    return g_test_run();
}
