/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches that wait at the same time, answered together:
 *
 *   1. each call begins; those of one model look at one snapshot, and find the vectors of their products
 *   2. those of one snapshot and one condition are scanned for at once, the groups side by side; no database
 *   3. those of one snapshot are described at once
 *
 * A search that goes wrong in company is tried by itself, so that each has its own error and costs the others nothing.
 */
#include "search/search-internal.h"

#include <math.h>

enum {
    MOST_WANTED = 1024,    /* hits of each query; a search that wants more would make the others' scan slow */
    PIECE_BYTES = 2 << 20, /* scanning so many takes longer than waking a thread for it */
};

/* A model of which several have the snapshot. */
typedef struct Moment {
    const char *model; /* NULL: the default one */
    NtSnapshot snapshot;
    GError *error; /* why there is none */
} Moment;

typedef struct Member {
    NtSearchQuery *query;
    Search search;
    GArray *vectors; /* of its product; NULL: it has a vector of its own */
    Ask ask;
    bool alone; /* not to be scanned for together with others */
} Member;

typedef struct Many {
    Moment *moments; /* (moment_count) */
    size_t moment_count;
    Member *members;
    GPtrArray *asking; /* Member, of those without an error; those that share a scan side by side */
    GArray *groups;    /* size_t, where each group begins in `asking`, and the end of the last */
} Many;

/* ---- beginning ---- */

static Moment *moment_of(Many *many, NiteruCatalogue *catalogue, const char *model) {
    for (size_t i = 0; i < many->moment_count; i++) {
        if (g_strcmp0(many->moments[i].model, model) == 0) {
            return &many->moments[i];
        }
    }
    Moment *moment = &many->moments[many->moment_count++];
    moment->model = model;
    nt_snapshot_open(&moment->snapshot, catalogue, model, &moment->error);
    return moment;
}

/* Whether the index would refuse one of the vectors, which it does for all that it is given. */
static bool may_be_refused(const NtQueries *queries, size_t dim) {
    for (size_t q = 0; queries->dim == dim && q < queries->count; q++) {
        double norm = nt_kernels()->norm_double[NT_DTYPE_F32](queries->data + q * dim, dim);
        if (!(isfinite(norm) && norm > 0)) {
            return true;
        }
    }
    return queries->dim != dim;
}

static bool begin(Many *many, Member *member, NiteruCatalogue *catalogue, GError **error) {
    const NtSearchQuery *query = member->query;
    Search *search = &member->search;
    if (query->product == NULL && query->vector == NULL) {
        return nt_fail(error, NITERU_ERROR_INVALID, "no vector was given to search for");
    }
    if (!search_open(search, catalogue, query->options, query->cancellable, error)) {
        return false;
    }
    Moment *moment = moment_of(many, catalogue, search->options.model);
    if (moment->error != NULL) {
        g_propagate_error(error, g_error_copy(moment->error));
        return false;
    }
    int64_t own = 0;
    NtQueries queries = {.data = query->vector, .count = 1, .dim = query->dimension};
    if (!search_begin_on(search, &moment->snapshot, error)) {
        return false;
    }
    if (query->product != NULL) {
        member->vectors = g_array_new(FALSE, FALSE, sizeof(float));
        if (!search_product_vectors(search, query->product, &own, member->vectors, error)) {
            return false;
        }
        search_leave_out_group(search, own);
        queries.dim = search->version->view.dim;
        queries.data = (const float *)(void *)member->vectors->data;
        queries.count = member->vectors->len / queries.dim;
    }
    member->ask = (Ask){search, queries, NULL, (uint32_t)own, search->k, false};
    member->alone = search_wanted(&member->ask) > MOST_WANTED || may_be_refused(&queries, search->version->view.dim);
    return true;
}

/* ---- scanning ---- */

/* Whether two may share a scan: whoever is told first may come first. */
static int by_group(const void *a, const void *b) {
    const Member *x = *(Member *const *)a, *y = *(Member *const *)b;
    if (x->search.snapshot != y->search.snapshot) {
        return x->search.snapshot < y->search.snapshot ? -1 : 1;
    }
    if (x->search.filter != y->search.filter) {
        return (uintptr_t)x->search.filter < (uintptr_t)y->search.filter ? -1 : 1;
    }
    return x->search.options.group != y->search.options.group ? x->search.options.group - y->search.options.group
                                                              : x->alone - y->alone;
}

