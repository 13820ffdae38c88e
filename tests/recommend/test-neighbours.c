/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of searches is what searching gives, however many products come by, for several visitors at once, and
 * beside writes. */
#include "../support/shop.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "recommend/recommend.h"

enum { DIM = 8, PRODUCTS = 2600, STEP = 50 }; /* more than are kept, so that the old ones go */

static void id_of(unsigned i, char out[16]) { snprintf(out, 16, "p%04u", i); }

static void open_random(Shop *shop) {
    GRand *random = g_rand_new_with_seed(7);
    g_autofree float *rows = g_new(float, PRODUCTS *(gsize)DIM);
    g_autofree char(*ids)[16] = g_malloc(PRODUCTS * sizeof *ids);
    g_autofree const char **names = g_new(const char *, PRODUCTS);
    shop_open(shop);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        id_of(i, ids[i]);
        names[i] = ids[i];
        for (size_t d = 0; d < DIM; d++) {
            rows[i * DIM + d] = (float)g_rand_double(random) - 0.5F;
        }
    }
    import_vectors(shop, "toy", names, rows, PRODUCTS, DIM);
    g_rand_free(random);
}

/* What somebody is recommended who clicked on one product; new. */
static char *feed_of(NiteruCatalogue *catalogue, unsigned product, size_t k) {
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) actions = g_array_new(FALSE, TRUE, sizeof(NtEvent));
    char id[16];
    id_of(product, id);
    NtEvent click = {.kind = NT_EVENT_CLICK, .product = id, .time = g_get_real_time() / 1000};
    g_array_append_val(actions, click);
    const NtRecommendQuery query = {.actions = actions, .k = k};
    g_autoptr(NtRecommendation) found = nt_recommend(nt_recommender_of(catalogue), &query, NULL, &error);
    g_assert_no_error(error);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < found->products->len; i++) {
        const NtShownProduct *shown = &g_array_index(found->products, NtShownProduct, i);
        g_string_append_printf(out, "%s%s", i > 0 ? " " : "", shown->described->id);
    }
    return g_string_free(out, FALSE);
}

static char *similar_to(NiteruCatalogue *catalogue, unsigned product, size_t k) {
    g_autoptr(GError) error = NULL;
    char id[16];
    id_of(product, id);
    const NiteruSearchOptions options = {.size = sizeof options, .k = k};
    return ids_of(niteru_similar(catalogue, id, &options, NULL, &error), error);
}

static void test_as_searched(void) {
    Shop shop;
    open_random(&shop);
    for (unsigned i = 0; i < PRODUCTS; i++) {
        g_autofree char *feed = feed_of(shop.catalogue, i, 10);
        if (i % STEP == 0) {
            g_autofree char *alike = similar_to(shop.catalogue, i, 10), *again = feed_of(shop.catalogue, i, 10);
            g_assert_cmpstr(feed, ==, alike);
            g_assert_cmpstr(again, ==, alike);
        }
    }
    for (unsigned i = 0; i < PRODUCTS; i += STEP) { /* some are kept, some are old, some are gone */
        g_autofree char *feed = feed_of(shop.catalogue, i, 10), *far = feed_of(shop.catalogue, i, 300);
        g_autofree char *alike = similar_to(shop.catalogue, i, 10), *all = similar_to(shop.catalogue, i, 300);
        g_assert_cmpstr(feed, ==, alike);
        g_assert_cmpstr(far, ==, all); /* more than is kept */
    }
    shop_drop(&shop);
}

/* What was kept may be half a minute old; what is removed is not shown even so. */
static void test_removed(void) {
    Shop shop;
    open_random(&shop);
    g_autofree char *before = feed_of(shop.catalogue, 3, 10);
    g_auto(GStrv) shown = g_strsplit(before, " ", -1);
    const char *const gone[] = {shown[0], shown[4]};
    g_autoptr(GError) error = NULL;
    g_assert_true(niteru_remove(shop.catalogue, gone, 2, NULL, 0, NULL, NULL, &error));
    g_autofree char *after = feed_of(shop.catalogue, 3, 10), *alike = similar_to(shop.catalogue, 3, 10);
    g_assert_null(strstr(after, gone[0]));
    g_assert_null(strstr(after, gone[1]));
    g_assert_cmpstr(after, ==, alike);
    shop_drop(&shop);
}

typedef struct Asking {
    NiteruCatalogue *catalogue;
    unsigned first;
} Asking;

static void *ask_many(void *data) {
    const Asking *asking = data;
    for (unsigned i = asking->first; i < PRODUCTS; i += 2) {
        g_free(feed_of(asking->catalogue, i, 10));
        g_free(feed_of(asking->catalogue, i / 2, 10));
    }
    return NULL;
}

static void test_together(void) {
    Shop shop;
    open_random(&shop);
    Asking asking[2] = {{shop.catalogue, 0}, {shop.catalogue, 1}};
    GThread *threads[2];
    for (int t = 0; t < 2; t++) {
        threads[t] = g_thread_new("ask", ask_many, &asking[t]);
    }
    for (int t = 0; t < 2; t++) {
        g_thread_join(threads[t]);
    }
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/recommend/neighbours/as-searched", test_as_searched);
    g_test_add_func("/recommend/neighbours/removed", test_removed);
    g_test_add_func("/recommend/neighbours/together", test_together);
    return g_test_run();
}
