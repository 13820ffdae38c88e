/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what visitors did, kept beside the catalogue for as long as the retention says, and counted.
 *
 *   event.c      one event, out of JSON: checked, with an id of its own
 *   store.c      the folder: names (visitors, products), and a database for each week
 *   week.c       a week's database: events by visitor and time, and what they add up to
 *   insert.c     events into the store: each once, the influence of each visitor bounded
 *   answers.c    what was shown to whom, and what came of it
 *   history.c    what a visitor did lately
 *   pairs.c      what goes with a product
 *   erase.c      merging and erasing visitors
 *   copy.c       copies and checks
 *
 * doc/events.md has the schema, the files and the bounds.
 */
#ifndef NT_EVENTS_H
#define NT_EVENTS_H

#include "base/base.h"

/* ---- an event (event.c) ---- */

typedef enum NtEventKind {
    NT_EVENT_IMPRESSION,
    NT_EVENT_VIEW,
    NT_EVENT_CLICK,
    NT_EVENT_FAVOURITE,
    NT_EVENT_CART,
    NT_EVENT_PURCHASE,
    NT_EVENT_DISMISS,
    NT_EVENT_KINDS
} NtEventKind;

/* "impression", ...; NT_EVENT_KINDS for a name that is none. */
const char *nt_event_kind_name(NtEventKind kind);
NtEventKind nt_event_kind_of_name(const char *name);

/* Bytes of a visitor's key: "u:" (a user) or "s:" (a session), then the id; of ids, and of scenarios. */
enum { NT_VISITOR_BYTES = 2 + 200, NT_EVENT_ID_BYTES = 200, NT_SCENARIO_BYTES = 64, NT_REC_BYTES = 64 };

/* Texts are owned. */
typedef struct NtEvent {
    uint64_t key; /* of 63 bits, by which the same event is known: made from the id where there is one, and the visitor,
                     else from all the rest */
    char *id;     /* as it was given; NULL: none */
    NtEventKind kind;
    char *product;    /* its id */
    char *visitor;    /* "u:7" for the user 7, "s:x" for the session x */
    int64_t time;     /* milliseconds since 1970 */
    char *rec;        /* id of the answer that showed the product; NULL: none */
    int position;     /* in that answer, from 0; negative: not said */
    char *scenario;   /* NULL: not said */
    double value;     /* money; NaN: not said */
    char currency[4]; /* ISO 4217; "": not said */
} NtEvent;
void nt_event_clear(NtEvent *event);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtEvent, nt_event_clear)

/* When events are taken: no more than so long after `now` (milliseconds since 1970), and no longer before it than the
 * retention. */
typedef struct NtEventTimes {
    int64_t now, oldest, newest;
} NtEventTimes;
enum { NT_EVENT_AHEAD_MS = 5 * 60 * 1000 };
/* `retention_days` 0: events of any age are taken. */
NtEventTimes nt_event_times(int64_t now, unsigned retention_days);

/* Reads one event {id?, kind, product, user | session, time?, rec_id?, position?, scenario?, value?, currency?}.
 * Without a time it is of now. Members that are not known are refused, but for those whose name begins with "_".
 * Errors: INVALID; the fact "field" names the member. */
bool nt_event_read(const NtJson *json, const NtEventTimes *times, NtEvent *out, GError **error);
/* Reads {kind, product, time?} of an event by the same rules, whoever's it is; all else of *out is not set, and other
 * members are not looked at. Errors likewise. */
bool nt_event_read_action(const NtJson *json, const NtEventTimes *times, NtEvent *out, GError **error);
/* The event as it is read; new. */
NtJson *nt_event_json(const NtEvent *event);

/* Milliseconds since 1970 of Unix seconds (a number) or of a moment after RFC 3339. False: it is neither. */
bool nt_event_time(const NtJson *json, int64_t *out);

/* ---- the store (store.c) ---- */

typedef struct NtEvents NtEvents;

typedef struct NtEventsOptions {
    unsigned impressions_an_hour; /* of one visitor that count; */
    unsigned actions_an_hour;     /* of all other kinds together; */
    unsigned repeats_an_hour;     /* of one kind, with one product */
    int64_t now;                  /* milliseconds since 1970, by which weeks are too old; 0: the clock's */
} NtEventsOptions;
/* 2,000, 200, 3. */
NtEventsOptions nt_events_defaults(void);

/* Opens the store in a folder, which is made with the first event. Any number of threads may use it, and other
 * processes beside. Errors: CORRUPT, UNSUPPORTED (made by a newer niteru), IO. */
NtEvents *nt_events_open(const char *folder, const NtEventsOptions *options, GError **error);
void nt_events_close(NtEvents *events); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtEvents, nt_events_close)

