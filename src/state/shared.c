/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What searches share: for each model in use one version, of the last commit anybody looked at. A search begins a read
 * transaction, and compares the number of its last commit with that of the versions. Where these are behind, they are
 * brought forward by the products that changed in between, whichever process committed; where the transaction is
 * behind, because another search was quicker, it begins again. So versions and transaction are of one moment.
 *
 * A version is never changed: the next one is a copy that shares whatever is the same. The lock is held while versions
 * are brought forward (some 50 us for a product) or built (50 ms for 100,000), and else for pointer work; whoever
 * waits for it needs what is being made.
 */
#include "state/state.h"

#include "state/described.h"
#include "state/groups.h"
#include "state/ranks.h"

#include <string.h>

enum { MOST_CHANGED = 4096 /* products brought forward one by one, where these are a part of all only */ };

struct NtShared {
    GMutex lock;         /* all below */
    bool valid;          /* there is anything */
    uint64_t commits;    /* as of which all is */
    uint64_t changes;    /* the last entry in the log of changed products that it knows */
    NtRanks ranks;       /* of all products */
    NtGroups groups;     /* likewise, once they were asked for */
    GPtrArray *versions; /* NtVersion, of the models in use */
};

/* ---- versions ---- */

void nt_version_unref(NtVersion *version) {
    if (version != NULL && g_atomic_int_dec_and_test(&version->refs)) {
        nt_labels_clear(&version->labels);
        nt_labels_clear(&version->products);
        nt_rows_clear(&version->view);
        nt_card_free(version->card);
        nt_descriptions_unref(version->described);
        g_free(version->card_text);
        nt_model_unref(version->model);
        g_free(version);
    }
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtVersion, nt_version_unref)

static void unref_version(void *data) { nt_version_unref(data); }

/* A version without labels. Its card is that of `before` (NULL: none) where it is the same. */
static NtVersion *new_version(NiteruCatalogue *catalogue, const NtModelRow *row, const NtVersion *before,
                              GError **error) {
    g_autoptr(NtVersion) version = g_new0(NtVersion, 1);
    version->refs = 1;
    version->model = nt_model_open_row(catalogue, row, error);
    version->is_default = row->is_default;
    version->rows = row->rows;
    version->card_text = g_strdup(row->card != NULL ? row->card : "{}");
    if (version->model == NULL || !nt_model_view(version->model, row->rows, &version->view, error)) {
        return NULL;
    }
    version->card = before != NULL && strcmp(before->card_text, version->card_text) == 0
                        ? nt_card_copy(before->card)
                        : nt_card_parse(version->card_text, strlen(version->card_text), row->name, error);
    return version->card != NULL ? g_steal_pointer(&version) : NULL;
}

/* Fails where the database names a row that the file does not have. */
static bool check_row(const NtVersion *version, uint64_t row, GError **error) {
    if (row >= version->rows) {
        nt_fail(error, NITERU_ERROR_CORRUPT, "%s: the database names a vector that is not there",
                version->model->catalogue->folder);
        return nt_fact(error, "remedy", "check");
    }
    return true;
}

static bool add_pair(NtVersion *version, uint64_t row, int64_t product, GError **error) {
    return check_row(version, row, error) && nt_labels_add(&version->labels, row, (uint32_t)product, error) &&
           nt_labels_add(&version->products, (uint64_t)product, (uint32_t)row + 1, error);
}

typedef struct Building {
    NtVersion *version;
    uint64_t row; /* the pair before: one may come twice */
    int64_t product;
    GError *fault;
} Building;

static bool add_shown(uint64_t row, int64_t product, void *data) {
    Building *building = data;
    if (row == building->row && product == building->product) {
        return true;
    }
    building->row = row;
    building->product = product;
    return add_pair(building->version, row, product, &building->fault);
}

static bool build_labels(NtCatalogue *db, NtVersion *version, const NtRanks *ranks, GError **error) {
    Building building = {.version = version};
    nt_cells_copy(&version->labels.ranks, &ranks->ranks);
    if (!nt_catalogue_each_shown(db, version->model->model, add_shown, &building, error)) {
        g_clear_error(&building.fault);
        return false;
    }
    if (building.fault != NULL) {
        g_propagate_error(error, building.fault);
        return false;
    }
    return true;
}

