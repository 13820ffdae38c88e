/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database of one week. Events lie by visitor and time, so that what one did is one piece of it; what they add up
 * to is counted in the transaction that stores them, and so is right after any stop. A week that is too old goes as a
 * file: nothing of it is read.
 */
#include "events/events-internal.h"

#include <stdio.h>
#include <string.h>

enum { MONDAY = 3 /* days from a Monday to 1 January 1970, a Thursday */ };

#define EVENT_COLUMNS                                                                                                  \
    " visitor INTEGER NOT NULL, time INTEGER NOT NULL, key INTEGER NOT NULL, kind INTEGER NOT NULL,"                   \
    " product INTEGER NOT NULL, id TEXT, rec TEXT, position INTEGER, scenario INTEGER, value REAL, currency TEXT,"     \
    " PRIMARY KEY(visitor, time, key)"

static const char script[] =
    "CREATE TABLE event(" EVENT_COLUMNS ") WITHOUT ROWID;"
    /* Actions are few among impressions: those of a visitor, and who did what with a product, without reading these. */
    "CREATE INDEX action ON event(visitor, time, key, kind, product) WHERE kind <> 0;"
    "CREATE INDEX action_product ON event(product, kind, time, visitor) WHERE kind <> 0;"
    /* What came over the bounds: kept, shown and erased as the others, and counted nowhere. */
    "CREATE TABLE excess(" EVENT_COLUMNS ") WITHOUT ROWID;"
    /* Keys of events that came with an id, under which they are known whenever they come again. */
    "CREATE TABLE given(key INTEGER PRIMARY KEY);"
    "CREATE TABLE product_count("
    " product INTEGER NOT NULL, kind INTEGER NOT NULL, count INTEGER NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY(product, kind)) WITHOUT ROWID;"
    /* What was shown to whom: `products` has 14 bytes for each place, see answers.c. */
    "CREATE TABLE answer("
    " rec INTEGER PRIMARY KEY, visitor INTEGER NOT NULL, scenario INTEGER NOT NULL, arm INTEGER NOT NULL,"
    " model INTEGER NOT NULL, version INTEGER NOT NULL, previous INTEGER NOT NULL, products BLOB NOT NULL);"
    "CREATE INDEX answer_visitor ON answer(visitor);"
    /* What came of it, by day. Arm -1: of no answer that is known. Kind -1: the answers themselves. */
    "CREATE TABLE outcome("
    " day INTEGER NOT NULL, scenario INTEGER NOT NULL, arm INTEGER NOT NULL, position INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, currency TEXT NOT NULL, count INTEGER NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY(day, scenario, arm, position, kind, currency)) WITHOUT ROWID;";

int64_t nt_week_of(int64_t milliseconds) { return (milliseconds + MONDAY * (int64_t)86400000) / NT_WEEK_MS; }
int64_t nt_week_begin(int64_t number) { return number * NT_WEEK_MS - MONDAY * (int64_t)86400000; }

char *nt_week_name(int64_t number) {
    g_autoptr(GDateTime) monday = g_date_time_new_from_unix_utc(nt_week_begin(number) / 1000);
    return g_date_time_format(monday, "%Y-%m-%d.db");
}

bool nt_week_number(const char *name, int64_t *out) {
    int year, month, day, size = 0;
    if (strlen(name) != 13 || sscanf(name, "%4d-%2d-%2d.db%n", &year, &month, &day, &size) != 3 || size != 13) {
        return false;
    }
    g_autoptr(GDateTime) monday = g_date_time_new_utc(year, month, day, 0, 0, 0);
    if (monday == NULL) {
        return false;
    }
    *out = nt_week_of(g_date_time_to_unix(monday) * 1000);
    g_autofree char *normal = nt_week_name(*out);
    return strcmp(normal, name) == 0;
}

NtWeek *nt_week_open(const char *folder, int64_t number, GError **error) {
    g_autofree char *name = nt_week_name(number);
    NtEventsDb *db = nt_events_db_open(g_build_filename(folder, name, NULL), script, error);
    if (db == NULL) {
        return NULL;
    }
    NtWeek *week = g_new0(NtWeek, 1);
    *week = (NtWeek){.refs = 1, .number = number, .db = db};
    return week;
}

NtWeek *nt_week_ref(NtWeek *week) {
    g_atomic_int_inc(&week->refs);
    return week;
}

void nt_week_unref(NtWeek *week) {
    if (week != NULL && g_atomic_int_dec_and_test(&week->refs)) {
        nt_events_db_free(week->db);
        g_free(week);
    }
}
