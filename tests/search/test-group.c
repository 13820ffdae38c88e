/* SPDX-License-Identifier: Apache-2.0 */
/* Products that count by their group, against a loop over all products, after random changes of groups and products. */
#include "../support/shop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIM = 5, ROWS = 110, PRODUCTS = 60, GROUPS = 12, ROUNDS = 40, QUERIES = 8, MOST_ROWS = 4 };

/* What the catalogue holds, as we know it. */
typedef struct Truth {
    struct Product {
        char id[8], group[96]; /* "": none */
        int price;
        bool gone;
        const float *rows[MOST_ROWS];
        size_t count;
    } products[PRODUCTS];
    float rows[ROWS * DIM];
} Truth;

/* ---- changing ---- */

static void patch(const Shop *shop, Truth *truth, unsigned i, unsigned group, int price) {
    g_autoptr(GError) error = NULL;
    struct Product *product = &truth->products[i];
    char metadata[160], quoted[100] = "null";
    /* Every second name is longer than what is kept as it is, and differs at its end only. */
    snprintf(product->group, sizeof product->group, "%0*u", group % 2 == 0 ? 2 : 70, group);
    if (group == 0) {
        product->group[0] = '\0';
    } else {
        snprintf(quoted, sizeof quoted, "\"%s\"", product->group);
    }
    product->price = price;
    snprintf(metadata, sizeof metadata, "{\"group\": %s, \"price\": %d}", quoted, price);
    const NiteruProduct change = {.size = sizeof change, .id = product->id, .metadata = metadata};
    niteru_patch(shop->catalogue, &change, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static void open_groups(Shop *shop, Truth *truth, GRand *random) {
    const char *ids[ROWS];
    shop_open(shop);
    for (unsigned i = 0; i < ROWS; i++) {
        struct Product *product = &truth->products[i % PRODUCTS];
        float *row = &truth->rows[i * DIM];
        snprintf(product->id, sizeof product->id, "p%02u", i % PRODUCTS);
        ids[i] = product->id;
        for (size_t d = 0; d < DIM; d++) {
            row[d] = i % 9 == 8 ? row[(int)d - DIM] : (float)g_rand_double(random) - 0.5F; /* some are equal */
        }
        product->rows[product->count++] = row;
    }
    import_vectors(shop, "toy", ids, truth->rows, ROWS, DIM);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        patch(shop, truth, i, i % 5 == 0 ? 0 : i % GROUPS, (int)i);
    }
}

static void change(const Shop *shop, Truth *truth, GRand *random) {
    unsigned i = (unsigned)g_rand_int_range(random, 0, PRODUCTS);
    struct Product *product = &truth->products[i];
    if (product->gone) {
        return;
    }
    if (g_rand_int_range(random, 0, 12) == 0) {
        const char *ids[] = {product->id};
        g_assert_true(niteru_remove(shop->catalogue, ids, 1, NULL, 0, NULL, NULL, NULL));
        product->gone = true;
        return;
    }
    patch(shop, truth, i, (unsigned)g_rand_int_range(random, 0, GROUPS), g_rand_int_range(random, 0, 60));
}

/* ---- asking ---- */

typedef struct Question {
    const struct Product *own, *liked, *disliked, *excluded; /* NULL: none */
    float vector[DIM];
    int price; /* at least */
    size_t k;
} Question;

static double cosine(const float *a, const float *b) {
    double dot = 0, x = 0, y = 0;
    for (size_t d = 0; d < DIM; d++) {
        dot += (double)a[d] * (double)b[d];
        x += (double)a[d] * (double)a[d];
        y += (double)b[d] * (double)b[d];
    }
    return dot / sqrt(x * y);
}

/* The nearest of any photos of the two. */
static double nearest(const struct Product *a, const struct Product *b) {
    double best = -2;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            best = MAX(best, cosine(a->rows[i], b->rows[j]));
        }
    }
    return best;
}

static bool same_group(const struct Product *a, const struct Product *b) {
    return a == b || (a != NULL && a->group[0] != '\0' && strcmp(a->group, b->group) == 0);
}

typedef struct Ranked {
    const struct Product *product;
    double value;
} Ranked;

static int by_value(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value ? -1 : 1) : strcmp(x->product->id, y->product->id);
}

static char *expected(const Truth *truth, const Question *question) {
    Ranked ranked[PRODUCTS];
    size_t count = 0;
    const struct Product query = {.rows = {question->vector}, .count = 1};
    const struct Product *from = question->own ? question->own : question->liked ? question->liked : &query;
    for (unsigned i = 0; i < PRODUCTS; i++) {
        const struct Product *product = &truth->products[i];
        bool left = product->gone || product == question->excluded || same_group(question->own, product) ||
                    same_group(question->liked, product) || same_group(question->disliked, product) ||
                    product->price < question->price;
        double value = nearest(from, product);
        if (!left && (question->disliked == NULL || nearest(question->disliked, product) <= value)) {
            ranked[count++] = (Ranked){product, value};
        }
    }
    qsort(ranked, count, sizeof *ranked, by_value);
    GString *text = g_string_new(NULL);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < question->k; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) {
            seen = same_group(ranked[j].product, ranked[i].product);
        }
        if (!seen) {
            g_string_append_printf(text, "%s%s", kept++ > 0 ? " " : "", ranked[i].product->id);
        }
    }
    return g_string_free(text, FALSE);
}

