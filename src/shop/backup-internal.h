/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by backup.c, restore.c and fresh-folder.c only: a copy of a catalogue, and the folder it is made in. */
#ifndef NT_SHOP_BACKUP_INTERNAL_H
#define NT_SHOP_BACKUP_INTERNAL_H

#include "state/state.h"

#define BACKUP_MANIFEST "backup.json"

/* ---- fresh-folder.c: a folder that appears at its place whole, or not at all ---- */

/* It is filled at `path`, beside its place, and held by its maker, so that what a killed one left can be told from what
 * one that lives is filling. */
typedef struct FreshFolder {
    char *place; /* absolute: where it will be */
    char *path;  /* where it is until then; NULL: there is none */
    int fd;      /* of the folder at `path`, locked */
} FreshFolder;

/* Makes it, empty and closed to others (mode 0700). What a killed maker left for the same place is removed. Errors:
 * BUSY (somebody makes one for the same place), INVALID (there is another thing of that name), NO_SPACE, IO. */
bool nt_fresh_folder_make(const char *place, FreshFolder *out, GError **error);
/* Syncs all that is in it, and puts it in its place, where nothing or an empty folder may be. Errors: INVALID (there is
 * something), NO_SPACE, IO. */
bool nt_fresh_folder_place(FreshFolder *folder, GError **error);
/* The same where a folder is, which is moved aside to *out_aside, new. */
bool nt_fresh_folder_replace(FreshFolder *folder, char **out_aside, GError **error);
/* Removes it with all that is in it, unless it was put in its place. */
void nt_fresh_folder_clear(FreshFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FreshFolder, nt_fresh_folder_clear)
/* Whether nothing is at the place, or an empty folder. */
bool nt_place_is_free(const char *place);

/* Copies a regular file with its permissions; it is not synced. *out_bytes (NULL is fine): its size. Errors: NOT_FOUND,
 * INVALID (no regular file), NO_SPACE, IO, CANCELLED, TIMEOUT. */
bool nt_file_copy(const char *from, const char *to, const NtWait *wait, uint64_t *out_bytes, GError **error);

/* ---- backup.c ---- */

/* Copies what makes a catalogue, as it is at one moment, into the folder `to`, and compares the copy with all its
 * checksums. Returns what it holds, new. Errors: also CORRUPT (the catalogue is damaged). */
NtJson *nt_catalogue_copy_all(NiteruCatalogue *from, const char *to, const NiteruBackupOptions *options,
                              const NtWait *wait, GError **error);
/* Compares the catalogue in a folder with its checksums, opened for writing when `settle`, which turns an old layout.
 * Adds to the notes what is worth knowing and no damage. Errors: CORRUPT (names the first damage), ... */
bool nt_copy_check(const char *folder, bool settle, GCancellable *cancellable, NtJson *notes, GError **error);

#endif
