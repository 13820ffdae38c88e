/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that carry versions: in whatever order they come, the state is that of the latest. */
#include <string.h>

#include "catalogue-support.h"

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
} Shop;

static void open_shop(Shop *shop, const void *data) {
    (void)data;
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    shop->run = start_run(shop->catalogue, "api", "");
}

static void close_shop(Shop *shop, const void *data) {
    (void)data;
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

/* Puts with a price; what came of it is "added", "put", or the error's code in words. */
static const char *put(Shop *shop, const char *id, int64_t version, NtPutIf only, const char *price) {
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtColumns) columns = NULL;
    bool added = false;
    CHECK(nt_catalogue_begin(shop->catalogue, error));
    CHECK((columns = nt_columns_new(shop->catalogue, NULL, error)) != NULL);
    nt_columns_learn(columns, "rank", price, NULL);
    CHECK(nt_columns_settle(columns, error));
    nt_columns_begin_row(columns);
    CHECK(nt_columns_read(columns, "rank", price, NULL, error));
    NtRun run = {.source = shop->run.source, .run = ++shop->run.run};
    NtProductPut product = {.id = id, .version = version, .only = only};
    product.values = nt_columns_values(columns, &product.value_count);
    bool ok = nt_catalogue_put_product(shop->catalogue, &run, &product, NULL, &added, &fault);
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    if (ok) {
        return added ? "added" : "put";
    }
    return fault->code == NITERU_ERROR_STALE       ? "stale"
           : fault->code == NITERU_ERROR_CONDITION ? "unmet"
                                                   : fault->message;
}

static const char *take(Shop *shop, const char *id, int64_t version) {
    g_autoptr(GError) fault = NULL;
    bool removed = false;
    CHECK(nt_catalogue_begin(shop->catalogue, error));
    bool ok = nt_catalogue_remove_version(shop->catalogue, id, version, &removed, &fault);
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    return ok ? removed ? "removed" : "nothing" : fault->code == NITERU_ERROR_STALE ? "stale" : fault->message;
}

static void expect_product(Shop *shop, const char *id, const char *expected) {
    g_autofree char *json = product_json(shop->catalogue, id);
    g_assert_cmpstr(json, ==, expected);
}

static void test_order(Shop *shop, const void *data) {
    (void)data;
    g_assert_cmpstr(put(shop, "a", 5, NT_PUT_ALWAYS, "1"), ==, "added");
    g_assert_cmpstr(put(shop, "a", 4, NT_PUT_ALWAYS, "2"), ==, "stale");
    expect_product(shop, "a", "{\"product\": \"a\", \"version\": 5, \"metadata\": {\"rank\": 1}, \"photos\": []}");
    g_assert_cmpstr(put(shop, "a", 5, NT_PUT_ALWAYS, "3"), ==, "put"); /* delivered again, it does no harm */
    g_assert_cmpstr(put(shop, "a", 0, NT_PUT_ALWAYS, "4"), ==, "put"); /* no version: it always takes effect */
    expect_product(shop, "a", "{\"product\": \"a\", \"version\": 5, \"metadata\": {\"rank\": 4}, \"photos\": []}");
    g_assert_cmpstr(take(shop, "a", 4), ==, "stale");
    g_assert_cmpstr(take(shop, "a", 7), ==, "removed");
    g_assert_cmpstr(put(shop, "a", 6, NT_PUT_ALWAYS, "5"), ==, "stale");
    g_assert_cmpstr(put(shop, "a", 7, NT_PUT_ALWAYS, "5"), ==, "stale"); /* of one version, the removal stands */
    g_assert_cmpstr(take(shop, "a", 6), ==, "stale");
    g_assert_cmpstr(take(shop, "a", 7), ==, "nothing");
    g_assert_cmpstr(put(shop, "a", 8, NT_PUT_ALWAYS, "6"), ==, "added");
    expect_product(shop, "a", "{\"product\": \"a\", \"version\": 8, \"metadata\": {\"rank\": 6}, \"photos\": []}");
}

/* What was removed without a version keeps the one it had; what is put back without one goes on from there. */
static void test_unversioned(Shop *shop, const void *data) {
    (void)data;
    bool removed;
    put(shop, "a", 5, NT_PUT_ALWAYS, "1");
    CHECK(nt_catalogue_begin(shop->catalogue, error));
    CHECK(nt_catalogue_remove_product(shop->catalogue, "a", &removed, error));
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    g_assert_cmpstr(put(shop, "a", 5, NT_PUT_ALWAYS, "2"), ==, "stale");
    g_assert_cmpstr(put(shop, "a", 0, NT_PUT_ALWAYS, "3"), ==, "added");
    g_assert_cmpstr(put(shop, "a", 4, NT_PUT_ALWAYS, "4"), ==, "stale");
    expect_product(shop, "a", "{\"product\": \"a\", \"version\": 5, \"metadata\": {\"rank\": 3}, \"photos\": []}");
    g_assert_cmpstr(take(shop, "never", 3), ==, "nothing"); /* the removal came before the product */
    g_assert_cmpstr(put(shop, "never", 2, NT_PUT_ALWAYS, "5"), ==, "stale");
}

