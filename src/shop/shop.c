/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing; the connections searches read through. */
#include "recommend/recommend.h"
#include "state/state.h"

#include <string.h>
#include <unistd.h>

enum { MOST_THREADS = 1024 };

const char *niteru_version(void) { return NT_VERSION; }

static void close_connection(void *data) { nt_catalogue_close(data); }

static bool set_limits(NtLimits *limits, const char *const *settings, GError **error) {
    *limits = nt_limits_default();
    for (size_t i = 0; settings != NULL && settings[i] != NULL; i++) {
        if (!nt_limits_set(limits, settings[i], error)) {
            return false;
        }
    }
    return true;
}

/* A folder with a catalogue.db and no lock was never written to by niteru here: it is looked at for reading before the
 * lock is made, so that a database of another program is left as it was found. */
static bool look_first(const char *folder, const char *database, const NtCatalogueOptions *settings, GError **error) {
    g_autofree char *lock = g_build_filename(folder, "lock", NULL);
    if (g_file_test(lock, G_FILE_TEST_EXISTS) || !g_file_test(database, G_FILE_TEST_EXISTS)) {
        return true;
    }
    NtCatalogueOptions reading = {.read_only = true, .limits = settings->limits};
    g_autoptr(GError) fault = NULL;
    NtCatalogue *looked = nt_catalogue_open(folder, &reading, &fault);
    nt_catalogue_close(looked);
    bool foreign = looked == NULL && (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_CORRUPT) ||
                                      g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_UNSUPPORTED));
    if (foreign) {
        g_propagate_error(error, g_steal_pointer(&fault));
    }
    return !foreign;
}

NiteruCatalogue *niteru_open(const char *folder, const NiteruOptions *given, GError **error) {
    NiteruOptions known, *options = &known;
    if (!NT_OPTIONS_READ(NiteruOptions, options, given, error)) {
        return NULL;
    }
    if (folder == NULL) {
        const char *named = g_getenv("NITERU_CATALOGUE");
        folder = named != NULL && *named != '\0' ? named : "shop.niteru";
    }
    g_autoptr(NiteruCatalogue) catalogue = g_new0(NiteruCatalogue, 1);
    g_mutex_init(&catalogue->lock);
    catalogue->turns = nt_turns_new();
    catalogue->writers = g_ptr_array_new();
    catalogue->readers = g_ptr_array_new_with_free_func(close_connection);
    catalogue->models = g_ptr_array_new();
    catalogue->networks = g_ptr_array_new();
    catalogue->closing = g_cancellable_new();
    g_cond_init(&catalogue->idle);
    catalogue->shared = nt_shared_new();
    catalogue->filters = nt_filters_new();
    catalogue->threads = options->threads > 0 ? options->threads : nt_cores();
    if (!set_limits(&catalogue->limits, options->limits, error)) {
        return NULL;
    }
    if (options->threads > MOST_THREADS) {
        nt_fail(error, NITERU_ERROR_INVALID, "the number of threads must be 1 to %d, or 0 for one per core",
                MOST_THREADS);
        return NULL;
    }
    catalogue->pool = nt_thread_pool_new(catalogue->threads);
    catalogue->pipeline = nt_pipeline_new(&catalogue->limits, catalogue->threads);
    NtCatalogueOptions settings = {
        .read_only = options->read_only, .must_exist = options->must_exist, .limits = &catalogue->limits};
    g_autofree char *database = g_build_filename(folder, "catalogue.db", NULL);
    catalogue->discard = options->discard_empty && !g_file_test(database, G_FILE_TEST_EXISTS);
    if (!options->read_only && !look_first(folder, database, &settings, error)) {
        return NULL;
    }
    catalogue->db = nt_catalogue_open(folder, &settings, error);
    if (catalogue->db == NULL) {
        return NULL;
    }
    catalogue->folder = g_strdup(nt_catalogue_folder(catalogue->db));
    return g_steal_pointer(&catalogue);
}

