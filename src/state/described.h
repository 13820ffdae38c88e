/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers say of products, kept for the next answer that shows them: a shop's products come up again and again,
 * and reading one from the database costs more than finding it. Bounded in number and bytes. Thread-safe.
 *
 * What is kept holds from the commit it was read at until the one that changes the product, and is only for readers
 * between the two: nt_descriptions_forward takes out what a commit changed before anyone sees that commit, and what was
 * read at an earlier commit than that is not kept any more.
 */
#ifndef NT_STATE_DESCRIBED_H
#define NT_STATE_DESCRIBED_H

#include "base/base.h"

typedef struct NtDescriptions NtDescriptions;

/* As of a commit, at which the fields have this version. */
NtDescriptions *nt_descriptions_new(uint64_t commits, int64_t fields);
NtDescriptions *nt_descriptions_ref(NtDescriptions *descriptions);
void nt_descriptions_unref(NtDescriptions *descriptions); /* NULL is fine */

/* Goes on to a later commit, since which these products (int64_t) changed. */
void nt_descriptions_forward(NtDescriptions *descriptions, uint64_t commits, int64_t fields, const GArray *changed);

#endif