static void test_only(Shop *shop, const void *data) {
    (void)data;
    g_assert_cmpstr(put(shop, "a", 0, NT_PUT_IF_PRESENT, "1"), ==, "unmet");
    g_assert_cmpstr(put(shop, "a", 0, NT_PUT_IF_ABSENT, "1"), ==, "added");
    g_assert_cmpstr(put(shop, "a", 0, NT_PUT_IF_ABSENT, "2"), ==, "unmet");
    g_assert_cmpstr(put(shop, "a", 9, NT_PUT_IF_PRESENT, "3"), ==, "put");
    expect_product(shop, "a", "{\"product\": \"a\", \"version\": 9, \"metadata\": {\"rank\": 3}, \"photos\": []}");
}

/* A complete pass takes away what its source no longer has, but not what it listed with an older row; what it takes
 * away leaves its version. */
static void test_prune(Shop *shop, const void *data) {
    (void)data;
    uint64_t removed = 0;
    put(shop, "gone", 5, NT_PUT_ALWAYS, "1");
    put(shop, "newer", 9, NT_PUT_ALWAYS, "1");
    NtRun last = {.source = shop->run.source, .run = shop->run.run + 1};
    g_assert_cmpstr(put(shop, "newer", 6, NT_PUT_ALWAYS, "2"), ==, "stale");
    CHECK(nt_catalogue_begin(shop->catalogue, error));
    CHECK(nt_catalogue_prune_some(shop->catalogue, &last, UINT64_MAX, &removed, error));
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    g_assert_cmpuint(removed, ==, 1);
    g_assert_cmpstr(put(shop, "gone", 5, NT_PUT_ALWAYS, "3"), ==, "stale");
    expect_product(shop, "newer",
                   "{\"product\": \"newer\", \"version\": 9, \"metadata\": {\"rank\": 1}, \"photos\": []}");
}

/* The writes of one history in a random order, some of them twice, end as the history does. */
static void test_any_order(Shop *shop, const void *data) {
    (void)data;
    enum { WRITES = 12 };
    for (int round = 0; round < 60; round++) {
        bool removal[WRITES];
        int order[2 * WRITES];
        g_autofree char *id = g_strdup_printf("p%d", round);
        for (int i = 0; i < WRITES; i++) {
            removal[i] = g_test_rand_int_range(0, 3) == 0;
            order[i] = order[i + WRITES] = i;
        }
        for (int i = 2 * WRITES - 1; i > 0; i--) {
            int other = g_test_rand_int_range(0, i + 1), kept = order[i];
            order[i] = order[other];
            order[other] = kept;
        }
        for (int i = 0; i < 2 * WRITES; i++) {
            g_autofree char *price = g_strdup_printf("%d", order[i]);
            if (removal[order[i]]) {
                take(shop, id, order[i] + 1);
            } else {
                put(shop, id, order[i] + 1, NT_PUT_ALWAYS, price);
            }
        }
        g_autofree char *last = g_strdup_printf("{\"product\": \"%s\", \"version\": %d, \"metadata\": {\"rank\": %d}, "
                                                "\"photos\": []}",
                                                id, WRITES, WRITES - 1);
        g_autofree char *none = g_strdup_printf("there is no product '%s'", id);
        expect_product(shop, id, removal[WRITES - 1] ? none : last);
    }
    g_autofree char *found = problems(shop->catalogue);
    g_assert_cmpstr(found, ==, "");
}

static void test_read(void) {
    static const struct {
        const char *text;
        int64_t version; /* 0: refused */
    } cases[] = {{"1", 1},
                 {" 42 ", 42},
                 {"9007199254740991", NT_VERSION_MOST},
                 {"1970-01-01T00:00:01Z", 1000000},
                 {"1970-01-01T00:00:01.000001Z", 1000001},
                 {"1970-01-01 09:00:01.5+09:00", 1500000},
                 {"2026-01-31T08:30:00.250Z", INT64_C(1769848200250000)},
                 {"1970-01-02", INT64_C(86400000000)},
                 {"0", 0},
                 {"-1", 0},
                 {"+1", 0},
                 {"9007199254740992", 0},
                 {"99999999999999999999999", 0},
                 {"1.5", 0},
                 {"0x10", 0},
                 {"", 0},
                 {"yesterday", 0},
                 {"2026-13-01", 0},
                 {"1969-01-01", 0},
                 {"31.01.2026", 0}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) fault = NULL;
        int64_t version = 0;
        bool ok = nt_version_read(cases[i].text, &version, &fault);
        g_assert_cmpint(version, ==, cases[i].version);
        g_assert_true(ok == (cases[i].version != 0));
        g_assert_true(ok || g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_INVALID));
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/version/read", test_read);
    g_test_add("/version/order", Shop, NULL, open_shop, test_order, close_shop);
    g_test_add("/version/unversioned", Shop, NULL, open_shop, test_unversioned, close_shop);
    g_test_add("/version/only", Shop, NULL, open_shop, test_only, close_shop);
    g_test_add("/version/prune", Shop, NULL, open_shop, test_prune, close_shop);
    g_test_add("/version/any-order", Shop, NULL, open_shop, test_any_order, close_shop);
    return g_test_run();
}
