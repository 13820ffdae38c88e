/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the room only: one search, from its snapshot to its answer (search.c), for all that is asked
 * (queries.c, examples.c). */
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
    NtSnapshot snapshot;
    NtVersion *version;   /* the snapshot's */
    NtCatalogue *db;      /* likewise */
    NtFilter *filter;     /* NULL: no condition */
    GHashTable *left_out; /* numbers of products */
    GArray *found;        /* Found, nearest first; those under the threshold are not */
    double best;          /* the highest score there is, under the threshold too; negative: none */
    bool partial;         /* the time was up before all was looked at */
} Search;

/* Begins the call; in any case the search is to be cleared. */
bool search_open(Search *search, NiteruCatalogue *catalogue, const NiteruSearchOptions *options,
                 GCancellable *cancellable, GError **error);
/* Goes on to a snapshot of now: from here on be quick. */
bool search_begin(Search *search, GError **error);
void search_clear(Search *search);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

/* Fills `found` with the k products nearest to any of the queries, each of a weight (NULL: 1), `own` (0: none) left
 * out. */
bool search_nearest(Search *search, const NtQueries *queries, const double *weights, uint32_t own, size_t k,
                    GError **error);
/* Appends the vectors of a product's photos to `vectors` (float). Errors: NOT_FOUND. */
bool search_product_vectors(Search *search, const char *id, int64_t *out_product, GArray *vectors, GError **error);
/* The answer; `query` (NULL: none) is what was asked, in words. */
NiteruResults *search_results(Search *search, const char *query, GError **error);

#endif
