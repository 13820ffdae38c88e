/* SPDX-License-Identifier: Apache-2.0 */
#include "index/engine.h"

#include "index/engine-internal.h"

static const NtEngine *const engines[] = {&nt_exact_engine};

struct NtIndex {
    const NtEngine *engine;
    void *state;
    NtVectorsSpec spec;
    atomic_uint_fast64_t rows, removed, searches;
    NtSearchStats stats;
};

static const NtEngine *find_engine(const char *name, GError **error) {
    g_autoptr(GString) names = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(engines); i++) {
        if (name == NULL || g_str_equal(engines[i]->name, name)) {
            return engines[i];
        }
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", engines[i]->name);
    }
    g_autofree char *printable = nt_text_printable(name, 40);
    nt_fail(error, NITERU_ERROR_INVALID, "no index engine '%s'; there are: %s", printable, names->str);
    return NULL;
}

NtIndex *nt_index_new(const char *engine, const NtVectorsSpec *spec, GError **error) {
    const NtEngine *found = find_engine(engine, error);
    void *state = NULL;
    if (found == NULL || (found->new != NULL && !found->new (spec, &state, error))) {
        return NULL;
    }
    NtIndex *index = g_new0(NtIndex, 1);
    index->engine = found;
    index->state = state;
    index->spec = *spec;
    return index;
}

void nt_index_free(NtIndex *index) {
    if (index != NULL && index->engine->free != NULL) {
        index->engine->free(index->state);
    }
    g_free(index);
}

static bool check_rows(const NtIndex *index, const NtRows *rows, GError **error) {
    const NtVectorsSpec *spec = &index->spec;
    if (rows->dim != spec->dim || rows->dtype != spec->dtype || rows->metric != spec->metric) {
        return nt_fail(error, NITERU_ERROR_INVALID, "rows of %zu numbers (%s, %s) for an index of %zu numbers (%s, %s)",
                       rows->dim, nt_dtype_name(rows->dtype), nt_metric_name(rows->metric), spec->dim,
                       nt_dtype_name(spec->dtype), nt_metric_name(spec->metric));
    }
    return rows->count <= NT_VECTORS_ROWS_MAX ||
           nt_fail(error, NITERU_ERROR_LIMIT, "more than %" G_GUINT64_FORMAT " rows", NT_VECTORS_ROWS_MAX);
}

bool nt_index_add(NtIndex *index, const NtRows *rows, uint64_t first, uint64_t count, GError **error) {
    if (!check_rows(index, rows, error)) {
        return false;
    }
    if (first > rows->count || count > rows->count - first) {
        return nt_fail(error, NITERU_ERROR_INVALID, "rows %" G_GUINT64_FORMAT " and on are not there to be indexed",
                       first);
    }
    if (index->engine->add != NULL && !index->engine->add(index->state, rows, first, count, error)) {
        return false;
    }
    atomic_fetch_add(&index->rows, count);
    return true;
}

bool nt_index_remove(NtIndex *index, uint64_t row, GError **error) {
    if (index->engine->remove != NULL && !index->engine->remove(index->state, row, error)) {
        return false;
    }
    atomic_fetch_add(&index->removed, 1);
    return true;
}

static void add_stats(NtSearchStats *to, NtSearchStats *from) {
    atomic_fetch_add(&to->scored, atomic_load(&from->scored));
    atomic_fetch_add(&to->rescored, atomic_load(&from->rescored));
}

bool nt_index_search(NtIndex *index, const NtRows *rows, const NtQueries *queries, const NtIndexOptions *options,
                     NtIndexHit *out_hits, size_t *out_counts, GError **error) {
    size_t cells, bytes;
    if (!check_rows(index, rows, error)) {
        return false;
    }
    if (queries->count > 1 &&
        !(nt_mul(queries->count, options->k, &cells) && nt_mul(cells, sizeof *out_hits, &bytes))) {
        return nt_fail(error, NITERU_ERROR_LIMIT, "%zu hits for each of %zu queries are more than memory can hold",
                       options->k, queries->count);
    }
    NtSearchStats stats = {0};
    NtIndexOptions mine = *options;
    mine.stats = &stats;
    bool done = index->engine->search(index->state, rows, queries, &mine, out_hits, out_counts, error);
    add_stats(&index->stats, &stats);
    atomic_fetch_add(&index->searches, done ? queries->count : 0);
    if (options->stats != NULL) {
        add_stats(options->stats, &stats);
    }
    return done;
}

size_t nt_index_most_hits(const NtRows *rows, const NtIndexOptions *options) {
    /* Counting the bits that are set reads them all: worth it only where it can save more. */
    enum { MANY = 1024 };
    const NtLabels *labels = options->labels;
    uint64_t most = labels != NULL ? MIN(labels->pairs, NT_LABEL_MAX) : rows->count;
    most = MIN(most, options->k);
    if (most > MANY && options->allow != NULL) {
        most = MIN(most, nt_cells_count_bits(options->allow));
    }
    return (size_t)most;
}

void nt_index_statistics(NtIndex *index, NtIndexStatistics *out) {
    *out = (NtIndexStatistics){.engine = index->engine->name,
                               .rows = atomic_load(&index->rows),
                               .removed = atomic_load(&index->removed),
                               .searches = atomic_load(&index->searches),
                               .scored = atomic_load(&index->stats.scored),
                               .rescored = atomic_load(&index->stats.rescored)};
    if (index->engine->statistics != NULL) {
        index->engine->statistics(index->state, out);
    }
}
