/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out at the n-th request, for every n: what is told, and that nothing is changed or lost. The linker
 * puts the functions below in place of those that take memory. */
#include <string.h>

#include "index-support.h"

static int left = -1; /* requests until one fails; below 0: none does */

static bool fails(void) { return left >= 0 && left-- == 0; }

#define STAND_IN(name, parameters, arguments)                                                                          \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters { return fails() ? NULL : __real_##name arguments; }

#define STAND_IN_FOR_ALLOC(name)                                                                                       \
    void *__real_##name(size_t count, size_t size, const char *what, GError **error);                                  \
    void *__wrap_##name(size_t count, size_t size, const char *what, GError **error);                                  \
    void *__wrap_##name(size_t count, size_t size, const char *what, GError **error) {                                 \
        if (fails()) {                                                                                                 \
            nt_fail(error, NITERU_ERROR_NO_MEMORY, "no memory for %s", what);                                          \
            return NULL;                                                                                               \
        }                                                                                                              \
        return __real_##name(count, size, what, error);                                                                \
    }

STAND_IN(g_try_realloc, (gpointer memory, gsize size), (memory, size))
STAND_IN(g_try_realloc_n, (gpointer memory, gsize count, gsize size), (memory, count, size))
STAND_IN(g_try_malloc0, (gsize size), (size))
STAND_IN(g_try_malloc0_n, (gsize count, gsize size), (count, size))
STAND_IN_FOR_ALLOC(nt_alloc)
STAND_IN_FOR_ALLOC(nt_alloc0)

enum { ROWS = 300 };

/* Labels of which every part is shared with another version, so that any change needs memory. */
static void make_labels(NtLabels *labels) {
    for (uint64_t row = 0; row < ROWS; row++) {
        for (uint32_t label = 1; label <= 3; label++) {
            bool has = row % (label + 1) == 0;
            g_assert_true(!has || nt_labels_add(labels, row, label + (uint32_t)row, NULL));
        }
    }
    g_assert_true(nt_labels_remove(labels, 0, 1, NULL)); /* a free link */
    g_assert_true(nt_labels_sane(labels));
}

/* Adds a label, or removes the first of the chain, which is what the row's own cell leads to. */
static bool change(NtLabels *labels, uint64_t row, bool add, GError **error) {
    uint32_t link, first = nt_labels_first(labels, row, &link);
    if (add) {
        return nt_labels_add(labels, row, 50000, error);
    }
    return first == 0 || nt_labels_remove(labels, row, first, error);
}

static uint64_t count_labels(const NtLabels *labels, uint64_t row) {
    uint64_t count = 0;
    for (uint32_t link, label = nt_labels_first(labels, row, &link); label != 0;
         label = nt_labels_next(labels, &link)) {
        count++;
    }
    return count;
}

static void test_labels(void) {
    g_auto(NtLabels) labels = {0};
    make_labels(&labels);
    /* Rows of no label, of one and of several, here and there. */
    static const uint64_t rows[] = {0, 1, 2, 6, 12, 13, 14, ROWS - 4, ROWS - 3, ROWS - 2, ROWS + 7};
    unsigned failed = 0;
    for (size_t i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        uint64_t row = rows[i / 2], before = count_labels(&labels, row);
        bool add = i % 2, done = false;
        for (int n = 0; !done; n++) {
            g_auto(NtLabels) version = {0};
            g_autoptr(GError) error = NULL;
            nt_labels_copy(&version, &labels);
            left = n;
            done = change(&version, row, add, &error);
            left = -1;
            g_assert_true(nt_labels_sane(&version));
            if (!done) {
                assert_failed(&error, NITERU_ERROR_NO_MEMORY, "memory");
                g_assert_cmpuint(count_labels(&version, row), ==, before);
                g_assert_cmpuint(version.pairs, ==, labels.pairs);
                failed++;
                g_assert_true(change(&version, row, add, &error)); /* and it can go on */
                g_assert_true(nt_labels_sane(&version));
            }
            g_assert_cmpuint(count_labels(&labels, row), ==, before);
        }
    }
    g_assert_cmpuint(failed, >, 2 * G_N_ELEMENTS(rows));
    g_assert_true(nt_labels_sane(&labels));
}

static void test_search(void) {
    enum { COUNT = 400, DIM = 2, K = 100 };
    g_auto(NtLabels) labels = {0};
    g_autofree float *numbers = g_new(float, COUNT *DIM);
    for (uint32_t r = 0; r < COUNT; r++) {
        numbers[DIM * r] = (float)(r * 7919 % COUNT);
        numbers[DIM * r + 1] = 1;
        g_assert_true(nt_labels_add(&labels, r, 1 + r / 2, NULL));
    }
    NtRows rows = {(const uint8_t *)numbers, COUNT, DIM, DIM * sizeof(float), NT_DTYPE_F32, NT_METRIC_EUCLIDEAN, NULL};
    NtVectorsSpec spec = {.dtype = rows.dtype, .metric = rows.metric, .dim = DIM};
    g_autoptr(NtIndex) index = nt_index_new(NULL, &spec, NULL);
    g_autofree NtIndexHit *hits = g_new(NtIndexHit, 70 * K);
    size_t counts[70];
    for (size_t queries = 1; queries <= 70; queries += 69) { /* divided by rows, and by queries */
        bool done = false;
        int n = 0;
        for (; !done; n++) {
            g_autoptr(GError) error = NULL;
            left = n;
            done = nt_index_search(index, &rows, &(NtQueries){numbers, queries, DIM},
                                   &(NtIndexOptions){.k = K, .labels = &labels}, hits, counts, &error);
            left = -1;
            if (!done) {
                assert_failed(&error, NITERU_ERROR_NO_MEMORY, "memory");
            }
        }
        g_assert_cmpint(n, >, 5);
        g_assert_cmpuint(counts[queries - 1], ==, K);
    }
}

int main(int argc, char **argv) {
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/no-memory/labels", test_labels);
    g_test_add_func("/no-memory/search", test_search);
    return g_test_run();
}
