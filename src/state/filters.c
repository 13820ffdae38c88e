/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions as bitmaps over the numbers of products. One that was asked for before is brought forward by evaluating
 * it for the products that changed since, so that a shop's usual conditions cost the same however large it is. The one
 * not asked for longest goes when there are too many.
 */
#include "state/state.h"

#include <string.h>

enum {
    MOST_FILTERS = 256,
    MOST_BYTES = 64 << 20, /* of their bitmaps, all together */
};

typedef struct Kept {
    char *where;
    NtFilter *filter;
    size_t bytes;
} Kept;

struct NtFilters {
    GMutex lock;       /* all below */
    GQueue kept;       /* Kept, the one asked for last comes first */
    GHashTable *links; /* where -> GList of `kept` */
    size_t bytes;
};

static NtFilter *filter_ref(NtFilter *filter) {
    g_atomic_int_inc(&filter->refs);
    return filter;
}

void nt_filter_unref(NtFilter *filter) {
    if (filter != NULL && g_atomic_int_dec_and_test(&filter->refs)) {
        nt_cells_clear(&filter->bits);
        g_free(filter);
    }
}

static void drop(NtFilters *filters, GList *link) {
    Kept *kept = link->data;
    filters->bytes -= kept->bytes;
    g_hash_table_remove(filters->links, kept->where);
    g_queue_delete_link(&filters->kept, link);
    nt_filter_unref(kept->filter);
    g_free(kept->where);
    g_free(kept);
}

NtFilters *nt_filters_new(void) {
    NtFilters *filters = g_new0(NtFilters, 1);
    g_mutex_init(&filters->lock);
    filters->links = g_hash_table_new(g_str_hash, g_str_equal);
    return filters;
}

void nt_filters_free(NtFilters *filters) {
    if (filters != NULL) {
        while (filters->kept.tail != NULL) {
            drop(filters, filters->kept.tail);
        }
        g_hash_table_unref(filters->links);
        g_mutex_clear(&filters->lock);
        g_free(filters);
    }
}

/* The one kept for a condition, of whichever moment; a reference, or NULL. */
static NtFilter *find(NtFilters *filters, const char *where) {
    g_mutex_lock(&filters->lock);
    GList *link = g_hash_table_lookup(filters->links, where);
    NtFilter *filter = NULL;
    if (link != NULL) {
        g_queue_unlink(&filters->kept, link);
        g_queue_push_head_link(&filters->kept, link);
        filter = filter_ref(((Kept *)link->data)->filter);
    }
    g_mutex_unlock(&filters->lock);
    return filter;
}

/* Keeps it, in place of an older one. */
static void keep(NtFilters *filters, const char *where, NtFilter *filter) {
    size_t bytes = nt_cells_bytes(&filter->bits);
    g_mutex_lock(&filters->lock);
    GList *link = g_hash_table_lookup(filters->links, where);
    bool newer = link == NULL || ((Kept *)link->data)->filter->commits < filter->commits;
    if (newer && bytes <= MOST_BYTES) {
        if (link != NULL) {
            drop(filters, link);
        }
        while (filters->kept.length >= MOST_FILTERS || filters->bytes + bytes > MOST_BYTES) {
            drop(filters, filters->kept.tail);
        }
        Kept *kept = g_new(Kept, 1);
        *kept = (Kept){g_strdup(where), filter_ref(filter), bytes};
        g_queue_push_head(&filters->kept, kept);
        g_hash_table_insert(filters->links, kept->where, filters->kept.head);
        filters->bytes += bytes;
    }
    g_mutex_unlock(&filters->lock);
}

typedef struct Marking {
    NtFilter *filter;
    GError *fault;
} Marking;

static bool mark(int64_t product, void *data) {
    Marking *marking = data;
    marking->filter->count++;
    return nt_cells_set_bit(&marking->filter->bits, (uint64_t)product, true, &marking->fault);
}

/* Takes out the products that changed since `before`; *out_known: they are known. */
static bool take_out_changed(NtCatalogue *db, NtFilter *filter, const NtFilter *before, bool *out_known,
                             GError **error) {
    g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(int64_t));
    if (!nt_catalogue_changes(db, before->changes, changed, out_known, error) || !*out_known) {
        return *out_known;
    }
    nt_cells_copy(&filter->bits, &before->bits);
    filter->count = before->count;
    for (guint i = 0; i < changed->len; i++) {
        uint64_t product = (uint64_t)g_array_index(changed, int64_t, i);
        if (nt_cells_bit(&filter->bits, product)) {
            filter->count--;
            if (!nt_cells_set_bit(&filter->bits, product, false, error)) {
                return false;
            }
        }
    }
    return true;
}

/* The condition as of now, from `before` (NULL: from nothing). */
static NtFilter *evaluate(NtCatalogue *db, uint64_t commits, const NtFilter *before, const char *where,
                          GError **error) {
    g_autoptr(NtFilter) filter = g_new0(NtFilter, 1);
    filter->refs = 1;
    filter->commits = commits;
    g_autoptr(NtWhere) condition = nt_where_parse(db, where, error);
    if (condition == NULL || !nt_catalogue_last_change(db, &filter->changes, error) ||
        !nt_catalogue_fields_version(db, &filter->fields, error)) {
        return NULL;
    }
    bool known = false, logged = filter->changes != UINT64_MAX;
    g_autoptr(GError) fault = NULL;
    if (before != NULL && logged && before->fields == filter->fields &&
        !take_out_changed(db, filter, before, &known, &fault) && fault != NULL) {
        g_propagate_error(error, g_steal_pointer(&fault));
        return NULL;
    }
    Marking marking = {filter, NULL};
    bool ok = (known && filter->changes == before->changes) ||
              nt_catalogue_match(db, condition, known ? before->changes : 0, mark, &marking, error);
    if (marking.fault != NULL) {
        g_clear_error(error);
        g_propagate_error(error, marking.fault);
        return NULL;
    }
    return ok ? g_steal_pointer(&filter) : NULL;
}

NtFilter *nt_filter_open(const NtSnapshot *snapshot, const char *where, GError **error) {
    NiteruCatalogue *catalogue = snapshot->reader.catalogue;
    g_autoptr(NtFilter) kept = find(catalogue->filters, where);
    if (kept != NULL && kept->commits == snapshot->commits && kept->commits > 0) {
        return g_steal_pointer(&kept);
    }
    if (kept != NULL && kept->commits > snapshot->commits) { /* of a later moment: nothing to begin from */
        g_clear_pointer(&kept, nt_filter_unref);
    }
    NtFilter *filter = evaluate(snapshot->reader.db, snapshot->commits, kept, where, error);
    if (filter != NULL) {
        keep(catalogue->filters, where, filter);
    }
    return filter;
}
