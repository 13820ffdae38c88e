/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue: the facts of a shop, kept in a folder; the only room that knows SQLite. doc/catalogue.md has the layout.
 *
 *     shop.niteru/
 *       catalogue.db    SQLite (WAL, synchronous=FULL): products, photos, fields, models, which vector is whose
 *       catalogue.commits   the number of the last commit, so that a lost one is noticed
 *       lock, turnstile who writes now, and who waits for it
 *       models/ vectors/ photos/ index/ thumbs/      made when used, filled by other rooms
 *
 * Words. A product has 1..n photos. A photo points at a content: one distinct photo file, known by the SHA-256 of its
 * encoded bytes. A vector row ("vrow") of a model belongs to a content, so that equal files are embedded once, however
 * many products show them. A content that no photo points at any more keeps its vectors, but they are dead: no reader
 * call below ever returns them, and a photo with the same bytes brings them back to life.
 *
 * Threads. An NtCatalogue is one database connection: it may be used from any thread, by one thread at a time. Open
 * one reader per searching thread (nt_catalogue_open_reader; opening is cheap); readers run beside the writer and see
 * what was committed when a call began.
 *
 * Writing. Every writing call needs a transaction (nt_catalogue_begin .. _commit). Handles that write, of this process
 * and of others, take turns, transaction by transaction: whatever was read before the begin, such as a model's rows and
 * generation, is to be read again after it, and vectors are appended between begin and commit only. What a commit
 * returned true for survives kill -9 and power loss; what one returned false for is there whole or not at all. A call
 * that fails with INVALID, NOT_FOUND or LIMIT has changed nothing and the transaction goes on; after any other error
 * roll back.
 *
 * Errors. CORRUPT (the message says what to do), NO_SPACE, IO, NO_MEMORY can come from every call and are not repeated
 * below. Row numbers (of products, photos, contents, models) are positive and stay the same while the thing exists.
 */
#ifndef NT_CATALOGUE_H
#define NT_CATALOGUE_H

#include "base/base.h"

typedef struct NtCatalogue NtCatalogue;

typedef struct NtCatalogueOptions {
    bool read_only;         /* never write; the folder must hold a catalogue */
    bool must_exist;        /* do not make a new catalogue when there is none */
    const NtLimits *limits; /* copied; NULL: the defaults (list_columns bounds the number of fields) */
} NtCatalogueOptions;

/* Opens the catalogue in `folder`, making folder and catalogue when needed. The cost does not depend on its size.
 * A folder that holds other things and no catalogue is refused, and a file in place of the database that is not one,
 * is damaged, or was made by a newer niteru is refused and left as it is.
 * Writers are not kept out by one another; only making a catalogue and turning an old layout waits for the writer there
 * is, 10 seconds at most.
 * Errors: BUSY (names the process that writes here), NOT_FOUND (read_only or must_exist),
 * CORRUPT, UNSUPPORTED (made by a newer niteru), INVALID (the folder holds something else). */
NtCatalogue *nt_catalogue_open(const char *folder, const NtCatalogueOptions *options, GError **error);

/* A second, read-only connection to the same catalogue, for another thread. Its life is independent of the first. */
NtCatalogue *nt_catalogue_open_reader(const NtCatalogue *catalogue, GError **error);

/* Closes it, rolling back an open transaction; NULL is fine. */
void nt_catalogue_close(NtCatalogue *catalogue);
/* Closes it, and removes it from disk when it holds no product, model, source, key or file at all; what else is in its
 * folder stays. For a catalogue that was just made and turned out not to be needed. */
void nt_catalogue_discard(NtCatalogue *catalogue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtCatalogue, nt_catalogue_close)

/* The absolute path of the folder; borrowed. */
const char *nt_catalogue_folder(const NtCatalogue *catalogue);

/* A path below the folder: nt_catalogue_path(c, "vectors", "base.1.vec"); `name` may be NULL. Free with g_free. */
char *nt_catalogue_path(const NtCatalogue *catalogue, const char *subfolder, const char *name);

