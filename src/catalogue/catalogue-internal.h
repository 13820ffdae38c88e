/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the catalogue only: the connection, prepared statements, the pieces of opening. */
#ifndef NT_CATALOGUE_INTERNAL_H
#define NT_CATALOGUE_INTERNAL_H

#include "catalogue/catalogue.h"
#include "sql/sql.h"

/* What the file beside the database says about commits (commit-record.c). */
typedef enum NtRecordState { NT_RECORD_NONE, NT_RECORD_GOOD, NT_RECORD_DAMAGED } NtRecordState;

struct NtCatalogue {
    NtSql sql;         /* of catalogue.db; `writing`: between begin and commit or rollback, with the lock held */
    char *folder;      /* absolute */
    char *identity;    /* of the file, as nt_database_enter gave it */
    int lock_fd;       /* -1: none held */
    int64_t log_tried; /* size of the log, in bytes, when it could not be cut; 0: it could */
    bool read_only;    /* as asked for */
    bool made;         /* by this opening */
    int version;       /* of the layout when it was opened; a read-only connection may meet an old one */
    bool unfinished;   /* the writer before this turn was killed in its own */
    bool unclean;      /* that was so in one of the turns */
    bool checked;      /* the database's pages have checksums */
    NtRecordState record_state;
    uint64_t recorded;        /* commits by that record, when it was looked at */
    uint64_t lost;            /* so many commits the database is behind it */
    int record_fd;            /* -1: not open */
    int64_t changes_at_begin; /* of the transaction, as SQLite counts changes */
    NtLimits limits;
    GArray *fields; /* StoredField: the field table as of fields_version; see field-table.c */
    int64_t fields_version;
    GArray *changed;   /* int64_t: products this transaction changed, some of them repeatedly; see change-log.c */
    bool changed_many; /* too many to be listed */
    GArray *texts;     /* int64_t: products whose words are to be looked at again; see text-index.c */
    bool ranks;        /* the function that orders what a search by text finds is known to it */
};

/* Guards every writing call: false with INVALID on a read-only catalogue, with its fault where SQLite has ended the
 * transaction by itself; asserts that one was begun. */
bool nt_may_write(NtCatalogue *catalogue, GError **error);

/* ---- what SQLite does not see ----------------------------------------------------------------------------------- */

/* commit-record.c: looks at the record, before the database is read; then compares the database's own count. */
#define NT_COMMITS_FILE "catalogue.commits"
void nt_commits_look(NtCatalogue *catalogue);
bool nt_commits_compare(NtCatalogue *catalogue, GError **error);
/* Raises the count, at the end of a transaction, and writes it to the record, after the commit. */
bool nt_commits_raise(NtCatalogue *catalogue, uint64_t *out_count, GError **error);
void nt_commits_record(NtCatalogue *catalogue, uint64_t count);

/* ---- opening ---------------------------------------------------------------------------------------------------- */

#define NT_LOCK_FILE "lock"
#define NT_TURNSTILE_FILE "turnstile"
#define NT_CATALOGUE_REMEDY "see how far, then restore a backup or index into a new catalogue"

/* lock.c: takes the writers' lock in catalogue->folder, and sets ->unfinished. Errors: TIMEOUT (naming the holder),
 * CANCELLED, IO, NO_SPACE. */
bool nt_lock_take(NtCatalogue *catalogue, const NtWait *wait, GError **error);
/* The same, waiting `patience` microseconds at most. Errors: BUSY (naming the holder), IO, NO_SPACE. */
bool nt_lock_take_briefly(NtCatalogue *catalogue, int64_t patience, GError **error);
/* Lets it go; `clean` empties the file, which is how the next writer knows. */
void nt_lock_release(NtCatalogue *catalogue, bool clean);
/* Takes the lock as one reader of several, for a catalogue that cannot be written to. */
bool nt_lock_share(NtCatalogue *catalogue, GError **error);

/* open.c: whether the database is the file that was opened. */
bool nt_is_in_place(const NtCatalogue *catalogue);

/* schema.c */
bool nt_schema_create(const char *path, GError **error);      /* a new database file, put in place whole */
bool nt_schema_check_file(const char *path, GError **error);  /* the first bytes, before SQLite touches anything */
bool nt_schema_check(NtCatalogue *catalogue, GError **error); /* identity and version */
bool nt_schema_is_newest(const NtCatalogue *catalogue);
bool nt_schema_migrate(NtCatalogue *catalogue, GError **error);     /* to the newest version, under the lock */
bool nt_schema_refresh(NtCatalogue *catalogue, GError **error);     /* the version, at the beginning of a transaction */
bool nt_schema_quick_check(NtCatalogue *catalogue, GError **error); /* after an unclean stop, in bounded time */

