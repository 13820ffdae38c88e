/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thousands of random changes and queries, against a scan that knows of no index: it takes the words of each product
 * from the words' own function and computes BM25 as the books have it. And an index that is not as it should be, which
 * the check tells.
 */
#include "text-support.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

enum { PRODUCTS = 60, QUERIES = 40, TURNS = 60 };

/* The tokens of a product as it should be: those of its title, and of the rest. */
typedef struct Model {
    char **tokens[2];
} Model;

typedef struct Random {
    TextShop shop;
    GRand *random;
    Model products[PRODUCTS]; /* NULL: not there */
} Random;

static int pick(Random *all, int below) { return g_rand_int_range(all->random, 0, below); }

/* ---- changes ---- */

static const char *const latin[] = {"red", "redwood", "re", "dress", "drape", "x", "Ärmel", "ＸＬ"};
static const char *const runs[] = {"赤", "赤い", "花柄", "花", "ワンピース", "ﾜﾝﾋﾟ", "柄", "ース"};

static char *random_text(Random *all) {
    GString *text = g_string_new(NULL);
    for (int i = pick(all, 6); i > 0; i--) {
        bool run = pick(all, 2) == 0;
        g_string_append(text, run ? runs[pick(all, G_N_ELEMENTS(runs))] : latin[pick(all, G_N_ELEMENTS(latin))]);
        if (!run || pick(all, 2) == 0) { /* runs may stand together */
            g_string_append(text, pick(all, 2) == 0 ? " " : "、");
        }
    }
    return g_string_free(text, FALSE);
}

static void clear(Model *model) {
    for (int column = 0; column < 2; column++) {
        g_clear_pointer(&model->tokens[column], g_strfreev);
    }
}

static char **tokens_of(const char *words) {
    g_auto(GStrv) parts = g_strsplit(words, " ", -1);
    g_autoptr(GStrvBuilder) out = g_strv_builder_new();
    for (size_t i = 0; parts[i] != NULL; i++) {
        if (*parts[i] != '\0') {
            g_strv_builder_add(out, parts[i]);
        }
    }
    return g_strv_builder_end(out);
}

static void put_random(Random *all, int number) {
    g_autofree char *id = g_strdup_printf("p%02d", number), *title = random_text(all), *note = random_text(all);
    put_text(&all->shop, id, title, note, "");
    clear(&all->products[number]);
    g_autofree char *first = nt_words(title, NT_TEXT_BYTES), *second = nt_words(id, NT_TEXT_BYTES),
                    *third = nt_words(note, NT_TEXT_BYTES), *rest = g_strconcat(second, " ", third, NULL);
    all->products[number].tokens[0] = tokens_of(first);
    all->products[number].tokens[1] = tokens_of(rest);
}

static void change(Random *all) {
    int number = pick(all, PRODUCTS);
    g_autofree char *id = g_strdup_printf("p%02d", number);
    if (pick(all, 4) > 0) {
        put_random(all, number);
    } else {
        CHECK(nt_catalogue_remove_product(all->shop.catalogue, id, NULL, error));
        clear(&all->products[number]);
    }
}

/* ---- the scan ---- */

/* Some tokens that follow each other, of which the last may be a beginning. */
typedef struct Unit {
    char **tokens;
    bool prefix;
} Unit;

static bool stands_at(char *const *tokens, const Unit *unit) {
    for (size_t i = 0; unit->tokens[i] != NULL; i++) {
        bool last = unit->tokens[i + 1] == NULL;
        if (tokens[i] == NULL || !(last && unit->prefix ? g_str_has_prefix(tokens[i], unit->tokens[i])
                                                        : strcmp(tokens[i], unit->tokens[i]) == 0)) {
            return false;
        }
    }
    return true;
}

static double occurrences(const Model *model, const Unit *unit) {
    double sum = 0;
    for (int column = 0; column < 2; column++) {
        for (char **at = model->tokens[column]; *at != NULL; at++) {
            sum += stands_at(at, unit) ? (column == 0 ? 4 : 1) : 0;
        }
    }
    return sum;
}

/* A word at the end of a query counts as a beginning, and as a whole again. */
static double frequency(const Model *model, const Unit *unit, bool word_at_end) {
    Unit beginning = {unit->tokens, true};
    return word_at_end ? occurrences(model, unit) + occurrences(model, &beginning) : occurrences(model, unit);
}

typedef struct Query {
    Unit units[16];
    size_t count;
    bool word_at_end;
} Query;

static void clear_query(Query *query) {
    for (size_t i = 0; i < query->count; i++) {
        g_strfreev(query->units[i].tokens);
    }
}

static double length_of(const Model *model) {
    return g_strv_length(model->tokens[0]) + g_strv_length(model->tokens[1]);
}

/* Fills scores (negative: no hit); how many hits there are. */
static unsigned scan(const Random *all, const Query *query, bool any, double scores[PRODUCTS]) {
    double count = 0, length = 0, limit = 0;
    unsigned hits = 0;
    bool matches[PRODUCTS];
    for (int p = 0; p < PRODUCTS; p++) {
        const Model *model = &all->products[p];
        scores[p] = 0;
        matches[p] = model->tokens[0] != NULL && !any;
        count += model->tokens[0] != NULL;
        length += model->tokens[0] != NULL ? length_of(model) : 0;
    }
    for (size_t u = 0; u < query->count; u++) {
        bool end = query->word_at_end && u + 1 == query->count;
        double with = 0;
        for (int p = 0; p < PRODUCTS; p++) {
            with += all->products[p].tokens[0] != NULL && frequency(&all->products[p], &query->units[u], end) > 0;
        }
        double weight = log(1 + (count - with + 0.5) / (with + 0.5));
        limit += weight * 2.2;
        for (int p = 0; p < PRODUCTS; p++) {
            const Model *model = &all->products[p];
            double f = model->tokens[0] != NULL ? frequency(model, &query->units[u], end) : 0;
            matches[p] = any ? matches[p] || f > 0 : matches[p] && f > 0;
            scores[p] += f > 0 ? weight * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length_of(model) * count / length)) : 0;
        }
    }
    for (int p = 0; p < PRODUCTS; p++) {
        scores[p] = matches[p] ? 100 * scores[p] / limit : -1;
        hits += matches[p];
    }
    return hits;
}