enum { NT_EVENTS_RETENTION = 400, NT_EVENTS_MOST_RETENTION = 36500 };
/* For how many days events are kept: 400, until it is set otherwise; 0: for ever. It stands in the store. */
bool nt_events_retention(NtEvents *events, unsigned *out_days, GError **error);
bool nt_events_set_retention(NtEvents *events, unsigned days, GError **error);

/* Removes the weeks of which all is older than the retention, by their files, and the names that are in no event any
 * more. *out_weeks: how many (NULL: not wanted). */
bool nt_events_expire(NtEvents *events, int64_t now, unsigned *out_weeks, GError **error);

/* ---- writing (insert.c) ---- */

typedef enum NtEventOutcome {
    NT_EVENT_NEW,
    NT_EVENT_KNOWN, /* it was there already */
    NT_EVENT_OVER,  /* kept, but over what one visitor may count for in an hour */
} NtEventOutcome;

/* Stores events, which are on disk when it returns true, each once however often it comes; out[i] says what became of
 * events[i]. Where it returns false some may be stored: send them again. Errors: NO_SPACE, IO, CORRUPT, BUSY. */
bool nt_events_insert(NtEvents *events, const NtEvent *const *list, size_t count, NtEventOutcome *out, GError **error);

/* ---- answers (answers.c) ---- */

/* How an answer was made: as the visitor likes; in the visual order only, for those who always get that so that there
 * is something to compare with; by chance, for what can be learnt from that alone. */
typedef enum NtArm { NT_ARM_PERSONAL, NT_ARM_CONTROL, NT_ARM_RANDOM, NT_ARMS } NtArm;
const char *nt_arm_name(NtArm arm);

/* A place of an answer. */
typedef struct NtLoggedProduct {
    const char *id;
    float probability; /* with which it was to stand there */
    uint16_t sources;  /* a bit for each */
} NtLoggedProduct;

/* An answer; all is copied. */
typedef struct NtLoggedAnswer {
    const char *visitor; /* NULL: nobody */
    const char *scenario, *model;
    int64_t version; /* of the scenario */
    NtArm arm;
    int64_t time;         /* milliseconds since 1970 */
    const char *previous; /* id of the answer that it goes on from; NULL: none */
    const NtLoggedProduct *products;
    size_t count;
} NtLoggedAnswer;

enum { NT_REC_TEXT = 16 };
/* Logs an answer and gives it an id, by which events name it. It is on disk within a second; a kill may lose that one,
 * whose events are then of no answer that is known. Thread-safe. */
void nt_events_log(NtEvents *events, const NtLoggedAnswer *answer, char out_rec[NT_REC_TEXT]);
/* An answer that was logged, with those that it goes on from. */
typedef struct NtGivenAnswer {
    char *visitor; /* NULL: nobody */
    char *scenario;
    NtArm arm;
    GPtrArray *products; /* char *, ids of all that was shown */
} NtGivenAnswer;
void nt_given_answer_clear(NtGivenAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NtGivenAnswer, nt_given_answer_clear)
/* Errors: NOT_FOUND (there is no such answer, or it went with its week). */
bool nt_events_find_answer(NtEvents *events, const char *rec, NtGivenAnswer *out, GError **error);

/* Makes a scenario's name one that is counted under, however many names others made up. */
bool nt_events_know_scenario(NtEvents *events, const char *name, GError **error);

/* Writes what waits. */
bool nt_events_flush(NtEvents *events, GError **error);

/* The newest answers that a visitor was given, `most` of them: [{"rec_id", "time", "scenario", "arm", "products"}],
 * new. */
NtJson *nt_events_answers_json(NtEvents *events, const char *visitor, uint64_t most, GError **error);

/* What came of answers. */
typedef struct NtOutcome {
    int64_t day; /* of days since 1970 */
    char *scenario;
    int arm;      /* NtArm; -1: of no answer that is known */
    int position; /* -1: not said */
    int kind;     /* NtEventKind; -1: the answers themselves */
    char currency[4];
    uint64_t count;
    double value; /* money */
} NtOutcome;
/* All of them on or after a day, new, of NtOutcome. Reads the counts of those weeks. */
GArray *nt_events_outcomes(NtEvents *events, int64_t first_day, GError **error);

/* ---- reading (history.c) ---- */

/* Something that a visitor did. */
typedef struct NtAction {
    int64_t product; /* number in the store's names: nt_events_product_id */
    int64_t time;    /* milliseconds since 1970 */
    NtEventKind kind;
} NtAction;

/* What a visitor ("u:7", "s:x") did since a moment, the newest first, at most `most`, impressions left out: new, of
 * NtAction. What came over the bounds is left out too. */
