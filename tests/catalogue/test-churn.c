/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of random operations: the counts of dead rows stay right, numbers stay dense, and a state kept up to date
 * by the log of changes equals one read anew. */
#include "catalogue-support.h"

#include <string.h>

typedef struct Shop {
    char *folder;
    NtCatalogue *catalogue;
    NtRun run;
    int64_t models[2];
    uint32_t generation; /* of the first one's vectors */
    GRand *random;
} Shop;

static void set_up(Shop *shop, const void *data) {
    shop->folder = make_folder();
    shop->catalogue = open_catalogue(shop->folder, false);
    shop->run = start_run(shop->catalogue, "csv", "/list.csv");
    shop->random = g_rand_new_with_seed(7);
    shop->generation = 1;
    nt_catalogue_begin(shop->catalogue, NULL);
    shop->models[0] = add_model(shop->catalogue, "m");
    shop->models[1] = add_model(shop->catalogue, "n");
}

static void tear_down(Shop *shop, const void *data) {
    nt_catalogue_rollback(shop->catalogue);
    nt_catalogue_close(shop->catalogue);
    g_rand_free(shop->random);
    drop_folder(shop->folder);
}

static int pick(Shop *shop, int below) { return g_rand_int_range(shop->random, 0, below); }
/* ---- random operations ---- */

/* A product with up to three photos out of six locations, some of which show contents out of sixty. */
static void put_random(Shop *shop) {
    NtCatalogue *c = shop->catalogue;
    g_autofree char *id = g_strdup_printf("p%02d", pick(shop, 40)), *price = g_strdup_printf("%d", pick(shop, 9));
    char locations[3][16];
    NtPhotoPut photos[3];
    NtPhotoState states[3];
    g_autoptr(NtColumns) columns = nt_columns_new(c, NULL, NULL);
    nt_columns_learn(columns, "price", price, NULL);
    CHECK(nt_columns_settle(columns, error));
    nt_columns_begin_row(columns);
    CHECK(nt_columns_read(columns, "price", price, NULL, error));
    NtProductPut put = {.id = id, .photos = photos, .photo_count = (size_t)pick(shop, 4)};
    put.values = nt_columns_values(columns, &put.value_count);
    for (size_t i = 0; i < put.photo_count; i++) {
        g_snprintf(locations[i], sizeof locations[i], "/%d.jpg", pick(shop, 6));
        photos[i] = (NtPhotoPut){.location = locations[i], .stamp = {1, 1, 1, 1}};
    }
    CHECK(nt_catalogue_start_run(c, "csv", "/list.csv", &shop->run, error));
    CHECK(nt_catalogue_put_product(c, &shop->run, &put, states, NULL, error));
    for (size_t i = 0; i < put.photo_count; i++) {
        int what = pick(shop, 5);
        if (what == 0) {
            g_autoptr(GError) reason = g_error_new_literal(NITERU_ERROR, NITERU_ERROR_CORRUPT, "half");
            CHECK(nt_catalogue_set_photo_failure(c, states[i].photo, reason, NULL, error));
        } else if (what < 4) {
            int64_t content = add_content(c, (uint32_t)pick(shop, 60) + 1);
            CHECK(nt_catalogue_set_photo_content(c, states[i].photo, content, &(NtStamp){1, 1, 1, 1}, error));
        }
    }
}

static void add_random_vectors(Shop *shop) {
    int64_t contents[2];
    g_auto(NtModelRow) row = {0};
    CHECK(nt_catalogue_find_model(shop->catalogue, pick(shop, 2) ? "m" : "n", &row, error));
    for (int i = 0; i < 2; i++) { /* the same one twice in a call, sometimes */
        contents[i] = add_content(shop->catalogue, (uint32_t)pick(shop, 60) + 1);
    }
    CHECK(nt_catalogue_add_vectors(shop->catalogue, row.model, row.rows, contents, 2, NT_MAKER_UNKNOWN, error));
}

/* A vector for a product's photo without a file, which the file takes over later. */
static void import_random(Shop *shop) {
    g_autofree char *id = g_strdup_printf("p%02d", pick(shop, 40));
    int64_t product = 0, content = 0;
    g_auto(NtModelRow) row = {0};
    if (nt_catalogue_find_product(shop->catalogue, id, &product, NULL)) {
        CHECK(nt_catalogue_import_content(shop->catalogue, product, (unsigned)pick(shop, 3), &content, error));
        CHECK(nt_catalogue_find_model(shop->catalogue, pick(shop, 2) ? "m" : "n", &row, error));
        CHECK(nt_catalogue_add_vectors(shop->catalogue, row.model, row.rows, &content, 1, 0, error));
    }
}

static bool ignore_row(uint64_t vrow, void *data) { return true; }

static void remove_random(Shop *shop) {
    NtCatalogue *c = shop->catalogue;
    g_autofree char *id = g_strdup_printf("p%02d", pick(shop, 40)),
                    *text = g_strdup_printf("price = %d", pick(shop, 9));
    g_autoptr(NtWhere) where = NULL;
    uint64_t rows = 0;
    switch (pick(shop, 12)) {
    case 0:
        where = nt_where_parse(c, text, NULL);
        if (where != NULL) {
            CHECK(nt_catalogue_remove_where(c, where, NULL, error));
        }
        break;
    case 1: CHECK(nt_catalogue_prune_some(c, &shop->run, (uint64_t)pick(shop, 9) + 1, NULL, error)); break;
    case 2:
        CHECK(nt_catalogue_compact_model(c, shop->models[0], ++shop->generation, ignore_row, NULL, &rows, error));
        break;
    case 3:
        if (pick(shop, 10) == 0) {
            CHECK(nt_catalogue_renew_model(c, shop->models[1], 2, error));
        }
        break;
    default: CHECK(nt_catalogue_remove_product(c, id, NULL, error));
    }
}

