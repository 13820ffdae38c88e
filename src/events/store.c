/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of events: the names, and the weeks that are there. A week is opened when it is asked for. */
#include "events/events-internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WEEKS_OPEN = 64 };

static const char names_script[] =
    "CREATE TABLE visitor("
    " visitor INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, week INTEGER NOT NULL,"
    " merged INTEGER);"
    "CREATE INDEX visitor_week ON visitor(week);"
    "CREATE INDEX visitor_merged ON visitor(merged) WHERE merged IS NOT NULL;"
    "CREATE TABLE product("
    " product INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, week INTEGER NOT NULL);"
    "CREATE INDEX product_week ON product(week);"
    "CREATE TABLE label(label INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    /* Visitors who are becoming another (into_visitor), or are being erased (0). */
    "CREATE TABLE pending(visitor INTEGER PRIMARY KEY, into_visitor INTEGER NOT NULL);"
    /* Until when what was done with products is no sign of taste. */
    "CREATE TABLE muted("
    " visitor INTEGER NOT NULL, product INTEGER NOT NULL, time INTEGER NOT NULL, PRIMARY KEY(visitor, product))"
    " WITHOUT ROWID;"
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

NtEventsOptions nt_events_defaults(void) {
    return (NtEventsOptions){.impressions_an_hour = 2000, .actions_an_hour = 200, .repeats_an_hour = 3};
}

/* A week that is known by its file alone. */
static NtWeek *known_week(int64_t number) {
    NtWeek *week = g_new0(NtWeek, 1);
    *week = (NtWeek){.refs = 1, .number = number};
    return week;
}

static gint by_number(gconstpointer a, gconstpointer b) {
    const NtWeek *one = *(NtWeek *const *)a, *other = *(NtWeek *const *)b;
    return (one->number > other->number) - (one->number < other->number);
}

static bool look_for_weeks(NtEvents *events, GError **error) {
    g_autoptr(GDir) dir = g_dir_open(events->folder, 0, NULL);
    const char *name;
    int64_t number;
    if (dir == NULL) {
        return !g_file_test(events->folder, G_FILE_TEST_EXISTS) ||
               nt_fail_errno(error, errno, "%s: cannot be read", events->folder);
    }
    while ((name = g_dir_read_name(dir)) != NULL) {
        if (nt_week_number(name, &number)) {
            g_ptr_array_add(events->weeks, known_week(number));
        }
    }
    g_ptr_array_sort(events->weeks, by_number);
    return true;
}

NtEvents *nt_events_open(const char *folder, const NtEventsOptions *options, GError **error) {
    NtEvents *events = g_new0(NtEvents, 1);
    g_mutex_init(&events->lock);
    g_mutex_init(&events->inserting);
    g_mutex_init(&events->queue_lock);
    g_cond_init(&events->committed);
    events->queue = g_ptr_array_new();
    g_cond_init(&events->flushing);
    events->answers = nt_answers_queue();
    events->folder = g_strdup(folder);
    events->options = options != NULL ? *options : nt_events_defaults();
    events->weeks = g_ptr_array_new_with_free_func((GDestroyNotify)nt_week_unref);
    g_autofree char *names = g_build_filename(folder, "names.db", NULL);
    if (look_for_weeks(events, error) &&
        (!g_file_test(names, G_FILE_TEST_EXISTS) ||
         (nt_events_names(events, false, error) != NULL && nt_events_finish(events, error)))) {
        return events;
    }
    nt_events_close(events);
    return NULL;
}

void nt_events_close(NtEvents *events) {
    if (events != NULL) {
        nt_answers_close(events);
        nt_events_db_free(events->names);
        g_ptr_array_unref(events->weeks);
        g_clear_pointer(&events->hours, g_hash_table_unref);
        g_mutex_clear(&events->lock);
        g_mutex_clear(&events->inserting);
        g_mutex_clear(&events->queue_lock);
        g_cond_clear(&events->committed);
        g_cond_clear(&events->flushing);
        g_ptr_array_unref(events->queue);
        g_free(events->folder);
        g_free(events);
    }
}

NtEventsDb *nt_events_names(NtEvents *events, bool make, GError **error) {
    g_mutex_lock(&events->lock);
    if (events->names == NULL) {
        g_autofree char *path = g_build_filename(events->folder, "names.db", NULL);
        if (g_file_test(path, G_FILE_TEST_EXISTS) || (make && nt_folder_make(events->folder, error))) {
            events->names = nt_events_db_open(g_steal_pointer(&path), names_script, error);
        }
    }
    NtEventsDb *names = events->names;
    g_mutex_unlock(&events->lock);
    return names;
}

/* Where a week stands, or would. */
static guint place_of(const GPtrArray *weeks, int64_t number, bool *out_there) {
    guint at = weeks->len;
    while (at > 0 && ((NtWeek *)weeks->pdata[at - 1])->number >= number) {
        at--;
    }
    *out_there = at < weeks->len && ((NtWeek *)weeks->pdata[at])->number == number;
    return at;
}

/* Lets go of databases that are open, where there are many: of the oldest, which are asked for least. */
static void close_some(NtEvents *events, int64_t but) {
    guint open = 0;
    for (guint i = events->weeks->len; i-- > 0;) {
        NtWeek *week = events->weeks->pdata[i];
        if (week->db != NULL && ++open > MOST_WEEKS_OPEN && week->number != but) {
            events->weeks->pdata[i] = known_week(week->number);
            nt_week_unref(week);
        }
    }
}

