/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events into the store. First the names get numbers, then each week is written in one transaction with its counts, so
 * a stop at any moment leaves each event counted once or not there; what was not acknowledged is sent again, and what
 * is there already is known by its key.
 *
 * One visitor counts for so much an hour and no more: a program that clicks everything, or one thing for ever, is not
 * the taste of a shop. What is over the bound is kept apart.
 */
#include "events/events-internal.h"

#include <math.h>
#include <string.h>

enum { HOUR_MS = 3600000, MOST_HOUR_ITEMS = 200000 };

/* What a visitor did in one hour that counts. */
typedef struct Hour {
    int64_t visitor, hour;
    unsigned impressions, actions;
    GHashTable *repeats; /* product * NT_EVENT_KINDS + kind -> how often */
} Hour;

/* An event with the numbers of its names. */
typedef struct Row {
    const NtEvent *event;
    NtEventOutcome *outcome;
    size_t order; /* in which it came */
    int64_t week, visitor, product, scenario;
} Row;

static guint hash_hour(const void *data) {
    const Hour *hour = data;
    return (guint)(hour->visitor * 31 + hour->hour);
}

static gboolean equal_hours(const void *a, const void *b) {
    const Hour *one = a, *other = b;
    return one->visitor == other->visitor && one->hour == other->hour;
}

static void free_hour(void *data) {
    Hour *hour = data;
    g_hash_table_unref(hour->repeats);
    g_free(hour);
}

void nt_events_forget_hours(NtEvents *events) {
    g_clear_pointer(&events->hours, g_hash_table_unref);
    events->hour_items = 0;
}

static unsigned *repeats_of(NtEvents *events, Hour *hour, int64_t product, NtEventKind kind) {
    int64_t key = product * NT_EVENT_KINDS + (int64_t)kind;
    unsigned *count = g_hash_table_lookup(hour->repeats, &key);
    if (count == NULL) {
        count = g_new0(unsigned, 1);
        g_hash_table_insert(hour->repeats, g_memdup2(&key, sizeof key), count);
        events->hour_items++;
    }
    return count;
}

static void count_in_hour(NtEvents *events, Hour *hour, int64_t product, NtEventKind kind, unsigned times) {
    *repeats_of(events, hour, product, kind) += times;
    *(kind == NT_EVENT_IMPRESSION ? &hour->impressions : &hour->actions) += times;
}

/* The hour that an event lies in, from memory, else from its week. */
static Hour *hour_of(NtEvents *events, NtSql *sql, const Row *row, GError **error) {
    Hour wanted = {.visitor = row->visitor, .hour = row->event->time / HOUR_MS};
    if (events->hour_items > MOST_HOUR_ITEMS) {
        nt_events_forget_hours(events);
    }
    if (events->hours == NULL) {
        events->hours = g_hash_table_new_full(hash_hour, equal_hours, NULL, free_hour);
    }
    Hour *hour = g_hash_table_lookup(events->hours, &wanted);
    if (hour != NULL) {
        return hour;
    }
    hour = g_memdup2(&wanted, sizeof wanted);
    hour->repeats = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    events->hour_items++;
    g_auto(NtQuery) query = {0};
    int step = nt_query_open(&query, sql, error,
                             "SELECT product, kind, count(*) FROM event WHERE visitor = ?1 AND time >= ?2 AND time < ?3"
                             " GROUP BY product, kind",
                             "iii", hour->visitor, hour->hour * HOUR_MS, (hour->hour + 1) * HOUR_MS)
                   ? 1
                   : -1;
    while (step > 0 && (step = nt_query_step(&query, error)) == 1) {
        count_in_hour(events, hour, nt_column_int(&query, 0), (NtEventKind)nt_column_int(&query, 1),
                      (unsigned)nt_column_int(&query, 2));
    }
    if (step < 0) {
        free_hour(hour);
        return NULL;
    }
    g_hash_table_add(events->hours, hour);
    return hour;
}

/* Whether an event of this id came in a week before or after, with another time. */
static bool find_beside(NtEvents *events, const Row *row, int64_t *out, GError **error) {
    for (int64_t number = row->week - 1; *out == 0 && number <= row->week + 1; number += 2) {
        g_autoptr(GError) fault = NULL;
        g_autoptr(NtWeek) week = nt_events_week(events, number, false, &fault);
        if (fault != NULL) {
            g_propagate_error(error, g_steal_pointer(&fault));
            return false;
        }
        if (week != NULL) {
            g_mutex_lock(&week->db->read_lock);
            bool ok = nt_sql_int(&week->db->read, 0, out, error, "SELECT 1 FROM given WHERE key = ?1", "i",
                                 (int64_t)row->event->key);
            g_mutex_unlock(&week->db->read_lock);
            if (!ok) {
                return false;
            }
        }
    }
    return true;
}

