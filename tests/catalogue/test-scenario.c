/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: versions, who changes which, and what is kept of those that were removed. */
#include "catalogue-support.h"

/* Puts settings (NULL: removes) in a transaction of its own; the version, or minus the error's code. */
static int64_t put(NtCatalogue *catalogue, const char *name, int64_t expected, const char *settings) {
    g_autoptr(GError) fault = NULL;
    int64_t version = 0;
    CHECK(nt_catalogue_begin(catalogue, error));
    bool ok = nt_catalogue_put_scenario(catalogue, name, expected, settings, &version, &fault);
    g_assert_true(ok == (fault == NULL));
    CHECK(nt_catalogue_commit(catalogue, error));
    return ok ? version : -fault->code;
}

static bool add_row(const NtScenarioRow *row, void *data) {
    g_string_append_printf(data, "%s %d %s|", row->name, (int)row->version,
                           row->settings != NULL ? row->settings : "-");
    return true;
}

/* All versions of a name, or the newest of all. */
static char *rows(NtCatalogue *catalogue, const char *name) {
    GString *out = g_string_new(NULL);
    CHECK(nt_catalogue_each_scenario(catalogue, name, add_row, out, error));
    return g_string_free(out, FALSE);
}

static void expect_rows(NtCatalogue *catalogue, const char *name, const char *expected) {
    g_autofree char *found = rows(catalogue, name);
    g_assert_cmpstr(found, ==, expected);
}

static void test_versions(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    g_assert_cmpint(put(catalogue, "", -1, "{}"), ==, -NITERU_ERROR_INVALID);
    g_assert_cmpint(put(catalogue, "a\nb", -1, "{}"), ==, -NITERU_ERROR_INVALID);
    g_assert_cmpint(put(catalogue, "cart", -1, NULL), ==, -NITERU_ERROR_NOT_FOUND);
    g_assert_cmpint(put(catalogue, "cart", 2, "{}"), ==, -NITERU_ERROR_CONDITION);
    g_assert_cmpint(put(catalogue, "cart", 0, "1"), ==, 1);
    g_assert_cmpint(put(catalogue, "cart", 0, "2"), ==, -NITERU_ERROR_CONDITION);
    g_assert_cmpint(put(catalogue, "cart", 1, "2"), ==, 2);
    g_assert_cmpint(put(catalogue, "カート", -1, "3"), ==, 1);
    expect_rows(catalogue, NULL, "cart 2 2|カート 1 3|");
    g_assert_cmpint(put(catalogue, "cart", 2, NULL), ==, 3);
    expect_rows(catalogue, NULL, "カート 1 3|");
    expect_rows(catalogue, "cart", "cart 3 -|cart 2 2|cart 1 1|");
    g_assert_cmpint(put(catalogue, "cart", 0, "4"), ==, 4);
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

/* Names that are no longer used leave room for new ones, the first that was removed before others. */
static void test_room(void) {
    char *folder = make_folder();
    NtCatalogue *catalogue = open_catalogue(folder, false);
    for (int i = 0; i < NT_MOST_SCENARIOS; i++) {
        g_autofree char *name = g_strdup_printf("s%03d", i);
        g_assert_cmpint(put(catalogue, name, 0, "1"), ==, 1);
    }
    g_assert_cmpint(put(catalogue, "more", 0, "1"), ==, -NITERU_ERROR_LIMIT);
    g_assert_cmpint(put(catalogue, "s007", 1, "2"), ==, 2); /* those that are there still change */
    g_assert_cmpint(put(catalogue, "s123", -1, NULL), ==, 2);
    g_usleep(1100 * 1000); /* times are whole seconds */
    g_assert_cmpint(put(catalogue, "s005", -1, NULL), ==, 2);
    g_assert_cmpint(put(catalogue, "more", 0, "1"), ==, 1);
    expect_rows(catalogue, "s123", "");
    expect_rows(catalogue, "s005", "s005 2 -|s005 1 1|");
    g_assert_cmpint(put(catalogue, "s005", 0, "3"), ==, 3); /* taken back: of its own room */
    g_assert_cmpint(put(catalogue, "most", 0, "1"), ==, -NITERU_ERROR_LIMIT);
    expect_rows(catalogue, "s005", "s005 3 3|s005 2 -|s005 1 1|");
    nt_catalogue_close(catalogue);
    drop_folder(folder);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/catalogue/scenario/versions", test_versions);
    g_test_add_func("/catalogue/scenario/room", test_room);
    return g_test_run();
}
