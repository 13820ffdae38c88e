/* SPDX-License-Identifier: Apache-2.0 */
/* Which values fields have, and how many products each. Included by catalogue/catalogue.h. */
#ifndef NT_CATALOGUE_VALUE_COUNTS_H
#define NT_CATALOGUE_VALUE_COUNTS_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

enum {
    NT_FACETS_FIELDS = 50,       /* counted at a time, at most */
    NT_FACETS_LISTED = 1000,     /* values of a field, at most */
    NT_FACETS_DISTINCT = 100000, /* different values of all fields together that can be counted; */
    NT_FACETS_BYTES = 64 << 20,  /* and bytes of them */
};

/* Counts the values of `fields` (NULL-terminated) among the products `among` has a bit for (NULL: all), `count` of
 * them: {"category": {"type", "values": [{"value", "products"}], "others", "missing"}}. Values come by number of
 * products, equal ones in their own order, `listed` at most; `others` counts those that are not listed, `missing` the
 * products without any. Of a list each of its items is a value. Integers, numbers and dates have "least" and "most"
 * where there is one, and "values" and "others" only where there are `listed` or fewer. *out_products: so many were
 * looked at. Reads these, or all in one pass where they are many. Errors: NOT_FOUND (a field), LIMIT (as above),
 * CANCELLED, TIMEOUT. */
NtJson *nt_catalogue_value_counts(NtCatalogue *catalogue, const char *const *fields, size_t listed,
                                  const NtCells *among, uint64_t count, uint64_t *out_products, GError **error);

#endif
