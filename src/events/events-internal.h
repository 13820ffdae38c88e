/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the room only: the databases of a store. */
#ifndef NT_EVENTS_INTERNAL_H
#define NT_EVENTS_INTERNAL_H

#include "events/events.h"
#include "sql/sql.h"

/* ---- a database (database.c) ---- */

/* One connection for writing and one for reading, each used under its lock: WAL has readers and the writer not wait for
 * each other. */
typedef struct NtEventsDb {
    GMutex write_lock, read_lock;
    NtSql write, read;
    char *identity; /* as nt_database_enter gave it */
} NtEventsDb;

/* Opens a database at `path`, which it takes, made by `script` where it is not there; layout `version` is the newest.
 * NULL with an error: CORRUPT, UNSUPPORTED (made by a newer niteru), IO, NO_SPACE. */
NtEventsDb *nt_events_db_open(char *path, const char *script, GError **error);
void nt_events_db_free(NtEventsDb *db); /* NULL is fine */
/* The steps of opening: counted in (nt_database_enter), and connected; sql->path is set. */
bool nt_events_db_enter(const char *path, bool *out_first, char **out_identity, GError **error);
bool nt_events_db_connect(NtSql *sql, bool read_only, GError **error);
/* A transaction that writes, until its end: takes the lock. */
bool nt_events_db_begin(NtEventsDb *db, GError **error);
bool nt_events_db_end(NtEventsDb *db, bool ok, GError **error);

/* ---- a week (week.c) ---- */

enum { NT_WEEK_MS = 7 * 24 * 3600 * 1000 }; /* weeks begin on a Monday, in UTC */

typedef struct NtWeek {
    gint refs;
    int64_t number; /* of weeks since Monday, 29 December 1969 */
    NtEventsDb *db;
} NtWeek;
int64_t nt_week_of(int64_t milliseconds);
int64_t nt_week_begin(int64_t number); /* in milliseconds since 1970 */
/* "2026-11-23.db", new; and the other way: false where the name is none. */
char *nt_week_name(int64_t number);
bool nt_week_number(const char *name, int64_t *out);

NtWeek *nt_week_open(const char *folder, int64_t number, GError **error);
NtWeek *nt_week_ref(NtWeek *week);
void nt_week_unref(NtWeek *week); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtWeek, nt_week_unref)

/* ---- the store (store.c) ---- */

struct NtEvents {
    char *folder;
    NtEventsOptions options;
    GMutex lock;      /* `weeks` */
    GPtrArray *weeks; /* NtWeek, the oldest first */
    NtEventsDb *names;
    GMutex queue_lock; /* all but the last three below */
    GPtrArray *queue;  /* calls whose events wait; see insert.c */
    bool committing;   /* one of the calls stores those of several */
    GCond committed;
    GPtrArray *answers;  /* that wait to be written; see answers.c */
    GThread *flusher;    /* writes them every second; NULL: not begun */
    GCond flushing;      /* wakes it up */
    int64_t expire_next; /* monotonic: when it is looked for weeks that are too old */
    bool closing;
    uint64_t answers_lost; /* there was no room for, or could not be written */
    GMutex inserting;      /* `hours` */
    GHashTable *hours;     /* what visitors did in an hour, of those who did something lately; see insert.c */
    size_t hour_items;
};

int64_t nt_events_now(const NtEvents *events);
/* The week of this number, opened or (`make`) made; a reference. NULL: there is none (*error unset), or it cannot be
 * opened. */
NtWeek *nt_events_week(NtEvents *events, int64_t number, bool make, GError **error);
/* The weeks that hold events at or after a moment, the newest first: *out is new, of NtWeek. */
bool nt_events_weeks(NtEvents *events, int64_t since, GPtrArray **out, GError **error);
/* The database of names, opened or (`make`) made; the store's. NULL: there is none (*error unset), or it cannot be
 * opened. */
NtEventsDb *nt_events_names(NtEvents *events, bool make, GError **error);

/* ---- names (names.c) ---- */

/* Numbers of texts, in a transaction on names->write; made where they are new. `week` is the newest that they are known
 * to be of. Of a session that became a user's: the user's. */
bool nt_names_visitor(NtSql *sql, const char *name, int64_t week, int64_t *out, GError **error);
bool nt_names_product(NtSql *sql, const char *id, int64_t week, int64_t *out, GError **error);
bool nt_names_label(NtSql *sql, const char *name, int64_t *out, GError **error);
/* The number of a visitor, by any connection; 0: never seen. */
bool nt_names_find_visitor(NtSql *sql, const char *name, int64_t *out, GError **error);

/* insert.c: forgets what is kept in memory of the last hours; under `inserting`. */
void nt_events_forget_hours(NtEvents *events);

/* ---- answers (answers.c) ---- */

/* For answers that wait; new, empty. */
GPtrArray *nt_answers_queue(void);
/* Under `inserting`: writes those that wait, so that their events find them. */
bool nt_answers_write(NtEvents *events, GError **error);
void nt_answers_close(NtEvents *events);

/* Of which answer an event is. */
typedef struct NtAttribution {
    int64_t scenario;  /* 0: none */
    int arm, position; /* -1: of none that is known; not said */
} NtAttribution;
/* Finds the answer that showed this product to this visitor, and where. The event's own rec, else, of a cart or
 * purchase, that of the click on it in the week before. `sql` is in
 * the transaction that stores events of this one's week. */
bool nt_answers_attribute(NtEvents *events, NtSql *sql, const NtEvent *event, int64_t visitor, int64_t product,
                          int64_t scenario, NtAttribution *out, GError **error);

/* history.c: a label's text, new, "" where there is none; and a visitor's number, under the store's locks. */
char *nt_events_label(NtEvents *events, int64_t label);
/* The name of a visitor, new; NULL: of none. */
char *nt_events_visitor_name(NtEvents *events, int64_t visitor);
bool nt_events_find(NtEvents *events, const char *visitor, int64_t *out, GError **error);

#endif
