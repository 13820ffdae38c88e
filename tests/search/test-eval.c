/* SPDX-License-Identifier: Apache-2.0 */
/* niteru_eval against figures worked out by hand. Products lie on a circle, so neighbours can be read off. */
#include "../support/shop.h"

#include <math.h>

static const struct {
    const char *id, *label, *series;
    double degrees;
} products[] = {
    {"a1", "a", "s", 0}, {"a2", "a", "s", 10}, {"a3", "a", "t", 40}, {"b1", "b", "u", 15},
    {"b2", "b", "", 45}, {"c1", "c", "v", 90}, {"u1", "", "", 5},
};

static void open_circle(Shop *shop) {
    g_autoptr(GString) list = g_string_new("id,image,kind,series\n");
    const char *ids[G_N_ELEMENTS(products)];
    float rows[2 * G_N_ELEMENTS(products)];
    shop_open(shop);
    for (unsigned i = 0; i < G_N_ELEMENTS(products); i++) {
        g_autofree char *name = g_strdup_printf("%u.png", i);
        draw_picture(shop, name, i);
        g_string_append_printf(list, "%s,%s,%s,%s\n", products[i].id, name, products[i].label, products[i].series);
        ids[i] = products[i].id;
        rows[2 * i] = (float)cos(products[i].degrees * G_PI / 180);
        rows[2 * i + 1] = (float)sin(products[i].degrees * G_PI / 180);
    }
    g_free(write_text(shop, "list.csv", list->str));
    g_autoptr(GError) error = NULL;
    index_shop(shop, "list.csv", NULL, &error);
    g_assert_no_error(error);
    import_vectors(shop, "circle", ids, rows, G_N_ELEMENTS(products), 2);
}

static NiteruEvalReport evaluate(Shop *shop, NiteruEvalOptions options) {
    g_autoptr(GError) error = NULL;
    NiteruEvalReport report = {.size = sizeof(NiteruEvalReport)};
    options.model = "circle";
    options.label = "kind";
    niteru_eval(shop->catalogue, &options, NULL, &report, &error);
    g_assert_no_error(error);
    return report;
}

static void expect_near(double got, double wanted) { g_assert_cmpfloat_with_epsilon(got, wanted, 1e-9); }

/* Neighbours, right ones in capitals: a1: A2 b1 A3 b2 c1; a2: b1 A1 A3 b2 c1; a3: b2 b1 A2 A1 c1; b1: a2 a1 a3 B2 c1;
 * b2: a3 B1 a2 a1 c1; c1: none are right. u1 has no label. */
static void test_leave_one_out(void) {
    Shop shop;
    open_circle(&shop);
    NiteruEvalReport report = evaluate(&shop, (NiteruEvalOptions){.size = sizeof(NiteruEvalOptions)});
    g_assert_cmpuint(report.queries, ==, 6);
    g_assert_cmpuint(report.labels, ==, 3);
    g_assert_cmpuint(report.unlabelled, ==, 1);
    double ap_a = (1 + 2 / 3.0) / 2 + (1 / 2.0 + 2 / 3.0) / 2 + (1 / 3.0 + 2 / 4.0) / 2, ap_b = 1 / 4.0 + 1 / 2.0;
    expect_near(report.p1, 1 / 6.0);
    expect_near(report.p5, (3 * 0.4 + 2 * 0.2) / 6);
    expect_near(report.p10, (3 * 0.2 + 2 * 0.1) / 6);
    expect_near(report.map10, (ap_a + ap_b) / 6);
    expect_near(report.recall1, 1 / 6.0);
    expect_near(report.recall5, 5 / 6.0);
    expect_near(report.macro_p1, (1 / 3.0) / 3);
    expect_near(report.macro_p5, (0.4 + 0.2) / 3);
    expect_near(report.macro_map10, (ap_a / 3 + ap_b / 2) / 3);
    shop_drop(&shop);
}

