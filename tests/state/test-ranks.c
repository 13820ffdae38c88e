/* SPDX-License-Identifier: Apache-2.0 */
/* The order of products as numbers: whatever comes and goes, ranks grow with the ids. */
#include "state/ranks.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct Shelf {
    char *folder;
    NtCatalogue *db;
    NtRun run;
    NtRanks ranks;
    uint64_t seen; /* of the log of changes */
    uint64_t line;
} Shelf;

static void begin(Shelf *shelf) {
    g_autoptr(GError) error = NULL;
    nt_catalogue_begin(shelf->db, &error);
    g_assert_no_error(error);
}

static void put(Shelf *shelf, const char *id) {
    g_autoptr(GError) error = NULL;
    NtProductPut put = {.id = id, .line = ++shelf->line};
    nt_catalogue_put_product(shelf->db, &shelf->run, &put, NULL, NULL, &error);
    g_assert_no_error(error);
}

static void drop(Shelf *shelf, const char *id) {
    g_autoptr(GError) error = NULL;
    nt_catalogue_remove_product(shelf->db, id, NULL, &error);
    g_assert_no_error(error);
}

static void shelf_open(Shelf *shelf) {
    g_autoptr(GError) error = NULL;
    *shelf = (Shelf){.folder = g_dir_make_tmp("niteru-ranks-XXXXXX", NULL)};
    g_autofree char *shop = g_build_filename(shelf->folder, "shop.niteru", NULL);
    shelf->db = nt_catalogue_open(shop, NULL, &error);
    g_assert_no_error(error);
    begin(shelf);
    nt_catalogue_start_run(shelf->db, "csv", "/list.csv", &shelf->run, &error);
    nt_catalogue_commit(shelf->db, &error);
    g_assert_no_error(error);
}

static void shelf_drop(Shelf *shelf) {
    nt_ranks_clear(&shelf->ranks);
    nt_catalogue_close(shelf->db);
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", shelf->folder);
    g_assert_cmpint(system(command), ==, 0);
    g_free(shelf->folder);
}

typedef struct Check {
    const Shelf *shelf;
    uint64_t last, count;
} Check;

static bool check_one(int64_t product, const char *id, void *data) {
    Check *check = data;
    uint64_t rank = nt_cells_get(&check->shelf->ranks.ranks, (uint64_t)product);
    g_assert_cmpuint(rank, >, check->last);
    g_assert_cmpuint(rank, <, UINT64_C(1) << 62);
    check->last = rank;
    check->count++;
    return true;
}

/* Commits, brings the ranks forward, and compares their order with that of the ids. */
static void commit(Shelf *shelf) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(int64_t));
    bool complete = false;
    nt_catalogue_commit(shelf->db, &error);
    g_assert_no_error(error);
    g_assert_true(nt_catalogue_changes(shelf->db, shelf->seen, changed, &complete, &error) && complete);
    g_assert_true(nt_catalogue_last_change(shelf->db, &shelf->seen, &error));
    nt_ranks_forward(shelf->db, &shelf->ranks, changed, &error);
    g_assert_no_error(error);
}

static void check(const Shelf *shelf) {
    g_autoptr(GError) error = NULL;
    Check check = {.shelf = shelf};
    g_assert_true(nt_catalogue_list(shelf->db, NULL, NT_FLAG_NONE, NULL, 0, check_one, &check, &error));
    g_assert_cmpuint(check.count, ==, shelf->ranks.products);
}

/* Ids at random come and go, some under the number of one that went. */
static void test_random(void) {
    Shelf shelf;
    shelf_open(&shelf);
    for (unsigned round = 0; round < 120; round++) {
        begin(&shelf);
        for (unsigned i = 0; i < 1 + round % 9; i++) {
            g_autofree char *id = g_strdup_printf("%c%d", 'a' + g_random_int_range(0, 4), g_random_int_range(0, 200));
            drop(&shelf, id);
            if (g_random_boolean()) {
                put(&shelf, id);
            }
        }
        commit(&shelf);
        check(&shelf);
    }
    NtRanks anew = {0};
    g_autoptr(GError) error = NULL;
    g_assert_true(nt_ranks_build(shelf.db, &anew, &error));
    g_assert_cmpuint(anew.products, ==, shelf.ranks.products);
    nt_ranks_clear(&shelf.ranks);
    shelf.ranks = anew;
    check(&shelf);
    shelf_drop(&shelf);
}

/* Ids that count up or down where others stand before and behind: there is no room left after 62 of them, again and
 * again. */
static void test_crowding(void) {
    Shelf shelf;
    shelf_open(&shelf);
    begin(&shelf);
    put(&shelf, "a");
    put(&shelf, "m");
    put(&shelf, "z");
    commit(&shelf);
    for (unsigned i = 0; i < 700; i++) {
        g_autofree char *up = g_strdup_printf("b%06u", i), *down = g_strdup_printf("n%06u", 999999 - i);
        begin(&shelf);
        put(&shelf, up);
        put(&shelf, down);
        commit(&shelf);
        if (i % 50 == 0) {
            check(&shelf);
        }
    }
    check(&shelf);
    shelf_drop(&shelf);
}

/* Many at once, between, before and behind. */
static void test_bulk(void) {
    Shelf shelf;
    shelf_open(&shelf);
    for (unsigned step = 0; step < 5; step++) {
        begin(&shelf);
        for (unsigned i = 0; i < 500; i++) {
            g_autofree char *id = g_strdup_printf("%c-%u-%u", "mazmb"[step], i, step);
            put(&shelf, id);
        }
        commit(&shelf);
        check(&shelf);
    }
    shelf_drop(&shelf);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/ranks/random", test_random);
    g_test_add_func("/state/ranks/crowding", test_crowding);
    g_test_add_func("/state/ranks/bulk", test_bulk);
    return g_test_run();
}