/* ---- bringing forward ---- */

static bool has_row(const GArray *vectors, uint64_t row) {
    for (guint i = 0; i < vectors->len; i++) {
        if (g_array_index(vectors, NtProductVector, i).vrow == row) {
            return true;
        }
    }
    return false;
}

static bool shows(const NtVersion *version, int64_t product, uint64_t row) {
    uint32_t link, shown = nt_labels_first(&version->products, (uint64_t)product, &link);
    while (shown != 0 && shown != row + 1) {
        shown = nt_labels_next(&version->products, &link);
    }
    return shown != 0;
}

/* Makes the version's rows of one product those that it shows now. */
static bool forward_product(NtCatalogue *db, NtVersion *version, int64_t product, GArray *now, GError **error) {
    g_array_set_size(now, 0);
    if (!nt_catalogue_product_vectors(db, version->model->model, product, now, error)) {
        return false;
    }
    uint32_t link, shown = nt_labels_first(&version->products, (uint64_t)product, &link);
    while (shown != 0) {
        uint64_t row = shown - 1;
        shown = nt_labels_next(&version->products, &link);
        if (!has_row(now, row)) {
            if (!nt_labels_remove(&version->labels, row, (uint32_t)product, error) ||
                !nt_labels_remove(&version->products, (uint64_t)product, (uint32_t)row + 1, error)) {
                return false;
            }
            link = 0; /* links may have moved: begin again with what is left */
            shown = nt_labels_first(&version->products, (uint64_t)product, &link);
        }
    }
    for (guint i = 0; i < now->len; i++) {
        uint64_t row = g_array_index(now, NtProductVector, i).vrow;
        if (!shows(version, product, row) && !add_pair(version, row, product, error)) {
            return false;
        }
    }
    return true;
}

/* The moment that all is brought forward to, and what changed until then. */
typedef struct Step {
    uint64_t commits;
    int64_t fields;  /* the version of the fields */
    GArray *changed; /* int64_t, products; NULL: all is to be built anew */
} Step;

/* The next version of a model; NULL without an error where it must be built anew when it is next asked for. */
static NtVersion *next_version(NiteruCatalogue *catalogue, NtCatalogue *db, const NtVersion *before,
                               const NtRanks *ranks, const Step *step, GError **error) {
    g_auto(NtModelRow) row = {0};
    g_autoptr(GError) gone = NULL;
    if (!nt_catalogue_find_model(db, before->model->name, &row, &gone)) {
        if (!g_error_matches(gone, NITERU_ERROR, NITERU_ERROR_NOT_FOUND)) {
            g_propagate_error(error, g_steal_pointer(&gone));
        }
        nt_model_forget(catalogue, before->model->model);
        return NULL;
    }
    bool filled = !row.is_default && row.rows != before->rows; /* which the log does not tell */
    if (filled || row.model != before->model->model || row.generation != before->model->generation) {
        return NULL;
    }
    g_autoptr(NtVersion) version = new_version(catalogue, &row, before, error);
    if (version == NULL) {
        return NULL;
    }
    nt_labels_copy(&version->labels, &before->labels);
    nt_labels_copy(&version->products, &before->products);
    nt_cells_clear(&version->labels.ranks);
    nt_cells_copy(&version->labels.ranks, &ranks->ranks);
    g_autoptr(GArray) now = g_array_new(FALSE, FALSE, sizeof(NtProductVector));
    for (guint i = 0; i < step->changed->len; i++) {
        if (!forward_product(db, version, g_array_index(step->changed, int64_t, i), now, error)) {
            return NULL;
        }
    }
    version->described = nt_descriptions_ref(before->described);
    nt_descriptions_forward(version->described, step->commits, step->fields, step->changed);
    return g_steal_pointer(&version);
}

static void forget_all(NtShared *shared) {
    g_ptr_array_set_size(shared->versions, 0);
    nt_ranks_clear(&shared->ranks);
    nt_groups_clear(&shared->groups);
    shared->valid = false;
}

/* The products that changed; NULL without an error when all is to be built anew. */
static GArray *changed_products(const NtShared *shared, NtCatalogue *db, uint64_t last, GError **error) {
    bool complete = false;
    if (last == UINT64_MAX) {
        return NULL;
    }
    g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(int64_t));
    if (!nt_catalogue_changes(db, shared->changes, changed, &complete, error) || !complete) {
        return NULL;
    }
    bool many = changed->len > MOST_CHANGED && changed->len > shared->ranks.products / 4;
    return many ? NULL : g_steal_pointer(&changed);
}

