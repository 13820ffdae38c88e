/* SPDX-License-Identifier: Apache-2.0 */
/* The log of changes, what makes rows dead, and the readings of a state in memory. */
#include "catalogue-support.h"

#include <sqlite3.h>
#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
    int64_t models[2];
} Shop;

static void set_up(Shop *shop, const void *data) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    shop->run = start_run(shop->catalogue, "csv", "/list.csv");
    nt_catalogue_begin(shop->catalogue, NULL);
    shop->models[0] = add_model(shop->catalogue, "m");
    shop->models[1] = add_model(shop->catalogue, "n");
}

static void tear_down(Shop *shop, const void *data) {
    nt_catalogue_rollback(shop->catalogue);
    nt_catalogue_close(shop->catalogue);
    drop_folder(shop->folder);
}

static bool note_number(int64_t product, void *data) {
    g_array_append_val((GArray *)data, product);
    return true;
}

/* ---- the log ---- */

static uint64_t last_change(Shop *shop) {
    uint64_t seq = 0;
    CHECK(nt_catalogue_last_change(shop->catalogue, &seq, error));
    return seq;
}

/* "1 2 " of the products changed since, or "?" where the log does not reach back. */
static char *changes_since(Shop *shop, uint64_t since) {
    g_autoptr(GArray) changed = g_array_new(false, false, sizeof(int64_t));
    bool complete = false;
    CHECK(nt_catalogue_changes(shop->catalogue, since, changed, &complete, error));
    GString *out = g_string_new(complete ? "" : "?");
    for (guint i = 0; i < changed->len; i++) {
        g_string_append_printf(out, "%d ", (int)g_array_index(changed, int64_t, i));
    }
    return g_string_free(out, FALSE);
}

static void expect_changes(Shop *shop, uint64_t since, const char *expected) {
    g_autofree char *changed = changes_since(shop, since);
    g_assert_cmpstr(changed, ==, expected);
}

/* Each product once in a transaction; a put that changes nothing is no change; what is rolled back is none. */
static void test_log(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    g_assert_cmpuint(last_change(shop), ==, 0);
    expect_changes(shop, 0, "");
    expect_changes(shop, 5, "?");
    const char *const cheap[] = {"price=1", NULL}, *const dear[] = {"price=2", NULL};
    NtPhotoState a = put_product(c, &shop->run, "a", cheap, "/a.jpg", 1);
    put_product(c, &shop->run, "b", cheap, "/b.jpg", 1);
    int64_t content = add_content(c, 1);
    CHECK(nt_catalogue_set_photo_content(c, a.photo, content, &(NtStamp){1, 1, 1, 1}, error));
    nt_catalogue_commit(c, NULL);
    g_assert_cmpuint(last_change(shop), ==, 2);
    expect_changes(shop, 0, "1 2 ");

    NtRun again = start_run(c, "csv", "/list.csv");
    nt_catalogue_begin(c, NULL);
    g_assert_cmpint(put_product(c, &again, "a", cheap, "/a.jpg", 1).content, ==, content);
    CHECK(nt_catalogue_set_photo_content(c, a.photo, content, &(NtStamp){2, 2, 2, 2}, error));
    nt_catalogue_commit(c, NULL);
    g_assert_cmpuint(last_change(shop), ==, 2);

    nt_catalogue_begin(c, NULL);
    put_product(c, &again, "b", dear, "/b.jpg", 1);
    nt_catalogue_rollback(c);
    nt_catalogue_begin(c, NULL);
    CHECK(nt_catalogue_add_vectors(c, shop->models[0], 0, &content, 1, NT_MAKER_UNKNOWN, error));
    nt_catalogue_commit(c, NULL);
    expect_changes(shop, 2, "1 ");
    expect_changes(shop, 3, "");
    expect_changes(shop, 4, "?");
    nt_catalogue_begin(c, NULL);
    CHECK(nt_catalogue_remove_product(c, "b", NULL, error));
    put_product(c, &again, "c", cheap, NULL, 0);
    nt_catalogue_commit(c, NULL);
    expect_changes(shop, 3, "2 "); /* gone, and its number taken again */
}

