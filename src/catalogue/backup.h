/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the database, and what lies beside it that the database names. Included by catalogue/catalogue.h. */
#ifndef NT_CATALOGUE_BACKUP_H
#define NT_CATALOGUE_BACKUP_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

/* Copies the database as the connection sees it, page by page, to a new file at `path`, which is not synced. Call it
 * between nt_catalogue_begin_reading and its end: then whatever is committed meanwhile is not in the copy, and nobody
 * waits for it. The copy needs no log beside it. `tell` is called every megabyte with the bytes done and those there
 * are; false ends the copying, with the error that `tell` has set. What was written of it is left to the caller.
 * Errors: NO_SPACE, CORRUPT (a page of the catalogue is damaged), IO. */
bool nt_catalogue_copy(NtCatalogue *from, const char *path,
                       bool (*tell)(uint64_t done, uint64_t total, void *data, GError **error), void *data,
                       GError **error);

/* Calls `each` for the photos that are kept in the folder (originals), each once: the location "photos/ab/abc...", of
 * that form whatever the database says, and the size of the file in bytes as it is known. Stops when it returns false.
 */
bool nt_catalogue_each_original(NtCatalogue *catalogue, bool (*each)(const char *location, uint64_t bytes, void *data),
                                void *data, GError **error);

/* How many products and photos there are. */
bool nt_catalogue_count(NtCatalogue *catalogue, uint64_t *out_products, uint64_t *out_photos, GError **error);

/* The number of the layout as the connection found it. */
int nt_catalogue_layout(const NtCatalogue *catalogue);

#endif
