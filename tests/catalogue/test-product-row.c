/* SPDX-License-Identifier: Apache-2.0 */
/* Products: put, put again, double ids, ids of every kind, runs and pruning, removal, listing in pages. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
} Shop;

static void set_up(Shop *shop, const void *data) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    shop->run = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
}

static void tear_down(Shop *shop, const void *data) {
    nt_catalogue_rollback(shop->catalogue);
    g_autofree char *said = problems(shop->catalogue);
    g_assert_cmpstr(said, ==, "");
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

#define META(...) ((const char *const[]){__VA_ARGS__, NULL})

static void expect_json(Shop *shop, const char *id, const char *expected) {
    g_autofree char *json = product_json(shop->catalogue, id);
    g_assert_cmpstr(json, ==, expected);
}

/* Values that a later put does not bring stay; photos are replaced. */
static void test_put_again(Shop *shop, const void *data) {
    put_product(shop->catalogue, &shop->run, "a", META("title=Red dress", "price=10.5", "sale=true"), "/1.jpg", 1);
    g_assert_true(nt_catalogue_commit(shop->catalogue, NULL));
    expect_json(shop, "a",
                "{\"product\": \"a\", \"metadata\": {\"title\": \"Red dress\", \"price\": 10.5, \"sale\": true}, "
                "\"photos\": [{\"photo\": \"/1.jpg\"}]}");
    NtRun second = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &second, "a", META("price=9"), "/2.jpg", 2);
    expect_json(shop, "a",
                "{\"product\": \"a\", \"metadata\": {\"title\": \"Red dress\", \"price\": 9.0, \"sale\": true}, "
                "\"photos\": [{\"photo\": \"/2.jpg\"}]}");
}

/* A cell that has become empty takes the value away, also where the whole column is empty by now. */
static void test_emptied(Shop *shop, const void *data) {
    put_product(shop->catalogue, &shop->run, "a", META("brand=Ostra", "colour=red"), "/1.jpg", 1);
    g_assert_true(nt_catalogue_commit(shop->catalogue, NULL));
    NtRun second = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &second, "a", META("brand=", "size="), "/1.jpg", 1);
    expect_json(shop, "a",
                "{\"product\": \"a\", \"metadata\": {\"colour\": \"red\"}, \"photos\": [{\"photo\": \"/1.jpg\"}]}");
    g_autofree char *fault = matching(shop->catalogue, "has size");
    g_assert_nonnull(strstr(fault, "there is no field 'size'"));
}

/* Two rows with one id: the second is refused with the line of the first, and nothing of it stays. */
static void test_double(Shop *shop, const void *data) {
    g_autoptr(GError) error = NULL;
    NtPhotoPut photo = {.location = "/x.jpg"};
    NtPhotoState state;
    NtProductPut put = {.id = "a", .line = 7, .photos = &photo, .photo_count = 1};
    bool added = false;
    g_assert_true(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, &state, &added, &error));
    g_assert_true(added);
    put.line = 12;
    photo.location = "/y.jpg";
    g_assert_false(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, &state, &added, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "line 7"));
    expect_json(shop, "a", "{\"product\": \"a\", \"metadata\": {}, \"photos\": [{\"photo\": \"/x.jpg\"}]}");
}

static void test_ids(Shop *shop, const void *data) {
    g_autofree char *longest = g_strnfill(1024, 'x'), *longer = g_strnfill(1025, 'x');
    const char *const good[] = {"1",          "a b",  "a/b%2F?#&", "赤いドレス", "'; DROP TABLE product; --",
                                "\"quoted\"", "🛍", ".",         longest};
    const char *const bad[] = {"", "a\nb", "tab\t", "\x7f", "\xff", "\xed\xa0\x80", longer};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        put_product(shop->catalogue, &shop->run, good[i], META("n=1"), "/p.jpg", 1);
        g_autoptr(GError) error = NULL;
        int64_t product = 0;
        g_assert_true(nt_catalogue_find_product(shop->catalogue, good[i], &product, &error));
        g_autofree char *id = nt_catalogue_product_id(shop->catalogue, product, &error);
        g_assert_cmpstr(id, ==, good[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        NtProductPut put = {.id = bad[i]};
        g_assert_false(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, NULL, NULL, &error));
        g_assert_error(error, NITERU_ERROR, NITERU_ERROR_INVALID);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
    }
    NtTotals totals;
    g_assert_true(nt_catalogue_totals(shop->catalogue, &totals, NULL));
    g_assert_cmpuint(totals.products, ==, G_N_ELEMENTS(good));
    g_autofree char *none = product_json(shop->catalogue, "nobody");
    g_assert_nonnull(strstr(none, "nobody"));
}