static bool find_known(NtEvents *events, NtSql *sql, const Row *row, int64_t *out, GError **error) {
    int64_t key = (int64_t)row->event->key;
    *out = 0;
    if (row->event->id == NULL) {
        return nt_sql_int(sql, 0, out, error,
                          "SELECT EXISTS(SELECT 1 FROM event WHERE visitor = ?1 AND time = ?2 AND key = ?3) OR"
                          " EXISTS(SELECT 1 FROM excess WHERE visitor = ?1 AND time = ?2 AND key = ?3)",
                          "iii", row->visitor, row->event->time, key);
    }
    if (!nt_sql_run(sql, error, "INSERT OR IGNORE INTO given(key) VALUES(?1)", "i", key)) {
        return false;
    }
    *out = sqlite3_changes(sql->db) == 0;
    return find_beside(events, row, out, error);
}

static bool put(NtSql *sql, const Row *row, bool over, GError **error) {
    static const char *const statements[] = {
        "INSERT INTO event(visitor, time, key, kind, product, id, rec, position, scenario, value, currency)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, -1), nullif(?9, 0), nullif(?10, -1), nullif(?11, ''))",
        "INSERT INTO excess(visitor, time, key, kind, product, id, rec, position, scenario, value, currency)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, nullif(?8, -1), nullif(?9, 0), nullif(?10, -1), nullif(?11, ''))"};
    const NtEvent *event = row->event;
    return nt_sql_run(sql, error, statements[over], "iiiiittiidt", row->visitor, event->time, (int64_t)event->key,
                      (int64_t)event->kind, row->product, event->id, event->rec, (int64_t)event->position,
                      row->scenario, isnan(event->value) ? -1.0 : event->value, event->currency);
}

static bool count(NtSql *sql, const Row *row, GError **error) {
    return nt_sql_run(sql, error,
                      "INSERT INTO product_count(product, kind, count, value) VALUES(?1, ?2, 1, ?3)"
                      " ON CONFLICT DO UPDATE SET count = count + 1, value = value + ?3",
                      "iid", row->product, (int64_t)row->event->kind,
                      isnan(row->event->value) ? 0.0 : row->event->value);
}

/* What came of the answer that the event is of. */
static bool count_outcome(NtEvents *events, NtSql *sql, const Row *row, GError **error) {
    const NtEvent *event = row->event;
    NtAttribution of;
    if (event->rec == NULL && row->scenario == 0 && event->kind != NT_EVENT_CART && event->kind != NT_EVENT_PURCHASE) {
        return true;
    }
    if (!nt_answers_attribute(events, sql, event, row->visitor, row->product, row->scenario, &of, error)) {
        return false;
    }
    double value = isnan(event->value) ? 0 : event->value;
    return (event->rec == NULL && of.scenario == 0 && of.arm < 0) ||
           nt_sql_run(sql, error,
                      "INSERT INTO outcome VALUES(?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)"
                      " ON CONFLICT DO UPDATE SET count = count + 1, value = value + ?7",
                      "iiiiitd", event->time / 86400000, of.scenario, (int64_t)of.arm, (int64_t)of.position,
                      (int64_t)event->kind, event->currency, value);
}

static bool insert_one(NtEvents *events, NtSql *sql, const Row *row, GError **error) {
    int64_t known;
    Hour *hour;
    if (!find_known(events, sql, row, &known, error)) {
        return false;
    }
    if (known != 0) {
        *row->outcome = NT_EVENT_KNOWN;
        return true;
    }
    if ((hour = hour_of(events, sql, row, error)) == NULL) {
        return false;
    }
    const NtEventsOptions *most = &events->options;
    NtEventKind kind = row->event->kind;
    bool over = *repeats_of(events, hour, row->product, kind) >= most->repeats_an_hour ||
                (kind == NT_EVENT_IMPRESSION ? hour->impressions >= most->impressions_an_hour
                                             : hour->actions >= most->actions_an_hour);
    *row->outcome = over ? NT_EVENT_OVER : NT_EVENT_NEW;
    if (!put(sql, row, over, error) ||
        (!over && (!count(sql, row, error) || !count_outcome(events, sql, row, error)))) {
        return false;
    }
    if (!over) {
        count_in_hour(events, hour, row->product, kind, 1);
    }
    return true;
}