static void make_groups(Many *many) {
    g_ptr_array_sort(many->asking, by_group);
    for (size_t i = 0; i < many->asking->len; i++) {
        const Member *member = many->asking->pdata[i];
        if (i == 0 || member->alone || by_group(&many->asking->pdata[i - 1], &many->asking->pdata[i]) != 0) {
            g_array_append_val(many->groups, i);
        }
    }
    size_t end = many->asking->len;
    g_array_append_val(many->groups, end);
}

/* Whether a search that was scanned for with others goes on: its time may have been up before theirs. */
static bool goes_on(Search *search, GError **error) {
    g_autoptr(GError) over = NULL;
    if (nt_wait_check(&search->call.wait, &over)) {
        return true;
    }
    if (search->options.partial && g_error_matches(over, NITERU_ERROR, NITERU_ERROR_TIMEOUT)) {
        search->call.wait.deadline = 0;
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&over));
    return false;
}

static void scan_group(Member **members, size_t count) {
    g_autofree Ask *asks = g_new(Ask, count);
    for (size_t i = 0; i < count; i++) {
        asks[i] = members[i]->ask;
    }
    bool together = count > 1 && search_scan(asks, count, NULL);
    for (size_t i = 0; i < count; i++) {
        GError **error = &members[i]->query->error;
        if (together) {
            goes_on(&members[i]->search, error);
        } else {
            search_scan(&asks[i], 1, error);
        }
    }
}

static void scan_groups(size_t first, size_t count, unsigned worker, void *data) {
    Many *many = data;
    for (size_t g = first; g < first + count; g++) {
        size_t from = g_array_index(many->groups, size_t, g), to = g_array_index(many->groups, size_t, g + 1);
        scan_group((Member **)many->asking->pdata + from, to - from);
    }
}

static void scan(Many *many, NiteruCatalogue *catalogue) {
    if (many->asking->len == 0) {
        return;
    }
    const NtRows *rows = &((Member *)many->asking->pdata[0])->search.version->view;
    size_t grain = (size_t)(PIECE_BYTES / (rows->count * rows->stride + 1)) + 1;
    nt_thread_pool_for(catalogue->pool, 0, many->groups->len - 1, grain, scan_groups, many);
}

/* ---- answering ---- */

/* The answers of one snapshot, of members `first` and on; returns how many they are. */
static size_t answer_moment(Many *many, size_t first) {
    const NtSnapshot *snapshot = ((Member *)many->asking->pdata[first])->search.snapshot;
    g_autofree Answer *answers = g_new(Answer, many->asking->len - first);
    size_t count = 0, asked = 0;
    for (; first + count < many->asking->len; count++) {
        Member *member = many->asking->pdata[first + count];
        if (member->search.snapshot != snapshot) {
            break;
        }
        if (member->query->error == NULL) {
            answers[asked++] = (Answer){.search = &member->search, .query = member->query->product};
        }
    }
    search_answer(answers, asked);
    for (size_t i = 0, at = 0; i < count; i++) {
        NtSearchQuery *query = ((Member *)many->asking->pdata[first + i])->query;
        if (query->error == NULL) {
            query->results = answers[at].results;
            query->error = answers[at++].error;
        }
    }
    return count;
}

void nt_search_many(NiteruCatalogue *catalogue, NtSearchQuery *queries, size_t count) {
    Many many = {.moments = g_new0(Moment, count),
                 .members = g_new0(Member, count),
                 .asking = g_ptr_array_sized_new((guint)count),
                 .groups = g_array_new(FALSE, FALSE, sizeof(size_t))};
    for (size_t i = 0; i < count; i++) {
        Member *member = &many.members[i];
        member->query = &queries[i];
        queries[i].results = NULL;
        queries[i].error = NULL;
        if (begin(&many, member, catalogue, &queries[i].error)) {
            g_ptr_array_add(many.asking, member);
        }
    }
    make_groups(&many);
    scan(&many, catalogue);
    for (size_t at = 0; at < many.asking->len;) {
        at += answer_moment(&many, at);
    }
    for (size_t i = 0; i < many.moment_count; i++) {
        nt_snapshot_clear(&many.moments[i].snapshot);
        g_clear_error(&many.moments[i].error);
    }
    for (size_t i = 0; i < count; i++) {
        g_clear_pointer(&many.members[i].vectors, g_array_unref);
        search_clear(&many.members[i].search);
    }
    g_array_unref(many.groups);
    g_ptr_array_unref(many.asking);
    g_free(many.members);
    g_free(many.moments);
}
