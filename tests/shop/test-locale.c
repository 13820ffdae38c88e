/* SPDX-License-Identifier: Apache-2.0 */
/* The library in a program whose locale writes a decimal comma: what programs read has points all the same. */
#include "../support/shop.h"

#include <locale.h>
#include <string.h>

static bool is_comma(void) { return strcmp(localeconv()->decimal_point, ",") == 0; }

/* Whether a text has a comma between two digits. */
static bool has_comma(const char *text) {
    return g_regex_match_simple("[0-9],[0-9]", text, (GRegexCompileFlags)0, (GRegexMatchFlags)0);
}

static bool check_listed(const char *id, const char *json, void *data) {
    g_assert_false(has_comma(json));
    *(bool *)data |= strstr(json, "12.5") != NULL;
    return true;
}

static void test_answers(void) {
    if (!is_comma()) {
        g_test_skip("there is no German locale (tools/make-locale says why)");
        return;
    }
    Shop shop;
    g_autoptr(GError) error = NULL;
    shop_open(&shop);
    draw_picture(&shop, "a.png", 1);
    draw_picture(&shop, "b.png", 2);
    g_free(write_text(&shop, "list.csv", "id,image,price\na,a.png,12.5\nb,b.png,\"1.299,75 €\"\n"));
    index_shop(&shop, "list.csv", NULL, &error);
    g_assert_no_error(error);
    bool found = false;
    g_assert_true(niteru_list(
        shop.catalogue,
        &(NiteruListOptions){
            .size = sizeof(NiteruListOptions), .where = "price > 12.25 and price < 12.75", .after = NULL, .limit = 0},
        check_listed, &found, NULL, &error));
    g_assert_true(found);
    g_autofree char *range = niteru_where_json(shop.catalogue, "price < 1.5", 0, NULL, &error);
    g_assert_nonnull(strstr(range, "price goes from 12.5 to 1299.75"));
    g_autoptr(NiteruResults) results = niteru_similar(shop.catalogue, "a", NULL, NULL, &error);
    g_autofree char *json = niteru_results_json(results),
                    *model = niteru_model_json(shop.catalogue, NULL, 0, NULL, &error);
    g_assert_false(has_comma(json));
    g_assert_nonnull(strstr(model, "\"scale\": 0.0078431"));
    g_assert_null(niteru_similar(shop.catalogue, "a",
                                 &(NiteruSearchOptions){.size = sizeof(NiteruSearchOptions), .threshold = 100.5}, NULL,
                                 &error));
    expect_error(&error, NITERU_ERROR_INVALID, "100.5");
    g_autoptr(NiteruSheet) sheet = niteru_sheet_new(shop.catalogue, "alike");
    g_autofree char *page = below(&shop, "sheet.html"), *text = NULL, *score = NULL;
    g_assert_true(niteru_sheet_add(sheet, "a", NULL, results, NULL, &error) && niteru_sheet_write(sheet, page, &error));
    g_assert_true(g_file_get_contents(page, &text, NULL, NULL));
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    score = g_strdup_printf("<b>%s</b>",
                            g_ascii_formatd(digits, sizeof digits, "%.1f", niteru_results_get(results, 0)->score));
    g_assert_nonnull(strstr(text, score));
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    setlocale(LC_ALL, "de_DE.UTF-8");
    g_test_add_func("/shop/locale/answers", test_answers);
    return g_test_run();
}
