/* SPDX-License-Identifier: Apache-2.0 */
/* Judgements: which of two models' answers for a product somebody found better. */
#ifndef NT_CATALOGUE_JUDGEMENT_H
#define NT_CATALOGUE_JUDGEMENT_H

typedef enum NtBetter { NT_BETTER_ONE, NT_BETTER_OTHER, NT_BETTER_NEITHER } NtBetter;

/* Keeps one, in a transaction. Errors: INVALID (a model beside itself), LIMIT (a million are kept). */
bool nt_catalogue_judge(NtCatalogue *catalogue, const char *product, const char *one, const char *other,
                        NtBetter better, GError **error);

typedef struct NtJudged {
    const char *a, *b;                    /* two models; a is the smaller name */
    uint64_t a_better, b_better, neither; /* how often */
} NtJudged;

/* Calls `each` for each pair of models that were compared. */
bool nt_catalogue_each_judged(NtCatalogue *catalogue, bool (*each)(const NtJudged *judged, void *data), void *data,
                              GError **error);

#endif