NtWeek *nt_events_week(NtEvents *events, int64_t number, bool make, GError **error) {
    g_mutex_lock(&events->lock);
    bool there;
    guint at = place_of(events->weeks, number, &there);
    NtWeek *week = NULL;
    if (there && ((NtWeek *)events->weeks->pdata[at])->db != NULL) {
        week = nt_week_ref(events->weeks->pdata[at]);
    } else if ((there || make) && nt_folder_make(events->folder, error) &&
               (week = nt_week_open(events->folder, number, error)) != NULL) {
        if (there) {
            nt_week_unref(events->weeks->pdata[at]);
            events->weeks->pdata[at] = nt_week_ref(week);
        } else {
            g_ptr_array_insert(events->weeks, (gint)at, nt_week_ref(week));
        }
        close_some(events, number);
    }
    g_mutex_unlock(&events->lock);
    return week;
}

int64_t nt_events_now(const NtEvents *events) {
    return events->options.now != 0 ? events->options.now : g_get_real_time() / 1000;
}

/* The oldest week that is kept; what is older is read no more, though its file may still be there. */
static bool oldest_week(NtEvents *events, int64_t now, int64_t *out, GError **error) {
    unsigned days;
    if (!nt_events_retention(events, &days, error)) {
        return false;
    }
    *out = days > 0 ? nt_week_of(now - (int64_t)days * 86400000) : INT64_MIN;
    return true;
}

bool nt_events_weeks(NtEvents *events, int64_t since, GPtrArray **out, GError **error) {
    int64_t oldest;
    if (!oldest_week(events, nt_events_now(events), &oldest, error)) {
        return false;
    }
    oldest = MAX(oldest, nt_week_of(since));
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GPtrArray) weeks = g_ptr_array_new_with_free_func((GDestroyNotify)nt_week_unref);
    g_mutex_lock(&events->lock);
    for (guint i = events->weeks->len; i-- > 0 && ((NtWeek *)events->weeks->pdata[i])->number >= oldest;) {
        g_array_append_val(numbers, ((NtWeek *)events->weeks->pdata[i])->number);
    }
    g_mutex_unlock(&events->lock);
    for (guint i = 0; i < numbers->len; i++) {
        g_autoptr(GError) fault = NULL;
        NtWeek *week = nt_events_week(events, g_array_index(numbers, int64_t, i), false, &fault);
        if (week != NULL) {
            g_ptr_array_add(weeks, week);
        } else if (fault != NULL) { /* else it went meanwhile */
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
    }
    *out = g_steal_pointer(&weeks);
    return true;
}

/* ---- the retention ---- */

static void remove_week(NtEvents *events, int64_t number) {
    static const char *const ends[] = {"", "-wal", "-shm"};
    g_autofree char *name = nt_week_name(number);
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *file = g_strconcat(name, ends[i], NULL);
        g_autofree char *path = g_build_filename(events->folder, file, NULL);
        g_unlink(path);
    }
}

bool nt_events_retention(NtEvents *events, unsigned *out_days, GError **error) {
    g_autoptr(GError) fault = NULL;
    NtEventsDb *names = nt_events_names(events, false, &fault);
    int64_t days = NT_EVENTS_RETENTION;
    if (names != NULL) {
        g_mutex_lock(&names->read_lock);
        nt_sql_int(&names->read, days, &days, &fault, "SELECT value FROM setting WHERE name = 'retention'", "");
        g_mutex_unlock(&names->read_lock);
    }
    *out_days = (unsigned)CLAMP(days, 0, NT_EVENTS_MOST_RETENTION);
    return fault == NULL || (g_propagate_error(error, g_steal_pointer(&fault)), false);
}

bool nt_events_set_retention(NtEvents *events, unsigned days, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    return names != NULL && nt_events_db_begin(names, error) &&
           nt_events_db_end(names,
                            nt_sql_run(&names->write, error, "INSERT OR REPLACE INTO setting VALUES('retention', ?1)",
                                       "i", (int64_t)MIN(days, NT_EVENTS_MOST_RETENTION)),
                            error);
}

bool nt_events_expire(NtEvents *events, int64_t now, unsigned *out_weeks, GError **error) {
    unsigned gone = 0;
    int64_t oldest;
    if (!oldest_week(events, now, &oldest, error)) {
        return false;
    }
    if (oldest != INT64_MIN) {
        g_mutex_lock(&events->inserting);
        g_mutex_lock(&events->lock);
        while (events->weeks->len > 0 && ((NtWeek *)events->weeks->pdata[0])->number < oldest) {
            int64_t number = ((NtWeek *)events->weeks->pdata[0])->number;
            g_ptr_array_remove_index(events->weeks, 0); /* who reads it meanwhile has the file open */
            remove_week(events, number);
            gone++;
        }
        g_mutex_unlock(&events->lock);
        g_mutex_unlock(&events->inserting);
    }
    if (out_weeks != NULL) {
        *out_weeks = gone;
    }
    NtEventsDb *names = gone > 0 ? nt_events_names(events, true, error) : NULL;
    if (names == NULL) {
        return gone == 0;
    }
    return nt_events_db_begin(names, error) &&
           nt_events_db_end(names,
                            nt_sql_run(&names->write, error, "DELETE FROM visitor WHERE week < ?1", "i", oldest) &&
                                nt_sql_run(&names->write, error, "DELETE FROM product WHERE week < ?1", "i", oldest),
                            error);
}