/* A product with so many photos at one place, of which the first then shows `content`. */
static void put_shown(Shop *shop, const char *id, size_t photos, int64_t content) {
    NtPhotoPut put_photos[3] = {{.location = "/x.jpg"}, {.location = "/x.jpg"}, {.location = "/x.jpg"}};
    NtPhotoState states[3];
    NtProductPut put = {.id = id, .photos = put_photos, .photo_count = photos};
    CHECK(nt_catalogue_start_run(shop->catalogue, "csv", "/list.csv", &shop->run, error));
    CHECK(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, states, NULL, error));
    if (content != 0) {
        CHECK(nt_catalogue_set_photo_content(shop->catalogue, states[0].photo, content, NULL, error));
    }
    expect_dead(shop->catalogue);
}

/* A vector that a content takes over changes all products that show the content, and is alive while one does. */
static void test_adopted(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    int64_t shared = add_content(c, 1), fresh = add_content(c, 2), imported[2];
    put_shown(shop, "a", 0, 0);
    put_shown(shop, "b", 0, 0);
    put_shown(shop, "c", 1, shared);
    CHECK(nt_catalogue_import_content(c, 1, 0, &imported[0], error));
    CHECK(nt_catalogue_import_content(c, 2, 0, &imported[1], error));
    CHECK(nt_catalogue_add_vectors(c, shop->models[0], 0, imported, 2, NT_MAKER_UNKNOWN, error));
    put_shown(shop, "b", 1, 0);
    nt_catalogue_commit(c, NULL);
    nt_catalogue_begin(c, NULL);
    put_shown(shop, "a", 1, shared);
    put_shown(shop, "b", 3, fresh); /* two more photos show what the first did before */
    nt_catalogue_commit(c, NULL);
    expect_changes(shop, 3, "1 2 3 ");
}

/* Puts `count` products without anything, in one transaction. */
static void put_many(Shop *shop, int first, int count) {
    for (int i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("many-%d", first + i);
        NtProductPut put = {.id = id};
        CHECK(nt_catalogue_put_product(shop->catalogue, &shop->run, &put, NULL, NULL, error));
    }
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    nt_catalogue_begin(shop->catalogue, NULL);
}

/* The log is cut at twice 65,536 entries, and emptied by a transaction of more than 65,536; it never begins anew. */
static void test_bounds(Shop *shop, const void *data) {
    put_many(shop, 0, 65536);
    put_many(shop, 70000, 65535);
    g_assert_cmpuint(last_change(shop), ==, 131071);
    g_autofree char *all = changes_since(shop, 0);
    g_assert_cmpint(all[0], !=, '?');
    put_many(shop, 140000, 2);
    expect_changes(shop, 0, "?");
    expect_changes(shop, 65536, "?");
    g_autofree char *half = changes_since(shop, 65538);
    g_assert_true(g_str_has_prefix(half, "65539 65540 ") && g_str_has_suffix(half, " 131073 "));
    CHECK(nt_catalogue_prune_some(shop->catalogue, &(NtRun){shop->run.source, INT64_MAX}, 65537, NULL, error));
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    g_assert_cmpuint(last_change(shop), ==, 131074);
    expect_changes(shop, 131073, "?");
    expect_changes(shop, 131074, "");
}

/* ---- readings ---- */

static bool note_three(int64_t product, void *data) {
    g_array_append_val((GArray *)data, product);
    return ((GArray *)data)->len < 3;
}

static void expect_numbers(GArray *numbers, const char *expected) {
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < numbers->len; i++) {
        g_string_append_printf(out, "%d ", (int)g_array_index(numbers, int64_t, i));
    }
    g_assert_cmpstr(out->str, ==, expected);
    g_array_set_size(numbers, 0);
}

static void test_order(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    for (const char *id = "dbaec"; *id != '\0'; id++) { /* a 3, b 2, c 5, d 1, e 4 */
        put_product(c, &shop->run, (char[]){*id, '\0'}, NULL, NULL, 0);
    }
    g_autoptr(GArray) seen = g_array_new(false, false, sizeof(int64_t));
    CHECK(nt_catalogue_each_product(c, note_number, seen, error));
    expect_numbers(seen, "3 2 5 1 4 ");
    CHECK(nt_catalogue_each_product(c, note_three, seen, error));
    expect_numbers(seen, "3 2 5 ");
    CHECK(nt_catalogue_walk(c, 5, true, note_number, seen, error));
    expect_numbers(seen, "1 4 ");
    CHECK(nt_catalogue_walk(c, 4, false, note_three, seen, error));
    expect_numbers(seen, "1 5 2 ");
    g_autoptr(GError) gone = NULL;
    g_assert_false(nt_catalogue_walk(c, 6, true, note_number, seen, &gone));
    g_assert_error(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND);
}

