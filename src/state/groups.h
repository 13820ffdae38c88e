/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which products belong together for a shop's visitors: those whose field `group` is equal, the colours of one shirt,
 * say. A number for each product, made when it is first asked for and brought forward by the products that change. Not
 * thread-safe; versions of the numbers share what is the same in both.
 */
#ifndef NT_STATE_GROUPS_H
#define NT_STATE_GROUPS_H

#include "catalogue/catalogue.h"

#define NT_GROUP_FIELD "group"

/* All zeros: not known. */
typedef struct NtGroups {
    bool known;
    int64_t fields;       /* the version of the fields it was made at */
    NtCells of;           /* product -> 1 and on, equal for products of one group; 0: it has none */
    GHashTable *by_text;  /* what stands for a value -> Group */
    GPtrArray *by_number; /* number - 1 -> Group; NULL: the number is free */
    GArray *free_numbers; /* uint64_t */
} NtGroups;

void nt_groups_clear(NtGroups *groups);

/* Reads those of all products; *out must be empty. After an error it is again. */
bool nt_groups_build(NtCatalogue *db, NtGroups *out, GError **error);

/* Brings what is known up to date by the products that changed (int64_t); where the fields changed it is not known any
 * more. After an error it is not either. */
bool nt_groups_forward(NtCatalogue *db, NtGroups *groups, int64_t fields, const GArray *changed, GError **error);

#endif