static NiteruResults *answer(const Shop *shop, const Question *question, double threshold, GError **error) {
    g_autofree char *where = g_strdup_printf("price >= %d", question->price);
    const char *const excluded[] = {question->excluded != NULL ? question->excluded->id : NULL, NULL};
    const NiteruSearchOptions options = {.size = sizeof options,
                                         .k = question->k,
                                         .where = question->price > 0 ? where : NULL,
                                         .exclude = excluded,
                                         .threshold = threshold,
                                         .group = true};
    if (question->own != NULL) {
        return niteru_similar(shop->catalogue, question->own->id, &options, NULL, error);
    }
    if (question->liked != NULL) {
        const char *const liked[] = {question->liked->id, NULL};
        const char *const disliked[] = {question->disliked != NULL ? question->disliked->id : NULL, NULL};
        const NiteruExamples examples = {.size = sizeof examples, .positive = liked, .negative = disliked};
        return niteru_search_examples(shop->catalogue, &examples, &options, NULL, error);
    }
    return niteru_search_vector(shop->catalogue, question->vector, DIM, &options, NULL, error);
}

/* A product that is there, or NULL. */
static const struct Product *any(const Truth *truth, GRand *random, double share) {
    const struct Product *product = &truth->products[g_rand_int_range(random, 0, PRODUCTS)];
    return g_rand_double(random) < share && !product->gone ? product : NULL;
}

static void ask(const Shop *shop, const Truth *truth, GRand *random) {
    static const size_t ks[] = {1, 3, 8, 100};
    Question question = {.own = any(truth, random, 0.3),
                         .excluded = any(truth, random, 0.5),
                         .price = g_rand_boolean(random) ? g_rand_int_range(random, 0, 60) : 0,
                         .k = ks[g_rand_int_range(random, 0, G_N_ELEMENTS(ks))]};
    question.liked = question.own == NULL ? any(truth, random, 0.5) : NULL;
    question.disliked = question.liked != NULL ? any(truth, random, 0.6) : NULL;
    for (size_t d = 0; d < DIM; d++) {
        question.vector[d] = (float)g_rand_double(random) - 0.5F;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(NiteruResults) results = answer(shop, &question, 0, &error);
    g_assert_no_error(error);
    g_autofree char *wanted = expected(truth, &question);
    g_autoptr(GString) got = g_string_new(NULL);
    size_t above = 0, count = niteru_results_count(results);
    for (size_t i = 0; i < count; i++) {
        const NiteruResult *result = niteru_results_get(results, i);
        g_string_append_printf(got, "%s%s", i > 0 ? " " : "", result->product);
        above += result->score >= 40;
    }
    g_assert_cmpstr(got->str, ==, wanted);
    g_autoptr(NiteruResults) strict = answer(shop, &question, 40, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(niteru_results_count(strict), ==, above);
    for (size_t i = 0; i < above; i++) {
        g_assert_cmpstr(niteru_results_get(strict, i)->product, ==, niteru_results_get(results, i)->product);
    }
}

static void test_groups(void) {
    static Truth truth;
    Shop shop;
    GRand *random = g_rand_new_with_seed(30);
    open_groups(&shop, &truth, random);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < QUERIES; i++) {
            ask(&shop, &truth, random);
        }
        for (unsigned i = 0; i < 4; i++) {
            change(&shop, &truth, random);
        }
        if (round == ROUNDS / 2) { /* a field that is new, and a state that is built anew */
            const NiteruProduct more = {.size = sizeof more, .id = "other", .metadata = "{\"colour\": \"red\"}"};
            g_assert_true(niteru_put(shop.catalogue, &more, NULL, NULL, NULL, NULL));
            shop_again(&shop);
        }
    }
    g_rand_free(random);
    shop_drop(&shop);
}

/* Without the field every product stands for itself. */
static void test_no_field(void) {
    Shop shop;
    g_autoptr(GError) error = NULL;
    static const float rows[] = {1, 0, 1, 0.1F, 1, 0.2F};
    const char *const ids[] = {"a", "b", "c"};
    shop_open(&shop);
    import_vectors(&shop, "toy", ids, rows, 3, 2);
    const NiteruSearchOptions grouped = {.size = sizeof grouped, .group = true};
    g_autofree char *got = ids_of(niteru_similar(shop.catalogue, "a", &grouped, NULL, &error), NULL);
    g_assert_cmpstr(got, ==, "b c");
    /* The field may come later, and be of numbers. */
    const NiteruProduct b = {.size = sizeof b, .id = "b", .metadata = "{\"group\": 7}"},
                        c = {.size = sizeof c, .id = "c", .metadata = "{\"group\": 7}"};
    g_assert_true(niteru_patch(shop.catalogue, &b, NULL, NULL, NULL, NULL) &&
                  niteru_patch(shop.catalogue, &c, NULL, NULL, NULL, NULL));
    g_autofree char *now = ids_of(niteru_similar(shop.catalogue, "a", &grouped, NULL, &error), NULL);
    g_assert_cmpstr(now, ==, "b");
    g_autofree char *none = ids_of(niteru_similar(shop.catalogue, "b", &grouped, NULL, &error), NULL);
    g_assert_cmpstr(none, ==, "a");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/group/brute-force", test_groups);
    g_test_add_func("/search/group/no-field", test_no_field);
    return g_test_run();
}