bool nt_catalogue_read_only(const NtCatalogue *catalogue);

/* Makes a folder in the catalogue's folder, durably; one that is there is fine. */
bool nt_catalogue_make_folder(NtCatalogue *catalogue, const char *subfolder, GError **error);

/* Whether a turn of this handle found that a writer had been killed in its own (kill -9, power loss). Committed
 * data are safe then. A database of at most 16 MiB was checked then; for a larger one the check would take time
 * in proportion to its size, so only the small tables were, and nt_catalogue_check is what to run when a fault of the
 * disk is suspected. */
bool nt_catalogue_was_unclean(const NtCatalogue *catalogue);

/* Fails with NOT_FOUND when the database was removed, or another put in its place, since it was opened. One stat. */
bool nt_catalogue_check_in_place(const NtCatalogue *catalogue, GError **error);

/* Fails with CORRUPT, saying what to do, when commits were lost with a damaged log; begin does too. */
bool nt_catalogue_check_whole(NtCatalogue *catalogue, GError **error);

/* Goes on from what is left, in a catalogue open for writing: the next commit makes that known to all. What was lost,
 * in words (g_free), or NULL when nothing was. */
char *nt_catalogue_accept_loss(NtCatalogue *catalogue);

/* Whether the record of commits cannot be read, so that a loss would not be seen; the next commit writes it anew. */
bool nt_catalogue_record_damaged(NtCatalogue *catalogue);

/* Whether the database's pages have checksums; those made by the first versions have none. */
bool nt_catalogue_pages_checked(const NtCatalogue *catalogue);

/* One transaction; they do not nest. begin waits for its turn: without end, or as `wait` says, behind those who have
 * waited longer. rollback never fails, is fine without a transaction, and must follow a commit that failed.
 * Errors: TIMEOUT (names the process that writes), CANCELLED, NOT_FOUND (the database was removed or replaced since it
 * was opened), UNSUPPORTED (a newer niteru has turned it), CORRUPT. */
bool nt_catalogue_begin(NtCatalogue *catalogue, GError **error);
bool nt_catalogue_begin_wait(NtCatalogue *catalogue, const NtWait *wait, GError **error);
bool nt_catalogue_commit(NtCatalogue *catalogue, GError **error);
void nt_catalogue_rollback(NtCatalogue *catalogue);

/* From now on every statement of this connection ends soon after the wait is over, with CANCELLED or TIMEOUT. `wait`
 * (NULL: none any more) must live until then. */
void nt_catalogue_set_wait(NtCatalogue *catalogue, const NtWait *wait);

/* Between these two a reader sees the catalogue as it was at the begin, whatever is committed
 * meanwhile, so that what one call names the next one finds. Keep it short: the WAL cannot be emptied while it lasts.
 * `end` never fails, and is fine without a begin. */
bool nt_catalogue_begin_reading(NtCatalogue *catalogue, GError **error);
void nt_catalogue_end_reading(NtCatalogue *catalogue);

/* Reads the whole database and checks its structure, indexes and references; calls `problem` for each fault found
 * (nothing: sound). Takes time in proportion to the catalogue. False only when the check itself could not run. */
bool nt_catalogue_check(NtCatalogue *catalogue, void (*problem)(const char *text, void *data), void *data,
                        GError **error);

/* Pages read from the database by this connection so far: the measure of what a call costs. */
uint64_t nt_catalogue_pages_read(const NtCatalogue *catalogue);

#include "catalogue/backup.h"
#include "catalogue/change.h"
#include "catalogue/field.h"
#include "catalogue/judgement.h"
#include "catalogue/key.h"
#include "catalogue/model.h"
#include "catalogue/photo.h"
#include "catalogue/product.h"
#include "catalogue/scenario.h"
#include "catalogue/text-match.h"
#include "catalogue/value-counts.h"
#include "catalogue/where.h"

#endif