/* ---- the comparison ---- */

static void compare(Random *all, const char *text, const double scores[PRODUCTS], unsigned hits, bool any) {
    g_auto(NtTextFound) found = {0};
    NtTextSearch search = {.text = text, .most = (size_t)pick(all, 2 * PRODUCTS) + 1};
    CHECK(nt_catalogue_find_text(all->shop.catalogue, &search, &found, error));
    if (found.hits->len != MIN(hits, search.most) || (hits > 0 && found.any != any)) {
        g_error("'%s': %u hits, not %u", text, found.hits->len, hits);
    }
    double before = 100;
    g_autofree char *id_before = g_strdup("");
    for (guint i = 0; i < found.hits->len; i++) {
        const NtTextHit *hit = &g_array_index(found.hits, NtTextHit, i);
        char *id = nt_catalogue_product_id(all->shop.catalogue, hit->product, NULL);
        g_assert_cmpfloat_with_epsilon(hit->score, scores[atoi(id + 1)], 1e-9);
        g_assert_true(hit->score < before || (hit->score == before && strcmp(id_before, id) < 0));
        before = hit->score;
        g_free(id_before);
        id_before = id;
    }
    unsigned better = 0;
    for (int p = 0; p < PRODUCTS; p++) {
        better += scores[p] > before + 1e-9;
    }
    g_assert_true(found.hits->len == 0 || better < found.hits->len); /* none of the best is missing */
}

static void query(Random *all) {
    Query whole = {0}, pairs = {0};
    double scores[PRODUCTS];
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = pick(all, 3); i >= 0; i--) {
        whole.word_at_end = pick(all, 2) == 0;
        const char *part = whole.word_at_end ? latin[pick(all, G_N_ELEMENTS(latin))] : runs[pick(all, 8)];
        g_string_append_printf(text, " %s", part);
        g_autofree char *words = nt_words(part, NT_TEXT_BYTES);
        char **tokens = tokens_of(words);
        guint count = g_strv_length(tokens);
        for (guint j = 0; !whole.word_at_end && j + 1 < count; j++) {
            pairs.units[pairs.count++] = (Unit){g_strsplit(tokens[j], " ", -1), false};
        }
        if (whole.word_at_end || count == 1) {
            pairs.units[pairs.count++] = (Unit){g_strdupv(tokens), !whole.word_at_end};
        } else {
            g_clear_pointer(&tokens[count - 1], g_free); /* the last character, which no phrase has */
        }
        whole.units[whole.count++] = (Unit){tokens, !whole.word_at_end && count == 1};
    }
    pairs.word_at_end = whole.word_at_end;
    unsigned hits = scan(all, &whole, false, scores);
    bool any = hits == 0;
    if (any) {
        hits = scan(all, &pairs, true, scores);
    }
    /* A run of both ideographs and others has a mode in between, which cases by hand have. */
    if (!any || strstr(text->str, "赤い") == NULL) {
        compare(all, text->str, scores, hits, any);
    }
    clear_query(&whole);
    clear_query(&pairs);
}

static void test_random(void) {
    Random all = {.random = g_rand_new_with_seed(17)};
    text_shop_open(&all.shop);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = pick(&all, 30); i >= 0; i--) {
            change(&all);
        }
        text_shop_turn(&all.shop);
        for (int i = 0; i < QUERIES; i++) {
            query(&all);
        }
    }
    for (int p = 0; p < PRODUCTS; p++) {
        clear(&all.products[p]);
    }
    g_rand_free(all.random);
    text_shop_drop(&all.shop);
}

/* ---- an index that is wrong ---- */

static void test_check(void) {
    static const struct {
        const char *sql, *says;
    } cases[] = {
        {"UPDATE product_words_content SET c0 = 'other' WHERE id = 2", "is not that of the products' words"},
        {"DELETE FROM product_words WHERE rowid = 1", "1 products are not in it"},
        {"INSERT INTO product_words(rowid, title) VALUES(77, 'x')", "1 products are not in it"},
        {"INSERT INTO product(id) VALUES('new')", "1 products are not in it"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        TextShop shop;
        sqlite3 *db = NULL;
        text_shop_open(&shop);
        put_text(&shop, "a", "red dress", "", "");
        put_text(&shop, "b", "花柄", "", "");
        text_shop_turn(&shop);
        nt_columns_free(shop.columns);
        nt_catalogue_close(shop.catalogue);
        g_autofree char *path = g_build_filename(shop.folder, "catalogue.db", NULL);
        g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "niteru"), ==, SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, cases[i].sql, NULL, NULL, NULL), ==, SQLITE_OK);
        sqlite3_close(db);
        NtCatalogue *reader = open_catalogue(shop.folder, true);
        g_autofree char *said = problems(reader), *again = problems(reader);
        g_test_message("%s", said);
        g_assert_nonnull(strstr(said, cases[i].says));
        g_assert_cmpstr(said, ==, again);
        nt_catalogue_close(reader);
        drop_folder(shop.folder);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text-random/random", test_random);
    g_test_add_func("/text-random/check", test_check);
    return g_test_run();
}
