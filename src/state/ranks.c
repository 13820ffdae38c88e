/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order maintenance with integer labels, after M. Bender, R. Cole, E. Demaine, M. Farach-Colton and J. Zito, "Two
 * simplified algorithms for maintaining order in a list" (ESA 2002), section 2: where two neighbours have no room
 * between them, the smallest enclosing range of ranks, aligned at its size 2^j, that holds at most (2 / T)^j products
 * is spread evenly. The list itself is the database's index of ids.
 *
 * Ranks begin in the middle half of what there is, so that ids which come before or after all others (numbers that
 * count up, most often) find room at the ends as many times over as there were products.
 */
#include "state/ranks.h"

#include <math.h>
#include <string.h>

#define TOP (UINT64_C(1) << 62)
static const double crowded = 1.5; /* T, between 1 and 2: how soon a range counts as full */

void nt_ranks_clear(NtRanks *ranks) {
    nt_cells_clear(&ranks->ranks);
    nt_cells_clear(&ranks->ids);
    *ranks = (NtRanks){0};
}

static uint64_t id_hash(const char *id) {
    uint64_t hash = nt_xxh3(id, strlen(id), 0);
    return hash != 0 ? hash : 1;
}

static uint64_t rank_of(const NtRanks *ranks, int64_t product) {
    return nt_cells_get(&ranks->ranks, (uint64_t)product);
}

static bool set_rank(NtRanks *ranks, int64_t product, uint64_t rank, GError **error) {
    return nt_cells_set(&ranks->ranks, (uint64_t)product, rank, error);
}

/* How far apart ranks are given where there is plenty of room. */
static uint64_t usual_gap(const NtRanks *ranks) { return TOP / 2 / (ranks->products + 2); }

/* ---- all of them ---- */

typedef struct Collect {
    GArray *products; /* int64_t */
    NtRanks *ranks;
    GError *fault;
} Collect;

static bool collect(int64_t product, const char *id, void *data) {
    Collect *all = data;
    g_array_append_val(all->products, product);
    return nt_cells_set(&all->ranks->ids, (uint64_t)product, id_hash(id), &all->fault);
}

bool nt_ranks_build(NtCatalogue *db, NtRanks *out, GError **error) {
    g_autoptr(GArray) products = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Collect all = {products, out, NULL};
    bool ok = nt_catalogue_list(db, NULL, NT_FLAG_NONE, NULL, 0, collect, &all, error);
    if (all.fault != NULL) {
        g_clear_error(error);
        g_propagate_error(error, all.fault);
        ok = false;
    }
    out->products = products->len;
    uint64_t gap = usual_gap(out);
    for (guint i = 0; ok && i < products->len; i++) {
        ok = set_rank(out, g_array_index(products, int64_t, i), TOP / 4 + (i + 1) * gap, error);
    }
    return ok;
}

/* ---- those that changed ---- */

/* Some products in the order of their ids. */
typedef struct Stretch {
    NtRanks *ranks;
    GArray *products;       /* int64_t */
    uint64_t least, beyond; /* walk while a rank is in here; products without one are taken along */
    bool until_ranked;      /* stop at the first product with a rank instead */
    int64_t stopped_at;     /* 0: at the end of the list */
} Stretch;

static bool walk_on(int64_t product, void *data) {
    Stretch *stretch = data;
    uint64_t rank = rank_of(stretch->ranks, product);
    if (rank != 0 && (stretch->until_ranked || rank < stretch->least || rank >= stretch->beyond)) {
        stretch->stopped_at = product;
        return false;
    }
    g_array_append_val(stretch->products, product);
    return true;
}

static void turn_round(GArray *products) {
    for (guint i = 0, j = products->len; i + 1 < j; i++) {
        int64_t kept = g_array_index(products, int64_t, i);
        g_array_index(products, int64_t, i) = g_array_index(products, int64_t, --j);
        g_array_index(products, int64_t, j) = kept;
    }
}

/* The stretch around a product, itself included, by a walk in either direction. */
static bool stretch_around(NtCatalogue *db, int64_t product, Stretch *stretch, int64_t *out_before, int64_t *out_after,
                           GError **error) {
    g_array_set_size(stretch->products, 0);
    stretch->stopped_at = 0;
    if (!nt_catalogue_walk(db, product, false, walk_on, stretch, error)) {
        return false;
    }
    *out_before = stretch->stopped_at;
    turn_round(stretch->products);
    g_array_append_val(stretch->products, product);
    stretch->stopped_at = 0;
    bool ok = nt_catalogue_walk(db, product, true, walk_on, stretch, error);
    *out_after = stretch->stopped_at;
    return ok;
}

