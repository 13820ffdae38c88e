/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tastes of a visitor: what they liked, grouped by likeness, each group with the product in its middle and the
 * share of the visitor's attention that it has (PinnerSage). Never the average of different tastes: between shoes and
 * lamps there is nothing to show.
 *
 * Grouping costs time in the square of the products, so tastes are kept, and where there are many products what was
 * done since is added to the taste whose medoid it is nearest to, or is one of its own (PinnerSage's online part). They
 * are found anew when a tenth was added, and once a day.
 */
#include "recommend/recommend-internal.h"

#include <math.h>
#include <string.h>

enum {
    MOST_TASTES = 20,  /* that are kept of one visitor: 1 KB with what is around them */
    MOST_KEPT = 65536, /* visitors */
    FEW = 64,          /* products are grouped anew each time: it costs less than a millisecond */
};

/* What is kept of a visitor. */
typedef struct NtKeptTastes {
    uint64_t state; /* of the visitor, when they were found or added to */
    int64_t model;
    uint32_t generation;
    unsigned touched; /* products, when they were found */
    int64_t found;    /* when that was, monotonic */
    int64_t newest;   /* of what was done that is in them, milliseconds since 1970 */
    double sum;       /* of the weights that are shared out */
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

/* Whether the kept tastes are of this model, and the products that stand for them are still what they were. */
static bool holds(const NtKeptTastes *kept, const NtSnapshot *snapshot) {
    const NtModel *model = snapshot->version->model;
    bool ok = kept != NULL && kept->model == model->model && kept->generation == model->generation;
    for (unsigned t = 0; ok && t < kept->count; t++) {
        ok = nt_snapshot_row(snapshot, kept->tastes[t].medoid) == kept->tastes[t].row;
    }
    return ok;
}

/* A copy of those that are kept; NULL: there are none that hold. */
static NtKeptTastes *find_kept(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor) {
    g_mutex_lock(&recommender->lock);
    NtKeptTastes *kept = g_hash_table_lookup(recommender->kept, visitor), *out = NULL;
    if (holds(kept, snapshot)) {
        out = g_memdup2(kept, sizeof *kept + kept->count * sizeof(NtTaste));
        out->visitor = NULL;
        g_queue_unlink(&recommender->order, &kept->link);
        g_queue_push_head_link(&recommender->order, &kept->link);
    }
    g_mutex_unlock(&recommender->lock);
    return out;
}

/* Keeps tastes, with what `like` says of them. */
static void keep(NtRecommender *recommender, const char *visitor, const NtKeptTastes *like, const GArray *tastes) {
    NtKeptTastes *kept = g_malloc(sizeof *kept + tastes->len * sizeof(NtTaste));
    *kept = *like;
    kept->count = tastes->len;
    kept->visitor = g_strdup(visitor);
    memcpy(kept->tastes, tastes->data, tastes->len * sizeof(NtTaste));
    kept->link = (GList){.data = kept};
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

static GArray *tastes_of(const NtKeptTastes *kept) {
    GArray *out = g_array_new(FALSE, TRUE, sizeof(NtTaste));
    g_array_append_vals(out, kept->tastes, kept->count);
    return out;
}

/* ---- finding them ---- */

/* What is grouped: products that were liked, those of one design as one. */
typedef struct Liked {
    NtPoints points; /* in the order of their newest products */
    float *rows, *weights;
    guint *places; /* (points.count) of the newest product among what was touched */
    guint *of;     /* (touched) the point of a product, from 1; 0: it is none */
} Liked;

static void clear_liked(Liked *liked) {
    nt_free(liked->rows);
    g_free(liked->weights);
    g_free(liked->places);
    g_free(liked->of);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Liked, clear_liked)

static bool make_room(const NtVisitor *done, size_t dim, Liked *out, GError **error) {
    size_t touched = done->touched->len, most = MIN(touched, NT_CLUSTER_POINTS);
    out->rows = nt_alloc(most + 1, dim * sizeof(float), "tastes", error);
    out->weights = g_new0(float, most + 1);
    out->places = g_new0(guint, most + 1);
    out->of = g_new0(guint, touched + 1);
    out->points = (NtPoints){.rows = out->rows, .weights = out->weights, .dim = dim};
    return out->rows != NULL;
}

/* Adds a placed vector to a point, which is the weighted mean of its products. */
static void add_to_point(Liked *liked, size_t point, const float *vector, double weight) {
    float *row = liked->rows + point * liked->points.dim;
    double before = (double)liked->weights[point], share = weight / (before + weight);
    for (size_t d = 0; d < liked->points.dim; d++) {
        row[d] = before > 0 ? (float)((double)row[d] * (1 - share) + (double)vector[d] * share) : vector[d];
    }
    liked->weights[point] = (float)(before + weight);
}

/* Points are of length 1, as vectors in the space are, where it has that. */
static void scale_points(Liked *liked, const NtTasteSpace *space) {
    for (size_t i = 0; space->unit && i < liked->points.count; i++) {
        float *row = liked->rows + i * liked->points.dim;
        double sum = 0;
        for (size_t d = 0; d < liked->points.dim; d++) {
            sum += (double)row[d] * (double)row[d];
        }
        for (size_t d = 0; sum > 0 && d < liked->points.dim; d++) {
            row[d] = (float)((double)row[d] / sqrt(sum));
        }
    }
}

static bool collect(NtRecommender *recommender, const NtSnapshot *snapshot, const NtVisitor *done, const NtWait *wait,
                    Liked *out, double *out_cut, GError **error) {
    size_t dim = snapshot->version->view.dim;
    const NtTasteSpace *space;
    g_autoptr(GHashTable) groups = g_hash_table_new(NULL, NULL); /* group -> point, from 1 */
    if (!make_room(done, dim, out, error)) {
        return false;
    }
    float *vector = out->rows + MIN(done->touched->len, NT_CLUSTER_POINTS) * dim;
    g_mutex_lock(&recommender->lock);
    bool ok = nt_recommender_space(recommender, snapshot, wait, &space, error);
    for (guint i = 0; ok && i < done->touched->len; i++) {
        const NtTouched *touched = &g_array_index(done->touched, NtTouched, i);
        void *group = GSIZE_TO_POINTER((gsize)nt_cells_get(&snapshot->groups, touched->product));
        guint point = group != NULL ? GPOINTER_TO_UINT(g_hash_table_lookup(groups, group)) : 0;
        if (touched->weight <= 0 || touched->row == UINT32_MAX ||
            (point == 0 && out->points.count == NT_CLUSTER_POINTS)) {
            continue;
        }
        if (point == 0) {
            out->places[out->points.count] = i;
            point = (guint)++out->points.count;
            if (group != NULL) {
                g_hash_table_insert(groups, group, GUINT_TO_POINTER(point));
            }
        }
        nt_rows_get(&snapshot->version->view, touched->row, vector);
        nt_taste_space_place(space, vector, vector);
        add_to_point(out, point - 1, vector, touched->weight);
        out->of[i] = point;
    }
    *out_cut = ok ? space->cut : 0;
    if (ok) {
        scale_points(out, space);
    }
    g_mutex_unlock(&recommender->lock);
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
    for (guint i = 0; i < done->touched->len; i++) {
        const NtTouched *touched = &g_array_index(done->touched, NtTouched, i);
        if (liked->of[i] == 0) {
            continue;
        }
        NtTaste *taste = &g_array_index(out, NtTaste, groups[liked->of[i] - 1]);
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

/* ---- adding to them ---- */

/* The taste whose medoid is nearest to a placed vector, within the cut; -1: none is so near. */
static int nearest_taste(const float *medoids, size_t count, const float *vector, size_t dim, double cut) {
    int found = -1;
    for (size_t t = 0; t < count; t++) {
        double sum = 0;
        for (size_t d = 0; d < dim; d++) {
            double difference = (double)medoids[t * dim + d] - (double)vector[d];
            sum += difference * difference;
        }
        if (sum <= cut) {
            cut = sum;
            found = (int)t;
        }
    }
    return found;
}

static void place_row(const NtTasteSpace *space, const NtSnapshot *snapshot, uint32_t row, float *out) {
    nt_rows_get(&snapshot->version->view, row, out);
    nt_taste_space_place(space, out, out);
}

/* Adds what was done since to kept tastes. A product that is in one of them already counts again with all of its
 * weight, until they are found anew. */
static bool add_to(NtRecommender *recommender, const NtSnapshot *snapshot, const NtVisitor *done, const NtWait *wait,
                   NtKeptTastes *kept, GArray *tastes, GError **error) {
    size_t dim = snapshot->version->view.dim;
    const NtTasteSpace *space;
    nt_autofree float *medoids = nt_alloc(tastes->len + 1, dim * sizeof(float), "tastes", error);
    if (medoids == NULL) {
        return false;
    }
    float *vector = medoids + tastes->len * dim;
    size_t known = tastes->len;
    double sum = kept->sum;
    int64_t since = kept->newest;
    g_mutex_lock(&recommender->lock);
    bool ok = nt_recommender_space(recommender, snapshot, wait, &space, error);
    for (size_t t = 0; ok && t < known; t++) {
        NtTaste *taste = &g_array_index(tastes, NtTaste, t);
        place_row(space, snapshot, taste->row, medoids + t * dim);
        taste->importance *= kept->sum; /* a weight, until all is added */
    }
    for (guint i = 0; ok && i < done->touched->len; i++) {
        const NtTouched *one = &g_array_index(done->touched, NtTouched, i);
        if (one->newest <= since || one->weight <= 0 || one->row == UINT32_MAX) {
            continue;
        }
        place_row(space, snapshot, one->row, vector);
        int nearest = nearest_taste(medoids, known, vector, dim, space->cut);
        if (nearest < 0) {
            NtTaste fresh = {.medoid = one->product, .row = one->row};
            g_array_append_val(tastes, fresh);
            nearest = (int)tastes->len - 1;
        }
        NtTaste *taste = &g_array_index(tastes, NtTaste, nearest);
        taste->importance += one->weight;
        taste->products++;
        taste->newest = MAX(taste->newest, one->newest);
        kept->newest = MAX(kept->newest, one->newest);
        sum += one->weight;
    }
    g_mutex_unlock(&recommender->lock);
    for (guint t = 0; t < tastes->len; t++) {
        g_array_index(tastes, NtTaste, t).importance /= sum;
    }
    kept->sum = sum;
    g_array_sort(tastes, more_important_first);
    g_array_set_size(tastes, MIN(tastes->len, MOST_TASTES));
    return ok;
}

static double sum_of(const NtVisitor *done, int64_t *out_newest) {
    double sum = 0;
    *out_newest = 0;
    for (guint i = 0; i < done->touched->len; i++) {
        const NtTouched *one = &g_array_index(done->touched, NtTouched, i);
        sum += one->weight > 0 && one->row != UINT32_MAX ? one->weight : 0;
        *out_newest = MAX(*out_newest, one->newest);
    }
    return sum;
}

/* Whether it is time to find them anew: also where something came late, which would be added to nothing. */
static bool is_due(const NtKeptTastes *kept, const NtVisitor *done) {
    int64_t newest;
    sum_of(done, &newest);
    return newest <= kept->newest || done->touched->len < FEW ||
           done->touched->len > kept->touched + kept->touched / 10 || done->touched->len < kept->touched ||
           g_get_monotonic_time() > kept->found + G_TIME_SPAN_DAY;
}

static GArray *find_anew(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor,
                         const NtVisitor *done, const NtWait *wait, GError **error) {
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
    if (visitor == NULL) {
        return tastes;
    }
    NtKeptTastes like = {.state = done->state,
                         .model = snapshot->version->model->model,
                         .generation = snapshot->version->model->generation,
                         .touched = done->touched->len,
                         .found = g_get_monotonic_time()};
    like.sum = sum_of(done, &like.newest);
    keep(recommender, visitor, &like, tastes);
    return tastes;
}

GArray *nt_tastes_find(NtRecommender *recommender, const NtSnapshot *snapshot, const char *visitor,
                       const NtVisitor *done, const NtWait *wait, GError **error) {
    g_autofree NtKeptTastes *kept = visitor != NULL ? find_kept(recommender, snapshot, visitor) : NULL;
    if (kept == NULL || (kept->state != done->state && is_due(kept, done))) {
        return find_anew(recommender, snapshot, visitor, done, wait, error);
    }
    g_autoptr(GArray) tastes = tastes_of(kept);
    if (kept->state != done->state) {
        if (!add_to(recommender, snapshot, done, wait, kept, tastes, error)) {
            return NULL;
        }
        kept->state = done->state;
        keep(recommender, visitor, kept, tastes);
    }
    return g_steal_pointer(&tastes);
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
            for (guint i = 0; i < done->touched->len; i++) {
                if (liked.of[i] != 0 && groups[liked.of[i] - 1] == t) {
                    g_array_append_val(out, g_array_index(done->touched, NtTouched, i).product);
                }
            }
        }
    }
    return g_steal_pointer(&out);
}