/* ---- a state ---- */

static bool note_number(int64_t product, void *data) {
    g_array_append_val((GArray *)data, product);
    return true;
}

static bool note_shown(uint64_t vrow, int64_t product, void *data) {
    g_string_append_printf(data, "%d:%d ", (int)product, (int)vrow);
    return true;
}

/* What a product is, by its number: its JSON and rows; NULL when it is not there. */
static char *product_text(Shop *shop, int64_t product) {
    g_autoptr(NtJson) json = nt_catalogue_product_json(shop->catalogue, product, NULL);
    if (json == NULL) {
        return NULL;
    }
    g_autofree char *printed = nt_json_print(json, false);
    g_autoptr(GArray) vectors = g_array_new(false, false, sizeof(NtProductVector));
    GString *out = g_string_new(printed);
    CHECK(nt_catalogue_product_vectors(shop->catalogue, shop->models[0], product, vectors, error)); /* the default */
    for (guint i = 0; i < vectors->len; i++) {
        g_string_append_printf(out, " %d", (int)g_array_index(vectors, NtProductVector, i).vrow);
    }
    return g_string_free(out, FALSE);
}

enum { MOST_PRODUCTS = 40 };

typedef struct State {
    uint64_t seq;
    uint32_t generation;
    char *products[MOST_PRODUCTS + 1];
} State;

/* Brings a state up to date by the log; `expected` numbers only may have changed. */
static void follow(Shop *shop, State *state) {
    g_autoptr(GArray) changed = g_array_new(false, false, sizeof(int64_t));
    bool complete = false;
    CHECK(nt_catalogue_changes(shop->catalogue, state->seq, changed, &complete, error));
    g_assert_true(complete);
    for (guint i = 0; i < changed->len; i++) {
        int64_t product = g_array_index(changed, int64_t, i);
        g_assert_true(i == 0 || g_array_index(changed, int64_t, i - 1) < product);
        g_assert_cmpint(product, <=, MOST_PRODUCTS); /* numbers of removed products are taken again */
        g_free(state->products[product]);
        state->products[product] = product_text(shop, product);
    }
    CHECK(nt_catalogue_last_change(shop->catalogue, &state->seq, error));
}

static void expect_current(Shop *shop, const State *state) {
    for (int64_t product = 1; product <= MOST_PRODUCTS; product++) {
        g_autofree char *text = product_text(shop, product);
        g_assert_cmpstr(state->products[product], ==, text);
    }
}

/* Every pair of row and product, by the slow way and by the two indexes. */
static void expect_shown(Shop *shop) {
    g_autoptr(GString) fast = g_string_new(NULL), slow = g_string_new(NULL);
    CHECK(nt_catalogue_each_shown(shop->catalogue, shop->models[1], note_shown, fast, error));
    g_autoptr(GArray) products = g_array_new(false, false, sizeof(int64_t));
    CHECK(nt_catalogue_each_product(shop->catalogue, note_number, products, error));
    for (guint i = 0; i < products->len; i++) {
        g_autoptr(GArray) vectors = g_array_new(false, false, sizeof(NtProductVector));
        int64_t product = g_array_index(products, int64_t, i);
        CHECK(nt_catalogue_product_vectors(shop->catalogue, shop->models[1], product, vectors, error));
        for (guint j = 0; j < vectors->len; j++) {
            note_shown(g_array_index(vectors, NtProductVector, j).vrow, product, slow);
        }
    }
    g_auto(GStrv) a = g_strsplit(fast->str, " ", -1), b = g_strsplit(slow->str, " ", -1);
    g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
    for (char **pair = b; *pair != NULL; pair++) {
        g_assert_true(g_strv_contains((const char *const *)a, *pair));
    }
}

static void test_random(Shop *shop, const void *data) {
    State state = {0};
    int committed = 0, undone = 0;
    nt_catalogue_commit(shop->catalogue, NULL);
    for (int transaction = 0; transaction < 600; transaction++) {
        nt_catalogue_begin(shop->catalogue, NULL);
        for (int i = pick(shop, 8); i >= 0; i--) {
            int what = pick(shop, 10);
            what < 5   ? put_random(shop)
            : what < 7 ? add_random_vectors(shop)
            : what < 8 ? import_random(shop)
                       : remove_random(shop);
            expect_dead(shop->catalogue);
        }
        if (pick(shop, 5) == 0) {
            nt_catalogue_rollback(shop->catalogue);
            undone++;
        } else {
            CHECK(nt_catalogue_commit(shop->catalogue, error));
            committed++;
        }
        g_auto(NtModelRow) row = {0};
        CHECK(nt_catalogue_find_model(shop->catalogue, "m", &row, error));
        if (row.generation != state.generation) { /* another file of vectors: all is read anew */
            state.generation = row.generation;
            state.seq = 0;
        }
        follow(shop, &state);
        expect_current(shop, &state);
        expect_dead(shop->catalogue);
        expect_shown(shop);
    }
    g_assert_true(committed > 200 && undone > 40);
    g_autofree char *said = problems(shop->catalogue);
    g_assert_null(strstr(said, "dead"));
    g_assert_null(strstr(said, "free"));
    for (int i = 0; i <= MOST_PRODUCTS; i++) {
        g_free(state.products[i]);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add("/churn/random", Shop, NULL, set_up, test_random, tear_down);
    return g_test_run();
}