/* Whether the layout has the table of makers, the digests of networks and `mixed` (version 2). */
static inline bool nt_has_makers(const NtCatalogue *catalogue) { return catalogue->version >= 2; }
/* Whether it has the log of changes, the counts of dead rows, and the names of today (version 3). */
static inline bool nt_has_changes(const NtCatalogue *catalogue) { return catalogue->version >= 3; }
/* Whether it has keys (version 4). */
static inline bool nt_has_keys(const NtCatalogue *catalogue) { return catalogue->version >= 4; }
/* Whether it has the index of words (version 5). */
static inline bool nt_has_words(const NtCatalogue *catalogue) { return catalogue->version >= 5; }
/* Whether it has versions of writes (version 8). */
static inline bool nt_has_versions(const NtCatalogue *catalogue) { return catalogue->version >= 8; }
/* The table of which source listed which product. */
static inline const char *nt_product_source(const NtCatalogue *catalogue) {
    return nt_has_changes(catalogue) ? "product_source" : "brought";
}

/* ---- what a transaction changed (change-log.c) ------------------------------------------------------------------ */

/* Notes a product, or all whose photos show a content, for the log; *out_shown (NULL is fine): a photo does. */
void nt_change_note(NtCatalogue *catalogue, int64_t product);
bool nt_change_note_owners(NtCatalogue *catalogue, int64_t content, bool *out_shown, GError **error);
/* Everyone is to read everything anew. */
bool nt_change_note_all(NtCatalogue *catalogue, GError **error);
/* Writes what was noted, before the transaction is committed; forgets it, when it has ended. */
bool nt_change_write(NtCatalogue *catalogue, GError **error);
void nt_change_forget(NtCatalogue *catalogue);
/* Sorts the numbers (int64_t) from the one at `first` on and drops repeated ones. */
void nt_numbers_sort(GArray *numbers, guint first);

/* ---- versions of writes (version.c) ------------------------------------------------------------------------------ */

/* product-row.c: whether a text may be an id. */
bool nt_product_check_id(const char *id, GError **error);
/* Fails with STALE; what is there, or was there (`deleted`), has the version `there`. */
bool nt_version_stale(const char *id, int64_t version, int64_t there, bool deleted, GError **error);
/* The version at which an id was removed; 0: none is known. */
bool nt_tombstone_find(NtCatalogue *catalogue, const char *id, int64_t *out_version, GError **error);
bool nt_tombstone_put(NtCatalogue *catalogue, const char *id, int64_t version, GError **error);
bool nt_tombstone_take(NtCatalogue *catalogue, const char *id, GError **error);
/* Makes those of the products in temp.gone that have versions. */
bool nt_tombstones_of_gone(NtCatalogue *catalogue, GError **error);

/* ---- the words of products (words.c, text-index.c) -------------------------------------------------------------- */

/* Calls `each` for the words of a text, as nt_words has them, and whole runs of a script without blanks; these
 * consist of the tokens that nt_words_pairs gives. */
void nt_words_each(const char *text, size_t limit, void (*each)(const char *word, size_t size, bool run, void *data),
                   void *data);
void nt_words_pairs(const char *run, size_t size, void (*each)(const char *token, size_t size, void *data), void *data);
/* Appends them all, with blanks between. */
void nt_words_append(GString *out, const char *text, size_t limit);

/* How the words of a query are asked for, as long as nothing is found: all of them; likewise, with the parts of runs
 * apart; any, and of runs any pair. */
typedef enum NtTextMode { NT_TEXT_WHOLE, NT_TEXT_PARTS, NT_TEXT_PAIRS, NT_TEXT_MODES } NtTextMode;

typedef struct NtTextQuery {
    GString *expression; /* for FTS5 */
    int units;           /* words, phrases or pairs asked for: phrase i of the expression is unit i ... */
    bool prefix;         /* ... and the one behind them the last unit, as the beginning of a word */
    NtTextMode mode;
} NtTextQuery;
/* Makes the query of a text; out->expression is the caller's, and overwritten. */
void nt_text_query(const char *text, NtTextMode mode, NtTextQuery *out);

