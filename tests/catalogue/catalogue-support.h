/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the catalogue share: a catalogue in a fresh folder, and products written down as text. */
#ifndef CATALOGUE_SUPPORT_H
#define CATALOGUE_SUPPORT_H

#include "catalogue/catalogue.h"

/* A fresh empty folder; removed with everything in it by drop_folder. */
char *make_folder(void);
void drop_folder(char *folder);

/* Opens, and fails the test when that fails. */
NtCatalogue *open_catalogue(const char *folder, bool read_only);

/* Each does one thing in a transaction of its own, and fails the test when it cannot. */
NtRun start_run(NtCatalogue *catalogue, const char *kind, const char *location);
uint64_t end_run(NtCatalogue *catalogue, const NtRun *run, bool prune);

/* Puts a product: metadata are "field=value" texts, NULL-terminated, read through nt_columns; one photo at `location`
 * with a made-up stamp of `size` bytes (0: not known). The caller has begun a transaction. */
NtPhotoState put_product(NtCatalogue *catalogue, const NtRun *run, const char *id, const char *const *metadata,
                         const char *location, int64_t size);

/* A content whose hash begins with `number`. */
int64_t add_content(NtCatalogue *catalogue, uint32_t number);

/* A model named `name` of dimension 4. */
int64_t add_model(NtCatalogue *catalogue, const char *name);

/* Ids that match a condition, "a b c" in order; an error gives its message. */
char *matching(NtCatalogue *catalogue, const char *condition);

/* A product's JSON; an error gives its message. */
char *product_json(NtCatalogue *catalogue, const char *id);

/* Problems that nt_catalogue_check finds, one a line. */
char *problems(NtCatalogue *catalogue);

#endif
