/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the catalogue visitors get to see. Counts of events are kept by product and week and not by scenario, so
 * all of this is over all scenarios, and to the week. What is flagged is found for all products at once and kept for a
 * minute, so that a page of a list costs what it shows.
 */
#include "recommend/recommend-internal.h"

#include <string.h>

enum { KEPT_SECONDS = 60, DAY_MS = 86400000 };
enum { SHOWN = 1, CLICKED = 2, UNCLICKED = 4 };

static const char *const names[NT_UNSEENS] = {"never-shown", "never-clicked"};

const char *nt_unseen_name(NtUnseen which) { return names[which]; }

NtUnseen nt_unseen_of_name(const char *name) {
    int which = 0;
    while (which < NT_UNSEENS && strcmp(names[which], name) != 0) {
        which++;
    }
    return (NtUnseen)which;
}

/* What became of the products of now since a moment: number -> bits, new. Those that were only looked at have none. */
static GHashTable *read_marks(NtEvents *events, NtCatalogue *db, int64_t since, GError **error) {
    g_autoptr(GArray) counts = nt_events_product_counts(events, since, error);
    g_autoptr(GHashTable) marks = g_hash_table_new(NULL, NULL);
    for (guint i = 0; counts != NULL && i < counts->len; i++) {
        const NtProductCounts *one = &g_array_index(counts, NtProductCounts, i);
        uint64_t shown = one->kinds[NT_EVENT_IMPRESSION], clicks = one->kinds[NT_EVENT_CLICK];
        unsigned bits = (shown > 0 ? SHOWN : 0) | (clicks > 0 ? CLICKED : 0) |
                        (shown >= NT_UNSEEN_IMPRESSIONS && clicks == 0 ? UNCLICKED : 0);
        int64_t product;
        if (!nt_recommender_product(events, db, one->product, &product, error)) {
            return NULL;
        }
        if (product != 0 && bits != 0) {
            g_hash_table_insert(marks, GUINT_TO_POINTER((guint)product), GUINT_TO_POINTER(bits));
        }
    }
    return counts != NULL ? g_steal_pointer(&marks) : NULL;
}

bool nt_recommender_coverage(NtRecommender *recommender, int64_t since, NtCoverage *out, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    g_auto(NtReader) reader = {0};
    if (events == NULL || !nt_reader_open(&reader, recommender->catalogue, error)) {
        return false;
    }
    NtCoverage coverage = {0};
    uint64_t photos;
    g_autoptr(GHashTable) marks = read_marks(events, reader.db, since, error);
    if (marks == NULL || !nt_catalogue_count(reader.db, &coverage.products, &photos, error)) {
        return false;
    }
    GHashTableIter iter;
    void *bits;
    g_hash_table_iter_init(&iter, marks);
    while (g_hash_table_iter_next(&iter, NULL, &bits)) {
        coverage.shown += (GPOINTER_TO_UINT(bits) & SHOWN) != 0;
        coverage.clicked += (GPOINTER_TO_UINT(bits) & CLICKED) != 0;
    }
    *out = coverage;
    return true;
}

/* ---- what nobody sees ---- */

typedef struct Sorting {
    GHashTable *marks;
    GArray *out[NT_UNSEENS];
    bool known;
} Sorting;

static bool sort_product(int64_t product, const char *id, void *data) {
    Sorting *sorting = data;
    unsigned bits = GPOINTER_TO_UINT(g_hash_table_lookup(sorting->marks, GUINT_TO_POINTER((guint)product)));
    uint32_t number = (uint32_t)product;
    (void)id;
    sorting->known |= (bits & SHOWN) != 0;
    if ((bits & SHOWN) == 0) {
        g_array_append_val(sorting->out[NT_NEVER_SHOWN], number);
    }
    if ((bits & UNCLICKED) != 0) {
        g_array_append_val(sorting->out[NT_NEVER_CLICKED], number);
    }
    return true;
}

static bool find_unseen(NtRecommender *recommender, const NtWait *wait, GError **error) {
    NtEvents *events = nt_recommender_events(recommender, error);
    g_auto(NtReader) reader = {0};
    if (events == NULL || !nt_reader_open(&reader, recommender->catalogue, error)) {
        return false;
    }
    nt_catalogue_set_wait(reader.db, wait);
    int64_t since = g_get_real_time() / 1000 - NT_UNSEEN_DAYS * (int64_t)DAY_MS;
    Sorting sorting = {.marks = read_marks(events, reader.db, since, error)};
    bool ok = sorting.marks != NULL;
    for (int which = 0; which < NT_UNSEENS; which++) {
        sorting.out[which] = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    }
    ok = ok && nt_catalogue_list(reader.db, NULL, NT_FLAG_NONE, NULL, 0, sort_product, &sorting, error);
    for (int which = 0; which < NT_UNSEENS; which++) {
        if (ok) {
            g_clear_pointer(&recommender->unseen[which], g_array_unref);
            recommender->unseen[which] = g_array_ref(sorting.out[which]);
        }
        g_array_unref(sorting.out[which]);
    }
    g_clear_pointer(&sorting.marks, g_hash_table_unref);
    recommender->unseen_known = ok ? sorting.known : recommender->unseen_known;
    return ok;
}

GArray *nt_recommender_unseen(NtRecommender *recommender, NtUnseen which, const NtWait *wait, bool *out_known,
                              GError **error) {
    GArray *out = NULL;
    g_mutex_lock(&recommender->unseen_lock);
    int64_t now = g_get_monotonic_time();
    bool fresh = recommender->unseen[which] != NULL && now < recommender->unseen_until;
    if (fresh || find_unseen(recommender, wait, error)) {
        recommender->unseen_until = fresh ? recommender->unseen_until : now + KEPT_SECONDS * G_TIME_SPAN_SECOND;
        out = g_array_ref(recommender->unseen[which]);
        if (out_known != NULL) {
            *out_known = recommender->unseen_known;
        }
    }
    g_mutex_unlock(&recommender->unseen_lock);
    return out;
}