/* The rows of one week, in one transaction. */
static bool insert_week(NtEvents *events, const Row *rows, size_t count, GError **error) {
    g_autoptr(NtWeek) week = nt_events_week(events, rows[0].week, true, error);
    if (week == NULL || !nt_events_db_begin(week->db, error)) {
        return false;
    }
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        ok = insert_one(events, &week->db->write, &rows[i], error);
    }
    ok = nt_events_db_end(week->db, ok, error);
    if (!ok) {
        nt_events_forget_hours(events);
    }
    return ok;
}

static bool number_names(NtSql *sql, Row *rows, size_t count, GError **error) {
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        Row *row = &rows[i];
        ok = nt_names_visitor(sql, row->event->visitor, row->week, &row->visitor, error) &&
             nt_names_product(sql, row->event->product, row->week, &row->product, error) &&
             (row->event->scenario == NULL || nt_names_label(sql, row->event->scenario, &row->scenario, error));
    }
    return ok;
}

static int by_week(const void *a, const void *b) {
    const Row *one = a, *other = b;
    return one->week != other->week ? (one->week > other->week) - (one->week < other->week)
                                    : (one->order > other->order) - (one->order < other->order);
}

static bool insert_rows(NtEvents *events, Row *rows, size_t count, GError **error) {
    NtEventsDb *names = nt_events_names(events, true, error);
    if (names == NULL) {
        return false;
    }
    qsort(rows, count, sizeof *rows, by_week); /* of a week in the order of their coming */
    g_mutex_lock(&events->inserting);
    nt_answers_write(events, NULL); /* so that events find the answers that they are of */
    bool ok = nt_events_db_begin(names, error) &&
              nt_events_db_end(names, number_names(&names->write, rows, count, error), error);
    for (size_t first = 0, end; ok && first < count; first = end) {
        end = first + 1;
        while (end < count && rows[end].week == rows[first].week) {
            end++;
        }
        ok = insert_week(events, rows + first, end - first, error);
    }
    g_mutex_unlock(&events->inserting);
    return ok;
}

/* ---- callers that come at the same time share a commit ---- */

/* A call that waits. */
typedef struct Waiting {
    const NtEvent *const *list;
    size_t count;
    NtEventOutcome *out;
    bool done;
    GError *error;
} Waiting;

/* Stores the events of all who wait; `lock` is not held. */
static void insert_waiting(NtEvents *events, GPtrArray *all) {
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(Row));
    GError *error = NULL;
    for (guint w = 0; w < all->len; w++) {
        const Waiting *one = all->pdata[w];
        for (size_t i = 0; i < one->count; i++) {
            Row row = {.event = one->list[i],
                       .outcome = &one->out[i],
                       .order = rows->len,
                       .week = nt_week_of(one->list[i]->time)};
            g_array_append_val(rows, row);
        }
    }
    if (!insert_rows(events, (Row *)(void *)rows->data, rows->len, &error)) {
        for (guint w = 0; w < all->len; w++) {
            ((Waiting *)all->pdata[w])->error = g_error_copy(error);
        }
        g_error_free(error);
    }
}

bool nt_events_insert(NtEvents *events, const NtEvent *const *list, size_t count, NtEventOutcome *out, GError **error) {
    Waiting own = {.list = list, .count = count, .out = out, .done = count == 0};
    g_mutex_lock(&events->queue_lock);
    if (count > 0) {
        g_ptr_array_add(events->queue, &own);
    }
    while (!own.done) {
        if (events->committing) {
            g_cond_wait(&events->committed, &events->queue_lock);
            continue;
        }
        g_autoptr(GPtrArray) all = events->queue;
        events->queue = g_ptr_array_new();
        events->committing = true;
        g_mutex_unlock(&events->queue_lock);
        insert_waiting(events, all);
        g_mutex_lock(&events->queue_lock);
        events->committing = false;
        for (guint w = 0; w < all->len; w++) {
            ((Waiting *)all->pdata[w])->done = true;
        }
        g_cond_broadcast(&events->committed);
    }
    bool due = g_get_monotonic_time() > events->expire_next;
    events->expire_next = due ? g_get_monotonic_time() + G_TIME_SPAN_HOUR : events->expire_next;
    g_mutex_unlock(&events->queue_lock);
    if (due) {
        nt_events_expire(events, nt_events_now(events), NULL, NULL);
    }
    if (own.error != NULL) {
        g_propagate_error(error, own.error);
    }
    return own.error == NULL;
}
