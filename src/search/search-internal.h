/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the room only: one search, from its snapshot (search.c) to its answer (answer.c), for all that is asked
 * (queries.c, examples.c, many.c, text-search.c). */
#ifndef NT_SEARCH_INTERNAL_H
#define NT_SEARCH_INTERNAL_H

#include "search/search.h"

/* A product that may be in the answer. */
typedef struct Found {
    uint32_t product, row;
    double raw;   /* the metric's own value of its best photo */
    double value; /* what it is ordered by: larger is nearer */
} Found;

typedef struct Search {
    NtCall call;
    NiteruSearchOptions options;
    size_t k;
    NtSnapshot own;              /* where it shares none with others */
    NtSnapshot *snapshot;        /* what it looks at */
    NtVersion *version;          /* the snapshot's */
    NtCatalogue *db;             /* likewise */
    NtFilter *filter;            /* NULL: no condition */
    GHashTable *left_out;        /* numbers of products; NULL: none */
    GHashTable *groups_left_out; /* numbers of groups, where products count by group; NULL: none */
    GArray *found;               /* Found, nearest first; those under the threshold are not */
    double best;                 /* the highest score there is, under the threshold too; negative: none */
    double nearest;              /* the raw value that has it; NaN: none */
    GArray *not_here;            /* double, scores of what was found, which is no answer; NULL: it is one */
    bool partial;                /* the time was up before all was looked at */
} Search;

/* Begins the call; in any case the search is to be cleared. */
bool search_open(Search *search, NiteruCatalogue *catalogue, const NiteruSearchOptions *options,
                 GCancellable *cancellable, GError **error);
/* Goes on to a snapshot of now: from here on be quick. */
bool search_begin(Search *search, GError **error);
/* The same with a snapshot of others, which must outlive the search. */
bool search_begin_on(Search *search, NtSnapshot *snapshot, GError **error);
/* The same where no vector is needed; the snapshot may be one without a model. */
bool search_begin_without(Search *search, NtSnapshot *snapshot, GError **error);
void search_clear(Search *search);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

/* The product is in no answer; where products count by group, its group is not. */
void search_leave_out(Search *search, int64_t product);
void search_leave_out_group(Search *search, int64_t product);
bool search_leaves_out_group(const Search *search, uint32_t product);
/* What a product counts by: its group where it has one and groups count, else itself; never NULL. */
void *search_key(const Search *search, uint32_t product);

/* What a search asks the index for: the k products nearest to any of the queries. */
typedef struct Ask {
    Search *search;
    NtQueries queries;
    const double *weights; /* (queries) NULL: 1 each */
    uint32_t own;          /* a product that is left out; 0: none */
    size_t k;
    bool each; /* products count by themselves, in spite of the search's options */
} Ask;

/* How many hits of each query it takes to have the k of the ask. */
size_t search_wanted(const Ask *ask);
/* Fills `found` of each search by one scan; they are of one snapshot and one filter, and count alike. With several the
 * scan ends early only when the time of all is up, and does not look at their cancellables. */
bool search_scan(const Ask *asks, size_t count, GError **error);
/* The same for one, as its options have it. */
bool search_nearest(Search *search, const NtQueries *queries, const double *weights, uint32_t own, GError **error);
/* Appends the vectors of a product's photos to `vectors` (float). Errors: NOT_FOUND. */
bool search_product_vectors(Search *search, const char *id, int64_t *out_product, GArray *vectors, GError **error);

/* A search that found what it found, and the answer that comes of it. */
typedef struct Answer {
    Search *search;
    const char *query;      /* what was asked, in words; NULL: none */
    NiteruResults *results; /* NULL where `error` is set */
    GError *error;
} Answer;

/* Makes the answers of searches of one snapshot. */
void search_answer(Answer *answers, size_t count);
/* The same for one. */
NiteruResults *search_results(Search *search, const char *query, GError **error);

#endif