typedef struct Nested {
    Shop *shop;
    const NtWhere *where;
    unsigned calls;
} Nested;

/* A callback that matches again within itself. */
static bool match_within(int64_t product, void *data) {
    Nested *nested = data;
    g_autoptr(GArray) seen = g_array_new(false, false, sizeof(int64_t));
    CHECK(nt_catalogue_match(nested->shop->catalogue, nested->where, 0, note_number, seen, error));
    g_assert_cmpuint(seen->len, ==, 3);
    nested->calls++;
    return true;
}

static void test_match(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    for (int i = 0; i < 6; i++) {
        g_autofree char *id = g_strdup_printf("p%d", i), *price = g_strdup_printf("price=%d", i);
        put_product(c, &shop->run, id, (const char *const[]){price, NULL}, NULL, 0);
    }
    nt_catalogue_commit(c, NULL);
    nt_catalogue_begin(c, NULL);
    g_autoptr(NtWhere) where = nt_where_parse(c, "price >= 2 and price < 5", NULL);
    g_autoptr(GArray) seen = g_array_new(false, false, sizeof(int64_t));
    CHECK(nt_catalogue_match(c, where, 0, note_number, seen, error));
    expect_numbers(seen, "3 4 5 ");
    CHECK(nt_catalogue_match(c, NULL, 0, note_three, seen, error));
    expect_numbers(seen, "1 2 3 ");
    CHECK(nt_catalogue_match(c, where, 4, note_number, seen, error));
    expect_numbers(seen, "5 ");
    Nested nested = {shop, where, 0};
    CHECK(nt_catalogue_match(c, where, 0, match_within, &nested, error));
    g_assert_cmpuint(nested.calls, ==, 3);
}

static bool note_described(size_t i, const char *id, const char *location, int64_t position, NtJson *metadata,
                           void *data) {
    g_autofree char *printed = metadata != NULL ? nt_json_print(metadata, false) : NULL;
    g_string_append_printf(data, "%d=%s,%s,%s ", (int)i, id, location, printed != NULL ? printed : "-");
    return true;
}

/* What is no longer so is left out; of several photos the first is named. */
static void test_describe(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    const char *const meta[] = {"price=1", "tags=[\"a\"]", NULL};
    NtPhotoPut photos[] = {{.location = "/other.jpg"}, {.location = "/first.jpg"}, {.location = "/second.jpg"}};
    NtPhotoState states[3];
    NtProductPut put = {.id = "b", .photos = photos, .photo_count = 3};
    int64_t contents[] = {add_content(c, 1), add_content(c, 2)}, imported = 0;
    put_product(c, &shop->run, "a", meta, NULL, 0);
    CHECK(nt_catalogue_import_content(c, 1, 0, &imported, error));
    CHECK(nt_catalogue_put_product(c, &shop->run, &put, states, NULL, error));
    for (int i = 0; i < 3; i++) {
        CHECK(nt_catalogue_set_photo_content(c, states[i].photo, contents[i > 0], NULL, error));
    }
    CHECK(nt_catalogue_add_vectors(c, shop->models[0], 0, contents, 2, 0, error));
    CHECK(nt_catalogue_add_vectors(c, shop->models[0], 2, &imported, 1, 0, error));
    const NtShown shown[] = {{2, 1}, {2, 2}, {1, 2}, {9, 1}, {2, 7}, {2, 0}};
    g_autoptr(GString) plain = g_string_new(NULL), full = g_string_new(NULL);
    CHECK(nt_catalogue_describe(c, shop->models[0], shown, 6, false, note_described, plain, error));
    g_assert_cmpstr(plain->str, ==, "0=b,/first.jpg,- 2=a,,- 5=b,/other.jpg,- ");
    CHECK(nt_catalogue_describe(c, shop->models[0], shown + 2, 1, true, note_described, full, error));
    g_assert_cmpstr(full->str, ==, "0=a,,{\"price\": 1.0, \"tags\": [\"a\"]} ");
    bool is = false;
    CHECK(nt_catalogue_photo_is(c, states[1].photo, "/first.jpg", contents[1], &is, error) && is);
    CHECK(nt_catalogue_photo_is(c, states[1].photo, "/second.jpg", contents[1], &is, error) && !is);
    CHECK(nt_catalogue_photo_is(c, 999, "/first.jpg", contents[1], &is, error) && !is);
    CHECK(nt_catalogue_photo_is(c, states[1].photo, "/first.jpg", contents[0], &is, error) && !is);
}