GArray *nt_events_history(NtEvents *events, const char *visitor, int64_t since, size_t most, GError **error);
/* The id of a product of an action, new; NULL with NOT_FOUND where it is known no more. */
char *nt_events_product_id(NtEvents *events, int64_t product, GError **error);
/* The number of a product; 0: it is in no event. */
bool nt_events_product_number(NtEvents *events, const char *id, int64_t *out, GError **error);

/* How many events of a kind count, of all that are kept; reads the counts of all products. 0 with an error. */
uint64_t nt_events_count(NtEvents *events, NtEventKind kind, GError **error);

/* How often products were seen, clicked, bought and so on since a moment, to the week. */
typedef struct NtProductCounts {
    int64_t product;
    uint64_t kinds[NT_EVENT_KINDS];
    double value; /* money of purchases, whatever the currency */
} NtProductCounts;
/* All products that were in an event since, new, of NtProductCounts, in the order of their numbers. Costs time in
 * proportion to them. */
GArray *nt_events_product_counts(NtEvents *events, int64_t since, GError **error);

/* Visitors who did more than one visitor counts for, since a moment, to the week: programs that click everything, as a
 * rule. Those with the most first, `most` of them: [{"user" or "session", "events" (over the bounds), "last" (Unix
 * seconds)}], new. Reads what came over the bounds. */
NtJson *nt_events_over_json(NtEvents *events, int64_t since, size_t most, GError **error);

/* ---- what goes with what (pairs.c) ---- */

typedef enum NtPairKind {
    NT_PAIR_CLICKED, /* within an hour: viewed, clicked, favoured, put into the cart or bought */
    NT_PAIR_BOUGHT,  /* within a day: bought, or put into the cart */
    NT_PAIR_KINDS
} NtPairKind;

/* A product that visitors had to do with beside another one. */
typedef struct NtPair {
    int64_t product;   /* number in the store's names */
    unsigned visitors; /* who had to do with both, 2 and more: what one did alone says nothing of others */
    /* 0 .. 1: visitors / (visitors + 8), times visitors / sqrt(how often it is wanted), over the most of these. */
    float strength;
} NtPair;

enum { NT_MOST_PAIRS = 50 };
/* What goes with a product, the strongest first, NT_MOST_PAIRS at most: new, of NtPair. Of the last 200 visitors who
 * had to do with the product in the eight weeks before `now` (milliseconds since 1970); nothing is counted while events
 * are written, so that what is erased is not in here either. Costs a few reads for each visitor: 2 ms. Thread-safe. */
GArray *nt_events_pairs(NtEvents *events, int64_t product, NtPairKind kind, int64_t now, GError **error);

/* Calls `each` for all that is kept of a visitor, what came over the bounds too, in the order of time; stops at the
 * first false. */
bool nt_events_each(NtEvents *events, const char *visitor, bool (*each)(const NtEvent *event, void *data), void *data,
                    GError **error);

/* ---- copies (copy.c) ---- */

/* Copies the store in a folder, as it is now, while others write, into a folder that is made; where there is none
 * nothing is. `tell` is told of each file's bytes (see sql.h); *out_bytes is added to. Flush before. */
bool nt_events_copy(const char *from, const char *to,
                    bool (*tell)(uint64_t done, uint64_t total, void *data, GError **error), void *data,
                    uint64_t *out_bytes, GError **error);
/* Compares all databases with their checksums and themselves; calls `problem` for what is wrong. */
bool nt_events_check(const char *folder, void (*problem)(const char *text, void *data), void *data, GError **error);

/* ---- becoming another, and being forgotten (erase.c) ---- */

/* All that a session did becomes a user's, what comes later too. Gone on with after a stop. */
bool nt_events_merge(NtEvents *events, const char *session, const char *user, GError **error);

/* What an erasure removed. */
typedef struct NtErasure {
    bool known; /* there was such a visitor */
    uint64_t events, over, answers;
    int64_t sessions, muted; /* that were merged into the user; deleted tastes' products */
} NtErasure;
/* Removes all that is kept of a visitor, and of the sessions that became theirs; counts, which name nobody, stay. Gone
 * on with after a stop. */
bool nt_events_erase(NtEvents *events, const char *visitor, NtErasure *out, GError **error);
/* Goes on with merges and erasures that a stop cut short. */
bool nt_events_finish(NtEvents *events, GError **error);

/* What a visitor did with these products until now is no sign of taste any more. */
bool nt_events_mute(NtEvents *events, const char *visitor, const char *const *products, size_t count, GError **error);
/* Until when what a visitor did with products is none: int64_t (of the names) -> int64_t (milliseconds), new. */
GHashTable *nt_events_muted(NtEvents *events, const char *visitor, GError **error);

#endif