/* Pruning removes what this source no longer has, but not what another source brought too. */
static void test_prune(Shop *shop, const void *data) {
    for (const char *id = "abc"; *id != '\0'; id++) {
        put_product(shop->catalogue, &shop->run, (char[]){*id, '\0'}, NULL, "/p.jpg", 1);
    }
    g_assert_true(nt_catalogue_commit(shop->catalogue, NULL));
    g_assert_cmpuint(end_run(shop->catalogue, &shop->run, true), ==, 0);
    NtRun other = start_run(shop->catalogue, "folder", "/photos");
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &other, "b", NULL, "/p.jpg", 1);
    nt_catalogue_commit(shop->catalogue, NULL);
    NtRun again = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &again, "c", NULL, "/p.jpg", 1);
    nt_catalogue_commit(shop->catalogue, NULL);
    g_assert_cmpuint(end_run(shop->catalogue, &again, true), ==, 1);
    g_autofree char *ids = matching(shop->catalogue, "has id");
    g_assert_cmpstr(ids, ==, "b c");
    g_assert_cmpuint(end_run(shop->catalogue, &other, true), ==, 0);
}

static void test_remove(Shop *shop, const void *data) {
    for (int i = 0; i < 10; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i), *price = g_strdup_printf("price=%d", i);
        put_product(shop->catalogue, &shop->run, id, META(price), "/p.jpg", 1);
    }
    g_autoptr(GError) error = NULL;
    bool removed = false;
    g_assert_true(nt_catalogue_remove_product(shop->catalogue, "p3", &removed, &error) && removed);
    g_assert_true(nt_catalogue_remove_product(shop->catalogue, "p3", &removed, &error) && !removed);
    g_autoptr(NtWhere) where = nt_where_parse(shop->catalogue, "price >= 5", &error);
    uint64_t count = 0;
    g_assert_true(nt_catalogue_remove_where(shop->catalogue, where, &count, &error));
    g_assert_cmpuint(count, ==, 5);
    g_autofree char *ids = matching(shop->catalogue, "has id");
    g_assert_cmpstr(ids, ==, "p0 p1 p2 p4");
}

static bool append_id(int64_t product, const char *id, void *data) {
    g_string_append_printf(data, "%s ", id);
    return true;
}

/* Pages of a list: behind an id, so many; the order is that of bytes. */
static void test_pages(Shop *shop, const void *data) {
    static const char *const ids[] = {"b", "B", "a", "10", "9", "é", "z"};
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        put_product(shop->catalogue, &shop->run, ids[i], NULL, "/p.jpg", 1);
    }
    static const struct {
        const char *after;
        uint64_t limit;
        const char *expected;
    } cases[] = {
        {NULL, 0, "10 9 B a b z é "}, {NULL, 3, "10 9 B "}, {"B", 2, "a b "}, {"aa", 0, "b z é "}, {"é", 5, ""}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_assert_true(nt_catalogue_list(shop->catalogue, NULL, NT_FLAG_NONE, cases[i].after, cases[i].limit, append_id,
                                        out, NULL));
        g_assert_cmpstr(out->str, ==, cases[i].expected);
    }
}

static bool append_number(int64_t product, const char *id, void *data) {
    uint32_t number = (uint32_t)product;
    g_array_append_val((GArray *)data, number);
    return true;
}

/* Of some products, given by their numbers: more than are asked for at once, with a condition, and some that are gone.
 * Every second of 700 is given; of these every third is priced 3, and every fifth is removed afterwards. */
static void test_list_of(Shop *shop, const void *data) {
    enum { ALL = 700 };
    char id[8];
    for (int i = 0; i < ALL; i++) {
        g_snprintf(id, sizeof id, "p%04d", (i * 37) % ALL); /* numbers are not in the order of ids */
        g_autofree char *price = g_strdup_printf("price=%d", (i * 37) % ALL % 6 == 0 ? 3 : 1);
        put_product(shop->catalogue, &shop->run, id, META(price), "/p.jpg", 1);
    }
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(uint32_t)), given = g_array_new(FALSE, FALSE, 4);
    CHECK(nt_catalogue_list(shop->catalogue, NULL, NT_FLAG_NONE, NULL, 0, append_number, all, error));
    for (guint i = 0; i < all->len; i += 2) {
        g_array_append_val(given, g_array_index(all, uint32_t, i));
    }
    for (int i = 0; i < ALL; i += 10) {
        bool removed;
        g_snprintf(id, sizeof id, "p%04d", i);
        CHECK(nt_catalogue_remove_product(shop->catalogue, id, &removed, error));
    }
    g_autoptr(GError) fault = NULL;
    g_autoptr(NtWhere) where = nt_where_parse(shop->catalogue, "price = 3", &fault);
    static const uint64_t limits[] = {0, 1, 7, 300};
    for (unsigned test = 0; test < 2 * ALL; test += 9) {
        int after = (int)(test / 2) - 1;
        uint64_t limit = limits[test % 4];
        bool is_priced = test % 2 == 1;
        g_autoptr(GString) out = g_string_new(NULL), expected = g_string_new(NULL);
        uint64_t count = 0;
        for (int i = after + 1; i < ALL && (limit == 0 || count < limit); i++) {
            if (i % 2 == 0 && i % 10 != 0 && (!is_priced || i % 6 == 0)) {
                g_string_append_printf(expected, "p%04d ", i);
                count++;
            }
        }
        g_snprintf(id, sizeof id, "p%04d", MAX(after, 0));
        CHECK(nt_catalogue_list_of(shop->catalogue, is_priced ? where : NULL, (const uint32_t *)given->data, given->len,
                                   after >= 0 ? id : NULL, limit, append_id, out, error));
        g_assert_cmpstr(out->str, ==, expected->str);
    }
}

