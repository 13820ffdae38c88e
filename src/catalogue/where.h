/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions on metadata: one grammar for the command line, the API and rules. Included by catalogue/catalogue.h.
 *
 *     condition  = and-chain { "or" and-chain }
 *     and-chain  = term { "and" term }
 *     term       = "not" term | "(" condition ")" | comparison
 *     comparison = field ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" | "~" ) value
 *                | field [ "not" ] "in" "(" value { "," value } ")"
 *                | field "is" ( "missing" | "present" )
 *                | "has" field
 *                | field                                  (a bool field: is true)
 *     value      = number | 'text' | "text" | true | false     (a quote inside is doubled)
 *     field      = letters, digits, "_", "-", "." | `any name` (in backquotes; a backquote inside is doubled)
 *
 * Words are taken in any ASCII case. Dates are texts: 'YYYY-MM-DD', with a time of day if wanted; a date without a
 * time compares days. `~` on a text field means "contains", whatever the case and width of letters. On a list field `=`
 * and `in` ask whether an item is equal, `~` whether an item contains the text, and the orderings are refused. `id` is
 * a text field that every product has.
 *
 * Missing values: three-valued logic, as SQL has it. A comparison with a missing value is neither true nor false, and
 * `not` leaves it so: neither `brand = 'A'` nor `not brand = 'A'` (nor `brand != 'A'`) matches a product without a
 * brand; `and` with a false part is false, `or` with a true part is true. Only what is true matches. `is missing`,
 * `is present` and `has` always give true or false.
 *
 * Bounds: 16,384 bytes, 64 levels of nesting, 1,000 values. It becomes SQL with bound parameters only.
 */
#ifndef NT_CATALOGUE_WHERE_H
#define NT_CATALOGUE_WHERE_H

#include "catalogue/field.h"

typedef struct NtWhere NtWhere;

/* Compiles a condition against the fields there are now. Immutable afterwards, usable with every connection to the
 * same catalogue. Errors, each with the column (in characters, from 1): INVALID (syntax; a value that does not fit the
 * field's type), NOT_FOUND (no such field: names the nearest and lists those there are), LIMIT. */
NtWhere *nt_where_parse(NtCatalogue *catalogue, const char *text, GError **error);
void nt_where_free(NtWhere *where);

/* What to say of a condition that no product matches: an array with an item for each comparison in it that no product
 * passes by itself (none of the first eight may be such: then only all together match nothing). An item has "condition"
 * and "field"; of texts "near", up to three values the field has that are the same but for case, width and blanks, or
 * one or two letters away, as {"value", "products"}; of numbers, dates and orderings "least" and "most", the range
 * there is. Looks at 200,000 products and 5,000 values of a field at most. Errors: those of nt_where_parse. */
NtJson *nt_where_near(NtCatalogue *catalogue, const char *text, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtWhere, nt_where_free)

#endif
