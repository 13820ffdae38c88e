/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is nearest to products. Tastes are represented by products so that this can be kept (PinnerSage: "medoids can be
 * shared across users, and their candidates cached"; Pal and others, KDD 2020, section 4.2): a search through all
 * products is most of what an answer costs. More is kept than an answer needs, and what this visitor is not shown is
 * left out of it; where too little is left the search is made for them.
 */
#include "recommend/neighbours.h"

#include <string.h>

enum {
    KEPT_HITS = 256,   /* of a product: 4 KB */
    MOST_YOUNG = 1024, /* products; as many again are older */
    KEPT_SECONDS = 30,
};

/* What is kept of a row. */
typedef struct Kept {
    gint refs;
    uint64_t row, commits;
    gint64 until; /* monotonic */
    bool all;     /* there is nothing further */
    size_t count;
    NtIndexHit hits[];
} Kept;

void nt_neighbours_unref(void *data) {
    Kept *kept = data;
    if (kept != NULL && g_atomic_int_dec_and_test(&kept->refs)) {
        g_free(kept);
    }
}

static Kept *kept_ref(Kept *kept) {
    g_atomic_int_inc(&kept->refs);
    return kept;
}

void nt_neighbours_clear(NtNeighbours *neighbours) { g_clear_pointer(&neighbours->hits, g_array_unref); }

/* ---- what is kept ---- */

/* With the lock held: puts it among the young; when there are many, those are the old ones and the old ones go. */
static void keep(NtRecommender *recommender, Kept *kept) {
    Kept *own = kept_ref(kept); /* it may be one of the old ones that go */
    if (g_hash_table_size(recommender->young) >= MOST_YOUNG) {
        g_hash_table_unref(recommender->old);
        recommender->old = recommender->young;
        recommender->young = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, nt_neighbours_unref);
    }
    g_hash_table_replace(recommender->young, &own->row, own);
}

/* With the lock held: forgets all when they are of another model. */
static void check_model(NtRecommender *recommender, const NtVersion *version) {
    if (recommender->kept_model != version->model->model ||
        recommender->kept_generation != version->model->generation) {
        g_hash_table_remove_all(recommender->young);
        g_hash_table_remove_all(recommender->old);
        recommender->kept_model = version->model->model;
        recommender->kept_generation = version->model->generation;
    }
}

/* What is kept of a row and still holds: a reference; NULL: nothing. */
static Kept *look_up(NtRecommender *recommender, const NtSnapshot *snapshot, uint32_t row) {
    gint64 key = row;
    g_mutex_lock(&recommender->lock);
    check_model(recommender, snapshot->version);
    Kept *kept = g_hash_table_lookup(recommender->young, &key);
    Kept *old = kept == NULL ? g_hash_table_lookup(recommender->old, &key) : NULL;
    if (old != NULL) {
        keep(recommender, old);
    }
    kept = kept != NULL ? kept : old;
    bool holds = kept != NULL && (kept->commits == snapshot->commits || g_get_monotonic_time() < kept->until);
    kept = holds ? kept_ref(kept) : NULL;
    g_mutex_unlock(&recommender->lock);
    return kept;
}

/* ---- searching ---- */

typedef struct Scan {
    size_t most; /* hits of each */
    NtIndexHit *hits;
    size_t *counts;
    float *queries;
} Scan;

static void clear_scan(Scan *scan) {
    nt_free(scan->hits);
    nt_free(scan->counts);
    nt_free(scan->queries);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scan, clear_scan)

/* Searches by rows, all of them in one scan. */
static bool scan_for(const NtAsking *asking, const uint32_t *rows, size_t count, NtIndexOptions *options, Scan *out,
                     GError **error) {
    const NtVersion *version = asking->snapshot->version;
    size_t dim = version->view.dim;
    options->labels = &version->labels;
    options->pool = asking->recommender->catalogue->pool;
    options->deadline = asking->wait.deadline;
    options->cancellable = asking->wait.cancellable;
    options->k = out->most = MAX(nt_index_most_hits(&version->view, options), 1);
    out->hits = nt_alloc(count, out->most * sizeof(NtIndexHit), "candidates", error);
    out->counts = nt_alloc0(count, sizeof *out->counts, "candidates", error);
    out->queries = nt_alloc(count, dim * sizeof(float), "candidates", error);
    if (out->hits == NULL || out->counts == NULL || out->queries == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        nt_rows_get(&version->view, rows[i], out->queries + i * dim);
    }
    const NtQueries queries = {.data = out->queries, .count = count, .dim = dim};
    return nt_index_search(version->model->index, &version->view, &queries, options, out->hits, out->counts, error);
}

/* Finds what nobody in particular is shown, and keeps it; kept[i] of rows[i]. */
static bool scan_for_all(const NtAsking *asking, const uint32_t *rows, size_t count, Kept **out, GError **error) {
    NtIndexOptions options = {.k = KEPT_HITS};
    g_auto(Scan) scan = {0};
    if (!scan_for(asking, rows, count, &options, &scan, error)) {
        return false;
    }
    g_mutex_lock(&asking->recommender->lock);
    check_model(asking->recommender, asking->snapshot->version);
    for (size_t i = 0; i < count; i++) {
        Kept *kept = g_malloc(sizeof *kept + scan.counts[i] * sizeof(NtIndexHit));
        *kept = (Kept){.refs = 1,
                       .row = rows[i],
                       .commits = asking->snapshot->commits,
                       .until = g_get_monotonic_time() + KEPT_SECONDS * G_TIME_SPAN_SECOND,
                       .all = scan.counts[i] < KEPT_HITS,
                       .count = scan.counts[i]};
        memcpy(kept->hits, scan.hits + i * scan.most, kept->count * sizeof(NtIndexHit));
        keep(asking->recommender, kept);
        out[i] = kept;
    }
    g_mutex_unlock(&asking->recommender->lock);
    return true;
}