/* Notes a product after each change of its texts: the transaction brings the index up to date before it is committed,
 * or here, when many are noted. */
bool nt_words_note(NtCatalogue *catalogue, int64_t product, GError **error);
bool nt_words_write(NtCatalogue *catalogue, GError **error);
void nt_words_forget(NtCatalogue *catalogue);
/* Indexes all products, in a transaction; none is indexed. */
bool nt_words_build(NtCatalogue *catalogue, GError **error);
/* Before SQLite checks the database: has FTS5 look at its index anew. */
bool nt_words_renew(NtCatalogue *catalogue, GError **error);
/* Compares the index with the words it was made of, and these with the products there are; see nt_catalogue_check. */
bool nt_words_check(NtCatalogue *catalogue, void (*problem)(const char *text, void *data), void *data, GError **error);

/* ---- dead rows (vector-row.c) ----------------------------------------------------------------------------------- */

/* Keeps the models' counts of dead rows when a photo shows, or no longer shows, a content: call `appears` before the
 * photo points at it, and `disappears` after the photo has ceased to. */
bool nt_content_appears(NtCatalogue *catalogue, int64_t content, GError **error);
bool nt_content_disappears(NtCatalogue *catalogue, int64_t content, GError **error);
/* The vectors of `from`, which one product shows, go over to `to` in the models where that has none. */
bool nt_vectors_adopt(NtCatalogue *catalogue, int64_t from, int64_t to, GError **error);

/* The SQL of a flag, behind a condition on the product p; static. (flags.c) */
const char *nt_flag_clause(NtFlag flag);

/* ---- fields (field-table.c) ------------------------------------------------------------------------------------- */

typedef struct StoredField {
    int64_t field;
    char *name;
    NtFieldType type;
    bool declared;
} StoredField;

/* The present fields, read again only when they changed; an array of StoredField, borrowed until the next call. */
const GArray *nt_fields(NtCatalogue *catalogue, GError **error);
/* The one named `name` (ASCII case ignored), NULL when there is none. */
const StoredField *nt_fields_find(const GArray *fields, const char *name);
/* Makes a field. Errors: LIMIT, INVALID (the name). */
bool nt_field_add(NtCatalogue *catalogue, const char *name, NtFieldType type, bool declared, int64_t *out_field,
                  GError **error);
/* Gives a field another type and turns its values; those that do not fit become missing. */
bool nt_field_retype(NtCatalogue *catalogue, int64_t field, NtFieldType type, GError **error);
/* The field's column as JSON, or as text ("true", "12", "Dress", a list's JSON); NULL: missing. */
NtJson *nt_field_json(NtFieldType type, sqlite3_stmt *stmt, int column);
char *nt_field_text(NtFieldType type, sqlite3_stmt *stmt, int column);
/* An object of all fields, whose columns begin at `column`; missing values are left out. */
NtJson *nt_fields_json(const GArray *fields, sqlite3_stmt *stmt, int column);
/* Binds a value to parameter `at`. */
void nt_value_bind(sqlite3_stmt *stmt, int at, const NtValue *value);
/* The nearest of the names to what was typed, by edit distance; NULL when none is near. Borrowed. */
const char *nt_fields_nearest(const GArray *fields, const char *name);
/* "title, price, brand", at most 20 of them. */
char *nt_fields_listed(const GArray *fields);

/* ---- photos (photo-row.c) --------------------------------------------------------------------------------------- */

/* Sets the photos of a product; see nt_catalogue_put_product. */
bool nt_photos_put(NtCatalogue *catalogue, int64_t product, const NtProductPut *put, NtPhotoState *out_photos,
                   GError **error);

/* ---- conditions ------------------------------------------------------------------------------------------------- */

enum { NT_WHERE_FIRST_PARAMETER = 101 }; /* so that the statement around it has ?1 .. ?100 to itself */

/* " AND (condition)" over the table alias p, or "" for NULL; borrowed. */
const char *nt_where_sql(const NtWhere *where);
void nt_where_bind(const NtWhere *where, sqlite3_stmt *stmt);
/* Makes the SQL function the conditions use known to a connection; and that of nt_catalogue_match (state-read.c). */
bool nt_where_register(NtCatalogue *catalogue, GError **error);
bool nt_visit_register(NtCatalogue *catalogue, GError **error);

#endif
