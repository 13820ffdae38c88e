/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: from a query to products: search.c finds them, answer.c says what they are, results.c holds answers,
 * explain.c says why there is none, eval.c measures how good they are. The public header has the contracts of
 * everything named niteru_.
 */
#ifndef NT_SEARCH_H
#define NT_SEARCH_H

#include "state/state.h"

/* ---- many at once (many.c) ---- */

/* One of several queries that are answered together. */
typedef struct NtSearchQuery {
    const char *product;                /* what is like this product, as niteru_similar; NULL: like the vector */
    const float *vector;                /* (dimension), as niteru_search_vector */
    size_t dimension;                   /* numbers of the vector */
    const NiteruSearchOptions *options; /* NULL: the defaults */
    GCancellable *cancellable;          /* NULL: none */
    NiteruResults *results;             /* the answer, the caller's; NULL: `error` is set */
    GError *error;                      /* the caller's, NULL before */
} NtSearchQuery;

/* Answers each query as its own call would have, with its own error: those of one model, at one moment, by one scan for
 * all that have the same condition, so that many cost much less than as many calls. It returns when all are answered: a
 * query whose time is up meanwhile has its error, or what was found until then where it asked for that, but not
 * sooner. Any number of threads may be in it at once. */
void nt_search_many(NiteruCatalogue *catalogue, NtSearchQuery *queries, size_t count);

/* ---- when there is no answer (explain.c) ---- */

/* Why a condition matches no product: *out_near as nt_where_near has it, *out_words the same in words; both new. */
bool nt_explain_where(NtCatalogue *db, const char *where, NtJson **out_near, char **out_words, GError **error);
/* Fails with NOT_FOUND: the model has no vectors; says how to make them. */
bool nt_fail_no_vectors(const NtModel *model, GError **error);

/* ---- whether products are found (self-test.c) ---- */

/* Whether a sample of a model's products (NULL: the default model's) each find themselves, *out_tested of them.
 * *out_missed is a sentence on one that does not, new, or NULL. A model without vectors has none to test. */
bool nt_self_test(NiteruCatalogue *catalogue, const char *model, unsigned sample, const NtWait *wait,
                  unsigned *out_tested, char **out_missed, GError **error);

/* ---- the vectors on a plane (projection.c) ---- */

typedef struct NtPoint {
    uint32_t product;
    float x, y; /* the farthest is 1 from the middle, in x or y */
} NtPoint;
/* At most `most` of a model's rows, spread evenly over them, each with the first product that shows it; new, of
 * NtPoint. *out_share: how much of the vectors' variance the plane has. Costs time in proportion to the rows. Errors:
 * CANCELLED, TIMEOUT. */
GArray *nt_projection(const NtSnapshot *snapshot, size_t most, double *out_share, const NtWait *wait, GError **error);

/* ---- results (results.c) ---- */

/* With room for so many products. */
NiteruResults *nt_results_new(const char *query, const char *model, size_t room);
/* One more product, whose reference it takes; `metadata`: shows its metadata. */
void nt_results_add(NiteruResults *results, NtDescribed *described, bool metadata, double raw, const NtScores *scores);
/* The same with a score and a word (static) of another kind. */
void nt_results_add_scored(NiteruResults *results, NtDescribed *described, bool metadata, double raw, double score,
                           const char *word);
/* The model that answered; borrowed. */
const char *nt_results_model(const NiteruResults *results);
/* What is near a condition that matched nothing, borrowed; NULL: there is nothing. */
const NtJson *nt_results_near(const NiteruResults *results);
void nt_results_set_partial(NiteruResults *results, bool partial);
/* What was asked for is not here: the scores of what was nearest (count), copied. */
void nt_results_set_not_here(NiteruResults *results, const double *nearest, size_t count);
/* What to say of the answer as a whole; takes `words`, and `near` (NULL: none). */
void nt_results_note(NiteruResults *results, char *words, NtJson *near);

#endif