/* Without the neighbours of its own series: a1 and a2 leave each other out, and one right answer is left to them. */
static void test_exclude_same(void) {
    Shop shop;
    open_circle(&shop);
    NiteruEvalReport report =
        evaluate(&shop, (NiteruEvalOptions){.size = sizeof(NiteruEvalOptions), .exclude_same = "series"});
    expect_near(report.p1, 0);
    expect_near(report.map10, (1 / 2.0 + 1 / 2.0 + (1 / 3.0 + 2 / 4.0) / 2 + 1 / 4.0 + 1 / 2.0) / 6);
    report = evaluate(&shop, (NiteruEvalOptions){.size = sizeof(NiteruEvalOptions), .where = "series = 's'"});
    g_assert_cmpuint(report.queries, ==, 2);
    expect_near(report.map10, 1);
    shop_drop(&shop);
}

/* a2: b1 A1 b2; a3: b2 b1 A1. */
static void test_gallery(void) {
    Shop shop;
    open_circle(&shop);
    g_autofree char *gallery = write_text(&shop, "gallery.txt", "a1\nb1\r\nb2\nnobody\n\n");
    g_autofree char *query = write_text(&shop, "query.txt", "a2\na3");
    NiteruEvalReport report =
        evaluate(&shop, (NiteruEvalOptions){.size = sizeof(NiteruEvalOptions), .gallery = gallery, .query = query});
    g_assert_cmpuint(report.queries, ==, 2);
    g_assert_cmpuint(report.unlabelled, ==, 0);
    expect_near(report.map10, (1 / 2.0 + 1 / 3.0) / 2);
    expect_near(report.p5, 0.2);
    expect_near(report.recall5, 1);
    shop_drop(&shop);
}

static void test_refusals(void) {
    Shop shop;
    open_circle(&shop);
    g_autofree char *strangers = write_text(&shop, "strangers.txt", "x\ny\n");
    g_autofree char *binary = write_text(&shop, "binary.txt", "\xff\xfe\x80");
    g_autofree char *none = below(&shop, "none.txt");
    struct {
        NiteruEvalOptions options;
        NiteruError code;
        const char *says;
    } refused[] = {
        {{.label = NULL}, NITERU_ERROR_INVALID, "label"},
        {{.label = "knd"}, NITERU_ERROR_NOT_FOUND, "kind"},
        {{.label = "kind", .exclude_same = "serie"}, NITERU_ERROR_NOT_FOUND, "series"},
        {{.label = "kind", .model = "square"}, NITERU_ERROR_NOT_FOUND, "circle"},
        {{.label = "kind", .where = "kind = 'z'"}, NITERU_ERROR_INVALID, "kind"},
        {{.label = "kind", .query = strangers}, NITERU_ERROR_INVALID, "strangers.txt"},
        {{.label = "kind", .gallery = strangers}, NITERU_ERROR_INVALID, "strangers.txt"},
        {{.label = "kind", .gallery = none}, NITERU_ERROR_NOT_FOUND, "none.txt"},
        {{.label = "kind", .gallery = binary}, NITERU_ERROR_INVALID, "binary.txt"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autoptr(GError) error = NULL;
        refused[i].options.size = sizeof refused[i].options;
        NiteruEvalReport report = {.size = sizeof(NiteruEvalReport), .queries = 7};
        g_assert_false(niteru_eval(shop.catalogue, &refused[i].options, NULL, &report, &error));
        expect_error(&error, refused[i].code, refused[i].says);
        g_assert_cmpuint(report.queries, ==, 7); /* outputs are untouched */
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) stop = g_cancellable_new();
    g_cancellable_cancel(stop);
    NiteruEvalReport report = {.size = sizeof(NiteruEvalReport)};
    g_assert_false(niteru_eval(shop.catalogue, &(NiteruEvalOptions){.size = sizeof(NiteruEvalOptions), .label = "kind"},
                               stop, &report, &error));
    expect_error(&error, NITERU_ERROR_CANCELLED, "");
    shop_drop(&shop);
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/search/eval/leave-one-out", test_leave_one_out);
    g_test_add_func("/search/eval/exclude-same", test_exclude_same);
    g_test_add_func("/search/eval/gallery", test_gallery);
    g_test_add_func("/search/eval/refusals", test_refusals);
    return g_test_run();
}
