/* SPDX-License-Identifier: Apache-2.0 */
#include "text-support.h"

static void begin(TextShop *shop) {
    static const char *const types[] = {"title=text", "note=text", "tags=list", "price=number", NULL};
    CHECK(nt_catalogue_begin(shop->catalogue, error));
    CHECK(nt_catalogue_start_run(shop->catalogue, "csv", "/list.csv", &shop->run, error));
    shop->columns = nt_columns_new(shop->catalogue, types, NULL);
    CHECK(nt_columns_settle(shop->columns, error));
}

void text_shop_open(TextShop *shop) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    begin(shop);
}

void text_shop_turn(TextShop *shop) {
    nt_columns_free(shop->columns);
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    g_autofree char *said = problems(shop->catalogue);
    g_assert_cmpstr(said, ==, "");
    begin(shop);
}

void text_shop_drop(TextShop *shop) {
    nt_columns_free(shop->columns);
    nt_catalogue_rollback(shop->catalogue);
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

void put_text(TextShop *shop, const char *id, const char *title, const char *note, const char *tags) {
    NtRun run;
    CHECK(nt_catalogue_start_run(shop->catalogue, "csv", "/list.csv", &run, error));
    nt_columns_begin_row(shop->columns);
    CHECK(nt_columns_read(shop->columns, "title", title, NULL, error));
    CHECK(nt_columns_read(shop->columns, "note", note, NULL, error));
    CHECK(nt_columns_read(shop->columns, "tags", tags, NULL, error));
    NtProductPut put = {.id = id};
    put.values = nt_columns_values(shop->columns, &put.value_count);
    CHECK(nt_catalogue_put_product(shop->catalogue, &run, &put, NULL, NULL, error));
}

char *found(NtCatalogue *catalogue, const char *text) {
    g_auto(NtTextFound) all = {0};
    NtTextSearch search = {.text = text, .most = 100};
    CHECK(nt_catalogue_find_text(catalogue, &search, &all, error));
    GString *out = g_string_new(all.any && all.hits->len > 0 ? "some:" : NULL);
    for (guint i = 0; i < all.hits->len; i++) {
        const NtTextHit *hit = &g_array_index(all.hits, NtTextHit, i);
        g_assert_true(hit->score > 0 && hit->score < 100 && hit->raw > 0 && hit->score <= all.best);
        g_autofree char *id = nt_catalogue_product_id(catalogue, hit->product, NULL);
        g_string_append_printf(out, "%s%s", out->len > 0 ? " " : "", id);
    }
    return g_string_free(out, FALSE);
}

void expect_found(TextShop *shop, const char *text, const char *ids) {
    g_autofree char *got = found(shop->catalogue, text);
    if (g_strcmp0(got, ids) != 0) {
        g_test_message("searched for '%s'", text);
    }
    g_assert_cmpstr(got, ==, ids);
}
