/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tastes of a visitor: what they liked, grouped by likeness, each group with the product in its middle and the
 * share of the visitor's attention that it has (PinnerSage). Never the average of different tastes: between shoes and
 * lamps there is nothing to show.
 *
 * Grouping costs time in the square of the products, so tastes are kept, and what was done since is added to the taste
 * it is nearest to. They are found anew when much was added, and once a day.
 */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

enum {
    MOST_TASTES = 24,  /* that are kept of one visitor: 1 KB */
    MOST_KEPT = 65536, /* visitors */
};

/* What is kept of a visitor. */
typedef struct NtKeptTastes {
    uint64_t state; /* of the visitor, when they were found */
    int64_t model;
    uint32_t generation;
    uint64_t commits; /* of the catalogue: a product's number may be another's since */
    unsigned count;
    GList link;
    char *visitor;
    NtTaste tastes[];
} NtKeptTastes;

void nt_tastes_free_kept(void *data) {
    NtKeptTastes *kept = data;
    g_free(kept->visitor);
    g_free(kept);
}

static void drop(NtRecommender *recommender, NtKeptTastes *kept) {
    g_queue_unlink(&recommender->order, &kept->link);
    g_hash_table_remove(recommender->kept, kept->visitor);
}

void nt_tastes_forget(NtRecommender *recommender, const char *visitor) {
    g_mutex_lock(&recommender->lock);
    NtKeptTastes *kept = g_hash_table_lookup(recommender->kept, visitor);
    if (kept != NULL) {
        drop(recommender, kept);
    }
    g_mutex_unlock(&recommender->lock);
}

/* Those that are kept, where nothing was done since and the catalogue is the same. */
static GArray *find_kept(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor, uint64_t state) {
    GArray *out = NULL;
    g_mutex_lock(&recommender->lock);
    NtKeptTastes *kept = g_hash_table_lookup(recommender->kept, visitor);
    if (kept != NULL && kept->state == state && kept->model == snapshot->version->model->model &&
        kept->generation == snapshot->version->model->generation && kept->commits == snapshot->commits) {
        out = g_array_new(FALSE, FALSE, sizeof(NtTaste));
        g_array_append_vals(out, kept->tastes, kept->count);
        g_queue_unlink(&recommender->order, &kept->link);
        g_queue_push_head_link(&recommender->order, &kept->link);
    }
    g_mutex_unlock(&recommender->lock);
    return out;
}

static void keep(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor, uint64_t state,
                 const GArray *tastes) {
    NtKeptTastes *kept = g_malloc(sizeof *kept + tastes->len * sizeof(NtTaste));
    *kept = (NtKeptTastes){.state = state,
                           .model = snapshot->version->model->model,
                           .generation = snapshot->version->model->generation,
                           .commits = snapshot->commits,
                           .count = tastes->len,
                           .visitor = g_strdup(visitor)};
    memcpy(kept->tastes, tastes->data, tastes->len * sizeof(NtTaste));
    kept->link.data = kept;
    g_mutex_lock(&recommender->lock);
    NtKeptTastes *before = g_hash_table_lookup(recommender->kept, visitor);
    if (before != NULL) {
        drop(recommender, before);
    }
    g_hash_table_insert(recommender->kept, kept->visitor, kept);
    g_queue_push_head_link(&recommender->order, &kept->link);
    if (recommender->order.length > MOST_KEPT) {
        drop(recommender, g_queue_peek_tail(&recommender->order));
    }
    g_mutex_unlock(&recommender->lock);
}

/* ---- finding them ---- */

/* What is grouped. */
typedef struct Liked {
    NtPoints points;
    float *rows, *weights;
    guint *places; /* (points.count) among what was touched */
} Liked;

static void clear_liked(Liked *liked) {
    nt_free(liked->rows);
    g_free(liked->weights);
    g_free(liked->places);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Liked, clear_liked)