/* A transaction that is rolled back leaves nothing, new fields included. */
static void test_rollback(Shop *shop, const void *data) {
    put_product(shop->catalogue, &shop->run, "kept", META("price=1"), "/p.jpg", 1);
    nt_catalogue_commit(shop->catalogue, NULL);
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &shop->run, "lost", META("colour=red"), "/p.jpg", 1);
    nt_catalogue_rollback(shop->catalogue);
    g_autofree char *ids = matching(shop->catalogue, "has id"), *fault = matching(shop->catalogue, "colour = 'red'");
    g_assert_cmpstr(ids, ==, "kept");
    g_assert_nonnull(strstr(fault, "there is no field 'colour'"));
    nt_catalogue_begin(shop->catalogue, NULL);
    put_product(shop->catalogue, &shop->run, "next", META("colour=blue"), "/p.jpg", 1);
    g_autofree char *found = matching(shop->catalogue, "colour = 'blue'");
    g_assert_cmpstr(found, ==, "next");
}

/* The photo's state over its life: unread, read, untouched, changed, failed, mended. */
static void test_photo_states(Shop *shop, const void *data) {
    NtStamp stamp = {.size = 5, .mtime_ns = 5, .ctime_ns = 5, .inode = 5};
    NtPhotoState state = put_product(shop->catalogue, &shop->run, "a", NULL, "/p.jpg", 5);
    g_assert_true(state.content == 0 && !state.failed);
    int64_t content = add_content(shop->catalogue, 1);
    g_assert_true(nt_catalogue_set_photo_content(shop->catalogue, state.photo, content, &stamp, NULL));
    nt_catalogue_commit(shop->catalogue, NULL);

    for (int i = 0; i < 4; i++) {
        NtRun run = start_run(shop->catalogue, "csv", "/list.csv");
        nt_catalogue_begin(shop->catalogue, NULL);
        state = put_product(shop->catalogue, &run, "a", NULL, "/p.jpg", i == 0 ? 5 : 6);
        if (i == 0) {
            g_assert_true(state.content == content && !state.failed); /* untouched */
        } else if (i == 1) {
            g_assert_true(state.content == 0 && !state.failed); /* changed, and now it fails */
            g_autoptr(GError) reason = g_error_new_literal(NITERU_ERROR, NITERU_ERROR_CORRUPT, "half a JPEG");
            NtStamp changed = {.size = 6, .mtime_ns = 6, .ctime_ns = 6, .inode = 6};
            g_assert_true(nt_catalogue_set_photo_failure(shop->catalogue, state.photo, reason, &changed, NULL));
            expect_json(shop, "a",
                        "{\"product\": \"a\", \"metadata\": {}, \"photos\": [{\"photo\": \"/p.jpg\", \"error\": "
                        "\"half a JPEG\"}]}");
        } else if (i == 2) {
            g_assert_true(state.content == 0 && state.failed);
            NtStamp changed = {.size = 6, .mtime_ns = 6, .ctime_ns = 6, .inode = 6};
            g_assert_true(nt_catalogue_set_photo_content(shop->catalogue, state.photo, content, &changed, NULL));
        } else {
            g_assert_true(state.content == content && !state.failed);
        }
        nt_catalogue_commit(shop->catalogue, NULL);
    }
    nt_catalogue_begin(shop->catalogue, NULL);
    g_autoptr(GError) error = NULL;
    g_assert_false(nt_catalogue_set_photo_content(shop->catalogue, 999, content, &stamp, &error));
    g_assert_error(error, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/product/put-again", Shop, NULL, set_up, test_put_again, tear_down);
    g_test_add("/product/emptied", Shop, NULL, set_up, test_emptied, tear_down);
    g_test_add("/product/double", Shop, NULL, set_up, test_double, tear_down);
    g_test_add("/product/ids", Shop, NULL, set_up, test_ids, tear_down);
    g_test_add("/product/prune", Shop, NULL, set_up, test_prune, tear_down);
    g_test_add("/product/remove", Shop, NULL, set_up, test_remove, tear_down);
    g_test_add("/product/pages", Shop, NULL, set_up, test_pages, tear_down);
    g_test_add("/product/list-of", Shop, NULL, set_up, test_list_of, tear_down);
    g_test_add("/product/rollback", Shop, NULL, set_up, test_rollback, tear_down);
    g_test_add("/product/photo-states", Shop, NULL, set_up, test_photo_states, tear_down);
    return g_test_run();
}