static bool spread(NtRanks *ranks, const GArray *products, uint64_t first, uint64_t step, GError **error) {
    for (guint i = 0; i < products->len; i++) {
        if (!set_rank(ranks, g_array_index(products, int64_t, i), first + i * step, error)) {
            return false;
        }
    }
    return true;
}

/* Ranks anew the smallest range around a product's neighbour that has room for all in it. */
static bool make_room(NtCatalogue *db, NtRanks *ranks, int64_t neighbour, Stretch *stretch, GError **error) {
    uint64_t rank = rank_of(ranks, neighbour);
    int64_t before, after;
    stretch->until_ranked = false;
    for (unsigned j = 2; j < 62; j++) {
        uint64_t size = UINT64_C(1) << j;
        stretch->least = rank & ~(size - 1);
        stretch->beyond = stretch->least + size;
        if (!stretch_around(db, neighbour, stretch, &before, &after, error)) {
            return false;
        }
        uint64_t step = size / (stretch->products->len + 1);
        if ((double)stretch->products->len <= pow(2 / crowded, j) && step > 0) {
            return spread(ranks, stretch->products, stretch->least + step, step, error);
        }
    }
    /* There are 2^62 ranks and 2^31 products at most: the last range had room. */
    return nt_fail(error, NITERU_ERROR_FAILED, "there is no room for the order of %u products", stretch->products->len);
}

/* Ranks a product that has none, together with those beside it that have none. */
static bool rank_new(NtCatalogue *db, NtRanks *ranks, int64_t product, GError **error) {
    g_autoptr(GArray) products = g_array_new(FALSE, FALSE, sizeof(int64_t));
    Stretch stretch = {.ranks = ranks, .products = products, .until_ranked = true};
    int64_t before, after;
    if (!stretch_around(db, product, &stretch, &before, &after, error)) {
        return false;
    }
    uint64_t low = before != 0 ? rank_of(ranks, before) : 0, high = after != 0 ? rank_of(ranks, after) : TOP;
    uint64_t step = (high - low) / (products->len + 1), gap = usual_gap(ranks);
    if (step == 0) {
        return make_room(db, ranks, before != 0 ? before : after, &stretch, error);
    }
    if (before == 0 && after == 0) {
        return spread(ranks, products, TOP / 2, MIN(gap, step / 2), error);
    }
    if (before == 0 && step > gap) { /* at an end the usual distance is enough, and leaves room for more */
        return spread(ranks, products, high - products->len * gap, gap, error);
    }
    return spread(ranks, products, low + (after == 0 ? MIN(step, gap) : step), after == 0 ? MIN(step, gap) : step,
                  error);
}

/* Takes note of what became of one product. */
static bool note(NtCatalogue *db, NtRanks *ranks, int64_t product, GError **error) {
    g_autoptr(GError) gone = NULL;
    g_autofree char *id = nt_catalogue_product_id(db, product, &gone);
    if (id == NULL && !g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&gone));
        return false;
    }
    uint64_t hash = id != NULL ? id_hash(id) : 0, known = nt_cells_get(&ranks->ids, (uint64_t)product);
    if (hash == known) {
        return true;
    }
    ranks->products += (hash != 0) - (known != 0);
    return nt_cells_set(&ranks->ids, (uint64_t)product, hash, error) && set_rank(ranks, product, 0, error);
}

bool nt_ranks_forward(NtCatalogue *db, NtRanks *ranks, const GArray *changed, GError **error) {
    for (guint i = 0; i < changed->len; i++) {
        if (!note(db, ranks, g_array_index(changed, int64_t, i), error)) {
            return false;
        }
    }
    for (guint i = 0; i < changed->len; i++) {
        int64_t product = g_array_index(changed, int64_t, i);
        bool there = nt_cells_get(&ranks->ids, (uint64_t)product) != 0;
        if (there && rank_of(ranks, product) == 0 && !rank_new(db, ranks, product, error)) {
            return false;
        }
    }
    return true;
}
