/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search: from a query to products: search.c finds them, results.c holds answers, explain.c says why there is none,
 * eval.c measures how good they are. The public header has the contracts of everything named niteru_.
 */
#ifndef NT_SEARCH_H
#define NT_SEARCH_H

#include "state/state.h"

/* ---- when there is no answer (explain.c) ---- */

/* Why a condition matches no product: *out_near as nt_where_near has it, *out_words the same in words; both new. */
bool nt_explain_where(NtCatalogue *db, const char *where, NtJson **out_near, char **out_words, GError **error);
/* Fails with NOT_FOUND: the model has no vectors; says how to make them. */
bool nt_fail_no_vectors(const NtModel *model, GError **error);

/* ---- results (results.c) ---- */

NiteruResults *nt_results_new(const char *query, const char *model);
/* One more product; `metadata` is JSON, or NULL. */
void nt_results_add(NiteruResults *results, const char *product, const char *photo, const char *metadata, double raw,
                    const NtScores *scores);
void nt_results_set_partial(NiteruResults *results, bool partial);
/* What to say of the answer as a whole; takes `words`, and `near` (NULL: none). */
void nt_results_note(NiteruResults *results, char *words, NtJson *near);

#endif