void niteru_close(NiteruCatalogue *catalogue) {
    if (catalogue != NULL) {
        nt_calls_stop(catalogue);
        nt_recommender_free(catalogue->recommender);
        nt_pipeline_free(catalogue->pipeline);
        nt_filters_free(catalogue->filters);
        nt_shared_free(catalogue->shared);
        nt_thread_pool_free(catalogue->pool);
        nt_models_free(catalogue);
        g_ptr_array_unref(catalogue->readers);
        if (catalogue->discard && catalogue->db != NULL) {
            nt_catalogue_discard(catalogue->db);
        } else {
            nt_catalogue_close(catalogue->db);
        }
        nt_turns_free(catalogue->turns);
        g_ptr_array_unref(catalogue->writers);
        g_mutex_clear(&catalogue->lock);
        g_cond_clear(&catalogue->idle);
        g_object_unref(catalogue->closing);
        g_free(catalogue->folder);
        g_free(catalogue);
    }
}

const char *niteru_folder(const NiteruCatalogue *catalogue) { return catalogue->folder; }

/* In a turn. */
static bool remove_products(NtCatalogue *db, const char *const *ids, size_t count, const char *where,
                            uint64_t *out_removed, GError **error) {
    uint64_t removed = 0, matched = 0;
    g_autoptr(NtWhere) condition = where != NULL ? nt_where_parse(db, where, error) : NULL;
    bool ok = where == NULL || condition != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        bool there = false;
        ok = nt_catalogue_remove_product(db, ids[i], &there, error);
        removed += there;
    }
    ok = ok && (condition == NULL || nt_catalogue_remove_where(db, condition, &matched, error));
    *out_removed = removed + matched;
    return ok;
}

/* In a turn; 0: no version. */
static bool remove_versions(NtCatalogue *db, const char *const *ids, size_t count, int64_t version,
                            uint64_t *out_removed, uint64_t *out_stale, GError **error) {
    *out_removed = *out_stale = 0;
    for (size_t i = 0; i < count; i++) {
        g_autoptr(GError) fault = NULL;
        bool there = false;
        if (nt_catalogue_remove_version(db, ids[i], version, &there, &fault)) {
            *out_removed += there;
        } else if (g_error_matches(fault, NITERU_ERROR, NITERU_ERROR_STALE)) {
            ++*out_stale;
        } else {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
    return true;
}

bool niteru_remove_version(NiteruCatalogue *catalogue, const char *const *ids, size_t count, const char *version,
                           unsigned timeout_ms, GCancellable *cancellable, uint64_t *out_removed, uint64_t *out_stale,
                           GError **error) {
    g_auto(NtCall) call = {0};
    uint64_t removed = 0, stale = 0;
    int64_t number = 0;
    if (!nt_version_read(version, &number, error) ||
        !nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_turn_begin(catalogue, &call.wait, error) ||
        !nt_turn_end(catalogue, remove_versions(catalogue->db, ids, count, number, &removed, &stale, error), error)) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = removed;
    }
    if (out_stale != NULL) {
        *out_stale = stale;
    }
    nt_models_compact(catalogue, &call.wait, NULL);
    return true;
}

bool niteru_remove(NiteruCatalogue *catalogue, const char *const *ids, size_t count, const char *where,
                   unsigned timeout_ms, GCancellable *cancellable, uint64_t *out_removed, GError **error) {
    g_auto(NtCall) call = {0};
    uint64_t removed = 0;
    if (!nt_call_begin_writing(&call, catalogue, timeout_ms, cancellable, error) ||
        !nt_turn_begin(catalogue, &call.wait, error) ||
        !nt_turn_end(catalogue, remove_products(catalogue->db, ids, count, where, &removed, error), error)) {
        return false;
    }
    if (out_removed != NULL) {
        *out_removed = removed;
    }
    nt_models_compact(catalogue, &call.wait, NULL); /* the next one will do it where this one could not */
    return true;
}