static void leave_out(GHashTable *all, GHashTable *some) {
    GHashTableIter iter;
    void *product;
    g_hash_table_iter_init(&iter, some);
    while (g_hash_table_iter_next(&iter, &product, NULL)) {
        g_hash_table_add(all, product);
    }
}

/* Finds what this visitor is shown. */
static bool scan_for_one(const NtAsking *asking, const uint32_t *rows, size_t count, size_t wanted, Scan *out,
                         GError **error) {
    g_autoptr(GHashTable) all = g_hash_table_new(NULL, NULL);
    GHashTable *left_out[NT_MOST_SEEDS];
    leave_out(all, asking->barred);
    leave_out(all, asking->seen);
    for (size_t i = 0; i < NT_MOST_SEEDS; i++) {
        left_out[i] = all;
    }
    NtIndexOptions options = {
        .k = wanted, .allow = asking->filter != NULL ? &asking->filter->bits : NULL, .skip_labels = left_out};
    return scan_for(asking, rows, count, &options, out, error);
}

/* ---- what is kept, for a visitor ---- */

static bool has_row(const NtSnapshot *snapshot, uint32_t product, uint32_t row) {
    uint32_t link, one = nt_labels_first(&snapshot->version->products, product, &link);
    while (one != 0 && one - 1 != row) {
        one = nt_labels_next(&snapshot->version->products, &link);
    }
    return one != 0;
}

/* Adds what may be shown of what is kept, `wanted` at most. False: too little is left, and there may be more. */
static bool take(const NtAsking *asking, const Kept *kept, size_t wanted, NtNeighbours *out, size_t *out_count) {
    guint before = out->hits->len;
    for (size_t i = 0; i < kept->count && out->hits->len - before < wanted; i++) {
        const NtIndexHit *hit = &kept->hits[i];
        if (nt_asking_allows(asking, hit->label) &&
            !g_hash_table_contains(asking->seen, GUINT_TO_POINTER(hit->label)) &&
            (kept->commits == asking->snapshot->commits || has_row(asking->snapshot, hit->label, hit->row))) {
            g_array_append_vals(out->hits, hit, 1);
        }
    }
    *out_count = out->hits->len - before;
    if (*out_count < wanted && !kept->all) {
        g_array_set_size(out->hits, before);
        return false;
    }
    return true;
}

/* What is kept of each seed, searched for where nothing is. */
static bool gather(const NtAsking *asking, const GArray *seeds, Kept **out, GError **error) {
    uint32_t rows[NT_MOST_SEEDS];
    guint places[NT_MOST_SEEDS], missing = 0;
    Kept *found[NT_MOST_SEEDS];
    for (guint s = 0; s < seeds->len; s++) {
        uint32_t row = g_array_index(seeds, NtSeed, s).row;
        if ((out[s] = look_up(asking->recommender, asking->snapshot, row)) == NULL) {
            places[missing] = s;
            rows[missing++] = row;
        }
    }
    if (missing > 0 && !scan_for_all(asking, rows, missing, found, error)) {
        return false;
    }
    for (guint i = 0; i < missing; i++) {
        out[places[i]] = found[i];
    }
    return true;
}

bool nt_neighbours_find(const NtAsking *asking, const GArray *seeds, size_t wanted, NtNeighbours *out, GError **error) {
    Kept *kept[NT_MOST_SEEDS] = {NULL};
    uint32_t rows[NT_MOST_SEEDS];
    size_t few = 0, place_of[NT_MOST_SEEDS];
    bool known = wanted <= KEPT_HITS / 2, ok = !known || gather(asking, seeds, kept, error);
    bool own[NT_MOST_SEEDS] = {false};
    g_autoptr(GArray) hits = g_array_new(FALSE, FALSE, sizeof(NtIndexHit));
    g_auto(NtNeighbours) shared = {.hits = g_steal_pointer(&hits)};
    g_auto(Scan) scan = {0};
    for (guint s = 0; ok && s < seeds->len; s++) {
        own[s] = !known || !take(asking, kept[s], wanted, &shared, &shared.counts[s]);
        if (own[s]) {
            place_of[s] = few;
            rows[few++] = g_array_index(seeds, NtSeed, s).row;
        }
    }
    for (guint s = 0; s < seeds->len; s++) {
        nt_neighbours_unref(kept[s]);
    }
    if (!ok || (few > 0 && !scan_for_one(asking, rows, few, wanted, &scan, error))) {
        return false;
    }
    out->hits = g_array_new(FALSE, FALSE, sizeof(NtIndexHit));
    size_t at = 0;
    for (guint s = 0; s < seeds->len; s++) {
        const NtIndexHit *from =
            own[s] ? scan.hits + place_of[s] * scan.most : (NtIndexHit *)(void *)shared.hits->data + at;
        out->counts[s] = own[s] ? scan.counts[place_of[s]] : shared.counts[s];
        at += own[s] ? 0 : out->counts[s];
        g_array_append_vals(out->hits, from, (guint)out->counts[s]);
    }
    return true;
}