/* Brings all to the moment that `db` sees, or forgets it. Under the lock. */
static bool forward(NiteruCatalogue *catalogue, NtCatalogue *db, uint64_t commits, GError **error) {
    NtShared *shared = catalogue->shared;
    uint64_t last = 0;
    GError *fault = NULL;
    Step step = {.commits = commits};
    if (!nt_catalogue_last_change(db, &last, error) || !nt_catalogue_fields_version(db, &step.fields, error)) {
        return false;
    }
    g_autoptr(GArray) changed = step.changed = shared->valid ? changed_products(shared, db, last, &fault) : NULL;
    bool ok = changed != NULL && nt_ranks_forward(db, &shared->ranks, changed, &fault) &&
              nt_groups_forward(db, &shared->groups, step.fields, changed, &fault);
    for (guint i = 0; ok && i < shared->versions->len;) {
        NtVersion *next =
            next_version(catalogue, db, g_ptr_array_index(shared->versions, i), &shared->ranks, &step, &fault);
        ok = fault == NULL;
        if (next != NULL) {
            nt_version_unref(shared->versions->pdata[i]);
            shared->versions->pdata[i++] = next;
        } else {
            g_ptr_array_remove_index_fast(shared->versions, i);
        }
    }
    if (!ok) {
        forget_all(shared);
    }
    shared->commits = commits;
    shared->changes = last;
    if (fault != NULL) {
        g_propagate_error(error, fault);
        return false;
    }
    return true;
}

/* ---- snapshots ---- */

/* A version of the model of that name, which is in use; NULL when it is not. Under the lock. */
static NtVersion *find_version(const NtShared *shared, const char *name) {
    for (guint i = 0; i < shared->versions->len; i++) {
        NtVersion *version = g_ptr_array_index(shared->versions, i);
        if (name != NULL ? strcmp(version->model->name, name) == 0 : version->is_default) {
            g_atomic_int_inc(&version->refs);
            return version;
        }
    }
    return NULL;
}

/* Takes a model into use. Under the lock. */
static NtVersion *build_version(NiteruCatalogue *catalogue, NtCatalogue *db, const char *name, GError **error) {
    NtShared *shared = catalogue->shared;
    g_auto(NtModelRow) row = {0};
    if (!nt_catalogue_find_model(db, name, &row, error)) {
        return NULL;
    }
    if (!shared->valid) {
        if (!nt_ranks_build(db, &shared->ranks, error)) {
            forget_all(shared);
            return NULL;
        }
        shared->valid = true;
    }
    int64_t fields = 0;
    g_autoptr(NtVersion) version = new_version(catalogue, &row, NULL, error);
    if (version == NULL || !build_labels(db, version, &shared->ranks, error) ||
        !nt_catalogue_fields_version(db, &fields, error)) {
        return NULL;
    }
    version->described = nt_descriptions_new(shared->commits, fields);
    g_atomic_int_inc(&version->refs);
    g_ptr_array_add(shared->versions, version);
    return g_steal_pointer(&version);
}

/* What is shared, at the moment that the snapshot's connection sees; *out_again when it is past that already. */
static bool take_version(NtSnapshot *snapshot, const char *name, bool *out_again, GError **error) {
    NiteruCatalogue *catalogue = snapshot->reader.catalogue;
    NtShared *shared = catalogue->shared;
    NtCatalogue *db = snapshot->reader.db;
    uint64_t commits = snapshot->commits;
    NtVersion *version = NULL;
    g_mutex_lock(&shared->lock);
    *out_again = shared->valid && commits < shared->commits;
    if (!*out_again) {
        bool fresh = shared->valid && commits == shared->commits && commits > 0;
        if (fresh || forward(catalogue, db, commits, error)) {
            version = find_version(shared, name);
            version = version != NULL ? version : build_version(catalogue, db, name, error);
        }
    }
    if (version != NULL && shared->groups.known) {
        nt_cells_copy(&snapshot->groups, &shared->groups.of);
        snapshot->grouped = true;
    }
    g_mutex_unlock(&shared->lock);
    snapshot->version = version;
    return version != NULL;
}