/* A run that began later over the same source keeps what it brought, whoever ends first. */
static void test_two_runs(Shop *shop, const void *data) {
    NtCatalogue *c = shop->catalogue;
    put_product(c, &shop->run, "old", NULL, NULL, 0);
    nt_catalogue_commit(c, NULL);
    NtRun first = start_run(c, "csv", "/list.csv"), second = start_run(c, "csv", "/list.csv");
    nt_catalogue_begin(c, NULL);
    put_product(c, &second, "both", NULL, NULL, 0);
    put_product(c, &second, "later", NULL, NULL, 0);
    put_product(c, &first, "both", NULL, NULL, 0);
    put_product(c, &first, "earlier", NULL, NULL, 0);
    uint64_t removed = 0;
    CHECK(nt_catalogue_end_run(c, &first, true, &removed, error));
    g_assert_cmpuint(removed, ==, 1);
    g_autofree char *ids = matching(c, "has id");
    g_assert_cmpstr(ids, ==, "both earlier later");
    CHECK(nt_catalogue_prune_some(c, &second, 1, &removed, error) && removed == 1);
    CHECK(nt_catalogue_prune_some(c, &second, 1, &removed, error) && removed == 0);
    g_autofree char *left = matching(c, "has id");
    g_assert_cmpstr(left, ==, "both later");
}

/* A field that is added or gets another type changes what conditions mean. */
static void test_fields_version(Shop *shop, const void *data) {
    int64_t before = 0, added = 0, same = 0, retyped = 0;
    const char *const meta[] = {"price=1", NULL}, *const types[] = {"price=text", NULL};
    CHECK(nt_catalogue_fields_version(shop->catalogue, &before, error));
    put_product(shop->catalogue, &shop->run, "a", meta, NULL, 0);
    CHECK(nt_catalogue_fields_version(shop->catalogue, &added, error));
    put_product(shop->catalogue, &shop->run, "b", meta, NULL, 0);
    CHECK(nt_catalogue_fields_version(shop->catalogue, &same, error));
    g_autoptr(NtColumns) columns = nt_columns_new(shop->catalogue, types, NULL);
    nt_columns_learn(columns, "price", "2", NULL);
    CHECK(nt_columns_settle(columns, error));
    CHECK(nt_catalogue_fields_version(shop->catalogue, &retyped, error));
    g_assert_true(before < added && added == same && same < retyped);
}

/* check names a count of dead rows that is wrong. */
static void test_wrong_count(Shop *shop, const void *data) {
    int64_t content = add_content(shop->catalogue, 1);
    CHECK(nt_catalogue_add_vectors(shop->catalogue, shop->models[0], 0, &content, 1, 0, error));
    CHECK(nt_catalogue_put_digests(shop->catalogue, shop->models[0], 0, &(uint64_t){1}, 1, 1, error));
    CHECK(nt_catalogue_commit(shop->catalogue, error));
    g_autofree char *sound = problems(shop->catalogue), *path = g_build_filename(shop->folder, "catalogue.db", NULL);
    g_assert_cmpstr(sound, ==, "");
    sqlite3 *db = NULL;
    g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "niteru"), ==, SQLITE_OK);
    g_assert_cmpint(sqlite3_exec(db, "UPDATE model SET dead = 7 WHERE name = 'm'", NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close(db);
    g_autofree char *said = problems(shop->catalogue);
    g_assert_cmpstr(said, ==, "model m: 7 rows are counted as dead, 1 are\n");
}
int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/change/log", Shop, NULL, set_up, test_log, tear_down);
    g_test_add("/change/adopted", Shop, NULL, set_up, test_adopted, tear_down);
    g_test_add("/change/bounds", Shop, NULL, set_up, test_bounds, tear_down);
    g_test_add("/change/order", Shop, NULL, set_up, test_order, tear_down);
    g_test_add("/change/match", Shop, NULL, set_up, test_match, tear_down);
    g_test_add("/change/describe", Shop, NULL, set_up, test_describe, tear_down);
    g_test_add("/change/two-runs", Shop, NULL, set_up, test_two_runs, tear_down);
    g_test_add("/change/fields-version", Shop, NULL, set_up, test_fields_version, tear_down);
    g_test_add("/change/wrong-count", Shop, NULL, set_up, test_wrong_count, tear_down);
    return g_test_run();
}
