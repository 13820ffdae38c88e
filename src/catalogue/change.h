/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a state kept in memory beside the catalogue is built from and kept up to date by: whose rows a model has, the
 * products in their order, those that match a condition, and a log of which products changed. Included by
 * catalogue/catalogue.h.
 *
 * The log. Every commit that changes products, their photos or the default model's vectors of these appends the
 * products' numbers, each once, under growing sequence numbers. A vector of another model is no change, so that one can
 * be filled beside the one that is served at no cost to that: the model's `rows` tell of it. Another default model is a
 * change of everything, and empties the log. Its newest 65,536 entries at least are kept; a transaction that changes
 * more products than that empties it. A put that changes nothing is no change. Not in it is what changes a model as a
 * whole (its generation does then) or a field (nt_catalogue_fields_version).
 *
 * Numbers of products are dense: those of removed products are given to new ones, so that an array by number is never
 * larger than the most products there were at once. Each `each` stops its walk by returning false, and may call
 * readers.
 */
#ifndef NT_CATALOGUE_CHANGE_H
#define NT_CATALOGUE_CHANGE_H

#include "catalogue/where.h"

/* How many transactions changed anything, ever: two moments with equal numbers are the same. 0 in the first layout when
 * that is read as it is: not known. One look-up. */
bool nt_catalogue_commits(NtCatalogue *catalogue, uint64_t *out_commits, GError **error);

/* The newest sequence number; 0: no product was ever written. In an old layout that is read as it is UINT64_MAX: not
 * known, take everything as changed. One look-up in an index. */
bool nt_catalogue_last_change(NtCatalogue *catalogue, uint64_t *out_seq, GError **error);

/* Appends the products changed after `since` to `out` (a GArray of int64_t), ascending, each once; those that are gone
 * too. *out_complete = false: the log does not reach back that far, and `out` is left as it was. */
bool nt_catalogue_changes(NtCatalogue *catalogue, uint64_t since, GArray *out, bool *out_complete, GError **error);

/* Calls `each` for every row of a model and product that shows it, in the order of contents; a pair may come twice (two
 * photos of a product with equal bytes). Reads two indexes side by side. */
bool nt_catalogue_each_shown(NtCatalogue *catalogue, int64_t model,
                             bool (*each)(uint64_t vrow, int64_t product, void *data), void *data, GError **error);

/* Calls `each` for all products in the bytewise order of ids, from the index of ids alone. */
bool nt_catalogue_each_product(NtCatalogue *catalogue, bool (*each)(int64_t product, void *data), void *data,
                               GError **error);

/* Calls `each` for the products that follow this one in the bytewise order of ids, or, backwards, precede it.
 * Errors: NOT_FOUND (it is gone). */
bool nt_catalogue_walk(NtCatalogue *catalogue, int64_t product, bool forward, bool (*each)(int64_t product, void *data),
                       void *data, GError **error);

/* Calls `each` for the products that match `where` (NULL: all), in no order; with `since` > 0 only for those among the
 * products that changed after it, as nt_catalogue_changes finds them complete. */
bool nt_catalogue_match(NtCatalogue *catalogue, const NtWhere *where, uint64_t since,
                        bool (*each)(int64_t product, void *data), void *data, GError **error);

typedef struct NtShown {
    int64_t product;
    uint64_t vrow;
} NtShown;

/* Calls `each` once, in no order, for each shown[i] that is still so: the id of the product, the location of the photo
 * of it that shows the row (the first of several; "" when it was imported without one), and with `metadata` an object
 * of its fields, else NULL; all borrowed for the time of the callback. One statement for all. */
bool nt_catalogue_describe(NtCatalogue *catalogue, int64_t model, const NtShown *shown, size_t count, bool metadata,
                           bool (*each)(size_t i, const char *id, const char *location, int64_t position,
                                        NtJson *metadata, void *data),
                           void *data, GError **error);

/* Calls `each` with the value of a field, as text, for the products that have one, in no order; `product` 0: for all,
 * else for that one. No product has a field that is not there. */
bool nt_catalogue_each_value(NtCatalogue *catalogue, const char *field, int64_t product,
                             bool (*each)(int64_t product, const char *text, void *data), void *data, GError **error);

/* The same of products that are there, whatever rows they have: the location is that of the first photo ("": none), and
 * shown[i].vrow is not looked at. */
bool nt_catalogue_describe_products(NtCatalogue *catalogue, const NtShown *shown, size_t count, bool metadata,
                                    bool (*each)(size_t i, const char *id, const char *location, int64_t position,
                                                 NtJson *metadata, void *data),
                                    void *data, GError **error);

#endif