static bool collect(NtRecommender *recommender, const NtSnapshot *snapshot, const NtVisitor *done, const NtWait *wait,
                    Liked *out, double *out_cut, GError **error) {
    size_t dim = snapshot->version->view.dim, most = MIN(done->touched->len, NT_CLUSTER_POINTS);
    const NtTasteSpace *space;
    out->rows = nt_alloc(MAX(most, 1), dim * sizeof(float), "tastes", error);
    out->weights = g_new(float, most + 1);
    out->places = g_new(guint, most + 1);
    if (out->rows == NULL) {
        return false;
    }
    g_mutex_lock(&recommender->lock);
    bool ok = nt_recommender_space(recommender, snapshot, wait, &space, error);
    size_t count = 0;
    for (guint i = 0; ok && i < done->touched->len && count < most; i++) {
        const NtTouched *touched = &g_array_index(done->touched, NtTouched, i);
        if (touched->weight > 0 && touched->row != UINT32_MAX) {
            float *row = out->rows + count * dim;
            nt_rows_get(&snapshot->version->view, touched->row, row);
            nt_taste_space_place(space, row, row);
            out->weights[count] = (float)touched->weight;
            out->places[count++] = i;
        }
    }
    *out_cut = ok ? space->cut : 0;
    g_mutex_unlock(&recommender->lock);
    out->points = (NtPoints){.rows = out->rows, .weights = out->weights, .count = count, .dim = dim};
    return ok;
}

static gint more_important_first(gconstpointer a, gconstpointer b) {
    const NtTaste *one = a, *other = b;
    if (one->importance != other->importance) {
        return one->importance > other->importance ? -1 : 1;
    }
    return one->newest != other->newest ? (one->newest > other->newest ? -1 : 1)
                                        : (one->medoid > other->medoid) - (one->medoid < other->medoid);
}

/* The tastes that groups of liked products are. */
static GArray *make_tastes(const Liked *liked, const NtVisitor *done, const uint16_t *groups, size_t count) {
    GArray *out = g_array_new(FALSE, TRUE, sizeof(NtTaste));
    double all = 0;
    g_array_set_size(out, (guint)count);
    for (size_t i = 0; i < liked->points.count; i++) {
        const NtTouched *touched = &g_array_index(done->touched, NtTouched, liked->places[i]);
        NtTaste *taste = &g_array_index(out, NtTaste, groups[i]);
        taste->importance += touched->weight;
        taste->products++;
        taste->newest = MAX(taste->newest, touched->newest);
        all += touched->weight;
    }
    for (size_t t = 0; t < count; t++) {
        NtTaste *taste = &g_array_index(out, NtTaste, t);
        size_t medoid = nt_medoid(&liked->points, groups, (uint16_t)t);
        const NtTouched *touched = &g_array_index(done->touched, NtTouched, liked->places[medoid]);
        taste->medoid = touched->product;
        taste->row = touched->row;
        taste->importance /= all;
    }
    g_array_sort(out, more_important_first);
    g_array_set_size(out, MIN(out->len, MOST_TASTES));
    return out;
}

GArray *nt_tastes_find(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor,
                       const NtVisitor *done, const NtWait *wait, GError **error) {
    GArray *kept = find_kept(recommender, snapshot, visitor, done->state);
    if (kept != NULL) {
        return kept;
    }
    g_auto(Liked) liked = {{0}};
    double cut;
    if (!collect(recommender, snapshot, done, wait, &liked, &cut, error)) {
        return NULL;
    }
    g_autofree uint16_t *groups = g_new0(uint16_t, liked.points.count + 1);
    size_t count = 0;
    if (liked.points.count > 0 && !nt_cluster(&liked.points, NT_LINKAGE_AVERAGE, cut, wait, groups, &count, error)) {
        return NULL;
    }
    GArray *tastes = make_tastes(&liked, done, groups, count);
    keep(recommender, snapshot, visitor, done->state, tastes);
    return tastes;
}

GArray *nt_tastes_members(NtRecommender *recommender, const NtSnapshot *snapshot, const NtVisitor *done,
                          uint32_t medoid, const NtWait *wait, GError **error) {
    g_auto(Liked) liked = {{0}};
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    double cut;
    size_t count = 0;
    if (!collect(recommender, snapshot, done, wait, &liked, &cut, error)) {
        return NULL;
    }
    g_autofree uint16_t *groups = g_new0(uint16_t, liked.points.count + 1);
    if (liked.points.count > 0 && !nt_cluster(&liked.points, NT_LINKAGE_AVERAGE, cut, wait, groups, &count, error)) {
        return NULL;
    }
    for (size_t t = 0; t < count; t++) {
        size_t middle = nt_medoid(&liked.points, groups, (uint16_t)t);
        if (g_array_index(done->touched, NtTouched, liked.places[middle]).product == medoid) {
            for (size_t i = 0; i < liked.points.count; i++) {
                if (groups[i] == t) {
                    g_array_append_val(out, g_array_index(done->touched, NtTouched, liked.places[i]).product);
                }
            }
        }
    }
    return g_steal_pointer(&out);
}