/* Begins the transaction again, at the moment of now. */
static bool read_again(NtSnapshot *snapshot, GError **error) {
    nt_catalogue_end_reading(snapshot->reader.db);
    return nt_catalogue_begin_reading(snapshot->reader.db, error) &&
           nt_catalogue_commits(snapshot->reader.db, &snapshot->commits, error);
}

bool nt_snapshot_open(NtSnapshot *snapshot, NiteruCatalogue *catalogue, const char *model, GError **error) {
    *snapshot = (NtSnapshot){0};
    if (!nt_reader_open(&snapshot->reader, catalogue, error) ||
        !nt_catalogue_commits(snapshot->reader.db, &snapshot->commits, error)) {
        return false;
    }
    for (;;) {
        bool behind = false;
        GError *fault = NULL;
        uint64_t commits = snapshot->commits;
        if (take_version(snapshot, model, &behind, &fault)) {
            return true;
        }
        /* A vectors file that is not there may have been compacted away since the transaction began. */
        if (!read_again(snapshot, fault == NULL ? error : NULL) || (!behind && snapshot->commits == commits)) {
            if (fault != NULL) {
                g_propagate_error(error, fault);
            }
            return false;
        }
        g_clear_error(&fault);
    }
}

void nt_snapshot_clear(NtSnapshot *snapshot) {
    g_clear_pointer(&snapshot->version, nt_version_unref);
    nt_cells_clear(&snapshot->groups);
    nt_reader_clear(&snapshot->reader);
    *snapshot = (NtSnapshot){0};
}

bool nt_snapshot_groups(NtSnapshot *snapshot, GError **error) {
    NtShared *shared = snapshot->reader.catalogue->shared;
    if (snapshot->grouped) {
        return true;
    }
    g_mutex_lock(&shared->lock);
    bool now = shared->valid && shared->commits == snapshot->commits;
    if (now && (shared->groups.known || nt_groups_build(snapshot->reader.db, &shared->groups, error))) {
        nt_cells_copy(&snapshot->groups, &shared->groups.of);
        snapshot->grouped = true;
    }
    g_mutex_unlock(&shared->lock);
    if (now) {
        return snapshot->grouped;
    }
    /* What is shared has gone on since: these are for this snapshot alone. */
    NtGroups own = {0};
    if (nt_groups_build(snapshot->reader.db, &own, error)) {
        nt_cells_copy(&snapshot->groups, &own.of);
        snapshot->grouped = true;
        nt_groups_clear(&own);
    }
    return snapshot->grouped;
}

bool nt_snapshot_groups_about(NtSnapshot *snapshot, GError **error) {
    NtShared *shared = snapshot->reader.catalogue->shared;
    g_mutex_lock(&shared->lock);
    bool known = shared->groups.known && !snapshot->grouped;
    if (known) {
        nt_cells_copy(&snapshot->groups, &shared->groups.of);
        snapshot->grouped = true;
    }
    g_mutex_unlock(&shared->lock);
    return known || nt_snapshot_groups(snapshot, error);
}

/* ---- life ---- */

NtShared *nt_shared_new(void) {
    NtShared *shared = g_new0(NtShared, 1);
    g_mutex_init(&shared->lock);
    shared->versions = g_ptr_array_new_with_free_func(unref_version);
    return shared;
}

void nt_shared_free(NtShared *shared) {
    if (shared != NULL) {
        forget_all(shared);
        g_ptr_array_unref(shared->versions);
        g_mutex_clear(&shared->lock);
        g_free(shared);
    }
}

void nt_shared_refresh(NiteruCatalogue *catalogue) {
    NtShared *shared = catalogue->shared;
    g_auto(NtReader) reader = {0};
    uint64_t commits = 0;
    g_mutex_lock(&shared->lock);
    bool used = shared->valid;
    g_mutex_unlock(&shared->lock);
    if (used && nt_reader_open(&reader, catalogue, NULL) && nt_catalogue_commits(reader.db, &commits, NULL)) {
        g_mutex_lock(&shared->lock);
        if (shared->valid && commits > shared->commits) {
            forward(catalogue, reader.db, commits, NULL);
        }
        g_mutex_unlock(&shared->lock);
    }
}
